"""The mirror of one log: what it shows is compared with all it showed before, and kept once it leads to a signed root.

    DIR/<origin>/checkpoint     all that it covers is here, checked: the layout of a published log
    DIR/<origin>/seen           the newest checkpoint that was ever accepted; its entries may still be on their way

One step, and what holds if it dies there:

 1. fetch the checkpoint, check its signatures     nothing was written
 2. compare it with `seen`, as proofs have it      the same; a contradiction is kept before it is told
 3. write `seen`                                   from now on no other history is accepted
 4. fetch bundles and tiles, check, write          files that are right; they are not fetched again
 5. make them durable, ask the files for the root  the same
 6. write `checkpoint`                             all holds
 7. take over the checkpoints that the log keeps   some are missing; the next run has them
"""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice, takewhile
from pathlib import Path

from msgspec import Struct

from api.mirror.conflict import contradiction
from api.mirror.kept import take_kept
from api.mirror.signed_tree import SignedTree
from api.mirror.source import FETCHERS, Source
from api.publish.durable import sync_folder, write_durably
from api.publish.stopped import Stopped
from api.publish.tile_store import TileStore, log_folder
from api.publish.tree import reader
from api.settings import BadSettings
from ledger.checkpoint import Checkpoint, TreeHead, check_extensions, parse_checkpoint, signed_at
from ledger.errors import BadProof, Corrupt, Malformed
from ledger.note import MAX_SIGNATURES, Note
from ledger.note_key import ML_DSA_44
from ledger.policy import Policy, Standing, judge_checkpoint
from ledger.proofs import check_consistency, tree_root
from ledger.tiles import ENTRIES, WIDTH, Tile, tile_path, tiles_between

SEEN = "seen"
KEEP_EVERY_S = 60.0
KEPT_EVERY_S = 3600.0
_AT_ONCE = 4 * FETCHERS  # bundles between two syncs of their folders

Progress = Callable[[int, int], None]
"""Told how many of how many entries are here."""


class Mirrored(Struct, frozen=True):
    """A checkpoint all of whose entries are here, and what the policy says of it."""

    checkpoint: Checkpoint
    standing: Standing


class Mirror:
    """A log's folder, locked; `opened` makes it. `seen` and `held` are the newest accepted and the newest complete."""

    def __init__(
        self, source: Source, store: TileStore, policy: Policy, *, patience_s: float, progress: Progress
    ) -> None:
        """`patience_s`: how long an older checkpoint may be shown before that is a roll-back."""
        self._source, self._store, self._policy = source, store, policy
        self._patience_s, self._progress = patience_s, progress
        self._behind_since: float | None = None
        self._last_kept: float | None = None  # one of our own
        self._kept_at: float | None = None  # the log's own, all of them, up to that size
        self._kept_up_to = -1
        self.held = self._read(store.read_checkpoint())
        seen = store.folder / SEEN
        self.seen = self._read(seen.read_bytes() if seen.exists() else None) or self.held
        if self.held is not None:
            self._check_files(self.held.head)

    def step(self) -> Mirrored | None:
        """Take over what is new; None when nothing is.

        Contradicted ends it all. Anything else is to be tried again: Busy, or what the server answered is not right
        (BadProof, BadSignature, Malformed). Corrupt when the files here are not.
        """
        told = parse_checkpoint(self._source.checkpoint())
        check_extensions(told, judge_checkpoint(self._policy, told).signed_by)
        if self._is_behind(told):
            return None
        news = self._take(told)
        if self.held is not None and (self._kept_at is None or time.monotonic() >= self._kept_at + KEPT_EVERY_S):
            self._kept_up_to = take_kept(self._source, self._store, self._policy, self.held, self._kept_up_to)
            self._kept_at = time.monotonic()
        return Mirrored(self.held, judge_checkpoint(self._policy, self.held)) if news and self.held else None

    def _take(self, told: Checkpoint) -> bool:
        """Have the checkpoint here with all that it covers; whether it is news."""
        held, seen, head = self.held, self.seen, told.head
        if seen is not None and seen.head.size == head.size and seen.head.root != head.root:
            raise contradiction(self._store.folder, "fork", seen, told)
        if held is None or held.head.size < head.size:
            tree = SignedTree(head, self._offers)
            self._accept(told, tree)
            self._complete(tree)
        else:
            told = self._joined(held, told)
            if told == held:
                return False
        self._store.write_checkpoint(told.raw)
        for tile in tiles_between(0 if held is None else held.head.size, head.size):
            self._store.drop_partials(tile)
        self.held = told
        if self._last_kept is None or time.monotonic() >= self._last_kept + KEEP_EVERY_S:
            self._last_kept = time.monotonic()
            self._store.keep_checkpoint(told)
        elif self._store.read_kept(head.size) is not None:
            self._store.keep_checkpoint(told)  # it gained cosignatures
        return True

    def _joined(self, held: Checkpoint, told: Checkpoint) -> Checkpoint:
        """What is held, with the lines that it lacks. No answer takes one away; those that can be judged go first."""
        there = {(one.name, one.key_id) for one in held.note.signatures}
        if told.note.text != held.note.text:
            return held
        new = (one for one in told.note.signatures if (one.name, one.key_id) not in there)
        keys = [log.key for log in self._policy.logs] + [one.key for one in self._policy.witnesses]
        known = {(key.name, key.key_id) for key in keys}
        lines = [*held.note.signatures, *new]
        if len(lines) > MAX_SIGNATURES:
            lines.sort(key=lambda one: (one.name, one.key_id) not in known)
        return Checkpoint(held.head, Note(held.note.text, tuple(lines[:MAX_SIGNATURES])))

    def _is_behind(self, told: Checkpoint) -> bool:
        """Whether it is older than one that was accepted: a cache's, perhaps, so for a while it is let pass."""
        seen, held = self.seen, self.held
        if seen is None or told.head.size >= seen.head.size:
            self._behind_since = None
            return False
        folder, size = self._store.folder, told.head.size
        if held is not None and 0 < size <= held.head.size:
            root = tree_root(reader(self._store, held.head.size), size)
            if root != told.head.root:
                raise contradiction(folder, "fork", held, told)
        now = time.monotonic()
        self._behind_since = now if self._behind_since is None else self._behind_since
        if self._time(told) > self._time(seen) or now - self._behind_since >= self._patience_s:
            raise contradiction(folder, "smaller", seen, told)
        return True

    def _time(self, checkpoint: Checkpoint) -> int:
        """When the log says it signed; 0 when it does not say."""
        keys = (log.key for log in self._policy.logs if log.key.kind == ML_DSA_44)
        return max((signed_at(checkpoint, key) or 0 for key in keys if key.name == checkpoint.head.origin), default=0)

    def _accept(self, told: Checkpoint, tree: SignedTree) -> None:
        """Remember it as the log's newest; Contradicted unless it only appended to the last one."""
        seen, head = self.seen, told.head
        if seen is not None and seen.head.size == head.size:
            return
        if seen is not None and seen.head.size:
            hashes = tree.prove_from(seen.head.size)
            try:  # the hashes are right, whoever served them: if they do not fit, no others do
                check_consistency(seen.head.size, head.size, hashes, seen.head.root, head.root)
            except BadProof as error:
                raise contradiction(self._store.folder, "fork", seen, told) from error
        write_durably(self._store.folder / SEEN, told.raw)
        sync_folder(self._store.folder)
        self.seen = told

    def _complete(self, tree: SignedTree) -> None:
        """Have every file of the tree here, right and durable."""
        old, new = 0 if self.held is None else self.held.head.size, tree.head.size
        tiles = tiles_between(old, new)
        bundles = takewhile(lambda tile: tile.level == ENTRIES, tiles_between(old, new))
        with ThreadPoolExecutor(FETCHERS) as pool:
            while batch := list(islice(bundles, _AT_ONCE)):
                for tile, bundle in zip(batch, pool.map(tree.bundle, batch), strict=True):
                    self._put(tile, bundle)
                    leaves = Tile(0, tile.index, tile.width)
                    self._put(leaves, tree.tile(leaves))
                self._store.settle()
                self._progress(min(new, (batch[-1].index + 1) * WIDTH), new)
        for tile in tiles:
            if tile.level > 0:
                self._put(tile, tree.tile(tile))
        self._store.settle()
        self._check_files(tree.head)

    def _put(self, tile: Tile, body: bytes) -> None:
        there = self._store.read(tile)
        if there is not None and there != body:  # spoilt on this disk: what the log signed takes its place
            (self._store.folder / tile_path(tile)).unlink()
        self._store.write(tile, body)

    def _offers(self, tile: Tile) -> Iterator[bytes]:
        """What lies here from a run that was ended, then what the server has."""
        here = self._store.read(tile)
        if here is not None and (tile.width == WIDTH or tile.level == ENTRIES):
            yield here
        yield self._source.tile(tile)

    def _read(self, raw: bytes | None) -> Checkpoint | None:
        if raw is None:
            return None
        try:
            checkpoint = parse_checkpoint(raw)
        except Malformed as error:
            raise self._spoilt() from error
        judge_checkpoint(self._policy, checkpoint)
        return checkpoint

    def _check_files(self, head: TreeHead) -> None:
        """Raise Corrupt unless the files here give this root."""
        try:
            root = tree_root(reader(self._store, head.size), head.size)
        except Stopped as error:
            raise self._spoilt() from error
        if root != head.root:
            raise self._spoilt()

    def _spoilt(self) -> Corrupt:
        folder = self._store.folder
        return Corrupt(
            f"镜像 {folder} 的文件损坏；请移走其中的 checkpoint 再运行：全部复核，损坏的重新取回（seen 不要动）",
            f"files of the mirror {folder} are spoilt; move its `checkpoint` away and run again: all is compared and "
            "what is spoilt is fetched anew. Leave `seen` alone",
        )


@contextmanager
def opened(
    source: Source, root: Path, origin: str, policy: Policy, *, patience_s: float, progress: Progress
) -> Iterator[Mirror]:
    """The mirror of a log under `root`, ours alone, judged by the policy's keys of that log.

    BadSettings when another process writes there, Corrupt when what lies there is spoilt, BadSignature when it was
    signed by other keys.
    """
    logs = tuple(log for log in policy.logs if log.key.name == origin)
    policy = Policy(logs, policy.witnesses, policy.groups, policy.quorum)
    store = TileStore(log_folder(root, origin))
    try:
        handle = store.lock()
    except Stopped as error:
        raise BadSettings(f"另一个进程正在写 {store.folder}", f"another process writes to {store.folder}") from error
    try:
        yield Mirror(source, store, policy, patience_s=patience_s, progress=progress)
    finally:
        os.close(handle)
