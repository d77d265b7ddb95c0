"""An answer as rows, the same for CSV and XLSX: what is known first, with its entry, then one row a statement."""

from collections.abc import Iterator

from api.trace.asking import Answer
from api.trace.story import Story
from api.trace.terms import FACTS
from api.trace.view import (
    ContradictionView,
    FactView,
    HeldView,
    PaperView,
    PlaceView,
    StatementView,
    Views,
    named_en,
    named_zh,
    value_en,
)
from api.words import ACTS, zoned
from api.workbook import Cells
from ledger.reasons import text_of
from ledger.trace.counts import Counts, Tally

TITLES = (
    "日志 log", "部分 section", "条目 entry", "记录时间 recorded at", "发生时间 happened at", "标记 flags", "行为 act",
    "结果 outcome", "中文 Chinese", "英文 English", "规则 rules", "站点 site", "人员 person", "车辆 vehicle",
    "用户 customer", "场所 premises", "气瓶 cylinder", "编码 code", "签名者 signer", "叶哈希 leaf",
    "记录毫秒 recorded ms", "发生毫秒 happened ms",
)  # fmt: skip


def rows_of(answer: Answer) -> Iterator[Cells]:
    """All rows of an answer under `TITLES`; times are China's, and as ms UTC beside them."""
    for story in answer.stories:
        log = story.head.log
        for row in _story(story):
            yield (log, *row)


def _story(story: Story) -> Iterator[Cells]:
    head, tally, views = story.head, Tally(), Views()
    yield from map(_fact, head.facts)
    yield from map(_paper, head.papers)
    yield from (_place("在何处 places", one) for one in head.places)
    yield from map(_contradiction, head.contradictions)
    yield from (_place("气瓶 held", one) for one in head.held)
    yield from (_row("罐次 lots", f"{lot}：{share}‰", f"{lot}: {share} permille") for lot, share in head.lots.items())
    for one in story.statements:
        yield _statement("记录 record", views(tally.add(one)))
    for one in story.later:
        yield _statement("事后 later", views(one))
    yield from (_row("合计 totals", zh, en) for zh, en in totals(tally.counts))
    if head.evidence is not None:
        yield _row("证据包 evidence", f"GET {head.evidence}", f"GET {head.evidence}")


def _row(
    section: str, zh: str, en: str, *, entry: int | None = None, recorded_at: int | None = None,
    seen_at: int | None = None, marks: str = "", act: str | None = None, outcome: str | None = None,
    rules: str | None = None, where: Cells = (None,) * 7, signer: str | None = None, leaf: str | None = None,
) -> Cells:  # fmt: skip
    """One row after the log's column. `where`: site, person, vehicle, customer, premises, cylinder, code."""
    times = (None if at is None else zoned(at) for at in (recorded_at, seen_at))
    return (section, entry, *times, marks, act, outcome, zh, en, rules, *where, signer, leaf, recorded_at, seen_at)


def _fact(one: FactView) -> Cells:
    behind = one.behind
    return _row(
        "来源 facts", f"{one.what_zh}：{one.value_zh}", fact_en(one), entry=behind.entry_index,
        recorded_at=behind.recorded_at, leaf=behind.leaf,
    )  # fmt: skip


def fact_en(one: FactView) -> str:
    """A fact in English."""
    return f"{FACTS[one.what][1]}: {value_en(one.what, one.value)}"


def _paper(one: PaperView) -> Cells:
    filed = one.behind
    if filed is None:
        return _row("证照 papers", one.zh, paper_en(one))
    return _row(
        "证照 papers", one.zh, paper_en(one), entry=filed.entry_index, recorded_at=filed.recorded_at, leaf=filed.leaf
    )


def paper_en(one: PaperView) -> str:
    """Whether a paper held, in English."""
    if one.claim is None:
        return f"{named_en(one.subject or one.holder)}: nothing on record then"
    return f"{named_en(one.subject or one.holder)}: {'in force' if one.in_force else 'not in force'} then"


def place_zh(one: PlaceView) -> str:
    """Where something stands, in Chinese."""
    parts = [named_zh(one.holder)]
    parts += [] if one.premises is None else [f"场所 {one.premises}"]
    parts += [] if one.carrier is None else [f"经手 {one.carrier}"]
    return " ".join(parts)


def place_en(one: PlaceView) -> str:
    """Where something stands, in English."""
    parts = [named_en(one.holder)]
    parts += [] if one.premises is None else [f"premises {one.premises}"]
    parts += [] if one.carrier is None else [f"carried by {one.carrier}"]
    return ", ".join(parts)


def _place(section: str, one: PlaceView) -> Cells:
    marks = "; ".join(mark for mark, said in (("迟报 late", one.late), ("推定 inferred", one.inferred)) if said)
    held = (one.party, one.codes[0] if one.codes else None) if isinstance(one, HeldView) else (None, None)
    content = f"，{one.content_zh}" if isinstance(one, HeldView) and one.content_zh else ""
    return _row(
        section, f"{place_zh(one)}，至 {one.until_text or '今'}{content}",
        f"{place_en(one)}, until {one.until_text or 'now'}", entry=one.entry_index, recorded_at=one.recorded_at,
        seen_at=one.since, marks=marks, where=(*[None] * 5, *held),
    )  # fmt: skip


def contradiction(one: ContradictionView) -> tuple[str, str]:
    """Who held it by the ledger, and who by the scan."""
    zh = f"扫码时应在 {named_zh(one.expected)}，账上在 {named_zh(one.holder)}"
    return zh, f"by the scan with {named_en(one.expected)}, by the ledger with {named_en(one.holder)}"


def _contradiction(one: ContradictionView) -> Cells:
    return _row(
        "矛盾 contradictions", *contradiction(one), entry=one.entry_index, recorded_at=one.recorded_at,
        seen_at=one.seen_at,
    )  # fmt: skip


def _statement(section: str, one: StatementView) -> Cells:
    where = (one.site, one.person, one.vehicle, one.customer, one.premises, one.cylinder, one.code)
    return _row(
        section, one.zh, one.en, entry=one.entry_index, recorded_at=one.recorded_at, seen_at=one.seen_at,
        marks=flags_of(one), act=f"{ACTS[one.act][0]} {one.act}",
        outcome=f"{'受理' if one.accepted else '拒绝'} {one.outcome_type}",
        rules="; ".join(f"{found.rule} {found.reason}" for found in one.findings), where=where, signer=one.signer,
        leaf=one.leaf,
    )  # fmt: skip


def totals(counts: Counts) -> Iterator[tuple[str, str]]:
    """The figures of a story: entries, cylinders, gas; how often each act came out how; how often each reason."""
    gas = (
        (f"，充装 {counts.gas_g / 1000:.2f} 千克", f", {counts.gas_g / 1000:.2f} kg filled")
        if counts.gas_g
        else ("", "")
    )
    yield (
        f"{counts.entries} 条，气瓶 {counts.cylinders} 只{gas[0]}",
        f"entries {counts.entries}, cylinders {counts.cylinders}{gas[1]}",
    )
    for one in counts.acts:
        more = (
            ("受理", "accepted", one.accepted), ("拒绝", "refused", one.refused), ("违规", "broken", one.violations),
            ("迟报", "late", one.late),
        )  # fmt: skip
        said = [(f"{zh} {times}", f"{en} {times}") for zh, en, times in more if times]
        act_zh, act_en = ACTS[one.act]
        yield f"{act_zh}：" + "，".join(zh for zh, _ in said), f"{act_en}: " + ", ".join(en for _, en in said)
    for reason, times in counts.reasons.items():
        zh, en = text_of(reason)
        yield f"{times} 次：{zh}", f"{times} times: {en}"


def flags_of(one: StatementView) -> str:
    """Why a statement is to be read with care: recorded late, a correction, or after the instant asked for."""
    marks = (("迟报 late", one.late), ("更正 correction", one.correction), ("事后记录 afterwards", not one.known))
    return "; ".join(mark for mark, said in marks if said)
