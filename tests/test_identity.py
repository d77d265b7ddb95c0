"""Codes: check digits, strict parsing, and readings as devices produce them."""

import hashlib
import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import convert

from ledger import check_digit
from ledger.check_digit import ALPHANUMERIC
from ledger.claim import Code
from ledger.errors import Malformed
from ledger.identity import (
    SHAPES,
    Identifier,
    digital_link,
    format_grai,
    own_code,
    parse_code,
    registration_text,
    stamp_code,
)
from ledger.reading import parse_link, parse_reading, unread_code

SALT = bytes(range(8))
GRAI = "06901234000016A-1"
OWN = "A12425-GABC1234002-M"
CSET_82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
FNC1 = "\x1d"
quick = settings(max_examples=60, deadline=None)

digits = st.text("0123456789", min_size=12, max_size=12)
grais = st.builds(
    lambda body, serial: Identifier("grai", f"0{body}{check_digit.gs1_mod_10('0' + body)}{serial}"),
    digits,
    st.text(CSET_82, min_size=1, max_size=16),
)
owns = st.builds(
    own_code, st.text(ALPHANUMERIC, min_size=2, max_size=20), st.text(ALPHANUMERIC, min_size=1, max_size=20)
)
values = {
    scheme: st.from_regex(shape, fullmatch=True) for scheme, shape in SHAPES.items() if scheme not in ("grai", "own")
}
others = st.one_of([st.builds(Identifier, st.just(scheme), value) for scheme, value in values.items()])
identifiers = st.one_of(grais, owns, others)


@pytest.mark.parametrize(
    ("function", "body", "check"),
    [
        (check_digit.gs1_mod_10, "400638133393", "1"),
        (check_digit.gs1_mod_10, "690123400001", "6"),
        (check_digit.gs1_mod_10, "0690123400001", "6"),
        (check_digit.iso_7064_mod_37_36, "A12425GABC1234002", "M"),
        (check_digit.iso_7064_mod_11_2, "11010519491231002", "X"),
        (check_digit.gb_32100_mod_31, "91350100M000100Y4", "3"),
        (check_digit.luhn, "7992739871", "3"),
    ],
)
def test_check_digit_vectors(function, body, check):
    assert function(body) == check


@quick
@given(identifiers)
def test_every_scheme_round_trips_and_fits_a_claim(identifier):
    assert parse_code(str(identifier)) == identifier
    assert convert(str(identifier), Code) == str(identifier)


@quick
@given(grais | owns | others.filter(lambda identifier: identifier.scheme != "unread"))
def test_a_reading_of_the_canonical_text_or_the_bare_value_is_the_code(identifier):
    assert parse_reading(str(identifier), salt=SALT) == identifier
    if identifier.scheme != "grai":
        assert parse_reading(identifier.value.lower(), salt=SALT) == identifier


@quick
@given(others)
def test_no_two_schemes_share_a_bare_value(identifier):
    assert [s for s, shape in SHAPES.items() if s != "grai" and shape.fullmatch(identifier.value)] == [
        identifier.scheme
    ]


@quick
@given(owns, st.data())
def test_every_wrong_character_of_an_own_code_is_caught(identifier, data):
    place = data.draw(st.sampled_from([n for n, c in enumerate(identifier.value) if c != "-"]))
    wrong = data.draw(st.sampled_from(ALPHANUMERIC.replace(identifier.value[place], "")))
    with pytest.raises(Malformed):
        parse_code(f"own:{identifier.value[:place]}{wrong}{identifier.value[place + 1 :]}")


def test_swapped_neighbours_of_an_own_code_are_caught_but_for_the_standard_s_few():
    """All pairs behind all 36 running states: 36 of 22,680 unlike pairs collide, each of neighbouring values."""
    check = check_digit.iso_7064_mod_37_36
    states = {check(prefix): prefix for prefix in (a + b for a in ALPHANUMERIC for b in ALPHANUMERIC)}
    assert len(states) == 36
    missed = [
        (a, b)
        for prefix in states.values()
        for n, a in enumerate(ALPHANUMERIC)
        for b in ALPHANUMERIC[:n]
        if check(prefix + a + b) == check(prefix + b + a)
    ]
    assert len(missed) == 36
    assert all((ALPHANUMERIC.index(a) - ALPHANUMERIC.index(b)) in (1, 35) for a, b in missed)


@quick
@given(grais, st.integers(1, 13), st.integers(1, 9))
def test_every_wrong_digit_of_a_grai_is_caught(identifier, place, add):
    value = identifier.value
    wrong = (int(value[place]) + add) % 10
    with pytest.raises(Malformed):
        parse_code(f"grai:{value[:place]}{wrong}{value[place + 1 :]}")


@quick
@given(grais, st.integers(1, 12))
def test_swapped_neighbours_of_a_grai_are_caught_unless_they_differ_by_five(identifier, place):
    value = identifier.value
    first, second = value[place], value[place + 1]
    swapped = f"grai:{value[:place]}{second}{first}{value[place + 2 :]}"
    if abs(int(first) - int(second)) in (0, 5):
        parse_code(swapped)
    else:
        with pytest.raises(Malformed):
            parse_code(swapped)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "own",
        "own:",
        "OWN:A12425-GABC1234002-M",
        "own:a12425-gabc1234002-m",
        "own:A12425-GABC1234002-N",
        "own:A12425-GABC1234002-M\n",
        "own:A12425GABC1234002M",
        "grai:06901234000016",  # no serial
        "grai:16901234000016A",  # no leading zero
        "grai:06901234000017A",
        "grai:06901234000016" + "A" * 17,
        "grai:06901234000016A#",  # not of the 82 characters
        "grai:0690123400001\uff16A",  # full-width digit
        "stamp:M_1_2022-13",
        "stamp:m_1_2022-08",
        "legacy-digits9:12345678",
        "legacy-label12:201913010001",
        "legacy-registration:10-XX-F-72359-22",
        "legacy-letters:NT00001",
        "legacy-letters:NANTO00000001",
        "legacy-letters:nt00000001",
        "legacy-letters:E12345678",  # as passports are numbered
        "legacy-letters:EA1234567",
        "unread:text.01.0001020304050607." + "0" * 64,
        "device:1",
    ],
)
def test_what_is_not_canonical_is_malformed_at_its_pointer(text):
    with pytest.raises(Malformed) as caught:
        parse_code(text, pointer="/claims/3/code")
    assert caught.value.pointer == "/claims/3/code"
    assert re.search(r"[\u4e00-\u9fff]", caught.value.zh)
    assert caught.value.en


@quick
@given(st.text(max_size=40) | st.builds("{}:{}".format, st.sampled_from(list(SHAPES)), st.text(max_size=40)))
def test_rubbish_raises_nothing_but_malformed(text):
    for parse in (parse_code, parse_link):
        with suppress(Malformed):
            assert isinstance(parse(text), Identifier)


def test_a_fault_does_not_repeat_the_text():
    with pytest.raises(Malformed) as caught:
        parse_code("11010519491231002X:11010519491231002X")
    assert "11010519491231002X" not in caught.value.zh + caught.value.en + str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "(8003)" + GRAI,
        "8003" + GRAI,
        "]C18003" + GRAI,
        "]Q3" + FNC1 + "8003" + GRAI + FNC1 + "10LOT",
        "]d28003" + GRAI + "\r\n",
        FNC1 + "8003" + GRAI,
        "https://id.example.com/8003/" + GRAI,
        "HTTPS://ID.EXAMPLE.COM:8443/some/path/8003/06901234000016A%2D1?x=1#y",
        "]Q1http://q.example.cn/c/grai/" + GRAI,
        "GRAI:" + GRAI,
        "（８００３）" + GRAI,
    ],
)
def test_a_grai_is_read_from_every_form(text):
    assert parse_reading(text, salt=SALT) == Identifier("grai", GRAI)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("HTTPS://Q.EXAMPLE.CN/C/OWN/" + OWN, "own:" + OWN),
        ("https://q.example.cn/c/own/a12425-gabc1234002-m/?from=wx", "own:" + OWN),
        ("]Q1\u3000a12425-gabc1234002-m\r\n", "own:" + OWN),
        ("Ａ12425-GABC1234002-Ｍ", "own:" + OWN),
        ("ts123_0045678_2022-08", "stamp:TS123_0045678_2022-08"),
        ("HTTPS://Q.EXAMPLE.CN/C/STAMP/TS123%5F0045678%5F2022-08", "stamp:TS123_0045678_2022-08"),
        (" １２３４５６７８９ ", "legacy-digits9:123456789"),
        ("]C001234567890123", "legacy-digits14:01234567890123"),
        ("201908150042", "legacy-label12:201908150042"),
        ("瓶10苏F72359（22）", "legacy-registration:10-JS-F-72359-22"),
        ("nt00000001\r", "legacy-letters:NT00000001"),
    ],
)
def test_readings_as_devices_send_them(text, code):
    assert str(parse_reading(text, salt=SALT)) == code


@pytest.mark.parametrize(
    ("text", "guess"),
    [
        ("wxp://f2f0abcdef", "payment"),
        ("https://qr.alipay.com/fkx123", "payment"),
        ("134512345678901234", "payment"),  # WeChat, 18 digits
        ("281234567890123456", "payment"),  # Alipay
        ("11010519491231002X", "id-card"),
        ("11010519491231002x\r\n", "id-card"),
        ("https://example.com/menu", "url"),
        ("HTTPS://Q.EXAMPLE.CN/C/OWN/A12425-GABC1234002-N", "url"),  # wrong check character
        ("13812345678", "digits"),
        ("]C106901234000016", "digits"),  # GS1 says it is one, but it is no GRAI
        ("(8003)06901234000016A(21)7", "text"),  # where the serial ends cannot be told
        ("瓶10囧F72359(22)", "text"),
        ("unread:text.1.0001020304050607." + "0" * 64, "text"),
        ("", "text"),
    ],
)
def test_what_is_no_code_becomes_unread_and_leaves_no_text(text, guess):
    identifier = parse_reading(text, salt=SALT)
    digest = hashlib.sha256(SALT + text.encode()).hexdigest()
    assert str(identifier) == f"unread:{guess}.{len(text)}.{SALT.hex()}.{digest}"
    assert parse_code(str(identifier)) == identifier


@quick
@given(st.text(st.characters(), max_size=60))
def test_a_reading_never_fails(text):
    identifier = parse_reading(text, salt=SALT)
    assert parse_code(str(identifier)) == identifier


def test_half_a_character_and_very_long_texts_are_read_too():
    for text in ("\ud800", "x" * 100_000, "https://x" + "/8003" * 20_000, "(" * 50_000):
        assert parse_reading(text, salt=SALT).scheme == "unread"


def test_the_salt_has_its_size():
    with pytest.raises(AssertionError):
        unread_code("x", salt=b"")


def test_constructors_make_canonical_codes():
    assert str(own_code("a12425", "gabc1234002")) == "own:" + OWN
    assert str(stamp_code("ts123", "0045678", "2022-08")) == "stamp:TS123_0045678_2022-08"
    for issuer, serial in (("A", "1"), ("AB", ""), ("A-B", "1"), ("苏A", "1"), ("AB", "1" * 21)):
        with pytest.raises(Malformed):
            own_code(issuer, serial)
    for parts in (("M_1", "1", "2022-08"), ("M", "1.5", "2022-08"), ("M", "1", "2022-8")):
        with pytest.raises(Malformed):
            stamp_code(*parts)


@quick
@given(values["legacy-registration"])
def test_a_registration_s_certificate_text_is_kept_without_loss(value):
    identifier = Identifier("legacy-registration", value)
    assert parse_reading(registration_text(identifier), salt=SALT) == identifier


@quick
@given(grais)
def test_a_digital_link_reads_back(identifier):
    assert parse_link(digital_link(identifier, "id.example.com")) == identifier


def test_formats_of_a_grai():
    identifier = Identifier("grai", GRAI)
    assert format_grai(identifier) == "(8003)" + GRAI
    assert digital_link(Identifier("grai", "06901234000016a/1"), "x.cn") == "https://x.cn/8003/06901234000016a%2F1"
    for function in (format_grai, registration_text):
        with pytest.raises(Malformed):
            function(own_code("AB", "1"))
