"""What the authority is to sign after an import: use registrations (使用登记, REG-01) of all that was registered.

JSON lists of `file_use_registration` as `ledger file` takes them, 400 cylinders a filing and as many filings a file as
one signed bundle holds: FILE.use-registrations.json, then FILE.use-registrations-2.json and so on. The certificates'
numbers are ours, from the import's first cylinder, so that another run writes the same; the authority may put its own.
"""

from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import msgspec

from api.fleet.journal import Journal, State
from ledger.claim import MAX_LISTED_CYLINDERS, RegisterCylinder

FILINGS = 80
"""Filings a file: 80 x 16 kB as base64 stay under a bundle's 2 MiB."""

_decoder = msgspec.json.Decoder(RegisterCylinder)


def write_registrations(journal: Journal, file: Path) -> list[Path]:
    """Write the filings for the authority; the files, none when nothing was registered."""
    filings = _filings(journal)
    written: list[Path] = []
    for number in count(1):
        some = list(islice(filings, FILINGS))
        path = file.with_name(f"{file.name}.use-registrations{f'-{number}' if number > 1 else ''}.json")
        if not some and not path.exists():
            return written
        if not some:
            path.unlink()  # of an import before this one
            continue
        path.write_bytes(b"[\n" + b",\n".join(msgspec.json.encode(one) for one in some) + b"\n]\n")
        written.append(path)
    raise AssertionError("count() has no end")


def _filings(journal: Journal) -> Iterator[dict[str, object]]:
    numbers = count(1)
    named = ""
    enterprises = journal.ask(
        "SELECT DISTINCT enterprise FROM row WHERE state = ? ORDER BY enterprise", State.REGISTERED
    ).fetchall()
    for (enterprise,) in enterprises:
        rows = journal.ask(
            "SELECT claim FROM row WHERE state = ? AND enterprise = ? ORDER BY n", State.REGISTERED, enterprise
        )
        while True:
            listed = [_decoder.decode(text).cylinder for (text,) in islice(rows, MAX_LISTED_CYLINDERS)]
            if not listed:
                break
            named = named or listed[0][-12:]
            yield {
                "type": "file_use_registration", "certificate": f"UR-{named}-{next(numbers)}",
                "enterprise": enterprise, "cylinders": listed, "status": "valid",
            }  # fmt: skip
