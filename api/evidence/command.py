"""`ledger evidence`: a part of a published log as one file that anyone can check without asking us.

It is checked before we go, as its receiver will: exit code 1 when the file, though written, would be refused.
"""

import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import get_args
from urllib.parse import quote

import click
from rich.console import Console
from rich.progress import Progress as RichProgress
from rich.progress import TaskID

from api.cylinders import parse_asked
from api.databases import one_origin, open_database
from api.evidence.cited import Asked, cites_of
from api.evidence.collect import Collected, Progress, Source, collect_evidence, cylinder_scope
from api.evidence.times import parse_time
from api.publish.durable import sync_folder, write_durably
from api.publish.plan import read_note_signer
from api.publish.tile_store import TileStore, log_folder
from api.settings import BadSettings
from ledger.errors import Malformed
from ledger.evidence import Kind, Scope, check_scope, pack_evidence
from ledger.note_key import ED25519, NoteSigner
from ledger.policy import Policy, parse_policy
from ledger.store.read import open_engine
from ledger.verify import Unproved, verify

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
REFUSED_EXIT_CODE = 1


@click.command("evidence")
@click.option("--dir", "root", required=True, type=_FOLDER, help="发布目录。Where the log is published.")
@click.option("--policy", required=True, type=_FILE, help="信任策略，原样装入。The log's policy; goes in as it is.")
@click.option("--key", type=_FILE, help="发布私钥，签署链尾。The publishing key; it signs chains' ends.")
@click.option("--cylinder", help="一只气瓶：它现在或曾经的任一编码。A cylinder, by any code it has or had.")
@click.option("--person", help="一个人员，登记编号。A person, by registry id.")
@click.option("--tank-lot", help="一个罐次。A tank lot.")
@click.option("--site", help="一个站点。A site.")
@click.option("--premises", help="一处用气场所。A customer's premises.")
@click.option("--customer", help="一个用户。A customer.")
@click.option("--vehicle", help="一辆车。A vehicle.")
@click.option("--line", help="一条充装线。A filling line.")
@click.option("--recall", help="一次召回或演练。A recall or drill.")
@click.option("--incident", help="一次事故。An incident.")
@click.option("--building", help="一栋楼，全部供气单位。A building, over all enterprises.")
@click.option("--window", is_flag=True, help="一段时间，用 --from 和 --to。All that was recorded from --from to --to.")
@click.option("--whole-log", is_flag=True, help="整个日志，可重放。The whole log, for a replay.")
@click.option("--from", "from_", help="起，含，如 2026-11-22T06:00（中国时间）。From then on; China time.")
@click.option("--to", help="止，不含。Before then.")
@click.option("--known-at", help="当时所知，含。As known then.")
@click.option("--found", multiple=True, help="现场读到的编码，随场所或楼栋。Codes found at the premises or building.")
@click.option("--attachments", type=_FOLDER, help="附件文件夹，按 SHA-256 选取。Files; those that entries name go in.")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, dir_okay=False),
    help="证据文件，*.evidence.zip。The file to write.",
)  # fmt: skip
@click.option("--log", "origin", help="日志名称，默认唯一的那个。The log's origin; the only one unless told.")
@click.option("--data", type=click.Path(path_type=Path), help="内置数据库目录。A directory of the embedded database.")
def evidence_command(
    *, root: Path, policy: Path, key: Path | None, attachments: Path | None, out: Path, origin: str | None,
    data: Path | None, from_: str | None, to: str | None, known_at: str | None, found: tuple[str, ...],
    **scope: str | bool | None,
) -> None:  # fmt: skip
    """导出证据：一只气瓶、一个人员、罐次、站点、场所、用户、车辆、充装线、召回、事故、楼栋，一段时间或整个日志，成为一个可离线核查的文件。

    Write the evidence of a cylinder, a person, a tank lot, a site, premises, a customer, a vehicle, a line, a recall,
    an incident, a building, a window of time or the whole log: one file that anyone checks on a machine of their own
    with `python -m ledger verify FILE --policy POLICY`.
    """
    kind, named = _one_scope(scope)
    if found and kind not in ("premises", "building"):
        raise Malformed("--found 只随 --premises 或 --building", "--found goes with --premises or --building alone")
    from_ms, to_ms, known = (None if text is None else parse_time(text) for text in (from_, to, known_at))
    with ExitStack() as stack:
        url = stack.enter_context(open_database(data))
        log = one_origin(url, origin)
        engine = open_engine(url)
        stack.callback(engine.dispose)
        trust = policy.read_bytes()
        signer = None if key is None else _head_signer(log, key, parse_policy(trust))
        source = Source(engine, log, _published(root, log), trust, signer)
        code = parse_asked(quote(named, safe="")) if kind == "cylinder" else None
        about = Scope(kind, named, from_ms, to_ms) if code is None else cylinder_scope(source, code, from_ms, to_ms)
        check_scope(about)
        cites = cites_of(engine, log, about, Asked(code, known, found), None)
        bar = stack.enter_context(RichProgress(console=Console(stderr=True), transient=True))
        collected = collect_evidence(source, about, cites, attachments=attachments, progress=_shown(bar))
    raw = pack_evidence(collected.evidence)
    _write(out, raw)
    _tell(out, collected)
    proof = verify(raw, trust)
    if isinstance(proof, Unproved):
        click.echo(f"核查不会通过，第 {proof.step} 步：{proof.zh}", err=True)
        click.echo(f"it would be refused at step {proof.step}: {proof.en}", err=True)
        sys.exit(REFUSED_EXIT_CODE)
    click.echo(f"已自查，等级 {proof.level} · checked, level {proof.level}")


def _published(root: Path, log: str) -> TileStore:
    """The log's published files under `root`. BadSettings when there is no checkpoint among them."""
    store = TileStore(log_folder(root, log))
    if store.read_checkpoint() is None:
        raise BadSettings(
            f"{store.folder} 中没有快照：日志尚未发布，或 --dir 不是发布目录",
            f"there is no checkpoint in {store.folder}: nothing is published yet, or --dir is not where it is",
        )
    return store


def _head_signer(log: str, key: Path, policy: Policy) -> NoteSigner:
    """Who signs where chains end: a key that the policy lists, so that it will be believed. BadSettings otherwise."""
    signer = read_note_signer(log, key)
    if signer.key.kind != ED25519 or signer.key not in [one.key for one in policy.logs]:
        raise BadSettings(
            f"{key} 不是信任策略中该日志的 Ed25519 密钥", f"{key} is not the log's Ed25519 key that the policy lists"
        )
    return signer


def _one_scope(options: dict[str, str | bool | None]) -> tuple[Kind, str]:
    """The one scope that is named; Malformed when it is none or several."""
    kinds: dict[str, Kind] = {one: one for one in get_args(Kind) if one != "log"} | {"whole_log": "log"}
    given = [name for name in kinds if options[name]]
    if len(given) != 1:
        raise Malformed(
            f"请指明一个范围：{_options(kinds, '、', '或')}",
            f"name one scope: {_options(kinds, ', ', 'or')}",
        )
    named = options[given[0]]
    return kinds[given[0]], named if isinstance(named, str) else ""


def _options(kinds: Iterable[str], comma: str, last: str) -> str:
    *options, end = (f"--{one.replace('_', '-')}" for one in kinds)
    return f"{comma.join(options)} {last} {end}"


def _shown(bar: RichProgress) -> Progress:
    tasks: dict[str, TaskID] = {}

    def show(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total)
        bar.update(tasks[what], completed=done, total=total)

    return show


def _write(out: Path, raw: bytes) -> None:
    try:
        write_durably(out, raw)
        sync_folder(out.parent)
    except OSError as error:
        raise Malformed(f"无法写入 {out}：{error.strerror}", f"cannot write {out}: {error.strerror}") from error


def _tell(out: Path, collected: Collected) -> None:
    evidence, size = collected.evidence, collected.final.head.size
    click.echo(
        f"证据已写入 · written: {out}（截至第 {size} 条的快照 as of the checkpoint of {size}；"
        f"条目 entries {len(evidence.entries)}，签名包 bundles {len(evidence.bundles)}，"
        f"附件 attachments {len(evidence.attachments)}）"
    )
    if collected.waiting:
        click.echo(
            f"另有 {collected.waiting} 条已入账，快照尚未覆盖 · {collected.waiting} more are committed and not yet "
            "covered by a checkpoint",
            err=True,
        )
    if not evidence.heads:
        click.echo(
            "没有链尾声明（--key），看不出末尾有没有被截 · no signed ends of chains (--key): a cut tail would not show",
            err=True,
        )
