"""What is filed before the demo's shift: the registry, the cylinders, their papers, and the first day's stock count."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import structs

from api.demo.city import DAY_MS, DISTRICT, ENTERPRISES, ORIGIN, SHIFT_AT_MS, City
from api.demo.city_cylinders import CityCylinder, State
from api.demo.city_registry import measures, registry
from api.demo.clerk import Clerk, Wave
from api.packs import shipped_pack
from ledger import claim as c

BUNDLE = 500
LISTED = c.MAX_LISTED_CYLINDERS


def opening(city: City, clerk: Clerk) -> c.OpenLog:
    """Entry 0: it says `demo`, for ever."""
    authority, log = city.signers["authority"], city.signers["log"]
    pack = shipped_pack(DISTRICT)
    return clerk.make(c.OpenLog, origin=ORIGIN, authority=authority.public, log_signer=log.public, pack=pack, demo=True)


def waves(city: City, clerk: Clerk) -> Iterator[Wave]:
    """All filings after entry 0, in order; each must be accepted."""
    clerk.at_ms = SHIFT_AT_MS - 9 * DAY_MS
    yield from registry(city, clerk)
    owners = [one.enterprise for one in ENTERPRISES if one.owns]
    for owner in owners:
        fleet = [one.registration for one in city.cylinders if one.registration.owner == owner]
        yield from _bundles(clerk, f"office:{owner}", fleet)
    clerk.at_ms = SHIFT_AT_MS - 7 * DAY_MS
    for owner in owners:
        yield from _papers(clerk, owner, [one for one in city.cylinders if one.registration.owner == owner])
    yield Wave(clerk.at_ms, "authority", list(measures(clerk)))


def counts(clerk: Clerk, site: str, person: str, found: Iterable[tuple[CityCylinder, c.Content]]) -> Iterator[Wave]:
    """The stock count (盘点) that opens custody at a station or depot."""
    told = [
        clerk.make(c.CountStock, code=one.code, site=site, person=person, content=content) for one, content in found
    ]
    yield from _bundles(clerk, f"desk:{site}", told)


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
