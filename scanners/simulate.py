"""A shift of one station over real sockets: scales in their own processes, guns over TCP, claims over HTTP.

The agent that runs is the very agent of `station run`; only the hands, the cylinders and the clock are played.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
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
from scanners.people import Job, People
from scanners.physical import ScaleProcess
from scanners.plan import Plan, Script
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
        self._people = People(plan, self._tags.__setitem__)
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
            await self._people.connect(station)
            await self._play(station)
            await station.finish()
            await station.sender.drained.wait()
            bundles = station.outbox.count()
            most = max([await scale.hands.read(at.MOST_OPENINGS_OF_A_TOKEN) for scale in scales])
            self._people.close()
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
            poll_s=0.01,
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

    async def _play(self, station: Station) -> None:
        """Rows overlap as on a real platform: one is checked and loaded while the next one is filled."""
        loading: asyncio.Task[None] | None = None
        readings: set[str] = set()
        for row in self._rows():
            if loading is not None and readings & {job.reading for job in row}:
                await loading  # the same cylinder again: it has to leave before it can come back
            await self._check_and_fill(station, row)
            if loading is not None:
                await loading
            honest = [job for job in row if not job.script.tampered]
            loading, readings = asyncio.create_task(self._check_and_load(honest)), {job.reading for job in row}
        if loading is not None:
            await loading

    async def _check_and_fill(self, station: Station, row: list[Job]) -> None:
        honest = [job for job in row if not job.script.tampered]
        tampered = asyncio.gather(*(self._tamper(station, n, job) for n, job in enumerate(row) if job.script.tampered))
        to_check = [job for job in _at_step("prefill", honest) if not job.script.skip_prefill]
        await self._people.row("prefill", to_check, person=self._plan.person)
        await self._fill_all(_at_step("fill", honest))
        await tampered

    async def _check_and_load(self, honest: list[Job]) -> None:
        plan, people = self._plan, self._people
        to_check = [job for job in _at_step("postfill", honest) if not job.script.skip_postcheck]
        for person, alone in ((plan.second_person, False), (plan.person, True)):
            mine = [job for job in to_check if job.script.same_person_postcheck is alone]
            check_scale = self._scales[CHECK_SCALE]
            await people.row(f"postfill:{CHECK_SCALE}", mine, person=person, check_scale=check_scale)
        await people.row("release", _at_step("release", honest), person=plan.person)
        await people.row("depot_out", _at_step("depot_out", honest), person=plan.person)

    async def _fill_all(self, jobs: list[Job]) -> None:
        async def work(line: str) -> None:
            mine = (n for n, job in enumerate(jobs) if job.script.line in (None, line))
            while (n := next(mine, None)) is not None:
                # Whoever comes first takes it; the generator of another line then passes it by.
                if n not in taken:
                    taken.add(n)
                    await self._people.fill(line, self._scales[line], jobs[n])

        taken: set[int] = set()
        await asyncio.gather(*(work(line) for line in self._plan.lines))

    async def _tamper(self, station: Station, n: int, job: Job) -> None:
        code = code_of(job.reading)
        self._tags[code] = job.script.tag
        line = job.script.line or self._plan.lines[n % len(self._plan.lines)]
        sequence = (await self._scales[line].hands.state()).sequence
        agent = TamperedAgent(station, self._plan, job.script, code, line, sequence, self._skews, self._unacceptable)
        await agent.play()

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
        self._people.show(shown)

    def _unacceptable(self, claim: AnyClaim) -> None:
        code: str = getattr(claim, "code", "")
        self._tell(Result(self._tags.get(code, ""), act_of(claim), claim.claim_id, "fault", code=code))

    def _tell(self, result: Result) -> None:
        self._results.append(result)
        self._emit(result)


def _at_step(step: str, jobs: list[Job]) -> list[Job]:
    return [job for job in jobs if job.wants(step, STEPS)]


def line_of(result: Result | Summary) -> str:
    """One JSON line."""
    return mjson.encode(result).decode()
