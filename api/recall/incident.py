"""What an incident (事故) holds: scales, tank lots, stock, vehicles, and the cylinders that cannot pass for it."""

from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from api.recall.report import evidence_of
from api.words import china_time
from ledger import claim as c
from ledger import events as e
from ledger.errors import NotFound
from ledger.recall import Where, where_is
from ledger.registry import Registry
from ledger.store.read import Connection, LogState
from ledger.store.recalls import frozen_by, registry_of
from ledger.store.tracing import page_of
from ledger.told import Told

MOST_LISTED = 500


class IncidentSummary(Struct, frozen=True):
    """An incident by its newest opening: the entry is the snapshot, all before it stood so. Times ms UTC."""

    incident: str
    claim: c.OpenIncident
    opened_index: int
    opened_leaf: str
    opened_at: int
    opened_at_text: str
    signer: str
    lifted_index: int | None
    lifted_at: int | None


class Hold(Struct, frozen=True):
    """One thing that is held: `site:…`, `vehicle:…`, `line:…`, `tank_lot:…` or `cylinder:…`, whose it is, and how many
    cylinders it keeps from customers.
    """

    held: str
    enterprise: str | None
    cylinders: int


class Frozen(Struct, frozen=True):
    """A cylinder that gates keep from customers for it, by what of it, and where it is now."""

    cylinder: str
    codes: tuple[str, ...]
    by: tuple[str, ...]
    holder: str
    premises: str | None
    where: Where


class IncidentReport(Struct, frozen=True):
    """What an incident holds, or held until it was lifted, with the cylinders as they stand now. `evidence`: where that
    of the same question is had.
    """

    log: str
    size: int
    evidence: str
    summary: IncidentSummary
    holds: list[Hold]
    cylinders: list[Frozen]


def incident_report(connection: Connection, log: LogState, incident: str) -> IncidentReport:
    """The report of that incident; NotFound when there is none of that id."""
    summary = _story(connection, log, incident)
    if summary is None:
        raise NotFound(f"没有事故 {incident}（所查日志：{log.origin}）", f"no incident {incident} (asked {log.origin})")
    registry = registry_of(connection, log.log_id)
    kept = frozen_by(connection, log.log_id, summary.claim, summary.opened_index, registry)
    counts = Counter(held for _, by in kept for held in by)
    holds = [Hold(held, _whose(registry, held), counts[held]) for held in _held(summary.claim)]
    frozen = [Frozen(one.cylinder, one.codes, by, one.holder, one.premises, where_is(one)) for one, by in kept]
    return IncidentReport(log.origin, log.size, evidence_of("incidents", incident, log), summary, holds, frozen)


def incident_summaries(connection: Connection, log: LogState) -> list[IncidentSummary]:
    """The incidents of a log, in the order of their newest filing, the newest `MOST_LISTED`."""
    filed = [one for one in registry_of(connection, log.log_id).records if one.startswith("incident:")]
    stories = (_story(connection, log, one.partition(":")[2]) for one in filed[-MOST_LISTED:])
    return [story for story in stories if story is not None]


def _story(connection: Connection, log: LogState, incident: str) -> IncidentSummary | None:
    opened: Told | None = None
    lifted: Told | None = None
    for one in page_of(connection, log.log_id, f"incident:{incident}", start=0, end=log.size, limit=None):
        if isinstance(one.entry.outcome, e.Refusal):
            continue
        if isinstance(one.claim, c.OpenIncident):
            opened, lifted = one, None
        elif isinstance(one.claim, c.LiftIncident):
            lifted = one
    if opened is None:
        return None
    assert isinstance(opened.claim, c.OpenIncident)
    return IncidentSummary(
        incident=incident,
        claim=opened.claim,
        opened_index=opened.entry_index,
        opened_leaf=opened.leaf,
        opened_at=opened.entry.recorded_at,
        opened_at_text=china_time(opened.entry.recorded_at),
        signer=opened.entry.signer,
        lifted_index=None if lifted is None else lifted.entry_index,
        lifted_at=None if lifted is None else lifted.entry.recorded_at,
    )


def _held(claim: c.OpenIncident) -> Iterator[str]:
    yield from (f"site:{one}" for one in claim.sites)
    yield from (f"vehicle:{one}" for one in claim.vehicles)
    yield from (f"line:{one}" for one in claim.lines)
    yield from (f"tank_lot:{one}" for one in claim.tank_lots)
    if claim.cylinder is not None:
        yield f"cylinder:{claim.cylinder}"


def _whose(registry: Registry, held: str) -> str | None:
    record = registry.records.get(held)
    claim = None if record is None else record.claim
    if isinstance(claim, c.FileSite | c.FileVehicle):
        return claim.enterprise
    if isinstance(claim, c.FileLine | c.FileTankLot):
        return _whose(registry, f"site:{claim.site}")
    return None
