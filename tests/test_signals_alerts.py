"""Alerts: what belongs together is one; they are settled and end; a clone is found by its second conflicting scan."""

import itertools
from typing import Any

import pytest
from msgspec import structs

from ledger import claim as c
from ledger import events as e
from ledger.entry import decode_entry
from ledger.packs.model import RuleSetting
from ledger.signals.alerts import Alert, alerts_of
from tests.rule_kit import ONE, town_with
from tests.story import PACK, Town, code

HOUR = 60.0
LEAVE = "01900000-0000-7000-8000-00000000aaaa"
TOO_LIGHT: dict[str, Any] = {"code": ONE, "authorisation": LEAVE, "start_weight_g": 15_000}


def alerts(town: Town) -> list[Alert]:
    return alerts_of(decode_entry(body) for body in town.bodies)


def light(town: Town) -> int:
    """Started too light; the entry."""
    town.say(c.StartFill, **TOO_LIGHT)
    return len(town.bodies) - 1


def test_one_session_s_retries_are_one_alert_that_keeps_the_first_and_the_newest_entries() -> None:
    town = town_with()
    told = []
    for _ in range(20):
        told.append(light(town))
        town.wait(20 * HOUR)
    (alert,) = alerts(town)
    assert alert.alert == f"F4.{told[0]}"
    assert alert.entries == (*told[:6], *told[-6:])
    assert (alert.times, alert.raised, alert.key) == (20, told[0], "cylinder:01900000-0000-7000-9000-000000000001")
    assert alert.deadline == alert.raised_at + 72 * 3_600_000


@pytest.mark.parametrize(("after_h", "count"), [(24.0, 1), (24.1, 2)])
def test_the_same_again_a_day_later_is_another_alert(after_h: float, count: int) -> None:
    town = town_with()
    light(town)
    town.wait(after_h * HOUR)
    light(town)
    assert len(alerts(town)) == count


def test_an_alert_is_settled_by_its_id_and_settled_anew_it_says_what_was_found_last() -> None:
    town = town_with()
    first = light(town)
    for cause, outcome in (("equipment_fault", "explained"), ("cloned_code", "handed_over")):
        assert isinstance(town.say(c.SettleAlert, alert=f"F4.{first}", cause=cause, outcome=outcome), e.AlertSettled)
    (alert,) = alerts(town)
    assert (alert.status, alert.cause, alert.outcome) == ("settled", "cloned_code", "handed_over")
    assert alert.settled == len(town.bodies) - 1
    assert decode_entry(town.bodies[-1]).subject == f"case:{alert.alert}"


def test_what_is_found_after_an_alert_was_settled_is_a_new_alert() -> None:
    town = town_with()
    first = light(town)
    town.say(c.SettleAlert, alert=f"F4.{first}")
    again = light(town)
    assert [(one.alert, one.status) for one in alerts(town)] == [(f"F4.{first}", "settled"), (f"F4.{again}", "open")]


def test_settling_what_was_never_raised_settles_nothing_also_when_it_is_raised_later() -> None:
    town = town_with()
    town.say(c.SettleAlert, alert=f"F4.{len(town.bodies) + 1}")
    light(town)
    assert [one.status for one in alerts(town)] == ["open"]


def test_what_a_gate_refused_raises_nothing() -> None:
    town = town_with()
    town.say(c.CheckPrefill, code=ONE)
    refused = town.say(c.AuthoriseFill, code=ONE, start_weight_g=15_000, tank_lot="T404")
    assert isinstance(refused, e.Refusal)
    assert alerts(town) == []


Step = tuple[type[c.Claim], dict[str, Any]]


def at_kitchen(customer: str, vehicle: str) -> tuple[Step, Step, Step]:
    """Loaded, handed over, taken back empty: a body's way, each of whose scans the other body's contradicts."""
    door = {"customer": customer, "premises": f"H{customer[1:]}", "vehicle": vehicle, "person": "W1"}
    return (
        (c.DepotOut, {"vehicle": vehicle, "purpose": c.Purpose.TRANSFER}),
        (c.HandOver, door | {"done": True}),
        (c.CollectCylinder, {"customer": customer, "vehicle": vehicle, "person": "W1"}),
    )


def conflicts(step: Step, holder: str) -> bool:
    """Whether this body's scan says that it is elsewhere than the ledger has seen the code last."""
    act, fields = step
    before = {c.DepotOut: "site:S1", c.HandOver: f"vehicle:{fields.get('vehicle')}"}.get(act)
    return holder not in ("unknown", before or f"customer:{fields.get('customer')}")


def after(step: Step) -> str:
    act, fields = step
    return f"customer:{fields['customer']}" if act is c.HandOver else f"vehicle:{fields['vehicle']}"


@pytest.mark.parametrize("order", sorted(set(itertools.permutations("AAABBB"))), ids="".join)
def test_a_clone_is_found_by_its_second_conflicting_scan_in_whatever_order_the_two_are_scanned(
    order: tuple[str, ...],
) -> None:
    """Two bodies under one code, each on its own honest way from the station to its kitchen."""
    ways = {"A": iter(at_kitchen("K1", "V1")), "B": iter(at_kitchen("K2", "V2"))}
    town, holder, count = town_with(), "site:S1", 0
    town.say(c.CountStock, code=ONE)
    for body in order:
        step = next(ways[body])
        count += conflicts(step, holder)
        act, fields = step
        town.wait(30).say(act, code=code(1), **fields)
        holder = after(step)
        found = [one for one in alerts(town) if one.kind == "CUST"]
        assert bool(found) == (count >= 2), (order, body, act)


def filled_too(customer: str, vehicle: str) -> tuple[Step, ...]:
    """The same way with its pre-check and fill before it."""
    weights = {"authorisation": LEAVE, "start_weight_g": 16_500, "end_weight_g": 31_000}
    return (c.CheckPrefill, {}), (c.CompleteFill, weights), *at_kitchen(customer, vehicle)


@pytest.mark.parametrize("order", sorted(set(itertools.permutations("AAAAABBBBB")))[::7], ids="".join)
def test_a_clone_that_is_filled_is_found_by_its_second_conflicting_scan_or_filled_with_its_stamp_unseen(
    order: tuple[str, ...],
) -> None:
    """An inferred return, when it is the second doubt, asks for the stamp: whoever fills without it is found then."""
    ways = {"A": iter(filled_too("K1", "V1")), "B": iter(filled_too("K2", "V2"))}
    town, holder, doubts, due = town_with(), "unknown", 0, None
    for body in order:
        act, fields = next(ways[body])
        at_site = act in (c.CheckPrefill, c.CompleteFill)
        contradicts = holder not in ("unknown", "site:S1") if at_site else conflicts((act, fields), holder)
        town.wait(30).say(act, code=code(1), **fields)
        doubts += contradicts
        index = len(town.bodies) - 1
        if due is None and doubts >= 2 and act is not c.CheckPrefill and (contradicts or act is c.CompleteFill):
            due = index
        holder = "site:S1" if at_site else after((act, fields))
    found = [one.raised for one in alerts(town) if one.kind in ("CUST", "F1", "F2")]
    assert due is None or min(found) <= due, (order, due, found)


def test_a_full_one_that_rests_on_a_vehicle_is_told_once() -> None:
    town = town_with()
    town.with_cylinder(2)
    for number in (1, 2):
        town.say(c.CompleteFill, code=code(number), authorisation=LEAVE, end_weight_g=31_000)
        town.say(c.DepotOut, code=code(number), vehicle="V2", purpose=c.Purpose.TRANSFER)
        town.wait(26 * HOUR).say(c.RecordArrival)
    town.wait(26 * HOUR).say(c.RecordArrival)
    told = [one for one in alerts(town) if one.kind == "F15"]
    assert [(one.key, one.times, one.facts["resting"]) for one in told] == [("vehicle:V2", 1, 1)] * 2


@pytest.mark.parametrize(
    ("after_h", "whose"),
    [(23, set()), (26, {"vehicle:V2"}), (47, {"vehicle:V2"}), (50, {"vehicle:V2", "person:W1"})],
)
def test_a_worker_who_carries_a_full_one_about_is_told_of_after_the_vehicle(after_h: float, whose: set[str]) -> None:
    assert {one.key for one in alerts(loaded(after_h)) if one.kind == "F15"} == whose


@pytest.mark.parametrize("ends", [c.UnloadVehicle, c.HandOver, c.CountPremises, c.CountStock, c.ReportLost])
def test_what_was_unloaded_handed_over_counted_or_lost_rests_with_no_worker(ends: type[c.Claim]) -> None:
    own: dict[type[c.Claim], dict[str, Any]] = {
        c.CountPremises: {"codes": (ONE,)}, c.HandOver: {"code": ONE, "done": True, "vehicle": "V2"},
    }  # fmt: skip
    town = loaded(10)
    assert isinstance(town.say(ends, **own.get(ends, {"code": ONE})), e.Event)
    town.wait(40 * HOUR).say(c.RecordArrival)
    assert [one for one in alerts(town) if one.kind == "F15"] == []


def loaded(after_h: float) -> Town:
    """A town where a full one was loaded by a delivery worker so long ago."""
    town = town_with()
    town.fill(ONE)
    town.release(ONE)
    assert isinstance(town.say(c.LoadVehicle, code=ONE, by=town.story.worker), e.VehicleLoaded)
    town.wait(after_h * HOUR).say(c.RecordArrival)
    return town


def test_a_pack_with_the_earlier_thresholds_tells_what_they_show() -> None:
    rules = {name: one for name, one in PACK.rules.items() if name not in ("FRD-15@2", "FRD-17@2")}
    earlier = {
        "FRD-15@1": {"vehicle_h": 24, "household": 3, "deadline_h": 72},
        "FRD-17@1": {"per_day": 300, "least": 30, "same_percent": 30, "deadline_h": 168},
    }
    rules |= {name: RuleSetting("warn", params=params) for name, params in earlier.items()}
    town = town_with(pack=structs.replace(PACK, version=PACK.version + 1, rules=rules))
    town.say(c.CompleteFill, code=ONE, authorisation=LEAVE, end_weight_g=31_000)
    town.say(c.DepotOut, code=ONE, vehicle="V2", purpose=c.Purpose.TRANSFER)
    town.wait(50 * HOUR)
    for number in range(32):
        town.say(c.RecordInspection, code=ONE, tare_g=16_500, person=f"I{number % 2}")
    assert [(one.kind, one.key) for one in alerts(town)] == [("F15", "vehicle:V2")]
    for _ in range(30):
        town.say(c.RecordInspection, code=ONE, tare_g=16_500, person="I9")
    assert [(one.kind, one.key) for one in alerts(town)][1:] == [("F17", "person:I9")]


@pytest.mark.parametrize(
    ("people", "count", "keys"),
    [(1, 30, ["person:I0"]), (1, 90, ["person:I0"]), (2, 30, ["site:B1S"]), (2, 58, ["site:B1S"])],
)
def test_an_inspection_station_is_told_of_where_it_takes_its_inspectors_together(
    people: int, count: int, keys: list[str]
) -> None:
    town = town_with()
    for number in range(count):
        town.say(c.RecordInspection, code=ONE, tare_g=16_500, person=f"I{number % people}")
    assert [one.key for one in alerts(town) if one.kind == "F17"] == keys


def test_supply_that_nobody_resumes_is_told_once_with_who_suspended_it() -> None:
    town = town_with()
    town.say(c.OpenHazard, item=c.CheckItem.LEAK)
    hazard = town.last_id()
    town.say(c.SuspendSupply, hazards=(hazard,), cause="incident")
    suspended = len(town.bodies) - 1
    town.say(c.RectifyHazard, hazard=hazard)
    town.wait(HOUR).say(c.RecheckHazard, hazard=hazard)
    closed = len(town.bodies) - 1
    for _ in range(6):
        town.wait(13 * HOUR).say(c.RecordArrival)
    (alert,) = alerts(town)
    assert (alert.kind, alert.key, alert.times) == ("F21", "premises:H1", 1)
    assert (alert.entries, alert.facts) == ((suspended, closed), {"suspended_by": "E1", "waited_h": 26})


def counts_on_the_way(customer: str, vehicle: str) -> tuple[Step, ...]:
    """Counted at the kitchen where it is, between the scans of its way."""
    out, door, back = at_kitchen(customer, vehicle)
    at = {"customer": customer, "premises": f"H{customer[1:]}"}
    return out, door, (c.CountPremises, at | {"codes": (ONE,)}), back


@pytest.mark.parametrize("order", sorted(set(itertools.permutations("AAAABBBB"))), ids="".join)
def test_a_clone_is_found_by_its_second_conflicting_scan_or_count(order: tuple[str, ...]) -> None:
    ways = {"A": iter(counts_on_the_way("K1", "V1")), "B": iter(counts_on_the_way("K2", "V2"))}
    town, holder, count, due = town_with(), "site:S1", 0, None
    town.say(c.CountStock, code=ONE)
    for body in order:
        act, fields = next(ways[body])
        count += conflicts((act, fields), holder)
        at: dict[str, Any] = {} if act is c.CountPremises else {"code": code(1)}
        town.wait(30).say(act, **at, **fields)
        holder = f"customer:{fields['customer']}" if act is c.CountPremises else after((act, fields))
        if count == CONFLICTS and due is None:
            due = len(town.bodies) - 1
    found = [one.raised for one in alerts(town) if one.kind == "CUST"]
    assert found[:1] == ([] if due is None else [due]), order


CONFLICTS = 2
