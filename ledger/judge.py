"""Asking the rules of the pack in force about one claim, in the order in which refusals list their reasons."""

from functools import lru_cache
from typing import NamedTuple

from msgspec import Struct

from ledger import claim as c
from ledger.china import day_of
from ledger.events import Note
from ledger.packs.model import Pack, PackInForce, RuleSetting
from ledger.reasons import PRECEDENCE
from ledger.rules import data, filling, fitness, ids, ownership
from ledger.rules.rule import RULES, Case, Check, Gate
from ledger.world import World

FAMILIES = (ids, ownership, fitness, filling, data)
"""The modules whose import fills `RULES`."""


class Verdict(Struct, frozen=True):
    """What the rules found: `broken` rules block (or, in a report, are violations), `warnings` only warn."""

    broken: tuple[Note, ...]
    warnings: tuple[Note, ...]


NOTHING_FOUND = Verdict((), ())
FIRST_DAY, LAST_DAY = "0001-01-01", "9999-12-31"


class _Asked(NamedTuple):
    """One rule at one gate, laid out for the loop that runs for every claim."""

    name: str
    check: Check
    warns: bool
    eases: bool
    effective_from: str
    effective_to: str
    params: dict[str, int]


NEEDED = ("ID-01@1", "FILL-01@1", "SCRAP-02@1")
"""Rules that a pack may make warn but not leave out: events are derived from their parameters."""

ALWAYS_BLOCKS = ("ID-03@1",)
"""Rules that a pack may not even soften: a code given twice would take one cylinder's history for another's."""

MAX_PARAM = 86_400
"""No parameter is larger or negative: a day in seconds; as months it stays within the calendar."""


def pack_faults(pack: Pack) -> list[str]:
    """What keeps a log from adopting this pack: rules that this code lacks or needs, wrong parameters; else empty."""
    unknown = [f"{name}: unknown rule" for name in pack.rules if name not in RULES]
    missing = [
        f"{name}: must be present and not off"
        for name in NEEDED
        if name not in pack.rules or pack.rules[name].mode == "off"
    ]
    params = [
        f"{name}: needs {param}"
        for name, setting in pack.rules.items()
        if name in RULES
        for param in RULES[name].params
        if param not in setting.params
    ]
    soft = [f"{name}: must always block" for name in ALWAYS_BLOCKS if pack.rules.get(name) != RuleSetting(mode="block")]
    beyond = [
        f"{name}: {param} must be 0 to {MAX_PARAM}"
        for name, setting in pack.rules.items()
        for param, value in setting.params.items()
        if not 0 <= value <= MAX_PARAM
    ]
    return sorted([*unknown, *missing, *params, *soft, *beyond])


def judge(world: World, claim: c.AnyClaim, *, at: int, recorded_at: int, clock_offset_ms: int | None) -> Verdict:
    """The pack's verdict on a claim as of `at` (ms UTC)."""
    in_force = world.registry.in_force
    if in_force is None:
        return NOTHING_FOUND
    case = Case(world, claim, at=at, recorded_at=recorded_at, clock_offset_ms=clock_offset_ms)
    broken: list[Note] = []
    warnings: list[Note] = []
    for name, check, warns, eases, effective_from, effective_to, params in _plan(in_force)[case.gate]:
        if not effective_from <= case.today <= effective_to:
            continue
        case.params = params
        found = check(case)
        if found is None:
            continue
        note = Note(name, found) if isinstance(found, str) else Note(name, found[0], found[1])
        (warnings if warns or (eases and _in_transition(case)) else broken).append(note)
    if not broken and not warnings:
        return NOTHING_FOUND
    return Verdict(tuple(sorted(broken, key=_rank)), tuple(sorted(warnings, key=_rank)))


def _rank(note: Note) -> int:
    return PRECEDENCE[note.reason]


def _in_transition(case: Case) -> bool:
    """Whether the site's first days still run (FLOW.md section 4)."""
    until = None if case.site is None else case.site.transition_until
    return until is not None and day_of(case.at) <= until


@lru_cache(maxsize=64)
def _plan(in_force: PackInForce) -> dict[Gate, tuple[_Asked, ...]]:
    """The rules to ask at each gate under this pack; `pack_faults` kept out packs that name others."""
    pack = in_force.pack
    plan: dict[Gate, list[_Asked]] = {gate: [] for gate in Gate}
    for name, setting in sorted(pack.rules.items()):
        rule = RULES[name]
        if setting.mode == "off":
            continue
        asked = _Asked(
            name,
            rule.check,
            warns=setting.mode == "warn",
            eases=name.partition("@")[0] in pack.transition_rules,
            effective_from=setting.effective_from or FIRST_DAY,
            effective_to=setting.effective_to or LAST_DAY,
            params=setting.params,
        )
        for gate in rule.gates:
            plan[gate].append(asked)
    return {gate: tuple(asked) for gate, asked in plan.items()}
