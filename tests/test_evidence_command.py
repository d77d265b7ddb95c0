"""`ledger evidence`, and which checkpoints go with it, as an operator and then an investigator see it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from api.cli import main
from api.evidence import trail
from api.evidence.times import parse_time
from api.evidence.trail import final_checkpoint, find_trail
from api.publish.tile_store import TileStore
from ledger.checkpoint import Checkpoint, TreeHead, cosign, sign_checkpoint, with_cosignatures
from ledger.errors import BadSignature, Malformed
from ledger.evidence import parse_evidence
from ledger.note_key import ED25519, ED25519_COSIGNATURE, NoteSigner, format_vkey, note_signer
from ledger.policy import Log, Policy, Witness
from ledger.store import selection
from ledger.store.embedded import EmbeddedServer
from ledger.store.read import ALL_SITES, driver_of, open_engine, reading
from tests.evidence_town import (
    FILLED,
    LOG,
    NEW_LABEL,
    PHOTO,
    PHOTO_DIGEST,
    cylinder_id,
    keep,
    policy_of,
    proved,
    serve_life,
)
from tests.publish_kit import publish_file, write_keys
from tests.story import ORIGIN, private_key


class Left:
    """What a town left behind when its server ended: a database, published files, and what HTTP had answered."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.policy, self.key = folder / "policy.txt", folder / "publish.pem"
        self.answers: dict[str, bytes] = {}

    def run(self, *words: object, key: bool = True, policy: Path | None = None) -> Result:
        signed = ("--key", self.key) if key else ()
        words = ("evidence", "--dir", self.folder / "published", "--policy", policy or self.policy, *signed, *words)
        return CliRunner(env={"LEDGER_DATABASE_URL": self.url}).invoke(main, [str(word) for word in words])

    def file(self, *words: object, out: Path) -> bytes:
        done = self.run(*words, "--out", out)
        assert done.exit_code == 0, done.output
        assert "checked, level" in done.stdout
        return out.read_bytes()


SCOPES = {
    f"/cylinders/{FILLED}/evidence": ("--cylinder", FILLED),
    "/persons/P2/evidence": ("--person", "P2"),
    "/lots/T1/evidence": ("--tank-lot", "T1"),
    "/sites/S1/evidence": ("--site", "S1"),
    "/premises/H1/evidence": ("--premises", "H1"),
    "/customers/K1/evidence": ("--customer", "K1"),
    "/vehicles/V2/evidence": ("--vehicle", "V2"),
    "/lines/L1/evidence": ("--line", "L1"),
    "/recalls/R1/evidence": ("--recall", "R1"),
    f"{LOG}/evidence?from=2001-01-01T06:00&to=2099-01-01": (
        "--window", "--from", "2001-01-01T06:00", "--to", "2099-01-01",
    ),
    f"/premises/H1/evidence?found={FILLED}&known_at=2099-01-01": (
        "--premises", "H1", "--found", FILLED, "--known-at", "2099-01-01",
    ),
    f"{LOG}/evidence": ("--whole-log",),
}  # fmt: skip


@pytest.fixture(scope="module")
def left(server: EmbeddedServer, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Left]:
    server.create_database("evidence_command", template=migrated_template)
    folder = tmp_path_factory.mktemp("evidence")
    left, trust = Left(server.url("evidence_command"), folder), publish_file(folder)
    left.policy.write_bytes(policy_of(trust))
    with serve_life(left.url, trust) as town:
        keep(town, trust)
        left.answers = {path: town.http.get(path).content for path in SCOPES}
    yield left
    server.drop_database("evidence_command")


def python_ledger(*words: object) -> subprocess.CompletedProcess[str]:
    """As an investigator runs it: no database anywhere."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LEDGER_")}
    return subprocess.run(
        [sys.executable, "-m", "ledger", *map(str, words)], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("path", SCOPES)
def test_every_scope_is_written_as_http_answers_it(left: Left, tmp_path: Path, path: str) -> None:
    raw = left.file(*SCOPES[path], out=tmp_path / "x.evidence.zip")
    assert raw == left.answers[path]
    levels = {"--cylinder": "L2", "--whole-log": "L3"}  # the window goes on: nothing closes it yet
    assert proved(parse_evidence(raw)).level == levels.get(SCOPES[path][0], "L1")
    assert [one.name for one in tmp_path.iterdir()] == ["x.evidence.zip"], "nothing half-written is left"


def test_an_investigator_verifies_it_with_the_policy_and_nothing_else(left: Left, tmp_path: Path) -> None:
    out = tmp_path / "cylinder.evidence.zip"
    left.file("--cylinder", FILLED, out=out)
    done = python_ledger("verify", out, "--policy", left.policy)
    assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path / "other.txt").write_bytes(b"# other\n" + left.policy.read_bytes())
    assert python_ledger("verify", out, "--policy", tmp_path / "other.txt").returncode == 1
    changed = bytearray(out.read_bytes())
    changed[len(changed) // 2] ^= 1
    out.write_bytes(changed)
    assert python_ledger("verify", out, "--policy", left.policy).returncode == 1


def test_the_whole_log_is_replayed_from_its_file(left: Left, tmp_path: Path) -> None:
    out = tmp_path / "log.evidence.zip"
    left.file("--whole-log", out=out)
    done = python_ledger("replay", out)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "differences 0" in done.stdout


def test_attachments_are_those_files_that_an_entry_names(left: Left, tmp_path: Path) -> None:
    photos = tmp_path / "photos" / "2026"
    photos.mkdir(parents=True)
    (photos / "label.jpg").write_bytes(PHOTO)
    (photos / "other.jpg").write_bytes(b"another day's")
    with_photo = parse_evidence(
        left.file("--cylinder", NEW_LABEL, "--attachments", tmp_path / "photos", out=tmp_path / "a.zip")
    )
    assert with_photo.attachments == {PHOTO_DIGEST: PHOTO}
    assert proved(with_photo).attachments == 1
    without = left.file("--cylinder", FILLED, "--attachments", tmp_path / "photos", out=tmp_path / "b.zip")
    assert parse_evidence(without).attachments == {}


def test_without_the_key_it_says_what_is_missing(left: Left, tmp_path: Path) -> None:
    out = tmp_path / "x.zip"
    done = left.run("--cylinder", FILLED, "--out", out, key=False)
    assert done.exit_code == 0, done.output
    assert "a cut tail would not show" in done.stderr
    assert proved(parse_evidence(out.read_bytes())).level == "L1"


@pytest.mark.parametrize(
    ("words", "zh", "en"),
    [
        ((), "请指明一个范围", "name one scope"),
        (("--person", "P1", "--site", "S1"), "请指明一个范围", "name one scope"),
        (("--window", "--from", "2001-01-01"), "时段须有起止", "a window has both times"),
        (("--whole-log", "--to", "2099-01-01"), "全日志不设时间", "the whole log has none"),
        (("--site", "S1", "--from", "noon"), "不是时间", "no time: noon"),
        (("--cylinder", "own:NO"), "规范写法", "not a canonical own code"),
        (("--person", "张三"), "须有编号", "no such scope"),
        (("--person", "P99"), "没有人员 P99 的记录", "no entries of person P99"),
        (("--site", "S1", "--log", "other.test"), "请用 --log", "name a log with --log"),
        (("--site", "S1", "--found", FILLED), "--found 只随", "--found goes with"),
        (("--building", "B77"), "没有楼栋 B77 的记录", "no entries of building B77"),
        (("--incident", "IN77"), "没有事故 IN77 的记录", "no entries of incident IN77"),
    ],
)
def test_a_slip_is_told_in_both_languages_and_writes_nothing(
    left: Left, tmp_path: Path, words: tuple[str, ...], zh: str, en: str
) -> None:
    done = left.run(*words, "--out", tmp_path / "x.zip")
    assert done.exit_code == 2, done.output
    assert zh in done.stderr
    assert en in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_wrong_key_policy_or_place_is_told(left: Left, tmp_path: Path) -> None:
    key, pq_key = write_keys(tmp_path)
    for one in (key, pq_key):
        done = left.run("--site", "S1", "--out", tmp_path / "x.zip", "--key", one, key=False)
        assert (done.exit_code, "not the log's Ed25519 key" in done.stderr) == (2, True)
    strange = tmp_path / "strange.txt"
    strange.write_text("quorum none\n")
    done = left.run("--site", "S1", "--out", tmp_path / "x.zip", key=False, policy=strange)
    assert (done.exit_code, "no trusted key" in done.stderr) == (2, True)
    done = left.run("--site", "S1", "--out", tmp_path / "nowhere" / "x.zip")
    assert (done.exit_code, "cannot write" in done.stderr) == (2, True)
    assert not (tmp_path / "x.zip").exists()


def test_folder_without_the_log_is_named(left: Left, tmp_path: Path) -> None:
    environment = {"LEDGER_DATABASE_URL": left.url}
    for wrong in (tmp_path, left.folder / "published" / ORIGIN):
        words = ("evidence", "--dir", wrong, "--policy", left.policy, "--site", "S1", "--out", tmp_path / "x.zip")
        done = CliRunner(env=environment).invoke(main, [str(word) for word in words])
        assert done.exit_code == 2
        assert f"{wrong / ORIGIN} 中没有快照" in done.stderr
        assert f"no checkpoint in {wrong / ORIGIN}:" in done.stderr
    assert not (tmp_path / "x.zip").exists()


def test_a_file_that_would_be_refused_says_so_and_where(left: Left, tmp_path: Path) -> None:
    witness = _signer("witness.test", ED25519_COSIGNATURE)
    lines = left.policy.read_text().replace("quorum none\n", "")
    policy = tmp_path / "strict.txt"
    policy.write_text(f"{lines}witness w {format_vkey(witness.key)}\nquorum w\n")
    done = left.run("--site", "S1", "--out", tmp_path / "x.zip", policy=policy)
    assert done.exit_code == 1
    assert "refused at step 3" in done.stderr
    assert (tmp_path / "x.zip").exists()


OF_IT = f"FROM entry_party WHERE party = 'cylinder:{cylinder_id(1)}'"


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        (
            "UPDATE entry SET body = convert_to(replace(convert_from(body, 'UTF8'), '31000', '30900'), 'UTF8')",
            "not what",
        ),
        (f"DELETE FROM entry WHERE entry_index = (SELECT max(entry_index) {OF_IT})", "is missing"),
        ("DELETE FROM bundle", "is missing from the database"),
        ("UPDATE bundle SET envelope = set_byte(envelope, 40, get_byte(envelope, 40) # 1)", "is not of that digest"),
        (f"DELETE FROM entry_party WHERE entry_index = (SELECT min(entry_index) {OF_IT})", "has a hole"),
        ("UPDATE log SET size = 5", "the database has 5 entries"),
    ],
)
def test_a_changed_database_never_becomes_evidence(
    left: Left, server: EmbeddedServer, tmp_path: Path, tamper: str, says: str
) -> None:
    server.create_database("evidence_changed", template="evidence_command")
    try:
        url = server.url("evidence_changed")
        with psycopg.connect(url) as owner:
            for table in ("entry", "bundle"):
                owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL".encode())
            assert owner.execute(tamper.encode()).rowcount > 0
        done = Left(url, left.folder).run("--cylinder", FILLED, "--out", tmp_path / "x.zip")
        assert done.exit_code == 2
        assert says in done.stderr
        assert not (tmp_path / "x.zip").exists()
    finally:
        server.drop_database("evidence_changed")


# --- which checkpoints ------------------------------------------------------------------------------------------------


def _signer(name: str, kind: int) -> NoteSigner:
    key = private_key(name)
    return note_signer(name, kind, key)  # type: ignore[arg-type]


LOG_SIGNER, WITNESS = _signer(ORIGIN, ED25519), _signer("w.test", ED25519_COSIGNATURE)
POLICY = Policy((Log(LOG_SIGNER.key),), (Witness("w", WITNESS.key),), (), "w")


def _checkpoint(size: int, *, witnessed: bool = True, by: NoteSigner = LOG_SIGNER) -> Checkpoint:
    checkpoint = sign_checkpoint(TreeHead(ORIGIN, size, bytes(32)), (by,), 1)
    return with_cosignatures(checkpoint, [cosign(checkpoint, WITNESS, size)]) if witnessed else checkpoint


@pytest.fixture
def store(tmp_path: Path) -> TileStore:
    return TileStore(tmp_path / "log")


def test_the_final_checkpoint_is_the_newest_that_was_witnessed(store: TileStore) -> None:
    store.folder.mkdir()
    for size in (10, 20):
        store.keep_checkpoint(_checkpoint(size))
    store.keep_checkpoint(_checkpoint(30, witnessed=False))
    store.write_checkpoint(_checkpoint(40, witnessed=False).raw)
    assert final_checkpoint(store, POLICY).head.size == 20
    store.write_checkpoint(_checkpoint(40).raw)
    assert final_checkpoint(store, POLICY).head.size == 40
    with pytest.raises(BadSignature):
        final_checkpoint(store, Policy((), (), (), "none"))


def test_the_first_witnessed_that_covers_and_the_newest_that_was_seen_go_along(store: TileStore) -> None:
    for size in (10, 20, 40, 50, 90):
        store.keep_checkpoint(_checkpoint(size, witnessed=size != 20))
    found = find_trail(store, POLICY, 90, [0, 9, 10, 60], [45, 5])
    assert list(found.earlier) == [10, 40]
    assert found.stamps == {}
    for size in (50, 90):
        store.write_timestamp(size, b"%d" % size)
    stamped = find_trail(store, POLICY, 90, [12], [25])
    assert list(stamped.earlier) == [20, 40, 50]
    assert stamped.stamps == {50: b"50", 90: b"90"}


def test_a_spoilt_or_foreign_checkpoint_does_not_go_along(store: TileStore) -> None:
    store.keep_checkpoint(_checkpoint(10, by=_signer("other.test", ED25519)))
    store.keep_checkpoint(_checkpoint(30))
    spoilt = store.folder / "checkpoints" / "020"
    spoilt.write_bytes(_checkpoint(30).raw)
    assert list(find_trail(store, POLICY, 90, [1], [12, 22]).earlier) == [30]


def test_very_many_are_thinned_evenly(store: TileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "MOST", 5)
    for size in range(1, 42):
        store.keep_checkpoint(_checkpoint(size))
    assert list(find_trail(store, POLICY, 90, range(41), []).earlier) == [1, 11, 21, 31, 41]


# --- times and plans --------------------------------------------------------------------------------------------------


def test_times_are_chinas_unless_they_say_another() -> None:
    at = 1_795_298_400_000
    for text in (
        "2026-11-22T06:00",
        "2026-11-22 06:00:00",
        "2026-11-21T22:00Z",
        "2026-11-21T22:00:00+00:00",
        f" {at} ",
    ):
        assert parse_time(text) == at
    assert parse_time("2026-11-22") == at - 6 * 3_600_000
    assert parse_time("2026-11-22T06:00:00.250") == at + 250
    for text in (
        "",
        "now",
        "2026-13-01",
        "-1",
        "1969-12-31",
        "１２３",
        "9" * 16,
        "9" * 15,
        "9999-12-31T23:59Z",
        "0001-01-01",
    ):
        with pytest.raises(Malformed):
            parse_time(text)


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        (selection._PARTY, (1, "site:S1", 0, 100, 10)),
        (selection._PARTIES, (1, ["filing:signer:a", "filing:signer:b"], 100)),
        (selection._BODY, (1, 5)),
        (selection._BODIES, (1, [1, 2, 3])),
        (selection._ENVELOPES, (1, [b"a", b"b"])),
    ],
)
def test_every_read_is_by_key(left: Left, statement: str, values: tuple[object, ...]) -> None:
    engine = open_engine(left.url)
    try:
        with reading(engine, ALL_SITES) as connection:
            driver = driver_of(connection)
            for mode in ("force_custom_plan", "force_generic_plan"):
                driver.execute(f"SET LOCAL plan_cache_mode = {mode}".encode())
                plan = "\n".join(row for (row,) in driver.execute(f"EXPLAIN {statement}".encode(), values))
                assert "Seq Scan" not in plan, plan
                [condition] = [line for line in plan.splitlines() if "Index Cond" in line]
                assert condition.count("AND") >= 1, plan
    finally:
        engine.dispose()


def test_an_instant_is_found_by_halving(left: Left, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, looks, look = open_engine(left.url), list[int](), selection._recorded_at

    def counted(connection: sa.Connection, log_id: int, index: int) -> int:
        looks.append(index)
        return look(connection, log_id, index)

    monkeypatch.setattr(selection, "_recorded_at", counted)
    try:
        with reading(engine, ALL_SITES) as connection:
            times = [look(connection, 1, index) for index in range(40)]
            for at in (times[0] - 1, times[0], times[17], times[17] + 1, times[-1], times[-1] + 1):
                looks.clear()
                expected = next((n for n, one in enumerate(times) if one >= at), 40)
                assert selection.first_at(connection, 1, at, start=0, end=40) == expected
                assert len(looks) <= 6
            assert selection.first_at(connection, 1, times[3], start=7, end=7) == 7
    finally:
        engine.dispose()
