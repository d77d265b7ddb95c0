"""A published log over HTTP: files, proofs and receipts for outsiders, and a health that tells when it stops."""

import base64
import gzip
import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.publish.plan import read_places
from api.settings import BadSettings, Settings, Token
from ledger.checkpoint import parse_checkpoint
from ledger.entry import decode_entry, leaf_hash
from ledger.note_key import ED25519_COSIGNATURE, NoteKey, note_signer
from ledger.policy import Group, Log, Policy, Witness, format_policy, judge_checkpoint
from ledger.proofs import check_consistency, check_inclusion
from ledger.receipt import check_receipt, parse_receipt
from ledger.store.embedded import EmbeddedServer
from ledger.tiles import Tile, parse_entries, tile_reader
from tests.http_town import Town, running, serve_town
from tests.publish_kit import publish_file, running_press
from tests.story import ORIGIN
from tests.witness_kit import new_plan, running_witness

LOG = f"/logs/{ORIGIN}"
TOKENS = tuple(
    Token(hashlib.sha256(name.encode()).hexdigest(), "*", sites)  # type: ignore[arg-type]
    for name, sites in (("all", "*"), ("one", ("S1",)))
)
ALL, ONE = {"Authorization": "Bearer all"}, {"Authorization": "Bearer one"}


def policy(path: Path) -> Policy:
    [place] = read_places(path)
    assert place.plan is not None
    return Policy(tuple(Log(one.key) for one in place.plan.signers()), (), (), "none")


def publishing(town: Town) -> dict[str, Any]:
    found: dict[str, Any] = town.http.get("/health").json()["logs"][0]["publishing"]
    return found


def until(done: Callable[[], bool], within_s: float = 20) -> None:
    deadline = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < deadline, "it should have happened by now"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish_file(tmp_path_factory.mktemp("publish"))


@pytest.fixture(scope="module")
def town(server: EmbeddedServer, migrated_template: str, trust: Path) -> Iterator[Town]:
    server.create_database("publish_http", template=migrated_template)
    with serve_town(server.url("publish_http"), tokens=TOKENS, publish_file=trust) as town:
        yield town
    server.drop_database("publish_http")


def published(town: Town) -> int:
    """How many entries are published, once it is all that are committed."""
    until(lambda: publishing(town)["size"] == town.size())
    return town.size()


def test_an_outsider_rebuilds_the_tree_and_every_entry_from_the_files(town: Town, trust: Path) -> None:
    town.fill_cycle(town.with_cylinder(1))
    size = published(town)
    found = town.http.get(f"{LOG}/checkpoint")
    assert found.headers["cache-control"] == "public, max-age=1"
    checkpoint = parse_checkpoint(found.content)
    assert checkpoint.head.size == size
    assert len(judge_checkpoint(policy(trust), checkpoint).signed_by) == 2
    bundle = town.http.get(f"{LOG}/tile/entries/000.p/{size}", headers=ALL)
    bodies = parse_entries(bundle.content, size)
    assert [decode_entry(body).log for body in bodies] == [ORIGIN] * size
    tile = town.http.get(f"{LOG}/tile/0/000.p/{size}")
    assert tile.content == b"".join(leaf_hash(body) for body in bodies)
    assert tile.headers["content-type"] == "application/octet-stream"
    receipts = [town.http.get(f"{LOG}/receipts/{index}") for index in (0, size - 1)]
    for receipt, body in zip(receipts, (bodies[0], bodies[-1]), strict=True):
        assert check_receipt(body, parse_receipt(receipt.content), policy(trust)).leaf == leaf_hash(body)


def test_proofs_for_any_size_verify(town: Town) -> None:
    size = published(town)
    leaves = town.http.get(f"{LOG}/tile/0/000.p/{size}").content
    read = tile_reader(lambda _: leaves, size)
    root = parse_checkpoint(town.http.get(f"{LOG}/checkpoint").content).head.root
    for index, within in ((0, 1), (3, 10), (size - 1, size), (0, size)):
        told = town.http.get(f"{LOG}/proof/inclusion", params={"index": index, "size": within}).json()
        hashes = [base64.b64decode(one) for one in told["hashes"]]
        check_inclusion(read(0, index), index, within, hashes, base64.b64decode(told["root"]))
        assert within < size or base64.b64decode(told["root"]) == root
    for old in (1, 7, 8, size - 1, size):
        first = town.http.get(f"{LOG}/proof/inclusion", params={"index": 0, "size": old}).json()["root"]
        told = town.http.get(f"{LOG}/proof/consistency", params={"old": old, "new": size}).json()
        hashes = [base64.b64decode(one) for one in told["hashes"]]
        check_consistency(old, size, hashes, base64.b64decode(first), root)


def test_entry_bundles_take_a_token_for_all_sites_and_the_tree_takes_none(town: Town) -> None:
    size = published(town)
    path = f"{LOG}/tile/entries/000.p/{size}"
    assert town.http.get(path).status_code == 401
    assert town.http.get(path, headers=ONE).status_code == 403
    plain = town.http.get(path, headers=ALL | {"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    with town.http.stream("GET", path, headers=ALL | {"Accept-Encoding": "gzip"}) as packed:
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.headers["cache-control"].startswith("private")
        assert gzip.decompress(b"".join(packed.iter_raw())) == plain.content
    for open_path in ("checkpoint", f"tile/0/000.p/{size}", "receipts/0", "proof/consistency?old=1&new=2"):
        assert town.http.get(f"{LOG}/{open_path}").status_code == 200


def test_origin_may_be_escaped_and_what_is_not_there_is_not_found(town: Town) -> None:
    size = published(town)
    escaped = ORIGIN.replace("/", "%2F")
    assert town.http.get(f"/logs/{escaped}/checkpoint").content == town.http.get(f"{LOG}/checkpoint").content
    for path, status in {
        "tile/0/000": 404,
        f"tile/0/000.p/{size + 1}": 404,
        "tile/1/000.p/1": 404,
        "tile/0/0": 400,
        "tile/0/..%2F..%2Fcheckpoint": 400,
        f"receipts/{size}": 404,
        f"proof/inclusion?index={size}&size={size}": 404,
        f"proof/inclusion?index=0&size={size + 1}": 404,
        "proof/consistency?old=3&new=2": 404,
        "proof/consistency?old=0&new=2": 400,
    }.items():
        found = town.http.get(f"{LOG}/{path}")
        assert (path, found.status_code) == (path, status)
        assert found.headers["content-type"] == "application/problem+json"
    assert town.http.get("/logs/other.test/checkpoint").status_code == 404


def test_lag_and_size_are_metrics(town: Town) -> None:
    size = published(town)
    until(lambda: f'ledger_checkpoint_lag_seconds_count{{log="{ORIGIN}"}} {float(size)}' in metrics(town))
    assert f'ledger_published_size{{log="{ORIGIN}"}} {float(size)}' in metrics(town)
    assert f'ledger_checkpoint_lag_seconds_bucket{{le="5.0",log="{ORIGIN}"}} {float(size)}' in metrics(town)


def metrics(town: Town) -> str:
    return town.http.get("/metrics", headers=ALL).text


def test_changed_row_stops_publishing_but_not_the_ledger(database_url: str, tmp_path: Path) -> None:
    with serve_town(database_url, publish_file=publish_file(tmp_path)) as town:
        size = published(town)
        before = town.http.get(f"{LOG}/checkpoint").content
        with psycopg.connect(database_url) as owner:
            owner.execute("ALTER TABLE entry DISABLE TRIGGER ALL")
            owner.execute(
                "UPDATE entry SET body = set_byte(body, 300, get_byte(body, 300) # 1) WHERE entry_index = %s",
                (size - 1,),
            )
        town.post(town.story.office, town.story.lot(tank_lot="T9"))
        until(lambda: publishing(town)["state"] == "stopped")
        health = town.http.get("/health").json()
        assert health["status"] == "failing"
        told = health["logs"][0]["publishing"]
        assert (told["reason"], told["size"]) == ("entries-changed", size)
        assert "被改动" in told["zh"]
        assert (
            f'ledger_publishing_trouble{{log="{ORIGIN}",reason="entries-changed"}} 1.0'
            in town.http.get("/metrics").text
        )
        assert town.http.get(f"{LOG}/checkpoint").content == before
        assert town.http.get(f"{LOG}/receipts/{size}").status_code == 503
        town.post(town.story.office, town.story.lot(tank_lot="T10"))


def test_two_servers_publish_one_log_one_after_the_other(database_url: str, tmp_path: Path) -> None:
    path = publish_file(tmp_path)
    with ExitStack() as first, ExitStack() as second:
        town = first.enter_context(serve_town(database_url, publish_file=path))
        published(town)
        url = second.enter_context(running(Settings(database_url=database_url, port=0, publish_file=path)))

        def state() -> str:
            told = httpx.get(f"{url}/health").json()
            assert told["status"] == "ok"
            return str(told["logs"][0]["publishing"]["state"])

        until(lambda: state() == "standby")
        size = town.size()
        first.close()
        until(lambda: state() == "running")
        assert parse_checkpoint(httpx.get(f"{url}{LOG}/checkpoint").content).head.size == size


def test_another_process_may_publish_what_the_server_hands_out(database_url: str, tmp_path: Path) -> None:
    with running_press(database_url, tmp_path) as press:
        press.log.add(300)
        press.publish()
        path = tmp_path / "elsewhere.toml"
        path.write_text(f'[[logs]]\nlog = "{ORIGIN}"\ndir = "published"\n')
        with running(Settings(database_url=database_url, port=0, publish_file=path)) as url:
            told = httpx.get(f"{url}/health").json()["logs"][0]["publishing"]
            assert (told["state"], told["size"]) == ("elsewhere", 300)
            full = httpx.get(f"{url}{LOG}/tile/0/000")
            assert full.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert full.content == press.file(Tile(0, 0)).read_bytes()
            press.log.add(1)
            waiting = httpx.get(f"{url}{LOG}/receipts/300")
            assert (waiting.status_code, waiting.headers["retry-after"]) == (503, "1")
            assert "committed, not yet published" in waiting.json()["en"]
            press.publish()
            receipt = parse_receipt(httpx.get(f"{url}{LOG}/receipts/300").content)
            assert check_receipt(press.log.bodies[300], receipt, press.policy).index == 300


def test_witnesses_are_gathered_while_serving_and_one_that_is_away_is_named(database_url: str, tmp_path: Path) -> None:
    path = publish_file(tmp_path)
    path.write_text(path.read_text() + 'policy = "policy.txt"\n')
    own = policy(path)
    plan = new_plan(tmp_path, *(log.key for log in own.logs), pq=False)
    [signer] = plan.signers()
    with running_witness(plan) as witness, serve_witnessed(tmp_path, own, signer.key, witness, database_url) as town:
        until(lambda: publishing(town)["quorum"] == "met")
        assert publishing(town)["witnessed"] == ["w"]
        assert town.http.get(f"{LOG}/checkpoint").headers["ledger-quorum"] == "met"
        [kept, *_] = town.http.get(f"{LOG}/checkpoints").json()["checkpoints"]
        assert town.http.get(f"{LOG}/checkpoints/{kept['size']}").status_code == 200
        until(lambda: "away cannot be reached" in publishing(town)["en"])
        assert "away 无法连接" in publishing(town)["zh"]
        assert town.http.get("/health").json()["status"] == "ok"
        assert f'ledger_published_cosignatures{{log="{ORIGIN}"}} 1.0' in town.http.get("/metrics").text


@contextmanager
def serve_witnessed(
    folder: Path, own: Policy, key: NoteKey, witness: httpx.Client, database_url: str
) -> Iterator[Town]:
    """A town whose policy takes one of two witnesses, the other of which is not there."""
    away = note_signer("away", ED25519_COSIGNATURE, Ed25519PrivateKey.generate()).key
    witnesses = Witness("w", key, str(witness.base_url)), Witness("away", away, "http://127.0.0.1:9")
    trusted = Policy(own.logs, witnesses, (Group("any", 1, ("w", "away")),), "any")
    (folder / "policy.txt").write_bytes(format_policy(trusted))
    with serve_town(database_url, publish_file=folder / "publish.toml") as town:
        yield town


def test_without_configuration_nothing_is_published_and_health_says_so(database_url: str) -> None:
    with serve_town(database_url) as town:
        told = publishing(town)
        assert (told["state"], told["size"]) == ("off", 0)
        assert "LEDGER_PUBLISH_FILE" in told["en"]
        assert town.http.get("/health").json()["status"] == "ok"
        assert town.http.get(f"{LOG}/checkpoint").status_code == 404


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "bad publishing file"),
        ("[[logs]]\nlog = 'a'\n", "bad publishing file"),
        ("[[logs]]\nlog = 'a'\ndir = 'd'\nkey = 'k'\n", "takes both key and state"),
        ("[[logs]]\nlog = 'a'\ndir = 'd'\n[[logs]]\nlog = 'a'\ndir = 'e'\n", "names a log twice"),
    ],
)
def test_publishing_file_with_a_slip_is_told(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "publish.toml"
    path.write_text(text)
    with pytest.raises(BadSettings, match=says):
        read_places(path)
