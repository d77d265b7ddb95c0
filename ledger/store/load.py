"""Loading the part of the world that claims name, in a few set-based queries, under the log's lock."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct
from msgspec import json as mjson
from psycopg import Connection, Cursor

from ledger import claim as c
from ledger.bundle import Bundle, decode_claim
from ledger.cylinder import Cylinder
from ledger.errors import Corrupt, NotFound
from ledger.merkle import Frontier, unpack_frontier
from ledger.registry import Registry, subject_of_filing
from ledger.world import CodeUse, Head, World

cylinder_decoder = mjson.Decoder(Cylinder)
cylinder_encoder = mjson.Encoder()


class LogHead(Struct, frozen=True):
    """A log's row: its id here, how many entries it has, and what appending needs of them. Times ms UTC."""

    log_id: int
    origin: str
    size: int
    frontier: Frontier
    recorded_at: int
    registry_index: int


class ClaimKey(NamedTuple):
    """A claim as a resend is recognised: its signer, its id, half of its text's SHA-256; 16 bytes each."""

    signer: bytes
    claim_id: bytes
    text_digest: bytes


class RegistryCache:
    """A registry folded once and kept while no other process has filed anything (`registry_index` under the lock)."""

    def __init__(self) -> None:
        """Nothing is kept yet."""
        self.registry: Registry | None = None
        self.registry_index = -1

    def get(self, cursor: Cursor, head: LogHead) -> Registry:
        """The registry as of `head`."""
        if self.registry is None or self.registry_index != head.registry_index:
            self.registry = load_registry(cursor, head.log_id)
            self.registry_index = head.registry_index
        return self.registry

    def keep(self, registry: Registry, registry_index: int) -> None:
        """The registry after a commit."""
        self.registry, self.registry_index = registry, registry_index

    def drop(self) -> None:
        """After a roll-back: what was folded never happened."""
        self.registry, self.registry_index = None, -1


def claim_key(signer: str, claim_id: str, text: str) -> ClaimKey:
    """The key of one claim's exact text."""
    return ClaimKey(bytes.fromhex(signer), id_bytes(claim_id), hashlib.sha256(text.encode()).digest()[:16])


def id_bytes(uuid: str) -> bytes:
    """The 16 bytes of a UUID's text; cheaper than making a UUID of it."""
    return bytes.fromhex(uuid.replace("-", ""))


def read_head(connection: Connection, origin: str, *, lock: bool) -> LogHead:
    """A log's head row; with `lock`, held until the transaction ends: one writer at a time per log."""
    sql = "SELECT log_id, size, frontier, recorded_at, registry_index FROM log WHERE origin = %s"
    row = connection.execute(sql + (" FOR UPDATE" if lock else ""), (origin,), binary=True).fetchone()
    if row is None:
        raise NotFound(f"此处没有日志 {origin}；请先建立", f"no log {origin} here; open it first")
    log_id, size, frontier, recorded_at, registry_index = row
    return LogHead(log_id, origin, size, unpack_frontier(frontier), recorded_at, registry_index)


def load_registry(cursor: Cursor, log_id: int) -> Registry:
    """All records of a log, folded in index order."""
    rows = cursor.execute(
        "SELECT seq, entry_index, body FROM record WHERE log_id = %s ORDER BY entry_index", (log_id,), binary=True
    ).fetchall()
    registry = Registry()
    for seq, entry_index, body in rows:
        claim = decode_claim(bytes(body).decode())
        if not isinstance(claim, c.FilingClaim):
            raise Corrupt("登记表内容有误；请运行 ledger audit", "a record is no filing; run ledger audit")
        registry.file(claim, seq=seq, entry_index=entry_index)
    return registry


def load_world(
    cursor: Cursor, head: LogHead, registry: Registry, bundles: Iterable[Bundle]
) -> tuple[World, dict[ClaimKey, int]]:
    """The world that these bundles name, and the entry index of every claim of theirs that was recorded before."""
    world = World(head.origin, registry)
    world.size, world.recorded_at, world.registry_index = head.size, head.recorded_at, head.registry_index
    named = _named(bundles)
    recorded = _load_claims(cursor, head.log_id, world, named)
    _load_cylinders(cursor, head.log_id, world, named)
    _load_heads(cursor, head.log_id, world, named)
    return world, recorded


class _Named(Struct):
    """What the claims at hand name."""

    signers: set[str]
    claims: set[tuple[bytes, bytes]]
    codes: set[str]
    cylinders: set[str]
    subjects: set[str]


def _named(bundles: Iterable[Bundle]) -> _Named:
    named = _Named(set(), set(), set(), set(), set())
    for bundle in bundles:
        named.signers.add(bundle.signer)
        named.subjects.add(f"signer:{bundle.signer}")
        signer = bytes.fromhex(bundle.signer)
        for signed in bundle.claims:
            claim = signed.claim
            named.claims.add((signer, id_bytes(claim.claim_id)))
            if isinstance(claim, c.Filing):
                assert isinstance(claim, c.FilingClaim)
                named.subjects.add(subject_of_filing(claim))
                if isinstance(claim, c.FileUseRegistration):
                    named.cylinders.update(claim.cylinders)
            elif isinstance(claim, c.RecordArrival):
                named.subjects.add(f"site:{claim.site}")
            else:
                named.codes.add(claim.code)
                if isinstance(claim, c.RegisterCylinder):
                    named.cylinders.add(claim.cylinder)
                if isinstance(claim, c.BindCode):
                    named.codes.add(claim.new_code)
    return named


def _load_claims(cursor: Cursor, log_id: int, world: World, named: _Named) -> dict[ClaimKey, int]:
    keys = list(named.claims)
    rows = cursor.execute(
        "SELECT signer, claim_id, text_digest, entry_index FROM claim_index"
        " JOIN unnest(%b::bytea[], %b::bytea[]) AS n (signer, claim_id) USING (signer, claim_id) WHERE log_id = %s",
        ([signer for signer, _ in keys], [claim_id for _, claim_id in keys], log_id),
        binary=True,
    ).fetchall()
    world.seen.update((signer.hex(), str(UUID(bytes=claim_id))) for signer, claim_id, _, _ in rows)
    return {ClaimKey(signer, claim_id, digest): index for signer, claim_id, digest, index in rows}


def _load_cylinders(cursor: Cursor, log_id: int, world: World, named: _Named) -> None:
    if named.codes:
        rows = cursor.execute(
            "SELECT code, active, c.cylinder::text, body FROM code AS k JOIN cylinder AS c USING (log_id, cylinder)"
            " WHERE k.log_id = %s AND code = ANY(%b)",
            (log_id, list(named.codes)),
            binary=True,
        ).fetchall()
        for code, active, cylinder, body in rows:
            world.codes[code] = CodeUse(cylinder, active=active)
            if cylinder not in world.cylinders:
                world.cylinders[cylinder] = cylinder_decoder.decode(body)
    if named.cylinders:
        rows = cursor.execute(
            "SELECT cylinder::text, body FROM cylinder WHERE log_id = %s AND cylinder = ANY(%b::text[]::uuid[])",
            (log_id, list(named.cylinders)),
            binary=True,
        ).fetchall()
        world.cylinders.update((cylinder, cylinder_decoder.decode(body)) for cylinder, body in rows)


def _load_heads(cursor: Cursor, log_id: int, world: World, named: _Named) -> None:
    rows = cursor.execute(
        "SELECT subject, seq, leaf FROM subject_head WHERE log_id = %s AND subject = ANY(%b)",
        (log_id, list(named.subjects)),
        binary=True,
    ).fetchall()
    world.subjects.update((subject, Head(seq, leaf.hex())) for subject, seq, leaf in rows)
    rows = cursor.execute(
        "SELECT signer, device_seq, digest FROM device WHERE log_id = %s AND signer = ANY(%b)",
        (log_id, [bytes.fromhex(signer) for signer in named.signers]),
        binary=True,
    ).fetchall()
    world.devices.update((signer.hex(), Head(seq, digest.hex())) for signer, seq, digest in rows)
