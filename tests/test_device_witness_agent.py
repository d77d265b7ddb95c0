"""The station agent is a witness: it keeps the log's checkpoints, says what it saw, and is not fooled."""

import asyncio
import gzip
import json
import sqlite3
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.publish.plan import read_places
from api.sentry import loop
from ledger import claim as c
from ledger.bundle import open_bundle
from ledger.checkpoint import TreeHead, sign_checkpoint
from ledger.entry import leaf_hash
from ledger.lines import encode_base64
from ledger.merkle import extend, root_of
from ledger.note_key import ED25519, NoteKey, NoteSigner, format_vkey, note_signer
from ledger.proofs import prove_consistency
from ledger.store.embedded import EmbeddedServer
from ledger.tiles import extend_tiles, tile_reader
from scanners.config import Crew, StationConfig
from scanners.faults import Misconfigured, StationFault
from scanners.outbox import Outbox
from scanners.sender import Sender
from scanners.sight import Sight
from tests.device_kit import Watched, until, watched
from tests.story import ORIGIN, START, Signer, private_key

SIGNER = note_signer(ORIGIN, ED25519, Ed25519PrivateKey.from_private_bytes(b"7" * 32))
STRANGER = note_signer(ORIGIN, ED25519, Ed25519PrivateKey.from_private_bytes(b"8" * 32))


class Tree:
    """A log of made-up entries as an operator could publish it."""

    def __init__(self, words: list[str], signer: NoteSigner = SIGNER, origin: str = ORIGIN) -> None:
        self.leaves = [leaf_hash(word.encode()) for word in words]
        self.signer, self.origin = signer, origin
        self.tiles = dict(extend_tiles(lambda _: b"", 0, self.leaves))

    def checkpoint(self) -> bytes:
        head = TreeHead(self.origin, len(self.leaves), root_of(extend((), 0, self.leaves)))
        return sign_checkpoint(head, [self.signer], 1_767_225_600).raw

    def proof(self, old: int, new: int) -> bytes:
        hashes = prove_consistency(tile_reader(self.tiles.__getitem__, len(self.leaves)), old, new)
        return json.dumps({"old": old, "new": new, "hashes": [encode_base64(one) for one in hashes]}).encode()


def words(count: int, changed: int | None = None) -> list[str]:
    return [f"entry {n}" if n != changed else "another" for n in range(count)]


class Door:
    """An HTTP server that shows whatever tree it is given; None: it publishes nothing."""

    def __init__(self) -> None:
        self.tree: Tree | None = None
        self.page: bytes | None = None
        self.asked: list[str] = []
        door = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                door.asked.append(self.path)
                status, body = door.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, path: str) -> tuple[int, bytes]:
        if self.page is not None:
            return 200, self.page
        if self.tree is None:
            return 404, b"{}"
        if path == f"/logs/{ORIGIN}/checkpoint":
            return 200, self.tree.checkpoint()
        old, new = (int(part.partition("=")[2]) for part in path.partition("?")[2].split("&"))
        return (200, self.tree.proof(old, new)) if new <= len(self.tree.leaves) >= old else (404, b"{}")


@pytest.fixture
def door() -> Iterator[Door]:
    made = Door()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


class Device:
    """An outbox on disk and eyes; what people were told."""

    def __init__(self, path: Path, url: str, *, name: str = "eyes", keys: tuple[NoteKey, ...] = (SIGNER.key,)) -> None:
        self.path, self.url, self.name, self.keys = path, url, name, keys
        self.alarms: list[StationFault] = []

    def outbox(self) -> Outbox:
        return Outbox(self.path, log=ORIGIN, key=private_key(self.name))

    def look(self, url: str | None = None) -> None:
        """Once, in a process of its own as it were: nothing is remembered but in the outbox."""

        async def once() -> None:
            outbox = self.outbox()
            sight = Sight(
                url or self.url, ORIGIN, self.keys, outbox, has_line=lambda: True, on_fault=self.alarms.append
            )
            try:
                await sight.look()
            finally:
                await sight.close()
                outbox.close()

        asyncio.run(once())

    def seen(self) -> int | None:
        """What the next bundle says."""
        outbox = self.outbox()
        try:
            bundle = open_bundle(outbox.put([count(0)]).envelope)
        finally:
            outbox.close()
        return None if bundle.seen is None else bundle.seen.size

    def evidence(self) -> list[tuple[bytes, bytes | None, str]]:
        outbox = self.outbox()
        try:
            return outbox.contradictions()
        finally:
            outbox.close()


def count(number: int) -> c.RecordArrival:
    return c.RecordArrival(
        claim_id=f"01900000-0000-7000-8000-{number:012x}", scanned_at=START, site="S1", person="P1", vehicle="V1",
        counts={},
    )  # fmt: skip


@pytest.fixture
def device(tmp_path: Path, door: Door) -> Device:
    return Device(tmp_path / "outbox.sqlite", door.url)


def test_each_bundle_names_the_newest_checkpoint_that_was_proved(device: Device, door: Door) -> None:
    device.look()
    assert device.seen() is None, "no log is published there"
    for size in (3, 3, 5, 300, 301):
        door.tree = Tree(words(size))
        device.look()
        assert device.seen() == size
    assert device.alarms == []
    assert sum("proof" in path for path in door.asked) == 3, "asked for when it grew, and then only"


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        (Tree(words(9)), "shorter"),
        (Tree(words(10, changed=4)), "rewritten"),
        (Tree(words(400, changed=9)), "rewritten"),
        (Tree(words(400), STRANGER), "did not sign"),
        (Tree(words(400), note_signer("other.test/log", ED25519, SIGNER.private), "other.test/log"), "shows the log"),
    ],
    ids=["shorter", "same size", "longer", "stranger", "other log"],
)
def test_a_contradiction_is_told_once_and_kept_and_seen_stays(
    device: Device, door: Door, tree: Tree, says: str
) -> None:
    door.tree = Tree(words(10))
    kept = door.tree.checkpoint()
    device.look()
    door.tree = tree
    device.look()
    device.look()
    [alarm] = device.alarms
    assert says in alarm.en
    assert any("\u4e00" <= letter <= "\u9fff" for letter in alarm.zh)
    assert device.evidence() == [(tree.checkpoint(), kept, alarm.en)]
    assert device.seen() == 10
    door.tree = Tree(words(12))
    device.look()
    assert device.seen() == 12, "the log that it knows may go on"


def test_what_is_no_checkpoint_is_no_alarm(device: Device, door: Door) -> None:
    door.page = b"<html>please log in</html>"
    device.look()
    device.look("http://127.0.0.1:9")
    assert (device.alarms, device.seen()) == ([], None)
    door.page, door.tree = None, Tree(words(4))
    device.look()
    door.page = b"not found"
    device.look()
    assert (device.alarms, device.seen()) == ([], 4)


@pytest.mark.parametrize(
    "page",
    [
        Tree(words(3)).checkpoint() + b"x" * 1_100_000,
        b"x" * 50_000_000,
        gzip.compress(Tree(words(3)).checkpoint()),
        sign_checkpoint(TreeHead(ORIGIN, 2**53, bytes(32)), [SIGNER], 1_767_225_600).raw,
    ],
    ids=["longer than a note", "endless", "packed", "larger than a bundle can name"],
)
def test_no_server_fills_the_memory_or_spoils_the_bundles_to_come(device: Device, door: Door, page: bytes) -> None:
    door.page = page
    tracemalloc.start()
    device.look()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 10_000_000
    assert (device.alarms, device.seen()) == ([], None)


def test_nonsense_shown_again_and_again_neither_tires_people_nor_silences_the_truth(
    device: Device, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scanners.outbox.MAX_CONTRADICTIONS", 3)
    door.tree = Tree(words(10))
    device.look()

    async def looks() -> None:
        outbox = device.outbox()
        sight = Sight(door.url, ORIGIN, device.keys, outbox, has_line=lambda: True, on_fault=device.alarms.append)
        try:
            for size in range(20, 26):
                door.tree = Tree(words(size), STRANGER)
                await sight.look()
            assert len(device.alarms) == 1, "once in a while, whatever is shown"
            monkeypatch.setattr("scanners.sight.ALARM_EVERY_S", 0.0)
            sight._quiet_until = 0.0  # that while is over
            door.tree = Tree(words(10, changed=4))
            await sight.look()
        finally:
            await sight.close()
            outbox.close()

    asyncio.run(looks())
    assert len(device.evidence()) == 3, "no disk is filled"
    assert "rewritten" in device.alarms[-1].en


def test_keys_of_another_log_are_a_slip_in_the_configuration() -> None:
    crew = Crew("P1", "P2", "V1", "T1")
    for vkey in ("nonsense", format_vkey(note_signer("other.test", ED25519, SIGNER.private).key)):
        with pytest.raises(Misconfigured, match="log_vkeys"):
            StationConfig("http://x", ORIGIN, "S1", "k", "o", crew, (), (), log_vkeys=(vkey,))
    right = StationConfig("http://x", ORIGIN, "S1", "k", "o", crew, (), (), log_vkeys=(format_vkey(SIGNER.key),))
    assert right.log_keys() == (SIGNER.key,)


# --- against a real server ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def town(server: EmbeddedServer, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    name = "device_agent"
    server.create_database(name, template=migrated_template)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "EVERY_S", 0.05)
        with watched(server.url(name), tmp_path_factory.mktemp("agent")) as town:
            yield town
        town.check()
    server.drop_database(name)


def keys_of(town: Watched) -> tuple[NoteKey, ...]:
    [place] = read_places(town.file)
    assert place.plan is not None
    return tuple(one.key for one in place.plan.signers())


def say(device: Device, claim: c.AnyClaim) -> str:
    """Through an outbox and its sender, as a station has them; what came of it."""

    async def once() -> str:
        outbox = device.outbox()
        sender = Sender(
            device.url, outbox, device_time=lambda _: START, on_answer=lambda *_: None, on_fault=device.alarms.append
        )
        task = asyncio.get_running_loop().create_task(sender.run())
        try:
            [answer] = await asyncio.wait_for(await sender.submit([claim]), 20)
        finally:
            task.cancel()
            await sender.close()
            outbox.close()
        return type(answer.outcome).__name__

    return asyncio.run(once())


def test_honest_agents_see_the_log_and_nobody_is_alarmed(town: Watched, tmp_path: Path) -> None:
    signer = town.enrol("honest agent")
    device = Device(tmp_path / "o.sqlite", town.here.url, name="honest agent", keys=keys_of(town))
    sizes = []
    for _ in range(3):
        town.quiet()
        device.look()
        with closing(sqlite3.connect(device.path)) as db:
            sizes.append(db.execute("SELECT size FROM checkpoint").fetchone()[0])
        assert say(device, town.claim()) == "ArrivalRecorded"
    town.quiet()
    assert sizes == sorted(set(sizes)), "the log grew, and each time it was proved"
    assert (device.alarms, town.alerts(signer)) == ([], [])


def test_a_device_that_saw_a_forked_checkpoint_betrays_it(town: Watched, door: Door, tmp_path: Path) -> None:
    """Its operator showed it another log, signed with the log's own key; its next bundle says so in the true one."""
    signer = town.enrol("betrayer")
    door.tree = Tree(words(7))
    device = Device(tmp_path / "o.sqlite", town.here.url, name="betrayer", keys=())
    device.look(door.url)
    assert say(device, town.claim()) == "ArrivalRecorded"
    alert = town.alert(signer)
    root = root_of(extend((), 0, door.tree.leaves)).hex()
    assert (alert["kind"], alert["sizes"], alert["roots"][0]) == ("log_fork", [7], root)
    town.quiet()
    device.look()
    assert "rewritten" in device.alarms[0].en, "and its own people are told too"


def test_a_copied_station_is_quarantined_until_the_office_gives_it_a_new_key(town: Watched, tmp_path: Path) -> None:
    signer = town.enrol("copied")
    mine = Device(tmp_path / "mine.sqlite", town.here.url, name="copied", keys=keys_of(town))
    assert say(mine, town.claim()) == "ArrivalRecorded"
    copy = Device(tmp_path / "copy.sqlite", town.here.url, name="copied", keys=keys_of(town))
    with closing(sqlite3.connect(mine.path)) as old, closing(sqlite3.connect(copy.path)) as new:
        old.backup(new)
    assert [say(one, town.claim()) for one in (mine, copy)] == ["ArrivalRecorded"] * 2
    alert = town.alert(signer)
    assert (alert["kind"], alert["device_seq"]) == ("cloned_key", 1)
    until(lambda: town.told(signer)["record"]["claim"]["status"] == "quarantined")
    assert [say(one, town.claim()) for one in (mine, copy)] == ["Refusal"] * 2
    town.enrol("new key")
    renewed = Device(tmp_path / "new.sqlite", town.here.url, name="new key", keys=keys_of(town))
    assert say(renewed, town.claim()) == "ArrivalRecorded"
    assert say(copy, town.claim()) == "Refusal", "the old key stays out"
    town.quiet()
    assert town.alerts(Signer("new key", private_key("new key"))) == []
