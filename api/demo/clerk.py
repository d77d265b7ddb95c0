"""Who writes the demo's claims: at one instant of the story, with ids of the city's own chance."""

import hashlib
from typing import Any, TypeVar

from msgspec import Struct

from api.demo.city_signers import CitySigner, ClaimIds
from ledger import claim as c

C = TypeVar("C", bound=c.Claim)


class Wave(Struct, frozen=True):
    """One bundle: when it is recorded (ms UTC), who signs it (a name of `City.signers`), what it says; whether it is of
    the days before, when not everything was in order.
    """

    at_ms: int
    signer: str
    claims: list[c.AnyClaim]
    past: bool = False


class Clerk:
    """Makes claims at one instant of the story. `at_ms` may be moved on."""

    def __init__(self, ids: ClaimIds, at_ms: int) -> None:
        self.ids, self.at_ms = ids, at_ms

    def make(self, act: type[C], /, **fields: Any) -> C:  # noqa: ANN401 - a claim's own fields
        """A claim of that kind, with an id and the time."""
        return act(claim_id=self.ids.new(self.at_ms), scanned_at=self.at_ms, **fields)

    def enrolment(
        self, signer: CitySigner, role: c.Role, enterprise: str, sites: tuple[str, ...] = ()
    ) -> c.EnrolSigner:
        """Leave for a signer to do all that its role may."""
        return self.make(
            c.EnrolSigner, signer=signer.id, key=signer.public, role=role, enterprise=enterprise, sites=sites,
            acts=("*",), status="active",
        )  # fmt: skip


def digest_of(what: str) -> str:
    """The digest of a paper or picture that the story tells of."""
    return hashlib.sha256(what.encode()).hexdigest()
