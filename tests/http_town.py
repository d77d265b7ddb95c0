"""The small town behind a real socket: a server in a thread, and a client that speaks to it as a station would."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from api.deployment import Clock
from api.serve import make_server, real_clock
from api.settings import Settings
from ledger import claim as c
from ledger.bundle import open_bundle
from ledger.store.append import Received, open_log
from ledger.store.writer import connect_writer
from tests.story import ORIGIN, Signer, Story


@dataclass
class Town:
    """A running server, its story, and a client."""

    url: str
    story: Story
    http: httpx.Client

    def post(self, signer: Signer, *claims: c.AnyClaim) -> list[dict[str, Any]]:
        """The answers to one bundle; it must be taken."""
        response = self.send(signer.sign(*claims))
        assert response.status_code == 200, response.text
        answers: list[dict[str, Any]] = response.json()
        return answers

    def send(self, envelope: bytes, **headers: str) -> httpx.Response:
        return self.http.post("/bundles", content=envelope, headers=headers)

    def size(self) -> int:
        size: int = self.http.get("/health").json()["logs"][0]["size"]
        return size

    def with_cylinder(self, number: int, **changes: Any) -> str:
        """A registered, certified, empty cylinder at S1; its code."""
        cylinder = self.story.cylinder(number, **changes)
        self.post(self.story.office, cylinder)
        self.post(self.story.authority, self.story.certificate(cylinder, name=f"UR{number}"))
        self.post(self.story.station, self.story.make(c.CountStock, code=cylinder.code, content=c.Content.EMPTY))
        return str(cylinder.code)

    def fill_cycle(self, code: str) -> list[dict[str, Any]]:
        """From the pre-check to the road, a bundle each."""
        make = self.story.make
        leave = make(c.AuthoriseFill, code=code)
        under = {"code": code, "authorisation": leave.claim_id, "start_weight_g": 16_500}
        told: list[Any] = [
            make(c.CheckPrefill, code=code),
            leave,
            make(c.StartFill, **under),
            make(c.CompleteFill, **under, end_weight_g=31_000, scale_seq=1),
            make(c.CheckPostfill, code=code, person="P2", weight_g=31_000),
            make(c.ReleaseCylinder, code=code),
            make(c.DepotOut, code=code, purpose=c.Purpose.SALE),
        ]
        return [self.post(self.story.station, claim)[0]["outcome"] for claim in told]


@contextmanager
def running(settings: Settings, clock: Clock = real_clock) -> Iterator[str]:
    """The URL of a server that runs in a thread meanwhile."""
    ready, urls = threading.Event(), []

    def tell(url: str) -> None:
        urls.append(url)
        ready.set()

    server = make_server(settings, clock, tell)
    thread = threading.Thread(target=server.run_bound)
    thread.start()
    try:
        assert ready.wait(20)
        yield urls[0]
    finally:
        server.should_exit = True
        thread.join(20)


def open_town(url: str, origin: str = ORIGIN) -> Story:
    """Entry 0 of a log in this database."""
    story = Story(now=real_clock())
    opening = story.opening(origin=origin)
    with connect_writer(url) as connection:
        open_log(connection, Received(open_bundle(story.authority.sign(opening, log=origin)), 0), story.now)
    return story


@contextmanager
def serve_town(url: str, clock: Clock = real_clock, **settings: Any) -> Iterator[Town]:
    """A town with everything filed."""
    story = open_town(url)
    with running(Settings(database_url=url, port=0, **settings), clock) as base, httpx.Client(base_url=base) as http:
        town = Town(base, story, http)
        for signer, claim in story.filings():
            town.post(signer, claim)
        yield town
