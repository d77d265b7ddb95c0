"""Keys in files with their chains of bundles, and new claims: what the commands that sign need."""

import os
import secrets
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa
from msgspec import DecodeError, Struct
from msgspec import json as mjson

from api.publish.durable import sync_folder, write_durably
from ledger.bundle import Bundle, PrivateKey, signer_key
from ledger.claim import SignerKey
from ledger.errors import Malformed
from ledger.note_key import PrivateKey as NotePrivateKey

KEY_FILE_MODE = 0o600


class Chain(Struct, frozen=True):
    """Where a signer's chain of bundles stands: the next bundle's number, and the digest of the last one."""

    device_seq: int = 0
    device_prev: str | None = None


def new_claim_id(at_ms: int) -> str:
    """A UUIDv7 (RFC 9562 section 5.7) of this instant, ms UTC."""
    return derived_claim_id(at_ms, secrets.token_bytes(10))


def derived_claim_id(at_ms: int, chance: bytes) -> str:
    """The UUIDv7 of an instant (ms UTC) and ten bytes that take chance's place."""
    bits = int.from_bytes(chance[:10], "big")
    value = at_ms << 80 | 7 << 76 | (bits >> 64 & 0xFFF) << 64 | 2 << 62 | bits & (1 << 62) - 1
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def new_private_key(alg: str) -> PrivateKey:
    """A new key for claims: `ed25519` or `p256`."""
    return ed25519.Ed25519PrivateKey.generate() if alg == "ed25519" else ec.generate_private_key(ec.SECP256R1())


def new_pq_key() -> mldsa.MLDSA44PrivateKey:
    """A new ML-DSA-44 key; it signs checkpoints, never claims."""
    return mldsa.MLDSA44PrivateKey.generate()


def write_private_key(path: Path, key: PrivateKey | mldsa.MLDSA44PrivateKey) -> None:
    """Write PKCS #8 PEM that only this user may read. Malformed when the file is there already: keys are not lost."""
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, KEY_FILE_MODE)
    except FileExistsError as error:
        raise Malformed(f"{path} 已存在，不会覆盖密钥", f"{path} exists; a key is never overwritten") from error
    with os.fdopen(handle, "wb") as file:
        file.write(pem)


def read_private_key(path: Path) -> PrivateKey:
    """The Ed25519 or P-256 key in a PEM file; Malformed when there is none."""
    key = _load(path)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise _no_key(path, "Ed25519", "P-256")


def read_note_key(path: Path) -> NotePrivateKey:
    """The key for checkpoints in a PEM file, Ed25519 or ML-DSA-44; Malformed when there is none."""
    key = _load(path)
    if isinstance(key, ed25519.Ed25519PrivateKey | mldsa.MLDSA44PrivateKey):
        return key
    raise _no_key(path, "Ed25519", "ML-DSA-44")


def _load(path: Path) -> object:
    try:
        return serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        return None


def read_signer_key(text: str) -> SignerKey:
    """A public key as `keygen` prints it (`ed25519:…`), or that of the PEM file of this name; Malformed otherwise."""
    alg, colon, public = text.partition(":")
    if colon and alg == "ed25519":
        return SignerKey("ed25519", public)
    if colon and alg == "p256":
        return SignerKey("p256", public)
    return signer_key(read_private_key(Path(text)))


def _no_key(path: Path, *algs: str) -> Malformed:
    return Malformed(
        f"{path} 不是未加密的 {' 或 '.join(algs)} 私钥（PEM）",
        f"{path} is no plain {' or '.join(algs)} private key in PEM",
    )


def read_chain(key: Path) -> Chain:
    """Where the chain of the key in this file stands; at its beginning when nothing was signed with it from here."""
    path = _chain_file(key)
    try:
        return mjson.decode(path.read_bytes(), type=Chain) if path.exists() else Chain()
    except DecodeError as error:
        raise Malformed(
            f"{path} 内容有误；不能从头签起，请换新密钥登记",
            f"{path} is spoilt; a chain cannot begin anew: enrol a new key",
        ) from error


def keep_chain(key: Path, chain: Chain) -> None:
    """Remember durably beside the key that its chain goes so far; it may have gone further since.

    Before a bundle is sent: were another one signed under its number, the log would take the key for a copied one.
    """
    if read_chain(key).device_seq < chain.device_seq:
        write_chain(key, chain)


def after(bundle: Bundle) -> Chain:
    """Where a signer's chain stands once it has signed this bundle."""
    return Chain(bundle.device_seq + 1, bundle.digest.hex())


def write_chain(key: Path, chain: Chain) -> None:
    """Remember durably beside the key where its chain stands."""
    path = _chain_file(key)
    write_durably(path, mjson.encode(chain))
    sync_folder(path.parent)


def _chain_file(key: Path) -> Path:
    return key.with_name(f"{key.name}.chain")
