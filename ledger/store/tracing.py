"""Reading stories: a party's entries between two indexes, page by page, and the filings that stood behind them.

A page is a transaction of its own, so that nobody who reads slowly holds a connection: below a size that was read once
a log never changes, so the pages of a story fit together. Everything is looked up by key.
"""

import heapq
from collections.abc import Collection, Iterator
from itertools import groupby, islice
from operator import attrgetter

from ledger import claim as c
from ledger.custody import History, Span, history_of, spans
from ledger.cylinder import Cylinder
from ledger.premises import Premises
from ledger.store.filings import FiledRecord, filed_record
from ledger.store.holding import histories, premises_in
from ledger.store.read import Connection, Engine, LogState, reading
from ledger.store.selection import driver_of, first_at
from ledger.store.state_rows import cylinder_decoder, premises_decoder
from ledger.told import Told, told
from ledger.world import filing_party

PAGE, _SHORTEST = 500, 20

_ENTRIES = (
    "SELECT p.entry_index, e.body FROM entry_party p"
    " JOIN entry e ON e.log_id = p.log_id AND e.entry_index = p.entry_index"
    " WHERE p.log_id = %s AND p.party = %s AND p.entry_index >= %s AND p.entry_index < %s"
    " ORDER BY p.entry_index LIMIT %s"
)
_FILINGS = (
    "SELECT p.party, p.entry_index, e.body FROM entry_party p"
    " JOIN entry e ON e.log_id = p.log_id AND e.entry_index = p.entry_index"
    " WHERE p.log_id = %s AND p.party = ANY(%s::text[]) AND p.entry_index < %s"
)

_NEWEST = (
    "SELECT asked.party, p.entry_index, e.body FROM unnest(%s::text[]) AS asked (party)"
    " CROSS JOIN LATERAL (SELECT entry_index FROM entry_party WHERE log_id = %s AND party = asked.party"
    "  ORDER BY entry_index DESC LIMIT %s) p"
    " JOIN entry e ON e.log_id = %s AND e.entry_index = p.entry_index"
    " ORDER BY p.entry_index"
)
_NEWEST_OF_EACH = 6
_THERE = "SELECT body FROM cylinder WHERE log_id = %s AND premises = ANY(%s::text[]) ORDER BY cylinder"
_RECORDS = "SELECT subject, seq, entry_index, body FROM record WHERE log_id = %s AND subject = ANY(%s::text[])"
_FILED_SINCE = (
    "SELECT subject FROM record WHERE log_id = %s AND split_part(subject, ':', 1) = 'premises' AND entry_index >= %s"
)
_PLACES = "SELECT body FROM place WHERE log_id = %s AND place = ANY(%s::text[]) ORDER BY place"


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
    """The entries of these parties (`filing:…`, `papers:…`) below `end`, each with the party that it was found by."""
    with driver_of(connection).cursor(binary=True) as cursor:
        rows = cursor.execute(_FILINGS, (log_id, sorted(parties), end)).fetchall()
    return [(party, told(index, body)) for party, index, body in rows]


def standing(connection: Connection, log_id: int, parties: Collection[str]) -> dict[str, Span]:
    """Where these cylinders (`cylinder:…`) and unregistered codes (`code:…`) are now, and which entry put them there.

    The newest few entries of each tell, as a rule; where they do not, all of them are read.
    """
    newest: dict[str, list[Told]] = {party: [] for party in parties}
    with driver_of(connection).cursor(binary=True) as cursor:
        rows = cursor.execute(_NEWEST, (list(newest), log_id, _NEWEST_OF_EACH, log_id)).fetchall()
    for party, index, body in rows:
        newest[party].append(told(index, body))
    found = {party: _newest_span(history_of(party, story)) for party, story in newest.items()}
    unclear = [party for party, span in found.items() if span is None]
    told_whole = {one.party: (spans(one) or (None,))[-1] for one in histories(connection, log_id, unclear)}
    return {party: span for party, span in (found | told_whole).items() if span is not None and span.until is None}


def _newest_span(history: History) -> Span | None:
    """The last span of a history of which the beginning was not read; None where that may change it."""
    there = spans(history)
    if len(there) <= 1 or history.foreign or any(fact.late for fact in history.facts):
        return None
    return there[-1]


def cylinders_in(connection: Connection, log_id: int, premises: Collection[str]) -> list[Cylinder]:
    """The registered cylinders that stand at these premises now."""
    with driver_of(connection).cursor(binary=True) as cursor:
        return [cylinder_decoder.decode(body) for (body,) in cursor.execute(_THERE, (log_id, list(premises)))]


def homes(connection: Connection, log_id: int, premises: Collection[str]) -> dict[str, Premises]:
    """What is known of these premises now."""
    places = [f"premises:{one}" for one in premises]
    with driver_of(connection).cursor(binary=True) as cursor:
        found = [premises_decoder.decode(body) for (body,) in cursor.execute(_PLACES, (log_id, places))]
    return {one.premises: one for one in found}


def records_of(connection: Connection, log_id: int, subjects: Collection[str]) -> dict[str, FiledRecord]:
    """The filings in force of these subjects (`premises:…`), of those that have one, with where they stand."""
    with driver_of(connection).cursor(binary=True) as cursor:
        rows = cursor.execute(_RECORDS, (log_id, list(subjects))).fetchall()
    return {row[0]: filed_record(*row) for row in rows}


def premises_then(
    connection: Connection, log: LogState, building: str, known_at: int | None, town: str | None = None
) -> dict[str, tuple[int, c.FilePremises]]:
    """The premises in a building by what was filed by that instant (ms UTC; None: now), each with that filing and its
    entry's index.

    What was filed anew since is read as it stood: who moves premises out of a building afterwards moves nothing.
    """
    here = {f"premises:{one}" for one in premises_in(connection, log.log_id, building, town)}
    since = set[str]()
    end = log.size
    if known_at is not None:
        end = first_at(connection, log.log_id, known_at + 1, start=0, end=log.size)
        with driver_of(connection).cursor(binary=True) as cursor:
            since.update(subject for (subject,) in cursor.execute(_FILED_SINCE, (log.log_id, end)))
    filed: list[FiledRecord | Told] = [*records_of(connection, log.log_id, here - since).values()]
    filed += _filed_below(connection, log, since, end=end)
    found = dict[str, tuple[int, c.FilePremises]]()
    for one in filed:
        assert isinstance(one.claim, c.FilePremises)
        if one.claim.building == building and town in (None, one.claim.town):
            found[one.claim.premises] = one.entry_index, one.claim
    return dict(sorted(found.items()))


def _filed_below(connection: Connection, log: LogState, subjects: Collection[str], *, end: int) -> Iterator[Told]:
    """The newest filing of each of these subjects below `end`, of those that have one; so many are read at a time."""
    rest = iter(sorted(subjects))
    while some := list(islice(rest, PAGE)):
        filings = filings_below(connection, log.log_id, [filing_party(one) for one in some], end=end)
        newest = dict(sorted(filings, key=lambda filing: filing[1].entry_index))
        yield from newest.values()
