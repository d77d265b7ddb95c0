"""Rules about the customer, the visit and the kitchen, both sides of each: what a worker hears at the door.

This file is over 400 lines because the table is one thing to read: a gap shows only side by side.
"""

from typing import Any

import pytest
from msgspec import structs

from api.packs import shipped_pack
from ledger import claim as c
from ledger import events as e
from ledger.china import HOUR_MS
from ledger.claim import CheckItem
from ledger.judge import judge
from ledger.packs.model import Pack
from tests.rule_kit import (
    ONE,
    P,
    Row,
    changed,
    china,
    door,
    holds,
    ids_of,
    sell,
    settled,
    supplied_by_rival,
    town_with,
    with_params,
)
from tests.story import USUAL, Signer, Town, code
from tests.test_core_rules_delivery import Filing, at_door, sold

PHOTO = "00" * 32
LARGE: dict[str, Any] = {"model": "YSP118/49.5", "water_volume_ml": 118_000, "tare_g": 45_000, "max_fill_g": 49_500}


def at_place(
    *filings: Filing, pack: Pack | None = None, at: str | None = None, hand_over: dict[str, Any] | None = None,
    **premises: Any,
) -> e.Outcome:  # fmt: skip
    """A hand-over at such premises of K1's, where a contract holds."""
    town = settled(sold(pack), **premises)
    _told(town, *filings)
    if at is not None:
        town.story.now = china(at)
    return door(town, **({"premises": "H7"} | (hand_over or {})))


def _told(town: Town, *filings: Filing) -> Town:
    for act, fields in filings:
        by: Signer | None = town.story.rival if fields.get("enterprise") == "E2" else None
        by = town.story.authority if act is c.FileSuccessor else by
        assert not isinstance(town.say(act, by=by, **fields), e.Refusal), (act, fields)
    return town


def at_home(*acts: Filing, at: str | None = None, **hand_over: Any) -> e.Outcome:
    """A hand-over at H1 after these acts, of which the last hazard is the one that is meant."""
    town = sold()
    opened = ""
    for act, fields in acts:
        about = {"hazard": opened} if "hazard" in act.__struct_fields__ else {}
        _told(town, (act, about | fields))
        opened = town.last_id() if act is c.OpenHazard else opened
    if at is not None:
        town.story.now = china(at)
    return door(town, **hand_over)


def suspended_by_rival() -> e.Outcome:
    """A hand-over at H1, where the neighbour supplies too and has suspended it."""
    town = supplied_by_rival(sold())
    assert isinstance(town.say(c.SuspendSupply, by=town.story.rival, enterprise="E2"), e.SupplySuspended)
    return door(town)


def _customer(**changes: Any) -> Filing:
    return c.FileCustomer, {"customer": "K1", "expects": 0, **changes}


def _contract(**changes: Any) -> Filing:
    return c.FileContract, {"contract": "CT1", "expects": 0, **changes}


def of_rival(from_day: str | None) -> e.Outcome:
    """A hand-over by this enterprise where only the neighbour's contract holds, whom it took over on that day."""
    town = _told(sold(), _contract(status="ended"), (c.FileContract, {"contract": "CT2", "enterprise": "E2"}))
    if from_day is not None:
        _told(town, (c.FileSuccessor, {"from_day": from_day}))
    return door(town)


def first_supply(signed_on: str, *checks: Filing, pack: Pack | None = None) -> e.Outcome:
    """On the second day a hand-over at premises whose contract was signed then, after these checks."""
    town = sold(pack)
    town.story.now = china("2026-01-02T09:00")
    _told(town, (c.FilePremises, {"premises": "H7"}))
    _told(town, (c.FileContract, {"contract": "CT7", "premises": "H7", "signed_on": signed_on}), *checks)
    return door(town, premises="H7")


def filed_late(*filings: Filing, at: str = "2026-02-01T00:00", pack: Pack | None = None, **contract: Any) -> e.Outcome:
    """A contract from before the log, filed at that time and after these filings for other premises of K1's."""
    town = _told(town_with(pack=pack), (c.FilePremises, {"premises": "H7"}), *filings)
    town.story.now = china(at)
    by = town.story.rival if contract.get("enterprise") == "E2" else None
    return town.say(c.FileContract, by=by, **({"contract": "CT7", "premises": "H7"} | contract))


def joined(site: str, at: str, **fields: Any) -> e.Outcome:
    """A contract from before the log, filed then by this enterprise or by the neighbour that joined in March."""
    town = _told(town_with(), (c.FilePremises, {"premises": "H7"}))
    first_days = {"site": site, "enterprise": "E2", "transition_until": "2026-03-31", **fields}
    assert isinstance(town.say(c.FileSite, by=town.story.authority, **first_days), e.Filed)
    town.story.now = china(at)
    return town.say(c.FileContract, by=town.story.rival, contract="CT7", premises="H7", enterprise="E2")


def _presupply(**changes: Any) -> Filing:
    check = c.SafetyCheck("presupply-1", photos=(PHOTO,))
    return c.CheckPremises, {"premises": "H7", "kind": "presupply", "check": check, **changes}


FAILED = c.SafetyCheck("presupply-1", failed_items=(CheckItem.HOSE_LONG,), photos=(PHOTO,))
HERS: Filing = (c.FilePerson, {"person": "W3", "enterprise": "E2"})


def checked(**changes: Any) -> e.Outcome:
    """A hand-over with such a delivery check."""
    whole = c.SafetyCheck("delivery-1", photos=(PHOTO,))
    return at_door(check=structs.replace(whole, **changes))


def confirmed(how: Any, *filings: Filing, result: Any = "matched", **shown: Any) -> e.Outcome:
    return at_door(*filings, confirmation=c.Confirmation(how, result, **shown))


def _voucher(**changes: Any) -> Filing:
    return c.FileVoucher, changes


def _proxy(**changes: Any) -> Filing:
    return c.FileProxy, changes


OTHER: Filing = (c.FileCustomer, {"customer": "K2"})


def found(*items: CheckItem, pack: Pack | None = None, **premises: Any) -> e.Outcome:
    """A hand-over whose own check finds these wrong."""
    check = c.SafetyCheck("delivery-1", failed_items=items, photos=(PHOTO,))
    return at_place(pack=pack, hand_over={"check": check}, **premises)


def stocked(
    count: int,
    *,
    pack: Pack | None = None,
    cylinder: dict[str, Any] | None = None,
    hand_over: dict[str, Any] | None = None,
    **premises: Any,
) -> e.Outcome:
    """The last of so many hand-overs of full cylinders at such premises; `hand_over` says more of it."""
    town = settled(town_with(pack=pack, **(cylinder or {})), **premises)
    outcome: e.Outcome | None = None
    for n in range(1, count + 1):
        if n > 1:
            town.with_cylinder(n, **(cylinder or {}))
        gross = (cylinder or {}).get("tare_g", 16_500) + (48_900 if cylinder else 14_500)
        town.fill(code(n), gross_g=gross)
        town.release(code(n), gross_g=gross)
        assert isinstance(town.sell(code(n)), e.DepotLeft)
        more = {} if n < count else hand_over or {}
        outcome = town.say(c.HandOver, code=code(n), premises="H7", **({"position": "outdoor"} | more))
    assert outcome is not None
    return outcome


def eased(until: str) -> e.Outcome:
    """The second cylinder at a restaurant without a room, where 28 kg may stand, from a site in its first days."""
    town = settled(town_with(pack=with_params("USR-08", limit_kg=28)), kind="restaurant")
    site: dict[str, Any] = {"site": "S1", "kind": "filling_station", "name": "一号站", "expects": 0}
    assert isinstance(town.say(c.FileSite, by=town.story.authority, transition_until=until, **site), e.Filed)
    outcome: e.Outcome | None = None
    for n in (1, 2):
        if n > 1:
            town.with_cylinder(n)
        town.fill(code(n))
        town.release(code(n))
        town.sell(code(n))
        outcome = town.say(c.HandOver, code=code(n), premises="H7", site="S1")
    assert outcome is not None
    return outcome


def promised(after_ms: int, pack: Pack, **premises: Any) -> e.Outcome:
    """The third cylinder at such premises, so long after another visit said that it takes back the first."""
    town = settled(town_with(pack=pack), **premises)
    for n in (1, 2, 3):
        if n > 1:
            town.with_cylinder(n)
        town.fill(code(n))
        town.release(code(n))
        assert isinstance(town.sell(code(n)), e.DepotLeft)
    for n, empties in ((1, ()), (2, (ONE,))):
        assert isinstance(door(town, code=code(n), premises="H7", empties=empties), e.CylinderHandedOver)
    town.story.now += after_ms
    return door(town, code=code(3), premises="H7", empties=(ONE, code(2)))


def swapped(empty: str = ONE) -> dict[str, Any]:
    return {"empties": (empty,)}


EATERY: dict[str, Any] = {"kind": "restaurant"}
TESTED: dict[str, Any] = {"kind": "school", "alarm_tested_on": "2025-06-01", "shut_off_tested_on": "2025-06-01"}
ONE_FULL, ONE_AT_HOME = with_params("USR-08", limit_kg=28), with_params("USR-13", max_cylinders=1)
EATERIES_ALONE = changed("USR-09", mode="block", params={"eateries": 1, "tested_months": 12})
CHECKED_FIRST = changed("USR-03", mode="block")
AWAY = with_params("USR-10", homes=0)
NO_HOMES = with_params("USR-14", homes=0)
CONVERTED: dict[str, Any] = {"converted": True}


def _since(day: str, **changes: Any) -> Filing:
    first = {"contract": "CT-H7", "premises": "H7", "signed_on": day, "valid_from": "2021-01-01", "expects": 0}
    return c.FileContract, first | changes


ORDER: Filing = (c.FileOrder, {"premises": "H1"})


def ordered(*filings: Filing, pack: Pack | None = None, **fields: Any) -> e.Outcome:
    return at_door(*filings, pack=pack, order="OR1", **fields)


# fmt: off
ROWS: tuple[Row, ...] = (
    Row("passes", "USR-01", "customer_unknown", at_door),
    Row("blocks", "USR-01", "customer_unknown", P(at_door, customer="K77")),
    Row("blocks", "USR-01", "customer_unknown", P(at_door, _customer(status="closed"))),
    Row("blocks", "USR-01", "not_real_name", P(at_door, _customer(verified_on=None))),
    Row("passes", "USR-01", "not_real_name", P(at_door, _customer(verified_on="2026-01-01")), "verified_on"),
    Row("blocks", "USR-01", "not_real_name", P(at_door, _customer(verified_on="2026-01-02")), "verified_on"),
    Row("passes", "USR-02", "no_contract", at_door),
    Row("blocks", "USR-02", "no_contract", P(at_door, _contract(status="ended"))),
    Row("passes", "USR-02", "no_contract", P(at_door, _contract(valid_to="2026-01-01")), "valid_to"),
    Row("blocks", "USR-02", "no_contract", P(at_door, _contract(valid_to="2025-12-31")), "valid_to"),
    Row("passes", "USR-02", "no_contract", P(at_door, _contract(valid_from="2026-01-01")), "valid_from"),
    Row("blocks", "USR-02", "no_contract", P(at_door, _contract(valid_from="2026-01-02")), "valid_from"),
    Row("blocks", "USR-02", "no_contract", P(at_door, OTHER, customer="K2")),  # K1 has one, K2 has none
    Row("blocks", "USR-02", "no_contract", P(at_door, (c.FilePremises, {"premises": "H7"}), premises="H7")),
    Row("blocks", "USR-02", "no_contract", P(at_door, person="P77", site=None)),
    Row("blocks", "USR-02", "no_contract", P(of_rival, None)),
    Row("passes", "USR-02", "no_contract", P(of_rival, "2026-01-01"), "from_day"),
    Row("blocks", "USR-02", "no_contract", P(of_rival, "2026-01-02"), "from_day"),
    Row("passes", "USR-03", "presupply_check_missing", at_door),  # a customer from before the ledger
    Row("passes", "USR-03", "presupply_check_missing", P(first_supply, "2026-01-01"), "signed_on"),
    Row("warns", "USR-03", "presupply_check_missing", P(first_supply, "2026-01-02"), "signed_on"),
    Row("blocks", "USR-03", "presupply_check_missing",
        P(first_supply, "2026-01-02", pack=changed("USR-03", mode="block"))),
    Row("passes", "USR-03", "presupply_check_missing", P(first_supply, "2026-01-02", _presupply())),
    Row("warns", "USR-03", "presupply_check_missing", P(first_supply, "2026-01-02", _presupply(check=FAILED))),
    Row("warns", "USR-03", "presupply_check_missing", P(first_supply, "2026-01-02", _presupply(kind="home"))),
    Row("warns", "USR-03", "presupply_check_missing", P(first_supply, "2026-01-02", _presupply(premises="H1"))),
    Row("warns", "USR-03", "presupply_check_missing", P(first_supply, "2026-01-02", HERS, _presupply(person="W3"))),
    Row("passes", "USR-03", "presupply_check_missing",  # whom it took over had checked
        P(first_supply, "2026-01-02", HERS, _presupply(person="W3"), (c.FileSuccessor, {}))),
    Row("passes", "USR-03", "contract_backdated", P(filed_late, at="2026-01-31T23:59"), "filing_days"),
    Row("warns", "USR-03", "contract_backdated", filed_late, "filing_days"),
    Row("blocks", "USR-03", "contract_backdated", P(filed_late, pack=CHECKED_FIRST)),
    Row("warns", "USR-03", "contract_backdated", P(filed_late, signed_on="2026-01-01"), "signed_on"),
    Row("passes", "USR-03", "contract_backdated", P(filed_late, signed_on="2026-01-02"), "signed_on"),
    Row("passes", "USR-03", "contract_backdated", P(joined, "S8", "2026-03-31T23:59"), "transition_until"),
    Row("warns", "USR-03", "contract_backdated", P(joined, "S8", "2026-04-01T00:00"), "transition_until"),
    Row("warns", "USR-03", "contract_backdated", P(joined, "S8", "2026-03-31T23:59", enterprise="E1")),  # another's
    Row("passes", "USR-03", "contract_backdated",  # renewed, or signed anew under another number
        P(filed_late, contract="CT1", premises="H1", expects=0)),
    Row("passes", "USR-03", "contract_backdated", P(filed_late, premises="H1")),
    Row("passes", "USR-03", "contract_backdated",
        P(filed_late, _contract(status="ended"), contract="CT1", premises="H1", expects=1)),
    Row("warns", "USR-03", "contract_backdated", P(filed_late, OTHER, customer="K2", premises="H1")),
    Row("warns", "USR-03", "contract_backdated",  # a new customer under an old number
        P(filed_late, OTHER, contract="CT1", customer="K2", premises="H1", expects=0)),
    Row("warns", "USR-03", "contract_backdated", P(filed_late, premises="H1", enterprise="E2")),
    Row("passes", "USR-03", "contract_backdated", P(
        filed_late, (c.FileSuccessor, {"enterprise": "E1", "successor": "E2"}), premises="H1", enterprise="E2")),
    Row("blocks", "USR-04", "delivery_check_missing", P(at_door, check=None)),
    Row("passes", "USR-04", "delivery_check_missing", at_door),
    Row("passes", "USR-04", "delivery_check_incomplete", checked),
    Row("passes", "USR-04", "delivery_check_incomplete", P(checked, failed_items=(CheckItem.HOSE_AGED,))),
    Row("blocks", "USR-04", "delivery_check_incomplete", P(checked, skipped_items=(CheckItem.LEAK,))),
    Row("blocks", "USR-04", "delivery_check_incomplete", P(checked, photos=())),
    Row("blocks", "USR-04", "delivery_check_incomplete", P(checked, checklist="delivery-0")),
    Row("blocks", "USR-04", "not_confirmed", P(at_door, confirmation=None)),
    Row("blocks", "USR-04", "not_confirmed", P(confirmed, "code", result="wrong")),
    Row("blocks", "USR-04", "not_confirmed", P(confirmed, "signature", result="absent")),
    Row("blocks", "USR-04", "not_confirmed", P(at_door, confirmation=None, done=True)),
    Row("passes", "USR-04", "not_confirmed", P(confirmed, "code")),
    Row("passes", "USR-04", "not_confirmed", P(confirmed, "signature")),
    Row("blocks", "USR-04", "not_confirmed", P(confirmed, "voucher")),  # it names none
    Row("blocks", "USR-04", "not_confirmed", P(confirmed, "voucher", voucher="VO1")),  # nobody filed it
    Row("passes", "USR-04", "not_confirmed", P(confirmed, "voucher", _voucher(), voucher="VO1")),
    Row("blocks", "USR-04", "not_confirmed", P(confirmed, "voucher", _voucher(status="revoked"), voucher="VO1")),
    Row("blocks", "USR-04", "not_confirmed",
        P(confirmed, "voucher", OTHER, _voucher(customer="K2"), voucher="VO1")),  # borrowed
    Row("blocks", "USR-04", "not_confirmed",
        P(confirmed, "voucher", _voucher(valid_to="2025-12-31"), voucher="VO1"), "valid_to"),
    Row("passes", "USR-04", "not_confirmed",
        P(confirmed, "voucher", _voucher(valid_to="2026-01-01"), voucher="VO1"), "valid_to"),
    Row("blocks", "USR-04", "not_confirmed", P(confirmed, "proxy")),
    Row("blocks", "USR-04", "not_confirmed", P(confirmed, "proxy", proxy="PX1")),
    Row("passes", "USR-04", "not_confirmed", P(confirmed, "proxy", _proxy(), proxy="PX1")),
    Row("blocks", "USR-04", "not_confirmed", P(confirmed, "proxy", _proxy(status="revoked"), proxy="PX1")),
    Row("blocks", "USR-04", "not_confirmed", P(confirmed, "proxy", OTHER, _proxy(customer="K2"), proxy="PX1")),
    Row("blocks", "USR-04", "not_confirmed",
        P(confirmed, "proxy", _proxy(valid_from="2026-01-02"), proxy="PX1"), "valid_from"),
    Row("passes", "USR-04", "not_confirmed",
        P(confirmed, "proxy", _proxy(valid_from="2026-01-01"), proxy="PX1"), "valid_from"),
    Row("blocks", "USR-04", "not_confirmed",
        P(confirmed, "proxy", _proxy(valid_to="2025-12-31"), proxy="PX1"), "valid_to"),
    Row("passes", "USR-04", "not_confirmed",
        P(confirmed, "proxy", _proxy(valid_to="2026-01-01"), proxy="PX1"), "valid_to"),
    Row("blocks", "USR-04", "not_confirmed", P(confirmed, "signature", voucher="VO77")),  # what it names must hold
    Row("warns", "USR-04", "confirmation_late", P(confirmed, "code", result="late")),
    Row("passes", "USR-04", "confirmation_late", P(confirmed, "code")),
    Row("blocks", "USR-05", "supply_suspended", P(at_home, (c.SuspendSupply, {}))),
    Row("blocks", "USR-05", "supply_suspended", suspended_by_rival),
    Row("passes", "USR-05", "supply_suspended", P(at_home, (c.SuspendSupply, {}), (c.ResumeSupply, {}))),
    Row("passes", "USR-05", "supply_suspended", at_home),
    Row("blocks", "USR-05", "hazard_open", P(at_home, (c.OpenHazard, {"item": CheckItem.LEAK}))),
    Row("blocks", "USR-05", "hazard_open", P(at_home, (c.OpenHazard, {"item": CheckItem.UNDERGROUND}))),
    Row("passes", "USR-05", "hazard_open", P(at_home, (c.OpenHazard, {}))),  # there is time to mend it
    Row("passes", "USR-05", "hazard_open", P(at_home, (c.OpenHazard, {}), at="2026-01-15T23:59"), "deadline"),
    Row("blocks", "USR-05", "hazard_open", P(at_home, (c.OpenHazard, {}), at="2026-01-16T00:00"), "deadline"),
    Row("blocks", "USR-05", "hazard_open", P(at_home, (c.OpenHazard, {}), (c.EscalateHazard, {}))),  # refused
    Row("passes", "USR-05", "hazard_open",  # put right on the spot
        P(at_home, (c.OpenHazard, {"item": CheckItem.LEAK}), (c.RectifyHazard, {"before_digest": "11" * 32}))),
    Row("blocks", "USR-05", "hazard_open",
        P(at_home, (c.OpenHazard, {"item": CheckItem.LEAK}), (c.RectifyHazard, {}))),
    Row("passes", "USR-05", "hazard_open",
        P(at_home, (c.OpenHazard, {"item": CheckItem.LEAK}), (c.RectifyHazard, {}), (c.RecheckHazard, {}))),
    Row("blocks", "USR-05", "hazard_open", P(found, CheckItem.LEAK)),
    Row("passes", "USR-05", "hazard_open", P(found, CheckItem.STOVE_UNFIT)),
    Row("passes", "USR-07", "premises_underground", P(at_place, high_rise=True)),
    *(Row("blocks", "USR-07", "premises_underground", P(at_place, storey=storey))
      for storey in ("underground", "semi_underground", "garage", "store_room")),
    Row("passes", "USR-08", "over_100kg_without_room",
        P(stocked, 2, pack=with_params("USR-08", limit_kg=29), **EATERY), "limit_kg"),
    Row("blocks", "USR-08", "over_100kg_without_room",
        P(stocked, 2, pack=with_params("USR-08", limit_kg=28), **EATERY), "limit_kg"),
    Row("passes", "USR-08", "over_100kg_without_room", P(stocked, 6, **EATERY)),
    Row("blocks", "USR-08", "over_100kg_without_room", P(stocked, 7, **EATERY)),  # 7 × 15 kg
    Row("passes", "USR-08", "over_100kg_without_room", P(stocked, 7, hand_over=swapped(), **EATERY)),
    Row("blocks", "USR-08", "over_100kg_without_room",  # nobody takes back what does not stand there
        P(stocked, 7, hand_over=swapped(code(7)), **EATERY)),
    Row("blocks", "USR-08", "over_100kg_without_room", P(stocked, 7, hand_over=swapped(code(9)), **EATERY)),
    Row("blocks", "USR-08", "over_100kg_without_room", P(stocked, 7, kind="canteen")),
    Row("passes", "USR-08", "over_100kg_without_room", P(stocked, 7, cylinder_room=True, **EATERY)),
    Row("passes", "USR-08", "over_100kg_without_room", P(stocked, 7, kind="school")),
    Row("passes", "USR-08", "over_100kg_without_room", P(stocked, 1, cylinder=LARGE, **EATERY), "large_count"),
    Row("blocks", "USR-08", "over_100kg_without_room", P(stocked, 2, cylinder=LARGE, **EATERY), "large_count"),
    Row("passes", "USR-08", "over_100kg_without_room",
        P(stocked, 2, cylinder=LARGE, cylinder_room=True, **EATERY)),
    Row("passes", "USR-08", "over_100kg_without_room", P(promised, 4 * HOUR_MS, ONE_FULL, **EATERY), "visit_h"),
    Row("blocks", "USR-08", "over_100kg_without_room", P(promised, 4 * HOUR_MS + 1, ONE_FULL, **EATERY), "visit_h"),
    Row("warns", "USR-08", "over_100kg_without_room", P(eased, "2026-01-01"), "transition_until"),
    Row("blocks", "USR-08", "over_100kg_without_room", P(eased, "2025-12-31")),
    Row("passes", "USR-08", "over_100kg_without_room", P(stocked, 1, **EATERY), "transition_until"),
    Row("passes", "USR-09", "alarm_missing", P(at_place, **TESTED)),
    Row("warns", "USR-09", "alarm_missing", P(at_place, **(TESTED | {"alarm_tested_on": None}))),
    Row("warns", "USR-09", "alarm_missing", P(at_place, **(TESTED | {"shut_off_tested_on": None}))),
    Row("passes", "USR-09", "alarm_missing",
        P(at_place, **(TESTED | {"alarm_tested_on": "2025-01-01"})), "tested_months"),
    Row("warns", "USR-09", "alarm_missing",
        P(at_place, **(TESTED | {"alarm_tested_on": "2024-12-31"})), "tested_months"),
    Row("passes", "USR-09", "alarm_missing", P(at_place, kind="resident")),
    Row("passes", "USR-09", "alarm_missing", P(at_place, kind="group_rental")),
    Row("blocks", "USR-09", "alarm_missing", P(at_place, pack=EATERIES_ALONE, **EATERY), "eateries"),
    Row("passes", "USR-09", "alarm_missing", P(at_place, pack=EATERIES_ALONE, kind="school"), "eateries"),
    Row("warns", "USR-09", "alarm_advised", P(at_place, pack=EATERIES_ALONE, kind="school")),
    Row("passes", "USR-09", "alarm_advised", P(at_place, pack=EATERIES_ALONE, **TESTED)),
    Row("passes", "USR-10", "hose_unfit", P(at_place, hose="metal")),
    Row("passes", "USR-10", "hose_unfit", P(at_place, hose="coated")),
    Row("passes", "USR-10", "hose_unfit", at_place),  # nobody filed of what
    Row("warns", "USR-10", "hose_unfit", P(at_place, hose="rubber"), "homes"),
    Row("passes", "USR-10", "hose_unfit", P(at_place, pack=AWAY, hose="rubber"), "homes"),
    Row("warns", "USR-10", "hose_unfit", P(at_place, pack=AWAY, hose="rubber", **EATERY)),
    Row("blocks", "USR-10", "hose_unfit", P(at_place, pack=changed("USR-10", mode="block"), hose="rubber")),
    *(Row("warns", "USR-10", "hose_unfit", P(found, item)) for item in CheckItem if item.startswith("hose_")),
    Row("passes", "USR-10", "hose_unfit", P(found, CheckItem.STOVE_UNFIT)),
    Row("passes", "USR-14", "regulator_unfit", P(at_place, regulator="self_closing")),
    Row("passes", "USR-14", "regulator_unfit", P(at_place, regulator="fixed")),
    Row("passes", "USR-14", "regulator_unfit", at_place),
    Row("warns", "USR-14", "regulator_unfit", P(at_place, regulator="adjustable"), "homes"),
    Row("warns", "USR-14", "regulator_unfit", P(at_place, regulator="medium_pressure")),
    Row("passes", "USR-14", "regulator_unfit", P(at_place, pack=NO_HOMES, regulator="adjustable"), "homes"),
    Row("warns", "USR-14", "regulator_unfit", P(at_place, pack=NO_HOMES, regulator="adjustable", **EATERY)),
    *(Row("warns", "USR-14", "regulator_unfit", P(found, item)) for item in CheckItem if item.startswith("regulator_")),
    Row("passes", "USR-11", "converted_ground_floor", P(at_place, _since("2021-12-17"))),
    Row("blocks", "USR-11", "converted_ground_floor", P(at_place, _since("2021-12-17"), **CONVERTED), "signed_on"),
    Row("passes", "USR-11", "converted_ground_floor", P(at_place, _since("2021-12-16"), **CONVERTED), "signed_on"),
    Row("passes", "USR-11", "converted_ground_floor",  # signed anew with another number
        P(at_place, _since("2021-12-16"), _since("2025-06-01", contract="CT8", expects=None), **CONVERTED)),
    Row("blocks", "USR-11", "converted_ground_floor",  # a new customer in old rooms
        P(at_place, OTHER, _since("2021-12-16", customer="K2"), _since("2025-06-01", contract="CT8", expects=None),
          **CONVERTED)),
    Row("warns", "USR-12", "self_pickup_abolished", P(at_door, channel="self_pickup")),
    Row("blocks", "USR-12", "self_pickup_abolished",
        P(at_door, channel="self_pickup", pack=changed("USR-12", mode="block"))),
    Row("passes", "USR-12", "self_pickup_abolished", at_door),
    Row("warns", "USR-12", "self_pickup_abolished", P(ordered, (c.FileOrder, {"channel": "self_pickup"}))),
    Row("passes", "USR-12", "self_pickup_abolished", P(ordered, ORDER)),
    Row("passes", "ORD-01", "order_unknown", at_door),
    Row("passes", "ORD-01", "order_unknown", P(ordered, ORDER)),
    Row("warns", "ORD-01", "order_unknown", ordered),
    Row("warns", "ORD-01", "order_unknown", P(ordered, (c.FileOrder, {"status": "done"}))),
    Row("warns", "ORD-01", "order_unknown", P(ordered, (c.FileOrder, {"status": "cancelled"}))),
    Row("warns", "ORD-01", "order_unknown", P(ordered, OTHER, (c.FileOrder, {"customer": "K2"}))),
    Row("passes", "USR-13", "too_many_cylinders", P(stocked, 3), "max_cylinders"),
    Row("warns", "USR-13", "too_many_cylinders", P(stocked, 4), "max_cylinders"),
    Row("passes", "USR-13", "too_many_cylinders", P(stocked, 4, hand_over=swapped())),
    Row("passes", "USR-13", "too_many_cylinders", P(stocked, 4, kind="group_rental")),
    Row("passes", "USR-13", "too_many_cylinders", P(promised, 4 * HOUR_MS, ONE_AT_HOME), "visit_h"),
    Row("warns", "USR-13", "too_many_cylinders", P(promised, 4 * HOUR_MS + 1, ONE_AT_HOME), "visit_h"),
)
# fmt: on


@pytest.mark.parametrize("row", ROWS, ids=ids_of(ROWS))
def test_rule(row: Row) -> None:
    holds(row)


PICKED_UP: dict[str, Any] = {"channel": "self_pickup"}
AT_COUNTER: dict[str, Any] = {"person": "P1", "vehicle": None, "site": "S1"}
RUBBER: dict[str, Any] = {"hose": "rubber"}
# fmt: off
DATED: tuple[tuple[str, str, str, str, dict[str, Any], dict[str, Any]], ...] = (
    ("441500", "2026-02-28", "USR-12", "passes", PICKED_UP, {}),
    ("441500", "2026-03-01", "USR-12", "blocks", PICKED_UP, {}),
    ("cn", "2026-03-01", "USR-12", "passes", PICKED_UP, {}),
    ("441500", "2026-02-27", "USR-12", "passes", AT_COUNTER, {}),
    ("441500", "2026-03-02", "USR-12", "blocks", AT_COUNTER, {}),
    ("320117", "2025-12-31", "DEL-04", "blocks", {"in_area": False}, {}),
    ("320117", "2026-01-01", "DEL-04", "warns", {"in_area": False}, {}),
    ("320117", "2025-12-31", "USR-02", "blocks", {"customer": "K2"}, {}),
    ("320117", "2026-01-01", "USR-02", "warns", {"customer": "K2"}, {}),
    ("320117", "2025-12-31", "USR-04", "blocks", {"check": None}, {}),
    ("320117", "2026-01-01", "USR-04", "warns", {"check": None}, {}),
    ("320117", "2024-06-30", "USR-10", "warns", {}, RUBBER | EATERY),
    ("320117", "2024-07-01", "USR-10", "blocks", {}, RUBBER | EATERY),
    ("320117", "2024-07-01", "USR-10", "passes", {}, RUBBER),  # homes had time until the document's own end
    ("320117", "2025-12-31", "USR-14", "blocks", {}, {"regulator": "adjustable"} | EATERY),
    ("320117", "2026-01-01", "USR-14", "warns", {}, {"regulator": "adjustable"} | EATERY),
    ("410102", "2023-10-31", "USR-10", "warns", {}, RUBBER),
    ("410102", "2023-11-01", "USR-10", "blocks", {}, RUBBER),
    ("410102", "2022-06-30", "USR-09", "warns", {}, EATERY),
    ("410102", "2022-07-01", "USR-09", "blocks", {}, EATERY),
    ("cn", "2026-01-01", "USR-09", "warns", {}, EATERY),
    ("320117", "2024-06-30", "USR-09", "warns", {}, EATERY),
    ("320117", "2024-07-01", "USR-09", "blocks", {}, EATERY),
    ("320117", "2024-07-01", "USR-09", "warns", {}, {"kind": "school"}),
    ("320117", "2025-12-31", "USR-09", "blocks", {}, EATERY),
    ("320117", "2026-01-01", "USR-09", "warns", {}, EATERY),
    ("cn", "2026-01-01", "USR-11", "passes", {}, CONVERTED),
    ("cn", "2022-01-01", "DEL-02", "warns", {"person": "P1"}, {}),
    ("320600", "2021-12-31", "DEL-02", "passes", {"person": "P1"}, {}),
    ("320600", "2022-01-01", "DEL-02", "blocks", {"person": "P1"}, {}),
    ("320600", "2021-12-16", "USR-01", "warns", {"customer": "K77"}, {}),
    ("320600", "2021-12-17", "USR-01", "blocks", {"customer": "K77"}, {}),
)
# fmt: on


@pytest.mark.parametrize("row", DATED, ids=["-".join(row[:4]) for row in DATED])
def test_a_local_text_holds_in_its_district_and_between_its_dates(row: Any) -> None:
    name, day, rule, what, hand_over, premises = row
    town = settled(sold(), **premises)
    town.world.registry.file(town.story.make(c.AdoptPack, pack=shipped_pack(name)), seq=0, entry_index=0)
    claim = town.story.make(c.HandOver, **(USUAL[c.HandOver] | {"code": ONE, "premises": "H7"} | hand_over))
    at = china(f"{day}T12:00")
    told = judge(town.world, claim, at=at, recorded_at=at, clock_offset_ms=0)
    heard = {"blocks": told.broken, "warns": told.warnings}
    named = [kind for kind, notes in heard.items() if any(note.rule.startswith(f"{rule}@") for note in notes)]
    assert named == ([] if what == "passes" else [what])


def test_a_new_customer_is_checked_first_and_supplied_the_same_day() -> None:
    strict = changed("USR-03", mode="block")
    assert isinstance(first_supply("2026-01-02", pack=strict), e.Refusal)
    assert isinstance(first_supply("2026-01-02", _presupply(), pack=strict), e.CylinderHandedOver)


def test_a_photographed_count_takes_unscanned_empties_off_a_full_kitchen() -> None:
    town = settled(town_with(pack=with_params("USR-08", limit_kg=28)), kind="restaurant")
    sell(town)
    assert isinstance(door(town, premises="H7"), e.CylinderHandedOver)
    town.with_cylinder(2)
    town.fill(code(2))
    town.release(code(2))
    town.sell(code(2))
    refused = town.say(c.HandOver, code=code(2), premises="H7")
    assert isinstance(refused, e.Refusal)
    assert refused.reasons[0].facts == {"nominal_g": 29_000, "large": 0}
    assert isinstance(town.say(c.CountPremises, premises="H7", codes=()), e.PremisesCounted)
    assert isinstance(town.say(c.HandOver, code=code(2), premises="H7"), e.CylinderHandedOver)


def test_a_contract_never_moves_to_other_premises() -> None:
    town = _told(sold(), (c.FilePremises, {"premises": "H7"}))
    moved = town.say(c.FileContract, **(_contract(premises="H7")[1]))
    assert isinstance(moved, e.Refusal)
    assert moved.reasons[0].reason == "signer_not_entitled"
    assert isinstance(door(town), e.CylinderHandedOver)
