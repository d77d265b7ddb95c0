"""The bench's rows about proof: publishing, replaying and verifying what was published, what publishing costs."""

import subprocess
import sys
from time import perf_counter

import msgspec
from msgspec import Struct, structs

from api.bench.load import Result
from api.bench.processes import Failed
from api.bench.publishing import put_out, write_publish_file
from api.bench.report import Row, row
from api.bench.sending import loaded, signed
from api.bench.setting import DEVICES, Setting
from ledger.verify import Unproved, verify

_TURNS = (False, True, True, False)
"""Whether the server publishes, run by run: in this order a machine that slows down favours neither."""


class _Replayed(Struct, frozen=True):
    decisions: int
    differences: int
    rate_per_s: int


def publish_row(name: str, setting: Setting) -> Row:
    """A publisher's first step over a filled log, in entries a second."""
    done = setting.proofs.published
    return Row(name, round(done.entries / done.seconds, 1))


def replay_row(name: str, setting: Setting) -> Row:
    """`python -m ledger replay` over those tiles, in decisions a second by its own account."""
    done = setting.proofs.published
    command = [sys.executable, "-m", "ledger", "replay", str(done.folder), "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(setting.environment))
    if ran.returncode != 0:
        raise Failed(f"{ran.stdout}{ran.stderr}")
    told = msgspec.json.decode(ran.stdout.splitlines()[-1], type=_Replayed)
    if (told.decisions, told.differences) != (done.entries, 0):
        raise Failed(f"not all was replayed alike: {told}")
    return Row(name, float(told.rate_per_s))


def verify_row(name: str, setting: Setting) -> Row:
    """Cylinders' evidence files verified one after the other in this process, in files a second."""
    took, entries = list[float](), 0
    for raw in setting.proofs.evidence:
        begun = perf_counter()
        found = verify(raw, setting.proofs.policy)
        took.append(perf_counter() - begun)
        if isinstance(found, Unproved):
            raise Failed(f"not proved: {found}")
        entries += found.entries
    setting.console.print(f"  {name}: {entries / sum(took):,.0f} 条 entries/s，每份 a file {entries / len(took):.0f}")
    return row(name, len(took), sum(took), took)


def published_single_row(name: str, setting: Setting) -> Row:
    """single_64 to a server that publishes meanwhile; what that loses against one that does not, in turns."""
    runs = [(publishes, _run(f"{name}_{turn}", setting, publishes=publishes)) for turn, publishes in enumerate(_TURNS)]
    plain, published = (
        _together(name, [result for publishes, result in runs if publishes is wanted]) for wanted in (False, True)
    )
    return structs.replace(published, loss_percent=round(100 * (1 - published.per_s / plain.per_s), 1))


def _run(name: str, setting: Setting, *, publishes: bool) -> Result:
    warm = setting.size.warm
    requests = signed(setting, DEVICES, warm + setting.size.singles[DEVICES] // DEVICES, 1)
    with setting.database(name) as url:
        file = None
        if publishes:
            file = write_publish_file(setting.folder / name)
            put_out(file, url)  # the town: what is measured begins with the first scan
        return loaded(setting, url, requests, claims=1, warm=warm, publish=file)


def _together(name: str, results: list[Result]) -> Row:
    latencies = [latency for result in results for latency in result.latencies]
    return row(name, len(latencies), sum(result.seconds for result in results), latencies)
