"""The demo's city: two enterprises, three filling stations, an inspection body and some 5,000 cylinders in 320600.

    TC  通城示范燃气   TC-S1 carousel and scales, TC-S2 scales; 3,200 cylinders
    JH  江海示范液化气  JH-S1 scales; 1,800 cylinders; insurance lapsed a week ago
    JY  示范气瓶检验站  the inspection body

All of it is invented, down to the phone numbers. One seed gives one city, byte for byte.
"""

import random

from msgspec import Struct

from api.demo.city_cylinders import CityCylinder, build_cylinders
from api.demo.city_signers import CitySigner, ClaimIds
from ledger.clock import ScaledTime

ORIGIN = "demo.cylinder-ledger.example/320600/v1"
DISTRICT = "320600"
HOST = "Q.EXAMPLE.CN"
TODAY = "2026-03-20"
SHIFT_AT_MS = 1_773_964_800_000
"""The morning shift begins: 2026-03-20 08:00 in China, ms UTC."""
MINUTE_MS = 60_000
DAY_MS = 86_400_000


class Enterprise(Struct, frozen=True):
    """An enterprise. `issuer` begins the codes that it issues, `old_system` numbers its database of before, `owns` is
    how many cylinders it has.
    """

    enterprise: str
    kind: str
    name: str
    phone: str
    issuer: str = ""
    old_system: int = 0
    owns: int = 0


class Line(Struct, frozen=True):
    """A filling line. `filed` is false for one that nobody registered; `spare` ones are out of service."""

    line: str
    kind: str = "scale"
    filed: bool = True
    spare: bool = False
    calibrated: bool = True

    @property
    def good(self) -> bool:
        """Whether honest work may happen on it."""
        return self.filed and not self.spare and self.calibrated


class Station(Struct, frozen=True):
    """A filling station: its crew by opaque ids, its lines, and its tank lots (`lot` is the released one).

    `filler` and `checker` hold certificates in force, `lapsed` one that has expired, `apprentice` none.
    """

    site: str
    enterprise: str
    name: str
    lines: tuple[Line, ...]
    honest: int

    @property
    def filler(self) -> str:
        """Who fills."""
        return f"{self.site}-P1"

    @property
    def checker(self) -> str:
        """Who does the post-check (复检)."""
        return f"{self.site}-P2"

    @property
    def lapsed(self) -> str:
        """Whose certificate has expired."""
        return f"{self.site}-P3"

    @property
    def apprentice(self) -> str:
        """Who has no certificate."""
        return f"{self.site}-P4"

    @property
    def vehicle(self) -> str:
        """What is loaded."""
        return f"{self.site}-V1"

    @property
    def lot(self) -> str:
        """The tank lot in use."""
        return f"{self.site}-T1"

    @property
    def bad_lots(self) -> tuple[str, ...]:
        """Lots that nothing may be filled from: not released yet, without odorant certificate, with DME."""
        return f"{self.site}-T2", f"{self.site}-T3", f"{self.site}-T4"

    def good_lines(self) -> list[str]:
        """The lines where honest work happens."""
        return [line.line for line in self.lines if line.good]


ENTERPRISES = (
    Enterprise("TC", "filler", "通城示范燃气有限公司（演示）", "0513-00000101", "TC32", 1, 3_200),
    Enterprise("JH", "filler", "江海示范液化气有限公司（演示）", "0513-00000102", "JH32", 2, 1_800),
    Enterprise("JY", "inspection_body", "示范气瓶检验站（演示）", "0513-00000103"),
)
STATIONS = (
    Station(
        "TC-S1",
        "TC",
        "通城一站（演示）",
        (Line("TC-S1-R1", "carousel"), Line("TC-S1-L1"), Line("TC-S1-L9", calibrated=False)),
        honest=110,
    ),
    Station(
        "TC-S2",
        "TC",
        "通城二站（演示）",
        (Line("TC-S2-L1"), Line("TC-S2-L2"), Line("TC-S2-L8", spare=True), Line("TC-S2-X1", filed=False)),
        honest=90,
    ),
    Station(
        "JH-S1",
        "JH",
        "江海一站（演示）",
        (Line("JH-S1-L1"), Line("JH-S1-L2"), Line("JH-S1-L9", calibrated=False)),
        honest=65,
    ),
)
BODY_SITE = "JY-1"
INSPECTOR, REVIEWER, TRAINEE = "JY-P1", "JY-P2", "JY-P3"


class City(Struct, frozen=True):
    """The town of one seed. `signers` by name; `cylinders` in order of registration."""

    seed: int
    signers: dict[str, CitySigner]
    cylinders: list[CityCylinder]


def build_city(seed: int) -> City:
    """The town of this seed."""
    chance = random.Random(f"city {seed}")  # noqa: S311 - play, not a secret
    ids = ClaimIds(chance)
    cylinders: list[CityCylinder] = []
    for enterprise in ENTERPRISES:
        homes = [station.site for station in STATIONS if station.enterprise == enterprise.enterprise]
        if enterprise.owns:
            cylinders += build_cylinders(
                chance, ids, owner=enterprise.enterprise, issuer=enterprise.issuer,
                old_system=enterprise.old_system, count=enterprise.owns, homes=homes, today=TODAY,
                at_ms=SHIFT_AT_MS - 9 * DAY_MS,
            )  # fmt: skip
    names = ["authority", "log", *(f"office:{one.enterprise}" for one in ENTERPRISES), f"body:{BODY_SITE}"]
    names += [f"{post}:{station.site}" for station in STATIONS for post in ("agent", "desk")]
    return City(seed, {name: CitySigner(name, seed) for name in names}, cylinders)


def story_time(real_start_ms: int, scale: int) -> ScaledTime:
    """The shift's clock: 08:00 at this real instant (ms UTC), then `scale` story ms a real ms."""
    return ScaledTime(real_start_ms, SHIFT_AT_MS, scale)
