"""Tiles: a tree and its entries as static files (C2SP tlog-tiles). Pure: bytes are fetched and kept by the caller.

A tile holds up to 256 consecutive hashes of one level; level 0 are leaf hashes, each hash of level L + 1 is the root of
a full tile of level L. Entry bundles hold the entries under a tile of level 0, each after its length. A tree of 70,000:
273 full tiles of level 0 and one of 112, one full tile of level 1 and one of 17, one of level 2 with 1.

    tile/0/000   tile/0/x001/x234/067   tile/0/273.p/112   tile/entries/273.p/112
"""

import re
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from ledger.entry import MAX_ENTRY_BYTES
from ledger.errors import Corrupt, Malformed
from ledger.merkle import HASH_BYTES, extend, root_of
from ledger.proofs import ReadHash

HEIGHT = 8
WIDTH = 1 << HEIGHT
FULL_BYTES = WIDTH * HASH_BYTES
ENTRIES = -1  # the level of entry bundles, which stand beside level 0

_MAX_LEVEL = 63
_MAX_PATH = len("tile/entries/x036/x028/x797/x018/x963/967.p/255")  # the last entry that a size can count
_PATH = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


class Tile(Struct, frozen=True):
    """Where a tile stands: its level (or ENTRIES), its index within the level, and how many hashes it holds, 1..256."""

    level: int
    index: int
    width: int = WIDTH


Fetch = Callable[[Tile], bytes]


def tile_path(tile: Tile) -> str:
    """The path under a log's prefix."""
    level = "entries" if tile.level == ENTRIES else str(tile.level)
    partial = "" if tile.width == WIDTH else f".p/{tile.width}"
    return f"tile/{level}/{grouped(tile.index)}{partial}"


def grouped(number: int) -> str:
    """A number as a path in groups of three digits, so that no folder holds over a thousand: `x001/x234/067`."""
    digits = str(number)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])


def parse_tile_path(path: str) -> Tile:
    """The tile of a path; Malformed for any other spelling."""
    match = _PATH.fullmatch(path) if len(path) <= _MAX_PATH else None
    if match is not None:
        level, index, width = match.groups()
        tile = Tile(
            ENTRIES if level == "entries" else int(level),
            int(index.replace("x", "").replace("/", "")),
            int(width or WIDTH),
        )
        if tile.level <= _MAX_LEVEL and tile.width <= WIDTH and tile_path(tile) == path:
            return tile
    raise Malformed("不是瓦片路径，写法如 tile/0/x001/234", "not the path of a tile, such as tile/0/x001/234")


def tiles_between(old: int, new: int) -> Iterator[Tile]:
    """What a tree of `new` entries has that one of `old` has not: entry bundles first, then tiles, lowest level first.

    From 0: all that the tree is made of.
    """
    yield from _row(ENTRIES, old, new)
    level = 0
    while new:
        yield from _row(level, old, new)
        old, new, level = old >> HEIGHT, new >> HEIGHT, level + 1


def _row(level: int, old: int, new: int) -> Iterator[Tile]:
    """`old` and `new` count the hashes of this level."""
    if old < new:
        for index in range(old >> HEIGHT, new >> HEIGHT):
            yield Tile(level, index)
        if new % WIDTH:
            yield Tile(level, new >> HEIGHT, new % WIDTH)


def extend_tiles(fetch: Fetch, size: int, leaves: Iterable[bytes]) -> Iterator[tuple[Tile, bytes]]:
    """The new tiles and their bytes, once these leaf hashes are appended to a tree of `size`. Lowest level first.

    `fetch` gives the tree's partial tiles, the right edge, at most one a level. Without leaves there are none.
    """
    hashes, count, level = list(leaves), size, 0
    while hashes:
        index, width = count >> HEIGHT, count % WIDTH
        kept = _hashes_of(fetch, Tile(level, index, width)) if width else b""
        row = kept + b"".join(hashes)
        hashes = []
        for number, at in enumerate(range(0, len(row), FULL_BYTES), index):
            body = row[at : at + FULL_BYTES]
            yield Tile(level, number, len(body) // HASH_BYTES), body
            if len(body) == FULL_BYTES:
                hashes.append(_root(body))
        count, level = count >> HEIGHT, level + 1


def tile_reader(fetch: Fetch, size: int) -> ReadHash:
    """Reads the hashes of a tree of `size` entries out of its tiles, for proofs and roots.

    `fetch` is asked for the tiles that a tree of this size has; it may answer a partial one with the full one that took
    its place, and should remember what it fetched. Nothing is believed here: a proof or a root made of wrong tiles
    does not verify.
    """

    def read(level: int, index: int) -> bytes:
        row, below = divmod(level, HEIGHT)
        first = index << below
        number, at = divmod(first, WIDTH)
        width = min(WIDTH, (size >> (row * HEIGHT)) - number * WIDTH)
        assert at + (1 << below) <= width, "proofs are asked within the tree"
        body = _hashes_of(fetch, Tile(row, number, width))
        return _root(body[at * HASH_BYTES : (at + (1 << below)) * HASH_BYTES])

    return read


def _hashes_of(fetch: Fetch, tile: Tile) -> bytes:
    body, wanted = fetch(tile), tile.width * HASH_BYTES
    if len(body) not in (wanted, FULL_BYTES):
        path = tile_path(tile)
        raise Corrupt(
            f"{path} 有 {len(body)} 字节，应为 {wanted}", f"{path} has {len(body)} bytes where {wanted} belong"
        )
    return body[:wanted]


def _root(hashes: bytes) -> bytes:
    return root_of(extend((), 0, (hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES))))


def encode_entries(entries: Iterable[bytes]) -> bytes:
    """An entry bundle: each entry after its length, big-endian in two bytes."""
    parts = []
    for entry in entries:
        assert len(entry) <= MAX_ENTRY_BYTES, "an entry's length fits two bytes"
        parts += [len(entry).to_bytes(2, "big"), entry]
    return b"".join(parts)


def parse_entries(bundle: bytes, width: int) -> tuple[bytes, ...]:
    """The entries of a bundle that must hold exactly `width`; Malformed when it holds another number, or a torn one."""
    entries, at = [], 0
    while at < len(bundle):
        start = at + 2
        at = start + int.from_bytes(bundle[at:start], "big")
        entries.append(bundle[start:at])
    if at != len(bundle) or len(entries) != width:
        raise Malformed(
            f"条目包应恰有 {width} 条，请重新取回", f"an entry bundle must hold {width} entries exactly; fetch it again"
        )
    return tuple(entries)
