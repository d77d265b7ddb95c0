"""Caches made anew from the log: damaged ones, those of an older version; never from a log that does not replay."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from alembic import command
from click.testing import CliRunner
from psycopg import sql

from api.cli import main
from api.serve import deploy, real_clock
from api.settings import Settings
from ledger import claim as c
from ledger import events as e
from ledger.bundle import open_bundle
from ledger.errors import Busy, Corrupt, NotFound
from ledger.store import schema
from ledger.store.append import Received, append, open_log
from ledger.store.audit import audit
from ledger.store.embedded import EmbeddedServer
from ledger.store.load import LogCache
from ledger.store.migrate import alembic_config, migrate
from ledger.store.read import hosted_origins, outdated_origins
from ledger.store.rebuild import rebuild
from ledger.store.writer import connect_writer
from ledger.world import FOLD
from tests.story import ORIGIN, Story
from tests.test_store_append import Town
from tests.test_store_audit import tell_a_day

OTHER = "ledger.other/v1"
CACHES = [table.name for table in schema.CACHES]
# Of each cache, another value for a column that is no key.
DAMAGE = {
    "claim_index": "entry_index = entry_index + 1",
    "entry_party": "site = 'S9'",
    "cylinder": "body = set_byte(body, 20, 33)",
    "place": "body = set_byte(body, 10, 33)",
    "code": "active = NOT active",
    "chain_head": "digest = sha256(digest)",
    "record": "seq = seq + 1",
    "device_bundle": "digest = sha256(digest)",
}


@pytest.fixture(scope="module")
def day(server: EmbeddedServer) -> Iterator[tuple[str, Story]]:
    """A database with a told day and another log beside it, and its story."""
    name = "rebuild_day"
    server.create_database(name)
    migrate(server.url(name))
    town = Town(server.url(name))
    tell_a_day(town)
    other = Story()
    bundle = open_bundle(other.authority.sign(other.opening(origin=OTHER), log=OTHER))
    open_log(town.connection, Received(bundle, 0), other.now)
    town.connection.close()
    yield name, town.story
    server.drop_database(name)


@pytest.fixture
def told(server: EmbeddedServer, day: tuple[str, Story]) -> Iterator[str]:
    """The URL of a fresh copy of it."""
    name = f"rebuild_{uuid4().hex[:12]}"
    server.create_database(name, template=day[0])
    yield server.url(name)
    server.drop_database(name)


def owner(url: str, *statements: str) -> None:
    """What a superuser does, triggers out of the way."""
    with psycopg.connect(url) as connection:
        for table in ("entry", "bundle"):
            connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER ALL").format(sql.Identifier(table)))
        for statement in statements:
            assert connection.execute(statement.encode()).rowcount > 0, "nothing was changed"


def cached(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Every row of the heads and the caches."""
    with psycopg.connect(url) as connection:
        tables = [sql.Identifier(name) for name in ("log", *CACHES)]
        return {
            name.as_string(): sorted(connection.execute(sql.SQL("SELECT * FROM {}").format(name)), key=str)
            for name in tables
        }


def ledger(*arguments: str, url: str) -> str:
    result = CliRunner(env={"LEDGER_DATABASE_URL": url}).invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("table", CACHES)
def test_a_damaged_cache_is_made_anew(told: str, table: str) -> None:
    before = cached(told)
    ours = "log_id = (SELECT log_id FROM log WHERE origin = 'ledger.test/320600/v1')"
    owner(
        told,
        f"DELETE FROM {table} WHERE ctid = (SELECT max(ctid) FROM {table} WHERE {ours})",
        f"UPDATE {table} SET {DAMAGE[table]} WHERE ctid = (SELECT min(ctid) FROM {table} WHERE {ours})",
    )
    assert table in {found.table for found in audit(told, ORIGIN).findings}
    told_of: list[tuple[int, int]] = []
    entries = rebuild(told, ORIGIN, lambda done, total: told_of.append((done, total)))
    assert told_of[-1] == (entries, entries)
    assert audit(told, ORIGIN).findings == []
    assert cached(told) == before


def test_caches_of_another_log_are_left_alone(told: str) -> None:
    owner(told, "DELETE FROM record", "DELETE FROM claim_index")
    rebuild(told, ORIGIN)
    assert audit(told, ORIGIN).ok
    assert {found.table for found in audit(told, OTHER).findings} == {"record", "claim_index"}
    rebuild(told, OTHER)
    assert audit(told, OTHER).ok


def test_a_head_that_lost_what_follows_from_the_entries_is_mended(told: str) -> None:
    owner(told, "UPDATE log SET last_leaf = '', registry_index = 0, recorded_at = 0")
    assert not audit(told, ORIGIN).ok
    rebuild(told, ORIGIN)
    assert audit(told, ORIGIN).ok


def rewrite(old: str, new: str, where: str) -> str:
    """The statement that puts other words into an entry's bytes."""
    body = f"replace(convert_from(body, 'UTF8'), '{old}', '{new}')"
    return f"UPDATE entry SET body = convert_to({body}, 'UTF8') WHERE {where}"


TAMPERED = {
    "another byte": "UPDATE entry SET body = set_byte(body, 40, 33) WHERE entry_index = 30",
    "what replays, but hashes otherwise": rewrite(
        '"clock_offset_ms":0', '"clock_offset_ms":7', "(log_id, entry_index + 1) IN (SELECT log_id, size FROM log)"
    ),
    "another outcome": rewrite("refused.v1", "filed.v1", "convert_from(body, 'UTF8') LIKE '%refused.v1%'"),
    "the last one gone": "DELETE FROM entry WHERE entry_index = (SELECT max(entry_index) FROM entry)",
    "one in the middle gone": "DELETE FROM entry WHERE entry_index = 30",
    "a head of other entries": "UPDATE log SET frontier = set_byte(frontier, 5, get_byte(frontier, 5) # 1)",
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_log_that_does_not_replay_is_refused_and_keeps_its_caches(told: str, what: str) -> None:
    owner(told, "DELETE FROM code", TAMPERED[what])
    before = cached(told)
    with pytest.raises(Corrupt) as fault:
        rebuild(told, ORIGIN)
    assert ORIGIN in fault.value.en
    assert "ledger audit" in fault.value.zh
    assert cached(told) == before
    result = CliRunner(env={"LEDGER_DATABASE_URL": told}).invoke(main, ["migrate", "--rebuild"])
    assert (result.exit_code, "error:" in result.stderr) == (2, True)


def test_a_log_in_use_is_not_waited_for_long(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.store.rebuild._LOCK_WAIT", "-c lock_timeout=50ms")
    with psycopg.connect(told) as holder:
        holder.execute("SELECT * FROM log FOR UPDATE")
        with pytest.raises(Busy, match="stop serving"):
            rebuild(told, ORIGIN)
    rebuild(told, ORIGIN)


def test_the_command_rebuilds_what_is_outdated_and_with_rebuild_everything(told: str) -> None:
    assert "made anew" not in ledger("migrate", url=told)
    owner(told, "DELETE FROM chain_head", "UPDATE log SET fold = 1 WHERE origin = 'ledger.other/v1'")
    assert outdated_origins(told) == [OTHER]
    said = ledger("migrate", url=told)
    assert OTHER in said
    assert ORIGIN not in said
    assert (audit(told, OTHER).ok, audit(told, ORIGIN).ok) == (True, False)
    said = ledger("migrate", "--rebuild", url=told)
    assert ORIGIN in said
    assert audit(told, ORIGIN).ok


_COLUMNS = "SELECT column_name::text FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position"


@pytest.fixture
def old(server: EmbeddedServer, told: str) -> Iterator[str]:
    """The same logs in a database as the first version left it: its tables, its caches."""
    name = f"old_{uuid4().hex[:12]}"
    server.create_database(name)
    url = server.url(name)
    command.upgrade(alembic_config(url), "0001")
    with psycopg.connect(told) as source, psycopg.connect(url) as target:
        for table in ("log", "entry", "bundle", *CACHES):
            columns = [row[0] for row in target.execute(_COLUMNS, (table,))]
            if not columns:
                continue  # no such table yet
            names = sql.SQL(", ").join(map(sql.Identifier, columns))
            with (
                source.cursor().copy(sql.SQL("COPY {} ({}) TO STDOUT").format(sql.Identifier(table), names)) as told_of,
                target.cursor().copy(sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)) as into,
            ):
                for data in told_of:
                    into.write(data)
        # What the first version did not know: codes of stamps, filings by themselves, a cylinder's newer fields.
        target.execute("DELETE FROM code WHERE code LIKE 'stamp:%'")
        assert target.execute("DELETE FROM entry_party WHERE party LIKE 'filing:%'").rowcount > 0
        older = "regexp_replace(convert_from(body, 'UTF8'), ',\"first_index\":[0-9]+', '')"
        target.execute(f"UPDATE cylinder SET body = convert_to({older}, 'UTF8')".encode())
    yield url
    server.drop_database(name)


def test_an_older_database_serves_nothing_until_it_is_brought_up(old: str, day: tuple[str, Story]) -> None:
    with pytest.raises(NotFound, match="ledger migrate"):
        hosted_origins(old)
    with pytest.raises(NotFound, match="ledger migrate"):
        deploy(Settings(database_url=old), real_clock)
    migrate(old)
    assert outdated_origins(old) == hosted_origins(old) == [ORIGIN, OTHER]
    with pytest.raises(Busy, match="ledger migrate") as fault:
        deploy(Settings(database_url=old), real_clock)
    assert "ledger migrate" in fault.value.zh
    story = day[1]
    received = story.receive(story.office, story.cylinder(77))
    with connect_writer(old) as connection, pytest.raises(Busy, match="ledger migrate"):
        append(connection, ORIGIN, [received], story.now, LogCache())
    report = audit(old, ORIGIN)
    assert {"log", "entry_party", "cylinder"} <= {found.table for found in report.findings}
    assert any(found.what.startswith(f"fold: 1，应为 expected {FOLD}") for found in report.findings)


def test_an_older_database_is_brought_up_by_the_command_and_goes_on(
    old: str, told: str, day: tuple[str, Story]
) -> None:
    said = ledger("migrate", url=old)
    assert ORIGIN in said
    assert OTHER in said
    assert cached(old) == cached(told)
    assert audit(old, ORIGIN).ok
    assert audit(old, OTHER).ok
    story = day[1]
    with connect_writer(old) as connection:
        received = story.receive(story.office, story.make(c.FileSite, **SITE))
        [[answer]] = append(connection, ORIGIN, [received], story.now, LogCache())
    assert isinstance(answer.outcome, e.Filed)
    assert audit(old, ORIGIN).ok


SITE = {
    "site": "S8", "enterprise": "E1", "kind": "depot", "name": "八号库", "district": "320600", "status": "open",
}  # fmt: skip
