# ruff: noqa: INP001 - beside the page that it makes
"""The page of the facts of alerts: what each key says, in which alerts (`api/alerts/words.py`)."""

from api.alerts.words import FACTS
from ledger.rules.rule import RULES
from ledger.signals.signal import RULE_OF

_INTRO = """\
# 警报里的数字 What the facts of alerts say

一条警报的 `facts` 是它看见的数字。`ledger alerts` 和 `/alerts` 的 `told_zh`、`told_en` 已把它们连成一句话；直接读 JSON
的人按此表。以 `_g` 结尾的是克（句中写作千克），`_kg` 千克，`_min` 分钟，`_s` 秒。每种警报先看什么，见
[警报](guides/alerts.md)；阈值见[规则](rules.md)。

The `facts` of an alert are the figures that it saw. `ledger alerts`, and `told_zh` and `told_en` of `/alerts`, say them
in a sentence; who reads the JSON goes by this table. Keys in `_g` are grams (kilograms in the sentence), `_kg`
kilograms, `_min` minutes, `_s` seconds. What to look at first: [alerts](guides/alerts.md). Thresholds:
[rules](rules.md).

"""


def signals_page() -> str:
    """The kinds of alerts, and their facts by key."""
    parts = [_INTRO, "| 事实 fact | 中文 | English | 警报 alerts |\n|---|---|---|---|\n"]
    for key, words in FACTS.items():
        kinds = "、".join(f"`{kind}`" for kind in words.kinds)
        parts.append(f"| `{key}` | {words.zh.format(' … ')} | {words.en.format('…')} | {kinds} |\n".replace("  ", " "))
    parts.append("\n## 种类 Kinds\n\n| 种类 kind | 规则 rule | 中文 | English |\n|---|---|---|---|\n")
    for kind, name in RULE_OF.items():
        rule = RULES[name]
        parts.append(f"| `{kind}` | `{name}` | {rule.title_zh} | {rule.title_en} |\n")
    return "".join(parts)
