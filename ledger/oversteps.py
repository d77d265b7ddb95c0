"""Whether a signer reaches past its own enterprise: acts that its role may do, but not to another's.

A key that leaves a station, or an office under pressure, could else cut off a competitor's kitchen, freeze or lose its
cylinders, or sell in its workers' names. No rule of the trade is asked here: this is who may speak, and no more.
"""

from ledger import claim as c
from ledger.cylinder import Cylinder
from ledger.world import World

_OF_WHO_SERVES = (c.AssignHazard, c.EscalateHazard, c.RectifyHazard, c.RecheckHazard, c.SuspendSupply, c.CountPremises)
"""Acts at one's own customers: a rival could close a hazard there, or cut off a competitor's kitchen."""


WORKER_RULE = "DEL-02@1"
"""Under a pack that has it a signer brings gas for its own enterprise's workers only."""


def oversteps(world: World, claim: c.AnyClaim, signer: c.EnrolSigner, day: str) -> bool:
    """Whether a signer who may do such things does this one to another enterprise."""
    if isinstance(claim, _OF_WHO_SERVES):
        return not _serves(world, claim, signer, day)
    if isinstance(claim, c.LoadVehicle | c.HandOver):
        return _names_anothers_worker(world, claim, signer)
    if type(claim) is c.ReportLost:
        lost = world.cylinder_of(claim.code)
        return lost is not None and not _had(world, lost, signer, day)
    return type(claim) is c.OpenIncident and not _may_freeze(world, claim, signer, day)


def _serves(world: World, claim: c.PremisesClaim, signer: c.EnrolSigner, day: str) -> bool:
    """Whether its enterprise filed these premises, has a contract there or opened the hazard; the authority does."""
    if signer.enterprise is None:
        return signer.role is c.Role.AUTHORITY
    filed = world.supply.get(c.FilePremises, claim.premises)
    there = world.premises_of(claim.premises)
    owners = [one.enterprise for one in there.contracts.values()]
    owners += [] if filed is None else [filed.enterprise]
    hazard = there.hazard(getattr(claim, "hazard", ""))
    owners += [] if hazard is None else [world.employer_of(hazard.opened_by)]
    # Where nobody supplies, everybody may: an illegal point is nobody's customer.
    return not owners or any(world.registry.stands_for(signer.enterprise, owner, day) for owner in owners)


def _may_freeze(world: World, claim: c.OpenIncident, signer: c.EnrolSigner, day: str) -> bool:
    """Whether the cylinder that an incident names is its office's to freeze: its own, or a customer's; the authority's
    are all.
    """
    cylinder = None if claim.cylinder is None else world.cylinders.get(claim.cylinder)
    if cylinder is None or signer.enterprise is None or cylinder.owner == c.CUSTOMER:
        return True
    return world.registry.stands_for(signer.enterprise, cylinder.owner, day)


def _had(world: World, cylinder: Cylinder, signer: c.EnrolSigner, day: str) -> bool:
    """Whether a cylinder is its enterprise's, or was with its site, worker or customer: who else can lose it?"""
    kind, _, holder = cylinder.holder.partition(":")
    site = world.registry.get(c.FileSite, holder) if kind == "site" else None
    contracts = [] if cylinder.premises is None else world.premises_of(cylinder.premises).contracts.values()
    owners = [cylinder.owner, world.employer_of(cylinder.carrier), *(one.enterprise for one in contracts)]
    owners += [] if site is None else [site.enterprise]
    return any(world.registry.stands_for(signer.enterprise, owner, day) for owner in owners)


def _names_anothers_worker(world: World, claim: c.LoadVehicle | c.HandOver, signer: c.EnrolSigner) -> bool:
    """Whether a phone says that somebody of another enterprise brings it: that enterprise would be the seller."""
    in_force = world.registry.in_force
    if in_force is None or WORKER_RULE not in in_force.pack.rules:
        return False
    return world.employer_of(claim.person) not in ("", signer.enterprise)
