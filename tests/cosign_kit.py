"""Witnesses of a published log: real ones behind real sockets, and programs that only pretend to be one."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from pathlib import Path
from threading import Thread

import httpx
import msgspec

from api.publish.standing import Witnessed, witnessed
from ledger.checkpoint import parse_checkpoint
from ledger.policy import Group, Policy, Witness, format_policy
from tests.publish_kit import NOW_MS, Press
from tests.witness_kit import new_plan, running_witness

Answer = tuple[int, bytes]


def after_now() -> int:
    """A little after a press's time, ms UTC."""
    return NOW_MS + 1000


class Town:
    """Witnesses named a, b, c …, each with files of its own and a port that stays its own, running or not."""

    def __init__(self, press: Press, folder: Path, count: int, *, pq: bool, clock: Callable[[], int]) -> None:
        self.press, self._policy, self._clock = press, folder / "policy.txt", clock
        keys = [log.key for log in press.policy.logs]
        self.plans = {name: new_plan(folder, *keys, name=name, pq=pq) for name in "abcde"[:count]}
        self.urls: dict[str, str] = {}
        self._running = {name: ExitStack() for name in self.plans}

    def start(self, *names: str) -> None:
        for name in names:
            url = self._running[name].enter_context(running_witness(self.plans[name], self._clock)).base_url
            assert url.port is not None
            self.plans[name] = msgspec.structs.replace(self.plans[name], port=url.port)
            self.urls[name] = str(url)

    def stop(self, *names: str) -> None:
        for name in names:
            self._running[name].close()

    def conflicts(self) -> list[object]:
        """What the witnesses that run have against the log."""
        return [one for url in self.urls.values() for one in httpx.get(f"{url}/conflicts").json()]

    def require(self, threshold: int, **urls: str) -> None:
        """The press's policy: so many of all witnesses' keys, some of them reached elsewhere than they are."""
        found = tuple(
            Witness(f"{name}{'/pq' * number}", signer.key, urls.get(name, self.urls[name]))
            for name, plan in self.plans.items()
            for number, signer in enumerate(plan.signers())
        )
        group = Group("enough", threshold, tuple(one.name for one in found))
        self._policy.write_bytes(format_policy(Policy(self.press.policy.logs, found, (group,), "enough")))
        self.press.plan = msgspec.structs.replace(self.press.plan, policy=self._policy)

    def standing(self) -> Witnessed:
        """How the published checkpoint stands, by all that an outsider checks."""
        self.press.check()
        return self.stands((self.press.folder / "checkpoint").read_bytes())

    def stands(self, raw: bytes) -> Witnessed:
        return witnessed(self.press.plan.trust(), parse_checkpoint(raw))


@contextmanager
def town_of(
    press: Press, folder: Path, running: str, away: str = "", *, pq: bool = False, clock: Callable[[], int] = after_now
) -> Iterator[Town]:
    """These witnesses. All have run once, so each has its address."""
    town = Town(press, folder, len(running + away), pq=pq, clock=clock)
    try:
        town.start(*running, *away)
        town.stop(*away)
        yield town
    finally:
        town.stop(*town.plans)


@contextmanager
def pretending(answer: Callable[[str, bytes], Answer], wait_s: float = 0) -> Iterator[str]:
    """The URL of a program that answers path and body like this, after a while."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            time.sleep(wait_s)
            status, told = answer(self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        do_POST = do_GET  # noqa: N815 - the name that the library calls

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def raw(*parts: bytes, pause_s: float = 0) -> Iterator[str]:
    """The URL of a machine that answers each connection with these bytes, part after part, again and again."""
    with socket.create_server(("127.0.0.1", 0)) as bound:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    taken = bound.accept()[0]
                    Thread(target=send, args=(taken,), daemon=True).start()

        def send(taken: socket.socket) -> None:
            with taken, suppress(OSError):
                taken.recv(65_536)
                for part in cycle(parts):
                    taken.sendall(part)
                    time.sleep(pause_s)

        Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@contextmanager
def silent() -> Iterator[str]:
    """The URL of a machine that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
