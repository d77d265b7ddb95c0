"""Timestamps of kept checkpoints by an RFC 3161 authority: one now and then, asked for in a thread. No step waits."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from http import HTTPStatus

from api.publish.exchange import Outside
from api.publish.tile_store import TileStore
from ledger.checkpoint import parse_checkpoint
from ledger.errors import LedgerError
from ledger.shell.timestamps import MAX_ANSWER_BYTES, check_answer, new_request

TIMEOUT_S = 10.0
RETRY_S = 60.0

_QUERY = "application/timestamp-query"


class NotTimestamped(LedgerError):
    """The authority did not stamp a checkpoint; it is asked again later."""

    slug = "not-timestamped"


class Stamping:
    """Has kept checkpoints of one log stamped at `url`, '' for nowhere, at most once in `every_s`."""

    def __init__(self, store: TileStore, url: str, every_s: float) -> None:
        """The time since the last one counts across restarts."""
        self._store, self._url, self._every_s = store, url, every_s
        self._again_at = time.monotonic() + every_s - self._age_s() if url else float("inf")
        self._threads = ThreadPoolExecutor(1, "timestamp")
        self._task: Future[tuple[int, bytes]] | None = None
        self.trouble: LedgerError | None = None

    def go_on(self, kept: int | None) -> None:
        """Keep what was answered, and ask for the newest kept checkpoint, of this size, when it is time."""
        if self._task is not None and self._task.done():
            self._take(self._task)
        if self._task is None and kept is not None and time.monotonic() >= self._again_at:
            raw = self._store.read_kept(kept)
            if raw is not None and not self._store.timestamped(kept):
                self._task = self._threads.submit(_stamp, self._url, kept, parse_checkpoint(raw).note.text)

    def close(self) -> None:
        """Wait for what was asked, and keep it."""
        self._threads.shutdown()
        self.go_on(None)

    def _take(self, task: Future[tuple[int, bytes]]) -> None:
        self._task = None
        try:
            size, der = task.result()
        except LedgerError as error:
            self.trouble, self._again_at = error, time.monotonic() + min(RETRY_S, self._every_s)
            return
        # Dying before this: the answer is lost, and another checkpoint is stamped; that costs a stamp, and no truth.
        self._store.write_timestamp(size, der)
        self.trouble, self._again_at = None, time.monotonic() + self._every_s

    def _age_s(self) -> float:
        """How long ago the newest timestamp was written, in seconds."""
        stamped = (size for size in reversed(self._store.kept_sizes()) if self._store.timestamped(size))
        size = next(stamped, None)
        return float("inf") if size is None else max(0.0, time.time() - self._store.timestamp_written_s(size))


def _stamp(url: str, size: int, text: str) -> tuple[int, bytes]:
    """The answer for this text, checked. NotAnswered, NotTimestamped, or Malformed when it is not granted."""
    request = new_request(text)
    with Outside(TIMEOUT_S) as tsa:
        status, der = tsa.exchange(
            "POST", url, request.as_bytes(), name="TSA", kind=_QUERY, most_bytes=MAX_ANSWER_BYTES
        )
    if status != HTTPStatus.OK:
        raise NotTimestamped(f"时间戳机构答复 {status}", f"the timestamping authority answered {status}")
    check_answer(request, text, der)
    return size, der
