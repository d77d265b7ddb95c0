"""The loop: a step about once a second, and between steps everything read again.

It is all that `ledger publish` does, and a thread of `ledger serve`.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Literal, Self

from msgspec import Struct

from api.publish.plan import Plan
from api.publish.publisher import Clock, Published, Publisher, opened
from api.publish.recheck import Recheck
from api.publish.stopped import Stopped
from ledger.errors import Busy, LedgerError
from ledger.store.read import Engine

RECHECK_SHARE = 0.05  # of the time between steps: whoever appends needs the same processor
RECHECK_PAUSE_S = 3600.0

_log = logging.getLogger("ledger.publish")

Tell = Callable[["Status"], None]
Counted = Callable[[Published], None]


class Status(Struct, frozen=True):
    """How publishing goes. `rechecked`: the entries that the last whole pass compared with the files.

    starting · running · standby: another process publishes · waiting: database or disk is away, tried again ·
    stopped: for `reason`, until a person has looked. `zh` and `en` say more where there is more to say.
    """

    state: Literal["starting", "running", "standby", "waiting", "stopped"] = "starting"
    reason: str = ""
    zh: str = ""
    en: str = ""
    rechecked: int = 0


class Loop:
    """Publishes one log. `counted` is told each checkpoint, `tell` each change of the status."""

    def __init__(
        self, plan: Plan, engine: Engine, clock: Clock, counted: Counted, tell: Tell, *, new_log: bool = False
    ) -> None:
        """Nothing is touched before `run`."""
        self._plan, self._engine, self._clock, self._counted, self._tell = plan, engine, clock, counted, tell
        self._new_log = new_log
        self._ending = threading.Event()
        self.status = Status()

    def end(self) -> None:
        """Have `run` publish what is committed, and return."""
        self._ending.set()

    def run(self, *, stand_by: bool) -> None:
        """Publish until `end`. The fault that stops it is raised; with `stand_by`, another publisher is none."""
        while True:
            try:
                with opened(self._plan, self._engine, self._clock, new_log=self._new_log) as publisher:
                    self._new_log = False
                    self._publish(publisher)
            except (Busy, OSError) as error:
                zh, en = (error.zh, error.en) if isinstance(error, Busy) else (f"磁盘出错：{error}", f"disk: {error}")
                self._become(Status("waiting", error.slug if isinstance(error, Busy) else "disk", zh, en))
            except Stopped as stopped:
                if not (stand_by and stopped.reason == "state-held"):
                    self._become(Status("stopped", stopped.reason, stopped.zh, stopped.en))
                    raise
                self._become(Status("standby", "", stopped.zh, stopped.en))
            except LedgerError as fault:
                self._become(Status("stopped", fault.slug, fault.zh, fault.en))
                raise
            except Exception as bug:
                self._become(Status("stopped", "bug", f"程序错误：{bug!r}", f"a bug of ours: {bug!r}"))
                raise
            if self._ending.wait(self._plan.every_s):
                return

    def _publish(self, publisher: Publisher) -> None:
        """Step and recheck until the end, and step once more."""
        self._become(Status("running"))
        recheck, again_at, rechecked = None, 0.0, 0
        while True:
            ending, began = self._ending.is_set(), time.monotonic()
            published = publisher.step()
            if published is not None:
                self._counted(published)
            if ending:
                return
            if recheck is None and time.monotonic() >= again_at:
                recheck = Recheck(self._engine, self._plan.origin, publisher.store, publisher.state.size)
            if recheck is not None and self._whole(recheck):
                rechecked = recheck.size
                recheck, again_at = None, time.monotonic() + RECHECK_PAUSE_S
            self._become(_running(publisher, rechecked))
            self._ending.wait(max(0.0, began + self._plan.every_s - time.monotonic()))

    def _whole(self, recheck: Recheck) -> bool:
        """Go on for a while, one slice at least; whether the pass is complete."""
        until = time.monotonic() + self._plan.every_s * RECHECK_SHARE
        while not recheck.go_on():
            if time.monotonic() > until or self._ending.is_set():
                return False
        return True

    def _become(self, status: Status) -> None:
        if status != self.status:
            self.status = status
            self._tell(status)


def _running(publisher: Publisher, rechecked: int) -> Status:
    """Publishing goes on; `zh` and `en` say who did not cosign, and why."""
    zh, en = "；".join(one.zh for one in publisher.troubles), "; ".join(one.en for one in publisher.troubles)
    return Status("running", "", zh, en, rechecked)


class PublishingThread:
    """A loop in a thread of its own, for as long as this is entered."""

    def __init__(self, loop: Loop) -> None:
        """The thread starts on entering."""
        self.loop = loop
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.end()
        self._thread.join()

    def _run(self) -> None:
        try:
            self.loop.run(stand_by=True)
        except LedgerError:
            return  # the status says it
        except Exception:  # noqa: BLE001 - the status says it; its traceback goes to standard error
            _log.exception("bug while publishing")
