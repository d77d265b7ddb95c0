"""Which gas may be in a cylinder beside that of its newest fill's tank lot: of a fill that was interrupted on one lot
and went on from another, and what remained of earlier fills by what the scale showed before the valve opened (余气).
"""

from msgspec import structs

from ledger import claim as c
from ledger import events as e
from ledger.cylinder import WHOLE, Cylinder, Gas

LEAST_PERMILLE = 10
"""A remainder that is less of what is in the cylinder is remembered no longer; no pack asks for smaller shares."""

ClosingClaim = c.CompleteFill | c.InterruptFill
ClosingEvent = e.CylinderFilled | e.FillInterrupted


def gas_opened(old: Cylinder, claim: c.StartFill, event: e.FillStarted, seen_at: int) -> tuple[Gas, ...]:
    """`Cylinder.gas` once the valve opened, seen at `seen_at` (ms UTC): what the lot gave is not weighed yet."""
    others = (one for one in old.gas if one.authorisation != claim.authorisation)
    return (*others, *_through(claim, event.tank_lot, seen_at))


def gas_closed(old: Cylinder, claim: ClosingClaim, event: ClosingEvent, seen_at: int) -> tuple[Gas, ...]:
    """`Cylinder.gas` once the valve closed, seen at `seen_at` (ms UTC). Of the fill that this one continues all stays,
    however little it was; of an earlier one so much as was in it before.
    """
    leave = old.authorisation
    own = leave is not None and leave.claim_id == claim.authorisation and not leave.finished
    continues = own and leave is not None and leave.continues is not None
    lot, went_in_g, new = _given(claim, event, seen_at)
    kept = list[Gas]()
    for one in _all(old):
        if own and one.authorisation == claim.authorisation:
            kept += [one] if one.tank_lot != lot else []
        elif continues and one.permille == WHOLE:
            kept.append(one)
        else:
            permille = _left(one.permille, event.net_g, went_in_g)
            kept += [structs.replace(one, permille=permille)] if permille >= LEAST_PERMILLE else []
    return (*kept, *new)


def _given(claim: ClosingClaim, event: ClosingEvent, seen_at: int) -> tuple[str | None, int | None, tuple[Gas, ...]]:
    """Which lot gave how much (grams), as far as is known; and that gas, where it is not `Cylinder.fill`'s."""
    if isinstance(claim, c.CompleteFill):
        return claim.tank_lot, claim.end_weight_g - claim.start_weight_g, ()
    assert isinstance(event, e.FillInterrupted)
    return event.tank_lot, event.gas_g, _through(claim, event.tank_lot, seen_at)


def share_of(cylinder: Cylinder, authorisation: str) -> int:
    """At most how much of what is in it went in under that leave, in permille."""
    return max((one.permille for one in _all(cylinder) if one.authorisation == authorisation), default=0)


def _through(claim: c.StartFill | c.InterruptFill, tank_lot: str | None, seen_at: int) -> tuple[Gas, ...]:
    return () if tank_lot is None else (Gas(claim.authorisation, claim.line, claim.person, tank_lot, seen_at),)


def _all(old: Cylinder) -> tuple[Gas, ...]:
    """All that may be in it, its newest completed fill's with the rest."""
    fill = old.fill
    if fill is None or old.fill_over:
        return old.gas
    return (Gas(fill.authorisation, fill.line, fill.person, fill.tank_lot, fill.seen_at), *old.gas)


def _left(permille: int, net_g: int, went_in_g: int | None) -> int:
    """What a share of what was in it is of what is in it now, rounded up; the same where nobody weighed it before."""
    if went_in_g is None or net_g <= 0:
        return permille
    left_g = min(max(net_g - went_in_g, 0), net_g)
    return -(-permille * left_g // net_g)
