"""Proofs about a tree: that an entry is in it, and that a larger tree only appended to it.

Made from a function that reads hashes of perfect subtrees, wherever they are stored; checked with nothing but the
proof. Sources: RFC 9162 sections 2.1.3 (inclusion) and 2.1.4 (consistency); the trees are those of RFC 6962.
"""

from collections.abc import Callable, Sequence

from ledger.errors import BadProof
from ledger.merkle import HASH_BYTES, Frontier, node_hash, root_of

Proof = tuple[bytes, ...]

# read(level, index): the root of leaves [index·2^level, (index+1)·2^level). Level 0 are the leaf hashes themselves.
ReadHash = Callable[[int, int], bytes]


def read_frontier(read: ReadHash, start: int, end: int) -> Frontier:
    """The roots of the perfect subtrees that leaves [start, end) are made of. `start` is 0 or a subtree's beginning."""
    roots = []
    while start < end:
        level = (end - start).bit_length() - 1
        roots.append(read(level, start >> level))
        start += 1 << level
    return tuple(roots)


def tree_root(read: ReadHash, size: int) -> bytes:
    """The root of the first `size` entries."""
    return root_of(read_frontier(read, 0, size))


def prove_inclusion(read: ReadHash, index: int, size: int) -> Proof:
    """The hashes that lead from entry `index` to the root of the first `size` entries, leaf to root."""
    assert 0 <= index < size, "an entry is proved within a tree that holds it"
    proof, start, end = [], 0, size
    while end - start > 1:
        middle = _middle(start, end)
        if index < middle:
            proof.append(_root(read, middle, end))
            end = middle
        else:
            proof.append(_root(read, start, middle))
            start = middle
    return tuple(reversed(proof))


def prove_consistency(read: ReadHash, old: int, new: int) -> Proof:
    """The hashes that show the tree of `new` entries to begin with that of `old`; empty when `old` is 0 or `new`."""
    assert 0 <= old <= new, "a log only grows"
    if old == 0:
        return ()
    proof, start, end = [], 0, new
    while end != old:
        middle = _middle(start, end)
        if old <= middle:
            proof.append(_root(read, middle, end))
            end = middle
        else:
            proof.append(_root(read, start, middle))
            start = middle
    if start > 0:  # else this subtree is the old tree itself, whose root the verifier has
        proof.append(_root(read, start, end))
    return tuple(reversed(proof))


def _middle(start: int, end: int) -> int:
    """Where RFC 6962 splits: the left part is the largest power of two below the whole."""
    return start + (1 << ((end - start - 1).bit_length() - 1))


def _root(read: ReadHash, start: int, end: int) -> bytes:
    return root_of(read_frontier(read, start, end))


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raise BadProof unless the proof leads from this leaf hash at `index` to the root of `size` entries."""
    _check_hashes((leaf, root, *proof))
    if not 0 <= index < size:
        raise BadProof(f"第 {index} 条不在 {size} 条的树中", f"entry {index} is not in a tree of {size}")
    node = leaf
    for sibling, left in _climb(proof, index, size - 1):
        node = node_hash(sibling, node) if left else node_hash(node, sibling)
    _same(node, root, size)


def check_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Raise BadProof unless the tree of `new` entries begins with that of `old`.

    `old` must not be 0: an empty tree proves nothing, so there is nothing to check. Equal sizes take equal roots and
    an empty proof.
    """
    _check_hashes((old_root, new_root, *proof))
    if not 0 < old <= new:
        raise BadProof(f"不能证明从 {old} 条到 {new} 条", f"nothing proves a step from {old} to {new} entries")
    if old == new:
        if proof:
            raise _wrong_length()
        _same(old_root, new_root, new)
        return
    at, last = old - 1, new - 1
    while at & 1:  # up to the largest perfect subtree that ends where the old tree ends
        at, last = at >> 1, last >> 1
    hashes = (old_root, *proof) if at == 0 else tuple(proof)  # at 0 it is the old tree, whose root is known
    old_node = new_node = hashes[0] if hashes else b""
    for sibling, left in _climb(hashes[1:], at, last):
        old_node = node_hash(sibling, old_node) if left else old_node
        new_node = node_hash(sibling, new_node) if left else node_hash(new_node, sibling)
    _same(old_node, old_root, old)
    _same(new_node, new_root, new)


def _climb(proof: Sequence[bytes], at: int, last: int) -> list[tuple[bytes, bool]]:
    """The proof's hashes from node `at` of a row that ends with node `last` up to the root; true: it stands left."""
    sides = []
    while last > 0:
        if at & 1 or at < last:  # else the row's last node, without a sibling, rises unchanged
            sides.append(bool(at & 1))
        at, last = at >> 1, last >> 1
    if len(sides) != len(proof):
        raise _wrong_length()
    return list(zip(proof, sides, strict=True))


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(one) != HASH_BYTES for one in hashes):
        raise BadProof("证明中有不是 32 字节的哈希", "a hash of the proof does not have 32 bytes")


def _wrong_length() -> BadProof:
    return BadProof("证明的哈希个数不对，请重新取证", "the proof has too few or too many hashes; fetch it again")


def _same(node: bytes, root: bytes, size: int) -> None:
    if node != root:
        raise BadProof(
            f"证明得不出 {size} 条的树根：内容或证明被改动",
            f"the proof does not lead to the root of {size} entries: content or proof was changed",
        )
