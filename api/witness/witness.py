"""A witness's one decision (C2SP tlog-witness, add-checkpoint): cosign this checkpoint, or say why not.

    origin not known here                    NotFound      404
    no key of that log signed all of it      BadSignature  403
    `old` exceeds the checkpoint's size      Malformed     400
    `old` is not what was cosigned last      Stale         409, with that size
    the same size with another root          Stale         409
    the proof does not lead there            BadProof      422

What the log signed and contradicts what was cosigned is kept, whatever `old` says.
"""

from collections.abc import Callable, Iterable

from api.witness.memory import Conflict, Held, Kind, Memory, Turn
from ledger.checkpoint import Checkpoint, check_extensions, cosign, with_cosignatures
from ledger.errors import BadProof, Busy, LedgerError, Malformed, NotFound
from ledger.note import Note, Signature
from ledger.note_key import NoteKey, NoteSigner
from ledger.policy import NONE, Log, Policy, judge_checkpoint
from ledger.proofs import check_consistency
from ledger.witness_request import AddCheckpoint, parse_request

MAX_CLOCK_BACK_MS = 10 * 60 * 1000

Clock = Callable[[], int]
"""Milliseconds UTC."""


class Stale(LedgerError):
    """The request does not begin where this witness stands; `size` is where."""

    slug = "stale"

    def __init__(self, size: int) -> None:
        super().__init__(f"上次签到 {size} 条，请从那里证明", f"{size} entries were cosigned; prove from there")
        self.size = size


class Witness:
    """Cosigns for the logs whose keys it knows. Safe to be asked by several threads, and beside other processes."""

    def __init__(
        self,
        memory: Memory,
        signers: Iterable[NoteSigner],
        logs: Iterable[NoteKey],
        *,
        clock: Clock,
        tell: Callable[[Conflict], None],
    ) -> None:
        """`tell` hears each conflict that is news."""
        self._memory, self._signers, self._clock, self._tell = memory, tuple(signers), clock, tell
        self._policy = Policy(tuple(Log(key) for key in logs), (), (), NONE)
        self.origins = frozenset(log.key.name for log in self._policy.logs)

    def add_checkpoint(self, raw: bytes) -> tuple[Signature, ...]:
        """The cosignatures of a request's checkpoint; they are durable when this returns. Faults as above.

        Busy when the database is away, or the clock is far behind the last signature.
        """
        request = parse_request(raw)
        checkpoint = self._signed_by_log(request.checkpoint)
        with self._memory.turn() as turn:
            return self._decide(turn, AddCheckpoint(request.old, request.proof, checkpoint))

    def newest(self, origin: str) -> bytes | None:
        """The note that was cosigned last, with the log's signatures and ours."""
        with self._memory.reading() as turn:
            held = turn.held(origin)
        return None if held is None else held.note

    def conflicts(self) -> list[Conflict]:
        """What logs signed and must not have, as far as it was sent here."""
        with self._memory.reading() as turn:
            return turn.conflicts()

    def _signed_by_log(self, checkpoint: Checkpoint) -> Checkpoint:
        """The checkpoint with its log's signatures only."""
        origin = checkpoint.head.origin
        if origin not in self.origins:
            raise NotFound(f"本见证方不认识日志 {origin}", f"this witness knows no log {origin}")
        signed_by = judge_checkpoint(self._policy, checkpoint).signed_by
        check_extensions(checkpoint, signed_by)
        known = {(key.name, key.key_id) for key in signed_by}
        lines = tuple(one for one in checkpoint.note.signatures if (one.name, one.key_id) in known)
        return Checkpoint(checkpoint.head, Note(checkpoint.note.text, lines))

    def _decide(self, turn: Turn, request: AddCheckpoint) -> tuple[Signature, ...]:
        head, held = request.checkpoint.head, turn.held(request.checkpoint.head.origin)
        size = 0 if held is None else held.size
        forked = held is not None and head.size == size and head.root != held.root
        if held is not None and forked:
            self._keep(turn, "fork", request.checkpoint, held)
        if held is not None and head.size < size:
            self._keep(turn, "smaller", request.checkpoint, held)
        if request.old > head.size:
            raise Malformed(
                f"old {request.old} 大于快照的 {head.size} 条",
                f"old {request.old} exceeds the checkpoint's {head.size} entries",
            )
        if request.old != size or forked:
            raise Stale(size)
        try:
            _check_proof(request, held)
        except BadProof:
            if held is not None:
                self._keep(turn, "unproved", request.checkpoint, held)
            raise
        return self._cosign(turn, request.checkpoint)

    def _cosign(self, turn: Turn, checkpoint: Checkpoint) -> tuple[Signature, ...]:
        last, now = turn.last_signed_ms(), self._clock()
        if now < last - MAX_CLOCK_BACK_MS:
            raise Busy(
                f"见证方的时钟比上次签名倒退了 {(last - now) // 1000} 秒，校时之前不签",
                f"the witness's clock is {(last - now) // 1000} s behind its last signature; it signs once that is set",
                retry_after_s=60,
            )
        signed_ms = max(now, last)
        signatures = tuple(cosign(checkpoint, one, signed_ms // 1000) for one in self._signers)
        head, note = checkpoint.head, with_cosignatures(checkpoint, signatures).raw
        turn.hold(head.origin, Held(head.size, head.root, note, signed_ms))
        return signatures

    def _keep(self, turn: Turn, kind: Kind, checkpoint: Checkpoint, held: Held) -> None:
        head = checkpoint.head
        conflict = Conflict(head.origin, kind, head.size, head.root, checkpoint.raw, held.note, self._clock())
        if turn.keep(conflict):
            self._tell(conflict)


def _check_proof(request: AddCheckpoint, held: Held | None) -> None:
    """Raise BadProof unless the checkpoint's tree begins with the one that is held. Nothing is a tree's beginning."""
    head = request.checkpoint.head
    if held is not None and held.size > 0:
        check_consistency(held.size, head.size, request.proof, held.root, head.root)
    elif request.proof:
        raise BadProof("从 0 条起不需要证明，请去掉", "from 0 entries nothing is to be proved; leave the proof out")
