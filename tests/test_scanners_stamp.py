"""The spot check of the stamp (码印核对抽查), seals, start weights: from the gun to the log and to the screen."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from msgspec import structs

from api.packs import shipped_pack
from ledger import claim as c
from ledger.bundle import PrivateKey
from scanners.agent import Station
from scanners.config import Crew, GunConfig, ScaleConfig, StationConfig
from scanners.physical import ScaleProcess
from scanners.plan import Plan, Script
from scanners.results import Result
from scanners.screen import Shown
from scanners.simulate import Simulation
from tests.http_town import Town, serve_town
from tests.story import ORIGIN

ALWAYS = 1_000
SERIAL = "0000007"


@pytest.fixture
def town(database_url: str) -> Iterator[Town]:
    """A town in which every green pre-check with nothing keyed is challenged."""
    pack = shipped_pack("320600")
    rules = dict(pack.rules)
    asks = rules["ID-04@1"]
    rules["ID-04@1"] = structs.replace(asks, params=asks.params | {"challenge_permille": ALWAYS})
    with serve_town(database_url) as running:
        strict = structs.replace(pack, version=pack.version + 1, rules=rules)
        (answer,) = running.post(running.story.authority, running.story.make(c.AdoptPack, pack=strict, expects=0))
        assert answer["outcome"]["type"] == "filed.v1"
        yield running


def pem_of(key: PrivateKey, folder: Path) -> str:
    path = folder / "station.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(path)


class Post:
    """One gun, and what its screen shows."""

    def __init__(self, station: Station, name: str, shown: list[Shown]) -> None:
        self._port, self._name, self._shown = station.guns[name].port, name, shown

    async def read(self, *texts: str, until: str) -> Shown:
        """Pull the trigger at these; the message of that kind which comes of it."""
        before = len(self._shown)
        _, gun = await asyncio.open_connection("127.0.0.1", self._port)
        gun.write("".join(f"{text}\r\n" for text in texts).encode())
        await gun.drain()
        deadline = time.monotonic() + 10
        while True:
            new = [one for one in self._shown[before:] if one.post == self._name]
            found = next((one for one in new if one.kind == until), None)
            if found is not None:
                gun.close()
                return found
            assert time.monotonic() < deadline, f"no {until} at {self._name}: {new}"
            await asyncio.sleep(0.01)


@asynccontextmanager
async def working(town: Town, folder: Path, scale: ScaleProcess):
    """A station's agent at work: its posts by name, and what it stored."""
    shown: list[Shown] = []
    key = town.story.station.key
    config = StationConfig(
        url=town.url, log=ORIGIN, site="S1", key_file="", outbox=str(folder / "outbox.sqlite"),
        crew=Crew("P1", "P2", "V1", "T1"), scales=(ScaleConfig("L1", "127.0.0.1", scale.port),),
        guns=(GunConfig("prefill", 0), GunConfig("fill", 0, "L1"), GunConfig("release", 0)), poll_s=0.02,
    )  # fmt: skip
    station = Station(config, key, clock=lambda: time.time_ns() // 1_000_000, show=shown.append)
    running = asyncio.create_task(station.run())
    await station.ready.wait()
    try:
        yield lambda name: Post(station, name, shown)
    finally:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


def at_work(town: Town, folder: Path, act: Callable[[Callable[[str], Post], ScaleProcess], Awaitable[None]]) -> None:
    async def scenario() -> None:
        scale = await ScaleProcess.start()
        await scale.put(16_700)
        async with working(town, folder, scale) as post:
            await act(post, scale)
        await scale.stop()

    asyncio.run(scenario())


def held(town: Town, code: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = town.http.get(f"/cylinders/{code}/trace").json()["entries"]
    return entries


def test_a_challenge_is_shown_amber_and_the_same_cylinder_answers_it_at_once(town, tmp_path):
    code = town.with_cylinder(7)

    async def act(post: Callable[[str], Post], _scale: ScaleProcess) -> None:
        checking = post("prefill")
        asked = await checking.read(code, "%CLOSE", until="challenged")
        assert (asked.light, asked.code) == ("amber", code)
        assert asked.zh.startswith("抽查")
        assert "last characters" in asked.en
        refused = await post("fill:L1").read(code, until="refused")
        assert "请输入钢印编号末几位" in refused.zh, "whoever goes on without is told at the scale"
        wrong = await checking.read(code, "%STAMP 9999", "%CLOSE", until="refused")
        assert "码与钢印不符" in wrong.zh
        right = await checking.read(code, f"%STAMP {SERIAL[-4:]}", "%CLOSE", until="accepted")
        assert right.light == "green"

    at_work(town, tmp_path, act)


def test_a_stamp_keyed_unasked_is_never_asked_for(town, tmp_path):
    code = town.with_cylinder(7)

    async def act(post: Callable[[str], Post], _scale: ScaleProcess) -> None:
        shown = await post("prefill").read(code, f"%STAMP {SERIAL[-4:].lower()}", "%CLOSE", until="accepted")
        assert shown.light == "green"

    at_work(town, tmp_path, act)


@pytest.mark.parametrize(
    ("post", "order"),
    [("prefill", "%STAMP"), ("prefill", "%STAMP 56/78"), ("prefill", "%SEAL F-1"), ("release", "%STAMP 5678"),
     ("release", "%SEAL #1")],
)  # fmt: skip
def test_an_order_that_fits_no_scan_is_told_in_two_languages_and_changes_nothing(town, tmp_path, post, order):
    code = town.with_cylinder(7)

    async def act(at_post: Callable[[str], Post], _scale: ScaleProcess) -> None:
        told = await at_post(post).read(code, order, until="fault")
        assert told.light == "red"
        assert "请先扫瓶" in told.zh
        assert "scan the cylinder first" in told.en

    at_work(town, tmp_path, act)


def test_an_order_without_a_scan_belongs_to_nothing(town, tmp_path):
    async def act(post: Callable[[str], Post], _scale: ScaleProcess) -> None:
        assert (await post("prefill").read("%STAMP 5678", until="fault")).light == "red"
        assert (await post("release").read("%SEAL F-0001", until="fault")).light == "red"

    at_work(town, tmp_path, act)


def test_a_plan_plays_challenges_start_weights_and_seals(town, tmp_path):
    """The stamp honest, wrong and not to be read; a start far below the tare; a seal. All by the agent of `run`."""
    codes = {tag: town.with_cylinder(number) for number, tag in enumerate(("honest", "wrong", "burnt", "light"), 1)}
    plain: dict[str, Any] = {"tare_g": 16_500, "residual_g": 200}
    scripts = (
        Script(tag="honest", reading=codes["honest"], serial="0000001", seal="F-0001", **plain),
        Script(tag="wrong", reading=codes["wrong"], serial="9999999", key_stamp=True, **plain),
        Script(tag="burnt", reading=codes["burnt"], **plain),
        Script(
            tag="light", reading=codes["light"], serial="0000004", tare_g=15_600, stop_after="fill"
        ),
    )  # fmt: skip
    plan = Plan(
        url=town.url, log=ORIGIN, site="S1", key_file=pem_of(town.story.station.key, tmp_path),
        outbox=str(tmp_path / "outbox.sqlite"), real_start_ms=0, origin_ms=0, scale=1, person="P1",
        second_person="P2", vehicle="V1", tank_lot="T1", lines=("L1",), cylinders=scripts,
    )  # fmt: skip
    results: list[Result] = []
    summary = asyncio.run(Simulation(plan, results.append).run())
    assert (summary.pending, summary.set_aside) == (0, 0)

    def told(tag: str) -> list[tuple[str, str, tuple[str, ...]]]:
        return [(one.act, one.outcome, one.rules) for one in results if one.tag == tag]

    assert told("honest")[:2] == [("check_prefill", "accepted", ())] * 2, "asked, and answered"
    assert told("honest")[-1] == ("depot_out", "accepted", ())
    assert told("wrong") == [("check_prefill", "violations", ("ID-04",))]
    assert told("burnt") == [("check_prefill", "accepted", ()), ("authorise_fill", "refused", ("ID-04",))]
    assert ("authorise_fill", "warnings", ("COND-05",)) in told("light")
    released = next(e for e in held(town, codes["honest"]) if e["claim"]["type"] == "release_cylinder")
    assert released["claim"]["seal"] == "F-0001"
    asked = [e["claim"] for e in held(town, codes["light"]) if e["claim"]["type"] == "authorise_fill"]
    assert [one["start_weight_g"] for one in asked] == [15_600]
