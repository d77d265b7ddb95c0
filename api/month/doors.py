"""At the doors: one scan for the full one, one for the empty one (FLOW.md section 2, step 8)."""

from api.month.crew import Crew, rules_of
from api.month.filings import customer_papers
from api.month.handing import collect, hand_over, not_delivered
from api.month.life import Bottle, Customer
from api.month.oracle import demands
from api.month.safety import leak_at_the_door, presupply_check
from api.month.town import new_customer
from api.month.voices import MINUTE, Flow, Play
from ledger import claim as c
from ledger.china import day_of

_DANGEROUS = 0.3
"""Of leaking cylinders, those that nobody leaves standing until they are swapped; the first is one."""
Late = tuple[c.AnyClaim, set[str]]
Asked = Play[set[str]]


class Doors:
    """A vehicle at its customers': its `load` that is still full, what it takes `back` (`leaked` come back full, whose
    codes are `missed` nobody scanned), its `orders` by customer, what its phone keeps offline (`sent`; None: online).
    """

    def __init__(self, crew: Crew, vehicle: str) -> None:
        self.crew, self.vehicle = crew, vehicle
        self.phone = f"phone:{vehicle}"
        self.load: list[Bottle] = []
        self.back: list[Bottle] = []
        self.leaked: list[Bottle] = []
        self.missed: set[str] = set()
        self.orders: dict[str, str] = {}
        self.sent: list[Late] | None = None

    def door(self, b: Bottle) -> Flow:
        """One scan for the full one, one for the empty one."""
        customer = self._customer(b)
        if self.sent is None and customer.known and self.crew.happens("leak mended at the door", 0.002):
            yield from leak_at_the_door(self.crew, self.vehicle, b, customer)
        old = customer.holds[0] if customer.holds else None
        seen = old is not None and not self._overlooked(old)
        asked = customer.position
        if b.large and self.sent is None and self.crew.happens("wanted it indoors first", 0.02):
            asked = "indoor"
        if self.sent is None and customer.known and self.crew.happens("delivered to an order", 0.01):
            yield from self._order(b, customer, "open")
        rules = yield from self._hand_over(b, customer, asked, old if seen else None)
        if rules and asked != customer.position:
            rules = yield from self._hand_over(b, customer, customer.position, old if seen else None)
        if rules and not customer.known:
            yield from self._first_supply(customer)
            rules = yield from self._hand_over(b, customer, asked, None)
        if rules:
            yield from self._not_delivered(b, customer, "supply_refused" if "USR-05" in rules else "unsafe")
        else:
            yield from self._given(b, customer, seen=seen)
            if customer.customer in self.orders:
                yield from self._order(b, customer, "done")
        queue = self.crew.town.queues[self.crew.yard.enterprise, b.large]
        place = 3 if b.missed else len(queue) // 3 if customer.kind == "restaurant" else len(queue)
        queue.insert(place, customer)

    def nobody_home(self, b: Bottle) -> Flow:
        """The customer whose turn it is does not open; it goes back to the station full."""
        queue = self.crew.town.queues[self.crew.yard.enterprise, b.large]
        if queue:
            yield self.crew.stage.now + 5 * MINUTE
            yield from self._not_delivered(b, queue[0], "nobody_home")

    def _not_delivered(self, b: Bottle, customer: Customer, cause: str) -> Flow:
        claim = not_delivered(self.crew, self.vehicle, b, customer, cause)
        self.crew.stage.book.did("brought and not delivered")
        if self.sent is not None:
            self.sent.append(self._kept(claim))
            return
        yield from self.crew.told([claim], self.phone)

    def _given(self, b: Bottle, customer: Customer, *, seen: bool) -> Flow:
        b.out = b.opening = False
        b.seen_back = False
        self.load.remove(b)
        customer.holds.append(b)
        if len(customer.holds) > 1:
            yield from self._collect(customer.holds.popleft(), customer, seen=seen)
        self.crew.stage.book.did("handed over")
        self.crew.stage.book.did(f"confirmed by {customer.shows}")

    def _customer(self, b: Bottle) -> Customer:
        crew = self.crew
        queue = crew.town.queues[crew.yard.enterprise, b.large]
        if not queue or (not b.large and self.sent is None and crew.happens("new customer at the door", 0.004)):
            number = len(crew.town.facts.customers)
            new = new_customer(crew.yard.enterprise, number, "resident", large=b.large)
            new.known, new.shows = False, "signature"  # what papers it shows, the office has yet to give it
            crew.town.facts.add_customer(new)
            return new
        if self.sent is not None:
            # Without a line nobody could know that supply there is closed.
            today = day_of(crew.stage.now)
            open_doors = (n for n, one in enumerate(queue) if not one.blocked(today))
            queue.rotate(-next(open_doors, 0))
        return queue.popleft()

    def _first_supply(self, customer: Customer) -> Flow:
        """The office files customer, premises and contract; the supply is checked before it begins."""
        yield self.crew.stage.now + 4 * MINUTE
        office = self.crew.stage.device(f"office:{self.crew.yard.enterprise}")
        filed = list(customer_papers(self.crew.stage, office, self.crew.yard.enterprise, customer))
        yield from self.crew.told(filed, office.name)
        yield from presupply_check(self.crew, self.vehicle, customer)

    def _hand_over(self, b: Bottle, customer: Customer, position: str, empty: Bottle | None) -> Asked:
        offline = self.sent is not None
        claim = hand_over(
            self.crew,
            self.vehicle,
            b,
            customer,
            position=position,
            empty=empty,
            order=self.orders.get(customer.customer),
            done=offline,
        )
        if self.sent is not None:
            self.sent.append(self._kept(claim))
            return set()
        outcomes = yield from self.crew.told([claim], self.phone)
        return rules_of(outcomes[0])

    def _order(self, b: Bottle, customer: Customer, status: str) -> Flow:
        """The customer rang and ordered; the office files it, and files it as done."""
        office = self.crew.stage.device(f"office:{self.crew.yard.enterprise}")
        today = day_of(self.crew.stage.now)
        number = self.crew.stage.book.honest["delivered to an order"]
        order = self.orders.setdefault(customer.customer, f"{customer.customer}-O{number}")
        by = {"enterprise": self.crew.yard.enterprise, "customer": customer.customer, "premises": customer.premises}
        filed = self.crew.stage.filing(
            office, c.FileOrder, order=order, channel="delivery", model=b.paper.model, count=1, ordered_on=today,
            status=status, **by,
        )  # fmt: skip
        yield from self.crew.told([filed], office.name)
        if status == "done":
            del self.orders[customer.customer]

    def _overlooked(self, b: Bottle) -> bool:
        """Now and then nobody scans an empty, and the pre-check will infer its return."""
        return bool(b.missed) or self.crew.happens("return not scanned at the door", 0.04, least=6)

    def _collect(
        self, b: Bottle, customer: Customer, content: c.Content = c.Content.EMPTY, *, seen: bool = True
    ) -> Flow:
        self.back.append(b)
        if content is c.Content.EMPTY:
            b.emptied()
        if not seen:
            self.missed.add(b.code)
            return
        b.seen_back = True
        claim = collect(self.crew, self.vehicle, b, customer, content)
        if self.sent is not None:
            self.sent.append(self._kept(claim))
            return
        yield from self.crew.told([claim], self.phone)

    def swap_leaker(self, fresh: Bottle) -> Flow:
        """A customer of this tour smells gas: swapped at once, and the leaking one comes back full."""
        crew = self.crew
        yield crew.stage.now + 40 * MINUTE
        queue = crew.town.queues[crew.yard.enterprise, False]
        today = day_of(crew.stage.now)
        served = (one for one in reversed(queue) if one.holds and one.holds[-1].released_at is not None)
        customer = next((one for one in served if not one.blocked(today)), None)
        if customer is None:
            return
        leaker = customer.holds.pop()
        if not (yield from self._hand_over(fresh, customer, customer.position, leaker)):
            fresh.out = fresh.seen_back = fresh.opening = False
            self.load.remove(fresh)
            customer.holds.append(fresh)
        first = not crew.stage.book.honest["removed in an emergency"]
        if first or crew.stage.chance.random() < _DANGEROUS:
            crew.stage.book.did("removed in an emergency")
            self.back.append(leaker)
            by = {"person": crew.yard.worker(self.vehicle), "vehicle": self.vehicle, "cause": "leak"}
            yield from crew.told([crew.make(c.RemoveInEmergency, self.phone, code=leaker.code, **by)], self.phone)
        else:
            yield from self._collect(leaker, customer, c.Content.FULL)
        self.leaked.append(leaker)

    def _kept(self, claim: c.AnyClaim) -> Late:
        """Kept in the phone, with what the law says of it now, at the door."""
        return claim, demands(self.crew.town.facts, claim, self.crew.stage.now)
