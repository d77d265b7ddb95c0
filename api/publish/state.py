"""The state file: what this log last signed, kept outside the database, the tiles and the backups of both.

It is the one thing here that is believed. It changes by compare-and-swap: under an exclusive lock that lasts as long as
the process, and only when the file still holds what this process wrote last. Keep it on a local disk, and never put an
older copy of it back.

    FILE        JSON of a `State`
    FILE.lock   empty; locked by whoever publishes
"""

import fcntl
import os
import secrets
from pathlib import Path
from typing import Self

import msgspec
from msgspec import Struct
from msgspec import json as mjson

from api.publish.durable import make_folder, sync_folder, write_durably
from api.publish.stopped import Stopped
from ledger.merkle import EMPTY_ROOT

_LOCK_MODE = 0o600


class State(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was last signed: origin, size, root (hexadecimal), the checkpoint ('' before the first), when (ms UTC).

    `incarnation` is a chance of the process that wrote it, `generation` counts the writes.
    """

    origin: str
    incarnation: str = ""
    generation: int = 0
    size: int = 0
    root: str = EMPTY_ROOT.hex()
    checkpoint: str = ""
    signed_at: int = 0


class StateFile:
    """The file, locked while this is open. `state` is what it holds; None when there was no file."""

    def __init__(self, path: Path, origin: str) -> None:
        """Take the lock and read. Stopped when another publisher holds it, or it is spoilt or another log's."""
        self._path = path
        self._incarnation = secrets.token_hex(16)
        make_folder(path.parent)
        self._lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _LOCK_MODE)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._raw = self._read()
            self.state = None if self._raw is None else self._parse(self._raw, origin)
        except BlockingIOError:
            self.close()
            raise Stopped(
                "state-held",
                f"另一个发布进程占用着 {path}；一个日志只能由一个进程发布",
                f"another publisher holds {path}; one log is published by one process",
            ) from None
        except BaseException:
            self.close()
            raise

    def replace(self, state: State) -> State:
        """Swap in what is to be believed from now on; Stopped, and nothing written, when the file is not ours."""
        self.check_unchanged()
        generation = 0 if self.state is None else self.state.generation
        new = msgspec.structs.replace(state, incarnation=self._incarnation, generation=generation + 1)
        raw = mjson.format(mjson.encode(new)) + b"\n"
        # Dying before the rename: the old state holds, what was signed since never left this process and is forgotten.
        # Dying after it: the new one holds, whether or not its checkpoint is out; opening puts it out.
        # Should the disk fail in between, nobody knows which holds: the caller opens the file anew before going on.
        write_durably(self._path, raw)
        sync_folder(self._path.parent)
        self._raw, self.state = raw, new
        return new

    def check_unchanged(self) -> None:
        """Raise Stopped when the file is not what this process wrote last, or found."""
        if self._read() != self._raw:
            raise Stopped(
                "state-changed",
                f"{self._path} 被别人改动过；请查明是谁，确认只有一个发布进程后再启动",
                f"{self._path} was changed by someone else; find out who, and start again with one publisher only",
            )

    def close(self) -> None:
        """Let go of the lock; the kernel does so when the process dies."""
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> bytes | None:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None

    def _parse(self, raw: bytes, origin: str) -> State:
        try:
            state = mjson.decode(raw, type=State)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise Stopped(
                "state-spoilt",
                f"{self._path} 无法解读：{error}；不要从备份恢复，请看发布指南",
                f"{self._path} does not decode: {error}; never put a backup in its place, see the publishing guide",
            ) from error
        if state.origin != origin:
            raise Stopped(
                "state-spoilt",
                f"{self._path} 属于日志 {state.origin}，不是 {origin}",
                f"{self._path} is of the log {state.origin}, not of {origin}",
            )
        return state
