# ruff: noqa: INP001 - a script
"""Writes the generated pages of `docs/` from the code they describe: `python -m docs.generate`. Tests keep them so.

Pages: rules.md (`docs/rules_page.py`), lifecycle.md (the table as a picture), entitlement.md (claim x role), claims.md
(claims and events, field by field), example.md (two bundles and their entries, byte by byte), drills.md
(`docs/drills_page.py`, from what the drills recorded), signals.md (`docs/signals_page.py`, what alerts say).

This file is longer than most because it is four pages, and a page is mostly its own words.
"""

import base64
import hashlib
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, get_args

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import inspect

from api.packs import shipped_pack
from api.words import ACTS
from docs.drills_page import drills_page
from docs.rules_page import rules_page
from docs.signals_page import signals_page
from ledger import claim as c
from ledger import events as e
from ledger.bundle import (
    PAYLOAD_TYPE,
    Bundle,
    encode_payload,
    open_bundle,
    pae,
    sign_bundle,
    signer_id,
    signer_key,
)
from ledger.claim import Role, act_of_type
from ledger.decide import decide
from ledger.entitlement import TABLE as ENTITLED
from ledger.entry import Entry, encode_entry, leaf_hash
from ledger.lifecycle import ROWS, STAGE_ZH, START, TABLE, Stage
from ledger.merkle import Frontier, extend, root_of
from ledger.packs.model import Pack, RuleSetting
from ledger.replay import next_link, pack_label
from ledger.world import World, chain_after, subject_of

DOCS = Path(__file__).parent
MADE = "<!-- 由 docs/generate.py 生成，请勿手改。Generated; do not edit. -->\n\n"
ROLE_ZH = {
    Role.AUTHORITY: "监管部门 authority",
    Role.INSPECTION_BODY: "检验机构 inspection body",
    Role.OFFICE: "企业 office",
    Role.STATION: "充装站 station",
    Role.WORKER: "送气工 worker",
    Role.LOG: "账本 log",
}


def lifecycle_page() -> str:
    """The lifecycle's table as a Mermaid state diagram: steps that change the stage, grouped by their two ends."""
    steps: dict[tuple[Stage, Stage], list[str]] = defaultdict(list)
    for (stage, sign), target in TABLE.items():
        if stage is not target:
            steps[stage, target].append(sign.replace(".v1", ""))
    usual = _usual()
    lines = [MADE, "# 气瓶生命周期 Lifecycle of a cylinder\n\n"]
    lines.append(
        "由 `ledger/lifecycle.py` 的表画出。报告在任何阶段都有去处（事实不因拒绝而消失）；"
        "请求只在可办的阶段有去处。\n\n"
        "Drawn from the table in `ledger/lifecycle.py`. Reports have a row for every stage, because refusing a fact"
        " does not undo it; requests only where the act is possible. The first picture is the ordinary round, the table"
        " below it is complete.\n\n```mermaid\nstateDiagram-v2\n"
    )
    lines.extend(f'    state "{STAGE_ZH[stage]} {stage}" as {stage}\n' for stage in Stage)
    lines.append(f"    [*] --> {START}: cylinder_registered\n")
    lines.extend(f"    {here} --> {there}: {sign}\n" for here, sign, there in usual)
    lines.append(
        "    deregistered --> [*]\n```\n\n## 全表 The whole table\n\n| 从 from | 到 to | 标志 signs |\n|---|---|---|\n"
    )
    for (here, there), signs in steps.items():
        lines.append(f"| {STAGE_ZH[here]} {here} | {STAGE_ZH[there]} {there} | {', '.join(sorted(signs))} |\n")
    lines.append(f"\n{len(TABLE)} 行 rows, {len({sign for sign, _, _ in ROWS})} 种标志 signs.\n")
    return "".join(lines)


def _usual() -> list[tuple[Stage, str, Stage]]:
    """The ordinary round and the way out, each step read from the table."""
    round_ = [
        (Stage.UNKNOWN, "stock_counted.v1/empty"),
        (Stage.UNKNOWN, "prefill_checked.v1"),
        (Stage.EMPTY, "prefill_checked.v1"),
        (Stage.EMPTY, "prefill_failed.v1"),
        (Stage.PRECHECKED, "fill_authorised.v1"),
        (Stage.AUTHORISED, "fill_started.v1"),
        (Stage.FILLING, "cylinder_filled.v1"),
        (Stage.FILLING, "fill_interrupted.v1"),
        (Stage.INTERRUPTED, "fill_authorised.v1"),
        (Stage.FILLED, "postfill_checked.v1"),
        (Stage.FILLED, "postfill_failed.v1"),
        (Stage.POSTCHECKED, "cylinder_released.v1"),
        (Stage.POSTCHECKED, "cylinder_bled.v1"),
        (Stage.RELEASED, "cylinder_collected.v1/empty"),
        (Stage.SET_ASIDE, "inspection_passed.v1"),
        (Stage.SET_ASIDE, "scrap_decided.v1"),
        (Stage.SCRAP_DECIDED, "cylinder_destroyed.v1"),
        (Stage.DESTROYED, "cylinder_deregistered.v1"),
    ]
    return [(stage, sign.replace(".v1", ""), TABLE[stage, sign]) for stage, sign in round_]


def entitlement_page() -> str:
    """The entitlement table: who may say what."""
    parts = [MADE]
    parts.append(
        "# 谁可以说什么 Who may say what\n\n"
        "角色须在表内，登记的操作与站点须包含此事；企业只为本企业办理；账本的 `enrol_signer` 只能隔离。"
        "其余一律 `signer_not_entitled`。\n\n"
        "The role must stand in the table, the enrolment must list the act and, where the claim names one, the site; an"
        " office speaks for its own enterprise only; the log's `enrol_signer` may only quarantine. Anything else is"
        " refused `signer_not_entitled`.\n\n"
    )
    parts.append("| 操作 act | " + " | ".join(ROLE_ZH[role] for role in Role) + " |\n|---|" + "---|" * len(Role) + "\n")
    for kind, roles in ENTITLED.items():
        parts.append(f"| `{act_of_type(kind)}` | " + " | ".join("✓" if role in roles else "" for role in Role) + " |\n")
    return "".join(parts)


_NAMED = (
    "ClaimId", "Ref", "Code", "SignerId", "Digest", "Millis", "Grams", "Seq", "Count", "Month", "Day", "Months",
    "Origin", "Display", "Phone", "District", "Town",
)  # fmt: skip


def claims_page() -> str:
    """Every claim and every event with its fields; and the named kinds of value with their bounds."""
    scans = get_args(c.CylinderClaim)
    places, filings = get_args(c.PremisesClaim), get_args(c.FilingClaim)
    others = [kind for kind in get_args(c.AnyClaim) if kind not in (*scans, *places, *filings)]
    kinds = {
        "请求 Requests": [kind for kind in (*scans, *places) if issubclass(kind, c.REQUESTS)],
        "报告 Reports": [kind for kind in scans if not issubclass(kind, c.REQUESTS)],
        "用气场所的报告 Reports about premises": [kind for kind in places if not issubclass(kind, c.REQUESTS)],
        "其他报告 Other reports": others,
        "登记 Filings": list(filings),
    }
    parts = [MADE, "# 记录与事件 Claims and events\n\n", _CLAIMS_INTRO]
    for title, claims in kinds.items():
        parts.append(f"\n## {title}\n\n| type | 中文 | 说明 what it says | 字段 fields |\n|---|---|---|---|\n")
        for kind in claims:
            act = act_of_type(kind)
            parts.append(f"| `{act}` | {ACTS[act][0]} | {_first_line(kind)} | {_fields(kind)} |\n")
    parts += ["\n## 事件与拒绝 Events and the refusal\n\n", _EVENTS_INTRO]
    parts += ["| type | 说明 what it says | 字段 fields |\n|---|---|---|\n"]
    for event in get_args(e.Outcome):
        parts += [f"| `{event.__struct_config__.tag}` | {_first_line(event)} | {_fields(event)} |\n"]
    parts += ["\n## 值的写法 Kinds of value\n\n| 名称 name | 限制 bounds |\n|---|---|\n"]
    parts += [f"| {name} | {_bounds(get_args(getattr(c, name))[1])} |\n" for name in _NAMED]
    parts += [f"| {enum.__name__} | " + " \\| ".join(f"`{one}`" for one in enum) + " |\n" for enum in _ENUMS]
    parts += [f"| {struct.__name__} | {{{_fields(struct)}}} |\n" for struct in _STRUCTS]
    return "".join(parts)


_CLAIMS_INTRO = """\
每条记录另有 `type`、`claim_id`（ClaimId）、`scanned_at`（Millis）；登记另有 `expects`（Seq 或 null）：
所取代版本的 `subject_seq`，新建时为 null。`?` 表示可省略；未知字段、重复键一律拒收。
请求与登记可被拒绝，报告必成为事件；用途为 `sale` 的 `depot_out` 是请求；写明 `done` 的 `hand_over` 是报告。

Every claim also has `type`, `claim_id` (ClaimId) and `scanned_at` (Millis); a filing also `expects` (Seq or null): the
`subject_seq` of the snapshot that it replaces, null for a new thing. `?` marks what may be left out; unknown fields and
duplicate keys are refused at the door. Requests and filings may be refused, reports become events; `depot_out` is a
request when its purpose is `sale`, `hand_over` a report when it says `done`.
"""
_EVENTS_INTRO = """\
标签永不改名。事件都可带 `violations`、`warnings`、`as_of_scan`（Note 列表）；
关于气瓶的另有 `cylinder`，编码未登记时为 null，以及 `left`：由此离开了谁的手和哪个场所。

Tags are never renamed. Every event may carry `violations`, `warnings` and `as_of_scan`, lists of Note; one about a
cylinder also `cylinder`, its ledger id, null when the code is not known, and `left`, whose hands and place it left by
this. Left out means the default: none, 0, false.

"""
_IN_EVERY = {"claim_id", "scanned_at", "expects", "violations", "warnings", "as_of_scan", "cylinder", "left"}
_STRUCTS = (c.SignerKey, c.SafetyCheck, c.Confirmation, Pack, RuleSetting, e.Note)
_ENUMS = (c.Phase, c.Content, c.Purpose, c.PrefillItem, c.PostfillItem, c.CheckItem, c.Cause, c.Role, c.AlertKind)


def _fields(kind: type[msgspec.Struct]) -> str:
    shape = inspect.type_info(kind)
    assert isinstance(shape, inspect.StructType)
    own = {c.RegisterCylinder: {"cylinder"}, e.PremisesCounted: {"left"}}
    hidden = _IN_EVERY - own.get(kind, set())
    shown = [
        f"`{field.encode_name}` {_kind_of(field.type)}{'' if field.required else '?'}"
        for field in shape.fields
        if field.name not in hidden
    ]
    return ", ".join(shown)


def _bare(kind: inspect.Type) -> inspect.Type:
    return _bare(kind.type) if isinstance(kind, inspect.Metadata) else kind


def _kind_of(metadata: inspect.Type) -> str:
    """A short name of a type: the name that `ledger.claim` gives it where there is one."""
    kind = _bare(metadata)
    named = next((name for name in _NAMED if _bare(inspect.type_info(getattr(c, name))) == kind), None)
    if named is not None:
        return named
    match kind:
        case inspect.UnionType(types=types):
            return " or ".join(_kind_of(one) for one in types)
        case inspect.EnumType(cls=cls) | inspect.StructType(cls=cls):
            return cls.__name__
        case inspect.LiteralType(values=values):
            return " \\| ".join(map(str, values))
        case inspect.VarTupleType(item_type=item):
            return f"[{_kind_of(item)}]"
        case inspect.DictType(key_type=key, value_type=value):
            return f"{{{_kind_of(key)}: {_kind_of(value)}}}"
        case _:
            return _plain(kind)


def _plain(kind: inspect.Type) -> str:
    match kind:
        case inspect.IntType(ge=low, le=high):
            return "int" if low is None else f"int {low}…{high}"
        case inspect.StrType(pattern=pattern):
            return "text" if pattern is None else f"text `{_cell(pattern)}`"
        case inspect.BoolType():
            return "bool"
        case inspect.NoneType():
            return "null"
        case _:
            raise AssertionError(f"no name for {kind}")


def _bounds(meta: msgspec.Meta) -> str:
    if meta.pattern is not None:
        return f"`{_cell(meta.pattern)}`"
    if meta.ge is not None:
        return f"int {meta.ge}…{meta.le}"
    return f"text, {meta.min_length}…{meta.max_length} characters"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _first_line(kind: type) -> str:
    return _cell(" ".join(str(kind.__doc__).split("\n\n")[0].split()))


_ORIGIN = "ledger.example.cn/320600/v1"
_AT = 1_767_225_600_000  # 2026-01-01 08:00 in China


class _Told(NamedTuple):
    """One bundle of the example and the entry that it became."""

    payload: bytes
    envelope: bytes
    bundle: Bundle
    body: bytes


def _example() -> Iterator[_Told]:
    """Two bundles told to an empty log, as the store does it. The key is public: for this page and nothing else."""
    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"authority of docs/example.md").digest())
    log_key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"log of docs/example.md").digest())
    needed = ("FILL-01@1", "ID-01@1", "ID-03@1", "SCRAP-02@1")
    rules = {name: shipped_pack("cn").rules[name] for name in needed}
    opening = c.OpenLog(
        claim_id="019b7a00-0000-7000-8000-000000000000",
        scanned_at=_AT,
        origin=_ORIGIN,
        authority=signer_key(key),
        log_signer=signer_key(log_key),
        pack=Pack("cn", 1, "CN", rules),
    )
    filing = c.FileEnterprise(
        claim_id="019b7a00-0000-7000-8000-000000000001",
        scanned_at=_AT + 1000,
        enterprise="E1",
        kind="filler",
        name="示例燃气",
        service_phone="0513-00000000",
    )
    world, prev = World(_ORIGIN), None
    claims: tuple[c.FilingClaim, ...] = (opening, filing)
    for seq, claim in enumerate(claims):
        payload = encode_payload(log=_ORIGIN, device_seq=seq, device_prev=prev, seen=None, claims=[claim])
        prev = hashlib.sha256(payload).hexdigest()
        envelope = sign_bundle(payload, key)
        bundle, now = open_bundle(envelope), claim.scanned_at + 250
        outcome = decide(world, claim, now, signer=bundle.signer, clock_offset_ms=40)
        subject = subject_of(world, claim, bundle.signer, outcome)
        subject_seq, subject_prev = next_link(world.head_of(subject))
        chain = chain_after(world.devices.get(bundle.signer), bundle.device_seq, bundle.device_prev)
        entry = Entry(
            v=1, log=_ORIGIN, recorded_at=now, clock_offset_ms=40, subject=subject, subject_seq=subject_seq,
            subject_prev=subject_prev, signer=bundle.signer, device_seq=seq, device_chain=chain,
            bundle=prev, position=0, pack=pack_label(world, claim), claim=bundle.claims[0].text, outcome=outcome,
        )  # fmt: skip
        body = encode_entry(entry)
        world.fold(entry, claim, leaf_hash(body).hex())
        yield _Told(payload, envelope, bundle, body)


_EXAMPLE_INTRO = """\
# 逐字节示例 An example, byte by byte

一个日志的前两条。密钥公开，仅供本页。照[格式](formats.md)另写一个编码器，应得到同样的字节；每块内容不含末尾换行。

The first two entries of a log. The private key is public and good for this page only. An encoder written from
[formats](formats.md) alone must give the same bytes. Every block is exact, without its last line end.

private key (Ed25519 seed) = SHA-256(`authority of docs/example.md`)
"""


def example_page() -> str:
    """The example, byte by byte, with every digest on the way."""
    parts = [MADE, _EXAMPLE_INTRO]
    frontier: Frontier = ()
    for index, told in enumerate(_example()):
        if index == 0:
            opening = told.bundle.claims[0].claim
            assert isinstance(opening, c.OpenLog)
            key = opening.authority
            parts.append(_block("public key", f"{key.alg}:{key.public}"))
            parts.append(_block("signer = SHA-256(`ed25519:` + public key), first 32 hex digits", signer_id(key)))
        leaf = leaf_hash(told.body)
        frontier = extend(frontier, index, [leaf])
        message = pae(PAYLOAD_TYPE, told.payload)
        parts.append(f"\n## 第 {index} 条 Entry {index}\n")
        parts.append(_block("payload", told.payload.decode()))
        parts.append(_block("bundle digest = SHA-256(payload)", told.bundle.digest.hex()))
        parts.append(_block("PAE, before the payload", message[: -len(told.payload)].decode()))
        parts.append(_block("signature over PAE, base64", base64.b64encode(told.bundle.signature).decode()))
        parts.append(_block("envelope: what is posted", told.envelope.decode()))
        parts.append(_block("entry: the leaf's bytes", told.body.decode()))
        parts.append(_block("leaf = SHA-256(0x00 ‖ entry)", leaf.hex()))
        parts.append(_block(f"root of the tree of {index + 1}", root_of(frontier).hex()))
    return "".join(parts)


def _block(title: str, text: str) -> str:
    return f"\n{title}\n\n```text\n{text}\n```\n"


PAGES: dict[str, Callable[[], str]] = {
    "rules.md": lambda: MADE + rules_page(),
    "drills.md": lambda: MADE + drills_page(),
    "signals.md": lambda: MADE + signals_page(),
    "lifecycle.md": lifecycle_page,
    "entitlement.md": entitlement_page,
    "claims.md": claims_page,
    "example.md": example_page,
}


def main() -> None:
    """Write every page; say which changed."""
    for name, page in PAGES.items():
        path = DOCS / name
        text = page()
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            sys.stderr.write(f"docs/{name}\n")


if __name__ == "__main__":
    main()
