"""A log in a real database, its rows written by hand for speed, its publisher, and an outsider who checks the files."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from api.publish.plan import Plan
from api.publish.publisher import Publisher, opened
from api.publish.recheck import Recheck
from api.publish.stopped import Stopped
from api.publish.tile_store import TileStore, log_folder
from api.signing import new_pq_key, new_private_key, write_private_key
from ledger.checkpoint import Checkpoint, parse_checkpoint
from ledger.entry import leaf_hash
from ledger.merkle import Frontier, extend, pack_frontier, root_of
from ledger.note_key import ED25519, ML_DSA_44
from ledger.policy import Log, Policy, judge_checkpoint
from ledger.proofs import check_consistency, prove_consistency, prove_inclusion, tree_root
from ledger.receipt import Receipt, check_receipt, format_receipt, parse_receipt
from ledger.store.read import open_engine
from ledger.tiles import ENTRIES, Tile, extend_tiles, parse_entries, tile_path, tile_reader, tiles_between
from ledger.world import FOLD

ORIGIN = "ledger.test/320600/v1"
NOW_MS = 1_795_000_000_000


def write_keys(folder: Path) -> tuple[Path, Path]:
    """An Ed25519 and an ML-DSA-44 key in files."""
    key, pq_key = folder / "publish.pem", folder / "publish-pq.pem"
    write_private_key(key, new_private_key("ed25519"))
    write_private_key(pq_key, new_pq_key())
    return key, pq_key


def publish_file(folder: Path) -> Path:
    """A publishing file with its keys beside it."""
    write_keys(folder)
    path = folder / "publish.toml"
    path.write_text(
        f'[[logs]]\nlog = "{ORIGIN}"\ndir = "published"\nstate = "press.state"\n'
        'key = "publish.pem"\npq_key = "publish-pq.pem"\n'
    )
    return path


class RawLog:
    """Rows of a log as appending leaves them: entries, and a head whose frontier is theirs."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.bodies: list[bytes] = []
        self.frontier: Frontier = ()
        with psycopg.connect(url) as owner:
            owner.execute(
                "INSERT INTO log (log_id, origin, size, frontier, recorded_at, registry_index, last_leaf, fold) "
                "OVERRIDING SYSTEM VALUE VALUES (1, %s, 0, '', 0, 0, '', %s)",
                (ORIGIN, FOLD),
            )

    def add(self, count: int, word: str = "") -> None:
        """So many entries more, in one transaction."""
        first = len(self.bodies)
        made = [json.dumps({"recorded_at": NOW_MS, "n": n, "word": word}).encode() for n in range(first, first + count)]
        with psycopg.connect(self.url) as owner:
            with owner.cursor().copy("COPY entry (log_id, entry_index, body) FROM STDIN (FORMAT BINARY)") as rows:
                rows.set_types(["int4", "int8", "bytea"])
                for index, body in enumerate(made, first):
                    rows.write_row((1, index, body))
            self.bodies += made
            self.frontier = extend(self.frontier, first, map(leaf_hash, made))
            self._set_head(owner)

    def roll_back(self, size: int) -> None:
        """What a restored backup holds."""
        del self.bodies[size:]
        self.frontier = extend((), 0, map(leaf_hash, self.bodies))
        self.tamper(f"DELETE FROM entry WHERE entry_index >= {size}")
        with psycopg.connect(self.url) as owner:
            self._set_head(owner)

    def tamper(self, statement: str) -> None:
        """As a superuser would, triggers out of the way; the head is left as it is."""
        with psycopg.connect(self.url) as owner:
            owner.execute("ALTER TABLE entry DISABLE TRIGGER ALL")
            assert owner.execute(statement.encode()).rowcount > 0, "nothing was tampered with"

    def change(self, index: int) -> None:
        self.tamper(f"UPDATE entry SET body = set_byte(body, 20, 57) WHERE entry_index = {index}")

    def _set_head(self, owner: psycopg.Connection) -> None:
        owner.execute("UPDATE log SET size = %s, frontier = %s", (len(self.bodies), pack_frontier(self.frontier)))


class Press:
    """A log with keys, folder and state file; whoever `opened` it publishes."""

    def __init__(self, url: str, folder: Path) -> None:
        self.log, self.engine = RawLog(url), open_engine(url)
        key, pq_key = write_keys(folder)
        self.plan = Plan(ORIGIN, folder / "published", folder / "press.state", key, pq_key)
        self.now = NOW_MS + 700
        keys = [one.key for one in self.plan.signers()]
        assert [one.kind for one in keys] == [ED25519, ML_DSA_44]
        self.policy = Policy(tuple(Log(one) for one in keys), (), (), "none")
        self.folder = log_folder(self.plan.root, ORIGIN)
        self.seen: list[Checkpoint] = []

    @contextmanager
    def opened(self, *, new_log: bool = False) -> Iterator[Publisher]:
        with opened(self.plan, self.engine, lambda: self.now, new_log=new_log) as publisher:
            yield publisher

    def publish(self) -> None:
        """Open, publish once, and look at all of it as an outsider."""
        with self.opened() as publisher:
            publisher.step()
        self.check()

    def recheck(self) -> int:
        """A whole pass; how many entries were compared."""
        pass_ = Recheck(self.engine, ORIGIN, TileStore(self.folder), len(self.log.bodies))
        while not pass_.go_on():
            pass
        return pass_.done

    def kept(self) -> tuple[bytes, bytes]:
        """What must not change when publishing stops: what was signed."""
        return json.dumps(self.signed()).encode(), (self.folder / "checkpoint").read_bytes()

    def signed(self) -> tuple[int, str]:
        state = json.loads(self.plan.state.read_bytes())
        return state["size"], state["checkpoint"]

    def file(self, tile: Tile) -> Path:
        return self.folder / tile_path(tile)

    def check(self) -> Checkpoint:
        """The published checkpoint, once everything about it was found right from its files and the true entries."""
        checkpoint = parse_checkpoint((self.folder / "checkpoint").read_bytes())
        standing = judge_checkpoint(self.policy, checkpoint)
        assert [one.kind for one in standing.signed_by] == [ED25519, ML_DSA_44]
        size = checkpoint.head.size
        leaves = [leaf_hash(body) for body in self.log.bodies[:size]]
        assert len(leaves) == size
        assert checkpoint.head.root == root_of(extend((), 0, leaves))
        read = tile_reader(lambda tile: self.file(tile).read_bytes(), size)
        assert tree_root(read, size) == checkpoint.head.root
        if self.seen:
            old = self.seen[-1].head
            proof = prove_consistency(read, old.size, size)
            check_consistency(old.size, size, proof, old.root, checkpoint.head.root)
        self.seen.append(checkpoint)
        for index in {0, size - 1, random.randrange(size)}:
            receipt = Receipt(index, prove_inclusion(read, index, size), checkpoint)
            receipt = parse_receipt(format_receipt(receipt))
            assert check_receipt(self.log.bodies[index], receipt, self.policy).standing.quorum
        return checkpoint

    def check_files(self) -> None:
        """Every file of the published tree is what `ledger.tiles` makes of the entries, and nothing else lies there."""
        size = parse_checkpoint((self.folder / "checkpoint").read_bytes()).head.size
        leaves = [leaf_hash(body) for body in self.log.bodies[:size]]
        expected = dict(extend_tiles(lambda _: b"", 0, leaves))
        wanted = set()
        for tile in tiles_between(0, size):
            wanted.add(self.file(tile))
            if tile.level == ENTRIES:
                first = tile.index * 256
                assert parse_entries(self.file(tile).read_bytes(), tile.width) == tuple(
                    self.log.bodies[first : first + tile.width]
                )
            else:
                assert self.file(tile).read_bytes() == expected[tile]
        lying = {path for path in (self.folder / "tile").rglob("*") if path.is_file()}
        partial = {path for path in lying - wanted if path.parent.name.endswith(".p")}
        assert lying - wanted == partial, "only older partial tiles may be left"
        full = {str(path) for path in wanted}
        assert not [path for path in partial if str(path.parent).removesuffix(".p") in full]


@contextmanager
def running_press(url: str, folder: Path) -> Iterator[Press]:
    """Its connections are closed in the end."""
    press = Press(url, folder)
    try:
        yield press
    finally:
        press.engine.dispose()


@contextmanager
def stops(reason: str, press: Press) -> Iterator[None]:
    """What is done here must stop publishing for this reason, in both languages, with nothing signed or put out."""
    before = press.kept()
    try:
        yield
    except Stopped as stopped:
        assert stopped.reason == reason, stopped  # noqa: PT017
        assert any("\u4e00" <= letter <= "\u9fff" for letter in stopped.zh)  # noqa: PT017
        assert stopped.en.isascii()  # noqa: PT017
    else:
        raise AssertionError(f"did not stop for {reason}")
    assert press.kept() == before
