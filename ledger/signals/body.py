"""What is remembered of one cylinder: where it was, its fills, what it weighed."""

from typing import Literal

from msgspec import Struct, structs

from ledger import claim as c
from ledger import events as e
from ledger.cylinder import UNKNOWN_HOLDER
from ledger.fold import PLACING, destination
from ledger.model import parse_model

KEPT_FILLS, KEPT_STARTS, KEPT_SPOTS = 24, 8, 4

Since = Literal["", "filled", "away", "back"]


class Doubt(Struct, frozen=True, omit_defaults=True):
    """A scan that contradicted custody: at which entry, when (ms UTC), whom it took the cylinder from by the ledger
    (`believed`, since entry `placed`), and where it said that it was. `inferred`: a return that nobody had scanned.
    """

    entry: int = 0
    at: int = 0
    believed: str = ""
    placed: int = 0
    claimed: str = ""
    inferred: bool = False


class Spot(Struct, frozen=True, omit_defaults=True):
    """Seen at a fixed place at that time (ms UTC), by whom."""

    place: str = ""
    at: int = 0
    entry: int = 0
    signer: str = ""


class Body(Struct, frozen=True, omit_defaults=True):
    """One cylinder. Masses are grams, times ms UTC, `entry` an index.

    `holder` is in whose hands it is since `placed_at`, by entry `placed`; `carrier` took it onto the vehicle that holds
    it. `since`: what became of its newest fill: still where it was `filled`, `away`, or `back` by a recorded return or
    emptied. `continued`: the authorisation that only continues a fill. `fills`: time and entry of the newest. `starts`:
    what it weighed before each. `gross_g`: its newest full weight. `before`: which cylinder the same line filled before
    it. `restaurant`: whose it was last.
    """

    owner: str = ""
    tare_g: int = 0
    nominal_g: int = 0
    allowed_g: int = 0
    fit_month: str = ""
    holder: str = UNKNOWN_HOLDER
    carrier: str = ""
    placed_at: int = 0
    placed: int = 0
    doubts: tuple[Doubt, ...] = ()
    since: Since = ""
    continued: str = ""
    fills: tuple[tuple[int, int], ...] = ()
    net_g: int | None = None
    gross_g: int | None = None
    gross_entry: int = 0
    starts: tuple[int, ...] = ()
    inferred: tuple[tuple[int, int], ...] = ()
    mismatches: tuple[tuple[int, int], ...] = ()
    shown: bool = False
    spots: tuple[Spot, ...] = ()
    before: str = ""
    prefill_by: str = ""
    filled_by: str = ""
    restaurant: bool = False
    full: bool = False


def registered(claim: c.RegisterCylinder) -> Body:
    """A cylinder whose life in the ledger begins."""
    return Body(
        owner=claim.owner,
        tare_g=claim.tare_g,
        nominal_g=parse_model(claim.model).nominal_fill_g,
        allowed_g=claim.max_fill_g,
        fit_month=max(claim.made_month, claim.inspected_month or ""),
    )


def fold(old: Body, claim: c.AnyClaim, event: e.Event, *, index: int, at: int, seen_at: int, restaurant: bool) -> Body:
    """The cylinder after an event of its own. `restaurant`: whether who gets it here is one."""
    if isinstance(event, e.PlacedEvent) and event.superseded:
        return old
    changes = _changes(old, claim, event, index, at, restaurant=restaurant)
    place = destination(claim)
    if place is not None:
        moved = place.holder != old.holder
        changes |= {"holder": place.holder, "placed": index if moved else old.placed, "carrier": place.carrier or ""}
    if type(claim) in PLACING:
        changes["placed_at"] = max(seen_at, old.placed_at)
    return structs.replace(old, **changes) if changes else old


_EMPTIED: dict[str, object] = {"since": "back", "net_g": None, "gross_g": None, "full": False}


def counted(old: Body, holder: str, *, index: int, seen_at: int) -> Body:
    """The cylinder once a count at a customer's found it there, or missed it: it is with `holder` now."""
    since = old.placed_at if holder == UNKNOWN_HOLDER else max(seen_at, old.placed_at)
    return structs.replace(old, holder=holder, placed=index, placed_at=since, carrier="")


def _changes(  # noqa: C901, PLR0911, PLR0912 - one arm an act
    old: Body, claim: c.AnyClaim, event: e.Event, index: int, at: int, *, restaurant: bool
) -> dict[str, object]:
    match claim:
        case c.CheckPrefill():
            shown = claim.stamp_tail is not None and claim.photo_digest is not None
            return _prechecked(old, claim, event, shown=shown, index=index, at=at)
        case c.AuthoriseFill():
            return {"continued": claim.claim_id} if claim.continues is not None else {}
        case c.CompleteFill():
            return _filled(old, claim, index, at)
        case c.InterruptFill():
            return {"gross_g": None}
        case c.CheckPostfill() | c.WeighCylinder():
            return {"gross_g": claim.weight_g, "gross_entry": index}
        case c.BleedCylinder():
            return {"since": "back", "gross_g": claim.weight_g, "gross_entry": index}
        case c.ExtractResidue() | c.EvacuateCylinder():
            return dict(_EMPTIED)
        case c.DepotOut() | c.LoadVehicle() | c.HandOver():
            gone: dict[str, object] = {"since": "away" if old.since == "filled" else old.since}
            if isinstance(claim, c.HandOver):
                gone["restaurant"] = restaurant
            return gone
        case c.DepotIn() | c.UnloadVehicle() | c.CollectCylinder():
            unsold = claim.content is c.Content.FULL
            return {"since": "back", "full": old.full and unsold, "gross_g": old.gross_g if unsold else None}
        case c.CountStock():
            return {"since": "back" if claim.content is c.Content.EMPTY else old.since}
        case c.RecordInspection():
            if event.violations:
                return {}
            tare_g = old.tare_g if claim.tare_g is None else claim.tare_g
            fit = max(old.fit_month, claim.inspected_on[:7]) if claim.passed else old.fit_month
            return _EMPTIED | {"fit_month": fit, "doubts": (), "starts": (), "tare_g": tare_g}
        case c.DetermineTare() if not event.violations:
            return {"tare_g": claim.tare_g, "starts": ()}
        case c.CorrectCylinder() if not event.violations:
            return {} if claim.tare_g is None else {"tare_g": claim.tare_g, "starts": ()}
        case c.ReplaceValve():
            return {"starts": ()}
        case c.SurrenderCylinder():
            assert isinstance(event, e.CylinderSurrendered)
            return {"owner": event.owner}
        case c.ReportLost() | c.ReportFound() | c.RemoveInEmergency():
            return {"since": "back", "full": False}
        case _:
            return {}


def _prechecked(
    old: Body, claim: c.CheckPrefill, event: e.Event, *, shown: bool, index: int, at: int
) -> dict[str, object]:
    assert isinstance(event, e.PrefillChecked | e.PrefillFailed)
    changes: dict[str, object] = {
        "prefill_by": claim.person,
        "shown": shown or (old.shown and not event.return_inferred),
    }
    if isinstance(event, e.PrefillChecked) and (shown or claim.stamp_tail is not None):
        changes["mismatches"] = ()
    if isinstance(event, e.PrefillChecked) and shown:
        changes["doubts"] = ()  # its stamp was shown: this is the one
    if event.return_inferred and old.holder != UNKNOWN_HOLDER:
        changes["inferred"] = (*old.inferred, (at, index))[-KEPT_SPOTS:]
    return changes


def _filled(old: Body, claim: c.CompleteFill, index: int, at: int) -> dict[str, object]:
    again = old.continued == claim.authorisation and bool(old.fills)
    fills = old.fills if again else (*old.fills, (at, index))[-KEPT_FILLS:]
    starts = old.starts if again else (*old.starts, claim.start_weight_g)[-KEPT_STARTS:]
    return {
        "since": "filled",
        "fills": fills,
        "starts": starts,
        "net_g": claim.end_weight_g - old.tare_g,
        "gross_g": claim.end_weight_g,
        "gross_entry": index,
        "filled_by": claim.person,
        "full": True,
    }
