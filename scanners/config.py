"""The station's configuration, `station.toml`, and its signing key.

url = "https://ledger.example.cn"       # 服务器 the ledger's server
log = "sc.example.cn/lpg"               # 账本 the log's origin
site = "st-01"
key_file = "station.pem"                # station keygen
outbox = "outbox.sqlite"                # keep it: it is the station's memory; never copy it or put back an old one
# log_vkeys = ["sc.example.cn/lpg+…"]   # 账本发布公钥，可省略 the keys that sign it (`ledger vkey`); may be left out

[crew]                                  # 当班 who works here until an order says otherwise
person = "p-0001"                       # 充装人员
checker = "p-0002"                      # 复检人员，须为另一人 the second person
vehicle = "v-01"
tank_lot = "t-0007"

[[scales]]                              # 充装秤，每秤一个连接
line = "L1"
host = "10.0.0.11"
port = 502
[scales.registers]                      # left out: the simulated scale's map. Fields: scanners/registers.py
weight_g = { table = "input", address = 0, words = 2, signed = true, multiplier = 10 }
sequence = { table = "input", address = 2, words = 2 }
# and so on

[[guns]]
post = "prefill"                        # prefill, fill, postfill, release, depot_out
port = 4001                             # the gun connects here
[[guns]]
post = "fill"
scale = "L1"
port = 4002
[[guns]]
post = "postfill"
scale = "CW"                            # 复秤
port = 4003
"""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from msgspec import Meta, Struct, toml

from ledger.bundle import PrivateKey
from ledger.claim import Origin, Ref
from ledger.errors import LedgerError
from ledger.note_key import NoteKey, parse_vkey
from scanners.faults import Misconfigured
from scanners.registers import RegisterMap
from scanners.scale_registers import SIMULATED

PostName = Literal["prefill", "fill", "postfill", "release", "depot_out"]
Port = Annotated[int, Meta(ge=0, le=65_535)]


class Crew(Struct, frozen=True, forbid_unknown_fields=True):
    """Who works and with what, until an order at a post changes it there."""

    person: Ref
    checker: Ref
    vehicle: Ref
    tank_lot: Ref


class ScaleConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """One scale: a filling line, or the check-weigh scale (复秤)."""

    line: Ref
    host: str
    port: Port
    registers: RegisterMap = SIMULATED


class GunConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """One gun and its post. `scale` is needed for `fill` and `postfill`."""

    post: PostName
    port: Port
    scale: Ref | None = None
    host: str = "127.0.0.1"
    idle_gap_ms: Annotated[int, Meta(ge=10, le=5_000)] | None = None


class StationConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """All of `station.toml`; paths are relative to the file. `poll_s`: real seconds between looks at a scale."""

    url: str
    log: Origin
    site: Ref
    key_file: str
    outbox: str
    crew: Crew
    scales: tuple[ScaleConfig, ...]
    guns: tuple[GunConfig, ...]
    poll_s: Annotated[float, Meta(gt=0, le=2)] = 0.2
    answer_within_s: Annotated[float, Meta(gt=0, le=120)] = 5.0
    log_vkeys: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Misconfigured where a gun names a scale that is not there, or a key is none of the log's."""
        self.log_keys()
        scales = {scale.line for scale in self.scales}
        if len(scales) != len(self.scales):
            raise Misconfigured("充装秤编号重复", "two scales have the same `line`")
        filling = [gun.scale for gun in self.guns if gun.post == "fill"]
        if len(set(filling)) != len(filling):
            raise Misconfigured(
                "一台充装秤只能配一把充装枪", "two `fill` guns on one scale: nobody would know whose fill it is"
            )
        for gun in self.guns:
            if gun.post in ("fill", "postfill") and gun.scale not in scales:
                raise Misconfigured(
                    f"扫码枪 {gun.port} 缺少对应的秤", f"the gun on port {gun.port} names no known scale"
                )

    def log_keys(self) -> tuple[NoteKey, ...]:
        """The keys that sign the log's checkpoints, as far as this station knows them."""
        try:
            keys = tuple(parse_vkey(text) for text in self.log_vkeys)
        except LedgerError as error:
            raise Misconfigured(f"log_vkeys 有误：{error.zh}", f"`log_vkeys`: {error.en}") from error
        if any(key.name != self.log for key in keys):
            raise Misconfigured("log_vkeys 不是本账本的公钥", "`log_vkeys` are another log's keys")
        return keys


def load_config(path: Path) -> StationConfig:
    """Read `station.toml`; Misconfigured says which field. Paths in it become absolute."""
    try:
        config = toml.decode(path.read_bytes(), type=StationConfig)
    except (OSError, msgspec.DecodeError) as error:
        raise Misconfigured(f"配置文件有误：{error}", f"{path}: {error}") from error
    folder = path.resolve().parent
    return msgspec.structs.replace(config, key_file=str(folder / config.key_file), outbox=str(folder / config.outbox))


def load_key(path: Path) -> PrivateKey:
    """The device's private key from an unencrypted PKCS 8 PEM file: Ed25519, or P-256."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise Misconfigured(f"密钥文件无法读取：{path}", f"not a readable private key: {path}: {error}") from error
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == "secp256r1":
        return key
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise Misconfigured("密钥须为 Ed25519 或 P-256", "the key must be Ed25519 or P-256")
    return key


def new_key(path: Path) -> PrivateKey:
    """Make an Ed25519 key and write it, readable by its owner only; FileExistsError rather than overwrite one."""
    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(pem)
    return key
