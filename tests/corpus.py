"""The golden corpus of decisions: a tree of entries that must replay equal for ever, and how it is recorded.

`tests/golden/decisions-N.jsonl.xz` holds one line a node, `[parent, entry]`: the number of the line before it in the
log (-1 for entry 0) and the entry's exact text. Every path from the root is a log. Many short stories share their
beginnings, so a tree says all of them in little room. No file is ever changed; new rules make a new file:

    python -m pytest -p tests.corpus -p no:randomly --corpus tests/golden/decisions-2.jsonl.xz tests/test_core_*.py

records every log that those tests tell, up to where a test laid hands on a world, after which nothing replays.
"""

import json
import lzma
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ledger import claim as c
from ledger.bundle import decode_claim
from ledger.decide import decide
from ledger.entry import Entry, decode_entry, leaf_hash
from ledger.world import World

GOLDEN = Path(__file__).parent / "golden"


class Node(NamedTuple):
    """One recorded entry with its claim and leaf, decoded once; `parent` and `children` by number, -1 for none."""

    parent: int
    entry: Entry
    claim: c.AnyClaim
    leaf: str
    children: list[int]


def read_corpus(path: Path) -> tuple[list[int], list[Node]]:
    """The roots and all nodes of a recorded file."""
    roots: list[int] = []
    nodes: list[Node] = []
    for number, line in enumerate(lzma.decompress(path.read_bytes()).splitlines()):
        parent, text = json.loads(line)
        entry = decode_entry(text.encode())
        nodes.append(Node(parent, entry, decode_claim(entry.claim), leaf_hash(text.encode()).hex(), []))
        (roots if parent < 0 else nodes[parent].children).append(number)
    return roots, nodes


def differences(corpus: tuple[list[int], list[Node]]) -> Iterator[int]:
    """The numbers of the nodes whose decision, made again over the world before them, is another one."""
    roots, nodes = corpus
    waiting = [(World(nodes[root].entry.log), root) for root in roots]
    while waiting:
        world, number = waiting.pop()
        while True:
            node = nodes[number]
            entry = node.entry
            again = decide(
                world, node.claim, entry.recorded_at, signer=entry.signer, clock_offset_ms=entry.clock_offset_ms
            )
            if again != entry.outcome:
                yield number
            world.fold(entry, node.claim, node.leaf)
            if not node.children:
                break
            waiting += [(copy_of(world), child) for child in node.children[1:]]
            number = node.children[0]


def branch(corpus: tuple[list[int], list[Node]], number: int) -> tuple[list[int], list[Node]]:
    """The one log that ends in that node, as a corpus of its own."""
    path: list[Node] = []
    while number >= 0:
        path.append(corpus[1][number])
        number = path[-1].parent
    path.reverse()
    last = len(path) - 1
    return [0], [node._replace(parent=n - 1, children=[n + 1] if n < last else []) for n, node in enumerate(path)]


def copy_of(old: World) -> World:
    """Another world with the same past: what is folded into one is not in the other."""
    world = World(old.log)
    for mine, theirs in ((world.registry, old.registry), (world.supply, old.supply)):
        for record in sorted(theirs.records.values(), key=lambda one: one.entry_index):
            mine.file(record.claim, seq=record.seq, entry_index=record.entry_index)
    world.registry.in_force = old.registry.in_force
    world.premises, world.loads, world.strays = dict(old.premises), dict(old.loads), dict(old.strays)
    world.cylinders, world.codes = dict(old.cylinders), dict(old.codes)
    world.subjects, world.devices, world.seen = dict(old.subjects), dict(old.devices), set(old.seen)
    world.size, world.registry_index = old.size, old.registry_index
    world.recorded_at, world.last_leaf = old.recorded_at, old.last_leaf
    return world


# --- recording: a plugin of pytest, given by hand ------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--corpus", help="record every log that the tests tell into this new file")


_TOLD: dict[int, list[bytes]] = {}


def pytest_collection_finish() -> None:
    from tests.story import Telling  # noqa: PLC0415 - a plugin is imported before pytest can rewrite what tests use

    tell = Telling.tell

    def recorded(self: Telling, *said: object, **more: object) -> object:
        outcome = tell(self, *said, **more)  # type: ignore[arg-type]
        _TOLD[id(self.bodies)] = self.bodies  # held, so that no other list takes its id
        return outcome

    Telling.tell = recorded  # type: ignore[method-assign,assignment]


def pytest_sessionfinish(session: pytest.Session) -> None:
    path = session.config.getoption("--corpus")
    if path is None:
        return
    numbers: dict[tuple[int, bytes], int] = {}
    for bodies in _TOLD.values():
        parent = -1
        for body in bodies:
            parent = numbers.setdefault((parent, body), len(numbers))
    lines = [json.dumps([parent, body.decode()], ensure_ascii=False) for parent, body in numbers]
    _write(Path(path), lines)
    spoilt = set(differences(read_corpus(Path(path))))
    _write(Path(path), _without(lines, spoilt))


def _write(path: Path, lines: list[str]) -> None:
    path.write_bytes(lzma.compress("".join(f"{line}\n" for line in lines).encode(), preset=9))


def _without(lines: list[str], spoilt: set[int]) -> list[str]:
    """The lines without those and all that follow them, numbered anew."""
    new: dict[int, int] = {-1: -1}
    kept: list[str] = []
    for number, line in enumerate(lines):
        parent, text = json.loads(line)
        if number not in spoilt and parent in new:
            new[number] = len(kept)
            kept.append(json.dumps([new[parent], text], ensure_ascii=False, separators=(",", ":")))
    return kept


def spoken(nodes: list[Node]) -> dict[str, dict[str, int]]:
    """Every rule version that some node's outcome names: the reasons it gave, each with the first such node."""
    said: dict[str, dict[str, int]] = defaultdict(dict)
    for number, node in enumerate(nodes):
        for field in ("reasons", "violations", "warnings"):
            for note in getattr(node.entry.outcome, field, ()):
                said[note.rule].setdefault(note.reason, number)
    return said
