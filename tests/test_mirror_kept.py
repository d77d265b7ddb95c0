"""The checkpoints that a log keeps and their timestamps are mirrored too, each if it is of the mirrored tree."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.mirror import mirror as module
from api.mirror.conflict import Contradicted
from api.publish.tile_store import TileStore
from ledger.errors import BadSignature, Malformed
from tests.mirror_kit import Handout, handing_out, listing, mirroring, put_out
from tests.witness_kit import ORIGIN, PaperLog


@pytest.fixture(scope="module")
def log() -> PaperLog:
    return PaperLog()


@pytest.fixture
def handout(log: PaperLog, tmp_path: Path) -> Iterator[Handout]:
    put_out(log, 700, tmp_path / "published")
    with handing_out(tmp_path / "published") as handout:
        yield handout


def test_kept_checkpoints_and_timestamps_are_taken_over(
    handout: Handout, log: PaperLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_EVERY_S", 0.0)
    handout.alter = listing(log, 10, 256, 300, 690, 900, stamped=(256, 690))
    store = TileStore(tmp_path / "ours" / ORIGIN)
    with mirroring(handout, tmp_path / "ours", log) as mirror:
        mirror.step()
        assert store.kept_sizes() == [10, 256, 300, 700], "the last may still gain cosignatures; 900 is not here"
        handout.alter = listing(log, 10, 256, 300, 690, 700, stamped=(256, 690))
        handout.asked.clear()
        mirror.step()
        assert not [path for path in handout.asked if path.endswith(("/10", "/256", "/300", "256.tsr"))]
    assert store.kept_sizes() == [10, 256, 300, 690, 700]
    assert [store.read_kept(size) for size in (10, 690)] == [log.checkpoint(size).raw for size in (10, 690)]
    assert [store.read_timestamp(size) for size in (10, 256, 690)] == [None, b"stamp", b"stamp"]


def test_kept_checkpoint_of_another_history_is_a_fork(handout: Handout, log: PaperLog, tmp_path: Path) -> None:
    other = log.fork(100)
    handout.alter = listing(other, 300, 301)
    with mirroring(handout, tmp_path / "ours", log) as mirror, pytest.raises(Contradicted, match="two different"):
        mirror.step()
    notes = {path.read_bytes() for path in (tmp_path / "ours" / ORIGIN / "conflicts").iterdir()}
    assert notes == {log.checkpoint(700).raw, other.checkpoint(300).raw}


def test_what_is_not_the_logs_is_not_kept(handout: Handout, log: PaperLog, tmp_path: Path) -> None:
    store = TileStore(tmp_path / "ours" / ORIGIN)
    with mirroring(handout, tmp_path / "ours", log) as mirror:
        handout.alter = listing(PaperLog(), 300, 301)
        with pytest.raises(BadSignature):
            mirror.step()
        handout.alter = listing(log, 300, 301)
        with handout.altered("checkpoints/300", lambda _: log.checkpoint(299).raw), pytest.raises(Malformed):
            mirror.step()
        with handout.altered("checkpoints?", lambda _: b"{}"), pytest.raises(Malformed):
            mirror.step()
        endless = b'{"checkpoints": [], "next_after": -1}'
        with handout.altered("checkpoints?", lambda _: endless), pytest.raises(Malformed, match="does not end"):
            mirror.step()
        assert store.kept_sizes() == [700]
        mirror.step()
    assert store.kept_sizes() == [300, 700]


def test_list_must_ascend_and_a_stamp_without_its_checkpoint_is_not_kept(
    handout: Handout, log: PaperLog, tmp_path: Path
) -> None:
    store = TileStore(tmp_path / "ours" / ORIGIN)
    with mirroring(handout, tmp_path / "ours", log) as mirror:
        again = b'{"checkpoints": [%s], "next_after": 2}' % b", ".join([b'{"size": 1, "timestamped": false}'] * 2)
        handout.alter = listing(log, 300, 301)
        with handout.altered("checkpoints?", lambda _: again), pytest.raises(Malformed, match="not in order"):
            mirror.step()
        further = b'{"checkpoints": [{"size": 1, "timestamped": false}], "next_after": 2}'
        with handout.altered("checkpoints?", lambda _: further), pytest.raises(Malformed, match="does not end"):
            mirror.step()
        handout.alter = listing(log, 300, 301, stamped=(300,))
        with handout.altered("checkpoints/300", lambda body: 404 if body != b"stamp" else body):
            mirror.step()
    assert store.kept_sizes() == [700]
    assert store.read_timestamp(300) is None
