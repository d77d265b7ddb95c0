"""`ledger demo`: a small city, a shift, every kind of violation planted, and a verdict on whether each was met.

    embedded database → migrate → open the log → registry, cylinders, stock count → server and agents as processes
        → a shift over HTTP, by a scaled clock, from the depots to the kitchens and back → an explosion, and nine
        questions → planted against found, alerts too → one cylinder's story → audit → published, witnessed, one
        cylinder's evidence verified twice, everything replayed → one JSON line

Everything but the JSON line goes to standard error.
"""

import asyncio
import signal
import sys
import time
from pathlib import Path

import click
from rich.console import Console

from api.databases import keep_or_pass, open_database
from api.demo.city import City, build_city
from api.demo.city_supply import CUSTOMERS
from api.demo.day import DemoDay, Outcome
from api.demo.plant_day import plan_day
from api.demo.town import found_city
from api.demo.view import show_alerts, show_inquiry, show_proof, show_story, show_verdict

_DIRECTORY = click.Path(file_okay=False, path_type=Path)


@click.command("demo")
@click.option("--once", is_flag=True, help="演示完即退出。Exit when done.")
@click.option("--seed", default=7, show_default=True, help="随机种子，换一座城。Another seed, another city.")
@click.option("--keep", type=_DIRECTORY, help="数据留在此目录（须为空）。Leave the database in this empty directory.")
@click.option(
    "--customers",
    default=CUSTOMERS,
    show_default=True,
    type=click.IntRange(1_200, 20_000),
    help="用户数。How many customers.",
)
def demo_command(*, once: bool, seed: int, customers: int, keep: Path | None) -> None:
    """演示：一座小城、一个早班、各类违规逐一查获。

    A small city, a morning shift over HTTP, violations of every kind, and whether each met its rule. Ends with one JSON
    line; exit code 1 if anything was missed, wrongly refused, or failed the audit.
    """
    console = Console(stderr=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # however it is told to end, its processes end with it
    try:
        with keep_or_pass(keep, "ledger-demo-") as folder, open_database(folder) as url:
            good = _run(console, folder, url, build_city(seed, customers), once=once)
    except KeyboardInterrupt:
        console.print("已停止 · stopped")
        sys.exit(130)
    if keep is not None:
        console.print(f"数据留在 {keep}，可用 ledger audit --data {keep} 审计 · it is kept there", highlight=False)
    sys.exit(0 if good else 1)


def _run(console: Console, folder: Path, url: str, city: City, *, once: bool) -> bool:
    started = time.monotonic()
    planting = plan_day(city)
    with console.status("建城：登记、打印标签、盘点 founding the city") as status:
        entries = found_city(
            url, city, planting, lambda done: status.update(f"建城 founding the city: {done} 条记录 entries")
        )
    seconds = time.monotonic() - started
    console.print(
        f"南通示范城（种子 {city.seed}）：{len(city.cylinders)} 只气瓶，{len(city.customers)} 户用户，"
        f"{entries} 条记录已入账，{seconds:.1f} 秒 · a city of seed {city.seed}: {len(city.cylinders)} cylinders, "
        f"{len(city.customers)} customers, {entries} entries",
        highlight=False,
    )
    work = folder / "demo"
    work.mkdir(mode=0o700, exist_ok=True)

    def tell(outcome: Outcome) -> None:
        _tell(console, outcome, time.monotonic() - started, once=once)

    return asyncio.run(DemoDay(console, work, url, city, planting, kept=folder).run(tell, once=once)).ok


def _tell(console: Console, outcome: Outcome, seconds: float, *, once: bool) -> None:
    """The comparison, the story, the audit, an address that lasts; and the JSON line, alone on standard output."""
    show_story(console, outcome.code, outcome.story)
    show_verdict(console, outcome.verdict)
    console.print(f"全程合规、装车出库的气瓶 cylinders that passed every gate and were loaded: {outcome.loaded}")
    console.print(
        f"当日送到厨房、空瓶回站 filled, brought to a kitchen, and an empty back at the station: {outcome.hauled}"
    )
    show_alerts(console, outcome.alerts)
    show_inquiry(console, outcome.inquiry)
    colour = "green" if outcome.audit == "ok" else "red"
    console.print(f"审计 audit: [{colour}]{outcome.audit}[/]，{outcome.entries} 条记录 entries")
    show_proof(console, outcome.proof)
    console.print(f"全程 all of it: {seconds:.1f} 秒 s", highlight=False)
    if not once:
        console.print(
            f"服务地址 server: {outcome.url}，接口文档 its documentation: {outcome.url}/docs", highlight=False
        )
    click.echo(outcome.line())
