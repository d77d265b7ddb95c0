"""A deliberately simple reading of a whole log: JSON, loops, no index, no cache, nothing of the code that it checks.

Every question reads every entry again. Times are ms UTC; `known` leaves out what was recorded later.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

FOREVER = 2**62
Json = dict[str, Any]
Place = tuple[str, str | None, str | None]
"""Holder, premises, carrier."""

NOBODY: Place = ("unknown", None, None)


def _site(claim: Json) -> Place:
    return (f"site:{claim['site']}", None, None)


def _vehicle(claim: Json) -> Place:
    return (f"vehicle:{claim['vehicle']}", None, claim["person"])


def _customer(claim: Json) -> Place:
    return (f"customer:{claim['customer']}", claim["premises"], None)


def _removed(claim: Json) -> Place:
    if "vehicle" in claim:
        return _vehicle(claim)
    return (f"site:{claim['to_site']}", None, None) if "to_site" in claim else NOBODY


def _found(claim: Json) -> Place:
    if "customer" in claim and "premises" in claim:
        return _customer(claim)
    return _vehicle(claim) if "vehicle" in claim else _site(claim) if "site" in claim else NOBODY


PUTS: dict[str, Callable[[Json], Place]] = {
    "check_prefill": _site, "complete_fill": _site, "depot_in": _site, "unload_vehicle": _site, "count_stock": _site,
    "depot_out": _vehicle, "load_vehicle": _vehicle, "collect_cylinder": _vehicle, "hand_over": _customer,
    "report_lost": lambda _: NOBODY, "remove_in_emergency": _removed, "report_found": _found,
    "register_cylinder": lambda _: NOBODY,
}  # fmt: skip
"""Acts that say where a cylinder is from then on."""

AT_HAND = ("start_fill", "interrupt_fill", "check_postfill", "record_inspection")
"""Acts that show it is still where it was."""


@dataclass
class Row:
    """An entry, decoded."""

    index: int
    entry: Json
    claim: Json

    @property
    def event(self) -> Json:
        outcome: Json = self.entry["outcome"]
        return outcome

    @property
    def refused(self) -> bool:
        return bool(self.event["type"] == "refused.v1")

    @property
    def act(self) -> str:
        return str(self.claim["type"])

    @property
    def seen_at(self) -> int:
        offset = self.entry["clock_offset_ms"] or 0
        return int(min(self.claim["scanned_at"] + offset, self.entry["recorded_at"]))


class Brute:
    """All entries of one log, in order."""

    def __init__(self, bodies: Iterable[bytes]) -> None:
        entries = [json.loads(body) for body in bodies]
        self.rows = [Row(index, entry, json.loads(entry["claim"])) for index, entry in enumerate(entries)]

    def known(self, known: int) -> Iterator[Row]:
        return (row for row in self.rows if row.entry["recorded_at"] <= known)

    def cylinders(self) -> list[str]:
        return [row.event["cylinder"] for row in self.rows if row.event["type"] == "cylinder_registered.v1"]

    def strays(self) -> list[str]:
        """Codes that were placed somewhere while nobody had registered them."""
        found = (row.claim["code"] for row in self.rows if row.act in PUTS and self._stray(row))
        return sorted(set(found))

    def _stray(self, row: Row) -> bool:
        if row.refused or row.act == "register_cylinder" or row.event.get("cylinder") is not None:
            return False
        return not row.claim.get("code", "unread:").startswith("unread:")

    def where(self, party: str, at: int = FOREVER, known: int = FOREVER) -> tuple[Place, int] | None:
        """Where it was, and the entry that put it there; None before its story began and after a code's ended."""
        kind, _, key = party.partition(":")
        read = self._of_cylinder(key, known) if kind == "cylinder" else self._of_code(key, known)
        before = [one for one in sorted(read) if one[0] <= at]
        if not before or before[-1][2] == "":
            return None
        place = before[-1][2:]
        while len(before) > 1 and before[-2][2:] == place:
            before.pop()
        return place, before[-1][1]

    def _of_cylinder(self, key: str, known: int) -> list[Any]:
        went_by: list[Any] = []
        besides: list[Any] = []
        for row in self.known(known):
            place = self._put(row, key, went_by)
            if place is None:
                continue
            if row.event.get("superseded"):
                besides.append((row.seen_at, row.index, *place))
            else:
                since = max([row.seen_at, *(one[0] for one in went_by)])
                went_by.append((since, row.index, *place))
        return went_by + besides

    def _put(self, row: Row, key: str, went_by: list[Any]) -> Place | None:
        if row.refused:
            return None
        if row.act == "count_premises":
            if key in row.event.get("found", ()):
                return _customer(row.claim)
            return NOBODY if key in row.event.get("missing", ()) else None
        if row.event.get("cylinder") != key:
            return None
        if row.act in AT_HAND and went_by and not row.event.get("superseded"):
            holder, premises, carrier = went_by[-1][2:]
            return holder, premises, carrier
        return PUTS[row.act](row.claim) if row.act in PUTS else None

    def _of_code(self, code: str, known: int) -> list[Any]:
        read: list[Any] = []
        for row in self.known(known):
            if self._names(row, code):
                read.append((max([row.seen_at, *(one[0] for one in read)]), row.index, "", None, None))
            elif self._stray(row) and row.act in PUTS and row.claim["code"] == code:
                read.append((row.seen_at, row.index, *PUTS[row.act](row.claim)))
        return read

    def _names(self, row: Row, code: str) -> bool:
        """Whether a cylinder carries the code from here on."""
        if row.event["type"] == "code_bound.v1":
            return bool(row.claim["new_code"] == code)
        codes = (row.claim.get("code"), row.event.get("stamp"), *row.claim.get("also", ()))
        return row.event["type"] == "cylinder_registered.v1" and code in codes

    def stood(self, party: str, at: int = FOREVER, known: int = FOREVER) -> dict[str, int]:
        """What stood with a party, and the entry that put each there."""
        kind = party.partition(":")[0]
        parties = [f"cylinder:{one}" for one in self.cylinders()] + [f"code:{one}" for one in self.strays()]
        found = {}
        for one in parties:
            put = self.where(one, at, known)
            if put is None:
                continue
            holder, premises, carrier = put[0]
            if party == {"premises": f"premises:{premises}", "person": f"person:{carrier}"}.get(kind, holder):
                found[one] = put[1]
        return found

    def premises_in(self, building: str, known: int = FOREVER) -> list[str]:
        """By the newest record of each."""
        about = (row for row in self.known(known) if row.act == "file_premises" and not row.refused)
        filed = {row.claim["premises"]: row.claim for row in about}
        return sorted(key for key, claim in filed.items() if claim.get("building") == building)

    def contradictions(self, cylinder: str) -> list[int]:
        """Entries that contradict who held it."""
        found = []
        for row in self.rows:
            notes = [*row.event.get("reasons", ()), *row.event.get("violations", ()), *row.event.get("warnings", ())]
            if any(note["rule"].startswith("CUST-01@") for note in notes) and row.event.get("cylinder") == cylinder:
                found.append(row.index)
        return found

    def filled_from(self, lots: Iterable[str]) -> dict[str, int]:
        """Cylinders whose newest fill is from one of these lots, and that fill's entry."""
        newest: dict[str, Row] = {}
        for row in self.rows:
            if row.event["type"] == "cylinder_filled.v1" and row.event.get("cylinder") is not None:
                newest[row.event["cylinder"]] = row
        return {key: row.index for key, row in newest.items() if row.claim["tank_lot"] in set(lots)}

    def lots_after(self, lot: str) -> set[str]:
        """That lot, and every lot that took over what was left of it, however little."""
        filed = {
            row.claim["tank_lot"]: row.claim for row in self.rows if row.act == "file_tank_lot" and not row.refused
        }
        found = {lot}
        while True:
            more = {key for key, claim in filed.items() if claim.get("includes") in found}
            if more <= found:
                return found
            found |= more

    def handled(self, cylinder: str, known: int = FOREVER) -> set[str]:
        """Everybody whom its entries name, refusals among them."""
        fields = ("person", "second_person", "reviewer", "witness")
        about = (row for row in self.known(known) if row.entry["subject"] == f"cylinder:{cylinder}")
        return {row.claim[field] for row in about for field in fields if field in row.claim}

    def acts(self, field: str, value: str, start: int = 0, end: int = FOREVER, known: int = FOREVER) -> list[int]:
        """Entries whose claim says `value` in that field, seen in [start, end)."""
        return [row.index for row in self.known(known) if row.claim.get(field) == value and start <= row.seen_at < end]

    def affected(self, recall: Json) -> set[str]:
        """Cylinders that every selector of a recall fits, by newest fill, inspection and hand-over.

        Of a tank lot, every lot that took over what was left of it counts, however little.
        """
        return {key for key in self.cylinders() if self._fits(recall, key)}

    def _fits(self, recall: Json, key: str) -> bool:
        mine = [row for row in self.rows if row.event.get("cylinder") == key and not row.refused]
        born = dict(next(row.claim for row in mine if row.act == "register_cylinder"))
        for row in (one for one in mine if one.act == "correct_cylinder" and not one.event.get("violations")):
            born |= {name: row.claim[name] for name in ("made_month", "phase") if name in row.claim}
        fill = next((row for row in reversed(mine) if row.event["type"] == "cylinder_filled.v1"), None)
        sound = [row for row in mine if not row.event.get("violations")]
        done = next((row for row in reversed(sound) if row.event["type"] == "inspection_passed.v1"), None)
        given = [row for row in mine if row.act == "hand_over" and not row.event.get("superseded")]
        worn = [row.claim.get("valve_model") for row in mine if row.act == "replace_valve"]
        checks: dict[str, Callable[[Any], bool]] = {
            "maker": lambda want: bool(born["maker"] == want),
            "made_from": lambda want: bool(born["made_month"] >= want),
            "made_to": lambda want: bool(born["made_month"] <= want),
            "model": lambda want: bool(born["model"] == want),
            "phase": lambda want: bool(born["phase"] == want),
            "valve_model": lambda want: bool((worn[-1] if worn else born.get("valve_model")) == want),
            "line": lambda want: fill is not None and bool(fill.claim["line"] == want),
            "filler": lambda want: fill is not None and bool(fill.claim["person"] == want),
            "tank_lot": lambda want: fill is not None and fill.claim["tank_lot"] in self.lots_after(want),
            "filled_from": lambda want: fill is not None and bool(fill.seen_at >= want),
            "filled_to": lambda want: fill is not None and bool(fill.seen_at <= want),
            "inspected_at": lambda want: done is not None and bool(done.claim["site"] == want),
            "inspector": lambda want: done is not None and bool(done.claim["person"] == want),
            "inspected_on": lambda want: done is not None and bool(done.claim["inspected_on"] == want),
            "vehicle": lambda want: bool(given) and bool(given[-1].claim["vehicle"] == want),
            "worker": lambda want: bool(given) and bool(given[-1].claim["person"] == want),
        }
        return all(check(recall[name]) for name, check in checks.items() if recall.get(name) is not None)
