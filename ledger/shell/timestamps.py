"""Timestamps (RFC 3161): an authority's word that a checkpoint's text was there at a time, whatever log or witness say.

What is stamped is the note's text (origin, size, root), which never changes when cosignatures are added. An answer is
kept as it came, DER; it verifies for whoever has the authority's root certificate.
"""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import cast

from cryptography.x509 import Certificate, InvalidVersion, load_pem_x509_certificates
from rfc3161_client import (
    Accuracy,
    HashAlgorithm,
    TimeStampRequest,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from ledger.errors import BadSignature, Malformed

MAX_ANSWER_BYTES = 100_000

_GRANTED = 0
_MAX_WHY = 200
_SHA256 = "2.16.840.1.101.3.4.2.1"


def new_request(text: str) -> TimeStampRequest:
    """What to ask of an authority: to stamp this text's SHA-256, with a chance nonce, and to send its certificate."""
    return TimestampRequestBuilder(data=text.encode(), hash_algorithm=HashAlgorithm.SHA256).build()


def check_answer(request: TimeStampRequest, text: str, der: bytes) -> None:
    """Raise Malformed unless these bytes grant this request for this text. Whose signature it is stays unchecked."""
    answer = _decoded(der)
    if answer.status != _GRANTED:
        said = "; ".join(answer.status_string)[:_MAX_WHY]  # theirs, and shown on a terminal
        why = "".join(one if one.isprintable() else "?" for one in said)
        raise Malformed(f"时间戳机构拒绝：{why}", f"the timestamping authority refused ({answer.status}): {why}")
    try:
        info = answer.tst_info
        imprint = info.message_imprint.hash_algorithm.dotted_string, info.message_imprint.message
        same = (info.nonce, *imprint) == (request.nonce, _SHA256, hashlib.sha256(text.encode()).digest())
    except ValueError as error:
        raise _spoilt(error) from error
    if not same:
        raise Malformed(
            "时间戳答复的不是所问：摘要或随机数不同", "the timestamp answers something else: digest or nonce differ"
        )


def stamped_ms(der: bytes, text: str, certificates: Sequence[Certificate]) -> int:
    """By when the text was there, ms UTC: the answer's time and its accuracy, by the authority under these roots.

    `certificates`: the authority's root, and those in between if the answer lacks them. Malformed when the bytes are no
    answer, BadSignature when it is not over this text, or not by an authority that these certificates vouch for.
    """
    answer = _decoded(der)
    builder = VerifierBuilder()
    for certificate in dict.fromkeys(certificates):
        builder = builder.add_root_certificate(certificate)
    try:
        builder.build().verify_message(answer, text.encode())
        until = answer.tst_info.gen_time + _accuracy(answer)
    except (VerificationError, ValueError, OverflowError) as error:
        raise BadSignature(
            f"时间戳未通过验证（摘要、签名或证书不符）：{error}",
            f"the timestamp does not verify (digest, signature or certificate): {error}",
        ) from error
    return -(-int(until.timestamp() * 1_000_000) // 1000)


def read_certificates(pem: bytes) -> tuple[Certificate, ...]:
    """The certificates of a PEM file; Malformed when there is none."""
    try:
        return tuple(load_pem_x509_certificates(pem))
    except (ValueError, InvalidVersion) as error:
        raise Malformed(f"不是 PEM 证书：{error}", f"no certificates in PEM: {error}") from error


def _accuracy(answer: TimeStampResponse) -> timedelta:
    """How far off the authority says it may be; it may leave that out."""
    said = cast("Accuracy | None", answer.tst_info.accuracy)
    if said is None:
        return timedelta()
    return timedelta(seconds=said.seconds or 0, milliseconds=said.millis or 0, microseconds=said.micros or 0)


def _decoded(der: bytes) -> TimeStampResponse:
    if len(der) > MAX_ANSWER_BYTES:
        raise Malformed("时间戳答复过长", f"the timestamp is over {MAX_ANSWER_BYTES} bytes")
    try:
        return decode_timestamp_response(der)
    except ValueError as error:
        raise _spoilt(error) from error


def _spoilt(error: ValueError) -> Malformed:
    return Malformed(f"不是 RFC 3161 时间戳答复：{error}", f"no RFC 3161 timestamp: {error}")
