import base64
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from ledger import claim as c
from ledger.bundle import MAX_BUNDLE_BYTES, PAYLOAD_TYPE, pae, signer_id, signer_key
from ledger.store.embedded import EmbeddedServer
from tests.http_town import Town, serve_town
from tests.story import ORIGIN, Signer, private_key
from tests.story import code as code_of


@pytest.fixture(scope="module")
def town(server: EmbeddedServer, migrated_template: str) -> Iterator[Town]:
    server.create_database("http_bundles", template=migrated_template)
    with serve_town(server.url("http_bundles")) as town:
        yield town
    server.drop_database("http_bundles")


def envelope(payload: bytes, signer: Signer, *, keyid: str | None = None, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Signed as it is, well-formed or not."""
    signature = signer.key.sign(pae(payload_type, payload))  # type: ignore[call-arg]
    own = signer_id(signer_key(signer.key))
    return json.dumps(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": payload_type,
            "signatures": [{"keyid": keyid or own, "sig": base64.b64encode(signature).decode()}],
        }
    ).encode()


def payload(*claims: str, log: str = ORIGIN) -> bytes:
    head = f'{{"log":"{log}","device_seq":900,"device_prev":null,"seen":null,"claims":['
    return (head + ",".join(claims) + "]}").encode()


CLAIM = (
    '{"type":"check_prefill","claim_id":"01900000-0000-7000-8000-0000000fffff","scanned_at":1,'
    '"code":"own:LPG1-0000001-J","site":"S1","person":"P1"}'
)


def test_whole_fill_cycle(town: Town) -> None:
    code = town.with_cylinder(1)
    outcomes = town.fill_cycle(code)
    assert [outcome["type"] for outcome in outcomes] == [
        "prefill_checked.v1", "fill_authorised.v1", "fill_started.v1", "cylinder_filled.v1", "postfill_checked.v1",
        "cylinder_released.v1", "depot_left.v1",
    ]  # fmt: skip
    assert not any(outcome.get("violations") or outcome.get("warnings") for outcome in outcomes)
    assert outcomes[3]["net_g"] == 14_500


def test_resent_bytes_get_identical_answers_and_store_nothing_more(town: Town) -> None:
    code = town.with_cylinder(2)
    bundle = town.story.station.sign(
        town.story.make(c.CheckPrefill, code=code), town.story.make(c.AuthoriseFill, code=code_of(99))
    )
    first = town.send(bundle)
    size = town.size()
    with ThreadPoolExecutor(4) as pool:
        again = list(pool.map(lambda _: httpx.post(f"{town.url}/bundles", content=bundle), range(8)))
    assert {answer.content for answer in again} == {first.content}
    assert [answer["outcome"]["type"] for answer in first.json()] == ["prefill_checked.v1", "refused.v1"]
    assert town.size() == size


@pytest.mark.parametrize(
    ("body", "status", "slug", "pointer"),
    [
        pytest.param(lambda _: b"", 400, "malformed", "", id="empty"),
        pytest.param(lambda _: b"[" * 100_000, 400, "malformed", "", id="nested for ever"),
        pytest.param(
            lambda s: envelope(payload(CLAIM), s).replace(b'{"payload"', b'{"payload":"AAAA","payload"'),
            400, "malformed", "", id="duplicate key in the envelope",
        ),
        pytest.param(
            lambda s: envelope(payload(CLAIM).replace(b'"log"', b'"log":"other.example","log"'), s),
            400, "malformed", "", id="duplicate key in the payload",
        ),
        pytest.param(
            lambda s: envelope(payload(CLAIM, CLAIM.replace('"site"', '"site":"S9","site"')), s),
            400, "malformed", "/claims/1", id="duplicate key in a claim",
        ),
        pytest.param(
            lambda s: envelope(payload('{"type":"record_arrival","claim_id":"01900000-0000-7000-8000-0000000fffff",'
                                       '"scanned_at":1,"site":"S1","person":"P1","vehicle":"V1",'
                                       '"counts":{"YSP35.5":1,"YSP35.5":2}}'), s),
            400, "malformed", "/claims/0", id="duplicate key deep in a claim",
        ),
        pytest.param(
            lambda s: envelope(payload(CLAIM).replace(b'"P1"', b'"P\xff"'), s), 400, "malformed", "/claims/0",
            id="not UTF-8",
        ),
        pytest.param(
            lambda s: envelope(payload(CLAIM, CLAIM.replace('"S1"', "17")), s), 400, "malformed", "/claims/1/site",
            id="bad field",
        ),
        pytest.param(
            lambda s: envelope(payload(CLAIM.replace("-J", "-K")), s), 400, "malformed", "/claims/0/code",
            id="wrong check character",
        ),
        pytest.param(
            lambda s: envelope(payload(CLAIM), s, payload_type="text/plain"), 400, "malformed", "/payloadType",
            id="other payload type",
        ),
        pytest.param(
            lambda s: envelope(payload(CLAIM), Signer("x", private_key("x")), keyid=s.id), 401, "bad-signature", "",
            id="wrong signature",
        ),
        pytest.param(
            lambda _: envelope(payload(CLAIM), Signer("x", private_key("x"))), 401, "unknown-signer", "",
            id="unknown signer",
        ),
        pytest.param(
            lambda s: envelope(payload(CLAIM, log="elsewhere.test"), s), 404, "wrong-log", "", id="wrong log"
        ),
        pytest.param(lambda _: b" " * (MAX_BUNDLE_BYTES + 1), 413, "too-large", "", id="oversize"),
        pytest.param(
            lambda s: envelope(payload(CLAIM[:-1] + ',"failed_items":[' + " " * 25_000 + "]}"), s),
            413, "too-large", "/claims/0", id="oversize claim",
        ),
    ],
)  # fmt: skip
def test_fault_is_a_bilingual_problem_and_stores_nothing(
    town: Town, body: Any, status: int, slug: str, pointer: str
) -> None:
    size = town.size()
    response = town.send(body(town.story.station))
    problem = response.json()
    assert (response.status_code, problem["type"].rpartition(":")[2], problem["pointer"]) == (status, slug, pointer)
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["status"] == status
    assert any("\u4e00" <= letter <= "\u9fff" for letter in problem["zh"])
    assert problem["en"].isascii()
    assert problem["zh"] in problem["detail"]
    assert problem["en"] in problem["detail"]
    assert town.size() == size


def test_oversize_without_a_declared_length_is_cut_off(town: Town) -> None:
    size = town.size()
    response = town.http.post("/bundles", content=(b" " * 65_536 for _ in range(40)))
    assert response.status_code == 413
    assert town.size() == size


@pytest.mark.parametrize("time", ["", "-1", "1.5", "yesterday", "9" * 17])
def test_malformed_device_time_stores_nothing(town: Town, time: str) -> None:
    size = town.size()
    bundle = town.story.station.sign(town.story.make(c.RecordArrival, counts={}))
    response = town.send(bundle, **{"Ledger-Device-Time": time})
    assert response.status_code == 400
    assert "Ledger-Device-Time" in response.json()["en"]
    assert town.size() == size


def test_device_time_becomes_the_offset_of_the_entry(town: Town) -> None:
    code = town.with_cylinder(3)
    bundle = town.story.station.sign(town.story.make(c.CheckPrefill, code=code))
    hour_behind = {"Ledger-Device-Time": str(town.http.get("/health").json()["at"] - 3_600_000)}
    [answer] = town.send(bundle, **hour_behind).json()
    assert [note["reason"] for note in answer["outcome"]["warnings"]] == ["clock_skew"]


def test_one_bundle_harms_no_other_sent_at_the_same_time(town: Town) -> None:
    """Poison goes with good bundles through one queue; each gets its own answer."""
    good = [town.story.office.sign(town.story.cylinder(number)) for number in range(100, 140)]
    bad = [b"{}", envelope(payload(CLAIM), Signer("x", private_key("x")))] * 5
    ready = threading.Barrier(4)

    def send(bodies: list[bytes]) -> list[int]:
        with httpx.Client(base_url=town.url) as http:
            ready.wait()
            return [http.post("/bundles", content=body).status_code for body in bodies]

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(send, [good[:20], good[20:], bad, bad]))
    assert statuses == [[200] * 20, [200] * 20, [400, 401] * 5, [400, 401] * 5]
