"""The audit: re-read, re-hash, re-decide and re-fold everything, and compare every cached table with the log.

Steps, each naming what it finds:
 1. entries are dense from 0 and each decodes;
 2. replay: every outcome, subject chain and pack is what deciding again gives (`ledger.replay`);
 3. every entry's claim stands, signed by its signer, at its position of a kept bundle; no bundle is left over;
 4. device chains follow from the bundles;
 5. the tree: the size, frontier and newest leaf in the head are those of the entries' hashes;
 6. every row of every cache is what the folded world says, none missing, none extra;
 7. so are the alerts, and what their detectors remember, as far as the log was followed for them.
"""

from collections.abc import Callable, Iterable, Iterator

import psycopg
from msgspec import Struct
from msgspec import json as mjson
from psycopg.rows import TupleRow

from ledger.bundle import Bundle, check_signature, open_bundle, public_key
from ledger.entry import DeviceChain
from ledger.errors import Corrupt, LedgerError
from ledger.merkle import Frontier, extend, pack_frontier, root_of
from ledger.replay import Step, replay
from ledger.store.cached import Indexed, Row, compare_caches
from ledger.store.device_rows import DeviceBundle, device_bundle
from ledger.store.followed import FollowedAgain
from ledger.store.load import LogHead, claim_key, read_head
from ledger.world import FOLD, Head, World, chain_after, parties_of

Progress = Callable[[int, int], None]
CHUNK = 1000
MAX_FINDINGS = 1000


class Finding(Struct, frozen=True):
    """One thing that is not as the log says: the table, the row (its key), and what is wrong with it."""

    table: str
    row: str
    what: str


class Report(Struct, frozen=True):
    """The verdict on one log. `root` is the tree's root over the entries as they were read, hexadecimal."""

    log: str
    entries: int
    root: str
    findings: list[Finding]

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


class _Peek(Struct, frozen=True):
    """The one field of an entry that says which bundle to fetch for it."""

    bundle: str


_peek = mjson.Decoder(_Peek)


def audit(url: str, origin: str, progress: Progress | None = None) -> Report:
    """Audit one log of the database at `url`; `progress` is told (entries done, entries in all) now and then."""
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        return _Audit(connection, read_head(connection, origin, lock=False), progress).run()


ENTRIES = "SELECT entry_index, body FROM entry WHERE log_id = %s ORDER BY entry_index"


def in_chunks(rows: Iterable[TupleRow], size: int) -> Iterator[list[bytes]]:
    """Entry bytes in index order, `CHUNK` at a time, from (index, bytes). A gap is named, and ends the reading."""
    chunk: list[bytes] = []
    expected = 0
    for index, body in rows:
        if index != expected:
            break
        chunk.append(bytes(body))
        expected += 1
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    else:
        if expected >= size:
            yield chunk
            return
    yield chunk
    raise Corrupt(f"条目 {expected} 缺失", f"entry {expected} is missing")


class _Audit:
    """One pass over one log, in one snapshot."""

    def __init__(self, connection: psycopg.Connection, head: LogHead, progress: Progress | None) -> None:
        self.connection = connection
        self.head = head
        self.progress = progress or (lambda _done, _total: None)
        self.world = World(head.origin)
        self.findings: list[Finding] = []
        self.bundles: dict[str, Bundle] = {}
        self.chains: dict[str, DeviceChain] = {}
        self.devices: dict[str, Head] = {}
        self.frontier: Frontier = ()
        self.followed = FollowedAgain(connection, head.log_id, head.size)
        by_index = "FROM {} WHERE log_id = %s ORDER BY entry_index"
        self.claims = Indexed(
            "claim_index",
            self._rows("SELECT entry_index, signer, claim_id, text_digest " + by_index.format("claim_index")),
        )
        self.parties = Indexed(
            "entry_party", self._rows("SELECT entry_index, party, site " + by_index.format("entry_party"))
        )
        columns = ", ".join(DeviceBundle._fields)
        self.rows = Indexed("device_bundle", self._rows(f"SELECT {columns} " + by_index.format("device_bundle")))

    def run(self) -> Report:
        try:
            for bodies in in_chunks(self._rows(ENTRIES), self.head.size):
                self._fetch_bundles(bodies)
                for step in replay(self.world, bodies):
                    self._check(step)
                self.progress(self.world.size, self.head.size)
        except Corrupt as error:
            # What comes after an entry that cannot be folded says nothing; what was folded is still compared.
            self._find("entry", self.world.size, f"{error.zh}；{error.en}")
        self._check_left_over()
        self._check_head()
        for index in (self.claims, self.parties, self.rows):
            self._take(index.rest())
        self._take(compare_caches(self.connection, self.head.log_id, self.world))
        self._take(self.followed.differences())
        return Report(self.head.origin, self.world.size, root_of(self.frontier).hex(), self.findings)

    def _find(self, table: str, row: object, what: str) -> None:
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(table, str(row), what))

    def _take(self, differences: Iterator[tuple[str, str, str]]) -> None:
        for table, row, what in differences:
            self._find(table, row, what)

    def _rows(self, sql: str) -> Iterator[TupleRow]:
        with self.connection.cursor(f"audit {hash(sql)}", binary=True) as cursor:
            cursor.itersize = CHUNK
            cursor.execute(sql.encode(), (self.head.log_id,))
            yield from cursor

    def _fetch_bundles(self, bodies: list[bytes]) -> None:
        """The bundles that these entries name; the last one before them may reach into this chunk."""
        wanted: set[str] = set()
        for body in bodies:
            try:
                wanted.add(_peek.decode(body).bundle)
            except ValueError:
                continue  # replay names it
        self.bundles = {digest: one for digest, one in self.bundles.items() if digest in wanted}
        missing = [bytes.fromhex(digest) for digest in wanted - set(self.bundles)]
        rows = self.connection.execute(
            "SELECT digest, envelope FROM bundle WHERE log_id = %s AND digest = ANY(%b)",
            (self.head.log_id, missing),
            binary=True,
        ).fetchall()
        for digest, envelope in rows:
            try:
                bundle = open_bundle(bytes(envelope))
            except LedgerError as error:
                self._find("bundle", digest.hex(), f"无法解读 does not decode: {error.en}")
                continue
            if bundle.digest != digest:
                self._find("bundle", digest.hex(), f"摘要不符 its payload's digest is {bundle.digest.hex()}")
            self.bundles[digest.hex()] = bundle

    def _check(self, step: Step) -> None:
        index, entry, difference = self.world.size - 1, step.entry, step.difference
        if difference is not None:
            self._find("entry", index, f"{difference.what}: {difference.found}，应为 expected {difference.expected}")
        self._take(self.rows.compare(index, self._check_bundle(index, step)))
        key = claim_key(entry.signer, step.claim.claim_id, entry.claim)
        self._take(self.claims.compare(index, {tuple(key)}))
        site: str | None = getattr(step.claim, "site", None)
        self._take(self.parties.compare(index, {(party, site) for party in parties_of(entry, step.claim)}))
        self.frontier = extend(self.frontier, index, [step.leaf])
        self.followed.take(index, entry, step.claim)

    def _check_bundle(self, index: int, step: Step) -> set[Row]:
        """Compare an entry with its bundle; the row that stands at it, if it is its bundle's first."""
        entry = step.entry
        rows: set[Row] = set()
        bundle = self.bundles.get(entry.bundle)
        if bundle is None:
            self._find("entry", index, f"签名原文缺失 its bundle {entry.bundle} is missing")
            self._find(
                "bundle", entry.bundle, f"条目 {index} 引用，但缺失 entry {index} refers to it, but it is missing"
            )
            return rows
        if entry.bundle not in self.chains:
            rows = {tuple(device_bundle(bundle, index)[1:])}
            last = self.devices.get(bundle.signer)
            self.chains[entry.bundle] = chain_after(last, bundle.device_seq, bundle.device_prev)
            if last is None or bundle.device_seq > last.seq:
                self.devices[bundle.signer] = Head(bundle.device_seq, entry.bundle)
            self._check_signed(entry.bundle, bundle)
        said = bundle.claims[entry.position].text if entry.position < len(bundle.claims) else None
        same = (bundle.log, bundle.signer, bundle.device_seq) == (entry.log, entry.signer, entry.device_seq)
        if said != entry.claim or not same:
            self._find("entry", index, "与签名原文不符 it is not what the signer signed")
        if entry.device_chain != self.chains[entry.bundle]:
            self._find("entry", index, f"device_chain: {entry.device_chain}，应为 expected {self.chains[entry.bundle]}")
        return rows

    def _check_signed(self, digest: str, bundle: Bundle) -> None:
        enrolled = self.world.registry.signer(bundle.signer)
        try:
            if enrolled is None:
                self._find("bundle", digest, "签名者未登记 its signer was never enrolled")
            else:
                check_signature(bundle, public_key(enrolled.key))
        except LedgerError as error:
            self._find("bundle", digest, f"{error.zh}；{error.en}")

    def _check_left_over(self) -> None:
        for (digest,) in self._rows("SELECT digest FROM bundle WHERE log_id = %s"):
            if digest.hex() not in self.chains:
                self._find("bundle", digest.hex(), "没有条目引用 no entry refers to it")

    def _check_head(self) -> None:
        head, world = self.head, self.world
        for what, found, expected in (
            ("size", head.size, world.size),
            ("frontier", pack_frontier(head.frontier).hex(), pack_frontier(self.frontier).hex()),
            ("recorded_at", head.recorded_at, world.recorded_at),
            ("registry_index", head.registry_index, world.registry_index),
            ("last_leaf", head.last_leaf.hex(), world.last_leaf),
            ("fold", head.fold, FOLD),
        ):
            if found != expected:
                self._find("log", head.origin, f"{what}: {found}，应为 expected {expected}")
