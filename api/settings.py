"""Settings of a deployment: from the environment, and tokens from a TOML file.

LEDGER_DATABASE_URL  postgresql://…; without it `ledger serve --data DIR` runs the embedded server
LEDGER_HOST          address to listen on, 127.0.0.1 unless told
LEDGER_PORT          port, 8000 unless told; 0 takes a free one
LEDGER_TOKENS_FILE   TOML with the readers' tokens, by SHA-256: the file never holds a token itself
LEDGER_PUBLISH_FILE  TOML with the logs to publish, see api/publish/plan.py; nothing is published unless told
LEDGER_LABEL_HOST    host that printed labels point to; the host that was asked unless told

[[tokens]]
sha256 = "…64 hexadecimal digits of SHA-256 over the token's text…"
logs = ["ledger.example.cn/320600/v1"]     # or "*"
sites = ["S1", "S2"]                       # or "*" for the whole log
"""

import ipaddress
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from ledger.claim import Digest, Origin, Ref
from ledger.errors import LedgerError

LOOPBACK = "127.0.0.1"
PORT = 8000


class BadSettings(LedgerError):
    """The deployment is set up wrong; mend what the sentence names and start again."""

    slug = "bad-settings"


class Token(Struct, frozen=True, forbid_unknown_fields=True):
    """What the bearer of a token may read. `sha256` is of the token's UTF-8 text, hexadecimal."""

    sha256: Digest
    logs: Literal["*"] | Annotated[tuple[Origin, ...], Meta(min_length=1)]
    sites: Literal["*"] | Annotated[tuple[Ref, ...], Meta(min_length=1)]


class _TokensFile(Struct, frozen=True, forbid_unknown_fields=True):
    tokens: tuple[Token, ...]


class Settings(Struct, frozen=True, kw_only=True):
    """One deployment. `tokens` empty: nobody but this machine may read, and it listens on loopback only."""

    database_url: str
    host: str = LOOPBACK
    port: int = PORT
    tokens: tuple[Token, ...] = ()
    label_host: str | None = None
    publish_file: Path | None = None

    def __post_init__(self) -> None:
        """Raise BadSettings when the address is open to others and no token is configured."""
        if not self.tokens and not is_loopback(self.host):
            raise BadSettings(
                f"未配置访问令牌时只能监听本机地址，不能监听 {self.host}；请设置 LEDGER_TOKENS_FILE",
                f"without tokens the server listens on loopback only, not on {self.host}; set LEDGER_TOKENS_FILE",
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address; a name other than `localhost` cannot be trusted to be so."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def settings_from(
    environment: Mapping[str, str],
    *,
    database_url: str | None = None,
    host: str | None = None,
    port: int | None = None,
) -> Settings:
    """The settings that this environment says, with what the command line says before it. BadSettings if wrong."""
    url = database_url or environment.get("LEDGER_DATABASE_URL")
    if not url:
        raise BadSettings(
            "未指定数据库；请设置 LEDGER_DATABASE_URL，或用 --data 目录",
            "no database; set LEDGER_DATABASE_URL or give --data DIR",
        )
    tokens_file = environment.get("LEDGER_TOKENS_FILE")
    publish_file = environment.get("LEDGER_PUBLISH_FILE")
    return Settings(
        database_url=url,
        host=host or environment.get("LEDGER_HOST") or LOOPBACK,
        port=_port(environment) if port is None else port,
        tokens=read_tokens(Path(tokens_file)) if tokens_file else (),
        label_host=environment.get("LEDGER_LABEL_HOST") or None,
        publish_file=Path(publish_file) if publish_file else None,
    )


def read_tokens(path: Path) -> tuple[Token, ...]:
    """The tokens that a TOML file lists; BadSettings when it cannot be read or lists none."""
    try:
        tokens = msgspec.convert(tomllib.loads(path.read_text("utf-8")), _TokensFile).tokens
    except (OSError, UnicodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadSettings(f"令牌文件 {path} 有误：{error}", f"bad tokens file {path}: {error}") from error
    if not tokens:
        raise BadSettings(f"令牌文件 {path} 中没有令牌", f"the tokens file {path} lists no token")
    return tokens


def _port(environment: Mapping[str, str]) -> int:
    text = environment.get("LEDGER_PORT") or str(PORT)
    if not (text.isascii() and text.isdigit() and int(text) <= 65_535):  # noqa: PLR2004 - the largest port
        raise BadSettings(f"LEDGER_PORT 不是端口号：{text}", f"LEDGER_PORT is no port: {text}")
    return int(text)
