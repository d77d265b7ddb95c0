"""Guns over real sockets, codes from real pictures, and a station that has no line."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import qrcode  # type: ignore[import-untyped]
from PIL import Image

from ledger.bundle import open_bundle
from ledger.claim import CheckPrefill, PrefillItem
from ledger.identity import own_code
from scanners.agent import Station
from scanners.claim_id import uuid7
from scanners.config import Crew, GunConfig, ScaleConfig, StationConfig, new_key
from scanners.faults import CodeNotFound, Offline
from scanners.gun import Gun
from scanners.image import read_image
from scanners.outbox import Outbox
from scanners.physical import ScaleProcess
from scanners.screen import Shown
from scanners.sender import Sender

CODES = [str(own_code("TS", f"G{n:04}")) for n in range(30)]


async def until(condition: Callable[[], bool]) -> None:
    """Ask again and again: what is waited for happens in another task, process or socket."""
    while not condition():  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0.01)


async def send(port: int, *pieces: bytes, pause_s: float = 0.005) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(pause_s)
    writer.close()
    await writer.wait_closed()


async def take(gun: Gun, count: int) -> list[str]:
    found: list[str] = []
    async for text in gun.readings():
        found.append(text)
        if len(found) == count:
            break
    return found


def test_split_sends_and_a_gun_that_hangs_up_in_the_middle():
    async def scenario() -> list[str]:
        gun = Gun("127.0.0.1", 0)
        await gun.start()
        await send(gun.port, b"AB", b"C\r", b"\nDE")
        await send(gun.port, b"FGH\r\n")
        found = await asyncio.wait_for(take(gun, 2), 5)
        await gun.close()
        return found

    assert asyncio.run(scenario()) == ["ABC", "FGH"]


def test_a_gun_without_suffix():
    async def scenario() -> list[str]:
        gun = Gun("127.0.0.1", 0, idle_gap_ms=40)
        await gun.start()
        await send(gun.port, b"AB", b"CD", b"", b"EF", pause_s=0.002)
        _, writer = await asyncio.open_connection("127.0.0.1", gun.port)
        writer.write(b"XYZ")
        await writer.drain()
        found = await asyncio.wait_for(take(gun, 1), 5)
        writer.close()
        await gun.close()
        return found

    assert asyncio.run(scenario())[-1] == "XYZ"


def picture(texts: list[str], path: Path) -> Path:
    sheet = Image.new("L", (400, 400 * max(1, len(texts))), 255)
    for n, text in enumerate(texts):
        symbol = qrcode.make(text, box_size=6).get_image().convert("L")
        sheet.paste(symbol, (0, 400 * n))
    sheet.save(path)
    return path


def test_all_codes_of_a_picture(tmp_path):
    texts = ["HTTPS://Q.EXAMPLE.CN/C/OWN/TS-G1-A", "weixin://pay/1"]
    assert read_image(picture(texts, tmp_path / "two.png")) == texts


def test_a_picture_without_a_code_or_no_picture_is_a_clear_fault(tmp_path):
    (tmp_path / "no.png").write_text("no picture")
    for path in (picture([], tmp_path / "none.png"), tmp_path / "no.png", tmp_path / "absent.png"):
        with pytest.raises(CodeNotFound) as fault:
            read_image(path)
        assert "图片" in fault.value.zh


def test_nobody_listens_nothing_is_lost(tmp_path):
    def claim() -> CheckPrefill:
        return CheckPrefill(claim_id=uuid7(1, os.urandom(10)), scanned_at=1, code=CODES[0], site="s-1", person="p-1")

    async def scenario() -> None:
        outbox = Outbox(tmp_path / "outbox.sqlite", log="test.example/lpg", key=new_key(tmp_path / "k.pem"))
        faults: list[Exception] = []
        sender = Sender(
            "http://127.0.0.1:9",
            outbox,
            device_time=lambda _: 0,
            on_answer=lambda claims, answers: pytest.fail(f"{claims} {answers}"),
            on_fault=faults.append,
        )
        running = asyncio.create_task(sender.run())
        with pytest.raises(Offline):
            await sender.ask([claim()], within_s=0.3)
        assert sender.offline
        with pytest.raises(Offline):
            await sender.ask([claim()], within_s=60)
        assert outbox.count() == {"pending": 1}
        assert [type(fault) for fault in faults] == [Offline]
        running.cancel()
        await sender.close()
        outbox.close()

    asyncio.run(scenario())


def test_without_a_line_rows_are_stored_and_filling_waits(tmp_path):
    key = new_key(tmp_path / "station.pem")

    async def scenario() -> tuple[list[Shown], list[CheckPrefill]]:
        shown: list[Shown] = []
        scale = await ScaleProcess.start()
        await scale.put(16_000)
        config = StationConfig(
            url="http://127.0.0.1:9",  # the discard port: nobody listens
            log="test.example/lpg",
            site="s-1",
            key_file="",
            outbox=str(tmp_path / "outbox.sqlite"),
            crew=Crew("p-1", "p-2", "v-1", "t-1"),
            scales=(ScaleConfig("L1", "127.0.0.1", scale.port),),
            guns=(GunConfig("prefill", 0), GunConfig("fill", 0, "L1")),
        )
        station = Station(config, key, clock=lambda: time.time_ns() // 1_000_000, show=shown.append)
        running = asyncio.create_task(station.run())
        await station.ready.wait()
        lines = [code.encode() + b"\r\n" for code in CODES]
        order = b"%FAIL corrosion\r\n%CLOSE\r\n"
        await send(station.guns["prefill"].port, *lines, lines[-1], order, pause_s=0)
        await until(lambda: station.sender.offline)
        await send(station.guns["fill:L1"].port, lines[0])
        await until(lambda: any(message.post == "fill:L1" and message.kind == "offline" for message in shown))
        stored = [open_bundle(row.envelope) for row in station.outbox.select("pending")]
        assert [(row.device_seq, row.device_prev) for row in stored] == [(0, None), (1, stored[0].digest.hex())]
        assert (await scale.hands.state()).sequence == 0
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await scale.stop()
        claims = [signed.claim for row in stored for signed in row.claims]
        assert all(isinstance(claim, CheckPrefill) for claim in claims)
        return shown, [claim for claim in claims if isinstance(claim, CheckPrefill)]

    shown, claims = asyncio.run(scenario())
    assert [claim.code for claim in claims] == CODES
    assert [claim.failed_items for claim in claims] == [()] * 29 + [(PrefillItem.CORROSION,)]
    assert len({claim.claim_id for claim in claims}) == 30
    refused = next(message for message in shown if message.post == "fill:L1" and message.kind == "offline")
    assert refused.zh.startswith("断网，暂不能充装")
    assert "offline: filling waits" in refused.en
