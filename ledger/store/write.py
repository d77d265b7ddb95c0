"""Writing what an append made: entries, caches and head in one statement."""

from typing import NamedTuple

from psycopg import Connection

from ledger import claim as c
from ledger import events as e
from ledger.cylinder import codes_of
from ledger.entry import Entry
from ledger.merkle import extend, pack_frontier
from ledger.store.columns import bigints, blobs, ints, texts, uuids
from ledger.store.device_rows import DeviceBundle
from ledger.store.load import ClaimKey, Loaded
from ledger.store.named import DEVICE
from ledger.store.state_rows import cylinder_encoder, cylinder_row, place_row
from ledger.world import Head, World


class NewEntry(NamedTuple):
    """One entry to write: its index, exact bytes and leaf hash, its claim's key, whose story it belongs to, where."""

    entry_index: int
    body: bytes
    leaf: bytes
    key: ClaimKey
    parties: tuple[str, ...]
    site: str | None


class Batch:
    """What one append writes: new entries and bundles, and which cached rows they touched; of cylinders and places the
    world says so (`World.changed`).
    """

    def __init__(self) -> None:
        """Nothing yet."""
        self.entries: list[NewEntry] = []
        self.bundles: dict[bytes, bytes] = {}
        self.devices: list[DeviceBundle] = []
        self.codes: set[str] = set()
        self.chains: set[str] = set()
        self.records: set[str] = set()

    def touch(self, world: World, entry: Entry, claim: c.AnyClaim) -> None:
        """Note which cached rows this entry changes; called before `world` folds it."""
        self.chains.add(f"{DEVICE}:{entry.signer}")
        kind, _, key = entry.subject.partition(":")
        if kind == "cylinder":
            self._touch_codes(world, key, entry, claim)
        else:
            self.chains.add(entry.subject)
        if isinstance(claim, c.Filing):
            self.records.add(entry.subject)

    def _touch_codes(self, world: World, key: str, entry: Entry, claim: c.AnyClaim) -> None:
        if isinstance(claim, c.RegisterCylinder):
            assert isinstance(entry.outcome, e.CylinderRegistered)
            self.codes.update(codes_of(claim, entry.outcome))
        if isinstance(claim, c.BindCode):
            self.codes.update({claim.new_code} if claim.retires is None else {claim.new_code, claim.retires})
        if isinstance(claim, c.DeregisterCylinder):
            self.codes.update(world.cylinders[key].codes)


def write_batch(connection: Connection, loaded: Loaded, batch: Batch) -> None:
    """Write it all within the caller's transaction: the entries, the caches and the head."""
    log_id, world = loaded.head.log_id, loaded.world
    frontier = extend(loaded.head.frontier, loaded.head.size, (new.leaf for new in batch.entries))
    connection.execute(
        _CACHES,
        {
            "log_id": log_id,
            "size": world.size,
            "frontier": pack_frontier(frontier),
            "recorded_at": world.recorded_at,
            "registry_index": world.registry_index,
            "last_leaf": batch.entries[-1].leaf,
        }
        | _index_columns(batch)
        | _cache_columns(batch, world),
    )
    if batch.codes or batch.records:
        connection.execute(_RARE, {"log_id": log_id} | _rare_columns(batch, world))


_CACHES = """
WITH entries AS (
    INSERT INTO entry (log_id, entry_index, body)
    SELECT %(log_id)s, * FROM unnest(%(entry)b::int8[], %(body)b::bytea[])
), claims AS (
    INSERT INTO claim_index (log_id, signer, claim_id, text_digest, entry_index)
    SELECT %(log_id)s, * FROM unnest(
        %(claim_signer)b::bytea[], %(claim_id)b::bytea[], %(claim_digest)b::bytea[], %(entry)b::int8[])
), parties AS (
    INSERT INTO entry_party (log_id, party, entry_index, site)
    SELECT %(log_id)s, * FROM unnest(%(party)b::text[], %(party_entry)b::int8[], %(party_site)b::text[])
), bundles AS (
    -- A bundle of nothing but refused re-uses may come again after its first time.
    INSERT INTO bundle (log_id, digest, envelope)
    SELECT %(log_id)s, * FROM unnest(%(bundle)b::bytea[], %(envelope)b::bytea[])
    ON CONFLICT DO NOTHING
), devices AS (
    INSERT INTO device_bundle (
        log_id, entry_index, signer, device_seq, digest, device_prev, seen_size, seen_root)
    SELECT %(log_id)s, * FROM unnest(
        %(device_entry)b::int8[], %(device_signer)b::bytea[], %(device_seq)b::int8[], %(bundle)b::bytea[],
        %(device_prev)b::bytea[], %(seen_size)b::int8[], %(seen_root)b::bytea[])
), cylinders AS (
    INSERT INTO cylinder (log_id, cylinder, body, holder, premises, carrier, maker, made_month, serial, tare_g)
    SELECT %(log_id)s, * FROM unnest(
        %(cylinder)b::uuid[], %(cylinder_body)b::bytea[], %(holder)b::text[], %(premises)b::text[],
        %(carrier)b::text[], %(maker)b::text[], %(made_month)b::text[], %(serial)b::text[], %(tare_g)b::int4[])
    ON CONFLICT (log_id, cylinder) DO UPDATE SET body = excluded.body, holder = excluded.holder,
        premises = excluded.premises, carrier = excluded.carrier, made_month = excluded.made_month,
        tare_g = excluded.tare_g
), places AS (
    INSERT INTO place (log_id, place, body, town, building, holder)
    SELECT %(log_id)s, * FROM unnest(
        %(place)b::text[], %(place_body)b::bytea[], %(town)b::text[], %(building)b::text[],
        %(place_holder)b::text[])
    ON CONFLICT (log_id, place) DO UPDATE SET body = excluded.body, town = excluded.town,
        building = excluded.building, holder = excluded.holder
), chains AS (
    INSERT INTO chain_head (log_id, chain, seq, digest)
    SELECT %(log_id)s, * FROM unnest(%(chain)b::text[], %(chain_seq)b::int8[], %(chain_digest)b::bytea[])
    ON CONFLICT (log_id, chain) DO UPDATE SET seq = excluded.seq, digest = excluded.digest
)
UPDATE log SET size = %(size)s, frontier = %(frontier)s, recorded_at = %(recorded_at)s,
    registry_index = %(registry_index)s, last_leaf = %(last_leaf)s
WHERE log_id = %(log_id)s
"""


_RARE = """
WITH codes AS (
    INSERT INTO code (log_id, code, cylinder, active)
    SELECT %(log_id)s, * FROM unnest(%(code)b::text[], %(code_cylinder)b::text[]::uuid[], %(code_active)b::bool[])
    ON CONFLICT (log_id, code) DO UPDATE SET active = excluded.active
)
INSERT INTO record (log_id, subject, seq, entry_index, body)
SELECT %(log_id)s, * FROM unnest(
    %(record)b::text[], %(record_seq)b::int8[], %(record_entry)b::int8[], %(record_body)b::bytea[])
ON CONFLICT (log_id, subject)
DO UPDATE SET seq = excluded.seq, entry_index = excluded.entry_index, body = excluded.body
"""


def _index_columns(batch: Batch) -> dict[str, object]:
    """The columns of the tables that have rows per entry, and of the bundles."""
    entries, parties = batch.entries, [(party, new) for new in batch.entries for party in new.parties]
    devices = batch.devices
    return {
        "entry": bigints(new.entry_index for new in entries),
        "body": blobs(new.body for new in entries),
        "claim_signer": blobs(new.key.signer for new in entries),
        "claim_id": blobs(new.key.claim_id for new in entries),
        "claim_digest": blobs(new.key.text_digest for new in entries),
        "party": texts(party for party, _ in parties),
        "party_entry": bigints(new.entry_index for _, new in parties),
        "party_site": texts(new.site for _, new in parties),
        "bundle": blobs(batch.bundles),
        "envelope": blobs(batch.bundles.values()),
        "device_entry": bigints(one.entry_index for one in devices),
        "device_signer": blobs(one.signer for one in devices),
        "device_seq": bigints(one.device_seq for one in devices),
        "device_prev": blobs(one.device_prev for one in devices),
        "seen_size": bigints(one.seen_size for one in devices),
        "seen_root": blobs(one.seen_root for one in devices),
    }


def _cache_columns(batch: Batch, world: World) -> dict[str, object]:
    """The columns of the tables that hold the newest state; keys sorted, so that writers lock in one order."""
    changed = sorted(world.changed)
    scanned = [key.removeprefix(_CYLINDER) for key in changed if key.startswith(_CYLINDER)]
    cylinders = [cylinder_row(world.cylinders[key]) for key in scanned]
    places = [place_row(world, key) for key in changed if not key.startswith(_CYLINDER)]
    chains = [(name, _chain(world, name)) for name in sorted(batch.chains)]
    return {
        "cylinder": uuids(scanned),
        "cylinder_body": blobs(one.body for one in cylinders),
        "holder": texts(one.holder for one in cylinders),
        "premises": texts(one.premises for one in cylinders),
        "carrier": texts(one.carrier for one in cylinders),
        "maker": texts(one.maker for one in cylinders),
        "made_month": texts(one.made_month for one in cylinders),
        "serial": texts(one.serial for one in cylinders),
        "tare_g": ints(one.tare_g for one in cylinders),
        "place": texts(one.place for one in places),
        "place_body": blobs(one.body for one in places),
        "town": texts(one.town for one in places),
        "building": texts(one.building for one in places),
        "place_holder": texts(one.holder for one in places),
        "chain": texts(name for name, _ in chains),
        "chain_seq": bigints(head.seq for _, head in chains),
        "chain_digest": blobs(bytes.fromhex(head.digest) for _, head in chains),
    }


_CYLINDER = "cylinder:"


def _rare_columns(batch: Batch, world: World) -> dict[str, object]:
    """The columns of the tables that scans do not touch."""
    codes = [code for code in sorted(batch.codes) if code in world.codes]
    books = world.supply.records, world.registry.records
    filings = {subject: book[subject] for book in books for subject in batch.records if subject in book}
    records = sorted(filings)
    filed = [filings[subject] for subject in records]
    return {
        "code": codes,
        "code_cylinder": [world.codes[code].cylinder for code in codes],
        "code_active": [world.codes[code].active for code in codes],
        "record": records,
        "record_seq": [one.seq for one in filed],
        "record_entry": [one.entry_index for one in filed],
        "record_body": [cylinder_encoder.encode(one.claim) for one in filed],
    }


def _chain(world: World, name: str) -> Head:
    kind, _, signer = name.partition(":")
    return world.devices[signer] if kind == DEVICE else world.subjects[name]
