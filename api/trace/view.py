"""What an investigator is shown: statements, facts, papers and places, in words and with their entries.

Times are ms UTC, with China's time beside them as text; masses grams.
"""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from api.act_words import CAUSES_ZH, english
from api.premises_words import Known
from api.trace.terms import FACTS, ITEMS_ZH, KINDS_ZH, STATUS_ZH
from api.views import EntryView, LastFill, last_fill
from api.words import ACTS, CONTENT_ZH, china_time, findings, sentence
from ledger import claim as c
from ledger.checklists import ITEM_NAMES
from ledger.custody import Contradiction, Span
from ledger.cylinder import Cylinder
from ledger.reasons import text_of
from ledger.registry import subject_of_filing
from ledger.trace.counts import Counts
from ledger.trace.origin import Fact, What
from ledger.trace.papers import Paper
from ledger.trace.statement import Behind, Statement


class StatementView(EntryView, frozen=True, kw_only=True):
    """An entry in words, and when its act was seen by clocks put right. `late`: recorded over five minutes after that.

    `correction`: it changes what was said before. `known`: recorded by the instant asked for.
    """

    seen_at: int
    seen_at_text: str
    late: bool
    correction: bool
    known: bool
    cylinder: str | None
    code: str | None
    vehicle: str | None
    customer: str | None
    premises: str | None


class FactView(Struct, frozen=True):
    """One thing that entries say of where a cylinder comes from and went, and the entry behind it."""

    what: What
    what_zh: str
    value: str
    value_zh: str
    behind: Behind


class PaperView(Struct, frozen=True):
    """A filing as it stood when the acts `as_of` (entry indexes) were recorded, of none at the end of the times asked
    for; `subject` None where there was none.

    `in_force`: it held on that day. `changed`: what replaced it since, by the instant asked for.
    """

    holder: str
    subject: str | None
    in_force: bool
    zh: str
    claim: c.FilingClaim | None
    behind: Behind | None
    as_of: tuple[int, ...]
    changed: tuple[Behind, ...]


class PlaceView(Struct, frozen=True):
    """Where a cylinder was, from `since` until `until` (None: still), by clocks put right; and by which entry.

    `late`: told when it had moved on already. `inferred`: nobody scanned the way there; `end_inferred`: the way out.
    """

    holder: str
    premises: str | None
    carrier: str | None
    since: int
    since_text: str
    until: int | None
    until_text: str | None
    entry_index: int
    recorded_at: int
    late: bool
    inferred: bool
    end_inferred: bool


class ContradictionView(Struct, frozen=True):
    """A scan took a cylinder from hands that by the ledger did not hold it: who held it, and who should have."""

    holder: str
    expected: str
    seen_at: int
    entry_index: int
    recorded_at: int


class HeldView(PlaceView, frozen=True):
    """A cylinder (`cylinder:ID`, or `code:CODE` of one that nobody registered) where it stands, and by which entry.

    What follows is of the cylinder as it is now; None for a past moment and for what nobody registered.
    """

    party: str
    codes: tuple[str, ...] = ()
    owner: str | None = None
    content: c.Content | None = None
    content_zh: str | None = None
    last_fill: LastFill | None = None


class StoryHead(Struct, frozen=True, kw_only=True):
    """What stands before a story's statements. `complete` is False where the token shows some sites only; papers are
    shown to tokens for the whole log. `evidence`: where the evidence file of the same question is had, if anywhere.
    `held`: what stands with a customer, person or vehicle or at premises at the end of the times asked for. `lots`: of
    a tank lot, every lot whose gas may contain some of it, with its share in permille.
    """

    log: str
    subject: str
    codes: tuple[str, ...] = ()
    complete: bool
    evidence: str | None
    facts: list[FactView] = []
    papers: list[PaperView] = []
    places: list[PlaceView] = []
    contradictions: list[ContradictionView] = []
    held: list[HeldView] = []
    lots: dict[str, int] = {}


class StoryView(StoryHead, frozen=True, kw_only=True):
    """A story in one log. `statements` were recorded within the times asked for and known by then; `later` was recorded
    afterwards and claims to have happened within them, or corrects something. `counts` is of `statements`.
    """

    statements: list[StatementView]
    later: list[StatementView]
    counts: Counts


class TraceAnswer(Struct, frozen=True):
    """The answer to one question: what was asked, which logs were asked, the story in each that knows of it."""

    kind: str
    id: str
    from_ms: int | None
    to_ms: int | None
    known_at: int | None
    logs_asked: list[str]
    stories: list[StoryView]


class Views:
    """The statements of one story as they are read, each named by what stood before it: a re-check by the item and the
    entry of its hazard, a resumption by who had suspended.
    """

    def __init__(self) -> None:
        """Nothing was opened yet."""
        self._known: dict[str, tuple[str, str]] = {}

    def __call__(self, one: Statement) -> StatementView:
        """The next statement as people and machines read it."""
        view = _statement_view(one, self._known)
        if one.accepted:
            self._remember(one)
        return view

    def _remember(self, one: Statement) -> None:
        claim, index = one.claim, one.entry_index
        if isinstance(claim, c.OpenHazard):
            zh, en = ITEM_NAMES[claim.item]
            self._known[claim.claim_id] = f"隐患 #{index} {zh}", f"hazard #{index}: {en}"
        elif isinstance(claim, c.SuspendSupply):
            self._known[f"premises:{claim.premises}"] = (
                f"此前由 {claim.enterprise} 于 #{index} 暂停", f"suspended by {claim.enterprise} in #{index}"
            )  # fmt: skip


def _statement_view(one: Statement, known: Known) -> StatementView:
    zh, en = sentence(one.claim, one.outcome, known)
    return StatementView(
        entry_index=one.entry_index,
        leaf=one.leaf,
        recorded_at=one.recorded_at,
        recorded_at_text=china_time(one.recorded_at),
        act=one.act,
        outcome_type=one.outcome_type,
        accepted=one.accepted,
        zh=zh,
        en=en,
        findings=findings(one.outcome),
        subject=one.subject,
        signer=one.signer,
        site=one.site,
        person=one.person,
        claim=one.claim,
        outcome=one.outcome,
        seen_at=one.seen_at,
        seen_at_text=china_time(one.seen_at),
        late=one.late,
        correction=one.correction,
        known=one.known,
        cylinder=one.cylinder,
        code=one.code,
        vehicle=one.vehicle,
        customer=one.customer,
        premises=one.premises,
    )


def fact_views(facts: Iterable[Fact]) -> list[FactView]:
    """Facts with their Chinese names."""
    return [FactView(one.what, FACTS[one.what][0], one.value, _value_zh(one), one.behind) for one in facts]


def _value_zh(one: Fact) -> str:
    """A fact's value, its words in Chinese; ids and days stay as they are."""
    words = one.value.split(" ")
    if one.what == "not_delivered":
        return CAUSES_ZH[one.value]
    if one.what == "refused":
        return f"{ACTS[words[0]][0]}：{'；'.join(text_of(reason)[0] for reason in words[1:])}"
    return " ".join(ITEMS_ZH.get(word) or STATUS_ZH.get(word, word) for word in words)


def value_en(what: What, value: str) -> str:
    """A fact's value in English."""
    if what == "not_delivered":
        return english(value)
    if what == "refused":
        act, *reasons = value.split(" ")
        return f"{ACTS[act][1]}: {'; '.join(text_of(reason)[1] for reason in reasons)}"
    words = (ITEM_NAMES[c.CheckItem(word)][1] if word in ITEMS_ZH else word for word in value.split(" "))
    return " ".join("nothing found wrong" if word == "-" else word for word in words)


def named_zh(subject: str) -> str:
    """`site:S1` as people read it: 站点 S1."""
    kind, _, key = subject.partition(":")
    return f"{KINDS_ZH[kind]} {key}" if kind in KINDS_ZH and key else STATUS_ZH.get(subject, subject)


def named_en(subject: str) -> str:
    """`site:S1` in English: site S1."""
    kind, _, key = subject.partition(":")
    return f"{kind.replace('_', ' ')} {key}".strip()


def named(subject: str) -> str:
    """The same in both languages: 站点 site S1."""
    kind, _, key = subject.partition(":")
    return f"{KINDS_ZH[kind]} {kind.replace('_', ' ')} {key}" if key else f"{named_zh(subject)} {subject}"


def paper_view(paper: Paper) -> PaperView:
    """A paper, with one Chinese line that says whether it held."""
    return PaperView(
        paper.holder, paper.subject, paper.in_force, _paper_zh(paper), paper.claim, paper.behind, paper.as_of,
        paper.changed,
    )  # fmt: skip


_LACKING = {"line": "检定证书", "person": "证书", "enterprise": "许可"}


def _paper_zh(paper: Paper) -> str:
    holder = named_zh(paper.holder)
    if paper.claim is None:
        lacks = _LACKING.get(paper.holder.partition(":")[0], "登记") if paper.subject is None else "登记"
        return f"{holder}：当时没有{lacks}"
    claim = paper.claim
    subject = subject_of_filing(claim)
    said = [holder] if subject == paper.holder else [f"{holder}：{named_zh(subject)}"]
    said += [f"人员 {claim.person}"] if isinstance(claim, c.FilePairing) else []
    words = [getattr(claim, field, None) for field in ("kind", "status")]
    said += [STATUS_ZH.get(word, word) for word in words if word is not None]
    if hasattr(claim, "valid_from") and hasattr(claim, "valid_to"):
        said.append(f"{claim.valid_from} 至 {claim.valid_to}")
    return f"{' '.join(said)}，当时{'有效' if paper.in_force else '无效'}"


def place_view(span: Span) -> PlaceView:
    """A span of custody."""
    return PlaceView(**_place(span))


def held_view(party: str, span: Span, now: Cylinder | None = None) -> HeldView:
    """Something that stands somewhere, and what it is now."""
    if now is None:
        return HeldView(
            **_place(span), party=party, codes=(party.removeprefix("code:"),) if party[:5] == "code:" else ()
        )
    return HeldView(
        **_place(span),
        party=party,
        codes=now.codes,
        owner=now.owner,
        content=now.content,
        content_zh=CONTENT_ZH[now.content],
        last_fill=None if now.fill is None else last_fill(now.fill),
    )


def contradiction_view(one: Contradiction) -> ContradictionView:
    """A contradiction of custody."""
    return ContradictionView(one.holder, one.expected, one.seen_at, one.entry_index, one.recorded_at)


def _place(span: Span) -> dict[str, Any]:
    return {
        "holder": span.place.holder,
        "premises": span.place.premises,
        "carrier": span.place.carrier,
        "since": span.since,
        "since_text": china_time(span.since),
        "until": span.until,
        "until_text": None if span.until is None else china_time(span.until),
        "entry_index": span.entry_index,
        "recorded_at": span.recorded_at,
        "late": span.late,
        "inferred": span.inferred,
        "end_inferred": span.end_inferred,
    }
