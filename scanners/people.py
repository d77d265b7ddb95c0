"""The people on the platform in a simulation: they pull triggers, carry cylinders, and obey the lights."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Iterable

from msgspec import Struct

from scanners import scale_registers as at
from scanners.agent import Station
from scanners.physical import GunCable, ScaleProcess
from scanners.plan import Plan, Script
from scanners.screen import Kind, Shown

_AGAIN_AFTER_MS = 11_000  # story time: past the gun's double-trigger window
_TRIES = 20
_LINE_BACK_S = 0.5
_DONE: tuple[Kind, ...] = ("accepted", "challenged", "refused", "offline", "fault")
_FILL_DONE: tuple[Kind, ...] = ("filled", "interrupted", "refused", "not_opened", "offline", "fault")


class Job(Struct):
    """One cylinder on its way. `goes_on` is false once a red light has stopped it, `challenged` while the ledger asks
    for its stamp.
    """

    script: Script
    reading: str
    code: str = ""
    weight_g: int = 0
    goes_on: bool = True
    challenged: bool = False

    def wants(self, step: str, steps: tuple[str, ...]) -> bool:
        """Whether it is carried to this step."""
        return self.goes_on and steps.index(step) <= steps.index(self.script.stop_after or "depot_out")


class People:
    """Hands and eyes. `show` is the station's screen; `read_as(code, tag)` is told which cylinder a code is."""

    def __init__(self, plan: Plan, read_as: Callable[[str, str], None]) -> None:
        self._plan, self._read_as = plan, read_as
        self._chance = random.Random(plan.seed)  # noqa: S311 - play, not a secret
        self._screens: dict[str, asyncio.Queue[Shown]] = defaultdict(asyncio.Queue)
        self._cables: dict[str, GunCable] = {}
        self._told: dict[tuple[str, str], str] = {}

    def show(self, shown: Shown) -> None:
        """A message appears on a post's screen."""
        self._screens[shown.post].put_nowait(shown)

    async def connect(self, station: Station) -> None:
        """Switch the guns on."""
        for post, gun in station.guns.items():
            self._cables[post] = await GunCable.connect(gun.port, self._chance)

    def close(self) -> None:
        """Switch them off."""
        for cable in self._cables.values():
            cable.close()

    async def row(
        self, post: str, jobs: Iterable[Job], *, person: str, check_scale: ScaleProcess | None = None
    ) -> None:
        """Scan these at a row post, close the row, wait for every light. What met a red one goes no further."""
        open_jobs = list(jobs)
        for _ in range(_TRIES):
            if not open_jobs:
                return
            await self._tell(post, "PERSON", person)
            for job in open_jobs:
                if check_scale is not None:
                    await check_scale.put(job.weight_g)
                await self._scan(post, job)
                for order in self._orders(post, job):
                    await self._order(post, order)
            await self._cables[post].read("%CLOSE")
            lights = await self._lights(post, {job.code for job in open_jobs})
            for job in open_jobs:
                job.challenged = lights[job.code] == "challenged"
                if lights[job.code] in ("refused", "fault") and not job.script.insist:
                    job.goes_on = False
            offline = [job for job in open_jobs if lights[job.code] == "offline"]
            open_jobs = offline + [job for job in open_jobs if job.challenged and job.script.serial is not None]
            if offline:
                await self._wait_for_line()

    async def fill(self, line: str, scale: ScaleProcess, job: Job) -> None:
        """Put it on the scale, scan, watch; after an interruption or a lapsed leave scan again."""
        post, script = f"fill:{line}", job.script
        await self._tell(post, "PERSON", script.person or self._plan.person)
        await self._tell(post, "TANK-LOT", script.tank_lot or self._plan.tank_lot)
        await scale.put(script.tare_g + script.residual_g)
        await scale.hands.write(at.OVERFILL_G, script.overfill_g)
        cut_at_g = 0 if script.interrupt_at_g is None else script.tare_g + script.interrupt_at_g
        await scale.hands.write(at.CUT_POWER_AT_G, cut_at_g)
        kind: Kind = "busy"
        for _ in range(_TRIES):
            await self._scan(post, job)
            kind = (await self._until(post, lambda shown: shown.kind in _FILL_DONE and shown.code == job.code)).kind
            if kind not in ("interrupted", "not_opened", "offline"):
                break
            await (self._wait_for_line() if kind == "offline" else self.story_sleep(_AGAIN_AFTER_MS))
        job.weight_g = await scale.weight_g()
        job.goes_on = kind == "filled" or script.insist
        await scale.put(0)

    async def story_sleep(self, story_ms: int) -> None:
        """Let story time pass."""
        await asyncio.sleep(story_ms / self._plan.scale / 1_000)

    async def _wait_for_line(self) -> None:
        await asyncio.sleep(_LINE_BACK_S)
        await self.story_sleep(_AGAIN_AFTER_MS)

    @staticmethod
    def _orders(post: str, job: Job) -> list[str]:
        """What is keyed after the scan of this cylinder."""
        script = job.script
        if post == "prefill":
            keyed = [f"%STAMP {script.stamp_tail}"] if script.key_stamp or job.challenged else []
            return [*(f"%FAIL {item}" for item in script.failed_items), *keyed]
        if post == "release":
            return [] if script.seal is None else [f"%SEAL {script.seal}"]
        return [f"%FAIL {item}" for item in script.postfill_failed] if post.startswith("postfill") else []

    async def _scan(self, post: str, job: Job) -> None:
        def is_it(shown: Shown) -> bool:
            return shown.kind in ("read", "repeat", "busy", "fault") and shown.reading in (job.reading, "")

        while True:
            await self._cables[post].read(job.reading)
            try:
                # No light: the gun took it for a double trigger. A person waits a little and pulls again.
                patience_s = max(2.0, _AGAIN_AFTER_MS / self._plan.scale / 1_000)
                shown = await asyncio.wait_for(self._until(post, is_it), patience_s)
            except TimeoutError:
                continue
            if shown.kind in ("read", "repeat"):
                job.code = shown.code
                self._read_as(shown.code, job.script.tag)
                return
            await self.story_sleep(_AGAIN_AFTER_MS)

    async def _tell(self, post: str, verb: str, value: str) -> None:
        if self._told.get((post, verb)) != value:
            self._told[post, verb] = value
            await self._order(post, f"%{verb} {value}")

    async def _order(self, post: str, order: str) -> None:
        await self._cables[post].read(order)
        await self._until(post, lambda shown: shown.kind in ("ordered", "fault"))

    async def _lights(self, post: str, codes: set[str]) -> dict[str, Kind]:
        lights: dict[str, Kind] = {}
        while codes - lights.keys():
            shown = await self._until(post, lambda shown: shown.kind in _DONE and shown.code in codes)
            lights[shown.code] = shown.kind
        return lights

    async def _until(self, post: str, wanted: Callable[[Shown], bool]) -> Shown:
        while True:
            shown = await self._screens[post].get()
            if wanted(shown):
                return shown
