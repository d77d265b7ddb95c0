"""Tampering as a superuser would, column by column: the audit names each, and finds nothing in a sound log."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from ledger import claim as c
from ledger import events as e
from ledger.bundle import Seen
from ledger.errors import NotFound
from ledger.store import schema
from ledger.store.audit import audit
from ledger.store.embedded import EmbeddedServer
from ledger.store.migrate import migrate
from tests.story import ORIGIN, USUAL, Signer
from tests.test_store_append import Town, cycle

TABLES = (schema.log, schema.entry, schema.bundle, *schema.CACHES)
# A log under another name or number is another log; asking for ours is then NotFound, tested below.
RENAMES = {("log", "origin"), ("log", "log_id")}
COLUMNS = [(t.name, column.name) for t in TABLES for column in t.columns if (t.name, column.name) not in RENAMES]

CHANGES = {
    "bigint": "{column} + 1",
    "integer": "{column} + 1",
    "boolean": "NOT {column}",
    "text": "{column} || 'x'",
    "bytea": "set_byte({column}, octet_length({column}) / 2, get_byte({column}, octet_length({column}) / 2) # 1)",
    "uuid": "gen_random_uuid()",
}


def tell_a_day(town: Town) -> None:
    """A round, a delivery, a refusal, a stray code and a relabelling, by a device that has seen the log: a row in every
    table, and something in every column.
    """
    codes = town.cylinders(3)
    town.story.station.seen = Seen(3, "ab" * 32)
    for code in codes[:2]:
        for signer, claim in cycle(town.story, code):
            town.tell(signer, claim, check=False)
    town.tell(town.story.station, town.story.make(c.AuthoriseFill, code=codes[0]), check=False)
    town.tell(town.story.station, town.story.make(c.CheckPrefill, code="legacy-digits9:123456789"), check=False)
    new = "legacy-digits9:987654321"
    town.tell(town.story.office, town.story.make(c.BindCode, code=codes[2], new_code=new), check=False)
    kitchen = {"town": "320602001", "building": "BD-7"}
    told: tuple[tuple[Signer, type[c.Claim], dict[str, Any]], ...] = (
        (town.story.office, c.FilePremises, {"expects": 0, **kitchen}),
        (town.story.worker, c.HandOver, {"code": codes[0], "done": True}),
        (town.story.worker, c.OpenHazard, {}),
        (town.story.office, c.SuspendSupply, {}),
        (town.story.station, c.CollectCylinder, {"code": "legacy-digits9:123456789"}),
    )
    for signer, act, fields in told:
        said: Any = town.story.make(act, **USUAL[act] | fields)
        (outcome,) = town.tell(signer, said, check=False)
        assert not isinstance(outcome, e.Refusal), outcome
    town.check()


def tampered(url: str, *statements: str | sql.Composed) -> list[tuple[str, str]]:
    """What the audit finds after a superuser ran these, triggers and constraints out of the way."""
    with psycopg.connect(url) as owner:
        owner.execute("ALTER TABLE entry DISABLE TRIGGER ALL")
        owner.execute("ALTER TABLE bundle DISABLE TRIGGER ALL")
        owner.execute("ALTER TABLE entry DROP CONSTRAINT IF EXISTS entry_log_id_fkey")
        for statement in statements:
            changed = owner.execute(statement if isinstance(statement, sql.Composed) else statement.encode())
            assert changed.rowcount > 0, "nothing was tampered with"
    return [(found.table, found.row) for found in audit(url, ORIGIN).findings]


@pytest.fixture(scope="module")
def day(server: EmbeddedServer) -> Iterator[str]:
    """A database with such a day in it, to be copied by each test."""
    name = "told_day"
    server.create_database(name)
    migrate(server.url(name))
    town = Town(server.url(name))
    tell_a_day(town)
    town.connection.close()
    yield name
    server.drop_database(name)


@pytest.fixture
def told(server: EmbeddedServer, day: str) -> Iterator[str]:
    """The URL of a fresh copy of the told day."""
    name = f"told_{uuid4().hex[:12]}"
    server.create_database(name, template=day)
    yield server.url(name)
    server.drop_database(name)


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_a_changed_column_is_named(told: str, table: str, column: str) -> None:
    with psycopg.connect(told) as owner:
        row = owner.execute(
            "SELECT data_type FROM information_schema.columns WHERE table_name = %s AND column_name = %s",
            (table, column),
        ).fetchone()
    assert row is not None
    names = {"table": sql.Identifier(table), "column": sql.Identifier(column)}
    change = sql.SQL(CHANGES[row[0]]).format(**names)
    statement = sql.SQL(
        "UPDATE {table} SET {column} = {change} WHERE ctid = (SELECT max(ctid) FROM {table} WHERE {column} IS NOT NULL)"
    ).format(change=change, **names)
    findings = tampered(told, statement)
    assert table in {name for name, _ in findings}


@pytest.mark.parametrize("table", [table.name for table in TABLES if table.name != "log"])
def test_a_deleted_row_is_named(told: str, table: str) -> None:
    name = sql.Identifier(table)
    last = sql.SQL("DELETE FROM {0} WHERE ctid = (SELECT max(ctid) FROM {0})").format(name)
    assert table in {found for found, _ in tampered(told, last)} | {"entry"}


@pytest.mark.parametrize(
    ("what", "statements"),
    [
        ("insert", ["INSERT INTO entry SELECT log_id, max(entry_index) + 1, min(body) FROM entry GROUP BY log_id"]),
        (
            "swap two entries of one moment",
            [
                "UPDATE entry SET entry_index = -1 - entry_index WHERE entry_index IN (40, 41)",
                "UPDATE entry SET entry_index = 40 WHERE entry_index = -42",
                "UPDATE entry SET entry_index = 41 WHERE entry_index = -41",
            ],
        ),
        (
            "cut off the tail and mend the head's size",
            [
                "DELETE FROM entry WHERE entry_index = (SELECT max(entry_index) FROM entry)",
                "UPDATE log SET size = size - 1",
            ],
        ),
        (
            "a cylinder nobody registered",
            [
                "CREATE TABLE twin AS SELECT * FROM cylinder LIMIT 1",
                "UPDATE twin SET cylinder = gen_random_uuid()",
                "INSERT INTO cylinder SELECT * FROM twin",
            ],
        ),
        (
            "a place where nothing happened",
            ["INSERT INTO place SELECT log_id, 'premises:H99', body, town, building, holder FROM place LIMIT 1"],
        ),
        ("a code nobody bound", ["INSERT INTO code SELECT log_id, 'own:X-1-Z', cylinder, true FROM code LIMIT 1"]),
        ("a bundle nobody sent", ["INSERT INTO bundle SELECT log_id, sha256(digest), envelope FROM bundle LIMIT 1"]),
    ],
)
def test_other_tampering_is_found(told: str, what: str, statements: list[str]) -> None:
    with psycopg.connect(told) as owner:
        owner.execute("ALTER TABLE entry DROP CONSTRAINT entry_entry_index_check")
    assert tampered(told, *statements), what


def test_a_renamed_log_is_not_found(told: str) -> None:
    with psycopg.connect(told) as owner:
        owner.execute("UPDATE log SET origin = 'ledger.other/v1'")
    with pytest.raises(NotFound):
        audit(told, ORIGIN)
