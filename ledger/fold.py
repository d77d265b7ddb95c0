"""The fold: what each event makes of a cylinder. Every act changes only the axes that it says something about.

Facts are folded even where a rule was broken (refusing a fact does not undo it), but for what needs to be trusted: an
inspection by people who may not inspect renews nothing, a correction without a reference corrects nothing.

This file is over 400 lines because every act has its arm here, and what one changes is read against the others.
"""

from typing import NamedTuple

from msgspec import structs

from ledger import claim as c
from ledger import events as e
from ledger.contents import gas_closed, gas_opened
from ledger.cylinder import UNKNOWN_HOLDER, Authorisation, Cylinder, Delivery, Fill, Inspection, Prefill
from ledger.lifecycle import FULL_STAGES, TABLE, Stage, sign_of
from ledger.model import allowed_fill_g

KEPT_RELABELS = 4
"""So many of its newest re-labellings are remembered; no pack's limit needs more."""


def apply(
    old: Cylinder, claim: c.AnyClaim, event: e.CylinderEvent, *, at: int, seen_at: int, entry_index: int, leaf: str
) -> Cylinder:
    """The cylinder after one of its events, recorded at `at` and seen at `seen_at` by clocks put right (both ms UTC).

    KeyError if the lifecycle has no such step.
    """
    stage = TABLE[old.stage, sign_of(claim, event)]
    if stage in FULL_STAGES and _had_by_customer(claim, event):
        # It was sold and used: no return, count or transfer makes that fill one to be sold again.
        stage = Stage.UNKNOWN
    overtaken = isinstance(event, e.PlacedEvent) and event.superseded
    told = _told_late(old, claim, seen_at) if overtaken else _moved(claim) | _changes(old, claim, event, at, seen_at)
    changes: dict[str, object] = told
    if type(claim) in PLACING and seen_at > old.placed_at:
        changes["placed_at"] = seen_at
    if _frozen(event) and not overtaken:
        # What the freeze holds and was moved or let out all the same reaches no customer from elsewhere.
        changes["locks"] = _with_lock(old, c.Cause.INCIDENT)
    return structs.replace(old, seq=old.seq + 1, leaf=leaf, entry_index=entry_index, **{"stage": stage, **changes})


def _told_late(old: Cylinder, claim: c.AnyClaim, seen_at: int) -> dict[str, object]:
    """What an overtaken fact changes nevertheless: whatever came after it, this fill has been a customer's."""
    if not isinstance(claim, c.HandOver) or old.fill is None or seen_at < old.fill.seen_at:
        return {}
    return {"released": False} | ({"stage": Stage.UNKNOWN} if old.stage in FULL_STAGES else {})


def _had_by_customer(claim: c.AnyClaim, event: e.CylinderEvent) -> bool:
    """Whether it leaves a customer's hands by this, and neither for another's nor filled anew."""
    if isinstance(claim, c.HandOver | c.CompleteFill):
        return False
    return any(party.startswith(CUSTOMERS) for party in event.left)


CUSTOMERS = "customer:"

PLACING = frozenset({
    c.CheckPrefill, c.StartFill, c.CompleteFill, c.InterruptFill, c.CheckPostfill, c.DepotOut, c.DepotIn,
    c.CollectCylinder, c.HandOver, c.CountStock, c.RecordInspection, c.LoadVehicle, c.UnloadVehicle,
    c.RemoveInEmergency, c.ReportFound, c.ReportLost,
})  # fmt: skip
"""Claims that are made with the cylinder at hand, or that it is lost: each says where it is when it is seen."""


class Place(NamedTuple):
    """Whose hands a cylinder is in, at which customer's premises, and who took it onto the vehicle that holds it."""

    holder: str
    premises: str | None = None
    carrier: str | None = None


def destination(claim: c.AnyClaim) -> Place | None:
    """Where a claim says that its cylinder is from then on; None for claims that do not say so."""
    if type(claim) not in PLACING:  # the many are done with soon
        return None
    match claim:
        case c.CheckPrefill() | c.CompleteFill() | c.DepotIn() | c.UnloadVehicle() | c.CountStock():
            return Place(f"site:{claim.site}")
        case c.DepotOut() | c.LoadVehicle() | c.CollectCylinder():
            return Place(f"vehicle:{claim.vehicle}", carrier=claim.person)
        case c.HandOver():
            return Place(f"customer:{claim.customer}", claim.premises)
        case c.ReportLost():
            return Place(UNKNOWN_HOLDER)
        case c.RemoveInEmergency():
            return _taken_to(claim.vehicle, claim.to_site, claim.person)
        case c.ReportFound():
            if claim.customer is not None and claim.premises is not None:
                return Place(f"customer:{claim.customer}", claim.premises)
            return _taken_to(claim.vehicle, claim.site, claim.person)
        case _:
            return None


def _taken_to(vehicle: str | None, site: str | None, person: str) -> Place:
    if vehicle is not None:
        return Place(f"vehicle:{vehicle}", carrier=person)
    return Place(UNKNOWN_HOLDER if site is None else f"site:{site}")


def _moved(claim: c.AnyClaim) -> dict[str, object]:
    place = destination(claim)
    changes: dict[str, object] = {} if place is None else place._asdict()
    if type(claim) in PLACING:
        changes["lost"] = False
    return changes


def found_at(old: Cylinder, claim: c.CountPremises, *, seen_at: int) -> Cylinder:
    """The cylinder once it was found in a count at a customer's, seen at `seen_at` (ms UTC)."""
    here = Place(f"customer:{claim.customer}", claim.premises)
    moved = (old.holder, old.premises) != (here.holder, here.premises)
    # Whatever it was made ready for elsewhere, it is not there any more.
    over: dict[str, object] = _SHUT_OUT if moved else {"out": False}
    return structs.replace(old, **here._asdict(), lost=False, placed_at=max(seen_at, old.placed_at), **over)


def missed_at(old: Cylinder) -> Cylinder:
    """The cylinder once a count at a customer's missed it: nobody knows where it is, nor any more what is in it."""
    # A scan from before, told later, may still say where it went: `placed_at` stays.
    stage = Stage.UNKNOWN if old.stage in FULL_STAGES else old.stage
    return structs.replace(old, holder=UNKNOWN_HOLDER, premises=None, carrier=None, stage=stage)


def touch(old: Cylinder, *, entry_index: int, leaf: str) -> Cylinder:
    """The cylinder after a refusal: only its chain moves."""
    return structs.replace(old, seq=old.seq + 1, leaf=leaf, entry_index=entry_index)


def _changes(old: Cylinder, claim: c.AnyClaim, event: e.CylinderEvent, at: int, seen_at: int) -> dict[str, object]:  # noqa: C901, PLR0911, PLR0912 - one arm an act
    match claim:
        case c.CheckPrefill():
            return _prefill(old, claim, event, at)
        case c.AuthoriseFill():
            assert isinstance(event, e.FillAuthorised)
            leave = Authorisation(
                claim.claim_id, claim.line, event.start_by, continues=claim.continues, tank_lot=claim.tank_lot
            )
            return {"authorisation": leave, "released": False}
        case c.StartFill():
            assert isinstance(event, e.FillStarted)
            gas = gas_opened(old, claim, event, seen_at)
            return {"authorisation": _started(old, claim, event), "gas": gas} | _VALVE_OPENED
        case c.CompleteFill():
            assert isinstance(event, e.CylinderFilled)
            return _filled(old, claim, event, at, seen_at)
        case c.InterruptFill():
            assert isinstance(event, e.FillInterrupted)
            locks = _with_lock(old, c.Cause.OVERFILLED) if _over(event) else old.locks
            return {
                "authorisation": _finished(old, claim.authorisation),
                "net_g": event.net_g,
                "locks": locks,
                "postfill_person": None,
                "gas": gas_closed(old, claim, event, seen_at),
                "fill_over": True,
            } | _VALVE_OPENED
        case c.WeighCylinder():
            assert isinstance(event, e.CylinderWeighed)
            return {"net_g": event.net_g}
        case c.CheckPostfill():
            return _postfill(old, claim, event)
        case c.ReleaseCylinder():
            return {"released": True, "released_at": at, "seal": claim.seal}
        case c.DepotOut() | c.LoadVehicle():
            sold = isinstance(claim, c.LoadVehicle) or claim.purpose is c.Purpose.SALE
            return _gone(old, sold=sold) | {"out": sold}
        case c.HandOver():
            given = Delivery(seen_at, claim.person, claim.vehicle, claim.customer, claim.premises)
            fetched = _gone(old, sold=True) if claim.vehicle is None else {}
            return fetched | {"delivery": given, "out": False}
        case c.DepotIn() | c.UnloadVehicle() | c.CollectCylinder():
            return _back(old, claim, event)
        case c.RemoveInEmergency() | c.ReportFound():
            return _SHUT_OUT | {"content": c.Content.UNKNOWN, "net_g": None}
        case c.ReportLost():
            return _SHUT_OUT | {"lost": True}
        case c.CountStock():
            return _counted(old, claim, at)
        case c.RecordInspection():
            return _inspected(claim, event)
        case c.SetAside():
            return _SHUT_OUT
        case c.LockCylinder():
            return {"locks": _with_lock(old, claim.cause), "released": False}
        case c.BleedCylinder():
            assert isinstance(event, e.CylinderBled)
            cleared = () if event.violations else (c.Cause.OVERFILLED,)
            locks = tuple(lock for lock in old.locks if lock not in cleared)
            return {
                "locks": locks,
                "net_g": event.net_g,
                "postfill_person": None,
                "released": False,
                "released_at": None,
                "out": old.out and not event.left,
            }
        case c.EvacuateCylinder():
            return _EMPTIED | {"needs_evacuation": False, "net_g": None} | _NO_GAS
        case c.ExtractResidue():
            assert isinstance(event, e.ResidueExtracted)
            over = event.net_g > allowed_fill_g(old.max_fill_g, old.water_volume_ml)
            locks = old.locks if over else tuple(lock for lock in old.locks if lock is not c.Cause.OVERFILLED)
            return _EMPTIED | {"net_g": event.net_g, "locks": locks}
        case c.ReplaceValve():
            return {"valve_no": claim.valve_no, "valve_model": claim.valve_model}
        case c.DetermineTare():
            return {} if event.violations else _retared(old, claim.tare_g) | {"tare_unknown": False}
        case c.SurrenderCylinder():
            assert isinstance(event, e.CylinderSurrendered)
            return {"owner": event.owner}
        case c.SeizeCylinder():
            return {"orders": (*(order for order in old.orders if order != claim.order_no), claim.order_no)}
        case c.EndSeizure():
            return {"orders": tuple(order for order in old.orders if order != claim.order_no)}
        case c.DeregisterCylinder():
            return {"codes": ()}
        case c.BindCode():
            return _bound(old, claim, at)
        case c.ConfirmRelabel():
            return {} if event.violations else {"relabelled_by": None}
        case c.CorrectCylinder():
            return {} if event.violations else _corrected(old, claim)
        case _:
            return {}


def _gone(old: Cylinder, *, sold: bool) -> dict[str, object]:
    """It leaves a site. One release, one sale: only coming back unsold (`_back`) lets the same fill go out again."""
    return {
        "prefill": None,
        "released": old.released and not sold,
        "opening_stock": old.opening_stock and not sold,
        "opening_left": sold and (old.opening_stock or old.opening_back),
        "opening_back": old.opening_back and not sold,
    }


def _prefill(old: Cylinder, claim: c.CheckPrefill, event: e.CylinderEvent, at: int) -> dict[str, object]:
    assert isinstance(event, e.PrefillChecked | e.PrefillFailed)
    passed = isinstance(event, e.PrefillChecked)
    challenged = old.challenged
    if isinstance(event, e.PrefillChecked):
        # Only a green check with the stamp keyed answers a challenge; it stays until then.
        challenged = event.challenged or (old.challenged and claim.stamp_tail is None)
    # It was away and nobody saw it come back: nobody knows what is in it now.
    gas: dict[str, object] = {"content": c.Content.UNKNOWN, "net_g": None} if event.return_inferred else {}
    missed = event.return_inferred and old.holder != UNKNOWN_HOLDER
    return gas | {
        "inferred_at": at if missed else old.inferred_at,
        "challenged": challenged,
        "tare_unknown": old.tare_unknown or c.PrefillItem.TARE_UNCLEAR in claim.failed_items,
        "out": False,
        "prefill": Prefill(at, claim.site, claim.person) if passed else None,
        "authorisation": None,
        "released": False,
        "opening_stock": False,
        "opening_back": False,
        # A green pre-check is what clears a lock that no bleeding can (FLOW.md section 2, step 2).
        "locks": tuple(lock for lock in old.locks if lock is c.Cause.OVERFILLED) if passed else old.locks,
    }


_SHUT_OUT: dict[str, object] = {
    "prefill": None, "authorisation": None, "released": False, "opening_stock": False, "opening_back": False,
    "out": False,
}  # fmt: skip
_VALVE_OPENED: dict[str, object] = {
    "content": c.Content.UNKNOWN, "released": False, "opening_stock": False, "opening_back": False, "out": False,
}  # fmt: skip
_EMPTIED: dict[str, object] = {
    "content": c.Content.EMPTY, "postfill_person": None, "released": False, "released_at": None,
    "opening_stock": False, "opening_back": False, "out": False,
}  # fmt: skip


def _started(old: Cylinder, claim: c.StartFill, event: e.CylinderEvent) -> Authorisation | None:
    if old.authorisation is None or old.authorisation.claim_id != claim.authorisation:
        return old.authorisation
    faults = [note.reason for note in event.violations if note.rule.startswith("FILL-01@")]
    return structs.replace(
        old.authorisation,
        started=True,
        start_fault=old.authorisation.start_fault or "".join(faults),
        start_weight_g=claim.start_weight_g,
    )


_NO_GAS: dict[str, object] = {"gas": (), "fill_over": True}


def _finished(old: Cylinder, claim_id: str) -> Authorisation | None:
    if old.authorisation is None or old.authorisation.claim_id != claim_id:
        return old.authorisation
    return structs.replace(old.authorisation, started=True, finished=True)


def _filled(old: Cylinder, claim: c.CompleteFill, event: e.CylinderFilled, at: int, seen_at: int) -> dict[str, object]:
    fill = Fill(
        at=at,
        authorisation=claim.authorisation,
        site=claim.site,
        line=claim.line,
        person=claim.person,
        tank_lot=claim.tank_lot,
        net_g=event.net_g,
        lawful=event.lawful,
        seen_at=seen_at,
    )
    return {
        "content": c.Content.FULL,
        "net_g": event.net_g,
        "fill": fill,
        "authorisation": _finished(old, claim.authorisation),
        "locks": _with_lock(old, c.Cause.OVERFILLED) if _over(event) else old.locks,
        # One pre-check, one fill; what continues this fill names it instead.
        "prefill": None,
        "postfill_person": None,
        "released": False,
        "released_at": None,
        "seal": None,
        "opening_stock": False,
        "opening_back": False,
        "needs_evacuation": False,
        "out": False,
        "gas": gas_closed(old, claim, event, seen_at),
        "fill_over": False,
    }


def _postfill(old: Cylinder, claim: c.CheckPostfill, event: e.CylinderEvent) -> dict[str, object]:
    assert isinstance(event, e.PostfillChecked | e.PostfillFailed)
    passed = isinstance(event, e.PostfillChecked)
    return {
        "net_g": event.net_g,
        "postfill_person": claim.person if passed and old.stage in FULL_STAGES else None,
        "locks": _with_lock(old, c.Cause.OVERFILLED) if _over(event) else old.locks,
        "released": old.released and passed,
        "opening_stock": old.opening_stock and passed,
        "opening_back": old.opening_back and passed,
        "out": old.out and not event.left,
    }


def _back(
    old: Cylinder, claim: c.DepotIn | c.UnloadVehicle | c.CollectCylinder, event: e.CylinderEvent
) -> dict[str, object]:
    # Only what came straight back from the road unsold is still the fill that was released: not what a customer had.
    sold = any(party.startswith(CUSTOMERS) for party in event.left)
    full = not isinstance(claim, c.CollectCylinder) and claim.content is c.Content.FULL and not sold
    unsold = full and old.stage is Stage.RELEASED
    return {
        "content": claim.content,
        "net_g": old.net_g if unsold else None,
        "released": unsold and not old.locks,
        "released_at": None,
        "out": False,
        "prefill": None,
        "authorisation": None,
        "opening_stock": old.opening_stock and full,
        "opening_back": full and ((old.out and old.opening_left) or old.opening_back),
    }


def _counted(old: Cylinder, claim: c.CountStock, at: int) -> dict[str, object]:
    first = old.holder == UNKNOWN_HOLDER and old.fill is None
    emptied = claim.content is c.Content.EMPTY
    here = f"site:{claim.site}"
    return {
        "content": claim.content,
        "net_g": None if emptied else old.net_g,
        "prefill": old.prefill if old.holder == here else None,
        "released": old.released and not emptied,
        "opening_stock": (first and claim.content is c.Content.FULL) or (old.opening_stock and not emptied),
        "counted_at": at if first else old.counted_at,
        "out": False,
    }


def _inspected(claim: c.RecordInspection, event: e.CylinderEvent) -> dict[str, object]:
    changes: dict[str, object] = {
        "prefill": None, "authorisation": None, "released": False, "released_at": None, "opening_stock": False,
        "opening_back": False, "out": False,
    }  # fmt: skip
    if any(note.reason == "inspection_out_of_order" for note in event.violations):
        # A newer inspection is on record: whatever this one found, that one has found since.
        return changes
    if isinstance(event, e.InspectionFailed):
        return changes | {"inspection_failed": True}
    if event.violations:
        # An inspection by people who may not inspect renews nothing.
        return changes
    changes |= {"inspected_month": claim.inspected_on[:7], "inspection_failed": False}
    changes |= {"inspection": Inspection(claim.site, claim.person, claim.inspected_on)}
    changes |= {"content": c.Content.EMPTY, "net_g": None, "needs_evacuation": True} | _NO_GAS
    if claim.tare_g is not None:
        changes |= {"tare_g": claim.tare_g, "tare_unknown": False}
    return changes


def _corrected(old: Cylinder, claim: c.CorrectCylinder) -> dict[str, object]:
    new = {name: getattr(claim, name) for name in c.CORRECTABLE if getattr(claim, name) is not None}
    return new if claim.tare_g is None else new | _retared(old, claim.tare_g)


def _retared(old: Cylinder, tare_g: int) -> dict[str, object]:
    """The scale showed gross: another tare is another net, and may be one too many (FILL-06)."""
    return {"tare_g": tare_g, "net_g": None if old.net_g is None else old.net_g + old.tare_g - tare_g}


def _bound(old: Cylinder, claim: c.BindCode, at: int) -> dict[str, object]:
    codes = (*(code for code in old.codes if code != claim.retires), claim.new_code)
    if claim.retires is None:
        return {"codes": codes}
    confirmed = claim.second_person not in (None, claim.person)
    return {
        "codes": codes,
        "relabelled_by": None if confirmed else claim.person,
        "relabels": (*old.relabels, at)[-KEPT_RELABELS:],
    }


def _frozen(event: e.CylinderEvent) -> bool:
    return any(note.reason == "incident_hold" for note in event.violations)


def _over(event: e.CylinderEvent) -> bool:
    return any(note.reason == "overfilled" for note in event.violations)


def _with_lock(old: Cylinder, cause: c.Cause) -> tuple[c.Cause, ...]:
    return old.locks if cause in old.locks else (*old.locks, cause)
