"""What a witness remembers, in one SQLite file: the newest checkpoint it cosigned of each log, and what contradicts it.

A witness that forgets may cosign a second history. So the file is made once, together with the keys, and a missing or
emptied one is never made anew; whatever is answered was committed and synced to the disk before. Each turn is one
transaction that locks the file at its beginning: threads and processes take turns.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from msgspec import Struct

from api.publish.durable import sync_folder
from api.settings import BadSettings
from ledger.errors import Busy, LedgerError

FILE_MODE = 0o600
WAIT_S = 20.0
KEPT_OF_A_KIND = 100  # conflicts of one log; the first ones say it

_SCHEMA = """
CREATE TABLE witness (vkeys TEXT NOT NULL);
CREATE TABLE cosigned (
    origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note BLOB NOT NULL, signed_ms INTEGER NOT NULL
);
CREATE TABLE conflict (
    conflict_id INTEGER PRIMARY KEY, origin TEXT NOT NULL, kind TEXT NOT NULL, size INTEGER NOT NULL,
    root BLOB NOT NULL, submitted BLOB NOT NULL, held BLOB NOT NULL, seen_ms INTEGER NOT NULL,
    UNIQUE (origin, kind, size, root)
)"""

Kind = Literal["fork", "smaller", "unproved"]


class Held(Struct, frozen=True):
    """The newest cosigned checkpoint of a log: its note with the log's signatures and ours, and when (ms UTC)."""

    size: int
    root: bytes
    note: bytes
    signed_ms: int


class Conflict(Struct, frozen=True):
    """A checkpoint that the log signed and that was not cosigned, beside the one that was.

    fork      same size, another root: the two notes prove by themselves that the log signed two histories
    smaller   the log was rolled back, or someone sent one of its old checkpoints again
    unproved  larger, but nothing showed that it appended; a fork, unless the log has a proof after all
    """

    origin: str
    kind: Kind
    size: int
    root: bytes
    submitted: bytes
    held: bytes
    seen_ms: int


class Turn:
    """The file, ours alone until the turn ends."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Within a transaction."""
        self._connection = connection

    def held(self, origin: str) -> Held | None:
        """What was cosigned last of this log."""
        row = self._connection.execute(
            "SELECT size, root, note, signed_ms FROM cosigned WHERE origin = ?", (origin,)
        ).fetchone()
        return None if row is None else Held(*row)

    def last_signed_ms(self) -> int:
        """The time of the newest cosignature of any log, 0 before the first."""
        (newest,) = self._connection.execute("SELECT coalesce(max(signed_ms), 0) FROM cosigned").fetchone()
        return int(newest)

    def hold(self, origin: str, held: Held) -> None:
        """Remember this one instead. It was proved to append: what was kept against it, for want of a proof, goes."""
        before = self.held(origin)
        assert before is None or (before.size, before.signed_ms) <= (held.size, held.signed_ms), "a log only grows"
        self._connection.execute(
            "INSERT OR REPLACE INTO cosigned (origin, size, root, note, signed_ms) VALUES (?, ?, ?, ?, ?)",
            (origin, held.size, held.root, held.note, held.signed_ms),
        )
        self._connection.execute(
            "DELETE FROM conflict WHERE origin = ? AND kind = 'unproved' AND size = ? AND root = ?",
            (origin, held.size, held.root),
        )

    def keep(self, conflict: Conflict) -> bool:
        """Keep what contradicts us; whether it was news. Bounded, for whoever has old checkpoints can send them."""
        kept = self._connection.execute(
            "SELECT count(*) FROM conflict WHERE origin = ? AND kind = ?", (conflict.origin, conflict.kind)
        ).fetchone()
        if kept[0] >= KEPT_OF_A_KIND:
            return False
        done = self._connection.execute(
            "INSERT OR IGNORE INTO conflict (origin, kind, size, root, submitted, held, seen_ms) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                conflict.origin, conflict.kind, conflict.size, conflict.root,
                conflict.submitted, conflict.held, conflict.seen_ms,
            ),
        )  # fmt: skip
        return done.rowcount == 1

    def conflicts(self) -> list[Conflict]:
        """All that was kept, as it came."""
        rows = self._connection.execute(
            "SELECT origin, kind, size, root, submitted, held, seen_ms FROM conflict ORDER BY conflict_id"
        )
        return [Conflict(*row) for row in rows]


class Memory:
    """The file of the witness that has these keys (their vkeys, one a line)."""

    def __init__(self, path: Path, vkeys: str) -> None:
        """BadSettings when there is no such file, or it is no witness's or another one's."""
        self._path, self._vkeys = path, vkeys
        if not path.exists():
            raise BadSettings(
                f"没有见证库 {path}。首次启动用 --new；若库已丢失，此见证方必须停用，另建新的，绝不能从空库重来",
                f"no database {path}. Say --new for a witness that never signed; if it is lost, retire the witness: "
                "its key never signs again from an empty database. Make another one, with a new key",
            )
        with self.reading():
            pass

    @contextmanager
    def reading(self) -> Iterator[Turn]:
        """The file to read from, without a lock. Busy as for `turn`."""
        with _told(), closing(self._connect()) as connection:
            self._check(connection)
            yield Turn(connection)

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """One turn. Committed and on the disk when this is left, also by a fault: a refusal keeps what it saw.

        Busy when the file cannot be had or written, or is no longer there; then nothing may be answered.
        """
        with _told(), closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            self._check(connection)
            try:
                yield Turn(connection)
            except LedgerError:
                connection.execute("COMMIT")
                raise
            connection.execute("COMMIT")  # without it, closing rolls back

    def _connect(self) -> sqlite3.Connection:
        uri = f"file:{quote(str(self._path.absolute()))}?mode=rw"  # never makes a file
        connection = sqlite3.connect(uri, uri=True, timeout=WAIT_S, isolation_level=None)
        connection.execute("PRAGMA synchronous = EXTRA")  # the journal's removal is synced too
        connection.execute("PRAGMA fullfsync = ON")
        return connection

    def _check(self, connection: sqlite3.Connection) -> None:
        try:
            rows = connection.execute("SELECT vkeys FROM witness").fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            rows = []
        if not rows:
            raise BadSettings(
                f"{self._path} 不是见证库，或已被清空；请找回原来的，找不回就停用这个见证方",
                f"{self._path} is no witness's database, or was emptied; find the right one, or retire the witness",
            )
        if rows != [(self._vkeys,)]:
            raise BadSettings(
                f"{self._path} 属于别的见证方：名称或密钥不同",
                f"{self._path} is of another witness: name or keys differ",
            )


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise Busy(
            f"见证库暂不可用：{error}；请稍后重发", f"the database is not available: {error}; send it again later"
        ) from error


def create_memory(path: Path, vkeys: str) -> None:
    """Make the file of a witness that never signed. BadSettings when there is a file already."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE))
    except FileExistsError as error:
        raise BadSettings(f"{path} 已存在，请去掉 --new", f"{path} is there already; leave out --new") from error
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA.split(";"):
            connection.execute(statement)
        connection.execute("INSERT INTO witness (vkeys) VALUES (?)", (vkeys,))
        connection.execute("COMMIT")
    sync_folder(path.absolute().parent)
