"""DATA: whether what was said can be relied on."""

from ledger import claim as c
from ledger.rules.rule import ALL_GATES, Case, Finding, Gate, rule


@rule(
    "DATA-01@1",
    gates=ALL_GATES,
    zh="终端时间与服务器相差过大",
    en="the device's clock is far from ours",
    basis="运营实践（2023-10-13 规定：相差30分钟以上以服务器时间为准）",
    grade="C",
    reasons=("clock_skew",),
    params=("max_skew_s",),
)
def clock_right(case: Case) -> Finding | str | None:
    """Both times are kept, neither is rewritten."""
    offset = case.clock_offset_ms
    if offset is None or abs(offset) <= case.params["max_skew_s"] * 1000:
        return None
    return "clock_skew", {"offset_s": offset // 1000}


@rule(
    "DATA-02@2",
    gates=(Gate.CORRECT,),
    zh="更正须注明原因和所更正的记录",
    en="a correction names its reason, the entry of this cylinder that it corrects, and a change",
    basis="通政办发〔2021〕67号 五(十二)（虚报、瞒报）",
    grade="B",
    reasons=("correction_without_reference",),
)
def correction_refers(case: Case) -> Finding | str | None:
    """The entry named lies between this cylinder's first and newest, and some fact becomes another.

    Honest work it must not stop: any entry in between may be named, also one that this cylinder only shares its days
    with; a wrong correction is corrected again.
    """
    claim, cylinder = case.claim, case.cylinder
    assert isinstance(claim, c.CorrectCylinder)
    if cylinder is None:
        return None  # ID-01's
    changed = any(getattr(claim, name) not in (None, getattr(cylinder, name)) for name in c.CORRECTABLE)
    refers = cylinder.first_index <= claim.corrects <= cylinder.entry_index
    return None if changed and refers else "correction_without_reference"
