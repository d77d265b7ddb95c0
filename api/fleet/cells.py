"""Cells as people write them, read without guessing: a value, what was only normalised, or why it is doubtful.

Every reader is a pure function of its text and remembered, as a fleet file says the same few things a million times.

    number   14.9KG, 16.5 公斤, １６．５, 118LL (a unit twice); never 1,180 or 14,9, 约16, 1.4E+01
    month    2022-08, 2022/8/1, 2022年8月, 202208, 20220801, 08/2022, Aug 2022, 二〇二二年八月, 44774 (a
             spreadsheet's serial date, 1900 system, 1985 to 2079); never 22-8, 2022, or 03/04/2022 and 2021.1, which
             read two ways: a spreadsheet that took 2021.10 for a number shows 2021.1
"""

import re
import unicodedata
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

_REMEMBERED = 1 << 14
# fmt: off
_BLANK = frozenset({
    "无", "没有", "无号", "无编号", "不详", "不明", "未知", "不清", "不清楚", "看不清", "待定", "待查", "待补", "暂无",
    "空", "缺", "N/A", "NA", "NONE", "NULL", "NIL", "UNKNOWN", "TBD",
})
# fmt: on
_DASHES = re.compile(r"[-/\\—–_.*]*")
_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([a-z\u4e00-\u9fff]*)")
_UNITS = {
    "kg": Decimal(1000), "千克": Decimal(1000), "公斤": Decimal(1000), "g": Decimal(1), "克": Decimal(1),
    "l": Decimal(1000), "升": Decimal(1000), "ml": Decimal(1), "毫升": Decimal(1),
}  # fmt: skip
MASS, VOLUME = frozenset({"kg", "千克", "公斤", "g", "克"}), frozenset({"l", "升", "ml", "毫升"})
_YEARS, _MONTHS = frozenset({"", "年", "y", "year", "years"}), frozenset({"月", "个月", "months", "month"})
MAX_YEARS, MONTHS_A_YEAR = 50, 12

_YEAR_FIRST = re.compile(r"((?:19|20)[0-9]{2})\s*([-/.年])\s*([0-9]{1,2})(?:\s*[-/.月]\s*([0-9]{1,2})\s*日?|\s*月)?")
_YEAR_LAST = re.compile(r"(?:([0-9]{1,2})\s*[-/.]\s*)?([0-9]{1,2})\s*[-/.]\s*((?:19|20)[0-9]{2})")
_PACKED = re.compile(r"((?:19|20)[0-9]{2})([0-9]{2})([0-9]{2})?")
_ENGLISH = re.compile(r"([A-Z]{3})[A-Z]*\.?[ ,-]+((?:19|20)[0-9]{2})")
_ENGLISH_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_CLOCK = re.compile(r"[ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.0*)?)?\Z")
_SERIAL_DATE = re.compile(r"([0-9]{5})(?:\.0*)?")
_YEAR_ALONE = re.compile(r"(?:19|20)[0-9]{2}\s*年?")
_FIRST_YEAR = 1950
_EPOCH = date(1899, 12, 30)
_SERIALS = range((date(1985, 1, 1) - _EPOCH).days, (date(2080, 1, 1) - _EPOCH).days)
_HAN = {"〇": 0, "○": 0, "零": 0, "一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_HAN_DATE = re.compile(
    r"([〇○零一二三四五六七八九]{4})年?(?:([一二三四五六七八九十]{1,3})月(?:[一二三四五六七八九十]{1,3}日)?)?"
)


class Read(NamedTuple):
    """A value, None where there is none; what was normalised (`texts.NOTES`); why it is doubtful, if it is."""

    value: str | int | None = None
    notes: tuple[str, ...] = ()
    doubt: str | None = None


def clean(text: str) -> tuple[str, tuple[str, ...]]:
    """The text without spaces around, invisible and full-width characters; and which of these it had."""
    plain = text.strip()
    notes = () if plain == text else ("spaces",)
    return (plain, notes) if plain.isascii() and plain.isprintable() else _clean(plain, notes)


@lru_cache(_REMEMBERED)
def _clean(plain: str, notes: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    seen = "".join(one for one in plain if one in "\n\t" or unicodedata.category(one) not in ("Cf", "Cc", "Co"))
    if seen != plain:
        notes = (*notes, "hidden")
    folded = unicodedata.normalize("NFKC", seen).strip()
    return folded, notes if folded == seen.strip() else (*notes, "full_width")


def is_blank(plain: str) -> bool:
    """Whether a cleaned text is one of the ways to write that nothing is known: empty, 无, -, /, 不详."""
    return plain.upper() in _BLANK or _DASHES.fullmatch(plain) is not None


@lru_cache(_REMEMBERED)
def read_measure(text: str, default: str, kind: frozenset[str]) -> Read:
    """Grams or millilitres; `default` is the unit where the cell names none, `kind` the units that it may name."""
    plain, notes = clean(text)
    if is_blank(plain):
        return Read(notes=notes)
    match = _NUMBER.fullmatch(plain.lower())
    if match is None:
        return Read(notes=notes, doubt="unreadable")
    unit = _once(match[2]) or default
    if unit not in kind:
        return Read(notes=notes, doubt="unreadable")
    exact = Decimal(match[1]) * _UNITS[unit]
    value = int(exact + Decimal("0.5"))
    if match[2]:
        notes = (*notes, "unit_in_cell")
    return Read(value, notes if exact == value else (*notes, "rounded"))


def _once(unit: str) -> str:
    """A unit that was typed twice, as in 118LL, once."""
    half = unit[: len(unit) // 2]
    return half if half and half * 2 == unit else unit


@lru_cache(_REMEMBERED)
def read_life(text: str, default: str) -> Read:
    """A design life in months; `default` is 年 or 月."""
    plain, notes = clean(text)
    if is_blank(plain):
        return Read(notes=notes)
    match = _NUMBER.fullmatch(plain.lower())
    number = None if match is None else Decimal(match[1])
    unit = None if match is None else match[2] or default
    if number is None or number != int(number) or not (unit in _YEARS or unit in _MONTHS):
        return Read(notes=notes, doubt="unreadable")
    months = int(number) * (1 if unit in _MONTHS else MONTHS_A_YEAR)
    if not 0 < months <= MAX_YEARS * MONTHS_A_YEAR:
        return Read(notes=notes, doubt="unreadable")
    return Read(months, (*notes, "unit_in_cell") if match is not None and match[2] else notes)


@lru_cache(_REMEMBERED)
def read_month(text: str) -> Read:
    """A month `YYYY-MM`."""
    day = read_day(text)
    if not isinstance(day.value, str):
        return day
    return Read(day.value[:7], tuple(note for note in day.notes if note != "first_of_month"))


@lru_cache(_REMEMBERED)
def read_day(text: str) -> Read:
    """A day `YYYY-MM-DD`; the first of the month, and said so, where the text has none."""
    plain, notes = clean(text)
    if is_blank(plain):
        return Read(notes=notes)
    plain = _CLOCK.sub("", plain.upper())
    found = _parts(plain)
    if isinstance(found, str):
        return Read(notes=notes, doubt=found)
    year, month, day, note = found
    try:
        value = date(year, month, day or 1).isoformat()
    except ValueError:
        return Read(notes=notes, doubt="date_unreadable")
    if year < _FIRST_YEAR:
        return Read(notes=notes, doubt="date_unreadable")
    if note == "date_notation" and plain in (value, value[:7]):
        note = ""
    extra = ((note,) if note else ()) + (() if day else ("first_of_month",))
    return Read(value, notes + extra)


def _parts(plain: str) -> tuple[int, int, int | None, str] | str:
    """Year, month, day and how it was written; or the doubt."""
    if match := _YEAR_FIRST.fullmatch(plain):
        year, mark, month, day = match.groups()
        if mark == "." and month == "1" and day is None:
            return "date_ambiguous"
        return int(year), int(month), int(day) if day else None, "date_notation"
    if match := _SERIAL_DATE.fullmatch(plain):
        serial = int(match[1])
        if serial not in _SERIALS:
            return "date_unreadable"
        at = _EPOCH + timedelta(days=serial)
        return at.year, at.month, at.day, "excel_date"
    if match := _PACKED.fullmatch(plain):
        year, month, day = match.groups()
        return int(year), int(month), int(day) if day else None, "date_notation"
    if match := _YEAR_LAST.fullmatch(plain):
        return _year_last(*match.groups())
    if match := _ENGLISH.fullmatch(plain):
        name = match[1]
        known = name in _ENGLISH_MONTHS
        return (int(match[2]), _ENGLISH_MONTHS.index(name) + 1, None, "date_notation") if known else "date_unreadable"
    if match := _HAN_DATE.fullmatch(plain):
        year = int("".join(str(_HAN[one]) for one in match[1]))
        return (year, _han(match[2]), None, "date_notation") if match[2] else "date_without_month"
    return "date_without_month" if _YEAR_ALONE.fullmatch(plain) else "date_unreadable"


def _year_last(first: str | None, second: str, year: str) -> tuple[int, int, int | None, str] | str:
    """08/2022; 15/08/2022 and 08/15/2022, where only one reading is a date."""
    if first is None:
        return int(year), int(second), None, "date_notation"
    one, two = int(first), int(second)
    if one <= MONTHS_A_YEAR and two <= MONTHS_A_YEAR and one != two:
        return "date_ambiguous"
    month, day = (two, one) if two <= MONTHS_A_YEAR else (one, two)
    return int(year), month, day, "date_notation"


def _han(text: str) -> int:
    """一 to 十二; 0 for what is none."""
    tens, ten, ones = text.partition("十")
    if not ten:
        return _HAN.get(text, 0)
    return (_HAN.get(tens, 0) if tens else 1) * 10 + (_HAN.get(ones, 0) if ones else 0)
