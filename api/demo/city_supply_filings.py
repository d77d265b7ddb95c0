"""What is filed about the last kilometre: supply stations, workers and vehicles, customers and their contracts."""

from collections.abc import Iterator
from typing import Any

from msgspec import structs

from api.demo.city import DISTRICT, TRANSITION_UNTIL, City
from api.demo.city_registry import PAST, YEAR
from api.demo.city_supply import DEPOTS, PEDLAR, Customer, Depot, Worker
from api.demo.clerk import Clerk, Wave, digest_of
from api.demo.doorstep import Courier
from ledger import claim as c

BUNDLE = 500
SALT = "salt"
TESTED_ON = "2025-10-20"
"""When alarms and shut-off devices were tested last."""
_TRUCK_CAP_G, _TRICYCLE_CAP_G, _BICYCLE_CAP_G, _SMALL_CAP_G = 9_000_000, 600_000, 400_000, 20_000
OFFICES = ("TC", "JH")
UNLICENSED_TRUCK = "WZ-V2"
"""Of an enterprise without a transport permit."""


def supply_registry(city: City, clerk: Clerk) -> Iterator[Wave]:
    """Everything but the customers, in order; each must be accepted."""
    for enterprise in OFFICES:
        yield Wave(clerk.at_ms, "authority", list(_permits(clerk, enterprise)))
    for depot in DEPOTS:
        office = f"office:{depot.enterprise}"
        yield Wave(clerk.at_ms, office, [*_depot(city, clerk, depot)])
        opened = clerk.make(c.FileSite, **_place(depot), expects=0, transition_until=TRANSITION_UNTIL)
        yield Wave(clerk.at_ms, "authority", [opened, _barring(clerk, barred(depot))])
    pedlar = {"enterprise": "WZ", "kind": "carrier", "name": "无证个体（演示）", "service_phone": "0513-00000109"}
    unlicensed = clerk.make(c.FileEnterprise, **pedlar)
    enrolled = clerk.enrolment(city.signers["office:WZ"], c.Role.OFFICE, "WZ")
    yield Wave(clerk.at_ms, "authority", [unlicensed, enrolled])
    truck = _vehicle(clerk, UNLICENSED_TRUCK, "WZ", "dg_truck", load_cap_g=_TRUCK_CAP_G)
    yield Wave(clerk.at_ms, "office:WZ", [*_worker(city, clerk, "WZ", PEDLAR, None), truck])


def customer_filings(city: City, clerk: Clerk) -> Iterator[Wave]:
    """The customers' files, by the offices, in bundles of many."""
    for enterprise in OFFICES:
        told: list[c.AnyClaim] = []
        for one in city.customers:
            if one.enterprise == enterprise:
                told += _customer(clerk, one)
        for first in range(0, len(told), BUNDLE):
            yield Wave(clerk.at_ms, f"office:{enterprise}", told[first : first + BUNDLE])


def orders(clerk: Clerk, told: list[c.FileOrder]) -> Iterator[Wave]:
    """What customers ordered, by their suppliers' offices."""
    for enterprise in OFFICES:
        own: list[c.AnyClaim] = [
            structs.replace(one, scanned_at=clerk.at_ms) for one in told if one.enterprise == enterprise
        ]
        for first in range(0, len(own), BUNDLE):
            yield Wave(clerk.at_ms, f"office:{enterprise}", own[first : first + BUNDLE])


def found_at_homes(clerk: Clerk, depot: Depot, homes: list[tuple[Customer, tuple[str, ...]]]) -> Iterator[Wave]:
    """What a worker found in the customers' kitchens, a photograph each (现场盘点), as the office told it."""
    courier = Courier(clerk, depot, depot.workers[0])
    told: list[c.AnyClaim] = [courier.count(one, codes) for one, codes in homes if one.depot == depot.site]
    for first in range(0, len(told), BUNDLE):
        yield Wave(clerk.at_ms, f"office:{depot.enterprise}", told[first : first + BUNDLE])


def bad_workers(depot: Depot) -> dict[str, Worker]:
    """Who should not deliver: certificate lapsed, on the blacklist, without a labour contract; each with a bicycle."""
    names = ("lapsed", "barred", "no_contract")
    return {
        name: Worker(f"{depot.site}-W9{number}", f"{depot.site}-V9{number}", "e_bicycle", depot.towns[0])
        for number, name in enumerate(names)
    }


def barred(depot: Depot) -> str:
    """The worker on the blacklist."""
    return bad_workers(depot)["barred"].person


def too_small(depot: Depot) -> str:
    """A bicycle that bears less than one cylinder, of the depot's last worker."""
    return f"{depot.site}-V99"


def _permits(clerk: Clerk, enterprise: str) -> Iterator[c.AnyClaim]:
    for kind, name in (("gas_business", "GB"), ("transport", "TR")):
        paper: dict[str, Any] = {"permit": f"{enterprise}-{name}", "enterprise": enterprise, "kind": kind, **YEAR}
        yield clerk.make(c.FilePermit, **paper, media=("lpg",), status="valid")


def _depot(city: City, clerk: Clerk, depot: Depot) -> Iterator[c.AnyClaim]:
    yield clerk.make(c.FileSite, **_place(depot))
    desk = city.signers[f"desk:{depot.site}"]
    yield clerk.enrolment(desk, c.Role.STATION, depot.enterprise, (depot.site,))
    for person, role, kind in ((depot.keeper, "manager", "management"), (depot.driver, "driver", "driver")):
        staff = {"person": person, "enterprise": depot.enterprise, "status": "active", "roles": (role,)}
        yield clerk.make(c.FilePerson, **staff, labour_contract=True)
        yield _certificate(clerk, person, kind, YEAR)
    for truck in depot.trucks:
        yield _vehicle(
            clerk, truck, depot.enterprise, "dg_truck", permit=f"{depot.enterprise}-TR", load_cap_g=_TRUCK_CAP_G
        )
        yield _pairing(clerk, truck, depot.driver)
    for worker in depot.workers:
        yield from _worker(city, clerk, depot.enterprise, worker, depot)
    for name, worker in bad_workers(depot).items():
        papers = PAST if name == "lapsed" else YEAR
        yield from _person(clerk, depot.enterprise, worker, depot, papers, labour_contract=name != "no_contract")
    yield _vehicle(clerk, too_small(depot), depot.enterprise, "e_bicycle", load_cap_g=_SMALL_CAP_G)
    yield _pairing(clerk, too_small(depot), depot.workers[-1].person)


def _worker(city: City, clerk: Clerk, enterprise: str, worker: Worker, depot: Depot | None) -> Iterator[c.AnyClaim]:
    yield from _person(clerk, enterprise, worker, depot, YEAR)
    sites = () if depot is None else (depot.site,)
    yield clerk.enrolment(city.signers[worker.phone], c.Role.WORKER, enterprise, sites)


def _person(
    clerk: Clerk,
    enterprise: str,
    worker: Worker,
    depot: Depot | None,
    papers: dict[str, str],
    *,
    labour_contract: bool = True,
) -> Iterator[c.AnyClaim]:
    areas = () if depot is None else depot.towns
    staff = {"person": worker.person, "enterprise": enterprise, "status": "active", "roles": ("delivery",)}
    yield clerk.make(c.FilePerson, **staff, labour_contract=labour_contract, areas=areas)
    yield _certificate(clerk, worker.person, "delivery", papers)
    cap_g = _TRICYCLE_CAP_G if worker.kind == "tricycle" else _BICYCLE_CAP_G
    yield _vehicle(clerk, worker.vehicle, enterprise, worker.kind, load_cap_g=cap_g)
    yield _pairing(clerk, worker.vehicle, worker.person)


def _certificate(clerk: Clerk, person: str, kind: str, papers: dict[str, str]) -> c.FileCertificate:
    fields: dict[str, Any] = {"certificate": f"{person}-C1", "person": person, "kind": kind, "status": "valid"}
    return clerk.make(c.FileCertificate, **fields, **papers, number_digest=digest_of(f"{SALT} {person} {kind}"))


def _vehicle(
    clerk: Clerk, vehicle: str, enterprise: str, kind: str, *, load_cap_g: int, permit: str | None = None
) -> c.FileVehicle:
    fields: dict[str, Any] = {"vehicle": vehicle, "enterprise": enterprise, "kind": kind, "permit": permit}
    return clerk.make(c.FileVehicle, **fields, load_cap_g=load_cap_g, status="in_service")


def _pairing(clerk: Clerk, vehicle: str, person: str) -> c.FilePairing:
    return clerk.make(c.FilePairing, vehicle=vehicle, person=person, from_day="2026-01-01", reason="planned")


def _barring(clerk: Clerk, person: str) -> c.FileBlacklisting:
    fields: dict[str, Any] = {"blacklisting": f"BL-{person}", "kind": "person", "target": person}
    return clerk.make(c.FileBlacklisting, **fields, from_day="2026-03-01", status="listed")


def _place(depot: Depot) -> dict[str, Any]:
    return {
        "site": depot.site, "enterprise": depot.enterprise, "kind": "supply_station", "name": depot.name,
        "district": DISTRICT, "status": "open",
    }  # fmt: skip


def _customer(clerk: Clerk, one: Customer) -> Iterator[c.AnyClaim]:
    own = {"customer": one.customer, "enterprise": one.enterprise}
    kind = "resident" if one.resident else "non_resident"
    verified = None if one.trouble == "not_real_name" else "2024-05-20"
    yield clerk.make(c.FileCustomer, **own, kind=kind, verified_on=verified, status="open")
    yield clerk.make(c.FilePremises, **own, **_premises(one))
    if one.trouble != "no_contract":
        # A contract older than the ledger needs no pre-supply check on record (FLOW.md section 4).
        signed = "2026-03-04" if one.trouble == "no_presupply" else "2025-02-01"
        days = {"signed_on": signed, "valid_from": signed, "valid_to": "2027-01-31"}
        yield clerk.make(c.FileContract, **own, **days, contract=one.contract, premises=one.premises, status="valid")
    if one.voucher:
        yield clerk.make(c.FileVoucher, **own, voucher=f"VO-{one.customer}", valid_to="2027-01-31", status="valid")
    if one.proxy:
        days = {"valid_from": "2025-02-01", "valid_to": "2027-01-31"}
        yield clerk.make(c.FileProxy, **own, **days, proxy=f"PX-{one.customer}", status="valid")


def _premises(one: Customer) -> dict[str, Any]:
    tested = None if one.trouble == "no_alarm" or one.resident else TESTED_ON
    return {
        "premises": one.premises, "kind": one.kind, "crowded": one.crowded, "vaporiser": one.room,
        "status": "closed" if one.trouble == "closed" else "open", "town": one.town, "building": one.building,
        "storey": "semi_underground" if one.trouble == "underground" else "above_ground",
        "high_rise": one.number % 9 == 0, "converted": one.trouble == "converted", "cylinder_room": one.room,
        "alarm_tested_on": tested, "shut_off_tested_on": tested,
        "hose": "rubber" if one.trouble == "rubber_hose" else "metal" if one.number % 2 else "coated",
        "regulator": "adjustable" if one.trouble == "adjustable" else "self_closing",
    }  # fmt: skip
