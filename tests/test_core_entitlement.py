"""Who may say what: the matrix written out once more, by hand, and the bounds around it."""

import functools
from collections.abc import Callable
from typing import Any, get_args

import pytest
from msgspec import structs

from ledger import claim as c
from ledger import events as e
from ledger.bundle import signer_key
from ledger.claim import Role
from tests.story import USUAL, Signer, Town, code, private_key

ROLES = {
    "A": Role.AUTHORITY, "I": Role.INSPECTION_BODY, "O": Role.OFFICE, "S": Role.STATION, "W": Role.WORKER,
    "L": Role.LOG,
}  # fmt: skip

MATRIX = """
open_log               A.....     record_inspection      .I....
adopt_pack             A.....     check_prefill          ...S..
enrol_signer           A.O..L     authorise_fill         ...S..
file_enterprise        A.....     start_fill             ...S..
file_permit            A.....     complete_fill          ...S..
file_site              A.O...     interrupt_fill         ...S..
file_line              ..O...     weigh_cylinder         .I.S..
file_calibration       ..O...     check_postfill         ...S..
file_person            ..O...     release_cylinder       ...S..
file_certificate       A.O...     depot_out              .I.S..
file_tank_lot          ..OS..     depot_in               .I.S..
file_use_registration  A.....     collect_cylinder       ...SW.
file_insurance         ..O...     set_aside              .I.S..
open_recall            A.....     lock_cylinder          ..OS.L
close_recall           A.....     bleed_cylinder         ...S..
register_cylinder      ..O...     seize_cylinder         A.....
bind_code              ..OS..     end_seizure            A.....
decide_scrap           .IO...     destroy_cylinder       .IOS..
deregister_cylinder    A.O...     count_stock            ..OS..
record_arrival         ...S..     correct_cylinder       ..OS..
file_successor         A.....     confirm_relabel        ...S..
file_blacklisting      A.....     hand_over              ...SW.
file_seizure_order     A.....     evacuate_cylinder      .I.S..
file_custody           ..O...     extract_residue        .I.S..
file_product           ..O...     replace_valve          .I.S..
file_premises          ..O...     determine_tare         .I.S..
file_pairing           ..O...     surrender_cylinder     ..OS..
file_vehicle           ..O...     load_vehicle           ...SW.
file_customer          ..O...     unload_vehicle         ...SW.
file_contract          ..O...     not_delivered          ...SW.
file_voucher           ..O...     remove_in_emergency    A.OSW.
file_proxy             ..O...     report_lost            ..OSW.
file_order             ..O...     report_found           A.OSW.
open_incident          A.O...     check_premises         ..O.W.
lift_incident          A.....     open_hazard            A.O.W.
acknowledge_recall     ..O...     assign_hazard          A.O...
settle_alert           A.....     escalate_hazard        ..O.W.
suspend_supply         ..O...     rectify_hazard         ..O.W.
resume_supply          ..O...     recheck_hazard         A.O.W.
raise_alert            .....L     count_premises         A.O.W.
"""
_words = MATRIX.split()
EXPECTED = dict(zip(_words[::2], _words[1::2], strict=True))
ACTS: dict[str, type[c.Claim]] = {str(act.__struct_config__.tag): act for act in get_args(c.AnyClaim)}

ONE, TWO = code(1), code(2)
CLAIM_ID = "01900000-0000-7000-8000-0000000fffff"
WEIGHTS = {"weight_g": 31_000}
OWN: dict[str, dict[str, Any]] = {
    # What each act must name beyond the usual for its signer to stay within its own house.
    "bind_code": {"new_code": code(9)},
    "start_fill": {"authorisation": CLAIM_ID},
    "complete_fill": {"authorisation": CLAIM_ID, "end_weight_g": 31_000},
    "interrupt_fill": {"authorisation": CLAIM_ID, **WEIGHTS},
    "weigh_cylinder": WEIGHTS,
    "check_postfill": WEIGHTS,
    "bleed_cylinder": WEIGHTS,
    "decide_scrap": {"person": "P1"},
    "file_line": {"site": "S1"},
    "file_tank_lot": {"site": "S1"},
}


@functools.cache
def _town() -> Town:
    town = Town()
    town.opened()
    town.with_cylinder(1)
    town.tell(town.story.rival, town.story.cylinder(2, owner="E2"))
    site = {"district": "320600", "kind": "filling_station", "status": "open", "name": "邻家站"}
    town.tell(town.story.rival, town.story.make(c.FileSite, site="S2", enterprise="E2", **site))
    town.tell(town.story.rival, town.story.make(c.FileLine, site="S2", line="L20", kind="scale", division_g=50,
                                                status="in_service"))  # fmt: skip
    town.tell(town.story.rival, town.story.make(c.FilePerson, person="P20", enterprise="E2", status="active"))
    enrolled = town.story.enrolment(holder(Role.LOG), Role.LOG, None, ("S1",))
    assert isinstance(town.tell(town.story.authority, enrolled), e.Filed)
    return town


@pytest.fixture
def town() -> Town:
    return _town().copy()


def holder(role: Role) -> Signer:
    return Signer(role, private_key(role))


def signer_of(town: Town, role: Role) -> Signer:
    story = town.story
    known = {
        Role.AUTHORITY: story.authority, Role.INSPECTION_BODY: story.inspector, Role.OFFICE: story.office,
        Role.STATION: story.station, Role.WORKER: story.worker,
    }  # fmt: skip
    return known.get(role) or holder(role)


def claim_of(town: Town, tag: str, role: Role, /, **fields: Any) -> Any:
    """A claim of that kind that its signer could honestly make."""
    act, story = ACTS[tag], town.story
    special: dict[type[c.Claim], Callable[[], Any]] = {
        c.OpenLog: story.opening,
        c.AdoptPack: lambda: story.make(c.AdoptPack, pack=story.opening().pack, expects=0),
        c.RegisterCylinder: lambda: story.cylinder(5),
        c.EnrolSigner: lambda: story.enrolment(Signer("new", private_key("new")), Role.WORKER, "E1", ("S1",)),
    }
    if act is c.EnrolSigner and role is Role.LOG:
        known = town.world.registry.records[f"signer:{story.station.id}"]
        fields = {"status": "quarantined", "alert": CLAIM_ID, "expects": known.seq} | fields
        special[act] = lambda: structs.replace(known.claim, **story.base())
    if act in special:
        return structs.replace(special[act](), **fields)
    said = dict(USUAL.get(act, {})) | OWN.get(tag, {})
    if "code" in act.__struct_fields__:
        said["code"] = ONE
    if role is Role.INSPECTION_BODY and "site" in act.__struct_fields__:
        said["site"] = "B1S"
    return story.make(act, **(said | fields))


def refused_as(outcome: e.Outcome) -> str | None:
    return outcome.reasons[0].reason if isinstance(outcome, e.Refusal) else None


def may(town: Town, signer: Signer, claim: c.AnyClaim) -> bool:
    return refused_as(town.copy().tell(signer, claim)) != "signer_not_entitled"


def test_the_matrix_names_every_claim() -> None:
    assert set(EXPECTED) == set(ACTS)


@pytest.mark.parametrize("tag", sorted(EXPECTED))
def test_matrix(town: Town, tag: str) -> None:
    for letter, role in ROLES.items():
        allowed = may(town, signer_of(town, role), claim_of(town, tag, role))
        # A second entry 0 is stale whoever brings it; who may bring the first stands in the flows.
        assert allowed == (letter in EXPECTED[tag] or tag == "open_log"), (tag, role)


@pytest.mark.parametrize("tag", sorted(tag for tag in EXPECTED if "site" in ACTS[tag].__struct_fields__))
def test_a_signer_speaks_at_its_own_sites_only(town: Town, tag: str) -> None:
    for role in ROLES.values():
        if role in (Role.AUTHORITY, Role.LOG) or tag == "file_site":
            continue
        assert not may(town, signer_of(town, role), claim_of(town, tag, role, site="S2")), (tag, role)
        assert not may(town, signer_of(town, role), claim_of(town, tag, role, site="S7")), (tag, role)


def test_an_enrolment_lists_its_acts(town: Town) -> None:
    gate = Signer("gate", private_key("gate"))
    few = structs.replace(
        town.story.enrolment(gate, Role.STATION, "E1", ("S1",)), acts=("collect_cylinder", "seize_cylinder")
    )
    assert isinstance(town.tell(town.story.office, few), e.Filed)
    assert may(town, gate, claim_of(town, "collect_cylinder", Role.STATION))
    assert not may(town, gate, claim_of(town, "check_prefill", Role.STATION))
    assert not may(town, gate, claim_of(town, "seize_cylinder", Role.STATION)), "a list adds nothing to a role"


FOREIGN: tuple[tuple[str, dict[str, Any]], ...] = (
    ("register_cylinder", {"owner": "E2"}),
    ("bind_code", {"code": TWO}),
    ("correct_cylinder", {"code": TWO, "tare_g": 15_000}),
    ("decide_scrap", {"code": TWO}),
    ("deregister_cylinder", {"code": TWO}),
    ("destroy_cylinder", {"code": TWO}),
    ("file_site", {"enterprise": "E2"}),
    ("file_site", {"site": "S2"}),
    ("file_line", {"site": "S2"}),
    ("file_line", {"line": "L20"}),
    ("file_calibration", {"line": "L20"}),
    ("file_calibration", {"certificate": "CAL20"}),
    ("file_person", {"enterprise": "E2"}),
    ("file_person", {"person": "P20"}),
    ("file_certificate", {"person": "P20"}),
    ("file_certificate", {"certificate": "C20"}),
    ("file_insurance", {"enterprise": "E2"}),
    ("file_insurance", {"policy": "INS20"}),
    ("file_tank_lot", {"site": "S2"}),
    ("file_tank_lot", {"tank_lot": "T20"}),
    ("file_pairing", {"person": "P20"}),
    ("file_vehicle", {"enterprise": "E2"}),
    ("file_vehicle", {"vehicle": "V20"}),
    ("file_customer", {"enterprise": "E2"}),
    ("file_customer", {"customer": "K20"}),
    ("file_premises", {"enterprise": "E2"}),
    ("file_premises", {"premises": "H20"}),
    ("file_contract", {"enterprise": "E2"}),
    ("file_contract", {"contract": "CT20"}),
    ("file_voucher", {"enterprise": "E2"}),
    ("file_voucher", {"voucher": "VO20"}),
    ("file_proxy", {"enterprise": "E2"}),
    ("file_proxy", {"proxy": "PX20"}),
    ("file_order", {"enterprise": "E2"}),
    ("file_order", {"order": "OR20"}),
    ("suspend_supply", {"enterprise": "E2"}),
    ("resume_supply", {"enterprise": "E2"}),
    ("acknowledge_recall", {"enterprise": "E2"}),
    ("open_incident", {"sites": ("S1", "S2")}),
    ("open_incident", {"lines": ("L20",)}),
    ("open_incident", {"tank_lots": ("T20",)}),
    ("open_incident", {"vehicles": ("V20",)}),
    ("open_incident", {"expects": 0}),
    ("enrol_signer", {"enterprise": "E2"}),
    ("enrol_signer", {"enterprise": None}),
    ("enrol_signer", {"sites": ("S2",)}),
    ("enrol_signer", {"sites": ("S1", "S2")}),
    ("enrol_signer", {"role": Role.OFFICE}),
    ("enrol_signer", {"role": Role.AUTHORITY}),
    ("enrol_signer", {"role": Role.INSPECTION_BODY}),
    ("enrol_signer", {"role": Role.LOG}),
)


RIVALS: tuple[tuple[type[c.Claim], str, str], ...] = (
    (c.FileVehicle, "vehicle", "V20"), (c.FileCustomer, "customer", "K20"), (c.FilePremises, "premises", "H20"),
    (c.FileContract, "contract", "CT20"), (c.FileVoucher, "voucher", "VO20"), (c.FileProxy, "proxy", "PX20"),
    (c.FileOrder, "order", "OR20"),
)  # fmt: skip
"""What the rival has on file."""


@pytest.mark.parametrize(("tag", "fields"), FOREIGN, ids=[f"{n}-{tag}" for n, (tag, _) in enumerate(FOREIGN)])
def test_an_office_keeps_to_its_own_house(town: Town, tag: str, fields: dict[str, Any]) -> None:
    rival, make = town.story.rival, town.story.make
    years = {"valid_from": "2025-01-01", "valid_to": "2027-12-31"}
    filed: tuple[Any, ...] = (
        make(c.FileCalibration, certificate="CAL20", line="L20", **years),
        make(c.FileCertificate, certificate="C20", person="P20", kind="filling", status="valid", **years),
        make(c.FileInsurance, policy="INS20", enterprise="E2", **years),
        town.story.lot(tank_lot="T20", site="S2"),
        *(make(act, **USUAL[act] | {"enterprise": "E2", field: key}) for act, field, key in RIVALS),
    )
    for claim in filed:
        assert isinstance(town.tell(rival, claim), e.Filed)
    assert may(town, town.story.office, claim_of(town, tag, Role.OFFICE)), "as a control"
    assert not may(town, town.story.office, claim_of(town, tag, Role.OFFICE, **fields))


@pytest.mark.parametrize("victim", ["authority", "log", "rival", "inspector"])
def test_an_office_cannot_take_over_somebody_elses_key(town: Town, victim: str) -> None:
    """Entry 0's signers are enrolled by no record, and still nobody may enrol them as his own."""
    taken = town.story.enrolment(getattr(town.story, victim), Role.STATION, "E1", ("S1",))
    head = town.world.registry.records.get(f"signer:{taken.signer}")
    taken = structs.replace(taken, expects=None if head is None else head.seq)
    assert not may(town, town.story.office, taken)


def test_a_station_keeps_to_its_owners_cylinders_where_there_is_no_way_back(town: Town) -> None:
    for tag in ("bind_code", "correct_cylinder", "destroy_cylinder"):
        assert may(town, town.story.station, claim_of(town, tag, Role.STATION))
        assert not may(town, town.story.station, claim_of(town, tag, Role.STATION, code=TWO))
    for tag in ("collect_cylinder", "depot_in", "set_aside", "lock_cylinder", "count_stock", "check_prefill"):
        assert may(town, town.story.station, claim_of(town, tag, Role.STATION, code=TWO)), "facts are facts"
    for tag in ("decide_scrap", "destroy_cylinder"):
        assert may(town, town.story.inspector, claim_of(town, tag, Role.INSPECTION_BODY, code=TWO))


NO_QUARANTINE: tuple[dict[str, Any], ...] = (
    {"status": "active"}, {"status": "revoked"}, {"alert": None}, {"role": Role.WORKER}, {"enterprise": "E2"},
    {"sites": ()}, {"acts": ("check_prefill",)},
)  # fmt: skip


@pytest.mark.parametrize("fields", NO_QUARANTINE, ids=map(str, NO_QUARANTINE))
def test_the_logs_signer_may_quarantine_and_nothing_else(town: Town, fields: dict[str, Any]) -> None:
    assert may(town, town.story.log, claim_of(town, "enrol_signer", Role.LOG)), "as a control"
    assert not may(town, town.story.log, claim_of(town, "enrol_signer", Role.LOG, **fields))


def test_the_logs_signer_lets_those_be_over_whom_nobody_stands(town: Town) -> None:
    story = town.story
    quarantine = {"status": "quarantined", "alert": CLAIM_ID}
    for signer, role in ((story.authority, Role.AUTHORITY), (story.log, Role.LOG), (holder(Role.LOG), Role.LOG)):
        record = town.world.registry.records.get(f"signer:{signer.id}")
        kept = town.world.registry.signer(signer.id)
        assert kept is not None
        assert kept.role is role
        claim = structs.replace(kept, **story.base(), **quarantine, expects=None if record is None else record.seq)
        assert not may(town, story.log, claim)


def test_a_quarantine_for_an_alert_has_its_reason_and_the_office_ends_it(town: Town) -> None:
    station, office = town.story.station, town.story.office
    quarantine = claim_of(town, "enrol_signer", Role.LOG)
    assert isinstance(town.tell(town.story.log, quarantine), e.Filed)
    assert refused_as(town.tell(station, claim_of(town, "check_prefill", Role.STATION))) == "signer_quarantined"
    twice = structs.replace(quarantine, **town.story.base(), expects=quarantine.expects + 1)
    assert not may(town, town.story.log, twice), "it is not active"
    back = structs.replace(twice, **town.story.base(), status="active", alert=None)
    assert not may(town, town.story.log, back), "nor may it let anybody in"
    assert isinstance(town.tell(office, back), e.Filed)
    assert may(town, station, claim_of(town, "check_prefill", Role.STATION))


@pytest.mark.parametrize("status", ["revoked", "quarantined"])
def test_a_signer_that_is_out_says_nothing_and_its_attempts_are_kept(town: Town, status: Any) -> None:
    station = town.story.station
    record = town.world.registry.records[f"signer:{station.id}"]
    out = town.story.enrolment(station, Role.STATION, "E1", ("S1",))
    assert isinstance(town.tell(town.story.office, structs.replace(out, status=status, expects=record.seq)), e.Filed)
    size = town.world.size
    for tag in ("check_prefill", "authorise_fill", "collect_cylinder"):
        assert refused_as(town.tell(station, claim_of(town, tag, Role.STATION))) == "signer_revoked"
    assert town.world.size == size + 3
    back = structs.replace(out, claim_id=town.story.base()["claim_id"], expects=record.seq + 1)
    assert isinstance(town.tell(town.story.office, back), e.Filed)
    assert may(town, station, claim_of(town, "check_prefill", Role.STATION))


def test_a_key_that_nobody_enrolled(town: Town) -> None:
    stranger = Signer("stranger", private_key("stranger", "p256"))
    assert signer_key(stranger.key).alg == "p256"
    assert refused_as(town.tell(stranger, claim_of(town, "check_prefill", Role.STATION))) == "signer_revoked"


def test_the_first_days_are_the_authoritys_to_give(town: Town) -> None:
    mine = town.copy()
    office, authority = signer_of(mine, Role.OFFICE), signer_of(mine, Role.AUTHORITY)
    until = {"transition_until": "2026-06-30"}
    assert not may(mine, office, claim_of(mine, "file_site", Role.OFFICE, expects=0, **until))
    stands = mine.world.registry.records["site:S1"].seq
    given = claim_of(mine, "file_site", Role.AUTHORITY, site="S1", expects=stands, **until)
    filed = mine.tell(authority, given)
    assert isinstance(filed, e.Filed)
    kept = claim_of(mine, "file_site", Role.OFFICE, site="S1", expects=stands + 1, **until)
    assert isinstance(mine.copy().tell(office, kept), e.Filed)
    assert not may(mine, office, structs.replace(kept, transition_until="2026-07-31"))


def test_what_a_customer_fetches_is_handed_over_by_the_station_at_its_own_site(town: Town) -> None:
    """A phone's word that gas was fetched would need neither vehicle nor certificate."""
    story = town.story
    fetched = story.make(c.HandOver, **USUAL[c.HandOver] | {"code": ONE, "person": "P1", "vehicle": None})
    assert may(town, story.station, fetched)
    assert not may(town, story.worker, fetched)
    for elsewhere in (None, "S9"):
        assert not may(town, story.station, structs.replace(fetched, site=elsewhere))
