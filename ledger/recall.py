"""A recall (召回) or its drill (演练): which cylinders it reaches, who must be told, who has said so, how far it is.

A cylinder is *affected* while it matches as gates see it, and so as they refuse it (`ledger.rules.withdrawal`). One
that matched once and was filled, inspected or delivered anew since is told apart: its gas or paper is another by now.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from msgspec import Struct
from msgspec import json as mjson

from ledger import claim as c
from ledger import events as e
from ledger.china import HOUR_MS
from ledger.cylinder import UNKNOWN_HOLDER, Cylinder, Delivery, Fill, Gas, Inspection
from ledger.fold import destination
from ledger.lifecycle import SCRAPPED, Stage
from ledger.lots import Find
from ledger.rules.withdrawal import (
    body_matches,
    carried_matches,
    delivery_matches,
    fill_matches,
    gas_matches,
    inspection_matches,
    matches,
    of_delivery,
    of_fill,
    of_inspection,
)  # fmt: skip
from ledger.told import Told, told
from ledger.world import seen_at_of

Group = Literal["fill", "inspection", "delivery"]
"""What a recall may ask about besides the cylinder itself."""

Where = Literal["customer", "vehicle", "site", "set_aside", "scrapped", "unknown"]
"""Where an affected cylinder is, as far as a recall cares."""

BACK: tuple[Where, ...] = ("site", "set_aside", "scrapped")
"""Out of harm's way."""


class Match(Struct, frozen=True):
    """The newest entry by which a cylinder matches a group of selectors. `at`: when it happened, by clocks put right
    (ms UTC).
    """

    group: Group
    entry_index: int
    leaf: str
    recorded_at: int
    at: int


class Affected(Struct, frozen=True):
    """A cylinder that matches, or once did, and where it is now. `matched` holds nothing for a recall by body alone."""

    cylinder: str
    codes: tuple[str, ...]
    owner: str
    stage: Stage
    holder: str
    premises: str | None
    where: Where
    matched: tuple[Match, ...]


class Unregistered(Struct, frozen=True):
    """A code that nobody had registered when this happened to it: no gate knows it, so somebody must go and look."""

    code: str
    matched: Match


class Acknowledgement(Struct, frozen=True):
    """An enterprise's newest word on the recall, and when its first came (ms UTC). `told`: holders told by now."""

    entry_index: int
    at: int
    told: int


class Story(Struct, frozen=True):
    """A recall from its newest opening on. `acknowledged` is by enterprise."""

    claim: c.OpenRecall
    opened_index: int
    opened_leaf: str
    opened_at: int
    closed_index: int | None
    closed_at: int | None
    acknowledged: dict[str, Acknowledgement]


class Clock(Struct, frozen=True):
    """How an enterprise stands: how many affected cylinders it owns or holds, until when it must answer, whether it
    did. `overdue`: it has not, and its time is up; `late`: it did when its time was up. Times ms UTC.
    """

    enterprise: str
    cylinders: int
    due_at: int
    acknowledged_at: int | None
    entry_index: int | None
    told: int
    overdue: bool
    late: bool


class Progress(Struct, frozen=True):
    """How many affected cylinders are where; `back` of `affected` are out of harm's way."""

    affected: int
    back: int
    where: dict[Where, int]


class Hits(Struct, frozen=True):
    """What entries show: per cylinder and group its newest match, and codes that nobody had registered."""

    cylinders: dict[str, dict[Group, Match]]
    unregistered: list[Unregistered]


def story_of(entries: Iterable[Told]) -> Story | None:
    """The story that the entries of `recall:ID` tell, in index order; None when it was never opened.

    Filed anew it is another recall to acknowledge: clocks run from its newest opening.
    """
    opened: Told | None = None
    closed: Told | None = None
    acknowledged: dict[str, Acknowledgement] = {}
    for one in entries:
        claim, accepted = one.claim, not isinstance(one.entry.outcome, e.Refusal)
        if not accepted:
            continue
        if isinstance(claim, c.OpenRecall):
            opened, closed, acknowledged = one, None, {}
        elif isinstance(claim, c.CloseRecall):
            closed = one
        elif isinstance(claim, c.AcknowledgeRecall):
            first = acknowledged.get(claim.enterprise)
            at = one.entry.recorded_at if first is None else first.at
            acknowledged[claim.enterprise] = Acknowledgement(one.entry_index, at, claim.told)
    if opened is None:
        return None
    assert isinstance(opened.claim, c.OpenRecall)
    return Story(
        claim=opened.claim,
        opened_index=opened.entry_index,
        opened_leaf=opened.leaf,
        opened_at=opened.entry.recorded_at,
        closed_index=None if closed is None else closed.entry_index,
        closed_at=None if closed is None else closed.entry.recorded_at,
        acknowledged=acknowledged,
    )


def groups_of(recall: c.OpenRecall) -> tuple[Group, ...]:
    """What it asks about besides the cylinder itself."""
    asked: dict[Group, bool] = {
        "fill": of_fill(recall), "inspection": of_inspection(recall), "delivery": of_delivery(recall),
    }  # fmt: skip
    return tuple(group for group, named in asked.items() if named)


class _Who(Struct):
    """What of an outcome is looked at before the whole entry is read."""

    type: str
    cylinder: str | None = None


class _Peek(Struct):
    outcome: _Who


_peek = mjson.Decoder(_Peek)
CARRIED = ("vehicle_loaded.v1", "depot_left.v1", "cylinder_collected.v1", "cylinder_removed.v1", "cylinder_found.v1")
"""Events that may put a cylinder on a vehicle."""

_GROUP_OF: dict[str, Group] = {
    "cylinder_filled.v1": "fill", "fill_started.v1": "fill", "fill_interrupted.v1": "fill",
    "inspection_passed.v1": "inspection", "cylinder_handed_over.v1": "delivery", **dict.fromkeys(CARRIED, "delivery"),
}  # fmt: skip


def hits_of(recall: c.OpenRecall, newest_first: Iterable[tuple[int, bytes]], lots: Find | None, floor: int) -> Hits:
    """What these entries (index and bytes, descending) show of the recall's groups. `lots` and `floor` as in `matches`.

    Of a cylinder only the newest match of each group counts, so older entries are hardly looked at.
    """
    cylinders: dict[str, dict[Group, Match]] = defaultdict(dict)
    unregistered: dict[str, Unregistered] = {}
    wanted = groups_of(recall)
    for index, body in newest_first:
        who = _peek.decode(body).outcome
        group = _GROUP_OF.get(who.type)
        if group not in wanted or (who.cylinder in cylinders and group in cylinders[who.cylinder]):
            continue
        one = told(index, body)
        if not _matched(recall, one, lots, floor):
            continue
        match = Match(group, one.entry_index, one.leaf, one.entry.recorded_at, _seen_at(one))
        if who.cylinder is None and who.type not in CARRIED:
            code: str = getattr(one.claim, "code", "")
            unregistered.setdefault(code, Unregistered(code, match))
        elif who.cylinder is not None:
            cylinders[who.cylinder][group] = match
    return Hits(dict(cylinders), list(unregistered.values()))


def _seen_at(one: Told) -> int:
    return seen_at_of(one.claim, one.entry.clock_offset_ms, one.entry.recorded_at)


def _matched(recall: c.OpenRecall, one: Told, lots: Find | None, floor: int) -> bool:
    """Whether the entry matches the selectors of its group; only what changed the cylinder's state counts
    (`ledger.fold`).
    """
    claim, outcome = one.claim, one.entry.outcome
    if isinstance(outcome, e.CylinderFilled) and isinstance(claim, c.CompleteFill):
        fill = Fill(
            one.entry.recorded_at, claim.authorisation, claim.site, claim.line, claim.person, claim.tank_lot,
            outcome.net_g, outcome.lawful, _seen_at(one),
        )  # fmt: skip
        return fill_matches(recall, fill, lots, floor)
    if isinstance(outcome, e.FillStarted | e.FillInterrupted):
        assert isinstance(claim, c.StartFill | c.InterruptFill)
        if outcome.tank_lot is None or (isinstance(outcome, e.FillStarted) and outcome.superseded):
            return False
        gas = Gas(claim.authorisation, claim.line, claim.person, outcome.tank_lot, _seen_at(one))
        return gas_matches(recall, gas, lots, floor)
    if isinstance(outcome, e.InspectionPassed) and isinstance(claim, c.RecordInspection):
        done = Inspection(claim.site, claim.person, claim.inspected_on)
        return not outcome.violations and inspection_matches(recall, done)
    assert isinstance(outcome, e.PlacedEvent)
    if not isinstance(claim, c.HandOver):
        place = destination(claim)
        carried = place is not None and carried_matches(recall, place.holder, place.carrier)
        return carried and lots is not None and not outcome.superseded
    given = Delivery(_seen_at(one), claim.person, claim.vehicle, claim.customer, claim.premises)
    return not outcome.superseded and delivery_matches(recall, given)


def split(
    recall: c.OpenRecall, cylinders: Iterable[Cylinder], hits: Hits, lots: Find | None, floor: int
) -> tuple[list[Affected], list[Affected]]:
    """The affected among these cylinders, and those that matched every group at some time and match no longer."""
    now, before = list[Affected](), list[Affected]()
    wanted = groups_of(recall)
    for one in sorted(cylinders, key=lambda one: one.first_index):
        found = hits.cylinders.get(one.cylinder, {})
        if matches(recall, one, lots=lots, floor=floor):
            now.append(_affected(one, found))
        elif wanted and all(group in found for group in wanted) and body_matches(recall, one):
            before.append(_affected(one, found))
    return now, before


def _affected(one: Cylinder, found: Mapping[Group, Match]) -> Affected:
    matched = tuple(sorted(found.values(), key=lambda match: match.entry_index))
    return Affected(
        one.cylinder, one.codes, one.owner, one.stage, one.holder, one.premises, where_is(one), matched
    )  # fmt: skip


def where_is(one: Cylinder) -> Where:
    """Where a cylinder is, as far as a recall cares: a scrapped one is no danger wherever it is."""
    if one.stage in SCRAPPED:
        return "scrapped"
    kind = one.holder.partition(":")[0]
    if kind == "customer" or one.holder == UNKNOWN_HOLDER:
        return "customer" if kind == "customer" else "unknown"
    if one.stage is Stage.SET_ASIDE:
        return "set_aside"
    return "vehicle" if kind == "vehicle" else "site"


def progress_of(affected: Iterable[Affected]) -> Progress:
    """How far it is."""
    where: Counter[Where] = Counter(one.where for one in affected)
    return Progress(sum(where.values()), sum(where[one] for one in BACK), dict(where))


StandsFor = Callable[[str, str], bool]
"""Whether an enterprise is another one, or its successor."""


def clocks_of(story: Story, concerned: Mapping[str, int], stands_for: StandsFor, now: int) -> list[Clock]:
    """How the enterprises stand whose affected cylinders `concerned` counts, and whoever else acknowledged, as of
    `now` (ms UTC). A successor's word is its predecessor's. After the closing no clock runs.
    """
    due_at = story.opened_at + story.claim.acknowledge_h * HOUR_MS
    until = now if story.closed_at is None else min(now, story.closed_at)
    clocks = []
    for enterprise in sorted({*concerned, *story.acknowledged}):
        words = [word for by, word in story.acknowledged.items() if stands_for(by, enterprise)]
        first = min(words, key=lambda word: word.at, default=None)
        clocks.append(
            Clock(
                enterprise=enterprise,
                cylinders=concerned.get(enterprise, 0),
                due_at=due_at,
                acknowledged_at=None if first is None else first.at,
                entry_index=None if first is None else first.entry_index,
                told=max((word.told for word in words), default=0),
                overdue=first is None and until > due_at,
                late=first is not None and first.at > due_at,
            )
        )
    return clocks
