"""`ledger bench`: how fast this machine is, beside other ways to keep the same, on embedded PostgreSQL as it comes.

Three processes: the load generator, the server, PostgreSQL. Bundles are signed before the clock starts; the rules are
all on; one answer that is not a plain acceptance and the bench fails without a figure.
"""

import sys
import tempfile
from pathlib import Path
from time import perf_counter

import click
import msgspec
from msgspec import structs
from rich.console import Console

from api.bench.processes import Failed, Servers
from api.bench.report import Machine, Row, machine, table
from api.bench.rows import ROWS
from api.bench.setting import FULL, QUICK, Setting, Size, child_environment
from ledger.store.bench import has_eventsourcing, server_version
from ledger.store.embedded import EmbeddedServer

_WIDTH = 110
_OPTIONAL = ("eventsourcing_single", "eventsourcing_batch")


def _chosen(_context: click.Context, _parameter: click.Parameter, value: str | None) -> list[str]:
    """The names in `--rows`, in the table's order; all of them when left out."""
    names = list(ROWS) if value is None else [name.strip() for name in value.split(",")]
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        raise click.BadParameter(f"{', '.join(unknown)}; 可选 one of: {', '.join(ROWS)}")
    return [name for name in ROWS if name in names]


@click.command("bench")
@click.option("--quick", is_flag=True, help="小规模试跑，数据无意义。Everything small: the figures mean nothing.")
@click.option("--rows", "names", metavar="NAME,…", callback=_chosen, help="只测这些项。Only these rows.")
@click.option("--entries", type=click.IntRange(min=1_000), help="trace_1m 的日志条数。Entries in trace_1m's log.")
@click.option("--town", type=click.IntRange(min=10_000), help="生成城镇的条数。Entries in the generated town.")
@click.option("--data", type=click.Path(path_type=Path), help="在此目录下建临时库。Make the database under here.")
@click.option("--json", "as_json", is_flag=True, help="最后输出一行 JSON。End with one JSON line.")
def bench_command(
    names: list[str], entries: int | None, town: int | None, data: Path | None, *, quick: bool, as_json: bool
) -> None:
    """压测：在内置数据库上测量写入、追溯与审计的速度，并与其他方案对照。

    Measure submitting, tracing and auditing on the embedded database, beside other ways to keep the same bytes. Takes
    half an hour or so, most of it to fill and send.
    """
    console = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _WIDTH)
    size = QUICK if quick else FULL
    if entries is not None:
        size = structs.replace(size, trace_entries=entries)
    if town is not None:
        size = structs.replace(size, town_entries=town)
    if not has_eventsourcing():
        names = [name for name in names if name not in _OPTIONAL]
        console.print("[yellow]未安装 eventsourcing，略去其对照项。eventsourcing is not installed: rows left out.[/]")
    try:
        with tempfile.TemporaryDirectory(prefix="ledger-bench-", dir=data) as folder:
            found, here = _measure(console, size, names, Path(folder))
    except Failed as failed:
        console.print(f"压测失败 the bench failed: {failed}", markup=False, style="red")
        sys.exit(1)
    console.print(table(found))
    console.print(str(here), markup=False)
    if as_json:
        click.echo(msgspec.json.encode({"rows": found, "machine": here}))


def _measure(console: Console, size: Size, names: list[str], folder: Path) -> tuple[list[Row], Machine]:
    found: list[Row] = []
    environment = child_environment(folder)
    with Servers(environment) as servers, EmbeddedServer(folder) as server:
        here = machine(folder, server_version(server.url()))
        console.print("登记示例城镇… filing the town")
        setting = Setting(server, servers, environment, size, console, folder=folder)
        for name in names:
            begun = perf_counter()
            console.print(f"{name} …")
            one = ROWS[name](name, setting)
            console.print(f"  {one.per_s:,.0f}/s, 用时 took {perf_counter() - begun:.1f} s")
            found.append(one)
    return found, here
