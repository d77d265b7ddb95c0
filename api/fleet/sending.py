"""From the journal to a log: bundles of claims signed by each enterprise's office, one in flight, the next one made.

Order per signer holds, as a bundle goes when the one before was answered. Killed at any moment, it goes on from the
journal: an envelope that has no answer is sent again as it is, and the log answers what it answered the first time.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from itertools import count
from typing import NamedTuple, Protocol

import msgspec
from msgspec import Raw

from api.fleet.journal import Journal, State
from api.fleet.row import NO_ID, Clock
from api.signing import Chain, new_claim_id
from ledger.bundle import Payload, PrivateKey, open_bundle, sign_bundle
from ledger.entry import Answer
from ledger.events import Outcome, Refusal

BUNDLE = 400
"""Claims a bundle: one transaction of the log's writer takes 512."""

Submit = Callable[[bytes], "Future[list[Answer]]"]

_TAIL = f',"claim_id":"{NO_ID}","scanned_at":0}}'.encode()
"""How a claim ends that has neither id nor time yet."""

_encoder = msgspec.json.Encoder()


class Office(Protocol):
    """Who signs for an enterprise: a key and its chain of bundles."""

    enterprise: str
    key: PrivateKey

    def chain(self) -> Chain:
        """Where its chain stands."""

    def keep(self, chain: Chain) -> None:
        """Remember durably how far its chain goes; harmless when it was further on."""


class _Signed(NamedTuple):
    """A bundle on its way: its envelope, the journal's rows in it, and where its signer's chain stands after it."""

    number: int
    envelope: bytes
    rows: list[int]
    after: Chain


def send(journal: Journal, log: str, office: Office, submit: Submit, clock: Clock) -> Iterator[int]:
    """Register what is READY of this enterprise; how many rows each bundle settled."""
    flying: tuple[_Signed, Future[list[Answer]]] | None = None
    for signed in _bundles(journal, log, office, clock):
        landed = None if flying is None else (flying[0], flying[1].result())
        # Before it is sent: what the key signs elsewhere after a stop must not have the number of what is in the air.
        office.keep(signed.after)
        flying = (signed, submit(signed.envelope))
        if landed is not None:
            yield _settle(journal, *landed)
    if flying is not None:
        yield _settle(journal, flying[0], flying[1].result())


def _bundles(journal: Journal, log: str, office: Office, clock: Clock) -> Iterator[_Signed]:
    """Those without an answer first; then new ones, each kept before it is given away."""
    chain = office.chain()
    for number, envelope, rows in journal.ask(
        "SELECT number, envelope, rows FROM bundle WHERE enterprise = ? AND envelope IS NOT NULL ORDER BY number",
        office.enterprise,
    ).fetchall():
        bundle = open_bundle(envelope)
        after = Chain(bundle.device_seq + 1, bundle.digest.hex())
        chain = max(chain, after, key=lambda one: one.device_seq)
        yield _Signed(number, envelope, msgspec.json.decode(rows), after)
    last = 0
    for number in count((journal.one("SELECT max(number) FROM bundle") or 0) + 1):
        ready = journal.ask(
            "SELECT n, claim FROM row WHERE n > ? AND state = ? AND enterprise = ? ORDER BY n LIMIT ?",
            last, State.READY, office.enterprise, BUNDLE,
        ).fetchall()  # fmt: skip
        if not ready:
            return
        last = ready[-1][0]
        payload = _payload(log, chain, [text for _, text in ready], clock())
        chain = Chain(chain.device_seq + 1, hashlib.sha256(payload).hexdigest())
        signed = _Signed(number, sign_bundle(payload, office.key), [n for n, _ in ready], chain)
        with journal.transaction():
            listed = _encoder.encode(signed.rows).decode()
            journal.do("INSERT INTO bundle VALUES (?, ?, ?, ?)", [(number, office.enterprise, listed, signed.envelope)])
            journal.do("UPDATE row SET state = ? WHERE n = ?", [(State.SENT, n) for n in signed.rows])
        yield signed


def _payload(log: str, chain: Chain, texts: Sequence[bytes], now: int) -> bytes:
    """The payload of a bundle of these claims, each given its id and time."""
    assert all(text.endswith(_TAIL) for text in texts), "the reading wrote them"
    claims = [
        Raw(text[: -len(_TAIL)] + f',"claim_id":"{new_claim_id(now)}","scanned_at":{now}}}'.encode()) for text in texts
    ]
    return _encoder.encode(Payload(log, chain.device_seq, chain.device_prev, None, claims))


def _settle(journal: Journal, signed: _Signed, answers: Sequence[Answer]) -> int:
    """Note what became of each row, and that the bundle was answered."""
    registered: list[tuple[object, ...]] = []
    refused: list[tuple[object, ...]] = []
    for n, answer in zip(signed.rows, answers, strict=True):
        if isinstance(answer.outcome, Refusal):
            reasons = [(note.reason, "") for note in answer.outcome.reasons]
            detail = msgspec.json.encode(reasons).decode()
            refused.append((State.QUARANTINED, reasons[0][0], detail, answer.entry_index, n))
        else:
            registered.append((State.REGISTERED, answer.entry_index, _warnings(answer.outcome), n))
    with journal.transaction():
        journal.do("UPDATE row SET state = ?, reason = ?, detail = ?, claim = NULL, entry = ? WHERE n = ?", refused)
        journal.do(
            "UPDATE row SET state = ?, cells = NULL, entry = ?, notes = trim(notes || ?) WHERE n = ?", registered
        )
        journal.do("UPDATE bundle SET envelope = NULL WHERE number = ?", [(signed.number,)])
    return len(signed.rows)


def _warnings(outcome: Outcome) -> str:
    """What rules only warn of, after the notes of what was normalised."""
    return "".join(f" ledger:{note.reason}" for note in outcome.warnings)
