# ruff: noqa: INP001 - a part of the script beside it
"""The tamper matrix of docs/drills.md: every attack against everybody who looks, from docs/drills/tamper.json."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

RECORD = Path(__file__).parent / "drills" / "tamper.json"

_WHO = {
    "audit": "审计 audit",
    "publisher": "发布 publisher",
    "sentry": "看守 sentry",
    "witness": "见证 witness",
    "mirror": "镜像 mirror",
    "device": "设备 device",
    "receipt": "回执 receipt",
    "replay": "重放 replay",
    "verify": "核对 verify",
    "second": "另一核对 second",
}

_INTRO = """\
## 篡改矩阵 Tamper matrix

{rows} 种篡改，逐一给每一方去查；{nobody} 种外面无人查出，理由写在行内。PostgreSQL、发布程序、
见证方（套接字）、镜像、站端都是真的。动手的人是数据库超级用户，有发布目录、状态文件和日志自己的密钥，
没有见证方与设备的密钥。前三列是运营者自己的，其余在外面。格中是查出时说的；— 是看了没有发现；
空白是没有可看的。

{rows} attacks, each put before everybody; {nobody} of them nobody outside finds, and the row says why. PostgreSQL,
publisher, witness (over its socket), mirror and station are the real ones. Whoever tampers is the database's superuser
and has folder, state file and the log's own keys, but not those of witnesses and devices. The first three columns are
the operator's own, the others outside. A cell has what was said; — looked and found nothing; empty: nothing to see.

```console
$ LEDGER_MATRIX=all make test ARGS="tests/test_tamper_matrix.py"
```

- **审计 audit**：与日志不符的表，至多三个。 The tables that are not as the log says, three at most.
- **发布 publisher**：停下的[原因](guides/publishing.md)；`mended` 是把改过的文件重写了。
  Why it stops; `mended`: it wrote the changed file anew.
- **看守 sentry**：该站再发一包、过两天之后的警报。
  The alerts, once the station has sent once more and two days went by.
- **见证 witness**：请它联署的答复，与它留下的矛盾；对证据包，则与它最新联署的相比。
  Its answer when asked to cosign, and the contradiction that it keeps; evidence it compares with what it cosigned last.
- **镜像 mirror**：下一步；文件被改时，新镜像的第一步。 Its next step; where files were changed, a new mirror's first.
- **设备 device**：站端下一次看快照。 The station's next look at the log.
- **回执 receipt**：持有所涉条目的回执的人；未发布的，凭应答中的 `leaf`。未发布的末尾中，改结果、改原文、倒填、
  改规则、改缓存各行，应答时说的已是假的。
  Whoever holds the receipt of the entry in question, or before publication the answer with its `leaf`. Of the
  unpublished tail, where outcomes, texts, times, rules or caches are false, the answers were too.
- **重放 replay**：`python -m ledger replay`：发布目录、数据库给出的条目、全日志的证据包。
  The folder, the entries as the database gives them, evidence of a whole log.
- **核对 verify**、**另一核对 second**：运营者拿得出的证据在第几步被拒；`told` 是接受而明说。
  Which step refuses the evidence that the operator can make of it; `told`: accepted, and told.
"""


def tamper_section() -> str:
    """The whole section."""
    rows: list[dict[str, Any]] = json.loads(RECORD.read_text("utf-8"))["rows"]
    parts: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        parts[row["part"]].append(row)
    intro = _INTRO.format(rows=len(rows), nobody=sum(row["nobody"] is not None for row in rows))
    return "".join((intro, *(_table(part, told) for part, told in parts.items())))


def _table(part: str, rows: list[dict[str, Any]]) -> str:
    used = [who for who in _WHO if any(row["cells"][who] is not None for row in rows)]
    lines = [f"\n### {part}\n\n| 做了什么 what was done | {' | '.join(_WHO[who] for who in used)} |\n"]
    lines.append(f"|{'---|' * (len(used) + 1)}\n")
    for row in rows:
        cells = " | ".join(_cell(row["cells"][who]) for who in used)
        lines.append(f"| {row['zh']} {row['en']}{_excuse(row['nobody'])} | {cells} |\n")
    return "".join(lines)


def _cell(found: str | None) -> str:
    return "" if found is None else found or "—"


def _excuse(nobody: list[str] | None) -> str:
    return "" if nobody is None else f"<br>外面无人查出：{nobody[0]} found by nobody outside: {nobody[1]}"
