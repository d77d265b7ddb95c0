"""Steps 3 to 5 of the verifier, against an operator who makes everything anew: tree, signatures, digests, proofs.

What such an operator cannot make are witnesses' cosignatures and devices' signatures; what they sign convicts them.
"""

import json

import pytest
from msgspec import structs

from ledger import claim as c
from ledger import events as e
from ledger.bundle import Seen
from ledger.checkpoint import parse_checkpoint, with_cosignatures
from ledger.entry import decode_entry
from ledger.evidence import Evidence, pack_evidence
from ledger.note import Signature
from ledger.proofs import prove_consistency, prove_inclusion, tree_root
from ledger.shell.conclusion import not_proved
from ledger.shell.verify import json_line
from tests.evidence_kit import (
    CYLINDER,
    LOG,
    LOG_PQ,
    STRANGER,
    WITNESSES,
    accepted,
    gather,
    index_of,
    policy,
    reader,
    refused,
    retold,
    root,
    scopes,
    signed_checkpoint,
    sound_case,
    story,
    without,
)
from tests.story import code

CASE = sound_case()
BLIND = story(sighted=False)
SIZE = len(CASE.bodies)
SCOPES = scopes(CASE)
CYLINDERS = SCOPES["cylinder"]
SOUND = gather(CASE, CYLINDERS)


# --- 3: checkpoints -----------------------------------------------------------------------------------------------


def test_checkpoint_of_another_key_of_that_name_is_refused():
    assert refused(gather(CASE, CYLINDERS, keys=(STRANGER,))) == 3


@pytest.mark.parametrize("number", range(3))
def test_too_few_witnesses_are_refused(number):
    assert refused(gather(CASE, CYLINDERS, witnesses=WITNESSES[number : number + 1])) == 3
    assert refused(gather(CASE, CYLINDERS, witnesses=())) == 3


def by_witnesses_alone(raw: bytes) -> bytes:
    text, _, lines = raw.partition(b"\n\n")
    kept = [line for line in lines.splitlines(keepends=True) if b"witness.example.cn" in line]
    return text + b"\n\n" + b"".join(kept)


def test_checkpoint_without_the_logs_own_signature_is_refused_however_many_witnessed():
    assert refused(structs.replace(SOUND, checkpoint=by_witnesses_alone(SOUND.checkpoint))) == 3
    size = max(SOUND.earlier)
    earlier = SOUND.earlier | {size: by_witnesses_alone(SOUND.earlier[size])}
    assert refused(structs.replace(SOUND, earlier=earlier)) == 3


@pytest.mark.parametrize("signer", [LOG, LOG_PQ, *WITNESSES])
def test_wrong_line_under_any_known_key_refuses_the_whole(signer):
    """Even where the others would be enough."""
    checkpoint = parse_checkpoint(SOUND.checkpoint)
    line = next(one for one in checkpoint.note.signatures if one.key_id == signer.key.key_id)
    wrong = Signature(line.name, line.key_id, line.signature[:-1] + bytes([line.signature[-1] ^ 1]))
    assert refused(structs.replace(SOUND, checkpoint=with_cosignatures(checkpoint, [wrong]).raw)) == 3


def test_cosignature_of_another_checkpoint_is_refused():
    older = parse_checkpoint(SOUND.earlier[max(SOUND.earlier)])
    lines = [one for one in older.note.signatures if one.key_id == WITNESSES[0].key.key_id]
    final = parse_checkpoint(signed_checkpoint(CASE.bodies, SIZE, witnesses=WITNESSES[1:]))
    assert refused(structs.replace(SOUND, checkpoint=with_cosignatures(final, lines).raw)) == 3


def test_earlier_checkpoint_takes_the_logs_signature_and_no_quorum():
    size = max(SOUND.earlier)
    for keys, step in (((STRANGER,), 3), ((LOG,), None)):
        one = signed_checkpoint(CASE.bodies, size, by=keys, witnesses=WITNESSES[:1])
        assert refused(structs.replace(SOUND, earlier=SOUND.earlier | {size: one})) == step


def test_policy_of_another_log_is_refused():
    """Whatever else it lists."""
    other = policy("none", ()) + b""
    assert refused(structs.replace(SOUND, policy=other), other) == 3


# --- 4: consistency -----------------------------------------------------------------------------------------------


def test_earlier_checkpoint_of_a_forked_log_is_refused():
    size = min(SOUND.earlier)
    fork = [*CASE.bodies[: size - 1], CASE.bodies[size]]
    forked = signed_checkpoint(fork, size)
    assert refused(structs.replace(SOUND, earlier=SOUND.earlier | {size: forked})) == 4


def test_consistency_proofs_are_those_that_are_needed_and_no_others():
    size = min(SOUND.earlier)
    fewer = {at: proof for at, proof in SOUND.consistency.items() if at != size}
    read = reader(CASE.bodies)
    more = SOUND.consistency | {5: (tree_root(read, 5), *prove_consistency(read, 5, SIZE))}
    other = SOUND.consistency | {size: SOUND.consistency[max(SOUND.earlier)]}
    longer = SOUND.consistency | {size: (*SOUND.consistency[size], bytes(32))}
    for consistency in (fewer, more, other, longer):
        assert refused(structs.replace(SOUND, consistency=consistency)) == 4


def seeing(size: int, digest: bytes, *, later: int = 3) -> Evidence:
    """Evidence of a log in which a device saw this tree."""
    case = story()
    case.seeing = Seen(size, digest.hex())
    case.say(c.CollectCylinder, code=code(1))
    case.seeing = None
    for _ in range(later):
        case.say(c.CollectCylinder, code=code(2))
    return gather(case, CYLINDERS)


@pytest.mark.parametrize("size", [0, 7, 30, SIZE, SIZE + 2, SIZE + 4])
def test_tree_that_a_device_saw_and_the_log_does_not_have_is_told_first(size):
    """A fork, or a device that lies: no program can tell. One faulty device must not spoil everyone's evidence."""
    report = accepted(seeing(size, bytes(32)))
    assert report.contradicted == 1
    assert report.shown[-1].not_before_s is None
    (zh, en), *_ = not_proved(report, stamps_checked=False)
    assert "矛盾" in zh
    assert "CONTRADICTION" in en
    assert json.loads(json_line(report))["contradicted"] == 1


def test_root_of_a_tree_that_a_device_saw_must_be_proved():
    """So nobody can make an honest device look like a liar."""
    evidence = seeing(30, root(CASE.bodies[:30]))
    assert accepted(evidence).contradicted == 0
    other = (bytes(32), *evidence.consistency[30][1:])
    assert refused(structs.replace(evidence, consistency=evidence.consistency | {30: other})) == 4


@pytest.mark.parametrize("size", [0, 1, 7, SIZE - 1, SIZE])
def test_tree_that_a_device_saw_and_the_log_had_is_accepted(size):
    assert refused(seeing(size, root(CASE.bodies[:size]))) is None


def test_tree_larger_than_the_file_is_told():
    evidence = seeing(SIZE + 5, bytes(32))
    report = accepted(evidence)
    assert report.unseen == 1
    assert report.shown[-1].not_before_s is None


def test_operator_who_rewrites_what_devices_have_seen_is_convicted_by_them():
    """Every signature of his own made anew, every witness won over."""
    at = index_of(c.CompleteFill, CASE)
    rewritten = retold(CASE, at, outcome=e.CylinderFilled(cylinder=CYLINDER, net_g=14_400))
    for name in ("cylinder", "site", "log", "window to the end"):
        assert accepted(gather(rewritten, SCOPES[name])).contradicted > 0


# --- 5: inclusion -------------------------------------------------------------------------------------------------


def test_entry_under_the_old_tree_that_was_changed_is_refused():
    at = index_of(c.CompleteFill, CASE)
    body = SOUND.entries[at].replace(b'"net_g":14500', b'"net_g":14400')
    assert body != SOUND.entries[at]
    assert refused(structs.replace(SOUND, entries=SOUND.entries | {at: body})) == 5
    whole = gather(CASE, SCOPES["log"])
    assert refused(structs.replace(whole, entries=whole.entries | {at: body})) == 5


def test_entry_at_another_index_is_refused():
    first, second = index_of(c.StartFill, CASE), index_of(c.CompleteFill, CASE)
    swapped = SOUND.entries | {first: SOUND.entries[second], second: SOUND.entries[first]}
    assert refused(structs.replace(SOUND, entries=dict(sorted(swapped.items())))) == 5
    moved = dict(SOUND.entries)
    moved[first - 1] = moved.pop(first)
    proofs = {at: prove_inclusion(reader(CASE.bodies), at, SIZE) for at in sorted(moved)}
    assert refused(structs.replace(SOUND, entries=moved, proofs=proofs)) == 5


def test_entry_beyond_the_checkpoint_is_refused():
    longer = story()
    longer.say(c.CountStock, code=code(1))
    later = gather(longer, CYLINDERS)
    entries = SOUND.entries | {SIZE: longer.bodies[SIZE]}
    evidence = structs.replace(
        SOUND, entries=entries, proofs=SOUND.proofs | {SIZE: later.proofs[SIZE]}, bundles=later.bundles
    )
    assert refused(evidence) == 5


def test_proof_that_is_too_long_or_short_is_refused():
    at = index_of(c.CompleteFill, CASE)
    for proof in ((*SOUND.proofs[at], bytes(32)), SOUND.proofs[at][:-1], ()):
        assert refused(structs.replace(SOUND, proofs=SOUND.proofs | {at: proof})) == 5


def test_whole_log_without_its_last_entry_is_refused_when_read():
    whole = gather(CASE, SCOPES["log"])
    with pytest.raises(Exception, match="proof"):
        pack_evidence(without(whole, SIZE - 1))


def test_entry_of_another_log_or_out_of_time_is_refused():
    at = index_of(c.CompleteFill, CASE)
    assert refused(gather(retold(BLIND, at, log="ledger.test/other"), CYLINDERS)) == 5
    early = decode_entry(CASE.bodies[at]).recorded_at - 600_000
    assert refused(gather(retold(BLIND, at, recorded_at=early), CYLINDERS)) == 5
