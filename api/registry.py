"""GET what is filed: the records of a kind, page by page; one record, and the filings that it has had.

A record in force holds no personal data, and gates everywhere go by it, so any token of the log may ask for one by its
id. Listing a kind shows whom an enterprise employs and supplies: that takes a token for all sites. Older filings are
entries, and show as entries do: within the token's sites.
"""

from typing import Annotated

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter
from msgspec import Struct

from api.cylinders import READ_PROBLEMS, Asking, LogName
from api.deployment import Deployment
from api.sites import USUAL_PAGE, AfterIndex, PageLimit, RefPath
from api.words import ALERTS
from ledger import claim as c
from ledger.bundle import decode_claim
from ledger.errors import Forbidden, NotFound
from ledger.registry import KINDS
from ledger.store.devices import alerts_about
from ledger.store.filings import FiledRecord, filings_of, record_in_force, records_of_kind
from ledger.store.read import ALL_SITES, Stored

TAG = "登记 · registry"
KindPath = Annotated[
    str,
    PathParameter(pattern="^[a-z_]{1,40}$", description="登记种类，如 enterprise、permit、site · the kind of a record"),
]


class Records(Struct, frozen=True):
    """The records in force of a kind, in the order of their newest filing.

    `next_after` is the cursor of the next page, None when this is the last. What is filed meanwhile moves to the end,
    so that no record is missed.
    """

    log: str
    records: list[FiledRecord]
    next_after: int | None


class FilingEntry(Struct, frozen=True):
    """An accepted filing as it was recorded (`recorded_at`, ms UTC)."""

    entry_index: int
    recorded_at: int
    seq: int
    claim: c.FilingClaim


class AlertEntry(Struct, frozen=True):
    """An alert about a signer as it was recorded (`recorded_at`, ms UTC), and what it means."""

    entry_index: int
    recorded_at: int
    zh: str
    en: str
    claim: c.RaiseAlert


class RecordHistory(Struct, frozen=True):
    """A record in force, its filings and, of a signer, the alerts about it, oldest first. `complete` is False where
    the token shows some sites only.
    """

    log: str
    record: FiledRecord
    complete: bool
    history: list[FilingEntry]
    alerts: list[AlertEntry]


def registry_routes(deployment: Deployment) -> list[HTTPRouteHandler]:
    """The routes about the registry."""

    @get(
        "/registry/{kind:str}", tags=[TAG], sync_to_thread=True, responses=READ_PROBLEMS,
        summary="某类登记，分页 · the records of a kind, page by page",
    )  # fmt: skip
    def get_records(
        request: Asking, kind: KindPath, log: LogName = None, after: AfterIndex = -1, limit: PageLimit = USUAL_PAGE
    ) -> Records:
        if deployment.access.sites(request.headers, deployment.origin(log)) != ALL_SITES:
            raise Forbidden(
                "列出登记需要可查询全部站点的令牌；按编号可查单项",
                "listing takes a token for all sites; ask for one by its id",
            )
        _check_kind(kind)
        with deployment.reading(request.headers, log) as asked:
            found = records_of_kind(asked.connection, asked.log.log_id, kind, after=after, limit=limit + 1)
            cursor = found[limit - 1].entry_index if len(found) > limit else None
            return Records(asked.log.origin, found[:limit], cursor)

    @get(
        "/registry/{kind:str}/{id:str}", tags=[TAG], sync_to_thread=True, responses=READ_PROBLEMS,
        summary="一项登记及其历次登记 · a record and its filings",
    )  # fmt: skip
    def get_record(
        request: Asking,
        kind: KindPath,
        id: RefPath,  # noqa: A002 - the parameter's name in the URL
        log: LogName = None,
    ) -> RecordHistory:
        _check_kind(kind)
        subject = f"{kind}:{id}"
        with deployment.reading(request.headers, log) as asked:
            record = record_in_force(asked.connection, asked.log.log_id, subject)
            if record is None:
                origin = asked.log.origin
                raise NotFound(
                    f"没有登记 {subject}（所查日志：{origin}）",
                    f"nothing is filed as {subject} (asked the log {origin})",
                )
            history = [_filing(one) for one in filings_of(asked.connection, asked.log.log_id, subject)]
            alerts = [_alert(one) for one in alerts_about(asked.connection, asked.log.log_id, subject)]
            return RecordHistory(asked.log.origin, record, asked.whole, history, alerts)

    return [get_records, get_record]


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise NotFound(f"没有登记种类 {kind}；有：{'、'.join(KINDS)}", f"no kind {kind}; there are: {', '.join(KINDS)}")


def _filing(stored: Stored) -> FilingEntry:
    claim = decode_claim(stored.entry.claim)
    assert isinstance(claim, c.FilingClaim)
    return FilingEntry(stored.entry_index, stored.entry.recorded_at, stored.entry.subject_seq, claim)


def _alert(stored: Stored) -> AlertEntry:
    claim = decode_claim(stored.entry.claim)
    assert isinstance(claim, c.RaiseAlert)
    zh, en = ALERTS[claim.kind]
    return AlertEntry(stored.entry_index, stored.entry.recorded_at, zh, en, claim)
