"""The book of a month: what was claimed, what was refused and whether the law demands it, and what work was done."""

from collections import Counter

from msgspec import Struct
from msgspec import json as mjson

from api.month.kinds import KINDS
from ledger import claim as c
from ledger import events as e
from ledger.entry import Answer

TOLERATED_PPM = 300
"""False alerts per million claims: where more come, people stop reading them."""

KEPT = 200
"""So many wrong answers are told one by one; all are counted."""


class Wrong(Struct, frozen=True):
    """An answer that the law does not ask for, or lacks one that it does ask for (`missed`). `at` is ms UTC."""

    code: str
    at: int
    act: str
    rule: str
    reason: str
    missed: bool


class Book:
    """Mutable; one month fills it. Rules are counted without their version: `INS-01`."""

    def __init__(self) -> None:
        """An empty book."""
        self.claims = self.requests = 0
        self.demanded: Counter[str] = Counter()
        self.wrongly: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        self.warnings: Counter[str] = Counter()
        self.honest: Counter[str] = Counter(dict.fromkeys(KINDS, 0))
        self.wrong: list[Wrong] = []
        self.false_alerts: Counter[str] = Counter()

    @property
    def clean(self) -> bool:
        """Whether every answer was what the law asks for."""
        return not self.wrongly and not self.missed

    @property
    def quiet(self) -> bool:
        """Whether hardly an alert was raised; one may always be."""
        return self.false_alerts.total() <= max(1, self.claims * TOLERATED_PPM // 1_000_000)

    def did(self, kind: str, times: int = 1) -> None:
        """Honest work of that kind (`kinds.KINDS`) was done."""
        assert kind in KINDS, kind
        self.honest[kind] += times

    def heard(self, claim: c.AnyClaim, demanded: set[str], answer: Answer) -> None:
        """One answer, against what the law demands of that claim."""
        outcome = answer.outcome
        self.claims += 1
        self.requests += c.is_request(claim)
        broken = outcome.reasons if isinstance(outcome, e.Refusal) else outcome.violations
        found = {note.rule.partition("@")[0]: note.reason for note in broken}
        self.warnings.update(note.rule.partition("@")[0] for note in outcome.warnings)
        self.demanded.update(demanded & found.keys())
        for rule in sorted(found.keys() - demanded):
            self.wrongly[rule] += 1
            self._tell(claim, answer, rule, found[rule], missed=False)
        for rule in sorted(demanded - found.keys()):
            self.missed[rule] += 1
            self._tell(claim, answer, rule, "", missed=True)

    def changed(self, claim: c.AnyClaim, answer: Answer) -> None:
        """The same bytes were answered otherwise than the first time."""
        self.wrongly["LEDGER"] += 1
        self._tell(claim, answer, "LEDGER", "answered otherwise the second time", missed=False)

    def _tell(self, claim: c.AnyClaim, answer: Answer, rule: str, reason: str, *, missed: bool) -> None:
        if len(self.wrong) < KEPT:
            code: str = getattr(claim, "code", "")
            self.wrong.append(Wrong(code, answer.recorded_at, c.act_of(claim), rule, reason, missed))

    def line(self, days: int, cylinders: int, audit: str) -> str:
        """The JSON line."""
        told = {
            "days": days, "cylinders": cylinders, "claims": self.claims, "requests": self.requests,
            "refusals_demanded": _sorted(self.demanded), "refusals_wrong": _sorted(self.wrongly),
            "missed": _sorted(self.missed), "warnings": _sorted(self.warnings), "honest_work": dict(self.honest),
            "false_alerts": _sorted(self.false_alerts), "audit": audit,
        }  # fmt: skip
        return mjson.encode(told).decode()


def _sorted(counted: Counter[str]) -> dict[str, int]:
    return dict(sorted(counted.items()))
