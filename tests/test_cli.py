import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from api.cli import COMMANDS, main
from api.demo.serve import refuse_real_logs
from api.signing import write_private_key
from ledger.bundle import open_bundle
from ledger.errors import Forbidden
from ledger.store.append import Received, open_log
from ledger.store.writer import connect_writer
from tests.http_town import Town, serve_town
from tests.story import ORIGIN, Story

SERVE = "from api.cli import main; main()"
ENTERPRISE = {"type": "file_enterprise", "enterprise": "E9", "kind": "filler", "name": "新燃气", "service_phone": "110"}


def ledger(*arguments: object, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(main, [str(argument) for argument in arguments])


@contextmanager
def started(*command: str, **environment: str) -> Iterator[str]:
    """The URL of a server process that says READY; it ends by SIGTERM, cleanly."""
    process = subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, text=True, env=os.environ | environment
    )
    assert process.stdout is not None
    with process:
        try:
            line = process.stdout.readline()
            yield line.removeprefix("READY ").strip()
        finally:
            process.send_signal(signal.SIGTERM)
            ended = process.wait(20)
        assert ended in (0, -signal.SIGTERM)


def test_help_is_chinese_first_and_imports_no_command() -> None:
    code = "import sys; from api.cli import main; main(['--help'], standalone_mode=False); print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    text, modules = told.stdout.rsplit("\n", 2)[0], told.stdout.split()
    assert all(name in text for name in COMMANDS)
    assert text.index("气瓶追溯账本") < text.index("The LPG cylinder ledger")
    assert not {"litestar", "sqlalchemy", "uvicorn", "cryptography", "psycopg"} & set(modules)


@pytest.mark.parametrize("command", ["serve", "migrate", "keygen", "open-log", "file", "audit"])
def test_every_command_has_help_in_both_languages(command: str) -> None:
    result = ledger(command, "--help")
    assert result.exit_code == 0
    assert any("\u4e00" <= letter <= "\u9fff" for letter in result.output)


@pytest.mark.parametrize("alg", ["ed25519", "p256"])
def test_keygen_writes_a_private_file_once(tmp_path: Path, alg: str) -> None:
    key = tmp_path / "key.pem"
    result = ledger("keygen", key, "--alg", alg)
    assert result.exit_code == 0
    assert f"public key: {alg}:" in result.output
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes()
    again = ledger("keygen", key)
    assert again.exit_code == 2
    assert "已存在" in again.stderr
    assert "error:" in again.stderr
    assert key.read_bytes() == before


def test_open_log_then_file_then_the_log_says_so(tmp_path: Path, database_url: str) -> None:
    """From nothing to a registered enterprise by commands alone; `serve` is a process of its own."""
    here = {"LEDGER_DATABASE_URL": database_url}
    authority, log_key = tmp_path / "authority.pem", tmp_path / "log.pem"
    ledger("keygen", authority)
    public = ledger("keygen", log_key).output.rpartition("public key: ")[2].strip()
    opening = ("open-log", "--origin", ORIGIN, "--authority-key", authority, "--log-key", public, "--pack", "320600")
    assert ledger("migrate", **here).exit_code == 0
    opened = ledger(*opening, **here)
    assert opened.exit_code == 0, opened.output
    assert "leaf of entry 0" in opened.output
    again = ledger(*opening, **here)
    assert (again.exit_code, "已存在" in again.stderr) == (2, True)

    claims = tmp_path / "claims.json"
    claims.write_text(json.dumps([ENTERPRISE, ENTERPRISE | {"enterprise": "E8", "expects": 3}]))
    with started("-c", SERVE, "serve", "--port", "0", **here) as url:
        filed = ledger("file", claims, "--key", authority, "--url", url)
        assert filed.exit_code == 1, filed.output
        first, second = filed.output.splitlines()
        assert first == "✓ #1 登记单位：E9 充装单位 · enterprise: E9 filler"
        assert second.startswith("✗ #2 登记单位被拒：该登记已有新版本")
        assert json.loads((tmp_path / "authority.pem.chain").read_text())["device_seq"] == 2
        claims.write_text(json.dumps([ENTERPRISE | {"expects": 0, "name": "改名燃气"}]))
        assert ledger("file", claims, "--key", authority, "--url", url).exit_code == 0
        claims.write_text(json.dumps([ENTERPRISE | {"service_phone": "x"}]))
        wrong = ledger("file", claims, "--key", authority, "--url", url)
        assert (wrong.exit_code, "Traceback" in wrong.output) == (2, False)
    lost = ledger("file", claims, "--key", authority, "--url", url)
    assert lost.exit_code == 2


@pytest.fixture
def town(database_url: str) -> Iterator[Town]:
    with serve_town(database_url) as town:
        yield town


def test_answer_that_was_lost_is_asked_for_again_with_the_same_bytes(tmp_path: Path, town: Town) -> None:
    key, claims = tmp_path / "authority.pem", tmp_path / "claims.json"
    write_private_key(key, town.story.authority.key)
    (tmp_path / "authority.pem.chain").write_text(json.dumps({"device_seq": 90, "device_prev": None}))
    claims.write_text(json.dumps([ENTERPRISE]))
    unreachable = ledger("file", claims, "--key", key, "--url", "http://127.0.0.1:9", "--log", ORIGIN)
    assert unreachable.exit_code == 2
    kept = tmp_path / "claims.json.envelope"
    town.send(kept.read_bytes())
    size = town.size()
    again = ledger("file", claims, "--key", key, "--url", town.url)
    assert (again.exit_code, town.size(), kept.exists()) == (0, size, False)


def test_what_is_filed_while_an_answer_is_missing_does_not_take_its_number(tmp_path: Path, town: Town) -> None:
    """Two bundles of one number are a copied key to the log, and an office would be quarantined for a lost answer."""
    key, lost, other = tmp_path / "authority.pem", tmp_path / "lost.json", tmp_path / "other.json"
    write_private_key(key, town.story.authority.key)
    (tmp_path / "authority.pem.chain").write_text(json.dumps({"device_seq": 90, "device_prev": "ab" * 32}))
    for number, path in enumerate((lost, other)):
        path.write_text(json.dumps([ENTERPRISE | {"enterprise": f"E{number + 8}"}]))
    assert ledger("file", lost, "--key", key, "--url", "http://127.0.0.1:9", "--log", ORIGIN).exit_code == 2
    first = open_bundle((tmp_path / "lost.json.envelope").read_bytes())
    assert ledger("file", other, "--key", key, "--url", town.url).exit_code == 0
    assert ledger("file", lost, "--key", key, "--url", town.url).exit_code == 0
    chain = json.loads((tmp_path / "authority.pem.chain").read_text())
    assert (first.device_seq, chain["device_seq"]) == (90, 92), "the late one does not put the chain back"


def test_stranger_is_told_and_nothing_is_kept(tmp_path: Path, town: Town) -> None:
    key, claims = tmp_path / "stranger.pem", tmp_path / "claims.json"
    ledger("keygen", key)
    claims.write_text(json.dumps([ENTERPRISE]))
    result = ledger("file", claims, "--key", key, "--url", town.url)
    assert result.exit_code == 2
    assert "未在本日志登记" in result.stderr
    assert "not enrolled" in result.stderr
    assert json.loads((tmp_path / "stranger.pem.chain").read_text())["device_seq"] == 0, "nor is its number used up"
    assert not (tmp_path / "claims.json.envelope").exists()


def test_serve_refuses_an_open_address_without_tokens(database_url: str) -> None:
    result = ledger("serve", "--host", "0.0.0.0", LEDGER_DATABASE_URL=database_url)
    assert result.exit_code == 2
    assert "只能监听本机地址" in result.stderr
    assert "loopback only" in result.stderr


def test_ctrl_c_ends_serve_quietly_and_well(database_url: str) -> None:
    story = Story()
    with connect_writer(database_url) as connection:
        open_log(connection, story.receive(story.authority, story.opening()), story.now)
    # A shell's background job, as a test run may be, begins with Ctrl-C ignored.
    at_a_terminal = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler); {SERVE}"
    process = subprocess.Popen(
        [sys.executable, "-c", at_a_terminal, "serve", "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"LEDGER_DATABASE_URL": database_url},
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("READY ")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert [line.partition("，")[0] for line in errors.splitlines()] == ["服务已启动"]


def test_demo_clock_serves_demo_logs_only(database_url: str) -> None:
    argument = json.dumps(
        {"database_url": database_url, "time": {"real_start_ms": 0, "origin_ms": 1_000_000, "scale": 0}}
    )
    story = Story()
    with connect_writer(database_url) as connection:
        open_log(connection, story.receive(story.authority, story.opening(demo=True)), story.now)
    with started("-m", "api.demo.serve", argument) as url:
        assert httpx.get(f"{url}/health").json()["at"] == 1_000_000
    with connect_writer(database_url) as connection:
        real = Story()
        claim = real.opening(origin="real.test")
        envelope = real.authority.sign(claim, log="real.test")
        open_log(connection, Received(open_bundle(envelope), 0), real.now)
    with pytest.raises(Forbidden, match=r"real\.test"):
        refuse_real_logs(database_url)
