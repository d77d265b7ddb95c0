"""An answer as rows, the same for CSV and XLSX: what is known first, with its entry, then one row a statement."""

from collections.abc import Iterator

from api.trace.asking import Answer
from api.trace.story import Story
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
from api.words import china_time
from api.workbook import Cells

TITLES = (
    "日志 log", "部分 section", "条目 entry", "记录时间 recorded at", "发生时间 happened at", "标记 flags", "行为 act",
    "结果 outcome", "中文 Chinese", "英文 English", "规则 rules", "站点 site", "人员 person", "车辆 vehicle",
    "用户 customer", "场所 premises", "气瓶 cylinder", "编码 code", "签名者 signer", "叶哈希 leaf",
)  # fmt: skip


def rows_of(answer: Answer) -> Iterator[Cells]:
    """All rows of an answer under `TITLES`; times are China's."""
    for story in answer.stories:
        log = story.head.log
        for row in _story(story):
            yield (log, *row)


def _story(story: Story) -> Iterator[Cells]:
    head = story.head
    yield from map(_fact, head.facts)
    yield from map(_paper, head.papers)
    yield from (_place("在何处 places", one) for one in head.places)
    yield from map(_contradiction, head.contradictions)
    yield from (_place("气瓶 held", one) for one in head.held)
    yield from (_plain("罐次 lots", f"{lot}：{share}‰", f"{lot}: {share} permille") for lot, share in head.lots.items())
    for one in story.statements:
        yield _statement("记录 record", statement_view(one))
    for one in story.later:
        yield _statement("事后 later", statement_view(one))


def _fact(one: FactView) -> Cells:
    said = (f"{one.what_zh}：{one.value_zh}", f"{one.what}: {one.value}")
    at = china_time(one.behind.recorded_at)
    return ("来源 facts", one.behind.entry_index, at, *[None] * 4, *said, *[None] * 9, one.behind.leaf)


def _paper(one: PaperView) -> Cells:
    en = f"{one.subject or one.holder}: {'in force' if one.in_force else 'not in force'}"
    filed = one.behind
    entry, at, leaf = (
        (None, None, None) if filed is None else (filed.entry_index, china_time(filed.recorded_at), filed.leaf)
    )
    return ("证照 papers", entry, at, *[None] * 4, one.zh, en, *[None] * 9, leaf)


def place_zh(one: PlaceView) -> str:
    """Where something stands, in Chinese."""
    parts = [named_zh(one.holder)]
    parts += [] if one.premises is None else [f"场所 {one.premises}"]
    parts += [] if one.carrier is None else [f"经手 {one.carrier}"]
    return " ".join(parts)


def _place(section: str, one: PlaceView) -> Cells:
    there = " ".join(part for part in (one.holder, one.premises, one.carrier) if part is not None)
    marks = "; ".join(mark for mark, said in (("迟报 late", one.late), ("推定 inferred", one.inferred)) if said)
    said = (f"{place_zh(one)}，至 {one.until_text or '今'}", f"{there}, until {one.until_text or 'now'}")
    held = (one.party, one.codes[0] if one.codes else None) if isinstance(one, HeldView) else (None, None)
    at = china_time(one.recorded_at)
    return (section, one.entry_index, at, one.since_text, marks, None, None, *said, *[None] * 6, *held, None, None)


def _contradiction(one: ContradictionView) -> Cells:
    zh = f"扫码时应在 {named_zh(one.expected)}，账上在 {named_zh(one.holder)}"
    en = f"by the scan with {one.expected}, by the ledger with {one.holder}"
    at = (one.entry_index, china_time(one.recorded_at), china_time(one.seen_at))
    return ("矛盾 contradictions", *at, *[None] * 3, zh, en, *[None] * 10)


def _plain(section: str, zh: str, en: str) -> Cells:
    return (section, *[None] * 6, zh, en, *[None] * 10)


def _statement(section: str, one: StatementView) -> Cells:
    rules = "; ".join(f"{found.rule} {found.reason}" for found in one.findings)
    return (
        section, one.entry_index, one.recorded_at_text, one.seen_at_text, flags_of(one), one.act, one.outcome_type,
        one.zh, one.en, rules, one.site, one.person, one.vehicle, one.customer, one.premises, one.cylinder, one.code,
        one.signer, one.leaf,
    )  # fmt: skip


def flags_of(one: StatementView) -> str:
    """Why a statement is to be read with care: recorded late, a correction, or after the instant asked for."""
    marks = (("迟报 late", one.late), ("更正 correction", one.correction), ("事后记录 afterwards", not one.known))
    return "; ".join(mark for mark, said in marks if said)
