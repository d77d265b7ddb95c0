"""The last kilometre of the demo's city: supply stations, delivery workers, vehicles, and 4,000 customers by random id.

    TC-D1 TC-D2   通城一站供应   towns 01 02, 03 04        JH-D1 JH-D2   江海一站供应   towns 01 02, 03 05
    TC-D3         通城二站供应   towns 05 06               WZ            who sells gas without a permit

Buildings are shared: two enterprises supply kitchens in the same one. No name, number or address of anybody.
"""

import random
from typing import Literal

from msgspec import Struct

TOWNS = tuple(f"32060200{number}" for number in range(1, 7))
CUSTOMERS = 4_000
"""How many a whole city has."""
_PER_BUILDING = 7

Trouble = Literal[
    "", "not_real_name", "no_contract", "underground", "no_alarm", "converted", "rubber_hose", "adjustable",
    "no_presupply", "closed",
]  # fmt: skip
"""What is wrong with a customer or their premises by the record, '' for nothing."""
TROUBLES: tuple[Trouble, ...] = (
    "not_real_name", "no_contract", "underground", "no_alarm", "converted", "rubber_hose", "adjustable",
    "no_presupply", "closed",
)  # fmt: skip


class Worker(Struct, frozen=True):
    """A delivery worker (送气工) by opaque id, with the vehicle that is theirs and the town where they deliver."""

    person: str
    vehicle: str
    kind: Literal["tricycle", "e_bicycle"]
    town: str

    @property
    def phone(self) -> str:
        """Who signs for them, a name of `City.signers`."""
        return f"phone:{self.person}"


class Depot(Struct, frozen=True):
    """A supply station (供应站): whose, which filling station fills for it, its workers, its truck, its towns."""

    site: str
    enterprise: str
    station: str
    name: str
    towns: tuple[str, ...]

    @property
    def workers(self) -> tuple[Worker, ...]:
        """Six each; every third rides an electric bicycle."""
        return tuple(
            Worker(
                f"{self.site}-W{number}",
                f"{self.site}-V{number}",
                "tricycle" if number % 3 else "e_bicycle",
                self.towns[number % len(self.towns)],
            )
            for number in range(1, 7)
        )

    @property
    def trucks(self) -> tuple[str, ...]:
        """What brings full ones from the filling station and takes empties there."""
        return tuple(f"{self.site}-T{number}" for number in range(1, 3 if self.site != "TC-D3" else 2))

    @property
    def driver(self) -> str:
        """Who drives the truck."""
        return f"{self.site}-T-P1"

    @property
    def keeper(self) -> str:
        """Who keeps its stock."""
        return f"{self.site}-P1"


DEPOTS = (
    Depot("TC-D1", "TC", "TC-S1", "通城第一供应站（演示）", (TOWNS[0], TOWNS[1])),
    Depot("TC-D2", "TC", "TC-S1", "通城第二供应站（演示）", (TOWNS[2], TOWNS[3])),
    Depot("TC-D3", "TC", "TC-S2", "通城第三供应站（演示）", (TOWNS[4], TOWNS[5])),
    Depot("JH-D1", "JH", "JH-S1", "江海第一供应站（演示）", (TOWNS[0], TOWNS[1])),
    Depot("JH-D2", "JH", "JH-S1", "江海第二供应站（演示）", (TOWNS[2], TOWNS[4])),
)
PEDLAR = Worker("WZ-W1", "WZ-V1", "tricycle", TOWNS[0])
"""Employed by WZ, which has no gas business permit (燃气经营许可)."""


class Customer(Struct, frozen=True):
    """A customer, their premises and their contract. `room`: the kitchen has a cylinder room (气瓶间)."""

    number: int
    customer: str
    premises: str
    kind: str
    depot: str
    enterprise: str
    town: str
    building: str
    crowded: bool = False
    room: bool = False
    voucher: bool = False
    proxy: bool = False
    trouble: Trouble = ""

    @property
    def resident(self) -> bool:
        """Whether it is a household."""
        return self.kind == "resident"

    @property
    def contract(self) -> str:
        """The id of their supply contract."""
        return f"CT-{self.customer}"


_KINDS = (
    ("resident", 860), ("restaurant", 90), ("school", 6), ("hospital", 4), ("hotel", 8), ("inn", 8), ("market", 5),
    ("mixed_use", 6), ("homestay", 4), ("canteen", 6), ("industrial", 3),
)  # fmt: skip
_CROWDED = ("school", "hospital", "hotel", "market")
_TROUBLED = 12
"""Every depot has so many customers of each trouble."""


def build_customers(chance: random.Random, count: int) -> list[Customer]:
    """So many customers, spread over the depots; of each trouble `_TROUBLED` at each depot at most a tenth of all."""
    troubled = min(_TROUBLED, max(2, count // (len(DEPOTS) * len(TROUBLES) * 10)))
    buildings = {town: max(2, count // _PER_BUILDING // len(TOWNS)) for town in TOWNS}
    left = {depot.site: [trouble for trouble in TROUBLES for _ in range(troubled)] for depot in DEPOTS}
    customers = []
    kinds, shares = zip(*_KINDS, strict=True)
    for number in range(count):
        depot = DEPOTS[number % len(DEPOTS)]
        town = depot.towns[number // len(DEPOTS) % len(depot.towns)]
        trouble = left[depot.site].pop() if left[depot.site] and number % 3 == 0 else ""
        kind = _kind_for(trouble) or chance.choices(kinds, shares)[0]
        name = f"{chance.getrandbits(40):010x}"
        customers.append(
            Customer(
                number, f"K{name}", f"H{name}", kind, depot.site, depot.enterprise, town,
                f"B{town[-2:]}-{chance.randrange(buildings[town]):04d}", crowded=kind in _CROWDED,
                room=kind == "restaurant" and chance.random() < _WITH_ROOM, voucher=chance.random() < _WITH_VOUCHER,
                proxy=chance.random() < _WITH_PROXY, trouble=trouble,
            )
        )  # fmt: skip
    return customers


def _kind_for(trouble: Trouble) -> str:
    if trouble in ("no_alarm", "converted"):
        return "restaurant"
    return "resident" if trouble else ""


_WITH_ROOM, _WITH_VOUCHER, _WITH_PROXY = 0.3, 0.4, 0.05
