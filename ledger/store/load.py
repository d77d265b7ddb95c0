"""Loading the part of the world that claims name, in a few set-based queries, under the log's lock."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct
from psycopg import Connection, Cursor

from ledger import claim as c
from ledger.bundle import Bundle, decode_claim
from ledger.errors import Busy, Corrupt, NotFound
from ledger.merkle import Frontier, unpack_frontier
from ledger.registry import KINDS, SUPPLY_KINDS, Registry
from ledger.store.columns import blobs, texts, uuids
from ledger.store.named import DEVICE, id_bytes, named_by
from ledger.store.state_rows import cylinder_decoder, keep_place
from ledger.world import FOLD, CodeUse, Head, World


class LogHead(Struct, frozen=True):
    """A log's row: its id here, how many entries it has, and what appending needs of them. Times ms UTC.

    `last_leaf` is the newest entry's leaf hash, empty before entry 0; `fold` the version of the fold that made the
    caches (`ledger.world.FOLD`).
    """

    log_id: int
    origin: str
    size: int
    frontier: Frontier
    recorded_at: int
    registry_index: int
    last_leaf: bytes
    fold: int


class ClaimKey(NamedTuple):
    """A claim as a resend is recognised: its signer, its id, half of its text's SHA-256; 16 bytes each."""

    signer: bytes
    claim_id: bytes
    text_digest: bytes


class LogCache:
    """What a process keeps of one log: its id, and its registry while nobody else files (`registry_index`, locked)."""

    def __init__(self) -> None:
        """Nothing is kept yet."""
        self._log_id: int | None = None
        self._registry: Registry | None = None
        self._registry_index = -1

    def log_id(self, connection: Connection, origin: str) -> int:
        """The id of that log in this database."""
        if self._log_id is None:
            self._log_id = read_head(connection, origin, lock=False).log_id
        return self._log_id

    def registry(self, connection: Connection, head: LogHead) -> Registry:
        """The registry as of `head`."""
        if self._registry is None or self._registry_index != head.registry_index:
            self._registry = load_registry(connection, head.log_id)
            self._registry_index = head.registry_index
        return self._registry

    def keep(self, world: World) -> None:
        """The registry after a commit."""
        self._registry, self._registry_index = world.registry, world.registry_index

    def drop(self) -> None:
        """After a roll-back: what was folded never happened."""
        self._registry, self._registry_index = None, -1


def claim_key(signer: str, claim_id: str, text: str) -> ClaimKey:
    """The key of one claim's exact text."""
    return ClaimKey(bytes.fromhex(signer), id_bytes(claim_id), hashlib.sha256(text.encode()).digest()[:16])


_HEAD = "SELECT log_id, size, frontier, recorded_at, registry_index, last_leaf, fold FROM log WHERE origin = %s"


def read_head(connection: Connection, origin: str, *, lock: bool) -> LogHead:
    """A log's head row; with `lock`, held until the transaction ends: one writer at a time per log."""
    return _head_of(origin, _ask_head(connection, origin, lock=lock))


def _ask_head(connection: Connection, origin: str, *, lock: bool) -> Cursor:
    return connection.execute(_HEAD + (" FOR UPDATE" if lock else ""), (origin,), binary=True)


def _head_of(origin: str, cursor: Cursor) -> LogHead:
    row = cursor.fetchone()
    if row is None:
        raise NotFound(f"此处没有日志 {origin}；请先建立", f"no log {origin} here; open it first")
    log_id, size, frontier, recorded_at, registry_index, last_leaf, fold = row
    return LogHead(log_id, origin, size, unpack_frontier(frontier), recorded_at, registry_index, last_leaf, fold)


def other_fold(origin: str) -> Busy:
    """The fault of a log whose caches another version of the fold made."""
    return Busy(
        f"日志 {origin} 的缓存表由另一版本折叠而成；请停止服务，用本版本运行 ledger migrate，再启动",
        f"the cached tables of {origin} are of another version; stop serving, run ledger migrate of this version,"
        " then serve again",
        retry_after_s=60,
    )


def load_registry(connection: Connection, log_id: int) -> Registry:
    """All records of a log but those about customers, folded in index order."""
    rows = connection.execute(
        "SELECT seq, entry_index, body FROM record WHERE log_id = %s AND split_part(subject, ':', 1) = ANY(%s)"
        " ORDER BY entry_index",
        (log_id, _REGISTRY_KINDS),
        binary=True,
    )
    registry = Registry()
    _file_all(registry, rows)
    return registry


_REGISTRY_KINDS = [kind for kind in KINDS if kind not in SUPPLY_KINDS]


def _file_all(registry: Registry, rows: Iterable[tuple[int, int, bytes]]) -> None:
    for seq, entry_index, body in rows:
        claim = decode_claim(bytes(body).decode())
        if not isinstance(claim, c.FilingClaim):
            raise Corrupt("登记表内容有误；请运行 ledger audit", "a record is no filing; run ledger audit")
        registry.file(claim, seq=seq, entry_index=entry_index)


class Loaded(NamedTuple):
    """A locked log: its head, the part of its world that some bundles name, and which of their claims it has.

    `recorded` maps each such claim to its entry's index, `bodies` those indexes to the entries' bytes.
    """

    head: LogHead
    world: World
    recorded: dict[ClaimKey, int]
    bodies: dict[int, bytes]


def lock_and_load(connection: Connection, origin: str, bundles: Iterable[Bundle], cache: LogCache) -> Loaded:
    """Lock the log until the transaction ends, and load what these bundles name; NotFound if there is no such log,
    Busy if its caches are another version's.

    The questions go out together, in one round trip. The server takes them in order, each in a snapshot of its own
    (read committed), so all that follow the lock see what the last writer committed.
    """
    log_id = cache.log_id(connection, origin)
    named = named_by(bundles)
    with connection.pipeline():
        heads = _ask_head(connection, origin, lock=True)
        claims = connection.execute(_CLAIMS, (log_id, blobs(named.claims)), binary=True)
        scanned = {"log_id": log_id, "codes": texts(named.codes), "places": texts(named.places)}
        codes = connection.execute(_BY_CODE, scanned, binary=True)
        by_id = connection.execute(_BY_ID, (log_id, uuids(named.cylinders)), binary=True) if named.cylinders else ()
        chains = connection.execute(_CHAINS, (log_id, texts(named.chains)), binary=True)
        supply = connection.execute(_SUPPLY, (log_id, texts(named.supply)), binary=True) if named.supply else ()
        there = connection.execute(_THERE, (log_id, texts(named.counted)), binary=True) if named.counted else ()
    head = _head_of(origin, heads)
    if head.fold != FOLD:
        raise other_fold(origin)
    world = World(origin, cache.registry(connection, head))
    world.size, world.recorded_at, world.registry_index = head.size, head.recorded_at, head.registry_index
    world.last_leaf = head.last_leaf.hex()
    for code, active, key, body, at, at_body in codes:
        if key is not None:
            world.codes[code] = CodeUse(key, active=active)
            if key not in world.cylinders:
                world.cylinders[key] = cylinder_decoder.decode(body)
        if at is not None:
            keep_place(world, at, at_body)
    for rows in (by_id, there):
        world.cylinders.update((key, cylinder_decoder.decode(body)) for key, body in rows)
    _file_all(world.supply, supply)
    for place, body in _led_on_to(connection, log_id, world, named.counted):
        keep_place(world, place, body)
    for chain, seq, digest in chains:
        kind, _, signer = chain.partition(":")
        if kind == DEVICE:
            world.devices[signer] = Head(seq, digest.hex())
        else:
            world.subjects[chain] = Head(seq, digest.hex())
    recorded = {ClaimKey(*key): index for *key, index in claims}
    world.seen.update((key.signer.hex(), str(UUID(bytes=key.claim_id))) for key in recorded)
    return Loaded(head, world, recorded, _bodies(connection, log_id, list(recorded.values())))


def _led_on_to(
    connection: Connection, log_id: int, world: World, counted: Iterable[str]
) -> Iterable[tuple[str, bytes]]:
    """Where what nobody registered stands, of the codes at hand; and of what stands at premises that are counted."""
    homes = (world.premises[key] for key in counted if key in world.premises)
    more = {f"stray:{code}" for home in homes for code in home.foreign if code not in world.strays}
    left = (stray.premises for stray in world.strays.values())
    more |= {f"premises:{key}" for key in left if key is not None and key not in world.premises}
    return connection.execute(_PLACES, (log_id, texts(more)), binary=True) if more else ()


_CLAIMS = "SELECT signer, claim_id, text_digest, entry_index FROM claim_index WHERE log_id = %s AND claim_id = ANY(%b)"
# Each cylinder with the place that it may leave now, the vehicle or the premises that it is at; then the places named.
_BY_CODE = """
SELECT code, active, c.cylinder::text, c.body, p.place, p.body
FROM code AS k JOIN cylinder AS c USING (log_id, cylinder)
LEFT JOIN place AS p ON p.log_id = c.log_id AND p.place = ANY(
    CASE WHEN c.premises IS NOT NULL OR c.carrier IS NOT NULL THEN ARRAY[c.holder, 'premises:' || c.premises] END)
WHERE k.log_id = %(log_id)s AND code = ANY(%(codes)b::text[])
UNION ALL
SELECT NULL, NULL, NULL, NULL, place, body FROM place WHERE log_id = %(log_id)s AND place = ANY(%(places)b::text[])
"""
_BY_ID = "SELECT cylinder::text, body FROM cylinder WHERE log_id = %s AND cylinder = ANY(%b::uuid[])"
_THERE = "SELECT cylinder::text, body FROM cylinder WHERE log_id = %s AND premises = ANY(%b)"
_SUPPLY = "SELECT seq, entry_index, body FROM record WHERE log_id = %s AND subject = ANY(%b) ORDER BY entry_index"
_PLACES = "SELECT place, body FROM place WHERE log_id = %s AND place = ANY(%b)"
_CHAINS = "SELECT chain, seq, digest FROM chain_head WHERE log_id = %s AND chain = ANY(%b)"


def chain_heads(world: World) -> Iterator[tuple[str, Head]]:
    """Every chain that a world knows the head of, apart from cylinders', which they carry themselves.

    A chain is named by its subject; a signer's chain of bundles is `device:` and its id.
    """
    yield from world.subjects.items()
    yield from ((f"{DEVICE}:{signer}", head) for signer, head in world.devices.items())


def _bodies(connection: Connection, log_id: int, indexes: list[int]) -> dict[int, bytes]:
    if not indexes:
        return {}
    rows = connection.execute(
        "SELECT entry_index, body FROM entry WHERE log_id = %s AND entry_index = ANY(%b::int8[])",
        (log_id, indexes),
        binary=True,
    ).fetchall()
    return dict(rows)
