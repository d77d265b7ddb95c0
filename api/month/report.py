"""A month told in tables, Chinese and English: refusals and the law behind them, what was wrong, what was done."""

from datetime import datetime

from rich.console import Console
from rich.table import Table

from api.month.book import Book
from api.month.kinds import KINDS
from api.month.oracle import CHINA
from ledger.packs.model import Pack
from ledger.rules.rule import RULES, Rule


def tell(console: Console, book: Book, pack: Pack, seconds: float) -> None:
    """The whole report."""
    console.print(_work(book))
    console.print(_refusals(book, pack))
    if book.wrong:
        console.print(_wrong(book))
    colour = "green" if book.clean else "red"
    console.print(
        f"[{colour}]{book.claims} 条记录，其中请求 {book.requests}；依法拒绝 {book.demanded.total()}，误拒"
        f" {book.wrongly.total()}，漏拒 {book.missed.total()}[/] · {book.claims} claims, {book.requests} requests;"
        f" refused as the law demands {book.demanded.total()}, wrongly {book.wrongly.total()}, missed"
        f" {book.missed.total()}; {seconds:.0f} s, {book.claims / seconds:,.0f}/s",
        highlight=False,
    )
    kinds = "，".join(f"{kind} {times}" for kind, times in sorted(book.false_alerts.items()))
    share = 100 * book.false_alerts.total() / book.claims
    console.print(
        f"误报警报 false alerts: {book.false_alerts.total()}（{share:.4f} %）{kinds}", markup=False, highlight=False
    )


def _work(book: Book) -> Table:
    table = Table(title="诚实的工作 Honest work", title_justify="left")
    for name in ("做了什么", "what was done", "次 times"):
        table.add_column(name, justify="right" if name.startswith("次") else "left")
    for kind, times in book.honest.items():
        table.add_row(KINDS[kind], kind, str(times))
    return table


def _refusals(book: Book, pack: Pack) -> Table:
    table = Table(title="规则说了什么 What the rules said", title_justify="left", show_lines=True)
    for name in (
        "规则 rule",
        "要求与依据 what it asks, and its law",
        "依法 due",
        "误 wrong",
        "漏 missed",
        "警告 warned",
    ):
        table.add_column(name)
    heard = book.demanded.keys() | book.wrongly.keys() | book.missed.keys() | book.warnings.keys()
    for rule in sorted(heard):
        counts = [str(counted[rule] or "") for counted in (book.demanded, book.wrongly, book.missed, book.warnings)]
        table.add_row(rule, _law(rule, pack), *counts)
    return table


def _law(rule: str, pack: Pack) -> str:
    named = next((RULES[name] for name in pack.rules if name.partition("@")[0] == rule), None)
    if not isinstance(named, Rule):
        return "账本自身的规定 the ledger's own"
    return f"{named.title_zh}\n{named.title_en}\n依据 by {named.basis}"


def _wrong(book: Book) -> Table:
    table = Table(title="[red]误拒与漏拒 Wrong and missed[/]", title_justify="left")
    for name in ("编码 code", "时间 time", "操作 act", "规则 rule", "原因 reason"):
        table.add_column(name)
    for one in book.wrong:
        at = datetime.fromtimestamp(one.at / 1000, CHINA).strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(one.code, at, one.act, one.rule, "应拒未拒 missed" if one.missed else one.reason)
    return table
