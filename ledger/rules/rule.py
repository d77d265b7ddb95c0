"""What a rule is: a small versioned function of a case, with its gates, legal basis and source grade.

Rule code is versioned: a pack names `ID@n`, and once a log has adopted a version its code never changes or goes.
Modes, dates and parameters are the pack's.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import get_args

from msgspec import Struct

from ledger import claim as c
from ledger.china import day_of
from ledger.cylinder import Cylinder
from ledger.premises import Premises
from ledger.registry import Registry
from ledger.world import World, seen_at_of


class Gate(StrEnum):
    """Where a rule is asked: gates that face the customer and what comes before them, then where reports are judged."""

    REGISTER = "register"
    BIND = "bind"
    PREFILL = "prefill"
    FILL = "fill"
    RELEASE = "release"
    DEPOT_OUT = "depot_out"
    HANDOVER = "handover"
    SURRENDER = "surrender"
    DEREGISTER = "deregister"
    START = "start"
    COMPLETE = "complete"
    POSTFILL = "postfill"
    BLEED = "bleed"
    RELABEL = "relabel"
    TARE = "tare"
    INSPECTION = "inspection"
    CORRECT = "correct"
    RESUME = "resume"
    PREMISES = "premises"
    CYLINDER = "cylinder"
    OTHER = "other"

    __hash__ = str.__hash__  # as in `Stage`


GATE_ZH = {
    Gate.REGISTER: "登记",
    Gate.BIND: "绑定编码",
    Gate.PREFILL: "排检",
    Gate.FILL: "充装",
    Gate.RELEASE: "放行",
    Gate.DEPOT_OUT: "重瓶出库",
    Gate.HANDOVER: "交付",
    Gate.SURRENDER: "置换",
    Gate.DEREGISTER: "注销",
    Gate.START: "开始充装",
    Gate.COMPLETE: "充装完成",
    Gate.POSTFILL: "充装后检查",
    Gate.BLEED: "回抽",
    Gate.RELABEL: "换标复核",
    Gate.TARE: "核定皮重",
    Gate.INSPECTION: "定期检验",
    Gate.CORRECT: "更正",
    Gate.RESUME: "恢复供气",
    Gate.PREMISES: "入户与隐患",
    Gate.CYLINDER: "其他气瓶操作",
    Gate.OTHER: "其他",
}

ALL_GATES = tuple(Gate)
CYLINDER_GATES = tuple(gate for gate in Gate if gate not in (Gate.REGISTER, Gate.RESUME, Gate.PREMISES, Gate.OTHER))

_GATE_OF: dict[type[c.Claim], Gate] = {
    **dict.fromkeys(get_args(c.AnyClaim), Gate.OTHER),
    **dict.fromkeys(get_args(c.CylinderClaim), Gate.CYLINDER),
    **dict.fromkeys(get_args(c.PremisesClaim), Gate.PREMISES),
    c.ResumeSupply: Gate.RESUME,
    c.RegisterCylinder: Gate.REGISTER,
    c.BindCode: Gate.BIND,
    c.CheckPrefill: Gate.PREFILL,
    c.AuthoriseFill: Gate.FILL,
    c.StartFill: Gate.START,
    c.CompleteFill: Gate.COMPLETE,
    c.InterruptFill: Gate.COMPLETE,
    c.CheckPostfill: Gate.POSTFILL,
    c.BleedCylinder: Gate.BLEED,
    c.ConfirmRelabel: Gate.RELABEL,
    c.DetermineTare: Gate.TARE,
    c.ReleaseCylinder: Gate.RELEASE,
    c.LoadVehicle: Gate.DEPOT_OUT,
    c.HandOver: Gate.HANDOVER,
    c.SurrenderCylinder: Gate.SURRENDER,
    c.DeregisterCylinder: Gate.DEREGISTER,
    c.RecordInspection: Gate.INSPECTION,
    c.CorrectCylinder: Gate.CORRECT,
}


def gate_of(claim: c.AnyClaim) -> Gate:
    """The gate that a claim stands at."""
    if (type(claim) is c.DepotOut and claim.purpose is c.Purpose.SALE) or is_fetched(claim):
        return Gate.DEPOT_OUT
    return _GATE_OF[type(claim)]


def is_fetched(claim: c.AnyClaim) -> bool:
    """Whether a customer fetches it at a site's counter (自提): it leaves the depot and is handed over in one act."""
    return type(claim) is c.HandOver and claim.vehicle is None


class Case:
    """What a rule may look at: the claim, its cylinder and site, the world, and the instant it is judged as of.

    `at` is ms UTC, `today` that day in China. `scanned_at` is the device's time put right by its clock offset and
    never after `recorded_at`. `params` are the pack's for the rule being asked. `place` is the record of the premises,
    `premises` what has happened there; `seller` the enterprise that employs whoever acts, '' for nobody on record.
    """

    __slots__ = (
        "at", "claim", "clock_offset_ms", "cylinder", "enterprise", "gate", "params", "place", "premises",
        "recorded_at", "registry", "scanned_at", "site", "today", "world",
    )  # fmt: skip

    params: dict[str, int]

    def __init__(
        self, world: World, claim: c.AnyClaim, *, at: int, recorded_at: int, clock_offset_ms: int | None
    ) -> None:
        """The case of one claim, judged as of `at`."""
        self.world = world
        self.registry: Registry = world.registry
        self.claim = claim
        self.gate = gate_of(claim)
        self.at = at
        self.today = day_of(at)
        self.recorded_at = recorded_at
        self.clock_offset_ms = clock_offset_ms
        self.scanned_at = seen_at_of(claim, clock_offset_ms, recorded_at)
        code: str | None = getattr(claim, "code", None)
        self.cylinder: Cylinder | None = None if code is None else world.cylinder_of(code)
        site: str | None = getattr(claim, "site", None)
        self.site: c.FileSite | None = None if site is None else world.registry.get(c.FileSite, site)
        self.enterprise: str | None = None if self.site is None else self.site.enterprise
        premises: str | None = getattr(claim, "premises", None)
        self.place: c.FilePremises | None = None if premises is None else world.supply.get(c.FilePremises, premises)
        self.premises: Premises | None = None if premises is None else world.premises_of(premises)

    @property
    def seller(self) -> str:
        """Whoever brings it sells it for their employer; '' for nobody on record."""
        return self.world.employer_of(getattr(self.claim, "person", None)) or self.enterprise or ""


Finding = tuple[str, dict[str, int | str]]
"""A reason code and the figures behind it."""

Check = Callable[[Case], Finding | str | None]


class Rule(Struct, frozen=True):
    """One version of a rule. `grade` is the source grade of DOMAIN.md section 0; `reasons` what it may answer, of which
    those in `soft` only ever warn, whatever the mode; `params` the integers that a pack must give it.
    """

    name: str
    gates: tuple[Gate, ...]
    title_zh: str
    title_en: str
    basis: str
    grade: str
    reasons: tuple[str, ...]
    params: tuple[str, ...]
    check: Check
    soft: tuple[str, ...] = ()


RULES: dict[str, Rule] = {}


def rule(
    name: str,
    *,
    gates: tuple[Gate, ...],
    zh: str,
    en: str,
    basis: str,
    grade: str,
    reasons: tuple[str, ...],
    params: tuple[str, ...] = (),
    soft: tuple[str, ...] = (),
) -> Callable[[Check], Check]:
    """Enter a check into `RULES` under `ID@n`."""

    def enter(check: Check) -> Check:
        assert name not in RULES, f"{name} is defined twice"
        assert set(soft) <= set(reasons), f"{name}: what is soft is a reason"
        RULES[name] = Rule(name, gates, zh, en, basis, grade, reasons, params, check, soft)
        return check

    return enter
