"""How often what was said in a story: the summary of a period."""

from collections import Counter

from msgspec import Struct

from ledger import events as e
from ledger.trace.statement import Statement


class ActCount(Struct, frozen=True):
    """How many entries of one act: accepted, refused, with violations, recorded late."""

    act: str
    accepted: int
    refused: int
    violations: int
    late: int


class Counts(Struct, frozen=True):
    """Figures over the statements of a story, acts in the order in which they first came.

    `reasons`: how often each reason refused or was broken. `gas_g`: the sum of completed fills. `cylinders`: how many
    different ones by ledger id.
    """

    entries: int
    acts: list[ActCount]
    reasons: dict[str, int]
    cylinders: int
    gas_g: int


class Tally:
    """Counts while statements go by, in memory that grows with the different cylinders only. Mutable: `add`."""

    def __init__(self) -> None:
        """Nothing is counted yet."""
        self._acts: dict[str, Counter[str]] = {}
        self._reasons: Counter[str] = Counter()
        self._cylinders: set[str] = set()
        self._gas_g = 0

    def add(self, one: Statement) -> Statement:
        """Count a statement and hand it on."""
        outcome = one.outcome
        said = self._acts.setdefault(one.act, Counter())
        said["accepted" if one.accepted else "refused"] += 1
        said["late"] += one.late
        notes = outcome.reasons if isinstance(outcome, e.Refusal) else outcome.violations
        said["violations"] += bool(notes) and one.accepted
        self._reasons.update({note.reason for note in notes})
        if one.cylinder is not None:
            self._cylinders.add(one.cylinder)
        if isinstance(outcome, e.CylinderFilled):
            self._gas_g += outcome.net_g
        return one

    @property
    def counts(self) -> Counts:
        """The figures so far."""
        acts = [
            ActCount(act, said["accepted"], said["refused"], said["violations"], said["late"])
            for act, said in self._acts.items()
        ]
        entries = sum(act.accepted + act.refused for act in acts)
        return Counts(entries, acts, dict(sorted(self._reasons.items())), len(self._cylinders), self._gas_g)
