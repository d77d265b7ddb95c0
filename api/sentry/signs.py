"""What a bundle shows to be wrong beside others of its signer: values in, values out, the same at every reading.

A number twice, a bundle that names another predecessor than the log holds, or one that was signed when the log was
seen to hold a higher number: two devices use one key. A copy and a device put back from a backup look the same, so both
are `cloned_key`; only where the chain goes on and its memory of the log went back is it `device_rollback`. Both bundles
must be entered after the signer's newest enrolment: filing it anew (the office has looked) begins a new page.
"""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from ledger.claim import AlertKind
from ledger.store.device_rows import DeviceBundle


class Sign(Struct, frozen=True):
    """What an alert says, before it has an id; fields as `ledger.claim.RaiseAlert`."""

    kind: AlertKind
    signer: str
    entries: tuple[int, ...]
    device_seq: int
    after_seq: int | None = None
    digests: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    roots: tuple[str, ...] = ()


def order_signs(one: DeviceBundle, beside: Sequence[DeviceBundle]) -> Iterator[tuple[Sign, int]]:
    """What a bundle shows beside earlier entered ones of the same number and the numbers next to it, each sign with
    the earlier of its entries.
    """
    for other in beside:
        if other.device_seq == one.device_seq and other.digest != one.digest:
            yield _cloned(one, other, other.digest, one.digest)
    before = [other for other in beside if other.device_seq == one.device_seq - 1]
    after = [other for other in beside if other.device_seq == one.device_seq + 1]
    if all(other.digest != one.device_prev for other in before):
        for other in before:
            yield _cloned(one, other, other.digest, one.device_prev)
    if all(other.device_prev != one.digest for other in after):
        for other in after:
            yield _cloned(one, other, one.digest, other.device_prev)
    for first, second in ((other, one) for other in before):
        yield from _memory(one, first, second)
    for first, second in ((one, other) for other in after):
        yield from _memory(one, first, second)


def seen_ahead(one: DeviceBundle) -> Sign | None:
    """A device can have seen no more entries than stood before its bundle's own: else the log lost some since."""
    if one.seen_size is None or one.seen_size <= one.entry_index:
        return None
    return _seen(AlertKind.LOG_ROLLBACK, one, (one.seen_size, one.entry_index), ())


def seen_otherwise(one: DeviceBundle, root: bytes) -> Sign | None:
    """The device has seen another tree of a size that this log has: `root` is ours of that size."""
    if one.seen_size is None or one.seen_root == root:
        return None
    return _seen(AlertKind.LOG_FORK, one, (one.seen_size,), (root.hex(),))


def seen_later(one: DeviceBundle, higher: DeviceBundle) -> Sign:
    """A device that has seen its own higher number in the log before it signed a lower one did not sign the higher."""
    assert one.seen_size is not None
    assert one.seen_root is not None
    return Sign(
        AlertKind.CLONED_KEY, one.signer.hex(), (higher.entry_index, one.entry_index), one.device_seq,
        digests=_hex((higher.digest, one.digest)), sizes=(one.seen_size,), roots=(one.seen_root.hex(),),
    )  # fmt: skip


def _seen(kind: AlertKind, one: DeviceBundle, sizes: tuple[int, ...], ours: tuple[str, ...]) -> Sign:
    assert one.seen_root is not None
    roots = (one.seen_root.hex(), *ours)
    return Sign(kind, one.signer.hex(), (one.entry_index,), one.device_seq, sizes=sizes, roots=roots)


def _cloned(one: DeviceBundle, other: DeviceBundle, held: bytes, contradicts: bytes | None) -> tuple[Sign, int]:
    digests = _hex((held, contradicts))
    entries = (other.entry_index, one.entry_index)
    return Sign(AlertKind.CLONED_KEY, one.signer.hex(), entries, one.device_seq, digests=digests), other.entry_index


def _memory(one: DeviceBundle, first: DeviceBundle, second: DeviceBundle) -> Iterator[tuple[Sign, int]]:
    """Of two bundles in a row: the later may not have seen less of the log."""
    if second.device_prev != first.digest or first.seen_size is None or second.seen_size is None:
        return
    if second.seen_size < first.seen_size:
        earlier = min(first.entry_index, second.entry_index)
        yield Sign(
            AlertKind.DEVICE_ROLLBACK, one.signer.hex(), (earlier, one.entry_index), second.device_seq,
            sizes=(second.seen_size, first.seen_size), roots=_hex((second.seen_root, first.seen_root)),
        ), earlier  # fmt: skip


def _hex(values: Iterable[bytes | None]) -> tuple[str, ...]:
    return tuple(value.hex() for value in values if value is not None)
