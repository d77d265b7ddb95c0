"""A simulated filling scale: platform, solenoid valve and counters. Pure: the caller tells the time (ms, monotonic).

Nothing ticks: whatever happened since the last look is worked out when somebody looks. Fail-safe as a real one: the
valve is open only while the permit coil is energised, and losing target, heartbeat, cylinder or power closes it.
"""

import random

from msgspec import Struct

RUNNING, AT_TARGET, WATCHDOG, POWER_CUT, STOPPED = range(5)
NO_CYLINDER_BELOW_G = 1_000


class Counters(Struct):
    """What a real scale keeps in its own memory over a power cut. `openings` counts per permit token."""

    sequence: int = 0
    openings: dict[str, int] = {}
    weight_g: int = 0
    start_weight_g: int = 0
    end_weight_g: int = 0
    result: int = RUNNING
    valve_open: bool = False


class ScaleSimulation:
    """One scale. Weights gross, grams. `changed` is set when the counters must be kept."""

    def __init__(self, counters: Counters, *, seed: int | None = None) -> None:
        self.counters = counters
        if counters.valve_open:
            # It died with the valve open: de-energised means closed, and the platform still shows what it showed.
            self._shut(POWER_CUT, counters.weight_g)
        self._chance = None if seed is None else random.Random(seed)  # noqa: S311 - play, not a secret
        self.permit = False
        self.token = 0
        self.target_g = 0
        self.overfill_g = 0
        self.cut_power_at_g = 0
        self.speed_up = 1
        self.flow_g_s = 150
        self.watchdog_ms = 2_000
        self._opened_at_ms = 0
        self._beaten_at_ms = 0
        self._close_at_g = 0
        self.changed = True

    def advance(self, now_ms: int) -> None:
        """Let happen what happens up to now."""
        if not self.counters.valve_open:
            return
        start, rate = self.counters.start_weight_g, self.flow_g_s * self.speed_up
        ends = [(self._beaten_at_ms + self.watchdog_ms, WATCHDOG), (self._when(self._close_at_g), AT_TARGET)]
        if self.cut_power_at_g > start:
            ends.append((self._when(self.cut_power_at_g), POWER_CUT))
        end_ms, why = min(ends)
        if end_ms > now_ms:
            self.counters.weight_g = start + rate * (now_ms - self._opened_at_ms) // 1_000
        elif why == AT_TARGET:
            self._shut(AT_TARGET, max(self._close_at_g, start))
        elif why == POWER_CUT:
            self._shut(POWER_CUT, self.cut_power_at_g)
            self.cut_power_at_g = 0
        else:
            self._shut(WATCHDOG, start + rate * (end_ms - self._opened_at_ms) // 1_000)
        self.changed = True

    def _when(self, weight_g: int) -> int:
        grams = max(0, weight_g - self.counters.start_weight_g)
        return self._opened_at_ms + grams * 1_000 // (self.flow_g_s * self.speed_up)

    def beat(self, now_ms: int) -> None:
        """A heartbeat: the agent lives."""
        self._beaten_at_ms = now_ms

    def set_permit(self, energised: bool, now_ms: int) -> None:  # noqa: FBT001 - a coil
        """Write the coil. A rising edge is one permit and opens the valve once; writing 1 again changes nothing."""
        if energised and not self.permit and self.counters.weight_g >= NO_CYLINDER_BELOW_G:
            now = self.counters
            self.permit = now.valve_open = True
            now.sequence += 1
            now.openings[str(self.token)] = now.openings.get(str(self.token), 0) + 1
            now.start_weight_g = now.end_weight_g = now.weight_g
            now.result = RUNNING
            self._opened_at_ms = self._beaten_at_ms = now_ms
            jitter_g = 0 if self._chance is None else self._chance.randint(-10, 10)
            self._close_at_g = self.target_g + self.overfill_g + jitter_g
            self.changed = True
        elif not energised:
            if self.counters.valve_open:
                self._shut(STOPPED, self.counters.weight_g)
            self.permit = False

    def put(self, weight_g: int) -> None:
        """Put a cylinder of this gross weight on the platform, or take it off (0); the valve never fills air."""
        if self.counters.valve_open:
            self._shut(STOPPED, self.counters.weight_g)
        self.counters.weight_g = weight_g
        self.changed = True

    def _shut(self, result: int, weight_g: int) -> None:
        self.counters.valve_open = self.permit = False
        self.counters.weight_g = self.counters.end_weight_g = weight_g
        self.counters.result = result
        self.overfill_g = 0
        self.changed = True
