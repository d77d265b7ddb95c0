"""The bench's town: stations with their papers in order, devices with keys of their own, and claims that go round.

Every cylinder goes pre-check, leave, start, done, post-check, release, out for sale, back empty, and round again, a
group at a time. Each device owns its cylinders and its chain of bundles, so order holds however many devices send at
once. Keys and ids come from one seed; only the times are real.
"""

import random
import time
from collections.abc import Callable, Iterator
from itertools import count, cycle, islice

from api.demo.city_filings import BUNDLE, LISTED
from api.demo.city_signers import CitySigner, ClaimIds
from api.demo.clerk import Clerk
from api.packs import shipped_pack
from api.town.work import Cylinder, Station, fill, release, station_papers
from ledger import claim as c
from ledger.china import add_months, day_of
from ledger.identity import own_code

ORIGIN = "bench.ledger.example/320600/v1"
DISTRICT = "320600"
SEED = 320_600
GROUP = 25
"""Cylinders that go through the same step one after the other, as on a carousel."""
STATIONS = 8
LOAD_CAP_G = 50_000_000
"""Of a station's one truck, which carries whatever is on its way at once."""
MAKER = "TSA01"
MAKING = {"kind": "manufacture", "valid_from": "2000-01-01", "valid_to": "2099-12-31"}

Clock = Callable[[], int]


def real_clock() -> int:
    """Milliseconds UTC by this machine; `api.serve` has the same, and the whole web framework with it."""
    return time.time_ns() // 1_000_000


class Device:
    """One of a station's devices. `claims` never ends; `sign` takes the next claims of it into a bundle."""

    def __init__(self, number: int, cylinders: list[c.RegisterCylinder], clock: Clock) -> None:
        self.site = f"S{number % STATIONS}"
        self.signer = CitySigner(f"device {number}", SEED)
        self.cylinders = cylinders
        self._station = Station(self.site, "E1")
        self._clock = clock
        self._clerk = Clerk(ClaimIds(random.Random(f"device {number}")), clock())  # noqa: S311 - play, not a secret
        self._scale = count(1)
        self._claims = self._endless()

    def sign(self, claims: int) -> bytes:
        """The envelope of the next bundle of so many claims."""
        self._clerk.at_ms = self._clock()
        return self.signer.sign(ORIGIN, list(islice(self._claims, claims)))

    def _endless(self) -> Iterator[c.AnyClaim]:
        bodies = [Cylinder(one.cylinder, one.code, one.serial[-4:], one.tare_g) for one in self.cylinders]
        groups = [bodies[first : first + GROUP] for first in range(0, len(bodies), GROUP)]
        for group in cycle(groups):
            yield from fill(self._clerk, self._station, self._station.lot(1), group, self._scale)
            yield from release(self._clerk, self._station, group)
            yield from self._sell(group)

    def _sell(self, group: list[Cylinder]) -> Iterator[c.AnyClaim]:
        make = self._clerk.make
        moved = {**self._station.by(2), "vehicle": f"{self.site}-V1"}
        for one in group:
            yield make(c.DepotOut, code=one.code, **moved, purpose=c.Purpose.SALE)
        for one in group:
            yield make(c.DepotIn, code=one.code, **moved, purpose=c.Purpose.RETURN, content=c.Content.EMPTY)


class Town:
    """Who and what there is. `devices` gives new ones that have said nothing yet, the same each time."""

    def __init__(self, devices: int, cylinders_each: int, clock: Clock) -> None:
        self._clock = clock
        self._ids = ClaimIds(random.Random("town"))  # noqa: S311 - play, not a secret
        self._clerk = Clerk(self._ids, clock())
        self._authority, self._office = CitySigner("authority", SEED), CitySigner("office", SEED)
        self._count = devices
        self.fleet = [self._cylinder(number) for number in range(devices * cylinders_each)]
        self._each = cylinders_each

    def devices(self, count: int) -> list[Device]:
        """The first so many devices."""
        fleet, each = self.fleet, self._each
        return [Device(n, fleet[n * each : (n + 1) * each], self._clock) for n in range(count)]

    def office_pem(self) -> bytes:
        """The office's private key, for a command that signs as it."""
        return self._office.pem()

    def opening(self) -> bytes:
        """The signed bundle of entry 0."""
        claim = self._clerk.make(
            c.OpenLog, origin=ORIGIN, authority=self._authority.public,
            log_signer=CitySigner("log", SEED).public, pack=shipped_pack(DISTRICT),
        )  # fmt: skip
        return self._authority.sign(ORIGIN, [claim])

    def filings(self) -> Iterator[bytes]:
        """The signed bundles of all that must be filed before the first scan, in order."""
        day = day_of(self._clerk.at_ms)
        years = {"valid_from": f"{int(day[:4]) - 1}-01-01", "valid_to": f"{int(day[:4]) + 1}-12-31"}
        clerk, make = self._clerk, self._clerk.make
        paper = {"kind": "filling", "status": "valid", **years}
        yield self._authority.sign(ORIGIN, [
            make(c.FileEnterprise, enterprise="E1", kind="filler", name="压测燃气", service_phone="0513-00000100"),
            make(c.FilePermit, permit="PM1", enterprise="E1", media=("lpg",), **paper),
            make(c.FilePermit, permit="GP1", enterprise="E1", media=("lpg",), **paper | {"kind": "gas_business"}),
            make(c.FilePermit, permit="TP1", enterprise="E1", media=("lpg",), **paper | {"kind": "transport"}),
            make(c.FileEnterprise, enterprise="SU1", kind="supplier", name="压测供气", service_phone="0513-00000101"),
            make(c.FilePermit, permit="SP1", enterprise="SU1", media=("lpg",), **paper | {"kind": "supply"}),
            make(c.FileEnterprise, enterprise=MAKER, kind="manufacturer", name="瓶厂", service_phone="0513-00000102"),
            make(c.FilePermit, permit="MP1", enterprise=MAKER, media=("lpg",), **paper | MAKING),
            clerk.enrolment(self._office, c.Role.OFFICE, "E1"),
        ])  # fmt: skip
        yield self._office.sign(ORIGIN, [make(c.FileInsurance, policy="INS1", enterprise="E1", **years)])
        for number in range(STATIONS):
            papers = station_papers(clerk, Station(f"S{number}", "E1"), DISTRICT, "SP1", years)
            vehicle = {"vehicle": f"S{number}-V1", "kind": "dg_truck", "permit": "TP1", "load_cap_g": LOAD_CAP_G}
            truck = make(c.FileVehicle, enterprise="E1", status="in_service", **vehicle)
            yield self._office.sign(ORIGIN, [*papers, truck])
        enrolled = [clerk.enrolment(one.signer, c.Role.STATION, "E1", (one.site,)) for one in self.devices(self._count)]
        yield self._authority.sign(ORIGIN, enrolled)
        for first in range(0, len(self.fleet), BUNDLE):
            yield self._office.sign(ORIGIN, self.fleet[first : first + BUNDLE])
        for first in range(0, len(self.fleet), LISTED):
            keys = tuple(one.cylinder for one in self.fleet[first : first + LISTED])
            listed = {"certificate": f"UR{first}", "enterprise": "E1", "cylinders": keys, "status": "valid"}
            yield self._authority.sign(ORIGIN, [make(c.FileUseRegistration, **listed)])
        for first in range(0, len(self.fleet), BUNDLE):
            yield self._office.sign(ORIGIN, list(self._counted(first)))

    def _counted(self, first: int) -> Iterator[c.AnyClaim]:
        for number, one in enumerate(self.fleet[first : first + BUNDLE], first):
            site = f"S{number // self._each % STATIONS}"
            by = {"site": site, "person": f"{site}-P1"}
            yield self._clerk.make(c.CountStock, code=one.code, **by, content=c.Content.EMPTY)

    def _cylinder(self, number: int) -> c.RegisterCylinder:
        return self._clerk.make(
            c.RegisterCylinder, cylinder=self._ids.new(self._clerk.at_ms),
            code=str(own_code("BN32", f"{number:07d}")), owner="E1", maker=MAKER, serial=f"B{number:07d}",
            made_month=add_months(day_of(self._clerk.at_ms)[:7], -12 - number % 24), model="YSP35.5",
            phase=c.Phase.VAPOUR, water_volume_ml=35_500, tare_g=16_300 + number % 40 * 10, max_fill_g=14_900,
            design_life_months=144, filler_mark="E1", ownership="invoice",
        )  # fmt: skip
