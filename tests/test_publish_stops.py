"""What stops publishing: it says why in both languages, signs nothing, and leaves what was signed as it was.

One thing cannot be seen from inside: database, folder and state file all put back to one older copy. Whoever holds a
newer checkpoint sees it, which is what witnesses, mirrors and devices are for; the last test shows how.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.publish.opening import MAX_CLOCK_BACK_MS
from api.settings import BadSettings
from api.signing import new_private_key, write_private_key
from ledger.errors import BadProof, Corrupt
from ledger.proofs import check_consistency, prove_consistency
from ledger.tiles import ENTRIES, Tile, tile_reader
from tests.publish_kit import Press, running_press, stops


@pytest.fixture
def press(database_url: str, tmp_path: Path) -> Iterator[Press]:
    """600 entries, published."""
    with running_press(database_url, tmp_path) as press:
        press.log.add(600)
        press.publish()
        yield press


def flip(path: Path, at: int = 5) -> None:
    body = bytearray(path.read_bytes())
    body[at] ^= 1
    path.write_bytes(body)


# --- the database


def test_restored_old_database(press: Press) -> None:
    press.log.roll_back(400)
    with stops("database-shorter", press), press.opened():
        pass


def test_restored_old_database_under_a_running_publisher(press: Press) -> None:
    with press.opened() as publisher:
        press.log.roll_back(599)
        with stops("database-shorter", press):
            publisher.step()


@pytest.mark.parametrize("back_to", [599, 513, 512, 500, 1])
def test_restored_old_database_that_grew_past_what_was_signed(press: Press, back_to: int) -> None:
    press.log.roll_back(back_to)
    press.log.add(700 - back_to, "another")
    with stops("entries-changed", press), press.opened() as publisher:
        publisher.step()


@pytest.mark.parametrize("index", [512, 599])
def test_changed_row_of_the_last_bundle(press: Press, index: int) -> None:
    press.log.change(index)
    with stops("entries-changed", press), press.opened():
        pass


@pytest.mark.parametrize("index", [600, 650, 699])
def test_changed_row_that_was_not_published_yet(press: Press, index: int) -> None:
    with press.opened() as publisher:
        press.log.add(100)
        press.log.change(index)
        with stops("entries-changed", press):
            publisher.step()
    assert not press.file(Tile(0, 2, 188)).exists(), "nothing was written either"


@pytest.mark.parametrize("index", [0, 100, 255, 256, 511])
def test_changed_row_further_back_is_found_by_reading_everything_again(press: Press, index: int) -> None:
    press.log.change(index)
    with stops("entries-changed", press):
        press.recheck()


def test_row_that_was_not_there_before(press: Press) -> None:
    press.log.tamper("DELETE FROM entry WHERE entry_index = 100")
    with pytest.raises(Corrupt, match="entry 100 is missing"):
        press.recheck()


def test_deleted_tail(press: Press) -> None:
    press.log.tamper("DELETE FROM entry WHERE entry_index >= 590")
    before = press.kept()
    with pytest.raises(Corrupt, match="entry 590 is missing"), press.opened():
        pass
    press.log.tamper("UPDATE log SET size = 590")
    with stops("database-shorter", press), press.opened():
        pass
    assert press.kept() == before


def test_deleted_tail_that_was_not_published_yet(press: Press) -> None:
    press.log.add(50)
    press.log.tamper("DELETE FROM entry WHERE entry_index >= 640")
    before = press.kept()
    with press.opened() as publisher, pytest.raises(Corrupt, match="entry 640 is missing"):
        publisher.step()
    assert press.kept() == before
    press.log.tamper("UPDATE log SET size = 640")
    with stops("entries-changed", press), press.opened() as publisher:
        publisher.step()


# --- the files


@pytest.mark.parametrize("tile", [Tile(0, 2, 88), Tile(1, 0, 2)])
def test_edited_tile_at_the_edge(press: Press, tile: Tile) -> None:
    flip(press.file(tile))
    with stops("tile-differs", press), press.opened():
        pass


def test_edited_tile_under_a_running_publisher(press: Press) -> None:
    with press.opened() as publisher:
        press.log.add(1)
        flip(press.file(Tile(0, 2, 88)))
        with stops("tile-differs", press):
            publisher.step()


@pytest.mark.parametrize("tile", [Tile(0, 0), Tile(0, 1), Tile(ENTRIES, 1), Tile(ENTRIES, 2, 88), Tile(1, 0, 2)])
def test_edited_file_anywhere_is_found_by_reading_everything_again(press: Press, tile: Tile) -> None:
    flip(press.file(tile))
    with stops("tile-differs", press):
        press.recheck()


@pytest.mark.parametrize("tile", [Tile(0, 0), Tile(ENTRIES, 1), Tile(ENTRIES, 2, 88)])
def test_missing_file_is_found_by_reading_everything_again(press: Press, tile: Tile) -> None:
    press.file(tile).unlink()
    with stops("tile-missing", press):
        press.recheck()


def test_file_that_nobody_signed_is_not_taken_over(press: Press) -> None:
    press.log.add(1)
    planted = press.file(Tile(0, 2, 89))
    planted.write_bytes(bytes(89 * 32))
    with stops("tile-differs", press), press.opened() as publisher:
        publisher.step()


def test_checkpoint_of_someone_else(press: Press) -> None:
    state = press.plan.state.read_bytes()
    text = (press.folder / "checkpoint").read_text()
    for spoilt in (
        "",
        text.replace("\n600\n", "\n400\n"),
        text.replace("\n600\n", "\n599\n"),
        text.replace("320600", "320601"),
    ):
        (press.folder / "checkpoint").write_text(spoilt)
        with stops("checkpoint-differs", press), press.opened():
            pass
    assert press.plan.state.read_bytes() == state


# --- the state file


def test_second_publisher(press: Press) -> None:
    with press.opened() as publisher:
        with stops("state-held", press), press.opened():
            pass
        press.log.add(1)
        assert publisher.step() is not None, "the first one goes on"


def test_second_publisher_with_a_copy_of_the_state(press: Press, tmp_path: Path) -> None:
    copy = tmp_path / "copy.state"
    shutil.copy(press.plan.state, copy)
    with press.opened() as publisher:
        plan, press.plan = press.plan, type(press.plan)(
            press.plan.origin, press.plan.root, copy, press.plan.key, press.plan.pq_key
        )  # fmt: skip
        with stops("state-held", press), press.opened():
            pass
        press.plan = plan
        press.log.add(1)
        assert publisher.step() is not None


def test_copy_of_the_state_used_later(press: Press, tmp_path: Path) -> None:
    copy = tmp_path / "copy.state"
    shutil.copy(press.plan.state, copy)
    press.log.add(1)
    press.publish()
    shutil.copy(copy, press.plan.state)
    with stops("state-old", press), press.opened():
        pass


def test_state_that_someone_changed_meanwhile(press: Press) -> None:
    with press.opened() as publisher:
        older = press.plan.state.read_bytes()
        press.log.add(1)
        publisher.step()
        press.plan.state.write_bytes(older)
        press.log.add(1)
        with stops("state-changed", press):
            publisher.step()
        press.plan.state.unlink()
        with pytest.raises(Exception, match="was changed by someone else"):
            publisher.step()


def test_state_put_back_together_with_the_checkpoint_signs_the_same_tree_again(press: Press) -> None:
    kept = press.plan.state.read_bytes(), (press.folder / "checkpoint").read_bytes()
    press.log.add(50)
    press.publish()
    press.plan.state.write_bytes(kept[0])
    (press.folder / "checkpoint").write_bytes(kept[1])
    press.publish()
    assert press.seen[-1].head == press.seen[-2].head


def test_state_and_checkpoint_put_back_and_another_history_stop_at_the_tiles(press: Press) -> None:
    kept = press.plan.state.read_bytes(), (press.folder / "checkpoint").read_bytes()
    press.log.add(50)
    press.publish()
    press.plan.state.write_bytes(kept[0])
    (press.folder / "checkpoint").write_bytes(kept[1])
    press.log.roll_back(600)
    press.log.add(50, "another")
    with stops("tile-differs", press), press.opened() as publisher:
        publisher.step()


@pytest.mark.parametrize("spoilt", [b"", b"{}", b'{"origin": "ledger.test/other"}', "size", "root", "checkpoint"])
def test_spoilt_state(press: Press, spoilt: bytes | str) -> None:
    text = press.plan.state.read_text()
    changes = {"size": ('"size": 600', '"size": 500'), "root": ('"root": "', '"root": "00'), "checkpoint": ("\\n", "")}
    press.plan.state.write_bytes(spoilt if isinstance(spoilt, bytes) else text.replace(*changes[spoilt], 1).encode())
    before = (press.folder / "checkpoint").read_bytes()
    with pytest.raises(Exception, match="state") as told, press.opened():
        pass
    assert told.value.reason == "state-spoilt"  # type: ignore[attr-defined]
    assert (press.folder / "checkpoint").read_bytes() == before


def test_missing_state_takes_a_persons_word(press: Press) -> None:
    press.plan.state.unlink()
    with pytest.raises(Exception, match="say --new-log"), press.opened():
        pass
    assert not press.plan.state.exists()
    with press.opened(new_log=True) as publisher:
        assert publisher.state.size == 600
        press.log.add(1)
        publisher.step()
    press.check()
    with pytest.raises(BadSettings, match="leave out --new-log"), press.opened(new_log=True):
        pass


def test_missing_state_is_not_made_of_what_others_signed(press: Press, tmp_path: Path) -> None:
    press.plan.state.unlink()
    other = tmp_path / "other.pem"
    write_private_key(other, new_private_key("ed25519"))
    press.plan = type(press.plan)(press.plan.origin, press.plan.root, press.plan.state, other)
    with pytest.raises(Exception, match="not signed with these keys"), press.opened(new_log=True):
        pass
    assert not press.plan.state.exists()


def test_clock_far_behind_the_last_signature(press: Press) -> None:
    press.now -= MAX_CLOCK_BACK_MS + 1
    with stops("clock-back", press), press.opened():
        pass
    press.now += 1
    press.log.add(1)
    press.publish()


def test_everything_put_back_is_seen_by_whoever_holds_a_newer_checkpoint(press: Press, tmp_path: Path) -> None:
    """From inside nothing is wrong. A witness, a mirror, a device or a receipt's holder has the newer checkpoint."""
    shutil.copytree(press.plan.root, tmp_path / "kept")
    state = press.plan.state.read_bytes()
    press.log.add(50)
    press.publish()
    theirs = press.seen.pop().head
    shutil.rmtree(press.plan.root)
    shutil.copytree(tmp_path / "kept", press.plan.root)
    press.plan.state.write_bytes(state)
    press.log.roll_back(600)
    press.log.add(51, "another")
    press.publish()
    ours = press.seen[-1].head
    read = tile_reader(lambda tile: press.file(tile).read_bytes(), ours.size)
    proof = prove_consistency(read, theirs.size, ours.size)
    with pytest.raises(BadProof):
        check_consistency(theirs.size, ours.size, proof, theirs.root, ours.root)
