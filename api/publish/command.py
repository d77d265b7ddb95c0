"""`ledger publish`: one log of the database as static files and checkpoints. `ledger vkey`: its keys for a policy."""

import signal
from contextlib import ExitStack
from pathlib import Path

import click

from api.databases import one_origin, open_database
from api.publish.loop import Loop, Status
from api.publish.plan import TSA_EVERY_S, Plan, read_note_signer
from api.publish.publisher import Clock, Published, opened
from api.publish.recheck import Recheck
from api.serve import real_clock
from api.settings import BadSettings
from ledger.errors import Busy
from ledger.note_key import format_vkey, is_name
from ledger.store.read import Engine, open_engine

_KEY = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("publish")
@click.option("--key", required=True, type=_KEY, help="Ed25519 发布私钥（PEM）。The Ed25519 key for checkpoints.")
@click.option("--pq-key", type=_KEY, help="ML-DSA-44 发布私钥（PEM）。The ML-DSA-44 key, a second signature.")
@click.option("--retiring-key", type=_KEY, help="换钥期间，旧的 Ed25519 私钥。The key of before, while keys change.")
@click.option(
    "--dir", "root", required=True, type=click.Path(path_type=Path, file_okay=False),
    help="发布目录。Where the static files go.",
)  # fmt: skip
@click.option(
    "--state", required=True, type=click.Path(path_type=Path, dir_okay=False),
    help="状态文件：上次签了什么；不入备份。What was signed last; keep it out of every backup.",
)  # fmt: skip
@click.option("--log", "origin", help="日志名称，默认唯一的那个。The log's origin; the only one unless told.")
@click.option(
    "--policy", type=_KEY, help="信任策略，向其中有网址的见证方索取见证。The policy whose witnesses are asked."
)
@click.option("--tsa", default="", help="时间戳机构的网址（RFC 3161）。The URL of a timestamping authority.")
@click.option(
    "--tsa-every", "tsa_every_s", type=click.FloatRange(1), default=TSA_EVERY_S, show_default=True,
    help="两次时间戳的间隔，秒。Seconds between timestamps, at least.",
)  # fmt: skip
@click.option("--once", is_flag=True, help="全部复核，发布一次，然后结束。Recheck everything, publish once, end.")
@click.option(
    "--every", "every_s", type=click.FloatRange(0.01, 3600), default=1.0, show_default=True,
    help="两次快照的间隔，秒。Seconds between checkpoints.",
)  # fmt: skip
@click.option("--new-log", is_flag=True, help="状态文件确已丢失，接手已发布的内容。The state file is lost for good.")
@click.option("--data", type=click.Path(path_type=Path), help="内置数据库目录。A directory of the embedded database.")
def publish_command(
    *, key: Path, pq_key: Path | None, root: Path, state: Path, origin: str | None, every_s: float, data: Path | None,
    retiring_key: Path | None, policy: Path | None, tsa: str, tsa_every_s: float, once: bool, new_log: bool,
) -> None:  # fmt: skip
    """发布一个日志：条目包、瓦片和签名的存证快照。出现任何不一致即停止，不再签名。

    Publish a log: entry bundles, tiles and signed checkpoints. It stops at anything inconsistent, and signs no more.
    Exit code 2 then.
    """
    with ExitStack() as stack:
        url = stack.enter_context(open_database(data))
        named = one_origin(url, origin)
        plan = Plan(
            named, root, state, key, pq_key, every_s, policy=policy, tsa=tsa, tsa_every_s=tsa_every_s,
            retiring=retiring_key,
        )  # fmt: skip
        engine = open_engine(url)
        stack.callback(engine.dispose)
        if once:
            try:
                _publish_once(plan, engine, real_clock, new_log=new_log)
            except OSError as error:
                raise Busy(
                    f"磁盘出错，请修复后再发布：{error}", f"disk: {error}; mend it, then publish again"
                ) from error
            return
        loop = Loop(plan, engine, real_clock, _nothing, _tell, new_log=new_log)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: loop.end())
        loop.run(stand_by=False)


def _publish_once(plan: Plan, engine: Engine, clock: Clock, *, new_log: bool) -> None:
    with opened(plan, engine, clock, new_log=new_log) as publisher:
        recheck = Recheck(engine, plan.origin, publisher.store, publisher.state.size)
        while not recheck.go_on():
            pass
        publisher.step()
        state, (witnesses, quorum) = publisher.state, publisher.standing()
    click.echo(f"已发布 · published: {plan.origin} {state.size} {state.root}")
    if quorum != "none" or witnesses:
        zh = {"met": "已达", "not-met": "未达", "none": "不需"}[quorum]
        click.echo(f"见证 · witnessed: {', '.join(witnesses) or '-'}；{zh}法定数 · quorum: {quorum}")
    for trouble in publisher.troubles:
        click.echo(f"{trouble.zh}\n{trouble.en}", err=True)


def _nothing(_: Published) -> None:
    """There is no scrape here; `serve` counts."""


def _tell(status: Status) -> None:
    """A line for whoever watches; a stop is told by the fault that ends the command."""
    if status.state == "stopped":
        return
    more = f"：{status.zh} · {status.en}" if status.zh else ""
    checked = f"，已复核 rechecked {status.rechecked}" if status.rechecked else ""
    click.echo(f"{status.state}{checked}{more}", err=True)


@click.command("vkey")
@click.argument("keys", nargs=-1, required=True, type=_KEY)
@click.option("--origin", required=True, help="日志名称，即密钥名。The log's origin, which is the keys' name.")
def vkey_command(keys: tuple[Path, ...], origin: str) -> None:
    """打印发布密钥的验证公钥，每行一把，供写入信任策略（log VKEY）。

    Print the vkeys of publishing keys, one a line, as a policy's `log` lines take them.
    """
    if not is_name(origin):
        raise BadSettings(f"{origin} 不能作密钥名", f"{origin} cannot be a key's name")
    for path in keys:
        click.echo(format_vkey(read_note_signer(origin, path).key))
