"""Rules: for each one a cylinder that it stops and one that it lets pass, and both sides of every number and date.

This file is over 400 lines because the table of all rules is one thing to read: a gap shows only side by side.
"""

import functools
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

import msgspec
import pytest
from msgspec import structs

from api.packs import shipped_pack
from ledger import claim as c
from ledger import events as e
from ledger.judge import MAX_PARAM, pack_faults
from ledger.packs.model import Pack, RuleSetting
from ledger.reasons import PRECEDENCE, REASONS
from ledger.rules.rule import RULES
from tests.story import MINUTE, ORIGIN, START, Story, Town, code

CHINA = timezone(timedelta(hours=8))
PACK = shipped_pack("320600")
NO_LEAVE = "01900000-0000-7000-8000-0000000fffff"
UNREAD = f"unread:payment.20.{'0' * 16}.{'0' * 64}"


def china(text: str) -> int:
    """Milliseconds UTC of a time on China's clocks."""
    return round(datetime.fromisoformat(text).replace(tzinfo=CHINA).timestamp() * 1000)


def changed(rule: str, **changes: Any) -> Pack:
    """The shipped pack with one rule's setting changed."""
    return structs.replace(PACK, version=2, rules=PACK.rules | {rule: structs.replace(PACK.rules[rule], **changes)})


@functools.cache
def _opened() -> Town:
    town = Town()
    town.opened()
    return town


@functools.cache
def _with_one(items: tuple[tuple[str, Any], ...]) -> Town:
    town = _opened().copy()
    town.with_cylinder(1, **dict(items))
    return town


ONE = code(1)


def town_with(*, at: str | int = START, pack: Pack | None = None, **cylinder: Any) -> Town:
    """The town with cylinder 1, its clock at that time."""
    town = _with_one(tuple(cylinder.items())).copy()
    town.story.now = at if isinstance(at, int) else china(at)
    if pack is not None:
        assert isinstance(town.say(c.AdoptPack, pack=pack, expects=0), e.Filed)
    return town


def prefill(**at: Any) -> e.Outcome:
    return town_with(**at).say(c.CheckPrefill, code=ONE)


def authorise(town: Town | None = None, /, *, checked: bool = True, **fields: Any) -> e.Outcome:
    town = town or town_with()
    if checked:
        town.say(c.CheckPrefill, code=ONE)
    return town.say(c.AuthoriseFill, code=ONE, **fields)


def release(town: Town | None = None, /) -> e.Outcome:
    town = town or town_with()
    town.fill(ONE)
    return town.release(ONE)


def sell(town: Town | None = None, /, *, later: str | None = None) -> e.Outcome:
    town = town or town_with()
    release(town)
    if later is not None:
        town.story.now = china(later)
    return town.sell(ONE)


def inspect(**fields: Any) -> e.Outcome:
    return town_with().say(c.RecordInspection, code=ONE, **fields)


def after(act: type[c.Claim], then: Callable[[Town], e.Outcome], **fields: Any) -> e.Outcome:
    """The outcome of `then` in a town where this happened to the cylinder."""
    town = town_with()
    named: dict[str, Any] = {"code": ONE} if "code" in act.__struct_fields__ else {}
    assert not isinstance(town.say(act, **(named | fields)), e.Refusal)
    return then(town)


def aged(minutes: float) -> e.Outcome:
    """A fill asked for so long after its pre-check."""
    town = town_with()
    town.say(c.CheckPrefill, code=ONE)
    return authorise(town.wait(minutes), checked=False)


def started(*, late_ms: int, line: str = "L1", start_s: int = 120) -> e.Outcome:
    """A valve opened so long after the last moment of its leave."""
    town = town_with()
    leave = town.authorise(ONE, line=line)
    town.story.now += start_s * 1000 + late_ms
    return town.say(c.StartFill, code=ONE, authorisation=leave, line=line)


def completed(gross_g: int = 31_000, **fields: Any) -> e.Outcome:
    town = town_with()
    leave = town.authorise(ONE)
    town.say(c.StartFill, code=ONE, authorisation=leave)
    said: dict[str, Any] = {"authorisation": leave, "end_weight_g": gross_g} | fields
    return town.say(c.CompleteFill, code=ONE, **said)


def completed_with(lot_status: str | None = None, **fields: Any) -> e.Outcome:
    town = town_with()
    leave = town.authorise(ONE)
    if lot_status is not None:
        town.tell(town.story.office, town.story.lot(status=lot_status, expects=0))
    return town.say(c.CompleteFill, code=ONE, authorisation=leave, end_weight_g=31_000, **fields)


def from_lot(**changes: Any) -> e.Outcome:
    town = town_with()
    town.tell(town.story.office, town.story.lot(**({"expects": 0} | changes)))
    return authorise(town)


def under(rule_act: type[c.Claim], fields: dict[str, Any], **ask: Any) -> e.Outcome:
    """A fill asked for after that filing."""
    town = town_with()
    by = town.story.authority if rule_act is c.FileCertificate else None
    assert isinstance(town.say(rule_act, by=by, **fields), e.Filed)
    return authorise(town, **ask)


def postcheck(gross_g: int = 31_000, **fields: Any) -> e.Outcome:
    town = town_with()
    town.fill(ONE)
    return town.say(c.CheckPostfill, code=ONE, weight_g=gross_g, **fields)


def bled(gross_g: int) -> e.Outcome:
    town = town_with()
    town.fill(ONE, gross_g=32_000)
    return town.say(c.BleedCylinder, code=ONE, weight_g=gross_g)


def bind(**fields: Any) -> e.Outcome:
    town = town_with()
    return town.say(c.BindCode, **({"code": ONE, "new_code": code(9), "retires": ONE} | fields))


def relabelled(then: Callable[[Town], e.Outcome]) -> e.Outcome:
    """The outcome of `then` with the code that a new label replaced."""
    return after(c.BindCode, then, new_code=code(9), retires=ONE)


def register(**fields: Any) -> e.Outcome:
    town = town_with()
    return town.tell(town.story.office, town.story.cylinder(2, **fields))


def of_site(until: str | None, at: str) -> e.Outcome:
    """A pre-check of a cylinder without use registration, where first days run until then."""
    town = _opened().copy()
    town.tell(town.story.office, town.story.cylinder(1))
    site: dict[str, Any] = {
        "site": "S1",
        "kind": "filling_station",
        "name": "一号站",
        "transition_until": until,
        "expects": 0,
    }
    eased = town.story.make(c.FileSite, enterprise="E1", district="320600", status="open", **site)
    assert isinstance(town.tell(town.story.authority, eased), e.Filed)
    town.story.now = china(at)
    return town.say(c.CheckPrefill, code=ONE)


def dated(at: str, rule: str = "TYPE-01@1", **cylinder: Any) -> e.Outcome:
    """A rule in force from 2026-03-01 to 2026-03-31 only, asked at that time."""
    pack = changed(rule, effective_from="2026-03-01", effective_to="2026-03-31")
    return prefill(at=at, pack=pack, **(cylinder or TWO_PHASE))


class Row(NamedTuple):
    """`what` happens: `reason` of `rule` blocks, warns, or is not heard ("passes")."""

    what: str
    rule: str
    reason: str
    outcome: Callable[[], e.Outcome]


_P = functools.partial
TWO_PHASE: dict[str, Any] = {"phase": c.Phase.TWO_PHASE}
OLD: dict[str, Any] = {"made_month": "2014-02", "inspected_month": "2025-01"}
DUE: dict[str, Any] = {"made_month": "2022-02"}  # its inspection holds to the end of 2026-02
SLACK = changed("INS-01@1", params=PACK.rules["INS-01@1"].params | {"min_days_left": 0})


def _dme(permille: int | None) -> Callable[[], e.Outcome]:
    return _P(from_lot, dme_permille=permille)


def _skewed(ms: int) -> Callable[[], e.Outcome]:
    return lambda: town_with().say(c.CheckPrefill, code=ONE, offset=ms)


def _twice(first: Callable[[Town], object], then: Callable[[Town], e.Outcome]) -> Callable[[], e.Outcome]:
    def run() -> e.Outcome:
        town = town_with()
        first(town)
        return then(town)

    return run


def _leave_at(offset_ms: int) -> Callable[[], e.Outcome]:
    """Leave asked for again, so long after the first one's last moment."""

    def run() -> e.Outcome:
        town = town_with()
        town.authorise(ONE)
        town.story.now += 120_000 + offset_ms
        return town.say(c.AuthoriseFill, code=ONE)

    return run


def _overfilled_then(then: Callable[[Town], e.Outcome]) -> Callable[[], e.Outcome]:
    return _twice(lambda town: town.fill(ONE, gross_g=31_401), then)


def _scrap(then: Callable[[Town], e.Outcome]) -> Callable[[], e.Outcome]:
    return lambda: after(c.DecideScrap, then, person="P1")


def _destroyed(then: Callable[[Town], e.Outcome]) -> Callable[[], e.Outcome]:
    return lambda: after(c.DestroyCylinder, then)


def _deregister(town: Town) -> e.Outcome:
    return town.say(c.DeregisterCylinder, code=ONE)


def _ask(town: Town) -> e.Outcome:
    return town.say(c.AuthoriseFill, code=ONE)


def _check(town: Town) -> e.Outcome:
    return town.say(c.CheckPrefill, code=ONE)


def _release_only(town: Town) -> e.Outcome:
    return town.say(c.ReleaseCylinder, code=ONE)


def _sale(town: Town) -> e.Outcome:
    return town.sell(ONE)


def _insured(**policy: Any) -> Callable[[], e.Outcome]:
    return _P(under, c.FileInsurance, {"policy": "INS1", "expects": 0} | policy)


def _permit(**changes: Any) -> Callable[[], e.Outcome]:
    return _P(under, c.FilePermit, {"permit": "PM1", "expects": 0} | changes)


def _paper(**changes: Any) -> Callable[[], e.Outcome]:
    return _P(under, c.FileCertificate, {"certificate": "C-P1", "expects": 0} | changes)


def _calibration(**changes: Any) -> Callable[[], e.Outcome]:
    return _P(under, c.FileCalibration, {"certificate": "CAL1", "expects": 0} | changes)


def _recall(then: Callable[[Town], e.Outcome] = _check, **selectors: Any) -> Callable[[], e.Outcome]:
    return lambda: after(c.OpenRecall, then, **selectors)


def _body(**changes: Any) -> Callable[[], e.Outcome]:
    fields = {"permit": "PM3", "enterprise": "B1", "kind": "inspection", "expects": 0} | changes
    return lambda: after(c.FilePermit, lambda town: town.say(c.RecordInspection, code=ONE), **fields)


def _correct(**fields: Any) -> Callable[[], e.Outcome]:
    return lambda: town_with().say(c.CorrectCylinder, code=ONE, **fields)


# fmt: off
ROWS: tuple[Row, ...] = (
    Row("blocks", "ID-01", "code_unknown", lambda: town_with().say(c.CheckPrefill, code=code(7))),
    Row("blocks", "ID-01", "code_unread", lambda: town_with().say(c.CheckPrefill, code=UNREAD)),
    Row("blocks", "ID-01", "code_unknown", lambda: town_with().say(c.AuthoriseFill, code=code(7))),
    Row("passes", "ID-01", "code_unknown", prefill),
    Row("blocks", "ID-02", "code_retired", lambda: relabelled(_check)),
    Row("blocks", "ID-02", "code_retired", lambda: relabelled(_ask)),
    Row("blocks", "ID-02", "code_retired", lambda: relabelled(_sale)),
    Row("passes", "ID-02", "code_retired", lambda: relabelled(lambda town: town.say(c.CheckPrefill, code=code(9)))),
    Row("blocks", "ID-03", "code_used", _P(bind, new_code=ONE)),
    Row("blocks", "ID-03", "code_used", _P(register, code=ONE)),
    Row("blocks", "ID-03", "code_used", lambda: register(cylinder=Story().cylinder(1).cylinder)),
    Row("blocks", "ID-03", "scheme_occupied", _P(bind, retires=None)),
    Row("blocks", "ID-03", "scheme_occupied", _P(bind, retires=code(8))),
    Row("passes", "ID-03", "code_used", register),
    Row("passes", "ID-03", "scheme_occupied", bind),
    Row("passes", "ID-03", "scheme_occupied", _P(bind, new_code="stamp:GL_0000001_2024-06", retires=None)),
    Row("blocks", "OWN-01", "not_own_cylinder",
        _twice(lambda t: t.tell(t.story.rival, t.story.cylinder(3, owner="E2")),
               lambda t: t.say(c.CheckPrefill, code=code(3)))),
    Row("passes", "OWN-01", "not_own_cylinder", prefill),
    Row("blocks", "REG-01", "not_use_registered", _P(of_site, None, "2026-01-02T08:00")),
    Row("blocks", "REG-01", "not_use_registered",  # cancelled
        lambda: after(c.FileUseRegistration, _check, certificate="UR1", status="cancelled", expects=0)),
    Row("blocks", "REG-01", "not_use_registered",  # no longer on the list
        lambda: after(c.FileUseRegistration, _check, certificate="UR1", expects=0)),
    Row("passes", "REG-01", "not_use_registered", prefill),
    Row("warns", "REG-01", "not_use_registered", _P(of_site, "2026-02-10", "2026-02-10T23:59:59.999")),
    Row("blocks", "REG-01", "not_use_registered", _P(of_site, "2026-02-10", "2026-02-11T00:00")),
    Row("passes", "INS-01", "inspection_overdue", _P(prefill, at="2026-02-28T23:59:59.999", pack=SLACK, **DUE)),
    Row("blocks", "INS-01", "inspection_overdue", _P(prefill, at="2026-03-01T00:00", pack=SLACK, **DUE)),
    Row("passes", "INS-01", "inspection_ends_too_soon", _P(prefill, at="2026-02-13T23:59:59.999", **DUE)),
    Row("blocks", "INS-01", "inspection_ends_too_soon", _P(prefill, at="2026-02-14T00:00", **DUE)),
    Row("blocks", "INS-01", "inspection_ends_too_soon", _P(prefill, at="2026-02-28T23:59:59.999", **DUE)),
    Row("blocks", "INS-01", "inspection_overdue", _P(prefill, at="2026-03-01T00:00", **DUE)),
    Row("passes", "INS-01", "inspection_overdue", _P(prefill, made_month="2015-01", inspected_month="2022-02")),
    Row("blocks", "INS-01", "inspection_overdue", _P(prefill, made_month="2013-12", inspected_month="2025-12")),
    Row("passes", "INS-02", "inspection_overdue", lambda: sell(town_with(**DUE), later="2026-02-28T23:59:59.999")),
    Row("blocks", "INS-02", "inspection_overdue", lambda: sell(town_with(**DUE), later="2026-03-01T00:00")),
    Row("blocks", "INS-02", "inspection_overdue",  # first days never relax it
        lambda: after(c.CountStock, lambda t: t.wait(60 * 24 * 365 * 3).sell(ONE))),
    Row("blocks", "INS-04", "inspection_failed", lambda: after(c.RecordInspection, _check, passed=False)),
    Row("passes", "INS-04", "inspection_failed", lambda: after(c.RecordInspection, _check)),
    Row("blocks", "INS-05", "inspector_not_approved", _P(inspect, person="P1")),
    Row("blocks", "INS-05", "inspector_not_approved", _P(inspect, reviewer="P1")),
    Row("blocks", "INS-05", "inspector_not_approved", _P(inspect, inspected_on="2026-01-02")),  # tomorrow
    Row("blocks", "INS-05", "inspector_not_approved", _body(valid_to="2025-12-31")),
    Row("passes", "INS-05", "inspector_not_approved", _body(valid_to="2026-01-01")),
    Row("passes", "INS-05", "inspector_not_approved", _body(valid_from="2026-01-01")),
    Row("blocks", "INS-05", "inspector_not_approved", _body(valid_from="2026-01-02")),
    Row("blocks", "INS-05", "inspector_not_approved", _body(status="suspended")),
    Row("blocks", "INS-05", "not_reviewed", _P(inspect, reviewer="I1")),
    Row("passes", "INS-05", "not_reviewed", inspect),
    Row("passes", "LIFE-01", "life_ended", _P(prefill, at="2026-02-28T23:59:59.999", **OLD)),
    Row("blocks", "LIFE-01", "life_ended", _P(prefill, at="2026-03-01T00:00", **OLD)),
    Row("blocks", "LIFE-01", "life_ended", lambda: after(c.CorrectCylinder, _sale, made_month="2013-12")),
    Row("blocks", "TYPE-01", "two_phase_banned", _P(prefill, **TWO_PHASE)),
    Row("passes", "TYPE-01", "two_phase_banned", _P(prefill, phase=c.Phase.LIQUID)),
    Row("passes", "TYPE-01", "two_phase_banned", _P(dated, "2026-02-28T23:59:59.999")),
    Row("blocks", "TYPE-01", "two_phase_banned", _P(dated, "2026-03-01T00:00")),
    Row("blocks", "TYPE-01", "two_phase_banned", _P(dated, "2026-03-31T23:59:59.999")),
    Row("passes", "TYPE-01", "two_phase_banned", _P(dated, "2026-04-01T00:00")),
    Row("passes", "LIFE-01", "life_ended", _P(dated, "2026-02-28T23:59:59.999", "LIFE-01@1", made_month="2013-01")),
    Row("blocks", "LIFE-01", "life_ended", _P(dated, "2026-03-01T00:00", "LIFE-01@1", made_month="2013-01")),
    Row("blocks", "COND-01", "prefill_check_missing", _P(authorise, checked=False)),
    Row("passes", "COND-01", "prefill_check_missing", authorise),
    Row("blocks", "COND-01", "prefill_check_missing",  # void on leaving the site
        _twice(lambda t: (_check(t), t.say(c.DepotOut, code=ONE, purpose=c.Purpose.TRANSFER)), _ask)),
    Row("blocks", "COND-01", "prefill_check_missing", _twice(lambda t: t.fill(ONE), _ask)),  # one check, one fill
    Row("passes", "COND-01", "prefill_check_too_old", _P(aged, 720)),
    Row("blocks", "COND-01", "prefill_check_too_old", _P(aged, 721)),
    Row("blocks", "COND-02", "failed_check",
        lambda: town_with().say(c.CheckPrefill, code=ONE, failed_items=(c.PrefillItem.LEAK,) * 2)),
    Row("blocks", "COND-02", "failed_check", _P(postcheck, failed_items=(c.PostfillItem.SEAL,))),
    Row("passes", "COND-02", "failed_check", postcheck),
    Row("blocks", "LOCK-01", "locked", lambda: after(c.LockCylinder, _ask)),
    Row("blocks", "LOCK-01", "locked", _twice(lambda t: (release(t), t.say(c.LockCylinder, code=ONE)), _sale)),
    Row("passes", "LOCK-01", "locked", lambda: after(c.LockCylinder, authorise)),  # the green pre-check clears it
    Row("blocks", "FILL-01", "authorisation_open", _leave_at(0)),
    Row("passes", "FILL-01", "authorisation_open", _leave_at(1)),
    Row("blocks", "FILL-01", "authorisation_open",
        _twice(lambda t: t.say(c.StartFill, code=ONE, authorisation=t.authorise(ONE)), lambda t: _ask(t.wait(60)))),
    Row("blocks", "FILL-01", "authorisation_unknown", _P(completed, authorisation=NO_LEAVE)),
    Row("passes", "FILL-01", "authorisation_unknown", completed),
    Row("blocks", "FILL-01", "authorisation_used", _twice(
        lambda t: t.fill(ONE), lambda t: t.say(c.CompleteFill, code=ONE, end_weight_g=31_000, authorisation=used(t)))),
    Row("blocks", "FILL-01", "authorisation_used", _twice(
        lambda t: t.fill(ONE), lambda t: t.say(c.StartFill, code=ONE, authorisation=used(t)))),
    Row("passes", "FILL-01", "authorisation_used", completed),
    Row("passes", "FILL-01", "authorisation_expired", _P(started, late_ms=0)),
    Row("blocks", "FILL-01", "authorisation_expired", _P(started, late_ms=1)),
    Row("passes", "FILL-01", "authorisation_expired", _P(started, late_ms=0, line="L2", start_s=600)),
    Row("blocks", "FILL-01", "authorisation_expired", _P(started, late_ms=1, line="L2", start_s=600)),
    Row("blocks", "FILL-01", "authorisation_other_line", _P(completed, line="L2")),
    Row("passes", "FILL-01", "authorisation_other_line", completed),
    Row("blocks", "FILL-02", "no_filling_permit", _permit(valid_to="2025-12-31")),
    Row("passes", "FILL-02", "no_filling_permit", _permit(valid_to="2026-01-01")),
    Row("passes", "FILL-02", "no_filling_permit", _permit(valid_from="2026-01-01")),
    Row("blocks", "FILL-02", "no_filling_permit", _permit(valid_from="2026-01-02")),
    Row("blocks", "FILL-02", "no_filling_permit", _permit(status="suspended")),
    Row("blocks", "FILL-02", "no_filling_permit", _permit(media=())),
    Row("blocks", "FILL-02", "no_filling_permit", _permit(kind="inspection")),
    Row("blocks", "FILL-03", "operator_not_certified", _P(authorise, person="I1")),
    Row("blocks", "FILL-03", "operator_not_certified", _paper(valid_to="2025-12-31")),
    Row("passes", "FILL-03", "operator_not_certified", _paper(valid_to="2026-01-01")),
    Row("passes", "FILL-03", "operator_not_certified", _paper(valid_from="2026-01-01")),
    Row("blocks", "FILL-03", "operator_not_certified", _paper(valid_from="2026-01-02")),
    Row("blocks", "FILL-03", "operator_not_certified", _paper(status="revoked")),
    Row("blocks", "FILL-03", "operator_not_certified", _paper(person="P2")),  # handed on: no longer P1's
    Row("blocks", "FILL-03", "operator_not_certified",
        _P(under, c.FilePerson, {"person": "P1", "status": "left", "expects": 0})),
    Row("blocks", "FILL-03", "operator_not_certified", _P(postcheck, person="I2")),
    Row("blocks", "FILL-04", "line_not_registered", _P(authorise, line="L7")),
    Row("blocks", "FILL-04", "line_not_registered",
        _P(under, c.FileLine, {"line": "L1", "status": "out_of_service", "expects": 0})),
    Row("blocks", "FILL-04", "line_not_registered", _P(under, c.FileSite, {
        "site": "S1", "kind": "filling_station", "name": "一号站", "status": "closed", "expects": 0})),
    Row("passes", "FILL-04", "line_not_registered", _P(authorise, line="L2")),
    Row("warns", "CAL-01", "calibration_overdue", _calibration(valid_to="2025-12-31")),
    Row("passes", "CAL-01", "calibration_overdue", _calibration(valid_to="2026-01-01")),
    Row("passes", "CAL-01", "calibration_overdue", _calibration(valid_from="2026-01-01")),
    Row("warns", "CAL-01", "calibration_overdue", _calibration(valid_from="2026-01-02")),
    Row("warns", "CAL-01", "calibration_overdue", _calibration(line="L2")),  # the certificate is another line's now
    Row("passes", "FILL-05", "tank_lot_not_released", _dme(5)),
    Row("blocks", "FILL-05", "tank_lot_not_released", _dme(6)),
    Row("blocks", "FILL-05", "tank_lot_not_released", _dme(None)),
    Row("blocks", "FILL-05", "tank_lot_not_released", _P(from_lot, odorant_certificate=False)),
    Row("blocks", "FILL-05", "tank_lot_not_released", _P(from_lot, status="received")),
    Row("blocks", "FILL-05", "tank_lot_not_released", _P(authorise, tank_lot="T7")),
    Row("blocks", "FILL-05", "tank_lot_not_released", _P(completed_with, "blocked")),
    Row("passes", "FILL-06", "overfilled", _P(completed, 16_500 + 14_900)),
    Row("blocks", "FILL-06", "overfilled", _P(completed, 16_500 + 14_901)),
    Row("passes", "FILL-06", "overfilled", _P(postcheck, 16_500 + 14_900)),
    Row("blocks", "FILL-06", "overfilled", _P(postcheck, 16_500 + 14_901)),
    Row("passes", "FILL-06", "overfilled", _P(bled, 16_500 + 14_900)),
    Row("blocks", "FILL-06", "overfilled", _P(bled, 16_500 + 14_901)),
    Row("blocks", "FILL-06", "overfilled", _overfilled_then(_release_only)),
    Row("blocks", "FILL-06", "overfilled", _overfilled_then(_sale)),
    Row("blocks", "FILL-06", "overfilled",  # nor filled again
        _overfilled_then(lambda t: t.say(c.AuthoriseFill, code=ONE, continues=used(t)))),
    Row("blocks", "FILL-06", "overfilled",  # the tare was less: so the net was more
        _twice(release, lambda t: (t.say(c.CorrectCylinder, code=ONE, tare_g=16_000), t.sell(ONE))[1])),
    Row("blocks", "FILL-06", "overfilled",
        _twice(release, lambda t: (t.say(c.WeighCylinder, code=ONE, weight_g=31_401), t.sell(ONE))[1])),
    Row("blocks", "FILL-08", "postfill_check_missing", _twice(lambda t: t.fill(ONE), _release_only)),
    Row("blocks", "FILL-08", "postfill_check_missing", _twice(sell, _release_only)),  # no second release on the road
    Row("passes", "FILL-08", "postfill_check_missing", release),
    Row("blocks", "FILL-08", "postfill_same_person", _P(postcheck, person="P1")),
    Row("passes", "FILL-08", "postfill_same_person", postcheck),
    Row("blocks", "FILL-12", "no_lawful_fill", lambda: town_with().sell(ONE)),
    Row("blocks", "FILL-12", "no_lawful_fill", _twice(lambda t: t.fill(ONE), _sale)),  # not released
    Row("blocks", "FILL-12", "no_lawful_fill", _twice(sell, _sale)),  # one release, one sale
    Row("passes", "FILL-12", "no_lawful_fill", sell),
    Row("passes", "FILL-12", "no_lawful_fill", lambda: after(c.CountStock, _sale)),
    Row("blocks", "RECALL-01", "recalled", _recall()),
    Row("blocks", "RECALL-01", "recalled", _recall(_sale)),
    Row("blocks", "RECALL-01", "recalled", _recall(maker="GL")),
    Row("passes", "RECALL-01", "recalled", _recall(maker="XX")),
    Row("blocks", "RECALL-01", "recalled", _recall(model="YSP35.5")),
    Row("passes", "RECALL-01", "recalled", _recall(model="YSP12")),
    Row("blocks", "RECALL-01", "recalled", _recall(phase=c.Phase.VAPOUR)),
    Row("passes", "RECALL-01", "recalled", _recall(phase=c.Phase.LIQUID)),
    Row("blocks", "RECALL-01", "recalled", _recall(made_from="2024-06", made_to="2024-06")),
    Row("passes", "RECALL-01", "recalled", _recall(made_from="2024-07")),
    Row("passes", "RECALL-01", "recalled", _recall(made_to="2024-05")),
    Row("passes", "RECALL-01", "recalled", _recall(maker="GL", model="YSP12")),
    Row("blocks", "RECALL-02", "seized", lambda: after(c.SeizeCylinder, _check)),
    Row("blocks", "RECALL-02", "seized", _twice(lambda t: (release(t), t.say(c.SeizeCylinder, code=ONE)), _sale)),
    Row("passes", "RECALL-02", "seized", prefill),
    Row("blocks", "SCRAP-01", "scrapped", _scrap(_check)),
    Row("blocks", "SCRAP-01", "scrapped", _scrap(_sale)),
    Row("blocks", "SCRAP-01", "scrapped", _scrap(lambda t: t.say(c.BindCode, code=ONE, new_code=code(9), retires=ONE))),
    Row("passes", "SCRAP-01", "scrapped", prefill),
    Row("blocks", "SCRAP-02", "not_destroyed", _scrap(_deregister)),
    Row("passes", "SCRAP-02", "not_destroyed", _destroyed(_deregister)),
    Row("warns", "SUP-01", "not_insured", _insured(valid_to="2025-12-31")),
    Row("passes", "SUP-01", "not_insured", _insured(valid_to="2026-01-01")),
    Row("passes", "SUP-01", "not_insured", _insured(valid_from="2026-01-01")),
    Row("warns", "SUP-01", "not_insured", _insured(valid_from="2026-01-02")),
    Row("warns", "SUP-01", "not_insured", _insured(enterprise="E1", valid_to="2025-12-31")),
    Row("passes", "DATA-01", "clock_skew", _skewed(1_800_000)),
    Row("warns", "DATA-01", "clock_skew", _skewed(1_800_001)),
    Row("passes", "DATA-01", "clock_skew", _skewed(-1_800_000)),
    Row("warns", "DATA-01", "clock_skew", _skewed(-1_800_001)),
    Row("warns", "DATA-01", "clock_skew", _skewed(-(10**17))),  # no clock is so wrong that deciding breaks
    Row("blocks", "DATA-02", "correction_without_reference", _correct()),
    Row("blocks", "DATA-02", "correction_without_reference", _correct(tare_g=16_400, corrects=10_000)),
    Row("passes", "DATA-02", "correction_without_reference", _correct(tare_g=16_400)),
)
# fmt: on


def used(town: Town) -> str:
    """The authorisation of the last fill."""
    fill = town.world.cylinders[town.world.codes[ONE].cylinder].fill
    assert fill is not None
    return fill.authorisation


def heard(outcome: e.Outcome) -> tuple[list[e.Note], list[e.Note]]:
    """What blocked or was violated, and what warned."""
    broken = outcome.reasons if isinstance(outcome, e.Refusal) else outcome.violations
    return list(broken), list(outcome.warnings)


@pytest.mark.parametrize("row", ROWS, ids=[f"{n}-{row.rule}-{row.reason}-{row.what}" for n, row in enumerate(ROWS)])
def test_rule(row: Row) -> None:
    outcome = row.outcome()
    broken, warned = heard(outcome)
    found = [(note.rule.partition("@")[0], note.reason) for note in broken]
    mild = [(note.rule.partition("@")[0], note.reason) for note in warned]
    here = (row.rule, row.reason)
    assert {"blocks": here in found, "warns": here in mild, "passes": here not in found + mild}[row.what], outcome
    for notes in (broken, warned):
        ranks = [PRECEDENCE[note.reason] for note in notes]
        assert ranks == sorted(ranks)


def test_every_rule_stops_one_and_lets_one_pass_for_every_reason_it_has() -> None:
    stopped = {(row.rule, row.reason) for row in ROWS if row.what != "passes"}
    answers = {(name.partition("@")[0], reason) for name, rule in RULES.items() for reason in rule.reasons}
    assert stopped == answers
    assert {row.rule for row in ROWS if row.what == "passes"} == {rule for rule, _ in answers}


LEDGER_REASONS = {
    "claim_id_reused", "signer_revoked", "signer_not_entitled", "stale_filing", "reference_unknown", "stage_closed",
}  # fmt: skip
"""What `decide` itself says, whatever the pack: each shown below, in the order of the last table."""


def test_every_reason_has_someone_who_says_it() -> None:
    assert LEDGER_REASONS | {reason for rule in RULES.values() for reason in rule.reasons} == set(REASONS)


def test_the_shipped_packs_are_whole() -> None:
    for name in ("cn", "320600"):
        pack = shipped_pack(name)
        assert pack_faults(pack) == []
        assert set(pack.rules) == set(RULES), "every rule has a mode, and every setting a rule"
        for rule, setting in pack.rules.items():
            assert set(setting.params) == set(RULES[rule].params), "every parameter is asked for, none is idle"


@pytest.mark.parametrize("mode", ["warn", "off"])
def test_a_pack_may_make_any_rule_warn_or_leave_it_out_but_not_what_identity_rests_on(mode: Any) -> None:
    for rule in PACK.rules:
        soft = structs.replace(PACK, rules=PACK.rules | {rule: structs.replace(PACK.rules[rule], mode=mode)})
        gone = structs.replace(PACK, rules={name: one for name, one in PACK.rules.items() if name != rule})
        needed = rule in {"ID-01@1", "ID-03@1", "FILL-01@1", "SCRAP-02@1"}
        assert bool(pack_faults(soft)) == (needed if mode == "off" else rule == "ID-03@1")
        assert bool(pack_faults(gone)) == needed


def test_pack_faults() -> None:
    setting = RuleSetting("block")
    cases = [
        structs.replace(PACK, rules=PACK.rules | {"NOT-01@1": setting}),
        structs.replace(PACK, rules=PACK.rules | {"ID-01@2": setting}),
        structs.replace(PACK, rules=PACK.rules | {"LIFE-01@1": setting}),
        changed("COND-01@1", params={"max_age_min": -1}),
        changed("COND-01@1", params={"max_age_min": MAX_PARAM + 1}),
        changed("ID-03@1", effective_to="2030-12-31"),
    ]
    for pack in cases:
        assert len(pack_faults(pack)) == 1
        refused = town_with().say(c.AdoptPack, pack=pack, expects=0)
        assert isinstance(refused, e.Refusal)
        assert refused.reasons[0].reason == "reference_unknown"


def test_the_largest_parameters_still_decide() -> None:
    for rule in PACK.rules:
        params = dict.fromkeys(PACK.rules[rule].params, MAX_PARAM)
        town = town_with(pack=changed(rule, params=params), made_month="2099-12")
        town.say(c.CheckPrefill, code=ONE)
        town.say(c.AuthoriseFill, code=ONE)
        town.sell(ONE)


@pytest.mark.parametrize("text", ["CN", "320600"])
def test_jurisdiction(text: str) -> None:
    for bad in (f"{text}x", f"x{text}", "", "3206000", "3206"):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(msgspec.to_builtins(PACK) | {"jurisdiction": bad}, Pack)
    msgspec.convert(msgspec.to_builtins(PACK) | {"jurisdiction": text}, Pack)


# --- precedence: each row fixes exactly one more thing than the row before ---------------------------------------

Break = Callable[[Town], None]


def _set(**changes: Any) -> Break:
    def apply(town: Town) -> None:
        key = town.world.codes[ONE].cylinder
        town.world.cylinders[key] = structs.replace(town.world.cylinders[key], **changes)

    return apply


def _lock(cause: c.Cause) -> Break:
    return lambda town: _set(locks=(*town.world.cylinders[town.world.codes[ONE].cylinder].locks, cause))(town)


def _retire(town: Town) -> None:
    town.world.codes[ONE] = structs.replace(town.world.codes[ONE], active=False)


def _file(kind: type[Any], key: str, **changes: Any) -> Break:
    """The record in force says otherwise."""

    def apply(town: Town) -> None:
        registry = town.world.registry
        record = registry.get(kind, key)
        assert record is not None
        registry.file(structs.replace(record, **changes), seq=0, entry_index=0)

    return apply


def _open_leave(town: Town) -> None:
    from ledger.cylinder import Authorisation  # noqa: PLC0415 - the one inside that this table provokes

    _set(authorisation=Authorisation("x", "L1", town.story.now + MINUTE))(town)


def _recall_all(town: Town) -> None:
    town.world.registry.open_recalls["R1"] = town.story.make(c.OpenRecall, recall="R1")


THING: tuple[tuple[str, Break], ...] = (
    ("code_retired", _retire),
    ("seized", _set(orders=("O1",))),
    ("recalled", _recall_all),
)
SCRAP: tuple[str, Break] = ("scrapped", _set(stage="scrap_decided"))
TYPE: tuple[str, Break] = ("two_phase_banned", _set(phase=c.Phase.TWO_PHASE))
LIFE: tuple[str, Break] = ("life_ended", _set(made_month="2013-12"))
FAILED: tuple[str, Break] = ("inspection_failed", _set(inspection_failed=True))
OVERDUE: tuple[str, Break] = ("inspection_overdue", _set(inspected_month="2021-12"))
LOCKED: tuple[str, Break] = ("locked", _lock(c.Cause.LEAK))
OVER: tuple[str, Break] = ("overfilled", _lock(c.Cause.OVERFILLED))

PRECEDENCES: dict[str, tuple[Callable[[Town], object], Callable[[Town], e.Outcome], tuple[tuple[str, Break], ...]]] = {
    "fill": (_check, _ask, (
        *THING, SCRAP, TYPE, LIFE,
        ("not_own_cylinder", _set(owner="E2")),
        ("not_use_registered", _set(use_registration=None)),
        FAILED, OVERDUE, LOCKED,
        ("prefill_check_missing", _set(prefill=None)),
        ("no_filling_permit", _file(c.FilePermit, "PM1", status="revoked")),
        ("operator_not_certified", _file(c.FileCertificate, "C-P1", status="revoked")),
        ("line_not_registered", _file(c.FileLine, "L1", status="out_of_service")),
        ("tank_lot_not_released", _file(c.FileTankLot, "T1", status="blocked")),
        ("authorisation_open", _open_leave),
        OVER,
    )),
    "release": (lambda t: (t.fill(ONE), t.say(c.CheckPostfill, code=ONE, weight_g=31_000)), _release_only, (
        *THING, SCRAP, TYPE, FAILED, LOCKED, OVER,
        ("postfill_check_missing", _set(postfill_person=None)),
        ("no_lawful_fill", _set(content=c.Content.UNKNOWN)),
    )),
    "depot_out": (release, _sale, (
        *THING, SCRAP, TYPE, LIFE, FAILED, OVERDUE, LOCKED, OVER, ("no_lawful_fill", _set(released=False)),
    )),
}  # fmt: skip


def _rows(gate: str) -> Iterator[tuple[str, int]]:
    return ((gate, fixed) for fixed in range(len(PRECEDENCES[gate][2]) + 1))


@pytest.mark.parametrize(("gate", "fixed"), [row for gate in PRECEDENCES for row in _rows(gate)])
def test_precedence_at_a_gate(gate: str, fixed: int) -> None:
    before, ask, faults = PRECEDENCES[gate]
    town = town_with()
    before(town)
    for _, breaks in faults[fixed:]:
        breaks(town)
    outcome = ask(town)
    wrong = [reason for reason, _ in faults[fixed:]]
    assert [note.reason for note in heard(outcome)[0]] == wrong
    assert isinstance(outcome, e.Refusal) == bool(wrong)
    assert wrong == sorted(wrong, key=PRECEDENCE.__getitem__)


def test_precedence_before_the_gates() -> None:
    """One filing that everything is wrong with, then one fault less a row; in the end it is accepted."""
    town = town_with()
    story = town.story
    line = {"line": "L1", "kind": "scale", "division_g": 50, "status": "in_service"}
    revoke = town.story.enrolment(story.rival, c.Role.OFFICE, "E2", ())
    town.tell(story.rival, story.make(c.FileSite, site="S2", enterprise="E2", kind="depot", name="邻库",
                                      district="320600", status="open"))  # fmt: skip
    used_id = town.last_id()
    town.tell(story.authority, structs.replace(revoke, status="revoked", expects=0))

    def say(by: Any, **fields: Any) -> str:
        outcome = town.tell(by, story.make(c.FileLine, **(line | fields)))
        return outcome.reasons[0].reason if isinstance(outcome, e.Refusal) else "filed"

    assert say(story.rival, claim_id=used_id, expects=5, site="S8") == "claim_id_reused"
    assert say(story.rival, expects=5, site="S8") == "signer_revoked"
    back = structs.replace(revoke, claim_id=story.base()["claim_id"], status="active", expects=1)
    assert isinstance(town.tell(story.authority, back), e.Filed)
    assert say(story.rival, expects=5, site="S1") == "signer_not_entitled"
    assert say(story.office, expects=5) == "stale_filing"
    years = {"valid_from": "2025-01-01", "valid_to": "2027-12-31"}
    permit = {"permit": "PM1", "kind": "filling", "media": ("lpg",), "status": "valid", "expects": 0}
    homeless = town.tell(story.authority, story.make(c.FilePermit, enterprise="E8", **permit, **years))
    assert [note.reason for note in heard(homeless)[0]] == ["reference_unknown"]
    assert say(story.office, expects=0) == "filed"


def test_stage_closed_comes_last_and_alone() -> None:
    """What only the lifecycle lacks: a second deregistration, whatever the pack."""
    town = town_with()
    town.say(c.DestroyCylinder, code=ONE)
    assert isinstance(_deregister(town), e.CylinderDeregistered)
    again = _deregister(town)
    assert isinstance(again, e.Refusal)
    assert [note.reason for note in again.reasons] == ["stage_closed"]


def test_a_pack_that_warns_of_everything_still_opens_no_gate_for_an_unknown_code() -> None:
    rules = {name: one if name == "ID-03@1" else structs.replace(one, mode="warn") for name, one in PACK.rules.items()}
    town = town_with(pack=structs.replace(PACK, version=2, rules=rules))
    for act in (c.AuthoriseFill, c.ReleaseCylinder, c.DepotOut, c.DeregisterCylinder):
        outcome = town.say(act, code=code(7))
        assert isinstance(outcome, e.Refusal)
        assert [note.reason for note in outcome.reasons] == ["code_unknown"]
    bound = town.say(c.BindCode, code=code(7), new_code=code(8))
    assert isinstance(bound, e.Refusal)
    assert isinstance(town.say(c.AuthoriseFill, code=ONE), e.FillAuthorised)
    assert town.world.log == ORIGIN
