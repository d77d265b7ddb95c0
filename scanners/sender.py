"""The sender: the outbox's bundles to the server, in order, one connection kept alive, until each is answered.

200 with one answer a claim: answered. 4xx with a problem document: set aside, an alarm, and on to the next. Everything
else (no connection, time-out, 503, 429, a portal's page) keeps the bundle and sends the same bytes again with back-off;
the server answers identical bytes with the same answer, so a lost answer costs nothing.
"""

import asyncio
from collections.abc import Callable, Sequence

import httpx
import msgspec
from msgspec import Struct
from msgspec import json as mjson

from ledger.claim import AnyClaim
from ledger.entry import Answer
from scanners.faults import Offline, PutAside, StationFault
from scanners.outbox import FillState, Outbox, Stored

SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 15.0
# 4xx that mean "not now" and say nothing about the bundle.
_LATER = (408, 425, 429)

_answers = mjson.Decoder(list[Answer])


class Problem(Struct):
    """The parts of an RFC 9457 problem document that people need; unknown members are ignored."""

    type: str = ""
    title: str = ""
    zh: str = ""
    en: str = ""
    detail: str = ""
    pointer: str = ""

    def fault(self) -> PutAside:
        """The problem as a fault."""
        slug = self.type.rstrip("/").rpartition("/")[2].rpartition(":")[2]
        en = self.en or self.detail or self.title
        return PutAside(self.zh or en, en, slug=slug, pointer=self.pointer)


class _Waiting(Struct, frozen=True):
    claims: tuple[AnyClaim, ...]
    answers: asyncio.Future[list[Answer]]


class Sender:
    """Owns the line to the server. Run `run()` as a task; `offline` is true while the oldest bundle meets silence,
    `drained` set while nothing waits.

    `device_time(bundle)` is the clock at sending (ms UTC). `on_answer(claims, answers)` and `on_fault(fault)` are told
    what arrives; both must be quick.
    """

    def __init__(
        self,
        url: str,
        outbox: Outbox,
        *,
        device_time: Callable[[Stored], int],
        on_answer: Callable[[Sequence[AnyClaim], list[Answer]], None],
        on_fault: Callable[[StationFault], None],
        timeout_s: float = 10.0,
    ) -> None:
        self.offline = False
        self._outbox = outbox
        self._device_time, self._on_answer, self._on_fault = device_time, on_answer, on_fault
        self._http = httpx.AsyncClient(
            base_url=url, timeout=timeout_s, limits=httpx.Limits(max_connections=1), trust_env=False
        )
        self._waiting: dict[int, _Waiting] = {}
        self._wake = asyncio.Event()
        self.drained = asyncio.Event()
        # Held while a bundle is stored and its waiter noted, so that no answer can find nobody waiting for it.
        self._order = asyncio.Lock()

    async def submit(
        self, claims: Sequence[AnyClaim], *, settles: tuple[str, FillState] | None = None
    ) -> asyncio.Future[list[Answer]]:
        """Store the claims as one bundle; durable when this returns. The future holds the answers or PutAside."""
        answers: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
        # Reports are not waited for: their fault goes to `on_fault`, so an unread future is no lost fault.
        answers.add_done_callback(lambda done: done.cancelled() or done.exception())
        async with self._order:
            stored = await asyncio.to_thread(self._outbox.put, claims, settles=settles)
            self._waiting[stored.seq] = _Waiting(tuple(claims), answers)
            self.drained.clear()
        self._wake.set()
        return answers

    async def ask(self, claims: Sequence[AnyClaim], *, within_s: float) -> list[Answer]:
        """Submit a request and wait for its answers; Offline when there is no line or no answer in time."""
        if self.offline:
            raise Offline
        answers = await self.submit(claims)
        try:
            return await asyncio.wait_for(answers, within_s)
        except TimeoutError:
            # The request stays queued and may yet be granted; nobody acts on that, and the leave lapses by itself.
            raise Offline from None

    async def run(self) -> None:
        """Send for ever."""
        pause_s = SHORTEST_PAUSE_S
        while True:
            async with self._order:
                self._wake.clear()
                stored = await asyncio.to_thread(self._outbox.next_unsent)
                if stored is None:
                    self.drained.set()
            if stored is None:
                await self._wake.wait()
                continue
            wait_s = await self._send(stored)
            if wait_s is None:
                self.offline = False
                pause_s = SHORTEST_PAUSE_S
                continue
            if not self.offline:
                self.offline = True
                self._on_fault(Offline())
            await asyncio.sleep(max(wait_s, pause_s))
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def close(self) -> None:
        """Close the connection."""
        await self._http.aclose()

    async def _send(self, stored: Stored) -> float | None:
        """Send once. None: this bundle is done. Else the seconds that the server asked us to wait, at least."""
        headers = {"Content-Type": "application/json", "Ledger-Device-Time": str(self._device_time(stored))}
        try:
            response = await self._http.post("/bundles", content=stored.envelope, headers=headers)
        except httpx.TransportError:
            return 0.0
        if response.status_code == httpx.codes.OK:
            return await self._take_answers(stored, response.content)
        if response.is_client_error and response.status_code not in _LATER:
            return await self._take_problem(stored, response)
        after = response.headers.get("Retry-After", "")
        return float(after) if after.isdigit() else 0.0

    async def _take_answers(self, stored: Stored, body: bytes) -> float | None:
        waiting = self._waiting.get(stored.seq)
        try:
            answers = _answers.decode(body)
        except msgspec.DecodeError:
            return 0.0  # a portal's or proxy's page: whoever this is, it is not the ledger
        if waiting is not None and len(answers) != len(waiting.claims):
            return 0.0
        # From here on a crash resends nothing; before it, the same bytes get the same answers.
        await asyncio.to_thread(self._outbox.answered, stored.seq, body)
        if waiting is not None:
            del self._waiting[stored.seq]
            if not waiting.answers.done():
                waiting.answers.set_result(answers)
            self._on_answer(waiting.claims, answers)
        return None

    async def _take_problem(self, stored: Stored, response: httpx.Response) -> float | None:
        if not response.headers.get("Content-Type", "").startswith("application/problem+json"):
            return 0.0
        try:
            fault = mjson.decode(response.content, type=Problem).fault()
        except msgspec.DecodeError:
            return 0.0
        await asyncio.to_thread(self._outbox.set_aside, stored.seq, response.content)
        waiting = self._waiting.pop(stored.seq, None)
        if waiting is not None and not waiting.answers.done():
            waiting.answers.set_exception(fault)
        self._on_fault(fault)
        return None
