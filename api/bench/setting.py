"""Where the bench runs: embedded PostgreSQL, the filed town as a template of databases, and how much is measured."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter

from msgspec import Struct
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from api.bench.processes import Failed, Servers
from api.bench.publishing import Proofs, evidence_of, policy_of, put_out, write_publish_file
from api.bench.town import ORIGIN, Device, Town, real_clock
from api.town.grow import grow, write
from api.town.plan import ORIGIN as GROWN_ORIGIN
from api.town.plan import Plan
from api.town.story import Story
from ledger.bundle import open_bundle
from ledger.entry import Answer
from ledger.events import Refusal
from ledger.store.alerts import Follower
from ledger.store.append import Received, append, open_log
from ledger.store.bench import newest_bodies, settle
from ledger.store.embedded import EmbeddedServer
from ledger.store.load import LogCache
from ledger.store.migrate import migrate
from ledger.store.writer import connect_writer

DEVICES = 64
GROWN = "grown"
_SEED, _LIVED_MS, _LEAST = 1, 60 * 86_400_000, 2_000
BATCH = 256
"""Entries a commit, of every batched row."""
_LARGE = 2_000
"""Claims an append, when a log is filled."""
_FULL_BUNDLE = 500


class Size(Struct, frozen=True):
    """How much a run measures. `singles`: requests by connections; `warm`: how many of each connection are not
    measured; `limit_s` ends a row that a slow disk holds up.
    """

    cylinders_each: int
    singles: dict[int, int]
    bundles: int
    batched: int
    one_by_one: int
    copies: int
    steady_s: int
    traces: int
    audited: int
    trace_entries: int
    imported: int
    published: int
    verified: int
    town_entries: int
    doors: int
    asked: int
    recalls: int
    warm: int
    limit_s: float


FULL = Size(
    cylinders_each=150, singles={1: 6_000, 16: 25_000, 64: 30_000}, bundles=800, batched=200 * BATCH, one_by_one=6_000,
    copies=4, steady_s=30, traces=1_000, audited=50_000, trace_entries=1_000_000, imported=1_000_000,
    published=100_000, verified=100, town_entries=100_000, doors=40, asked=500, recalls=5, warm=20, limit_s=30,
)  # fmt: skip
QUICK = Size(
    cylinders_each=8, singles={1: 40, 16: 160, 64: 256}, bundles=8, batched=2 * BATCH, one_by_one=40,
    copies=1, steady_s=1, traces=20, audited=500, trace_entries=3_000, imported=1_500, published=500, verified=4,
    town_entries=10_000, doors=3, asked=10, recalls=2, warm=1, limit_s=5,
)  # fmt: skip


class Setting:
    """One run's server, town, size and console. Databases are copies of the filed town, so rows never meet."""

    def __init__(
        self, server: EmbeddedServer, servers: Servers, environment: Mapping[str, str], size: Size, console: Console,
        *, folder: Path,
    ) -> None:  # fmt: skip
        self.server, self.servers, self.environment = server, servers, environment
        self.size, self.console, self.folder = size, console, folder
        self.town = Town(DEVICES, size.cylinders_each, real_clock)
        server.create_database("town")
        self.town_url = server.url("town")
        migrate(self.town_url)
        with connect_writer(self.town_url) as connection:
            open_log(connection, Received(open_bundle(self.town.opening()), None), real_clock())
            cache = LogCache()
            for envelope in self.town.filings():
                accepted(append(connection, ORIGIN, [Received(open_bundle(envelope), 0)], real_clock(), cache))
        _follow(self.town_url, ORIGIN)

    @contextmanager
    def database(self, name: str, template: str | None = "town") -> Iterator[str]:
        """The URL of a database of a row's own, gone afterwards."""
        self.server.create_database(name, template)
        try:
            yield self.server.url(name)
        finally:
            self.server.drop_database(name)

    @cached_property
    def recorded(self) -> list[bytes]:
        """The exact bytes of entries that `append` recorded, for other ways to keep the same."""
        with self.database("recorded") as url:
            self.fill(url, self.size.batched, bundle=1)
            return newest_bodies(url, ORIGIN, self.size.batched)

    @cached_property
    def proofs(self) -> Proofs:
        """A log filled with bundles of one claim, as outsiders hold it; its first cylinders' evidence."""
        keys = [one.cylinder for one in self.town.fleet[: self.size.verified]]
        with self.database("published") as url:
            self.fill(url, self.size.published, bundle=1)
            file = write_publish_file(self.folder / "published")
            return Proofs(put_out(file, url), evidence_of(file, url, keys), policy_of(file))

    @cached_property
    def grown(self) -> Story:
        """A generated town in the database `grown`, with a cylinder to ten entries, its vehicles out."""
        self.server.create_database(GROWN)
        url = self.server.url(GROWN)
        migrate(url)
        entries = self.size.town_entries
        story = Story(Plan(max(_LEAST, entries // 10), _SEED, real_clock() - _LIVED_MS))
        begun = perf_counter()
        done = grow(url, story, entries, lambda _: None)
        write(url, list(story.on_the_road(self.size.doors)))
        _follow(url, GROWN_ORIGIN)
        settle(url)
        self.console.print(f"  生成城镇 town: {done.entries:,} 条 entries, {perf_counter() - begun:.1f} s")
        return story

    def fill(self, url: str, entries: int, *, bundle: int = _FULL_BUNDLE) -> None:
        """Append so many claims in this process, in bundles of `bundle`, and let the database settle."""
        signed = take_turns(self.town.devices(DEVICES), bundle)
        cache, done = LogCache(), 0
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with (
            connect_writer(url) as connection,
            Progress(
                *columns,
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=self.console,
                transient=True,
                disable=not self.console.is_terminal,
            ) as progress,
        ):
            bar = progress.add_task("写入 filling", total=entries)
            while done < entries:
                envelopes = islice(signed, -(-min(_LARGE, entries - done) // bundle))
                received = [Received(open_bundle(envelope), 0) for envelope in envelopes]
                done += accepted(append(connection, ORIGIN, received, real_clock(), cache))
                progress.update(bar, completed=min(done, entries))
        settle(url)


def _follow(url: str, origin: str) -> None:
    """What a server has long done: read the log for alerts, so that no row pays for what stood there before."""
    with Follower(url, origin) as follower:
        while (followed := follower.step()) is not None and not followed.done:
            pass


def take_turns(devices: list[Device], claims: int) -> Iterator[bytes]:
    """Signed bundles of so many claims, the devices in turn, without end."""
    return (device.sign(claims) for device in cycle(devices))


def accepted(answers: list[list[Answer]]) -> int:
    """How many answers these are; Failed unless each is an acceptance in which no rule found anything."""
    for answer in (one for bundle in answers for one in bundle):
        outcome = answer.outcome
        if isinstance(outcome, Refusal) or outcome.violations or outcome.warnings:
            raise Failed(f"not accepted: {answer}")
    return sum(len(bundle) for bundle in answers)


def child_environment(data: Path) -> Mapping[str, str]:
    """Our own environment; where Python may leave no bytecode behind, the children share some of their own."""
    environment = dict(os.environ)
    if environment.pop("PYTHONDONTWRITEBYTECODE", ""):
        environment["PYTHONPYCACHEPREFIX"] = str(data / "bytecode")
    return environment
