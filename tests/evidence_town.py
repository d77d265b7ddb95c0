"""A published town with something of everything to give evidence of, and an outsider's look at a file."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import structs

from api.publish.plan import read_places
from api.publish.tile_store import TileStore, log_folder
from ledger import claim as c
from ledger.bundle import Seen, encode_payload, sign_bundle
from ledger.checkpoint import Checkpoint, parse_checkpoint
from ledger.china import day_of
from ledger.entry import Entry, decode_entry
from ledger.evidence import Evidence, Scope, pack_evidence
from ledger.heads import check_heads, parse_heads
from ledger.policy import format_policy, parse_policy
from ledger.verify import Report, verify
from ledger.world import Head
from tests.http_town import Town, serve_town
from tests.story import ORIGIN, Signer, code

LOG = f"/logs/{ORIGIN}"
PHOTO = b"stamp and label in one picture"
PHOTO_DIGEST = hashlib.sha256(PHOTO).hexdigest()
FILLED, RELABELLED, GONE = code(1), code(2), code(3)
NEW_LABEL = code(92)
STAMP = "stamp:GL_2000001_2024-06"  # of the filled one


def cylinder_id(number: int) -> str:
    return f"01900000-0000-7000-9000-{number:012x}"


def published(town: Town) -> int:
    """How many entries are published, once it is all that are committed."""
    deadline = time.monotonic() + 20
    while True:
        log = town.http.get("/health").json()["logs"][0]
        if log["publishing"]["size"] == log["size"]:
            return int(log["size"])
        assert time.monotonic() < deadline, log
        time.sleep(0.02)


def store_of(trust: Path) -> TileStore:
    return TileStore(log_folder(trust.parent / "published", ORIGIN))


def policy_of(trust: Path) -> bytes:
    """The policy of a publishing file that names none: its own keys, and no witness."""
    [place] = read_places(trust)
    assert place.plan is not None
    return format_policy(place.plan.trust())


def keep(town: Town, trust: Path) -> Checkpoint:
    """Keep the newest checkpoint, whatever the publisher would have kept."""
    published(town)
    raw = store_of(trust).read_checkpoint()
    assert raw is not None
    checkpoint = parse_checkpoint(raw)
    store_of(trust).keep_checkpoint(checkpoint)
    return checkpoint


def post_seen(town: Town, signer: Signer, checkpoint: Checkpoint, *claims: c.AnyClaim) -> None:
    """A bundle whose device had seen that checkpoint."""
    seen = Seen(checkpoint.head.size, checkpoint.head.root.hex())
    payload = encode_payload(
        log=ORIGIN, device_seq=signer.device_seq, device_prev=signer.device_prev, seen=seen, claims=list(claims)
    )
    signer.device_seq, signer.device_prev = signer.device_seq + 1, hashlib.sha256(payload).hexdigest()
    assert town.send(sign_bundle(payload, signer.key)).status_code == 200


def _done(answers: list[dict[str, Any]]) -> None:
    assert [one["outcome"]["type"] for one in answers] != ["refused.v1"], answers


def live(town: Town, trust: Path) -> None:
    """A fill, a new label with its photograph, a whole end of life; checkpoints kept and seen in between."""
    story, make = town.story, town.story.make
    town.with_cylinder(1)
    first = keep(town, trust)
    town.fill_cycle(FILLED)
    keep(town, trust)
    town.with_cylinder(2)
    relabel = {"new_code": NEW_LABEL, "retires": RELABELLED, "person": "P1", "second_person": "P2"}
    _done(town.post(story.office, make(c.BindCode, code=RELABELLED, **relabel, photo_digest=PHOTO_DIGEST)))
    post_seen(town, story.station, first, make(c.CheckPrefill, code=NEW_LABEL))
    town.with_cylinder(3)
    _done(town.post(story.office, make(c.DecideScrap, code=GONE, cause=c.Cause.LIFE_END, person="P1")))
    destroyed = {"witness": "P2", "method": "flattened", "photo_digest": "00" * 32}
    _done(town.post(story.station, make(c.DestroyCylinder, code=GONE, **destroyed)))
    _done(town.post(story.office, make(c.DeregisterCylinder, code=GONE)))
    given = {"person": "W1", "vehicle": "V2", "customer": "K1", "premises": "H1", "position": "outdoor"}
    town.with_cylinder(4)
    _done(town.post(story.worker, make(c.HandOver, code=code(4), site="S1", done=True, **given)))
    _done(town.post(story.authority, make(c.OpenRecall, recall="R1", tank_lot="T1", drill=True)))
    # The first one again: refused to a rival (P-256), inspected by a body whose key is revoked thereafter.
    town.post(story.rival, make(c.BindCode, code=FILLED, new_code=code(91), person="P1"))
    inspected = {"person": "I1", "reviewer": "I2", "inspected_on": day_of(story.now), "report_digest": "00" * 32}
    _done(town.post(story.inspector, make(c.RecordInspection, code=FILLED, site="B1S", passed=True, **inspected)))
    enrolled = story.enrolment(story.inspector, c.Role.INSPECTION_BODY, "B1", ("B1S",))
    _done(town.post(story.authority, structs.replace(enrolled, status="revoked", expects=0)))
    published(town)


@contextmanager
def serve_life(url: str, trust: Path, **settings: Any) -> Iterator[Town]:
    """The town after all that; `trust` is its publishing file."""
    with serve_town(url, publish_file=trust, **settings) as town:
        if "tokens" in settings:
            town.http.headers["Authorization"] = "Bearer all"
        live(town, trust)
        yield town


def proved(found: Evidence) -> Report:
    """What the verifier says of a file under its own policy; it must be something good."""
    report = verify(pack_evidence(found), found.policy)
    assert isinstance(report, Report), report
    return report


def looked_at(found: Evidence) -> dict[int, Entry]:
    """The entries of a sound file."""
    proved(found)
    return {index: decode_entry(body) for index, body in found.entries.items()}


def asked_of(found: Evidence) -> Scope:
    """The scope alone, without what is cited besides."""
    return structs.replace(found.scope, chains=(), cited=())


def beside_of(found: Evidence) -> set[int]:
    """Where what is cited besides the scope's own stands."""
    chains = found.scope.chains
    return {*found.scope.cited, *(at for at, one in looked_at(found).items() if one.subject in chains)}


def heads_of(found: Evidence) -> dict[str, Head]:
    return check_heads(parse_heads(found.heads), parse_policy(found.policy)).heads
