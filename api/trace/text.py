"""Answers as lines for a person at a terminal: one a statement, Chinese, with its entry's number and China's time."""

from collections.abc import Iterator

from api.trace.asking import Answer, json_of
from api.trace.rows import TITLES, flags_of, place_zh, rows_of
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
    named_zh,
    statement_view,
)
from api.words import ACTS, china_time
from ledger import claim as c
from ledger.reasons import text_of
from ledger.trace.counts import Counts, Tally
from ledger.trace.statement import Window


def tell_story(answer: Answer) -> Telling:
    """The answer in every way."""
    return Telling(json_of(answer), TITLES, rows_of(answer), _lines(answer))


def _lines(answer: Answer) -> Iterator[str]:
    """An answer line by line, as it is read."""
    asked = answer.question
    yield f"{KINDS[asked.kind][0]} {asked.id}{_window(asked.window)}；所查日志：{'、'.join(answer.logs_asked)}"
    for story in answer.stories:
        yield from _story(story, asked.window)


def _window(window: Window) -> str:
    parts = (("起", window.from_ms), ("止", window.to_ms), ("当时所知", window.known_at))
    said = [f"{name} {china_time(at)}" for name, at in parts if at is not None]
    return f"（{'，'.join(said)}）" if said else ""


def _story(story: Story, window: Window) -> Iterator[str]:
    head = story.head
    yield ""
    yield f"日志 {head.log}　{named_zh(head.subject)}" + (f"　编码 {'、'.join(head.codes)}" if head.codes else "")
    yield from _section("来源与现状", map(_fact, head.facts))
    yield from _section("证照（当时）", map(_paper, head.papers))
    yield from _section("在何处", map(_place, head.places))
    yield from _section("矛盾", map(_contradiction, head.contradictions))
    yield from _section("现有气瓶" if window.until is None else "当时气瓶", map(held_line, head.held))
    yield from _section("可能含有该罐次气体的罐次", (f"{lot}　{share}‰" for lot, share in head.lots.items()))
    tally = Tally()
    yield from _section("记录", (_statement(statement_view(tally.add(one))) for one in story.statements))
    if window.until is not None:
        yield from _section("事后记录（当时不知）", (_statement(statement_view(one)) for one in story.later))
    yield from _section("合计", _counts(tally.counts))
    if head.evidence is not None:
        yield f"证据包：GET {head.evidence}"


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    """A title and its lines, indented; nothing for no line."""
    for number, line in enumerate(lines):
        if not number:
            yield f"{title}："
        yield f"  {line}"


def _fact(one: FactView) -> str:
    if one.what == "net_g":
        return f"{_number(one.behind.entry_index)} 净重：{int(one.value) / 1000:.2f} 千克"
    return f"{_number(one.behind.entry_index)} {one.what_zh}：{one.value_zh}"


def _paper(one: PaperView) -> str:
    changed = "".join(f"　其后变更 #{filed.entry_index}" for filed in one.changed)
    building = one.claim.building if isinstance(one.claim, c.FilePremises) else None
    inside = "" if building is None else f"，楼栋 {building}"
    return f"{_number(None if one.behind is None else one.behind.entry_index)} {one.zh}{inside}{changed}"


def _place(one: PlaceView) -> str:
    marks = [mark for mark, said in (("迟报", one.late), ("推定", one.inferred)) if said]
    said = f"{_number(one.entry_index)} {one.since_text} 至 {one.until_text or '今':<19} {place_zh(one)}"
    return said + (f"（{'、'.join(marks)}）" if marks else "")


def _contradiction(one: ContradictionView) -> str:
    said = f"扫码时应在 {named_zh(one.expected)}，账上在 {named_zh(one.holder)}"
    return f"{_number(one.entry_index)} {china_time(one.seen_at)} {said}"


def held_line(one: HeldView) -> str:
    """A cylinder that stands somewhere, in one line."""
    said = [f"{_number(one.entry_index)} {one.since_text} 起 {'、'.join(one.codes) or one.party}"]
    said += [one.content_zh] if one.content_zh is not None else []
    if one.last_fill is not None:
        said.append(f"充装 {one.last_fill.at_text} {one.last_fill.station} 罐次 {one.last_fill.tank_lot}")
    return "　".join(said)


def _number(entry_index: int | None) -> str:
    return f"{'无' if entry_index is None else f'#{entry_index}':<8}"


def _statement(one: StatementView) -> str:
    named = (
        ("站点", one.site), ("人员", one.person), ("车辆", one.vehicle), ("用户", one.customer), ("场所", one.premises),
        ("编码", one.code),
    )  # fmt: skip
    said = f"{_number(one.entry_index)} {one.recorded_at_text} {one.zh}"
    where = " ".join(f"{name} {key}" for name, key in named if key is not None)
    marks = flags_of(one)
    happened = f"　发生于 {one.seen_at_text}" if one.late else ""
    return said + (f"　{where}" if where else "") + happened + (f"　［{marks}］" if marks else "")


def _counts(counts: Counts) -> Iterator[str]:
    gas = f"，充装 {counts.gas_g / 1000:.2f} 千克" if counts.gas_g else ""
    yield f"{counts.entries} 条，气瓶 {counts.cylinders} 只{gas}"
    for one in counts.acts:
        more = (("拒绝", one.refused), ("违规", one.violations), ("迟报", one.late))
        said = [f"通过 {one.accepted}", *(f"{name} {times}" for name, times in more if times)]
        yield f"{ACTS[one.act][0]}：{'，'.join(said)}"
    for reason, times in counts.reasons.items():
        yield f"{times} 次：{text_of(reason)[0]}"
