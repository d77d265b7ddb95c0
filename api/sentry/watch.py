"""Following the bundles of a log in the order of its entries: from entry 0, in slices, and always to the same end.

What is found depends on the entries alone, never on when it was looked at. So whoever starts again from 0 finds the
same, and its alerts, whose ids are derived from what they say, are recorded already.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from api.publish.stopped import Stopped
from api.publish.tile_store import TileStore
from api.publish.tree import reader
from api.sentry.signs import Sign, order_signs, seen_ahead, seen_later, seen_otherwise
from ledger.bundle import decode_claim
from ledger.checkpoint import parse_checkpoint
from ledger.claim import AlertKind, EnrolSigner
from ledger.proofs import tree_root
from ledger.store.device_rows import DeviceBundle
from ledger.store.devices import bundles_beside, bundles_between, entry_at, first_use, overtaken_by, reuses
from ledger.store.filings import filings_of
from ledger.store.read import Connection, LogState

SLICE = 4096
"""Entries looked at in one transaction."""
LOST_AFTER_MS = 24 * 3_600_000
"""A gap in a signer's numbers that stays open for longer is a lost queue: no device is so slow to send what is older
than what it sent."""
MAX_GAPS = 100
"""Gaps of one signer that are followed at once: no honest one has so many, and one is told at most."""
EVER = 2**62
"""Past every entry."""
_SLACK_MS = 60_000  # an append begun before the deadline may commit after it


class _Gap(Struct):
    """Numbers that are missing since the bundle `opener` came: how many of `first` to its own, and until when."""

    opener: DeviceBundle
    first: int
    missing: int
    until: int

    def sign(self) -> Sign:
        """What it shows once it stays open."""
        after, one = self.first - 1 if self.first else None, self.opener
        return Sign(AlertKind.LOST_QUEUE, one.signer.hex(), (one.entry_index,), one.device_seq, after_seq=after)


class Watch:
    """How far a log was watched, and what was found. `found` grows; whoever files takes from it."""

    def __init__(self, store: TileStore) -> None:
        """Nothing was looked at. `store`: the published files of the log."""
        self.found: list[Sign] = []
        self.read = 0
        self._store = store
        self._seen_read = 0
        self._reused_read = -1
        self._newest: dict[bytes, DeviceBundle] = {}
        self._highest: dict[bytes, int] = {}
        self._gaps: dict[bytes, list[_Gap]] = {}
        self._told: set[tuple[AlertKind, str, int]] = set()
        self._overtaken: set[tuple[str, int]] = set()  # apart: when a tree is published must not change what is told

    def go_on(self, connection: Connection, log: LogState, now: int) -> bool:
        """Look at a slice more; whether all of `log` was looked at. `now` (ms UTC) was read before `log` was.

        Whatever it raises, what was looked at stays so, and the rest is looked at again.
        """
        end = min(log.size, self.read + SLICE)
        for one in bundles_between(connection, log.log_id, self.read, end):
            self._order(connection, log.log_id, one)
            self.read = one.entry_index + 1
        self.read = end
        self._reuses(connection, log.log_id)
        self._seen(connection, log.log_id)
        if end < log.size:
            return False
        overdue = [gap for gaps in self._gaps.values() for gap in gaps if now > gap.until + _SLACK_MS]
        for gap in overdue:
            self._lose(connection, log.log_id, gap)
        return True

    def _order(self, connection: Connection, log_id: int, one: DeviceBundle) -> None:
        """Compare a bundle with its neighbours in its signer's order. Questions first, then what they change."""
        newest = self._newest.get(one.signer)
        follows = newest is not None and (one.device_seq, one.device_prev) == (newest.device_seq + 1, newest.digest)
        # Whoever holds a copied key could else have each of a number's many bundles compared with all the others.
        copied = newest is not None and not follows and self._is_copied(connection, log_id, one)
        if newest is None or follows or copied:
            beside = [newest] if newest is not None and follows else []
        else:
            beside = bundles_beside(connection, log_id, one)
        signs = list(order_signs(one, beside))
        if (ahead := seen_ahead(one)) is not None:
            signs.append((ahead, one.entry_index))
        told = self._untold(connection, log_id, one.entry_index, signs)
        expected = 0 if newest is None else newest.device_seq + 1
        if one.device_seq > expected and len(self._gaps.get(one.signer, ())) < MAX_GAPS:
            until = entry_at(connection, log_id, one.entry_index).recorded_at + LOST_AFTER_MS
            gap = _Gap(one, expected, one.device_seq - expected, until)
            self._gaps.setdefault(one.signer, []).append(gap)
        elif one.device_seq < expected and not copied and all(other.device_seq != one.device_seq for other in beside):
            self._fill(connection, log_id, one)
        if one.device_seq >= expected:
            self._newest[one.signer] = one
        self._tell(told)

    def _fill(self, connection: Connection, log_id: int, one: DeviceBundle) -> None:
        """A missing number came: in time, or after its queue was given up."""
        at = entry_at(connection, log_id, one.entry_index).recorded_at
        for gap in list(self._gaps.get(one.signer, ())):
            if at > gap.until:
                self._lose(connection, log_id, gap)
            elif gap.first <= one.device_seq < gap.opener.device_seq:
                gap.missing -= 1
                if gap.missing == 0:
                    self._close(gap)

    def _lose(self, connection: Connection, log_id: int, gap: _Gap) -> None:
        at = gap.opener.entry_index
        told = self._untold(connection, log_id, at, [(gap.sign(), at)])
        self._close(gap)
        self._tell(told)

    def _close(self, gap: _Gap) -> None:
        gaps = self._gaps[gap.opener.signer]
        gaps.remove(gap)
        if not gaps:
            del self._gaps[gap.opener.signer]

    def _reuses(self, connection: Connection, log_id: int) -> None:
        """Claim ids used for other bytes, which were refused as such."""
        filed = dict[str, list[int]]()
        for stored in reuses(connection, log_id, after=self._reused_read, limit=SLICE):
            if stored.entry_index >= self.read:
                return
            entry, at = stored.entry, stored.entry_index
            if entry.signer not in filed:
                filed[entry.signer] = [index for index, _ in enrolments(connection, log_id, entry.signer)]
            enrolled = next((index for index in filed[entry.signer] if index < at), -1)
            if (AlertKind.REPLAY, entry.signer, enrolled) not in self._told:
                first = first_use(connection, log_id, entry.signer, decode_claim(entry.claim).claim_id)
                self._tell([(Sign(AlertKind.REPLAY, entry.signer, (first, at), entry.device_seq), enrolled)])
            self._reused_read = at

    def _seen(self, connection: Connection, log_id: int) -> None:
        """Compare what devices have seen with the published tree, as far as that reaches."""
        raw = self._store.read_checkpoint()
        published = 0 if raw is None else parse_checkpoint(raw).head.size
        read, roots = reader(self._store, published), dict[int, bytes]()
        end = min(self.read, self._seen_read + SLICE)
        for one in bundles_between(connection, log_id, self._seen_read, end):
            size = one.seen_size
            if size is not None and size <= one.entry_index:
                if size > published:
                    return  # not published here yet
                try:
                    root = roots[size] = roots.get(size) or tree_root(read, size)
                except Stopped:
                    return  # a partial tile went for a full one meanwhile; what is missing for good, publishing tells
                sign = seen_otherwise(one, root)
                if sign is not None:
                    self._tell(self._untold(connection, log_id, one.entry_index, [(sign, one.entry_index)]))
                elif one.device_seq < self._highest.get(one.signer, 0):
                    self._compare_numbers(connection, log_id, one, size)
            self._highest[one.signer] = max(one.device_seq, self._highest.get(one.signer, 0))
            self._seen_read = one.entry_index + 1
        self._seen_read = end

    def _compare_numbers(self, connection: Connection, log_id: int, one: DeviceBundle, size: int) -> None:
        """A late bundle whose device had seen this very log: was its key's higher number there already?"""
        signer = one.signer.hex()
        enrolled = enrolled_before(connection, log_id, signer, one.entry_index)
        if (signer, enrolled) in self._overtaken:
            return
        higher = overtaken_by(connection, log_id, one, enrolled, size)
        if higher is not None:
            self._overtaken.add((signer, enrolled))
            self.found.append(seen_later(one, higher))

    def _is_copied(self, connection: Connection, log_id: int, one: DeviceBundle) -> bool:
        """Whether its key was told to be copied since its enrolment."""
        signer = one.signer.hex()
        if not any((AlertKind.CLONED_KEY, signer) == (kind, whose) for kind, whose, _ in self._told):
            return False
        enrolled = enrolled_before(connection, log_id, signer, one.entry_index)
        return (AlertKind.CLONED_KEY, signer, enrolled) in self._told

    def _untold(
        self, connection: Connection, log_id: int, at: int, signs: Iterable[tuple[Sign, int]]
    ) -> list[tuple[Sign, int]]:
        """The signs, seen at entry `at`, that both stand after the signer's enrolment; each with where that stands."""
        signs = list(signs)
        if not signs:
            return []
        enrolled = enrolled_before(connection, log_id, signs[0][0].signer, at)
        return [(sign, enrolled) for sign, earlier in signs if earlier > enrolled]

    def _tell(self, signs: Iterable[tuple[Sign, int]]) -> None:
        """One alert of a kind about a signer and enrolment: whoever files it anew has looked at all there was."""
        for sign, enrolled in signs:
            key = sign.kind, sign.signer, enrolled
            if key not in self._told:
                self._told.add(key)
                self.found.append(sign)


def enrolments(connection: Connection, log_id: int, signer: str) -> Iterator[tuple[int, EnrolSigner]]:
    """The filings of a signer by people, newest first, each with its entry; a quarantine is none."""
    for stored in reversed(filings_of(connection, log_id, f"signer:{signer}")):
        claim = decode_claim(stored.entry.claim)
        assert isinstance(claim, EnrolSigner)
        if claim.status != "quarantined":
            yield stored.entry_index, claim


def enrolled_before(connection: Connection, log_id: int, signer: str, at: int) -> int:
    """Where the signer's newest filing by people before entry `at` stands; -1 where entry 0 is all there is."""
    return next((index for index, _ in enrolments(connection, log_id, signer) if index < at), -1)
