"""Policies (C2SP tlog-policy): which logs to believe, which witnesses count, and how many of them it takes.

    # a comment
    log VKEY [URL]
    witness NAME VKEY [URL]
    group NAME all|any|K MEMBER...        K of these witnesses and earlier groups
    quorum NAME|none                      exactly one

A log may have several lines, one for each of its keys; its name must be the checkpoint's origin. Names are defined
before they are used, each is a member once. Bytes above 0x7F are opaque: kept, as surrogates where they are not UTF-8.
"""

import re
from collections.abc import Collection

from msgspec import Struct

from ledger.checkpoint import Checkpoint, signed_at
from ledger.errors import BadSignature, LedgerError, Malformed, TooLarge
from ledger.lines import fault
from ledger.note_key import ED25519, ED25519_COSIGNATURE, ML_DSA_44, NoteKey, format_vkey, parse_vkey

MAX_POLICY_BYTES = 1_000_000
NONE = "none"

_FORM = "policy"
_CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_K = re.compile(r"[1-9][0-9]{0,5}")


class Log(Struct, frozen=True):
    """A key whose checkpoints are believed; its name is the log's origin. `url` may be ''."""

    key: NoteKey
    url: str = ""


class Witness(Struct, frozen=True):
    """A cosigner's key, under a name that only this policy knows. `url` is its submission prefix, or ''."""

    name: str
    key: NoteKey
    url: str = ""


class Group(Struct, frozen=True):
    """Has witnessed a checkpoint when at least `threshold` of its members have."""

    name: str
    threshold: int
    members: tuple[str, ...]


class Policy(Struct, frozen=True):
    """A whole policy; `quorum` names a witness, a group, or is `none`."""

    logs: tuple[Log, ...]
    witnesses: tuple[Witness, ...]
    groups: tuple[Group, ...]
    quorum: str


class Standing(Struct, frozen=True):
    """What a policy says of a checkpoint that one of its logs signed.

    `cosigned_s`: each witness that cosigned and when, POSIX seconds, by the policy's names.
    """

    signed_by: tuple[NoteKey, ...]
    cosigned_s: dict[str, int]
    quorum: bool


def judge_checkpoint(policy: Policy, checkpoint: Checkpoint) -> Standing:
    """Whose signatures the checkpoint has. BadSignature when no listed log signed it, or a known key's line is wrong.

    A cosignature that says no time does not count: it does not say that this was the largest tree its maker had seen.
    """
    keys = [log.key for log in policy.logs if log.key.name == checkpoint.head.origin]
    signed_by = tuple(key for key in keys if signed_at(checkpoint, key) is not None)
    if not signed_by:
        origin = checkpoint.head.origin
        raise BadSignature(
            f"没有一个受信任的密钥为日志 {origin} 签过此快照，请核对 policy",
            f"no trusted key of log {origin} signed this checkpoint; compare the policy",
        )
    times = ((one.name, signed_at(checkpoint, one.key)) for one in policy.witnesses)
    cosigned_s = {name: timestamp_s for name, timestamp_s in times if timestamp_s}
    return Standing(signed_by, cosigned_s, quorum_met(policy, cosigned_s))


def quorum_met(policy: Policy, witnessed: Collection[str]) -> bool:
    """Whether cosignatures of these witnesses, by the policy's names, are enough."""
    names = set(witnessed)
    for group in policy.groups:
        if sum(member in names for member in group.members) >= group.threshold:
            names.add(group.name)
    return policy.quorum == NONE or policy.quorum in names


def format_policy(policy: Policy) -> bytes:
    """The policy's file."""
    lines = [
        *(f"log {format_vkey(one.key)} {one.url}".rstrip(" ") for one in policy.logs),
        *(f"witness {one.name} {format_vkey(one.key)} {one.url}".rstrip(" ") for one in policy.witnesses),
        *(f"group {one.name} {one.threshold} {' '.join(one.members)}" for one in policy.groups),
        f"quorum {policy.quorum}",
    ]
    return "".join(f"{line}\n" for line in lines).encode(errors="surrogateescape")


def parse_policy(raw: bytes) -> Policy:
    """The policy of a file; Malformed says which line is wrong, or that there is no quorum line."""
    if len(raw) > MAX_POLICY_BYTES:
        raise TooLarge(f"policy 超过 {MAX_POLICY_BYTES} 字节", f"policy: over {MAX_POLICY_BYTES} bytes")
    control = _CONTROL.search(raw)
    if control is not None:
        where = raw.count(b"\n", 0, control.start()) + 1
        raise fault(_FORM, where, "含控制字符", "a control character; only tab and newline may stand here")
    lines = raw.decode(errors="surrogateescape").split("\n")
    if lines.pop():
        raise fault(_FORM, len(lines) + 1, "末尾缺换行，可能被截断", "no newline at the end; it may be cut off")
    reader = _Reader()
    for number, line in enumerate(lines, 1):
        reader.number = number
        words = re.split(r"[ \t]+", line.strip(" \t"))
        if words[0] and not words[0].startswith("#"):
            reader.read(words)
    if reader.quorum is None:
        raise Malformed(
            f"{_FORM} 末尾缺少 quorum 行：写明要哪个见证方或组；不要求见证则写 quorum none",
            f"{_FORM}: no quorum line at the end; name the witness or group that it takes, or ask for no witness with "
            "`quorum none`",
        )
    return Policy(tuple(reader.logs), tuple(reader.witnesses), tuple(reader.groups), reader.quorum)


class _Reader:
    """What the lines so far have defined."""

    def __init__(self) -> None:
        self.number = 0
        self.logs: list[Log] = []
        self.witnesses: list[Witness] = []
        self.groups: list[Group] = []
        self.quorum: str | None = None
        self.names: set[str] = set()
        self.members: set[str] = set()

    def fault(self, zh: str, en: str) -> Malformed:
        return fault(_FORM, self.number, zh, en)

    def read(self, words: list[str]) -> None:
        match words:
            case ["log", vkey, *url] if len(url) <= 1:
                key = self.key(vkey, (ED25519, ML_DSA_44), [one.key for one in self.logs])
                self.logs.append(Log(key, *url))
            case ["witness", name, vkey, *url] if len(url) <= 1:
                key = self.key(vkey, (ED25519_COSIGNATURE, ML_DSA_44), [one.key for one in self.witnesses])
                self.define(name)
                self.witnesses.append(Witness(name, key, *url))
            case ["group", name, threshold, *members] if members:
                self.join(members)
                self.define(name)  # after its members: no group holds itself
                self.groups.append(Group(name, self.threshold(threshold, len(members)), tuple(members)))
            case ["quorum", name]:
                self.settle(name)
            case _:
                raise self.fault(
                    "不认识这一行；应为 log、witness、group 或 quorum",
                    "not understood; a line says log, witness, group or quorum, each as the docs show it",
                )

    def key(self, vkey: str, kinds: tuple[int, ...], known: list[NoteKey]) -> NoteKey:
        try:
            key = parse_vkey(vkey)
        except LedgerError as error:
            raise self.fault(error.zh, error.en) from error
        if key.kind not in kinds:
            raise self.fault("密钥种类不符", f"a key of kind 0x{key.kind:02x} cannot stand in this line")
        if any(one.public == key.public for one in known):
            raise self.fault("同一公钥出现两次", "the same public key stands in a line above")
        return key

    def define(self, name: str) -> None:
        if name in self.names or name == NONE:
            raise self.fault("名称已用过", f"the name {_shown(name)} is taken")
        self.names.add(name)

    def join(self, members: list[str]) -> None:
        for name in members:
            if name not in self.names:
                raise self.fault(f"名称未在上文定义：{_shown(name)}", f"no line above defines {_shown(name)}")
            if name in self.members:
                raise self.fault(f"成员只能出现一次：{_shown(name)}", f"{_shown(name)} is already a member of a group")
            self.members.add(name)

    def threshold(self, word: str, members: int) -> int:
        named = {"any": 1, "all": members}
        if word not in named and (_K.fullmatch(word) is None or int(word) > members):
            raise self.fault(f"应为 all、any 或 1 至 {members}", f"expected all, any or a number from 1 to {members}")
        return named.get(word) or int(word)

    def settle(self, name: str) -> None:
        if self.quorum is not None:
            raise self.fault("quorum 只能有一行", "a second quorum line")
        if name != NONE and name not in self.names:
            raise self.fault(f"名称未在上文定义：{_shown(name)}", f"no line above defines {_shown(name)}")
        self.quorum = name


def _shown(name: str) -> str:
    """A name that a message may hold: other bytes than UTF-8 as question marks."""
    return name.encode(errors="replace").decode()
