"""Cylinders of all models and ages, with the stamps, tares, inspections and codes that such cylinders have."""

import hashlib
import random
from collections.abc import Iterator, Sequence
from enum import StrEnum

from msgspec import Struct

from api.demo.city_signers import ClaimIds
from ledger.check_digit import gs1_mod_10
from ledger.china import add_months
from ledger.claim import Phase, RegisterCylinder
from ledger.identity import own_code
from ledger.model import LARGE_ML, MODELS, CylinderModel, allowed_fill_g

RECALLED_MAKER = "TSR06"
"""Its cylinders of 2021-03 to 2021-08 and 2023-01 to 2023-06 are recalled in the story; it made no others here."""

BLACKLISTED_MAKER = "TSX08"
"""On the authority's blacklist since its cylinders were registered."""
UNLICENSED_MAKER = "TSZ09"
"""Nobody knows it."""
_MAKERS = ("TSA01", "TSA02", "TSB07", "TSC11", "TSD03", "TSE15")
LICENSED_MAKERS = (*_MAKERS, RECALLED_MAKER, BLACKLISTED_MAKER)
_FLEET = {
    "YSP35.5": 660, "YSP118/49.5": 70, "YSP118": 60, "YSP12": 70, "YSP23.5": 45, "YSP118/液/49.5": 30, "YSP4.7": 25,
    "YSP26.2": 15, "YSP74": 12, "YSP28.6": 8, "YSP29.5": 5,
}  # fmt: skip
_GRAI_TYPE = "0690999900001"  # GS1 application identifier 8003: a filler 0 and twelve digits of an invented issuer
_GRAI_SHARE, _LEGACY_SHARE = 0.12, 0.15
_INTERVAL, _DESIGN_LIFE = 48, 96
_MARKED_SINCE = "2021-06-01"


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
    DESIGN_ENDED = "design_ended"
    SCREW_COLLAR = "screw_collar"
    BLACKLISTED = "blacklisted"
    LARGE_DUE = "large_due"


_PER_MILLE = {
    State.OVERDUE: 35, State.DUE_SOON: 12, State.OVER_AGE: 15, State.TWO_PHASE: 10, State.UNREGISTERED: 10,
    State.CANCELLED: 8, State.RECALLED: 12, State.RECALLED_LATER: 10, State.DESIGN_ENDED: 8, State.SCREW_COLLAR: 8,
    State.BLACKLISTED: 8, State.LARGE_DUE: 8,
}  # fmt: skip


class CityCylinder(Struct, frozen=True):
    """One cylinder: its registration, state and home station."""

    registration: RegisterCylinder
    state: State
    home: str

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
        made, inspected = _months(chance, state, today[:7], large=model.water_volume_ml >= LARGE_ML)
        bought_on = f"{add_months(made, 1)}-02"
        code = _code(chance, issuer, old_system, number, made)
        nominal_tare_g = model.nominal_tare_g or model.water_volume_ml * 42 // 100
        registration = RegisterCylinder(
            claim_id=ids.new(at_ms),
            scanned_at=at_ms,
            cylinder=ids.new(at_ms),
            code=code,
            owner=owner,
            maker=_maker(chance, state),
            serial=f"{number:07d}",
            made_month=made,
            model=model.model,
            phase=Phase.TWO_PHASE if state is State.TWO_PHASE else model.phase or Phase.VAPOUR,
            water_volume_ml=model.water_volume_ml,
            tare_g=round(nominal_tare_g * chance.gauss(1, 0.015) / 10) * 10,
            max_fill_g=model.max_fill_g,
            design_life_months=_DESIGN_LIFE if made < "2023-12" else 144,
            inspected_month=inspected,
            bought_on=bought_on,
            filler_mark=owner if bought_on >= _MARKED_SINCE else None,
            collar="screwed" if state is State.SCREW_COLLAR else "welded",
            ownership="invoice",
            ownership_digest=hashlib.sha256(f"invoice {code}".encode()).hexdigest(),
        )
        yield CityCylinder(registration, state, chance.choice(homes))


def _model(chance: random.Random, state: State) -> CylinderModel:
    only = {State.TWO_PHASE: "YSP118-II", State.LARGE_DUE: "YSP118", State.DUE_SOON: "YSP35.5"}.get(state)
    return MODELS[only or chance.choices(list(_FLEET), list(_FLEET.values()))[0]]


def _maker(chance: random.Random, state: State) -> str:
    if state in (State.RECALLED, State.RECALLED_LATER):
        return RECALLED_MAKER
    return BLACKLISTED_MAKER if state is State.BLACKLISTED else chance.choice(_MAKERS)


def _months(chance: random.Random, state: State, now: str, *, large: bool) -> tuple[str, str | None]:
    """Month of making and of the last inspection, None before the first is due; ages in months."""
    inspected: int | None = None
    match state:
        case State.OVERDUE:
            age = chance.randint(52, _DESIGN_LIFE - 1)
            inspected = chance.randint(49, age - 24) if age >= 80 else None  # noqa: PLR2004 - the second inspection
        case State.TWO_PHASE | State.SCREW_COLLAR:
            age, inspected = chance.randint(60, _DESIGN_LIFE - 1), chance.randint(2, 24)
        case State.DUE_SOON:
            age, inspected = chance.randint(90, _DESIGN_LIFE - 1), _INTERVAL
        case State.DESIGN_ENDED:
            # Inspected in time, but too early to carry it past the end of its design life.
            age = chance.randint(_DESIGN_LIFE + 4, _DESIGN_LIFE + 24)
            inspected = chance.randint(age - _DESIGN_LIFE + 10, 35)
        case State.LARGE_DUE:
            age = chance.randint(38, 42)
        case State.OVER_AGE:
            age, inspected = chance.randint(145, 175), chance.randint(20, 60)
        case State.RECALLED:
            age, inspected = chance.randint(55, 60), chance.randint(1, 20)
        case State.RECALLED_LATER:
            age = chance.randint(33, 38)
        case _:
            age, inspected = _fit_months(chance, large=large)
    return add_months(now, -age), None if inspected is None else add_months(now, -inspected)


def _fit_months(chance: random.Random, *, large: bool) -> tuple[int, int | None]:
    """Age and months since the last inspection of one that nothing is wrong with, some months to spare."""
    latest = 35 if large else _INTERVAL - 4  # of 118 L some districts ask an inspection every three years
    age = min(chance.randint(1, 140), chance.randint(1, 140))  # fewer old ones than new ones
    if age <= latest:
        return age, None
    # Past its design life, an inspection at the end of that carries it on.
    at_least = 36 if age < _DESIGN_LIFE else _DESIGN_LIFE - 6
    return age, chance.randint(0, min(latest, age - at_least))


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
