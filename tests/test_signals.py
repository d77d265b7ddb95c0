"""Signals, each kind planted, short of it and beside its threshold; and honest work that raises none.

Over 400 lines because it is one table, with the small scripts that its rows are made of.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from ledger import claim as c
from ledger import events as e
from ledger.entry import decode_entry
from ledger.rules.rule import RULES
from ledger.signals.alerts import Alert, alerts_of
from ledger.signals.signal import RULE_OF
from tests.rule_kit import ONE, changed, china, opened, supplied_by_rival, town_with
from tests.story import PACK, Signer, Town, code, private_key

Script = Callable[[Town], object]
P = functools.partial
LEAVE = "01900000-0000-7000-8000-00000000aaaa"
SHOWN = {"stamp_tail": "2000001", "photo_digest": "11" * 32}


def alerts(town: Town) -> list[Alert]:
    return alerts_of(decode_entry(body) for body in town.bodies)


def hours(town: Town, count: float) -> None:
    town.wait(count * 60)


def fill(town: Town, *, number: int = 1, **fields: Any) -> None:
    """Reported as done, whatever the gate would have said."""
    weights = {"start_weight_g": 16_500, "end_weight_g": 31_000}
    outcome = town.say(c.CompleteFill, **({"code": code(number), "authorisation": LEAVE} | weights | fields))
    assert isinstance(outcome, e.CylinderFilled)


def check(town: Town, **fields: Any) -> None:
    town.say(c.CheckPrefill, code=ONE, **fields)


def checks(town: Town, *tails: str) -> None:
    for tail in tails:
        check(town, stamp_tail=tail)


def load(town: Town, vehicle: str = "V2") -> None:
    """Onto a vehicle, by the depot's report of a transfer, which no gate asks about."""
    town.say(c.DepotOut, code=ONE, vehicle=vehicle, purpose=c.Purpose.TRANSFER)


def hand_over(town: Town, customer: str = "K1", vehicle: str = "V2", **fields: Any) -> None:
    """Done already, so that no gate is asked."""
    where = {"customer": customer, "premises": f"H{customer[1:]}", "vehicle": vehicle, "person": "W1"}
    town.say(c.HandOver, code=ONE, done=True, **(where | fields))


def collect(town: Town, customer: str | None = "K1", vehicle: str = "V2", **fields: Any) -> None:
    town.say(c.CollectCylinder, code=ONE, customer=customer, vehicle=vehicle, person="W1", **fields)


def back(town: Town, vehicle: str = "V2", **fields: Any) -> None:
    town.say(c.DepotIn, code=ONE, vehicle=vehicle, **fields)


def counted(town: Town) -> None:
    """Found empty at the station in a count."""
    town.say(c.CountStock, code=ONE, content=c.Content.EMPTY)


def sold(town: Town, customer: str = "K1") -> None:
    """Filled, loaded and handed over within half a day."""
    check(town)
    fill(town)
    load(town.wait(60))
    hand_over(town.wait(60), customer)


def round_trip(town: Town, days: float = 3) -> None:
    """To a kitchen and back, each step scanned."""
    sold(town)
    hours(town, 24 * days)
    collect(town)
    back(town.wait(60))


def twice(town: Town) -> None:
    round_trip(town)
    round_trip(town)


# --- CUST ------------------------------------------------------------------------------------------------------------


def cloned(town: Town, *shown: dict[str, Any]) -> None:
    """One body stands at K1's; another with its code is filled and goes to K2; then the first comes back."""
    sold(town)
    hours(town, 24)
    for fields in ({}, *shown):
        check(town, **fields)
    fill(town)
    load(town.wait(60))
    hand_over(town.wait(60), "K2")
    hours(town, 24)
    collect(town, "K1")


def carried_by_two(town: Town) -> None:
    check(town)
    fill(town)
    load(town, "V1")
    hand_over(town.wait(60), vehicle="V2")
    town.wait(60).say(c.UnloadVehicle, code=ONE, vehicle="V1", person="W1")


def unscanned_return(town: Town) -> None:
    sold(town)
    hours(town, 72)
    check(town)
    fill(town)


def never_loaded(town: Town) -> None:
    """One scan is missing, two say so: it was on the vehicle all the while."""
    check(town)
    fill(town)
    town.wait(60).say(c.NotDelivered, code=ONE)
    hand_over(town.wait(60))


def neighbours(town: Town) -> None:
    sold(town)
    hours(town, 72)
    collect(town, "K2")
    back(town.wait(60))
    check(town)


def two_doubts(town: Town, days: float, *between: Script) -> None:
    """Neighbours swapped it, and so many days later they did so again."""
    neighbours(town)
    sold(town)
    hours(town, 24 * days)
    for one in between:
        one(town)
    collect(town, "K2")


def late_scans(town: Town) -> None:
    """The phone was offline: what it saw first arrives after the pre-check that came later."""
    sold(town)
    hours(town, 72)
    seen = town.story.now
    hours(town, 5)
    check(town)
    collect(town, scanned_at=seen)
    back(town, scanned_at=seen + 60_000)


def count_at(town: Town, where: str, **fields: Any) -> None:
    """Counted there: at a kitchen, at the station, or found or missed in a count, or lost."""
    if where == "missing":
        town.say(c.CountPremises, **fields)
    elif where == "lost":
        town.say(c.ReportLost, code=ONE, **fields)
    elif where == "found":
        town.say(c.ReportFound, code=ONE, **fields)
    elif where.startswith("K"):
        at = {"customer": where, "premises": f"H{where[1:]}"}
        town.say(c.CountPremises, **({"codes": (ONE,)} | at | fields))
    else:
        town.say(c.CountStock, code=ONE, site=where, **fields)


def counted_in_turn(town: Town, *places: str, days: float = 1) -> None:
    """Of a cylinder found in turn at these places; what is missed was at the one before."""
    for before, where in zip(("", *places), places, strict=False):
        hours(town, 24 * days)
        at = {"customer": before, "premises": f"H{before[1:]}"} if where == "missing" else {}
        count_at(town, where, **at)


def late_counts(town: Town) -> None:
    """Counted at one kitchen and then at the other by phones without a line: told after what came later."""
    count_at(town, "K1")
    hours(town, 24)
    collect(town, "K1")
    back(town.wait(60))
    seen = town.story.now - 2 * 3_600_000
    for where in ("K2", "K1", "K2"):
        count_at(town.wait(60), where, scanned_at=seen)


def told_after_a_count(town: Town) -> None:
    """Two phones told late what they saw before a count that put custody right."""
    load(town)
    seen = town.story.now
    hours(town, 6)
    count_at(town, "K1")
    for minute in (1, 2):
        town.say(c.NotDelivered, code=ONE, vehicle=f"V{minute}", scanned_at=seen + minute * 60_000)


# --- fills -----------------------------------------------------------------------------------------------------------


def again_after(town: Town, after_h: float, *between: Script, **fields: Any) -> None:
    fill(town)
    for one in between:
        one(town)
    hours(town, after_h)
    fill(town, **fields)


def to_restaurant(town: Town) -> None:
    load(town)
    hand_over(town, "K7", premises="H1")


def bled(town: Town) -> None:
    town.say(c.BleedCylinder, code=ONE, weight_g=17_000)


def extracted(town: Town) -> None:
    town.say(c.ExtractResidue, code=ONE, extracted_g=14_000, weight_g=16_500)


def full_return(town: Town) -> None:
    load(town)
    hand_over(town)
    collect(town, content=c.Content.FULL)
    back(town, content=c.Content.FULL)


def continued(town: Town) -> None:
    """Topped up: a new authorisation that names the first."""
    leave = town.fill(ONE, gross_g=30_000)
    check(town)
    again = town.say(c.AuthoriseFill, code=ONE, continues=leave)
    assert isinstance(again, e.FillAuthorised), again
    fill(town, authorisation=town.last_id(), start_weight_g=16_600)


def returns_missing(town: Town, days: float, **shown: Any) -> None:
    """A kitchen whose empties nobody scans, twice."""
    sold(town)
    hours(town, 72)
    check(town)
    sold(town)
    hours(town, 24 * days)
    check(town)
    if shown:
        check(town, **shown)
    fill(town)


def often(town: Town, times: int, every_h: int, customer: str | None = None) -> None:
    if customer is not None:
        hand_over(town, customer, premises="H1")
    for _ in range(times):
        counted(town)
        fill(town)
        hours(town, every_h)


def started(town: Town, grams: int, **fields: Any) -> None:
    town.say(c.StartFill, code=ONE, authorisation=LEAVE, start_weight_g=grams, **fields)


def starts(town: Town, *weights: int, between: Script = counted) -> None:
    for weight in weights:
        between(town)
        fill(town, start_weight_g=weight, end_weight_g=31_000)
        hours(town, 24)


def weighed_at_the_door(town: Town, loss_g: int, *between: Script) -> None:
    check(town)
    fill(town)
    for one in between:
        one(town)
    load(town)
    hand_over(town, weight_g=31_000 - loss_g)


def at_time(town: Town, hour: str) -> None:
    town.story.now = china(f"2026-01-02T{hour}")
    fill(town)


def fleet(count: int) -> Town:
    town = opened().copy()
    for number in range(1, count + 1):
        town.with_cylinder(number)
    return town


def in_order(order: Iterable[int], again: Iterable[int], after_h: float, **fields: Any) -> Town:
    town = fleet(6)
    for when, row in enumerate((order, again)):
        hours(town, after_h if when else 0)
        for number in row:
            town.say(c.DepotIn, code=code(number))
            fill(town, number=number, **fields)
            town.wait(2)
    return town


def opens(town: Town, *starts_at: tuple[str, float]) -> None:
    begun = town.story.now
    for line, seconds in starts_at:
        town.story.now = begun + int(seconds * 1000)
        started(town, 16_500, line=line)


def inspected(town: Town, count: int, tares: Callable[[int], int | None]) -> None:
    for number in range(count):
        town.say(c.RecordInspection, code=ONE, tare_g=tares(number))


def numbers(town: Town, *told: int | None, wait_h: float = 26) -> None:
    """Fills with these numbers of the counter; None for one that was interrupted. Then time goes by."""
    for number in told:
        counted(town)
        if number is None:
            town.say(c.InterruptFill, code=ONE, authorisation=LEAVE, weight_g=20_000)
        else:
            fill(town, scale_seq=number)
        hours(town, 24)
    hours(town, wait_h - 24)
    town.say(c.RecordArrival)


def stamped(count: int, *, wait_s: float, others: int = 0, person: str = "P1") -> Town:
    """So many checked, filled and checked again by P1; then others, which P2 checks again."""
    town = fleet(count + others)
    for number in range(1, count + others + 1):
        town.say(c.CheckPrefill, code=code(number))
        fill(town, number=number)
        town.story.now += int(wait_s * 1000)
        checker = "P2" if number > count else person
        town.say(c.CheckPostfill, code=code(number), person=checker, weight_g=31_000)
        town.wait(1)
    return town


def resting(town: Town, after_h: float) -> None:
    check(town)
    fill(town)
    load(town)
    hours(town, after_h)
    town.say(c.RecordArrival)


def brought_to(town: Town, at: str | None, districts: tuple[str, ...], status: str = "valid", **fields: Any) -> None:
    """Handed over in that town by whoever may sell in those districts."""
    permit = town.story.make(
        c.FilePermit, permit="GB1", enterprise="E1", kind="gas_business", media=("lpg",), valid_from="2025-01-01",
        valid_to="2027-12-31", status=status, districts=districts, expects=0,
    )  # fmt: skip
    assert isinstance(town.tell(town.story.authority, permit), e.Filed)
    assert isinstance(town.say(c.FilePremises, town=at, expects=0), e.Filed)
    hand_over(town, **fields)


def households(count: int, *, empties: tuple[str, ...] = ()) -> Town:
    town = fleet(4)
    for number in range(1, count + 1):
        town.say(c.HandOver, code=code(number), done=True, empties=empties if number == count else ())
    return town


def relabelled(count: int) -> Town:
    town = fleet(count)
    for number in range(1, count + 1):
        new = f"legacy-digits9:{number:09d}"
        bound = town.say(c.BindCode, code=code(number), new_code=new)
        assert isinstance(bound, e.CodeBound)
        again = town.say(
            c.BindCode, code=code(number), new_code=f"legacy-digits9:9{number:08d}", retires=new, person="P1"
        )
        assert isinstance(again, e.CodeBound), again
    return town


def lots(town: Town, *, filled: int, left_g: int | None, **first: Any) -> None:
    """A lot of 2 t, so many fills of 14.5 kg each, then the next lot in its tank."""
    town.tell(town.story.office, town.story.lot(tank_lot="T7", **({"received_g": 2_000_000} | first)))
    for _ in range(filled):
        counted(town)
        fill(town, tank_lot="T7")
        hours(town, 24)
    town.tell(town.story.office, town.story.lot(tank_lot="T8", includes="T7", remainder_g=left_g))


def aged(made_month: str, at: str, **cylinder: Any) -> Town:
    town = town_with(at=at, made_month=made_month, **cylinder)
    fill(town)
    return town


def another_code_read() -> Town:
    town = fleet(2)
    check(town, also_read=(code(2),))
    return town


def seen_at(town: Town, where: str, signer: Signer | None = None, **fields: Any) -> None:
    if where.startswith("H"):
        hand_over(town, f"K{where[1:]}", by=signer, **fields)
    elif where == "B1S":
        assert isinstance(town.say(c.RecordInspection, code=ONE, **fields), e.InspectionPassed)
    else:
        town.say(c.CountStock, code=ONE, site=where, **fields)


def travels(town: Town, one: str, other: str, minutes: float, **fields: Any) -> None:
    seen_at(town, one)
    town.wait(minutes)
    seen_at(town, other, **fields)


def counted_within(town: Town, minutes: float) -> None:
    """One worker hands it over at one door, soon after which another counts it at the next."""
    second = Signer("second worker", private_key("second worker"))
    enrolled = town.tell(town.story.authority, town.story.enrolment(second, c.Role.WORKER, "E1", ("S1",)))
    assert isinstance(enrolled, e.Filed)
    hand_over(town)
    count_at(town.wait(minutes), "K2", by=second)


def across_a_border(town: Town, minutes: float, at: str | None = "320115003", **fields: Any) -> None:
    """Seen at the station in one district, then at a door in another."""
    assert isinstance(town.say(c.FilePremises, town=at, expects=0), e.Filed)
    town.say(c.CountStock, code=ONE)
    hand_over(town.wait(minutes), **fields)


def never_resumed(
    town: Town, after_h: float, *between: Script, cause: str = "hazard", passed: bool = True, rival: bool = False
) -> None:
    """A leak for which supply was suspended is put right and re-checked; then time goes by."""
    if rival:
        supplied_by_rival(town)
    opened_there(town, c.CheckItem.LEAK)
    hazard = town.last_id()
    assert isinstance(town.say(c.SuspendSupply, cause=cause), e.SupplySuspended)
    if rival:
        also = town.say(c.SuspendSupply, by=town.story.rival, enterprise="E2", cause="refused_to_rectify")
        assert isinstance(also, e.SupplySuspended)
    hours(town, 5)
    town.say(c.RectifyHazard, hazard=hazard)
    hours(town, 30)
    town.say(c.RecheckHazard, hazard=hazard, passed=passed)
    town.wait(60)
    for one in between:
        one(town)
    hours(town, after_h - 1)
    town.say(c.RecordArrival)


def opened_there(town: Town, item: c.CheckItem) -> None:
    assert isinstance(town.say(c.OpenHazard, item=item), e.HazardOpened)


def resumed(town: Town) -> None:
    assert isinstance(town.say(c.ResumeSupply), e.SupplyResumed)


def resumed_by_rival(town: Town) -> None:
    assert isinstance(town.say(c.ResumeSupply, by=town.story.rival, enterprise="E2"), e.SupplyResumed)


def succeeded(town: Town) -> None:
    """The enterprise merges into its rival."""
    town.say(c.FileSuccessor, enterprise="E1", successor="E2", from_day="2025-01-01")


def by_inspectors(town: Town, count: int, tares: Callable[[int], int | None], *, people: int) -> None:
    """So many inspections at one station, by its inspectors in turn."""
    for number in range(count):
        town.say(c.RecordInspection, code=ONE, person=f"I{number % people}", tare_g=tares(number))


def two_workers(town: Town, other: str, minutes: float) -> None:
    """One says that it is at one door, soon after another that it is at another."""
    second = Signer("second worker", private_key("second worker"))
    enrolled = town.tell(town.story.authority, town.story.enrolment(second, c.Role.WORKER, "E1", ("S1",)))
    assert isinstance(enrolled, e.Filed)
    travels(town, "H1", other, minutes, signer=second)


NOTHING: set[str] = set()
PLANTED: tuple[tuple[set[str], Script], ...] = (
    ({"CUST"}, cloned),
    (NOTHING, lambda t: cloned(t, SHOWN)),
    (NOTHING, unscanned_return),
    ({"CUST"}, carried_by_two),
    (NOTHING, never_loaded),
    (NOTHING, neighbours),
    ({"CUST"}, lambda t: two_doubts(t, 20)),
    (NOTHING, lambda t: two_doubts(t, 31)),
    ({"CUST"}, lambda t: two_doubts(t, 20, lambda t: count_at(t, "K1"))),
    (NOTHING, lambda t: two_doubts(t, 20, lambda t: check(t, **SHOWN))),
    (NOTHING, late_scans),
    ({"CUST"}, lambda t: counted_in_turn(t, "K1", "K2", "K1")),
    ({"CUST"}, lambda t: counted_in_turn(t, "K1", "S1", "K1")),
    ({"CUST"}, lambda t: counted_in_turn(t, "S1", "K1", "S1")),
    ({"CUST"}, lambda t: counted_in_turn(t, "K1", "found", "K1")),
    (NOTHING, lambda t: counted_in_turn(t, "K1", "K2")),
    (NOTHING, lambda t: counted_in_turn(t, "K1", "K1", "S1", "S1")),
    (NOTHING, lambda t: counted_in_turn(t, "K1", "missing", "K2", "missing", "K1")),
    (NOTHING, lambda t: counted_in_turn(t, "K1", "lost", "K2", "lost", "K1")),
    (NOTHING, lambda t: counted_in_turn(t, "K1", "K2", "K1", days=31)),
    (NOTHING, late_counts),
    (NOTHING, told_after_a_count),
    (NOTHING, twice),
    ({"F1"}, lambda t: again_after(t, 11.9)),
    ({"F2"}, lambda t: again_after(t, 12.1)),
    ({"F1"}, lambda t: again_after(t, 5.9, to_restaurant)),
    (NOTHING, lambda t: again_after(t, 6.1, to_restaurant)),
    (NOTHING, lambda t: again_after(t, 1, bled)),
    (NOTHING, lambda t: again_after(t, 1, extracted)),
    (NOTHING, lambda t: again_after(t, 1, full_return)),
    (NOTHING, lambda t: again_after(t, 1, start_weight_g=29_000)),
    ({"F1"}, lambda t: again_after(t, 1, start_weight_g=28_999)),
    (NOTHING, lambda t: again_after(t, 13, start_weight_g=29_000)),
    (NOTHING, continued),
    ({"F2"}, lambda t: returns_missing(t, 20)),
    (NOTHING, lambda t: returns_missing(t, 31)),
    (NOTHING, lambda t: returns_missing(t, 20, **SHOWN)),
    ({"F3"}, lambda t: often(t, 9, 72)),
    (NOTHING, lambda t: often(t, 8, 72)),
    (NOTHING, lambda t: often(t, 9, 96)),
    ({"F3"}, lambda t: often(t, 21, 24, "K7")),
    (NOTHING, lambda t: often(t, 20, 24, "K7")),
    ({"F4"}, lambda t: started(t, 16_500 - 331)),
    (NOTHING, lambda t: started(t, 16_500 - 330)),
    ({"F4"}, lambda t: fill(t, start_weight_g=16_000)),
    ({"F6"}, lambda t: started(t, 16_500 + 14_900 + 1_501)),
    (NOTHING, lambda t: started(t, 16_500 + 14_900 + 1_500)),
    ({"F6"}, lambda t: started(t, 12_374)),
    ({"F4"}, lambda t: started(t, 12_375)),
    ({"F5"}, lambda t: starts(t, 16_500, 17_150, 16_550, 17_101, 16_600, 17_200)),
    (NOTHING, lambda t: starts(t, 16_500, 17_100, 16_550, 17_100, 16_600, 17_200)),
    (NOTHING, lambda t: starts(t, 16_500, 17_150, 16_550, 17_100, 16_600, 17_400)),
    (NOTHING, lambda t: starts(t, 16_500, 16_550, 16_600, 16_520, 18_900, 17_300, 16_540)),
    ({"F7"}, lambda t: checks(t, "9999999", "9999999")),
    (NOTHING, lambda t: check(t, stamp_tail="9999999")),
    (NOTHING, lambda t: checks(t, "9999999", "2000001", "9999999")),
    (NOTHING, lambda t: check(t, also_read=(ONE,))),
    ({"F8"}, lambda t: travels(t, "S1", "B1S", 9.9)),
    (NOTHING, lambda t: travels(t, "S1", "B1S", 10)),
    (NOTHING, lambda t: travels(t, "S1", "S1", 1)),
    (NOTHING, lambda t: travels(t, "S1", "B1S", 1, offset=None)),
    ({"F8"}, lambda t: counted_within(t, 9.9)),
    (NOTHING, lambda t: counted_within(t, 10)),
    ({"F8"}, lambda t: across_a_border(t, 4.9)),
    (NOTHING, lambda t: across_a_border(t, 5)),
    (NOTHING, lambda t: across_a_border(t, 4.9, at="320602001")),
    (NOTHING, lambda t: across_a_border(t, 4.9, at=None)),
    (NOTHING, lambda t: across_a_border(t, 4.9, vehicle=None, site="S1")),
    (NOTHING, lambda t: across_a_border(t, 4.9, by=t.story.usual_signer(c.CountStock))),
    ({"F8"}, lambda t: two_workers(t, "H2", 9.9)),
    (NOTHING, lambda t: two_workers(t, "H2", 10)),
    (NOTHING, lambda t: two_workers(t, "H1", 5)),
    (NOTHING, lambda t: travels(t, "H1", "H2", 3)),
    ({"F10"}, lambda t: opens(t, ("L1", 0), ("L2", 19.9))),
    (NOTHING, lambda t: opens(t, ("L1", 0), ("L2", 20))),
    (NOTHING, lambda t: opens(t, ("L1", 0), ("L1", 5))),
    ({"F11"}, lambda t: lots(t, filled=8, left_g=1_800_000)),
    (NOTHING, lambda t: lots(t, filled=8, left_g=1_884_000)),
    (NOTHING, lambda t: lots(t, filled=8, left_g=1_864_000)),
    ({"F11"}, lambda t: lots(t, filled=8, left_g=1_863_999)),
    ({"F11"}, lambda t: lots(t, filled=8, left_g=1_904_001)),
    (NOTHING, lambda t: lots(t, filled=8, left_g=None)),
    ({"F11"}, lambda t: lots(t, filled=2, left_g=None, received_g=28_000)),
    ({"F12"}, lambda t: numbers(t, 1, 2, 4)),
    (NOTHING, lambda t: numbers(t, 1, 2, 3)),
    (NOTHING, lambda t: numbers(t, 1, 2, 4, wait_h=24)),
    (NOTHING, lambda t: numbers(t, 1, 2, None, 4)),
    ({"F12"}, lambda t: numbers(t, 1, 2, None, 5)),
    (NOTHING, lambda t: numbers(t, 1, 3, 2)),
    (NOTHING, lambda t: numbers(t, 900, 1, 2)),
    ({"F13"}, lambda t: at_time(t, "03:59")),
    (NOTHING, lambda t: at_time(t, "04:00")),
    (NOTHING, lambda t: at_time(t, "23:59")),
    ({"F15"}, lambda t: resting(t, 25)),
    (NOTHING, lambda t: resting(t, 23)),
    ({"F15"}, lambda t: brought_to(t, "320115003", ("320602",))),
    ({"F15"}, lambda t: brought_to(t, "320115003", ("320602", "320600"))),
    (NOTHING, lambda t: brought_to(t, "320602003", ("320602",))),
    (NOTHING, lambda t: brought_to(t, "320602003", ("320600",))),
    (NOTHING, lambda t: brought_to(t, "320115003", ("320115", "320602"))),
    (NOTHING, lambda t: brought_to(t, "320115003", ())),
    (NOTHING, lambda t: brought_to(t, None, ("320602",))),
    (NOTHING, lambda t: brought_to(t, "320115003", ("320602",), vehicle=None, site="S1")),
    (NOTHING, lambda t: brought_to(t, "320115003", ("320602",), status="revoked")),
    ({"F16"}, lambda t: weighed_at_the_door(t, 301)),
    (NOTHING, lambda t: weighed_at_the_door(t, 300)),
    (NOTHING, lambda t: weighed_at_the_door(t, 301, lambda t: t.say(c.CheckPostfill, code=ONE, weight_g=30_990))),
    ({"F17"}, lambda t: inspected(t, 301, lambda _: None)),
    (NOTHING, lambda t: inspected(t, 300, lambda _: None)),
    ({"F17"}, lambda t: inspected(t, 30, lambda n: 16_500 if n % 3 else 16_600 + n)),
    (NOTHING, lambda t: inspected(t, 30, lambda n: 16_500 + n // 9)),
    (NOTHING, lambda t: inspected(t, 29, lambda _: 16_500)),
    ({"F17"}, lambda t: by_inspectors(t, 1001, lambda _: None, people=4)),
    (NOTHING, lambda t: by_inspectors(t, 1000, lambda _: None, people=4)),
    ({"F17"}, lambda t: by_inspectors(t, 58, lambda _: 16_500, people=2)),
    (NOTHING, lambda t: by_inspectors(t, 58, lambda n: 16_500 + n // 2 % 4, people=2)),
    ({"F21"}, lambda t: never_resumed(t, 26)),
    (NOTHING, lambda t: never_resumed(t, 24)),
    (NOTHING, lambda t: never_resumed(t, 26, resumed)),
    (NOTHING, lambda t: never_resumed(t, 26, lambda t: opened_there(t, c.CheckItem.LEAK))),
    ({"F21"}, lambda t: never_resumed(t, 26, lambda t: opened_there(t, c.CheckItem.HOSE_AGED))),
    (NOTHING, lambda t: never_resumed(t, 26, cause="diversion")),
    (NOTHING, lambda t: never_resumed(t, 26, passed=False)),
    ({"F21"}, lambda t: never_resumed(t, 26, resumed_by_rival, rival=True)),
    ({"F21"}, lambda t: never_resumed(t, 26, resumed, rival=True)),
    (NOTHING, lambda t: never_resumed(t, 26, resumed, resumed_by_rival, rival=True)),
    (NOTHING, lambda t: never_resumed(t, 26, succeeded, resumed_by_rival)),
)  # fmt: skip


TOWNS: tuple[tuple[set[str], Callable[[], Town]], ...] = (
    ({"F9"}, lambda: in_order((1, 2, 3, 4, 5, 6), (1, 2, 3, 4, 5, 6), 24)),
    ({"F9"}, lambda: in_order((6, 1, 2, 3, 4, 5), (1, 2, 3, 4, 5, 6), 24)),
    (NOTHING, lambda: in_order((1, 2, 3, 4, 5, 6), (1, 2, 3, 4, 6, 5), 24)),
    (NOTHING, lambda: in_order((1, 2, 3, 4, 5, 6), (6, 5, 4, 3, 2, 1), 24)),
    ({"F14"}, lambda: stamped(20, wait_s=19)),
    ({"F14"}, lambda: stamped(20, wait_s=19, others=1)),
    (NOTHING, lambda: stamped(20, wait_s=20)),
    (NOTHING, lambda: stamped(19, wait_s=19)),
    (NOTHING, lambda: stamped(25, wait_s=5, person="P2")),
    ({"F15"}, lambda: households(4)),
    (NOTHING, lambda: households(3)),
    (NOTHING, lambda: households(4, empties=(ONE,))),
    ({"F18"}, lambda: relabelled(11)),
    (NOTHING, lambda: relabelled(10)),
    ({"F20"}, lambda: aged("2021-12", "2026-01-01T08:00")),
    (NOTHING, lambda: aged("2022-01", "2026-01-31T20:00")),
    (NOTHING, lambda: aged("2020-01", "2026-01-31T20:00", inspected_month="2024-02")),
    ({"F7"}, another_code_read),
)


@pytest.mark.parametrize(
    ("kinds", "script"), PLANTED, ids=[f"{n}-{'-'.join(sorted(k)) or 'honest'}" for n, (k, _) in enumerate(PLANTED)]
)
def test_what_is_planted_is_found_and_nothing_else(kinds: set[str], script: Script) -> None:
    town = town_with()
    script(town)
    assert {one.kind for one in alerts(town)} == kinds, alerts(town)


@pytest.mark.parametrize(
    ("kinds", "told"), TOWNS, ids=[f"{n}-{'-'.join(k) or 'honest'}" for n, (k, _) in enumerate(TOWNS)]
)
def test_what_is_planted_among_several_is_found_and_nothing_else(kinds: set[str], told: Callable[[], Town]) -> None:
    town = told()
    assert {one.kind for one in alerts(town)} == kinds, alerts(town)


def test_every_kind_is_planted() -> None:
    assert {kind for kinds, _ in (*PLANTED, *TOWNS) for kind in kinds} == set(RULE_OF)


def test_every_kind_s_thresholds_are_in_the_pack_and_nobody_asks_them_at_a_gate() -> None:
    assert {PACK.rules[rule].mode for rule in RULE_OF.values()} == {"warn"}
    assert {RULES[rule].gates for rule in RULE_OF.values()} == {()}
    assert all("deadline_h" in RULES[rule].params for rule in RULE_OF.values())


@pytest.mark.parametrize(("kind", "script"), {k: script for kinds, script in reversed(PLANTED) for k in kinds}.items())
def test_a_pack_switches_a_signal_off(kind: str, script: Script) -> None:
    town = town_with(pack=changed(RULE_OF[kind], mode="off"))
    script(town)
    assert kind not in {one.kind for one in alerts(town)}
