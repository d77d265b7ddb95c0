"""`ledger witness`: what a regulator starts to cosign a log's checkpoints."""

from pathlib import Path

import click

from api.serve import real_clock
from api.settings import LOOPBACK, BadSettings
from api.witness.serving import PORT, WitnessPlan, create_witness, serve_witness, vkeys_of
from ledger.errors import Malformed
from ledger.note_key import ED25519, ML_DSA_44, NoteKey, parse_vkey
from ledger.policy import parse_policy

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("witness")
@click.option("--name", required=True, help="见证方名称，如域名，也是密钥名。The witness's name, such as a domain.")
@click.option("--key", required=True, type=_FILE, help="Ed25519 见证私钥（PEM）。The key that cosigns.")
@click.option("--pq-key", type=_FILE, help="ML-DSA-44 见证私钥（PEM）。A second key, ML-DSA-44.")
@click.option("--db", required=True, type=_FILE, help="见证库：签过什么；不入备份。What was cosigned; in no backup.")
@click.option("--log", "vkeys", multiple=True, help="日志的验证公钥，可多次。A log's vkey; may be repeated.")
@click.option("--policy", type=_FILE, help="取其中的 log 行。A policy whose `log` lines are taken.")
@click.option("--new", is_flag=True, help="新见证方：新建密钥与见证库。A new witness: make keys and database.")
@click.option("--host", default=LOOPBACK, show_default=True, help="监听地址。Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=PORT, show_default=True, help="端口，0 为任意。Port; 0 is any."
)
def witness_command(
    *, name: str, key: Path, pq_key: Path | None, db: Path, vkeys: tuple[str, ...], policy: Path | None, new: bool,
    host: str, port: int,
) -> None:  # fmt: skip
    """见证日志：证明只是在上次所见之后追加的快照才签名，先落盘后答复。

    Witness logs: cosign the checkpoints that provably append to the last one seen, durably before answering. A witness
    whose database or key is lost is retired and replaced by a new one; see docs/guides/witness.md.
    """
    plan = WitnessPlan(
        name=name, key=key, pq_key=pq_key, db=db, logs=log_keys(vkeys, policy), host=host, port=port
    )  # fmt: skip
    if new:
        create_witness(plan)
    printed = vkeys_of(plan.signers()).splitlines()

    def ready(url: str) -> None:
        for number, vkey in enumerate(printed):
            click.echo(f"witness {name}{'/pq' * number} {vkey} {url}")
        click.echo(f"READY {url}")

    serve_witness(plan, real_clock, ready)


def log_keys(vkeys: tuple[str, ...], policy: Path | None) -> tuple[NoteKey, ...]:
    """The logs' keys from both options. BadSettings when there is none, Malformed when one is not a log's."""
    try:
        raw = b"" if policy is None else policy.read_bytes()
    except OSError as error:
        raise BadSettings(f"无法读取 {policy}：{error.strerror}", f"cannot read {policy}: {error.strerror}") from error
    found = [parse_vkey(vkey) for vkey in vkeys]
    if policy is not None:
        found += [log.key for log in parse_policy(raw).logs]
    if not found:
        raise BadSettings("请用 --log 或 --policy 指明日志的公钥", "name the logs' keys with --log or --policy")
    if any(key.kind not in (ED25519, ML_DSA_44) for key in found):
        raise Malformed("这是见证方的公钥，不是日志的", "this is a witness's vkey, not a log's")
    return tuple(dict.fromkeys(found))
