"""A small published town, cheap copies of it for whoever tampers, and what its operator can do to them with all keys.

    08:00   entry 0, the filings, five cylinders, 220 deliveries    published, cosigned, mirrored
    09:00   a sale, an overfill                                     the same; with receipts, and a station that saw it
    09:14   a sale, an overfill, a fill refused                     committed, not published yet
    09:20   somebody tampers

The operator holds the database, the folder, the state file and the log's own keys; not those of witnesses and devices.

This file is over 400 lines because the town, its copies and what may be done to them are made of the same parts.
"""

import asyncio
import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psycopg
from msgspec import json as mjson
from msgspec import structs

from api.mirror import mirror
from api.mirror.mirror import Mirror
from api.mirror.source import Source
from api.publish.plan import Plan
from api.publish.publisher import opened
from api.publish.tile_store import TileStore, log_folder
from api.publish.tree import reader
from ledger import claim as c
from ledger import events as e
from ledger.bundle import Bundle, Seen, decode_claim, open_bundle
from ledger.checkpoint import Checkpoint, parse_checkpoint
from ledger.decide import decide
from ledger.entry import Entry, decode_entry, encode_entry, leaf_hash
from ledger.errors import LedgerError
from ledger.lines import encode_base64
from ledger.merkle import Frontier, extend, pack_frontier
from ledger.policy import Group, Log, Policy, Witness, format_policy, judge_checkpoint
from ledger.proofs import prove_consistency, prove_inclusion
from ledger.receipt import Receipt
from ledger.replay import next_link, pack_label
from ledger.store.append import Received, append
from ledger.store.cached import folded_tables
from ledger.store.device_rows import DeviceBundle, device_bundle
from ledger.store.embedded import EmbeddedServer
from ledger.store.load import LogCache, claim_key
from ledger.store.read import open_engine
from ledger.store.schema import CACHES
from ledger.store.writer import connect_writer
from ledger.tiles import WIDTH
from ledger.world import FOLD, World, chain_after, parties_of, subject_of
from scanners.outbox import Outbox
from scanners.sight import Sight
from tests.mirror_kit import Handout, handing_out
from tests.publish_kit import write_keys
from tests.story import MINUTE, ORIGIN, START, USUAL, Signer, code, private_key
from tests.test_store_append import Town, cycle
from tests.witness_kit import new_plan, running_witness

NOW = "tamper_now"  # the database that scenes are copied from
OVERFILLED, LATE_OVERFILLED, SOLD, LATE_SOLD, LONER = code(1), code(3), code(0), code(2), code(9)
SOLD_ID = "01900000-0000-7000-9000-000000000000"
TAMPERED_AT = START + 80 * MINUTE


class Told(NamedTuple):
    """A bundle, and when it was recorded."""

    at: int
    bundle: Bundle


@dataclass
class Ground:
    """The town before anybody laid hands on it. `early` and `size`: what was published, `bodies`: what is committed.

    `old` is a registration of the first hour, `late` the overfill not published yet; the last published is one too.
    """

    server: EmbeddedServer
    folder: Path
    plan: Plan
    policy: Policy
    witness: httpx.Client
    witness_db: Path
    handout: Handout
    early: int = 0
    size: int = 0
    old: int = 0
    late: int = 0
    bodies: list[bytes] = field(default_factory=list)
    envelopes: dict[str, bytes] = field(default_factory=dict)
    receipts: dict[int, Receipt] = field(default_factory=dict)
    station: Signer | None = None  # its chain of bundles as of the last one recorded
    numbers: Iterator[int] = field(default_factory=count)

    @property
    def store(self) -> TileStore:
        return TileStore(log_folder(self.plan.root, ORIGIN))

    @property
    def checkpoint(self) -> Checkpoint:
        """The newest honest one."""
        raw = self.store.read_checkpoint()
        assert raw is not None
        return parse_checkpoint(raw)

    @property
    def history(self) -> list[Told]:
        """The bundles in the order in which they were recorded."""
        return told(self.bodies, self.envelopes)

    @contextmanager
    def scene(self, folder: Path) -> Iterator["Scene"]:
        """A copy of everything, to be tampered with."""
        name = f"tampered_{next(self.numbers)}"
        shutil.copytree(self.folder / "now", folder / "now")
        shutil.copyfile(self.folder / "witness.db", self.witness_db)
        self.handout.swap(folder / "now" / "published")
        self.server.create_database(name, template=NOW)
        scene = Scene(self, folder, self.server.url(name))
        try:
            yield scene
        finally:
            scene.engine.dispose()
            self.server.drop_database(name)


class Scene:
    """A copy of the town; `now` is what its operator runs, shows and keeps. `answers`: the leaves that were answered
    for entries not published yet.
    """

    def __init__(self, ground: Ground, folder: Path, url: str) -> None:
        self.ground, self.folder, self.url, self.engine = ground, folder, url, open_engine(url)
        self.plan = structs.replace(ground.plan, root=self.root, state=folder / "now" / "press.state")
        self.answers = {at: leaf_hash(body) for at, body in enumerate(ground.bodies) if at >= ground.size}
        self.trusted = ground.policy  # the investigator's
        self.evidence: bytes | None = None  # None: what the database and the folder give
        self.cylinder = SOLD_ID  # whose evidence is asked for when not all is to be had
        self.spoilt: Path | None = None  # a published file that was changed

    @property
    def root(self) -> Path:
        return self.folder / "now" / "published"

    @property
    def store(self) -> TileStore:
        return TileStore(log_folder(self.root, ORIGIN))

    @property
    def checkpoint(self) -> Checkpoint:
        raw = self.store.read_checkpoint()
        assert raw is not None
        return parse_checkpoint(raw)

    # --- what is there

    def entries(self) -> dict[int, bytes]:
        with psycopg.connect(self.url) as owner:
            return dict(owner.execute("SELECT entry_index, body FROM entry ORDER BY entry_index").fetchall())

    def envelopes(self) -> dict[str, bytes]:
        with psycopg.connect(self.url) as owner:
            rows = owner.execute("SELECT digest, envelope FROM bundle").fetchall()
        return {digest.hex(): bytes(envelope) for digest, envelope in rows}

    # --- what may be done to it

    def sql(self, *statements: str) -> None:
        """As a superuser, triggers and constraints out of the way."""
        with psycopg.connect(self.url) as owner:
            owner.execute("ALTER TABLE entry DISABLE TRIGGER ALL")
            owner.execute("ALTER TABLE bundle DISABLE TRIGGER ALL")
            owner.execute("ALTER TABLE entry DROP CONSTRAINT IF EXISTS entry_log_id_fkey")
            owner.execute("ALTER TABLE entry DROP CONSTRAINT IF EXISTS entry_entry_index_check")
            for statement in statements:
                changed = owner.execute(statement.encode())
                assert changed.rowcount != 0, "nothing was tampered with"

    def change(self, at: int, body: bytes) -> None:
        self.sql(f"UPDATE entry SET body = '\\x{body.hex()}' WHERE entry_index = {at}")

    def write(self, bodies: list[bytes], envelopes: dict[str, bytes] | None = None) -> None:
        """Put this history in the log's place and carry it through: bundles, chains, caches, frontier and head."""
        held = self.ground.envelopes if envelopes is None else envelopes
        with psycopg.connect(self.url) as owner:
            for table in ("entry", "bundle"):
                owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL".encode())
            for table in ("entry", "bundle", *(one.name for one in CACHES)):
                owner.execute(f"DELETE FROM {table}".encode())
            _fill(owner, bodies, held)

    def sign(self, size: int | None = None, *, key: Path | None = None) -> None:
        """Publish all of it anew, or the first `size` entries, with the log's keys and an empty state; nobody is asked
        to cosign.
        """
        shutil.rmtree(self.root)
        self.plan.state.unlink()
        if size is not None:
            bodies = [body for _, body in sorted(self.entries().items())]
            envelopes = self.envelopes()
            self.write(bodies[:size], envelopes)
        plan = structs.replace(self.plan, policy=None, key=key or self.plan.key)
        with opened(plan, self.engine, lambda: TAMPERED_AT) as publisher:
            publisher.step()
        if size is not None:
            self.write(bodies, envelopes)

    def append(self, bundles: Iterable[Told]) -> None:
        """As the server appends, and whoever sent them gets the answers."""
        with connect_writer(self.url) as connection:
            cache = LogCache()
            for at, bundle in bundles:
                [answers] = append(connection, ORIGIN, [Received(bundle, 0)], at, cache)
                self.answers |= {one.entry_index: bytes.fromhex(one.leaf) for one in answers}

    def go_back(self, *, database: bool = False, folder: bool = False, state: bool = False) -> None:
        """Put back copies of an hour ago."""
        then = self.ground.folder / "then"
        if database:
            self.write(self.ground.bodies[: self.ground.early])
        if folder:
            shutil.rmtree(self.root)
            shutil.copytree(then / "published", self.root)
        if state:
            shutil.copyfile(then / "press.state", self.plan.state)


def _fill(owner: psycopg.Connection, bodies: list[bytes], held: dict[str, bytes]) -> None:
    [(log_id,)] = owner.execute("SELECT log_id FROM log").fetchall()
    world, frontier, rows = World(ORIGIN), Frontier(), dict[str, list[tuple[Any, ...]]]()
    seen: set[str] = set()
    for at, body in enumerate(bodies):
        entry, leaf = decode_entry(body), leaf_hash(body)
        claim = decode_claim(entry.claim)
        rows.setdefault("entry", []).append((at, body))
        rows.setdefault("claim_index", []).append((*claim_key(entry.signer, claim.claim_id, entry.claim), at))
        site = getattr(claim, "site", None)
        rows.setdefault("entry_party", []).extend((party, at, site) for party in parties_of(entry, claim))
        if entry.bundle not in seen:
            seen.add(entry.bundle)
            rows.setdefault("bundle", []).append((bytes.fromhex(entry.bundle), held[entry.bundle]))
            rows.setdefault("device_bundle", []).append(tuple(device_bundle(open_bundle(held[entry.bundle]), at)))
        world.fold(entry, claim, leaf.hex())
        frontier = extend(frontier, at, [leaf])
    columns = {
        "entry": ("entry_index", "body"),
        "bundle": ("digest", "envelope"),
        "claim_index": ("signer", "claim_id", "text_digest", "entry_index"),
        "entry_party": ("party", "entry_index", "site"),
        "device_bundle": DeviceBundle._fields,
    }
    for folded in folded_tables(world):
        columns[folded.table], rows[folded.table] = folded.columns, list(folded.rows)
    for table, names in columns.items():
        with owner.cursor().copy(f"COPY {table} (log_id, {', '.join(names)}) FROM STDIN".encode()) as copy:
            for row in rows[table]:
                copy.write_row((log_id, *row))
    owner.execute(
        "UPDATE log SET size = %s, frontier = %s, recorded_at = %s, registry_index = %s, last_leaf = %s, fold = %s",
        (
            world.size, pack_frontier(frontier), world.recorded_at, world.registry_index,
            bytes.fromhex(world.last_leaf), FOLD,
        ),
    )  # fmt: skip


# --- histories


def told(bodies: Iterable[bytes], envelopes: dict[str, bytes]) -> list[Told]:
    """The bundles of these entries in order, each with its time."""
    at = {decode_entry(body).bundle: decode_entry(body).recorded_at for body in bodies}
    return [Told(when, open_bundle(envelopes[digest])) for digest, when in at.items()]


Text = Callable[[c.AnyClaim], c.AnyClaim]


def retell(history: Iterable[Told], lies: dict[str, Text] | None = None) -> list[bytes]:
    """The entries that an honest server would make of these bundles, but for claims that `lies` changes by id."""
    world, bodies = World(ORIGIN), list[bytes]()
    for now, bundle in history:
        chain = chain_after(world.devices.get(bundle.signer), bundle.device_seq, bundle.device_prev)
        for position, signed in enumerate(bundle.claims):
            claim, text = signed.claim, signed.text
            if lies and claim.claim_id in lies:
                claim = lies[claim.claim_id](claim)
                text = mjson.encode(claim).decode()
            outcome = decide(world, claim, now, signer=bundle.signer, clock_offset_ms=0)
            subject = subject_of(world, claim, bundle.signer, outcome)
            seq, prev = next_link(world.head_of(subject))
            entry = Entry(
                v=1, log=ORIGIN, recorded_at=now, clock_offset_ms=0, subject=subject, subject_seq=seq,
                subject_prev=prev, signer=bundle.signer, device_seq=bundle.device_seq, device_chain=chain,
                bundle=bundle.digest.hex(), position=position, pack=pack_label(world, claim), claim=text,
                outcome=outcome,
            )  # fmt: skip
            body = encode_entry(entry)
            bodies.append(body)
            world.fold(entry, claim, leaf_hash(body).hex())
    return bodies


# --- the town


@contextmanager
def town_to_tamper_with(server: EmbeddedServer, template: str, folder: Path) -> Iterator[Ground]:
    """The town, its witness and a server of its files, for as long as this is entered."""
    key, pq_key = write_keys(folder)
    plan = Plan(ORIGIN, folder / "now" / "published", folder / "now" / "press.state", key, pq_key)
    keys = tuple(one.key for one in plan.signers())
    clock = [START]
    witness_plan = new_plan(folder, *keys, name="regulator", pq=False)
    with running_witness(witness_plan, lambda: clock[0]) as witness, handing_out(plan.root) as handout:
        [cosigner] = witness_plan.signers()
        outside = Witness("regulator", cosigner.key, str(witness.base_url))
        policy = Policy(tuple(map(Log, keys)), (outside,), (Group("enough", 1, ("regulator",)),), "enough")
        (folder / "policy.txt").write_bytes(format_policy(policy))
        plan = structs.replace(plan, policy=folder / "policy.txt")
        handout.alter = partial(_prove, handout)
        ground = Ground(server, folder, plan, policy, witness, witness_plan.db, handout)
        server.create_database(NOW, template=template)
        _live(ground, clock)
        clock[0] = TAMPERED_AT
        yield ground
    server.drop_database(NOW)


def _prove(handout: Handout, path: str, answer: tuple[int, bytes]) -> tuple[int, bytes]:
    """What a server answers that is asked for a proof: hashes out of the files, such as they are."""
    asked = re.search(r"/proof/consistency\?old=([0-9]+)&new=([0-9]+)$", path)
    if asked is None:
        return answer
    old, new = map(int, asked.groups())
    try:
        proof = prove_consistency(reader(TileStore(log_folder(handout.root, ORIGIN)), new), old, new)
    except LedgerError:
        return 503, b""
    return 200, json.dumps({"hashes": [encode_base64(one) for one in proof]}).encode()


def _live(ground: Ground, clock: list[int]) -> None:
    town = Town(ground.server.url(NOW))
    story, make = town.story, town.story.make
    town.cylinders(5)
    deliveries = [make(c.RecordArrival, counts={"YSP35.5": number}) for number in range(1, 221)]
    town.tell(story.station, *deliveries, check=False)
    ground.early = _publish(ground, town, clock)
    shutil.copytree(ground.folder / "now", ground.folder / "then")
    story.now += 60 * MINUTE
    _sell(town, SOLD)
    _withdraw(town)
    _deliver(town, SOLD)
    _overfill(town, OVERFILLED)
    story.now += 5 * MINUTE
    ground.size = _publish(ground, town, clock)
    store, checkpoint = ground.store, ground.checkpoint
    read = reader(store, ground.size)
    ground.receipts = {at: Receipt(at, prove_inclusion(read, at, ground.size), checkpoint) for at in range(ground.size)}
    story.now += 9 * MINUTE
    _sell(town, LATE_SOLD)
    _deliver(town, LATE_SOLD)
    _overfill(town, LATE_OVERFILLED)
    town.tell(story.office, story.cylinder(9), check=False)
    for claim in (make(c.CheckPrefill, code=LONER), make(c.AuthoriseFill, code=LONER)):
        town.tell(story.station, claim, check=False)
    town.check()
    town.connection.close()
    ground.station = story.station
    with psycopg.connect(ground.server.url(NOW)) as owner:
        ground.bodies = [body for (body,) in owner.execute("SELECT body FROM entry ORDER BY entry_index")]
        rows = owner.execute("SELECT digest, envelope FROM bundle").fetchall()
    ground.envelopes = {digest.hex(): bytes(envelope) for digest, envelope in rows}
    acts = [c.act_of(decode_claim(decode_entry(body).claim)) for body in ground.bodies]
    ground.old = max(at for at, act in enumerate(acts[: ground.early]) if act == "register_cylinder")
    ground.late = max(at for at, act in enumerate(acts) if act == "complete_fill")
    assert acts[ground.size - 1] == "complete_fill"
    assert ground.early > WIDTH, "one tile is full"
    shutil.copyfile(ground.witness_db, ground.folder / "witness.db")


def _sell(town: Town, number: str) -> None:
    for signer, claim in cycle(town.story, number):
        town.tell(signer, claim, check=False)


def _withdraw(town: Town) -> None:
    """Supply to the kitchen is suspended; a recall is opened, acknowledged, and over."""
    story = town.story
    told: tuple[tuple[Signer, type[c.Claim], dict[str, Any]], ...] = (
        (story.office, c.SuspendSupply, {}),
        (story.authority, c.OpenRecall, {"maker": "XX"}),
        (story.office, c.AcknowledgeRecall, {}),
        (story.authority, c.CloseRecall, {"expects": 0}),
    )
    for signer, act, fields in told:
        claim: Any = story.make(act, **USUAL[act] | fields)
        [outcome] = town.tell(signer, claim, check=False)
        assert not isinstance(outcome, e.Refusal), outcome


def _deliver(town: Town, number: str) -> None:
    """Asked for and refused, handed over all the same, a hazard found there, and the kitchen counted."""
    story = town.story
    acts: tuple[tuple[type[c.Claim], dict[str, Any]], ...] = (
        (c.HandOver, {"code": number}),
        (c.HandOver, {"code": number, "done": True}),
        (c.OpenHazard, {}),
        (c.CountPremises, {"codes": (number,)}),
    )
    refused = []
    for act, fields in acts:
        claim: Any = story.make(act, **USUAL[act] | fields)
        [outcome] = town.tell(story.worker, claim, check=False)
        refused.append(isinstance(outcome, e.Refusal))
    assert refused == [True, False, False, False]


def _overfill(town: Town, number: str) -> None:
    story, make = town.story, town.story.make
    leave = make(c.AuthoriseFill, code=number)
    under = {"code": number, "authorisation": leave.claim_id, "start_weight_g": 16_600}
    full = make(c.CompleteFill, end_weight_g=33_000, scale_seq=2, **under)
    for claim in (make(c.CheckPrefill, code=number), leave, make(c.StartFill, **under), full):
        town.tell(story.station, claim, check=False)


def _publish(ground: Ground, town: Town, clock: list[int]) -> int:
    """All that is committed, published and cosigned, mirrored, and seen by the station; how much that is."""
    clock[0] = town.story.now
    engine = open_engine(town.url)
    with opened(ground.plan, engine, lambda: clock[0]) as publisher:
        assert publisher.step() is not None
        store, size = publisher.store, publisher.state.size
    engine.dispose()
    assert judge_checkpoint(ground.policy, ground.checkpoint).quorum
    store.keep_checkpoint(ground.checkpoint)
    with mirrored(ground, ground.folder / "now") as ours:
        assert ours.step() is not None
    with station_of(ground, ground.folder / "now") as (outbox, sight):
        asyncio.run(look(sight))
        assert outbox.checkpoint() == ground.checkpoint.raw
    head = ground.checkpoint.head
    town.story.station.seen = town.story.worker.seen = Seen(head.size, head.root.hex())
    return size


@contextmanager
def mirrored(ground: Ground, folder: Path) -> Iterator[Mirror]:
    """A mirror that believes no excuse."""
    with (
        Source(ground.handout.url, ORIGIN, pauses_s=()) as source,
        mirror.opened(source, folder / "mirror", ORIGIN, ground.policy, patience_s=0, progress=lambda *_: None) as ours,
    ):
        yield ours


@contextmanager
def station_of(ground: Ground, folder: Path) -> Iterator[tuple[Outbox, Sight]]:
    """A station's memory and what it sees of the log."""
    outbox = Outbox(folder / "station.db", log=ORIGIN, key=private_key("station"))
    keys = tuple(log.key for log in ground.policy.logs)
    try:
        yield outbox, Sight(ground.handout.url, ORIGIN, keys, outbox, has_line=lambda: True, on_fault=lambda _: None)
    finally:
        outbox.close()


async def look(sight: Sight) -> None:
    """One look at the log, and the line is closed."""
    await sight.look()
    await sight.close()
