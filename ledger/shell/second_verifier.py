"""A second verifier of evidence files, written from docs/verify.md alone.

照 docs/verify.md 另写的核对程序：与本项目的程序无一行共用，两者须得同样的结论。

    python second_verifier.py FILE --policy P [--other-policy] [--json]

It has so many lines because it is one file on purpose: somebody who trusts no program of this project can copy it, read
it from top to bottom beside the page, and run it with nothing but Python >= 3.11 and `cryptography` >= 50 (Ed25519,
ECDSA P-256 and ML-DSA-44). It imports nothing of this project, and shall not: two programs that share a line can share
its mistake.

Not here: certificates for time-stamps (`--tsa`). A time-stamp therefore says nothing, and that is told.

Exit 0: proved. 1: refused, the first step that fails is named. 2: a file cannot be read, or P is no policy.
"""

import argparse
import base64
import binascii
import hashlib
import io
import json
import re
import struct
import sys
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Never

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

MAX_FILE: Final = 1 << 30
MAX_MEMBERS: Final = 65_000
MAX_TEXT: Final = 1_000_000  # a note, a policy
MAX_ENTRY: Final = 65_535
MAX_BUNDLE: Final = 2_097_152
MAX_CLAIM: Final = 24_576
MAX_CLAIMS: Final = 500
MAX_HASHES: Final = 63
MAX_LINES: Final = 100
MAX_NAME: Final = 255
MAX_SIG_TEXT: Final = 128
MAX_DECIMAL: Final = (1 << 63) - 1
MAX_MILLIS: Final = (1 << 53) - 1
MAX_DIGITS: Final = 4_300  # of an integer in JSON: what Python turns into a number without being told otherwise
HASH: Final = 32
SIGNATURE: Final = 64
ID_SIZE: Final = 4
SPACE: Final = 0x20
DELETE: Final = 0x7F

README_DIGEST: Final = "82b4e4d9b208d0d6c506404fa902517b0512162da75c37178d7737e32d54ac40"
PAYLOAD_TYPE: Final = "application/vnd.cylinder-ledger.bundle.v1+json"
HEADS_TITLE: Final = "cylinder-ledger heads v1"
DIGEST_TEXT: Final = "[0-9a-f]{64}"
DECIMAL: Final = re.compile(r"0|[1-9][0-9]*")
DIGEST: Final = re.compile(DIGEST_TEXT)
SIGNER: Final = re.compile("[0-9a-f]{32}")
ORIGIN: Final = re.compile(r"[a-z0-9.-]{1,100}(/[a-z0-9.-]{1,40}){0,4}")
REGISTRY_ID: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z.-]{0,39}")
HEAD_SUBJECT: Final = re.compile(r"[a-z_]{1,40}(:[0-9A-Za-z._-]{1,64}){0,2}")
QUOTED_DIGEST: Final = re.compile(rf'(?="({DIGEST_TEXT})")')
SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
GAP: Final = re.compile(r"[ \t\n\r]*")
WHITE_SPACE: Final = frozenset(
    map(
        chr,
        (*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000),
    )
)

KIND_ED25519: Final = 0x01
KIND_COSIGNED: Final = 0x04
KIND_ML_DSA: Final = 0x06
PUBLIC_SIZE: Final = {KIND_ED25519: 32, KIND_COSIGNED: 32, KIND_ML_DSA: 1312}
PRIME: Final = 2**255 - 19
ORDER_8: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
SMALL_ORDER: Final = frozenset((0, 1, PRIME - 1, ORDER_8, PRIME - ORDER_8))
P256_SIZE: Final = 65
UNCOMPRESSED: Final = 4

SCOPE_KEYS: Final = ("from", "id", "kind", "to")
ENTRY_KEYS: Final = (
    *("v", "log", "recorded_at", "clock_offset_ms", "subject", "subject_seq", "subject_prev", "signer", "device_seq"),
    *("device_chain", "bundle", "position", "pack", "claim", "outcome"),
)
CHAIN_MARKS: Final = ("first", "next", "gap", "behind", "fork")
ROLES: Final = ("authority", "inspection_body", "office", "station", "worker", "log")
STATUSES: Final = ("active", "revoked", "quarantined")
REGISTRY_KINDS: Final = (
    *("cylinder", "person", "tank_lot", "site", "premises", "customer", "vehicle", "line", "recall", "incident"),
    "building",
)
SECONDS_OF_YEAR_10000: Final = 253_402_300_800

STEP_NAMES: Final = {
    1: "读取 read",
    2: "策略 policy",
    3: "快照 checkpoints",
    4: "一致性 consistency",
    5: "包含 inclusion",
    6: "提交包 bundles",
    7: "签名者的链 signers",
    8: "主体与范围 subjects and scope",
    9: "时间 times",
    10: "附件 attachments",
    11: "结论 conclusion",
}


class Refused(Exception):
    """The evidence is refused: why, in Chinese and in English."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} {en}")


class Unreadable(Exception):
    """A file cannot be read, or P is no policy."""


def require(condition: bool, zh: str, en: str) -> None:  # noqa: FBT001 - a condition is what it is
    """Refuse unless the condition holds."""
    if not condition:
        raise Refused(zh, en)


# --- Common spellings ------------------------------------------------------------------------------------------------


def sha256(data: bytes | memoryview) -> bytes:
    """The SHA-256 of the data."""
    return hashlib.sha256(data).digest()


def sha256_hex(data: bytes | memoryview) -> str:
    """The SHA-256 of the data, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def read_decimal(text: str) -> int:
    """The number that a decimal says."""
    # 2⁶³−1 has 19 digits; the length is looked at first, lest a number of a million digits be made.
    good = len(text) <= len(str(MAX_DECIMAL)) and DECIMAL.fullmatch(text) and int(text) <= MAX_DECIMAL
    require(bool(good), f"不是十进制数：{text[:40]!r}", f"not a decimal: {text[:40]!r}")
    return int(text)


def read_base64(text: str) -> bytes:
    """The bytes of a base64 text that has the one right spelling."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        data = b""
    good = base64.b64encode(data).decode("ascii") == text
    require(good, f"base64 写法不对：{text[:40]!r}", f"not base64 as it must be: {text[:40]!r}")
    return data


def read_hash(text: str) -> bytes:
    """The 32 bytes of a hash in a text line."""
    data = read_base64(text)
    require(len(data) == HASH, "散列不是 32 字节", "a hash has not 32 bytes")
    return data


def read_utf8(data: bytes | memoryview, what: str) -> str:
    """The text of UTF-8 bytes."""
    try:
        return bytes(data).decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(f"{what} 不是 UTF-8", f"{what} is not UTF-8") from None


def read_lines(data: bytes | memoryview, what: str) -> list[str]:
    """The lines of a text line file."""
    text = read_utf8(data, what)
    require(text.endswith("\n"), f"{what} 不以换行结尾", f"{what} does not end in 0x0A")
    control = any(ord(character) < SPACE and character != "\n" for character in text)
    require(not control, f"{what} 含控制字符", f"{what} holds a control byte")
    return text[:-1].split("\n")


# --- JSON ------------------------------------------------------------------------------------------------------------


def _no_key_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    require(len(made) == len(pairs), "JSON 对象有重复的键", "a key stands twice in a JSON object")
    return made


def _integer(text: str) -> int:
    require(len(text) <= MAX_DIGITS, "JSON 整数过长", "a JSON integer is too long")
    return int(text)


def _no_number(text: str) -> Never:
    raise Refused(f"JSON 数字不是整数：{text[:40]}", f"a JSON number is no integer: {text[:40]}")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_no_key_twice, parse_int=_integer, parse_float=_no_number, parse_constant=_no_number
)


def read_json(text: str, what: str) -> object:
    """The value of a JSON text."""
    try:
        value: object = _DECODER.decode(text)
        if SURROGATE.search(text):  # a lone half of a pair is no text
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (json.JSONDecodeError, UnicodeEncodeError, RecursionError):
        raise Refused(f"{what} 不是 JSON", f"{what} is not JSON") from None
    return value


def write_json(value: object) -> bytes:
    """The one encoding of an entry."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    except (UnicodeEncodeError, RecursionError):
        raise Refused("JSON 不能写回", "JSON cannot be written again") from None


def as_object(value: object, what: str, keys: Sequence[str] | None = None) -> dict[str, object]:
    """The value, which must be an object, with exactly these keys where they are listed."""
    if not isinstance(value, dict):
        raise Refused(f"{what} 不是对象", f"{what} is no object")
    require(keys is None or set(value) == set(keys), f"{what} 的键不对", f"{what} has not the keys it must have")
    return value


def as_list(value: object, what: str) -> list[object]:
    """The value, which must be a list."""
    if not isinstance(value, list):
        raise Refused(f"{what} 不是列表", f"{what} is no list")
    return value


def as_text(value: object, what: str, pattern: re.Pattern[str] | None = None) -> str:
    """The value, which must be text, wholly matching the pattern where there is one."""
    if not isinstance(value, str) or (pattern is not None and not pattern.fullmatch(value)):
        raise Refused(f"{what} 写法不对", f"{what} is not spelled as it must be")
    return value


def as_integer(value: object, what: str) -> int:
    """The value, which must be an integer (true is none)."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refused(f"{what} 不是整数", f"{what} is no integer")
    return value


def as_millis(value: object, what: str) -> int:
    """The value, which must be an integer from 0 to 2⁵³−1."""
    number = as_integer(value, what)
    require(0 <= number <= MAX_MILLIS, f"{what} 越界", f"{what} is out of range")
    return number


def as_choice(value: object, what: str, choices: Sequence[str]) -> str:
    """The value, which must be one of the choices."""
    text = as_text(value, what)
    require(text in choices, f"{what} 不在所列之中", f"{what} is none of those listed")
    return text


def claim_texts(payload: str) -> list[str]:
    """The text of each claim, from its `{` to its `}`, in a payload that was read as JSON and has a list of claims."""
    texts: list[str] = []
    at = _after_gap(payload, 0) + 1
    while payload[at - 1] != "}":
        key, at = _DECODER.raw_decode(payload, _after_gap(payload, at))
        at = _after_gap(payload, _after_gap(payload, at) + 1)  # past the colon
        if key == "claims":
            at += 1
            while payload[at - 1] != "]":
                start = _after_gap(payload, at)
                _, end = _DECODER.raw_decode(payload, start)
                texts.append(payload[start:end])
                at = _after_gap(payload, end) + 1
        else:
            _, at = _DECODER.raw_decode(payload, at)
        at = _after_gap(payload, at) + 1
    return texts


def _after_gap(text: str, at: int) -> int:
    found = GAP.match(text, at)
    return found.end() if found else at


# --- Container -------------------------------------------------------------------------------------------------------

LOCAL: Final = b"PK\x03\x04"
CENTRAL: Final = b"PK\x01\x02"
END: Final = b"PK\x05\x06"
LOCAL_SIZE: Final = 30
FIXED: Final = ("README.txt", "manifest.json", "policy.txt", "checkpoint", "entries.jsonl")
ORDER: Final = tuple(
    re.compile(pattern)
    for pattern in (
        *(r"README\.txt", r"manifest\.json", r"policy\.txt", "checkpoint", r"checkpoints/(?P<size>[0-9]+)"),
        *(r"consistency\.txt", r"entries\.jsonl", r"proofs\.txt", rf"bundles/(?P<digest>{DIGEST_TEXT})\.json"),
        *(r"heads\.txt", r"timestamps/(?P<size>[0-9]+)\.tsr", rf"attachments/(?P<digest>{DIGEST_TEXT})"),
    )
)


def read_container(data: bytes) -> dict[str, memoryview]:
    """The members of the container by name, once building it anew from them has given the same bytes."""
    require(len(data) <= MAX_FILE, "文件过大", "the file is too large")
    view = memoryview(data)
    members: dict[str, memoryview] = {}
    directory: list[bytes] = []
    at = 0
    while data[at : at + 4] == LOCAL:
        require(len(directory) < MAX_MEMBERS, "成员过多", "too many members")
        require(len(data) >= at + LOCAL_SIZE, "成员头不完整", "a member's header is cut off")
        size, name_size = struct.unpack_from("<IH", data, at + 22)
        name = data[at + LOCAL_SIZE : at + LOCAL_SIZE + name_size]
        start = at + LOCAL_SIZE + name_size
        body = view[start : start + size]
        common = struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 0x0021, zlib.crc32(body), len(body), len(body), len(name), 0)
        same = data[at:start] == LOCAL + common + name
        require(same, "成员头不是规定的写法", "a member's header is not as it must be")
        title = name.decode("ascii", "replace")
        require(title.isascii() and title not in members, "成员名不对或重复", "a member's name is bad or stands twice")
        members[title] = body
        directory.append(
            CENTRAL + struct.pack("<H", 0x0314) + common + struct.pack("<HHHII", 0, 0, 0, 0x01A40000, at) + name
        )
        at = start + size
    listing = b"".join(directory)
    end = END + struct.pack("<HHHHIIH", 0, 0, len(directory), len(directory), len(listing), at, 0)
    require(data[at:] == listing + end, "目录或末尾不是规定的写法", "the directory or the end is not as it must be")
    return members


def check_order(members: dict[str, memoryview]) -> None:
    """Refuse unless the members are those listed, in exactly that order, none that may be absent being empty."""
    before: tuple[int, int, str] | None = None
    for name, body in members.items():
        place = _place(name)
        require(before is None or before < place, f"成员次序不对：{name}", f"a member is out of order: {name}")
        require(
            name in FIXED or not name.endswith(".txt") or len(body) > 0, f"空的成员：{name}", f"an empty member: {name}"
        )
        before = place
    for name in FIXED:
        require(name in members, f"缺少 {name}", f"{name} is missing")


def _place(name: str) -> tuple[int, int, str]:
    for number, pattern in enumerate(ORDER):
        found = pattern.fullmatch(name)
        if found:
            groups = found.groupdict()
            size = read_decimal(groups["size"]) if "size" in groups else 0
            return number, size, groups.get("digest") or ""
    raise Refused(f"不认识的成员：{name[:100]!r}", f"an unknown member: {name[:100]!r}")


def sizes_of(members: dict[str, memoryview], folder: str, ending: str) -> list[int]:
    """The sizes that name members of a folder."""
    return [int(name[len(folder) :].removesuffix(ending)) for name in members if name.startswith(folder)]


# --- Keys and notes --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NoteKey:
    """A vkey: who signs notes, and by which kind of signature."""

    name: str
    ident: bytes
    kind: int
    public: bytes


@dataclass(frozen=True)
class Note:
    """A signed note: its text, and its signature lines as name, id and signature."""

    text: bytes
    lines: tuple[tuple[str, bytes, bytes], ...]


def good_name(name: str) -> bool:
    """Whether a name may stand in a signature line."""
    return 1 <= len(name.encode("utf-8")) <= MAX_NAME and "+" not in name and WHITE_SPACE.isdisjoint(name)


def is_weak(public: bytes) -> bool:
    """Whether an Ed25519 key is of small order, or a second spelling of another."""
    y = int.from_bytes(public, "little") & ((1 << 255) - 1)
    return y >= PRIME or y in SMALL_ORDER


def read_vkey(word: bytes, kinds: Sequence[int]) -> NoteKey:
    """The key that a vkey says, of one of these kinds."""
    name, _, rest = read_utf8(word, "vkey").partition("+")
    ident, _, key = rest.partition("+")
    data = read_base64(key)
    kind, public = (data[0], data[1:]) if data else (0, b"")
    require(good_name(name), "vkey 的名不对", "a vkey's name is bad")
    require(
        kind in kinds and len(public) == PUBLIC_SIZE[kind], "vkey 的种类或长度不对", "a vkey's kind or length is bad"
    )
    right = sha256(name.encode("utf-8") + b"\n" + data)[:4]
    require(ident == right.hex(), "vkey 的编号不符", "a vkey's id is another's")
    if kind != KIND_ML_DSA:
        require(not is_weak(public), "vkey 是小阶点或异写", "a vkey is of small order or badly spelled")
    return NoteKey(name, right, kind, public)


def read_note(data: bytes, what: str) -> Note:
    """The text and the signature lines of a note. Nothing is verified yet."""
    require(len(data) <= MAX_TEXT, f"{what} 过长", f"{what} is too long")
    read_lines(data, what)
    split = data.rfind(b"\n\n")
    require(0 <= split < len(data) - 2, f"{what} 没有签名行", f"{what} has no signature lines")
    rows = data[split + 2 : -1].decode("utf-8").split("\n")
    require(len(rows) <= MAX_LINES, f"{what} 签名行过多", f"{what} has too many signature lines")
    lines: dict[tuple[str, bytes], bytes] = {}
    for row in rows:
        words = row.split(" ")
        good = len(words) == len(("—", "NAME", "BASE64")) and words[0] == "—" and good_name(words[1])
        require(good, f"{what} 签名行写法不对", f"a signature line of {what} is not spelled as it must be")
        signed = read_base64(words[2])
        require(len(signed) > ID_SIZE, f"{what} 签名行过短", f"a signature line of {what} is too short")
        known = (words[1], signed[:4])
        require(known not in lines, f"{what} 有两行同名同号", f"two lines of {what} have the same name and id")
        lines[known] = signed[4:]
    return Note(data[: split + 1], tuple((name, ident, signature) for (name, ident), signature in lines.items()))


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint: the log's tree at a size."""

    note: Note
    origin: str
    size: int
    root: bytes


def read_checkpoint(data: bytes, what: str) -> Checkpoint:
    """The checkpoint that a note says."""
    note = read_note(data, what)
    rows = note.text[:-1].decode("utf-8").split("\n")
    if len(rows) != len(("origin", "size", "root")):
        raise Refused(f"{what} 正文不是三行", f"the text of {what} has not three lines")
    return Checkpoint(note, as_text(rows[0], "origin", ORIGIN), read_decimal(rows[1]), read_hash(rows[2]))


def verifies_ed25519(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether an Ed25519 signature verifies."""
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def verifies_p256(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether a raw ECDSA P-256 signature with SHA-256 verifies."""
    r, s = (int.from_bytes(half, "big") for half in (signature[:HASH], signature[HASH:]))
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def verifies_ml_dsa(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether an ML-DSA-44 signature with an empty context verifies."""
    try:
        mldsa.MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def verify_line(key: NoteKey, signature: bytes, text: bytes, tree: Checkpoint | None) -> int | None:
    """The seconds that a line signed, 0 where its kind has none; None when it does not verify.

    `tree` is the checkpoint that the note is, None for another note: nothing else can be signed by kind 0x06.
    """
    if key.kind == KIND_ED25519:
        return 0 if len(signature) == SIGNATURE and verifies_ed25519(key.public, signature, text) else None
    seconds, raw = int.from_bytes(signature[:8], "big"), signature[8:]
    if seconds > MAX_DECIMAL:
        return None
    if key.kind == KIND_COSIGNED:
        message = b"cosignature/v1\ntime %d\n" % seconds + text
        return seconds if len(raw) == SIGNATURE and verifies_ed25519(key.public, raw, message) else None
    if tree is None:
        return None
    name, origin = key.name.encode("utf-8"), tree.origin.encode("ascii")
    head = b"subtree/v1\n\0" + bytes([len(name)]) + name + struct.pack(">Q", seconds)
    message = head + bytes([len(origin)]) + origin + struct.pack(">QQ", 0, tree.size) + tree.root
    return seconds if verifies_ml_dsa(key.public, raw, message) else None


# --- Policy ----------------------------------------------------------------------------------------------------------


@dataclass
class Policy:
    """A trust policy: the log keys, the witness keys, and what a quorum is."""

    logs: list[NoteKey] = field(default_factory=list)
    witnesses: dict[bytes, NoteKey] = field(default_factory=dict)
    groups: dict[bytes, tuple[int, tuple[bytes, ...]]] = field(default_factory=dict)
    quorum: bytes | None = None  # none yet

    def met(self, cosigned: set[bytes]) -> bool:
        """Whether the witnesses that cosigned make the quorum."""
        have = set(cosigned)
        for name, (least, members) in self.groups.items():
            if sum(member in have for member in members) >= least:
                have.add(name)
        return self.quorum == b"none" or self.quorum in have


def read_policy(data: bytes) -> Policy:
    """The policy that the bytes say. Refused here means: no policy."""
    require(len(data) <= MAX_TEXT, "策略过长", "the policy is too long")
    require(data.endswith(b"\n"), "策略不以换行结尾", "the policy does not end in 0x0A")
    control = any((byte < SPACE and byte not in b"\t\n") or byte == DELETE for byte in set(data))
    require(not control, "策略含控制字符", "the policy holds a control byte")
    policy = Policy()
    grouped: set[bytes] = set()
    for line in data[:-1].split(b"\n"):
        words = [word for word in line.replace(b"\t", b" ").split(b" ") if word]
        if words and not words[0].startswith(b"#"):
            _read_policy_line(policy, words, grouped)
    require(policy.quorum is not None, "策略没有 quorum 行", "the policy has no quorum line")
    return policy


def _read_policy_line(policy: Policy, words: list[bytes], grouped: set[bytes]) -> None:
    match words:
        case [b"log", vkey] | [b"log", vkey, _]:
            key = read_vkey(vkey, (KIND_ED25519, KIND_ML_DSA))
            _require_new_key(key, policy.logs)
            policy.logs.append(key)
        case [b"witness", name, vkey] | [b"witness", name, vkey, _]:
            key = read_vkey(vkey, (KIND_COSIGNED, KIND_ML_DSA))
            _require_new_key(key, list(policy.witnesses.values()))
            _require_new_name(policy, name)
            policy.witnesses[name] = key
        case [b"group", name, least, *members] if members:
            _require_new_name(policy, name)
            for member in members:
                known = (member in policy.witnesses or member in policy.groups) and member not in grouped
                require(known, "组员未定义或重复", "a member is not defined above, or is one already")
                grouped.add(member)
            policy.groups[name] = (_least(least, len(members)), tuple(members))
        case [b"quorum", name]:
            require(policy.quorum is None, "quorum 有两行", "there are two quorum lines")
            known = name == b"none" or name in policy.witnesses or name in policy.groups
            require(known, "quorum 所指未定义", "what the quorum names is not defined above")
            policy.quorum = name
        case _:
            raise Refused(f"策略有不认识的行：{words[0]!r}", f"a line of the policy is not understood: {words[0]!r}")


def _least(word: bytes, members: int) -> int:
    if word in (b"all", b"any"):
        return members if word == b"all" else 1
    least = read_decimal(word.decode("ascii", "replace"))
    require(1 <= least <= members, "组的家数越界", "a group's number is out of range")
    return least


def _require_new_name(policy: Policy, name: bytes) -> None:
    new = name != b"none" and name not in policy.witnesses and name not in policy.groups
    require(new, "策略重复定义一个名", "a name is defined twice in the policy")


def _require_new_key(key: NoteKey, keys: list[NoteKey]) -> None:
    new = all(key.public != other.public for other in keys)
    require(new, "一把公钥在策略里用了两次", "a public key stands twice in the policy")
    if key.kind == KIND_ML_DSA:
        mldsa.MLDSA44PublicKey.from_public_bytes(key.public)  # UnsupportedAlgorithm is better said before than midway


# --- Tree ------------------------------------------------------------------------------------------------------------


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over two."""
    return sha256(b"\x01" + left + right)


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root of the leaves."""
    peaks: list[tuple[int, bytes]] = []  # whole trees from the left, each smaller than the one before
    for leaf in leaves:
        size, root = 1, leaf
        while peaks and peaks[-1][0] == size:
            root = node_hash(peaks.pop()[1], root)
            size *= 2
        peaks.append((size, root))
    if not peaks:
        return sha256(b"")
    root = peaks.pop()[1]
    while peaks:
        root = node_hash(peaks.pop()[1], root)
    return root


def included(leaf: bytes, index: int, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows the leaf at the index of the tree (RFC 9162 section 2.1.3.2)."""
    if index >= size:
        return False
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def consistent(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the new tree begins with the old one (RFC 9162 section 2.1.4.2)."""
    if not 0 < old < new or not proof:
        return False
    hashes = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = hashes[0]
    for c in hashes[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == old_root and sr == new_root


# --- Claims, bundles, entries ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SignerKey:
    """A signer's key."""

    alg: str
    public: str

    @property
    def ident(self) -> str:
        """The signer's id."""
        return sha256_hex(f"{self.alg}:{self.public}".encode("ascii"))[:32]

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether a signature of exactly 64 bytes verifies."""
        if len(signature) != SIGNATURE:
            return False
        check = verifies_ed25519 if self.alg == "ed25519" else verifies_p256
        return check(bytes.fromhex(self.public), signature, message)


@dataclass(frozen=True)
class Record:
    """What an enrolment says of a signer."""

    signer: str
    key: SignerKey
    role: str
    enterprise: str | None
    sites: tuple[str, ...]
    acts: tuple[str, ...]
    status: str
    expects: int | None
    alert: str | None

    def may_enrol(self) -> bool:
        """Whether its acts let it enrol."""
        return self.acts == ("*",) or "enrol_signer" in self.acts


@dataclass(frozen=True)
class Claim:
    """A claim's exact text, its fields, and what it enrols where it is a claim that enrols."""

    text: str
    fields: dict[str, object]
    enrols: Record | None

    @property
    def type(self) -> object:
        """The claim's type."""
        return self.fields["type"]


@dataclass(frozen=True)
class Bundle:
    """A bundle: an envelope and what its payload says."""

    payload: bytes
    digest: str
    keyid: str
    signature: bytes
    log: str
    device_seq: int
    device_prev: str | None
    seen: tuple[int, bytes] | None
    claims: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """An entry of the log."""

    index: int
    leaf: bytes
    log: str
    recorded_at: int
    subject: str
    subject_seq: int
    subject_prev: str
    signer: str
    device_seq: int
    device_chain: str
    bundle: str
    position: int
    claim: Claim
    outcome: str
    named: tuple[str, ...]  # parties that its outcome names

    @property
    def accepted(self) -> bool:
        """Whether it is an acceptance."""
        return self.outcome != "refused.v1"


def read_signer_key(value: object) -> SignerKey:
    """A signer's key, which must be a valid one."""
    given = as_object(value, "key", ("alg", "public"))
    alg = as_choice(given["alg"], "alg", ("ed25519", "p256"))
    size = HASH if alg == "ed25519" else P256_SIZE
    public = as_text(given["public"], "public", re.compile(f"[0-9a-f]{{{2 * size}}}"))
    if alg == "p256":
        point = bytes.fromhex(public)
        try:
            good = point[0] == UNCOMPRESSED
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        except ValueError:
            good = False
        require(good, "密钥不是 P-256 上的点", "a key is no point on P-256")
    else:
        require(not is_weak(bytes.fromhex(public)), "密钥是小阶点或异写", "a key is of small order or badly spelled")
    return SignerKey(alg, public)


def read_record(claim: dict[str, object]) -> Record:
    """What a claim of type `enrol_signer` says."""
    listed = {"signer", "key", "role", "enterprise", "sites", "acts", "status"}
    require(listed <= set(claim), "登记缺少键", "an enrolment lacks a key")
    record = Record(
        signer=as_text(claim["signer"], "signer"),
        key=read_signer_key(claim["key"]),
        role=as_choice(claim["role"], "role", ROLES),
        enterprise=None if claim["enterprise"] is None else as_text(claim["enterprise"], "enterprise"),
        sites=tuple(as_text(site, "sites") for site in as_list(claim["sites"], "sites")),
        acts=tuple(as_text(act, "acts") for act in as_list(claim["acts"], "acts")),
        status=as_choice(claim["status"], "status", STATUSES),
        expects=None if claim.get("expects") is None else as_integer(claim["expects"], "expects"),
        alert=None if claim.get("alert") is None else as_text(claim["alert"], "alert"),
    )
    require(record.signer == record.key.ident, "signer 不是密钥的编号", "a signer enrolled is not the id of its key")
    return record


def read_claim(text: str) -> Claim:
    """A claim from its exact text."""
    require(len(text.encode("utf-8")) <= MAX_CLAIM, "记录过长", "a claim is too long")
    require(text.startswith("{") and text.endswith("}"), "记录不是对象原文", "a claim's text is not that of an object")
    given = as_object(read_json(text, "claim"), "claim")
    for key in ("type", "claim_id"):
        as_text(given.get(key), key)
    as_millis(given.get("scanned_at"), "scanned_at")
    return Claim(text, given, read_record(given) if given["type"] == "enrol_signer" else None)


def read_bundle(data: bytes) -> Bundle:
    """A bundle from its envelope."""
    require(len(data) <= MAX_BUNDLE, "提交包过大", "a bundle is too large")
    envelope = as_object(
        read_json(read_utf8(data, "bundle"), "bundle"), "bundle", ("payload", "payloadType", "signatures")
    )
    as_choice(envelope["payloadType"], "payloadType", (PAYLOAD_TYPE,))
    signatures = as_list(envelope["signatures"], "signatures")
    require(len(signatures) == 1, "提交包须恰有一个签名", "a bundle has not exactly one signature")
    signature = as_object(signatures[0], "signature", ("keyid", "sig"))
    sig = as_text(signature["sig"], "sig")
    require(len(sig) <= MAX_SIG_TEXT, "签名过长", "a signature is too long")
    payload = read_base64(as_text(envelope["payload"], "payload"))
    text = read_utf8(payload, "payload")
    keys = ("log", "device_seq", "device_prev", "seen", "claims")
    given = as_object(read_json(text, "payload"), "payload", keys)
    claims = as_list(given["claims"], "claims")
    require(1 <= len(claims) <= MAX_CLAIMS, "提交包的记录数越界", "a bundle has too many claims or none")
    prev = given["device_prev"]
    return Bundle(
        payload=payload,
        digest=sha256_hex(payload),
        keyid=as_text(signature["keyid"], "keyid", SIGNER),
        signature=read_base64(sig),
        log=as_text(given["log"], "log", ORIGIN),
        device_seq=as_millis(given["device_seq"], "device_seq"),
        device_prev=None if prev is None else as_text(prev, "device_prev", DIGEST),
        seen=_read_seen(given["seen"]),
        claims=tuple(read_claim(claim).text for claim in claim_texts(text)),
    )


def _read_seen(value: object) -> tuple[int, bytes] | None:
    if value is None:
        return None
    given = as_object(value, "seen", ("size", "root"))
    return as_millis(given["size"], "seen.size"), bytes.fromhex(as_text(given["root"], "seen.root", DIGEST))


def read_entry(raw: bytes, index: int) -> Entry:
    """An entry from its exact bytes."""
    require(len(raw) <= MAX_ENTRY, f"条目 {index} 过长", f"entry {index} is too long")
    what = f"entry {index}"
    given = as_object(read_json(read_utf8(raw, what), what), what, ENTRY_KEYS)
    again = tuple(given) == ENTRY_KEYS and write_json(given) == raw
    require(again, f"条目 {index} 的编码不唯一", f"entry {index} is not in the one encoding")
    require(as_integer(given["v"], "v") == 1, f"条目 {index} 的 v 不是 1", f"entry {index} has another v than 1")
    if given["clock_offset_ms"] is not None:
        as_integer(given["clock_offset_ms"], "clock_offset_ms")
    as_text(given["pack"], "pack")
    outcome = as_object(given["outcome"], "outcome")
    first = next(iter(outcome), "")
    require(
        first == "type", f"条目 {index} 的结果不以 type 起", f"the outcome of entry {index} does not begin with type"
    )
    return Entry(
        index=index,
        leaf=sha256(b"\x00" + raw),
        log=as_text(given["log"], "log"),
        recorded_at=as_millis(given["recorded_at"], "recorded_at"),
        subject=as_text(given["subject"], "subject"),
        subject_seq=as_integer(given["subject_seq"], "subject_seq"),
        subject_prev=as_text(given["subject_prev"], "subject_prev"),
        signer=as_text(given["signer"], "signer"),
        device_seq=as_integer(given["device_seq"], "device_seq"),
        device_chain=as_choice(given["device_chain"], "device_chain", CHAIN_MARKS),
        bundle=as_text(given["bundle"], "bundle"),
        position=as_integer(given["position"], "position"),
        claim=read_claim(as_text(given["claim"], "claim")),
        outcome=as_text(outcome["type"], "outcome"),
        named=(
            *_texts(outcome, "left"),
            *(f"cylinder:{value}" for key in ("found", "missing", "overtaken") for value in _texts(outcome, key)),
            *(f"tank_lot:{value}" for value in (outcome.get("tank_lot"),) if isinstance(value, str)),
        ),
    )


def _texts(fields: Mapping[str, object], key: str) -> list[str]:
    """The texts of a list, none where there is no list."""
    values = fields.get(key)
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


# --- Step 1: the whole file ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scope:
    """What the file is about."""

    kind: str
    ident: str
    start: int | None
    end: int | None
    chains: tuple[str, ...] = ()  # subjects whose own entries are here besides, all of them
    cited: tuple[int, ...] = ()  # single entries that are here besides

    @property
    def cites(self) -> bool:
        """Whether it is about more than its own subject."""
        return bool(self.chains or self.cited)

    @property
    def subject(self) -> str:
        """`KIND:ID`."""
        return f"{self.kind}:{self.ident}"

    def within(self, time: int) -> bool:
        """Whether a time is within."""
        return (self.start is None or self.start <= time) and (self.end is None or time < self.end)


@dataclass(frozen=True)
class Heads:
    """Where chains end: subject, sequence number and leaf."""

    note: Note
    origin: str
    size: int
    lines: tuple[tuple[str, int, str], ...]


@dataclass
class Case:
    """One evidence file that reads, and what the steps found out about it."""

    policy_text: bytes
    policy: Policy
    other_policy: bool
    members: dict[str, memoryview]
    scope: Scope
    checkpoints: dict[int, Checkpoint]
    final: Checkpoint
    consistency: dict[int, tuple[bytes, list[bytes]]]  # by size: root, proof
    proofs: list[list[bytes]] | None
    entries: list[Entry]
    bundles: dict[str, Bundle]
    heads: Heads | None
    cosigned: dict[int, dict[bytes, int]] = field(default_factory=dict)  # by a checkpoint's size: witness, seconds
    log_times: dict[int, int] = field(default_factory=dict)  # by size: seconds by the log's own clock
    enrolments: dict[int, Record] = field(default_factory=dict)  # by an entry's index
    shown: list[Entry] = field(default_factory=list)
    contradicted: set[str] = field(default_factory=set)  # bundles whose `seen` is another log's
    level: str = "L1"
    complete: list[str] = field(default_factory=list)  # where more is cited: subjects of which nothing is left out
    unended: list[str] = field(default_factory=list)  # likewise: those of which the end may be
    not_after: int | None = None
    not_before: dict[int, int] = field(default_factory=dict)  # by a shown entry's index
    warnings: list[str] = field(default_factory=list)  # told before all else
    told: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether the file holds all entries."""
        return self.proofs is None


def read_evidence(data: bytes, policy_text: bytes, policy: Policy, *, other_policy: bool) -> Case:
    """Step 1: read everything. Nothing is believed yet."""
    members = read_container(data)
    check_order(members)
    good = sha256_hex(members["README.txt"]) == README_DIGEST
    require(good, "README.txt 不是固定文字", "README.txt is not the fixed text")
    final = read_checkpoint(bytes(members["checkpoint"]), "checkpoint")
    scope = read_manifest(members, final)
    checkpoints = _read_earlier(members, final)
    checkpoints[final.size] = final
    indices, proofs = _read_proofs(members, final.size)
    return Case(
        policy_text=policy_text,
        policy=policy,
        other_policy=other_policy,
        members=members,
        scope=scope,
        checkpoints=checkpoints,
        final=final,
        consistency=_read_consistency(members),
        proofs=proofs,
        entries=_read_entries(members["entries.jsonl"], indices, final.size),
        bundles={
            name.removeprefix("bundles/").removesuffix(".json"): read_bundle(bytes(body))
            for name, body in members.items()
            if name.startswith("bundles/")
        },
        heads=read_heads(bytes(members["heads.txt"])) if "heads.txt" in members else None,
    )


def read_manifest(members: dict[str, memoryview], final: Checkpoint) -> Scope:
    """The scope that the manifest says; refuse unless the manifest is exactly what it must be for it."""
    raw = bytes(members["manifest.json"])
    given = as_object(read_json(read_utf8(raw, "manifest.json"), "manifest.json"), "manifest.json")
    scope = as_object(given.get("scope"), "scope")
    as_object({key: scope[key] for key in scope if key not in ("chains", "cited")}, "scope", SCOPE_KEYS)
    start, end = (None if scope[key] is None else as_millis(scope[key], key) for key in ("from", "to"))
    kind, ident = as_choice(scope["kind"], "kind", (*REGISTRY_KINDS, "window", "log")), as_text(scope["id"], "id")
    if kind in REGISTRY_KINDS:
        as_text(ident, "id", REGISTRY_ID)
    else:
        require(ident == "", "这种范围没有编号", "a scope of this kind has no id")
    given_times = (start is not None) + (end is not None)
    wanted = {"window": 2, "log": 0}.get(kind, given_times)
    require(given_times == wanted, "范围的时间不对", "the times of the scope are not those of its kind")
    require(start is None or end is None or start < end, "范围的时间颠倒", "the scope ends before it begins")
    chains, cited = _read_beside(scope, f"{kind}:{ident}")
    require(
        kind in REGISTRY_KINDS or not (chains or cited), "这种范围不另引", "a scope of this kind cites nothing besides"
    )
    files = {name: sha256_hex(body) for name, body in members.items() if name != "manifest.json"}
    right = {"checkpoint": final.size, "files": files, "log": final.origin, "scope": scope, "v": 1}
    line = json.dumps(right, sort_keys=True, separators=(",", ":")).encode("ascii") + b"\n"
    require(raw == line, "manifest.json 与内容不符", "manifest.json is not that of these members")
    return Scope(kind, ident, start, end, chains, cited)


def _read_beside(scope: dict[str, object], own: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The lists `chains` and `cited`: absent, or not empty and ascending."""
    chains: list[str] = []
    for subject in as_list(scope.get("chains", []), "chains"):
        text = as_text(subject, "chains", HEAD_SUBJECT)
        good = text != own and not text.startswith("filing:") and (not chains or chains[-1] < text)
        require(good, "chains 写法不对", "chains is not spelled as it must be")
        chains.append(text)
    cited: list[int] = []
    for index in as_list(scope.get("cited", []), "cited"):
        number = as_integer(index, "cited")
        good = 0 < number <= MAX_DECIMAL and (not cited or cited[-1] < number)
        require(good, "cited 写法不对", "cited is not spelled as it must be")
        cited.append(number)
    empty = any(key in scope and not scope[key] for key in ("chains", "cited"))
    require(not empty, "空的列表应略去", "an empty list stands in the scope")
    return tuple(chains), tuple(cited)


def _read_earlier(members: dict[str, memoryview], final: Checkpoint) -> dict[int, Checkpoint]:
    checkpoints: dict[int, Checkpoint] = {}
    for size in sizes_of(members, "checkpoints/", ""):
        name = f"checkpoints/{size}"
        checkpoint = read_checkpoint(bytes(members[name]), name)
        good = 0 < size < final.size and checkpoint.size == size and checkpoint.origin == final.origin
        require(good, f"{name} 的大小或日志名不对", f"{name} has another size or origin than it must have")
        checkpoints[size] = checkpoint
    return checkpoints


def _read_consistency(members: dict[str, memoryview]) -> dict[int, tuple[bytes, list[bytes]]]:
    data = members.get("consistency.txt")
    if data is None:
        return {}
    found: dict[int, tuple[bytes, list[bytes]]] = {}
    for size, hashes in _read_hash_lines(data, "consistency.txt", roots=1):
        found[size] = (hashes[0], hashes[1:])
    return found


def _read_hash_lines(data: bytes | memoryview, what: str, *, roots: int = 0) -> list[tuple[int, list[bytes]]]:
    found: list[tuple[int, list[bytes]]] = []
    for line in read_lines(data, what):
        number, *hashes = line.split(" ")
        good = roots <= len(hashes) <= roots + MAX_HASHES
        require(good, f"{what} 一行的散列数不对", f"a line of {what} has too many hashes, or no root")
        row = (read_decimal(number), [read_hash(word) for word in hashes])
        require(not found or found[-1][0] < row[0], f"{what} 不是升序", f"{what} is not ascending")
        found.append(row)
    return found


def _read_proofs(members: dict[str, memoryview], size: int) -> tuple[list[int] | None, list[list[bytes]] | None]:
    data = members.get("proofs.txt")
    if data is None:
        return None, None
    rows = _read_hash_lines(data, "proofs.txt")
    indices = [index for index, _ in rows]
    # They ascend, so as many as there are entries, the last being N-1, are all of them.
    whole = len(indices) == size and indices[-1] == size - 1
    require(not whole, "条目齐全却有 proofs.txt", "all entries are here, and yet there is proofs.txt")
    return indices, [proof for _, proof in rows]


def _read_entries(data: memoryview, indices: list[int] | None, size: int) -> list[Entry]:
    raw = bytes(data)
    require(raw.endswith(b"\n"), "entries.jsonl 不以换行结尾", "entries.jsonl does not end in 0x0A")
    lines = raw[:-1].split(b"\n")
    right = size if indices is None else len(indices)
    require(len(lines) == right, "条目数不对", "there are more or fewer entries than there must be")
    return [read_entry(line, index) for line, index in zip(lines, indices or range(size), strict=True)]


def read_heads(data: bytes) -> Heads:
    """The heads that a note says."""
    note = read_note(data, "heads.txt")
    title, *rows = note.text[:-1].decode("utf-8").split("\n")
    good = title == HEADS_TITLE and len(rows) >= len(("ORIGIN", "N"))  # a file may show no chain at all
    require(good, "heads.txt 写法不对", "heads.txt is not spelled as it must be")
    lines: list[tuple[str, int, str]] = []
    for row in rows[2:]:
        words = row.split(" ")
        if len(words) != len(("SUBJECT", "SEQ", "LEAF")):
            raise Refused("heads.txt 有一行不是三个词", "a line of heads.txt has not three words")
        subject = as_text(words[0], "SUBJECT", HEAD_SUBJECT)
        require(not lines or lines[-1][0] < subject, "heads.txt 不是升序", "heads.txt is not ascending")
        lines.append((subject, read_decimal(words[1]), as_text(words[2], "LEAF", DIGEST)))
    return Heads(note, as_text(rows[0], "ORIGIN", ORIGIN), read_decimal(rows[1]), tuple(lines))


# --- Steps 2 to 5 ----------------------------------------------------------------------------------------------------


def step_policy(case: Case) -> None:
    """Step 2: the operator's copy of the policy."""
    if bytes(case.members["policy.txt"]) != case.policy_text:
        require(case.other_policy, "文件中的策略与 P 不同", "policy.txt differs from P")
        case.told.append("文件中的策略与 P 不同，只用 P。 The file's policy differs from P; P alone counted.")


def check_note(case: Case, note: Note, what: str, tree: Checkpoint) -> list[tuple[NoteKey | bytes, int]]:
    """Verify every line of a log key or a witness key: the log key or the witness's name, and the seconds signed."""
    known: list[tuple[NoteKey | bytes, NoteKey]] = [
        (key, key) for key in case.policy.logs if key.name == case.final.origin
    ]
    known += list(case.policy.witnesses.items())
    found: list[tuple[NoteKey | bytes, int]] = []
    for name, ident, signature in note.lines:
        for who, key in known:
            if (key.name, key.ident) == (name, ident):
                seconds = verify_line(key, signature, note.text, tree)
                if seconds is None:
                    raise Refused(f"{what} 上 {name} 的签名不对", f"the signature of {name} on {what} does not verify")
                found.append((who, seconds))
    return found


def step_checkpoints(case: Case) -> None:
    """Step 3: signatures of the log and of the witnesses."""
    for size, checkpoint in case.checkpoints.items():
        what = f"checkpoint {size}"
        found = check_note(case, checkpoint.note, what, checkpoint)
        signed = [(who, seconds) for who, seconds in found if isinstance(who, NoteKey)]
        require(bool(signed), f"{what} 没有日志的签名", f"{what} is not signed by the log")
        case.cosigned[size] = {who: seconds for who, seconds in found if isinstance(who, bytes) and seconds > 0}
        times = [seconds for key, seconds in signed if key.kind == KIND_ML_DSA]
        if times:
            case.log_times[size] = min(times)
    quorum = case.policy.met(set(case.cosigned[case.final.size]))
    require(quorum, "最终快照的见证方不够", "the final checkpoint has not the quorum")


def step_consistency(case: Case) -> None:
    """Step 4: the log only grew, from every earlier checkpoint; what devices saw is compared, and told."""
    size, root = case.final.size, case.final.root
    seen = {digest: bundle.seen for digest, bundle in case.bundles.items() if bundle.seen is not None}
    wanted = {number for number in case.checkpoints if number != size}
    wanted |= {number for number, _ in seen.values() if 0 < number < size}
    require(set(case.consistency) == wanted, "consistency.txt 的大小不对", "consistency.txt has not exactly the sizes")
    roots = {0: sha256(b""), size: root}
    for number, (old_root, proof) in case.consistency.items():
        good = consistent(number, old_root, size, root, proof)
        require(good, f"大小 {number} 与最终快照不一致", f"size {number} is not consistent with the final checkpoint")
        roots[number] = old_root
    for number, checkpoint in case.checkpoints.items():
        good = checkpoint.root == roots[number]
        require(good, f"快照 {number} 的根不符", f"checkpoint {number} has another root than the log had")
    case.contradicted = {
        digest for digest, (number, other) in seen.items() if number <= size and other != roots[number]
    }
    if case.contradicted:
        case.warnings.append(
            f"{len(case.contradicted)} 个提交包所见的是另一个日志：日志曾分叉，或设备说谎，程序分不出。"
            f" {len(case.contradicted)} bundles have seen another log: it forked once, or those devices lie.",
        )
    later = sum(number > size for number, _ in seen.values())
    if later:
        case.told.append(
            f"{later} 个提交包所见大于最终快照，未核对。 {later} bundles have seen a larger log; that was not checked."
        )


def step_inclusion(case: Case) -> None:
    """Step 5: the entries are in the log."""
    before: int | None = None
    for entry in case.entries:
        require(
            entry.log == case.final.origin, f"条目 {entry.index} 属别的日志", f"entry {entry.index} is of another log"
        )
        good = before is None or before <= entry.recorded_at
        require(good, f"条目 {entry.index} 的时间倒退", f"the time of entry {entry.index} goes back")
        before = entry.recorded_at
    size, root = case.final.size, case.final.root
    if case.proofs is None:
        good = root_of([entry.leaf for entry in case.entries]) == root
        require(good, "全部条目的根不符", "the root of all entries is another")
        return
    for entry, proof in zip(case.entries, case.proofs, strict=True):
        good = included(entry.leaf, entry.index, size, root, proof)
        require(good, f"条目 {entry.index} 的包含证明不对", f"entry {entry.index} is not shown to be in the log")


# --- Step 6: bundles -------------------------------------------------------------------------------------------------


def step_bundles(case: Case) -> None:
    """Step 6: what devices signed, by keys enrolled in the log."""
    names = {entry.bundle for entry in case.entries}
    require(set(case.bundles) == names, "提交包与条目不相对应", "the bundles are not exactly those of the entries")
    signers = {entry.signer for entry in case.entries}
    records: dict[str, Record] = {}
    newest: dict[str, int] = {}  # subject_seq of a signer's newest enrolment
    places: set[tuple[str, int]] = set()
    verified: set[str] = set()
    require(case.entries[0].index == 0, "没有第 0 条", "entry 0 is not here")
    for entry in case.entries:
        _check_original(case, entry, places)
        if entry.index == 0:
            records = opening_records(entry)
        elif entry.accepted:
            good = entry.claim.type != "open_log"
            require(good, f"条目 {entry.index} 又开日志", f"entry {entry.index} opens the log again")
        record = records.get(entry.signer)
        if record is None:
            raise Refused(f"条目 {entry.index} 的签名者未登记", f"the signer of entry {entry.index} is not enrolled")
        if entry.bundle not in verified:
            good = record.key.verifies(case.bundles[entry.bundle].signature, pae(case.bundles[entry.bundle].payload))
            require(good, f"条目 {entry.index} 的提交包签名不对", f"the bundle of entry {entry.index} does not verify")
            verified.add(entry.bundle)
        good = not entry.accepted or record.status == "active"
        require(good, f"条目 {entry.index} 的密钥已停用", f"the key of entry {entry.index} is not active")
        filed = entry.claim.enrols
        if filed is not None and entry.accepted and filed.signer in signers:
            check_enrolment(entry, filed, record, records.get(filed.signer), newest.get(filed.signer))
            records[filed.signer] = filed
            newest[filed.signer] = entry.subject_seq
            case.enrolments[entry.index] = filed


def pae(payload: bytes) -> bytes:
    """What is signed: DSSE's pre-authentication encoding."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode("ascii"), len(payload), payload)


def _check_original(case: Case, entry: Entry, places: set[tuple[str, int]]) -> None:
    bundle = case.bundles[entry.bundle]
    given = (bundle.digest, bundle.log, bundle.device_seq, bundle.keyid)
    same = given == (entry.bundle, entry.log, entry.device_seq, entry.signer)
    require(same, f"条目 {entry.index} 与提交包不符", f"entry {entry.index} and its bundle differ")
    good = 0 <= entry.position < len(bundle.claims) and bundle.claims[entry.position] == entry.claim.text
    require(good, f"条目 {entry.index} 的记录不在提交包里", f"the claim of entry {entry.index} is not in its bundle")
    place = (entry.bundle, entry.position)
    require(place not in places, f"条目 {entry.index} 的记录重复", f"the claim of entry {entry.index} stands twice")
    places.add(place)


def opening_records(entry: Entry) -> dict[str, Record]:
    """The records that entry 0 makes."""
    claim = entry.claim
    good = claim.type == "open_log" and entry.outcome == "log_opened.v1" and claim.fields.get("origin") == entry.log
    require(good, "第 0 条不是开日志", "entry 0 does not open this log")
    records: dict[str, Record] = {}
    for name, role in (("authority", "authority"), ("log_signer", "log")):
        key = read_signer_key(claim.fields.get(name))
        require(key.ident not in records, "监管机构与日志同一把钥匙", "the authority and the log have one key")
        records[key.ident] = Record(key.ident, key, role, None, (), ("*",), "active", None, None)
    good = records[entry.signer].role == "authority" if entry.signer in records else False
    require(good, "第 0 条不是监管机构所签", "entry 0 is not signed by the authority")
    return records


def check_enrolment(entry: Entry, filed: Record, by: Record, before: Record | None, newest: int | None) -> None:
    """The rules of an enrolment: `by` signed it, `before` is the record that it replaces."""
    index = entry.index
    good = entry.outcome == "filed.v1" and entry.subject == f"signer:{filed.signer}"
    require(good, f"登记 {index} 的结果或主体不对", f"enrolment {index} has another outcome or subject")
    require(filed.expects == newest, f"登记 {index} 之前有遗漏", f"enrolment {index} does not follow the one before it")
    if by.role == "authority":
        may = True
    elif by.role == "office":
        mine = before is None or before.enterprise == by.enterprise
        may = filed.role in ("station", "worker") and filed.enterprise == by.enterprise and mine
    else:
        may = by.role == "log" and before is not None and _is_quarantine(filed, before)
    require(
        may and by.may_enrol(), f"登记 {index} 的签名者无权登记", f"the signer of enrolment {index} may not enrol that"
    )


def _is_quarantine(filed: Record, before: Record) -> bool:
    kept = (filed.signer, filed.key, filed.role, filed.enterprise, filed.sites, filed.acts)
    return (
        before.status == "active"
        and before.role not in ("authority", "log")
        and filed.status == "quarantined"
        and filed.alert is not None
        and kept == (before.signer, before.key, before.role, before.enterprise, before.sites, before.acts)
    )


# --- Step 7: the chains of signers -----------------------------------------------------------------------------------


def step_signers(case: Case) -> None:
    """Step 7: each signer's bundles, one after the other."""
    marks: dict[str, str] = {}
    taken: dict[str, tuple[int, str]] = {}
    for entry in case.entries:
        same = marks.setdefault(entry.bundle, entry.device_chain) == entry.device_chain
        require(
            same, f"条目 {entry.index} 的链标记不一", f"the bundle of entry {entry.index} has two device_chain values"
        )
    for entry in case.entries:
        last = taken.get(entry.signer)
        if entry.device_chain == "behind" or (last is not None and last[1] == entry.bundle):
            continue
        good = _chain_holds(entry, case.bundles[entry.bundle].device_prev, last)
        require(good, f"条目 {entry.index} 的链标记不对", f"the device_chain of entry {entry.index} does not hold")
        taken[entry.signer] = (entry.device_seq, entry.bundle)
    for mark in ("fork", "behind", "gap"):
        count = list(marks.values()).count(mark)
        if count:
            case.told.append(f"{count} 个提交包标为 {mark}。 {count} bundles are marked {mark}.")


def _chain_holds(entry: Entry, prev: str | None, last: tuple[int, str] | None) -> bool:
    n = entry.device_seq
    if last is not None and n <= last[0]:
        return False
    at_once = last is not None and n == last[0] + 1
    follows = last is not None and prev == last[1]
    if entry.device_chain == "first":
        return last is None and n == 0
    if entry.device_chain == "next":
        return n > 0 and prev is not None and (not at_once or follows)
    if entry.device_chain == "fork":
        return n > 0 and not (at_once and follows)
    return entry.device_chain == "gap" and n > 0 and not at_once


# --- Step 8: subjects and scope --------------------------------------------------------------------------------------


PARTY_KEYS: Final = {
    **dict.fromkeys(("site", "to_site", "inspected_at"), "site"),
    **dict.fromkeys(("person", "second_person", "reviewer", "witness"), "person"),
    **{key: key for key in ("vehicle", "customer", "premises")},
}
AT_LINE: Final = ("authorise_fill", "start_fill", "complete_fill", "interrupt_fill", "weigh_cylinder")
SELECTED: Final = {
    **dict.fromkeys(("filler", "inspector", "worker"), "person"),
    **{key: key for key in ("line", "tank_lot")},
}
FROZEN: Final = {"sites": "site", "lines": "line", "tank_lots": "tank_lot", "vehicles": "vehicle"}


def parties(entry: Entry) -> set[str]:
    """The parties of an entry."""
    claim, found = entry.claim.fields, {entry.subject, *entry.named}
    keys = dict(PARTY_KEYS)
    act, outcome = entry.claim.type, entry.outcome
    if act in AT_LINE:
        keys |= {"line": "line"}
    if act == "complete_fill" and outcome == "cylinder_filled.v1":
        keys |= {"tank_lot": "tank_lot"}
    elif act == "open_recall":
        keys |= SELECTED
    elif act == "open_incident":
        keys |= {"cylinder": "cylinder"}
        found.update(f"{kind}:{value}" for key, kind in FROZEN.items() for value in _texts(claim, key))
    elif act == "file_use_registration" and outcome == "filed.v1":
        found.update(f"cylinder:{value}" for value in _texts(claim, "cylinders"))
    for key, kind in keys.items():
        value = claim.get(key)
        if isinstance(value, str):
            found.add(f"{kind}:{value}")
    return found


def step_scope(case: Case) -> None:
    """Step 8: each subject's chain, and what the file is about."""
    scope = case.scope
    _check_subjects(case)
    case.shown = [
        entry
        for entry in case.entries
        if scope.within(entry.recorded_at) and (scope.kind in ("window", "log") or scope.subject in parties(entry))
    ]
    chain = [entry for entry in case.shown if entry.subject == scope.subject]
    if scope.cites:
        beside = _check_beside(case)
        own = {entry.index for entry in case.shown}
        case.shown = [entry for entry in case.entries if entry.index in beside or entry.index in own]
    allowed = {0, *case.enrolments, *(entry.index for entry in case.shown)}
    if scope.kind == "window":
        allowed |= _check_window(case)
    for entry in case.entries:
        require(entry.index in allowed, f"条目 {entry.index} 不属范围", f"entry {entry.index} is not of the scope")
    require(
        scope.kind != "log" or case.whole, "范围是全部，条目却不全", "the scope is the log, and entries are missing"
    )
    good = scope.start is not None or not chain or chain[0].subject_seq == 0
    require(good, "主体的链不从 0 起", "the subject's chain does not begin with 0")
    if case.heads is not None:
        _check_heads(case, case.heads)
    case.level = _level(case, chain)
    if scope.cites:
        _tell_beside(case, chain)


def _check_beside(case: Case) -> set[int]:
    """The indices of what is cited besides: all of the chains from their beginning, and each single entry, once."""
    by_subject: dict[str, list[Entry]] = {subject: [] for subject in case.scope.chains}
    for entry in case.entries:
        if entry.subject in by_subject:
            by_subject[entry.subject].append(entry)
    for subject, entries in by_subject.items():
        numbers = [entry.subject_seq for entry in entries]
        good = bool(numbers) and numbers == list(range(len(numbers)))
        require(good, f"{subject} 的链有遗漏", f"something of the chain of {subject} is missing")
    besides = {entry.index for entries in by_subject.values() for entry in entries}
    here, own = {entry.index for entry in case.entries}, {entry.index for entry in case.shown}
    for index in case.scope.cited:
        require(index in here, f"所引条目 {index} 不在", f"entry {index} is cited, and not here")
        good = index not in besides and index not in own
        require(good, f"条目 {index} 不须另引", f"entry {index} is cited, and of the scope or a chain")
    return besides.union(case.scope.cited)


def _tell_beside(case: Case, chain: list[Entry]) -> None:
    """Which chains are whole to the end that the log declared, the scope's own among them; and which may go on."""
    ends = {} if case.heads is None else {subject: (seq, leaf) for subject, seq, leaf in case.heads.lines}
    for subject in case.scope.chains:  # rule 6 has made sure that a line that is there is the end
        (case.complete if case.whole or subject in ends else case.unended).append(subject)
    end = (chain[-1].subject_seq, chain[-1].leaf.hex()) if chain and chain[0].subject_seq == 0 else None
    if end is not None and ends.get(case.scope.subject) == end:
        case.complete = sorted([*case.complete, case.scope.subject])


def _check_subjects(case: Case) -> None:
    last: dict[str, Entry] = {}
    cited, running = set(case.scope.cited), None
    for entry in case.entries:
        index, before = entry.index, last.get(entry.subject)
        good = (entry.subject_seq == 0) == (entry.subject_prev == "")
        require(good, f"条目 {index} 的主体链写法不对", f"subject_seq and subject_prev of entry {index} disagree")
        if before is None:
            good = not case.whole or entry.subject_seq == 0
            require(good, f"条目 {index} 之前缺同一主体的条目", f"entry {index} is not the first of its subject")
        elif entry.subject_seq == before.subject_seq + 1:
            good = entry.subject_prev == before.leaf.hex()
            require(good, f"条目 {index} 不接前一条", f"entry {index} does not follow its subject's entry before")
        else:
            left_out = entry.subject_seq > before.subject_seq and not case.whole
            require(
                left_out, f"条目 {index} 之前有遗漏或倒退", f"something is left out, or goes back, before entry {index}"
            )
        last[entry.subject] = entry
        if entry.subject == case.scope.subject and index not in cited:
            good = running is None or entry.subject_seq == running + 1
            require(
                good, f"条目 {index} 之前有遗漏", f"something of the scope's subject is left out before entry {index}"
            )
            running = entry.subject_seq


def _check_window(case: Case) -> set[int]:
    """The indices of the neighbours, once nothing between them is missing."""
    start = case.scope.start or 0
    times = {entry.index: entry.recorded_at for entry in case.entries}
    b = max((index for index, time in times.items() if time < start), default=-1)
    a = b + 1
    while a in times and case.scope.within(times[a]):
        a += 1
    good = (a in times or a == case.final.size) and a - b - 1 == len(case.shown)
    require(good, "时间窗内有遗漏", "something is left out of the window")
    return {a, b}


def _check_heads(case: Case, heads: Heads) -> None:
    keys = [key for key in case.policy.logs if (key.name, key.kind) == (case.final.origin, KIND_ED25519)]
    good = False
    for name, ident, signature in heads.note.lines:
        for key in keys:
            if (key.name, key.ident) == (name, ident):
                good = verify_line(key, signature, heads.note.text, None) is not None
                require(good, "heads.txt 上日志的签名不对", "the log's signature on heads.txt does not verify")
    require(good, "heads.txt 没有日志的签名", "heads.txt is not signed by the log")
    good = heads.origin == case.final.origin and heads.size == case.final.size
    require(good, "heads.txt 说的是别的快照", "heads.txt is of another checkpoint")
    signers, chains = {entry.signer for entry in case.entries}, set(case.scope.chains)
    ends = {entry.subject: entry for entry in case.entries}
    filings = {
        f"filing:signer:{case.enrolments[entry.index].signer}": entry
        for entry in case.entries
        if entry.index in case.enrolments
    }
    for subject, seq, leaf in heads.lines:
        own = subject.startswith("filing:signer:") and subject.removeprefix("filing:signer:") in signers
        whole = case.whole and not subject.startswith("filing:")
        scoped = (subject == case.scope.subject and case.scope.end is None) or subject in chains
        end = filings.get(subject) if own else ends.get(subject)
        if end is None:
            good = not (own or whole or scoped)
        else:
            same = (end.subject_seq, end.leaf.hex()) == (seq, leaf)
            good = same or (not (own or whole or scoped) and end.subject_seq < seq)
        require(good, f"{subject} 的链不止于 heads 所述", f"the chain of {subject} does not end where heads.txt says")


def _level(case: Case, chain: list[Entry]) -> str:
    if case.scope.kind == "window":
        # A window is closed by the entry after it: rule 3 has made sure that none is missing up to there.
        return "L3" if any(entry.recorded_at >= (case.scope.end or 0) for entry in case.entries) else "L1"
    if case.whole:
        return "L3"
    if case.scope.kind == "cylinder" and chain and chain[0].subject_seq == 0 and case.heads is not None:
        end = (case.scope.subject, chain[-1].subject_seq, chain[-1].leaf.hex())
        if end in case.heads.lines:
            return "L2"
    return "L1"


# --- Steps 9 and 10 --------------------------------------------------------------------------------------------------


def step_times(case: Case) -> None:
    """Step 9: not after, not before."""
    stamps = sizes_of(case.members, "timestamps/", ".tsr")
    for size in stamps:
        require(
            size in case.checkpoints, f"时间戳 {size} 没有快照", f"there is no checkpoint for the time-stamp {size}"
        )
    if stamps:
        case.told.append(
            f"{len(stamps)} 份时间戳没有证书核对，不作数。 {len(stamps)} time-stamps say nothing without certificates."
        )
    reached = {size: time for size in case.checkpoints if (time := _quorum_time(case, size)) is not None}
    latest = [min((time for size, time in reached.items() if size > entry.index), default=None) for entry in case.shown]
    times = [time for time in latest if time is not None]
    case.not_after = max(times) if times and len(times) == len(latest) else None
    for entry in case.shown:
        seen = case.bundles[entry.bundle].seen
        if seen is not None and seen[0] <= case.final.size and entry.bundle not in case.contradicted:
            sizes = [size for size in case.log_times if size <= seen[0]]
            if sizes:
                case.not_before[entry.index] = case.log_times[max(sizes)]


def _quorum_time(case: Case, size: int) -> int | None:
    if case.policy.quorum == b"none":
        return None
    cosigned = case.cosigned[size]
    for time in sorted(set(cosigned.values())):
        if case.policy.met({name for name, at in cosigned.items() if at <= time}):
            return time
    return None


def step_attachments(case: Case) -> None:
    """Step 10: attachments are those that claims name."""
    attachments = [name for name in case.members if name.startswith("attachments/")]
    named = (
        {digest for entry in case.entries for digest in QUOTED_DIGEST.findall(entry.claim.text)}
        if attachments
        else set()
    )
    for name in attachments:
        digest = name.removeprefix("attachments/")
        require(
            sha256_hex(case.members[name]) == digest, f"{name} 不是那个文件", f"{name} is not the file of that digest"
        )
        require(digest in named, f"没有记录提到 {name}", f"no claim names {name}")


# --- Step 11 and the command -----------------------------------------------------------------------------------------

STEPS: Final[tuple[Callable[[Case], None], ...]] = (
    *(step_policy, step_checkpoints, step_consistency, step_inclusion, step_bundles, step_signers, step_scope),
    *(step_times, step_attachments),
)
NOT_PROVED: Final = (
    "未证明 Not proved:",
    "  结果、条目归于哪只气瓶，合乎规则。",
    "    That outcomes, and which cylinder an entry was put under, follow from the rules.",
    "  人和设备所报为真：重量、确认、照片、它们的钟。",
    "    That what people and devices report is true: weights, confirmations, photographs, their clocks.",
)
LEVELS: Final = {
    "L3": "L3：没有遗漏。 L3: nothing is left out.",
    "L2": "L2：气瓶自己的条目齐全，止于日志声明之处。 L2: the cylinder's own entries, to the end the log declared.",
    "L1": "L1：所示各条都在日志里；别的可能被略去。 L1: each entry shown is in the log; others may have been left out.",
}


@dataclass(frozen=True)
class Verdict:
    """What the steps came to: a case that was accepted, or the step that refused and why."""

    case: Case | None
    step: int | None
    reason: str

    def json_line(self) -> str:
        """The JSON line."""
        case = self.case
        return json.dumps(
            {
                "accepted": case is not None,
                "step": self.step,
                "level": case and case.level,
                "entries": case and len(case.entries),
                "shown": case and len(case.shown),
                "log": case and case.final.origin,
                "size": case and case.final.size,
                "root": case and case.final.root.hex(),
                "not_after_s": case and case.not_after,
                "contradicted": case and len(case.contradicted),
            }
            | ({} if case is None or not case.scope.cites else _json_beside(case)),
            separators=(",", ":"),
        )


def _json_beside(case: Case) -> dict[str, object]:
    return {"complete": case.complete, "unended": case.unended, "cited": len(case.scope.cited)}


def verify(data: bytes, policy_text: bytes, policy: Policy, *, other_policy: bool) -> Verdict:
    """Steps 1 to 10, in order."""
    step = 1
    try:
        case = read_evidence(data, policy_text, policy, other_policy=other_policy)
        for step, run in enumerate(STEPS, start=2):  # noqa: B007 - the step is named when it refuses
            run(case)
    except Refused as refused:
        return Verdict(None, step, str(refused))
    return Verdict(case, None, "")


def say_time(seconds: int) -> str:
    """POSIX seconds, and as a date where there is one."""
    if seconds < SECONDS_OF_YEAR_10000:
        return f"{seconds} ({datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC)"
    return str(seconds)


def _whole_chains(case: Case) -> list[str]:
    if not case.complete:
        return []
    named = " ".join(case.complete)
    said = f"前 {case.final.size} 条中，下列主体自己的条目一条不缺。 Nothing is left out of the own entries of these"
    return [f"  {said} subjects, among the first {case.final.size} entries of the log: {named}"]


def conclusion(case: Case) -> list[str]:
    """Step 11: what is proved, and what is not."""
    final, scope = case.final, case.scope
    first = case.entries[0]
    after = "无 none" if case.not_after is None else say_time(case.not_after)
    lines = [
        *(f"警告 Warning: {line}" for line in case.warnings),
        "通过。 Accepted.",
        f"日志 log {final.origin}，{final.size} 条 entries，根 root {final.root.hex()}",
        f"范围 scope {scope.subject} [{scope.start}, {scope.end})",
        f"文件里 in the file: {len(case.entries)}；属范围 of the scope: {len(case.shown)}",
        "已证明 Proved:",
        "  这些条目在这个日志里，日志只增未改。 These entries stand in this log, which only grew.",
        "  每条记录由登记在日志里的那把密钥签名。 Each claim was signed by that key, enrolled in the log.",
        f"  {LEVELS[case.level]}",
        *_whole_chains(case),
        f"  所示各条不晚于 not after: {after}",
    ]
    lines += [
        f"  条目 {index} 不早于（日志自己的钟） entry {index} not before (the log's own clock): {say_time(time)}"
        for index, time in case.not_before.items()
    ]
    lines += [
        *NOT_PROVED,
        f"  第 0 条的监管机构是真的。 That entry 0's authority is the real one: compare {first.signer}.",
    ]
    if case.unended:
        named = " ".join(case.unended)
        lines.append(f"  这些链的末尾，日志没有声明。 That nothing is left out at the end of these chains: {named}.")
    if case.scope.cites:
        count = len(case.scope.cited)
        lines.append(f"  另引的 {count} 条之外没有同类条目。 That there are none beside the {count} cited singly.")
        lines.append("  另附的就是答案所需的全部。 That what is cited besides is all that the answer takes.")
    if case.level != "L3":
        lines.append("  没有别的条目被略去。 That no other entries were left out, but for what the level says.")
    if case.heads is None:
        lines.append("  密钥之后未被撤销：没有链首声明。 That no later enrolment was left out: there are no heads.")
    if first.claim.fields.get("demo") is True:
        lines.append("注意：这是演示日志。 Note: entry 0 says that this log is a demonstration.")
    return lines + [f"注意 Note: {line}" for line in case.told]


def read_file(path: str, most: int) -> bytes:
    """A file's bytes, at most one more than `most`."""
    try:
        with open(path, "rb") as stream:  # noqa: PTH123 - a name may be odd, and open takes it as it is
            return stream.read(most + 1)
    except (OSError, ValueError, MemoryError) as error:
        raise Unreadable(f"读不到文件 a file cannot be read: {path!r}: {error}") from error


def load_policy(path: str) -> tuple[bytes, Policy]:
    """The policy P, or Unreadable."""
    data = read_file(path, MAX_TEXT)
    try:
        return data, read_policy(data)
    except Refused as refused:
        raise Unreadable(f"P 不是策略 P is no policy: {refused}") from refused
    except UnsupportedAlgorithm as error:
        raise Unreadable(f"本机不能核对 ML-DSA this machine cannot verify ML-DSA: {error}") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    parser = argparse.ArgumentParser(description="核对证据文件 Verify an evidence file.", allow_abbrev=False)
    parser.add_argument("file", metavar="FILE", help="证据文件 the evidence file")
    parser.add_argument("--policy", metavar="P", required=True, help="自己的信任策略 your own trust policy")
    parser.add_argument("--other-policy", action="store_true", help="文件中的策略可以不同 the file's policy may differ")
    parser.add_argument("--json", action="store_true", help="末行为 JSON the last line is JSON")
    options = parser.parse_args(arguments)
    try:
        policy_text, policy = load_policy(options.policy)
        data = read_file(options.file, MAX_FILE)
    except Unreadable as error:
        sys.stderr.write(f"{error}\n")
        return 2
    verdict = verify(data, policy_text, policy, other_policy=options.other_policy)
    if verdict.case is not None:
        lines = conclusion(verdict.case)
    else:
        step = f"第 {verdict.step} 步 step {verdict.step}（{STEP_NAMES.get(verdict.step or 0)}）"
        lines = [f"拒绝 Refused: {step}：{verdict.reason}"]
    if options.json:
        lines.append(verdict.json_line())
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if verdict.case is not None else 1


if __name__ == "__main__":
    sys.exit(main())
