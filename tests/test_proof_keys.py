"""Verifier keys: the published ones, strict reading, and Ed25519 keys under which nobody signs."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.note_key import ED25519, NoteKey, format_vkey, is_name, parse_vkey
from tests.test_proof_texts import ENOCH, EVERYONE, FOO, PETER


@pytest.mark.parametrize("text", [PETER, ENOCH, FOO, *(format_vkey(one.key) for one in EVERYONE)])
def test_vkey_reads_back(text):
    assert format_vkey(parse_vkey(text)) == text


def test_vkey_of_which_one_character_is_missing_or_changed_is_refused():
    pieces = [PETER[start:end] for start in range(len(PETER)) for end in range(start + 1, len(PETER) + 1)]
    changed = [PETER[:at] + chr(ord(PETER[at]) + 1) + PETER[at + 1 :] for at in range(len(PETER))]
    for text in (*pieces, *changed, ""):
        if text != PETER:
            with pytest.raises(Malformed):
                parse_vkey(text)


@pytest.mark.parametrize(
    "text",
    [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",  # too long, id fitted
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",  # unknown kind, id fitted
        PETER + "\n",
        PETER.replace("Peter", "Peter "),
        "a\udcff" + PETER[1:],
    ],
)
def test_vkey_of_another_form_is_refused(text):
    with pytest.raises(Malformed):
        parse_vkey(text)


def test_ed25519_key_of_small_order_or_another_spelling_is_refused():
    p = 2**255 - 19
    d = -121665 * pow(121666, -1, p) % p

    def doubled(y: int) -> int:  # the y of twice the point (RFC 8032), x² by the curve's equation
        y2 = y * y % p
        x2 = (y2 - 1) * pow(d * y2 + 1, -1, p) % p
        return (y2 + x2) * pow(1 - d * x2 * y2, -1, p) % p

    eight = int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little")
    weak = {0, 1, p - 1, eight, p - eight}
    for y in weak:
        assert doubled(doubled(doubled(y))) == 1  # eight times the point is the neutral one
    for y in (*weak, p, p + 1, 2**255 - 1):
        for sign in (0, 1 << 255):
            with pytest.raises(Malformed, match="nobody signs"):
                parse_vkey(format_vkey(NoteKey("weak", ED25519, (y | sign).to_bytes(32, "little"))))


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u3000b", "a\u00a0b", "a\nb", "a\x00b", "长" * 86, "\ud800"])
def test_name_that_a_signature_line_cannot_hold_is_none(name):
    assert not is_name(name)


@given(st.text())
@settings(max_examples=50)
def test_any_text_is_a_vkey_or_malformed(text):
    with contextlib.suppress(Malformed):
        assert format_vkey(parse_vkey(text)) == text
