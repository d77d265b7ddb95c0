"""A witness that knows more than we do: our own signature there stops publishing, what anyone may claim does not."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.checkpoint import Checkpoint, TreeHead, sign_checkpoint
from ledger.note_key import ED25519, note_signer
from tests.cosign_kit import Answer, Town, pretending, town_of
from tests.publish_kit import ORIGIN, Press, running_press, stops


@pytest.fixture
def town(database_url: str, tmp_path: Path) -> Iterator[Town]:
    """600 entries, published and cosigned by a."""
    with running_press(database_url, tmp_path) as press, town_of(press, tmp_path, "a") as town:
        town.require(1)
        press.log.add(600)
        press.publish()
        assert town.standing().quorum == "met"
        yield town


def kept(press: Press) -> tuple[bytes, bytes]:
    return press.plan.state.read_bytes(), (press.folder / "checkpoint").read_bytes()


def put_back(press: Press, older: tuple[bytes, bytes]) -> None:
    press.plan.state.write_bytes(older[0])
    (press.folder / "checkpoint").write_bytes(older[1])


def conflicts(town: Town) -> object:
    return httpx.get(f"{town.urls['a']}/conflicts").json()


def test_everything_put_back_to_an_older_copy_is_stopped_by_the_witness(town: Town, tmp_path: Path) -> None:
    """Database, files and state agree with each other, and all are old: only the witness knows."""
    press = town.press
    older = kept(press)
    shutil.copytree(press.plan.root, tmp_path / "older")
    press.log.add(50)
    press.publish()
    shutil.rmtree(press.plan.root)
    shutil.copytree(tmp_path / "older", press.plan.root)
    put_back(press, older)
    press.log.roll_back(600)
    for word in ("", "another"):
        with stops("witness-ahead", press), press.opened():
            pass
        press.log.add(51, word)
    assert conflicts(town) == [], "nothing else was ever signed"


def test_another_history_of_the_same_size_is_stopped(town: Town) -> None:
    """Files made anew from another history, with a state that says it was signed: only the witness knows."""
    press = town.press
    press.plan.state.unlink()
    shutil.rmtree(press.plan.root)
    press.log.roll_back(0)
    press.log.add(600, "another")
    plan = press.plan
    press.plan = type(plan)(plan.origin, plan.root, plan.state, plan.key, plan.pq_key)
    press.seen.clear()
    press.publish()
    press.plan = plan
    with stops("witness-ahead", press), press.opened():
        pass
    press.log.add(1)
    with stops("witness-ahead", press), press.opened():
        pass


def test_witness_that_was_away_at_opening_stops_the_step_that_asks_it(town: Town) -> None:
    press = town.press
    older = kept(press)
    press.log.add(50)
    press.publish()
    put_back(press, older)
    press.log.roll_back(600)
    shutil.rmtree(press.plan.root)
    town.stop("a")
    with press.opened() as publisher:
        town.start("a")
        press.log.add(20, "another")

        def steps() -> None:
            for _ in range(100):
                press.log.add(1)
                publisher.step()

        with pytest.raises(Exception, match="cosigned a checkpoint of 650 entries"):
            steps()
    assert town.stands((press.folder / "checkpoint").read_bytes()).quorum == "not-met", (
        "what was put out meanwhile was marked"
    )
    with pytest.raises(Exception, match="cosigned a checkpoint of 650 entries"), press.opened():
        pass


def claim(press: Press, *, signed: bool, origin: str = ORIGIN, size: int = 10_000) -> Checkpoint:
    signers = press.plan.signers()
    if not signed:
        signers = (note_signer(origin, ED25519, Ed25519PrivateKey.generate()),)
    return sign_checkpoint(TreeHead(origin, size, bytes(32)), signers, 1_795_000_000)


@pytest.mark.parametrize("kind", ["unsigned", "another log's", "spoilt", "conflict", "unproved"])
def test_claim_that_our_key_did_not_sign_stops_nothing(town: Town, kind: str) -> None:
    press = town.press
    forged = claim(press, signed=False)
    true = claim(press, signed=True)
    shown = {
        "another log's": claim(press, signed=False, origin="other.test/v1").raw,
        "spoilt": true.raw.replace(b"\n10000\n", b"\n10001\n"),
    }.get(kind, forged.raw)

    def answer(path: str, _: bytes) -> Answer:
        if path.endswith("/add-checkpoint"):
            return {"conflict": (409, b"10000\n"), "unproved": (422, b"")}.get(kind, (404, b""))
        return 200, shown

    with pretending(answer) as url:
        town.require(1, a=url)
        with press.opened() as publisher:
            press.log.add(1)
            assert publisher.step() is not None
            assert town.standing().quorum == "not-met"
            assert len(publisher.troubles) == 1


@pytest.mark.parametrize("size", [10_000, 601, 600, 300])
def test_what_our_key_signed_and_our_tree_does_not_hold_stops(town: Town, size: int) -> None:
    press = town.press
    with pretending(lambda *_: (200, claim(press, signed=True, size=size).raw)) as url:
        town.require(1, a=url)
        with stops("witness-ahead", press), press.opened():
            pass


def test_lost_state_and_files_are_taken_over_from_what_the_witness_holds(town: Town) -> None:
    """As the guide says it: the witness's checkpoint in the empty folder, then --new-log once."""
    press = town.press
    signed = press.signed()
    press.plan.state.unlink()
    shutil.rmtree(press.plan.root)
    with pytest.raises(Exception, match="cosigned a checkpoint of 600 entries"), press.opened():
        pass
    assert not press.plan.state.exists()
    digest = hashlib.sha256(ORIGIN.encode()).hexdigest()
    press.folder.mkdir(parents=True, exist_ok=True)
    (press.folder / "checkpoint").write_bytes(httpx.get(f"{town.urls['a']}/{digest}/checkpoint").content)
    with press.opened(new_log=True) as publisher:
        assert publisher.state.size == 600
        press.log.add(10)
        publisher.step()
    assert town.standing().quorum == "met"
    assert press.signed() != signed
    press.check_files()
