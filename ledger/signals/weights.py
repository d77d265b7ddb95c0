"""Signals of weights: F4, F5, F6 (another body), F11 (a tank lot's balance), F16 (lighter at the door)."""

from collections.abc import Iterator
from itertools import pairwise

from msgspec import Struct, structs

from ledger import claim as c
from ledger.signals.signal import Scan, Signal

_WHOLE = 1000  # permille


def wrong_weight(scan: Scan) -> Iterator[Signal]:
    """F6 when no cylinder of its model weighs that, full or empty; F4 when it weighs less than its own tare."""
    body, claim = scan.body, scan.claim
    assert isinstance(claim, c.AuthoriseFill | c.StartFill | c.CompleteFill)
    start_g = claim.start_weight_g
    if body is None or scan.key is None or start_g is None:
        return
    model, tare = scan.params("F6"), scan.params("F4")
    weights = {"start_weight_g": start_g, "tare_g": body.tare_g}
    if model is not None:
        heaviest = body.tare_g + body.allowed_g + model["above_g"]
        if start_g > heaviest or start_g * 100 < body.tare_g * (100 - model["below_percent"]):
            yield scan.signal("F6", scan.key, **weights)
            return
    if tare is not None and start_g < body.tare_g - max(tare["below_g"], body.tare_g * tare["below_percent"] // 100):
        yield scan.signal("F4", scan.key, **weights)


def two_tares(scan: Scan) -> Iterator[Signal]:
    """F5: the newest start weights fall into two narrow groups: residue spreads, two bodies do not.

    Honest work: an empty one, some residue, a full return: they lie anywhere, and seldom twice at one place.
    """
    body, claim, params = scan.body, scan.claim, scan.params("F5")
    assert isinstance(claim, c.CompleteFill)
    if body is None or scan.key is None or params is None or body.continued == claim.authorisation:
        return
    starts = sorted((*body.starts, claim.start_weight_g)[-params["fills"] :])
    if len(starts) < 2 * params["each"]:
        return
    gap_g, at = max((high - low, place) for place, (low, high) in enumerate(pairwise(starts), 1))
    groups = starts[:at], starts[at:]
    narrow = all(len(one) >= params["each"] and one[-1] - one[0] <= params["tight_g"] for one in groups)
    if narrow and gap_g > params["apart_g"]:
        fills = [entry for _, entry in body.fills[-len(starts) + 1 :]]
        yield scan.signal("F5", scan.key, *fills, lighter_g=groups[0][0], heavier_g=groups[1][0])


def lighter_at_the_door(scan: Scan) -> Iterator[Signal]:
    """F16: lighter at the door than its newest weighing by more than `loss_g`, or `large_loss_g` for 50 kg."""
    body, claim, params = scan.body, scan.claim, scan.params("F16")
    assert isinstance(claim, c.HandOver)
    if body is None or scan.key is None or params is None or claim.weight_g is None or body.gross_g is None:
        return
    loss_g = body.gross_g - claim.weight_g
    if loss_g > params["large_loss_g" if body.nominal_g > _LARGE_G else "loss_g"]:
        yield scan.signal("F16", scan.key, body.gross_entry, loss_g=loss_g, vehicle=claim.vehicle or "")


_LARGE_G = 20_000


class Lot(Struct, frozen=True, omit_defaults=True):
    """A tank lot: what it held at first (0: nobody knows), what was filled from it (grams), where it was filed."""

    held_g: int = 0
    filled_g: int = 0
    filed: int = 0


def drawn(scan: Scan) -> Iterator[Signal]:
    """F11: more was filled from a lot than was ever in it."""
    claim = scan.claim
    assert isinstance(claim, c.CompleteFill)
    where = f"tank_lot:{claim.tank_lot}"
    lot = scan.memory.get(Lot, where)
    lot = structs.replace(lot, filled_g=lot.filled_g + claim.end_weight_g - claim.start_weight_g)
    scan.memory.put(where, lot)
    params = scan.params("F11")
    if params is not None and lot.held_g and lot.filled_g > lot.held_g + _slack_g(lot, params):
        yield scan.signal("F11", where, lot.filed, held_kg=lot.held_g // 1000, filled_kg=lot.filled_g // 1000)


def lot_filed(scan: Scan) -> Iterator[Signal]:
    """F11: the next lot in the tank says what was left of this one: was the rest filled by no scan, or is it lost?"""
    claim, params = scan.claim, scan.params("F11")
    assert isinstance(claim, c.FileTankLot)
    where = f"tank_lot:{claim.tank_lot}"
    lot = scan.memory.get(Lot, where)
    # What was in the tank before is unknown where nobody says it: then nothing can be balanced.
    known = claim.includes is None or claim.remainder_g is not None
    held_g = claim.received_g + (claim.remainder_g or 0) if known else 0
    scan.memory.put(where, structs.replace(lot, held_g=held_g, filed=lot.filed or scan.index))
    if claim.includes is None or claim.remainder_g is None or lot.filed:
        return
    before = scan.memory.get(Lot, f"tank_lot:{claim.includes}")
    missing_g = before.held_g - before.filled_g - claim.remainder_g
    if params is not None and before.held_g and abs(missing_g) > _slack_g(before, params):
        facts = {"held_kg": before.held_g // 1000, "missing_kg": missing_g // 1000}
        yield scan.signal("F11", f"tank_lot:{claim.includes}", before.filed, **facts)


def _slack_g(lot: Lot, params: dict[str, int]) -> int:
    return min(lot.held_g * params["permille"] // _WHOLE, params["max_kg"] * 1000)
