"""Which database a command works on: the one LEDGER_DATABASE_URL names, or an embedded one in a directory."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger.errors import Malformed
from ledger.store.embedded import EmbeddedServer
from ledger.store.read import hosted_origins

DATABASE = "ledger"


@contextmanager
def keep_or_pass(kept: Path | None, prefix: str) -> Iterator[Path]:
    """Where a play's database lives: the directory to keep, Malformed unless it is empty, or one that goes away."""
    if kept is not None:
        if kept.exists() and any(kept.iterdir()):
            raise Malformed(f"目录 {kept} 不是空的，请另选一个", f"{kept} is not empty; choose another directory")
        yield kept
        return
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def open_database(data: Path | None) -> Iterator[str]:
    """The URL of the database in `data`, started for as long as it is used; else of the one in the environment."""
    if data is not None:
        with EmbeddedServer(data) as server:
            server.create_database(DATABASE, exist_ok=True)
            yield server.url(DATABASE)
        return
    url = os.environ.get("LEDGER_DATABASE_URL")
    if not url:
        raise Malformed(
            "请设置 LEDGER_DATABASE_URL，或用 --data 指定内置数据库目录",
            "set LEDGER_DATABASE_URL, or name a directory of the embedded database with --data",
        )
    yield url


def one_origin(url: str, named: str | None) -> str:
    """The log that a command is about: the one named, or the only one. Malformed lists them when it must be named."""
    hosted = hosted_origins(url)
    if named is None and len(hosted) == 1:
        return hosted[0]
    here = ", ".join(hosted) or "-"
    if named not in hosted:
        raise Malformed(f"请用 --log 指明日志：{here}", f"name a log with --log: {here}")
    return named
