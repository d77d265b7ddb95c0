"""The shift live, on standard error: what each station does, and every refusal with its rule."""

import time
from collections import Counter, deque
from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.table import Table

from api.demo.alarm import Alarm
from api.demo.incident import Inquiry
from api.demo.plan import Seen
from api.demo.plant_ways import WAYS, family_of
from api.demo.proving import Proof
from api.demo.report import Verdict, what_is
from api.demo.server import Told
from ledger.judge import FAMILIES
from ledger.rules.rule import RULES

assert FAMILIES, "their import fills RULES"
_TITLES = {name.partition("@")[0]: rule for name, rule in sorted(RULES.items())}
_LAST, _KINDS_A_ROW = 8, 10
_OFFICES = "各单位 offices"
PHONES = "送气工 phones"
"""The board's row of the delivery workers."""
_COLOURS = {"refused": "red", "violations": "magenta", "warnings": "yellow", "fault": "bold red", "unreadable": "red"}
_WORDS = {"refused": "拒绝", "violations": "违规", "warnings": "提醒", "fault": "故障", "unreadable": "读不出"}


class Board:
    """Counts answers by station; `totals` says how many cylinders each will see."""

    def __init__(self, totals: dict[str, int]) -> None:
        self._totals = totals
        self._counts: dict[str, Counter[str]] = {site: Counter() for site in (*totals, _OFFICES)}
        self._begun: dict[str, set[str]] = {site: set() for site in totals}
        self._noes: deque[tuple[str, Seen]] = deque(maxlen=_LAST)
        self._started = time.monotonic()
        self.answers = 0

    def took(self, site: str, seen: Seen) -> None:
        """An answer came in; `site` is '' for the offices."""
        self._counts[site or _OFFICES][seen.outcome] += 1
        self.answers += 1
        if site:
            self._begun[site].add(seen.tag)
        if seen.outcome in _COLOURS:
            self._noes.append((site or _OFFICES, seen))

    def __rich__(self) -> RenderableType:
        """The board as it stands."""
        seconds = max(time.monotonic() - self._started, 0.1)
        table = Table(title=f"早班 the morning shift: {self.answers} 条 answers, {self.answers / seconds:.0f}/s")
        table.add_column("站点 site")
        for name in ("气瓶 cylinders", "通过 accepted", "提醒 warned", "违规 broken", "拒绝 refused"):
            table.add_column(name, justify="right")
        for site, counts in self._counts.items():
            share = f"{len(self._begun[site])}/{self._totals[site]}" if site in self._totals else ""
            kinds = ("accepted", "warnings", "violations", "refused")
            table.add_row(site, share, *(str(counts[kind]) for kind in kinds))
        return Group(table, self._last_noes())

    def _last_noes(self) -> Table:
        table = Table(
            title="最近的拒绝、违规与提醒 the latest refusals, violations and warnings", box=None, show_header=False
        )
        for site, seen in self._noes:
            colour = _COLOURS[seen.outcome]
            rule = seen.rules[0] if seen.rules else ""
            told = what_is(seen.tag) or title(rule)
            table.add_row(site, f"[{colour}]{_WORDS[seen.outcome]}[/]", rule, told)
        return table


def title(rule: str) -> str:
    """What a rule asks, Chinese and English; '' for what is no rule of the pack."""
    return f"{_TITLES[rule].title_zh} {_TITLES[rule].title_en}" if rule in _TITLES else ""


def show_verdict(console: Console, verdict: Verdict) -> None:
    """Planted against found, family by family, and each difference."""
    table = Table(title="埋设与查获 planted and found")
    for name in ("类 family", "规则 rules", "埋设 planted", "查获 found"):
        table.add_column(name, justify="right" if name.startswith(("埋设", "查获")) else "left")
    for family, planted in verdict.planted.items():
        found = verdict.found[family]
        numbers = " ".join(
            sorted({way.rule.partition("-")[2] for way in WAYS.values() if family_of(way.rule) == family})
        )
        table.add_row(family, numbers, str(planted), f"[{'green' if found == planted else 'red'}]{found}[/]")
    console.print(table)
    for missed in verdict.missed:
        console.print(f"[red]漏检 missed[/] {missed.tag} {missed.rule}: {missed.happened}", highlight=False)
    for wrong in verdict.wrongly_refused:
        rules = " ".join(wrong.rules)
        console.print(f"[red]误拒 wrongly refused[/] {wrong.tag} {wrong.act} {wrong.outcome} {rules}", highlight=False)


def show_story(console: Console, code: str, story: Iterable[Told]) -> None:
    """One cylinder's trace, a line an entry, Chinese and then English."""
    console.rule(f"一瓶到底 the story of {code}")
    for entry in story:
        who = " ".join(part for part in (entry.site, entry.person) if part)
        console.print(f"[cyan]{entry.recorded_at_text}[/] [dim]#{entry.entry_index} {who}[/]", highlight=False)
        console.print(f"    {entry.zh}\n    [dim]{entry.en}[/]", highlight=False)


def show_alerts(console: Console, alarm: Alarm) -> None:
    """Contradictions planted and found, by kind, and each difference."""
    table = Table(title="矛盾与警报 contradictions planted and found", show_header=False)
    kinds = list(alarm.planted)
    for first in range(0, len(kinds), _KINDS_A_ROW):
        row = kinds[first : first + _KINDS_A_ROW]
        counts = ((alarm.found[kind], alarm.planted[kind]) for kind in row)
        table.add_row(*row, style="dim")
        table.add_row(*(f"[{'green' if found == planted else 'red'}]{found}/{planted}[/]" for found, planted in counts))
    console.print(table)
    console.print(f"误报 false alerts: [{'red' if alarm.false else 'green'}]{len(alarm.false)}[/]", highlight=False)
    for kind, about in alarm.missed:
        console.print(f"[red]漏报 missed[/] {kind} {about}", highlight=False)
    for one in alarm.false:
        console.print(f"[red]误报 false[/] {one.kind} {one.key} {one.zh} {one.en}", highlight=False)


def show_inquiry(console: Console, inquiry: Inquiry) -> None:
    """The nine questions after the explosion, what the ledger says, and whether the whole log says the same."""
    table = Table(title="爆炸之后第一小时 the first hour after an explosion")
    for name in ("", "问 question", "答 answer", "毫秒 ms", "逐条核对 brute force"):
        table.add_column(name, justify="right" if name.startswith("毫秒") else "left")
    for one in inquiry.asked:
        same = "[green]✓[/]" if one.equal else "[red]✗[/]"
        table.add_row(str(one.number), f"{one.zh}\n[dim]{one.en}[/]", one.told, f"{one.ms:.0f}", same)
    console.print(table)


def show_proof(console: Console, proof: Proof) -> None:
    """What outsiders found, a line each."""
    published, replayed = proof.published, proof.replayed
    table = Table(title="外人所见 what outsiders find", show_header=False)
    rows = (
        ("公布 published", f"{published.size} 条 entries", True),
        ("树根 root", published.root, True),
        ("见证 witnessed", f"{proof.witnessed} 家联署 cosigned", proof.witnessed > 0),
        ("证据 evidence", "验证程序 the verifier", proof.verified.first),
        ("", "另写的验证程序 an independent verifier", proof.verified.second),
        ("重放 replayed", f"{replayed.decisions} 个决定 decisions", replayed.differences == 0),
    )
    for name, what, good in rows:
        table.add_row(name, what, "[green]✓[/]" if good else "[red]✗[/]")
    console.print(table)
