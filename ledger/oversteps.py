"""Whether a signer reaches past its own enterprise: acts that its role may do, but not to another's.

A key that leaves a station, or an office under pressure, could else cut off a competitor's kitchen, freeze or lose its
cylinders, or sell in its workers' names. No rule of the trade is asked here: this is who may speak, and no more.
"""

from ledger import claim as c
from ledger.cylinder import Cylinder
from ledger.world import World

_OF_WHO_SERVES = (c.AssignHazard, c.EscalateHazard, c.RectifyHazard, c.RecheckHazard, c.CountPremises)
"""Acts at one's own customers: a rival could close a hazard there, or say that their cylinders are gone."""

WORKER_RULE = "DEL-02@1"
"""Under a pack that has it a signer brings gas for its own enterprise's workers only, on no competitor's vehicle."""


def oversteps(world: World, claim: c.AnyClaim, signer: c.EnrolSigner, day: str) -> bool:
    """Whether a signer who may do such things does this one to another enterprise, or in another's name."""
    if signer.worker is not None and getattr(claim, "person", signer.worker) != signer.worker:
        return True
    if isinstance(claim, _OF_WHO_SERVES):
        return not _serves(world, claim, signer, day)
    if isinstance(claim, c.SuspendSupply):
        return not _supplies(world, claim, signer, day)
    if isinstance(claim, c.LoadVehicle | c.HandOver):
        return _sells_for_another(world, claim, signer, day)
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


def _supplies(world: World, claim: c.SuspendSupply, signer: c.EnrolSigner, day: str) -> bool:
    """Whether it has supply there to suspend: a contract, and it filed the premises, has checked them or delivered.

    A contract alone is paper that a rival files for itself, and then nobody but the rival could resume. Whoever else
    finds danger opens a hazard; of what closes the door at once nobody's leave is asked.
    """
    there = world.premises_of(claim.premises)
    if not there.contracts:
        return _serves(world, claim, signer, day)
    filed = world.supply.get(c.FilePremises, claim.premises)
    been = [one.enterprise for one in (*there.presupply, there.home, there.delivery) if one is not None]
    been += [] if filed is None else [filed.enterprise]
    bound = [one.enterprise for one in there.contracts.values()]
    return all(any(world.registry.stands_for(signer.enterprise, one, day) for one in many) for many in (bound, been))


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


def _sells_for_another(world: World, claim: c.LoadVehicle | c.HandOver, signer: c.EnrolSigner, day: str) -> bool:
    """Whether it says that another enterprise's worker brings it, who would be the seller, or that it comes on the
    vehicle of another that sells gas. Who only carries, carries for whoever hires it.
    """
    registry = world.registry
    if registry.in_force is None or WORKER_RULE not in registry.in_force.pack.rules:
        return False
    if world.employer_of(claim.person) not in ("", signer.enterprise):
        return True
    vehicle = None if claim.vehicle is None else registry.get(c.FileVehicle, claim.vehicle)
    if vehicle is None or signer.enterprise is None:
        return False
    one, other = signer.enterprise, vehicle.enterprise
    merged = registry.stands_for(one, other, day) or registry.stands_for(other, one, day)
    return not merged and any(paper.kind == "gas_business" for paper in registry.owned_by(c.FilePermit, other))
