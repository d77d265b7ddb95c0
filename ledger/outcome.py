"""Which event an accepted claim becomes, with the facts that the ledger derives for it."""

from typing import TypedDict, cast

from ledger import claim as c
from ledger import events as e
from ledger.judge import Verdict
from ledger.lifecycle import FULL_STAGES
from ledger.model import parse_model
from ledger.rules.filling import allowed_net_g
from ledger.world import World

_PLAIN: dict[type[c.Claim], type[e.CylinderEvent]] = {
    c.RegisterCylinder: e.CylinderRegistered,
    c.BindCode: e.CodeBound,
    c.StartFill: e.FillStarted,
    c.DepotOut: e.DepotLeft,
    c.DepotIn: e.DepotEntered,
    c.CollectCylinder: e.CylinderCollected,
    c.SetAside: e.CylinderSetAside,
    c.LockCylinder: e.CylinderLocked,
    c.SeizeCylinder: e.CylinderSeized,
    c.EndSeizure: e.SeizureEnded,
    c.DecideScrap: e.ScrapDecided,
    c.DestroyCylinder: e.CylinderDestroyed,
    c.DeregisterCylinder: e.CylinderDeregistered,
    c.CountStock: e.StockCounted,
    c.CorrectCylinder: e.CylinderCorrected,
}


class Notes(TypedDict):
    """What every event says of the rules."""

    violations: tuple[e.Note, ...]
    warnings: tuple[e.Note, ...]
    as_of_scan: tuple[e.Note, ...] | None


def event_of(
    world: World, claim: c.AnyClaim, verdict: Verdict, now: int, as_of_scan: tuple[e.Note, ...] | None
) -> e.AnyEvent:
    """The event that this claim becomes; in a report, broken rules are its violations."""
    notes: Notes = {"violations": verdict.broken, "warnings": verdict.warnings, "as_of_scan": as_of_scan}
    if isinstance(claim, c.OpenLog):
        return e.LogOpened(**notes)
    if isinstance(claim, c.Filing):
        return e.Filed(**notes)
    if isinstance(claim, c.RecordArrival):
        return e.ArrivalRecorded(**notes)
    if isinstance(claim, c.RegisterCylinder):
        return e.CylinderRegistered(cylinder=claim.cylinder, **notes)
    assert isinstance(claim, c.CylinderClaim)
    use = world.codes.get(claim.code)
    key = None if use is None else use.cylinder
    plain = _PLAIN.get(type(claim))
    if plain is not None:
        return cast("e.AnyEvent", plain(cylinder=key, **notes))
    return _derived(world, claim, key, now, notes)


def _derived(world: World, claim: c.CylinderClaim, key: str | None, now: int, notes: Notes) -> e.AnyEvent:
    cylinder = None if key is None else world.cylinders[key]
    tare_g = 0 if cylinder is None else cylinder.tare_g
    broken = notes["violations"]
    match claim:
        case c.RecordInspection():
            passed = e.InspectionPassed if claim.passed else e.InspectionFailed
            return passed(cylinder=key, **notes)
        case c.CheckPrefill():
            # Nobody scanned its way back: standing here proves it (FLOW.md section 2, step 2).
            away = cylinder is not None and cylinder.holder != f"site:{claim.site}"
            checked = e.PrefillFailed if broken else e.PrefillChecked
            return checked(cylinder=key, return_inferred=away, **notes)
        case c.AuthoriseFill():
            return _authorised(world, claim, key, now, notes)
        case c.CompleteFill():
            net_g = claim.end_weight_g - tare_g if cylinder is not None else 0
            lawful = cylinder is not None and all(note.reason == "overfilled" for note in broken)
            return e.CylinderFilled(cylinder=key, net_g=net_g, lawful=lawful, **notes)
        case c.InterruptFill():
            return e.FillInterrupted(cylinder=key, net_g=claim.weight_g - tare_g, **notes)
        case c.WeighCylinder():
            return e.CylinderWeighed(cylinder=key, net_g=claim.weight_g - tare_g, **notes)
        case c.BleedCylinder():
            return e.CylinderBled(cylinder=key, net_g=claim.weight_g - tare_g, **notes)
        case c.CheckPostfill():
            filled = cylinder is not None and cylinder.stage in FULL_STAGES
            checked_after = e.PostfillChecked if filled and not broken else e.PostfillFailed
            return checked_after(cylinder=key, net_g=claim.weight_g - tare_g, **notes)
        case c.ReleaseCylinder():
            site = world.registry.get(c.FileSite, claim.site)
            filler = None if site is None else world.registry.get(c.FileEnterprise, site.enterprise)
            name, phone = ("", "") if filler is None else (filler.name, filler.service_phone)
            return e.CylinderReleased(cylinder=key, filler=name, service_phone=phone, **notes)
        case _:
            raise AssertionError(f"no event for {type(claim).__name__}")


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
