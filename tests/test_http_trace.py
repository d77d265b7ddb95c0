"""What a trace must give (DATA-04), and that no story ends before its cylinder does, nor then (DATA-03)."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ledger import claim as c
from ledger.bundle import encode_payload, sign_bundle
from ledger.store.embedded import EmbeddedServer
from tests.http_town import Town, serve_town
from tests.story import ORIGIN, code


@pytest.fixture(scope="module")
def town(server: EmbeddedServer, migrated_template: str) -> Iterator[Town]:
    server.create_database("http_trace", template=migrated_template)
    with serve_town(server.url("http_trace")) as town:
        yield town
    server.drop_database("http_trace")


def test_a_trace_gives_source_people_and_holder(town: Town) -> None:
    code_1 = town.with_cylinder(1)
    town.fill_cycle(code_1)
    state = town.http.get(f"/cylinders/{code_1}").json()
    entries = town.http.get(f"/cylinders/{code_1}/trace").json()["entries"]
    told = {entry["act"]: entry for entry in entries}
    assert state["holder"] == "vehicle:V1"
    fill = told["complete_fill"]["claim"]
    assert (fill["site"], fill["line"], fill["tank_lot"], fill["person"]) == ("S1", "L1", "T1", "P1")
    assert state["last_fill"]["tank_lot"] == "T1"
    lot = town.http.get("/registry/tank_lot/T1").json()["record"]["claim"]
    assert lot["supplier_permit"] == "SP1", "from the gas on to who supplied it"
    assert code_1 in [fill["code"] for fill in town.http.get("/lots/T1/cylinders").json()["may_contain"]]
    people = {act: told[act]["person"] for act in ("check_prefill", "complete_fill", "check_postfill", "depot_out")}
    assert people == {"check_prefill": "P1", "complete_fill": "P1", "check_postfill": "P2", "depot_out": "P1"}
    assert all(entry["signer"] for entry in entries)


@pytest.mark.parametrize("field", ["site", "person", "tank_lot", None])
def test_a_fill_that_names_no_source_or_person_is_not_taken(town: Town, field: str | None) -> None:
    station, size = town.story.station, town.size()
    whole = town.story.make(
        c.CompleteFill, code=code(1), authorisation=town.story.base()["claim_id"], start_weight_g=16_500,
        end_weight_g=31_000, scale_seq=1,
    )  # fmt: skip
    chain: dict[str, Any] = {"device_seq": station.device_seq, "device_prev": station.device_prev}
    payload = json.loads(encode_payload(log=ORIGIN, seen=None, claims=[whole], **chain))
    if field is not None:
        del payload["claims"][0][field]
    answer = town.send(sign_bundle(json.dumps(payload).encode(), station.key))
    taken = field is None
    assert (answer.status_code, town.size()) == ((200, size + 1) if taken else (400, size))


def test_a_code_that_nobody_registered_has_no_story(town: Town) -> None:
    for path in ("", "/trace"):
        assert town.http.get(f"/cylinders/{code(404)}{path}").status_code == 404


def test_the_story_of_a_deregistered_cylinder_is_kept_whole(town: Town) -> None:
    code_2 = town.with_cylinder(2)
    before = town.http.get(f"/cylinders/{code_2}/trace").json()["entries"]
    make, office = town.story.make, town.story.office
    town.post(office, make(c.DecideScrap, code=code_2, cause=c.Cause.LIFE_END))
    gone = {"witness": "P2", "method": "flattened", "photo_digest": "00" * 32}
    town.post(town.story.station, make(c.DestroyCylinder, code=code_2, **gone))
    [answer] = town.post(office, make(c.DeregisterCylinder, code=code_2))
    assert answer["outcome"]["type"] == "cylinder_deregistered.v1"
    trace = town.http.get(f"/cylinders/{code_2}/trace").json()
    assert trace["complete"]
    assert trace["entries"][: len(before)] == before
    assert [entry["act"] for entry in trace["entries"][len(before) :]] == [
        "decide_scrap", "destroy_cylinder", "deregister_cylinder",
    ]  # fmt: skip
