"""Who reaches past its own enterprise: acts that a role may do, and that are refused where they are another's."""

import functools
from typing import Any

import pytest
from msgspec import structs

from ledger import claim as c
from ledger import events as e
from tests.rule_kit import ONE, town_with
from tests.story import USUAL, Signer, Town, code
from tests.test_core_entitlement import CLAIM_ID, may

TWO = code(2)


@pytest.fixture
def town() -> Town:
    """This enterprise's cylinder and the neighbour's."""
    one = town_with()
    assert isinstance(one.tell(one.story.rival, one.story.cylinder(2, owner="E2")), e.CylinderRegistered)
    return one


def test_a_phone_brings_gas_for_its_own_enterprises_workers_only(town: Town) -> None:
    """Whoever brings it sells it for their employer, so nobody may name another's worker as the one."""
    person = town.story.make(c.FilePerson, person="W20", enterprise="E2", status="active", roles=("delivery",))
    assert isinstance(town.tell(town.story.rival, person), e.Filed)
    for act in (c.LoadVehicle, c.HandOver):
        ours: Any = town.story.make(act, **USUAL[act] | {"code": ONE})
        assert may(town, town.story.worker, ours)
        assert not may(town, town.story.worker, structs.replace(ours, claim_id=CLAIM_ID, person="W20"))


def test_hazards_and_counts_are_for_those_who_supply_there(town: Town) -> None:
    """A rival could close a hazard that it never saw."""
    rival, make = town.story.rival, town.story.make
    acts = (c.AssignHazard, c.EscalateHazard, c.RectifyHazard, c.RecheckHazard, c.CountPremises)
    theirs: tuple[Any, ...] = tuple(make(act, **USUAL[act]) for act in acts)
    for claim in theirs:
        by = town.story.office if type(claim) is c.AssignHazard else town.story.worker
        assert may(town, by, claim)
        assert not may(town, rival, claim), claim
    elsewhere = make(c.CountPremises, **USUAL[c.CountPremises] | {"premises": "H99"})
    assert may(town, rival, elsewhere), "nobody supplies there: an illegal point may be anybody's find"


def stops(town: Town, by: Signer, enterprise: str) -> bool:
    """Whether that office may suspend supply at H1."""
    return may(town, by, town.story.make(c.SuspendSupply, **USUAL[c.SuspendSupply] | {"enterprise": enterprise}))


@pytest.mark.parametrize("kind", ["presupply", "home"])
def test_supply_is_suspended_by_whoever_has_a_contract_and_has_looked_at_the_place(town: Town, kind: str) -> None:
    """Any office can file a contract for itself with a competitor's customer, and only who suspended may resume."""
    rival = town.story.rival
    told = functools.partial(town.say, by=rival)
    check = c.SafetyCheck(f"{kind}-1", photos=("00" * 32,))
    assert isinstance(told(c.FilePerson, person="W20", enterprise="E2"), e.Filed)
    assert stops(town, town.story.office, "E1")
    assert not stops(town, rival, "E2")
    looked, bound = town.copy(), town.copy()
    assert isinstance(told(c.CheckPremises, person="W20", kind=kind, check=check), e.PremisesChecked)
    assert not stops(town, rival, "E2"), "it has looked, and supplies nobody there"
    for one in (town, bound):
        assert isinstance(one.say(c.FileContract, by=rival, contract="CT20", enterprise="E2"), e.Filed)
    assert not stops(bound, rival, "E2"), "it has a contract, by its own word alone"
    assert may(bound, rival, bound.story.make(c.OpenHazard, **USUAL[c.OpenHazard])), "whoever finds danger says so"
    assert stops(town, rival, "E2")
    assert stops(looked, town.story.office, "E1")


def test_supply_is_suspended_by_whoever_has_delivered(town: Town) -> None:
    """This enterprise's worker delivered to premises that another filed; it has a contract there."""
    story = town.story
    there: dict[str, Any] = {"premises": "H8"}
    assert isinstance(town.say(c.FilePremises, by=story.rival, enterprise="E2", **there), e.Filed)
    theirs = {"contract": "CT30", "enterprise": "E2", **there}
    assert isinstance(town.say(c.FileContract, by=story.rival, **theirs), e.Filed)
    stop: Any = story.make(c.SuspendSupply, **USUAL[c.SuspendSupply] | there)
    assert not may(town, story.office, stop)
    assert isinstance(town.say(c.FileContract, contract="CT31", **there), e.Filed)
    assert not may(town, story.office, stop)
    town.say(c.HandOver, code=ONE, done=True, **there)
    assert may(town, story.office, stop)
    assert isinstance(town.say(c.FileContract, contract="CT31", status="ended", expects=0, **there), e.Filed)
    assert not may(town, story.office, stop), "it supplies there no more"
    assert may(town, story.rival, structs.replace(stop, enterprise="E2")), "whose premises they are, by its filing"


def test_where_nobody_has_a_contract_whoever_filed_the_place_suspends(town: Town) -> None:
    story = town.story
    assert isinstance(town.say(c.FileContract, contract="CT1", status="ended", expects=0), e.Filed)
    assert stops(town, story.office, "E1")
    assert not stops(town, story.rival, "E2")


def test_a_phone_brings_gas_on_no_competitors_vehicle(town: Town) -> None:
    """Else a rival could sell what stands on another's vehicle; a carrier's goes for whoever hires it."""
    story = town.story
    theirs: dict[str, Any] = {"vehicle": "V20", "enterprise": "E2"}
    hired: dict[str, Any] = {"vehicle": "V21", "enterprise": "SU1"}
    for vehicle in (theirs, hired):
        filed = story.make(c.FileVehicle, **USUAL[c.FileVehicle] | vehicle)
        town.world.registry.file(filed, seq=0, entry_index=0)
    for act in (c.LoadVehicle, c.HandOver):
        ours: Any = story.make(act, **USUAL[act] | {"code": ONE, "vehicle": "V2"})
        assert may(town, story.worker, ours)
        assert may(town, story.worker, structs.replace(ours, vehicle="V21"))
        assert may(town, story.worker, structs.replace(ours, vehicle="V22")), "nobody filed it: DEL-01 speaks"
        assert not may(town, story.worker, structs.replace(ours, vehicle="V20"))
    late = structs.replace(ours, vehicle="V20", done=True)
    assert not may(town, story.worker, late), "nor by telling it afterwards"


@pytest.mark.parametrize("merger", [("E1", "E2"), ("E2", "E1")])
def test_after_a_merger_either_ones_vehicles_bring_it(town: Town, merger: tuple[str, str]) -> None:
    story = town.story
    filed = story.make(c.FileVehicle, **USUAL[c.FileVehicle] | {"vehicle": "V20", "enterprise": "E2"})
    town.world.registry.file(filed, seq=0, entry_index=0)
    ours = story.make(c.HandOver, **USUAL[c.HandOver] | {"code": ONE, "vehicle": "V20"})
    assert not may(town, story.worker, ours)
    old, new = merger
    assert isinstance(town.say(c.FileSuccessor, enterprise=old, successor=new, from_day="2026-01-01"), e.Filed)
    assert may(town, story.worker, ours)


def test_only_whoever_had_a_cylinder_can_report_it_lost(town: Town) -> None:
    """A rival's report would stop the sale of what another's worker has on the vehicle."""
    story = town.story
    lost = story.make(c.ReportLost, **USUAL[c.ReportLost] | {"code": ONE})
    assert may(town, story.worker, lost)
    assert not may(town, story.rival, lost)
    assert may(town, story.rival, structs.replace(lost, code=TWO)), "its own"


def test_a_workers_own_phone_names_nobody_else_as_who_acts(town: Town) -> None:
    """What it signs is then that person's word; a shared phone is filed without a person, as before."""
    story = town.story
    shared = story.enrolment(story.worker, c.Role.WORKER, "E1", ("S1",))
    acts: tuple[type[c.Claim], ...] = (c.LoadVehicle, c.HandOver, c.CollectCylinder, c.CheckPremises)
    for expects, (bound, other_may) in enumerate(((structs.replace(shared, worker="W1"), False), (shared, True))):
        enrolled = town.tell(
            story.office, structs.replace(bound, expects=expects, claim_id=f"{CLAIM_ID[:-2]}8{expects}")
        )
        assert isinstance(enrolled, e.Filed)
        for n, act in enumerate(acts):
            theirs: Any = story.make(act, **USUAL[act] | ({} if act is c.CheckPremises else {"code": ONE}))
            own = structs.replace(theirs, person="W1", claim_id=f"{CLAIM_ID[:-1]}{n}")
            assert may(town, story.worker, own), act
            assert may(town, story.worker, structs.replace(own, person="W2")) is other_may, act
