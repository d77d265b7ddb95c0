"""What an act found or says besides its name, in the trade's words, Chinese and English: items, causes, what was filed.

Never a name of a person, an address or a phone number: claims hold none.
"""

from collections.abc import Iterable, Iterator

from api.act_words import CAUSES_ZH, OUTCOMES_ZH, WORDS_ZH, Words, english, enterprise_named, joined, word
from api.premises_words import Known, checked_at, counted, handed_over, hazard, supply
from api.trace.terms import STATUS_ZH
from ledger import claim as c
from ledger import events as e
from ledger.checklists import LIST_NAMES
from ledger.registry import subject_of_filing


def particulars(claim: c.AnyClaim, event: e.Event, known: Known) -> Words | None:
    """What an accepted act says besides its name and result; None where these say it all."""
    match claim:
        case c.CheckPremises():
            return checked_at(claim)
        case c.HandOver():
            return handed_over(claim)
        case c.OpenHazard() | c.AssignHazard() | c.EscalateHazard() | c.RectifyHazard() | c.RecheckHazard():
            return hazard(claim, event, known)
        case c.SuspendSupply() | c.ResumeSupply():
            return supply(claim, known)
        case c.CountPremises():
            assert isinstance(event, e.PremisesCounted)
            return counted(claim, event)
        case c.SettleAlert():
            said = [
                (f"警报 {claim.alert}", f"alert {claim.alert}"),
                (f"原因：{CAUSES_ZH[claim.cause]}", f"cause: {english(claim.cause)}"),
                (f"结果：{OUTCOMES_ZH[claim.outcome]}", f"outcome: {english(claim.outcome)}"),
            ]
            return joined(said)
        case c.AcknowledgeRecall():
            told = f"已告知 {claim.told} 户", f"{claim.told} holders told"
            return joined([(claim.recall, claim.recall), enterprise_named(claim.enterprise), told])
        case c.Filing():
            return _filed(claim)
        case _:
            return _scanned(claim, event)


def act_names(claim: c.AnyClaim) -> Words | None:
    """What an act is called where its tag alone does not say."""
    if isinstance(claim, c.CheckPremises):
        return LIST_NAMES[claim.kind]
    if isinstance(claim, c.OpenRecall) and claim.drill:
        return "开始演练", "drill"
    return None


_SIGNERS_ZH = {"active": "启用", "revoked": "吊销", "quarantined": "已隔离"}
_FILED = (
    ("successor", "由其承继", "succeeded by"),
    ("target", "对象", "target"),
    ("custodian", "托管单位", "custodian"),
)
"""What a filing names beyond its own id and what each statement shows."""


def _filed(claim: c.Filing) -> Words | None:
    """What was filed, by its id; of what kind, whether in force, for which days; what it freezes."""
    key = subject_of_filing(claim).partition(":")[2]  # type: ignore[arg-type] # every filing is one of its union
    words = [getattr(claim, field) for field in ("kind", "status") if hasattr(claim, field)]
    days = f"{claim.valid_from}/{claim.valid_to}" if hasattr(claim, "valid_from") and hasattr(claim, "valid_to") else ""
    named = _SIGNERS_ZH if isinstance(claim, c.EnrolSigner) else STATUS_ZH
    more = [(zh, en, getattr(claim, field)) for field, zh, en in _FILED if hasattr(claim, field)]
    zh = " ".join(filter(None, [key, *(named[word] for word in words), days, *(f"{zh} {one}" for zh, _, one in more)]))
    en = " ".join(filter(None, [key, *map(english, words), days, *(f"{en} {one}" for _, en, one in more)]))
    if isinstance(claim, c.OpenIncident):
        held = (
            ("站点", "site", claim.sites), ("车辆", "vehicle", claim.vehicles), ("充装秤", "line", claim.lines),
            ("罐次", "tank lot", claim.tank_lots),
        )  # fmt: skip
        each = [(f"{kind_zh} {one}", f"{kind_en} {one}") for kind_zh, kind_en, some in held for one in some]
        return joined([(zh, en), *((f"冻结 {one}", f"freezes {other}") for one, other in each)])
    return (zh, en) if zh else None


_WHERE = (("line", "充装秤", "line"), ("tank_lot", "罐次", "tank lot"), ("to_site", "去往站点", "to site"))
"""What a scan names beyond what each statement shows."""
_ONE_WORD: dict[type[c.Claim], tuple[str, str]] = {
    c.ReplaceValve: ("valve", "valve"), c.SurrenderCylinder: ("to", "to"), c.SeizeCylinder: ("kind", "seizure"),
    c.DestroyCylinder: ("method", "method"),
}  # fmt: skip
"""Acts that say one word: in which field, and what words it may be."""


def _scanned(claim: c.AnyClaim, event: e.Event) -> Words | None:
    """What a scan of a cylinder says besides where and by whom."""
    said = list(_of_cylinder(claim))
    if type(claim) in _ONE_WORD:
        field, words = _ONE_WORD[type(claim)]
        said.append(word(words, getattr(claim, field)))
    for field, zh, en in _WHERE:
        key = getattr(claim, field, None) or getattr(event, field, None)
        said += [] if key is None else [(f"{zh} {key}", f"{en} {key}")]
    gas_g = getattr(event, "gas_g", None)
    said += [] if gas_g is None else [(f"已进气 {gas_g / 1000:.2f} 千克", f"{gas_g / 1000:.2f} kg went in")]
    for kind in ("purpose", "content"):
        value = getattr(claim, kind, None)
        said += [] if value is None else [word(kind, value)]
    cause = getattr(claim, "cause", None)
    said += [] if cause is None else [(f"因{CAUSES_ZH[cause]}", f"cause: {english(cause)}")]
    return joined(said) if said else None


def _of_cylinder(claim: c.AnyClaim) -> Iterator[Words]:
    """What was found of a cylinder, or made of it."""
    match claim:
        case c.RegisterCylinder():
            stamp = f"{claim.maker} {claim.serial} {claim.made_month} {claim.model}"
            yield f"{stamp}，产权单位 {claim.owner}", f"{stamp}, owner {claim.owner}"
        case c.BindCode():
            yield f"新编码 {claim.new_code}", f"new code {claim.new_code}"
            if claim.retires is not None:
                yield f"停用 {claim.retires}", f"retires {claim.retires}"
        case c.RecordInspection():
            yield f"检验日期 {claim.inspected_on}", f"inspected on {claim.inspected_on}"
            yield f"审核人员 {claim.reviewer}", f"reviewed by {claim.reviewer}"
        case c.CheckPrefill(failed_items=items) if items:
            yield _failed("prefill", items)
        case c.CheckPostfill(failed_items=items) if items:
            yield _failed("postfill", items)
        case c.ExtractResidue():
            kilograms = f"{claim.extracted_g / 1000:.2f}"
            yield f"抽出 {kilograms} 千克", f"{kilograms} kg taken out"
        case c.CorrectCylinder():
            yield f"更正第 {claim.corrects} 条", f"corrects #{claim.corrects}"
        case _:
            pass


def _failed(kind: str, items: Iterable[str]) -> Words:
    named = list(items)
    return "发现 " + "、".join(WORDS_ZH[kind][one] for one in named), "found " + ", ".join(map(english, named))
