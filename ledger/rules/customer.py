"""USR about the customer: on record with a real name, with a contract, checked before the first supply, by delivery."""

from collections.abc import Iterator

from ledger import claim as c
from ledger.china import day_of, shift_day
from ledger.registry import LOG_SUBJECT
from ledger.rules.rule import Case, Finding, Gate, is_fetched, rule


@rule(
    "USR-01@1",
    gates=(Gate.HANDOVER,),
    zh="购气实名制：用户须登记并实名",
    en="a customer is on record, with their real name verified",
    basis="通政办发〔2021〕67号 三(四)（瓶装液化气购气实名制、用户档案管理）",
    grade="A",
    reasons=("customer_unknown", "not_real_name"),
)
def customer_verified(case: Case) -> Finding | str | None:
    """Nobody filed the customer, the account is closed, or its real name is not verified by that day.

    Honest work it must not stop: a new customer at the door, whom the office files while the worker waits.
    """
    claim = case.claim
    assert isinstance(claim, c.HandOver)
    customer = case.world.supply.get(c.FileCustomer, claim.customer)
    if customer is None or customer.status != "open":
        return "customer_unknown"
    return None if customer.verified_on is not None and customer.verified_on <= case.today else "not_real_name"


def contracts_in_force(case: Case) -> Iterator[c.FileContract]:
    """The contracts for these premises that let the seller supply this customer on that day."""
    claim = case.claim
    assert isinstance(claim, c.HandOver)
    for one in () if case.premises is None else case.premises.contracts.values():
        binds = one.customer == claim.customer and one.valid_from <= case.today <= one.valid_to
        if binds and case.registry.stands_for(case.seller, one.enterprise, case.today):
            yield one


@rule(
    "USR-02@1",
    gates=(Gate.HANDOVER,),
    zh="未签订供用气合同的，不予供气",
    en="no gas without a supply contract in force between this seller and this customer, for these premises",
    basis="溧水实施意见 附件3-6（向未签订供用气合同的用户提供瓶装燃气）；通政办发〔2021〕67号 六(二十一)",
    grade="A",
    reasons=("no_contract",),
)
def has_contract(case: Case) -> Finding | str | None:
    """None holds on that day.

    Honest work it must not stop: a merged enterprise's contracts hold on with its successor.
    """
    return None if any(contracts_in_force(case)) else ("no_contract", {"enterprise": case.seller})


@rule(
    "USR-03@1",
    gates=(Gate.HANDOVER, Gate.OTHER),
    zh="首次供气前须通气前检查合格；账本启用前的合同限期补登",
    en="before the first supply a pre-supply check is passed; contracts from before the log are filed in time",
    basis="溧水实施意见 一(三)3、二(三)（通气前安全检查）；补登期限为本账本规则（FLOW 第4节）",
    grade="A",
    reasons=("presupply_check_missing", "contract_backdated"),
    params=("filing_days",),
)
def checked_before_supply(case: Case) -> Finding | str | None:
    """Neither this seller nor whom it succeeded has passed these premises in a pre-supply check. Or a contract that
    would need none, signed by what it says before the log opened, is filed more than `filing_days` after that.

    Honest work it must not stop: whoever had a contract on the day that the log opened (FLOW.md section 4); an
    enterprise that joins later, in the first days that the authority gave one of its sites; a contract that is renewed.
    """
    opened_on = _opened_on(case)
    if isinstance(case.claim, c.FileContract):
        late = case.claim.signed_on <= opened_on and case.today > shift_day(opened_on, case.params["filing_days"])
        excused = not late or _joins(case, case.claim) or _renews(case, case.claim, opened_on)
        return None if excused else "contract_backdated"
    if not isinstance(case.claim, c.HandOver):
        return None
    contracts = tuple(contracts_in_force(case))
    if not contracts or any(one.signed_on <= opened_on for one in contracts):
        return None  # without any, USR-02 speaks
    checks = () if case.premises is None else case.premises.presupply
    by_seller = (one for one in checks if case.registry.stands_for(case.seller, one.enterprise, case.today))
    return None if any(one.passed for one in by_seller) else "presupply_check_missing"


def _opened_on(case: Case) -> str:
    opening = case.registry.records.get(LOG_SUBJECT)
    assert opening is not None, "no pack is in force before entry 0"
    return day_of(opening.claim.scanned_at)


def _joins(case: Case, claim: c.FileContract) -> bool:
    """Whether the first days of one of that enterprise's sites still run, as the authority gave them."""
    sites = case.registry.owned_by(c.FileSite, claim.enterprise)
    return any(one.transition_until is not None and case.today <= one.transition_until for one in sites)


def _renews(case: Case, claim: c.FileContract, opened_on: str) -> bool:
    """Whether it renews a contract on record from then, of the same customer for the same premises."""
    there = () if case.premises is None else case.premises.contracts.values()
    known = case.world.supply.get(c.FileContract, claim.contract)
    return any(
        one.customer == claim.customer and one.signed_on <= opened_on
        for one in (*there, *(() if known is None else (known,)))
        if case.registry.stands_for(claim.enterprise, one.enterprise, case.today)
    )


_CONVERTED = "USR-11@1"


@rule(
    _CONVERTED,
    gates=(Gate.HANDOVER,),
    zh="严禁新增底层“住改商”使用燃气经营",
    en="a ground floor made into a business may not newly use gas",
    basis="通政办发〔2021〕67号 四(十一)",
    grade="A",
    reasons=("converted_ground_floor",),
)
def not_newly_converted(case: Case) -> Finding | str | None:
    """Its customer has no contract there from before the first day of the rule in this pack.

    Honest work it must not stop: whoever used gas there before; renewed, a contract keeps the day it was signed first.
    """
    claim, in_force = case.claim, case.registry.in_force
    assert isinstance(claim, c.HandOver)
    if case.place is None or not case.place.converted or case.premises is None or in_force is None:
        return None
    since = in_force.pack.rules[_CONVERTED].effective_from or ""
    signed = [one.signed_on for one in case.premises.contracts.values() if one.customer == claim.customer]
    return "converted_ground_floor" if signed and min(signed) >= since else None


def _order_of(case: Case) -> c.FileOrder | None:
    claim = case.claim
    assert isinstance(claim, c.HandOver)
    return None if claim.order is None else case.world.supply.get(c.FileOrder, claim.order)


@rule(
    "USR-12@1",
    gates=(Gate.HANDOVER,),
    zh="取消用户自提，由企业配送并随瓶安检",
    en="customers no longer fetch their cylinders; the enterprise delivers and checks",
    basis="汕尾市通告（2026年3月1日起取消自提）；通政办发〔2021〕67号 三(四)（配送服务制）",
    grade="B",
    reasons=("self_pickup_abolished",),
)
def delivered(case: Case) -> Finding | str | None:
    """It is fetched: at a counter, by what the worker says, or by its order.

    Honest work it must not stop: fetching where and while it is allowed.
    """
    claim, order = case.claim, _order_of(case)
    assert isinstance(claim, c.HandOver)
    said = claim.channel == "self_pickup" or (order is not None and order.channel == "self_pickup")
    fetched = said or is_fetched(claim)
    return "self_pickup_abolished" if fetched else None


@rule(
    "ORD-01@1",
    gates=(Gate.HANDOVER,),
    zh="所列订单须在册、未结束且属该用户",
    en="the order named is on record, open, and this customer's",
    basis="通政办发〔2021〕67号 三(四)（统一订购配送服务平台）；本账本规则",
    grade="A",
    reasons=("order_unknown",),
)
def order_fits(case: Case) -> Finding | str | None:
    """Nobody filed it, it is over, or it is another customer's.

    Honest work it must not stop: gas that nobody ordered beforehand; a hand-over need not name an order.
    """
    claim, order = case.claim, _order_of(case)
    assert isinstance(claim, c.HandOver)
    if claim.order is None:
        return None
    fits = order is not None and order.status == "open" and order.customer == claim.customer
    return None if fits else "order_unknown"
