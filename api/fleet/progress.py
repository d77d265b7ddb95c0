"""Progress on standard error, with rows a second; nothing where nobody looks."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


class Bars:
    """The bars of one import, one task below the other."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TextColumn("{task.fields[rate]:,.0f} 行/s rows/s"), TimeElapsedColumn(),
            console=console, disable=not console.is_terminal,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    @contextmanager
    def task(self, name: str, total: int | None) -> "Iterator[Advance]":
        """A bar while something is done; called with how many rows are."""
        task = self._progress.add_task(name, total=total, rate=0.0)
        advance = Advance(self._progress, task)
        yield advance
        self._progress.update(task, total=advance.done if total is None else total)


class Advance:
    """Moves one bar."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task
        self._begun = time.perf_counter()
        self.done = 0

    def __call__(self, done: int) -> None:
        """So many rows are done."""
        self.done = done
        rate = done / max(time.perf_counter() - self._begun, 0.001)
        self._progress.update(self._task, completed=done, rate=rate)
