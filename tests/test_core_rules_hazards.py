"""Rules about hazards, suspensions, incidents, recalls by what happened, and what was lost: both sides of each.

This file is over 400 lines because the table is one thing to read: a gap shows only side by side.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from ledger import claim as c
from ledger import events as e
from ledger.lots import holds_gas_of, lots_with_gas_of
from tests.rule_kit import (
    ONE,
    P,
    Row,
    ask,
    check,
    heard,
    holds,
    ids_of,
    release,
    release_only,
    sale,
    supplied_by_rival,
    town_with,
    with_params,
)
from tests.story import MINUTE, Story, Town

Step = Callable[[Town], object]
LEAK: dict[str, Any] = {"item": c.CheckItem.LEAK}
DAY_MIN = 24 * 60


def after_all(*steps: Step) -> e.Outcome:
    """The outcome of the last of these."""
    town = town_with()
    outcome: Any = None
    for step in steps:
        outcome = step(town)
    told: e.Outcome = outcome
    return told


def said(act: type[c.Claim], **fields: Any) -> Step:
    return lambda town: town.say(act, **fields)


def opened_hazard(**fields: Any) -> Step:
    """A hazard, whose id later steps take from the town's premises."""
    return said(c.OpenHazard, **fields)


def about(act: type[c.Claim], **fields: Any) -> Step:
    """An act about the one hazard that is open."""
    return lambda town: town.say(act, hazard=town.world.premises["H1"].hazards[0].hazard, **fields)


def waited(minutes: float) -> Step:
    return lambda town: town.wait(minutes)


def rival_resumes(town: Town) -> e.Outcome:
    return town.say(c.ResumeSupply, by=town.story.rival, enterprise="E2")


def rival_suspends(town: Town) -> e.Outcome:
    """The rival supplies there too."""
    supplied_by_rival(town)
    return town.say(c.SuspendSupply, by=town.story.rival, enterprise="E2")


MENDED = (about(c.RectifyHazard), about(c.RecheckHazard))
SUSPENDED, RESUMED = said(c.SuspendSupply), said(c.ResumeSupply)
SUCCEEDED = said(c.FileSuccessor, enterprise="E2", successor="E1", from_day="2026-01-01")


def resumed_after(minutes: float, *steps: Step) -> e.Outcome:
    """Supply resumed so long after the repair; the re-check comes an hour after it."""
    mend = (about(c.RectifyHazard), waited(60), about(c.RecheckHazard))
    return after_all(opened_hazard(**LEAK), SUSPENDED, *mend, *steps, waited(minutes - 60), RESUMED)


def checked_at_home(**fields: Any) -> e.Outcome:
    photos = ("00" * 32,)
    return town_with().say(c.CheckPremises, check=c.SafetyCheck(**({"checklist": "home-1", "photos": photos} | fields)))


# --- recalls and incidents --------------------------------------------------------------------------------------------


def recalled(*steps: Step, then: Step = check, **selectors: Any) -> Callable[[], e.Outcome]:
    return lambda: after_all(*steps, said(c.OpenRecall, **selectors), then)


def released(town: Town) -> None:
    release(town)


def delivered(town: Town) -> None:
    release(town)
    town.sell(ONE)
    assert isinstance(town.say(c.HandOver, code=ONE), e.CylinderHandedOver)


def filled_from(lot: str, *lots: c.FileTankLot) -> Step:
    """A fill from the last of these lots."""

    def run(town: Town) -> None:
        for one in lots:
            assert isinstance(town.tell(town.story.office, one), e.Filed)
        town.fill(ONE, authorisation=town.authorise(ONE, tank_lot=lot), tank_lot=lot)

    return run


def lot(number: int, remainder_g: int | None, *, received_g: int = 19_000_000) -> c.FileTankLot:
    """The lot that came after that one."""
    story = Story(ids=iter(range(900_000 + number, 999_999)))
    return story.lot(tank_lot=f"T{number}", includes=f"T{number - 1}", received_g=received_g, remainder_g=remainder_g)


def filled_between(before: int, after: int) -> dict[str, Any]:
    """A window about the fill that `released` makes: its valve closes a minute and a half after the start."""
    closed = Story().now + MINUTE * 3 // 2
    return {"filled_from": closed + before, "filled_to": closed + after}


def held(then: Step, *before: Step, **freezes: Any) -> Callable[[], e.Outcome]:
    nothing = {"lines": (), "tank_lots": (), "sites": (), "vehicles": ()}
    return lambda: after_all(*before, said(c.OpenIncident, **(nothing | freezes)), then)


def at_door(town: Town) -> e.Outcome:
    return town.say(c.HandOver, code=ONE)


def loaded(town: Town) -> e.Outcome:
    return town.say(c.LoadVehicle, code=ONE)


def refilled(town: Town) -> e.Outcome:
    """Asked for again from another lot, on another line."""
    assert isinstance(town.tell(town.story.office, lot(9, None)), e.Filed)
    return town.say(c.AuthoriseFill, code=ONE, line="L2", tank_lot="T9")


def bled(town: Town) -> e.Outcome:
    return town.say(c.BleedCylinder, code=ONE, weight_g=17_000)


def let_out_and_checked(town: Town) -> e.Outcome:
    """Emptied, moved to another station's rows and checked there: the freeze holds until it is lifted."""
    assert isinstance(town.say(c.ExtractResidue, code=ONE), e.ResidueExtracted)
    return check(town)


def about_code(act: type[c.Claim]) -> Step:
    return said(act, code=ONE)


def asked_from(*lots: c.FileTankLot) -> Step:
    """A fill asked for from the last of these lots."""

    def run(town: Town) -> e.Outcome:
        for one in lots:
            assert isinstance(town.tell(town.story.office, one), e.Filed)
        return town.say(c.AuthoriseFill, code=ONE, tank_lot=lots[-1].tank_lot)

    return run


def itself() -> dict[str, str]:
    town = town_with()
    return {"cylinder": town.world.codes[ONE].cylinder}


def sold(town: Town) -> None:
    released(town)
    sale(town)


# fmt: off
ROWS: tuple[Row, ...] = (
    Row("blocks", "USR-06", "not_suspended", P(after_all, RESUMED)),
    Row("passes", "USR-06", "not_suspended", P(after_all, SUSPENDED, RESUMED)),
    Row("blocks", "USR-06", "not_suspended", P(after_all, SUSPENDED, RESUMED, RESUMED)),
    Row("blocks", "USR-06", "not_original_enterprise", P(after_all, rival_suspends, RESUMED)),
    Row("passes", "USR-06", "not_original_enterprise", P(after_all, rival_suspends, rival_resumes)),
    Row("passes", "USR-06", "not_original_enterprise", P(after_all, rival_suspends, SUCCEEDED, RESUMED)),
    Row("passes", "USR-06", "not_original_enterprise", P(after_all, rival_suspends, SUSPENDED, RESUMED)),
    Row("blocks", "USR-06", "hazard_not_closed", P(after_all, opened_hazard(**LEAK), SUSPENDED, RESUMED)),
    Row("blocks", "USR-06", "hazard_not_closed", P(
        after_all, opened_hazard(**LEAK), SUSPENDED, about(c.RectifyHazard), RESUMED)),
    Row("passes", "USR-06", "hazard_not_closed", P(after_all, opened_hazard(**LEAK), SUSPENDED, *MENDED, RESUMED)),
    Row("passes", "USR-06", "hazard_not_closed", P(after_all, opened_hazard(), SUSPENDED, RESUMED)),
    Row("blocks", "USR-06", "hazard_not_closed", P(
        after_all, opened_hazard(), about(c.EscalateHazard), SUSPENDED, RESUMED)),
    Row("passes", "USR-06", "hazard_not_closed", P(
        after_all, opened_hazard(deadline="2026-01-01"), SUSPENDED, waited(15 * 60), RESUMED)),
    Row("blocks", "USR-06", "hazard_not_closed", P(
        after_all, opened_hazard(deadline="2026-01-01"), SUSPENDED, waited(16 * 60), RESUMED)),
    Row("passes", "USR-06", "resumed_late", P(resumed_after, DAY_MIN), "resume_h"),
    Row("warns", "USR-06", "resumed_late", P(resumed_after, DAY_MIN + 1 / MINUTE), "resume_h"),
    Row("passes", "USR-06", "resumed_late", P(
        after_all, opened_hazard(), *MENDED, waited(DAY_MIN), SUSPENDED, waited(DAY_MIN), RESUMED)),
    Row("blocks", "HAZ-01", "hazard_unknown", P(after_all, said(c.RectifyHazard))),
    Row("blocks", "HAZ-01", "hazard_unknown", P(after_all, said(c.AssignHazard))),
    Row("blocks", "HAZ-01", "hazard_unknown", P(after_all, said(c.EscalateHazard))),
    Row("blocks", "HAZ-01", "hazard_unknown", P(after_all, said(c.RecheckHazard))),
    Row("passes", "HAZ-01", "hazard_unknown", P(after_all, opened_hazard(), about(c.AssignHazard))),
    Row("passes", "HAZ-01", "hazard_unknown", P(after_all, opened_hazard(), about(c.EscalateHazard))),
    Row("blocks", "HAZ-01", "not_rectified", P(after_all, opened_hazard(), about(c.RecheckHazard))),
    Row("passes", "HAZ-01", "not_rectified", P(after_all, opened_hazard(), about(c.RecheckHazard, passed=False))),
    Row("passes", "HAZ-01", "not_rectified", P(after_all, opened_hazard(), *MENDED)),
    Row("warns", "HAZ-01", "recheck_same_person", P(
        after_all, opened_hazard(), about(c.RectifyHazard), about(c.RecheckHazard, person="W1"))),
    Row("passes", "HAZ-01", "recheck_same_person", P(after_all, opened_hazard(), *MENDED)),
    Row("passes", "HAZ-01", "recheck_same_person", P(
        after_all, opened_hazard(), about(c.RectifyHazard, before_digest="11" * 32))),
    Row("warns", "HAZ-01", "notice_missing", P(after_all, opened_hazard(notice_digest=None))),
    Row("passes", "HAZ-01", "notice_missing", P(after_all, opened_hazard())),
    Row("passes", "HAZ-01", "notice_missing", P(after_all, opened_hazard(notice="refused", notice_digest=None))),
    Row("passes", "HAZ-01", "notice_missing", P(after_all, opened_hazard(notice="absent", notice_digest=None))),
    Row("passes", "HAZ-02", "check_incomplete", checked_at_home),
    Row("passes", "HAZ-02", "check_incomplete", P(checked_at_home, failed_items=(c.CheckItem.LEAK,))),
    Row("blocks", "HAZ-02", "check_incomplete", P(checked_at_home, skipped_items=(c.CheckItem.LEAK,))),
    Row("blocks", "HAZ-02", "check_incomplete", P(checked_at_home, photos=())),
    Row("blocks", "HAZ-02", "check_incomplete", P(checked_at_home, checklist="home-0")),
    Row("blocks", "HAZ-02", "check_incomplete", P(checked_at_home, checklist="delivery-1")),
    Row("warns", "LOST-01", "reported_lost", P(after_all, said(c.ReportLost, code=ONE), check)),
    Row("warns", "LOST-01", "reported_lost", P(after_all, released, said(c.ReportLost, code=ONE), release_only)),
    Row("passes", "LOST-01", "reported_lost", P(after_all, said(c.ReportLost, code=ONE), check, ask)),
    Row("passes", "LOST-01", "reported_lost", P(
        after_all, said(c.ReportLost, code=ONE), said(c.ReportFound, code=ONE), check)),
    Row("blocks", "RECALL-01", "recalled", recalled(released, line="L1")),
    Row("passes", "RECALL-01", "recalled", recalled(released, line="L2")),
    Row("passes", "RECALL-01", "recalled", recalled(line="L1")),
    Row("blocks", "RECALL-01", "recalled", recalled(released, filler="P1")),
    Row("passes", "RECALL-01", "recalled", recalled(released, filler="P2")),
    Row("blocks", "RECALL-01", "recalled", recalled(released, **filled_between(0, 0))),
    Row("passes", "RECALL-01", "recalled", recalled(released, **filled_between(1, 2))),
    Row("passes", "RECALL-01", "recalled", recalled(released, **filled_between(-2, -1))),
    Row("passes", "RECALL-01", "recalled", recalled(released, line="L1", **filled_between(1, 2))),
    Row("blocks", "RECALL-01", "recalled", recalled(released, tank_lot="T1")),
    Row("passes", "RECALL-01", "recalled", recalled(released, tank_lot="T2")),
    Row("blocks", "RECALL-01", "recalled", recalled(filled_from("T2", lot(2, 1_000_000)), tank_lot="T1"),
        "carry_over_permille"),
    Row("passes", "RECALL-01", "recalled", recalled(filled_from("T2", lot(2, 999_999)), tank_lot="T1"),
        "carry_over_permille"),
    Row("blocks", "RECALL-01", "recalled", recalled(filled_from("T2", lot(2, None)), tank_lot="T1")),
    Row("passes", "RECALL-01", "recalled", recalled(
        filled_from("T3", lot(2, 4_000_000), lot(3, 4_000_000)), tank_lot="T1")),
    Row("blocks", "RECALL-01", "recalled", recalled(
        filled_from("T3", lot(2, None), lot(3, 1_000_000)), tank_lot="T1")),
    Row("passes", "RECALL-01", "recalled", recalled(filled_from("T2", lot(2, None)), tank_lot="T2", line="L2")),
    Row("passes", "RECALL-01", "recalled", recalled(released, tank_lot="T2")),
    Row("blocks", "RECALL-01", "recalled", recalled(said(c.RecordInspection, code=ONE), inspected_at="B1S")),
    Row("blocks", "RECALL-01", "recalled", recalled(said(c.RecordInspection, code=ONE), inspector="I1")),
    Row("passes", "RECALL-01", "recalled", recalled(said(c.RecordInspection, code=ONE), inspector="I2")),
    Row("blocks", "RECALL-01", "recalled", recalled(said(c.RecordInspection, code=ONE), inspected_on="2026-01-01")),
    Row("passes", "RECALL-01", "recalled", recalled(said(c.RecordInspection, code=ONE), inspected_on="2025-12-31")),
    Row("passes", "RECALL-01", "recalled", recalled(inspected_at="B1S")),
    Row("blocks", "RECALL-01", "recalled", recalled(delivered, vehicle="V1")),
    Row("passes", "RECALL-01", "recalled", recalled(delivered, vehicle="V2")),
    Row("blocks", "RECALL-01", "recalled", recalled(delivered, worker="W1")),
    Row("passes", "RECALL-01", "recalled", recalled(delivered, worker="P1")),
    Row("passes", "RECALL-01", "recalled", recalled(released, vehicle="V1")),
    Row("blocks", "RECALL-01", "recalled", recalled(sold, then=at_door, vehicle="V1")),
    Row("passes", "RECALL-01", "recalled", recalled(sold, then=at_door, vehicle="V2")),
    Row("blocks", "RECALL-01", "recalled", recalled(released, loaded, then=at_door, worker="W1")),
    Row("passes", "RECALL-01", "recalled", recalled(released, loaded, then=at_door, worker="W2")),
    Row("blocks", "RECALL-01", "recalled", recalled(
        said(c.ReplaceValve, code=ONE, valve_model="VM1"), valve_model="VM1")),
    Row("passes", "RECALL-01", "recalled", recalled(valve_model="VM1")),
    Row("passes", "RECALL-01", "recalled", recalled(drill=True)),
    Row("passes", "RECALL-01", "recalled", recalled(said(c.OpenRecall), said(c.CloseRecall, expects=0), recall="R2",
                                                    maker="XX")),
    Row("blocks", "HOLD-01", "incident_hold", held(ask, check, lines=("L1",))),
    Row("passes", "HOLD-01", "incident_hold", held(ask, check, lines=("L2",))),
    Row("blocks", "HOLD-01", "incident_hold", held(ask, check, tank_lots=("T1",))),
    Row("blocks", "HOLD-01", "incident_hold", held(asked_from(lot(2, 1_000_000)), check, tank_lots=("T1",)),
        "carry_over_permille"),
    Row("passes", "HOLD-01", "incident_hold", held(asked_from(lot(2, 999_999)), check, tank_lots=("T1",)),
        "carry_over_permille"),
    Row("passes", "HOLD-01", "incident_hold", held(ask, check, sites=("S1",), vehicles=("V1",))),
    Row("blocks", "HOLD-01", "incident_hold", held(refilled, released, tank_lots=("T1",))),
    Row("blocks", "HOLD-01", "incident_hold", held(refilled, released, sites=("S1",))),
    Row("passes", "HOLD-01", "incident_hold", held(refilled, released, tank_lots=("T2",))),
    Row("blocks", "HOLD-01", "incident_hold", held(bled, released, tank_lots=("T1",))),
    Row("blocks", "HOLD-01", "incident_hold", held(about_code(c.ExtractResidue), released, lines=("L1",))),
    Row("blocks", "HOLD-01", "incident_hold", held(about_code(c.EvacuateCylinder), released, sites=("S1",))),
    Row("passes", "HOLD-01", "incident_hold", held(bled, released, tank_lots=("T9",))),
    Row("passes", "HOLD-01", "incident_hold", held(about_code(c.ExtractResidue), check, sites=("S1",))),
    Row("blocks", "HOLD-01", "incident_hold", held(let_out_and_checked, released, tank_lots=("T1",))),
    Row("blocks", "HOLD-01", "incident_hold", held(release_only, released, sites=("S1",))),
    Row("blocks", "HOLD-01", "incident_hold", held(release_only, released, lines=("L1",))),
    Row("blocks", "HOLD-01", "incident_hold", held(release_only, released, tank_lots=("T1",))),
    Row("passes", "HOLD-01", "incident_hold", held(release_only, released, tank_lots=("T2",))),
    Row("blocks", "HOLD-01", "incident_hold", held(sale, released, vehicles=("V1",))),
    Row("blocks", "HOLD-01", "incident_hold", held(sale, released, sites=("S1",))),
    Row("blocks", "HOLD-01", "incident_hold", held(loaded, released, vehicles=("V2",))),
    Row("passes", "HOLD-01", "incident_hold", held(loaded, released, vehicles=("V1",))),
    Row("blocks", "HOLD-01", "incident_hold", held(at_door, sold, vehicles=("V1",))),
    Row("blocks", "HOLD-01", "incident_hold", held(at_door, sold, lines=("L1",))),
    Row("passes", "HOLD-01", "incident_hold", held(at_door, sold, vehicles=("V2",), sites=("S1",))),
    Row("blocks", "HOLD-01", "incident_hold", held(ask, check, **itself())),
    Row("passes", "HOLD-01", "incident_hold", P(
        after_all, check, said(c.OpenIncident), said(c.LiftIncident, expects=0), ask)),
)
# fmt: on


@pytest.mark.parametrize("row", ROWS, ids=ids_of(ROWS))
def test_rule(row: Row) -> None:
    holds(row)


def test_an_incident_refuses_nothing_that_comes_back_is_counted_or_taken_away() -> None:
    town = town_with()
    sold(town)
    town.say(c.OpenIncident)
    reports: list[tuple[type[c.Claim], dict[str, Any]]] = [
        (c.CollectCylinder, {}),
        (c.DepotIn, {}),
        (c.CountStock, {}),
        (c.DepotOut, {"purpose": c.Purpose.INSPECTION}),
        (c.RemoveInEmergency, {}),
        (c.SetAside, {}),
        (c.HandOver, {"done": True}),
    ]
    for act, fields in reports:
        assert isinstance(town.say(act, code=ONE, **fields), e.CylinderEvent), act


def test_what_was_let_out_under_a_freeze_is_filled_only_after_it_is_lifted() -> None:
    town = town_with()
    released(town)
    assert isinstance(town.say(c.OpenIncident), e.Filed)
    let_out = town.say(c.ExtractResidue, code=ONE)
    assert isinstance(let_out, e.ResidueExtracted), "a fact is recorded"
    assert [note.reason for note in let_out.violations] == ["incident_hold"]
    assert isinstance(check(town), e.PrefillFailed)
    assert isinstance(town.say(c.OpenIncident, incident="IN2", lines=("L9",), expects=None), e.Filed)
    assert isinstance(town.say(c.LiftIncident, expects=0), e.Filed)
    assert isinstance(check(town), e.PrefillFailed), "nobody can tell whose it is: all are lifted first"
    assert isinstance(town.say(c.LiftIncident, incident="IN2", expects=0), e.Filed)
    assert isinstance(check(town), e.PrefillChecked)
    assert isinstance(ask(town), e.FillAuthorised)


def test_an_incident_is_lifted_by_the_authority_alone() -> None:
    town = town_with()
    assert isinstance(town.say(c.OpenIncident, by=town.story.office), e.Filed)
    for other in (town.story.office, town.story.rival, town.story.station):
        assert isinstance(town.say(c.LiftIncident, by=other, expects=0), e.Refusal)
    assert "IN1" in town.world.registry.open_incidents
    assert isinstance(town.say(c.LiftIncident, expects=0), e.Filed)
    assert town.world.registry.open_incidents == {}


def test_a_hazard_closes_by_a_re_check_alone() -> None:
    town = town_with()
    town.say(c.OpenHazard)
    there = lambda: town.world.premises["H1"]  # noqa: E731 - the premises as they stand now
    about(c.RecheckHazard)(town)
    assert there().hazards, "nobody had put it right"
    about(c.RectifyHazard)(town)
    assert there().hazards, "put right, not re-checked"
    about(c.RecheckHazard, passed=False)(town)
    about(c.RecheckHazard)(town)
    assert there().hazards, "found as it was, it is put right anew first"
    about(c.RectifyHazard)(town)
    about(c.RecheckHazard)(town)
    assert there().hazards == ()


def test_a_check_with_the_wrong_list_is_not_a_passed_one() -> None:
    town = town_with()
    short = c.SafetyCheck("delivery-1", photos=("00" * 32,))
    outcome = town.say(c.CheckPremises, kind="presupply", check=short)
    assert isinstance(outcome, e.PremisesChecked)
    assert not outcome.passed


def test_a_recall_of_the_first_rule_takes_a_tank_lot_for_itself_alone() -> None:
    """RECALL-01@1 knows no carry-over, and no selector makes a recall match everything."""
    pack = with_params("RECALL-01", carry_over_permille=50)
    rules = {name: one for name, one in pack.rules.items() if name != "RECALL-01@2"}
    old = structs.replace(pack, rules=rules | {"RECALL-01@1": structs.replace(pack.rules["RECALL-01@2"], params={})})
    for tank_lot, refused in (("T1", True), ("T2", False)):
        town = town_with(pack=old)
        release(town)
        town.say(c.OpenRecall, tank_lot=tank_lot)
        assert ("recalled" in [note.reason for note in heard(check(town))[0]]) == refused


# --- tank lots --------------------------------------------------------------------------------------------------------

CHAINS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 3_000), st.none() | st.integers(0, 3_000)), min_size=1, max_size=9
)


@given(CHAINS, st.integers(0, 1_000), st.integers(0, 9))
def test_forward_and_backward_through_the_tank_find_the_same_lots(
    drawn: list[tuple[int, int, int | None]], floor: int, source: int
) -> None:
    lots = {
        f"T{n}": Story().lot(
            tank_lot=f"T{n}", includes=None if parent >= n else f"T{parent}", received_g=got, remainder_g=left
        )
        for n, (parent, got, left) in enumerate(drawn)
    }
    of = f"T{source % len(lots)}"
    shares = lots_with_gas_of(lots.values(), of, floor)
    assert set(shares) == {one for one in lots if holds_gas_of(lots.get, one, of, floor)}
    assert all(0 < share <= 1_000 and share >= floor for share in shares.values())


def test_shares_multiply_and_end_below_the_floor() -> None:
    chain = [Story().lot(tank_lot="T1"), lot(2, 19_000_000), lot(3, 19_000_000), lot(4, 0), lot(5, 1)]
    assert lots_with_gas_of(chain, "T1", 0) == {"T1": 1_000, "T2": 500, "T3": 250}
    assert lots_with_gas_of(chain, "T1", 251) == {"T1": 1_000, "T2": 500}
    assert lots_with_gas_of(chain, "T4", 0)["T5"] == -(-1_000 * Fraction(1, 19_000_001) // 1)


def test_lots_that_include_each_other_end() -> None:
    one, two = Story().lot(tank_lot="T1", includes="T2"), Story().lot(tank_lot="T2", includes="T1")
    lots = {"T1": one, "T2": two}
    assert not holds_gas_of(lots.get, "T1", "T9", 0)
    assert lots_with_gas_of(lots.values(), "T1", 0) == {"T1": 1_000, "T2": 1_000}
