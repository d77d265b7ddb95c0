"""Collecting evidence: entries and bundles from the database, proofs and checkpoints from the published files.

Nothing is put in that was not checked: every entry is proved against the checkpoint, every earlier checkpoint proved
consistent with it. The same published state and scope make the same bytes.
"""

import base64
import hashlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

from msgspec import MsgspecError, Struct
from msgspec import json as mjson

from api.evidence.attachments import find_attachments
from api.evidence.cited import NOTHING, Cites
from api.evidence.selecting import Selected, select
from api.evidence.trail import final_checkpoint, find_trail
from api.publish.tile_store import TileStore
from api.publish.tree import reader
from ledger.bundle import Seen
from ledger.checkpoint import Checkpoint, TreeHead
from ledger.entry import decode_entry, leaf_hash
from ledger.errors import BadProof, Corrupt
from ledger.evidence import MAX_EVIDENCE_BYTES, Evidence, Scope, check_scope
from ledger.heads import Heads, sign_heads
from ledger.identity import Identifier
from ledger.merkle import extend, root_of
from ledger.note_key import NoteSigner
from ledger.policy import parse_policy
from ledger.proofs import (
    Proof,
    ReadHash,
    check_consistency,
    check_inclusion,
    prove_consistency,
    prove_inclusion,
    tree_root,
)
from ledger.store.read import ALL_SITES, Engine, cylinder_by_code, log_state, reading
from ledger.world import FILED, Head, filing_party

Progress = Callable[[str, int, int], None]
"""Told what is being done, how far, and of how many."""

_HASHES = 1 << 16


class Source(Struct, frozen=True):
    """Where a log's evidence comes from: its database, its published files, its policy's file, and who signs heads."""

    engine: Engine
    origin: str
    store: TileStore
    policy: bytes
    signer: NoteSigner | None = None


class Collected(Struct, frozen=True):
    """Evidence as of its final checkpoint; `waiting` entries of its scope are committed beyond that."""

    evidence: Evidence
    final: Checkpoint
    waiting: int


def cylinder_scope(source: Source, code: Identifier, from_ms: int | None, to_ms: int | None) -> Scope:
    """The scope of the cylinder that carries or carried this code; NotFound where none does."""
    with reading(source.engine, ALL_SITES) as connection:
        log = log_state(connection, source.origin)
        cylinder, _ = cylinder_by_code(connection, log.log_id, str(code))
    return Scope("cylinder", cylinder.cylinder, from_ms, to_ms)


def collect_evidence(
    source: Source,
    scope: Scope,
    cites: Cites = NOTHING,
    *,
    most: int | None = None,
    most_bytes: int = MAX_EVIDENCE_BYTES,
    attachments: Path | None = None,
    progress: Progress = lambda _what, _done, _total: None,
) -> Collected:
    """The evidence of a scope and of what else the answer to its question cites, as of the newest checkpoint with
    quorum. Faults as `select` and `final_checkpoint`.

    BadProof never leaves: what does not verify is Corrupt, a matter of the operator's own.
    """
    check_scope(scope)
    policy = parse_policy(source.policy)
    final = final_checkpoint(source.store, policy)
    head = final.head
    with reading(source.engine, ALL_SITES) as connection:
        log = log_state(connection, source.origin)
        selected = select(
            connection, log, scope, head.size, cites, most=most, most_bytes=most_bytes,
            progress=lambda done, total: progress("条目 entries", done, total),
        )  # fmt: skip
    read = lru_cache(_HASHES)(reader(source.store, head.size))
    seen = set(_seen_sizes(selected.bundles, head.size))
    trail = find_trail(source.store, policy, head.size, selected.entries, seen)
    try:
        proofs = _proofs(selected.entries, head, read, progress)
        for size, one in trail.earlier.items():
            check_consistency(size, head.size, prove_consistency(read, size, head.size), one.head.root, head.root)
    except BadProof as error:
        raise Corrupt(
            f"数据库或文件与已发布的快照不符：{error.zh}；请停止发布，运行 ledger audit",
            f"database or files are not what was published: {error.en}; stop publishing and run ledger audit",
        ) from error
    evidence = Evidence(
        scope=selected.scope, log=source.origin, policy=source.policy, checkpoint=final.raw,
        earlier={size: one.raw for size, one in trail.earlier.items()},
        consistency={
            one: (tree_root(read, one), *prove_consistency(read, one, head.size))
            for one in sorted(seen | set(trail.earlier))
        },
        entries=selected.entries, proofs=proofs, bundles=selected.bundles,
        heads=_heads(source, selected, head), timestamps=trail.stamps,
        attachments={} if attachments is None else find_attachments(attachments, selected.entries.values()),
    )  # fmt: skip
    return Collected(evidence, final, selected.waiting)


def _proofs(entries: dict[int, bytes], head: TreeHead, read: ReadHash, progress: Progress) -> dict[int, Proof]:
    """A proof for each entry; none where all entries are there, whose root tells by itself."""
    if len(entries) == head.size:
        root = root_of(extend((), 0, map(leaf_hash, entries.values())))
        if root != head.root:
            raise BadProof("条目得不出树根", f"the entries do not hash to the root of {head.size}")
        return {}
    proofs: dict[int, Proof] = {}
    for done, (index, body) in enumerate(entries.items(), 1):
        proofs[index] = prove_inclusion(read, index, head.size)
        check_inclusion(leaf_hash(body), index, head.size, proofs[index], head.root)
        progress("证明 proofs", done, len(entries))
    return proofs


def _heads(source: Source, selected: Selected, head: TreeHead) -> bytes:
    """The signed ends of chains: of the scope's own subject, unless the file holds a part of its entries only; of the
    chains that are cited besides; and of the filings of each signer whose bundle is there, so that a revocation cannot
    be left out unseen.
    """
    if source.signer is None:
        return b""
    scope = selected.scope
    whole = scope.kind not in ("window", "log") and scope.from_ms is None and scope.to_ms is None
    chained = {scope.subject, *scope.chains} if whole else set(scope.chains)
    entries = [decode_entry(body) for body in selected.entries.values()]
    signers = {f"signer:{entry.signer}" for entry in entries}
    ends: dict[str, Head] = {}
    for entry, body in zip(entries, selected.entries.values(), strict=True):
        end = Head(entry.subject_seq, leaf_hash(body).hex())
        if entry.subject in chained:
            if entry.subject_seq != (ends[entry.subject].seq + 1 if entry.subject in ends else 0):
                raise Corrupt(
                    f"{entry.subject} 的链断开；请停止写入，运行 ledger audit",
                    f"the chain of {entry.subject} has a hole; stop writing and run ledger audit",
                )
            ends[entry.subject] = end
        if entry.subject in signers and isinstance(entry.outcome, FILED):
            ends[filing_party(entry.subject)] = end
    return sign_heads(Heads(source.origin, head.size, ends), source.signer) if ends else b""


class _Outer(Struct, frozen=True):
    """Of an envelope, what is signed."""

    payload: str


class _Inner(Struct, frozen=True):
    """Of a payload, what its device had seen."""

    seen: Seen | None


_outer, _inner = mjson.Decoder(_Outer), mjson.Decoder(_Inner)


def _seen_sizes(envelopes: dict[str, bytes], size: int) -> Iterator[int]:
    """The trees below `size` that devices had seen when they signed. Corrupt when a bundle is another."""
    for digest, envelope in envelopes.items():
        try:
            payload = base64.b64decode(_outer.decode(envelope).payload)
            seen, same = _inner.decode(payload).seen, hashlib.sha256(payload).hexdigest() == digest
        except (MsgspecError, ValueError):
            same = False
        if not same:
            raise Corrupt(
                f"签名包 {digest} 与其摘要不符；请停止写入，运行 ledger audit",
                f"bundle {digest} is not of that digest; stop writing and run ledger audit",
            )
        if seen is not None and 0 < seen.size < size:
            yield seen.size
