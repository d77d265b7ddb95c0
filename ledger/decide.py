"""decide(world, claim, now): the heart. Who may speak; what the rules say; what the claim then becomes.

It sees the claim, the world folded from earlier entries, the pack in force and `recorded_at`, and nothing else: no
clock, no ids or chances of its own, so that anyone who has the log gets the same answer.
"""

from typing import get_args

from ledger import claim as c
from ledger import events as e
from ledger.bundle import signer_id
from ledger.china import day_of
from ledger.entitlement import is_entitled
from ledger.judge import Verdict, judge, pack_faults
from ledger.lifecycle import TABLE, sign_of
from ledger.outcome import event_of
from ledger.oversteps import oversteps
from ledger.registry import LOG_SUBJECT, subject_of_filing
from ledger.world import REUSED, World, seen_at_of

LATE_MS = 5 * 60_000
"""A claim recorded this much later than it was scanned is judged twice: on receipt, and as of the scan."""

_NEEDS_CYLINDER = (
    c.BindCode, c.AuthoriseFill, c.ReleaseCylinder, c.DepotOut, c.LoadVehicle, c.HandOver, c.SurrenderCylinder,
    c.DeregisterCylinder,
)  # fmt: skip


def decide(world: World, claim: c.AnyClaim, now: int, *, signer: str, clock_offset_ms: int | None = None) -> e.Outcome:
    """What the ledger makes of a claim recorded at `now` (ms UTC): a refusal, or an event that `world` can fold."""
    use = world.codes.get(getattr(claim, "code", ""))
    cylinder = None if use is None or type(claim) is c.RegisterCylinder else use.cylinder
    barred = _barred(world, claim, signer, now, cylinder)
    if barred is not None:
        return e.Refusal(reasons=(e.Note("LEDGER@1", barred),), cylinder=cylinder)
    verdict = judge(world, claim, at=now, recorded_at=now, clock_offset_ms=clock_offset_ms)
    as_of_scan = _as_of_scan(world, claim, now, clock_offset_ms, verdict)
    if verdict.broken and c.is_request(claim):
        return e.Refusal(reasons=verdict.broken, warnings=verdict.warnings, as_of_scan=as_of_scan, cylinder=cylinder)
    if cylinder is None and isinstance(claim, _NEEDS_CYLINDER) and c.is_request(claim):
        # Whatever the pack says of ID-01: there is nothing to open a gate for.
        return e.Refusal(reasons=(e.Note("LEDGER@1", "code_unknown"),))
    seen_at = seen_at_of(claim, clock_offset_ms, now)
    event = event_of(world, claim, verdict, now, as_of_scan, seen_at=seen_at)
    if cylinder is not None and (world.cylinders[cylinder].stage, sign_of(claim, event)) not in TABLE:
        # Only requests have steps that the lifecycle lacks: a report's row is complete.
        return e.Refusal(reasons=(e.Note("LEDGER@1", "stage_closed"),), cylinder=cylinder)
    return event


def _barred(world: World, claim: c.AnyClaim, signer: str, now: int, cylinder: str | None) -> str | None:
    """Why this signer may not say this at all of this cylinder, before any rule of the trade is asked."""
    if (signer, claim.claim_id) in world.seen:
        return REUSED
    if type(claim) is c.OpenLog:
        return _opening_fault(world, claim, signer)
    enrolled = world.registry.signer(signer)
    if enrolled is None or enrolled.status != "active":
        # Quarantines that name no alert were filed before there were alerts, and are refused as they were then.
        return "signer_revoked" if enrolled is None or enrolled.alert is None else "signer_quarantined"
    owner = None if cylinder is None else world.cylinders[cylinder].owner
    if not is_entitled(world.registry, world.supply, enrolled, claim, owner=owner, day=day_of(now)):
        return "signer_not_entitled"
    if oversteps(world, claim, enrolled, day_of(now)):
        return "signer_not_entitled"
    if isinstance(claim, c.Filing):
        return _filing_fault(world, claim)
    if type(claim) is c.RaiseAlert:
        known = world.registry.signer(claim.signer) is not None and max(claim.entries) < world.size
        return None if known else "reference_unknown"
    if type(claim) is c.AcknowledgeRecall:
        # Open or over: a report that comes late is a report.
        return None if f"recall:{claim.recall}" in world.registry.records else "reference_unknown"
    return None


def _opening_fault(world: World, claim: c.OpenLog, signer: str) -> str | None:
    if world.size > 0:
        return "stale_filing"
    if signer != signer_id(claim.authority):
        return "signer_not_entitled"
    return "reference_unknown" if claim.origin != world.log or pack_faults(claim.pack) else None


def _filing_fault(world: World, claim: c.FilingClaim) -> str | None:
    subject = subject_of_filing(claim)
    record = world.book_of(claim).records.get(subject)
    if isinstance(claim, c.AdoptPack) and record is None:
        record = world.registry.records[LOG_SUBJECT]
    if claim.expects != (None if record is None else record.seq):
        return "stale_filing"
    return None if _references_exist(world, claim) else "reference_unknown"


_ENTERPRISES = ("enterprise", "successor", "owner", "custodian")
"""Fields of filings that name enterprises, which must be on record."""


def _references_exist(world: World, claim: c.FilingClaim) -> bool:
    registry = world.registry
    if not isinstance(claim, c.FileEnterprise | c.FileUseRegistration):  # a certificate's holder may be filed later
        named = [getattr(claim, field, None) for field in _ENTERPRISES]
        if any(one is not None and registry.get(c.FileEnterprise, one) is None for one in named):
            return False
    match claim:
        case c.FileUseRegistration():
            return all(key in world.cylinders for key in claim.cylinders)
        case c.EnrolSigner():
            return all(registry.get(c.FileSite, site) is not None for site in claim.sites)
        case c.AdoptPack():
            return not pack_faults(claim.pack)
        case c.CloseRecall():
            return claim.recall in registry.open_recalls or claim.recall in registry.open_drills
        case c.LiftIncident():
            return claim.incident in registry.open_incidents
        case _:
            return all(_known(world, kind, getattr(claim, field)) for kind, field in _REFERS_TO.get(type(claim), ()))


_REFERS_TO: dict[type[c.Filing], tuple[tuple[type[c.Filing], str], ...]] = {
    c.FileLine: ((c.FileSite, "site"),),
    c.FileTankLot: ((c.FileSite, "site"),),
    c.FileCalibration: ((c.FileLine, "line"),),
    c.FileCertificate: ((c.FilePerson, "person"),),
    c.FilePairing: ((c.FilePerson, "person"),),
    c.FileContract: ((c.FileCustomer, "customer"), (c.FilePremises, "premises")),
    c.FileOrder: ((c.FileCustomer, "customer"), (c.FilePremises, "premises")),
    c.FileVoucher: ((c.FileCustomer, "customer"),),
    c.FileProxy: ((c.FileCustomer, "customer"),),
}
"""What must be on record before a filing that names it, and in which of its fields."""


def _known(world: World, kind: type[c.Filing], key: str) -> bool:
    return (world.supply if kind in _SUPPLY else world.registry).get(kind, key) is not None


_SUPPLY = get_args(c.SupplyFiling)


def _as_of_scan(
    world: World, claim: c.AnyClaim, now: int, clock_offset_ms: int | None, verdict: Verdict
) -> tuple[e.Note, ...] | None:
    """For a late claim, what the rules say as of the scan, where that differs (DESIGN.md section 6)."""
    scanned_at = claim.scanned_at + (clock_offset_ms or 0)
    if now - scanned_at <= LATE_MS:
        return None
    then = judge(world, claim, at=scanned_at, recorded_at=now, clock_offset_ms=clock_offset_ms)
    return None if _said(then) == _said(verdict) else (*then.broken, *then.warnings)


def _said(verdict: Verdict) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Rules and reasons without the figures, which move with the clock."""
    return [(n.rule, n.reason) for n in verdict.broken], [(n.rule, n.reason) for n in verdict.warnings]
