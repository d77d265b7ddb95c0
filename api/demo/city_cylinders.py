"""Cylinders of all models and ages, with the stamps, tares, inspections and codes that such cylinders have."""

import random
from collections.abc import Iterator, Sequence
from enum import StrEnum

from msgspec import Struct

from api.demo.city_signers import ClaimIds
from ledger.check_digit import gs1_mod_10
from ledger.china import add_months
from ledger.claim import Phase, RegisterCylinder
from ledger.identity import own_code, stamp_code
from ledger.model import MODELS, CylinderModel, allowed_fill_g

RECALLED_MAKER = "TSR06"
"""Its cylinders of 2021-03 to 2021-08 and 2023-01 to 2023-06 are recalled in the story; it made no others here."""

_MAKERS = ("TSA01", "TSA02", "TSB07", "TSC11", "TSD03", "TSE15")
_FLEET = {
    "YSP35.5": 660, "YSP118/49.5": 70, "YSP118": 60, "YSP12": 70, "YSP23.5": 45, "YSP118/液/49.5": 30, "YSP4.7": 25,
    "YSP26.2": 15, "YSP74": 12, "YSP28.6": 8, "YSP29.5": 5,
}  # fmt: skip
_GRAI_TYPE = "0690999900001"  # GS1 application identifier 8003: a filler 0 and twelve digits of an invented issuer
_GRAI_SHARE, _LEGACY_SHARE = 0.12, 0.15
_INTERVAL = 48


class State(StrEnum):
    """What is wrong with a cylinder by its papers and its metal, if anything."""

    FIT = "fit"
    OVERDUE = "overdue"
    DUE_SOON = "due_soon"
    OVER_AGE = "over_age"
    TWO_PHASE = "two_phase"
    UNREGISTERED = "unregistered"
    CANCELLED = "cancelled"
    RECALLED = "recalled"
    RECALLED_LATER = "recalled_later"


_PER_MILLE = {
    State.OVERDUE: 35, State.DUE_SOON: 12, State.OVER_AGE: 15, State.TWO_PHASE: 10, State.UNREGISTERED: 10,
    State.CANCELLED: 8, State.RECALLED: 12, State.RECALLED_LATER: 10,
}  # fmt: skip


class CityCylinder(Struct, frozen=True):
    """One cylinder: its registration, state, home station, and the stamp as a code where the office typed it in."""

    registration: RegisterCylinder
    state: State
    home: str
    stamp: str | None

    @property
    def code(self) -> str:
        """The code on its label."""
        return self.registration.code

    @property
    def target_g(self) -> int:
        """What an honest fill puts in, net grams."""
        r = self.registration
        return min(MODELS[r.model].nominal_fill_g, allowed_fill_g(r.max_fill_g, r.water_volume_ml))

    @property
    def headroom_g(self) -> int:
        """How much more than `target_g` would still be allowed, grams."""
        return allowed_fill_g(self.registration.max_fill_g, self.registration.water_volume_ml) - self.target_g


def build_cylinders(
    chance: random.Random,
    ids: ClaimIds,
    *,
    owner: str,
    issuer: str,
    old_system: int,
    count: int,
    homes: Sequence[str],
    today: str,
    at_ms: int,
) -> Iterator[CityCylinder]:
    """An enterprise's fleet as registered at `at_ms` (ms UTC), with the same share of each state whatever the seed.

    `issuer` begins the codes of its own; `old_system` (1 to 9) keeps its old database's numbers apart from others'.
    """
    states = [state for state, share in _PER_MILLE.items() for _ in range(count * share // 1_000)]
    states += [State.FIT] * (count - len(states))
    chance.shuffle(states)
    first = old_system * 1_000_000 + chance.randrange(10_000, 900_000)
    for number, state in enumerate(states, start=first):
        model = _model(chance, state)
        made, inspected = _months(chance, state, today[:7])
        maker = RECALLED_MAKER if state in (State.RECALLED, State.RECALLED_LATER) else chance.choice(_MAKERS)
        serial = f"{number:07d}"
        nominal_tare_g = model.nominal_tare_g or model.water_volume_ml * 42 // 100
        registration = RegisterCylinder(
            claim_id=ids.new(at_ms),
            scanned_at=at_ms,
            cylinder=ids.new(at_ms),
            code=_code(chance, issuer, old_system, number, made),
            owner=owner,
            maker=maker,
            serial=serial,
            made_month=made,
            model=model.model,
            phase=Phase.TWO_PHASE if state is State.TWO_PHASE else model.phase or Phase.VAPOUR,
            water_volume_ml=model.water_volume_ml,
            tare_g=round(nominal_tare_g * chance.gauss(1, 0.015) / 10) * 10,
            max_fill_g=model.max_fill_g,
            design_life_months=96 if made < "2023-12" else 144,
            inspected_month=inspected,
        )
        # A third of the stamps are typed in on the first day; the rest follow at the next inspection.
        stamp = str(stamp_code(maker, serial, made)) if chance.random() < 1 / 3 else None
        yield CityCylinder(registration, state, chance.choice(homes), stamp)


def _model(chance: random.Random, state: State) -> CylinderModel:
    if state is State.TWO_PHASE:
        return MODELS["YSP118-II"]
    return MODELS[chance.choices(list(_FLEET), list(_FLEET.values()))[0]]


def _months(chance: random.Random, state: State, now: str) -> tuple[str, str | None]:
    """Month of making and of the last inspection, None before the first is due; ages in months."""
    inspected: int | None = None
    match state:
        case State.OVERDUE:
            age = chance.randint(52, 130)
            inspected = chance.randint(49, age - 24) if age > 2 * _INTERVAL else None
        case State.TWO_PHASE:
            age, inspected = chance.randint(60, 130), chance.randint(2, 24)
        case State.DUE_SOON:
            age, inspected = chance.randint(90, 130), 48
        case State.OVER_AGE:
            age, inspected = chance.randint(145, 175), chance.randint(20, 60)
        case State.RECALLED:
            age, inspected = chance.randint(55, 60), chance.randint(1, 20)
        case State.RECALLED_LATER:
            age = chance.randint(33, 38)
        case _:
            age = min(chance.randint(1, 140), chance.randint(1, 140))  # fewer old ones than new ones
            inspected = chance.randint(0, min(_INTERVAL - 4, age - 36)) if age >= _INTERVAL - 3 else None
    return add_months(now, -age), None if inspected is None else add_months(now, -inspected)


def _code(chance: random.Random, issuer: str, old_system: int, number: int, made: str) -> str:
    """The label's code: our own mostly; GS1's on some newer cylinders, what older systems issued on some older ones."""
    draw = chance.random()
    if made >= "2022-01" and draw < _GRAI_SHARE:
        return f"grai:{_GRAI_TYPE}{gs1_mod_10(_GRAI_TYPE)}{issuer[:1]}{number}"
    if made < "2019-01" and draw < _LEGACY_SHARE:
        return chance.choice(
            (
                f"legacy-registration:10-JS-F-{number % 100_000:05d}-{old_system:02d}",
                f"legacy-digits9:{number:09d}",
                f"legacy-digits14:{number:014d}",
                f"legacy-label12:201{old_system}0{number % 9 + 1}15{number % 10_000:04d}",
            )
        )
    return str(own_code(issuer, f"{number:07d}"))
