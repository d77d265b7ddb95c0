"""How a published checkpoint stands under the log's policy: said wherever the checkpoint is shown."""

from typing import Literal, NamedTuple

from ledger.checkpoint import Checkpoint
from ledger.errors import BadSignature
from ledger.policy import NONE, Policy, judge_checkpoint

Quorum = Literal["met", "not-met", "none"]
"""`none`: no policy is configured, or it asks for no witness."""

HEADER = "Ledger-Quorum"


class Witnessed(NamedTuple):
    """Who cosigned a checkpoint, by the policy's names, and whether they are enough."""

    witnesses: tuple[str, ...]
    quorum: Quorum


def witnessed(policy: Policy | None, checkpoint: Checkpoint) -> Witnessed:
    """How it stands. A checkpoint with a line that is wrong, or without a log's signature, has no standing."""
    if policy is None:
        return Witnessed((), "none")
    try:
        standing = judge_checkpoint(policy, checkpoint)
    except BadSignature:
        return Witnessed((), "not-met")
    names = tuple(shown_name(name) for name in standing.cosigned_s)
    if policy.quorum == NONE:
        return Witnessed(names, "none")
    return Witnessed(names, "met" if standing.quorum else "not-met")


def shown_name(name: str) -> str:
    """A policy's name for a text: its bytes that are not UTF-8 as replacement marks."""
    return name.encode(errors="surrogateescape").decode(errors="replace")
