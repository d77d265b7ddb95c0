"""Stories: what stands before the statements, then the statements as they are read.

What befell one cylinder, customer or place of use is read at once; the story of a person, vehicle, site, line or tank
lot may be long, and is read while it is written.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from api.trace.homes import facts_against, facts_at, facts_there, known_of
from api.trace.papers import papers_of_acts, papers_of_subject
from api.trace.question import Question, Reader
from api.trace.standing import held_at_end
from api.trace.view import StoryHead, contradiction_view, fact_views, paper_view, place_view
from ledger import claim as c
from ledger import events as e
from ledger.custody import history_of, spans
from ledger.cylinder import Cylinder
from ledger.identity import Identifier
from ledger.lots import lots_with_gas_of
from ledger.store.holding import told_of
from ledger.store.read import Connection, LogState, carrier_of, log_state, reading
from ledger.store.recalls import carry_over
from ledger.store.selection import first_at
from ledger.store.tracing import filed_of_kind, page_of, stream_story
from ledger.told import Told, in_order
from ledger.trace.origin import origin_of
from ledger.trace.statement import Statement, afterwards, statements
from ledger.world import papers_party


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
        found, entries = _carrier(connection, log, str(code))
        codes = dict.fromkeys((str(code), *(() if found is None else found.codes)))
        party = f"code:{code}" if found is None else f"cylinder:{found.cylinder}"
        if not entries:
            raise question.nothing()
        known = known_of(entries, window)
        origin = origin_of(known)
        papers = papers_of_acts(connection, log, origin.acts, window) if reader.whole else []
        history = history_of(party, known)
        places = spans(history)
        facts = origin.facts
        if reader.whole:
            facts += facts_there(connection, log, places, window)
        if reader.whole and found is not None:
            facts += facts_against(connection, log, found, known, window)
    head = StoryHead(
        log=reader.origin,
        subject=party,
        codes=tuple(codes),
        complete=reader.whole,
        evidence=None if found is None else question.evidence(reader),
        facts=fact_views(facts),
        papers=[paper_view(one) for one in papers],
        places=[place_view(one) for one in places],
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
        entries = told_of(connection, log.log_id, [question.party])[question.party]
        if not entries:
            raise question.nothing()
        homes = [question.id]
        if question.kind == "customer":
            theirs = (one.claim for one in entries if getattr(one.claim, "customer", None) == question.id)
            homes = list(dict.fromkeys(filter(None, (getattr(claim, "premises", None) for claim in theirs))))
            there = told_of(connection, log.log_id, [f"premises:{one}" for one in homes])
            befell = in_order(chain.from_iterable(there.values()))
            entries = in_order(chain(entries, _while_theirs(befell, question.id)))
        known = known_of(entries, window)
        given = [one for one in known if isinstance(one.entry.outcome, e.CylinderHandedOver)][-1:]
        papers = papers_of_acts(connection, log, given, window)
        held = held_at_end(connection, log, question.party, entries, window)
        at_home = facts_at(connection, log, homes, known, window)
    head = StoryHead(
        log=reader.origin,
        subject=question.party,
        complete=reader.whole,
        evidence=question.evidence(reader),
        facts=fact_views(chain.from_iterable(at_home.values())),
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
        after = _lots(connection, log, question.id, log.size) if lots and end < log.size else {}
        carries = question.kind in ("person", "vehicle")
        held = held_at_end(connection, log, question.party, (), window) if carries else []
        papers = papers_of_subject(connection, log, question, lots, end) if reader.whole else []
    head = StoryHead(
        log=reader.origin,
        subject=question.party,
        complete=reader.whole,
        evidence=question.evidence(reader),
        papers=[paper_view(one) for one in papers],
        lots=lots,
        held=held,
    )

    def told(lots: Iterable[str], start: int, end: int) -> Iterator[Told]:
        parties = [question.party, papers_party(question.party), *(f"tank_lot:{lot}" for lot in lots)]
        return stream_story(reader.engine, reader.sites, log.log_id, parties, start=start, end=end)

    # What a lot gave that was filed afterwards may have gone out before.
    later = told({**lots, **after}, end, log.size)
    return Story(head, statements(told(lots, start, end), window), afterwards(later, window))


def _carrier(connection: Connection, log: LogState, code: str) -> tuple[Cylinder | None, list[Told]]:
    """What carries or carried this code, and its entries with those of its codes; the code's own where nobody
    registered it, or nothing of what did so shows.
    """
    found, bare = carrier_of(connection, log.log_id, code), f"code:{code}"
    if found is not None:
        own = f"cylinder:{found[0].cylinder}"
        stories = told_of(connection, log.log_id, {own, bare, *(f"code:{one}" for one in found[0].codes)})
        if stories[own]:
            return found[0], in_order(chain.from_iterable(stories.values()))
    return None, told_of(connection, log.log_id, [bare])[bare]


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


def _lots(connection: Connection, log: LogState, lot: str, end: int) -> dict[str, int]:
    """The lots whose gas may contain some of that one's, as filed below `end`; shares in permille."""
    floor = carry_over(connection, log.log_id)
    if floor is None:
        return {lot: 1000}
    filed = (one.claim for one in filed_of_kind(connection, log, "tank_lot", end=end))
    return lots_with_gas_of((one for one in filed if isinstance(one, c.FileTankLot)), lot, floor)
