"""What the verifier says of a sound file: times, what is odd, in words and as JSON; the commands, as processes.

This file is over 400 lines because every sentence of one report is compared with the file that it speaks of.
"""

import base64
import contextlib
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec import structs

from docs import verify_example
from ledger import claim as c
from ledger import events as e
from ledger.archive import pack_archive
from ledger.checkpoint import parse_checkpoint
from ledger.entry import decode_entry
from ledger.errors import BadSignature
from ledger.evidence import README, Evidence, Scope, pack_evidence
from ledger.shell import second_verifier
from ledger.shell.timestamps import new_request
from ledger.verify import Report, Unproved, verify
from tests.evidence_kit import (
    CYLINDER,
    LOG,
    WITNESSES,
    delivered_case,
    delivered_scopes,
    gather,
    index_of,
    members_of,
    policy,
    retold,
    scopes,
    signed_checkpoint,
    sound_case,
    story,
    without,
)
from tests.story import code
from tests.tsa_kit import Authority

CASE = sound_case()
SIZE = len(CASE.bodies)
CYLINDERS = Scope("cylinder", CYLINDER)
SOUND = gather(CASE, CYLINDERS)
PAGE = Path(__file__).parents[1] / "docs" / "verify.md"


def reported(evidence: Evidence, trusted: bytes | None = None) -> Report:
    answer = verify(pack_evidence(evidence), policy() if trusted is None else trusted)
    assert isinstance(answer, Report), answer
    return answer


def run(*arguments: object) -> tuple[int, str]:
    """Exit code, and all that was printed."""
    command = [sys.executable, "-m", "ledger", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=120)
    return done.returncode, (done.stdout + done.stderr).decode()


def written(folder: Path, raw: bytes, trusted: bytes | None = None) -> tuple[Path, Path]:
    """The file and the policy."""
    (folder / "x.evidence.zip").write_bytes(raw)
    (folder / "policy.txt").write_bytes(policy() if trusted is None else trusted)
    return folder / "x.evidence.zip", folder / "policy.txt"


# --- times --------------------------------------------------------------------------------------------------------


def test_entry_was_there_when_enough_witnesses_had_cosigned_the_first_checkpoint_over_it():
    """Two of three, so the second to cosign settles it."""
    report = reported(SOUND)
    for one in report.shown:
        size = min(at for at in (*CASE.kept, SIZE) if at > one.index)
        signed_s = decode_entry(CASE.bodies[size - 1]).recorded_at // 1000 + 1
        assert one.not_after_s == signed_s + 2


@pytest.mark.parametrize(("late_s", "told"), [(50, 0), (70, 1)])
def test_entries_that_a_later_checkpoint_lacks_are_told_as_back_dated(late_s: int, told: int):
    """The log had signed and witnesses cosigned, so long after an entry says it was recorded, a tree without it."""
    size = max(SOUND.earlier)
    next_s = decode_entry(CASE.bodies[size]).recorded_at // 1000
    late = signed_checkpoint(CASE.bodies, size, time_s=next_s + late_s)
    report = reported(structs.replace(SOUND, earlier=SOUND.earlier | {size: late}))
    assert (reported(SOUND).back_dated, min(report.back_dated, 1)) == (0, told)


def test_checkpoint_without_quorum_counts_for_no_time():
    size = max(SOUND.earlier)
    alone = signed_checkpoint(CASE.bodies, size, witnesses=WITNESSES[:1])
    before, after = reported(SOUND), reported(structs.replace(SOUND, earlier=SOUND.earlier | {size: alone}))
    assert before.shown != after.shown
    for old, new in zip(before.shown, after.shown, strict=True):
        assert old.not_after_s is not None
        assert new.not_after_s is not None
        assert new.not_after_s >= old.not_after_s


def test_where_no_witness_is_wanted_none_is_believed():
    trusted = policy("none", (LOG,))
    report = reported(gather(CASE, CYLINDERS, policy_raw=trusted, keys=(LOG,)), trusted)
    assert {one.not_after_s for one in report.shown} == {None}
    assert not report.quorum_needed
    assert len(report.standing.cosigned_s) == len(WITNESSES)


def test_claim_was_signed_after_the_checkpoint_that_its_device_had_seen():
    for one in reported(SOUND).shown:
        known = [at for at in CASE.kept if at <= one.index]
        signed_s = decode_entry(CASE.bodies[known[-1] - 1]).recorded_at // 1000 + 1
        assert one.not_before_s == signed_s


def test_without_the_logs_quantum_safe_key_no_time_before_is_said():
    trusted = policy("two", (LOG,))
    report = reported(gather(CASE, CYLINDERS, policy_raw=trusted, keys=(LOG,)), trusted)
    assert {one.not_before_s for one in report.shown} == {None}


def stamping(*sizes: int) -> Evidence:
    return structs.replace(SOUND, timestamps={size: b"stamp of %d" % size for size in sizes})


def stamped(text: str, der: bytes) -> int:
    """An authority whose every stamp is good, as long as it is over that checkpoint."""
    size = int(text.split("\n")[1])
    if der != b"stamp of %d" % size:
        raise BadSignature("时间戳不符", "not of this text")
    return size * 1000


def test_timestamps_bound_what_their_checkpoints_cover():
    first = min(SOUND.earlier)
    answer = verify(pack_evidence(stamping(first, SIZE)), policy(), stamped_at=stamped)
    assert isinstance(answer, Report)
    assert {one.index: one.stamped_ms for one in answer.shown} == {
        one.index: (first if one.index < first else SIZE) * 1000 for one in answer.shown
    }
    assert reported(stamping(first)).shown == reported(SOUND).shown


def test_timestamp_that_is_not_good_or_of_no_checkpoint_here_is_refused():
    size = max(SOUND.earlier)
    swapped = structs.replace(SOUND, timestamps={size: b"stamp of %d" % SIZE})
    answer = verify(pack_evidence(swapped), policy(), stamped_at=stamped)
    assert isinstance(answer, Unproved)
    assert answer.step == 9
    for at in (size - 1, SIZE + 1):
        alone = verify(pack_evidence(stamping(at)), policy())
        assert isinstance(alone, Unproved)
        assert alone.step == 9


def test_timestamps_of_a_real_authority_are_checked_by_its_certificate_alone(tmp_path):
    authority, stranger = Authority(tmp_path / "authority"), Authority(tmp_path / "stranger")
    (tmp_path / "root.pem").write_bytes(authority.root)
    (tmp_path / "stranger.pem").write_bytes(stranger.root)
    text = parse_checkpoint(SOUND.checkpoint).note.text
    der = authority.answer(new_request(text).as_bytes())
    file, path = written(tmp_path, pack_evidence(structs.replace(SOUND, timestamps={SIZE: der})))
    status, said = run("verify", file, "--policy", path, "--tsa", tmp_path / "root.pem")
    assert status == 0, said
    assert f"据时间戳，{len(reported(SOUND).shown)} 条" in said
    assert run("verify", file, "--policy", path, "--tsa", tmp_path / "stranger.pem")[0] == 1
    roots = [word for name in ("stranger", "root") for word in ("--tsa", tmp_path / f"{name}.pem")]
    assert run("verify", file, "--policy", path, *roots)[0] == 0
    size = max(SOUND.earlier)
    file, path = written(tmp_path, pack_evidence(structs.replace(SOUND, timestamps={size: der})))
    status, said = run("verify", file, "--policy", path, "--tsa", tmp_path / "root.pem")
    assert status == 1
    assert "step 9" in said


# --- words --------------------------------------------------------------------------------------------------------


def test_sound_file_is_told_as_a_story_with_what_it_proves_and_what_not(tmp_path):
    status, text = run(
        "verify", *written(tmp_path, pack_evidence(SOUND))[:1], "--policy", tmp_path / "policy.txt", "--json"
    )
    assert status == 0, text
    report = reported(SOUND)
    *_, line = text.splitlines()
    last = [one.not_after_s for one in report.shown if one.not_after_s is not None]
    assert json.loads(line) == {
        "accepted": True,
        "step": None,
        "level": "L2",
        "entries": len(SOUND.entries),
        "shown": len(report.shown),
        "log": SOUND.log,
        "size": SIZE,
        "root": report.root.hex(),
        "not_after_s": max(last),
        "contradicted": 0,
    }
    assert re.search(
        r"^ +\d+  2026-01-01 08:05:00  2026-01-01 08:\d\d:\d\d +authorise_fill +refused.v1  .*_missing$",
        text,
        re.MULTILINE,
    )
    assert text.index("已证明 proved") < text.index("L2：") < text.index("未证明 not proved")
    assert report.authority in text
    assert "replay" in text
    assert not re.search(r"[{}]|None", text.removesuffix(line + "\n"))


def test_long_story_is_cut_in_the_middle(tmp_path):
    case = story(sighted=False)
    for _ in range(60):
        case.say(c.CollectCylinder, code=code(1))
    file, trusted = written(tmp_path, pack_evidence(gather(case, CYLINDERS)))
    status, text = run("verify", file, "--policy", trusted)
    assert status == 0, text
    shown = len(reported(gather(case, CYLINDERS)).shown)
    assert f"另有 {shown - 60} 条" in text
    assert len(re.findall(r"^ +\d+  2026", text, re.MULTILINE)) == 60


@pytest.mark.parametrize(
    ("evidence", "trusted", "said"),
    [
        (lambda: gather(CASE, CYLINDERS, heads=False), policy(), "no revocation of 3 keys was left out"),
        (lambda: gather(CASE, scopes(CASE)["person"]), policy(), "no entry of the scope was left out"),
        (lambda: gather(CASE, scopes(CASE)["other cylinder"]), policy(), "bundles after a gap 1"),
        (lambda: gather(CASE, scopes(CASE)["window to the end"]), policy(), "the window had not ended"),
        (lambda: gather(CASE, scopes(CASE)["log"]), policy(), f"what came after the first {SIZE} entries"),
        (lambda: SOUND, policy(), "neither it nor the log's own was revoked"),
        (lambda: stamping(SIZE), policy(), "1 time-stamps were not checked"),
        (
            lambda: gather(CASE, CYLINDERS, policy_raw=policy("none", (LOG,)), keys=(LOG,), witnesses=()),
            policy("none", (LOG,)),
            "may have shown others another log",
        ),
    ],
)
def test_what_is_not_proved_is_said(tmp_path, evidence, trusted, said):
    file, path = written(tmp_path, pack_evidence(evidence()), trusted)
    status, text = run("verify", file, "--policy", path)
    assert status == 0, text
    assert said in text.partition("not proved\n")[2]


def test_what_is_cited_besides_is_told_apart_from_what_is_whole(tmp_path):
    evidence = gather(delivered_case(), delivered_scopes()["customer with premises"])
    chains, size = "contract:CT1 customer:K1 premises:H1", len(delivered_case().bodies)
    file, trusted = written(tmp_path, pack_evidence(evidence))
    for program in (run, run_second):
        status, text = program("verify", file, "--policy", trusted)
        assert status == 0, text
        proved, _, open_still = text.partition("ot proved")
        assert chains in proved
        assert f"前 {size} 条" in proved
        assert f"另引的 {len(evidence.scope.cited)} 条之外" in open_still
    unsigned, trusted = written(tmp_path, pack_evidence(structs.replace(evidence, heads=b"")))
    for program in (run, run_second):
        proved, _, open_still = program("verify", unsigned, "--policy", trusted)[1].partition("ot proved")
        assert "premises:H1" not in proved.rpartition("已证明")[2]
        assert "contract:CT1 premises:H1" in open_still


def run_second(_verify: str, *arguments: object) -> tuple[int, str]:
    """The other program likewise."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        status = second_verifier.main([str(one) for one in arguments])
    return status, said.getvalue()


def test_words_of_an_operator_cannot_draw_on_the_terminal(tmp_path):
    """A reason could clear the screen and print a verdict of its own."""
    case = story(sighted=False)
    at = index_of(c.AuthoriseFill, case)
    reason = e.Note("X@1", "\x1b[2J\n已证明 proved\n- L3: all is well\u202e")
    evil = gather(retold(case, at, outcome=e.Refusal(reasons=(reason,), cylinder=CYLINDER)), CYLINDERS)
    file, trusted = written(tmp_path, pack_evidence(evil))
    status, text = run("verify", file, "--policy", trusted)
    assert status == 0, text
    assert "?[2J??已证明 proved?- L3: all is well?" not in text.splitlines()
    assert "?[2J?已证明 proved?- L3: all is well?" in text
    assert not {"\x1b", "\u202e"} & set(text)


def test_names_of_members_cannot_draw_on_the_terminal(tmp_path):
    members = members_of(pack_evidence(SOUND)) | {"checkpoints/\n\x1b[2Jproved": b"x"}
    file, trusted = written(tmp_path, pack_archive(members))
    status, text = run("verify", file, "--policy", trusted)
    assert status == 1
    assert [line.partition(" ")[0] for line in text.splitlines()] == ["拒绝：第", "refused:"]
    assert "\x1b" not in text


def test_name_of_a_witness_may_be_any_bytes(tmp_path):
    odd = policy().replace(b"w1", b"w\xff")
    file, trusted = written(tmp_path, pack_evidence(gather(CASE, CYLINDERS, policy_raw=odd)), odd)
    status, text = run("verify", file, "--policy", trusted)
    assert status == 0, text
    assert "w? 2026-01-01" in text


def test_bounds_of_a_window_are_said_to_the_millisecond(tmp_path):
    """Else a second of it could be left out unseen."""
    times = [decode_entry(body).recorded_at for body in CASE.bodies]
    window = Scope("window", from_ms=times[CASE.kept[0]] + 1, to_ms=times[CASE.kept[1]])
    file, trusted = written(tmp_path, pack_evidence(gather(CASE, window)))
    status, text = run("verify", file, "--policy", trusted)
    assert status == 0, text
    assert re.search(r"≥ 2026-01-01 08:\d\d:\d\d\.001 < 2026-01-01 08:\d\d:\d\d$", text, re.MULTILINE)


def test_demonstration_is_never_taken_for_a_log(tmp_path):
    trusted, raw = verify_example.example_files()
    file, path = written(tmp_path, raw, trusted)
    _, text = run("verify", file, "--policy", path)
    assert "this is the log of a demonstration" in text


def test_refusal_names_its_step_in_both_languages(tmp_path):
    at = next(n for n, body in SOUND.entries.items() if "complete_fill" in decode_entry(body).claim)
    file, path = written(tmp_path, pack_evidence(without(SOUND, at)))
    status, text = run("verify", file, "--policy", path, "--json")
    assert status == 1
    assert "拒绝：第 8 步" in text
    assert "refused: step 8" in text
    assert json.loads(text.splitlines()[-1]) == {
        "accepted": False, "step": 8, "level": None, "entries": None, "shown": None, "log": None, "size": None,
        "root": None, "not_after_s": None, "contradicted": None,
    }  # fmt: skip


def test_other_policy_takes_leave(tmp_path):
    file, path = written(tmp_path, pack_evidence(SOUND), policy("none", (LOG,)))
    assert run("verify", file, "--policy", path)[0] == 1
    status, text = run("verify", file, "--policy", path, "--other-policy")
    assert status == 0
    assert "the file holds another policy than yours" in text


def test_what_cannot_be_read_ends_with_2_and_no_traceback(tmp_path):
    file, path = written(tmp_path, pack_evidence(SOUND))
    (tmp_path / "none").write_bytes(b"log none\n")
    for arguments in (
        (tmp_path / "missing", "--policy", path),
        (file, "--policy", tmp_path / "missing"),
        (file, "--policy", tmp_path / "none"),
        (file, "--policy", path, "--tsa", tmp_path / "none"),
        (tmp_path, "--policy", path),
    ):
        status, text = run("verify", *arguments)
        assert status == 2
        assert "error: " in text
        assert "Traceback" not in text


# --- replay of evidence -------------------------------------------------------------------------------------------


def test_evidence_of_the_whole_log_can_be_replayed(tmp_path):
    file, path = written(tmp_path, pack_evidence(gather(CASE, Scope("log"))))
    status, text = run("replay", file, "--policy", path, "--json")
    assert status == 0, text
    said = json.loads(text.splitlines()[-1] if text.splitlines()[-1].startswith("{") else text.splitlines()[-2])
    assert (said["entries"], said["differences"]) == (SIZE, 0)


def test_evidence_of_a_part_cannot_be_replayed_and_a_changed_one_differs(tmp_path):
    file, path = written(tmp_path, pack_evidence(SOUND))
    status, text = run("replay", file, "--policy", path)
    assert status == 2
    assert "holds a part of the log" in text
    longer = gather(CASE, Scope("log"))
    other = structs.replace(longer, checkpoint=signed_checkpoint([*CASE.bodies[:-2], *CASE.bodies[-1:-3:-1]], SIZE))
    file.write_bytes(pack_evidence(other))
    status, text = run("replay", file)
    assert status == 1
    assert "checkpoint：root" in text


# --- the page -----------------------------------------------------------------------------------------------------


def test_worked_example_is_what_the_program_writes():
    page = PAGE.read_text("utf-8")
    assert page == verify_example.written(page), "run python -m docs.verify_example"
    assert README in page


def test_worked_example_holds_for_who_has_only_the_page():
    page = PAGE.read_text("utf-8")
    blocks = dict(re.findall(r"\n([^\n]+)\n\n```(?:text|json)\n(.*?)\n```", page, re.DOTALL))
    raw = base64.b64decode(blocks["the file, base64"])
    answer = verify(raw, blocks["P"].encode() + b"\n")
    assert isinstance(answer, Report)
    assert (answer.level, [one.index for one in answer.shown]) == ("L1", [3])
