"""A shift of one station over real sockets: scales in their own processes, guns over TCP, claims over HTTP.

The agent that runs is the very agent of `station run`; only the hands, the cylinders and the clock are played.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

from msgspec import json as mjson

from ledger.bundle import open_bundle
from ledger.claim import AnyClaim, act_of
from ledger.entry import Answer
from scanners import scale_registers as at
from scanners.agent import Station
from scanners.config import Crew, GunConfig, ScaleConfig, StationConfig, load_key
from scanners.desk import code_of
from scanners.faults import CodeNotFound
from scanners.image import read_image
from scanners.outbox import Stored
from scanners.physical import ScaleProcess
from scanners.plan import Plan, Script
from scanners.platform import Job, Platform
from scanners.results import Result, Summary, result_of, summarise
from scanners.screen import Shown
from scanners.tampered import TamperedAgent

CHECK_SCALE = "check-weigh"
STEPS = ("prefill", "authorise", "fill", "postfill", "release", "depot_out")
_FASTEST = 2_500


class Simulation:
    """One plan, played once. `emit` gets each result as it comes."""

    def __init__(self, plan: Plan, emit: Callable[[Result], None]) -> None:
        self._plan, self._emit = plan, emit
        self._results: list[Result] = []
        self._tags: dict[str, str] = {}
        self._skews: dict[str, int] = {}
        self._platform = Platform(plan, self._tags.__setitem__)
        self._scales: dict[str, ScaleProcess] = {}

    async def run(self) -> Summary:
        """Play the plan; returns when every claim is answered or set aside."""
        plan = self._plan
        started_at = time.monotonic()
        lines = (*plan.lines, CHECK_SCALE)
        scales = await asyncio.gather(*(ScaleProcess.start(seed=plan.seed + n) for n in range(len(lines))))
        self._scales = dict(zip(lines, scales, strict=True))
        speed_up = plan.speed_up or max(plan.scale, _FASTEST)
        station = Station(
            self._config(),
            load_key(Path(plan.key_file)),
            clock=self._clock,
            show=self._show,
            on_answer=self._answered,
            device_time=self._device_time,
        )
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(station.run())
            await station.ready.wait()
            for scale in scales:
                await scale.hands.write(at.SPEED_UP, speed_up)
            await self._platform.connect(station)
            for row in self._rows():
                await self._play(station, row)
            await self._drain(station)
            bundles = station.outbox.count()
            most = max([await scale.hands.read(at.MOST_OPENINGS_OF_A_TOKEN) for scale in scales])
            self._platform.close()
            running.cancel()
        for scale in scales:
            await scale.stop()
        seconds = time.monotonic() - started_at
        return summarise(
            self._results, cylinders=len(plan.cylinders), bundles=bundles, most_openings=most, seconds=seconds
        )

    def _config(self) -> StationConfig:
        plan = self._plan
        fill = [GunConfig("fill", 0, line) for line in plan.lines]
        rows = [GunConfig("prefill", 0), GunConfig("postfill", 0, CHECK_SCALE)]
        return StationConfig(
            url=plan.url,
            log=plan.log,
            site=plan.site,
            key_file=plan.key_file,
            outbox=plan.outbox,
            crew=Crew(plan.person, plan.second_person, plan.vehicle, plan.tank_lot),
            scales=tuple(ScaleConfig(line, "127.0.0.1", scale.port) for line, scale in self._scales.items()),
            guns=(*rows, *fill, GunConfig("release", 0), GunConfig("depot_out", 0)),
            poll_s=0.005,
            answer_within_s=30.0,
        )

    def _rows(self) -> Iterator[list[Job]]:
        """Rows of at most `plan.row`; one cylinder is never twice in a row. Images are decoded here."""
        row: list[Job] = []
        for script in self._plan.cylinders:
            reading = self._reading(script)
            if reading is None:
                continue
            if len(row) == self._plan.row or any(job.reading == reading for job in row):
                yield row
                row = []
            row.append(Job(script, reading))
        if row:
            yield row

    def _reading(self, script: Script) -> str | None:
        if script.reading is not None:
            return script.reading
        assert script.image is not None
        try:
            texts = read_image(Path(script.image))
        except CodeNotFound:
            self._tell(Result(script.tag, "read_image", "", "unreadable"))
            return None
        return next((text for text in texts if not code_of(text).startswith("unread:")), texts[0])

    async def _play(self, station: Station, row: list[Job]) -> None:
        plan, platform = self._plan, self._platform
        honest = [job for job in row if not job.script.tampered]

        def at_step(step: str) -> list[Job]:
            return [job for job in honest if job.wants(step, STEPS)]

        await platform.row(
            "prefill", [job for job in at_step("prefill") if not job.script.skip_prefill], person=plan.person
        )
        tampered = [job for job in row if job.script.tampered]
        fills: list[Awaitable[None]] = [self._fill_all(at_step("fill")), self._tamper_all(station, tampered)]
        await asyncio.gather(*fills)
        to_check = [job for job in at_step("postfill") if not job.script.skip_postcheck]
        for person, alone in ((plan.second_person, False), (plan.person, True)):
            mine = [job for job in to_check if job.script.same_person_postcheck is alone]
            check_scale = self._scales[CHECK_SCALE]
            await platform.row(f"postfill:{CHECK_SCALE}", mine, person=person, check_scale=check_scale)
        await platform.row("release", at_step("release"), person=plan.person)
        await platform.row("depot_out", at_step("depot_out"), person=plan.person)

    async def _fill_all(self, jobs: list[Job]) -> None:
        async def work(line: str) -> None:
            mine = (n for n, job in enumerate(jobs) if job.script.line in (None, line))
            while (n := next(mine, None)) is not None:
                # Whoever comes first takes it; the generator of another line then passes it by.
                if n not in taken:
                    taken.add(n)
                    await self._platform.fill(line, self._scales[line], jobs[n])

        taken: set[int] = set()
        await asyncio.gather(*(work(line) for line in self._plan.lines))

    async def _tamper_all(self, station: Station, jobs: list[Job]) -> None:
        for n, job in enumerate(jobs):
            code = code_of(job.reading)
            self._tags[code] = job.script.tag
            line = job.script.line or self._plan.lines[n % len(self._plan.lines)]
            sequence = (await self._scales[line].hands.state()).sequence
            agent = TamperedAgent(
                station, self._plan, job.script, code, line, sequence, self._skews, self._unacceptable
            )
            await agent.play()

    async def _drain(self, station: Station) -> None:
        await station.finish()
        while await asyncio.to_thread(station.outbox.next_unsent) is not None:
            await asyncio.sleep(0.02)

    def _clock(self) -> int:
        return self._plan.time.at(time.time_ns() // 1_000_000)

    def _device_time(self, stored: Stored) -> int:
        if not self._skews:
            return self._clock()
        first = open_bundle(stored.envelope).claims[0].claim
        return self._clock() + self._skews.get(first.claim_id, 0)

    def _answered(self, claims: Sequence[AnyClaim], answers: list[Answer]) -> None:
        for claim, answer in zip(claims, answers, strict=True):
            self._tell(result_of(self._tags.get(getattr(claim, "code", ""), ""), claim, answer))

    def _show(self, shown: Shown) -> None:
        if shown.kind == "not_opened":
            self._tell(
                Result(self._tags.get(shown.code, ""), "open_valve", shown.claim_id, "not_opened", code=shown.code)
            )
        elif shown.kind == "fault" and shown.claim_id:
            self._tell(Result(self._tags.get(shown.code, ""), "claim", shown.claim_id, "fault", code=shown.code))
        self._platform.show(shown)

    def _unacceptable(self, claim: AnyClaim) -> None:
        code: str = getattr(claim, "code", "")
        self._tell(Result(self._tags.get(code, ""), act_of(claim), claim.claim_id, "fault", code=code))

    def _tell(self, result: Result) -> None:
        self._results.append(result)
        self._emit(result)


def line_of(result: Result | Summary) -> str:
    """One JSON line."""
    return mjson.encode(result).decode()
