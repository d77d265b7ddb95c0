"""The day itself: the server, the agents and the offices, until everything is answered, compared and audited."""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
from msgspec import Struct, structs
from msgspec import json as mjson
from rich.console import Console
from rich.live import Live

from api.demo.agents import Agents
from api.demo.alarm import Alarm, raised
from api.demo.city import BODY_SITE, ORIGIN, STATIONS, City, story_time
from api.demo.city_signers import ClaimIds
from api.demo.city_supply import DEPOTS
from api.demo.incident import Inquiry, Scene
from api.demo.office import Offices
from api.demo.phones import Phones, phones
from api.demo.plan import Seen
from api.demo.plant import Haul, Planting
from api.demo.proving import Press, Proof
from api.demo.report import Verdict, compare
from api.demo.server import Told, demo_server, read_back, read_trace
from api.demo.view import PHONES, Board
from ledger.store.audit import audit

SCALE = 60
"""Story time runs so much faster than ours: the shift's half minute is an hour."""

_TIMEOUT_S = 30.0
_DRIVE_S = 11 * 60 / SCALE
"""Our seconds that a truck takes between a station and a supply station: eleven minutes of the story."""


class Outcome(Struct, frozen=True):
    """How the day ended. `audit` is `ok` or what the audit found first, `loaded` how many honest cylinders went out,
    `hauled` how many of those reached a kitchen and sent an empty back.
    """

    verdict: Verdict
    proof: Proof
    alerts: Alarm
    inquiry: Inquiry
    hauled: int
    loaded: int
    audit: str
    entries: int
    url: str
    code: str
    story: list[Told]

    @property
    def ok(self) -> bool:
        """Whether nothing is missed, wrong, or fails the audit, and outsiders find the same."""
        return self.verdict.ok and self.audit == "ok" and self.proof.ok and self.alerts.ok and self.inquiry.ok

    def line(self) -> str:
        """The JSON line."""
        told = {"entries": self.entries, **structs.asdict(self.verdict), "audit": self.audit}
        told |= structs.asdict(self.proof)
        told |= {"alerts_planted": self.alerts.planted, "alerts_found": self.alerts.found}
        told |= {"false_alerts": len(self.alerts.false), "incident": self.inquiry.told()}
        return mjson.encode(told).decode()


class DemoDay:
    """One day of one city over the database at `url`; keys, plans and pictures are kept in `folder`, what outsiders
    are given in `kept`.
    """

    def __init__(self, console: Console, folder: Path, url: str, city: City, planting: Planting, *, kept: Path) -> None:
        self._console, self._folder, self._url = console, folder, url
        self._press = Press(folder, kept)
        self._city, self._planting = city, planting
        self._left = asyncio.Queue[Haul | None]()
        totals = {one.site: 0 for one in STATIONS}
        for run in planting.runs:
            totals[run.site] += len(run.scripts)
        totals[PHONES] = len(planting.every_errand())
        self._board = Board(totals)
        self._seen: list[Seen] = []

    async def run(self, tell: Callable[[Outcome], None], *, once: bool) -> Outcome:
        """Play the day, `tell` its outcome, and unless `once` go on serving until interrupted."""
        story = story_time(time.time_ns() // 1_000_000, SCALE)
        async with (
            self._press.witnessed(self._city, story),
            demo_server(self._url, story, str(self._press.publish_file)) as url,
            httpx.AsyncClient(base_url=url, timeout=_TIMEOUT_S) as client,
        ):
            ids = ClaimIds(random.Random(f"day {self._city.seed}"))  # noqa: S311 - play, not a secret
            offices = Offices(client, self._city, story, ids, lambda seen: self._took("", seen))
            agents = Agents(self._folder, url, self._city, story, seen=self._took, complain=self._complain)
            with Live(self._board, console=self._console, refresh_per_second=8, transient=False):
                await offices.say(self._planting.at("opening"))
                road = phones(self._folder, url, self._city, story, seen=self._rode, complain=self._complain)
                async with road as hands:
                    await self._shift(offices, agents, hands)
                await offices.say(self._planting.at("closing"))
            scene = Scene(client, self._city, story, self._url, self._planting.bang)
            await scene.freeze()
            await offices.say(self._planting.at("incident"))
            await scene.recall()
            inquiry = await scene.ask()
            outcome = await self._conclude(client, url, inquiry)
            tell(outcome)
            if not once:
                self._console.print("按 Ctrl-C 结束 · Ctrl-C ends it")
                with suppress(asyncio.CancelledError):  # Ctrl-C is the way out here, and no failure
                    await asyncio.Event().wait()
            return outcome

    def _took(self, site: str, seen: Seen) -> None:
        self._seen.append(seen)
        self._board.took(site, seen)
        if seen.act == "depot_out" and seen.outcome == "accepted" and seen.tag in self._planting.hauls:
            self._left.put_nowait(self._planting.hauls[seen.tag])

    def _rode(self, seen: Seen) -> None:
        self._took(PHONES, seen)

    def _complain(self, text: str) -> None:
        self._console.print(text, style="red", markup=False, highlight=False)

    async def _shift(self, offices: Offices, agents: Agents, hands: Phones) -> None:
        planting = self._planting
        last_runs = {station.site: asyncio.Event() for station in STATIONS}
        for enterprise in ("TC", "WZ"):
            await hands.send(planting.errands_of(enterprise))
        async with asyncio.TaskGroup() as tasks:
            road = tasks.create_task(self._road(offices, hands))
            stations = [
                tasks.create_task(self._station(offices, agents, site, begun)) for site, begun in last_runs.items()
            ]
            for begun in last_runs.values():
                await begun.wait()
            await hands.send(planting.errands_of("JH"))  # insured by now
            await offices.say(planting.at("midday"))
            await asyncio.gather(*stations)
            self._left.put_nowait(None)
            await road

    async def _station(self, offices: Offices, agents: Agents, site: str, last_begun: asyncio.Event) -> None:
        runs = [run for run in self._planting.runs if run.site == site]
        for run in runs:
            await offices.say(run.before)
            if run is runs[-1]:
                last_begun.set()
            printed = await asyncio.to_thread(agents.print_labels, run, self._planting.through)
            await agents.play(printed)

    async def _road(self, offices: Offices, hands: Phones) -> None:
        """What has left a station goes on by truck, until no more leaves."""
        async with asyncio.TaskGroup() as tasks:
            while (haul := await self._left.get()) is not None:
                tasks.create_task(self._haul(offices, hands, haul))

    async def _haul(self, offices: Offices, hands: Phones, haul: Haul) -> None:
        await asyncio.sleep(_DRIVE_S)
        await offices.say([haul.taken])
        await hands.send([haul.errand])
        await hands.answered(haul.errand)
        await offices.say(haul.sent[:1])
        await asyncio.sleep(_DRIVE_S)
        await offices.say(haul.sent[1:])

    async def _conclude(self, client: httpx.AsyncClient, url: str, inquiry: Inquiry) -> Outcome:
        """Compare by what the log holds now; where an entry names no site, by what was answered."""
        sites = (*(station.site for station in STATIONS), *(depot.site for depot in DEPOTS), BODY_SITE)
        book = await read_back(client, list(sites))
        held = [structs.replace(one, rules=book.get(one.entry_index or -1, one.rules)) for one in self._seen]
        verdict = compare(self._planting, held)
        loaded = {one.tag for one in held if one.act == "depot_out" and one.outcome == "accepted"}
        honest = len(loaded & self._planting.through.keys())
        hauled = {one.tag for one in held if one.act == "unload_vehicle" and one.outcome == "accepted"}
        reached = len(hauled & {haul.errand.tag for haul in self._planting.hauls.values()})
        alerts = await raised(client, self._planting.alerts)
        story = await read_trace(client, self._planting.traced)
        report = await asyncio.to_thread(audit, self._url, ORIGIN)
        first = report.findings[0] if report.findings else None
        said = "ok" if first is None else f"{first.table} {first.row}: {first.what}"
        proof = await self._press.prove(client, self._planting.traced)
        return Outcome(
            verdict=verdict, proof=proof, alerts=alerts, inquiry=inquiry, hauled=reached, loaded=honest, audit=said,
            entries=report.entries, url=url, code=self._planting.traced, story=story,
        )  # fmt: skip
