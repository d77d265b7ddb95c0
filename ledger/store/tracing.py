"""Reading stories: a party's entries between two indexes, page by page, and the filings that stood behind them.

A page is a transaction of its own, so that nobody who reads slowly holds a connection: below a size that was read once
a log never changes, so the pages of a story fit together. Everything is looked up by key.
"""

import heapq
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby, islice
from operator import attrgetter
from typing import NamedTuple

from ledger import claim as c
from ledger import events as e
from ledger.custody import Span, history_of, spans
from ledger.cylinder import Cylinder
from ledger.premises import Premises
from ledger.store.filings import FiledRecord, filed_record, records_of_kind
from ledger.store.holding import histories, homes_in, told_of
from ledger.store.read import Connection, Engine, LogState, driver_of, reading
from ledger.store.selection import first_at
from ledger.store.state_rows import cylinder_decoder
from ledger.told import Told, told
from ledger.world import filing_party

PAGE, _SHORTEST = 500, 20
_ALL = 1_000_000

_ENTRIES = (
    "SELECT p.entry_index, e.body FROM entry_party p"
    " JOIN entry e ON e.log_id = p.log_id AND e.entry_index = p.entry_index"
    " WHERE p.log_id = %s AND p.party = %s AND p.entry_index >= %s AND p.entry_index < %s"
    " ORDER BY p.entry_index LIMIT %s"
)
_NEWEST = (
    "SELECT asked.party, p.entry_index, e.body FROM unnest(%s::text[]) AS asked (party)"
    " CROSS JOIN LATERAL (SELECT entry_index FROM entry_party WHERE log_id = %s AND party = asked.party"
    "  ORDER BY entry_index DESC LIMIT %s) p"
    " JOIN entry e ON e.log_id = %s AND e.entry_index = p.entry_index"
    " ORDER BY p.entry_index"
)
_NEWEST_OF_EACH = 4
_THERE = "SELECT body FROM cylinder WHERE log_id = %s AND premises = ANY(%s::text[]) ORDER BY cylinder"
_RECORDS = "SELECT subject, seq, entry_index, body FROM record WHERE log_id = %s AND subject = ANY(%s::text[])"
_FILED_SINCE = (
    "SELECT subject FROM record WHERE log_id = %s AND split_part(subject, ':', 1) = 'premises' AND entry_index >= %s"
)
# The parties are made first: row-level security lets no index be asked for one that is put together on the way.
_OF_KINDS = (
    "WITH asked AS MATERIALIZED (SELECT log_id, 'filing:' || subject AS party FROM record"
    "  WHERE log_id = %s AND split_part(subject, ':', 1) = ANY(%s::text[]))"
    " SELECT e.entry_index, e.body FROM asked"
    " JOIN entry_party p ON p.log_id = asked.log_id AND p.party = asked.party"
    " JOIN entry e ON e.log_id = p.log_id AND e.entry_index = p.entry_index ORDER BY e.entry_index"
)


def page_of(connection: Connection, log_id: int, party: str, *, start: int, end: int, limit: int | None) -> list[Told]:
    """The first entries [start, end) of a party, ascending; within a scope of sites, of those that it shows."""
    with driver_of(connection).cursor(binary=True) as cursor:
        rows = cursor.execute(_ENTRIES, (log_id, party, start, end, limit)).fetchall()
    return [told(index, body) for index, body in rows]


def stream_story(
    engine: Engine, sites: tuple[str, ...], log_id: int, parties: Collection[str], *, start: int, end: int
) -> Iterator[Told]:
    """All entries [start, end) of these parties, ascending, each once; a page of each party is held at a time, and the
    more parties there are (the lots that took over a remainder) the smaller a page.
    """
    page = max(_SHORTEST, PAGE // len(set(parties)))
    streams = [
        _stream(engine, sites, log_id, party, start=start, end=end, page=page) for party in dict.fromkeys(parties)
    ]
    merged = heapq.merge(*streams, key=attrgetter("entry_index"))
    return (next(same) for _, same in groupby(merged, key=attrgetter("entry_index")))


def _stream(
    engine: Engine, sites: tuple[str, ...], log_id: int, party: str, *, start: int, end: int, page: int
) -> Iterator[Told]:
    while True:
        with reading(engine, sites) as connection:
            read = page_of(connection, log_id, party, start=start, end=end, limit=page)
        yield from read
        if len(read) < page:
            return
        start = read[-1].entry_index + 1


def filings_below(connection: Connection, log_id: int, parties: Collection[str], *, end: int) -> list[tuple[str, Told]]:
    """The entries of these parties (`filing:…`, `premises:…`) below `end`, each with the party that it was found by."""
    stories = told_of(connection, log_id, parties, end=end)
    return [(party, one) for party, story in stories.items() for one in story]


def standing(connection: Connection, log_id: int, parties: Collection[str]) -> dict[str, Span]:
    """Where these cylinders (`cylinder:…`) and unregistered codes (`code:…`) are now, and which entry put them there.

    The newest few entries of each tell, as a rule; where they do not, all of them are read.
    """
    newest: dict[str, list[Told]] = {party: [] for party in parties}
    if not newest:
        return {}
    with driver_of(connection).cursor(binary=True) as cursor:
        rows = cursor.execute(_NEWEST, (list(newest), log_id, _NEWEST_OF_EACH, log_id)).fetchall()
    for party, index, body in rows:
        newest[party].append(told(index, body))
    found = {party: _newest_span(party, story) for party, story in newest.items()}
    unclear = [party for party, span in found.items() if span is None]
    told_whole = {one.party: (spans(one) or (None,))[-1] for one in histories(connection, log_id, unclear)}
    return {party: span for party, span in (found | told_whole).items() if span is not None and span.until is None}


def _newest_span(party: str, newest: Sequence[Told]) -> Span | None:
    """The last span by a party's newest entries; None where what came before them may change it."""
    history = history_of(party, newest)
    there = spans(history)
    if len(there) <= 1 or history.foreign or any(fact.late for fact in history.facts):
        return None
    # A scan in its turn was seen after all that the ledger went by; what decides out of its turn holds from these on.
    [began] = [one.entry.outcome for one in newest if one.entry_index == there[-1].entry_index]
    return there[-1] if isinstance(began, e.PlacedEvent) else None


def cylinders_in(connection: Connection, log_id: int, premises: Collection[str]) -> list[Cylinder]:
    """The registered cylinders that stand at these premises now."""
    with driver_of(connection).cursor(binary=True) as cursor:
        return [cylinder_decoder.decode(body) for (body,) in cursor.execute(_THERE, (log_id, list(premises)))]


def records_of(connection: Connection, log_id: int, subjects: Collection[str]) -> dict[str, FiledRecord]:
    """The filings in force of these subjects (`premises:…`), of those that have one, with where they stand."""
    with driver_of(connection).cursor(binary=True) as cursor:
        rows = cursor.execute(_RECORDS, (log_id, list(subjects))).fetchall()
    return {row[0]: filed_record(*row) for row in rows}


class Filed(NamedTuple):
    """Premises as filed in the entry `filed_in`; `home`: what is known of them now, where they are there now."""

    filed_in: int
    claim: c.FilePremises
    home: Premises | None


def premises_then(
    connection: Connection, log: LogState, building: str, known_at: int | None, town: str | None = None
) -> dict[str, Filed]:
    """The premises in a building by what was filed by that instant (ms UTC; None: now), each with that filing.

    What was filed anew since is read as it stood: who moves premises out of a building afterwards moves nothing.
    """
    homes = homes_in(connection, log.log_id, building, town)
    here = {f"premises:{one}" for one in homes}
    since = set[str]()
    end = log.size
    if known_at is not None:
        end = first_at(connection, log.log_id, known_at + 1, start=0, end=log.size)
        with driver_of(connection).cursor(binary=True) as cursor:
            since.update(subject for (subject,) in cursor.execute(_FILED_SINCE, (log.log_id, end)))
    filed: list[FiledRecord | Told] = [*records_of(connection, log.log_id, here - since).values()]
    filed += _filed_below(connection, log, since, end=end)
    found = dict[str, Filed]()
    for one in filed:
        assert isinstance(one.claim, c.FilePremises)
        if one.claim.building == building and town in (None, one.claim.town):
            found[one.claim.premises] = Filed(one.entry_index, one.claim, homes.get(one.claim.premises))
    return dict(sorted(found.items()))


def filed_of_kind(connection: Connection, log: LogState, kind: str, *, end: int) -> list[FiledRecord | Told]:
    """The newest filing below `end` of every subject of a kind (`tank_lot`), of those that have one."""
    filed = records_of_kind(connection, log.log_id, kind, after=-1, limit=_ALL)
    since = {one.subject for one in filed if one.entry_index >= end}
    return [*(one for one in filed if one.entry_index < end), *_filed_below(connection, log, since, end=end)]


def filings_of_kind(connection: Connection, log: LogState, *kinds: str) -> list[Told]:
    """All filings there ever were of the subjects of these kinds (`recall`), in order: for kinds with few."""
    with driver_of(connection).cursor(binary=True) as cursor:
        rows = cursor.execute(_OF_KINDS, (log.log_id, list(kinds))).fetchall()
    return [told(index, body) for index, body in rows]


def _filed_below(connection: Connection, log: LogState, subjects: Collection[str], *, end: int) -> Iterator[Told]:
    """The newest filing of each of these subjects below `end`, of those that have one; so many are read at a time."""
    rest = iter(sorted(subjects))
    while some := list(islice(rest, PAGE)):
        stories = told_of(connection, log.log_id, [filing_party(one) for one in some], end=end)
        yield from (story[-1] for story in stories.values() if story)
