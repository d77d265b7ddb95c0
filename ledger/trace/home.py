"""How things stood at a customer's premises by the entries known: contracts, checks, open hazards, suspensions; each
with the entry that says so. What was done before a hazard was closed stands among the statements.
"""

from collections.abc import Iterable
from itertools import chain

from ledger import claim as c
from ledger import events as e
from ledger.china import day_of
from ledger.registry import Registry
from ledger.told import Told
from ledger.trace.origin import Fact, What
from ledger.trace.statement import behind
from ledger.world import seen_at_of

_CHECKED: dict[str, What] = {"presupply": "presupply_check", "home": "home_check", "delivery": "delivery_check"}


class Home:
    """What entries made of some premises. Mutable: `take` is its only change."""

    def __init__(self) -> None:
        """Nothing has happened there."""
        self._registry = Registry()
        self._contracts: dict[str, Fact] = {}
        self._checks: dict[str, tuple[int, Fact]] = {}
        self._hazards: dict[str, list[Fact]] = {}
        self._suspensions: dict[str, Fact] = {}

    def take(self, one: Told) -> None:
        """Take in an entry, in index order; a refusal changes nothing."""
        if isinstance(one.entry.outcome, e.Refusal):
            return
        match one.claim:
            case c.FileSuccessor() as claim:
                # Who may resume the supply that another suspended, as it stood then.
                self._registry.file(claim, seq=0, entry_index=one.entry_index)
            case c.FileContract() as claim:
                self._contracts.pop(claim.contract, None)
                if claim.status == "valid":
                    value = f"{claim.contract} {claim.enterprise} {claim.valid_from}/{claim.valid_to}"
                    self._contracts[claim.contract] = Fact("contract", value, behind(one))
            case c.CheckPremises() as claim:
                self._check(one, claim.kind, claim.check, claim.person)
            case c.HandOver(check=check) as claim if check is not None:
                self._check(one, "delivery", check, claim.person)
            case c.SuspendSupply() as claim:
                self._suspensions[claim.enterprise] = Fact(
                    "suspension", f"{claim.enterprise} {claim.cause}", behind(one)
                )
            case c.ResumeSupply() as claim:
                day = day_of(one.entry.recorded_at)
                for by in [by for by in self._suspensions if self._registry.stands_for(claim.enterprise, by, day)]:
                    del self._suspensions[by]
            case _:
                self._hazard(one)

    def facts(self) -> list[Fact]:
        """How things stand."""
        checks = (fact for _, fact in self._checks.values())
        plain = (self._contracts.values(), checks, self._suspensions.values())
        return [*chain.from_iterable(plain), *chain.from_iterable(self._hazards.values())]

    def _check(self, one: Told, kind: str, check: c.SafetyCheck, person: str) -> None:
        """The newest of each kind, by when it was made: one that is told late undoes no newer one."""
        at = seen_at_of(one.claim, one.entry.clock_offset_ms, one.entry.recorded_at)
        if kind not in self._checks or self._checks[kind][0] <= at:
            found = " ".join(check.failed_items) or "-"
            self._checks[kind] = at, Fact(_CHECKED[kind], f"{person} {found}", behind(one))

    def _hazard(self, one: Told) -> None:
        claim, outcome = one.claim, one.entry.outcome
        match claim:
            case c.OpenHazard():
                value = f"{claim.item} {claim.deadline} {claim.notice}"
                self._hazards[claim.claim_id] = [Fact("hazard", value, behind(one))]
            case c.AssignHazard() | c.EscalateHazard() | c.RectifyHazard() | c.RecheckHazard():
                if isinstance(outcome, e.HazardRectified | e.HazardRechecked) and outcome.closed:
                    self._hazards.pop(claim.hazard, None)
                elif claim.hazard in self._hazards:
                    self._hazards[claim.hazard].append(Fact(_STEPS[type(claim)], claim.person, behind(one)))
            case _:
                pass


_STEPS: dict[type[c.Claim], What] = {
    c.AssignHazard: "hazard_assigned", c.EscalateHazard: "hazard_escalated", c.RectifyHazard: "hazard_rectified",
    c.RecheckHazard: "hazard_rechecked",
}  # fmt: skip


def home_of(entries: Iterable[Told]) -> list[Fact]:
    """How things stood at some premises by these entries, in index order: those that name them, and the filings of
    successors.
    """
    home = Home()
    for one in entries:
        home.take(one)
    return home.facts()
