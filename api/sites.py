"""GET what happened at a site, page by page, and which cylinders may contain gas of a tank lot."""

from typing import Annotated

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter, QueryParameter
from msgspec import Struct

from api.cylinders import READ_PROBLEMS, Asking, LogName
from api.deployment import Asked, Deployment
from api.views import EntryView, entry_view, shown_holder
from api.words import china_time
from ledger import claim as c
from ledger import events as e
from ledger.bundle import decode_claim
from ledger.contents import share_of
from ledger.cylinder import WHOLE, Cylinder
from ledger.errors import Forbidden, NotFound
from ledger.lifecycle import STAGE_ZH, Stage
from ledger.store.read import ALL_SITES, Stored, cylinders_by_id, entries_of, has_record, lot_cylinders

MAX_PAGE = 500
USUAL_PAGE = 100
_LARGEST_INDEX = 2**53 - 1
RefPath = Annotated[
    str, PathParameter(pattern="^[0-9A-Za-z][0-9A-Za-z.-]{0,39}$", description="登记编号 · a registry id")
]
AfterIndex = Annotated[int, QueryParameter(ge=-1, le=_LARGEST_INDEX, description="此序号之后 · after this index")]
PageLimit = Annotated[int, QueryParameter(ge=1, le=MAX_PAGE, description="每页条数 · how many a page")]


class Page(Struct, frozen=True):
    """Entries in index order. `next_after` is the cursor of the next page, None when this is the last."""

    log: str
    site: str
    entries: list[EntryView]
    next_after: int | None


class LotFill(Struct, frozen=True):
    """One fill from the lot, and where the cylinder is now: whoever holds it may hold gas of the lot.

    `code` is what was scanned at the fill. What the ledger does not know (a fill of an unregistered code) is None.
    `completed`: it ended with this lot; else it was interrupted, and may have gone on from another, or only its start
    is known, without a weight. `at_most_permille`: so much of what is in the cylinder now may be of this fill.
    """

    code: str
    cylinder: str | None
    entry_index: int
    at: int
    at_text: str
    station: str
    line: str
    person: str
    completed: bool
    net_g: int | None
    lawful: bool
    stage: Stage | None
    stage_zh: str | None
    holder: str | None
    refilled_since: bool
    at_most_permille: int | None


class LotCylinders(Struct, frozen=True):
    """Fills from a tank lot. They *may contain* its gas: gas mixes in the tank. `complete` as in a trace."""

    log: str
    tank_lot: str
    complete: bool
    may_contain: list[LotFill]


def site_routes(deployment: Deployment) -> list[HTTPRouteHandler]:
    """The routes about a site and a tank lot."""

    @get(
        "/sites/{site:str}/entries", tags=["站点 · sites"], sync_to_thread=True, responses=READ_PROBLEMS,
        summary="站点记录，分页 · a site's entries, page by page",
    )  # fmt: skip
    def get_entries(
        request: Asking,
        site: RefPath,
        log: LogName = None,
        after: AfterIndex = -1,
        limit: PageLimit = USUAL_PAGE,
    ) -> Page:
        allowed = deployment.access.sites(request.headers, deployment.origin(log))
        if allowed != ALL_SITES and site not in allowed:
            raise Forbidden(f"该令牌不能查询站点 {site}", f"this token does not cover the site {site}")
        with deployment.reading(request.headers, log) as asked:
            _known(asked, f"site:{site}", site)
            stored = entries_of(asked.connection, asked.log.log_id, f"site:{site}", after=after, limit=limit + 1)
            cursor = stored[limit - 1].entry_index if len(stored) > limit else None
            return Page(asked.log.origin, site, [entry_view(one) for one in stored[:limit]], cursor)

    @get(
        "/lots/{lot:str}/cylinders", tags=["罐次 · tank lots"], sync_to_thread=True, responses=READ_PROBLEMS,
        summary="可能含有该罐次气体的气瓶 · cylinders that may contain gas of a lot",
    )  # fmt: skip
    def get_lot(request: Asking, lot: RefPath, log: LogName = None) -> LotCylinders:
        with deployment.reading(request.headers, log) as asked:
            _known(asked, f"tank_lot:{lot}", lot)
            return LotCylinders(asked.log.origin, lot, asked.whole, _fills(asked, lot))

    return [get_entries, get_lot]


def _known(asked: Asked, subject: str, name: str) -> None:
    if not has_record(asked.connection, asked.log.log_id, subject):
        log = asked.log.origin
        raise NotFound(f"没有登记 {name}（所查日志：{log}）", f"nothing registered as {name} (asked the log {log})")


def _fills(asked: Asked, lot: str) -> list[LotFill]:
    stored = lot_cylinders(asked.connection, asked.log.log_id, lot)
    named = {one.entry.outcome.cylinder for one in stored if isinstance(one.entry.outcome, e.CylinderEvent)}
    cylinders = cylinders_by_id(asked.connection, asked.log.log_id, [key for key in named if key is not None])
    return [_fill(one, cylinders, whole=asked.whole) for one in stored]


def _fill(stored: Stored, cylinders: dict[str, Cylinder], *, whole: bool) -> LotFill:
    claim, outcome = decode_claim(stored.entry.claim), stored.entry.outcome
    assert isinstance(claim, c.StartFill | c.InterruptFill | c.CompleteFill)
    assert isinstance(outcome, e.FillStarted | e.FillInterrupted | e.CylinderFilled)
    now = cylinders.get(outcome.cylinder or "")
    return LotFill(
        code=claim.code,
        cylinder=outcome.cylinder,
        entry_index=stored.entry_index,
        at=stored.entry.recorded_at,
        at_text=china_time(stored.entry.recorded_at),
        station=claim.site,
        line=claim.line,
        person=claim.person,
        completed=isinstance(outcome, e.CylinderFilled),
        net_g=None if isinstance(outcome, e.FillStarted) else outcome.net_g,
        lawful=isinstance(outcome, e.CylinderFilled) and outcome.lawful,
        stage=None if now is None else now.stage,
        stage_zh=None if now is None else STAGE_ZH[now.stage],
        holder=None if now is None else shown_holder(now.holder, whole=whole),
        refilled_since=_refilled(now, claim.authorisation, stored.entry.recorded_at),
        at_most_permille=None if now is None else share_of(now, claim.authorisation),
    )


def _refilled(now: Cylinder | None, authorisation: str, at: int) -> bool:
    """Whether a later fill, that did not continue this one, is the newest."""
    if now is None or now.fill is None or now.fill.authorisation == authorisation:
        return False
    return now.fill.at >= at and share_of(now, authorisation) < WHOLE
