"""Which cylinders a recall reaches, against an independent reading of all entries: JSON, loops, no index, no fold."""

import json
from collections.abc import Iterator
from fractions import Fraction
from random import Random
from typing import Any

import psycopg
import pytest
from msgspec import structs

from api.recall.report import recall_report
from ledger import claim as c
from ledger.store import schema
from ledger.store.append import append
from ledger.store.embedded import EmbeddedServer
from ledger.store.read import ALL_SITES, log_state, open_engine, reading
from ledger.store.recalls import SHOWN
from tests.story import DAY, MINUTE, ORIGIN, Signer, Story
from tests.test_store_append import Town

Json = dict[str, Any]
FLOOR = 50  # the pack's
CYLINDERS = 24


def told_town(url: str) -> Town:
    """Three months of fills, inspections, deliveries and new valves, drawn by lot, on two lines and from four lots."""
    town = Town(url)
    story, chance = town.story, Random(5)
    makers = [{"maker": "GL", "made_month": f"2024-0{month}"} for month in (3, 6, 9)]
    registered = [
        story.cylinder(number, valve_model=chance.choice(("VM1", None)), **chance.choice(makers))
        for number in range(1, CYLINDERS + 1)
    ]
    told: list[tuple[Signer, c.AnyClaim]] = [
        (story.office, structs.replace(story.lot(**LOT), scanned_at=story.now)) for LOT in LOTS
    ]
    told += [(story.office, one) for one in registered]
    told.append((story.authority, story.certificate(*registered)))
    _send(town, told)
    for _ in range(9):
        for one in chance.sample(registered, CYLINDERS // 2):
            story.now += 7 * MINUTE
            _send(town, list(_something(story, chance, one.code)))
        story.now += 10 * DAY
    return town


LOTS: tuple[Json, ...] = (
    {"tank_lot": "T2", "includes": "T1", "received_g": 18_000_000, "remainder_g": 2_000_000},
    {"tank_lot": "T3", "includes": "T2", "received_g": 10_000_000, "remainder_g": 10_000_000},
    {"tank_lot": "T4", "includes": "T3", "received_g": 20_000_000, "remainder_g": 1_000_000},
)


def _send(town: Town, told: list[tuple[Signer, c.AnyClaim]]) -> None:
    received = [town.story.receive(signer, claim) for signer, claim in told]
    append(town.connection, ORIGIN, received, town.story.now, town.cache)


def _something(story: Story, chance: Random, code: str) -> Iterator[tuple[Signer, c.AnyClaim]]:
    """A round of a cylinder, or a part of one: often lawful, sometimes out of order, as work is."""
    make, at = story.make, {"line": chance.choice(("L1", "L2")), "tank_lot": chance.choice(("T1", "T2", "T3", "T4"))}
    seen = {"scanned_at": story.now - chance.choice((0, 0, 0, 90)) * MINUTE}
    if chance.random() < 0.2:
        ring: Json = {"person": chance.choice(("I1", "I2")), "reviewer": chance.choice(("I1", "I2"))}
        day = chance.choice(("2026-01-01", "2026-02-01"))
        yield story.inspector, make(c.RecordInspection, **INSPECTED | ring | {"code": code, "inspected_on": day})
    if chance.random() < 0.2:
        yield story.station, make(c.ReplaceValve, code=code, valve="plain", valve_model=chance.choice(("VM1", "VM2")))
    if chance.random() < 0.8:
        leave = make(c.AuthoriseFill, code=code, **at)
        weighed: Json = {"authorisation": leave.claim_id, "start_weight_g": 16_500 + chance.choice((0, 300, 2_000))}
        yield story.station, make(c.CheckPrefill, code=code)
        yield story.station, leave
        if chance.random() < 0.3:
            yield story.station, make(c.StartFill, code=code, line=at["line"], **weighed)
            if chance.random() < 0.8:  # and else nobody ever said that it ended
                cut_g = weighed["start_weight_g"] + 4_000
                under = {"line": at["line"], "authorisation": leave.claim_id, "weight_g": cut_g}
                yield story.station, make(c.InterruptFill, code=code, **under, cause=c.Cause.POWER_CUT)
                at = at | {"tank_lot": chance.choice(("T1", "T2", "T3", "T4"))}
                leave = make(c.AuthoriseFill, code=code, **at, continues=leave.claim_id)
                weighed = {"authorisation": leave.claim_id, "start_weight_g": cut_g}
                yield story.station, leave
            else:
                yield story.station, make(c.CheckPrefill, code=code)
                leave = make(c.AuthoriseFill, code=code, **at)
                weighed = {"authorisation": leave.claim_id, "start_weight_g": weighed["start_weight_g"]}
                yield story.station, leave
        filled = make(c.CompleteFill, code=code, **at, **weighed, end_weight_g=31_000, scale_seq=1)
        yield story.station, structs.replace(filled, person=chance.choice(("P1", "P2")), **seen)
        yield story.station, make(c.CheckPostfill, code=code, person="P2", weight_g=31_000)
        yield story.station, make(c.ReleaseCylinder, code=code)
    if chance.random() < 0.7:
        by: Json = {"person": "W1", "vehicle": chance.choice(("V1", "V2"))}
        yield story.station, make(c.LoadVehicle, code=code, **by)
        if chance.random() < 0.2:
            return  # it is on the vehicle still
        given = make(c.HandOver, code=code, customer="K1", premises="H1", position="outdoor", done=True, **by)
        yield story.worker, structs.replace(given, **seen)
    if chance.random() < 0.5:
        yield story.station, make(c.DepotIn, code=code, purpose=c.Purpose.RETURN, content=c.Content.EMPTY)


INSPECTED: Json = {"site": "B1S", "passed": True, "report_digest": "00" * 32}


@pytest.fixture(scope="module")
def town(server: EmbeddedServer, migrated_template: str) -> Iterator[Town]:
    server.create_database("recall_reach", template=migrated_template)
    town = told_town(server.url("recall_reach"))
    yield town
    town.connection.close()
    server.drop_database("recall_reach")


MOVED = ("cylinder_handed_over.v1", "depot_entered.v1", "prefill_checked.v1", "prefill_failed.v1", "cylinder_filled.v1")
"""What takes a cylinder off a vehicle, of all that befalls this town's."""


class Brute:
    """Every entry of the log, read again for every question."""

    def __init__(self, url: str) -> None:
        with psycopg.connect(url) as connection:
            rows = connection.execute("SELECT body FROM entry ORDER BY entry_index").fetchall()
        self.entries: list[Json] = [json.loads(body) for (body,) in rows]
        self.claims: list[Json] = [json.loads(entry["claim"]) for entry in self.entries]

    def lots(self, source: str) -> dict[str, Fraction]:
        filed = {claim["tank_lot"]: claim for claim in self.claims if claim["type"] == "file_tank_lot"}

        def share(lot: str) -> Fraction:
            if lot == source:
                return Fraction(1)
            one = filed[lot]
            if "includes" not in one or one["includes"] is None:
                return Fraction(0)
            left, came = one["remainder_g"], one["received_g"]
            return share(one["includes"]) * Fraction(left, left + came)

        return {source: Fraction(1)} | {lot: share(lot) for lot in filed if share(lot) * 1000 >= FLOOR}

    def _fits(self, recall: Json, lots: dict[str, Fraction], claim: Json, seen_at: int, gas: list[Json]) -> bool:
        """Whether a fill that began or ended is the recall's. `gas`: all that is in it then, that fill's last; fills on
        end of each other are one, whole.
        """
        leaves = {one["claim_id"]: one for one in self.claims if one["type"] == "authorise_fill"}
        under, leave = claim["authorisation"], leaves.get(claim["authorisation"], {})
        lot = claim.get("tank_lot", leave.get("tank_lot"))
        fits = (
            recall.get("line", claim["line"]) == claim["line"]
            and (not lots or lot in lots)
            and recall.get("filler", claim["person"]) == claim["person"]
            and recall.get("filled_from", 0) <= seen_at <= recall.get("filled_to", seen_at)
        )
        gas[:] = [one for one in gas if (one["under"], one["lot"]) != (under, lot)]
        if claim["type"] != "start_fill":
            end_g: int = claim["end_weight_g"] if "end_weight_g" in claim else claim["weight_g"]
            began_g: int = claim.get("start_weight_g", end_g - 4_000)
            for one in gas:
                of_this_fill = one["under"] == under or (one["share"] == 1 and leave.get("continues") is not None)
                one["share"] *= 1 if of_this_fill else Fraction(began_g - 16_500, end_g - 16_500)
        gas.append({"fits": fits, "lot": lot, "under": under, "share": Fraction(1)})
        return fits

    @staticmethod
    def _holds(gas: list[Json], lots: dict[str, Fraction]) -> bool:
        shares = (one["share"] * lots[one["lot"]] for one in gas if one["fits"] and one["lot"] in lots)
        return any(share * 1000 >= FLOOR for share in shares)

    @staticmethod
    def _carried(recall: Json, claim: Json, event: Json, aboard: set[str]) -> bool:
        """Whether this puts it on the recall's vehicle, or with its worker; `aboard` are those that are there then."""
        if event.get("superseded") or event["type"] not in ("vehicle_loaded.v1", *MOVED):
            return False
        by = {"vehicle": claim.get("vehicle"), "worker": claim["person"]}
        carried = event["type"] == "vehicle_loaded.v1" and all(recall.get(name, one) == one for name, one in by.items())
        (aboard.add if carried else aboard.discard)(event["cylinder"])
        return carried

    def answer(self, recall: Json) -> tuple[set[str], set[str]]:  # noqa: C901 - one arm an event
        """Codes of those that match now, and of those that matched each group once and do not now."""
        asked = {
            "fill": {"line", "tank_lot", "filler", "filled_from", "filled_to"} & {*recall},
            "inspection": {"inspected_at", "inspector", "inspected_on"} & {*recall},
            "delivery": {"vehicle", "worker"} & {*recall},
        }
        lots = self.lots(recall["tank_lot"]) if "tank_lot" in recall else {}
        gas: dict[str, list[Json]] = {}
        body: dict[str, Json] = {}
        newest: dict[str, dict[str, bool]] = {}
        aboard: set[str] = set()
        ever: dict[str, set[str]] = {}
        for entry, claim in zip(self.entries, self.claims, strict=True):
            event = entry["outcome"]
            key = event.get("cylinder")
            if key is None or event["type"] == "refused.v1":
                continue
            seen_at = min(claim["scanned_at"] + (entry["clock_offset_ms"] or 0), entry["recorded_at"])
            kind, fits = "", False
            if event["type"] == "cylinder_registered.v1":
                body[key], newest[key], ever[key], gas[key] = dict(claim), {}, set(), []
            elif event["type"] == "valve_replaced.v1":
                body[key]["valve_model"] = claim.get("valve_model")
            elif event["type"] in ("fill_started.v1", "fill_interrupted.v1", "cylinder_filled.v1"):
                kind = "fill" if event["type"] == "cylinder_filled.v1" else ""
                fits = self._fits(recall, lots, claim, seen_at, gas[key])
                ever[key] |= {"fill"} if fits and lots else set()
            elif event["type"] == "inspection_passed.v1" and not event.get("violations"):
                kind = "inspection"
                names = {"inspected_at": "site", "inspector": "person", "inspected_on": "inspected_on"}
                fits = all(recall.get(name, claim[field]) == claim[field] for name, field in names.items())
                gas[key].clear()
            elif event["type"] == "cylinder_handed_over.v1" and not event.get("superseded"):
                kind = "delivery"
                fits = (
                    recall.get("vehicle", claim["vehicle"]) == claim["vehicle"]
                    and recall.get("worker", claim["person"]) == claim["person"]
                )
            if self._carried(recall, claim, event, aboard) and asked["delivery"]:
                ever[key].add("delivery")
            if kind:
                newest[key][kind] = fits
                if fits:
                    ever[key].add(kind)
        groups = {group for group, named in asked.items() if named}
        itself = {
            key
            for key, one in body.items()
            if all(
                recall.get(name, one.get(name)) == one.get(name) for name in ("maker", "model", "phase", "valve_model")
            )
            and recall.get("made_from", "0") <= one["made_month"] <= recall.get("made_to", "9")
        }
        now = {
            key
            for key in itself
            if all(
                newest[key].get(one)
                or (one == "fill" and self._holds(gas[key], lots))
                or (one == "delivery" and key in aboard)
                for one in groups
            )
        }
        before = {key for key in itself - now if groups and groups <= ever[key]}
        return {body[key]["code"] for key in now}, {body[key]["code"] for key in before}


MIDDLE = Story().now + 40 * DAY
SELECTORS: tuple[Json, ...] = (
    {},
    {"maker": "GL"},
    {"maker": "XX"},
    {"made_from": "2024-06"},
    {"made_to": "2024-06", "maker": "GL"},
    {"valve_model": "VM1"},
    {"phase": "vapour", "model": "YSP35.5", "valve_model": "VM2"},
    {"line": "L1"},
    {"line": "L2", "filled_from": MIDDLE},
    {"filled_to": MIDDLE},
    {"filled_from": MIDDLE, "filled_to": MIDDLE + 20 * DAY},
    {"tank_lot": "T1"},
    {"tank_lot": "T2"},
    {"tank_lot": "T4", "line": "L1"},
    {"filler": "P2"},
    {"filler": "P1", "line": "L2", "tank_lot": "T3"},
    {"inspected_at": "B1S"},
    {"inspector": "I1"},
    {"inspected_on": "2026-02-01"},
    {"inspector": "I2", "line": "L1"},
    {"vehicle": "V1"},
    {"worker": "W1"},
    {"worker": "W1", "vehicle": "V2", "line": "L1"},
    {"vehicle": "V2", "inspected_on": "2026-01-01", "made_from": "2024-06"},
    {"line": "L1", "made_to": "2024-03"},
)


def test_what_a_recall_reaches_is_what_all_entries_say(town: Town) -> None:
    brute, sizes = Brute(town.url), []
    for number, selectors in enumerate(SELECTORS):
        filed = town.story.make(c.OpenRecall, recall=f"R{number}", drill=number % 2 == 0, **selectors)
        _send(town, [(town.story.authority, filed)])
        engine = open_engine(town.url)
        with reading(engine, ALL_SITES) as connection:
            report = recall_report(connection, log_state(connection, ORIGIN), f"R{number}", town.story.now)
        engine.dispose()
        found = {one.codes[0] for one in report.affected}, {one.codes[0] for one in report.before}
        assert found == brute.answer(selectors), selectors
        sizes.append((len(found[0]), len(found[1])))
        for lot in report.lot_mass:
            assert lot.filled_g == lot.delivered_g + lot.in_stock_g + lot.difference_g
            assert lot.returned_g <= lot.delivered_g
    assert sum(0 < now < CYLINDERS for now, _ in sizes) > len(SELECTORS) // 2, sizes
    assert sum(before > 0 for _, before in sizes) > len(SELECTORS) // 3, sizes


def test_entries_are_found_by_their_party(town: Town) -> None:
    """No statement reads a table from end to end where a line, lot, person, vehicle or site is named."""
    with psycopg.connect(town.url, options=schema.BY_KEY) as connection:
        asked = f"EXPLAIN {SHOWN}position(%b in e.body) > 0)"
        plan = connection.execute(asked.encode(), (1, ["line:L1"], 0, b'"cylinder_filled.v1"')).fetchall()
    said = "\n".join(row for (row,) in plan)
    assert "entry_party_pkey" in said
    assert "entry_pkey" in said
    assert "Seq Scan" not in said
