"""Papers that an office or the authority files in its town, at the founding and in the course of the month."""

from collections.abc import Sequence

from api.month.life import Customer, Yard
from api.month.stage import Stage
from api.month.town import SUPPLY_PERMIT
from api.month.voices import Device
from ledger import claim as c


def use_registration(stage: Stage, enterprise: str, name: str, keys: Sequence[str]) -> c.AnyClaim:
    """A use-registration certificate (使用登记证) over these."""
    by = {"certificate": f"{enterprise}-{name}", "enterprise": enterprise, "status": "valid"}
    return stage.filing(stage.device("authority"), c.FileUseRegistration, cylinders=tuple(keys), **by)


def premises_of(stage: Stage, office: Device, enterprise: str, one: Customer) -> c.AnyClaim:
    """A customer's premises as the office files them."""
    fields = {"premises": one.premises, "enterprise": enterprise, "kind": one.kind, "vaporiser": one.vaporiser}
    return stage.filing(office, c.FilePremises, crowded=False, status="open", **fields)


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
    fields = {"permit": f"{enterprise}-{kind.upper()}-{days['valid_from'][:4]}", "enterprise": enterprise, "kind": kind}
    return stage.filing(stage.device("authority"), c.FilePermit, media=("lpg",), status="valid", **fields, **days)


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
