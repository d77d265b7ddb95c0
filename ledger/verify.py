"""Verify an evidence file: what it proves to somebody who trusts a policy of his own, and nobody else. Pure.

docs/verify.md says the same in prose, to the byte. First the investigator's policy is read; then, in this order:

 1  the file is an evidence file, in its one spelling, and all in it reads
 2  its policy is the investigator's
 3  the final checkpoint: a trusted key of the log signed it, and a quorum of witnesses; earlier ones: such a key
 4  each earlier checkpoint is how the final tree began; whether each tree that a device says it saw is
 5  each entry is of this log and in its tree, none recorded earlier than the one before
 6  each entry's claim stands so in a bundle, signed by a key that was enrolled before, up to the authority's in entry 0
 7  the bundles of each signer follow as the entries say
 8  the entries of each subject follow; all belong to the scope, are cited by it or vouch for keys; chains end where the
    log says
 9  times: what witnesses and time-stamps say of when an entry was in the log at the latest
10  attachments are files that claims name
11  what is proved is told, and what is not

The first step that fails refuses the file. Whether the log decided rightly is not looked at: `ledger.replay` does.

This file is over 150 lines because it is the whole of it: one function a step, none of use alone.
"""

import hashlib
import re
from bisect import bisect_right
from itertools import accumulate, pairwise

from ledger import claim as c
from ledger import events as e
from ledger.bundle import Bundle, check_signature, open_bundle, public_key, signer_id
from ledger.checkpoint import Checkpoint, parse_checkpoint, signed_at
from ledger.china import day_of
from ledger.completeness import Completeness, Held, check_scope_held
from ledger.entitlement import is_entitled
from ledger.entry import MAX_ENTRY_BYTES, Entry, decode_entry, encode_entry, leaf_hash
from ledger.errors import BadSignature, LedgerError
from ledger.evidence import MAX_MILLIS, Evidence, parse_evidence
from ledger.findings import Report, Shown, StampedAt, Unproved, Unsound, naming, need
from ledger.heads import SignedHeads, check_heads, parse_heads
from ledger.merkle import EMPTY_ROOT, extend, root_of
from ledger.note_key import ML_DSA_44
from ledger.policy import NONE, Policy, Standing, judge_checkpoint, parse_policy, quorum_met
from ledger.proofs import check_consistency, check_inclusion
from ledger.registry import Registry
from ledger.world import filing_party

__all__ = ["Report", "Shown", "StampedAt", "Unproved", "verify"]

_NAMED = re.compile(r'(?="([0-9a-f]{64})")')  # looked for ahead: two names may share a quotation mark
LAG_S = 60  # so much later than its recording an entry may be missing in a checkpoint: publishing takes its time


def verify(
    raw: bytes, policy_raw: bytes, *, other_policy: bool = False, stamped_at: StampedAt | None = None
) -> Report | Unproved:
    """What the file proves, or where it fails. Malformed when the investigator's own policy is none.

    `other_policy` accepts that the file holds another policy than the investigator's, which alone is believed.
    `stamped_at` checks time-stamps by certificates that the investigator trusts; without it they say nothing.
    """
    check = _Check(raw, policy_raw, other_policy=other_policy, stamped_at=stamped_at)
    steps = (
        check.step_1_read,
        check.step_2_policy,
        check.step_3_checkpoints,
        check.step_4_consistency,
        check.step_5_inclusion,
        check.step_6_bundles,
        check.step_7_signers,
        check.step_8_subjects,
        check.step_9_times,
        check.step_10_attachments,
    )
    for number, step in enumerate(steps, 1):
        try:
            step()
        except LedgerError as fault:
            return Unproved(number, fault.zh, fault.en)
    return check.step_11_report()


class _Check:
    """One run; each step leaves what the later ones read."""

    evidence: Evidence
    final: Checkpoint
    checkpoints: dict[int, Checkpoint]  # the final one too, by size
    standings: dict[int, Standing]
    entries: dict[int, Entry]  # in index order
    leaves: dict[int, str]
    bundles: dict[str, Bundle]
    contradicted: set[str]  # bundles that say they saw a tree which this log never was
    heads: SignedHeads | None
    whole: bool
    opening: c.OpenLog
    claims: dict[int, c.AnyClaim]
    filings: dict[str, list[int]]  # accepted enrolment filings of each signer that an entry names
    held: Completeness
    shown: tuple[Shown, ...]
    back_dated: int

    def __init__(self, raw: bytes, policy_raw: bytes, *, other_policy: bool, stamped_at: StampedAt | None) -> None:
        self.raw = raw
        self.policy_raw = policy_raw
        self.policy: Policy = parse_policy(policy_raw)
        self.other_policy = other_policy
        self.stamped_at = stamped_at

    def step_1_read(self) -> None:
        """All members read; nothing of it is believed yet."""
        self.evidence = parse_evidence(self.raw)
        self.final = parse_checkpoint(self.evidence.checkpoint)
        size = self.final.head.size
        self.checkpoints = {}
        for at, raw in (*self.evidence.earlier.items(), (size, self.evidence.checkpoint)):
            with naming(f"快照 {at}", f"checkpoint {at}"):
                one = parse_checkpoint(raw)
                named = one.head.size == at and one.head.origin == self.evidence.log and not one.head.extensions
                need(named, "条数、日志名称不符，或有多余的行", "another size or origin, or lines besides")
            self.checkpoints[at] = one
        before = all(0 < at < size for at in self.evidence.earlier)
        need(before, "较早快照的条数不小于最终快照", "an earlier checkpoint is no smaller than the final one")
        self.entries = {}
        for at, body in self.evidence.entries.items():
            with naming(f"条目 {at}", f"entry {at}"):
                need(len(body) <= MAX_ENTRY_BYTES, "过长", f"over {MAX_ENTRY_BYTES} bytes")
                entry = self.entries[at] = decode_entry(body)
                need(encode_entry(entry) == body, "写法不规范", "not in its one spelling")
                need(0 <= entry.recorded_at <= MAX_MILLIS, "时间超出范围", "recorded at no time")
        self.leaves = {at: leaf_hash(body).hex() for at, body in self.evidence.entries.items()}
        self.bundles = {}
        for digest, envelope in self.evidence.bundles.items():
            with naming(f"提交包 {digest}", f"bundle {digest}"):
                self.bundles[digest] = open_bundle(envelope)
        self.heads = parse_heads(self.evidence.heads) if self.evidence.heads else None

    def step_2_policy(self) -> None:
        """The investigator's copy is the one that counts; that the file's differs is worth a question."""
        need(
            self.other_policy or self.evidence.policy == self.policy_raw,
            "文件中的 policy.txt 与你的不同；请查明原因，确信自己的那份无误后用 --other-policy 只按它核对",
            "policy.txt in the file is not yours; find out why; --other-policy checks against yours alone",
        )

    def step_3_checkpoints(self) -> None:
        """Signatures."""
        self.standings = {}
        for at, checkpoint in self.checkpoints.items():
            with naming(f"快照 {at}", f"checkpoint {at}"):
                self.standings[at] = judge_checkpoint(self.policy, checkpoint)
        need(
            self.standings[self.final.head.size].quorum,
            "最终快照的见证方未达到法定数：运营者可能给别人看了另一个日志",
            "too few witnesses cosigned the final checkpoint: the operator may have shown others another log",
        )

    def step_4_consistency(self) -> None:
        """The log only grew."""
        size, root, proofs = self.final.head.size, self.final.head.root, self.evidence.consistency
        seen = {digest: one.seen for digest, one in self.bundles.items() if one.seen is not None}
        need(
            proofs.keys() == {*self.evidence.earlier, *(one.size for one in seen.values() if 0 < one.size < size)},
            "consistency.txt 应恰为较早快照与设备所见的条数",
            "consistency.txt must hold a line for each earlier checkpoint and each tree seen, and no other",
        )
        roots = {0: EMPTY_ROOT, size: root}
        for at, (old, *proof) in proofs.items():
            with naming(f"一致性证明 {at}", f"consistency from {at}"):
                check_consistency(at, size, proof, old, root)
            roots[at] = old
        for at, one in self.checkpoints.items():
            same = one.head.root == roots[at]
            need(same, f"快照 {at} 不是本日志的开头", f"the log never was as checkpoint {at} says")
        # Told, not refused: else one faulty device could spoil all evidence that its bundles stand in.
        self.contradicted = {
            digest for digest, one in seen.items() if one.size <= size and bytes.fromhex(one.root) != roots[one.size]
        }

    def step_5_inclusion(self) -> None:
        """Each entry is in the tree: by its proof, or because the tree is made of these entries."""
        head, entries = self.final.head, self.entries
        for at, entry in entries.items():
            need(entry.log == head.origin, f"条目 {at} 属于另一个日志", f"entry {at} is of another log")
        for old, new in pairwise(entries):
            ordered = entries[old].recorded_at <= entries[new].recorded_at
            need(ordered, f"条目 {new} 的时间早于前面的", f"entry {new} was recorded before entry {old}")
        self.whole = not self.evidence.proofs
        if self.whole:
            root = root_of(extend((), 0, (bytes.fromhex(leaf) for leaf in self.leaves.values())))
            need(root == head.root, "全部条目得不出树根", "the entries do not make the checkpoint's root")
        for at, proof in self.evidence.proofs.items():
            with naming(f"条目 {at}", f"entry {at}"):
                check_inclusion(bytes.fromhex(self.leaves[at]), at, head.size, proof, head.root)

    def step_6_bundles(self) -> None:
        """Who signed it. Entries are read in order, so that a key counts from its enrolment on."""
        need(
            self.bundles.keys() == {entry.bundle for entry in self.entries.values()},
            "bundles 应恰为条目所属的提交包",
            "bundles must hold the bundle of each entry, and no other",
        )
        used = {entry.signer for entry in self.entries.values()}
        registry, verified, taken = Registry(), set[str](), set[tuple[str, int]]()
        self.claims, self.filings = {}, {}
        for at, entry in self.entries.items():
            with naming(f"条目 {at}", f"entry {at}"):
                bundle, place = self.bundles[entry.bundle], (entry.bundle, entry.position)
                claim = self.claims[at] = _claim_of(entry, bundle)
                need(place not in taken, "同一条记录出现两次", "its claim is an earlier entry's")
                taken.add(place)
                if at == 0:
                    self.opening = _opening(entry, claim)
                    registry.file(self.opening, seq=0, entry_index=0)
                signer = registry.signer(entry.signer)
                if signer is None:
                    raise Unsound("签名密钥此前没有登记", "no earlier entry here enrols the key that signed it")
                if entry.bundle not in verified:
                    _check_signed(bundle, signer)
                    verified.add(entry.bundle)
                accepted = not isinstance(entry.outcome, e.Refusal)
                active = signer.status == "active" or not accepted
                need(active, "密钥当时已停用，记录却被接受", "accepted though its key was not active then")
                need(at == 0 or not (accepted and isinstance(claim, c.OpenLog)), "日志重复建立", "a second opening")
                if isinstance(claim, c.EnrolSigner) and accepted and claim.signer in used:
                    _check_enrolment(registry, entry, claim, signer)
                    registry.file(claim, seq=entry.subject_seq, entry_index=at)
                    self.filings.setdefault(claim.signer, []).append(at)

    def step_7_signers(self) -> None:
        """An entry says how its bundle follows the newest one then known; what is here must agree."""
        last: dict[str, Bundle] = {}  # of each signer, by number: the log's newest one, if it is here
        marks: dict[str, str] = {}
        for at, entry in self.entries.items():
            bundle, chain = self.bundles[entry.bundle], entry.device_chain
            known = last.get(entry.signer)
            if marks.setdefault(entry.bundle, chain) != chain:
                raise Unsound(f"条目 {at}：同一提交包标注不一", f"entry {at}: its bundle is marked in two ways")
            if chain == "behind" or known is bundle:
                continue
            at_once = known is not None and bundle.device_seq == known.device_seq + 1
            follows = known is not None and bundle.device_prev == known.digest.hex()
            sound = {
                "first": known is None and bundle.device_seq == 0,
                "next": bundle.device_seq > 0 and bundle.device_prev is not None and (follows or not at_once),
                "fork": bundle.device_seq > 0 and not (at_once and follows),
                "gap": bundle.device_seq > 0 and not at_once,
            }
            later = known is None or bundle.device_seq > known.device_seq
            need(
                sound[chain] and later,
                f"条目 {at}：签名者的提交包次序与标注不符",
                f"entry {at}: its bundle does not follow the signer's earlier ones as the entry says",
            )
            last[entry.signer] = bundle

    def step_8_subjects(self) -> None:
        """Chains, scope, and whether something may have been left out."""
        head = self.final.head
        heads = None if self.heads is None else check_heads(self.heads, self.policy)
        ours = heads is None or (heads.origin == head.origin and heads.size == head.size)
        need(ours, "heads.txt 属于另一个快照", "heads.txt is of another log or size")
        held = Held(
            self.evidence.scope, head.size, self.whole, self.entries, self.claims, self.leaves, self.filings,
            {} if heads is None else heads.heads, frozenset(self.evidence.scope.chains),
            frozenset(self.evidence.scope.cited),
        )  # fmt: skip
        self.held = check_scope_held(held)

    def step_9_times(self) -> None:
        """Bounds for each entry of the scope. Devices' own clocks, and the log's, are nobody's proof."""
        stamps: dict[int, int] = {}
        for at, der in self.evidence.timestamps.items():
            with naming(f"时间戳 {at}", f"timestamp {at}"):
                need(at in self.checkpoints, "没有对应的快照", "no checkpoint of that size is here")
                if self.stamped_at is not None:
                    stamps[at] = self.stamped_at(self.checkpoints[at].note.text, der)
        signed = {at: self._signed_s(one) for at, one in self.checkpoints.items()}
        met = {at: _met_s(self.policy, standing) for at, standing in self.standings.items()}
        self.shown = tuple(
            Shown(
                at,
                self.entries[at],
                self.claims[at],
                self._not_before_s(at, signed),
                min((one for size, one in met.items() if size > at and one is not None), default=None),
                min((one for size, one in stamps.items() if size > at), default=None),
            )
            for at in self.held.shown
        )
        self.back_dated = self._back_dated({at: met[at] or signed[at] for at in self.checkpoints})

    def _back_dated(self, times: dict[int, int | None]) -> int:
        """How many entries say that they were recorded well before a checkpoint that lacks them."""
        known = sorted((size, time) for size, time in times.items() if time is not None)
        sizes, latest = [size for size, _ in known], list(accumulate((time for _, time in known), max))
        lacking = ((one, bisect_right(sizes, one.index)) for one in self.shown)
        return sum(at > 0 and one.entry.recorded_at < (latest[at - 1] - LAG_S) * 1000 for one, at in lacking)

    def _not_before_s(self, at: int, signed: dict[int, int | None]) -> int | None:
        bundle = self.entries[at].bundle
        seen = self.bundles[bundle].seen
        # Nothing shows that there was a larger tree, or another one.
        if seen is None or seen.size > self.final.head.size or bundle in self.contradicted:
            return None
        known = [size for size, time in signed.items() if size <= seen.size and time is not None]
        return signed[max(known)] if known else None

    def _signed_s(self, checkpoint: Checkpoint) -> int | None:
        """When the log says it signed; only its ML-DSA-44 signature says."""
        keys = [one.key for one in self.policy.logs if one.key.kind == ML_DSA_44]
        times = [signed_at(checkpoint, key) for key in keys if key.name == checkpoint.head.origin]
        return min((one for one in times if one), default=None)

    def step_10_attachments(self) -> None:
        """Files by their digests, each named by a claim."""
        if not self.evidence.attachments:
            return
        named = {digest for entry in self.entries.values() for digest in _NAMED.findall(entry.claim)}
        for digest, body in self.evidence.attachments.items():
            same = hashlib.sha256(body).hexdigest() == digest
            need(same, f"附件 {digest} 已被改动", f"attachment {digest} was changed")
            need(digest in named, f"附件 {digest} 与所列条目无关", f"no entry here names attachment {digest}")

    def step_11_report(self) -> Report:
        """All that was found."""
        head, marks = self.final.head, {entry.bundle: entry.device_chain for entry in self.entries.values()}
        said = {} if self.heads is None else self.heads.heads.heads
        sizes = {
            one.seen.size
            for digest, one in self.bundles.items()
            if one.seen is not None and digest not in self.contradicted
        }
        return Report(
            scope=self.evidence.scope,
            log=head.origin,
            size=head.size,
            root=head.root,
            level=self.held.level,
            complete=self.held.complete,
            unended=self.held.unended,
            standing=self.standings[head.size],
            quorum_needed=self.policy.quorum != NONE,
            other_policy=self.evidence.policy != self.policy_raw,
            authority=signer_id(self.opening.authority),
            demo=self.opening.demo,
            entries=len(self.entries),
            shown=self.shown,
            earlier=len(self.checkpoints) - 1,
            seen=sum(size <= head.size for size in sizes),
            contradicted=len(self.contradicted),
            unseen=sum(size > head.size for size in sizes),
            headed=self.heads is not None,
            # Where all entries are here, no filing is left out.
            unheaded=tuple(
                sorted(one for one in self.filings if not self.whole and filing_party(f"signer:{one}") not in said)
            ),
            forked=sum(mark == "fork" for mark in marks.values()),
            behind=sum(mark == "behind" for mark in marks.values()),
            gaps=sum(mark == "gap" for mark in marks.values()),
            back_dated=self.back_dated,
            stamps=len(self.evidence.timestamps),
            attachments=len(self.evidence.attachments),
        )


def _claim_of(entry: Entry, bundle: Bundle) -> c.AnyClaim:
    """The claim of this entry as its bundle has it."""
    need(bundle.digest.hex() == entry.bundle, "提交包摘要不符", "the bundle's payload has another digest")
    need(
        (bundle.log, bundle.signer, bundle.device_seq) == (entry.log, entry.signer, entry.device_seq),
        "日志、签名者或包号与提交包不符",
        "its log, signer or device_seq is not the bundle's",
    )
    need(0 <= entry.position < len(bundle.claims), "提交包中没有这一条", "the bundle has no claim at its position")
    signed = bundle.claims[entry.position]
    need(signed.text == entry.claim, "记录原文与签名的不同", "its claim is not, to the byte, what was signed")
    return signed.claim


def _check_signed(bundle: Bundle, signer: c.EnrolSigner) -> None:
    """Unsound unless that key signed the bundle; at the door the same is told to a device, in other words."""
    try:
        check_signature(bundle, public_key(signer.key))
    except BadSignature as error:
        raise Unsound("提交包的签名与内容不符", "the bundle's signature does not match what it holds") from error


def _opening(entry: Entry, claim: c.AnyClaim) -> c.OpenLog:
    """What entry 0 must be."""
    if not isinstance(claim, c.OpenLog) or not isinstance(entry.outcome, e.LogOpened):
        raise Unsound("第 0 条不是建立日志", "it does not open a log")
    opens = claim.origin == entry.log and signer_id(claim.authority) == entry.signer
    need(opens, "不是由其监管机构为本日志签名", "it opens another log, or its authority did not sign it")
    return claim


def _check_enrolment(registry: Registry, entry: Entry, claim: c.EnrolSigner, by: c.EnrolSigner) -> None:
    """A filing about a key that counts: in order, none between left out, by somebody who may."""
    record = registry.records.get(f"signer:{claim.signer}")
    named = isinstance(entry.outcome, e.Filed) and entry.subject == f"signer:{claim.signer}"
    need(named, "登记的结果或主体不对", "an enrolment has another outcome or subject")
    follows = claim.expects == (None if record is None else record.seq)
    need(follows, "此前的登记被略去", "an earlier filing about this key is left out")
    entitled = is_entitled(registry, registry, by, claim, owner=None, day=day_of(entry.recorded_at))
    need(entitled, "登记者无权登记此密钥", "whoever filed it may not enrol this key")


def _met_s(policy: Policy, standing: Standing) -> int | None:
    """When enough witnesses had cosigned; None when they never had, or none are needed."""
    if policy.quorum == NONE:
        return None
    for time in sorted(standing.cosigned_s.values()):
        if quorum_met(policy, [name for name, at in standing.cosigned_s.items() if at <= time]):
            return time
    return None
