"""A building (楼栋) now, or as known at some moment, over all enterprises: its premises, and what stands in each."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec import json as mjson

from api.trace.asking import missed
from api.trace.question import Reader
from api.trace.rows import place_zh
from api.trace.standing import stood, with_codes
from api.trace.telling import Telling
from api.trace.terms import ITEMS_ZH, STATUS_ZH
from api.trace.text import held_line
from api.trace.view import HeldView, held_view
from api.words import china_time
from api.workbook import Cells
from ledger import claim as c
from ledger.store.holding import Stock, foreign_with, stock_then
from ledger.store.read import Connection, LogState, log_state, reading
from ledger.store.tracing import cylinders_in, homes, premises_then

TITLES = (
    "日志 log", "场所 premises", "用户 customer", "供气单位 enterprise", "登记条目 filed in entry", "类别 kind",
    "楼层 storey", "未闭环隐患 open hazards", "暂停供气 suspended by", "气瓶 cylinder", "编码 code", "条目 entry",
    "起 since", "内装 content", "充装站 filled at", "罐次 tank lot",
)  # fmt: skip
_STOREYS = {
    "above_ground": "地上", "semi_underground": "半地下", "underground": "地下", "garage": "车库",
    "store_room": "储藏室",
}  # fmt: skip


class PremisesView(Struct, frozen=True):
    """Premises in a building, as filed in entry `filed_in`, and what stands there.

    `hazards`: what is open now; `suspended_by`: enterprises that suspended supply; both None for a past moment, which
    the story of the premises tells.
    """

    premises: str
    customer: str | None
    enterprise: str
    kind: str
    kind_zh: str
    storey: str
    storey_zh: str
    filed_in: int
    hazards: tuple[c.CheckItem, ...] | None
    suspended_by: tuple[str, ...] | None
    held: list[HeldView]


class BuildingView(Struct, frozen=True):
    """A building in one log, and how many cylinders stand in it."""

    log: str
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
        known = homes(connection, log.log_id, keys) if known_at is None else {}
        if known_at is None:
            contracts = (paper for home in known.values() for paper in home.contracts.values())
            customers = {claim.customer for _, claim in records.values()} | {paper.customer for paper in contracts}
            held = _now(connection, log, keys, {f"customer:{one}" for one in customers if one is not None})
        else:
            then = stock_then(connection, log.log_id, [f"premises:{key}" for key in keys], known_at, known_at)
            stood_then = [held_view(one.party, one.span) for stock in then.values() for one in stock]
            held = with_codes(connection, log, stood_then)
    views = []
    for key, (filed_in, claim) in records.items():
        home = known.get(key)
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
                hazards=None if home is None else tuple(one.item for one in home.hazards),
                suspended_by=None if home is None else tuple(one.enterprise for one in home.suspensions),
                held=[one for one in held if one.premises == key],
            )
        )
    yield BuildingView(reader.origin, sum(len(one.held) for one in views), views)


def _now(connection: Connection, log: LogState, keys: list[str], customers: set[str]) -> list[HeldView]:
    """What stands at these premises now; of what nobody registered, only entries know the premises."""
    cylinders = tuple(cylinders_in(connection, log.log_id, keys))
    foreign = foreign_with(connection, log.log_id, customers | {one.holder for one in cylinders})
    return stood(connection, log, Stock(cylinders, foreign))


def _rows(answer: BuildingAnswer) -> Iterator[Cells]:
    for log in answer.logs:
        for one in log.premises:
            home: Cells = (
                log.log, one.premises, one.customer, one.enterprise, one.filed_in, one.kind_zh, one.storey_zh,
                _items(one.hazards), " ".join(one.suspended_by or ()),
            )  # fmt: skip
            for held in one.held:
                fill = held.last_fill
                yield (
                    *home, held.party, " ".join(held.codes), held.entry_index, held.since_text, held.content_zh,
                    None if fill is None else fill.station, None if fill is None else fill.tank_lot,
                )  # fmt: skip
            if not one.held:
                yield (*home, *[None] * 7)


def _lines(answer: BuildingAnswer) -> Iterator[str]:
    then = "" if answer.known_at is None else f"（当时所知 {china_time(answer.known_at)}）"
    yield f"楼栋 {answer.building}{then}；所查日志：{'、'.join(answer.logs_asked)}"
    for log in answer.logs:
        yield ""
        yield f"日志 {log.log}　场所 {len(log.premises)} 处，气瓶 {log.cylinders} 只"
        for one in log.premises:
            marks = [f"隐患 {_items(one.hazards)}"] if one.hazards else []
            marks += [f"暂停供气 {'、'.join(one.suspended_by)}"] if one.suspended_by else []
            said = f"场所 {one.premises}　{one.kind_zh} {one.storey_zh}　用户 {one.customer or '无'}"
            yield f"{said}　单位 {one.enterprise}　登记 #{one.filed_in}" + "".join(f"　{mark}" for mark in marks)
            yield from (f"  {held_line(held)}　{place_zh(held)}" for held in one.held)


def _items(items: Iterable[str] | None) -> str:
    return "、".join(ITEMS_ZH[item] for item in items or ())
