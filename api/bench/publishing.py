"""The bench as a publisher: keys and a publishing file of its own, all of a database put out at once, and evidence."""

from collections.abc import Iterable
from pathlib import Path
from time import perf_counter

from msgspec import Struct

from api.bench.town import ORIGIN, real_clock
from api.evidence.collect import Source, collect_evidence
from api.publish.plan import Plan, read_places
from api.publish.publisher import opened
from api.publish.tile_store import TileStore, log_folder
from api.signing import new_pq_key, new_private_key, write_private_key
from ledger.evidence import Scope, pack_evidence
from ledger.policy import format_policy
from ledger.store.read import open_engine

FILE = "publish.toml"


class PutOut(Struct, frozen=True):
    """A published log's folder, its entries, and the seconds that the first step over them took."""

    folder: Path
    entries: int
    seconds: float


class Proofs(Struct, frozen=True):
    """What outsiders hold of a filled log: all of it as published, some cylinders' evidence files, and the policy."""

    published: PutOut
    evidence: list[bytes]
    policy: bytes


def write_publish_file(folder: Path) -> Path:
    """A new folder with both keys, and the file that has the bench's log published beside them."""
    folder.mkdir()
    write_private_key(folder / "publish.pem", new_private_key("ed25519"))
    write_private_key(folder / "publish-pq.pem", new_pq_key())
    file = folder / FILE
    file.write_text(
        f'[[logs]]\nlog = "{ORIGIN}"\ndir = "published"\nstate = "bench.state"\n'
        'key = "publish.pem"\npq_key = "publish-pq.pem"\n'
    )
    return file


def put_out(file: Path, url: str) -> PutOut:
    """Publish all that the database at `url` has, in this process: read, hash, write durably, sign with both keys."""
    plan, engine = _plan(file), open_engine(url)
    try:
        begun = perf_counter()
        with opened(plan, engine, real_clock) as publisher:
            published = publisher.step()
        seconds = perf_counter() - begun
    finally:
        engine.dispose()
    assert published is not None, "a filed town is news"
    return PutOut(log_folder(plan.root, ORIGIN), published.head.size, seconds)


def policy_of(file: Path) -> bytes:
    """The policy that believes this publisher's keys and asks for no witness."""
    return format_policy(_plan(file).trust())


def evidence_of(file: Path, url: str, cylinders: Iterable[str]) -> list[bytes]:
    """The evidence file of each of these cylinders, with their chains' ends signed, out of what was put out."""
    plan, engine = _plan(file), open_engine(url)
    store = TileStore(log_folder(plan.root, ORIGIN))
    source = Source(engine, ORIGIN, store, policy_of(file), plan.signers()[0])
    try:
        collected = [collect_evidence(source, Scope("cylinder", one)) for one in cylinders]
    finally:
        engine.dispose()
    return [pack_evidence(one.evidence) for one in collected]


def _plan(file: Path) -> Plan:
    [place] = read_places(file)
    assert place.plan is not None
    return place.plan
