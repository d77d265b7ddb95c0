"""Who may say what: claim x signer role, a table (FLOW.md section 3). The docs' page is generated from it.

A signer may do an act if its role may (the table), its enrolment lists the act, and, where the claim names a site, its
enrolment lists the site. An office files for its own enterprise only; the log's own signer enrols nobody and may only
quarantine a signer over whom someone stands; what a customer fetches, a station hands over at its own site. All else is
refused `signer_not_entitled`.
"""

from msgspec import structs

from ledger import claim as c
from ledger.claim import Role
from ledger.registry import Registry, subject_of_filing

_A, _I, _O, _S, _W, _L = (
    Role.AUTHORITY, Role.INSPECTION_BODY, Role.OFFICE, Role.STATION, Role.WORKER, Role.LOG,
)  # fmt: skip

TABLE: dict[type[c.Claim], frozenset[Role]] = {
    c.OpenLog: frozenset({_A}),
    c.AdoptPack: frozenset({_A}),
    c.FileEnterprise: frozenset({_A}),
    c.FileSuccessor: frozenset({_A}),
    c.FileBlacklisting: frozenset({_A}),
    c.FileSeizureOrder: frozenset({_A}),
    c.FilePermit: frozenset({_A}),
    c.FileUseRegistration: frozenset({_A}),
    c.OpenRecall: frozenset({_A}),
    c.CloseRecall: frozenset({_A}),
    c.SeizeCylinder: frozenset({_A}),
    c.EndSeizure: frozenset({_A}),
    c.EnrolSigner: frozenset({_A, _O, _L}),
    c.FileSite: frozenset({_O, _A}),
    c.FileLine: frozenset({_O}),
    c.FileCalibration: frozenset({_O}),
    c.FilePerson: frozenset({_O}),
    c.FileCertificate: frozenset({_A, _O}),
    c.FileTankLot: frozenset({_O, _S}),
    c.FileInsurance: frozenset({_O}),
    c.FileCustody: frozenset({_O}),
    c.FileProduct: frozenset({_O}),
    c.FilePremises: frozenset({_O}),
    c.FileCustomer: frozenset({_O}),
    c.FileContract: frozenset({_O}),
    c.FileVoucher: frozenset({_O}),
    c.FileProxy: frozenset({_O}),
    c.FileOrder: frozenset({_O}),
    c.FileVehicle: frozenset({_O}),
    c.OpenIncident: frozenset({_A, _O}),
    c.LiftIncident: frozenset({_A}),
    c.AcknowledgeRecall: frozenset({_O}),
    c.SettleAlert: frozenset({_A}),
    c.CheckPremises: frozenset({_W, _O}),
    c.OpenHazard: frozenset({_W, _O, _A}),
    c.AssignHazard: frozenset({_O, _A}),
    c.EscalateHazard: frozenset({_W, _O}),
    c.RectifyHazard: frozenset({_W, _O}),
    c.RecheckHazard: frozenset({_W, _O, _A}),
    c.SuspendSupply: frozenset({_O}),
    c.ResumeSupply: frozenset({_O}),
    c.CountPremises: frozenset({_W, _O, _A}),
    c.LoadVehicle: frozenset({_S, _W}),
    c.UnloadVehicle: frozenset({_S, _W}),
    c.NotDelivered: frozenset({_S, _W}),
    c.RemoveInEmergency: frozenset({_S, _W, _O, _A}),
    c.ReportLost: frozenset({_S, _W, _O}),
    c.ReportFound: frozenset({_S, _W, _O, _A}),
    c.FilePairing: frozenset({_O}),
    c.RegisterCylinder: frozenset({_O}),
    c.BindCode: frozenset({_O, _S}),
    c.ConfirmRelabel: frozenset({_S}),
    c.RecordInspection: frozenset({_I}),
    c.RecordArrival: frozenset({_S}),
    c.CheckPrefill: frozenset({_S}),
    c.AuthoriseFill: frozenset({_S}),
    c.StartFill: frozenset({_S}),
    c.CompleteFill: frozenset({_S}),
    c.InterruptFill: frozenset({_S}),
    c.WeighCylinder: frozenset({_S, _I}),
    c.CheckPostfill: frozenset({_S}),
    c.ReleaseCylinder: frozenset({_S}),
    c.DepotOut: frozenset({_S, _I}),
    c.DepotIn: frozenset({_S, _I}),
    c.CollectCylinder: frozenset({_S, _W}),
    c.HandOver: frozenset({_S, _W}),
    c.SetAside: frozenset({_S, _I}),
    c.LockCylinder: frozenset({_S, _O, _L}),
    c.BleedCylinder: frozenset({_S}),
    c.EvacuateCylinder: frozenset({_S, _I}),
    c.ExtractResidue: frozenset({_S, _I}),
    c.ReplaceValve: frozenset({_S, _I}),
    c.DetermineTare: frozenset({_S, _I}),
    c.SurrenderCylinder: frozenset({_O, _S}),
    c.DecideScrap: frozenset({_I, _O}),
    c.DestroyCylinder: frozenset({_I, _O, _S}),
    c.DeregisterCylinder: frozenset({_O, _A}),
    c.CountStock: frozenset({_S, _O}),
    c.CorrectCylinder: frozenset({_O, _S}),
    c.RaiseAlert: frozenset({_L}),
}


_OWNERS_ONLY = frozenset({
    c.BindCode, c.DeregisterCylinder, c.CorrectCylinder, c.DecideScrap, c.DestroyCylinder, c.DetermineTare,
})  # fmt: skip


def is_entitled(
    registry: Registry, supply: Registry, signer: c.EnrolSigner, claim: c.AnyClaim, *, owner: str | None, day: str
) -> bool:
    """Whether this signer may make this claim on that day; `owner` is who owns the cylinder named, None for nobody.

    `supply` is what is filed about customers (`World.supply`).
    """
    if signer.role not in TABLE[type(claim)]:
        return False
    if signer.acts != ("*",) and c.act_of(claim) not in signer.acts:
        return False
    if signer.role is Role.LOG and isinstance(claim, c.EnrolSigner):
        return _only_quarantines(registry, claim)
    if signer.role in (Role.AUTHORITY, Role.LOG):
        return True
    if (
        type(claim) in _OWNERS_ONLY
        and signer.role is not Role.INSPECTION_BODY
        and owner not in (None, c.CUSTOMER)
        and not registry.stands_for(signer.enterprise, owner, day)
    ):
        return False
    if isinstance(claim, c.Filing) or signer.role is Role.OFFICE:
        return _for_own_enterprise(registry, supply, signer, claim, day=day)
    if type(claim) is c.HandOver and claim.vehicle is None:
        return signer.role is Role.STATION and claim.site in signer.sites  # fetched at its counter
    site: str | None = getattr(claim, "site", None)
    return site is None or site in signer.sites


def _only_quarantines(registry: Registry, claim: c.EnrolSigner) -> bool:
    """Whether a filing of the log's own signer does no more than to quarantine an active signer for an alert.

    Authorities and the log's signers are let be: nobody stands over them who could let them in again.
    """
    known = registry.signer(claim.signer)
    if known is None or known.status != "active" or known.role in (Role.AUTHORITY, Role.LOG) or claim.alert is None:
        return False
    return claim == structs.replace(
        known, claim_id=claim.claim_id, scanned_at=claim.scanned_at, expects=claim.expects, status="quarantined",
        alert=claim.alert,
    )  # fmt: skip


_NAMES_ITS_OWNER: dict[type[c.Claim], str] = {
    c.FilePerson: "enterprise",
    c.FileInsurance: "enterprise",
    c.FileProduct: "enterprise",
    c.FilePremises: "enterprise",
    c.FileCustody: "owner",
    c.FileCustomer: "enterprise",
    c.FileContract: "enterprise",
    c.FileVoucher: "enterprise",
    c.FileProxy: "enterprise",
    c.FileOrder: "enterprise",
    c.FileVehicle: "enterprise",
}
"""Filings that name the enterprise whose they are, and in which field: the office's own, now and before."""


def _for_own_enterprise(  # noqa: C901, PLR0911 - one arm a kind
    registry: Registry, supply: Registry, signer: c.EnrolSigner, claim: c.AnyClaim, *, day: str
) -> bool:
    """An office speaks for its own enterprise: the one named, or the one that owns the site, line or person named."""
    own = signer.enterprise
    field = _NAMES_ITS_OWNER.get(type(claim))
    if field is not None:
        assert isinstance(claim, c.FilingClaim)
        known_filing = (supply if isinstance(claim, c.SupplyFiling) else registry).records.get(subject_of_filing(claim))
        mine = known_filing is None or _takes_over(registry, own, getattr(known_filing.claim, field), day)
        stays = known_filing is None or _same_premises(known_filing.claim, claim)
        return mine and stays and bool(getattr(claim, field) == own)
    match claim:
        case c.EnrolSigner():
            may_enrol = claim.role in (Role.STATION, Role.WORKER) and claim.enterprise == own
            at_home = all(_site_enterprise(registry, site) in (None, own) for site in claim.sites)
            known = registry.signer(claim.signer)  # entry 0's signers belong to no office
            return may_enrol and at_home and (known is None or known.enterprise == own)
        case c.FileSite():
            known_site = registry.get(c.FileSite, claim.site)
            # The first days' ease is the authority's to give; whoever enjoys it may not lengthen it.
            given = None if known_site is None else known_site.transition_until
            eased = claim.transition_until is not None and claim.transition_until != given
            mine = known_site is None or _takes_over(registry, own, known_site.enterprise, day)
            return not eased and claim.enterprise == own and mine
        case c.RegisterCylinder():
            # What the enterprise took over is its own; what a customer owns it may take in, to be surrendered.
            return claim.owner in (own, c.CUSTOMER) or registry.stands_for(own, claim.owner, day)
        case c.SuspendSupply() | c.ResumeSupply() | c.AcknowledgeRecall():
            return claim.enterprise == own
        case c.OpenIncident():
            return _holds_its_own(registry, claim, own)
        case c.FilePairing():
            known_pair = registry.get(c.FilePairing, claim.vehicle)
            pair = (claim.person,) if known_pair is None else (claim.person, known_pair.person)
            return all(_person_enterprise(registry, person) == own for person in pair)
        case c.FileCalibration():
            known_paper = registry.get(c.FileCalibration, claim.certificate)
            lines = (claim.line,) if known_paper is None else (claim.line, known_paper.line)
            return all(_line_enterprise(registry, line) == own for line in lines)
        case c.FileCertificate():
            known_held = registry.get(c.FileCertificate, claim.certificate)
            holders = (claim.person,) if known_held is None else (claim.person, known_held.person)
            return all(_person_enterprise(registry, holder) == own for holder in holders)
        case c.FileLine():
            moved = _line_enterprise(registry, claim.line) not in (None, own)
            return not moved and _site_enterprise(registry, claim.site) == own
        case c.FileTankLot():
            known_lot = registry.get(c.FileTankLot, claim.tank_lot)
            at_home = claim.site in signer.sites or _site_enterprise(registry, claim.site) == own
            return at_home and (known_lot is None or known_lot.site == claim.site)
        case _:
            site: str | None = getattr(claim, "site", None)
            return site is None or _site_enterprise(registry, site) == own


TAKEOVER_RULE = "USR-02@1"
"""Under a pack that has it a successor's office files anew what came with a merger: customers, people, sites."""


def _takes_over(registry: Registry, own: str | None, owner: str, day: str) -> bool:
    """Whether what that owner filed is this enterprise's to file anew: its own, or what came with a merger."""
    in_force = registry.in_force
    merges = in_force is not None and TAKEOVER_RULE in in_force.pack.rules
    return owner == own or (merges and registry.stands_for(own, owner, day))


def _same_premises(known: c.FilingClaim, claim: c.FilingClaim) -> bool:
    """Whether a contract stays with the premises that hold it: one for others is another contract."""
    return not isinstance(claim, c.FileContract) or getattr(known, "premises", None) == claim.premises


def _holds_its_own(registry: Registry, claim: c.OpenIncident, own: str | None) -> bool:
    """Whether an office's incident freezes nothing of another enterprise, and takes over no incident of another's."""
    lots = [registry.get(c.FileTankLot, lot) for lot in claim.tank_lots]
    vehicles = [registry.get(c.FileVehicle, vehicle) for vehicle in claim.vehicles]
    owners = (
        *(_site_enterprise(registry, site) for site in claim.sites),
        *(_line_enterprise(registry, line) for line in claim.lines),
        *(None if lot is None else _site_enterprise(registry, lot.site) for lot in lots),
        *(None if vehicle is None else vehicle.enterprise for vehicle in vehicles),
    )
    return claim.expects is None and all(owner == own for owner in owners)


def _line_enterprise(registry: Registry, line: str) -> str | None:
    record = registry.get(c.FileLine, line)
    return None if record is None else _site_enterprise(registry, record.site)


def _person_enterprise(registry: Registry, person: str) -> str | None:
    record = registry.get(c.FilePerson, person)
    return None if record is None else record.enterprise


def _site_enterprise(registry: Registry, site: str) -> str | None:
    record = registry.get(c.FileSite, site)
    return None if record is None else record.enterprise
