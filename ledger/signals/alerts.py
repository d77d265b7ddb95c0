"""Alerts: signals that belong together, until somebody settles them; and the reading of entries that makes them."""

from collections.abc import Iterable

from msgspec import Struct, structs

from ledger import claim as c
from ledger import events as e
from ledger.bundle import decode_claim
from ledger.china import HOUR_MS
from ledger.entry import Entry
from ledger.signals.memory import Memory
from ledger.signals.signal import SHOWN, Signal
from ledger.signals.watch import Watch

SAME_ALERT_MS = 24 * HOUR_MS
"""A signal of the same kind about the same thing so soon after the last is the same alert: one session's retries."""

ALERT = "alert:"

VERSION = 2
"""The version of the detectors: alerts that another one made are made anew from entry 0."""


class Alert(Struct, frozen=True, omit_defaults=True):
    """An alert. `alert` is its id: its kind and the first entry that shows it. Times ms UTC.

    `entries` show it, the oldest and the newest of them; `facts` are the newest signal's, `times` how many signals it
    gathers. `raised` is the entry that told it first, recorded at `raised_at`; by `deadline` somebody has looked.
    `cause` and `outcome` are the newest settlement's, by entry `settled`.
    """

    alert: str = ""
    kind: str = ""
    key: str = ""
    entries: tuple[int, ...] = ()
    facts: dict[str, int | str] = {}
    times: int = 0
    raised: int = 0
    raised_at: int = 0
    last_at: int = 0
    deadline: int = 0
    cause: str | None = None
    outcome: str | None = None
    settled: int | None = None
    settled_at: int | None = None

    @property
    def status(self) -> str:
        """`open` or `settled`."""
        return "open" if self.settled is None else "settled"


class Open(Struct, frozen=True, omit_defaults=True):
    """Which alert of a kind about a thing is the newest."""

    alert: str = ""


class Following:
    """A log followed entry by entry: what it shows stands in `memory`, its alerts under `alert:ID`."""

    def __init__(self, memory: Memory) -> None:
        """Go on from what is remembered there."""
        self._memory = memory
        self._watch = Watch(memory)

    def take(self, index: int, entry: Entry, claim: c.AnyClaim) -> None:
        """The next entry, and its claim."""
        if isinstance(claim, c.SettleAlert):
            self._settle(claim, entry, index)
            return
        for signal in self._watch.take(index, entry, claim):
            self._raise(signal, index)

    def _raise(self, signal: Signal, index: int) -> None:
        where = f"open:{signal.kind}:{signal.key}"
        known = self._memory.get(Alert, f"{ALERT}{self._memory.get(Open, where).alert}")
        if known.alert and known.settled is None and signal.at - known.last_at <= SAME_ALERT_MS:
            entries = tuple(sorted({*known.entries, *signal.entries}))
            entries = entries if len(entries) <= SHOWN else (*entries[: SHOWN // 2], *entries[-SHOWN // 2 :])
            again = structs.replace(
                known, entries=entries, facts=signal.facts, times=known.times + 1, last_at=signal.at
            )
            self._memory.put(f"{ALERT}{known.alert}", again)
            return
        name = self._name(f"{signal.kind}.{signal.entries[0]}")
        params = self._watch.params(signal.kind)
        assert params is not None, "what is off is not signalled"
        alert = Alert(
            alert=name, kind=signal.kind, key=signal.key, entries=signal.entries, facts=signal.facts, times=1,
            raised=index, raised_at=signal.at, last_at=signal.at, deadline=signal.at + params["deadline_h"] * HOUR_MS,
        )  # fmt: skip
        self._memory.put(f"{ALERT}{name}", alert)
        self._memory.put(where, Open(name))

    def _name(self, name: str) -> str:
        """That name, or with a number where another alert begins with the same entry."""
        number, free = 1, name
        while self._memory.get(Alert, f"{ALERT}{free}").alert:
            number += 1
            free = f"{name}.{number}"
        return free

    def _settle(self, claim: c.SettleAlert, entry: Entry, index: int) -> None:
        """Whoever settles what was never raised settles nothing; whoever settles it again corrects the outcome."""
        known = self._memory.get(Alert, f"{ALERT}{claim.alert}")
        if known.alert and isinstance(entry.outcome, e.AlertSettled):
            settled = structs.replace(
                known, cause=claim.cause, outcome=claim.outcome, settled=index, settled_at=entry.recorded_at
            )
            self._memory.put(f"{ALERT}{known.alert}", settled)


def alerts_of(entries: Iterable[Entry]) -> list[Alert]:
    """The alerts that all entries of a log show, from entry 0 on, in the order in which they were raised."""
    memory = Memory()
    following = Following(memory)
    for index, entry in enumerate(entries):
        following.take(index, entry, decode_claim(entry.claim))
    return alerts_in(memory)


def alerts_in(memory: Memory) -> list[Alert]:
    """The alerts that were raised or changed in this memory, in the order in which they were raised."""
    found = [memory.get(Alert, key) for key in sorted(memory.changed) if key.startswith(ALERT)]
    return sorted(found, key=lambda one: (one.raised, one.alert))
