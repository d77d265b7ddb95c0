"""The write path on real PostgreSQL; after every step the whole log is audited."""

import threading
from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy as sa

from ledger import claim as c
from ledger import events as e
from ledger.bundle import decode_claim, open_bundle
from ledger.cylinder import stamp_of
from ledger.entry import decode_entry
from ledger.errors import Busy, NotFound, UnknownSigner, WrongLog
from ledger.store.append import Received, append, open_log
from ledger.store.audit import audit
from ledger.store.keys import Keys
from ledger.store.load import LogCache, lock_and_load
from ledger.store.read import ALL_SITES, cylinder_by_code, entries_of, log_state, lot_cylinders, open_engine, reading
from ledger.store.writer import Writer, connect_writer
from tests.story import ORIGIN, Signer, Story, private_key


class Town:
    """A log in a database: tells claims through `append`, and audits after each."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.story = Story()
        self.cache = LogCache()
        self.connection = connect_writer(url)
        open_log(self.connection, self.story.receive(self.story.authority, self.story.opening()), self.story.now)
        for signer, claim in self.story.filings():
            assert not isinstance(self.tell(signer, claim, check=False)[0], e.Refusal)
        self.check()

    def tell(self, signer: Signer, *claims: c.AnyClaim, check: bool = True) -> list[e.Outcome]:
        return self.send(self.story.receive(signer, *claims), check=check)

    def send(self, received: Received, *, check: bool = True) -> list[e.Outcome]:
        answers = append(self.connection, ORIGIN, [received], self.story.now, self.cache)
        if check:
            self.check()
        return [answer.outcome for answer in answers[0]]

    def check(self) -> int:
        report = audit(self.url, ORIGIN)
        assert report.findings == []
        return report.entries

    def cylinders(self, count: int, first: int = 0) -> list[str]:
        made = [self.story.cylinder(number) for number in range(first, first + count)]
        self.tell(self.story.office, *made, check=False)
        self.tell(self.story.authority, self.story.certificate(*made, name=f"UR{first}"), check=False)
        return [one.code for one in made]


@pytest.fixture
def town(database_url: str) -> Iterator[Town]:
    town = Town(database_url)
    yield town
    town.connection.close()


def cycle(story: Story, code: str) -> list[tuple[Signer, c.AnyClaim]]:
    """One lawful round of a cylinder, pre-check to depot out."""
    s, m = story.station, story.make
    leave = m(c.AuthoriseFill, code=code)
    fill = {"code": code, "authorisation": leave.claim_id, "start_weight_g": 16_600}
    return [
        (s, m(c.CheckPrefill, code=code)),
        (s, leave),
        (s, m(c.StartFill, **fill)),
        (s, m(c.CompleteFill, end_weight_g=31_000, scale_seq=1, **fill)),
        (s, m(c.CheckPostfill, code=code, person="P2", weight_g=31_000)),
        (s, m(c.ReleaseCylinder, code=code)),
        (s, m(c.DepotOut, code=code, purpose=c.Purpose.SALE)),
    ]


def test_a_round_is_decided_logged_and_traced(town: Town) -> None:
    (code,) = town.cylinders(1)
    for signer, claim in cycle(town.story, code):
        (outcome,) = town.tell(signer, claim)
        assert not isinstance(outcome, e.Refusal)
    (refused,) = town.tell(town.story.station, town.story.make(c.AuthoriseFill, code=code))
    assert isinstance(refused, e.Refusal)
    engine = open_engine(town.url)
    with reading(engine, ALL_SITES) as connection:
        log_id = log_state(connection, ORIGIN).log_id
        cylinder, active = cylinder_by_code(connection, log_id, code)
        assert active
        assert cylinder.holder == "vehicle:V1"
        acts = [
            c.act_of(decode_claim(one.entry.claim))
            for one in entries_of(connection, log_id, f"cylinder:{cylinder.cylinder}")
        ]
        assert acts == [
            "register_cylinder", "file_use_registration", "check_prefill", "authorise_fill", "start_fill",
            "complete_fill", "check_postfill", "release_cylinder", "depot_out", "authorise_fill",
        ]  # fmt: skip
        assert [one.entry.subject for one in lot_cylinders(connection, log_id, "T1")] == [
            f"cylinder:{cylinder.cylinder}"
        ]
    with reading(engine, ("S2",)) as connection, pytest.raises(NotFound):
        cylinder_by_code(connection, log_id, code)
    with reading(engine, ()) as connection:
        assert entries_of(connection, log_id, "site:S1") == []
    engine.dispose()


def test_every_code_of_a_registration_leads_to_its_cylinder(town: Town) -> None:
    also = ("legacy-digits9:123456789", "legacy-letters:SQ20240001")
    first = town.story.cylinder(1, also=also)
    (registered,) = town.tell(town.story.office, first)
    assert isinstance(registered, e.CylinderRegistered)
    engine = open_engine(town.url)
    with reading(engine, ALL_SITES) as connection:
        log_id = log_state(connection, ORIGIN).log_id
        for code in (first.code, *also, stamp_of(first)):
            cylinder, active = cylinder_by_code(connection, log_id, code)
            assert (cylinder.cylinder, active) == (first.cylinder, True)
    engine.dispose()
    # Another process, which has nothing in memory, meets it by any of them.
    town.cache.drop()
    (counted,) = town.tell(town.story.station, town.story.make(c.CountStock, code=also[1], content=c.Content.EMPTY))
    assert isinstance(counted, e.StockCounted)
    assert counted.cylinder == first.cylinder


def test_every_code_that_claims_name_is_loaded(town: Town) -> None:
    story = town.story
    twin = story.cylinder(2, also=("legacy-digits9:222222222",))
    taken = [stamp_of(twin), *twin.also, "legacy-digits9:333333333", "legacy-digits9:444444444"]
    assert taken[0]
    first = story.cylinder(1)
    town.tell(story.office, first)
    with psycopg.connect(town.url) as owner:
        for code in taken:
            owner.execute("INSERT INTO code SELECT log_id, %s, %s, true FROM log", (code, first.cylinder))
    read = story.make(c.CheckPrefill, code="legacy-digits9:555555555", also_read=(taken[2],))
    bound = story.make(c.BindCode, code="legacy-digits9:555555555", new_code=taken[3])
    for claim, found in ((twin, taken[:2]), (read, taken[2:3]), (bound, taken[3:])):
        bundle = story.receive(story.office, claim).bundle
        with town.connection.transaction():
            loaded = lock_and_load(town.connection, ORIGIN, [bundle], LogCache())
        assert sorted(loaded.world.codes) == sorted(found)
        assert set(loaded.world.cylinders) == {first.cylinder}
        assert loaded.world.last_leaf == loaded.head.last_leaf.hex() != ""


def test_the_same_bytes_answer_the_same_and_are_recorded_once(town: Town) -> None:
    (code,) = town.cylinders(1)
    received = town.story.receive(town.story.station, town.story.make(c.CheckPrefill, code=code))
    first = append(town.connection, ORIGIN, [received], town.story.now, town.cache)
    size = town.check()
    town.story.now += 60_000
    again = append(town.connection, ORIGIN, [received, received], town.story.now, town.cache)
    assert again == [first[0], first[0]]
    assert town.check() == size


def test_other_bytes_under_a_used_id_are_refused_and_that_once(town: Town) -> None:
    (code,) = town.cylinders(1)
    claim = town.story.make(c.CheckPrefill, code=code)
    town.tell(town.story.station, claim)
    other = c.CheckPrefill(**{name: getattr(claim, name) for name in claim.__struct_fields__} | {"person": "P2"})
    received = town.story.receive(town.story.station, other)
    (refused,) = town.send(received)
    assert isinstance(refused, e.Refusal)
    assert [note.reason for note in refused.reasons] == ["claim_id_reused"]
    size = town.check()
    assert town.send(received) == [refused]
    assert town.check() == size
    # The id belongs to its signer: another's is another claim.
    (mine,) = town.tell(town.story.office, other)
    assert isinstance(mine, e.Refusal)
    assert [note.reason for note in mine.reasons] == ["signer_not_entitled"]


def test_a_poison_bundle_harms_nobody_else(town: Town) -> None:
    codes = town.cylinders(3)
    story = town.story
    good = [story.receive(story.station, story.make(c.CheckPrefill, code=code)) for code in codes]
    poison = Received(
        open_bundle(story.office.sign(story.make(c.CheckPrefill, code=codes[0]), log="ledger.other/v1")), 0
    )
    with pytest.raises(WrongLog):
        append(town.connection, ORIGIN, [good[0], poison], story.now, town.cache)
    size = town.check()
    with Writer(town.url, ORIGIN, lambda: story.now) as writer:
        futures = [writer.submit(one) for one in (good[0], poison, good[1], good[2])]
        for future in (futures[0], futures[2], futures[3]):
            assert isinstance(future.result(10)[0].outcome, e.PrefillChecked)
        with pytest.raises(WrongLog):
            futures[1].result(10)
    assert town.check() == size + 3


def test_racing_writers_leave_no_gap(town: Town) -> None:
    codes = town.cylinders(40)
    story = town.story
    bundles = [story.receive(story.station, story.make(c.CheckPrefill, code=code)) for code in codes]
    with Writer(town.url, ORIGIN, lambda: story.now) as one, Writer(town.url, ORIGIN, lambda: story.now) as two:
        futures = [(one if number % 2 else two).submit(bundle) for number, bundle in enumerate(bundles)]
        indexes = sorted(future.result(20)[0].entry_index for future in futures)
    size = town.check()
    assert indexes == list(range(size - 40, size))


def test_two_writers_see_each_others_filings(town: Town) -> None:
    (code,) = town.cylinders(1)
    story = town.story
    with Writer(town.url, ORIGIN, lambda: story.now) as one, Writer(town.url, ORIGIN, lambda: story.now) as two:
        assert isinstance(
            one.submit(story.receive(story.station, story.make(c.CheckPrefill, code=code))).result(10)[0].outcome,
            e.PrefillChecked,
        )
        blocked = story.lot(status="blocked", expects=0)
        assert isinstance(two.submit(story.receive(story.office, blocked)).result(10)[0].outcome, e.Filed)
        refused = one.submit(story.receive(story.station, story.make(c.AuthoriseFill, code=code))).result(10)[0].outcome
        assert isinstance(refused, e.Refusal)
        assert [note.reason for note in refused.reasons] == ["tank_lot_not_released"]
    town.check()


def test_a_full_queue_says_busy(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.store.writer.MAX_WAITING", 2)
    story = town.story
    (code,) = town.cylinders(1)
    bundles = [story.receive(story.station, story.make(c.CheckPrefill, code=code)) for _ in range(4)]
    with psycopg.connect(town.url) as holder:
        holder.execute("SELECT * FROM log FOR UPDATE")
        with Writer(town.url, ORIGIN, lambda: story.now) as writer:
            taken = writer.submit(bundles[0])
            while writer.waiting:
                threading.Event().wait(0.01)
            futures = [taken, writer.submit(bundles[1]), writer.submit(bundles[2])]
            with pytest.raises(Busy):
                writer.submit(bundles[3])
            holder.rollback()
            assert all(future.result(20) for future in futures)
    town.check()


def test_a_lost_connection_is_made_anew(town: Town) -> None:
    (code,) = town.cylinders(1)
    story = town.story
    with Writer(town.url, ORIGIN, lambda: story.now) as writer:
        writer.submit(story.receive(story.station, story.make(c.CheckPrefill, code=code))).result(10)
        with psycopg.connect(town.url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        answer = writer.submit(story.receive(story.station, story.make(c.CheckPrefill, code=code))).result(20)
        assert isinstance(answer[0].outcome, e.PrefillChecked)
    town.connection.close()
    town.connection = connect_writer(town.url)
    town.check()


def test_readers_outlive_a_restart_of_the_server(town: Town) -> None:
    engine = open_engine(town.url)

    def cut() -> None:
        with psycopg.connect(town.url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    with reading(engine, ALL_SITES) as one, reading(engine, ALL_SITES) as two:
        assert log_state(one, ORIGIN) == log_state(two, ORIGIN)
    cut()
    for _ in range(3):
        with reading(engine, ALL_SITES) as connection:
            assert log_state(connection, ORIGIN).origin == ORIGIN

    def cut_off() -> None:
        with reading(engine, ALL_SITES) as connection:
            cut()
            log_state(connection, ORIGIN)

    with pytest.raises(Busy):
        cut_off()
    with reading(engine, ALL_SITES) as connection:
        assert log_state(connection, ORIGIN).origin == ORIGIN
    engine.dispose()
    town.connection.close()
    town.connection = connect_writer(town.url)
    town.check()


def test_readers_change_nothing_and_see_one_moment(town: Town) -> None:
    (code,) = town.cylinders(1)
    engine = open_engine(town.url)
    with reading(engine, ALL_SITES) as connection:
        before = log_state(connection, ORIGIN)
        town.tell(town.story.station, town.story.make(c.CheckPrefill, code=code))
        assert log_state(connection, ORIGIN) == before
    with pytest.raises(sa.exc.DBAPIError, match="read-only"), reading(engine, ALL_SITES) as connection:
        connection.execute(sa.text("CREATE TEMPORARY TABLE mine (one integer)"))
    with pytest.raises(sa.exc.DBAPIError, match="permission denied"), reading(engine, ALL_SITES) as connection:
        connection.execute(sa.text("SELECT * FROM alembic_version"))
    engine.dispose()


def test_recorded_at_never_decreases(town: Town) -> None:
    (code,) = town.cylinders(1)
    town.story.now -= 3_600_000
    town.tell(town.story.station, town.story.make(c.CheckPrefill, code=code))


def test_device_chains_are_judged_and_kept(town: Town) -> None:
    (code,) = town.cylinders(1)
    story = town.story
    cloned = Signer("station", private_key("station"), story.station.device_seq, story.station.device_prev)

    def chain(signer: Signer) -> str:
        received = story.receive(signer, story.make(c.CheckPrefill, code=code))
        append(town.connection, ORIGIN, [received], story.now, town.cache)
        size = town.check()
        row = town.connection.execute("SELECT body FROM entry WHERE entry_index = %s", (size - 1,)).fetchone()
        assert row is not None
        return decode_entry(bytes(row[0])).device_chain

    assert chain(story.station) == "first"
    assert chain(story.station) == "next"
    assert chain(cloned) == "behind"
    cloned.device_seq += 1
    assert chain(cloned) == "fork"
    story.station.device_seq += 5
    assert chain(story.station) == "gap"


def test_keys_are_found_for_enrolled_signers_only(town: Town) -> None:
    keys = Keys(ORIGIN)
    for signer in (town.story.station, town.story.authority, town.story.log, town.story.rival):
        assert keys.find(town.connection, signer.id) is keys.known(signer.id)
    with pytest.raises(UnknownSigner):
        keys.find(town.connection, Signer("stranger", private_key("stranger")).id)


@pytest.mark.parametrize("sql", [
    "UPDATE entry SET body = body", "DELETE FROM entry", "TRUNCATE entry", "UPDATE bundle SET envelope = envelope",
    "DELETE FROM bundle", "UPDATE claim_index SET entry_index = 0", "DELETE FROM cylinder", "DROP TABLE entry",
    "DELETE FROM entry_party", "ALTER TABLE entry DISABLE TRIGGER ALL",
])  # fmt: skip
def test_the_writer_lacks_the_right(town: Town, sql: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        town.connection.execute(sql)


def test_even_the_owner_is_stopped_by_the_trigger(town: Town) -> None:
    with psycopg.connect(town.url) as owner, pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        owner.execute("DELETE FROM entry")
