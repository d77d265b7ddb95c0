"""Questions: whose story, within which times, put to which log, within what the asker may see."""

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote, urlencode

from ledger.errors import NotFound
from ledger.store.read import ALL_SITES, Engine
from ledger.trace.statement import Window

WHOLE_LOG = ("customer", "premises", "person", "vehicle")
"""Kinds that only a token for all sites may ask about."""

_EVIDENCE = {
    "cylinder": "cylinders", "person": "persons", "tank_lot": "lots", "site": "sites", "customer": "customers",
    "premises": "premises", "vehicle": "vehicles", "line": "lines", "building": "buildings",
}  # fmt: skip


class Reader(NamedTuple):
    """One log in a database, within the sites that may be seen."""

    engine: Engine
    origin: str
    sites: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether all of it shows."""
        return self.sites == ALL_SITES


class Question(NamedTuple):
    """What is asked: whose story (`id` is a code where it is a cylinder's), and within which times."""

    kind: str
    id: str
    window: Window = Window()

    @property
    def party(self) -> str:
        """The party of entries whose story it is."""
        return f"{self.kind}:{self.id}"

    def nothing(self) -> NotFound:
        """The fault of a log that knows nothing of it."""
        return NotFound(f"没有 {self.id} 的记录", f"nothing is recorded of {self.id}")

    def evidence(self, reader: Reader, found: Sequence[str] = ()) -> str | None:
        """Where the evidence file of the same question is had; its times are those of recording, as in the question.
        `found`: the codes that were read at a scene.
        """
        if not reader.whole:
            return None
        asked: dict[str, str | int | Sequence[str]] = {"log": reader.origin}
        asked |= {} if self.window.from_ms is None else {"from": self.window.from_ms}
        asked |= {} if self.window.to_ms is None else {"to": self.window.to_ms}
        asked |= {} if self.window.known_at is None else {"known_at": self.window.known_at}
        asked |= {"found": found} if found else {}
        return f"/{_EVIDENCE[self.kind]}/{quote(self.id, safe='')}/evidence?{urlencode(asked, doseq=True)}"
