"""Signed notes (C2SP signed-note): a text, an empty line, then a line for each signature.

    text, any number of lines
                                                     an empty line; the last one in the note
    — example.com/log base64(4-byte key id ‖ signature)

Nothing of a note may be believed before a known key's signature was checked. Stricter than the standard in one thing:
a note that holds two signatures of one key is refused, so that nobody can choose which of them a reader sees.
"""

from collections.abc import Iterable

from msgspec import Struct

from ledger.errors import BadSignature
from ledger.lines import encode_base64, fault, read_base64, read_text
from ledger.note_key import ED25519, KEY_ID_BYTES, NoteKey, NoteSigner, is_name, sign_raw, signed_raw

MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100

_DASH = "\u2014"


class Signature(Struct, frozen=True):
    """One line: the key's name and id, and what it signed with. Not checked."""

    name: str
    key_id: bytes
    signature: bytes


class Note(Struct, frozen=True):
    """A text that ends in a newline, and its signatures."""

    text: str
    signatures: tuple[Signature, ...]


def parse_note(raw: bytes, name: str = "note") -> Note:
    """The note that these bytes are; Malformed says which line is wrong. `format_note` gives the same bytes back."""
    whole = read_text(name, raw, MAX_NOTE_BYTES)
    text, blank, lines = whole.rpartition("\n\n")
    if not blank:
        raise fault(name, whole.count("\n"), "没有签名行", "no empty line and signatures after the text")
    text += "\n"
    return Note(text, _signatures(name, text.count("\n") + 2, lines))


def format_note(note: Note) -> bytes:
    """The note's bytes."""
    return f"{note.text}\n{format_signatures(note.signatures)}".encode()


def parse_signatures(raw: bytes) -> tuple[Signature, ...]:
    """Signature lines alone, as a witness answers them."""
    return _signatures("signatures", 1, read_text("signatures", raw, MAX_NOTE_BYTES))


def format_signatures(signatures: Iterable[Signature]) -> str:
    """Signature lines, each with its newline."""
    return "".join(f"{_DASH} {one.name} {encode_base64(one.key_id + one.signature)}\n" for one in signatures)


def _signatures(name: str, first_line: int, lines: str) -> tuple[Signature, ...]:
    split = lines[:-1].split("\n")
    if len(split) > MAX_SIGNATURES:
        where = first_line + MAX_SIGNATURES
        raise fault(name, where, f"签名超过 {MAX_SIGNATURES} 个", f"more than {MAX_SIGNATURES} signatures")
    found: dict[tuple[str, bytes], Signature] = {}
    for number, line in enumerate(split, first_line):
        words = line.split(" ")
        if len(words) != len((_DASH, "name", "base64")) or words[0] != _DASH or not is_name(words[1]):
            raise fault(name, number, "不是签名行", f"not a signature line: {_DASH} name base64")
        packed = read_base64(name, number, words[2])
        if len(packed) <= KEY_ID_BYTES:
            raise fault(name, number, "签名为空", "the signature is empty")
        one = Signature(words[1], packed[:KEY_ID_BYTES], packed[KEY_ID_BYTES:])
        if (one.name, one.key_id) in found:
            raise fault(name, number, "同一密钥签了两次", "a second signature of one key")
        found[one.name, one.key_id] = one
    return tuple(found.values())


def with_signatures(note: Note, new: Iterable[Signature]) -> Note:
    """The note with these signatures too; a new one takes the place of the same key's older one."""
    merged = {(one.name, one.key_id): one for one in (*note.signatures, *new)}
    return Note(note.text, tuple(merged.values()))


def signature_of(note: Note, key: NoteKey) -> bytes | None:
    """What stands in the note under this key's name and id; not checked. None when no line is this key's."""
    wanted = (key.name, key.key_id)
    return next((one.signature for one in note.signatures if (one.name, one.key_id) == wanted), None)


def sign_text(text: str, signer: NoteSigner) -> Signature:
    """A plain Ed25519 signature (0x01) over a text that ends in a newline."""
    assert signer.key.kind == ED25519, "cosignatures are over checkpoints"
    assert text.endswith("\n"), "a note's text ends in a newline"
    return Signature(signer.key.name, signer.key.key_id, sign_raw(signer, text.encode()))


def check_text(note: Note, key: NoteKey) -> bool:
    """Whether this Ed25519 key (0x01) signed the note's text; BadSignature when a line claims it and it did not."""
    assert key.kind == ED25519, "cosignatures are over checkpoints"
    signature = signature_of(note, key)
    if signature is None:
        return False
    if not signed_raw(key, signature, note.text.encode()):
        raise wrong_signature(key)
    return True


def wrong_signature(key: NoteKey) -> BadSignature:
    """A line that stands under a known key's name and id, and is not its signature: the whole note is refused."""
    return BadSignature(
        f"{key.name} 的签名与内容不符，内容或签名被改动，请重新取回",
        f"the signature of {key.name} does not match: text or signature was changed; fetch it again",
    )
