"""The bench's other processes, seen from the bench: the server that is measured, and the load on it."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import msgspec

from api.bench.load import Plan, Result

NOTHING, READY = "nothing", "READY"
"""Words between the bench and `api.bench.server`."""


class Failed(Exception):
    """A row cannot be measured; there is no figure."""


class Servers:
    """Servers, one after the other: a process that has imported everything forks one for each row."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "api.bench.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=dict(environment),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the one that runs, and the process that forks them."""
        self._process.communicate()

    @contextmanager
    def serving(self, url: str, *, nothing: bool = False, publish: Path | None = None) -> Iterator[int]:
        """A server over the database at `url`, with this publishing file; its port on this machine."""
        handler = NOTHING if nothing else "ledger"
        ready, _, address = self._ask(f"{url} {handler} {publish or ''}").partition(" ")
        port = urlsplit(address).port
        if ready != READY or port is None:
            raise Failed(f"the server did not start: {ready} {address}")
        try:
            yield port
        finally:
            self._ask("")

    def _ask(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()
        return self._process.stdout.readline().decode().strip()


def run_load(plan: Plan, environment: Mapping[str, str]) -> Result:
    """The plan, run by a load generator of its own; Failed when the work was not the work to be measured."""
    with tempfile.TemporaryDirectory(prefix="ledger-bench-") as folder:
        path = Path(folder, "plan")
        path.write_bytes(msgspec.msgpack.encode(plan))
        done = subprocess.run(
            [sys.executable, "-m", "api.bench.load", str(path)], capture_output=True, check=False, env=dict(environment)
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
