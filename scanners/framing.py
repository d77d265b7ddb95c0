"""Framing: bytes from a gun in, readings (text) out. Pure: the caller tells the time.

A reading ends at CR, LF or CRLF, or, for a gun that sends no suffix, when the line falls idle. The AIM prefix (`]Q1`)
stays in the text: `ledger.identity` parses it. Neither CR nor LF occurs inside a UTF-8 or GB 18030 character, so bytes
are cut first and decoded after.
"""

import re

MAX_READING_BYTES = 1024

_END = re.compile(rb"[\r\n]")
# STX, ETX and NUL are some guns' frame marks; GS (0x1D) is data: GS1's FNC1 separator.
_EDGE = "\x00\x02\x03\x04 \t"


def decode_text(line: bytes) -> str:
    """The line's text: UTF-8, else GB 18030 (GB 18030-2022); bytes that are neither become U+FFFD."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("gb18030", errors="replace")


class Framer:
    """Cuts one gun's bytes into readings. `idle_gap_ms`: for guns without a suffix, None for all others.

    A line over `MAX_READING_BYTES` is dropped up to its end and counted in `dropped`: memory stays bounded.
    """

    def __init__(self, *, idle_gap_ms: int | None = None) -> None:
        self._idle_gap_ms = idle_gap_ms
        self._rest = b""
        self._too_long = False
        self._fed_at_ms = 0
        self.dropped = 0

    @property
    def partial(self) -> bool:
        """Whether a reading has begun and not ended."""
        return bool(self._rest) or self._too_long

    def feed(self, data: bytes, now_ms: int) -> list[str]:
        """The readings that these bytes complete. `now_ms`: any clock that does not step back."""
        readings = self.idle(now_ms)
        self._fed_at_ms = now_ms
        *lines, rest = _END.split(self._rest + data)
        for line in lines:
            readings += self._close(line)
        self._rest = rest
        if len(rest) > MAX_READING_BYTES:
            self._too_long = True
            self._rest = b""
        return readings

    def idle(self, now_ms: int) -> list[str]:
        """The reading that the silence since the last bytes completes, if any."""
        if self._idle_gap_ms is None or now_ms - self._fed_at_ms < self._idle_gap_ms:
            return []
        rest, self._rest = self._rest, b""
        return self._close(rest)

    def _close(self, line: bytes) -> list[str]:
        if self._too_long or len(line) > MAX_READING_BYTES:
            self._too_long = False
            self.dropped += 1
            return []
        text = decode_text(line).strip(_EDGE)
        return [text] if text else []
