"""The random stamp challenge (码印核对抽查): now and then the ledger asks what no code plate in a pocket can answer.

Whether a green pre-check is challenged follows from the newest leaf of the log and the claim's id. No signer knows that
leaf when it signs, so none can choose an id that is never asked; and whoever has the log computes the same.
"""

import hashlib

from ledger import claim as c
from ledger.world import World

RULE = "ID-04@1"


def is_challenged(world: World, claim: c.CheckPrefill) -> bool:
    """Whether this pre-check, green and without a stamp keyed, is one of the `challenge_permille` in 1,000."""
    in_force = world.registry.in_force
    setting = None if in_force is None else in_force.pack.rules.get(RULE)
    if setting is None or setting.mode == "off" or claim.stamp_tail is not None:
        return False
    digest = hashlib.sha256(bytes.fromhex(world.last_leaf) + claim.claim_id.encode()).digest()
    return int.from_bytes(digest[:8]) % 1000 < setting.params["challenge_permille"]
