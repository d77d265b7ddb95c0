"""Alerts in the trade's words: what each fact of a signal says, in one table, and an alert as one sentence.

`docs/signals.md` is made of the table; `tests/test_alert_words.py` holds that it lacks no fact that a signal tells.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from api.act_words import CAUSES_ZH, OUTCOMES_ZH, Words, english
from api.trace.view import named_en, named_zh
from api.words import china_time
from ledger.signals.alerts import Alert

How = Literal["plain", "kg", "holder"]
"""How a value is said: as it is, grams as kilograms, or who holds or where (`customer:K1`)."""


class FactWords(NamedTuple):
    """What a fact says, `{}` for its value, and of which kinds of alerts it is."""

    zh: str
    en: str
    kinds: tuple[str, ...]
    how: How = "plain"


# fmt: off
FACTS: dict[str, FactWords] = {
    "believed": FactWords("账上在{}", "by the ledger it is with {}", ("CUST",), "holder"),
    "claimed": FactWords("扫码或盘点称在{}", "the scan or count has it with {}", ("CUST",), "holder"),
    "conflicts": FactWords("矛盾 {} 次", "{} contradictions", ("CUST",)),
    "since_min": FactWords("距上次充装 {} 分钟", "{} min since its last fill", ("F1",)),
    "gone_g": FactWords("未出站而瓶内少气 {} 千克", "{} kg of its gas gone though it never left", ("F2",), "kg"),
    "missing_returns": FactWords("退回未扫 {} 次", "{} returns that nobody scanned", ("F2",)),
    "fills": FactWords("期内充装 {} 次", "{} fills within the period", ("F3",)),
    "start_weight_g": FactWords("充前重 {} 千克", "{} kg before the fill", ("F4", "F6"), "kg"),
    "tare_g": FactWords("登记皮重 {} 千克", "registered tare {} kg", ("F4", "F6"), "kg"),
    "lighter_g": FactWords("轻的一组自 {} 千克起", "the lighter group from {} kg", ("F5",), "kg"),
    "heavier_g": FactWords("重的一组自 {} 千克起", "the heavier group from {} kg", ("F5",), "kg"),
    "code": FactWords("瓶上另读到编码 {}", "another code read on its body, {}", ("F7",)),
    "times": FactWords("录入的钢印不符 {} 次", "a stamp not its own keyed {} times", ("F7",)),
    "place": FactWords("见于{}", "seen at {}", ("F8",), "holder"),
    "other": FactWords("又见于{}", "and at {}", ("F8",), "holder"),
    "apart_s": FactWords("相隔 {} 秒", "{} s apart", ("F8",)),
    "codes": FactWords("同样次序 {} 只", "{} in the same order", ("F9",)),
    "scales": FactWords("同时用秤 {} 台", "{} scales at once", ("F10",)),
    "held_kg": FactWords("罐次应有 {} 千克", "{} kg were in the lot", ("F11",)),
    "filled_kg": FactWords("已从中充装 {} 千克", "{} kg filled from it", ("F11",)),
    "missing_kg": FactWords("对不上 {} 千克", "{} kg unaccounted for", ("F11",)),
    "missing": FactWords("缺流水号 {} 个", "{} numbers missing", ("F12",)),
    "first": FactWords("最早缺 {} 号", "the first of them {}", ("F12",)),
    "hour": FactWords("充装于 {} 时", "filled in hour {} of the day", ("F13",)),
    "line": FactWords("充装秤 {}", "line {}", ("F13",)),
    "checks": FactWords("当日充装后检查 {} 次", "{} post-checks that day", ("F14",)),
    "hasty": FactWords("其中一人包办且过快 {} 次", "{} of them alone and in haste", ("F14",)),
    "held": FactWords("持有 {} 只", "{} held", ("F15",)),
    "resting": FactWords("重瓶久留 {} 只", "{} full ones rest there too long", ("F15",)),
    "district": FactWords("送往行政区 {}", "brought to district {}", ("F15",)),
    "seller": FactWords("销售企业 {} 的许可不覆盖该区", "which no permit of the seller {} covers", ("F15",)),
    "loss_g": FactWords("少了 {} 千克", "{} kg lighter", ("F16",), "kg"),
    "vehicle": FactWords("车辆 {}", "vehicle {}", ("F16",)),
    "inspections": FactWords("当日检验 {} 只", "{} inspections that day", ("F17",)),
    "same": FactWords("皮重测值相同 {} 只", "{} with one and the same tare", ("F17",)),
    "labels": FactWords("期内换标 {} 次", "{} labels changed within the period", ("F18",)),
    "suspended_by": FactWords("停气企业 {}", "suspended by {}", ("F21",)),
    "waited_h": FactWords("隐患消除已 {} 小时", "the hazard gone for {} h", ("F21",)),
    "due": FactWords("检验应不迟于 {}", "its inspection was due by {}", ("F20",)),
}
# fmt: on
"""What the facts of alerts say, by their keys."""


def fact_words(key: str, value: int | str) -> Words:
    """A fact in words; KeyError for one that is none."""
    words = FACTS[key]
    match words.how:
        case "kg":
            said = f"{int(value) / 1000:.2f}"
            return words.zh.format(said), words.en.format(said)
        case "holder":
            place = str(value).replace("door:", "premises:", 1)
            return words.zh.format(f" {named_zh(place)}"), words.en.format(named_en(place))
        case _:
            return words.zh.format(value), words.en.format(value)


def alert_sentence(one: Alert, code: str | None, *, overdue: bool) -> Words:
    """An alert as one sentence: what it is about, what was seen, by which entries, until when, and what came of it.

    `code`: one that the cylinder carries, where it is about one.
    """
    about = one.key if code is None else f"cylinder:{code}"
    facts = [fact_words(key, value) for key, value in one.facts.items()]
    parts = [*facts, *_shown(one), _state(one, overdue=overdue)]
    return (
        f"{named_zh(about)}：" + "；".join(zh for zh, _ in parts),
        f"{named_en(about)}: " + "; ".join(en for _, en in parts),
    )


def _shown(one: Alert) -> Iterator[Words]:
    first, last = one.entries[0], one.entries[-1]
    yield (
        (f"见 #{first}", f"see #{first}") if first == last else (f"见 #{first} 至 #{last}", f"see #{first} to #{last}")
    )
    if one.times > 1:
        yield f"共 {one.times} 次", f"{one.times} times"


def _state(one: Alert, *, overdue: bool) -> Words:
    if one.cause is not None and one.outcome is not None:
        return (
            f"已处置（#{one.settled}）：原因 {CAUSES_ZH[one.cause]}，结果 {OUTCOMES_ZH[one.outcome]}",
            f"settled (#{one.settled}): cause {english(one.cause)}, outcome {english(one.outcome)}",
        )
    until = china_time(one.deadline)
    late = ("，已逾期", ", overdue") if overdue else ("", "")
    return f"未处置，期限 {until}{late[0]}", f"open, due by {until}{late[1]}"
