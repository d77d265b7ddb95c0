"""What goes into a file of evidence because the answer to its question cites it, in the same snapshot as the rest.

Whole, from their first entry to their last: the chains of papers, so that no revocation is left out, of premises, and
of cylinders that the answer says stand somewhere. All else singly.
"""

from collections.abc import Collection, Iterable

from msgspec import structs

from api.evidence.cited import Cites
from ledger.entry import decode_entry
from ledger.errors import TooLarge
from ledger.evidence import Scope
from ledger.store.read import Connection
from ledger.store.selection import bodies_at, entry_indexes

_WHOLE = (
    "enterprise", "successor", "permit", "insurance", "certificate", "calibration", "use_registration", "contract",
    "voucher", "proxy", "pairing", "order", "premises",
)  # fmt: skip
"""Kinds of subjects with short chains: nothing happens to papers but filings, and little at premises. Much that stands
under other subjects names them too, but nothing does of papers, and of premises and cylinders not very much.
"""


def too_many(most: int) -> TooLarge:
    """The fault of what takes more than `most` entries."""
    return TooLarge(
        f"超过 {most} 条，请缩小时间范围，或由运营者用命令 ledger evidence 导出",
        f"over {most} entries; narrow the times, or have the operator run the command ledger evidence",
    )


class Beside:
    """The first `size` entries of a log: of them at most `most`, TooLarge over that, and so many bytes at once."""

    def __init__(self, connection: Connection, log_id: int, size: int, most: int | None, most_bytes: int) -> None:
        self._connection, self._log_id, self._size = connection, log_id, size
        self._most, self._most_bytes = most, most_bytes

    def named(self, scope: Scope, own: Collection[int], cites: Cites) -> tuple[Scope, set[int]]:
        """The scope with its further chains and entries, and where its `own` and all these stand."""
        mine, behind, told = set(own), self._below(cites.behind), self._below(cites.told)
        here = mine | behind | told
        self._check_room(here)
        bodies = bodies_at(
            self._connection, self._log_id, sorted(behind | (told - mine)), most_bytes=self._most_bytes
        )  # fmt: skip
        subjects = {decode_entry(body).subject for body in bodies.values()}
        whole = {one for one in subjects if one.partition(":")[0] in _WHOLE}
        whole |= {f"cylinder:{one}" for one in cites.cylinders}
        chains, there = list[str](), set[int]()
        for subject in sorted(whole - {scope.subject}):
            chain = self._chain(subject)
            chains += [subject] if chain else []
            there |= chain
            self._check_room(here | there)
        cited = here - mine - there - {0}
        return structs.replace(scope, chains=tuple(chains), cited=tuple(sorted(cited))), here | there

    def _below(self, indexes: Iterable[int]) -> set[int]:
        return {index for index in indexes if index < self._size}

    def _chain(self, subject: str) -> set[int]:
        """Where the entries of that subject stand: among those that name it."""
        named = entry_indexes(self._connection, self._log_id, subject, start=0, end=self._size)
        bodies = bodies_at(self._connection, self._log_id, named, most_bytes=self._most_bytes)
        return {index for index, body in bodies.items() if decode_entry(body).subject == subject}

    def _check_room(self, indexes: Collection[int]) -> None:
        if self._most is not None and len(indexes) > self._most:
            raise too_many(self._most)
