"""`ledger month`: does anybody meet a refusal whom the law does not refuse? A month of honest work, and the answer."""

import sys
import time
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from api.databases import DATABASE, keep_or_pass
from api.month.alarm import false_alerts
from api.month.book import Book
from api.month.report import tell
from api.month.run import live
from api.month.town import BEGINS, DISTRICT
from api.month.voices import DAY, ORIGIN
from api.packs import NATIONAL, shipped_pack
from ledger.packs.model import Pack
from ledger.packs.text import parse_pack
from ledger.store.audit import audit
from ledger.store.embedded import EmbeddedServer
from ledger.store.migrate import migrate

_WIDTH = 120
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_DIRECTORY = click.Path(file_okay=False, path_type=Path)


@click.command("month")
@click.option(
    "--cylinders", type=click.IntRange(min=300), default=20_000, show_default=True, help="多少只气瓶。How many."
)
@click.option("--days", type=click.IntRange(10, 60), default=30, show_default=True, help="多少天。How many days.")
@click.option("--seed", default=1, show_default=True, help="随机种子。Another seed, another month.")
@click.option("--pack", "pack_file", type=_FILE, help="改用此规则包（叠加于 cn）。This pack instead, an overlay of cn.")
@click.option("--data", type=_DIRECTORY, help="数据留在此目录（须为空）。Leave the database in this empty directory.")
@click.option("--json", "as_json", is_flag=True, help="最后输出一行 JSON。End with one JSON line.")
def month_command(
    cylinders: int, days: int, seed: int, pack_file: Path | None, data: Path | None, *, as_json: bool
) -> None:
    """清白之月：一座小城一个月的诚实工作，有没有人被误拒。

    A clean month: a town's honest work, day after day in simulated time, through the real write path. Every refusal is
    compared with what the law demands. Exit code 1 if anybody was refused wrongly, if a refusal that the law demands
    was missed, if more than 0.03 % of the claims raise an alert, or if the audit fails.
    """
    console = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _WIDTH)
    pack = shipped_pack(DISTRICT)
    if pack_file is not None:
        pack = parse_pack(pack_file.read_text("utf-8"), shipped_pack(NATIONAL))
    with keep_or_pass(data, "ledger-month-") as folder, EmbeddedServer(folder, durable=False) as server:
        server.create_database(DATABASE)
        book, said = run_month(console, server.url(DATABASE), pack, seed=seed, cylinders=cylinders, days=days)
    if as_json:
        click.echo(book.line(days, cylinders, said))
    sys.exit(0 if book.clean and book.quiet and said == "ok" else 1)


def run_month(console: Console, url: str, pack: Pack, *, seed: int, cylinders: int, days: int) -> tuple[Book, str]:
    """Live the month in an empty database, tell it and audit it: the book, and `ok` or the first finding."""
    migrate(url)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("建城 founding the town", total=days * DAY)

        def told(now: int) -> None:
            day = max(0, now - BEGINS) // DAY + 1
            bar.update(task, completed=max(0, now - BEGINS), description=f"第 {day} 天 day {day}")

        begun = time.monotonic()
        book = live(url, seed=seed, cylinders=cylinders, days=days, pack=pack, told=told)
        seconds = time.monotonic() - begun
        bar.update(task, description="读警报 alerts")
        book.false_alerts = false_alerts(url)
        tell(console, book, pack, seconds)
        checking = bar.add_task("审计 audit", total=None)
        report = audit(url, ORIGIN, lambda done, total: bar.update(checking, completed=done, total=total))
    first = report.findings[0] if report.findings else None
    said = "ok" if first is None else f"{first.table} {first.row}: {first.what}"
    console.print(f"审计 audit: {said}，{report.entries} 条 entries", markup=False)
    return book, said
