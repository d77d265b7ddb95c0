"""`ledger import`: a fleet file on trial, or into a log; what became of every row, and what to mend."""

import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
import msgspec

from api.fleet.fields import Owners
from api.fleet.intake import owners_in, take_in
from api.fleet.journal import Journal, State
from api.fleet.mapping import Mapping, read_mapping
from api.fleet.progress import Bars
from api.fleet.registrations import write_registrations
from api.fleet.report import Outcome, Summary, summarise, write_json
from api.fleet.sending import Office, Submit, send
from api.fleet.texts import why
from api.fleet.trial import LOG, enterprises_of, running_trial
from api.fleet.workbook import write_workbook
from ledger.claim import CUSTOMER
from ledger.errors import Malformed

if TYPE_CHECKING:
    from api.fleet.remote import Remote

_CHUNK = 1 << 20
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


class _Run(NamedTuple):
    """What one run was asked, and its progress."""

    file: Path
    mapping: Mapping
    what: dict[str, object]
    bars: Bars


@click.command("import")
@click.argument("file", type=_FILE)
@click.option("--mapping", "mapping_file", type=_FILE, help="对照文件（TOML）。What this station's words mean.")
@click.option("--url", help="服务地址；不写就是试导入。The server's URL; without it this is a trial.")
@click.option(
    "--key", "keys", type=_FILE, multiple=True, help="办公室私钥，可多个。An office's key; several may be given."
)
@click.option("--log", "origin", help="日志名称，默认唯一的那个。The log's origin; the only one unless told.")
@click.option(
    "--report", type=click.Path(path_type=Path, dir_okay=False), help="报告，默认 FILE.import.xlsx。The report."
)
@click.option("--json", "as_json", is_flag=True, help="最后输出一行 JSON。End with one JSON line.")
def import_command(
    file: Path, mapping_file: Path | None, *, url: str | None, keys: tuple[Path, ...], origin: str | None,
    report: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """导入气瓶台账（CSV 或 XLSX）：每行或登记，或隔离并说明原因，从不猜测。不写 --url 是试导入，什么都不留。

    Import a fleet file: every row is registered, or quarantined with a reason; nothing is guessed. Without --url it is
    a trial, and nothing but the report is kept. A killed import goes on where it was: give the same command again. If
    the server asks for a token, put it into the environment variable LEDGER_TOKEN.
    """
    report = report or file.with_name(f"{file.name}.import.xlsx")
    if report.resolve() == file.resolve():
        raise Malformed(
            "报告不能写到原文件上，请换 --report", "the report would overwrite the file: give another --report"
        )
    if bool(url) != bool(keys):
        raise Malformed("正式导入要同时写 --url 和 --key", "a real import takes both --url and --key")
    mapping = read_mapping(mapping_file)
    what: dict[str, object] = {"file": file.name, "sha256": _digest(file), "mapping": _digest(mapping_file)}
    with Bars() as bars:
        run = _Run(file, mapping, what, bars)
        summary = _real(run, url, keys, origin, report) if url else _trial(run, report)
    _tell(summary, report)
    if as_json:
        told = Outcome(summary.rows, summary.registered, summary.quarantined)
        click.echo(msgspec.json.encode(told))


def _trial(run: _Run, report: Path) -> Summary:
    names = owners_in(run.file, run.mapping)
    enterprises = enterprises_of(names, run.mapping)
    offices = frozenset(one.id for one in enterprises.values() if one.id != CUSTOMER)
    owners = {one.name: one.id for one in enterprises.values()}
    told = "；".join(f"{name} = {one}" for name, one in owners.items()) or "没有 none"
    click.echo(f"试导入，以这些单位为产权单位 · a trial, in which these are enterprises: {told}")
    what = run.what | {"trial": True, "log": LOG, "owners": owners}
    by_name = {key: one.id for key, one in enterprises.items()}
    with (
        tempfile.TemporaryDirectory(prefix="ledger-trial-") as folder,
        Journal(Path(folder, "journal.sqlite"), durable=False) as journal,
    ):
        journal.keep("what", what)
        _read(run, journal, Owners(by_name, offices))
        with running_trial(list(enterprises.values()), _clock) as trial:
            _register(run, journal, LOG, trial.offices, trial.submit)
        return _report(run, journal, report)


def _real(run: _Run, url: str, keys: Iterable[Path], origin: str | None, report: Path) -> Summary:
    from api.client import token_in  # noqa: PLC0415 - a trial begins sooner without the web's modules
    from api.fleet.remote import KeyFile, Remote  # noqa: PLC0415

    folder = run.file.with_name(f"{run.file.name}.import")
    with Remote(url, origin, token_in(os.environ), _clock) as remote:
        offices = [remote.find_office(KeyFile(path)) for path in keys]
        if len({one.enterprise for one in offices}) < len(offices):
            raise Malformed("同一单位给了两个密钥，请只留一个", "two keys of one enterprise: give one of them")
        with Journal(folder / "journal.sqlite") as journal, _alone(folder / "lock"):
            owners = _owners(run, remote, offices)
            signers = sorted(one.signer for one in offices)
            what = run.what | {"trial": False, "log": remote.log, "owners": owners.by_name, "signers": signers}
            _check_same(journal, what, folder)
            if journal.meta("taken") is None:
                _read(run, journal, owners)
            _register(run, journal, remote.log, offices, remote.submit)
            for path in write_registrations(journal, run.file):
                click.echo(f"请监管机构核对后用 ledger file 签署 · for the authority to look at and sign: {path}")
            return _report(run, journal, report)


def _owners(run: _Run, remote: "Remote", offices: Iterable[Office]) -> Owners:
    registered = remote.enterprises()
    known = {*registered.values(), CUSTOMER}
    if unknown := sorted({one for one in run.mapping.owners.values() if one not in known}):
        raise Malformed(
            f"对照文件 [owners] 里的单位未在日志登记：{', '.join(unknown)}",
            f"the mapping file's [owners] names enterprises that the log does not know: {', '.join(unknown)}",
        )
    return Owners(registered | run.mapping.owners, frozenset(one.enterprise for one in offices))


def _check_same(journal: Journal, what: dict[str, object], folder: Path) -> None:
    """Keep what this import is; Malformed when the journal is of another. Who is registered may change meanwhile."""
    began = journal.meta("what")
    if began is None:
        with journal.transaction():
            journal.keep("what", what)
        return
    changed = [name for name in what if name != "owners" and began[name] != what[name]]
    if changed:
        raise Malformed(
            f"{folder} 里是一次已开始的导入，与这次不同（{', '.join(changed)}）。文件改过就换个文件名再导入；"
            f"删去 {folder} 则从头来，已登记的会被拒，不会登记两次",
            f"{folder} holds an import that was begun with another {', '.join(changed)}. Give a changed file another "
            f"name; or remove {folder} to begin anew: what was registered is then refused, never registered twice",
        )


def _read(run: _Run, journal: Journal, owners: Owners) -> None:
    with run.bars.task("读取 reading", None) as advance:
        for taken in take_in(journal, run.file, run.mapping, owners, _clock):
            advance(taken)


def _register(run: _Run, journal: Journal, log: str, offices: Iterable[Office], submit: Submit) -> None:
    waiting = journal.count(State.READY) + journal.count(State.SENT)
    with run.bars.task("登记 registering", waiting) as advance:
        done = 0
        for office in offices:
            for settled in send(journal, log, office, submit, _clock):
                done += settled
                advance(done)


def _report(run: _Run, journal: Journal, report: Path) -> Summary:
    assert journal.count(State.READY) + journal.count(State.SENT) == 0, "every row is settled"
    summary = summarise(journal)
    assert summary.rows == summary.registered + sum(summary.quarantined.values()), "each row is one of the two"
    with run.bars.task("写报告 writing the report", None):
        write_json(journal, summary, run.file.with_name(f"{run.file.name}.import.json"))
        write_workbook(journal, summary, report)
    return summary


def _tell(summary: Summary, report: Path) -> None:
    unused = "、".join(summary.columns_not_used)
    if unused:
        click.echo(f"未用的列 · columns not used: {unused}")
    quarantined = summary.rows - summary.registered
    click.echo(
        f"{summary.rows} 行：登记 {summary.registered}，隔离 {quarantined} · "
        f"{summary.rows} rows: {summary.registered} registered, {quarantined} quarantined"
    )
    for code, many in summary.quarantined.items():
        said = why(code)
        click.echo(f"  {many:>7}  {code}  {said.zh} · {said.en}")
    click.echo(f"报告 report: {report}")


def _digest(path: Path | None) -> str:
    """SHA-256 of a file, of nothing for none."""
    digest = hashlib.sha256()
    if path is not None:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def _clock() -> int:
    return time.time_ns() // 1_000_000


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the journal's lock; Malformed while another process imports the same file."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Malformed("另一个进程正在导入这个文件", "another process is importing this file") from error
        yield
