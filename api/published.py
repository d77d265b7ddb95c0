"""GET a log as it is published: checkpoint, tiles, entry bundles, as the static files that they are.

*Committed* is what a bundle's answer says; *published* is what a checkpoint covers, about a second later. The tree is
everybody's: no token. Entry bundles hold every site's entries: they take a token for all sites of the log. Whatever
shows a checkpoint says in the header `Ledger-Quorum` whether it has the cosignatures that the log's policy asks for.
"""

import gzip
from typing import Annotated
from urllib.parse import quote, unquote

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec
from litestar.params import PathParameter

from api.cylinders import Asking
from api.deployment import Deployment, PublishedLog
from api.problems import documented
from api.publish.standing import HEADER, Witnessed
from api.publish.tile_store import TileStore
from ledger.checkpoint import Checkpoint, parse_checkpoint
from ledger.errors import Busy, Corrupt, Forbidden, LedgerError, NotFound
from ledger.store.read import ALL_SITES
from ledger.tiles import ENTRIES, HEIGHT, WIDTH, Tile, parse_tile_path

TAG = "存证 · published"
TEXT = "text/plain"
BYTES = "application/octet-stream"
_PREFIX = "/logs/"
_YEAR_S = 31_536_000
_GZIP_LEVEL = 6
_MAX_ORIGIN = 300  # its slashes take three characters each

OriginPath = Annotated[
    str,
    PathParameter(
        max_length=_MAX_ORIGIN,
        description="日志名称，斜杠照写或写作 %2F · the log's origin, its slashes as they are or as %2F",
    ),
]
TilePath = Annotated[
    str, PathParameter(description="瓦片，如 0/x001/234 或 entries/000.p/17 · which tile, as tlog-tiles names it")
]


def one_segment(path: str, origins: tuple[str, ...]) -> str:
    """A path as the routes take it: an origin's slashes as %2F. `origins`: the longest first."""
    if path.startswith(_PREFIX):
        for origin in origins:
            if path.startswith(f"{_PREFIX}{origin}/"):
                return f"{_PREFIX}{quote(origin, safe='')}{path[len(_PREFIX) + len(origin) :]}"
    return path


def published_size(store: TileStore) -> int:
    """How many entries the published checkpoint covers, 0 where there is none that can be read."""
    try:
        return newest(store).head.size
    except (LedgerError, OSError):
        return 0


def published_standing(published: PublishedLog) -> Witnessed:
    """How the published checkpoint stands; without any, nobody has cosigned, and nothing lacks a quorum."""
    try:
        return published.standing(newest(published.store))
    except (LedgerError, OSError):
        return Witnessed((), "none")


def find_published(deployment: Deployment, origin: str) -> tuple[str, TileStore]:
    """The log of a path segment and its files; NotFound when it is not published here."""
    named = unquote(origin)
    published = deployment.published.get(named)
    if published is None:
        raise NotFound(f"此处没有发布日志 {named}", f"no log {named} is published here")
    return named, published.store


def published_routes(deployment: Deployment) -> list[HTTPRouteHandler]:
    """The routes of a log's files; NotFound for a log that is not published here."""

    @get(
        "/logs/{origin:str}/checkpoint", tags=[TAG], sync_to_thread=True, summary="存证快照 · the newest checkpoint",
        responses=documented_file(TEXT, "tlog-checkpoint", 404, 503),
    )  # fmt: skip
    def get_checkpoint(origin: OriginPath) -> Response[bytes]:
        named, store = find_published(deployment, origin)
        checkpoint = newest(store)
        headers = {
            "Cache-Control": "public, max-age=1",
            HEADER: deployment.published[named].standing(checkpoint).quorum,
        }
        return Response(checkpoint.raw, media_type=TEXT, headers=headers)

    @get(
        "/logs/{origin:str}/tile/{tile:path}", tags=[TAG], sync_to_thread=True,
        summary="瓦片，或条目包（须令牌）· a tile, or an entry bundle, which takes a token",
        responses=documented_file(BYTES, "tlog-tiles", 401, 403, 404, 503),
    )  # fmt: skip
    def get_tile(request: Asking, origin: OriginPath, tile: TilePath) -> Response[bytes]:
        named, store = find_published(deployment, origin)
        asked = parse_tile_path(f"tile/{unquote(tile).lstrip('/')}")
        entries = asked.level == ENTRIES
        if entries and deployment.access.sites(request.headers, named) != ALL_SITES:
            raise Forbidden("条目包须用可查全部站点的令牌", "entry bundles take a token for all sites of the log")
        body = store.read(asked) if _covers(newest(store).head.size, asked) else None
        if body is None:
            raise NotFound("没有这块瓦片；不满的可能已被满的取代", "no such tile; a full one may have replaced it")
        age = f"max-age={_YEAR_S}, immutable" if asked.width == WIDTH else "max-age=600"
        headers = {"Cache-Control": f"{'private' if entries else 'public'}, {age}"}
        if entries:
            headers["Vary"] = "Accept-Encoding, Authorization"
            if "gzip" in request.headers.get("accept-encoding", ""):
                headers["Content-Encoding"] = "gzip"
                body = gzip.compress(body, _GZIP_LEVEL, mtime=0)
        return Response(body, media_type=BYTES, headers=headers)

    return [get_checkpoint, get_tile]


def documented_file(media_type: str, what: str, *statuses: int) -> dict[int, ResponseSpec]:
    """An answer that is no JSON, and its problems."""
    found = ResponseSpec(str, description=what, media_type=media_type, generate_examples=False)
    return documented(*statuses) | {200: found}


def newest(store: TileStore) -> Checkpoint:
    """The published checkpoint; Busy before the first, Corrupt when its file is spoilt."""
    raw = store.read_checkpoint()
    if raw is None:
        raise Busy("尚无存证快照，请稍后再取", "nothing is published yet; ask again shortly")
    return read_back(raw)


def read_back(raw: bytes) -> Checkpoint:
    """The checkpoint in a file of ours; Corrupt when it is spoilt."""
    try:
        return parse_checkpoint(raw)
    except LedgerError as error:
        raise Corrupt(f"存证快照文件损坏：{error.zh}", f"the checkpoint's file is spoilt: {error.en}") from error


def _covers(size: int, tile: Tile) -> bool:
    """Whether a published tree of this size has the tile: what a checkpoint does not cover may yet change its fate."""
    hashes = size if tile.level == ENTRIES else size >> tile.level * HEIGHT
    return tile.index * WIDTH + tile.width <= hashes
