"""Why publishing stops: what was found would make the next checkpoint a lie, or nobody could tell that it is none."""

from typing import Literal

from ledger.errors import LedgerError

Reason = Literal[
    "state-held", "state-changed", "state-missing", "state-old", "state-spoilt",
    "database-shorter", "entries-changed", "tile-differs", "tile-missing", "checkpoint-differs",
    "witness-ahead", "clock-back", "replica",
]  # fmt: skip
"""What a metric calls it; docs/guides/publishing.md says what to do about each."""


class Stopped(LedgerError):
    """Publishing stopped and signs nothing until a person has looked; `reason` names which check failed."""

    slug = "publishing-stopped"

    def __init__(self, reason: Reason, zh: str, en: str) -> None:
        super().__init__(zh, en)
        self.reason = reason
