"""The lifecycle of a cylinder: Stage x sign -> Stage, as a table. The docs' diagram is drawn from it.

A *sign* is what an event shows of the cylinder: the event's tag, where the claim decides `tag/what`, and `superseded`
for any fact that a newer one had overtaken. Signs of reports are defined for every stage, because refusing a fact does
not undo it; signs of requests only where the act is possible. Custody, content, locks and seizure are axes of their
own (`ledger.fold`).
"""

from collections.abc import Iterable
from enum import StrEnum

from ledger.claim import AnyClaim, CollectCylinder, CountStock, DepotIn, HandOver, SurrenderCylinder, UnloadVehicle
from ledger.events import Event, PlacedEvent, tag_of


class Stage(StrEnum):
    """Where a cylinder stands in its round."""

    UNKNOWN = "unknown"
    EMPTY = "empty"
    PRECHECKED = "prechecked"
    AUTHORISED = "authorised"
    FILLING = "filling"
    INTERRUPTED = "interrupted"
    FILLED = "filled"
    POSTCHECKED = "postchecked"
    RELEASED = "released"
    SET_ASIDE = "set_aside"
    SCRAP_DECIDED = "scrap_decided"
    DESTROYED = "destroyed"
    DEREGISTERED = "deregistered"

    # Enum's own hash is a Python call, and every claim looks up the table.
    __hash__ = str.__hash__


STAGE_ZH = {
    Stage.UNKNOWN: "状态不明",
    Stage.EMPTY: "空瓶",
    Stage.PRECHECKED: "已排检",
    Stage.AUTHORISED: "已授权",
    Stage.FILLING: "充装中",
    Stage.INTERRUPTED: "充装中断",
    Stage.FILLED: "重瓶待检",
    Stage.POSTCHECKED: "重瓶已检",
    Stage.RELEASED: "已放行",
    Stage.SET_ASIDE: "隔离待处理",
    Stage.SCRAP_DECIDED: "待报废",
    Stage.DESTROYED: "已消除使用功能",
    Stage.DEREGISTERED: "已注销",
}

START = Stage.UNKNOWN
"""The stage of a cylinder just registered: first in the ledger is not first in life."""

SCRAPPED = (Stage.SCRAP_DECIDED, Stage.DESTROYED, Stage.DEREGISTERED)
LIVE = tuple(stage for stage in Stage if stage not in SCRAPPED)
FULL_STAGES = (Stage.FILLED, Stage.POSTCHECKED, Stage.RELEASED)

SAME = None
"""In a row's target: the cylinder stays where it stands."""

SUPERSEDED = "superseded"
"""The one sign of every fact that a newer one had overtaken."""

Row = tuple[str, Iterable[Stage], Stage | None]

# Later rows win, so that a broad row may stand first and its exceptions after it.
ROWS: tuple[Row, ...] = (
    ("code_bound.v1", LIVE, SAME),
    ("relabel_confirmed.v1", Stage, SAME),
    ("inspection_passed.v1", Stage, SAME),
    ("inspection_passed.v1", LIVE, Stage.EMPTY),
    ("inspection_failed.v1", Stage, SAME),
    ("inspection_failed.v1", LIVE, Stage.SET_ASIDE),
    ("prefill_checked.v1", Stage, SAME),
    ("prefill_checked.v1", LIVE, Stage.PRECHECKED),
    ("prefill_failed.v1", Stage, SAME),
    ("prefill_failed.v1", LIVE, Stage.SET_ASIDE),
    ("fill_authorised.v1", [s for s in LIVE if s is not Stage.FILLING], Stage.AUTHORISED),
    ("fill_started.v1", Stage, SAME),
    (SUPERSEDED, Stage, SAME),
    ("fill_started.v1", LIVE, Stage.FILLING),
    ("cylinder_filled.v1", Stage, SAME),
    ("cylinder_filled.v1", LIVE, Stage.FILLED),
    ("fill_interrupted.v1", Stage, SAME),
    ("fill_interrupted.v1", LIVE, Stage.INTERRUPTED),
    ("cylinder_weighed.v1", Stage, SAME),
    ("postfill_checked.v1", Stage, SAME),
    ("postfill_checked.v1", [Stage.FILLED], Stage.POSTCHECKED),
    ("postfill_failed.v1", Stage, SAME),
    ("postfill_failed.v1", LIVE, Stage.SET_ASIDE),
    ("postfill_failed.v1", FULL_STAGES, Stage.FILLED),  # 待复检: bled, mended or by another person, it is checked again
    ("cylinder_released.v1", FULL_STAGES, Stage.RELEASED),
    ("depot_left.v1", Stage, SAME),
    ("depot_entered.v1/empty", Stage, SAME),
    ("depot_entered.v1/empty", LIVE, Stage.EMPTY),
    ("depot_entered.v1/full", Stage, SAME),
    ("depot_entered.v1/full", [Stage.EMPTY, Stage.PRECHECKED], Stage.UNKNOWN),
    ("depot_entered.v1/unknown", Stage, SAME),
    ("depot_entered.v1/unknown", LIVE, Stage.UNKNOWN),
    ("cylinder_collected.v1/empty", Stage, SAME),
    ("cylinder_collected.v1/empty", LIVE, Stage.EMPTY),
    ("cylinder_collected.v1/full", Stage, SAME),
    ("cylinder_collected.v1/full", LIVE, Stage.UNKNOWN),
    ("cylinder_collected.v1/unknown", Stage, SAME),
    ("cylinder_collected.v1/unknown", LIVE, Stage.UNKNOWN),
    ("stock_counted.v1/empty", Stage, SAME),
    ("stock_counted.v1/empty", [Stage.UNKNOWN, Stage.INTERRUPTED, *FULL_STAGES], Stage.EMPTY),
    ("stock_counted.v1/full", Stage, SAME),
    ("stock_counted.v1/full", [Stage.EMPTY, Stage.PRECHECKED, Stage.AUTHORISED], Stage.UNKNOWN),
    ("stock_counted.v1/unknown", Stage, SAME),
    ("cylinder_set_aside.v1", Stage, SAME),
    ("cylinder_set_aside.v1", LIVE, Stage.SET_ASIDE),
    ("cylinder_locked.v1", Stage, SAME),
    ("cylinder_bled.v1", Stage, SAME),
    ("cylinder_bled.v1", FULL_STAGES, Stage.FILLED),
    ("vehicle_loaded.v1", LIVE, SAME),
    ("vehicle_unloaded.v1/empty", Stage, SAME),
    ("vehicle_unloaded.v1/empty", LIVE, Stage.EMPTY),
    ("vehicle_unloaded.v1/full", Stage, SAME),
    ("vehicle_unloaded.v1/full", [Stage.EMPTY, Stage.PRECHECKED], Stage.UNKNOWN),
    ("vehicle_unloaded.v1/unknown", Stage, SAME),
    ("vehicle_unloaded.v1/unknown", LIVE, Stage.UNKNOWN),
    ("cylinder_handed_over.v1", LIVE, SAME),
    ("cylinder_handed_over.v1/done", Stage, SAME),
    ("delivery_failed.v1", Stage, SAME),
    ("cylinder_removed.v1", Stage, SAME),
    ("cylinder_removed.v1", LIVE, Stage.SET_ASIDE),
    ("cylinder_lost.v1", Stage, SAME),
    ("cylinder_found.v1", Stage, SAME),
    ("cylinder_found.v1", LIVE, Stage.UNKNOWN),
    ("cylinder_evacuated.v1", Stage, SAME),
    ("cylinder_evacuated.v1", [Stage.UNKNOWN, Stage.INTERRUPTED, *FULL_STAGES], Stage.EMPTY),
    ("residue_extracted.v1", Stage, SAME),
    ("residue_extracted.v1", [Stage.UNKNOWN, Stage.INTERRUPTED, *FULL_STAGES], Stage.EMPTY),
    ("valve_replaced.v1", Stage, SAME),
    ("tare_determined.v1", Stage, SAME),
    ("cylinder_surrendered.v1/enterprise", LIVE, SAME),
    ("cylinder_surrendered.v1/scrap", LIVE, Stage.SCRAP_DECIDED),
    ("cylinder_seized.v1", Stage, SAME),
    ("seizure_ended.v1", Stage, SAME),
    ("scrap_decided.v1", Stage, SAME),
    ("scrap_decided.v1", LIVE, Stage.SCRAP_DECIDED),
    ("cylinder_destroyed.v1", Stage, Stage.DESTROYED),
    ("cylinder_destroyed.v1", [Stage.DEREGISTERED], SAME),
    ("cylinder_deregistered.v1", [Stage.DESTROYED], Stage.DEREGISTERED),
    ("cylinder_corrected.v1", Stage, SAME),
)


def _table() -> dict[tuple[Stage, str], Stage]:
    table: dict[tuple[Stage, str], Stage] = {}
    for sign, stages, target in ROWS:
        for stage in stages:
            table[stage, sign] = stage if target is SAME else target
    return table


TABLE = _table()
SIGNS = tuple(dict.fromkeys(sign for sign, _, _ in ROWS))


_SAID_IN = {
    DepotIn: "content", UnloadVehicle: "content", CollectCylinder: "content", CountStock: "content",
    SurrenderCylinder: "to",
}  # fmt: skip
"""Claims that decide what their event is a sign of, and in which field."""


def sign_of(claim: AnyClaim, event: Event) -> str:
    """The sign that this event shows of its cylinder."""
    if isinstance(event, PlacedEvent) and event.superseded:
        return SUPERSEDED
    if isinstance(claim, HandOver) and claim.done:
        return f"{tag_of(event)}/done"
    field = _SAID_IN.get(type(claim))
    return tag_of(event) if field is None else f"{tag_of(event)}/{getattr(claim, field)}"
