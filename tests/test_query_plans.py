"""The questions of an investigator go by index: a lost index is seen here, not in a city's database.

The statements are those that the code makes, as it makes them; PostgreSQL is asked how it would run each.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import psycopg
import pytest

from api.recall.report import recall_report
from api.town.grow import grow, write
from api.town.plan import MAKERS, ORIGIN, Plan
from api.town.story import Step, Story
from api.trace.asking import ask, window_of
from api.trace.building import ask_building
from api.trace.question import Question, Reader
from ledger.search import Parts
from ledger.store import schema as t
from ledger.store.bench import Query, settle, watched
from ledger.store.holding import balances
from ledger.store.read import ALL_SITES, log_state, open_engine, reading
from ledger.store.searching import find_by_parts

BEGINS_MS = 1_769_184_000_000
NOW = window_of(None, None, None)
LARGE = {"entry", "entry_party", "cylinder", "place", "record"}


class Grown(NamedTuple):
    """A town of two thousand cylinders, one recall open."""

    url: str
    story: Story


@pytest.fixture(scope="module")
def town(server, migrated_template) -> Iterator[Grown]:
    server.create_database("plans", template=migrated_template)
    url = server.url("plans")
    story = Story(Plan(2_000, 1, BEGINS_MS))
    grow(url, story, 12_000, lambda _: None)
    write(url, [Step(story.at_ms, [story.recall("RC1", story.at_ms, drill=False)], 1)])
    settle(url)
    yield Grown(url, story)
    server.drop_database("plans")


def trace(reader: Reader, story: Story) -> None:
    ask([reader], Question("cylinder", story.fleet[7].code, NOW))


def customer(reader: Reader, story: Story) -> None:
    middle = str((BEGINS_MS + story.at_ms) // 2)
    ask([reader], Question("customer", served(story).customer, window_of(None, middle, None)))


def building(reader: Reader, story: Story) -> None:
    ask_building([reader], served(story).building, None, None)


def recall(reader: Reader, story: Story) -> None:
    with reading(reader.engine, ALL_SITES) as connection:
        recall_report(connection, log_state(connection, ORIGIN), "RC1", story.at_ms)


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
    "recall": (recall, ("record_pkey", "entry_party_pkey")),
    "search": (searching, ("cylinder_stamp",)),
    "balances": (balancing, ("cylinder_holder", "cylinder_carrier", "place_holder")),
}
"""Each question, and the indexes by which it is to be answered."""


def statements(town: Grown, question: str) -> list[Query]:
    engine = open_engine(town.url)
    made = watched(engine)
    try:
        QUESTIONS[question][0](Reader(engine, ORIGIN, ALL_SITES), town.story)
    finally:
        engine.dispose()
    return [one for one in made if "FROM" in one.sql]


def faults(connection: psycopg.Connection, made: list[Query], intended: tuple[str, ...]) -> list[str]:
    """Large tables that are read whole, and indexes that are not used, in the role that reads."""
    connection.execute("SET LOCAL ROLE ledger_reader")
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
        assert faults(connection, made, QUESTIONS[question][1]) == []


@pytest.mark.parametrize(("question", "most"), [("trace_cylinder", 9), ("customer_at", 8), ("building_now", 7)])
def test_a_question_takes_few_statements_whatever_it_is_about(town: Grown, question: str, most: int):
    assert len(statements(town, question)) <= most


@pytest.mark.parametrize(
    ("question", "index"), [(question, index) for question, (_, intended) in QUESTIONS.items() for index in intended]
)
def test_an_index_that_is_lost_is_noticed(town: Grown, question: str, index: str):
    made = statements(town, question)
    with psycopg.connect(town.url, options=t.BY_KEY) as connection:
        table = index.removesuffix("_pkey")
        lost = f"ALTER TABLE {table} DROP CONSTRAINT {index}" if index.endswith("_pkey") else f"DROP INDEX {index}"
        connection.execute(lost.encode())
        assert faults(connection, made, QUESTIONS[question][1])
        connection.rollback()
