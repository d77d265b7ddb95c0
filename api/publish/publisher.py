"""The publisher of one log: what is committed becomes files, and files that were checked get a signed checkpoint.

One step, and what holds if the process or the machine dies in it:

 1. read head and entries in one snapshot, hash the bytes    nothing was written
 2. write entry bundles and tiles, make them durable         files that no checkpoint speaks of; they are right
 3. ask the files for the root and a consistency proof       the same
 4. sign                                                     a signature that nobody saw is gone
 5. swap the signed checkpoint into the state file           signed, not public: opening publishes it, none other
 6. have witnesses cosign it                                 the same; they cosign the same one once more
 7. keep a copy, about once a minute                         the same, and a copy of it, or none
 8. put out the checkpoint                                   all holds
 9. remove partial tiles that full ones took the place of    some are left; they are right

Nothing is public, and no witness sees it, before the state holds it; the state grows only by what was proved to append
to it. A step without news repeats 6 to 8 for the checkpoint that is out, until all witnesses have cosigned it.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from msgspec import Struct

from api.publish.cosigning import Cosigning
from api.publish.keeping import Keeping
from api.publish.opening import check_clock, check_head, last_signed, put_out, signed_head, state_root
from api.publish.plan import Plan
from api.publish.stamping import Stamping
from api.publish.standing import Witnessed, witnessed
from api.publish.state import State, StateFile
from api.publish.stopped import Stopped
from api.publish.tile_store import TileStore, log_folder
from api.publish.tree import check_last_bundle, check_tree, rehash, signed_frontier, write_tree
from ledger.checkpoint import TreeHead, sign_checkpoint, signed_at
from ledger.errors import LedgerError
from ledger.note_key import NoteSigner
from ledger.store.committed import Committed, committed
from ledger.store.read import Engine
from ledger.tiles import tiles_between

Clock = Callable[[], int]


class Published(Struct, frozen=True):
    """A checkpoint that was put out, and how long after their recording its new entries had to wait for it (ms)."""

    head: TreeHead
    lags_ms: list[int]


class Publisher:
    """A log opened for publishing; `opened` makes it. `state` is what was signed last."""

    def __init__(
        self,
        engine: Engine,
        store: TileStore,
        file: StateFile,
        *,
        signers: Sequence[NoteSigner],
        cosigning: Cosigning,
        keeping: Keeping,
        stamping: Stamping,
        clock: Clock,
        state: State,
    ) -> None:
        """Of parts that belong together and were checked."""
        self._engine, self.store, self._file, self._signers, self._clock = engine, store, file, signers, clock
        self._cosigning, self._keeping, self._stamping, self.state = cosigning, keeping, stamping, state

    def step(self) -> Published | None:
        """Publish what was committed since; None when there is no news.

        Stopped when anything is not as it must be, Busy when the database is away, OSError when the disk fails. After
        either nothing may be assumed: open anew.
        """
        self._file.check_unchanged()
        check_clock(self.state, self._clock())
        with committed(self._engine, self.state.origin) as log:
            check_head(log, self.state)
            size, root, news = log.size, state_root(self.state), log.size > self.state.size
            if news:
                frontier = signed_frontier(self.store, self.state.size, root)
                rehashed = rehash(log, self.store, self.state.size, frontier)
                write_tree(log, self.store, self.state.size, size)
        if not news:
            self._go_on()
            return None
        check_tree(self.store, self.state.size, root, size, rehashed.root)
        head = TreeHead(self.state.origin, size, rehashed.root)
        self._sign(head)
        now = self._clock()
        return Published(head, [max(0, now - at) for at in rehashed.recorded_at])

    @property
    def troubles(self) -> list[LedgerError]:
        """Why witnesses did not cosign, or no timestamp was had. Publishing goes on all the same."""
        stamping = self._stamping.trouble
        return self._cosigning.troubles + ([] if stamping is None else [stamping])

    def standing(self) -> Witnessed:
        """How the checkpoint that is out stands under the policy."""
        newest = self._keeping.newest
        return Witnessed((), "none") if newest is None else witnessed(self._cosigning.policy, newest)

    def _sign(self, head: TreeHead) -> None:
        old, now = self.state, max(self._clock(), self.state.signed_at)
        checkpoint = sign_checkpoint(head, self._signers, now // 1000)
        assert all(signed_at(checkpoint, one.key) is not None for one in self._signers), "a signature verifies"
        # Dying before this: what was just signed never left this process, and the old state holds.
        self.state = self._file.replace(
            State(
                origin=head.origin, size=head.size, root=head.root.hex(),
                checkpoint=checkpoint.raw.decode(), signed_at=now,
            )
        )  # fmt: skip
        # Dying before this: the state has a checkpoint that is not out. Opening puts it out and signs no other instead.
        # The witnesses that cosigned it meanwhile do so again, for it is the same.
        self._keeping.put_out(self._cosigning.gather(checkpoint), self._clock())
        self._stamping.go_on(self._keeping.last_kept)
        for tile in tiles_between(old.size, head.size):
            self.store.drop_partials(tile)

    def _go_on(self) -> None:
        """No news: what cosignatures the checkpoint that is out still lacks. Dying here leaves it as it is, or has it.

        None of this changes what is signed.
        """
        if self._keeping.newest is not None:
            more = self._cosigning.go_on(self._keeping.newest)
            if more != self._keeping.newest:
                self._keeping.put_out(more, self._clock())
            self._keeping.keep_last(self._clock())
            self._stamping.go_on(self._keeping.last_kept)


@contextmanager
def opened(plan: Plan, engine: Engine, clock: Clock, *, new_log: bool = False) -> Iterator[Publisher]:
    """The log locked for publishing, all that was signed checked, and its last checkpoint out.

    `new_log` is a person's word that a missing state file is no loss: what lies published is taken over if it is ours.
    Stopped, Busy and OSError as for `Publisher.step`.
    """
    store, signers, policy = TileStore(log_folder(plan.root, plan.origin)), plan.signers(), plan.trust()
    with ExitStack() as stack:
        file = stack.enter_context(StateFile(plan.state, plan.origin))
        stack.callback(os.close, store.lock())
        state = last_signed(file, store, plan.origin, signers, new_log=new_log)
        check_clock(state, clock())
        with committed(engine, plan.origin) as log:
            check_head(log, state)
            _stand(log, store, state)
        cosigning = stack.enter_context(Cosigning(policy, store))
        cosigning.compare(signed_head(state))
        # A new generation: whoever copied the file before, or opens it beside us, now holds an old one.
        state = file.replace(state)
        keeping = Keeping(store, put_out(store, state, policy))
        stamping = Stamping(store, plan.tsa, plan.tsa_every_s)
        stack.callback(stamping.close)
        yield Publisher(
            engine, store, file, signers=signers, cosigning=cosigning, keeping=keeping, stamping=stamping, clock=clock,
            state=state,
        )  # fmt: skip


def _stand(log: Committed, store: TileStore, state: State) -> None:
    """Raise Stopped unless files and database both hold what was signed. Files that are not there are made anew."""
    root = state_root(state)
    try:
        signed_frontier(store, state.size, root)
    except Stopped as stopped:
        if stopped.reason != "tile-missing":
            raise
        write_tree(log, store, 0, state.size)
        signed_frontier(store, state.size, root)
    check_last_bundle(log, store, state.size)
