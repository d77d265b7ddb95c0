"""Rules about the fill, from the check before it to the way out: what each stops, what it lets pass, both sides.

This file is over 400 lines because the table is one thing to read: a gap shows only side by side.
"""

from collections.abc import Callable
from typing import Any

import pytest

from api.packs import NATIONAL, shipped_pack
from ledger import claim as c
from ledger import events as e
from ledger.rules.rule import RULES
from tests.rule_kit import (
    ONE,
    P,
    Row,
    after,
    ask,
    authorise,
    changed,
    check,
    china,
    deregister,
    door,
    heard,
    holds,
    ids_of,
    in_pack,
    prefill,
    release,
    release_only,
    sale,
    sell,
    settled,
    town_with,
    twice,
    under,
    used,
    with_params,
)
from tests.story import DAY, Town, code

NATION = shipped_pack(NATIONAL)
NO_LEAVE = "01900000-0000-7000-8000-0000000fffff"


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


def unstarted(*, late_ms: int) -> e.Outcome:
    """A fill told complete so long after the last moment of its leave, its start never told."""
    town = town_with()
    leave = town.authorise(ONE)
    town.story.now += 120_000 + late_ms
    return town.say(c.CompleteFill, code=ONE, authorisation=leave, end_weight_g=31_000)


def leave_of(town: Town) -> str:
    """The leave to fill that was granted last."""
    leave = town.world.cylinders[town.world.codes[ONE].cylinder].authorisation
    assert leave is not None
    return leave.claim_id


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


def postcheck(gross_g: int = 31_000, **fields: Any) -> e.Outcome:
    town = town_with()
    town.fill(ONE)
    return town.say(c.CheckPostfill, code=ONE, weight_g=gross_g, **fields)


def bled(gross_g: int) -> e.Outcome:
    town = town_with()
    town.fill(ONE, gross_g=32_000)
    return town.say(c.BleedCylinder, code=ONE, weight_g=gross_g)


def _dme(permille: int | None) -> Callable[[], e.Outcome]:
    return P(from_lot, dme_permille=permille)


def _skewed(ms: int) -> Callable[[], e.Outcome]:
    return lambda: town_with().say(c.CheckPrefill, code=ONE, offset=ms)


def _leave_at(offset_ms: int) -> Callable[[], e.Outcome]:
    """Leave asked for again, so long after the first one's last moment."""

    def run() -> e.Outcome:
        town = town_with()
        town.authorise(ONE)
        town.story.now += 120_000 + offset_ms
        return town.say(c.AuthoriseFill, code=ONE)

    return run


def _overfilled_then(then: Callable[[Town], e.Outcome]) -> Callable[[], e.Outcome]:
    return twice(lambda town: town.fill(ONE, gross_g=31_401), then)


def _scrap(then: Callable[[Town], e.Outcome]) -> Callable[[], e.Outcome]:
    return lambda: after(c.DecideScrap, then, person="P1")


def _destroyed(then: Callable[[Town], e.Outcome]) -> Callable[[], e.Outcome]:
    return lambda: after(c.DestroyCylinder, then)


def _permit(**changes: Any) -> Callable[[], e.Outcome]:
    return P(under, c.FilePermit, {"permit": "PM1", "expects": 0} | changes)


def _paper(**changes: Any) -> Callable[[], e.Outcome]:
    return P(under, c.FileCertificate, {"certificate": "C-P1", "expects": 0} | changes)


def _calibration(**changes: Any) -> Callable[[], e.Outcome]:
    return P(under, c.FileCalibration, {"certificate": "CAL1", "expects": 0} | changes)


def _recall(then: Callable[[Town], e.Outcome] = check, **selectors: Any) -> Callable[[], e.Outcome]:
    return lambda: after(c.OpenRecall, then, **selectors)


def _correct(*, past_first: int = 0, past_newest: int | None = None, **fields: Any) -> Callable[[], e.Outcome]:
    """A correction that refers to an entry so far from the cylinder's first, or newest, of three."""

    def run() -> e.Outcome:
        town = town_with()
        check(town)
        cylinder = town.world.cylinders[town.world.codes[ONE].cylinder]
        refers = cylinder.first_index + past_first if past_newest is None else cylinder.entry_index + past_newest
        return town.say(c.CorrectCylinder, code=ONE, corrects=refers, **fields)

    return run


def lapsed(*, again: bool) -> e.Outcome:
    """Leave to refill what was bled lapsed unused, and is asked for again, for the same fill or for another."""
    town = town_with()
    first = town.fill(ONE, gross_g=32_000)
    town.say(c.BleedCylinder, code=ONE, weight_g=30_000)
    assert isinstance(town.say(c.AuthoriseFill, code=ONE, continues=first), e.FillAuthorised)
    return town.wait(3).say(c.AuthoriseFill, code=ONE, continues=first if again else NO_LEAVE)


def resumed(town: Town, minutes: float = 1, *, left: bool = False, **fields: Any) -> e.Outcome:
    """A fill that a power cut stopped, asked to go on; `left`: the cylinder left the site before."""
    leave = town.authorise(ONE)
    town.say(c.StartFill, code=ONE, authorisation=leave)
    town.say(c.InterruptFill, code=ONE, authorisation=leave, weight_g=20_000)
    if left:
        town.say(c.DepotOut, code=ONE, purpose=c.Purpose.TRANSFER)
    return town.wait(minutes).say(c.AuthoriseFill, code=ONE, **({"continues": leave} | fields))


def unclear(*then: tuple[type[c.Claim], dict[str, Any]]) -> e.Outcome:
    """A fill asked for after a check found the tare unclear and this was done about it."""
    town = town_with()
    town.say(c.CheckPrefill, code=ONE, failed_items=(c.PrefillItem.TARE_UNCLEAR,))
    for act, fields in then:
        assert not isinstance(town.say(act, code=ONE, **fields), e.Refusal)
    return authorise(town)


def _act(act: type[c.Claim], **fields: Any) -> Callable[[Town], e.Outcome]:
    return lambda town: town.say(act, code=ONE, **fields)


def _weighed(start_g: int, **cylinder: Any) -> Callable[[], e.Outcome]:
    """A fill asked for with that weight on the scale."""
    return lambda: authorise(town_with(**cylinder), start_weight_g=start_g)


def opened_at(start_g: int) -> e.Outcome:
    """A valve opened with that weight on the scale."""
    town = town_with()
    return town.say(c.StartFill, code=ONE, authorisation=town.authorise(ONE), start_weight_g=start_g)


def _listed(kind: str, target: str, then: Callable[[Town], e.Outcome] = authorise, **fields: Any) -> Any:
    """The outcome of `then` with that target on the authority's blacklist."""
    return lambda: after(c.FileBlacklisting, then, kind=kind, target=target, **fields)


def postchecked(town: Town) -> e.Outcome:
    town.fill(ONE)
    return town.say(c.CheckPostfill, code=ONE, weight_g=31_000)


def neighbour(from_day: str | None) -> e.Outcome:
    """A fill by a certified person of the neighbouring enterprise, which this one took over on that day."""
    town = town_with()
    assert isinstance(town.say(c.FilePerson, by=town.story.rival, person="P3", enterprise="E2"), e.Filed)
    assert isinstance(town.say(c.FileCertificate, by=town.story.authority, person="P3"), e.Filed)
    if from_day is not None:
        assert isinstance(town.say(c.FileSuccessor, from_day=from_day), e.Filed)
    return authorise(town, person="P3")


def determined(*, by_body: bool = False, **fields: Any) -> e.Outcome:
    """A tare determined at the station, or at the inspection body's place."""
    town = town_with()
    place: dict[str, Any] = {"site": "B1S", "person": "I1"} if by_body else {}
    return town.say(c.DetermineTare, by=town.story.inspector if by_body else None, code=ONE, **(place | fields))


def _site(**changes: Any) -> Callable[[], e.Outcome]:
    return P(under, c.FileSite, {"site": "S1", "kind": "filling_station", "name": "一号站", "expects": 0} | changes)


def supplied(received_on: str | None = None, **permit: Any) -> e.Outcome:
    """A fill from a lot whose supplier has that permit."""
    town = town_with()
    assert isinstance(town.say(c.FilePermit, **({"permit": "SP9", "kind": "supply"} | permit)), e.Filed)
    town.tell(town.story.office, town.story.lot(expects=0, supplier_permit="SP9", received_on=received_on))
    return authorise(town)


def of_product(**product: Any) -> e.Outcome:
    """A fill from a lot of that product."""
    town = town_with()
    assert isinstance(town.say(c.FileProduct, **product), e.Filed)
    town.tell(town.story.office, town.story.lot(expects=0, product="G1"))
    return authorise(town)


def released(net_g: int, *, allows_g: int | None = None, **cylinder: Any) -> e.Outcome:
    """A release of that much gas; `allows_g`: what its stamp turns out to allow."""
    town = town_with(**cylinder)
    one = town.world.cylinders[town.world.codes[ONE].cylinder]
    if allows_g is not None:
        corrected = town.say(c.CorrectCylinder, code=ONE, corrects=one.entry_index, max_fill_g=allows_g)
        assert heard(corrected) == ([], [])
    town.fill(ONE, gross_g=one.tare_g + net_g)
    return town.release(ONE, gross_g=one.tare_g + net_g)


def sealed(seal: str | None, need_seal: int) -> e.Outcome:
    """A sale with that seal's number recorded at the release, under a pack that needs one or none."""
    town = town_with(pack=with_params("FILL-09", need_seal=need_seal))
    town.fill(ONE)
    town.say(c.CheckPostfill, code=ONE, weight_g=31_000)
    town.say(c.ReleaseCylinder, code=ONE, seal=seal)
    return town.sell(ONE)


def again_after(minutes: float, between: Callable[[Town], object] = sale) -> e.Outcome:
    """A fill asked for so long after the release of the last, with this in between."""
    town = town_with()
    release(town)
    between(town)
    return authorise(town.wait(minutes))


def inferred_twice(apart_ms: int, **shown: Any) -> e.Outcome:
    """The second pre-check of a cylinder that nobody saw come back, so long after the first."""
    town = town_with()
    town.say(c.DepotOut, code=ONE, purpose=c.Purpose.TRANSFER)
    check(town)
    town.say(c.DepotOut, code=ONE, purpose=c.Purpose.TRANSFER)
    town.story.now += apart_ms
    return town.say(c.CheckPrefill, code=ONE, **shown)


PHOTO = {"photo_digest": "00" * 32}
TAIL = {"stamp_tail": "0001"}


def counted(at: str, until: str | None = "2026-02-10") -> e.Outcome:
    """Stock counted full then, at a site whose first days run until that day, and sold in March."""
    town = town_with()
    site: dict[str, Any] = {"site": "S1", "kind": "filling_station", "name": "一号站", "expects": 0}
    assert isinstance(town.say(c.FileSite, by=town.story.authority, transition_until=until, **site), e.Filed)
    town.story.now = china(at)
    town.say(c.CountStock, code=ONE)
    town.story.now = china("2026-03-01T08:00")
    return town.sell(ONE)


def _at_door(act: type[c.Claim] | None = None, **fields: Any) -> Callable[[], e.Outcome]:
    """A hand-over of a cylinder that was sold; that happened on the way."""

    def run() -> e.Outcome:
        town = town_with()
        assert not isinstance(sell(town), e.Refusal)
        if act is not None:
            named: dict[str, Any] = {"code": ONE} if "code" in act.__struct_fields__ else {}
            assert not isinstance(town.say(act, **(named | fields)), e.Refusal)
        return door(town)

    return run


def _premises(**changes: Any) -> Callable[[], e.Outcome]:
    """A hand-over at premises that were filed so; none filed without changes."""

    def run() -> e.Outcome:
        town = town_with()
        sell(town)
        if changes:
            settled(town, **changes)
        return door(town, premises="H7")

    return run


def ordered(*orders: tuple[str, str]) -> e.Outcome:
    """A pre-check of a cylinder seized under these orders, each then filed with that status."""
    town = town_with()
    for order_no, status in orders:
        town.say(c.SeizeCylinder, code=ONE, order_no=order_no)
        if status:
            assert isinstance(town.say(c.FileSeizureOrder, order_no=order_no, status=status), e.Filed)
    return check(town)


YSP12: dict[str, Any] = {"model": "YSP12", "water_volume_ml": 12_000, "tare_g": 6_500, "max_fill_g": 5_000}
LAST_MS = 1 / 60_000
"""A millisecond in minutes."""


# fmt: off
ROWS: tuple[Row, ...] = (
    Row("blocks", "COND-01", "prefill_check_missing", P(authorise, checked=False)),
    Row("passes", "COND-01", "prefill_check_missing", authorise),
    Row("blocks", "COND-01", "prefill_check_missing",  # void on leaving the site
        twice(lambda t: (check(t), t.say(c.DepotOut, code=ONE, purpose=c.Purpose.TRANSFER)), ask)),
    Row("blocks", "COND-01", "prefill_check_missing", twice(lambda t: t.fill(ONE), ask)),  # one check, one fill
    Row("passes", "COND-01", "prefill_check_too_old", P(aged, 720), "max_age_min"),
    Row("blocks", "COND-01", "prefill_check_too_old", P(aged, 721), "max_age_min"),
    Row("passes", "COND-01", "prefill_check_missing", P(lapsed, again=True)),
    Row("blocks", "COND-01", "prefill_check_missing", P(lapsed, again=False)),
    Row("passes", "COND-01", "prefill_check_too_old", lambda: resumed(town_with(), 721)),
    Row("blocks", "COND-01", "prefill_check_too_old", lambda: resumed(town_with(), 721, continues=NO_LEAVE)),
    Row("blocks", "COND-01", "prefill_check_missing", lambda: resumed(town_with(), left=True)),
    Row("blocks", "COND-01", "prefill_check_missing",
        twice(lambda t: t.fill(ONE), _act(c.AuthoriseFill, continues=NO_LEAVE))),
    Row("blocks", "COND-01", "prefill_check_missing",  # a released fill is over
        twice(release, lambda t: t.say(c.AuthoriseFill, code=ONE, continues=used(t)))),
    Row("blocks", "COND-02", "failed_check",
        lambda: town_with().say(c.CheckPrefill, code=ONE, failed_items=(c.PrefillItem.LEAK,) * 2)),
    Row("blocks", "COND-02", "failed_check", P(postcheck, failed_items=(c.PostfillItem.SEAL,))),
    Row("passes", "COND-02", "failed_check", postcheck),
    Row("warns", "COND-03", "tare_unknown",
        lambda: town_with().say(c.CheckPrefill, code=ONE, failed_items=(c.PrefillItem.TARE_UNCLEAR,))),
    Row("warns", "COND-03", "tare_unknown", unclear),
    Row("passes", "COND-03", "tare_unknown", P(unclear, (c.DetermineTare, {}))),
    Row("warns", "COND-03", "tare_unknown", P(unclear, (c.DetermineTare, {"person": "P9"}))),  # nobody's tare
    Row("passes", "COND-03", "tare_unknown", P(unclear, (c.RecordInspection, {"tare_g": 16_500}))),
    Row("warns", "COND-03", "tare_unknown", P(unclear, (c.RecordInspection, {}))),
    Row("warns", "COND-04", "not_evacuated", lambda: authorise(town_with(new=True))),
    Row("warns", "COND-04", "not_evacuated", lambda: after(c.RecordInspection, authorise)),
    Row("passes", "COND-04", "not_evacuated", authorise),  # first in the ledger is not first in life
    Row("passes", "COND-04", "not_evacuated", twice(
        lambda t: (t.say(c.RecordInspection, code=ONE), t.say(c.EvacuateCylinder, code=ONE)), authorise)),
    Row("passes", "COND-04", "not_evacuated", lambda: resumed(town_with(new=True))),
    Row("passes", "COND-05", "weight_below_tare", _weighed(16_500 - 330), "tolerance_percent"),
    Row("warns", "COND-05", "weight_below_tare", _weighed(16_500 - 331), "tolerance_percent"),
    Row("passes", "COND-05", "weight_below_tare", _weighed(6_500 - 300, **YSP12), "tolerance_g"),
    Row("warns", "COND-05", "weight_below_tare", _weighed(6_500 - 301, **YSP12), "tolerance_g"),
    Row("passes", "COND-05", "weight_below_tare", P(opened_at, 16_500 - 330)),
    Row("warns", "COND-05", "weight_below_tare", P(opened_at, 16_500 - 331)),
    Row("passes", "COND-05", "weight_below_tare", P(completed, start_weight_g=16_500 - 330)),
    Row("warns", "COND-05", "weight_below_tare", P(completed, start_weight_g=16_500 - 331)),
    Row("passes", "COND-05", "residue_high", _weighed(17_500), "residue_warn_g"),
    Row("warns", "COND-05", "residue_high", _weighed(17_501), "residue_warn_g"),
    Row("warns", "COND-05", "residue_high", P(completed, start_weight_g=17_501)),
    Row("passes", "COND-05", "residue_high", authorise),  # no weight, no finding
    Row("passes", "COND-05", "residue_high", lambda: resumed(town_with(), start_weight_g=20_000)),
    Row("passes", "COND-05", "residue_high", twice(
        resumed, lambda t: t.say(c.StartFill, code=ONE, authorisation=t.last_id(), start_weight_g=20_000))),
    Row("blocks", "LOCK-01", "locked", lambda: after(c.LockCylinder, ask)),
    Row("blocks", "LOCK-01", "locked", twice(lambda t: (t.fill(ONE), t.say(c.LockCylinder, code=ONE)), release_only)),
    Row("blocks", "LOCK-01", "locked", twice(lambda t: (release(t), t.say(c.LockCylinder, code=ONE)), sale)),
    Row("passes", "LOCK-01", "locked", lambda: after(c.LockCylinder, authorise)),  # the green pre-check clears it
    Row("blocks", "LOCK-01", "locked", _at_door(c.LockCylinder)),
    Row("passes", "LOCK-01", "locked", _at_door()),
    Row("blocks", "FILL-01", "authorisation_open", _leave_at(0)),
    Row("passes", "FILL-01", "authorisation_open", _leave_at(1)),
    Row("blocks", "FILL-01", "authorisation_open",
        twice(lambda t: t.say(c.StartFill, code=ONE, authorisation=t.authorise(ONE)), lambda t: ask(t.wait(60)))),
    Row("blocks", "FILL-01", "authorisation_unknown", P(completed, authorisation=NO_LEAVE)),
    Row("passes", "FILL-01", "authorisation_unknown", completed),
    Row("blocks", "FILL-01", "authorisation_used", twice(
        lambda t: t.fill(ONE), lambda t: t.say(c.CompleteFill, code=ONE, end_weight_g=31_000, authorisation=used(t)))),
    Row("blocks", "FILL-01", "authorisation_used", twice(
        lambda t: t.fill(ONE), lambda t: t.say(c.StartFill, code=ONE, authorisation=used(t)))),
    Row("passes", "FILL-01", "authorisation_used", completed),
    Row("blocks", "FILL-01", "authorisation_used",  # told again after the next check took the leave away
        twice(lambda t: (t.fill(ONE), check(t)), lambda t: t.say(
            c.CompleteFill, code=ONE, end_weight_g=31_000, authorisation=used(t)))),
    Row("blocks", "FILL-01", "authorisation_unknown", twice(lambda t: (t.fill(ONE), check(t)), lambda t: t.say(
        c.CompleteFill, code=ONE, end_weight_g=31_000, authorisation=NO_LEAVE))),
    Row("passes", "FILL-01", "authorisation_expired", P(started, late_ms=0), "start_s"),
    Row("blocks", "FILL-01", "authorisation_expired", P(started, late_ms=1), "start_s"),
    Row("passes", "FILL-01", "authorisation_expired",
        P(started, late_ms=0, line="L2", start_s=600), "carousel_start_s"),
    Row("blocks", "FILL-01", "authorisation_expired",
        P(started, late_ms=1, line="L2", start_s=600), "carousel_start_s"),
    Row("passes", "FILL-01", "authorisation_expired", P(unstarted, late_ms=0), "start_s"),
    Row("blocks", "FILL-01", "authorisation_expired", P(unstarted, late_ms=1), "start_s"),
    Row("passes", "FILL-01", "authorisation_expired",  # a running fill never expires
        twice(lambda t: t.say(c.StartFill, code=ONE, authorisation=t.authorise(ONE)), lambda t: t.wait(10).say(
            c.CompleteFill, code=ONE, end_weight_g=31_000, authorisation=leave_of(t)))),
    Row("blocks", "FILL-01", "authorisation_other_line", P(completed, line="L2")),
    Row("passes", "FILL-01", "authorisation_other_line", completed),
    Row("blocks", "FILL-02", "no_filling_permit", _permit(valid_to="2025-12-31"), "valid_to"),
    Row("passes", "FILL-02", "no_filling_permit", _permit(valid_to="2026-01-01"), "valid_to"),
    Row("passes", "FILL-02", "no_filling_permit", _permit(valid_from="2026-01-01"), "valid_from"),
    Row("blocks", "FILL-02", "no_filling_permit", _permit(valid_from="2026-01-02"), "valid_from"),
    Row("blocks", "FILL-02", "no_filling_permit", _permit(status="suspended")),
    Row("blocks", "FILL-02", "no_filling_permit", _permit(media=())),
    Row("blocks", "FILL-02", "no_filling_permit", _permit(kind="inspection")),
    Row("passes", "FILL-02", "no_filling_permit", _permit(sites=("S9", "S1"))),
    Row("blocks", "FILL-02", "no_filling_permit", _permit(sites=("S9",))),
    Row("passes", "FILL-02", "no_filling_permit", _permit(districts=("320600",))),
    Row("blocks", "FILL-02", "no_filling_permit", _permit(districts=("320117",))),
    Row("blocks", "FILL-02", "enterprise_blacklisted", _listed("enterprise", "E1", from_day="2026-01-01"), "from_day"),
    Row("passes", "FILL-02", "enterprise_blacklisted", _listed("enterprise", "E1", from_day="2026-01-02"), "from_day"),
    Row("passes", "FILL-02", "enterprise_blacklisted", _listed("enterprise", "E1", status="removed")),
    Row("passes", "FILL-02", "enterprise_blacklisted", _listed("enterprise", "E2")),
    Row("blocks", "FILL-03", "operator_not_certified", P(authorise, person="I1")),
    Row("blocks", "FILL-03", "operator_not_certified", lambda: town_with().say(c.CheckPrefill, code=ONE, person="I1")),
    Row("blocks", "FILL-03", "operator_not_certified", P(completed, person="I1")),
    Row("blocks", "FILL-03", "operator_not_certified", _paper(valid_to="2025-12-31"), "valid_to"),
    Row("passes", "FILL-03", "operator_not_certified", _paper(valid_to="2026-01-01"), "valid_to"),
    Row("passes", "FILL-03", "operator_not_certified", _paper(valid_from="2026-01-01"), "valid_from"),
    Row("blocks", "FILL-03", "operator_not_certified", _paper(valid_from="2026-01-02"), "valid_from"),
    Row("blocks", "FILL-03", "operator_not_certified", _paper(status="revoked")),
    Row("blocks", "FILL-03", "operator_not_certified", _paper(person="P2")),  # handed on: no longer P1's
    Row("blocks", "FILL-03", "operator_not_certified",
        P(under, c.FilePerson, {"person": "P1", "status": "left", "expects": 0})),
    Row("blocks", "FILL-03", "operator_not_certified", P(postcheck, person="I2")),
    Row("blocks", "FILL-03", "operator_not_certified", P(neighbour, None)),
    Row("passes", "FILL-03", "operator_not_certified", P(neighbour, "2026-01-01"), "from_day"),
    Row("blocks", "FILL-03", "operator_not_certified", P(neighbour, "2026-01-02"), "from_day"),
    Row("blocks", "FILL-03", "operator_not_certified", P(determined, person="I1")),
    Row("passes", "FILL-03", "operator_not_certified", determined),
    Row("passes", "FILL-03", "operator_not_certified", P(determined, by_body=True)),
    Row("blocks", "FILL-03", "person_blacklisted", _listed("person", "P1", from_day="2026-01-01"), "from_day"),
    Row("passes", "FILL-03", "person_blacklisted", _listed("person", "P1", from_day="2026-01-02"), "from_day"),
    Row("passes", "FILL-03", "person_blacklisted", _listed("person", "P1", status="removed")),
    Row("passes", "FILL-03", "person_blacklisted", _listed("person", "P2")),
    Row("blocks", "FILL-03", "person_blacklisted", _listed("person", "P2", postchecked)),
    Row("blocks", "FILL-04", "line_not_registered", P(authorise, line="L7")),
    Row("blocks", "FILL-04", "line_not_registered",
        P(under, c.FileLine, {"line": "L1", "status": "out_of_service", "expects": 0})),
    Row("passes", "FILL-04", "line_not_registered",
        P(under, c.FileLine, {"line": "L1", "status": "spare", "expects": 0})),
    Row("blocks", "FILL-04", "line_not_registered", _site(status="closed")),
    Row("blocks", "FILL-04", "line_not_registered", _site(kind="depot")),
    Row("blocks", "FILL-04", "line_not_registered", _site(approvals=("storage",))),
    Row("passes", "FILL-04", "line_not_registered", _site(approvals=("storage", "filling"))),
    Row("passes", "FILL-04", "line_not_registered", P(authorise, line="L2")),
    Row("warns", "CAL-01", "calibration_overdue", _calibration(valid_to="2025-12-31"), "valid_to"),
    Row("passes", "CAL-01", "calibration_overdue", _calibration(valid_to="2026-01-01"), "valid_to"),
    Row("passes", "CAL-01", "calibration_overdue", _calibration(valid_from="2026-01-01"), "valid_from"),
    Row("warns", "CAL-01", "calibration_overdue", _calibration(valid_from="2026-01-02"), "valid_from"),
    Row("warns", "CAL-01", "calibration_overdue", _calibration(line="L2")),  # the certificate is another line's now
    Row("passes", "FILL-05", "tank_lot_not_released", _dme(5), "dme_max_permille"),
    Row("blocks", "FILL-05", "tank_lot_not_released", _dme(6), "dme_max_permille"),
    Row("blocks", "FILL-05", "tank_lot_not_released", _dme(None)),
    Row("blocks", "FILL-05", "tank_lot_not_released", P(from_lot, odorant_certificate=False)),
    Row("blocks", "FILL-05", "tank_lot_not_released", P(from_lot, status="received")),
    Row("blocks", "FILL-05", "tank_lot_not_released", P(authorise, tank_lot="T7")),
    Row("blocks", "FILL-05", "tank_lot_not_released", P(completed_with, "blocked")),
    Row("passes", "FILL-05", "tank_lot_not_released", P(completed_with, "emptied")),
    Row("blocks", "FILL-05", "tank_lot_not_released", P(from_lot, status="emptied")),
    Row("blocks", "FILL-05", "tank_lot_not_released", P(from_lot, supplier_permit="SP7")),
    Row("passes", "FILL-05", "tank_lot_not_released", supplied),
    Row("passes", "FILL-05", "tank_lot_not_released", P(supplied, kind="gas_business")),
    Row("blocks", "FILL-05", "tank_lot_not_released", P(supplied, kind="filling")),
    Row("passes", "FILL-05", "tank_lot_not_released", P(supplied, status="suspended")),
    Row("blocks", "FILL-05", "tank_lot_not_released", P(supplied, status="revoked")),
    Row("blocks", "FILL-05", "tank_lot_not_released", P(supplied, valid_to="2025-12-31"), "valid_to"),
    Row("passes", "FILL-05", "tank_lot_not_released", P(supplied, valid_to="2026-01-01"), "valid_to"),
    Row("passes", "FILL-05", "tank_lot_not_released", P(supplied, valid_from="2026-01-01"), "valid_from"),
    Row("blocks", "FILL-05", "tank_lot_not_released", P(supplied, valid_from="2026-01-02"), "valid_from"),
    Row("passes", "FILL-05", "tank_lot_not_released", P(supplied, "2025-12-31", valid_to="2025-12-31"), "valid_to"),
    Row("blocks", "FILL-05", "tank_lot_not_released", P(supplied, "2025-12-30", valid_from="2025-12-31"), "valid_from"),
    Row("passes", "FILL-05", "tank_lot_not_released", of_product),
    Row("blocks", "FILL-05", "tank_lot_not_released", P(of_product, medium="propane")),
    Row("blocks", "FILL-05", "tank_lot_not_released", P(of_product, use="industrial")),
    Row("blocks", "FILL-05", "tank_lot_not_released", P(of_product, status="withdrawn")),
    Row("blocks", "FILL-05", "tank_lot_not_released", P(from_lot, product="G7")),
    Row("passes", "FILL-05", "tank_lot_not_released", P(from_lot, residue_permille=30), "residue_max_permille"),
    Row("blocks", "FILL-05", "tank_lot_not_released", P(from_lot, residue_permille=31), "residue_max_permille"),
    Row("passes", "FILL-06", "overfilled", P(completed, 16_500 + 14_900), "allowed_g"),
    Row("blocks", "FILL-06", "overfilled", P(completed, 16_500 + 14_901), "allowed_g"),
    Row("passes", "FILL-06", "overfilled", P(postcheck, 16_500 + 14_900)),
    Row("blocks", "FILL-06", "overfilled", P(postcheck, 16_500 + 14_901)),
    Row("passes", "FILL-06", "overfilled", P(bled, 16_500 + 14_900)),
    Row("blocks", "FILL-06", "overfilled", P(bled, 16_500 + 14_901)),
    Row("blocks", "FILL-06", "overfilled", _overfilled_then(release_only)),
    Row("blocks", "FILL-06", "overfilled", _overfilled_then(sale)),
    Row("blocks", "FILL-06", "overfilled",  # nor filled again
        _overfilled_then(lambda t: t.say(c.AuthoriseFill, code=ONE, continues=used(t)))),
    Row("blocks", "FILL-06", "overfilled",  # the tare was less: so the net was more
        twice(release, lambda t: (t.say(c.DetermineTare, code=ONE, tare_g=16_000), t.sell(ONE))[1])),
    Row("blocks", "FILL-06", "overfilled",
        twice(release, lambda t: (t.say(c.WeighCylinder, code=ONE, weight_g=31_401), t.sell(ONE))[1])),
    Row("passes", "FILL-07", "underfilled", P(released, 14_000), "tolerance_15kg_g"),
    Row("blocks", "FILL-07", "underfilled", P(released, 13_999), "tolerance_15kg_g"),
    Row("passes", "FILL-07", "underfilled", P(released, 13_500, allows_g=14_000)),  # its stamp allows no more
    Row("blocks", "FILL-07", "underfilled", P(released, 13_499, allows_g=14_000)),
    Row("passes", "FILL-07", "underfilled_other", P(released, 4_800, **YSP12), "fill_tolerance_g"),
    Row("warns", "FILL-07", "underfilled_other", P(released, 4_799, **YSP12), "fill_tolerance_g"),
    Row("passes", "FILL-07", "underfilled", lambda: release_only(town_with())),  # nothing weighed: FILL-08's
    Row("blocks", "FILL-08", "postfill_check_missing", twice(lambda t: t.fill(ONE), release_only)),
    Row("blocks", "FILL-08", "postfill_check_missing", twice(sell, release_only)),  # no second release on the road
    Row("passes", "FILL-08", "postfill_check_missing", release),
    Row("blocks", "FILL-08", "postfill_same_person", P(postcheck, person="P1")),
    Row("passes", "FILL-08", "postfill_same_person", postcheck),
    Row("warns", "FILL-09", "label_missing", lambda: town_with().sell(ONE)),  # nobody filled it
    Row("passes", "FILL-09", "label_missing", sell),
    Row("passes", "FILL-09", "label_missing", lambda: after(c.CountStock, sale)),
    Row("passes", "FILL-09", "seal_missing", P(sealed, None, 0), "need_seal"),
    Row("warns", "FILL-09", "seal_missing", P(sealed, None, 1), "need_seal"),
    Row("passes", "FILL-09", "seal_missing", P(sealed, "F0001", 1)),
    Row("blocks", "FILL-10", "refilled_too_soon", P(again_after, 240 - LAST_MS), "block_min"),
    Row("passes", "FILL-10", "refilled_too_soon", P(again_after, 240), "block_min"),
    Row("warns", "FILL-10", "refilled_soon", P(again_after, 240)),
    Row("warns", "FILL-10", "refilled_soon", P(again_after, 720 - LAST_MS), "warn_min"),
    Row("passes", "FILL-10", "refilled_soon", P(again_after, 720), "warn_min"),
    Row("passes", "FILL-10", "refilled_too_soon", P(again_after, 10, _act(c.DepotIn))),
    Row("passes", "FILL-10", "refilled_too_soon", P(again_after, 10, _act(c.CollectCylinder))),
    Row("passes", "FILL-10", "refilled_too_soon", P(again_after, 10, _act(c.BleedCylinder, weight_g=20_000))),
    Row("passes", "FILL-10", "refilled_too_soon", P(again_after, 10, _act(c.ExtractResidue))),
    Row("passes", "FILL-10", "refilled_too_soon", P(again_after, 10, _act(c.RecordInspection))),
    Row("passes", "FILL-10", "refilled_soon", twice(release, lambda t: resumed(t.wait(240)))),
    Row("warns", "FILL-11", "return_missing", twice(sell, check)),
    Row("passes", "FILL-11", "return_missing", twice(lambda t: (sell(t), t.say(c.DepotIn, code=ONE)), check)),
    Row("passes", "FILL-11", "return_missing", prefill),  # an unknown holder missed nothing
    Row("warns", "FILL-11", "return_missing_again", P(inferred_twice, 30 * DAY), "window_days"),
    Row("passes", "FILL-11", "return_missing_again", P(inferred_twice, 30 * DAY + 1), "window_days"),
    Row("passes", "FILL-11", "return_missing_again", P(inferred_twice, DAY, **TAIL, **PHOTO)),
    Row("warns", "FILL-11", "return_missing_again", P(inferred_twice, DAY, **TAIL)),
    Row("warns", "FILL-11", "return_missing_again", P(inferred_twice, DAY, **PHOTO)),
    Row("blocks", "FILL-12", "no_lawful_fill", lambda: town_with().sell(ONE)),
    Row("blocks", "FILL-12", "no_lawful_fill", twice(lambda t: t.fill(ONE), sale)),  # not released
    Row("blocks", "FILL-12", "no_lawful_fill", twice(sell, sale)),  # one release, one sale
    Row("passes", "FILL-12", "no_lawful_fill", sell),
    Row("passes", "FILL-12", "no_lawful_fill", P(counted, "2026-02-10T23:59:59.999"), "last_day"),
    Row("blocks", "FILL-12", "no_lawful_fill", P(counted, "2026-02-11T00:00"), "last_day"),
    Row("blocks", "FILL-12", "no_lawful_fill", P(counted, "2026-02-10T08:00", until=None)),
    Row("blocks", "FILL-12", "no_lawful_fill", twice(lambda t: (t.say(c.CountStock, code=ONE), sale(t)), sale)),
    Row("passes", "FILL-12", "not_released_for_sale", _at_door()),
    Row("blocks", "FILL-12", "not_released_for_sale", twice(release, door)),  # never out of the depot
    Row("blocks", "FILL-12", "not_released_for_sale", _at_door(c.CollectCylinder)),
    Row("blocks", "FILL-12", "not_released_for_sale",  # one sale, one hand-over
        twice(lambda t: (sell(t), door(t)), door)),
    Row("blocks", "FILL-12", "not_released_for_sale",
        twice(lambda t: (release(t), t.say(c.DepotOut, code=ONE, purpose=c.Purpose.TRANSFER)), door)),
    Row("blocks", "PREM-01", "premises_unknown", _premises()),
    Row("blocks", "PREM-01", "premises_unknown", _premises(status="closed")),
    Row("passes", "PREM-01", "premises_unknown", _premises(status="open")),
    Row("blocks", "RECALL-01", "recalled", _recall()),
    Row("blocks", "RECALL-01", "recalled", _recall(sale)),
    Row("blocks", "RECALL-01", "recalled", _recall(ask)),
    Row("blocks", "RECALL-01", "recalled", _recall(release_only)),
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
    Row("blocks", "RECALL-01", "recalled", _at_door(c.OpenRecall)),
    Row("passes", "RECALL-01", "recalled", _at_door(c.OpenRecall, maker="XX")),
    Row("blocks", "RECALL-02", "seized", lambda: after(c.SeizeCylinder, check)),
    Row("blocks", "RECALL-02", "seized", twice(lambda t: (release(t), t.say(c.SeizeCylinder, code=ONE)), sale)),
    Row("passes", "RECALL-02", "seized", prefill),
    Row("blocks", "RECALL-02", "seized", _at_door(c.SeizeCylinder)),
    Row("blocks", "RECALL-02", "seized", P(ordered, ("O1", ""))),
    Row("blocks", "RECALL-02", "seized", P(ordered, ("O1", "in_force"))),
    Row("passes", "RECALL-02", "seized", P(ordered, ("O1", "lifted"))),
    Row("blocks", "RECALL-02", "seized", P(ordered, ("O1", "lifted"), ("O2", "in_force"))),
    Row("passes", "RECALL-02", "seized",
        twice(lambda t: (t.say(c.SeizeCylinder, code=ONE), t.say(c.EndSeizure, code=ONE)), check)),
    Row("blocks", "RECALL-02", "blacklisted", _listed("maker", "GL", check, from_day="2026-01-01"), "from_day"),
    Row("passes", "RECALL-02", "blacklisted", _listed("maker", "GL", check, from_day="2026-01-02"), "from_day"),
    Row("passes", "RECALL-02", "blacklisted", _listed("maker", "GL", check, status="removed")),
    Row("passes", "RECALL-02", "blacklisted", _listed("maker", "XX", check)),
    Row("blocks", "RECALL-02", "blacklisted",
        _at_door(c.FileBlacklisting, kind="maker", target="GL")),
    Row("blocks", "SCRAP-01", "scrapped", _scrap(check)),
    Row("blocks", "SCRAP-01", "scrapped", _scrap(sale)),
    Row("blocks", "SCRAP-01", "scrapped", _scrap(lambda t: t.say(c.BindCode, code=ONE, new_code=code(9), retires=ONE))),
    Row("passes", "SCRAP-01", "scrapped", prefill),
    Row("blocks", "SCRAP-01", "scrapped", _at_door(c.DecideScrap, person="P1")),
    Row("passes", "SCRAP-01", "scrapped", _at_door()),
    Row("blocks", "SCRAP-02", "not_destroyed", _scrap(deregister)),
    Row("passes", "SCRAP-02", "not_destroyed", _destroyed(deregister)),
    Row("passes", "DATA-01", "clock_skew", _skewed(1_800_000), "max_skew_s"),
    Row("warns", "DATA-01", "clock_skew", _skewed(1_800_001), "max_skew_s"),
    Row("passes", "DATA-01", "clock_skew", _skewed(-1_800_000)),
    Row("warns", "DATA-01", "clock_skew", _skewed(-1_800_001)),
    Row("warns", "DATA-01", "clock_skew", _skewed(-(10**17))),  # no clock is so wrong that deciding breaks
    Row("blocks", "DATA-02", "correction_without_reference", _correct()),  # no change
    Row("blocks", "DATA-02", "correction_without_reference", _correct(tare_g=16_500)),  # nor is this one
    Row("passes", "DATA-02", "correction_without_reference", _correct(tare_g=16_400), "first_index"),
    Row("blocks", "DATA-02", "correction_without_reference", _correct(tare_g=16_400, past_first=-1), "first_index"),
    Row("passes", "DATA-02", "correction_without_reference", _correct(tare_g=16_400, past_newest=0), "entry_index"),
    Row("blocks", "DATA-02", "correction_without_reference", _correct(tare_g=16_400, past_newest=1), "entry_index"),
)
# fmt: on


@pytest.mark.parametrize("row", ROWS, ids=ids_of(ROWS))
def test_rule(row: Row) -> None:
    holds(row)


def test_what_no_text_confirms_only_warns_in_the_nation_but_for_the_ledgers_own_rules() -> None:
    unsure = [name for name in NATION.rules if RULES[name].grade not in ("A", "B")]
    blocking = [name for name in unsure if NATION.rules[name].mode == "block"]
    assert 0 < len(blocking) < len(unsure)
    assert [name for name in blocking if "本账本规则" not in RULES[name].basis] == []


def test_a_tank_lot_that_lacks_everything_says_what() -> None:
    outcome = from_lot(
        supplier_permit="SP7",
        odorant_certificate=False,
        dme_permille=6,
        product="G7",
        residue_permille=31,
        status="received",
    )
    facts = [note.facts for note in heard(outcome)[0] if note.rule == in_pack("FILL-05")]
    assert facts == [{"tank_lot": "T1", "missing": "supplier odorant dme product residue release"}]


def test_where_a_start_below_tare_blocks_its_fill_is_unlawful_and_residue_still_only_warns() -> None:
    for start_g, reason, lawful in ((16_169, "weight_below_tare", False), (17_501, "residue_high", True)):
        town = town_with(pack=changed("COND-05", mode="block"))
        town.fill(ONE, start_weight_g=start_g)
        fill = town.world.cylinders[town.world.codes[ONE].cylinder].fill
        assert fill is not None
        assert fill.lawful == lawful
        told = heard(town.release(ONE))[0]
        assert ("no_lawful_fill" in [note.reason for note in told]) != lawful, reason
        asked = authorise(town_with(pack=changed("COND-05", mode="block")), start_weight_g=start_g)
        assert (reason in [note.reason for note in heard(asked)[0]]) != lawful
        assert (reason in [note.reason for note in heard(asked)[1]]) == lawful
