"""`ledger recall`, `ledger drill`, `ledger incident`: what they come to, from a database or from a running server."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import click
import httpx
from msgspec import Struct, json

from api.client import ask, open_client, token_in
from api.databases import one_origin, open_database
from api.recall.incident import IncidentReport, IncidentSummary, incident_report, incident_summaries
from api.recall.report import RecallReport, RecallSummary, recall_report, recall_summaries
from api.recall.routes import Incidents, Recalls
from api.recall.rows import tell_incident, tell_recall
from api.recall.text import incidents_lines, recalls_lines
from api.serve import real_clock
from api.trace.telling import Telling
from api.trace.writing import OUTPUT, write_out
from ledger.errors import NotFound
from ledger.store.read import ALL_SITES, Connection, LogState, log_state, open_engine, reading

_TIMEOUT_S = 60
T = TypeVar("T", bound=Struct)

_OPTIONS = (
    click.option(
        "--url",
        help="向运行中的服务查询，如 http://127.0.0.1:8000；令牌放进环境变量 LEDGER_TOKEN。"
        "Ask a running server; a token that it takes stands in the environment variable LEDGER_TOKEN.",
    ),
    click.option("--data", type=click.Path(path_type=Path), help="内置数据库目录。An embedded database."),
    click.option("--log", "origin", help="日志名称，默认唯一的那个。The log's origin; the only one unless told."),
    *OUTPUT,
)
_Command = Callable[..., None]
_Where = tuple[str | None, Path | None, str | None]
"""The server's URL, the embedded database's directory, the log's origin."""
_How = tuple[str, Path | None]
"""The format, and the file to write to."""


def _with_options(command: _Command) -> _Command:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command("recall")
@click.argument("recall", required=False, metavar="[ID]")
@_with_options
def recall_command(
    *, recall: str | None, url: str | None, data: Path | None, origin: str | None, written: str, out: Path | None
) -> None:  # fmt: skip
    """召回：涉及哪些气瓶、现在谁手里、各企业是否按时确认、收回了多少；不给编号则列出全部。

    A recall: which cylinders, who holds them now, which enterprises acknowledged in time, how many are back. Without an
    id it lists them. File one with `ledger file`.
    """
    _recall(recall, (url, data, origin), (written, out), drill=False)


@click.command("drill")
@click.argument("drill", required=False, metavar="[ID]")
@_with_options
def drill_command(
    *, drill: str | None, url: str | None, data: Path | None, origin: str | None, written: str, out: Path | None
) -> None:  # fmt: skip
    """召回演练：同召回，但不拦任何气瓶；计时，并按站点和罐次核对质量平衡。

    A drill: as a recall, but no gate closes; it is timed, and the mass is balanced by station and tank lot. File one
    with `ledger file`, as a recall with `"drill": true`.
    """
    _recall(drill, (url, data, origin), (written, out), drill=True)


@click.command("incident")
@click.argument("incident", required=False, metavar="[ID]")
@_with_options
def incident_command(
    *, incident: str | None, url: str | None, data: Path | None, origin: str | None, written: str, out: Path | None
) -> None:  # fmt: skip
    """事故：冻结了哪些充装秤、罐次、站点库存和车辆，拦住哪些气瓶；不给编号则列出全部。

    An incident: which scales, tank lots, stock and vehicles it holds, and which cylinders it keeps back. Without an id
    it lists them. Opened and lifted with `ledger file`.
    """
    where = url, data, origin
    if incident is None:
        known = _answer(where, "/incidents", Incidents, lambda connection, log: Incidents(
            log.origin, incident_summaries(connection, log)
        )).incidents  # fmt: skip
        write_out(_listed(known, incidents_lines(known), written), written, out)
        return
    report = _answer(
        where, f"/incidents/{incident}", IncidentReport,
        lambda connection, log: incident_report(connection, log, incident),
    )  # fmt: skip
    write_out(tell_incident(report), written, out)


def _recall(name: str | None, where: _Where, how: _How, *, drill: bool) -> None:
    written, out = how
    if name is None:
        known = _answer(where, "/recalls", Recalls, lambda connection, log: Recalls(
            log.origin, recall_summaries(connection, log)
        )).recalls  # fmt: skip
        known = [one for one in known if one.drill == drill]
        write_out(_listed(known, recalls_lines(known), written), written, out)
        return
    report = _answer(
        where, f"/recalls/{name}", RecallReport,
        lambda connection, log: recall_report(connection, log, name, real_clock()),
    )  # fmt: skip
    if report.summary.drill != drill:
        right = "drill" if report.summary.drill else "recall"
        raise NotFound(f"{name} 请用 ledger {right} 查看", f"{name} is a {right}: ask ledger {right}")
    write_out(tell_recall(report), written, out)


def _listed(known: list[RecallSummary] | list[IncidentSummary], lines: Iterator[str], written: str) -> Telling:
    """All of them, as lines or as JSON."""
    if written not in ("text", "json"):
        raise click.UsageError("表格按编号逐个导出，请给出编号；a table is of one of them: name its id")
    return Telling(iter((json.encode(known),)), (), iter(()), lines)


def _answer(where: _Where, path: str, kind: type[T], read: Callable[[Connection, LogState], T]) -> T:
    """What the server answers there, if one is named; else what `read` finds in the database."""
    url, data, origin = where
    if url is not None:
        query = "" if origin is None else f"?{httpx.QueryParams({'log': origin})}"
        with open_client(url, token_in(os.environ), _TIMEOUT_S) as http:
            return json.decode(ask(http, "GET", f"{path}{query}").content, type=kind)
    with ExitStack() as stack:
        database = stack.enter_context(open_database(data))
        name = one_origin(database, origin)
        engine = open_engine(database)
        stack.callback(engine.dispose)
        connection = stack.enter_context(reading(engine, ALL_SITES))
        return read(connection, log_state(connection, name))
