"""Faults: the request or the stored data is wrong. A refusal is a value, not a fault; a bug is an assertion.

    LedgerError
    ├── Malformed          the bytes sent are not what the format says
    │   └── TooLarge       they exceed a bound
    ├── UnknownSigner      no key of that id is enrolled in this log
    ├── BadSignature       the key does not verify these bytes
    ├── BadProof           the hashes do not lead to the root that is claimed
    ├── WrongLog           signed for another log than this one
    ├── NotFound           nothing of that name is known
    ├── Forbidden          the reader may not see this
    ├── Busy               the queue is full or the store is away: send the same bytes again
    └── Corrupt            stored bytes contradict what they must say

Shells hang leaves of their own on it: `CannotStart` (the embedded server), `BadSettings` and `Rejected` (the `ledger`
command), `StationFault` and its kinds (the station agent).

Every fault carries a Chinese and an English sentence that says what to do, and a JSON pointer where there is one.
"""


class LedgerError(Exception):
    """Base of every fault. `zh` and `en` are shown to people; `pointer` is an RFC 6901 JSON pointer or ''."""

    slug = "ledger-error"

    def __init__(self, zh: str, en: str, *, pointer: str = "") -> None:
        super().__init__(en if not pointer else f"{en} (at {pointer})")
        self.zh = zh
        self.en = en
        self.pointer = pointer


class Malformed(LedgerError):
    """The bytes sent are not what the format says; correct them and sign again."""

    slug = "malformed"


class TooLarge(Malformed):
    """The bytes sent exceed a bound; split them."""

    slug = "too-large"


class UnknownSigner(LedgerError):
    """No key of that id is enrolled in this log; have the office enrol it."""

    slug = "unknown-signer"


class BadSignature(LedgerError):
    """The key does not verify these bytes."""

    slug = "bad-signature"


class BadProof(LedgerError):
    """The hashes of a proof do not lead to the root that is claimed: content or proof was changed."""

    slug = "bad-proof"


class WrongLog(LedgerError):
    """The bundle was signed for another log than this one."""

    slug = "wrong-log"


class NotFound(LedgerError):
    """Nothing of that name is known here."""

    slug = "not-found"


class Forbidden(LedgerError):
    """A bearer token is missing, wrong, or does not cover what was asked for."""

    slug = "forbidden"


class Busy(LedgerError):
    """The queue is full or the store is away; send the same bytes again after `retry_after_s` seconds."""

    slug = "busy"

    def __init__(self, zh: str, en: str, *, retry_after_s: int = 1) -> None:
        super().__init__(zh, en)
        self.retry_after_s = retry_after_s


class Corrupt(LedgerError):
    """Stored bytes contradict what they must say; stop and run `ledger audit`."""

    slug = "corrupt"
