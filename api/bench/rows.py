"""The bench's rows: each makes its own database, signs what it sends before the clock starts, and gives one figure."""

import random
from collections.abc import Callable
from functools import partial
from itertools import islice
from time import perf_counter
from urllib.parse import quote

from api.bench.fleet import import_rows
from api.bench.lag import lag_row
from api.bench.others import by_copy, by_eventsourcing_batch, by_eventsourcing_single
from api.bench.processes import Failed, get
from api.bench.proof import publish_row, published_single_row, replay_row, verify_row
from api.bench.questions import building_row, customer_row, handover_row, trace_row
from api.bench.recall import recall_row, scan_row
from api.bench.report import Row, row
from api.bench.sending import loaded, signed
from api.bench.setting import BATCH, DEVICES, Setting, accepted, take_turns
from api.bench.town import ORIGIN, real_clock
from ledger.bundle import open_bundle
from ledger.store.append import Received, append
from ledger.store.audit import audit
from ledger.store.load import LogCache
from ledger.store.writer import connect_writer

STEADY_PER_S = 500
STEADY_CONNECTIONS = 64
BUNDLE, BUNDLE_CONNECTIONS = 100, 8


def _single(connections: int, name: str, setting: Setting) -> Row:
    """Bundles of one claim, by connections; closed loop."""
    warm = setting.size.warm
    requests = signed(setting, connections, warm + setting.size.singles[connections] // connections, 1)
    with setting.database(name) as url:
        result = loaded(setting, url, requests, claims=1, warm=warm)
    return row(name, len(result.latencies), result.seconds, result.latencies)


def _bundle(name: str, setting: Setting) -> Row:
    """Bundles of a hundred claims, as after an hour offline; closed loop."""
    requests = signed(setting, BUNDLE_CONNECTIONS, 1 + setting.size.bundles // BUNDLE_CONNECTIONS, BUNDLE)
    with setting.database(name) as url:
        result = loaded(setting, url, requests, claims=BUNDLE, warm=1)
    return row(name, BUNDLE * len(result.latencies), result.seconds, result.latencies)


def _steady(name: str, setting: Setting) -> Row:
    """500 scans a second, come what may; latencies from the intended sending."""
    each = STEADY_PER_S * setting.size.steady_s // STEADY_CONNECTIONS
    requests = signed(setting, STEADY_CONNECTIONS, setting.size.warm + each, 1)
    with setting.database(name) as url:
        result = loaded(setting, url, requests, claims=1, per_s=STEADY_PER_S, warm=setting.size.warm)
    return row(name, len(result.latencies), result.seconds, result.latencies)


def _empty(name: str, setting: Setting) -> Row:
    """What single_64 sends, to the same web server with a handler that does nothing."""
    warm = setting.size.warm
    requests = signed(setting, DEVICES, warm + setting.size.singles[DEVICES] // DEVICES, 1)
    result = loaded(setting, setting.town_url, requests, expected="nothing", warm=warm)
    return row(name, len(result.latencies), result.seconds, result.latencies)


def _trace(name: str, setting: Setting) -> Row:
    """One reader asks for cylinders' traces, one after the other, from a large log."""
    entries, size = setting.size.trace_entries, setting.size
    with setting.database(name) as url:
        begun = perf_counter()
        setting.fill(url, entries)
        setting.console.print(f"  {name}: {entries:,} 条 entries filled in {perf_counter() - begun:.1f} s")
        asked = random.Random(name).choices(setting.town.fleet, k=size.warm + size.traces)  # noqa: S311 - a fixed choice
        requests = [get(f"/cylinders/{quote(one.code, safe='')}/trace") for one in asked]
        result = loaded(setting, url, [requests], expected="trace", warm=size.warm)
    return row(name, len(result.latencies), result.seconds, result.latencies)


def _audit(name: str, setting: Setting) -> Row:
    """The whole audit of a log of single-claim bundles: every signature, decision and cached row."""
    with setting.database(name) as url:
        setting.fill(url, setting.size.audited, bundle=1)
        begun = perf_counter()
        report = audit(url, ORIGIN)
        seconds = perf_counter() - begun
    if not report.ok:
        raise Failed(f"the audit failed: {report.findings[0]}")
    return Row(name, round(report.entries / seconds, 1))


def _append(name: str, setting: Setting) -> Row:
    """Checked single-claim bundles into `append` in this process, 256 a commit."""
    warm = 2
    signed = take_turns(setting.town.devices(DEVICES), 1)
    received = [Received(open_bundle(one), 0) for one in islice(signed, setting.size.batched + warm * BATCH)]
    took: list[float] = []
    with setting.database(name) as url, connect_writer(url) as connection:
        cache = LogCache()
        for first in range(0, len(received), BATCH):
            begun = perf_counter()
            answers = append(connection, ORIGIN, received[first : first + BATCH], real_clock(), cache)
            took.append(perf_counter() - begun)
            accepted(answers)
    measured = took[warm:]
    return row(name, BATCH * len(measured), sum(measured), measured)


ROWS: dict[str, Callable[[str, Setting], Row]] = {
    "single_1": partial(_single, 1),
    "single_16": partial(_single, 16),
    "single_64": partial(_single, 64),
    "bundle_100": _bundle,
    "append": _append,
    "steady_500": _steady,
    "trace_1m": _trace,
    "audit": _audit,
    "import_1m": import_rows,
    "publish": publish_row,
    "replay": replay_row,
    "verify": verify_row,
    "checkpoint_lag": lag_row,
    "single_64_published": published_single_row,
    "handover_64": handover_row,
    "trace_cylinder": trace_row,
    "customer_at": customer_row,
    "building_now": building_row,
    "recall_10k": recall_row,
    "scan_during_recall": scan_row,
    "eventsourcing_single": by_eventsourcing_single,
    "eventsourcing_batch": by_eventsourcing_batch,
    "copy": by_copy,
    "empty_handler": _empty,
}
"""Name: what measures it."""
