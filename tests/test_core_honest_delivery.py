"""Honest work on the last kilometre (FLOW.md section 5): what no rule of the depot's gate or of the door may stop."""

from typing import Any

import pytest
from msgspec import structs

from api.packs import NATIONAL, shipped_pack
from ledger import claim as c
from ledger import events as e
from ledger.claim import CheckItem
from tests.rule_kit import ONE, P, changed, china, door, heard, sale, settled, town_with, with_params
from tests.story import PACK, Town, code
from tests.test_core_honest_work import Work, goes_on
from tests.test_core_rules_delivery import at_depot, at_door, counter, load, second, sold

PHOTO = "00" * 32
STRICT = structs.replace(
    PACK, version=PACK.version + 1,
    rules={name: structs.replace(one, mode="block") if name.startswith(("DEL-", "USR-", "ORD-")) and one.mode == "warn"
           else one for name, one in PACK.rules.items()},
)  # fmt: skip
"""Where every text that only warns somewhere is law."""
DONE: dict[str, Any] = {"done": True}


def verified_meanwhile() -> e.Outcome:
    """At the door, refused; the office verifies the name while the worker waits, who asks again."""
    town = sold(STRICT)
    assert isinstance(town.say(c.FileCustomer, verified_on=None, expects=0), e.Filed)
    assert isinstance(door(town), e.Refusal)
    assert isinstance(town.say(c.FileCustomer, verified_on="2026-01-01", expects=1), e.Filed)
    return door(town)


def carried() -> e.Outcome:
    """Out of the depot on a carrier's truck."""
    truck: dict[str, Any] = {"vehicle": "V8", "enterprise": "E2", "kind": "dg_truck", "load_cap_g": 5_000_000}
    town = at_town()
    town.say(c.FileVehicle, by=town.story.rival, **truck)
    town.say(c.FilePermit, permit="TR2", enterprise="E2", kind="transport")
    return town.say(c.DepotOut, code=ONE, vehicle="V8")


def at_town() -> Town:
    """The town with a released cylinder at the station, where every text is law."""
    town = town_with(pack=STRICT)
    town.fill(ONE)
    assert isinstance(town.release(ONE), e.CylinderReleased)
    return town


def ill() -> e.Outcome:
    """W1 is ill: the office pairs W2 with the tricycle at once."""
    town = at_town()
    assert isinstance(town.say(c.FilePairing, vehicle="V2", person="W2", reason="illness", expects=0), e.Filed)
    return load(town, person="W2")


def in_village(*areas: str) -> e.Outcome:
    town = sold(STRICT)
    worker: dict[str, Any] = {"person": "W1", "labour_contract": True, "areas": areas, "expects": 0}
    assert isinstance(town.say(c.FilePerson, **worker), e.Filed)
    return door(settled(town, town="320602001003"), premises="H7")


def mended() -> e.Outcome:
    """A leak found and put right on the spot, with photographs from before and after; then the gas."""
    town = sold(STRICT)
    town.say(c.OpenHazard, item=CheckItem.LEAK)
    town.say(c.RectifyHazard, hazard=town.last_id(), before_digest="11" * 32)
    return door(town)


def merged() -> e.Outcome:
    """The neighbour's customer, the day after the merger."""
    town = sold(STRICT)
    town.say(c.FileContract, contract="CT1", status="ended", expects=0)
    town.say(c.FileContract, by=town.story.rival, contract="CT2", enterprise="E2")
    assert isinstance(town.say(c.FileSuccessor), e.Filed)
    return door(town)


def first_gas() -> e.Outcome:
    """A new customer: signed, checked and supplied on one day."""
    town = sold(STRICT)
    town.story.now = china("2026-01-02T09:00")
    town.say(c.FilePremises, premises="H7")
    town.say(c.FileContract, contract="CT7", premises="H7", signed_on="2026-01-02")
    check = c.SafetyCheck("presupply-1", photos=(PHOTO,))
    town.say(c.CheckPremises, premises="H7", kind="presupply", check=check)
    return door(town, premises="H7")


def filed_long_after(contract: str, **fields: Any) -> e.Outcome:
    """A contract for H7, or for premises that had one, filed in June where the log was opened in January."""
    town = town_with(pack=STRICT)
    town.say(c.FilePremises, premises="H7")
    town.story.now = china("2026-06-01T09:00")
    return town.say(c.FileContract, contract=contract, **({"premises": "H7"} | fields))


def grandmother(how: Any, result: Any = "matched", **shown: Any) -> e.Outcome:
    town = sold(STRICT)
    town.say(c.FileVoucher)
    town.say(c.FileProxy)
    return door(town, confirmation=c.Confirmation(how, result, **shown))


def kitchen(**premises: Any) -> e.Outcome:
    return door(settled(sold(STRICT), **premises), premises="H7")


def full_kitchen(*, counted: bool) -> e.Outcome:
    """A restaurant with as much as may stand there; its empty goes with this visit, or a count took it off before."""
    town = settled(town_with(pack=with_params("USR-08", limit_kg=28)), **EATERY)
    town.fill(ONE)
    town.release(ONE)
    town.sell(ONE)
    assert isinstance(door(town, premises="H7"), e.CylinderHandedOver)
    town.with_cylinder(2)
    town.fill(code(2))
    town.release(code(2))
    town.sell(code(2))
    if counted:
        assert isinstance(town.say(c.CountPremises, premises="H7", codes=()), e.PremisesCounted)
    return town.say(c.HandOver, code=code(2), premises="H7", empties=() if counted else (ONE,))


EATERY: dict[str, Any] = {"kind": "restaurant", "alarm_tested_on": "2025-12-01", "shut_off_tested_on": "2025-12-01"}


def renewed() -> e.Outcome:
    """A converted ground floor that has had gas for long; its contract was signed anew with another number."""
    town = settled(sold(STRICT), converted=True)
    old: dict[str, Any] = {"contract": "CT-H7", "premises": "H7", "signed_on": "2019-03-01", "expects": 0}
    assert isinstance(town.say(c.FileContract, **old), e.Filed)
    town.say(c.FileContract, contract="CT8", premises="H7", signed_on="2025-12-30")
    return door(town, premises="H7")


NATION = structs.replace(shipped_pack(NATIONAL), version=PACK.version + 1)

# fmt: off
WORK: tuple[Work, ...] = (
    Work("ENT-01", "a permit that names no site and no district", P(at_depot, sale, pack=STRICT)),
    Work("ENT-01", "a town that nobody filed tells no district",
         P(at_door, (c.FilePermit, {"permit": "GB1", "kind": "gas_business", "districts": ("320600",), "expects": 0}),
           pack=STRICT)),
    Work("DEL-01", "a carrier's truck, whose own permit counts", carried),
    Work("DEL-01", "a permit renewed under another number",
         P(at_depot, sale, (c.FilePermit, {"permit": "TR1", "kind": "transport", "valid_to": "2025-12-31",
                                           "expects": 0}),
           (c.FilePermit, {"permit": "TR3", "kind": "transport"}), pack=STRICT)),
    Work("DEL-01", "nobody scanned the unloading: the truck only looks too full", P(second, 61_999),
         ("vehicle_overloaded",)),
    Work("DEL-02 DEL-03 DEL-04", "a filler loads the truck for the road", P(at_depot, sale, pack=STRICT)),
    Work("DEL-03", "a labour contract that is not filed yet",
         P(at_door, (c.FilePerson, {"person": "W1", "expects": 0}), pack=STRICT), ("no_labour_contract",)),
    Work("DEL-03", "taken off the list again",
         P(at_door, (c.FileBlacklisting, {"target": "W1"}),
           (c.FileBlacklisting, {"target": "W1", "status": "removed", "expects": 0}), pack=STRICT)),
    Work("DEL-04", "a worker is ill, another is paired at once", ill),
    Work("DEL-04", "tomorrow's pairing, filed today",
         P(at_depot, load, (c.FilePairing, {"vehicle": "V2", "person": "W2", "from_day": "2026-01-02", "expects": 0}),
           pack=STRICT)),
    Work("DEL-04", "a village of the worker's town", P(in_village, "320602001")),
    Work("DEL-04", "a worker without an area", in_village),
    Work("DEL-06", "a stairwell without a signal", P(at_door, **DONE), ("handed_over_offline",)),
    Work("USR-01", "a real name verified while the worker waits", verified_meanwhile),
    Work("USR-02", "a merged enterprise's contract holds on", merged),
    Work("USR-03", "whoever had gas when the log opened", P(at_door, pack=STRICT)),
    Work("USR-03", "signed, checked and supplied on one day", first_gas),
    Work("USR-04", "grandmother has no phone: she shows her voucher", P(grandmother, "voucher", voucher="VO1")),
    Work("USR-04", "she signs", P(grandmother, "signature", digest=PHOTO)),
    Work("USR-04", "her daughter, filed as proxy, confirms", P(grandmother, "proxy", proxy="PX1")),
    Work("USR-04", "her neighbour reads out the code, late", P(grandmother, "code", "late"), ("confirmation_late",)),
    Work("USR-05", "a hazard with time left to mend it", P(at_door, (c.OpenHazard, {}), pack=STRICT)),
    Work("USR-05", "a leak put right on the spot, with photographs", mended),
    Work("USR-07", "the thirtieth floor", P(kitchen, high_rise=True)),
    Work("USR-08", "a swap: the empties of the visit are netted", P(full_kitchen, counted=False)),
    Work("USR-08", "unscanned empties, which a photographed count takes off first", P(full_kitchen, counted=True)),
    Work("USR-08 USR-09", "seven at a school with its alarm tested", P(kitchen, **(EATERY | {"kind": "school"}))),
    Work("USR-09", "an alarm whose test falls due today", P(kitchen, **(EATERY | {"alarm_tested_on": "2025-01-01"}))),
    Work("USR-09 USR-10 USR-14", "a home, as it is filed", P(kitchen, hose="metal", regulator="self_closing")),
    Work("USR-10", "a rubber hose where no text bans it yet", P(at_door, check=c.SafetyCheck(
        "delivery-1", failed_items=(CheckItem.HOSE_RUBBER,), photos=(PHOTO,))), ("hose_unfit",)),
    Work("USR-11", "a converted ground floor with gas from before, signed anew", renewed),
    Work("USR-12", "fetched, where that is still allowed", P(at_door, pack=NATION, channel="self_pickup")),
    Work("ENT-01 DEL-01 DEL-02 DEL-03 DEL-04", "fetched at the counter, from a filler, on nobody's vehicle",
         P(at_depot, counter, pack=NATION)),
    Work("USR-03", "an old contract renewed long after the log opened",
         P(filed_long_after, "CT1", premises="H1", expects=0)),
    Work("USR-03", "and signed anew under another number", P(filed_long_after, "CT8", premises="H1")),
    Work("USR-03", "a new contract, filed long after the log opened",
         P(filed_long_after, "CT8", signed_on="2026-06-01")),
    Work("ORD-01", "gas that nobody ordered beforehand", P(at_door, pack=STRICT)),
    Work("USR-13", "a swap at home",
         P(at_door, pack=changed("USR-13", mode="block", params={"max_cylinders": 1, "visit_h": 4}), empties=(ONE,))),
)
# fmt: on


@pytest.mark.parametrize("work", WORK, ids=[f"{n}-{work.rules}-{work.what}" for n, work in enumerate(WORK)])
def test_honest_work_goes_on(work: Work) -> None:
    goes_on(work)


def test_a_whole_day_from_the_station_over_the_depot_to_the_kitchen_and_back_hears_nothing() -> None:
    town = at_town()
    story = town.story
    there: dict[str, Any] = {"code": ONE, "site": "S2"}
    both = structs.replace(story.enrolment(story.station, c.Role.STATION, "E1", ("S1", "S2")), expects=0)
    told = [town.say(c.FileSite, site="S2", kind="depot", name="二号库"), town.tell(story.authority, both)]
    told.append(town.say(c.DepotOut, code=ONE, purpose=c.Purpose.TRANSFER, to_site="S2"))
    told.append(town.say(c.DepotIn, **there, purpose=c.Purpose.TRANSFER, content=c.Content.FULL))
    told.append(town.say(c.LoadVehicle, **there))
    told.append(town.say(c.NotDelivered, code=ONE))
    told.append(town.say(c.UnloadVehicle, **there))
    town.wait(60 * 14)
    told.append(town.say(c.LoadVehicle, **there))
    told.append(door(town, vehicle="V2"))
    town.wait(60 * 24 * 20)
    home: dict[str, Any] = {"customer": "K1", "premises": "H1", "person": "W1", "vehicle": "V2"}
    told.append(town.say(c.CollectCylinder, code=ONE, weight_g=16_600, **home))
    told.append(town.say(c.UnloadVehicle, **there, content=c.Content.EMPTY))
    assert [heard(outcome) for outcome in told] == [([], [])] * len(told)
    assert town.world.premises["H1"].held == {}
    assert town.world.loads["V2"].count == town.world.loads["V1"].count == 0
