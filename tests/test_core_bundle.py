"""Bundles at the door, and the Merkle tree: exact bytes, strictly read."""

import base64
import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ledger import claim as c
from ledger.bundle import (
    MAX_BUNDLE_BYTES,
    MAX_CLAIMS,
    PAYLOAD_TYPE,
    Seen,
    check_signature,
    encode_payload,
    open_bundle,
    pae,
    public_key,
    sign_bundle,
    signer_id,
    signer_key,
)
from ledger.errors import BadSignature, LedgerError, Malformed, TooLarge
from ledger.merkle import EMPTY_ROOT, extend, node_hash, pack_frontier, root_of, unpack_frontier
from tests.story import ORIGIN, Signer, Story, code, private_key

KEYS = {alg: private_key(f"bundle {alg}", alg) for alg in ("ed25519", "p256")}
STORY = Story()
ONE = code(1)
WRONG = ONE[:-1] + ("A" if ONE[-1] != "A" else "B")
CHECK = STORY.make(c.CheckPrefill, code=ONE)
CHECK_TEXT = (
    f'{{"type":"check_prefill","code":"{ONE}","site":"S1","person":"P1",'
    '"claim_id":"01900000-0000-7000-8000-000000000001","scanned_at":1767225600000}'
)


def payload_text(*claims: str, **changes: str) -> bytes:
    """A payload spelled by hand: what a device that is not ours might send."""
    fields = {"log": f'"{ORIGIN}"', "device_seq": "0", "device_prev": "null", "seen": "null"}
    fields |= {"claims": f"[{','.join(claims or (CHECK_TEXT,))}]"} | changes
    return ("{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}").encode()


def sealed(payload: bytes, /, **changes: Any) -> bytes:
    """An envelope around payload bytes that nobody checked."""
    envelope = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": "0" * 32, "sig": base64.b64encode(b"x" * 64).decode()}],
    }
    return json.dumps(envelope | changes, separators=(",", ":")).encode()


def refusal_of(envelope: bytes) -> Malformed:
    with pytest.raises(Malformed) as caught:
        open_bundle(envelope)
    fault = caught.value
    assert fault.zh
    assert fault.en
    return fault


# --- signing ---------------------------------------------------------------------------------------------------


def test_pae_is_dsses() -> None:
    """The vector of the DSSE specification, and ours by hand."""
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert pae(PAYLOAD_TYPE, b"") == b"DSSEv1 46 application/vnd.cylinder-ledger.bundle.v1+json 0 "


@pytest.mark.parametrize("alg", KEYS)
def test_what_was_signed_is_what_is_opened(alg: str) -> None:
    key = KEYS[alg]
    payload = encode_payload(log=ORIGIN, device_seq=3, device_prev="ab" * 32, seen=Seen(7, "cd" * 32), claims=[CHECK])
    bundle = open_bundle(sign_bundle(payload, key))
    assert bundle.payload == payload
    assert bundle.digest == hashlib.sha256(payload).digest()
    assert bundle.signer == signer_id(signer_key(key))
    assert (bundle.log, bundle.device_seq, bundle.device_prev, bundle.seen) == (
        ORIGIN, 3, "ab" * 32, Seen(7, "cd" * 32),
    )  # fmt: skip
    assert [(one.claim, one.text) for one in bundle.claims] == [(CHECK, CHECK_TEXT)]
    check_signature(bundle, public_key(signer_key(key)))
    for other in (private_key("another", alg), KEYS["p256" if alg == "ed25519" else "ed25519"]):
        with pytest.raises(BadSignature):
            check_signature(bundle, other.public_key())


@pytest.mark.parametrize("alg", KEYS)
def test_every_flipped_byte_is_found(alg: str) -> None:
    key = KEYS[alg]
    envelope = sign_bundle(payload_text(), key)
    public, signer = key.public_key(), signer_id(signer_key(key))
    check_signature(open_bundle(envelope), public)
    for at in range(len(envelope)):
        for flip in (0x01, 0x02, 0x04, 0x20, 0x80):
            forged = envelope[:at] + bytes([envelope[at] ^ flip]) + envelope[at + 1 :]
            try:
                bundle = open_bundle(forged)
                assert bundle.signer == signer, "another signer, whose key will not verify it"
                check_signature(bundle, public)
            except (LedgerError, AssertionError):
                continue
            pytest.fail(f"byte {at} flipped by {flip:#x} went unseen: {forged[max(0, at - 9) : at + 9]!r}")


@pytest.mark.parametrize("sig", [b"", b"x" * 63, b"x" * 65, b"\0" * 64, b"\xff" * 64, b"0" * 96])
@pytest.mark.parametrize("alg", KEYS)
def test_no_signature_at_all(alg: str, sig: bytes) -> None:
    said = [{"keyid": "0" * 32, "sig": base64.b64encode(sig).decode()}]
    bundle = open_bundle(sealed(payload_text(), signatures=said))
    with pytest.raises(BadSignature):
        check_signature(bundle, KEYS[alg].public_key())


def test_rfc_8032_test_1_still_signs_as_it_says() -> None:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(
        bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    )
    assert signer_key(key).public == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert key.sign(b"").hex().startswith("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155")


@pytest.mark.parametrize(
    ("alg", "public"),
    [
        ("ed25519", "04" + "11" * 64),
        ("p256", "11" * 32),
        ("p256", "04" + "00" * 64),
        ("p256", "04" + "ff" * 64),
    ],
)
def test_bytes_that_are_no_key(alg: Any, public: str) -> None:
    with pytest.raises(Malformed):
        public_key(c.SignerKey(alg, public))


# --- the door --------------------------------------------------------------------------------------------------

LINE = '{"type":"file_line","claim_id":"01900000-0000-7000-8000-000000000002","scanned_at":1,%s}'
ARRIVAL = (
    '{"type":"record_arrival","claim_id":"01900000-0000-7000-8000-000000000003","scanned_at":1,"site":"S1",'
    '"person":"P1","vehicle":"V1","counts":{%s}}'
)
ENTERPRISE = (
    '{"type":"file_enterprise","claim_id":"01900000-0000-7000-8000-000000000004","scanned_at":1,"enterprise":"E1",'
    '"kind":"filler","name":%s,"service_phone":"0513-96777"}'
)


def check(old: str, new: str) -> str:
    assert old in CHECK_TEXT
    return CHECK_TEXT.replace(old, new)


# fmt: off
BAD_PAYLOADS: tuple[tuple[str, bytes, str], ...] = (
    # what, payload, pointer
    ("duplicate key outside", payload_text() [:-1] + b',"device_seq":0}', ""),
    ("duplicate key in a claim", payload_text(check('"site":"S1"', '"site":"S1","site":"S1"')), "/claims/0"),
    ("the same key, escaped", payload_text(check('"site":"S1"', '"site":"S1","\\u0073ite":"S2"')), "/claims/0"),
    ("duplicate type", payload_text(check('{"type"', '{"type":"authorise_fill","type"')), "/claims/0"),
    ("duplicate key in a map", payload_text(CHECK_TEXT, ARRIVAL % '"YSP12":1,"YSP12":2'), "/claims/1"),
    ("duplicate key in seen", payload_text(seen=f'{{"size":1,"size":1,"root":"{"0" * 64}"}}'), ""),
    ("unknown field outside", payload_text(extra="1"), ""),
    ("unknown field in a claim", payload_text(CHECK_TEXT, check('"site"', '"note":"x","site"')), "/claims/1"),
    ("unknown claim", payload_text(check("check_prefill", "open_sesame")), "/claims/0/type"),
    ("no type", payload_text(check('"type":"check_prefill",', "")), "/claims/0"),
    ("a float", payload_text(check("1767225600000", "1767225600000.0")), "/claims/0/scanned_at"),
    ("an exponent", payload_text(check("1767225600000", "17672256e5")), "/claims/0/scanned_at"),
    ("a float outside", payload_text(device_seq="0.0"), "/device_seq"),
    ("over 2**53", payload_text(check("1767225600000", str(2**53))), "/claims/0/scanned_at"),
    ("over 2**64", payload_text(check("1767225600000", str(2**80))), "/claims/0/scanned_at"),
    ("5000 digits", payload_text(check("1767225600000", "9" * 5000)), "/claims/0/scanned_at"),
    ("negative", payload_text(device_seq="-1"), "/device_seq"),
    ("a boolean for a number", payload_text(device_seq="true"), "/device_seq"),
    ("text for a number", payload_text(check("1767225600000", '"1"')), "/claims/0/scanned_at"),
    ("null", payload_text(check('"S1"', "null")), "/claims/0/site"),
    ("not a number", payload_text(check("1767225600000", "NaN")), ""),
    ("a lone surrogate", payload_text(ENTERPRISE % '"\\ud800"'), ""),
    ("surrogates the wrong way", payload_text(ENTERPRISE % '"\\udc00\\ud800"'), ""),
    ("Latin-1", payload_text(ENTERPRISE % '"caf\xe9"').replace("caf\xe9".encode(), b"caf\xe9"), "/claims/0"),
    ("overlong UTF-8", payload_text(ENTERPRISE % '"Q"').replace(b'"Q"', b'"\xc0\xaf"'), "/claims/0"),
    ("an encoded surrogate", payload_text(ENTERPRISE % '"Q"').replace(b'"Q"', b'"\xed\xa0\x80"'), "/claims/0"),
    ("Latin-1 in a key", payload_text().replace(b'"log"', b'"lo\xe7"'), ""),
    ("UTF-16", payload_text().decode().encode("utf-16"), ""),
    ("a byte order mark", b"\xef\xbb\xbf" + payload_text(), ""),
    ("something after", payload_text() + b"x", ""),
    ("a second document", payload_text() + payload_text(), ""),
    ("a NUL after", payload_text() + b"\0", ""),
    ("a trailing comma", payload_text()[:-1] + b",}", ""),
    ("a comment", b"/**/" + payload_text(), ""),
    ("nothing", b"", ""),
    ("an array", b"[]", ""),
    ("no claims", payload_text(claims="[]"), "/claims"),
    ("too many claims", payload_text(*[CHECK_TEXT] * (MAX_CLAIMS + 1)), "/claims"),
    ("a wrong log", payload_text(log='"Ledger Test"'), "/log"),
    ("a short digest", payload_text(device_prev='"00"'), "/device_prev"),
    ("a claim id that is no UUIDv7", payload_text(check("-7000-", "-4000-")), "/claims/0/claim_id"),
    ("a newline at a pattern's end", payload_text(check('"S1"', '"S1\\n"')), "/claims/0/site"),
    ("a wrong check character", payload_text(check(ONE, WRONG)), "/claims/0/code"),
    ("an unknown scheme", payload_text(check("own:", "paint:")), "/claims/0/code"),
    ("a field of a list", payload_text(check('"P1"', '"P1","failed_items":["leak","x"]')), "/claims/0/failed_items/1"),
    ("a negative count", payload_text(ARRIVAL % '"YSP12":-1'), "/claims/0/counts"),
    ("a missing field", payload_text(LINE % '"line":"L1"'), "/claims/0"),
    ("deep nesting", payload_text(claims="[" * 100_000), ""),
    ("deep nesting of a field", payload_text(ARRIVAL % ('"x":' + "[" * 5_000 + "]" * 5_000)), ""),
)
# fmt: on


@pytest.mark.parametrize(("payload", "pointer"), [pytest.param(*row[1:], id=row[0]) for row in BAD_PAYLOADS])
def test_the_door_is_strict(payload: bytes, pointer: str) -> None:
    fault = refusal_of(sealed(payload))
    assert fault.pointer.startswith(pointer)
    if pointer.count("/") > 2:
        assert fault.pointer == pointer


def test_the_door_is_no_stricter_than_it_says() -> None:
    loose = payload_text(check('"site":"S1"', ' "site" : "\\u0053\\u0031" ')).replace(b'"seen"', b'\n"seen"')
    bundle = open_bundle(sealed(loose))
    assert bundle.claims[0].claim == CHECK
    assert bundle.claims[0].text in loose.decode()
    assert open_bundle(sealed(payload_text(ENTERPRISE % '"\\ud83d\\ude00 气瓶"'))).claims


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"payload": "***"}, "/payload"),
        ({"payload": base64.urlsafe_b64encode(b"\xfb\xff").decode()}, "/payload"),
        ({"payload": base64.b64encode(payload_text()).decode() + "\n"}, "/payload"),
        (
            {"payload": base64.b64encode(payload_text() + b" " * (-len(payload_text()) % 3)).decode() + "===="},
            "/payload",
        ),
        ({"payloadType": "application/json"}, "/payloadType"),
        ({"payloadType": PAYLOAD_TYPE.upper()}, "/payloadType"),
        ({"signatures": []}, "/signatures"),
        ({"signatures": [{"keyid": "0" * 32, "sig": "AAAA"}] * 2}, "/signatures"),
        ({"signatures": [{"keyid": "0" * 31, "sig": "AAAA"}]}, "/signatures/0/keyid"),
        ({"signatures": [{"keyid": "0" * 32, "sig": "A" * 129}]}, "/signatures/0/sig"),
        ({"signatures": [{"keyid": "0" * 32, "sig": "AA=="[:3]}]}, "/payload"),
        ({"signatures": [{"keyid": "0" * 32, "sig": "AB=="}]}, "/payload"),  # a bit that decoders drop
        ({"signatures": [{"keyid": "0" * 32, "sig": "AAAA", "x": 1}]}, "/signatures/0"),
        ({"extra": 1}, ""),
        ({"payload": 1}, "/payload"),
    ],
)
def test_the_envelope_is_strict(changes: dict[str, Any], pointer: str) -> None:
    assert refusal_of(sealed(payload_text(), **changes)).pointer == pointer


def test_duplicate_keys_of_the_envelope() -> None:
    good = sealed(payload_text())
    refusal_of(good[:-1] + b',"payloadType":"' + PAYLOAD_TYPE.encode() + b'"}')
    refusal_of(good.replace(b'"keyid"', b'"sig":"AAAA","keyid"'))


def test_bounds() -> None:
    with pytest.raises(TooLarge):
        open_bundle(b" " * (MAX_BUNDLE_BYTES + 1))
    room = c.MAX_CLAIM_BYTES - len(CHECK_TEXT)
    padded = CHECK_TEXT[:-1] + " " * room + "}"
    assert len(open_bundle(sealed(payload_text(padded))).claims[0].text) == c.MAX_CLAIM_BYTES
    with pytest.raises(TooLarge) as caught:
        open_bundle(sealed(payload_text(CHECK_TEXT, padded.replace("}", " }"))))
    assert caught.value.pointer == "/claims/1"


def test_what_only_looks_like_a_filing() -> None:
    """An id that is not its key's, a key that is none, a label on what was no code, a model spelled loosely."""
    enrolled = STORY.enrolment(STORY.station, c.Role.STATION, "E1", ("S1",))
    unread = f"unread:payment.20.{'0' * 16}.{'0' * 64}"
    thief = signer_key(private_key("thief"))
    bad_key = c.SignerKey("p256", "04" + "00" * 64)
    weak = c.SignerKey("ed25519", "01" + "00" * 31)  # under which one signature fits any message
    make = STORY.make
    cases = (
        (make(c.EnrolSigner, **{**fields(enrolled), "key": thief}), "/claims/0/signer"),
        (make(c.EnrolSigner, **{**fields(enrolled), "key": weak, "signer": signer_id(weak)}), ""),
        (make(c.EnrolSigner, **{**fields(enrolled), "key": bad_key, "signer": signer_id(bad_key)}), ""),
        (STORY.opening(log_signer=bad_key), ""),
        (STORY.cylinder(1, code=unread), "/claims/0/code"),
        (STORY.cylinder(1, model="YSP35.5/14.9"), "/claims/0/model"),
        (make(c.BindCode, code=ONE, new_code=unread), "/claims/0/new_code"),
        (make(c.BindCode, code=ONE, new_code=code(2), retires="own:NO"), "/claims/0/retires"),
    )
    for claim, pointer in cases:
        signer = Signer("any", private_key("any"))
        assert refusal_of(signer.sign(claim)).pointer == pointer
    taken = open_bundle(Signer("any", private_key("any")).sign(make(c.CheckPrefill, code=unread)))
    assert [one.claim.code for one in taken.claims if isinstance(one.claim, c.CheckPrefill)] == [unread]


def fields(claim: c.EnrolSigner) -> dict[str, Any]:
    return {name: getattr(claim, name) for name in claim.__struct_fields__ if name not in ("claim_id", "scanned_at")}


GOOD = sealed(payload_text(CHECK_TEXT, ARRIVAL % '"YSP12":1'))


def test_every_prefix_of_an_envelope_and_of_a_payload_is_a_fault() -> None:
    for cut in range(len(GOOD)):
        refusal_of(GOOD[:cut])
    payload = payload_text(CHECK_TEXT, ARRIVAL % '"YSP12":1')
    for cut in range(len(payload)):
        refusal_of(sealed(payload[:cut]))


def never_anything_but_a_fault(raw: bytes) -> None:
    try:
        bundle = open_bundle(raw)
        check_signature(bundle, KEYS["ed25519"].public_key())
    except LedgerError:
        return
    pytest.fail("rubbish was taken")


@settings(max_examples=60)
@given(st.binary(max_size=200))
@example(b"\xff\xfe{}")
@example(b'{"payload":"\\ud800","payloadType":"x","signatures":[]}')
def test_rubbish(raw: bytes) -> None:
    never_anything_but_a_fault(raw)
    never_anything_but_a_fault(sealed(raw))
    never_anything_but_a_fault(sealed(payload_text(claims="[" + raw.decode("latin-1") + "]")))


@settings(max_examples=100)
@given(st.integers(0, len(GOOD) - 1), st.integers(0, 3), st.binary(max_size=4))
def test_a_good_one_with_rubbish_in_it(at: int, gone: int, inserted: bytes) -> None:
    payload = payload_text(CHECK_TEXT, ARRIVAL % '"YSP12":1')
    never_anything_but_a_fault(GOOD[:at] + inserted + GOOD[at + gone :])
    never_anything_but_a_fault(sealed(payload[:at] + inserted + payload[at + gone :]))


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100)
@given(st.sampled_from(sorted(json.loads(CHECK_TEXT))), _json)
def test_a_good_claim_with_any_json_in_one_field(field: str, value: Any) -> None:
    said = json.loads(CHECK_TEXT)
    said[field] = value
    never_anything_but_a_fault(sealed(payload_text(json.dumps(said))))


# --- the tree --------------------------------------------------------------------------------------------------


def reference(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + reference(leaves[:k]) + reference(leaves[k:])).digest()


LEAVES = [hashlib.sha256(b"\x00" + str(n).encode()).digest() for n in range(300)]


def test_the_root_at_every_size_is_rfc_6962s() -> None:
    assert reference([]) == EMPTY_ROOT == root_of(())
    assert node_hash(LEAVES[0], LEAVES[1]) == reference(LEAVES[:2])
    frontier: tuple[bytes, ...] = ()
    for size, leaf in enumerate(LEAVES):
        frontier = extend(frontier, size, [leaf])
        assert len(frontier) == (size + 1).bit_count()
        assert unpack_frontier(pack_frontier(frontier)) == frontier
        assert root_of(frontier) == reference(LEAVES[: size + 1])


@given(st.integers(0, 120), st.integers(0, 120))
def test_extending_at_once_is_extending_one_by_one(first: int, more: int) -> None:
    frontier = extend((), 0, LEAVES[:first])
    assert extend(frontier, first, []) == frontier
    assert root_of(extend(frontier, first, LEAVES[first : first + more])) == reference(LEAVES[: first + more])
