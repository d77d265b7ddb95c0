"""Notes, checkpoints and witness requests: the published examples, strict reading, and who signed what."""

import base64
import contextlib
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.checkpoint import (
    TreeHead,
    cosign,
    format_head,
    parse_checkpoint,
    sign_checkpoint,
    signed_at,
    with_cosignatures,
)
from ledger.errors import BadSignature, Malformed, TooLarge
from ledger.lines import MAX_PROOF_HASHES
from ledger.merkle import EMPTY_ROOT
from ledger.note import (
    MAX_NOTE_BYTES,
    MAX_SIGNATURES,
    Note,
    Signature,
    check_text,
    format_note,
    format_signatures,
    parse_note,
    parse_signatures,
    sign_text,
    with_signatures,
)
from ledger.note_key import (
    ED25519,
    ED25519_COSIGNATURE,
    ML_DSA_44,
    NoteKey,
    format_vkey,
    is_name,
    note_signer,
    parse_vkey,
)
from ledger.witness_request import AddCheckpoint, format_request, parse_request

# golang.org/x/mod sumdb/note, note_test.go: facts published there.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ENOCH_LINE = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)
# C2SP signed-note and tlog-cosignature.
FOO = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
FOO_NOTE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""
POEM = """Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
"""  # noqa: E501 - as published
SOFA = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""  # noqa: E501 - as published
REQUEST = """old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
"""  # noqa: E501 - as published

ORIGIN = "ledger.example.cn/320600/v1"
ROOT = hashlib.sha256(b"root").digest()
HEAD = TreeHead(ORIGIN, 42, ROOT)
NOW_S = 1_767_225_600


def signer(name: str, kind: int):
    seed = hashlib.sha256(f"proof {name}".encode()).digest()
    make = MLDSA44PrivateKey.from_seed_bytes if kind == ML_DSA_44 else Ed25519PrivateKey.from_private_bytes
    return note_signer(name, kind, make(seed))


LOG, LOG_PQ = signer(ORIGIN, ED25519), signer(ORIGIN, ML_DSA_44)
WITNESS, WITNESS_PQ = signer("witness.example.cn/w1", ED25519_COSIGNATURE), signer("witness.example.cn/w2", ML_DSA_44)
EVERYONE = (LOG, LOG_PQ, WITNESS, WITNESS_PQ)


# --- notes ---------------------------------------------------------------------------------------------------------


def test_published_notes_verify_and_are_signed_to_the_byte():
    both = parse_note((GO_TEXT + "\n" + PETER_LINE + ENOCH_LINE).encode())
    assert both.text == GO_TEXT
    assert check_text(both, parse_vkey(PETER))
    assert check_text(both, parse_vkey(ENOCH))
    assert not check_text(both, parse_vkey(FOO))
    assert check_text(parse_note(FOO_NOTE.encode()), parse_vkey(FOO))
    peter = note_signer("PeterNeumann", ED25519, Ed25519PrivateKey.from_private_bytes(PETER_SEED))
    assert format_vkey(peter.key) == PETER
    assert format_note(Note(GO_TEXT, (sign_text(GO_TEXT, peter),))) == (GO_TEXT + "\n" + PETER_LINE).encode()


def test_poem_with_an_empty_line_reads_back():
    note = parse_note(POEM.encode())
    assert note.text == POEM.rpartition("\n\n")[0] + "\n"
    assert [(one.name, len(one.signature)) for one in note.signatures] == [("quasimodo.example/salvatore", 64)]
    assert format_note(note) == POEM.encode()


def test_changed_text_or_signature_is_refused():
    key = parse_vkey(PETER)
    for changed in (
        GO_TEXT.replace("think", "thank") + "\n" + PETER_LINE,
        GO_TEXT + "\n" + PETER_LINE.replace("N1", "N2"),
    ):
        with pytest.raises(BadSignature):
            check_text(parse_note(changed.encode()), key)
    short = Note(GO_TEXT, (Signature(key.name, key.key_id, b"x"),))
    with pytest.raises(BadSignature):
        check_text(short, key)


WHOLE = GO_TEXT + "\n" + PETER_LINE
BAD_NOTES = {
    "no signatures": (GO_TEXT, 2),
    "no line after the empty one": (GO_TEXT + "\n", 4),
    "no final newline": (WHOLE[:-1], 4),
    "two final newlines": (WHOLE + "\n", 6),
    "control character": ("\x01" + WHOLE, 1),
    "carriage returns": (WHOLE.replace("\n", "\r\n"), 1),
    "tab": (WHOLE.replace(" think", "\tthink"), 1),
    "name with a space": (GO_TEXT + "\n" + PETER_LINE.replace("PeterN", "Peter N"), 4),
    "name with a plus": (GO_TEXT + "\n" + PETER_LINE.replace("PeterN", "Peter+N"), 4),
    "no name": (GO_TEXT + "\n" + PETER_LINE.replace("PeterNeumann", ""), 4),
    "hyphen for a dash": (GO_TEXT + "\n" + PETER_LINE.replace("—", "-"), 4),
    "two spaces": (GO_TEXT + "\n" + PETER_LINE.replace("— ", "—  "), 4),
    "a line after the signature": (WHOLE + "Unexpected line.\n", 5),
    "same key twice": (WHOLE + PETER_LINE, 5),
    "bits that base64 drops": (WHOLE.replace("AM=", "AN="), 4),
    "base64 without padding": (WHOLE.replace("AM=", "AM"), 4),
    "key id alone": (GO_TEXT + "\n— PeterNeumann x08gow==\n", 4),
}


@pytest.mark.parametrize(("text", "line"), BAD_NOTES.values(), ids=BAD_NOTES)
def test_note_of_another_form_is_malformed_and_the_line_is_named(text, line):
    with pytest.raises(Malformed, match=f"note line {line}:") as fault:
        parse_note(text.encode())
    assert f"第 {line} 行" in fault.value.zh


def test_note_is_utf8_and_bounded():
    with pytest.raises(Malformed, match="line 2: not UTF-8"):
        parse_note(b"a\n\xff" + WHOLE.encode())
    with pytest.raises(TooLarge):
        parse_note(b"a" * MAX_NOTE_BYTES + WHOLE.encode())
    many = [Signature(f"w{n}", b"abcd", b"x") for n in range(MAX_SIGNATURES + 1)]
    assert parse_note(format_note(Note("a\n", tuple(many[1:])))).signatures == tuple(many[1:])
    with pytest.raises(Malformed, match=f"line {MAX_SIGNATURES + 3}"):
        parse_note(format_note(Note("a\n", tuple(many))))


names = st.text(
    st.characters(codec="utf-8", exclude_categories=["Z", "Cc"], exclude_characters="+"), min_size=1
).filter(is_name)
signatures = st.builds(Signature, names, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=80))
texts = st.text(st.characters(codec="utf-8", min_codepoint=32) | st.just("\n"), max_size=60).map(
    lambda text: text + "\n"
)
notes = st.builds(
    Note, texts, st.lists(signatures, min_size=1, max_size=4, unique_by=lambda one: (one.name, one.key_id)).map(tuple)
)


@given(notes)
@settings(max_examples=30)
def test_note_reads_back(note):
    assert parse_note(format_note(note)) == note
    assert parse_signatures(format_signatures(note.signatures).encode()) == note.signatures


def mangled(raw: bytes) -> st.SearchStrategy[bytes]:
    """Near the real thing: a piece of it cut out, doubled or overwritten."""
    at = st.integers(0, len(raw))
    return st.one_of(
        st.binary(max_size=80),
        st.builds(lambda a, b: raw[: min(a, b)] + raw[max(a, b) :], at, at),
        st.builds(lambda a, b: raw[: max(a, b)] + raw[min(a, b) :], at, at),
        st.builds(lambda a, piece: raw[:a] + piece + raw[a + len(piece) :], at, st.binary(min_size=1, max_size=4)),
    )


@given(mangled(WHOLE.encode()))
def test_any_bytes_are_a_note_or_malformed(raw):
    with contextlib.suppress(Malformed):
        assert format_note(parse_note(raw)) == raw


def test_new_signature_takes_the_place_of_the_same_key_s_older_one():
    old, new, other = Signature("a", b"keya", b"old"), Signature("a", b"keya", b"new"), Signature("b", b"keyb", b"x")
    assert with_signatures(Note("t\n", (old,)), [other, new]).signatures == (new, other)


# --- checkpoints ---------------------------------------------------------------------------------------------------


def test_published_checkpoint_reads_back():
    checkpoint = parse_checkpoint(SOFA.encode())
    root = base64.b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
    assert checkpoint.head == TreeHead("example.com/behind-the-sofa", 20852163, root)
    assert checkpoint.raw == SOFA.encode()
    assert int.from_bytes(checkpoint.note.signatures[1].signature[:8], "big") == 1679315147


def test_log_and_witnesses_sign_and_each_is_known_by_its_key():
    checkpoint = sign_checkpoint(HEAD, [LOG, LOG_PQ], NOW_S)
    lines = [cosign(checkpoint, WITNESS, NOW_S + 1), cosign(checkpoint, WITNESS_PQ, NOW_S + 2)]
    assert signed_at(checkpoint, WITNESS.key) is None
    witnessed = parse_checkpoint(with_cosignatures(checkpoint, lines).raw)
    assert witnessed.head == HEAD
    assert [signed_at(witnessed, one.key) for one in EVERYONE] == [0, NOW_S, NOW_S + 1, NOW_S + 2]
    stranger = signer("stranger", ED25519_COSIGNATURE)
    assert signed_at(witnessed, NoteKey(WITNESS.key.name, ED25519_COSIGNATURE, stranger.key.public)) is None


def test_messages_are_those_of_the_standard():
    checkpoint = sign_checkpoint(HEAD, [LOG], NOW_S)
    text = f"{ORIGIN}\n42\n{base64.b64encode(ROOT).decode()}\n"
    assert format_head(HEAD) == text
    ours = cosign(checkpoint, WITNESS, NOW_S).signature
    assert ours[:8] == NOW_S.to_bytes(8, "big")
    WITNESS.private.public_key().verify(ours[8:], f"cosignature/v1\ntime {NOW_S}\n{text}".encode())
    name, origin = WITNESS_PQ.key.name.encode(), ORIGIN.encode()
    message = b"subtree/v1\n\0" + bytes([len(name)]) + name + NOW_S.to_bytes(8, "big")
    message += bytes([len(origin)]) + origin + (0).to_bytes(8, "big") + (42).to_bytes(8, "big") + ROOT
    ours = cosign(checkpoint, WITNESS_PQ, NOW_S).signature
    assert (ours[:8], len(ours)) == (NOW_S.to_bytes(8, "big"), 8 + 2420)
    MLDSA44PublicKey.from_public_bytes(WITNESS_PQ.key.public).verify(ours[8:], message)
    key_id = hashlib.sha256(name + b"\n\x06" + WITNESS_PQ.key.public).digest()[:4]
    assert WITNESS_PQ.key.key_id == key_id


@pytest.mark.parametrize("one", EVERYONE, ids=lambda one: f"{one.key.name}-{one.key.kind}")
def test_signature_is_of_one_head_and_one_time(one):
    line = cosign(sign_checkpoint(HEAD, [LOG], NOW_S), one, NOW_S)
    heads = (TreeHead(ORIGIN, 43, ROOT), TreeHead(ORIGIN, 42, EMPTY_ROOT), TreeHead(ORIGIN + "x", 42, ROOT))
    for head in heads:
        with pytest.raises(BadSignature, match=one.key.name):
            signed_at(with_cosignatures(sign_checkpoint(head, [signer("z", ED25519)], NOW_S), [line]), one.key)
    checkpoint = sign_checkpoint(HEAD, [LOG], NOW_S)
    body = line.signature
    later = (NOW_S + 1).to_bytes(8, "big") + body[8:]
    never = (2**63).to_bytes(8, "big") + body[8:]
    for wrong in (later, never, body[:-1], body + b"\0", body[:7], bytes(len(body))):
        forged = with_cosignatures(checkpoint, [Signature(line.name, line.key_id, wrong)])
        with pytest.raises(BadSignature):
            signed_at(forged, one.key)


def test_further_lines_are_kept_and_ml_dsa_does_not_vouch_for_them():
    checkpoint = sign_checkpoint(TreeHead(ORIGIN, 42, ROOT, ("more", "and more")), [LOG, LOG_PQ], NOW_S)
    stripped = sign_checkpoint(HEAD, [LOG], NOW_S)
    moved = with_cosignatures(stripped, checkpoint.note.signatures)
    assert parse_checkpoint(checkpoint.raw).head.extensions == ("more", "and more")
    assert signed_at(moved, LOG_PQ.key) == NOW_S
    with pytest.raises(BadSignature):
        signed_at(moved, LOG.key)


BASE64_ROOT = base64.b64encode(ROOT).decode()
BAD_HEADS = {
    "no size": ((ORIGIN,), 2),
    "no root": ((ORIGIN, "42"), 3),
    "empty origin": (("", "42", BASE64_ROOT), 1),
    "long origin": (("x" * 256, "42", BASE64_ROOT), 1),
    "leading zero": ((ORIGIN, "042", BASE64_ROOT), 2),
    "minus": ((ORIGIN, "-1", BASE64_ROOT), 2),
    "plus": ((ORIGIN, "+1", BASE64_ROOT), 2),
    "space": ((ORIGIN, "42 ", BASE64_ROOT), 2),
    "other digits": ((ORIGIN, "４２", BASE64_ROOT), 2),
    "too large": ((ORIGIN, str(2**63), BASE64_ROOT), 2),
    "short root": ((ORIGIN, "42", base64.b64encode(ROOT[:-1]).decode()), 3),
    "root without padding": ((ORIGIN, "42", BASE64_ROOT.rstrip("=")), 3),
    "url alphabet": ((ORIGIN, "42", base64.urlsafe_b64encode(b"\xff" * 32).decode()), 3),
    "root of nothing": ((ORIGIN, "0", BASE64_ROOT), 3),
    "empty line": ((ORIGIN, "42", BASE64_ROOT, "", "more"), 4),
    "empty last line": ((ORIGIN, "42", BASE64_ROOT, ""), 4),
}


@pytest.mark.parametrize(("lines", "line"), BAD_HEADS.values(), ids=BAD_HEADS)
def test_head_of_another_form_is_malformed_and_the_line_is_named(lines, line):
    text = "\n".join((*lines, ""))
    with pytest.raises(Malformed, match=f"checkpoint line {line}:"):
        parse_checkpoint(format_note(Note(text, (sign_text(text, LOG),))))


@given(mangled(SOFA.encode()))
def test_any_bytes_are_a_checkpoint_or_malformed(raw):
    with contextlib.suppress(Malformed):
        assert parse_checkpoint(raw).raw == raw


# --- add-checkpoint ------------------------------------------------------------------------------------------------


def test_published_request_reads_back():
    request = parse_request(REQUEST.encode())
    assert (request.old, len(request.proof), request.checkpoint.head.size) == (20852014, 4, 20852163)
    assert format_request(request) == REQUEST.encode()


BAD_REQUESTS = {
    "no old": (REQUEST.removeprefix("old "), "line 1"),
    "leading zero": (REQUEST.replace("old 2", "old 02"), "line 1"),
    "no blank": ("old 0\n", "line 2"),
    "bad hash": (REQUEST.replace("PlRN", "Pl=N"), "line 2"),
    "short hash": (REQUEST.replace("PlRNCrwH", "PlRN"), "line 2"),
    "bad checkpoint": (REQUEST.replace("20852163", "0x1"), "checkpoint line 2"),
    "too many hashes": (
        REQUEST.replace("\n\n", f"\n{BASE64_ROOT}" * MAX_PROOF_HASHES + "\n\n", 1),
        f"line {MAX_PROOF_HASHES + 2}",
    ),
}


@pytest.mark.parametrize(("text", "where"), BAD_REQUESTS.values(), ids=BAD_REQUESTS)
def test_request_of_another_form_is_malformed_and_the_line_is_named(text, where):
    with pytest.raises(Malformed, match=where):
        parse_request(text.encode())


@given(st.integers(0, 2**63 - 1), st.lists(st.binary(min_size=32, max_size=32), max_size=63))
@settings(max_examples=30)
def test_request_reads_back(old, proof):
    request = AddCheckpoint(old, tuple(proof), parse_checkpoint(SOFA.encode()))
    assert parse_request(format_request(request)) == request


@given(mangled(REQUEST.encode()))
def test_any_bytes_are_a_request_or_malformed(raw):
    with contextlib.suppress(Malformed):
        assert format_request(parse_request(raw)) == raw
