"""Outcomes: what the ledger made of a claim. Events in the past tense with tags that are never renamed; one Refusal.

An event holds what the ledger *derived*; what the signer said stands in the claim beside it in the same entry.
`cylinder` is the ledger id that the claim's code resolved to, None when no such code is known.

This file is over 400 lines because it is one vocabulary, as `ledger/claim.py` is: an event for every act, side by side.
"""

from typing import get_args

from msgspec import Struct
from msgspec import json as mjson


class Note(Struct, frozen=True, omit_defaults=True):
    """One finding of a rule: `rule` as `ID@n`, the reason's code (`ledger.reasons`), and the figures behind it."""

    rule: str
    reason: str
    facts: dict[str, int | str] = {}


class Event(Struct, frozen=True, tag_field="type", omit_defaults=True, kw_only=True):
    """`violations`: rules that a report broke. `warnings`: rules that only warn. `as_of_scan`: for a late claim, what
    the rules said as of `scanned_at` where that differs from what they said on receipt.
    """

    violations: tuple[Note, ...] = ()
    warnings: tuple[Note, ...] = ()
    as_of_scan: tuple[Note, ...] | None = None


class Refusal(Struct, frozen=True, tag_field="type", tag="refused.v1", omit_defaults=True, kw_only=True):
    """The world says no: reasons in precedence order, never empty. `cylinder` as in events."""

    reasons: tuple[Note, ...]
    warnings: tuple[Note, ...] = ()
    as_of_scan: tuple[Note, ...] | None = None
    cylinder: str | None = None


class CylinderEvent(Event, frozen=True, kw_only=True):
    """An event about one cylinder. `left`: whose hands and place it left by this (`customer:…`, `premises:…`, `site:…`,
    `vehicle:…`), empty where it stayed or nobody knew.
    """

    cylinder: str | None = None
    left: tuple[str, ...] = ()


class PlacedEvent(CylinderEvent, frozen=True, kw_only=True):
    """An event about where a cylinder is or what is done with it there. `superseded`: it came so late that a newer such
    fact stood already; it is kept, and changes neither stage nor custody.
    """

    superseded: bool = False


class CylinderRegistered(CylinderEvent, frozen=True, tag="cylinder_registered.v1"):
    """Its life in the ledger began. `stamp`: the code of its stamp, which it carries from here on; '' for none."""

    stamp: str = ""


class CodeBound(CylinderEvent, frozen=True, tag="code_bound.v1"):
    """It carries another identifier."""


class RelabelConfirmed(CylinderEvent, frozen=True, tag="relabel_confirmed.v1"):
    """A second person confirmed its new label."""


class InspectionPassed(CylinderEvent, frozen=True, tag="inspection_passed.v1"):
    """Inspected and found fit."""


class InspectionFailed(CylinderEvent, frozen=True, tag="inspection_failed.v1"):
    """Inspected and found unfit."""


class PrefillChecked(CylinderEvent, frozen=True, tag="prefill_checked.v1"):
    """Pre-checked, green. `return_inferred`: nobody had scanned its return; standing here proves it. `challenged`: the
    ledger asks for the stamp's last characters before it may be filled (ID-04).
    """

    return_inferred: bool = False
    challenged: bool = False


class PrefillFailed(CylinderEvent, frozen=True, tag="prefill_failed.v1"):
    """Pre-checked, red: it must not reach the scale."""

    return_inferred: bool = False


class FillAuthorised(CylinderEvent, frozen=True, tag="fill_authorised.v1"):
    """Leave to fill once, on one line, to start at the latest at `start_by` (ms UTC). Masses of gas, net, grams."""

    start_by: int
    tare_g: int
    target_net_g: int
    allowed_net_g: int


class FillStarted(PlacedEvent, frozen=True, tag="fill_started.v1"):
    """The valve opened. `tank_lot`: which lot it opened to, by the leave; None where there was none."""

    tank_lot: str | None = None


class CylinderFilled(CylinderEvent, frozen=True, tag="cylinder_filled.v1"):
    """The fill is done. `lawful`: authorised, and no blocking rule broken (黑气瓶 are not)."""

    net_g: int = 0
    lawful: bool = False


class FillInterrupted(CylinderEvent, frozen=True, tag="fill_interrupted.v1"):
    """The valve closed early. `tank_lot` as when it opened; `gas_g`: how much went in, None where nobody said at what
    weight it began.
    """

    net_g: int = 0
    tank_lot: str | None = None
    gas_g: int | None = None


class CylinderWeighed(CylinderEvent, frozen=True, tag="cylinder_weighed.v1"):
    """Weighed outside a fill."""

    net_g: int = 0


class PostfillChecked(CylinderEvent, frozen=True, tag="postfill_checked.v1"):
    """Post-checked by a second person and found good."""

    net_g: int = 0


class PostfillFailed(CylinderEvent, frozen=True, tag="postfill_failed.v1"):
    """Post-checked and found wanting."""

    net_g: int = 0


class CylinderReleased(CylinderEvent, frozen=True, tag="cylinder_released.v1"):
    """Released for sale; the label names the filler and its service phone."""

    filler: str = ""
    service_phone: str = ""


class DepotLeft(PlacedEvent, frozen=True, tag="depot_left.v1"):
    """Out of the depot."""


class DepotEntered(PlacedEvent, frozen=True, tag="depot_entered.v1"):
    """Into the depot."""


class CylinderCollected(PlacedEvent, frozen=True, tag="cylinder_collected.v1"):
    """Taken back."""


class VehicleLoaded(PlacedEvent, frozen=True, tag="vehicle_loaded.v1"):
    """On a delivery vehicle."""


class VehicleUnloaded(PlacedEvent, frozen=True, tag="vehicle_unloaded.v1"):
    """Off a delivery vehicle."""


class CylinderHandedOver(PlacedEvent, frozen=True, tag="cylinder_handed_over.v1"):
    """Handed over to a customer."""


class DeliveryFailed(CylinderEvent, frozen=True, tag="delivery_failed.v1"):
    """Brought, and not handed over."""


class CylinderRemoved(PlacedEvent, frozen=True, tag="cylinder_removed.v1"):
    """Taken away in an emergency."""


class CylinderLost(PlacedEvent, frozen=True, tag="cylinder_lost.v1"):
    """Nobody knows where it is."""


class CylinderFound(PlacedEvent, frozen=True, tag="cylinder_found.v1"):
    """Found."""


class CylinderSetAside(CylinderEvent, frozen=True, tag="cylinder_set_aside.v1"):
    """Set aside."""


class CylinderLocked(CylinderEvent, frozen=True, tag="cylinder_locked.v1"):
    """Locked."""


class CylinderBled(CylinderEvent, frozen=True, tag="cylinder_bled.v1"):
    """Bled back and weighed."""

    net_g: int = 0


class CylinderEvacuated(CylinderEvent, frozen=True, tag="cylinder_evacuated.v1"):
    """Air drawn out."""


class ResidueExtracted(CylinderEvent, frozen=True, tag="residue_extracted.v1"):
    """Residue taken out; `net_g` is what is left in it."""

    net_g: int = 0


class ValveReplaced(CylinderEvent, frozen=True, tag="valve_replaced.v1"):
    """It has another valve."""


class TareDetermined(CylinderEvent, frozen=True, tag="tare_determined.v1"):
    """Its tare was weighed anew."""


class CylinderSurrendered(CylinderEvent, frozen=True, tag="cylinder_surrendered.v1"):
    """A customer gave it up: to `owner` from here on."""

    owner: str = ""


class CylinderSeized(CylinderEvent, frozen=True, tag="cylinder_seized.v1"):
    """Seized under an order."""


class SeizureEnded(CylinderEvent, frozen=True, tag="seizure_ended.v1"):
    """The seizure is over."""


class ScrapDecided(CylinderEvent, frozen=True, tag="scrap_decided.v1"):
    """To be scrapped."""


class CylinderDestroyed(CylinderEvent, frozen=True, tag="cylinder_destroyed.v1"):
    """Its function is destroyed."""


class CylinderDeregistered(CylinderEvent, frozen=True, tag="cylinder_deregistered.v1"):
    """Out of the register; its codes are retired for ever."""


class StockCounted(PlacedEvent, frozen=True, tag="stock_counted.v1"):
    """Found in a count."""


class CylinderCorrected(CylinderEvent, frozen=True, tag="cylinder_corrected.v1"):
    """Its master data read otherwise from here on."""


class PremisesEvent(Event, frozen=True, kw_only=True):
    """An event about a customer's premises."""


class PremisesChecked(PremisesEvent, frozen=True, tag="premises_checked.v1"):
    """Checked; `passed`: every item of a list on record was looked at and found good."""

    passed: bool = False


class HazardOpened(PremisesEvent, frozen=True, tag="hazard_opened.v1"):
    """A hazard is open. `blocks_from`: the day from which nobody may supply there while it is."""

    blocks_from: str = ""


class HazardAssigned(PremisesEvent, frozen=True, tag="hazard_assigned.v1"):
    """Somebody is to put it right."""


class HazardEscalated(PremisesEvent, frozen=True, tag="hazard_escalated.v1"):
    """The customer refuses; the town knows."""


class HazardRectified(PremisesEvent, frozen=True, tag="hazard_rectified.v1"):
    """Put right; `closed` where the repair on the spot is its own re-check."""

    closed: bool = False


class HazardRechecked(PremisesEvent, frozen=True, tag="hazard_rechecked.v1"):
    """Re-checked; `closed` if it passed."""

    closed: bool = False


class SupplySuspended(PremisesEvent, frozen=True, tag="supply_suspended.v1"):
    """No enterprise may supply there."""


class SupplyResumed(PremisesEvent, frozen=True, tag="supply_resumed.v1"):
    """The enterprise that suspended it supplies again."""


class PremisesCounted(PremisesEvent, frozen=True, tag="premises_counted.v1"):
    """Counted. `found`: ledger ids of the cylinders there; `missing`: of those that were held there and were not found;
    `overtaken`: of those found that were seen elsewhere since, so that this moves them nowhere; `elsewhere`: of those
    found that the ledger had elsewhere until now. `unknown`: how many codes nobody registered; `foreign`: which of them
    stand there now; `gone`: which others stood there and were not found. `left`: as of cylinders, of all found.
    """

    found: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    overtaken: tuple[str, ...] = ()
    unknown: int = 0
    left: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


class RecallAcknowledged(Event, frozen=True, tag="recall_acknowledged.v1"):
    """An enterprise knows of the recall."""


class AlertSettled(Event, frozen=True, tag="alert_settled.v1"):
    """Somebody found out what was behind an alert."""


class ArrivalRecorded(Event, frozen=True, tag="arrival_recorded.v1"):
    """A truck arrived."""


class AlertRaised(Event, frozen=True, tag="alert_raised.v1"):
    """Something is wrong with a signer, or with the log that it saw."""


class LogOpened(Event, frozen=True, tag="log_opened.v1"):
    """Entry 0."""


class Filed(Event, frozen=True, tag="filed.v1"):
    """A filing became the record of its subject."""


AnyEvent = (
    CylinderRegistered
    | CodeBound
    | RelabelConfirmed
    | InspectionPassed
    | InspectionFailed
    | PrefillChecked
    | PrefillFailed
    | FillAuthorised
    | FillStarted
    | CylinderFilled
    | FillInterrupted
    | CylinderWeighed
    | PostfillChecked
    | PostfillFailed
    | CylinderReleased
    | DepotLeft
    | DepotEntered
    | CylinderCollected
    | VehicleLoaded
    | VehicleUnloaded
    | CylinderHandedOver
    | DeliveryFailed
    | CylinderRemoved
    | CylinderLost
    | CylinderFound
    | CylinderSetAside
    | CylinderLocked
    | CylinderBled
    | CylinderEvacuated
    | ResidueExtracted
    | ValveReplaced
    | TareDetermined
    | CylinderSurrendered
    | CylinderSeized
    | SeizureEnded
    | ScrapDecided
    | CylinderDestroyed
    | CylinderDeregistered
    | StockCounted
    | CylinderCorrected
    | PremisesChecked
    | HazardOpened
    | HazardAssigned
    | HazardEscalated
    | HazardRectified
    | HazardRechecked
    | SupplySuspended
    | SupplyResumed
    | PremisesCounted
    | RecallAcknowledged
    | AlertSettled
    | ArrivalRecorded
    | AlertRaised
    | LogOpened
    | Filed
)
Outcome = AnyEvent | Refusal

_TAGS: dict[type, str] = {kind: str(kind.__struct_config__.tag) for kind in get_args(Outcome)}


def tag_of(outcome: Event | Refusal) -> str:
    """The outcome's tag, as it stands in the log."""
    return _TAGS[type(outcome)]


outcome_encoder = mjson.Encoder()
outcome_decoder: mjson.Decoder[Outcome] = mjson.Decoder(Outcome)
