"""Checkpoints (C2SP tlog-checkpoint): what a log says its tree is, signed; and cosignatures of it (tlog-cosignature).

    ledger.example.cn/320600/v1          origin: the log's name, and that of its keys
    20852163                             size: how many entries
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=    root, base64

The log signs with Ed25519 (0x01) and with ML-DSA-44 (0x06). A cosignature (0x04 or 0x06) says: as of this time, this is
the largest tree of the log I have seen, and it is consistent with all I saw before. Times are POSIX seconds.

An ML-DSA-44 signature covers origin, size and root, not further lines. This project writes none.
"""

from collections.abc import Iterable

from msgspec import Struct

from ledger.errors import BadSignature
from ledger.lines import MAX_COUNT, encode_base64, fault, read_decimal, read_hash
from ledger.merkle import EMPTY_ROOT
from ledger.note import (
    Note,
    Signature,
    check_text,
    format_note,
    parse_note,
    sign_text,
    signature_of,
    with_signatures,
    wrong_signature,
)
from ledger.note_key import ED25519, ED25519_COSIGNATURE, ML_DSA_44, NoteKey, NoteSigner, sign_raw, signed_raw

MAX_ORIGIN_BYTES = 255  # what an ML-DSA-44 message can hold

_FORM = "checkpoint"
_TIME_BYTES = 8


class TreeHead(Struct, frozen=True):
    """What is signed. `extensions` are further lines, which other logs may have; nobody vouches for them."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()


class Checkpoint(Struct, frozen=True):
    """A tree head with the note that says it. Signatures are not checked before `signed_at` is asked."""

    head: TreeHead
    note: Note

    @property
    def raw(self) -> bytes:
        """The exact bytes: those that were parsed."""
        return format_note(self.note)


def format_head(head: TreeHead) -> str:
    """The note's text."""
    return "\n".join((head.origin, str(head.size), encode_base64(head.root), *head.extensions, ""))


def parse_checkpoint(raw: bytes) -> Checkpoint:
    """The checkpoint that these bytes are; Malformed says which line is wrong."""
    note = parse_note(raw, _FORM)
    origin, *lines = note.text[:-1].split("\n")
    if not 0 < len(origin.encode()) <= MAX_ORIGIN_BYTES:
        raise fault(_FORM, 1, "日志名称应为 1 至 255 字节", "an origin has 1 to 255 bytes")
    if len(lines) < len(("size", "root")):
        raise fault(_FORM, len(lines) + 2, "缺少条数或树根", "size and root are missing")
    size, root = read_decimal(_FORM, 2, lines[0]), read_hash(_FORM, 3, lines[1])
    if size == 0 and root != EMPTY_ROOT:
        raise fault(_FORM, 3, "空树的根不对", "an empty tree has no other root than SHA-256 of nothing")
    if "" in lines:
        raise fault(_FORM, lines.index("") + 2, "空行", "an empty line")
    return Checkpoint(TreeHead(origin, size, root, tuple(lines[2:])), note)


def sign_checkpoint(head: TreeHead, signers: Iterable[NoteSigner], timestamp_s: int) -> Checkpoint:
    """A new checkpoint with the log's own signatures. The caller made sure that it never signed an inconsistent one."""
    unsigned = Checkpoint(head, Note(format_head(head), ()))
    signed = with_cosignatures(unsigned, [cosign(unsigned, one, timestamp_s) for one in signers])
    assert parse_checkpoint(signed.raw) == signed, "what is signed can be read back"
    return signed


def cosign(checkpoint: Checkpoint, signer: NoteSigner, timestamp_s: int) -> Signature:
    """The line that this signer adds at this time. Ed25519 of kind 0x01 signs the text and says no time."""
    assert 0 < timestamp_s <= MAX_COUNT, "a cosignature says when it was made"
    key = signer.key
    if key.kind == ED25519:
        return sign_text(checkpoint.note.text, signer)
    signature = sign_raw(signer, _message(checkpoint, key, timestamp_s))
    return Signature(key.name, key.key_id, timestamp_s.to_bytes(_TIME_BYTES, "big") + signature)


def with_cosignatures(checkpoint: Checkpoint, signatures: Iterable[Signature]) -> Checkpoint:
    """The checkpoint with these lines too; a new line takes the place of the same key's older one."""
    return Checkpoint(checkpoint.head, with_signatures(checkpoint.note, signatures))


def signed_at(checkpoint: Checkpoint, key: NoteKey) -> int | None:
    """When this key says it signed, in POSIX seconds; 0 when it says no time, None when no line is this key's.

    BadSignature when a line stands under this key's name and id and is not its signature.
    """
    if key.kind == ED25519:
        return 0 if check_text(checkpoint.note, key) else None
    signature = signature_of(checkpoint.note, key)
    if signature is None:
        return None
    timestamp_s, bare = int.from_bytes(signature[:_TIME_BYTES], "big"), signature[_TIME_BYTES:]
    if timestamp_s > MAX_COUNT or not signed_raw(key, bare, _message(checkpoint, key, timestamp_s)):
        raise wrong_signature(key)
    return timestamp_s


def check_extensions(checkpoint: Checkpoint, signed_by: Iterable[NoteKey]) -> None:
    """Raise BadSignature when there are further lines and no Ed25519 key among these, which signed, vouches for them.

    Anyone can add lines to a checkpoint that is left with its ML-DSA-44 signature only.
    """
    if checkpoint.head.extensions and all(key.kind == ML_DSA_44 for key in signed_by):
        raise BadSignature(
            "快照的附加行没有签名，请原样取回",
            "nobody signed the checkpoint's further lines; fetch the exact bytes again",
        )


def _message(checkpoint: Checkpoint, key: NoteKey, timestamp_s: int) -> bytes:
    """What a cosigner's key signs."""
    if key.kind == ED25519_COSIGNATURE:
        return f"cosignature/v1\ntime {timestamp_s}\n{checkpoint.note.text}".encode()
    name, origin = key.name.encode(), checkpoint.head.origin.encode()
    return b"".join(
        (
            b"subtree/v1\n\x00",
            len(name).to_bytes(1, "big") + name,
            timestamp_s.to_bytes(8, "big"),
            len(origin).to_bytes(1, "big") + origin,
            (0).to_bytes(8, "big"),  # from entry 0 ...
            checkpoint.head.size.to_bytes(8, "big"),  # ... up to the tree's size
            checkpoint.head.root,
        )
    )
