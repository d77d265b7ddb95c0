"""The lifecycle's table, and random stories over it: deciding never raises, folding never surprises, replay agrees.

Over 400 lines because random stories need a way to make every kind of claim.
"""

import functools
import random
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from ledger import claim as c
from ledger import events as e
from ledger.bundle import decode_claim, open_bundle
from ledger.decide import decide
from ledger.entry import MAX_ENTRY_BYTES, Entry, decode_entry, encode_entry
from ledger.lifecycle import LIVE, ROWS, SCRAPPED, SIGNS, START, SUPERSEDED, TABLE, Stage
from ledger.registry import Registry
from ledger.replay import replay
from ledger.world import World
from tests.story import ORIGIN, USUAL, Signer, Town, code, private_key

REQUEST_STAGES: dict[str, set[Stage]] = {
    "code_bound.v1": set(LIVE),
    "fill_authorised.v1": set(LIVE) - {Stage.FILLING},
    "cylinder_released.v1": {Stage.FILLED, Stage.POSTCHECKED, Stage.RELEASED},
    "vehicle_loaded.v1": set(LIVE),
    "cylinder_handed_over.v1": set(LIVE),
    "cylinder_surrendered.v1/enterprise": set(LIVE),
    "cylinder_surrendered.v1/scrap": set(LIVE),
    "cylinder_deregistered.v1": {Stage.DESTROYED},
}
"""Signs of requests, and the only stages that know them; signs of reports are known by all."""

CYLINDER_TAGS = {
    str(event.__struct_config__.tag) for event in get_args(e.AnyEvent) if issubclass(event, e.CylinderEvent)
}


def test_every_report_has_a_row_at_every_stage_and_requests_only_theirs() -> None:
    for sign in SIGNS:
        stages = {stage for stage in Stage if (stage, sign) in TABLE}
        assert stages == REQUEST_STAGES.get(sign, set(Stage)), sign


def test_every_event_of_a_cylinder_shows_a_sign() -> None:
    assert {sign.partition("/")[0] for sign in SIGNS} - {SUPERSEDED} == CYLINDER_TAGS - {"cylinder_registered.v1"}
    contents = {sign for sign in SIGNS if "/" in sign}
    moved = ("depot_entered.v1", "vehicle_unloaded.v1", "cylinder_collected.v1", "stock_counted.v1")
    said = {
        "cylinder_surrendered.v1/enterprise", "cylinder_surrendered.v1/scrap", "cylinder_handed_over.v1/done",
    }  # fmt: skip
    assert contents == {f"{tag}/{content}" for tag in moved for content in c.Content} | said


def test_there_is_no_way_back_from_scrap() -> None:
    order = {stage: rank for rank, stage in enumerate(SCRAPPED)}
    for (stage, sign), target in TABLE.items():
        if stage in order:
            assert target in order, (stage, sign)
            assert order[target] >= order[stage], (stage, sign)


def test_full_stages_are_entered_by_a_fill_alone() -> None:
    """Or a return, a count, a check could make black gas lawful."""
    full = {Stage.FILLED, Stage.POSTCHECKED, Stage.RELEASED}
    into = {sign for (stage, sign), target in TABLE.items() if target in full and stage not in full}
    assert into == {"cylinder_filled.v1"}
    assert {sign for (_, sign), t in TABLE.items() if t is Stage.FILLING and _ is not t} == {"fill_started.v1"}


def test_every_stage_can_be_reached() -> None:
    seen = {START}
    while True:
        more = seen | {target for (stage, _), target in TABLE.items() if stage in seen}
        if more == seen:
            break
        seen = more
    assert seen == set(Stage)


def test_no_row_is_written_for_nothing() -> None:
    """A row that later rows overwrite at every stage says nothing."""
    for n, (sign, stages, _) in enumerate(ROWS):
        later = {s for other, covered, _ in ROWS[n + 1 :] if other == sign for s in covered}
        assert set(stages) - later, (n, sign)


# --- random stories ----------------------------------------------------------------------------------------------

CODES = (code(1), code(2), code(3), code(7), "stamp:GL_0000001_2024-06")
"""Two of ours, a rival's, and two that nobody carries at first."""

_POOLS: dict[str, tuple[Any, ...]] = {
    "site": ("S1", "S1", "S1", "B1S", "S7"),
    "person": ("P1", "P1", "P2", "I1", "X1"),
    "reviewer": ("I2", "I1"),
    "line": ("L1", "L1", "L2", "L7"),
    "tank_lot": ("T1", "T1", "T2"),
    "vehicle": ("V1", "V2"),
    "purpose": tuple(c.Purpose),
    "content": tuple(c.Content),
    "cause": tuple(c.Cause),
    "weight_g": (31_000, 16_500, 20_000, 31_400, 31_401, 40_000, -5),
    "start_weight_g": (16_500, 17_900),
    "end_weight_g": (31_000, 31_000, 31_000, 31_401, 10_000),
    "passed": (True, True, False),
    "inspected_on": ("2026-01-01", "2025-12-01", "2030-01-01", "2026-02-31"),
    "order_no": ("O1", "O2"),
    "corrects": (0, 3, 10_000),
    "tare_g": (None, 16_000, 17_000),
    "max_fill_g": (None, 14_000),
    "made_month": (None, "2013-01", "2024-06"),
    "phase": (None, c.Phase.TWO_PHASE, c.Phase.VAPOUR),
    "expects": (None, None, 0, 1, 2),
    "recall": ("R1", "R2"),
    "maker": (None, "GL", "XX"),
    "customer": ("K1", "K1", "K2"),
    "premises": ("H1", "H1", "H2"),
    "empties": ((), CODES[1:2], CODES[3:]),
    "done": (False, True),
    "incident": ("IN1", "IN2"),
    "told": (0, 7),
    "new_code": (*CODES, code(8), code(9)),
    "retires": (None, *CODES[:2]),
}
_STATUS: dict[type[c.Claim], tuple[str, ...]] = {
    c.FilePermit: ("valid", "suspended"),
    c.FileSite: ("open", "closed"),
    c.FileLine: ("in_service", "out_of_service"),
    c.FilePerson: ("active", "left"),
    c.FileCertificate: ("valid", "revoked"),
    c.FileTankLot: ("released", "blocked", "emptied"),
    c.FileUseRegistration: ("valid", "cancelled"),
}
_IDS: dict[type[c.Claim], dict[str, tuple[str, ...]]] = {
    c.FilePermit: {"permit": ("PM1", "PM9")},
    c.FileSite: {"site": ("S1", "S9"), "transition_until": (None, "2026-01-01", "2027-01-01")},  # type: ignore[dict-item]
    c.FileCalibration: {"certificate": ("CAL1", "CAL9")},
    c.FilePerson: {"person": ("P1", "P9")},
    c.FileCertificate: {"certificate": ("C-P1", "C-P2", "C9"), "person": ("P1", "P2")},
    c.FileTankLot: {"tank_lot": ("T1", "T2")},
    c.FileUseRegistration: {"certificate": ("UR1", "UR2")},
    c.FileInsurance: {"policy": ("INS1", "INS9")},
}
_ROUND = (
    c.CheckPrefill, c.AuthoriseFill, c.StartFill, c.CompleteFill, c.CheckPostfill, c.ReleaseCylinder, c.DepotOut,
    c.DepotOut, c.DepotIn, c.LoadVehicle, c.HandOver, c.CollectCylinder, c.UnloadVehicle, c.DepotOut, c.DepotIn,
)  # fmt: skip
ACTS: tuple[type[c.Claim], ...] = (*get_args(c.AnyClaim), *_ROUND * 5)


@functools.cache
def _town() -> Town:
    town = Town()
    town.opened()
    town.with_cylinder(1)
    town.with_cylinder(2)
    town.tell(town.story.rival, town.story.cylinder(3, owner="E2"))
    return town


class Told:
    """A random story as it is told: the ids that later claims may name."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.chaos = chance.choice((0.03, 0.1, 0.3, 1.0))
        self.stand = 0
        self.town = _town().copy()
        self.ids: list[str] = []
        self.hazards: tuple[str, ...] = ()
        self.leave: dict[str, str] = {}
        self.sales: dict[str, int] = {}
        self.licences: dict[str, int] = {}

    def pick(self, options: tuple[Any, ...]) -> Any:
        """The first, honest one, but for as much chaos as this story has."""
        return self.chance.choice(options) if self.chance.random() < self.chaos else options[0]

    def claim(self, act: type[c.Claim]) -> Any:
        """A claim of that kind, as wrong as this story is chaotic."""
        claim = self.special(act) or self.town.story.make(act, **self.fields(act))
        if self.ids and self.chance.random() < 0.02:
            return structs.replace(claim, claim_id=self.chance.choice(self.ids))
        return claim

    def special(self, act: type[c.Claim]) -> Any:
        story = self.town.story
        if act is c.OpenLog:
            return story.opening()
        if act is c.AdoptPack:
            pack = story.opening().pack
            return story.make(act, pack=structs.replace(pack, version=self.chance.randint(1, 3)), expects=0)
        if act is c.EnrolSigner:
            signer = Signer("new", private_key(self.pick(("new", "station"))))
            return story.enrolment(signer, self.pick(tuple(c.Role)), self.pick(("E1", "E2", None)), ("S1",))
        if act is c.RegisterCylinder:
            return story.cylinder(self.chance.randint(1, 6), owner=self.pick(("E1", "E2", c.CUSTOMER)))
        return None

    def fields(self, act: type[c.Claim]) -> dict[str, Any]:
        names, told = act.__struct_fields__, dict(USUAL.get(act, {}))
        code = self.pick(CODES[:1] * 6 + CODES)
        leave = self.leave.get(code, "01900000-0000-7000-8000-0000000fffff")
        items = c.PrefillItem if act is c.CheckPrefill else c.PostfillItem
        keys = tuple(self.town.story.cylinder(n).cylinder for n in (1, 2, 9))
        pools = (
            _POOLS
            | _IDS.get(act, {})
            | {
                "code": (code,),
                "content": (self.chance.choice(tuple(c.Content)),),
                "authorisation": (leave,),
                "continues": (None, None, leave),
                "failed_items": ((), (), (), tuple(items)),
                "hazard": (self.hazards[-1:] or ("01900000-0000-7000-8000-0000000fffff",)),
                "codes": (CODES[:2], (), CODES),
                "cylinders": (keys[:2], (), keys),
                "status": _STATUS.get(act, ()),
            }
        )
        if act is c.CheckPostfill:
            pools["person"] = ("P2", "P2", "P1")
        if isinstance(told.get("cause"), str) and not isinstance(told["cause"], c.Cause):
            del pools["cause"]  # a word of its own
        if act is c.DetermineTare:
            pools["tare_g"] = (16_500, 16_000, 30_000)
        if act is c.SurrenderCylinder:
            pools["to"] = ("enterprise", "scrap")
        if act is c.CheckPrefill:
            pools["stamp_tail"] = (None, "0001", "9999")
        if act is c.BindCode:
            pools |= {"photo_digest": ("ab" * 32, None), "second_person": (None, "P2", "P1")}
        if act is c.CorrectCylinder:
            pools["made_month"] = (None, None, None, "2013-01")
        return told | {name: self.pick(pool) for name, pool in pools.items() if name in names and pool}

    def step(self) -> None:
        story = self.town.story
        act: type[c.Claim] = _ROUND[self.stand % len(_ROUND)]
        self.stand += 1
        if self.chance.random() < self.chaos:
            act = self.chance.choice(ACTS)
        claim = self.claim(act)
        everyone = (
            story.authority, story.office, story.station, story.inspector, story.rival, story.log, story.worker,
        )  # fmt: skip
        by: Any = self.chance.choice(everyone) if self.chance.random() < self.chaos / 5 else None
        self.tell(by or story.usual_signer(act), claim)
        self.ids.append(claim.claim_id)
        story.now += self.pick((60_000, 0, 1_000, 130_000, 8 * 3_600_000))
        if self.chance.random() < self.chaos / 5:
            story.now -= 3_600_000  # a device that was away, or set wrong

    def tell(self, signer: Signer, claim: Any) -> None:
        town = self.town
        offset = self.pick((0, 0, 0, None, 1_800_001, -(10**15)))
        held = town.world.cylinder_of(getattr(claim, "code", ""))
        outcome = town.tell(signer, claim, offset=offset)
        if isinstance(outcome, e.Refusal):
            assert outcome.reasons
            spoken = all(note.rule == "LEDGER@1" for note in outcome.reasons)
            assert c.is_request(claim) or spoken, "a rule refuses no report"
            assert c.is_request(claim) or outcome.reasons[0].reason != "stage_closed"
        if isinstance(claim, c.AuthoriseFill) and not isinstance(outcome, e.Refusal):
            self.leave[claim.code] = claim.claim_id
        if isinstance(outcome, e.HazardOpened):
            self.hazards = (*self.hazards, claim.claim_id)
        if held is None or isinstance(outcome, e.Refusal):
            return
        self.watch(held.cylinder, claim, outcome)

    def watch(self, key: str, claim: Any, outcome: Any) -> None:
        """An oracle of its own: no more sales than releases, unsold returns and one opening count."""
        if isinstance(outcome, e.CylinderReleased) or (
            isinstance(claim, c.DepotIn | c.UnloadVehicle) and claim.content is c.Content.FULL
        ):
            self.licences[key] = self.licences.get(key, 1) + 1
        if isinstance(claim, c.LoadVehicle) or (isinstance(claim, c.DepotOut) and claim.purpose is c.Purpose.SALE):
            self.sales[key] = self.sales.get(key, 0) + 1
            assert self.sales[key] <= self.licences.get(key, 1)
            now = self.town.world.cylinders[key]
            assert not now.seized
            assert not now.locks
            assert not now.inspection_failed
            assert now.stage not in SCRAPPED
            assert now.phase is not c.Phase.TWO_PHASE


def state(world: World) -> dict[str, Any]:
    """All that a world is, comparable."""
    in_force = world.registry.in_force
    return {
        **{name: getattr(world, name) for name in ("log", "cylinders", "codes", "subjects", "devices", "seen")},
        **{name: getattr(world, name) for name in ("size", "registry_index", "recorded_at")},
        **{name: getattr(world, name) for name in ("premises", "loads", "strays")},
        "records": world.registry.records,
        "supply": world.supply.records,
        **{name: list(getattr(world.registry, name).items()) for name in OPEN},
        "pack": None if in_force is None else (in_force.pack, in_force.label),
    }


OPEN = ("open_recalls", "open_drills", "open_incidents")


def owned(registry: Registry) -> list[list[Any]]:
    """What the owners' index answers, for all owners that stories name."""
    kinds = (c.FilePermit, c.FileCertificate, c.FileInsurance, c.FileCalibration)
    names = ("E1", "E2", "B1", "P1", "P2", "I1", "I2", "P9", "L1", "L2", "L9")
    return [list(registry.owned_by(kind, name)) for kind in kinds for name in names]


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.integers(0, 10_000))
def test_random_stories(seed: int, cut: int) -> None:
    told = Told(random.Random(seed))
    for _ in range(40):
        told.step()
    bodies, world = told.town.bodies, told.town.world
    for body in bodies:
        entry = decode_entry(body)
        assert encode_entry(entry) == body
        assert len(body) <= MAX_ENTRY_BYTES

    whole = World(ORIGIN)
    assert [step.difference for step in replay(whole, bodies) if step.difference] == []
    assert state(whole) == state(world)

    parts, at = World(ORIGIN), cut % (len(bodies) + 1)
    for body_range in (bodies[:at], bodies[at:]):
        for _ in replay(parts, body_range):
            pass
    assert state(parts) == state(whole)

    # As a server reads it back: the records in force alone, in index order.
    read_back = Registry()
    for record in sorted(whole.registry.records.values(), key=lambda one: one.entry_index):
        read_back.file(record.claim, seq=record.seq, entry_index=record.entry_index)
    for name in OPEN:
        assert list(getattr(read_back, name).items()) == list(getattr(whole.registry, name).items())
    assert [sorted(map(str, found)) for found in owned(read_back)] == [
        sorted(map(str, found)) for found in owned(whole.registry)
    ]


@settings(max_examples=10)
@given(st.integers(0, 2**32))
def test_deciding_changes_nothing_and_says_the_same_again(seed: int) -> None:
    told = Told(random.Random(seed))
    for _ in range(15):
        told.step()
    claim, world = told.claim(told.chance.choice(ACTS)), told.town.world
    before = repr(state(world))
    first, second = (
        decide(world, claim, world.recorded_at, signer=told.town.story.station.id, clock_offset_ms=0) for _ in range(2)
    )
    assert first == second
    assert repr(state(world)) == before


def _padded(claim: c.AnyClaim, town: Town, filler: str) -> Entry:
    """Told with as much white space as a claim may have."""
    story = town.story
    envelope = story.station.sign(claim)
    text = open_bundle(envelope).claims[0].text
    text = text[:-1] + filler * ((c.MAX_CLAIM_BYTES - len(text.encode())) // len(filler)) + "}"
    assert len(text.encode()) <= c.MAX_CLAIM_BYTES
    assert decode_claim(text) == claim
    world = town.world
    outcome = decide(world, claim, story.now + 86_400_000, signer=story.station.id, clock_offset_ms=0)
    assert outcome.as_of_scan is not None, "judged twice, and differing: the longest outcome"
    return Entry(
        v=1, log="x" * 250, recorded_at=2**53, clock_offset_ms=-(2**53), subject="cylinder:" + "0" * 120,
        subject_seq=2**53, subject_prev="0" * 64, signer="0" * 32, device_seq=2**53, device_chain="behind",
        bundle="0" * 64, position=499, pack="x" * 20, claim=text, outcome=outcome,
    )  # fmt: skip


@pytest.mark.parametrize("filler", ["\n", "\t", " "])
def test_the_largest_claim_makes_an_entry_that_fits(filler: str) -> None:
    town = _town().copy()
    town.say(c.FilePermit, permit="PM1", valid_to="2026-01-01", expects=0)
    town.say(c.FileCertificate, certificate="C-P1", valid_to="2026-01-01", expects=0, by=town.story.authority)
    town.say(c.LockCylinder, code=code(1))
    many = tuple(c.PrefillItem) * 120
    checked = town.story.make(c.CheckPrefill, code=code(3), failed_items=many)
    body = encode_entry(_padded(checked, town, filler))
    assert c.MAX_CLAIM_BYTES < len(body) <= MAX_ENTRY_BYTES


def test_the_longest_filings_fit() -> None:
    town = _town().copy()
    keys = tuple(f"01900000-0000-7000-9000-{n:012x}" for n in range(c.MAX_LISTED_CYLINDERS))
    outcome = town.say(c.FileUseRegistration, cylinders=keys)
    assert isinstance(outcome, e.Refusal)
    assert len(town.bodies[-1]) < MAX_ENTRY_BYTES
    arrival = town.say(c.RecordArrival, counts={f"{n:020}": 1 for n in range(900)})
    assert isinstance(arrival, e.ArrivalRecorded)
    assert len(town.bodies[-1]) < MAX_ENTRY_BYTES
