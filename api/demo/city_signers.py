"""Who signs in the demo's city. Every key comes from the city's seed: good for a demo and for nothing else."""

import hashlib
import random
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ledger.bundle import encode_payload, sign_bundle, signer_id, signer_key
from ledger.claim import AnyClaim, ClaimId, SignerKey


class CitySigner:
    """A key and its chain of bundles. `name` is who it is in the story: `authority`, `office:TC`, `desk:TC-S1`."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self._key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"demo {seed} {name}".encode()).digest())
        self._device_seq = 0
        self._device_prev: str | None = None

    @property
    def id(self) -> str:
        """The signer's id, as enrolments name it."""
        return signer_id(self.public)

    @property
    def public(self) -> SignerKey:
        """The public half."""
        return signer_key(self._key)

    def pem(self) -> bytes:
        """The private half as unencrypted PKCS 8 PEM, for the station agent's key file."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def sign(self, origin: str, claims: Sequence[AnyClaim]) -> bytes:
        """The envelope of this signer's next bundle, at most 500 claims."""
        payload = encode_payload(
            log=origin, device_seq=self._device_seq, device_prev=self._device_prev, seen=None, claims=list(claims)
        )
        self._device_seq += 1
        self._device_prev = hashlib.sha256(payload).hexdigest()
        return sign_bundle(payload, self._key)


class ClaimIds:
    """UUIDv7 ids whose random half comes from the city's own chance, so that a seed gives the same ids each time."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def new(self, at_ms: int) -> ClaimId:
        """An id made at this instant (ms UTC)."""
        high, low = self._chance.getrandbits(12), self._chance.getrandbits(62)
        digits = f"{at_ms:012x}7{high:03x}{(0b10 << 62) | low:016x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
