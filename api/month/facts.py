"""What the town's people know, all together: whose each cylinder is and where, and what the authority announced."""

from api.month.life import Bottle, Customer
from ledger import claim as c
from ledger.china import shift_day


class Facts:
    """The town as its people know it. `recalls`: maker, first and last month of making. `eased_until`: the last of the
    first days, in which FILL-11, FILL-12 and REG-01 only warn. `at`: customers by their premises; `worker_of`: who is
    paired with which vehicle.
    """

    def __init__(self, eased_until: str) -> None:
        """An empty town."""
        self.eased_until = eased_until
        self.bottles: dict[str, Bottle] = {}
        self.registered: set[str] = set()
        self.customers: dict[str, Customer] = {}
        self.at: dict[str, Customer] = {}
        self.worker_of: dict[str, str] = {}
        self.recalls: list[tuple[str, str, str]] = []
        self.enterprise_of: dict[str, str] = {}

    def add(self, bottle: Bottle) -> None:
        """From now on its label and its stamp are known."""
        self.bottles[bottle.code] = self.bottles[bottle.stamp] = bottle

    def add_customer(self, customer: Customer) -> None:
        """From now on people know where that is."""
        self.customers[customer.customer] = self.at[customer.premises] = customer

    def relabel(self, bottle: Bottle, code: str) -> None:
        """It wears another label; the old one is never used again."""
        self.bottles[code] = bottle
        bottle.code = code

    def note(self, claim: c.AnyClaim) -> None:
        """What was rightly registered or announced holds from the moment that it is told."""
        if isinstance(claim, c.RegisterCylinder):
            self.registered |= {claim.code, stamp_of(claim)}
        if isinstance(claim, c.BindCode):
            self.registered.add(claim.new_code)
        if isinstance(claim, c.OpenRecall):
            self.recalls.append((claim.maker or "", claim.made_from or "", claim.made_to or ""))
        if isinstance(claim, c.SeizeCylinder):
            self.bottles[claim.code].orders.add(claim.order_no)
        if isinstance(claim, c.FileSeizureOrder) and claim.status == "lifted":
            for bottle in self.bottles.values():
                bottle.orders.discard(claim.order_no)
        if isinstance(claim, c.FilePairing):
            self.worker_of[claim.vehicle] = claim.person
        if isinstance(claim, c.FileContract):
            self.at[claim.premises].known = True
        if isinstance(claim, c.PremisesClaim):
            self._note_at(self.at[claim.premises], claim)

    def _note_at(self, customer: Customer, claim: c.PremisesClaim) -> None:
        match claim:
            case c.OpenHazard():
                at_once = claim.item in (c.CheckItem.LEAK, c.CheckItem.UNDERGROUND, c.CheckItem.TWO_PHASE)
                customer.hazards[claim.claim_id] = "" if at_once else shift_day(claim.deadline, 1)
            case c.EscalateHazard():
                customer.hazards[claim.hazard] = ""  # refused: it closes the door from now on
            case c.RectifyHazard() if claim.before_digest is not None:
                customer.hazards.pop(claim.hazard, None)
            case c.RecheckHazard() if claim.passed:
                customer.hazards.pop(claim.hazard, None)
            case c.SuspendSupply():
                customer.suspended_by.add(claim.enterprise)
            case c.ResumeSupply():
                customer.suspended_by.discard(claim.enterprise)
            case _:
                pass


def stamp_of(claim: c.RegisterCylinder) -> str:
    """The stamp on the metal as a code."""
    return f"stamp:{claim.maker}_{claim.serial}_{claim.made_month}"
