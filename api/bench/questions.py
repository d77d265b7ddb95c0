"""The bench's rows over a generated town: hand-overs at 64 doors, and what an investigator asks."""

import random
from collections.abc import Callable, Sequence
from urllib.parse import quote

from api.bench.processes import get, post
from api.bench.report import Row, row
from api.bench.sending import loaded
from api.bench.setting import DEVICES, GROWN, Setting
from api.bench.town import real_clock
from api.town.plan import ORIGIN
from api.trace.asking import ask, window_of
from api.trace.building import ask_building
from api.trace.question import Question, Reader
from ledger.store.bench import watched
from ledger.store.read import ALL_SITES, open_engine

Ask = Callable[[Reader, str], object]


def handover_row(name: str, setting: Setting) -> Row:
    """64 workers' phones, a hand-over a bundle, closed loop: contract, check, confirmation, the kitchen's stock."""
    requests = doors(setting)
    with setting.database(name, GROWN) as url:
        result = loaded(setting, url, requests, claims=1, warm=warm(setting))
    return row(name, len(result.latencies), result.seconds, result.latencies)


def doors(setting: Setting) -> list[list[bytes]]:
    """Whole requests by phone: each hand-over of each vehicle that is on the road."""
    story = setting.grown
    phones = (story.doors(vehicle, real_clock) for vehicle in story.vehicles[:DEVICES])
    return [[post(bundle, real_clock()) for bundle in phone] for phone in phones]


def warm(setting: Setting) -> int:
    """So many doors of each phone are not measured."""
    return min(setting.size.warm, setting.size.doors // 4)


def trace_row(name: str, setting: Setting) -> Row:
    """Cylinders' whole stories: from the station and its papers to where each stands."""
    codes = [one.code for one in setting.grown.fleet]
    window = window_of(None, None, None)
    return _asked(
        name,
        setting,
        codes,
        "/cylinders/{}/story",
        lambda reader, code: ask([reader], Question("cylinder", code, window)),
    )


def customer_row(name: str, setting: Setting) -> Row:
    """Customers as of the middle of the town's life."""
    story = setting.grown
    at = str((story.plan.begins_ms + story.at_ms) // 2)
    window = window_of(None, at, None)
    path = f"/customers/{{}}/story?to={at}"
    return _asked(
        name, setting, _served(setting), path, lambda reader, one: ask([reader], Question("customer", one, window))
    )


def building_row(name: str, setting: Setting) -> Row:
    """What stands in buildings now, over all enterprises."""
    buildings = sorted({one.building for one in setting.grown.plan.customers})
    return _asked(
        name, setting, buildings, "/buildings/{}", lambda reader, one: ask_building([reader], one, None, None)
    )


def _served(setting: Setting) -> list[str]:
    return [one.customer for one in setting.grown.plan.customers if one.holds]


def _asked(name: str, setting: Setting, things: Sequence[str], path: str, ask_one: Ask) -> Row:
    """Questions about some of these, over HTTP, one reader; what of it is PostgreSQL's time is told beside."""
    ids = random.Random(name).choices(things, k=setting.size.warm + setting.size.asked)  # noqa: S311 - a fixed choice
    requests = [get(path.format(quote(one, safe=""))) for one in ids]
    with setting.database(name, GROWN) as url:
        result = loaded(setting, url, [requests], expected="answer", warm=setting.size.warm)
        took = _in_database(url, ids, ask_one)[setting.size.warm :]
    inside = row(name, len(took), sum(took), took)
    setting.console.print(f"  {name}: 其中数据库 of it in the database: p50 {inside.p50_ms} ms, p99 {inside.p99_ms} ms")
    return row(name, len(result.latencies), result.seconds, result.latencies)


def _in_database(url: str, ids: Sequence[str], ask_one: Ask) -> list[float]:
    """The seconds that each question's statements take, from sending to the last row, asked in this process."""
    engine = open_engine(url)
    made, took = watched(engine), list[float]()
    try:
        for one in ids:
            made.clear()
            ask_one(Reader(engine, ORIGIN, ALL_SITES), one)
            took.append(sum(query.seconds for query in made))
    finally:
        engine.dispose()
    return took
