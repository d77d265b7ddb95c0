"""A delivery worker's phone against the real server: lost answers, no line, a wrong clock, kill -9."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from msgspec import json as mjson

from ledger import claim as c
from ledger.entry import Answer
from ledger.events import CylinderHandedOver, Refusal
from scanners.cli import main
from scanners.faults import Offline
from scanners.outbox import Outbox
from scanners.phone.bad_line import BadLine
from scanners.phone.phone import Phone, PhoneConfig
from scanners.phone.plan import Errand, PhonePlan, PhonesPlan
from tests.http_town import Town, serve_town
from tests.story import ORIGIN, USUAL, private_key

STATION = Path(sys.executable).with_name("station")


@pytest.fixture
def town(database_url: str) -> Iterator[Town]:
    with serve_town(database_url) as served:
        yield served


def act(town: Town, kind: type[c.Claim], **fields: Any) -> Any:
    return town.story.make(kind, **(USUAL.get(kind, {}) | fields))


def loaded(town: Town, number: int = 1) -> str:
    """A cylinder filled, released and on the worker's tricycle; its code."""
    code = town.with_cylinder(number)
    leave = act(town, c.AuthoriseFill, code=code)
    under = {"code": code, "authorisation": leave.claim_id}
    town.post(town.story.station, act(town, c.CheckPrefill, code=code))
    town.post(town.story.station, leave)
    town.post(town.story.station, act(town, c.StartFill, **under))
    town.post(town.story.station, act(town, c.CompleteFill, **under, end_weight_g=31_000))
    town.post(town.story.station, act(town, c.CheckPostfill, code=code, weight_g=31_000))
    town.post(town.story.station, act(town, c.ReleaseCylinder, code=code))
    (answer,) = town.post(town.story.station, act(town, c.LoadVehicle, code=code))
    assert answer["outcome"]["type"] == "vehicle_loaded.v1", answer
    return code


class Held:
    """A phone in the hand, its line, and what it heard."""

    def __init__(self, line: BadLine) -> None:
        self.line = line
        self.answers: list[Answer] = []
        self.silence = asyncio.Event()
        self.phone: Phone

    def heard(self, _claims: Sequence[c.AnyClaim], answers: list[Answer]) -> None:
        self.answers += answers


@asynccontextmanager
async def in_hand(town: Town, folder: Path, skew_ms: int = 0) -> AsyncIterator[Held]:
    server = urlsplit(town.url)
    assert server.hostname is not None
    assert server.port is not None
    held = Held(BadLine(server.hostname, server.port))
    config = PhoneConfig(await held.line.start(), ORIGIN, str(folder / "phone.sqlite"))
    held.phone = Phone(
        config,
        private_key("worker"),
        clock=lambda: time.time_ns() // 1_000_000 + skew_ms,
        on_answer=held.heard,
        on_fault=lambda _: held.silence.set(),
    )
    running = asyncio.create_task(held.phone.run())
    try:
        yield held
        await asyncio.wait_for(held.phone.sender.drained.wait(), 30)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await held.line.close()


def play(town: Town, folder: Path, scene: Callable[[Held], Awaitable[None]], skew_ms: int = 0) -> Held:
    async def run() -> Held:
        async with in_hand(town, folder, skew_ms) as held:
            await scene(held)
        return held

    return asyncio.run(run())


def test_a_lost_answer_is_asked_for_again_with_the_same_bytes(town, tmp_path):
    code = loaded(town)
    size = town.size()

    async def scene(held: Held) -> None:
        held.line.lose = 1
        answer = await held.phone.do(act(town, c.HandOver, code=code, vehicle="V2"))
        assert answer is not None
        assert isinstance(answer.outcome, CylinderHandedOver)
        assert answer.entry_index == size

    held = play(town, tmp_path, scene)
    assert held.line.lost == 1
    assert town.size() == size + 1


def test_without_a_line_a_hand_over_is_told_as_done_and_sent_later(town, tmp_path):
    code = loaded(town)

    async def scene(held: Held) -> None:
        held.line.cut(down=True)
        assert await held.phone.do(act(town, c.HandOver, code=code, vehicle="V2")) is None
        assert held.phone.outbox.count() == {"pending": 1}
        held.line.cut(down=False)

    (answer,) = play(town, tmp_path, scene).answers
    assert isinstance(answer.outcome, CylinderHandedOver)
    assert [note.rule for note in answer.outcome.warnings] == ["DEL-06@1"]


def test_loading_waits_for_a_line(town, tmp_path):
    code = loaded(town)

    async def scene(held: Held) -> None:
        held.line.cut(down=True)
        await held.phone.do(act(town, c.CollectCylinder, code=code, person="W1", vehicle="V2"))
        await asyncio.wait_for(held.silence.wait(), 30)
        with pytest.raises(Offline):
            await held.phone.do(act(town, c.LoadVehicle, code=code))
        assert held.phone.outbox.count() == {"pending": 1}
        held.line.cut(down=False)

    play(town, tmp_path, scene)


def test_a_wrong_clock_is_put_right_by_the_ledger(town, tmp_path):
    code = loaded(town)
    ahead_ms = 20 * 60_000

    async def scene(held: Held) -> None:
        answer = await held.phone.do(act(town, c.HandOver, code=code, vehicle="V2", site="S1"))
        assert answer is not None
        assert not isinstance(answer.outcome, Refusal)
        assert answer.outcome.warnings == ()

    held = play(town, tmp_path, scene, skew_ms=ahead_ms)
    (told,) = town.http.get(f"/sites/S1/entries?after={held.answers[0].entry_index - 1}").json()["entries"]
    assert told["act"] == "hand_over"
    assert told["claim"]["scanned_at"] - told["recorded_at"] > ahead_ms - 60_000, "its own clock, as it was"


def plan_for(folder: Path, url: str) -> Path:
    key = folder / "worker.pem"
    key.write_bytes(private_key("worker").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    now = time.time_ns() // 1_000_000
    phones = (PhonePlan("W1", key.name, "phone.sqlite"),)
    plan = PhonesPlan(url=url, log=ORIGIN, real_start_ms=now, origin_ms=now, scale=1, phones=phones)
    path = folder / "phones.json"
    path.write_bytes(mjson.encode(plan))
    return path


def test_what_was_signed_before_a_kill_is_sent_after_it_as_it_was(town, tmp_path):
    code = loaded(town)
    size = town.size()
    handed = act(town, c.HandOver, code=code, vehicle="V2")
    nowhere = plan_for(tmp_path, "http://127.0.0.1:9")
    with subprocess.Popen([STATION, "phones", "--plan", nowhere], stdin=subprocess.PIPE) as victim:
        assert victim.stdin is not None
        victim.stdin.write(mjson.encode(Errand(phone="W1", tag="t", acts=(handed,))) + b"\n")
        victim.stdin.flush()
        outbox = Outbox(tmp_path / "phone.sqlite", log=ORIGIN, key=private_key("worker"))
        deadline = time.monotonic() + 30
        while (kept := outbox.next_unsent()) is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        victim.send_signal(signal.SIGKILL)
    assert kept is not None
    here = plan_for(tmp_path, town.url)
    done = subprocess.run([STATION, "phones", "--plan", here], input=b"", capture_output=True, check=True, timeout=60)
    assert mjson.decode(done.stdout.splitlines()[-1])["pending"] == 0
    (sent,) = outbox.select("answered")
    assert sent.envelope == kept.envelope
    assert town.size() == size + 1
    outbox.close()


def test_an_errand_for_a_phone_that_is_not_there_says_so(tmp_path):
    plan = plan_for(tmp_path, "http://127.0.0.1:9")
    result = subprocess.run(
        [STATION, "phones", "--plan", plan], input=b'{"phone":"X","tag":"t","acts":[]}\n', capture_output=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert result.returncode == 1
    assert "计划中没有手机 X" in result.stderr.decode()


def test_a_plan_that_is_none_says_so(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text("{}")
    result = CliRunner().invoke(main, ["phones", "--plan", str(path)])
    assert result.exit_code == 1
    assert "计划文件有误" in result.output
