"""Statements: one an entry, with when it was recorded, when its act was seen, who said it, and what came of it.

Until when something is asked (`Window`) decides what stands where. What was recorded by then is *known*. What was
recorded later but claims to have happened before then stands apart, and so does a correction: a record made after the
bang cannot pass for one made before it (FLOW.md section 6).
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from ledger import claim as c
from ledger import events as e
from ledger.claim import act_of
from ledger.decide import LATE_MS
from ledger.told import Told
from ledger.world import seen_at_of


class Behind(Struct, frozen=True):
    """The entry behind a statement: index, leaf hash (hexadecimal), when it was recorded (ms UTC)."""

    entry_index: int
    leaf: str
    recorded_at: int


class Statement(Struct, frozen=True):
    """What one entry says. Times ms UTC; `seen_at` is when the act happened by its device's clock put right.

    `late`: recorded more than `ledger.decide.LATE_MS` after that. `correction`: it changes what earlier entries said.
    `known`: recorded by the instant asked for. `cylinder` is a ledger id; `code` what was scanned.
    """

    entry_index: int
    leaf: str
    recorded_at: int
    seen_at: int
    late: bool
    correction: bool
    known: bool
    act: str
    outcome_type: str
    accepted: bool
    subject: str
    cylinder: str | None
    code: str | None
    site: str | None
    person: str | None
    vehicle: str | None
    customer: str | None
    premises: str | None
    signer: str
    claim: c.AnyClaim
    outcome: e.Outcome


class Window(Struct, frozen=True):
    """What is asked: what was recorded from `from_ms` (included) to `to_ms` (not included), as it was known at
    `known_at` (included); ms UTC, None for no bound.
    """

    from_ms: int | None = None
    to_ms: int | None = None
    known_at: int | None = None

    @property
    def until(self) -> int | None:
        """The instant before which entries were recorded that are part of the answer itself; None for any."""
        ends = [end for end in (self.to_ms, None if self.known_at is None else self.known_at + 1) if end is not None]
        return min(ends, default=None)

    def is_known(self, recorded_at: int) -> bool:
        """Whether an entry recorded then was there at `known_at`."""
        return self.known_at is None or recorded_at <= self.known_at

    def claims_within(self, one: Statement) -> bool:
        """Whether an entry recorded after the window is about it: seen within it, or a correction."""
        if one.correction:
            return True
        until = self.until
        return (until is None or one.seen_at < until) and (self.from_ms is None or one.seen_at >= self.from_ms)


CORRECTIONS = (c.CorrectCylinder, c.SettleAlert)
"""Claims that say something else of what was said before."""


def behind(one: Told) -> Behind:
    """Where an entry stands."""
    return Behind(one.entry_index, one.leaf, one.entry.recorded_at)


def statement(one: Told, window: Window) -> Statement:
    """What an entry says, as seen from the instant asked for."""
    entry, claim, outcome = one.entry, one.claim, one.entry.outcome
    seen_at = seen_at_of(claim, entry.clock_offset_ms, entry.recorded_at)
    return Statement(
        entry_index=one.entry_index,
        leaf=one.leaf,
        recorded_at=entry.recorded_at,
        seen_at=seen_at,
        late=entry.recorded_at - seen_at > LATE_MS,
        correction=isinstance(claim, CORRECTIONS),
        known=window.is_known(entry.recorded_at),
        act=act_of(claim),
        outcome_type=e.tag_of(outcome),
        accepted=not isinstance(outcome, e.Refusal),
        subject=entry.subject,
        cylinder=getattr(outcome, "cylinder", None),
        code=getattr(claim, "code", None),
        site=getattr(claim, "site", None),
        person=getattr(claim, "person", None),
        vehicle=getattr(claim, "vehicle", None),
        customer=getattr(claim, "customer", None),
        premises=getattr(claim, "premises", None),
        signer=entry.signer,
        claim=claim,
        outcome=outcome,
    )


def statements(entries: Iterable[Told], window: Window) -> Iterator[Statement]:
    """What the entries of a story say that were recorded within the window, in their order."""
    until = window.until
    for one in entries:
        at = one.entry.recorded_at
        if (window.from_ms is None or at >= window.from_ms) and (until is None or at < until):
            yield statement(one, window)


def afterwards(entries: Iterable[Told], window: Window) -> Iterator[Statement]:
    """What was recorded after the window and claims to have happened within it, and later corrections; in order."""
    until = window.until
    if until is None:
        return
    for one in entries:
        if one.entry.recorded_at >= until:
            said = statement(one, window)
            if window.claims_within(said):
                yield said
