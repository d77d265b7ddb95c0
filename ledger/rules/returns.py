"""FILL-10, FILL-11: whether it came back before it is filled again (口袋码, 流转不闭合)."""

from ledger import claim as c
from ledger.china import DAY_MS
from ledger.cylinder import UNKNOWN_HOLDER
from ledger.rules.condition import continues
from ledger.rules.rule import Case, Finding, Gate, rule


@rule(
    "FILL-10@1",
    gates=(Gate.FILL,),
    zh="放行后短时间内不得重复充装（严禁通用码、口袋码）",
    en="not filled again so soon after its release: perhaps a code from somebody's pocket",
    basis="通政办发〔2021〕67号 三(五)（严禁使用通用码、口袋码）；时限为行业做法",
    grade="A",
    reasons=("refilled_too_soon", "refilled_soon"),
    params=("block_min", "warn_min"),
    soft=("refilled_soon",),
)
def not_refilled_soon(case: Case) -> Finding | str | None:
    """Less than `block_min`, or than `warn_min`, since it was released.

    Honest work it must not stop: a leak found, a customer's swap. The clock starts at the release and is cleared by a
    recorded return, a bleeding, an extraction of residue or an inspection; a continuation is no second fill.
    """
    claim, cylinder = case.claim, case.cylinder
    assert isinstance(claim, c.AuthoriseFill)
    if cylinder is None or cylinder.released_at is None or continues(cylinder, claim):
        return None
    since_ms = case.at - cylinder.released_at
    facts: dict[str, int | str] = {"since_min": since_ms // 60_000}
    if since_ms < case.params["block_min"] * 60_000:
        return "refilled_too_soon", facts
    return ("refilled_soon", facts) if since_ms < case.params["warn_min"] * 60_000 else None


@rule(
    "FILL-11@1",
    gates=(Gate.PREFILL,),
    zh="未见回收记录的，按已返回推定并告知上一持有者",
    en="a return that nobody recorded is inferred, and its last holder is told",
    basis="溧水实施意见 二(十)（配送－充装追溯联动）；通政办发〔2021〕67号 三(四)（全流程追踪）",
    grade="A",
    reasons=("return_missing", "return_missing_again"),
    params=("window_days",),
    soft=("return_missing", "return_missing_again"),
)
def return_recorded(case: Case) -> Finding | str | None:
    """It was last with somebody else. The second time within `window_days` it asks for the stamp and a photograph.

    Honest work it must not stop, ever: missed scans, neighbours who swap, a truck unloaded without a scan. It never
    blocks.
    """
    claim, cylinder = case.claim, case.cylinder
    assert isinstance(claim, c.CheckPrefill)
    if cylinder is None or cylinder.holder in (UNKNOWN_HOLDER, f"site:{claim.site}"):
        return None
    facts: dict[str, int | str] = {"holder": cylinder.holder}
    last = cylinder.inferred_at
    again = last is not None and case.at - last <= case.params["window_days"] * DAY_MS
    shown = claim.stamp_tail is not None and claim.photo_digest is not None
    return "return_missing_again" if again and not shown else "return_missing", facts
