"""GET what stands in a building, what was found against what was expected, cylinders by parts of their stamp, and who
holds how many.
"""

from typing import Annotated

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from litestar.response import Stream

from api.cylinders import Asking
from api.deployment import Deployment
from api.evidence.routes import Found, KnownAt
from api.evidence.times import parse_time
from api.sites import RefPath
from api.trace.balancing import BalanceAnswer, ask_balances, tell_balances
from api.trace.building import BuildingAnswer, ask_building, tell_building
from api.trace.finding import SearchAnswer, ask_search, tell_search
from api.trace.routes import TAG, AnyLog, As, Written, answered, as_of_now, readers_of, stream
from api.trace.scene import SceneAnswer, ask_scene, tell_scene
from ledger.search import Parts

Town = Annotated[
    str | None, QueryParameter(pattern="^[0-9]{9}([0-9]{3})?$", description="镇、街道代码 · the town's code")
]
_Part = Annotated[str | None, QueryParameter(max_length=40)]
_Tare = Annotated[int | None, QueryParameter(ge=500, le=100_000)]


def place_routes(deployment: Deployment) -> list[HTTPRouteHandler]:
    """The routes about places, and about what has no code left."""

    @get(
        "/buildings/{id:str}", tags=[TAG], sync_to_thread=True, responses=answered(BuildingAnswer),
        operation_class=Written, summary="楼栋内的气瓶，不分供气单位 · a building's cylinders, over all enterprises",
    )  # fmt: skip
    def get_building(
        *, request: Asking, id: RefPath, town: Town = None, log: AnyLog = None, known_at: KnownAt = None,  # noqa: A002
        written: As = "json",
    ) -> Stream:  # fmt: skip
        readers = readers_of(deployment, request, log, whole=True)
        answer = ask_building(readers, id, town, None if known_at is None else parse_time(known_at))
        return stream(tell_building(answer), "building", written)

    def scene(path: str, kind: str, summary: str) -> HTTPRouteHandler:
        @get(
            path, tags=[TAG], sync_to_thread=True, responses=answered(SceneAnswer), operation_class=Written,
            summary=summary,
        )  # fmt: skip
        def get_scene(
            *, request: Asking, id: RefPath, found: Found = None, log: AnyLog = None, known_at: KnownAt = None,  # noqa: A002
            written: As = "json",
        ) -> Stream:  # fmt: skip
            readers = readers_of(deployment, request, log, whole=True)
            answer = ask_scene(readers, kind, id, found or (), None if known_at is None else parse_time(known_at))
            return stream(tell_scene(answer), "scene", written)

        return get_scene

    @get(
        "/search", tags=[TAG], sync_to_thread=True, responses=answered(SearchAnswer), operation_class=Written,
        summary="按残缺钢印、阀门、封签找气瓶 · cylinders by parts of a stamp, valve or seal number, ranked",
    )  # fmt: skip
    def get_search(
        *, request: Asking, serial: _Part = None, maker: _Part = None, made: _Part = None, tare_g: _Tare = None,
        model: _Part = None, valve_no: _Part = None, seal: _Part = None, log: AnyLog = None, written: As = "json",
    ) -> Stream:  # fmt: skip
        as_of_now(request)
        readers = readers_of(deployment, request, log, whole=True)
        parts = Parts(serial, maker, made, tare_g, model, valve_no, seal)
        return stream(tell_search(ask_search(readers, parts)), "search", written)

    @get(
        "/balances", tags=[TAG], sync_to_thread=True, responses=answered(BalanceAnswer), operation_class=Written,
        summary="谁持有多少气瓶 · who holds how many",
    )  # fmt: skip
    def get_balances(request: Asking, log: AnyLog = None, written: As = "json") -> Stream:
        as_of_now(request)
        answer = ask_balances(readers_of(deployment, request, log, whole=True))
        return stream(tell_balances(answer), "balances", written)

    scenes = (
        scene("/premises/{id:str}/scene", "premises", "场所现场比对 · a scene count at premises against the ledger"),
        scene("/buildings/{id:str}/scene", "building", "楼栋现场比对 · a scene count in a building"),
    )
    return [get_building, *scenes, get_search, get_balances]
