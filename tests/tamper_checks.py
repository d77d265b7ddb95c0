"""Who looks at a tampered town, and what each finds: '' for nothing, None for those who have nothing to look at.

The operator's own: audit, publisher, sentry. Everybody else is beyond the operator's reach: they hold what they were
once given, and are shown what the operator shows now.
"""

import asyncio
import dataclasses
import gc
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import httpx
import psycopg
import pytest
from click.testing import CliRunner

import ledger.shell
from api.mirror.conflict import FOLDER, Contradicted
from api.publish.publisher import opened
from api.publish.recheck import Recheck
from api.publish.stopped import Stopped
from api.publish.tree import reader
from api.sentry.watch import Watch
from ledger import claim as c
from ledger.bundle import decode_claim, open_bundle
from ledger.checkpoint import TreeHead, parse_checkpoint
from ledger.entry import Entry, decode_entry, leaf_hash
from ledger.errors import BadProof, LedgerError
from ledger.evidence import Evidence, Scope, pack_evidence, parse_evidence
from ledger.heads import Heads, sign_heads
from ledger.policy import format_policy, judge_checkpoint
from ledger.proofs import check_consistency, prove_consistency, prove_inclusion, tree_root
from ledger.receipt import check_receipt
from ledger.shell.replay import replay_command
from ledger.store.audit import audit
from ledger.store.read import ALL_SITES, log_state, reading
from ledger.verify import Unproved, verify
from ledger.witness_request import AddCheckpoint, format_request
from ledger.world import FILED, Head, filing_party, parties_of
from tests.story import ORIGIN, Story
from tests.tamper_kit import TAMPERED_AT, Scene, Told, look, mirrored, station_of

SECOND = Path(ledger.shell.__path__[0]) / "second_verifier.py"

LATER_MS = 48 * 3_600_000


# --- the operator's own


def audit_says(scene: Scene) -> str:
    """The tables that are not as the log says."""
    try:
        findings = audit(scene.url, ORIGIN).findings
    except LedgerError as fault:
        return fault.slug
    return " ".join(list(dict.fromkeys(one.table for one in findings))[:3])


def publisher_says(scene: Scene) -> str:
    """Why publishing stops, at opening, at its next step or when everything is read again; `mended` when it writes a
    changed file anew and goes on.
    """
    spoilt = None if scene.spoilt is None else scene.spoilt.read_bytes()
    try:
        with opened(scene.plan, scene.engine, lambda: TAMPERED_AT) as publisher:
            publisher.step()
            recheck = Recheck(scene.engine, ORIGIN, publisher.store, publisher.state.size)
            while not recheck.go_on():
                pass
    except Stopped as stopped:
        return stopped.reason
    except LedgerError as fault:
        return fault.slug
    mended = scene.spoilt is not None and not (scene.spoilt.exists() and scene.spoilt.read_bytes() == spoilt)
    return "mended" if mended else ""


def sentry_says(scene: Scene) -> str:
    """The alerts, once the station has sent its next bundle and two days went by."""
    assert scene.ground.station is not None
    station, story = dataclasses.replace(scene.ground.station), Story(now=TAMPERED_AT, ids=count(1_000_000))
    report = story.make(c.RecordArrival, counts={"YSP35.5": 40})
    with suppress(LedgerError, psycopg.Error, KeyError, AssertionError):  # a log in ruins takes none
        scene.append([Told(TAMPERED_AT, open_bundle(station.sign(report)))])
    watch = Watch(scene.store)
    try:
        with reading(scene.engine, ALL_SITES) as connection:
            while not watch.go_on(connection, log_state(connection, ORIGIN), TAMPERED_AT + LATER_MS):
                pass
    except LedgerError as fault:
        return fault.slug
    return " ".join(sorted({sign.kind for sign in watch.found}))


# --- beyond the operator's reach


def witness_says(scene: Scene) -> str | None:
    """The regulator's witness, asked to cosign what is published. What it was never asked for, it does not know."""
    http = scene.ground.witness
    newest = parse_checkpoint(http.get(f"/{hashlib.sha256(ORIGIN.encode()).hexdigest()}/checkpoint").content).head
    if scene.evidence is not None:  # who was shown it asks the witness for its newest
        return against(scene, newest)
    shown = scene.checkpoint
    size = shown.head.size
    old = min(newest.size, size)
    proof = prove_consistency(reader(scene.store, size), old, size)
    answer = http.post("/add-checkpoint", content=format_request(AddCheckpoint(old, proof, shown)))
    kinds = [one["kind"] for one in http.get("/conflicts").json()]
    return " ".join(() if answer.status_code == httpx.codes.OK else (str(answer.status_code), *kinds))


def mirror_says(scene: Scene) -> str:
    """The mirror's next step; where files were changed that it has already, a new mirror's first."""
    for folder in ("now", "new") if scene.spoilt is not None else ("now",):
        try:
            with mirrored(scene.ground, scene.folder / folder) as ours:
                ours.step()
        except Contradicted:
            told = (scene.folder / folder / "mirror" / ORIGIN / FOLDER).iterdir()
            return " ".join({path.name.partition("-")[0] for path in told})
        except LedgerError as fault:
            return fault.slug
    return ""


def device_says(scene: Scene) -> str:
    """The station's next look at the log: why it sounds the alarm."""
    with station_of(scene.ground, scene.folder / "now") as (outbox, sight):
        asyncio.run(look(sight))
        found = [why for _, _, why in outbox.contradictions()]
    reasons = {"shorter": "shorter", "rewritten": "rewritten", "did not sign": "bad-signature"}
    return " ".join(code for why in found for words, code in reasons.items() if words in why)


def receipt_says(scene: Scene) -> str:
    """Whoever holds the receipt, or before publication the answer, of the entry in question: is it still there, and
    does what is published now contain what was published then?
    """
    if scene.evidence is not None:
        return against(scene, scene.ground.receipts[0].checkpoint.head) or lacking(scene)
    return not_there(scene) or not_contained(scene)


def not_there(scene: Scene) -> str:
    """What is wrong with the first entry that is not what its holder was given."""
    ground, entries = scene.ground, scene.entries()
    promised = {at: leaf_hash(ground.bodies[at]) for at in ground.receipts} | scene.answers
    for at, leaf in promised.items():
        if at not in entries:
            return "gone"
        if leaf_hash(entries[at]) != leaf:
            if at in ground.receipts:
                with pytest.raises(BadProof):
                    check_receipt(entries[at], ground.receipts[at], ground.policy)
            return "other-entry"
    return ""


def not_contained(scene: Scene) -> str:
    """What is wrong with the published checkpoint beside that of the receipts."""
    old, new = scene.ground.receipts[0].checkpoint.head, scene.checkpoint.head
    try:
        judge_checkpoint(scene.ground.policy, scene.checkpoint)
        if new.size < old.size:
            return "shorter"
        proof = prove_consistency(reader(scene.store, new.size), old.size, new.size)
        check_consistency(old.size, new.size, proof, old.root, new.root)
    except LedgerError as fault:
        return fault.slug
    return ""


def against(scene: Scene, held: TreeHead) -> str:
    """The checkpoint of an evidence file, beside one that an outsider holds."""
    assert scene.evidence is not None
    shown = parse_checkpoint(parse_evidence(scene.evidence).checkpoint).head
    if shown.size < held.size:
        return "newer"
    try:
        proof = prove_consistency(reader(scene.store, shown.size), held.size, shown.size)
        check_consistency(held.size, shown.size, proof, held.root, shown.root)
    except BadProof:
        return "fork"
    return ""


def lacking(scene: Scene) -> str:
    """Whether evidence lacks an entry of its scope that somebody holds the receipt of."""
    assert scene.evidence is not None
    evidence = parse_evidence(scene.evidence)
    wanted = f"{evidence.scope.kind}:{evidence.scope.id}"
    named = {at for at in scene.ground.receipts if wanted in ("log:", *_parties(decode_entry(scene.ground.bodies[at])))}
    return "left-out" if named - evidence.entries.keys() else ""


def replay_says(scene: Scene) -> str | None:
    """Whoever replays what is published, and what the database holds of it; or the evidence of a whole log."""
    policy, file, newest = (scene.folder / name for name in ("policy.txt", "entries", "newest"))
    policy.write_bytes(format_policy(scene.trusted))
    if scene.evidence is not None:
        file.write_bytes(scene.evidence)
        return None if parse_evidence(scene.evidence).proofs else _replay(str(file), policy)
    found = _replay(str(scene.store.folder), policy)
    shown = scene.checkpoint
    held = [body for at, body in scene.entries().items() if at < shown.head.size]
    if found or held == scene.ground.bodies[: shown.head.size]:
        return found
    file.write_bytes(b"".join(body + b"\n" for body in held))
    newest.write_bytes(shown.raw)
    return _replay(str(file), policy, "--checkpoint", str(newest))


def _replay(source: str, policy: Path, *more: str) -> str:
    told = CliRunner().invoke(replay_command, [source, "--policy", str(policy), *more])
    gc.enable()
    differs = re.search(r"^[^ ]+ (?:entry [0-9]+|checkpoint)：([^\n]*)$", told.stdout, re.MULTILINE)
    if told.exit_code == 1:
        assert differs is not None, told.output
        return "undecodable" if differs[1] == "entry" else differs[1]
    assert told.exit_code in (0, 2), told.output
    return "unreadable" if told.exit_code else ""


def verify_says(scene: Scene) -> str | None:
    """The verifier, given what evidence the operator can make of this."""
    evidence = evidence_of(scene)
    if evidence is None:
        return None
    answer = verify(evidence, format_policy(scene.trusted))
    if isinstance(answer, Unproved):
        return f"step {answer.step}"
    told = {"contradicted": answer.contradicted, "back-dated": answer.back_dated}
    return " ".join(f"told {what}" for what, entries in told.items() if entries)


def second_says(scene: Scene) -> str | None:
    """The second verifier, as a process."""
    file, policy, evidence = scene.folder / "evidence.zip", scene.folder / "policy.txt", evidence_of(scene)
    if evidence is None:
        return None
    file.write_bytes(evidence)
    policy.write_bytes(format_policy(scene.trusted))
    words = [sys.executable, str(SECOND), str(file), "--policy", str(policy), "--json"]
    run = subprocess.run(words, capture_output=True, text=True, check=False)
    assert run.returncode in (0, 1), run.stderr
    answer = json.loads(run.stdout.splitlines()[-1])
    assert answer["accepted"] is (run.returncode == 0)
    if not answer["accepted"]:
        return f"step {answer['step']}"
    return "told contradicted" if answer["contradicted"] else ""


# --- what the operator can show for evidence


def evidence_of(scene: Scene) -> bytes | None:
    """All that was published; where that is not to be had any more, what there is of one cylinder, said to be all; None
    where there is nothing.
    """
    if scene.evidence is not None:
        return scene.evidence
    size = scene.checkpoint.head.size
    entries = {at: body for at, body in scene.entries().items() if at < size}
    if len(entries) == size:
        return pack_evidence(gather(scene, Scope("log"), entries))
    if not entries:
        return None
    return pack_evidence(gather(scene, Scope("cylinder", scene.cylinder), select(entries, scene.cylinder)))


def select(entries: dict[int, bytes], cylinder: str) -> dict[int, bytes]:
    """Those of one cylinder, and of the keys that they need."""
    parties = {at: _parties(decode_entry(body)) for at, body in entries.items()}
    chosen = {0, *(at for at, named in parties.items() if f"cylinder:{cylinder}" in named)} & entries.keys()
    while True:
        filings = {filing_party(f"signer:{decode_entry(entries[at]).signer}") for at in chosen}
        more = {at for at, named in parties.items() if filings & set(named)}
        if more <= chosen:
            return {at: entries[at] for at in sorted(chosen)}
        chosen |= more


def gather(scene: Scene, scope: Scope, entries: dict[int, bytes]) -> Evidence:
    """These entries with whatever database and folder have to go with them."""
    store, checkpoint, held = scene.store, scene.checkpoint, scene.envelopes()
    size = checkpoint.head.size
    read = reader(store, size)
    bundles = {one.bundle: held[one.bundle] for one in map(decode_entry, entries.values()) if one.bundle in held}
    earlier = {at: store.read_kept(at) or b"" for at in store.kept_sizes() if at < size}
    sizes = {*earlier, *_seen(bundles, size)}
    whole = len(entries) == size
    return Evidence(
        scope=scope, log=ORIGIN, policy=format_policy(scene.trusted), checkpoint=checkpoint.raw, earlier=earlier,
        consistency={at: (tree_root(read, at), *prove_consistency(read, at, size)) for at in sorted(sizes)},
        entries=entries,
        proofs={} if whole else {at: prove_inclusion(read, at, size) for at in entries}, bundles=bundles,
        heads=b"" if whole else ends(scene, scope, entries),
    )  # fmt: skip


def ends(scene: Scene, scope: Scope, entries: dict[int, bytes]) -> bytes:
    """The log's signed word that chains end where these entries do."""
    heads: dict[str, Head] = {}
    for body in entries.values():
        entry = decode_entry(body)
        if entry.subject == f"{scope.kind}:{scope.id}":
            heads[entry.subject] = Head(entry.subject_seq, leaf_hash(body).hex())
        if entry.subject.startswith("signer:") and isinstance(entry.outcome, FILED):
            heads[filing_party(entry.subject)] = Head(entry.subject_seq, leaf_hash(body).hex())
    return sign_heads(Heads(ORIGIN, scene.checkpoint.head.size, heads), scene.plan.signers()[0])


def _seen(bundles: dict[str, bytes], size: int) -> Iterator[int]:
    for envelope in bundles.values():
        with suppress(LedgerError):
            seen = open_bundle(envelope).seen
            if seen is not None and 0 < seen.size < size:
                yield seen.size


def _parties(entry: Entry) -> tuple[str, ...]:
    return parties_of(entry, decode_claim(entry.claim))


CHECKS: dict[str, Callable[[Scene], str | None]] = {
    "audit": audit_says,
    "publisher": publisher_says,
    "sentry": sentry_says,
    "witness": witness_says,
    "mirror": mirror_says,
    "device": device_says,
    "receipt": receipt_says,
    "replay": replay_says,
    "verify": verify_says,
    "second": second_says,
}
OUTSIDE = tuple(CHECKS)[3:]
"""Those beyond the operator's reach."""
ASKED_OF_WHAT_IS_SHOWN = ("witness", "receipt", "replay", "verify", "second")
"""Those who can look at an evidence file, or compare it with what they hold."""
