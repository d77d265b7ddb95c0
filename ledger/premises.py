"""A customer's premises (用气场所) as entries make them: what the door asks, and what stands there (`ledger.world`).

Besides, the two other small states that gates read beside a cylinder's own: what a vehicle carries, and where a
cylinder that nobody registered was last seen.
"""

from msgspec import Struct, structs

from ledger import claim as c
from ledger import events as e
from ledger.checklists import AT_ONCE
from ledger.china import day_of, shift_day


class Hazard(Struct, frozen=True, omit_defaults=True):
    """An open hazard (隐患), by the claim that opened it. Times ms UTC, days China's, both included.

    `blocks_from`: the day from which it closes the door; `refused_at`: when the customer refused to put it right.
    """

    hazard: str
    item: c.CheckItem
    opened_at: int
    opened_by: str
    deadline: str
    blocks_from: str
    notice: str
    major: bool = False
    assigned_to: str | None = None
    rectified_at: int | None = None
    rectified_by: str | None = None
    refused_at: int | None = None

    def closes_door(self, day: str) -> bool:
        """Whether nobody may supply there on that day: at once, after its deadline, or when the customer refused."""
        return self.blocks_from <= day or self.refused_at is not None


class Suspension(Struct, frozen=True):
    """Supply suspended (暂停供气) by this enterprise, since when (ms UTC), why."""

    enterprise: str
    at: int
    cause: str


class Checked(Struct, frozen=True):
    """The newest check of a kind: when (ms UTC), by whom, of which enterprise ('' for nobody on record), the result."""

    at: int
    person: str
    enterprise: str
    passed: bool


class Premises(Struct, frozen=True, omit_defaults=True):
    """All that the door asks of one place and that is not its record.

    `contracts`: those in force, by id. `presupply`: per enterprise. `held`: ledger id of each cylinder there, and its
    nominal fill (grams); `foreign`: codes of those there that nobody registered. `promised`: which of those held a
    hand-over said that it takes back, and when the first said so (ms UTC). `rectified_at`: when the hazard that was
    closed last had been put right.
    """

    premises: str
    contracts: dict[str, c.FileContract] = {}
    presupply: tuple[Checked, ...] = ()
    home: Checked | None = None
    delivery: Checked | None = None
    hazards: tuple[Hazard, ...] = ()
    suspensions: tuple[Suspension, ...] = ()
    held: dict[str, int] = {}
    promised: dict[str, int] = {}
    rectified_at: int | None = None
    counted_at: int | None = None
    town: str | None = None
    building: str | None = None
    foreign: tuple[str, ...] = ()

    def hazard(self, key: str) -> Hazard | None:
        """The open hazard of that id."""
        return next((one for one in self.hazards if one.hazard == key), None)


class VehicleLoad(Struct, frozen=True):
    """What a vehicle carries by the ledger: cylinders, and their mass with what is in them (grams)."""

    count: int = 0
    gross_g: int = 0


class Stray(Struct, frozen=True, omit_defaults=True):
    """A cylinder by a code that nobody registered (外来瓶): who held it last, seen when (ms UTC), at which entry, and
    where at a customer's.

    `registered`: the ledger id of the cylinder that got this code since.
    """

    holder: str
    seen_at: int
    entry_index: int
    registered: str | None = None
    premises: str | None = None


def file_at(old: Premises, claim: c.FilingClaim) -> Premises:
    """The premises after a filing about them was accepted."""
    if isinstance(claim, c.FilePremises):
        return structs.replace(old, town=claim.town, building=claim.building)
    if isinstance(claim, c.FileContract):
        others = {key: one for key, one in old.contracts.items() if key != claim.contract}
        current = {claim.contract: claim} if claim.status == "valid" and claim.premises == old.premises else {}
        return structs.replace(old, contracts=others | current)
    return old


def apply_at(
    old: Premises, claim: c.AnyClaim, event: e.Event, *, at: int, recorded_at: int, enterprise: str
) -> Premises:
    """The premises after an event there, seen at `at` and recorded at `recorded_at` (ms UTC); `enterprise` employs
    whoever acted, '' if unknown.
    """
    match claim:
        case c.CheckPremises():
            assert isinstance(event, e.PremisesChecked)
            return _checked(old, claim.kind, Checked(at, claim.person, enterprise, event.passed))
        case c.HandOver(check=check) if check is not None:
            done = Checked(at, claim.person, enterprise, passed=not check.failed_items)
            return _checked(old, "delivery", done)
        case c.OpenHazard():
            assert isinstance(event, e.HazardOpened)
            if old.hazard(claim.claim_id) is not None:
                return old  # another signer's under the same id: there is one open already
            return structs.replace(old, hazards=(*old.hazards, _opened(claim, event, at)))
        case c.AssignHazard():
            return _assigned(old, claim, day_of(recorded_at))
        case c.EscalateHazard():
            return _hazard(old, claim.hazard, refused_at=at)
        case c.RectifyHazard() | c.RecheckHazard():
            return _mended(old, claim, event, at)
        case c.SuspendSupply():
            others = (one for one in old.suspensions if one.enterprise != claim.enterprise)
            return structs.replace(old, suspensions=(*others, Suspension(claim.enterprise, at, claim.cause)))
        case c.CountPremises():
            return structs.replace(old, counted_at=at)
        case _:
            return old


def resumed(old: Premises, enterprises: tuple[str, ...]) -> Premises:
    """The premises once these enterprises' suspensions are over."""
    return structs.replace(old, suspensions=tuple(one for one in old.suspensions if one.enterprise not in enterprises))


def _assigned(old: Premises, claim: c.AssignHazard, day: str) -> Premises:
    """The five fixings set the time, but for what closes the door at once or has closed it: a door that is closed opens
    by a re-check, not by another deadline.
    """
    hazard = old.hazard(claim.hazard)
    if hazard is None or hazard.item in AT_ONCE or hazard.closes_door(day):
        return _hazard(old, claim.hazard, assigned_to=claim.person)
    blocks_from = shift_day(claim.deadline, 1)
    return _hazard(old, claim.hazard, assigned_to=claim.person, deadline=claim.deadline, blocks_from=blocks_from)


def _opened(claim: c.OpenHazard, event: e.HazardOpened, at: int) -> Hazard:
    return Hazard(
        hazard=claim.claim_id,
        item=claim.item,
        opened_at=at,
        opened_by=claim.person,
        deadline=claim.deadline,
        blocks_from=event.blocks_from,
        notice=claim.notice,
        major=claim.major,
    )


def _checked(old: Premises, kind: str, done: Checked) -> Premises:
    """The newest check of each kind, by when it was made: one that is told late undoes no newer one."""
    if kind == "presupply":
        before = next((one for one in old.presupply if one.enterprise == done.enterprise), None)
        others = tuple(one for one in old.presupply if one.enterprise != done.enterprise)
        return structs.replace(old, presupply=(*others, _newer(before, done)))
    if kind == "home":
        return structs.replace(old, home=_newer(old.home, done))
    return structs.replace(old, delivery=_newer(old.delivery, done))


def _newer(before: Checked | None, done: Checked) -> Checked:
    return before if before is not None and before.at > done.at else done


def _hazard(old: Premises, key: str, **changes: object) -> Premises:
    hazards = tuple(structs.replace(one, **changes) if one.hazard == key else one for one in old.hazards)
    return structs.replace(old, hazards=hazards)


def _mended(old: Premises, claim: c.RectifyHazard | c.RecheckHazard, event: e.Event, at: int) -> Premises:
    assert isinstance(event, e.HazardRectified | e.HazardRechecked)
    mended = old.hazard(claim.hazard)
    if mended is None:
        return old
    if event.closed:
        rectified_at = at if mended.rectified_at is None else mended.rectified_at
        open_still = tuple(one for one in old.hazards if one.hazard != claim.hazard)
        return structs.replace(old, hazards=open_still, rectified_at=rectified_at)
    if isinstance(claim, c.RectifyHazard):
        return _hazard(old, claim.hazard, rectified_at=at, rectified_by=claim.person)
    # Not put right after all: it is rectified anew before it is re-checked again.
    return _hazard(old, claim.hazard, rectified_at=None, rectified_by=None)
