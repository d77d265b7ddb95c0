"""`ledger audit`: the whole log read, hashed, decided and folded again, and every cached row compared with it."""

import json
import sys
from contextlib import ExitStack
from pathlib import Path

import click
from msgspec import to_builtins
from rich.console import Console
from rich.progress import Progress

from api.databases import open_database
from ledger.store.audit import Report, audit
from ledger.store.read import hosted_origins


@click.command("audit")
@click.option("--data", type=click.Path(path_type=Path), help="内置数据库目录。A directory of the embedded database.")
@click.option("--log", "origin", help="日志名称，默认全部。The log's origin; all of them when left out.")
@click.option("--json", "as_json", is_flag=True, help="最后输出一行 JSON。End with one JSON line.")
def audit_command(data: Path | None, origin: str | None, *, as_json: bool) -> None:
    """重读、重算、重新裁决全部记录，并核对每张缓存表。

    Re-read, re-hash, re-decide and re-fold everything, and compare every cached table. Exit code 0 when all is as the
    log says, 1 when anything differs.
    """
    console = Console(stderr=True)
    with ExitStack() as stack:
        url = stack.enter_context(open_database(data))
        hosted = hosted_origins(url)
        origins = hosted if origin is None else [origin]
        reports = [_with_progress(console, url, one) for one in origins]
    findings = [{"log": report.log, **to_builtins(found)} for report in reports for found in report.findings]
    for report in reports:
        _tell(console, report)
    if as_json:
        verdict = {
            "audit": "failed" if findings else "ok",
            "entries": sum(report.entries for report in reports),
            "findings": findings,
        }
        click.echo(json.dumps(verdict, ensure_ascii=False))
    sys.exit(1 if findings else 0)


def _with_progress(console: Console, url: str, origin: str) -> Report:
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(f"审计 audit {origin}", total=None)
        return audit(url, origin, lambda done, total: bar.update(task, completed=done, total=total))


def _tell(console: Console, report: Report) -> None:
    console.print(f"{report.log}: {report.entries} 条 entries, root {report.root}", highlight=False)
    if report.ok:
        console.print("[green]审计通过，与日志完全一致。Audit ok: everything is as the log says.[/]")
        return
    console.print(f"[red]审计不通过：{len(report.findings)} 处不符。Audit failed: {len(report.findings)} findings.[/]")
    for found in report.findings:
        console.print(f"  {found.table} {found.row}: {found.what}", markup=False, highlight=False)
