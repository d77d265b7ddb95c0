"""RFC 3161 timestamps of kept checkpoints, from an authority run by `openssl ts`."""

import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from api.publish.keeping import KEEP_EVERY_MS
from api.publish.publisher import Publisher
from api.publish.tile_store import TileStore
from ledger.checkpoint import parse_checkpoint
from ledger.errors import BadSignature, LedgerError, Malformed
from ledger.shell.timestamps import check_answer, new_request, read_certificates, stamped_ms
from tests.cosign_kit import Answer, pretending, silent
from tests.publish_kit import Press, running_press
from tests.tsa_kit import Authority

TEXT = "ledger.test/320600/v1\n600\nroot\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa") / "authority")


@pytest.fixture
def press(database_url: str, tmp_path: Path) -> Iterator[Press]:
    with running_press(database_url, tmp_path) as press:
        yield press


def ask_at(press: Press, url: str, every_s: float = 3600) -> TileStore:
    press.plan = msgspec.structs.replace(press.plan, tsa=url, tsa_every_s=every_s)
    return TileStore(press.folder)


def stamped(store: TileStore) -> list[int]:
    return [size for size in store.kept_sizes() if store.timestamped(size)]


def steps(publisher: Publisher, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        publisher.step()
        time.sleep(0.02)


def _same(answer: Answer, *_: object) -> Answer:
    return answer


def _troubled(publisher: Publisher) -> bool:
    return bool(publisher.troubles)


def test_kept_checkpoint_is_stamped_and_verifies_under_the_root_alone(press: Press, authority: Authority) -> None:
    with authority.serving() as url:
        store = ask_at(press, url)
        press.log.add(600)
        before = time.time_ns() // 1_000_000
        press.publish()  # ending waits for the answer
        [size] = stamped(store)
    kept, der = store.read_kept(600), store.read_timestamp(size)
    assert kept is not None
    assert der is not None
    at = stamped_ms(der, parse_checkpoint(kept).note.text, read_certificates(authority.root))
    three_lines = "".join(kept.decode().splitlines(keepends=True)[:3])
    assert authority.vouches(der, three_lines), "and by another program"
    assert not authority.vouches(der, three_lines.replace("600", "601"))
    assert before - 1000 <= at <= time.time_ns() // 1_000_000 + 1000
    assert at % 1000 == 0, "whole seconds, and one for the accuracy it claims"


def test_no_more_often_than_told_also_over_a_restart(press: Press, authority: Authority) -> None:
    asked = authority.asked
    with authority.serving() as url:
        store = ask_at(press, url, every_s=3600)
        for _ in range(3):
            press.log.add(10)
            press.publish()
            press.now += KEEP_EVERY_MS
        assert store.kept_sizes() == [10, 20, 30]
        assert stamped(store) == [10]
        ask_at(press, url, every_s=0)
        with press.opened() as publisher:
            press.log.add(10)
            publisher.step()
            steps(publisher, lambda: stamped(store) == [10, 40])
            for _ in range(5):
                publisher.step()
    assert stamped(store) == [10, 40], "each once"
    assert authority.asked == asked + 2


def test_authority_that_is_away_slow_or_wrong_delays_and_stops_nothing(press: Press, authority: Authority) -> None:
    other = authority.answer(new_request("something else\n").as_bytes())
    wrong = [(500, b""), (200, b""), (200, b"\x30\x03\x02\x01\x02"), (200, other), (200, bytes(200_000))]
    for answer in wrong:
        with pretending(partial(_same, answer)) as url:
            store = ask_at(press, url)
            with press.opened() as publisher:
                press.log.add(10)
                publisher.step()
                steps(publisher, partial(_troubled, publisher))
            press.check()
            assert store.kept_sizes()
            assert stamped(store) == []
            press.now += KEEP_EVERY_MS


def test_silent_authority_is_not_waited_for(press: Press) -> None:
    with silent() as url, pytest.MonkeyPatch.context() as patch:
        patch.setattr("api.publish.stamping.TIMEOUT_S", 1.0)  # what ending waits for
        ask_at(press, url)
        with press.opened() as publisher:
            began = time.monotonic()
            for _ in range(3):
                press.log.add(10)
                publisher.step()
            assert time.monotonic() - began < 0.9
    press.check()


def test_answer_must_be_to_this_request(authority: Authority) -> None:
    request = new_request(TEXT)
    der = authority.answer(request.as_bytes())
    check_answer(request, TEXT, der)
    for asked, text in ((new_request(TEXT), TEXT), (request, TEXT + "x\n")):
        with pytest.raises(Malformed, match="digest or nonce differ"):
            check_answer(asked, text, der)
    refused = authority.answer(request.as_bytes()[:-1])
    with pytest.raises(Malformed, match="authority refused"):
        check_answer(request, TEXT, refused)


def test_timestamp_verifies_for_its_text_and_its_root_only(authority: Authority, tmp_path: Path) -> None:
    der, root = authority.answer(new_request(TEXT).as_bytes()), read_certificates(authority.root)
    assert stamped_ms(der, TEXT, root) == stamped_ms(der, TEXT, root * 2)
    with pytest.raises(BadSignature):
        stamped_ms(der, TEXT + "x\n", root)
    with pytest.raises(BadSignature):
        stamped_ms(der, TEXT, read_certificates(Authority(tmp_path / "other").root))
    with pytest.raises(Malformed):
        read_certificates(b"no certificate")


def test_changed_timestamp_never_says_another_time(authority: Authority) -> None:
    chance = random.Random(7)
    der, root = authority.answer(new_request(TEXT).as_bytes()), read_certificates(authority.root)
    true, refused = stamped_ms(der, TEXT, root), 0
    for _ in range(500):
        changed = bytearray(der)
        changed[chance.randrange(len(der))] ^= 1 << chance.randrange(8)
        try:
            assert stamped_ms(bytes(changed), TEXT, root) == true
        except LedgerError:
            refused += 1
    for cut in range(0, len(der), 50):
        with pytest.raises(LedgerError):
            stamped_ms(der[:cut], TEXT, root)
    assert refused > 450
