"""Checkpoints that are kept: one a minute, with what cosignatures they gained, over HTTP and on the disk."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import httpx
import pytest

from api.publish.keeping import KEEP_EVERY_MS
from api.publish.tile_store import TileStore
from api.settings import Settings
from ledger.checkpoint import Checkpoint, TreeHead, format_head, parse_checkpoint
from ledger.note import Note, Signature
from ledger.tiles import grouped
from tests.cosign_kit import town_of
from tests.http_town import running
from tests.publish_kit import ORIGIN, Press, running_press


@pytest.fixture
def press(database_url: str, tmp_path: Path) -> Iterator[Press]:
    with running_press(database_url, tmp_path) as press:
        yield press


def kept(press: Press) -> list[int]:
    return TileStore(press.folder).kept_sizes()


def test_kept_by_size_in_groups_of_three_digits(tmp_path: Path) -> None:
    store = TileStore(tmp_path / "log")
    assert store.kept_sizes() == []
    sizes = [5, 999, 1000, 5001, 20_852_163]
    for size in reversed(sizes):
        head = TreeHead("log.test", size, bytes(32))
        store.keep_checkpoint(Checkpoint(head, Note(format_head(head), (Signature("log.test", b"abcd", b"x"),))))
    store.write_timestamp(5001, b"der")
    assert store.kept_sizes() == sizes
    assert (store.folder / "checkpoints/x020/852/163").exists() is False
    assert (store.folder / "checkpoints/x020/x852/163").read_bytes() == store.read_kept(20_852_163)
    assert (store.folder / "checkpoints/x005/001.tsr").read_bytes() == store.read_timestamp(5001) == b"der"
    assert [store.timestamped(size) for size in sizes] == [False, False, False, True, False]
    assert (store.read_kept(6), store.read_timestamp(5)) == (None, None)
    assert grouped(0) == "000"
    for after in (-1, 4, 5, 998, 999, 1000, 5000, 5001, 20_852_162, 20_852_163):
        assert list(store.kept_after(after)) == [size for size in sizes if size > after]
    (store.folder / "checkpoints/x000").mkdir()
    for other in ("x000/007", "x005/1", "12", "x020/852.txt"):
        (store.folder / "checkpoints" / other).write_bytes(b"")
    assert store.kept_sizes() == sizes, "each size has one path"


def test_a_page_of_kept_checkpoints_does_not_read_all_their_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = TileStore(tmp_path / "log")
    for size in range(1000, 300_000, 1000):
        head = TreeHead("log.test", size, bytes(32))
        store.keep_checkpoint(Checkpoint(head, Note(format_head(head), (Signature("log.test", b"abcd", b"x"),))))
    looked, scandir = list[str](), os.scandir

    def counted(folder: str) -> object:
        looked.append(folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", counted)
    assert list(islice(store.kept_after(150_000), 2)) == [151_000, 152_000]
    assert len(looked) < 10


def test_cosignatures_that_only_the_kept_copy_has_are_not_lost(press: Press, tmp_path: Path) -> None:
    with town_of(press, tmp_path, "ab") as town:
        town.require(2)
        with press.opened() as publisher:
            press.log.add(10)
            publisher.step()
            signed = publisher.state.checkpoint
        store = TileStore(press.folder)
        met = store.read_kept(10)
        assert met is not None
        assert town.stands(met).quorum == "met"
        store.write_checkpoint(signed.encode())  # as if we had died between the copy and the newest
        town.stop("b")
        with press.opened() as publisher:
            publisher.step()
        again = store.read_kept(10)
        assert again is not None
        assert set(again.splitlines()) == set(met.splitlines())
        assert town.standing().quorum == "met"


def test_one_a_minute_is_kept_and_the_last_before_a_pause_too(press: Press) -> None:
    with press.opened() as publisher:
        for _ in range(5):
            press.log.add(10)
            publisher.step()
            press.now += KEEP_EVERY_MS // 5
        assert kept(press) == [10]
        press.log.add(10)
        publisher.step()
        assert kept(press) == [10, 60]
        press.log.add(10)
        publisher.step()
        press.now += KEEP_EVERY_MS - 1
        publisher.step()
        assert kept(press) == [10, 60]
        press.now += 1
        publisher.step()
        publisher.step()
        assert kept(press) == [10, 60, 70]
    assert TileStore(press.folder).read_kept(70) == (press.folder / "checkpoint").read_bytes()


def test_kept_copy_gains_the_cosignatures_that_the_newest_gains(press: Press, tmp_path: Path) -> None:
    with town_of(press, tmp_path, "a", away="b") as town:
        town.require(2)
        with press.opened() as publisher:
            press.log.add(10)
            publisher.step()
        store = TileStore(press.folder)
        first = store.read_kept(10)
        assert first is not None
        assert town.stands(first).quorum == "not-met"
        town.start("b")
        with press.opened() as publisher:  # a restart in between changes nothing
            publisher.step()
            for _ in range(50):
                publisher.step()
                if publisher.standing().quorum == "met":
                    break
            press.log.add(10)
            publisher.step()
        again = store.read_kept(10)
        assert again is not None
        assert town.stands(again).quorum == "met"
        assert parse_checkpoint(again).note.text == parse_checkpoint(first).note.text


def test_over_http_with_their_standing(press: Press, tmp_path: Path) -> None:
    with town_of(press, tmp_path, "a", away="b") as town:
        town.require(2)
        with press.opened() as publisher:
            for _ in range(3):
                press.log.add(10)
                publisher.step()
                press.now += KEEP_EVERY_MS
        path = tmp_path / "elsewhere.toml"
        path.write_text(f'[[logs]]\nlog = "{ORIGIN}"\ndir = "published"\npolicy = "policy.txt"\n')
        TileStore(press.folder).write_timestamp(20, b"der")
        with running(Settings(database_url=press.log.url, port=0, publish_file=path)) as url, httpx.Client() as http:
            log = f"{url}/logs/{ORIGIN}"
            listed = http.get(f"{log}/checkpoints").json()
            assert listed["checkpoints"] == [{"size": size, "timestamped": size == 20} for size in (10, 20, 30)]
            assert listed["next_after"] is None
            page = http.get(f"{log}/checkpoints", params={"after": 10, "limit": 1}).json()
            assert ([one["size"] for one in page["checkpoints"]], page["next_after"]) == ([20], 20)
            one = http.get(f"{log}/checkpoints/20")
            assert one.content == TileStore(press.folder).read_kept(20)
            assert one.headers["content-type"].startswith("text/plain")
            for shown in (one, http.get(f"{log}/checkpoint"), http.get(f"{log}/receipts/3")):
                assert shown.headers["ledger-quorum"] == "not-met"
            stamp = http.get(f"{log}/checkpoints/20.tsr")
            assert (stamp.content, stamp.headers["content-type"]) == (b"der", "application/timestamp-reply")
            for missing in ("11", "10.tsr", "99999999999999999"):
                assert http.get(f"{log}/checkpoints/{missing}").status_code == 404
            for wrong in ("x", "010", "10.txt", "..%2Fcheckpoint"):
                assert http.get(f"{log}/checkpoints/{wrong}").status_code in (400, 404)
            told = http.get(f"{url}/health").json()["logs"][0]["publishing"]
            assert (told["witnessed"], told["quorum"]) == (["a"], "not-met")
            counted = http.get(f"{url}/metrics").text
            assert f'ledger_published_cosignatures{{log="{ORIGIN}"}} 1.0' in counted
            assert f'ledger_published_quorum{{log="{ORIGIN}"}} 0.0' in counted
            town.require(1)
        with running(Settings(database_url=press.log.url, port=0, publish_file=path)) as url:
            assert httpx.get(f"{url}/logs/{ORIGIN}/checkpoint").headers["ledger-quorum"] == "met"
            assert f'ledger_published_quorum{{log="{ORIGIN}"}} 1.0' in httpx.get(f"{url}/metrics").text
