import io
import json
import re
import threading
from collections.abc import Iterator

import httpx
import pytest
import zxingcpp
from PIL import Image

from ledger import claim as c
from ledger.identity import parse_code
from ledger.label import format_label, parse_label
from ledger.store.embedded import EmbeddedServer
from tests.http_town import Town, serve_town
from tests.story import ORIGIN, code


@pytest.fixture(scope="module")
def town(server: EmbeddedServer, migrated_template: str) -> Iterator[Town]:
    server.create_database("http_reads", template=migrated_template)
    with serve_town(server.url("http_reads")) as town:
        yield town
    server.drop_database("http_reads")


@pytest.fixture(scope="module")
def filled(town: Town) -> str:
    """The code of a cylinder that went through a whole fill cycle."""
    code = town.with_cylinder(1)
    town.fill_cycle(code)
    return code


def test_state_of_a_filled_cylinder(town: Town, filled: str) -> None:
    state = town.http.get(f"/cylinders/{filled}").json()
    fill = state.pop("last_fill")
    assert (fill["station"], fill["net_g"], fill["tank_lot"], fill["lawful"]) == ("S1", 14_500, "T1", True)
    assert state == {
        "log": ORIGIN, "cylinder": "01900000-0000-7000-9000-000000000001", "code": filled, "code_active": True,
        "codes": [filled, "stamp:GL_2000001_2024-06"], "stage": "released", "stage_zh": "已放行",
        "holder": "vehicle:V1", "content": "full",
        "content_zh": "重瓶", "owner": "E1", "owner_name": "示例燃气", "service_phone": "0513-96777", "maker": "GL",
        "serial": "2000001", "model": "YSP35.5", "made_month": "2024-06", "tare_g": 16_500, "allowed_fill_g": 14_900,
        "inspection_due_month": "2028-06", "inspection_overdue": False, "life_end_month": "2036-06", "locks": [],
        "seized": None, "recall": None, "use_registration": "UR1",
    }  # fmt: skip


def test_overdue_recalled_and_seized_cylinder_says_so(town: Town) -> None:
    code = town.with_cylinder(2, made_month="2019-03")
    town.post(town.story.authority, town.story.make(c.OpenRecall, recall="RC1", made_to="2019-12"))
    town.post(town.story.authority, town.story.make(c.SeizeCylinder, code=code, order_no="O1", kind="sealed"))
    state = town.http.get(f"/cylinders/{code}").json()
    assert (state["inspection_due_month"], state["inspection_overdue"]) == ("2023-03", True)
    assert (state["recall"], state["seized"]) == ("RC1", "O1")


def test_any_reading_of_a_code_finds_the_cylinder(town: Town, filled: str) -> None:
    value = filled.partition(":")[2]
    url = format_label(parse_code(filled), "q.example.cn").url
    readings = [filled, value, value.lower(), url, f"]Q1{url}", url.lower()]
    paths = [f"/cylinders/{httpx.URL('x:/', params={'a': reading}).query.decode()[2:]}" for reading in readings]
    paths += [f"/C/OWN/{value}", f"/c/own/{value.lower()}", f"/C/own/{value}"]
    for path in paths:
        response = town.http.get(path.replace("+", "%20"))
        assert (response.status_code, response.json().get("code")) == (200, filled), path


def test_grai_with_a_slash_in_its_serial_is_found(town: Town) -> None:
    code = town.with_cylinder(5)
    grai = "grai:06901234000016a/%1"
    answers = town.post(town.story.office, town.story.make(c.BindCode, code=code, new_code=grai))
    assert answers[0]["outcome"]["type"] == "code_bound.v1"
    for path in ("/cylinders/grai:06901234000016a%2F%251", "/8003/06901234000016a%2F%251"):
        assert town.http.get(path).json()["codes"] == [code, "stamp:GL_2000005_2024-06", grai]
    assert len(town.http.get("/cylinders/grai:06901234000016a%2F%251/trace").json()["entries"]) == 4


def test_trace_tells_the_story_in_order(town: Town, filled: str) -> None:
    trace = town.http.get(f"/cylinders/{filled}/trace").json()
    entries = trace["entries"]
    assert trace["complete"]
    assert [entry["act"] for entry in entries[:10]] == [
        "register_cylinder", "file_use_registration", "count_stock", "check_prefill", "authorise_fill", "start_fill",
        "complete_fill", "check_postfill", "release_cylinder", "depot_out",
    ]  # fmt: skip
    assert [entry["entry_index"] for entry in entries] == sorted(entry["entry_index"] for entry in entries)
    fill = entries[6]
    assert (fill["zh"], fill["en"]) == (
        "充装完成：已记录，净重 14.50 千克；充装秤 L1；罐次 T1",
        "fill: recorded, net 14.50 kg; line L1; tank lot T1",
    )
    assert (fill["site"], fill["person"], fill["signer"]) == ("S1", "P1", town.story.station.id)
    assert fill["claim"]["end_weight_g"] == 31_000
    assert fill["outcome"]["type"] == fill["outcome_type"] == "cylinder_filled.v1"
    assert re.fullmatch(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d", fill["recorded_at_text"])
    assert re.fullmatch(r"[0-9a-f]{64}", fill["leaf"])


def test_trace_gives_a_refusals_reasons_in_words(town: Town) -> None:
    code = town.with_cylinder(3)
    town.post(town.story.station, town.story.make(c.AuthoriseFill, code=code))
    entry = town.http.get(f"/cylinders/{code}/trace").json()["entries"][-1]
    assert not entry["accepted"]
    assert entry["zh"].startswith("申请充装被拒：未做充装前检查")
    assert entry["en"].startswith("leave to fill refused: no pre-fill check")
    [finding] = [one for one in entry["findings"] if one["kind"] == "reason"]
    assert (finding["rule"], finding["reason"]) == ("COND-01@2", "prefill_check_missing")


def test_label_leads_back_to_the_cylinder(town: Town, filled: str) -> None:
    svg = town.http.get(f"/cylinders/{filled}/label")
    assert svg.headers["content-type"].startswith("image/svg+xml")
    assert filled.partition(":")[2] in svg.text
    png = town.http.get(f"/cylinders/{filled}/label?format=png")
    assert png.headers["content-type"] == "image/png"
    [symbol] = zxingcpp.read_barcodes(Image.open(io.BytesIO(png.content)))
    assert str(parse_label(symbol.text)) == filled
    port = town.url.rpartition(":")[2]
    assert symbol.text.startswith(f"HTTPS://127.0.0.1:{port}/C/OWN/")
    assert town.http.get(httpx.URL(symbol.text).raw_path.decode()).json()["code"] == filled


@pytest.mark.usefixtures("filled")
def test_site_entries_page_by_page(town: Town) -> None:
    pages: list[list[int]] = []
    after = -1
    while True:
        page = town.http.get("/sites/S1/entries", params={"after": after, "limit": 7}).json()
        pages.append([entry["entry_index"] for entry in page["entries"]])
        assert len(pages[-1]) <= 7
        if page["next_after"] is None:
            break
        after = page["next_after"]
    whole = town.http.get("/sites/S1/entries", params={"limit": 500}).json()
    assert whole["next_after"] is None
    assert [index for page in pages for index in page] == [entry["entry_index"] for entry in whole["entries"]]
    assert len(pages) > 1


def test_lot_names_every_cylinder_that_may_contain_its_gas(town: Town, filled: str) -> None:
    stray = code(9999)
    report = town.story.make(
        c.CompleteFill, code=stray, authorisation=town.story.base()["claim_id"], start_weight_g=0, end_weight_g=9,
        scale_seq=1,
    )  # fmt: skip
    town.post(town.story.station, report)
    fills = town.http.get("/lots/T1/cylinders").json()["may_contain"]
    by_code = {fill["code"]: fill for fill in fills}
    assert by_code[filled]["holder"] == "vehicle:V1"
    assert by_code[filled]["lawful"]
    assert not by_code[filled]["refilled_since"]
    assert by_code[stray]["cylinder"] is None, "gas in a cylinder that nobody registered is told too"
    assert not by_code[stray]["lawful"]


def test_registry_record_says_what_the_next_filing_must_expect(town: Town) -> None:
    story = town.story
    lot = {"tank_lot": "T7", "received_g": 9_000_000}
    town.post(story.office, story.lot(**lot, status="received"))
    path = "/registry/tank_lot/T7"
    first = town.http.get(path).json()
    assert (first["log"], first["record"]["subject"], first["record"]["seq"]) == (ORIGIN, "tank_lot:T7", 0)
    # Refused for not saying so: part of the lot's chain, and no filing.
    refused = town.post(story.office, story.lot(**lot))[0]["outcome"]
    assert [one["reason"] for one in refused["reasons"]] == ["stale_filing"]
    for status in ("blocked", "emptied"):
        expects = town.http.get(path).json()["record"]["seq"]
        [answer] = town.post(story.office, story.lot(**lot, status=status, expects=expects))
        assert answer["outcome"]["type"] == "filed.v1"
    found = town.http.get(path).json()
    assert found["complete"]
    assert [one["claim"]["status"] for one in found["history"]] == ["received", "blocked", "emptied"]
    assert [one["seq"] for one in found["history"]] == [0, 2, 3]
    newest = found["history"][-1]
    assert newest.pop("recorded_at") == answer["recorded_at"]
    assert {"subject": "tank_lot:T7"} | newest == found["record"]
    assert newest["entry_index"] == answer["entry_index"]


@pytest.mark.usefixtures("filled")
def test_history_of_a_site_holds_its_filings_and_not_what_happened_there(town: Town) -> None:
    site = town.http.get("/registry/site/S1").json()
    assert [one["claim"]["type"] for one in site["history"]] == ["file_site"]


def test_registry_kind_page_by_page(town: Town) -> None:
    pages: list[list[str]] = []
    after: int | None = -1
    while after is not None:
        page = town.http.get("/registry/calibration", params={"after": after, "limit": 1}).json()
        pages.append([one["subject"] for one in page["records"]])
        after = page["next_after"]
    assert pages == [["calibration:CAL1"], ["calibration:CAL2"]]
    whole = town.http.get("/registry/enterprise").json()
    assert "示例燃气" in [one["claim"]["name"] for one in whole["records"]]
    assert whole["next_after"] is None
    assert town.http.get("/registry/log").json()["records"][0]["claim"]["origin"] == ORIGIN
    assert town.http.get("/registry/blacklisting").json()["records"] == []


def test_amended_record_moves_to_the_end_of_its_kind(town: Town) -> None:
    story, named = town.story, {"enterprise": "E1", "kind": "depot", "district": "320600", "status": "open"}
    for site in ("D1", "D2"):
        town.post(story.office, story.make(c.FileSite, site=site, name=site, **named))
    town.post(story.office, story.make(c.FileSite, site="D1", name="改名", expects=0, **named))
    subjects = [one["subject"] for one in town.http.get("/registry/site").json()["records"]]
    assert subjects[-2:] == ["site:D2", "site:D1"]


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/nowhere", 404, "/docs"),
        ("/cylinders/own:LPG1-0000777-X", 400, "check character"),
        ("/cylinders/%00", 400, "scheme:value"),
        ("/cylinders/%FF%FE", 400, "scheme:value"),
        ("/cylinders/123456789", 404, ORIGIN),
        ("/C/own/LPG1-0000001-K", 400, "check character"),
        ("/sites/S9/entries", 404, ORIGIN),
        ("/sites/S1/entries?limit=501", 400, "limit"),
        ("/sites/S1/entries?after=x", 400, "after"),
        ("/lots/T9/cylinders", 404, ORIGIN),
        ("/registry/nothing", 404, "enterprise, "),
        ("/registry/nothing/E1", 404, "enterprise, "),
        ("/registry/permit/PM9", 404, ORIGIN),
        ("/registry/permit/%00", 400, "id"),
        ("/registry/permit?limit=0", 400, "limit"),
        ("/cylinders/123456789?log=elsewhere.test", 404, ORIGIN),
        ("/cylinders/123456789/label?format=gif", 400, "format"),
        ("/docs/../settings.py", 404, "/docs"),
    ],
)
def test_wrong_asking_is_a_problem(town: Town, path: str, status: int, said: str) -> None:
    response = town.http.get(path)
    problem = response.json()
    assert (response.status_code, problem["status"]) == (status, status)
    assert response.headers["content-type"] == "application/problem+json"
    assert said in problem["en"]
    assert problem["type"].startswith("urn:cylinder-ledger:problem:")


def test_wrong_method_is_a_problem_that_says_which_are_right(town: Town) -> None:
    for method, path in (("GET", "/bundles"), ("DELETE", "/health"), ("PUT", "/cylinders/123456789")):
        response = town.http.request(method, path)
        assert response.status_code == 405
        assert response.json()["type"].endswith("method-not-allowed")
        assert response.headers["allow"]


def test_health_and_metrics(town: Town, filled: str) -> None:
    health = town.http.get("/health").json()
    [log] = health["logs"]
    assert (health["status"], log["log"], log["waiting"]) == ("ok", ORIGIN, 0)
    assert 0 <= log["last_entry_age_ms"] < 60_000
    town.send(b"{}")
    text = town.http.get("/metrics").text
    assert f'ledger_claims_total{{act="complete_fill",log="{ORIGIN}",outcome="accepted"}}' in text
    assert f'ledger_append_seconds_bucket{{le="+Inf",log="{ORIGIN}"}}' in text
    assert f'ledger_waiting_bundles{{log="{ORIGIN}"}} 0.0' in text
    assert 'ledger_faults_total{fault="malformed"}' in text
    for private in (filled, filled.partition(":")[2], "P1", "V1"):
        assert private not in text


def test_documentation_asks_no_other_host_for_anything(town: Town) -> None:
    page = town.http.get("/docs")
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    assets = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert {"/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/docs/start.js"} <= set(assets)
    assert all(asset.startswith("/") and not asset.startswith("//") for asset in assets)
    assert "http:" not in page.text
    assert "https:" not in page.text
    for asset in assets:
        response = town.http.get(asset)
        assert response.status_code == 200, asset
        if not asset.endswith("bundle.js"):
            # A namespace's name is no address that is loaded.
            assert not re.search(
                r"https?://(?!www\.w3\.org/)", re.sub(r"/\*.*?\*/", "", response.text, flags=re.DOTALL)
            )
    assert "validatorUrl: null" in town.http.get("/docs/start.js").text
    document = town.http.get("/openapi.json")
    assert document.json()["openapi"].startswith("3.1")
    assert "servers" not in document.json() or document.json()["servers"] == [{"url": "/"}]


def test_every_reference_in_the_document_leads_somewhere(town: Town) -> None:
    text = town.http.get("/openapi.json").text
    schemas = json.loads(text)["components"]["schemas"]
    assert set(re.findall(r'#/components/schemas/([^"]+)', text)) <= set(schemas)
    assert "requestBody" in json.loads(text)["paths"]["/bundles"]["post"]
    assert r"\\Z" not in text


def test_foreign_host_name_is_refused_where_there_are_no_tokens(town: Town) -> None:
    response = town.http.get("/cylinders/123456789", headers={"Host": "evil.example"})
    assert response.status_code == 403


def test_reads_do_not_hold_each_other_up(town: Town, filled: str) -> None:
    statuses: list[int] = []

    def read() -> None:
        with httpx.Client(base_url=town.url) as http:
            statuses.extend(http.get(f"/cylinders/{filled}").status_code for _ in range(5))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 40
