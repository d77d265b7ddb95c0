"""Recalls, drills and incidents in lines for a terminal, Chinese first."""

from collections.abc import Iterable, Iterator

from api.recall.incident import Frozen, IncidentReport, IncidentSummary
from api.recall.report import Holder, RecallReport, RecallSummary
from api.trace.view import named
from api.words import china_time
from ledger import claim as c
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
FIRST: tuple[Where, ...] = ("customer", "unknown", "vehicle", "site", "set_aside", "scrapped")
"""A terminal shows the first of a list: those that somebody may light come first."""


_CHINAS = "时间为中国时间，# 后是条目号 · times are China's (+08:00), # is an entry"
_SELECTORS: dict[str, str] = {
    "maker": "制造单位 maker", "made_from": "制造自 made from", "made_to": "制造至 made to", "phase": "气相 phase",
    "model": "型号 model", "valve_model": "阀门型号 valve model", "line": "充装秤 line", "tank_lot": "罐次 tank lot",
    "filler": "充装人员 filler", "filled_from": "充装自 filled from", "filled_to": "充装至 filled to",
    "inspected_at": "检验站点 inspected at", "inspector": "检验人员 inspector", "inspected_on": "检验日期 inspected on",
    "vehicle": "车辆 vehicle", "worker": "送气工 worker",
}  # fmt: skip
"""What a recall may ask for, by the fields of its claim."""


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
    yield _CHINAS
    yield f"条件，须全部符合 selectors, all of which fit: {_selectors(summary.claim)}"
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
    yield f"证据包 evidence：GET {report.evidence}"


def _selectors(claim: c.OpenRecall) -> str:
    asked = ((name, getattr(claim, field)) for field, name in _SELECTORS.items())
    said = (f"{name} {china_time(value) if isinstance(value, int) else value}" for name, value in asked if value)
    return "，".join(said) or "不限 any"


def _urgency(one: Affected | Frozen) -> int:
    return FIRST.index(one.where)


def _clock(one: Clock) -> str:
    said = "未确认 not acknowledged" if one.acknowledged_at is None else f"已确认 at {china_time(one.acknowledged_at)}"
    late = "，超时 OVERDUE" if one.overdue else "，逾期确认 late" if one.late else ""
    due = f"截止 due {china_time(one.due_at)}"
    return f"单位 enterprise {one.enterprise}：{one.cylinders} 只，{due}，{said}{late}，已告知 told {one.told}"


def _holder(one: Holder) -> str:
    enterprise = "单位不明 enterprise unknown" if one.enterprise is None else f"单位 enterprise {one.enterprise}"
    premises = "、".join(f"场所 premises {key}" for key in one.premises)
    return f"{named(one.holder)}（{enterprise}）{one.cylinders} 只 {premises}".rstrip()


def _affected(one: Affected) -> str:
    entries = " ".join(f"#{match.entry_index}" for match in one.matched)
    return f"{_code(one)} {_there(one)} {entries}".rstrip()


def _code(one: Affected | Frozen) -> str:
    """What can be read on it, its id where nothing can."""
    return one.codes[0] if one.codes else f"气瓶 cylinder {one.cylinder}"


def _there(one: Affected | Frozen) -> str:
    """Where it is: the holder says it, but for what is set aside, scrapped or lost."""
    parts = [named(one.holder)] if one.where in ("customer", "vehicle", "site") else [WHERE[one.where]]
    parts += [named(one.holder)] if one.where in ("set_aside", "scrapped") else []
    parts += [] if one.premises is None else [f"场所 premises {one.premises}"]
    return " ".join(parts)


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
    yield _CHINAS
    yield f"快照 snapshot: 第 {report.summary.opened_index} 条 entry, {report.summary.opened_leaf}"
    yield from _some("冻结 holds", [
        f"{_held(one.held, report)}（{'-' if one.enterprise is None else f'单位 enterprise {one.enterprise}'}）"
        f"{one.cylinders} 只" for one in report.holds
    ])  # fmt: skip
    yield from _some("拦住的气瓶 cylinders kept back", [
        f"{_code(one)} {_there(one)}（因 for {'、'.join(_held(held, report) for held in one.by)}）"
        for one in sorted(report.cylinders, key=_urgency)
    ])  # fmt: skip
    yield f"证据包 evidence：GET {report.evidence}"


def _held(held: str, report: IncidentReport) -> str:
    """What is held; a cylinder by what can be read on it."""
    codes = {f"cylinder:{one.cylinder}": one.codes[0] for one in report.cylinders if one.codes}
    return named(f"cylinder:{codes[held]}" if held in codes else held)


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
