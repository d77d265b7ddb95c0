"""A recall from its filing to its closing, a drill and an incident, over HTTP against a real database.

This file is over 400 lines because all three are told by the same hands, and the same gas is looked for by each.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from api.serve import real_clock
from api.settings import Token
from ledger import claim as c
from tests.http_town import Town, serve_town

HOUR_MS = 3_600_000
T2_SHARE = {"tank_lot": "T2", "includes": "T1", "received_g": 18_000_000, "remainder_g": 2_000_000}


class Hands:
    """The town's clock, put forward by hand, and the acts that these tests are about."""

    def __init__(self) -> None:
        self.ahead_ms = 0
        self.town: Town

    def clock(self) -> int:
        return real_clock() + self.ahead_ms

    def say(self, act: type[c.Claim], signer: str | None = None, **fields: Any) -> dict[str, Any]:
        """The outcome of one act by its usual signer."""
        story = self.town.story
        story.now = self.clock()
        claim: Any = story.make(act, **fields)
        by = story.usual_signer(act) if signer is None else getattr(story, signer)
        outcome: dict[str, Any] = self.town.post(by, claim)[0]["outcome"]
        return outcome

    def filled(self, number: int, *, line: str = "L1", tank_lot: str = "T1", **cylinder: Any) -> str:
        """A new cylinder, filled there and released; its code."""
        code = self.town.with_cylinder(number, **cylinder)
        self.refilled(code, line=line, tank_lot=tank_lot)
        return code

    def refilled(self, code: str, *, line: str = "L1", tank_lot: str = "T1") -> None:
        story = self.town.story
        story.now = self.clock()
        leave = story.make(c.AuthoriseFill, code=code, line=line, tank_lot=tank_lot)
        under = {"code": code, "authorisation": leave.claim_id, "line": line, "start_weight_g": 16_500}
        told: list[Any] = [
            story.make(c.CheckPrefill, code=code),
            leave,
            story.make(c.StartFill, **under),
            story.make(c.CompleteFill, **under, tank_lot=tank_lot, end_weight_g=31_000, scale_seq=1),
            story.make(c.CheckPostfill, code=code, person="P2", weight_g=31_000),
            story.make(c.ReleaseCylinder, code=code),
        ]
        outcomes = [self.town.post(story.station, claim)[0]["outcome"] for claim in told]
        assert [one["type"] for one in outcomes if one["type"] == "refused.v1"] == [], outcomes

    def delivered(self, code: str) -> None:
        """On the tricycle, and to H1's kitchen."""
        make, story = self.town.story.make, self.town.story
        story.now = self.clock()
        loaded = make(c.LoadVehicle, code=code, person="W1", vehicle="V2")
        given = make(
            c.HandOver, code=code, person="W1", vehicle="V2", customer="K1", premises="H1", position="outdoor",
            check=c.SafetyCheck("delivery-1", photos=("00" * 32,)),
            confirmation=c.Confirmation("signature", "matched", digest="00" * 32),
        )  # fmt: skip
        outcomes = [
            self.town.post(story.station, loaded)[0]["outcome"], self.town.post(story.worker, given)[0]["outcome"],
        ]  # fmt: skip
        assert [one["type"] for one in outcomes] == ["vehicle_loaded.v1", "cylinder_handed_over.v1"], outcomes

    def collected(self, code: str) -> None:
        self.say(c.CollectCylinder, "worker", code=code, person="W1", vehicle="V2", customer="K1", premises="H1",
                 content=c.Content.EMPTY)  # fmt: skip

    def report(self, recall: str) -> dict[str, Any]:
        response = self.town.http.get(f"/recalls/{recall}")
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def state(self, code: str) -> dict[str, Any]:
        found: dict[str, Any] = self.town.http.get(f"/cylinders/{code}").json()
        return found


@pytest.fixture
def hands(database_url: str) -> Iterator[Hands]:
    hands = Hands()
    with serve_town(database_url, hands.clock) as town:
        hands.town = town
        yield hands


def codes(listed: list[dict[str, Any]]) -> set[str]:
    return {one["codes"][0] for one in listed}


def test_a_recall_closes_every_gate_at_once_and_opens_them_when_it_ends(hands: Hands) -> None:
    at_door, on_stand, empty, other = (hands.filled(1), hands.filled(2), hands.filled(3), hands.filled(4, line="L2"))
    hands.say(c.LoadVehicle, code=at_door, person="W1", vehicle="V2")
    filed = hands.say(c.OpenRecall, recall="R1", line="L1")
    assert filed["type"] == "filed.v1"
    door = {"person": "W1", "vehicle": "V2", "customer": "K1", "premises": "H1", "position": "outdoor"}
    tries: list[tuple[str, type[c.Claim], dict[str, Any]]] = [
        (on_stand, c.ReleaseCylinder, {}),
        (on_stand, c.LoadVehicle, {"person": "W1", "vehicle": "V2"}),
        (on_stand, c.DepotOut, {"purpose": c.Purpose.SALE}),
        (at_door, c.HandOver, door),
        (empty, c.AuthoriseFill, {}),
    ]
    for code, act, fields in tries:
        outcome = hands.say(act, code=code, **fields)
        assert "recalled" in [note["reason"] for note in outcome["reasons"]], act
    assert hands.say(c.CheckPrefill, code=empty)["type"] == "prefill_failed.v1"
    assert hands.say(c.DepotIn, code=at_door, purpose=c.Purpose.RETURN, content=c.Content.FULL)["type"] == (
        "depot_entered.v1"
    ), "what comes back is never refused"
    assert hands.state(on_stand)["recall"] == "R1"
    assert hands.state(other)["recall"] is None
    assert hands.say(c.LoadVehicle, code=other, person="W1", vehicle="V2")["type"] == "vehicle_loaded.v1"
    assert hands.say(c.CloseRecall, recall="R1", expects=0)["type"] == "filed.v1"
    assert hands.state(on_stand)["recall"] is None
    assert hands.say(c.LoadVehicle, code=on_stand, person="W1", vehicle="V2")["type"] == "vehicle_loaded.v1"


def test_the_affected_their_holders_and_how_far_it_is(hands: Hands) -> None:
    at_home, in_stock, refilled, other = (
        hands.filled(1), hands.filled(2), hands.filled(3), hands.filled(4, line="L2"),
    )  # fmt: skip
    hands.delivered(at_home)
    hands.delivered(refilled)
    hands.collected(refilled)
    hands.say(c.DepotIn, code=refilled, purpose=c.Purpose.RETURN, content=c.Content.EMPTY)
    hands.refilled(refilled, line="L2")
    hands.say(c.OpenRecall, recall="R1", line="L1")
    report = hands.report("R1")
    assert codes(report["affected"]) == {at_home, in_stock}
    assert codes(report["before"]) == {refilled}, "its gas is another by now"
    assert other not in codes(report["affected"]) | codes(report["before"])
    assert {(one["holder"], one["enterprise"], one["cylinders"]) for one in report["holders"]} == {
        ("customer:K1", "E1", 1),
        ("site:S1", "E1", 1),
    }
    assert report["holders"][0]["premises"] == ["H1"]
    assert report["progress"] == {"affected": 2, "back": 1, "where": {"customer": 1, "site": 1}}
    for one in report["affected"]:
        [match] = one["matched"]
        entries = hands.town.http.get(f"/cylinders/{one['codes'][0]}/trace").json()["entries"]
        [fill] = [entry for entry in entries if entry["act"] == "complete_fill"]
        assert (fill["entry_index"], fill["leaf"]) == (match["entry_index"], match["leaf"])
    hands.collected(at_home)
    assert hands.report("R1")["progress"]["where"] == {"vehicle": 1, "site": 1}
    hands.say(c.DepotIn, code=at_home, purpose=c.Purpose.RETURN, content=c.Content.EMPTY)
    hands.say(c.SetAside, code=at_home, cause=c.Cause.RECALLED)
    assert hands.report("R1")["progress"] == {"affected": 2, "back": 2, "where": {"site": 1, "set_aside": 1}}


def test_clocks_run_from_the_filing_and_stop_with_the_closing(hands: Hands) -> None:
    hands.filled(1)
    hands.say(c.OpenRecall, recall="R1", line="L1", acknowledge_h=2)
    [clock] = hands.report("R1")["enterprises"]
    opened_at = hands.report("R1")["summary"]["opened_at"]
    assert (clock["enterprise"], clock["cylinders"]) == ("E1", 1)
    assert (clock["due_at"], clock["overdue"]) == (opened_at + 2 * HOUR_MS, False)
    hands.ahead_ms = 3 * HOUR_MS
    [clock] = hands.report("R1")["enterprises"]
    assert (clock["overdue"], clock["late"], clock["acknowledged_at"]) == (True, False, None)
    assert hands.say(c.AcknowledgeRecall, "rival", recall="R1", enterprise="E1")["type"] == "refused.v1"
    assert hands.say(c.AcknowledgeRecall, recall="R1", enterprise="E1", told=1)["type"] == "recall_acknowledged.v1"
    [clock] = hands.report("R1")["enterprises"]
    assert (clock["overdue"], clock["late"], clock["told"]) == (False, True, 1)
    hands.say(c.OpenRecall, recall="R2", line="L1", acknowledge_h=2)
    hands.say(c.CloseRecall, recall="R2", expects=0)
    hands.ahead_ms = 9 * HOUR_MS
    report = hands.report("R2")
    assert report["summary"]["closed_at"] is not None
    assert [one["overdue"] for one in report["enterprises"]] == [False], "it ended before its time was up"
    assert [one["recall"] for one in hands.town.http.get("/recalls").json()["recalls"]] == ["R1", "R2"]


def test_a_lot_reaches_those_that_took_its_remainder(hands: Hands) -> None:
    first = hands.filled(1)
    story = hands.town.story
    hands.town.post(story.office, story.lot(**T2_SHARE))
    hands.town.post(story.office, story.lot(tank_lot="T3", includes="T2", received_g=20_000_000, remainder_g=1_000))
    second, third = hands.filled(2, tank_lot="T2"), hands.filled(3, tank_lot="T3")
    hands.say(c.OpenRecall, recall="R1", tank_lot="T1")
    report = hands.report("R1")
    assert codes(report["affected"]) == {first, second}
    assert report["lots"] == {"T1": 1000, "T2": 100}
    assert hands.state(second)["recall"] == "R1"
    assert hands.state(third)["recall"] is None


def test_a_fill_of_a_code_that_nobody_registered_is_told_apart(hands: Hands) -> None:
    code = hands.town.story.cylinder(99).code
    hands.say(c.CompleteFill, code=code, authorisation=hands.town.story.base()["claim_id"], start_weight_g=16_500,
              end_weight_g=31_000, scale_seq=1)  # fmt: skip
    hands.say(c.OpenRecall, recall="R1", line="L1")
    report = hands.report("R1")
    assert (report["affected"], [one["code"] for one in report["unregistered"]]) == ([], [code])


def test_a_drill_closes_no_gate_times_itself_and_balances_the_mass(hands: Hands) -> None:
    at_home, in_stock, refilled, never_sold = (hands.filled(number) for number in (1, 2, 3, 4))
    hands.delivered(at_home)
    hands.delivered(refilled)
    hands.collected(refilled)
    hands.ahead_ms = 13 * HOUR_MS
    hands.refilled(refilled)
    hands.refilled(never_sold)  # what was in it went somewhere else
    hands.say(c.OpenRecall, recall="D1", tank_lot="T1", drill=True)
    assert hands.say(c.LoadVehicle, code=in_stock, person="W1", vehicle="V2")["type"] == "vehicle_loaded.v1"
    report = hands.report("D1")
    assert codes(report["affected"]) == {at_home, in_stock, refilled, never_sold}
    assert hands.state(in_stock)["recall"] is None
    assert set(report["ms"]) == {"affected", "holders", "mass", "total"}
    [lot] = report["lot_mass"]
    gas_g = 14_500
    assert {name: lot[name] for name in ("filled_g", "delivered_g", "returned_g", "in_stock_g", "difference_g")} == {
        "filled_g": 6 * gas_g, "delivered_g": 2 * gas_g, "returned_g": gas_g, "in_stock_g": 3 * gas_g,
        "difference_g": gas_g,
    }  # fmt: skip
    assert lot["filled_g"] == lot["delivered_g"] + lot["in_stock_g"] + lot["difference_g"]
    assert lot["left_g"] == lot["received_g"] - lot["filled_g"] == 20_000_000 - 6 * gas_g
    [station] = report["station_mass"]
    assert (station["site"], station["filled_g"]) == ("S1", 6 * gas_g)


def test_an_incident_holds_what_it_names_until_the_authority_lifts_it(hands: Hands) -> None:
    filled, moved = hands.filled(1), hands.filled(2)
    hands.say(c.LoadVehicle, code=moved, person="W1", vehicle="V2")
    freeze: dict[str, Any] = {"lines": ("L1",), "tank_lots": (), "sites": (), "vehicles": ("V2",)}
    assert hands.say(c.OpenIncident, incident="IN1", **freeze)["type"] == "filed.v1"
    refused = hands.say(c.LoadVehicle, code=filled, person="W1", vehicle="V1")
    assert [note["reason"] for note in refused["reasons"]] == ["incident_hold"]
    report = hands.town.http.get("/incidents/IN1").json()
    assert [(one["held"], one["enterprise"], one["cylinders"]) for one in report["holds"]] == [
        ("vehicle:V2", "E1", 1),
        ("line:L1", "E1", 2),
    ]
    by = {one["codes"][0]: one["by"] for one in report["cylinders"]}
    assert by == {filled: ["line:L1"], moved: ["vehicle:V2", "line:L1"]}
    assert hands.say(c.LiftIncident, "office", incident="IN1", expects=0)["type"] == "refused.v1"
    assert hands.say(c.LiftIncident, incident="IN1", expects=0)["type"] == "filed.v1"
    [summary] = hands.town.http.get("/incidents").json()["incidents"]
    assert summary["lifted_at"] is not None
    assert hands.say(c.LoadVehicle, code=filled, person="W1", vehicle="V1")["type"] != "refused.v1"


def test_what_nobody_filed_is_not_found(hands: Hands) -> None:
    for path in ("/recalls/R404", "/incidents/IN404"):
        response = hands.town.http.get(path)
        assert response.status_code == 404
        assert "404" in response.json()["zh"]


def test_a_token_for_some_sites_sees_no_recall(database_url: str) -> None:
    tokens = (
        Token(sha256=hashlib.sha256(b"some").hexdigest(), logs="*", sites=("S1",)),
        Token(sha256=hashlib.sha256(b"all").hexdigest(), logs="*", sites="*"),
    )
    with serve_town(database_url, tokens=tokens) as town:
        for path in ("/recalls", "/recalls/R1", "/incidents", "/incidents/IN1"):
            some = town.http.get(path, headers={"Authorization": "Bearer some"})
            whole = town.http.get(path, headers={"Authorization": "Bearer all"})
            assert (some.status_code, whole.status_code) == (403, 404 if "1" in path else 200)


def poured(hands: Hands, code: str, *turns: tuple[str, int, int]) -> None:
    """One fill of it, released: from each of these tank lots, between two weights; all but the last are interrupted."""
    story, make = hands.town.story, hands.town.story.make
    story.now = hands.clock()
    told: list[Any] = [make(c.CheckPrefill, code=code)]
    leave: Any = None
    for number, (tank_lot, from_g, to_g) in enumerate(turns, 1):
        before = None if leave is None else leave.claim_id
        leave = make(c.AuthoriseFill, code=code, tank_lot=tank_lot, continues=before)
        under = {"code": code, "authorisation": leave.claim_id}
        told += [leave, make(c.StartFill, **under, start_weight_g=from_g)]
        if number < len(turns):
            told.append(make(c.InterruptFill, **under, weight_g=to_g, cause=c.Cause.POWER_CUT))
        else:
            filled = {"tank_lot": tank_lot, "start_weight_g": from_g, "end_weight_g": to_g, "scale_seq": 1}
            told.append(make(c.CompleteFill, **under, **filled))
    told += [make(c.CheckPostfill, code=code, person="P2", weight_g=turns[-1][2]), make(c.ReleaseCylinder, code=code)]
    outcomes = [hands.town.post(story.station, claim)[0]["outcome"] for claim in told]
    assert [one for one in outcomes if one["type"] == "refused.v1" or one.get("violations")] == [], outcomes


def two_more_lots(hands: Hands) -> None:
    """Gas that came apart from T1's: nothing of it was left in those tanks."""
    story = hands.town.story
    for lot in ("U1", "U2"):
        hands.town.post(story.office, story.lot(tank_lot=lot, includes=None, tank="TK9"))


TARE_G, FULL_G = 16_500, 31_000


def test_gas_of_a_fill_that_went_on_from_another_lot_is_recalled_with_either(hands: Hands) -> None:
    two_more_lots(hands)
    changed, other = (hands.town.with_cylinder(number) for number in (1, 2))
    poured(hands, changed, ("U1", TARE_G, TARE_G + 100), ("T1", TARE_G + 100, FULL_G))
    poured(hands, other, ("T1", TARE_G, FULL_G))
    hands.say(c.OpenRecall, recall="R1", tank_lot="U1")
    report = hands.report("R1")
    assert codes(report["affected"]) == {changed}, "however little it was"
    assert hands.state(changed)["recall"] == "R1"
    assert hands.state(other)["recall"] is None
    refused = hands.say(c.LoadVehicle, code=changed, person="W1", vehicle="V2")
    assert "recalled" in [note["reason"] for note in refused["reasons"]]
    [match] = report["affected"][0]["matched"]
    entries = hands.town.http.get(f"/cylinders/{changed}/trace").json()["entries"]
    [cut] = [entry for entry in entries if entry["act"] == "interrupt_fill"]
    assert (match["entry_index"], match["leaf"]) == (cut["entry_index"], cut["leaf"])
    assert cut["entry_index"] in [one["entry_index"] for one in lot_story(hands, "U1")]
    hands.say(c.OpenRecall, recall="R2", tank_lot="T1")
    assert codes(hands.report("R2")["affected"]) == {changed, other}


def lot_story(hands: Hands, lot: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = hands.town.http.get(f"/lots/{lot}/cylinders").json()["may_contain"]
    return found


def test_gas_that_remained_in_a_cylinder_is_recalled_until_it_is_too_little_or_evacuated(hands: Hands) -> None:
    two_more_lots(hands)
    much, little, evacuated = (hands.town.with_cylinder(number) for number in (1, 2, 3))
    for code in (much, little, evacuated):
        poured(hands, code, ("U1", TARE_G, FULL_G))
    hands.ahead_ms = 13 * HOUR_MS
    assert hands.say(c.EvacuateCylinder, code=evacuated)["type"] == "cylinder_evacuated.v1"
    for code, left_g in ((much, 1_000), (little, 500), (evacuated, 1_000)):
        poured(hands, code, ("T1", TARE_G + left_g, FULL_G))
    hands.say(c.OpenRecall, recall="R1", tank_lot="U1")
    report = hands.report("R1")
    assert codes(report["affected"]) == {much}, "1,000 g of 14,500 g are more than 50 permille, 500 g are less"
    assert codes(report["before"]) == {little, evacuated}
    assert [hands.state(code)["recall"] for code in (much, little, evacuated)] == ["R1", None, None]


def test_a_drill_counts_what_went_in_before_a_fill_was_interrupted(hands: Hands) -> None:
    two_more_lots(hands)
    at_home, in_stock = (hands.town.with_cylinder(number) for number in (1, 2))
    for code in (at_home, in_stock):
        poured(hands, code, ("U1", TARE_G, TARE_G + 4_000), ("U2", TARE_G + 4_000, FULL_G))
    hands.delivered(at_home)
    for lot, gas_g in (("U1", 4_000), ("U2", 10_500)):
        hands.say(c.OpenRecall, recall=f"D-{lot}", tank_lot=lot, drill=True)
        report = hands.report(f"D-{lot}")
        assert codes(report["affected"]) == {at_home, in_stock}
        [mass] = report["lot_mass"]
        assert (mass["filled_g"], mass["delivered_g"], mass["in_stock_g"]) == (2 * gas_g, gas_g, gas_g)
        assert (mass["difference_g"], mass["returned_g"]) == (0, 0)
        assert mass["left_g"] == mass["received_g"] - 2 * gas_g


def test_where_a_lots_gas_may_be_tells_of_fills_that_were_interrupted_too(hands: Hands) -> None:
    two_more_lots(hands)
    changed, begun = (hands.town.with_cylinder(number) for number in (1, 2))
    poured(hands, changed, ("U1", TARE_G, TARE_G + 4_000), ("U2", TARE_G + 4_000, FULL_G))
    leave = hands.town.story.make(c.AuthoriseFill, code=begun, tank_lot="U1")
    for claim in (hands.town.story.make(c.CheckPrefill, code=begun), leave):
        hands.town.post(hands.town.story.station, claim)
    hands.say(c.StartFill, code=begun, authorisation=leave.claim_id, start_weight_g=TARE_G)
    first, second = lot_story(hands, "U1")
    assert (first["code"], first["completed"], first["net_g"]) == (changed, False, 4_000)
    assert (second["code"], second["completed"], second["refilled_since"]) == (begun, False, False)
    [last] = lot_story(hands, "U2")
    assert (last["code"], last["completed"], last["net_g"]) == (changed, True, 14_500)
    assert not first["refilled_since"], "its gas is in it still"


def test_an_incident_lists_what_gates_stop_by_lots_that_took_over_frozen_gas(hands: Hands) -> None:
    story = hands.town.story
    two_more_lots(hands)
    hands.town.post(story.office, story.lot(**T2_SHARE))
    hands.town.post(story.office, story.lot(tank_lot="T3", includes="T2", received_g=20_000_000, remainder_g=1_000))
    by_lot = {lot: hands.filled(number, tank_lot=lot) for number, lot in enumerate(("T1", "T2", "T3"), 1)}
    changed, moved = hands.town.with_cylinder(7), hands.filled(8, tank_lot="U2")
    poured(hands, changed, ("T2", TARE_G, TARE_G + 100), ("U2", TARE_G + 100, FULL_G))
    freeze: dict[str, Any] = {"lines": (), "tank_lots": ("T1",), "sites": (), "vehicles": ()}
    assert hands.say(c.OpenIncident, incident="IN1", **freeze)["type"] == "filed.v1"
    report = hands.town.http.get("/incidents/IN1").json()
    listed = {one["codes"][0]: one["by"] for one in report["cylinders"]}
    frozen = {by_lot["T1"], by_lot["T2"], changed}
    assert listed == {code: ["tank_lot:T1"] for code in frozen}
    assert [(one["held"], one["cylinders"]) for one in report["holds"]] == [("tank_lot:T1", 3)]
    for code in (*by_lot.values(), changed, moved):
        outcome = hands.say(c.LoadVehicle, code=code, person="W1", vehicle="V1")
        stopped = "incident_hold" in [note["reason"] for note in outcome.get("reasons", ())]
        assert stopped == (code in frozen), code


def test_an_incident_lists_what_was_moved_away_from_it(hands: Hands) -> None:
    moved, stays = hands.filled(1), hands.filled(2)
    freeze: dict[str, Any] = {"lines": (), "tank_lots": (), "sites": ("S1",), "vehicles": ()}
    hands.say(c.OpenIncident, incident="IN1", **freeze)
    left = hands.say(c.DepotOut, code=moved, vehicle="V2", purpose=c.Purpose.TRANSFER)
    assert "incident_hold" in [note["reason"] for note in left["violations"]]
    report = hands.town.http.get("/incidents/IN1").json()
    by = {one["codes"][0]: (one["by"], one["holder"]) for one in report["cylinders"]}
    assert by == {moved: (["site:S1"], "vehicle:V2"), stays: (["site:S1"], "site:S1")}
