"""Times as people give them: China's, in ISO 8601, or milliseconds UTC."""

from datetime import UTC, datetime, timedelta, timezone

from ledger.errors import Malformed

_CHINA = timezone(timedelta(hours=8))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS = 253_402_271_999_999  # the end of the year 9999 in China: beyond it there is no time to show


def parse_time(text: str) -> int:
    """Milliseconds UTC of `2026-11-22T06:00` (China time unless it says another), `2026-11-22` or `1795298400000`.

    Malformed for anything else, and for a time before 1970 or after 9999.
    """
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) <= len(str(_LAST_MS)) and int(text) <= _LAST_MS:
        return int(text)
    try:
        at = datetime.fromisoformat(text)
        at = at if at.tzinfo is not None else at.replace(tzinfo=_CHINA)
        ms = (at - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        ms = -1
    if not 0 <= ms <= _LAST_MS:
        raise Malformed(
            f"不是时间：{text}；写法如 2026-11-22T06:00（中国时间），或毫秒数（UTC）",
            f"no time: {text}; write 2026-11-22T06:00 (China time) or milliseconds UTC",
        )
    return ms
