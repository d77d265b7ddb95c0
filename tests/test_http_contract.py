"""What the OpenAPI document promises: no answer that it does not name, no 5xx, whatever is asked."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from ledger import claim as c
from ledger.store.embedded import EmbeddedServer
from tests.http_town import Town, serve_town
from tests.publish_kit import publish_file
from tests.story import ORIGIN, USUAL

CHECKS: Any = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]


@pytest.fixture(scope="module")
def town(server: EmbeddedServer, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    server.create_database("http_contract", template=migrated_template)
    trust = publish_file(tmp_path_factory.mktemp("publish"))
    with serve_town(server.url("http_contract"), publish_file=trust) as town:
        yield town
    server.drop_database("http_contract")


def operations(town: Town) -> list[Any]:
    schema: Any = schemathesis.openapi.from_url(f"{town.url}/openapi.json")
    return [result.ok() for result in schema.get_all_operations()]


def test_no_5xx_and_no_undocumented_answer(town: Town) -> None:
    asked = 0
    with requests.Session() as session:
        for operation in operations(town):
            nothing_to_get_wrong = operation.path in ("/health", "/metrics")
            for mode in [GenerationMode.POSITIVE] if nothing_to_get_wrong else GenerationMode:

                @seed(20260101)
                @settings(
                    max_examples=8, deadline=None, database=None, phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )  # fmt: skip
                @given(case=operation.as_strategy(generation_mode=mode))
                def ask(case: Any) -> None:
                    nonlocal asked
                    asked += 1
                    case.call_and_validate(session=session, checks=CHECKS)

                ask()
    assert asked > 100


def published_size(town: Town) -> int:
    """The size of the published log, once it is all that is committed."""
    deadline = time.monotonic() + 20
    while True:
        log = town.http.get("/health").json()["logs"][0]
        if log["publishing"]["size"] == log["size"]:
            return int(log["size"])
        assert time.monotonic() < deadline, log
        time.sleep(0.05)


def alert_raised(town: Town, code: str) -> str:
    """The id of an alert, once the log was read so far."""
    leave = "01900000-0000-7000-8000-00000000aaaa"
    town.post(town.story.station, town.story.make(c.StartFill, code=code, authorisation=leave, start_weight_g=15_000))
    deadline = time.monotonic() + 20
    while not (found := town.http.get("/alerts", params={"kind": "F4"}).json()["alerts"]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return str(found[0]["alert"])


IDS = {
    "customers": "K1", "premises": "H9", "persons": "P1", "vehicles": "V1", "sites": "S1", "lines": "L1", "lots": "T1",
    "buildings": "B9", "registry": "S1", "recalls": "R1", "incidents": "IN1",
}  # fmt: skip
"""What each kind of question is asked about."""


def things_happened(town: Town) -> None:
    """A place in a building, a recall and an incident."""
    home = USUAL[c.FilePremises] | {"premises": "H9", "building": "B9", "customer": "K1"}
    town.post(town.story.office, town.story.make(c.FilePremises, **home))
    frozen = USUAL[c.OpenIncident] | {"premises": "H9"}
    town.post(town.story.authority, town.story.make(c.OpenRecall, recall="R1", line="L1"),
              town.story.make(c.OpenIncident, **frozen))  # fmt: skip


def test_real_answers_are_as_documented(town: Town) -> None:
    code = town.with_cylinder(1)
    town.fill_cycle(code)
    things_happened(town)
    town.post(town.story.station, town.story.make(c.AuthoriseFill, code=code))
    value = code.partition(":")[2]
    known = {"code": code, "scheme": "OWN", "value": value, "site": "S1", "lot": "T1", "kind": "site"}
    known |= {"customer": "K1", "premises": "H9", "vehicle": "V1", "line": "L1", "recall": "R1", "incident": "IN1"}
    known["alert"] = alert_raised(town, code)
    size = published_size(town)
    known |= {"origin": ORIGIN, "tile": f"0/000.p/{size}", "index": "0", "person": "P1"}
    kept = town.http.get(f"/logs/{ORIGIN}/checkpoints").json()["checkpoints"]
    known["kept"] = str(kept[0]["size"])
    asked = {"inclusion": {"index": "0", "size": str(size)}, "consistency": {"old": "1", "new": str(size)}}
    asked["search"] = {"serial": "2000001"}
    statuses: dict[str, int] = {}
    with requests.Session() as session:
        for operation in operations(town):
            if operation.method != "get":
                continue
            names = [parameter.name for parameter in operation.path_parameters]
            query = asked.get(operation.path.rpartition("/")[2], {})
            here = known | {"id": IDS.get(operation.path.split("/")[1], "")}
            case = operation.Case(path_parameters={name: here[name] for name in names}, query=query)
            statuses[operation.path] = case.call_and_validate(session=session, checks=CHECKS).status_code
    assert statuses.pop("/8003/{value}") == 400, "no GRAI"
    assert set(statuses.values()) == {200}
    assert len(statuses) == 48
    [post] = [one for one in operations(town) if one.path == "/bundles"]
    bundle = town.story.station.sign(*(town.story.make(c.AuthoriseFill, code=code) for _ in range(3)))
    case = post.Case(body=json.loads(bundle), media_type="application/json")
    with requests.Session() as session:
        assert case.call_and_validate(session=session, checks=CHECKS).status_code == 200
