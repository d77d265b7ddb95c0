"""The tree under a signed root, read from tiles that nobody is trusted for.

The partial tiles at its right edge must give the root itself; a full tile must give its hash in the tile above. What
this hands out is therefore what the log signed, whoever served it.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache

from ledger.checkpoint import TreeHead
from ledger.entry import leaf_hash
from ledger.errors import BadProof, Malformed
from ledger.merkle import HASH_BYTES, extend, root_of
from ledger.proofs import Proof, prove_consistency, tree_root
from ledger.tiles import FULL_BYTES, HEIGHT, WIDTH, Tile, encode_entries, parse_entries, tile_path, tile_reader

_REMEMBERED = 256

Offers = Callable[[Tile], Iterable[bytes]]
"""What may be the tile, in the order to try; a later one is fetched only when it is asked for."""


class SignedTree:
    """The tiles of one checkpoint's tree."""

    def __init__(self, head: TreeHead, offers: Offers) -> None:
        """BadProof when the right edge does not give the root; Malformed when a tile is too short."""
        self.head, self._offers = head, offers
        self._edge: dict[Tile, bytes] = {}
        if tree_root(tile_reader(self._fetch_edge, head.size), head.size) != head.root:
            raise BadProof(
                f"服务器的瓦片得不出快照的树根（{head.size} 条）",
                f"the server's tiles do not lead to the root of its checkpoint of {head.size}",
            )
        self._full = lru_cache(_REMEMBERED)(self._fetch_full)

    def tile(self, tile: Tile) -> bytes:
        """A tile of hashes, right. BadProof when none that is offered is."""
        return self._full(tile) if tile.width == WIDTH else self._edge[tile]

    def bundle(self, tile: Tile) -> bytes:
        """The entry bundle of this place and width; BadProof when none that is offered hashes to the tile beside it."""
        leaves = self.tile(Tile(0, tile.index, tile.width))
        for offered in self._offers(tile):
            bodies = _entries(offered, tile.width)
            if b"".join(map(leaf_hash, bodies)) == leaves:
                return encode_entries(bodies)
        raise _wrong(tile)

    def prove_from(self, size: int) -> Proof:
        """The true proof that leads from the first `size` entries of this tree to its root."""
        return prove_consistency(tile_reader(self.tile, self.head.size), size, self.head.size)

    def _fetch_edge(self, tile: Tile) -> bytes:
        if tile not in self._edge:
            *_, last = self._offers(tile)
            if len(last) < tile.width * HASH_BYTES:
                raise Malformed(f"{tile_path(tile)} 太短", f"{tile_path(tile)} is too short")
            self._edge[tile] = last[: tile.width * HASH_BYTES]
        return self._edge[tile]

    def _fetch_full(self, tile: Tile) -> bytes:
        level, index, at = tile.level + 1, tile.index >> HEIGHT, tile.index % WIDTH * HASH_BYTES
        above = self.tile(Tile(level, index, min(WIDTH, (self.head.size >> level * HEIGHT) - index * WIDTH)))
        for offered in self._offers(tile):
            if len(offered) == FULL_BYTES and _root(offered) == above[at : at + HASH_BYTES]:
                return offered
        raise _wrong(tile)


def _entries(bundle: bytes, width: int) -> tuple[bytes, ...]:
    """The entries of a bundle, or the first ones of the full bundle of its place; none when it is torn."""
    for held in (width, WIDTH):
        try:
            return parse_entries(bundle, held)[:width]
        except Malformed:
            continue
    return ()


def _wrong(tile: Tile) -> BadProof:
    path = tile_path(tile)
    return BadProof(f"服务器的 {path} 与签名的树不符", f"the server's {path} is not of the tree that was signed")


def _root(tile: bytes) -> bytes:
    return root_of(extend((), 0, (tile[at : at + HASH_BYTES] for at in range(0, FULL_BYTES, HASH_BYTES))))
