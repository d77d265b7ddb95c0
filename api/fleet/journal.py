"""The journal of one import: a SQLite file beside the fleet file, so that a killed import goes on where it was.

    meta      what is imported under which words and keys; a start with others is a fault
    sheet     headers as they stood, for the report
    skipped   rows that are no cylinders
    row       every row: READY (a claim), SENT (in a bundle), REGISTERED, or QUARANTINED with its reason
    bundle    signed envelopes in order; one without an answer is sent again as it is

A row's claim is kept without id and time, which its bundle gives it; its cells go when it is registered. About one
kilobyte a row. Every change is one transaction, flushed (WAL, synchronous=FULL): an envelope is on disk before it is
sent, an answer before the next envelope goes.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any, Self

import msgspec

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sheet (
    sheet INTEGER PRIMARY KEY, name TEXT NOT NULL, line INTEGER NOT NULL, header TEXT NOT NULL, unused TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS skipped (sheet TEXT NOT NULL, line INTEGER NOT NULL, kind TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS row (
    n INTEGER PRIMARY KEY, sheet INTEGER NOT NULL, line INTEGER NOT NULL, state INTEGER NOT NULL,
    enterprise TEXT NOT NULL, reason TEXT, detail TEXT, notes TEXT NOT NULL, claim BLOB, cells BLOB, entry INTEGER);
CREATE TABLE IF NOT EXISTS bundle (
    number INTEGER PRIMARY KEY, enterprise TEXT NOT NULL, rows TEXT NOT NULL, envelope BLOB);
"""


class State(IntEnum):
    """Where a row stands."""

    READY = 0
    SENT = 1
    REGISTERED = 2
    QUARANTINED = 3


class Journal:
    """One import's rows. A context manager; `transaction()` makes changes durable together."""

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
        self._db.execute("PRAGMA cache_size = -65536")
        self._db.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes inside, or none."""
        self._db.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def ask(self, query: str, *values: object) -> "sqlite3.Cursor":
        """The rows of a query."""
        return self._db.execute(query, values)

    def one(self, query: str, *values: object) -> Any:  # noqa: ANN401 - a column of whatever type
        """The first column of the first row; None without one."""
        found = self._db.execute(query, values).fetchone()
        return None if found is None else found[0]

    def do(self, change: str, rows: Iterable[tuple[object, ...]]) -> None:
        """One change for many rows."""
        self._db.executemany(change, rows)

    def meta(self, name: str) -> Any:  # noqa: ANN401 - whatever was kept
        """What was kept under a name, None for nothing."""
        text = self.one("SELECT value FROM meta WHERE name = ?", name)
        return None if text is None else msgspec.json.decode(text)

    def keep(self, name: str, value: object) -> None:
        """Keep something under a name."""
        self.do("INSERT OR REPLACE INTO meta VALUES (?, ?)", [(name, msgspec.json.encode(value).decode())])

    def clear(self) -> None:
        """Begin the reading anew."""
        for table in ("sheet", "skipped", "row"):
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names

    def count(self, state: State) -> int:
        """How many rows stand there."""
        found: int = self.one("SELECT count(*) FROM row WHERE state = ?", state)
        return found
