"""Writing what an append made: entries by COPY, caches by set-based upserts, the head last."""

from typing import NamedTuple

from psycopg import Cursor

from ledger import claim as c
from ledger.entry import Entry
from ledger.store.load import ClaimKey, cylinder_encoder
from ledger.world import World


class NewEntry(NamedTuple):
    """One entry to write: its index and exact bytes, the key of its claim, whose story it belongs to, and where."""

    entry_index: int
    body: bytes
    key: ClaimKey
    parties: tuple[str, ...]
    site: str | None


class Batch:
    """What one append writes: new entries and bundles, and which cached rows they touched."""

    def __init__(self, log_id: int, first_index: int) -> None:
        """Nothing yet, in a log of `first_index` entries."""
        self.log_id = log_id
        self.first_index = first_index
        self.entries: list[NewEntry] = []
        self.bundles: dict[bytes, bytes] = {}
        self.cylinders: set[str] = set()
        self.codes: set[str] = set()
        self.subjects: set[str] = set()
        self.records: set[str] = set()
        self.signers: set[str] = set()

    def touch(self, world: World, entry: Entry, claim: c.AnyClaim) -> None:
        """Note which cached rows this entry changes; called before `world` folds it."""
        self.signers.add(entry.signer)
        kind, _, key = entry.subject.partition(":")
        if kind == "cylinder":
            self.cylinders.add(key)
            self._touch_codes(world, key, claim)
        else:
            self.subjects.add(entry.subject)
        if isinstance(claim, c.Filing):
            self.records.add(entry.subject)
            if isinstance(claim, c.FileUseRegistration):
                self.cylinders.update(key for key in claim.cylinders if key in world.cylinders)

    def _touch_codes(self, world: World, key: str, claim: c.AnyClaim) -> None:
        if isinstance(claim, c.RegisterCylinder):
            self.codes.add(claim.code)
        if isinstance(claim, c.BindCode):
            self.codes.update({claim.new_code} if claim.retires is None else {claim.new_code, claim.retires})
        if isinstance(claim, c.DeregisterCylinder):
            self.codes.update(world.cylinders[key].codes)


def write_batch(cursor: Cursor, batch: Batch, world: World, frontier: bytes) -> None:
    """Write it all within the caller's transaction. The order matters to nobody: the commit makes it one act."""
    _write_log(cursor, batch)
    _write_cylinders(cursor, batch, world)
    _write_chains(cursor, batch, world)
    cursor.execute(
        "UPDATE log SET size = %s, frontier = %s, recorded_at = %s, registry_index = %s WHERE log_id = %s",
        (world.size, frontier, world.recorded_at, world.registry_index, batch.log_id),
    )


def _write_log(cursor: Cursor, batch: Batch) -> None:
    log_id = batch.log_id
    with cursor.copy("COPY entry (log_id, entry_index, body) FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int4", "int8", "bytea"])
        for new in batch.entries:
            copy.write_row((log_id, new.entry_index, new.body))
    with cursor.copy(
        "COPY claim_index (log_id, signer, claim_id, text_digest, entry_index) FROM STDIN (FORMAT binary)"
    ) as copy:
        copy.set_types(["int4", "bytea", "bytea", "bytea", "int8"])
        for new in batch.entries:
            copy.write_row((log_id, *new.key, new.entry_index))
    with cursor.copy("COPY entry_party (log_id, party, entry_index, site) FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int4", "text", "int8", "text"])
        for new in batch.entries:
            for party in new.parties:
                copy.write_row((log_id, party, new.entry_index, new.site))
    # A bundle of nothing but refused re-uses may come again after its first time.
    cursor.execute(
        "INSERT INTO bundle (log_id, digest, envelope) SELECT %s, * FROM unnest(%b::bytea[], %b::bytea[])"
        " ON CONFLICT DO NOTHING",
        (log_id, list(batch.bundles), list(batch.bundles.values())),
    )


def _write_cylinders(cursor: Cursor, batch: Batch, world: World) -> None:
    if batch.cylinders:
        keys = sorted(batch.cylinders)
        cursor.execute(
            "INSERT INTO cylinder (log_id, cylinder, body) SELECT %s, * FROM unnest(%b::text[]::uuid[], %b::bytea[])"
            " ON CONFLICT (log_id, cylinder) DO UPDATE SET body = excluded.body",
            (batch.log_id, keys, [cylinder_encoder.encode(world.cylinders[k]) for k in keys]),
        )
    codes = [code for code in sorted(batch.codes) if code in world.codes]
    if codes:
        uses = [world.codes[code] for code in codes]
        cursor.execute(
            "INSERT INTO code (log_id, code, cylinder, active)"
            " SELECT %s, * FROM unnest(%b::text[], %b::text[]::uuid[], %b::bool[])"
            " ON CONFLICT (log_id, code) DO UPDATE SET active = excluded.active",
            (batch.log_id, codes, [use.cylinder for use in uses], [use.active for use in uses]),
        )


def _write_chains(cursor: Cursor, batch: Batch, world: World) -> None:
    signers = sorted(batch.signers)
    devices = [world.devices[signer] for signer in signers]
    cursor.execute(
        "INSERT INTO device (log_id, signer, device_seq, digest)"
        " SELECT %s, * FROM unnest(%b::bytea[], %b::int8[], %b::bytea[]) ON CONFLICT (log_id, signer)"
        " DO UPDATE SET device_seq = excluded.device_seq, digest = excluded.digest",
        (
            batch.log_id,
            [bytes.fromhex(signer) for signer in signers],
            [head.seq for head in devices],
            [bytes.fromhex(head.digest) for head in devices],
        ),
    )
    if batch.subjects:
        subjects = sorted(batch.subjects)
        heads = [world.subjects[subject] for subject in subjects]
        cursor.execute(
            "INSERT INTO subject_head (log_id, subject, seq, leaf)"
            " SELECT %s, * FROM unnest(%b::text[], %b::int8[], %b::bytea[]) ON CONFLICT (log_id, subject)"
            " DO UPDATE SET seq = excluded.seq, leaf = excluded.leaf",
            (batch.log_id, subjects, [head.seq for head in heads], [bytes.fromhex(head.digest) for head in heads]),
        )
    records = [subject for subject in sorted(batch.records) if subject in world.registry.records]
    if records:
        filed = [world.registry.records[subject] for subject in records]
        cursor.execute(
            "INSERT INTO record (log_id, subject, seq, entry_index, body)"
            " SELECT %s, * FROM unnest(%b::text[], %b::int8[], %b::int8[], %b::bytea[])"
            " ON CONFLICT (log_id, subject) DO UPDATE"
            " SET seq = excluded.seq, entry_index = excluded.entry_index, body = excluded.body",
            (
                batch.log_id,
                records,
                [one.seq for one in filed],
                [one.entry_index for one in filed],
                [cylinder_encoder.encode(one.claim) for one in filed],
            ),
        )
