"""The bench's load generator: `python -m api.bench.load PLAN`, a process of its own.

HTTP/1.1 over kept connections, one request at a time on each; the requests are whole bytes before the clock starts,
and answers are only kept while it runs. What they say is checked after it has stopped: one refusal, violation,
warning or error, and there is no figure.

Closed loop: a connection sends as soon as it was answered. Open loop (`per_s`): requests fall due at fixed instants,
and latency counts from the due instant, not from when a busy connection could send.
"""

import asyncio
import gc
import selectors
import sys
from collections import deque
from pathlib import Path
from time import perf_counter
from typing import Literal, cast

import msgspec
import uvloop
from msgspec import Raw, Struct

from ledger import events as e
from ledger.entry import Answer

Expected = Literal["accepted", "trace", "answer", "nothing"]

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length: "
_LAST_CHUNK = b"\r\n0\r\n\r\n"


class Plan(Struct, frozen=True):
    """Whole requests by connection. The first `warm` of each are not measured; nothing is sent after `limit_s`.

    Each answer must be what `expected` says, about `claims` claims. `per_s` makes it an open loop.
    """

    port: int
    requests: list[list[bytes]]
    warm: int
    limit_s: float
    expected: Expected
    claims: int = 0
    per_s: int | None = None


class Result(Struct, frozen=True):
    """Measured requests: seconds from the first sending to the last answer, and each one's latency in seconds."""

    seconds: float
    latencies: list[float]


class _Trace(Struct, frozen=True):
    complete: bool
    entries: list[Raw]


_trace = msgspec.json.Decoder(_Trace)
_answers = msgspec.json.Decoder(list[Answer])


_LOG = b'"log'
"""What every answer of the investigator's says: which logs were asked."""


class WrongWork(Exception):
    """The server's answer is not the one that was to be measured."""


class Connection(asyncio.Protocol):
    """One kept connection. `offer` makes its next request due at an instant (`perf_counter` seconds)."""

    def __init__(self, requests: list[bytes], load: "Load") -> None:
        self._requests, self._load = requests, load
        self._due: deque[float] = deque()
        self._sent, self._rest = 0, b""
        self.transport: asyncio.Transport | None = None
        self.left = 0
        self.latencies: list[float] = []
        self.bodies: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its bases

    def connection_lost(self, exc: Exception | None) -> None:
        """The server hung up: an error unless everything was answered."""
        if self._due:
            self._load.fail(WrongWork(f"the server hung up: {exc}"))

    def offer(self, at: float) -> None:
        """Send the next request, now or when those before it were answered."""
        self._due.append(at)
        if len(self._due) == 1:
            self._send()

    def _send(self) -> None:
        assert self.transport is not None
        self.transport.write(self._requests[self._sent])
        self._sent += 1

    def data_received(self, data: bytes) -> None:
        """Take an answer in; a long one comes in pieces."""
        if self._rest:
            data = self._rest + data
        body = _body(data)
        if body is None:
            self._rest = data
            return
        self._rest = b""
        now = perf_counter()
        self.latencies.append(now - self._due.popleft())
        if not data.startswith(b"HTTP/1.1 200"):
            self._load.fail(WrongWork(data.decode(errors="replace")))
            return
        self.bodies.append(body)
        if self._due:
            self._send()
        self._load.answered(self, now)


def _body(data: bytes) -> bytes | None:
    """What an answer says, when all of it is here: of a length told before, or in chunks until an empty one."""
    head = data.find(_HEAD_END)
    if head < 0:
        return None
    rest = head + len(_HEAD_END)
    begin = data.find(_LENGTH, 0, head)
    if begin < 0:
        return data[rest:] if data.endswith(_LAST_CHUNK) else None
    begin += len(_LENGTH)
    length = int(data[begin : data.index(b"\r", begin)])
    return data[rest:] if len(data) >= rest + length else None


class Load:
    """One run of a plan: warm up, start the clock, send, stop, check."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._connections = [Connection(requests, self) for requests in plan.requests]
        self._pending = 0
        self._stop_at = float("inf")
        self._last = 0.0
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> Result:
        """WrongWork as soon as an answer is no success, or in the end when one says the wrong thing."""
        loop, plan = asyncio.get_running_loop(), self._plan
        for one in self._connections:
            await loop.create_connection(lambda made=one: made, "127.0.0.1", plan.port)  # type: ignore[misc]
        gc.disable()
        await self._closed([plan.warm] * len(self._connections))
        for one in self._connections:
            one.latencies.clear()
        begun = perf_counter()
        if plan.per_s is None:
            self._stop_at = begun + plan.limit_s
            await self._closed([len(requests) - plan.warm for requests in plan.requests])
        else:
            await self._steady(begun, plan.per_s)
        seconds = self._last - begun
        gc.enable()
        for one in self._connections:
            for body in one.bodies:
                check(body, plan)
        return Result(seconds, [latency for one in self._connections for latency in one.latencies])

    def answered(self, connection: Connection, now: float) -> None:
        """A connection has its answer: the next request, or one fewer to wait for."""
        if connection.left and now < self._stop_at:
            connection.left -= 1
            connection.offer(now)
            return
        self._pending -= 1
        if self._pending == 0 and not self._done.done():
            self._last = now
            self._done.set_result(None)

    def fail(self, error: WrongWork) -> None:
        """The run is worthless."""
        if not self._done.done():
            self._done.set_exception(error)

    async def _closed(self, counts: list[int]) -> None:
        """So many requests by connection, each sent when the one before was answered."""
        going = [(one, count) for one, count in zip(self._connections, counts, strict=True) if count]
        if not going:
            return
        self._done, self._pending = asyncio.get_running_loop().create_future(), len(going)
        for one, count in going:
            one.left = count - 1
            one.offer(perf_counter())
        await self._done

    async def _steady(self, begun: float, per_s: int) -> None:
        """All requests, connections in turn, one every 1/per_s seconds whatever the answers do."""
        each = len(self._plan.requests[0]) - self._plan.warm
        dues = [one for _ in range(each) for one in self._connections]
        self._done, self._pending = asyncio.get_running_loop().create_future(), len(dues)
        for number, one in enumerate(dues):
            one.left = 0
            due = begun + number / per_s
            await asyncio.sleep(max(0.0, due - perf_counter()))  # even when late, answers are taken in
            one.offer(due)
        await self._done


def check(body: bytes, plan: Plan) -> None:
    """Raise WrongWork unless the answer is the work that was to be measured."""
    match plan.expected:
        case "nothing":
            right = body == b"[]"
        case "trace":
            trace = _trace.decode(body)
            right = trace.complete and len(trace.entries) > 0
        case "answer":
            right = _LOG in body
        case "accepted":
            answers = _answers.decode(body)
            right = len(answers) == plan.claims and all(_clean(answer.outcome) for answer in answers)
    if not right:
        raise WrongWork(body.decode(errors="replace"))


def _clean(outcome: e.Outcome) -> bool:
    """Accepted, and no rule found anything."""
    return not isinstance(outcome, e.Refusal) and not outcome.violations and not outcome.warnings


def main(path: Path) -> None:
    """Run the plan in that file; the result as JSON on standard output, or what went wrong and exit code 1."""
    plan = msgspec.msgpack.decode(path.read_bytes(), type=Plan)

    async def load() -> Result:
        return await Load(plan).run()

    # uvloop counts milliseconds; an open loop needs its instants finer, and select() takes microseconds.
    factory = uvloop.new_event_loop if plan.per_s is None else _fine_loop
    try:
        with asyncio.Runner(loop_factory=factory) as runner:
            result = runner.run(load())
    except WrongWork as error:
        sys.stderr.write(f"{str(error)[:2000]}\n")
        sys.exit(1)
    sys.stdout.buffer.write(msgspec.json.encode(result))


def _fine_loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
