"""The bench's row about the lag of checkpoints: from an entry's recording until a checkpoint covers it, seen outside.

The server's histogram has coarse steps; here the checkpoint's file is looked at every few milliseconds.
"""

import threading
from bisect import bisect_right
from pathlib import Path
from time import monotonic, sleep
from typing import Self

from api.bench.load import Plan
from api.bench.processes import Failed, run_load
from api.bench.publishing import put_out, write_publish_file
from api.bench.report import Row, row
from api.bench.sending import signed
from api.bench.setting import Setting
from api.bench.town import ORIGIN, real_clock
from api.publish.tile_store import TileStore
from ledger.checkpoint import parse_checkpoint
from ledger.entry import decode_entry
from ledger.store.bench import newest_bodies

PER_S, CONNECTIONS = 200, 16
_LOOK_S, _PATIENCE_S = 0.005, 30.0


class Watch:
    """Looks at a published log in a thread, for as long as this is entered: when which size was first seen."""

    def __init__(self, folder: Path) -> None:
        """The folder has a checkpoint already."""
        self._store = TileStore(folder)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._seen_at: list[int] = []
        self._sizes: list[int] = []
        self._raw = b""
        self._see()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def await_size(self, size: int) -> None:
        """Return once that many entries are covered; Failed when they are not in half a minute."""
        until = monotonic() + _PATIENCE_S
        while self._sizes[-1] < size:
            if monotonic() > until:
                raise Failed(f"{size} entries are committed, a checkpoint covers {self._sizes[-1]}")
            sleep(_LOOK_S)

    def lag_s(self, index: int, recorded_at: int) -> float:
        """Seconds from this entry's recording (ms UTC) until it was seen covered."""
        return max(0, self._seen_at[bisect_right(self._sizes, index)] - recorded_at) / 1000

    def _look(self) -> None:
        while not self._over.wait(_LOOK_S):
            self._see()

    def _see(self) -> None:
        raw = self._store.read_checkpoint()
        if raw is not None and raw != self._raw:
            self._seen_at.append(real_clock())
            self._sizes.append(parse_checkpoint(raw).head.size)
            self._raw = raw


def lag_row(name: str, setting: Setting) -> Row:
    """200 scans a second, come what may, to a server that publishes; the latencies are the entries' lags."""
    size = setting.size
    requests = signed(setting, CONNECTIONS, size.warm + PER_S * size.steady_s // CONNECTIONS, 1)
    sent = sum(len(each) for each in requests)
    with setting.database(name) as url:
        file = write_publish_file(setting.folder / name)
        before = put_out(file, url)
        with Watch(before.folder) as watch, setting.servers.serving(url, publish=file) as port:
            plan = Plan(port, requests, size.warm, size.limit_s, "accepted", 1, PER_S)
            result = run_load(plan, setting.environment)
            watch.await_size(before.entries + sent)
        count = len(result.latencies)
        bodies = newest_bodies(url, ORIGIN, count)
    first = before.entries + sent - count
    lags = [watch.lag_s(index, decode_entry(body).recorded_at) for index, body in enumerate(bodies, first)]
    return row(name, count, result.seconds, lags)
