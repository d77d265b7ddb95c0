"""Framing, double triggers and orders: pure, so every split of the bytes can be tried."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanners.framing import MAX_READING_BYTES, Framer
from scanners.orders import Order, parse_order
from scanners.repeats import Repeats

LINES = st.lists(
    st.tuples(
        st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=40),
        st.sampled_from([b"\r", b"\n", b"\r\n"]),
    ),
    max_size=8,
)


def cut_up(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@given(LINES, st.lists(st.integers(0, 10_000), max_size=20))
def test_every_split_reads_the_same(lines, cuts):
    data = b"".join(text.encode() + end for text, end in lines)
    texts = [text for text, _ in lines]
    assert Framer().feed(data, 0) == texts
    for pieces in (cut_up(data, cuts), [bytes([byte]) for byte in data]):
        framer = Framer()
        assert [text for piece in pieces for text in framer.feed(piece, 0)] == texts


@given(st.binary(max_size=3_000), LINES, st.lists(st.integers(0, 10_000), max_size=8))
def test_after_rubbish_readings_are_whole_again(rubbish, lines, cuts):
    data = rubbish + b"\r" + b"".join(text.encode() + end for text, end in lines)
    framer = Framer()
    read = [text for piece in cut_up(data, cuts) for text in framer.feed(piece, 0)]
    expected = [text for text, _ in lines]
    assert read[len(read) - len(expected) :] == expected
    assert not framer.partial


def test_over_long_rubbish_is_dropped_and_bounded():
    framer = Framer()
    for _ in range(50):
        assert framer.feed(b"x" * 999, 0) == []
        assert len(framer._rest) <= MAX_READING_BYTES
    assert framer.feed(b"\r\nTS-A1\r\n", 0) == ["TS-A1"]
    assert framer.dropped == 1


def test_a_gun_without_suffix_is_closed_by_the_idle_gap():
    framer = Framer(idle_gap_ms=80)
    assert framer.feed(b"]Q1ABC", 1_000) == []
    assert framer.idle(1_050) == []
    assert framer.idle(1_080) == ["]Q1ABC"]
    assert framer.feed(b"DEF", 2_000) == []
    assert framer.feed(b"GHI", 2_100) == ["DEF"]
    assert framer.idle(2_180) == ["GHI"]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_registration_numbers_in_both_encodings(encoding):
    text = "]Q1瓶10苏F72359(22)𠮷"
    assert Framer().feed(text.encode(encoding) + b"\r\n", 0) == [text]


def test_bytes_of_no_encoding_lose_nothing_around_them():
    assert Framer().feed(b"\xff\xffA1\x02B\r\n\r\n\x02C2\x03\r", 0) == ["��A1\x02B", "C2"]


def test_gs1_separators_stay():
    assert Framer().feed(b"]d28003069012340000 16A1\x1d21X\r", 0) == ["]d28003069012340000 16A1\x1d21X"]


def test_identical_readings_within_ten_seconds_are_one():
    repeats = Repeats()
    told = [repeats.is_repeat(*read) for read in [("A", 0), ("A", 40), ("B", 50), ("A", 9_999), ("A", 10_000)]]
    assert told == [False, True, False, True, False]


def test_a_clock_that_steps_back_suppresses_nothing():
    repeats = Repeats()
    assert not repeats.is_repeat("A", 50_000)
    assert not repeats.is_repeat("A", 1_000)


def test_after_a_row_is_closed_a_cylinder_of_it_may_be_scanned_again_at_once():
    repeats = Repeats()
    assert not repeats.is_repeat("A", 1_000)
    repeats.forget()
    assert not repeats.is_repeat("A", 1_100)
    assert repeats.is_repeat("A", 1_200)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("%CLOSE", Order("CLOSE")),
        ("%STAMP 5678", Order("STAMP", "5678")),
        ("%SEAL F-0001", Order("SEAL", "F-0001")),
        ("]C0%PERSON p-12", Order("PERSON", "p-12")),
        ("%TANK-LOT t-7", Order("TANK-LOT", "t-7")),
        ("%NONSENSE", "unknown"),
        ("TS-G1-A", None),
        ("%CLOSE now please", "unknown"),
    ],
)
def test_orders(text, order):
    assert parse_order(text) == order
