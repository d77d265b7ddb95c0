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
from api.demo.city import BODY_SITE, ORIGIN, STATIONS, City, story_time
from api.demo.city_signers import ClaimIds
from api.demo.office import Offices
from api.demo.plan import Seen
from api.demo.plant import Planting, Run
from api.demo.proving import Press, Proof
from api.demo.report import Verdict, compare
from api.demo.server import Told, demo_server, read_back, read_trace
from api.demo.view import Board
from ledger.store.audit import audit

SCALE = 120
"""Story time runs so much faster than ours: the shift's half minute is an hour."""

_TIMEOUT_S = 30.0


class Outcome(Struct, frozen=True):
    """How the day ended. `audit` is `ok` or what the audit found first, `loaded` how many honest cylinders went out."""

    verdict: Verdict
    proof: Proof
    loaded: int
    audit: str
    entries: int
    url: str
    code: str
    story: list[Told]

    @property
    def ok(self) -> bool:
        """Whether nothing is missed, wrong, or fails the audit, and outsiders find the same."""
        return self.verdict.ok and self.audit == "ok" and self.proof.ok

    def line(self) -> str:
        """The JSON line."""
        told = {"entries": self.entries, **structs.asdict(self.verdict), "audit": self.audit}
        told |= structs.asdict(self.proof)
        return mjson.encode(told).decode()


class DemoDay:
    """One day of one city over the database at `url`; keys, plans and pictures are kept in `folder`, what outsiders
    are given in `kept`.
    """

    def __init__(self, console: Console, folder: Path, url: str, city: City, planting: Planting, *, kept: Path) -> None:
        self._console, self._folder, self._url = console, folder, url
        self._press = Press(folder, kept)
        self._city, self._planting = city, planting
        totals = {one.site: 0 for one in STATIONS}
        for run in planting.runs:
            totals[run.site] += len(run.scripts)
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
                await self._shift(offices, agents)
            outcome = await self._conclude(client, url)
            tell(outcome)
            if not once:
                self._console.print("按 Ctrl-C 结束 · Ctrl-C ends it")
                with suppress(asyncio.CancelledError):  # Ctrl-C is the way out here, and no failure
                    await asyncio.Event().wait()
            return outcome

    def _took(self, site: str, seen: Seen) -> None:
        self._seen.append(seen)
        self._board.took(site, seen)

    def _complain(self, text: str) -> None:
        self._console.print(text, style="red", markup=False, highlight=False)

    async def _shift(self, offices: Offices, agents: Agents) -> None:
        planting = self._planting
        last_runs = {station.site: asyncio.Event() for station in STATIONS}
        await offices.say(planting.at("opening"))
        async with asyncio.TaskGroup() as tasks:
            for site, begun in last_runs.items():
                runs = [run for run in planting.runs if run.site == site]
                tasks.create_task(self._station(offices, agents, runs, begun))
            for begun in last_runs.values():
                await begun.wait()
            await offices.say(planting.at("midday"))
        await offices.say(planting.at("closing"))

    async def _station(self, offices: Offices, agents: Agents, runs: list[Run], last_begun: asyncio.Event) -> None:
        for run in runs:
            await offices.say(run.before)
            if run is runs[-1]:
                last_begun.set()
            printed = await asyncio.to_thread(agents.print_labels, run, self._planting.through)
            await agents.play(printed)

    async def _conclude(self, client: httpx.AsyncClient, url: str) -> Outcome:
        """Compare by what the log holds now; where an entry names no site, by what was answered."""
        book = await read_back(client, [*(station.site for station in STATIONS), BODY_SITE])
        held = [structs.replace(one, rules=book.get(one.entry_index or -1, one.rules)) for one in self._seen]
        verdict = compare(self._planting, held)
        loaded = {one.tag for one in held if one.act == "depot_out" and one.outcome == "accepted"}
        honest = len(loaded & self._planting.through.keys())
        story = await read_trace(client, self._planting.traced)
        report = await asyncio.to_thread(audit, self._url, ORIGIN)
        first = report.findings[0] if report.findings else None
        said = "ok" if first is None else f"{first.table} {first.row}: {first.what}"
        proof = await self._press.prove(client, self._planting.traced)
        return Outcome(verdict, proof, honest, said, report.entries, url, self._planting.traced, story)
