"""Custody over time: where a cylinder was and who held it, as its entries tell, at any moment and as known at any.

Two orders meet here. In index order entries decide: what the ledger holds now is what the last of them left
(`ledger.fold`). In the order of time they tell a story: a scan that came late was overtaken and moved nothing, and
still says where the cylinder was when it was seen. So every entry that places a cylinder is a `Fact` with the time
from which it holds; the story as known at some moment is the facts recorded by then, in the order of those times, and
nothing is ever rewritten. The newest span of a story is always what the fold holds.

A cylinder is told by its party of entries, `cylinder:…`; one that nobody registered (外来瓶) by its code's, `code:…`.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from ledger import claim as c
from ledger import events as e
from ledger.cylinder import UNKNOWN_HOLDER, codes_of
from ledger.fold import PLACING, Place, destination
from ledger.told import Told
from ledger.world import UNREAD, seen_at_of

CONTRADICTION = "custody_contradiction"
"""The reason of CUST-01's notes."""

NOWHERE = Place(UNKNOWN_HOLDER)


class Fact(Struct, frozen=True):
    """What one entry says of a cylinder's place. Times are ms UTC by clocks put right.

    `since`: from when it holds. That is when it was seen, but never before the last fact that the ledger went by: what
    is told out of turn and decides nevertheless (a request, a pre-check) decides from then on. `late`: it was overtaken
    when it was told, and tells only where the cylinder was. `inferred`: nobody scanned the way there; standing at the
    pre-check proves it. `place` is None where a code's story ends, because a registered cylinder carries it.
    """

    entry_index: int
    recorded_at: int
    seen_at: int
    since: int
    place: Place | None
    late: bool = False
    inferred: bool = False


class Contradiction(Struct, frozen=True):
    """A scan took a cylinder from hands that by the ledger did not hold it (CUST-01). Times ms UTC."""

    entry_index: int
    recorded_at: int
    seen_at: int
    holder: str
    expected: str


class History(Struct, frozen=True):
    """All that the entries of one cylinder, or of one unregistered code, say of its place; `party` names it."""

    party: str
    facts: tuple[Fact, ...]
    contradictions: tuple[Contradiction, ...]

    @property
    def foreign(self) -> bool:
        """Whether nobody registered it."""
        return self.party.startswith("code:")


class Span(Struct, frozen=True):
    """A cylinder in one place, from `since` until `until` (ms UTC, not included; None: still there).

    `entry_index` put it there, seen at `seen_at` and recorded at `recorded_at`; `ended_by` took it away. `late` and
    `inferred` as in facts; `end_inferred`: nobody scanned that it left.
    """

    place: Place
    since: int
    entry_index: int
    recorded_at: int
    seen_at: int
    until: int | None = None
    ended_by: int | None = None
    late: bool = False
    inferred: bool = False
    end_inferred: bool = False


class Held(Struct, frozen=True):
    """A cylinder (or unregistered code) that stands somewhere: whose history, and since when by which entry."""

    party: str
    span: Span


def history_of(party: str, told: Iterable[Told]) -> History:
    """The history of `cylinder:ID` from that party's entries; of `code:CODE` from that party's entries and, once a
    registered cylinder carries the code, that cylinder's. Entries in index order; others than those are passed over.
    """
    facts, contradictions = list[Fact](), list[Contradiction]()
    place: Place | None = None
    latest = 0
    for index, _, entry, claim in told:
        outcome, seen_at = entry.outcome, seen_at_of(claim, entry.clock_offset_ms, entry.recorded_at)
        if entry.subject == party or party == f"code:{_code(claim)}":
            at = index, entry.recorded_at, seen_at
            contradictions.extend(Contradiction(*at, *hands) for hands in _contradicted(outcome))
        elif place is not None and (counted := _counted_elsewhere(party, claim, outcome)) is not None:
            contradictions.append(Contradiction(index, entry.recorded_at, seen_at, place.holder, counted))
        says = _says(party, place, claim, outcome)
        if says is None:
            continue
        overtaken = _overtaken(party, outcome, seen_at, latest)
        since = seen_at if overtaken else max(seen_at, latest)
        moved = place not in (None, NOWHERE)
        inferred = moved and isinstance(outcome, e.PrefillChecked | e.PrefillFailed) and outcome.return_inferred
        to = None if says is ENDED else says
        facts.append(Fact(index, entry.recorded_at, seen_at, since, to, late=overtaken, inferred=inferred))
        if not overtaken:
            place, latest = to, since
    return History(party, tuple(facts), tuple(contradictions))


def spans(history: History, known_at: int | None = None) -> tuple[Span, ...]:
    """Where it was, in the order of time, as known at that moment (ms UTC; None: by all that is recorded)."""
    known = (fact for fact in history.facts if known_at is None or fact.recorded_at <= known_at)
    steps = list(_steps(sorted(known, key=lambda fact: (fact.since, fact.entry_index))))
    ends: list[Fact | None] = [*steps[1:], None]
    return tuple(
        Span(
            place=fact.place,
            since=fact.since,
            entry_index=fact.entry_index,
            recorded_at=fact.recorded_at,
            seen_at=fact.seen_at,
            until=None if end is None else end.since,
            ended_by=None if end is None else end.entry_index,
            late=fact.late,
            inferred=fact.inferred,
            end_inferred=end is not None and end.inferred,
        )
        for fact, end in zip(steps, ends, strict=False)  # of no facts, no spans
        if fact.place is not None
    )


def held_at(history: History, at: int, known_at: int | None = None) -> Span | None:
    """Where it was at that moment, as known at another (both ms UTC; None: by all that is recorded); None before its
    story began, and for a code whose story is over.
    """
    there = [one for one in spans(history, known_at) if one.since <= at and (one.until is None or at < one.until)]
    return there[-1] if there else None


def stands_with(place: Place, party: str) -> bool:
    """Whether that party holds it there: `site:…`, `vehicle:…`, `customer:…`, `premises:…`, `unknown`, or `person:…`
    who took it onto the vehicle.
    """
    kind, _, key = party.partition(":")
    if kind == "premises":
        return place.premises == key
    return place.carrier == key if kind == "person" else place.holder == party


def came_to(party: str, told: Iterable[Told]) -> tuple[str, ...]:
    """Whose histories (`cylinder:…`, `code:…`) may have stood with that party, by that party's own entries, in order.

    Whoever takes a cylinder is a party of the entry that says so, so none is left out.
    """
    found = dict[str, None]()
    for _, _, entry, claim in told:
        outcome = entry.outcome
        if isinstance(outcome, e.PremisesCounted):
            found.update((f"cylinder:{key}", None) for key in outcome.found)
            found.update((f"code:{one}", None) for one in outcome.foreign)
            continue
        to = destination(claim)
        if to is None or not isinstance(outcome, e.CylinderEvent) or not stands_with(to, party):
            continue
        code = _code(claim)
        if outcome.cylinder is not None:
            found[f"cylinder:{outcome.cylinder}"] = None
        elif code is not None:
            found[f"code:{code}"] = None
    return tuple(found)


def stock_at(histories: Iterable[History], party: str, at: int, known_at: int | None = None) -> tuple[Held, ...]:
    """What stood with that party at that moment as known at another, in the order in which it came.

    `histories`: of whatever ever came to it (`came_to`), and of as much else as the caller likes.
    """
    there = ((one.party, held_at(one, at, known_at)) for one in histories)
    held = (Held(key, span) for key, span in there if span is not None and stands_with(span.place, party))
    return tuple(sorted(held, key=lambda one: (one.span.since, one.span.entry_index, one.party)))


def _steps(ordered: Iterable[Fact]) -> Iterator[Fact]:
    """Those facts that change the place."""
    last: tuple[Place | None] | None = None
    for fact in ordered:
        if last is None or last[0] != fact.place:
            yield fact
        last = (fact.place,)


ENDED = Place("")
"""What a registration says of a code's story."""


def _says(party: str, place: Place | None, claim: c.AnyClaim, outcome: e.Outcome) -> Place | None:
    """Where that cylinder is by this entry; None where the entry says nothing of it."""
    kind, _, key = party.partition(":")
    if isinstance(outcome, e.PremisesCounted) and isinstance(claim, c.CountPremises):
        found, missing = (outcome.foreign, outcome.gone) if kind == "code" else (outcome.found, outcome.missing)
        if key in found:
            return Place(f"customer:{claim.customer}", claim.premises)
        return NOWHERE if key in missing else None
    if not isinstance(outcome, e.CylinderEvent):
        return None
    if kind == "code":
        if _carries(key, claim, outcome):
            return ENDED
        return destination(claim) if outcome.cylinder is None and _code(claim) == key else None
    if outcome.cylinder != key:
        return None
    if isinstance(outcome, e.CylinderRegistered):
        return NOWHERE
    to = destination(claim)
    if to is not None or type(claim) not in PLACING or _superseded(outcome):
        return to
    # Done with it at hand, and it moves nowhere (an inspection, the start of a fill): it is there still, and what comes
    # later and was seen before does not undo that.
    return place


def _carries(code: str, claim: c.AnyClaim, outcome: e.CylinderEvent) -> bool:
    if isinstance(claim, c.RegisterCylinder) and isinstance(outcome, e.CylinderRegistered):
        return code in codes_of(claim, outcome)
    return isinstance(claim, c.BindCode) and claim.new_code == code and outcome.cylinder is not None


def _overtaken(party: str, outcome: e.Outcome, seen_at: int, latest: int) -> bool:
    if party.startswith("code:"):  # of what nobody registered, the ledger goes by what was seen last
        return isinstance(outcome, e.CylinderEvent) and outcome.cylinder is None and seen_at < latest
    return _superseded(outcome)


def _superseded(outcome: e.Outcome) -> bool:
    return isinstance(outcome, e.PlacedEvent) and outcome.superseded


def _counted_elsewhere(party: str, claim: c.AnyClaim, outcome: e.Outcome) -> str | None:
    """Where a count says that cylinder is, against the ledger: at the customer's, or not there and nobody knows where.
    None where it says nothing against it.
    """
    if not isinstance(outcome, e.PremisesCounted) or not isinstance(claim, c.CountPremises):
        return None
    key = party.partition(":")[2]
    if key in outcome.elsewhere:
        return f"customer:{claim.customer}"
    return UNKNOWN_HOLDER if key in (*outcome.missing, *outcome.gone) else None


def _contradicted(outcome: e.Outcome) -> Iterator[tuple[str, str]]:
    """Who held it by the ledger and who by the scan, for each finding of CUST-01."""
    broken = outcome.reasons if isinstance(outcome, e.Refusal) else outcome.violations
    for note in (*broken, *outcome.warnings):
        if note.reason == CONTRADICTION:
            yield str(note.facts["holder"]), str(note.facts["expected"])


def _code(claim: c.AnyClaim) -> str | None:
    """The code that it names; None for none that could be read."""
    code: str | None = getattr(claim, "code", None)
    return None if code is None or code.startswith(UNREAD) else code
