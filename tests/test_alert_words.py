"""Alerts in words: no fact that a signal can tell lacks them, and each alert is one sentence."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

from api.alerts.words import FACTS, alert_sentence, fact_words
from ledger import signals
from ledger.signals.alerts import Alert
from ledger.signals.signal import RULE_OF


def keys_of(node: ast.expr | None, known: dict[str, set[str]]) -> set[str]:
    """The keys of a dict that is written there, or of one that was written under that name."""
    if isinstance(node, ast.Name):
        return known[node.id]
    assert isinstance(node, ast.Dict), "facts are written out, so that this test can read them"
    assert all(isinstance(key, ast.Constant) for key in node.keys)
    return {str(key.value) for key in node.keys if isinstance(key, ast.Constant)}


def told_by(function: ast.FunctionDef) -> list[tuple[str, set[str]]]:
    """The kinds of signals that a function makes, each with the keys of its facts."""
    written = dict[str, set[str]]()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and all(isinstance(key, ast.Constant) for key in node.value.keys):
                written[target.id] = keys_of(node.value, written)
    found = list[tuple[str, set[str]]]()
    for node in ast.walk(function):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute) and node.func.attr == "signal":
            keys = {word.arg for word in node.keywords if word.arg is not None}
            for word in node.keywords:
                keys |= keys_of(word.value, written) if word.arg is None else set()
        elif isinstance(node.func, ast.Name) and node.func.id == "Signal":
            keys = keys_of(node.args[3], written)
        else:
            continue
        assert isinstance(node.args[0], ast.Constant)
        found.append((str(node.args[0].value), keys))
    return found


def all_told() -> dict[str, set[str]]:
    told = defaultdict[str, set[str]](set)
    for path in Path(str(signals.__file__)).parent.glob("*.py"):
        if path.name == "signal.py":
            continue  # what makes a signal of what the detectors say
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                for kind, keys in told_by(node):
                    told[kind] |= keys
    return told


def test_every_fact_that_a_signal_tells_has_its_words() -> None:
    told = all_told()
    assert set(told) == set(RULE_OF), "every kind was found"
    kinds = {key: {kind for kind, keys in told.items() if key in keys} for keys in told.values() for key in keys}
    assert {key: set(words.kinds) for key, words in FACTS.items()} == kinds


@pytest.mark.parametrize("key", FACTS)
def test_a_fact_is_said_in_both_languages_with_its_value(key: str) -> None:
    zh, en = fact_words(key, 1234)
    value = "1.23" if FACTS[key].how == "kg" else "1234"
    assert any("\u4e00" <= letter <= "\u9fff" for letter in zh)
    assert en.isascii()
    assert value in zh
    assert value in en


OPEN = Alert(
    alert="CUST.7", kind="CUST", key="cylinder:019b7a00-0000-7000-8000-000000000000", entries=(7, 9, 12), times=1,
    facts={"believed": "customer:K1", "claimed": "vehicle:V2", "conflicts": 2}, raised=12, deadline=1_767_225_600_000,
)  # fmt: skip


def test_an_alert_is_one_sentence_of_what_whom_when_and_until_when() -> None:
    assert alert_sentence(OPEN, "own:A-0000001-A", overdue=False) == (
        (
            "气瓶 own:A-0000001-A：账上在 用户 K1；扫码或盘点称在 车辆 V2；矛盾 2 次；见 #7 至 #12；"
            "未处置，期限 2026-01-01 08:00:00"
        ),
        (
            "cylinder own:A-0000001-A: by the ledger it is with customer K1; the scan or count has it with vehicle V2; "
            "2 contradictions; see #7 to #12; open, due by 2026-01-01 08:00:00"
        ),
    )
    assert alert_sentence(OPEN, None, overdue=True)[0].endswith("，已逾期")


def test_a_settled_alert_says_its_cause_and_outcome() -> None:
    settled = Alert(
        alert="F11.3", kind="F11", key="tank_lot:T1", entries=(3,), facts={"held_kg": 5000, "missing_kg": -40}, times=2,
        settled=20, settled_at=1, cause="unrecorded_fill", outcome="penalised",
    )  # fmt: skip
    assert alert_sentence(settled, None, overdue=False) == (
        "罐次 T1：罐次应有 5000 千克；对不上 -40 千克；见 #3；共 2 次；已处置（#20）：原因 未记充装，结果 已处罚",
        (
            "tank lot T1: 5000 kg were in the lot; -40 kg unaccounted for; see #3; 2 times; "
            "settled (#20): cause unrecorded fill, outcome penalised"
        ),
    )
