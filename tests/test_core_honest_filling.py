"""Honest work on the filling platform (FLOW.md section 5): every act of it goes through, and only says what it must."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from ledger import claim as c
from ledger import events as e
from tests.rule_kit import ONE, check, china, heard, release, sell, settled, town_with, used
from tests.story import DAY, Town, code


class Work(NamedTuple):
    """`rule` of the page, the work that it must not stop, its acts, and the reasons that they are warned of."""

    rule: str
    work: str
    acts: Callable[[Town], list[e.Outcome]]
    warned: frozenset[str] = frozenset()


def _say(town: Town, act: type[c.Claim], **fields: Any) -> e.Outcome:
    return town.say(act, code=ONE, **fields)


def _round(town: Town, *, start_g: int = 16_500, gross_g: int = 31_000, line: str = "L1") -> list[e.Outcome]:
    """From the pre-check to the gate."""
    told = [check(town), _say(town, c.AuthoriseFill, line=line, start_weight_g=start_g)]
    under = {"authorisation": town.last_id(), "line": line, "start_weight_g": start_g}
    told.append(_say(town, c.StartFill, **under))
    told.append(_say(town.wait(1.5), c.CompleteFill, end_weight_g=gross_g, **under))
    return [*told, *_out(town, gross_g)]


def _out(town: Town, gross_g: int = 31_000) -> list[e.Outcome]:
    """Checked by the second person, released and sold."""
    return [_say(town, c.CheckPostfill, weight_g=gross_g), _say(town, c.ReleaseCylinder), town.sell(ONE)]


def _go_on(town: Town, start_g: int) -> list[e.Outcome]:
    """Started and completed under the leave granted last."""
    under = {"authorisation": town.last_id(), "start_weight_g": start_g}
    return [_say(town, c.StartFill, **under), _say(town, c.CompleteFill, end_weight_g=31_000, **under), *_out(town)]


def _early_row(town: Town) -> list[e.Outcome]:
    row = [town.with_cylinder(number) for number in range(2, 22)]
    town.story.now = china("2026-01-02T06:00")
    told = [town.say(c.CheckPrefill, code=one) for one in row]
    for one in row:
        told.append(town.wait(9).say(c.AuthoriseFill, code=one))
        told.append(town.say(c.StartFill, code=one, authorisation=town.last_id()))
    return told


def _new_valve(town: Town) -> list[e.Outcome]:
    return [_say(town, c.ReplaceValve), *_round(town, start_g=16_250)]


def _swapped_scale(town: Town) -> list[e.Outcome]:
    line: dict[str, Any] = {"line": "L3", "kind": "scale", "division_g": 50, "status": "spare"}
    told = [town.say(c.FileLine, **line), town.say(c.FileCalibration, certificate="CAL3", line="L3")]
    return [*told, *_round(town, line="L3")]


def _power_cut(town: Town) -> list[e.Outcome]:
    """Stopped, resumed, that leave lapsed too, and asked for again."""
    leave = town.authorise(ONE)
    told = [_say(town, c.StartFill, authorisation=leave)]
    told.append(_say(town, c.InterruptFill, authorisation=leave, weight_g=20_000))
    on = {"continues": leave, "start_weight_g": 20_000}
    told += [_say(town.wait(20), c.AuthoriseFill, **on), _say(town.wait(3), c.AuthoriseFill, **on)]
    return [*told, *_go_on(town, 20_000)]


def _leak_found(town: Town) -> list[e.Outcome]:
    release(town)
    told = [_say(town, c.BleedCylinder, weight_g=20_000)]
    told.append(_say(town.wait(30), c.AuthoriseFill, continues=used(town), start_weight_g=20_000))
    return [*told, *_go_on(town, 20_000)]


def _topped_up(town: Town) -> list[e.Outcome]:
    town.fill(ONE, gross_g=29_000)
    told = [_say(town, c.CheckPostfill, weight_g=29_000)]
    told.append(_say(town, c.AuthoriseFill, continues=used(town), start_weight_g=29_000))
    return [*told, *_go_on(town, 29_000)]


def _customer_swap(town: Town) -> list[e.Outcome]:
    sell(town)
    return [_say(town.wait(30), c.CollectCylinder), _say(town.wait(30), c.DepotIn), *_round(town)]


def _missed_return(town: Town) -> list[e.Outcome]:
    sell(town)
    return _round(town.wait(60 * 24 * 20))


def _swapping_neighbours(town: Town) -> list[e.Outcome]:
    told = _missed_return(town)
    town.story.now += 10 * DAY
    return [*told, _say(town, c.CheckPrefill, stamp_tail="0001", photo_digest="00" * 32)]


def _nothing_shown(town: Town) -> list[e.Outcome]:
    told = _missed_return(town)
    town.story.now += 10 * DAY
    return [*told, *_round(town)]


def _first_days(town: Town) -> list[e.Outcome]:
    site: dict[str, Any] = {"site": "S1", "kind": "filling_station", "name": "一号站", "expects": 0}
    told = [town.say(c.FileSite, by=town.story.authority, transition_until="2026-01-31", **site)]
    told.append(_say(town, c.CountStock))
    town.story.now = china("2026-02-03T08:00")
    return [*told, town.sell(ONE)]


def _night_shift(town: Town) -> list[e.Outcome]:
    town.story.now = china("2026-01-02T23:00")
    town.fill(ONE)
    town.story.now = china("2026-01-03T06:30")
    return _out(town)


def _emptied_tank(town: Town) -> list[e.Outcome]:
    leave = town.authorise(ONE)
    told = [_say(town, c.StartFill, authorisation=leave)]
    town.tell(town.story.office, town.story.lot(status="emptied", expects=0))
    return [*told, _say(town, c.CompleteFill, authorisation=leave, end_weight_g=31_000), *_out(town)]


def _lifted_order(town: Town) -> list[e.Outcome]:
    told = [_say(town, c.SeizeCylinder), town.say(c.FileSeizureOrder)]
    return [*told, town.say(c.FileSeizureOrder, status="lifted", expects=0), *_round(town)]


def _new_tare(town: Town) -> list[e.Outcome]:
    _say(town, c.CheckPrefill, failed_items=(c.PrefillItem.TARE_UNCLEAR,))
    return [_say(town, c.DetermineTare, tare_g=16_600), *_round(town, start_g=16_600)]


def _new_customer(town: Town) -> list[e.Outcome]:
    sell(town)
    return [_say(settled(town), c.HandOver, premises="H7")]


def _foreign(town: Town) -> list[e.Outcome]:
    """What nobody here may fill still moves: taken along, brought in, set aside, given back."""
    town.tell(town.story.rival, town.story.cylinder(3, owner="E2"))
    other: dict[str, Any] = {"code": code(3)}
    told = [town.say(c.CollectCylinder, **other), town.say(c.DepotIn, **other), town.say(c.SetAside, **other)]
    return [*told, town.say(c.DepotOut, **other, purpose=c.Purpose.OWNER_RETURN)]


def _withdrawn(town: Town) -> list[e.Outcome]:
    """Full, recalled, seized and overdue, on its way to be inspected or destroyed."""
    release(town)
    told = [town.say(c.OpenRecall), _say(town, c.SeizeCylinder)]
    town.story.now = china("2031-01-01T08:00")
    for purpose in (c.Purpose.SEIZURE_TRANSFER, c.Purpose.INSPECTION, c.Purpose.EMERGENCY, c.Purpose.DESTRUCTION):
        told.append(_say(town, c.DepotOut, purpose=purpose))
        told.append(_say(town, c.DepotIn, content=c.Content.FULL))
    return told


def _mistyped_tare(town: Town) -> list[e.Outcome]:
    first = town.world.cylinders[town.world.codes[ONE].cylinder].first_index
    return [_say(town, c.CorrectCylinder, corrects=first, tare_g=16_400), *_round(town)]


RESIDUE = frozenset({"residue_high"})
MISSED = frozenset({"return_missing"})
WORK: tuple[Work, ...] = (
    Work("COND-01", "20 checked at six, filled by nine", _early_row),
    Work("COND-01", "a power cut, and the leave to go on lapsed", _power_cut),
    Work("COND-01", "an under-filled cylinder is topped up", _topped_up),
    Work("COND-03", "an unclear tare is weighed anew", _new_tare),
    Work("COND-04", "first in the ledger, not first in life", _round),
    Work("COND-05", "winter residue", lambda town: _round(town, start_g=17_400)),
    Work("COND-05", "much residue", lambda town: _round(town, start_g=19_000), RESIDUE),
    Work("COND-05", "a full return", lambda town: _round(town, start_g=31_000), RESIDUE),
    Work("COND-05", "a new valve, lighter than the old", _new_valve),
    Work("FILL-04", "a scale swapped at seven", _swapped_scale),
    Work("FILL-05", "a tank that ran empty under the last fill", _emptied_tank),
    Work("FILL-08", "alone at night, checked in the morning", _night_shift),
    Work("FILL-10", "a leak found after the release", _leak_found),
    Work("FILL-10", "a customer's swap", _customer_swap),
    Work("FILL-11", "a return that nobody scanned", _missed_return, MISSED),
    Work("FILL-11", "neighbours who swap, stamp and photograph shown", _swapping_neighbours, MISSED),
    Work("FILL-11", "again, and nothing shown", _nothing_shown, MISSED | {"return_missing_again"}),
    Work("FILL-12", "opening stock goes out once", _first_days),
    Work("RECALL-02", "a lifted order frees what it held", _lifted_order),
    Work("PREM-01", "a new customer", _new_customer),
    Work("collect", "a rival's cylinder is taken along, never filled", _foreign),
    Work("moves", "seized, recalled, expired and full: still moved out of harm's way", _withdrawn),
    Work("DATA-02", "a mistyped tare is put right", _mistyped_tare),
)


@pytest.mark.parametrize("work", WORK, ids=[f"{n}-{work.rule}-{work.work}" for n, work in enumerate(WORK)])
def test_honest_work_goes_through(work: Work) -> None:
    told = [heard(outcome) for outcome in work.acts(town_with())]
    assert [note for broken, _ in told for note in broken] == []
    assert {note.reason for _, warned in told for note in warned} == work.warned
