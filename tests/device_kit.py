"""A served and published town whose signers are watched by the log's own, and what it says of them."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from api.serve import real_clock
from api.settings import Settings
from api.signing import write_private_key
from ledger import claim as c
from ledger import events as e
from ledger.bundle import Seen, decode_claim
from ledger.checkpoint import parse_checkpoint
from ledger.entry import decode_entry
from ledger.replay import replay
from ledger.store.audit import audit
from ledger.store.committed import committed
from ledger.store.read import open_engine
from ledger.world import World
from tests.http_town import Town, open_town, running
from tests.publish_kit import publish_file
from tests.story import ORIGIN, Signer, Story, private_key

LOG = f"/logs/{ORIGIN}"


def until(done: Callable[[], bool], within_s: float = 20) -> None:
    deadline = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < deadline, "it should have happened by now"
        time.sleep(0.02)


def watched_file(folder: Path, story: Story) -> Path:
    """A publishing file that names the log's own key."""
    path = publish_file(folder)
    write_private_key(folder / "log.pem", story.log.key)
    path.write_text(path.read_text() + 'log_key = "log.pem"\n')
    return path


@dataclass
class Watched:
    """A running town under watch. `leap_ms` is how far its clock was put forward."""

    url: str
    folder: Path
    story: Story
    file: Path
    town: Town | None = None
    leap_ms: int = 0
    names: list[str] = field(default_factory=list)

    def clock(self) -> int:
        return real_clock() + self.leap_ms

    @property
    def here(self) -> Town:
        assert self.town is not None
        return self.town

    @contextmanager
    def served(self) -> Iterator[None]:
        """A server meanwhile."""
        settings = Settings(database_url=self.url, port=0, publish_file=self.file)
        with running(settings, self.clock) as base, httpx.Client(base_url=base) as http:
            self.town = Town(base, self.story, http)
            yield

    def enrol(self, name: str, alg: str = "ed25519", role: c.Role = c.Role.STATION) -> Signer:
        """A new device of the station's."""
        self.names.append(name)
        signer = Signer(name, private_key(name, alg))
        enrolment = self.story.enrolment(signer, role, "E1", ("S1",))
        [answer] = self.here.post(self.story.office, enrolment)
        assert answer["outcome"]["type"] == "filed.v1", answer
        return signer

    def say(self, signer: Signer) -> dict[str, Any]:
        """A bundle of one report; its outcome."""
        outcome: dict[str, Any] = self.here.post(signer, self.claim())[0]["outcome"]
        return outcome

    def claim(self) -> c.AnyClaim:
        return self.story.make(c.RecordArrival, counts={"YSP35.5": 40})

    def told(self, signer: Signer) -> dict[str, Any]:
        """The registry's page of a signer."""
        found: dict[str, Any] = self.here.http.get(f"/registry/signer/{signer.id}").json()
        return found

    def alerts(self, signer: Signer) -> list[dict[str, Any]]:
        return [one["claim"] for one in self.told(signer)["alerts"]]

    def alert(self, signer: Signer) -> dict[str, Any]:
        """The one alert about a signer, once it is there."""
        until(lambda: len(self.alerts(signer)) > 0)
        [alert] = self.alerts(signer)
        return alert

    def health(self) -> dict[str, Any]:
        found: dict[str, Any] = self.here.http.get("/health").json()["logs"][0]
        return found

    def quiet(self) -> None:
        """Wait until all there is was published, and looked at after that."""
        until(lambda: self.health()["publishing"]["size"] == self.here.size())
        until(lambda: self.health()["sentry"]["read"] == self.here.size())
        time.sleep(0.3)

    def seen(self) -> Seen:
        """What a device that asks now has seen."""
        head = parse_checkpoint(self.here.http.get(f"{LOG}/checkpoint").content).head
        return Seen(head.size, head.root.hex())

    def check(self) -> list[tuple[int, c.AnyClaim]]:
        """Audit and replay agree that all is right; what the log's own signer said, with where."""
        report = audit(self.url, ORIGIN)
        assert report.findings == []
        engine, world = open_engine(self.url), World(ORIGIN)
        try:
            with committed(engine, ORIGIN) as log:
                bodies = [body for some in log.bodies(0, log.size, 1000) for body in some]
        finally:
            engine.dispose()
        assert [step.difference for step in replay(world, bodies) if step.difference] == []
        entries = [(index, decode_entry(body)) for index, body in enumerate(bodies)]
        own = [(index, one) for index, one in entries if one.signer == self.story.log.id]
        assert not [one for _, one in own if isinstance(one.outcome, e.Refusal)]
        assert {one.device_chain for _, one in own} <= {"first", "next"}, "the log keeps its own order"
        return [(index, decode_claim(one.claim)) for index, one in own]


def clone(signer: Signer) -> Signer:
    """A copy of a device: its key, and its memory as of now."""
    return dataclasses.replace(signer)


@contextmanager
def watched(url: str, folder: Path) -> Iterator[Watched]:
    """A town with everything filed, served and watched."""
    story = open_town(url)
    held = Watched(url, folder, story, watched_file(folder, story))
    with held.served():
        for signer, claim in story.filings():
            held.here.post(signer, claim)
        yield held
