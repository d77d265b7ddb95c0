"""`ledger publish` is killed with -9 again and again while the log grows. Afterwards everything verifies.

To repeat a run: KILL_SEED=… pytest tests/test_publish_kill.py
"""

import os
import random
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

from api.publish.tile_store import TileStore
from api.serve import real_clock
from ledger.checkpoint import parse_checkpoint
from tests.cosign_kit import town_of
from tests.publish_kit import ORIGIN, Press, running_press
from tests.shift_kit import base_seed, note
from tests.strace_kit import processes

ROUNDS = 10


def run(url: str, words: list[str]) -> None:
    """What `ledger publish` does, in a process of its own."""
    from api.cli import main  # noqa: PLC0415 - the parent needs it not

    os.environ["LEDGER_DATABASE_URL"] = url
    main(["publish", *words])


def started(press: Press) -> BaseProcess:
    plan = press.plan
    words = ["--key", plan.key, "--pq-key", plan.pq_key, "--dir", plan.root, "--state", plan.state, "--log", ORIGIN]
    words += ["--policy", plan.policy]
    process = processes.Process(target=run, args=(press.log.url, [*map(str, words), "--every", "0.01"]), daemon=True)
    process.start()
    return process


def published_size(press: Press) -> int:
    try:
        return parse_checkpoint((press.folder / "checkpoint").read_bytes()).head.size
    except FileNotFoundError:
        return 0


def test_killed_at_any_moment_it_goes_on_and_everything_verifies(database_url: str, tmp_path: Path) -> None:
    chance = random.Random(base_seed())
    with running_press(database_url, tmp_path) as press, town_of(press, tmp_path, "a", clock=real_clock) as town:
        town.require(1)
        for number in range(ROUNDS):
            process = started(press)
            before, deadline = published_size(press), time.monotonic() + 60
            # Die while there is much to do: from the first new checkpoint on, at a random moment.
            while published_size(press) == before:
                assert time.monotonic() < deadline, "never published"
                assert process.is_alive(), "it stopped"
                press.log.add(chance.choice([1, 7, 20]))
                time.sleep(0.01)
            moment_s = chance.uniform(0, 0.15)
            until = time.monotonic() + moment_s
            while time.monotonic() < until:
                press.log.add(chance.choice([1, 3, 100, 300]))
            process.kill()
            process.join()
            signed, put_out = press.signed()[0], press.check().head.size
            note(f"round {number}: killed after {moment_s:.3f} s; {signed} signed, {put_out} put out")
            assert put_out <= signed, "nothing is public before the state holds it"
        press.now = time.time_ns() // 1_000_000
        press.publish()
        for _ in range(20):  # what was signed and not out is cosigned by steps that find no news
            if town.standing().quorum == "met":
                break
            press.publish()
        assert town.standing().quorum == "met"
        assert town.conflicts() == [], "the witness was never sent what contradicts, and nothing older"
        # How many depends on where each round died; that some are kept does not.
        assert TileStore(press.folder).kept_sizes()
        # The recheck is what removes partial tiles that a run left behind when it died beside full ones.
        assert press.recheck() == len(press.log.bodies)
        press.check_files()
