"""A disk that fails, at each call in turn: publishing says so, goes on when it is back, and has signed nothing else."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ledger.checkpoint import parse_checkpoint
from ledger.entry import leaf_hash
from ledger.merkle import extend, root_of
from tests.publish_kit import Press, running_press

CALLS = [(os, "fsync"), (Path, "replace"), (Path, "mkdir"), (os, "fdopen")]


class Disk:
    """Counts the calls that publishing makes, and fails the one that it is told to, before or after it took effect."""

    def __init__(self, failing: int, code: int, *, after: bool) -> None:
        self.calls, self.failing, self.code, self.after = 0, failing, code, after

    def wrapped(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self.calls += 1
            if self.calls != self.failing:
                return real(*arguments, **named)
            if self.after and real.__name__ != "fdopen":
                real(*arguments, **named)
            elif real.__name__ == "fdopen":
                os.close(arguments[0])
            raise OSError(self.code, os.strerror(self.code))

        return call


@contextmanager
def failing(disk: Disk) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in CALLS:
            patch.setattr(owner, name, disk.wrapped(getattr(owner, name)))
        yield


def all_true(press: Press, seen: set[bytes]) -> None:
    """Every checkpoint that was ever signed and kept is one of the true history."""
    for raw in seen:
        head = parse_checkpoint(raw).head
        assert head.root == root_of(extend((), 0, map(leaf_hash, press.log.bodies[: head.size])))


def kept(press: Press) -> set[bytes]:
    """What is signed and on the disk by now, in the state or in public."""
    found = set()
    if press.plan.state.exists():
        found.add(press.signed()[1].encode())
    if (press.folder / "checkpoint").exists():
        found.add((press.folder / "checkpoint").read_bytes())
    return found - {b""}


@pytest.mark.parametrize(("code", "after"), [(errno.EIO, True), (errno.ENOSPC, False)])
def test_disk_that_fails_at_any_call(database_url: str, tmp_path: Path, code: int, *, after: bool) -> None:
    seen: set[bytes] = set()
    with running_press(database_url, tmp_path) as press:
        for number in range(1, 200):
            press.log.add(90)
            disk = Disk(number, code, after=after)
            with failing(disk):
                try:
                    with press.opened() as publisher:
                        publisher.step()
                except OSError:
                    pass
                else:
                    assert disk.calls < number, "a failing call was passed over"
                    break
            seen |= kept(press)
            if (press.folder / "checkpoint").exists():
                public = parse_checkpoint((press.folder / "checkpoint").read_bytes()).head.size
                assert public <= press.signed()[0], "nothing is public that the state does not hold"
            press.publish()
            seen |= kept(press)
        assert number > 15
        press.check_files()
        all_true(press, seen)
        assert press.recheck() == len(press.log.bodies)
