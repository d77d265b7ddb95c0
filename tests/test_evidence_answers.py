"""The evidence of a question proves what its answer says: whatever entry the answer cites is in the file, both
verifiers accept it, and both miss any entry of what it says to be whole.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from api.settings import Settings
from ledger import claim as c
from ledger import events as e
from ledger.entry import decode_entry
from ledger.evidence import Evidence, pack_evidence, parse_evidence
from ledger.store.embedded import EmbeddedServer
from tests.evidence_kit import without
from tests.evidence_town import LOG, published, store_of
from tests.http_town import Town, running
from tests.publish_kit import publish_file
from tests.story import DAY, MINUTE, USUAL, code
from tests.test_evidence_corpus import first, second
from tests.wandering import CYLINDERS, HOMES, LOTS, SITES, VEHICLES, WORKERS, Wandering

CITED = re.compile(r'"(?:entry_index|filed_in|opened_index|closed_index|lifted_index)":(\d+)|"as_of":\[([\d,]+)\]')
STORIES = [
    *(f"/cylinders/{quote(str(code(number)), safe='')}" for number in range(0, CYLINDERS, 2)),
    *(f"/customers/{one}" for one in sorted({customer for customer, _ in HOMES})),
    *(f"/premises/{one}" for _, one in HOMES),
    *(f"/persons/{one}" for one in ("P1", "P2", "I1", *WORKERS)),
    *(f"/vehicles/{one}" for one in VEHICLES),
    *(f"/sites/{one}" for one in (*SITES, "B1S")),
    "/lines/L1",
    *(f"/lots/{one}" for one in LOTS),
]
FOUND = [str(code(number)) for number in (1, 2, 100)]
"""Codes that somebody read at the scene, one of them of nobody's."""
PLACES = [
    ("/buildings/B7", "/buildings/B7", {}),
    ("/premises/H1/scene", "/premises/H1", {"found": FOUND}),
    ("/buildings/B7/scene", "/buildings/B7", {"found": FOUND}),
]
MANY = ["/recalls/RC", "/recalls/DR", "/incidents/IN"]


@dataclass
class Asked:
    http: httpx.Client
    policy: bytes
    folder: Path
    moments: list[int]
    size: int

    def evidence(self, path: str, **params: Any) -> Evidence:
        found = self.http.get(path, params=params or None)  # none, not {}: that would take the query away
        assert found.status_code == 200, found.text
        assert found.headers["ledger-not-yet-published"] == "0"
        return parse_evidence(found.content)

    def verdict(self, evidence: Evidence) -> dict[str, Any]:
        """What both verifiers say, and it is the same."""
        raw = pack_evidence(evidence)
        said = first(raw, evidence.policy)
        assert second(raw, self.folder, evidence.policy) == said
        return said

    def proves(self, answer: httpx.Response, evidence: Evidence) -> None:
        """The file holds what the answer cites, and is sound."""
        assert answer.status_code == 200, answer.text
        cited = cited_in(answer.text)
        assert cited
        assert cited <= set(evidence.entries), sorted(cited - set(evidence.entries))
        said = self.verdict(evidence)
        assert said["accepted"], said
        assert said.get("unended", []) == []


def cited_in(text: str) -> set[int]:
    """Where the entries stand that an answer names, wherever it does."""
    found = (single or several for single, several in CITED.findall(text))
    return {int(one) for some in found for one in some.split(",")}


def tell_more(wandering: Wandering) -> None:
    """A dangerous kitchen, a suspension, checks; then a recall, a drill and an incident."""
    story = wandering.story

    def say(act: type[c.Claim], by: Any = None, **fields: Any) -> None:
        story.now += MINUTE
        known = USUAL.get(act, {})
        told: Any = story.make(act, **known | {"scanned_at": story.now} | fields)
        outcome = wandering.tell(by or story.worker, told)
        assert not isinstance(outcome, e.Refusal), outcome

    for home in ("H1", "H2"):
        say(c.CheckPremises, premises=home, kind="home")
        say(c.OpenHazard, premises=home)
    say(c.SuspendSupply, story.office, premises="H2", enterprise="E1")
    say(c.OpenRecall, story.authority, recall="RC", tank_lot="T1")
    say(c.OpenRecall, story.authority, recall="DR", line="L1", drill=True)
    say(c.OpenIncident, story.authority, incident="IN", premises="H1", lines=("L1",), tank_lots=("T1",), sites=("S1",))
    story.now += DAY


@pytest.fixture(scope="module")
def asked(server: EmbeddedServer, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("answers")
    trust = publish_file(folder)
    server.create_database("evidence_answers", template=migrated_template)
    url = server.url("evidence_answers")
    wandering = Wandering(url, 11)
    wandering.wander(120)
    middle = wandering.story.now
    wandering.wander(40)
    tell_more(wandering)
    wandering.close()
    settings = Settings(database_url=url, port=0, publish_file=trust)
    with running(settings) as base, httpx.Client(base_url=base, timeout=60) as http:
        size = published(Town(base, wandering.story, http))
        policy = parse_evidence(http.get(f"{LOG}/evidence").content).policy
        yield Asked(http, policy, folder, [middle, wandering.story.now], size)
        assert store_of(trust).read_checkpoint() is not None
    server.drop_database("evidence_answers")


@pytest.mark.parametrize("path", STORIES)
def test_the_evidence_of_a_story_holds_every_entry_that_it_cites(asked: Asked, path: str) -> None:
    middle = asked.moments[0]
    for window in ({}, {"known_at": middle}, {"from": middle - DAY, "to": middle}):
        answer = asked.http.get(f"{path}/story", params=window)
        if answer.status_code == 404 or (window and not answer.json()["stories"][0]["statements"]):
            continue
        [story] = answer.json()["stories"]
        asked.proves(answer, asked.evidence(story["evidence"]))


@pytest.mark.parametrize(("path", "file", "params"), PLACES)
def test_the_evidence_of_a_place_holds_every_entry_that_the_answer_cites(
    asked: Asked, path: str, file: str, params: dict[str, Any]
) -> None:
    for window in ({}, {"known_at": asked.moments[0]}):
        answer = asked.http.get(path, params=params | window)
        evidence = asked.evidence(answer.json()["logs"][0]["evidence"])
        asked.proves(answer, evidence)
        assert pack_evidence(evidence) == pack_evidence(asked.evidence(f"{file}/evidence", **params, **window))


@pytest.mark.parametrize("path", MANY)
def test_the_evidence_of_a_recall_and_an_incident_holds_every_entry_that_the_answer_cites(
    asked: Asked, path: str
) -> None:
    answer = asked.http.get(path)
    told = answer.json()
    evidence = asked.evidence(told["evidence"])
    asked.proves(answer, evidence)
    reached = [one["cylinder"] for one in told.get("affected") or told["cylinders"]]
    assert reached
    for one in reached:
        newest = asked.http.get(f"/cylinders/{quote(codes_of(told, one)[0], safe='')}/story").json()["stories"][0]
        last = newest["places"][-1:]
        assert {place["entry_index"] for place in last} <= set(evidence.entries), "and where each was put"


def codes_of(told: dict[str, Any], cylinder: str) -> list[str]:
    some = told.get("affected") or told["cylinders"]
    codes: list[str] = next(one["codes"] for one in some if one["cylinder"] == cylinder)
    return codes


@pytest.mark.parametrize("path", ["/customers/K2", "/premises/H1", "/buildings/B7", "/lots/T1", "/persons/W1"])
def test_both_verifiers_miss_any_entry_of_what_is_said_to_be_whole(asked: Asked, path: str) -> None:
    evidence = asked.evidence(f"{path}/evidence")
    said = asked.verdict(evidence)
    chains = set(said["complete"])
    assert chains >= set(evidence.scope.chains)
    assert chains
    whole = [at for at, body in evidence.entries.items() if decode_entry(body).subject in chains]
    for at in (*whole[:: max(1, len(whole) // 12)], *evidence.scope.cited[:3]):
        assert at == 0 or not asked.verdict(without(evidence, at))["accepted"], at


def test_a_customers_file_holds_the_whole_chain_of_their_premises_and_papers(asked: Asked) -> None:
    evidence = asked.evidence("/customers/K2/evidence")
    assert {"premises:H2", "premises:H4", "contract:CT-H2"} <= set(evidence.scope.chains)
    assert "premises:H3" not in evidence.scope.chains, "which is a neighbour's"
    said = asked.verdict(evidence)
    assert {"customer:K2", "premises:H2"} <= set(said["complete"])
    acts = {json.loads(decode_entry(body).claim)["type"] for body in evidence.entries.values()}
    assert {"open_hazard", "suspend_supply", "check_premises"} <= acts


def test_a_lots_file_holds_the_fills_of_lots_that_took_over_its_gas(asked: Asked) -> None:
    [story] = asked.http.get("/lots/T1/story").json()["stories"]
    assert {"T1", "T2"} <= set(story["lots"])
    fills = {at: told for at, told in lots_of(asked.evidence(f"{LOG}/evidence")).items() if told in story["lots"]}
    assert len(set(fills.values())) > 1
    assert lots_of(asked.evidence("/lots/T1/evidence")) == fills


def lots_of(evidence: Evidence) -> dict[int, str]:
    """The lot of each fill that was done."""
    entries = ((at, decode_entry(body)) for at, body in evidence.entries.items())
    return {
        at: json.loads(entry.claim)["tank_lot"]
        for at, entry in entries
        if entry.claim.startswith('{"type":"complete_fill"') and not isinstance(entry.outcome, e.Refusal)
    }


def test_an_act_is_proved_with_the_papers_that_stood_then(asked: Asked) -> None:
    [story] = asked.http.get(STORIES[0] + "/story").json()["stories"]
    subjects = {one["subject"] for one in story["papers"] if one["subject"] is not None}
    assert {"certificate", "permit", "calibration"} <= {one.partition(":")[0] for one in subjects}
    chains = set(asked.evidence(story["evidence"]).scope.chains)
    short = {one for one in subjects if one.partition(":")[0] in ("certificate", "permit", "calibration", "enterprise")}
    assert short <= chains, "whole, so that no revocation is left out"


def test_what_takes_too_many_entries_is_told_with_the_way_out(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.evidence.routes.MOST_ENTRIES", 8)
    for path in ("/customers/K2", "/buildings/B7", "/recalls/RC", "/incidents/IN"):
        found = asked.http.get(f"{path}/evidence")
        assert (found.status_code, "ledger evidence" in found.json()["en"]) == (413, True), path
    assert asked.http.get("/buildings/B77/evidence").status_code == 404
