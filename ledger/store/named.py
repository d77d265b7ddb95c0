"""What the claims at hand name, and so what of the world must be loaded before they can be decided."""

from collections.abc import Iterable
from typing import get_args

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
    for field, sets in _FIELDS_OF[type(claim)]:
        value: str | None = getattr(claim, field)
        if value is not None:
            for name in sets:
                getattr(named, name).add(f"{field}:{value}")
    shown: c.Confirmation | None = getattr(claim, "confirmation", None)
    if shown is not None:
        papers = (("voucher", shown.voucher), ("proxy", shown.proxy))
        named.supply.update(f"{kind}:{key}" for kind, key in papers if key is not None)
    chain = _CHAINS.get(type(claim))
    if chain is not None:
        kind, field = chain
        named.chains.add(f"{kind}:{getattr(claim, field)}")
    elif isinstance(claim, c.Filing):
        _name_filing(named, claim)
    else:
        assert isinstance(claim, c.CylinderClaim)
        _name_scan(named, claim)
    if isinstance(claim, c.CountPremises):
        named.counted.add(claim.premises)
        named.codes.update(claim.codes)


_CHAINS: dict[type[c.Claim], tuple[str, str]] = {
    **dict.fromkeys(get_args(c.PremisesClaim), ("premises", "premises")),
    c.RecordArrival: ("site", "site"),
    c.AcknowledgeRecall: ("recall", "recall"),
    c.SettleAlert: ("case", "alert"),
    c.RaiseAlert: ("signer", "signer"),
}
"""Of claims about neither a cylinder nor the registry: the kind of their subject, and the field that names it."""


def _name_filing(named: Named, claim: c.FilingClaim) -> None:
    subject = subject_of_filing(claim)
    named.chains.add(subject)
    if isinstance(claim, c.SupplyFiling):
        named.supply.add(subject)
    if isinstance(claim, c.FileUseRegistration):
        named.cylinders.update(claim.cylinders)
    if isinstance(claim, c.OpenIncident) and claim.cylinder is not None:
        named.cylinders.add(claim.cylinder)


_FIELDS = {"customer": ("supply",), "order": ("supply",), "premises": ("supply", "places"), "vehicle": ("places",)}
"""Fields of claims that name what is filed about customers, and places; and where their keys are gathered."""


_FIELDS_OF = {
    kind: tuple((field, sets) for field, sets in _FIELDS.items() if field in kind.__struct_fields__)
    for kind in get_args(c.AnyClaim)
}
"""The same, by kind of claim: there is one look a claim, not four."""


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
        case _:
            pass
