"""The tables `cylinder` and `place`: the newest state of cylinders, premises, vehicles and unregistered codes."""

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import json as mjson

from ledger.cylinder import Cylinder
from ledger.premises import Premises, Stray, VehicleLoad
from ledger.world import World

cylinder_decoder = mjson.Decoder(Cylinder)
cylinder_encoder = mjson.Encoder()
premises_decoder = mjson.Decoder(Premises)
_load_decoder = mjson.Decoder(VehicleLoad)
_stray_decoder = mjson.Decoder(Stray)


class CylinderRow(NamedTuple):
    """The columns of the table `cylinder` after its key: its state, who holds it, its stamp."""

    body: bytes
    holder: str
    premises: str | None
    carrier: str | None
    maker: str
    made_month: str
    serial: str
    tare_g: int


class PlaceRow(NamedTuple):
    """The columns of the table `place` after its log's id."""

    place: str
    body: bytes
    town: str | None
    building: str | None
    holder: str | None


def keep_place(world: World, place: str, body: bytes) -> None:
    """Take a row of the table of places into a world."""
    kind, _, key = place.partition(":")
    if kind == "premises":
        world.premises[key] = premises_decoder.decode(body)
    elif kind == "vehicle":
        world.loads[key] = _load_decoder.decode(body)
    else:
        world.strays[key] = _stray_decoder.decode(body)


def place_row(world: World, place: str) -> PlaceRow:
    """A place of a world as the table has it."""
    kind, _, key = place.partition(":")
    if kind == "premises":
        there = world.premises[key]
        return PlaceRow(place, cylinder_encoder.encode(there), there.town, there.building, None)
    if kind == "vehicle":
        return PlaceRow(place, cylinder_encoder.encode(world.loads[key]), None, None, None)
    stray = world.strays[key]
    return PlaceRow(
        place, cylinder_encoder.encode(stray), None, None, stray.holder if stray.registered is None else None
    )


def places_of(world: World) -> Iterator[str]:
    """Every place that a world knows, as the table names them."""
    yield from (f"premises:{key}" for key in world.premises)
    yield from (f"vehicle:{key}" for key in world.loads)
    yield from (f"stray:{key}" for key in world.strays)


def cylinder_row(one: Cylinder) -> CylinderRow:
    """A cylinder as the table has it."""
    return CylinderRow(
        cylinder_encoder.encode(one), one.holder, one.premises, one.carrier, one.maker, one.made_month, one.serial,
        one.tare_g,
    )  # fmt: skip
