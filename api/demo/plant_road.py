"""What goes wrong between depot and kitchen: at each depot one of every way, done by the workers' phones."""

from collections.abc import Iterator
from typing import Any

from msgspec import structs

from api.demo.city_supply import DEPOTS, PEDLAR, Customer, Depot, Trouble, Worker
from api.demo.city_supply_filings import UNLICENSED_TRUCK, bad_workers, too_small
from api.demo.clerk import Clerk, digest_of
from api.demo.doorstep import CHECKLIST, Courier, checked
from api.demo.errand import Errand
from api.demo.plant import Sower
from api.demo.plant_hazards import hazards
from api.demo.rounds import errand, stocked
from ledger import claim as c

_PHOTO = digest_of("a photograph")
_DOORS: tuple[tuple[str, Trouble, dict[str, Any], bool], ...] = (
    # way, the customer's trouble, what the hand-over says otherwise, whether it is refused
    ("unverified", "not_real_name", {}, True),
    ("contractless", "no_contract", {}, True),
    ("no_presupply", "no_presupply", {}, False),
    ("cellar", "underground", {}, True),
    ("no_alarm", "no_alarm", {}, False),
    ("converted", "converted", {}, True),
    ("rubber_hose", "rubber_hose", {}, False),
    ("adjustable", "adjustable", {}, False),
    ("closed_premises", "closed", {}, True),
    ("no_check", "", {"check": None}, True),
    ("half_check", "", {"check": c.SafetyCheck(CHECKLIST, skipped_items=(c.CheckItem.LEAK,), photos=(_PHOTO,))}, True),
    ("leak_found", "", {"check": c.SafetyCheck(CHECKLIST, failed_items=(c.CheckItem.LEAK,), photos=(_PHOTO,))}, True),
    ("wrong_code", "", {"confirmation": c.Confirmation("code", "wrong", digest=_PHOTO)}, True),
    ("late_code", "", {"confirmation": c.Confirmation("code", "late", digest=_PHOTO)}, False),
    ("self_pickup", "", {"channel": "self_pickup"}, False),
    ("wrong_order", "", {"order": "OR-NOBODY"}, False),
    ("out_of_area", "", {"in_area": False}, False),
    ("unknown_customer", "", {"customer": "K-NOBODY"}, True),
    ("nobody_sells", "", {"person": "X-NOBODY", "site": None}, True),
)
_OVER_100_KG, _HOARD = 6, 3
"""Cylinders that stand there before."""


def on_the_road(sower: Sower, clerk: Clerk) -> Iterator[Errand]:
    """All of it, in the order in which each phone does it."""
    for number, depot in enumerate(DEPOTS):
        couriers = [Courier(clerk, depot, worker) for worker in depot.workers]
        for n, (way, trouble, changes, refused) in enumerate(_DOORS):
            customer = sower.customer(depot.site, trouble=trouble)
            yield from _at_door(sower, couriers[n % len(couriers)], way, customer, refused=refused, **changes)
        yield from _stocks(sower, couriers[0])
        yield from _vehicles(sower, couriers[1], couriers[2])
        yield from _offline(sower, couriers[3 + number % 3])
        yield from _suspensions(sower, couriers[4], number)
        yield from hazards(sower, couriers[5], couriers[4])
        yield from _pedlar(sower, clerk, depot)


def _at_door(
    sower: Sower,
    courier: Courier,
    way: str,
    to: Customer,
    *,
    refused: bool,
    **changes: Any,  # noqa: ANN401
) -> Iterator[Errand]:
    """Loaded, brought, and handed over wrongly; what is refused goes back to the depot."""
    cylinder = stocked(sower, courier.depot)
    handed = courier.hand_over(cylinder, to, **changes)
    yield errand(sower, courier.worker, "loaded", courier.load(cylinder.code))
    yield errand(sower, courier.worker, way, handed)
    if refused:
        yield errand(sower, courier.worker, "brought-back", courier.unload(cylinder.code, c.Content.FULL))


def _stocks(sower: Sower, courier: Courier) -> Iterator[Errand]:
    """A kitchen over 100 kg but for the empties that are taken back, and over it all the same; a household's hoard."""
    depot = courier.depot.site
    for way, kind, count in (("over_100kg", "restaurant", _OVER_100_KG), ("hoarder", "resident", _HOARD)):
        customer = sower.customer(depot, kind=kind)
        while customer.room:
            customer = sower.customer(depot, kind=kind)
        for _ in range(count):
            sower.held(customer)
        if way == "hoarder":
            sower.alert("F15", f"customer:{customer.customer}")
        yield from _at_door(sower, courier, way, customer, refused=way == "over_100kg")


def _vehicles(sower: Sower, courier: Courier, other: Courier) -> Iterator[Errand]:
    """Loaded by whoever may not, onto what may not; where that only warns it is unloaded again."""
    depot, clerk = courier.depot, courier.clerk
    bad = bad_workers(depot)
    loads: tuple[tuple[str, Worker, bool], ...] = (
        ("lapsed_worker", bad["lapsed"], True),
        ("barred_worker", bad["barred"], True),
        ("uncontracted", bad["no_contract"], False),
        ("unknown_vehicle", structs.replace(courier.worker, vehicle="X-V0"), True),
        ("unpermitted_truck", structs.replace(courier.worker, vehicle=UNLICENSED_TRUCK), True),
        ("too_small", structs.replace(depot.workers[-1], vehicle=too_small(depot)), False),
        ("wrong_pair", structs.replace(courier.worker, vehicle=other.worker.vehicle), False),
    )
    for way, worker, refused in loads:
        code = stocked(sower, depot).code
        theirs = Courier(clerk, depot, worker)
        back = () if refused else (theirs.unload(code, c.Content.FULL),)
        yield errand(sower, courier.worker, way, theirs.load(code), *back)
    yield errand(sower, courier.worker, "ghost_unload", courier.unload(stocked(sower, depot).code, c.Content.FULL))


def _offline(sower: Sower, courier: Courier) -> Iterator[Errand]:
    """Three doors without a line, told when there is one again; and a phone whose clock is hours off."""
    worker = courier.worker
    visits: list[c.AnyClaim] = []
    for _ in range(3):
        cylinder, customer = stocked(sower, courier.depot), sower.customer(courier.depot.site, worker.town)
        empty = sower.held(customer)
        yield errand(sower, worker, "loaded", courier.load(cylinder.code))
        visits += [
            courier.hand_over(cylinder, customer, empties=(empty.code,)), courier.collect(empty.code, customer)
        ]  # fmt: skip
    yield errand(sower, worker, "offline", *visits, line="down")
    at_home = courier.check(sower.customer(courier.depot.site), "home")
    yield errand(sower, worker, "phone_skew", at_home, skew_ms=sower.chance.choice((-3, 2, 5)) * 3_600_000)


def _suspensions(sower: Sower, courier: Courier, number: int) -> Iterator[Errand]:
    """Suspended by one enterprise, nobody supplies; and who may not resume it."""
    clerk, customer = courier.clerk, sower.customer(courier.depot.site)
    own, other = courier.depot.enterprise, "JH" if courier.depot.enterprise == "TC" else "TC"
    suspends = other if number % 2 else own
    there: dict[str, Any] = {"premises": customer.premises}
    if suspends == other:
        # It supplies there as well: whoever has a contract and has looked at the place may stop it, for everybody.
        days = {"signed_on": "2025-03-01", "valid_from": "2025-03-01", "valid_to": "2027-02-28"}
        names = {"contract": f"CT-{customer.customer}-2", "customer": customer.customer, "enterprise": other}
        second = clerk.make(c.FileContract, **names, **days, **there, status="valid")
        theirs = next(depot.workers[0].person for depot in DEPOTS if depot.enterprise == other)
        looked = courier.check(customer, "presupply", person=theirs)
        sower.deed("opening", f"office:{other}", "second-contract", second, looked)
    suspended = clerk.make(c.SuspendSupply, **there, enterprise=suspends, cause="unsafe_premises")
    sower.deed("opening", f"office:{suspends}", "suspension", suspended)
    yield from _at_door(sower, courier, "supply_suspended", customer, refused=True)
    wrong = other if suspends == own else own
    resumed = clerk.make(c.ResumeSupply, **there, enterprise=wrong)
    sower.deed("opening", f"office:{wrong}", "other_resumes", resumed)
    elsewhere = sower.customer(courier.depot.site)
    never = clerk.make(c.ResumeSupply, premises=elsewhere.premises, enterprise=own)
    sower.deed("opening", f"office:{own}", "never_suspended", never)


def _pedlar(sower: Sower, clerk: Clerk, depot: Depot) -> Iterator[Errand]:
    """A stranger hands over what never passed a gate."""
    stranger = Courier(clerk, depot, PEDLAR)
    customer = sower.customer(depot.site)
    yield errand(
        sower, PEDLAR, "pedlar", stranger.hand_over(stocked(sower, depot), customer, site=None, check=checked(customer))
    )
