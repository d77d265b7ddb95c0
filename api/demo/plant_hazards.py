"""Hazards (隐患) at customers', closed in order and out of order."""

from collections.abc import Iterator

from msgspec import structs

from api.demo.clerk import digest_of
from api.demo.doorstep import Courier
from api.demo.errand import Errand
from api.demo.plant import Sower
from api.demo.rounds import errand, stocked
from ledger import claim as c


def hazards(sower: Sower, courier: Courier, other: Courier) -> Iterator[Errand]:
    """One that closes the door, one that is mended and re-checked by another person, and what breaks the order."""
    depot, worker = courier.depot.site, courier.worker
    kitchens = [sower.customer(depot) for _ in range(7)]
    leak = courier.open_hazard(kitchens[0], c.CheckItem.LEAK, grade="place", major=True)
    cylinder = stocked(sower, courier.depot)
    yield errand(sower, worker, "loaded", courier.load(cylinder.code))
    yield errand(sower, worker, "open_hazard", leak, courier.hand_over(cylinder, kitchens[0]))
    yield errand(sower, worker, "brought-back", courier.unload(cylinder.code, c.Content.FULL))

    hose = courier.open_hazard(kitchens[1], c.CheckItem.HOSE_AGED)
    person = other.worker.person
    yield errand(sower, worker, "mended", hose, courier.rectify(hose), courier.recheck(hose, person))
    spot = courier.open_hazard(kitchens[2], c.CheckItem.HOSE_TEE)
    yield errand(sower, worker, "mended", spot, courier.rectify(spot, on_the_spot=True))

    never = structs.replace(hose, claim_id=courier.clerk.ids.new(courier.clerk.at_ms), premises=kitchens[3].premises)
    yield errand(sower, worker, "hazard_unknown", courier.rectify(never))
    for way, kitchen in (("unrectified", kitchens[3]), ("self_recheck", kitchens[4])):
        opened = courier.open_hazard(kitchen, c.CheckItem.STOVE_UNFIT)
        mended = () if way == "unrectified" else (courier.rectify(opened),)
        yield errand(sower, worker, way, opened, *mended, courier.recheck(opened))
    yield errand(
        sower, worker, "no_notice", courier.open_hazard(kitchens[5], c.CheckItem.VENTILATION, notice_digest=None)
    )
    skipped = c.SafetyCheck("home-1", skipped_items=(c.CheckItem.VENTILATION,), photos=(digest_of("home"),))
    yield errand(sower, worker, "half_home_check", courier.check(kitchens[6], "home", check=skipped))
    yield errand(
        sower, worker, "checked", courier.check(kitchens[1], "home", check=_home(courier, kitchens[1].premises))
    )

    office = f"office:{courier.depot.enterprise}"
    stopped = {"premises": kitchens[0].premises, "enterprise": courier.depot.enterprise}
    suspended = courier.clerk.make(c.SuspendSupply, **stopped, cause="hazard", hazards=(leak.claim_id,))
    sower.deed("closing", office, "suspension", suspended)
    sower.deed("closing", office, "resumed_unsafe", courier.clerk.make(c.ResumeSupply, **stopped))


def _home(courier: Courier, premises: str) -> c.SafetyCheck:
    return c.SafetyCheck("home-1", photos=(digest_of(f"home {premises} {courier.worker.person}"),))
