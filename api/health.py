"""GET /health for whoever watches the server, GET /metrics for Prometheus."""

from typing import Literal

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec
from msgspec import Struct

from api.cylinders import Asking
from api.deployment import Deployment, PublishedLog
from api.problems import documented
from api.publish.standing import Quorum
from api.published import published_size, published_standing
from api.sentry.loop import Watching
from ledger.store.read import log_state, reading

TAG = "运行 · operation"
TEXT_FORMAT = "text/plain; version=0.0.4"


class Publishing(Struct, frozen=True):
    """How a log is published, up to which size, and what is wrong, if anything.

    off: nobody told us to · elsewhere: another process does · starting · running · standby: another process does, this
    one would take its place · waiting: database or disk is away · stopped: for `reason`, until a person has looked.

    `witnessed`: who cosigned the published checkpoint, by the policy's names; `quorum`: whether they are enough, or
    `none` without a policy, or when it asks for no witness.
    """

    state: Literal["off", "elsewhere", "starting", "running", "standby", "waiting", "stopped"]
    size: int
    witnessed: tuple[str, ...]
    quorum: Quorum
    rechecked: int
    reason: str
    zh: str
    en: str


class LogHealth(Struct, frozen=True):
    """One log: its size, the age of its last entry (ms by our clock), how many bundles wait, how it is published and
    its signers are watched.
    """

    log: str
    size: int
    last_entry_age_ms: int
    waiting: int
    publishing: Publishing
    sentry: Watching


class Health(Struct, frozen=True):
    """`failing` while publishing or watching of a log stands still; claims are taken all the same. 503: no database."""

    status: Literal["ok", "failing"]
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
                publishing = _publishing(deployment.published.get(origin))
                logs.append(
                    LogHealth(origin, state.size, age_ms, log.writer.waiting, publishing, _sentry(deployment, origin))
                )
        failing = any({"stopped", "waiting"} & {log.publishing.state, log.sentry.state} for log in logs)
        return Health("failing" if failing else "ok", now, logs)

    @get(
        "/metrics", tags=[TAG], sync_to_thread=False, media_type=TEXT_FORMAT, summary="Prometheus 指标 · metrics",
        responses=documented(401, 403)
        | {200: ResponseSpec(str, description="Prometheus 0.0.4", media_type=TEXT_FORMAT, generate_examples=False)},
    )  # fmt: skip
    def get_metrics(request: Asking) -> Response[bytes]:
        deployment.access.whole(request.headers)
        return Response(deployment.metrics.exposition(), media_type=TEXT_FORMAT)

    return [get_health, get_metrics]


def _sentry(deployment: Deployment, origin: str) -> Watching:
    sentry = deployment.sentries.get(origin)
    return Watching("off") if sentry is None else sentry.status


def _publishing(published: PublishedLog | None) -> Publishing:
    if published is None:
        zh, en = "未配置发布（LEDGER_PUBLISH_FILE）", "publishing is not configured (LEDGER_PUBLISH_FILE)"
        return Publishing("off", 0, (), "none", 0, "", zh, en)
    size, (witnesses, quorum) = published_size(published.store), published_standing(published)
    if published.loop is None:
        return Publishing("elsewhere", size, witnesses, quorum, 0, "", "", "")
    status = published.loop.status
    return Publishing(status.state, size, witnesses, quorum, status.rechecked, status.reason, status.zh, status.en)
