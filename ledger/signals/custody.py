"""Contradictions of custody: CUST (one code at two places), F8 (at two places within minutes), F7 (another body)."""

from collections.abc import Iterator

from msgspec import structs

from ledger import claim as c
from ledger import events as e
from ledger.china import DAY_MS
from ledger.cylinder import UNKNOWN_HOLDER
from ledger.rules.custody import left_by
from ledger.signals.body import KEPT_SPOTS, Body, Doubt, Spot
from ledger.signals.signal import MINUTE_MS, Scan, Signal

_KEPT = 4


def contradicted(scan: Scan) -> Iterator[Signal]:
    """CUST: where a scan takes it from is not where it is by the ledger; so many times within `window_days`.

    Once is honest: an unscanned return, neighbours who swap. The same belief contradicted in the same way again is one
    scan missing, not two. A late scan that was overtaken contradicts nothing; a stamp shown, an inspection or a count
    ends all doubt. A return inferred again asks for the stamp (FILL-11): who fills without showing it is told of.
    """
    body, params = scan.body, scan.params("CUST")
    if body is None or scan.key is None or params is None:
        return
    doubt = _doubt(scan, body)
    since = scan.at - params["window_days"] * DAY_MS
    kept = tuple(one for one in body.doubts if one.at >= since)
    if doubt is not None:
        if any(
            (one.believed, one.placed, one.claimed) == (doubt.believed, doubt.placed, doubt.claimed) for one in kept
        ):
            return
        kept = (*kept, doubt)[-_KEPT:]
        scan.remember(structs.replace(body, doubts=kept))
        told = not doubt.inferred
    else:
        told = isinstance(scan.claim, c.CompleteFill) and _unanswered(body, kept)
    if told and len(kept) >= params["conflicts"]:
        before = (index for one in kept for index in (one.placed, one.entry))
        last = kept[-1]
        yield scan.signal("CUST", scan.key, *before, believed=last.believed, claimed=last.claimed, conflicts=len(kept))


def _unanswered(body: Body, doubts: tuple[Doubt, ...]) -> bool:
    """Whether it is filled after an inferred return that was not the first doubt, its stamp unseen: F2 tells of those
    that are returns all of them.
    """
    last_fill = body.fills[-1][1] if body.fills else -1
    mixed = {one.inferred for one in doubts} == {True, False}
    return mixed and doubts[-1].inferred and doubts[-1].entry > last_fill and not body.shown


def _doubt(scan: Scan, body: Body) -> Doubt | None:
    if body.holder == UNKNOWN_HOLDER or scan.seen_at < body.placed_at:
        return None
    if isinstance(scan.event, e.PlacedEvent) and scan.event.superseded:
        return None
    claimed = _claimed(scan.claim, body)
    if claimed is None or claimed == body.holder:
        return None
    inferred = isinstance(scan.claim, c.CheckPrefill)
    return Doubt(scan.index, scan.at, body.holder, body.placed, claimed, inferred)


def _claimed(claim: c.AnyClaim, body: Body) -> str | None:
    """Where a claim says that its cylinder was until now; None for claims that do not say so."""
    match claim:
        case c.CheckPrefill() if claim.stamp_tail is None or claim.photo_digest is None:
            return f"site:{claim.site}"
        case c.StartFill() | c.CompleteFill() | c.CheckPostfill():
            return f"site:{claim.site}"
        case c.CollectCylinder(customer=None) if not body.holder.startswith("customer:"):
            return f"vehicle:{claim.vehicle}"  # whom it is from is not said: a customer's, or its own
        case _:
            return left_by(claim)


_DOORS = (c.HandOver, c.CollectCylinder, c.NotDelivered)


def impossible_travel(scan: Scan) -> Iterator[Signal]:
    """F8: at two sites within `site_min`, or with two vehicles at two doors within `door_min`.

    Places have no coordinates here, so minutes between different places stand for speed. Only scans whose device said
    what its clock was are compared, by clocks put right, late ones too.
    """
    body, params = scan.body, scan.params("F8")
    place = _spot(scan.claim)
    if body is None or scan.key is None or place is None or scan.offset_ms is None:
        return
    spot = Spot(place, scan.seen_at, scan.index, scan.signer)
    # The newest at each place is enough: a row of scans at one place must not push the other place out.
    others = tuple(one for one in body.spots if one.place != place)
    scan.remember(structs.replace(body, spots=(*others, spot)[-KEPT_SPOTS:]))
    if params is None:
        return
    for one in others:
        apart_ms = abs(spot.at - one.at)
        sites = place.startswith("site:") and one.place.startswith("site:")
        doors = place.startswith("door:") and one.place.startswith("door:") and one.signer != spot.signer
        within = params["site_min"] if sites else params["door_min"] if doors else 0
        if apart_ms < within * MINUTE_MS:
            yield scan.signal("F8", scan.key, one.entry, place=place, other=one.place, apart_s=apart_ms // 1000)
            return


def _spot(claim: c.AnyClaim) -> str | None:
    match claim:
        case c.HandOver() | c.NotDelivered():
            return f"door:{claim.premises}"
        case c.CollectCylinder():
            return None if claim.premises is None else f"door:{claim.premises}"
        case c.BindCode() | c.SetAside():
            return None  # said at a desk, perhaps of a cylinder elsewhere
        case _:
            site: str | None = getattr(claim, "site", None)
            return None if site is None else f"site:{site}"


def other_body(scan: Scan) -> Iterator[Signal]:
    """F7: a code of another cylinder on this body, at once; a stamp keyed that is not its own, the second time.

    Keyed once is a slip; the right one keyed later ends it.
    """
    body, params, claim = scan.body, scan.params("F7"), scan.claim
    if body is None or scan.key is None or params is None or not isinstance(claim, c.CheckPrefill):
        return
    event = scan.event
    assert isinstance(event, e.Event)
    wrong = next((one for one in (*event.violations, *event.warnings) if one.reason == "stamp_mismatch"), None)
    if wrong is None:
        return
    since = scan.at - params["window_days"] * DAY_MS
    kept = tuple(one for one in body.mismatches if one[0] >= since)
    scan.remember(structs.replace(body, mismatches=(*kept, (scan.at, scan.index))[-_KEPT:]))
    read = wrong.facts.get("code")
    if read is not None:
        yield scan.signal("F7", scan.key, code=read)
    elif len(kept) + 1 >= params["times"]:
        yield scan.signal("F7", scan.key, *(entry for _, entry in kept), times=len(kept) + 1)
