"""A generated town: three enterprises with three stations each, their vehicles and customers, house beside house.

Households of all three live in one building, so that a building's stock is never one enterprise's to tell.
"""

from collections import deque
from functools import cached_property

from msgspec import Struct

from api.town.work import Cylinder, Station
from ledger import claim as c
from ledger.china import add_months, day_of
from ledger.identity import own_code

ORIGIN = "town.cylinder-ledger.example/320600/v1"
DISTRICT, TOWN = "320600", "320600001"
ENTERPRISES = {"TA": "青石燃气", "TB": "云岭燃气", "TC": "东塘燃气"}
SUPPLIER, SUPPLY_PERMIT = "TS", "TS-SUPPLY"
MAKERS = tuple(f"TM{number:02}" for number in range(1, 11))
MADE_OF_ONE = 10_000
"""So many cylinders in turn are one maker's: a recall of this size always has its maker."""
STATIONS_EACH, VEHICLES_EACH = 3, 8
HOUSEHOLDS_A_BUILDING = 24
_CUSTOMERS_PERCENT = 45
_RESTAURANT_EVERY = 9


class Visited(Struct):
    """A customer: what stands there, oldest first, and how many it keeps."""

    number: int
    restaurant: bool
    holds: deque[Cylinder]

    @property
    def customer(self) -> str:
        """Its id."""
        return f"K{self.number}"

    @property
    def premises(self) -> str:
        """Its premises."""
        return f"H{self.number}"

    @property
    def building(self) -> str:
        """Where that is."""
        return f"B{self.number // HOUSEHOLDS_A_BUILDING}"

    @property
    def keeps(self) -> int:
        """So many cylinders stand there when it was served."""
        return 2 if self.restaurant else 1


class Plan(Struct, frozen=True, dict=True):
    """A town's size, its seed, and when it begins (ms UTC)."""

    cylinders: int
    seed: int
    begins_ms: int

    @cached_property
    def stations(self) -> list[Station]:
        """All stations, the enterprises in turn."""
        return [
            Station(f"{enterprise}-S{number}", enterprise)
            for number in range(1, STATIONS_EACH + 1)
            for enterprise in ENTERPRISES
        ]

    def vehicles(self, station: Station) -> list[str]:
        """The vehicles of a station."""
        return [f"{station.site}-V{number}" for number in range(1, VEHICLES_EACH + 1)]

    @cached_property
    def customers(self) -> list[Visited]:
        """Every customer; the n-th is served by the n-th station, in turn."""
        count = self.cylinders * _CUSTOMERS_PERCENT // 100
        return [Visited(number, number % _RESTAURANT_EVERY == 0, deque()) for number in range(count)]

    def station_of(self, number: int) -> Station:
        """Whose the n-th cylinder or customer is."""
        return self.stations[number % len(self.stations)]

    def code(self, number: int) -> str:
        """The code of the n-th cylinder."""
        return str(own_code("TWN3", f"{number:07d}"))

    def paper(self, number: int) -> dict[str, object]:
        """The n-th cylinder's master data, but for its ledger id and code."""
        owner, begin = self.station_of(number).enterprise, day_of(self.begins_ms)[:7]
        return {
            "owner": owner, "maker": MAKERS[number // MADE_OF_ONE % len(MAKERS)], "serial": f"T{number:07d}",
            "made_month": add_months(begin, -12 - number % 24), "model": "YSP35.5", "phase": c.Phase.VAPOUR,
            "water_volume_ml": 35_500, "tare_g": 16_300 + number % 40 * 10, "max_fill_g": 14_900,
            "design_life_months": 144, "filler_mark": owner, "ownership": "invoice",
        }  # fmt: skip
