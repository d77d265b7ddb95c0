"""Where cylinders are once they left the depot: late facts, losses, counts at a customer's, contracts, late reports."""

import functools
from typing import Any

import pytest

from ledger import claim as c
from ledger import events as e
from ledger.cylinder import Cylinder
from ledger.outcome import MAX_MISSING
from ledger.replay import replay
from ledger.world import World
from tests.story import MINUTE, ORIGIN, USUAL, Signer, Town, code

ONE, TWO = code(1), code(2)
HOUR = 60.0
HOME = ("customer:K1", "H1")


@functools.cache
def _town() -> Town:
    town = Town()
    town.opened()
    town.with_cylinder(1)
    town.with_cylinder(2)
    return town


@pytest.fixture
def town() -> Town:
    return _town().copy()


def late(town: Town, act: type[c.Claim], minutes: float, *, by: Signer | None = None, **fields: Any) -> Any:
    """A report that arrives so many minutes after it was scanned; its outcome."""
    now = town.story.now
    town.story.now -= int(minutes * MINUTE)
    claim: Any = town.story.make(act, **(USUAL.get(act, {}) | fields))
    town.story.now = now
    return town.tell(by or town.story.usual_signer(act), claim)


def cylinder(town: Town, number: str = ONE) -> Cylinder:
    found = town.world.cylinder_of(number)
    assert found is not None
    return found


def where(town: Town, number: str = ONE) -> tuple[str, str | None]:
    one = cylinder(town, number)
    return one.holder, one.premises


def at_home(town: Town, *numbers: str) -> None:
    for number in numbers or (ONE,):
        assert isinstance(town.say(c.HandOver, code=number, done=True), e.CylinderHandedOver)


def same_again(town: Town) -> None:
    """A replay from entry 0 finds nothing to say."""
    assert [step.difference for step in replay(World(ORIGIN), town.bodies) if step.difference] == []


def test_a_loss_told_late_does_not_undo_what_was_seen_since(town: Town) -> None:
    at_home(town)
    lost = late(town.wait(HOUR), c.ReportLost, 2 * HOUR, code=ONE)
    assert lost.superseded
    assert (where(town), cylinder(town).lost) == (HOME, False)
    same_again(town)


def test_a_sight_from_before_the_loss_does_not_find_it(town: Town) -> None:
    at_home(town)
    assert late(town.wait(HOUR), c.ReportLost, 0, code=ONE).left == ("customer:K1", "premises:H1")
    assert late(town, c.CollectCylinder, HOUR / 2, code=ONE).superseded
    assert (where(town), cylinder(town).lost) == (("unknown", None), True)
    assert late(town.wait(1), c.CollectCylinder, 0, code=ONE).left == (), "nobody knew"
    assert (where(town), cylinder(town).lost) == (("vehicle:V1", None), False)
    same_again(town)


def test_a_count_told_late_moves_nothing_that_was_seen_since(town: Town) -> None:
    at_home(town, ONE, TWO)
    town.wait(3 * HOUR).say(c.CollectCylinder, code=ONE)
    counted = late(town, c.CountPremises, HOUR, codes=(ONE,))
    assert (counted.found, counted.overtaken) == ((), (cylinder(town).cylinder,))
    assert counted.missing == (cylinder(town, TWO).cylinder,)
    assert (where(town), where(town, TWO)) == (("vehicle:V1", None), ("unknown", None))
    assert f"cylinder:{cylinder(town).cylinder}" in town.parties[-1], "and is in its story"
    town.wait(1).say(c.HandOver, code=TWO, done=True)
    assert late(town, c.CountPremises, HOUR).missing == (), "it came after that count"
    assert where(town, TWO) == HOME
    same_again(town)


def test_where_a_cylinder_went_that_a_count_missed_is_told_late(town: Town) -> None:
    at_home(town)
    town.wait(3 * HOUR).say(c.CountPremises)
    assert where(town) == ("unknown", None)
    assert not late(town, c.CollectCylinder, 2 * HOUR, code=ONE).superseded
    assert where(town) == ("vehicle:V1", None)
    same_again(town)


def test_what_a_count_found_in_a_kitchen_is_not_sold_from_the_depot(town: Town) -> None:
    town.fill(ONE)
    town.release(ONE)
    counted = town.say(c.CountPremises, codes=(ONE, ONE, "legacy-digits9:123456789"))
    assert isinstance(counted, e.PremisesCounted)
    assert (counted.found, counted.unknown, counted.left) == ((cylinder(town).cylinder,), 1, ("site:S1",))
    assert where(town) == HOME
    refused = town.say(c.LoadVehicle, code=ONE)
    assert isinstance(refused, e.Refusal)
    assert "no_lawful_fill" in [note.reason for note in refused.reasons]
    same_again(town)


def test_a_count_finds_what_was_scrapped_and_whose_codes_are_retired(town: Town) -> None:
    town.say(c.DecideScrap, code=ONE, person="P1")
    town.say(c.DestroyCylinder, code=ONE)
    assert isinstance(town.say(c.DeregisterCylinder, code=ONE), e.CylinderDeregistered)
    assert isinstance(town.say(c.CountPremises, codes=(ONE,), premises="H9", customer="K9"), e.PremisesCounted)
    assert where(town) == ("customer:K9", "H9")
    assert isinstance(town.say(c.CountPremises, premises="H9", customer="K9"), e.PremisesCounted)
    assert where(town) == ("unknown", None)
    same_again(town)


def test_a_count_that_misses_a_hoard_still_fits_an_entry(town: Town) -> None:
    hoard = [town.with_cylinder(number) for number in range(10, 10 + MAX_MISSING + 3)]
    at_home(town, *hoard)
    town.wait(1).say(c.CountPremises)
    assert len(town.world.premises["H1"].held) == 3
    town.wait(1).say(c.CountPremises)
    assert town.world.premises["H1"].held == {}
    same_again(town)


def test_a_vehicles_load_is_what_it_holds_whatever_is_weighed_on_it(town: Town) -> None:
    at_home(town)
    town.say(c.CollectCylinder, code=ONE)
    assert town.world.loads["V1"].gross_g == 16_500
    town.say(c.WeighCylinder, code=ONE, weight_g=19_000)
    assert (town.world.loads["V1"].count, town.world.loads["V1"].gross_g) == (1, 19_000)
    town.say(c.DepotIn, code=ONE, vehicle="V2")
    assert (town.world.loads["V1"].count, town.world.loads["V1"].gross_g) == (0, 0)
    same_again(town)


def test_a_contract_stays_with_its_premises(town: Town) -> None:
    town.say(c.FilePremises, premises="H2")
    moved = town.say(c.FileContract, premises="H2", expects=0)
    assert isinstance(moved, e.Refusal)
    assert moved.reasons[0].reason == "signer_not_entitled"
    assert isinstance(town.say(c.FileContract, expects=0, status="ended"), e.Filed)
    assert dict(town.world.premises["H1"].contracts) == {}
    same_again(town)


def test_a_recall_that_is_over_may_still_be_acknowledged(town: Town) -> None:
    before = town.say(c.AcknowledgeRecall)
    assert isinstance(before, e.Refusal)
    assert before.reasons[0].reason == "reference_unknown"
    assert isinstance(town.say(c.OpenRecall, maker="XX"), e.Filed)
    assert isinstance(town.say(c.CloseRecall, expects=1), e.Filed)
    assert isinstance(town.say(c.AcknowledgeRecall), e.RecallAcknowledged)
    same_again(town)


@pytest.mark.parametrize("filled_since", [False, True], ids=["back", "back and filled anew"])
def test_a_hand_over_that_is_told_after_its_cylinder_came_back_is_no_black_gas(
    town: Town, *, filled_since: bool
) -> None:
    town.fill(ONE)
    town.release(ONE)
    town.sell(ONE)
    town.wait(HOUR).say(c.CollectCylinder, code=ONE, content=c.Content.FULL)
    town.wait(HOUR).say(c.UnloadVehicle, code=ONE, content=c.Content.EMPTY)
    if filled_since:
        town.fill(ONE)
        town.release(ONE)
    told = late(town, c.HandOver, 1.5 * HOUR + (10 if filled_since else 0), code=ONE, done=True)
    assert told.superseded
    assert [note.rule for note in told.violations] == []
    now_by = town.say(c.HandOver, code=ONE, done=True)
    assert isinstance(now_by, e.CylinderHandedOver)
    assert [note.reason for note in now_by.violations] == ["not_released_for_sale"], "and nothing else is excused"
    same_again(town)


def test_a_hand_over_told_late_of_what_was_never_filled_here_is_black_gas(town: Town) -> None:
    town.wait(HOUR).say(c.CollectCylinder, code=ONE, content=c.Content.FULL)
    told = late(town, c.HandOver, HOUR / 2, code=ONE, done=True)
    assert (told.superseded, [note.reason for note in told.violations]) == (True, ["not_released_for_sale"])
