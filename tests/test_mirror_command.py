"""`ledger mirror` against `ledger serve`: what it kept is replayed, and it is killed, cut off and forked."""

import multiprocessing
import random
import threading
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.cli import main
from api.publish.plan import read_places
from ledger.__main__ import main as core
from ledger.checkpoint import parse_checkpoint
from ledger.note_key import format_vkey
from ledger.policy import Log, Policy, Witness, format_policy
from tests.http_town import serve_town
from tests.mirror_kit import Handout, handing_out, put_out, tiles
from tests.publish_kit import publish_file
from tests.shift_kit import base_seed, note
from tests.test_publish_http import TOKENS, published
from tests.witness_kit import LONGEST, ORIGIN, PaperLog, new_plan

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["api.mirror.command", __name__])


def ledger(*words: object, token: str = "") -> Result:
    return CliRunner(env={"LEDGER_TOKEN": token}).invoke(main, [str(word) for word in words])


@pytest.fixture(scope="module")
def log() -> PaperLog:
    return PaperLog()


@pytest.fixture
def handout(log: PaperLog, tmp_path: Path) -> Iterator[Handout]:
    put_out(log, 700, tmp_path / "published")
    with handing_out(tmp_path / "published") as handout:
        yield handout


def vkeys(log: PaperLog) -> list[str]:
    return [word for key in log.keys for word in ("--log", format_vkey(key))]


def held(root: Path) -> int:
    path = root / ORIGIN / "checkpoint"
    return parse_checkpoint(path.read_bytes()).head.size if path.exists() else 0


def test_mirror_of_a_served_log_is_replayed_without_a_difference(database_url: str, tmp_path: Path) -> None:
    trust, policy = publish_file(tmp_path), tmp_path / "policy.txt"
    [place] = read_places(trust)
    assert place.plan is not None
    keys = [one.key for one in place.plan.signers()]
    policy.write_bytes(format_policy(Policy(tuple(map(Log, keys)), (), (), "none")))
    ours = tmp_path / "mirror"
    with serve_town(database_url, tokens=TOKENS, publish_file=trust) as town:
        town.fill_cycle(town.with_cylinder(1))
        size = published(town)
        words = ["mirror", town.url, "--dir", ours, "--policy", policy, "--once"]
        for token, zh, en in (
            ("", "设置 LEDGER_TOKEN", "set LEDGER_TOKEN"),
            ("nobody's", "不认识 LEDGER_TOKEN", "does not know the token"),
            ("one", "不能查此日志的全部站点", "does not cover all sites"),
        ):
            refused = ledger(*words, token=token)
            assert (refused.exit_code, zh in refused.stderr, en in refused.stderr) == (2, True, True), refused.output
        done = ledger(*words, token="all")
        assert done.exit_code == 0, done.output
        assert f"{ORIGIN} {size} " in done.output
        assert "quorum met" in done.output
        town.fill_cycle(town.with_cylinder(2))
        size = published(town)
        assert ledger(*words, token="all").exit_code == 0
    assert held(ours) == size
    replayed = CliRunner().invoke(core, ["replay", str(ours / ORIGIN), "--policy", str(policy)])
    assert replayed.exit_code == 0, replayed.output


def test_marks_say_whether_witnesses_were_enough(handout: Handout, log: PaperLog, tmp_path: Path) -> None:
    unjudged = ledger("mirror", handout.url, "--dir", tmp_path / "a", *vkeys(log), "--once")
    assert "未核见证" in unjudged.output
    witness = new_plan(tmp_path, pq=False).signers()[0].key
    path = tmp_path / "policy.txt"
    path.write_bytes(format_policy(Policy(tuple(map(Log, log.keys)), (Witness("w", witness),), (), "w")))
    judged = ledger("mirror", handout.url, "--dir", tmp_path / "b", "--policy", path, "--once")
    assert "见证不足 · WITHOUT QUORUM" in judged.output


def test_fork_or_roll_back_ends_it_with_1_in_both_languages(handout: Handout, log: PaperLog, tmp_path: Path) -> None:
    words = ["mirror", handout.url, "--dir", tmp_path / "ours", *vkeys(log), "--every", "0.02"]
    assert ledger(*words, "--once").exit_code == 0
    put_out(log.fork(699), 701, tmp_path / "forked")
    handout.swap(tmp_path / "forked")
    ended = ledger(*words)
    assert ended.exit_code == 1
    assert "两段不同的历史" in ended.stderr
    assert "two different histories" in ended.stderr
    assert len(list((tmp_path / "ours" / ORIGIN / "conflicts").iterdir())) == 2
    put_out(log, 300, tmp_path / "old")
    handout.swap(tmp_path / "old")
    ended = ledger(*words, "--once")
    assert (ended.exit_code, "回退" in ended.stderr, "rolled back" in ended.stderr) == (1, True, True)


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ("checkpoint", (404, "not published there")),
        ("checkpoint", (b"nonsense", "no newline at the end")),
        ("tile/0/001", (bytes(256 * 32), "is not of the tree that was signed")),
        ("tile/entries/", (401, "set LEDGER_TOKEN")),
        ("tile/entries/", (403, "127.0.0.1")),
    ],
)
def test_what_is_no_contradiction_ends_it_with_2(
    handout: Handout, log: PaperLog, tmp_path: Path, part: str, wrong: tuple[bytes | int, str]
) -> None:
    answer, says = wrong
    words = ["mirror", handout.url, "--dir", tmp_path / "ours", *vkeys(log), "--once"]
    with handout.altered(part, lambda _: answer):
        ended = ledger(*words)
    assert (ended.exit_code, says in ended.stderr) == (2, True), ended.output
    assert not (tmp_path / "ours" / ORIGIN / "conflicts").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "name the logs' keys"),
        (["--log", "nonsense"], "not a vkey"),
        (["--policy", "/nowhere"], "cannot read"),
        (["two logs"], "a mirror is of one log"),
    ],
)
def test_slips_are_told(log: PaperLog, tmp_path: Path, words: list[str], says: str) -> None:
    if words == ["two logs"]:
        words = [*vkeys(log), *vkeys(PaperLog("other.test"))]
    told = ledger("mirror", "http://127.0.0.1:9", "--dir", tmp_path / "ours", *words, "--once")
    assert (told.exit_code, says in told.stderr) == (2, True), told.output


@pytest.mark.parametrize("token", ["令牌", "all\n", " all", "a\x01b"])
def test_token_that_is_none_is_told(log: PaperLog, tmp_path: Path, token: str) -> None:
    words = ["mirror", "http://127.0.0.1:9", "--dir", tmp_path / "ours", *vkeys(log), "--once"]
    told = ledger(*words, token=token)
    assert (told.exit_code, "不是令牌" in told.stderr, "is no token" in told.stderr) == (2, True, True), told.output


def test_url_that_is_none_and_folder_that_cannot_be_written_are_told(log: PaperLog, tmp_path: Path) -> None:
    told = ledger("mirror", "http://a\x01b", "--dir", tmp_path / "ours", *vkeys(log), "--once")
    assert (told.exit_code, "网址有误" in told.stderr, "no URL" in told.stderr) == (2, True, True), told.output
    (tmp_path / "file").touch()
    told = ledger("mirror", "http://127.0.0.1:9", "--dir", tmp_path / "file" / "ours", *vkeys(log), "--once")
    assert (told.exit_code, "cannot go on" in told.stderr) == (2, True), told.output


def run(words: list[str]) -> None:
    main(words)


def started(handout: Handout, log: PaperLog, root: Path) -> BaseProcess:
    words = ["mirror", handout.url, "--dir", str(root), *vkeys(log), "--every", "0.02"]
    process = processes.Process(target=run, args=(words,), daemon=True)
    process.start()
    return process


def until(root: Path, size: int, process: BaseProcess) -> None:
    deadline = time.monotonic() + 60
    while held(root) < size:
        assert process.is_alive(), "it ended"
        assert time.monotonic() < deadline, "it never came so far"
        time.sleep(0.01)


def test_network_trouble_and_wrong_answers_are_waited_out(handout: Handout, log: PaperLog, tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    with handout.altered("checkpoint", lambda _: 503):
        process = started(handout, log, ours)
        deadline = time.monotonic() + 60
        while not handout.asked:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    with handout.altered("tile/0/001", lambda body: bytes(len(body))):
        time.sleep(1)
        assert held(ours) == 0
    until(ours, 700, process)
    process.terminate()
    process.join(20)
    assert process.exitcode == 0, "told to end, it ends well"


def test_killed_anywhere_it_goes_on(handout: Handout, log: PaperLog, tmp_path: Path) -> None:
    ours, chance, size = tmp_path / "ours", random.Random(base_seed()), 700
    handout.alter = lambda _, answer: (time.sleep(0.005), answer)[1]  # type: ignore[func-returns-value]
    growing = threading.Event()
    for number in range(6):
        process = started(handout, log, ours)
        asked = len(handout.asked)
        deadline = time.monotonic() + 60
        while len(handout.asked) == asked:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        growing.wait(chance.uniform(0, 0.12))
        process.kill()
        process.join()
        note(f"round {number}: {held(ours)} of {size} held")
        size = min(LONGEST, size + chance.choice([1, 56, 255, 300]))
        put_out(log, size, handout.root)
    process = started(handout, log, ours)
    until(ours, size, process)
    process.terminate()
    process.join(20)
    put_out(log, size, tmp_path / "fresh")
    assert tiles(ours).items() >= tiles(tmp_path / "fresh").items()
    assert {path.suffix for path in (ours / ORIGIN).rglob("*") if path.is_file()} <= {"", ".new"}
