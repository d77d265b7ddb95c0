"""Asking the rules of the pack in force about one claim, in the order in which refusals list their reasons."""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from msgspec import Struct

from ledger import claim as c
from ledger.china import day_of, is_day, shift_day
from ledger.events import Note
from ledger.packs.model import Pack, PackInForce, RuleSetting
from ledger.reasons import PRECEDENCE
from ledger.rules import (
    condition,
    custody,
    customer,
    data,
    delivery,
    earlier_filling,
    earlier_fitness,
    filling,
    fitness,
    gas,
    handover,
    hazards,
    ids,
    incident,
    inspection,
    kitchen,
    ownership,
    registration,
    release,
    returns,
    signals,
    visit,
    withdrawal,
)
from ledger.rules.rule import RULES, Case, Check, Gate, is_fetched
from ledger.world import World

FAMILIES = (
    ids, ownership, registration, inspection, fitness, condition, filling, gas, returns, release, handover, withdrawal,
    custody, hazards, incident, delivery, customer, visit, kitchen, data, signals, earlier_filling, earlier_fitness,
)  # fmt: skip
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
    soft: tuple[str, ...]
    eases: bool
    effective_from: str
    effective_to: str
    params: dict[str, int]


NEEDED = ("ID-01@1", "FILL-01@1", "SCRAP-02@1")
"""Rules that a pack may make warn but not leave out: events are derived from their parameters."""

ALWAYS_BLOCKS = ("ID-03@1",)
"""Rules that a pack may not even soften: a code given twice would take one cylinder's history for another's."""

BLOCKS_IF_PRESENT = ("ID-05@1",)
"""As ALWAYS_BLOCKS for packs that have it; older packs do not."""

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
        for name, setting in _settings(pack)
        if name in RULES
        for param in RULES[name].params
        if param not in setting.params
    ]
    firm = [*ALWAYS_BLOCKS, *(name for name in BLOCKS_IF_PRESENT if name in pack.rules)]
    soft = [f"{name}: must always block" for name in firm if pack.rules.get(name) != RuleSetting(mode="block")]
    beyond = [
        f"{name}: {param} must be 0 to {MAX_PARAM}"
        for name, setting in _settings(pack)
        for param, value in setting.params.items()
        if not 0 <= value <= MAX_PARAM
    ]
    ids = [name.partition("@")[0] for name in pack.rules]
    twice = [f"{name}: two versions of one rule" for name in sorted(set(ids)) if ids.count(name) > 1]
    days = [
        f"{name}: {day} is no day"
        for name, setting in _settings(pack)
        for day in (setting.effective_from, setting.effective_to)
        if day is not None and not is_day(day)
    ]
    return sorted([*unknown, *missing, *params, *soft, *beyond, *twice, *days])


def _settings(pack: Pack) -> Iterator[tuple[str, RuleSetting]]:
    """Every setting of a pack with its rule, those for other days included."""
    for name, setting in pack.rules.items():
        each: RuleSetting | None = setting
        while each is not None:
            yield name, each
            each = each.otherwise


def judge(world: World, claim: c.AnyClaim, *, at: int, recorded_at: int, clock_offset_ms: int | None) -> Verdict:
    """The pack's verdict on a claim as of `at` (ms UTC)."""
    in_force = world.registry.in_force
    if in_force is None:
        return NOTHING_FOUND
    case = Case(world, claim, at=at, recorded_at=recorded_at, clock_offset_ms=clock_offset_ms)
    broken: list[Note] = []
    warnings: list[Note] = []
    gates = (case.gate, Gate.HANDOVER) if is_fetched(claim) else (case.gate,)
    for check, params, asked in _asked_on(in_force, gates, case.today):
        case.params = params
        found = check(case)
        if found is None:
            continue
        note = Note(asked.name, found) if isinstance(found, str) else Note(asked.name, found[0], found[1])
        mild = asked.warns or note.reason in asked.soft or (asked.eases and _in_transition(case))
        (warnings if mild else broken).append(note)
    if not broken and not warnings:
        return NOTHING_FOUND
    return Verdict(tuple(sorted(broken, key=_rank)), tuple(sorted(warnings, key=_rank)))


def _rank(note: Note) -> int:
    return PRECEDENCE[note.reason]


def _in_transition(case: Case) -> bool:
    """Whether the site's first days still run (FLOW.md section 4)."""
    until = None if case.site is None else case.site.transition_until
    return until is not None and day_of(case.at) <= until


@lru_cache(maxsize=4096)
def _asked_on(
    in_force: PackInForce, gates: tuple[Gate, ...], day: str
) -> tuple[tuple[Check, dict[str, int], _Asked], ...]:
    """The rules to ask at these gates on that day, each once, what each asking needs in front: a day has thousands of
    claims.
    """
    plan = _plan(in_force)
    asked = {one.name: one for gate in gates for one in plan[gate] if one.effective_from <= day <= one.effective_to}
    return tuple((one.check, one.params, one) for one in asked.values())


@lru_cache(maxsize=64)
def _plan(in_force: PackInForce) -> dict[Gate, tuple[_Asked, ...]]:
    """The rules to ask at each gate under this pack; `pack_faults` kept out packs that name others."""
    pack = in_force.pack
    plan: dict[Gate, list[_Asked]] = {gate: [] for gate in Gate}
    for name, setting in sorted(pack.rules.items()):
        rule = RULES[name]
        eases = name.partition("@")[0] in pack.transition_rules
        for first, last, held in _spans(setting, FIRST_DAY, LAST_DAY):
            if held.mode == "off":
                continue
            asked = _Asked(name, rule.check, held.mode == "warn", rule.soft, eases, first, last, held.params)
            for gate in rule.gates:
                plan[gate].append(asked)
    return {gate: tuple(asked) for gate, asked in plan.items()}


def _spans(setting: RuleSetting, first: str, last: str) -> Iterator[tuple[str, str, RuleSetting]]:
    """The days (both included) of each setting between two days: this one's own, and what holds before and after."""
    begins, ends = max(first, setting.effective_from or first), min(last, setting.effective_to or last)
    if begins > ends:
        if setting.otherwise is not None:
            yield from _spans(setting.otherwise, first, last)
        return
    yield begins, ends, setting
    if setting.otherwise is not None and first < begins:
        yield from _spans(setting.otherwise, first, shift_day(begins, -1))
    if setting.otherwise is not None and ends < last:
        yield from _spans(setting.otherwise, shift_day(ends, 1), last)
