"""The stage: processes of the story take turns by simulated time; what they say goes through the real `append`.

A process is a generator. It yields a time (ms UTC) to sleep until, or a `Say`, and is sent what became of it.
Says within `WINDOW_MS` are recorded together, as the writer's group commit does. One seed gives one order of events, so
one month, whatever the machine.
"""

import heapq
import random
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any, TypeVar

from msgspec import structs

from api.demo.city_signers import ClaimIds
from api.month.book import Book
from api.month.facts import Facts
from api.month.oracle import demands, demands_by_now
from api.month.voices import HOUR, ORIGIN, SECOND, WINDOW_MS, Delivery, Device, Flow, Say, Turn
from ledger import claim as c
from ledger import events as e
from ledger.bundle import open_bundle
from ledger.entry import Answer
from ledger.registry import subject_of_filing
from ledger.store.append import Received

_NETWORK_MS = 300
_AGAIN, _AGAIN_LATE = 0.015, 0.003

C = TypeVar("C", bound=c.Claim)
Record = Callable[[list[Received], int], list[list[Answer]]]
"""Bundles recorded together at that time (ms UTC); their answers."""


class Stage:
    """One town's month under way. `now` is the story's time (ms UTC), `chance` its only source of luck."""

    def __init__(self, record: Record, seed: int, now: int, facts: Facts, book: Book) -> None:
        self.now, self.facts, self.book = now, facts, book
        self.chance = random.Random(f"month {seed}")  # noqa: S311 - play, not a secret
        self.ids = ClaimIds(random.Random(f"month ids {seed}"))  # noqa: S311 - as above
        self._seed, self._record = seed, record
        self._devices: dict[str, Device] = {}
        self._filed: Counter[str] = Counter()
        self._turns: list[Turn] = []
        self._numbers = count()
        self._waiting: list[Delivery] = []
        self.registered_at: dict[str, int] = {}
        self._luck: dict[str, tuple[int, float]] = {}
        self._first = now

    def device(self, name: str) -> Device:
        """The device of that name; its key follows from name and seed."""
        if name not in self._devices:
            self._devices[name] = Device(name, self._seed)
        return self._devices[name]

    def make(self, device: Device, act: type[C], at: int | None = None, /, **fields: Any) -> C:  # noqa: ANN401
        """A claim of that kind at that time (now), by that device's clock."""
        moment = (self.now if at is None else at) + device.ahead_ms
        return act(claim_id=self.ids.new(moment), scanned_at=moment, **fields)

    def filing(self, device: Device, act: type[C], /, **fields: Any) -> C:  # noqa: ANN401
        """A filing, which names the snapshot that it replaces."""
        made = self.make(device, act, **fields)
        assert isinstance(made, c.FilingClaim)
        subject = subject_of_filing(made)
        self._filed[subject] += 1
        seen = self._filed[subject]
        return made if seen == 1 else structs.replace(made, expects=seen - 2)

    def start(self, process: Flow, at: int | None = None) -> None:
        """Let a process begin, now or then."""
        heapq.heappush(self._turns, Turn(self.now if at is None else at, next(self._numbers), process))

    def happens(self, kind: str, share: float, last: int, least: int = 1) -> bool:
        """Whether this befalls the work at hand: with that chance, and so often at least before `last` (ms UTC)."""
        first, spread = self._luck.setdefault(kind, (self.now, self.chance.random() * 0.7))
        times = self.book.honest[kind]
        due = times < least and self.now >= first + (last - first) * (times + spread) / least
        if not due and self.chance.random() >= share:
            return False
        self.book.did(kind)
        return True

    def play(self, until: int, told: Callable[[int], None]) -> None:
        """Everything up to that time (ms UTC); `told` the time now and then."""
        while self._turns and self._turns[0].at <= until:
            turn = self._turns[0]
            if self._waiting and turn.at > self._first + WINDOW_MS:
                self._flush()
                told(self.now)
                continue
            heapq.heappop(self._turns)
            self.now = max(self.now, turn.at)
            if isinstance(turn.what, Delivery):
                self._queue(turn.what)
            else:
                self._step(turn.what, None)
            if not self._turns and self._waiting:
                self._flush()
        while self._waiting:
            self._flush()

    def _step(self, process: Flow, outcomes: list[e.Outcome] | None) -> None:
        try:
            wants = next(process) if outcomes is None else process.send(outcomes)
        except StopIteration:
            return
        if isinstance(wants, int):
            self.start(process, max(wants, self.now))
            return
        self._send(wants, process)

    def _send(self, say: Say, process: Flow) -> None:
        received = Received(open_bundle(say.device.signer.sign(ORIGIN, say.claims)), -say.device.ahead_ms)
        if say.arrives is None:
            self._queue(Delivery(received, [None] * len(say.claims), process))
            return
        # What people did is judged by what they knew then.
        settled = say.settled or [demands(self.facts, one, self.now) for one in say.claims]
        self._later(say.arrives, Delivery(received, [*settled]))
        self.start(process)

    def _later(self, at: int, delivery: Delivery) -> None:
        heapq.heappush(self._turns, Turn(at, next(self._numbers), delivery))

    def _queue(self, delivery: Delivery) -> None:
        if not self._waiting:
            self._first = self.now
        self._waiting.append(delivery)

    def _flush(self) -> None:
        going, self._waiting = self._waiting, []
        self.now += _NETWORK_MS
        demanded = [list(self._demands(one)) for one in going]
        answered = self._record([one.received for one in going], self.now)
        for delivery, wanted, answers in zip(going, demanded, answered, strict=True):
            if delivery.first is None:
                for signed, rules, answer in zip(delivery.received.bundle.claims, wanted, answers, strict=True):
                    self.book.heard(signed.claim, rules, answer)
                    if isinstance(signed.claim, c.RegisterCylinder):
                        self.registered_at.setdefault(signed.claim.cylinder, answer.entry_index)
                self._perhaps_again(delivery.received, answers)
            elif delivery.first != answers:
                self.book.changed(delivery.received.bundle.claims[0].claim, answers[0])
        for delivery, answers in zip(going, answered, strict=True):
            if delivery.waiting is not None:
                self._step(delivery.waiting, [answer.outcome for answer in answers])

    def _demands(self, delivery: Delivery) -> Iterable[set[str]]:
        if delivery.first is not None:
            return
        for signed, settled in zip(delivery.received.bundle.claims, delivery.demanded, strict=True):
            if settled is None:
                rules = demands(self.facts, signed.claim, self.now)
            else:
                rules = settled | demands_by_now(self.facts, signed.claim, self.now)
            if not rules:
                self.facts.note(signed.claim)
            yield rules

    def _perhaps_again(self, received: Received, answers: list[Answer]) -> None:
        """The answer was lost: the same bytes are sent again, soon or, from a forgotten outbox, hours later."""
        draw = self.chance.random()
        if draw < _AGAIN + _AGAIN_LATE:
            late = draw < _AGAIN_LATE
            self.book.did("sent again hours later" if late else "sent again")
            wait = self.chance.randint(2 * HOUR, 9 * HOUR) if late else 5 * SECOND
            self._later(self.now + wait, Delivery(received, [], first=answers))
