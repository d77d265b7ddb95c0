"""China's calendar, as stamps and certificates use it: fixed UTC+8, months and days as ISO 8601 text."""

from datetime import date, timedelta
from functools import lru_cache

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
_OFFSET_MS = 8 * HOUR_MS
_EPOCH = date(1970, 1, 1)
_FIRST_DAY, _LAST_DAY = ((day - _EPOCH).days for day in (date.min, date.max))


def day_of(at_ms: int) -> str:
    """The day in China at this instant (ms UTC), `YYYY-MM-DD`; the calendar's first or last where a clock is absurd."""
    days = (at_ms + _OFFSET_MS) // DAY_MS
    return _day(days if _FIRST_DAY <= days <= _LAST_DAY else _FIRST_DAY if days < 0 else _LAST_DAY)


@lru_cache(maxsize=4096)
def _day(days: int) -> str:
    return (_EPOCH + timedelta(days=days)).isoformat()


@lru_cache(maxsize=65_536)
def add_months(month: str, months: int) -> str:
    """The month so many months after `month`, both `YYYY-MM`."""
    total = int(month[:4]) * 12 + int(month[5:]) - 1 + months
    return f"{total // 12:04}-{total % 12 + 1:02}"


@lru_cache(maxsize=65_536)
def last_day(month: str) -> str:
    """The last day of a month: a stamp that says a month only is valid to its end (FLOW.md section 5, INS-01)."""
    following = date.fromisoformat(add_months(month, 1) + "-01")
    return (following - timedelta(days=1)).isoformat()


@lru_cache(maxsize=65_536)
def days_between(first: str, last: str) -> int:
    """Days from `first` to `last`; negative when `last` is earlier."""
    return (date.fromisoformat(last) - date.fromisoformat(first)).days


def is_day(text: str) -> bool:
    """Whether the text is a day that the calendar has."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def shift_day(day: str, days: int) -> str:
    """The day so many days after `day`; the calendar's first or last beyond its ends. Of a day that its month lacks
    (`2026-02-30`, which somebody keyed), after that month's last.
    """
    try:
        first = date.fromisoformat(day)
    except ValueError:
        first = date.fromisoformat(last_day(day[:7]))
    return _day(max(_FIRST_DAY, min(_LAST_DAY, (first - _EPOCH).days + days)))
