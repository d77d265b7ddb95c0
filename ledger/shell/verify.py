"""`verify FILE --policy P`: what an evidence file proves, in words; `ledger.verify` does the checking.

Exit codes: 0 proved; 1 refused, the first step that failed is named; 2 an input cannot be read.
"""

import sys
from pathlib import Path

import click
from msgspec import json as mjson

from ledger import events as e
from ledger.claim import act_of
from ledger.errors import LedgerError
from ledger.evidence import MAX_EVIDENCE_BYTES
from ledger.policy import MAX_POLICY_BYTES
from ledger.reasons import REASONS
from ledger.shell.conclusion import china, not_proved, plain, proved
from ledger.shell.sources import read_file
from ledger.shell.timestamps import read_certificates, stamped_ms
from ledger.verify import Report, Shown, StampedAt, Unproved, verify

REFUSED, UNREADABLE = 1, 2
MAX_ROWS = 60  # of the table; what is left out stands between its two halves

_NAMED = (
    "code", "new_code", "site", "line", "person", "second_person", "vehicle", "customer", "premises", "tank_lot",
    "purpose", "content", "start_weight_g", "end_weight_g", "weight_g", "tare_g", "signer", "status",
)  # fmt: skip
"""What of a claim an investigator looks for first; all of it stands in entries.jsonl."""
_MAX_CERTIFICATE_BYTES = 1_000_000


@click.command("verify", short_help="核对证据文件：证明什么，不证明什么。Check an evidence file.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--policy", required=True, type=click.Path(path_type=Path), help="你自己的信任策略。Your own trust policy."
)
@click.option(
    "--other-policy", is_flag=True, help="容许文件中的策略与你的不同。Let the file hold another policy than yours."
)
@click.option(
    "--tsa",
    type=click.Path(path_type=Path),
    multiple=True,
    help="时间戳机构的根证书，PEM。A timestamp authority's root.",
)
@click.option("--json", "as_json", is_flag=True, help="末行为 JSON。The last line is JSON.")
def verify_command(file: Path, policy: Path, *, other_policy: bool, tsa: tuple[Path, ...], as_json: bool) -> None:
    """核对证据文件：它证明什么，不证明什么。

    Check an evidence file: what it proves, and what it does not.
    """
    try:
        trusted = read_file(policy, MAX_POLICY_BYTES)
        raw = read_file(file, MAX_EVIDENCE_BYTES)
        answer = verify(raw, trusted, other_policy=other_policy, stamped_at=_stamped_at(tsa))
    except LedgerError as fault:
        click.echo(f"错误：{plain(fault.zh)}\nerror: {plain(fault.en)}", err=True)
        sys.exit(UNREADABLE)
    if isinstance(answer, Unproved):
        print(f"拒绝：第 {answer.step} 步，{plain(answer.zh)}\nrefused: step {answer.step}, {plain(answer.en)}")
    else:
        _print(answer, stamps_checked=bool(tsa))
    if as_json:
        print(json_line(answer))
    sys.exit(REFUSED if isinstance(answer, Unproved) else 0)


def json_line(answer: Report | Unproved) -> str:
    """The answer as one line of JSON."""
    names = ("accepted", "step", "level", "entries", "shown", "log", "size", "root", "not_after_s", "contradicted")
    if isinstance(answer, Unproved):
        values = dict.fromkeys(names) | {"accepted": False, "step": answer.step}
    else:
        last = [one.not_after_s for one in answer.shown if one.not_after_s is not None]
        not_after_s = max(last) if last and len(last) == len(answer.shown) else None
        found = (answer.level, answer.entries, len(answer.shown), answer.log, answer.size, answer.root.hex())
        values = dict(zip(names, (True, None, *found, not_after_s, answer.contradicted), strict=True))
        if answer.scope.chains or answer.scope.cited:
            cited = len(answer.scope.cited)
            values |= {"complete": answer.complete, "unended": answer.unended, "cited": cited}
    return mjson.encode(values).decode()


def _stamped_at(paths: tuple[Path, ...]) -> StampedAt | None:
    certificates = [one for path in paths for one in read_certificates(read_file(path, _MAX_CERTIFICATE_BYTES))]
    return (lambda text, der: stamped_ms(der, text, certificates)) if certificates else None


def _print(report: Report, *, stamps_checked: bool) -> None:
    print("条目 entries：序号 index，记录 recorded，见证不迟于 witnessed by（中国时间 China），操作 act，结果 outcome")
    rows = [_row(one) for one in report.shown]
    if len(rows) > MAX_ROWS:
        left_out = len(rows) - MAX_ROWS
        half = MAX_ROWS // 2
        rows = [*rows[:half], f"  … 另有 {left_out} 条 {left_out} more", *rows[-half:]]
    print("\n".join(rows or ["  无 none"]))
    print("\n已证明 proved")
    for zh, en in proved(report):
        print(f"- {plain(zh)}\n  {plain(en)}")
    print("\n未证明 not proved")
    for zh, en in not_proved(report, stamps_checked=stamps_checked):
        print(f"- {plain(zh)}\n  {plain(en)}")


def _row(one: Shown) -> str:
    outcome, when = one.entry.outcome, china(one.entry.recorded_at / 1000)
    by = "-" if one.not_after_s is None else china(one.not_after_s)
    notes = outcome.reasons if isinstance(outcome, e.Refusal) else outcome.violations
    why = "；".join(f"{REASONS[one.reason].short if one.reason in REASONS else ''} {one.reason}" for one in notes)
    said = f"{act_of(one.claim):<22} {outcome.__struct_config__.tag}  {why}"
    named = ((field, getattr(one.claim, field, None)) for field in _NAMED)
    facts = "  ".join(f"{field} {value}" for field, value in named if value is not None)
    row = plain(f"  {one.index:>8}  {when}  {by:<19}  {said}".rstrip())
    return f"{row}\n{'':12}{plain(facts)}" if facts else row
