"""What the claims at hand name, and so what of the world must be loaded before they can be decided."""

from collections.abc import Iterable

from msgspec import Struct

from ledger import claim as c
from ledger.bundle import Bundle
from ledger.cylinder import stamp_of
from ledger.registry import subject_of_filing

DEVICE = "device"


def id_bytes(uuid: str) -> bytes:
    """The 16 bytes of a UUID's text; cheaper than making a UUID of it."""
    return bytes.fromhex(uuid.replace("-", ""))


class Named(Struct):
    """What the claims at hand name."""

    claims: set[bytes]
    codes: set[str]
    cylinders: set[str]
    chains: set[str]
    supply: set[str]
    places: set[str]
    counted: set[str]


def named_by(bundles: Iterable[Bundle]) -> Named:
    """All that the claims of these bundles name."""
    named = Named(set(), set(), set(), set(), set(), set(), set())
    for bundle in bundles:
        named.chains.update((f"{DEVICE}:{bundle.signer}", f"signer:{bundle.signer}"))
        for signed in bundle.claims:
            named.claims.add(id_bytes(signed.claim.claim_id))
            _name(named, signed.claim)
    # A code that nobody registered may be a cylinder that was seen before.
    named.places.update(f"stray:{code}" for code in named.codes)
    return named


def _name(named: Named, claim: c.AnyClaim) -> None:
    for field, sets in _FIELDS.items():
        value: str | None = getattr(claim, field, None)
        if value is not None:
            for name in sets:
                getattr(named, name).add(f"{field}:{value}")
    match claim:
        case c.Filing():
            _name_filing(named, claim)
        case c.RecordArrival():
            named.chains.add(f"site:{claim.site}")
        case c.AcknowledgeRecall():
            named.chains.add(f"recall:{claim.recall}")
        case c.SettleAlert():
            named.chains.add(f"case:{claim.alert}")
        case c.RaiseAlert():
            named.chains.add(f"signer:{claim.signer}")
        case _ if isinstance(claim, c.PremisesClaim):
            named.chains.add(f"premises:{claim.premises}")
            if isinstance(claim, c.CountPremises):
                named.counted.add(claim.premises)
                named.codes.update(claim.codes)
        case _:
            _name_scan(named, claim)


def _name_filing(named: Named, claim: c.FilingClaim) -> None:
    subject = subject_of_filing(claim)
    named.chains.add(subject)
    if isinstance(claim, c.SupplyFiling):
        named.supply.add(subject)
    if isinstance(claim, c.FileUseRegistration):
        named.cylinders.update(claim.cylinders)


_FIELDS = {"customer": ("supply",), "order": ("supply",), "premises": ("supply", "places"), "vehicle": ("places",)}
"""Fields of claims that name what is filed about customers, and places; and where their keys are gathered."""


def _name_scan(named: Named, claim: c.CylinderClaim) -> None:
    named.codes.add(claim.code)
    match claim:
        case c.CheckPrefill():
            named.codes.update(claim.also_read)
        case c.RegisterCylinder():
            named.cylinders.add(claim.cylinder)
            named.codes.update(claim.also, (stamp_of(claim),))
        case c.BindCode():
            named.codes.add(claim.new_code)
        case c.HandOver():
            named.codes.update(claim.empties)
            shown = claim.confirmation
            if shown is not None and shown.voucher is not None:
                named.supply.add(f"voucher:{shown.voucher}")
            if shown is not None and shown.proxy is not None:
                named.supply.add(f"proxy:{shown.proxy}")
        case _:
            pass
