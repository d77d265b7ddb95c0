"""A mirror follows a log over real sockets: it keeps what leads to a signed root, and nothing else."""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api.mirror.conflict import FOLDER, Contradicted
from api.settings import BadSettings
from ledger.checkpoint import TreeHead, cosign, parse_checkpoint, sign_checkpoint, signed_at, with_cosignatures
from ledger.errors import BadProof, BadSignature, Busy, Corrupt, Forbidden, LedgerError, Malformed
from ledger.note import MAX_SIGNATURES, Note, Signature, format_note
from ledger.policy import Log, Policy, Witness
from ledger.tiles import FULL_BYTES
from tests.cosign_kit import raw
from tests.mirror_kit import Handout, files, handing_out, mirroring, put_out, spoil, tiles
from tests.witness_kit import NOW_S, ORIGIN, PaperLog, new_plan

SIZE = 700


@pytest.fixture(scope="module")
def log() -> PaperLog:
    return PaperLog()


@pytest.fixture
def published(log: PaperLog, tmp_path: Path) -> Path:
    put_out(log, SIZE, tmp_path / "published")
    return tmp_path / "published"


@pytest.fixture
def handout(published: Path) -> Iterator[Handout]:
    with handing_out(published) as handout:
        yield handout


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


def size_of(root: Path) -> int:
    return parse_checkpoint((root / ORIGIN / "checkpoint").read_bytes()).head.size


def kept_notes(root: Path) -> dict[str, bytes]:
    return {path.suffix: path.read_bytes() for path in (root / ORIGIN / FOLDER).iterdir()}


def test_mirror_of_a_log_is_the_log_byte_for_byte(handout: Handout, log: PaperLog, published: Path, ours: Path) -> None:
    with mirroring(handout, ours, log) as mirror:
        mirrored = mirror.step()
        assert mirrored is not None
        assert mirrored.checkpoint == log.checkpoint(SIZE)
        assert mirror.step() is None
    assert tiles(ours) == tiles(published)
    assert files(ours)["checkpoint"] == files(published)["checkpoint"]
    assert (ours / ORIGIN / "checkpoints" / "700").read_bytes() == files(published)["checkpoint"]


@pytest.mark.parametrize("steps", [(1, 2, 255, 256, 257, 511, 512, 600, 1999), (0, 300), (256, 512), (512, 1024, 1025)])
def test_it_follows_a_log_as_it_grows(log: PaperLog, tmp_path: Path, ours: Path, steps: tuple[int, ...]) -> None:
    root = tmp_path / "published"
    root.mkdir()
    with handing_out(root) as handout, mirroring(handout, ours, log) as mirror:
        with pytest.raises(Busy, match="not published there"):
            mirror.step()
        for size in steps:
            put_out(log, size, root)
            assert mirror.step() is not None
            assert tiles(ours).items() >= tiles(root).items()
            assert size_of(ours) == size
    assert tiles(ours) == tiles(root) or len(steps) > 2, "older partial tiles may be left"


def test_it_fetches_only_what_is_new(handout: Handout, log: PaperLog, published: Path, ours: Path) -> None:
    with mirroring(handout, ours, log) as mirror:
        mirror.step()
        put_out(log, SIZE + 10, published)
        handout.asked.clear()
        mirror.step()
    assert "tile/0/000" not in "".join(handout.asked)
    assert "entries/001" not in "".join(handout.asked)
    assert len(handout.asked) <= 5


def test_cosignatures_gathered_later_are_kept_too(
    handout: Handout, log: PaperLog, published: Path, ours: Path, tmp_path: Path
) -> None:
    signers = new_plan(tmp_path, pq=False).signers()
    policy = Policy(tuple(map(Log, log.keys)), (Witness("w", signers[0].key),), (), "w")
    with mirroring(handout, ours, log, policy) as mirror:
        first = mirror.step()
        assert first is not None
        assert not first.standing.quorum
        checkpoint = log.checkpoint(SIZE)
        checkpoint = with_cosignatures(checkpoint, [cosign(checkpoint, one, NOW_S + 1) for one in signers])
        put_out(log, SIZE, published, checkpoint)
        later = mirror.step()
        assert later is not None
        assert later.standing.quorum
        assert files(ours)["checkpoint"] == checkpoint.raw == (ours / ORIGIN / "checkpoints" / "700").read_bytes()
        put_out(log, SIZE, published)
        assert mirror.step() is None
        assert files(ours)["checkpoint"] == checkpoint.raw, "and not lost again"


# --- what the server answers is not right: told, nothing of it kept, tried again


def cut(body: bytes) -> bytes:
    return body[:-1]


def flipped(body: bytes) -> bytes:
    return body[:40] + bytes([body[40] ^ 1]) + body[41:]


def longer(body: bytes) -> bytes:
    return body + bytes(32)


TAMPERED: dict[str, tuple[str, Callable[[bytes], bytes | int], type[LedgerError]]] = {
    "checkpoint cut": ("checkpoint", cut, Malformed),
    "checkpoint flipped": ("checkpoint", flipped, BadSignature),
    "checkpoint of another size": ("checkpoint", lambda body: body.replace(b"\n700\n", b"\n701\n"), BadSignature),
    "checkpoint without end": ("checkpoint", lambda _: bytes(2_000_000), Malformed),
    "no checkpoint": ("checkpoint", lambda _: 500, Busy),
    "wire cut": ("checkpoint", lambda _: 0, Busy),
    "tile flipped": ("tile/0/000", flipped, BadProof),
    "tile cut": ("tile/0/001", cut, BadProof),
    "tile reordered": ("tile/0/001", lambda body: body[32:] + body[:32], BadProof),
    "tile too long": ("tile/0/001", lambda _: bytes(FULL_BYTES + 1), Malformed),
    "edge flipped": ("tile/0/002.p", flipped, BadProof),
    "edge cut": ("tile/0/002.p", cut, Malformed),
    "top flipped": ("tile/1/000.p", flipped, BadProof),
    "top missing": ("tile/1/000.p", lambda _: 404, Busy),
    "bundle flipped": ("tile/entries/000", flipped, BadProof),
    "bundle cut": ("tile/entries/001", cut, BadProof),
    "bundle with one more": ("tile/entries/001", lambda body: body + b"\0\0", BadProof),
    "last bundle flipped": ("tile/entries/002.p", flipped, BadProof),
    "last bundle missing": ("tile/entries/002.p", lambda _: 404, Busy),
    "bundle forbidden": ("tile/entries/001", lambda _: 403, Forbidden),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_tampered_answer_is_never_kept_and_the_true_one_is(
    handout: Handout, log: PaperLog, published: Path, ours: Path, case: str
) -> None:
    part, change, kind = TAMPERED[case]
    with mirroring(handout, ours, log) as mirror:
        with handout.altered(part, change), pytest.raises(kind) as told:
            mirror.step()
        assert any("\u4e00" <= letter <= "\u9fff" for letter in told.value.zh)
        assert not (ours / ORIGIN / "checkpoint").exists()
        assert tiles(ours).items() <= tiles(published).items()
        assert mirror.step() is not None
    assert tiles(ours) == tiles(published)
    assert not (ours / ORIGIN / FOLDER).exists()


def test_surplus_behind_a_tile_is_not_kept(handout: Handout, log: PaperLog, published: Path, ours: Path) -> None:
    with mirroring(handout, ours, log) as mirror, handout.altered("tile/0/002.p", longer):
        assert mirror.step() is not None
    assert tiles(ours) == tiles(published)


def test_checkpoint_of_other_keys_or_of_another_log_is_not_believed(
    handout: Handout, log: PaperLog, ours: Path
) -> None:
    other = PaperLog("other.test/v1")
    policy = Policy(tuple(map(Log, (*log.keys, *other.keys))), (), (), "none")
    with mirroring(handout, ours, log, policy) as mirror:
        for wrong in (PaperLog().checkpoint(SIZE).raw, other.checkpoint(SIZE).raw):
            with handout.altered("checkpoint", lambda _, wrong=wrong: wrong), pytest.raises(BadSignature):  # type: ignore[misc]
                mirror.step()


def test_full_tile_that_took_a_partial_ones_place_will_do(
    handout: Handout, log: PaperLog, published: Path, ours: Path
) -> None:
    older = log.checkpoint(600).raw  # its partial tiles are no longer there
    put_out(log, 1000, published)
    with mirroring(handout, ours, log) as mirror, handout.altered("checkpoint", lambda _: older):
        assert mirror.step() is not None
    assert size_of(ours) == 600
    assert len((ours / ORIGIN / "tile/0/002.p/88").read_bytes()) == 88 * 32


def test_entries_take_the_token(handout: Handout, log: PaperLog, ours: Path) -> None:
    handout.token = "all"
    with mirroring(handout, ours, log) as mirror:
        mirror.step()
    handout.token = "another"
    with mirroring(Handout(handout.root, handout.url), ours / "2", log) as mirror, pytest.raises(Forbidden):
        mirror.step()


# --- what the log signed contradicts itself: kept, told, the end


@pytest.mark.parametrize("size", [SIZE, SIZE + 1, 1000, 1999])
def test_fork_ends_it_with_both_notes_kept(
    handout: Handout, log: PaperLog, tmp_path: Path, ours: Path, size: int
) -> None:
    with mirroring(handout, ours, log) as mirror:
        mirror.step()
        before = files(ours)
        other = log.fork(SIZE - 1)
        put_out(other, size, tmp_path / "forked")
        handout.swap(tmp_path / "forked")
        with pytest.raises(Contradicted) as told:
            mirror.step()
    assert "两段不同的历史" in told.value.zh
    assert "two different histories" in told.value.en
    assert files(ours) == before
    notes = kept_notes(ours)
    assert notes == {".held": log.checkpoint(SIZE).raw, ".told": other.checkpoint(size).raw}
    assert all(signed_at(parse_checkpoint(raw), key) is not None for raw in notes.values() for key in log.keys)
    with mirroring(handout, ours, log) as mirror, pytest.raises(Contradicted):
        mirror.step()
    assert kept_notes(ours) == notes


def test_smaller_checkpoint_of_another_history_is_a_fork(
    handout: Handout, log: PaperLog, tmp_path: Path, ours: Path
) -> None:
    with mirroring(handout, ours, log) as mirror:
        mirror.step()
        put_out(log.fork(100), 300, tmp_path / "forked")
        handout.swap(tmp_path / "forked")
        with pytest.raises(Contradicted, match="two different histories"):
            mirror.step()


def test_old_checkpoint_is_let_pass_for_a_while_and_then_is_a_roll_back(
    handout: Handout, log: PaperLog, tmp_path: Path, published: Path, ours: Path
) -> None:
    put_out(log, 300, tmp_path / "old")
    with mirroring(handout, ours, log) as mirror:
        mirror.step()
        handout.swap(tmp_path / "old")
        assert mirror.step() is None, "a cache may show it"
        handout.swap(published)
        assert mirror.step() is None
    handout.swap(tmp_path / "old")
    with mirroring(handout, ours, log, patience_s=0) as mirror, pytest.raises(Contradicted, match="rolled back"):
        mirror.step()
    assert kept_notes(ours) == {".held": log.checkpoint(SIZE).raw, ".told": log.checkpoint(300).raw}


def test_smaller_tree_that_was_signed_later_is_a_roll_back_at_once(
    handout: Handout, log: PaperLog, tmp_path: Path, ours: Path
) -> None:
    later = sign_checkpoint(TreeHead(ORIGIN, 300, log.root(300)), log.signers, NOW_S + 1)
    with mirroring(handout, ours, log) as mirror:
        mirror.step()
        put_out(log, 300, tmp_path / "old", later)
        handout.swap(tmp_path / "old")
        with pytest.raises(Contradicted, match="rolled back"):
            mirror.step()


def test_history_is_settled_before_its_entries_are_here(
    handout: Handout, log: PaperLog, tmp_path: Path, ours: Path
) -> None:
    with mirroring(handout, ours, log) as mirror, handout.altered("entries/001", lambda _: 503), pytest.raises(Busy):
        mirror.step()
    put_out(log.fork(SIZE - 1), SIZE, tmp_path / "forked")
    handout.swap(tmp_path / "forked")
    with mirroring(handout, ours, log) as mirror, pytest.raises(Contradicted):
        mirror.step()
    assert not (ours / ORIGIN / "checkpoint").exists()


# --- its own disk


def test_it_goes_on_where_it_was_ended_and_fetches_nothing_twice(
    handout: Handout, log: PaperLog, tmp_path: Path, ours: Path
) -> None:
    put_out(log, 1999, tmp_path / "longer")
    handout.swap(tmp_path / "longer")
    with mirroring(handout, ours, log) as mirror, handout.altered("entries/005", lambda _: 503), pytest.raises(Busy):
        mirror.step()
    there = {name for name in tiles(ours) if "entries" in name}
    assert there
    handout.asked.clear()
    with mirroring(handout, ours, log) as mirror:
        mirror.step()
    assert not [path for path in handout.asked if path.removeprefix(f"/logs/{ORIGIN}/") in there]
    assert tiles(ours) == tiles(tmp_path / "longer")


def test_spoilt_files_are_told_and_fetched_anew(handout: Handout, log: PaperLog, published: Path, ours: Path) -> None:
    with mirroring(handout, ours, log) as mirror:
        mirror.step()
    for tile in ("tile/entries/000", "tile/0/001", "tile/0/002.p/188", "tile/entries/002.p/188", "tile/1/000.p/2"):
        spoil(ours, tile)
    with pytest.raises(Corrupt, match="move its `checkpoint` away"), mirroring(handout, ours, log):
        pass
    (ours / ORIGIN / "checkpoint").unlink()
    with mirroring(handout, ours, log) as mirror:
        mirror.step()
    assert tiles(ours) == tiles(published)


def test_checkpoint_here_that_others_signed_is_not_believed(handout: Handout, log: PaperLog, ours: Path) -> None:
    with mirroring(handout, ours, log) as mirror:
        mirror.step()
    (ours / ORIGIN / "checkpoint").write_bytes(PaperLog().checkpoint(SIZE).raw)
    with pytest.raises(BadSignature), mirroring(handout, ours, log):
        pass
    (ours / ORIGIN / "checkpoint").write_bytes(b"torn")
    with pytest.raises(Corrupt), mirroring(handout, ours, log):
        pass


def test_two_mirrors_do_not_write_to_one_folder(handout: Handout, log: PaperLog, ours: Path) -> None:
    with (
        mirroring(handout, ours, log),
        pytest.raises(BadSettings, match="another process"),
        mirroring(handout, ours, log),
    ):
        pass


def test_lines_of_strangers_take_no_cosignature_away(
    handout: Handout, log: PaperLog, published: Path, ours: Path, tmp_path: Path
) -> None:
    signers = new_plan(tmp_path, pq=True).signers()
    policy = Policy(
        tuple(map(Log, log.keys)), tuple(Witness(f"w{at}", one.key) for at, one in enumerate(signers)), (), "w0"
    )
    plain = log.checkpoint(SIZE)
    lines = [cosign(plain, one, NOW_S + 1) for one in signers]
    strangers = [Signature(f"stranger{number}", b"abcd", b"x") for number in range(MAX_SIGNATURES - 2)]
    with mirroring(handout, ours, log, policy) as mirror:
        put_out(log, SIZE, published, with_cosignatures(plain, lines[:1]))
        mirror.step()
        put_out(log, SIZE, published, with_cosignatures(plain, strangers))
        for _ in range(2):
            mirror.step()
        put_out(log, SIZE, published, with_cosignatures(plain, lines[1:]))
        mirrored = mirror.step()
        assert mirrored is not None
        assert set(mirrored.standing.cosigned_s) == {"w0", "w1"}
        assert mirror.step() is None
    with mirroring(handout, ours, log, policy) as mirror:
        assert mirror.held == mirrored.checkpoint, "and it can be read back"


def test_answer_that_unpacks_to_too_much_is_cut_off(log: PaperLog, ours: Path) -> None:
    packed = gzip.compress(bytes(50_000_000))
    for coding, kind in (("gzip", "over 1000000 bytes"), ("gzip, gzip", "not UTF-8")):
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(packed)}\r\n\r\n"
        with (
            raw(head.encode() + packed, pause_s=0.5) as url,
            mirroring(Handout(ours, url), ours, log) as mirror,
            pytest.raises(Malformed, match=kind),
        ):
            mirror.step()


def test_answer_without_end_is_cut_off(log: PaperLog, ours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.mirror.source._WHOLE_S", 0.5)
    for start in (b"HTTP/1.1 103 \r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n"):
        with (
            raw(start, pause_s=0.05) as url,
            mirroring(Handout(ours, url), ours, log) as mirror,
            pytest.raises(Busy),
        ):
            mirror.step()


def test_lines_that_no_key_of_the_log_signed_are_not_kept(handout: Handout, log: PaperLog, ours: Path) -> None:
    checkpoint = log.checkpoint(SIZE)
    lines = [one for one in checkpoint.note.signatures if one.key_id == log.keys[1].key_id]
    more = format_note(Note(f"{checkpoint.note.text}the log is closed\n", tuple(lines)))
    with mirroring(handout, ours, log) as mirror:
        with handout.altered("checkpoint", lambda _: more), pytest.raises(BadSignature, match="further lines"):
            mirror.step()
        assert mirror.step() is not None
