"""What was found at a customer's premises, in the trade's words: items of checks, hazards from their opening to the
re-check, suspensions, counts, hand-overs. Chinese and English for each.
"""

from collections.abc import Iterable, Mapping

from api.act_words import CAUSES_ZH, WORDS_ZH, Words, english, enterprise_named, joined, word
from ledger import claim as c
from ledger import events as e
from ledger.checklists import CHECKLISTS, ITEM_NAMES

Known = Mapping[str, Words]
"""What earlier entries opened: hazards by their ids, suspensions by `premises:ID`; each by its words and its entry."""
_NOTICE_EN = {
    "signed": "the customer signed the notice",
    "refused": "the customer refused to sign the notice",
    "absent": "the customer was absent, notice unsigned",
}


def _checked(check: c.SafetyCheck) -> Words:
    """What a check by a list found: by which list, what failed, what was left out."""
    items = CHECKLISTS.get(check.checklist)
    count = ("项目表未知", "a list that nobody knows") if items is None else (f"{len(items)} 项", f"{len(items)} items")
    by = f"项目表 {check.checklist}，{count[0]}", f"list {check.checklist}, {count[1]}"
    parts = [_items("发现问题", "found wrong", check.failed_items)] if check.failed_items else []
    parts += [_items("漏检", "left out", check.skipped_items)] if check.skipped_items else []
    parts += [("未附照片", "no photograph")] if not check.photos else []
    if not check.failed_items:
        parts.insert(0, ("未发现问题", "nothing found wrong"))
    zh, en = joined(parts)
    return f"{zh}（{by[0]}）", f"{en} ({by[1]})"


def _hazard_named(hazard: str, known: Known) -> Words:
    """A hazard by its item and entry, or by its id where its opening is not at hand."""
    return known.get(hazard) or (f"隐患编号 {hazard}", f"hazard {hazard}")


def checked_at(claim: c.CheckPremises) -> Words:
    """What a check at premises found, and whether the customer confirmed it."""
    return joined([_checked(claim.check), *_confirmed(claim.confirmation)])


def _items(zh: str, en: str, items: Iterable[c.CheckItem]) -> Words:
    named = [ITEM_NAMES[one] for one in items]
    return f"{zh}：" + "、".join(one for one, _ in named), f"{en}: " + ", ".join(one for _, one in named)


def _confirmed(one: c.Confirmation | None) -> list[Words]:
    if one is None:
        return []
    (how_zh, how_en), (result_zh, result_en) = word("how", one.how), word("result", one.result)
    shown = "".join(f" {key}" for key in (one.voucher, one.proxy) if key is not None)
    return [(f"用户确认：{how_zh}{shown} {result_zh}", f"confirmed by {how_en}{shown}: {result_en}")]


def handed_over(claim: c.HandOver) -> Words:
    """Where it was to stand, what the delivery check found, how the customer confirmed."""
    said = [word("position", claim.position)]
    if claim.channel != "delivery":
        said.append(word("channel", claim.channel))
    if claim.done:
        said.append(("断网时已交付", "handed over while the line was down"))
    if claim.check is not None:
        zh, en = _checked(claim.check)
        said.append((f"随瓶安检：{zh}", f"delivery check: {en}"))
    if claim.empties:
        empties = len(claim.empties)
        said.append((f"同时收回 {empties} 只", f"{empties} taken back"))
    return joined([*said, *_confirmed(claim.confirmation)])


def supply(claim: c.SuspendSupply | c.ResumeSupply, known: Known) -> Words:
    """Who suspended supply and why; who resumed it, and whose suspension ended."""
    said = [enterprise_named(claim.enterprise)]
    if isinstance(claim, c.ResumeSupply):
        suspended = known.get(f"premises:{claim.premises}")
        return joined([*said, *([] if suspended is None else [suspended])])
    said.append((f"因{CAUSES_ZH[claim.cause]}", f"cause: {english(claim.cause)}"))
    return joined([*said, *(_hazard_named(one, known) for one in claim.hazards)])


_Hazard = c.OpenHazard | c.AssignHazard | c.EscalateHazard | c.RectifyHazard | c.RecheckHazard


def hazard(claim: _Hazard, event: e.Event, known: Known) -> Words:
    """A hazard opened, given to somebody, put right, re-checked: item, class, deadline, what came of it."""
    closed = isinstance(event, e.HazardRectified | e.HazardRechecked) and event.closed
    match claim:
        case c.OpenHazard():
            assert isinstance(event, e.HazardOpened)
            return _opened(claim, event)
        case c.AssignHazard():
            measure, funds = word("measure", claim.measure), word("funds", claim.funds)
            said = (
                f"责任人 {claim.person}，措施 {measure[0]}，资金 {funds[0]}，期限 {claim.deadline}，有预案",
                f"{claim.person} is to {measure[1]} it by {claim.deadline}, paid by the {funds[1]}, with a plan",
            )
        case c.EscalateHazard():
            said = f"用户拒不整改，已报告镇街 {claim.town}", f"the customer refuses; the town {claim.town} was told"
        case c.RectifyHazard() if closed:
            said = "现场整改，前后照片为证，已闭环", "put right on the spot, photographed before and after: closed"
        case c.RectifyHazard():
            said = "已整改，待复查", "put right, to be re-checked"
        case c.RecheckHazard() if claim.passed:
            said = (
                ("复查合格，已闭环", "passed: closed") if closed else ("复查合格，但未闭环", "passed, yet not closed")
            )
        case _:
            said = "复查不合格，未闭环", "failed: still open"
    return joined([said, _hazard_named(claim.hazard, known)])


def _opened(claim: c.OpenHazard, event: e.HazardOpened) -> Words:
    item, grade = ITEM_NAMES[claim.item], word("grade", claim.grade)
    major = ("，重大隐患", ", major") if claim.major else ("", "")
    said = [
        (f"{item[0]}（{grade[0]}{major[0]}）", f"{item[1]} (of the {grade[1]}{major[1]})"),
        (f"整改期限 {claim.deadline}", f"to be put right by {claim.deadline}"),
    ]
    if event.blocks_from:
        said.append((f"未闭环则 {event.blocks_from} 起不予供气", f"while open, no supply from {event.blocks_from}"))
    return joined([*said, (WORDS_ZH["notice"][claim.notice], _NOTICE_EN[claim.notice])])


def counted(claim: c.CountPremises, event: e.PremisesCounted) -> Words:
    """What a count at premises found against the ledger."""
    said = [(f"现场读到 {len(claim.codes)} 个编码", f"{len(claim.codes)} codes read")]
    told = (
        (len(event.found), "在账气瓶 {} 只", "{} registered cylinders"),
        (len(event.elsewhere), "其中账上在别处 {} 只", "{} of them elsewhere by the ledger until then"),
        (event.unknown, "无人登记的编码 {} 个", "{} codes that nobody registered"),
        (
            len(event.missing) + len(event.gone),
            "账上有、现场没有 {} 只",
            "{} missing that the ledger had there",
        ),
        (len(event.overtaken), "此后已在别处 {} 只", "{} seen elsewhere since"),
    )
    said += [(zh.format(count), en.format(count)) for count, zh, en in told if count]
    return joined(said)
