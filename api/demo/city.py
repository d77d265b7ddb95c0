"""The demo's city: three fillers of which one has merged, three stations, and some 5,000 cylinders in 320600.

    TC  通城示范燃气   TC-S1 carousel and scales, TC-S2 scales; 3,100 cylinders
    JH  江海示范液化气  JH-S1 scales; 1,780 cylinders, in TC's custody by an agreement; insurance lapsed a week ago
    HB  海滨示范燃气   merged into TC on the first of the month; 120 cylinders
    JY  示范气瓶检验站  the inspection body
    SY  示范石化      the supplier of the gas; and the makers of the cylinders

Supply stations, delivery workers and customers: `api.demo.city_supply`.

All of it is invented, down to the phone numbers. One seed gives one city, byte for byte.
"""

import random

from msgspec import Struct

from api.demo.city_cylinders import LICENSED_MAKERS, CityCylinder, build_cylinders
from api.demo.city_signers import CitySigner, ClaimIds
from api.demo.city_supply import CUSTOMERS, DEPOTS, PEDLAR, Customer, build_customers
from ledger.clock import ScaledTime

ORIGIN = "demo.cylinder-ledger.example/320600/v1"
DISTRICT = "320600"
HOST = "Q.EXAMPLE.CN"
TODAY = "2026-03-12"
SHIFT_AT_MS = 1_773_273_600_000
"""The morning shift begins: 2026-03-12 08:00 in China, ms UTC."""
TRANSITION_UNTIL = "2026-03-08"
"""The last of the stations' first days: what was counted full by then is opening stock (FLOW.md section 4)."""
MERGED_ON = "2026-03-01"
MINUTE_MS = 60_000
DAY_MS = 86_400_000


STAND_INS = 30


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

    `filler` and `checker` hold certificates in force, `lapsed` one that has expired, `apprentice` none, `barred` one in
    force, but is on the authority's blacklist. `courier` delivers with the vehicle and has a key of their own.
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
    def barred(self) -> str:
        """Who is on the blacklist."""
        return f"{self.site}-P5"

    @property
    def second_filler(self) -> str:
        """Who fills at every line but the first."""
        return f"{self.site}-P6"

    @property
    def stand_ins(self) -> tuple[str, ...]:
        """Others with a certificate in force."""
        return tuple(f"{self.site}-Q{number}" for number in range(1, STAND_INS + 1))

    def stand_in(self, number: int) -> str:
        """The `number`-th of them, over and over."""
        return self.stand_ins[number % STAND_INS]

    @property
    def courier(self) -> str:
        """Who delivers (送气工)."""
        return f"{self.site}-D1"

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
        """Lots that nothing may be filled from: not released yet, without odorant certificate, with DME, of a supplier
        without a permit, with too much residue, of an industrial gas.
        """
        return tuple(f"{self.site}-T{number}" for number in range(2, 8))

    def good_lines(self) -> list[str]:
        """The lines where honest work happens."""
        return [line.line for line in self.lines if line.good]


ENTERPRISES = (
    Enterprise("TC", "filler", "通城示范燃气有限公司（演示）", "0513-00000101", "TC32", 1, 3_100),
    Enterprise("JH", "filler", "江海示范液化气有限公司（演示）", "0513-00000102", "JH32", 2, 1_780),
    Enterprise("HB", "filler", "海滨示范燃气有限公司（演示）", "0513-00000104", "HB32", 3, 120),
    Enterprise("JY", "inspection_body", "示范气瓶检验站（演示）", "0513-00000103"),
    Enterprise("SY", "supplier", "示范石化有限公司（演示）", "0513-00000105"),
    *(Enterprise(maker, "manufacturer", f"示范容器厂 {maker}（演示）", "0513-00000106") for maker in LICENSED_MAKERS),
)
SUCCESSORS = {"HB": "TC"}
"""Who merged into whom."""
STATIONS = (
    Station(
        "TC-S1",
        "TC",
        "通城一站（演示）",
        (Line("TC-S1-R1", "carousel"), Line("TC-S1-L1"), Line("TC-S1-L9", calibrated=False)),
        honest=95,
    ),
    Station(
        "TC-S2",
        "TC",
        "通城二站（演示）",
        (Line("TC-S2-L1"), Line("TC-S2-L2"), Line("TC-S2-L8", spare=True), Line("TC-S2-X1", filed=False)),
        honest=75,
    ),
    Station(
        "JH-S1",
        "JH",
        "江海一站（演示）",
        (Line("JH-S1-L1"), Line("JH-S1-L2"), Line("JH-S1-L9", calibrated=False)),
        honest=55,
    ),
)
BODY_SITE = "JY-1"
INSPECTOR, REVIEWER, TRAINEE = "JY-P1", "JY-P2", "JY-P3"


class City(Struct, frozen=True):
    """The town of one seed. `signers` by name; `cylinders` in order of registration."""

    seed: int
    signers: dict[str, CitySigner]
    cylinders: list[CityCylinder]
    customers: list[Customer]


def build_city(seed: int, customers: int = CUSTOMERS) -> City:
    """The town of this seed, with so many customers."""
    chance = random.Random(f"city {seed}")  # noqa: S311 - play, not a secret
    ids = ClaimIds(chance)
    cylinders: list[CityCylinder] = []
    for enterprise in ENTERPRISES:
        there = SUCCESSORS.get(enterprise.enterprise, enterprise.enterprise)
        homes = [station.site for station in STATIONS if station.enterprise == there]
        if enterprise.owns:
            cylinders += build_cylinders(
                chance, ids, owner=enterprise.enterprise, issuer=enterprise.issuer,
                old_system=enterprise.old_system, count=enterprise.owns, homes=homes, today=TODAY,
                at_ms=SHIFT_AT_MS - 9 * DAY_MS,
            )  # fmt: skip
    names = ["authority", "log", *(f"office:{one.enterprise}" for one in ENTERPRISES), f"body:{BODY_SITE}"]
    names += [f"{post}:{station.site}" for station in STATIONS for post in ("agent", "desk", "courier")]
    names += ["office:WZ", PEDLAR.phone, *(f"desk:{depot.site}" for depot in DEPOTS)]
    names += [worker.phone for depot in DEPOTS for worker in depot.workers]
    kitchens = build_customers(random.Random(f"customers {seed}"), customers)  # noqa: S311 - play, not a secret
    return City(seed, {name: CitySigner(name, seed) for name in names}, cylinders, kitchens)


def story_time(real_start_ms: int, scale: int) -> ScaledTime:
    """The shift's clock: 08:00 at this real instant (ms UTC), then `scale` story ms a real ms."""
    return ScaledTime(real_start_ms, SHIFT_AT_MS, scale)
