"""`python -m api.demo.serve JSON`: the demo's server, in its own process, by the story's clock.

    {"database_url": "postgresql://…", "host": "127.0.0.1", "port": 0,
     "time": {"real_start_ms": 0, "origin_ms": 0, "scale": 1000}, "publish_file": "…/publish.toml"}

It serves only logs whose entry 0 says `demo`; `ledger serve` has no such clock. Prints `READY http://…` when ready.
"""

import sys
from pathlib import Path

import msgspec
from msgspec import Struct

from api.serve import real_clock, serve
from api.settings import LOOPBACK, Settings, is_loopback
from ledger import claim as c
from ledger.bundle import decode_claim
from ledger.clock import ScaledTime
from ledger.errors import Forbidden, LedgerError, Malformed
from ledger.store.read import ALL_SITES, entries_of, hosted_origins, log_state, open_engine, reading


class Demo(Struct, frozen=True, forbid_unknown_fields=True):
    """What the demo tells its server."""

    database_url: str
    time: ScaledTime
    host: str = LOOPBACK
    port: int = 0
    publish_file: str | None = None


def refuse_real_logs(database_url: str) -> None:
    """Raise Forbidden unless every log in the database says in its entry 0 that it is a demo's."""
    engine = open_engine(database_url)
    try:
        for origin in hosted_origins(database_url):
            with reading(engine, ALL_SITES) as connection:
                first = entries_of(connection, log_state(connection, origin).log_id, "log", limit=1)
            opening = decode_claim(first[0].entry.claim) if first else None
            if not (isinstance(opening, c.OpenLog) and opening.demo):
                raise Forbidden(
                    f"日志 {origin} 不是演示日志，不能用演示时钟服务",
                    f"the log {origin} is no demo log and is not served by a demo's clock",
                )
    finally:
        engine.dispose()


def main(argument: str) -> None:
    """Serve until a signal."""
    try:
        demo = msgspec.json.decode(argument, type=Demo)
    except msgspec.DecodeError as error:
        raise Malformed(f"参数有误：{error}", f"bad argument: {error}") from error
    if not is_loopback(demo.host):
        raise Forbidden("演示只能监听本机地址", "a demo listens on loopback only")
    refuse_real_logs(demo.database_url)
    publish_file = None if demo.publish_file is None else Path(demo.publish_file)
    settings = Settings(database_url=demo.database_url, host=demo.host, port=demo.port, publish_file=publish_file)
    serve(settings, lambda: demo.time.at(real_clock()), _print_ready)


def _print_ready(url: str) -> None:
    sys.stdout.write(f"READY {url}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except LedgerError as fault:
        sys.stderr.write(f"{fault.zh}\n{fault.en}\n")
        sys.exit(2)
