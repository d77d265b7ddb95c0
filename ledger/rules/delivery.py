"""ENT, DEL: who sells and brings the gas, and on what: the seller's permit, the vehicle, the worker, their area."""

from ledger import claim as c
from ledger.premises import VehicleLoad
from ledger.rules.inspection import certified
from ledger.rules.rule import Case, Finding, Gate, rule
from ledger.world import VEHICLE, gross_g

_ON_THE_WAY = (Gate.DEPOT_OUT, Gate.HANDOVER)


def in_force(permit: c.FilePermit, kind: str, day: str) -> bool:
    """Whether it is a permit of that kind for LPG in force on that day."""
    covers = permit.kind == kind and permit.status == "valid" and "lpg" in permit.media
    return covers and permit.valid_from <= day <= permit.valid_to


def lies_in(district: str, area: str) -> bool:
    """Whether a district is that area, or in that city (`320600`) or province (`320000`), by GB/T 2260."""
    return district.startswith(area.removesuffix("00").removesuffix("00"))


@rule(
    "ENT-01@1",
    gates=_ON_THE_WAY,
    zh="销售瓶装燃气须有覆盖当地的有效燃气经营许可，个人不得经营",
    en="who sells has a gas business permit in force that covers the place; nobody sells on their own account",
    basis="城镇燃气管理条例 第十五条；通政办发〔2021〕67号 三(六)（依法取缔个人经营）；溧水实施意见 附件3-1",
    grade="B",
    reasons=("seller_unknown", "no_business_permit"),
)
def may_sell(case: Case) -> Finding | str | None:
    """At the depot the site's enterprise sells, at the door the employer of whoever brings it.

    Honest work it must not stop: a permit that names no site and no district covers all of its enterprise's; a town
    that nobody filed for these premises tells no district.
    """
    claim, seller = case.claim, case.enterprise
    district = None if case.site is None else case.site.district
    if isinstance(claim, c.HandOver):
        person = case.registry.get(c.FilePerson, claim.person)
        seller = None if person is None or person.status != "active" else person.enterprise
        district = None if case.place is None or case.place.town is None else case.place.town[:6]
    if seller is None:
        return "seller_unknown"
    for permit in case.registry.owned_by(c.FilePermit, seller):
        here = case.site is None or not permit.sites or case.site.site in permit.sites
        covered = district is None or not permit.districts or any(lies_in(district, one) for one in permit.districts)
        if in_force(permit, "gas_business", case.today) and here and covered:
            return None
    return "no_business_permit", {"enterprise": seller}


@rule(
    "DEL-01@1",
    gates=(Gate.DEPOT_OUT,),
    zh="装车车辆须已登记在用；危货车须有有效危险货物道路运输许可，不得超载",
    en="it leaves on a vehicle on record; a truck has a transport permit in force; none carries more than its cap",
    basis="道路运输条例（危险货物运输许可，条次待核）；武隆府办发〔2022〕5号 三(三)2、3；溧水实施意见 附件3-24",
    grade="A",
    reasons=("vehicle_unknown", "vehicle_not_permitted", "vehicle_overloaded"),
    soft=("vehicle_overloaded",),
)
def may_carry(case: Case) -> Finding | str | None:
    """Nobody filed the vehicle, it is out of service, or it is a truck whose enterprise has no transport permit.

    Honest work it must not stop: what a customer fetches, on nobody's vehicle; a carrier's truck, whose own permit
    counts; a permit renewed under another number; unscanned unloadings make a load look larger than it is, so too much
    only warns.
    """
    claim = case.claim
    if isinstance(claim, c.HandOver):
        return None
    assert isinstance(claim, c.DepotOut | c.LoadVehicle)
    vehicle = case.registry.get(c.FileVehicle, claim.vehicle)
    if vehicle is None or vehicle.status != "in_service":
        return "vehicle_unknown", {"vehicle": claim.vehicle}
    if vehicle.kind == "dg_truck":
        permits = case.registry.owned_by(c.FilePermit, vehicle.enterprise)
        if not any(in_force(permit, "transport", case.today) for permit in permits):
            return "vehicle_not_permitted", {"vehicle": claim.vehicle, "enterprise": vehicle.enterprise}
    carried_g = case.world.loads.get(claim.vehicle, VehicleLoad()).gross_g
    if case.cylinder is not None and case.cylinder.holder != f"{VEHICLE}{claim.vehicle}":
        carried_g += gross_g(case.cylinder)
    if carried_g <= vehicle.load_cap_g:
        return None
    return "vehicle_overloaded", {"gross_g": carried_g, "cap_g": vehicle.load_cap_g}


def _bringing(case: Case) -> tuple[str, str] | None:
    """The delivery worker and the vehicle that bring it. A filler who loads a truck at the station brings nothing to a
    door, nor does whoever hands it over at the counter: the texts ask of delivery workers (送气服务人员) only.
    """
    claim = case.claim
    if not isinstance(claim, c.LoadVehicle | c.HandOver) or claim.vehicle is None:
        return None
    return claim.person, claim.vehicle


@rule(
    "DEL-02@1",
    gates=_ON_THE_WAY,
    zh="送气服务人员须持有效培训考核合格证书",
    en="a delivery worker has a certificate in force",
    basis="通政办发〔2021〕67号 七(二十三)（2021年底前全部持证上岗）",
    grade="A",
    reasons=("worker_not_certified",),
)
def worker_certified(case: Case) -> Finding | str | None:
    """No delivery certificate of that person, employed, holds on that day.

    Honest work it must not stop: a filler at the station who loads the truck for the depot, or serves at the counter.
    """
    brings = _bringing(case)
    held = brings is None or certified(case, brings[0], "delivery", case.today)
    return None if held else "worker_not_certified"


@rule(
    "DEL-03@1",
    gates=_ON_THE_WAY,
    zh="送气工未列入黑名单，并与企业签订劳动合同",
    en="a delivery worker is not black-listed, and has a labour contract",
    basis="武隆府办发〔2022〕5号 五(四)（“黑名单”）；溧水实施意见 二(七)（劳动合同、送气工“黑名单”）",
    grade="A",
    reasons=("worker_blacklisted", "no_labour_contract"),
    soft=("no_labour_contract",),
)
def worker_allowed(case: Case) -> Finding | str | None:
    """The authority listed this person, who may not serve at a counter either; or nobody filed that a labour contract
    is signed, which only warns.

    Honest work it must not stop: a worker whose contract is signed and not filed yet; somebody taken off the list.
    """
    claim = case.claim
    if not isinstance(claim, c.LoadVehicle | c.HandOver):
        return None
    if case.registry.blacklisted("person", claim.person, case.today) is not None:
        return "worker_blacklisted"
    if claim.vehicle is None:
        return None
    person = case.registry.get(c.FilePerson, claim.person)
    return "no_labour_contract" if person is not None and not person.labour_contract else None


@rule(
    "DEL-04@1",
    gates=_ON_THE_WAY,
    zh="配送人车对应、范围固定",
    en="each delivery worker goes with the paired vehicle, and in their own area",
    basis="溧水实施意见 二(十)、附件2-11（推行配送人车对应、范围固定）",
    grade="A",
    reasons=("person_vehicle_mismatch", "outside_area"),
)
def where_they_belong(case: Case) -> Finding | str | None:
    """The vehicle is paired with somebody else or with nobody; or the place is in no town of the worker's, or outside
    the fence as the device saw it.

    Honest work it must not stop: a worker who is ill: the office pairs anew at once, with its reason; a pairing filed
    today for tomorrow; a village of the worker's town; workers without an area.
    """
    claim, brings = case.claim, _bringing(case)
    if brings is None:
        return None
    worker, vehicle = brings
    pair = case.registry.get(c.FilePairing, vehicle)
    if pair is None or (pair.person != worker and pair.from_day <= case.today):
        return "person_vehicle_mismatch", {"vehicle": vehicle}
    if not isinstance(claim, c.HandOver):
        return None
    if claim.in_area is False:
        return "outside_area"
    person = case.registry.get(c.FilePerson, worker)
    town = None if case.place is None else case.place.town
    if person is None or not person.areas or town is None or town.startswith(person.areas):
        return None
    return "outside_area", {"town": town}


@rule(
    "DEL-06@1",
    gates=(Gate.HANDOVER,),
    zh="离线交付的事后上报，抽查核实",
    en="what was handed over while the line was down is told afterwards, and a sample is looked into",
    basis="本账本规则（离线交付是已发生的事实，只记录并抽查）",
    grade="K",
    reasons=("handed_over_offline",),
    soft=("handed_over_offline",),
)
def told_afterwards(case: Case) -> Finding | str | None:
    """It was handed over before anybody was asked.

    Honest work it must not stop: a basement stairwell without a signal. It only ever warns.
    """
    claim = case.claim
    assert isinstance(claim, c.HandOver)
    return "handed_over_offline" if claim.done else None
