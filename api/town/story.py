"""A town's story as signed bundles, step after step: one seed is one story, byte for byte, without end.

Filed first: who is who, the customers, the cylinders, the count that opens custody. Then round after round each station
fills a group, its vehicles bring them to the customers whose turn it is, and bring the empties back.
"""

import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from itertools import count, islice

from msgspec import Struct

from api.demo.city_filings import BUNDLE, LISTED
from api.demo.city_signers import CitySigner, ClaimIds
from api.demo.clerk import Clerk, digest_of
from api.packs import shipped_pack
from api.town.founding import customer_papers, enterprise_papers, fleet_papers, station_bundle
from api.town.plan import DISTRICT, MAKERS, ORIGIN, SUPPLY_PERMIT, Plan, Visited
from api.town.work import Cylinder, Station, fill, release, tank_lot
from ledger import claim as c

GROUP = 48
_ROUND_MS, _HOUR_MS, _VISIT_MS = 6 * 3_600_000, 3_600_000, 15_000
_AN_APPEND = 4
"""Full bundles in one transaction, while papers are filed."""
_LOT_ROUNDS, _HAZARD_ROUNDS = 12, 8
_PHOTO = digest_of("photo")
_BEFORE = digest_of("before")
_CHECK = c.SafetyCheck("delivery-1", photos=(_PHOTO,))
_HOME = c.SafetyCheck("home-1", photos=(_PHOTO,))
_SIGNED = c.Confirmation("signature", "matched", digest=digest_of("signature"))


class Step(Struct, frozen=True):
    """Bundles that are recorded together, when (ms UTC), and how many claims they are."""

    at_ms: int
    bundles: list[bytes]
    claims: int


class _Depot(Struct):
    """A station and what waits there: empties, and customers in the order of their turn. `lots`: tank lots so far."""

    station: Station
    empties: deque[Cylinder]
    queue: deque[Visited]
    scale: Iterator[int]
    lots: int = 1


class Story:
    """One town's story under way. `steps` is its only thread: who takes one step takes them in order."""

    def __init__(self, plan: Plan) -> None:
        """Nothing is said yet."""
        self.plan = plan
        self._clerk = Clerk(ClaimIds(random.Random(f"town {plan.seed}")), plan.begins_ms)  # noqa: S311 - play
        self._signers: dict[str, CitySigner] = {}
        self._pending: list[tuple[bytes, int]] = []
        self.fleet: list[Cylinder] = []
        self._depots = [_Depot(one, deque(), deque(), count(1)) for one in plan.stations]
        self._road: dict[str, list[tuple[Station, Cylinder, Visited, Cylinder | None]]] = {}
        self.steps = self._told()

    def signer(self, name: str) -> CitySigner:
        """The signer of that name; its key follows from name and seed."""
        if name not in self._signers:
            self._signers[name] = CitySigner(name, self.plan.seed)
        return self._signers[name]

    def _say(self, name: str, claims: Sequence[c.AnyClaim]) -> None:
        for first in range(0, len(claims), BUNDLE):
            some = claims[first : first + BUNDLE]
            self._pending.append((self.signer(name).sign(ORIGIN, some), len(some)))

    def _step(self) -> Step:
        pending, self._pending = self._pending, []
        return Step(self._clerk.at_ms, [bundle for bundle, _ in pending], sum(claims for _, claims in pending))

    def _told(self) -> Iterator[Step]:
        yield from self._founded()
        for number in count():
            for depot in self._depots:
                self._fill(depot, number)
            yield self._step()
            self._clerk.at_ms += _HOUR_MS
            back = [self._deliver(depot, number) for depot in self._depots]
            yield self._step()
            self._clerk.at_ms += _HOUR_MS
            for depot, empties in zip(self._depots, back, strict=True):
                self._take_in(depot, empties)
            yield self._step()
            self._clerk.at_ms += _ROUND_MS - 2 * _HOUR_MS

    def _founded(self) -> Iterator[Step]:
        clerk, plan = self._clerk, self.plan
        opening = clerk.make(
            c.OpenLog, origin=ORIGIN, authority=self.signer("authority").public,
            log_signer=self.signer("log").public, pack=shipped_pack(DISTRICT), demo=True,
        )  # fmt: skip
        self._say("authority", [opening])
        yield self._step()
        self._say("authority", list(enterprise_papers(clerk, self.signer)))
        yield self._step()
        for depot in self._depots:
            by_office, by_authority = station_bundle(clerk, plan, depot.station, self.signer)
            self._say(f"office:{depot.station.enterprise}", by_office)
            self._say("authority", by_authority)
        yield self._step()
        for enterprise in dict.fromkeys(one.enterprise for one in plan.stations):
            own = [one for one in plan.customers if plan.station_of(one.number).enterprise == enterprise]
            papers = customer_papers(clerk, plan, enterprise, own)
            yield from self._filed(f"office:{enterprise}", papers)
        for one in plan.customers:
            self._depots[one.number % len(self._depots)].queue.append(one)
        yield from self._fleet()
        clerk.at_ms += _HOUR_MS

    def _filed(self, name: str, claims: Iterator[c.AnyClaim]) -> Iterator[Step]:
        while some := list(islice(claims, BUNDLE)):
            self._say(name, some)
            if len(self._pending) == _AN_APPEND:
                yield self._step()
        if self._pending:
            yield self._step()

    def _fleet(self) -> Iterator[Step]:
        """Registered, listed and counted, some at a time."""
        clerk, plan = self._clerk, self.plan
        for first in range(0, plan.cylinders, _AN_APPEND * BUNDLE):
            some = range(first, min(plan.cylinders, first + _AN_APPEND * BUNDLE))
            made = [(number, fleet_papers(clerk, plan, number)) for number in some]
            for number, (one, _) in made:
                self.fleet.append(one)
                self._depots[number % len(self._depots)].empties.append(one)
            for enterprise in dict.fromkeys(one.enterprise for one in plan.stations):
                own = [(n, pair) for n, pair in made if plan.station_of(n).enterprise == enterprise]
                self._say(f"office:{enterprise}", [paper for _, (_, paper) in own])
                for part in range(0, len(own), LISTED):
                    keys = tuple(one.key for _, (one, _) in own[part : part + LISTED])
                    certificate = f"{enterprise}-UR{first + part}"
                    fields = {"certificate": certificate, "enterprise": enterprise, "status": "valid"}
                    self._say("authority", [clerk.make(c.FileUseRegistration, cylinders=keys, **fields)])
            yield self._step()
            for depot in self._depots:
                here = [one for number, (one, _) in made if plan.station_of(number) == depot.station]
                by = depot.station.by(1)
                counted = [clerk.make(c.CountStock, code=one.code, **by, content=c.Content.EMPTY) for one in here]
                self._say(f"desk:{depot.station.site}", counted)
            yield self._step()

    def _fill(self, depot: _Depot, number: int) -> None:
        station, clerk = depot.station, self._clerk
        if number % _LOT_ROUNDS == _LOT_ROUNDS - 1:
            depot.lots += 1
            self._say(f"office:{station.enterprise}", [tank_lot(clerk, station, depot.lots, SUPPLY_PERMIT)])
        group = self._group(depot)
        claims = [*fill(clerk, station, station.lot(depot.lots), group, depot.scale), *release(clerk, station, group)]
        self._say(f"desk:{station.site}", claims)

    def _group(self, depot: _Depot) -> list[Cylinder]:
        """The next ones to be filled; the longest empty first."""
        return [depot.empties[n] for n in range(min(GROUP, len(depot.empties)))]

    def _deliver(self, depot: _Depot, number: int) -> list[list[Cylinder]]:
        """Each vehicle's tour: what it brings back."""
        group = [depot.empties.popleft() for _ in self._group(depot)]
        vehicles = self.plan.vehicles(depot.station)
        each = -(-GROUP // len(vehicles))
        back: list[list[Cylinder]] = []
        recorded_at = self._clerk.at_ms
        for n, vehicle in enumerate(vehicles):
            load = group[n * each : (n + 1) * each]
            self._clerk.at_ms = recorded_at - 2 * each * _VISIT_MS
            claims = list(self._loaded(depot.station, vehicle, load))
            back.append([])
            for one in load:
                self._clerk.at_ms += _VISIT_MS
                customer, empty = self._turn(depot, one)
                claims.append(self._hand_over(depot.station, vehicle, one, customer, empty))
                if empty is not None:
                    claims.append(self._collected(depot.station, vehicle, customer, empty))
                    back[-1].append(empty)
            if n == 0 and load:
                claims += self._look_after(vehicle, depot.queue[-1], hazard=number % _HAZARD_ROUNDS == 0)
            self._say(f"phone:{vehicle}", claims)
        self._clerk.at_ms = recorded_at
        return back

    def _loaded(self, station: Station, vehicle: str, load: list[Cylinder]) -> Iterator[c.AnyClaim]:
        by = {"site": station.site, "person": f"{vehicle}-W", "vehicle": vehicle}
        return (self._clerk.make(c.LoadVehicle, code=one.code, **by) for one in load)

    def _turn(self, depot: _Depot, one: Cylinder) -> tuple[Visited, Cylinder | None]:
        """Whose turn it is to get this one, and what they give back, if they have more than they keep."""
        customer = depot.queue[0]
        depot.queue.rotate(-1)
        customer.holds.append(one)
        return customer, customer.holds.popleft() if len(customer.holds) > customer.keeps else None

    def _hand_over(
        self, station: Station, vehicle: str, one: Cylinder, customer: Visited, empty: Cylinder | None
    ) -> c.HandOver:
        """One door: the full one in, with the check, the confirmation and what is taken back."""
        return self._clerk.make(
            c.HandOver, code=one.code, site=station.site, person=f"{vehicle}-W", vehicle=vehicle,
            customer=customer.customer, premises=customer.premises, position="outdoor", check=_CHECK,
            confirmation=_SIGNED, in_area=True, empties=() if empty is None else (empty.code,),
        )  # fmt: skip

    def _collected(self, station: Station, vehicle: str, customer: Visited, empty: Cylinder) -> c.AnyClaim:
        at = {"customer": customer.customer, "premises": customer.premises}
        by = {"site": station.site, "person": f"{vehicle}-W", "vehicle": vehicle}
        return self._clerk.make(c.CollectCylinder, code=empty.code, content=c.Content.EMPTY, **by, **at)

    def _look_after(self, vehicle: str, customer: Visited, *, hazard: bool) -> Iterator[c.AnyClaim]:
        """A check at home; now and then a hazard, put right on the spot."""
        make, by = self._clerk.make, {"premises": customer.premises, "person": f"{vehicle}-W"}
        yield make(c.CheckPremises, kind="home", check=_HOME, confirmation=_SIGNED, **by)
        if hazard:
            found = make(
                c.OpenHazard, item=c.CheckItem.HOSE_AGED, grade="equipment", deadline="2099-12-31", notice="signed",
                notice_digest=_PHOTO, photo_digest=_PHOTO, **by,
            )  # fmt: skip
            yield found
            yield make(c.RectifyHazard, hazard=found.claim_id, photo_digest=_PHOTO, before_digest=_BEFORE, **by)

    def _take_in(self, depot: _Depot, back: list[list[Cylinder]]) -> None:
        """At the gate each empty is scanned in, and waits for its next fill."""
        claims: list[c.AnyClaim] = []
        by = {**depot.station.by(2), "purpose": c.Purpose.RETURN, "content": c.Content.EMPTY}
        for vehicle, empties in zip(self.plan.vehicles(depot.station), back, strict=True):
            claims += [self._clerk.make(c.DepotIn, code=one.code, vehicle=vehicle, **by) for one in empties]
            depot.empties.extend(empties)
        if claims:
            self._say(f"desk:{depot.station.site}", claims)

    def on_the_road(self, each: int) -> Iterator[Step]:
        """So many full ones on every vehicle, or as many as the station has empties for, for `doors` to hand over. The
        story ends here: nothing comes back.
        """
        for depot in self._depots:
            vehicles = self.plan.vehicles(depot.station)
            # The story may have stopped between a fill and its way out: the first of the row could be full already.
            waiting = list({one.code: one for one in depot.empties}.values())[GROUP:]
            each = min(each, len(waiting) // len(vehicles))
            group = waiting[: each * len(vehicles)]
            for first in range(0, len(group), GROUP):
                some = group[first : first + GROUP]
                filled = fill(self._clerk, depot.station, depot.station.lot(depot.lots), some, depot.scale)
                self._say(f"desk:{depot.station.site}", [*filled, *release(self._clerk, depot.station, some)])
            for n, vehicle in enumerate(vehicles):
                load = group[n * each : (n + 1) * each]
                self._say(f"phone:{vehicle}", list(self._loaded(depot.station, vehicle, load)))
                self._road[vehicle] = [(depot.station, one, *self._turn(depot, one)) for one in load]
            yield self._step()

    @property
    def at_ms(self) -> int:
        """How far the story has got (ms UTC)."""
        return self._clerk.at_ms

    @property
    def vehicles(self) -> list[str]:
        """Those that are on the road."""
        return list(self._road)

    def doors(self, vehicle: str, clock: Callable[[], int]) -> Iterator[bytes]:
        """A bundle for each hand-over of a vehicle that is on the road; the same doors each time that it is asked."""
        signer = copy(self.signer(f"phone:{vehicle}"))
        for station, one, customer, empty in self._road[vehicle]:
            self._clerk.at_ms = clock()
            yield signer.sign(ORIGIN, [self._hand_over(station, vehicle, one, customer, empty)])

    def recall(self, name: str, at_ms: int, *, drill: bool) -> bytes:
        """A recall or drill over the first maker's cylinders, `plan.MADE_OF_ONE` of them where the town has so many."""
        self._clerk.at_ms = at_ms
        opened = self._clerk.make(c.OpenRecall, recall=name, maker=MAKERS[0], drill=drill)
        return copy(self.signer("authority")).sign(ORIGIN, [opened])
