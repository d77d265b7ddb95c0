"""Bundles: a list of claims signed once, as exact bytes (DSSE; Ed25519, and P-256 as raw r||s).

The envelope is DSSE's JSON: `{"payload", "payloadType", "signatures": [{"keyid", "sig"}]}` with standard base64. What
is signed is PAE("DSSEv1", type, payload), so nothing is ever re-serialised before it is checked. `keyid` is the
signer's id, derived from its key, so a key can never change under an id. Two parsers must never see two claims in one
signed text: duplicate keys and anything but UTF-8 are refused here, at the door.

Sources: secure-systems-lab/dsse protocol v1; RFC 8032; FIPS 186-5.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Annotated, Any, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from msgspec import DecodeError, Meta, Raw, Struct, ValidationError
from msgspec import json as mjson

from ledger.claim import (
    MAX_CLAIM_BYTES,
    AnyClaim,
    Code,
    Digest,
    EnrolSigner,
    OpenLog,
    Origin,
    RegisterCylinder,
    Seq,
    SignerId,
    SignerKey,
)
from ledger.errors import BadSignature, Malformed, TooLarge
from ledger.identity import parse_code
from ledger.lines import decode_base64
from ledger.model import parse_model

PAYLOAD_TYPE = "application/vnd.cylinder-ledger.bundle.v1+json"
MAX_BUNDLE_BYTES = 2 * 1024 * 1024
MAX_CLAIMS = 500
SIGNATURE_BYTES = 64

_FIELD = 2**255 - 19
_ORDER_EIGHT = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_ORDER = {0, 1, _FIELD - 1, _ORDER_EIGHT, _FIELD - _ORDER_EIGHT}
"""The y of the points of small order on Ed25519's curve."""

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
PublicKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey


class Seen(Struct, frozen=True, forbid_unknown_fields=True):
    """The newest checkpoint a device has seen: tree size and root, hexadecimal."""

    size: Seq
    root: Digest


class Payload(Struct, frozen=True, forbid_unknown_fields=True):
    """What is signed. `device_seq` counts a signer's bundles from 0; `device_prev` is the digest of the one before."""

    log: Origin
    device_seq: Seq
    device_prev: Digest | None
    seen: Seen | None
    claims: Annotated[list[Raw], Meta(min_length=1, max_length=MAX_CLAIMS)]


class _Signature(Struct, frozen=True, forbid_unknown_fields=True):
    keyid: SignerId
    sig: Annotated[str, Meta(max_length=128)]


class Envelope(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """DSSE's envelope. `payload` is base64 of the exact bytes that were signed."""

    payload: str
    payload_type: str
    signatures: Annotated[list[_Signature], Meta(min_length=1, max_length=1)]


class Signed(Struct, frozen=True):
    """One claim of an opened bundle: its exact text and what it says."""

    text: str
    claim: AnyClaim


class Bundle(Struct, frozen=True):
    """A bundle whose bytes were decoded; `digest` is the SHA-256 of `payload`, `signature` is not yet checked."""

    envelope: bytes
    payload: bytes
    digest: bytes
    signer: str
    signature: bytes
    log: str
    device_seq: int
    device_prev: str | None
    seen: Seen | None
    claims: tuple[Signed, ...]


T = TypeVar("T")

_envelope = mjson.Decoder(Envelope)
_payload = mjson.Decoder(Payload)
_claim = mjson.Decoder(AnyClaim)
_encoder = mjson.Encoder()


def signer_id(key: SignerKey) -> str:
    """The id of the signer that holds this key: 32 hexadecimal digits of SHA-256 over algorithm and key."""
    return hashlib.sha256(f"{key.alg}:{key.public}".encode()).hexdigest()[:32]


def public_key(key: SignerKey) -> PublicKey:
    """The key object; Malformed when the bytes are no such key."""
    raw = bytes.fromhex(key.public)
    try:
        if key.alg == "ed25519":
            if is_weak_ed25519(raw):
                raise ValueError(key.public)  # noqa: TRY301 - the same answer as bytes that are no key
            return ed25519.Ed25519PublicKey.from_public_bytes(raw)
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
    except ValueError as error:
        raise Malformed("公钥无效，请重新生成并登记", "not a valid public key; create and enrol a new one") from error


def is_weak_ed25519(public: bytes) -> bool:
    """Whether an Ed25519 key is of small order, where one signature fits any message, or has another spelling."""
    y = int.from_bytes(public, "little") % 2**255
    return y >= _FIELD or y in _SMALL_ORDER


def signer_key(private: PrivateKey) -> SignerKey:
    """The public half of a private key, as enrolments carry it."""
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return SignerKey("ed25519", private.public_key().public_bytes_raw().hex())
    numbers = private.public_key().public_numbers()
    return SignerKey("p256", f"04{numbers.x:064x}{numbers.y:064x}")


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: what the signature is over."""
    return b"DSSEv1 %d %s %d %s" % (len(payload_type), payload_type.encode(), len(payload), payload)


def sign_bundle(payload: bytes, private: PrivateKey) -> bytes:
    """The envelope of these exact payload bytes. A device signs once, keeps the envelope and resends the same bytes."""
    message = pae(PAYLOAD_TYPE, payload)
    if isinstance(private, ed25519.Ed25519PrivateKey):
        signature = private.sign(message)
    else:
        r, s = decode_dss_signature(private.sign(message, ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return _encoder.encode(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [
                {"keyid": signer_id(signer_key(private)), "sig": base64.b64encode(signature).decode()},
            ],
        }
    )


def encode_payload(
    *, log: str, device_seq: int, device_prev: str | None, seen: Seen | None, claims: list[AnyClaim]
) -> bytes:
    """The payload bytes of a new bundle, made once by the device that signs them."""
    raws = [Raw(_encoder.encode(claim)) for claim in claims]
    return _encoder.encode(Payload(log, device_seq, device_prev, seen, raws))


def check_signature(bundle: Bundle, key: PublicKey) -> None:
    """Raise BadSignature unless `key` signed exactly this payload."""
    message = pae(PAYLOAD_TYPE, bundle.payload)
    try:
        if len(bundle.signature) != SIGNATURE_BYTES:
            # One signature, one spelling: a longer r||s would verify too.
            raise InvalidSignature  # noqa: TRY301 - the same answer as a wrong one
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(bundle.signature, message)
        else:
            r, s = (int.from_bytes(half, "big") for half in (bundle.signature[:32], bundle.signature[32:]))
            key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise BadSignature(
            "签名与内容不符，未保存任何数据；请核对设备密钥后重新签名",
            "the signature does not match these bytes; nothing was stored; check the device's key and sign again",
        ) from None


def open_bundle(envelope: bytes) -> Bundle:
    """Decode an envelope's bytes, strictly. Malformed and TooLarge carry a pointer into the *payload*."""
    if len(envelope) > MAX_BUNDLE_BYTES:
        raise TooLarge(
            f"提交内容超过 {MAX_BUNDLE_BYTES} 字节，请分批提交", f"over {MAX_BUNDLE_BYTES} bytes; send smaller bundles"
        )
    outer = _decode(_envelope, envelope, "")
    if outer.payload_type != PAYLOAD_TYPE:
        raise Malformed("内容类型不认识", f"payloadType must be {PAYLOAD_TYPE}", pointer="/payloadType")
    try:
        payload = decode_base64(outer.payload)
        signature = decode_base64(outer.signatures[0].sig)
    except ValueError as error:
        raise Malformed("base64 编码有误", "payload or sig is not base64", pointer="/payload") from error
    inner = _decode(_payload, payload, "")
    return Bundle(
        envelope=envelope,
        payload=payload,
        digest=hashlib.sha256(payload).digest(),
        signer=outer.signatures[0].keyid,
        signature=signature,
        log=inner.log,
        device_seq=inner.device_seq,
        device_prev=inner.device_prev,
        seen=inner.seen,
        claims=tuple(_open_claim(bytes(raw), f"/claims/{n}") for n, raw in enumerate(inner.claims)),
    )


def decode_claim(text: str) -> AnyClaim:
    """The claim that an entry's stored text says; the text passed the door before."""
    claim: AnyClaim = _claim.decode(text)
    return claim


def _open_claim(raw: bytes, pointer: str) -> Signed:
    if len(raw) > MAX_CLAIM_BYTES:
        raise TooLarge(
            f"单条记录超过 {MAX_CLAIM_BYTES} 字节，请拆分",
            f"a claim over {MAX_CLAIM_BYTES} bytes; split it",
            pointer=pointer,
        )
    claim = _decode(_claim, raw, pointer)
    for field, code in _codes_in(claim):
        scheme = parse_code(code, pointer=f"{pointer}/{field}").scheme
        if scheme == "unread" and (field == "new_code" or isinstance(claim, RegisterCylinder)):
            raise Malformed(
                "未识别的内容不能作为气瓶编码，请先发码",
                "what was no code cannot name a cylinder; issue a code first",
                pointer=f"{pointer}/{field}",
            )
    if isinstance(claim, RegisterCylinder) and parse_model(claim.model).model != claim.model:
        raise Malformed("型号写法不规范", "write the model in its canonical form", pointer=f"{pointer}/model")
    _check_keys(claim, pointer)
    return Signed(raw.decode(), claim)


def _codes_in(claim: AnyClaim) -> Iterator[tuple[str, Code]]:
    """Every code that a claim names, with the field it stands in (RFC 6901, without the leading slash)."""
    for field in ("code", "new_code", "retires"):
        code: Code | None = getattr(claim, field, None)
        if code is not None:
            yield field, code
    for field in ("also", "also_read", "empties", "codes"):
        codes: tuple[Code, ...] = getattr(claim, field, ())
        for place, one in enumerate(codes):
            yield f"{field}/{place}", one


def _check_keys(claim: AnyClaim, pointer: str) -> None:
    """Keys that are keys, and an enrolled id that is derived from its key, so that no key can take another's id."""
    if isinstance(claim, OpenLog):
        public_key(claim.authority)
        public_key(claim.log_signer)
    if isinstance(claim, EnrolSigner):
        public_key(claim.key)
        if signer_id(claim.key) != claim.signer:
            raise Malformed(
                "签名者编号与公钥不符，请由公钥重新计算",
                "the signer's id is not derived from its key; derive it again",
                pointer=f"{pointer}/signer",
            )


def _decode(decoder: "mjson.Decoder[T]", raw: bytes, pointer: str) -> T:
    """Decode, and refuse what a second parser might read otherwise: duplicate keys, bytes that are not UTF-8."""
    try:
        value = decoder.decode(raw)
        # What encodes back to the same bytes has each key once; only other spellings need the slow look.
        if _encoder.encode(value) != raw:
            json.loads(raw.decode(), object_pairs_hook=_each_key_once)
    except ValidationError as error:
        where, what = _pointer(str(error))
        raise Malformed(f"字段内容有误：{what}", f"invalid field: {what}", pointer=pointer + where) from error
    except (DecodeError, UnicodeError, RecursionError, ValueError) as error:
        what = str(error) if isinstance(error, DecodeError | _DuplicateKey) else "not UTF-8 JSON"
        raise Malformed(f"不是合规的 JSON：{what}", f"not acceptable JSON: {what}", pointer=pointer) from error
    return value


class _DuplicateKey(ValueError):
    pass


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise _DuplicateKey("a key stands twice in one object")
    return dict(pairs)


def _pointer(message: str) -> tuple[str, str]:
    """Msgspec's `... - at `$.a[0].b`` as a JSON pointer and the rest of the message."""
    what, _, path = message.partition(" - at `$")
    steps = path.rstrip("`").replace("[", ".").replace("]", "").split(".")
    return "".join(f"/{step}" for step in steps if step), what
