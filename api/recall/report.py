"""What a recall or a drill comes to: affected cylinders, holders, clocks, progress; of a drill, the mass balance too.

All from one snapshot of the log: cylinders are found by key, their present holders with them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from time import perf_counter
from urllib.parse import quote, urlencode

from msgspec import Struct

from api.words import china_time
from ledger import claim as c
from ledger.china import day_of
from ledger.errors import NotFound
from ledger.mass import LotMass, StationMass, station_masses
from ledger.recall import (
    Affected,
    Clock,
    Progress,
    Story,
    Unregistered,
    clocks_of,
    progress_of,
    split,
)
from ledger.store.read import Connection, LogState
from ledger.store.recalls import (
    Reach,
    masses_of,
    reach_of,
    recall_story,
    records_at,
    registry_of,
)

MOST_LISTED = 500


class Holder(Struct, frozen=True):
    """Who holds affected cylinders: an opaque id for its enterprise to resolve. `premises`: at which of its places."""

    holder: str
    enterprise: str | None
    premises: tuple[str, ...]
    cylinders: int


class RecallSummary(Struct, frozen=True):
    """A recall or drill by its newest opening. Times ms UTC; `closed_at` is None while it is open."""

    recall: str
    drill: bool
    claim: c.OpenRecall
    opened_index: int
    opened_at: int
    opened_at_text: str
    closed_index: int | None
    closed_at: int | None


class RecallReport(Struct, frozen=True):
    """Where a recall stands. `lots`: those that its tank lot's gas is in, in permille. `affected` match now: no gate
    lets them pass while it is open, but a drill's pass. `before` matched once, and were filled, inspected or delivered
    anew since; `unregistered` codes no gate knows. `lot_mass` and `station_mass` are a drill's. `ms`: how long it took.
    `evidence`: where that of the same question is had.
    """

    log: str
    size: int
    evidence: str
    summary: RecallSummary
    opened_leaf: str
    lots: dict[str, int]
    progress: Progress
    enterprises: list[Clock]
    holders: list[Holder]
    affected: list[Affected]
    before: list[Affected]
    unregistered: list[Unregistered]
    lot_mass: list[LotMass]
    station_mass: list[StationMass]
    ms: dict[str, int]


def recall_report(connection: Connection, log: LogState, recall: str, now: int) -> RecallReport:
    """The report of that recall or drill as of `now` (ms UTC); NotFound when there is none of that id."""
    began = perf_counter()
    story = recall_story(connection, log, recall)
    if story is None:
        raise NotFound(
            f"没有召回或演练 {recall}（所查日志：{log.origin}）", f"no recall or drill {recall} (asked {log.origin})"
        )
    registry = registry_of(connection, log.log_id)
    reach = reach_of(connection, log, story.claim, registry)
    affected, before = split(story.claim, reach.cylinders, reach.hits, reach.find, reach.floor)
    found = perf_counter()
    holders, concerned = _holders(connection, log, affected)
    day = day_of(now)
    clocks = clocks_of(story, concerned, lambda by, whom: registry.stands_for(by, whom, day), now)
    told = perf_counter()
    masses = masses_of(connection, log.log_id, registry, _lots(reach, affected)) if story.claim.drill else []
    ms = {"affected": _ms(began, found), "holders": _ms(found, told)}
    if story.claim.drill:
        ms["mass"] = _ms(told, perf_counter())
    return RecallReport(
        log=log.origin,
        size=log.size,
        evidence=evidence_of("recalls", recall, log),
        summary=_summary(story),
        opened_leaf=story.opened_leaf,
        lots=reach.lots,
        progress=progress_of(affected),
        enterprises=clocks,
        holders=holders,
        affected=affected,
        before=before,
        unregistered=reach.hits.unregistered,
        lot_mass=masses,
        station_mass=station_masses(masses),
        ms=ms | {"total": _ms(began, perf_counter())},
    )


def evidence_of(kind: str, key: str, log: LogState) -> str:
    """Where the evidence of the same question is had: of each cylinder two entries, and not its whole story."""
    return f"/{kind}/{quote(key, safe='')}/evidence?{urlencode({'log': log.origin})}"


def recall_summaries(connection: Connection, log: LogState) -> list[RecallSummary]:
    """The recalls and drills of a log, in the order of their newest filing, the newest `MOST_LISTED`."""
    filed = [one for one in registry_of(connection, log.log_id).records if one.startswith("recall:")]
    stories = (recall_story(connection, log, one.partition(":")[2]) for one in filed[-MOST_LISTED:])
    return [_summary(story) for story in stories if story is not None]


def _summary(story: Story) -> RecallSummary:
    return RecallSummary(
        recall=story.claim.recall,
        drill=story.claim.drill,
        claim=story.claim,
        opened_index=story.opened_index,
        opened_at=story.opened_at,
        opened_at_text=china_time(story.opened_at),
        closed_index=story.closed_index,
        closed_at=story.closed_at,
    )


def _holders(connection: Connection, log: LogState, affected: Iterable[Affected]) -> tuple[list[Holder], Counter[str]]:
    """Who holds them, and how many each enterprise owns or holds: once each, where it does both."""
    held: dict[str, list[Affected]] = defaultdict(list)
    for one in affected:
        held[one.holder].append(one)
    records = records_at(connection, log.log_id, held)
    holders, concerned = list[Holder](), Counter[str]()
    for holder, some in sorted(held.items()):
        record = records.get(holder)
        enterprise = record.enterprise if isinstance(record, c.FileCustomer | c.FileSite | c.FileVehicle) else None
        premises = tuple(sorted({one.premises for one in some if one.premises is not None}))
        holders.append(Holder(holder, enterprise, premises, len(some)))
        for one in some:
            named = {one.owner} if enterprise is None else {one.owner, enterprise}
            concerned.update(named - {c.CUSTOMER})
    return holders, concerned


def _lots(reach: Reach, affected: Iterable[Affected]) -> set[str]:
    """The lots that the recall is about: its own, else those of the affected cylinders' newest fills."""
    reached = {one.cylinder for one in affected}
    fills = (one.fill for one in reach.cylinders if one.cylinder in reached)
    return set(reach.lots) or {fill.tank_lot for fill in fills if fill is not None}


def _ms(since: float, until: float) -> int:
    return round((until - since) * 1000)
