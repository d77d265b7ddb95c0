"""Where the gas in a cylinder came from, through whose hands it went, and what was known of it: facts, each with its
entry. A cylinder's newest fill is the gas that it holds; older fills stand among the statements.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from msgspec import Struct

from ledger import claim as c
from ledger import events as e
from ledger.told import Told
from ledger.trace.statement import Behind, behind

What = Literal[
    "maker", "serial", "made_month", "owner", "use_registration", "station", "line", "tank_lot", "net_g", "lawful",
    "filler", "pre_checker", "authorised_by", "post_checker", "releaser", "seal", "valve", "inspection_site",
    "inspector", "reviewer", "inspected_on", "inspection_passed", "worker", "vehicle", "customer", "premises",
    "contract", "presupply_check", "home_check", "delivery_check", "hazard", "hazard_assigned", "hazard_escalated",
    "hazard_rectified", "hazard_rechecked", "suspension", "notice", "hazard_closed", "refused", "not_delivered",
    "recall", "drill", "recall_closed", "incident", "incident_lifted",
]  # fmt: skip


class Fact(Struct, frozen=True):
    """One thing that entries say: what, its value (an id, a day, grams, `yes` or `no`), and the entry behind it."""

    what: What
    value: str
    behind: Behind


class Origin(Struct, frozen=True):
    """The facts, and the acts whose papers matter: of the newest fill, inspection and hand-over."""

    facts: list[Fact]
    acts: list[Told]


def origin_of(entries: Sequence[Told]) -> Origin:
    """What the known entries of one cylinder, in index order, say of where it comes from."""
    facts = [*_registered(entries)]
    acts: list[Told] = []
    filled = _newest(entries, e.CylinderFilled)
    if filled is not None:
        acts += _fill(entries, filled, facts)
    inspected = _newest(entries, e.InspectionPassed | e.InspectionFailed)
    if inspected is not None:
        claim = inspected.claim
        assert isinstance(claim, c.RecordInspection)
        facts += _facts(
            inspected, inspection_site=claim.site, inspector=claim.person, reviewer=claim.reviewer,
            inspected_on=claim.inspected_on, inspection_passed=_yes(claim.passed),
        )  # fmt: skip
        acts.append(inspected)
    acts += _delivered(entries, facts)
    return Origin(facts, sorted(acts, key=lambda one: one.entry_index))


def _registered(entries: Sequence[Told]) -> Iterator[Fact]:
    opened = _newest(entries, e.CylinderRegistered)
    if opened is None:
        return
    claim = opened.claim
    assert isinstance(claim, c.RegisterCylinder)
    yield from _facts(opened, maker=claim.maker, serial=claim.serial, made_month=claim.made_month)
    surrendered = _newest(entries, e.CylinderSurrendered)
    if surrendered is None:
        yield Fact("owner", claim.owner, behind(opened))
    else:
        assert isinstance(surrendered.entry.outcome, e.CylinderSurrendered)
        yield Fact("owner", surrendered.entry.outcome.owner, behind(surrendered))
    covered = [one for one in entries if isinstance(one.claim, c.FileUseRegistration)]
    if covered:
        paper = covered[-1].claim
        assert isinstance(paper, c.FileUseRegistration)
        yield Fact("use_registration", f"{paper.certificate} {paper.status}", behind(covered[-1]))
    valve = _newest(entries, e.ValveReplaced)
    number = getattr((valve or opened).claim, "valve_no", None)
    if number is not None:
        yield Fact("valve", number, behind(valve or opened))


def _fill(entries: Sequence[Told], filled: Told, facts: list[Fact]) -> Iterator[Told]:
    """The facts of a fill, and the acts around it: pre-check, leave, fill, post-check, release."""
    claim, outcome = filled.claim, filled.entry.outcome
    assert isinstance(claim, c.CompleteFill)
    assert isinstance(outcome, e.CylinderFilled)
    facts += _facts(
        filled, station=claim.site, line=claim.line, tank_lot=claim.tank_lot, net_g=str(outcome.net_g),
        lawful=_yes(outcome.lawful), filler=claim.person,
    )  # fmt: skip
    before = [one for one in entries if one.entry_index < filled.entry_index]
    after = [one for one in entries if one.entry_index > filled.entry_index]
    around: tuple[tuple[What, Told | None], ...] = (
        ("pre_checker", _newest(before, e.PrefillChecked | e.PrefillFailed)),
        ("authorised_by", _leave(before, claim.authorisation)),
        ("post_checker", _newest(after, e.PostfillChecked | e.PostfillFailed)),
        ("releaser", _newest(after, e.CylinderReleased)),
    )
    yield filled
    for what, one in around:
        if one is None:
            continue
        facts.append(Fact(what, getattr(one.claim, "person", ""), behind(one)))
        if isinstance(one.claim, c.ReleaseCylinder) and one.claim.seal is not None:
            facts.append(Fact("seal", one.claim.seal, behind(one)))
        yield one


def _leave(entries: Sequence[Told], authorisation: str) -> Told | None:
    """The authorisation that a fill names; None where it names none that there was."""
    return next(
        (
            one
            for one in entries
            if one.claim.claim_id == authorisation and isinstance(one.entry.outcome, e.FillAuthorised)
        ),
        None,
    )


def _delivered(entries: Sequence[Told], facts: list[Fact]) -> Iterator[Told]:
    given = _newest(entries, e.CylinderHandedOver)
    if given is None:
        return
    claim = given.claim
    assert isinstance(claim, c.HandOver)
    brought = {} if claim.vehicle is None else {"vehicle": claim.vehicle}  # a customer who fetched it came without
    facts += _facts(given, worker=claim.person, **brought, customer=claim.customer, premises=claim.premises)
    loaded = _newest([one for one in entries if one.entry_index < given.entry_index], e.VehicleLoaded)
    if loaded is not None and brought:
        yield loaded
    yield given


def _facts(one: Told, **values: str) -> Iterable[Fact]:
    said: dict[What, str] = values  # type: ignore[assignment] # the callers name them
    return [Fact(what, value, behind(one)) for what, value in said.items()]


def _newest(entries: Sequence[Told], kind: object) -> Told | None:
    """The newest of these entries whose outcome is of that kind; none that was overtaken when it was told."""
    of_kind = (one for one in reversed(entries) if isinstance(one.entry.outcome, kind))  # type: ignore[arg-type]
    return next((one for one in of_kind if not _overtaken(one.entry.outcome)), None)


def _overtaken(outcome: e.Outcome) -> bool:
    """Whether something newer stood already: a late scan, an inspection before the one on record."""
    if isinstance(outcome, e.PlacedEvent):
        return outcome.superseded
    return isinstance(outcome, e.Event) and any(one.reason == "inspection_out_of_order" for one in outcome.violations)


def _yes(is_so: bool) -> str:  # noqa: FBT001 - a word for it
    return "yes" if is_so else "no"
