"""The evidence file as a container: one spelling, nothing hidden; steps 1 and 2 of the verifier."""

import contextlib
import io
import json
import struct
import tracemalloc
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from ledger.archive import MAX_MEMBERS, pack_archive, parse_archive
from ledger.entry import decode_entry, encode_entry
from ledger.errors import Malformed, TooLarge
from ledger.events import Filed
from ledger.evidence import Evidence, Scope, check_scope, pack_evidence, parse_evidence
from ledger.verify import Report, Unproved, verify
from tests.evidence_kit import (
    LOG,
    gather,
    members_of,
    policy,
    repack,
    scopes,
    signed_checkpoint,
    sound_case,
    sound_files,
)

SOUND = sound_files()
CASE = sound_case()
EVIDENCE = gather(CASE, scopes(CASE)["cylinder"])
RAW = pack_evidence(EVIDENCE)
MEMBERS = members_of(RAW)
FIRST, SECOND, *_ = (name for name in MEMBERS if name.startswith("checkpoints/"))


def step_of(raw: bytes, trusted: bytes | None = None) -> int | None:
    """The step that refuses it, None when it is accepted."""
    answer = verify(raw, policy() if trusted is None else trusted)
    return answer.step if isinstance(answer, Unproved) else None


@pytest.mark.parametrize("name", SOUND)
def test_sound_file_is_accepted_and_reads_back(name):
    raw, trusted = SOUND[name]
    assert isinstance(verify(raw, trusted), Report)
    assert pack_evidence(parse_evidence(raw)) == raw


def test_file_is_the_zip_that_zipfile_writes_and_unzip_reads():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, body in MEMBERS.items():
            member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            member.create_system, member.external_attr = 3, 0o644 << 16
            archive.writestr(member, body)
    assert stream.getvalue() == RAW
    with zipfile.ZipFile(io.BytesIO(RAW)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == MEMBERS


def test_every_single_byte_counts():
    for at in range(0, len(RAW), 61):
        assert step_of(RAW[:at] + bytes([RAW[at] ^ 1]) + RAW[at + 1 :]) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        RAW[:-1],
        RAW + b"\n",
        b"\n" + RAW,
        RAW + RAW,
        RAW[: RAW.index(b"PK\x01\x02")],
        RAW[:-2] + struct.pack("<H", 5) + b"hello",  # the archive's comment
        RAW.replace(b"PK\x01\x02\x14\x03", b"PK\x01\x02\x14\x00"),  # another maker
        RAW.replace(b"PK\x05\x06", b"PK\x06\x06" + bytes(52) + b"PK\x05\x06"),  # zip64
    ],
)
def test_bytes_before_between_and_behind_members_are_refused(raw):
    assert raw != RAW
    assert step_of(raw) == 1


def test_second_directory_that_names_other_members_is_refused():
    """Which of two directories counts, readers of ZIP do not agree on."""
    other = pack_archive(MEMBERS | {"entries.jsonl": b"{}\n"})
    assert step_of(RAW[: RAW.index(b"PK\x01\x02")] + other[other.index(b"PK\x01\x02") :]) == 1


def test_compressed_archive_is_refused():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in MEMBERS.items():
            archive.writestr(name, body)
    assert step_of(stream.getvalue()) == 1


@pytest.mark.parametrize(
    ("name", "body"), [("entries.jsonl", b"\n" * 300_000), ("proofs.txt", b"".join(b"%d\n" % n for n in range(50_000)))]
)
def test_file_of_short_lines_takes_no_multiple_of_its_size(name, body):
    """A line takes two bytes and what is made of it a hundred: a small file could fill the investigator's memory."""
    raw = repack(MEMBERS | {name: body})
    tracemalloc.start()
    assert step_of(raw) == 1
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 8 * len(raw)


def test_shortest_entry_is_longer_than_the_bound_on_lines():
    shortest = decode_entry(CASE.bodies[0])
    shortest = structs.replace(
        shortest, log="", recorded_at=0, clock_offset_ms=0, subject="", signer="", device_seq=0, device_chain="gap",
        bundle="", pack="", claim="", outcome=Filed(),
    )  # fmt: skip
    assert len(encode_entry(shortest)) > 200


def test_archive_bounds_are_kept():
    with pytest.raises(TooLarge):
        pack_archive({str(number): b"" for number in range(MAX_MEMBERS + 1)})
    with pytest.raises(Malformed):
        parse_archive(pack_archive({"a": b""})[:30])


def reordered() -> dict[str, bytes]:
    names = list(MEMBERS)
    at = names.index("entries.jsonl")
    names[at], names[at + 1] = names[at + 1], names[at]
    return {name: MEMBERS[name] for name in names}


def lines_swapped(name: str) -> dict[str, bytes]:
    first, second, *rest = MEMBERS[name].splitlines(keepends=True)
    return MEMBERS | {name: b"".join((second, first, *rest))}


def renamed(old: str, new: str) -> dict[str, bytes]:
    return {new if name == old else name: body for name, body in MEMBERS.items()}


def inserted(name: str, body: bytes, *, before: str) -> dict[str, bytes]:
    at = list(MEMBERS).index(before)
    return dict([*list(MEMBERS.items())[:at], (name, body), *list(MEMBERS.items())[at:]])


FINAL = f"checkpoints/{len(CASE.bodies)}"
BUNDLE = next(name for name in MEMBERS if name.startswith("bundles/"))
SPOILT = {
    "other order": reordered(),
    "unknown member": MEMBERS | {"NOTE.txt": b"all is well"},
    "member in a folder of none": MEMBERS | {"bundles/x/y.json": b"{}"},
    "path upwards": MEMBERS | {"attachments/../../etc/passwd": b""},
    "name that is no digest": renamed(BUNDLE, BUNDLE.replace("bundles/", "bundles/0", 1).replace(".json", "A.json")),
    "name cut": renamed(BUNDLE, BUNDLE.replace(".json", "")),
    "size with a zero before": renamed(FIRST, FIRST.replace("/", "/0")),
    "other readme": MEMBERS | {"README.txt": b"verified\n"},
    "empty heads": MEMBERS | {"heads.txt": b""},
    "no entries": MEMBERS | {"entries.jsonl": b""},
    "no entries at all": {name: body for name, body in MEMBERS.items() if name != "entries.jsonl"},
    "entry without a line end": MEMBERS | {"entries.jsonl": MEMBERS["entries.jsonl"][:-1]},
    "one entry more than proofs": MEMBERS | {"entries.jsonl": MEMBERS["entries.jsonl"] + b"{}\n"},
    "proofs in another order": lines_swapped("proofs.txt"),
    "consistency in another order": lines_swapped("consistency.txt"),
    "proof with two spaces": MEMBERS | {"proofs.txt": MEMBERS["proofs.txt"].replace(b" ", b"  ", 1)},
    "proof with a short hash": MEMBERS | {"proofs.txt": b"0 AAAA\n"},
    "no proofs": {name: body for name, body in MEMBERS.items() if name != "proofs.txt"},
    "line ends of another system": MEMBERS | {"proofs.txt": MEMBERS["proofs.txt"].replace(b"\n", b"\r\n")},
    "bundle that is none": MEMBERS | {BUNDLE: b"{}"},
    "bundle with a key twice": MEMBERS | {BUNDLE: MEMBERS[BUNDLE].replace(b"{", b'{"payload":"",', 1)},
    "heads of another form": MEMBERS | {"heads.txt": MEMBERS["heads.txt"].replace(b"heads v1", b"heads v2")},
    "earlier checkpoint as another size": MEMBERS | {FIRST: MEMBERS[SECOND]},
    "final checkpoint as an earlier one": MEMBERS | {FIRST: MEMBERS["checkpoint"]},
    "final checkpoint twice": inserted(
        f"checkpoints/{len(CASE.bodies)}", MEMBERS["checkpoint"], before="consistency.txt"
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_other_spelling_is_refused_though_its_digests_are_true(name):
    assert SPOILT[name] != MEMBERS or name == "other order"
    assert step_of(repack(SPOILT[name])) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2},
        {"v": True},
        {"v": 1.0},
        {"checkpoint": 54},
        {"log": "ledger.test/other"},
        {"log": "Ledger.test"},
        {"scope": {"from": None, "id": "P1", "kind": "people", "to": None}},
        {"scope": {"from": None, "id": "", "kind": "cylinder", "to": None}},
        {"scope": {"from": None, "id": "P1", "kind": "log", "to": None}},
        {"scope": {"from": None, "id": "", "kind": "window", "to": 5}},
        {"scope": {"from": 5, "id": "P1", "kind": "person", "to": 5}},
        {"scope": {"from": True, "id": "P1", "kind": "person", "to": None}},
        {"scope": {"from": None, "id": "P1\n", "kind": "person", "to": None}},
        {"scope": {"from": None, "id": "P1", "kind": "person", "to": None, "note": "all"}},
        {"scope": None},
        {"scope": ["cylinder"]},
        {"remark": "checked by the bureau"},
    ],
)
def test_manifest_that_says_something_else_is_refused(changes):
    assert step_of(repack(MEMBERS, **changes)) == 1


def test_manifest_with_a_digest_that_is_not_true_or_another_spelling_is_refused():
    said = json.loads(MEMBERS["manifest.json"])
    spaced = MEMBERS | {"manifest.json": json.dumps(said, sort_keys=True).encode() + b"\n"}
    said["files"]["README.txt"] = "0" * 64
    untrue = MEMBERS | {"manifest.json": json.dumps(said, sort_keys=True, separators=(",", ":")).encode() + b"\n"}
    nested = MEMBERS | {"manifest.json": b"[" * 100_000 + b"]" * 100_000 + b"\n"}
    for members in (spaced, untrue, nested):
        assert step_of(pack_archive(members)) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'{"v":1,', b'{"v": 1,'),
        (b'{"v":1,', b'{"v":2,'),
        (b'{"v":1,', b'{"v":1,"v":1,'),
        (b'"outcome":{"type":"log_opened.v1"', b'"outcome":{"type":"log_opened.v9"'),
        (b'"outcome":{"type":"log_opened.v1"', b'"outcome":{"x":' + b"[" * 20_000 + b"]" * 20_000 + b',"type":"x"'),
        (b'"outcome":{"type":"log_opened.v1"', b'"outcome":{"type":"log_opened.v1' + b" " * 66_000 + b'"'),
        (b'"recorded_at":1767225600000', b'"recorded_at":1' + b"0" * 400),
        (b'"recorded_at":1767225600000', b'"recorded_at":-1'),
        (b'"pack":"', b'"pack":"' + b"x" * 66_000),
        ("示例".encode(), b"\\u793a\\u4f8b"),
    ],
)
def test_entry_in_another_spelling_is_refused_when_read(old, new):
    case = gather(CASE, Scope("log"))
    members = members_of(pack_evidence(case))
    changed = members["entries.jsonl"].replace(old, new, 1)
    assert changed != members["entries.jsonl"]
    assert step_of(repack(members | {"entries.jsonl": changed})) == 1


def test_checkpoint_with_further_lines_is_refused():
    """Its ML-DSA-44 signature would not cover them."""
    text, _, signatures = MEMBERS[FIRST].partition(b"\n\n")
    assert step_of(repack(MEMBERS | {FIRST: text + b"\nmore\n\n" + signatures})) == 1


def test_policy_of_the_file_is_never_believed():
    """A copy that differs refuses the file; with leave to differ, only the investigator's counts."""
    own = policy("none", (LOG,))
    assert step_of(RAW, own) == 2
    told = verify(RAW, own, other_policy=True)
    assert isinstance(told, Report)
    assert told.other_policy
    assert not told.quorum_needed
    lenient = structs.replace(
        EVIDENCE, policy=policy("none"), checkpoint=signed_checkpoint(CASE.bodies, len(CASE.bodies), witnesses=())
    )
    assert step_of(pack_evidence(lenient)) == 2
    answer = verify(pack_evidence(lenient), policy(), other_policy=True)
    assert isinstance(answer, Unproved)
    assert answer.step == 3
    spaced = policy().replace(b"\n", b" \n", 1)
    assert step_of(RAW, spaced) == 2


def test_policy_that_is_none_is_the_investigators_fault():
    for raw in (b"", b"log\n", policy() * 2, policy()[:-1]):
        with pytest.raises(Malformed):
            verify(RAW, raw)


@pytest.mark.parametrize(
    "changes",
    [
        {"log": "ledger.test/other"},
        {"entries": {}},
        {"entries": EVIDENCE.entries | {0: b"a\nb"}},
        {"proofs": {}},
        {"bundles": {"x": b""}},
        {"attachments": {"../x": b""}},
        {"earlier": {-1: b""}},
        {"checkpoint": b""},
        {"scope": Scope("person")},
        {"scope": Scope("window", from_ms=1)},
    ],
)
def test_contents_that_would_not_read_back_are_not_packed(changes):
    with pytest.raises(Malformed):
        pack_evidence(structs.replace(EVIDENCE, **changes))


def test_scopes_that_there_can_be():
    for scope in scopes(CASE).values():
        check_scope(scope)
    for scope in (Scope("cylinder"), Scope("log", from_ms=1), Scope("person", "P 1"), Scope("site", "S1", 5, 4)):
        with pytest.raises(Malformed):
            check_scope(scope)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([name for name in MEMBERS if name != "manifest.json"]), st.data())
def test_whatever_is_accepted_says_what_the_original_says(name, data):
    """Any change to any member, repacked with true digests: no fault of ours, and never another story."""
    body = bytearray(MEMBERS[name])
    at = data.draw(st.integers(0, len(body) - 1))
    body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    answer = verify(repack(MEMBERS | {name: bytes(body)}), policy())
    if isinstance(answer, Report):
        original = verify(RAW, policy())
        assert isinstance(original, Report)
        assert answer.root == original.root
        assert [one.entry for one in answer.shown] == [one.entry for one in original.shown]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=50).map(lambda tail: RAW[:5000] + tail))
def test_reading_raises_nothing_but_malformed(raw):
    with contextlib.suppress(Malformed):
        assert isinstance(parse_evidence(raw), Evidence)
