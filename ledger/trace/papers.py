"""Permits, certificates and calibration as they stood when something was done: the filing in force below its entry.

What an act's papers are is read from the act: its site, line, tank lot, people, vehicle and customer; then the
enterprises behind these, and the permits that a lot or a vehicle names.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator

from msgspec import Struct, structs

from ledger import claim as c
from ledger.china import day_of
from ledger.registry import subject_of_filing
from ledger.told import Told
from ledger.trace.statement import Behind, Window, behind
from ledger.world import filing_party, papers_party


class Paper(Struct, frozen=True):
    """A filing as it stood when the acts `as_of` (entry indexes) were recorded; None where there was none.

    `holder` is who or what it is for. `in_force`: it held on that day. `changed`: the filings that replaced it since.
    """

    holder: str
    subject: str | None
    claim: c.FilingClaim | None
    in_force: bool
    behind: Behind | None
    as_of: tuple[int, ...]
    changed: tuple[Behind, ...]


_NAMED = {
    "site": "site", "line": "line", "tank_lot": "tank_lot", "person": "person", "second_person": "person",
    "reviewer": "person", "witness": "person", "vehicle": "vehicle", "customer": "customer", "premises": "premises",
    "order": "order",
}  # fmt: skip
"""Fields of acts that name something on record, and its kind."""

_LEADS_TO = {"enterprise": "enterprise", "supplier_permit": "permit", "permit": "permit"}
"""Fields of filings that lead on to another, and its kind."""

_HOLDERS = ("line", "person", "enterprise")
"""Kinds that have papers of their own: calibration, certificates, permits and insurance."""

_GOOD = ("valid", "active", "in_service", "spare", "open", "released", "current")


class Papers:
    """Filings by subject, as loaded so far. Mutable: `add` is its only change."""

    def __init__(self) -> None:
        """Nothing is loaded yet."""
        self.parties: set[str] = set()
        self._by_subject: dict[str, list[Told]] = {}
        self._held: dict[str, set[str]] = defaultdict(set)

    def add(self, parties: Iterable[str], filings: Iterable[tuple[str, Told]]) -> None:
        """All filings of these parties (`filing:…`, `papers:…`), each with the party that it was asked by."""
        self.parties.update(parties)
        found: dict[str, dict[int, Told]] = defaultdict(dict)
        for party, one in filings:
            assert isinstance(one.claim, c.FilingClaim)
            subject = subject_of_filing(one.claim)
            found[subject][one.entry_index] = one
            self._held[party].add(subject)
        for subject, by_index in found.items():
            known = {one.entry_index: one for one in self._by_subject.get(subject, ())} | by_index
            self._by_subject[subject] = [known[index] for index in sorted(known)]

    def at(self, subject: str, entry_index: int) -> Told | None:
        """The filing of a subject in force when that entry was decided."""
        filings = self._by_subject.get(subject, [])
        found = bisect_left(filings, entry_index, key=lambda one: one.entry_index)
        return filings[found - 1] if found else None

    def held_by(self, holder: str) -> list[str]:
        """The subjects of all papers ever filed for a holder."""
        return sorted(self._held[papers_party(holder)])

    def since(self, subject: str, entry_index: int) -> Iterator[Told]:
        """The filings of a subject after that entry."""
        return (one for one in self._by_subject.get(subject, ()) if one.entry_index > entry_index)


def wanted(acts: Iterable[Told], papers: Papers) -> set[str]:
    """The parties whose filings these acts need and that are not loaded: empty when nothing is missing.

    What a filing leads on to is known once that filing is loaded, so this is asked until it is empty.
    """
    parties: set[str] = set()
    for act in acts:
        for subject in _subjects(act, papers):
            parties.add(filing_party(subject))
            if subject.partition(":")[0] in _HOLDERS:
                parties.add(papers_party(subject))
    return parties - papers.parties


def papers_as_of(acts: Iterable[Told], papers: Papers, window: Window) -> list[Paper]:
    """The papers behind these acts as they stood then, a paper that several share once; acts in order."""
    found: dict[tuple[str, int | None, bool], Paper] = {}
    for act in acts:
        for paper in _papers(act, papers, window):
            index = None if paper.behind is None else paper.behind.entry_index
            key = (paper.subject or paper.holder, index, paper.in_force)
            known = found.get(key)
            as_of = (act.entry_index,) if known is None else (*known.as_of, act.entry_index)
            found[key] = structs.replace(known or paper, as_of=as_of)
    return list(found.values())


def _subjects(act: Told, papers: Papers) -> dict[str, str]:
    """What an act names on record, and what that leads on to: subject, and what led there."""
    named: dict[str, str] = {}
    for field, kind in _NAMED.items():
        value: str | None = getattr(act.claim, field, None)
        if value is not None:
            named[f"{kind}:{value}"] = f"{kind}:{value}"
    if isinstance(act.claim, c.HandOver) and act.claim.confirmation is not None:
        shown = act.claim.confirmation
        named |= {f"voucher:{shown.voucher}": f"customer:{act.claim.customer}"} if shown.voucher else {}
        named |= {f"proxy:{shown.proxy}": f"customer:{act.claim.customer}"} if shown.proxy else {}
    if isinstance(act.claim, c.HandOver | c.LoadVehicle):
        named[f"pairing:{act.claim.vehicle}"] = f"vehicle:{act.claim.vehicle}"
    waiting = list(named)
    while waiting:
        subject = waiting.pop()
        filed = papers.at(subject, act.entry_index)
        for field, kind in _LEADS_TO.items():
            value = None if filed is None else getattr(filed.claim, field, None)
            if value is not None and f"{kind}:{value}" not in named and f"{kind}:{value}" != subject:
                named[f"{kind}:{value}"] = subject if kind == "permit" else f"{kind}:{value}"
                waiting.append(f"{kind}:{value}")
    return named


def _papers(act: Told, papers: Papers, window: Window) -> Iterator[Paper]:
    for subject, holder in _subjects(act, papers).items():
        yield _paper(act, subject, holder, papers, window)
        if subject.partition(":")[0] not in _HOLDERS:
            continue
        standing = [paper for paper in papers.held_by(subject) if papers.at(paper, act.entry_index) is not None]
        for paper in standing:
            yield _paper(act, paper, subject, papers, window)
        if not standing:
            yield Paper(subject, None, None, in_force=False, behind=None, as_of=(), changed=())


def _paper(act: Told, subject: str, holder: str, papers: Papers, window: Window) -> Paper:
    filed = papers.at(subject, act.entry_index)
    claim = None if filed is None else filed.claim
    assert claim is None or isinstance(claim, c.FilingClaim)
    later = papers.since(subject, act.entry_index)
    return Paper(
        holder=holder,
        subject=subject,
        claim=claim,
        in_force=claim is not None and _holds(claim, day_of(act.entry.recorded_at)),
        behind=None if filed is None else behind(filed),
        as_of=(),
        changed=tuple(behind(one) for one in later if window.is_known(one.entry.recorded_at)),
    )


def _holds(claim: c.FilingClaim, day: str) -> bool:
    """Whether a paper held on a day: its status, and its dates where it has any."""
    return (
        getattr(claim, "status", "valid") in _GOOD
        and getattr(claim, "valid_from", day) <= day <= getattr(claim, "valid_to", day)
        and getattr(claim, "from_day", day) <= day
    )
