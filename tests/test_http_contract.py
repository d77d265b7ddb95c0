"""What the OpenAPI document promises: no answer that it does not name, no 5xx, whatever is asked."""

import json
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

CHECKS: Any = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]


@pytest.fixture(scope="module")
def town(server: EmbeddedServer, migrated_template: str) -> Iterator[Town]:
    server.create_database("http_contract", template=migrated_template)
    with serve_town(server.url("http_contract")) as town:
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


def test_real_answers_are_as_documented(town: Town) -> None:
    code = town.with_cylinder(1)
    town.fill_cycle(code)
    town.post(town.story.station, town.story.make(c.AuthoriseFill, code=code))
    value = code.partition(":")[2]
    known = {"code": code, "scheme": "OWN", "value": value, "site": "S1", "lot": "T1"}
    statuses: dict[str, int] = {}
    with requests.Session() as session:
        for operation in operations(town):
            if operation.method != "get":
                continue
            names = [parameter.name for parameter in operation.path_parameters]
            case = operation.Case(path_parameters={name: known[name] for name in names})
            statuses[operation.path] = case.call_and_validate(session=session, checks=CHECKS).status_code
    assert statuses.pop("/8003/{value}") == 400, "no GRAI"
    assert set(statuses.values()) == {200}
    assert len(statuses) == 8
    [post] = [one for one in operations(town) if one.path == "/bundles"]
    bundle = town.story.station.sign(*(town.story.make(c.AuthoriseFill, code=code) for _ in range(3)))
    case = post.Case(body=json.loads(bundle), media_type="application/json")
    with requests.Session() as session:
        assert case.call_and_validate(session=session, checks=CHECKS).status_code == 200
