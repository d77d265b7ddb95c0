"""`python -m api.demo.witness JSON`: a new witness of the demo's log, in its own process, by the story's clock.

    {"name": "witness.example", "folder": "…", "logs": ["…vkey…"],
     "time": {"real_start_ms": 0, "origin_ms": 0, "scale": 1000}}

Prints its vkey, then `READY http://…`. `ledger witness` has no such clock.
"""

import sys
from pathlib import Path

import msgspec
from msgspec import Struct

from api.serve import real_clock
from api.witness.serving import WitnessPlan, create_witness, serve_witness, vkeys_of
from ledger.clock import ScaledTime
from ledger.note_key import parse_vkey


class DemoWitness(Struct, frozen=True, forbid_unknown_fields=True):
    """What the demo tells its witness: its name, where its files go, the vkeys of the log, the story's time."""

    name: str
    folder: str
    logs: tuple[str, ...]
    time: ScaledTime


def main(argument: str) -> None:
    """Serve until a signal."""
    told = msgspec.json.decode(argument, type=DemoWitness)
    folder, logs = Path(told.folder), tuple(parse_vkey(vkey) for vkey in told.logs)
    plan = WitnessPlan(
        name=told.name, key=folder / f"{told.name}.pem", db=folder / f"{told.name}.sqlite", logs=logs, port=0
    )
    create_witness(plan)
    sys.stdout.write(vkeys_of(plan.signers()))

    def ready(url: str) -> None:
        sys.stdout.write(f"READY {url}\n")
        sys.stdout.flush()

    serve_witness(plan, lambda: told.time.at(real_clock()), ready)


if __name__ == "__main__":
    main(sys.argv[1])
