"""The founding of the town's log: entry 0, who is who, the cylinders, and the count (盘点) on the eve of the month."""

from collections.abc import Iterator

from api.month.filings import (
    calibration,
    certificate,
    customer_papers,
    enrolment,
    lot,
    pairing,
    permit,
    use_registration,
)
from api.month.fleet import MAKERS, RECALLED_MAKER
from api.month.life import Yard, parts
from api.month.stage import Stage
from api.month.town import (
    BEGINS,
    BODY,
    BODY_SITE,
    CONTROLLER,
    DISTRICT,
    EASED_UNTIL,
    ENDING,
    INSPECTOR,
    LOAD_CAP_G,
    LONG,
    QUARTERS,
    REVIEWER,
    STAND_IN,
    SUPPLIER,
    Town,
)
from api.month.voices import HOUR, ORIGIN, Device, Flow, Say
from ledger import claim as c
from ledger.packs.model import Pack

_SAID = 400
_SIGNED_ON = "2025-03-01"


def opening(stage: Stage, pack: Pack) -> Say:
    """Entry 0."""
    by, log = stage.device("authority"), stage.device("log")
    claim = stage.filing(
        by, c.OpenLog, origin=ORIGIN, authority=by.signer.public,
        log_signer=log.signer.public, pack=pack, demo=True,
    )  # fmt: skip
    return Say(by, [claim])


def founding(stage: Stage, town: Town) -> Flow:
    """All that is filed before the first morning; the count on the eve opens custody."""
    yield Say(stage.device("authority"), list(_enterprises(stage)))
    for yard in town.yards.values():
        yield Say(stage.device("authority"), [_site(stage, yard)])
        office = stage.device(f"office:{yard.enterprise}")
        yield Say(office, list(_station(stage, office, yard)))
        customers = [one for one in town.facts.customers.values() if one.customer.startswith(yard.enterprise)]
        papers = [x for one in customers for x in customer_papers(stage, office, yard.enterprise, one, _SIGNED_ON)]
        for some in parts(papers, _SAID):
            yield Say(office, some)
        own = [one for one in town.bottles if one.owner == yard.enterprise]
        for some_bottles in parts(own, _SAID):
            yield Say(office, [one.paper for one in some_bottles])
        listed = [one.paper.cylinder for one in own if one.use_registered]
        for number, keys in enumerate(parts(listed, c.MAX_LISTED_CYLINDERS)):
            yield Say(stage.device("authority"), [use_registration(stage, yard.enterprise, f"UR{number}", keys)])
    office = stage.device(f"office:{BODY}")
    yield Say(office, list(_body(stage, office)))
    body = stage.device(f"body:{BODY_SITE}")
    yield Say(stage.device("authority"), [enrolment(stage, body, c.Role.INSPECTION_BODY, BODY, (BODY_SITE,))])
    yield BEGINS - 4 * HOUR
    for yard in town.yards.values():
        told = [(b, c.Content.EMPTY) for b in yard.empties] + [(b, c.Content.FULL) for b in (*yard.ready, *yard.kept)]
        desk = stage.device(f"desk:{yard.site}")
        for some_counted in parts(told, _SAID):
            by = {"site": yard.site, "person": yard.person(3)}
            yield Say(desk, [stage.make(desk, c.CountStock, code=b.code, content=x, **by) for b, x in some_counted])
        stage.book.did("opening count", len(told))


def _enterprises(stage: Stage) -> Iterator[c.AnyClaim]:
    by = stage.device("authority")
    names = {"HB": "海滨示范燃气", "LH": "芦河示范液化气", BODY: "示范气瓶检验所", SUPPLIER: "示范气源公司"}
    kinds = {"HB": "filler", "LH": "filler", BODY: "inspection_body", SUPPLIER: "supplier"}
    permits = {"HB": "filling", "LH": "filling", BODY: "inspection", SUPPLIER: "supply"}
    for maker in (*MAKERS, RECALLED_MAKER):
        names[maker], kinds[maker], permits[maker] = f"示范制造 {maker}", "manufacturer", "manufacture"
    for number, (one, name) in enumerate(names.items()):
        phone = f"0513-000002{number:02}"
        yield stage.filing(by, c.FileEnterprise, enterprise=one, kind=kinds[one], name=name, service_phone=phone)
        days = ENDING if kinds[one] == "filler" else {"valid_from": "2000-01-01", "valid_to": "2030-12-31"}
        yield permit(stage, one, permits[one], days)
        for kind in ("gas_business", "transport") if kinds[one] == "filler" else ():
            yield permit(stage, one, kind, LONG)
        if one in ("HB", "LH", BODY):
            yield enrolment(stage, stage.device(f"office:{one}"), c.Role.OFFICE, one)


def _site(stage: Stage, yard: Yard) -> c.AnyClaim:
    """The first days' ease is the authority's to give."""
    fields = {
        "site": yard.site,
        "enterprise": yard.enterprise,
        "kind": "filling_station",
        "name": f"{yard.site} 示范站",
    }
    eased = {"district": DISTRICT, "status": "open", "transition_until": EASED_UNTIL}
    return stage.filing(stage.device("authority"), c.FileSite, **fields, **eased)


def _station(stage: Stage, office: Device, yard: Yard) -> Iterator[c.AnyClaim]:
    site, enterprise, file = yard.site, yard.enterprise, stage.filing
    for line in yard.scales:
        kind = "carousel" if line == yard.carousel else "scale"
        status = "spare" if line == yard.spare else "in_service"
        yield file(office, c.FileLine, line=line, site=site, kind=kind, division_g=10, status=status)
        yield calibration(stage, yard, line, ENDING)
    for number in (1, 2, 3, 4):
        yield file(office, c.FilePerson, person=yard.person(number), enterprise=enterprise, status="active")
        yield certificate(stage, yard, yard.person(number), "filling", ENDING)
    yield file(office, c.FileInsurance, policy=f"{enterprise}-POLICY", enterprise=enterprise, **ENDING)
    stations = [f"agent:{line}" for line in yard.scales] + [f"desk:{site}"]
    for name in stations:
        yield enrolment(stage, stage.device(name), c.Role.STATION, enterprise, (site,))
    for vehicle in yard.vehicles:
        worker = f"{vehicle}-W"
        yield from _delivery(stage, office, yard, worker)
        yield file(
            office, c.FileVehicle, vehicle=vehicle, enterprise=enterprise, kind="tricycle", permit=None,
            load_cap_g=LOAD_CAP_G, status="in_service",
        )  # fmt: skip
        yield pairing(stage, yard, vehicle, worker, "planned")
        yield enrolment(stage, stage.device(f"phone:{vehicle}"), c.Role.WORKER, enterprise, (site,))
    yield from _delivery(stage, office, yard, yard.person(STAND_IN))
    yield from _delivery(stage, office, yard, yard.person(CONTROLLER))
    yield lot(stage, yard, yard.lot, None, "released")


def _delivery(stage: Stage, office: Device, yard: Yard, person: str) -> Iterator[c.AnyClaim]:
    """Somebody who may deliver and look after customers' safety there."""
    employed = {"enterprise": yard.enterprise, "status": "active", "roles": ("delivery",), "labour_contract": True}
    yield stage.filing(office, c.FilePerson, person=person, areas=(QUARTERS[yard.enterprise],), **employed)
    yield certificate(stage, yard, person, "delivery", LONG)


def _body(stage: Stage, office: Device) -> Iterator[c.AnyClaim]:
    fields = {"site": BODY_SITE, "enterprise": BODY, "kind": "inspection", "name": "示范检验站"}
    yield stage.filing(office, c.FileSite, **fields, district=DISTRICT, status="open")
    for person in (INSPECTOR, REVIEWER):
        yield stage.filing(office, c.FilePerson, person=person, enterprise=BODY, status="active")
        held = {"certificate": f"{person}-C", "person": person, "kind": "inspection", "status": "valid"}
        yield stage.filing(office, c.FileCertificate, **held, **LONG)
