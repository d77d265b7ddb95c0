"""Receipts (C2SP tlog-proof v1, files *.tlog-proof): an entry is in the log, and others saw the log so. No network.

c2sp.org/tlog-proof@v1
extra base64                  may be absent; nobody vouches for it
index 73894
base64 hash                   leaf to root, one a line
                              an empty line
the checkpoint, verbatim
"""

from msgspec import Struct

from ledger.checkpoint import Checkpoint, parse_checkpoint
from ledger.entry import leaf_hash
from ledger.lines import encode_base64, fault, read_base64, read_decimal, read_hashes, read_text, write_hashes
from ledger.note import MAX_NOTE_BYTES
from ledger.policy import Policy, Standing, judge_checkpoint
from ledger.proofs import Proof, check_inclusion

MAX_RECEIPT_BYTES = MAX_NOTE_BYTES + 200_000

_FORM = "tlog-proof"
_HEADER = "c2sp.org/tlog-proof@v1"


class Receipt(Struct, frozen=True):
    """Entry `index` and the proof that leads from it to the checkpoint's root. Nothing is checked yet."""

    index: int
    proof: Proof
    checkpoint: Checkpoint
    extra: bytes = b""


class Proved(Struct, frozen=True):
    """What a receipt proves: these bytes are entry `index` of the checkpoint's tree. The checkpoint has this standing.

    When `standing.quorum` is false the log alone says so: it may have shown others another tree.
    """

    index: int
    leaf: bytes
    checkpoint: Checkpoint
    standing: Standing


def format_receipt(receipt: Receipt) -> bytes:
    """The file's bytes."""
    extra = f"extra {encode_base64(receipt.extra)}\n" if receipt.extra else ""
    head = f"{_HEADER}\n{extra}index {receipt.index}\n{write_hashes(receipt.proof)}\n"
    return head.encode() + receipt.checkpoint.raw


def parse_receipt(raw: bytes) -> Receipt:
    """The receipt that these bytes are; Malformed says which line is wrong. `format_receipt` gives them back."""
    head, blank, checkpoint = read_text(_FORM, raw, MAX_RECEIPT_BYTES).partition("\n\n")
    lines = head.split("\n")
    if lines[0] != _HEADER:
        raise fault(_FORM, 1, f"应为 {_HEADER}", f"expected {_HEADER}")
    if not blank:
        raise fault(_FORM, len(lines), "缺少空行与快照", "no empty line and checkpoint follow")
    extra, at = b"", 1
    if len(lines) > at and lines[at].startswith("extra "):
        extra = read_base64(_FORM, at + 1, lines[at].removeprefix("extra "))
        if not extra:
            raise fault(_FORM, at + 1, "extra 为空时应省去此行", "without extra data this line is left out")
        at += 1
    word, _, number = lines[at].partition(" ") if len(lines) > at else ("", "", "")
    if word != "index":
        raise fault(_FORM, at + 1, "应为 index 与序号", "expected index and a number")
    index = read_decimal(_FORM, at + 1, number)
    proof = read_hashes(_FORM, at + 2, lines[at + 1 :])
    return Receipt(index, proof, parse_checkpoint(checkpoint.encode()), extra)


def check_receipt(entry: bytes, receipt: Receipt, policy: Policy) -> Proved:
    """What the receipt proves of these entry bytes. BadSignature or BadProof when it does not hold.

    A quorum that is not met is told, not raised: look at `standing.quorum`.
    """
    standing = judge_checkpoint(policy, receipt.checkpoint)
    head, leaf = receipt.checkpoint.head, leaf_hash(entry)
    check_inclusion(leaf, receipt.index, head.size, receipt.proof, head.root)
    return Proved(receipt.index, leaf, receipt.checkpoint, standing)
