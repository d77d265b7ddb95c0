"""GET evidence: a part of the log as one file that anyone can check without asking us (`api/evidence/collect.py`).

It holds whole entries, so it takes a token for all sites of the log, as entry bundles do.
"""

from collections.abc import Callable
from threading import BoundedSemaphore
from typing import Annotated

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from api.cylinders import Asking, CodePath, LogName, parse_asked
from api.deployment import Deployment
from api.evidence.collect import Source, collect_evidence, cylinder_scope
from api.evidence.times import parse_time
from api.publish.standing import HEADER
from api.published import OriginPath, documented_file, find_published
from api.sites import RefPath
from ledger.errors import Busy, Forbidden, NotFound
from ledger.evidence import Kind, Scope, pack_evidence
from ledger.identity import Identifier
from ledger.store.read import ALL_SITES

TAG = "证据 · evidence"
ZIP = "application/zip"
WAITING = "Ledger-Not-Yet-Published"
MOST_ENTRIES = 20_000
MOST_BYTES = 2**27  # of entries, and as many of bundles
AT_ONCE = 2  # each takes much memory, and a thread of those that all reads share
_Asked = tuple[Kind, str | Identifier]
_Answer = Callable[[Asking, str, _Asked, str | None, str | None], Response[bytes]]
_ANSWERS = documented_file(ZIP, "*.evidence.zip", 401, 403, 404, 413, 503)

From = Annotated[
    str | None,
    QueryParameter(name="from", max_length=40, description="起，含，如 2026-11-22T06:00（中国时间）· from then on"),
]
To = Annotated[str | None, QueryParameter(name="to", max_length=40, description="止，不含 · before then")]


def evidence_routes(deployment: Deployment) -> list[HTTPRouteHandler]:
    """The routes of evidence; NotFound for a log that is not published here."""
    room = BoundedSemaphore(AT_ONCE)

    def answer(request: Asking, origin: str, asked: _Asked, from_: str | None, to: str | None) -> Response[bytes]:
        source = _source(deployment, request, origin)
        if not room.acquire(blocking=False):
            raise Busy("正在导出其他证据，请稍后再取", "other evidence is being made; ask again shortly")
        try:
            return made(source, asked, from_, to)
        finally:
            room.release()

    def made(source: Source, asked: _Asked, from_: str | None, to: str | None) -> Response[bytes]:
        kind, what = asked
        from_ms, to_ms = (None if text is None else parse_time(text) for text in (from_, to))
        if isinstance(what, Identifier):
            scope = cylinder_scope(source, what, from_ms, to_ms)
        else:
            scope = Scope(kind, what, from_ms, to_ms)
        collected = collect_evidence(source, scope, most=MOST_ENTRIES, most_bytes=MOST_BYTES)
        parts = [part for part in (kind, scope.id, from_ms, to_ms, collected.final.head.size) if part not in ("", None)]
        headers = {
            "Content-Disposition": f'attachment; filename="{"-".join(map(str, parts))}.evidence.zip"',
            "Cache-Control": "private, no-store",
            WAITING: str(collected.waiting),
            HEADER: deployment.published[source.origin].standing(collected.final).quorum,
        }
        return Response(pack_evidence(collected.evidence), media_type=ZIP, headers=headers)

    @get(
        "/cylinders/{code:str}/evidence", tags=[TAG], sync_to_thread=True, responses=_ANSWERS,
        summary="气瓶的证据 · a cylinder's evidence",
    )  # fmt: skip
    def get_cylinder_evidence(
        request: Asking, code: CodePath, log: LogName = None, from_: From = None, to: To = None
    ) -> Response[bytes]:
        return answer(request, deployment.origin(log), ("cylinder", parse_asked(code)), from_, to)

    @get(
        "/persons/{person:str}/evidence", tags=[TAG], sync_to_thread=True, responses=_ANSWERS,
        summary="人员的证据 · a person's evidence",
    )  # fmt: skip
    def get_person_evidence(
        request: Asking, person: RefPath, log: LogName = None, from_: From = None, to: To = None
    ) -> Response[bytes]:
        return answer(request, deployment.origin(log), ("person", person), from_, to)

    @get(
        "/lots/{lot:str}/evidence", tags=[TAG], sync_to_thread=True, responses=_ANSWERS,
        summary="罐次的证据 · a tank lot's evidence",
    )  # fmt: skip
    def get_lot_evidence(
        request: Asking, lot: RefPath, log: LogName = None, from_: From = None, to: To = None
    ) -> Response[bytes]:
        return answer(request, deployment.origin(log), ("tank_lot", lot), from_, to)

    @get(
        "/sites/{site:str}/evidence", tags=[TAG], sync_to_thread=True, responses=_ANSWERS,
        summary="站点的证据 · a site's evidence",
    )  # fmt: skip
    def get_site_evidence(
        request: Asking, site: RefPath, log: LogName = None, from_: From = None, to: To = None
    ) -> Response[bytes]:
        return answer(request, deployment.origin(log), ("site", site), from_, to)

    @get(
        "/logs/{origin:str}/evidence", tags=[TAG], sync_to_thread=True, responses=_ANSWERS,
        summary="一段时间的证据，不给时间则为整个日志 · the evidence of a window, or of the whole log",
    )  # fmt: skip
    def get_log_evidence(request: Asking, origin: OriginPath, from_: From = None, to: To = None) -> Response[bytes]:
        named, _ = find_published(deployment, origin)
        kind: Kind = "log" if from_ is None and to is None else "window"
        return answer(request, named, (kind, ""), from_, to)

    own = [get_cylinder_evidence, get_person_evidence, get_lot_evidence, get_site_evidence, get_log_evidence]
    return [*own, *_delivery_routes(deployment, answer)]


def _delivery_routes(deployment: Deployment, answer: _Answer) -> list[HTTPRouteHandler]:
    """Those about customers, vehicles, lines and recalls."""

    @get(
        "/premises/{premises:str}/evidence", tags=[TAG], sync_to_thread=True, responses=_ANSWERS,
        summary="用气场所的证据 · the evidence of a customer's premises",
    )  # fmt: skip
    def get_premises_evidence(
        request: Asking, premises: RefPath, log: LogName = None, from_: From = None, to: To = None
    ) -> Response[bytes]:
        return answer(request, deployment.origin(log), ("premises", premises), from_, to)

    @get(
        "/customers/{customer:str}/evidence", tags=[TAG], sync_to_thread=True, responses=_ANSWERS,
        summary="用户的证据 · a customer's evidence",
    )  # fmt: skip
    def get_customer_evidence(
        request: Asking, customer: RefPath, log: LogName = None, from_: From = None, to: To = None
    ) -> Response[bytes]:
        return answer(request, deployment.origin(log), ("customer", customer), from_, to)

    @get(
        "/vehicles/{vehicle:str}/evidence", tags=[TAG], sync_to_thread=True, responses=_ANSWERS,
        summary="车辆的证据 · a vehicle's evidence",
    )  # fmt: skip
    def get_vehicle_evidence(
        request: Asking, vehicle: RefPath, log: LogName = None, from_: From = None, to: To = None
    ) -> Response[bytes]:
        return answer(request, deployment.origin(log), ("vehicle", vehicle), from_, to)

    @get(
        "/lines/{line:str}/evidence", tags=[TAG], sync_to_thread=True, responses=_ANSWERS,
        summary="充装线的证据 · a filling line's evidence",
    )  # fmt: skip
    def get_line_evidence(
        request: Asking, line: RefPath, log: LogName = None, from_: From = None, to: To = None
    ) -> Response[bytes]:
        return answer(request, deployment.origin(log), ("line", line), from_, to)

    @get(
        "/recalls/{recall:str}/evidence", tags=[TAG], sync_to_thread=True, responses=_ANSWERS,
        summary="召回或演练的证据 · the evidence of a recall or drill",
    )  # fmt: skip
    def get_recall_evidence(
        request: Asking, recall: RefPath, log: LogName = None, from_: From = None, to: To = None
    ) -> Response[bytes]:
        return answer(request, deployment.origin(log), ("recall", recall), from_, to)

    return [
        get_premises_evidence, get_customer_evidence, get_vehicle_evidence, get_line_evidence, get_recall_evidence,
    ]  # fmt: skip


def _source(deployment: Deployment, request: Asking, origin: str) -> Source:
    if deployment.access.sites(request.headers, origin) != ALL_SITES:
        raise Forbidden("证据须用可查全部站点的令牌", "evidence takes a token for all sites of the log")
    _, store = find_published(deployment, origin)
    published = deployment.published[origin]
    if published.policy is None:
        raise NotFound(
            f"没有为日志 {origin} 配置信任策略；请在 LEDGER_PUBLISH_FILE 的文件中写明 policy",
            f"no policy is configured for the log {origin}; name one in the file of LEDGER_PUBLISH_FILE: policy = …",
        )
    return Source(deployment.engine, origin, store, published.policy, published.head_signer)
