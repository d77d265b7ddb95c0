"""Double triggers: a gun held a moment too long reads the same code twice. Pure: the caller tells the time."""

SAME_WITHIN_MS = 10_000
_REMEMBERED = 64


class Repeats:
    """Knows one gun's last readings and says which are repeats of one within 10 s (DESIGN.md section 5)."""

    def __init__(self, *, within_ms: int = SAME_WITHIN_MS) -> None:
        self._within_ms = within_ms
        self._read_at: dict[str, int] = {}

    def forget(self) -> None:
        """Nothing read so far is repeated: the row is closed, and a cylinder of it may be asked for again at once."""
        self._read_at.clear()

    def is_repeat(self, text: str, now_ms: int) -> bool:
        """Whether `text` was read within the window before `now_ms` (ms). A clock that steps back repeats nothing."""
        before = self._read_at.pop(text, None)
        repeat = before is not None and 0 <= now_ms - before < self._within_ms
        # A repeat does not extend the window: a gun left on its stand reads once every 10 s.
        self._read_at[text] = before if repeat and before is not None else now_ms
        if len(self._read_at) > _REMEMBERED:
            del self._read_at[next(iter(self._read_at))]
        return repeat
