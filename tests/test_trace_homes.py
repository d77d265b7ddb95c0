"""What was known of a kitchen and open against a cylinder, told with the cylinder, its building and its customer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from api.settings import Settings
from ledger import claim as c
from ledger.store.embedded import EmbeddedServer
from tests.brute import FOREVER, Brute, read_log
from tests.http_town import running
from tests.story import MINUTE
from tests.test_trace_brute import codes_of
from tests.test_trace_truth import Days, days_of
from tests.wandering import BUILDING, HOMES, Wandering

AGAINST = {"recall", "drill", "recall_closed", "incident", "incident_lifted"}
AT_HOME = {
    "contract", "presupply_check", "home_check", "delivery_check", "hazard", "hazard_assigned", "hazard_escalated",
    "hazard_rectified", "hazard_rechecked", "suspension", "notice", "hazard_closed", "refused", "not_delivered",
}  # fmt: skip
KITCHENS = [home for _, home in HOMES]


class Homely(Wandering):
    """Half of what happens are checks, hazards and suspensions in kitchens, recalls and incidents."""

    opened: tuple[str, ...] = ()
    made = 0

    def _step(self) -> None:
        pick, worker, office = self.chance.choice, self.story.worker, self.story.office
        rival, authority, home = self.story.rival, self.story.authority, pick(KITCHENS)
        item = pick((c.CheckItem.LEAK, c.CheckItem.HOSE_AGED, c.CheckItem.VENTILATION))
        open_hazard = {"hazard": pick((*self.opened, "01900000-0000-7000-8000-00000000fffe"))}
        check = c.SafetyCheck("home-1", failed_items=pick(((), (item,))), photos=("00" * 32,))
        by, enterprise = pick(((office, "E1"), (rival, "E2")))
        acts = {
            "wander": super()._step, "wander on": super()._step, "wander away": super()._step,
            "check": lambda: self._say(
                worker, c.CheckPremises, premises=home, kind=pick(("home", "presupply", "delivery")), check=check
            ),
            "hazard": lambda: self._open(home, item, pick(("signed", "refused", "absent"))),
            "assign": lambda: self._say(office, c.AssignHazard, premises=home, **open_hazard),
            "escalate": lambda: self._say(worker, c.EscalateHazard, premises=home, **open_hazard),
            "rectify": lambda: self._say(worker, c.RectifyHazard, premises=home, **open_hazard),
            "recheck": lambda: self._say(
                worker, c.RecheckHazard, premises=home, passed=pick((True, False)), **open_hazard
            ),
            "suspend": lambda: self._say(by, c.SuspendSupply, premises=home, enterprise=enterprise),
            "resume": lambda: self._say(by, c.ResumeSupply, premises=home, enterprise=enterprise),
            "succeed": lambda: self._say(
                authority, c.FileSuccessor, enterprise="E1", successor="E2", from_day="2025-01-01"
            ),
            "withdraw": self._withdraw,
        }  # fmt: skip
        acts[pick(tuple(acts))]()

    def _open(self, home: str, item: c.CheckItem, notice: str) -> None:
        claim: Any = self.story.make(
            c.OpenHazard, premises=home, person="W1", item=item, grade="equipment", deadline="2027-12-31",
            notice=notice, photo_digest="00" * 32, notice_digest="00" * 32,
        )  # fmt: skip
        self.opened = (*self.opened, claim.claim_id)
        self.tell(self.story.worker, claim)

    def _withdraw(self) -> None:
        """Of every two, the first is closed or lifted."""
        self.made += 1
        drill, name = self.chance.random() < 0.3, f"R{self.made}"
        what = self.chance.choice(({"line": "L1"}, {"maker": "GL"}, {"maker": "XX"}, {"inspector": "I1"}))
        nothing: dict[str, Any] = {"lines": (), "tank_lots": (), "sites": (), "vehicles": ()}
        if self.made % 3:
            self._say(self.story.authority, c.OpenRecall, recall=name, drill=drill, **what)
        else:
            held = self.chance.choice(({"lines": ("L1",)}, {"sites": ("S2",)}, {"vehicles": ("V1",)}))
            self._say(self.story.authority, c.OpenIncident, **nothing | {"incident": name, **held})
        if self.made % 2:
            self.story.now += MINUTE
            end = {"recall": name} if self.made % 3 else {"incident": name}
            self._say(self.story.authority, c.CloseRecall if self.made % 3 else c.LiftIncident, **end, expects=0)


@dataclass
class Asked:
    http: httpx.Client
    brute: Brute

    def facts(self, path: str, which: set[str], **params: Any) -> set[tuple[str, int]]:
        answer = self.http.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return facts_of(answer.json()["stories"][0]["facts"], which, self.brute)

    def moments(self) -> list[int]:
        recorded = [row.entry["recorded_at"] for row in self.brute.rows]
        return [recorded[-1], recorded[len(recorded) * 2 // 3], recorded[len(recorded) // 2] - 1]


def facts_of(told: list[Any], which: set[str], brute: Brute) -> set[tuple[str, int]]:
    """What of `which` is told, by which entry; each must say what that entry does."""
    found = [one for one in told if one["what"] in which]
    for one in found:
        assert one["value"] == brute.value(one["what"], one["behind"]["entry_index"]), one
    return {(one["what"], one["behind"]["entry_index"]) for one in found}


@pytest.fixture(scope="module", params=(21, 22))
def asked(request: pytest.FixtureRequest, server: EmbeddedServer, migrated_template: str) -> Iterator[Asked]:
    name = f"homes_{request.param}"
    server.create_database(name, template=migrated_template)
    url = server.url(name)
    wandering = Homely(url, request.param)
    wandering.wander(260)
    wandering.close()
    with running(Settings(database_url=url, port=0)) as base, httpx.Client(base_url=base, timeout=30) as http:
        yield Asked(http, read_log(url))
    server.drop_database(name)


def test_premises_stand_as_their_entries_say(asked: Asked) -> None:
    seen: set[str] = set()
    for home in KITCHENS:
        for known in (None, *asked.moments()):
            at = FOREVER if known is None else known
            period = {} if known is None else {"known_at": known}
            expected = asked.brute.home(home, at)
            assert asked.facts(f"/premises/{home}/story", AT_HOME, **period) == expected, (home, known)
            seen |= {what for what, _ in expected}
    assert len(seen) > 8, seen


def test_a_building_tells_the_same_of_each_of_its_premises(asked: Asked) -> None:
    for known in (None, *asked.moments()):
        at = FOREVER if known is None else known
        answer = asked.http.get(f"/buildings/{BUILDING}", params={} if known is None else {"known_at": known}).json()
        for one in answer["logs"][0]["premises"]:
            assert facts_of(one["facts"], AT_HOME, asked.brute) == asked.brute.home(one["premises"], at), (
                one["premises"],
                known,
            )


def test_a_cylinder_tells_of_the_kitchen_where_it_stood_and_of_what_was_open_against_it(asked: Asked) -> None:
    homes = against = 0
    for key in asked.brute.cylinders():
        label = quote(min(codes_of(asked.brute, key)), safe="")
        for known in (None, *asked.moments()):
            at = FOREVER if known is None else known
            place = asked.brute.where(f"cylinder:{key}", FOREVER, at)
            premises = None if place is None else place[0][1]
            expected = set[tuple[str, int]]() if premises is None else asked.brute.home(premises, at)
            open_against = asked.brute.against(key, at)
            told = asked.facts(
                f"/cylinders/{label}/story", AT_HOME | AGAINST, **({} if known is None else {"known_at": known})
            )
            assert told == expected | open_against, (key, known)
            homes, against = homes + bool(expected), against + bool(open_against)
    assert homes
    assert against


@pytest.fixture(scope="module")
def days(server: EmbeddedServer, migrated_template: str) -> Iterator[Days]:
    server.create_database("trace_homes", template=migrated_template)
    with days_of(server.url("trace_homes")) as days:
        yield days
    server.drop_database("trace_homes")


def test_a_recalled_lot_reaches_what_took_it_over_as_it_was_filed_then(days: Days) -> None:
    half = {"includes": "TA", "remainder_g": 5_000_000, "received_g": 5_000_000}
    days.done(c.FileTankLot, tank_lot="TA")
    days.done(c.FileTankLot, tank_lot="TB", **half)
    it = days.town.with_cylinder(1)
    fill = {"authorisation": "01900000-0000-7000-8000-00000000fffe", "end_weight_g": 31_000}
    days.done(c.CompleteFill, code=it, tank_lot="TB", **fill)
    days.wait(1)
    recall = days.done(c.OpenRecall, recall="RA", tank_lot="TA")
    incident = days.done(c.OpenIncident, incident="SA", tank_lots=("TA",), lines=(), sites=(), vehicles=())
    then = days.wait(10)
    days.done(c.FileTankLot, tank_lot="TB", **half, status="blocked", expects=0)
    closed = days.done(c.CloseRecall, recall="RA", expects=0)
    path = f"/cylinders/{it}"
    for period, ends in (({"known_at": then}, []), ({"to": then + 1}, []), ({}, [("RA", closed)])):
        assert days.facts(path, "recall", **period) == [("RA", recall)]
        assert days.facts(path, "incident", **period) == [("SA", incident)]
        assert days.facts(path, "recall_closed", **period) == ends


def test_an_incident_reaches_nothing_by_what_was_overtaken_when_it_was_told(days: Days) -> None:
    it = days.town.with_cylinder(2)
    days.wait(10)
    days.done(c.OpenIncident, incident="SB", vehicles=("V2",), lines=(), sites=(), tank_lots=())
    days.wait(60)
    days.done(c.CountStock, code=it, content=c.Content.EMPTY)
    told = days.say(c.HandOver, code=it, vehicle="V2", done=True, late=30)["outcome"]
    assert told["superseded"]
    assert "incident_hold" in [note["reason"] for note in told["violations"]]
    assert days.facts(f"/cylinders/{it}", "incident") == []
