"""The bench's other processes: the server that is measured (`python -m api.bench_processes URL`) and the load on it.

The server is `ledger serve`'s own, composed and configured the same way; with `--nothing` the same uvicorn runs a
handler that only reads the request and answers `[]`. It ends with the process that started it.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from litestar.types import Receive, Scope, Send

from api.bench_load import Plan, Result
from api.serve import make_server, real_clock
from api.settings import Settings

_STOP_S = 30


class Failed(Exception):  # noqa: N818 - named by what is wrong
    """A row cannot be measured; there is no figure."""


@contextmanager
def serving(url: str, environment: Mapping[str, str], *, nothing: bool = False) -> Iterator[int]:
    """A server over the database at `url`, in a process of its own; its port on this machine."""
    arguments = [sys.executable, "-m", __name__, url, *(["--nothing"] if nothing else [])]
    process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(environment))
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        ready, _, address = process.stdout.readline().decode().strip().partition(" ")
        port = urlsplit(address).port
        if ready != "READY" or port is None:
            raise Failed("the server did not start")
        yield port
    finally:
        process.stdin.close()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def run_load(plan: Plan, environment: Mapping[str, str]) -> Result:
    """The plan, run by a load generator of its own; Failed when the work was not the work to be measured."""
    with tempfile.TemporaryDirectory(prefix="ledger-bench-") as folder:
        path = Path(folder, "plan")
        path.write_bytes(msgspec.msgpack.encode(plan))
        done = subprocess.run(
            [sys.executable, "-m", "api.bench_load", str(path)], capture_output=True, check=False, env=dict(environment)
        )
    if done.returncode != 0:
        raise Failed(done.stderr.decode(errors="replace"))
    return msgspec.json.decode(done.stdout, type=Result)


def post(body: bytes, device_time: int) -> bytes:
    """The whole request that sends a bundle; `device_time` as a device says it, ms UTC."""
    head = (
        "POST /bundles HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Ledger-Device-Time: {device_time}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def get(path: str) -> bytes:
    """The whole request that reads a path."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


async def do_nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """The empty handler: what web server and load generator cost by themselves."""
    if scope["type"] != "http":
        await _lifespan(receive, send)
        return
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"[]", "more_body": False})


async def _lifespan(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)  # nothing is ever written: this is the end
    os.kill(os.getpid(), signal.SIGTERM)


def _print_ready(url: str) -> None:
    sys.stdout.write(f"READY {url}\n")
    sys.stdout.flush()


def main(url: str, *, nothing: bool) -> None:
    """Serve until standard input ends."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    server = make_server(Settings(database_url=url, port=0), real_clock, _print_ready)
    if nothing:
        server.config.app = do_nothing
    server.run_bound()


if __name__ == "__main__":
    main(sys.argv[1], nothing="--nothing" in sys.argv[2:])
