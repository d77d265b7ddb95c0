"""Sound evidence files of every kind, made in memory, and what it takes to make unsound ones consistently.

A `Case` is a log with its signed bundles and kept checkpoints; `gather` is an honest operator's evidence of a scope,
under the operator's own keys, so that a dishonest one is `gather` over a changed case, `structs.replace` on what it
gives, or `repack` on its members. Nothing here needs a database.

This file is over 400 lines because it is one kit: stories, an honest operator, and the ways to be a dishonest one.
"""

import functools
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from msgspec import structs

from ledger import claim as c
from ledger import events as e
from ledger.archive import pack_archive, parse_archive
from ledger.bundle import Seen, decode_claim, encode_payload, open_bundle, sign_bundle
from ledger.checkpoint import TreeHead, cosign, sign_checkpoint, with_cosignatures
from ledger.decide import decide
from ledger.entry import Entry, decode_entry, encode_entry, leaf_hash
from ledger.evidence import Evidence, Kind, Scope, pack_evidence
from ledger.heads import Heads, sign_heads
from ledger.merkle import extend, root_of
from ledger.note_key import ED25519, ED25519_COSIGNATURE, ML_DSA_44, NoteSigner, note_signer
from ledger.policy import Group, Log, Policy, Witness, format_policy
from ledger.proofs import prove_consistency, prove_inclusion, tree_root
from ledger.replay import next_link, pack_label
from ledger.verify import Report, Unproved, verify
from ledger.world import FILED, Head, chain_after, parties_of, subject_of
from tests.story import ORIGIN, Signer, Town, code, private_key

PHOTO = b"\xff\xd8 a photograph of stamp and label"
PHOTO_DIGEST = hashlib.sha256(PHOTO).hexdigest()
CYLINDER = "01900000-0000-7000-9000-000000000001"
OTHER_CYLINDER = "01900000-0000-7000-9000-000000000002"


def note_key(name: str, kind: int, seed: bytes) -> NoteSigner:
    """A key that is the same in every run."""
    make = MLDSA44PrivateKey.from_seed_bytes if kind == ML_DSA_44 else Ed25519PrivateKey.from_private_bytes
    return note_signer(name, kind, make(seed * 32))


LOG, LOG_PQ = note_key(ORIGIN, ED25519, b"l"), note_key(ORIGIN, ML_DSA_44, b"q")
STRANGER = note_key(ORIGIN, ED25519, b"s")
WITNESSES = (
    note_key("witness.example.cn/监管", ED25519_COSIGNATURE, b"1"),
    note_key("witness.example.cn/w2", ED25519_COSIGNATURE, b"2"),
    note_key("witness.example.cn/w3", ML_DSA_44, b"3"),
)
NAMES = ("w1", "w2", "w3")


def policy(quorum: str = "two", logs: Iterable[NoteSigner] = (LOG, LOG_PQ)) -> bytes:
    """The investigator's policy: two of three witnesses."""
    witnesses = tuple(Witness(name, one.key) for name, one in zip(NAMES, WITNESSES, strict=True))
    listed = tuple(Log(one.key) for one in logs)
    return format_policy(Policy(listed, witnesses, (Group("two", 2, NAMES),), quorum))


@dataclass
class Case(Town):
    """A town whose bundles are kept, and whose devices say what they have seen."""

    envelopes: dict[str, bytes] = field(default_factory=dict)
    kept: list[int] = field(default_factory=list)
    sighted: bool = True
    seeing: Seen | None = None
    phone: Signer = field(default_factory=lambda: Signer("phone", private_key("phone", "p256")))

    def tell(self, signer: Signer, claim: c.AnyClaim, *, at: int | None = None, offset: int | None = 0) -> e.Outcome:
        """One claim in a bundle of its own."""
        return self.tell_all(signer, claim, at=at, offset=offset)[-1]

    def tell_all(
        self, signer: Signer, *claims: c.AnyClaim, at: int | None = None, offset: int | None = 0
    ) -> list[e.Outcome]:
        """These claims in one bundle, recorded as the server does."""
        payload = encode_payload(
            log=ORIGIN,
            device_seq=signer.device_seq,
            device_prev=signer.device_prev,
            seen=self.seeing,
            claims=list(claims),
        )
        signer.device_seq += 1
        signer.device_prev = hashlib.sha256(payload).hexdigest()
        envelope = sign_bundle(payload, signer.key)
        bundle, now = open_bundle(envelope), max(self.story.now if at is None else at, self.world.recorded_at)
        self.envelopes[bundle.digest.hex()] = envelope
        chain = chain_after(self.world.devices.get(signer.id), bundle.device_seq, bundle.device_prev)
        outcomes = []
        for position, signed in enumerate(bundle.claims):
            outcome = decide(self.world, signed.claim, now, signer=signer.id, clock_offset_ms=offset)
            subject = subject_of(self.world, signed.claim, signer.id, outcome)
            seq, prev = next_link(self.world.head_of(subject))
            entry = Entry(
                v=1, log=ORIGIN, recorded_at=now, clock_offset_ms=offset, subject=subject, subject_seq=seq,
                subject_prev=prev, signer=signer.id, device_seq=bundle.device_seq, device_chain=chain,
                bundle=bundle.digest.hex(), position=position, pack=pack_label(self.world, signed.claim),
                claim=signed.text, outcome=outcome,
            )  # fmt: skip
            body = encode_entry(entry)
            self.bodies.append(body)
            self.world.fold(entry, signed.claim, leaf_hash(body).hex())
            outcomes.append(outcome)
        return outcomes

    def publish(self) -> None:
        """A checkpoint is signed and kept, and devices that look see it from now on."""
        self.kept.append(len(self.bodies))
        if self.sighted:
            self.seeing = Seen(len(self.bodies), root(self.bodies).hex())

    def enrol(self, status: str, *, by: Signer | None = None, **changes: Any) -> e.Outcome:
        """File the phone's key anew, in this status."""
        record = self.world.registry.records.get(f"signer:{self.phone.id}")
        filing = structs.replace(
            self.story.enrolment(self.phone, c.Role.WORKER, "E1", ("S1",)),
            status=status,
            expects=None if record is None else record.seq,
            **changes,
        )
        return self.tell(by or self.story.office, filing)


def root(bodies: list[bytes]) -> bytes:
    """The tree's root."""
    return root_of(extend((), 0, map(leaf_hash, bodies)))


def story(*, sighted: bool = True) -> Case:
    """Two cylinders registered, one filled and sold, the other filled too; a phone enrolled, revoked, let in again.

    Devices that are not `sighted` never say what they have seen: whoever rewrites such a log need not fear them.
    """
    case = Case(sighted=sighted)
    case.opened()
    case.publish()
    case.wait(5)
    office = case.story.office
    first, second = case.story.cylinder(1, ownership_digest=PHOTO_DIGEST), case.story.cylinder(2)
    assert all(isinstance(one, e.CylinderRegistered) for one in case.tell_all(office, first, second))
    for number, registration in enumerate((first, second), 1):
        case.tell(case.story.authority, case.story.certificate(registration, name=f"UR{number}"))
    assert isinstance(case.enrol("active"), e.Filed)
    case.say(c.AuthoriseFill, code=code(1))  # refused: no pre-check
    case.fill(code(1))
    case.publish()
    case.wait(5)
    case.release(code(1))
    case.sell(code(1))
    case.say(c.CollectCylinder, by=case.phone, code=code(1))
    case.enrol("revoked")
    case.say(c.CollectCylinder, by=case.phone, code=code(1))  # refused: revoked
    case.publish()
    case.wait(5)
    case.enrol("active")
    assert isinstance(case.say(c.CollectCylinder, by=case.phone, code=code(1)), e.CylinderCollected)
    case.fill(code(2))
    case.story.station.device_seq += 3  # three bundles never came
    case.say(c.CheckPrefill, code=code(2))
    case.wait(5)
    return case


@functools.cache
def delivered_case() -> Case:
    """That story told on: brought to a kitchen, counted there, a recall, an incident; something for every party."""
    case = story()
    say = case.say
    given = say(c.HandOver, code=code(2), person="W1", vehicle="V2", done=True)
    assert isinstance(given, e.CylinderHandedOver), given
    assert given.left == ("site:S1",)
    say(c.OpenHazard)
    counted = case.wait(5).say(c.CountPremises, codes=(code(1),))
    assert isinstance(counted, e.PremisesCounted)
    assert counted.found == (CYLINDER,)
    assert counted.missing == (OTHER_CYLINDER,)
    assert counted.left == ("vehicle:V1",)
    case.publish()
    back = case.wait(5).say(c.RemoveInEmergency, code=code(1), vehicle=None, to_site="S1")
    assert isinstance(back, e.CylinderRemoved), back
    assert back.left == ("customer:K1", "premises:H1")
    leave = case.authorise(code(2))
    say(c.InterruptFill, code=code(2), authorisation=leave, weight_g=17_000)
    assert isinstance(say(c.OpenRecall, tank_lot="T1", inspected_at="B1S"), e.Filed)
    say(c.AcknowledgeRecall, by=case.story.office)
    assert isinstance(say(c.OpenIncident, cylinder=CYLINDER), e.Filed)
    return case


@functools.cache
def sound_case() -> Case:
    """That story, told once, and never changed: who tells on takes `story()`."""
    return story()


def signed_checkpoint(
    bodies: list[bytes],
    size: int,
    *,
    by: Iterable[NoteSigner] = (LOG, LOG_PQ),
    witnesses: Iterable[NoteSigner] = WITNESSES,
    time_s: int | None = None,
) -> bytes:
    """The checkpoint of the first `size` entries, a second after the last; witness k cosigns k + 1 seconds later."""
    now = time_s if time_s is not None else decode_entry(bodies[size - 1]).recorded_at // 1000 + 1
    checkpoint = sign_checkpoint(TreeHead(ORIGIN, size, root(bodies[:size])), by, now)
    lines = [cosign(checkpoint, one, now + 1 + WITNESSES.index(one)) for one in witnesses]
    return with_cosignatures(checkpoint, lines).raw


def reader(bodies: list[bytes]) -> Callable[[int, int], bytes]:
    """Reads hashes of the tree of these entries."""
    leaves = [leaf_hash(body) for body in bodies]

    @functools.cache
    def read(level: int, index: int) -> bytes:
        return root_of(extend((), 0, leaves[index << level : (index + 1) << level]))

    return read


def _within(scope: Scope, entry: Entry) -> bool:
    return (scope.from_ms is None or entry.recorded_at >= scope.from_ms) and (
        scope.to_ms is None or entry.recorded_at < scope.to_ms
    )


def _indices(case: Case, scope: Scope) -> set[int]:
    entries = [decode_entry(body) for body in case.bodies]
    parties = [parties_of(entry, decode_claim(entry.claim)) for entry in entries]
    party, size = f"{scope.kind}:{scope.id}", len(entries)
    everything = scope.kind in ("window", "log")
    chosen = {n for n in range(size) if _within(scope, entries[n]) and (everything or party in parties[n])}
    if scope.kind == "window":
        assert scope.from_ms is not None
        before = max((n for n in range(size) if entries[n].recorded_at < scope.from_ms), default=-1)
        after = before + 1
        while after in chosen:
            after += 1
        chosen |= {before, after} & set(range(size))
    chosen |= {0, *scope.cited, *(n for n in range(size) if entries[n].subject in scope.chains)}
    while True:
        signers = {entries[n].signer for n in chosen}
        more = {n for n in range(size) for one in signers if f"filing:signer:{one}" in parties[n]}
        if more <= chosen:
            return chosen
        chosen |= more


def heads_of(case: Case, subjects: Iterable[str]) -> Heads:
    """Where these chains end."""
    heads = {}
    for body in case.bodies:
        entry = decode_entry(body)
        mine = {entry.subject, f"filing:{entry.subject}"} if isinstance(entry.outcome, FILED) else {entry.subject}
        for subject in mine & set(subjects):
            heads[subject] = Head(entry.subject_seq, leaf_hash(body).hex())
    return Heads(ORIGIN, len(case.bodies), heads)


def gather(
    case: Case,
    scope: Scope,
    *,
    policy_raw: bytes | None = None,
    heads: bool = True,
    attachments: Iterable[bytes] = (PHOTO,),
    log: NoteSigner = LOG,
    keys: Iterable[NoteSigner] = (LOG, LOG_PQ),
    witnesses: Iterable[NoteSigner] = WITNESSES,
) -> Evidence:
    """An operator's evidence of this scope, by these keys."""
    bodies, size, read = case.bodies, len(case.bodies), reader(case.bodies)
    chosen = sorted(_indices(case, scope))
    entries = {n: decode_entry(bodies[n]) for n in chosen}
    bundles = {entry.bundle: case.envelopes[entry.bundle] for entry in entries.values()}
    seen = [open_bundle(envelope).seen for envelope in bundles.values()]
    earlier = [at for at in case.kept if at < size]
    sizes = {*earlier, *(one.size for one in seen if one is not None and 0 < one.size < size)}
    subjects = {f"filing:signer:{entry.signer}" for entry in entries.values()} | {scope.subject, *scope.chains}
    texts = [entry.claim for entry in entries.values()]
    return Evidence(
        scope=scope,
        log=ORIGIN,
        policy=policy() if policy_raw is None else policy_raw,
        checkpoint=signed_checkpoint(bodies, size, by=keys, witnesses=witnesses),
        earlier={at: signed_checkpoint(bodies, at, by=keys, witnesses=witnesses) for at in earlier},
        consistency={at: (tree_root(read, at), *prove_consistency(read, at, size)) for at in sorted(sizes)},
        entries={n: bodies[n] for n in chosen},
        proofs={} if len(chosen) == size else {n: prove_inclusion(read, n, size) for n in chosen},
        bundles=bundles,
        heads=sign_heads(heads_of(case, subjects), log) if heads else b"",
        attachments={
            digest: body
            for body in attachments
            if any(f'"{digest}"' in text for text in texts for digest in [hashlib.sha256(body).hexdigest()])
            for digest in [hashlib.sha256(body).hexdigest()]
        },
    )


def scopes(case: Case) -> dict[str, Scope]:
    """A scope of each kind that this story has something for."""
    times = [decode_entry(body).recorded_at for body in case.bodies]
    middle, late = times[case.kept[0]], times[case.kept[1]]
    return {
        "cylinder": Scope("cylinder", CYLINDER),
        "other cylinder": Scope("cylinder", OTHER_CYLINDER),
        "cylinder from": Scope("cylinder", CYLINDER, from_ms=late),
        "cylinder to": Scope("cylinder", CYLINDER, to_ms=late),
        "cylinder unknown": Scope("cylinder", "01900000-0000-7000-9000-000000000009"),
        "person": Scope("person", "P2"),
        "tank lot": Scope("tank_lot", "T1"),
        "site": Scope("site", "S1"),
        "window": Scope("window", from_ms=middle, to_ms=late),
        "window of nothing": Scope("window", from_ms=middle - 1, to_ms=middle),
        "window to the end": Scope("window", from_ms=late, to_ms=times[-1] + 1),
        "window before all": Scope("window", from_ms=0, to_ms=times[0]),
        "window after all": Scope("window", from_ms=times[-1] + 1, to_ms=times[-1] + 2),
        "log": Scope("log"),
    }


def delivered_scopes() -> dict[str, Scope]:
    """Scopes of that story, by what is special in them."""
    return {
        "premises": Scope("premises", "H1"),
        "customer": Scope("customer", "K1"),
        "vehicle": Scope("vehicle", "V1"),
        "delivery vehicle": Scope("vehicle", "V2"),
        "line": Scope("line", "L1"),
        "recall": Scope("recall", "R1"),
        "cylinder that was counted": Scope("cylinder", CYLINDER),
        "cylinder that was missed": Scope("cylinder", OTHER_CYLINDER),
        "worker": Scope("person", "W1"),
        "site of an incident": Scope("site", "S1"),
        "tank lot of an incident": Scope("tank_lot", "T1"),
        "site of a recall": Scope("site", "B1S"),
        "incident": Scope("incident", "IN1", chains=(f"cylinder:{CYLINDER}",)),
        "building": citing("building", "B1", c.HandOver, chains=("premises:H1",)),
        "customer with premises": citing("customer", "K1", c.FileCertificate, chains=("contract:CT1", "premises:H1")),
        "worker until then": citing("person", "W1", c.FileCertificate, to_ms=handed_over_at()),
    }


def citing(kind: Kind, key: str, act: type[c.Claim], **more: Any) -> Scope:
    """That scope in that story, with every entry of an act that is not of it cited besides."""
    case, bare = delivered_case(), Scope(kind, key, **more)
    own, tag = _indices(case, bare), f'{{"type":"{act.__struct_config__.tag}"'
    cited = (n for n, body in enumerate(case.bodies) if n not in own and decode_entry(body).claim.startswith(tag))
    return structs.replace(bare, cited=tuple(cited))


def handed_over_at() -> int:
    """When that story's hand-over was recorded."""
    case = delivered_case()
    return decode_entry(case.bodies[index_of(c.HandOver, case)]).recorded_at + 1


def sound_files() -> dict[str, tuple[bytes, bytes]]:
    """Evidence files that must be accepted, and the policy for each, by what is special in them."""
    case = sound_case()
    files = {name: (pack_evidence(gather(case, scope)), policy()) for name, scope in scopes(case).items()}
    files |= {
        name: (pack_evidence(gather(delivered_case(), scope)), policy()) for name, scope in delivered_scopes().items()
    }
    cylinder = Scope("cylinder", CYLINDER)
    alone, none = policy("none", (LOG,)), (pack_evidence(gather(case, cylinder, heads=False, attachments=())), policy())
    files["no heads, no attachments"] = none
    files["two witnesses"] = (pack_evidence(gather(case, cylinder, witnesses=WITNESSES[1:])), policy())
    bare = gather(case, cylinder, policy_raw=alone, keys=(LOG,), witnesses=())
    files["no witnesses wanted"] = (pack_evidence(bare), alone)
    quantum = policy("none", (LOG_PQ,))
    after = gather(case, cylinder, policy_raw=quantum, keys=(LOG_PQ,), witnesses=(), heads=False)
    files["ML-DSA-44 alone"] = (pack_evidence(after), quantum)
    return files


def repack(members: dict[str, bytes], **manifest: Any) -> bytes:
    """These members in one archive, under a manifest whose digests are true; `manifest` changes what else it says."""
    said = json.loads(members["manifest.json"]) | manifest
    said["files"] = {
        name: hashlib.sha256(body).hexdigest() for name, body in members.items() if name != "manifest.json"
    }
    line = json.dumps(said, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    return pack_archive(members | {"manifest.json": line})


def members_of(raw: bytes) -> dict[str, bytes]:
    """The members of a file, in order."""
    return parse_archive(raw)


def retold(case: Case, at: int, **changes: Any) -> Case:
    """The same log but for one entry: what an operator rewrites, with every later link of its chains made to fit."""
    bodies = list(case.bodies)
    bodies[at] = encode_entry(structs.replace(decode_entry(bodies[at]), **changes))
    return replace(case, bodies=relinked(bodies, at + 1))


def relinked(bodies: list[bytes], start: int) -> list[bytes]:
    """These entries, each from `start` on naming the leaf of its subject's entry before."""
    last, fitted = dict[str, bytes](), list[bytes]()
    for at, body in enumerate(bodies):
        entry, fit = decode_entry(body), body
        if at >= start and entry.subject in last:
            fit = encode_entry(structs.replace(entry, subject_prev=leaf_hash(last[entry.subject]).hex()))
        last[entry.subject] = fit
        fitted.append(fit)
    return fitted


def without(evidence: Evidence, *indices: int) -> Evidence:
    """Evidence that says nothing of these entries, nor of bundles that then nobody names."""
    entries = {at: body for at, body in evidence.entries.items() if at not in indices}
    named = {decode_entry(body).bundle for body in entries.values()}
    proofs = {at: proof for at, proof in evidence.proofs.items() if at not in indices}
    bundles = {digest: body for digest, body in evidence.bundles.items() if digest in named}
    seen = [open_bundle(envelope).seen for envelope in bundles.values()]
    sizes = {*evidence.earlier, *(one.size for one in seen if one is not None)}
    consistency = {at: proof for at, proof in evidence.consistency.items() if at in sizes}
    return structs.replace(evidence, entries=entries, proofs=proofs, bundles=bundles, consistency=consistency)


def refused(evidence: Evidence, trusted: bytes | None = None) -> int | None:
    """The step that refuses it, None when it is accepted."""
    answer = verify(pack_evidence(evidence), policy() if trusted is None else trusted)
    return answer.step if isinstance(answer, Unproved) else None


def accepted(evidence: Evidence) -> Report:
    """What it proves; it must be accepted."""
    answer = verify(pack_evidence(evidence), policy())
    assert isinstance(answer, Report), answer
    return answer


def index_of(act: type[c.Claim], case: Case, *, nth: int = 0) -> int:
    """Where the n-th claim of that kind stands."""
    kind = f'{{"type":"{act.__struct_config__.tag}"'
    entries = [decode_entry(body) for body in case.bodies]
    return [n for n, one in enumerate(entries) if one.claim.startswith(kind)][nth]
