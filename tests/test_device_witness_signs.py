"""Each thing that can be wrong with a device, or the log that it saw, is found by the bundles; honest ones pass."""

from collections.abc import Iterator

import pytest
from msgspec import structs

from api.sentry import loop
from api.sentry.watch import LOST_AFTER_MS
from ledger import claim as c
from ledger.bundle import Seen, open_bundle
from ledger.store.embedded import EmbeddedServer
from tests.device_kit import Watched, clone, until, watched

HOUR = 3_600_000


@pytest.fixture(scope="module")
def town(server: EmbeddedServer, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    name = "device_signs"
    server.create_database(name, template=migrated_template)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "EVERY_S", 0.05)
        with watched(server.url(name), tmp_path_factory.mktemp("signs")) as town:
            yield town
        town.check()
    server.drop_database(name)


def digest(envelope: bytes) -> str:
    return open_bundle(envelope).digest.hex()


def test_two_bundles_of_one_number_are_a_copied_key_and_quarantine_it(town: Watched) -> None:
    device = town.enrol("twice")
    town.say(device)
    copy = clone(device)
    assert town.say(device)["type"] == "arrival_recorded.v1"
    mine = device.device_prev
    assert town.say(copy)["type"] == "arrival_recorded.v1"
    alert = town.alert(device)
    assert (alert["kind"], alert["device_seq"], alert["digests"]) == ("cloned_key", 1, [mine, copy.device_prev])
    first, second = alert["entries"]
    assert second > first
    until(lambda: town.told(device)["record"]["claim"]["status"] == "quarantined")
    assert town.told(device)["record"]["claim"]["alert"] == alert["claim_id"]
    for one in (device, copy):
        outcome = town.say(one)
        assert [note["reason"] for note in outcome["reasons"]] == ["signer_quarantined"]
    town.quiet()
    town.alert(device)


def test_a_bundle_that_names_another_predecessor_is_a_copied_key(town: Watched) -> None:
    device = town.enrol("other past", "p256")
    town.say(device)
    held, device.device_prev = device.device_prev, "ab" * 32
    town.say(device)
    alert = town.alert(device)
    assert (alert["kind"], alert["device_seq"], alert["digests"]) == ("cloned_key", 1, [held, "ab" * 32])


def test_a_predecessor_that_comes_late_and_is_another_is_a_copied_key(town: Watched) -> None:
    device = town.enrol("late past")
    copy = clone(device)
    device.sign(town.claim())
    town.say(device)
    town.say(copy)
    alert = town.alert(device)
    assert (alert["kind"], alert["device_seq"]) == ("cloned_key", 0)


def test_what_the_authority_and_the_log_sign_is_alerted_but_not_shut_out(town: Watched) -> None:
    signer = town.story.authority
    copy = clone(signer)
    town.here.post(signer, town.story.make(c.OpenRecall, recall="R-1"))
    town.here.post(copy, town.story.make(c.OpenRecall, recall="R-2"))
    until(lambda: town.health()["sentry"]["open_alerts"].get("cloned_key", 0) > 0)
    town.quiet()
    again = town.here.post(signer, town.story.make(c.OpenRecall, recall="R-3"))
    assert again[0]["outcome"]["type"] == "filed.v1"


def test_a_used_claim_id_with_other_bytes_is_a_replay(town: Watched) -> None:
    device = town.enrol("replayer")
    claim = town.claim()
    [first] = town.here.post(device, claim)
    [second] = town.here.post(device, structs.replace(claim, scanned_at=claim.scanned_at + 1))
    assert second["outcome"]["reasons"][0]["reason"] == "claim_id_reused"
    alert = town.alert(device)
    assert (alert["kind"], alert["entries"]) == ("replay", [first["entry_index"], second["entry_index"]])
    assert town.say(device)["type"] == "arrival_recorded.v1", "it is no proof of a copied key"


def test_another_tree_of_a_size_that_the_log_has_is_a_fork(town: Watched) -> None:
    device = town.enrol("misled")
    device.seen = Seen(7, "cd" * 32)
    town.say(device)
    alert = town.alert(device)
    assert (alert["kind"], alert["sizes"], alert["roots"][0]) == ("log_fork", [7], "cd" * 32)
    assert len(alert["roots"]) == 2
    assert town.say(device)["type"] == "arrival_recorded.v1", "the device did nothing wrong"


def test_a_larger_tree_than_the_log_had_is_a_roll_back(town: Watched) -> None:
    device = town.enrol("remembers more")
    device.seen = Seen(town.here.size() + 1_000, "cd" * 32)
    town.say(device)
    alert = town.alert(device)
    at = alert["entries"][0]
    assert (alert["kind"], alert["sizes"]) == ("log_rollback", [device.seen.size, at])


def test_a_device_whose_memory_of_the_log_went_back(town: Watched) -> None:
    device = town.enrol("forgetful")
    town.quiet()
    old = town.seen()
    town.say(device)
    town.quiet()
    device.seen = town.seen()
    town.say(device)
    device.seen, newer = old, device.seen
    town.say(device)
    alert = town.alert(device)
    assert (alert["kind"], alert["sizes"]) == ("device_rollback", [old.size, newer.size])


def test_a_gap_that_stays_open_is_a_lost_queue(town: Watched) -> None:
    device = town.enrol("lost")
    town.say(device)
    device.sign(town.claim())
    town.say(device)
    town.quiet()
    assert town.alerts(device) == []
    town.leap_ms += LOST_AFTER_MS + 2 * 60_000
    alert = town.alert(device)
    assert (alert["kind"], alert["device_seq"], alert["after_seq"]) == ("lost_queue", 2, 0)


def test_what_comes_after_its_time_was_lost_all_the_same(town: Watched) -> None:
    device = town.enrol("very late")
    first = device.sign(town.claim())
    town.say(device)
    town.leap_ms += LOST_AFTER_MS + 1_000  # within the slack: only the late bundle itself tells
    town.here.send(first).raise_for_status()
    alert = town.alert(device)
    assert (alert["kind"], alert["device_seq"]) == ("lost_queue", 1)
    assert "after_seq" not in alert


def test_a_copy_that_jumps_ahead_is_found_by_what_the_original_has_seen(town: Watched) -> None:
    """The thief takes numbers that the device will not reach for years, so that none is ever there twice."""
    device = town.enrol("jumps")
    town.say(device)
    copy = clone(device)
    copy.device_seq, copy.device_prev = 1_000_000, "ab" * 32
    town.say(copy)
    town.quiet()
    assert town.alerts(device) == []
    device.seen = town.seen()
    town.say(device)
    alert = town.alert(device)
    assert (alert["kind"], alert["device_seq"], alert["sizes"]) == ("cloned_key", 1, [device.seen.size])
    assert alert["digests"] == [copy.device_prev, device.device_prev]
    until(lambda: town.told(device)["record"]["claim"]["status"] == "quarantined")


def test_a_bundle_that_was_set_aside_and_comes_late_is_no_copy(town: Watched) -> None:
    """It names what was seen when it was signed, whatever the log held when it came."""
    device = town.enrol("late but honest")
    town.say(device)
    town.quiet()
    device.seen = town.seen()
    late = device.sign(town.claim())
    for _ in range(3):
        town.say(device)
        town.quiet()
        device.seen = town.seen()
    town.here.send(late)
    town.quiet()
    assert town.alerts(device) == []


def test_honest_devices_raise_nothing(town: Watched) -> None:
    plain, mixed, curve, blind = (
        town.enrol("plain"), town.enrol("mixed"), town.enrol("curve", "p256"), town.enrol("blind"),
    )  # fmt: skip
    for signer in (plain, curve):
        for _ in range(3):
            town.quiet()
            signer.seen = town.seen()
            envelope = signer.sign(town.claim(), town.claim())
            for _ in range(3):
                town.here.send(envelope).raise_for_status()
    bundles = [mixed.sign(town.claim()) for _ in range(8)]
    for number in (3, 0, 7, 2, 1, 3, 6, 5, 4):
        town.here.send(bundles[number]).raise_for_status()
    town.say(mixed)
    blind.seen = town.seen()
    town.say(blind)
    blind.seen = None  # a device may know nothing of the log for a while
    town.say(blind)
    town.leap_ms += LOST_AFTER_MS + 2 * 60_000
    town.say(plain)
    town.quiet()
    for signer in (plain, mixed, curve, blind):
        assert town.alerts(signer) == []
