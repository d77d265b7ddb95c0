"""Evidence over HTTP: every scope, the same bytes each time, who may ask, and what is not there."""

import hashlib
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import httpx
import pytest

from api.evidence.cited import Cites
from api.evidence.collect import Collected, Source, collect_evidence
from api.evidence.routes import AT_ONCE
from api.settings import Settings, Token
from ledger import claim as c
from ledger.checkpoint import parse_checkpoint
from ledger.entry import Entry, decode_entry, leaf_hash
from ledger.evidence import Evidence, Kind, Scope, parse_evidence
from ledger.policy import parse_policy
from ledger.store.embedded import EmbeddedServer
from ledger.tiles import parse_entries
from tests.evidence_town import (
    FILLED,
    GONE,
    LOG,
    NEW_LABEL,
    RELABELLED,
    STAMP,
    asked_of,
    beside_of,
    cylinder_id,
    heads_of,
    keep,
    looked_at,
    policy_of,
    proved,
    published,
    serve_life,
    store_of,
)
from tests.http_town import Town, running, serve_town
from tests.publish_kit import publish_file
from tests.story import ORIGIN, code

TOKENS = tuple(
    Token(hashlib.sha256(name.encode()).hexdigest(), logs, sites)  # type: ignore[arg-type]
    for name, logs, sites in (("all", "*", "*"), ("one", "*", ("S1",)), ("other", ("other.test",), "*"))
)
CHINA = timezone(timedelta(hours=8))


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish_file(tmp_path_factory.mktemp("evidence"))


@pytest.fixture(scope="module")
def town(server: EmbeddedServer, migrated_template: str, trust: Path) -> Iterator[Town]:
    server.create_database("evidence_http", template=migrated_template)
    with serve_life(server.url("evidence_http"), trust, tokens=TOKENS) as town:
        yield town
    server.drop_database("evidence_http")


@pytest.fixture(scope="module")
def everything(town: Town) -> list[Entry]:
    """All entries of the log."""
    size = published(town)
    bundle = town.http.get(f"{LOG}/tile/entries/000.p/{size}").content
    return [decode_entry(body) for body in parse_entries(bundle, size)]


def ask(town: Town, path: str, **params: object) -> httpx.Response:
    return town.http.get(path, params={name.rstrip("_"): str(value) for name, value in params.items()})


def evidence(town: Town, path: str, **params: object) -> Evidence:
    found = ask(town, path, **params)
    assert found.status_code == 200, found.text
    assert found.headers["content-type"] == "application/zip"
    assert found.headers["cache-control"] == "private, no-store"
    return parse_evidence(found.content)


def of_party(town: Town, party: str) -> set[int]:
    """Where a party's entries stand, by the other routes that tell it."""
    kind, _, name = party.partition(":")
    path = {"cylinder": f"/cylinders/{name}/trace", "site": f"/sites/{name}/entries?limit=500"}[kind]
    return {one["entry_index"] for one in town.http.get(path).json()["entries"]}


def test_a_cylinders_file_holds_its_story_the_keys_and_the_end_of_its_chain(town: Town) -> None:
    size, key = published(town), cylinder_id(1)
    answer = ask(town, f"/cylinders/{FILLED}/evidence")
    assert (answer.headers["ledger-not-yet-published"], answer.headers["ledger-quorum"]) == ("0", "none")
    assert answer.headers["content-disposition"] == f'attachment; filename="cylinder-{key}-{size}.evidence.zip"'
    found = parse_evidence(answer.content)
    assert asked_of(found) == Scope("cylinder", key)
    assert parse_checkpoint(found.checkpoint).head.size == size
    entries = looked_at(found)
    assert proved(found).level == "L2"
    assert of_party(town, f"cylinder:{FILLED}") <= set(entries)
    mine = [index for index, entry in entries.items() if entry.subject == f"cylinder:{key}"]
    assert [entries[index].subject_seq for index in mine] == list(range(len(mine)))
    heads = heads_of(found)
    assert heads[f"cylinder:{key}"].digest == leaf_hash(found.entries[mine[-1]]).hex()
    story = town.story
    signers = {entry.signer for entry in entries.values()} - {story.authority.id}
    assert {story.office.id, story.station.id, story.rival.id, story.inspector.id} <= signers
    assert set(heads) == {f"cylinder:{key}", *found.scope.chains, *(f"filing:signer:{one}" for one in signers)}
    assert heads[f"filing:signer:{story.inspector.id}"].seq == 1, "its revocation, though later than all it signed"
    assert proved(found).unheaded == ()


@pytest.mark.parametrize(
    ("asked", "number"), [(STAMP, 1), (RELABELLED, 2), (NEW_LABEL, 2), (GONE, 3)], ids=str
)  # fmt: skip
def test_any_code_that_it_has_or_had_finds_it_to_the_end_of_its_life(town: Town, asked: str, number: int) -> None:
    found = evidence(town, f"/cylinders/{asked}/evidence")
    assert asked_of(found) == Scope("cylinder", cylinder_id(number))
    assert of_party(town, f"cylinder:{asked}") <= set(looked_at(found))
    assert proved(found).level == "L2"
    last = {1: "record_inspection", 2: "check_prefill", 3: "deregister_cylinder"}[number]
    mine = [decode_entry(body) for body in found.entries.values() if cylinder_id(number).encode() in body]
    assert f'"type":"{last}"' in mine[-1].claim


def test_the_same_is_answered_with_the_same_bytes(town: Town) -> None:
    published(town)
    for path in (f"/cylinders/{FILLED}/evidence", f"{LOG}/evidence", "/sites/S1/evidence"):
        assert ask(town, path).content == ask(town, path).content
    escaped = LOG.replace(ORIGIN, ORIGIN.replace("/", "%2F"))
    assert town.http.get(f"{escaped}/evidence").content == ask(town, f"{LOG}/evidence").content


def test_a_persons_file_holds_every_act_that_names_them(town: Town, everything: list[Entry]) -> None:
    found = evidence(town, "/persons/P2/evidence")
    entries = looked_at(found)
    named = {
        index for index, entry in enumerate(everything)
        if entry.subject == "person:P2" or re.search('"(person|second_person|witness)":"P2"', entry.claim)
    }  # fmt: skip
    assert len(named) >= 5
    assert named <= set(entries)
    allowed = {0, *named, *beside_of(found)}
    assert all(index in allowed or '"enrol_signer"' in entries[index].claim for index in entries)
    assert "person:P2" in heads_of(found)


def test_a_lots_and_a_sites_file_hold_their_entries(town: Town, everything: list[Entry]) -> None:
    lot = looked_at(evidence(town, "/lots/T1/evidence"))
    fills = {index for index, entry in enumerate(everything) if '"type":"complete_fill"' in entry.claim}
    assert fills | {index for index, entry in enumerate(everything) if entry.subject == "tank_lot:T1"} <= set(lot)
    assert len(lot) < len(everything) // 2
    found = evidence(town, "/sites/S1/evidence")
    assert of_party(town, "site:S1") <= set(looked_at(found))
    assert "site:S1" in heads_of(found)


PLACES: dict[str, tuple[Kind, str]] = {
    "/premises/H1": ("premises", '"(file_premises|file_contract|hand_over)"'),
    "/customers/K1": ("customer", '"(file_customer|file_contract|hand_over)"'),
    "/vehicles/V2": ("vehicle", '"vehicle":"V2"'),
    "/lines/L1": ("line", '"line":"L1"'),
    "/recalls/R1": ("recall", '"open_recall"'),
}
"""Of each, the acts of this town that belong to its story."""


@pytest.mark.parametrize("path", PLACES)
def test_a_customers_a_vehicles_a_lines_and_a_recalls_file_hold_their_entries(
    town: Town, everything: list[Entry], path: str
) -> None:
    kind, acts = PLACES[path]
    found = evidence(town, f"{path}/evidence")
    assert asked_of(found) == Scope(kind, path[-2:])
    entries = looked_at(found)
    named = {index for index, entry in enumerate(everything) if re.search(acts, entry.claim)}
    assert named
    assert named <= set(entries)
    allowed = {0, *named, *beside_of(found)}
    assert all(index in allowed or '"enrol_signer"' in entries[index].claim for index in entries)
    assert town.http.get(f"{path}9/evidence").status_code == 404


def test_times_bound_a_file_and_it_then_claims_no_end_of_the_chain(town: Town, everything: list[Entry]) -> None:
    key = f"cylinder:{cylinder_id(1)}"
    mine = [(index, entry.recorded_at) for index, entry in enumerate(everything) if entry.subject == key]
    from_ms, to_ms = mine[2][1], mine[-1][1]
    found = evidence(town, f"/cylinders/{FILLED}/evidence", from_=from_ms, to=to_ms)
    assert asked_of(found) == Scope("cylinder", cylinder_id(1), from_ms, to_ms)
    inside = {index for index, at in mine if from_ms <= at < to_ms}
    entries = looked_at(found)
    assert {index for index, entry in entries.items() if entry.subject == key} - beside_of(found) == inside
    assert key not in heads_of(found)


@pytest.mark.parametrize(("first", "end"), [(0, 5), (7, 8), (30, -1)])
def test_a_window_holds_what_was_recorded_from_until_before_and_its_two_neighbours(
    town: Town, everything: list[Entry], first: int, end: int
) -> None:
    from_ms, to_ms = everything[first].recorded_at, everything[end].recorded_at
    if from_ms == to_ms:
        pytest.skip("both in the same millisecond")
    found = evidence(town, f"{LOG}/evidence", from_=from_ms, to=to_ms)
    assert asked_of(found) == Scope("window", "", from_ms, to_ms)
    inside = [index for index, entry in enumerate(everything) if from_ms <= entry.recorded_at < to_ms]
    wanted = set(range(max(0, inside[0] - 1), min(len(everything), inside[-1] + 2)))
    entries = looked_at(found)
    assert proved(found).level == "L3"
    assert wanted <= set(entries)
    assert all(index in wanted or '"enrol_signer"' in entries[index].claim or index == 0 for index in entries)


def test_times_may_be_chinas_and_a_window_may_be_empty(town: Town, everything: list[Entry]) -> None:
    last = datetime.fromtimestamp(everything[-1].recorded_at // 1000, UTC)
    days = [(last + timedelta(days=number)).astimezone(CHINA) for number in (1, 2)]
    local = [one.replace(tzinfo=None).isoformat() for one in days]
    ms = [int(one.timestamp()) * 1000 for one in days]
    found = evidence(town, f"{LOG}/evidence", from_=local[0], to=local[1])
    assert asked_of(found) == Scope("window", "", ms[0], ms[1])
    assert set(looked_at(found)) >= {0, len(everything) - 1}
    assert ask(town, f"{LOG}/evidence", from_=local[0], to=local[1]).content == ask(
        town, f"{LOG}/evidence", from_=ms[0], to=days[1].isoformat()
    ).content  # fmt: skip
    before = evidence(town, f"{LOG}/evidence", from_="2001-01-01", to="2001-01-02T06:00")
    assert before.scope.from_ms == 978_278_400_000
    assert set(before.entries) == {0}


def test_the_whole_log_needs_no_proofs(town: Town, everything: list[Entry]) -> None:
    found = evidence(town, f"{LOG}/evidence")
    assert asked_of(found) == Scope("log")
    assert found.proofs == {}
    assert list(looked_at(found).values()) == everything
    assert proved(found).level == "L3"


def test_checkpoints_between_narrow_the_times(town: Town, trust: Path) -> None:
    found = evidence(town, f"/cylinders/{NEW_LABEL}/evidence")
    size, first = parse_checkpoint(found.checkpoint).head.size, min(found.earlier)
    mine = [index for index, entry in looked_at(found).items() if entry.subject == f"cylinder:{cylinder_id(2)}"]
    assert first in found.consistency, "the one that the device had seen, kept before the cylinder was known"
    assert first < mine[0] < size
    later = keep(town, trust).head.size
    again = evidence(town, f"/cylinders/{NEW_LABEL}/evidence")
    assert later == size
    assert size not in again.earlier, "the final one stands by itself"
    policy = parse_policy(found.policy)
    assert {log.key.name for log in policy.logs} == {ORIGIN}


def test_a_timestamp_goes_with_its_checkpoint(town: Town, trust: Path) -> None:
    store = store_of(trust)
    sizes = store.kept_sizes()
    store.write_timestamp(sizes[1], b"der")
    found = evidence(town, f"/cylinders/{FILLED}/evidence")
    assert found.timestamps == {sizes[1]: b"der"}
    assert sizes[1] in found.earlier


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Authorization": ""}, 401), ({"Authorization": "Bearer one"}, 403), ({"Authorization": "Bearer other"}, 403)],
)
def test_evidence_takes_a_token_for_all_sites_of_the_log(town: Town, headers: dict[str, str], status: int) -> None:
    for path in (
        f"/cylinders/{FILLED}/evidence", "/persons/P1/evidence", "/lots/T1/evidence", "/sites/S1/evidence",
        f"{LOG}/evidence",
    ):  # fmt: skip
        assert town.http.get(path, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        (f"/cylinders/{code(77)}/evidence", 404, "no cylinder carries"),
        ("/cylinders/nothing/evidence", 400, "no cylinder code"),
        ("/persons/P77/evidence", 404, "no entries of person P77"),
        ("/lots/T77/evidence", 404, "no entries of tank lot T77"),
        ("/sites/S77/evidence", 404, "no entries of site S77"),
        ("/sites/S1/evidence?from=2001-01-01&to=2001-01-02", 404, "within these times"),
        ("/logs/other.test/evidence", 404, "no log other.test is published"),
        (f"{LOG}/evidence?from=2001-01-01", 400, "a window has both times"),
        (f"{LOG}/evidence?from=2001-01-02&to=2001-01-01", 400, "the first before the second"),
        ("/sites/S1/evidence?from=yesterday", 400, "no time: yesterday"),
        ("/sites/S1/evidence?from=1969-01-01", 400, "no time"),
    ],
)
def test_what_is_not_there_or_makes_no_sense_is_told_in_both_languages(
    town: Town, path: str, status: int, says: str
) -> None:
    found = town.http.get(path)
    assert found.status_code == status, found.text
    told = found.json()
    assert says in told["en"]
    assert any("\u4e00" <= letter <= "\u9fff" for letter in told["zh"])


def test_too_much_for_http_is_told_with_the_way_out(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.evidence.routes.MOST_ENTRIES", 10)
    for path in ("/sites/S1/evidence", f"{LOG}/evidence", f"{LOG}/evidence?from=2001-01-01&to=2099-01-01"):
        found = town.http.get(path)
        assert (found.status_code, "ledger evidence" in found.json()["en"]) == (413, True)
    monkeypatch.undo()
    monkeypatch.setattr("api.evidence.routes.MOST_BYTES", 10_000)
    assert town.http.get("/sites/S1/evidence").status_code == 413


def test_few_files_are_made_at_once_and_the_others_are_told_to_come_again(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, on = threading.Barrier(AT_ONCE + 1), threading.Event()

    def slowly(source: Source, scope: Scope, cites: Cites, *, most: int, most_bytes: int) -> Collected:
        here.wait(20)
        assert on.wait(20)
        return collect_evidence(source, scope, cites, most=most, most_bytes=most_bytes)

    monkeypatch.setattr("api.evidence.routes.collect_evidence", slowly)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = [pool.submit(town.http.get, f"/cylinders/{FILLED}/evidence") for _ in range(AT_ONCE)]
        here.wait(20)
        refused = town.http.get("/sites/S1/evidence")
        on.set()
        assert [one.result().status_code for one in asked] == [200] * AT_ONCE
    assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
    monkeypatch.undo()
    assert town.http.get("/sites/S1/evidence").status_code == 200


def test_what_is_committed_and_not_published_is_counted_or_waited_for(database_url: str, tmp_path: Path) -> None:
    trust = publish_file(tmp_path)
    with serve_town(database_url, publish_file=trust) as town:
        town.with_cylinder(1)
        size, story = published(town), town.story
    elsewhere = tmp_path / "elsewhere.toml"
    elsewhere.write_text(f'[[logs]]\nlog = "{ORIGIN}"\ndir = "published"\npolicy = "policy.txt"\n')
    (tmp_path / "policy.txt").write_bytes(b"# ours\n" + policy_of(trust))
    settings = Settings(database_url=database_url, port=0, publish_file=elsewhere)
    with running(settings) as url, httpx.Client(base_url=url) as http:
        later = Town(url, story, http)
        later.post(story.station, story.make(c.CheckPrefill, code=FILLED))
        later.with_cylinder(2)
        found = http.get(f"/cylinders/{FILLED}/evidence")
        assert found.headers["ledger-not-yet-published"] == "1"
        held = parse_evidence(found.content)
        assert parse_checkpoint(held.checkpoint).head.size == size
        assert held.policy.startswith(b"# ours\n"), "the policy's file goes in as it is"
        assert held.heads == b"", "who does not publish has no key to sign with"
        assert http.get(f"{LOG}/evidence").headers["ledger-not-yet-published"] == str(later.size() - size)
        window = http.get(f"{LOG}/evidence", params={"from": "2001-01-01", "to": "2099-01-01"})
        assert window.headers["ledger-not-yet-published"] == str(later.size() - size)
        waiting = http.get(f"/cylinders/{code(2)}/evidence")
        assert (waiting.status_code, waiting.headers["retry-after"]) == (503, "1")
        assert "not yet published" in waiting.json()["en"]


def test_without_policy_or_before_anything_is_published_there_is_none(database_url: str, tmp_path: Path) -> None:
    publish_file(tmp_path)
    with serve_town(database_url) as town:
        assert town.http.get("/sites/S1/evidence").status_code == 404, "nothing is published here"
    for policy, status, says in (("", 404, "no policy is configured"), ('policy = "p"\n', 503, "nothing is published")):
        elsewhere = tmp_path / "elsewhere.toml"
        elsewhere.write_text(f'[[logs]]\nlog = "{ORIGIN}"\ndir = "published"\n{policy}')
        (tmp_path / "p").write_bytes(policy_of(tmp_path / "publish.toml"))
        with running(Settings(database_url=database_url, port=0, publish_file=elsewhere)) as url:
            found = httpx.get(f"{url}/sites/S1/evidence")
            assert (found.status_code, says in found.json()["en"]) == (status, True)
