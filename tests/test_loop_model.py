"""The whole loop against a model: custody, balances, hazards and suspensions in a real database, after every step.

Claims come late, out of order, twice, by clocks that are wrong, one at a time and many in one append; answers are lost
and asked for again, appends are rolled back, other processes take over. After each step the whole log is audited, and
what the tables hold is what `tests.loop_model` makes of what was said.

LOOP_EXAMPLES=… runs more than a few; LOOP_SEED=… repeats a run, whose seed is told; LOOP_SHRINK=1 makes what failed
shorter, in some minutes.
"""

import dataclasses
import itertools
import json
import os
import secrets
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, ClassVar, NamedTuple

import hypothesis
import psycopg
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from msgspec import structs

from ledger import claim as c
from ledger import events as e
from ledger.bundle import open_bundle
from ledger.entry import Answer
from ledger.model import parse_model
from ledger.store.append import Received, append
from ledger.store.audit import audit
from ledger.store.embedded import EmbeddedServer
from ledger.store.load import LogCache
from ledger.store.migrate import migrate
from ledger.store.writer import connect_writer
from tests.loop_model import Model
from tests.story import MINUTE, ORIGIN, USUAL, Signer, Story, code, private_key
from tests.test_store_append import Town, cycle

EXAMPLES = int(os.environ.get("LOOP_EXAMPLES") or 4)
SEED = int(os.environ.get("LOOP_SEED") or secrets.randbits(32))
STEPS = 14
PHASES = [hypothesis.Phase.generate, *([hypothesis.Phase.shrink] if os.environ.get("LOOP_SHRINK") else [])]

CODES = tuple(code(number) for number in range(4))
FOREIGN = "legacy-digits9:123456789"
HOMES = (("K1", "H1"), ("K2", "H2"), ("K9", "H9"))
"""Nobody ever filed H9."""
ITEMS = (c.CheckItem.LEAK, c.CheckItem.HOSE_AGED)
DIGEST = "00" * 32
NO_HAZARD = "01900000-0000-7000-8000-00000000fffd"
HOUR_MIN = 60


class Act(NamedTuple):
    """What somebody says: of which cylinder, at which home (customer and premises), with which vehicle; how late, and
    by a clock how wrong (minutes), and whether the device told its clock, so that it can be put right; and one way or
    the other.
    """

    name: str
    one: str
    home: tuple[str, str]
    vehicle: str
    late_min: int = 0
    skew_min: int = 0
    told: bool = True
    flag: bool = False


SCANS = (
    "prefill", "filled", "weigh", "out", "in", "load", "unload", "hand over", "handed over", "handed over", "fetch",
    "fetched", "collect", "collect there", "stock", "count", "count", "remove", "lost", "found", "inspect", "scrap",
    "bind",
)  # fmt: skip
KITCHEN = (
    "hazard", "hazard", "assign", "refuse", "rectify", "rectify", "repair", "recheck", "recheck", "recheck", "check",
    "suspend", "suspend too", "resume", "resume", "resume too", "inherit", "file", "contract",
)  # fmt: skip


def acts(names: tuple[str, ...], least: int, most: int) -> st.SearchStrategy[list[Act]]:
    """Some of these, mostly told in time and by a clock that is right."""
    one = st.builds(
        Act,
        name=st.sampled_from(names),
        one=st.sampled_from((*CODES, *CODES[:2], FOREIGN)),
        home=st.sampled_from((*HOMES, *HOMES[:1] * 3)),
        vehicle=st.sampled_from(("V1", "V2")),
        late_min=st.sampled_from((0, 0, 0, 0, 7, 200, 2_000)),
        skew_min=st.sampled_from((0, 0, 0, 0, 40, -40)),
        told=st.booleans(),
        flag=st.booleans(),
    )
    return st.lists(one, min_size=least, max_size=most)


@pytest.fixture(scope="module")
def founded(server: EmbeddedServer) -> Iterator[tuple[EmbeddedServer, str, Story]]:
    """A database with a town and four cylinders, to be copied by each example; its story."""
    name = "loop_town"
    server.create_database(name)
    migrate(server.url(name))
    town = Town(server.url(name))
    story = town.story
    story.station.name = "station"
    hub = Signer("hub", private_key("hub"))
    site = {"site": "S2", "kind": "depot", "name": "二号库"}
    filings: tuple[tuple[Signer, Any], ...] = (
        (story.office, story.make(c.FileSite, **USUAL[c.FileSite] | site)),
        (story.office, story.enrolment(hub, c.Role.STATION, "E1", ("S1", "S2"))),
        (story.office, story.make(c.FileCustomer, **USUAL[c.FileCustomer] | {"customer": "K2"})),
        (story.office, story.make(c.FilePremises, **USUAL[c.FilePremises] | {"premises": "H2"})),
        *((story.office, story.make(act, **USUAL[act])) for act in (c.FileOrder, c.FileVoucher, c.FileProxy)),
        (story.rival, story.make(c.FileContract, **USUAL[c.FileContract] | {"contract": "CT2", "enterprise": "E2"})),
        (story.rival, story.make(c.FilePerson, **USUAL[c.FilePerson] | {"person": "W20", "enterprise": "E2"})),
    )
    for signer, claim in filings:
        assert isinstance(town.tell(signer, claim, check=False)[0], e.Filed)
    looked = story.make(c.CheckPremises, **USUAL[c.CheckPremises] | {"person": "W20"})
    assert isinstance(town.tell(story.rival, looked, check=False)[0], e.PremisesChecked)  # it supplies H1 as well
    town.cylinders(len(CODES))
    town.connection.close()
    yield server, name, story
    server.drop_database(name)


class Loop(RuleBasedStateMachine):
    """One town's life. `sent`: every bundle that was appended, with its first answers; `waiting`: signed, not sent."""

    server: ClassVar[EmbeddedServer]
    template: ClassVar[str]
    beginning: ClassVar[Story]
    numbers: ClassVar[Iterator[int]] = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        self.name = f"loop_{next(self.numbers)}"
        self.server.create_database(self.name, template=self.template)
        self.url = self.server.url(self.name)
        self.connection, self.cache = connect_writer(self.url), LogCache()
        self.reader = psycopg.connect(self.url, autocommit=True)

    @initialize()
    def found(self) -> None:
        """The same beginning each time."""
        self.story = Story(now=self.beginning.now + MINUTE, ids=itertools.count(1_000_000))
        for name, value in vars(self.beginning).items():
            if isinstance(value, Signer):
                setattr(self.story, name, dataclasses.replace(value))
        self.hub = Signer("hub", private_key("hub"))
        rows = self.reader.execute("SELECT code, cylinder::text FROM code").fetchall()
        self.model = Model(dict(rows))
        self.registered = {key for _, key in rows}
        self.hazards: list[tuple[str, str]] = []
        self.sent: list[tuple[Received, list[Answer]]] = []
        self.waiting: list[Received] = []

    def teardown(self) -> None:
        self.connection.close()
        self.reader.close()
        self.server.drop_database(self.name)

    # --- what happens

    @rule(told=acts(SCANS, 3, 9), minutes=st.sampled_from((1, 30, 600)))
    def scan(self, told: list[Act], minutes: int) -> None:
        """Cylinders are moved about: one append of as many bundles."""
        self.story.now += minutes * MINUTE
        self.append([self.sign(act) for act in told])

    @rule(told=acts(KITCHEN, 3, 9), minutes=st.sampled_from((1, 30, 600)))
    def visit(self, told: list[Act], minutes: int) -> None:
        """Kitchens are looked at, closed and opened again."""
        self.story.now += minutes * MINUTE
        self.append([self.sign(act) for act in told])

    @rule(one=st.sampled_from(CODES), vehicle=st.sampled_from(("V1", "V2", "V2")), told=acts(SCANS, 0, 3))
    def deliver(self, one: str, vehicle: str, told: list[Act]) -> None:
        """As it should be: filled, released, loaded and handed over, while other things happen."""
        self.story.now += MINUTE
        filling = [*cycle(self.story, one)[:-1], self.claim(Act("load", one, HOMES[0], vehicle))]
        given = self.claim(Act("hand over", one, HOMES[0], vehicle))
        self.append([self.story.receive(signer, claim) for signer, claim in filling])
        self.append([*map(self.sign, told), self.story.receive(*given)])

    @rule(told=acts(SCANS + KITCHEN, 1, 3))
    def say_later(self, told: list[Act]) -> None:
        """The line is down: signed now, sent some time, in whatever order."""
        self.story.now += MINUTE
        self.waiting += [self.sign(act) for act in told]

    @rule(told=acts(SCANS + KITCHEN, 2, 5))
    def say_at_once(self, told: list[Act]) -> None:
        """Many claims of one signer in one bundle; who may not say some of it is refused that."""
        self.story.now += MINUTE
        claims = [self.claim(act)[1] for act in told]
        self.append([Received(open_bundle(self.story.worker.sign(*claims)), 0)])

    @rule(which=st.integers(0, 20), many=st.booleans())
    def send(self, which: int, *, many: bool) -> None:
        """Something that waited arrives; or all of it, the newest first."""
        if self.waiting:
            chosen = self.waiting[::-1] if many else [self.waiting[which % len(self.waiting)]]
            self.waiting = [one for one in self.waiting if one not in chosen]
            self.append(chosen)

    @rule(which=st.integers(0, 50), minutes=st.sampled_from((0, 1, 3_000)))
    def send_again(self, which: int, minutes: int) -> None:
        """The answer was lost: the same bytes are answered as they were, whatever happened since."""
        self.story.now += minutes * MINUTE
        if self.sent:
            received, first = self.sent[which % len(self.sent)]
            assert append(self.connection, ORIGIN, [received], self.story.now, self.cache) == [first]

    @rule(told=acts(SCANS + KITCHEN, 1, 1))
    def fail(self, told: list[Act]) -> None:
        """An append is rolled back, and nothing happened; it comes again some time."""
        received = self.sign(told[0])
        with suppress(RollBackError), self.connection.transaction():
            append(self.connection, ORIGIN, [received], self.story.now, LogCache())
            raise RollBackError
        self.waiting.append(received)

    @rule()
    def restart(self) -> None:
        """Another process takes over, and has nothing in memory."""
        self.connection.close()
        self.connection, self.cache = connect_writer(self.url), LogCache()

    def append(self, received: list[Received]) -> None:
        answers = append(self.connection, ORIGIN, received, self.story.now, self.cache)
        for one, answered in zip(received, answers, strict=True):
            self.sent.append((one, answered))
            for signed, answer in zip(one.bundle.claims, answered, strict=True):
                seen_at = min(signed.claim.scanned_at + (one.clock_offset_ms or 0), answer.recorded_at)
                self.model.take(signed.claim, answer.outcome, seen_at)

    def sign(self, act: Act) -> Received:
        """A bundle of one claim, signed by who says such things, on a device whose clock may be wrong."""
        signer, claim = self.claim(act)
        skew = act.skew_min * MINUTE
        claim = structs.replace(claim, scanned_at=claim.scanned_at - act.late_min * MINUTE - skew)
        return Received(open_bundle(signer.sign(claim)), skew if act.told else None)

    def claim(self, act: Act) -> tuple[Signer, Any]:
        story, hub = self.story, self.hub
        worker, office, rival = story.worker, story.office, story.rival
        site = "S2" if act.flag else "S1"
        content = c.Content.FULL if act.flag else c.Content.EMPTY
        customer, premises = act.home
        on = {"code": act.one, "vehicle": act.vehicle, "person": "W1"}
        home = {"customer": customer, "premises": premises}
        at = {"premises": premises}
        hazard = self.hazards[-1 - act.told % len(self.hazards)] if self.hazards else ("H1", NO_HAZARD)
        of = {"premises": hazard[0] if act.late_min < HOUR_MIN else premises, "hazard": hazard[1]}
        found = home | {"site": None} if act.flag else {"vehicle": act.vehicle, "site": None}
        shown = c.Confirmation("proxy" if act.told else "voucher", "matched", "VO1", "PX1")
        others = tuple(one for one in (*CODES, FOREIGN) if one != act.one)
        visit = {"order": "OR1", "empties": others[:2], "confirmation": shown} if act.flag else {}
        counter = on | home | {"vehicle": None, "site": site, "channel": "self_pickup"}
        leave = {"authorisation": "01900000-0000-7000-8000-00000000fffe"}
        said: dict[str, tuple[Signer, type[c.Claim], dict[str, Any]]] = {
            "prefill": (hub, c.CheckPrefill, {"code": act.one, "site": site}),
            "filled": (hub, c.CompleteFill, {"code": act.one, **leave, "end_weight_g": 31_000}),
            "weigh": (hub, c.WeighCylinder, {"code": act.one, "weight_g": 24_000 if act.flag else 17_000}),
            "out": (hub, c.DepotOut, {**on, "site": site, "purpose": c.Purpose.TRANSFER}),
            "in": (hub, c.DepotIn, {**on, "site": site, "content": content}),
            "load": (hub, c.LoadVehicle, {**on, "site": site}),
            "unload": (hub, c.UnloadVehicle, {**on, "site": site, "content": content}),
            "hand over": (worker, c.HandOver, {**on, **home, "site": "S1", **visit}),
            "handed over": (worker, c.HandOver, {**on, **home, "site": "S1", "done": True, **visit}),
            "fetch": (hub, c.HandOver, {**counter, **visit}),
            "fetched": (hub, c.HandOver, {**counter, "done": True, **visit}),
            "collect": (hub, c.CollectCylinder, {**on, "site": site, "content": content}),
            "collect there": (worker, c.CollectCylinder, {**on, **home, "site": "S1", "content": content}),
            "stock": (hub, c.CountStock, {"code": act.one, "site": site, "content": content}),
            "count": (worker, c.CountPremises, {**home, "codes": (act.one,) if act.flag else ()}),
            "remove": (worker, c.RemoveInEmergency, {"code": act.one, "vehicle": act.vehicle if act.flag else None}),
            "lost": (worker, c.ReportLost, {"code": act.one}),
            "found": (worker, c.ReportFound, {"code": act.one, **found}),
            "inspect": (story.inspector, c.RecordInspection, {"code": act.one, "passed": act.flag}),
            "scrap": (office, c.DecideScrap, {"code": act.one, "person": "P1"}),
            "bind": (office, c.BindCode, {"code": act.one, "new_code": f"legacy-digits9:9{act.late_min:08d}"}),
            "hazard": (worker, c.OpenHazard, {**at, "item": ITEMS[act.flag]}),
            "assign": (office, c.AssignHazard, of),
            "refuse": (worker, c.EscalateHazard, of),
            "rectify": (worker, c.RectifyHazard, of),
            "repair": (worker, c.RectifyHazard, {**of, "before_digest": "11" * 32}),
            "recheck": (worker, c.RecheckHazard, {**of, "passed": act.flag or act.told}),
            "check": (worker, c.CheckPremises, {**at, "confirmation": shown}),
            "suspend": (office, c.SuspendSupply, at),
            "suspend too": (rival, c.SuspendSupply, {**at, "enterprise": "E2"}),
            "resume": (office, c.ResumeSupply, at),
            "resume too": (rival, c.ResumeSupply, {**at, "enterprise": "E2"}),
            "inherit": (story.authority, c.FileSuccessor, {}),
            "file": (office, c.FilePremises, {**at, "building": "BD-7"}),
            "contract": (office, c.FileContract, {"contract": f"CT-{premises}", **home}),
        }
        signer, kind, fields = said[act.name]
        if issubclass(kind, c.Filing):
            fields |= {"expects": self.expected(kind, premises)}
        claim = story.make(kind, **USUAL.get(kind, {}) | fields)
        if isinstance(claim, c.OpenHazard):
            self.hazards.append((premises, claim.claim_id))
        return signer, claim

    def expected(self, kind: type[c.Claim], premises: str) -> int | None:
        subject = {c.FilePremises: f"premises:{premises}", c.FileContract: f"contract:CT-{premises}"}.get(kind)
        rows = self.reader.execute("SELECT seq FROM record WHERE subject = %s", (subject,)).fetchall()
        return rows[0][0] if rows else None

    # --- what must hold

    @invariant()
    def the_log_is_sound(self) -> None:
        if hasattr(self, "model"):
            assert audit(self.url, ORIGIN).findings == []

    @invariant()
    def the_tables_say_what_the_model_says(self) -> None:
        if not hasattr(self, "model"):
            return
        model = self.model
        held = {key: model.at.get(key, ("unknown", None)) for key in self.registered}
        rows = self.reader.execute("SELECT cylinder::text, holder, premises, body FROM cylinder").fetchall()
        assert {key: (holder, premises) for key, holder, premises, _ in rows} == held
        balances = self.reader.execute("SELECT holder, count(*) FROM cylinder GROUP BY holder").fetchall()
        assert dict(balances) == Counter(holder for holder, _ in held.values())
        assert sum(count for _, count in balances) == len(self.registered), "none comes or goes"
        self.places_are_right([json.loads(body) for *_, body in rows])

    def places_are_right(self, cylinders: list[dict[str, Any]]) -> None:
        model = self.model
        places = {
            place: json.loads(body) for place, body in self.reader.execute("SELECT place, body FROM place").fetchall()
        }
        loads: dict[str, list[int]] = {}
        for one in cylinders:
            if one.get("holder", "").startswith("vehicle:"):
                loads.setdefault(one["holder"], []).append(weight(one))
        for vehicle in ("vehicle:V1", "vehicle:V2"):
            load = places.get(vehicle, {"count": 0, "gross_g": 0})
            assert (load["count"], load["gross_g"]) == (len(loads.get(vehicle, ())), sum(loads.get(vehicle, ())))
        for _, premises in HOMES:
            there = places.get(f"premises:{premises}", {})
            assert set(there.get("held", {})) == model.standing(premises)
            assert set(there.get("foreign", ())) == model.bare(premises)
            hazards = {one["hazard"]: "rectified_at" in one for one in there.get("hazards", ())}
            assert hazards == {key: one.mended for key, one in model.hazards.get(premises, {}).items()}
            suspended = [one["enterprise"] for one in there.get("suspensions", ())]
            assert sorted(suspended) == sorted(model.suspended.get(premises, ()))
        strays = {place: one["holder"] for place, one in places.items() if place.startswith("stray:")}
        assert strays == {f"stray:{one}": holder for one, (holder, _) in model.strays.items()}


class RollBackError(Exception):
    """The server was stopped before it committed."""


def weight(cylinder: dict[str, Any]) -> int:
    """What it weighs with what is in it, as far as is known (grams)."""
    if cylinder.get("net_g") is not None:
        return int(cylinder["tare_g"] + cylinder["net_g"])
    empty = cylinder.get("content", "unknown") == "empty"
    return int(cylinder["tare_g"] + (0 if empty else parse_model(cylinder["model"]).nominal_fill_g))


def test_the_tables_are_what_was_said_whatever_happened_on_the_way(
    founded: tuple[EmbeddedServer, str, Story],
) -> None:
    Loop.server, Loop.template, Loop.beginning = founded
    sys.stdout.write(f"LOOP_SEED={SEED}\n")
    run_state_machine_as_test(
        hypothesis.seed(SEED)(Loop),
        settings=hypothesis.settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, database=None, phases=PHASES,
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )  # fmt: skip
