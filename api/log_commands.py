"""`ledger migrate`, `ledger keygen`, `ledger open-log`: what comes before the first filing."""

from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from api.databases import open_database
from api.packs import shipped_pack
from api.serve import real_clock
from api.signing import (
    after,
    keep_chain,
    new_claim_id,
    new_pq_key,
    new_private_key,
    read_private_key,
    read_signer_key,
    write_private_key,
)
from ledger.bundle import encode_payload, open_bundle, public_key, sign_bundle, signer_id, signer_key
from ledger.claim import OpenLog
from ledger.errors import Malformed
from ledger.judge import pack_faults
from ledger.store.append import Received, open_log
from ledger.store.migrate import migrate
from ledger.store.read import hosted_origins, outdated_origins
from ledger.store.rebuild import rebuild
from ledger.store.writer import connect_writer

_DATA = click.option(
    "--data", type=click.Path(path_type=Path), help="内置数据库目录。A directory of the embedded database."
)


@click.command("migrate")
@_DATA
@click.option("--rebuild", "every", is_flag=True, help="缓存表受损时，全部重建。Make all caches anew, as when damaged.")
def migrate_command(data: Path | None, *, every: bool) -> None:
    """建表，或升级到本版本的表结构，并由日志重建旧版本的缓存表；只进不退。先停止服务。

    Make the tables, or bring them to this version's schema, and make caches of older versions anew from the log;
    forward only. Stop serving first.
    """
    console = Console(stderr=True)
    with open_database(data) as url:
        migrate(url)
        for origin in hosted_origins(url) if every else outdated_origins(url):
            entries = _rebuild(console, url, origin)
            click.echo(f"缓存表已由日志重建 · caches made anew: {origin}, {entries} 条 entries")
    click.echo("数据库已是最新结构 · the schema is up to date")


def _rebuild(console: Console, url: str, origin: str) -> int:
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(f"重建 rebuild {origin}", total=None)
        return rebuild(url, origin, lambda done, total: bar.update(task, completed=done, total=total))


@click.command("keygen")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--alg", type=click.Choice(["ed25519", "p256", "mldsa44"]), default="ed25519",
    help="算法；mldsa44 只签存证快照。The algorithm; mldsa44 signs checkpoints only.",
)  # fmt: skip
def keygen_command(path: Path, alg: str) -> None:
    """生成签名密钥，存为 PEM（权限 0600），并打印签名者编号和公钥。

    Make a signing key as a PEM file only you may read; print the signer's id and its public key for enrolment. What a
    key for checkpoints is called in a policy, `ledger vkey` prints.
    """
    if alg == "mldsa44":
        write_private_key(path, new_pq_key())
        click.echo(f"已生成；公钥用 ledger vkey 打印 · made; ledger vkey prints its public key: {path}")
        return
    key = new_private_key(alg)
    write_private_key(path, key)
    public = signer_key(key)
    click.echo(f"签名者 signer: {signer_id(public)}")
    click.echo(f"公钥 public key: {public.alg}:{public.public}")


@click.command("open-log")
@click.option("--origin", required=True, help="日志名称，如 ledger.example.cn/320600/v1。The log's origin.")
@click.option(
    "--authority-key", required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="监管机构私钥（PEM），签署第 0 条。The authority's private key; it signs entry 0.",
)  # fmt: skip
@click.option(
    "--log-key", required=True,
    help="日志自身的公钥，或其私钥文件。The log's own public key as keygen prints it, or its key file.",
)  # fmt: skip
@click.option("--pack", default="cn", show_default=True, help="规则包。The first rule pack, e.g. cn or 320600.")
@_DATA
def open_log_command(origin: str, authority_key: Path, log_key: str, pack: str, data: Path | None) -> None:
    """建立日志：第 0 条写明名称、监管机构公钥、日志公钥和首个规则包。

    Open a log. Entry 0 states its origin, the authority's key, the log's own key and the first rule pack.
    """
    private = read_private_key(authority_key)
    now = real_clock()
    first = shipped_pack(pack)
    if faults := pack_faults(first):
        raise Malformed(f"规则包不可用：{'；'.join(faults)}", f"the pack cannot be adopted: {'; '.join(faults)}")
    log_signer = read_signer_key(log_key)
    claim = OpenLog(
        claim_id=new_claim_id(now), scanned_at=now, origin=origin, authority=signer_key(private),
        log_signer=log_signer, pack=first,
    )  # fmt: skip
    payload = encode_payload(log=origin, device_seq=0, device_prev=None, seen=None, claims=[claim])
    # Opened as a stranger would: what is not well-formed never becomes an entry.
    bundle = open_bundle(sign_bundle(payload, private))
    public_key(log_signer)
    with open_database(data) as url:
        if data is not None:
            migrate(url)
        if origin in hosted_origins(url):
            raise Malformed(f"日志 {origin} 已存在", f"the log {origin} exists already")
        with connect_writer(url) as connection:
            answer = open_log(connection, Received(bundle, 0), now)[0]
    keep_chain(authority_key, after(bundle))
    click.echo(f"日志已建立 · opened {origin}\n第 0 条哈希 · leaf of entry 0: {answer.leaf}")
