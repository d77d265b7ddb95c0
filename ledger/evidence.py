"""Evidence files (*.evidence.zip): what an investigator takes away. One scope, one sequence of bytes.

    README.txt             what this is
    manifest.json          scope, log, size, SHA-256 of every other member
    policy.txt             the policy that the operator says is the log's; an investigator believes another copy of it
    checkpoint             the final checkpoint: N entries
    checkpoints/<size>     earlier ones
    consistency.txt        `<size> <root> <hash>…`: the tree of N begins with the tree of that size and root
    entries.jsonl          entries, their exact bytes, a line each
    proofs.txt             `<index> <hash>…`: each entry is in the tree of N; left out when all N are here
    bundles/<digest>.json  the signed envelopes of these entries, by payload digest
    heads.txt              the log's signed statement where chains end (`ledger.heads`)
    timestamps/<size>.tsr  RFC 3161 time-stamps over checkpoints' texts
    attachments/<sha256>   files that claims name by digest

Pure, and only a container: `ledger.verify` says what the contents prove. Parsing reads the members and packs them
anew; other bytes than that are refused, so each value has one spelling. An empty list is an absent member.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

from msgspec import Struct

from ledger.archive import MAX_ARCHIVE_BYTES, pack_archive, parse_archive
from ledger.checkpoint import parse_checkpoint
from ledger.errors import Malformed, TooLarge
from ledger.lines import (
    MAX_COUNT,
    MAX_PROOF_HASHES,
    encode_base64,
    fault,
    read_decimal,
    read_hash,
    read_hashes,
    read_text,
)
from ledger.proofs import Proof

MAX_EVIDENCE_BYTES = MAX_ARCHIVE_BYTES
MAX_MILLIS = 2**53 - 1

README = """\
气瓶追溯账本的证据文件。

entries.jsonl 是记录及其结果，每行一条；proofs.txt、consistency.txt 与 checkpoint 证明它们在日志里、日志只增未改；
bundles 是设备当时签名的原件。请用自己从可靠渠道取得的信任策略核对，不要用本文件里的 policy.txt：

    python -m ledger verify 本文件 --policy 你的policy.txt

算法见 docs/verify.md，照它可以另写一个核对程序，不必相信任何人的程序。在核对通过之前，什么也不要相信。


Evidence from a cylinder ledger.

entries.jsonl holds records and their outcomes, one a line; proofs.txt, consistency.txt and checkpoint prove that they
are in the log, and that the log only grew; bundles are the originals as devices signed them. Check it against a trust
policy that you have from a source of your own, not against the policy.txt in here:

    python -m ledger verify THIS-FILE --policy YOUR-policy.txt

docs/verify.md has the algorithm: enough to write a verifier of your own and trust nobody's program. Until it has been
checked, believe nothing of it.
"""

Kind = Literal[
    "cylinder", "person", "tank_lot", "site", "premises", "customer", "vehicle", "line", "recall", "incident",
    "building", "window", "log",
]  # fmt: skip

_KINDS = get_args(Kind)
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z.-]{0,39}")
_ORIGIN = re.compile(r"[a-z0-9.-]{1,100}(/[a-z0-9.-]{1,40}){0,4}")
_SUBJECT = re.compile(r"(?!filing:)[a-z_]{1,40}(:[0-9A-Za-z._-]{1,64}){0,2}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LEAST_ENTRY_BYTES = 200  # its keys alone take more
_MANIFEST_KEYS = {"checkpoint", "files", "log", "scope", "v"}
_FOLDERS = {"checkpoints/": "", "bundles/": ".json", "timestamps/": ".tsr", "attachments/": ""}
_ALWAYS = ("README.txt", "manifest.json", "policy.txt", "checkpoint", "entries.jsonl")
_SOMETIMES = ("consistency.txt", "proofs.txt", "heads.txt")


class Scope(Struct, frozen=True):
    """What the file is about. `id` is a cylinder's ledger id, or the registry id of anything else that has one; '' for
    a window and the whole log. Times are `recorded_at`, ms UTC, from ≤ t < to: both for a window, none for the log.

    What else the answer to the question cites: `chains`, subjects whose own entries are all here, of whatever time;
    `cited`, the indexes of single entries, of which nothing is said but that they are in the log. Ascending.
    """

    kind: Kind
    id: str = ""
    from_ms: int | None = None
    to_ms: int | None = None
    chains: tuple[str, ...] = ()
    cited: tuple[int, ...] = ()

    @property
    def subject(self) -> str:
        """The scope's own subject, if it is of one."""
        return f"{self.kind}:{self.id}"


class Evidence(Struct, frozen=True):
    """The contents, each by its index, size or digest. Nothing is checked yet. `proofs` is empty when all entries of
    the checkpoint's tree are here. `policy`, `checkpoint` and the like are exact bytes; `heads` may be b"".
    `consistency`: the root at a size, then the proof from there.
    """

    scope: Scope
    log: str
    policy: bytes
    checkpoint: bytes
    earlier: dict[int, bytes]
    consistency: dict[int, Proof]
    entries: dict[int, bytes]
    proofs: dict[int, Proof]
    bundles: dict[str, bytes]
    heads: bytes = b""
    timestamps: dict[int, bytes] = {}
    attachments: dict[str, bytes] = {}


def check_scope(scope: Scope) -> None:
    """Malformed unless there can be such a scope."""
    named = scope.kind not in ("window", "log")
    times = [one for one in (scope.from_ms, scope.to_ms) if one is not None]
    if (
        scope.kind not in _KINDS
        or (_ID.fullmatch(scope.id) is None if named else scope.id != "")
        or any(type(one) is not int or not 0 <= one <= MAX_MILLIS for one in times)
        or (len(times) == len(("from", "to")) and times[0] >= times[1])
        or (scope.kind == "window" and len(times) != len(("from", "to")))
        or (scope.kind == "log" and times)
        or ((scope.chains or scope.cited) and not named)
        or any(_SUBJECT.fullmatch(one) is None or one == scope.subject for one in scope.chains)
        or any(type(one) is not int or not 0 < one <= MAX_COUNT for one in scope.cited)
        or list(scope.chains) != sorted(set(scope.chains))
        or list(scope.cited) != sorted(set(scope.cited))
    ):
        raise Malformed(
            "范围有误：气瓶、人员、罐次、站点、用气场所、用户、车辆、充装线、召回、事故、楼栋须有编号，另附的链与条目须升序；"
            "时段须有起止，起在止前；全日志不设时间",
            "no such scope: a cylinder, person, tank lot, site, premises, customer, vehicle, line, recall, incident or "
            "building has an id, and its further chains and entries ascend; a window has both times, the first before "
            "the second; the whole log has none",
        )


def pack_evidence(evidence: Evidence) -> bytes:
    """The file's bytes. Malformed when the contents are of no scope, log or tree; their proofs are not checked."""
    size = _check(evidence)
    whole = len(evidence.entries) == size and max(evidence.entries) < size
    if evidence.proofs.keys() != (set() if whole else evidence.entries.keys()):
        raise Malformed(
            "每条须有证明；含全部条目时不带证明",
            "every entry has its proof; when all entries are here, none has",
        )
    files = {
        "README.txt": README.encode(),
        "manifest.json": b"",  # its place; what it says of the others is known below
        "policy.txt": evidence.policy,
        "checkpoint": evidence.checkpoint,
        **{f"checkpoints/{at}": evidence.earlier[at] for at in sorted(evidence.earlier)},
        "consistency.txt": _write_proofs(evidence.consistency),
        "entries.jsonl": b"".join(evidence.entries[at] + b"\n" for at in sorted(evidence.entries)),
        "proofs.txt": _write_proofs(evidence.proofs),
        **{f"bundles/{digest}.json": evidence.bundles[digest] for digest in sorted(evidence.bundles)},
        "heads.txt": evidence.heads,
        **{f"timestamps/{at}.tsr": evidence.timestamps[at] for at in sorted(evidence.timestamps)},
        **{f"attachments/{digest}": evidence.attachments[digest] for digest in sorted(evidence.attachments)},
    }
    files = {name: body for name, body in files.items() if body or name not in _SOMETIMES}
    digests = {name: hashlib.sha256(body).hexdigest() for name, body in files.items() if name != "manifest.json"}
    manifest = {"checkpoint": size, "files": digests, "log": evidence.log, "scope": _scope(evidence.scope), "v": 1}
    files["manifest.json"] = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    return pack_archive(files)


def parse_evidence(raw: bytes) -> Evidence:
    """The contents of a file; Malformed says which member is wrong. `pack_evidence` gives the same bytes back."""
    if len(raw) > MAX_EVIDENCE_BYTES:
        raise TooLarge(f"证据文件超过 {MAX_EVIDENCE_BYTES} 字节", f"evidence: over {MAX_EVIDENCE_BYTES} bytes")
    members = parse_archive(raw)
    for name in _ALWAYS:
        if name not in members:
            raise Malformed(f"缺少 {name}，请重新取得原件", f"{name} is missing; get the original file again")
    folders = {folder: _folder(members, folder, ending) for folder, ending in _FOLDERS.items()}
    known = len(_ALWAYS) + sum(name in members for name in _SOMETIMES) + sum(len(one) for one in folders.values())
    if known != len(members):
        raise Malformed("含有证据文件不应有的内容", "it holds a member that no evidence file has")
    scope, log = _read_manifest(members["manifest.json"])
    lines = members["entries.jsonl"].count(b"\n")
    # Before anything is made of them: a file of empty lines would take a hundred times its size.
    if lines * _LEAST_ENTRY_BYTES > len(members["entries.jsonl"]):
        raise Malformed("entries.jsonl 含空行或残行", "entries.jsonl holds lines that are too short for an entry")
    if "proofs.txt" in members and members["proofs.txt"].count(b"\n") != lines:
        raise Malformed("proofs.txt 应恰为每条一行", "proofs.txt must hold a line for each entry")
    proofs = _read_proofs("proofs.txt", members, roots=0)
    bodies = members["entries.jsonl"].split(b"\n")[:-1]
    evidence = Evidence(
        scope=scope,
        log=log,
        policy=members["policy.txt"],
        checkpoint=members["checkpoint"],
        earlier=_by_size(folders["checkpoints/"]),
        consistency=_read_proofs("consistency.txt", members, roots=1),
        entries=dict(zip(proofs or range(len(bodies)), bodies, strict=False)),
        proofs=proofs,
        bundles=folders["bundles/"],
        heads=members.get("heads.txt", b""),
        timestamps=_by_size(folders["timestamps/"]),
        attachments=folders["attachments/"],
    )
    if pack_evidence(evidence) != raw:
        again = parse_archive(pack_evidence(evidence))
        name = next((name for name in members if members[name] != again.get(name)), "order")
        raise Malformed(
            f"{name} 与规范写法不符或已被改动，请重新取得原件",
            f"{name} was changed, or is not in its one spelling; get the original file again",
        )
    return evidence


def _check(evidence: Evidence) -> int:
    """The final checkpoint's size. What would not be read back as it stands is Malformed."""
    check_scope(evidence.scope)
    head = parse_checkpoint(evidence.checkpoint).head
    if head.origin != evidence.log or _ORIGIN.fullmatch(evidence.log) is None:
        raise Malformed("checkpoint 不是这个日志的", "the checkpoint is of another log than the manifest says")
    digests = (*evidence.bundles, *evidence.attachments)
    sizes = (*evidence.earlier, *evidence.consistency, *evidence.timestamps, *evidence.entries)
    proofs = (*(proof[1:] for proof in evidence.consistency.values()), *evidence.proofs.values())
    if (
        not evidence.entries
        or any(b"\n" in body for body in evidence.entries.values())
        or any(_DIGEST.fullmatch(one) is None for one in digests)
        or any(not 0 <= one <= MAX_COUNT for one in sizes)
        or any(len(one) > MAX_PROOF_HASHES for one in proofs)
        or not all(evidence.consistency.values())
    ):
        raise Malformed(
            "内容有误：没有条目、条目含换行、文件名不是 SHA-256，或序号、证明过大",
            "no entries, a line break in one, a file's name that is no SHA-256, or a number or proof too large",
        )
    return head.size


def _scope(scope: Scope) -> dict[str, object]:
    """As the manifest has it: a list of nothing is absent."""
    said = {"from": scope.from_ms, "id": scope.id, "kind": scope.kind, "to": scope.to_ms}
    return said | {key: some for key, some in (("chains", scope.chains), ("cited", scope.cited)) if some}


def _folder(members: Mapping[str, bytes], folder: str, ending: str) -> dict[str, bytes]:
    """The members of a folder by their names within it."""
    return {
        name.removeprefix(folder).removesuffix(ending): body
        for name, body in members.items()
        if name.startswith(folder) and name.endswith(ending)
    }


def _by_size(folder: Mapping[str, bytes]) -> dict[int, bytes]:
    return {read_decimal(name, 0, name): body for name, body in folder.items()}


def _write_proofs(proofs: Mapping[int, Proof]) -> bytes:
    return "".join(_line(at, proofs[at]) for at in sorted(proofs)).encode()


def _line(number: int, hashes: Iterable[bytes]) -> str:
    return " ".join((str(number), *map(encode_base64, hashes))) + "\n"


def _read_proofs(name: str, members: Mapping[str, bytes], *, roots: int) -> dict[int, Proof]:
    """The hashes of each line; so many stand before its proof."""
    if name not in members:
        return {}
    proofs: dict[int, Proof] = {}
    for number, line in enumerate(read_text(name, members[name], MAX_EVIDENCE_BYTES)[:-1].split("\n"), 1):
        at, *hashes = line.split(" ")
        where = read_decimal(name, number, at)
        if proofs and where <= next(reversed(proofs)):
            raise fault(name, number, "次序不对", "out of order")
        if len(hashes) < roots:
            raise fault(name, number, "缺少树根", "the root is missing")
        before = tuple(read_hash(name, number, one) for one in hashes[:roots])
        proofs[where] = before + read_hashes(name, number, hashes[roots:])
    return proofs


def _read_manifest(raw: bytes) -> tuple[Scope, str]:
    """Scope and log. That its other parts are true is seen when the file is packed again."""
    try:
        manifest: dict[str, Any] = json.loads(raw)
        if manifest.keys() != _MANIFEST_KEYS or manifest["v"] != 1:
            raise KeyError  # noqa: TRY301 - the same answer as any other fault in it
        said = manifest["scope"]
        more = tuple(said.get("chains", ())), tuple(said.get("cited", ()))
        scope, log = Scope(said["kind"], said["id"], said["from"], said["to"], *more), manifest["log"]
        if not all(isinstance(one, str) for one in (scope.kind, scope.id, log, *scope.chains)):
            raise TypeError  # noqa: TRY301 - as above
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Malformed("manifest.json 无法解读或版本不识", "manifest.json does not say what version 1 says") from error
    check_scope(scope)
    return scope, log
