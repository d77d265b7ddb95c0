"""Heads: the log's signed word where chains end. A signed note, by the log's Ed25519 key (0x01) of its checkpoints.

    cylinder-ledger heads v1
    ledger.example.cn/320600/v1          origin: the log's name, and the key's
    70000                                among the first so many entries
    cylinder:0190… 12 <leaf>             the last entry of this subject: its subject_seq and leaf hash, hexadecimal
    filing:signer:3f… 40 <leaf>          the last accepted filing about this signer, likewise; sorted, each once

Nothing proves such a word; but one that is untrue convicts its signer, by any later entry of that chain. No checkpoint
reads so: no origin has a space.
"""

import re

from msgspec import Struct

from ledger.errors import BadSignature
from ledger.lines import fault, read_decimal
from ledger.note import Note, check_text, format_note, parse_note, sign_text
from ledger.note_key import ED25519, NoteSigner
from ledger.policy import Policy
from ledger.world import Head

_FORM = "heads"
_TITLE = "cylinder-ledger heads v1"
_SUBJECT = re.compile(r"[a-z_]{1,40}(:[0-9A-Za-z._-]{1,64}){0,2}")
_LEAF = re.compile(r"[0-9a-f]{64}")


class Heads(Struct, frozen=True):
    """The last entry of each of these chains among the first `size` entries; others are not spoken of."""

    origin: str
    size: int
    heads: dict[str, Head]


class SignedHeads(Struct, frozen=True):
    """Heads with the note that says them. The signature is not checked before `check_heads`."""

    heads: Heads
    note: Note


def sign_heads(heads: Heads, signer: NoteSigner) -> bytes:
    """The note's bytes. The caller read these heads from the very entries that the checkpoint of `size` covers."""
    assert signer.key.name == heads.origin, "a log speaks for itself alone"
    text = "".join((f"{_TITLE}\n{heads.origin}\n{heads.size}\n", *_lines(heads)))
    raw = format_note(Note(text, (sign_text(text, signer),)))
    assert parse_heads(raw).heads.heads == heads.heads, "what is signed can be read back"
    return raw


def parse_heads(raw: bytes) -> SignedHeads:
    """The heads that these bytes say; Malformed says which line is wrong."""
    note = parse_note(raw, _FORM)
    title, *rest = note.text[:-1].split("\n")
    if title != _TITLE or len(rest) < len(("origin", "size")):
        raise fault(_FORM, 1, f"应为 {_TITLE}、日志名称、条数", f"expected {_TITLE}, an origin and a size")
    origin, size, *lines = rest
    heads: dict[str, Head] = {}
    for number, line in enumerate(lines, 4):
        words = line.split(" ")
        if (
            len(words) != len(("subject", "seq", "leaf"))
            or _SUBJECT.fullmatch(words[0]) is None
            or _LEAF.fullmatch(words[2]) is None
        ):
            raise fault(_FORM, number, "应为 主体 序号 叶哈希", "expected a subject, a number and a leaf hash")
        if heads and words[0] <= next(reversed(heads)):
            raise fault(_FORM, number, "次序不对", "out of order")
        heads[words[0]] = Head(read_decimal(_FORM, number, words[1]), words[2])
    return SignedHeads(Heads(origin, read_decimal(_FORM, 3, size), heads), note)


def check_heads(signed: SignedHeads, policy: Policy) -> Heads:
    """The heads, once a key that the policy lists for this log signed them; BadSignature otherwise."""
    keys = [one.key for one in policy.logs if one.key.kind == ED25519 and one.key.name == signed.heads.origin]
    signed_by = [key for key in keys if check_text(signed.note, key)]  # a wrong one refuses the whole
    if not signed_by:
        raise BadSignature(
            "heads.txt 没有日志的 Ed25519 密钥签名，请核对 policy",
            "no trusted Ed25519 key of the log signed heads.txt; compare the policy",
        )
    return signed.heads


def _lines(heads: Heads) -> list[str]:
    return [f"{subject} {head.seq} {head.digest}\n" for subject, head in sorted(heads.heads.items())]
