"""Time that runs faster than ours, for the demo and the tests; `ledger serve` never composes it."""

from msgspec import Struct


class ScaledTime(Struct, frozen=True):
    """Story time: `origin_ms` at the real instant `real_start_ms`, then `scale` story ms a real ms (all ms UTC)."""

    real_start_ms: int
    origin_ms: int
    scale: int

    def at(self, real_ms: int) -> int:
        """The story's time at this real instant, ms UTC."""
        return self.origin_ms + (real_ms - self.real_start_ms) * self.scale
