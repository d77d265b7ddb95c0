"""The outbox under kill -9: nothing that was acknowledged is lost, nothing is consumed twice."""

import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.bundle import check_signature, open_bundle
from ledger.claim import CheckPrefill
from ledger.identity import own_code
from scanners.claim_id import ClaimIds, uuid7
from scanners.faults import AlreadyConsumed, OutboxForeign
from scanners.outbox import Consumed, Outbox, peek, take_up

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
LOG = "test.example/lpg"
IDS = ClaimIds(lambda: 1_760_000_000_000)


def prefill(code: str = str(own_code("TS", "G0001"))) -> CheckPrefill:
    return CheckPrefill(claim_id=IDS.new(), scanned_at=1, code=code, site="s-1", person="p-1")


def write_for_ever(path: Path) -> None:
    """The victim: says on standard output what it was told is durable."""
    outbox = Outbox(path, log=LOG, key=KEY)
    while True:
        claim = prefill()
        stored = outbox.put([claim])
        sys.stdout.write(f"bundle {stored.seq} {stored.digest}\n")
        sys.stdout.flush()
        outbox.consume(Consumed(claim.claim_id, "L1", claim.code, b"{}", "consumed"))
        sys.stdout.write(f"consumed {claim.claim_id} -\n")
        sys.stdout.flush()


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path):
    path = tmp_path / "outbox.sqlite"
    told: list[list[str]] = []
    chance = random.Random(1)
    for _ in range(3):
        with subprocess.Popen([sys.executable, __file__, path], stdout=subprocess.PIPE, text=True) as victim:
            assert victim.stdout is not None
            told += [victim.stdout.readline().split() for _ in range(chance.randrange(20, 100))]
            victim.kill()
            # What it had printed before it died counts too; a torn last line was never heard.
            told += [words for line in victim.stdout if line.endswith("\n") and len(words := line.split()) == 3]
    outbox = Outbox(path, log=LOG, key=KEY)
    rows = outbox.select("pending", limit=100_000)
    digests = {row.seq: row.digest for row in rows}
    assert list(digests) == list(range(len(rows)))
    prev = None
    for row in rows:
        bundle = open_bundle(row.envelope)
        check_signature(bundle, KEY.public_key())
        assert (bundle.device_seq, bundle.device_prev) == (row.seq, prev)
        prev = row.digest
        assert prev == hashlib.sha256(bundle.payload).hexdigest()
    consumed = [words[1] for words in told if words[0] == "consumed"]
    assert len(consumed) > 40
    for claim_id in consumed:
        with pytest.raises(AlreadyConsumed):
            outbox.consume(Consumed(claim_id, "L1", "own:X", b"{}", "consumed"))
    assert all(digests[int(words[1])] == words[2] for words in told if words[0] == "bundle")
    outbox.close()


def test_answers_problems_and_taking_up_again(tmp_path):
    path = tmp_path / "outbox.sqlite"
    outbox = Outbox(path, log=LOG, key=KEY)
    first, second = outbox.put([prefill()]), outbox.put([prefill(), prefill()])
    outbox.set_aside(first.seq, b'{"type":"x"}')
    assert outbox.next_unsent() == second
    outbox.answered(second.seq, b"[]")
    assert outbox.next_unsent() is None
    assert peek(path) == ({"answered": 1, "set_aside": 1}, [(0, b'{"type":"x"}')])
    assert take_up(path, 0)
    assert not take_up(path, 0)
    assert outbox.next_unsent() == first
    outbox.close()


def test_what_a_report_says_and_what_it_settles_are_one(tmp_path):
    outbox = Outbox(tmp_path / "outbox.sqlite", log=LOG, key=KEY)
    leave = IDS.new()
    outbox.consume(Consumed(leave, "L1", "own:A", b"{}", "consumed"))
    with pytest.raises(AssertionError):
        outbox.put([prefill()], settles=(IDS.new(), "started"))
    assert outbox.next_unsent() is None
    outbox.put([prefill()], settles=(leave, "interrupted"))
    assert outbox.unsettled("L1") == []
    assert outbox.interrupted("own:A") == leave
    assert outbox.interrupted("own:B") is None
    outbox.close()


def test_another_key_or_log_needs_another_file(tmp_path):
    path = tmp_path / "outbox.sqlite"
    Outbox(path, log=LOG, key=KEY).close()
    for log, key in ((LOG, Ed25519PrivateKey.generate()), ("other.example/lpg", KEY)):
        with pytest.raises(OutboxForeign):
            Outbox(path, log=log, key=key)


def test_uuid7():
    # RFC 9562, appendix A.6.
    chance = int("0CC3", 16) << 64 | int("18C4DC0C0C07398F", 16)
    assert uuid7(0x017F22E279B0, chance.to_bytes(10, "big")) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


if __name__ == "__main__":
    os.nice(5)
    write_for_ever(Path(sys.argv[1]))
