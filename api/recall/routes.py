"""GET recalls, drills and incidents. They show other enterprises' customers and stock, so they take a token for all
sites of the log.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream
from msgspec import Struct

from api.cylinders import READ_PROBLEMS, Asking, LogName
from api.deployment import Asked, Deployment
from api.recall.incident import IncidentReport, IncidentSummary, incident_report, incident_summaries
from api.recall.pace import Pace
from api.recall.report import RecallReport, RecallSummary, recall_report, recall_summaries
from api.recall.rows import tell_incident, tell_recall
from api.sites import RefPath
from api.trace.routes import As, Written, answered, as_of_now, stream
from ledger.errors import Forbidden
from ledger.store.read import ALL_SITES

TAG = "召回与事故 · recalls and incidents"
_AT_ONCE = nullcontext()


class Recalls(Struct, frozen=True):
    """Recalls and drills, in the order of their newest filing."""

    log: str
    recalls: list[RecallSummary]


class Incidents(Struct, frozen=True):
    """Incidents, in the order of their newest filing."""

    log: str
    incidents: list[IncidentSummary]


def recall_routes(deployment: Deployment) -> list[HTTPRouteHandler]:
    """The routes about recalls, drills and incidents."""
    pace = Pace()

    @contextmanager
    def whole(
        request: Asking, log: str | None, turn: AbstractContextManager[None] = _AT_ONCE
    ) -> Iterator[Asked]:  # fmt: skip
        as_of_now(request)
        if deployment.access.sites(request.headers, deployment.origin(log)) != ALL_SITES:
            raise Forbidden(
                "召回和事故须用可查全部站点的令牌", "recalls and incidents take a token for all sites of the log"
            )
        with turn, deployment.reading(request.headers, log) as asked:
            yield asked

    @get(
        "/recalls", tags=[TAG], sync_to_thread=True, responses=READ_PROBLEMS,
        summary="召回与演练 · recalls and drills",
    )  # fmt: skip
    def get_recalls(request: Asking, log: LogName = None) -> Recalls:
        with whole(request, log) as asked:
            return Recalls(asked.log.origin, recall_summaries(asked.connection, asked.log))

    @get(
        "/recalls/{recall:str}", tags=[TAG], sync_to_thread=True, responses=answered(RecallReport),
        operation_class=Written,
        summary="召回进展：涉及气瓶、持有者、确认时限 · a recall: cylinders, holders, clocks, progress",
    )  # fmt: skip
    def get_recall(request: Asking, recall: RefPath, log: LogName = None, written: As = "json") -> Stream:
        with whole(request, log, pace.turn()) as asked:
            report = recall_report(asked.connection, asked.log, recall, deployment.clock())
        return stream(tell_recall(report), "recall", written)

    @get(
        "/incidents", tags=[TAG], sync_to_thread=True, responses=READ_PROBLEMS, summary="事故 · incidents",
    )  # fmt: skip
    def get_incidents(request: Asking, log: LogName = None) -> Incidents:
        with whole(request, log) as asked:
            return Incidents(asked.log.origin, incident_summaries(asked.connection, asked.log))

    @get(
        "/incidents/{incident:str}", tags=[TAG], sync_to_thread=True, responses=answered(IncidentReport),
        operation_class=Written, summary="事故冻结了什么 · what an incident holds",
    )  # fmt: skip
    def get_incident(request: Asking, incident: RefPath, log: LogName = None, written: As = "json") -> Stream:
        with whole(request, log) as asked:
            report = incident_report(asked.connection, asked.log, incident)
        return stream(tell_incident(report), "incident", written)

    return [get_recalls, get_recall, get_incidents, get_incident]
