"""A signal, and what a detector looks at: one entry with its cylinder as it was before."""

from collections.abc import Callable

from msgspec import Struct

from ledger import claim as c
from ledger import events as e
from ledger.signals.body import Body
from ledger.signals.memory import Memory

RULE_OF = {"CUST": "CUST-02@1"} | {f"F{n}": f"FRD-{n:02}@1" for n in range(1, 22) if n != 19}  # noqa: PLR2004 - F19 asks the public page
RULE_OF |= {"F8": "FRD-08@2", "F15": "FRD-15@2", "F17": "FRD-17@2"}
"""Kinds of signals, and the rule whose parameters are their thresholds."""

EARLIER_RULE_OF = {"F8": "FRD-08@1", "F15": "FRD-15@1", "F17": "FRD-17@1"}
"""What a pack may name instead: it has fewer thresholds, and what they would show is not looked for."""

MINUTE_MS = 60_000
SHOWN = 12
"""So many entries at most show a signal."""

Facts = dict[str, int | str]


class Signal(Struct, frozen=True):
    """Something that looks wrong. `key`: what it is about (`cylinder:…`, `line:…`, `person:…` …). `entries`: those that
    show it, oldest first, the one that told last. `at`: when that was recorded (ms UTC).
    """

    kind: str
    key: str
    entries: tuple[int, ...]
    facts: Facts
    at: int


class Scan:
    """One entry. `at`: recorded, `seen_at`: seen by a clock put right (ms UTC). `key`: its cylinder's, `cylinder:…`,
    and `body` what is remembered of it from before; both None for claims about no known cylinder. `event` is None for
    a refusal.
    """

    __slots__ = ("at", "body", "claim", "event", "index", "key", "memory", "offset_ms", "params", "seen_at", "signer")

    def __init__(
        self, index: int, claim: c.AnyClaim, event: e.Event | None, *, at: int, seen_at: int, signer: str,
        offset_ms: int | None, key: str | None, memory: Memory, params: Callable[[str], dict[str, int] | None],
    ) -> None:  # fmt: skip
        """`params` gives the thresholds of a kind, None where the pack switches it off."""
        self.index, self.claim, self.event, self.key = index, claim, event, key
        self.at, self.seen_at, self.signer, self.offset_ms = at, seen_at, signer, offset_ms
        self.memory, self.params = memory, params
        self.body: Body | None = None if key is None else memory.get(Body, key)

    def signal(self, kind: str, key: str, *entries: int, **facts: int | str) -> Signal:
        """A signal that this entry tells; `entries` are those before it that show it."""
        shown = sorted({*entries, self.index})[-SHOWN:]
        return Signal(kind, key, tuple(shown), facts, self.at)

    def remember(self, body: Body, key: str | None = None) -> None:
        """Have this remembered of its cylinder, or of that one."""
        if key in (None, self.key):
            self.body, key = body, self.key
        assert key is not None
        self.memory.put(key, body)
