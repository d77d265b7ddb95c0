"""At the doors: one scan for the full one, one for the empty one (FLOW.md section 2, step 8)."""

from api.month.crew import Crew, rules_of
from api.month.filings import premises_of
from api.month.life import Bottle, Customer
from api.month.oracle import demands
from api.month.voices import MINUTE, Flow, Play
from ledger import claim as c

Late = tuple[c.AnyClaim, set[str]]
Asked = Play[bool]


class Doors:
    """A vehicle at its customers': its `load` that is still full, what it takes `back` (`leaked` come back full, whose
    codes are `missed` nobody scanned), and what its phone keeps while it is offline (`sent`; None: it is online).
    """

    def __init__(self, crew: Crew, vehicle: str) -> None:
        self.crew, self.vehicle = crew, vehicle
        self.phone, self.worker = f"phone:{vehicle}", f"{vehicle}-W"
        self.load: list[Bottle] = []
        self.back: list[Bottle] = []
        self.leaked: list[Bottle] = []
        self.missed: set[str] = set()
        self.sent: list[Late] | None = None

    def door(self, b: Bottle) -> Flow:
        """One scan for the full one, one for the empty one."""
        customer = self._customer(b)
        asked = customer.position
        if b.large and self.sent is None and self.crew.happens("wanted it indoors first", 0.02):
            asked = "indoor"
        outcome_ok = yield from self._hand_over(b, customer, asked)
        if not outcome_ok and asked != customer.position:
            outcome_ok = yield from self._hand_over(b, customer, customer.position)
        if not outcome_ok and not customer.known:
            yield from self._file_premises(customer)
            outcome_ok = yield from self._hand_over(b, customer, asked)
        if outcome_ok:
            b.out = b.opening = False
            b.seen_back = False
            self.load.remove(b)
            customer.holds.append(b)
            if len(customer.holds) > 1:
                yield from self._collect(customer.holds.popleft())
            self.crew.stage.book.did("handed over")
        queue = self.crew.town.queues[self.crew.yard.enterprise, b.large]
        place = 3 if b.missed else len(queue) // 3 if customer.kind == "restaurant" else len(queue)
        queue.insert(place, customer)

    def _customer(self, b: Bottle) -> Customer:
        crew = self.crew
        queue = crew.town.queues[crew.yard.enterprise, b.large]
        if not queue or (not b.large and self.sent is None and crew.happens("new customer at the door", 0.004)):
            number = len(crew.town.facts.customers)
            premises = f"{crew.yard.enterprise}-N{number}"
            position = "outdoor" if b.large else "indoor"
            new = Customer(f"{crew.yard.enterprise}-K{number}", premises, "resident", position, known=False)
            crew.town.facts.customers[new.customer] = new
            return new
        return queue.popleft()

    def _file_premises(self, customer: Customer) -> Flow:
        yield self.crew.stage.now + 4 * MINUTE
        office = self.crew.stage.device(f"office:{self.crew.yard.enterprise}")
        filed = premises_of(self.crew.stage, office, self.crew.yard.enterprise, customer)
        yield from self.crew.told([filed], office.name)
        customer.known = True

    def _hand_over(self, b: Bottle, customer: Customer, position: str) -> Asked:
        claim = self.crew.make(
            c.HandOver, self.phone, code=b.code, person=self.worker, vehicle=self.vehicle, customer=customer.customer,
            premises=customer.premises, position=position,
        )  # fmt: skip
        if self.sent is not None:
            self.sent.append(self._kept(claim))
            return True
        outcomes = yield from self.crew.told([claim], self.phone)
        return not rules_of(outcomes[0])

    def _collect(self, b: Bottle, content: c.Content = c.Content.EMPTY) -> Flow:
        """Taken back; now and then nobody scans it, and the pre-check will infer its return."""
        crew = self.crew
        self.back.append(b)
        empty = content is c.Content.EMPTY
        if empty:
            b.emptied()
        if empty and (b.missed or crew.happens("return not scanned at the door", 0.04, least=6)):
            self.missed.add(b.code)
            return
        b.seen_back = True
        where = {"site": crew.yard.site, "person": self.worker, "vehicle": self.vehicle, "content": content}
        claim = crew.make(c.CollectCylinder, self.phone, code=b.code, **where)
        if self.sent is not None:
            self.sent.append(self._kept(claim))
            return
        yield from crew.told([claim], self.phone)

    def swap_leaker(self, fresh: Bottle) -> Flow:
        """A customer of this tour smells gas: swapped at once, and the leaking one comes back full."""
        crew = self.crew
        yield crew.stage.now + 40 * MINUTE
        queue = crew.town.queues[crew.yard.enterprise, False]
        customer = next((one for one in reversed(queue) if one.holds and one.holds[-1].released_at is not None), None)
        if customer is None:
            return
        leaker = customer.holds.pop()
        if (yield from self._hand_over(fresh, customer, customer.position)):
            fresh.out = fresh.seen_back = fresh.opening = False
            self.load.remove(fresh)
            customer.holds.append(fresh)
        yield from self._collect(leaker, c.Content.FULL)
        self.leaked.append(leaker)

    def _kept(self, claim: c.AnyClaim) -> Late:
        """Kept in the phone, with what the law says of it now, at the door."""
        return claim, demands(self.crew.town.facts, claim, self.crew.stage.now)
