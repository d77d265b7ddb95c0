"""The alerts of a month in which nobody cheats: each of them is false."""

from collections import Counter

from api.month.voices import ORIGIN
from ledger.store.alerts import Follower, alerts_between
from ledger.store.read import ALL_SITES, log_state, open_engine, reading

_ALL = 1_000_000


def false_alerts(url: str) -> Counter[str]:
    """How many alerts of each kind the whole month raises, read as `ledger serve` reads it."""
    with Follower(url, ORIGIN) as follower:
        while (so_far := follower.step()) is None or not so_far.done:
            pass
    engine = open_engine(url)
    try:
        with reading(engine, ALL_SITES) as connection:
            log_id = log_state(connection, ORIGIN).log_id
            return Counter(one.kind for one in alerts_between(connection, log_id, limit=_ALL))
    finally:
        engine.dispose()
