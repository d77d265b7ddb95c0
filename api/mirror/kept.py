"""The checkpoints that a log keeps, about one a minute, and their RFC 3161 timestamps: taken over by a mirror.

A timestamp is kept as it comes: whoever relies on one checks it against the authority's certificate. A checkpoint must
be signed, and its root that of the mirrored entries; one with another root is a fork.
"""

from collections.abc import Iterator

import msgspec
from msgspec import Struct
from msgspec import json as mjson

from api.mirror.conflict import contradiction
from api.mirror.source import Source
from api.publish.tile_store import TileStore
from api.publish.tree import reader
from ledger.checkpoint import Checkpoint, check_extensions, parse_checkpoint
from ledger.errors import Malformed
from ledger.note import MAX_NOTE_BYTES
from ledger.policy import Policy, judge_checkpoint
from ledger.proofs import tree_root

MAX_PAGE_BYTES = 1_000_000
MAX_TIMESTAMP_BYTES = 100_000


class _Row(Struct, frozen=True):
    size: int
    timestamped: bool


class _Page(Struct, frozen=True):
    checkpoints: list[_Row]
    next_after: int | None


def take_kept(source: Source, store: TileStore, policy: Policy, held: Checkpoint, after: int) -> int:
    """Keep what the log keeps beyond the size `after` and within `held`; the size up to which all is here.

    The last one listed is left for the next time: it may still gain cosignatures. Faults as for a mirror's step.
    """
    read, there, last = reader(store, held.head.size), set(store.kept_sizes()), None
    for row in _listed(source, after):
        if row.size > held.head.size:
            break
        if last is not None:
            told = None if last.size in there else _fetched(source, policy, last.size)
            if told is not None and told.head.root != tree_root(read, last.size):
                raise contradiction(store.folder, "fork", held, told)
            if told is not None:
                store.keep_checkpoint(told)
            if told is not None or last.size in there:
                _take_stamp(source, store, last)
            after = last.size
        last = row
    return after


def _fetched(source: Source, policy: Policy, size: int) -> Checkpoint | None:
    """The checkpoint of this size that the log keeps, signed; None when it has none after all."""
    raw = source.get(f"checkpoints/{size}", MAX_NOTE_BYTES)
    if raw is None:
        return None
    told = parse_checkpoint(raw)
    check_extensions(told, judge_checkpoint(policy, told).signed_by)
    if told.head.size != size:
        raise Malformed(f"留存的快照不是 {size} 条", f"the kept checkpoint is not of {size} entries")
    return told


def _take_stamp(source: Source, store: TileStore, row: _Row) -> None:
    if row.timestamped and not store.timestamped(row.size):
        der = source.get(f"checkpoints/{row.size}.tsr", MAX_TIMESTAMP_BYTES)
        if der is not None:
            store.write_timestamp(row.size, der)


def _listed(source: Source, after: int) -> Iterator[_Row]:
    """The pages of the list, one after the other; nothing where a server has none."""
    following: int | None = after
    while following is not None:
        raw = source.get(f"checkpoints?after={following}", MAX_PAGE_BYTES)
        if raw is None:
            return
        try:
            page = mjson.decode(raw, type=_Page)
        except msgspec.MsgspecError as error:
            raise Malformed(f"快照列表有误：{error}", f"the list of checkpoints is wrong: {error}") from error
        for row in page.checkpoints:
            if row.size <= after:
                raise Malformed("快照列表未按大小排列", "the list of checkpoints is not in order of size")
            after = row.size
            yield row
        if page.next_after is not None and (not page.checkpoints or page.next_after != after):
            raise Malformed("快照列表没有尽头", "the list of checkpoints does not end")
        following = page.next_after
