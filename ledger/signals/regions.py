"""Where things are by district: F15's gas brought where its seller may not sell (跨区), and what F8 asks of places."""

from collections.abc import Iterator

from msgspec import Struct

from ledger import claim as c
from ledger.china import day_of
from ledger.rules.delivery import in_force, lies_in
from ledger.signals.memory import Memory
from ledger.signals.signal import Scan, Signal


class Where(Struct, frozen=True, omit_defaults=True):
    """Where a site or premises are: a district or a town, '' for not stated; filed by that entry."""

    area: str = ""
    filed: int = 0


class Employed(Struct, frozen=True, omit_defaults=True):
    """Who employs a person, '' for nobody."""

    enterprise: str = ""


class Permits(Struct, frozen=True, omit_defaults=True):
    """An enterprise's permits to sell gas, by id, as filed last, and by which entry."""

    sells: dict[str, tuple[int, c.FilePermit]] = {}


def filed(scan: Scan) -> Iterator[Signal]:
    """Where a place is, who employs whom, who may sell where; told by no signal."""
    match scan.claim:
        case c.FileSite() as claim:
            scan.memory.put(f"site:{claim.site}", Where(claim.district, scan.index))
        case c.FilePremises() as claim:
            scan.memory.put(f"premises:{claim.premises}", Where(claim.town or "", scan.index))
        case c.FilePerson() as claim:
            scan.memory.put(f"person:{claim.person}", Employed(claim.enterprise if claim.status == "active" else ""))
        case c.FilePermit() as claim if claim.kind == "gas_business":
            where = f"permits:{claim.enterprise}"
            others = scan.memory.get(Permits, where).sells
            scan.memory.put(where, Permits(others | {claim.permit: (scan.index, claim)}))
    yield from ()


def district_of(memory: Memory, place: str) -> str:
    """The district of a place (`site:…`, `premises:…`); '' where nobody stated it."""
    return memory.get(Where, place).area[:6]


def out_of_region(scan: Scan) -> Iterator[Signal]:
    """F15: brought to a door in a district that no permit in force of the seller's names.

    Honest work: a permit that names no district holds in all; a town that nobody stated is in none; what a customer
    fetches at the counter is sold there. Who has no permit at all is ENT-01's.
    """
    claim, params = scan.claim, scan.params("F15")
    assert isinstance(claim, c.HandOver)
    where = f"premises:{claim.premises}"
    district = district_of(scan.memory, where)
    if params is None or claim.vehicle is None or not district:
        return
    seller, day = scan.memory.get(Employed, f"person:{claim.person}").enterprise, day_of(scan.seen_at)
    sells = scan.memory.get(Permits, f"permits:{seller}").sells
    held = [(entry, one) for entry, one in sells.values() if in_force(one, "gas_business", day)]
    if held and not any(not one.districts or any(lies_in(district, area) for area in one.districts) for _, one in held):
        before = (scan.memory.get(Where, where).filed, *(entry for entry, _ in held))
        yield scan.signal("F15", f"vehicle:{claim.vehicle}", *before, district=district, seller=seller)
