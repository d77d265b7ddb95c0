"""What was open against a cylinder: recalls and drills that it fits, incidents that hold it; each with its entry."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ledger import claim as c
from ledger import events as e
from ledger.cylinder import Cylinder, register
from ledger.fold import apply, found_at, missed_at
from ledger.lots import Find
from ledger.rules.incident import kept_by
from ledger.rules.withdrawal import matches
from ledger.told import Told
from ledger.trace.origin import Fact, What
from ledger.trace.statement import behind
from ledger.world import seen_at_of

_HELD = "incident_hold"
"""The reason of HOLD-01's notes."""


def cylinder_as_of(key: str, entries: Iterable[Told]) -> Cylinder | None:
    """The cylinder of that ledger id as these entries of its story, in index order, left it; None before it was
    registered. Its chain and its use registration are not followed.
    """
    found: Cylinder | None = None
    for index, leaf, entry, claim in entries:
        outcome = entry.outcome
        at, seen_at = entry.recorded_at, seen_at_of(claim, entry.clock_offset_ms, entry.recorded_at)
        if isinstance(outcome, e.CylinderRegistered):
            assert isinstance(claim, c.RegisterCylinder)
            found = register(claim, outcome, entry_index=index, leaf=leaf) if outcome.cylinder == key else found
        elif found is None:
            continue
        elif isinstance(claim, c.CountPremises) and isinstance(outcome, e.PremisesCounted):
            if key in outcome.found:
                found = found_at(found, claim, seen_at=seen_at)
            elif key in outcome.missing:
                found = missed_at(found)
        elif isinstance(outcome, e.CylinderEvent) and outcome.cylinder == key:
            found = apply(found, claim, outcome, at=at, seen_at=seen_at, entry_index=index, leaf=leaf)
    return found


class Counts(NamedTuple):
    """What share of a lot's gas counts as that lot (permille), for a recall (None: the rules know no carry-over) and
    for a hold; `find` knows the lots. As in `ledger.lots.holds_gas_of`.
    """

    find: Find
    recall: int | None
    hold: int


def withdrawn_of(cylinder: Cylinder, entries: Iterable[Told], filings: Iterable[Told], counts: Counts) -> list[Fact]:
    """The recalls, drills and incidents among `filings`, in index order, that reach a cylinder with these entries, and
    which of them were over.
    """
    find, recall, hold = counts
    opened, over = dict[str, Told](), dict[str, Told]()
    for one in filings:
        newest = opened if isinstance(one.claim, c.OpenRecall | c.OpenIncident) else over
        over.pop(one.entry.subject, None)
        newest[one.entry.subject] = one
    locked = {incident for one in entries for incident, _ in moved_from(one.entry.outcome)}
    facts = []
    for subject, one in opened.items():
        claim = one.claim
        if isinstance(claim, c.OpenRecall):
            reached = matches(claim, cylinder, lots=None if recall is None else find, floor=recall or 0)
            what: What = "drill" if claim.drill else "recall"
        else:
            assert isinstance(claim, c.OpenIncident)
            reached = claim.incident in locked or bool(kept_by(claim, cylinder, find, hold))
            what = "incident"
        if reached:
            key = subject.partition(":")[2]
            facts.append(Fact(what, key, behind(one)))
            facts += [Fact(_OVER[what], key, behind(over[subject]))] if subject in over else []
    return facts


_OVER: dict[What, What] = {"recall": "recall_closed", "drill": "recall_closed", "incident": "incident_lifted"}


def moved_from(outcome: e.Outcome) -> Iterator[tuple[str, str]]:
    """The incidents that keep a cylinder from customers since it was moved away or let out nevertheless, each with what
    held it, as `site:S1`. A failed pre-check moves nothing, and what was overtaken is no lock (`ledger.fold`).
    """
    overtaken = isinstance(outcome, e.PlacedEvent) and outcome.superseded
    if overtaken or not isinstance(outcome, e.CylinderEvent) or isinstance(outcome, e.PrefillFailed):
        return
    for note in outcome.violations:
        if note.reason == _HELD:
            yield str(note.facts["incident"]), str(note.facts["held"])
