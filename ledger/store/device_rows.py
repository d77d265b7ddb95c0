"""What a signer's bundle says beside its claims: its place in the signer's order, and which log it has seen.

A row stands at the first entry that the bundle made. Bundles that made none (resends, faults) have no row.
"""

from typing import NamedTuple

from ledger.bundle import Bundle


class DeviceBundle(NamedTuple):
    """A row of the table, in the order of its columns. `seen_*`: the newest checkpoint the device had seen, if any."""

    entry_index: int
    signer: bytes
    device_seq: int
    digest: bytes
    device_prev: bytes | None
    seen_size: int | None
    seen_root: bytes | None


def device_bundle(bundle: Bundle, entry_index: int) -> DeviceBundle:
    """The row of a bundle whose first entry stands at this index."""
    seen, prev = bundle.seen, bundle.device_prev
    return DeviceBundle(
        entry_index,
        bytes.fromhex(bundle.signer),
        bundle.device_seq,
        bundle.digest,
        None if prev is None else bytes.fromhex(prev),
        None if seen is None else seen.size,
        None if seen is None else bytes.fromhex(seen.root),
    )
