"""A cylinder before and after the bang: papers as they stood, refusals, late records and corrections apart."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from api.cli import main
from api.serve import real_clock
from api.trace.balancing import BalanceAnswer
from api.trace.finding import SearchAnswer
from api.trace.scene import SceneAnswer
from api.trace.view import TraceAnswer
from ledger import claim as c
from ledger.store.embedded import EmbeddedServer
from tests.http_town import Town, serve_town
from tests.story import MINUTE, ORIGIN, USUAL, code

YEAR = {"valid_from": "2025-01-01", "valid_to": "2027-12-31"}


@dataclass
class Clock:
    now: int

    def __call__(self) -> int:
        return self.now


@dataclass
class Night:
    """One cylinder's night: what was recorded when, in minutes, and by which entry."""

    url: str
    town: Town
    clock: Clock
    code: str = ""
    entries: dict[str, int] = None  # type: ignore[assignment]
    bang: int = 0

    def say(self, name: str, act: type[c.Claim], by: Any = None, late: int = 0, /, **fields: Any) -> dict[str, Any]:
        """Said now, of what happened `late` minutes ago."""
        story = self.town.story
        story.now = self.clock.now - late * MINUTE
        claim: Any = story.make(act, **(USUAL.get(act, {}) | fields))
        [answer] = self.town.post(by or story.usual_signer(act), claim)
        self.entries[name] = answer["entry_index"]
        return answer

    def wait(self, minutes: int) -> None:
        self.clock.now += minutes * MINUTE

    def story(self, path: str | None = None, **params: Any) -> Any:
        answer = self.town.http.get(path or f"/cylinders/{self.code}/story", params=params)
        assert answer.status_code == 200, answer.text
        [story] = answer.json()["stories"]
        return story


@pytest.fixture(scope="module")
def night(server: EmbeddedServer, migrated_template: str) -> Iterator[Night]:
    server.create_database("trace_night", template=migrated_template)
    clock = Clock(real_clock())
    with serve_town(server.url("trace_night"), clock) as town:
        night = Night(server.url("trace_night"), town, clock, entries={})
        night.code = town.with_cylinder(1)
        live(night)
        yield night
    server.drop_database("trace_night")


def live(night: Night) -> None:
    code, town = night.code, night.town
    authority, office = town.story.authority, town.story.office
    night.wait(10)
    assert all(outcome["type"] != "refused.v1" for outcome in town.fill_cycle(code))
    night.entries["fill"] = town.size() - 4
    night.wait(10)
    given = {"code": code, "vehicle": "V1"}
    assert night.say("given", c.HandOver, None, done=True, **given)["outcome"]["type"] == "cylinder_handed_over.v1"
    hazard = night.say("hazard", c.OpenHazard, None, deadline="2027-12-31")
    night.wait(10)
    permit = {"permit": "PM1", "enterprise": "E1", "kind": "filling", "media": ("lpg",), **YEAR}
    night.bang = night.clock.now
    night.wait(10)
    night.say("suspended", c.FilePermit, authority, **permit, status="suspended", expects=0)
    night.say("second home check", c.CheckPremises, None, 25)
    night.say("counted late", c.CountStock, None, 200, code=code, content=c.Content.FULL)
    night.say("corrected", c.CorrectCylinder, office, code=code, corrects=47, tare_g=16_600)
    night.say("again", c.HandOver, None, **given)
    night.say("put right", c.RectifyHazard, None, hazard=hazard_id(night, hazard["entry_index"]))


def hazard_id(night: Night, index: int) -> str:
    [found] = [one for one in night.story("/premises/H1/story")["statements"] if one["entry_index"] == index]
    claim_id: str = found["claim"]["claim_id"]
    return claim_id


def papers(story: Any) -> dict[str, Any]:
    return {one["subject"]: one for one in story["papers"]}


def test_papers_stand_as_they_stood_at_the_fill(night: Night) -> None:
    paper = papers(night.story())["permit:PM1"]
    assert (paper["in_force"], paper["claim"]["status"]) == (True, "valid"), "suspended after the fill only"
    assert [one["entry_index"] for one in paper["changed"]] == [night.entries["suspended"]]
    assert night.entries["fill"] in paper["as_of"]
    assert papers(night.story(known_at=night.bang))["permit:PM1"]["changed"] == []
    named = {"calibration:CAL1", "certificate:C-P1", "certificate:C-P2", "tank_lot:T1", "permit:SP1"}
    assert named <= set(papers(night.story()))


def test_what_was_recorded_after_the_bang_does_not_pass_for_known_before_it(night: Night) -> None:
    story = night.story(known_at=night.bang)
    told = {one["entry_index"] for one in story["statements"]}
    assert night.entries["given"] in told
    later = {one["entry_index"]: one for one in story["later"]}
    assert set(later) == {night.entries["counted late"], night.entries["corrected"]}
    late, corrected = later[night.entries["counted late"]], later[night.entries["corrected"]]
    assert late["late"]
    assert not late["known"]
    assert late["seen_at"] < night.bang < late["recorded_at"]
    assert corrected["correction"]
    assert not corrected["known"]
    assert told.isdisjoint(later)
    now = {one["entry_index"]: one for one in night.story()["statements"]}
    assert now[night.entries["counted late"]]["late"], "known by now, and marked"
    assert now[night.entries["corrected"]]["correction"]


def test_where_it_is_goes_by_what_was_known(night: Night) -> None:
    places = night.story(known_at=night.bang)["places"]
    assert (places[-1]["holder"], places[-1]["premises"]) == ("customer:K1", "H1")
    assert places[-1]["entry_index"] == night.entries["given"]
    assert places[-1]["until"] is None


def test_refusals_are_told_with_their_reasons(night: Night) -> None:
    [refused] = [one for one in night.story()["statements"] if one["entry_index"] == night.entries["again"]]
    assert not refused["accepted"]
    assert refused["findings"][0]["kind"] == "reason"
    assert refused["findings"][0]["zh"] in refused["zh"]
    [act] = [one for one in night.story()["counts"]["acts"] if one["act"] == "hand_over"]
    assert (act["accepted"], act["refused"]) == (1, 1)


def test_a_customer_is_told_with_hazards_notices_and_checks(night: Night) -> None:
    before = night.story("/customers/K1/story", known_at=night.bang)
    told = {one["entry_index"] for one in before["statements"]}
    assert {night.entries["given"], night.entries["hazard"]} <= told
    facts = {one["what"]: one for one in before["facts"]}
    assert facts["hazard"]["behind"]["entry_index"] == night.entries["hazard"]
    assert facts["hazard"]["value_zh"] == "软管老化 2027-12-31 用户已签收"
    assert facts["contract"]["value"].startswith("CT1 E1")
    assert facts["delivery_check"]["behind"]["entry_index"] == night.entries["given"]
    assert "home_check" not in facts, "recorded after the bang"
    assert night.entries["second home check"] in {one["entry_index"] for one in before["later"]}
    assert [one["codes"][0] for one in before["held"]] == [code(1)], "named by what a person can read on it"
    after = night.story("/customers/K1/story")
    assert {one["what"] for one in after["facts"]} >= {"home_check", "hazard_rectified"}
    [given] = [one for one in after["statements"] if one["entry_index"] == night.entries["given"]]
    paper = papers(after)[f"certificate:C-{given['person']}"]
    assert (paper["in_force"], paper["as_of"]) == (True, [night.entries["given"]])


def trace(night: Night, *arguments: str) -> Result:
    result = CliRunner(env={"LEDGER_DATABASE_URL": night.url}).invoke(main, ["trace", *arguments])
    assert result.exit_code == 0, result.output
    return result


def test_the_command_tells_the_same_in_chinese_line_by_line(night: Night) -> None:
    text = trace(night, "cylinder", night.code, "--known-at", str(night.bang)).output
    lines = text.splitlines()
    assert f"#{night.entries['fill']}" in text
    assert any("许可 PM1 充装 有效" in line and "当时有效" in line for line in lines)
    after = lines[lines.index("事后记录（当时不知） recorded afterwards, not known then：") + 1 :]
    assert any(f"#{night.entries['counted late']}" in line and "迟报" in line and "发生于" in line for line in after)
    assert any(f"#{night.entries['corrected']}" in line and "更正" in line for line in after)
    assert ORIGIN in text


def test_lines_say_what_a_check_found_and_which_hazard_was_put_right(night: Night) -> None:
    lines = trace(night, "customer", "K1").output.splitlines()
    found, right = f"#{night.entries['hazard']} ", f"#{night.entries['put right']} "
    at = next(number for number, line in enumerate(lines) if found in line and "发现隐患：" in line)
    assert "软管老化（" in lines[at]
    assert "整改期限 2027-12-31" in lines[at]
    assert "用户已签收告知书" in lines[at]
    assert lines[at + 1].strip().startswith("hazard: hose aged (of the ")
    [line] = [line for line in lines if right in line and "隐患整改：" in line]
    assert f"隐患 #{night.entries['hazard']} 软管老化" in line
    checked = f"#{night.entries['second home check']} "
    assert any(checked in line and "入户安检：" in line and "项目表 home-1，20 项" in line for line in lines)


@pytest.mark.parametrize(
    ("word", "key", "path"),
    [
        ("customer", "K1", "customers"), ("premises", "H1", "premises"), ("worker", "W1", "persons"),
        ("operator", "P1", "persons"), ("inspector", "I1", "persons"), ("vehicle", "V1", "vehicles"),
        ("site", "S1", "sites"), ("line", "L1", "lines"), ("lot", "T1", "lots"),
    ],
)  # fmt: skip
def test_every_story_is_the_same_by_command_and_over_http(night: Night, word: str, key: str, path: str) -> None:
    over_http = night.town.http.get(f"/{path}/{key}/story", params={"known_at": night.bang})
    told = trace(night, word, key, "--known-at", str(night.bang), "--json").stdout_bytes
    assert told == over_http.content + b"\n"
    assert trace(night, word, key).output.strip()


def test_a_burnt_label_is_sought_by_parts_of_the_stamp(night: Night) -> None:
    night.town.with_cylinder(2)
    answer = night.town.http.get("/search", params={"serial": "2?00001", "maker": "GL", "tare_g": 16_550}).json()
    best = answer["candidates"][0]
    assert night.code in best["codes"]
    assert answer["logs_asked"] == [ORIGIN]
    text = trace(night, "search", "--serial", "2?00001", "--maker", "GL").output
    assert night.code in text.splitlines()[1]
    nothing = night.town.http.get("/search", params={"serial": "999*", "made": "1999"})
    assert nothing.status_code == 404
    assert ORIGIN in nothing.json()["zh"]
    assert night.town.http.get("/search").status_code == 400


def test_a_miss_by_command_names_the_logs_that_were_asked(night: Night) -> None:
    result = CliRunner(env={"LEDGER_DATABASE_URL": night.url}).invoke(main, ["trace", "customer", "K404"])
    assert result.exit_code == 2
    assert f"没有用户 K404 的记录（所查日志：{ORIGIN}）" in result.output


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/cylinders/{code}/story", TraceAnswer), ("/customers/K1/story", TraceAnswer), ("/lots/T1/story", TraceAnswer),
        ("/premises/H1/scene?found={code}", SceneAnswer), ("/search?maker=GL", SearchAnswer),
        ("/balances", BalanceAnswer),
    ],
)  # fmt: skip
def test_answers_are_of_the_shape_that_is_documented(night: Night, path: str, kind: type[Any]) -> None:
    answer = night.town.http.get(path.format(code=night.code))
    assert msgspec.json.encode(msgspec.json.decode(answer.content, type=kind)) == answer.content
