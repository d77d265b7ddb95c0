"""Stories: what stands before the statements, then the statements as they are read.

What befell one cylinder, customer or place of use is read at once; the story of a person, vehicle, site, line or tank
lot may be long, and is read while it is written.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from api.trace.question import Question, Reader
from api.trace.standing import held_at_end, held_now
from api.trace.view import StoryHead, contradiction_view, fact_views, paper_view, place_view
from ledger import claim as c
from ledger import events as e
from ledger.custody import history_of, spans
from ledger.cylinder import Cylinder
from ledger.errors import NotFound
from ledger.identity import Identifier
from ledger.lots import lots_with_gas_of
from ledger.store.filings import records_of_kind
from ledger.store.read import Connection, LogState, cylinder_by_code, log_state, reading
from ledger.store.recalls import carry_over
from ledger.store.selection import first_at
from ledger.store.tracing import filings_below, page_of, stream_story
from ledger.told import Told, in_order
from ledger.trace.home import home_of
from ledger.trace.origin import origin_of
from ledger.trace.papers import Paper, Papers, papers_as_of, wanted
from ledger.trace.statement import Statement, Window, afterwards, statements
from ledger.world import filing_party, papers_party

_ALL = 1_000_000


class Story(NamedTuple):
    """The answer of one log. The two iterators read as they are consumed, the first one first."""

    head: StoryHead
    statements: Iterator[Statement]
    later: Iterator[Statement]


def cylinder_story(reader: Reader, code: Identifier, question: Question) -> Story:
    """The story of what carries or carried this code, or of the code alone where nobody registered it; NotFound when
    the log knows nothing of it.
    """
    window = question.window
    with reading(reader.engine, reader.sites) as connection:
        log = log_state(connection, reader.origin)
        found = _cylinder(connection, log, str(code))
        codes = dict.fromkeys((str(code), *(() if found is None else found.codes)))
        party = f"code:{code}" if found is None else f"cylinder:{found.cylinder}"
        entries = _entries(connection, log, {party, *(f"code:{one}" for one in codes)})
        if not entries:
            raise question.nothing()
        known = _known(entries, window)
        origin = origin_of(known)
        papers = _papers(connection, log, origin.acts, window) if reader.whole else []
    history = history_of(party, known)
    head = StoryHead(
        log=reader.origin,
        subject=party,
        codes=tuple(codes),
        complete=reader.whole,
        evidence=None if found is None else question.evidence(reader),
        facts=fact_views(origin.facts),
        papers=[paper_view(one) for one in papers],
        places=[place_view(one) for one in spans(history)],
        contradictions=[contradiction_view(one) for one in history.contradictions],
    )
    return Story(head, statements(entries, window), afterwards(entries, window))


def customer_story(reader: Reader, question: Question) -> Story:
    """The story of a customer with what befell their premises, or of premises; NotFound where nothing names it.

    The papers are those of the newest hand-over.
    """
    window = question.window
    with reading(reader.engine, reader.sites) as connection:
        log = log_state(connection, reader.origin)
        entries = _entries(connection, log, {question.party})
        if not entries:
            raise question.nothing()
        homes = [question.id]
        if question.kind == "customer":
            theirs = (one.claim for one in entries if getattr(one.claim, "customer", None) == question.id)
            homes = list(dict.fromkeys(filter(None, (getattr(claim, "premises", None) for claim in theirs))))
            there = _entries(connection, log, {f"premises:{one}" for one in homes})
            entries = in_order(chain(entries, _while_theirs(there, question.id)))
        known = _known(entries, window)
        given = [one for one in known if isinstance(one.entry.outcome, e.CylinderHandedOver)][-1:]
        papers = _papers(connection, log, given, window)
        held = held_at_end(connection, log, question.party, entries, window)
        successors = _known(_successors(connection, log), window)
    at_home = (
        home_of(in_order([*(one for one in known if getattr(one.claim, "premises", None) == home), *successors]))
        for home in homes
    )
    head = StoryHead(
        log=reader.origin,
        subject=question.party,
        complete=reader.whole,
        evidence=question.evidence(reader),
        facts=fact_views(chain.from_iterable(at_home)),
        papers=[paper_view(one) for one in papers],
        held=held,
    )
    return Story(head, statements(entries, window), afterwards(entries, window))


def period_story(reader: Reader, question: Question) -> Story:
    """The story of a person, vehicle, site, line or tank lot; NotFound where nothing names it."""
    window = question.window
    with reading(reader.engine, reader.sites) as connection:
        log = log_state(connection, reader.origin)
        if not page_of(connection, log.log_id, question.party, start=0, end=log.size, limit=1):
            raise question.nothing()
        start, end = 0, log.size
        if window.from_ms is not None:
            start = first_at(connection, log.log_id, window.from_ms, start=0, end=log.size)
        if window.until is not None:
            end = first_at(connection, log.log_id, window.until, start=start, end=log.size)
        lots = _lots(connection, log, question.id, end) if question.kind == "tank_lot" else {}
        carries = question.kind in ("person", "vehicle") and window.until is None
        held = held_now(connection, log, question.party) if carries else []
    head = StoryHead(
        log=reader.origin,
        subject=question.party,
        complete=reader.whole,
        evidence=question.evidence(reader),
        lots=lots,
        held=held,
    )
    parties = [question.party, papers_party(question.party), *(f"tank_lot:{lot}" for lot in lots)]

    def told(start: int, end: int) -> Iterator[Told]:
        return stream_story(reader.engine, reader.sites, log.log_id, parties, start=start, end=end)

    return Story(head, statements(told(start, end), window), afterwards(told(end, log.size), window))


def _cylinder(connection: Connection, log: LogState, code: str) -> Cylinder | None:
    try:
        return cylinder_by_code(connection, log.log_id, code)[0]
    except NotFound:
        return None


def _entries(connection: Connection, log: LogState, parties: Collection[str]) -> list[Told]:
    """All entries of these parties, in order, each once."""
    pages = (page_of(connection, log.log_id, party, start=0, end=log.size, limit=None) for party in parties)
    return in_order(chain.from_iterable(pages))


def _known(entries: list[Told], window: Window) -> list[Told]:
    """What was recorded before the end of the times asked for."""
    return [one for one in entries if window.until is None or one.entry.recorded_at < window.until]


def _papers(connection: Connection, log: LogState, acts: list[Told], window: Window) -> list[Paper]:
    """The papers of these acts, in as many queries as one filing leads on to the next."""
    papers = Papers()
    while parties := wanted(acts, papers):
        papers.add(parties, filings_below(connection, log.log_id, parties, end=log.size))
    return papers_as_of(acts, papers, window)


def _while_theirs(there: Iterable[Told], customer: str) -> Iterator[Told]:
    """What befell premises while they were that customer's by what was filed, or nobody's; entries in index order. A
    refused hand-over that names a neighbour's premises makes them nobody else's.
    """
    whose = dict[str, str | None]()
    for one in there:
        claim, premises = one.claim, getattr(one.claim, "premises", "")
        if isinstance(claim, c.FilePremises) and not isinstance(one.entry.outcome, e.Refusal):
            whose[premises] = claim.customer
        if getattr(claim, "customer", None) is None and whose.get(premises) in (None, customer):
            yield one


def _successors(connection: Connection, log: LogState) -> list[Told]:
    """All filings of which enterprise took over which: who could resume the supply that another suspended, and when."""
    filed = records_of_kind(connection, log.log_id, "successor", after=-1, limit=_ALL)
    parties = [filing_party(one.subject) for one in filed]
    return in_order(one for _, one in filings_below(connection, log.log_id, parties, end=log.size))


def _lots(connection: Connection, log: LogState, lot: str, end: int) -> dict[str, int]:
    """The lots whose gas may contain some of that one's, by the records below `end`; shares in permille."""
    floor = carry_over(connection, log.log_id)
    if floor is None:
        return {lot: 1000}
    filed = records_of_kind(connection, log.log_id, "tank_lot", after=-1, limit=_ALL)
    known = [one.claim for one in filed if one.entry_index < end and isinstance(one.claim, c.FileTankLot)]
    return lots_with_gas_of(known, lot, floor)
