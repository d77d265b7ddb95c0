"""A log's static files behind a real socket, and answers that are not what the files say."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from api.mirror import mirror
from api.mirror.mirror import Mirror
from api.mirror.source import Source
from api.publish.tile_store import TileStore, log_folder
from ledger.checkpoint import Checkpoint
from ledger.policy import Log, Policy
from ledger.tiles import ENTRIES, WIDTH, encode_entries, extend_tiles, tiles_between
from tests.witness_kit import ORIGIN, PaperLog

PREFIX = f"/logs/{ORIGIN}/"
Answer = tuple[int, bytes]


def put_out(log: PaperLog, size: int, root: Path, checkpoint: Checkpoint | None = None) -> None:
    """Publish the first `size` entries under `root`."""
    store = TileStore(log_folder(root, log.origin))
    store.folder.mkdir(parents=True, exist_ok=True)
    hashes = dict(extend_tiles(lambda _: b"", 0, log.leaves[:size]))
    for tile in tiles_between(0, size):
        if tile.level == ENTRIES:
            first = tile.index * WIDTH
            store.write(tile, encode_entries(log.bodies[first : first + tile.width]))
        else:
            store.write(tile, hashes[tile])
        store.drop_partials(tile)
    store.write_checkpoint((checkpoint or log.checkpoint(size)).raw)


@dataclass
class Handout:
    """What a server does: `alter` changes its answers, `asked` are the paths in the order they came."""

    root: Path
    url: str = ""
    token: str = ""
    alter: Callable[[str, Answer], Answer] = lambda _, answer: answer
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str, authorization: str) -> Answer:
        self.asked.append(path)
        file = self.root / ORIGIN / path.removeprefix(PREFIX)
        found = (200, file.read_bytes()) if path.startswith(PREFIX) and file.is_file() else (404, b"")
        if self.token and "/entries/" in path and authorization != f"Bearer {self.token}":
            found = (401, b"")
        return self.alter(path, found)

    @contextmanager
    def altered(self, part: str, change: Callable[[bytes], bytes | int]) -> Iterator[None]:
        """Meanwhile, answers to paths with this part are changed, or have that status."""

        before = self.alter

        def alter(path: str, answer: Answer) -> Answer:
            answer = before(path, answer)
            if part not in path or answer[0] != 200:
                return answer
            changed = change(answer[1])
            return (changed, b"") if isinstance(changed, int) else (200, changed)

        self.alter = alter
        try:
            yield
        finally:
            self.alter = before

    def swap(self, root: Path) -> None:
        """From now on hand out another folder."""
        self.root = root


@contextmanager
def handing_out(root: Path) -> Iterator[Handout]:
    handout = Handout(root)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body = handout.answer(self.path, self.headers.get("Authorization", ""))
            if status == 0:  # the wire is cut
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    handout.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield handout
    finally:
        server.shutdown()
        thread.join(20)
        server.server_close()


@contextmanager
def mirroring(
    handout: Handout, root: Path, log: PaperLog, policy: Policy | None = None, *, patience_s: float = 60.0
) -> Iterator[Mirror]:
    """A mirror of this log that gives up at once when the network fails."""
    policy = policy or Policy(tuple(map(Log, log.keys)), (), (), "none")
    with (
        Source(handout.url, log.origin, handout.token, pauses_s=()) as source,
        mirror.opened(source, root, log.origin, policy, patience_s=patience_s, progress=lambda *_: None) as ours,
    ):
        yield ours


def files(root: Path) -> dict[str, bytes]:
    """What is published, or mirrored, under a root: tiles, bundles and the checkpoint."""
    folder = root / ORIGIN
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if name.startswith(("tile/", "checkpoint"))}


def tiles(root: Path) -> dict[str, bytes]:
    return {name: body for name, body in files(root).items() if name.startswith("tile/")}


def spoil(root: Path, tile: str, at: int = 5) -> None:
    path = root / ORIGIN / tile
    body = bytearray(path.read_bytes())
    body[at] ^= 1
    path.write_bytes(body)


def listing(log: PaperLog, *sizes: int, stamped: tuple[int, ...] = ()) -> Callable[[str, Answer], Answer]:
    """The server's side of kept checkpoints: two a page, a timestamp of any bytes."""

    def alter(path: str, answer: Answer) -> Answer:
        if "/checkpoints?after=" in path:
            after = int(path.rpartition("=")[2])
            rest = [size for size in sizes if size > after]
            rows = [{"size": size, "timestamped": size in stamped} for size in rest[:2]]
            following = rest[1] if len(rest) > 2 else None
            return 200, json.dumps({"log": ORIGIN, "checkpoints": rows, "next_after": following}).encode()
        if "/checkpoints/" in path:
            size = path.rpartition("/")[2]
            stamp = size.endswith(".tsr")
            return 200, b"stamp" if stamp else log.checkpoint(int(size)).raw
        return answer

    return alter
