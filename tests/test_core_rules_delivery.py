"""Rules about who brings it and on what, both sides of each: the seller, the vehicle, the worker."""

import functools
from collections.abc import Callable
from typing import Any

import pytest

from api.packs import NATIONAL, shipped_pack
from ledger import claim as c
from ledger import events as e
from ledger.judge import judge
from ledger.packs.model import Pack
from tests.rule_kit import ONE, P, Row, changed, china, door, heard, holds, ids_of, release, sale, settled, town_with
from tests.story import PACK, START, Town, code
from tests.test_core_rules_fitness import black

Filing = tuple[type[c.Claim], dict[str, Any]]
Then = Callable[[Town], e.Outcome]


@functools.cache
def _released() -> Town:
    town = town_with()
    assert isinstance(release(town), e.CylinderReleased)
    return town


@functools.cache
def _sold() -> Town:
    town = _released().copy()
    assert isinstance(sale(town), e.DepotLeft)
    return town


def sold(pack: Pack | None = None) -> Town:
    """The town with a cylinder on the truck, under that pack."""
    return _after(_sold().copy(), (), pack)


def at_depot(then: Then, *filings: Filing, pack: Pack | None = None) -> e.Outcome:
    """What follows these filings where a released cylinder waits at the station."""
    return then(_after(_released().copy(), filings, pack))


def at_door(*filings: Filing, pack: Pack | None = None, **fields: Any) -> e.Outcome:
    """A hand-over after these filings, of a cylinder that was sold before them."""
    return door(_after(sold(), filings, pack), **fields)


def _after(town: Town, filings: tuple[Filing, ...], pack: Pack | None) -> Town:
    if pack is not None:
        assert isinstance(town.say(c.AdoptPack, pack=pack, expects=0), e.Filed)
    for act, fields in filings:
        by = town.story.rival if fields.get("enterprise") == "E2" and act is not c.FilePermit else None
        assert not isinstance(town.say(act, by=by, **fields), e.Refusal), (act, fields)
    return town


def load(town: Town, **fields: Any) -> e.Outcome:
    """Onto the tricycle, by W1."""
    return town.say(c.LoadVehicle, code=ONE, **fields)


def counter(town: Town, **fields: Any) -> e.Outcome:
    """Fetched by K1 at the station's counter, from a filler."""
    here = {"code": ONE, "person": "P1", "vehicle": None, "site": "S1", "channel": "self_pickup"}
    return town.say(c.HandOver, by=town.story.station, **(here | fields))


def fetched_on(at: str) -> e.Outcome:
    """At the counter at that time, a cylinder made in June 2024 and never inspected."""
    town = _released().copy()
    town.story.now = china(at)
    return counter(town)


def fetched_again() -> e.Outcome:
    """Fetched, brought back full, and fetched again."""
    town = _released().copy()
    assert isinstance(counter(town), e.CylinderHandedOver)
    town.wait(60).say(c.CountStock, code=ONE)
    return counter(town)


def fetched_from_elsewhere() -> e.Outcome:
    """Moved to another depot, by the ledger still on the road, and fetched at the station."""
    town = _released().copy()
    assert isinstance(town.say(c.DepotOut, code=ONE, purpose=c.Purpose.TRANSFER), e.DepotLeft)
    return counter(town)


def _paper(kind: str, permit: str, **changes: Any) -> Filing:
    return c.FilePermit, {"permit": permit, "kind": kind, "expects": 0, **changes}


def _business(**changes: Any) -> Filing:
    return _paper("gas_business", "GB1", **changes)


def _transport(**changes: Any) -> Filing:
    return _paper("transport", "TR1", **changes)


def _worker(**changes: Any) -> Filing:
    return c.FilePerson, {"person": "W1", "labour_contract": True, "expects": 0, **changes}


def _certificate(**changes: Any) -> Filing:
    return c.FileCertificate, {"certificate": "C-W1", "person": "W1", "kind": "delivery", "expects": 0, **changes}


def _listed(target: str, **changes: Any) -> Filing:
    return c.FileBlacklisting, {"target": target, **changes}


def _truck(**changes: Any) -> Filing:
    truck = {"vehicle": "V1", "kind": "dg_truck", "permit": "TR1", "load_cap_g": 5_000_000, "expects": 0}
    return c.FileVehicle, truck | changes


def _paired(person: str, **changes: Any) -> Filing:
    return c.FilePairing, {"vehicle": "V2", "person": person, "reason": "illness", "expects": 0, **changes}


CARRIER: tuple[Filing, ...] = (_truck(vehicle="V8", enterprise="E2", permit=None, expects=None),)


def _carrier(town: Town) -> e.Outcome:
    return town.say(c.DepotOut, code=ONE, vehicle="V8")


def second(cap_g: int) -> e.Outcome:
    """The second cylinder of 31 kg gross onto a truck that may carry so much."""
    town = sold()
    town.with_cylinder(2)
    town.fill(code(2))
    town.release(code(2))
    assert isinstance(town.say(_truck()[0], **(_truck()[1] | {"load_cap_g": cap_g})), e.Filed)
    return town.sell(code(2))


def loaded_twice(cap_g: int) -> e.Outcome:
    """Out for sale on the truck that it was on already, for a move."""
    moved = lambda town: (town.say(c.DepotOut, code=ONE, purpose=c.Purpose.TRANSFER), town.sell(ONE))[1]  # noqa: E731
    return at_depot(moved, _truck(load_cap_g=cap_g))


def in_town(town_code: str | None, *areas: str, **fields: Any) -> e.Outcome:
    """A hand-over by a worker of these areas at premises in that town."""
    town = _after(sold(), (_worker(areas=areas),), None)
    return door(settled(town, town=town_code), premises="H7", **fields)


def covered(town_code: str, *districts: str) -> e.Outcome:
    """A hand-over in that town under a permit for these districts."""
    town = _after(sold(), (_business(districts=districts),), None)
    return door(settled(town, town=town_code), premises="H7")


def back(**fields: Any) -> Callable[[], e.Outcome]:
    """Into the depot again, off that vehicle."""
    return lambda: sold().say(c.DepotIn, code=ONE, **fields)


def fetched(customer: str | None) -> Callable[[], e.Outcome]:
    """Taken back from that customer, after it was handed over to K1."""

    def run() -> e.Outcome:
        town = sold()
        assert isinstance(door(town), e.CylinderHandedOver)
        return town.say(c.CollectCylinder, code=ONE, customer=customer)

    return run


def load_on(at: str) -> e.Outcome:
    """Onto the tricycle at that time, of a cylinder made in June 2024 and never inspected."""
    town = _released().copy()
    town.story.now = china(at)
    return load(town)


def unlawful(town: Town, which: str) -> e.Outcome:
    return town.say(c.LoadVehicle, code=which)


STRICT = changed("DEL-04", mode="block")
FROZEN: Filing = (c.OpenIncident, {"lines": (), "tank_lots": (), "vehicles": ()})
NO_PERMIT = "no_business_permit"

# fmt: off
ROWS: tuple[Row, ...] = (
    Row("passes", "ENT-01", NO_PERMIT, P(at_depot, sale)),
    Row("passes", "ENT-01", NO_PERMIT, P(at_depot, load)),
    Row("passes", "ENT-01", NO_PERMIT, at_door),
    Row("blocks", "ENT-01", NO_PERMIT, P(at_depot, sale, _business(status="revoked"))),
    Row("blocks", "ENT-01", NO_PERMIT, P(at_depot, load, _business(status="suspended"))),
    Row("blocks", "ENT-01", NO_PERMIT, P(at_door, _business(status="revoked"))),
    Row("blocks", "ENT-01", NO_PERMIT, P(at_depot, sale, _business(valid_to="2025-12-31")), "valid_to"),
    Row("passes", "ENT-01", NO_PERMIT, P(at_depot, sale, _business(valid_to="2026-01-01")), "valid_to"),
    Row("passes", "ENT-01", NO_PERMIT, P(at_door, _business(valid_from="2026-01-01")), "valid_from"),
    Row("blocks", "ENT-01", NO_PERMIT, P(at_door, _business(valid_from="2026-01-02")), "valid_from"),
    Row("blocks", "ENT-01", NO_PERMIT, P(at_depot, sale, _business(media=("propane",)))),
    Row("blocks", "ENT-01", NO_PERMIT, P(at_depot, sale, _paper("filling", "GB1"))),
    Row("passes", "ENT-01", NO_PERMIT, P(at_depot, sale, _business(sites=("S9", "S1")))),
    Row("blocks", "ENT-01", NO_PERMIT, P(at_depot, sale, _business(sites=("S9",)))),
    Row("passes", "ENT-01", NO_PERMIT, P(at_depot, sale, _business(districts=("320600",)))),
    Row("blocks", "ENT-01", NO_PERMIT, P(at_depot, sale, _business(districts=("320117",)))),
    Row("blocks", "ENT-01", NO_PERMIT, P(at_depot, sale, _business(districts=("320602",)))),  # a part of the city
    Row("passes", "ENT-01", NO_PERMIT, P(covered, "320602001", "320117", "320602")),
    Row("passes", "ENT-01", NO_PERMIT, P(covered, "320602001", "320600")),
    Row("passes", "ENT-01", NO_PERMIT, P(covered, "320602001", "320000")),
    Row("blocks", "ENT-01", NO_PERMIT, P(covered, "320602001", "320612")),
    Row("blocks", "ENT-01", NO_PERMIT, P(covered, "320602001", "320100")),
    Row("passes", "ENT-01", NO_PERMIT, P(at_door, _business(districts=("320117",)))),  # nobody filed H1's town
    Row("blocks", "ENT-01", "seller_unknown", P(at_door, person="P77")),
    Row("blocks", "ENT-01", "seller_unknown", P(at_door, person="P77", done=True)),
    Row("blocks", "ENT-01", "seller_unknown", P(at_door, _worker(status="left"))),
    Row("passes", "ENT-01", "seller_unknown", at_door),
    Row("blocks", "DEL-01", "vehicle_unknown", P(at_depot, lambda t: t.say(c.DepotOut, code=ONE, vehicle="V7"))),
    Row("blocks", "DEL-01", "vehicle_unknown", P(at_depot, P(load, vehicle="V7"))),
    Row("blocks", "DEL-01", "vehicle_unknown", P(at_depot, sale, _truck(status="out_of_service"))),
    Row("passes", "DEL-01", "vehicle_unknown", P(at_depot, sale)),
    Row("passes", "DEL-01", "vehicle_not_permitted", P(at_depot, sale)),
    Row("blocks", "DEL-01", "vehicle_not_permitted", P(at_depot, sale, _transport(status="revoked"))),
    Row("blocks", "DEL-01", "vehicle_not_permitted", P(at_depot, sale, _transport(valid_to="2025-12-31")), "valid_to"),
    Row("passes", "DEL-01", "vehicle_not_permitted", P(at_depot, sale, _transport(valid_to="2026-01-01")), "valid_to"),
    Row("passes", "DEL-01", "vehicle_not_permitted", P(at_depot, load, _transport(status="revoked"))),  # a tricycle
    Row("blocks", "DEL-01", "vehicle_not_permitted", P(at_depot, _carrier, *CARRIER)),
    Row("passes", "DEL-01", "vehicle_not_permitted",
        P(at_depot, _carrier, *CARRIER, _paper("transport", "TR2", enterprise="E2", expects=None))),
    Row("passes", "DEL-01", "vehicle_overloaded", P(at_depot, sale, _truck(load_cap_g=31_000)), "load_cap_g"),
    Row("warns", "DEL-01", "vehicle_overloaded", P(at_depot, sale, _truck(load_cap_g=30_999)), "load_cap_g"),
    Row("passes", "DEL-01", "vehicle_overloaded", P(second, 62_000), "load_cap_g"),
    Row("warns", "DEL-01", "vehicle_overloaded", P(second, 61_999), "load_cap_g"),
    Row("passes", "DEL-01", "vehicle_overloaded", P(loaded_twice, 31_000)),
    Row("passes", "DEL-02", "worker_not_certified", P(at_depot, load)),
    Row("passes", "DEL-02", "worker_not_certified", at_door),
    Row("passes", "DEL-02", "worker_not_certified", P(at_depot, sale)),  # a filler loads the truck
    Row("blocks", "DEL-02", "worker_not_certified", P(at_depot, P(load, person="P1"))),
    Row("blocks", "DEL-02", "worker_not_certified", P(at_door, person="P1")),
    Row("blocks", "DEL-02", "worker_not_certified", P(at_door, person="P1", done=True)),
    Row("blocks", "DEL-02", "worker_not_certified", P(at_depot, load, _certificate(status="suspended"))),
    Row("blocks", "DEL-02", "worker_not_certified", P(at_door, _certificate(valid_to="2025-12-31")), "valid_to"),
    Row("passes", "DEL-02", "worker_not_certified", P(at_door, _certificate(valid_to="2026-01-01")), "valid_to"),
    Row("passes", "DEL-02", "worker_not_certified", P(at_door, _certificate(valid_from="2026-01-01")), "valid_from"),
    Row("blocks", "DEL-02", "worker_not_certified", P(at_door, _certificate(valid_from="2026-01-02")), "valid_from"),
    Row("blocks", "DEL-03", "worker_blacklisted", P(at_depot, load, _listed("W1"))),
    Row("blocks", "DEL-03", "worker_blacklisted", P(at_door, _listed("W1", from_day="2026-01-01")), "from_day"),
    Row("passes", "DEL-03", "worker_blacklisted", P(at_door, _listed("W1", from_day="2026-01-02")), "from_day"),
    Row("passes", "DEL-03", "worker_blacklisted", P(at_door, _listed("W1", status="removed"))),
    Row("passes", "DEL-03", "worker_blacklisted", P(at_door, _listed("W2"))),
    Row("passes", "DEL-03", "worker_blacklisted", P(at_depot, sale, _listed("P1"))),  # FILL-03 speaks of fillers
    Row("passes", "DEL-03", "no_labour_contract", at_door),
    Row("warns", "DEL-03", "no_labour_contract", P(at_door, _worker(labour_contract=None))),
    Row("warns", "DEL-03", "no_labour_contract", P(at_depot, load, _worker(labour_contract=False))),
    Row("passes", "DEL-04", "person_vehicle_mismatch", P(at_depot, load)),
    Row("passes", "DEL-04", "person_vehicle_mismatch", at_door),
    Row("passes", "DEL-04", "person_vehicle_mismatch", P(at_depot, sale)),
    Row("warns", "DEL-04", "person_vehicle_mismatch", P(at_depot, P(load, person="W2"))),
    Row("blocks", "DEL-04", "person_vehicle_mismatch", P(at_depot, P(load, person="W2"), pack=STRICT)),
    Row("passes", "DEL-04", "person_vehicle_mismatch",  # W1 is ill: paired anew at once
        P(at_depot, P(load, person="W2"), _paired("W2"), pack=STRICT)),
    Row("warns", "DEL-04", "person_vehicle_mismatch", P(at_door, person="W2")),
    Row("warns", "DEL-04", "person_vehicle_mismatch", P(at_door, vehicle="V77")),
    Row("warns", "DEL-04", "person_vehicle_mismatch",
        P(at_depot, load, _paired("W2", from_day="2026-01-01")), "from_day"),
    Row("passes", "DEL-04", "person_vehicle_mismatch",
        P(at_depot, load, _paired("W2", from_day="2026-01-02")), "from_day"),
    Row("warns", "DEL-04", "outside_area", P(at_door, in_area=False)),
    Row("blocks", "DEL-04", "outside_area", P(at_door, pack=STRICT, in_area=False)),
    Row("passes", "DEL-04", "outside_area", P(at_door, in_area=True)),
    Row("warns", "DEL-04", "outside_area", P(in_town, "320602002", "320602001", "320602003")),
    Row("passes", "DEL-04", "outside_area", P(in_town, "320602002", "320602001", "320602002")),
    Row("passes", "DEL-04", "outside_area", P(in_town, "320602001003", "320602001")),  # a village of the town
    Row("warns", "DEL-04", "outside_area", P(in_town, "320602001", "320602001003")),
    Row("passes", "DEL-04", "outside_area", P(in_town, "320602002")),
    Row("passes", "DEL-04", "outside_area", P(in_town, None, "320602001")),
    Row("passes", "ENT-01", NO_PERMIT, P(at_depot, counter)),
    Row("blocks", "ENT-01", NO_PERMIT, P(at_depot, counter, _business(status="revoked"))),
    Row("blocks", "ENT-01", "seller_unknown", P(at_depot, P(counter, person="P77"))),
    Row("passes", "DEL-01", "vehicle_unknown", P(at_depot, counter)),
    Row("passes", "DEL-02", "worker_not_certified", P(at_depot, counter)),  # nobody delivers
    Row("blocks", "DEL-03", "worker_blacklisted", P(at_depot, counter, _listed("P1"))),
    Row("passes", "DEL-03", "no_labour_contract", P(at_depot, counter)),
    Row("passes", "DEL-04", "person_vehicle_mismatch", P(at_depot, counter, pack=STRICT)),
    Row("passes", "DEL-04", "outside_area", P(at_depot, P(counter, in_area=False), pack=STRICT)),
    Row("passes", "FILL-12", "no_lawful_fill", P(at_depot, counter)),
    Row("blocks", "FILL-12", "no_lawful_fill", lambda: counter(town_with())),
    Row("blocks", "FILL-12", "no_lawful_fill", lambda: counter(sold())),  # it is on the truck
    Row("blocks", "FILL-12", "no_lawful_fill", fetched_again),
    Row("passes", "FILL-12", "not_released_for_sale", P(at_depot, counter)),
    Row("passes", "INS-02", "inspection_overdue", P(fetched_on, "2028-06-30T23:00")),
    Row("blocks", "INS-02", "inspection_overdue", P(fetched_on, "2028-07-01T00:00")),
    Row("blocks", "OWN-02", "unlawful_fill", P(black, then=lambda town, which: counter(town, code=which))),
    Row("blocks", "HOLD-01", "incident_hold", P(at_depot, counter, FROZEN)),
    Row("blocks", "USR-05", "supply_suspended", P(at_depot, counter, (c.SuspendSupply, {}))),
    Row("blocks", "USR-04", "delivery_check_missing", P(at_depot, P(counter, check=None))),
    Row("warns", "USR-12", "self_pickup_abolished", P(at_depot, counter)),
    Row("warns", "USR-12", "self_pickup_abolished", P(at_depot, P(counter, channel="delivery"))),  # whatever it says
    Row("blocks", "USR-12", "self_pickup_abolished", P(at_depot, counter, pack=changed("USR-12", mode="block"))),
    Row("passes", "CUST-01", "custody_contradiction", P(at_depot, counter)),
    Row("warns", "CUST-01", "custody_contradiction", fetched_from_elsewhere),
    Row("passes", "INS-02", "inspection_overdue", P(load_on, "2028-06-30T23:00")),
    Row("blocks", "INS-02", "inspection_overdue", P(load_on, "2028-07-01T00:00")),
    Row("blocks", "OWN-02", "unlawful_fill", P(black, then=unlawful)),
    Row("passes", "OWN-02", "unlawful_fill", P(black, own=True, then=unlawful)),
    Row("passes", "OWN-02", "unlawful_fill", P(at_depot, load)),
    Row("passes", "CUST-01", "custody_contradiction", at_door),
    Row("warns", "CUST-01", "custody_contradiction", P(at_door, vehicle="V2")),  # it was loaded onto V1
    Row("passes", "CUST-01", "custody_contradiction", P(at_depot, sale)),
    Row("warns", "CUST-01", "custody_contradiction", P(loaded_twice, 62_000)),  # it is on the truck already
    Row("warns", "CUST-01", "custody_contradiction", back(vehicle="V2")),
    Row("passes", "CUST-01", "custody_contradiction", back(vehicle="V1")),
    Row("warns", "CUST-01", "custody_contradiction", fetched("K2")),
    Row("passes", "CUST-01", "custody_contradiction", fetched("K1")),
    Row("passes", "CUST-01", "custody_contradiction", fetched(None)),  # an empty that names nobody
    Row("passes", "CUST-01", "custody_contradiction", back(vehicle="V2", scanned_at=START - 1)),  # overtaken
    Row("warns", "DEL-06", "handed_over_offline", P(at_door, done=True)),
    Row("passes", "DEL-06", "handed_over_offline", at_door),
)
# fmt: on


@pytest.mark.parametrize("row", ROWS, ids=ids_of(ROWS))
def test_rule(row: Row) -> None:
    holds(row)


def test_an_ordinary_day_is_not_even_warned_of() -> None:
    for outcome in (at_depot(sale), at_depot(load), at_door()):
        assert heard(outcome) == ([], [])


def test_what_a_customer_fetches_goes_from_the_site_to_the_customer() -> None:
    town = _released().copy()
    assert heard(counter(town)) == ([], [e.Note("USR-12@1", "self_pickup_abolished")])
    cylinder = town.world.cylinders[town.world.codes[ONE].cylinder]
    assert (cylinder.holder, cylinder.premises, cylinder.carrier) == ("customer:K1", "H1", None)
    assert (cylinder.out, cylinder.released) == (False, False)
    assert town.world.premises["H1"].held == {cylinder.cylinder: 14_500}
    assert {"site:S1", "customer:K1", "premises:H1", "person:P1"} < set(town.parties[-1])
    assert not [party for party in town.parties[-1] if party.startswith("vehicle:")]


def test_what_was_handed_over_offline_is_recorded_whatever_it_broke() -> None:
    outcome = at_door(person="P77", customer="K77", premises="H77", done=True)
    assert isinstance(outcome, e.CylinderHandedOver)
    told = {note.reason for note in outcome.violations}
    assert {"seller_unknown", "worker_not_certified", "customer_unknown", "no_contract", "premises_unknown"} <= told


def test_no_rule_breaks_on_what_nobody_filed() -> None:
    nobody = {"code": "lpg1:none", "person": "P77", "vehicle": "V77", "site": "S77"}
    there = {"customer": "K77", "premises": "H77", "order": "OR77", "empties": ("lpg1:none", ONE)}
    shown = c.Confirmation("voucher", "matched", voucher="VO77", proxy="PX77")
    town = sold()
    make = town.story.make
    for claim in (
        make(c.HandOver, **nobody, **there, position="indoor", confirmation=shown),
        make(c.HandOver, **(nobody | {"site": None}), **there, position="indoor"),
        make(c.LoadVehicle, **nobody),
        make(c.DepotOut, **nobody, purpose=c.Purpose.SALE),
    ):
        for pack in (PACK, shipped_pack(NATIONAL), shipped_pack("441500")):
            town.world.registry.file(make(c.AdoptPack, pack=pack), seq=0, entry_index=0)
            told = judge(town.world, claim, at=START, recorded_at=START, clock_offset_ms=0)
            assert told.broken
