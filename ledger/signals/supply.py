"""F21: supply that was suspended for a hazard and is not resumed though the hazard is gone (恢复供气)."""

from collections.abc import Iterator

from msgspec import Struct, structs

from ledger import claim as c
from ledger import events as e
from ledger.china import HOUR_MS, day_of
from ledger.premises import Premises, apply_at
from ledger.signals.due import remind
from ledger.signals.signal import Scan, Signal

_FOR_HAZARDS = ("hazard", "refused_to_rectify")


class Supply(Struct, frozen=True, omit_defaults=True):
    """Of premises: their hazards, who suspended supply for them by which entry, and which entry closed the last that
    keeps supply away, recorded when (ms UTC; 0: one is open, or was told of).
    """

    there: Premises | None = None
    suspended: dict[str, int] = {}
    closed: int = 0
    closed_at: int = 0


def followed(scan: Scan) -> Iterator[Signal]:
    """What happens to hazards and supply there; told later."""
    claim, event = scan.claim, scan.event
    assert isinstance(claim, c.PremisesClaim)
    assert event is not None
    where = f"supply:{claim.premises}"
    supply = scan.memory.get(Supply, where)
    if isinstance(claim, c.SuspendSupply):
        if claim.hazards or claim.cause in _FOR_HAZARDS:
            supply = structs.replace(supply, suspended=supply.suspended | {claim.enterprise: scan.index}, closed_at=0)
    elif isinstance(claim, c.ResumeSupply):
        # Whoever may resume it and did not suspend it stands for all those who did.
        others = {who: entry for who, entry in supply.suspended.items() if who != claim.enterprise}
        supply = structs.replace(supply, suspended=others if claim.enterprise in supply.suspended else {})
    else:
        before = supply.there or Premises(claim.premises)
        there = apply_at(before, claim, event, at=scan.seen_at, recorded_at=scan.at, enterprise="")
        supply = structs.replace(supply, there=there)
        if isinstance(event, e.HazardRectified | e.HazardRechecked) and event.closed:
            supply = _closed(scan, supply, where)
    scan.memory.put(where, supply)
    yield from ()


def _closed(scan: Scan, supply: Supply, where: str) -> Supply:
    params = scan.params("F21")
    if supply.suspended and params is not None:
        remind(scan, scan.at + params["resume_h"] * HOUR_MS, where)
    return structs.replace(supply, closed=scan.index, closed_at=scan.at)


def overdue(scan: Scan, where: str) -> Iterator[Signal]:
    """F21: `resume_h` after the last hazard that keeps supply away was closed, supply is suspended still.

    Told from when the re-check was recorded: before, the gate would have refused. Honest work: another hazard that
    closes the door; supply suspended for anything else than a hazard, or after the hazard was gone.
    """
    supply, params = scan.memory.get(Supply, where), scan.params("F21")
    waited_ms = scan.at - supply.closed_at
    if params is None or not supply.closed_at or waited_ms < params["resume_h"] * HOUR_MS:
        return
    day, there = day_of(scan.at), supply.there
    assert there is not None
    if not supply.suspended or any(one.closes_door(day) for one in there.hazards):
        return
    scan.memory.put(where, structs.replace(supply, closed_at=0))
    key, shown = f"premises:{there.premises}", (*sorted(supply.suspended.values()), supply.closed)
    facts: dict[str, int | str] = {"suspended_by": " ".join(supply.suspended), "waited_h": waited_ms // HOUR_MS}
    yield Signal("F21", key, shown, facts, scan.at)
