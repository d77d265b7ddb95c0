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
from api.publish.tile_store import TileStore
from api.serve import real_clock
from ledger.checkpoint import parse_checkpoint, signed_at
from ledger.errors import LedgerError
from ledger.note_key import ED25519, ML_DSA_44, parse_vkey
from ledger.store.read import open_engine
from tests.cosign_kit import town_of
from tests.publish_kit import ORIGIN, Press, RawLog, running_press, write_keys
from tests.tsa_kit import Authority


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
        (("--key", pq_key), "must be Ed25519 keys"),
        (("--key", key, "--pq-key", key), "pq_key must be an ML-DSA-44 key"),
        (("--key", key, "--retiring-key", pq_key), "must be Ed25519 keys"),
        (("--key", key, "--retiring-key", key), "is the same key"),
        (("--key", key, "--log", "other.test"), "name a log with --log"),
    ):
        told = ledger("publish", *words, *rest, LEDGER_DATABASE_URL=database_url)
        assert (told.exit_code, says in told.stderr) == (2, True), told.output
    assert not (tmp_path / "out").exists()
    assert ledger("vkey", key, "--origin", "two words").exit_code == 2


def test_a_key_is_changed_while_old_policies_still_hold(tmp_path: Path, database_url: str) -> None:
    log = RawLog(database_url)
    old, new = tmp_path / "publish-1.pem", tmp_path / "publish-2.pem"
    keys = []
    for path in (old, new):
        assert ledger("keygen", path).exit_code == 0
        keys.append(parse_vkey(ledger("vkey", path, "--origin", ORIGIN).stdout.strip()))
    rest = ("--dir", tmp_path / "out", "--state", tmp_path / "press.state", "--once")
    signed = []
    for words in (("--key", old), ("--key", new, "--retiring-key", old), ("--key", new)):
        log.add(10)
        assert ledger("publish", *words, *rest, LEDGER_DATABASE_URL=database_url).exit_code == 0
        checkpoint = parse_checkpoint((tmp_path / "out" / ORIGIN / "checkpoint").read_bytes())
        signed.append([signed_at(checkpoint, key) is not None for key in keys])
    assert signed == [[True, False], [True, True], [False, True]]


def test_witnesses_and_timestamps_by_commands_alone(database_url: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "tsa")
    with (
        running_press(database_url, tmp_path) as press,
        town_of(press, tmp_path, "a", away="b", clock=real_clock) as town,
        authority.serving() as tsa,
    ):
        press.log.add(300)
        plan, policy = press.plan, tmp_path / "policy.txt"
        words = ["publish", "--key", plan.key, "--pq-key", plan.pq_key, "--dir", plan.root, "--state", plan.state]
        words += ["--once", "--tsa", tsa, "--policy", policy]
        for threshold, quorum in ((2, "not-met"), (1, "met")):
            town.require(threshold)
            once = ledger(*words, LEDGER_DATABASE_URL=database_url)
            assert once.exit_code == 0, once.output
            assert once.stdout.splitlines()[1].startswith("见证 · witnessed: a；")
            assert once.stdout.endswith(f"quorum: {quorum}\n")
            assert "b cannot be reached" in once.stderr
        store = TileStore(press.folder)
        assert store.kept_sizes() == [300]
        assert store.timestamped(300)
        policy.write_text(policy.read_text().split("\n", 1)[1])
        told = ledger(*words, LEDGER_DATABASE_URL=database_url)
        assert (told.exit_code, "add a line: log ledger.test" in told.stderr) == (2, True)


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
