"""Which published checkpoints go with a selection of entries, so that its times are as narrow as what was kept allows.

The final one is the newest with the policy's quorum. Before it: for each entry the first that covers it with quorum
(the log held it by then) and the first with a timestamp; for each checkpoint that a device had seen the newest kept one
no larger (the log did not hold it before then). Where that makes very many they are thinned evenly.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable

from msgspec import Struct

from api.publish.tile_store import TileStore
from api.published import newest
from ledger.checkpoint import Checkpoint, parse_checkpoint
from ledger.errors import LedgerError
from ledger.policy import Policy, judge_checkpoint

MOST = 200
"""At most so many of each sort."""


class Trail(Struct, frozen=True):
    """Checkpoints by size, exact bytes; `stamps` are the timestamps of these and of the final one, where there are."""

    earlier: dict[int, Checkpoint]
    stamps: dict[int, bytes]


def final_checkpoint(store: TileStore, policy: Policy) -> Checkpoint:
    """The newest checkpoint with this policy's quorum; the newest published where none has it.

    BadSignature when the policy does not know the key of the newest, Busy before anything is published.
    """
    published = newest(store)
    if judge_checkpoint(policy, published).quorum:
        return published
    judge = _Judge(store, policy)
    for size in reversed(store.kept_sizes()):
        if size <= published.head.size and judge.witnessed(size):
            return judge.kept[size]
    return published


def find_trail(store: TileStore, policy: Policy, size: int, indexes: Iterable[int], seen: Iterable[int]) -> Trail:
    """What was kept below `size` for entries at these indexes, and for devices that had seen trees of these sizes."""
    sizes, judge = [one for one in store.kept_sizes() if one < size], _Judge(store, policy)
    covering = _thinned({bisect_right(sizes, index) for index in indexes})
    chosen: set[int] = set()
    at = stamped = 0
    for place in covering:
        at, stamped = max(at, place), max(stamped, place)
        while at < len(sizes) and not judge.witnessed(sizes[at]):
            at += 1
        while stamped < len(sizes) and not (store.timestamped(sizes[stamped]) and judge.signed(sizes[stamped])):
            stamped += 1
        chosen.update(sizes[at : at + 1] + sizes[stamped : stamped + 1])
    for place in _thinned({bisect_right(sizes, one) for one in seen}):
        chosen.update(one for one in sizes[max(0, place - 1) : place] if judge.signed(one))
    stamps = {one: store.read_timestamp(one) for one in sorted({*chosen, size})}
    return Trail(
        {one: judge.kept[one] for one in sorted(chosen)},
        {one: stamp for one, stamp in stamps.items() if stamp is not None},
    )


def _thinned(places: Collection[int]) -> list[int]:
    """At most MOST of them, ascending, first and last among them."""
    ordered = sorted(places)
    if len(ordered) <= MOST:
        return ordered
    return [ordered[number * (len(ordered) - 1) // (MOST - 1)] for number in range(MOST)]


class _Judge:
    """Kept checkpoints as a policy sees them, each judged once."""

    def __init__(self, store: TileStore, policy: Policy) -> None:
        self._store, self._policy = store, policy
        self._quorum: dict[int, bool | None] = {}
        self.kept: dict[int, Checkpoint] = {}

    def signed(self, size: int) -> bool:
        """Whether one of the policy's keys of the log signed it; a spoilt file counts for nothing."""
        return self._judged(size) is not None

    def witnessed(self, size: int) -> bool:
        """Whether it has the quorum too."""
        return self._judged(size) is True

    def _judged(self, size: int) -> bool | None:
        if size not in self._quorum:
            self._quorum[size] = self._look(size)
        return self._quorum[size]

    def _look(self, size: int) -> bool | None:
        raw = self._store.read_kept(size)
        try:
            checkpoint = None if raw is None else parse_checkpoint(raw)
            if checkpoint is None or checkpoint.head.size != size:
                return None
            quorum = judge_checkpoint(self._policy, checkpoint).quorum
        except LedgerError:
            return None
        self.kept[size] = checkpoint
        return quorum
