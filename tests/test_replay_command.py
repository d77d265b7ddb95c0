"""`python -m ledger replay`, as an outsider runs it: a process of its own, over files alone."""

import gzip
import json
import lzma
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import claim as c
from ledger import events as e
from ledger.checkpoint import TreeHead, cosign, sign_checkpoint, with_cosignatures
from ledger.entry import decode_entry, leaf_hash
from ledger.merkle import extend, root_of
from ledger.note_key import ED25519, ED25519_COSIGNATURE, note_signer
from ledger.policy import Log, Policy, Witness, format_policy
from ledger.tiles import ENTRIES, encode_entries, tile_path, tiles_between
from tests.story import ORIGIN, Town

NOW_S = 1_767_225_600


def signer(name: str, kind: int, seed: bytes):
    return note_signer(name, kind, Ed25519PrivateKey.from_private_bytes(seed * 32))


LOG, STRANGER = signer(ORIGIN, ED25519, b"l"), signer(ORIGIN, ED25519, b"s")
WITNESS = signer("witness.example.cn/w1", ED25519_COSIGNATURE, b"w")


@pytest.fixture(scope="module")
def bodies() -> list[bytes]:
    """The entries of a log in which cylinders are registered, filled and sold, and some requests refused."""
    town = Town()
    town.opened()
    for number in range(1, 151):
        code = town.with_cylinder(number)
        if number % 20 == 0:
            town.say(c.AuthoriseFill, code=code)
        town.fill(code)
        town.release(code)
        town.sell(code)
    assert len(town.bodies) > 1_280
    return town.bodies


def root(bodies: list[bytes]) -> bytes:
    return root_of(extend((), 0, map(leaf_hash, bodies)))


def signed(bodies: list[bytes]) -> bytes:
    checkpoint = sign_checkpoint(TreeHead(ORIGIN, len(bodies), root(bodies)), [LOG], NOW_S)
    return with_cosignatures(checkpoint, [cosign(checkpoint, WITNESS, NOW_S)]).raw


def published(folder: Path, bodies: list[bytes]) -> Path:
    """The log as its publisher leaves it, which is all that an operator who changed entries would publish anew."""
    for tile in tiles_between(0, len(bodies)):
        if tile.level == ENTRIES:
            path = folder / tile_path(tile)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_entries(bodies[tile.index * 256 :][: tile.width]))
    (folder / "checkpoint").write_bytes(signed(bodies))
    return folder


def lines(path: Path, bodies: list[bytes]) -> Path:
    path.write_bytes(b"".join(body + b"\n" for body in bodies))
    return path


def policy(path: Path, log=LOG, quorum: str = "w1") -> Path:
    path.write_bytes(format_policy(Policy((Log(log.key),), (Witness("w1", WITNESS.key),), (), quorum)))
    return path


def replay(*arguments: object, stdin: bytes = b"", program: tuple[str, ...] = ("-m", "ledger")):
    """Exit code, what was printed, and the JSON line if there is one."""
    command = [sys.executable, *program, "replay", *map(str, arguments), "--json"]
    done = subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=120)
    text = done.stdout.decode()
    said = json.loads(text.splitlines()[-1]) if done.returncode != 2 else {}
    return done.returncode, text + done.stderr.decode(), said


def changed_outcome(bodies: list[bytes]) -> tuple[list[bytes], int]:
    """One fill is said to have been lighter."""
    at = next(
        n for n, body in enumerate(bodies) if n > 300 and isinstance(decode_entry(body).outcome, e.CylinderFilled)
    )
    lighter = bodies[at].replace(b'"net_g":14500', b'"net_g":14400')
    assert lighter != bodies[at]
    return [*bodies[:at], lighter, *bodies[at + 1 :]], at


def test_published_log_is_sound_and_its_root_and_signatures_are_those_of_the_checkpoint(tmp_path, bodies):
    code, text, said = replay(published(tmp_path / "log", bodies), "--policy", policy(tmp_path / "policy.txt"))
    assert code == 0, text
    assert said.pop("rate_per_s") > 0
    assert said == {
        "entries": len(bodies),
        "decisions": len(bodies),
        "differences": 0,
        "root": root(bodies).hex(),
    }
    assert "--policy" not in text


@pytest.mark.parametrize("form", ["plain", "gz", "xz", "stdin"])
def test_entries_file_in_each_form_is_sound(tmp_path, bodies, form):
    some = bodies[:300]
    raw = lines(tmp_path / "entries", some).read_bytes()
    packed = gzip.compress(raw) if form == "gz" else lzma.compress(raw) if form == "xz" else raw
    (tmp_path / "entries").write_bytes(packed)
    code, text, said = replay("-" if form == "stdin" else tmp_path / "entries", stdin=packed)
    assert code == 0, text
    assert (said["entries"], said["differences"], said["root"]) == (300, 0, root(some).hex())
    assert "a cut tail would not show" in text


def test_full_bundle_may_stand_where_a_partial_one_was(tmp_path, bodies):
    log = published(tmp_path / "log", bodies[:512])
    (log / "checkpoint").write_bytes(signed(bodies[:300]))
    code, text, said = replay(log)
    assert code == 0, text
    assert said["entries"] == 300


def test_changed_outcome_is_named_with_both_sides_however_it_was_published(tmp_path, bodies):
    changed, at = changed_outcome(bodies)
    for source in (published(tmp_path / "log", changed), lines(tmp_path / "entries", changed)):
        code, text, said = replay(source)
        assert code == 1
        assert said["differences"] >= 1
        first = text[text.index(f"条目 entry {at}：outcome") :].splitlines()
        assert '"net_g":14400' in first[1]
        assert '"net_g":14500' in first[2]


def test_changed_entry_under_the_old_checkpoint_is_another_root_too(tmp_path, bodies):
    changed, _ = changed_outcome(bodies)
    log = published(tmp_path / "log", changed)
    (log / "checkpoint").write_bytes(signed(bodies))
    code, text, _ = replay(log)
    assert code == 1
    assert re.search(rf"checkpoint：root\n.*{root(changed).hex()}\n.*{root(bodies).hex()}", text)


def test_swapped_entries_are_found_though_the_tree_was_made_anew(tmp_path, bodies):
    at = next(n for n, body in enumerate(bodies) if n > 700 and isinstance(decode_entry(body).outcome, e.FillStarted))
    swapped = [*bodies[:at], bodies[at + 1], bodies[at], *bodies[at + 2 :]]
    code, text, said = replay(published(tmp_path / "log", swapped))
    assert code == 1
    assert said["differences"] >= 2
    assert f"entry {at}：" in text
    assert f"entry {at + 1}：" in text


@pytest.mark.parametrize("at", range(700, 710))
def test_missing_entry_of_whatever_kind_is_found_though_the_tree_was_made_anew(tmp_path, bodies, at):
    code, _, said = replay(published(tmp_path / "log", [*bodies[:at], *bodies[at + 1 : 800]]))
    assert code == 1
    assert said["differences"] >= 1


def test_missing_filing_that_later_entries_rest_on_is_found(tmp_path, bodies):
    code, _, said = replay(lines(tmp_path / "entries", [*bodies[:20], *bodies[21:400]]))
    assert code == 1
    assert said["differences"] >= 1


def test_cut_tail_is_found_by_the_checkpoint(tmp_path, bodies):
    (tmp_path / "kept").write_bytes(signed(bodies))
    cut = lines(tmp_path / "entries", bodies[:-5])
    code, text, _ = replay(cut, "--checkpoint", tmp_path / "kept")
    assert code == 1
    assert re.search(rf"checkpoint：size\n.*{len(bodies) - 5}\n.*{len(bodies)}", text)
    older = published(tmp_path / "log", bodies[:-5])
    code, text, _ = replay(older, "--checkpoint", tmp_path / "kept")
    assert code == 2
    assert "cannot read" in text


def test_rule_changed_under_its_version_is_found(tmp_path, bodies):
    program = tmp_path / "changed.py"
    program.write_text(
        "from msgspec import structs\n"
        "from ledger.__main__ import main\n"
        "from ledger.rules.rule import RULES\n"
        "RULES['COND-01@2'] = structs.replace(RULES['COND-01@2'], check=lambda case: None)\n"
        "main()\n"
    )
    code, text, said = replay(published(tmp_path / "log", bodies), program=(str(program),))
    assert code == 1
    assert said["differences"] == 7  # the requests that were refused for want of a pre-check
    assert "prefill_check_missing" in text


def test_policy_of_another_key_or_with_a_quorum_not_met_is_a_difference(tmp_path, bodies):
    log = published(tmp_path / "log", bodies[:50])
    code, text, said = replay(log, "--policy", policy(tmp_path / "other", log=STRANGER))
    assert (code, said["differences"]) == (1, 1)
    assert "checkpoint：signature" in text
    bare = sign_checkpoint(TreeHead(ORIGIN, 50, root(bodies[:50])), [LOG], NOW_S)
    (log / "checkpoint").write_bytes(bare.raw)
    code, text, said = replay(log, "--policy", policy(tmp_path / "policy.txt"))
    assert (code, said["differences"]) == (1, 1)
    assert "checkpoint：quorum" in text
    code, text, _ = replay(log, "--policy", policy(tmp_path / "none", quorum="none"))
    assert code == 0, text


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("checkpoint", 0),
        ("checkpoint", 9),
        ("tile/entries/000", 0),
        ("tile/entries/000", -1),
        ("tile/entries/001.p/44", -1),
    ],
)
def test_unreadable_published_log_ends_with_2_and_no_traceback(tmp_path, bodies, name, kept):
    log = published(tmp_path / "log", bodies[:300])
    (log / name).write_bytes((log / name).read_bytes()[:kept])
    code, text, _ = replay(log)
    assert code == 2
    assert "错误：" in text
    assert "Traceback" not in text


@pytest.mark.parametrize("raw", [b"", b"\n", b"{}\n", b"\xff\n", b"x" * 70_000 + b"\n", b"\x1f\x8b\x08no gzip"])
def test_unreadable_entries_file_ends_with_2_and_no_traceback(raw):
    code, text, _ = replay("-", stdin=raw)
    assert code == 2
    assert "错误：" in text
    assert "Traceback" not in text


def test_entry_that_is_none_ends_the_replay_as_a_difference(tmp_path, bodies):
    code, text, said = replay(lines(tmp_path / "entries", [*bodies[:100], b"{}", *bodies[100:200]]))
    assert (code, said["entries"], said["differences"]) == (1, 100, 1)
    assert "entry 100：entry" in text


def killed(resume: Path, bodies: list[bytes]) -> int:
    """A replay that is killed once it has noted how far it came; how far that is."""
    command = [sys.executable, "-m", "ledger", "replay", "-", "--resume", str(resume)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        process.stdin.write(b"".join(body + b"\n" for body in bodies[:1_200]))
        process.stdin.flush()
        while not resume.exists():
            assert process.poll() is None
        process.kill()
    return int(json.loads(resume.read_text())["size"])


def test_commands_are_listed_in_both_languages():
    told = subprocess.run([sys.executable, "-m", "ledger", "-h"], capture_output=True, text=True, check=True).stdout
    for name in ("replay", "verify"):
        assert re.search(rf"^  {name}  [一-鿿].*。[A-Z].*\.$", told, re.MULTILINE), told


def test_replay_that_was_killed_goes_on_and_says_the_same(tmp_path, bodies):
    changed, at = changed_outcome(bodies)
    whole = replay(lines(tmp_path / "entries", changed))
    came = killed(tmp_path / "progress", changed)
    assert at < came < len(bodies)
    code, text, said = replay(tmp_path / "entries", "--resume", tmp_path / "progress")
    assert code == whole[0] == 1
    assert {**said, "rate_per_s": 0} == {**whole[2], "rate_per_s": 0}
    assert f"条目 entry {at}：outcome" in text
    assert f"the first {came}" in text


def test_finished_replay_goes_on_where_the_log_has_grown(tmp_path, bodies):
    progress = tmp_path / "progress"
    assert replay(lines(tmp_path / "entries", bodies[:300]), "--resume", progress)[0] == 0
    changed, at = changed_outcome(bodies)
    code, text, said = replay(lines(tmp_path / "entries", changed), "--resume", progress)
    assert (code, said["entries"]) == (1, len(bodies))
    assert f"条目 entry {at}：outcome" in text
    assert "the first 300:" in text


def test_progress_of_another_past_is_not_believed(tmp_path, bodies):
    """Neither entries changed since, nor a shorter log, nor other code, nor a file that is none."""
    progress = tmp_path / "progress"
    assert replay(lines(tmp_path / "entries", bodies[:500]), "--resume", progress)[0] == 0
    noted = progress.read_bytes()
    changed, at = changed_outcome(bodies)
    assert at < 500
    for source in (changed, bodies[:400]):
        code, text, _ = replay(lines(tmp_path / "entries", source), "--resume", progress)
        assert code == 2
        assert "not of this source's beginning" in text
        assert progress.read_bytes() == noted
    for spoilt in (re.sub(rb'"code":"[0-9a-f]{8}', b'"code":"00000000', noted), b"{}", noted[:-9], b""):
        progress.write_bytes(spoilt)
        assert replay(lines(tmp_path / "entries", bodies[:500]), "--resume", progress)[0] == 2
