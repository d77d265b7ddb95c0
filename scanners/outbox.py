"""The durable outbox of one device: what it said, in order, before anybody heard it; and what opened a valve.

SQLite with a write-ahead log and `synchronous=FULL`: a commit that returned survives kill -9 and, on a disk that
honours flushes, a power cut. A bundle is signed once and its exact bytes are kept and resent. `device_seq` counts from
0 without gaps, `device_prev` chains the payloads, so the log sees when something is missing (DESIGN.md section 5).

Synchronous and safe to share between threads: the agent calls it through `asyncio.to_thread`.
"""

import hashlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

from msgspec import Struct

from ledger.bundle import PrivateKey, Seen, encode_payload, sign_bundle, signer_id, signer_key
from ledger.claim import AnyClaim
from scanners.faults import AlreadyConsumed, OutboxForeign

# consumed: may open the valve; started: it did, and that is stored; the rest: settled.
FillState = Literal["consumed", "started", "completed", "interrupted", "unused"]
BundleState = Literal["pending", "answered", "set_aside"]
MAX_CONTRADICTIONS = 100
"""One proves it; nobody may fill the disk with more."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS owner (log TEXT NOT NULL, signer TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS bundle (
    seq INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, envelope BLOB NOT NULL, answer BLOB,
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'answered', 'set_aside')));
CREATE INDEX IF NOT EXISTS bundle_pending ON bundle (seq) WHERE state = 'pending';
CREATE TABLE IF NOT EXISTS authorisation (
    claim_id TEXT NOT NULL UNIQUE, line TEXT NOT NULL, code TEXT NOT NULL, fill BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('consumed', 'started', 'completed', 'interrupted', 'unused')));
CREATE INDEX IF NOT EXISTS authorisation_open ON authorisation (line) WHERE state IN ('consumed', 'started');
CREATE INDEX IF NOT EXISTS authorisation_code ON authorisation (code);
CREATE TABLE IF NOT EXISTS checkpoint (
    one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, root TEXT NOT NULL, note BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS contradiction (shown BLOB NOT NULL UNIQUE, kept BLOB, why TEXT NOT NULL);
"""


class Stored(Struct, frozen=True):
    """A bundle in the outbox. `answer` is the server's body: answers, or the problem for which it was set aside."""

    seq: int
    digest: str
    envelope: bytes
    answer: bytes | None
    state: BundleState


class Consumed(Struct, frozen=True):
    """An authorisation that may have opened a valve, with what the fill needs (`scanners.valve`), as JSON."""

    claim_id: str
    line: str
    code: str
    fill: bytes
    state: FillState


class Outbox:
    """One file, one log, one key. OutboxForeign when the file is another's: its sequence must not go on under ours."""

    def __init__(self, path: Path, *, log: str, key: PrivateKey) -> None:
        self._log, self._key = log, key
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for line in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 5000"):
            self._db.execute(f"PRAGMA {line}")
        self._db.executescript(_SCHEMA)
        self._own(signer_id(signer_key(key)))

    def put(self, claims: Sequence[AnyClaim], *, settles: tuple[str, FillState] | None = None) -> Stored:
        """Sign these claims as the next bundle; durable when this returns.

        `settles`: an authorisation's id and new state, written in the same transaction as what is said about it.
        """
        with self._transaction():
            row = self._db.execute("SELECT seq, digest FROM bundle ORDER BY seq DESC LIMIT 1").fetchone()
            seq, prev = (0, None) if row is None else (row[0] + 1, row[1])
            newest = self._db.execute("SELECT size, root FROM checkpoint").fetchone()
            seen = None if newest is None else Seen(*newest)
            payload = encode_payload(log=self._log, device_seq=seq, device_prev=prev, seen=seen, claims=list(claims))
            stored = Stored(seq, hashlib.sha256(payload).hexdigest(), sign_bundle(payload, self._key), None, "pending")
            self._db.execute(
                "INSERT INTO bundle (seq, digest, envelope) VALUES (?, ?, ?)", (seq, stored.digest, stored.envelope)
            )
            if settles is not None:
                self._move(*settles)
        return stored

    def checkpoint(self) -> bytes | None:
        """The newest checkpoint of the log that was found right, as a note; every new bundle names it."""
        with self._lock:
            row = self._db.execute("SELECT note FROM checkpoint").fetchone()
        return None if row is None else bytes(row[0])

    def keep_checkpoint(self, seen: Seen, note: bytes) -> None:
        """Keep a newer checkpoint; durable when this returns."""
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO checkpoint VALUES (1, ?, ?, ?)", (seen.size, seen.root, note))

    def keep_contradiction(self, shown: bytes, kept: bytes | None, why: str) -> bool:
        """Keep a checkpoint that was found wrong as evidence, beside the one that it contradicts; whether it is new.

        When the room for them is full it is new and is not kept: whoever filled it silences nothing.
        """
        with self._transaction():
            if self._db.execute("SELECT 1 FROM contradiction WHERE shown = ?", (shown,)).fetchone() is not None:
                return False
            (count,) = self._db.execute("SELECT count(*) FROM contradiction").fetchone()
            if count < MAX_CONTRADICTIONS:
                self._db.execute("INSERT INTO contradiction VALUES (?, ?, ?)", (shown, kept, why))
        return True

    def contradictions(self) -> list[tuple[bytes, bytes | None, str]]:
        """What was shown, what was kept, and why they do not go together; oldest first."""
        with self._lock:
            return self._db.execute("SELECT shown, kept, why FROM contradiction ORDER BY rowid").fetchall()

    def next_unsent(self) -> Stored | None:
        """The oldest bundle that nobody has answered yet."""
        return next(iter(self.select("pending", limit=1)), None)

    def select(self, state: BundleState, *, limit: int = 1_000) -> list[Stored]:
        """The oldest bundles in this state."""
        question = "SELECT seq, digest, envelope, answer, state FROM bundle WHERE state = ? ORDER BY seq LIMIT ?"
        with self._lock:
            return [Stored(*row) for row in self._db.execute(question, (state, limit))]

    def count(self) -> dict[str, int]:
        """How many bundles are in each state."""
        with self._lock:
            return dict(self._db.execute("SELECT state, count(*) FROM bundle GROUP BY state").fetchall())

    def answered(self, seq: int, answer: bytes) -> None:
        """Keep the server's answer; the bundle is done."""
        with self._transaction():
            self._db.execute("UPDATE bundle SET answer = ?, state = 'answered' WHERE seq = ?", (answer, seq))

    def set_aside(self, seq: int, problem: bytes) -> None:
        """A poison bundle: kept with its problem, never sent again by itself, harms nobody behind it."""
        with self._transaction():
            self._db.execute("UPDATE bundle SET answer = ?, state = 'set_aside' WHERE seq = ?", (problem, seq))

    def consume(self, consumed: Consumed) -> None:
        """Spend an authorisation, durably, before the valve opens; AlreadyConsumed if it ever was."""
        try:
            with self._transaction():
                self._db.execute(
                    "INSERT INTO authorisation (claim_id, line, code, fill, state) VALUES (?, ?, ?, ?, 'consumed')",
                    (consumed.claim_id, consumed.line, consumed.code, consumed.fill),
                )
        except sqlite3.IntegrityError as error:
            raise AlreadyConsumed(
                "一扫一充：该授权已使用，请重新扫码", "this authorisation was used; scan again"
            ) from error

    def settle(self, claim_id: str, state: FillState) -> None:
        """Move an authorisation on where there is nothing to say about it."""
        with self._transaction():
            self._move(claim_id, state)

    def unsettled(self, line: str) -> list[Consumed]:
        """The authorisations of this line of which nobody knows yet how they ended; after a crash, at most one."""
        question = (
            "SELECT claim_id, line, code, fill, state FROM authorisation"
            " WHERE line = ? AND state IN ('consumed', 'started') ORDER BY rowid"
        )
        with self._lock:
            return [Consumed(*row) for row in self._db.execute(question, (line,))]

    def interrupted(self, code: str) -> str | None:
        """The authorisation that a new fill of this cylinder continues: its last one, if that was interrupted."""
        question = (
            "SELECT claim_id, state FROM authorisation WHERE code = ? AND state <> 'unused' ORDER BY rowid DESC LIMIT 1"
        )
        with self._lock:
            row = self._db.execute(question, (code,)).fetchone()
        return row[0] if row is not None and row[1] == "interrupted" else None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _move(self, claim_id: str, state: FillState) -> None:
        done = self._db.execute("UPDATE authorisation SET state = ? WHERE claim_id = ?", (state, claim_id))
        assert done.rowcount == 1, "only what was consumed can settle"

    def _own(self, signer: str) -> None:
        with self._transaction():
            owner = self._db.execute("SELECT log, signer FROM owner").fetchone()
            if owner is None:
                self._db.execute("INSERT INTO owner VALUES (?, ?)", (self._log, signer))
            elif owner != (self._log, signer):
                raise OutboxForeign(
                    "该发件箱属于其他账本或密钥，请换用新文件", "this outbox is another log's or key's; take a new file"
                )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            # What returned from this COMMIT is on the disk; what did not was never said.
            self._db.execute("COMMIT")


def peek(path: Path) -> tuple[dict[str, int], list[tuple[int, bytes]]]:
    """Bundles per state, and those set aside with their problem documents; reads only, needs no key."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
        counts = dict(db.execute("SELECT state, count(*) FROM bundle GROUP BY state").fetchall())
        return counts, db.execute("SELECT seq, answer FROM bundle WHERE state = 'set_aside' ORDER BY seq").fetchall()


def take_up(path: Path, seq: int) -> bool:
    """Let a bundle that was set aside be sent once more, the same bytes; False if it was not set aside."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = FULL")
        question = "UPDATE bundle SET answer = NULL, state = 'pending' WHERE seq = ? AND state = 'set_aside'"
        return db.execute(question, (seq,)).rowcount == 1
