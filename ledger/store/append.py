"""append: the one write path. Many claims, one database transaction, answered after its commit and never before."""

from typing import NamedTuple

from msgspec import Struct
from psycopg import Connection

from ledger import claim as c
from ledger import events as e
from ledger.bundle import Bundle
from ledger.decide import decide
from ledger.entry import Answer, DeviceChain, Entry, decode_entry, encode_entry, leaf_hash
from ledger.errors import Corrupt, WrongLog
from ledger.replay import next_link, pack_label
from ledger.store.device_rows import device_bundle
from ledger.store.load import Loaded, LogCache, claim_key, lock_and_load
from ledger.store.write import Batch, NewEntry, write_batch
from ledger.world import FOLD, chain_after, parties_of, subject_of


class Received(Struct, frozen=True):
    """A bundle whose signature was checked, and our clock minus the device's when it sent (ms), if it said."""

    bundle: Bundle
    clock_offset_ms: int | None


def append(
    connection: Connection, origin: str, received: list[Received], now: int, cache: LogCache
) -> list[list[Answer]]:
    """Decide, record and commit these bundles' claims; answers per bundle, in claim order.

    Killed before the commit, nothing happened: the device resends the same bytes. Killed after it but before the
    answer, the resend finds its claims recorded and gets the same answers. Raises WrongLog for a bundle signed for
    another log; whatever it raises, the transaction is rolled back whole.
    """
    try:
        with connection.transaction():
            # 1. to 3. One writer at a time per log: dense indexes, commit order is index order. What was recorded
            # before, and the world that these claims name.
            loaded = lock_and_load(connection, origin, [one.bundle for one in received], cache)
            # 4. In memory, each claim seeing the effect of the one before.
            appending = _Appending(loaded, max(now, loaded.head.recorded_at), Batch())
            answers = [appending.take(one) for one in received]
            # 5. All at once. A crash from here to the commit leaves no trace of any of it.
            if appending.batch.entries:
                write_batch(connection, loaded, appending.batch)
        # Committed: durable by PostgreSQL's word (synchronous_commit). Only now may anybody be told.
        cache.keep(loaded.world)
    except BaseException:
        cache.drop()
        raise
    return answers


class _Appending(NamedTuple):
    """The state of one append, all of it discarded unless it commits."""

    loaded: Loaded
    now: int
    batch: Batch

    def take(self, received: Received) -> list[Answer]:
        """Decide the claims of one bundle, and note what is to be written."""
        world, bundle = self.loaded.world, received.bundle
        if bundle.log != world.log:
            raise WrongLog(
                f"该批记录属于日志 {bundle.log}，不是 {world.log}", f"signed for log {bundle.log}, this is {world.log}"
            )
        chain = chain_after(world.devices.get(bundle.signer), bundle.device_seq, bundle.device_prev)
        return [self._record(received, position, chain) for position in range(len(bundle.claims))]

    def _record(self, received: Received, position: int, chain: DeviceChain) -> Answer:
        world, bundle = self.loaded.world, received.bundle
        signed = bundle.claims[position]
        key = claim_key(bundle.signer, signed.claim.claim_id, signed.text)
        recorded = self.loaded.recorded.get(key)
        if recorded is not None:
            return self._answered_before(recorded)
        outcome = decide(world, signed.claim, self.now, signer=bundle.signer, clock_offset_ms=received.clock_offset_ms)
        entry = self._entry(received, position, chain, outcome)
        body = encode_entry(entry)
        leaf = leaf_hash(body)
        index = self.loaded.recorded[key] = world.size
        site: str | None = getattr(signed.claim, "site", None)
        self.batch.entries.append(NewEntry(index, body, leaf, key, parties_of(entry, signed.claim), site))
        if bundle.digest not in self.batch.bundles:
            self.batch.bundles[bundle.digest] = bundle.envelope
            self.batch.devices.append(device_bundle(bundle, index))
        self.batch.touch(world, entry, signed.claim)
        world.fold(entry, signed.claim, leaf.hex())
        return Answer(index, self.now, leaf.hex(), outcome)

    def _entry(self, received: Received, position: int, chain: DeviceChain, outcome: e.Outcome) -> Entry:
        world, bundle = self.loaded.world, received.bundle
        signed = bundle.claims[position]
        subject = subject_of(world, signed.claim, bundle.signer, outcome)
        seq, prev = next_link(world.head_of(subject))
        return Entry(
            v=1,
            log=world.log,
            recorded_at=self.now,
            clock_offset_ms=received.clock_offset_ms,
            subject=subject,
            subject_seq=seq,
            subject_prev=prev,
            signer=bundle.signer,
            device_seq=bundle.device_seq,
            device_chain=chain,
            bundle=bundle.digest.hex(),
            position=position,
            pack=pack_label(world, signed.claim),
            claim=signed.text,
            outcome=outcome,
        )

    def _answered_before(self, index: int) -> Answer:
        """The same bytes answer what they answered the first time."""
        first = self.loaded.head.size
        body = self.loaded.bodies.get(index) if index < first else self.batch.entries[index - first].body
        if body is None:
            raise Corrupt(f"条目 {index} 缺失；请运行 ledger audit", f"entry {index} is gone; run ledger audit")
        entry = decode_entry(body)
        return Answer(index, entry.recorded_at, leaf_hash(body).hex(), entry.outcome)


def open_log(connection: Connection, opening: Received, now: int) -> list[Answer]:
    """Make a log's row and its entry 0, which carries its origin, the authority's key and the first pack."""
    bundle = opening.bundle
    first = bundle.claims[0].claim
    if len(bundle.claims) != 1 or not isinstance(first, c.OpenLog) or first.origin != bundle.log:
        raise WrongLog("建立日志须提交且仅提交一条 open_log", "opening a log takes one open_log claim for that origin")
    with connection.transaction():
        connection.execute(
            "INSERT INTO log (origin, size, frontier, recorded_at, registry_index, fold) VALUES (%s, 0, '', 0, -1, %s)",
            (bundle.log, FOLD),
        )
        return append(connection, bundle.log, [opening], now, LogCache())[0]
