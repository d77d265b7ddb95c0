"""Golden bytes: what version 1 of the formats looks like, for ever.

`tests/golden/` was made once, by `make_golden()` below (`python -c "from tests import test_core_golden as g;
g.make_golden()"`), and never changes: a log that holds such bytes must stay readable and must encode as it did. New
tags and new optional fields make files of the next number (`make_golden` writes only files that are missing); no line
is ever edited or taken away. Nor is a corpus of decisions (`tests/corpus.py`).

    claims*.jsonl          the exact text of claims: every tag, every field that there was
    entries*.jsonl         entry 0 as a log has it, then an entry of every outcome, every field
    leaves*.txt            their leaf hashes, and last the root over them
    payload.json           a bundle's payload
    bundle-ed25519.json    its envelope; Ed25519 signs the same each time
    bundle-p256.json       its envelope; P-256 does not, so this one is only verified
    label.txt              a label's URL
"""

import base64
import itertools
import json
from collections import defaultdict
from pathlib import Path
from types import UnionType
from typing import Any, get_args

import msgspec
import pytest
from msgspec import json as mjson

from ledger import claim as c
from ledger import events as e
from ledger.bundle import (
    Seen,
    check_signature,
    decode_claim,
    encode_payload,
    open_bundle,
    public_key,
    sign_bundle,
    signer_id,
    signer_key,
)
from ledger.entry import Entry, decode_entry, encode_entry, leaf_hash
from ledger.identity import parse_code
from ledger.label import format_label, parse_label
from ledger.merkle import extend, root_of
from ledger.packs.model import Pack, RuleSetting
from tests.story import ORIGIN, START, USUAL, Story, Telling, code, private_key

GOLDEN = Path(__file__).parent / "golden"
KEYS = {alg: private_key(f"golden {alg}", alg) for alg in ("ed25519", "p256")}


NEWEST = "-5"
NUMBERS = ("", "-2", "-3", "-4", NEWEST)


def lines(name: str) -> list[bytes]:
    path = GOLDEN / name
    return path.read_bytes().splitlines() if path.exists() else []  # none yet: `make_golden` must import this module


def every_line(name: str) -> list[bytes]:
    """Of that file and those of later numbers."""
    stem, _, kind = name.partition(".")
    return [line for number in NUMBERS for line in lines(f"{stem}{number}.{kind}")]


def names_of(kind: type[msgspec.Struct]) -> set[str]:
    return {*kind.__struct_encode_fields__, "type"}


def tags_of(union: UnionType) -> dict[str, type[msgspec.Struct]]:
    return {str(kind.__struct_config__.tag): kind for kind in get_args(union)}


# --- what holds ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", every_line("claims.jsonl"), ids=itertools.count())
def test_a_claim_encodes_as_it_did(text: bytes) -> None:
    claim = decode_claim(text.decode())
    assert mjson.encode(claim) == text
    payload = encode_payload(log=ORIGIN, device_seq=0, device_prev=None, seen=None, claims=[claim])
    assert open_bundle(sign_bundle(payload, KEYS["ed25519"])).claims[0].text == text.decode(), "the door takes it"


@pytest.mark.parametrize("body", every_line("entries.jsonl"), ids=itertools.count())
def test_an_entry_encodes_as_it_did(body: bytes) -> None:
    entry = decode_entry(body)
    assert encode_entry(entry) == body
    assert mjson.encode(decode_claim(entry.claim)).decode() == entry.claim
    assert body.isascii() or "示例" in body.decode()
    assert all(key.isascii() for key in json.loads(body))


def test_every_tag_and_every_field_has_a_golden() -> None:
    for union, told in (
        (c.AnyClaim, [json.loads(text) for text in every_line("claims.jsonl")]),
        (e.Outcome, [json.loads(body)["outcome"] for body in every_line("entries.jsonl")]),
    ):
        seen: dict[str, set[str]] = defaultdict(set)
        for one in told:
            seen[one["type"]] |= set(one)
        assert seen == {tag: names_of(kind) for tag, kind in tags_of(union).items()}


def test_tags_are_named_once_and_events_carry_their_version() -> None:
    claims, outcomes = get_args(c.AnyClaim), get_args(e.Outcome)
    assert len(tags_of(c.AnyClaim)) == len(claims)
    assert len(tags_of(e.Outcome)) == len(outcomes)
    assert all(tag.endswith(".v1") for tag in tags_of(e.Outcome))


@pytest.mark.parametrize("number", NUMBERS)
def test_leaves_and_root(number: str) -> None:
    leaves = [leaf_hash(body) for body in lines(f"entries{number}.jsonl")]
    root = root_of(extend((), 0, leaves))
    assert [*(leaf.hex() for leaf in leaves), root.hex()] == (GOLDEN / f"leaves{number}.txt").read_text().split()


@pytest.mark.parametrize("number", NUMBERS)
def test_entry_0(number: str) -> None:
    entry = decode_entry(lines(f"entries{number}.jsonl")[0])
    claim = decode_claim(entry.claim)
    assert isinstance(claim, c.OpenLog)
    assert isinstance(entry.outcome, e.LogOpened)
    assert (entry.log, entry.subject, entry.subject_seq, entry.subject_prev) == (claim.origin, "log", 0, "")
    assert entry.pack == f"{claim.pack.name}@{claim.pack.version}"
    assert entry.signer == signer_id(claim.authority)


@pytest.mark.parametrize("alg", KEYS)
def test_bundles(alg: str) -> None:
    payload, envelope = (GOLDEN / "payload.json").read_bytes(), (GOLDEN / f"bundle-{alg}.json").read_bytes()
    bundle = open_bundle(envelope)
    assert bundle.payload == payload
    assert bundle.signer == signer_id(signer_key(KEYS[alg]))
    check_signature(bundle, public_key(signer_key(KEYS[alg])))
    claims: list[c.AnyClaim] = [one.claim for one in bundle.claims]
    assert payload == encode_payload(
        log=bundle.log, device_seq=bundle.device_seq, device_prev=bundle.device_prev, seen=bundle.seen, claims=claims
    )
    again = sign_bundle(payload, KEYS[alg])
    if alg == "ed25519":
        assert again == envelope
    else:
        assert [len(base64.b64decode(json.loads(one)["signatures"][0]["sig"])) for one in (again, envelope)] == [64, 64]


def test_label() -> None:
    url = (GOLDEN / "label.txt").read_text().strip()
    identifier = parse_code(code(1))
    assert format_label(identifier, "q.example.cn").url == url
    assert parse_label(url) == identifier


# --- how they were made: by hand, once -------------------------------------------------------------------------

_ID = "01900000-0000-7000-8000-0000000000ff"
_PACK = Pack(
    name="cn",
    version=1,
    jurisdiction="CN",
    rules={
        "ID-03@1": RuleSetting("block"),
        "COND-01@1": RuleSetting(
            "warn", "2021-06-01", "2031-12-31", {"max_age_min": 720}, RuleSetting("block", params={"max_age_min": 30})
        ),
    },
    transition_rules=("REG-01",),
)
_MORE: dict[type[c.Claim], dict[str, Any]] = {
    c.BindCode: {
        "new_code": code(9), "retires": code(1), "person": "P1", "second_person": "P2", "photo_digest": "ab" * 32,
        "cause": c.Cause.LABEL_UNREADABLE,
    },
    c.RecordInspection: {"tare_g": 16_400, "ring": "R-00017"},
    c.CheckPrefill: {
        "failed_items": tuple(c.PrefillItem), "stamp_tail": "0001", "also_read": (code(1),), "photo_digest": "ab" * 32,
    },
    c.AuthoriseFill: {"continues": _ID, "start_weight_g": 16_500},
    c.StartFill: {"authorisation": _ID},
    c.CompleteFill: {"authorisation": _ID, "end_weight_g": 31_000},
    c.InterruptFill: {"authorisation": _ID, "weight_g": 24_000},
    c.WeighCylinder: {"weight_g": 31_000},
    c.CheckPostfill: {"weight_g": 31_000, "failed_items": tuple(c.PostfillItem)},
    c.BleedCylinder: {"weight_g": 30_000},
    c.ReleaseCylinder: {"seal": "F-0001"},
    c.ReplaceValve: {"valve_no": "VN-0001", "valve_model": "VM-1"},
    c.DepotOut: {"to_site": "S2", "purpose": c.Purpose.TRANSFER},
    c.DecideScrap: {"person": "P1"},
    c.CorrectCylinder: {
        "tare_g": 16_400, "max_fill_g": 14_800, "made_month": "2024-05", "phase": c.Phase.LIQUID,
        "bought_on": "2024-07-01", "filler_mark": "E1", "collar": "welded",
    },
    c.CollectCylinder: {"customer": "K1", "premises": "H1", "weight_g": 17_000},
    c.HandOver: {
        "site": "S1", "channel": "self_pickup", "order": "OR1", "empties": (code(2), code(3)), "weight_g": 31_000,
        "cell": "1km-0001", "in_area": True, "done": True,
        "check": c.SafetyCheck("delivery-1", (c.CheckItem.HOSE_AGED,), (c.CheckItem.VENTILATION,), ("ab" * 32,)),
        "confirmation": c.Confirmation("proxy", "matched", "VO1", "PX1", "ab" * 32),
    },
    c.NotDelivered: {"cause": "refused_to_sign", "photo_digest": "ab" * 32},
    c.RemoveInEmergency: {"to_site": "S1"},
    c.ReportFound: {"vehicle": "V2", "customer": "K1", "premises": "H1", "photo_digest": "ab" * 32},
    c.OpenHazard: {"major": True, "found_in": _ID},
    c.RectifyHazard: {"before_digest": "ab" * 32},
    c.SuspendSupply: {"hazards": (_ID,)},
    c.CountPremises: {"codes": (code(1), code(2))},
    c.AcknowledgeRecall: {"told": 12},
    c.FilePremises: {
        "customer": "K1", "town": "320602001", "building": "BD-7", "storey": "underground", "high_rise": True,
        "converted": True, "cylinder_room": True, "alarm_tested_on": "2025-12-01",
        "shut_off_tested_on": "2025-12-01", "hose": "metal", "regulator": "self_closing",
    },
    c.FileSite: {"transition_until": "2026-06-30", "approvals": ("filling", "residue")},
    c.FilePermit: {"sites": ("S1",), "districts": ("320600",)},
    c.FilePerson: {"roles": ("filler", "checker"), "labour_contract": True, "areas": ("320602001",)},
    c.FileCertificate: {"number_digest": "ab" * 32},
    c.FileTankLot: {
        "received_on": "2026-01-01", "product": "G1", "odorant_digest": "ab" * 32, "dme_method": "gas_chromatography",
        "residue_permille": 12, "remainder_g": 1_500_000,
    },
    c.FileUseRegistration: {"cylinders": (_ID,)},
    c.OpenRecall: {
        "maker": "GL", "made_from": "2024-01", "made_to": "2024-12", "phase": c.Phase.VAPOUR, "model": "YSP35.5",
        "valve_model": "VM-1", "line": "L1", "tank_lot": "T1", "filler": "P1", "filled_from": START,
        "filled_to": START + 3_600_000, "inspected_at": "B1S", "inspector": "I1", "inspected_on": "2026-01-01",
        "vehicle": "V1", "worker": "W1", "acknowledge_h": 12, "drill": True,
    },
    c.OpenIncident: {"premises": "H1", "cylinder": _ID},
    c.AdoptPack: {"pack": _PACK},
    c.RaiseAlert: {"after_seq": 1, "sizes": (7, 5), "roots": ("ab" * 32, "cd" * 32)},
}  # fmt: skip


def _claims(story: Story) -> list[c.AnyClaim]:
    """Every claim with every field set."""
    made: list[c.AnyClaim] = []
    for act in get_args(c.AnyClaim):
        fields = dict(USUAL.get(act, {})) | _MORE.get(act, {})
        if "code" in act.__struct_fields__:
            fields["code"] = code(1)
        if issubclass(act, c.Filing):
            fields["expects"] = 7
        if act is c.OpenLog:
            made.append(story.opening(pack=_PACK, demo=True, expects=7))
        elif act is c.EnrolSigner:
            enrolled = story.enrolment(story.rival, c.Role.OFFICE, "E2", ("S1",))
            made.append(msgspec.structs.replace(enrolled, expects=7, alert=_ID, worker="W1"))
        elif act is c.RegisterCylinder:
            made.append(
                story.cylinder(
                    1, inspected_month="2025-12", also=("legacy-digits9:123456789",), bought_on="2024-07-01",
                    filler_mark="E1", collar="welded", ownership="invoice", ownership_digest="ab" * 32, new=True,
                    valve_no="VN-0001", valve_model="VM-1",
                )
            )  # fmt: skip
        else:
            made.append(story.make(act, **fields))
    return made


def _outcomes() -> list[e.Outcome]:
    """Every outcome with every field set; figures by their kind."""
    notes = (
        e.Note("FILL-06@1", "overfilled", {"net_g": 15_000, "allowed_g": 14_900}),
        e.Note("ID-01@1", "code_unread"),
    )
    values: dict[str, Any] = dict.fromkeys(("violations", "warnings", "as_of_scan", "reasons"), notes)
    values |= {"cylinder": _ID, "lawful": True, "return_inferred": True, "filler": "示例燃气", "owner": "E1"}
    values |= {"left": ("customer:K1", "premises:H1"), "passed": True, "closed": True, "blocks_from": "2026-01-16"}
    values |= {"found": (_ID,), "missing": (_ID,), "overtaken": (_ID,), "unknown": 2, "elsewhere": (_ID,)}
    values |= {"foreign": (code(3),), "gone": (code(4),), "tank_lot": "T1", "gas_g": 4_000}
    values |= {"stamp": "stamp:GL_0000001_2024-06", "challenged": True, "superseded": True}
    values |= {"service_phone": "0513-96777", "start_by": START + 120_000}
    values |= {"tare_g": 16_500, "target_net_g": 14_500, "allowed_net_g": 14_900, "net_g": 14_500}
    return [kind(**{name: values[name] for name in kind.__struct_fields__}) for kind in get_args(e.Outcome)]


def _entries() -> list[bytes]:
    telling = Telling()
    telling.tell(telling.story.authority, telling.story.opening())
    text = mjson.encode(Story().make(c.CheckPrefill, code=code(1))).decode()
    bodies = [telling.bodies[0]]
    for outcome in _outcomes():
        entry = Entry(
            v=1, log=ORIGIN, recorded_at=START, clock_offset_ms=None if len(bodies) % 2 else -250,
            subject=f"cylinder:{_ID}", subject_seq=len(bodies), subject_prev=leaf_hash(bodies[-1]).hex(),
            signer="0123456789abcdef" * 2, device_seq=3, device_chain="next", bundle="ab" * 32, position=0,
            pack="320600@1", claim=text, outcome=outcome,
        )  # fmt: skip
        bodies.append(encode_entry(entry))
    return bodies


def make_golden() -> None:
    """Write the files that are missing; what is there is never written again."""
    story = Story()
    texts = [mjson.encode(claim) for claim in _claims(story)]
    bodies = _entries()
    leaves = [leaf_hash(body) for body in bodies]
    claims: list[c.AnyClaim] = [
        story.make(c.CheckPrefill, code=code(1)),
        story.make(c.WeighCylinder, code=code(1), weight_g=31_000),
    ]
    payload = encode_payload(log=ORIGIN, device_seq=3, device_prev="ab" * 32, seen=Seen(7, "cd" * 32), claims=claims)
    made = {
        f"claims{NEWEST}.jsonl": b"".join(text + b"\n" for text in texts),
        f"entries{NEWEST}.jsonl": b"".join(body + b"\n" for body in bodies),
        f"leaves{NEWEST}.txt": "".join(f"{h.hex()}\n" for h in [*leaves, root_of(extend((), 0, leaves))]).encode(),
        "payload.json": payload,
        "label.txt": format_label(parse_code(code(1)), "q.example.cn").url.encode() + b"\n",
    }
    made |= {f"bundle-{alg}.json": sign_bundle(payload, key) for alg, key in KEYS.items()}
    GOLDEN.mkdir(exist_ok=True)
    for name, content in made.items():
        if not (GOLDEN / name).exists():
            (GOLDEN / name).write_bytes(content)
