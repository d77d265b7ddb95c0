"""The table of alerts: followed in slices or made anew it holds what reading all entries gives; over HTTP."""

import hashlib
import time
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from click.testing import CliRunner
from msgspec import json as mjson
from msgspec import structs

from api.alerts import command
from api.cli import main
from api.settings import Token
from ledger import claim as c
from ledger import events as e
from ledger.entry import decode_entry
from ledger.errors import NotFound
from ledger.signals.alerts import VERSION, Alert, alerts_of
from ledger.store import alerts as table
from ledger.store.alerts import Follower
from ledger.store.audit import audit
from ledger.store.embedded import EmbeddedServer
from tests.http_town import Town as Served
from tests.http_town import serve_town
from tests.story import ORIGIN
from tests.test_store_append import Town, cycle

LEAVE = "01900000-0000-7000-8000-00000000aaaa"
HOUR = 3_600_000
Rows = list[tuple[Any, ...]]


def troubled(town: Town, codes: list[str], first_id: str | None = None) -> None:
    """A round of each, then: too light, numbers missing, resting on a vehicle; hours go by."""
    story = town.story
    for number, code in enumerate(codes):
        told = cycle(story, code)
        fill = told[3][1]
        assert isinstance(fill, c.CompleteFill)
        told[3] = (story.station, structs.replace(fill, scale_seq=1 + 3 * number))
        for signer, claim in told:
            town.tell(signer, claim, check=False)
    light = story.make(c.StartFill, code=codes[0], authorisation=LEAVE, start_weight_g=15_000)
    town.tell(story.station, light, check=False)
    if first_id is not None:
        settle = story.make(c.SettleAlert, alert=first_id, cause="equipment_fault", outcome="explained")
        (settled,) = town.tell(story.authority, settle, check=False)
        assert isinstance(settled, e.AlertSettled)
    for _ in range(3):
        story.now += 13 * HOUR
        town.tell(story.station, story.make(c.RecordArrival, counts={"YSP35.5": 1}), check=False)


@pytest.fixture
def town(database_url: str) -> Iterator[Town]:
    town = Town(database_url)
    yield town
    town.connection.close()


def follow(url: str, **step: Any) -> int:
    """Read on to the end; how many steps it took."""
    with Follower(url, ORIGIN) as follower:
        steps, done = 1, follower.step(**step)
        while done is not None and not done.done:
            steps, done = steps + 1, follower.step()
        assert done is not None
    return steps


def rows(url: str) -> tuple[Rows, Rows, Rows]:
    """All that following wrote."""
    with psycopg.connect(url) as connection:
        return (
            connection.execute("SELECT * FROM alert ORDER BY alert").fetchall(),
            connection.execute("SELECT * FROM signal_state ORDER BY key").fetchall(),
            connection.execute("SELECT * FROM alert_follow").fetchall(),
        )


def read_anew(url: str) -> list[Alert]:
    with psycopg.connect(url) as connection:
        bodies = connection.execute("SELECT body FROM entry ORDER BY entry_index").fetchall()
    return alerts_of(decode_entry(body) for (body,) in bodies)


def test_followed_in_slices_and_made_anew_it_holds_what_reading_all_entries_gives(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = town.cylinders(3)
    monkeypatch.setattr(table, "SLICE", 7)
    troubled(town, codes)
    assert follow(town.url) > 5
    first = next(one for one in read_anew(town.url) if one.kind == "F4")
    troubled(town, codes, first.alert)
    follow(town.url)
    wanted = read_anew(town.url)
    assert {one.kind for one in wanted} >= {"F4", "F12", "F15"}
    assert [one.status for one in wanted if one.alert == first.alert] == ["settled"]
    kept = rows(town.url)
    assert [row[-1] for row in kept[0]] == [mjson.encode(one) for one in sorted(wanted, key=lambda one: one.alert)]
    for size in (1_000, 13):
        monkeypatch.setattr(table, "SLICE", size)
        follow(town.url, anew=True)
        assert rows(town.url) == kept


def test_it_goes_on_where_it_stood_and_reads_nothing_twice(town: Town) -> None:
    troubled(town, town.cylinders(1))
    follow(town.url)
    before = rows(town.url)
    with psycopg.connect(town.url) as connection:
        connection.execute("UPDATE alert SET body = '{}'")  # whoever read from entry 0 would put it right
    town.tell(town.story.station, town.story.make(c.RecordArrival, counts={}), check=False)
    follow(town.url)
    after = rows(town.url)
    assert [row[-1] for row in after[0]] == [b"{}"] * len(before[0])
    assert (after[1], after[2][0][2]) == (before[1], before[2][0][2] + 1)


def test_another_version_of_the_detectors_makes_it_anew(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    troubled(town, town.cylinders(1))
    follow(town.url)
    kept = rows(town.url)
    with psycopg.connect(town.url) as connection:
        connection.execute("DELETE FROM alert")
    monkeypatch.setattr(table, "VERSION", VERSION + 1)
    follow(town.url)
    assert rows(town.url)[:2] == kept[:2]


def test_while_one_process_reads_another_waits(town: Town) -> None:
    follow(town.url)
    with psycopg.connect(town.url) as connection, Follower(town.url, ORIGIN) as follower:
        connection.execute("SELECT * FROM alert_follow FOR UPDATE")
        assert follower.step() is None
    follow(town.url)


def test_an_unknown_log_is_named(database_url: str) -> None:
    with Follower(database_url, "nowhere.example") as follower, pytest.raises(NotFound):
        follower.step()


def test_the_audit_finds_nothing_wrong_in_a_log_that_is_followed(town: Town) -> None:
    troubled(town, town.cylinders(1))
    follow(town.url)
    town.check()


def tampered(url: str, *statements: str) -> list[tuple[str, str]]:
    """What the audit finds after the owner did that: table and row."""
    with psycopg.connect(url) as owner:
        for statement in statements:
            assert owner.execute(statement.encode()).rowcount == 1, statement
    return [(one.table, one.row) for one in audit(url, ORIGIN).findings]


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("DELETE FROM alert WHERE kind = 'F4'", "alert"),
        ("UPDATE alert SET status = 'settled' WHERE kind = 'F4'", "alert"),
        ("UPDATE alert SET body = '{}' WHERE kind = 'F4'", "alert"),
        ("INSERT INTO alert SELECT log_id, 'F4.1', kind, status, raised, raised_at, body FROM alert WHERE kind = 'F4'",
         "alert"),
        ("DELETE FROM signal_state WHERE key = 'clock'", "signal_state"),
        ("UPDATE signal_state SET body = '{}' WHERE key = 'scale:L1'", "signal_state"),
        ("INSERT INTO signal_state SELECT log_id, 'open:F8:x', body FROM signal_state WHERE key = 'clock'",
         "signal_state"),
        ("UPDATE alert_follow SET read = read - 9", "signal_state"),
    ],
)  # fmt: skip
def test_an_alert_that_somebody_changed_behind_the_log_is_found_and_made_anew(
    town: Town, statement: str, table: str
) -> None:
    troubled(town, town.cylinders(1))
    follow(town.url)
    kept = rows(town.url)
    assert table in {name for name, _ in tampered(town.url, statement)}
    follow(town.url, anew=True)
    assert rows(town.url) == kept
    town.check()


def test_the_audit_compares_as_far_as_the_log_was_followed(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    troubled(town, town.cylinders(1))
    town.check()
    monkeypatch.setattr(table, "SLICE", 11)
    with Follower(town.url, ORIGIN) as follower:
        while (followed := follower.step()) is not None and not followed.done:
            town.check()
    assert tampered(town.url, "UPDATE signal_state SET body = '{}' WHERE key = 'pack'") == [("signal_state", "pack")]


def test_who_takes_away_how_far_it_was_followed_is_found_and_nothing_is_read_onto_what_is_left(town: Town) -> None:
    troubled(town, town.cylinders(1))
    follow(town.url)
    kept = rows(town.url)
    found = tampered(town.url, "DELETE FROM alert WHERE kind = 'F4'", "DELETE FROM alert_follow")
    assert {name for name, _ in found} == {"alert", "signal_state"}
    follow(town.url)
    assert rows(town.url) == kept


def test_what_other_detectors_made_is_made_anew_and_not_compared(town: Town) -> None:
    troubled(town, town.cylinders(1))
    follow(town.url)
    kept = rows(town.url)
    for statement in ("UPDATE alert_follow SET version = version - 1", "UPDATE alert_follow SET read = read + 1000"):
        assert tampered(town.url, statement, "DELETE FROM alert WHERE kind = 'F4'") == []
        follow(town.url)
        assert rows(town.url) == kept


# --- over HTTP and by the command -----------------------------------------------------------------------------------

SECRET, SOME = "all of it", "of S1"


def token(secret: str, sites: object) -> Token:
    return Token(hashlib.sha256(secret.encode()).hexdigest(), "*", sites)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def served(server: EmbeddedServer, migrated_template: str) -> Iterator[Served]:
    server.create_database("http_alerts", template=migrated_template)
    with serve_town(server.url("http_alerts"), tokens=(token(SECRET, "*"), token(SOME, ("S1",)))) as town:
        town.http.headers["Authorization"] = f"Bearer {SECRET}"
        code = town.with_cylinder(1)
        for number in (1, 2):
            other = town.with_cylinder(1 + number)
            light = town.story.make(c.StartFill, code=other, authorisation=LEAVE, start_weight_g=15_000)
            town.post(town.story.station, light)
        town.fill_cycle(code)
        yield town
    server.drop_database("http_alerts")


def listed(served: Served, **params: Any) -> dict[str, Any]:
    """What is listed once all was read."""
    until = time.monotonic() + 20
    while True:
        answer = served.http.get("/alerts", params=params)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        if told["read"] == told["size"]:
            return told
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_server_follows_its_log_and_lists_alerts_page_by_page(served: Served) -> None:
    told = listed(served, kind="F4")
    assert [one["kind"] for one in told["alerts"]] == ["F4", "F4"]
    first = told["alerts"][0]
    assert (first["rule"], first["zh"], first["overdue"]) == ("FRD-04@1", "起始重量低于皮重", False)
    page = listed(served, kind="F4", limit=1)
    assert page["alerts"] == [first]
    rest = listed(served, kind="F4", limit=1, after=page["next_after"])
    assert (rest["alerts"], rest["next_after"]) == (told["alerts"][1:], None)
    assert listed(served, **{"kind": "F4", "from": str(first["raised_at"] + 10**7)})["alerts"] == []


def test_an_alert_is_shown_with_its_entries_and_settled_by_its_id(served: Served) -> None:
    last = listed(served, kind="F4")["alerts"][-1]
    name = last["alert"]
    assert last["status"] == "open"
    settle = served.story.make(c.SettleAlert, alert=name, cause="equipment_fault", outcome="explained")
    served.post(served.story.authority, settle)
    listed(served)
    story = served.http.get(f"/alerts/{name}").json()
    assert [one["act"] for one in story["entries"]] == ["start_fill", "settle_alert"]
    assert (story["alert"]["cause"], story["alert"]["outcome"]) == ("equipment_fault", "explained")
    assert [one["alert"] for one in listed(served, status="settled")["alerts"]] == [name]


@pytest.mark.parametrize(
    ("path", "status"),
    [("/alerts/F4.99999", 404), ("/alerts?kind=F99", 400), ("/alerts?from=gestern", 400), ("/alerts?status=new", 400)],
)
def test_what_is_asked_wrongly_is_told(served: Served, path: str, status: int) -> None:
    answer = served.http.get(path)
    assert answer.status_code == status
    assert answer.json()["zh"]


def test_alerts_take_a_token_for_all_sites(served: Served) -> None:
    for headers, status in (({"Authorization": f"Bearer {SOME}"}, 403), ({"Authorization": "Bearer wrong"}, 401)):
        for path in ("/alerts", "/alerts/F4.1"):
            assert httpx.get(f"{served.url}{path}", headers=headers).status_code == status


def test_the_command_says_so_where_it_could_not_make_them_anew(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    troubled(town, town.cylinders(1))
    follow(town.url)
    monkeypatch.setattr(command, "_PATIENCE_S", 0.3)
    runner = CliRunner(env={"LEDGER_DATABASE_URL": town.url})
    with psycopg.connect(town.url) as connection:
        connection.execute("SELECT * FROM alert_follow FOR UPDATE")
        anew, listed = (runner.invoke(main, ["alerts", *more]) for more in (["--rebuild"], []))
    assert anew.exit_code != 0
    assert "未能重读" in anew.output
    assert listed.exit_code == 0
    assert "尚缺最新" in listed.output


def test_the_command_lists_them_and_makes_them_anew(town: Town) -> None:
    troubled(town, town.cylinders(1))
    told = [
        CliRunner(env={"LEDGER_DATABASE_URL": town.url}).invoke(main, ["alerts", "--json", *more])
        for more in ([], ["--rebuild"], ["--kind", "F4"], ["--status", "settled"])
    ]
    assert [one.exit_code for one in told] == [0, 0, 0, 0]
    assert told[0].stdout == told[1].stdout
    (light,) = told[2].stdout.splitlines()
    assert mjson.decode(light)["kind"] == "F4"
    assert light in told[0].stdout.splitlines()
    assert told[3].stdout == ""
    plain = CliRunner(env={"LEDGER_DATABASE_URL": town.url}).invoke(main, ["alerts"])
    assert "起始重量低于皮重" in plain.stdout
