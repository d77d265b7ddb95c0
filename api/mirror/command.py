"""`ledger mirror`: follow a log, check it, and keep all its entries.

Exit codes: 0 done, or told to end; 1 a fork or a roll-back; 2 it cannot go on: token, settings, disk, or the network.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from api.client import token_in
from api.mirror import mirror
from api.mirror.conflict import Contradicted
from api.mirror.mirror import Mirror, Mirrored
from api.mirror.source import Source
from api.settings import BadSettings
from api.witness.command import log_keys
from ledger.errors import BadProof, BadSignature, Busy, Malformed
from ledger.policy import NONE, Log, Policy, parse_policy

DIFFERS = 1
PATIENCE_S = 60.0
_LONG = 20_000  # entries that are worth a bar


@click.command("mirror")
@click.argument("url")
@click.option("--log", "vkeys", multiple=True, help="日志的验证公钥，可多次。A vkey of the log; may be repeated.")
@click.option(
    "--policy", type=click.Path(path_type=Path, dir_okay=False), help="信任策略：公钥与见证法定数。Keys and quorum."
)
@click.option(
    "--dir", "root", required=True, type=click.Path(path_type=Path, file_okay=False),
    help="镜像放在哪里。Where the mirror is kept.",
)  # fmt: skip
@click.option("--once", is_flag=True, help="取到最新即结束。Take over what there is, then end.")
@click.option(
    "--every", "every_s", type=click.FloatRange(0.01, 86_400), default=5.0, show_default=True,
    help="两次询问的间隔，秒。Seconds between two looks.",
)  # fmt: skip
def mirror_command(
    *, url: str, vkeys: tuple[str, ...], policy: Path | None, root: Path, once: bool, every_s: float
) -> None:
    """跟随一个日志：核对签名、只增不改、每条内容，全部留存。

    URL 是服务地址；令牌（可查全部站点）放在 LEDGER_TOKEN。日志分叉或回退即以 1 退出，两份快照存为证据；
    令牌、设置、磁盘不对，或 --once 时网络不通、内容不符，为 2。

    Follow a log: check its signatures, that it only appends, and every entry, and keep it all in the layout of a
    published log. URL is that of the server; LEDGER_TOKEN holds a token for all sites. A fork or a roll-back ends it
    with exit code 1, both notes kept as evidence; a wrong token, setting or disk, and with --once the network or an
    answer that is not right, with 2.
    """
    origin, trusted = _whom(vkeys, policy)
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    try:
        with (
            _bar() as progress,
            Source(url, origin, token_in(os.environ)) as source,
            mirror.opened(
                source, root, origin, trusted, patience_s=0.0 if once else PATIENCE_S, progress=progress
            ) as ours,
        ):
            _follow(ours, ending, once=once, every_s=every_s, judged=policy is not None)
    except Contradicted as found:
        click.echo(f"{found.zh}\n{found.en}", err=True)
        sys.exit(DIFFERS)
    except OSError as error:  # left alone it would end with the exit code of a fork
        raise BadSettings(f"镜像无法继续：{error}", f"the mirror cannot go on: {error}") from error


def _follow(ours: Mirror, ending: threading.Event, *, once: bool, every_s: float, judged: bool) -> None:
    """Step until told to end, or once. Faults as a step's; what may pass is told and tried again unless it is once."""
    trouble = ""
    while not ending.is_set():
        try:
            mirrored = ours.step()
        except (Busy, BadProof, BadSignature, Malformed) as error:
            if once:
                raise
            if trouble != error.en:
                click.echo(f"{error.zh}；稍后再试\n{error.en}; trying again", err=True)
            trouble = error.en
        else:
            trouble = ""
            if mirrored is not None:
                click.echo(_line(mirrored, judged=judged))
            if once:
                return
        ending.wait(every_s)


def _whom(vkeys: tuple[str, ...], path: Path | None) -> tuple[str, Policy]:
    """The log's origin, and the policy to judge its checkpoints by; keys alone make one without witnesses."""
    keys = log_keys(vkeys, path)
    policy = Policy((), (), (), NONE) if path is None else parse_policy(path.read_bytes())
    named = log_keys(vkeys, None) if vkeys else keys
    origins = {key.name for key in named}
    if len(origins) != 1:
        raise BadSettings(
            "一次镜像一个日志，请用 --log 指明它的公钥", "a mirror is of one log; name its vkeys with --log"
        )
    return origins.pop(), Policy(tuple(map(Log, keys)), policy.witnesses, policy.groups, policy.quorum)


def _line(mirrored: Mirrored, *, judged: bool) -> str:
    head, standing = mirrored.checkpoint.head, mirrored.standing
    if not judged:
        mark = "未给信任策略，未核见证 · no policy: witnesses not judged"
    elif standing.quorum:
        mark = f"见证足数 · witnessed by {len(standing.cosigned_s)}, quorum met"
    else:
        mark = f"见证不足 · WITHOUT QUORUM, witnessed by {len(standing.cosigned_s)}"
    return f"已镜像 mirrored {head.origin} {head.size} {head.root.hex()} ({mark})"


@contextmanager
def _bar() -> Iterator[mirror.Progress]:
    """A bar on standard error for a long fetch, none for a few entries."""
    columns = (
        TextColumn("镜像 mirror"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    bar: Progress | None = None

    def progress(done: int, total: int) -> None:
        nonlocal bar
        if bar is None and total - done >= _LONG:
            bar = Progress(*columns, console=Console(file=sys.stderr), auto_refresh=False)
            bar.start()
            bar.add_task("", total=total)
        if bar is not None:
            bar.update(bar.task_ids[0], completed=done, total=total, refresh=True)
        if bar is not None and done == total:
            bar.stop()
            bar = None

    try:
        yield progress
    finally:
        if bar is not None:
            bar.stop()
