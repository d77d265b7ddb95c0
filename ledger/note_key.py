"""Keys that sign notes: a name and a public key, as the text `name+id+base64` (a vkey, C2SP signed-note).

    0x01  Ed25519 over the note's text                          logs
    0x04  Ed25519 over a time and the text (cosignature/v1)     witnesses
    0x06  ML-DSA-44 over time, origin, size and root (subtree/v1)   logs and witnesses; withstands quantum computers

A key's id is SHA-256(name ‖ 0x0A ‖ kind ‖ public key)[:4]: it tells keys apart and is no proof of anything. Sources:
C2SP signed-note and tlog-cosignature; RFC 8032; FIPS 204.
"""

import hashlib
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey
from msgspec import Struct

from ledger.bundle import is_weak_ed25519
from ledger.errors import Malformed
from ledger.lines import decode_base64, encode_base64

ED25519 = 0x01
ED25519_COSIGNATURE = 0x04
ML_DSA_44 = 0x06

KEY_ID_BYTES = 4
MAX_NAME_BYTES = 255  # what an ML-DSA-44 message can hold

_PUBLIC_BYTES = {ED25519: 32, ED25519_COSIGNATURE: 32, ML_DSA_44: 1312}
_VKEY = re.compile(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)")

PrivateKey = Ed25519PrivateKey | MLDSA44PrivateKey


class NoteKey(Struct, frozen=True):
    """A public key under a name; `kind` is one of the three above. As text: `format_vkey`."""

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that stand before its signatures."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:KEY_ID_BYTES]


class NoteSigner(Struct, frozen=True):
    """A key with its private half; `note_signer` makes it."""

    key: NoteKey
    private: PrivateKey


def note_signer(name: str, kind: int, private: PrivateKey) -> NoteSigner:
    """Who signs as `name`. A private key is of one algorithm; Ed25519 serves logs (0x01) or witnesses (0x04)."""
    assert is_name(name), "a key's name has no space and no plus"
    assert isinstance(private, MLDSA44PrivateKey) == (kind == ML_DSA_44), "the kind is that of the key's algorithm"
    return NoteSigner(NoteKey(name, kind, private.public_key().public_bytes_raw()), private)


def is_name(name: str) -> bool:
    """Whether a key may be called so: 1 to 255 bytes of UTF-8 without spaces of any sort, controls and plus."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return False
    return 0 < size <= MAX_NAME_BYTES and not any(one.isspace() or one == "+" or one < " " for one in name)


def format_vkey(key: NoteKey) -> str:
    """The key as other programs take it."""
    return f"{key.name}+{key.key_id.hex()}+{encode_base64(bytes([key.kind]) + key.public)}"


def parse_vkey(text: str) -> NoteKey:
    """The key of a vkey. Malformed when it is none, or its id is not derived from it (a slip in copying)."""
    match = _VKEY.fullmatch(text)
    if match is None or not is_name(match[1]):
        raise Malformed("不是验证公钥，写法为 名称+8位十六进制+base64", "not a vkey: name+8 hexadecimal digits+base64")
    try:
        packed = decode_base64(match[3])
    except ValueError as error:
        raise Malformed("验证公钥的 base64 有误", "the vkey's base64 is wrong") from error
    key = NoteKey(match[1], packed[0], packed[1:])
    if _PUBLIC_BYTES.get(key.kind) != len(key.public):
        raise Malformed("不支持这种验证公钥", "no kind of vkey that is known here: 0x01, 0x04 or 0x06")
    if key.kind != ML_DSA_44 and is_weak_ed25519(key.public):
        raise Malformed("这个公钥不能用于签名，请换一个", "nobody signs with such a public key; take another")
    if key.key_id.hex() != match[2]:
        raise Malformed("验证公钥的编号与内容不符，请重新抄录", "the vkey's id does not fit its key; copy it again")
    return key


def sign_raw(signer: NoteSigner, message: bytes) -> bytes:
    """The bare signature."""
    return signer.private.sign(message)


def signed_raw(key: NoteKey, signature: bytes, message: bytes) -> bool:
    """Whether the key made this bare signature over exactly this message."""
    try:
        if key.kind == ML_DSA_44:
            MLDSA44PublicKey.from_public_bytes(key.public).verify(signature, message)
        else:
            Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except InvalidSignature:
        return False
    return True
