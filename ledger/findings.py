"""Findings: what checking an evidence file comes to, and how a step says what is wrong."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from msgspec import Struct

from ledger import claim as c
from ledger.entry import Entry
from ledger.errors import LedgerError
from ledger.evidence import Scope
from ledger.policy import Standing

Level = Literal["L1", "L2", "L3"]

# (a checkpoint's text, an RFC 3161 response): the time it says, ms UTC; a fault when it is no time-stamp of that text.
StampedAt = Callable[[str, bytes], int]


class Shown(Struct, frozen=True):
    """An entry of the scope, and when it came to be. `not_before_s`: the log had signed, by its own clock, a checkpoint
    that the signer knew. `not_after_s`: a quorum of witnesses had cosigned a tree with the entry; `stamped_ms`: an
    authority had stamped one. POSIX seconds, and ms UTC; None where nothing says so.
    """

    index: int
    entry: Entry
    claim: c.AnyClaim
    not_before_s: int | None
    not_after_s: int | None
    stamped_ms: int | None


class Report(Struct, frozen=True):
    """What a file proves, under the policy it was checked against; `ledger verify` says it in words.

    `level`: L1 each entry shown is in the log; L2 none of the cylinder's chain is left out, up to a head that the log
    signed; L3 none of the whole log is, or of a window that a later entry closes. `complete`: where the scope cites
    more than its own, the subjects of which no entry is left out, up to such a head; `unended`: those of which the last
    ones may be, for want of a head. `authority`: who opened the log, by signer id; `demo`: in play. `unheaded`: signers
    whose last enrolment filing the log's signed heads do not name, and which may be left out. `forked`, `behind`,
    `gaps`: bundles so marked. `contradicted`: bundles that say they saw a tree which this log never was. `unseen`:
    trees larger than this one that bundles name. `back_dated`: entries shown that say they were recorded before a
    checkpoint that lacks them.
    """

    scope: Scope
    log: str
    size: int
    root: bytes
    level: Level
    complete: tuple[str, ...]
    unended: tuple[str, ...]
    standing: Standing
    quorum_needed: bool
    other_policy: bool
    authority: str
    demo: bool
    entries: int
    shown: tuple[Shown, ...]
    earlier: int
    seen: int
    contradicted: int
    unseen: int
    headed: bool
    unheaded: tuple[str, ...]
    forked: int
    behind: int
    gaps: int
    back_dated: int
    stamps: int
    attachments: int


class Unproved(Struct, frozen=True):
    """The first step that failed, and why."""

    step: int
    zh: str
    en: str


class Unsound(LedgerError):
    """What a step found wrong; it never leaves `verify`."""

    slug = "unsound"


def need(holds: bool, zh: str, en: str) -> None:  # noqa: FBT001 - a condition, as assert has it
    """Unsound with this message unless the condition holds."""
    if not holds:
        raise Unsound(zh, en)


@contextmanager
def naming(zh: str, en: str) -> Iterator[None]:
    """A fault found within says where."""
    try:
        yield
    except LedgerError as fault:
        raise Unsound(f"{zh}：{fault.zh}", f"{en}: {fault.en}") from fault
