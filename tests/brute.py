"""A deliberately simple reading of a whole log: JSON, loops, no index, no cache, nothing of the code that it checks.

Every question reads every entry again. Times are ms UTC; `known` leaves out what was recorded later.

This file is over 400 lines because it answers every question of an investigator once more, and shares nothing.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from operator import eq
from typing import Any

import psycopg

FOREVER = 2**62
Json = dict[str, Any]
Place = tuple[str, str | None, str | None]
"""Holder, premises, carrier."""

NOBODY: Place = ("unknown", None, None)
ENDED: Place = ("", None, None)


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


def read_log(url: str) -> "Brute":
    """All of the one log in the database at `url`."""
    with psycopg.connect(url) as connection:
        return Brute(bytes(body) for (body,) in connection.execute("SELECT body FROM entry ORDER BY entry_index"))


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
        found = {row.claim["code"] for row in self.rows if row.act in PUTS and self._stray(row)}
        return sorted(found.union(*(row.event.get("foreign", ()) for row in self.rows)))

    def _stray(self, row: Row) -> bool:
        if row.refused or row.act == "register_cylinder" or row.event.get("cylinder") is not None:
            return False
        return not row.claim.get("code", "unread:").startswith("unread:")

    def where(self, party: str, at: int = FOREVER, known: int = FOREVER) -> tuple[Place, int] | None:
        """Where it was, and the entry that put it there; None before its story began and after a code's ended."""
        went = self.went(party, at, known)
        return went[-1] if went and went[-1][0] != ENDED else None

    def went(self, party: str, at: int = FOREVER, known: int = FOREVER) -> list[tuple[Place, int]]:
        """Where it was until then, one place after the other, and the entry that put it there; a code's end is one."""
        kind, _, key = party.partition(":")
        read = self._of_cylinder(key, known) if kind == "cylinder" else self._of_code(key, known)
        went: list[tuple[Place, int]] = []
        for _, index, *place in (one for one in sorted(read) if one[0] <= at):
            if not went or went[-1][0] != tuple(place):
                went.append(((place[0], place[1], place[2]), index))
        return went

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
                read.append((max([row.seen_at, *(one[0] for one in read)]), row.index, *ENDED))
            elif self._stray(row) and row.act in PUTS and row.claim["code"] == code:
                read.append((row.seen_at, row.index, *PUTS[row.act](row.claim)))
            elif code in row.event.get("foreign", ()):
                read.append((row.seen_at, row.index, *_customer(row.claim)))
            elif code in row.event.get("gone", ()):
                read.append((row.seen_at, row.index, *NOBODY))
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

    def contradictions(self, cylinder: str) -> list[tuple[int, str, str]]:
        """Entries that contradict who held it: who did by the ledger until then, and who by the entry."""
        found = []
        for row in self.rows:
            notes = [*row.event.get("reasons", ()), *row.event.get("violations", ()), *row.event.get("warnings", ())]
            against = [one["facts"] for one in notes if one["rule"].startswith("CUST-01@")]
            if row.event.get("cylinder") == cylinder:
                found += [(row.index, facts["holder"], facts["expected"]) for facts in against]
            there = f"customer:{row.claim['customer']}" if cylinder in row.event.get("elsewhere", ()) else "unknown"
            if cylinder in (*row.event.get("elsewhere", ()), *row.event.get("missing", ())):
                put = self.below(row.index).where(f"cylinder:{cylinder}")
                assert put is not None, row
                found.append((row.index, put[0][0], there))
        return found

    def below(self, index: int) -> "Brute":
        """The log when it was no longer than that."""
        then = Brute([])
        then.rows = self.rows[:index]
        return then

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

    def shares(self, lot: str, known: int = FOREVER) -> dict[str, int]:
        """Of that lot and every lot that took over enough of it, by the filings known: the share in permille."""
        pack = next(row.claim["pack"] for row in self.rows if row.act == "open_log")
        floor = pack["rules"]["RECALL-01@2"]["params"]["carry_over_permille"]
        filed = self.filed("file_tank_lot", "tank_lot", known)
        found = {lot: Fraction(1)}
        for _ in filed:
            for key, row in filed.items():
                left, came = row.claim.get("remainder_g"), row.claim["received_g"]
                if row.claim.get("includes") in found and key not in found:
                    part = Fraction(1) if left is None or left + came == 0 else Fraction(left, left + came)
                    share = found[row.claim["includes"]] * part
                    if share * 1000 >= floor and share > 0:
                        found[key] = share
        return {key: ceil(share * 1000) for key, share in found.items()}

    def filed(self, act: str, field: str, known: int = FOREVER) -> dict[str, Row]:
        """The newest accepted filing of each subject of a kind, by the field that names it."""
        return {row.claim[field]: row for row in self.known(known) if row.act == act and not row.refused}

    def home(self, premises: str, known: int = FOREVER) -> set[tuple[str, int]]:
        """How premises stood by what was known: each thing with the entry that says it."""
        home = _Home()
        for row in self.known(known):
            if row.act == "file_successor" and not row.refused:
                home.successors[row.claim["enterprise"]] = row.claim
            if row.claim.get("premises") == premises:
                home.take(row)
        return home.told()

    def value(self, what: str, index: int) -> str:
        """What is told of `what` by that entry."""
        row = self.rows[index]
        claim = row.claim
        if what == "contract":
            return f"{claim['contract']} {claim['enterprise']} {claim['valid_from']}/{claim['valid_to']}"
        if what.endswith("_check"):
            done = claim["check"]
            undone = not done.get("photos") or done.get("skipped_items")
            return " ".join(
                (claim["person"], *(done.get("failed_items") or ("-",)), *(("incomplete",) if undone else ()))
            )
        if what == "refused":
            return " ".join(dict.fromkeys((row.act, *(note["reason"] for note in row.event["reasons"]))))
        if what == "hazard_closed":
            claim = next(one.claim for one in self.rows if one.claim["claim_id"] == claim["hazard"])
        fields = {
            "hazard": ("item", "deadline", "notice"), "notice": ("item", "notice"), "hazard_closed": ("item",),
            "suspension": ("enterprise", "cause"), "not_delivered": ("cause",), "recall": ("recall",),
            "drill": ("recall",), "recall_closed": ("recall",), "incident": ("incident",),
            "incident_lifted": ("incident",),
        }.get(what, ("person",))  # fmt: skip
        return " ".join(claim[field] for field in fields)

    def against(self, cylinder: str, known: int = FOREVER) -> set[tuple[str, int]]:
        """Recalls, drills and incidents that reached a cylinder by what was known, and the ends of those."""
        then = Brute([])
        then.rows = list(self.known(known))
        told = set()
        for opened in (row for row in then.rows if row.act in ("open_recall", "open_incident") and not row.refused):
            recall = opened.act == "open_recall"
            reached = cylinder in then.affected(opened.claim) if recall else then.held(opened.claim, cylinder)
            of_it = [row for row in then.rows if row.entry["subject"] == opened.entry["subject"] and not row.refused]
            if reached:
                what = "incident" if not recall else "drill" if opened.claim.get("drill") else "recall"
                ended = "recall_closed" if recall else "incident_lifted"
                told |= {(what if row is opened else ended, row.index) for row in of_it}
        return told

    def held(self, incident: Json, cylinder: str) -> bool:
        """Whether an incident keeps a cylinder from customers: where it is, where it was filled, how it was locked."""
        mine = [row for row in self.rows if row.event.get("cylinder") == cylinder and not row.refused]
        fills = [row for row in mine if row.event["type"] == "cylinder_filled.v1"]
        put = self.where(f"cylinder:{cylinder}")
        moved = (row for row in mine if row.act != "check_prefill" and not row.event.get("superseded"))
        notes = (note for row in moved for note in row.event.get("violations", ()))
        return (
            incident.get("cylinder") == cylinder
            or any(note.get("facts", {}).get("incident") == incident["incident"] for note in notes)
            or bool(fills and fills[-1].claim["line"] in incident.get("lines", ()))
            or (put is not None and put[0][0] in {f"site:{site}" for site in incident.get("sites", ())})
            or (put is not None and put[0][0] in {f"vehicle:{one}" for one in incident.get("vehicles", ())})
        )

    def kept(self, opened: Row, cylinder: str) -> tuple[set[str], set[str]]:
        """What of an incident, by its opening, keeps a cylinder from customers as it stands; and what did when it was
        moved away in spite of it.
        """
        incident, put, gas = opened.claim, self.where(f"cylinder:{cylinder}"), self._gas(cylinder)
        lots = {lot: self.shares(lot) for lot in incident.get("tank_lots", ())}
        by = {f"tank_lot:{frozen}" for frozen, shares in lots.items() if gas & set(shares)}
        by |= {f"cylinder:{cylinder}"} if incident.get("cylinder") == cylinder else set()
        mine = [row for row in self.rows if row.event.get("cylinder") == cylinder and not row.refused]
        fills = [row for row in mine if row.event["type"] == "cylinder_filled.v1"][-1:]
        by |= {f"line:{row.claim['line']}" for row in fills if row.claim["line"] in incident.get("lines", ())}
        frozen = {*(f"site:{one}" for one in incident.get("sites", ())),
                  *(f"vehicle:{one}" for one in incident.get("vehicles", ()))}  # fmt: skip
        by |= frozen & ({put[0][0]} if put is not None else set())
        cleared = max([opened.index, *(row.index for row in mine if row.event["type"] == "prefill_checked.v1")])
        acts = [row for row in mine if row.act != "check_prefill" and not row.event.get("superseded")]
        notes = [note for row in acts if row.index > cleared for note in row.event.get("violations", ())]
        spite = [str(note["facts"]["held"]) for note in notes if note["reason"] == "incident_hold"
                 and note["facts"]["incident"] == incident["incident"]]  # fmt: skip
        return by, set(spite[:1])

    def _gas(self, cylinder: str) -> set[str]:
        """The tank lots of its newest fill, and what that was begun from, until it was emptied to be inspected."""
        began: dict[str, str] = {}
        lots: set[str] = set()
        for row in (one for one in self.rows if one.event.get("cylinder") == cylinder and not one.refused):
            if row.event["type"] == "fill_started.v1" and "tank_lot" in row.event:
                began[row.claim["authorisation"]] = row.event["tank_lot"]
            if row.event["type"] == "cylinder_filled.v1":
                began = {leave: lot for leave, lot in began.items() if leave == row.claim["authorisation"]}
                lots = {row.claim["tank_lot"]}
            if row.act == "record_inspection":
                began = {}
        return lots | set(began.values())

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
        }
        of_body = all(check(recall[name]) for name, check in checks.items() if recall.get(name) is not None)
        by = [(one.claim["vehicle"], one.claim["person"]) for one in given[-1:]]
        place = self.where(f"cylinder:{key}")
        if place is not None and place[0][0].startswith("vehicle:"):
            by.append((place[0][0].partition(":")[2], place[0][2]))
        asked = [(recall.get("vehicle") or vehicle, recall.get("worker") or person) for vehicle, person in by]
        return of_body and (not {"vehicle", "worker"} & {*recall} or any(map(eq, asked, by)))


class _Home:
    """What entries that name some premises leave there."""

    def __init__(self) -> None:
        self.successors: dict[str, Json] = {}
        self.facts: dict[Any, tuple[str, int]] = {}
        self.checked: dict[str, int] = {}
        self.steps: dict[str, list[tuple[str, int]]] = {}
        self.items: dict[str, tuple[str, int]] = {}

    def told(self) -> set[tuple[str, int]]:
        return {*self.facts.values(), *(step for steps in self.steps.values() for step in steps)}

    def take(self, row: Row) -> None:
        claim, act = row.claim, row.act
        if row.refused:
            if not act.startswith(("file_", "open_incident")):
                reasons = tuple(dict.fromkeys(note["reason"] for note in row.event["reasons"]))
                self.facts["refused", act, reasons] = "refused", row.index
        elif act == "file_contract":
            self.facts.pop(("contract", claim["contract"]), None)
            if claim["status"] == "valid":
                self.facts["contract", claim["contract"]] = "contract", row.index
        elif act in ("check_premises", "hand_over"):
            kind = claim.get("kind", "delivery")
            if "check" in claim and self.checked.get(kind, 0) <= row.seen_at:
                self.checked[kind] = row.seen_at
                self.facts["check", kind] = f"{kind}_check", row.index
        elif act == "not_delivered":
            self.facts["not delivered", claim["cause"]] = "not_delivered", row.index
        elif act == "suspend_supply":
            self.facts["suspension", claim["enterprise"]] = "suspension", row.index
        elif act == "resume_supply":
            self.resume(claim["enterprise"])
        else:
            self.hazard(row)

    def resume(self, enterprise: str) -> None:
        for key in [key for key in self.facts if key[0] == "suspension"]:
            owner, seen = key[1], set[str]()
            while owner != enterprise and owner in self.successors and owner not in seen:
                seen.add(owner)
                owner = self.successors[owner]["successor"]
            if owner == enterprise:
                del self.facts[key]

    def hazard(self, row: Row) -> None:
        claim = row.claim
        if row.act == "open_hazard":
            self.steps[claim["claim_id"]] = [("hazard", row.index)]
            self.items[claim["claim_id"]] = claim["item"], row.index
        elif row.event.get("closed"):
            if self.steps.pop(claim["hazard"], None) is not None:
                item, opened = self.items[claim["hazard"]]
                self.facts["notice", item] = "notice", opened
                self.facts["closed", item] = "hazard_closed", row.index
        elif claim.get("hazard") in self.steps:
            done = {"assign": "assigned", "escalate": "escalated", "rectify": "rectified", "recheck": "rechecked"}
            self.steps[claim["hazard"]].append((f"hazard_{done[row.act.partition('_')[0]]}", row.index))
