"""Cells as people write them: read where they mean one thing, doubtful where they may mean two."""

import pytest

from api.fleet.cells import MASS, VOLUME, Read, clean, is_blank, read_day, read_life, read_measure, read_month


@pytest.mark.parametrize(
    ("text", "plain", "notes"),
    [
        ("8688401", "8688401", ()),
        (" 8688401\u3000", "8688401", ("spaces",)),
        ("２０７９１２２", "2079122", ("full_width",)),
        ("86\u200b88401", "8688401", ("hidden",)),
        ("\ufeff8688401\n", "8688401", ("spaces", "hidden")),
        ("ＹＳＰ１１８-Ⅱ", "YSP118-II", ("full_width",)),
        ("广陵", "广陵", ()),
    ],
)
def test_a_text_is_cleaned_and_it_is_said_of_what(text, plain, notes):
    assert clean(text) == (plain, notes)


@pytest.mark.parametrize("text", ["", "-", "/", "——", "无", "不详", "n/a", "NULL", "待定", "***"])
def test_ways_to_say_that_nothing_is_known(text):
    assert is_blank(text)


@pytest.mark.parametrize("text", ["0", "????", "#N/A", "无锡", "A-1"])
def test_what_says_something_is_not_blank(text):
    assert not is_blank(text)


@pytest.mark.parametrize(
    ("text", "unit", "value", "notes"),
    [
        ("16.63", "kg", 16_630, ()),
        ("14.9KG", "kg", 14_900, ("unit_in_cell",)),
        ("１６．５公斤", "kg", 16_500, ("full_width", "unit_in_cell")),
        ("16630", "g", 16_630, ()),
        ("16630克", "kg", 16_630, ("unit_in_cell",)),
        ("118LL", "l", 118_000, ("unit_in_cell",)),
        ("12.0 L", "l", 12_000, ("unit_in_cell",)),
        ("35500ml", "l", 35_500, ("unit_in_cell",)),
        ("16.63049", "kg", 16_630, ("rounded",)),
        (".5", "kg", 500, ()),
        ("355", "l", 355_000, ()),
    ],
)
def test_a_measure_is_read_with_its_unit(text, unit, value, notes):
    assert read_measure(text, unit, VOLUME if unit == "l" else MASS) == Read(value, notes)


@pytest.mark.parametrize(
    "text",
    [
        "约16",
        "14,9",
        "1,180",
        "16.5/16.6",
        "1.4E+01",
        "-5",
        "16.5.1",
        "16 5",
        "十六",
        "16.5L",
        "8斤",
        "#VALUE!",
        "????",
        "16.O",
    ],
)
def test_a_mass_that_is_not_one_number_is_unreadable(text):
    assert read_measure(text, "kg", MASS).doubt == "unreadable"


def test_no_measure_is_no_doubt_yet():
    assert read_measure(" 不详 ", "kg", MASS) == Read(None, ("spaces",), None)


@pytest.mark.parametrize(
    ("text", "month", "notes"),
    [
        ("2022-08", "2022-08", ()),
        ("2022-08-15", "2022-08", ()),
        ("2022-8", "2022-08", ("date_notation",)),
        ("2022/8/1", "2022-08", ("date_notation",)),
        ("2022.08", "2022-08", ("date_notation",)),
        ("2022.3", "2022-03", ("date_notation",)),
        ("2022.10", "2022-10", ("date_notation",)),
        ("2021.1.5", "2021-01", ("date_notation",)),
        ("2022年8月", "2022-08", ("date_notation",)),
        ("2022年08月15日", "2022-08", ("date_notation",)),
        ("202208", "2022-08", ("date_notation",)),
        ("20220815", "2022-08", ("date_notation",)),
        ("2022-08-15 00:00:00", "2022-08", ()),
        ("08/2022", "2022-08", ("date_notation",)),
        ("15/08/2022", "2022-08", ("date_notation",)),
        ("08/15/2022", "2022-08", ("date_notation",)),
        ("August 2022", "2022-08", ("date_notation",)),
        ("Aug. 2022", "2022-08", ("date_notation",)),
        ("二〇二二年八月", "2022-08", ("date_notation",)),
        ("二○一九年十二月", "2019-12", ("date_notation",)),
        ("44713", "2022-06", ("excel_date",)),
        ("44713.0", "2022-06", ("excel_date",)),
        ("４４７１３", "2022-06", ("full_width", "excel_date")),
    ],
)
def test_a_month_is_read_from_every_notation_that_means_one(text, month, notes):
    assert read_month(text) == Read(month, notes)


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("????", "date_unreadable"), ("2019-13", "date_unreadable"), ("0000-00", "date_unreadable"),
        ("2019-02-30", "date_unreadable"), ("22-8", "date_unreadable"), ("20193", "date_unreadable"),
        ("190503", "date_unreadable"), ("Mar-19", "date_unreadable"), ("约2019年3月", "date_unreadable"),
        ("2019", "date_without_month"), ("2019年", "date_without_month"), ("二〇一九", "date_without_month"),
        ("2021.1", "date_ambiguous"), ("03/04/2022", "date_ambiguous"),
    ],
)  # fmt: skip
def test_a_date_that_does_not_say_one_month_is_doubtful(text, doubt):
    assert read_month(text).doubt == doubt


def test_a_day_that_a_cell_lacks_is_the_first_and_said_so():
    assert read_day("2022-08") == Read("2022-08-01", ("first_of_month",))
    assert read_day("2022年8月5日") == Read("2022-08-05", ("date_notation",))
    assert read_day("45000") == Read("2023-03-15", ("excel_date",))


@pytest.mark.parametrize(
    ("text", "unit", "months"),
    [("8", "年", 96), ("12年", "年", 144), ("96个月", "年", 96), ("144", "月", 144), ("15.0", "年", 180)],
)
def test_a_design_life_is_years_unless_it_says_months(text, unit, months):
    assert read_life(text, unit).value == months


@pytest.mark.parametrize("text", ["0", "8.5", "96", "8-12", "长期"])
def test_a_design_life_that_no_cylinder_has_is_unreadable(text):
    assert read_life(text, "年").doubt == "unreadable"
