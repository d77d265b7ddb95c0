"""Following a log for its alerts: a thread of every `ledger serve`, one process at a time by the row that it locks.

Apart from the sentry, which watches the signers of a log that this process publishes, in the log's own name: alerts are
a table beside the log, say nothing in it, and want neither publisher nor key.
"""

import logging
import sys
import threading
import time
from typing import Self

from ledger.errors import LedgerError
from ledger.store.alerts import Follower

EVERY_S = 1.0
CATCHING_UP_SHARE = 0.2  # of the time while it is behind: whoever appends needs the same processor

_log = logging.getLogger("ledger.alerts")


class FollowingThread:
    """Follows one log in a thread of its own, for as long as this is entered."""

    def __init__(self, url: str, origin: str) -> None:
        """The thread starts on entering."""
        self._follower, self._origin = Follower(url, origin), origin
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"alerts {origin}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        pause_s, told = 0.0, ""
        with self._follower:
            while not self._ending.wait(pause_s):
                began = time.monotonic()
                try:
                    followed = self._follower.step()
                except LedgerError as fault:
                    pause_s = EVERY_S
                    if fault.zh != told:
                        told = fault.zh
                        sys.stderr.write(f"{self._origin}: {fault.zh}\n{self._origin}: {fault.en}\n")
                    continue
                except Exception:  # noqa: BLE001 - its traceback goes to standard error; a bug here must not end the serving
                    _log.exception("bug while following for alerts; no more alerts until this is started again")
                    return
                told = ""
                took = time.monotonic() - began
                behind = followed is not None and not followed.done
                pause_s = took * (1 / CATCHING_UP_SHARE - 1) if behind else EVERY_S
