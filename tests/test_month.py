"""The clean month: honest work meets no refusal but the law's; a rule made wrong is noticed; one seed, one month."""

import json
import os
import random
from datetime import date

import pytest
from click.testing import CliRunner
from rich.console import Console

from api.cli import main
from api.month.command import run_month
from api.month.fleet import build_fleet
from api.month.kinds import KINDS
from api.month.life import Bottle
from api.month.oracle import due_day
from api.month.run import live
from api.month.stage import Stage
from api.packs import shipped_pack
from ledger.store.audit import audit
from tests.rule_kit import in_pack

TOWN = {"cylinders": 400, "days": 10}
ORIGIN = "month.cylinder-ledger.example/320600/v1"


def test_a_small_town_s_honest_month_meets_no_refusal_but_the_law_s(database_url):
    seed = int(os.environ.get("MONTH_SEED") or random.randrange(10**6))
    console = Console(stderr=True, width=160)
    console.print(f"MONTH_SEED={seed}")
    book, said = run_month(console, database_url, shipped_pack("320600"), seed=seed, **TOWN)
    assert book.wrong == []
    assert said == "ok"
    assert book.clean
    assert book.false_alerts.total() <= 3, "0.03 % of so small a town's claims is one"
    assert [kind for kind in KINDS if book.honest[kind] == 0] == []
    always = {"COND-01", "COND-02", "FILL-06", "FILL-12", "ID-01", "ID-05", "ID-06", "INS-01", "INS-02", "LIFE-01"}
    always |= {"LIFE-02", "LIFE-03", "OWN-01", "PREM-01", "RECALL-01", "RECALL-02", "REG-01", "REG-02", "TYPE-03"}
    always |= {"USR-01", "USR-02", "USR-05"}
    assert always - book.demanded.keys() == set()


def test_rules_made_wrong_are_noticed_by_rule_and_cylinder_and_end_with_exit_code_1(tmp_path):
    pack = tmp_path / "wrong.toml"
    pack.write_text(f"""
        name = "wrong"
        version = 1
        jurisdiction = "320600"
        overlays = "cn"
        [rules."{in_pack("COND-01")}"]
        mode = "block"
        params = {{ max_age_min = 30 }}
        [rules."{in_pack("INS-01")}"]
        mode = "block"
        [rules."{in_pack("INS-01")}".params]
        interval_months = 47
        interval_118_months = 47
        warn_118_months = 36
        cap_months = 144
        min_days_left = 15
        [rules."{in_pack("RECALL-01")}"]
        mode = "warn"
        params = {{ carry_over_permille = 50 }}
        [rules."FRD-13@1"]
        mode = "warn"
        params = {{ from_h = 12, to_h = 14, deadline_h = 72 }}
        [rules."{in_pack("USR-01")}"]
        mode = "block"
        [rules."{in_pack("USR-02")}"]
        mode = "block"
    """)
    town = ["--cylinders", "300", "--days", "10", "--seed", "5"]
    result = CliRunner().invoke(main, ["month", *town, "--pack", str(pack), "--json"])
    assert result.exit_code == 1
    told = json.loads(result.stdout.splitlines()[-1])
    assert told["audit"] == "ok"
    assert told["refusals_wrong"].keys() == {"COND-01", "INS-01"}
    assert told["refusals_wrong"]["COND-01"] > 5
    assert told["missed"].keys() == {"RECALL-01"}
    assert "prefill_check_too_old" in result.stderr
    assert "应拒未拒 missed" in result.stderr
    assert told["false_alerts"]["F13"] > 1
    assert "误报警报 false alerts" in result.stderr


def test_a_seed_gives_the_same_entries_each_time_and_another_seed_others(server, migrated_template):
    roots = []
    for number, seed in enumerate((3, 3, 4)):
        server.create_database(f"month_{number}", template=migrated_template)
        url = server.url(f"month_{number}")
        live(url, seed=seed, cylinders=300, days=1, pack=shipped_pack("320600"), told=lambda _: None)
        roots.append(audit(url, ORIGIN).root)
        server.drop_database(f"month_{number}")
    assert roots[0] == roots[1] != roots[2]


def test_the_oracle_counts_to_the_last_day_of_the_month_and_never_past_the_end_of_life():
    bottle = some_bottle()
    bottle.inspected = "2024-02"
    assert due_day(bottle) == date(2028, 2, 29)
    bottle.inspected = add_years(bottle.paper.made_month, 10)
    assert due_day(bottle).isoformat()[:7] == add_years(bottle.paper.made_month, 12)


def some_bottle() -> Bottle:
    stage = Stage(lambda _received, _now: [], 1, 0, facts=None, book=None)  # type: ignore[arg-type]
    return next(bottle for bottle in build_fleet(stage.chance, stage.ids, 300, 0) if bottle.sort == "fit")


def add_years(month: str, years: int) -> str:
    return f"{int(month[:4]) + years}{month[4:]}"


@pytest.mark.parametrize("wrong", [["--days", "9"], ["--cylinders", "10"], ["--pack", "nowhere.toml"]])
def test_a_month_too_short_a_town_too_small_and_a_pack_that_is_not_there_are_refused(wrong):
    assert CliRunner().invoke(main, ["month", *wrong]).exit_code == 2
