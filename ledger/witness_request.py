"""What a log asks of a witness (C2SP tlog-witness, POST add-checkpoint): cosign this checkpoint, it only appended.

    old 20852014          the size that the witness cosigned last, 0 for none
    base64 hash           consistency proof from there, one a line; none from 0
                          an empty line
    the checkpoint

The answer is signature lines (`parse_signatures`), or with status 409 the size that the witness has.
"""

from msgspec import Struct

from ledger.checkpoint import Checkpoint, parse_checkpoint
from ledger.lines import fault, read_decimal, read_hashes, read_text, write_hashes
from ledger.note import MAX_NOTE_BYTES
from ledger.proofs import Proof

MAX_REQUEST_BYTES = MAX_NOTE_BYTES + 5_000

_FORM = "add-checkpoint"


class AddCheckpoint(Struct, frozen=True):
    """The request's body. Neither signatures nor proof are checked yet."""

    old: int
    proof: Proof
    checkpoint: Checkpoint


def format_request(request: AddCheckpoint) -> bytes:
    """The body to send."""
    return f"old {request.old}\n{write_hashes(request.proof)}\n".encode() + request.checkpoint.raw


def parse_request(raw: bytes) -> AddCheckpoint:
    """The request that a body says; Malformed says which line is wrong."""
    head, blank, checkpoint = read_text(_FORM, raw, MAX_REQUEST_BYTES).partition("\n\n")
    lines = head.split("\n")
    word, _, number = lines[0].partition(" ")
    if word != "old":
        raise fault(_FORM, 1, "应为 old 与条数", "expected old and a size")
    if not blank:
        raise fault(_FORM, len(lines), "缺少空行与快照", "no empty line and checkpoint follow")
    old = read_decimal(_FORM, 1, number)
    proof = read_hashes(_FORM, 2, lines[1:])
    return AddCheckpoint(old, proof, parse_checkpoint(checkpoint.encode()))
