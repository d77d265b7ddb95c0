"""Publishing on real PostgreSQL and real files: what it makes of a log that grows, as an outsider checks it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.publish.tile_store import TileStore
from ledger.store.committed import committed
from ledger.tiles import ENTRIES, Tile
from tests.publish_kit import ORIGIN, Press, running_press


@pytest.fixture
def press(database_url: str, tmp_path: Path) -> Iterator[Press]:
    with running_press(database_url, tmp_path) as press:
        yield press


def test_every_checkpoint_appends_to_the_last_and_verifies_under_the_policy(press: Press) -> None:
    steps = [1, 1, 1, 2, 250, 1, 1, 254, 1, 44, 300, 1, 700, 3, 4096, 4097]
    with press.opened() as publisher:
        for count in steps:
            press.log.add(count)
            published = publisher.step()
            assert published is not None
            assert published.head == press.check().head
            assert published.lags_ms == [700] * count
            press.check_files()
        assert publisher.step() is None, "no news, no checkpoint"
    assert [one.head.size for one in press.seen] == [sum(steps[: n + 1]) for n in range(len(steps))]
    assert press.recheck() == sum(steps)


def test_opening_again_and_again_publishes_the_same_tree(press: Press) -> None:
    for count in (3, 253, 1, 600):
        press.log.add(count)
        press.publish()
    press.publish()
    assert press.seen[-1] == press.seen[-2], "nothing was signed without news"
    press.check_files()


def test_large_tree_has_three_levels_of_tiles(press: Press) -> None:
    press.log.add(66_000)
    press.publish()
    assert press.file(Tile(2, 0, 1)).exists()
    press.log.add(5)
    press.publish()
    press.check_files()
    assert press.recheck() == 66_005


def test_partial_tiles_go_once_the_full_one_is_there(press: Press) -> None:
    with press.opened() as publisher:
        for count in (10, 200, 46, 1):
            press.log.add(count)
            publisher.step()
    for level in (0, ENTRIES):
        assert press.file(Tile(level, 0)).exists()
        assert not press.file(Tile(level, 0, 10)).parent.exists()
        assert press.file(Tile(level, 1, 1)).exists()


def test_dying_between_signing_and_putting_out_is_made_good(press: Press) -> None:
    press.log.add(5)
    press.publish()
    older = (press.folder / "checkpoint").read_bytes()
    press.log.add(300)
    press.publish()
    newer = (press.folder / "checkpoint").read_bytes()
    (press.folder / "checkpoint").write_bytes(older)
    press.publish()
    assert (press.folder / "checkpoint").read_bytes() == newer, "the one that was signed, and no other"
    (press.folder / "checkpoint").unlink()
    press.publish()
    assert (press.folder / "checkpoint").read_bytes() == newer


def test_dying_after_tiles_and_before_signing_is_made_good(press: Press) -> None:
    press.log.add(5)
    press.publish()
    state, checkpoint = press.plan.state.read_bytes(), (press.folder / "checkpoint").read_bytes()
    press.log.add(600)
    press.publish()
    press.plan.state.write_bytes(state)
    (press.folder / "checkpoint").write_bytes(checkpoint)
    press.seen.pop()
    press.publish()
    press.check_files()


def test_lost_folder_is_made_anew_from_the_database_under_what_was_signed(press: Press) -> None:
    press.log.add(700)
    press.publish()
    state = press.signed()
    shutil.rmtree(press.plan.root)
    press.log.add(1)
    press.publish()
    assert press.signed() != state
    press.check_files()


def test_lost_folder_is_not_made_anew_from_another_history(press: Press) -> None:
    press.log.add(700)
    press.publish()
    shutil.rmtree(press.plan.root)
    press.log.roll_back(300)
    press.log.add(400, "another")
    before = press.signed()
    with pytest.raises(Exception, match="is not what the log makes it"), press.opened():
        pass
    assert press.signed() == before
    assert not (press.folder / "checkpoint").exists()


def test_snapshot_holds_head_and_entries_together(press: Press) -> None:
    press.log.add(10)
    with committed(press.engine, ORIGIN) as log:
        press.log.add(10)
        assert log.size == 10
        assert [body for chunk in log.bodies(3, 10, 4) for body in chunk] == press.log.bodies[3:10]
        assert log.primary


def test_reading_a_published_folder_needs_nothing_else(press: Press) -> None:
    press.log.add(300)
    press.publish()
    store = TileStore(press.folder)
    assert store.fetch(Tile(0, 0, 17)) == store.fetch(Tile(0, 0))[: 17 * 32], "the full tile serves for a partial one"
    assert store.read(Tile(0, 5)) is None
