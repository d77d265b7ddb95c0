"""What the law demands of each claim, from the people's own knowledge of dates and facts.

Written apart from `ledger.rules` and from no code of theirs: where the two differ, one of them is wrong. Figures stand
here as FLOW.md section 5 and the trade's law have them, not as a pack says. `demands` answers with rule ids: a request
must be refused by exactly these, a report must show exactly these as broken; nothing else may be heard.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta, timezone

from api.month.facts import Facts, stamp_of
from api.month.life import Bottle
from ledger import claim as c

CHINA = timezone(timedelta(hours=8))
PRECHECK_VALID_MIN = 12 * 60
DAYS_LEFT_TO_FILL = 15
INSPECTION_MONTHS, LIFE_MONTHS, EARLY_MONTHS = 48, 144, 6
REFILL_MIN = 4 * 60
UNDERFILL_15KG_G = 500


def demands(facts: Facts, claim: c.AnyClaim, at_ms: int) -> set[str]:
    """The rules that this claim breaks at that time (ms UTC)."""
    day = datetime.fromtimestamp(at_ms / 1000, CHINA).date()
    if isinstance(claim, c.RegisterCylinder):
        return set(_registration(facts, claim))
    code: str | None = getattr(claim, "code", None)
    if code is None:
        return set()
    bottle = facts.bottles.get(code)
    if bottle is None:
        return {"ID-01"}
    return set(_about(facts, claim, bottle, day, at_ms))


def demands_by_now(facts: Facts, claim: c.AnyClaim, at_ms: int) -> set[str]:
    """What more a hand-over that arrives late (ms UTC) breaks by now: what was announced since it was signed, a door
    that was closed.
    """
    bottle = facts.bottles.get(getattr(claim, "code", ""))
    if bottle is None or not isinstance(claim, c.HandOver):
        return set()
    place = facts.customers.get(claim.customer)
    today = datetime.fromtimestamp(at_ms / 1000, CHINA).date().isoformat()
    shut = {"USR-05"} if place is not None and place.blocked(today) else set()
    held = {"RECALL-01"} if _recalled(facts, bottle) else set()
    return shut | held | ({"RECALL-02"} if bottle.orders else set()) | ({"SCRAP-01"} if bottle.scrapped else set())


def _about(facts: Facts, claim: c.AnyClaim, b: Bottle, day: date, at_ms: int) -> Iterable[str]:  # noqa: C901, PLR0912 - one arm an act
    match claim:
        case c.CheckPrefill():
            yield from _unfit_to_fill(facts, b, claim.site, day)
            if claim.failed_items:
                yield "COND-02"
            if claim.stamp_tail is not None and not b.paper.serial.endswith(claim.stamp_tail):
                yield "ID-04"
        case c.AuthoriseFill():
            yield from _unfit_to_fill(facts, b, claim.site, day)
            if claim.continues is None:
                yield from _not_ready_to_fill(b, claim, at_ms)
        case c.CompleteFill():
            yield from _over(b, claim.end_weight_g)
        case c.InterruptFill() | c.BleedCylinder():
            yield from _over(b, claim.weight_g)
        case c.CheckPostfill():
            yield from _over(b, claim.weight_g)
            if claim.failed_items:
                yield "COND-02"
            if claim.person == b.filled_by:
                yield "FILL-08"
        case c.ReleaseCylinder():
            yield from _withheld(facts, b)
            if b.checked_by in ("", b.filled_by):
                yield "FILL-08"
            if b.paper.model == "YSP35.5" and b.gas_g < b.target_g - UNDERFILL_15KG_G:
                yield "FILL-07"
        case c.LoadVehicle() | c.DepotOut(purpose=c.Purpose.SALE):
            yield from _unfit_to_leave(facts, b, day)
        case c.HandOver():
            yield from _unfit_at_the_door(facts, b, claim, day)
        case c.BindCode():
            if claim.new_code in facts.registered:
                yield "ID-03"
            if claim.retires is not None and claim.photo_digest is None:
                yield "ID-07"
        case c.ConfirmRelabel():
            if claim.person == b.relabelled_by:
                yield "ID-07"
        case _:
            pass


def _unfit_to_fill(facts: Facts, b: Bottle, site: str, day: date) -> Iterable[str]:
    yield from _withheld(facts, b)
    if b.owner != facts.enterprise_of[site]:
        yield "OWN-01"
    if not b.use_registered and day.isoformat() > facts.eased_until:
        yield "REG-01"
    if (due_day(b) - day).days < DAYS_LEFT_TO_FILL:
        yield "INS-01"
    yield from _outlived(b, day)
    end = _month(b.paper.made_month) + b.paper.design_life_months
    passed = None if b.inspected is None else _month(b.inspected)
    # A pass in its last six months, or later, carries it over the design life (FLOW.md section 5, LIFE-02).
    if _month_of(day) > end and (passed is None or passed < end - EARLY_MONTHS):
        yield "LIFE-02"


def _not_ready_to_fill(b: Bottle, claim: c.AuthoriseFill, at_ms: int) -> Iterable[str]:
    old = b.checked_at is None or at_ms - b.checked_at >= (PRECHECK_VALID_MIN + 1) * 60_000
    if old or b.checked_site != claim.site:
        yield "COND-01"
    if b.challenged:
        yield "ID-04"
    if b.released_at is not None and not b.seen_back and at_ms - b.released_at < REFILL_MIN * 60_000:
        yield "FILL-10"


def _unfit_to_leave(facts: Facts, b: Bottle, day: date) -> Iterable[str]:
    yield from _withheld(facts, b)
    yield from _outlived(b, day)
    if due_day(b) < day:
        yield "INS-02"
    eased = day.isoformat() <= facts.eased_until
    if not b.opening and not (b.released and b.lawful) and not eased:
        yield "FILL-12"
    if b.relabelled_by:
        yield "ID-07"


def _unfit_at_the_door(facts: Facts, b: Bottle, claim: c.HandOver, day: date) -> Iterable[str]:
    place = facts.customers.get(claim.customer)
    if _recalled(facts, b):
        yield "RECALL-01"
    if b.orders:
        yield "RECALL-02"
    if b.scrapped:
        yield "SCRAP-01"
    if not b.out:
        yield "FILL-12"
    if place is None or not place.known:
        # Nobody on record: no premises, no real name, no contract.
        yield from ("PREM-01", "USR-01", "USR-02")
    elif place.kind == "restaurant" and b.paper.phase is c.Phase.TWO_PHASE:
        yield "TYPE-02"
    if place is not None and place.blocked(day.isoformat()):
        yield "USR-05"
    if b.large and claim.position == "indoor":
        yield "TYPE-03"


def _withheld(facts: Facts, b: Bottle) -> Iterable[str]:
    if _recalled(facts, b):
        yield "RECALL-01"
    if b.orders:
        yield "RECALL-02"
    if b.scrapped:
        yield "SCRAP-01"
    if b.failed:
        yield "INS-04"
    if b.paper.phase is c.Phase.TWO_PHASE:
        yield "TYPE-01"


def _outlived(b: Bottle, day: date) -> Iterable[str]:
    if _month_of(day) > _month(b.paper.made_month) + LIFE_MONTHS:
        yield "LIFE-01"
    if b.paper.collar == "screwed":
        yield "LIFE-03"


def _recalled(facts: Facts, b: Bottle) -> bool:
    return any(maker == b.paper.maker and first <= b.paper.made_month <= last for maker, first, last in facts.recalls)


def _over(b: Bottle, gross_g: int) -> Iterable[str]:
    if gross_g - b.tare_g > b.allowed_g:
        yield "FILL-06"


def _registration(facts: Facts, claim: c.RegisterCylinder) -> Iterable[str]:
    if stamp_of(claim) in facts.registered:
        yield "ID-05"
    if claim.code in facts.registered:
        yield "ID-03"
    bought = claim.bought_on or f"{claim.made_month}-01"
    if bought >= "2021-06-01" and claim.filler_mark != claim.owner:
        yield "ID-06"
    if not claim.serial.strip("0"):
        yield "REG-02"


def due_day(b: Bottle) -> date:
    """The last day on which its last inspection holds: the last of its month, and never past the end of its life."""
    made = _month(b.paper.made_month)
    counted = made if b.inspected is None else _month(b.inspected)
    due = min(counted + INSPECTION_MONTHS, made + LIFE_MONTHS) + 1
    return date(due // 12, due % 12 + 1, 1) - timedelta(days=1)


def _month(text: str) -> int:
    return int(text[:4]) * 12 + int(text[5:]) - 1


def _month_of(day: date) -> int:
    return day.year * 12 + day.month - 1
