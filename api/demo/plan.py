"""The plan of one station's shift, as `station simulate --plan` reads it: a JSON contract (scanners/plan.py).

`api` does not import `scanners`; this is the part of the contract that the demo uses. Masses grams, times ms UTC.
"""

from msgspec import Struct

from ledger.claim import PrefillItem


class Script(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One cylinder's way through the platform. `tag` comes back in every result about it."""

    tag: str
    tare_g: int
    reading: str | None = None
    image: str | None = None
    residual_g: int = 0
    serial: str | None = None
    key_stamp: bool = False
    seal: str | None = None
    overfill_g: int = 0
    failed_items: tuple[PrefillItem, ...] = ()
    skip_prefill: bool = False
    interrupt_at_g: int | None = None
    same_person_postcheck: bool = False
    skip_postcheck: bool = False
    stop_after: str | None = None
    insist: bool = False
    line: str | None = None
    person: str | None = None
    tank_lot: str | None = None
    target_net_g: int = 14_500
    wrong_line: bool = False
    late_start_s: int = 0
    reuse_authorisation: bool = False
    no_authorisation: bool = False
    clock_skew_ms: int = 0


class Plan(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One station's shift. Paths are relative to the plan's file; the clock is `ledger.clock.ScaledTime`'s."""

    url: str
    log: str
    site: str
    key_file: str
    outbox: str
    real_start_ms: int
    origin_ms: int
    scale: int
    person: str
    second_person: str
    vehicle: str
    tank_lot: str
    lines: tuple[str, ...]
    cylinders: tuple[Script, ...]
    seed: int
    speed_up: int | None = None


class Seen(Struct, frozen=True):
    """One answer of the server, as the agent reports it and as the demo's own bundles are answered.

    `outcome` is accepted, warnings, violations or refused; the agent also says not_opened, unreadable and fault.
    `rules` are ids without their version.
    """

    tag: str
    act: str
    outcome: str
    rules: tuple[str, ...] = ()
    entry_index: int | None = None
    code: str = ""
