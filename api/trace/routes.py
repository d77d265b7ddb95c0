"""GET the stories of cylinders, customers, people, vehicles and places, each statement with the entry behind it."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import unquote

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, OpenAPIType, Operation, Schema
from litestar.params import QueryParameter
from litestar.response import Stream
from msgspec import Struct

from api.access import Unauthorised
from api.cylinders import READ_PROBLEMS, Asking, CodePath
from api.deployment import Deployment
from api.evidence.routes import From, KnownAt, To
from api.sites import RefPath
from api.trace.asking import ask, window_of
from api.trace.question import WHOLE_LOG, Question, Reader
from api.trace.telling import Telling
from api.trace.text import tell_story
from api.trace.view import TraceAnswer
from api.trace.writing import WRITERS, XLSX, Format
from ledger.errors import Forbidden, Malformed

TAG = "追溯 · traces"

AnyLog = Annotated[
    str | None, QueryParameter(name="log", description="日志名称，默认查询此处全部 · one log; all here unless told")
]
As = Annotated[Format, QueryParameter(name="format", description="格式 · how it is written")]

_STORIES = (
    ("/customers/{id:str}/story", "customer", "用户的经历 · a customer's story"),
    ("/premises/{id:str}/story", "premises", "用气场所的经历 · the story of premises"),
    ("/persons/{id:str}/story", "person", "人员的经历 · a person's story"),
    ("/vehicles/{id:str}/story", "vehicle", "车辆的经历 · a vehicle's story"),
    ("/sites/{id:str}/story", "site", "站点的经历 · a site's story"),
    ("/lines/{id:str}/story", "line", "充装秤的经历 · a filling line's story"),
    ("/lots/{id:str}/story", "tank_lot", "罐次的经历 · a tank lot's story"),
)


@dataclass
class Written(Operation):
    """An answer's documentation: three media types, which Litestar's own cannot say."""

    def __post_init__(self) -> None:
        """Say how else it is written."""
        text = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))
        told = (self.responses or {})["200"]
        assert isinstance(told, OpenAPIResponse)
        told.content = {**(told.content or {}), "text/csv": text, XLSX: text}


def answered(kind: type[Struct]) -> dict[int, ResponseSpec]:
    """A handler's `responses=`: an answer of that kind, and the problems of every read."""
    told = ResponseSpec(kind, description="答复 · the answer", media_type="application/json", generate_examples=False)
    return READ_PROBLEMS | {200: told}


def trace_routes(deployment: Deployment) -> list[HTTPRouteHandler]:
    """The routes of stories."""

    def answer(request: Asking, log: str | None, question: Question, written: Format) -> Stream:
        readers = readers_of(deployment, request, log, whole=question.kind in WHOLE_LOG)
        return stream(tell_story(ask(readers, question)), question.kind, written)

    @get(
        "/cylinders/{code:str}/story", tags=[TAG], sync_to_thread=True, responses=answered(TraceAnswer),
        operation_class=Written, summary="气瓶的来龙去脉 · where a cylinder comes from and where it went",
    )  # fmt: skip
    def get_cylinder_story(
        *, request: Asking, code: CodePath, log: AnyLog = None, from_: From = None, to: To = None,
        known_at: KnownAt = None, written: As = "json",
    ) -> Stream:  # fmt: skip
        asked = Question("cylinder", unquote(code), window_of(from_, to, known_at))
        return answer(request, log, asked, written)

    def route(path: str, kind: str, summary: str) -> HTTPRouteHandler:
        @get(
            path, tags=[TAG], sync_to_thread=True, responses=answered(TraceAnswer), operation_class=Written,
            summary=summary,
        )  # fmt: skip
        def get_story(
            *, request: Asking, id: RefPath, log: AnyLog = None, from_: From = None, to: To = None,  # noqa: A002 - URL
            known_at: KnownAt = None, written: As = "json",
        ) -> Stream:  # fmt: skip
            return answer(request, log, Question(kind, id, window_of(from_, to, known_at)), written)

        return get_story

    return [get_cylinder_story, *(route(*one) for one in _STORIES)]


def readers_of(deployment: Deployment, request: Asking, log: str | None, *, whole: bool) -> list[Reader]:
    """The log named, or all of those hosted here that the token covers; Forbidden where it covers none of them, or
    where a question takes the whole log and it covers some sites only.
    """
    origins = list(deployment.logs) if log is None else [deployment.origin(log)]
    readers, refused = list[Reader](), list[Forbidden]()
    for origin in origins:
        try:
            readers.append(Reader(deployment.engine, origin, deployment.access.sites(request.headers, origin)))
        except Unauthorised:
            raise
        except Forbidden as fault:
            refused.append(fault)
    if not readers:
        raise refused[0]
    if whole and not all(one.whole for one in readers):
        raise Forbidden(
            "查询用户、场所、楼栋、人员或车辆需要可查全部站点的令牌",
            "customers, premises, buildings, people and vehicles take a token for all sites of the log",
        )
    return readers


def as_of_now(request: Asking) -> None:
    """Malformed for a question that is answered as of now only, and is asked for another time."""
    if "known_at" in request.query_params:
        raise Malformed(
            "此问只答现在；当时如何，请问气瓶、场所、楼栋等的追溯（known_at）",
            "this is answered as of now; as of then, ask for the story of a cylinder, premises or building (known_at)",
            pointer="known_at",
        )


def stream(telling: Telling, name: str, written: Format) -> Stream:
    """The answer as it was asked for; a file's name unless it is JSON."""
    media_type, pieces = WRITERS[written]
    headers = {"Cache-Control": "private, no-store"}
    if written != "json":
        headers["Content-Disposition"] = f'attachment; filename="{name}.{written}"'
    return Stream(pieces(telling), media_type=media_type, headers=headers)
