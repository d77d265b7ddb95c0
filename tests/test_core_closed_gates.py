"""Gates that stay closed: ways round the door that a hostile reader found, and what each of them hears now."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from ledger import claim as c
from ledger import events as e
from ledger.china import shift_day
from ledger.rules.kitchen import stock_after
from ledger.rules.rule import Case
from ledger.world import World
from tests.rule_kit import ONE, changed, settled, town_with, with_params
from tests.story import USUAL, Town, code

HOUR = 60
NOTHING: dict[str, Any] = {"lines": (), "tank_lots": (), "sites": (), "vehicles": ()}


def on_the_road(town: Town | None = None, number: int = 1) -> Town:
    """Cylinder `number`, filled, released and loaded onto the tricycle."""
    town = town or town_with()
    if number > 1:
        town.with_cylinder(number)
    town.fill(code(number))
    town.release(code(number))
    assert isinstance(town.say(c.LoadVehicle, code=code(number)), e.VehicleLoaded)
    return town.wait(10)


def handed_over() -> Town:
    town = on_the_road()
    assert isinstance(door(town), e.CylinderHandedOver)
    return town.wait(10 * HOUR)


def door(town: Town, number: int = 1, **fields: Any) -> e.Outcome:
    return town.say(c.HandOver, code=code(number), **({"vehicle": "V2"} | fields))


def reasons(outcome: e.Outcome) -> list[str]:
    assert isinstance(outcome, e.Refusal), outcome
    return [note.reason for note in outcome.reasons]


def unloaded(town: Town) -> None:
    town.say(c.UnloadVehicle, code=ONE)


def counted(town: Town) -> None:
    town.say(c.CountStock, code=ONE)


def lost(town: Town) -> None:
    town.say(c.ReportLost, code=ONE)


def missed(town: Town) -> None:
    town.say(c.CountPremises)


def transferred(town: Town) -> None:
    town.say(c.DepotOut, code=ONE, purpose=c.Purpose.TRANSFER)
    town.say(c.DepotIn, code=ONE, content=c.Content.FULL)


@pytest.mark.parametrize("back", [unloaded, counted, lost, missed, transferred])
def test_what_a_customer_had_is_sold_again_only_after_another_fill(back: Callable[[Town], None]) -> None:
    town = handed_over()
    for step in (back, unloaded, unloaded):
        step(town.wait(1))
    assert reasons(town.say(c.LoadVehicle, code=ONE)) == ["no_lawful_fill"]
    assert reasons(door(town)) == ["not_released_for_sale"]
    town.wait(4 * HOUR).fill(ONE)
    assert isinstance(town.release(ONE), e.CylinderReleased)
    assert isinstance(town.say(c.LoadVehicle, code=ONE), e.VehicleLoaded)


def test_what_comes_back_unsold_goes_out_again() -> None:
    town = on_the_road()
    town.say(c.NotDelivered, code=ONE)
    unloaded(town.wait(1))
    assert isinstance(town.wait(1).say(c.LoadVehicle, code=ONE), e.VehicleLoaded)


def told_late(town: Town, seen_at: int) -> e.Outcome:
    """A hand-over of then, told now by a phone that had no line."""
    claim = town.story.make(c.HandOver, **(USUAL[c.HandOver] | {"code": ONE, "vehicle": "V2", "done": True}))
    outcome = town.tell(town.story.worker, structs.replace(claim, scanned_at=seen_at))
    assert isinstance(outcome, e.CylinderHandedOver)
    assert outcome.superseded
    return outcome


def test_a_hand_over_that_is_told_late_sells_its_fill_and_no_later_one() -> None:
    town = on_the_road()
    seen_at = town.story.now
    unloaded(town.wait(HOUR))
    told_late(town, seen_at)
    assert reasons(town.say(c.LoadVehicle, code=ONE)) == ["no_lawful_fill"]
    again = on_the_road()
    seen_at = again.story.now
    again.wait(HOUR).say(c.CollectCylinder, code=ONE, customer="K1")
    on_the_road(again.wait(5 * HOUR))
    told_late(again, seen_at)
    assert isinstance(door(again), e.CylinderHandedOver)


def test_a_frozen_vehicle_is_frozen_under_another_name() -> None:
    town = on_the_road()
    town.say(c.OpenIncident, **(NOTHING | {"vehicles": ("V2",)}))
    assert reasons(door(town, vehicle="V1")) == ["incident_hold"]


@pytest.mark.parametrize("remainder_g", [15_000_000, None])
def test_a_frozen_tank_is_frozen_under_another_lot(remainder_g: int | None) -> None:
    assert reasons(filled_after(remainder_g)) == ["incident_hold"]


def test_a_lot_with_hardly_any_frozen_gas_is_filled_from() -> None:
    assert isinstance(filled_after(100_000), e.FillAuthorised)


def filled_after(remainder_g: int | None) -> e.Outcome:
    """A fill from the lot that came after the frozen one, of which so much was left."""
    town = town_with()
    town.say(c.OpenIncident, **(NOTHING | {"tank_lots": ("T1",)}))
    assert isinstance(town.say(c.FileTankLot, tank_lot="T2", includes="T1", remainder_g=remainder_g), e.Filed)
    town.say(c.CheckPrefill, code=ONE)
    return town.say(c.AuthoriseFill, code=ONE, tank_lot="T2")


def test_another_deadline_opens_no_closed_door() -> None:
    town = on_the_road()
    town.say(c.OpenHazard, deadline="2026-01-02")
    hazard = town.last_id()
    town.say(c.AssignHazard, hazard=hazard, deadline="2026-01-03")
    assert isinstance(door(town.copy().wait(48 * HOUR)), e.CylinderHandedOver)  # its time was set while there was time
    town.wait(72 * HOUR).say(c.SuspendSupply, hazards=(hazard,))
    town.say(c.AssignHazard, hazard=hazard, deadline="2027-01-01")
    assert reasons(town.say(c.ResumeSupply)) == ["hazard_not_closed"]
    town.say(c.RectifyHazard, hazard=hazard)
    town.say(c.RecheckHazard, hazard=hazard)
    assert isinstance(town.say(c.ResumeSupply), e.SupplyResumed)
    assert isinstance(door(town), e.CylinderHandedOver)


def test_a_deadline_on_a_day_that_its_month_lacks_is_the_months_last() -> None:
    town = town_with()
    opened = town.say(c.OpenHazard, deadline="2026-02-30")
    assert isinstance(opened, e.HazardOpened)
    assert opened.blocks_from == "2026-03-01"
    assert isinstance(town.say(c.AssignHazard, hazard=town.last_id(), deadline="2026-04-31"), e.HazardAssigned)
    assert town.world.premises["H1"].hazards[0].blocks_from == shift_day("2026-04-30", 1) == "2026-05-01"


def kitchen(**changes: Any) -> Town:
    eatery = {"kind": "restaurant", "alarm_tested_on": "2026-01-01", "shut_off_tested_on": "2026-01-01"}
    return settled(town_with(pack=with_params("USR-08", limit_kg=28)), **(eatery | changes))


def test_an_empty_is_promised_to_one_visit_only() -> None:
    town = kitchen()
    for number, empties in ((1, ()), (2, (ONE,))):
        assert isinstance(door(on_the_road(town, number), number, premises="H7", empties=empties), e.CylinderHandedOver)
    on_the_road(town.wait(6 * HOUR), 3)
    visit = {"premises": "H7", "empties": (ONE, code(2))}
    assert reasons(door(town, 3, **visit)) == ["over_100kg_without_room"]
    town.say(c.CollectCylinder, code=ONE, customer="K1", premises="H7")
    assert isinstance(door(town, 3, **visit), e.CylinderHandedOver)
    assert set(town.world.premises["H7"].promised) == {town.world.codes[code(2)].cylinder}


def test_two_fulls_of_one_visit_may_name_the_same_empties() -> None:
    town = kitchen()
    assert isinstance(door(on_the_road(town), premises="H7"), e.CylinderHandedOver)
    on_the_road(on_the_road(town.wait(24 * HOUR), 2), 3)
    asked = [door(town, number, premises="H7", empties=(ONE,)) for number in (2, 3)]
    assert isinstance(asked[0], e.CylinderHandedOver)
    assert reasons(asked[1]) == ["over_100kg_without_room"]  # one is netted, however often it is named
    claim = town.story.make(c.HandOver, **(USUAL[c.HandOver] | {"code": code(3), "premises": "H7", "empties": (ONE,)}))
    assert len(stock_after(case_of(town.world, claim, town.story.now))) == 2


def case_of(world: World, claim: c.HandOver, at: int) -> Case:
    case = Case(world, claim, at=at, recorded_at=at, clock_offset_ms=0)
    case.params = {"visit_h": 4}
    return case


def test_a_test_that_is_still_to_come_is_none() -> None:
    town = settled(
        town_with(pack=changed("USR-09", mode="block")),
        kind="restaurant", alarm_tested_on="2026-01-01", shut_off_tested_on="2026-01-02",
    )  # fmt: skip
    assert reasons(door(on_the_road(town), premises="H7")) == ["alarm_missing"]
    assert isinstance(door(town.wait(16 * HOUR), premises="H7"), e.CylinderHandedOver)


SITE: dict[str, Any] = {"site": "S1", "kind": "filling_station"}
TRICYCLE: dict[str, Any] = {"vehicle": "V2"}
WORKER: dict[str, Any] = {"person": "W1", "roles": ("delivery",), "labour_contract": True}


@pytest.mark.parametrize(
    ("act", "named"),
    [(c.FilePremises, {}), (c.FileCustomer, {}), (c.FileContract, {}), (c.FileVehicle, TRICYCLE),
     (c.FilePerson, WORKER), (c.FileSite, SITE)],
)  # fmt: skip
def test_a_successor_files_what_came_with_the_merger(act: type[c.Claim], named: dict[str, Any]) -> None:
    town, said = town_with(), USUAL[act] | named | {"enterprise": "E2", "expects": 0}
    rival = town.story.rival
    assert reasons(town.say(act, by=rival, **said)) == ["signer_not_entitled"]
    town.say(c.FileSuccessor, enterprise="E1", successor="E2", from_day="2026-01-02")
    assert reasons(town.say(act, by=rival, **said)) == ["signer_not_entitled"]
    assert isinstance(town.wait(24 * HOUR).say(act, by=rival, **said), e.Filed)


def test_an_office_freezes_no_cylinder_of_another_enterprise() -> None:
    town = on_the_road()
    about = NOTHING | {"cylinder": town.world.codes[ONE].cylinder}
    refused = town.say(c.OpenIncident, by=town.story.rival, **about)
    assert reasons(refused) == ["signer_not_entitled"]
    assert isinstance(door(town.copy()), e.CylinderHandedOver)
    assert isinstance(town.say(c.OpenIncident, by=town.story.office, **about), e.Filed)
    assert reasons(door(town)) == ["incident_hold"]


def test_what_failed_a_check_on_its_way_is_checked_again() -> None:
    town = on_the_road()
    town.say(c.CheckPostfill, code=ONE, weight_g=31_000, failed_items=(c.PostfillItem.LEAK,))
    assert "vehicle:V2" in town.parties[-1]
    assert reasons(door(town)) == ["not_released_for_sale"]
    assert reasons(town.say(c.LoadVehicle, code=ONE)) == ["no_lawful_fill"]


def test_what_was_bled_on_its_way_is_checked_again() -> None:
    town = on_the_road()
    assert isinstance(town.say(c.BleedCylinder, code=ONE, weight_g=30_500), e.CylinderBled)
    assert reasons(door(town)) == ["not_released_for_sale"]
    town.release(ONE)
    assert isinstance(town.say(c.LoadVehicle, code=ONE), e.VehicleLoaded)
    assert isinstance(door(town), e.CylinderHandedOver)


def test_frozen_stock_that_is_moved_elsewhere_is_locked_there() -> None:
    town = town_with()
    town.fill(ONE)
    town.release(ONE)
    assert isinstance(town.say(c.OpenIncident, **USUAL[c.OpenIncident] | NOTHING | {"sites": ("S1",)}), e.Filed)
    moved = town.wait(1).say(c.DepotOut, code=ONE, purpose=c.Purpose.TRANSFER)
    assert isinstance(moved, e.DepotLeft), "a report is never refused"
    assert [note.reason for note in moved.violations] == ["incident_hold"]
    site = town.story.make(c.FileSite, **USUAL[c.FileSite] | {"site": "S9"})
    assert isinstance(town.tell(town.story.office, site), e.Filed)
    town.wait(1).say(c.DepotIn, code=ONE, content=c.Content.FULL)
    assert isinstance(town.say(c.LiftIncident, expects=0), e.Filed)
    assert "locked" in reasons(town.wait(1).say(c.LoadVehicle, code=ONE)), (
        "even when it is lifted, until it is looked at"
    )


def test_one_picture_shows_no_repair() -> None:
    town = settled(town_with())
    opened = town.say(c.OpenHazard, item=c.CheckItem.LEAK)
    assert isinstance(opened, e.HazardOpened)
    mended = town.say(c.RectifyHazard, hazard=town.last_id(), photo_digest="00" * 32, before_digest="00" * 32)
    assert isinstance(mended, e.HazardRectified)
    assert not mended.closed
