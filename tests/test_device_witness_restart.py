"""The sentry may die anywhere and start again: every alert and quarantine stands in the log once."""

import fcntl
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from msgspec import structs
from sqlalchemy import event

from api.publish.plan import Plan, read_places
from api.publish.publisher import opened
from api.publish.tile_store import TileStore, log_folder
from api.sentry import loop
from api.sentry.filing import LogSigner
from api.sentry.watch import MAX_GAPS, SLICE, Watch
from api.serve import real_clock
from api.signing import new_private_key, write_private_key
from ledger import claim as c
from ledger import events as e
from ledger.bundle import Seen, open_bundle
from ledger.entry import Answer
from ledger.store.append import Received
from ledger.store.embedded import EmbeddedServer
from ledger.store.read import ALL_SITES, Engine, log_state, open_engine, reading
from ledger.store.writer import Writer
from tests.device_kit import Watched, clone, until, watched, watched_file
from tests.http_town import open_town
from tests.story import ORIGIN, Signer, private_key


class Died(Exception):
    """The process ends here."""


class DyingLogSigner(LogSigner):
    """Dies at the n-th thing that it says: before saying it, or after, before it heard the answer."""

    at, before, said = 0, True, 0

    def _say(self, claim: c.AnyClaim) -> Answer:
        self.said += 1
        if self.said == self.at and self.before:
            raise Died
        answer = super()._say(claim)
        if self.said == self.at:
            raise Died
        return answer


class Post:
    """A log in a database with a writer, its published files, and what a sentry needs."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.story = url, open_town(url)
        [place] = read_places(watched_file(folder, self.story))
        assert place.plan is not None
        self.plan: Plan = place.plan
        self.engine: Engine = open_engine(url)
        self.writer = Writer(url, ORIGIN, real_clock)
        self.store = TileStore(log_folder(self.plan.root, ORIGIN))

    def tell(self, signer: Signer, *claims: c.AnyClaim) -> list[Answer]:
        return self.writer.submit(Received(open_bundle(signer.sign(*claims)), 0)).result(20)

    def publish(self) -> None:
        with opened(self.plan, self.engine, real_clock) as publisher:
            publisher.step()

    def watch(self, pen: LogSigner, watch: Watch | None = None) -> list[c.RaiseAlert]:
        """From entry 0 to the end, as after a start; what was raised."""
        watch = watch or Watch(self.store)
        done, raised = False, []
        while not done:
            with reading(self.engine, ALL_SITES) as connection:
                done = watch.go_on(connection, log_state(connection, ORIGIN), real_clock())
            while watch.found:
                raised.append(pen.raise_alert(watch.found[0]).claim)
                del watch.found[0]
        return raised

    def pen(self) -> DyingLogSigner:
        return DyingLogSigner(self.engine, self.writer, self.story.log.key)


@contextmanager
def post(url: str, folder: Path) -> Iterator[Post]:
    held = Post(url, folder)
    with ExitStack() as stack:
        stack.callback(held.engine.dispose)
        stack.enter_context(held.writer)
        for signer, claim in held.story.filings():
            held.tell(signer, claim)
        yield held


def arrival(post: Post) -> c.AnyClaim:
    return post.story.make(c.RecordArrival, counts={"YSP35.5": 40})


def three_troubles(post: Post) -> None:
    """Two copied keys and a forked log."""
    for name in ("A", "B"):
        device = Signer(name, private_key(name))
        post.tell(post.story.office, post.story.enrolment(device, c.Role.STATION, "E1", ("S1",)))
        copy = clone(device)
        for one in (device, copy, device):
            post.tell(one, arrival(post))
    post.story.station.seen = Seen(5, "cd" * 32)
    post.tell(post.story.station, arrival(post))
    post.publish()


def said(url: str, folder: Path, post: Post) -> Counter[str]:
    held = Watched(url, folder, post.story, folder)
    return Counter(type(claim).__name__ for _, claim in held.check())


def test_dying_at_each_step_says_everything_once(database_url: str, tmp_path: Path) -> None:
    with post(database_url, tmp_path) as held:
        three_troubles(held)
        # What is quarantined is not quarantined again, so the alert of B, its quarantine and the fork come third.
        for at in (1, 2, 3, 3):
            for before in (True, False):
                pen = held.pen()
                pen.at, pen.before = at, before
                with pytest.raises(Died):
                    held.watch(pen)
        first = held.watch(held.pen())
        assert sorted(one.kind for one in first) == ["cloned_key", "cloned_key", "log_fork"]
        size = said(database_url, tmp_path, held)
        assert size == {"RaiseAlert": 3, "EnrolSigner": 2}
        assert held.watch(held.pen()) == first, "the same, to the byte"
        assert said(database_url, tmp_path, held) == size


def test_watching_on_finds_what_watching_from_the_start_finds(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.sentry.watch.SLICE", 7)
    assert SLICE > 7
    with post(database_url, tmp_path) as held:
        going, pen = Watch(held.store), held.pen()
        raised = held.watch(pen, going)
        assert raised == []
        three_troubles(held)
        raised = held.watch(pen, going)
        monkeypatch.setattr("api.sentry.watch.SLICE", 4096)
        again = held.watch(held.pen())
        assert sorted(again, key=lambda one: one.claim_id) == sorted(raised, key=lambda one: one.claim_id)
        assert len(again) == 3


def test_what_was_found_before_an_enrolment_quarantines_nobody_after_it(database_url: str, tmp_path: Path) -> None:
    with post(database_url, tmp_path) as held:
        three_troubles(held)
        device = Signer("A", private_key("A"))
        enrolment = held.story.enrolment(device, c.Role.STATION, "E1", ("S1",))
        held.tell(held.story.office, structs.replace(enrolment, expects=0))
        raised = held.watch(held.pen())
        assert len(raised) == 3
        assert said(database_url, tmp_path, held) == {"RaiseAlert": 3, "EnrolSigner": 1}, "B alone"


def test_a_signer_enrolled_again_works_on_and_is_watched_again(database_url: str, tmp_path: Path) -> None:
    with post(database_url, tmp_path) as held:
        device = held.story.station
        copy = clone(device)
        for one in (device, copy, copy):
            held.tell(one, arrival(held))
        held.publish()
        [first] = held.watch(held.pen())
        refused = held.tell(device, arrival(held))[0].outcome
        assert isinstance(refused, e.Refusal)
        assert refused.reasons[0].reason == "signer_quarantined"
        back = held.story.enrolment(device, c.Role.STATION, "E1", ("S1",))
        held.tell(held.story.office, structs.replace(back, expects=2))
        # Its numbers were used by the copy: they are behind it, and no sign of anything new.
        for _ in range(3):
            assert isinstance(held.tell(device, arrival(held))[0].outcome, e.ArrivalRecorded)
        assert held.watch(held.pen()) == [first]
        held.tell(copy, arrival(held))
        again = held.watch(held.pen())
        assert [one.kind for one in again] == ["cloned_key", "cloned_key"]
        assert again[0] == first
        assert said(database_url, tmp_path, held) == {"RaiseAlert": 2, "EnrolSigner": 2}


def test_a_thief_who_repeats_one_number_does_not_blind_the_watch(database_url: str, tmp_path: Path) -> None:
    """Once its key is told to be copied, its bundles are no longer compared each with all the others."""
    with post(database_url, tmp_path) as held:
        thief = held.story.station
        held.tell(thief, arrival(held))
        copies = [clone(thief) for _ in range(30)]
        for one in copies:
            held.tell(one, arrival(held))
        asked: list[str] = []
        event.listen(held.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
        [alert] = held.watch(held.pen())
        assert alert.kind == "cloned_key"
        assert sum("device_seq >=" in one for one in asked) == 1


def test_gaps_beyond_counting_are_not_followed(database_url: str, tmp_path: Path) -> None:
    with post(database_url, tmp_path) as held:
        for _ in range(MAX_GAPS + 20):
            held.story.station.device_seq += 1
            held.tell(held.story.station, arrival(held))
        watch = Watch(held.store)
        held.watch(held.pen(), watch)
        assert [len(gaps) for gaps in watch._gaps.values()] == [MAX_GAPS]


def test_a_server_that_starts_again_says_nothing_twice_and_knows_what_is_open(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "EVERY_S", 0.05)
    with watched(database_url, tmp_path) as town:
        device = town.enrol("again")
        copy = clone(device)
        for one in (device, copy):
            town.say(one)
        until(lambda: town.told(device)["record"]["claim"]["status"] == "quarantined")
        town.quiet()
        size = town.here.size()
        assert town.health()["sentry"]["open_alerts"] == {"cloned_key": 1}
    with town.served():
        town.quiet()
        told = town.health()["sentry"]
        assert (town.here.size(), told["state"], told["open_alerts"]) == (size, "watching", {"cloned_key": 1})
        assert 'kind="cloned_key"' in town.here.http.get("/metrics").text
        back = town.told(device)["record"]
        fresh = Signer("fresh", private_key("fresh"))
        enrolment = town.story.enrolment(fresh, c.Role.STATION, "E1", ("S1",))
        revoked = town.story.enrolment(device, c.Role.STATION, "E1", ("S1",))
        town.here.post(town.story.office, enrolment, structs.replace(revoked, status="revoked", expects=back["seq"]))
        until(lambda: town.health()["sentry"]["open_alerts"] == {})
        assert town.say(fresh)["type"] == "arrival_recorded.v1"
        assert [note["reason"] for note in town.say(copy)["reasons"]] == ["signer_revoked"]
        town.quiet()
    town.check()


def test_two_processes_never_watch_at_once(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A publisher that stopped may run elsewhere by now; two who write with the log's key would fork its chain."""
    monkeypatch.setattr(loop, "EVERY_S", 0.05)
    other = open_town(database_url)
    file = watched_file(tmp_path, other)
    [place] = read_places(file)
    assert place.plan is not None
    with place.plan.state.with_name(f"{place.plan.state.name}.sentry.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        town = Watched(database_url, tmp_path, other, file)
        with town.served():
            until(lambda: town.health()["publishing"]["state"] == "running")
            until(lambda: town.health()["sentry"]["state"] == "standby")
            lock.close()
            until(lambda: town.health()["sentry"]["state"] == "watching")
    with town.served():
        until(lambda: town.health()["sentry"]["state"] == "watching")


def test_a_key_that_is_not_the_logs_stops_watching_and_health_says_so(database_url: str, tmp_path: Path) -> None:
    with watched(database_url, tmp_path) as town:
        assert town.health()["sentry"]["state"] in ("starting", "watching")
    (town.folder / "log.pem").unlink()
    write_private_key(town.folder / "log.pem", new_private_key("ed25519"))
    with town.served():
        until(lambda: town.health()["sentry"]["state"] == "stopped")
        told = town.here.http.get("/health").json()
        assert told["status"] == "failing"
        assert "log_key" in told["logs"][0]["sentry"]["zh"]


def test_a_database_put_back_from_an_old_backup_is_found_by_what_a_device_saw(
    server: EmbeddedServer, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Publishing stops, as it must; the station's next bundle tells all the same, and the log says so itself."""
    monkeypatch.setattr(loop, "EVERY_S", 0.05)
    with watched(database_url, tmp_path) as town:
        town.quiet()
    name = database_url.partition("?")[0].rpartition("/")[2]
    server.create_database(f"{name}_backup", template=name)
    with town.served():
        device = town.story.station
        for _ in range(5):
            town.say(device)
        town.quiet()
        device.seen = town.seen()
    town.url = server.url(f"{name}_backup")
    with town.served():
        until(lambda: town.health()["publishing"]["reason"] == "database-shorter")
        assert town.say(device)["type"] == "arrival_recorded.v1"
        alert = town.alert(device)
        assert (alert["kind"], alert["sizes"]) == ("log_rollback", [device.seen.size, alert["entries"][0]])
    town.check()
    server.drop_database(f"{name}_backup")
