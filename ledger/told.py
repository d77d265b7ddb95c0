"""An entry with its claim decoded, as everything that reads stories takes it: traces, custody, lots."""

from collections.abc import Iterable
from typing import NamedTuple

from ledger.bundle import decode_claim
from ledger.claim import AnyClaim
from ledger.entry import Entry, decode_entry, leaf_hash


class Told(NamedTuple):
    """An entry where it stands: its index, its leaf hash (hexadecimal), what its bytes say, and its claim."""

    entry_index: int
    leaf: str
    entry: Entry
    claim: AnyClaim


def told(entry_index: int, body: bytes) -> Told:
    """The entry of these stored bytes; Corrupt when they say none."""
    entry = decode_entry(body)
    return Told(entry_index, leaf_hash(body).hex(), entry, decode_claim(entry.claim))


def in_order(entries: Iterable[Told]) -> list[Told]:
    """These entries by index, each once."""
    by_index = {one.entry_index: one for one in entries}
    return [by_index[index] for index in sorted(by_index)]
