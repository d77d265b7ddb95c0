"""append: the one write path. Many claims, one database transaction, answered after its commit and never before."""

from msgspec import Struct
from psycopg import Connection, Cursor

from ledger import claim as c
from ledger import events as e
from ledger.bundle import Bundle
from ledger.decide import decide
from ledger.entry import Answer, DeviceChain, Entry, decode_entry, encode_entry, leaf_hash
from ledger.errors import Corrupt, WrongLog
from ledger.merkle import extend, pack_frontier
from ledger.replay import next_link, pack_label
from ledger.store.load import ClaimKey, RegistryCache, claim_key, load_world, read_head
from ledger.store.write import Batch, NewEntry, write_batch
from ledger.world import World, parties_of, subject_of


class Received(Struct, frozen=True):
    """A bundle whose signature was checked, and our clock minus the device's when it sent (ms), if it said."""

    bundle: Bundle
    clock_offset_ms: int | None


def append(
    connection: Connection, origin: str, received: list[Received], now: int, cache: RegistryCache
) -> list[list[Answer]]:
    """Decide, record and commit these bundles' claims; answers per bundle, in claim order.

    Killed before the commit, nothing happened: the device resends the same bytes. Killed after it but before the
    answer, the resend finds its claims recorded and gets the same answers. Raises WrongLog for a bundle signed for
    another log; whatever it raises, the transaction is rolled back whole.
    """
    try:
        with connection.transaction():
            # 1. One writer at a time per log: dense indexes, commit order is index order.
            head = read_head(connection, origin, lock=True)
            with connection.cursor(binary=True) as cursor:
                # 2. and 3. What was recorded before, and the world that these claims name.
                bundles = [one.bundle for one in received]
                registry = cache.get(cursor, head)
                world, recorded = load_world(cursor, head, registry, bundles)
                # 4. In memory, each claim seeing the effect of the one before.
                batch = Batch(head.log_id, head.size)
                drafts = [_take(cursor, world, one, max(now, head.recorded_at), recorded, batch) for one in received]
                # 5. All at once. A crash from here to the commit leaves no trace of any of it.
                if batch.entries:
                    frontier = extend(head.frontier, head.size, (leaf_hash(new.body) for new in batch.entries))
                    write_batch(cursor, batch, world, pack_frontier(frontier))
        # Committed: durable by PostgreSQL's word (synchronous_commit). Only now may anybody be told.
        cache.keep(world.registry, world.registry_index)
    except BaseException:
        cache.drop()
        raise
    return drafts


def _take(  # noqa: PLR0913 - the state of one append
    cursor: Cursor, world: World, received: Received, now: int, recorded: dict[ClaimKey, int], batch: Batch
) -> list[Answer]:
    bundle = received.bundle
    if bundle.log != world.log:
        raise WrongLog(
            f"该批记录属于日志 {bundle.log}，不是 {world.log}", f"signed for log {bundle.log}, this is {world.log}"
        )
    chain = world.device_chain(bundle.signer, bundle.device_seq, bundle.device_prev)
    answers: list[Answer] = []
    for position, signed in enumerate(bundle.claims):
        key = claim_key(bundle.signer, signed.claim.claim_id, signed.text)
        index = recorded.get(key)
        if index is not None:
            answers.append(_answered_before(cursor, batch, index))
            continue
        outcome = decide(world, signed.claim, now, signer=bundle.signer, clock_offset_ms=received.clock_offset_ms)
        entry = _entry_of(world, received, position, chain, outcome, now)
        body = encode_entry(entry)
        leaf = leaf_hash(body)
        recorded[key] = world.size
        answers.append(Answer(world.size, now, leaf.hex(), outcome))
        site: str | None = getattr(signed.claim, "site", None)
        batch.entries.append(NewEntry(world.size, body, key, parties_of(entry, signed.claim), site))
        batch.bundles[bundle.digest] = bundle.envelope
        batch.touch(world, entry, signed.claim)
        world.fold(entry, signed.claim, leaf.hex())
    return answers


def _entry_of(  # noqa: PLR0913 - an entry's parts
    world: World, received: Received, position: int, chain: DeviceChain, outcome: e.Outcome, now: int
) -> Entry:
    bundle = received.bundle
    signed = bundle.claims[position]
    subject = subject_of(world, signed.claim, bundle.signer, outcome)
    seq, prev = next_link(world.head_of(subject))
    return Entry(
        v=1,
        log=world.log,
        recorded_at=now,
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


def _answered_before(cursor: Cursor, batch: Batch, index: int) -> Answer:
    """The same bytes answer what they answered the first time."""
    if index >= batch.first_index:
        body = batch.entries[index - batch.first_index].body
    else:
        row = cursor.execute(
            "SELECT body FROM entry WHERE log_id = %s AND entry_index = %s", (batch.log_id, index), binary=True
        ).fetchone()
        if row is None:
            raise Corrupt(f"条目 {index} 缺失；请运行 ledger audit", f"entry {index} is gone; run ledger audit")
        body = bytes(row[0])
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
            "INSERT INTO log (origin, size, frontier, recorded_at, registry_index) VALUES (%s, 0, '', 0, -1)",
            (bundle.log,),
        )
        return append(connection, bundle.log, [opening], now, RegistryCache())[0]
