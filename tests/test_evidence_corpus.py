"""Two verifiers that share no line, on the same files: the sound ones accepted, every mutated one refused, by both.

Half of the mutations are a vandal's, who changes bytes; half an operator's, who makes manifest and digests fit again.
"""

import contextlib
import io
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, get_args

import pytest
from msgspec import structs

from ledger.bundle import decode_claim
from ledger.entry import Entry, decode_entry, encode_entry
from ledger.evidence import Evidence, Kind, pack_evidence
from ledger.shell import second_verifier
from ledger.shell.verify import json_line
from ledger.verify import verify
from ledger.world import parties_of
from tests.evidence_kit import (
    delivered_case,
    delivered_scopes,
    gather,
    members_of,
    policy,
    repack,
    scopes,
    sound_case,
    sound_files,
    without,
)
from tests.shift_kit import base_seed
from tests.test_evidence_file import SPOILT

CASE = sound_case()
SCOPES = scopes(CASE)
LEAST = 200
KINDS = set(get_args(Kind)) - {"window", "log", "building"}  # of a building, what stands there alone is of its file


class Mutant(NamedTuple):
    """A file that must be refused, and what was done to it."""

    what: str
    raw: bytes


def second(raw: bytes, folder: Path, trusted: bytes) -> dict[str, object]:
    """What the other program says, as somebody runs it."""
    file, trust = folder / "file.evidence.zip", folder / "policy.txt"
    file.write_bytes(raw)
    trust.write_bytes(trusted)
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        status = second_verifier.main([str(file), "--policy", str(trust), "--json"])
    answer: dict[str, object] = json.loads(said.getvalue().splitlines()[-1])
    assert status == (0 if answer["accepted"] else 1)
    return answer


def first(raw: bytes, trusted: bytes) -> dict[str, object]:
    answer: dict[str, object] = json.loads(json_line(verify(raw, trusted)))
    return answer


def vandal(raw: bytes, chance: random.Random) -> Iterator[Mutant]:
    """One byte changed, anywhere; bytes cut out, doubled, put in."""
    for at in chance.sample(range(len(raw)), 40):
        yield Mutant(f"byte {at}", raw[:at] + bytes([raw[at] ^ (1 << chance.randrange(8))]) + raw[at + 1 :])
    for at in chance.sample(range(len(raw) - 50), 10):
        yield Mutant(f"cut at {at}", raw[:at] + raw[at + 37 :])
        yield Mutant(f"doubled at {at}", raw[: at + 37] + raw[at:])
        yield Mutant(f"inserted at {at}", raw[:at] + b"\n" + raw[at:])


def forger(raw: bytes, chance: random.Random) -> Iterator[Mutant]:
    """One character of one member changed, and a manifest that fits. Names and key ids are left alone: a signature
    under a name that nobody knows is no signature, and one of several may be missed.
    """
    members = members_of(raw)
    for name, body in members.items():
        if name in ("README.txt", "manifest.json"):
            continue
        # What a note's lines sign with stands behind the key's id, seven characters of base64 into the last word.
        spots = [at for at in range(len(body)) if body[at : at + 1].isalnum()]
        for line in re.finditer(rb"\xe2\x80\x94 [^ \n]+ .{7}", body):
            spots = [at for at in spots if not line.start() <= at < line.end()]
        for at in chance.sample(spots, min(4, len(spots))):
            other = b"1" if body[at : at + 1] == b"0" else b"0"
            yield Mutant(f"{name} at {at}", repack(members | {name: body[:at] + other + body[at + 1 :]}))
        if name != "policy.txt" and not name.startswith(("bundles/", "attachments/", "checkpoints/")):
            yield Mutant(f"{name} empty", repack(members | {name: b""}))


def operator(evidence: Evidence, name: str) -> Iterator[Mutant]:
    """Entries left out, changed, moved, told twice: every member spelt as it should be."""
    shown = [at for at in evidence.entries if at]
    for at in shown:
        entry = decode_entry(evidence.entries[at])
        fit = structs.replace(evidence, entries=evidence.entries | {at: encode_entry(_later(entry))})
        yield Mutant(f"{name}: entry {at} recorded later", pack_evidence(fit))
    if name != "log":
        # A certificate names the cylinder, but stands in a chain of its own: it may be left out, as L2 says.
        for at in (at for at in shown if not decode_entry(evidence.entries[at]).subject.startswith("use_")):
            yield Mutant(f"{name}: entry {at} left out", pack_evidence(without(evidence, at)))
        moved = dict(zip((at + 1 for at in evidence.entries), evidence.entries.values(), strict=True))
        proofs = dict(zip(moved, evidence.proofs.values(), strict=True))
        yield Mutant(f"{name}: entries moved", pack_evidence(structs.replace(evidence, entries=moved, proofs=proofs)))
    for digest in evidence.bundles:
        fewer = {one: body for one, body in evidence.bundles.items() if one != digest}
        yield Mutant(f"{name}: bundle {digest} gone", pack_evidence(structs.replace(evidence, bundles=fewer)))
    more = evidence.bundles | {"00" * 32: next(iter(evidence.bundles.values()))}
    yield Mutant(f"{name}: a bundle too many", pack_evidence(structs.replace(evidence, bundles=more)))


def _later(entry: Entry) -> Entry:
    return structs.replace(entry, recorded_at=entry.recorded_at + 1)


def corpus() -> list[Mutant]:
    chance, found = random.Random(base_seed()), []
    for name in ("cylinder", "window", "log"):
        evidence = gather(CASE, SCOPES[name])
        raw = pack_evidence(evidence)
        found += [*operator(evidence, name)]
        if name != "log":
            found += [*vandal(raw, chance), *forger(raw, chance)]
    found += [Mutant(what, repack(members)) for what, members in SPOILT.items()]
    return found


@pytest.mark.parametrize("name", sound_files())
def test_both_accept_every_sound_file_and_say_the_same(name, tmp_path):
    raw, trusted = sound_files()[name]
    said = first(raw, trusted)
    assert said["accepted"]
    assert second(raw, tmp_path, trusted) == said


@pytest.mark.parametrize("name", ["incident", "building", "customer with premises", "worker until then"])
def test_both_miss_any_entry_of_a_whole_chain_and_any_that_is_cited(name, tmp_path):
    evidence = gather(delivered_case(), delivered_scopes()[name])
    said = second(pack_evidence(evidence), tmp_path, policy())
    assert said == first(pack_evidence(evidence), policy())
    whole = said["complete"]
    assert isinstance(whole, list)
    assert set(evidence.scope.chains) <= set(whole)
    # Where the scope ends in time, its own chain may end sooner: less is claimed then.
    promised = whole if evidence.scope.to_ms is None else evidence.scope.chains
    chained = [at for at, body in evidence.entries.items() if decode_entry(body).subject in promised]
    assert len(chained) >= len(promised)
    for at in {*chained, *evidence.scope.cited}:
        fewer = pack_evidence(without(evidence, at))
        one, other = first(fewer, policy()), second(fewer, tmp_path, policy())
        assert (one["step"], other["step"]) == (8, 8), at


@pytest.mark.parametrize("spoilt", [
    {"chains": []}, {"cited": []}, {"cited": [0]}, {"cited": [True]}, {"cited": ["3"]}, {"cited": 3},
    {"chains": ["premises:H1", "contract:CT1"]}, {"chains": ["premises:H1", "premises:H1"]}, {"chains": "premises:H1"},
    {"chains": ["customer:K1", "premises:H1"]}, {"chains": ["filing:premises:H1"]}, {"chains": ["no such subject"]},
    {"also": ["premises:H1"]}, {"kind": "log", "id": ""}, {"kind": "place"},
], ids=str)  # fmt: skip
def test_both_read_one_spelling_of_what_is_cited_besides(spoilt, tmp_path):
    scope = delivered_scopes()["customer with premises"]
    members = members_of(pack_evidence(gather(delivered_case(), scope)))
    said = json.loads(members["manifest.json"])["scope"]
    raw = repack(members, scope=said | spoilt)
    assert [one["step"] for one in (first(raw, policy()), second(raw, tmp_path, policy()))] == [1, 1]


def test_both_know_the_same_parties_of_every_entry():
    """Of those that a file may be about: an entry that one of them counts to a scope, the other counts too."""
    kinds = set()
    for at, body in enumerate(delivered_case().bodies):
        entry = decode_entry(body)
        ours = {one for one in parties_of(entry, decode_claim(entry.claim)) if one.partition(":")[0] in KINDS}
        theirs = second_verifier.parties(second_verifier.read_entry(body, at))
        assert {one for one in theirs if one.partition(":")[0] in KINDS} == ours, entry.claim
        kinds |= {one.partition(":")[0] for one in ours}
    assert kinds == KINDS


def test_both_refuse_every_mutated_file(tmp_path):
    mutants = corpus()
    assert len({one.raw for one in mutants}) >= LEAST
    sound = {raw for raw, _ in sound_files().values()}
    differ = []
    for one in mutants:
        assert one.raw not in sound, one.what
        ours, theirs = first(one.raw, policy()), second(one.raw, tmp_path, policy())
        # How much of claims and outcomes a verifier knows decides at which step it stumbles over a spoilt one.
        same = ours["step"] == theirs["step"] or one.what.startswith(("bundles/", "entries."))
        if ours["accepted"] or theirs["accepted"] or not same:
            differ.append((one.what, ours["step"], theirs["step"]))
    assert differ == [], "\n".join(map(str, differ))
