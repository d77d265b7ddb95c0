"""Reading stories: a party's entries between two indexes, page by page, and the filings that stood behind them.

A page is a transaction of its own, so that nobody who reads slowly holds a connection: below a size that was read once
a log never changes, so the pages of a story fit together. Everything is looked up by key.
"""

import heapq
from collections.abc import Collection, Iterator
from itertools import groupby
from operator import attrgetter

from ledger.custody import History, Span, history_of, spans
from ledger.cylinder import Cylinder
from ledger.premises import Premises
from ledger.store.filings import FiledRecord, filed_record
from ledger.store.holding import histories
from ledger.store.read import Connection, Engine, reading
from ledger.store.selection import driver_of
from ledger.store.state_rows import cylinder_decoder, premises_decoder
from ledger.told import Told, told

PAGE = 500

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
_PLACES = "SELECT body FROM place WHERE log_id = %s AND place = ANY(%s::text[]) ORDER BY place"


def page_of(connection: Connection, log_id: int, party: str, *, start: int, end: int, limit: int | None) -> list[Told]:
    """The first entries [start, end) of a party, ascending; within a scope of sites, of those that it shows."""
    with driver_of(connection).cursor(binary=True) as cursor:
        rows = cursor.execute(_ENTRIES, (log_id, party, start, end, limit)).fetchall()
    return [told(index, body) for index, body in rows]


def stream_story(
    engine: Engine, sites: tuple[str, ...], log_id: int, parties: Collection[str], *, start: int, end: int
) -> Iterator[Told]:
    """All entries [start, end) of these parties, ascending, each once; a page of each party is held at a time."""
    streams = [_stream(engine, sites, log_id, party, start=start, end=end) for party in dict.fromkeys(parties)]
    merged = heapq.merge(*streams, key=attrgetter("entry_index"))
    return (next(same) for _, same in groupby(merged, key=attrgetter("entry_index")))


def _stream(engine: Engine, sites: tuple[str, ...], log_id: int, party: str, *, start: int, end: int) -> Iterator[Told]:
    while True:
        with reading(engine, sites) as connection:
            page = page_of(connection, log_id, party, start=start, end=end, limit=PAGE)
        yield from page
        if len(page) < PAGE:
            return
        start = page[-1].entry_index + 1


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
