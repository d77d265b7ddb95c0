"""PREM: whether the place of a hand-over is known, so that the other rules can judge it."""

from ledger.rules.rule import Case, Finding, Gate, rule


@rule(
    "PREM-01@1",
    gates=(Gate.HANDOVER,),
    zh="用气场所须已登记且未停用",
    en="the premises are on record and not closed",
    basis="本账本规则（场所未登记，TYPE-02、TYPE-03 无从判断）；另见 通政办发〔2021〕67号 三(四)（用户档案管理）",
    grade="K",
    reasons=("premises_unknown",),
)
def premises_known(case: Case) -> Finding | str | None:
    """Nobody filed these premises, or they are closed.

    Honest work it must not stop: a new customer at the door. The office files the premises, and the worker asks again.
    """
    return None if case.place is not None and case.place.status == "open" else "premises_unknown"
