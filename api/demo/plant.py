"""What is wrong in the demo's city and which rule must say so: the answers are compared with this at the end.

A shift is played by the stations' agents (`Run`: one agent process over one plan) and by the city's offices, desks,
inspection body and authority (`Deed`: one signed claim). Each has a tag; a tag that is in `plants` must meet its rule,
any other is honest work and must meet none.
"""

import random
from typing import Literal

from msgspec import Struct

from api.demo.city import City
from api.demo.city_cylinders import CityCylinder
from api.demo.city_signers import ClaimIds
from api.demo.city_supply import Customer, Trouble
from api.demo.clerk import Clerk
from api.demo.errand import Errand
from api.demo.plan import Script
from api.demo.plant_ways import WAYS, family_of
from ledger import claim as c

Moment = Literal["opening", "midday", "closing", "incident"]
Manner = Literal["plain", "until_challenged", "referring"]


class Plant(Struct, frozen=True):
    """One planted violation: `way` names it in WAYS."""

    tag: str
    way: str

    @property
    def rule(self) -> str:
        """The rule that must answer, id without version."""
        return WAYS[self.way].rule

    @property
    def family(self) -> str:
        """Its family."""
        return family_of(self.rule)

    @property
    def allowed(self) -> frozenset[str]:
        """The rules that may answer."""
        return frozenset((self.rule, *WAYS[self.way].also))


class Deed(Struct, frozen=True):
    """One claim that the demo signs itself. Its id and time are given when it is sent.

    `manner`: a pre-check said again, each time with a new id, `until_challenged` by the ledger; a correction that is
    `referring` to the entry that was made last about the cylinder, whose index nobody knows beforehand.
    """

    tag: str
    moment: Moment
    signer: str
    claim: c.AnyClaim
    manner: Manner = "plain"


class Run(Struct, frozen=True):
    """One agent's plan. Runs of a site follow each other; `before` are the deeds that come just before this one."""

    site: str
    scripts: list[Script]
    before: list[Deed]


class Haul(Struct, frozen=True):
    """A cylinder on its way from the station that fills it to a kitchen: into its depot (`taken`) once it has left,
    then the `errand` of a delivery worker, then its empty back to the station (`sent`).
    """

    code: str
    taken: Deed
    errand: Errand
    sent: tuple[Deed, ...]


class Past(Struct, frozen=True):
    """What one signer said at one instant (ms UTC) of the days before."""

    at_ms: int
    signer: str
    claims: tuple[c.AnyClaim, ...]


class Bang(Struct, frozen=True):
    """The cylinder that will explode, where it will stand, and how it came there; all opaque ids."""

    code: str
    cylinder: str
    serial: str
    maker: str
    made_month: str
    line: str
    lot: str
    enterprise: str
    depot: str
    vehicle: str
    worker: str
    premises: str
    building: str


class Planting(Struct, frozen=True):
    """Everything that will happen. `stock` is what the count before the shift finds, per site, `homes` what it finds at
    customers'; `orders` are filed before it.

    `through` gives, by tag, the code of each script that must come out of the depot for sale; `traced` is a code with a
    story to tell. `errands` are for the phones, `hauls` by the tag of the script that fills it. `past` is what
    was told in the days before; `alerts` are all that the log must raise: a kind, and what about. `bang` comes last.
    """

    plants: dict[str, Plant]
    runs: list[Run]
    deeds: list[Deed]
    stock: dict[str, list[tuple[CityCylinder, c.Content]]]
    through: dict[str, str]
    traced: str
    errands: list[Errand]
    hauls: dict[str, Haul]
    homes: list[tuple[Customer, tuple[str, ...]]]
    orders: list[c.FileOrder]
    past: list[Past]
    alerts: list[tuple[str, str]]
    bang: Bang

    def planted(self) -> dict[str, int]:
        """How many were planted, per family."""
        counts: dict[str, int] = {}
        for plant in self.plants.values():
            counts[plant.family] = counts.get(plant.family, 0) + 1
        return dict(sorted(counts.items()))

    def every_deed(self) -> list[Deed]:
        """All deeds of the day, those between runs and beside hauls included."""
        hauled = (deed for haul in self.hauls.values() for deed in (haul.taken, *haul.sent))
        return [*self.deeds, *(deed for run in self.runs for deed in run.before), *hauled]

    def errands_of(self, enterprise: str) -> list[Errand]:
        """The errands of that enterprise's workers, in order."""
        return [errand for errand in self.errands if errand.phone.startswith(f"phone:{enterprise}-")]

    def every_errand(self) -> list[Errand]:
        """All errands of the day."""
        return [*self.errands, *(haul.errand for haul in self.hauls.values())]

    def at(self, moment: Moment) -> list[Deed]:
        """The deeds of that moment, in order."""
        return [deed for deed in self.deeds if deed.moment == moment]


class Sower:
    """Hands out cylinders and tags while a planting grows; no cylinder is handed out twice."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.chance = random.Random(f"plant {city.seed}")  # noqa: S311 - play, not a secret
        self.ids = ClaimIds(self.chance)
        self.plants: dict[str, Plant] = {}
        self.deeds: list[Deed] = []
        self.through: dict[str, str] = {}
        self.stock: dict[str, list[tuple[CityCylinder, c.Content]]] = {}
        self.homes: dict[str, tuple[Customer, list[str]]] = {}
        self.orders: list[c.FileOrder] = []
        self.alerts: list[tuple[str, str]] = []
        self.sold: dict[str, tuple[CityCylinder, str]] = {}
        self.kept: dict[str, list[tuple[str, str]]] = {}
        self._customers = list(city.customers)
        self.chance.shuffle(self._customers)
        self._numbers: dict[str, int] = {}
        self._left = list(city.cylinders)
        self.chance.shuffle(self._left)

    def tag(self, name: str) -> str:
        """The next tag of this name; a way of WAYS makes it a plant."""
        number = self._numbers[name] = self._numbers.get(name, 0) + 1
        tag = f"{name}-{number}"
        if name in WAYS:
            self.plants[tag] = Plant(tag, name)
        return tag

    def cylinder(
        self,
        state: str = "fit",
        *,
        site: str | None = None,
        owner: str | None = None,
        scheme: str = "",
        model: str = "",
    ) -> CityCylinder:
        """A cylinder of that state that nobody has had yet; of a home site, an owner, a code scheme, a model."""
        for number, one in enumerate(self._left):
            wanted = one.state == state and site in (None, one.home) and owner in (None, one.registration.owner)
            if wanted and one.code.startswith(scheme) and model in ("", one.registration.model):
                return self._left.pop(number)
        raise LookupError(f"no {state} cylinder is left at {site or owner}")

    def counted(self, site: str, cylinder: CityCylinder, content: c.Content) -> CityCylinder:
        """It is found at that site in the count before the shift."""
        self.stock.setdefault(site, []).append((cylinder, content))
        return cylinder

    def alert(self, kind: str, about: str) -> None:
        """The log must raise one alert of this kind about this: `cylinder:…`, `line:…`, `person:…` …"""
        self.alerts.append((kind, about))

    def customer(self, depot: str, town: str = "", *, kind: str = "", trouble: Trouble = "") -> Customer:
        """A customer of that depot whom nobody has visited yet; of a town, a kind of premises, with that trouble."""
        for number, one in enumerate(self._customers):
            fits = one.depot == depot and one.trouble == trouble and town in ("", one.town)
            if fits and (one.kind == kind if kind else not one.crowded):
                return self._customers.pop(number)
        raise LookupError(f"no customer is left at {depot} {town} {kind} {trouble}")

    def held(self, customer: Customer, model: str = "YSP35.5") -> CityCylinder:
        """A cylinder of its supplier's that the count before the shift finds at this customer's."""
        one = self.cylinder(owner=customer.enterprise, model=model)
        self.homes.setdefault(customer.customer, (customer, []))[1].append(one.code)
        return one

    def order(self, clerk: Clerk, customer: Customer) -> str:
        """The id of an order that the customer placed."""
        order = f"OR-{customer.customer}"
        whose = {"customer": customer.customer, "premises": customer.premises, "enterprise": customer.enterprise}
        what = {"channel": "delivery", "model": "YSP35.5", "count": 1, "ordered_on": "2026-03-07", "status": "open"}
        self.orders.append(clerk.make(c.FileOrder, order=order, **whose, **what))
        return order

    def deed(self, moment: Moment, signer: str, name: str, *claims: c.AnyClaim, manner: Manner = "plain") -> None:
        """That signer will say so; the name is a way of WAYS, or any other for honest work. Several claims are one
        story with one tag; `manner` is the first one's.
        """
        tag = self.tag(name)
        for number, claim in enumerate(claims):
            self.deeds.append(Deed(tag, moment, signer, claim, "plain" if number else manner))

    def rest_of_stock(self) -> None:
        """What stands about at the stations besides: about every third cylinder, most of them empty."""
        for one in self._left:
            draw = self.chance.random()
            if draw < _COUNTED:
                self.counted(one.home, one, c.Content.FULL if draw < _COUNTED_FULL else c.Content.EMPTY)


_COUNTED, _COUNTED_FULL = 0.35, 0.1
