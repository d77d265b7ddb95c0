"""What a simulation says as it goes: one line per answer, and a summary."""

from collections import Counter
from typing import Literal

from msgspec import Struct

from ledger.claim import AnyClaim, act_of
from ledger.entry import Answer
from ledger.events import Refusal

Outcome = Literal["accepted", "warnings", "violations", "refused", "not_opened", "unreadable", "fault"]


class Result(Struct, frozen=True):
    """One answer. `rules`: ids, without version, of its reasons, violations or warnings; `entry_index` None if none.

    Besides the acts of claims: `open_valve` (`not_opened`: the agent would not open under a lapsed leave) and
    `read_image` (`unreadable`); `fault` is a claim that the server found unacceptable.
    """

    tag: str
    act: str
    claim_id: str
    outcome: Outcome
    rules: tuple[str, ...] = ()
    entry_index: int | None = None
    code: str = ""


class Summary(Struct, frozen=True):
    """The last line. `most_openings`: how often any one permit opened a valve, by the scales' own counters."""

    summary: Literal[True]
    cylinders: int
    answers: int
    outcomes: dict[str, int]
    acts: dict[str, int]
    pending: int
    set_aside: int
    most_openings: int
    seconds: float


def result_of(tag: str, claim: AnyClaim, answer: Answer) -> Result:
    """One answer as a result."""
    outcome = answer.outcome
    kind: Outcome
    if isinstance(outcome, Refusal):
        kind, notes = "refused", outcome.reasons
    elif outcome.violations:
        kind, notes = "violations", outcome.violations
    else:
        kind, notes = ("warnings" if outcome.warnings else "accepted"), outcome.warnings
    rules = tuple(note.rule.partition("@")[0] for note in notes)
    code: str = getattr(claim, "code", "")
    return Result(tag, act_of(claim), claim.claim_id, kind, rules, answer.entry_index, code)


def summarise(
    results: list[Result], *, cylinders: int, bundles: dict[str, int], most_openings: int, seconds: float
) -> Summary:
    """Count up."""
    return Summary(
        summary=True,
        cylinders=cylinders,
        answers=sum(result.entry_index is not None for result in results),
        outcomes=dict(Counter(result.outcome for result in results)),
        acts=dict(Counter(result.act for result in results)),
        pending=bundles.get("pending", 0),
        set_aside=bundles.get("set_aside", 0),
        most_openings=most_openings,
        seconds=round(seconds, 2),
    )
