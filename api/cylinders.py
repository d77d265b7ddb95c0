"""GET a cylinder by any code: its state, its trace, its label."""

from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import unquote

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, OpenAPIType, Operation, Schema
from litestar.params import FromPath, PathParameter, QueryParameter
from msgspec import Struct

from api.deployment import Asked, Deployment
from api.problems import documented
from api.views import CylinderState, EntryView, cylinder_state, entry_view
from ledger.cylinder import Cylinder
from ledger.errors import Malformed, NotFound
from ledger.identity import SHAPES, Identifier, parse_code
from ledger.label import format_label
from ledger.reading import SALT_BYTES, parse_link, parse_reading
from ledger.store.read import cylinder_by_code, entries_of
from ledger.symbol import draw_png, draw_svg

TAG = "气瓶 · cylinders"
LogName = Annotated[
    str | None,
    QueryParameter(name="log", description="日志名称，默认唯一的那个 · the log's origin; the only one unless told"),
]
CodePath = Annotated[
    str,
    PathParameter(
        description="`体系:编码`，或扫码枪读到的内容（须百分号编码）· `scheme:value`, or what a gun reads, escaped"
    ),
]
Segment = FromPath[str]
Asking = Request[object, object, State]
READ_PROBLEMS = documented(401, 403, 404, 503)


class Trace(Struct, frozen=True):
    """A cylinder's story in order. `complete` is False where the reader's token shows some sites only."""

    log: str
    cylinder: str
    codes: tuple[str, ...]
    complete: bool
    entries: list[EntryView]


def parse_asked(code: str) -> Identifier:
    """The code that a path segment holds, still percent-encoded; Malformed when it is none."""
    text = unquote(code)
    found = parse_reading(text, salt=bytes(SALT_BYTES))
    if found.scheme == "unread":
        if text.partition(":")[0] in SHAPES:
            # Somebody keyed a code: say what is wrong with it, such as its check character.
            return parse_code(text)
        raise Malformed(
            "读不出气瓶编码；请用 体系:编码 的写法，或扫码所得的内容",
            "no cylinder code in this; write scheme:value, or give what the scanner read",
        )
    return found


def _find(asked: Asked, code: Identifier) -> tuple[Cylinder, bool]:
    try:
        return cylinder_by_code(asked.connection, asked.log.log_id, str(code))
    except NotFound as fault:
        log = asked.log.origin
        raise NotFound(f"{fault.zh}（所查日志：{log}）", f"{fault.en} (asked the log {log})") from fault


def cylinder_routes(deployment: Deployment) -> list[HTTPRouteHandler]:
    """The routes about one cylinder."""

    def state(request: Asking, log: str | None, code: Identifier) -> CylinderState:
        with deployment.reading(request.headers, log) as asked:
            found, active = _find(asked, code)
            return cylinder_state(
                asked.connection, asked.log.log_id, asked.log.origin, found,
                code=str(code), active=active, now=deployment.clock(), whole=asked.whole,
            )  # fmt: skip

    @get(
        "/cylinders/{code:str}", tags=[TAG], sync_to_thread=True, responses=READ_PROBLEMS,
        summary="气瓶现状 · a cylinder as it stands",
    )  # fmt: skip
    def get_cylinder(request: Asking, code: CodePath, log: LogName = None) -> CylinderState:
        return state(request, log, parse_asked(code))

    @get("/c/{scheme:str}/{value:str}", sync_to_thread=True, include_in_schema=False)
    def get_by_lower_label(request: Asking, scheme: Segment, value: Segment, log: LogName = None) -> CylinderState:
        return state(request, log, parse_link(f"https://label/C/{scheme}/{value}"))

    @get(
        "/C/{scheme:str}/{value:str}", tags=[TAG], sync_to_thread=True, responses=READ_PROBLEMS,
        summary="标签二维码所指 · where the printed label points",
    )  # fmt: skip
    def get_by_label(request: Asking, scheme: Segment, value: Segment, log: LogName = None) -> CylinderState:
        return state(request, log, parse_link(f"https://label/C/{scheme}/{value}"))

    @get(
        "/8003/{value:str}", tags=[TAG], sync_to_thread=True, responses=READ_PROBLEMS,
        summary="GS1 数字链接 · GS1 Digital Link",
    )  # fmt: skip
    def get_by_grai(request: Asking, value: Segment, log: LogName = None) -> CylinderState:
        return state(request, log, parse_link(f"https://label/8003/{value}"))

    @get(
        "/cylinders/{code:str}/trace", tags=[TAG], sync_to_thread=True, responses=READ_PROBLEMS,
        summary="气瓶追溯 · a cylinder's story",
    )  # fmt: skip
    def get_trace(request: Asking, code: CodePath, log: LogName = None) -> Trace:
        with deployment.reading(request.headers, log) as asked:
            found, _ = _find(asked, parse_asked(code))
            stored = entries_of(asked.connection, asked.log.log_id, f"cylinder:{found.cylinder}")
            entries = [entry_view(one) for one in stored]
            return Trace(asked.log.origin, found.cylinder, found.codes, asked.whole, entries)

    return [get_cylinder, get_by_label, get_by_lower_label, get_by_grai, get_trace, _label_route(deployment)]


@dataclass
class _Drawing(Operation):
    """The label's documentation: two media types, which Litestar's own cannot say."""

    def __post_init__(self) -> None:
        """Say what is drawn."""
        image = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))
        drawn = OpenAPIResponse("标签图 · the drawing", content={"image/svg+xml": image, "image/png": image})
        self.responses = {**(self.responses or {}), "200": drawn}


def _label_route(deployment: Deployment) -> HTTPRouteHandler:
    @get(
        "/cylinders/{code:str}/label", tags=[TAG], sync_to_thread=True, responses=READ_PROBLEMS,
        operation_class=_Drawing, summary="标签 · its printed label",
    )  # fmt: skip
    def get_label(
        request: Asking,
        code: CodePath,
        log: LogName = None,
        format: Annotated[  # noqa: A002 - the parameter's name in the URL
            Literal["svg", "png"], QueryParameter(description="图形格式 · which drawing")
        ] = "svg",
    ) -> Response[bytes]:
        with deployment.reading(request.headers, log) as asked:
            identifier = parse_asked(code)
            _, active = _find(asked, identifier)
        if not active:
            raise NotFound("标识编码已注销，不能制作标签", "this code is retired and gets no label")
        label = format_label(identifier, deployment.label_host or request.headers["host"])
        if format == "png":
            return Response(draw_png(label), media_type="image/png")
        return Response(draw_svg(label), media_type="image/svg+xml")

    return get_label
