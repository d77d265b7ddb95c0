"""The writer: one thread a log and process, a bounded queue, group commit without a timer.

Flush at once when idle, gather while busy: what arrives during one append goes into the next. A poison bundle harms
nobody else: when a gathered append raises, its bundles are run one by one, and only the culprit gets the exception.
A lost COMMIT answer needs no guess: the same bundles are appended again, and what was recorded answers as it did.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import NamedTuple, Self

import psycopg

from ledger.entry import Answer
from ledger.errors import Busy, LedgerError
from ledger.store.append import Received, append
from ledger.store.load import LogCache
from ledger.store.schema import BY_KEY

MAX_WAITING = 4096
MAX_GATHERED_CLAIMS = 512
RECONNECT_TRIES = 3
SESSION = (
    f"-c lock_timeout=10s -c idle_in_transaction_session_timeout=30s {BY_KEY} -c plan_cache_mode=force_generic_plan"
)

Answers = list[Answer]


class _Waiting(NamedTuple):
    received: Received
    future: "Future[Answers]"


class Writer:
    """Appends to one log. `clock` gives ms UTC; a context manager that finishes what it took before it ends."""

    def __init__(self, url: str, origin: str, clock: Callable[[], int]) -> None:
        """Nothing is connected before the thread starts (`__enter__`)."""
        self.origin = origin
        self._url = url
        self._clock = clock
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(MAX_WAITING)
        self._cache = LogCache()
        self._connection: psycopg.Connection | None = None
        self._thread = threading.Thread(target=self._run, name=f"writer {origin}", daemon=True)

    def __enter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Answer everything that waits, then end."""
        self._queue.put(None)
        self._thread.join()

    @property
    def waiting(self) -> int:
        """How many bundles wait."""
        return self._queue.qsize()

    def submit(self, received: Received) -> "Future[Answers]":
        """Queue a bundle whose signature was checked; its answers come after the commit. Busy when full."""
        future: Future[Answers] = Future()
        try:
            self._queue.put_nowait(_Waiting(received, future))
        except queue.Full:
            raise Busy("系统繁忙，请稍后原样重发", "the queue is full; send the same bytes again shortly") from None
        return future

    def _run(self) -> None:
        while True:
            first = self._queue.get()
            if first is None:
                break
            gathered, ends = self._gather(first)
            self._flush(gathered)
            if ends:
                break
        if self._connection is not None:
            self._connection.close()

    def _gather(self, first: _Waiting) -> tuple[list[_Waiting], bool]:
        """What waits by now, up to a bound; and whether the end was among it."""
        gathered, claims = [first], len(first.received.bundle.claims)
        while claims < MAX_GATHERED_CLAIMS:
            try:
                waiting = self._queue.get_nowait()
            except queue.Empty:
                break
            if waiting is None:
                return gathered, True
            gathered.append(waiting)
            claims += len(waiting.received.bundle.claims)
        return gathered, False

    def _flush(self, gathered: list[_Waiting]) -> None:
        try:
            answers = self._append([one.received for one in gathered])
        except Exception as error:  # noqa: BLE001 - handed to whoever waits, never swallowed
            if len(gathered) == 1 or isinstance(error, Busy):
                for one in gathered:
                    one.future.set_exception(error)
                return
            for one in gathered:
                self._flush([one])
            return
        for one, answer in zip(gathered, answers, strict=True):
            one.future.set_result(answer)

    def _append(self, received: list[Received]) -> list[Answers]:
        for attempt in range(RECONNECT_TRIES):
            try:
                return append(self._connected(), self.origin, received, self._clock(), self._cache)
            except LedgerError:
                raise
            except Exception as error:
                if not self._lost(error):
                    raise
                self._disconnect()
                if attempt == RECONNECT_TRIES - 1:
                    raise Busy(
                        "数据库暂不可用，请稍后原样重发", "the database is away; send the same bytes again shortly"
                    ) from error
        raise AssertionError("the last attempt returns or raises")

    def _connected(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            self._connection = connect_writer(self._url)
        return self._connection

    def _lost(self, error: Exception) -> bool:
        """Whether the database went away, in whatever words psycopg says so."""
        told = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        return told or (self._connection is not None and self._connection.broken)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def connect_writer(url: str) -> psycopg.Connection:
    """A connection in the writer's role: it can insert entries, and neither change nor delete them."""
    connection = psycopg.connect(url, autocommit=True, options=SESSION)
    try:
        connection.execute("SET ROLE ledger_writer")
    except BaseException:
        connection.close()
        raise
    return connection
