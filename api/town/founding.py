"""What is filed before a generated town's first morning."""

from collections.abc import Callable, Iterable, Iterator

from api.demo.city_signers import CitySigner
from api.demo.clerk import Clerk
from api.town.plan import DISTRICT, ENTERPRISES, MAKERS, SUPPLIER, SUPPLY_PERMIT, TOWN, Plan, Visited
from api.town.work import Cylinder, Station, station_papers
from ledger import claim as c
from ledger.china import day_of

_LOAD_CAP_G = 5_000_000
_OLD = {"valid_from": "2000-01-01", "valid_to": "2099-12-31"}
_SIGNED_ON = "2020-01-01"

Signers = Callable[[str], CitySigner]


def years_around(at_ms: int) -> dict[str, str]:
    """The term of a paper in force at that time (ms UTC)."""
    year = int(day_of(at_ms)[:4])
    return {"valid_from": f"{year - 1}-01-01", "valid_to": f"{year + 2}-12-31"}


def enterprise_papers(clerk: Clerk, signer: Signers) -> Iterator[c.AnyClaim]:
    """Who fills, sells, supplies and makes, with their permits, by the authority."""
    make = clerk.make
    named: list[tuple[str, str, str, tuple[str, ...]]] = [
        (one, name, "filler", ("filling", "gas_business", "transport")) for one, name in ENTERPRISES.items()
    ]
    named.append((SUPPLIER, "示范气源", "supplier", ("supply",)))
    named += [(maker, f"示范制造 {maker}", "manufacturer", ("manufacture",)) for maker in MAKERS]
    for number, (enterprise, name, kind, permits) in enumerate(named):
        phone = f"0513-000003{number:02}"
        yield make(c.FileEnterprise, enterprise=enterprise, kind=kind, name=name, service_phone=phone)
        for permit in permits:
            held = {"permit": f"{enterprise}-{permit.upper().replace('_', '-')}", "kind": permit, "status": "valid"}
            yield make(c.FilePermit, enterprise=enterprise, media=("lpg",), **held, **_OLD)
        if kind == "filler":
            yield clerk.enrolment(signer(f"office:{enterprise}"), c.Role.OFFICE, enterprise)


def station_bundle(
    clerk: Clerk, plan: Plan, station: Station, signer: Signers
) -> tuple[list[c.AnyClaim], list[c.AnyClaim]]:
    """A station with its people and vehicles as its office files them; and its devices' enrolments."""
    years, make, enterprise = years_around(plan.begins_ms), clerk.make, station.enterprise
    papers = list(station_papers(clerk, station, DISTRICT, SUPPLY_PERMIT, years))
    papers.append(make(c.FileInsurance, policy=f"{station.site}-INS", enterprise=enterprise, **years))
    enrolled: list[c.AnyClaim] = [
        clerk.enrolment(signer(f"desk:{station.site}"), c.Role.STATION, enterprise, (station.site,))
    ]
    for vehicle in plan.vehicles(station):
        worker = f"{vehicle}-W"
        employed = {"enterprise": enterprise, "status": "active", "roles": ("delivery",), "labour_contract": True}
        held = {"certificate": f"{worker}-C1", "person": worker, "kind": "delivery", "status": "valid"}
        carried = {"kind": "dg_truck", "permit": f"{enterprise}-TRANSPORT", "load_cap_g": _LOAD_CAP_G}
        paired = {"vehicle": vehicle, "person": worker, "from_day": day_of(plan.begins_ms), "reason": "planned"}
        papers += [
            make(c.FilePerson, person=worker, areas=(TOWN,), **employed),
            make(c.FileCertificate, **held, **years),
            make(c.FileVehicle, vehicle=vehicle, enterprise=enterprise, status="in_service", **carried),
            make(c.FilePairing, **paired),
        ]
        enrolled.append(clerk.enrolment(signer(f"phone:{vehicle}"), c.Role.WORKER, enterprise, (station.site,)))
    return papers, enrolled


def customer_papers(clerk: Clerk, plan: Plan, enterprise: str, customers: Iterable[Visited]) -> Iterator[c.AnyClaim]:
    """Each customer, its premises and its contract."""
    make, tested = clerk.make, day_of(plan.begins_ms)
    for one in customers:
        by = {"enterprise": enterprise, "customer": one.customer}
        kind = "non_resident" if one.restaurant else "resident"
        yield make(c.FileCustomer, kind=kind, verified_on=_SIGNED_ON, status="open", **by)
        alarm = {"alarm_tested_on": tested, "shut_off_tested_on": tested} if one.restaurant else {}
        yield make(
            c.FilePremises, premises=one.premises, kind="restaurant" if one.restaurant else "resident", crowded=False,
            vaporiser=False, status="open", town=TOWN, building=one.building, hose="metal", regulator="fixed", **alarm,
            **by,
        )  # fmt: skip
        contract = {"contract": f"{one.customer}-C1", "premises": one.premises, "signed_on": _SIGNED_ON}
        yield make(c.FileContract, status="valid", **contract, **_OLD, **by)


def fleet_papers(clerk: Clerk, plan: Plan, number: int) -> tuple[Cylinder, c.RegisterCylinder]:
    """The n-th cylinder, and its registration."""
    paper = clerk.make(
        c.RegisterCylinder, cylinder=clerk.ids.new(clerk.at_ms), code=plan.code(number), **plan.paper(number)
    )
    return Cylinder(paper.cylinder, paper.code, paper.serial[-4:], paper.tare_g), paper
