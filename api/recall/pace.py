"""Long answers one at a time, with a rest after each: whoever asks on and on leaves most of the machine to the scans.

Gates come first: a recall of ten thousand is told in a part of a second, and asked again it may wait for one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from time import monotonic, sleep

from ledger.errors import Busy

REST = 2
"""The rest, in times of how long the answer took."""


class Pace:
    """Shared by the threads of one server."""

    def __init__(self, patience_s: float = 20) -> None:
        """Whoever waits longer than that is told to come back."""
        self._lock, self._patience_s, self._free_at = Lock(), patience_s, 0.0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """The time in which this answer is made. Busy where too many wait."""
        if not self._lock.acquire(timeout=self._patience_s):
            raise Busy("查询召回的人太多，请稍后再试", "too many ask for recalls; try again shortly")
        try:
            sleep(max(0.0, self._free_at - monotonic()))
            begun = monotonic()
            try:
                yield
            finally:
                ended = monotonic()
                self._free_at = ended + REST * (ended - begun)
        finally:
            self._lock.release()
