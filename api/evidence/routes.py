"""GET evidence: a part of the log as one file that anyone can check without asking us (`api/evidence/collect.py`).

It holds whole entries, so it takes a token for all sites of the log, as entry bundles do.
"""

from collections.abc import Callable
from threading import BoundedSemaphore
from typing import Annotated

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from msgspec import Struct

from api.cylinders import Asking, CodePath, LogName, parse_asked
from api.deployment import Deployment
from api.evidence.cited import Asked, cites_of
from api.evidence.collect import Source, collect_evidence, cylinder_scope
from api.evidence.times import parse_time
from api.publish.standing import HEADER
from api.published import OriginPath, documented_file, find_published
from api.sites import RefPath
from ledger.errors import Busy, Forbidden, NotFound
from ledger.evidence import Kind, Scope, check_scope, pack_evidence
from ledger.identity import Identifier
from ledger.store.read import ALL_SITES

TAG = "证据 · evidence"
ZIP = "application/zip"
WAITING = "Ledger-Not-Yet-Published"
MOST_ENTRIES = 20_000
MOST_BYTES = 2**27  # of entries, and as many of bundles
AT_ONCE = 2  # each takes much memory, and a thread of those that all reads share
_ANSWERS = documented_file(ZIP, "*.evidence.zip", 401, 403, 404, 413, 503)

From = Annotated[
    str | None,
    QueryParameter(name="from", max_length=40, description="起，含，如 2026-11-22T06:00（中国时间）· from then on"),
]
To = Annotated[str | None, QueryParameter(name="to", max_length=40, description="止，不含 · before then")]

KnownAt = Annotated[
    str | None,
    QueryParameter(name="known_at", max_length=40, description="当时所知，含；其后的记录另列 · as known then"),
]
Found = Annotated[
    list[str] | None,
    QueryParameter(max_length=200, description="现场读到的编码，可多次给出 · codes read there, any number of times"),
]

_KINDS: tuple[tuple[str, Kind, str], ...] = (
    ("/persons/{id:str}/evidence", "person", "人员的证据 · a person's evidence"),
    ("/lots/{id:str}/evidence", "tank_lot", "罐次的证据 · a tank lot's evidence"),
    ("/sites/{id:str}/evidence", "site", "站点的证据 · a site's evidence"),
    ("/customers/{id:str}/evidence", "customer", "用户的证据 · a customer's evidence"),
    ("/vehicles/{id:str}/evidence", "vehicle", "车辆的证据 · a vehicle's evidence"),
    ("/lines/{id:str}/evidence", "line", "充装线的证据 · a filling line's evidence"),
    ("/recalls/{id:str}/evidence", "recall", "召回或演练的证据 · the evidence of a recall or drill"),
    ("/incidents/{id:str}/evidence", "incident", "事故的证据 · an incident's evidence"),
)
_PLACES: tuple[tuple[str, Kind, str], ...] = (
    ("/premises/{id:str}/evidence", "premises", "用气场所及现场比对的证据 · the evidence of premises, and of a scene"),
    ("/buildings/{id:str}/evidence", "building", "楼栋及现场比对的证据 · the evidence of a building, and of a scene"),
)


class _Put(Struct, frozen=True):
    """A question as a path and its query put it; times as they were given."""

    kind: Kind
    id: str
    from_: str | None
    to: str | None
    known_at: str | None = None
    code: Identifier | None = None
    found: tuple[str, ...] = ()


_Answer = Callable[[Asking, str, _Put], Response[bytes]]


def evidence_routes(deployment: Deployment) -> list[HTTPRouteHandler]:
    """The routes of evidence; NotFound for a log that is not published here."""
    room = BoundedSemaphore(AT_ONCE)

    def answer(request: Asking, origin: str, put: _Put) -> Response[bytes]:
        source = _source(deployment, request, origin)
        if not room.acquire(blocking=False):
            raise Busy("正在导出其他证据，请稍后再取", "other evidence is being made; ask again shortly")
        try:
            return made(source, put)
        finally:
            room.release()

    def made(source: Source, put: _Put) -> Response[bytes]:
        times = (None if text is None else parse_time(text) for text in (put.from_, put.to, put.known_at))
        from_ms, to_ms, known_at = times
        named = Scope(put.kind, put.id, from_ms, to_ms)
        scope = named if put.code is None else cylinder_scope(source, put.code, from_ms, to_ms)
        check_scope(scope)
        asked = Asked(put.code, known_at, put.found)
        cites = cites_of(source.engine, source.origin, scope, asked, MOST_ENTRIES)
        collected = collect_evidence(source, scope, cites, most=MOST_ENTRIES, most_bytes=MOST_BYTES)
        size = collected.final.head.size
        parts = [part for part in (put.kind, scope.id, from_ms, to_ms, size) if part not in ("", None)]
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
        *, request: Asking, code: CodePath, log: LogName = None, from_: From = None, to: To = None,
        known_at: KnownAt = None,
    ) -> Response[bytes]:  # fmt: skip
        put = _Put("cylinder", "", from_, to, known_at, parse_asked(code))
        return answer(request, deployment.origin(log), put)

    @get(
        "/logs/{origin:str}/evidence", tags=[TAG], sync_to_thread=True, responses=_ANSWERS,
        summary="一段时间的证据，不给时间则为整个日志 · the evidence of a window, or of the whole log",
    )  # fmt: skip
    def get_log_evidence(request: Asking, origin: OriginPath, from_: From = None, to: To = None) -> Response[bytes]:
        named, _ = find_published(deployment, origin)
        kind: Kind = "log" if from_ is None and to is None else "window"
        return answer(request, named, _Put(kind, "", from_, to))

    kinds = (_of_kind(deployment, answer, *one) for one in _KINDS)
    places = (_of_place(deployment, answer, *one) for one in _PLACES)
    return [get_cylinder_evidence, get_log_evidence, *kinds, *places]


def _of_kind(deployment: Deployment, answer: _Answer, path: str, kind: Kind, summary: str) -> HTTPRouteHandler:
    @get(path, tags=[TAG], sync_to_thread=True, responses=_ANSWERS, summary=summary)
    def get_evidence(
        *, request: Asking, id: RefPath, log: LogName = None, from_: From = None, to: To = None,  # noqa: A002 - URL
        known_at: KnownAt = None,
    ) -> Response[bytes]:  # fmt: skip
        return answer(request, deployment.origin(log), _Put(kind, id, from_, to, known_at))

    return get_evidence


def _of_place(deployment: Deployment, answer: _Answer, path: str, kind: Kind, summary: str) -> HTTPRouteHandler:
    """With codes found there, the evidence of a scene too."""

    @get(path, tags=[TAG], sync_to_thread=True, responses=_ANSWERS, summary=summary)
    def get_place_evidence(
        *, request: Asking, id: RefPath, log: LogName = None, from_: From = None, to: To = None,  # noqa: A002 - URL
        known_at: KnownAt = None, found: Found = None,
    ) -> Response[bytes]:  # fmt: skip
        codes = tuple(found or ())
        return answer(request, deployment.origin(log), _Put(kind, id, from_, to, known_at, found=codes))

    return get_place_evidence


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
