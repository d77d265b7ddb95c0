"""GET the checkpoints of a log that are kept, about one a minute, with their cosignatures and timestamps."""

from itertools import islice
from typing import Annotated

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec
from litestar.params import PathParameter
from msgspec import Struct

from api.deployment import Deployment
from api.problems import documented
from api.publish.standing import HEADER
from api.published import TAG, TEXT, OriginPath, find_published, read_back
from api.sites import USUAL_PAGE, AfterIndex, PageLimit
from ledger.errors import NotFound

TIMESTAMP = "application/timestamp-reply"
_SUFFIX = ".tsr"

KeptPath = Annotated[
    str,
    PathParameter(
        pattern="^(0|[1-9][0-9]{0,18})([.]tsr)?$",
        description="条数，取时间戳再加 .tsr，如 163、163.tsr · its size, with .tsr for its timestamp",
    ),
]


class KeptCheckpoint(Struct, frozen=True):
    """A checkpoint that is kept, and whether an RFC 3161 timestamp lies beside it."""

    size: int
    timestamped: bool


class KeptCheckpoints(Struct, frozen=True):
    """Kept checkpoints, the smallest first. `next_after` is the cursor of the next page, None when this is the last."""

    log: str
    checkpoints: list[KeptCheckpoint]
    next_after: int | None


def kept_routes(deployment: Deployment) -> list[HTTPRouteHandler]:
    """The routes of kept checkpoints; NotFound for a log that is not published here."""

    @get(
        "/logs/{origin:str}/checkpoints", tags=[TAG], sync_to_thread=True, responses=documented(404),
        summary="留存的快照 · checkpoints that are kept",
    )  # fmt: skip
    def get_kept(origin: OriginPath, after: AfterIndex = -1, limit: PageLimit = USUAL_PAGE) -> KeptCheckpoints:
        named, store = find_published(deployment, origin)
        sizes = list(islice(store.kept_after(after), limit + 1))
        kept = [KeptCheckpoint(size, store.timestamped(size)) for size in sizes[:limit]]
        return KeptCheckpoints(named, kept, sizes[limit - 1] if len(sizes) > limit else None)

    @get(
        "/logs/{origin:str}/checkpoints/{kept:str}", tags=[TAG], sync_to_thread=True,
        summary="一份留存的快照，或其时间戳（RFC 3161）· a kept checkpoint, or its timestamp",
        responses=documented(404)
        | {200: ResponseSpec(str, description="tlog-checkpoint, RFC 3161", media_type=TEXT, generate_examples=False)},
    )  # fmt: skip
    def get_one_kept(origin: OriginPath, kept: KeptPath) -> Response[bytes]:
        named, store = find_published(deployment, origin)
        size = int(kept.removesuffix(_SUFFIX))
        stamp = kept.endswith(_SUFFIX)
        body = store.read_timestamp(size) if stamp else store.read_kept(size)
        if body is None:
            raise NotFound(
                f"没有留存 {kept}，请查 checkpoints 列表", f"{kept} is not kept; see the list of checkpoints"
            )
        if stamp:
            return Response(body, media_type=TIMESTAMP, headers={"Cache-Control": "public, max-age=3600"})
        quorum = deployment.published[named].standing(read_back(body)).quorum
        return Response(body, media_type=TEXT, headers={"Cache-Control": "public, max-age=60", HEADER: quorum})

    return [get_kept, get_one_kept]
