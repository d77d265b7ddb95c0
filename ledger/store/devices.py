"""Reading what signers' bundles say beside their claims, for whoever watches the signers."""

import sqlalchemy as sa

from ledger.entry import Entry, decode_entry
from ledger.store import schema as t
from ledger.store.device_rows import DeviceBundle
from ledger.store.named import DEVICE, id_bytes
from ledger.store.read import Stored, entries_of
from ledger.world import REUSED, Head, alert_party

_COLUMNS = sa.select(
    t.device_bundle.c.entry_index,
    t.device_bundle.c.signer,
    t.device_bundle.c.device_seq,
    t.device_bundle.c.digest,
    t.device_bundle.c.device_prev,
    t.device_bundle.c.seen_size,
    t.device_bundle.c.seen_root,
)


def bundles_between(connection: sa.Connection, log_id: int, first: int, end: int) -> list[DeviceBundle]:
    """The bundles whose first entries stand in [first, end), in index order."""
    index = t.device_bundle.c.entry_index
    rows = connection.execute(
        _COLUMNS.where(t.device_bundle.c.log_id == log_id, index >= first, index < end).order_by(index)
    )
    return [DeviceBundle(*row) for row in rows]


def bundles_beside(connection: sa.Connection, log_id: int, one: DeviceBundle) -> list[DeviceBundle]:
    """The same signer's bundles of that number, one less and one more that were entered before it; in index order."""
    seq = t.device_bundle.c.device_seq
    rows = connection.execute(
        _COLUMNS.where(
            t.device_bundle.c.log_id == log_id,
            t.device_bundle.c.signer == one.signer,
            seq >= one.device_seq - 1,
            seq <= one.device_seq + 1,
            t.device_bundle.c.entry_index < one.entry_index,
        ).order_by(t.device_bundle.c.entry_index)
    )
    return [DeviceBundle(*row) for row in rows]


def overtaken_by(
    connection: sa.Connection, log_id: int, one: DeviceBundle, after: int, size: int
) -> DeviceBundle | None:
    """The first bundle of the same signer with a higher number whose first entry stands past `after`, below `size`."""
    row = connection.execute(
        _COLUMNS.where(
            t.device_bundle.c.log_id == log_id,
            t.device_bundle.c.signer == one.signer,
            t.device_bundle.c.device_seq > one.device_seq,
            t.device_bundle.c.entry_index > after,
            t.device_bundle.c.entry_index < size,
        )
        .order_by(t.device_bundle.c.entry_index)
        .limit(1)
    ).one_or_none()
    return None if row is None else DeviceBundle(*row)


def entry_at(connection: sa.Connection, log_id: int, index: int) -> Entry:
    """The entry at an index that some row named."""
    body = connection.execute(
        sa.select(t.entry.c.body).where(t.entry.c.log_id == log_id, t.entry.c.entry_index == index)
    ).scalar_one()
    return decode_entry(body)


def reuses(connection: sa.Connection, log_id: int, *, after: int, limit: int) -> list[Stored]:
    """The refusals of claim ids that were used for other bytes, after an index, in index order."""
    return entries_of(connection, log_id, REUSED, after=after, limit=limit)


def first_use(connection: sa.Connection, log_id: int, signer: str, claim_id: str) -> int:
    """The entry that first bore this claim id of this signer."""
    index: int = connection.execute(
        sa.select(sa.func.min(t.claim_index.c.entry_index)).where(
            t.claim_index.c.log_id == log_id,
            t.claim_index.c.claim_id == id_bytes(claim_id),
            t.claim_index.c.signer == bytes.fromhex(signer),
        )
    ).scalar_one()
    return index


def device_head(connection: sa.Connection, log_id: int, signer: str) -> Head | None:
    """The newest bundle of a signer: its number and digest; None before its first."""
    found = connection.execute(
        sa.select(t.chain_head.c.seq, t.chain_head.c.digest).where(
            t.chain_head.c.log_id == log_id, t.chain_head.c.chain == f"{DEVICE}:{signer}"
        )
    ).one_or_none()
    return None if found is None else Head(found.seq, found.digest.hex())


def alerts_about(connection: sa.Connection, log_id: int, subject: str) -> list[Stored]:
    """The alerts about a signer (`signer:…`), in index order."""
    return entries_of(connection, log_id, alert_party(subject))
