"""The HTTP app: its parts put together, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import Any

from litestar import Litestar

from api.alerts.routes import alert_routes
from api.bundles import PATH, BundleDoor, bundle_route
from api.cylinders import cylinder_routes
from api.deployment import Deployment
from api.docs_page import docs_routes
from api.evidence.routes import evidence_routes
from api.health import health_routes
from api.kept import kept_routes
from api.openapi import describe
from api.problems import on_exception
from api.proving import proof_routes
from api.publish.loop import PublishingThread
from api.published import one_segment, published_routes, published_size, published_standing
from api.recall.routes import recall_routes
from api.registry import registry_routes
from api.sentry.loop import SentryThread
from api.sites import site_routes
from api.trace.place_routes import place_routes
from api.trace.routes import trace_routes
from ledger.store.writer import Writer


class LedgerApp(Litestar):
    """Litestar, with a door of its own for bundles, and with `%2F` in a code not taken for a path's `/`."""

    door: BundleDoor
    origins: tuple[str, ...]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own
        """Bundles go straight to their door; everything else is routed by the path as it was sent."""
        if scope["type"] == "http":
            if scope["path"] == PATH and scope["method"] == "POST":
                await self.door(scope, receive, send)
                return
            if b"%" in scope["raw_path"]:
                scope["path"] = scope["raw_path"].decode("ascii", "replace")
            scope["path"] = one_segment(scope["path"], self.origins)
        await super().__call__(scope, receive, send)


def create_app(deployment: Deployment) -> LedgerApp:
    """The app of a deployment; its lifespan starts and stops the writers and closes the engine."""
    door = BundleDoor(deployment)
    routes = [
        bundle_route(door),
        *cylinder_routes(deployment),
        *site_routes(deployment),
        *trace_routes(deployment),
        *place_routes(deployment),
        *recall_routes(deployment),
        *registry_routes(deployment),
        *published_routes(deployment),
        *kept_routes(deployment),
        *proof_routes(deployment),
        *evidence_routes(deployment),
        *alert_routes(deployment),
        *health_routes(deployment),
    ]
    for origin, log in deployment.logs.items():
        deployment.metrics.watch(origin, _queue_length(log.writer))
    for origin, published in deployment.published.items():
        deployment.metrics.watch_published(
            origin, partial(published_size, published.store), partial(published_standing, published)
        )
    app = LedgerApp(
        [*routes, *docs_routes(lambda: describe(routes, version("cylinder-ledger")))],
        exception_handlers={Exception: on_exception},
        openapi_config=None,
        logging_config=None,
        lifespan=[_running(deployment)],
    )
    app.door, app.origins = door, tuple(sorted(deployment.logs, key=len, reverse=True))
    return app


def _queue_length(writer: Writer) -> Callable[[], float]:
    return lambda: writer.waiting


def _running(deployment: Deployment) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def running(_: Litestar) -> AsyncIterator[None]:
        with ExitStack() as stack:
            stack.callback(deployment.engine.dispose)
            # Entered first, left last: what the writers commit in the end is published too.
            for published in deployment.published.values():
                if published.loop is not None:
                    stack.enter_context(PublishingThread(published.loop))
            for log in deployment.logs.values():
                stack.enter_context(log.writer)
            for following in deployment.following:
                stack.enter_context(following)
            # Entered last, left first: what they say goes through the writers.
            for sentry in deployment.sentries.values():
                stack.enter_context(SentryThread(sentry))
            try:
                yield
            finally:
                # A writer answers all that waits before it ends; the loop must run meanwhile.
                await asyncio.to_thread(stack.close)

    return running
