"""Gathering cosignatures: all witnesses of the policy that have a URL, asked at once, each in a thread.

A step waits for those that answered last time, no longer than WAIT_S, and only LINGER_S once the quorum is met. One
that failed or was late is asked again after a while and not waited for: a dead witness delays one checkpoint, no more.
"""

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Self

from api.publish.standing import witnessed
from api.publish.stopped import Stopped
from api.publish.tile_store import TileStore
from api.publish.tree import reader
from api.publish.witness_client import Cosigned, NotWitnessed, Shown, WitnessClient
from ledger.checkpoint import Checkpoint, TreeHead, signed_at, with_cosignatures
from ledger.errors import BadSignature, LedgerError
from ledger.policy import Log, Policy, Witness
from ledger.proofs import tree_root

WAIT_S = 1.0
LINGER_S = 0.2
OPENING_S = 2.0
MAX_PAUSE_S = 60.0

Answer = Cosigned | Shown


class _Seat:
    """A witness, and how it goes with it. `size`: what it is believed to hold; `prompt`: worth waiting for."""

    def __init__(self, client: WitnessClient) -> None:
        self.client = client
        self.size, self.prompt, self.failures, self.again_at = 0, True, 0, 0.0
        self.gave: TreeHead | None = None  # all that it will give of this one
        self.task: Future[tuple[Answer, float]] | None = None
        self.trouble: LedgerError | None = None

    def answered(self, size: int, took_s: float) -> None:
        self.size, self.prompt, self.failures, self.again_at, self.trouble = size, took_s < WAIT_S, 0, 0.0, None

    def failed(self, trouble: LedgerError) -> None:
        self.prompt, self.trouble = False, trouble
        self.again_at = time.monotonic() + min(MAX_PAUSE_S, 2.0**self.failures)
        self.failures += 1

    def unless_late(self) -> None:
        """Whoever has not answered yet is not waited for, until it once answered in time."""
        self.prompt = self.prompt and self.task is None

    def has_signed(self, checkpoint: Checkpoint) -> bool:
        there = {(line.name, line.key_id) for line in checkpoint.note.signatures}
        return all((one.key.name, one.key.key_id) in there for one in self.client.witnesses)


class Cosigning:
    """The witnesses of one log, while it is open for publishing."""

    def __init__(self, policy: Policy, store: TileStore) -> None:
        """Nobody is asked yet."""
        self.policy, self._store = policy, store
        by_url: dict[str, list[Witness]] = {}
        for one in policy.witnesses:
            if one.url:
                by_url.setdefault(one.url, []).append(one)
        self._seats = [_Seat(WitnessClient(url, witnesses)) for url, witnesses in by_url.items()]
        self._threads = ThreadPoolExecutor(max(1, len(self._seats)), "witness")

    def compare(self, head: TreeHead) -> None:
        """Ask each witness what it cosigned last. Stopped when our own key signed what our tree does not hold.

        `head` is what was signed last. A witness that does not answer is no reason to stop: it was not asked to sign.
        """
        for seat in self._seats:
            self._ask(seat, partial(seat.client.newest, head.origin))
        wait(self._tasks(), OPENING_S)
        for seat in self._seats:
            self._take(seat, head)
            seat.unless_late()

    def gather(self, checkpoint: Checkpoint) -> Checkpoint:
        """A new checkpoint, with the cosignatures that came in time. Stopped as for `compare`."""
        return self._gather(checkpoint, WAIT_S)

    def go_on(self, checkpoint: Checkpoint) -> Checkpoint:
        """A published checkpoint, with those that came since. Whoever has not signed it yet is asked again."""
        return self._gather(checkpoint, LINGER_S)

    @property
    def troubles(self) -> list[LedgerError]:
        """Why witnesses did not cosign, of each the last reason."""
        return [seat.trouble for seat in self._seats if seat.trouble is not None]

    def _gather(self, checkpoint: Checkpoint, wait_s: float) -> Checkpoint:
        until, lingering, read = time.monotonic() + wait_s, False, reader(self._store, checkpoint.head.size)
        checkpoint = self._collect(checkpoint)
        for seat in self._seats:
            done = seat.gave == checkpoint.head or seat.has_signed(checkpoint)
            if time.monotonic() >= seat.again_at and not done:
                self._ask(seat, partial(seat.client.cosign, checkpoint, min(seat.size, checkpoint.head.size), read))
        while True:
            if not lingering and witnessed(self.policy, checkpoint).quorum != "not-met":
                until, lingering = min(until, time.monotonic() + LINGER_S), True
            waited = self._tasks()
            if not waited or not wait(waited, max(0.0, until - time.monotonic()), FIRST_COMPLETED).done:
                break
            checkpoint = self._collect(checkpoint)
        for seat in self._seats:
            seat.unless_late()
        return checkpoint

    def _ask(self, seat: _Seat, question: Callable[[], Answer]) -> None:
        def ask() -> tuple[Answer, float]:
            began = time.monotonic()
            return question(), time.monotonic() - began

        if seat.task is None:
            seat.task = self._threads.submit(ask)

    def _tasks(self) -> list[Future[tuple[Answer, float]]]:
        """What is worth waiting for."""
        return [seat.task for seat in self._seats if seat.task is not None and seat.prompt]

    def _collect(self, checkpoint: Checkpoint) -> Checkpoint:
        """The checkpoint with what has been answered since."""
        for seat in self._seats:
            answer = self._take(seat, checkpoint.head)
            if isinstance(answer, Cosigned) and answer.checkpoint.head == checkpoint.head:
                there = {(line.name, line.key_id) for line in checkpoint.note.signatures}
                # Of one witness the earliest stays: it says the earliest time by which the tree was there.
                new = [line for line in answer.signatures if (line.name, line.key_id) not in there]
                checkpoint, seat.gave = with_cosignatures(checkpoint, new), checkpoint.head
                if not seat.has_signed(checkpoint):
                    seat.trouble = NotWitnessed(
                        f"{seat.client.name} 没有用其所有密钥签名",
                        f"{seat.client.name} signs with some of its keys only",
                    )
        return checkpoint

    def _take(self, seat: _Seat, head: TreeHead) -> Answer | None:
        """What a witness has answered by now, if anything. `head` is the newest that was signed."""
        if seat.task is None or not seat.task.done():
            return None
        task, seat.task = seat.task, None
        try:
            answer, took_s = task.result()
            if isinstance(answer, Cosigned):
                seat.answered(answer.checkpoint.head.size, took_s)
            else:
                self._look(seat, answer, head, took_s)
        except Stopped:
            raise
        except LedgerError as error:
            seat.failed(error)
            return None
        return answer

    def _look(self, seat: _Seat, shown: Shown, head: TreeHead, took_s: float) -> None:
        """What a witness holds, beside what we signed last."""
        newest = shown.newest
        size = 0 if newest is None else newest.head.size
        held = newest is None or (
            size <= head.size and tree_root(reader(self._store, head.size), size) == newest.head.root
        )
        if newest is not None and not held and self._is_ours(newest, head.origin):
            raise Stopped(
                "witness-ahead",
                f"{seat.client.name} 见证过本日志密钥签的 {size} 条快照，而这里只签到 {head.size} 条，或内容不同："
                "数据库、文件与状态被换成了旧的，或密钥被别人用了；请看发布指南",
                f"{seat.client.name} cosigned a checkpoint of {size} entries that our own key signed; here {head.size} "
                "are signed, or others: database, files and state are an older copy, or someone else has the key; "
                "see the publishing guide",
            )
        seat.size = size if held else 0
        if shown.refused:
            raise NotWitnessed(
                f"{seat.client.name} 称此快照不接在它所见的之后，但未出示本日志签的其他历史",
                f"{seat.client.name} says that this checkpoint does not append to what it holds, and shows no other "
                "history that this log signed",
            )
        seat.answered(seat.size, took_s)

    def _is_ours(self, checkpoint: Checkpoint, origin: str) -> bool:
        """Whether one of the log's keys signed it; anyone may claim anything without."""
        return checkpoint.head.origin == origin and any(
            _signed(checkpoint, log) for log in self.policy.logs if log.key.name == origin
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for seat in self._seats:
            seat.client.close()
        self._threads.shutdown(cancel_futures=True)


def _signed(checkpoint: Checkpoint, log: Log) -> bool:
    try:
        return signed_at(checkpoint, log.key) is not None
    except BadSignature:
        return False
