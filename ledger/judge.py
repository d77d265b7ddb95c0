"""Asking the rules of the pack in force about one claim, in the order in which refusals list their reasons."""

from functools import lru_cache

from msgspec import Struct

from ledger import claim as c
from ledger.china import day_of
from ledger.events import Note
from ledger.packs.model import Pack, PackInForce, RuleSetting
from ledger.reasons import PRECEDENCE
from ledger.rules import data, filling, fitness, ids, ownership
from ledger.rules.rule import RULES, Case, Gate, Rule, gate_of
from ledger.world import World

FAMILIES = (ids, ownership, fitness, filling, data)
"""The modules whose import fills `RULES`."""


class Verdict(Struct, frozen=True):
    """What the rules found: `broken` rules block (or, in a report, are violations), `warnings` only warn."""

    broken: tuple[Note, ...]
    warnings: tuple[Note, ...]


class _Asked(Struct, frozen=True):
    rule: Rule
    setting: RuleSetting
    eases: bool


NEEDED = ("ID-01@1", "FILL-01@1", "SCRAP-02@1")
"""Rules that a pack may make warn but not leave out: events are derived from their parameters."""


def pack_faults(pack: Pack) -> list[str]:
    """What keeps a log from adopting this pack: rules that this code lacks, missing parameters; empty if nothing."""
    unknown = [f"{name}: unknown rule" for name in pack.rules if name not in RULES]
    missing = [f"{name}: must be present" for name in NEEDED if name not in pack.rules]
    params = [
        f"{name}: needs {param}"
        for name, setting in pack.rules.items()
        if name in RULES
        for param in RULES[name].params
        if param not in setting.params
    ]
    return sorted([*unknown, *missing, *params])


def judge(world: World, claim: c.AnyClaim, *, at: int, recorded_at: int, clock_offset_ms: int | None) -> Verdict:
    """The pack's verdict on a claim as of `at` (ms UTC)."""
    in_force = world.registry.in_force
    if in_force is None:
        return Verdict((), ())
    case = Case(world, claim, at=at, recorded_at=recorded_at, clock_offset_ms=clock_offset_ms)
    broken: list[Note] = []
    warnings: list[Note] = []
    for asked in _plan(in_force)[gate_of(claim)]:
        setting = asked.setting
        if setting.effective_from is not None and case.today < setting.effective_from:
            continue
        if setting.effective_to is not None and case.today > setting.effective_to:
            continue
        case.params = setting.params
        note = asked.rule.ask(case)
        if note is None:
            continue
        warns = setting.mode == "warn" or (asked.eases and _in_transition(case))
        (warnings if warns else broken).append(note)
    if len(broken) > 1:
        broken.sort(key=_rank)
    return Verdict(tuple(broken), tuple(sorted(warnings, key=_rank)))


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
        for gate in rule.gates:
            plan[gate].append(_Asked(rule, setting, rule.name.partition("@")[0] in pack.transition_rules))
    return {gate: tuple(asked) for gate, asked in plan.items()}
