"""The day's rounds: what the phones do, from the depot to the kitchen and back, all of it honest but for the plants.

Each worker loads in the morning what the depot has in stock, goes from door to door, and brings the empties back. What
the stations fill meanwhile follows by truck (`Haul`). Some answers are lost on the way, some visits are without a line.
"""

from collections.abc import Iterator

from api.demo.city import STATIONS, Station
from api.demo.city_cylinders import CityCylinder
from api.demo.city_supply import DEPOTS, Depot, Worker
from api.demo.clerk import Clerk
from api.demo.doorstep import Courier
from api.demo.errand import Errand
from api.demo.plant import Bang, Deed, Haul, Run, Sower
from ledger import claim as c

VISITS = 5
"""Honest deliveries of each worker in the morning."""
HAULED = 4
"""Fresh cylinders that each of a depot's first workers gets by truck."""
_HAULING_WORKERS, _FROZEN, _BESIDE = 2, 3, 2


def morning_rounds(sower: Sower, clerk: Clerk) -> Iterator[Errand]:
    """The first round of every worker."""
    for depot in DEPOTS:
        for worker in depot.workers:
            yield from _round(sower, Courier(clerk, depot, worker))


def hauls(sower: Sower, clerk: Clerk, runs: list[Run]) -> dict[str, Haul]:
    """What the stations fill for the depots, by the tag of the script that fills it: the first of each run."""
    found: dict[str, Haul] = {}
    for station in STATIONS:
        scripts = [script.tag for run in runs if run.site == station.site for script in run.scripts]
        fresh = [tag for tag in scripts if tag in sower.sold]
        depots = [depot for depot in DEPOTS if depot.station == station.site]
        workers = [(depot, worker) for depot in depots for worker in depot.workers[:_HAULING_WORKERS]]
        for n, tag in enumerate(fresh[: HAULED * len(workers)]):
            courier = Courier(clerk, *workers[n % len(workers)])
            # The first goes where it will explode: a restaurant's kitchen, with others beside it.
            found[tag] = _haul(sower, station, courier, sower.sold[tag][0], "" if found else "restaurant")
    return found


def last_thing(sower: Sower, clerk: Clerk, hauled: dict[str, Haul]) -> Bang:
    """The first cylinder that is hauled will explode; and what somebody tries to load from what is frozen then."""
    tag, haul = next(iter(hauled.items()))
    cylinder, line = sower.sold[tag]
    handed = next(act for act in haul.errand.acts if isinstance(act, c.HandOver))
    depot = next(depot for depot in DEPOTS if depot.site == handed.site)
    worker = next(worker for worker in depot.workers if worker.person == handed.person)
    kitchen = next(one for one in sower.city.customers if one.premises == handed.premises)
    for other in depot.workers[-_FROZEN:]:
        load = Courier(clerk, depot, other).load(stocked(sower, depot).code)
        sower.deed("incident", f"desk:{depot.site}", "frozen", load)
    stamp = cylinder.registration
    return Bang(
        code=cylinder.code, cylinder=stamp.cylinder, serial=stamp.serial, maker=stamp.maker,
        made_month=stamp.made_month, line=line, lot=f"{depot.station}-T1", enterprise=depot.enterprise,
        depot=depot.site, vehicle=worker.vehicle, worker=worker.person, premises=kitchen.premises,
        building=kitchen.building,
    )  # fmt: skip


def stocked(sower: Sower, depot: Depot, **wanted: str) -> CityCylinder:
    """A full one that the count before the shift finds at the depot, with what the district asks of it in order."""
    cylinder = sower.cylinder(owner=depot.enterprise, model=wanted.get("model", "YSP35.5"))
    return sower.counted(depot.site, cylinder, c.Content.FULL)


def _round(sower: Sower, courier: Courier) -> Iterator[Errand]:
    depot, worker = courier.depot, courier.worker
    full = [stocked(sower, depot) for _ in range(VISITS + 1)]
    yield errand(sower, worker, "loaded", *(courier.load(one.code) for one in full))
    empties: list[str] = []
    for n, cylinder in enumerate(full[:-1]):
        customer = sower.customer(depot.site, worker.town)
        empty = sower.held(customer)
        order = sower.order(clerk=courier.clerk, customer=customer) if n % 2 else None
        handed = courier.hand_over(cylinder, customer, empties=(empty.code,), order=order)
        acts = (handed, courier.collect(empty.code, customer))
        yield errand(sower, worker, "visit", *acts, line="lossy" if n == 1 else "up")
        empties.append(empty.code)
    away = sower.customer(depot.site, worker.town)
    back = full[-1].code
    yield errand(
        sower, worker, "nobody-home", courier.not_delivered(back, away, "nobody_home"),
        courier.unload(back, c.Content.FULL), *(courier.unload(code, c.Content.EMPTY) for code in empties),
    )  # fmt: skip


def _haul(sower: Sower, station: Station, courier: Courier, cylinder: CityCylinder, kind: str) -> Haul:
    clerk, depot, worker = courier.clerk, courier.depot, courier.worker
    customer = sower.customer(depot.site, kind=kind)
    empty = sower.held(customer)
    for _ in range(_BESIDE if kind else 0):
        sower.held(customer)
    at_depot = {"site": depot.site, "person": depot.keeper}
    came = clerk.make(
        c.DepotIn, code=cylinder.code, **at_depot, vehicle=station.vehicle, purpose=c.Purpose.TRANSFER,
        content=c.Content.FULL,
    )  # fmt: skip
    out = clerk.make(
        c.DepotOut, code=empty.code, **at_depot, vehicle=depot.trucks[0], purpose=c.Purpose.RETURN,
        to_site=station.site,
    )  # fmt: skip
    back = clerk.make(
        c.DepotIn, code=empty.code, site=station.site, person=station.checker, vehicle=depot.trucks[0],
        purpose=c.Purpose.RETURN, content=c.Content.EMPTY,
    )  # fmt: skip
    acts = (
        courier.load(cylinder.code),
        courier.hand_over(cylinder, customer, empties=(empty.code,)),
        courier.collect(empty.code, customer),
        courier.unload(empty.code, c.Content.EMPTY),
    )
    tag = sower.tag("hauled")
    return Haul(
        cylinder.code,
        Deed(tag, "midday", f"desk:{depot.site}", came),
        Errand(phone=worker.phone, tag=tag, acts=acts),
        (Deed(tag, "midday", f"desk:{depot.site}", out), Deed(tag, "midday", f"desk:{station.site}", back)),
    )


def errand(
    sower: Sower, worker: Worker, name: str, *acts: c.AnyClaim, line: str = "up", skew_ms: int = 0, insist: bool = False
) -> Errand:
    """An errand of that worker under the next tag of this name; a way of WAYS makes it a plant."""
    return Errand(
        phone=worker.phone, tag=sower.tag(name), acts=acts, line=line,  # type: ignore[arg-type]
        clock_skew_ms=skew_ms, insist=insist,
    )  # fmt: skip
