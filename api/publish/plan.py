"""What to publish, and with what: each log's folder, state file and keys.

[[logs]]
log = "ledger.example.cn/320600/v1"
dir = "published"               # paths are relative to this file's folder
state = "320600.state"          # without state and key another process publishes; this one hands the files out
key = "publish.pem"             # Ed25519
pq_key = "publish-pq.pem"       # ML-DSA-44; may be left out
"""

import tomllib
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from api.settings import BadSettings
from api.signing import read_note_key
from ledger.claim import Origin
from ledger.note_key import ED25519, ML_DSA_44, NoteSigner, note_signer


class Plan(Struct, frozen=True):
    """One log that this process publishes. `key` and `pq_key` are PEM files; `every_s` parts the checkpoints."""

    origin: str
    root: Path
    state: Path
    key: Path
    pq_key: Path | None = None
    every_s: float = 1.0

    def signers(self) -> tuple[NoteSigner, ...]:
        """Who signs as this log. BadSettings when a file holds another kind of key, Malformed when it holds none."""
        found = [read_note_signer(self.origin, path) for path in (self.key, self.pq_key) if path is not None]
        if [one.key.kind for one in found] != [ED25519, ML_DSA_44][: len(found)]:
            raise BadSettings(
                "第一把发布密钥应为 Ed25519，第二把应为 ML-DSA-44",
                "the first publishing key must be an Ed25519 key, the second an ML-DSA-44 key",
            )
        return tuple(found)


class Place(Struct, frozen=True):
    """Where a log's files lie. `plan` is None when another process writes them."""

    origin: str
    root: Path
    plan: Plan | None


class _Row(Struct, frozen=True, forbid_unknown_fields=True):
    log: Origin
    dir: str
    state: str | None = None
    key: str | None = None
    pq_key: str | None = None


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
    if row.key is not None and row.state is not None:
        pq_key = None if row.pq_key is None else beside / row.pq_key
        return Place(row.log, root, Plan(row.log, root, beside / row.state, beside / row.key, pq_key))
    if row.key is None and row.state is None and row.pq_key is None:
        return Place(row.log, root, None)
    raise BadSettings(
        f"{path}：发布 {row.log} 需要 key 和 state 两项", f"{path}: to publish {row.log} takes both key and state"
    )


def read_note_signer(origin: str, path: Path) -> NoteSigner:
    """Who signs as `origin` with the key in this file."""
    private = read_note_key(path)
    return note_signer(origin, ED25519 if isinstance(private, Ed25519PrivateKey) else ML_DSA_44, private)
