"""What simulated phones are told: a plan, and then errands, one JSON line each, as the day gives them. Times ms UTC."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec import json as mjson

from ledger.claim import Origin
from ledger.clock import ScaledTime
from scanners.faults import Misconfigured
from scanners.phone.phone import Act


class PhonePlan(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One phone: its name, the files of its key and its outbox, how far its clock is ahead (ms)."""

    phone: str
    key_file: str
    outbox: str
    clock_skew_ms: int = 0


class PhonesPlan(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """All phones of a town. Paths are relative to the plan's file; the clock is `ledger.clock.ScaledTime`'s."""

    url: str
    log: Origin
    real_start_ms: int
    origin_ms: int
    scale: Annotated[int, Meta(ge=1)]
    phones: tuple[PhonePlan, ...]

    @property
    def time(self) -> ScaledTime:
        """The story's time."""
        return ScaledTime(self.real_start_ms, self.origin_ms, self.scale)


class Errand(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What one phone does in a row, under one tag; a refusal ends it, as people obey a red light, unless `insist`.

    `line`: `lossy` loses the answer to each act once, `down` has no line until all is done, and sends it afterwards.
    `clock_skew_ms`: its clock is so far ahead meanwhile, beside what it always is.
    """

    phone: str
    tag: str
    acts: tuple[Act, ...]
    line: Literal["up", "lossy", "down"] = "up"
    clock_skew_ms: int = 0
    insist: bool = False


def load_phones(path: Path) -> PhonesPlan:
    """Read a plan; Misconfigured says what is wrong. Paths in it become absolute."""
    try:
        plan = mjson.decode(path.read_bytes(), type=PhonesPlan)
    except (OSError, msgspec.DecodeError) as error:
        raise Misconfigured(f"计划文件有误：{error}", f"{path}: {error}") from error
    folder = path.resolve().parent
    phones = tuple(
        msgspec.structs.replace(one, key_file=str(folder / one.key_file), outbox=str(folder / one.outbox))
        for one in plan.phones
    )
    return msgspec.structs.replace(plan, phones=phones)
