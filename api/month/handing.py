"""What a worker signs at a door: the hand-over with its check and the customer's confirmation, what is taken back."""

from api.month.crew import Crew
from api.month.life import Bottle, Customer
from ledger import claim as c

CHECKLIST = "delivery-1"
PHOTO = "c4" * 32
_SIGNED = "d1" * 32


def hand_over(
    crew: Crew, vehicle: str, b: Bottle, customer: Customer, *, position: str = "", empty: Bottle | None = None,
    order: str | None = None, done: bool = False,
) -> c.HandOver:  # fmt: skip
    """One full one for this customer, to stand where such a one stands there, or at another `position`; `empty` is
    taken back with it. `done`: the line is down.
    """
    return crew.make(
        c.HandOver, f"phone:{vehicle}", code=b.code, site=crew.yard.site, person=crew.yard.worker(vehicle),
        vehicle=vehicle, customer=customer.customer, premises=customer.premises, position=position or customer.position,
        check=c.SafetyCheck(CHECKLIST, photos=(PHOTO,)), confirmation=confirmation(customer), in_area=True, done=done,
        order=order, weight_g=b.tare_g + b.gas_g if b.large else None, empties=() if empty is None else (empty.code,),
    )  # fmt: skip


def confirmation(customer: Customer) -> c.Confirmation:
    """As this customer confirms: by voucher, by a code, by a proxy, or by signing."""
    match customer.shows:
        case "voucher":
            return c.Confirmation("voucher", "matched", voucher=f"{customer.customer}-V1")
        case "proxy":
            return c.Confirmation("proxy", "matched", proxy=f"{customer.customer}-P1", digest=_SIGNED)
        case "code":
            return c.Confirmation("code", "matched", digest=_SIGNED)
        case _:
            return c.Confirmation("signature", "matched", digest=_SIGNED)


def not_delivered(crew: Crew, vehicle: str, b: Bottle, customer: Customer, cause: str) -> c.NotDelivered:
    """Brought, and not handed over: it stays on the vehicle."""
    return crew.make(
        c.NotDelivered, f"phone:{vehicle}", code=b.code, person=crew.yard.worker(vehicle), vehicle=vehicle,
        customer=customer.customer, premises=customer.premises, cause=cause, photo_digest=PHOTO,
    )  # fmt: skip


def collect(
    crew: Crew, vehicle: str, b: Bottle, customer: Customer | None, content: c.Content = c.Content.EMPTY
) -> c.CollectCylinder:
    """Taken back at that customer's door; from nobody in particular when None."""
    at = {} if customer is None else {"customer": customer.customer, "premises": customer.premises}
    return crew.make(
        c.CollectCylinder, f"phone:{vehicle}", code=b.code, site=crew.yard.site, person=crew.yard.worker(vehicle),
        vehicle=vehicle, content=content, **at,
    )  # fmt: skip
