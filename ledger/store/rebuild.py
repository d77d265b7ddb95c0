"""Making a log's caches anew from its entries: after a new version of the fold, or when they were damaged.

One transaction a log, in the owner's rights (the writer may not delete). The entries are replayed, every decision
made again, and the tree compared with the head; where anything differs, nothing is changed. Readers see the old caches
until it commits. Held in memory is the folded world, as in an audit; rows per entry go to the database as they come.
"""

from collections.abc import Iterable

import psycopg
from psycopg import sql

from ledger.bundle import open_bundle
from ledger.errors import Busy, Corrupt, LedgerError
from ledger.merkle import Frontier, extend
from ledger.replay import replay
from ledger.store.audit import CHUNK, ENTRIES, Progress, in_chunks
from ledger.store.cached import Row, folded_tables
from ledger.store.device_rows import DeviceBundle, device_bundle
from ledger.store.load import LogHead, claim_key, read_head
from ledger.store.schema import CACHES
from ledger.world import FOLD, World, parties_of

_LOCK_WAIT = "-c lock_timeout=10s"


def rebuild(url: str, origin: str, progress: Progress | None = None) -> int:
    """Make all caches of one log anew; how many entries they were made from. `progress` as for the audit.

    Corrupt when the log itself does not replay, Busy when somebody holds it; either way nothing was changed.
    """
    try:
        with psycopg.connect(url, options=_LOCK_WAIT) as connection:
            return _Rebuild(connection, read_head(connection, origin, lock=True), progress).run()
    except Corrupt as error:
        raise Corrupt(
            f"日志 {origin} 重放不符：{error.zh}。缓存表未作改动，请运行 ledger audit",
            f"{origin} does not replay: {error.en}. Its caches were left as they were; run ledger audit",
        ) from error
    except psycopg.errors.LockNotAvailable as error:
        raise Busy(
            f"日志 {origin} 正在使用；请停止服务后再运行 ledger migrate",
            f"{origin} is in use; stop serving, then run ledger migrate again",
        ) from error


class _Rebuild:
    """One log, within the caller's transaction."""

    def __init__(self, connection: psycopg.Connection, head: LogHead, progress: Progress | None) -> None:
        self.connection = connection
        self.head = head
        self.progress = progress or (lambda _done, _total: None)
        self.world = World(head.origin)
        self.frontier: Frontier = ()
        self.last_bundle = ""

    def run(self) -> int:
        for table in CACHES:
            where = sql.SQL("DELETE FROM {} WHERE log_id = %s").format(sql.Identifier(table.name))
            self.connection.execute(where, (self.head.log_id,))
        with self.connection.cursor("rebuild", binary=True) as entries:
            entries.itersize = CHUNK
            entries.execute(ENTRIES, (self.head.log_id,))
            for bodies in in_chunks(entries, self.head.size):
                self._take(bodies)
                self.progress(self.world.size, self.head.size)
        if (self.world.size, self.frontier) != (self.head.size, self.head.frontier):
            raise Corrupt("条目与日志行的大小、前沿不符", "its entries are not those of its size and frontier")
        for folded in folded_tables(self.world):
            self._copy(*folded)
        world = self.world
        self.connection.execute(
            "UPDATE log SET recorded_at = %s, registry_index = %s, last_leaf = %s, fold = %s WHERE log_id = %s",
            (world.recorded_at, world.registry_index, bytes.fromhex(world.last_leaf), FOLD, self.head.log_id),
        )
        return world.size

    def _take(self, bodies: list[bytes]) -> None:
        """Replay these entries, and write the rows that each of them has."""
        claims: list[Row] = []
        parties: list[Row] = []
        leaves: list[bytes] = []
        bundles: dict[bytes, int] = {}
        first = self.world.size
        for index, step in enumerate(replay(self.world, bodies), first):
            entry, claim = step.entry, step.claim
            if step.difference is not None:
                what = step.difference.what
                raise Corrupt(f"条目 {index} 的 {what} 与重算不同", f"the {what} of entry {index} comes out otherwise")
            claims.append((*claim_key(entry.signer, claim.claim_id, entry.claim), index))
            site: str | None = getattr(claim, "site", None)
            parties.extend((party, index, site) for party in parties_of(entry, claim))
            leaves.append(step.leaf)
            if entry.bundle != self.last_bundle:
                self.last_bundle = entry.bundle
                bundles[bytes.fromhex(entry.bundle)] = index
        self.frontier = extend(self.frontier, first, leaves)
        self._copy("claim_index", ("signer", "claim_id", "text_digest", "entry_index"), claims)
        self._copy("entry_party", ("party", "entry_index", "site"), parties)
        self._copy("device_bundle", DeviceBundle._fields, self._device_bundles(bundles))

    def _device_bundles(self, firsts: dict[bytes, int]) -> list[Row]:
        """The rows of these bundles, each with the index of its first entry."""
        envelopes: dict[bytes, bytes] = dict(
            self.connection.execute(
                "SELECT digest, envelope FROM bundle WHERE log_id = %s AND digest = ANY(%b)",
                (self.head.log_id, list(firsts)),
                binary=True,
            ).fetchall()
        )
        rows: list[Row] = []
        for digest, index in firsts.items():
            if digest not in envelopes:
                raise Corrupt(f"条目 {index} 的签名原文缺失", f"the bundle of entry {index} is missing")
            try:
                rows.append(device_bundle(open_bundle(envelopes[digest]), index))
            except LedgerError as error:
                raise Corrupt(
                    f"条目 {index} 的签名原文无法解读：{error.zh}", f"the bundle of entry {index}: {error.en}"
                ) from error
        return rows

    def _copy(self, table: str, columns: tuple[str, ...], rows: Iterable[Row]) -> None:
        names = sql.SQL(", ").join(map(sql.Identifier, ("log_id", *columns)))
        into = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
        with self.connection.cursor() as cursor, cursor.copy(into) as copy:
            for row in rows:
                copy.write_row((self.head.log_id, *row))
