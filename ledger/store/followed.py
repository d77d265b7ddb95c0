"""The audit of alerts: what the detectors make of the entries, compared with what a follower wrote."""

from collections.abc import Iterator

import psycopg
from psycopg import sql

from ledger import claim as c
from ledger.entry import Entry
from ledger.signals.alerts import ALERT, VERSION, Alert, Following
from ledger.signals.memory import Memory
from ledger.store.alerts import COLUMNS, row_of
from ledger.store.cached import Different, Row, differences

Rows = dict[object, Row]


class FollowedAgain:
    """What an audit compares with the tables: what the detectors make of the entries, as far as the log was followed.

    What other detectors made (another `VERSION`), or of more entries than there are, is made anew before anything is
    read on (`Follower.step`): nothing is to be compared then.
    """

    def __init__(self, connection: psycopg.Connection, log_id: int, size: int) -> None:
        """Nothing was read again yet of that log, which has so many entries."""
        self._connection, self._log_id = connection, log_id
        found = "SELECT version, read FROM alert_follow WHERE log_id = %s"
        version, read = connection.execute(found, (log_id,)).fetchone() or (VERSION, 0)
        self._stands = version == VERSION and read <= size
        self._read, self._taken = read if self._stands else 0, 0
        self._memory = Memory()
        self._following = Following(self._memory)

    def take(self, index: int, entry: Entry, claim: c.AnyClaim) -> None:
        """The next entry; those that were not followed yet are let be."""
        if index < self._read:
            self._following.take(index, entry, claim)
            self._taken = index + 1

    def differences(self) -> Iterator[Different]:
        """The rows that are not what these entries show; none where the entries broke off."""
        if not self._stands or self._taken < self._read:
            return
        memory, changed = self._memory, self._memory.changed
        alerts: Rows = {
            key.removeprefix(ALERT): row_of(memory.get(Alert, key)) for key in changed if key.startswith(ALERT)
        }
        states: Rows = {key: (memory.encoded(key),) for key in changed if not key.startswith(ALERT)}
        yield from self._compare("alert", COLUMNS, alerts)
        yield from self._compare("signal_state", ("key", "body"), states)

    def _compare(self, table: str, columns: tuple[str, ...], rows: Rows) -> Iterator[Different]:
        with self._connection.cursor(f"followed {table}", binary=True) as cursor:
            names = sql.SQL(", ").join(map(sql.Identifier, columns))
            cursor.execute(
                sql.SQL("SELECT {} FROM {} WHERE log_id = %s").format(names, sql.Identifier(table)), (self._log_id,)
            )
            yield from differences(table, columns, rows, cursor)
