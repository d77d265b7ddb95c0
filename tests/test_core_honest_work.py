"""Honest work (FLOW.md section 5): what people do on a working day that no rule may stop, and what they are told."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from ledger import claim as c
from ledger import events as e
from tests.rule_kit import ONE, P, china, door, heard, opened, settled, town_with
from tests.story import Town, code


class Work(NamedTuple):
    """What somebody honestly does, and the rules that may say nothing against it; `warned`: reasons that are told."""

    rules: str
    what: str
    done: Callable[[], e.Outcome]
    warned: tuple[str, ...] = ()


def fill(*, at: str = "2026-01-01T08:00", minutes: float = 0, **cylinder: Any) -> e.Outcome:
    """Checked in a row, filled so much later."""
    town = town_with(at=at, **cylinder)
    town.say(c.CheckPrefill, code=ONE)
    return town.wait(minutes).say(c.AuthoriseFill, code=ONE)


def day(at: str, *, sold: str, **cylinder: Any) -> e.Outcome:
    """Filled and released at one time, out of the depot at another; then to the door an hour later."""
    town = town_with(at=at, **cylinder)
    town.fill(ONE)
    town.release(ONE)
    town.story.now = china(sold)
    left = town.sell(ONE)
    if isinstance(left, e.Refusal):
        return left
    town.story.now = china(sold) + 3_600_000
    return door(town)


def inspected_then(inspected_on: str, at: str, **cylinder: Any) -> e.Outcome:
    """Inspected on that day, filled at that time."""
    town = town_with(at=f"{inspected_on}T16:00", **cylinder)
    told = town.say(c.RecordInspection, code=ONE, inspected_on=inspected_on)
    assert not heard(told)[0], told
    town.say(c.EvacuateCylinder, code=ONE)
    town.story.now = china(at)
    town.say(c.CheckPrefill, code=ONE)
    return town.say(c.AuthoriseFill, code=ONE)


def entered(**fields: Any) -> e.Outcome:
    """Into the ledger as what it is."""
    town = opened().copy()
    return town.tell(town.story.office, town.story.cylinder(1, **fields))


def surrendered() -> e.Outcome:
    """A customer's own cylinder, taken in and handed over to the station."""
    town = opened().copy()
    town.tell(town.story.office, town.story.cylinder(1, owner=c.CUSTOMER, made_month="2019-06"))
    return town.say(c.SurrenderCylinder, code=ONE)


def after_merger(act: Callable[[Town], e.Outcome]) -> e.Outcome:
    """A rival's cylinder with the rival's mark, after it was merged into the station's enterprise."""
    town = opened().copy()
    theirs = town.story.cylinder(1, owner="E2")
    town.tell(town.story.rival, theirs)
    town.say(c.FileSuccessor, enterprise="E2", successor="E1", from_day="2026-01-01")
    town.tell(town.story.authority, town.story.certificate(theirs))
    return act(town)


def night_label(*, second: bool) -> e.Outcome:
    """A dirty label is replaced at night by one person; the second confirms before loading, or at once."""
    town = town_with()
    town.say(c.BindCode, code=ONE, new_code=code(9), retires=ONE, second_person="P2" if second else None)
    town.fill(code(9))
    town.release(code(9))
    if not second:
        town.say(c.ConfirmRelabel, code=code(9), person="P2")
    return town.sell(code(9))


def labels(times: int) -> e.Outcome:
    """So many new labels, one a day; the last."""
    town, old = town_with(), ONE
    outcome: e.Outcome | None = None
    for n in range(times):
        outcome = town.say(c.BindCode, code=old, new_code=code(20 + n), retires=old)
        town.wait(60 * 24)
        old = code(20 + n)
    assert outcome is not None
    return outcome


def keyed(tail: str | None, **fields: Any) -> e.Outcome:
    return town_with().say(c.CheckPrefill, code=ONE, stamp_tail=tail, **fields)


def handed(position: str, *, premises: dict[str, Any], **cylinder: Any) -> e.Outcome:
    """From the fill to the door of such premises; a liquid-phase cylinder is one of 118 L."""
    town = town_with(**cylinder)
    settled(town, **premises)
    gross = cylinder.get("tare_g", 16_500) + (48_900 if "model" in cylinder else 14_500)
    town.fill(ONE, gross_g=gross)
    town.release(ONE, gross_g=gross)
    town.sell(ONE)
    return door(town, premises="H7", position=position)


EIGHT: dict[str, Any] = {"made_month": "2018-01", "design_life_months": 96}
DUE: dict[str, Any] = {"made_month": "2022-02"}
LARGE: dict[str, Any] = {"model": "YSP118/49.5", "water_volume_ml": 118_000, "tare_g": 45_000, "max_fill_g": 49_500}
LIQUID: dict[str, Any] = LARGE | {"model": "YSP118/液/49.5", "phase": c.Phase.LIQUID}
EATERY: dict[str, Any] = {"kind": "restaurant"}
OLD_SCRAP: dict[str, Any] = {"made_month": "2005-03", "design_life_months": 180, "collar": "screwed"}
TWO_PHASE: dict[str, Any] = LARGE | {"model": "YSP118-II", "phase": c.Phase.TWO_PHASE}

# fmt: off
WORK: tuple[Work, ...] = (
    Work("INS-01", "stamps say a month only: filled with fifteen days left of it",
         P(fill, at="2026-02-13T23:59", **DUE), ("inspection_due_soon",)),
    Work("INS-02", "out of the depot on the due month's last evening",
         P(day, "2026-02-13T08:00", sold="2026-02-28T21:00", **DUE)),
    Work("INS-02", "sixth floor, expired at midnight: it only comes back with the worker",
         P(day, "2026-02-13T08:00", sold="2026-02-28T23:30", **DUE), ("overdue_at_door",)),
    Work("INS-05 INS-06", "an inspection told in a bundle two days later",
         lambda: town_with(at="2026-01-03T18:00").say(c.RecordInspection, code=ONE)),
    Work("LIFE-02", "inspected at 7 years 10 months, filled at 8 years and a month",
         P(inspected_then, "2025-11-28", "2026-02-05T09:00", **EIGHT)),
    Work("LIFE-03 REG-02", "over-age with a screwed collar: registered as what it is", P(entered, **OLD_SCRAP)),
    Work("TYPE-01 REG-02", "two-phase: registered as what it is", P(entered, **TWO_PHASE)),
    Work("REG-02", "a stamp that says the volume measured", P(entered, water_volume_ml=35_900)),
    Work("REG-02", "a fill that the maker rounded up", P(entered, model="YSP118", water_volume_ml=118_000,
                                                         tare_g=48_500, max_fill_g=49_600)),
    Work("REG-02", "a serial that only looks invented", P(entered, serial="12345678")),
    Work("OWN-03 ID-06", "a customer's own cylinder goes over to the station", surrendered),
    Work("OWN-01 ID-06", "a merged filler's cylinder, checked with its old mark",
         P(after_merger, lambda town: town.say(c.CheckPrefill, code=ONE))),
    Work("ID-07", "a dirty label: the second person was there", P(night_label, second=True)),
    Work("ID-07", "a dirty label at night: the second person confirms before loading", P(night_label, second=False)),
    Work("ID-07", "the count alerts, never blocks", P(labels, 3), ("relabelled_too_often",)),
    Work("ID-04", "a green row with nothing keyed", P(keyed, None)),
    Work("ID-04", "the end of the stamp keyed", P(keyed, "0001")),
    Work("ID-04", "a tag on the body that nobody registered", P(keyed, None, also_read=(code(7),))),
    Work("TYPE-02", "liquid-phase at a vaporiser",
         P(handed, "outdoor", premises=EATERY | {"vaporiser": True}, **LIQUID)),
    Work("TYPE-02", "liquid-phase where no vaporiser was filed yet", P(handed, "outdoor", premises=EATERY, **LIQUID),
         ("liquid_restaurant",)),
    Work("TYPE-03", "a small eatery with a 15-kg cylinder indoors", P(handed, "indoor", premises=EATERY)),
    Work("TYPE-03", "a crowded place, until the district defines it", P(handed, "indoor", premises={"crowded": True}),
         ("indoors_crowded",)),
    Work("TYPE-03", "118 L in a cylinder room", P(handed, "cylinder_room", premises=EATERY, **LARGE)),
)
# fmt: on


def goes_on(work: Work) -> None:
    """Nothing stops it, and what it is told is what its row says."""
    broken, warned = heard(work.done())
    assert broken == []
    told = {note.reason for note in warned}
    assert set(work.warned) <= told
    named = {rule for note in warned if note.reason not in work.warned for rule in work.rules.split()
             if note.rule.startswith(f"{rule}@")}  # fmt: skip
    assert named == set(), "what is honest is not even warned of, unless the row says so"


@pytest.mark.parametrize("work", WORK, ids=[f"{n}-{work.rules}-{work.what}" for n, work in enumerate(WORK)])
def test_honest_work_goes_on(work: Work) -> None:
    goes_on(work)
