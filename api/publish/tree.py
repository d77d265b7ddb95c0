"""The tree of a published log: re-hashed from committed bytes, written as tiles, checked against what was signed."""

from array import array
from functools import lru_cache

from msgspec import MsgspecError, Struct
from msgspec import json as mjson

from api.publish.stopped import Stopped
from api.publish.tile_store import TileStore, differs
from ledger.entry import leaf_hash
from ledger.errors import LedgerError
from ledger.merkle import Frontier, extend, root_of
from ledger.proofs import ReadHash, check_consistency, prove_consistency, read_frontier, tree_root
from ledger.store.committed import Committed
from ledger.tiles import ENTRIES, HEIGHT, WIDTH, Tile, encode_entries, extend_tiles, tile_reader

CHUNK = 16 * WIDTH
_REMEMBERED = 256  # files, of at most 8 KiB: a whole log's would not fit


class Rehashed(Struct, frozen=True):
    """The root over the committed bytes, and when each new entry was recorded (ms UTC)."""

    root: bytes
    recorded_at: "array[int]"


class _Peek(Struct, frozen=True):
    """The one field of an entry that tells how late its checkpoint is."""

    recorded_at: int


_peek = mjson.Decoder(_Peek)


def bundle_start(size: int) -> int:
    """Where the last entry bundle of a tree begins: 0 for an empty one."""
    return max(0, size - 1) // WIDTH * WIDTH


def reader(store: TileStore, size: int) -> ReadHash:
    """Reads the hashes of this tree from its files; the files that were read last are remembered."""
    return tile_reader(lru_cache(_REMEMBERED)(store.fetch), size)


def signed_frontier(store: TileStore, size: int, root: bytes) -> Frontier:
    """The frontier that the files of the last signed tree give. Stopped unless its root is the one that was signed."""
    frontier = read_frontier(reader(store, size), 0, size)
    if root_of(frontier) != root:
        raise differs(Tile(0, bundle_start(size) >> HEIGHT, size % WIDTH or WIDTH))
    return frontier


def rehash(log: Committed, store: TileStore, signed: int, frontier: Frontier) -> Rehashed:
    """Hash what is committed from the last signed bundle on, out of the bytes themselves.

    Stopped when that bundle's entries no longer hash to its tile, or the new ones not to the frontier that appending
    kept: nothing was written yet.
    """
    recorded_at, at = array("q"), bundle_start(signed)
    for bodies in log.bodies(at, log.size, CHUNK):
        leaves, kept = [leaf_hash(body) for body in bodies], max(0, signed - at)
        if kept:
            _compare(store.fetch(Tile(0, at >> HEIGHT, kept)), leaves[:kept], at)
        frontier = extend(frontier, at + kept, leaves[kept:])
        recorded_at.extend(_recorded_at(body, index) for index, body in enumerate(bodies[kept:], at + kept))
        at += len(bodies)
    if frontier != log.frontier:
        raise changed(signed, log.size)
    return Rehashed(root_of(frontier), recorded_at)


def check_last_bundle(log: Committed, store: TileStore, signed: int) -> None:
    """Raise Stopped when the entries of the last signed bundle no longer hash to its tile."""
    at = bundle_start(signed)
    for bodies in log.bodies(at, signed, CHUNK):
        _compare(store.fetch(Tile(0, at >> HEIGHT, signed - at)), [leaf_hash(body) for body in bodies], at)


def _recorded_at(body: bytes, index: int) -> int:
    try:
        return _peek.decode(body).recorded_at
    except (MsgspecError, UnicodeError) as error:
        raise changed(index, index + 1) from error


def _compare(tile: bytes, leaves: list[bytes], first: int) -> None:
    for number, leaf in enumerate(leaves):
        if tile[number * len(leaf) : (number + 1) * len(leaf)] != leaf:
            raise changed(first + number, first + number + 1)


def write_tree(log: Committed, store: TileStore, old: int, new: int) -> None:
    """Write the files that a tree of `new` entries has and one of `old` has not, and make them durable.

    The bytes are read and hashed a second time; `check_tree` then asks the files for the root.
    """
    at = bundle_start(old)
    for bodies in log.bodies(at, new, CHUNK):
        for first in range(0, len(bodies), WIDTH):
            group = bodies[first : first + WIDTH]
            if at + first + len(group) > old:
                store.write(Tile(ENTRIES, (at + first) >> HEIGHT, len(group)), encode_entries(group))
        kept = max(0, old - at)
        for tile, body in extend_tiles(store.fetch, at + kept, [leaf_hash(body) for body in bodies[kept:]]):
            store.write(tile, body)
        at += len(bodies)
    store.settle()


def check_tree(store: TileStore, old: int, old_root: bytes, new: int, new_root: bytes) -> None:
    """Raise Stopped unless the files give this root, and a proof that the tree only appended to what was signed."""
    read = reader(store, new)
    try:
        if tree_root(read, new) != new_root:
            raise differs(Tile(0, bundle_start(new) >> HEIGHT, new % WIDTH or WIDTH))
        if old:
            check_consistency(old, new, prove_consistency(read, old, new), old_root, new_root)
    except Stopped:
        raise
    except LedgerError as error:
        raise Stopped("tile-differs", f"新树与已签的不一致：{error.zh}", f"not consistent: {error.en}") from error


def changed(first: int, end: int) -> Stopped:
    """A committed entry is not what it was."""
    which_zh = f"第 {first} 条" if end == first + 1 else f"第 {first} 至 {end - 1} 条"
    which_en = f"entry {first}" if end == first + 1 else f"an entry from {first} to {end - 1}"
    return Stopped(
        "entries-changed",
        f"数据库中{which_zh}被改动：与入账或发布时的哈希不符；请保全现场，运行 ledger audit",
        f"{which_en} was changed in the database: it no longer hashes to what was committed or published; "
        "keep everything as it is and run ledger audit",
    )
