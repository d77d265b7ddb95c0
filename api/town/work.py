"""A station's work on a group of cylinders, claim by claim, and the papers that it needs."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from api.demo.clerk import Clerk
from ledger import claim as c

RESIDUE_G, FILL_G = 300, 14_500


class Cylinder(Struct, frozen=True):
    """What the work needs to know of a 15-kg cylinder: its ledger id, its code, the end of its serial, its tare."""

    key: str
    code: str
    tail: str
    tare_g: int


class Station(Struct, frozen=True):
    """A filling station: two people, one carousel, a tank. P1 fills; P2 checks and hands out."""

    site: str
    enterprise: str

    @property
    def line(self) -> str:
        """Its carousel."""
        return f"{self.site}-R1"

    def lot(self, number: int) -> str:
        """Its n-th tank lot, from 1."""
        return f"{self.site}-T{number}"

    def by(self, number: int) -> dict[str, str]:
        """Where, and who."""
        return {"site": self.site, "person": f"{self.site}-P{number}"}


def fill(
    clerk: Clerk, station: Station, lot: str, group: Sequence[Cylinder], scale: Iterator[int]
) -> Iterator[c.AnyClaim]:
    """Pre-check, leave, valve open, valve closed, each step for the whole group as on a carousel; `scale` counts."""
    make, by, line = clerk.make, station.by(1), station.line
    for one in group:
        # The stamp is keyed unasked: a spot check would stop the round of a device that cannot look.
        yield make(c.CheckPrefill, code=one.code, **by, stamp_tail=one.tail)
    leave: dict[str, str] = {}
    for one in group:
        asked = make(c.AuthoriseFill, code=one.code, line=line, **by, tank_lot=lot)
        leave[one.code] = asked.claim_id
        yield asked
    for one in group:
        filling = {"code": one.code, "line": line, "authorisation": leave[one.code]}
        yield make(c.StartFill, **filling, **by, start_weight_g=one.tare_g + RESIDUE_G)
    for one in group:
        filling = {"code": one.code, "line": line, "authorisation": leave[one.code], "tank_lot": lot}
        weights = {"start_weight_g": one.tare_g + RESIDUE_G, "end_weight_g": one.tare_g + FILL_G}
        yield make(c.CompleteFill, **filling, **by, **weights, scale_seq=next(scale))


def release(clerk: Clerk, station: Station, group: Sequence[Cylinder]) -> Iterator[c.AnyClaim]:
    """Post-check by the second person, then release."""
    by = station.by(2)
    for one in group:
        yield clerk.make(c.CheckPostfill, code=one.code, **by, weight_g=one.tare_g + FILL_G)
    for one in group:
        yield clerk.make(c.ReleaseCylinder, code=one.code, **by)


def station_papers(
    clerk: Clerk, station: Station, district: str, supplier_permit: str, years: dict[str, str]
) -> Iterator[c.AnyClaim]:
    """What an office files for a station: the place, its carousel, its people, its first tank lot."""
    make, site, line = clerk.make, station.site, station.line
    named = {"kind": "filling_station", "name": f"示范站 {site}", "district": district, "status": "open"}
    yield make(c.FileSite, site=site, enterprise=station.enterprise, **named)
    yield make(c.FileLine, line=line, site=site, kind="carousel", division_g=10, status="in_service")
    yield make(c.FileCalibration, certificate=f"{line}-C1", line=line, **years)
    for person in (f"{site}-P1", f"{site}-P2"):
        yield make(c.FilePerson, person=person, enterprise=station.enterprise, status="active")
        paper = {"certificate": f"{person}-C1", "person": person, "kind": "filling", "status": "valid"}
        yield make(c.FileCertificate, **paper, **years)
    yield tank_lot(clerk, station, 1, supplier_permit)


def tank_lot(clerk: Clerk, station: Station, number: int, supplier_permit: str) -> c.FileTankLot:
    """The station's n-th tank lot, released; it took over what was left of the one before."""
    before = None if number == 1 else station.lot(number - 1)
    return clerk.make(
        c.FileTankLot, tank_lot=station.lot(number), site=station.site, tank=f"{station.site}-TK1", includes=before,
        received_g=22_000_000, supplier_permit=supplier_permit, odorant_certificate=True, dme_permille=0,
        status="released",
    )  # fmt: skip
