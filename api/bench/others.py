"""Other ways to keep the same bytes in the same database: the `eventsourcing` package, and plain COPY."""

from api.bench.report import Row, row
from api.bench.setting import BATCH, Setting
from ledger.store import bench as store


def by_eventsourcing_single(name: str, setting: Setting) -> Row:
    """One event a commit."""
    return _eventsourcing(name, setting, setting.recorded[: setting.size.one_by_one], 1)


def by_eventsourcing_batch(name: str, setting: Setting) -> Row:
    """256 events a commit."""
    return _eventsourcing(name, setting, setting.recorded, BATCH)


def _eventsourcing(name: str, setting: Setting, bodies: list[bytes], batch: int) -> Row:
    with setting.database(name, template=None) as url:
        took = store.by_eventsourcing(url, bodies, batch)
    return row(name, len(bodies), sum(took), took)


def by_copy(name: str, setting: Setting) -> Row:
    """256 rows a commit: what any way of keeping these bytes in this database could reach at best."""
    bodies = setting.recorded * setting.size.copies
    with setting.database(name, template=None) as url:
        took = store.by_copy(url, bodies, BATCH)
    return row(name, len(bodies), sum(took), took)
