"""`ledger serve`: the server, by this machine's clock and no other."""

import os
from pathlib import Path

import click

from api.databases import open_database
from api.serve import real_clock, serve
from api.settings import settings_from
from ledger.store.migrate import migrate


@click.command("serve")
@click.option("--host", help="监听地址，默认 127.0.0.1。Address to listen on (LEDGER_HOST).")
@click.option("--port", type=click.IntRange(0, 65_535), help="端口，默认 8000，0 为任意。Port (LEDGER_PORT).")
@click.option("--data", type=click.Path(path_type=Path), help="内置数据库目录。A directory of the embedded database.")
def serve_command(host: str | None, port: int | None, data: Path | None) -> None:
    """启动服务；接口文档在 /docs。未配置令牌（LEDGER_TOKENS_FILE）时只监听本机。

    Serve over HTTP; documentation at /docs. Listens on loopback only unless LEDGER_TOKENS_FILE is set. The database is
    the one that LEDGER_DATABASE_URL names, or an embedded one with --data.
    """
    with open_database(data) as url:
        if data is not None:
            migrate(url)
        settings = settings_from(os.environ, database_url=url, host=host, port=port)
        serve(settings, real_clock, _print_ready)


def _print_ready(url: str) -> None:
    click.echo(f"READY {url}")
    click.echo(f"服务已启动，文档见 {url}/docs · serving; documentation at {url}/docs", err=True)
