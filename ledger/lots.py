"""Tank lots (罐次) by what they may contain: gas mixes in a tank, and each lot includes what the last one left in it.

A share is the part of a lot that came from another one, exact; a remainder that nobody measured counts as all of it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from fractions import Fraction

from ledger.claim import FileTankLot

Find = Callable[[str], FileTankLot | None]
"""The record in force of a tank lot, by id."""

_WHOLE = Fraction(1)
_PERMILLE = 1000


def carried_over(lot: FileTankLot) -> Fraction:
    """The part of a lot that it took over from the one it includes; all of it where nobody measured the remainder."""
    if lot.includes is None:
        return Fraction(0)
    if lot.remainder_g is None or lot.remainder_g + lot.received_g == 0:
        return _WHOLE
    return Fraction(lot.remainder_g, lot.remainder_g + lot.received_g)


def holds_gas_of(find: Find, lot: str, source: str, floor_permille: int, part_permille: int = _PERMILLE) -> bool:
    """Whether fills from `lot` may contain gas of the lot `source`: it is that lot, or it took over at least so many
    permille of it, over any number of unloadings. `part_permille`: how much of what is asked about is of `lot`.
    """
    share, seen = Fraction(part_permille, _PERMILLE), set[str]()
    if part_permille < _PERMILLE and not _counts(share, floor_permille):
        return False
    while lot != source:
        filed = find(lot)
        if filed is None or filed.includes is None or lot in seen:
            return False
        seen.add(lot)
        share *= carried_over(filed)
        if not _counts(share, floor_permille):
            return False
        lot = filed.includes
    return True


def lots_with_gas_of(lots: Iterable[FileTankLot], source: str, floor_permille: int) -> dict[str, int]:
    """Every lot whose fills may contain gas of `source`, itself first, with its share in permille, rounded up."""
    after: dict[str, list[FileTankLot]] = defaultdict(list)
    for lot in lots:
        if lot.includes is not None:
            after[lot.includes].append(lot)
    shares: dict[str, Fraction] = {source: _WHOLE}
    waiting = [source]
    while waiting:
        taken = waiting.pop(0)
        for lot in after[taken]:
            share = shares[taken] * carried_over(lot)
            if lot.tank_lot not in shares and _counts(share, floor_permille):
                shares[lot.tank_lot] = share
                waiting.append(lot.tank_lot)
    return {lot: -(-share.numerator * _PERMILLE // share.denominator) for lot, share in shares.items()}


def _counts(share: Fraction, floor_permille: int) -> bool:
    return share > 0 and share * _PERMILLE >= floor_permille
