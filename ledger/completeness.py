"""Whether the entries of an evidence file are of its scope, and what may be left out (step 8 of `ledger.verify`).

A subject's chain tells by itself where an entry is missing in it, but not where it ends: that, the log says (`heads`).
"""

from itertools import pairwise

from msgspec import Struct

from ledger import claim as c
from ledger.entry import Entry
from ledger.evidence import Scope
from ledger.findings import Level, need
from ledger.world import Head, filing_party, parties_of


class Held(Struct, frozen=True):
    """What a file holds of a log of `size` entries; all of them when `whole`. Entries, their claims and leaf hashes
    (hexadecimal) by index, in order. `filings`: the accepted enrolment filings of each signer that an entry names.
    `heads`: where the log says that chains end, by subject. `chained`, `cited`: the scope's, to look up.
    """

    scope: Scope
    size: int
    whole: bool
    entries: dict[int, Entry]
    claims: dict[int, c.AnyClaim]
    leaves: dict[int, str]
    filings: dict[str, list[int]]
    heads: dict[str, Head]
    chained: frozenset[str]
    cited: frozenset[int]

    @property
    def subject(self) -> str:
        """The scope's own subject, if it is of one."""
        return self.scope.subject

    def within(self, at: int) -> bool:
        """Whether an entry is of the scope's own kind and times, and not only cited beside them."""
        scope, entry = self.scope, self.entries[at]
        if scope.from_ms is not None and entry.recorded_at < scope.from_ms:
            return False
        if scope.to_ms is not None and entry.recorded_at >= scope.to_ms:
            return False
        return scope.kind in ("window", "log") or self.subject in parties_of(entry, self.claims[at])

    def head(self, at: int) -> Head:
        """What a chain's head would be if this entry were its last."""
        return Head(self.entries[at].subject_seq, self.leaves[at])


class Completeness(Struct, frozen=True):
    """What a file may be said to hold: the indexes of the scope's entries and of what is cited beside them; the level
    of the scope's own; of a scope that cites more, the subjects of which no entry is left out, up to the end that the
    log signed for, and those of whose end it says nothing.
    """

    shown: list[int]
    level: Level
    complete: tuple[str, ...]
    unended: tuple[str, ...]


def check_scope_held(held: Held) -> Completeness:
    """How complete it is; Unsound where something does not fit."""
    chains: dict[str, list[int]] = {}
    for at, entry in held.entries.items():
        chains.setdefault(entry.subject, []).append(at)
    for subject, chain in chains.items():
        _check_chain(held, subject, chain)
    scoped = [at for at in held.entries if held.within(at)]
    beside = _beside(held, scoped, chains)
    vouching = {0, *(at for filed in held.filings.values() for at in filed)}
    window = held.scope.kind == "window"
    neighbours = _neighbours(held, scoped) if window else ()
    allowed = vouching.union(scoped, neighbours, beside)
    for at in held.entries:
        need(at in allowed, f"条目 {at} 不属于所述范围", f"entry {at} does not belong to the scope")
    need(held.whole or held.scope.kind != "log", "称为全日志，却缺条目", "the whole log, with entries missing")
    own = [at for at in chains.get(held.subject, ()) if held.within(at)]
    from_start = bool(own) and held.entries[own[0]].subject_seq == 0
    need(from_start or not own or held.scope.from_ms is not None, "主体链缺开头", "the chain's beginning is missing")
    _check_ends(held, chains)
    to_end = bool(own) and held.heads.get(held.subject) == held.head(own[-1])
    unended = tuple(one for one in held.scope.chains if not held.whole and one not in held.heads)
    complete = held.chained.difference(unended).union([held.subject] if beside and from_start and to_end else [])
    level: Level = "L2" if held.scope.kind == "cylinder" and from_start and to_end else "L1"
    # A window that no later entry closes may get more entries: an old checkpoint could hide what it goes on to hold.
    if neighbours[-1] < held.size if neighbours else held.whole:
        level = "L3"
    return Completeness(sorted({*scoped, *beside}), level, tuple(sorted(complete)), unended)


def _beside(held: Held, scoped: list[int], chains: dict[str, list[int]]) -> set[int]:
    """What stands in the file because the answer cites it: whole chains, and single entries, all of them here."""
    beside = set[int]()
    for subject in held.scope.chains:
        chain = chains.get(subject, [])
        begins = bool(chain) and held.entries[chain[0]].subject_seq == 0
        need(begins, f"{subject} 的链缺开头", f"the chain of {subject} lacks its beginning")
        beside.update(chain)
    own = beside.union(scoped)
    for at in held.scope.cited:
        need(at in held.entries, f"另引的条目 {at} 不在文件中", f"entry {at} is cited and not here")
        need(at not in own, f"条目 {at} 本属范围，不应另引", f"entry {at} is of the scope, and cited besides")
    return beside.union(held.scope.cited)


def _check_chain(held: Held, subject: str, chain: list[int]) -> None:
    """The scope's own subject, its further chains and every subject of a whole log have no hole, but for what is cited
    singly; of others what is here fits.
    """
    for at in chain:
        entry = held.entries[at]
        first = (entry.subject_seq == 0) == (entry.subject_prev == "")
        need(first, f"条目 {at}：主体链首有误", f"entry {at}: only a subject's first entry follows none")
    begins = not held.whole or held.entries[chain[0]].subject_seq == 0
    need(begins, f"{subject} 的链缺开头", f"the chain of {subject} lacks its beginning")
    for old, new in pairwise(chain):
        step = held.entries[new].subject_seq - held.entries[old].subject_seq
        linked = held.entries[new].subject_prev == held.leaves[old] if step == 1 else step > 1 and not held.whole
        need(linked, f"条目 {new}：{subject} 的链断开", f"entry {new}: the chain of {subject} is broken")
    if subject == held.subject or subject in held.chained:
        for old, new in pairwise(at for at in chain if at not in held.cited):
            follows = held.entries[new].subject_seq == held.entries[old].subject_seq + 1
            need(follows, f"条目 {new}：{subject} 的链断开", f"entry {new}: the chain of {subject} is broken")


def _neighbours(held: Held, scoped: list[int]) -> tuple[int, int]:
    """The last entry before a window, -1 for none, and the first after it, the log's size for none yet: between them
    nothing is left out.
    """
    assert held.scope.from_ms is not None, "a window has both times"
    earlier = [at for at, entry in held.entries.items() if entry.recorded_at < held.scope.from_ms]
    before = earlier[-1] if earlier else -1
    after = before + 1
    while after in held.entries and held.within(after):
        after += 1
    # Times never decrease, so what of the window stood elsewhere would stand past `after`.
    closed = (after == held.size or after in held.entries) and len(scoped) == after - before - 1
    need(closed, "时段不连续，或缺前后相邻的条目", "the window has a hole, or an entry next to it is missing")
    return before, after


def _check_ends(held: Held, chains: dict[str, list[int]]) -> None:
    """What is here must not contradict where the log says that chains end; nor fall short where all should be here."""
    filed = {filing_party(f"signer:{signer}"): at for signer, at in held.filings.items()}
    used = {filing_party(f"signer:{entry.signer}") for entry in held.entries.values()}
    for subject, head in held.heads.items():
        chain = filed.get(subject, []) if subject in used else chains.get(subject, [])
        last = held.head(chain[-1]) if chain else None
        to_its_end = (
            subject in used
            or (held.whole and not subject.startswith("filing:"))
            or (subject == held.subject and held.scope.to_ms is None)
            or subject in held.chained
        )
        fits = last == head or (not to_its_end and (last is None or last.seq < head.seq))
        need(fits, f"{subject} 的链没有到 heads.txt 所述末尾", f"{subject} does not end where heads.txt says")
