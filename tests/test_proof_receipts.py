"""Policies and receipts: who must have signed, and what a file proves of an entry; golden bytes of all the texts.

`tests/golden/proof-*` was made once by `make_golden()` below (`python -c "from tests import test_proof_receipts as t;
t.make_golden()"`) and never changes; it writes only files that are missing. ML-DSA-44 signatures differ each time, so
the checkpoint and the receipt are read and verified, not made again.

    proof-note.txt            a note, Ed25519
    proof-checkpoint.txt      a checkpoint: the log's two signatures, two witnesses'
    proof-policy.txt          the policy that believes them
    proof-receipt.tlog-proof  entry 3 of 7 under that checkpoint
"""

import base64
import contextlib
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ledger.checkpoint import (
    Checkpoint,
    TreeHead,
    cosign,
    parse_checkpoint,
    sign_checkpoint,
    signed_at,
    with_cosignatures,
)
from ledger.entry import leaf_hash
from ledger.errors import BadProof, BadSignature, LedgerError, Malformed, TooLarge
from ledger.merkle import extend, root_of
from ledger.note import Note, Signature, check_text, format_note, parse_note, sign_text
from ledger.note_key import ED25519_COSIGNATURE, ML_DSA_44, NoteKey, format_vkey
from ledger.policy import (
    MAX_POLICY_BYTES,
    Group,
    Log,
    Policy,
    Witness,
    format_policy,
    judge_checkpoint,
    parse_policy,
    quorum_met,
)
from ledger.proofs import prove_inclusion
from ledger.receipt import Receipt, check_receipt, format_receipt, parse_receipt
from tests.test_proof_texts import EVERYONE, LOG, LOG_PQ, NOW_S, ORIGIN, SOFA, WITNESS, WITNESS_PQ, mangled, signer

GOLDEN = Path(__file__).parent / "golden"
BODIES = [f'{{"v":1,"entry":{n}}}'.encode() for n in range(7)]
LEAVES = [leaf_hash(body) for body in BODIES]
HEAD = TreeHead(ORIGIN, len(BODIES), root_of(extend((), 0, LEAVES)))
POLICY = Policy(
    (Log(LOG.key), Log(LOG_PQ.key, "https://ledger.example.cn/logs/320600")),
    (Witness("监管", WITNESS.key), Witness("other", WITNESS_PQ.key, "https://witness.example.cn/")),
    (Group("both", 2, ("监管", "other")),),
    "both",
)


def read(level: int, index: int) -> bytes:
    return root_of(extend((), 0, LEAVES[index << level : (index + 1) << level]))


def witnessed(*witnesses, head: TreeHead = HEAD) -> Checkpoint:
    checkpoint = sign_checkpoint(head, [LOG, LOG_PQ], NOW_S)
    return with_cosignatures(checkpoint, [cosign(checkpoint, one, NOW_S + 1) for one in witnesses])


def receipt_of(index: int, checkpoint: Checkpoint | None = None, extra: bytes = b"") -> Receipt:
    checkpoint = checkpoint or witnessed(WITNESS, WITNESS_PQ)
    return Receipt(index, prove_inclusion(read, index, len(BODIES)), checkpoint, extra)


# --- policies ------------------------------------------------------------------------------------------------------

LOG_LINE = f"log {format_vkey(LOG.key)}\n"
NAMED = {
    name: format_vkey(signer(name, ED25519_COSIGNATURE).key) for name in ("X1", "X2", "X3", "Y1", "Y2", "Y3", "none")
}
# The example of C2SP tlog-policy.
EXAMPLE = (
    LOG_LINE
    + "\n"
    + "".join(f"witness X{n} {NAMED[f'X{n}']}\n" for n in (1, 2, 3))
    + "group X-witnesses 2 X1 X2 X3\n\n"
    + "".join(f"witness Y{n} {NAMED[f'Y{n}']}\n" for n in (1, 2, 3))
    + "group Y-witnesses any Y1 Y2 Y3\n\ngroup X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n"
)


def test_published_example_asks_for_two_of_one_side_and_one_of_the_other():
    policy = parse_policy(EXAMPLE.encode())
    enough = {"X1 X2 Y1", "X1 X3 Y2", "X2 X3 Y3 Y1", "X1 X2 X3 Y1 Y2 Y3"}
    too_few = {"", "X1 X2", "X1 X2 X3", "Y1 Y2 Y3", "X1 Y1 Y2 Y3"}
    assert {names for names in enough | too_few if quorum_met(policy, names.split())} == enough


def test_layout_and_comments_say_nothing_and_names_are_opaque():
    text = EXAMPLE.replace("quorum", " \t# comment \x80\n\n \t quorum \t").encode("latin-1")
    assert parse_policy(text) == parse_policy(EXAMPLE.encode())
    odd = f"witness \udc80\u3000 {NAMED['X1']} https://例.cn\nquorum \udc80\u3000\n".encode(errors="surrogateescape")
    policy = parse_policy(odd)
    assert policy.witnesses[0].url == "https://例.cn"
    assert format_policy(policy) == odd
    assert parse_policy(b"quorum none\n") == Policy((), (), (), "none")


W1 = f"witness X1 {NAMED['X1']}\n"
W2 = f"witness X2 {NAMED['X2']}\n"
BAD_POLICIES = {
    "two quorums": ("quorum none\nquorum none\n", 2),
    "quorum of nobody": ("quorum X1\n", 1),
    "quorum before its witness": ("quorum X1\n" + W1, 1),
    "no final newline": (W1 + "quorum X1", 2),
    "control": (W1 + "quorum\x0bX1\n", 2),
    "carriage return": (W1 + "quorum X1\r\n", 2),
    "delete": (W1 + "# \x7f\n", 2),
    "unknown line": (W1 + "witnesses X1\n", 2),
    "capital": ("Quorum none\n", 1),
    "no-break space is no space": ("quorum\u00a0none\n", 1),
    "too many words": (LOG_LINE[:-1] + " url more\nquorum none\n", 1),
    "no vkey": ("log\nquorum none\n", 1),
    "broken vkey": ("log " + LOG_LINE[5:] + "quorum none\n", 1),
    "witness key for a log": (f"log {NAMED['X1']}\nquorum none\n", 1),
    "log key for a witness": (f"witness X1 {LOG_LINE[4:]}quorum none\n", 1),
    "same log twice": (LOG_LINE + LOG_LINE + "quorum none\n", 2),
    "same key under another name": (
        W1 + f"witness X2 {format_vkey(NoteKey('X2', ED25519_COSIGNATURE, signer('X1', 4).key.public))}\nquorum none\n",
        2,
    ),
    "same name twice": (W1 + f"witness X1 {NAMED['X2']}\nquorum X1\n", 2),
    "group with a witness's name": (W1 + "group X1 any X1\nquorum X1\n", 2),
    "called none": (f"witness none {NAMED['none']}\nquorum none\n", 1),
    "none as a member": (W1 + "group g any none\nquorum g\n", 2),
    "group without members": (W1 + "group g any\nquorum g\n", 2),
    "unknown member": (W1 + "group g any X1 X2\nquorum g\n", 2),
    "group in itself": (W1 + "group g any X1 g\nquorum g\n", 2),
    "member twice": (W1 + "group g any X1 X1\nquorum g\n", 2),
    "member of two groups": (W1 + W2 + "group g any X1\ngroup h all X1 X2\nquorum h\n", 4),
    "none of one": (W1 + "group g 0 X1\nquorum g\n", 2),
    "two of one": (W1 + "group g 2 X1\nquorum g\n", 2),
    "leading zero": (W1 + "group g 01 X1\nquorum g\n", 2),
    "half": (W1 + "group g most X1\nquorum g\n", 2),
}


@pytest.mark.parametrize(("text", "line"), BAD_POLICIES.values(), ids=BAD_POLICIES)
def test_policy_of_another_form_is_malformed_and_the_line_is_named(text, line):
    with pytest.raises(Malformed, match=f"policy line {line}:") as fault:
        parse_policy(text.encode())
    assert f"第 {line} 行" in fault.value.zh


@pytest.mark.parametrize("text", ["", "# a comment\n", LOG_LINE + W1])
def test_policy_without_a_quorum_blames_no_line_and_says_what_to_add(text):
    with pytest.raises(Malformed, match=r"no quorum line at the end.*`quorum none`") as fault:
        parse_policy(text.encode())
    assert "末尾缺少 quorum 行" in fault.value.zh
    assert "quorum none" in fault.value.zh
    assert "第" not in fault.value.zh


def test_policy_is_bounded_and_holds_32_of_each():
    with pytest.raises(TooLarge):
        parse_policy(b"#" * MAX_POLICY_BYTES + b"\nquorum none\n")
    logs = tuple(Log(signer(f"log{n}", ML_DSA_44).key) for n in range(32))
    witnesses = tuple(Witness(f"w{n}", signer(f"w{n}", ML_DSA_44).key) for n in range(32))
    groups = tuple(Group(f"g{n}", 1, (f"w{n}", *([f"g{n - 1}"] if n else []))) for n in range(32))
    policy = Policy(logs, witnesses, groups, "g31")
    assert parse_policy(format_policy(policy)) == policy
    assert quorum_met(policy, ["w0"])


def test_policy_reads_back():
    assert parse_policy(format_policy(POLICY)) == POLICY


@given(mangled(EXAMPLE.encode()))
@settings(max_examples=60)
@example(b"group \xff any \xff\n")
@example(b"witness \xff\n")
def test_any_bytes_are_a_policy_or_malformed(raw):
    with contextlib.suppress(Malformed):
        policy = parse_policy(raw)
        assert parse_policy(format_policy(policy)) == policy


# --- who signed a checkpoint ---------------------------------------------------------------------------------------


def test_quorum_is_met_by_the_witnesses_that_the_policy_names():
    both = judge_checkpoint(POLICY, witnessed(WITNESS, WITNESS_PQ))
    assert both.quorum
    assert both.cosigned_s == {"监管": NOW_S + 1, "other": NOW_S + 1}
    assert both.signed_by == (LOG.key, LOG_PQ.key)
    one = judge_checkpoint(POLICY, witnessed(WITNESS, signer("stranger", ED25519_COSIGNATURE)))
    assert (one.quorum, one.cosigned_s) == (False, {"监管": NOW_S + 1})


def test_log_itself_must_have_signed_under_its_own_name():
    unsigned = with_cosignatures(sign_checkpoint(HEAD, [signer(ORIGIN + "x", 1)], NOW_S), [])
    with pytest.raises(BadSignature, match=ORIGIN):
        judge_checkpoint(POLICY, unsigned)
    other = sign_checkpoint(TreeHead("other.example.cn", 7, HEAD.root), [LOG, LOG_PQ], NOW_S)
    with pytest.raises(BadSignature, match="other"):
        judge_checkpoint(POLICY, other)
    with pytest.raises(BadSignature):
        judge_checkpoint(parse_policy(b"quorum none\n"), witnessed(WITNESS))


def test_wrong_line_of_a_known_witness_refuses_the_whole_checkpoint():
    other = witnessed(WITNESS, head=TreeHead(ORIGIN, 8, HEAD.root)).note.signatures[-1]
    with pytest.raises(BadSignature, match="witness"):
        judge_checkpoint(POLICY, with_cosignatures(witnessed(WITNESS_PQ), [other]))


def test_cosignature_without_a_time_does_not_count():
    checkpoint = witnessed()
    name, origin = WITNESS_PQ.key.name.encode(), ORIGIN.encode()
    message = b"subtree/v1\n\0" + bytes([len(name)]) + name + bytes(8) + bytes([len(origin)]) + origin
    message += bytes(8) + (7).to_bytes(8, "big") + HEAD.root
    line = Signature(WITNESS_PQ.key.name, WITNESS_PQ.key.key_id, bytes(8) + WITNESS_PQ.private.sign(message))
    timeless = with_cosignatures(checkpoint, [line])
    assert signed_at(timeless, WITNESS_PQ.key) == 0
    assert judge_checkpoint(POLICY, timeless).cosigned_s == {}


# --- receipts ------------------------------------------------------------------------------------------------------


def test_receipt_proves_each_entry_and_no_other():
    for index, body in enumerate(BODIES):
        proved = check_receipt(body, parse_receipt(format_receipt(receipt_of(index))), POLICY)
        assert (proved.index, proved.leaf, proved.checkpoint.head) == (index, LEAVES[index], HEAD)
        assert proved.standing.quorum
        for other in {*BODIES, body + b" "} - {body}:
            with pytest.raises(BadProof):
                check_receipt(other, receipt_of(index), POLICY)


def test_receipt_without_a_quorum_says_so():
    assert not check_receipt(BODIES[2], receipt_of(2, witnessed(WITNESS)), POLICY).standing.quorum


def test_published_layout():
    checkpoint = parse_checkpoint(SOFA.encode())
    one, two = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))
    receipt = Receipt(73894, (b"\1" * 32, b"\2" * 32), checkpoint, b"agev1.2.1")
    text = f"c2sp.org/tlog-proof@v1\nextra YWdldjEuMi4x\nindex 73894\n{one}\n{two}\n\n{SOFA}"
    assert format_receipt(receipt) == text.encode()
    assert parse_receipt(text.encode()) == receipt
    bare = f"c2sp.org/tlog-proof@v1\nindex 0\n\n{SOFA}"
    assert parse_receipt(bare.encode()) == Receipt(0, (), checkpoint)


@given(st.integers(0, 2**63 - 1), st.lists(st.binary(min_size=32, max_size=32), max_size=63), st.binary(max_size=100))
@settings(max_examples=30)
def test_receipt_reads_back(index, proof, extra):
    receipt = Receipt(index, tuple(proof), parse_checkpoint(SOFA.encode()), extra)
    assert parse_receipt(format_receipt(receipt)) == receipt


TEXT = format_receipt(Receipt(5, (b"\1" * 32, b"\2" * 32), parse_checkpoint(SOFA.encode()), b"extra")).decode()
BAD_RECEIPTS = {
    "another version": (TEXT.replace("@v1", "@v2"), "line 1"),
    "extra without data": (TEXT.replace("extra ZXh0cmE=", "extra "), "line 2"),
    "extra not base64": (TEXT.replace("ZXh0cmE=", "ZXh0cmE"), "line 2"),
    "extra twice": (TEXT.replace("index", "extra ZXh0cmE=\nindex"), "line 3"),
    "no index": (TEXT.replace("index 5\n", ""), "line 3"),
    "index alone": (TEXT.replace("index 5", "index"), "line 3"),
    "leading zero": (TEXT.replace("index 5", "index 05"), "line 3"),
    "negative": (TEXT.replace("index 5", "index -5"), "line 3"),
    "hash not base64": (TEXT.replace("AQEB", "AQE!", 1), "line 4"),
    "hash of 31 bytes": (TEXT.replace("AgICAgI=", "AgIC", 1), "line 5"),
    "nothing after the hashes": (TEXT.partition("\n\n")[0] + "\n", "line 6"),
    "checkpoint wrong": (TEXT.replace("20852163", "020852163"), "checkpoint line 2"),
    "cut off": (TEXT[:-1], "no newline"),
    "header alone": ("c2sp.org/tlog-proof@v1\n", "line 2"),
}


@pytest.mark.parametrize(("text", "where"), BAD_RECEIPTS.values(), ids=BAD_RECEIPTS)
def test_receipt_of_another_form_is_malformed_and_the_line_is_named(text, where):
    with pytest.raises(Malformed, match=where):
        parse_receipt(text.encode())


@given(mangled(TEXT.encode()))
def test_any_bytes_are_a_receipt_or_malformed(raw):
    with contextlib.suppress(Malformed):
        assert format_receipt(parse_receipt(raw)) == raw


@given(st.data())
@settings(max_examples=60)
def test_no_mutated_receipt_proves_anything_else(data):
    raw = (GOLDEN / "proof-receipt.tlog-proof").read_bytes()
    policy = parse_policy((GOLDEN / "proof-policy.txt").read_bytes())
    changed = data.draw(mangled(raw))
    try:
        proved = check_receipt(BODIES[3], parse_receipt(changed), policy)
    except LedgerError:
        return
    # What still verifies proves the same: the mutation hit a signature line's name or id, so a quorum may be lost.
    assert (proved.index, proved.leaf, proved.checkpoint.head) == (3, LEAVES[3], HEAD)
    assert proved.standing.quorum is (len(proved.standing.cosigned_s) == 2)


# --- golden bytes --------------------------------------------------------------------------------------------------


def golden() -> dict[str, bytes]:
    """What the files are made of; Ed25519 makes the same bytes each time."""
    text = "气瓶追溯账本\ncylinder ledger\n"
    return {
        "proof-note.txt": format_note(Note(text, (sign_text(text, LOG),))),
        "proof-checkpoint.txt": witnessed(WITNESS, WITNESS_PQ).raw,
        "proof-policy.txt": format_policy(POLICY),
        "proof-receipt.tlog-proof": format_receipt(receipt_of(3)),
    }


def make_golden() -> None:
    for name, body in golden().items():
        if not (GOLDEN / name).exists():
            (GOLDEN / name).write_bytes(body)


def test_golden_note_and_policy_are_made_as_they_were():
    for name in ("proof-note.txt", "proof-policy.txt"):
        assert (GOLDEN / name).read_bytes() == golden()[name]
    assert check_text(parse_note((GOLDEN / "proof-note.txt").read_bytes()), LOG.key)


def test_golden_checkpoint_reads_and_verifies_as_it_did():
    raw = (GOLDEN / "proof-checkpoint.txt").read_bytes()
    checkpoint = parse_checkpoint(raw)
    assert (checkpoint.head, checkpoint.raw) == (HEAD, raw)
    assert [signed_at(checkpoint, one.key) for one in EVERYONE] == [0, NOW_S, NOW_S + 1, NOW_S + 1]
    made = golden()["proof-checkpoint.txt"].splitlines()
    changing = (5, 7)  # ML-DSA-44
    assert [line for n, line in enumerate(raw.splitlines()) if n not in changing] == [
        line for n, line in enumerate(made) if n not in changing
    ]


def test_golden_receipt_proves_what_it_did():
    raw = (GOLDEN / "proof-receipt.tlog-proof").read_bytes()
    receipt = parse_receipt(raw)
    assert format_receipt(receipt) == raw
    proved = check_receipt(BODIES[3], receipt, parse_policy((GOLDEN / "proof-policy.txt").read_bytes()))
    assert proved.standing.quorum
