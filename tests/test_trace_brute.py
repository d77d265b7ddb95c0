"""Every answer over HTTP against a simple reading of the whole log: stories full of late, overtaken, counted facts."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from api.cli import main
from api.settings import Settings
from ledger.store import schema as t
from ledger.store.embedded import EmbeddedServer
from tests.brute import FOREVER, Brute, Row
from tests.http_town import running
from tests.story import code
from tests.wandering import BUILDING, HOMES, LOTS, SITES, VEHICLES, WORKERS, Wandering

FILLED = "cylinder_filled.v1"
UNSEEN = code(4_040)
LATE_MS = 5 * 60_000
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
    engine = sa.create_engine(t.engine_url(url))
    with engine.connect() as connection:
        bodies = connection.execute(sa.select(t.entry.c.body).order_by(t.entry.c.entry_index)).scalars().all()
    engine.dispose()
    with running(Settings(database_url=url, port=0)) as base, httpx.Client(base_url=base, timeout=30) as http:
        yield Asked(url, http, Brute(bodies))
    server.drop_database(name)


def belongs(row: Row, kind: str, key: str) -> bool:
    """Whether an entry is part of that story, by what it says."""
    claim, event, party = row.claim, row.event, f"{kind}:{key}"
    if row.entry["subject"] == party or party in event.get("left", ()):
        return True
    fields = {"person": PEOPLE, "site": ("site", "to_site", "inspected_at")}.get(kind, (kind,))
    if kind == "line":
        fields = ()
        named = row.act in ("complete_fill", "interrupt_fill", "file_calibration")
        named = (named and not row.refused) or (row.act == "authorise_fill" and row.refused)
        return named and claim["line"] == key
    return any(claim.get(field) == key for field in fields)


def of_cylinder(row: Row, key: str, codes: set[str]) -> bool:
    """Whether an entry is part of a cylinder's story, that of its codes before anybody registered them included."""
    event = row.event
    counted = key in (*event.get("found", ()), *event.get("missing", ()), *event.get("overtaken", ()))
    listed = event["type"] == "filed.v1" and key in row.claim.get("cylinders", ())
    unregistered = row.claim.get("code") in codes and event.get("cylinder") is None
    return row.entry["subject"] == f"cylinder:{key}" or counted or listed or unregistered


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
            place = story["places"][-1] if story["places"] else None
            put = brute.where(f"cylinder:{key}", FOREVER, known)
            said = (
                None
                if place is None
                else ((place["holder"], place["premises"], place["carrier"]), place["entry_index"])
            )
            assert said == put


def test_where_its_gas_came_from_is_in_its_newest_fill(asked: Asked) -> None:
    brute = asked.brute
    filled = 0
    for key in brute.cylinders():
        codes = codes_of(brute, key)
        fills = [row for row in brute.rows if row.event["type"] == FILLED and of_cylinder(row, key, codes)]
        label = min(codes)
        for known in asked.moments():
            story = asked.story(f"/cylinders/{quote(label, safe='')}/story", known_at=known)
            facts = {one["what"]: (one["value"], one["behind"]["entry_index"]) for one in story["facts"]}
            done = [row for row in fills if row.entry["recorded_at"] <= known]
            if not done:
                assert "station" not in facts
                continue
            filled += 1
            newest = done[-1]
            for what, field in (("station", "site"), ("line", "line"), ("tank_lot", "tank_lot"), ("filler", "person")):
                assert facts[what] == (newest.claim[field], newest.index)
            checked = [
                row.index for row in brute.rows[: newest.index]
                if row.act == "check_prefill" and of_cylinder(row, key, codes)
            ]  # fmt: skip
            assert facts["pre_checker"][1] == checked[-1]
    assert filled


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
            for known in asked.moments() if kind in ("customer", "premises") else ():
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


def test_a_scene_against_the_ledger(asked: Asked) -> None:
    there = [key for home in asked.brute.premises_in(BUILDING) for key in asked.brute.stood(f"premises:{home}")]
    read = [
        party.partition(":")[2] if party[:5] == "code:" else min(codes_of(asked.brute, party[9:])) for party in there
    ]
    found = [*read[1:], UNSEEN]
    answer = asked.http.get(f"/buildings/{BUILDING}/scene", params={"found": found}).json()
    [log] = answer["logs"]
    assert {one["party"] for one in log["matched"]} == set(there[1:])
    assert [one["party"] for one in log["missing"]] == there[:1]
    assert [one["codes"] for one in log["unknown"]] == [[UNSEEN]]
    assert log["elsewhere"] == []


def test_a_tank_lot_forward(asked: Asked) -> None:
    for lot in LOTS:
        story = asked.story(f"/lots/{lot}/story")
        after = asked.brute.lots_after(lot)
        assert set(story["lots"]) <= after
        assert story["lots"][lot] == 1000
        fills = [one for one in story["statements"] if one["outcome_type"] == FILLED]
        assert {one["claim"]["tank_lot"] for one in fills} <= set(story["lots"])
        assert indexes(fills) == [
            row.index for row in asked.brute.rows
            if row.event["type"] == FILLED and row.claim["tank_lot"] in story["lots"]
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
        assert told.stdout_bytes == asked.http.get(path).content
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
            assert sum(bool(row[9]) for row in rows[1:]) == len(there)
