"""One embedded server a session, one fresh migrated database a test."""

import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings

from ledger.store.embedded import EmbeddedServer

settings.register_profile("ledger", deadline=None, derandomize=False, print_blob=True)
settings.load_profile("ledger")

TEMPLATE = "migrated"
LONGEST = (
    "test_demo_end_to_end.py", "test_tamper_matrix.py", "test_kill_shift.py", "test_wheel.py", "test_bench.py",
)  # fmt: skip
"""Files that take minutes; the two that play a demo stand apart."""
_numbers = count(1)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no process works on it alone in the end; all else in random order."""
    rank = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(LONGEST)))


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """Not durable, for speed: a test that kills its server makes a durable one of its own."""
    data_dir = Path(tempfile.mkdtemp(prefix="ledger-tests-"))  # short enough for a socket, and open to no one else
    try:
        with EmbeddedServer(data_dir, durable=False) as running:
            yield running
    finally:
        shutil.rmtree(data_dir)


@pytest.fixture(scope="session")
def migrated_template(server: EmbeddedServer) -> str:
    """The name of a database with every migration applied and nothing in it."""
    from ledger.store.migrate import migrate  # noqa: PLC0415 - tests without a database need no schema

    server.create_database(TEMPLATE)
    migrate(server.url(TEMPLATE))
    return TEMPLATE


@pytest.fixture
def database_url(server: EmbeddedServer, migrated_template: str) -> Iterator[str]:
    """The URL of a fresh migrated database of this test's own."""
    name = f"test_{next(_numbers)}"
    server.create_database(name, template=migrated_template)
    yield server.url(name)
    server.drop_database(name)
