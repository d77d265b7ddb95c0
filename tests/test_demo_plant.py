"""What is planted: the same for a seed, every family and rule, each cylinder once, and the agent takes the plans."""

import json
from collections import Counter
from pathlib import Path

import pytest
from msgspec import structs

from api.demo.agents import Agents
from api.demo.alarm import Raised, compared
from api.demo.city import build_city, story_time
from api.demo.plan import Seen
from api.demo.plant import Planting
from api.demo.plant_day import plan_day
from api.demo.plant_ways import WAYS
from api.demo.report import compare
from ledger.judge import FAMILIES
from ledger.rules.rule import RULES
from ledger.signals.signal import RULE_OF
from scanners.image import read_image
from scanners.plan import load_plan

FAMILY_NAMES = {
    "ID", "OWN", "REG", "INS", "LIFE", "TYPE", "COND", "FILL", "RECALL", "SCRAP", "SUP", "DATA", "LOCK", "CAL", "MAKE",
    "PREM", "ENT", "DEL", "USR", "ORD", "HAZ", "CUST", "LOST", "HOLD",
}  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_every_family_is_planted_at_least_three_times(seed):
    planted = plan_day(build_city(seed)).planted()
    assert planted.keys() == FAMILY_NAMES
    assert min(planted.values()) >= 3


def test_every_rule_is_planted_and_every_way_names_a_rule():
    assert FAMILIES
    rules = {name.partition("@")[0] for name, rule in RULES.items() if rule.gates}
    assert {way.rule for way in WAYS.values()} == rules
    assert {rule for way in WAYS.values() for rule in way.also} <= rules
    planted = Counter(plant.way for plant in plan_day(build_city(1)).plants.values())
    assert planted.keys() == WAYS.keys()


def test_every_kind_of_alert_is_planted_about_one_thing_once():
    planted = plan_day(build_city(1)).alerts
    assert {kind for kind, _ in planted} == RULE_OF.keys()
    assert len(set(planted)) == len(planted)


def test_alerts_are_compared_by_kind_and_what_they_are_about():
    told = [Raised("F4", "cylinder:a", "", ""), Raised("F4", "cylinder:b", "", ""), Raised("F8", "cylinder:c", "", "")]
    alarm = compared([("F4", "cylinder:a"), ("F8", "cylinder:c"), ("F12", "line:l")], told)
    assert alarm.planted == {"F4": 1, "F8": 1, "F12": 1}
    assert alarm.found == {"F4": 1, "F8": 1, "F12": 0}
    assert alarm.missed == [("F12", "line:l")]
    assert [one.key for one in alarm.false] == ["cylinder:b"]
    assert not alarm.ok


def test_a_seed_plants_the_same_each_time():
    one, again = (plan_day(build_city(3)) for _ in range(2))
    assert one == again
    assert one != plan_day(build_city(4))


def test_no_cylinder_plays_two_parts():
    planting = plan_day(build_city(2))
    readings = [s.reading for run in planting.runs for s in run.scripts if s.reading and s.reading.startswith("HTTPS:")]
    assert len(set(readings)) == len(readings)
    tags = [script.tag for run in planting.runs for script in run.scripts]
    tags += [errand.tag for errand in planting.errands]
    assert len(set(tags)) == len(tags)


def test_the_agent_takes_the_plans_and_reads_the_pictures(tmp_path: Path):
    city = build_city(2)
    planting = plan_day(city)
    agents = Agents(tmp_path, "http://127.0.0.1:1", city, story_time(0, 1), seen=lambda *_: None, complain=print)
    run = agents.print_labels(planting.runs[0], planting.through)
    plan = load_plan(agents._write_plan(run))
    assert len(plan.cylinders) == len(run.scripts)
    pictures = [script for script in plan.cylinders if script.image]
    assert len(pictures) == 8
    for before, after in zip(planting.runs[0].scripts, plan.cylinders, strict=True):
        if after.image:
            assert before.reading in read_image(Path(after.image))


def _all_well(planting: Planting) -> list[Seen]:
    seen = [Seen(tag, "any", "refused", (plant.rule,)) for tag, plant in planting.plants.items()]
    seen += [Seen(tag, "depot_out", "accepted") for tag in planting.through]
    done = {one.tag for one in seen}
    rest = [*(deed.tag for deed in planting.every_deed()), *(errand.tag for errand in planting.every_errand())]
    return seen + [Seen(tag, "any", "accepted") for tag in rest if tag not in done]


def test_the_comparison_names_what_was_missed_and_what_was_wrongly_refused():
    planting = plan_day(build_city(1))
    good = _all_well(planting)
    verdict = compare(planting, good)
    assert verdict.ok
    assert verdict.found == verdict.planted

    spoilt = [one for one in good if one.tag not in ("overdue-1", "ok-5")]
    spoilt += [Seen("overdue-1", "check_prefill", "accepted"), Seen("ok-5", "authorise_fill", "refused", ("INS-01",))]
    spoilt.append(Seen("foreign-1", "check_prefill", "violations", ("OWN-01", "LIFE-01")))
    verdict = compare(planting, spoilt)
    assert not verdict.ok
    assert [structs.asdict(one) for one in verdict.missed] == [
        {"tag": "overdue-1", "rule": "INS-01", "happened": ["check_prefill accepted "]}
    ]
    assert {one.tag for one in verdict.wrongly_refused} == {"ok-5", "foreign-1"}
    assert verdict.found["INS"] == verdict.planted["INS"] - 1
    assert json.dumps(verdict.found)
