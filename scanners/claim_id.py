"""Claim ids: UUIDv7, made once by the device that says the claim. Source: RFC 9562 section 5.7."""

import os
import threading
from collections.abc import Callable


def uuid7(at_ms: int, chance: bytes) -> str:
    """The UUIDv7 of this instant (ms UTC, 48 bits) and ten bytes of chance, in lower-case text form."""
    bits = at_ms << 80 | int.from_bytes(chance[:10], "big")
    bits = bits & ~(0xF << 76) | 0x7 << 76
    bits = bits & ~(0x3 << 62) | 0x2 << 62
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class ClaimIds:
    """New claim ids by a clock (ms UTC) and the system's randomness; distinct even where the clock steps back."""

    def __init__(self, clock: Callable[[], int], chance: Callable[[int], bytes] = os.urandom) -> None:
        self._clock = clock
        self._chance = chance
        self._lock = threading.Lock()
        self._newest_ms = 0

    def new(self) -> str:
        """One more id; ids of one device sort in the order in which they were made, to the millisecond."""
        with self._lock:
            self._newest_ms = max(self._newest_ms, self._clock())
            return uuid7(self._newest_ms, self._chance(10))
