"""Alerts: what belongs together is one; they are settled and end; a clone is found by its second conflicting scan."""

import itertools
from typing import Any

import pytest

from ledger import claim as c
from ledger import events as e
from ledger.entry import decode_entry
from ledger.signals.alerts import Alert, alerts_of
from tests.rule_kit import ONE, town_with
from tests.story import Town, code

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
    before = {c.DepotOut: "site:S1", c.HandOver: f"vehicle:{fields['vehicle']}"}.get(act)
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
