"""The server that the bench measures: `python -m api.bench.server`, told what to serve on standard input.

It is `ledger serve`'s own, composed and configured the same way; for `empty_handler` the same uvicorn runs a handler
that only reads the request and answers `[]`. Each is a fork of a process that has imported everything; it ends when
it is told, or when the bench ends, however that is.
"""

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from litestar.enums import ScopeType
from litestar.types import Receive, Scope, Send

from api.bench.processes import NOTHING, READY
from api.serve import make_server, real_clock
from api.settings import Settings


async def do_nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """The empty handler: what web server and load generator cost by themselves."""
    if scope["type"] != ScopeType.HTTP:
        return
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"[]", "more_body": False})


def _attend() -> None:
    """A line names a database, a handler, perhaps a publishing file: serve it, in a fork. An empty line ends it."""
    child = 0
    for line in sys.stdin:
        if line.strip():
            url, handler, publish = line.removesuffix("\n").split(" ", 2)
            child = os.fork()
            if child == 0:
                _serve(url, Path(publish) if publish else None, nothing=handler == NOTHING)
        else:
            child = _ended(child)
            _say("ENDED")
    _ended(child)


def _ended(child: int) -> int:
    if child:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)
    return 0


def _serve(url: str, publish_file: Path | None, *, nothing: bool) -> NoReturn:
    try:
        settings = Settings(database_url=url, port=0, publish_file=publish_file)
        server = make_server(settings, real_clock, lambda at: _say(f"{READY} {at}"))
        if nothing:
            server.config.app, server.config.lifespan = do_nothing, "off"
        server.run_bound()
    except Exception as error:  # noqa: BLE001 - told to the bench, which fails with it
        _say(f"FAILED {error!r}")
    finally:
        os._exit(0)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the bench to answer
    _attend()
