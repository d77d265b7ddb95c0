"""`ledger import` as a station runs it: on trial, into a served log, killed and resumed, mended and imported again."""

import gzip
import json
import random
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from python_calamine import CalamineWorkbook

from api.bench.fleet import write_fleet
from api.bench.setting import child_environment
from api.cli import main
from api.fleet.headers import SHEET_COLUMNS
from api.fleet.texts import NOTES, QUARANTINE, why
from api.signing import write_private_key
from ledger.reasons import REASONS
from tests.fleet_kit import row, write_csv, write_xlsx
from tests.http_town import Town, serve_town
from tests.story import ORIGIN

SAMPLE = Path(__file__).with_name("fleet_sample.csv.gz")
SAMPLE_QUARANTINED = {
    "identity_twice_in_file": 57, "code_twice_in_file": 52, "serial_placeholder": 28, "serial_missing": 26,
    "date_in_future": 24, "model_unknown": 24, "tare_missing": 22, "owner_unknown": 21, "tare_out_of_band": 21,
    "dates_contradictory": 20, "fill_out_of_band": 19, "capacity_out_of_band": 16, "date_unreadable": 10,
    "date_without_month": 4, "made_month_missing": 4, "date_ambiguous": 3,
}  # fmt: skip
"""Looked at one by one."""


def ledger(*arguments: object, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(main, ["import", *(str(one) for one in arguments)])


def told(result: Result) -> dict[str, Any]:
    """The last line of standard output."""
    assert result.exit_code == 0, result.output
    last: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    assert list(last) == ["rows", "registered", "quarantined"]
    assert last["rows"] == last["registered"] + sum(last["quarantined"].values())
    return last


def report_of(file: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(file.with_name(f"{file.name}.import.json").read_text("utf-8"))
    return report


def sheets_of(path: Path) -> dict[str, list[list[Any]]]:
    with CalamineWorkbook.from_path(path) as book:
        return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


@pytest.fixture
def town(database_url: str) -> Iterator[Town]:
    with serve_town(database_url) as town:
        yield town


@pytest.fixture
def office(tmp_path: Path, town: Town) -> Path:
    """The office's key file, its chain where the town's story left it."""
    key = tmp_path / "office.pem"
    write_private_key(key, town.story.office.key)
    chain = {"device_seq": town.story.office.device_seq, "device_prev": town.story.office.device_prev}
    (tmp_path / "office.pem.chain").write_text(json.dumps(chain))
    return key


# --- on trial ------------------------------------------------------------------------------------------------------


def test_a_station_s_own_file_on_trial(tmp_path: Path) -> None:
    file = tmp_path / "fleet_sample.csv"
    file.write_bytes(gzip.decompress(SAMPLE.read_bytes()))
    assert told(ledger(file, "--json")) == {"rows": 3_000, "registered": 2_649, "quarantined": SAMPLE_QUARANTINED}
    report = report_of(file)
    assert report["skipped"] == {"blank": 3, "repeated_header": 2, "total": 1}
    assert report["owners"] == {"南通示例燃气有限公司": "E1", "海门示例液化气有限公司": "E2"}
    assert report["trial"] is True
    assert len(report["quarantined_rows"]) == 351
    said = {note for one in report["normalised_rows"] for note in one["notes"]}
    assert {"made:excel_date", "serial:full_width", "tare:unit_in_cell", "life:design_life_default"} <= said
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "fleet_sample.csv", "fleet_sample.csv.import.json", "fleet_sample.csv.import.xlsx",
    ]  # fmt: skip


def test_a_trial_takes_every_kind_of_planted_dirt_as_it_was_meant(tmp_path: Path) -> None:
    file = tmp_path / "fleet.csv"
    planted = write_fleet(file, 2_000, seed=7, dirty_permille=300)
    assert len(planted) == 10
    assert told(ledger(file, "--json")) == {
        "rows": 2_000, "registered": 2_000 - planted.total(), "quarantined": dict(planted),
    }  # fmt: skip


def test_what_the_ledger_refuses_is_quarantined_in_its_words(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "fleet.csv", [row(1), row(2, 气瓶编号="0000000"), row(3, 制造年月="2031-05")])
    assert told(ledger(file, "--json"))["quarantined"] == {"date_in_future": 1, "serial_placeholder": 1}
    first, second = report_of(file)["quarantined_rows"]
    assert (first["row"], first["reason"]) == (3, "serial_placeholder")
    assert REASONS["date_in_future"].zh in second["wrong"]
    assert REASONS["date_in_future"].en in second["wrong"]


# --- the report ----------------------------------------------------------------------------------------------------


def test_cells_never_become_formulas_and_nothing_is_lost(tmp_path: Path) -> None:
    evil = ["=1+1", "+cmd|' /C calc'!A0", "-2", "@SUM(A1)", '=HYPERLINK("http://x.cn")', "https://x.cn/", "{=1}"]
    rows = [row(n, 气瓶编号=f"坏{text}", 备注=text) for n, text in enumerate(evil, 1)]
    file = write_csv(tmp_path / "fleet.csv", rows)
    assert told(ledger(file, "--json"))["quarantined"] == {"serial_unreadable": len(evil)}
    path = tmp_path / "fleet.csv.import.xlsx"
    with zipfile.ZipFile(path) as parts:
        sheets = [parts.read(name) for name in parts.namelist() if "worksheets" in name]
        assert any("charts/chart" in name for name in parts.namelist())
    assert not any(mark in sheet for sheet in sheets for mark in (b"<f>", b"<f ", b"<hyperlink"))
    header, *lines = sheets_of(path)["隔离 quarantined"]
    assert tuple(header[:4]) == SHEET_COLUMNS
    assert [line[header.index("备注")] for line in lines] == evil


def test_every_reason_and_note_says_what_it_is_in_both_languages() -> None:
    for code in (*QUARANTINE, "code_used", "tare_out_of_band", "model_unknown"):
        said = why(code)
        assert all(max(text) >= "\u4e00" for text in (said.zh, said.do_zh)), code
        assert said.en != code
        assert said.do_en
    assert all(zh and en for zh, en in NOTES.values())


# --- into a log ----------------------------------------------------------------------------------------------------


def test_import_registers_files_for_the_authority_and_runs_again_to_the_same_report(
    tmp_path: Path, town: Town, office: Path
) -> None:
    rows = [row(1), row(2, 产权单位="邻家燃气"), row(3, 产权单位="无名燃气"), row(4, **{"皮重(kg)": "１６．５KG"})]
    file = write_csv(tmp_path / "fleet.csv", rows, "gb18030")
    before = town.size()
    real = (file, "--url", town.url, "--key", office, "--log", ORIGIN, "--json")
    first = told(ledger(*real))
    assert first == {"rows": 4, "registered": 2, "quarantined": {"owner_other_enterprise": 1, "owner_unknown": 1}}
    assert town.size() == before + 2
    found = town.http.get("/cylinders/legacy-letters:NT00000004").json()
    assert (found["owner"], found["tare_g"]) == ("E1", 16_500)
    assert town.http.get("/cylinders/瓶10苏F00001(22)").json()["cylinder"]
    (filing,) = json.loads((tmp_path / "fleet.csv.use-registrations.json").read_text())
    assert (filing["type"], filing["enterprise"], len(filing["cylinders"])) == ("file_use_registration", "E1", 2)
    (answer,) = town.post(town.story.authority, town.story.make(type_of(filing), **without_type(filing)))
    assert answer["outcome"]["type"] == "filed.v1"
    report = report_of(file)
    assert told(ledger(*real)) == first
    assert report_of(file) == report
    assert town.size() == before + 3


def type_of(_filing: dict[str, Any]) -> Any:
    from ledger.claim import FileUseRegistration  # noqa: PLC0415

    return FileUseRegistration


def without_type(filing: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(one) if isinstance(one, list) else one for name, one in filing.items() if name != "type"}


def test_two_keys_import_for_two_enterprises(tmp_path: Path, town: Town, office: Path) -> None:
    rival = tmp_path / "rival.pem"
    write_private_key(rival, town.story.rival.key)
    rows = [row(n, 产权单位=("示例燃气", "邻家燃气")[n % 2]) for n in range(1, 9)]
    file = write_csv(tmp_path / "fleet.csv", rows)
    assert told(ledger(file, "--url", town.url, "--key", office, "--key", rival, "--json"))["registered"] == 8
    filings = json.loads((tmp_path / "fleet.csv.use-registrations.json").read_text())
    assert [(one["enterprise"], len(one["cylinders"])) for one in filings] == [("E1", 4), ("E2", 4)]


def test_a_mended_quarantine_sheet_is_a_fleet_file_and_nothing_is_registered_twice(
    tmp_path: Path, town: Town, office: Path
) -> None:
    rows = [row(1), row(2, **{"皮重(kg)": ""}), row(3, 二维码编号="NT00000004"), row(4), row(5, 制造年月="2019")]
    file = write_csv(tmp_path / "fleet.csv", rows)
    real = ("--url", town.url, "--key", office, "--json")
    assert told(ledger(file, *real))["registered"] == 1
    sheets = sheets_of(tmp_path / "fleet.csv.import.xlsx")
    header, *lines = sheets["隔离 quarantined"]
    for line, column, text in (
        (0, "皮重(kg)", "16.5"), (1, "二维码编号", "NT00000003"), (3, "制造年月", "2019-03"),
    ):  # fmt: skip
        lines[line][header.index(column)] = text
    mended = write_xlsx(tmp_path / "mended.xlsx", sheets | {"隔离 quarantined": [header, *lines]})
    assert told(ledger(mended, *real)) == {"rows": 4, "registered": 4, "quarantined": {}}
    again = write_csv(tmp_path / "again.csv", [row(1), row(2)])
    assert told(ledger(again, *real)) == {"rows": 2, "registered": 0, "quarantined": {"code_used": 2}}


def test_an_import_that_was_begun_is_not_another(tmp_path: Path, town: Town, office: Path) -> None:
    file = write_csv(tmp_path / "fleet.csv", [row(1)])
    real = ("--url", town.url, "--key", office)
    assert ledger(file, *real).exit_code == 0
    write_csv(file, [row(1), row(2)])
    changed = ledger(file, *real)
    assert (changed.exit_code, "fleet.csv.import" in changed.stderr, "never registered twice" in changed.stderr) == (
        2, True, True,
    )  # fmt: skip


@pytest.mark.parametrize("arguments", [("--url", "http://127.0.0.1:9"), ("--key", "office.pem")])
def test_a_real_import_takes_url_and_key(tmp_path: Path, arguments: tuple[str, str]) -> None:
    file = write_csv(tmp_path / "fleet.csv", [row(1)])
    (tmp_path / "office.pem").touch()
    flag, value = arguments
    given = tmp_path / value if flag == "--key" else value
    result = ledger(file, flag, given)
    assert (result.exit_code, "--url" in result.stderr, "Traceback" in result.output) == (2, True, False)


def test_a_key_that_is_no_office_s_is_told_so(tmp_path: Path, town: Town) -> None:
    file = write_csv(tmp_path / "fleet.csv", [row(1)])
    for name, key in (("station", town.story.station.key), ("authority", town.story.authority.key)):
        write_private_key(tmp_path / f"{name}.pem", key)
        result = ledger(file, "--url", town.url, "--key", tmp_path / f"{name}.pem")
        assert (result.exit_code, "办公室密钥" in result.stderr) == (2, True), name


def test_killed_at_any_moment_it_goes_on_and_registers_nothing_twice(tmp_path: Path, town: Town, office: Path) -> None:
    """SIGKILL while it reads, and twice while it sends; then it ends as if nothing had been."""
    file = tmp_path / "fleet.csv"
    planted = write_fleet(file, 6_000, seed=3, dirty_permille=60)
    file.write_bytes(file.read_bytes().decode("gb18030").replace("压测燃气", "示例燃气").encode("gb18030"))
    command = [sys.executable, "-c", "from api.cli import main; main(prog_name='ledger')", "import", str(file)]
    command += ["--url", town.url, "--key", str(office), "--json"]
    environment = child_environment(tmp_path)
    journal = tmp_path / "fleet.csv.import" / "journal.sqlite"
    before, chance = town.size(), random.Random()
    for settled in (-1, chance.randrange(3), 4 + chance.randrange(6)):
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
            while process.poll() is None and (answered(file) < settled or not journal.exists()):
                time.sleep(0.002)
            time.sleep(chance.random() * 0.05)
            assert process.poll() is None, "it was to be killed at work"
            process.kill()
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    last = json.loads(done.stdout.splitlines()[-1])
    assert last == {"rows": 6_000, "registered": 6_000 - planted.total(), "quarantined": dict(planted.most_common())}
    assert town.size() == before + last["registered"]
    filings = json.loads((tmp_path / "fleet.csv.use-registrations.json").read_text())
    listed = [one for filing in filings for one in filing["cylinders"]]
    assert len(set(listed)) == len(listed) == last["registered"]


def answered(file: Path) -> int:
    """How many bundles the journal knows to be answered; -1 until it is read."""
    journal = file.with_name(f"{file.name}.import") / "journal.sqlite"
    if not journal.exists():
        return -1
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
        try:
            read = db.execute("SELECT count(*) FROM meta WHERE name = 'taken'").fetchone()[0]
            found: int = db.execute("SELECT count(*) FROM bundle WHERE envelope IS NULL").fetchone()[0]
        except sqlite3.OperationalError:
            return -1
        return found if read else -1
