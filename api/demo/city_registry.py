"""The registry of the demo's city: who and what there is, with all papers, and what is wrong with some of them."""

from collections.abc import Iterator
from typing import Any

from msgspec import structs

from api.demo.city import (
    BODY_SITE,
    DISTRICT,
    ENTERPRISES,
    INSPECTOR,
    MERGED_ON,
    REVIEWER,
    STATIONS,
    SUCCESSORS,
    TRAINEE,
    TRANSITION_UNTIL,
    City,
    Station,
)
from api.demo.city_cylinders import BLACKLISTED_MAKER
from api.demo.city_supply import TOWNS
from api.demo.clerk import Clerk, Wave, digest_of
from ledger import claim as c

YEAR = {"valid_from": "2026-01-01", "valid_to": "2026-12-31"}
PAST = {"valid_from": "2025-03-06", "valid_to": "2026-03-05"}
LONG = {"valid_from": "2010-01-01", "valid_to": "2029-12-31"}
PREMISES = (
    ("resident", False, False), ("restaurant", False, False), ("restaurant", False, True), ("school", True, False),
)  # fmt: skip
"""The customers of each station: what they are, whether crowded, whether they have a vaporiser."""
_PERMIT_KINDS = {
    "filler": "filling", "inspection_body": "inspection", "supplier": "supply", "manufacturer": "manufacture",
}  # fmt: skip
_GAS, _INDUSTRIAL = "LPG", "PROPANE"


def registry(city: City, clerk: Clerk) -> Iterator[Wave]:
    """Enterprises, their stations, people, gas and customers, and who may sign for them."""
    make, at = clerk.make, clerk.at_ms
    lpg = {"media": ("lpg",), "status": "valid"}
    told: list[c.AnyClaim] = []
    for one in ENTERPRISES:
        told.append(
            make(c.FileEnterprise, enterprise=one.enterprise, kind=one.kind, name=one.name, service_phone=one.phone)
        )
        days = LONG if one.kind == "manufacturer" else YEAR
        permit = {"permit": permit_of(one.enterprise), "enterprise": one.enterprise, "kind": _PERMIT_KINDS[one.kind]}
        told.append(make(c.FilePermit, **permit, **lpg, **days))
        told.append(clerk.enrolment(city.signers[f"office:{one.enterprise}"], c.Role.OFFICE, one.enterprise))
    yield Wave(at, "authority", told)
    for enterprise in ("TC", "JH"):
        yield Wave(at, f"office:{enterprise}", list(_products(clerk, enterprise)))
    for station in STATIONS:
        yield Wave(at, f"office:{station.enterprise}", list(_station(city, clerk, station)))
        first_days = structs.replace(_place(clerk, station), expects=0, transition_until=TRANSITION_UNTIL)
        yield Wave(at, "authority", [first_days])
        yield Wave(at, f"office:{station.enterprise}", list(_customers(clerk, station)))
    place = {"site": BODY_SITE, "enterprise": "JY", "kind": "inspection", "name": "示范气瓶检验站（演示）"}
    office: list[c.AnyClaim] = [make(c.FileSite, **place, district=DISTRICT, status="open")]
    for person, papers in ((INSPECTOR, YEAR), (REVIEWER, YEAR), (TRAINEE, None)):
        office += _person(clerk, person, "JY", "inspection", papers)
    yield Wave(at, "office:JY", office)
    body = clerk.enrolment(city.signers[f"body:{BODY_SITE}"], c.Role.INSPECTION_BODY, "JY", (BODY_SITE,))
    yield Wave(at, "authority", [body])
    yield Wave(at, "office:TC", [make(c.FileInsurance, policy="TC-INS-2026", enterprise="TC", **YEAR)])
    yield Wave(at, "office:HB", [make(c.FileInsurance, policy="HB-INS-2026", enterprise="HB", **YEAR)])
    custody = make(c.FileCustody, agreement="CU-1", owner="JH", custodian="TC", status="valid", **YEAR)
    yield Wave(at, "office:JH", [make(c.FileInsurance, policy="JH-INS-2025", enterprise="JH", **PAST), custody])


def _products(clerk: Clerk, enterprise: str) -> Iterator[c.AnyClaim]:
    for name, medium, use in ((_GAS, "lpg", "civil"), (_INDUSTRIAL, "propane", "industrial")):
        product = {"product": f"{enterprise}-{name}", "enterprise": enterprise, "medium": medium, "use": use}
        yield clerk.make(c.FileProduct, **product, status="current")


def measures(clerk: Clerk) -> Iterator[c.AnyClaim]:
    """What the authority measures out after the cylinders are registered: a merger, and its blacklist."""
    make = clerk.make
    for enterprise, successor in SUCCESSORS.items():
        yield make(c.FileSuccessor, enterprise=enterprise, successor=successor, from_day=MERGED_ON)
    listed = [("maker", BLACKLISTED_MAKER), *(("person", station.barred) for station in STATIONS)]
    for kind, target in listed:
        names = {"blacklisting": f"BL-{target}", "kind": kind, "target": target}
        yield make(c.FileBlacklisting, **names, from_day=MERGED_ON, status="listed")


def _station(city: City, clerk: Clerk, station: Station) -> Iterator[c.AnyClaim]:
    make = clerk.make
    yield _place(clerk, station)
    for line in station.lines:
        if line.filed:
            status = "out_of_service" if line.spare else "in_service"
            yield make(c.FileLine, line=line.line, site=station.site, kind=line.kind, division_g=10, status=status)
            days = YEAR if line.calibrated else PAST
            yield make(c.FileCalibration, certificate=f"{line.line}-C1", line=line.line, **days)
    for person, papers in (
        (station.filler, YEAR),
        (station.checker, YEAR),
        (station.lapsed, PAST),
        (station.apprentice, None),
        (station.barred, YEAR),
        (station.second_filler, YEAR),
        *((person, YEAR) for person in station.stand_ins),
    ):
        yield from _person(clerk, person, station.enterprise, "filling", papers)
    yield from _person(clerk, station.courier, station.enterprise, "delivery", YEAR)
    yield clerk.make(
        c.FileVehicle, vehicle=station.vehicle, enterprise=station.enterprise, kind="dg_truck",
        permit=f"{station.enterprise}-TR", load_cap_g=9_000_000, status="in_service",
    )  # fmt: skip
    pair = {"vehicle": station.vehicle, "person": station.courier}
    yield make(c.FilePairing, **pair, from_day="2026-01-01", reason="planned")
    for signer in (f"agent:{station.site}", f"desk:{station.site}"):
        yield clerk.enrolment(city.signers[signer], c.Role.STATION, station.enterprise, (station.site,))
    yield clerk.enrolment(city.signers[f"courier:{station.site}"], c.Role.WORKER, station.enterprise, (station.site,))
    yield from _lots(clerk, station)


def _lots(clerk: Clerk, station: Station) -> Iterator[c.AnyClaim]:
    good: dict[str, Any] = {
        "site": station.site, "tank": f"{station.site}-TK1", "includes": None, "received_g": 22_000_000,
        "supplier_permit": permit_of("SY"), "odorant_certificate": True, "dme_permille": 0, "status": "released",
        "received_on": "2026-03-02", "product": f"{station.enterprise}-{_GAS}", "dme_method": "gas_chromatography",
        "residue_permille": 12,
    }  # fmt: skip
    wrongs: tuple[dict[str, Any], ...] = (
        {"status": "received", "dme_permille": None, "dme_method": None},
        {"odorant_certificate": False},
        {"dme_permille": 83},
        {"supplier_permit": "SP-NOBODY"},
        {"residue_permille": 64},
        {"product": f"{station.enterprise}-{_INDUSTRIAL}"},
    )
    for lot, wrong in zip((station.lot, *station.bad_lots), ({}, *wrongs), strict=True):
        yield clerk.make(c.FileTankLot, tank_lot=lot, **(good | wrong))


def _customers(clerk: Clerk, station: Station) -> Iterator[c.AnyClaim]:
    """Those near the station, to whom its own courier delivers."""
    for kind, crowded, vaporiser in PREMISES:
        there = premises_of(station, kind, vaporiser=vaporiser)
        own = {"customer": customer_at(there), "enterprise": station.enterprise}
        resident = kind == "resident"
        name = "resident" if resident else "non_resident"
        yield clerk.make(c.FileCustomer, **own, kind=name, verified_on="2025-01-06", status="open")
        tested = None if resident else "2025-10-20"
        yield clerk.make(
            c.FilePremises, **own, premises=there, kind=kind, crowded=crowded, vaporiser=vaporiser, status="open",
            town=TOWNS[0], building=f"B-{station.site}", cylinder_room=vaporiser, alarm_tested_on=tested,
            shut_off_tested_on=tested, hose="metal", regulator="fixed",
        )  # fmt: skip
        days = {"signed_on": "2025-01-06", "valid_from": "2025-01-06", "valid_to": "2027-01-05"}
        yield clerk.make(c.FileContract, **own, **days, contract=f"CT-{there}", premises=there, status="valid")


def _place(clerk: Clerk, station: Station) -> c.FileSite:
    fields = {"site": station.site, "enterprise": station.enterprise, "kind": "filling_station", "name": station.name}
    return clerk.make(c.FileSite, **fields, district=DISTRICT, status="open")


def _person(
    clerk: Clerk, person: str, enterprise: str, kind: str, papers: dict[str, str] | None
) -> Iterator[c.AnyClaim]:
    roles = {"filling": ("filler", "checker"), "inspection": ("inspector",), "delivery": ("delivery",)}[kind]
    contract = True if kind == "delivery" else None
    staff = {"person": person, "enterprise": enterprise, "status": "active", "roles": roles}
    yield clerk.make(c.FilePerson, **staff, labour_contract=contract)
    if papers is not None:
        digest = digest_of(f"salt {person} {kind}")
        fields = {"certificate": f"{person}-C1", "person": person, "kind": kind, "status": "valid"}
        yield clerk.make(c.FileCertificate, **fields, **papers, number_digest=digest)


def premises_of(station: Station, kind: str, *, vaporiser: bool = False) -> str:
    """The id of a customer's premises of that kind near the station."""
    return f"{station.site}-H-{kind}{'-vaporiser' if vaporiser else ''}"


def customer_at(premises: str) -> str:
    """Whose premises these are."""
    return f"K-{premises}"


def permit_of(enterprise: str) -> str:
    """The id of an enterprise's permit."""
    return f"{enterprise}-PERMIT"
