"""Which entries and bundles go into a file of evidence, in one snapshot of what is committed, below what is published.

The scope's own entries; what the answer to its question cites besides; entry 0, which enrols the authority and the
log; and every accepted filing of each signer whose bundle is there, closed under that rule, so that each key can be
judged at each entry.
"""

from collections.abc import Collection

from msgspec import Struct

from api.evidence.beside import Beside, too_many
from api.evidence.cited import NOTHING, Cites
from ledger.archive import MAX_MEMBERS
from ledger.entry import decode_entry
from ledger.errors import Busy, Corrupt, NotFound, TooLarge
from ledger.evidence import MAX_EVIDENCE_BYTES, Scope
from ledger.store.read import Connection, LogState
from ledger.store.selection import (
    Progress,
    bodies_at,
    entry_indexes,
    envelopes,
    first_at,
    signer_filings,
)

_NAMES = {
    "cylinder": ("气瓶", "cylinder"), "person": ("人员", "person"), "tank_lot": ("罐次", "tank lot"),
    "site": ("站点", "site"), "premises": ("用气场所", "premises"), "customer": ("用户", "customer"),
    "vehicle": ("车辆", "vehicle"), "line": ("充装线", "line"), "recall": ("召回", "recall"),
    "incident": ("事故", "incident"), "building": ("楼栋", "building"),
}  # fmt: skip


class Selected(Struct, frozen=True):
    """Entries by index and bundles by digest (hexadecimal), ascending, exact bytes.

    `scope` names what is cited besides. `waiting`: how many more entries of it are committed by now, and not covered by
    the checkpoint.
    """

    scope: Scope
    entries: dict[int, bytes]
    bundles: dict[str, bytes]
    waiting: int


def select(
    connection: Connection,
    log: LogState,
    scope: Scope,
    size: int,
    cites: Cites,
    *,
    most: int | None,
    most_bytes: int = MAX_EVIDENCE_BYTES,
    progress: Progress | None,
) -> Selected:
    """What belongs to a scope among the first `size` entries, and what the answer cites besides.

    NotFound where there is nothing, Busy where there is only what is not published yet, TooLarge over `most` entries
    of the scope, or `most_bytes` of entries or bundles, Corrupt when the database is shorter than what was published.
    """
    if log.size < size:
        raise Corrupt(
            f"数据库只有 {log.size} 条，已发布 {size} 条；请停止写入，查明原因",
            f"the database has {log.size} entries where {size} are published; stop writing and find out why",
        )
    picker = _Picker(connection, log, scope)
    own = picker.indexes(size, most)
    beside = Beside(connection, log.log_id, size, most, most_bytes)
    scope, cited = (scope, own) if cites == NOTHING else beside.named(scope, own, cites)
    waiting = picker.waiting(size, cites)
    if not own and not any(index < size for index in cites.told) and scope.kind not in ("window", "log"):
        raise picker.nothing(size, waiting)
    indexes = cited if 0 in cited else [0, *sorted(cited)]
    entries = bodies_at(connection, log.log_id, indexes, most_bytes=most_bytes, progress=progress)
    room = most_bytes - sum(map(len, entries.values()))
    signers, digests, more = set[str](), set[str](), entries
    while more:
        named = [decode_entry(body) for body in more.values()]
        digests |= {entry.bundle for entry in named}
        new = {entry.signer for entry in named} - signers
        signers |= new
        filings = signer_filings(connection, log.log_id, new, end=size)
        missing = [index for index in filings if index not in entries]
        more = bodies_at(connection, log.log_id, missing, most_bytes=room)
        room -= sum(map(len, more.values()))
        entries |= more
    if len(digests) > MAX_MEMBERS:
        raise TooLarge(
            f"有 {len(digests)} 个签名包，一个文件装不下，请缩小范围",
            f"{len(digests)} bundles are too many for one file; narrow the scope",
        )
    bundles = envelopes(connection, log.log_id, digests, most_bytes=most_bytes)
    return Selected(scope, {index: entries[index] for index in sorted(entries)}, bundles, waiting)


class _Picker:
    """One scope in one snapshot of one log."""

    def __init__(self, connection: Connection, log: LogState, scope: Scope) -> None:
        self._connection, self._log, self._scope = connection, log, scope
        self._party = f"{scope.kind}:{scope.id}"

    def indexes(self, size: int, most: int | None) -> Collection[int]:
        """Where the scope's entries stand below `size`."""
        start, end = self._bounds(0, size)
        if self._scope.kind in ("log", "window"):
            if self._scope.kind == "window":  # with its neighbours, which show that nothing of it is left out
                start, end = max(0, start - 1), min(size, end + 1)
            if most is not None and end - start > most:
                raise too_many(most)
            return range(start, end)
        connection, log_id = self._connection, self._log.log_id
        limit = None if most is None else most + 1
        found = entry_indexes(connection, log_id, self._party, start=start, end=end, limit=limit)
        if most is not None and len(found) > most:
            raise too_many(most)
        return found

    def waiting(self, size: int, cites: Cites) -> int:
        """How many of the scope's entries and of those that are cited stand from `size` on."""
        start, end = self._bounds(size, self._log.size)
        if self._scope.kind in ("log", "window"):
            return end - start
        own = entry_indexes(self._connection, self._log.log_id, self._party, start=start, end=end)
        return len({*own, *(index for index in cites.behind | cites.told if index >= size)})

    def _bounds(self, start: int, end: int) -> tuple[int, int]:
        """The part of [start, end) that was recorded within the scope's times."""
        connection, log_id, scope = self._connection, self._log.log_id, self._scope
        if scope.from_ms is not None:
            start = first_at(connection, log_id, scope.from_ms, start=start, end=end)
        if scope.to_ms is not None:
            end = first_at(connection, log_id, scope.to_ms, start=start, end=end)
        return start, end

    def nothing(self, size: int, waiting: int) -> NotFound | Busy:
        """The fault of a scope that has nothing in these times, nothing published, or nothing at all."""
        scope, log = self._scope, self._log
        zh, en = _NAMES[scope.kind]
        if entry_indexes(self._connection, log.log_id, self._party, start=0, end=size, limit=1):
            return NotFound(
                f"{zh} {scope.id} 在所给时间内没有记录（所查日志：{log.origin}）",
                f"{en} {scope.id} has no entries within these times (asked the log {log.origin})",
            )
        if waiting:
            return Busy(
                f"{zh} {scope.id} 的记录已入账，尚未发布，请稍后再取",
                f"the entries of {en} {scope.id} are committed, not yet published; ask again shortly",
            )
        return NotFound(
            f"没有{zh} {scope.id} 的记录（所查日志：{log.origin}）",
            f"no entries of {en} {scope.id} (asked the log {log.origin})",
        )
