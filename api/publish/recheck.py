"""Reading everything again: every committed entry against every published file, a slice at a time, from 0 to the end.

A step looks at the last bundle only. This finds what was changed further back, in the database or on the disk.
"""

from msgspec import Struct

from api.publish.stopped import Stopped
from api.publish.tile_store import TileStore, differs, missing
from api.publish.tree import changed
from ledger.entry import leaf_hash
from ledger.merkle import HASH_BYTES, extend, root_of
from ledger.store.committed import committed
from ledger.store.read import Engine
from ledger.tiles import ENTRIES, FULL_BYTES, HEIGHT, WIDTH, Tile, encode_entries

_SLICE = 4 * WIDTH


class _Row(Struct):
    """A level's hashes since its last full tile; `index` is the tile that they begin."""

    index: int = 0
    hashes: bytes = b""


class Recheck:
    """One pass over a published tree of `size`; `done` entries were compared and found right."""

    def __init__(self, engine: Engine, origin: str, store: TileStore, size: int) -> None:
        """Nothing is read before `go_on`."""
        self._engine, self._origin, self._store = engine, origin, store
        self.size, self.done = size, 0
        self._rows: list[_Row] = []

    def go_on(self) -> bool:
        """Compare the next slice; whether the pass is complete. Stopped at a difference, Busy without a database."""
        if self.done < self.size:
            end = min(self.done + _SLICE, self.size)
            with committed(self._engine, self._origin) as log:
                [bodies] = log.bodies(self.done, end, _SLICE)
            for first in range(0, len(bodies), WIDTH):
                self._compare(bodies[first : first + WIDTH])
        if self.done < self.size:
            return False
        for level, row in enumerate(self._rows):
            if row.hashes:
                self._same(Tile(level, row.index, len(row.hashes) // HASH_BYTES), row.hashes)
        return True

    def _compare(self, bodies: list[bytes]) -> None:
        tile = Tile(ENTRIES, self.done >> HEIGHT, len(bodies))
        expected, leaves = encode_entries(bodies), [leaf_hash(body) for body in bodies]
        beside = self._store.fetch(Tile(0, tile.index, tile.width))
        found = self._store.read(tile)
        if found is None:  # a full bundle took the place of the partial one
            found = (self._store.read(Tile(ENTRIES, tile.index)) or b"")[: len(expected)]
        if not found:
            raise missing(tile)
        if found != expected or beside != b"".join(leaves):
            raise self._blamed(tile, expected, found, beside, leaves)
        self.done += len(bodies)
        self._add(0, b"".join(leaves))
        self._store.drop_partials(tile)  # a run that died may have left some

    def _blamed(self, tile: Tile, expected: bytes, found: bytes, beside: bytes, leaves: list[bytes]) -> Stopped:
        """Two of the three agree: database, entry bundle, tile of hashes. All apart, the database is suspected."""
        if beside == b"".join(leaves):
            return differs(tile)
        if found == expected:
            return differs(Tile(0, tile.index, tile.width))
        pairs = enumerate(leaves, self.done)
        at = next(index for index, leaf in pairs if beside[(index - self.done) * HASH_BYTES :][:HASH_BYTES] != leaf)
        return changed(at, at + 1)

    def _add(self, level: int, hashes: bytes) -> None:
        """Append to a level's row; a full tile is compared, and its root goes one level up."""
        if level == len(self._rows):
            self._rows.append(_Row())
        row = self._rows[level]
        row.hashes += hashes
        if len(row.hashes) == FULL_BYTES:
            tile = Tile(level, row.index)
            self._same(tile, row.hashes)
            self._store.drop_partials(tile)
            self._add(level + 1, _root(row.hashes))
            row.index, row.hashes = row.index + 1, b""

    def _same(self, tile: Tile, hashes: bytes) -> None:
        if self._store.fetch(tile) != hashes:
            raise differs(tile)


def _root(tile: bytes) -> bytes:
    return root_of(extend((), 0, (tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES))))
