"""What is filed before the demo's shift: the registry, the cylinders, their papers, and the first day's stock count."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from msgspec import Struct, structs

from api.demo.city import (
    BODY_SITE,
    DAY_MS,
    DISTRICT,
    ENTERPRISES,
    INSPECTOR,
    ORIGIN,
    REVIEWER,
    SHIFT_AT_MS,
    STATIONS,
    TRAINEE,
    City,
    Station,
)
from api.demo.city_cylinders import CityCylinder, State
from api.demo.city_signers import CitySigner, ClaimIds
from api.packs import shipped_pack
from ledger import claim as c

YEAR = {"valid_from": "2026-01-01", "valid_to": "2026-12-31"}
PAST = {"valid_from": "2025-03-13", "valid_to": "2026-03-12"}
BUNDLE = 500
LISTED = c.MAX_LISTED_CYLINDERS

C = TypeVar("C", bound=c.Claim)


class Wave(Struct, frozen=True):
    """One bundle: when it is recorded (ms UTC), who signs it (a name of `City.signers`), what it says."""

    at_ms: int
    signer: str
    claims: list[c.AnyClaim]


class Clerk:
    """Makes claims at one instant of the story. `at_ms` may be moved on."""

    def __init__(self, ids: ClaimIds, at_ms: int) -> None:
        self.ids, self.at_ms = ids, at_ms

    def make(self, act: type[C], /, **fields: Any) -> C:  # noqa: ANN401 - a claim's own fields
        """A claim of that kind, with an id and the time."""
        return act(claim_id=self.ids.new(self.at_ms), scanned_at=self.at_ms, **fields)

    def enrolment(
        self, signer: CitySigner, role: c.Role, enterprise: str, sites: tuple[str, ...] = ()
    ) -> c.EnrolSigner:
        """Leave for a signer to do all that its role may."""
        return self.make(
            c.EnrolSigner, signer=signer.id, key=signer.public, role=role, enterprise=enterprise, sites=sites,
            acts=("*",), status="active",
        )  # fmt: skip


def opening(city: City, clerk: Clerk) -> c.OpenLog:
    """Entry 0: it says `demo`, for ever."""
    authority, log = city.signers["authority"], city.signers["log"]
    pack = shipped_pack(DISTRICT)
    return clerk.make(c.OpenLog, origin=ORIGIN, authority=authority.public, log_signer=log.public, pack=pack, demo=True)


def waves(city: City, clerk: Clerk) -> Iterator[Wave]:
    """All filings after entry 0, in order; each must be accepted."""
    clerk.at_ms = SHIFT_AT_MS - 9 * DAY_MS
    yield from _registry(city, clerk)
    owners = [one.enterprise for one in ENTERPRISES if one.owns]
    for owner in owners:
        fleet = [one.registration for one in city.cylinders if one.registration.owner == owner]
        yield from _bundles(clerk, f"office:{owner}", fleet)
    clerk.at_ms = SHIFT_AT_MS - 8 * DAY_MS
    for owner in owners:
        fleet_stamps = [
            clerk.make(c.BindCode, code=one.code, new_code=one.stamp)
            for one in city.cylinders
            if one.stamp is not None and one.registration.owner == owner
        ]
        yield from _bundles(clerk, f"office:{owner}", fleet_stamps)
    clerk.at_ms = SHIFT_AT_MS - 7 * DAY_MS
    for owner in owners:
        yield from _papers(clerk, owner, [one for one in city.cylinders if one.registration.owner == owner])


def counts(clerk: Clerk, station: Station, found: Iterable[tuple[CityCylinder, c.Content]]) -> Iterator[Wave]:
    """The stock count (盘点) that opens custody at a station."""
    told = [
        clerk.make(c.CountStock, code=one.code, site=station.site, person=station.filler, content=content)
        for one, content in found
    ]
    yield from _bundles(clerk, f"desk:{station.site}", told)


def _registry(city: City, clerk: Clerk) -> Iterator[Wave]:
    make, at = clerk.make, clerk.at_ms
    lpg = {"media": ("lpg",), "status": "valid"}
    told: list[c.AnyClaim] = []
    for one in ENTERPRISES:
        told.append(
            make(c.FileEnterprise, enterprise=one.enterprise, kind=one.kind, name=one.name, service_phone=one.phone)
        )
        kind = "filling" if one.kind == "filler" else "inspection"
        told.append(
            make(c.FilePermit, permit=permit_of(one.enterprise), enterprise=one.enterprise, kind=kind, **lpg, **YEAR)
        )
        told.append(clerk.enrolment(city.signers[f"office:{one.enterprise}"], c.Role.OFFICE, one.enterprise))
    yield Wave(at, "authority", told)
    for station in STATIONS:
        yield Wave(at, f"office:{station.enterprise}", list(_station(city, clerk, station)))
    office = [*_place(clerk, BODY_SITE, "JY", "inspection", "示范气瓶检验站（演示）")]
    for person, papers in ((INSPECTOR, YEAR), (REVIEWER, YEAR), (TRAINEE, None)):
        office += _person(clerk, person, "JY", "inspection", papers)
    yield Wave(at, "office:JY", office)
    body = clerk.enrolment(city.signers[f"body:{BODY_SITE}"], c.Role.INSPECTION_BODY, "JY", (BODY_SITE,))
    yield Wave(at, "authority", [body])
    yield Wave(at, "office:TC", [make(c.FileInsurance, policy="TC-INS-2026", enterprise="TC", **YEAR)])
    yield Wave(at, "office:JH", [make(c.FileInsurance, policy="JH-INS-2025", enterprise="JH", **PAST)])


def _station(city: City, clerk: Clerk, station: Station) -> Iterator[c.AnyClaim]:
    make = clerk.make
    yield from _place(clerk, station.site, station.enterprise, "filling_station", station.name)
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
    ):
        yield from _person(clerk, person, station.enterprise, "filling", papers)
    for signer in (f"agent:{station.site}", f"desk:{station.site}"):
        yield clerk.enrolment(city.signers[signer], c.Role.STATION, station.enterprise, (station.site,))
    unreleased, no_odorant, with_dme = station.bad_lots
    for lot, status, odorant, dme in (
        (station.lot, "released", True, 0),
        (unreleased, "received", True, None),
        (no_odorant, "released", False, 0),
        (with_dme, "released", True, 83),
    ):
        yield make(
            c.FileTankLot, tank_lot=lot, site=station.site, tank=f"{station.site}-TK1", includes=None,
            received_g=22_000_000, supplier_permit="SP-0001", odorant_certificate=odorant, dme_permille=dme,
            status=status,
        )  # fmt: skip


def _place(clerk: Clerk, site: str, enterprise: str, kind: str, name: str) -> Iterator[c.AnyClaim]:
    fields = {"site": site, "enterprise": enterprise, "kind": kind, "name": name}
    yield clerk.make(c.FileSite, **fields, district=DISTRICT, status="open")


def _person(
    clerk: Clerk, person: str, enterprise: str, kind: str, papers: dict[str, str] | None
) -> Iterator[c.AnyClaim]:
    yield clerk.make(c.FilePerson, person=person, enterprise=enterprise, status="active")
    if papers is not None:
        fields = {"certificate": f"{person}-C1", "person": person, "kind": kind, "status": "valid"}
        yield clerk.make(c.FileCertificate, **fields, **papers)


def permit_of(enterprise: str) -> str:
    """The id of an enterprise's permit."""
    return f"{enterprise}-PERMIT"


def _papers(clerk: Clerk, owner: str, fleet: Sequence[CityCylinder]) -> Iterator[Wave]:
    """Use registrations of at most 400 cylinders; one of them is cancelled some days later."""
    keys = [o.registration.cylinder for o in fleet if o.state not in (State.UNREGISTERED, State.CANCELLED)]
    for number, first in enumerate(range(0, len(keys), LISTED), start=1):
        listed = tuple(keys[first : first + LISTED])
        yield Wave(clerk.at_ms, "authority", [_paper(clerk, f"{owner}-UR{number}", owner, listed)])
    gone = tuple(o.registration.cylinder for o in fleet if o.state is State.CANCELLED)
    paper = _paper(clerk, f"{owner}-UR99", owner, gone)
    yield Wave(clerk.at_ms, "authority", [paper])
    cancelled = structs.replace(paper, claim_id=clerk.ids.new(clerk.at_ms), expects=0, status="cancelled")
    yield Wave(clerk.at_ms, "authority", [cancelled])


def _paper(clerk: Clerk, name: str, owner: str, cylinders: tuple[str, ...]) -> c.FileUseRegistration:
    return clerk.make(c.FileUseRegistration, certificate=name, enterprise=owner, cylinders=cylinders, status="valid")


def _bundles(clerk: Clerk, signer: str, claims: Sequence[c.AnyClaim]) -> Iterator[Wave]:
    for first in range(0, len(claims), BUNDLE):
        yield Wave(clerk.at_ms, signer, list(claims[first : first + BUNDLE]))
