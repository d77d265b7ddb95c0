"""The random stamp challenge: who is asked follows from the log, and only the end of the stamp opens the gate."""

import pytest
from msgspec import structs

from ledger import claim as c
from ledger import events as e
from ledger.challenge import is_challenged
from ledger.packs.model import Pack, PackInForce
from ledger.replay import replay
from ledger.world import World
from tests.rule_kit import ONE, ask, changed, check, town_with, with_params
from tests.story import ORIGIN, PACK, Town

EVERYONE = with_params("ID-04", challenge_permille=1000)


def reasons(outcome: e.Outcome) -> list[str]:
    notes = outcome.reasons if isinstance(outcome, e.Refusal) else outcome.violations
    return [note.reason for note in notes]


def challenged(town: Town) -> bool:
    return town.world.cylinders[town.world.codes[ONE].cylinder].challenged


def same_again(town: Town) -> None:
    assert [step.difference for step in replay(World(ORIGIN), town.bodies) if step.difference] == []


@pytest.fixture
def town() -> Town:
    return town_with(pack=EVERYONE)


def test_a_challenge_stays_until_the_stamp_is_keyed(town: Town) -> None:
    for _ in range(2):  # scanning again does not shake it off
        green = check(town)
        assert isinstance(green, e.PrefillChecked)
        assert green.challenged
        assert reasons(ask(town)) == ["stamp_challenge_open"]
    keyed = town.say(c.CheckPrefill, code=ONE, stamp_tail="0001")
    assert isinstance(keyed, e.PrefillChecked)
    assert not keyed.challenged
    assert isinstance(ask(town), e.FillAuthorised)
    same_again(town)


def test_what_is_no_longer_asked_at_random_must_still_be_answered(town: Town) -> None:
    check(town)
    assert isinstance(town.say(c.AdoptPack, pack=structs.replace(PACK, version=9), expects=0), e.Filed)
    check(town)
    assert reasons(ask(town)) == ["stamp_challenge_open"]
    same_again(town)


def test_a_wrong_end_of_the_stamp_closes_the_gate_and_answers_nothing(town: Town) -> None:
    check(town)
    wrong = town.say(c.CheckPrefill, code=ONE, stamp_tail="0002")
    assert isinstance(wrong, e.PrefillFailed)
    assert reasons(wrong) == ["stamp_mismatch"]
    assert challenged(town)
    assert reasons(ask(town)) == ["stamp_challenge_open", "prefill_check_missing"]
    same_again(town)


def test_a_red_check_is_not_challenged_and_does_not_answer(town: Town) -> None:
    red = town.say(c.CheckPrefill, code=ONE, failed_items=(c.PrefillItem.LEAK,))
    assert isinstance(red, e.PrefillFailed)
    assert not challenged(town)
    check(town)
    town.say(c.CheckPrefill, code=ONE, failed_items=(c.PrefillItem.LEAK,), stamp_tail="0001")
    assert challenged(town)
    same_again(town)


@pytest.mark.parametrize("pack", [None, changed("ID-04", mode="off", params={"challenge_permille": 1000, "digits": 4})])
def test_nobody_is_challenged_where_the_pack_asks_nobody(pack: Pack | None) -> None:
    town = town_with(pack=pack)
    green = check(town)
    assert isinstance(green, e.PrefillChecked)
    assert not green.challenged


def test_the_share_that_is_challenged_is_the_packs() -> None:
    """One number a check, the same for everybody who has the log: of a thousand, so many lie below any share."""
    town = town_with()
    story = town.story

    def count(permille: int) -> int:
        town.world.registry.in_force = PackInForce(with_params("ID-04", challenge_permille=permille))
        return sum(is_challenged(town.world, claim) for claim in claims)

    claims = [story.make(c.CheckPrefill, code=ONE) for _ in range(2_000)]
    assert (count(0), count(1000)) == (0, 2_000)
    assert 30 <= count(30) <= 90
    assert count(29) <= count(30) <= count(31)
    newest = town.world.last_leaf
    asked = [is_challenged(town.world, claim) for claim in claims]
    town.world.last_leaf = newest[::-1]
    assert asked != [is_challenged(town.world, claim) for claim in claims], "no id is safe before the leaf is known"
