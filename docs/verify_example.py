# ruff: noqa: INP001 - a script
"""Writes the worked example of `docs/verify.md` and the digest of README.txt: `python -m docs.verify_example`.

Every key is SHA-256 of a phrase and every signature Ed25519, so the same bytes come out each time.
"""

import base64
import hashlib
import re
import textwrap
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.packs import shipped_pack
from ledger import claim as c
from ledger import events as e
from ledger.archive import parse_archive
from ledger.bundle import PAYLOAD_TYPE, Seen, encode_payload, open_bundle, pae, sign_bundle, signer_id, signer_key
from ledger.checkpoint import Checkpoint, TreeHead, cosign, parse_checkpoint, sign_checkpoint, with_cosignatures
from ledger.decide import decide
from ledger.entry import Entry, decode_entry, encode_entry, leaf_hash
from ledger.evidence import README, Evidence, Scope, pack_evidence
from ledger.heads import Heads, sign_heads
from ledger.merkle import extend, root_of
from ledger.note_key import ED25519, ED25519_COSIGNATURE, NoteSigner, note_signer
from ledger.packs.model import Pack
from ledger.policy import Group, Log, Policy, Witness, format_policy
from ledger.proofs import prove_consistency, prove_inclusion, tree_root
from ledger.replay import next_link, pack_label
from ledger.shell.verify import json_line
from ledger.verify import Report, verify
from ledger.world import Head, World, chain_after, subject_of

PAGE = Path(__file__).parent / "verify.md"
MARK = "<!-- example -->\n"
ORIGIN = "ledger.example.cn/320600/v1"
AT_MS = 1_767_225_600_000
_RULES = ("FILL-01@1", "ID-01@1", "ID-03@1", "SCRAP-02@1")  # those that no pack may lack


def _private(phrase: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(phrase.encode()).digest())


AUTHORITY, OFFICE, LOG_SIGNER = (_private(f"{one} of docs/verify.md") for one in ("authority", "office", "log signer"))
LOG = note_signer(ORIGIN, ED25519, _private("log of docs/verify.md"))
WITNESSES = tuple(
    note_signer(f"witness.example.cn/{one}", ED25519_COSIGNATURE, _private(f"{one} of docs/verify.md"))
    for one in ("w1", "w2")
)


def _claims() -> list[tuple[Ed25519PrivateKey, c.AnyClaim]]:
    """Who says what, entry by entry."""
    when = iter(range(9))

    def about(number: int) -> dict[str, object]:
        return {"claim_id": f"019b7a00-0000-7000-8000-{number:012x}", "scanned_at": AT_MS + number * 60_000}

    opening = c.OpenLog(
        **about(next(when)),
        origin=ORIGIN,
        authority=signer_key(AUTHORITY),
        log_signer=signer_key(LOG_SIGNER),
        pack=Pack("cn", 1, "CN", {name: shipped_pack("cn").rules[name] for name in _RULES}),
        demo=True,
    )
    enterprise = {"kind": "filler", "service_phone": "0513-00000000"}
    enrolment = {"role": c.Role.OFFICE, "enterprise": "E1", "sites": (), "acts": ("*",), "status": "active"}
    site = {"enterprise": "E1", "kind": "filling_station", "district": "320600", "status": "open"}
    key = signer_key(OFFICE)
    return [
        (AUTHORITY, opening),
        (AUTHORITY, c.FileEnterprise(**about(next(when)), enterprise="E1", name="示例燃气", **enterprise)),
        (AUTHORITY, c.EnrolSigner(**about(next(when)), signer=signer_id(key), key=key, **enrolment)),
        (OFFICE, c.FileSite(**about(next(when)), site="S1", name="一号站", **site)),
        (AUTHORITY, c.FileEnterprise(**about(next(when)), enterprise="E2", name="邻家燃气", **enterprise)),
    ]


def _told() -> tuple[list[bytes], dict[str, bytes]]:
    """The entries, and the envelopes by digest. The office has seen the tree of 3."""
    world, bodies, envelopes = World(ORIGIN), list[bytes](), dict[str, bytes]()
    for key, claim in _claims():
        signer, now = signer_id(signer_key(key)), claim.scanned_at + 250
        last = world.devices.get(signer)
        seq, prev = (0, None) if last is None else (last.seq + 1, last.digest)
        seen = Seen(3, _root(bodies).hex()) if len(bodies) == len("012") else None
        payload = encode_payload(log=ORIGIN, device_seq=seq, device_prev=prev, seen=seen, claims=[claim])
        bundle = open_bundle(sign_bundle(payload, key))
        envelopes[bundle.digest.hex()] = bundle.envelope
        outcome = decide(world, claim, now, signer=signer)
        assert not isinstance(outcome, e.Refusal), outcome
        subject = subject_of(world, claim, signer, outcome)
        subject_seq, subject_prev = next_link(world.head_of(subject))
        entry = Entry(
            v=1, log=ORIGIN, recorded_at=now, clock_offset_ms=None, subject=subject, subject_seq=subject_seq,
            subject_prev=subject_prev, signer=signer, device_seq=seq, device_chain=chain_after(last, seq, prev),
            bundle=bundle.digest.hex(), position=0, pack=pack_label(world, claim), claim=bundle.claims[0].text,
            outcome=outcome,
        )  # fmt: skip
        bodies.append(encode_entry(entry))
        world.fold(entry, claim, leaf_hash(bodies[-1]).hex())
    return bodies, envelopes


def _root(bodies: list[bytes]) -> bytes:
    return root_of(extend((), 0, map(leaf_hash, bodies)))


def _checkpoint(bodies: list[bytes], cosigners: tuple[NoteSigner, ...]) -> Checkpoint:
    head, now = TreeHead(ORIGIN, len(bodies), _root(bodies)), AT_MS // 1000 + 60 * len(bodies)
    checkpoint = sign_checkpoint(head, [LOG], now)
    lines = [cosign(checkpoint, one, now + 1 + number) for number, one in enumerate(cosigners)]
    return with_cosignatures(checkpoint, lines)


def example_files() -> tuple[bytes, bytes]:
    """The example's policy and evidence file: site S1 in a log of five entries."""
    bodies, envelopes = _told()

    def read(level: int, index: int) -> bytes:
        return _root(bodies[index << level : (index + 1) << level])

    witnesses = tuple(Witness(f"w{number}", one.key) for number, one in enumerate(WITNESSES, 1))
    policy = format_policy(Policy((Log(LOG.key),), witnesses, (Group("both", 2, ("w1", "w2")),), "both"))
    entries = {at: bodies[at] for at in (0, 2, 3)}
    decoded = {at: decode_entry(body) for at, body in entries.items()}
    office = decoded[3].signer
    heads = {
        f"filing:signer:{office}": Head(decoded[2].subject_seq, leaf_hash(bodies[2]).hex()),
        "site:S1": Head(decoded[3].subject_seq, leaf_hash(bodies[3]).hex()),
    }
    size = len(bodies)
    evidence = Evidence(
        scope=Scope("site", "S1"),
        log=ORIGIN,
        policy=policy,
        checkpoint=_checkpoint(bodies, WITNESSES).raw,
        earlier={3: _checkpoint(bodies[:3], WITNESSES[:1]).raw},
        consistency={3: (tree_root(read, 3), *prove_consistency(read, 3, size))},
        entries=entries,
        proofs={at: prove_inclusion(read, at, size) for at in entries},
        bundles={one.bundle: envelopes[one.bundle] for one in decoded.values()},
        heads=sign_heads(Heads(ORIGIN, size, heads), LOG),
    )
    return policy, pack_evidence(evidence)


def example() -> str:
    """The section's text after its introduction."""
    policy, raw = example_files()
    bodies, envelopes = _told()
    office = decode_entry(bodies[3])
    bundle = open_bundle(envelopes[office.bundle])
    checkpoint = parse_checkpoint(_checkpoint(bodies, WITNESSES).raw)
    opening = decode_entry(bodies[0])
    blocks = [
        ("Keys: Ed25519, seed = SHA-256(`X of docs/verify.md`), X = authority, office, log signer, log, w1, w2", ""),
        ("P", policy.decode().removesuffix("\n")),
        ("checkpoint: size 5", checkpoint.raw.decode().removesuffix("\n")),
        (
            "what w1 signed in it",
            f"cosignature/v1\ntime {AT_MS // 1000 + 301}\n{checkpoint.note.text}".removesuffix("\n"),
        ),
        ("authority's id, from entry 0", opening.signer),
        ("entry 3", bodies[3].decode()),
        ("its leaf", leaf_hash(bodies[3]).hex()),
        ("the root of 3, and of 5", f"{_root(bodies[:3]).hex()}\n{_root(bodies).hex()}"),
        ("its bundle's payload", bundle.payload.decode()),
        ("PAE, before the payload", pae(PAYLOAD_TYPE, bundle.payload)[: -len(bundle.payload)].decode()),
        ("the signer's id and the signature, hexadecimal", f"{bundle.signer}\n{bundle.signature.hex()}"),
        *((name, body.decode().removesuffix("\n")) for name, body in _texts(raw)),
        ("the file, base64", textwrap.fill(base64.b64encode(raw).decode(), 120)),
        ("its SHA-256", hashlib.sha256(raw).hexdigest()),
    ]
    return "".join(f"\n{title}\n" + (f"\n```text\n{text}\n```\n" if text else "") for title, text in blocks) + (
        _RESULT.replace("README```", README + "```").replace("JSON\n", _json_line(raw, policy) + "\n")
    )


def _json_line(raw: bytes, policy: bytes) -> str:
    report = verify(raw, policy)
    assert isinstance(report, Report), report
    return json_line(report)


def _texts(raw: bytes) -> list[tuple[str, bytes]]:
    members = parse_archive(raw)
    return [(name, members[name]) for name in ("manifest.json", "consistency.txt", "proofs.txt", "heads.txt")]


_RESULT = """
Accepted, level L1: completeness of a site is not to be had from a chain. Entries 0 and 2 vouch for keys, entry 3 is \
shown. Not after: the time at which w2 cosigned the checkpoint of 5; that of 3 does not cover entry 3. Not before: \
nothing, for the log has no key of kind 0x06 here. Change any byte of the file and it is refused. The JSON line:

```json
JSON
```

The text of `README.txt`:

```text
README```
"""


def main() -> None:
    """Write the section and the digest."""
    page = PAGE.read_text("utf-8")
    PAGE.write_text(written(page), "utf-8")


def written(page: str) -> str:
    """The page as it must be."""
    head = page.partition(MARK)[0]
    digest = hashlib.sha256(README.encode()).hexdigest()
    head = re.sub(r"<!-- readme -->.*?<!-- /readme -->", f"<!-- readme -->`{digest}`<!-- /readme -->", head)
    return head + MARK + example()


if __name__ == "__main__":
    main()
