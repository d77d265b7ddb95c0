"""Who may ask, which logs are asked, and in what an answer may be had: read by real readers, formulas tried."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from python_calamine import CalamineWorkbook

from api.cli import main
from api.settings import Settings, Token
from api.trace.telling import Telling
from api.trace.writing import csv_pieces, xlsx_pieces
from ledger import claim as c
from ledger.store.embedded import EmbeddedServer
from tests.http_town import Town, open_town, running, serve_town
from tests.story import ORIGIN, code

NEXT = "ledger.test/320117/v1"
"""The next county's log."""
TOKENS = tuple(
    Token(hashlib.sha256(name.encode()).hexdigest(), logs, sites)  # type: ignore[arg-type]
    for name, logs, sites in (
        ("all", "*", "*"), ("one", (ORIGIN,), ("S1",)), ("other", (ORIGIN,), ("S2",)), ("next", (NEXT,), "*"),
    )
)  # fmt: skip
FORMULAS = (
    "=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1+1", "\r=1+1", '=HYPERLINK("http://evil.test","x")', "=cmd|'/c calc'!A1",
    "https://evil.test", "0012", "\n=1+1", "＝1+1", "＋1+1", "－1+1", "＠SUM(1)",
)  # fmt: skip


@pytest.fixture(scope="module")
def town(server: EmbeddedServer, migrated_template: str) -> Iterator[Town]:
    """Two counties in one database: cylinder 1 and its fill in the first, cylinder 2 in the next one."""
    server.create_database("trace_asking", template=migrated_template)
    url = server.url("trace_asking")
    with serve_town(url) as town:
        town.fill_cycle(town.with_cylinder(1))
    story = open_town(url, NEXT)
    with running(Settings(database_url=url, port=0, tokens=TOKENS)) as base, httpx.Client(base_url=base) as http:
        for signer, claim in story.filings():
            assert http.post("/bundles", content=signer.sign(claim, log=NEXT)).status_code == 200
        cylinder = story.cylinder(2)
        for signer, claim in ((story.office, cylinder), (story.authority, story.certificate(cylinder, name="UR2"))):
            assert http.post("/bundles", content=signer.sign(claim, log=NEXT)).status_code == 200
        yield Town(url, story, http)
    server.drop_database("trace_asking")


def bearing(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {name}"}


def ask(town: Town, path: str, by: str = "all", **params: Any) -> httpx.Response:
    return town.http.get(path, params=params, headers=bearing(by))


STORIES = (
    "/customers/K1/story", "/premises/H1/story", "/persons/P1/story", "/vehicles/V1/story", "/sites/S1/story",
    "/lines/L1/story", "/lots/T1/story",
)  # fmt: skip
WHOLE = (*STORIES[:4], "/buildings/B1", "/premises/H1/scene?found=" + code(1), "/search?maker=GL", "/balances")


@pytest.mark.parametrize("path", [*STORIES, *WHOLE[4:]])
def test_no_question_without_a_token_that_covers_it(town: Town, path: str) -> None:
    assert town.http.get(path).status_code == 401
    assert town.http.get(path, headers=bearing("wrong")).status_code == 401
    refused = ask(town, path, "next", log=ORIGIN) if "?" not in path else town.http.get(
        f"{path}&log={ORIGIN}", headers=bearing("next")
    )  # fmt: skip
    assert refused.status_code == 403


@pytest.mark.parametrize("path", WHOLE)
def test_customers_and_people_take_a_token_for_the_whole_log(town: Town, path: str) -> None:
    answer = town.http.get(path, headers=bearing("one"))
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (403, "forbidden")


def test_a_token_of_a_site_sees_its_own_and_is_told_that_there_may_be_more(town: Town) -> None:
    [whole] = ask(town, f"/cylinders/{code(1)}/story", log=ORIGIN).json()["stories"]
    [own] = ask(town, f"/cylinders/{code(1)}/story", "one").json()["stories"]
    assert whole["complete"]
    assert not own["complete"]
    assert (own["papers"], own["evidence"]) == ([], None)
    assert {one["site"] for one in own["statements"]} == {"S1"}
    assert len(own["statements"]) < len(whole["statements"])
    for path in (f"/cylinders/{code(1)}/story", "/sites/S1/story", "/lots/T1/story"):
        assert ask(town, path, "other").status_code == 404


def test_all_logs_that_the_token_covers_are_asked(town: Town) -> None:
    for number, origin in ((1, ORIGIN), (2, NEXT)):
        answer = ask(town, f"/cylinders/{code(number)}/story").json()
        assert sorted(answer["logs_asked"]) == sorted([ORIGIN, NEXT])
        assert [one["log"] for one in answer["stories"]] == [origin]
    both = ask(town, "/persons/P1/story").json()
    assert sorted(one["log"] for one in both["stories"]) == sorted([ORIGIN, NEXT])
    assert [one["log"] for one in ask(town, "/persons/P1/story", log=NEXT).json()["stories"]] == [NEXT]
    by_stamp = ask(town, "/cylinders/stamp:GL_2000002_2024-06/story").json()
    assert [one["log"] for one in by_stamp["stories"]] == [NEXT]
    assert {one["log"] for one in ask(town, "/search", made="2024-06").json()["candidates"]} == {ORIGIN, NEXT}


def test_a_miss_says_which_logs_were_asked(town: Town) -> None:
    for path in (f"/cylinders/{code(404)}/story", "/customers/K404/story", "/lots/T404/story", "/buildings/B404"):
        both = ask(town, path)
        assert both.status_code == 404
        assert ORIGIN in both.json()["zh"]
        assert NEXT in both.json()["zh"]
        one = ask(town, path, log=NEXT)
        assert one.status_code == 404
        assert ORIGIN not in one.json()["zh"]
    assert ask(town, "/customers/K404/story", log="elsewhere.test").status_code == 404


@pytest.mark.parametrize(
    "params", [{"known_at": "yesterday"}, {"from": "2026-01-02", "to": "2026-01-01"}, {"format": "pdf"}]
)
def test_bad_times_and_formats_are_refused(town: Town, params: dict[str, str]) -> None:
    assert ask(town, "/persons/P1/story", **params).status_code == 400


def test_csv_and_workbook_hold_the_statements_of_the_json(town: Town) -> None:
    path = f"/cylinders/{code(1)}/story"
    [story] = ask(town, path).json()["stories"]
    answer = ask(town, path, format="csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    said = [row for row in rows if row["部分 section"] == "记录 record"]
    assert [int(row["条目 entry"]) for row in said] == [one["entry_index"] for one in story["statements"]]
    assert [row["叶哈希 leaf"] for row in said] == [one["leaf"] for one in story["statements"]]
    assert [row["中文 Chinese"] for row in said] == [one["zh"] for one in story["statements"]]
    assert sum(row["部分 section"] == "证照 papers" for row in rows) == len(story["papers"])
    book = ask(town, path, format="xlsx")
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(book.content)).get_sheet_by_index(0).to_python()
    assert [[str(cell) for cell in row[1:2]] for row in sheet[1:]] == [[row["部分 section"]] for row in rows]
    assert [row[8] for row in sheet[1:]] == [row["中文 Chinese"] for row in rows]
    assert "attachment" in book.headers["content-disposition"]
    for row, one in zip(said, story["statements"], strict=True):
        assert row["记录时间 recorded at"] == f"{one['recorded_at_text']} +08:00"
        assert (int(row["记录毫秒 recorded ms"]), int(row["发生毫秒 happened ms"])) == (
            one["recorded_at"],
            one["seen_at"],
        )
        assert row["行为 act"].endswith(one["act"])
        assert row["结果 outcome"] == f"{'受理' if one['accepted'] else '拒绝'} {one['outcome_type']}"
    [figures, *_] = [row["中文 Chinese"] for row in rows if row["部分 section"] == "合计 totals"]
    assert figures.startswith(f"{story['counts']['entries']} 条")


QUESTIONS = (
    *STORIES, f"/cylinders/{code(1)}/story", f"/premises/H1/scene?found={code(1)}", "/search?maker=GL", "/balances",
)  # fmt: skip


@pytest.mark.parametrize("path", QUESTIONS)
def test_every_table_is_whole_and_its_columns_are_named_in_both_languages(town: Town, path: str) -> None:
    titles, *rows = csv.reader(io.StringIO(ask_for(town, path, "csv").content.decode("utf-8-sig"), newline=""))
    assert rows
    assert {len(row) for row in rows} == {len(titles)}, "no cell stands beside its column"
    for title in titles:
        chinese, _, english = title.partition(" ")
        assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese), title
        assert english, title
        assert english.isascii(), title
    book = ask_for(town, path, "xlsx").content
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(book)).get_sheet_by_index(0).to_python()
    plain = [[str(int(cell)) if isinstance(cell, float) else str(cell) for cell in row] for row in sheet]
    assert plain == [[cell.removeprefix("'") for cell in row] for row in (titles, *rows)]
    for row in rows:
        for title, cell in zip(titles, row, strict=True):
            timed = title in ("记录时间 recorded at", "发生时间 happened at", "起 since") and cell
            assert not timed or cell.endswith(" +08:00"), (title, cell)


def ask_for(town: Town, path: str, written: str) -> httpx.Response:
    return town.http.get(f"{path}{'&' if '?' in path else '?'}format={written}", headers=bearing("all"))


def test_a_cell_that_holds_not_all_says_so() -> None:
    raw = b"".join(xlsx_pieces(telling("长" * 40_000)))
    [_, [cell]] = CalamineWorkbook.from_filelike(io.BytesIO(raw)).get_sheet_by_index(0).to_python()
    assert isinstance(cell, str)
    assert (len(cell), cell.endswith("（截断 cut here）")) == (32_767, True)


def telling(*cells: str) -> Telling:
    return Telling(iter(()), ("甲",), iter([cells]), iter(()))


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_becomes_a_formula(tmp_path: Path, text: str) -> None:
    raw = b"".join(csv_pieces(telling(text)))
    [_, [cell]] = csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
    assert cell == (text if text[0] in "h0" else f"'{text}")
    book = tmp_path / "answer.xlsx"
    book.write_bytes(b"".join(xlsx_pieces(telling(text))))
    rows = CalamineWorkbook.from_path(book).get_sheet_by_index(0).to_python()
    assert rows[1] == [text.replace("\r", "\n")] or rows[1] == [text], "text, as it is"
    with zipfile.ZipFile(book) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in sheet
    assert b"hyperlink" not in sheet.lower().replace(b"hyperlink(", b"")


def test_a_long_story_comes_in_pieces(town: Town) -> None:
    with town.http.stream("GET", "/sites/S1/story", headers=bearing("all")) as answer:
        assert "content-length" not in answer.headers
        assert json.loads(b"".join(answer.iter_bytes()))["kind"] == "site"


def test_a_file_by_command(town: Town, tmp_path: Path) -> None:
    out = tmp_path / "story.xlsx"
    run = CliRunner(env={"LEDGER_DATABASE_URL": town.url}).invoke(
        main, ["trace", "cylinder", code(1), "--format", "xlsx", "--out", str(out)]
    )
    assert run.exit_code == 0, run.output
    assert CalamineWorkbook.from_path(out).get_sheet_by_index(0).to_python()[0][0] == "日志 log"


def test_a_cylinder_that_nobody_registered_has_a_story_too(server: EmbeddedServer, migrated_template: str) -> None:
    server.create_database("trace_stray", template=migrated_template)
    with serve_town(server.url("trace_stray")) as town:
        make = town.story.make
        foreign = make(c.CollectCylinder, code=code(77), content=c.Content.EMPTY)
        [answer] = town.post(town.story.station, foreign)
        [story] = town.http.get(f"/cylinders/{code(77)}/story").json()["stories"]
        assert story["subject"] == f"code:{code(77)}"
        assert [one["entry_index"] for one in story["statements"]] == [answer["entry_index"]]
        assert story["places"][-1]["holder"] == "vehicle:V1"
        assert story["evidence"] is None
    server.drop_database("trace_stray")
