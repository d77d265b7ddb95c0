"""Tokens and scopes, several logs, and what the server refuses to be set up as."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.serve import deploy, make_server, real_clock
from api.settings import BadSettings, Settings, Token, read_tokens, settings_from
from ledger import claim as c
from ledger.errors import Busy, NotFound
from ledger.store.embedded import EmbeddedServer
from tests.http_town import Town, open_town, running, serve_town
from tests.story import ORIGIN, USUAL

SECRETS = {"all": "secret-of-all", "one": "secret-of-S1", "other": "secret-of-S2", "elsewhere": "secret-of-elsewhere"}


def token(name: str, logs: object = "*", sites: object = "*") -> Token:
    return Token(hashlib.sha256(SECRETS[name].encode()).hexdigest(), logs, sites)  # type: ignore[arg-type]


TOKENS = (
    token("all"),
    token("one", sites=("S1",)),
    token("other", sites=("S2",)),
    token("elsewhere", logs=("elsewhere.test",)),
)


def bearing(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {SECRETS[name]}"}


@pytest.fixture(scope="module")
def town(server: EmbeddedServer, migrated_template: str) -> Iterator[Town]:
    server.create_database("http_access", template=migrated_template)
    with serve_town(server.url("http_access"), tokens=TOKENS) as town:
        yield town
    server.drop_database("http_access")


@pytest.fixture(scope="module")
def code(town: Town) -> str:
    return town.with_cylinder(1)


READS = [
    "/cylinders/{code}",
    "/cylinders/{code}/trace",
    "/cylinders/{code}/label",
    "/sites/S1/entries",
    "/lots/T1/cylinders",
    "/registry/permit",
    "/registry/permit/PM1",
]


@pytest.mark.parametrize("read", READS)
def test_reads_need_a_token_that_covers_them(town: Town, code: str, read: str) -> None:
    path = read.format(code=code)
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {SECRETS['all']}"}):
        response = town.http.get(path, headers=headers)
        assert (response.status_code, response.json()["type"].rpartition(":")[2]) == (401, "unauthorised")
        assert response.headers["www-authenticate"] == "Bearer"
    assert town.http.get(path, params={"token": SECRETS["all"]}).status_code == 401, "never from the URL"
    response = town.http.get(path, headers=bearing("elsewhere"))
    assert (response.status_code, response.json()["type"].rpartition(":")[2]) == (403, "forbidden")
    assert town.http.get(path, headers=bearing("all")).status_code == 200


def test_token_of_a_site_shows_what_happened_there_and_no_more(town: Town, code: str) -> None:
    trace = town.http.get(f"/cylinders/{code}/trace", headers=bearing("one")).json()
    assert not trace["complete"]
    assert [entry["act"] for entry in trace["entries"]] == ["count_stock"]
    whole = town.http.get(f"/cylinders/{code}/trace", headers=bearing("all")).json()
    assert whole["complete"]
    assert len(whole["entries"]) == 3
    assert town.http.get(f"/cylinders/{code}", headers=bearing("other")).status_code == 404
    assert town.http.get("/sites/S1/entries", headers=bearing("other")).status_code == 403
    assert town.http.get("/sites/S1/entries", headers=bearing("one")).status_code == 200


def test_token_of_a_site_is_not_told_whose_customer_has_a_cylinder(town: Town) -> None:
    code = town.with_cylinder(2)
    given = town.story.make(c.HandOver, **USUAL[c.HandOver] | {"code": code, "vehicle": "V1", "done": True})
    assert town.post(town.story.worker, given)[0]["outcome"]["type"] == "cylinder_handed_over.v1"
    held = [town.http.get(f"/cylinders/{code}", headers=bearing(name)).json()["holder"] for name in ("all", "one")]
    assert held == ["customer:K1", "customer"]


def test_token_of_a_site_shows_a_record_asked_for_by_its_id_and_lists_none(town: Town) -> None:
    listed = town.http.get("/registry/permit", headers=bearing("one"))
    assert (listed.status_code, listed.json()["type"].rpartition(":")[2]) == (403, "forbidden")
    assert "令牌" in listed.json()["zh"]
    permit = town.http.get("/registry/permit/PM1", headers=bearing("one")).json()
    assert (permit["record"]["claim"]["enterprise"], permit["complete"], permit["history"]) == ("E1", False, [])
    for name, seen in (("one", 1), ("other", 0), ("all", 1)):
        line = town.http.get("/registry/line/L1", headers=bearing(name)).json()
        assert (line["record"]["subject"], len(line["history"])) == ("line:L1", seen)


def test_metrics_need_a_token_for_everything_and_health_needs_none(town: Town) -> None:
    assert town.http.get("/metrics").status_code == 401
    assert town.http.get("/metrics", headers=bearing("one")).status_code == 403
    assert town.http.get("/metrics", headers=bearing("all")).status_code == 200
    assert town.http.get("/health").status_code == 200


def test_no_token_is_ever_told(town: Town, code: str, capfd: pytest.CaptureFixture[str]) -> None:
    answers = [town.http.get(f"/cylinders/{code}", headers=bearing(name)).text for name in SECRETS]
    told = "".join(capfd.readouterr()) + "".join(answers)
    assert not any(secret in told for secret in SECRETS.values())


def test_several_logs_must_be_named(database_url: str) -> None:
    first, second = "ledger.test/320600/v1", "ledger.test/320100/v1"
    open_town(database_url, first)
    story = open_town(database_url, second)
    filing = story.make(c.FileEnterprise, enterprise="E1", kind="filler", name="示例燃气", service_phone="0513-96777")
    with running(Settings(database_url=database_url, port=0)) as url, httpx.Client(base_url=url) as http:
        assert http.post("/bundles", content=story.authority.sign(filing, log=second)).status_code == 200
        response = http.get("/sites/S1/entries")
        assert response.status_code == 400
        assert first in response.json()["en"]
        assert second in response.json()["en"]
        assert [log["size"] for log in http.get("/health").json()["logs"]] == [1, 2]
        assert second in http.get("/sites/S1/entries", params={"log": second}).json()["en"]
        assert http.get("/sites/S1/entries", params={"log": "third.test"}).status_code == 404


def test_database_that_goes_away_is_503_with_retry_after(server: EmbeddedServer, migrated_template: str) -> None:
    server.create_database("http_away", template=migrated_template)
    story = open_town(server.url("http_away"))
    filing = story.make(c.FileEnterprise, enterprise="E1", kind="filler", name="示例燃气", service_phone="0513-96777")
    settings = Settings(database_url=server.url("http_away"), port=0)
    with running(settings) as url, httpx.Client(base_url=url) as http:
        assert http.get("/health").status_code == 200
        server.drop_database("http_away")
        answers = [http.get("/health"), http.post("/bundles", content=story.authority.sign(filing))]
    for response in answers:
        assert (response.status_code, response.json()["type"].rpartition(":")[2]) == (503, "busy")
        assert response.headers["retry-after"] == "1"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "ledger.example.cn"])
def test_without_tokens_it_listens_on_loopback_only(host: str) -> None:
    with pytest.raises(BadSettings) as fault:
        Settings(database_url="postgresql://x", host=host)
    assert "令牌" in fault.value.zh
    assert "LEDGER_TOKENS_FILE" in fault.value.en
    assert Settings(database_url="postgresql://x", host=host, tokens=TOKENS).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_needs_no_tokens(host: str) -> None:
    assert Settings(database_url="postgresql://x", host=host).tokens == ()


def test_settings_from_environment_and_toml(tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    file.write_text(
        f'[[tokens]]\nsha256 = "{"0" * 64}"\nlogs = ["{ORIGIN}"]\nsites = ["S1"]\n'
        f'[[tokens]]\nsha256 = "{"1" * 64}"\nlogs = "*"\nsites = "*"\n'
    )
    environment = {
        "LEDGER_DATABASE_URL": "postgresql://x", "LEDGER_HOST": "0.0.0.0", "LEDGER_PORT": "9000",
        "LEDGER_TOKENS_FILE": str(file), "LEDGER_LABEL_HOST": "q.example.cn",
    }  # fmt: skip
    settings = settings_from(environment)
    assert (settings.host, settings.port, settings.label_host) == ("0.0.0.0", 9000, "q.example.cn")
    assert [(one.logs, one.sites) for one in settings.tokens] == [((ORIGIN,), ("S1",)), ("*", "*")]
    assert settings_from(environment, port=0, host="127.0.0.1").port == 0
    with pytest.raises(BadSettings):
        settings_from({})
    with pytest.raises(BadSettings):
        settings_from(environment | {"LEDGER_PORT": "many"})


@pytest.mark.parametrize(
    "text",
    ["", "tokens = []", "[[tokens]]\nsha256 = 'x'\nlogs='*'\nsites='*'", "not toml", "[[tokens]]\ntoken = 'plain'"],
)
def test_bad_tokens_file_stops_the_start(tmp_path: Path, text: str) -> None:
    file = tmp_path / "tokens.toml"
    file.write_text(text)
    with pytest.raises(BadSettings):
        read_tokens(file)


def test_server_without_a_log_or_a_database_or_a_port_does_not_start(server: EmbeddedServer, database_url: str) -> None:
    with pytest.raises(NotFound, match="open-log"):
        deploy(Settings(database_url=database_url), real_clock)
    with pytest.raises(NotFound, match="migrate"):
        deploy(Settings(database_url=server.url()), real_clock)
    with pytest.raises(Busy):
        deploy(Settings(database_url="postgresql://x@/x?host=/nowhere"), real_clock)
    open_town(database_url)
    with running(Settings(database_url=database_url, port=0)) as url, pytest.raises(BadSettings, match="cannot listen"):
        make_server(Settings(database_url=database_url, port=int(url.rpartition(":")[2])), real_clock, print)
