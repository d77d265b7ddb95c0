"""Which event an accepted claim becomes, with the facts that the ledger derives for it."""

from collections.abc import Callable
from typing import TypedDict, cast, get_args

from msgspec import structs

from ledger import claim as c
from ledger import events as e
from ledger.challenge import is_challenged
from ledger.checklists import AT_ONCE, passed
from ledger.china import day_of, shift_day
from ledger.cylinder import Authorisation, Cylinder, stamp_of
from ledger.fold import destination
from ledger.judge import Verdict
from ledger.lifecycle import FULL_STAGES
from ledger.model import parse_model
from ledger.rules.filling import allowed_net_g
from ledger.scene import counted
from ledger.world import World

_PLAIN: dict[type[c.Claim], type[e.CylinderEvent]] = {
    c.BindCode: e.CodeBound,
    c.ConfirmRelabel: e.RelabelConfirmed,
    c.DepotOut: e.DepotLeft,
    c.DepotIn: e.DepotEntered,
    c.CollectCylinder: e.CylinderCollected,
    c.LoadVehicle: e.VehicleLoaded,
    c.UnloadVehicle: e.VehicleUnloaded,
    c.HandOver: e.CylinderHandedOver,
    c.NotDelivered: e.DeliveryFailed,
    c.RemoveInEmergency: e.CylinderRemoved,
    c.ReportLost: e.CylinderLost,
    c.ReportFound: e.CylinderFound,
    c.SetAside: e.CylinderSetAside,
    c.EvacuateCylinder: e.CylinderEvacuated,
    c.ReplaceValve: e.ValveReplaced,
    c.DetermineTare: e.TareDetermined,
    c.LockCylinder: e.CylinderLocked,
    c.SeizeCylinder: e.CylinderSeized,
    c.EndSeizure: e.SeizureEnded,
    c.DecideScrap: e.ScrapDecided,
    c.DestroyCylinder: e.CylinderDestroyed,
    c.DeregisterCylinder: e.CylinderDeregistered,
    c.CountStock: e.StockCounted,
    c.CorrectCylinder: e.CylinderCorrected,
}


_BARE: dict[type[c.Claim], Callable[..., e.AnyEvent]] = {
    **dict.fromkeys(get_args(c.FilingClaim), e.Filed),
    c.OpenLog: e.LogOpened,
    c.RecordArrival: e.ArrivalRecorded,
    c.RaiseAlert: e.AlertRaised,
    c.AcknowledgeRecall: e.RecallAcknowledged,
    c.SettleAlert: e.AlertSettled,
}
"""What becomes of claims about neither a cylinder nor premises."""


STAMP_RULE = "ID-05@1"
"""A pack that has it makes every registration carry its stamp as a code, which is what the rule looks for."""


_WEIGHED: dict[type[c.Claim], type[e.CylinderWeighed | e.CylinderBled | e.ResidueExtracted]] = {
    c.WeighCylinder: e.CylinderWeighed,
    c.BleedCylinder: e.CylinderBled,
    c.ExtractResidue: e.ResidueExtracted,
}


CUSTODY_RULE = "FILL-11@1"
"""A pack that has it holds custody by when things were seen; older packs hold it by when they were recorded."""


LEFT_RULE = "CUST-01@1"
"""A pack that has it makes every event say whom the cylinder left, so that each holder's story is whole."""


LOT_RULE = "RECALL-01@2"
"""A pack that has it makes the opening and the early closing of a valve say which tank lot it opened to."""


class Notes(TypedDict):
    """What every event says of the rules."""

    violations: tuple[e.Note, ...]
    warnings: tuple[e.Note, ...]
    as_of_scan: tuple[e.Note, ...] | None


def event_of(
    world: World,
    claim: c.AnyClaim,
    verdict: Verdict,
    now: int,
    as_of_scan: tuple[e.Note, ...] | None,
    *,
    seen_at: int,
) -> e.AnyEvent:
    """The event that this claim, seen at `seen_at`, becomes; in a report, broken rules are its violations."""
    notes: Notes = {"violations": verdict.broken, "warnings": verdict.warnings, "as_of_scan": as_of_scan}
    of_no_cylinder = _BARE.get(type(claim))
    if of_no_cylinder is not None:
        return of_no_cylinder(**notes)
    if isinstance(claim, c.PremisesClaim):
        return _at_premises(world, claim, now, notes, seen_at=seen_at)
    assert isinstance(claim, c.CylinderClaim)
    if isinstance(claim, c.RegisterCylinder):
        in_force = world.registry.in_force
        stamped = in_force is not None and STAMP_RULE in in_force.pack.rules
        return e.CylinderRegistered(cylinder=claim.cylinder, stamp=stamp_of(claim) if stamped else "", **notes)
    use = world.codes.get(claim.code)
    key = None if use is None else use.cylinder
    plain = _PLAIN.get(type(claim))
    event = _derived(world, claim, key, now, notes) if plain is None else plain(cylinder=key, **notes)
    if (
        key is not None
        and isinstance(event, e.PlacedEvent)
        and _superseded(world, claim, world.cylinders[key], seen_at)
    ):
        return cast("e.AnyEvent", structs.replace(event, superseded=True))
    left = _off_the_road(world, event, key) or _left(world, claim, key)
    return cast("e.AnyEvent", structs.replace(event, left=left) if left else event)


def _left(world: World, claim: c.AnyClaim, key: str | None) -> tuple[str, ...]:
    """Whose hands and place the cylinder leaves by this; nobody's where it stays, or under an older pack."""
    place = destination(claim)
    in_force = world.registry.in_force
    if place is None or key is None or in_force is None or LEFT_RULE not in in_force.pack.rules:
        return ()
    cylinder = world.cylinders[key]
    stays = (place.holder, place.premises) == (cylinder.holder, cylinder.premises)
    return () if stays else cylinder.place


def _off_the_road(world: World, event: e.Event, key: str | None) -> tuple[str, ...]:
    """The vehicle that a cylinder on its way to a customer was taken off, though nobody scanned that: it fails a check
    or is bled at the station, and goes nowhere without another check and a release. Nobody's under an older pack.
    """
    in_force = world.registry.in_force
    if key is None or in_force is None or LEFT_RULE not in in_force.pack.rules:
        return ()
    cylinder = world.cylinders[key]
    return cylinder.place if cylinder.out and isinstance(event, e.PostfillFailed | e.CylinderBled) else ()


def _at_premises(world: World, claim: c.PremisesClaim, now: int, notes: Notes, *, seen_at: int) -> e.AnyEvent:
    there = world.premises_of(claim.premises)
    sound = not notes["violations"]
    match claim:
        case c.CheckPremises():
            return e.PremisesChecked(passed=sound and passed(claim.check), **notes)
        case c.OpenHazard():
            at_once = claim.item in AT_ONCE
            return e.HazardOpened(blocks_from=day_of(now) if at_once else shift_day(claim.deadline, 1), **notes)
        case c.AssignHazard():
            return e.HazardAssigned(**notes)
        case c.EscalateHazard():
            return e.HazardEscalated(**notes)
        case c.RectifyHazard():
            known = there.hazard(claim.hazard) is not None
            shown = claim.before_digest not in (None, claim.photo_digest)  # one picture shows no difference
            return e.HazardRectified(closed=known and sound and shown, **notes)
        case c.RecheckHazard():
            hazard = there.hazard(claim.hazard)
            mended = hazard is not None and hazard.rectified_at is not None
            return e.HazardRechecked(closed=mended and sound and claim.passed, **notes)
        case c.SuspendSupply():
            return e.SupplySuspended(**notes)
        case c.ResumeSupply():
            return e.SupplyResumed(**notes)
        case c.CountPremises():
            return _recounted(world, claim, notes, seen_at=seen_at)


MAX_MISSING = 100
"""A count names so many that are missing, or an entry might not hold them; the next count misses the rest."""


def _recounted(world: World, claim: c.CountPremises, notes: Notes, *, seen_at: int) -> e.PremisesCounted:
    """What was found, and what that moves; under an older pack, nothing that nobody registered."""
    count, in_force = counted(world, claim, seen_at), world.registry.in_force
    here = f"customer:{claim.customer}", f"premises:{claim.premises}"
    moved = (world.cylinders[key].place for key in count.found)
    whole = in_force is not None and LEFT_RULE in in_force.pack.rules
    return e.PremisesCounted(
        found=count.found,
        missing=count.missing[:MAX_MISSING],
        overtaken=count.overtaken,
        unknown=sum(code not in world.codes for code in claim.codes),
        left=tuple(dict.fromkeys(party for place in moved if place != here for party in place)),
        elsewhere=count.elsewhere if whole else (),
        foreign=count.foreign if whole else (),
        gone=count.gone[:MAX_MISSING] if whole else (),
        **notes,
    )


def _superseded(world: World, claim: c.CylinderClaim, cylinder: Cylinder, seen_at: int) -> bool:
    """Whether a newer fact about the cylinder's place stands already (DESIGN.md section 6: the later pair holds).

    A truck's reports that come a day late tell where a cylinder was, not where it is; nor does the start of a fill that
    ended begin it anew.
    """
    in_force = world.registry.in_force
    if seen_at >= cylinder.placed_at or in_force is None or CUSTODY_RULE not in in_force.pack.rules:
        return False
    if isinstance(claim, c.StartFill):
        leave = cylinder.authorisation
        return leave is not None and leave.claim_id == claim.authorisation and leave.finished
    return not c.is_request(claim)


def _derived(world: World, claim: c.CylinderClaim, key: str | None, now: int, notes: Notes) -> e.AnyEvent:
    cylinder = None if key is None else world.cylinders[key]
    tare_g = 0 if cylinder is None else cylinder.tare_g
    broken = notes["violations"]
    match claim:
        case c.RecordInspection():
            result = e.InspectionPassed if claim.passed else e.InspectionFailed
            return result(cylinder=key, **notes)
        case c.CheckPrefill():
            return _prechecked(world, claim, cylinder, notes)
        case c.AuthoriseFill():
            return _authorised(world, claim, key, now, notes)
        case c.CompleteFill():
            net_g = claim.end_weight_g - tare_g if cylinder is not None else 0
            lawful = cylinder is not None and all(note.reason == "overfilled" for note in broken)
            return e.CylinderFilled(cylinder=key, net_g=net_g, lawful=lawful, **notes)
        case c.StartFill() | c.InterruptFill():
            return _at_the_valve(world, claim, cylinder, notes)
        case c.WeighCylinder() | c.BleedCylinder() | c.ExtractResidue():
            return _WEIGHED[type(claim)](cylinder=key, net_g=claim.weight_g - tare_g, **notes)
        case c.SurrenderCylinder():
            return e.CylinderSurrendered(cylinder=key, owner=_new_owner(world, claim, cylinder), **notes)
        case c.CheckPostfill():
            filled = cylinder is not None and cylinder.stage in FULL_STAGES
            checked_after = e.PostfillChecked if filled and not broken else e.PostfillFailed
            return checked_after(cylinder=key, net_g=claim.weight_g - tare_g, **notes)
        case c.ReleaseCylinder():
            return _released(world, claim, key, notes)
        case _:
            raise AssertionError(f"no event for {type(claim).__name__}")


def _at_the_valve(
    world: World, claim: c.StartFill | c.InterruptFill, cylinder: Cylinder | None, notes: Notes
) -> e.FillStarted | e.FillInterrupted:
    """It opened, or closed early. To which lot, and at what weight it began, says the leave."""
    key, tare_g = (None, 0) if cylinder is None else (cylinder.cylinder, cylinder.tare_g)
    leave = None if cylinder is None else _leave(world, cylinder, claim.authorisation)
    lot, began_g = (None, None) if leave is None else (leave.tank_lot, leave.start_weight_g)
    if isinstance(claim, c.StartFill):
        return e.FillStarted(cylinder=key, tank_lot=lot, **notes)
    gas_g = None if began_g is None else max(claim.weight_g - began_g, 0)
    return e.FillInterrupted(cylinder=key, net_g=claim.weight_g - tare_g, tank_lot=lot, gas_g=gas_g, **notes)


def _leave(world: World, cylinder: Cylinder, authorisation: str) -> Authorisation | None:
    """The cylinder's newest leave, if it is this one; none under an older pack."""
    in_force, leave = world.registry.in_force, cylinder.authorisation
    known = in_force is not None and LOT_RULE in in_force.pack.rules
    return leave if known and leave is not None and leave.claim_id == authorisation else None


def _prechecked(world: World, claim: c.CheckPrefill, cylinder: Cylinder | None, notes: Notes) -> e.AnyEvent:
    key = None if cylinder is None else cylinder.cylinder
    # Nobody scanned its way back: standing here proves it (FLOW.md section 2, step 2).
    away = cylinder is not None and cylinder.holder != f"site:{claim.site}"
    if notes["violations"]:
        return e.PrefillFailed(cylinder=key, return_inferred=away, **notes)
    challenged = cylinder is not None and is_challenged(world, claim)
    return e.PrefillChecked(cylinder=key, return_inferred=away, challenged=challenged, **notes)


def _released(world: World, claim: c.ReleaseCylinder, key: str | None, notes: Notes) -> e.CylinderReleased:
    site = world.registry.get(c.FileSite, claim.site)
    filler = None if site is None else world.registry.get(c.FileEnterprise, site.enterprise)
    name, phone = ("", "") if filler is None else (filler.name, filler.service_phone)
    return e.CylinderReleased(cylinder=key, filler=name, service_phone=phone, **notes)


def _new_owner(world: World, claim: c.SurrenderCylinder, cylinder: Cylinder | None) -> str:
    """Who owns it from here on: the site's enterprise; whoever did, when it goes to be scrapped."""
    site = world.registry.get(c.FileSite, claim.site)
    if claim.to == "enterprise" and site is not None:
        return site.enterprise
    return c.CUSTOMER if cylinder is None else cylinder.owner


def _authorised(world: World, claim: c.AuthoriseFill, key: str | None, now: int, notes: Notes) -> e.FillAuthorised:
    assert key is not None, "ID-01 refuses unknown codes"
    cylinder = world.cylinders[key]
    line = world.registry.get(c.FileLine, claim.line)
    in_force = world.registry.in_force
    assert in_force is not None
    setting = in_force.pack.rules["FILL-01@1"]
    carousel = line is not None and line.kind == "carousel"
    start_s = setting.params["carousel_start_s" if carousel else "start_s"]
    allowed = allowed_net_g(cylinder)
    return e.FillAuthorised(
        cylinder=key,
        start_by=now + start_s * 1000,
        tare_g=cylinder.tare_g,
        target_net_g=min(parse_model(cylinder.model).nominal_fill_g, allowed),
        allowed_net_g=allowed,
        **notes,
    )
