"""The desk: what every post of one station shares, and how a reading becomes a code."""

import asyncio
import os
from collections.abc import Callable, Coroutine

from msgspec import Struct

from ledger.reading import SALT_BYTES, parse_reading
from scanners.claim_id import ClaimIds
from scanners.orders import Order
from scanners.outbox import Outbox
from scanners.screen import Shown
from scanners.sender import Sender


class Desk(Struct, frozen=True):
    """`clock` is the agent's, ms UTC; `show` puts a message on a post's screen and must be quick.

    `spawn` starts a task whose failure stops the station: a bug or a dead disk must never pass unseen.
    """

    site: str
    clock: Callable[[], int]
    ids: ClaimIds
    outbox: Outbox
    sender: Sender
    show: Callable[[Shown], None]
    answer_within_s: float
    spawn: Callable[[Coroutine[None, None, None]], asyncio.Task[None]]


class Hands(Struct):
    """Who stands at one post and with what; orders change it (`scanners.orders`)."""

    person: str
    vehicle: str
    tank_lot: str

    def take(self, order: Order) -> bool:
        """Follow an order about people and things; False when it is about something else."""
        match order.verb:
            case "PERSON":
                self.person = order.value
            case "VEHICLE":
                self.vehicle = order.value
            case "TANK-LOT":
                self.tank_lot = order.value
            case _:
                return False
        return True


def code_of(reading: str) -> str:
    """The code that a claim carries for this reading. What is no code keeps none of its text (salted digest)."""
    return str(parse_reading(reading, salt=os.urandom(SALT_BYTES)))
