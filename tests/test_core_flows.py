"""The flows of a working day (FLOW.md), as the ledger must let them pass and must remember them.

This file is over 400 lines because a working day is one story; each flow starts where another leaves a cylinder.
"""

import functools
from typing import Any

import pytest
from msgspec import structs

from api.packs import shipped_pack
from ledger import claim as c
from ledger import events as e
from ledger.cylinder import Cylinder
from ledger.lifecycle import Stage
from ledger.replay import replay
from ledger.world import World
from tests.story import MINUTE, ORIGIN, PACK, START, USUAL, Town, code

ONE = code(1)
HOUR = 60.0


@functools.cache
def _town() -> Town:
    town = Town()
    town.opened()
    town.with_cylinder(1)
    return town


@pytest.fixture
def town() -> Town:
    return _town().copy()


def one(town: Town) -> Cylinder:
    found = town.world.cylinder_of(ONE)
    assert found is not None
    return found


def reasons(outcome: e.Outcome) -> list[str]:
    notes = outcome.reasons if isinstance(outcome, e.Refusal) else outcome.violations
    return [note.reason for note in notes]


def ok(outcome: e.Outcome) -> e.AnyEvent:
    assert not isinstance(outcome, e.Refusal), outcome
    assert not outcome.violations, outcome
    return outcome


def same_again(town: Town) -> None:
    """A replay from entry 0 finds nothing to say."""
    assert [step.difference for step in replay(World(ORIGIN), town.bodies) if step.difference] == []


def test_an_ordinary_round(town: Town) -> None:
    leave = town.fill(ONE)
    assert one(town).stage is Stage.FILLED
    released = ok(town.release(ONE))
    assert isinstance(released, e.CylinderReleased)
    assert (released.filler, released.service_phone) == ("示例燃气", "0513-96777")
    ok(town.sell(ONE))
    assert one(town).holder == "vehicle:V1"
    ok(town.wait(HOUR).say(c.CollectCylinder, code=ONE))
    ok(town.say(c.DepotIn, code=ONE))
    assert (one(town).stage, one(town).holder, one(town).content) == (Stage.EMPTY, "site:S1", c.Content.EMPTY)
    assert town.fill(ONE) != leave
    ok(town.release(ONE))
    same_again(town)


def test_an_overfill_found_on_the_scale_is_bled_and_checked(town: Town) -> None:
    leave = town.fill(ONE, gross_g=31_600)
    assert one(town).locks == (c.Cause.OVERFILLED,)
    assert reasons(town.release(ONE, gross_g=31_600)) == ["overfilled", "postfill_check_missing"]
    assert reasons(town.say(c.AuthoriseFill, code=ONE, continues=leave)) == ["overfilled"]
    assert reasons(town.say(c.BleedCylinder, code=ONE, weight_g=31_500)) == ["overfilled"]
    assert one(town).locks == (c.Cause.OVERFILLED,), "bled too little"
    ok(town.say(c.BleedCylinder, code=ONE, weight_g=30_000))
    assert one(town).locks == ()
    top_up = ok(town.say(c.AuthoriseFill, code=ONE, continues=leave))
    assert isinstance(top_up, e.FillAuthorised)
    town.fill(ONE, authorisation=town.last_id())
    ok(town.release(ONE))
    ok(town.sell(ONE))
    same_again(town)


def test_an_overfill_found_at_the_check_weighing_is_bled_and_checked_again(town: Town) -> None:
    town.fill(ONE)
    assert reasons(town.say(c.CheckPostfill, code=ONE, weight_g=31_700)) == ["overfilled"]
    assert reasons(town.sell(ONE)) == ["overfilled", "no_lawful_fill"]
    ok(town.say(c.BleedCylinder, code=ONE, weight_g=31_000))
    ok(town.release(ONE))
    ok(town.sell(ONE))
    same_again(town)


def test_an_interrupted_fill_is_resumed_without_another_pre_check(town: Town) -> None:
    first = town.authorise(ONE)
    town.say(c.StartFill, code=ONE, authorisation=first)
    ok(town.wait(1).say(c.InterruptFill, code=ONE, authorisation=first, weight_g=24_000))
    assert reasons(town.sell(ONE)) == ["no_lawful_fill"]
    town.wait(13 * HOUR)  # the power was away for longer than a pre-check holds
    assert reasons(town.say(c.AuthoriseFill, code=ONE)) == ["prefill_check_too_old"]
    ok(town.say(c.AuthoriseFill, code=ONE, continues=first))
    town.fill(ONE, authorisation=town.last_id())
    ok(town.release(ONE))
    same_again(town)


def test_nothing_is_resumed_elsewhere_or_under_another_name(town: Town) -> None:
    first = town.authorise(ONE)
    town.say(c.StartFill, code=ONE, authorisation=first)
    town.say(c.InterruptFill, code=ONE, authorisation=first, weight_g=24_000)
    other = town.copy()
    wrong = town.wait(13 * HOUR).say(c.AuthoriseFill, code=ONE, continues="01900000-0000-7000-8000-00000000ffff")
    assert reasons(wrong) == ["prefill_check_too_old"]
    other.say(c.DepotOut, code=ONE, purpose=c.Purpose.TRANSFER)
    assert "prefill_check_missing" in reasons(other.say(c.AuthoriseFill, code=ONE, continues=first))


def test_the_night_shifts_rows_wait_for_the_morning(town: Town) -> None:
    town.fill(ONE)
    assert reasons(town.say(c.CheckPostfill, code=ONE, weight_g=31_000, person="P1")) == ["postfill_same_person"]
    assert "postfill_check_missing" in reasons(town.say(c.ReleaseCylinder, code=ONE))
    assert "no_lawful_fill" in reasons(town.sell(ONE))
    town.wait(9 * HOUR)
    ok(town.release(ONE))
    ok(town.sell(ONE))


def test_a_missing_label_is_put_on_and_the_check_repeated(town: Town) -> None:
    town.fill(ONE)
    town.say(c.CheckPostfill, code=ONE, weight_g=31_000, failed_items=(c.PostfillItem.LABEL,))
    assert "postfill_check_missing" in reasons(town.say(c.ReleaseCylinder, code=ONE))
    ok(town.release(ONE))


def test_a_failed_check_takes_a_release_back(town: Town) -> None:
    town.fill(ONE)
    ok(town.release(ONE))
    town.say(c.CheckPostfill, code=ONE, weight_g=31_000, failed_items=(c.PostfillItem.LEAK,))
    assert reasons(town.sell(ONE)) == ["no_lawful_fill"]


def count_in_the_first_days(town: Town) -> None:
    """Counted full on the last of the site's first days; the day after, their ease is over."""
    site = {"site": "S1", "kind": "filling_station", "name": "一号站", "transition_until": "2026-01-01"}
    ok(town.tell(town.story.authority, town.story.make(c.FileSite, **(USUAL[c.FileSite] | site), expects=0)))
    ok(town.say(c.CountStock, code=ONE))
    town.wait(24 * HOUR)


def test_opening_stock_leaves_once_without_a_fill(town: Town) -> None:
    count_in_the_first_days(town)
    ok(town.sell(ONE))
    assert reasons(town.sell(ONE)) == ["no_lawful_fill"]
    ok(town.say(c.CountStock, code=ONE))
    assert reasons(town.sell(ONE)) == ["no_lawful_fill"]
    same_again(town)


def test_opening_stock_that_comes_back_unsold_goes_out_again_but_not_once_it_was_handed_over(town: Town) -> None:
    count_in_the_first_days(town)
    for _ in range(2):
        ok(town.sell(ONE))
        ok(town.say(c.DepotIn, code=ONE, content=c.Content.FULL))
    ok(town.sell(ONE))
    ok(town.say(c.HandOver, code=ONE, by=town.story.station))
    ok(town.say(c.DepotIn, code=ONE, content=c.Content.FULL))
    assert reasons(town.sell(ONE)) == ["no_lawful_fill"]
    same_again(town)


def late(town: Town, act: type[c.Claim], minutes: float, **fields: Any) -> e.Outcome:
    """A report that arrives so many minutes after it was scanned."""
    now = town.story.now
    town.story.now -= int(minutes * MINUTE)
    claim: Any = town.story.make(act, code=ONE, **(USUAL.get(act, {}) | fields))
    town.story.now = now
    return town.tell(town.story.station, claim)


@pytest.mark.parametrize("act", [c.CollectCylinder, c.DepotIn, c.CountStock])
def test_a_return_told_a_day_late_is_kept_and_undoes_nothing_that_came_since(town: Town, act: type[c.Claim]) -> None:
    town.fill(ONE)
    ok(town.release(ONE))
    ok(town.sell(ONE))
    town.wait(8 * 60)
    leave = town.authorise(ONE)
    outcome = late(town, act, 3 * 60, content=c.Content.EMPTY)
    assert isinstance(outcome, e.PlacedEvent)
    assert outcome.superseded
    assert one(town).stage is Stage.AUTHORISED
    town.fill(ONE, authorisation=leave)
    late(town, act, 3 * 60, content=c.Content.EMPTY)
    ok(town.release(ONE))
    late(town, act, 3 * 60, content=c.Content.EMPTY)
    ok(town.sell(ONE))
    now = late(town, act, 0, content=c.Content.EMPTY)
    assert isinstance(now, e.PlacedEvent)
    assert not now.superseded
    assert one(town).stage is Stage.EMPTY
    same_again(town)


def test_the_start_of_a_fill_that_is_told_after_its_end_does_not_begin_it_anew(town: Town) -> None:
    leave = town.authorise(ONE)
    town.wait(1)
    ok(town.say(c.CompleteFill, code=ONE, authorisation=leave, end_weight_g=31_000))
    started = late(town, c.StartFill, 0.5, authorisation=leave)
    assert isinstance(started, e.FillStarted)
    assert started.superseded
    ok(town.release(ONE))
    same_again(town)


def test_opening_stock_may_be_moved_between_depots_first(town: Town) -> None:
    count_in_the_first_days(town)
    ok(town.say(c.DepotOut, code=ONE, purpose=c.Purpose.TRANSFER))
    ok(town.say(c.DepotIn, code=ONE, purpose=c.Purpose.TRANSFER, content=c.Content.FULL))
    ok(town.sell(ONE))


@pytest.mark.parametrize(
    "act",
    [
        (c.CountStock, {"content": c.Content.EMPTY}),
        (c.CheckPrefill, {}),
        (c.SetAside, {}),
        (c.CheckPostfill, {"weight_g": 31_000}),
        (c.InterruptFill, {"authorisation": "01900000-0000-7000-8000-0000000fffff", "weight_g": 20_000}),
        (c.CollectCylinder, {"content": c.Content.FULL}),
        (c.RecordInspection, {}),
    ],
    ids=lambda act: act[0].__name__,
)
def test_whatever_happens_to_opening_stock_ends_its_exemption(town: Town, act: tuple[Any, dict[str, Any]]) -> None:
    count_in_the_first_days(town)
    town.say(act[0], code=ONE, **act[1])
    assert "no_lawful_fill" in reasons(town.sell(ONE))


def test_a_return_that_nobody_scanned_is_inferred_at_the_pre_check(town: Town) -> None:
    town.fill(ONE)
    town.release(ONE)
    ok(town.sell(ONE))
    back = ok(town.wait(48 * HOUR).say(c.CheckPrefill, code=ONE))
    assert isinstance(back, e.PrefillChecked)
    assert back.return_inferred
    assert one(town).holder == "site:S1"
    assert one(town).content is c.Content.UNKNOWN
    again = ok(town.say(c.CheckPrefill, code=ONE))
    assert isinstance(again, e.PrefillChecked)
    assert not again.return_inferred


def test_a_seizure_holds_until_every_order_has_ended(town: Town) -> None:
    town.fill(ONE)
    town.release(ONE)
    ok(town.say(c.SeizeCylinder, code=ONE))
    ok(town.say(c.SeizeCylinder, code=ONE, order_no="O2", kind="detained"))
    for order, still in (("O9", ["seized"]), ("O2", ["seized"]), ("O1", [])):
        ok(town.say(c.EndSeizure, code=ONE, order_no=order))
        assert reasons(town.copy().sell(ONE)) == still
    ok(town.say(c.DepotOut, code=ONE, purpose=c.Purpose.SEIZURE_TRANSFER))
    same_again(town)


@pytest.mark.parametrize("purpose", [purpose for purpose in c.Purpose if purpose is not c.Purpose.SALE])
def test_only_sale_meets_a_gate(town: Town, purpose: c.Purpose) -> None:
    town.say(c.SeizeCylinder, code=ONE)
    town.say(c.OpenRecall)
    town.say(c.DecideScrap, code=ONE, person="P1")
    assert isinstance(town.say(c.DepotOut, code=ONE, purpose=purpose), e.DepotLeft)
    assert isinstance(town.say(c.DepotOut, code=code(7), purpose=purpose), e.DepotLeft)
    assert isinstance(town.say(c.CollectCylinder, code=ONE), e.CylinderCollected)
    assert isinstance(town.say(c.DepotIn, code=ONE, purpose=purpose), e.DepotEntered)


def test_a_recall_opens_narrows_and_closes(town: Town) -> None:
    town.fill(ONE)
    town.release(ONE)
    ok(town.say(c.OpenRecall, maker="GL", made_from="2024-01", made_to="2024-12"))
    assert reasons(town.sell(ONE)) == ["recalled"]
    assert reasons(town.say(c.OpenRecall, maker="GL", made_to="2024-05")) == ["stale_filing"]
    ok(town.say(c.OpenRecall, maker="GL", made_to="2024-05", expects=0))
    ok(town.copy().sell(ONE))
    ok(town.say(c.OpenRecall, maker="GL", expects=2))
    assert reasons(town.sell(ONE)) == ["recalled"]
    assert reasons(town.say(c.CloseRecall, recall="R7")) == ["reference_unknown"]
    ok(town.say(c.CloseRecall, expects=3))
    assert reasons(town.say(c.CloseRecall, expects=4)) == ["reference_unknown"]
    ok(town.sell(ONE))
    same_again(town)


def test_from_scrap_to_the_end_no_code_comes_back(town: Town) -> None:
    stamp = "stamp:GL_2000001_2024-06"  # its registration made that a code too
    ok(town.say(c.DecideScrap, code=ONE, person="P1"))
    assert reasons(town.say(c.DeregisterCylinder, code=ONE)) == ["not_destroyed"]
    assert reasons(town.say(c.AuthoriseFill, code=ONE))[0] == "scrapped"
    ok(town.say(c.RecordInspection, code=ONE))
    assert one(town).stage is Stage.SCRAP_DECIDED
    ok(town.say(c.DestroyCylinder, code=ONE))
    ok(town.say(c.DeregisterCylinder, code=ONE))
    assert one(town).stage is Stage.DEREGISTERED
    assert reasons(town.say(c.CheckPrefill, code=stamp)) == ["code_retired", "scrapped"]
    for used in (ONE, stamp):
        new = town.story.cylinder(2, code=used)
        assert reasons(town.tell(town.story.office, new)) == ["code_used"]
    town.with_cylinder(3)
    assert reasons(town.say(c.BindCode, code=code(3), new_code=ONE, retires=code(3))) == ["code_used"]
    same_again(town)


def test_a_new_label_retires_the_old_one(town: Town) -> None:
    new = code(9)
    ok(town.say(c.BindCode, code=ONE, new_code=new, retires=ONE))
    assert reasons(town.say(c.CheckPrefill, code=ONE)) == ["code_retired"]
    town.fill(new)
    assert isinstance(town.say(c.WeighCylinder, code=ONE, weight_g=31_000), e.CylinderWeighed), "still its history"
    assert reasons(town.say(c.BindCode, code=new, new_code=ONE, retires=new)) == ["code_used"]
    assert reasons(town.say(c.BindCode, code=ONE, new_code=code(8), retires=ONE)) == ["code_retired", "scheme_occupied"]
    assert one(town).codes == ("stamp:GL_2000001_2024-06", new)


def test_an_unsold_full_one_goes_out_again_next_morning(town: Town) -> None:
    town.fill(ONE)
    town.release(ONE)
    ok(town.sell(ONE))
    for _ in range(2):
        ok(town.wait(9 * HOUR).say(c.DepotIn, code=ONE, content=c.Content.FULL))
        ok(town.wait(12 * HOUR).sell(ONE))
    same_again(town)


def test_a_full_return_from_a_customer_is_not_sold_again_as_it_is(town: Town) -> None:
    town.fill(ONE)
    town.release(ONE)
    ok(town.sell(ONE))
    ok(town.say(c.CollectCylinder, code=ONE, content=c.Content.FULL))
    ok(town.say(c.DepotIn, code=ONE, content=c.Content.FULL))
    assert reasons(town.sell(ONE)) == ["no_lawful_fill"]
    assert "postfill_check_missing" in reasons(town.release(ONE))
    town.fill(ONE)
    ok(town.release(ONE))
    ok(town.sell(ONE))


@pytest.mark.parametrize(
    "between",
    [
        (),
        ((c.CountStock, {"content": c.Content.FULL}),),
        ((c.ReleaseCylinder, {}),),
        ((c.CheckPostfill, {"weight_g": 31_000}), (c.ReleaseCylinder, {})),
        ((c.SetAside, {}), (c.CheckPostfill, {"weight_g": 31_000}), (c.ReleaseCylinder, {})),
        ((c.WeighCylinder, {"weight_g": 31_000}),),
        ((c.CheckPrefill, {}), (c.DepotIn, {"content": c.Content.FULL}), (c.ReleaseCylinder, {})),
        ((c.BleedCylinder, {"weight_g": 31_000}), (c.ReleaseCylinder, {})),
        ((c.CollectCylinder, {}), (c.DepotIn, {"content": c.Content.FULL}), (c.ReleaseCylinder, {})),
        ((c.LockCylinder, {}), (c.DepotIn, {"content": c.Content.FULL}), (c.CheckPrefill, {})),
    ],
    ids=lambda acts: "-".join(act.__name__ for act, _ in acts) or "straight",
)
def test_one_lawful_fill_is_never_sold_twice(town: Town, between: tuple[tuple[Any, dict[str, Any]], ...]) -> None:
    """Black gas (黑气瓶): refilled elsewhere, and passed off as the fill that was released before."""
    town.fill(ONE)
    town.release(ONE)
    ok(town.sell(ONE))
    for act, fields in between:
        town.say(act, code=ONE, **fields)
    assert "no_lawful_fill" in reasons(town.sell(ONE))


def test_an_interruption_that_nobody_started_takes_the_release_back(town: Town) -> None:
    leave = town.fill(ONE)
    town.release(ONE)
    assert reasons(town.say(c.InterruptFill, code=ONE, authorisation=leave, weight_g=31_300)) == ["authorisation_used"]
    assert reasons(town.sell(ONE)) == ["no_lawful_fill"]


@pytest.mark.parametrize("fault", ["late", "other line", "never started"])
def test_a_fill_whose_start_broke_the_rule_is_not_lawful(town: Town, fault: str) -> None:
    leave = town.authorise(ONE)
    if fault == "late":
        town.wait(2.1)
    if fault == "never started":
        town.wait(HOUR)
    else:
        town.say(c.StartFill, code=ONE, authorisation=leave, line="L2" if fault == "other line" else "L1")
    filled = town.say(c.CompleteFill, code=ONE, authorisation=leave, end_weight_g=31_000)
    assert isinstance(filled, e.CylinderFilled)
    assert not filled.lawful
    assert reasons(filled) == ["authorisation_other_line" if fault == "other line" else "authorisation_expired"]
    assert reasons(town.release(ONE)) == ["no_lawful_fill"]


def test_a_cylinder_set_aside_is_not_filled_under_its_old_leave(town: Town) -> None:
    leave = town.authorise(ONE)
    town.say(c.SetAside, code=ONE)
    filled = town.say(c.CompleteFill, code=ONE, authorisation=leave, end_weight_g=31_000)
    assert reasons(filled) == ["authorisation_unknown"]


def test_a_certificate_that_replaces_another_keeps_its_cylinders(town: Town) -> None:
    key = one(town).cylinder
    ok(town.say(c.FileUseRegistration, certificate="UR9", cylinders=(key,)))
    ok(town.say(c.FileUseRegistration, certificate="UR1", cylinders=(key,), status="cancelled", expects=0))
    ok(town.say(c.CheckPrefill, code=ONE))


def test_a_report_about_an_unknown_code_is_kept_on_its_signers_chain(town: Town) -> None:
    stranger = code(77)
    told = [town.say(c.CheckPrefill, code=stranger), town.say(c.CollectCylinder, code=stranger)]
    assert [type(one) for one in told] == [e.PrefillFailed, e.CylinderCollected]
    assert all(reasons(one) == ["code_unknown"] for one in told)
    assert town.parties[-1][0] == f"signer:{town.story.station.id}"
    refused = town.say(c.AuthoriseFill, code=stranger)
    assert isinstance(refused, e.Refusal)
    assert refused.cylinder is None
    same_again(town)


def test_a_correction_acts_from_its_own_index_and_only_with_a_reason(town: Town) -> None:
    town.say(c.CorrectCylinder, code=ONE, tare_g=15_000, corrects=10_000)
    assert one(town).tare_g == 16_500
    right: dict[str, Any] = {"tare_g": 16_400, "max_fill_g": 14_800, "phase": c.Phase.LIQUID}
    ok(town.say(c.CorrectCylinder, code=ONE, corrects=one(town).first_index, **right))
    assert (one(town).tare_g, one(town).max_fill_g, one(town).phase) == (16_400, 14_800, c.Phase.LIQUID)


@pytest.mark.parametrize(("minutes", "until", "differs"), [
    (4.0, "2026-01-01", False), (24 * HOUR, "2026-12-31", False), (24 * HOUR, "2026-01-01", True),
])  # fmt: skip
def test_a_late_claim_says_so_where_the_verdicts_differ_and_not_otherwise(
    town: Town, minutes: float, until: str, *, differs: bool
) -> None:
    ok(town.say(c.FilePermit, permit="PM1", valid_to=until, expects=0))
    leave = town.authorise(ONE)
    late = town.story.make(
        c.CompleteFill, code=ONE, authorisation=leave, start_weight_g=16_500, end_weight_g=31_000, scale_seq=1
    )
    outcome = town.tell(town.story.station, late, at=START + int(minutes * 60_000))
    assert isinstance(outcome, e.CylinderFilled)
    assert reasons(outcome) == (["no_filling_permit"] if differs else [])
    assert outcome.as_of_scan == (() if differs else None), "as of the scan the permit still held"
    same_again(town)


def test_a_claim_id_is_used_once_by_a_signer(town: Town) -> None:
    claim = town.story.make(c.CheckPrefill, code=ONE)
    ok(town.tell(town.story.station, claim))
    again = town.tell(town.story.station, structs.replace(claim, failed_items=(c.PrefillItem.LEAK,)))
    assert reasons(again) == ["claim_id_reused"]
    other = town.say(c.FilePerson, claim_id=claim.claim_id)
    assert isinstance(other, e.Filed), "unique for each signer"


def test_a_log_is_opened_once_by_its_authority_under_its_name(town: Town) -> None:
    assert reasons(town.tell(town.story.authority, town.story.opening())) == ["stale_filing"]
    for changes, by, reason in (
        ({}, "station", "signer_not_entitled"),
        ({"origin": "ledger.other/v1"}, "authority", "reference_unknown"),
        ({"pack": structs.replace(shipped_pack("cn"), rules={})}, "authority", "reference_unknown"),
    ):
        fresh = Town()
        fields: dict[str, Any] = dict(changes)
        outcome = fresh.tell(getattr(fresh.story, by), fresh.story.opening(**fields))
        assert reasons(outcome) == [reason]
        assert reasons(fresh.say(c.FileEnterprise)) == ["signer_revoked"], "nobody is anybody before entry 0"


FILINGS: dict[type[c.Claim], dict[str, Any]] = {
    c.FilePermit: {"enterprise": "E8"},
    c.FileUseRegistration: {"cylinders": ("01900000-0000-7000-9000-00000000ffff",)},
    c.EnrolSigner: {"sites": ("S8",)},
}


def test_filings_expect_the_snapshot_that_they_replace(town: Town) -> None:
    ok(town.say(c.FilePermit))
    assert reasons(town.say(c.FilePermit)) == ["stale_filing"]
    assert reasons(town.say(c.FilePermit, expects=1)) == ["stale_filing"]
    ok(town.say(c.FilePermit, expects=0))
    ok(town.say(c.FilePermit, expects=3))  # the two refusals stand in its chain as well
    assert reasons(town.say(c.FileEnterprise, expects=0)) == ["stale_filing"]
    ok(town.say(c.FileEnterprise))


def test_filings_refer_to_what_is_there(town: Town) -> None:
    station = town.story.enrolment(town.story.station, c.Role.STATION, "E1", ("S8",))
    own = {c.EnrolSigner: structs.replace(station, expects=0)}
    for act, fields in FILINGS.items():
        outcome = (
            town.tell(town.story.authority, own[c.EnrolSigner]) if act is c.EnrolSigner else town.say(act, **fields)
        )
        assert reasons(outcome) == ["reference_unknown"]


def test_decisions_follow_the_pack_that_was_adopted(town: Town) -> None:
    assert reasons(town.tell(town.story.office, town.story.make(c.AdoptPack, pack=shipped_pack("cn"), expects=0))) == [
        "signer_not_entitled"
    ]
    pack = PACK
    mild = structs.replace(
        pack,
        version=pack.version + 1,
        rules=pack.rules | {"COND-01@2": structs.replace(pack.rules["COND-01@2"], mode="warn")},
    )
    assert reasons(town.say(c.AuthoriseFill, code=ONE)) == ["prefill_check_missing"]
    ok(town.say(c.AdoptPack, pack=mild, expects=0))
    warned = ok(town.say(c.AuthoriseFill, code=ONE))
    assert [note.reason for note in warned.warnings] == ["prefill_check_missing"]
    assert reasons(town.say(c.AdoptPack, pack=pack)) == ["stale_filing"]
    ok(town.say(c.AdoptPack, pack=pack, expects=1))
    same_again(town)


def test_replay_finds_what_was_changed(town: Town) -> None:
    town.fill(ONE)
    town.release(ONE)
    bodies = list(town.bodies)
    at = len(bodies) - 1
    for old, new, what in (
        (b'"service_phone":"0513', b'"service_phone":"0512', "outcome"),
        (b'"v":1', b'"v": 1', "bytes"),
        (ORIGIN.encode(), b"ledger.other/v1", "log"),
        (f'"pack":"320600@{PACK.version}"'.encode(), b'"pack":"320600@99"', "pack"),
        (b'"subject":"cylinder:', b'"subject":"signer:', "subject"),
        (b'"subject_prev":"', b'"subject_prev":"0', "subject chain"),
    ):
        forged = bodies[at].replace(old, new, 1)
        assert forged != bodies[at]
        steps = list(replay(World(ORIGIN), [*bodies[:at], forged]))
        found = steps[-1].difference
        assert found is not None
        assert (found.entry_index, found.what) == (at, what)


def test_a_fill_under_way_when_its_tank_runs_empty_is_lawful(town: Town) -> None:
    number = code(1)
    assert isinstance(town.say(c.CheckPrefill, code=number), e.PrefillChecked)
    leave = town.story.make(c.AuthoriseFill, code=number)
    assert isinstance(town.tell(town.story.station, leave), e.FillAuthorised)
    under: dict[str, Any] = {"code": number, "authorisation": leave.claim_id, "start_weight_g": 16_600}
    town.say(c.StartFill, **under)
    seq = town.world.registry.records["tank_lot:T1"].seq
    assert isinstance(town.tell(town.story.office, town.story.lot(status="emptied", expects=seq)), e.Filed)
    filled = town.say(c.CompleteFill, end_weight_g=31_000, scale_seq=1, **under)
    assert isinstance(filled, e.CylinderFilled)
    assert filled.lawful
    refused = town.say(c.AuthoriseFill, code=number)
    assert isinstance(refused, e.Refusal)
    assert "tank_lot_not_released" in [note.reason for note in refused.reasons]
