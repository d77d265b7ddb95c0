"""A witness over HTTP (C2SP tlog-witness): asked to cosign a checkpoint, and for the newest that it cosigned.

Whatever it answers is a claim. A cosignature counts once its key verifies it; a size that it names is a hint for the
next request; a checkpoint that it shows speaks against us only when our own key signed it.
"""

import hashlib
from collections.abc import Sequence
from http import HTTPStatus

from msgspec import Struct

from api.publish.exchange import Outside
from api.publish.standing import shown_name
from ledger.checkpoint import Checkpoint, parse_checkpoint, signed_at, with_cosignatures
from ledger.errors import LedgerError
from ledger.lines import read_decimal
from ledger.note import MAX_NOTE_BYTES, Signature, parse_signatures
from ledger.policy import Witness
from ledger.proofs import ReadHash, prove_consistency
from ledger.witness_request import AddCheckpoint, format_request

TIMEOUT_S = 3.0  # of an exchange; a step waits less


class NotWitnessed(LedgerError):
    """A witness did not cosign; it is asked again later."""

    slug = "not-witnessed"


class Cosigned(Struct, frozen=True):
    """A checkpoint and the witness's signatures of it, checked; one at least."""

    checkpoint: Checkpoint
    signatures: tuple[Signature, ...]


class Shown(Struct, frozen=True):
    """The newest checkpoint that a witness says it cosigned, unchecked; None when it shows none.

    `refused`: it was asked to cosign, and says that what it holds does not lead to our checkpoint.
    """

    newest: Checkpoint | None
    refused: bool = False


class WitnessClient:
    """One submission prefix of a policy, with the keys that are to sign there.

    NotAnswered, NotWitnessed, or Malformed says why it did not do as asked.
    """

    def __init__(self, url: str, witnesses: Sequence[Witness]) -> None:
        """Nothing is asked yet."""
        self._outside, self._url, self.witnesses = Outside(TIMEOUT_S), url.rstrip("/"), tuple(witnesses)
        self.name = ", ".join(shown_name(one.name) for one in self.witnesses)

    def newest(self, origin: str, *, refused: bool = False) -> Shown:
        """The newest checkpoint of this log that it cosigned."""
        status, body = self._exchange("GET", f"/{hashlib.sha256(origin.encode()).hexdigest()}/checkpoint")
        return Shown(parse_checkpoint(body) if status == HTTPStatus.OK else None, refused)

    def cosign(self, checkpoint: Checkpoint, old: int, read: ReadHash) -> Cosigned | Shown:
        """Its cosignatures. `old` is the size that it had last; when it names another it is asked again, from there.

        `read` gives the hashes of the checkpoint's tree. When no proof leads from what it holds: what it holds.
        """
        size = checkpoint.head.size
        answer = self._add(checkpoint, old, read)
        if isinstance(answer, int) and answer != old and answer <= size:
            answer = self._add(checkpoint, answer, read)
        return self.newest(checkpoint.head.origin, refused=True) if isinstance(answer, int) else answer

    def _add(self, checkpoint: Checkpoint, old: int, read: ReadHash) -> Cosigned | int:
        """The cosignatures, or the size that it says it holds."""
        request = AddCheckpoint(old, prove_consistency(read, old, checkpoint.head.size), checkpoint)
        status, body = self._exchange("POST", "/add-checkpoint", format_request(request))
        match status:
            case HTTPStatus.OK:
                return self._checked(checkpoint, body)
            case HTTPStatus.CONFLICT:
                return read_decimal(self.name, 1, body.decode("ascii", "replace").removesuffix("\n"))
            case HTTPStatus.UNPROCESSABLE_ENTITY:  # the tree that it holds of this size is not where ours began
                return old
            case _:
                raise NotWitnessed(f"{self.name} 拒绝见证（{status}）", f"{self.name} answered {status}")

    def _checked(self, checkpoint: Checkpoint, body: bytes) -> Cosigned:
        """The lines of its keys, which verify; BadSignature when one does not. Other lines are dropped."""
        keys = {(one.key.name, one.key.key_id): one.key for one in self.witnesses}
        lines = [line for line in parse_signatures(body) if (line.name, line.key_id) in keys]
        told = with_cosignatures(checkpoint, lines)
        timed = tuple(line for line in lines if signed_at(told, keys[line.name, line.key_id]))
        if not timed:
            raise NotWitnessed(f"{self.name} 的答复中没有见证签名", f"{self.name} answered without a cosignature")
        return Cosigned(checkpoint, timed)

    def _exchange(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        url = f"{self._url}{path}"
        return self._outside.exchange(method, url, body, name=self.name, most_bytes=MAX_NOTE_BYTES)

    def close(self) -> None:
        """Ask nothing more; what is under way fails soon."""
        self._outside.close()
