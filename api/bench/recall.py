"""The bench's rows about a recall of ten thousand cylinders: how fast it is told, and what scans lose meanwhile.

Beside scans it is a drill, which reaches the same cylinders, closes no gate to them, and balances their gas besides.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import perf_counter
from urllib.request import urlopen

import msgspec
from msgspec import Struct, structs

from api.bench.load import Plan, Result
from api.bench.processes import Failed, run_load
from api.bench.questions import doors, warm
from api.bench.report import Row, row
from api.bench.setting import GROWN, Setting
from api.bench.town import real_clock
from api.town.grow import write
from api.town.plan import MADE_OF_ONE
from api.town.story import Step

RECALL = "RC10K"
_TURNS = (False, True, True, False)
"""Whether the recall is asked for meanwhile, run by run: a machine that slows down favours neither."""


class _Affected(Struct, frozen=True):
    affected: list[msgspec.Raw]


def recall_row(name: str, setting: Setting) -> Row:
    """The whole answer about a recall over HTTP: every cylinder with its holder, and the clocks."""
    expected = min(MADE_OF_ONE, setting.grown.plan.cylinders)  # asked first: the town is made when it is
    with setting.database(name, GROWN) as url:
        _open(setting, url, drill=False)
        with setting.servers.serving(url) as port:
            took = [_ask(port, expected) for _ in range(1 + setting.size.recalls)][1:]
    return row(name, len(took), sum(took), took)


def scan_row(name: str, setting: Setting) -> Row:
    """handover_64 while somebody asks for a drill without a pause; what that loses against a server left alone."""
    runs = [(asks, _scanned(f"{name}_{turn}", setting, asks=asks)) for turn, asks in enumerate(_TURNS)]
    alone, beside = (_together(name, [result for asks, result in runs if asks is wanted]) for wanted in (False, True))
    return structs.replace(beside, loss_percent=round(100 * (1 - beside.per_s / alone.per_s), 1))


def _open(setting: Setting, url: str, *, drill: bool) -> None:
    now = real_clock()
    write(url, [Step(now, [setting.grown.recall(RECALL, now, drill=drill)], 1)])


def _ask(port: int, expected: int) -> float:
    begun = perf_counter()
    with urlopen(f"http://127.0.0.1:{port}/recalls/{RECALL}") as answer:
        body = answer.read()
    seconds = perf_counter() - begun
    affected = len(msgspec.json.decode(body, type=_Affected).affected)
    if affected != expected:
        raise Failed(f"the recall reaches {affected} cylinders, not {expected}")
    return seconds


def _scanned(name: str, setting: Setting, *, asks: bool) -> Result:
    requests = doors(setting)
    with setting.database(name, GROWN) as url:
        _open(setting, url, drill=True)
        with setting.servers.serving(url) as port, _asking(port, setting, asks=asks):
            return run_load(
                Plan(port, requests, warm(setting), setting.size.limit_s, "accepted", 1), setting.environment
            )


@contextmanager
def _asking(port: int, setting: Setting, *, asks: bool) -> Iterator[None]:
    over, faults = Event(), list[Exception]()
    expected = min(MADE_OF_ONE, setting.grown.plan.cylinders)

    def ask_on() -> None:
        while not over.is_set():
            try:
                _ask(port, expected)
            except (OSError, Failed) as fault:
                faults.append(fault)
                return

    thread = Thread(target=ask_on, daemon=True)
    if asks:
        thread.start()
    try:
        yield
    finally:
        over.set()
        if asks:
            thread.join()
    if faults:
        raise Failed(str(faults[0]))


def _together(name: str, results: list[Result]) -> Row:
    latencies = [latency for result in results for latency in result.latencies]
    return row(name, len(latencies), sum(result.seconds for result in results), latencies)
