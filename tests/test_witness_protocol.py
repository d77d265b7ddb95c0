"""A witness over real sockets, word by word as C2SP's tlog-witness says it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from api.witness.memory import KEPT_OF_A_KIND
from api.witness.serving import WitnessPlan
from api.witness.witness import MAX_CLOCK_BACK_MS
from ledger.checkpoint import parse_checkpoint, sign_checkpoint, signed_at
from ledger.note import Note, format_note
from ledger.note_key import ED25519_COSIGNATURE, ML_DSA_44
from ledger.policy import Group, Log, Policy, Witness, judge_checkpoint
from ledger.witness_request import MAX_REQUEST_BYTES
from tests.witness_kit import NOW_S, ORIGIN, PaperLog, new_plan, running_witness

NEWEST = f"/{hashlib.sha256(ORIGIN.encode()).hexdigest()}/checkpoint"


class Time:
    """A clock that a test sets, ms UTC."""

    def __init__(self) -> None:
        self.now_ms = NOW_S * 1000

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def log() -> PaperLog:
    return PaperLog()


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def plan(log: PaperLog, tmp_path: Path) -> WitnessPlan:
    return new_plan(tmp_path, *log.keys)


@pytest.fixture
def http(plan: WitnessPlan, clock: Time) -> Iterator[httpx.Client]:
    with running_witness(plan, clock) as http:
        yield http


def send(http: httpx.Client, request: bytes) -> httpx.Response:
    return http.post("/add-checkpoint", content=request)


def conflicts(http: httpx.Client) -> list[dict[str, object]]:
    found: list[dict[str, object]] = http.get("/conflicts").json()
    return found


def test_it_cosigns_with_both_keys_and_a_policy_accepts_the_quorum(
    http: httpx.Client, log: PaperLog, plan: WitnessPlan, clock: Time
) -> None:
    clock.now_ms += 5_999
    answer = send(http, log.request(0, 300))
    signers = plan.signers()
    assert [one.key.kind for one in signers] == [ED25519_COSIGNATURE, ML_DSA_44]
    assert len(answer.content.splitlines()) == 2
    checkpoint = log.cosigned(300, answer)
    assert [signed_at(checkpoint, one.key) for one in signers] == [NOW_S + 5] * 2
    witnesses = tuple(Witness(name, one.key) for name, one in zip(("w", "w/pq"), signers, strict=True))
    policy = Policy(tuple(map(Log, log.keys)), witnesses, (Group("both", 2, ("w", "w/pq")),), "both")
    standing = judge_checkpoint(policy, checkpoint)
    assert standing.quorum
    assert standing.cosigned_s == {"w": NOW_S + 5, "w/pq": NOW_S + 5}


def test_it_follows_a_log_as_it_grows_and_shows_the_newest(http: httpx.Client, log: PaperLog) -> None:
    assert http.get(NEWEST).status_code == 404
    old = 0
    for size in (0, 1, 2, 3, 256, 257, 600, 600, 700):
        answer = send(http, log.request(old, size))
        shown = http.get(NEWEST)
        assert shown.headers["content-type"].startswith("text/plain")
        assert parse_checkpoint(shown.content) == log.cosigned(size, answer)
        old = size
    assert http.get("/" + "0" * 64 + "/checkpoint").status_code == 404
    assert conflicts(http) == []


def test_another_origin_is_not_found(http: httpx.Client) -> None:
    answer = send(http, PaperLog("other.test").request(0, 1))
    assert answer.status_code == 404
    assert "不认识" in answer.json()["zh"]


def test_whoever_asks_elsewhere_is_told_what_there_is(http: httpx.Client) -> None:
    for path in ("/", "/docs", "/a/b/c"):
        answer = http.get(path)
        told = answer.json()
        assert (answer.status_code, told["type"].rpartition(":")[2]) == (404, "not-found")
        for said in (told["zh"], told["en"]):
            assert "/docs" not in said
            assert all(route in said for route in ("/add-checkpoint", "/SHA256/checkpoint", "/conflicts"))
    answer = http.get("/add-checkpoint")
    assert (answer.status_code, "/docs" in answer.text) == (405, False)


def test_nothing_but_a_known_key_of_that_log_counts(http: httpx.Client, log: PaperLog) -> None:
    assert send(http, PaperLog().request(0, 1)).status_code == 403  # the origin, but other keys
    [ours, *_] = log.request(0, 5).splitlines(keepends=True)[-2:]
    stripped = log.request(0, 5).replace(ours, b"")
    assert send(http, stripped).status_code == 200, "one of the log's keys is enough"
    forged = PaperLog().request(5, 6).splitlines(keepends=True)
    true = log.request(5, 6).splitlines(keepends=True)
    assert send(http, b"".join([*true, forged[-1]])).status_code == 200, "unknown keys are ignored"
    assert len(parse_checkpoint(http.get(NEWEST).content).note.signatures) == 4, "and not shown on"
    moved = log.request(6, 7).splitlines(keepends=True)[:-2] + true[-2:]
    assert send(http, b"".join(moved)).status_code == 403, "a signature of another text"


def test_request_of_another_form_is_malformed(http: httpx.Client, log: PaperLog) -> None:
    good = log.request(0, 5)
    for wrong in (b"", b"\n", b"old 0\n", good[:-1], good.replace(b"old 0", b"old 00"), b"\xff" + good):
        answer = send(http, wrong)
        assert answer.status_code == 400, wrong
        assert answer.headers["content-type"] == "application/problem+json"
    assert send(http, log.request(6, 5, proof=())).status_code == 400, "old exceeds the checkpoint's size"
    assert send(http, good).status_code == 200


def test_request_that_is_too_large_is_refused(http: httpx.Client, log: PaperLog) -> None:
    assert send(http, bytes(MAX_REQUEST_BYTES + 1)).status_code == 413
    chunks = (bytes(100_000) for _ in range(20))  # no length is told before
    assert http.post("/add-checkpoint", content=chunks).status_code == 413
    assert send(http, log.request(0, 5)).status_code == 200


def test_whoever_does_not_begin_where_it_stands_is_told_where(http: httpx.Client, log: PaperLog) -> None:
    ahead = send(http, log.request(3, 5))
    assert (ahead.status_code, ahead.content) == (409, b"0\n")
    send(http, log.request(0, 300))
    for old, size in ((0, 400), (299, 400), (301, 400), (0, 300), (0, 200)):
        answer = send(http, log.request(old, size))
        assert (answer.status_code, answer.content) == (409, b"300\n")
        assert answer.headers["content-type"] == "text/x.tlog.size"
    assert parse_checkpoint(http.get(NEWEST).content).head.size == 300


def test_wrong_proof_is_refused(http: httpx.Client, log: PaperLog) -> None:
    assert send(http, log.request(0, 300, proof=log.proof(1, 300))).status_code == 422, "from 0 there is none"
    send(http, log.request(0, 300))
    proof = log.proof(300, 400)
    for wrong in ((), proof[:-1], (*proof, proof[0]), (bytes(32), *proof[1:])):
        assert send(http, log.request(300, 400, proof=wrong)).status_code == 422
    assert send(http, log.request(300, 300, proof=proof[:1])).status_code == 422
    assert send(http, log.request(300, 400)).status_code == 200


def test_fork_of_the_same_size_is_refused_and_kept_as_proof_of_guilt(
    http: httpx.Client, log: PaperLog, capfd: pytest.CaptureFixture[str]
) -> None:
    cosigned = log.cosigned(300, send(http, log.request(0, 300)))
    other = log.fork(200)
    for old in (300, 0):
        answer = send(http, other.request(old, 300, proof=()))
        assert (answer.status_code, answer.content) == (409, b"300\n")
    assert send(http, other.request(301, 300, proof=())).status_code == 400
    [kept] = conflicts(http)
    assert (kept["kind"], kept["origin"], kept["size"]) == ("fork", ORIGIN, 300)
    held, submitted = (parse_checkpoint(str(kept[side]).encode()) for side in ("held", "submitted"))
    assert held == cosigned
    assert submitted.head.root == other.root(300)
    assert [signed_at(one, key) for one in (held, submitted) for key in log.keys] == [0, NOW_S] * 2
    told = capfd.readouterr().err
    assert told.count("signed two histories") == 1
    assert "两段不同的历史" in told


def test_fork_that_grew_and_roll_back_are_refused_and_kept(http: httpx.Client, log: PaperLog) -> None:
    send(http, log.request(0, 300))
    other = log.fork(200)
    assert send(http, other.request(300, 400)).status_code == 422
    assert send(http, other.request(0, 400)).status_code == 409
    assert send(http, log.request(0, 250)).status_code == 409
    assert send(http, log.request(300, 250, proof=())).status_code == 400
    assert [(one["kind"], one["size"]) for one in conflicts(http)] == [("unproved", 400), ("smaller", 250)]
    assert send(http, log.request(300, 400)).status_code == 200, "the true history goes on"


def test_old_checkpoints_sent_again_and_again_do_not_fill_the_disk(http: httpx.Client, log: PaperLog) -> None:
    send(http, log.request(0, 300))
    for size in range(1, KEPT_OF_A_KIND + 20):
        send(http, log.request(0, size))
    assert len(conflicts(http)) == KEPT_OF_A_KIND
    assert send(http, log.fork(1).request(0, 300)).status_code == 409
    assert conflicts(http)[-1]["kind"] == "fork", "a proof of guilt still has room"


def test_times_never_go_back_and_a_clock_far_behind_stops_it(http: httpx.Client, log: PaperLog, clock: Time) -> None:
    plan_keys = None
    first = log.cosigned(10, send(http, log.request(0, 10)))
    plan_keys = [one for one in first.note.signatures if one.name == "witness.test"]
    assert [int.from_bytes(one.signature[:8], "big") for one in plan_keys] == [NOW_S] * 2
    clock.now_ms -= 60_000
    second = log.cosigned(11, send(http, log.request(10, 11)))
    assert [int.from_bytes(one.signature[:8], "big") for one in second.note.signatures[-2:]] == [NOW_S] * 2
    clock.now_ms = NOW_S * 1000 - MAX_CLOCK_BACK_MS - 1
    refused = send(http, log.request(11, 12))
    assert refused.status_code == 503
    assert "时钟" in refused.json()["zh"]
    clock.now_ms = NOW_S * 1000 + 1000
    assert send(http, log.request(11, 12)).status_code == 200


def test_two_logs_do_not_mix(tmp_path: Path, log: PaperLog) -> None:
    other = PaperLog("other.test/v1")
    with running_witness(new_plan(tmp_path, *log.keys, *other.keys, name="two.test", pq=False)) as http:
        assert len(send(http, log.request(0, 300)).content.splitlines()) == 1
        assert send(http, other.request(0, 7)).status_code == 200
        assert send(http, log.request(300, 301)).status_code == 200
        digest = hashlib.sha256(b"other.test/v1").hexdigest()
        assert parse_checkpoint(http.get(f"/{digest}/checkpoint").content).head.size == 7


def test_lines_that_no_key_of_the_log_signed_are_not_cosigned(http: httpx.Client, log: PaperLog) -> None:
    """An ML-DSA-44 signature covers origin, size and root: left alone, anyone can write more below."""
    checkpoint = log.checkpoint(300)
    lines = [one for one in checkpoint.note.signatures if one.key_id == log.keys[1].key_id]
    more = format_note(Note(f"{checkpoint.note.text}the log is closed\n", tuple(lines)))
    assert send(http, b"old 0\n\n" + more).status_code == 403
    head = msgspec.structs.replace(checkpoint.head, extensions=("the log is open",))
    said = sign_checkpoint(head, log.signers, NOW_S)
    assert send(http, b"old 0\n\n" + said.raw).status_code == 200, "the log's own are"


def test_true_checkpoint_that_someone_sent_with_a_wrong_proof_is_held_against_nobody(
    http: httpx.Client, log: PaperLog
) -> None:
    send(http, log.request(0, 300))
    assert send(http, log.request(300, 400, proof=())).status_code == 422
    assert [one["kind"] for one in conflicts(http)] == ["unproved"]
    assert send(http, log.request(300, 400)).status_code == 200
    assert conflicts(http) == []
