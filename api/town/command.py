"""`ledger town`: write a town of any size through the real core."""

import sys
from time import perf_counter

import click
from msgspec import json as mjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from api.town.grow import grow
from api.town.plan import Plan
from api.town.story import Story
from ledger.store.bench import settle
from ledger.store.migrate import migrate

BEGINS_MS = 1_769_184_000_000
"""Midnight before Saturday 2026-01-24, in China."""
_WIDTH = 110


@click.command("town")
@click.option(
    "--cylinders", type=click.IntRange(min=1_000), default=100_000, show_default=True, help="多少只气瓶。How many."
)
@click.option(
    "--entries", type=click.IntRange(min=1), default=1_000_000, show_default=True, help="至少多少条。At least so many."
)
@click.option("--seed", default=1, show_default=True, help="随机种子。Another seed, other ids and keys.")
@click.option(
    "--database", "url", required=True, envvar="LEDGER_DATABASE_URL", help="写入此数据库。PostgreSQL URL to write to."
)
@click.option("--json", "as_json", is_flag=True, help="最后输出一行 JSON。End with one JSON line.")
def town_command(cylinders: int, entries: int, seed: int, url: str, *, as_json: bool) -> None:
    """生成城镇：经由真实写入路径写出一座小城，中断后可续。

    A town of three enterprises, nine stations, their vehicles, customers and cylinders, written through the real core
    with real signatures: filled, delivered to the kitchen, brought back. The same seed gives the same entries. Stopped
    and started again, it goes on where it stood; with more --entries it goes on from where it ended.
    """
    console = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _WIDTH)
    migrate(url)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    timing = (TimeElapsedColumn(), TimeRemainingColumn())
    begun = perf_counter()
    with Progress(*columns, *timing, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("写入 writing", total=entries)
        grown = grow(
            url, Story(Plan(cylinders, seed, BEGINS_MS)), entries, lambda done: bar.update(task, completed=done)
        )
    seconds = perf_counter() - begun
    settle(url)
    rate = grown.added / seconds
    console.print(f"共 {grown.entries:,} 条，新写 {grown.added:,} 条，{seconds:.0f} 秒，每秒 {rate:,.0f} 条")
    console.print(f"{grown.entries:,} entries, {grown.added:,} of them new, {seconds:.0f} s, {rate:,.0f}/s")
    if as_json:
        told = {"cylinders": cylinders, "entries": grown.entries, "added": grown.added, "per_s": round(rate)}
        click.echo(mjson.encode(told).decode())
