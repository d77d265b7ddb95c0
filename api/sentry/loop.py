"""The sentry of one log: watches, raises what it finds, tells people. A thread of the `ledger serve` that publishes.

One process watches a log: the one whose publisher runs, or ran until it stopped, because the log's own signer has one
chain of bundles. A lock beside the publisher's state file, held while the watching lasts, makes it one.
"""

import fcntl
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import TimeoutError as NoAnswer
from pathlib import Path
from typing import Literal, Self

from msgspec import Struct

from api.publish.durable import make_folder
from api.publish.loop import Loop
from api.publish.tile_store import TileStore
from api.sentry.filing import LogSigner, Raised
from api.sentry.watch import EVER, Watch, enrolled_before
from api.words import ALERTS
from ledger.claim import AlertKind
from ledger.errors import Busy, LedgerError
from ledger.store.read import ALL_SITES, Engine, log_state, reading

EVERY_S = 1.0
CATCHING_UP_SHARE = 0.2  # of the time while it is behind: whoever appends needs the same processor
_LOCK_MODE = 0o600

_log = logging.getLogger("ledger.sentry")

State = Literal["off", "starting", "watching", "standby", "waiting", "stopped"]
Tell = Callable[[str, str], None]
Counted = Callable[[dict[AlertKind, int]], None]


class Watching(Struct, frozen=True):
    """How watching goes: `read` entries looked at; `open_alerts` by kind, until the signer is enrolled anew.

    off: this process has no `log_key` · starting · watching · standby: another process publishes, and watches ·
    waiting: database or queue is away, tried again · stopped: until a person has looked.
    """

    state: State = "starting"
    read: int = 0
    open_alerts: dict[str, int] = {}
    zh: str = ""
    en: str = ""


class Sentry:
    """Watches one log. `tell` is given a sentence in Chinese and English, `counted` the open alerts by kind."""

    def __init__(
        self,
        origin: str,
        engine: Engine,
        *,
        store: TileStore,
        log_signer: LogSigner,
        publishing: Loop,
        clock: Callable[[], int],
        tell: Tell,
        counted: Counted,
        lock: Path,
    ) -> None:
        """Nothing is looked at before `run`. `lock`: a file that whoever watches this log holds."""
        self._origin, self._engine, self._log_signer, self._publishing = origin, engine, log_signer, publishing
        self._clock, self._tell, self._counted = clock, tell, counted
        self._lock = lock
        self._held: int | None = None
        self._watch = Watch(store)
        self._open: dict[int, Raised] = {}
        self._ending = threading.Event()
        self.status = Watching()

    def end(self) -> None:
        """Have `run` return."""
        self._ending.set()

    def run(self) -> None:
        """Watch until `end`. The fault that stops it is raised."""
        try:
            self._run()
        finally:
            if self._held is not None:
                os.close(self._held)  # which lets go of the lock

    def _run(self) -> None:
        checked, pause_s = False, 0.0
        while not self._ending.wait(pause_s):
            pause_s = EVERY_S
            if self._publishing.status.state not in ("running", "stopped"):
                self._become("starting" if self._publishing.status.state == "starting" else "standby")
                continue
            # A publisher that stopped here may run elsewhere by now, and its process watches.
            if not self._is_ours():
                self._become("standby")
                continue
            try:
                if not checked:
                    self._log_signer.check()
                    checked = True
                pause_s = self._step()
                self._become("watching")
            except (Busy, NoAnswer) as error:
                zh, en = (
                    (error.zh, error.en) if isinstance(error, Busy) else ("写入无应答", "no answer from the writer")
                )
                self._become("waiting", zh, en)
            except LedgerError as fault:
                self._become("stopped", fault.zh, fault.en)
                raise
            except Exception as bug:
                self._become("stopped", f"程序错误：{bug!r}", f"a bug of ours: {bug!r}")
                raise

    def _is_ours(self) -> bool:
        """Whether this process holds the lock, now and until it ends."""
        if self._held is None:
            make_folder(self._lock.parent)
            handle = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _LOCK_MODE)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                return False
            self._held = handle
        return True

    def _step(self) -> float:
        """Look at a slice and raise what it shows; how long to wait before the next (s)."""
        began, now, read = time.monotonic(), self._clock(), self._watch.read
        with reading(self._engine, ALL_SITES) as connection:
            done = self._watch.go_on(connection, log_state(connection, self._origin), now)
        new: list[Raised] = []
        while self._watch.found:
            new.append(self._log_signer.raise_alert(self._watch.found[0]))
            del self._watch.found[0]
            self._open[new[-1].entry_index] = new[-1]
        if self._watch.read != read and (self._open or not read):
            self._close()
        for raised in new:
            if raised.entry_index in self._open:
                self._say(raised)
        took = time.monotonic() - began
        return EVERY_S if done else took * (1 / CATCHING_UP_SHARE - 1)

    def _say(self, raised: Raised) -> None:
        claim = raised.claim
        zh, en = ALERTS[claim.kind]
        more_zh, more_en = ("，已隔离", ", quarantined") if raised.quarantined else ("", "")
        at = f"#{raised.entry_index}"
        self._tell(
            f"警报 {at}：{zh}；签名者 {claim.signer}{more_zh}", f"alert {at}: {en}; signer {claim.signer}{more_en}"
        )

    def _close(self) -> None:
        """Forget the alerts whose signer was filed anew since, and count the others."""
        with reading(self._engine, ALL_SITES) as connection:
            log_id = log_state(connection, self._origin).log_id
            for index, raised in list(self._open.items()):
                if enrolled_before(connection, log_id, raised.claim.signer, EVER) > index:
                    del self._open[index]
        kinds = Counter(raised.claim.kind for raised in self._open.values())
        self._counted({kind: kinds[kind] for kind in AlertKind})

    def _become(self, state: State, zh: str = "", en: str = "") -> None:
        kinds = Counter(str(raised.claim.kind) for raised in self._open.values())
        status = Watching(state, self._watch.read, dict(kinds), zh, en)
        if zh and (zh, en) != (self.status.zh, self.status.en):
            self._tell(zh, en)
        self.status = status


class SentryThread:
    """A sentry in a thread of its own, for as long as this is entered."""

    def __init__(self, sentry: Sentry) -> None:
        """The thread starts on entering."""
        self._sentry = sentry
        self._thread = threading.Thread(target=self._run, name="sentry", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._sentry.end()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._sentry.run()
        except LedgerError:
            return  # the status says it
        except Exception:  # noqa: BLE001 - the status says it; its traceback goes to standard error
            _log.exception("bug while watching")
