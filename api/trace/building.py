"""A building (楼栋) now, or as known at some moment, over all enterprises: its premises, and what stands in each."""

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec import json as mjson

from api.trace.asking import missed
from api.trace.homes import entries_at, facts_at
from api.trace.question import Question, Reader
from api.trace.rows import fact_en, place_zh
from api.trace.standing import stood, with_codes
from api.trace.telling import Telling
from api.trace.terms import STATUS_ZH
from api.trace.text import fact_line, held_line
from api.trace.view import FactView, HeldView, fact_views, held_view
from api.words import china_time, zoned
from api.workbook import Cells
from ledger.store.holding import Stock, stock_then
from ledger.store.read import log_state, reading
from ledger.store.tracing import cylinders_in, premises_then
from ledger.trace.statement import Window

TITLES = (
    "日志 log", "场所 premises", "用户 customer", "供气单位 enterprise", "登记条目 filed in entry", "类别 kind",
    "楼层 storey", "气瓶 cylinder", "编码 code", "条目 entry", "起 since", "内装 content", "充装站 filled at",
    "罐次 tank lot", "现状 what is known", "英文 English", "现状条目 entry behind it",
)  # fmt: skip
_STOREYS = {
    "above_ground": "地上", "semi_underground": "半地下", "underground": "地下", "garage": "车库",
    "store_room": "储藏室",
}  # fmt: skip


class PremisesView(Struct, frozen=True):
    """Premises in a building, as filed in entry `filed_in`, how they stand, and what stands there. `facts`: contracts,
    last checks, hazards, suspensions, refusals, each with the entry behind it.
    """

    premises: str
    customer: str | None
    enterprise: str
    kind: str
    kind_zh: str
    storey: str
    storey_zh: str
    filed_in: int
    facts: list[FactView]
    held: list[HeldView]


class BuildingView(Struct, frozen=True):
    """A building in one log, and how many cylinders stand in it. `evidence`: where that of the same question is had."""

    log: str
    evidence: str | None
    cylinders: int
    premises: list[PremisesView]


class BuildingAnswer(Struct, frozen=True):
    """What stands in a building, `known_at` that instant (ms UTC; None: now), by every log that was asked."""

    building: str
    town: str | None
    known_at: int | None
    logs_asked: list[str]
    logs: list[BuildingView]


def ask_building(readers: Sequence[Reader], building: str, town: str | None, known_at: int | None) -> BuildingAnswer:
    """What stands in a building; NotFound, naming the logs that were asked, where no premises are in it."""
    found = [view for one in readers for view in _in_log(one, building, town, known_at)]
    if not found:
        raise missed(readers, f"楼栋 {building}", f"building {building}")
    return BuildingAnswer(building, town, known_at, [one.origin for one in readers], found)


def tell_building(answer: BuildingAnswer) -> Telling:
    """The answer in every way."""
    return Telling(iter((mjson.encode(answer),)), TITLES, _rows(answer), _lines(answer))


def _in_log(reader: Reader, building: str, town: str | None, known_at: int | None) -> Iterator[BuildingView]:
    with reading(reader.engine, reader.sites) as connection:
        log = log_state(connection, reader.origin)
        records = premises_then(connection, log, building, known_at, town)
        if not records:
            return
        keys = list(records)
        window = Window(known_at=known_at)
        facts = facts_at(connection, log, keys, entries_at(connection, log, keys, window), window)
        if known_at is None:
            foreign = tuple(code for one in records.values() if one.home is not None for code in one.home.foreign)
            held = stood(connection, log, Stock(tuple(cylinders_in(connection, log.log_id, keys)), foreign))
        else:
            then = stock_then(connection, log.log_id, [f"premises:{key}" for key in keys], known_at, known_at)
            stood_then = [held_view(one.party, one.span) for stock in then.values() for one in stock]
            held = with_codes(connection, log, stood_then)
    views = []
    for key, (filed_in, claim, _) in records.items():
        views.append(
            PremisesView(
                premises=key,
                customer=claim.customer,
                enterprise=claim.enterprise,
                kind=claim.kind,
                kind_zh=STATUS_ZH[claim.kind],
                storey=claim.storey,
                storey_zh=_STOREYS[claim.storey],
                filed_in=filed_in,
                facts=fact_views(facts[key]),
                held=[one for one in held if one.premises == key],
            )
        )
    evidence = Question("building", building, window).evidence(reader)
    yield BuildingView(reader.origin, evidence, sum(len(one.held) for one in views), views)


def _rows(answer: BuildingAnswer) -> Iterator[Cells]:
    for log in answer.logs:
        for one in log.premises:
            home: Cells = (
                log.log, one.premises, one.customer, one.enterprise, one.filed_in, one.kind_zh, one.storey_zh,
            )  # fmt: skip
            for held in one.held:
                fill = held.last_fill
                yield (
                    *home, held.party, " ".join(held.codes), held.entry_index, zoned(held.since), held.content_zh,
                    None if fill is None else fill.station, None if fill is None else fill.tank_lot, None, None, None,
                )  # fmt: skip
            for fact in one.facts:
                said = f"{fact.what_zh}：{fact.value_zh}", fact_en(fact), fact.behind.entry_index
                yield (*home, *[None] * 7, *said)
            if not one.held and not one.facts:
                yield (*home, *[None] * 10)


def _lines(answer: BuildingAnswer) -> Iterator[str]:
    then = "" if answer.known_at is None else f"（当时所知 as known at {china_time(answer.known_at)}）"
    yield f"楼栋 building {answer.building}{then}；所查日志 logs asked：{'、'.join(answer.logs_asked)}"
    for log in answer.logs:
        yield ""
        yield f"日志 log {log.log}　场所 premises {len(log.premises)} 处，气瓶 cylinders {log.cylinders} 只"
        for one in log.premises:
            kind = f"{one.kind_zh} {one.kind} {one.storey_zh} {one.storey}".replace("_", " ")
            said = f"场所 premises {one.premises}　{kind}　用户 customer {one.customer or '无 none'}"
            yield f"{said}　单位 enterprise {one.enterprise}　登记 filed #{one.filed_in}"
            yield from (f"  {held_line(held)}　{place_zh(held)}" for held in one.held)
            yield from (f"  · {fact_line(fact)}" for fact in one.facts)
        yield f"证据包 evidence：GET {log.evidence}"
