# ruff: noqa: INP001 - a part of the script beside it
"""docs/rules.md: every rule with its law, how it runs where, the cases that hold it, and every reason."""

from collections import defaultdict
from functools import cache
from itertools import takewhile
from pathlib import Path

import ledger.packs
from api.packs import NATIONAL, shipped_pack
from ledger.judge import FAMILIES
from ledger.packs.model import Pack, RuleSetting
from ledger.reasons import REASONS
from ledger.rules.rule import GATE_ZH, RULES, Gate
from tests.rule_kit import Row
from tests.test_core_rules import ROWS

MODE_ZH = {"block": "拒绝 block", "warn": "警告 warn", "off": "停用 off"}


def rules_page() -> str:
    """Every rule: law, grade, gates, how it runs in the nation and in districts, its tests; then every reason."""
    assert FAMILIES
    packs = {NATIONAL: shipped_pack(NATIONAL)} | {name: shipped_pack(name) for name in _districts()}
    named = sorted({name for pack in packs.values() for name in pack.rules})
    parts = [_RULES_INTRO]
    for name in named:
        soft = "".join(f"<br>`{reason}` 只警告 only warns" for reason in RULES[name].soft)
        parts.append(
            f"| {_asks(name)} | {_setting(packs[NATIONAL].rules.get(name))}{soft} | {_local(packs, name)} |"
            f" {_tests_of(name)} |\n"
        )
    parts += ["\n", _DISTRICTS_INTRO]
    for name, about in _districts().items():
        parts.append(f"| {name} | {packs[name].version} | {about} | {_differences(packs, name)} |\n")
    parts += ["\n", _HELD_INTRO]
    for *told, by, tests in _HELD:
        parts.append(f"| {' | '.join(told)} | {'<br>'.join(by)} | {'<br>'.join(tests)} |\n")
    parts += ["\n", _EARLIER_INTRO]
    parts.extend(f"| {_asks(name)} |\n" for name in sorted(set(RULES) - set(named)))
    parts += ["\n", _reasons(named)]
    return "".join(parts)


_RULES_INTRO = """\
# 规则与拒绝原因 Rules and refusals

请求（充装、放行、出库……）违反“拒绝”类规则即被拒绝；报告总被记录，违规写入 `violations` 并锁住下一道关。
依据未经核实（等级 K、C）的规则只警告；账本自身的规则例外，依据栏写明。

A request that breaks a blocking rule is refused. A report is always recorded; what it broke stands in its `violations`
and locks the next gate. Grades: A read in a seed document, B in an official excerpt, C secondary, K trade knowledge not
yet confirmed against a text. A rule whose text is unconfirmed warns; the ledger's own rules say so in their basis. Days
are China's; a rule without days holds always. Tests: how many cases it stops and lets pass, and the numbers and dates
that have a case on each side.

| 规则 rule | 关口 gates | 要求 what it asks | 依据 basis | 等级 | 全国 cn | 各地 districts | 测试 tests |
|---|---|---|---|---|---|---|---|
"""
_DISTRICTS_INTRO = """\
## 各地规则包 Districts

地方文件只在其辖区、其日期之内有效；日期之外仍按全国规则（`otherwise`）。

A local document is law only in its district and between its dates; outside them the nation's setting holds
(`otherwise`).

| 规则包 pack | 版本 version | 文件与内容 document, and what it adds | 与全国不同 differs in |
|---|---|---|---|
"""
_HELD_INTRO = """\
## 由构造保证 Held by construction

这些不是关口，而是账本本身的性质。 These are no gates but what the ledger is.

| 规则 rule | 要求 what it asks | 依据 basis | 由什么保证 what holds it | 测试 tests |
|---|---|---|---|---|
"""
_HELD = (
    (
        "DATA-03",
        "未满保存期限的记录不得删除<br>no record is deleted within its retention",
        "DB4114/T 185-2023 4.8（不少于2年；档案至报废）",
        (
            "写入者无 UPDATE、DELETE、TRUNCATE 权，触发器另加一道，审计发现缺行；任何年限都不删。",
            "The writer lacks the right, a trigger stops even the owner, the audit names what is gone; for ever.",
        ),
        (
            "拦 stops：`test_the_writer_lacks_the_right`、`test_even_the_owner_is_stopped_by_the_trigger`",
            "留 lets pass：`test_the_story_of_a_deregistered_cylinder_is_kept_whole`",
            "查 finds：`test_a_deleted_row_is_named`",
        ),
    ),
    (
        "DATA-04",
        "追溯须给出来源、现持有者、责任人<br>a trace gives source, present holder and responsible people",
        "通政办发〔2021〕67号 五(十四)“来源可溯、去向可追、责任可究”",
        (
            "不写明站、罐次、操作人的充装记录，门口就不收；持有者由日志折出。",
            "No fill is taken that names no station, tank lot or operator; the holder is folded from the log.",
        ),
        (
            "拦 stops：`test_a_fill_that_names_no_source_or_person_is_not_taken`",
            "给 gives：`test_a_trace_gives_source_people_and_holder`",
            "无 nothing to give：`test_a_code_that_nobody_registered_has_no_story`",
        ),
    ),
)
_EARLIER_INTRO = """\
## 旧版本 Earlier versions

旧日志点名的版本，代码永不改动；新规则包只用最新版。

Old logs name these; their code never changes. Packs that ship now name the newest versions only; what old ones decided
is recorded and replayed by `tests/test_core_golden.py`.

| 规则 rule | 关口 gates | 要求 what it asks | 依据 basis | 等级 |
|---|---|---|---|---|
"""


_REASONS_INTRO = """\
## 拒绝原因，按优先次序 Reasons in precedence order

| # | code | 屏幕 | 中文 | English | 规则 |
|---|---|---|---|---|---|
"""
_LEDGER_RULE = """
`LEDGER@1` 是账本自身的规则：谁可以说话、编号与登记版本。 `LEDGER@1` stands for the ledger's own rules: who may speak,
ids, and versions of records.
"""


def _asks(name: str) -> str:
    """The cells that say what a rule is: name, gates, titles, law, grade."""
    rule = RULES[name]
    gates = "全部 all" if len(rule.gates) == len(Gate) else "、".join(GATE_ZH[gate] for gate in rule.gates)
    gates = gates or "不设关口 no gate"
    return f"{name} | {gates} | {rule.title_zh}<br>{rule.title_en} | {rule.basis} | {rule.grade}"


@cache
def _districts() -> dict[str, str]:
    """The overlays that ship, each with the comment at its head: its document, and what that adds."""
    folder = Path(ledger.packs.__path__[0])
    said: dict[str, str] = {}
    for file in sorted(folder.glob("[0-9]*.toml")):
        lines = takewhile(lambda line: line.startswith("#"), file.read_text("utf-8").splitlines())
        said[file.stem] = " ".join(line.lstrip("# ") for line in lines)
    return said


def _differences(packs: dict[str, Pack], name: str) -> str:
    """The rules that this district's pack sets otherwise than the nation's."""
    nation = packs[NATIONAL].rules
    return "、".join(rule for rule, one in sorted(packs[name].rules.items()) if one != nation.get(rule)) or "—"


def _local(packs: dict[str, Pack], rule: str) -> str:
    nation = packs[NATIONAL].rules.get(rule)
    other = [
        f"{name}：{_setting(pack.rules.get(rule))}" for name, pack in packs.items() if pack.rules.get(rule) != nation
    ]
    return "<br>".join(other) or "—"


@cache
def _rows_of() -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in ROWS:
        rows[row.rule].append(row)
    return rows


def _tests_of(name: str) -> str:
    """How many cases of the rule tables it stops and lets pass, and beside what."""
    if not RULES[name].gates:
        return "—"
    rows = _rows_of()[name.partition("@")[0]]
    passes = sum(row.what == "passes" for row in rows)
    edges = sorted({row.edge for row in rows if row.edge})
    return f"拦 stops {len(rows) - passes}，放 passes {passes}" + "".join(f"<br>`{edge}` ±" for edge in edges)


def _setting(setting: RuleSetting | None) -> str:
    if setting is None:
        return "—"
    text = MODE_ZH[setting.mode]
    if setting.effective_from:
        text += f"<br>{setting.effective_from} 起 from"
    if setting.effective_to:
        text += f"<br>至 to {setting.effective_to}"
    if setting.params:
        text += "<br>" + "<br>".join(f"`{key}={value}`" for key, value in sorted(setting.params.items()))
    return text


def _reasons(named: list[str]) -> str:
    parts = [_REASONS_INTRO]
    given: dict[str, list[str]] = defaultdict(list)
    for name in named:
        for code in RULES[name].reasons:
            given[code].append(name)
    for rank, reason in enumerate(REASONS.values(), start=1):
        by = "、".join(given[reason.code]) or "LEDGER@1"
        parts.append(f"| {rank} | `{reason.code}` | {reason.short} | {reason.zh} | {reason.en} | {by} |\n")
    parts.append(_LEDGER_RULE)
    return "".join(parts)
