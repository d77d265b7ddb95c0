"""What a checked evidence file proves and what it does not, in words, Chinese and English."""

from datetime import datetime, timedelta, timezone

from ledger.evidence import Scope
from ledger.verify import Report, Shown

Said = tuple[str, str]

_CHINA = timezone(timedelta(hours=8))
_LAST_S = 253_402_300_799 - 86_400  # the last day but one of 9999: what a calendar can show


def plain(text: str) -> str:
    """What may be shown of words that others wrote: nothing that moves a cursor, breaks a line or turns it around."""
    return "".join(one if one.isprintable() else "?" for one in text)


def china(at_s: float) -> str:
    """The instant as people in China read it; the bare number where a clock is absurd."""
    if not 0 <= at_s <= _LAST_S:
        return f"{at_s:.0f} s"
    return datetime.fromtimestamp(at_s, _CHINA).strftime("%Y-%m-%d %H:%M:%S")


def proved(report: Report) -> list[Said]:
    """What the file proves to who trusts the policy."""
    (scope_zh, scope_en), shown = _scope(report.scope), len(report.shown)
    beside = bool(report.scope.chains or report.scope.cited)
    also_zh, also_en = ("（含另附的链与条目）", ", chains and entries cited beside it included") if beside else ("", "")
    cosigned = "，".join(f"{name} {china(at)}" for name, at in report.standing.cosigned_s.items())
    witnessed = (f"，见证足数：{cosigned}", ", and enough witnesses cosigned at these times")
    zh, en = witnessed if report.quorum_needed else ("", "")
    said = [
        (
            f"日志 {report.log} 共 {report.size} 条，树根 {report.root.hex()}，由你所信的密钥签名{zh}",
            f"log {report.log} has {report.size} entries and this root; a key that you trust signed it{en}",
        ),
        (
            f"它只增未改：以 {report.earlier} 份较早快照和设备所见的 {report.seen} 份为开头",
            f"it only grew: it begins as {report.earlier} earlier checkpoints do, and {report.seen} that devices saw",
        ),
        (
            f"文件中 {report.entries} 条都在其中，{shown} 条属于 {scope_zh}{also_zh}",
            f"all {report.entries} entries here are in it, {shown} of them of {scope_en}{also_en}",
        ),
        (
            "每条记录逐字由登记在先的密钥签名，被接受的，密钥当时在用",
            "each claim was signed, to the byte, by a key enrolled before; what was accepted, by one in force then",
        ),
        _LEVELS[report.level],
        *_complete(report),
        *_by_when(report),
    ]
    if report.attachments:
        count = report.attachments
        said.append((f"{count} 个附件正是记录所指的文件", f"{count} files are the very ones that claims name"))
    return said


def _complete(report: Report) -> list[Said]:
    """Of whom no entry is left out: each named, since of all others some may be."""
    if not report.complete:
        return []
    count, named, size = len(report.complete), " ".join(report.complete), report.size
    return [
        (
            f"以下 {count} 个主体自己的链，从第一条到前 {size} 条的末尾，一条不缺：{named}",
            f"of these {count} subjects none of their own entries is left out, up to the first {size} of the log",
        )
    ]


_LEVELS: dict[str, Said] = {
    "L1": ("L1：所列各条在日志中", "L1: each entry shown is in the log"),
    "L2": (
        "L2：该瓶的记录，从第一条到日志签名声明的末尾，一条不缺",
        "L2: the cylinder's chain is whole, from its first entry to the end that the log signed for",
    ),
    "L3": ("L3：该范围内一条不缺", "L3: nothing of this scope is left out"),
}


def _scope(scope: Scope) -> Said:
    bounds = (("≥", scope.from_ms), ("<", scope.to_ms))
    times = "".join(f" {sign} {_exactly(at)}" for sign, at in bounds if at is not None)
    named = f"{scope.kind}:{scope.id}"
    zh, en = {"window": ("这段时间", "this window"), "log": ("全日志", "the whole log")}.get(scope.kind, (named, named))
    return zh + times, en + times


def _exactly(at_ms: int) -> str:
    """An instant to the millisecond: what lies within a second of a bound is within it or not."""
    return china(at_ms / 1000) + (f".{at_ms % 1000:03}" if at_ms % 1000 else "")


def _by_when(report: Report) -> list[Said]:
    said: list[Said] = []
    seen = [one.not_after_s for one in report.shown if one.not_after_s is not None]
    if seen:
        first, last = china(min(seen)), china(max(seen))
        said.append(
            (
                f"据见证方，{len(seen)} 条至迟 {last} 已在日志中（最早的至迟 {first}）",
                f"{len(seen)} of them were in the log by {last} (the first by {first}), as witnesses say",
            )
        )
    stamped = [one.stamped_ms for one in report.shown if one.stamped_ms is not None]
    if stamped:
        last = china(max(stamped) / 1000)
        said.append(
            (
                f"据时间戳，{len(stamped)} 条至迟 {last} 已在日志中",
                f"{len(stamped)} of them were in the log by {last}, as time-stamps say",
            )
        )
    return said


def not_proved(report: Report, *, stamps_checked: bool) -> list[Said]:
    """What the file does not prove, and what is odd in it."""
    left_open = {
        "L1": [("是否有该列而未列的条目", "that no entry of the scope was left out")],
        "L2": [
            (
                "末尾是日志自己的签名声明；别处提到该瓶的条目（如使用登记）可能未列",
                "the end is the log's own word; what else names the cylinder, as certificates do, may be left out",
            )
        ],
        "L3": [],
    }
    found = [words for holds, words in (*_doubts(report), *_oddities(report, stamps_checked)) if holds]
    later = (f"第 {report.size} 条之后又发生了什么", f"what came after the first {report.size} entries")
    return [
        *_contradiction(report),
        *_NEVER,
        *left_open[report.level],
        *_cited(report),
        later,
        *_window(report),
        _authority(report),
        *found,
    ]


def _cited(report: Report) -> list[Said]:
    """What the file holds beside the scope's own, and how little that says of what it does not hold."""
    scope, said = report.scope, list[Said]()
    if report.unended:
        count, named = len(report.unended), " ".join(report.unended)
        said.append(
            (
                f"以下 {count} 个主体的链止于何处：没有日志签名，末尾可能被略去：{named}",
                f"where the chains of these {count} subjects end: the log did not sign it, their last may be left out",
            )
        )
    if scope.cited:
        count = len(scope.cited)
        said.append(
            (
                f"另引的 {count} 条之外有无同类条目：只证明它们在日志里",
                f"that there is none beside the {count} entries cited singly: they are proved to be in the log",
            )
        )
    if scope.chains or scope.cited:
        said.append(
            (
                "另附的链与条目是否就是答案所需的全部：由出具者选取",
                "that the further chains and entries are all that the answer takes: who made the file chose them",
            )
        )
    return said


def _contradiction(report: Report) -> list[Said]:
    """First of all: the one thing that may mean that there are two logs."""
    count = report.contradicted
    if not count:
        return []
    return [
        (
            f"【矛盾】{count} 个签名的提交包说见过的日志与此不同：或日志曾分叉，或设备说谎；须人查明后才可采信",
            f"CONTRADICTION: {count} signed bundles saw another log than this: it forked once, or a device lies",
        )
    ]


_NEVER: list[Said] = [
    (
        "结果是否合规、编码指哪只气瓶：此处没有重算，要查请用 replay",
        "that outcomes follow from the rules, and which cylinder a code means: not decided again here; replay does",
    ),
    (
        "重量、人的确认与检查、照片内容、设备时钟：是填报的，签名不证明其真",
        "that weights, confirmations, checks, photographs and devices' clocks are true: these are attested",
    ),
]


def _window(report: Report) -> list[Said]:
    """By whose clock a window is one, and whether it has ended."""
    if report.scope.kind != "window":
        return []
    by = (
        "时段按账本自己的时间：记得晚的在后面的时段",
        "a window is by the log's own clock: what it recorded later is in a later one",
    )
    still_open = (
        "该时段尚未结束：此后还可能有属于它的条目",
        "the window had not ended: more entries of it may have come since",
    )
    return [by] if report.level == "L3" else [still_open, by]


def _authority(report: Report) -> Said:
    key = report.authority
    if report.entries == report.size:
        return (
            f"第 0 条的监管机构密钥 {key} 是否真实，请另行核对",
            f"that entry 0's authority {key} is the real one; compare it",
        )
    # Where no filing of a key is here, no head says that there is none.
    return (
        f"第 0 条的监管机构密钥 {key} 是否真实，它和日志自身的密钥是否已停用，请另行核对",
        f"that entry 0's authority {key} is the real one, and that neither it nor the log's own was revoked; compare",
    )


def _doubts(report: Report) -> list[tuple[bool, Said]]:
    """What would have been better proved by a better file or policy."""
    keys = len(report.unheaded)
    return [
        (report.demo, ("这是演示日志，不作数", "this is the log of a demonstration")),
        (
            not report.quorum_needed,
            (
                "策略不要求见证：运营者可能给别人看另一个日志",
                "the policy asks for no witnesses: the operator may have shown others another log",
            ),
        ),
        (
            report.other_policy,
            ("文件中的策略与你的不同，只按你的核对", "the file holds another policy than yours; only yours was used"),
        ),
        (
            keys > 0,
            (
                f"{keys} 把密钥的停用登记是否被略去：日志没有签名声明其登记的末尾",
                f"that no revocation of {keys} keys was left out: the log did not sign where their filings end",
            ),
        ),
        (
            any(one.not_after_s is None for one in report.shown),
            ("有的条目没有足数的见证时间", "some entries have no time that enough witnesses say"),
        ),
    ]


def _oddities(report: Report, stamps_checked: bool) -> list[tuple[bool, Said]]:  # noqa: FBT001 - passed on by its name
    stamps, unseen = report.stamps, report.unseen
    return [
        (
            stamps > 0 and not stamps_checked,
            (f"{stamps} 个时间戳未核对（--tsa）", f"{stamps} time-stamps were not checked (--tsa)"),
        ),
        (
            unseen > 0,
            (
                f"设备称见过 {unseen} 份比本文件更大的日志，请索取更新的文件",
                f"devices say they saw {unseen} trees larger than this file's; ask for a newer file",
            ),
        ),
        (
            report.forked + report.behind + report.gaps > 0,
            (
                f"设备的提交包：缺号之后 {report.gaps}，迟到 {report.behind}，分叉 {report.forked}（密钥可能被复制）",
                f"bundles after a gap {report.gaps}, late {report.behind}, forked {report.forked} (a copied key?)",
            ),
        ),
        (
            report.back_dated > 0,
            (
                f"{report.back_dated} 条自称的账本时间之后，还有不含它们的快照：时间可能被倒填",
                f"{report.back_dated} entries are missing in checkpoints of after their own time: back-dated?",
            ),
        ),
        (
            any(_ahead(one) for one in report.shown),
            (
                "有的条目的账本时间晚于见证时间：双方时钟不一",
                "some entries say they were recorded after witnesses saw them: the clocks disagree",
            ),
        ),
    ]


def _ahead(one: Shown) -> bool:
    return one.not_after_s is not None and one.entry.recorded_at >= (one.not_after_s + 1) * 1000
