"""What the log's own signer says of what was found: an alert, and the quarantine of a signer whose key is copied.

Ids and times come from what was found and from the entry that told, so that saying it again is saying the same bytes,
which the log answers as it did. Dying between alert and quarantine is mended by starting again.
"""

import hashlib
from typing import NamedTuple

from msgspec import json as mjson
from msgspec import structs

from api.sentry.signs import Sign
from api.sentry.watch import EVER, enrolled_before
from api.signing import derived_claim_id
from ledger import claim as c
from ledger.bundle import PrivateKey, encode_payload, open_bundle, sign_bundle, signer_id, signer_key
from ledger.entry import Answer
from ledger.errors import NotFound
from ledger.events import Refusal
from ledger.store.append import Received
from ledger.store.devices import device_head, entry_at
from ledger.store.filings import record_in_force
from ledger.store.read import ALL_SITES, Engine, log_state, reading, record
from ledger.store.writer import Writer

ANSWER_WITHIN_S = 60.0


class Raised(NamedTuple):
    """An alert that stands in the log: where, about whom, and whether the signer is quarantined for it."""

    entry_index: int
    claim: c.RaiseAlert
    quarantined: bool


class LogSigner:
    """The log's own signer, who writes through the same writer as everybody's bundles."""

    def __init__(self, engine: Engine, writer: Writer, key: PrivateKey) -> None:
        """Nothing is read or said yet."""
        self._engine, self._writer, self._key = engine, writer, key
        self.signer = signer_id(signer_key(key))

    def check(self) -> None:
        """NotFound unless this log has the key as its own signer's."""
        with reading(self._engine, ALL_SITES) as connection:
            log_id = log_state(connection, self._writer.origin).log_id
            enrolled = record(connection, log_id, f"signer:{self.signer}")
            opening = record(connection, log_id, "log")
        if isinstance(enrolled, c.EnrolSigner):
            ours = enrolled.role is c.Role.LOG and enrolled.status == "active"
        else:
            ours = isinstance(opening, c.OpenLog) and signer_id(opening.log_signer) == self.signer
        if not ours:
            raise NotFound(
                f"log_key（{self.signer}）不是日志 {self._writer.origin} 自身的现用密钥；请核对 publish.toml",
                f"log_key ({self.signer}) is not the log's own signer in {self._writer.origin}; look at publish.toml",
            )

    def raise_alert(self, sign: Sign) -> Raised:
        """Say it, and quarantine the signer if its key is copied and nobody has looked since."""
        told = sign.entries[-1]
        with reading(self._engine, ALL_SITES) as connection:
            log_id = log_state(connection, self._writer.origin).log_id
            at = entry_at(connection, log_id, told).recorded_at
        alert = c.RaiseAlert(
            claim_id=_derived(at, mjson.encode(sign)), scanned_at=at, kind=sign.kind, signer=sign.signer,
            entries=sign.entries, device_seq=sign.device_seq, after_seq=sign.after_seq, digests=sign.digests,
            sizes=sign.sizes, roots=sign.roots,
        )  # fmt: skip
        answer = self._say(alert)
        assert not isinstance(answer.outcome, Refusal), "it is about entries and signers of this log"
        quarantined = sign.kind is c.AlertKind.CLONED_KEY and self._quarantine(alert, told)
        return Raised(answer.entry_index, alert, quarantined)

    def _quarantine(self, alert: c.RaiseAlert, told: int) -> bool:
        """Quarantine, unless someone filed the signer anew after entry `told`; whether it stands quarantined for it."""
        while True:
            with reading(self._engine, ALL_SITES) as connection:
                log_id = log_state(connection, self._writer.origin).log_id
                filed = record_in_force(connection, log_id, f"signer:{alert.signer}")
                looked_at = filed is not None and enrolled_before(connection, log_id, alert.signer, EVER) > told
            if filed is None or looked_at:
                return False  # entry 0's own keys have no record: nobody stands over them
            known = filed.claim
            assert isinstance(known, c.EnrolSigner)
            if known.status != "active" or known.role in (c.Role.AUTHORITY, c.Role.LOG):
                return known.status == "quarantined"
            text = f"{alert.claim_id} {filed.seq}"
            answer = self._say(
                structs.replace(
                    known,
                    claim_id=_derived(alert.scanned_at, text.encode()),
                    scanned_at=alert.scanned_at,
                    expects=filed.seq,
                    status="quarantined",
                    alert=alert.claim_id,
                )
            )
            if not isinstance(answer.outcome, Refusal):
                return True
            # Someone filed it between our look and our word: look again.
            assert answer.outcome.reasons[0].reason == "stale_filing", "the log's signer may quarantine it"

    def _say(self, claim: c.AnyClaim) -> Answer:
        """One claim as the log's next bundle; its answer, after it is durable."""
        with reading(self._engine, ALL_SITES) as connection:
            log_id = log_state(connection, self._writer.origin).log_id
            head = device_head(connection, log_id, self.signer)
        payload = encode_payload(
            log=self._writer.origin, device_seq=0 if head is None else head.seq + 1,
            device_prev=None if head is None else head.digest, seen=None, claims=[claim],
        )  # fmt: skip
        # Dying before the answer: it is recorded or it is not, and is said again with the same id either way.
        received = Received(open_bundle(sign_bundle(payload, self._key)), 0)
        return self._writer.submit(received).result(ANSWER_WITHIN_S)[0]


def _derived(at: int, what: bytes) -> str:
    return derived_claim_id(at, hashlib.sha256(what).digest())
