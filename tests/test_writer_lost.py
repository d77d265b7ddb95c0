"""A writer whose connection is cut off while it writes, on the wire itself."""

import shutil
import socket
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

import pytest
from psycopg.conninfo import conninfo_to_dict

from ledger import claim as c
from ledger.events import Refusal
from ledger.store.writer import Writer
from tests.shift_kit import check_log, found_town
from tests.story import MINUTE, ORIGIN, START, Signer, Story, private_key

SOCKET = ".s.PGSQL.5432"
WRITING = b"INSERT INTO entry "


def fault(severity: str, code: str, text: str) -> bytes:
    """PostgreSQL's ErrorResponse."""
    fields = b"".join(
        f"{kind}{value}\0".encode() for kind, value in zip("SVCM", (severity, severity, code, text), strict=True)
    )
    return b"E" + struct.pack(">I", len(fields) + 5) + fields + b"\0"


LAST_WORDS = fault("ERROR", "53100", "No space left on device") + fault("FATAL", "57P01", "shutting down")


class Wire:
    """Passes everything on between clients and a server; the first entries are answered with LAST_WORDS and cut off."""

    def __init__(self, folder: Path, server: Path) -> None:
        self._server, self.cut = server, 0
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(folder / SOCKET))
        self._listening.listen()
        self._sockets, self._threads = [self._listening], list[threading.Thread]()
        self._begin(self._accept)

    def close(self) -> None:
        self._end(*self._sockets)
        for thread in self._threads:
            thread.join()
        for one in self._sockets:
            one.close()

    def _begin(self, work: Callable[..., None], *ends: socket.socket) -> None:
        thread = threading.Thread(target=work, args=ends)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.socket(socket.AF_UNIX)
                self._sockets += (client, server)
                server.connect(str(self._server / SOCKET))
                self._begin(self._up, client, server)
                self._begin(self._down, client, server)

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while said := client.recv(65536):
                if WRITING in said and not self.cut:
                    self.cut += 1
                    client.sendall(LAST_WORDS)
                    break
                server.sendall(said)
        self._end(client, server)

    def _down(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while said := server.recv(65536):
                client.sendall(said)
        self._end(client, server)

    def _end(self, *ends: socket.socket) -> None:
        for one in ends:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def wire(database_url: str) -> Iterator[tuple[Wire, str]]:
    known = conninfo_to_dict(database_url)
    folder = Path(tempfile.mkdtemp(prefix="ledger-wire-"))
    try:
        with closing(Wire(folder, Path(str(known["host"])))) as made:
            yield made, f"postgresql://{known['user']}@/{known['dbname']}?host={quote(str(folder))}&port=5432"
    finally:
        shutil.rmtree(folder)


def test_append_that_is_cut_off_is_done_over_a_new_connection(database_url: str, wire: tuple[Wire, str]) -> None:
    between, url = wire
    story, station = Story(now=START + 60 * MINUTE), Signer("client", private_key("client"))
    story.ids = iter(range(1_000_000, 2_000_000))
    codes = [one.code for one in found_town(database_url, [station], 17)]
    received = story.receive(station, *(story.make(c.CountStock, code=code, content=c.Content.EMPTY) for code in codes))
    with Writer(url, ORIGIN, lambda: story.now) as writer:
        answers = writer.submit(received).result(60)
    assert between.cut == 1
    assert len(answers) == 17
    assert not any(isinstance(answer.outcome, Refusal) for answer in answers)
    assert [held.entry.signer for held in check_log(database_url, ORIGIN, [])].count(station.id) == 17
