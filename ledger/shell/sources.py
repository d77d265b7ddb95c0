"""Sources: the entries of a log, out of the files in which an outsider may hold them."""

import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from ledger.archive import MEMBER_MARK
from ledger.checkpoint import Checkpoint, parse_checkpoint
from ledger.entry import MAX_ENTRY_BYTES
from ledger.errors import Malformed
from ledger.evidence import MAX_EVIDENCE_BYTES, parse_evidence
from ledger.tiles import ENTRIES, Tile, parse_entries, tile_path, tiles_between

_XZ, _GZIP = b"\xfd7zXZ\x00", b"\x1f\x8b"


def read_file(path: Path, most_bytes: int = -1) -> bytes:
    """The file's bytes, `most_bytes` and one more at most; Malformed says why it cannot be read."""
    try:
        with path.open("rb") as stream:
            return stream.read(most_bytes + 1 if most_bytes >= 0 else -1)
    except OSError as error:
        raise Malformed(f"无法读取 {path}：{error.strerror}", f"cannot read {path}: {error.strerror}") from error


def entries_of(source: str, kept: Path | None) -> tuple[Iterator[bytes], Checkpoint | None]:
    """A source's entries in index order, and the checkpoint to compare them with: `kept`, else the source's own.

    `source` is the folder of a published log, an evidence file of a whole log, or a file of lines (- standard input).
    """
    path = Path(source)
    if source != "-" and path.is_dir():
        newest = parse_checkpoint(read_file(kept or path / "checkpoint"))
        return _published(path, newest.head.size), newest
    checkpoint = None if kept is None else parse_checkpoint(read_file(kept))
    if source != "-" and path.is_file() and _begins(path) == MEMBER_MARK:
        evidence = parse_evidence(read_file(path, MAX_EVIDENCE_BYTES))
        if evidence.proofs:
            raise Malformed(
                "该证据文件只含部分条目，重放要全部条目；核对它请用 verify",
                "this evidence holds a part of the log; a replay takes the whole; use verify to check it",
            )
        own = parse_checkpoint(evidence.checkpoint)
        return iter(evidence.entries.values()), own if checkpoint is None else checkpoint
    return _lines(source), checkpoint


def _begins(path: Path) -> bytes:
    return read_file(path, len(MEMBER_MARK) - 1)


def _published(folder: Path, size: int) -> Iterator[bytes]:
    """The entries of a log published in tlog-tiles' layout, out of its entry bundles."""
    for tile in tiles_between(0, size):
        if tile.level != ENTRIES:
            return
        # A partial bundle may be gone once the full one took its place.
        held = tile if (folder / tile_path(tile)).exists() else Tile(ENTRIES, tile.index)
        path = folder / tile_path(held)
        try:
            bundle = parse_entries(read_file(path), held.width)
        except Malformed as error:
            raise Malformed(f"{path}：{error.zh}", f"{path}: {error.en}") from error
        yield from bundle[: tile.width]


def _lines(source: str) -> Iterator[bytes]:
    """The entries of a file, one a line: their JSON escapes what would break a line."""
    number = 0
    try:
        raw = io.BufferedReader(io.FileIO(0 if source == "-" else source, closefd=source != "-"))
        with raw, _unpacked(raw) as stream:
            while line := stream.readline(MAX_ENTRY_BYTES + 2):
                if not line.endswith(b"\n"):
                    raise Malformed(
                        f"第 {number + 1} 行被截断或过长，请重新取得该文件",
                        f"line {number + 1} is cut off or too long; get the file again",
                    )
                yield line[:-1]
                number += 1
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise Malformed(
            f"{source} 在第 {number} 行之后无法读取：{error}", f"cannot read {source} after line {number}: {error}"
        ) from error


def _unpacked(raw: "io.BufferedReader[io.FileIO]") -> AbstractContextManager[io.BufferedIOBase]:
    start = raw.peek(len(_XZ))
    if start.startswith(_XZ):
        return lzma.LZMAFile(raw)
    return gzip.GzipFile(fileobj=raw) if start.startswith(_GZIP) else nullcontext(raw)
