"""How things stood at a customer's premises by the entries known: contracts, checks, open hazards, suspensions, what
was told of hazards that are closed, what was refused; each with the entry that says so. What else was done before a
hazard was closed stands among the statements.
"""

from collections.abc import Iterable
from itertools import chain

from ledger import claim as c
from ledger import events as e
from ledger.checklists import is_complete
from ledger.china import day_of
from ledger.claim import act_of
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
        self._closed: dict[str, list[Fact]] = {}
        self._refused: dict[str, Fact] = {}

    def take(self, one: Told) -> None:
        """Take in an entry, in index order; a refusal changes nothing but what was refused."""
        if isinstance(one.entry.outcome, e.Refusal):
            self._refuse(one, one.entry.outcome)
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
            case c.SuspendSupply() | c.ResumeSupply() as claim:
                self._supply(one, claim)
            case c.NotDelivered() as claim:
                self._refused[claim.cause] = Fact("not_delivered", claim.cause, behind(one))
            case _:
                self._hazard(one)

    def facts(self) -> list[Fact]:
        """How things stand."""
        checks = (fact for _, fact in self._checks.values())
        plain = (self._contracts.values(), checks, self._suspensions.values())
        hazards = chain.from_iterable((*self._hazards.values(), *self._closed.values()))
        return [*chain.from_iterable(plain), *hazards, *self._refused.values()]

    def _refuse(self, one: Told, outcome: e.Refusal) -> None:
        """The newest of each act for the same reasons; filings are no acts there."""
        if not isinstance(one.claim, c.Filing):
            value = " ".join(dict.fromkeys((act_of(one.claim), *(note.reason for note in outcome.reasons))))
            self._refused[value] = Fact("refused", value, behind(one))

    def _supply(self, one: Told, claim: c.SuspendSupply | c.ResumeSupply) -> None:
        if isinstance(claim, c.SuspendSupply):
            value = f"{claim.enterprise} {claim.cause}"
            self._suspensions[claim.enterprise] = Fact("suspension", value, behind(one))
            return
        day = day_of(one.entry.recorded_at)
        for by in [by for by in self._suspensions if self._registry.stands_for(claim.enterprise, by, day)]:
            del self._suspensions[by]

    def _check(self, one: Told, kind: str, check: c.SafetyCheck, person: str) -> None:
        """The newest of each kind, by when it was made: one that is told late undoes no newer one."""
        at = seen_at_of(one.claim, one.entry.clock_offset_ms, one.entry.recorded_at)
        if kind not in self._checks or self._checks[kind][0] <= at:
            found: list[str] = [*check.failed_items] or ["-"]
            found += [] if is_complete(check) else ["incomplete"]
            self._checks[kind] = at, Fact(_CHECKED[kind], f"{person} {' '.join(found)}", behind(one))

    def _hazard(self, one: Told) -> None:
        claim, outcome = one.claim, one.entry.outcome
        match claim:
            case c.OpenHazard():
                value = f"{claim.item} {claim.deadline} {claim.notice}"
                self._hazards[claim.claim_id] = [Fact("hazard", value, behind(one))]
            case c.AssignHazard() | c.EscalateHazard() | c.RectifyHazard() | c.RecheckHazard():
                if isinstance(outcome, e.HazardRectified | e.HazardRechecked) and outcome.closed:
                    self._close(self._hazards.pop(claim.hazard, []), one)
                elif claim.hazard in self._hazards:
                    self._hazards[claim.hazard].append(Fact(_STEPS[type(claim)], claim.person, behind(one)))
            case _:
                pass

    def _close(self, hazard: list[Fact], one: Told) -> None:
        """The newest of each kind of hazard: what the customer was told, and that it is closed."""
        for opened in hazard[:1]:
            item, _, notice = opened.value.split(" ")
            self._closed[item] = [
                Fact("notice", f"{item} {notice}", opened.behind), Fact("hazard_closed", item, behind(one))
            ]  # fmt: skip


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
