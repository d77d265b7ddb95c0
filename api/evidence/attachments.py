"""Attachments: photographs, certificates and test sheets, which the log knows by their SHA-256 alone."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from ledger.entry import decode_entry
from ledger.errors import Malformed

_DIGEST = re.compile(r'"([0-9a-f]{64})"')


def find_attachments(folder: Path, bodies: Iterable[bytes]) -> dict[str, bytes]:
    """The files below a folder whose SHA-256 a claim among these entries names, by that digest (hexadecimal)."""
    wanted = {digest for body in bodies for digest in _DIGEST.findall(decode_entry(body).claim)}
    found: dict[str, bytes] = {}
    try:
        for path in folder.rglob("*"):
            if path.is_file():
                digest = _digest_of(path)
                if digest in wanted:
                    found[digest] = path.read_bytes()
    except OSError as error:
        raise Malformed(f"无法读取附件：{error}", f"cannot read the attachments: {error}") from error
    return {digest: found[digest] for digest in sorted(found)}


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
