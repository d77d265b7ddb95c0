"""A station's crew on the stage of its town: who speaks through which device."""

from collections.abc import Sequence
from typing import Any, TypeVar

from msgspec import Struct

from api.month.life import Bottle, Yard
from api.month.stage import Stage
from api.month.town import Town
from api.month.voices import DAY, Say, Told
from ledger import claim as c
from ledger import events as e

C = TypeVar("C", bound=c.Claim)


class Crew(Struct, frozen=True):
    """A yard with its stage and town. `make` and `told` name the device, `desk` when none is named."""

    stage: Stage
    town: Town
    yard: Yard

    @property
    def desk(self) -> str:
        """The device at the rows and at the gate."""
        return f"desk:{self.yard.site}"

    def by(self, number: int) -> dict[str, str]:
        """Where, and who of the crew."""
        return {"site": self.yard.site, "person": self.yard.person(number)}

    def make(self, act: type[C], device: str = "", at: int | None = None, /, **fields: Any) -> C:  # noqa: ANN401
        """A claim by that device, of that time (now)."""
        return self.stage.make(self.stage.device(device or self.desk), act, at, **fields)

    def told(self, claims: Sequence[c.AnyClaim], device: str = "") -> Told:
        """Say it, and hear what became of it."""
        if not claims:
            return []
        return (yield Say(self.stage.device(device or self.desk), list(claims)))

    def happens(self, kind: str, share: float, least: int = 1) -> bool:
        """Whether this befalls the work at hand; so often at least it does before the month is over."""
        return self.stage.happens(kind, share, self.town.ends - 2 * DAY, least)

    def set_aside(self, bottles: Sequence[tuple[Bottle, set[str]]]) -> Told:
        """What was refused goes where people take such a cylinder (隔离待处理)."""
        for bottle, rules in bottles:
            bottle.checked_at = None
            self._corner(rules).append(bottle)
        claims = [
            self.make(c.SetAside, code=bottle.code, cause=_cause(rules), **self.by(3)) for bottle, rules in bottles
        ]
        return (yield from self.told(claims))

    def _corner(self, rules: set[str]) -> list[Bottle]:
        yard = self.yard
        corners = (
            ({"ID-01", "RECALL-01", "RECALL-02"}, yard.aside), ({"OWN-01"}, yard.foreign),
            ({"LIFE-01", "LIFE-03", "TYPE-01", "INS-04", "SCRAP-01"}, yard.to_scrap),
            ({"INS-01", "INS-02", "LIFE-02"}, yard.to_inspect), ({"REG-01"}, yard.unlisted),
        )  # fmt: skip
        return next((corner for named, corner in corners if named & rules), yard.aside)


def _cause(rules: set[str]) -> c.Cause:
    causes = (
        ({"ID-01", "OWN-01"}, c.Cause.FOREIGN), ({"RECALL-01"}, c.Cause.RECALLED),
        ({"LIFE-01", "LIFE-03", "TYPE-01"}, c.Cause.LIFE_END),
        ({"INS-01", "INS-02", "LIFE-02"}, c.Cause.INSPECTION_DUE),
    )  # fmt: skip
    return next((cause for named, cause in causes if named & rules), c.Cause.FAILED_CHECK)


def rules_of(outcome: e.Outcome) -> set[str]:
    """The rules that blocked or were broken, without their version."""
    broken = outcome.reasons if isinstance(outcome, e.Refusal) else outcome.violations
    return {note.rule.partition("@")[0] for note in broken}
