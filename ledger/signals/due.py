"""What time tells: whatever is to be looked at later stands under the hour when it is due.

The first entry after that hour looks at it; who does stands in `ledger.signals.watch`.
"""

from msgspec import Struct

from ledger.china import HOUR_MS
from ledger.signals.signal import Scan

_CLOCK = "clock"


class Clock(Struct, frozen=True, omit_defaults=True):
    """What is due in which hour (hours since 1970)."""

    due: dict[str, tuple[str, ...]] = {}


def remind(scan: Scan, at: int, where: str) -> None:
    """Have that state looked at, at the first entry of a later hour than `at` (ms UTC)."""
    clock, hour = scan.memory.get(Clock, _CLOCK), str(at // HOUR_MS + 1)
    there = clock.due.get(hour, ())
    if where not in there:
        scan.memory.put(_CLOCK, Clock(clock.due | {hour: (*there, where)}))


def due(scan: Scan) -> tuple[str, ...]:
    """Whatever is to be looked at by now, the longest due first, each once."""
    clock, now = scan.memory.get(Clock, _CLOCK), scan.at // HOUR_MS
    over = sorted((int(hour), hour) for hour in clock.due if int(hour) <= now)
    if not over:
        return ()
    scan.memory.put(_CLOCK, Clock({hour: one for hour, one in clock.due.items() if int(hour) > now}))
    return tuple(dict.fromkeys(where for _, hour in over for where in clock.due[hour]))
