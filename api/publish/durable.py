"""Files that survive a crash: whole under their name, or not there at all."""

import os
from pathlib import Path

FILE_MODE = 0o644


def write_durably(path: Path, body: bytes) -> None:
    """Put these bytes under this name in the place of whatever is there. `sync_folder` makes the name durable.

    Dying before the rename leaves the old file and perhaps a `.new` beside it, which the next write overwrites; dying
    after it, the new file. Never a part of one: its bytes reached the disk before it had the name.
    """
    beside = path.with_name(f"{path.name}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
    with os.fdopen(handle, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(handle)
    beside.replace(path)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """A folder and those above it, each durable in the one above."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)
