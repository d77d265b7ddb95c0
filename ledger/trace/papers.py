"""Permits, certificates and calibration as they stood when something was done, or at the end of a period: the filing
in force below an entry.

What an act's papers are is read from the act: its site, line, tank lot, people, vehicle and customer; then the
enterprises behind these, and the permits that a lot or a vehicle names. Of somebody or something they are its own, and
those of what stands behind it.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from msgspec import Struct, structs

from ledger import claim as c
from ledger.china import day_of
from ledger.registry import subject_of_filing
from ledger.told import Told
from ledger.trace.statement import Behind, Window, behind
from ledger.world import filing_party, papers_party


class Paper(Struct, frozen=True):
    """A filing as it stood when the acts `as_of` (entry indexes) were recorded, of none at the end of the times asked
    for; None where there was none.

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

_BEHIND = _LEADS_TO | {"site": "site", "person": "person", "product": "product"}
"""The same, of what is asked about by itself: no act names the site and people behind it."""

_HOLDERS = ("line", "person", "enterprise")
"""Kinds that have papers of their own: calibration, certificates, permits and insurance."""

_GOOD = ("valid", "active", "in_service", "spare", "open", "released", "current", "listed")


class Asked(NamedTuple):
    """Whose papers are asked for: `named` subjects, each with whom it is for, and what `leads` on from them, by the
    filings below `entry_index` and on that day of China's. `as_of` as in `Paper`.
    """

    named: dict[str, str]
    leads: Mapping[str, str]
    entry_index: int
    day: str
    as_of: tuple[int, ...] = ()


def of_act(act: Told) -> Asked:
    """The papers behind an act when it was recorded."""
    return Asked(_named(act), _LEADS_TO, act.entry_index, day_of(act.entry.recorded_at), (act.entry_index,))


def of_subjects(subjects: Iterable[str], entry_index: int, day: str) -> Asked:
    """The papers of these subjects themselves (`person:…`, `pairing:…`) by the filings below an entry, on that day."""
    return Asked({one: one for one in subjects}, _BEHIND, entry_index, day)


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

    def listed(self, listings: Iterable[Told]) -> None:
        """All filings of blacklistings: papers of whom they list."""
        for one in listings:
            assert isinstance(one.claim, c.FileBlacklisting)
            self.add((), [(papers_party(f"{one.claim.kind}:{one.claim.target}"), one)])

    def held_by(self, holder: str, entry_index: int) -> list[str]:
        """The subjects of the papers that were a holder's below that entry: a paper may change hands."""
        key = holder.partition(":")[2]
        held = {subject: self.at(subject, entry_index) for subject in sorted(self._held[papers_party(holder)])}
        return [subject for subject, one in held.items() if one is not None and key in _holders(one.claim)]

    def since(self, subject: str, entry_index: int) -> Iterator[Told]:
        """The filings of a subject from that entry on."""
        return (one for one in self._by_subject.get(subject, ()) if one.entry_index >= entry_index)


def _holders(claim: c.AnyClaim) -> list[str | None]:
    return [getattr(claim, field, None) for field in (*_HOLDERS, "target")]


def wanted(asked: Iterable[Asked], papers: Papers) -> set[str]:
    """The parties whose filings are asked for and not loaded: empty when nothing is missing.

    What a filing leads on to is known once that filing is loaded, so this is asked until it is empty.
    """
    parties: set[str] = set()
    for one in asked:
        for subject in _subjects(one, papers):
            parties.add(filing_party(subject))
            if subject.partition(":")[0] in _HOLDERS:
                parties.add(papers_party(subject))
    return parties - papers.parties


def papers_as_of(asked: Iterable[Asked], papers: Papers, window: Window) -> list[Paper]:
    """The papers asked for as they stood then, a paper that several share once; in order."""
    found: dict[tuple[str, int | None, bool], Paper] = {}
    for one in asked:
        for paper in _papers(one, papers, window):
            index = None if paper.behind is None else paper.behind.entry_index
            key = (paper.subject or paper.holder, index, paper.in_force)
            known = found.get(key)
            as_of = () if known is None else known.as_of
            found[key] = structs.replace(known or paper, as_of=tuple(dict.fromkeys((*as_of, *one.as_of))))
    return list(found.values())


def _named(act: Told) -> dict[str, str]:
    """What an act names on record, and whom each is for."""
    named: dict[str, str] = {}
    for field, kind in _NAMED.items():
        value: str | None = getattr(act.claim, field, None)
        if value is not None:
            named[f"{kind}:{value}"] = f"{kind}:{value}"
    if isinstance(act.claim, c.HandOver) and act.claim.confirmation is not None:
        shown = act.claim.confirmation
        named |= {f"voucher:{shown.voucher}": f"customer:{act.claim.customer}"} if shown.voucher else {}
        named |= {f"proxy:{shown.proxy}": f"customer:{act.claim.customer}"} if shown.proxy else {}
    if isinstance(act.claim, c.HandOver | c.LoadVehicle) and act.claim.vehicle is not None:
        named[f"pairing:{act.claim.vehicle}"] = f"vehicle:{act.claim.vehicle}"
    return named


def _subjects(asked: Asked, papers: Papers) -> dict[str, str]:
    """What is asked about and what that leads on to: subject, and what led there."""
    named = dict(asked.named)
    waiting = list(named)
    while waiting:
        subject = waiting.pop()
        filed = papers.at(subject, asked.entry_index)
        for field, kind in asked.leads.items():
            value = None if filed is None else getattr(filed.claim, field, None)
            if value is not None and f"{kind}:{value}" not in named and f"{kind}:{value}" != subject:
                named[f"{kind}:{value}"] = subject if kind == "permit" else f"{kind}:{value}"
                waiting.append(f"{kind}:{value}")
    return named


def _papers(asked: Asked, papers: Papers, window: Window) -> Iterator[Paper]:
    for subject, holder in _subjects(asked, papers).items():
        yield _paper(asked, subject, holder, papers, window)
        if subject.partition(":")[0] not in _HOLDERS:
            continue
        held = papers.held_by(subject, asked.entry_index)
        for paper in held:
            yield _paper(asked, paper, subject, papers, window)
        if all(paper.startswith("blacklisting:") for paper in held):
            yield Paper(subject, None, None, in_force=False, behind=None, as_of=(), changed=())


def _paper(asked: Asked, subject: str, holder: str, papers: Papers, window: Window) -> Paper:
    filed = papers.at(subject, asked.entry_index)
    claim = None if filed is None else filed.claim
    assert claim is None or isinstance(claim, c.FilingClaim)
    later = papers.since(subject, asked.entry_index)
    return Paper(
        holder=holder,
        subject=subject,
        claim=claim,
        in_force=claim is not None and _holds(claim, asked.day),
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
