"""Customers' safety (用气安全): checks, hazards from found to closed, supply suspended and resumed, counts."""

from collections.abc import Callable

from api.month.crew import Crew
from api.month.handing import PHOTO, confirmation, hand_over
from api.month.life import Bottle, Customer
from api.month.town import CONTROLLER, QUARTERS
from api.month.voices import DAY, HOUR, MINUTE, Flow, Play
from ledger import claim as c
from ledger.china import day_of, shift_day

_NOTICE = "e2" * 32
_PLAN = "f3" * 32
_DAYS_TO_MEND = 7

Round = Callable[[Crew, str, Customer], Flow]
Opened = Play[str]
"""The id of what was said."""


def safety_round(crew: Crew, at: int) -> Flow:
    """The workers' other duty, every day: checks at home, and what they find; a count where something is in doubt."""
    yield at
    stage, vehicles = crew.stage, crew.yard.vehicles
    for _ in range(1 + crew.yard.per_day // 60):
        vehicle = stage.chance.choice(vehicles)
        yield stage.now + 20 * MINUTE
        yield from _home_check(crew, vehicle, _somebody(crew), ())
        crew.stage.book.did("home safety check")
    rounds: tuple[tuple[str, float, Round, int], ...] = (
        ("hazard put right and re-checked", 0.3, _hazard, 4),
        ("supply suspended and resumed", 0.1, _suspension, 6),
        ("cylinders at a customer's counted", 0.3, _count, 0),
    )
    for kind, share, process, takes in rounds:
        if at < crew.town.ends - (takes + 1) * DAY and stage.happens(kind, share, crew.town.ends - 7 * DAY):
            stage.start(process(crew, stage.chance.choice(vehicles), _somebody(crew)))


def presupply_check(crew: Crew, vehicle: str, customer: Customer) -> Flow:
    """The check before the first supply (通气前检查)."""
    yield crew.stage.now + 15 * MINUTE
    yield from crew.told([_check(crew, vehicle, customer, "presupply", ())], f"phone:{vehicle}")
    crew.stage.book.did("supply checked before it began")


def leak_at_the_door(crew: Crew, vehicle: str, b: Bottle, customer: Customer) -> Flow:
    """A joint leaks: no gas until it is tight; mended on the spot, with photographs before and after."""
    opened = yield from _opened(crew, vehicle, customer, c.CheckItem.LEAK, None)
    refused = hand_over(crew, vehicle, b, customer)
    yield from crew.told([refused], f"phone:{vehicle}")
    yield crew.stage.now + 10 * MINUTE
    by = {"premises": customer.premises, "hazard": opened, "person": crew.yard.worker(vehicle)}
    mended = crew.make(c.RectifyHazard, f"phone:{vehicle}", photo_digest=PHOTO, before_digest=_NOTICE, **by)
    yield from crew.told([mended], f"phone:{vehicle}")
    yield crew.stage.now + MINUTE


def _hazard(crew: Crew, vehicle: str, customer: Customer) -> Flow:
    """Found at home, its five fixings set (五定), put right, re-checked by somebody else, closed."""
    hazard = yield from _found(crew, vehicle, customer)
    yield crew.stage.now + DAY
    yield from _closed(crew, vehicle, customer, hazard)


def _suspension(crew: Crew, vehicle: str, customer: Customer) -> Flow:
    """The customer will not have it put right: the town is told, supply suspended; then they do, and it is resumed."""
    stage, office = crew.stage, f"office:{crew.yard.enterprise}"
    hazard = yield from _found(crew, vehicle, customer)
    yield stage.now + 3 * HOUR
    at = {"premises": customer.premises, "hazard": hazard, "person": crew.yard.person(CONTROLLER)}
    told = crew.make(c.EscalateHazard, office, town=QUARTERS[crew.yard.enterprise], notice_digest=_NOTICE, **at)
    yield from crew.told([told], office)
    ours = {"premises": customer.premises, "enterprise": crew.yard.enterprise}
    suspended = crew.make(c.SuspendSupply, office, cause="refused_to_rectify", hazards=(hazard,), **ours)
    yield from crew.told([suspended], office)
    queue = crew.town.queues[crew.yard.enterprise, False]
    if customer in queue:  # it asks for gas before it gives in
        queue.remove(customer)
        queue.appendleft(customer)
    yield stage.now + 2 * DAY
    yield from _closed(crew, vehicle, customer, hazard)
    yield stage.now + HOUR
    yield from crew.told([crew.make(c.ResumeSupply, office, **ours)], office)


def _found(crew: Crew, vehicle: str, customer: Customer) -> Opened:
    item = c.CheckItem.HOSE_AGED
    found = yield from _home_check(crew, vehicle, customer, (item,))
    hazard = yield from _opened(crew, vehicle, customer, item, found)
    yield crew.stage.now + 2 * HOUR
    office = f"office:{crew.yard.enterprise}"
    fixed = crew.make(
        c.AssignHazard, office, premises=customer.premises, hazard=hazard, person=crew.yard.worker(vehicle),
        measure="replace", funds="customer", deadline=_deadline(crew), plan_digest=_PLAN,
    )  # fmt: skip
    yield from crew.told([fixed], office)
    return hazard


def _closed(crew: Crew, vehicle: str, customer: Customer, hazard: str) -> Flow:
    phone, at = f"phone:{vehicle}", {"premises": customer.premises, "hazard": hazard, "photo_digest": PHOTO}
    mended = crew.make(c.RectifyHazard, phone, person=crew.yard.worker(vehicle), **at)
    yield from crew.told([mended], phone)
    yield crew.stage.now + 3 * HOUR
    office = f"office:{crew.yard.enterprise}"
    seen = crew.make(c.RecheckHazard, office, person=crew.yard.person(CONTROLLER), passed=True, **at)
    yield from crew.told([seen], office)


def _count(crew: Crew, vehicle: str, customer: Customer) -> Flow:
    """All that stands there, with a photograph (现场盘点)."""
    codes = tuple(b.code for b in customer.holds)
    at = {"premises": customer.premises, "customer": customer.customer, "person": crew.yard.worker(vehicle)}
    counted = crew.make(c.CountPremises, f"phone:{vehicle}", codes=codes, photo_digest=PHOTO, **at)
    yield from crew.told([counted], f"phone:{vehicle}")


def _somebody(crew: Crew) -> Customer:
    """A household of this enterprise in which nothing else is going on."""
    queue = crew.town.queues[crew.yard.enterprise, False]
    calm = [one for one in queue if one.known and not one.hazards and not one.suspended_by and one.kind == "resident"]
    return crew.stage.chance.choice(calm)


def _home_check(crew: Crew, vehicle: str, customer: Customer, failed: tuple[c.CheckItem, ...]) -> Opened:
    check = _check(crew, vehicle, customer, "home", failed)
    yield from crew.told([check], f"phone:{vehicle}")
    return check.claim_id


def _check(crew: Crew, vehicle: str, customer: Customer, kind: str, failed: tuple[c.CheckItem, ...]) -> c.CheckPremises:
    looked = c.SafetyCheck(f"{kind}-1", failed_items=failed, photos=(PHOTO,))
    by = {"premises": customer.premises, "person": crew.yard.worker(vehicle), "kind": kind}
    return crew.make(c.CheckPremises, f"phone:{vehicle}", check=looked, confirmation=confirmation(customer), **by)


def _opened(crew: Crew, vehicle: str, customer: Customer, item: c.CheckItem, found_in: str | None) -> Opened:
    noticed = {"notice": "signed", "notice_digest": _NOTICE, "photo_digest": PHOTO}
    at = {"premises": customer.premises, "person": crew.yard.worker(vehicle), "deadline": _deadline(crew)}
    claim = crew.make(
        c.OpenHazard, f"phone:{vehicle}", item=item, grade="equipment", found_in=found_in, **noticed, **at
    )
    yield from crew.told([claim], f"phone:{vehicle}")
    return claim.claim_id


def _deadline(crew: Crew) -> str:
    return shift_day(day_of(crew.stage.now), _DAYS_TO_MEND)
