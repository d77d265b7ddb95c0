"""Entries: leaf bytes, and their only encoder. What is hashed is what is stored.

An entry is exact JSON bytes, made once: ASCII keys, integers only, at most 65,535 bytes, hashed as
SHA-256(0x00 ‖ bytes) (RFC 6962 section 2.1). `claim` is the claim's exact text as it was signed.

Chains: `subject_seq` and `subject_prev` (leaf hash of the subject's entry before, '' for the first) make one subject's
history checkable without the whole log; `signer`, `device_seq`, `bundle` and `position` one signer's. They are plain
leaf data, checked after the tree, never instead of it.
"""

import hashlib
from typing import Literal

from msgspec import DecodeError, Struct, ValidationError
from msgspec import json as mjson

from ledger.errors import Corrupt
from ledger.events import Outcome

MAX_ENTRY_BYTES = 65_535

DeviceChain = Literal["first", "next", "gap", "behind", "fork"]


class Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of a log. Times are ms UTC; digests hexadecimal.

    `clock_offset_ms` is our clock minus the device's when it sent, None when it did not say. `device_chain` says how
    the bundle follows the signer's bundle before: next in order, after a gap, behind what was seen, or naming another
    predecessor (fork). `pack` names the pack in force, `name@version`.
    """

    v: Literal[1]
    log: str
    recorded_at: int
    clock_offset_ms: int | None
    subject: str
    subject_seq: int
    subject_prev: str
    signer: str
    device_seq: int
    device_chain: DeviceChain
    bundle: str
    position: int
    pack: str
    claim: str
    outcome: Outcome


_encoder = mjson.Encoder()
_decoder = mjson.Decoder(Entry)


def encode_entry(entry: Entry) -> bytes:
    """The leaf bytes; made once per entry."""
    body = _encoder.encode(entry)
    assert len(body) <= MAX_ENTRY_BYTES, "a claim of at most 24 KiB cannot make an entry this long"
    return body


def decode_entry(body: bytes) -> Entry:
    """The entry that these stored bytes say; Corrupt when they say none."""
    try:
        return _decoder.decode(body)
    except (ValidationError, DecodeError, UnicodeError, RecursionError) as error:
        raise Corrupt(f"日志条目无法解读：{error}", f"an entry's bytes do not decode: {error}") from error


def leaf_hash(body: bytes) -> bytes:
    """RFC 6962's leaf hash of an entry's bytes."""
    return hashlib.sha256(b"\x00" + body).digest()


class Answer(Struct, frozen=True):
    """What a signer gets for one claim: where it stands in the log, when it was recorded, and the outcome.

    *Committed*: durable, with its index. `leaf` is the entry's leaf hash, hexadecimal.
    """

    entry_index: int
    recorded_at: int
    leaf: str
    outcome: Outcome
