"""The rows of the tamper matrix: what is done to a published log by whoever holds its database and its keys.

This file is over 400 lines because it is the table: an attack a row, in a few lines each.
"""

import asyncio
import base64
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from msgspec import Struct, structs

from api.publish.publisher import opened
from api.signing import new_private_key, write_private_key
from ledger import claim as c
from ledger import events as e
from ledger.bundle import Bundle, PrivateKey, encode_payload, open_bundle, sign_bundle, signer_id, signer_key
from ledger.entry import decode_entry, encode_entry, leaf_hash
from ledger.evidence import Scope, pack_evidence
from ledger.policy import NONE, Policy, format_policy
from ledger.rules.rule import RULES
from ledger.store.alerts import Follower
from ledger.tiles import ENTRIES, WIDTH, Tile, tile_path
from tests.evidence_kit import relinked
from tests.story import MINUTE, ORIGIN, START, private_key
from tests.tamper_checks import ends, evidence_of, gather, publisher_says, select
from tests.tamper_kit import SOLD_ID, TAMPERED_AT, Ground, Scene, Told, look, mirrored, retell, station_of, told

Preset = dict[str, str | None]
Attack = Callable[[Scene], Preset | None]


class Row(Struct, frozen=True):
    """One attack. `folder`: outsiders look at the published files before the publisher mends them or stops.

    `shown`: nothing of the log is touched, something is shown to somebody; `nobody` says why none beyond the
    operator's reach finds it, Chinese and English.
    """

    name: str
    part: str
    zh: str
    en: str
    attack: Attack
    folder: bool = False
    shown: bool = False
    nobody: tuple[str, str] | None = None


ROWS: dict[str, Row] = {}

DATABASE = "改数据库，不重签 The database changed, nothing signed anew"
UNPUBLISHED = "改未发布的末尾，全套改圆 The unpublished tail changed, all carried through"
FILES = "改发布目录 The published files changed"
COPIES = "放回旧副本，两个发布程序 Old copies put back; two publishers"
KEYS = "用运营者的密钥重写重签 Rewritten and signed anew with the operator's keys"
SHOWN = "给某人看另一个日志 Another log shown to somebody"
EVIDENCE = "证据包 Evidence files"
PARTS = (DATABASE, UNPUBLISHED, FILES, COPIES, KEYS, SHOWN, EVIDENCE)


def row(
    part: str, zh: str, en: str, *, folder: bool = False, nobody: tuple[str, str] | None = None
) -> Callable[[Attack], Attack]:
    """Enter an attack into the table under its function's name."""

    def enter(attack: Attack) -> Attack:
        name = attack.__name__.replace("_", "-")
        ROWS[name] = Row(name, part, zh, en, attack, folder, part in (SHOWN, EVIDENCE), nobody)
        return attack

    return enter


# --- pieces


def lenient(body: bytes) -> bytes:
    """The overfill without its violation."""
    entry = decode_entry(body)
    assert isinstance(entry.outcome, e.CylinderFilled)
    assert entry.outcome.violations
    return encode_entry(structs.replace(entry, outcome=structs.replace(entry.outcome, violations=())))


def weighed_less(claim: c.AnyClaim) -> c.AnyClaim:
    """The overfill as if less had been filled."""
    assert isinstance(claim, c.CompleteFill)
    return structs.replace(claim, end_weight_g=31_000)


def claim_id_at(ground: Ground, at: int) -> str:
    entry = decode_entry(ground.bodies[at])
    return open_bundle(ground.envelopes[entry.bundle]).claims[entry.position].claim.claim_id


def enveloped(envelope: bytes, keyid: str) -> bytes:
    """This envelope as if another key had signed it."""
    outer = json.loads(envelope)
    outer["signatures"][0]["keyid"] = keyid
    return json.dumps(outer, separators=(",", ":")).encode()


def resigned(bundle: Bundle, key: PrivateKey, prev: str | None, claims: Iterable[c.AnyClaim]) -> bytes:
    """A bundle like this one, of these claims, by this key."""
    payload = encode_payload(
        log=ORIGIN, device_seq=bundle.device_seq, device_prev=prev, seen=bundle.seen, claims=list(claims)
    )
    return sign_bundle(payload, key)


def forged(ground: Ground) -> Told:
    """The station's next bundle, which it never signed."""
    assert ground.station is not None
    claim = c.CountStock(
        claim_id="01900000-0000-7000-8000-0000000fffff", scanned_at=TAMPERED_AT, site="S1", person="P1",
        code=ground_code(ground), content=c.Content.EMPTY,
    )  # fmt: skip
    station = ground.station
    payload = encode_payload(
        log=ORIGIN, device_seq=station.device_seq, device_prev=station.device_prev, seen=None, claims=[claim]
    )
    envelope = enveloped(sign_bundle(payload, private_key("a key of the operator's")), station.id)
    return Told(TAMPERED_AT - 5 * MINUTE, open_bundle(envelope))


def ground_code(ground: Ground) -> str:
    entry = decode_entry(ground.bodies[ground.old])
    claim = open_bundle(ground.envelopes[entry.bundle]).claims[entry.position].claim
    assert isinstance(claim, c.RegisterCylinder)
    return claim.code


def with_bundles(ground: Ground, history: Iterable[Told]) -> dict[str, bytes]:
    return ground.envelopes | {one.bundle.digest.hex(): one.bundle.envelope for one in history}


def lied(scene: Scene) -> None:
    """The devices were answered with what stands there now."""
    scene.answers = {at: leaf_hash(body) for at, body in scene.entries().items() if at >= scene.ground.size}


def tail(ground: Ground) -> list[Told]:
    return told(ground.bodies[ground.size :], ground.envelopes)


# --- in the database


@row(DATABASE, "什么也没做（对照）", "nothing (the control)", nobody=("没有可查的", "there is nothing to find"))
def nothing(_: Scene) -> None:
    pass


@row(DATABASE, "改一条已发布的（抹去超装）", "a published entry changed (an overfill erased)")
def published_changed(scene: Scene) -> None:
    at = scene.ground.size - 1
    scene.change(at, lenient(scene.ground.bodies[at]))


@row(
    DATABASE, "改一条早已发布的，记录原文与结果一起改", "an entry of long ago, claim text and outcome changed together"
)
def old_claim_changed(scene: Scene) -> None:
    def lighter(claim: c.AnyClaim) -> c.AnyClaim:
        assert isinstance(claim, c.RegisterCylinder)
        return structs.replace(claim, tare_g=15_500)

    ground = scene.ground
    scene.change(ground.old, retell(ground.history, {claim_id_at(ground, ground.old): lighter})[ground.old])


@row(DATABASE, "改一条未发布的，前沿照旧", "an unpublished entry changed, the frontier left")
def unpublished_changed(scene: Scene) -> None:
    late = scene.ground.late
    scene.change(late, lenient(scene.ground.bodies[late]))


@row(
    DATABASE,
    "改一条已发布的，前沿、链、缓存全套改圆",
    "a published entry changed; frontier, chains and caches carried through",
)
def published_carried(scene: Scene) -> None:
    bodies, at = list(scene.ground.bodies), scene.ground.size - 1
    bodies[at] = lenient(bodies[at])
    scene.write(relinked(bodies, at + 1))


@row(DATABASE, "删一条已发布的", "a published entry deleted")
def published_deleted(scene: Scene) -> None:
    scene.sql(f"DELETE FROM entry WHERE entry_index = {scene.ground.size - 15}")


@row(DATABASE, "删已发布的末尾，改圆", "the published tail deleted, all carried through")
def published_tail_deleted(scene: Scene) -> None:
    scene.write(scene.ground.bodies[: scene.ground.size - 5])


@row(
    DATABASE, "插入一条", "an entry inserted",
    nobody=("没有快照包含它，没有人会信", "no checkpoint contains it, so nobody is asked to believe it"),
)  # fmt: skip
def inserted(scene: Scene) -> None:
    scene.sql(
        "INSERT INTO entry SELECT log_id, max(entry_index) + 1, min(body) FROM entry GROUP BY log_id",
        "UPDATE log SET size = size + 1",
    )


@row(DATABASE, "对调两条已发布的", "two published entries swapped")
def swapped(scene: Scene) -> None:
    scene.sql(
        "UPDATE entry SET entry_index = -1 - entry_index WHERE entry_index IN (100, 101)",
        "UPDATE entry SET entry_index = 100 WHERE entry_index = -102",
        "UPDATE entry SET entry_index = 101 WHERE entry_index = -101",
    )


@row(DATABASE, "清空条目表", "the entries truncated")
def truncated(scene: Scene) -> None:
    scene.sql("TRUNCATE entry")


LAST_BUNDLE = "digest = (SELECT digest FROM device_bundle WHERE entry_index = {})"


@row(DATABASE, "改一个签名原文", "a bundle changed")
def bundle_changed(scene: Scene) -> None:
    where = LAST_BUNDLE.format(scene.ground.size - 1)
    [digest] = {decode_entry(scene.ground.bodies[scene.ground.size - 1]).bundle}
    outer = json.loads(scene.ground.envelopes[digest])
    signature = bytearray(base64.b64decode(outer["signatures"][0]["sig"]))
    signature[9] ^= 1
    outer["signatures"][0]["sig"] = base64.b64encode(signature).decode()
    changed = json.dumps(outer, separators=(",", ":")).encode()
    scene.sql(f"UPDATE bundle SET envelope = '\\x{changed.hex()}' WHERE {where}")


@row(DATABASE, "删一个签名原文", "a bundle deleted")
def bundle_deleted(scene: Scene) -> None:
    scene.sql(f"DELETE FROM bundle WHERE {LAST_BUNDLE.format(scene.ground.size - 1)}")


@row(DATABASE, "对调两个签名原文", "two bundles swapped")
def bundles_swapped(scene: Scene) -> None:
    one, other = (decode_entry(scene.ground.bodies[scene.ground.size - back]).bundle for back in (1, 2))
    held = scene.ground.envelopes
    scene.sql(
        f"UPDATE bundle SET envelope = '\\x{held[other].hex()}' WHERE digest = '\\x{one}'",
        f"UPDATE bundle SET envelope = '\\x{held[one].hex()}' WHERE digest = '\\x{other}'",
    )


@row(DATABASE, "清空签名原文表", "the bundles truncated")
def bundles_truncated(scene: Scene) -> None:
    scene.sql("TRUNCATE bundle")


@row(
    DATABASE, "捏造一条警报，抹去对一只瓶的记忆", "an alert made up, and what is remembered of a cylinder wiped",
    nobody=("警报不在日志里，只是由它算出的表，可重做", "alerts are no entries: a table made of them, to be made anew"),
)  # fmt: skip
def alerts_changed(scene: Scene) -> None:
    with Follower(scene.url, ORIGIN) as follower:
        assert follower.step() is not None
    scene.sql(
        "INSERT INTO alert SELECT log_id, 'F16.9', 'F16', 'open', 9, 0, '{}' FROM log",
        f"DELETE FROM signal_state WHERE key = 'cylinder:{SOLD_ID}'",
    )


# --- the unpublished tail


@row(UNPUBLISHED, "改结果（抹去超装）", "an outcome changed (an overfill erased)")
def tail_outcome(scene: Scene) -> None:
    bodies, late = list(scene.ground.bodies), scene.ground.late
    bodies[late] = lenient(bodies[late])
    scene.write(relinked(bodies, late + 1))
    lied(scene)


@row(UNPUBLISHED, "记录原文与结果一起改", "claim text and outcome changed together")
def tail_claim(scene: Scene) -> None:
    ground = scene.ground
    scene.write(retell(ground.history, {claim_id_at(ground, ground.late): weighed_less}))
    lied(scene)


@row(UNPUBLISHED, "删最后一条", "the last entry deleted")
def tail_deleted(scene: Scene) -> None:
    scene.write(scene.ground.bodies[:-1])


@row(UNPUBLISHED, "删中间一条", "an entry in the middle deleted")
def tail_thinned(scene: Scene) -> None:
    gone = decode_entry(scene.ground.bodies[scene.ground.late]).bundle
    scene.write(retell(one for one in scene.ground.history if one.bundle.digest.hex() != gone))


@row(UNPUBLISHED, "插入一条，伪造签名", "an entry inserted, its signature forged")
def tail_inserted(scene: Scene) -> None:
    history = [*scene.ground.history, forged(scene.ground)]
    scene.write(retell(history), with_bundles(scene.ground, history))


@row(UNPUBLISHED, "对调两条", "two entries swapped")
def tail_swapped(scene: Scene) -> None:
    *history, one, other = scene.ground.history[:-2]
    scene.write(retell([*history, other, one, *scene.ground.history[-2:]]))


@row(UNPUBLISHED, "倒填时间，早于前一条", "back-dated, earlier than the entry before")
def tail_dated_before(scene: Scene) -> None:
    *bodies, last = scene.ground.bodies
    entry = decode_entry(last)
    scene.write([*bodies, encode_entry(structs.replace(entry, recorded_at=START))])
    lied(scene)


@row(
    UNPUBLISHED,
    "倒填时间，次序不乱；签名者见过其后的快照",
    "back-dated in order; its signer had seen a later checkpoint",
)
def tail_dated_seen(scene: Scene) -> None:
    late, at = {one.bundle.digest for one in tail(scene.ground)}, START + 60 * MINUTE + 1
    scene.write(retell(Told(at, one.bundle) if one.bundle.digest in late else one for one in scene.ground.history))
    lied(scene)


@row(UNPUBLISHED, "倒填时间，次序不乱；签名者没有见过快照", "back-dated in order; its signer had seen no checkpoint")
def tail_dated_unseen(scene: Scene) -> None:
    late = tail(scene.ground)
    [office] = [one for one in late if one.bundle.seen is None]
    first = Told(START + 60 * MINUTE + 1, office.bundle)
    rest = [one for one in late if one is not office]
    scene.write(retell([*scene.ground.history[: -len(late)], first, *rest]))
    lied(scene)


@row(UNPUBLISHED, "改规则程序（停掉一条规则）", "rule code changed (a rule silenced)")
def rule_silenced(scene: Scene) -> None:
    scene.write(scene.ground.bodies[: scene.ground.size])
    known = RULES["REG-01@1"]
    RULES["REG-01@1"] = structs.replace(known, check=lambda _: None)
    try:
        scene.append(tail(scene.ground))
    finally:
        RULES["REG-01@1"] = known


@row(
    UNPUBLISHED,
    "改规则包的数字（只改缓存），入账后改回",
    "a figure of the pack changed in the cache, and put back after it was used",
)
def pack_figure(scene: Scene) -> None:
    scene.write(scene.ground.bodies[: scene.ground.size])

    def slower(pack: Any) -> None:
        [params] = [one["params"] for one in pack["pack"]["rules"].values() if "start_s" in one.get("params", {})]
        params["start_s"] *= 10

    with cached(scene, "record", "subject = 'log'", slower):
        scene.append(tail(scene.ground))


@row(
    UNPUBLISHED,
    "改缓存（冒充已办使用登记），入账后改圆",
    "a cache changed (a use registration pretended), mended after it was used",
)
def cache_used(scene: Scene) -> None:
    *first, prefill, leave = scene.ground.history

    def registered(cylinder: Any) -> None:
        cylinder["use_registration"] = "UR0"

    scene.write(scene.ground.bodies[:-2])
    listed = "subject = 'use_registration:UR0'"
    [cylinder] = [one.bundle.claims[0].claim for one in first[-1:]]
    assert isinstance(cylinder, c.RegisterCylinder)
    where = f"cylinder = '{cylinder.cylinder}'"
    with (
        cached(scene, "record", listed, lambda paper: paper["cylinders"].append(cylinder.cylinder)),
        cached(scene, "cylinder", where, registered, put_back=False),
    ):
        scene.append([prefill, leave])
    scene.write([body for _, body in sorted(scene.entries().items())], scene.envelopes())


@row(
    UNPUBLISHED,
    "改缓存（抹去暂停供气），交付入账后改回",
    "a cache changed (a suspension of supply hidden), and put back after a delivery used it",
)
def suspension_hidden(scene: Scene) -> None:
    scene.write(scene.ground.bodies[: scene.ground.size])
    with cached(scene, "place", "place = 'premises:H1'", lambda there: there.pop("suspensions"), put_back=False):
        scene.append(tail(scene.ground))
    scene.write([body for _, body in sorted(scene.entries().items())], scene.envelopes())


@contextmanager
def cached(
    scene: Scene, table: str, where: str, change: Callable[[Any], None], *, put_back: bool = True
) -> Iterator[None]:
    """Meanwhile, a row of a cache says something else."""
    with psycopg.connect(scene.url) as owner:
        [(body,)] = owner.execute(f"SELECT body FROM {table} WHERE {where}".encode()).fetchall()
    said = json.loads(body)
    change(said)
    new = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
    scene.sql(f"UPDATE {table} SET body = '\\x{new.hex()}' WHERE {where}")
    yield
    if put_back:
        scene.sql(f"UPDATE {table} SET body = '\\x{body.hex()}' WHERE {where}")


# --- the published files


def spoil(scene: Scene, tile: Tile) -> None:
    path = scene.spoilt = scene.store.folder / tile_path(tile)
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)


@row(FILES, "改最右的哈希瓦片", "the rightmost hash tile edited", folder=True)
def last_tile(scene: Scene) -> None:
    spoil(scene, Tile(0, 1, scene.ground.size - 256))


@row(FILES, "改一块满的哈希瓦片", "a full hash tile edited", folder=True)
def full_tile(scene: Scene) -> None:
    spoil(scene, Tile(0, 0))


@row(FILES, "改最右的条目包文件", "the rightmost entry bundle file edited", folder=True)
def last_entry_bundle(scene: Scene) -> None:
    spoil(scene, Tile(ENTRIES, 1, scene.ground.size - 256))


@row(FILES, "改一个满的条目包文件", "a full entry bundle file edited", folder=True)
def full_entry_bundle(scene: Scene) -> None:
    spoil(scene, Tile(ENTRIES, 0))


@row(FILES, "改快照的树根", "the root in `checkpoint` edited", folder=True)
def checkpoint_edited(scene: Scene) -> None:
    origin, size, root, *rest = scene.checkpoint.raw.split(b"\n")
    root = base64.b64encode(bytes(reversed(base64.b64decode(root))))
    scene.store.write_checkpoint(b"\n".join((origin, size, root, *rest)))


@row(FILES, "放回旧快照", "an older checkpoint put out again", folder=True)
def checkpoint_old(scene: Scene) -> None:
    raw = scene.store.read_kept(scene.ground.early)
    assert raw is not None
    scene.store.write_checkpoint(raw)
    scene.spoilt = scene.store.folder / "checkpoint"


# --- old copies, two publishers


@row(COPIES, "恢复旧备份：只有数据库", "an old dump restored: the database alone")
def old_database(scene: Scene) -> None:
    scene.go_back(database=True)


@row(COPIES, "恢复旧备份：数据库与发布目录", "an old dump restored: database and folder")
def old_database_folder(scene: Scene) -> None:
    scene.go_back(database=True, folder=True)


@row(COPIES, "恢复旧备份：数据库、发布目录、状态文件", "an old dump restored: database, folder and state file")
def old_everything(scene: Scene) -> None:
    scene.go_back(database=True, folder=True, state=True)


@row(
    COPIES,
    "三者都恢复，再写出另一段历史，不请见证方",
    "all three restored, another history grown from there, no witness asked",
)
def old_regrown(scene: Scene) -> Preset:
    scene.go_back(database=True, folder=True, state=True)
    kept = scene.ground.history
    gone = {decode_entry(scene.ground.bodies[scene.ground.early]).bundle}
    scene.write(retell(one for one in kept if one.bundle.digest.hex() not in gone))
    stopped = publisher_says(scene)
    unwitnessed(scene)
    return {"publisher": stopped}


@row(
    COPIES, "同机再开一个发布程序", "a second publisher started beside the first",
    nobody=("第二个开不了，什么也没有发生", "the second does not start; nothing comes of it"),
)  # fmt: skip
def second_publisher(scene: Scene) -> Preset:
    with opened(scene.plan, scene.engine, lambda: TAMPERED_AT):
        return {"publisher": publisher_says(scene)}


@row(
    COPIES,
    "连密钥整套复制到另一台机器，两边各发各的",
    "all copied to another machine, keys and state too; both publish",
)
def copied_publisher(scene: Scene) -> Preset:
    first, now = scene.folder / "first", scene.folder / "now"
    shutil.copytree(now, first)
    plan = structs.replace(scene.plan, root=first / "published", state=first / "press.state")
    with opened(plan, scene.engine, lambda: TAMPERED_AT) as publisher:
        publisher.step()
    scene.ground.handout.swap(first / "published")
    with mirrored(scene.ground, now) as ours:
        ours.step()
    with station_of(scene.ground, now) as (_, sight):
        asyncio.run(look(sight))
    scene.ground.handout.swap(scene.root)
    scene.write(retell(scene.ground.history[:-3]))
    stopped = publisher_says(scene)
    unwitnessed(scene)
    return {"publisher": stopped}


def unwitnessed(scene: Scene) -> None:
    """Publish without asking any witness, which would stop it."""
    with opened(structs.replace(scene.plan, policy=None), scene.engine, lambda: TAMPERED_AT) as publisher:
        publisher.step()


# --- with the operator's keys


def erased(ground: Ground) -> list[bytes]:
    """All of it, with the published overfill never found."""
    bodies, at = list(ground.bodies), ground.size - 1
    bodies[at] = lenient(bodies[at])
    return relinked(bodies, at + 1)


@row(KEYS, "改一条，同样大小另一个树根", "an entry changed: the same size, another root")
def rewritten_same_size(scene: Scene) -> None:
    scene.write(erased(scene.ground))
    scene.sign(scene.ground.size)


@row(KEYS, "改一条，长大之后再示人", "an entry changed, shown once the log had grown")
def rewritten_grown(scene: Scene) -> None:
    scene.write(erased(scene.ground))
    scene.sign()


@row(KEYS, "改记录原文与结果", "claim text and outcome changed")
def rewritten_claim(scene: Scene) -> None:
    ground = scene.ground
    scene.write(retell(ground.history, {claim_id_at(ground, ground.size - 1): weighed_less}))
    scene.sign()


@row(KEYS, "删一条，全部重算", "an entry left out, all after it decided again")
def rewritten_without(scene: Scene) -> None:
    gone = decode_entry(scene.ground.bodies[scene.ground.size - 1]).bundle
    scene.write(retell(one for one in scene.ground.history if one.bundle.digest.hex() != gone))
    scene.sign()


@row(KEYS, "插入一条，伪造签名", "an entry inserted, its signature forged")
def rewritten_inserted(scene: Scene) -> None:
    ground = scene.ground
    at = decode_entry(ground.bodies[ground.size - 1]).recorded_at
    history = ground.history
    first = next(number for number, one in enumerate(history) if one.at == at)
    history.insert(first, Told(at, forged(ground).bundle))
    scene.write(retell(history), with_bundles(ground, history))
    scene.sign()


@row(KEYS, "对调两条", "two entries swapped")
def rewritten_swapped(scene: Scene) -> None:
    history = scene.ground.history
    at = next(number for number, one in enumerate(history) if len(one.bundle.claims) > WIDTH // 2)  # the deliveries
    history[at - 1 : at + 1] = reversed(history[at - 1 : at + 1])
    scene.write(retell(history))
    scene.sign()


@row(KEYS, "倒填时间", "entries back-dated")
def rewritten_dated(scene: Scene) -> None:
    scene.write(retell(Told(max(START, one.at - 30 * MINUTE), one.bundle) for one in scene.ground.history))
    scene.sign()


@row(
    KEYS,
    "换掉登记的设备密钥，用它重签该设备的一切",
    "a device's enrolled key swapped, and all its bundles signed with that one",
)
def device_key_swapped(scene: Scene) -> None:
    history = list(swapped_key(scene.ground))
    scene.write(retell(history), with_bundles(scene.ground, history))
    scene.sign()


def swapped_key(ground: Ground) -> Iterator[Told]:
    assert ground.station is not None
    key = private_key("a key of the operator's")
    mine, prev = signer_key(key), None
    for at, bundle in ground.history:
        claims = [one.claim for one in bundle.claims]
        [first, *_] = claims
        if isinstance(first, c.EnrolSigner) and first.signer == ground.station.id:
            enrolment = structs.replace(first, signer=signer_id(mine), key=mine)
            yield Told(
                at, open_bundle(enveloped(resigned(bundle, key, bundle.device_prev, [enrolment]), bundle.signer))
            )
        elif bundle.signer == ground.station.id:
            again = open_bundle(resigned(bundle, key, prev, claims))
            prev = again.digest.hex()
            yield Told(at, again)
        else:
            yield Told(at, bundle)


@row(KEYS, "换掉发布密钥", "the publishing key swapped")
def publishing_key_swapped(scene: Scene) -> Preset:
    key = scene.folder / "another.pem"
    write_private_key(key, new_private_key("ed25519"))
    swapped = structs.replace(scene.plan, key=key, pq_key=None)
    honest, scene.plan = scene.plan, swapped
    stopped = publisher_says(scene)
    scene.sign(key=key)
    scene.plan = honest
    return {"publisher": stopped}


# --- shown to somebody


def forked(ground: Ground) -> list[Told]:
    """The published overfill gone; in its place what the log's own signer may say. All signatures are good."""
    gone, history = decode_entry(ground.bodies[ground.size - 1]).bundle, ground.history
    at = next(number for number, one in enumerate(history) if one.bundle.digest.hex() == gone)
    assert ground.station is not None
    claim = c.RaiseAlert(
        claim_id="01900000-0000-7000-8000-0000000fffff", scanned_at=START, kind=c.AlertKind.REPLAY,
        signer=ground.station.id, entries=(1, 2), device_seq=3,
    )  # fmt: skip
    payload = encode_payload(log=ORIGIN, device_seq=0, device_prev=None, seen=None, claims=[claim])
    history[at] = Told(history[at].at, open_bundle(sign_bundle(payload, private_key("log"))))
    return history


def show_fork(scene: Scene, size: int | None = None) -> None:
    history = forked(scene.ground)
    scene.write(retell(history), with_bundles(scene.ground, history))
    scene.sign(size)
    scene.evidence = evidence_of(scene)


@row(SHOWN, "少一条，同样大小", "an entry left out, of the same size")
def fork_same_size(scene: Scene) -> None:
    show_fork(scene, scene.ground.size)


@row(SHOWN, "少一条，更大", "an entry left out, larger")
def fork_larger(scene: Scene) -> None:
    show_fork(scene)


@row(
    SHOWN,
    "同上（更大），给策略不要求见证的人；其中有设备的 `seen`",
    "the same (larger), to somebody whose policy asks for no witness; devices' `seen` is in it",
)
def fork_unwitnessed(scene: Scene) -> None:
    scene.trusted = asking_nobody(scene)
    show_fork(scene)


@row(
    SHOWN,
    "同上（同样大小），给策略不要求见证的人；其中没有设备的 `seen`",
    "the same (same size), to somebody whose policy asks for no witness; no device's `seen` is in it",
)
def fork_unseen(scene: Scene) -> None:
    scene.trusted = asking_nobody(scene)
    show_fork(scene, scene.ground.size)


def asking_nobody(scene: Scene) -> Policy:
    return Policy(scene.ground.policy.logs, (), (), NONE)


# --- evidence files


@row(EVIDENCE, "全日志，少一条", "of the whole log, an entry left out")
def left_out_of_log(scene: Scene) -> None:
    bodies = scene.ground.bodies[: scene.ground.size]
    entries = {at: body for at, body in enumerate(bodies) if at != len(bodies) - 1}
    scene.evidence = pack_evidence(gather(scene, Scope("log"), entries))


@row(
    EVIDENCE, "单瓶，少最后一条，链尾声明为真", "of a cylinder, its last entry left out, the log's word of its end true"
)
def left_out_of_chain(scene: Scene) -> None:
    whole = of_cylinder(scene, scene.ground.size)
    last = max(at for at in whole if decode_entry(whole[at]).subject == f"cylinder:{scene.cylinder}")
    rest = {at: body for at, body in whole.items() if at != last}
    evidence = gather(scene, Scope("cylinder", scene.cylinder), rest)
    true = ends(scene, Scope("cylinder", scene.cylinder), whole)
    scene.evidence = pack_evidence(structs.replace(evidence, heads=true))


@row(
    EVIDENCE,
    "单瓶，少最后一条，链尾声明也撒谎",
    "of a cylinder, its last entry left out, the log's word of its end a lie",
)
def left_out_with_a_lie(scene: Scene) -> None:
    whole = of_cylinder(scene, scene.ground.size)
    last = max(at for at in whole if decode_entry(whole[at]).subject == f"cylinder:{scene.cylinder}")
    rest = {at: body for at, body in whole.items() if at != last}
    scene.evidence = pack_evidence(gather(scene, Scope("cylinder", scene.cylinder), rest))


@row(EVIDENCE, "改一条", "an entry changed")
def evidence_entry_changed(scene: Scene) -> None:
    bodies = scene.ground.bodies[: scene.ground.size]
    scene.evidence = pack_evidence(gather(scene, Scope("log"), dict(enumerate([*bodies[:-1], lenient(bodies[-1])]))))


@row(EVIDENCE, "附上另一份策略", "with another policy")
def evidence_other_policy(scene: Scene) -> None:
    evidence = gather(scene, Scope("log"), dict(enumerate(scene.ground.bodies[: scene.ground.size])))
    scene.evidence = pack_evidence(structs.replace(evidence, policy=format_policy(asking_nobody(scene))))


@row(EVIDENCE, "旧快照，其后的都不给", "as of an old checkpoint, nothing after it")
def evidence_stale(scene: Scene) -> None:
    scene.go_back(database=True, folder=True)
    scene.evidence = evidence_of(scene)


def of_cylinder(scene: Scene, size: int) -> dict[int, bytes]:
    """An honest selection."""
    return select(dict(enumerate(scene.ground.bodies[:size])), scene.cylinder)
