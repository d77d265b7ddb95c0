"""Faults of a station: what its devices, files and line to the ledger can do wrong. A branch of `ledger.errors`.

    LedgerError
    └── StationFault
        ├── ScaleFault            the filling scale did not do what it was asked
        │   ├── ScaleSilent       no answer: what it did is unknown until it is read again
        │   └── ScaleRefused      it answered with a Modbus exception
        ├── AlreadyConsumed       this authorisation has opened a valve before, or may have
        ├── OutboxForeign         the outbox belongs to another log or key
        ├── PutAside              the server found the bundle unacceptable: set aside, never sent again by itself
        ├── Offline               no line to the ledger: requests wait
        ├── LogContradicts        the log is not, or no longer, the one that this station has seen
        ├── CodeNotFound          a picture holds no readable code
        └── Misconfigured         a configuration or plan file says what cannot be

Each carries a Chinese and an English sentence that says what to do.
"""

from ledger.errors import LedgerError


class StationFault(LedgerError):
    """Base of every fault here; `zh` and `en` are shown to people."""

    slug = "station-fault"


class ScaleFault(StationFault):
    """The filling scale did not do what it was asked."""


class ScaleSilent(ScaleFault):
    """No answer in time, or no connection."""


class ScaleRefused(ScaleFault):
    """A Modbus exception response: the register map does not fit this scale."""


class AlreadyConsumed(StationFault):
    """An authorisation opens a valve at most once."""


class OutboxForeign(StationFault):
    """Another log's or key's outbox; its sequence must not go on under this key."""


class PutAside(StationFault):
    """The server answered 4xx with a problem; `slug` is the last part of the problem's type."""

    def __init__(self, zh: str, en: str, *, slug: str, pointer: str = "") -> None:
        super().__init__(zh, en, pointer=pointer)
        self.slug = slug


class Offline(StationFault):
    """Nobody answers; filling waits."""

    def __init__(self) -> None:
        super().__init__(
            "断网，暂不能充装；请等待网络恢复后重新扫码", "offline: filling waits; scan again when the line is back"
        )


class LogContradicts(StationFault):
    """A checkpoint that contradicts the one that this station keeps, or that the log did not sign."""


class CodeNotFound(StationFault):
    """No code in the picture."""


class Misconfigured(StationFault):
    """A file says what cannot be."""
