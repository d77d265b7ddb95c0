"""The whole log read once, plainly: what the answers of the incident are compared with.

JSON and loops over every entry; nothing of the code that answers. Times ms UTC.
"""

import json
from collections.abc import Iterator
from typing import Any

from api.demo.city import ORIGIN
from ledger.store.committed import committed
from ledger.store.read import open_engine

Json = dict[str, Any]
_CHUNK = 5_000
_AT_SITE = ("check_prefill", "complete_fill", "depot_in", "unload_vehicle", "count_stock")
_FILED = ("file_", "open_incident")
_STEPS = {
    "assign_hazard": "hazard_assigned", "escalate_hazard": "hazard_escalated", "rectify_hazard": "hazard_rectified",
    "recheck_hazard": "hazard_rechecked",
}  # fmt: skip
WARNINGS = {
    "presupply_check", "home_check", "delivery_check", "hazard", *_STEPS.values(), "notice", "hazard_closed",
    "suspension", "refused", "not_delivered",
}  # fmt: skip
"""What tells whether somebody was warned."""
_ON_VEHICLE = ("depot_out", "load_vehicle", "collect_cylinder")


class Line:
    """One entry: its index, when it was recorded and seen, its claim and what came of it."""

    def __init__(self, index: int, body: bytes) -> None:
        """From an entry's bytes."""
        entry: Json = json.loads(body)
        self.index, self.at = index, int(entry["recorded_at"])
        self.claim: Json = json.loads(entry["claim"])
        self.outcome: Json = entry["outcome"]
        self.subject: str = entry["subject"]
        self.act: str = self.claim["type"]
        self.seen_at = min(self.claim["scanned_at"] + (entry.get("clock_offset_ms") or 0), self.at)
        self.happened = not self.outcome["type"].startswith("refused.")


class WholeLog:
    """Every entry of the log, in order."""

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines
        self.place: dict[str, tuple[str, str | None]] = {}
        self.last_fill: dict[str, Line] = {}
        self.registered: dict[str, Json] = {}
        self.buildings: dict[str, str | None] = {}
        for line in lines:
            if line.happened:
                self._take(line)

    def _take(self, line: Line) -> None:
        claim, outcome = line.claim, line.outcome
        key: str | None = outcome.get("cylinder")
        match line.act:
            case "file_premises":
                self.buildings[claim["premises"]] = claim.get("building")
            case "register_cylinder" if key is not None:
                self.registered[key] = claim
                self.place[key] = ("unknown", None)
            case "count_premises":
                for found in outcome.get("found", ()):
                    self.place[found] = (f"customer:{claim['customer']}", claim["premises"])
                for gone in outcome.get("missing", ()):
                    self.place[gone] = ("unknown", None)
            case "complete_fill" if key is not None:
                self.last_fill[key] = line
        if key is not None and not outcome.get("superseded"):
            place = _place(claim)
            if place is not None:
                self.place[key] = place

    def at(self, *holders: str) -> set[str]:
        """The cylinders in these hands, by ledger id."""
        return {key for key, (holder, _) in self.place.items() if holder in holders}

    def in_premises(self, premises: str) -> set[str]:
        """The cylinders that stand there."""
        return {key for key, (_, there) in self.place.items() if there == premises}

    def in_building(self, building: str) -> dict[str, set[str]]:
        """What stands in each of a building's premises."""
        return {home: self.in_premises(home) for home, there in self.buildings.items() if there == building}

    def warned(self, premises: str, until: int) -> set[tuple[str, int]]:
        """What was known there by that instant: the newest check of each kind, hazards with what was done about them,
        what the customer was told of those that are closed, suspensions, what was refused; each with its entry.
        """
        known = Warned()
        for line in self.naming("premises", premises):
            if line.at <= until:
                known.take(line)
        return known.told()

    def naming(self, field: str, value: str) -> Iterator[Line]:
        """The entries whose claim names this."""
        return (line for line in self.lines if line.claim.get(field) == value)


class Warned:
    """What the entries that name some premises leave there."""

    def __init__(self) -> None:
        self._facts: dict[object, tuple[str, int]] = {}
        self._checked: dict[str, int] = {}
        self._hazards: dict[str, tuple[str, list[tuple[str, int]]]] = {}

    def told(self) -> set[tuple[str, int]]:
        """Each thing and the entry that says it."""
        return {*self._facts.values(), *(step for _, steps in self._hazards.values() for step in steps)}

    def take(self, line: Line) -> None:
        """The next entry."""
        claim, act = line.claim, line.act
        if not line.happened:
            if not act.startswith(_FILED):
                reasons = tuple(dict.fromkeys(note["reason"] for note in line.outcome["reasons"]))
                self._facts[act, reasons] = "refused", line.index
        elif act == "not_delivered":
            self._facts[act, claim["cause"]] = "not_delivered", line.index
        elif act == "suspend_supply":
            self._facts[act, claim["enterprise"]] = "suspension", line.index
        elif act == "resume_supply":  # here nobody succeeds anybody
            self._facts.pop(("suspend_supply", claim["enterprise"]), None)
        elif claim.get("check") is not None:
            kind = claim.get("kind", "delivery")
            if self._checked.get(kind, 0) <= line.seen_at:
                self._checked[kind] = line.seen_at
                self._facts["check", kind] = f"{kind}_check", line.index
        else:
            self._hazard(line)

    def _hazard(self, line: Line) -> None:
        claim, act = line.claim, line.act
        if act == "open_hazard":
            self._hazards[claim["claim_id"]] = claim["item"], [("hazard", line.index)]
        elif claim.get("hazard") in self._hazards:
            item, steps = self._hazards[claim["hazard"]]
            steps.append((_STEPS[act], line.index))
            if line.outcome.get("closed"):
                del self._hazards[claim["hazard"]]
                self._facts["notice", item] = "notice", steps[0][1]
                self._facts["closed", item] = "hazard_closed", line.index


def read_whole_log(url: str) -> WholeLog:
    """Read it from the database at `url`."""
    engine = open_engine(url)
    try:
        with committed(engine, ORIGIN) as log:
            bodies = (body for chunk in log.bodies(0, log.size, _CHUNK) for body in chunk)
            return WholeLog([Line(index, body) for index, body in enumerate(bodies)])
    finally:
        engine.dispose()


def _place(claim: Json) -> tuple[str, str | None] | None:
    act = claim["type"]
    if act in _AT_SITE:
        return f"site:{claim['site']}", None
    if act in _ON_VEHICLE:
        return f"vehicle:{claim['vehicle']}", None
    if act == "hand_over":
        return f"customer:{claim['customer']}", claim["premises"]
    return ("unknown", None) if act == "report_lost" else None
