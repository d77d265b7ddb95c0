"""What a log signed and must not have: found by a mirror, kept beside the mirrored log, told, and the end of mirroring.

conflicts/fork-300-1f0a….held     the checkpoint that this mirror had
conflicts/fork-300-1f0a….told     the one that the log showed later
"""

import hashlib
from pathlib import Path
from typing import Literal

from api.publish.durable import make_folder, sync_folder, write_durably
from ledger.checkpoint import Checkpoint
from ledger.errors import LedgerError

FOLDER = "conflicts"

_SAID = {
    "fork": ("日志签了两段不同的历史", "the log signed two different histories"),
    "smaller": (
        "日志被回退，或服务器只给旧快照",
        "the log was rolled back, or the server shows an old checkpoint only",
    ),
}


class Contradicted(LedgerError):
    """The log contradicts what it signed before; the two notes are kept, and a person must look."""

    slug = "contradicted"


def contradiction(folder: Path, kind: Literal["fork", "smaller"], held: Checkpoint, told: Checkpoint) -> Contradicted:
    """Keep both notes under the log's folder, durably; the fault that says so."""
    name = f"{kind}-{told.head.size}-{hashlib.sha256(held.raw + told.raw).hexdigest()[:16]}"
    make_folder(folder / FOLDER)
    for side, checkpoint in (("held", held), ("told", told)):
        write_durably(folder / FOLDER / f"{name}.{side}", checkpoint.raw)
    sync_folder(folder / FOLDER)
    zh, en = _SAID[kind]
    sizes = f"{held.head.size} / {told.head.size}"
    where = folder / FOLDER / name
    return Contradicted(
        f"{zh}（{held.head.origin}，{sizes} 条）。两份快照已存为 {where}.held 与 .told，请勿删除，交监管机构",
        f"{en} ({held.head.origin}, {sizes} entries). Both notes are kept as {where}.held and .told: hand them to the "
        "authority",
    )
