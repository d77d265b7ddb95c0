"""Putting checkpoints out: the newest one, and of those that pass one a minute to be kept for evidence."""

from api.publish.tile_store import TileStore
from ledger.checkpoint import Checkpoint

KEEP_EVERY_MS = 60_000


class Keeping:
    """Puts out the checkpoints of one log. `newest` is the one that is out, None before the first."""

    def __init__(self, store: TileStore, newest: Checkpoint | None) -> None:
        """Of a log that was opened; the first checkpoint after that is kept."""
        self._store, self.newest = store, newest
        self._is_kept = newest is not None and store.read_kept(newest.head.size) is not None
        self._kept_ms: int | None = None

    @property
    def last_kept(self) -> int | None:
        """The size of the newest one, None unless a copy of it is kept."""
        return self.newest.head.size if self.newest is not None and self._is_kept else None

    def put_out(self, checkpoint: Checkpoint, now_ms: int) -> None:
        """Publish a new checkpoint, or the newest with more cosignatures.

        Dying before the kept copy, or between it and the newest: the state holds this one, and opening puts it out as
        it was signed, to be cosigned again. Cosignatures can be gathered twice, and each copy is whole and true.
        """
        same = self.newest is not None and self.newest.head == checkpoint.head
        self._is_kept = self._is_kept and same
        if self._is_kept or self._due(now_ms):
            self._keep(checkpoint, now_ms)
        # Dying before this leaves the older one, or one with fewer cosignatures, which is as true.
        self._store.write_checkpoint(checkpoint.raw)
        self.newest = checkpoint

    def keep_last(self, now_ms: int) -> None:
        """Keep the newest before a pause too, when a minute has gone by without news."""
        if self.newest is not None and not self._is_kept and self._due(now_ms):
            self._keep(self.newest, now_ms)

    def _due(self, now_ms: int) -> bool:
        return self._kept_ms is None or not 0 <= now_ms - self._kept_ms < KEEP_EVERY_MS  # the clock may be set back

    def _keep(self, checkpoint: Checkpoint, now_ms: int) -> None:
        self._store.keep_checkpoint(checkpoint)
        if not self._is_kept:
            self._is_kept, self._kept_ms = True, now_ms
