"""What a delivery worker says at a customer's door, and on the way there and back: claims as honest work makes them."""

from typing import Any

from api.demo.city_cylinders import CityCylinder
from api.demo.city_supply import Customer, Depot, Worker
from api.demo.clerk import Clerk, digest_of
from ledger import claim as c

CHECKLIST = "delivery-1"


class Courier:
    """One worker of one depot, who speaks through their phone."""

    def __init__(self, clerk: Clerk, depot: Depot, worker: Worker) -> None:
        self.clerk, self.depot, self.worker = clerk, depot, worker
        self._mine: dict[str, Any] = {"site": depot.site, "person": worker.person, "vehicle": worker.vehicle}

    def load(self, code: str, **changes: Any) -> c.LoadVehicle:  # noqa: ANN401 - a claim's own fields
        """A full one from the depot's stock onto the vehicle."""
        return self.clerk.make(c.LoadVehicle, code=code, **(self._mine | changes))

    def unload(self, code: str, content: c.Content) -> c.UnloadVehicle:
        """Back into the depot's stock."""
        return self.clerk.make(c.UnloadVehicle, code=code, content=content, **self._mine)

    def hand_over(self, cylinder: CityCylinder, to: Customer, **changes: Any) -> c.HandOver:  # noqa: ANN401
        """The full one to the customer, with check and confirmation; `changes` say what is otherwise."""
        plain: dict[str, Any] = {
            "code": cylinder.code, "customer": to.customer, "premises": to.premises,
            "position": "cylinder_room" if to.room else "outdoor", "check": checked(to),
            "confirmation": confirmed(to), "in_area": True, **self._mine,
        }  # fmt: skip
        return self.clerk.make(c.HandOver, **(plain | changes))

    def collect(self, code: str, of: Customer, content: c.Content = c.Content.EMPTY) -> c.CollectCylinder:
        """A cylinder back from the customer."""
        there = {"customer": of.customer, "premises": of.premises}
        return self.clerk.make(c.CollectCylinder, code=code, content=content, **there, **self._mine)

    def not_delivered(self, code: str, to: Customer, cause: str) -> c.NotDelivered:
        """Brought, and taken away again."""
        mine = {"person": self.worker.person, "vehicle": self.worker.vehicle}
        there = {"customer": to.customer, "premises": to.premises}
        photo = digest_of(f"not delivered {code}") if cause == "refused_to_sign" else None
        return self.clerk.make(c.NotDelivered, code=code, cause=cause, photo_digest=photo, **mine, **there)

    def open_hazard(self, at: Customer, item: c.CheckItem, **changes: Any) -> c.OpenHazard:  # noqa: ANN401
        """A hazard, told to the customer, who signed the notice."""
        photo = digest_of(f"hazard {at.premises} {item}")
        plain: dict[str, Any] = {
            "premises": at.premises, "person": self.worker.person, "item": item, "grade": "equipment",
            "deadline": "2026-03-26", "notice": "signed", "notice_digest": photo, "photo_digest": photo,
        }  # fmt: skip
        return self.clerk.make(c.OpenHazard, **(plain | changes))

    def rectify(self, hazard: c.OpenHazard, *, on_the_spot: bool = False) -> c.RectifyHazard:
        """Put right; on the spot with a photograph from before, which is a re-check."""
        return self.clerk.make(
            c.RectifyHazard, premises=hazard.premises, hazard=hazard.claim_id, person=self.worker.person,
            photo_digest=digest_of(f"mended {hazard.claim_id}"),
            before_digest=hazard.photo_digest if on_the_spot else None,
        )  # fmt: skip

    def recheck(self, hazard: c.OpenHazard, person: str | None = None) -> c.RecheckHazard:
        """Re-checked and found good; by this worker, or by that person."""
        return self.clerk.make(
            c.RecheckHazard, premises=hazard.premises, hazard=hazard.claim_id,
            person=person or self.worker.person, passed=True, photo_digest=digest_of(f"again {hazard.claim_id}"),
        )  # fmt: skip

    def check(self, at: Customer, kind: str, **changes: Any) -> c.CheckPremises:  # noqa: ANN401
        """A check at the customer's: before the first supply, or at home."""
        shown = c.SafetyCheck(f"{kind}-1", photos=(digest_of(f"{kind} {at.premises}"),))
        plain: dict[str, Any] = {
            "premises": at.premises, "person": self.worker.person, "kind": kind, "check": shown,
            "confirmation": confirmed(at),
        }  # fmt: skip
        return self.clerk.make(c.CheckPremises, **(plain | changes))

    def count(self, at: Customer, codes: tuple[str, ...]) -> c.CountPremises:
        """The cylinders found there, in a photograph."""
        return self.clerk.make(
            c.CountPremises, premises=at.premises, customer=at.customer, person=self.worker.person, codes=codes,
            photo_digest=digest_of(f"count {at.premises}"),
        )  # fmt: skip


def checked(at: Customer) -> c.SafetyCheck:
    """The delivery check (随瓶安检), nothing left out and nothing found."""
    return c.SafetyCheck(CHECKLIST, photos=(digest_of(f"check {at.premises}"),))


def confirmed(by: Customer) -> c.Confirmation:
    """As this customer confirms: by their voucher, their proxy, a code or a signature."""
    if by.voucher:
        return c.Confirmation("voucher", "matched", voucher=f"VO-{by.customer}")
    if by.proxy:
        return c.Confirmation("proxy", "matched", proxy=f"PX-{by.customer}")
    how: Any = "code" if by.number % 2 else "signature"
    return c.Confirmation(how, "matched", digest=digest_of(f"{how} {by.customer}"))
