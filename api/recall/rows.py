"""Recalls and incidents in every way that they may be asked for: as a table they are the list of whom to call."""

from collections.abc import Iterator

from msgspec import json as mjson

from api.recall.incident import Frozen, IncidentReport
from api.recall.report import RecallReport
from api.recall.text import FIRST, WHERE, incident_lines, recall_lines
from api.trace.telling import Telling
from api.trace.view import named_en, named_zh
from api.words import zoned
from api.workbook import Cells
from ledger.recall import Affected

_WHO = (
    "编码 code", "气瓶 cylinder", "产权 owner", "所在 where", "持有者（中文）holder (Chinese)", "持有者 holder",
    "持有单位 holder's enterprise", "场所 premises",
)  # fmt: skip
RECALL_TITLES = ("日志 log", "召回 recall", "部分 section", *_WHO, "条目 entries", "最近记录于 last recorded at")
INCIDENT_TITLES = ("日志 log", "事故 incident", "部分 section", *_WHO, "因（中文）for (Chinese)", "因 for")


def tell_recall(report: RecallReport) -> Telling:
    """A recall or drill: JSON, a row a cylinder with its holder, lines."""
    return Telling(iter((mjson.encode(report),)), RECALL_TITLES, _recall_rows(report), recall_lines(report))


def tell_incident(report: IncidentReport) -> Telling:
    """An incident: JSON, a row a cylinder that it keeps back, lines."""
    return Telling(iter((mjson.encode(report),)), INCIDENT_TITLES, _incident_rows(report), incident_lines(report))


def _recall_rows(report: RecallReport) -> Iterator[Cells]:
    """Those that somebody may light come first."""
    enterprises = {one.holder: one.enterprise for one in report.holders}
    head = report.log, report.summary.recall
    for section, listed in (("涉及 affected", report.affected), ("曾涉及 before", report.before)):
        for one in sorted(listed, key=lambda one: FIRST.index(one.where)):
            last = max((match.recorded_at for match in one.matched), default=None)
            entries = " ".join(f"#{match.entry_index}" for match in one.matched)
            who = _who(one, one.owner, enterprises.get(one.holder))
            yield (*head, section, *who, entries, None if last is None else zoned(last))
    for code in report.unregistered:
        found = f"#{code.matched.entry_index}", zoned(code.matched.recorded_at)
        yield (*head, "未登记 unregistered", code.code, *[None] * 7, *found)


def _incident_rows(report: IncidentReport) -> Iterator[Cells]:
    head = report.log, report.summary.incident
    for one in sorted(report.cylinders, key=lambda one: FIRST.index(one.where)):
        by = "、".join(map(named_zh, one.by)), ", ".join(map(named_en, one.by))
        yield (*head, "冻结 kept back", *_who(one, None, None), *by)
    for held in report.holds:
        of = named_zh(held.held), named_en(held.held)
        yield (*head, "冻结之物 held", *[None] * 6, held.enterprise, None, *of)


def _who(one: Affected | Frozen, owner: str | None, enterprise: str | None) -> Cells:
    holder = named_zh(one.holder), named_en(one.holder)
    return (" ".join(one.codes), one.cylinder, owner, WHERE[one.where], *holder, enterprise, one.premises)
