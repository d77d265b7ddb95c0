"""Every answer over HTTP against a simple reading of the whole log: stories full of late, overtaken, counted facts."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from click.testing import CliRunner

from api.cli import main
from api.settings import Settings
from ledger.store.embedded import EmbeddedServer
from tests.brute import FOREVER, Brute, Row, read_log
from tests.http_town import running
from tests.story import code
from tests.test_trace_papers import Book
from tests.wandering import BUILDING, HOMES, LOTS, SITES, VEHICLES, WORKERS, Wandering

FILLED = "cylinder_filled.v1"
UNSEEN = code(4_040)
LATE_MS = 5 * 60_000
YES = {True: "yes", False: "no"}
ORIGIN = {
    "maker", "serial", "made_month", "owner", "use_registration", "station", "line", "tank_lot", "net_g", "lawful",
    "filler", "pre_checker", "authorised_by", "post_checker", "releaser", "seal", "valve", "inspection_site",
    "inspector", "reviewer", "inspected_on", "inspection_passed", "worker", "vehicle", "customer", "premises",
}  # fmt: skip
"""What is told of where a cylinder came from and went."""
PEOPLE = ("person", "second_person", "reviewer", "witness")
KINDS = {
    "customers": ("customer", sorted({customer for customer, _ in HOMES})),
    "premises": ("premises", [home for _, home in HOMES]),
    "persons": ("person", ["P1", "P2", "I1", *WORKERS]),
    "vehicles": ("vehicle", VEHICLES),
    "sites": ("site", (*SITES, "B1S")),
    "lines": ("line", ["L1"]),
}


@dataclass
class Asked:
    url: str
    http: httpx.Client
    brute: Brute

    def story(self, path: str, **params: Any) -> Any:
        """The one story of an answer; None where nothing is recorded."""
        answer = self.http.get(path, params=params)
        assert answer.status_code in (200, 404), answer.text
        return answer.json()["stories"][0] if answer.status_code == 200 else None

    def moments(self) -> list[int]:
        recorded = [row.entry["recorded_at"] for row in self.brute.rows]
        return [recorded[-1], recorded[len(recorded) * 2 // 3], recorded[-40] - 1, recorded[-10]]

    def rows(self, kind: str, key: str) -> list[Row]:
        return [row for row in self.brute.rows if belongs(row, kind, key)]


@pytest.fixture(scope="module", params=(11, 12))
def asked(request: pytest.FixtureRequest, server: EmbeddedServer, migrated_template: str) -> Iterator[Asked]:
    name = f"trace_{request.param}"
    server.create_database(name, template=migrated_template)
    url = server.url(name)
    wandering = Wandering(url, request.param)
    wandering.wander(150)
    wandering.close()
    with running(Settings(database_url=url, port=0)) as base, httpx.Client(base_url=base, timeout=30) as http:
        yield Asked(url, http, read_log(url))
    server.drop_database(name)


def belongs(row: Row, kind: str, key: str) -> bool:
    """Whether an entry is part of that story, by what it says."""
    claim, event, party = row.claim, row.event, f"{kind}:{key}"
    if row.entry["subject"] == party or party in event.get("left", ()):
        return True
    fields = {"person": PEOPLE, "site": ("site", "to_site", "inspected_at")}.get(kind, (kind,))
    if kind == "line":
        named = row.act in ("authorise_fill", "start_fill", "complete_fill", "interrupt_fill", "weigh_cylinder")
        return (named or (row.act == "file_calibration" and not row.refused)) and claim["line"] == key
    return any(claim.get(field) == key for field in fields)


def of_cylinder(row: Row, key: str, codes: set[str]) -> bool:
    """Whether an entry is part of a cylinder's story, that of its codes before anybody registered them included."""
    event = row.event
    counted = key in (*event.get("found", ()), *event.get("missing", ()), *event.get("overtaken", ()))
    listed = event["type"] == "filed.v1" and key in row.claim.get("cylinders", ())
    unregistered = row.claim.get("code") in codes and event.get("cylinder") is None
    unregistered |= bool(codes & {*event.get("foreign", ()), *event.get("gone", ())})
    return row.entry["subject"] == f"cylinder:{key}" or counted or listed or unregistered


class Origin:
    """What a cylinder's entries say of where it came from and went: what, its value and the entry; and the acts."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = [row for row in rows if not row.refused]
        self.facts: set[tuple[str, str, int]] = set()
        self.acts: set[int] = set()
        opened = self.newest("cylinder_registered.v1")
        self.tell(opened, ("maker", "serial", "made_month", "owner"), act=False)
        for paper in [row for row in self.rows if row.act == "file_use_registration" and opened][-1:]:
            value = f"{paper.claim['certificate']} {paper.claim['status']}"
            self.facts.add(("use_registration", value, paper.index))
        self.filled(self.newest(FILLED))
        looked = self.newest("inspection_passed.v1", "inspection_failed.v1")
        said = {"inspection_site": "site", "inspector": "person", "reviewer": "reviewer",
                "inspected_on": "inspected_on", "inspection_passed": "passed"}  # fmt: skip
        self.tell(looked, said)
        given = self.newest("cylinder_handed_over.v1")
        went = ("customer", "premises", "vehicle") if given and "vehicle" in given.claim else ("customer", "premises")
        self.tell(given, {"worker": "person"} | {what: what for what in went})
        if given and "vehicle" in given.claim:
            self.tell(self.newest("vehicle_loaded.v1", end=given.index), ())

    def newest(self, *types: str, start: int = -1, end: int = FOREVER) -> Row | None:
        """That was neither overtaken when it was told nor out of its order."""
        found = [
            row for row in self.rows
            if row.event["type"] in types and start < row.index < end and not row.event.get("superseded")
            and "inspection_out_of_order" not in [note["reason"] for note in row.event.get("violations", ())]
        ]  # fmt: skip
        return found[-1] if found else None

    def tell(self, row: Row | None, said: Any, *, act: bool = True) -> None:
        """`said`: what, by the field that says it; the same where it is no mapping."""
        if row is None:
            return
        self.acts |= {row.index} if act else set()
        for what in said:
            value = row.claim[said[what] if isinstance(said, dict) else what]
            self.facts.add((what, YES[value] if isinstance(value, bool) else value, row.index))

    def filled(self, fill: Row | None) -> None:
        if fill is None:
            return
        self.tell(fill, {"station": "site", "line": "line", "tank_lot": "tank_lot", "filler": "person"})
        event = fill.event
        self.facts.add(("net_g", str(event.get("net_g", 0)), fill.index))
        self.facts.add(("lawful", YES[event.get("lawful", False)], fill.index))
        leave = [row for row in self.rows[: self.rows.index(fill)] if row.act == "authorise_fill"]
        named = [row for row in leave if row.claim["claim_id"] == fill.claim["authorisation"]]
        self.tell(named[0] if named else None, {"authorised_by": "person"})
        self.tell(self.newest("prefill_checked.v1", "prefill_failed.v1", end=fill.index), {"pre_checker": "person"})
        checked = self.newest("postfill_checked.v1", "postfill_failed.v1", start=fill.index)
        self.tell(checked, {"post_checker": "person"})
        released = self.newest("cylinder_released.v1", start=fill.index)
        self.tell(
            released, {"releaser": "person"} | ({"seal": "seal"} if released and "seal" in released.claim else {})
        )


def indexes(statements: list[Any]) -> list[int]:
    return [one["entry_index"] for one in statements]


def later(rows: list[Row], known: int, start: int = 0) -> list[int]:
    """Recorded after that instant, of what happened before, by clocks put right."""
    return [row.index for row in rows if row.entry["recorded_at"] > known and start <= row.seen_at <= known]


def codes_of(brute: Brute, key: str) -> set[str]:
    found: set[str] = set()
    for row in brute.rows:
        if row.event.get("cylinder") != key or row.refused:
            continue
        if row.act == "register_cylinder":
            found |= {row.claim["code"], row.event.get("stamp", ""), *row.claim.get("also", ())}
        if row.act == "bind_code":
            found |= {row.claim["new_code"]} - {row.claim.get("retires")}
    return found - {""}


def test_the_story_of_every_cylinder_at_every_moment(asked: Asked) -> None:
    brute = asked.brute
    contradicted = 0
    for key in brute.cylinders():
        codes = codes_of(brute, key)
        rows = [row for row in brute.rows if of_cylinder(row, key, codes)]
        for known in asked.moments():
            story = asked.story(f"/cylinders/{quote(min(codes), safe='')}/story", known_at=known)
            assert story["subject"] == f"cylinder:{key}"
            told = story["statements"]
            assert indexes(told) == [row.index for row in rows if row.entry["recorded_at"] <= known]
            assert indexes(story["later"]) == later(rows, known)
            for one in told:
                row = brute.rows[one["entry_index"]]
                assert one["seen_at"] == row.seen_at
                assert one["late"] == (row.entry["recorded_at"] - row.seen_at > LATE_MS)
                assert one["accepted"] != row.refused
                assert one["known"]
            against = [one for one in brute.contradictions(key) if brute.rows[one[0]].entry["recorded_at"] <= known]
            contradicted += len(against)
            assert [(one["entry_index"], one["holder"], one["expected"]) for one in story["contradictions"]] == against
            assert [put_by(one) for one in story["places"]] == brute.went(f"cylinder:{key}", FOREVER, known)
    assert contradicted


def test_where_it_came_from_and_went_with_the_papers_behind_it(asked: Asked) -> None:
    brute = asked.brute
    seen: set[str] = set()
    for key in brute.cylinders():
        codes = codes_of(brute, key)
        rows = [row for row in brute.rows if of_cylinder(row, key, codes)]
        for known in asked.moments():
            origin = Origin([row for row in rows if row.entry["recorded_at"] <= known])
            story = asked.story(f"/cylinders/{quote(min(codes), safe='')}/story", known_at=known)
            facts = {(one["what"], one["value"], one["behind"]["entry_index"]) for one in story["facts"]}
            assert {one for one in facts if one[0] in ORIGIN} == origin.facts, (key, known)
            behind: dict[tuple[str, int, bool], list[int]] = {}
            for act in sorted(origin.acts):
                for name, paper in Book(brute.below(act), FOREVER).of_act(brute.rows[act]).items():
                    behind.setdefault((name, *paper), []).append(act)
            papers = [one for one in story["papers"] if one["claim"] is not None]
            assert behind == {
                (one["subject"], one["behind"]["entry_index"], one["in_force"]): one["as_of"] for one in papers
            }
            seen |= {what for what, *_ in origin.facts} | {brute.rows[act].act for act in origin.acts}
    assert seen >= ORIGIN - {"seal", "valve"} | {"hand_over", "authorise_fill"}, ORIGIN - seen


@pytest.mark.parametrize("path", KINDS)
def test_the_story_of_everybody_and_every_place(asked: Asked, path: str) -> None:
    kind, keys = KINDS[path]
    for key in keys:
        rows = asked.rows(kind, key)
        if kind == "customer":
            homes = {row.claim.get("premises") for row in rows if row.claim.get("customer") == key} - {None}
            rows = [
                row for row in asked.brute.rows
                if row in rows or (row.claim.get("premises") in homes and "customer" not in row.claim)
            ]  # fmt: skip
        for known in asked.moments():
            story = asked.story(f"/{path}/{key}/story", known_at=known)
            told = [row for row in rows if row.entry["recorded_at"] <= known]
            assert indexes(story["statements"]) == [row.index for row in told], (key, known)
            assert indexes(story["later"]) == later(rows, known)
            counts = story["counts"]
            assert counts["entries"] == len(told)
            assert sum(act["refused"] for act in counts["acts"]) == sum(row.refused for row in told)
            assert counts["gas_g"] == sum(row.event.get("net_g", 0) for row in told if row.event["type"] == FILLED)
        whole = asked.story(f"/{path}/{key}/story")
        assert indexes(whole["statements"]) == [row.index for row in rows]
        assert whole["later"] == []


def test_a_period_leaves_out_what_was_recorded_outside_and_sets_apart_what_came_late(asked: Asked) -> None:
    rows = asked.rows("vehicle", "V1")
    recorded = [row.entry["recorded_at"] for row in rows]
    start, end = recorded[len(recorded) // 4], recorded[len(recorded) * 3 // 4]
    story = asked.story("/vehicles/V1/story", **{"from": start, "to": end})
    assert indexes(story["statements"]) == [row.index for row in rows if start <= row.entry["recorded_at"] < end]
    assert indexes(story["later"]) == [
        row.index for row in rows if row.entry["recorded_at"] >= end and start <= row.seen_at < end
    ]  # fmt: skip


def test_what_stands_with_customers_and_at_premises(asked: Asked) -> None:
    for path, (kind, keys) in KINDS.items():
        if kind not in ("customer", "premises", "vehicle", "person"):
            continue
        for key in keys:
            now = {one["party"]: one["entry_index"] for one in asked.story(f"/{path}/{key}/story")["held"]}
            assert now == asked.brute.stood(f"{kind}:{key}"), (kind, key)
            for known in asked.moments():
                story = asked.story(f"/{path}/{key}/story", known_at=known)
                then = {one["party"]: one["entry_index"] for one in story["held"]}
                assert then == asked.brute.stood(f"{kind}:{key}", known, known)


def test_a_building_over_all_enterprises(asked: Asked) -> None:
    for known in (None, *asked.moments()):
        at = FOREVER if known is None else known
        homes = asked.brute.premises_in(BUILDING, at)
        answer = asked.http.get(f"/buildings/{BUILDING}", params={} if known is None else {"known_at": known}).json()
        [log] = answer["logs"]
        assert [one["premises"] for one in log["premises"]] == homes
        for one in log["premises"]:
            held = {there["party"]: there["entry_index"] for there in one["held"]}
            assert held == asked.brute.stood(f"premises:{one['premises']}", at, at), (one["premises"], known)
        assert log["cylinders"] == sum(len(one["held"]) for one in log["premises"])
    assert len({one["enterprise"] for one in log["premises"]}) == 2


@pytest.mark.parametrize("place", ["buildings", "premises"])
def test_a_scene_against_the_ledger_at_every_moment(asked: Asked, place: str) -> None:
    brute = asked.brute
    carried = {one: f"cylinder:{key}" for key in brute.cylinders() for one in codes_of(brute, key)}
    codes = sorted({*carried, *brute.strays(), UNSEEN})
    seen = dict.fromkeys(("matched", "missing", "elsewhere", "unknown"), 0)
    keys = [BUILDING] if place == "buildings" else [home for _, home in HOMES]
    for key, known, some in product(keys, (None, *asked.moments()), (codes[::2], codes[1::2])):
        at, period = (FOREVER, {}) if known is None else (known, {"known_at": known})
        homes = [key] if place == "premises" else brute.premises_in(key, at)
        there = [party for home in homes for party in brute.stood(f"premises:{home}", at, at)]
        found = {carried.get(code, f"code:{code}") for code in some}
        put = {party: brute.where(party, at, at) for party in {*found, *there}}
        expected: dict[str, set[Any]] = {
            "matched": {(one, put[one]) for one in found if one in there},
            "missing": {(one, put[one]) for one in there if one not in found},
            "elsewhere": {(one, put[one]) for one in found if one not in there and put[one] is not None},
            "unknown": {(one, None) for one in found if put[one] is None},
        }
        [log] = asked.http.get(f"/{place}/{key}/scene", params={"found": some, **period}).json()["logs"]
        for verdict, parties in expected.items():
            told = log[verdict]
            by_ledger = told if verdict == "missing" else [one["by_ledger"] for one in told]
            pairs = zip((one["party"] for one in told), map(put_by, by_ledger), strict=True)
            assert sorted(pairs, key=str) == sorted(parties, key=str), (verdict, key, known)
            seen[verdict] += len(parties)
        assert {code for one in log["unknown"] for code in one["codes"]} >= {UNSEEN} & set(some)
    assert all(seen.values()), seen


def put_by(one: Any) -> Any:
    """Where the ledger has it, and by which entry."""
    return None if one is None else ((one["holder"], one["premises"], one["carrier"]), one["entry_index"])


def test_a_tank_lot_forward(asked: Asked) -> None:
    for lot in LOTS:
        for known in (None, *asked.moments()):
            at = FOREVER if known is None else known
            lots = asked.brute.shares(lot, at)
            story = asked.story(f"/lots/{lot}/story", **({} if known is None else {"known_at": known}))
            assert story["lots"] == lots
            fills = [one for one in story["statements"] if one["outcome_type"] == FILLED]
            assert indexes(fills) == [
                row.index for row in asked.brute.known(at)
                if row.event["type"] == FILLED and row.claim["tank_lot"] in lots
            ]  # fmt: skip


def test_who_holds_how_many(asked: Asked) -> None:
    [log] = asked.http.get("/balances").json()["logs"]
    held = log["balances"]
    assert log["size"] == len(asked.brute.rows)
    assert held["registered"] == len(asked.brute.cylinders())
    for site, count in held["sites"].items():
        assert count == sum(one.startswith("cylinder:") for one in asked.brute.stood(f"site:{site}"))


def test_places_by_command_are_told_as_over_http(asked: Asked) -> None:
    there = [key for home in asked.brute.premises_in(BUILDING) for key in asked.brute.stood(f"premises:{home}")]
    for path, *words in (
        (f"/buildings/{BUILDING}", "building", BUILDING),
        (f"/buildings/{BUILDING}/scene?found={UNSEEN}", "scene", BUILDING, "--building", "--found", UNSEEN),
        (f"/premises/H1/scene?found={UNSEEN}", "scene", "H1", "--found", UNSEEN),
        ("/balances", "balances"),
    ):
        run = CliRunner(env={"LEDGER_DATABASE_URL": asked.url})
        told = run.invoke(main, ["trace", *words, "--json"])
        assert told.stdout_bytes == asked.http.get(path).content + b"\n"
        lines = run.invoke(main, ["trace", *words]).output.splitlines()
        rows = list(
            csv.reader(
                io.StringIO(asked.http.get(f"{path}{'&' if '?' in path else '?'}format=csv").text.lstrip("\ufeff"))
            )
        )
        assert len(rows) > 1
        assert len(lines) > 1
        if words == ["building", BUILDING]:
            assert sum(line.startswith("  #") for line in lines) == len(there)
            assert sum(bool(row[7]) for row in rows[1:]) == len(there)
