"""The questions of an investigator go by index: a lost index is seen here, not in a city's database.

The statements are those that the code makes, as it makes them; PostgreSQL is asked how it would run each.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, NamedTuple

import psycopg
import pytest
import sqlalchemy as sa

from api.recall.incident import incident_report
from api.recall.report import recall_report
from api.town.grow import grow, write
from api.town.plan import MAKERS, ORIGIN, Plan
from api.town.story import Step, Story
from api.trace.asking import ask, json_of, window_of
from api.trace.building import ask_building
from api.trace.question import Question, Reader
from api.trace.scene import ask_scene
from ledger import claim as c
from ledger import events as e
from ledger.bundle import open_bundle
from ledger.search import Parts
from ledger.store import schema as t
from ledger.store.append import Received, append
from ledger.store.bench import Query, settle, watched
from ledger.store.holding import balances
from ledger.store.load import LogCache
from ledger.store.read import ALL_SITES, log_state, open_engine, reading
from ledger.store.searching import find_by_parts
from ledger.store.writer import connect_writer
from tests.story import claim_id

BEGINS_MS = 1_769_184_000_000
NOW = window_of(None, None, None)
LARGE = {"entry", "entry_party", "cylinder", "place", "record"}


class Grown(NamedTuple):
    """A town of two thousand cylinders: drills by maker, line, lot and vehicle, and an incident."""

    url: str
    story: Story


@pytest.fixture(scope="module")
def town(server, migrated_template) -> Iterator[Grown]:
    server.create_database("plans", template=migrated_template)
    url = server.url("plans")
    story = Story(Plan(2_000, 1, BEGINS_MS))
    grow(url, story, 12_000, lambda _: None)
    write(url, list(story.on_the_road(2)))
    write(url, [Step(story.at_ms, [story.signer("authority").sign(ORIGIN, opened(story))], len(opened(story)))])
    settle(url)
    yield Grown(url, story)
    server.drop_database("plans")


def opened(story: Story) -> list[c.AnyClaim]:
    station, at = story.plan.stations[0], story.at_ms
    drills: dict[str, dict[str, Any]] = {
        "RC1": {"maker": MAKERS[0]}, "RC2": {"line": station.line}, "RC3": {"tank_lot": station.lot(1)},
        "RC4": {"vehicle": story.plan.vehicles(station)[0]},
    }  # fmt: skip
    held: dict[str, Any] = {
        "sites": (),
        "lines": (),
        "tank_lots": (station.lot(1),),
        "vehicles": (story.plan.vehicles(station)[0],),
    }
    return [
        *(
            c.OpenRecall(claim_id=claim_id(0xF0 + n), scanned_at=at, recall=name, drill=True, **by)
            for n, (name, by) in enumerate(drills.items())
        ),
        c.OpenIncident(claim_id=claim_id(0xFF), incident="IN1", scanned_at=at, **held),
    ]


def trace(reader: Reader, story: Story) -> None:
    ask([reader], Question("cylinder", story.fleet[7].code, NOW))


def customer(reader: Reader, story: Story) -> None:
    middle = str((BEGINS_MS + story.at_ms) // 2)
    ask([reader], Question("customer", served(story).customer, window_of(None, middle, None)))


def building(reader: Reader, story: Story) -> None:
    ask_building([reader], served(story).building, None, None)


def scene(reader: Reader, story: Story) -> None:
    ask_scene([reader], "building", served(story).building, [one.code for one in story.fleet[:3]], None)


def scene_then(reader: Reader, story: Story) -> None:
    ask_scene([reader], "premises", served(story).premises, [story.fleet[7].code], (BEGINS_MS + story.at_ms) // 2)


def recalled(name: str) -> Callable[[Reader, Story], None]:
    def recall(reader: Reader, story: Story) -> None:
        with reading(reader.engine, ALL_SITES) as connection:
            report = recall_report(connection, log_state(connection, ORIGIN), name, story.at_ms)
        assert report.affected

    return recall


def incident(reader: Reader, _story: Story) -> None:
    with reading(reader.engine, ALL_SITES) as connection:
        assert incident_report(connection, log_state(connection, ORIGIN), "IN1").cylinders


def period(kind: str) -> Callable[[Reader, Story], None]:
    def story_of(reader: Reader, story: Story) -> None:
        station = story.plan.stations[0]
        vehicle = story.plan.vehicles(station)[0]
        keys = {"line": station.line, "tank_lot": station.lot(1), "vehicle": vehicle, "person": f"{vehicle}-W"}
        middle = str((BEGINS_MS + story.at_ms) // 2)
        answer = ask([reader], Question(kind, keys[kind], window_of(middle, str(story.at_ms), None)))
        assert len(b"".join(json_of(answer))) > 1_000

    return story_of


def hand_over(writer: Reader, story: Story) -> None:
    """A bundle from a door, as the server appends it; taken back."""
    bundle = next(story.doors(story.vehicles[-1], lambda: story.at_ms))
    with closing(writer.engine.raw_connection()) as raw:
        connection: Any = raw.driver_connection
        with connection.transaction(force_rollback=True):
            [[answer]] = append(connection, ORIGIN, [Received(open_bundle(bundle), 0)], story.at_ms, LogCache())
    assert isinstance(answer.outcome, e.CylinderHandedOver), answer


def searching(reader: Reader, _story: Story) -> None:
    with reading(reader.engine, ALL_SITES) as connection:
        log = log_state(connection, ORIGIN)
        find_by_parts(connection, log.log_id, Parts(serial="T000", maker=MAKERS[0]))


def balancing(reader: Reader, _story: Story) -> None:
    with reading(reader.engine, ALL_SITES) as connection:
        balances(connection, log_state(connection, ORIGIN).log_id)


def served(story: Story) -> Any:
    return next(one for one in story.plan.customers if one.holds)


QUESTIONS: dict[str, tuple[Callable[[Reader, Story], None], tuple[str, ...]]] = {
    "trace_cylinder": (trace, ("code_pkey", "cylinder_pkey", "entry_party_pkey", "entry_pkey")),
    "customer_at": (customer, ("entry_party_pkey", "entry_pkey")),
    "building_now": (building, ("place_building", "record_pkey", "cylinder_premises", "entry_party_pkey")),
    "recall": (recalled("RC1"), ("record_pkey", "entry_party_pkey")),
    "recall_of_line": (recalled("RC2"), ("record_pkey", "entry_party_pkey", "entry_pkey", "cylinder_pkey")),
    "recall_of_lot": (recalled("RC3"), ("record_pkey", "entry_party_pkey", "entry_pkey", "cylinder_pkey")),
    "recall_of_vehicle": (recalled("RC4"), ("record_pkey", "entry_party_pkey", "entry_pkey", "cylinder_pkey")),
    "incident": (incident, ("record_pkey", "entry_party_pkey", "entry_pkey", "cylinder_pkey", "cylinder_holder")),
    "scene": (scene, ("place_building", "code_pkey", "entry_party_pkey", "entry_pkey")),
    "scene_then": (scene_then, ("record_pkey", "code_pkey", "entry_party_pkey", "entry_pkey")),
    "vehicle_in_period": (period("vehicle"), ("entry_party_pkey", "entry_pkey")),
    "person_in_period": (period("person"), ("entry_party_pkey", "entry_pkey")),
    "line_in_period": (period("line"), ("entry_party_pkey", "entry_pkey")),
    "lot_in_period": (period("tank_lot"), ("entry_party_pkey", "entry_pkey")),
    "hand_over": (hand_over, ("code_pkey", "cylinder_pkey", "place_pkey")),
    "search": (searching, ("cylinder_stamp",)),
    "balances": (balancing, ("cylinder_holder", "cylinder_carrier", "place_holder")),
}
"""Each question, and the indexes by which it is to be answered."""

WRITTEN_BY = {("hand_over", "cylinder_pkey"), ("hand_over", "place_pkey")}
"""What an append cannot even be planned without."""


def statements(town: Grown, question: str) -> list[Query]:
    engine = open_engine(town.url)
    if question == "hand_over":
        engine = sa.create_engine("postgresql+psycopg://", creator=lambda: connect_writer(town.url))
    made = watched(engine)
    try:
        QUESTIONS[question][0](Reader(engine, ORIGIN, ALL_SITES), town.story)
    finally:
        engine.dispose()
    told: list[tuple[str | bytes, Query]] = [(one.sql, one) for one in made]  # as the driver was given them
    texts = (one._replace(sql=sql.decode() if isinstance(sql, bytes) else sql) for sql, one in told)
    return [one for one in texts if "FROM" in one.sql]


def faults(connection: psycopg.Connection, made: list[Query], question: str) -> list[str]:
    """Large tables that are read whole, and indexes that are not used, in the role that reads or appends."""
    intended = QUESTIONS[question][1]
    role = "ledger_writer" if question == "hand_over" else "ledger_reader"
    connection.execute(f"SET LOCAL ROLE {role}".encode())
    connection.execute("SELECT set_config('ledger.sites', '*', true)")
    nodes = [node for one in made for node in plan(connection, one)]
    whole = {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"} & LARGE
    used = {node.get("Index Name") for node in nodes}
    return [f"{table} is read whole" for table in whole] + [f"{index} is not used" for index in {*intended} - used]


def plan(connection: psycopg.Connection, query: Query) -> Iterator[dict[str, Any]]:
    row = connection.execute(f"EXPLAIN (FORMAT JSON) {query.sql}".encode(), query.params).fetchone()
    assert row is not None
    told = row[0] if isinstance(row[0], list) else json.loads(row[0])
    waiting = [one["Plan"] for one in told]
    while waiting:
        node = waiting.pop()
        waiting += node.get("Plans", [])
        yield node


@pytest.mark.parametrize("question", QUESTIONS)
def test_questions_are_answered_by_index_and_read_no_large_table_whole(town: Grown, question: str):
    made = statements(town, question)
    assert made
    with psycopg.connect(town.url, options=t.BY_KEY) as connection:
        assert faults(connection, made, question) == []


@pytest.mark.parametrize(
    ("question", "most"),
    [
        ("trace_cylinder", 13),
        ("customer_at", 8),
        ("building_now", 7),
        ("hand_over", 12),
        ("scene", 12),
        ("incident", 12),
        ("recall_of_lot", 12),
        ("vehicle_in_period", 40),
    ],
)
def test_a_question_takes_few_statements_whatever_it_is_about(town: Grown, question: str, most: int):
    assert len(statements(town, question)) <= most


@pytest.mark.parametrize(
    ("question", "index"),
    [
        (question, index)
        for question, (_, intended) in QUESTIONS.items()
        for index in intended
        if (question, index) not in WRITTEN_BY
    ],
)
def test_an_index_that_is_lost_is_noticed(town: Grown, question: str, index: str):
    made = statements(town, question)
    with psycopg.connect(town.url, options=t.BY_KEY) as connection:
        table = index.removesuffix("_pkey")
        lost = f"ALTER TABLE {table} DROP CONSTRAINT {index}" if index.endswith("_pkey") else f"DROP INDEX {index}"
        connection.execute(lost.encode())
        assert faults(connection, made, question)
        connection.rollback()
