"""`ledger alerts`: read what of a log was not read yet, and list its alerts."""

import time
from pathlib import Path

import click
from msgspec import json as mjson
from rich.console import Console
from rich.progress import Progress

from api.alerts.shown import AlertView, alert_views
from api.databases import one_origin, open_database
from api.evidence.times import parse_time
from api.serve import real_clock
from ledger.errors import Busy
from ledger.signals.signal import RULE_OF
from ledger.store.alerts import Follower, alerts_between
from ledger.store.read import ALL_SITES, log_state, open_engine, reading

_PAGE = 500
_PATIENCE_S, _ASK_S = 10.0, 0.2


@click.command("alerts")
@click.option("--data", type=click.Path(path_type=Path), help="内置数据库目录。A directory of the embedded database.")
@click.option("--log", "origin", help="日志名称，默认唯一的那个。The log's origin.")
@click.option("--kind", type=click.Choice(list(RULE_OF)), help="只列此种。Only this kind.")
@click.option("--status", type=click.Choice(["open", "settled"]), help="未处置或已处置。Open or settled only.")
@click.option("--from", "since", help="此时起，如 2026-11-22。Raised from then on, China's time.")
@click.option("--rebuild", is_flag=True, help="先由第 0 条重读。Forget all and read again from entry 0 first.")
@click.option("--json", "as_json", is_flag=True, help="每条警报一行 JSON。One JSON line an alert.")
def alerts_command(
    data: Path | None, origin: str | None, kind: str | None, status: str | None, since: str | None, *, rebuild: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """警报：记录之间的矛盾与疑似舞弊。

    Alerts: what entries contradict, and what looks like fraud. They are made from the log alone: reading it again from
    entry 0 gives the same ones.
    """
    with open_database(data) as url:
        name = one_origin(url, origin)
        _read_on(url, name, rebuild=rebuild)
        listed = _listed(url, name, kind, status, 0 if since is None else parse_time(since))
        for shown in listed:
            click.echo(mjson.encode(shown).decode() if as_json else _lines(shown))
        if not listed and not as_json:
            click.echo("没有 · none")


def _read_on(url: str, origin: str, *, rebuild: bool) -> None:
    console = Console(stderr=True)
    with (
        Follower(url, origin) as follower,
        Progress(console=console, transient=True, disable=not console.is_terminal) as bar,
    ):
        task = bar.add_task(f"读取 reading {origin}", total=None)
        anew, until, done = rebuild, time.monotonic() + _PATIENCE_S, False
        while not done and time.monotonic() < until:
            followed = follower.step(anew=anew)
            if followed is None:  # a server that serves this log reads a slice
                time.sleep(_ASK_S)
                continue
            anew, until, done = False, time.monotonic() + _PATIENCE_S, followed.done
            bar.update(task, completed=followed.read, total=followed.size)
    if anew:
        raise Busy("另有进程正在读取，未能重读，请稍后再试", "another process reads; nothing was read again, try later")
    if not done:
        console.print("另有进程正在读取，以下可能尚缺最新。Another process reads on; the newest may be missing below.")


def _listed(url: str, origin: str, kind: str | None, status: str | None, since: int) -> list[AlertView]:
    engine, found = open_engine(url), list[AlertView]()
    try:
        with reading(engine, ALL_SITES) as connection:
            log_id, after = log_state(connection, origin).log_id, (-1, "")
            while True:
                page = alerts_between(
                    connection, log_id, kind=kind, status=status, since=since, after=after, limit=_PAGE
                )
                found += alert_views(connection, log_id, page, real_clock())
                if len(page) < _PAGE:
                    return found
                after = page[-1].raised, page[-1].alert
    finally:
        engine.dispose()


def _lines(shown: AlertView) -> str:
    """What kind and since when; all of it in a sentence, Chinese, then English; the entries that show it."""
    entries = " ".join(f"#{entry}" for entry in shown.entries)
    head = f"{shown.alert}  {shown.raised_at_text}  {shown.zh} · {shown.en}"
    return f"{head}\n    {shown.told_zh}\n    {shown.told_en}\n    {entries}"
