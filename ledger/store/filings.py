"""Reading the registry: what is filed, where it stands, and what was filed before."""

import sqlalchemy as sa
from msgspec import Struct

from ledger import claim as c
from ledger.bundle import decode_claim
from ledger.store import schema as t
from ledger.store.read import Stored, entries_of
from ledger.world import filing_party

_RECORDS = sa.select(t.record.c.subject, t.record.c.seq, t.record.c.entry_index, t.record.c.body)


class FiledRecord(Struct, frozen=True):
    """A filing and where it stands: `seq` is what the filing that replaces it must expect."""

    subject: str
    seq: int
    entry_index: int
    claim: c.FilingClaim


def record_in_force(connection: sa.Connection, log_id: int, subject: str) -> FiledRecord | None:
    """The filing in force of a subject with where it stands, None when there is none."""
    found = connection.execute(_RECORDS.where(t.record.c.log_id == log_id, t.record.c.subject == subject)).one_or_none()
    return None if found is None else filed_record(*found)


def records_of_kind(connection: sa.Connection, log_id: int, kind: str, *, after: int, limit: int) -> list[FiledRecord]:
    """The records of a kind (`enterprise`, `permit`, …) filed after an index, in index order."""
    rows = connection.execute(
        _RECORDS.where(t.record.c.log_id == log_id, t.record_kind == kind, t.record.c.entry_index > after)
        .order_by(t.record.c.entry_index)
        .limit(limit)
    )
    return [filed_record(*row) for row in rows]


def filed_record(subject: str, seq: int, entry_index: int, body: bytes) -> FiledRecord:
    """A row of the table of records."""
    claim = decode_claim(bytes(body).decode())
    assert isinstance(claim, c.FilingClaim)
    return FiledRecord(subject, seq, entry_index, claim)


def filings_of(connection: sa.Connection, log_id: int, subject: str) -> list[Stored]:
    """The accepted filings of a subject, in index order; within a scope of sites, those of these sites' entries."""
    return entries_of(connection, log_id, filing_party(subject))
