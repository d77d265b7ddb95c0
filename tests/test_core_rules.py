"""Rules together: every one is tested on both sides, the packs are whole, and reasons come in order of precedence."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from msgspec import structs

import ledger.packs
from api.packs import NATIONAL, shipped_pack
from ledger import claim as c
from ledger import events as e
from ledger.china import shift_day
from ledger.judge import ALWAYS_BLOCKS, BLOCKS_IF_PRESENT, MAX_PARAM, NEEDED, _plan, pack_faults
from ledger.packs.model import Pack, PackInForce, RuleSetting
from ledger.premises import Suspension
from ledger.reasons import PRECEDENCE, REASONS
from ledger.rules.rule import RULES
from tests import (
    test_core_rules_customer,
    test_core_rules_delivery,
    test_core_rules_filling,
    test_core_rules_fitness,
    test_core_rules_hazards,
)
from tests.rule_kit import (
    ONE,
    Row,
    ask,
    changed,
    check,
    deregister,
    door,
    heard,
    release,
    release_only,
    sale,
    sell,
    town_with,
)  # fmt: skip
from tests.story import MINUTE, ORIGIN, PACK, USUAL, Town, code

ROWS: tuple[Row, ...] = (
    *test_core_rules_fitness.ROWS,
    *test_core_rules_filling.ROWS,
    *test_core_rules_hazards.ROWS,
    *test_core_rules_delivery.ROWS,
    *test_core_rules_customer.ROWS,
)
SHIPPED = {file.stem: shipped_pack(file.stem) for file in Path(ledger.packs.__path__[0]).glob("*.toml")}
NAMED = {name for pack in SHIPPED.values() for name in pack.rules}
"""Rules that a shipped pack names; earlier versions are held by recorded decisions instead."""


def rule_id(name: str) -> str:
    return name.partition("@")[0]


def test_every_rule_stops_one_and_lets_one_pass_for_every_reason_it_has() -> None:
    stopped = {(row.rule, row.reason) for row in ROWS if row.what != "passes"}
    passed = {(row.rule, row.reason) for row in ROWS if row.what == "passes"}
    answers = {(rule_id(name), reason) for name in NAMED for reason in RULES[name].reasons}
    assert stopped == answers
    assert passed <= answers
    assert {rule for rule, _ in passed} == {rule for rule, _ in answers}


def test_every_number_of_every_rule_that_a_gate_asks_has_a_row_on_each_side() -> None:
    numbers = {(rule_id(name), param) for name in NAMED for param in RULES[name].params if RULES[name].gates}
    for what in ({"blocks", "warns"}, {"passes"}):
        beside = {(row.rule, row.edge) for row in ROWS if row.what in what and row.edge}
        assert numbers - beside == set(), what


def test_an_edge_that_a_row_stands_beside_has_its_other_side() -> None:
    stopped = {(row.rule, row.edge) for row in ROWS if row.what != "passes" and row.edge}
    assert stopped == {(row.rule, row.edge) for row in ROWS if row.what == "passes" and row.edge}


def meant(setting: RuleSetting | None, day: str) -> tuple[str, dict[str, int]] | None:
    """How that setting says a rule runs on that day: its mode and parameters; None for not at all."""
    if setting is None:
        return None
    if (setting.effective_from or day) <= day <= (setting.effective_to or day):
        return None if setting.mode == "off" else (setting.mode, setting.params)
    return meant(setting.otherwise, day)


def days_beside(setting: RuleSetting | None) -> Iterator[str]:
    """The days on both sides of every date of a setting and of what holds outside it."""
    while setting is not None:
        if setting.effective_from is not None:
            yield from (shift_day(setting.effective_from, -1), setting.effective_from)
        if setting.effective_to is not None:
            yield from (setting.effective_to, shift_day(setting.effective_to, 1))
        setting = setting.otherwise


DATED = [
    (name, rule, day)
    for name, pack in sorted(SHIPPED.items())
    for rule, one in sorted(pack.rules.items())
    for day in sorted(set(days_beside(one)))
]


@pytest.mark.parametrize(("name", "rule", "day"), DATED)
def test_a_dated_setting_holds_between_its_days_and_another_outside(name: str, rule: str, day: str) -> None:
    pack = SHIPPED[name]
    plan = _plan(PackInForce(pack))
    wanted = meant(pack.rules[rule], day)
    for gate in RULES[rule].gates:
        asked = [one for one in plan[gate] if one.name == rule and one.effective_from <= day <= one.effective_to]
        runs = [("warn" if one.warns else "block", one.params) for one in asked]
        assert runs == ([] if wanted is None else [wanted])


LEDGER_REASONS = {
    "claim_id_reused", "signer_revoked", "signer_quarantined", "signer_not_entitled", "stale_filing",
    "reference_unknown", "stage_closed",
}  # fmt: skip
"""What `decide` itself says, whatever the pack: each shown below, in the order of the last table."""

IMPORT_REASONS = {"model_unknown"}
"""What only a fleet file's rows are told: the door takes no claim with such a model."""


def test_every_reason_has_someone_who_says_it() -> None:
    assert LEDGER_REASONS | IMPORT_REASONS | {reason for rule in RULES.values() for reason in rule.reasons} == set(
        REASONS
    )


def test_the_shipped_packs_are_whole() -> None:
    newest = {rule_id(name): name for name in sorted(RULES, key=lambda name: int(name.partition("@")[2]))}
    assert set(SHIPPED[NATIONAL].rules) <= set(newest.values()), "a pack names the newest versions"
    for pack in SHIPPED.values():
        assert pack_faults(pack) == []
        assert set(pack.rules) == set(newest.values()), "every rule has a mode, and every setting a rule"
        for rule, setting in pack.rules.items():
            assert set(setting.params) == set(RULES[rule].params), "every parameter is asked for, none is idle"


@pytest.mark.parametrize("mode", ["warn", "off"])
def test_a_pack_may_make_any_rule_warn_or_leave_it_out_but_not_what_identity_rests_on(mode: Any) -> None:
    for rule in PACK.rules:
        soft = structs.replace(PACK, rules=PACK.rules | {rule: structs.replace(PACK.rules[rule], mode=mode)})
        gone = structs.replace(PACK, rules={name: one for name, one in PACK.rules.items() if name != rule})
        firm = rule in {*ALWAYS_BLOCKS, *BLOCKS_IF_PRESENT}
        assert bool(pack_faults(soft)) == (firm or (mode == "off" and rule in NEEDED))
        assert bool(pack_faults(gone)) == (rule in {*ALWAYS_BLOCKS, *NEEDED})


def test_pack_faults() -> None:
    setting = RuleSetting("block")
    cases = [
        structs.replace(PACK, rules=PACK.rules | {"NOT-01@1": setting}),
        structs.replace(PACK, rules=PACK.rules | {"NOT-02@1": setting, "ID-03@1": PACK.rules["ID-03@1"]}),
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
        town = town_with(pack=changed(rule, params=params))
        _set(made_month="2099-12")(town)
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


def _file(kind: type[Any], key: str, /, **changes: Any) -> Break:
    """The record in force says otherwise."""

    def apply(town: Town) -> None:
        registry = town.world.supply if kind in get_args(c.SupplyFiling) else town.world.registry
        record = registry.get(kind, key)
        assert record is not None
        registry.file(structs.replace(record, **changes), seq=0, entry_index=0)

    return apply


def _there(**changes: Any) -> Break:
    """What is known of K1's home is otherwise."""

    def apply(town: Town) -> None:
        town.world.premises["H1"] = structs.replace(town.world.premises_of("H1"), **changes)

    return apply


def _blacklist(town: Town) -> None:
    listing = town.story.make(c.FileBlacklisting, **(USUAL[c.FileBlacklisting] | {"target": "W1"}))
    town.world.registry.file(listing, seq=0, entry_index=0)


def _full_kitchen(town: Town) -> None:
    _file(c.FilePremises, "H1", kind="restaurant")(town)
    _there(held={"another": 100_000})(town)


def _sold_to_a_holder_of_a_voucher(town: Town) -> None:
    sell(town)
    assert isinstance(town.say(c.FileVoucher), e.Filed)


def _shown(town: Town) -> e.Outcome:
    return door(town, confirmation=c.Confirmation("voucher", "matched", voucher="VO1"))


def _open_leave(town: Town) -> None:
    from ledger.cylinder import Authorisation  # noqa: PLC0415 - the one inside that this table provokes

    _set(authorisation=Authorisation("x", "L1", town.story.now + MINUTE))(town)


def _recall_all(town: Town) -> None:
    town.world.registry.open_recalls["R1"] = town.story.make(c.OpenRecall, recall="R1")


RETIRED: tuple[str, Break] = ("code_retired", _retire)
HELD: tuple[tuple[str, Break], ...] = (("seized", _set(orders=("O1",))), ("recalled", _recall_all))
SCRAP: tuple[str, Break] = ("scrapped", _set(stage="scrap_decided"))
TYPE: tuple[str, Break] = ("two_phase_banned", _set(phase=c.Phase.TWO_PHASE))
OBSOLETE: tuple[str, Break] = ("obsolete", _set(collar="screwed"))
LIFE: tuple[str, Break] = ("life_ended", _set(made_month="2013-12"))
FAILED: tuple[str, Break] = ("inspection_failed", _set(inspection_failed=True))
OVERDUE: tuple[str, Break] = ("inspection_overdue", _set(inspected_month="2014-01"))
LOCKED: tuple[str, Break] = ("locked", _lock(c.Cause.LEAK))
OVER: tuple[str, Break] = ("overfilled", _lock(c.Cause.OVERFILLED))

PRECEDENCES: dict[str, tuple[Callable[[Town], object], Callable[[Town], e.Outcome], tuple[tuple[str, Break], ...]]] = {
    "fill": (check, ask, (
        RETIRED, ("stamp_challenge_open", _set(challenged=True)), *HELD, SCRAP, TYPE, OBSOLETE, LIFE,
        ("design_life_ended", _set(design_life_months=12)),
        ("not_own_cylinder", _set(owner="E2", filler_mark="E2")),
        ("filler_mark_missing", _set(filler_mark=None, bought_on="2025-01-01")),
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
    "release": (lambda t: (t.fill(ONE), t.say(c.CheckPostfill, code=ONE, weight_g=31_000)), release_only, (
        RETIRED, *HELD, SCRAP, TYPE, FAILED, LOCKED, OVER,
        ("postfill_check_missing", _set(postfill_person=None)),
        ("no_lawful_fill", _set(content=c.Content.UNKNOWN)),
    )),
    "depot_out": (release, sale, (
        RETIRED, ("relabel_unconfirmed", _set(relabelled_by="P1")), *HELD, SCRAP, TYPE, OBSOLETE, LIFE, FAILED, OVERDUE,
        LOCKED, OVER, ("no_lawful_fill", _set(released=False)),
        ("no_business_permit", _file(c.FilePermit, "GB1", status="revoked")),
        ("vehicle_unknown", _file(c.FileVehicle, "V1", status="out_of_service")),
    )),
    "handover": (_sold_to_a_holder_of_a_voucher, _shown, (
        RETIRED, ("relabel_unconfirmed", _set(relabelled_by="P1")), *HELD, SCRAP, LOCKED,
        ("not_released_for_sale", _set(out=False)),
        ("no_business_permit", _file(c.FilePermit, "GB1", status="revoked")),
        ("worker_not_certified", _file(c.FileCertificate, "C-W1", status="revoked")),
        ("worker_blacklisted", _blacklist),
        ("not_real_name", _file(c.FileCustomer, "K1", verified_on=None)),
        ("no_contract", _there(contracts={})),
        ("supply_suspended", _there(suspensions=(Suspension("E2", 0, "hazard"),))),
        ("premises_underground", _file(c.FilePremises, "H1", storey="garage")),
        ("over_100kg_without_room", _full_kitchen),
        ("not_confirmed", _file(c.FileVoucher, "VO1", status="revoked")),
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


def test_precedence_at_registration() -> None:
    town = town_with()
    wrong: dict[str, Any] = {
        "code": ONE, "serial": "2000001", "made_month": "2024-06", "tare_g": 99_000, "filler_mark": None, "maker": "GL",
    }  # fmt: skip
    outcome = town.tell(town.story.office, town.story.cylinder(2, **wrong, ownership=None))
    broken, warned = heard(outcome)
    assert [n.reason for n in broken] == ["code_used", "already_registered", "tare_out_of_band", "filler_mark_missing"]
    assert [n.reason for n in warned] == ["ownership_not_shown"]


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
    quarantine = {"status": "quarantined", "alert": used_id, "expects": 1}
    town.tell(story.authority, structs.replace(revoke, claim_id=story.base()["claim_id"], **quarantine))
    assert say(story.rival, expects=5, site="S8") == "signer_quarantined"
    back = structs.replace(revoke, claim_id=story.base()["claim_id"], status="active", expects=2)
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
    assert isinstance(deregister(town), e.CylinderDeregistered)
    again = deregister(town)
    assert isinstance(again, e.Refusal)
    assert [note.reason for note in again.reasons] == ["stage_closed"]


def test_a_pack_that_warns_of_everything_still_opens_no_gate_for_an_unknown_code() -> None:
    rules = {
        name: one if name in {*ALWAYS_BLOCKS, *BLOCKS_IF_PRESENT} else structs.replace(one, mode="warn")
        for name, one in PACK.rules.items()
    }
    town = town_with(pack=structs.replace(PACK, version=PACK.version + 1, rules=rules))
    for act in (c.AuthoriseFill, c.ReleaseCylinder, c.DepotOut, c.DeregisterCylinder):
        outcome = town.say(act, code=code(7))
        assert isinstance(outcome, e.Refusal)
        assert [note.reason for note in outcome.reasons] == ["code_unknown"]
    bound = town.say(c.BindCode, code=code(7), new_code=code(8))
    assert isinstance(bound, e.Refusal)
    assert isinstance(town.say(c.AuthoriseFill, code=ONE), e.FillAuthorised)
    assert town.world.log == ORIGIN
