"""`ledger publish`, `ledger vkey` and keys for checkpoints, as an operator types them."""

import threading
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.cli import main
from api.publish.loop import Loop
from api.publish.plan import Plan
from api.publish.publisher import Published
from api.publish.stopped import Stopped
from ledger.checkpoint import parse_checkpoint, signed_at
from ledger.errors import LedgerError
from ledger.note_key import ED25519, ML_DSA_44, parse_vkey
from ledger.store.read import open_engine
from tests.publish_kit import ORIGIN, Press, RawLog, running_press, write_keys


def ledger(*words: object, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(main, [str(word) for word in words])


def test_from_keys_to_a_checkpoint_by_commands_alone(database_url: str, tmp_path: Path) -> None:
    RawLog(database_url).add(300)
    key, pq_key = tmp_path / "publish.pem", tmp_path / "publish-pq.pem"
    assert ledger("keygen", key).exit_code == 0
    assert ledger("keygen", pq_key, "--alg", "mldsa44").exit_code == 0
    assert pq_key.stat().st_mode & 0o777 == 0o600
    printed = ledger("vkey", key, pq_key, "--origin", ORIGIN)
    keys = [parse_vkey(line) for line in printed.output.splitlines()]
    assert [(one.name, one.kind) for one in keys] == [(ORIGIN, ED25519), (ORIGIN, ML_DSA_44)]
    words = [
        "publish",
        "--key",
        key,
        "--pq-key",
        pq_key,
        "--dir",
        tmp_path / "out",
        "--state",
        tmp_path / "s",
        "--once",
    ]
    once = ledger(*words, LEDGER_DATABASE_URL=database_url)
    assert once.exit_code == 0, once.output
    checkpoint = parse_checkpoint((tmp_path / "out" / ORIGIN / "checkpoint").read_bytes())
    assert checkpoint.head.size == 300
    assert checkpoint.head.root.hex() in once.output
    assert all(signed_at(checkpoint, one) is not None for one in keys)

    (tmp_path / "out" / ORIGIN / "tile" / "0" / "000").write_bytes(bytes(8192))
    stopped = ledger(*words, LEDGER_DATABASE_URL=database_url)
    assert stopped.exit_code == 2
    assert "不符" in stopped.stderr
    assert "is not what the log makes it" in stopped.stderr


def test_wrong_keys_are_told(tmp_path: Path, database_url: str) -> None:
    RawLog(database_url).add(1)
    key, pq_key = write_keys(tmp_path)
    p256 = tmp_path / "p256.pem"
    ledger("keygen", p256, "--alg", "p256")
    rest = ("--dir", tmp_path / "out", "--state", tmp_path / "s", "--once")
    for words, says in (
        (("--key", p256), "Ed25519 or ML-DSA-44"),
        (("--key", pq_key), "must be an Ed25519 key"),
        (("--key", key, "--pq-key", key), "the second an ML-DSA-44 key"),
        (("--key", key, "--log", "other.test"), "name a log with --log"),
    ):
        told = ledger("publish", *words, *rest, LEDGER_DATABASE_URL=database_url)
        assert (told.exit_code, says in told.stderr) == (2, True), told.output
    assert not (tmp_path / "out").exists()
    assert ledger("vkey", key, "--origin", "two words").exit_code == 2


class Looped:
    """A loop in a thread, with what it told."""

    def __init__(self, plan: Plan, url: str, now: int) -> None:
        self.states: list[str] = []
        self.published: list[Published] = []
        self.changed = threading.Condition()
        self.engine = open_engine(url)
        self.loop = Loop(plan, self.engine, lambda: now, self.published.append, lambda _: self._tell())
        self.fault: LedgerError | None = None
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.loop.run(stand_by=False)
        except LedgerError as fault:
            self.fault = fault

    def _tell(self) -> None:
        with self.changed:
            self.states.append(self.loop.status.state)
            self.changed.notify_all()

    def wait_for(self, state: str) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: state in self.states, 20), self.states

    def end(self) -> None:
        self.loop.end()
        self.thread.join(20)
        self.engine.dispose()
        assert not self.thread.is_alive()


def looped(press: Press, url: str | None = None) -> Looped:
    plan = press.plan
    quick = Plan(plan.origin, plan.root, plan.state, plan.key, plan.pq_key, every_s=0.05)
    return Looped(quick, url or press.log.url, press.now)


def test_loop_ends_with_what_is_committed_published(database_url: str, tmp_path: Path) -> None:
    with running_press(database_url, tmp_path) as press:
        press.log.add(10)
        one = looped(press)
        one.wait_for("running")
        press.log.add(20)
        one.end()
        assert one.fault is None
        assert press.check().head.size == 30
        assert [lag for published in one.published for lag in published.lags_ms] == [700] * 30


def test_loop_waits_for_a_database_and_stops_at_a_difference(database_url: str, tmp_path: Path) -> None:
    with running_press(database_url, tmp_path) as press:
        press.log.add(600)
        away = looped(press, "postgresql://nobody@/nothing?host=/nowhere")
        away.wait_for("waiting")
        away.end()
        assert away.fault is None
        press.publish()
        press.log.change(100)
        one = looped(press)
        one.wait_for("stopped")
        one.end()
        assert isinstance(one.fault, Stopped)
        assert one.fault.reason == "entries-changed"
        assert one.loop.status.reason == "entries-changed"
        assert "entry 100 was changed" in one.fault.en


@pytest.mark.parametrize("command", ["publish", "vkey"])
def test_help_is_in_both_languages(command: str) -> None:
    told = ledger(command, "--help")
    assert told.exit_code == 0
    assert any("\u4e00" <= letter <= "\u9fff" for letter in told.output)
