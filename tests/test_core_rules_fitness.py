"""Rules about the cylinder and its papers: what each stops, what it lets pass, both sides of numbers and dates.

This file is over 400 lines because it is one table: a gap shows only side by side.
"""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from ledger import claim as c
from ledger import events as e
from ledger.packs.model import Pack
from tests.rule_kit import (
    ONE,
    P,
    Row,
    after,
    ask,
    bind,
    changed,
    check,
    china,
    dated,
    heard,
    holds,
    ids_of,
    opened,
    prefill,
    register,
    relabelled,
    release,
    sale,
    sell,
    town_with,
    under,
    with_params,
)
from tests.story import PACK, Story, Town, code

NO_LEAVE = "01900000-0000-7000-8000-0000000fffff"
UNREAD = f"unread:payment.20.{'0' * 16}.{'0' * 64}"
GRAI = "grai:06909999000012TC2000001"
TWO_PHASE: dict[str, Any] = {"phase": c.Phase.TWO_PHASE}
OLD: dict[str, Any] = {"made_month": "2014-02", "inspected_month": "2025-01"}
CAPPED: dict[str, Any] = {"made_month": "2014-01", "inspected_month": "2025-06"}  # twelve years end with 2026-01
DUE: dict[str, Any] = {"made_month": "2022-02"}  # its inspection holds to the end of 2026-02
LARGE: dict[str, Any] = {"model": "YSP118/49.5", "water_volume_ml": 118_000, "tare_g": 45_000, "max_fill_g": 49_500}
CUSTOMERS: dict[str, Any] = {"owner": c.CUSTOMER, "made_month": "2019-06", "inspected_month": "2023-05"}
EIGHT_YEARS: dict[str, Any] = {"design_life_months": 96}
ENDING: dict[str, Any] = EIGHT_YEARS | {"made_month": "2018-01", "inspected_month": "2023-01"}  # with 2026-01
SLACK = with_params("INS-01", min_days_left=0)
LARGE_3Y = with_params("INS-01", min_days_left=0, interval_118_months=36)
EVERYONE = with_params("ID-04", challenge_permille=1000)
KEPT = with_params("OWN-01", allow_custody=1)

FIRST = opened().world.size
"""The index of the first cylinder's registration."""

Filing = tuple[type[c.Claim], dict[str, Any]]


def told(town: Town, *filings: Filing) -> Town:
    """The town after these filings by whoever files such things."""
    for act, fields in filings:
        by = {c.FileCertificate: town.story.authority, c.FileCustody: town.story.rival}.get(act)
        assert isinstance(town.say(act, by=by, **fields), e.Filed), act
    return town


def inspect(*filings: Filing, **fields: Any) -> e.Outcome:
    return told(town_with(), *filings).say(c.RecordInspection, code=ONE, **fields)


def inspected_before(month: str, on: str) -> e.Outcome:
    """An inspection told of a cylinder whose record says that month."""
    return town_with(made_month="2020-06", inspected_month=month).say(c.RecordInspection, code=ONE, inspected_on=on)


def of_site(until: str | None, at: str) -> e.Outcome:
    """A pre-check of a cylinder without use registration, where first days run until then."""
    town = opened().copy()
    town.tell(town.story.office, town.story.cylinder(1))
    site = {"site": "S1", "kind": "filling_station", "name": "一号站", "transition_until": until, "expects": 0}
    eased: Any = town.story.make(c.FileSite, **({"enterprise": "E1", "district": "320600", "status": "open"} | site))
    assert isinstance(town.tell(town.story.authority, eased), e.Filed)
    town.story.now = china(at)
    return town.say(c.CheckPrefill, code=ONE)


def enter(*filings: Filing, **fields: Any) -> e.Outcome:
    """A second cylinder's registration after these filings."""
    town = told(town_with(), *filings)
    return town.tell(town.story.office, town.story.cylinder(2, **fields))


def checked(**fields: Any) -> e.Outcome:
    """A pre-check of cylinder 1, with cylinder 2 beside it; `serial` is cylinder 1's."""
    town = town_with(**{name: fields.pop(name) for name in ("serial",) if name in fields})
    town.with_cylinder(2)
    return town.say(c.CheckPrefill, code=ONE, **fields)


def challenged(*then: Callable[[Town], e.Outcome], pack: Pack | None = EVERYONE) -> e.Outcome:
    """What comes last of what follows a green check under that pack."""
    town = town_with(pack=pack)
    outcome = town.say(c.CheckPrefill, code=ONE)
    for step in then:
        outcome = step(town)
    return outcome


def resumed(town: Town) -> e.Outcome:
    """A fill asked for again after a power cut, with a challenge open since."""
    leave = town.authorise(ONE)
    town.say(c.InterruptFill, code=ONE, authorisation=leave, weight_g=20_000)
    key = town.world.codes[ONE].cylinder
    town.world.cylinders[key] = structs.replace(town.world.cylinders[key], challenged=True)
    return town.say(c.AuthoriseFill, code=ONE, continues=leave)


def unmarked(then: Callable[[Town], e.Outcome] = check, **fields: Any) -> e.Outcome:
    """A cylinder that came in before its mark was asked for."""
    town = opened().copy()
    before = changed("ID-06", mode="off")
    assert isinstance(town.say(c.AdoptPack, pack=before, expects=0), e.Filed)
    town.with_cylinder(1, **fields)
    again = structs.replace(PACK, version=PACK.version + 2)
    assert isinstance(town.say(c.AdoptPack, pack=again, expects=0), e.Filed)
    return then(town)


def label(town: Town, new: int, old: str = ONE, **fields: Any) -> e.Outcome:
    return town.say(c.BindCode, code=old, new_code=code(new), retires=old, **fields)


def labelled(then: Callable[[Town], e.Outcome], **fields: Any) -> e.Outcome:
    """What follows a new label that one person gave it alone."""
    town = town_with()
    assert isinstance(label(town, 9, **({"second_person": None} | fields)), e.CodeBound)
    return then(town)


def confirm(person: str) -> Callable[[Town], e.Outcome]:
    return lambda town: town.say(c.ConfirmRelabel, code=code(9), person=person)


def confirmed_sale(town: Town, person: str = "P2") -> e.Outcome:
    confirm(person)(town)
    return town.sell(code(9))


def label_again(at: str, *, labels: int = 1) -> e.Outcome:
    """The last of so many new labels at that time, after a first one on 2026-01-01."""
    town = town_with()
    label(town, 9)
    town.story.now = china(at)
    outcome: e.Outcome | None = None
    for n in range(9, 9 + labels):
        outcome = label(town, n + 1, code(n))
    assert outcome is not None
    return outcome


def foreign(*filings: Filing, pack: Pack | None = None) -> e.Outcome:
    """A pre-check of another enterprise's cylinder, after these filings."""
    town = told(town_with(pack=pack), *filings)
    town.tell(town.story.rival, town.story.cylinder(3, owner="E2"))
    return town.say(c.CheckPrefill, code=code(3))


def black(*filings: Filing, own: bool = False, then: Callable[[Town, str], e.Outcome] = Town.sell) -> e.Outcome:
    """What follows a fill that nobody gave leave for: of another's cylinder, or of the station's own."""
    town = told(town_with(), *filings)
    town.tell(town.story.rival, town.story.cylinder(3, owner="E2"))
    which = ONE if own else code(3)
    town.say(c.CompleteFill, code=which, authorisation=NO_LEAVE, end_weight_g=31_000)
    return then(town, which)


def released() -> Town:
    town = town_with()
    release(town)
    return town


def surrender(**fields: Any) -> e.Outcome:
    town = town_with()
    assert isinstance(town.tell(town.story.office, town.story.cylinder(4, **fields)), e.CylinderRegistered)
    return town.say(c.SurrenderCylinder, code=code(4))


def weigh(tare_g: int) -> e.Outcome:
    return town_with().say(c.DetermineTare, code=ONE, tare_g=tare_g)


def leave_depot(**at: Any) -> e.Outcome:
    """Out for sale, whatever else is wrong with it."""
    return town_with(**at).sell(ONE)


def hand(position: str = "outdoor", *, premises: dict[str, Any] | None = None, **at: Any) -> e.Outcome:
    """A hand-over at premises like these, whatever else is wrong with it."""
    town = told(town_with(**at), (c.FilePremises, {"premises": "H7"} | (premises or {})))
    return town.say(c.HandOver, code=ONE, premises="H7", position=position)


def _body(**changes: Any) -> Callable[[], e.Outcome]:
    fields = {"permit": "PM3", "enterprise": "B1", "kind": "inspection", "expects": 0} | changes
    return P(inspect, (c.FilePermit, fields))


def _maker(**changes: Any) -> Callable[[], e.Outcome]:
    decades = {"valid_from": "2005-01-01", "valid_to": "2030-12-31"}
    fields = {"permit": "MK1", "enterprise": "GL", "kind": "manufacture", "expects": 0} | decades | changes
    return P(enter, (c.FilePermit, fields))


def _black_maker(**changes: Any) -> Callable[[], e.Outcome]:
    return P(enter, (c.FileBlacklisting, {"kind": "maker", "target": "GL"} | changes))


def _merged(day: str) -> Filing:
    return c.FileSuccessor, {"enterprise": "E2", "successor": "E1", "from_day": day}


def _custody(**changes: Any) -> Filing:
    return c.FileCustody, {"agreement": "CU1", "owner": "E2", "custodian": "E1"} | changes


def _insured(**policy: Any) -> Callable[[], e.Outcome]:
    return P(under, c.FileInsurance, {"policy": "INS1", "expects": 0} | policy)


def _permit(**changes: Any) -> Filing:
    return c.FilePermit, {"permit": "PM1", "expects": 0} | changes


RESTAURANT: dict[str, Any] = {"premises": {"kind": "restaurant"}}
VAPORISER: dict[str, Any] = {"premises": {"kind": "restaurant", "vaporiser": True}}
CROWDED: dict[str, Any] = {"premises": {"crowded": True}}
LIQUID: dict[str, Any] = LARGE | {"model": "YSP118/液/49.5", "phase": c.Phase.LIQUID}
OTHERS: tuple[Filing, ...] = (
    (c.FilePerson, {"person": "X1", "enterprise": "E1"}),
    (c.FileCertificate, {"certificate": "CX1", "person": "X1", "kind": "inspection"}),
)
"""A certified inspector whom another enterprise employs."""


# fmt: off
ROWS: tuple[Row, ...] = (
    Row("blocks", "ID-01", "code_unknown", lambda: town_with().say(c.CheckPrefill, code=code(7))),
    Row("blocks", "ID-01", "code_unread", lambda: town_with().say(c.CheckPrefill, code=UNREAD)),
    Row("blocks", "ID-01", "code_unknown", lambda: town_with().say(c.AuthoriseFill, code=code(7))),
    Row("passes", "ID-01", "code_unknown", prefill),
    Row("blocks", "ID-02", "code_retired", lambda: relabelled(check)),
    Row("blocks", "ID-02", "code_retired", lambda: relabelled(ask)),
    Row("blocks", "ID-02", "code_retired", lambda: relabelled(sale)),
    Row("passes", "ID-02", "code_retired", lambda: relabelled(lambda town: town.say(c.CheckPrefill, code=code(9)))),
    Row("blocks", "ID-02", "code_retired", lambda: relabelled(lambda town: town.say(c.HandOver, code=ONE))),
    Row("blocks", "ID-03", "code_used", P(bind, new_code=ONE)),
    Row("blocks", "ID-03", "code_used", P(register, also=(GRAI, ONE))),
    Row("passes", "ID-03", "code_used", P(register, also=(GRAI, "legacy-digits9:200000002"))),
    Row("blocks", "ID-03", "scheme_occupied", P(register, also=(code(8),))),
    Row("passes", "ID-03", "scheme_occupied", P(register, also=(code(2), GRAI))),
    Row("blocks", "ID-03", "code_used", P(register, code=ONE)),
    Row("blocks", "ID-03", "code_used", lambda: register(cylinder=Story().cylinder(1).cylinder)),
    Row("blocks", "ID-03", "scheme_occupied", P(bind, retires=None)),
    Row("blocks", "ID-03", "scheme_occupied", P(bind, retires=code(8))),
    Row("passes", "ID-03", "code_used", register),
    Row("passes", "ID-03", "scheme_occupied", bind),
    Row("passes", "ID-03", "scheme_occupied", P(bind, new_code=GRAI, retires=None)),
    Row("passes", "ID-04", "stamp_mismatch", P(checked, stamp_tail="0001"), "digits"),
    Row("blocks", "ID-04", "stamp_mismatch", P(checked, stamp_tail="001"), "digits"),
    Row("blocks", "ID-04", "stamp_mismatch", P(checked, stamp_tail="0002")),
    Row("passes", "ID-04", "stamp_mismatch", P(checked, stamp_tail="2000001")),
    Row("blocks", "ID-04", "stamp_mismatch", P(checked, stamp_tail="12000001")),
    Row("passes", "ID-04", "stamp_mismatch", P(checked, stamp_tail="12", serial="12")),
    Row("blocks", "ID-04", "stamp_mismatch", P(checked, stamp_tail="2", serial="12")),
    Row("blocks", "ID-04", "stamp_mismatch", P(checked, also_read=(ONE, code(2)))),
    Row("passes", "ID-04", "stamp_mismatch", P(checked, also_read=(ONE, code(7)))),  # nobody registered that tag
    Row("blocks", "ID-04", "stamp_challenge_open", P(challenged, ask), "challenge_permille"),
    Row("passes", "ID-04", "stamp_challenge_open", P(challenged, ask, pack=None), "challenge_permille"),
    Row("passes", "ID-04", "stamp_challenge_open", lambda: resumed(town_with())),
    Row("blocks", "ID-05", "already_registered", P(register, serial="2000001")),
    Row("passes", "ID-05", "already_registered", P(register, serial="2000001", made_month="2024-05")),
    Row("passes", "ID-05", "already_registered", P(register, serial="2000001", maker="JN")),
    Row("passes", "ID-05", "already_registered", register),
    Row("passes", "ID-06", "filler_mark_missing", P(register, filler_mark=None, made_month="2021-05"), "made"),
    Row("blocks", "ID-06", "filler_mark_missing", P(register, filler_mark=None, made_month="2021-06"), "made"),
    Row("passes", "ID-06", "filler_mark_missing",
        P(register, filler_mark=None, made_month="2021-05", bought_on="2021-05-31"), "bought_on"),
    Row("blocks", "ID-06", "filler_mark_missing",
        P(register, filler_mark=None, made_month="2021-05", bought_on="2021-06-01"), "bought_on"),
    Row("passes", "ID-06", "filler_mark_missing", P(register, made_month="2021-05", bought_on="2021-06-01")),
    Row("blocks", "ID-06", "filler_mark_missing", P(register, filler_mark="E2")),
    Row("passes", "ID-06", "filler_mark_missing", P(enter, _merged("2026-01-01"), filler_mark="E2"), "from_day"),
    Row("blocks", "ID-06", "filler_mark_missing", P(enter, _merged("2026-01-02"), filler_mark="E2"), "from_day"),
    Row("passes", "ID-06", "filler_mark_missing", P(register, owner=c.CUSTOMER, filler_mark=None)),  # to be surrendered
    Row("blocks", "ID-06", "filler_mark_missing", P(prefill, owner=c.CUSTOMER, filler_mark="E1")),
    Row("blocks", "ID-06", "filler_mark_missing", P(prefill, owner=c.CUSTOMER, filler_mark=c.CUSTOMER)),
    Row("passes", "ID-06", "filler_mark_missing", P(register, **CUSTOMERS)),
    Row("blocks", "ID-06", "filler_mark_missing", P(unmarked, filler_mark=None)),
    Row("blocks", "ID-06", "filler_mark_missing", P(unmarked, ask, filler_mark=None)),
    Row("passes", "ID-06", "filler_mark_missing", unmarked),
    Row("blocks", "ID-07", "relabel_photo_missing", P(bind, photo_digest=None)),
    Row("blocks", "ID-07", "relabel_photo_missing", P(bind, person=None)),
    Row("passes", "ID-07", "relabel_photo_missing", bind),
    Row("passes", "ID-07", "relabel_photo_missing",
        P(bind, new_code=GRAI, retires=None, person=None, photo_digest=None)),
    Row("blocks", "ID-07", "relabel_same_person", P(labelled, confirm("P1"))),
    Row("passes", "ID-07", "relabel_same_person", P(labelled, confirm("P2"))),
    Row("blocks", "ID-07", "relabel_unconfirmed", P(labelled, lambda town: town.sell(code(9)))),
    Row("blocks", "ID-07", "relabel_unconfirmed", P(labelled, lambda town: town.say(c.HandOver, code=code(9)))),
    Row("blocks", "ID-07", "relabel_unconfirmed", P(labelled, lambda town: town.sell(code(9)), second_person="P1")),
    Row("passes", "ID-07", "relabel_unconfirmed", P(labelled, lambda town: town.sell(code(9)), second_person="P2")),
    Row("passes", "ID-07", "relabel_unconfirmed", P(labelled, confirmed_sale)),
    Row("blocks", "ID-07", "relabel_unconfirmed", P(labelled, P(confirmed_sale, person="P1"))),
    Row("passes", "ID-07", "relabelled_too_often", bind, "max_relabels"),
    Row("warns", "ID-07", "relabelled_too_often", P(label_again, "2026-01-01T09:00"), "max_relabels"),
    Row("warns", "ID-07", "relabelled_too_often", P(label_again, "2026-12-31T23:59:59.999"), "window_months"),
    Row("passes", "ID-07", "relabelled_too_often", P(label_again, "2027-01-01T00:00"), "window_months"),
    Row("blocks", "OWN-01", "not_own_cylinder", foreign),
    Row("passes", "OWN-01", "not_own_cylinder", P(foreign, _merged("2026-01-01")), "from_day"),
    Row("blocks", "OWN-01", "not_own_cylinder", P(foreign, _merged("2026-01-02")), "from_day"),
    Row("passes", "OWN-01", "not_own_cylinder", P(foreign, _custody(), pack=KEPT), "allow_custody"),
    Row("blocks", "OWN-01", "not_own_cylinder", P(foreign, _custody()), "allow_custody"),
    Row("passes", "OWN-01", "not_own_cylinder", P(foreign, _custody(valid_to="2026-01-01"), pack=KEPT), "valid_to"),
    Row("blocks", "OWN-01", "not_own_cylinder", P(foreign, _custody(valid_to="2025-12-31"), pack=KEPT), "valid_to"),
    Row("passes", "OWN-01", "not_own_cylinder", P(foreign, _custody(valid_from="2026-01-01"), pack=KEPT), "valid_from"),
    Row("blocks", "OWN-01", "not_own_cylinder", P(foreign, _custody(valid_from="2026-01-02"), pack=KEPT), "valid_from"),
    Row("blocks", "OWN-01", "not_own_cylinder", P(foreign, _custody(status="ended"), pack=KEPT)),
    Row("blocks", "OWN-01", "not_own_cylinder", P(foreign, _custody(custodian="B1"), pack=KEPT)),
    Row("passes", "OWN-01", "not_own_cylinder", prefill),
    Row("blocks", "OWN-02", "unlawful_fill", black),
    Row("blocks", "OWN-02", "unlawful_fill", P(black, then=lambda town, which: town.say(c.HandOver, code=which))),
    Row("passes", "OWN-02", "unlawful_fill", P(black, own=True)),
    Row("passes", "OWN-02", "unlawful_fill", P(black, _custody())),
    Row("blocks", "OWN-02", "unlawful_fill", P(black, _custody(valid_to="2025-12-31"))),
    Row("passes", "OWN-02", "unlawful_fill", P(black, _merged("2026-01-01")), "from_day"),
    Row("blocks", "OWN-02", "unlawful_fill", P(black, _merged("2026-01-02")), "from_day"),
    Row("passes", "OWN-02", "unlawful_fill", P(black, _permit(valid_to="2026-01-01"), own=True), "valid_to"),
    Row("blocks", "OWN-02", "unlawful_fill", P(black, _permit(valid_to="2025-12-31"), own=True), "valid_to"),
    Row("passes", "OWN-02", "unlawful_fill", P(black, _permit(valid_from="2026-01-01"), own=True), "valid_from"),
    Row("blocks", "OWN-02", "unlawful_fill", P(black, _permit(valid_from="2026-01-02"), own=True), "valid_from"),
    Row("blocks", "OWN-02", "unlawful_fill", P(black, _permit(media=()), own=True)),
    Row("passes", "OWN-02", "unlawful_fill", sell),
    Row("passes", "OWN-02", "unlawful_fill",  # lawful on its day, whatever became of the permit since
        lambda: told(released(), _permit(status="revoked")).sell(ONE)),
    Row("passes", "OWN-02", "unlawful_fill", lambda: after(c.CountStock, sale)),  # no fill is known: FILL-12's
    Row("warns", "OWN-03", "ownership_not_shown", P(register, ownership=None)),
    Row("passes", "OWN-03", "ownership_not_shown", register),
    Row("blocks", "OWN-03", "not_customer_owned", lambda: town_with().say(c.SurrenderCylinder, code=ONE)),
    Row("passes", "OWN-03", "not_customer_owned", P(surrender, **CUSTOMERS)),
    Row("blocks", "REG-01", "not_use_registered", P(of_site, None, "2026-01-02T08:00")),
    Row("blocks", "REG-01", "not_use_registered",  # cancelled
        lambda: after(c.FileUseRegistration, check, certificate="UR1", status="cancelled", expects=0)),
    Row("blocks", "REG-01", "not_use_registered",  # no longer on the list
        lambda: after(c.FileUseRegistration, check, certificate="UR1", expects=0)),
    Row("warns", "REG-01", "not_use_registered", P(of_site, "2026-02-10", "2026-02-10T23:59:59.999")),
    Row("blocks", "REG-01", "not_use_registered", P(of_site, "2026-02-10", "2026-02-11T00:00")),
    Row("passes", "REG-01", "not_use_registered", prefill),
    *(Row("blocks", "REG-02", "serial_placeholder", P(register, serial=serial))
      for serial in ("0000000", "0", "00-00", "9999999", "1111111", "-", "XXXXX")),
    *(Row("passes", "REG-02", "serial_placeholder", P(register, serial=serial))
      for serial in ("12345678", "1000000", "9", "1111112", "2000002")),
    Row("passes", "REG-02", "serial_placeholder", P(register, serial="1111"), "five_alike"),
    Row("blocks", "REG-02", "serial_placeholder", P(register, serial="11111"), "five_alike"),
    Row("passes", "REG-02", "capacity_out_of_band", P(register, water_volume_ml=36_032), "volume_high"),
    Row("blocks", "REG-02", "capacity_out_of_band", P(register, water_volume_ml=36_033), "volume_high"),
    Row("passes", "REG-02", "capacity_out_of_band", P(register, water_volume_ml=34_968), "volume_low"),
    Row("blocks", "REG-02", "capacity_out_of_band", P(register, water_volume_ml=34_967), "volume_low"),
    Row("passes", "REG-02", "fill_out_of_band", P(register, max_fill_g=15_010), "fill_high"),
    Row("blocks", "REG-02", "fill_out_of_band", P(register, max_fill_g=15_011), "fill_high"),
    Row("passes", "REG-02", "fill_out_of_band", P(register, max_fill_g=13_410), "fill_low"),
    Row("blocks", "REG-02", "fill_out_of_band", P(register, max_fill_g=13_409), "fill_low"),
    Row("passes", "REG-02", "tare_out_of_band", P(register, tare_g=18_975), "tare_band_percent"),
    Row("blocks", "REG-02", "tare_out_of_band", P(register, tare_g=18_976), "tare_band_percent"),
    Row("passes", "REG-02", "tare_out_of_band", P(register, tare_g=14_025), "tare_low"),
    Row("blocks", "REG-02", "tare_out_of_band", P(register, tare_g=14_024), "tare_low"),
    Row("passes", "REG-02", "tare_out_of_band", P(weigh, 18_975), "tare_weighed"),
    Row("blocks", "REG-02", "tare_out_of_band", P(weigh, 18_976), "tare_weighed"),
    Row("passes", "REG-02", "tare_out_of_band",  # nobody is sure of this model's tare
        P(register, model="YSP74", water_volume_ml=74_000, max_fill_g=30_000, tare_g=30_000)),
    Row("passes", "REG-02", "date_in_future", P(register, made_month="2026-01"), "made"),
    Row("blocks", "REG-02", "date_in_future", P(register, made_month="2026-02"), "made"),
    Row("passes", "REG-02", "date_in_future", P(register, inspected_month="2026-01"), "inspected"),
    Row("blocks", "REG-02", "date_in_future", P(register, inspected_month="2026-02"), "inspected"),
    Row("passes", "REG-02", "date_in_future", P(register, bought_on="2026-01-01"), "bought_on"),
    Row("blocks", "REG-02", "date_in_future", P(register, bought_on="2026-01-02"), "bought_on"),
    Row("passes", "REG-02", "dates_contradictory", P(register, inspected_month="2024-06"), "inspected_after"),
    Row("blocks", "REG-02", "dates_contradictory", P(register, inspected_month="2024-05"), "inspected_after"),
    Row("passes", "REG-02", "dates_contradictory", P(register, bought_on="2024-06-01"), "bought_after"),
    Row("blocks", "REG-02", "dates_contradictory", P(register, bought_on="2024-05-31"), "bought_after"),
    Row("passes", "REG-02", "dates_contradictory", P(register, design_life_months=48), "life_short"),
    Row("blocks", "REG-02", "dates_contradictory", P(register, design_life_months=47), "life_short"),
    Row("passes", "REG-02", "dates_contradictory", P(register, design_life_months=240), "life_long"),
    Row("blocks", "REG-02", "dates_contradictory", P(register, design_life_months=241), "life_long"),
    Row("warns", "MAKE-01", "maker_not_licensed", P(register, maker="XX")),
    Row("warns", "MAKE-01", "maker_not_licensed", P(register, maker="E2")),  # no manufacturer
    Row("passes", "MAKE-01", "maker_not_licensed", register),
    Row("passes", "MAKE-01", "maker_not_licensed", _maker(valid_to="2024-06-01"), "valid_to"),
    Row("warns", "MAKE-01", "maker_not_licensed", _maker(valid_to="2024-05-31"), "valid_to"),
    Row("passes", "MAKE-01", "maker_not_licensed", _maker(valid_from="2024-06-30"), "valid_from"),
    Row("warns", "MAKE-01", "maker_not_licensed", _maker(valid_from="2024-07-01"), "valid_from"),
    Row("warns", "MAKE-01", "maker_not_licensed", _maker(kind="supply")),
    Row("warns", "MAKE-01", "maker_not_licensed", _black_maker(from_day="2026-01-01"), "from_day"),
    Row("passes", "MAKE-01", "maker_not_licensed", _black_maker(from_day="2026-01-02"), "from_day"),
    Row("passes", "MAKE-01", "maker_not_licensed", _black_maker(status="removed")),
    Row("passes", "INS-01", "inspection_overdue",
        P(prefill, at="2026-02-28T23:59:59.999", pack=SLACK, **DUE), "interval_months"),
    Row("blocks", "INS-01", "inspection_overdue",
        P(prefill, at="2026-03-01T00:00", pack=SLACK, **DUE), "interval_months"),
    Row("passes", "INS-01", "inspection_ends_too_soon",
        P(prefill, at="2026-02-13T23:59:59.999", **DUE), "min_days_left"),
    Row("blocks", "INS-01", "inspection_ends_too_soon", P(prefill, at="2026-02-14T00:00", **DUE), "min_days_left"),
    Row("blocks", "INS-01", "inspection_ends_too_soon", P(prefill, at="2026-02-28T23:59:59.999", **DUE)),
    Row("blocks", "INS-01", "inspection_overdue", P(prefill, at="2026-03-01T00:00", **DUE)),
    Row("passes", "INS-01", "inspection_overdue",
        P(prefill, made_month="2015-01", inspected_month="2022-02"), "cap_months"),
    Row("blocks", "INS-01", "inspection_overdue",
        P(prefill, made_month="2013-12", inspected_month="2025-12"), "cap_months"),
    Row("passes", "INS-01", "large_inspection_due",
        P(prefill, at="2026-01-31T23:59:59.999", made_month="2023-01", **LARGE), "warn_118_months"),
    Row("warns", "INS-01", "large_inspection_due",
        P(prefill, at="2026-02-01T00:00", made_month="2023-01", **LARGE), "warn_118_months"),
    Row("passes", "INS-01", "large_inspection_due", P(prefill, at="2026-02-01T00:00", made_month="2023-01")),
    Row("passes", "INS-01", "inspection_overdue",
        P(prefill, at="2026-01-31T23:59:59.999", pack=LARGE_3Y, made_month="2023-01", **LARGE), "interval_118_months"),
    Row("blocks", "INS-01", "inspection_overdue",
        P(prefill, at="2026-02-01T00:00", pack=LARGE_3Y, made_month="2023-01", **LARGE), "interval_118_months"),
    Row("passes", "INS-01", "inspection_overdue",
        P(prefill, at="2026-02-01T00:00", pack=LARGE_3Y, made_month="2023-01")),
    Row("passes", "INS-02", "inspection_overdue",
        lambda: sell(town_with(**DUE), later="2026-02-28T23:59:59.999"), "interval_months"),
    Row("blocks", "INS-02", "inspection_overdue",
        lambda: sell(town_with(**DUE), later="2026-03-01T00:00"), "interval_months"),
    Row("blocks", "INS-02", "inspection_overdue",  # first days never relax it
        lambda: after(c.CountStock, lambda t: t.wait(60 * 24 * 365 * 3).sell(ONE))),
    Row("passes", "INS-02", "inspection_overdue", P(leave_depot, at="2026-01-31T23:59:59.999", **CAPPED), "cap_months"),
    Row("blocks", "INS-02", "inspection_overdue", P(leave_depot, at="2026-02-01T00:00", **CAPPED), "cap_months"),
    Row("passes", "INS-02", "inspection_overdue",
        P(leave_depot, at="2026-02-28T23:59:59.999", **DUE, **LARGE), "interval_118_months"),
    Row("blocks", "INS-02", "inspection_overdue",
        P(leave_depot, at="2026-03-01T00:00", **DUE, **LARGE), "interval_118_months"),
    Row("passes", "INS-02", "overdue_at_door", P(hand, at="2026-02-28T23:59:59.999", **DUE), "last_day"),
    Row("warns", "INS-02", "overdue_at_door", P(hand, at="2026-03-01T00:00", **DUE), "last_day"),
    Row("passes", "INS-02", "inspection_overdue", P(hand, at="2026-03-01T00:00", **DUE)),
    Row("passes", "INS-03", "inspection_due_soon", P(prefill, at="2026-01-29T23:59:59.999", **DUE), "warn_days"),
    Row("warns", "INS-03", "inspection_due_soon", P(prefill, at="2026-01-30T00:00", **DUE), "warn_days"),
    Row("warns", "INS-03", "inspection_due_soon", P(prefill, at="2026-02-13T23:59:59.999", **DUE), "min_days_left"),
    Row("passes", "INS-03", "inspection_due_soon", P(prefill, at="2026-02-14T00:00", **DUE), "min_days_left"),
    Row("passes", "INS-03", "inspection_due_soon",
        P(prefill, at="2026-02-13", made_month="2022-03"), "interval_months"),
    Row("warns", "INS-03", "inspection_due_soon",
        P(prefill, at="2026-02-13", made_month="2022-02"), "interval_months"),
    Row("passes", "INS-03", "inspection_due_soon",
        P(prefill, at="2026-02-13", made_month="2022-03", **LARGE), "interval_118_months"),
    Row("warns", "INS-03", "inspection_due_soon",
        P(prefill, at="2026-02-13", made_month="2022-02", **LARGE), "interval_118_months"),
    Row("warns", "INS-03", "inspection_due_soon", P(prefill, at="2026-01-02", **CAPPED), "cap_months"),
    Row("passes", "INS-03", "inspection_due_soon",
        P(prefill, at="2026-01-02", **(CAPPED | {"made_month": "2014-02"})), "cap_months"),
    Row("blocks", "INS-04", "inspection_failed", lambda: after(c.RecordInspection, check, passed=False)),
    Row("passes", "INS-04", "inspection_failed", lambda: after(c.RecordInspection, check)),
    Row("blocks", "INS-05", "inspector_not_approved", P(inspect, person="P1")),
    Row("blocks", "INS-05", "inspector_not_approved", P(inspect, reviewer="P1")),
    Row("blocks", "INS-05", "inspector_not_approved", P(inspect, inspected_on="2026-01-02")),  # tomorrow
    Row("blocks", "INS-05", "inspector_not_approved", _body(valid_to="2025-12-31")),
    Row("passes", "INS-05", "inspector_not_approved", _body(valid_to="2026-01-01")),
    Row("passes", "INS-05", "inspector_not_approved", _body(valid_from="2026-01-01")),
    Row("blocks", "INS-05", "inspector_not_approved", _body(valid_from="2026-01-02")),
    Row("blocks", "INS-05", "inspector_not_approved", _body(status="suspended")),
    Row("blocks", "INS-05", "inspector_not_approved", P(inspect, *OTHERS, person="X1")),
    Row("blocks", "INS-05", "inspector_not_approved", P(inspect, *OTHERS, reviewer="X1")),
    Row("blocks", "INS-05", "not_reviewed", P(inspect, reviewer="I1")),
    Row("passes", "INS-05", "inspection_out_of_order", P(inspected_before, "2025-12", "2025-12-01"), "same_month"),
    Row("blocks", "INS-05", "inspection_out_of_order", P(inspected_before, "2025-12", "2025-11-30"), "same_month"),
    Row("passes", "INS-05", "not_reviewed", inspect),
    Row("passes", "INS-06", "inspection_late", P(inspect, inspected_on="2025-12-29"), "max_days"),
    Row("warns", "INS-06", "inspection_late", P(inspect, inspected_on="2025-12-28"), "max_days"),
    Row("passes", "INS-06", "inspection_late", P(inspect, inspected_on="2025-02-31")),  # a day that there is not
    Row("passes", "LIFE-01", "life_ended", P(prefill, at="2026-02-28T23:59:59.999", **OLD), "cap_months"),
    Row("blocks", "LIFE-01", "life_ended", P(prefill, at="2026-03-01T00:00", **OLD), "cap_months"),
    Row("blocks", "LIFE-01", "life_ended",
        lambda: after(c.CorrectCylinder, sale, made_month="2013-12", corrects=FIRST)),
    Row("passes", "LIFE-02", "design_life_ended",
        P(prefill, made_month="2017-12", inspected_month="2025-06", **EIGHT_YEARS), "extension_months"),
    Row("blocks", "LIFE-02", "design_life_ended",
        P(prefill, made_month="2017-12", inspected_month="2025-05", **EIGHT_YEARS), "extension_months"),
    Row("passes", "LIFE-02", "design_life_ended",
        P(prefill, at="2026-01-31T23:59:59.999", **ENDING), "last_day"),
    Row("blocks", "LIFE-02", "design_life_ended", P(prefill, at="2026-02-01T00:00", **ENDING), "last_day"),
    Row("blocks", "LIFE-02", "design_life_ended", P(prefill, made_month="2017-12", **EIGHT_YEARS)),
    Row("passes", "LIFE-03", "obsolete", P(prefill, made_month="2007-02"), "made"),
    Row("blocks", "LIFE-03", "obsolete", P(prefill, made_month="2007-01"), "made"),
    Row("blocks", "LIFE-03", "obsolete", P(prefill, collar="screwed")),
    Row("blocks", "LIFE-03", "obsolete", P(leave_depot, collar="screwed")),
    Row("passes", "LIFE-03", "obsolete", P(prefill, collar="welded")),
    Row("blocks", "TYPE-01", "two_phase_banned", P(prefill, **TWO_PHASE)),
    Row("passes", "TYPE-01", "two_phase_banned", P(prefill, phase=c.Phase.LIQUID)),
    Row("passes", "TYPE-01", "two_phase_banned", P(dated, "2026-02-28T23:59:59.999", "TYPE-01", **TWO_PHASE)),
    Row("blocks", "TYPE-01", "two_phase_banned", P(dated, "2026-03-01T00:00", "TYPE-01", **TWO_PHASE)),
    Row("blocks", "TYPE-01", "two_phase_banned", P(dated, "2026-03-31T23:59:59.999", "TYPE-01", **TWO_PHASE)),
    Row("passes", "TYPE-01", "two_phase_banned", P(dated, "2026-04-01T00:00", "TYPE-01", **TWO_PHASE)),
    Row("passes", "LIFE-01", "life_ended", P(dated, "2026-02-28T23:59:59.999", "LIFE-01", made_month="2013-01")),
    Row("blocks", "LIFE-01", "life_ended", P(dated, "2026-03-01T00:00", "LIFE-01", made_month="2013-01")),
    Row("blocks", "TYPE-02", "two_phase_restaurant", P(hand, **RESTAURANT, **TWO_PHASE)),
    Row("passes", "TYPE-02", "two_phase_restaurant", P(hand, **TWO_PHASE)),
    Row("passes", "TYPE-02", "two_phase_restaurant", P(hand, **RESTAURANT)),
    Row("warns", "TYPE-02", "liquid_restaurant", P(hand, **RESTAURANT, **LIQUID)),
    Row("passes", "TYPE-02", "liquid_restaurant", P(hand, **VAPORISER, **LIQUID)),
    Row("passes", "TYPE-02", "liquid_restaurant", P(hand, **LIQUID)),
    Row("blocks", "TYPE-03", "large_indoors", P(hand, "indoor", **LARGE), "litres"),
    Row("passes", "TYPE-03", "large_indoors", P(
        hand, "indoor", model="YSP74", water_volume_ml=74_000, max_fill_g=30_000, tare_g=30_000), "litres"),
    Row("blocks", "TYPE-03", "large_indoors", P(hand, "indoor", **CROWDED, **LARGE)),
    Row("passes", "TYPE-03", "large_indoors", P(hand, "cylinder_room", **LARGE)),
    Row("passes", "TYPE-03", "large_indoors", P(hand, **LARGE)),
    Row("warns", "TYPE-03", "indoors_crowded", P(hand, "indoor", **CROWDED)),
    Row("passes", "TYPE-03", "indoors_crowded", P(hand, **CROWDED)),
    Row("passes", "TYPE-03", "indoors_crowded", P(hand, "indoor", **RESTAURANT)),
    Row("warns", "SUP-01", "not_insured", _insured(valid_to="2025-12-31")),
    Row("passes", "SUP-01", "not_insured", _insured(valid_to="2026-01-01")),
    Row("passes", "SUP-01", "not_insured", _insured(valid_from="2026-01-01")),
    Row("warns", "SUP-01", "not_insured", _insured(valid_from="2026-01-02")),
    Row("warns", "SUP-01", "not_insured", _insured(enterprise="E1", valid_to="2025-12-31")),
)
# fmt: on


@pytest.mark.parametrize("row", ROWS, ids=ids_of(ROWS))
def test_rule(row: Row) -> None:
    holds(row)


def test_an_inspection_older_than_the_one_on_record_renews_nothing() -> None:
    town = town_with(made_month="2020-06", inspected_month="2025-10")
    late = town.say(c.RecordInspection, code=ONE, inspected_on="2025-09-30")
    assert isinstance(late, e.InspectionPassed)
    assert town.world.cylinders[town.world.codes[ONE].cylinder].inspected_month == "2025-10"
    assert isinstance(town.say(c.RecordInspection, code=ONE, inspected_on="2025-12-31"), e.InspectionPassed)
    assert town.world.cylinders[town.world.codes[ONE].cylinder].inspected_month == "2025-12"


def test_a_tare_outside_the_band_changes_nothing() -> None:
    town = town_with()
    for weighed, kept in ((18_976, 16_500), (16_700, 16_700)):
        town.say(c.DetermineTare, code=ONE, tare_g=weighed)
        assert town.world.cylinders[town.world.codes[ONE].cylinder].tare_g == kept


def test_an_answer_never_says_the_serial_that_was_asked_for() -> None:
    for outcome in (checked(stamp_tail="0002"), checked(also_read=(code(2),)), challenged(ask)):
        assert "2000001" not in str(heard(outcome))
