"""What a hasty reading of a log gets wrong: told late, filed away afterwards, foreign, or only tried and refused."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from api.serve import real_clock
from ledger import claim as c
from ledger.store import tracing
from ledger.store.embedded import EmbeddedServer
from tests.http_town import Town, serve_town
from tests.story import MINUTE, USUAL, claim_id, code

YEAR = {"valid_from": "2025-01-01", "valid_to": "2027-12-31"}
IN_B9 = {"town": "320602001", "building": "B9"}
IN_B10 = {"town": "320602001", "building": "B10"}
STRAY, OTHER_STRAY = code(77), code(78)


@dataclass
class Days:
    """A town whose clock is set by hand."""

    town: Town
    now: int
    url: str

    def say(self, act: type[c.Claim], by: Any = None, /, late: int = 0, **fields: Any) -> dict[str, Any]:
        """Said now, of what happened `late` minutes ago; with what came of it."""
        story = self.town.story
        story.now = self.now - late * MINUTE
        claim: Any = story.make(act, **(USUAL.get(act, {}) | fields))
        [answer] = self.town.post(by or story.usual_signer(act), claim)
        return answer

    def done(self, act: type[c.Claim], by: Any = None, /, **fields: Any) -> int:
        """The entry of what was not refused."""
        answer = self.say(act, by, **fields)
        assert answer["outcome"]["type"] != "refused.v1", answer
        index: int = answer["entry_index"]
        return index

    def wait(self, minutes: int) -> int:
        """The instant that is left behind."""
        left, self.now = self.now, self.now + minutes * MINUTE
        return left

    def get(self, path: str, **params: Any) -> Any:
        answer = self.town.http.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def story(self, path: str, **params: Any) -> Any:
        [story] = self.get(f"{path}/story", **params)["stories"]
        return story

    def facts(self, path: str, what: str, **params: Any) -> list[tuple[str, int]]:
        told = self.story(path, **params)["facts"]
        return [(one["value"], one["behind"]["entry_index"]) for one in told if one["what"] == what]

    def strays(self, path: str, **params: Any) -> list[str]:
        return unregistered(self.story(path, **params)["held"])


def unregistered(held: list[Any]) -> list[str]:
    return [one["party"] for one in held if one["party"].startswith("code:")]


@contextmanager
def days_of(url: str) -> Iterator[Days]:
    """A town in that database, which has no log yet."""
    days: list[Days] = []
    start = real_clock()
    with serve_town(url, lambda: days[0].now if days else start) as town:
        days.append(Days(town, start, url))
        yield days[0]


@pytest.fixture(scope="module")
def days(server: EmbeddedServer, migrated_template: str) -> Iterator[Days]:
    """K2 lives at H2, in a building with H1, whose customer only a contract names."""
    server.create_database("trace_truth", template=migrated_template)
    with days_of(server.url("trace_truth")) as one:
        one.done(c.FileCustomer, customer="K2")
        one.done(c.FilePremises, premises="H2", customer="K2", **IN_B9)
        one.done(c.FileContract, contract="CT2", customer="K2", premises="H2", **YEAR)
        one.done(c.FilePremises, premises="H1", expects=0, **IN_B9)
        one.wait(10)
        yield one
    server.drop_database("trace_truth")


def test_what_nobody_registered_stands_at_premises_too(days: Days) -> None:
    given = {"vehicle": "V1", "done": True}
    days.done(c.HandOver, code=STRAY, customer="K2", premises="H2", **given)
    days.done(c.HandOver, code=OTHER_STRAY, customer="K1", premises="H1", **given)
    then = days.wait(1)
    for known in ({}, {"known_at": then}):
        assert days.strays("/premises/H2", **known) == [f"code:{STRAY}"]
        assert days.strays("/premises/H1", **known) == [f"code:{OTHER_STRAY}"]
        [log] = days.get("/buildings/B9", **known)["logs"]
        held = {one["premises"]: unregistered(one["held"]) for one in log["premises"]}
        assert held == {"H1": [f"code:{OTHER_STRAY}"], "H2": [f"code:{STRAY}"]}


def test_what_an_earlier_customer_left_behind_is_in_the_building_now(days: Days) -> None:
    left = code(80)
    days.done(c.FilePremises, premises="H3", customer="K2", **IN_B10)
    days.done(c.HandOver, code=left, customer="K2", premises="H3", vehicle="V1", done=True)
    days.done(c.FilePremises, premises="H3", customer="K3", expects=0, **IN_B10)
    assert in_b10(days, "H3") == [f"code:{left}"] == days.strays("/premises/H3")
    days.done(c.CollectCylinder, code=left, vehicle="V1", customer="K2", premises="H3", content=c.Content.EMPTY)
    assert in_b10(days, "H3") == []


def in_b10(days: Days, premises: str) -> list[str]:
    """What nobody registered there now, by the building's answer."""
    [log] = days.get("/buildings/B10")["logs"]
    [held] = [one["held"] for one in log["premises"] if one["premises"] == premises]
    return unregistered(held)


def test_a_count_tells_of_all_that_it_saw_against_what_the_ledger_had_there(days: Days) -> None:
    home: dict[str, Any] = {"customer": "K4", "premises": "H4"}
    days.done(c.FilePremises, **home, **IN_B10)
    there, elsewhere, gone = (days.town.with_cylinder(number) for number in (21, 22, 23))
    bare, bare_gone = code(81), code(82)
    for one in (there, gone, bare_gone):
        days.done(c.HandOver, code=one, vehicle="V1", done=True, **home)
    days.done(c.HandOver, code=elsewhere, vehicle="V1", done=True, customer="K1", premises="H1")
    days.wait(10)
    answer = days.say(c.CountPremises, days.town.story.authority, codes=(there, elsewhere, bare), **home)
    ids = {one: days.get(f"/cylinders/{one}")["cylinder"] for one in (there, elsewhere, gone)}
    told = answer["outcome"]
    assert (told["found"], told["elsewhere"]) == ([ids[there], ids[elsewhere]], [ids[elsewhere]])
    assert (told["missing"], told["foreign"], told["gone"]) == ([ids[gone]], [bare], [bare_gone])
    [note] = [one for one in told["warnings"] if one["rule"].startswith("CUST-01@")]
    assert note["facts"] == {"elsewhere": 1, "missing": 2}
    for one, expected in ((elsewhere, ["customer:K4"]), (gone, ["unknown"]), (there, [])):
        told = days.story(f"/cylinders/{one}")["contradictions"]
        assert [said["expected"] for said in told if said["entry_index"] == answer["entry_index"]] == expected
    assert in_b10(days, "H4") == [f"code:{bare}"] == days.strays("/premises/H4")
    scene = days.get("/premises/H4/scene", found=[there, elsewhere, bare])["logs"][0]
    assert (len(scene["matched"]), scene["missing"], scene["elsewhere"]) == (3, [], [])


def test_what_nobody_registered_is_with_who_took_it(days: Days) -> None:
    days.done(c.CollectCylinder, code=code(79), person="W2", vehicle="V2")
    assert f"code:{code(79)}" in days.strays("/persons/W2")
    assert f"code:{code(79)}" not in days.strays("/persons/W1")


def test_a_refused_hand_over_makes_nobody_the_neighbours_customer(days: Days) -> None:
    hazard = days.done(c.OpenHazard, premises="H2", deadline="2027-12-31")
    refused = days.say(c.HandOver, code=days.town.with_cylinder(1), vehicle="V1", customer="K1", premises="H2")
    assert refused["outcome"]["type"] == "refused.v1"
    assert [index for _, index in days.facts("/customers/K2", "hazard")] == [hazard]
    assert days.facts("/customers/K1", "hazard") == []
    told = {one["entry_index"] for one in days.story("/customers/K1")["statements"]}
    assert refused["entry_index"] in told
    assert hazard not in told


def test_a_check_that_is_told_late_undoes_no_newer_one(days: Days) -> None:
    newer = days.done(c.CheckPremises, premises="H1", kind="home")
    days.done(c.CheckPremises, premises="H1", kind="home", late=300)
    assert [index for _, index in days.facts("/premises/H1", "home_check")] == [newer]


def test_who_resumed_supply_as_a_successor_did_so_whoever_succeeds_now(days: Days) -> None:
    succeeds = {"enterprise": "E1", "from_day": "2025-01-01"}
    days.done(c.SuspendSupply, premises="H1", enterprise="E1")
    assert len(days.facts("/premises/H1", "suspension")) == 1
    days.done(c.FileSuccessor, successor="E2", **succeeds)
    days.done(c.ResumeSupply, days.town.story.rival, premises="H1", enterprise="E2")
    days.done(c.FileSuccessor, successor="B1", expects=0, **succeeds)
    assert days.facts("/premises/H1", "suspension") == []


def test_a_hand_over_that_was_overtaken_is_not_where_it_went(days: Days) -> None:
    it = days.town.with_cylinder(2)
    home = {"customer": "K1", "premises": "H1"}
    days.wait(60)
    days.done(c.CollectCylinder, code=it, vehicle="V1", content=c.Content.EMPTY, **home)
    newest = days.done(c.HandOver, code=it, vehicle="V1", done=True, customer="K2", premises="H2")
    late = days.say(c.HandOver, code=it, vehicle="V1", done=True, late=30, **home)
    assert late["outcome"]["superseded"]
    assert days.facts(f"/cylinders/{it}", "customer") == [("K2", newest)]


def test_what_was_fetched_came_on_no_vehicle_though_one_had_carried_it_before(days: Days) -> None:
    it = days.town.with_cylinder(3)
    home = {"customer": "K2", "premises": "H2"}
    brought = days.done(c.HandOver, code=it, vehicle="V1", done=True, **home)
    assert days.facts(f"/cylinders/{it}", "vehicle") == [("V1", brought)]
    days.wait(60)
    days.done(c.CountStock, code=it)
    days.wait(60)
    station = days.town.story.station
    fetched = days.done(c.HandOver, station, code=it, person="P1", vehicle=None, site="S1", done=True, **home)
    assert days.facts(f"/cylinders/{it}", "vehicle") == []
    assert days.facts(f"/cylinders/{it}", "worker") == [("P1", fetched)]
    assert days.facts(f"/cylinders/{it}", "premises") == [("H2", fetched)]


def test_premises_filed_away_after_the_bang_were_in_the_building_then(days: Days) -> None:
    there = {"town": "320602001", "building": "B5"}
    filed = days.done(c.FilePremises, premises="H5", customer="K2", **there)
    days.done(c.HandOver, code=code(80), customer="K2", premises="H5", vehicle="V1", done=True)
    bang = days.wait(10)
    days.done(c.FilePremises, premises="H5", customer="K2", building="B1", expects=0)
    days.done(c.FilePremises, premises="H6", customer="K2", **there)
    now, then = (days.get("/buildings/B5", **known)["logs"][0] for known in ({}, {"known_at": bang}))
    assert [one["premises"] for one in now["premises"]] == ["H6"]
    assert [(one["premises"], one["filed_in"]) for one in then["premises"]] == [("H5", filed)]
    [scene] = days.get("/buildings/B5/scene", known_at=bang, found=[code(80)])["logs"]
    assert [one["party"] for one in scene["matched"]] == [f"code:{code(80)}"]


def test_a_lot_that_was_filed_anew_since_was_there_then(days: Days) -> None:
    half = {"remainder_g": 5_000_000, "received_g": 5_000_000}
    days.done(c.FileTankLot, tank_lot="TA")
    took = days.done(c.FileTankLot, tank_lot="TB", includes="TA", **half)
    fill = {"authorisation": claim_id(0xFFFE), "end_weight_g": 31_000}
    filled = days.done(c.CompleteFill, code=days.town.with_cylinder(10), tank_lot="TB", **fill)
    then = days.wait(10)
    days.done(c.FileTankLot, tank_lot="TB", includes="TA", **half, status="emptied", expects=0)
    days.done(c.FileTankLot, tank_lot="TC", includes="TA", **half)
    late = days.done(c.CompleteFill, code=days.town.with_cylinder(11), tank_lot="TC", **fill, scale_seq=2, late=60)
    now = days.story("/lots/TA")
    assert now["lots"] == {"TA": 1000, "TB": 500, "TC": 500}
    for period in ({"known_at": then}, {"to": then + 1}):
        story = days.story("/lots/TA", **period)
        assert story["lots"] == {"TA": 1000, "TB": 500}
        assert {took, filled} <= {one["entry_index"] for one in story["statements"]}
        assert late in {one["entry_index"] for one in story["later"]}, "of a lot that was filed afterwards"


def test_a_scene_where_nothing_was_found_misses_everything(days: Days) -> None:
    days.done(c.FilePremises, premises="H7", customer="K2")
    days.done(c.HandOver, code=code(81), customer="K2", premises="H7", vehicle="V1", done=True)
    [scene] = days.get("/premises/H7/scene")["logs"]
    assert [one["party"] for one in scene["missing"]] == [f"code:{code(81)}"]


def test_a_line_tells_of_everything_that_names_it(days: Days) -> None:
    it = days.town.with_cylinder(12)
    days.done(c.CheckPrefill, code=it)
    leave, under = days.done(c.AuthoriseFill, code=it), {"code": it, "authorisation": claim_id(0xFFFE)}
    started, weighed = days.done(c.StartFill, **under), days.done(c.WeighCylinder, code=it, weight_g=16_500)
    assert {leave, started, weighed} <= {one["entry_index"] for one in days.story("/lines/L1")["statements"]}


@pytest.mark.parametrize(
    ("selector", "path"),
    [
        ({"line": "L1"}, "lines/L1"), ({"tank_lot": "T1"}, "lots/T1"), ({"filler": "P1"}, "persons/P1"),
        ({"inspector": "I1"}, "persons/I1"), ({"inspected_at": "B1S"}, "sites/B1S"), ({"worker": "W1"}, "persons/W1"),
        ({"vehicle": "V1"}, "vehicles/V1"),
    ],
)  # fmt: skip
def test_a_recall_stands_in_the_story_of_all_that_it_selects(days: Days, selector: dict[str, str], path: str) -> None:
    opened = days.done(c.OpenRecall, recall=f"R-{min(selector)}".replace("_", "-"), drill=True, **selector)
    assert opened in {one["entry_index"] for one in days.story(f"/{path}")["statements"]}


@pytest.mark.parametrize("part", ["maker", "model", "valve_no", "seal"])
def test_no_part_of_a_stamp_breaks_the_search(days: Days, part: str) -> None:
    answer = days.town.http.get(f"/search?{part}=%00")
    assert answer.status_code in (400, 404)
    assert answer.json()["zh"]
    assert answer.json()["en"]


def test_a_lot_that_a_hundred_later_ones_took_over_is_read_in_short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    lots, each = 300, 60
    made = 0

    def page(_connection: Any, _log_id: int, party: str, *, start: int, end: int, limit: int) -> list[Any]:
        nonlocal made
        rest = range(start + (int(party) - start) % lots, end, lots)[:limit]
        made += len(rest)
        return [SimpleNamespace(entry_index=index) for index in rest]

    monkeypatch.setattr(tracing, "page_of", page)
    monkeypatch.setattr(tracing, "reading", lambda *_: nullcontext())
    engine: Any = None
    told = tracing.stream_story(engine, (), 1, [str(one) for one in range(lots)], start=0, end=lots * each)
    first = next(told)
    assert made <= lots * 20, "of each a short page"
    assert [one.entry_index for one in (first, *told)] == list(range(lots * each))


def test_what_stood_there_then_is_named_by_the_codes_that_a_person_can_read(days: Days) -> None:
    it = days.town.with_cylinder(9)
    days.done(c.FilePremises, premises="H12", customer="K2", town="320602001", building="B12")
    days.done(c.HandOver, code=it, customer="K2", premises="H12", vehicle="V1", done=True)
    then = days.wait(5)
    for known in ({}, {"known_at": then}):
        [log] = days.get("/buildings/B12", **known)["logs"]
        [scene] = days.get("/premises/H12/scene", **known)["logs"]
        for held in (log["premises"][0]["held"], days.story("/premises/H12", **known)["held"], scene["missing"]):
            assert [it in one["codes"] for one in held] == [True]
