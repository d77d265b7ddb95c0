"""Replay: fold and decide over entries. Used by the audit, and by outsiders who hold the entries alone.

For each entry, in index order: (1) its bytes decode; (2) it is of this log and not earlier than the one before; (3)
its claim's text decodes; (4) its signer's chain of bundles and its subject's chain follow; (5) deciding the claim over
the world folded so far gives the outcome that the entry holds; (6) the world folds it. The first difference of an entry
is reported with both sides.
"""

from collections.abc import Iterable, Iterator

from msgspec import DecodeError, Struct, ValidationError

from ledger import claim as c
from ledger.bundle import decode_claim
from ledger.decide import decide
from ledger.entry import DeviceChain, Entry, decode_entry, encode_entry, leaf_hash
from ledger.errors import Corrupt, Malformed
from ledger.events import outcome_encoder
from ledger.world import Head, World, chain_after, subject_of


class Difference(Struct, frozen=True):
    """An entry that does not say what it must: the index, the field, what stands there and what should."""

    entry_index: int
    what: str
    found: str
    expected: str


class Step(Struct, frozen=True):
    """One replayed entry, its claim, its leaf hash, and what was wrong with it, if anything."""

    entry: Entry
    claim: c.AnyClaim
    leaf: bytes
    difference: Difference | None


def replay(world: World, bodies: Iterable[bytes], *, decided: int = 0) -> Iterator[Step]:
    """Fold entries' bytes into `world`, in index order. Raises Corrupt where an entry cannot be folded at all.

    Entries before index `decided` are folded only: they were compared before, by the same code.
    """
    for body in bodies:
        index = world.size
        leaf = leaf_hash(body)
        try:
            entry = decode_entry(body)
            claim = decode_claim(entry.claim)
        except (Corrupt, DecodeError, ValidationError) as error:
            raise Corrupt(f"条目 {index} 无法解读：{error}", f"entry {index} does not decode: {error}") from error
        try:
            difference = _check(world, index, body, entry, claim) if index >= decided else None
            world.fold(entry, claim, leaf.hex())
        except (KeyError, AssertionError, Malformed) as error:  # Malformed: a claim that no door let in
            raise Corrupt(f"条目 {index} 与此前记录矛盾", f"entry {index} cannot follow those before it") from error
        yield Step(entry, claim, leaf, difference)


def _check(world: World, index: int, body: bytes, entry: Entry, claim: c.AnyClaim) -> Difference | None:
    def differs(what: str, found: object, expected: object) -> Difference:
        return Difference(index, what, str(found), str(expected))

    if entry.log != world.log:
        return differs("log", entry.log, world.log)
    if entry.recorded_at < world.recorded_at:
        return differs("recorded_at", entry.recorded_at, f">= {world.recorded_at}")
    chain = _device_chain(world.devices.get(entry.signer), entry)
    if entry.device_chain != chain:
        return differs("device chain", entry.device_chain, chain)
    if encode_entry(entry) != body:
        return differs("bytes", "another spelling", "the one encoding")
    pack = pack_label(world, claim)
    if entry.pack != pack:
        return differs("pack", entry.pack, pack)
    outcome = decide(world, claim, entry.recorded_at, signer=entry.signer, clock_offset_ms=entry.clock_offset_ms)
    if outcome != entry.outcome:
        found, expected = (outcome_encoder.encode(o).decode() for o in (entry.outcome, outcome))
        return differs("outcome", found, expected)
    subject = subject_of(world, claim, entry.signer, outcome)
    if entry.subject != subject:
        return differs("subject", entry.subject, subject)
    seq, prev = next_link(world.head_of(subject))
    if (entry.subject_seq, entry.subject_prev) != (seq, prev):
        return differs("subject chain", f"{entry.subject_seq} {entry.subject_prev}", f"{seq} {prev}")
    return None


def _device_chain(last: Head | None, entry: Entry) -> DeviceChain:
    """What the numbers say of a signer's bundles. Next and fork differ by the bundle's `device_prev`, not held here."""
    if last is None:
        return chain_after(None, entry.device_seq, None)
    if last.digest == entry.bundle:
        return entry.device_chain  # a further claim of the bundle that was compared
    return chain_after(last, entry.device_seq, None if entry.device_chain == "fork" else last.digest)


def pack_label(world: World, claim: c.AnyClaim) -> str:
    """The pack in force for an entry: entry 0's is the one that it brings."""
    if world.registry.in_force is not None:
        return world.registry.in_force.label
    return f"{claim.pack.name}@{claim.pack.version}" if isinstance(claim, c.OpenLog) else ""


def next_link(head: Head | None) -> tuple[int, str]:
    """`subject_seq` and `subject_prev` of the entry that follows this head of a subject chain."""
    return (0, "") if head is None else (head.seq + 1, head.digest)
