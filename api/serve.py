"""Serving: the deployment composed from settings and a clock, and uvicorn around it."""

import asyncio
import contextlib
import gc
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import uvicorn
from litestar import Litestar

from api.access import Access
from api.alerts.loop import FollowingThread
from api.app import create_app
from api.deployment import Clock, Deployment, HostedLog, PublishedLog
from api.publish.loop import Loop, Status
from api.publish.plan import Place, Plan, read_places, read_policy
from api.publish.publisher import Published
from api.publish.tile_store import TileStore, log_folder
from api.sentry.filing import LogSigner
from api.sentry.loop import Sentry
from api.settings import BadSettings, Settings
from api.signing import read_private_key
from ledger.errors import NotFound
from ledger.policy import format_policy
from ledger.store.keys import Keys
from ledger.store.read import open_engine, servable_origins
from ledger.store.writer import Writer

_BACKLOG = 2048
_KEEP_ALIVE_S = 75  # longer than a station's pause between scans
_SHUTDOWN_S = 20
_SWITCH_INTERVAL_S = 0.0005

Ready = Callable[[str], None]
"""Told the server's URL when it takes requests."""


def real_clock() -> int:
    """Milliseconds UTC by this machine."""
    return time.time_ns() // 1_000_000


def deploy(settings: Settings, clock: Clock) -> Deployment:
    """All logs of the database, with writers that do not run yet. NotFound when there is none; Busy if it is away, or
    a log is of another version.
    """
    origins = servable_origins(settings.database_url)
    if not origins:
        raise NotFound(
            "数据库中还没有日志；请先用 ledger open-log 建立", "no log in this database; make one with ledger open-log"
        )
    logs = [HostedLog(Writer(settings.database_url, origin, clock), Keys(origin)) for origin in origins]
    engine = open_engine(settings.database_url)
    deployment = Deployment(logs, engine, clock, Access(settings.tokens), label_host=settings.label_host)
    deployment.following += [FollowingThread(settings.database_url, origin) for origin in origins]
    for place in read_places(settings.publish_file) if settings.publish_file else ():
        deployment.published[place.origin] = _published(deployment, place)
    return deployment


def _published(deployment: Deployment, place: Place) -> PublishedLog:
    """What this process publishes or hands out. BadSettings when the log is not here, or its keys are not keys."""
    origin, plan, metrics = place.origin, place.plan, deployment.metrics
    if origin not in deployment.logs:
        raise BadSettings(f"数据库中没有要发布的日志 {origin}", f"no log {origin} in this database to publish")
    store = TileStore(log_folder(place.root, origin))
    policy = _policy_file(place)
    if plan is None:
        return PublishedLog(store, None, policy, None)
    head_signer = plan.signers()[0]
    troubles: set[str] = set()

    def counted(published: Published) -> None:
        metrics.published(origin, published.lags_ms)

    def tell(status: Status) -> None:
        for reason in troubles:
            metrics.publishing_trouble(origin, reason, over=True)
        if status.reason:
            troubles.add(status.reason)
            metrics.publishing_trouble(origin, status.reason, over=False)
        if status.zh:
            sys.stderr.write(f"{origin}: {status.zh}\n{origin}: {status.en}\n")

    loop = Loop(plan, deployment.engine, deployment.clock, counted, tell)
    if plan.log_key is not None:
        deployment.sentries[origin] = _sentry(deployment, plan, store, loop, plan.log_key)
    return PublishedLog(store, loop, policy, head_signer)


def _sentry(deployment: Deployment, plan: Plan, store: TileStore, loop: Loop, log_key: Path) -> Sentry:
    """Who watches the signers of a log that this process publishes, with the log's own key."""
    origin, lock = plan.origin, plan.state.with_name(f"{plan.state.name}.sentry.lock")
    metrics, writer = deployment.metrics, deployment.logs[origin].writer

    def tell(zh: str, en: str) -> None:
        sys.stderr.write(f"{origin}: {zh}\n{origin}: {en}\n")

    log_signer = LogSigner(deployment.engine, writer, read_private_key(log_key))
    counted = partial(metrics.open_alerts, origin)
    return Sentry(
        origin, deployment.engine, store=store, log_signer=log_signer,
        publishing=loop, clock=deployment.clock, tell=tell,
        counted=counted, lock=lock,
    )  # fmt: skip


def _policy_file(place: Place) -> bytes | None:
    """The bytes of the policy that goes with the log's evidence: the file's own, as investigators have it."""
    if place.policy is not None:
        read_policy(place.policy)
        return place.policy.read_bytes()
    return None if place.plan is None else format_policy(place.plan.trust())


class Server(uvicorn.Server):
    """Uvicorn that says when it is ready."""

    def __init__(self, app: Litestar, bound: socket.socket, ready: Ready) -> None:
        """The socket is bound already, so that its port is known and a taken one was told."""
        config = uvicorn.Config(
            app,
            loop="auto",  # uvloop where there is one
            http="httptools",
            ws="none",
            lifespan="on",
            access_log=False,  # codes are in the paths
            log_level="warning",
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_SHUTDOWN_S,
        )
        super().__init__(config)
        self._bound, self._ready = bound, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets)
        # What was imported lives as long as we do; a full collection need not look at it each time.
        gc.collect()
        gc.freeze()
        if self.started:
            await asyncio.to_thread(self._ready, url_of(self._bound))

    def run_bound(self) -> None:
        """Serve until told to stop, by a signal or `should_exit`; Ctrl-C is a good end, as in `uvicorn.run`."""
        with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises the signal again once it has shut down
            self.run([self._bound])


def serve(settings: Settings, clock: Clock, ready: Ready) -> None:
    """Serve until a signal ends it. `ledger serve` passes the real clock; only demo and tests pass another."""
    # The writer's thread waits for the event loop's at every answer of the database, by default up to 5 ms each time.
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    make_server(settings, clock, ready).run_bound()


def make_server(settings: Settings, clock: Clock, ready: Ready) -> Server:
    """A server bound to its address, not yet running; BadSettings when the address cannot be had."""
    app = create_app(deploy(settings, clock))
    return Server(app, bind(settings.host, settings.port), ready)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise BadSettings(
            f"无法监听 {host}:{port}：{error.strerror}", f"cannot listen on {host}:{port}: {error.strerror}"
        ) from error


def url_of(bound: socket.socket) -> str:
    """The URL of a bound socket."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
