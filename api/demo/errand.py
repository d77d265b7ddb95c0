"""What the demo tells the simulated phones, as `station phones` reads it: a JSON contract (scanners/phone/plan.py).

`api` does not import `scanners`; this is the part of the contract that the demo uses.
"""

from typing import Literal

from msgspec import Struct

from ledger import claim as c


class PhonePlan(Struct, frozen=True, omit_defaults=True):
    """One phone: its name, its files, and how far its clock is ahead (ms)."""

    phone: str
    key_file: str
    outbox: str
    clock_skew_ms: int = 0


class PhonesPlan(Struct, frozen=True, kw_only=True):
    """All phones. Paths are relative to the plan's file; the clock is `ledger.clock.ScaledTime`'s."""

    url: str
    log: str
    real_start_ms: int
    origin_ms: int
    scale: int
    phones: tuple[PhonePlan, ...]


class Errand(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What one phone does in a row under one tag; a refusal ends it. Times are given when it is done."""

    phone: str
    tag: str
    acts: tuple[c.AnyClaim, ...]
    line: Literal["up", "lossy", "down"] = "up"
    clock_skew_ms: int = 0
    insist: bool = False
