"""The papers of people, vehicles, sites, lines and tank lots, as they stood at the end of any period."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ledger import claim as c
from ledger.store.embedded import EmbeddedServer
from tests.brute import FOREVER, Brute, Json, Row, read_log
from tests.story import code
from tests.test_trace_truth import Days, days_of

YEAR = {"valid_from": "2025-01-01", "valid_to": "2027-12-31"}
GOOD = ("valid", "active", "in_service", "spare", "open", "released", "current", "listed")
ASKED = (
    ("persons", "person", "P1"), ("persons", "person", "W1"), ("persons", "person", "I1"),
    ("vehicles", "vehicle", "V1"), ("sites", "site", "S1"), ("lines", "line", "L1"), ("lots", "tank_lot", "TP2"),
)  # fmt: skip
KINDS = {
    "file_person": "person", "file_certificate": "certificate", "file_enterprise": "enterprise",
    "file_permit": "permit", "file_insurance": "policy", "file_vehicle": "vehicle", "file_pairing": "vehicle",
    "file_site": "site", "file_line": "line", "file_calibration": "certificate", "file_tank_lot": "tank_lot",
    "file_blacklisting": "blacklisting", "file_customer": "customer", "file_premises": "premises",
}  # fmt: skip
LEADS = {"enterprise": "enterprise", "permit": "permit", "supplier_permit": "permit"}
"""Fields of filings that lead on to others."""
NAMED = {
    "site": "site", "line": "line", "tank_lot": "tank_lot", "vehicle": "vehicle", "customer": "customer",
    "premises": "premises", "person": "person", "second_person": "person", "reviewer": "person", "witness": "person",
}  # fmt: skip
"""Fields of acts that name something on record."""


@pytest.fixture(scope="module")
def days(server: EmbeddedServer, migrated_template: str) -> Iterator[Days]:
    server.create_database("trace_papers", template=migrated_template)
    with days_of(server.url("trace_papers")) as one:
        yield one
    server.drop_database("trace_papers")


@pytest.fixture(scope="module")
def sold(days: Days) -> tuple[str, int, int]:
    """A cylinder that was filled, loaded and handed over while all papers were good; the entries of the last two."""
    it = days.town.with_cylinder(92)
    days.town.fill_cycle(it)
    days.done(c.DepotIn, code=it, content=c.Content.FULL)
    loaded = days.done(c.LoadVehicle, code=it, vehicle="V2", person="W1")
    return it, loaded, days.done(c.HandOver, code=it, vehicle="V2", done=True)


@pytest.fixture(scope="module")
def moments(days: Days, sold: tuple[str, int, int]) -> list[int]:
    """The ends of the periods between which papers were suspended, listed, replaced, handed on."""
    assert sold
    authority = days.town.story.authority
    ends = [days.wait(10)]
    permit = {"permit": "PM1", "enterprise": "E1", "kind": "filling", "media": ("lpg",), **YEAR}
    days.done(c.FilePermit, authority, **permit, status="suspended", expects=0)
    days.done(c.FileBlacklisting, blacklisting="BLP", target="P1", from_day="2025-01-01")
    days.done(c.FileBlacklisting, blacklisting="BLE", target="E1", kind="enterprise", from_day="2025-01-01")
    ends.append(days.wait(10))
    days.done(c.FileBlacklisting, blacklisting="BLP", target="P1", from_day="2025-01-01", status="removed", expects=0)
    days.done(c.FilePairing, vehicle="V1", person="W2", reason="illness", expects=0)
    days.done(c.FileCalibration, certificate="CAL7", valid_from="2020-01-01", valid_to="2020-12-31")
    days.done(c.FileTankLot, tank_lot="TP1")
    days.done(c.FileTankLot, tank_lot="TP2", includes="TP1", remainder_g=1_000_000, received_g=1_000_000)
    days.done(c.FileLine, line="L7")
    ends.append(days.wait(10))
    days.done(c.FilePermit, authority, **permit, status="valid", expects=1)
    days.done(c.FileTankLot, tank_lot="TP2", status="blocked", expects=0)
    days.done(c.FileLine, line="L7", status="out_of_service", expects=0)
    return [*ends, days.wait(10)]


class Book:
    """The newest filings of a log by a moment, by kind and id."""

    def __init__(self, brute: Brute, known: int) -> None:
        self.filed = {act: brute.filed(act, field, known) for act, field in KINDS.items()}
        recorded = max(row.entry["recorded_at"] for row in brute.known(known))
        self.day = datetime.fromtimestamp(recorded / 1000, timezone(timedelta(hours=8))).date().isoformat()

    def papers(self, kind: str, key: str) -> dict[str, tuple[int, bool]]:
        """Of a subject and all that stands behind it: the entry of each paper, and whether it holds."""
        first = [(kind, key)]
        leads = {**LEADS, "site": "site", "person": "person"}
        if kind == "vehicle":
            first.append(("pairing", key))
        if kind == "person":
            first += [("pairing", one) for one, row in self.filed["file_pairing"].items() if row.claim["person"] == key]
        if kind == "site":
            first += [("line", one) for one, row in self.filed["file_line"].items() if row.claim["site"] == key]
        return self.behind(first, leads)

    def behind(self, first: list[tuple[str, str]], leads: dict[str, str]) -> dict[str, tuple[int, bool]]:
        told: dict[str, tuple[int, bool]] = {}
        waiting = first
        while waiting:
            one = waiting.pop()
            row = self.filed[f"file_{one[0]}"].get(one[1])
            if row is None or f"{one[0]}:{one[1]}" in told:
                continue
            self._tell(told, row)
            for field, named in leads.items():
                if row.claim.get(field) is not None:
                    waiting.append((named, row.claim[field]))
            for paper in self._held(*one):
                self._tell(told, paper)
        return told

    def of_act(self, row: Row) -> dict[str, tuple[int, bool]]:
        """Of whom and what an act names."""
        named = [(NAMED[field], row.claim[field]) for field in NAMED if field in row.claim]
        if row.act in ("hand_over", "load_vehicle"):
            named += [("pairing", vehicle) for kind, vehicle in named if kind == "vehicle"]
        told = self.behind(named, LEADS)
        return {name: one for name, one in told.items() if not name.startswith("blacklisting:")}

    def _held(self, kind: str, key: str) -> Iterator[Row]:
        papers = {
            "person": ("file_certificate",), "line": ("file_calibration",),
            "enterprise": ("file_permit", "file_insurance"),
        }  # fmt: skip
        for act in papers.get(kind, ()):
            yield from (row for row in self.filed[act].values() if row.claim[kind] == key)
        listed = self.filed["file_blacklisting"].values()
        yield from (row for row in listed if (row.claim["kind"], row.claim["target"]) == (kind, key))

    def _tell(self, told: dict[str, tuple[int, bool]], row: Row) -> None:
        told[row.entry["subject"]] = row.index, self._holds(row.claim)

    def _holds(self, claim: Json) -> bool:
        begun = max(claim.get("valid_from", ""), claim.get("from_day", "")) <= self.day
        return begun and self.day <= claim.get("valid_to", "9") and claim.get("status", "valid") in GOOD


@pytest.mark.parametrize(("path", "kind", "key"), ASKED)
def test_the_papers_of_everybody_and_every_place_stand_as_they_stood(
    days: Days, moments: list[int], path: str, kind: str, key: str
) -> None:
    brute = read_log(days.url)
    for end in (None, *moments):
        at = FOREVER if end is None else end
        expected = Book(brute, at).papers(kind, key)
        periods: tuple[Json, ...] = ({},)
        if end is not None:
            periods = ({"known_at": end}, {"to": end + 1}, {"from": end - 1, "to": end + 1})
        for period in periods if expected else ():
            told = days.story(f"/{path}/{key}", **period)["papers"]
            there = {one["subject"]: one for one in told if one["claim"] is not None}
            said = {name: (one["behind"]["entry_index"], one["in_force"]) for name, one in there.items()}
            assert said == expected, (period, path)
            for one in told:
                assert one["as_of"] == []
                since = [
                    row.index for row in brute.known(period.get("known_at", FOREVER))
                    if row.entry["recorded_at"] > at and row.entry["subject"] == one["subject"] and not row.refused
                ]  # fmt: skip
                assert [changed["entry_index"] for changed in one["changed"]] == since


def test_a_permit_that_was_suspended_for_a_while_was_suspended_then(days: Days, moments: list[int]) -> None:
    def held(end: int | None, subject: str) -> Any:
        story = days.story("/persons/P1", **({} if end is None else {"known_at": end}))
        return next((one["in_force"] for one in story["papers"] if one["subject"] == subject), None)

    assert [held(end, "permit:PM1") for end in (*moments, None)] == [True, False, False, True, True]
    assert [held(end, "blacklisting:BLP") for end in (*moments, None)] == [None, True, False, False, False]


def test_the_papers_of_a_hand_over_stand_as_they_stood_whatever_came_since(days: Days, moments: list[int]) -> None:
    assert moments
    days.done(c.HandOver, code=code(91), vehicle="V2", done=True)
    given = days.done(c.HandOver, code=code(90), vehicle="V1", done=True)
    days.wait(10)
    held = {"certificate": "C-W1", "person": "W1", "kind": "delivery", **YEAR}
    revoked = days.done(c.FileCertificate, **held, status="revoked", expects=0)
    brute = read_log(days.url)
    expected = Book(brute, brute.rows[given].entry["recorded_at"]).of_act(brute.rows[given])
    told = days.story("/customers/K1")["papers"]
    there = {one["subject"]: one for one in told if one["claim"] is not None}
    assert {name: (one["behind"]["entry_index"], one["in_force"]) for name, one in there.items()} == expected
    assert {tuple(one["as_of"]) for one in told} == {(given,)}
    assert [one["entry_index"] for one in there["certificate:C-W1"]["changed"]] == [revoked]


def test_a_cylinder_tells_of_the_papers_behind_its_loading_and_its_hand_over(
    days: Days, sold: tuple[str, int, int], moments: list[int]
) -> None:
    assert moments
    it, *acts = sold
    told = days.story(f"/cylinders/{it}")["papers"]
    brute = read_log(days.url)
    for act in acts:
        of_it = {one["subject"]: one["behind"]["entry_index"] for one in told if act in one["as_of"] and one["claim"]}
        expected = Book(brute.below(act), FOREVER).of_act(brute.rows[act])
        assert of_it == {name: index for name, (index, _) in expected.items()}
