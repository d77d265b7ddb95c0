"""What a post shows its people: one light and one sentence, Chinese first, English after."""

from typing import Literal

from msgspec import Struct

from ledger import events as e
from ledger.claim import AnyClaim
from ledger.entry import Answer
from ledger.events import Note
from ledger.reasons import text_of
from scanners.faults import Offline, StationFault

Light = Literal["green", "amber", "red"]
Kind = Literal[
    "read",
    "repeat",
    "ordered",
    "accepted",
    "challenged",
    "refused",
    "busy",
    "opened",
    "filled",
    "interrupted",
    "not_opened",
    "offline",
    "stored",
    "fault",
]


class Shown(Struct, frozen=True):
    """One message at one post. `reading` is the gun's text, `code` what it parsed to, `claim_id` what it is about."""

    post: str
    kind: Kind
    light: Light
    zh: str
    en: str
    code: str = ""
    reading: str = ""
    claim_id: str = ""


def judge(post: str, claim: AnyClaim, answer: Answer) -> Shown:
    """The ledger's answer to a claim as a light: red for a refusal or a failed check, amber for broken rules."""
    code: str = getattr(claim, "code", "")
    outcome = answer.outcome
    if isinstance(outcome, e.Refusal):
        zh, en = _reasons(outcome.reasons)
        return Shown(post, "refused", "red", f"不予办理：{zh}", f"refused: {en}", code, claim_id=claim.claim_id)
    if isinstance(outcome, e.PrefillFailed | e.PostfillFailed):
        zh, en = _reasons(outcome.violations)
        return Shown(post, "refused", "red", f"检查不合格：{zh}", f"check failed: {en}", code, claim_id=claim.claim_id)
    if outcome.violations:
        zh, en = _reasons(outcome.violations)
        return Shown(
            post,
            "accepted",
            "amber",
            f"已记录，违规：{zh}",
            f"recorded, violations: {en}",
            code,
            claim_id=claim.claim_id,
        )
    if isinstance(outcome, e.PrefillChecked) and outcome.challenged:
        zh, en = "抽查：请再扫一次并输入钢印末几位", "spot check: scan it again and key the stamp's last characters"
        return Shown(post, "challenged", "amber", zh, en, code, claim_id=claim.claim_id)
    zh, en = _reasons(outcome.warnings)
    zh, en = (f"通过；提醒：{zh}", f"accepted; mind: {en}") if zh else ("通过", "accepted")
    return Shown(post, "accepted", "green", zh, en, code, claim_id=claim.claim_id)


def alarm(post: str, fault: StationFault, *, code: str = "", claim_id: str = "") -> Shown:
    """A fault as a message."""
    kind: Kind = "offline" if isinstance(fault, Offline) else "fault"
    return Shown(post, kind, "red", fault.zh, fault.en, code, claim_id=claim_id)


def _reasons(notes: tuple[Note, ...]) -> tuple[str, str]:
    texts = [_text(note.reason) for note in notes]
    return "；".join(zh for zh, _ in texts), "; ".join(en for _, en in texts)


def _text(reason: str) -> tuple[str, str]:
    try:
        return text_of(reason)
    except KeyError:
        # A server newer than this agent may name a reason that has no sentence here yet.
        return reason, reason
