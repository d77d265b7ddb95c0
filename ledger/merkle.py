"""The Merkle tree of a log (RFC 6962 section 2.1): the one structure that carries the trust. Pure, ignorant of storage.

A *frontier* is the list of roots of the perfect subtrees that a log of some size is made of, largest first: all that
appending and the root need. One per set bit of the size.
"""

import hashlib
from collections.abc import Iterable

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

Frontier = tuple[bytes, ...]


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def extend(frontier: Frontier, size: int, leaves: Iterable[bytes]) -> Frontier:
    """The frontier after appending these leaf hashes to a log of `size` entries."""
    roots = list(frontier)
    for leaf in leaves:
        node, below = leaf, size
        while below & 1:
            node = node_hash(roots.pop(), node)
            below >>= 1
        roots.append(node)
        size += 1
    return tuple(roots)


def root_of(frontier: Frontier) -> bytes:
    """The tree's root: SHA-256 of nothing for an empty log."""
    if not frontier:
        return EMPTY_ROOT
    node = frontier[-1]
    for left in reversed(frontier[:-1]):
        node = node_hash(left, node)
    return node


def pack_frontier(frontier: Frontier) -> bytes:
    """The hashes one after the other, as a head row stores them."""
    return b"".join(frontier)


def unpack_frontier(packed: bytes) -> Frontier:
    """The frontier that `pack_frontier` packed."""
    return tuple(packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES))
