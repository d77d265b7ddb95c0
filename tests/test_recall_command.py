"""A recall, a drill and an incident at the terminal: filed with `ledger file`, read from a server or a database."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.signing import write_private_key
from tests.http_town import Town, serve_town
from tests.test_cli import ledger


@pytest.fixture
def town(database_url: str) -> Iterator[Town]:
    with serve_town(database_url) as town:
        yield town


def filed(town: Town, folder: Path, *claims: dict[str, Any]) -> None:
    """The authority files these as an officer does."""
    key, paper = folder / "authority.pem", folder / "claims.json"
    if not key.exists():
        write_private_key(key, town.story.authority.key)
        chain = {"device_seq": town.story.authority.device_seq, "device_prev": town.story.authority.device_prev}
        (folder / "authority.pem.chain").write_text(json.dumps(chain))
    paper.write_text(json.dumps(claims))
    result = ledger("file", paper, "--key", key, "--url", town.url)
    assert result.exit_code == 0, result.output


def test_a_recall_is_filed_looked_at_and_closed(tmp_path: Path, town: Town, database_url: str) -> None:
    code = town.with_cylinder(1)
    town.fill_cycle(code)
    assert ledger("recall", "--url", town.url).output == "没有 · none\n"
    filed(town, tmp_path, {"type": "open_recall", "recall": "R1", "line": "L1", "acknowledge_h": 24})
    told = ledger("recall", "R1", "--url", town.url).output
    assert told.startswith("召回 recall R1：")
    assert f"{code} 车上 on a vehicle vehicle:V1" in told
    assert "E1：1 只" in told
    in_database = ledger("recall", "R1", "--json", LEDGER_DATABASE_URL=database_url)
    over_http = town.http.get("/recalls/R1").json()
    apart = {"ms": None}
    assert json.loads(in_database.output) | apart == over_http | apart
    filed(town, tmp_path, {"type": "close_recall", "recall": "R1", "expects": 0})
    assert "已结束 closed" in ledger("recall", "--url", town.url).output


def test_a_drill_is_timed_and_weighed(tmp_path: Path, town: Town) -> None:
    town.fill_cycle(town.with_cylinder(1))
    filed(town, tmp_path, {"type": "open_recall", "recall": "D1", "tank_lot": "T1", "drill": True})
    told = ledger("drill", "D1", "--url", town.url).output
    assert told.startswith("演练 drill D1：")
    assert "罐次 lot T1（S1）: 20000.0 / 14.5 / 0.0 / 0.0 / 14.5 / 0.0" in told
    assert "用时 took:" in told
    wrong = ledger("recall", "D1", "--url", town.url)
    assert (wrong.exit_code, "ledger drill" in wrong.output) == (2, True)


def test_an_incident_is_opened_looked_at_and_lifted(tmp_path: Path, town: Town, database_url: str) -> None:
    code = town.with_cylinder(1)
    town.fill_cycle(code)
    filed(town, tmp_path, {"type": "open_incident", "incident": "IN1", "lines": ["L1"], "vehicles": ["V1"]})
    told = ledger("incident", "IN1", LEDGER_DATABASE_URL=database_url).output
    assert "冻结中 frozen" in told
    assert f"{code} 车上 on a vehicle vehicle:V1（vehicle:V1 line:L1）" in told
    filed(town, tmp_path, {"type": "lift_incident", "incident": "IN1", "expects": 0})
    assert "已解除 lifted" in ledger("incident", "--url", town.url).output


@pytest.mark.parametrize("command", ["recall", "drill", "incident"])
def test_what_is_not_there_is_said_so(town: Town, command: str) -> None:
    result = ledger(command, "X9", "--url", town.url)
    assert (result.exit_code, "X9" in result.output, "Traceback" in result.output) == (2, True, False)
