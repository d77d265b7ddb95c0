"""Who speaks on the stage, what a process may ask for, and what is on its way to the ledger."""

from collections.abc import Generator
from typing import NamedTuple, TypeVar

from msgspec import Struct

from api.demo.city_signers import CitySigner
from ledger import claim as c
from ledger import events as e
from ledger.entry import Answer
from ledger.store.append import Received

ORIGIN = "month.cylinder-ledger.example/320600/v1"
WINDOW_MS = 60_000
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000

R = TypeVar("R")
Play = Generator["int | Say", list[e.Outcome], R]
"""A process of the story: it yields when to go on (ms UTC), or what to say, and is sent what became of that."""
Flow = Play[None]
Told = Play[list[e.Outcome]]


class Device:
    """A signer with a clock of its own: `ahead_ms` is how far it runs ahead of the right time."""

    def __init__(self, name: str, seed: int) -> None:
        self.name, self.ahead_ms = name, 0
        self.signer = CitySigner(name, seed)


class Say(Struct, frozen=True):
    """One bundle of a device. `arrives`: when it gets through (ms UTC), at once when None. `settled`: what the law said
    of each claim when it was made, if that was before now.
    """

    device: Device
    claims: list[c.AnyClaim]
    arrives: int | None = None
    settled: list[set[str]] | None = None


class Delivery(Struct, frozen=True):
    """A bundle on its way. `demanded` by claim, where it was settled when the bundle was signed; `first`: the answers
    to the same bytes before.
    """

    received: Received
    demanded: list[set[str] | None]
    waiting: Flow | None = None
    first: list[Answer] | None = None


class Turn(NamedTuple):
    """When, in which order among equals, and whose."""

    at: int
    number: int
    what: Flow | Delivery
