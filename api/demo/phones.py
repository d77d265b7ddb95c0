"""The delivery workers' phones in the demo: one process, `station phones --plan`, told its errands as the day goes."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct
from msgspec import json as mjson

from api.demo.city import MINUTE_MS, ORIGIN, City
from api.demo.city_supply import DEPOTS, PEDLAR
from api.demo.errand import Errand, PhonePlan, PhonesPlan
from api.demo.plan import Seen
from ledger.clock import ScaledTime

_SKEWED = 5
"""Every so many phones has a clock that is wrong, by less than anybody is told of."""


class _Line(Struct):
    """One line of the phones: a result, or at the end the summary."""

    tag: str = ""
    act: str = ""
    outcome: str = ""
    rules: tuple[str, ...] = ()
    entry_index: int | None = None
    code: str = ""
    summary: bool = False
    pending: int = 0
    set_aside: int = 0


class Phones:
    """All phones of the city while they work. `seen(answer)` hears of every answer, `complain(text)` of a bad end."""

    def __init__(self, process: Process, seen: Callable[[Seen], None], complain: Callable[[str], None]) -> None:
        self._process, self._seen, self._complain = process, seen, complain
        self._left: dict[str, int] = {}
        self._done: dict[str, asyncio.Event] = {}

    async def send(self, errands: Iterable[Errand]) -> None:
        """Tell each phone what to do next."""
        assert self._process.stdin is not None
        for errand in errands:
            self._left[errand.tag] = len(errand.acts)
            self._process.stdin.write(mjson.encode(errand) + b"\n")
        await self._process.stdin.drain()

    async def answered(self, errand: Errand) -> None:
        """Wait until every act of this errand, already sent, has its answer."""
        await self._done.setdefault(errand.tag, asyncio.Event()).wait()

    async def read(self) -> None:
        """Read answers until the phones have ended."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        complaint = asyncio.ensure_future(self._process.stderr.read())
        summary = _Line()
        async for text in self._process.stdout:
            line = mjson.decode(text, type=_Line)
            if line.summary:
                summary = line
                continue
            self._took(Seen(line.tag, line.act, line.outcome, line.rules, line.entry_index, line.code))
        code = await self._process.wait()
        if code or not summary.summary or summary.pending + summary.set_aside:
            told = (await complaint).decode(errors="replace")
            self._complain(f"手机异常 the phones failed ({code}, {summary})\n{told}")
            self._seen(Seen("phones", "simulate", "fault"))
        for done in self._done.values():
            done.set()  # nobody waits for what will not come

    def finish(self) -> None:
        """No more errands: the phones end once every act is answered."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def _took(self, seen: Seen) -> None:
        self._seen(seen)
        self._left[seen.tag] -= 1
        if not self._left[seen.tag] or seen.outcome in ("refused", "fault"):
            self._done.setdefault(seen.tag, asyncio.Event()).set()


@asynccontextmanager
async def phones(
    folder: Path,
    url: str,
    city: City,
    story: ScaledTime,
    *,
    seen: Callable[[Seen], None],
    complain: Callable[[str], None],
) -> AsyncIterator[Phones]:
    """The city's phones; leaving the block waits until all is answered."""
    plan = folder / "phones.json"
    plan.write_bytes(mjson.encode(_plan(folder, url, city, story)))
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("station")), "phones", "--plan", str(plan), "--json",
        stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=1 << 20,
    )  # fmt: skip
    hand = Phones(process, seen, complain)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(hand.read())
            yield hand
            hand.finish()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


def _plan(folder: Path, url: str, city: City, story: ScaledTime) -> PhonesPlan:
    """Keys go into files of their own, readable by their owner only."""
    workers = [PEDLAR, *(worker for depot in DEPOTS for worker in depot.workers)]
    told = []
    for number, worker in enumerate(workers):
        key = folder / f"{worker.person}.pem"
        key.touch(mode=0o600)
        key.write_bytes(city.signers[worker.phone].pem())
        minutes = 0 if number % _SKEWED else (-1) ** number * (4 + number % 7)
        told.append(PhonePlan(worker.phone, key.name, f"{worker.person}.sqlite", minutes * MINUTE_MS))
    return PhonesPlan(
        url=url, log=ORIGIN, real_start_ms=story.real_start_ms, origin_ms=story.origin_ms, scale=story.scale,
        phones=tuple(told),
    )  # fmt: skip
