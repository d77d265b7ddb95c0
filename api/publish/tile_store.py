"""A published log's folder: tiles, entry bundles and checkpoints as static files (C2SP tlog-tiles).

    DIR/ledger.example.cn/320600/v1/checkpoint
    DIR/ledger.example.cn/320600/v1/tile/0/000.p/17   …/tile/entries/000.p/17
    DIR/ledger.example.cn/320600/v1/checkpoints/x020/852/163       one that is kept, by its size
    DIR/ledger.example.cn/320600/v1/checkpoints/x020/852/163.tsr   an RFC 3161 timestamp of its text

A file never changes under its name, but for checkpoints, which gain cosignatures, and the newest, which is replaced.
Partial tiles go once the full one is there.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from api.publish.durable import make_folder, sync_folder, write_durably
from api.publish.stopped import Stopped
from api.settings import BadSettings
from ledger.checkpoint import Checkpoint
from ledger.merkle import HASH_BYTES
from ledger.tiles import WIDTH, Tile, grouped, tile_path

CHECKPOINT = "checkpoint"
KEPT = "checkpoints"

_FOLDER, _FILE = re.compile("x[0-9]{3}"), re.compile("[0-9]{3}")
_MOST_GROUPS = 7  # of three digits, in the largest size


def log_folder(root: Path, origin: str) -> Path:
    """Where a log's files are: its origin's slashes are folders. BadSettings when that leads elsewhere."""
    parts = origin.split("/")
    if {"", ".", ".."} & set(parts):
        raise BadSettings(f"日志名称 {origin} 不能作路径", f"the origin {origin} makes no path")
    return root.joinpath(*parts)


class TileStore:
    """The files of one log. Reads need nothing; one process writes, which `lock` assures."""

    def __init__(self, folder: Path) -> None:
        """The folder may not exist yet."""
        self.folder = folder
        self._touched: set[Path] = set()

    def lock(self) -> int:
        """Make the folder and hold it for writing until the handle is closed. Stopped when another process does."""
        make_folder(self.folder)
        handle = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise Stopped(
                "state-held",
                f"另一个发布进程正在写 {self.folder}；一个日志只能由一个进程发布",
                f"another publisher writes to {self.folder}; one log is published by one process",
            ) from None
        return handle

    @property
    def has_tiles(self) -> bool:
        """Whether anything was ever written here."""
        return (self.folder / "tile").exists()

    def read(self, tile: Tile) -> bytes | None:
        """The file of exactly this name, None when there is none."""
        return _bytes_of(self.folder / tile_path(tile))

    def fetch(self, tile: Tile) -> bytes:
        """A tile of hashes, or the full one that took a partial one's place. Stopped when there is neither."""
        body = self.read(tile)
        if body is None and tile.width < WIDTH:
            body = self.read(Tile(tile.level, tile.index))
        if body is None:
            raise missing(tile)
        if len(body) < tile.width * HASH_BYTES:
            raise differs(tile)
        return body[: tile.width * HASH_BYTES]

    def write(self, tile: Tile, body: bytes) -> None:
        """Put a new file there; Stopped when one of that name has other bytes. Durable after `settle`.

        Dying in between leaves files that no checkpoint speaks of yet, each whole. The next run has the same to write.
        """
        path = self.folder / tile_path(tile)
        there = self.read(tile)
        if there is None:
            make_folder(path.parent)
            write_durably(path, body)
        elif there != body:
            raise differs(tile)
        # A file or folder that was found may be one whose name is not durable yet.
        self._touched.update(path.parents[: len(path.relative_to(self.folder).parts)])

    def settle(self) -> None:
        """Make durable all that was written. Only after this may a checkpoint speak of it."""
        for folder in self._touched:
            sync_folder(folder)
        self._touched.clear()

    def drop_partials(self, tile: Tile) -> None:
        """Remove the partial files that a full tile took the place of. Dying meanwhile leaves some: they are right."""
        if tile.width == WIDTH:
            path = self.folder / tile_path(tile)
            shutil.rmtree(path.with_name(f"{path.name}.p"), ignore_errors=True)

    def read_checkpoint(self) -> bytes | None:
        """The published checkpoint, None before the first."""
        return _bytes_of(self.folder / CHECKPOINT)

    def write_checkpoint(self, raw: bytes) -> None:
        """Publish. Dying before the rename leaves the older one, which is as true; opening puts this one out."""
        write_durably(self.folder / CHECKPOINT, raw)
        sync_folder(self.folder)

    def keep_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep it beside the newest, in the place of an earlier copy of the same size. Dying leaves that copy."""
        _put(self._kept(checkpoint.head.size), checkpoint.raw)

    def kept_sizes(self) -> list[int]:
        """The sizes of the checkpoints that are kept, ascending."""
        return list(self.kept_after(-1))

    def kept_after(self, after: int) -> Iterator[int]:
        """Those beyond this size, ascending, read as they are asked for: years of them are not listed for a page."""
        for groups in range(1, _MOST_GROUPS + 1):
            yield from _sizes(str(self.folder / KEPT), groups, 0, after)

    def read_kept(self, size: int) -> bytes | None:
        """The checkpoint that is kept of this size, None when there is none."""
        return _bytes_of(self._kept(size))

    def write_timestamp(self, size: int, der: bytes) -> None:
        """Put an RFC 3161 answer beside the kept checkpoint whose text it is over. Dying leaves none, or the older."""
        _put(self._timestamp(size), der)

    def read_timestamp(self, size: int) -> bytes | None:
        """The timestamp of the kept checkpoint of this size, None when there is none."""
        return _bytes_of(self._timestamp(size))

    def timestamped(self, size: int) -> bool:
        """Whether the kept checkpoint of this size has a timestamp."""
        return self._timestamp(size).exists()

    def timestamp_written_s(self, size: int) -> float:
        """When its timestamp was put there, POSIX seconds by the disk."""
        return self._timestamp(size).stat().st_mtime

    def _kept(self, size: int) -> Path:
        return self.folder / KEPT / grouped(size)

    def _timestamp(self, size: int) -> Path:
        kept = self._kept(size)
        return kept.with_name(f"{kept.name}.tsr")


def _sizes(folder: str, groups: int, above: int, after: int) -> Iterator[int]:
    """The sizes beyond `after` in a folder; its path says `above`, all but their last so many groups."""
    try:
        with os.scandir(folder) as found:
            names = sorted(one.name for one in found)
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in filter((_FILE if groups == 1 else _FOLDER).fullmatch, names):
        number = above * 1000 + int(name[-3:])
        if groups == 1:
            if number > after:
                yield number
        elif number and (number + 1) * 1000 ** (groups - 1) > after + 1:
            yield from _sizes(f"{folder}/{name}", groups - 1, number, after)


def _bytes_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _put(path: Path, body: bytes) -> None:
    make_folder(path.parent)
    write_durably(path, body)
    sync_folder(path.parent)


def differs(tile: Tile) -> Stopped:
    """A file is not what the log's entries and the last checkpoint make it."""
    path = tile_path(tile)
    return Stopped(
        "tile-differs",
        f"磁盘上的 {path} 与日志不符；请查明谁改了它，移走该日志的文件夹后重新启动，即由数据库重建",
        f"{path} on disk is not what the log makes it; find out who changed it, move the log's folder away and start "
        "again: it is made anew from the database",
    )


def missing(tile: Tile) -> Stopped:
    """A file that the last checkpoint speaks of is not there."""
    path = tile_path(tile)
    return Stopped(
        "tile-missing",
        f"磁盘上缺 {path}；请移走该日志的文件夹后重新启动，即由数据库重建",
        f"{path} is missing; move the log's folder away and start again: it is made anew from the database",
    )
