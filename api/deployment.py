"""A deployment: the logs it hosts, its database, clock, readers and metrics. Handed to every handler; no globals."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from litestar.datastructures import Headers

from api.access import Access
from api.alerts.loop import FollowingThread
from api.metrics import Metrics
from api.publish.loop import Loop
from api.publish.standing import Witnessed, witnessed
from api.publish.tile_store import TileStore
from api.sentry.loop import Sentry
from ledger.checkpoint import Checkpoint
from ledger.errors import Malformed, NotFound, WrongLog
from ledger.note_key import NoteSigner
from ledger.policy import parse_policy
from ledger.store.keys import Keys
from ledger.store.read import ALL_SITES, Connection, Engine, LogState, log_state, reading
from ledger.store.writer import Writer

Clock = Callable[[], int]
"""Milliseconds UTC."""


class HostedLog(NamedTuple):
    """A log that this process appends to."""

    writer: Writer
    keys: Keys


class PublishedLog(NamedTuple):
    """A log's published files, and the loop of this process that writes them; None when another process does.

    `policy` is its policy's file, None when none is named; `head_signer` signs where chains end, as evidence says it.
    """

    store: TileStore
    loop: Loop | None
    policy: bytes | None
    head_signer: NoteSigner | None

    def standing(self, checkpoint: Checkpoint) -> Witnessed:
        """How a checkpoint of this log stands under its policy."""
        return witnessed(None if self.policy is None else parse_policy(self.policy), checkpoint)


class Asked(NamedTuple):
    """What a read may use: a connection within the reader's scope, the log as it stands, and if all of it shows."""

    connection: Connection
    log: LogState
    whole: bool


class Deployment:
    """Composed once by `serve` (or a test); `clock` is the only time that handlers know."""

    def __init__(
        self, logs: Iterable[HostedLog], engine: Engine, clock: Clock, access: Access, *, label_host: str | None = None
    ) -> None:
        """Nothing runs yet: the app's lifespan starts and stops the writers and publishers."""
        self.logs = {log.writer.origin: log for log in logs}
        self.engine, self.clock, self.access, self.label_host = engine, clock, access, label_host
        self.metrics = Metrics()
        self.published: dict[str, PublishedLog] = {}
        self.sentries: dict[str, Sentry] = {}
        self.following: list[FollowingThread] = []

    def hosted(self, origin: str) -> HostedLog:
        """The log of that origin; WrongLog names those hosted here."""
        log = self.logs.get(origin)
        if log is None:
            here_zh, here_en = "、".join(self.logs), ", ".join(self.logs)
            raise WrongLog(
                f"本服务器没有日志 {origin}，只有 {here_zh}；未保存任何数据",
                f"no log {origin} here, only {here_en}; nothing was stored",
            )
        return log

    def origin(self, named: str | None) -> str:
        """The log that a read is about: the one named, or the only one. Malformed lists them when it must be named."""
        if named is not None:
            if named not in self.logs:
                here = ", ".join(self.logs)
                raise NotFound(f"没有日志 {named}；此处有：{here}", f"no log {named} here; there are: {here}")
            return named
        if len(self.logs) != 1:
            here = ", ".join(self.logs)
            raise Malformed(f"请用参数 log 指明日志：{here}", f"name one with the parameter log: {here}")
        return next(iter(self.logs))

    @contextmanager
    def reading(self, headers: Headers, log: str | None) -> Iterator[Asked]:
        """A read transaction on one log, within what the token in these headers covers."""
        origin = self.origin(log)
        sites = self.access.sites(headers, origin)
        with reading(self.engine, sites) as connection:
            yield Asked(connection, log_state(connection, origin), sites == ALL_SITES)
