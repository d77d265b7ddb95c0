"""GET /health for whoever watches the server, GET /metrics for Prometheus."""

from typing import Literal

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec
from msgspec import Struct

from api.cylinders import Asking
from api.deployment import Deployment
from api.problems import documented
from ledger.store.read import log_state, reading

TAG = "运行 · operation"
TEXT_FORMAT = "text/plain; version=0.0.4"


class LogHealth(Struct, frozen=True):
    """One log: its size, the age of its last entry (ms by our clock), and how many bundles wait."""

    log: str
    size: int
    last_entry_age_ms: int
    waiting: int


class Health(Struct, frozen=True):
    """`status` is `ok` whenever this is answered with 200; a database that is away is answered with 503."""

    status: Literal["ok"]
    at: int
    logs: list[LogHealth]


def health_routes(deployment: Deployment) -> list[HTTPRouteHandler]:
    """Health is open to whoever reaches the server; metrics need a token for everything, where there are tokens."""

    @get("/health", tags=[TAG], sync_to_thread=True, responses=documented(503), summary="健康状态 · health")
    def get_health() -> Health:
        now = deployment.clock()
        logs = []
        with reading(deployment.engine, ()) as connection:
            for origin, log in deployment.logs.items():
                state = log_state(connection, origin)
                age_ms = max(0, now - state.recorded_at)
                logs.append(LogHealth(origin, state.size, age_ms, log.writer.waiting))
        return Health("ok", now, logs)

    @get(
        "/metrics", tags=[TAG], sync_to_thread=False, media_type=TEXT_FORMAT, summary="Prometheus 指标 · metrics",
        responses=documented(401, 403)
        | {200: ResponseSpec(str, description="Prometheus 0.0.4", media_type=TEXT_FORMAT, generate_examples=False)},
    )  # fmt: skip
    def get_metrics(request: Asking) -> Response[bytes]:
        deployment.access.whole(request.headers)
        return Response(deployment.metrics.exposition(), media_type=TEXT_FORMAT)

    return [get_health, get_metrics]
