"""What a witness answered it never forgets: not by races, not by kill -9, not by an emptied or another database."""

import hashlib
import multiprocessing
import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import httpx
import msgspec
import pytest
from click.testing import CliRunner, Result

from api.cli import main
from api.serve import Ready, real_clock
from api.settings import BadSettings
from api.witness.serving import WitnessPlan, create_witness, make_witness_server, serve_witness
from api.witness.witness import Clock
from ledger.checkpoint import Checkpoint, parse_checkpoint, signed_at
from ledger.note_key import format_vkey, parse_vkey
from tests.shift_kit import base_seed, note
from tests.witness_kit import LONGEST, ORIGIN, PaperLog, new_plan, running_witness

NEWEST = f"/{hashlib.sha256(ORIGIN.encode()).hexdigest()}/checkpoint"
ROUNDS = 8
web = httpx.Client(timeout=30)  # one for all threads: each new one takes long to make
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["api.witness.command", __name__])


@pytest.fixture(scope="module")
def log() -> PaperLog:
    return PaperLog()


@pytest.fixture(scope="module", autouse=True)
def closed() -> Iterator[None]:
    with web:
        yield


def serve(plan: WitnessPlan, ready: Connection) -> None:
    serve_witness(plan, real_clock, ready.send)


def started(plan: WitnessPlan) -> tuple[BaseProcess, str]:
    """A witness in a process of its own, and its URL."""
    ours, theirs = processes.Pipe(duplex=False)
    process = processes.Process(target=serve, args=(plan, theirs), daemon=True)
    process.start()
    assert ours.poll(60), "the witness did not start"
    return process, ours.recv()


@contextmanager
def witnesses(plan: WitnessPlan, count: int) -> Iterator[list[str]]:
    """So many processes on one database."""
    running = [started(plan) for _ in range(count)]
    try:
        yield [url for _, url in running]
    finally:
        for process, _ in running:
            process.kill()
            process.join()


def newest(url: str) -> int:
    answer = web.get(url + NEWEST)
    return 0 if answer.status_code == 404 else parse_checkpoint(answer.content).head.size


def push(url: str, log: PaperLog, size: int) -> Checkpoint | None:
    """Ask until this size is cosigned, as a publisher does; None when the witness is past it or cannot be had."""
    old = 0
    with suppress(httpx.TransportError):
        while True:
            answer = web.post(f"{url}/add-checkpoint", content=log.request(old, size))
            if answer.status_code == 200:
                return log.cosigned(size, answer)
            if answer.status_code != 409 or int(answer.content) >= size:
                return None
            old = int(answer.content)
    return None


def test_two_histories_raced_through_several_processes_give_one(log: PaperLog, tmp_path: Path) -> None:
    plan = new_plan(tmp_path, *log.keys)
    other = log.fork(100)
    assert log.root(100) == other.root(100)
    with witnesses(plan, 3) as urls:
        assert push(urls[0], log, 100) is not None
        jobs = [(url, side, size) for size in range(101, 113) for url in urls for side in (log, other)]
        random.Random(base_seed()).shuffle(jobs)
        with ThreadPoolExecutor(8) as pool:
            cosigned = [one for one in pool.map(lambda job: push(*job), jobs) if one is not None]
        biggest = max(one.head.size for one in cosigned)
        assert newest(urls[1]) == biggest
    sides = {one.head.root == log.root(one.head.size) for one in cosigned}
    assert len(sides) == 1, "one of the two histories was cosigned, never both"
    assert all(signed_at(one, signer.key) for one in cosigned for signer in plan.signers())


def test_race_for_one_step_is_won_once_and_never_rolls_back(log: PaperLog, tmp_path: Path) -> None:
    plan = new_plan(tmp_path, *log.keys, pq=False)
    with running_witness(plan) as http:
        for round_ in range(5):
            old = round_ * 20
            barrier = threading.Barrier(8)

            def ask(size: int, old: int = old, barrier: threading.Barrier = barrier) -> tuple[int, int, bytes]:
                request = log.request(old, size)
                barrier.wait(20)
                answer = http.post("/add-checkpoint", content=request)
                return size, answer.status_code, answer.content

            with ThreadPoolExecutor(8) as pool:
                told = list(pool.map(ask, range(old + 13, old + 21)))
            won = [size for size, status, _ in told if status == 200]
            assert len(won) == 1, told
            assert {content for _, status, content in told if status == 409} == {b"%d\n" % won[0]}
            assert newest(str(http.base_url).rstrip("/")) == won[0]
            if won[0] < old + 20:
                assert push(str(http.base_url).rstrip("/"), log, old + 20) is not None


def test_killed_at_any_moment_it_remembers_all_that_it_answered(log: PaperLog, tmp_path: Path) -> None:
    plan, chance, answered = new_plan(tmp_path, *log.keys), random.Random(base_seed()), 0
    for number in range(ROUNDS):
        process, url = started(plan)
        assert newest(url) >= answered, "what was answered is remembered"
        asking, got = threading.Event(), [answered]

        def ask(url: str = url, got: list[int] = got, asking: threading.Event = asking) -> None:
            size = newest(url)
            while size + 7 < LONGEST and push(url, log, size + 7) is not None:
                size += 7
                got.append(size)
                asking.set()

        thread = threading.Thread(target=ask)
        thread.start()
        assert asking.wait(60)
        time.sleep(chance.uniform(0, 0.1))
        process.kill()
        process.join()
        thread.join(60)
        answered = max(got)
        note(f"round {number}: killed at {answered}")
    with running_witness(plan) as http:
        held = newest(str(http.base_url).rstrip("/"))
        assert held >= answered
        fork = log.fork(answered - 1)
        assert http.post("/add-checkpoint", content=fork.request(held, held + 1)).status_code == 422
        assert http.post("/add-checkpoint", content=log.request(held, held + 1)).status_code == 200


def test_answer_is_on_the_disk_before_it_is_given(log: PaperLog, tmp_path: Path) -> None:
    plan = new_plan(tmp_path, *log.keys, pq=False)
    with running_witness(plan) as http:
        size = 1
        http.post("/add-checkpoint", content=log.request(0, 1)).raise_for_status()
        with sqlite3.connect(plan.db, isolation_level=None) as another:
            another.execute("BEGIN EXCLUSIVE")  # as a full disk or a stuck backup would
            slow = ThreadPoolExecutor(1).submit(http.post, "/add-checkpoint", content=log.request(1, 2), timeout=60)
            time.sleep(0.5)
            assert not slow.done(), "it waits; it does not answer from memory"
            another.execute("COMMIT")
        another.close()
        assert slow.result(60).status_code == 200
        assert newest(str(http.base_url).rstrip("/")) == size + 1


def test_database_that_is_gone_is_never_made_anew(log: PaperLog, tmp_path: Path) -> None:
    plan = new_plan(tmp_path, *log.keys, pq=False)
    with running_witness(plan) as http:
        assert http.post("/add-checkpoint", content=log.request(0, 300)).status_code == 200
        moved = plan.db.rename(tmp_path / "moved.db")
        assert http.post("/add-checkpoint", content=log.request(0, 5)).status_code == 503
        assert not plan.db.exists()
        moved.rename(plan.db)
        assert http.post("/add-checkpoint", content=log.request(300, 301)).status_code == 200
    plan.db.unlink()
    with pytest.raises(BadSettings, match="retire the witness"):
        make_witness_server(plan, real_clock, note)
    with pytest.raises(BadSettings, match="must never begin with an empty one"):
        create_witness(plan)
    for emptied in (b"", None):
        plan.db.unlink(missing_ok=True)
        if emptied is None:
            sqlite3.connect(plan.db).execute("CREATE TABLE other (at int)").connection.close()
        else:
            plan.db.write_bytes(emptied)
        with pytest.raises(BadSettings, match="was emptied"):
            make_witness_server(plan, real_clock, note)


def test_database_of_another_witness_is_refused(log: PaperLog, tmp_path: Path) -> None:
    one, two = (new_plan(tmp_path, *log.keys, name=name) for name in ("one.test", "two.test"))
    for wrong in (
        msgspec.structs.replace(one, db=two.db),
        msgspec.structs.replace(one, name="one.renamed"),
        msgspec.structs.replace(one, pq_key=None),
    ):
        with pytest.raises(BadSettings, match="name or keys differ"):
            make_witness_server(wrong, real_clock, note)
    with pytest.raises(BadSettings, match="must be an Ed25519 key"):
        make_witness_server(msgspec.structs.replace(one, key=one.pq_key), real_clock, note)


def ledger(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def test_one_command_starts_a_new_witness_and_prints_its_policy_line(
    log: PaperLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def once(plan: WitnessPlan, clock: Clock, ready: Ready) -> None:
        assert plan.logs == log.keys
        assert clock is real_clock
        ready("http://127.0.0.1:1")

    monkeypatch.setattr("api.witness.command.serve_witness", once)  # the others run it; this is about words
    policy = tmp_path / "policy.txt"
    policy.write_text("".join(f"log {format_vkey(key)}\n" for key in log.keys[1:]) + "quorum none\n")
    words = ["witness", "--name", "w.test", "--key", tmp_path / "w.pem", "--db", tmp_path / "w.db"]
    words += ["--log", format_vkey(log.keys[0]), "--policy", policy]
    started_new = ledger(*words, "--new")
    assert started_new.exit_code == 0, started_new.output
    line, last = started_new.output.splitlines()
    word, name, vkey, url = line.split(" ")
    assert (word, name, url, last) == ("witness", "w.test", "http://127.0.0.1:1", "READY http://127.0.0.1:1")
    assert parse_vkey(vkey).name == "w.test"
    assert (tmp_path / "w.pem").stat().st_mode & 0o777 == 0o600
    assert ledger(*words).output == started_new.output, "started again it is the same"
    again = ledger(*words, "--new")
    assert (again.exit_code, "旧密钥不能配空库" in again.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "name the logs' keys"),
        (["--log", "nonsense"], "not a vkey"),
        (["--policy", "/nowhere"], "cannot read"),
        (["--log", "witness"], "a witness's vkey"),
        (["--log", "log", "--name", "two words"], "cannot be a witness's name"),
    ],
)
def test_slips_are_told_and_nothing_is_made(log: PaperLog, tmp_path: Path, words: list[str], says: str) -> None:
    (tmp_path / "other").mkdir()
    other = new_plan(tmp_path / "other", *log.keys, pq=False).signers()[0].key
    said = {"log": format_vkey(log.keys[0]), "witness": format_vkey(other)}
    told = ledger(
        "witness", "--new", "--name", "w.test", "--key", tmp_path / "w.pem", "--db", tmp_path / "w.db",
        *(said.get(word, word) for word in words),
    )  # fmt: skip
    assert (told.exit_code, says in told.stderr) == (2, True), told.output
    assert not (tmp_path / "w.db").exists()
    assert not (tmp_path / "w.pem").exists()
