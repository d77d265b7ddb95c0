"""What to publish, and with what: each log's folder, state file, keys and witnesses.

[[logs]]
log = "ledger.example.cn/320600/v1"
dir = "published"               # paths are relative to this file's folder
state = "320600.state"          # without state and key another process publishes; this one hands the files out
key = "publish.pem"             # Ed25519
pq_key = "publish-pq.pem"       # ML-DSA-44; may be left out
retiring_key = "publish-1.pem"  # the Ed25519 key of before: signs too, until everyone's policy has the new one
policy = "policy.txt"           # tlog-policy: its witnesses that have a URL are asked to cosign; none are without it
tsa = "http://tsa.example.cn"   # an RFC 3161 authority that kept checkpoints are timestamped by; may be left out
tsa_every_s = 3600              # at most so often
log_key = "log.pem"             # the log's own signer, for alerts; may be left out
"""

import tomllib
from pathlib import Path
from typing import Annotated

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Meta, Struct

from api.settings import BadSettings
from api.signing import read_note_key
from ledger.claim import Origin
from ledger.errors import LedgerError
from ledger.note_key import ED25519, ML_DSA_44, NoteSigner, format_vkey, note_signer
from ledger.policy import NONE, Log, Policy, parse_policy

TSA_EVERY_S = 3600.0
Url = Annotated[str, Meta(pattern="^(https?://[^ ]+)?$")]


class Plan(Struct, frozen=True):
    """One log that this process publishes; `every_s` parts its checkpoints. Keys are PEM files.

    `retiring` is the Ed25519 key of before, which signs too while policies change. `policy` is the file that names the
    witnesses; `tsa` the URL of a timestamping authority, '' for none.
    """

    origin: str
    root: Path
    state: Path
    key: Path
    pq_key: Path | None = None
    every_s: float = 1.0
    policy: Path | None = None
    tsa: str = ""
    tsa_every_s: float = TSA_EVERY_S
    log_key: Path | None = None
    retiring: Path | None = None

    def signers(self) -> tuple[NoteSigner, ...]:
        """Who signs as this log. BadSettings when a file holds another kind of key, Malformed when it holds none."""
        kinds = ((self.key, ED25519), (self.pq_key, ML_DSA_44), (self.retiring, ED25519))
        found = [(read_note_signer(self.origin, path), kind) for path, kind in kinds if path is not None]
        if any(one.key.kind != kind for one, kind in found):
            raise BadSettings(
                "key 和 retiring_key 应为 Ed25519 密钥，pq_key 应为 ML-DSA-44 密钥",
                "key and retiring_key must be Ed25519 keys, pq_key must be an ML-DSA-44 key",
            )
        if len({one.key.public for one, _ in found}) != len(found):
            raise BadSettings("retiring_key 与 key 是同一把", "retiring_key is the same key as key")
        return tuple(one for one, _ in found)

    def trust(self) -> Policy:
        """The policy that checkpoints are to meet; without a file our own keys', which asks for no witness.

        BadSettings when the file cannot be read, or does not hold our own keys.
        """
        keys = [one.key for one in self.signers()]
        if self.policy is None:
            return Policy(tuple(Log(key) for key in keys), (), (), NONE)
        policy = read_policy(self.policy)
        for key in keys:
            if key not in [log.key for log in policy.logs]:
                vkey = format_vkey(key)
                raise BadSettings(
                    f"{self.policy} 缺少本日志的密钥，请加一行：log {vkey}",
                    f"{self.policy} lacks a key of this log; add a line: log {vkey}",
                )
        return policy


def read_policy(path: Path) -> Policy:
    """The tlog-policy in a file; BadSettings when there is none, or a line of it is wrong."""
    try:
        return parse_policy(path.read_bytes())
    except OSError as error:
        raise BadSettings(f"无法读取信任策略 {path}：{error}", f"cannot read the policy {path}: {error}") from error
    except LedgerError as error:
        raise BadSettings(f"{path}：{error.zh}", f"{path}: {error.en}") from error


class Place(Struct, frozen=True):
    """Where a log's files lie. `plan` is None when another process writes them; `policy` is None when none is named."""

    origin: str
    root: Path
    plan: Plan | None
    policy: Path | None


class _Row(Struct, frozen=True, forbid_unknown_fields=True):
    log: Origin
    dir: str
    state: str | None = None
    key: str | None = None
    pq_key: str | None = None
    retiring_key: str | None = None
    policy: str | None = None
    tsa: Url = ""
    tsa_every_s: Annotated[float, Meta(ge=1)] = TSA_EVERY_S
    log_key: str | None = None


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    logs: tuple[_Row, ...]


def read_places(path: Path) -> tuple[Place, ...]:
    """What a TOML file says of publishing; BadSettings when it is wrong, or keys and state come not together."""
    try:
        rows = msgspec.convert(tomllib.loads(path.read_text("utf-8")), _File).logs
    except (OSError, UnicodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadSettings(f"发布配置 {path} 有误：{error}", f"bad publishing file {path}: {error}") from error
    if len({row.log for row in rows}) != len(rows):
        raise BadSettings(f"{path} 中同一日志出现两次", f"{path} names a log twice")
    return tuple(_place(path, row) for row in rows)


def _place(path: Path, row: _Row) -> Place:
    beside, root = path.parent, path.parent / row.dir

    def file(name: str | None) -> Path | None:
        return None if name is None else beside / name

    policy = file(row.policy)
    if row.key is not None and row.state is not None:
        plan = Plan(
            row.log, root, beside / row.state, beside / row.key, file(row.pq_key),
            policy=policy, tsa=row.tsa, tsa_every_s=row.tsa_every_s, log_key=file(row.log_key),
            retiring=file(row.retiring_key),
        )  # fmt: skip
        return Place(row.log, root, plan, policy)
    if row.key is None and row.state is None and row.pq_key is None and not row.tsa:
        return Place(row.log, root, None, policy)
    raise BadSettings(
        f"{path}：发布 {row.log} 需要 key 和 state 两项", f"{path}: to publish {row.log} takes both key and state"
    )


def read_note_signer(origin: str, path: Path) -> NoteSigner:
    """Who signs as `origin` with the key in this file."""
    private = read_note_key(path)
    return note_signer(origin, ED25519 if isinstance(private, Ed25519PrivateKey) else ML_DSA_44, private)
