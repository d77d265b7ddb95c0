"""Papers that an office or the authority files in its town, at the founding and in the course of the month."""

from collections.abc import Iterator, Sequence

from api.month.life import Customer, Yard
from api.month.stage import Stage
from api.month.town import LONG, QUARTERS, SUPPLY_PERMIT
from api.month.voices import Device
from ledger import claim as c
from ledger.china import day_of


def use_registration(stage: Stage, enterprise: str, name: str, keys: Sequence[str]) -> c.AnyClaim:
    """A use-registration certificate (使用登记证) over these."""
    by = {"certificate": f"{enterprise}-{name}", "enterprise": enterprise, "status": "valid"}
    return stage.filing(stage.device("authority"), c.FileUseRegistration, cylinders=tuple(keys), **by)


def customer_papers(
    stage: Stage, office: Device, enterprise: str, one: Customer, signed_on: str | None = None
) -> Iterator[c.AnyClaim]:
    """A customer, its premises and its contract, signed that day (today), as the office files them; and how it shows
    that it got what it ordered.
    """
    resident, by = one.kind == "resident", {"enterprise": enterprise, "customer": one.customer}
    verified_on = signed_on or day_of(stage.now)
    kind = "resident" if resident else "non_resident"
    yield stage.filing(office, c.FileCustomer, kind=kind, verified_on=verified_on, status="open", **by)
    tested = {} if resident else {"alarm_tested_on": "2025-12-20", "shut_off_tested_on": "2025-12-20"}
    yield stage.filing(
        office, c.FilePremises, premises=one.premises, kind=one.kind, vaporiser=one.vaporiser, crowded=False,
        status="open", town=QUARTERS[enterprise], building=one.building, cylinder_room=one.position == "cylinder_room",
        hose="metal", regulator="fixed", **tested, **by,
    )  # fmt: skip
    contract = {"contract": f"{one.customer}-C1", "premises": one.premises, "status": "valid"}
    days = {"signed_on": verified_on, "valid_from": verified_on, "valid_to": LONG["valid_to"]}
    yield stage.filing(office, c.FileContract, **contract, **days, **by)
    if one.shows == "voucher":
        shown = {"voucher": f"{one.customer}-V1", "valid_to": LONG["valid_to"]}
        yield stage.filing(office, c.FileVoucher, status="valid", **shown, **by)
    if one.shows == "proxy":
        yield stage.filing(office, c.FileProxy, proxy=f"{one.customer}-P1", status="valid", **LONG, **by)


def enrolment(
    stage: Stage, device: Device, role: c.Role, enterprise: str, sites: tuple[str, ...] = ()
) -> c.EnrolSigner:
    """Leave for a device to do all that its role may."""
    return stage.filing(
        stage.device("authority"), c.EnrolSigner, signer=device.signer.id, key=device.signer.public, role=role,
        enterprise=enterprise, sites=sites, acts=("*",), status="active",
    )  # fmt: skip


def permit(stage: Stage, enterprise: str, kind: str, days: dict[str, str]) -> c.AnyClaim:
    """An enterprise's permit for those days."""
    fields = {
        "permit": f"{enterprise}-{kind.upper().replace('_', '-')}-{days['valid_from'][:4]}",
        "enterprise": enterprise,
        "kind": kind,
    }
    return stage.filing(stage.device("authority"), c.FilePermit, media=("lpg",), status="valid", **fields, **days)


def pairing(stage: Stage, yard: Yard, vehicle: str, person: str, reason: str) -> c.AnyClaim:
    """Who goes with a vehicle (人车对应) from today on."""
    fields = {"vehicle": vehicle, "person": person, "from_day": day_of(stage.now), "reason": reason}
    return stage.filing(stage.device(f"office:{yard.enterprise}"), c.FilePairing, **fields)


def certificate(stage: Stage, yard: Yard, person: str, kind: str, days: dict[str, str]) -> c.AnyClaim:
    """A person's certificate for those days."""
    fields = {"certificate": f"{person}-{days['valid_from'][:4]}", "person": person, "kind": kind, "status": "valid"}
    return stage.filing(stage.device(f"office:{yard.enterprise}"), c.FileCertificate, **fields, **days)


def calibration(stage: Stage, yard: Yard, line: str, days: dict[str, str]) -> c.AnyClaim:
    """The verification certificate (检定证书) of a line's scale for those days."""
    name = f"{line}-{days['valid_from'][:4]}"
    return stage.filing(
        stage.device(f"office:{yard.enterprise}"), c.FileCalibration, certificate=name, line=line, **days
    )


def lot(stage: Stage, yard: Yard, name: str, includes: str | None, status: str) -> c.AnyClaim:
    """A tank lot (罐次) as it stands: received and not yet tested, released, or emptied into the next."""
    tested = {} if status == "received" else {"dme_permille": 0, "residue_permille": 12}
    fields = {"tank_lot": name, "site": yard.site, "tank": f"{yard.site}-TK1", "includes": includes, "status": status}
    gas = {"received_g": 21_000_000, "supplier_permit": SUPPLY_PERMIT, "odorant_certificate": True}
    office = stage.device(f"office:{yard.enterprise}")
    return stage.filing(office, c.FileTankLot, **({"dme_permille": None} | fields | gas | tested))
