"""Recalls, drills and incidents in lines for a terminal, Chinese first."""

from collections.abc import Iterable, Iterator

from api.recall.incident import Frozen, IncidentReport, IncidentSummary
from api.recall.report import Holder, RecallReport, RecallSummary
from api.words import china_time
from ledger.mass import LotMass, StationMass
from ledger.recall import Affected, Clock, Where

MOST_LINES = 20

WHERE: dict[Where, str] = {
    "customer": "用户处 at a customer",
    "vehicle": "车上 on a vehicle",
    "site": "站内 at a site",
    "set_aside": "已隔离 set aside",
    "scrapped": "已报废 scrapped",
    "unknown": "去向不明 unknown",
}
_FIRST: tuple[Where, ...] = ("customer", "unknown", "vehicle", "site", "set_aside", "scrapped")
"""A terminal shows the first of a list: those that somebody may light come first."""


def recalls_lines(recalls: Iterable[RecallSummary]) -> Iterator[str]:
    """One line each."""
    listed = [f"{_heading(one)}" for one in recalls]
    yield from listed or ["没有 · none"]


def _heading(one: RecallSummary) -> str:
    kind = "演练 drill" if one.drill else "召回 recall"
    closed = "进行中 open" if one.closed_at is None else f"已结束 closed {china_time(one.closed_at)}"
    return f"{kind} {one.recall}：{one.opened_at_text}（第 {one.opened_index} 条 entry），{closed}"


def recall_lines(report: RecallReport) -> Iterator[str]:
    """A recall or drill: what it reaches, how far it is, who has yet to answer, whom to call."""
    summary, progress = report.summary, report.progress
    yield _heading(summary)
    if summary.drill:
        yield "演练不拦任何气瓶 · a drill closes no gate"
    if report.lots:
        shares = "、".join(f"{lot} {share}‰" for lot, share in report.lots.items())
        yield f"可能含该罐次气体的罐次 lots that may contain its gas: {shares}"
    yield (
        f"涉及 affected {progress.affected}，已收回 back {progress.back}，"
        f"曾涉及、此后已重新充装、检验或配送 matched once, no longer {len(report.before)}"
    )
    for where, count in progress.where.items():
        yield f"  {WHERE[where]}: {count}"
    yield from _some("未登记的编码，须现场查找 codes nobody registered, go and look", [
        f"{one.code}（第 {one.matched.entry_index} 条 entry）" for one in report.unregistered
    ])  # fmt: skip
    yield from _some("企业 enterprises", [_clock(one) for one in report.enterprises])
    yield from _some("持有者 holders", [_holder(one) for one in report.holders])
    affected = sorted(report.affected, key=_urgency)
    yield from _some("气瓶 cylinders", [_affected(one) for one in affected])
    if summary.drill:
        yield from _masses(report)
    spent = "，".join(f"{part} {ms} ms" for part, ms in report.ms.items())
    yield f"用时 took: {spent}"


def _urgency(one: Affected | Frozen) -> int:
    return _FIRST.index(one.where)


def _clock(one: Clock) -> str:
    said = "未确认 not acknowledged" if one.acknowledged_at is None else f"已确认 at {china_time(one.acknowledged_at)}"
    late = "，超时 OVERDUE" if one.overdue else "，逾期确认 late" if one.late else ""
    return (
        f"{one.enterprise}：{one.cylinders} 只，截止 due {china_time(one.due_at)}，{said}{late}，已告知 told {one.told}"
    )


def _holder(one: Holder) -> str:
    enterprise = one.enterprise or "企业不明 enterprise unknown"
    return f"{one.holder}（{enterprise}）{one.cylinders} 只 {' '.join(one.premises)}".rstrip()


def _affected(one: Affected) -> str:
    entries = " ".join(f"#{match.entry_index}" for match in one.matched)
    code = one.codes[0] if one.codes else one.cylinder
    premises = () if one.premises is None else (one.premises,)
    return " ".join((code, WHERE[one.where], one.holder, *premises, entries)).rstrip()


def _masses(report: RecallReport) -> Iterator[str]:
    yield (
        "质量平衡，千克 mass balance, kg: "
        "进气 received / 充装 filled / 交付 delivered / 退回 returned / 库存 in stock / 差 difference"
    )
    for lot in report.lot_mass:
        left = "不明 unknown" if lot.left_g is None else _kg(lot.left_g)
        yield f"  罐次 lot {lot.tank_lot}（{lot.site}）: {_row(lot)}；罐内应余 left in its tank {left}"
    for site in report.station_mass:
        yield f"  站点 site {site.site}: {_row(site)}"


def _row(mass: LotMass | StationMass) -> str:
    figures = (mass.received_g, mass.filled_g, mass.delivered_g, mass.returned_g, mass.in_stock_g, mass.difference_g)
    return " / ".join(_kg(grams) for grams in figures)


def _kg(grams: int) -> str:
    return f"{grams / 1000:.1f}"


def incidents_lines(incidents: Iterable[IncidentSummary]) -> Iterator[str]:
    """One line each."""
    listed = [_incident(one) for one in incidents]
    yield from listed or ["没有 · none"]


def _incident(one: IncidentSummary) -> str:
    lifted = "冻结中 frozen" if one.lifted_at is None else f"已解除 lifted {china_time(one.lifted_at)}"
    return f"事故 incident {one.incident}：{one.opened_at_text}（第 {one.opened_index} 条 entry），{lifted}"


def incident_lines(report: IncidentReport) -> Iterator[str]:
    """An incident: where and when, what it holds, and which cylinders it keeps back."""
    yield _incident(report.summary)
    yield _scene(report)
    yield f"快照 snapshot: 第 {report.summary.opened_index} 条 entry, {report.summary.opened_leaf}"
    yield from _some("冻结 holds", [
        f"{one.held}（{one.enterprise or '-'}）{one.cylinders} 只" for one in report.holds
    ])  # fmt: skip
    yield from _some("拦住的气瓶 cylinders kept back", [
        f"{one.codes[0] if one.codes else one.cylinder} {WHERE[one.where]} {one.holder}（{' '.join(one.by)}）"
        for one in sorted(report.cylinders, key=_urgency)
    ])  # fmt: skip


def _scene(report: IncidentReport) -> str:
    """Premises, cylinder and time as the next questions take them."""
    claim = report.summary.claim
    parts = [f"报告时刻 reported {china_time(claim.scanned_at).replace(' ', 'T')}"]
    if claim.premises is not None:
        parts.insert(0, f"场所 premises {claim.premises}")
    if claim.cylinder is not None:
        codes = next((one.codes for one in report.cylinders if one.cylinder == claim.cylinder), ())
        parts.insert(1, f"气瓶 cylinder {' '.join(codes) or claim.cylinder}")
    return "，".join(parts)


def _some(title: str, lines: list[str]) -> Iterator[str]:
    """A titled list, of which a terminal shows the first; `--json` has them all."""
    if not lines:
        return
    yield f"{title}: {len(lines)}"
    yield from (f"  {line}" for line in lines[:MOST_LINES])
    if len(lines) > MOST_LINES:
        yield f"  … 另有 and {len(lines) - MOST_LINES} more (--json)"
