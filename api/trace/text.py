"""Answers as lines for a person at a terminal: Chinese with its entry's number and China's time, then English."""

from collections.abc import Iterator

from api.act_words import WORDS_ZH
from api.trace.asking import Answer, json_of
from api.trace.rows import (
    TITLES,
    contradiction,
    fact_en,
    flags_of,
    paper_en,
    place_en,
    place_zh,
    rows_of,
    totals,
)
from api.trace.story import Story
from api.trace.telling import Telling
from api.trace.terms import KINDS
from api.trace.view import (
    ContradictionView,
    FactView,
    HeldView,
    PaperView,
    PlaceView,
    StatementView,
    Views,
    named_zh,
)
from api.words import china_time
from ledger import claim as c
from ledger.trace.counts import Tally
from ledger.trace.statement import Window

_ENGLISH = " " * 11
"""English stands under the Chinese, behind the entries' numbers."""


def tell_story(answer: Answer) -> Telling:
    """The answer in every way."""
    return Telling(json_of(answer), TITLES, rows_of(answer), _lines(answer))


def _lines(answer: Answer) -> Iterator[str]:
    """An answer line by line, as it is read."""
    asked = answer.question
    zh, en = KINDS[asked.kind]
    logs = "、".join(answer.logs_asked)
    yield f"{zh} {en} {asked.id}{_window(asked.window)}；所查日志 logs asked：{logs}"
    yield "时间为中国时间，# 后是作证的条目号 · times are China's (+08:00), # is the entry that says so"
    for story in answer.stories:
        yield from _story(story, asked.window)


def _window(window: Window) -> str:
    parts = (("起 from", window.from_ms), ("止 to", window.to_ms), ("当时所知 as known at", window.known_at))
    said = [f"{name} {china_time(at)}" for name, at in parts if at is not None]
    return f"（{'，'.join(said)}）" if said else ""


def _story(story: Story, window: Window) -> Iterator[str]:
    head, tally, views = story.head, Tally(), Views()
    held = "现有气瓶 cylinders there now" if window.until is None else "当时气瓶 cylinders there then"
    yield ""
    yield f"日志 {head.log}　{named_zh(head.subject)}" + (f"　编码 {'、'.join(head.codes)}" if head.codes else "")
    yield from _section("来源与现状 what is known", map(fact_line, head.facts))
    yield from _section("证照（当时） papers as they stood", map(_paper, head.papers))
    yield from _section("在何处 where it was", map(_place, head.places))
    yield from _section("矛盾 contradictions", map(_contradiction, head.contradictions))
    yield from _section(held, map(held_line, head.held))
    lots = (f"{lot}　{share}‰" for lot, share in head.lots.items())
    yield from _section("可能含有该罐次气体的罐次 lots that may contain its gas", lots)
    yield from _section("记录 records", (_statement(views(tally.add(one)), head.subject) for one in story.statements))
    if window.until is not None:
        later = (_statement(views(one), head.subject) for one in story.later)
        yield from _section("事后记录（当时不知） recorded afterwards, not known then", later)
    yield from _section("合计 totals", (f"{zh} · {en}" for zh, en in totals(tally.counts)))
    if head.evidence is not None:
        yield f"证据包 evidence：GET {head.evidence}"


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    """A title and its lines, indented; nothing for no line."""
    for number, line in enumerate(lines):
        if not number:
            yield f"{title}："
        yield f"  {line}"


def fact_line(one: FactView) -> str:
    """A fact in one line, with its entry."""
    said = f"{one.what_zh}：{one.value_zh}"
    if one.what == "net_g":
        said = f"净重：{int(one.value) / 1000:.2f} 千克"
    return f"{_number(one.behind.entry_index)} {china_time(one.behind.recorded_at)} {said} · {fact_en(one)}"


def _paper(one: PaperView) -> str:
    changed = "".join(f"　其后变更 changed in #{filed.entry_index}" for filed in one.changed)
    building = one.claim.building if isinstance(one.claim, c.FilePremises) else None
    inside = "" if building is None else f"，楼栋 {building}"
    entry = None if one.behind is None else one.behind.entry_index
    return f"{_number(entry)} {one.zh}{inside} · {paper_en(one)}{changed}"


def _place(one: PlaceView) -> str:
    marks = [mark for mark, said in (("迟报 late", one.late), ("推定 inferred", one.inferred)) if said]
    until = one.until_text or f"{'今 now':<18}"
    said = f"{_number(one.entry_index)} {one.since_text} 至 {until} {place_zh(one)} · {place_en(one)}"
    return said + (f"（{'、'.join(marks)}）" if marks else "")


def _contradiction(one: ContradictionView) -> str:
    zh, en = contradiction(one)
    return f"{_number(one.entry_index)} {china_time(one.seen_at)} {zh} · {en}"


def held_line(one: HeldView) -> str:
    """A cylinder that stands somewhere, in one line."""
    said = [f"{_number(one.entry_index)} {one.since_text} 起 {'、'.join(one.codes) or one.party}"]
    said += [WORDS_ZH["content"][one.content]] if one.content is not None else []
    if one.last_fill is not None:
        fill = one.last_fill
        said.append(f"充装 {fill.at_text} 站点 {fill.station} 罐次 {fill.tank_lot}")
    return "　".join(said)


def _number(entry_index: int | None) -> str:
    return f"{'无' if entry_index is None else f'#{entry_index}':<8}"


def _statement(one: StatementView, subject: str) -> str:
    named = (
        ("site", one.site), ("person", one.person), ("vehicle", one.vehicle), ("customer", one.customer),
        ("premises", one.premises), ("code", one.code),
    )  # fmt: skip
    others = [(kind, key) for kind, key in named if key is not None and f"{kind}:{key}" != subject]
    where = " ".join(f"{_WHERE_ZH[kind]} {key}" for kind, key in others)
    marks = flags_of(one)
    said = f"{_number(one.entry_index)} {one.recorded_at_text} {one.zh}"
    said += (f"　{where}" if where else "") + (f"　发生于 happened {one.seen_at_text}" if one.late else "")
    return said + (f"　［{marks}］" if marks else "") + f"\n{_ENGLISH}{one.en}"


_WHERE_ZH = {
    "site": "站点", "person": "人员", "vehicle": "车辆", "customer": "用户", "premises": "场所", "code": "编码",
}  # fmt: skip
