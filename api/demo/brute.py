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

    def naming(self, field: str, value: str) -> Iterator[Line]:
        """The entries whose claim names this."""
        return (line for line in self.lines if line.claim.get(field) == value)


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
