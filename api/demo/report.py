"""Planted against found: every planted violation met its rule, and nothing else met any."""

from collections import defaultdict
from collections.abc import Iterable

from msgspec import Struct

from api.demo.plan import Seen
from api.demo.plant import Planting
from api.demo.plant_ways import WAYS

_PASSED = ("accepted", "not_opened")
"""`not_opened`: a leave lapsed before the valve opened, and the agent asks for another; nobody was refused."""


class Missed(Struct, frozen=True):
    """A planted violation that did not meet its rule, and what happened instead."""

    tag: str
    rule: str
    happened: list[str]


class Wrong(Struct, frozen=True):
    """Honest work that met a rule or never came to its end, or a planted one that met a rule it should not have."""

    tag: str
    act: str
    outcome: str
    rules: tuple[str, ...]


class Verdict(Struct, frozen=True):
    """`planted` and `found` by family."""

    planted: dict[str, int]
    found: dict[str, int]
    missed: list[Missed]
    wrongly_refused: list[Wrong]

    @property
    def ok(self) -> bool:
        """Whether every rule met what it should, and nothing else."""
        return not self.missed and not self.wrongly_refused


def compare(planting: Planting, seen: Iterable[Seen]) -> Verdict:
    """The verdict over all answers of the day."""
    answers: dict[str, list[Seen]] = defaultdict(list)
    for one in seen:
        answers[one.tag].append(one)
    planted = planting.planted()
    found = dict.fromkeys(planted, 0)
    missed: list[Missed] = []
    for tag, plant in planting.plants.items():
        if any(plant.rule in one.rules for one in answers[tag]):
            found[plant.family] += 1
        else:
            missed.append(Missed(tag, plant.rule, [f"{o.act} {o.outcome} {' '.join(o.rules)}" for o in answers[tag]]))
    return Verdict(planted, found, missed, [*_wrong(planting, answers), *_unfinished(planting, answers)])


def _wrong(planting: Planting, answers: dict[str, list[Seen]]) -> Iterable[Wrong]:
    for tag, told in answers.items():
        plant = planting.plants.get(tag)
        allowed = frozenset[str]() if plant is None else plant.allowed
        for one in told:
            broken = one.outcome in ("fault", "unreadable") or (plant is None and one.outcome not in _PASSED)
            if broken or not allowed.issuperset(one.rules):
                yield Wrong(tag, one.act, one.outcome, one.rules)


def _unfinished(planting: Planting, answers: dict[str, list[Seen]]) -> Iterable[Wrong]:
    """Honest cylinders that never left the depot, and deeds that were never answered."""
    for tag in sorted(planting.through):
        if not any(one.act == "depot_out" and one.outcome == "accepted" for one in answers[tag]):
            yield Wrong(tag, "depot_out", "never", ())
    for tag in (*(deed.tag for deed in planting.every_deed()), *(one.tag for one in planting.every_errand())):
        if not answers[tag]:
            yield Wrong(tag, "deed", "never", ())


def what_is(tag: str) -> str:
    """What a tag stands for, Chinese and English; '' for honest work."""
    way = WAYS.get(tag.rpartition("-")[0])
    return "" if way is None else f"{way.zh} {way.en}"
