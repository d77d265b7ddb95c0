"""`replay SOURCE`: decide every entry of a log again, and compare.

Exit codes: 0 sound; 1 something differs, both sides printed; 2 the input cannot be read.
"""

import gc
import hashlib
import sys
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Literal

import click
from msgspec import DecodeError, Struct
from msgspec import json as mjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ledger.checkpoint import Checkpoint
from ledger.entry import decode_entry
from ledger.errors import BadSignature, Corrupt, LedgerError, Malformed
from ledger.merkle import Frontier, extend, root_of
from ledger.policy import judge_checkpoint, parse_policy
from ledger.replay import Difference, replay
from ledger.shell.conclusion import plain
from ledger.shell.sources import entries_of, read_file
from ledger.world import World

DIFFERS, UNREADABLE = 1, 2
CHUNK = 1000  # entries between two looks at the bar and two writings of the progress file
MAX_TOLD = 1000  # all differences are counted, so many printed


class Done(Struct, frozen=True, forbid_unknown_fields=True):
    """A progress file: this code decided the entries under this frontier (hexadecimal) again, and what differed.

    It holds no world: that is folded anew from the entries, so all that the file can say is which decisions to skip.
    """

    v: Literal[1]
    log: str
    code: str
    size: int
    frontier: tuple[str, ...]
    found: int
    differences: tuple[Difference, ...]


@click.command("replay", short_help="把每个决定重算一遍，逐条比对。Make every decision again and compare.")
@click.argument("source")
@click.option("--checkpoint", "checkpoint_path", metavar="FILE", help="与此快照比对。The checkpoint to compare with.")
@click.option(
    "--policy", "policy_path", metavar="FILE", help="核对快照的签名与见证。Judge the checkpoint's signatures."
)
@click.option(
    "--resume", "resume_path", metavar="FILE", help="进度文件，中断后续跑。Progress file, to go on after a stop."
)
@click.option("--json", "as_json", is_flag=True, help="末行为 JSON。The last line is JSON.")
def replay_command(
    source: str, checkpoint_path: str | None, policy_path: str | None, resume_path: str | None, *, as_json: bool
) -> None:
    """把每个决定重算一遍，逐条比对。

    SOURCE 是日志公布的文件夹（内有 checkpoint 和 tile），或全日志的证据文件，或条目文件（每行一条，可为 .xz、.gz；
    - 为标准输入）。

    Make every decision again and compare. SOURCE is the folder of a published log (it holds `checkpoint` and `tile`),
    or an evidence file of the whole log, or a file of entries: one a line, plain, .xz or .gz; - is standard input.
    """
    try:
        bodies, checkpoint = entries_of(source, None if checkpoint_path is None else Path(checkpoint_path))
        run = _Replay(bodies, checkpoint, None if resume_path is None else Path(resume_path))
        run.run()
        if policy_path is not None:
            run.judge(read_file(Path(policy_path)))
    except LedgerError as fault:
        click.echo(f"错误：{plain(fault.zh)}\nerror: {plain(fault.en)}", err=True)
        sys.exit(UNREADABLE)
    run.conclude(judged=policy_path is not None, as_json=as_json)
    sys.exit(DIFFERS if run.found else 0)


class _Replay:
    """One run over one source."""

    def __init__(self, bodies: Iterator[bytes], checkpoint: Checkpoint | None, resume: Path | None) -> None:
        first = next(bodies, None)
        if first is None:
            raise Malformed("没有条目", "there are no entries")
        self.bodies = chain([first], bodies)
        self.checkpoint = checkpoint
        self.world = World(decode_entry(first).log if checkpoint is None else checkpoint.head.origin)
        self.resume = resume
        self.code = _code()
        self.found = 0
        self.differences: list[Difference] = []
        self.frontier: Frontier = ()
        self.skipped = 0
        self.seconds = 0.0

    def run(self) -> None:
        """Decide all again; the world, the tree and the differences are what it leaves."""
        gc.disable()  # a world only grows
        done = self._resumed()
        self.skipped = 0 if done is None else done.size
        total = None if self.checkpoint is None else self.checkpoint.head.size
        columns = (
            TextColumn("重放 replay"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), auto_refresh=False) as bar:
            task = bar.add_task("", total=total)
            started, leaves, end = time.perf_counter(), list[bytes](), None
            try:
                for step in replay(self.world, self.bodies, decided=self.skipped):
                    leaves.append(step.leaf)
                    if step.difference is not None:
                        self._differs(step.difference)
                    if self.world.size % CHUNK == 0 or self.world.size == self.skipped:
                        self._take(leaves, done)
                        bar.update(task, completed=self.world.size, refresh=True)
                    if self.world.size == self.skipped:
                        started = time.perf_counter()
            except Corrupt as error:
                # What comes after an entry that cannot be folded says nothing.
                end = Difference(self.world.size, "entry", f"{error.zh}；{error.en}", "可续写 one that follows")
            self._take(leaves, done)
            if end is not None:
                self._differs(end)
            self.seconds = time.perf_counter() - started
            bar.update(task, completed=self.world.size, refresh=True)
        if self.world.size < self.skipped:
            raise self._other_source()
        if self.checkpoint is not None and end is None:
            self._compare("size", self.world.size, self.checkpoint.head.size)
            self._compare("root", root_of(self.frontier).hex(), self.checkpoint.head.root.hex())

    def judge(self, policy: bytes) -> None:
        """What this policy says of the checkpoint."""
        if self.checkpoint is None:
            raise Malformed("没有快照可核对，请给出 --checkpoint", "no checkpoint to judge; give --checkpoint")
        try:
            standing = judge_checkpoint(parse_policy(policy), self.checkpoint)
        except BadSignature as error:
            self._tell("快照 checkpoint：signature", f"{error.zh}；{error.en}", "受信任的签名 one of a trusted key")
            return
        if not standing.quorum:
            named = " ".join(standing.cosigned_s) or "无 none"
            self._tell("快照 checkpoint：quorum", named, "见证方足数 enough witnesses")

    def conclude(self, *, judged: bool, as_json: bool) -> None:
        """The last lines."""
        size, root = self.world.size, root_of(self.frontier).hex()
        rate = int((size - self.skipped) / self.seconds) if self.seconds else 0
        if self.skipped:
            print(f"前 {self.skipped} 条按进度文件未再重算 the first {self.skipped}: on the word of {self.resume}")
        if self.checkpoint is None:
            print("没有快照可比对 no checkpoint to compare with: 末尾是否完整不得而知 a cut tail would not show")
        elif not judged:
            print("快照签名未核对 the checkpoint's signatures were not checked (--policy)")
        print(f"条目 entries {size}，差异 differences {self.found}，每秒 a second {rate}，树根 root {root}")
        if as_json:
            said = {"entries": size, "decisions": size, "differences": self.found, "root": root, "rate_per_s": rate}
            print(mjson.encode(said).decode())

    def _take(self, leaves: list[bytes], done: Done | None) -> None:
        """Take these leaves into the tree; at the size of the progress file it must be that file's tree."""
        size = self.world.size
        self.frontier = extend(self.frontier, size - len(leaves), leaves)
        leaves.clear()
        if done is not None and size == done.size and tuple(h.hex() for h in self.frontier) != done.frontier:
            raise self._other_source()
        if size > self.skipped:
            self._save()

    def _compare(self, what: str, found: object, expected: object) -> None:
        if found != expected:
            self._tell(f"快照 checkpoint：{what}", found, expected)

    def _differs(self, one: Difference) -> None:
        if len(self.differences) < MAX_TOLD:
            self.differences.append(one)
        self._tell(f"条目 entry {one.entry_index}：{one.what}", one.found, one.expected)

    def _tell(self, where: str, found: object, expected: object) -> None:
        self.found += 1
        if self.found <= MAX_TOLD:
            print(f"{where}\n  所载 found     {plain(str(found))}\n  应为 expected  {plain(str(expected))}")

    def _resumed(self) -> Done | None:
        if self.resume is None or not self.resume.exists():
            return None
        try:
            done = mjson.decode(read_file(self.resume), type=Done)
        except (DecodeError, UnicodeError) as error:
            raise Malformed(f"{self.resume} 不是进度文件", f"{self.resume} is no progress file: {error}") from error
        if done.code != self.code:
            raise Malformed(
                f"{self.resume} 由另一版程序所写，其决定须重算；请删除它再运行",
                f"{self.resume} was written by other code, whose decisions must be made again; remove it first",
            )
        if done.log != self.world.log:
            raise self._other_source()
        for one in done.differences:
            self._differs(one)
        self.found = max(self.found, done.found)
        return done

    def _other_source(self) -> Malformed:
        return Malformed(
            f"{self.resume} 与此来源的开头不符，可能是另一个日志，或条目已被改动；请删除它，从头重算",
            f"{self.resume} is not of this source's beginning: another log, or entries changed; remove it, start over",
        )

    def _save(self) -> None:
        """Written whole or not at all: a new file takes the old one's place."""
        if self.resume is None:
            return
        frontier = tuple(node.hex() for node in self.frontier)
        done = Done(1, self.world.log, self.code, self.world.size, frontier, self.found, tuple(self.differences))
        new = self.resume.with_name(f"{self.resume.name}.new")
        try:
            new.write_bytes(mjson.encode(done))
            new.replace(self.resume)
        except OSError as error:
            raise Malformed(
                f"无法写入 {self.resume}：{error.strerror}", f"cannot write {self.resume}: {error.strerror}"
            ) from error


def _code() -> str:
    """SHA-256 over the core's source: other rules, other decisions."""
    core, digest = Path(__file__).parents[1], hashlib.sha256()
    for path in sorted(core.rglob("*.py")):
        if core / "store" not in path.parents:
            digest.update(b"%s\n%s\n" % (path.relative_to(core).as_posix().encode(), path.read_bytes()))
    return digest.hexdigest()
