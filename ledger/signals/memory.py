"""What detectors remember, in small states by key: of each cylinder, line, vehicle, person, lot …

The states are values, so that whoever follows a log may keep them in a table, load those that the next entries name and
write back those that changed. What is remembered never depends on how it is kept.
"""

from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct
from msgspec import json as mjson

S = TypeVar("S", bound=Struct)
_decoders: dict[type[Struct], mjson.Decoder[Struct]] = {}


def _nothing(_key: str) -> bytes | None:
    return None


class Memory:
    """States by key. `load` gives the bytes kept under a key, None for none; `changed` names those put since."""

    def __init__(self, load: Callable[[str], bytes | None] = _nothing) -> None:
        """Nothing is loaded yet."""
        self._load = load
        self._states: dict[str, Struct] = {}
        self.changed: set[str] = set()

    def get(self, kind: type[S], key: str) -> S:
        """The state under that key; as new if there is none."""
        found = self._states.get(key)
        if found is None:
            kept = self._load(key)
            found = self._states[key] = kind() if kept is None else _decoder(kind).decode(kept)
        assert isinstance(found, kind), key
        return found

    def put(self, key: str, state: Struct) -> None:
        """Remember this."""
        self._states[key] = state
        self.changed.add(key)

    def encoded(self, key: str) -> bytes:
        """The bytes to keep of a state that was put."""
        return mjson.encode(self._states[key])


def _decoder(kind: type[S]) -> mjson.Decoder[S]:
    if kind not in _decoders:
        _decoders[kind] = mjson.Decoder(kind)
    return _decoders[kind]  # type: ignore[return-value]
