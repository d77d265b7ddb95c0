"""One month of one town: founded, lived day after day through the real `append`, and judged by its own oracle."""

import random
from collections.abc import Callable

from api.month.book import Book
from api.month.crew import Crew
from api.month.facts import Facts
from api.month.fleet import new_bottle
from api.month.founding import founding, opening
from api.month.papers import office_month, recall
from api.month.safety import safety_round
from api.month.shop import late_call, shop_stock
from api.month.stage import Stage
from api.month.station_day import working_day
from api.month.tour import Tour
from api.month.town import BEGINS, EASED_UNTIL, Town, build_town
from api.month.voices import DAY, HOUR, MINUTE, ORIGIN, Flow
from ledger.bundle import open_bundle
from ledger.entry import Answer
from ledger.packs.model import Pack
from ledger.store.append import Received, append, open_log
from ledger.store.load import LogCache
from ledger.store.writer import connect_writer

_TOURS = (7 * HOUR + 40 * MINUTE, 10 * HOUR + 50 * MINUTE, 14 * HOUR + 40 * MINUTE)
_LAST_OF_JANUARY = BEGINS + 7 * DAY
_HOUR_OFF = HOUR + 90_000


def live(url: str, *, seed: int, cylinders: int, days: int, pack: Pack, told: Callable[[int], None]) -> Book:
    """Found the town in the empty, migrated database at `url` and live its month; `told` the time now and then."""
    with connect_writer(url) as connection:
        cache = LogCache()

        def record(received: list[Received], now: int) -> list[list[Answer]]:
            return append(connection, ORIGIN, received, now, cache)

        stage = Stage(record, seed, BEGINS - 3 * DAY, Facts(EASED_UNTIL), Book())
        first = opening(stage, pack)
        bundle = open_bundle(first.device.signer.sign(ORIGIN, first.claims))
        stage.book.heard(first.claims[0], set(), open_log(connection, Received(bundle, 0), stage.now)[0])
        _live(stage, cylinders, days, told)
    return stage.book


def _live(stage: Stage, cylinders: int, days: int, told: Callable[[int], None]) -> None:
    town = build_town(stage, cylinders, days)
    stage.start(founding(stage, town))
    stage.play(BEGINS - 1, told)
    for yard in town.yards.values():
        crew = Crew(stage, town, yard)
        stage.start(_clocks(crew), BEGINS + 2 * DAY + 3 * HOUR)
        office_month(crew, days)
        for day in range(days):
            stage.start(working_day(crew, BEGINS + day * DAY), BEGINS + day * DAY)
            _tours(crew, BEGINS + day * DAY)
            stage.start(safety_round(crew, BEGINS + day * DAY + 9 * HOUR))
        some = len(yard.kept) // 3
        vehicle = yard.vehicles[-1]
        stage.start(shop_stock(crew, vehicle, _LAST_OF_JANUARY + 18 * HOUR, some))
        stage.start(late_call(crew, vehicle, _LAST_OF_JANUARY + DAY), _LAST_OF_JANUARY + 23 * HOUR + 30 * MINUTE)
        stage.start(shop_stock(crew, vehicle, _LAST_OF_JANUARY + 2 * DAY + 9 * HOUR, 2 * some + 1))
    for day in range(days):
        stage.start(_neighbours(stage, town, cylinders), BEGINS + day * DAY + 4 * HOUR)
    stage.start(recall(crew), BEGINS + (days // 2) * DAY + 8 * HOUR + 25 * MINUTE)
    stage.play(town.ends, told)


def _tours(crew: Crew, midnight: int) -> None:
    vehicles = crew.yard.vehicles
    wanted = 1 + crew.yard.per_day * 21 // (20 * len(vehicles) * len(_TOURS))
    for number, vehicle in enumerate(vehicles):
        for leaves in _TOURS:
            crew.stage.start(Tour(crew, vehicle).run(midnight + leaves + number * 6 * MINUTE, wanted))


def _clocks(crew: Crew) -> Flow:
    """For some days a phone runs an hour fast and a line's device an hour slow; both say so when they send."""
    devices = {f"phone:{crew.yard.vehicles[-1]}": _HOUR_OFF, f"agent:{crew.yard.lines[-1]}": -_HOUR_OFF}
    for name, ahead_ms in devices.items():
        crew.stage.device(name).ahead_ms = ahead_ms
    crew.stage.book.did("a device's clock an hour off", len(devices))
    yield crew.stage.now + 5 * DAY
    for name in devices:
        crew.stage.device(name).ahead_ms = 0


def _neighbours(stage: Stage, town: Town, cylinders: int) -> Flow:
    """Neighbours swap cylinders, now and then with a rival's customer, or with somebody of another town."""
    chance: random.Random = stage.chance
    own = [queue for (_, large), queue in town.queues.items() if not large]
    for _ in range(1 + cylinders // 2000):
        queue, other = chance.choice(own), chance.choice(own)
        if queue and other:
            one, two = chance.choice(queue), chance.choice(other)
            if one.holds and two.holds and one is not two:
                one.holds[0], two.holds[0] = two.holds[0], one.holds[0]
                stage.book.did("neighbours swapped")
    if stage.happens("a stranger's cylinder collected", 0.1, town.ends - 3 * DAY):
        number = 7_000_000 + len(town.strangers)
        stranger = new_bottle(chance, stage.ids, number, "ZZ", stage.now)
        stranger.stranger = True
        town.strangers.append(stranger)
        customer = next((one for one in own[0] if one.holds), None)
        if customer is not None and not stranger.large:
            customer.holds[0] = stranger
    yield stage.now
