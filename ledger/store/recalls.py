"""Reading what a recall reaches: by key, from the parties of its selectors; by the cylinders' own columns where it
names nothing but the cylinder itself. Within a snapshot of the whole log (`reading` with `ALL_SITES`).
"""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from ledger import claim as c
from ledger import events as e
from ledger.bundle import decode_claim
from ledger.cylinder import Cylinder
from ledger.errors import Corrupt
from ledger.lots import Find, lots_with_gas_of
from ledger.mass import LotMass, Poured, cylinder_in, is_newest, lot_masses, poured, round_end
from ledger.recall import CARRIED, Hits, Story, groups_of, hits_of, story_of
from ledger.registry import Registry
from ledger.rules.incident import kept_by
from ledger.rules.withdrawal import matches, of_delivery, of_fill, of_inspection
from ledger.store.holding import stock_now
from ledger.store.read import Connection, LogState, driver_of, open_recalls, record
from ledger.store.selection import first_at
from ledger.store.state_rows import cylinder_decoder
from ledger.store.tracing import page_of
from ledger.told import told
from ledger.trace.withdrawn import moved_from

RULE, HOLD, CARRY_OVER = "RECALL-01@2", "HOLD-01@1", "carry_over_permille"
"""The rules of a pack that know carry-over, and their parameter."""

_KINDS = ["enterprise", "successor", "site", "line", "tank_lot", "vehicle", "recall", "incident"]
"""What a recall or an incident is about, and whose that is."""

_RECORDS = (
    "SELECT seq, entry_index, body FROM record WHERE log_id = %s AND split_part(subject, ':', 1) = ANY(%s::text[])"
    " ORDER BY entry_index"
)
_BY_SUBJECT = "SELECT subject, body FROM record WHERE log_id = %s AND subject = ANY(%s::text[])"
# An event's tag stands in its entry's bytes as it is, so that a party's other entries never leave the server.
SHOWN = (
    "SELECT p.entry_index, e.body FROM entry_party p"
    " JOIN entry e ON e.log_id = p.log_id AND e.entry_index = p.entry_index"
    " WHERE p.log_id = %s AND p.party = ANY(%s::text[]) AND p.entry_index >= %s AND ("
)
_STATES = "SELECT body FROM cylinder WHERE log_id = %s AND cylinder = ANY(%s::text[]::uuid[])"
_LIKE = (
    "SELECT body FROM cylinder WHERE log_id = %(log_id)s AND maker = coalesce(%(maker)s, maker)"
    " AND made_month BETWEEN coalesce(%(made_from)s, made_month) AND coalesce(%(made_to)s, made_month)"
)

_FILLED, _INSPECTED, _HANDED_OVER = b'"cylinder_filled.v1"', b'"inspection_passed.v1"', b'"cylinder_handed_over.v1"'
_INTERRUPTED = b'"fill_interrupted.v1"'
_FROM_LOT = (_FILLED, _INTERRUPTED, b'"fill_started.v1"')
"""What shows that a tank lot gave gas."""
_CARRIED = tuple(f'"{tag}"'.encode() for tag in CARRIED)
_ROUNDS = (_HANDED_OVER, b'"prefill_checked.v1"', b'"prefill_failed.v1"')
"""What ends a fill's round."""

Shown = tuple[list[str], tuple[bytes, ...], int]
"""Entries to look for: of these parties, with any of these bytes in them, from this index on."""


class Reach(NamedTuple):
    """What a recall may reach: what entries show, and the cylinders to look at. `lots`: the shares of its tank lot's
    gas in permille; `find` and `floor` as `ledger.rules.withdrawal.matches` takes them.
    """

    hits: Hits
    cylinders: list[Cylinder]
    lots: dict[str, int]
    find: Find | None
    floor: int


def registry_of(connection: Connection, log_id: int) -> Registry:
    """The part of the registry that recalls and incidents are about: no people, no papers, no customers."""
    registry = Registry()
    with driver_of(connection).cursor(binary=True) as cursor:
        for seq, entry_index, body in cursor.execute(_RECORDS, (log_id, _KINDS)):
            registry.file(_filing(body), seq=seq, entry_index=entry_index)
    return registry


def records_at(connection: Connection, log_id: int, subjects: Collection[str]) -> dict[str, c.FilingClaim]:
    """The filings in force of these subjects (`customer:…`, `site:…`), of those that have one."""
    with driver_of(connection).cursor(binary=True) as cursor:
        rows = cursor.execute(_BY_SUBJECT, (log_id, sorted(subjects)))
        return {subject: _filing(body) for subject, body in rows}


def _filing(body: bytes) -> c.FilingClaim:
    claim = decode_claim(bytes(body).decode())
    if not isinstance(claim, c.FilingClaim):
        raise Corrupt("登记表内容有误；请运行 ledger audit", "a record is no filing; run ledger audit")
    return claim


def recall_story(connection: Connection, log: LogState, recall: str) -> Story | None:
    """The story of a recall or drill; None when there is none of that id."""
    return story_of(page_of(connection, log.log_id, f"recall:{recall}", start=0, end=log.size, limit=None))


def carry_over(connection: Connection, log_id: int, rule: str = RULE) -> int | None:
    """The least share (permille) of a lot's gas by which the pack in force takes a later lot for it; None where its
    rules know no carry-over.
    """
    filed = record(connection, log_id, "pack") or record(connection, log_id, "log")
    if not isinstance(filed, c.AdoptPack | c.OpenLog) or rule not in filed.pack.rules:
        return None
    return filed.pack.rules[rule].params[CARRY_OVER]


def recall_of(connection: Connection, log_id: int, cylinder: Cylinder) -> str | None:
    """The open recall that keeps this cylinder from every gate."""
    floor = carry_over(connection, log_id)

    def find(lot: str) -> c.FileTankLot | None:
        filed = record(connection, log_id, f"tank_lot:{lot}")
        return filed if isinstance(filed, c.FileTankLot) else None

    for recall in open_recalls(connection, log_id):
        if matches(recall, cylinder, lots=None if floor is None else find, floor=floor or 0):
            return recall.recall
    return None


def reach_of(connection: Connection, log: LogState, recall: c.OpenRecall, registry: Registry) -> Reach:
    """What this recall reaches; `registry` is `registry_of`'s. No table is read whole where it names a line, lot,
    person, vehicle or site.
    """
    floor = carry_over(connection, log.log_id)
    lots = {} if recall.tank_lot is None else _lots(registry, recall.tank_lot, floor)
    find: Find | None = None if floor is None else lambda lot: registry.get(c.FileTankLot, lot)
    if not groups_of(recall):
        return Reach(Hits({}, []), _cylinders_like(connection, log.log_id, recall), lots, find, floor or 0)
    entries = (
        one
        for parties, tags, start in _wanted(connection, log, recall, registry, lots)
        for one in _shown(connection, log.log_id, parties, *tags, start=start)
    )
    hits = hits_of(recall, entries, find, floor or 0)
    return Reach(hits, cylinders_at(connection, log.log_id, hits.cylinders), lots, find, floor or 0)


def _lots(registry: Registry, tank_lot: str, floor: int | None) -> dict[str, int]:
    return lots_with_gas_of(() if floor is None else _filed_lots(registry), tank_lot, floor or 0)


def _wanted(
    connection: Connection, log: LogState, recall: c.OpenRecall, registry: Registry, lots: dict[str, int]
) -> Iterator[Shown]:
    """Where the entries of each group stand: with the narrowest party that the recall names, else at every site."""
    sites = [one.claim for one in registry.records.values() if isinstance(one.claim, c.FileSite)]
    if of_fill(recall):
        # Recorded is never earlier than filled, and may be much later.
        start = 0 if recall.filled_from is None else first_at(
            connection, log.log_id, recall.filled_from, start=0, end=log.size
        )  # fmt: skip
        parties = [f"tank_lot:{lot}" for lot in lots] or _named(line=recall.line, person=recall.filler)
        yield parties or [f"site:{one.site}" for one in sites], _FROM_LOT if lots else (_FILLED,), start
    if of_inspection(recall):
        parties = _named(person=recall.inspector, site=recall.inspected_at)
        inspecting = [one.site for one in sites if one.kind == "inspection" or "inspection" in one.approvals]
        yield parties or [f"site:{site}" for site in inspecting], (_INSPECTED,), 0
    if of_delivery(recall):
        yield _named(vehicle=recall.vehicle, person=recall.worker), (_HANDED_OVER, *_CARRIED), 0


def _named(**kinds: str | None) -> list[str]:
    """The party of the first of these that is named; none where none is."""
    return [f"{kind}:{key}" for kind, key in kinds.items() if key is not None][:1]


def _shown(
    connection: Connection, log_id: int, parties: list[str], *tags: bytes, start: int = 0
) -> list[tuple[int, bytes]]:
    """The entries of these parties from that index on that hold one of these tags, the newest first."""
    asked = SHOWN + " OR ".join(["position(%b in e.body) > 0"] * len(tags)) + ")"
    with driver_of(connection).cursor(binary=True) as cursor:
        found: dict[int, bytes] = dict(cursor.execute(asked.encode(), (log_id, parties, start, *tags)).fetchall())
    return sorted(found.items(), reverse=True)


def cylinders_at(connection: Connection, log_id: int, cylinders: Collection[str]) -> list[Cylinder]:
    """These cylinders as they stand, in no order."""
    with driver_of(connection).cursor(binary=True) as cursor:
        rows = cursor.execute(_STATES, (log_id, list(cylinders)))
        return [cylinder_decoder.decode(body) for (body,) in rows]


def _cylinders_like(connection: Connection, log_id: int, recall: c.OpenRecall) -> list[Cylinder]:
    """The cylinders of that maker and those months: their other marks stand in their states alone."""
    asked = {"log_id": log_id, "maker": recall.maker, "made_from": recall.made_from, "made_to": recall.made_to}
    with driver_of(connection).cursor(binary=True) as cursor:
        return [cylinder_decoder.decode(body) for (body,) in cursor.execute(_LIKE, asked)]


def masses_of(connection: Connection, log_id: int, registry: Registry, tank_lots: Collection[str]) -> list[LotMass]:
    """The mass balance of these lots; `registry` is `registry_of`'s."""
    parties = [f"tank_lot:{one}" for one in tank_lots]
    fills = [poured(*row) for row in _shown(connection, log_id, parties, _FILLED, _INTERRUPTED)]
    cylinders = {one.cylinder: one for one in cylinders_at(connection, log_id, _known(fills))}
    since = {key for one in fills if (key := one.cylinder) in cylinders and not is_newest(one, cylinders[key])}
    rounds = [round_end(*row) for row in _shown(connection, log_id, [f"cylinder:{key}" for key in since], *_ROUNDS)]
    lots = {one.tank_lot: one for one in _filed_lots(registry)}
    return lot_masses(lots, tank_lots, fills, sorted(rounds), cylinders)


def _known(fills: Iterable[Poured]) -> set[str]:
    return {one.cylinder for one in fills if one.cylinder is not None}


def frozen_by(
    connection: Connection, log_id: int, incident: c.OpenIncident, opened_index: int, registry: Registry
) -> list[tuple[Cylinder, tuple[str, ...]]]:
    """The cylinders that gates keep from customers for that incident, each with what of it keeps it, as `line:…`:
    what `ledger.rules.incident` says of each, and what was moved away and locked since its opening (HOLD-01).
    """
    floor = carry_over(connection, log_id, HOLD) or 0
    lots = {lot for one in incident.tank_lots for lot in lots_with_gas_of(_filed_lots(registry), one, floor)}
    holders = [*(f"site:{one}" for one in incident.sites), *(f"vehicle:{one}" for one in incident.vehicles)]
    parties = [*(f"line:{one}" for one in incident.lines), *(f"tank_lot:{one}" for one in sorted(lots))]
    moved = _moved_away(connection, log_id, incident.incident, holders, opened_index)
    asked = {
        *(() if incident.cylinder is None else (incident.cylinder,)),
        *(key for _, body in _shown(connection, log_id, parties, *_FROM_LOT) if (key := cylinder_in(body)) is not None),
        *moved,
    }
    cylinders = {one.cylinder: one for one in cylinders_at(connection, log_id, asked)}
    for holder in holders:
        cylinders |= {one.cylinder: one for one in stock_now(connection, log_id, holder).cylinders}
    frozen = list[tuple[Cylinder, tuple[str, ...]]]()
    for key, one in sorted(cylinders.items()):
        by = kept_by(incident, one, lambda lot: registry.get(c.FileTankLot, lot), floor)
        if not by and key in moved and c.Cause.INCIDENT in one.locks:
            by = (moved[key],)
        if by:
            frozen.append((one, by))
    return frozen


def _moved_away(connection: Connection, log_id: int, incident: str, holders: list[str], start: int) -> dict[str, str]:
    """What was moved from these although the incident held it, by cylinder: what held it."""
    moved = dict[str, str]()
    for index, body in _shown(connection, log_id, holders, b'"incident_hold"', start=start):
        outcome = told(index, body).entry.outcome
        if isinstance(outcome, e.CylinderEvent) and outcome.cylinder is not None:
            for _, held in (one for one in moved_from(outcome) if one[0] == incident):
                moved[outcome.cylinder] = held
    return moved


def _filed_lots(registry: Registry) -> list[c.FileTankLot]:
    return [one.claim for one in registry.records.values() if isinstance(one.claim, c.FileTankLot)]
