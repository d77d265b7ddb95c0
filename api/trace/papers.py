"""Papers as they stood: behind acts, and of somebody or something at the end of the times asked for."""

from collections.abc import Iterable

from api.trace.question import Question
from ledger import claim as c
from ledger.china import day_of
from ledger.store.read import Connection, LogState
from ledger.store.tracing import filed_of_kind, filings_below, filings_of_kind
from ledger.told import Told
from ledger.trace.papers import Asked, Paper, Papers, of_act, of_subjects, papers_as_of, wanted
from ledger.trace.statement import Window


def papers_of_acts(connection: Connection, log: LogState, acts: Iterable[Told], window: Window) -> list[Paper]:
    """The papers behind these acts as they stood when each was recorded."""
    return _read(connection, log, [of_act(one) for one in acts], window, Papers())


def papers_of_subject(
    connection: Connection, log: LogState, question: Question, lots: Iterable[str], end: int
) -> list[Paper]:
    """The papers of whom or what the question is about, by the filings below `end`: its own, its enterprise's, of whom
    it is paired with, of its lines, and the blacklistings of any of them. `lots`: of a tank lot, itself and those that
    took it over.
    """
    window = question.window
    at = log.recorded_at if window.until is None else min(log.recorded_at, window.until - 1)
    subjects = [question.party, *(f"tank_lot:{lot}" for lot in lots)]
    if question.kind == "vehicle":
        subjects.append(f"pairing:{question.id}")
    if question.kind == "person":
        pairings = (one.claim for one in filed_of_kind(connection, log, "pairing", end=end))
        subjects += [f"pairing:{one.vehicle}" for one in pairings
                     if isinstance(one, c.FilePairing) and one.person == question.id]  # fmt: skip
    if question.kind == "site":
        lines = (one.claim for one in filed_of_kind(connection, log, "line", end=end))
        subjects += [f"line:{one.line}" for one in lines if isinstance(one, c.FileLine) and one.site == question.id]
    papers = Papers()
    papers.listed(filings_of_kind(connection, log, "blacklisting"))
    return _read(connection, log, [of_subjects(dict.fromkeys(subjects), end, day_of(at))], window, papers)


def _read(connection: Connection, log: LogState, asked: list[Asked], window: Window, papers: Papers) -> list[Paper]:
    """In as many queries as one filing leads on to the next."""
    while parties := wanted(asked, papers):
        papers.add(parties, filings_below(connection, log.log_id, parties, end=log.size))
    return papers_as_of(asked, papers, window)
