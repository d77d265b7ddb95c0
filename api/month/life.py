"""A cylinder, a customer and a station's yard as the people who handle them know them: never read from the ledger."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from ledger import claim as c
from ledger.model import MODELS, allowed_fill_g

LARGE_ML = 118_000
T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Bottle:
    """A cylinder (气瓶): its stamp and papers, and what has happened to it. Masses are grams, times ms UTC.

    `code` is the label that it wears now. `checked_at`, `checked_site`: its last pre-check that nothing ended since.
    `filled_by`, `checked_by`: who filled and who post-checked. `leave`: the last authorisation. `out`: on the road for
    sale. `seen_back`: somebody scanned its return since its release. `orders`: seizures. `relabelled_by`: whose its new
    label is, until another person has compared it. `missed`: so many of its next returns nobody
    will scan. `stranger`: of another town, in nobody's papers here.
    """

    paper: c.RegisterCylinder
    sort: str
    code: str
    stamp: str
    owner: str
    inspected: str | None
    tare_g: int
    failed: bool = False
    use_registered: bool = True
    scrapped: bool = False
    orders: set[str] = field(default_factory=set)
    gas_g: int = 0
    opening: bool = False
    checked_at: int | None = None
    checked_site: str = ""
    challenged: bool = False
    leave: str = ""
    filled_by: str = ""
    checked_by: str = ""
    lawful: bool = False
    released: bool = False
    released_at: int | None = None
    seen_back: bool = False
    out: bool = False
    relabelled_by: str = ""
    stranger: bool = False
    missed: int = 0

    @property
    def allowed_g(self) -> int:
        """The most gas it may hold."""
        return allowed_fill_g(self.paper.max_fill_g, self.paper.water_volume_ml)

    @property
    def target_g(self) -> int:
        """What an honest fill puts in."""
        return min(MODELS[self.paper.model].nominal_fill_g, self.allowed_g)

    @property
    def large(self) -> bool:
        """A 50-kg cylinder (118 L)."""
        return self.paper.water_volume_ml >= LARGE_ML

    def emptied(self) -> None:
        """Its gas was burnt, or taken out: nothing of its last fill holds any longer."""
        self.gas_g = 0
        self.released = self.lawful = self.opening = self.out = False
        self.filled_by = self.checked_by = ""


@dataclass(slots=True, eq=False)
class Customer:
    """A customer at premises. `holds`: the cylinders in the kitchen, oldest first. `known`: customer, premises and
    contract are filed. `hazards`: open ones by id, with the day from which each closes the door; `suspended_by`:
    enterprises. `shows`: how it confirms.
    """

    customer: str
    premises: str
    kind: str
    position: str
    building: str = ""
    holds: deque[Bottle] = field(default_factory=deque)
    known: bool = True
    vaporiser: bool = False
    hazards: dict[str, str] = field(default_factory=dict)
    suspended_by: set[str] = field(default_factory=set)
    shows: str = "signature"

    def blocked(self, day: str) -> bool:
        """Whether a hazard or a suspension closes the door on that day (China's, ISO)."""
        return bool(self.suspended_by) or any(first <= day for first in self.hazards.values())


class Spell(NamedTuple):
    """A stretch of time, ms UTC."""

    begins: int
    ends: int


@dataclass(slots=True, eq=False)
class Yard:
    """A filling station on its working day. `lines` are in use, `spare` stands by, `scales` are all that it has; `cuts`
    are today's power cuts.

    `empties` wait for the row pre-check, `ready` are released full ones, `night` wait for the morning's second person
    (待复检), `kept` full ones stand at the back of the shop; what was set aside waits in the other lists.
    `stand_ins`: who goes with a vehicle in its worker's place.
    """

    site: str
    enterprise: str
    lines: list[str]
    carousel: str | None
    spare: str
    scales: tuple[str, ...]
    per_day: int
    vehicles: list[str]
    lot: str = ""
    lots: int = 0
    counters: dict[str, int] = field(default_factory=dict)
    papers: int = 0
    cuts: list[Spell] = field(default_factory=list)
    empties: list[Bottle] = field(default_factory=list)
    ready: list[Bottle] = field(default_factory=list)
    night: list[Bottle] = field(default_factory=list)
    kept: list[Bottle] = field(default_factory=list)
    to_inspect: list[Bottle] = field(default_factory=list)
    to_scrap: list[Bottle] = field(default_factory=list)
    foreign: list[Bottle] = field(default_factory=list)
    unlisted: list[Bottle] = field(default_factory=list)
    aside: list[Bottle] = field(default_factory=list)
    sealed: list[Bottle] = field(default_factory=list)
    stand_ins: dict[str, str] = field(default_factory=dict)

    def person(self, number: int) -> str:
        """1 and 2 fill by day, 3 checks after them, 4 fills alone at night."""
        return f"{self.site}-P{number}"

    def worker(self, vehicle: str) -> str:
        """Who goes with that vehicle by now (送气工)."""
        return self.stand_ins.get(vehicle, f"{vehicle}-W")

    def dark(self, at_ms: int) -> Spell | None:
        """The power cut at that time, if there is one."""
        return next((cut for cut in self.cuts if cut.begins <= at_ms < cut.ends), None)


def parts(items: Sequence[T], size: int) -> Iterator[list[T]]:
    """So many at a time."""
    return (list(items[first : first + size]) for first in range(0, len(items), size))
