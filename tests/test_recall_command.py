"""A recall, a drill and an incident at the terminal: filed with `ledger file`, read from a server or a database."""

import csv
import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from api.settings import Token
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
    assert f"{code} 车辆 vehicle V1 #" in told
    assert "单位 enterprise E1：1 只" in told
    assert "条件，须全部符合 selectors, all of which fit: 充装秤 line L1\n" in told
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
    assert f"{code} 车辆 vehicle V1（因 for 车辆 vehicle V1、充装秤 line L1）" in told
    filed(town, tmp_path, {"type": "lift_incident", "incident": "IN1", "expects": 0})
    assert "已解除 lifted" in ledger("incident", "--url", town.url).output


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_whom_to_call_is_a_table_of_cylinders_with_their_holders(tmp_path: Path, town: Town, database_url: str) -> None:
    """FLOW.md section 6, question 9: it is printed and handed out."""
    codes = [town.with_cylinder(number) for number in (1, 2)]
    for code in codes:
        town.fill_cycle(code)
    recall = {"type": "open_recall", "recall": "R1", "line": "L1"}
    incident = {"type": "open_incident", "incident": "IN1", "lines": ["L1"], "vehicles": ["V1"]}
    filed(town, tmp_path, recall, incident)
    of_recall = table(town.http.get("/recalls/R1?format=csv").text)
    assert [(row["部分 section"], row["编码 code"].split()[0], row["产权 owner"]) for row in of_recall] == [
        ("涉及 affected", code, "E1") for code in codes
    ]
    assert {(row["持有者 holder"], row["持有单位 holder's enterprise"]) for row in of_recall} == {("vehicle V1", "E1")}
    last = town.http.get("/recalls/R1").json()["affected"][0]["matched"][-1]
    assert of_recall[0]["条目 entries"] == f"#{last['entry_index']}"
    assert of_recall[0]["最近记录于 last recorded at"].endswith("+08:00")
    out = tmp_path / "call.csv"
    assert ledger("recall", "R1", "--format", "csv", "--out", out, "--url", town.url).output == ""
    assert table(out.read_text("utf-8")) == of_recall
    of_incident = table(ledger("incident", "IN1", "--format", "csv", LEDGER_DATABASE_URL=database_url).output)
    assert [(row["部分 section"], row["因 for"]) for row in of_incident] == [
        *[("冻结 kept back", "vehicle V1, line L1")] * 2,
        ("冻结之物 held", "vehicle V1"),
        ("冻结之物 held", "line L1"),
    ]
    book = town.http.get("/incidents/IN1?format=xlsx")
    assert book.headers["content-disposition"] == 'attachment; filename="incident.xlsx"'
    assert zipfile.ZipFile(io.BytesIO(book.content)).testzip() is None
    without_id = ledger("recall", "--format", "csv", "--url", town.url)
    assert (without_id.exit_code, "请给出编号" in without_id.output) == (2, True)


@pytest.mark.parametrize("path", ["/recalls", "/recalls/R1", "/incidents", "/search?serial=1", "/balances"])
def test_what_is_answered_as_of_now_alone_says_so(town: Town, path: str) -> None:
    answer = town.http.get(path, params={"known_at": "2026-01-01", **({"serial": "1"} if "serial" in path else {})})
    assert (answer.status_code, answer.json()["pointer"], "只答现在" in answer.text) == (400, "known_at", True)


@pytest.mark.parametrize("command", ["recall", "drill", "incident"])
def test_what_is_not_there_is_said_so(town: Town, command: str) -> None:
    result = ledger(command, "X9", "--url", town.url)
    assert (result.exit_code, "X9" in result.output, "Traceback" in result.output) == (2, True, False)


# --- a server that takes tokens ------------------------------------------------------------------------------------

SECRET = "a-secret-of-the-tests"
TOKENS = (
    Token(hashlib.sha256(SECRET.encode()).hexdigest(), "*", "*"),
    Token(hashlib.sha256(b"some").hexdigest(), "*", ("S1",)),
)


@pytest.fixture
def guarded(database_url: str) -> Iterator[Town]:
    with serve_town(database_url, tokens=TOKENS) as town:
        town.http.headers["Authorization"] = f"Bearer {SECRET}"
        yield town


def test_the_token_of_the_environment_opens_every_question(tmp_path: Path, guarded: Town) -> None:
    guarded.fill_cycle(guarded.with_cylinder(1))
    filed(
        guarded, tmp_path, {"type": "open_recall", "recall": "R1", "line": "L1"},
        {"type": "open_recall", "recall": "D1", "line": "L1", "drill": True},
        {"type": "open_incident", "incident": "IN1", "lines": ["L1"]},
    )  # fmt: skip
    for words in (["recall"], ["recall", "R1"], ["drill"], ["drill", "D1"], ["incident"], ["incident", "IN1"]):
        told = ledger(*words, "--url", guarded.url, LEDGER_TOKEN=SECRET)
        assert told.exit_code == 0, told.output
        assert SECRET not in told.output


@pytest.mark.parametrize("command", ["recall", "drill", "incident"])
@pytest.mark.parametrize(
    ("token", "zh", "en"),
    [
        ("", "设置 LEDGER_TOKEN", "set LEDGER_TOKEN"),
        ("nobody-knows-it", "不认识 LEDGER_TOKEN 中的令牌", "does not know the token"),
        ("some", "不能查此日志的全部站点", "does not cover all sites"),
        ("two words\n", "LEDGER_TOKEN 不是令牌", "LEDGER_TOKEN is no token"),
    ],
)
def test_a_missing_wrong_or_narrow_token_is_told_apart(
    guarded: Town, command: str, token: str, zh: str, en: str
) -> None:
    told = ledger(command, "--url", guarded.url, LEDGER_TOKEN=token)
    assert (told.exit_code, zh in told.stderr, en in told.stderr) == (2, True, True), told.output
    assert not token or token == "some" or token not in told.output


@pytest.mark.parametrize(
    "url",
    ["http://reader:hidden@127.0.0.1:1", "http://127.0.0.1:1/?token=hidden", "http://127.0.0.1:1/#hidden", "hidden",
     "http://127.0.0.1:hidden"],
)  # fmt: skip
def test_a_url_holds_no_secret_and_an_unfit_one_is_told(url: str) -> None:
    told = ledger("recall", "--url", url)
    assert (told.exit_code, "Traceback" in told.output, "网" in told.stderr) == (2, False, True), told.output
    assert "hidden" not in told.output


def test_the_token_goes_to_the_named_server_only(guarded: Town) -> None:
    seen = list[str | None]()

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Authorization"])
            self.send_response(302)
            self.send_header("Location", f"{guarded.url}/recalls")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        told = ledger("recall", "--url", f"http://127.0.0.1:{server.server_port}", LEDGER_TOKEN=SECRET)
    assert (told.exit_code, seen) == (2, [f"Bearer {SECRET}"]), "a redirect is not followed"
    assert "does not answer as a ledger (302)" in told.stderr
