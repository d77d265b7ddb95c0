"""Steps 6 and 7 of the verifier: bundles, keys and the chains of their signers, against an operator who rewrites."""

import base64
import hashlib
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from msgspec import structs

from ledger import claim as c
from ledger import events as e
from ledger.bundle import sign_bundle, signer_key
from ledger.entry import decode_entry, encode_entry
from tests.evidence_kit import (
    CYLINDER,
    Case,
    accepted,
    gather,
    index_of,
    refused,
    relinked,
    retold,
    scopes,
    sound_case,
    story,
    without,
)
from tests.story import Signer, code, private_key

CASE = sound_case()
BLIND = story(sighted=False)
SIZE = len(CASE.bodies)
SCOPES = scopes(CASE)
CYLINDERS = SCOPES["cylinder"]
SOUND = gather(CASE, CYLINDERS)


# --- 6: bundles and keys ------------------------------------------------------------------------------------------


def test_bundles_are_those_of_the_entries_and_no_others():
    """One that nobody names could say anything."""
    at = index_of(c.CompleteFill, CASE)
    digest = decode_entry(CASE.bodies[at]).bundle
    fewer = {name: body for name, body in SOUND.bundles.items() if name != digest}
    more = SOUND.bundles | {digest: body for digest, body in CASE.envelopes.items() if digest not in SOUND.bundles}
    under_another_name = fewer | {digest: next(iter(fewer.values()))}
    for bundles in (fewer, more, under_another_name):
        # A bundle's `seen` counts in step 4 already.
        assert refused(structs.replace(SOUND, bundles=bundles)) in (4, 6)


def test_bundle_under_a_digest_that_its_payload_has_not_is_refused():
    """Else one bundle could pass for two."""
    at = index_of(c.CompleteFill, BLIND)
    envelope = BLIND.envelopes[decode_entry(BLIND.bodies[at]).bundle]
    renamed = replace(BLIND, envelopes=BLIND.envelopes | {"0" * 64: envelope})
    assert refused(gather(retold(renamed, at, bundle="0" * 64), CYLINDERS)) == 6


@pytest.mark.parametrize(
    "changes",
    [
        {"position": 1},
        {"position": -1},
        {"device_seq": 99},
        {"signer": CASE.story.office.id},
        {"bundle": decode_entry(BLIND.bodies[1]).bundle},
    ],
)
def test_entry_that_is_not_its_bundles_is_refused(changes):
    at = index_of(c.CompleteFill, CASE)
    assert refused(gather(retold(BLIND, at, **changes), CYLINDERS)) == 6


@pytest.mark.parametrize(
    ("old", "new"), [('"end_weight_g":31000', '"end_weight_g":30000'), (',"', ', "'), ("31000", "31000 ")]
)
def test_claim_that_is_not_to_the_byte_what_was_signed_is_refused(old, new):
    at = index_of(c.CompleteFill, CASE)
    claim = decode_entry(BLIND.bodies[at]).claim
    assert old in claim
    assert refused(gather(retold(BLIND, at, claim=claim.replace(old, new)), CYLINDERS)) == 6


def resigned(case: Case, at: int, *, key: Signer, keyid: str | None = None, old: str = "", new: str = "") -> Case:
    """The same log, with the bundle of one entry signed anew by another key."""
    entry = decode_entry(case.bodies[at])
    outer = json.loads(case.envelopes[entry.bundle])
    payload = base64.b64decode(outer["payload"]).replace(old.encode(), new.encode())
    digest = hashlib.sha256(payload).hexdigest()
    envelope = json.loads(sign_bundle(payload, key.key))
    if keyid is not None:
        envelope["signatures"][0]["keyid"] = keyid
    forged = replace(case, envelopes=case.envelopes | {digest: json.dumps(envelope).encode()})
    signer = envelope["signatures"][0]["keyid"]
    return retold(forged, at, bundle=digest, signer=signer, claim=entry.claim.replace(old, new))


def test_claim_that_the_operator_signed_in_a_devices_name_is_refused():
    at, station = index_of(c.CompleteFill, CASE), CASE.story.station
    told = {"old": '"end_weight_g":31000', "new": '"end_weight_g":30000'}
    assert refused(gather(resigned(BLIND, at, key=CASE.story.log, keyid=station.id, **told), CYLINDERS)) == 6
    # Under its own name the operator's key may report; but not between the bundles of the station, which then lack one.
    stranger = Signer("stranger", private_key("stranger"))
    assert refused(gather(resigned(BLIND, at, key=stranger, **told), CYLINDERS)) == 6


def test_p256_signature_in_another_form_is_refused():
    at = index_of(c.CollectCylinder, CASE)
    digest = decode_entry(CASE.bodies[at]).bundle
    outer = json.loads(CASE.envelopes[digest])
    raw = base64.b64decode(outer["signatures"][0]["sig"])
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    for wrong in (
        encode_dss_signature(r, s),
        bytes(1) + raw[:32] + bytes(1) + raw[32:],
        raw[32:] + raw[:32],
        bytes(64),
    ):
        outer["signatures"][0]["sig"] = base64.b64encode(wrong).decode()
        bundles = SOUND.bundles | {digest: json.dumps(outer).encode()}
        assert refused(structs.replace(SOUND, bundles=bundles)) in (1, 6)


def test_claim_that_is_told_twice_is_refused():
    """One signature, two entries: the same fill counted twice."""
    entry = decode_entry(CASE.bodies[index_of(c.CompleteFill, CASE)])
    last = [decode_entry(body) for body in CASE.bodies if decode_entry(body).subject == entry.subject][-1]
    again = structs.replace(
        entry, recorded_at=decode_entry(CASE.bodies[-1]).recorded_at, subject_seq=last.subject_seq + 1
    )
    twice = replace(CASE, bodies=relinked([*CASE.bodies, encode_entry(again)], SIZE))
    assert refused(gather(twice, CYLINDERS)) == 6


def test_key_that_nobody_enrolled_is_refused():
    assert refused(without(SOUND, index_of(c.EnrolSigner, CASE, nth=0))) == 6
    case = story()
    case.say(c.CollectCylinder, by=Signer("nobody", private_key("nobody")), code=code(1))
    assert refused(gather(case, CYLINDERS)) == 6


def test_key_that_was_enrolled_only_later_is_refused():
    case = story()
    late = Signer("late", private_key("late"))
    case.say(c.CollectCylinder, by=late, code=code(1))
    case.tell(case.story.office, case.story.enrolment(late, c.Role.WORKER, "E1", ("S1",)))
    assert isinstance(decode_entry(case.bodies[-1]).outcome, e.Filed)
    assert refused(gather(case, CYLINDERS)) == 6


def test_key_whose_enrolment_was_refused_is_refused():
    case = story()
    smuggled = Signer("smuggled", private_key("smuggled"))
    case.tell(case.story.rival, case.story.enrolment(smuggled, c.Role.WORKER, "E1", ("S1",)))
    at = len(case.bodies) - 1
    assert isinstance(decode_entry(case.bodies[at]).outcome, e.Refusal)
    case.say(c.CollectCylinder, by=smuggled, code=code(1))
    assert refused(gather(case, CYLINDERS)) == 6
    # Nor does it help to call it accepted: a rival's office may not enrol for this enterprise.
    assert refused(gather(retold(case, at, outcome=e.Filed()), CYLINDERS)) == 6


@pytest.mark.parametrize("role", [c.Role.OFFICE, c.Role.AUTHORITY, c.Role.LOG, c.Role.INSPECTION_BODY])
def test_office_cannot_enrol_its_like_whatever_the_operator_says(role):
    case = story()
    smuggled = Signer("smuggled", private_key("smuggled"))
    case.tell(case.story.office, case.story.enrolment(smuggled, role, "E1", ()))
    at = len(case.bodies) - 1
    case.say(c.CollectCylinder, by=smuggled, code=code(1))
    assert refused(gather(retold(case, at, outcome=e.Filed()), CYLINDERS)) == 6


@pytest.mark.parametrize("by", ["station", "phone", "log"])
def test_who_may_not_enrol_cannot_whatever_the_operator_says(by):
    case = story()
    who = case.phone if by == "phone" else getattr(case.story, by)
    smuggled = Signer("smuggled", private_key("smuggled"))
    case.tell(who, case.story.enrolment(smuggled, c.Role.WORKER, "E1", ("S1",)))
    at = len(case.bodies) - 1
    case.say(c.CollectCylinder, by=smuggled, code=code(1))
    assert refused(gather(retold(case, at, outcome=e.Filed()), CYLINDERS)) == 6


def test_log_may_quarantine_and_let_nobody_in_again():
    alert = "01900000-0000-7000-8000-0000000000aa"
    case = story()
    case.enrol("quarantined", by=case.story.log, alert=alert)
    assert isinstance(decode_entry(case.bodies[-1]).outcome, e.Filed)
    assert refused(gather(case, CYLINDERS)) is None
    case.enrol("active", by=case.story.log, alert=alert)
    assert refused(gather(retold(case, len(case.bodies) - 1, outcome=e.Filed()), CYLINDERS)) == 6


def test_report_of_a_revoked_key_that_the_operator_calls_accepted_is_refused():
    at = index_of(c.CollectCylinder, CASE, nth=1)
    assert isinstance(decode_entry(CASE.bodies[at]).outcome, e.Refusal)
    assert refused(gather(retold(BLIND, at, outcome=e.CylinderCollected(cylinder=CYLINDER)), CYLINDERS)) == 6


def phone_filings(case: Case = CASE) -> list[int]:
    party = f"signer:{case.phone.id}"
    entries = [decode_entry(body) for body in case.bodies]
    return [n for n, one in enumerate(entries) if one.subject == party and isinstance(one.outcome, e.Filed)]


def test_revocation_between_two_filings_cannot_be_left_out():
    first, revoked, again = phone_filings()
    assert refused(without(SOUND, revoked)) == 6
    assert refused(without(SOUND, first)) == 6
    assert refused(without(SOUND, again)) == 6  # it signed what was accepted after that


def test_last_revocation_left_out_is_a_signed_lie_or_is_told():
    case = story()
    case.enrol("revoked")
    assert refused(gather(case, CYLINDERS)) is None
    last = len(case.bodies) - 1
    assert refused(without(gather(case, CYLINDERS), last)) == 8
    report = accepted(without(gather(case, CYLINDERS, heads=False), last))
    assert case.phone.id in report.unheaded


def test_enrolment_that_is_called_something_else_is_refused():
    """Or a revocation could stand in the log and count for nothing."""
    _, revoked, _ = phone_filings()
    forged = retold(BLIND, revoked, outcome=e.CodeBound())
    for scope in (CYLINDERS, SCOPES["log"], SCOPES["window to the end"]):
        assert refused(gather(forged, scope)) == 6
    assert refused(gather(retold(BLIND, revoked, subject="signer:" + "0" * 32), SCOPES["log"])) == 6


def test_entry_0_is_there_and_opens_this_log_by_its_authority():
    assert refused(without(SOUND, 0)) == 6
    assert refused(gather(retold(BLIND, 0, outcome=e.Filed()), CYLINDERS)) == 6
    other = Signer("usurper", private_key("usurper"))
    assert refused(gather(resigned(BLIND, 0, key=other), CYLINDERS)) == 6
    old, new = f'"origin":"{decode_entry(CASE.bodies[0]).log}"', '"origin":"ledger.test/elsewhere"'
    assert refused(gather(resigned(BLIND, 0, key=CASE.story.authority, old=old, new=new), CYLINDERS)) == 6


def test_second_opening_is_refused():
    """It would bring an authority of the operator's own."""
    case = story()
    usurper = Signer("usurper", private_key("usurper"))
    case.tell(usurper, case.story.opening(authority=signer_key(usurper.key)))
    at = len(case.bodies) - 1
    assert refused(gather(case, SCOPES["log"])) == 6
    assert refused(gather(retold(case, at, outcome=e.LogOpened()), SCOPES["log"])) == 6
    own = story()
    own.tell(own.story.authority, own.story.opening())
    assert refused(gather(own, SCOPES["log"])) is None
    assert refused(gather(retold(own, at, outcome=e.LogOpened()), SCOPES["log"])) == 6


# --- 7: chains of signers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", ["first", "fork", "gap"])
def test_mark_that_the_bundles_contradict_is_refused(mark):
    at = index_of(c.CompleteFill, CASE)
    assert refused(gather(retold(BLIND, at, device_chain=mark), CYLINDERS)) == 7


def cloned() -> Case:
    """The phone's key is copied: both copies go on from the same bundle."""
    case = story()
    copy = Signer("copy", case.phone.key, case.phone.device_seq, case.phone.device_prev)
    case.say(c.CollectCylinder, by=case.phone, code=code(1))
    case.say(c.CollectCylinder, by=copy, code=code(1))
    case.say(c.CollectCylinder, by=copy, code=code(1))
    return case


def test_cloned_key_is_told_and_cannot_be_hidden():
    case, size = cloned(), SIZE
    report = accepted(gather(case, CYLINDERS))
    assert (report.behind, report.forked) == (1, 1)
    for at, mark in ((size + 1, "next"), (size + 2, "next"), (size + 1, "gap"), (size + 2, "gap")):
        assert refused(gather(retold(case, at, device_chain=mark), CYLINDERS)) == 7


def test_entries_of_one_bundle_are_marked_alike():
    at = index_of(c.RegisterCylinder, CASE, nth=1)
    assert decode_entry(CASE.bodies[at]).position == 1
    assert refused(gather(retold(BLIND, at, device_chain="behind"), SCOPES["log"])) == 7


def test_gap_is_told():
    assert accepted(gather(CASE, SCOPES["other cylinder"])).gaps == 1


def test_bundle_cannot_be_the_first_when_others_came_before():
    at = index_of(c.CollectCylinder, CASE)
    assert decode_entry(CASE.bodies[at]).device_chain == "first"
    later = index_of(c.CollectCylinder, CASE, nth=1)
    assert refused(gather(retold(BLIND, later, device_chain="first"), CYLINDERS)) == 7
    assert refused(gather(retold(BLIND, at, device_chain="gap"), CYLINDERS)) == 7
