"""Plans: a believable shift of one station for `station simulate`, one JSON file. Masses grams, times ms UTC.

A script is one cylinder's way over the platform: pre-check, fill, post-check, release, depot out. Scripts run in
order, in rows of `row`, each row's fills spread over the lines. People obey a red light: after a refusal, a failed
check or a fill that never happened, the cylinder goes no further, unless `insist`. Where the ledger asks for
the stamp, a script with a `serial` is pre-checked once more with it; one without goes on to the scale and is refused.

Scripts with `wrong_line`, `late_start_s`, `reuse_authorisation`, `no_authorisation`, `clock_skew_ms` or
`stop_after = "authorise"` are what an honest agent cannot do. They are played past gun, scale and interlock by a
tampered agent with the same key: claims one by one, weights made up.
"""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec import json as mjson

from ledger.claim import Millis, Origin, PostfillItem, PrefillItem, Ref
from ledger.clock import ScaledTime
from scanners.faults import Misconfigured

Step = Literal["prefill", "authorise", "fill", "postfill", "release", "depot_out"]
Mass = Annotated[int, Meta(ge=0, le=200_000)]

_KEYED = 4  # characters of a stamp; no pack asks for more


class Script(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One cylinder. One of `reading` and `image` is required.

    reading              the exact text that the gun sends
    image                path of a picture instead; its first code that is a cylinder's is the reading
    tag                  opaque, echoed in every result about this cylinder
    tare_g               true tare, which may differ from the registered one (a start weight far below it, say)
    residual_g           gas left in it when it comes in; gross at the start = tare_g + residual_g
    serial               what is stamped on it; its last characters are keyed when the ledger asks for them
    key_stamp            they are keyed at the pre-check unasked, too
    seal                 the number of the seal keyed at release
    overfill_g           the scale closes so much above its set-point; 0 is normal, may be negative
    failed_items         items that the pre-check finds wrong
    postfill_failed      items that the post-check finds wrong
    skip_prefill         straight to the scale
    interrupt_at_g       power cut at this net gas (gross = tare_g + this), then resumed under a new authorisation
    same_person_postcheck  the filler checks his own fill
    skip_postcheck       straight to release
    stop_after           the script ends after this step; None: after depot_out
    insist               go on although refused
    line                 fill on this line; None: the next free one
    person, tank_lot     for AuthoriseFill instead of the plan's
    target_net_g         what a tampered agent claims to have filled (an honest fill takes it from the authorisation)
    wrong_line           authorised on one line, filled on another
    late_start_s         valve opened so many seconds (story time) after the authorisation was asked
    reuse_authorisation  a second start and completion under the same authorisation
    no_authorisation     start and completion under an authorisation that nobody gave
    clock_skew_ms        this device's clock is so far ahead (or behind): `scanned_at` and `Ledger-Device-Time`
    """

    tare_g: Mass
    reading: str | None = None
    image: str | None = None
    tag: str = ""
    residual_g: Mass = 0
    serial: Annotated[str, Meta(pattern=r"^[0-9A-Z-]{1,20}\Z")] | None = None
    key_stamp: bool = False
    seal: Ref | None = None
    overfill_g: Annotated[int, Meta(ge=-20_000, le=20_000)] = 0
    failed_items: tuple[PrefillItem, ...] = ()
    postfill_failed: tuple[PostfillItem, ...] = ()
    skip_prefill: bool = False
    interrupt_at_g: Mass | None = None
    same_person_postcheck: bool = False
    skip_postcheck: bool = False
    stop_after: Step | None = None
    insist: bool = False
    line: Ref | None = None
    person: Ref | None = None
    tank_lot: Ref | None = None
    target_net_g: Mass = 14_500
    wrong_line: bool = False
    late_start_s: Annotated[int, Meta(ge=0)] = 0
    reuse_authorisation: bool = False
    no_authorisation: bool = False
    clock_skew_ms: int = 0

    def __post_init__(self) -> None:
        """Misconfigured unless it has exactly one of `reading` and `image`, and a stamp where one is keyed."""
        if (self.reading is None) == (self.image is None):
            raise Misconfigured("每瓶须且只须给出 reading 或 image", "a script needs either `reading` or `image`")
        if self.key_stamp and self.serial is None:
            raise Misconfigured("key_stamp 须同时给出 serial", "`key_stamp` needs a `serial`")

    @property
    def stamp_tail(self) -> str | None:
        """What people key of its stamp; None where nobody can read it."""
        return None if self.serial is None else self.serial[-_KEYED:]

    @property
    def tampered(self) -> bool:
        """Whether only a tampered agent can do this."""
        return bool(
            self.wrong_line
            or self.late_start_s
            or self.reuse_authorisation
            or self.no_authorisation
            or self.clock_skew_ms
            or self.stop_after == "authorise"
        )


class Plan(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One station's shift. Paths are relative to the plan's file.

    url, log, site       server, the log's origin, the station's site
    key_file, outbox     the signing key (PEM) and the outbox (created when missing)
    real_start_ms, origin_ms, scale  story time, as `ledger.clock.ScaledTime`: `scale` story ms a real ms
    person               filler; also pre-check, release and depot out
    second_person        post-check
    vehicle, tank_lot    what is loaded, what is filled from
    lines                ids of the filling lines; each gets a simulated scale in a process of its own
    cylinders            the scripts, in order
    row                  cylinders in a row, 1 to 25
    speed_up             how much faster than real a scale fills (150 g/s); None: max(scale, 2500), 15 kg in 40 ms
    seed                 chance of the hands (double triggers, split sends) and of the scales (closing within 10 g)
    """

    url: str
    log: Origin
    site: Ref
    key_file: str
    outbox: str
    real_start_ms: Millis
    origin_ms: Millis
    scale: Annotated[int, Meta(ge=1, le=100_000)]
    person: Ref
    second_person: Ref
    vehicle: Ref
    tank_lot: Ref
    lines: Annotated[tuple[Ref, ...], Meta(min_length=1, max_length=24)]
    cylinders: tuple[Script, ...]
    row: Annotated[int, Meta(ge=1, le=25)] = 25
    speed_up: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        """Misconfigured where a script names a line that is not there."""
        for script in self.cylinders:
            if script.line is not None and script.line not in self.lines:
                raise Misconfigured(
                    f"充装秤不在计划中：{script.line}", f"a script names line {script.line}; `lines` does not"
                )

    @property
    def time(self) -> ScaledTime:
        """Story time."""
        return ScaledTime(self.real_start_ms, self.origin_ms, self.scale)


def load_plan(path: Path) -> Plan:
    """Read a plan; Misconfigured says which field is wrong. Paths in it become absolute."""
    try:
        plan = mjson.decode(path.read_bytes(), type=Plan)
    except (OSError, msgspec.DecodeError) as error:
        raise Misconfigured(f"计划文件有误：{error}", f"{path}: {error}") from error
    folder = path.resolve().parent

    def absolute(script: Script) -> Script:
        return script if script.image is None else msgspec.structs.replace(script, image=str(folder / script.image))

    return msgspec.structs.replace(
        plan,
        key_file=str(folder / plan.key_file),
        outbox=str(folder / plan.outbox),
        cylinders=tuple(absolute(script) for script in plan.cylinders),
    )
