"""GET the alerts of a log, page by page; one alert with the entries that show it.

An alert tells of people, vehicles and customers, so it takes a token for all sites.
"""

from typing import Annotated, Literal

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter, QueryParameter
from msgspec import Struct

from api.alerts.shown import AlertStory, AlertView, alert_story, alert_views
from api.cylinders import READ_PROBLEMS, Asking, LogName
from api.deployment import Deployment
from api.evidence.times import parse_time
from api.sites import USUAL_PAGE, PageLimit
from ledger.errors import Forbidden, Malformed, NotFound
from ledger.signals.signal import RULE_OF
from ledger.store.alerts import alert_named, alerts_between, followed
from ledger.store.read import ALL_SITES

TAG = "警报 · alerts"
AlertPath = Annotated[
    str,
    PathParameter(pattern="^[0-9A-Za-z][0-9A-Za-z.-]{0,39}$", description="警报编号，如 F2.1234 · an alert's id"),
]
KindName = Annotated[str | None, QueryParameter(description=f"种类 · a kind: {', '.join(RULE_OF)}")]
StatusName = Annotated[
    Literal["open", "settled"] | None, QueryParameter(description="未处置或已处置 · open or settled")
]
FromTime = Annotated[
    str | None, QueryParameter(name="from", description="此时起（中国时间）· raised from then on, China's time")
]
AfterAlert = Annotated[
    str | None,
    QueryParameter(pattern="^[0-9]{1,16}:[0-9A-Za-z.-]{1,40}$", description="上一页的 next_after · a cursor"),
]


class Alerts(Struct, frozen=True):
    """Alerts in the order in which they were raised. `read` of the log's `size` entries were looked at so far.

    `next_after` is the cursor of the next page, None when this is the last.
    """

    log: str
    size: int
    read: int
    alerts: list[AlertView]
    next_after: str | None


def alert_routes(deployment: Deployment) -> list[HTTPRouteHandler]:
    """The routes about alerts."""

    def whole(request: Asking, log: str | None) -> None:
        if deployment.access.sites(request.headers, deployment.origin(log)) != ALL_SITES:
            raise Forbidden("查看警报需要可查询全部站点的令牌", "alerts take a token for all sites")

    @get(
        "/alerts", tags=[TAG], sync_to_thread=True, responses=READ_PROBLEMS,
        summary="警报，分页 · alerts, page by page",
    )  # fmt: skip
    def get_alerts(
        request: Asking, *, log: LogName = None, kind: KindName = None, status: StatusName = None,
        from_: FromTime = None, after: AfterAlert = None, limit: PageLimit = USUAL_PAGE,
    ) -> Alerts:  # fmt: skip
        whole(request, log)
        if kind is not None and kind not in RULE_OF:
            raise Malformed(f"没有警报种类 {kind}；有：{'、'.join(RULE_OF)}", f"no kind {kind}; {', '.join(RULE_OF)}")
        since = 0 if from_ is None else parse_time(from_)
        raised, _, name = (after or "-1:").partition(":")
        with deployment.reading(request.headers, log) as asked:
            found = alerts_between(
                asked.connection, asked.log.log_id, kind=kind, status=status, since=since,
                after=(int(raised), name), limit=limit + 1,
            )  # fmt: skip
            last = found[limit - 1] if len(found) > limit else None
            read, now = followed(asked.connection, asked.log.log_id), deployment.clock()
            return Alerts(
                asked.log.origin, asked.log.size, read,
                alert_views(asked.connection, asked.log.log_id, found[:limit], now),
                None if last is None else f"{last.raised}:{last.alert}",
            )  # fmt: skip

    @get(
        "/alerts/{alert:str}", tags=[TAG], sync_to_thread=True, responses=READ_PROBLEMS,
        summary="一条警报及其记录 · an alert and its entries",
    )  # fmt: skip
    def get_alert(request: Asking, alert: AlertPath, log: LogName = None) -> AlertStory:
        whole(request, log)
        with deployment.reading(request.headers, log) as asked:
            origin = asked.log.origin
            try:
                found = alert_named(asked.connection, asked.log.log_id, alert)
            except NotFound as fault:
                raise NotFound(f"{fault.zh}（所查日志：{origin}）", f"{fault.en} (asked the log {origin})") from fault
            return alert_story(asked.connection, asked.log.log_id, origin, found, deployment.clock())

    return [get_alerts, get_alert]
