"""Steps 8 and 10 of the verifier: subjects, scope, what is left out, and attachments, against such an operator."""

import hashlib
from dataclasses import replace

import pytest
from msgspec import structs

from ledger import claim as c
from ledger.entry import decode_entry, encode_entry, leaf_hash
from ledger.evidence import Evidence, Scope
from ledger.heads import Heads, sign_heads
from ledger.note_key import NoteSigner
from ledger.world import Head
from tests.evidence_kit import (
    CYLINDER,
    LOG,
    OTHER_CYLINDER,
    PHOTO,
    PHOTO_DIGEST,
    STRANGER,
    accepted,
    delivered_case,
    delivered_scopes,
    gather,
    heads_of,
    index_of,
    refused,
    retold,
    scopes,
    sound_case,
    story,
    without,
)
from tests.story import ORIGIN

CASE = sound_case()
BLIND = story(sighted=False)
SIZE = len(CASE.bodies)
SCOPES = scopes(CASE)
CYLINDERS = SCOPES["cylinder"]
SOUND = gather(CASE, CYLINDERS)


# --- 8: subjects and scope ----------------------------------------------------------------------------------------


def own_entries(evidence: Evidence = SOUND) -> list[int]:
    return [n for n, body in evidence.entries.items() if decode_entry(body).subject == f"cylinder:{CYLINDER}"]


def test_entry_of_the_cylinder_cannot_be_left_out():
    chain = own_entries()
    for at in chain:
        step = refused(without(SOUND, at))
        assert step == 8, at
    unheaded = gather(CASE, CYLINDERS, heads=False)
    for at in chain[:-1]:
        assert refused(without(unheaded, at)) == 8
    assert accepted(without(unheaded, chain[-1])).level == "L1"  # nothing says where it ends


def test_cylinder_cannot_be_shown_as_if_nothing_had_happened():
    assert refused(without(SOUND, *own_entries())) == 8


def test_scope_that_lies_is_refused():
    for scope in (Scope("cylinder", OTHER_CYLINDER), Scope("person", "P1"), Scope("site", "S1")):
        assert refused(structs.replace(SOUND, scope=scope, heads=b"")) == 8
    late = scopes(CASE)["cylinder from"]
    assert refused(structs.replace(SOUND, scope=late)) == 8
    assert refused(structs.replace(SOUND, scope=Scope("log"))) == 8


def test_entry_that_has_nothing_to_do_with_it_is_refused():
    """It might make an impression."""
    foreign = gather(CASE, Scope("site", "B1S"))
    merged = structs.replace(
        SOUND,
        entries=dict(sorted((SOUND.entries | foreign.entries).items())),
        proofs=dict(sorted((SOUND.proofs | foreign.proofs).items())),
        bundles=SOUND.bundles | foreign.bundles,
        heads=b"",
    )
    assert refused(merged) == 8


def test_link_that_does_not_fit_is_refused():
    chain = own_entries()
    for at, changes in (
        (chain[2], {"subject_prev": "0" * 64}),
        (chain[2], {"subject_prev": ""}),
        (chain[2], {"subject_seq": 99}),
        (chain[2], {"subject_seq": 0}),
        (chain[0], {"subject_seq": 1}),
        (chain[0], {"subject_prev": "0" * 64}),
    ):
        body = encode_entry(structs.replace(decode_entry(BLIND.bodies[at]), **changes))
        forged = replace(BLIND, bodies=[*BLIND.bodies[:at], body, *BLIND.bodies[at + 1 :]])
        assert refused(gather(forged, CYLINDERS)) == 8
        assert refused(gather(forged, SCOPES["log"])) == 8


def test_only_the_first_entry_of_a_subject_follows_none():
    """Though all that follows was made to fit."""
    chain = own_entries()
    after_nothing = retold(BLIND, chain[0], subject_prev="0" * 64)
    assert refused(gather(after_nothing, CYLINDERS)) == 8
    first = min(gather(BLIND, SCOPES["cylinder from"]).entries.keys() & set(chain))
    assert first > chain[0]
    assert refused(gather(retold(BLIND, first, subject_prev=""), SCOPES["cylinder from"])) == 8


def test_chain_of_any_subject_counts_in_the_whole_log():
    at = index_of(c.FileLine, CASE)
    body = encode_entry(structs.replace(decode_entry(BLIND.bodies[at]), subject_seq=1, subject_prev="0" * 64))
    forged = replace(BLIND, bodies=[*BLIND.bodies[:at], body, *BLIND.bodies[at + 1 :]])
    assert refused(gather(forged, SCOPES["log"])) == 8


@pytest.mark.parametrize("name", ["window", "window of nothing", "window to the end"])
def test_window_with_a_hole_or_without_its_neighbours_is_refused(name):
    evidence = gather(CASE, SCOPES[name], heads=False)
    filings = {at for at, body in evidence.entries.items() if '"enrol_signer"' in decode_entry(body).claim}
    inside = sorted(evidence.entries.keys() - filings - {0})
    for at in inside:
        assert refused(without(evidence, at)) == 8, at


def test_window_said_to_be_longer_than_it_is_shown_is_refused():
    window = SCOPES["window"]
    assert window.to_ms is not None
    assert window.from_ms is not None
    evidence = gather(CASE, window)
    for scope in (
        structs.replace(window, to_ms=window.to_ms + 600_000),
        structs.replace(window, from_ms=window.from_ms - 600_000),
    ):
        assert refused(structs.replace(evidence, scope=scope)) == 8


def heads_with(*, size: int = SIZE, by: NoteSigner = LOG, end: Head | None = None) -> bytes:
    """The cylinder's chain ends there, says the log."""
    subject = f"cylinder:{CYLINDER}"
    ends = heads_of(CASE, [subject]).heads if end is None else {subject: end}
    return sign_heads(Heads(ORIGIN, size, ends), by)


def test_heads_are_the_logs_and_of_this_checkpoint():
    assert accepted(structs.replace(SOUND, heads=heads_with())).level == "L2"
    for raw in (
        heads_with(size=SIZE - 1),
        heads_with(size=SIZE + 1),
        heads_with(by=STRANGER),
        heads_with().replace(b"heads v1\nledger.test", b"heads v1\nledger.tesu"),
    ):
        assert refused(structs.replace(SOUND, heads=raw)) == 8


def test_heads_that_do_not_speak_of_the_cylinder_prove_no_completeness():
    assert accepted(structs.replace(SOUND, heads=sign_heads(heads_of(CASE, ["site:S1"]), LOG))).level == "L1"


def test_heads_that_end_elsewhere_are_refused():
    chain = own_entries()
    older = decode_entry(CASE.bodies[chain[-2]])
    for end in (
        Head(older.subject_seq, leaf_hash(CASE.bodies[chain[-2]]).hex()),
        Head(older.subject_seq + 1, "0" * 64),
        Head(older.subject_seq + 2, "0" * 64),
    ):
        assert refused(structs.replace(SOUND, heads=heads_with(end=end))) == 8


def test_level_of_each_scope():
    levels = {name: accepted(gather(CASE, scope)).level for name, scope in SCOPES.items()}
    assert {name for name, level in levels.items() if level == "L2"} == {"cylinder", "other cylinder"}
    assert {name for name, level in levels.items() if level == "L3"} == {
        "window", "window of nothing", "window before all", "log",
    }  # fmt: skip


def test_old_checkpoint_from_before_a_window_does_not_show_that_nothing_happened_in_it():
    """An operator who has something to hide of yesterday shows the log of last week."""
    window = SCOPES["window to the end"]
    assert accepted(gather(CASE, window)).shown
    old = replace(CASE, bodies=CASE.bodies[: CASE.kept[1]], kept=CASE.kept[:1])
    report = accepted(gather(old, window))
    assert (report.shown, report.level) == ((), "L1")


def test_window_of_all_entries_is_open_until_a_later_entry_closes_it():
    times = [decode_entry(body).recorded_at for body in CASE.bodies]
    report = accepted(gather(CASE, Scope("window", from_ms=0, to_ms=times[-1] + 1)))
    assert (len(report.shown), report.level) == (SIZE, "L1")


# --- 8: what is cited besides --------------------------------------------------------------------------------------


DELIVERED = delivered_case()
BESIDE = {name: gather(DELIVERED, scope) for name, scope in delivered_scopes().items()}


def test_chain_that_is_cited_says_how_far_it_is_whole():
    evidence = BESIDE["customer with premises"]
    report = accepted(evidence)
    assert (report.complete, report.unended) == (("contract:CT1", "customer:K1", "premises:H1"), ())
    assert report.level == "L1", "of what else names the customer something may be left out"
    assert {one.index for one in report.shown} >= {*evidence.scope.cited}
    unsigned = accepted(structs.replace(evidence, heads=b""))
    assert (unsigned.complete, unsigned.unended) == ((), ("contract:CT1", "premises:H1"))
    some = sign_heads(heads_of(DELIVERED, ["premises:H1"]), LOG)
    assert accepted(structs.replace(evidence, heads=some)).complete == ("premises:H1",)


def test_chain_that_is_cited_is_here_whatever_the_times():
    scope = delivered_scopes()["customer with premises"]
    late = structs.replace(scope, from_ms=decode_entry(DELIVERED.bodies[-1]).recorded_at, cited=())
    ends = sign_heads(heads_of(DELIVERED, late.chains), LOG)
    report = accepted(structs.replace(gather(DELIVERED, late), heads=ends))
    assert report.complete == ("contract:CT1", "premises:H1")
    assert report.shown


def test_tail_of_a_cited_chain_is_missed_by_what_the_log_signed_alone():
    evidence = BESIDE["building"]
    last = max(at for at, body in evidence.entries.items() if decode_entry(body).subject == "premises:H1")
    assert refused(without(evidence, last)) == 8
    shorter = without(structs.replace(evidence, heads=b""), last)
    assert accepted(shorter).unended == ("premises:H1",)


def test_entry_is_cited_that_is_here_and_of_nothing_else():
    evidence = BESIDE["customer with premises"]
    scope = evidence.scope
    own = min(at for at, body in evidence.entries.items() if decode_entry(body).subject == "premises:H1")
    for cited in ((*scope.cited, SIZE + 1_000), tuple(sorted({*scope.cited, own}))):
        assert refused(structs.replace(evidence, scope=structs.replace(scope, cited=cited))) == 8
    unsaid = structs.replace(evidence, scope=structs.replace(scope, cited=scope.cited[1:]))
    assert refused(unsaid) == 8
    for chains in (scope.chains[:1], (*scope.chains, "voucher:none")):
        assert refused(structs.replace(evidence, scope=structs.replace(scope, chains=chains))) == 8


def test_entry_of_the_scopes_own_subject_is_not_left_out_behind_one_that_is_cited():
    """A cylinder's story since then begins with how it came to be, which is cited singly."""
    since = SCOPES["cylinder from"]
    chain = own_entries()
    assert since.from_ms is not None
    inside = [at for at in chain if decode_entry(CASE.bodies[at]).recorded_at >= since.from_ms]
    before = tuple(at for at in chain[:2] if at not in inside)
    evidence = gather(CASE, structs.replace(since, cited=before), heads=False)
    assert accepted(evidence).level == "L1"
    assert len(before) + len(inside) < len(chain)
    for at in inside[1:-1]:
        assert refused(without(evidence, at)) == 8


# --- 10: attachments ----------------------------------------------------------------------------------------------


def test_attachment_is_what_a_claim_names():
    assert SOUND.attachments == {PHOTO_DIGEST: PHOTO}
    assert refused(structs.replace(SOUND, attachments={PHOTO_DIGEST: PHOTO + b"\n"})) == 10
    other = b"another photograph"
    assert refused(structs.replace(SOUND, attachments={hashlib.sha256(other).hexdigest(): other})) == 10
    named_elsewhere = gather(CASE, SCOPES["other cylinder"])
    assert refused(structs.replace(named_elsewhere, attachments={PHOTO_DIGEST: PHOTO})) == 10
