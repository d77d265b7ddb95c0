"""Every parser of bytes from outside, fed arbitrary bytes and sound ones that were mutated.

Whatever comes in, a parser gives a value or a fault of the one tree, never another exception; what has one spelling
only is written back as the bytes that came in; and nobody's numbers make it take memory or time out of proportion.
"""

import contextlib
import functools
import json
import os
import string
import struct
import time
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from msgspec import structs

from ledger import claim as c
from ledger.archive import MAX_MEMBERS, MEMBER_MARK, pack_archive, parse_archive
from ledger.bundle import MAX_BUNDLE_BYTES, PrivateKey, open_bundle, sign_bundle
from ledger.checkpoint import parse_checkpoint
from ledger.entry import decode_entry, encode_entry
from ledger.errors import LedgerError, TooLarge
from ledger.evidence import Scope, pack_evidence, parse_evidence
from ledger.heads import parse_heads
from ledger.identity import parse_code
from ledger.note import MAX_NOTE_BYTES, format_note, format_signatures, parse_note, parse_signatures
from ledger.note_key import format_vkey, parse_vkey
from ledger.policy import MAX_POLICY_BYTES, parse_policy
from ledger.proofs import prove_consistency, prove_inclusion
from ledger.reading import parse_link
from ledger.receipt import MAX_RECEIPT_BYTES, Receipt, format_receipt, parse_receipt
from ledger.shell.timestamps import new_request, read_certificates, stamped_ms
from ledger.tiles import WIDTH, Tile, encode_entries, parse_entries, parse_tile_path, tile_path
from ledger.verify import verify
from ledger.witness_request import MAX_REQUEST_BYTES, AddCheckpoint, format_request, parse_request
from tests import evidence_kit as kit
from tests.story import START, Signer, code, private_key
from tests.tsa_kit import Authority

LONGEST_S = 20.0  # for the worst input that is still allowed in; it takes a tenth of that on a slow machine
MOST_MEMORY = 32 * 2**20
WIDTHS = (0, 1, 2, WIDTH)


class Door(NamedTuple):
    """A parser, sound input for it, and what writes a value back; None where a value has many spellings."""

    parse: Callable[[bytes], Any]
    sound: Callable[[], list[bytes]]
    write: Callable[[Any], bytes] | None
    most_bytes: int = MAX_NOTE_BYTES


def _text(parse: Callable[[str], Any]) -> Callable[[bytes], Any]:
    return lambda raw: parse(raw.decode("utf-8", "replace"))


@functools.cache
def _evidence() -> tuple[bytes, ...]:
    case = kit.sound_case()
    scopes = (Scope("cylinder", kit.CYLINDER), Scope("log"), kit.scopes(case)["window"])
    return tuple(pack_evidence(kit.gather(case, scope)) for scope in scopes)


def _members(prefix: str) -> list[bytes]:
    return [body for raw in _evidence() for name, body in kit.members_of(raw).items() if name.startswith(prefix)]


def _receipts() -> list[bytes]:
    read, size = kit.reader(kit.sound_case().bodies), len(kit.sound_case().bodies)
    newest = parse_checkpoint(_members("checkpoint")[0])
    return [format_receipt(Receipt(n, prove_inclusion(read, n, size), newest, b"x" * n)) for n in (0, 5, size - 1)]


def _requests() -> list[bytes]:
    read, size = kit.reader(kit.sound_case().bodies), len(kit.sound_case().bodies)
    newest = parse_checkpoint(_members("checkpoint")[0])
    return [format_request(AddCheckpoint(old, prove_consistency(read, old, size), newest)) for old in (0, 3, size)]


def _signature_lines() -> list[bytes]:
    return [raw.partition(b"\n\n")[2] for raw in _members("checkpoint")]


def _vkeys() -> list[bytes]:
    return [format_vkey(one.key).encode() for one in (kit.LOG, kit.LOG_PQ, *kit.WITNESSES)]


def _paths() -> list[bytes]:
    tiles = (Tile(0, 0), Tile(-1, 1_234_067), Tile(3, 273, 112), Tile(63, 999_999, 1))
    return [tile_path(tile).encode() for tile in tiles]


def _links() -> list[bytes]:
    return [b"https://id.example.cn/C/" + code(1).replace(":", "/").encode()]


DOORS = {
    "note": Door(parse_note, lambda: _members("checkpoint"), format_note),
    "checkpoint": Door(parse_checkpoint, lambda: _members("checkpoint"), lambda one: one.raw),
    "signatures": Door(parse_signatures, _signature_lines, lambda lines: format_signatures(lines).encode()),
    "vkey": Door(_text(parse_vkey), _vkeys, lambda key: format_vkey(key).encode()),
    "policy": Door(parse_policy, lambda: [kit.policy()], None, MAX_POLICY_BYTES),
    "receipt": Door(parse_receipt, _receipts, format_receipt, MAX_RECEIPT_BYTES),
    "request": Door(parse_request, _requests, format_request, MAX_REQUEST_BYTES),
    "heads": Door(parse_heads, lambda: _members("heads"), lambda one: format_note(one.note)),
    "tile path": Door(_text(parse_tile_path), _paths, lambda tile: tile_path(tile).encode()),
    "bundle": Door(open_bundle, lambda: _members("bundles/"), None, MAX_BUNDLE_BYTES),
    "entry": Door(decode_entry, lambda: kit.sound_case().bodies, None, 2**16),
    "archive": Door(parse_archive, lambda: list(_evidence()), pack_archive),
    "evidence": Door(parse_evidence, lambda: list(_evidence()), pack_evidence),
    "code": Door(_text(parse_code), lambda: [code(1).encode()], None),
    "link": Door(_text(parse_link), _links, None),
}
TOKENS = (
    b"\n", b"\n\n", b" ", b"\0", b"\r", b"\t", b"+", b"=", b"/", b"-", b"0", b"9" * 40, b"9223372036854775807", b"1e9",
    b"\xff", b"\xe2\x80\x94 ", "\u3000".encode(), "\ud800".encode(errors="surrogatepass"), b"null", b"true", b"[]",
    b"{}", b'"', b"\\u0000", b"\\ud800", b"[" * 2000, b'{"a":' * 500, b"PK\x03\x04", b"NaN", b"-1",
)  # fmt: skip
bounded = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "40")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@st.composite
def mutated(draw: st.DrawFn, sound: list[bytes]) -> bytes:
    """A sound input after one to four cuts, copies, changed bytes, swapped lines or foreign bits."""
    raw = bytearray(draw(st.sampled_from(sound)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(raw)))
        end = min(len(raw), at + draw(st.sampled_from((0, 1, 2, 8, 60, 10**9))))
        match draw(st.integers(0, 5)):
            case 0:
                del raw[at:end]
            case 1:
                raw[at:end] = draw(st.sampled_from(TOKENS))
            case 2:
                raw[at:at] = raw[at:end]
            case 3 if at < len(raw):
                raw[at] ^= 1 << draw(st.integers(0, 7))
            case 4:
                other = draw(st.sampled_from(sound))
                raw[at:] = other[draw(st.integers(0, len(other))) :]
            case _:
                lines = bytes(raw).split(b"\n")
                one, two = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
                lines[one], lines[two] = lines[two], lines[one]
                raw = bytearray(b"\n".join(lines))
    return bytes(raw)


def outcome(door: Door, raw: bytes) -> None:
    """A value that is written as it was read, or a fault that speaks both languages."""
    try:
        value = door.parse(raw)
    except LedgerError as fault:
        zh, en = fault.zh, fault.en
    else:
        assert door.write is None or door.write(value) == raw
        return
    assert any("\u4e00" <= letter <= "\u9fff" for letter in zh)
    assert any(letter in string.ascii_letters for letter in en)


@pytest.mark.parametrize("name", DOORS)
@bounded
@given(data=st.data())
def test_any_bytes_are_a_value_or_a_fault(name: str, data: st.DataObject) -> None:
    door = DOORS[name]
    outcome(door, data.draw(st.one_of(mutated(door.sound()), st.binary(max_size=300))))


@pytest.mark.parametrize("name", DOORS)
def test_sound_input_is_read_and_written_back(name: str) -> None:
    door = DOORS[name]
    read = [raw for raw in door.sound() if door.parse(raw) is not None]
    assert read
    if door.write is not None:
        assert [door.write(door.parse(raw)) for raw in read] == read


def worst(door: Door) -> list[bytes]:
    """As much as is let in, of what parsers are slow at; and a number that nothing can be made of."""
    head, half = door.sound()[0], door.most_bytes // 2
    fills = (b"\n", b"\xe2\x80\x94 a AAAA\n", b"[", b"9")
    filled = [fill * (2 * half // len(fill)) for fill in fills]
    filled += [head * (half // len(head)) + fill * (half // len(fill)) for fill in fills[:2]]
    return [raw[: 2 * half - 1] + b"\n" for raw in filled] + [head.replace(b"1", b"9" * 5000, 1)]


@pytest.mark.parametrize("name", DOORS)
def test_worst_input_takes_bounded_time(name: str) -> None:
    door = DOORS[name]
    for raw in worst(door):
        began = time.monotonic()
        outcome(door, raw)
        assert time.monotonic() - began < LONGEST_S, raw[:60]


def test_tree_that_is_said_to_be_huge_takes_no_more_memory_than_the_file() -> None:
    members = kit.members_of(_evidence()[1])
    text, blank, lines = members["checkpoint"].partition(b"\n\n")
    origin, _, root = text.split(b"\n")
    members["checkpoint"] = b"\n".join((origin, b"%d" % 10**12, root)) + blank + lines
    raw = kit.repack(members, checkpoint=10**12)
    tracemalloc.start()
    try:
        outcome(DOORS["evidence"], raw)
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()


def test_archive_of_more_members_than_there_may_be_is_read_no_further() -> None:
    member = MEMBER_MARK + struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 33, 0, 0, 0, 7, 0)
    numbers = (*range(MAX_MEMBERS + 1), 0)  # the last has the name of the first, which is another fault
    with pytest.raises(TooLarge):
        parse_archive(b"".join(member + b"%07d" % number for number in numbers))


# --- what is behind a seal: contents that a liar signed or packed with care


@bounded
@given(data=st.data())
def test_any_payload_under_a_good_signature_is_a_bundle_or_a_fault(data: st.DataObject) -> None:
    payloads = [open_bundle(raw).payload for raw in _members("bundles/")]
    outcome(DOORS["bundle"], sign_bundle(data.draw(mutated(payloads)), private_key("authority")))


@bounded
@given(body=st.binary(max_size=2000), width=st.sampled_from(WIDTHS))
def test_any_bytes_are_so_many_entries_or_a_fault(body: bytes, width: int) -> None:
    def parse(raw: bytes) -> tuple[bytes, ...]:
        return parse_entries(raw, width)

    outcome(Door(parse, list, encode_entries), body)
    outcome(Door(parse, list, encode_entries), body[: width and 2] + encode_entries([body] * width))


@bounded
@given(data=st.data())
def test_evidence_whose_member_was_changed_and_packed_anew_is_judged_without_a_crash(data: st.DataObject) -> None:
    members = kit.members_of(data.draw(st.sampled_from(_evidence())))
    name = data.draw(st.sampled_from([name for name in members if name != "manifest.json"]))
    members[name] = data.draw(mutated([members[name]]))
    raw = kit.repack(members)
    outcome(DOORS["evidence"], raw)
    verify(raw, kit.policy(), other_policy=data.draw(st.booleans()))


ODD: tuple[Any, ...] = (
    None, True, -1, 0, 2**31, 2**53 - 1, 2**53, 2**63, -(2**63), 10**40, 1.5, "", "x", "x" * 70_000, "9999-12-31",
    "0001-01-01", "2024-02-30", "2026-13", "\u0000", "\ud800", "é", [], {}, [None], {"a": 1}, ["x"] * 500,
)  # fmt: skip


def with_odd_field(draw: Callable[[st.SearchStrategy[Any]], Any], raw: bytes) -> bytes:
    """This JSON object with one field, at any depth, given an odd value, or left out."""
    value = json.loads(raw)
    inner = value
    while True:
        key = draw(st.sampled_from(sorted(inner)))
        if not isinstance(inner[key], dict) or not inner[key] or draw(st.booleans()):
            break
        inner = inner[key]
    if draw(st.integers(0, 9)):
        inner[key] = draw(st.sampled_from(ODD))
    else:
        del inner[key]
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(errors="surrogatepass")


@functools.cache
def _unseen() -> kit.Case:
    """A story in which no device has seen a checkpoint, so that nothing but signatures binds its operator."""
    case = kit.Case()
    case.opened()
    registration = case.story.cylinder(1)
    case.tell(case.story.office, registration)
    case.tell(case.story.authority, case.story.certificate(registration))
    case.enrol("active")
    case.fill(code(1))
    case.say(c.DepotIn, by=case.phone, code=code(1))
    case.enrol("revoked")
    return case


def liars_evidence(draw: Callable[[st.SearchStrategy[Any]], Any]) -> bytes:
    """Evidence of that whole log, one entry or one signed claim of it made odd; all else follows, and is signed.

    Who makes it holds the keys of the log, of its witnesses and of the devices. LedgerError when nothing reads it.
    """
    case = _unseen()
    honest, at = kit.gather(case, Scope("log"), heads=False), draw(st.integers(0, len(case.bodies) - 1))
    bodies, bundles = list(case.bodies), dict(honest.bundles)
    entry = decode_entry(bodies[at])
    bundle = open_bundle(bundles[entry.bundle])
    key = keys().get(entry.signer)
    if key is not None and len(bundle.claims) == 1 and draw(st.booleans()):
        text = with_odd_field(draw, entry.claim.encode())
        new = open_bundle(sign_bundle(bundle.payload.replace(entry.claim.encode(), text), key))
        del bundles[entry.bundle]
        bundles[new.digest.hex()] = new.envelope
        bodies[at] = encode_entry(structs.replace(entry, claim=new.claims[0].text, bundle=new.digest.hex()))
    else:
        bodies[at] = with_odd_field(draw, bodies[at])
    checkpoint = kit.signed_checkpoint(bodies, len(bodies), time_s=START // 1000)
    return pack_evidence(
        structs.replace(honest, entries=dict(enumerate(bodies)), bundles=bundles, checkpoint=checkpoint)
    )


def keys() -> dict[str, PrivateKey]:
    """The devices' keys that are at hand, by their signers' ids."""
    case = _unseen()
    known = [one for owner in (case, case.story) for one in vars(owner).values() if isinstance(one, Signer)]
    return {one.id: one.key for one in known}


@bounded
@given(data=st.data())
def test_evidence_of_a_liar_who_holds_every_key_is_judged_without_a_crash(data: st.DataObject) -> None:
    with contextlib.suppress(LedgerError):
        raw = liars_evidence(data.draw)
        event(f"step {getattr(verify(raw, kit.policy()), 'step', 'none, accepted')}")


def test_mutated_timestamp_says_the_same_time_or_nothing(tmp_path: Path) -> None:
    authority, text = Authority(tmp_path / "tsa"), "origin\n1\nroot\n"
    der = authority.answer(new_request(text).as_bytes())
    roots = read_certificates(authority.root)
    told_ms = stamped_ms(der, text, roots)

    @bounded
    @given(data=st.data())
    def judged(data: st.DataObject) -> None:
        with contextlib.suppress(LedgerError):
            assert stamped_ms(data.draw(mutated([der])), text, roots) == told_ms
        with contextlib.suppress(LedgerError), warnings.catch_warnings(action="ignore"):
            assert read_certificates(data.draw(mutated([authority.root])))

    judged()
