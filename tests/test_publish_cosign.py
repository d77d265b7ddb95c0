"""Cosignatures of real witnesses: gathered to the quorum, missing, late, wrong, and what a restart makes of them."""

import gzip
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.publish.cosigning import WAIT_S
from api.publish.exchange import NotAnswered, Outside
from api.publish.publisher import Publisher
from api.publish.standing import Witnessed
from api.settings import BadSettings
from ledger.checkpoint import cosign, parse_checkpoint
from ledger.note import format_note, format_signatures
from ledger.note_key import ED25519_COSIGNATURE, note_signer
from ledger.witness_request import parse_request
from tests.cosign_kit import Answer, Town, pretending, raw, silent, town_of
from tests.publish_kit import Press, running_press, stops


@pytest.fixture
def press(database_url: str, tmp_path: Path) -> Iterator[Press]:
    with running_press(database_url, tmp_path) as press:
        yield press


def step(publisher: Publisher, town: Town, count: int = 10) -> float:
    """Publish so many entries more; how long it took, in seconds."""
    town.press.log.add(count)
    began = time.monotonic()
    assert publisher.step() is not None
    return time.monotonic() - began


def steps_until(publisher: Publisher, town: Town, quorum: str) -> None:
    """Steps without news until the published checkpoint stands so."""
    deadline = time.monotonic() + 20
    while town.standing().quorum != quorum:
        assert time.monotonic() < deadline, town.standing()
        assert publisher.step() is None
        time.sleep(0.1)


def test_every_checkpoint_is_published_with_the_cosignatures_of_all_that_are_there(
    press: Press, tmp_path: Path
) -> None:
    with town_of(press, tmp_path, "abc") as town:
        town.require(2)
        with press.opened() as publisher:
            for count in (1, 300, 5, 700):
                step(publisher, town, count)
                assert town.standing() == Witnessed(("a", "b", "c"), "met")
            assert publisher.troubles == []
        assert town.conflicts() == []


def test_two_keys_of_one_witness_are_gathered_at_once(press: Press, tmp_path: Path) -> None:
    with town_of(press, tmp_path, "a", pq=True) as town:
        town.require(2)
        with press.opened() as publisher:
            for _ in range(3):
                step(publisher, town)
                assert town.standing() == Witnessed(("a", "a/pq"), "met")
        assert town.conflicts() == []


def test_slow_witness_is_not_waited_for_and_its_line_is_added_when_it_comes(press: Press, tmp_path: Path) -> None:
    with town_of(press, tmp_path, "ab") as town:

        def forwarded(path: str, body: bytes) -> Answer:
            time.sleep(0.6)
            method = "POST" if body else "GET"
            answer = httpx.request(method, f"{town.urls['b']}{path}", content=body)
            return answer.status_code, answer.content

        with pretending(forwarded) as url:
            town.require(1, b=url)
            with press.opened() as publisher:
                took = [step(publisher, town) for _ in range(4)]
                assert median(took) < 0.6, took
                deadline = time.monotonic() + 10
                while town.standing().witnesses != ("a", "b"):
                    assert time.monotonic() < deadline
                    assert publisher.step() is None
                    time.sleep(0.1)
        assert town.conflicts() == []


def test_dead_witness_delays_one_checkpoint_at_most_and_the_others_are_enough(press: Press, tmp_path: Path) -> None:
    with town_of(press, tmp_path, "ab", away="c") as town, silent() as url:
        town.require(2, c=url)
        press.log.add(1)
        press.publish()
        with press.opened() as publisher:
            took = [step(publisher, town) for _ in range(5)]
            assert town.standing() == Witnessed(("a", "b"), "met")
            assert median(took) < WAIT_S / 2, took
            assert publisher.troubles == []


def test_without_the_quorum_it_is_published_all_the_same_and_gathered_when_the_witness_is_back(
    press: Press, tmp_path: Path
) -> None:
    with town_of(press, tmp_path, "a", away="b") as town:
        town.require(2)
        with press.opened() as publisher:
            took = [step(publisher, town) for _ in range(4)]
            assert median(took) < WAIT_S / 2, took
            assert town.standing() == Witnessed(("a",), "not-met")
            [trouble] = publisher.troubles
            assert "b cannot be reached" in trouble.en
            lacking = (press.folder / "checkpoint").read_bytes()
            town.start("b")
            steps_until(publisher, town, "met")
            assert town.standing() == Witnessed(("a", "b"), "met")
            assert publisher.troubles == []
            had = (press.folder / "checkpoint").read_bytes()
            assert set(lacking.splitlines()) < set(had.splitlines()), "lines are added, none is replaced"
            assert publisher.step() is None
            assert (press.folder / "checkpoint").read_bytes() == had


def test_restart_leaves_cosignatures_alone_and_goes_on_gathering(press: Press, tmp_path: Path) -> None:
    with town_of(press, tmp_path, "a", away="b") as town:
        town.require(2)
        with press.opened() as publisher:
            step(publisher, town)
        before = (press.folder / "checkpoint").read_bytes()
        town.stop("a")
        with press.opened():
            assert (press.folder / "checkpoint").read_bytes() == before
        town.start("b")
        with press.opened() as publisher:
            steps_until(publisher, town, "met")
        town.stop("b")
        met = (press.folder / "checkpoint").read_bytes()
        with press.opened() as publisher:
            publisher.step()
        assert (press.folder / "checkpoint").read_bytes() == met


def test_killed_between_signing_and_putting_out_the_same_checkpoint_is_cosigned_again(
    press: Press, tmp_path: Path
) -> None:
    with town_of(press, tmp_path, "ab") as town:
        town.require(2)
        with press.opened() as publisher:
            step(publisher, town)
            older = (press.folder / "checkpoint").read_bytes()
            step(publisher, town)
        signed = press.signed()
        (press.folder / "checkpoint").write_bytes(older)
        press.seen.clear()
        with press.opened() as publisher:
            assert town.standing().quorum == "not-met"
            steps_until(publisher, town, "met")
        assert press.signed() == signed
        assert town.conflicts() == []


def test_witness_that_is_new_or_saw_an_older_tree_is_asked_from_where_it_stands(press: Press, tmp_path: Path) -> None:
    with town_of(press, tmp_path, "ab") as town:
        town.require(2)
        with press.opened() as publisher:
            step(publisher, town)
            town.stop("b")
            for _ in range(3):
                step(publisher, town, 300)
            town.start("b")
            publisher.step()
            steps_until(publisher, town, "met")
            assert town.standing().witnesses == ("a", "b")


def test_published_checkpoint_with_a_wrong_line_of_a_known_key_stops(press: Press, tmp_path: Path) -> None:
    with town_of(press, tmp_path, "a") as town:
        town.require(1)
        press.log.add(10)
        press.publish()
        path = press.folder / "checkpoint"
        published = parse_checkpoint(path.read_bytes())
        *others, last = published.note.signatures
        assert last.name == "a"
        wrong = msgspec.structs.replace(last, signature=last.signature[:-1] + bytes([last.signature[-1] ^ 1]))
        note = msgspec.structs.replace(published.note, signatures=(*others, wrong))
        path.write_bytes(format_note(note))
        with stops("checkpoint-differs", press), press.opened():
            pass


def test_policy_must_hold_our_own_keys(press: Press, tmp_path: Path) -> None:
    with town_of(press, tmp_path, "a") as town:
        town.require(1)
        policy = tmp_path / "policy.txt"
        lines = policy.read_text().splitlines(keepends=True)
        policy.write_text("".join(lines[1:]))
        with pytest.raises(BadSettings, match="add a line: log"), press.opened():
            pass
        policy.write_text("nothing\n")
        with pytest.raises(BadSettings, match="line 1"), press.opened():
            pass
        policy.unlink()
        with pytest.raises(BadSettings, match="cannot read the policy"), press.opened():
            pass


@pytest.mark.parametrize("kind", ["another key's", "over another time", "nothing", "garbage", "500", "redirect"])
def test_wrong_cosignature_is_dropped(press: Press, tmp_path: Path, kind: str) -> None:
    with town_of(press, tmp_path, "ab") as town:
        signer = town.plans["b"].signers()[0]
        forger = note_signer("b", ED25519_COSIGNATURE, Ed25519PrivateKey.generate())

        def answer(path: str, body: bytes) -> Answer:
            if path != "/add-checkpoint":
                return 404, b""
            checkpoint = parse_request(body).checkpoint
            true, forged = (cosign(checkpoint, one, 1_795_000_000) for one in (signer, forger))
            return {
                "another key's": (200, format_signatures([forged]).encode()),
                "over another time": (
                    200,
                    format_signatures(
                        [msgspec.structs.replace(true, signature=bytes(7) + b"\x01" + true.signature[8:])]
                    ).encode(),
                ),
                "nothing": (200, b""),
                "garbage": (200, b"\xff" * 5000),
                "500": (500, b""),
                "redirect": (302, b""),
            }[kind]

        with pretending(answer) as url:
            town.require(1, b=url)
            with press.opened() as publisher:
                step(publisher, town)
                assert town.standing() == Witnessed(("a",), "met")
                assert len(publisher.troubles) == 1
        names = [line.name for line in parse_checkpoint((press.folder / "checkpoint").read_bytes()).note.signatures]
        assert names.count("b") == 0, "nothing of a witness that did not sign is shown"


def test_lines_of_others_are_dropped_from_an_answer(press: Press, tmp_path: Path) -> None:
    with town_of(press, tmp_path, "a") as town:
        stranger = note_signer("stranger.test", ED25519_COSIGNATURE, Ed25519PrivateKey.generate())

        def answer(path: str, body: bytes) -> Answer:
            if path != "/add-checkpoint":
                return 404, b""
            signers = stranger, town.plans["a"].signers()[0]
            return 200, format_signatures(
                [cosign(parse_request(body).checkpoint, one, 1_795_000_000) for one in signers]
            ).encode()

        with pretending(answer) as url:
            town.require(1, a=url)
            with press.opened() as publisher:
                step(publisher, town)
        assert town.standing() == Witnessed(("a",), "met")
        assert b"stranger" not in (press.folder / "checkpoint").read_bytes()


def test_key_that_a_witness_lacks_is_told_and_asked_for_once_a_checkpoint(press: Press, tmp_path: Path) -> None:
    with town_of(press, tmp_path, "a", pq=True) as town:
        asked = list[str]()

        def answer(path: str, body: bytes) -> Answer:
            asked.append(path)
            if path != "/add-checkpoint":
                return 404, b""
            signer = town.plans["a"].signers()[0]
            return 200, format_signatures([cosign(parse_request(body).checkpoint, signer, 1_795_000_000)]).encode()

        with pretending(answer) as url:
            town.require(1, **{"a": url, "a/pq": url})
            with press.opened() as publisher:
                step(publisher, town)
                assert town.standing() == Witnessed(("a",), "met")
                for _ in range(5):
                    publisher.step()
                assert asked.count("/add-checkpoint") == 1
                assert ["some of its keys only" in one.en for one in publisher.troubles] == [True]
                step(publisher, town)
                assert asked.count("/add-checkpoint") == 2


@pytest.mark.parametrize("part", [b"a", b"HTTP/1.1 103 Early Hints\r\n\r\n"])
def test_header_without_end_is_cut_off(part: bytes) -> None:
    with raw(*[part] * 3, pause_s=0.05) as url, Outside(0.5) as outside:
        began = time.monotonic()
        with pytest.raises(NotAnswered):
            outside.exchange("GET", url, name="w", most_bytes=1000)
        assert time.monotonic() - began < 3


def test_witness_that_never_ends_its_header_does_not_keep_the_publisher_from_ending(
    press: Press, tmp_path: Path
) -> None:
    with town_of(press, tmp_path, "ab") as town, raw(b"HTTP/1.1 103 \r\n\r\n", pause_s=0.05) as url:
        town.require(1, b=url)
        with press.opened() as publisher:
            step(publisher, town)
            assert town.standing() == Witnessed(("a",), "met")
            began = time.monotonic()
        assert time.monotonic() - began < 4


def test_nothing_is_unpacked_and_no_cookie_kept() -> None:
    packed = gzip.compress(gzip.compress(bytes(10_000_000)))
    head = (
        f"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Encoding: gzip, gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    )
    with raw(head.encode() + packed, pause_s=0.5) as url, Outside(3) as outside:
        assert outside.exchange("GET", url, name="w", most_bytes=len(packed)) == (200, packed)
        with pytest.raises(NotAnswered):
            outside.exchange("GET", url, name="w", most_bytes=len(packed) - 1)
        assert not list(outside._http.cookies.jar)
