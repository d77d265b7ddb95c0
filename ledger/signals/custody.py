"""Contradictions of custody: CUST (one code at two places), F8 (at two places within minutes), F7 (another body)."""

from collections.abc import Iterator

from msgspec import structs

from ledger import claim as c
from ledger import events as e
from ledger.china import DAY_MS
from ledger.cylinder import UNKNOWN_HOLDER
from ledger.fold import destination
from ledger.rules.custody import left_by
from ledger.rules.delivery import lies_in
from ledger.signals.body import KEPT_SPOTS, Body, Doubt, Spot
from ledger.signals.regions import district_of
from ledger.signals.signal import MINUTE_MS, Scan, Signal

_KEPT = 4


def contradicted(scan: Scan) -> Iterator[Signal]:
    """CUST: where a scan takes it from is not where it is by the ledger; so many times within `window_days`.

    Once is honest: an unscanned return, neighbours who swap. The same belief contradicted in the same way again is one
    scan missing, not two. A late scan that was overtaken contradicts nothing; a stamp shown or an inspection ends all
    doubt, a count does not: a clone is counted wherever it stands. A return inferred again asks for the stamp
    (FILL-11): who fills without showing it is told of.
    """
    if scan.body is not None and scan.key is not None:
        yield from _against(scan, scan.key, scan.body, _claimed(scan.claim, scan.body))


def counted_elsewhere(scan: Scan) -> Iterator[Signal]:
    """CUST: as above, each cylinder found in a count at a customer's; those seen elsewhere since are not among them."""
    claim, event = scan.claim, scan.event
    assert isinstance(claim, c.CountPremises)
    assert isinstance(event, e.PremisesCounted)
    for one in event.found:
        key = f"cylinder:{one}"
        yield from _against(scan, key, scan.memory.get(Body, key), f"customer:{claim.customer}")


def _against(scan: Scan, key: str, body: Body, claimed: str | None) -> Iterator[Signal]:
    params = scan.params("CUST")
    if params is None:
        return
    doubt = _doubt(scan, body, claimed)
    since = scan.at - params["window_days"] * DAY_MS
    kept = tuple(one for one in body.doubts if one.at >= since)
    if doubt is not None:
        if any(
            (one.believed, one.placed, one.claimed) == (doubt.believed, doubt.placed, doubt.claimed) for one in kept
        ):
            return
        kept = (*kept, doubt)[-_KEPT:]
        scan.remember(structs.replace(body, doubts=kept), key)
        told = not doubt.inferred
    else:
        told = isinstance(scan.claim, c.CompleteFill) and _unanswered(body, kept)
    if told and len(kept) >= params["conflicts"]:
        before = (index for one in kept for index in (one.placed, one.entry))
        last = kept[-1]
        yield scan.signal("CUST", key, *before, believed=last.believed, claimed=last.claimed, conflicts=len(kept))


def _unanswered(body: Body, doubts: tuple[Doubt, ...]) -> bool:
    """Whether it is filled after an inferred return that was not the first doubt, its stamp unseen: F2 tells of those
    that are returns all of them.
    """
    last_fill = body.fills[-1][1] if body.fills else -1
    mixed = {one.inferred for one in doubts} == {True, False}
    return mixed and doubts[-1].inferred and doubts[-1].entry > last_fill and not body.shown


def _doubt(scan: Scan, body: Body, claimed: str | None) -> Doubt | None:
    if body.holder == UNKNOWN_HOLDER or scan.seen_at < body.placed_at:
        return None
    if isinstance(scan.event, e.PlacedEvent) and scan.event.superseded:
        return None
    if claimed is None or claimed == body.holder:
        return None
    inferred = isinstance(scan.claim, c.CheckPrefill)
    return Doubt(scan.index, scan.at, body.holder, body.placed, claimed, inferred)


def _claimed(claim: c.AnyClaim, body: Body) -> str | None:
    """Where a claim says that its cylinder was until now, or was found; None for claims that do not say so."""
    match claim:
        case c.CheckPrefill() if claim.stamp_tail is None or claim.photo_digest is None:
            return f"site:{claim.site}"
        case c.StartFill() | c.CompleteFill() | c.CheckPostfill() | c.CountStock():
            return f"site:{claim.site}"
        case c.ReportFound():
            found = destination(claim)
            return None if found is None or found.holder == UNKNOWN_HOLDER else found.holder
        case c.CollectCylinder(customer=None) if not body.holder.startswith("customer:"):
            return f"vehicle:{claim.vehicle}"  # whom it is from is not said: a customer's, or its own
        case _:
            return left_by(claim)


def impossible_travel(scan: Scan) -> Iterator[Signal]:
    """F8: at two sites within `site_min`, or by two devices at two doors within `door_min`, or at a site and at a door
    in another district within `cross_min`.

    Places have no coordinates here, so minutes between different places stand for speed. Only scans whose device said
    what its clock was are compared, by clocks put right, late ones too.
    """
    place = _spot(scan.claim)
    if scan.body is not None and scan.key is not None and place is not None:
        yield from _apart(scan, scan.key, scan.body, place)


def counted_at_once(scan: Scan) -> Iterator[Signal]:
    """F8: as above, each cylinder found in a count at a customer's."""
    claim, event = scan.claim, scan.event
    assert isinstance(claim, c.CountPremises)
    assert isinstance(event, e.PremisesCounted)
    for one in (*event.found, *event.overtaken):
        key = f"cylinder:{one}"
        yield from _apart(scan, key, scan.memory.get(Body, key), f"door:{claim.premises}")


def _apart(scan: Scan, key: str, body: Body, place: str) -> Iterator[Signal]:
    params = scan.params("F8")
    if scan.offset_ms is None:
        return
    spot = Spot(place, scan.seen_at, scan.index, scan.signer)
    # The newest at each place is enough: a row of scans at one place must not push the other place out.
    others = tuple(one for one in body.spots if one.place != place)
    scan.remember(structs.replace(body, spots=(*others, spot)[-KEPT_SPOTS:]), key)
    if params is None:
        return
    for one in others:
        apart_ms = abs(spot.at - one.at)
        if apart_ms < _within_min(scan, params, spot, one) * MINUTE_MS:
            yield scan.signal("F8", key, one.entry, place=place, other=one.place, apart_s=apart_ms // 1000)
            return


def _within_min(scan: Scan, params: dict[str, int], spot: Spot, other: Spot) -> int:
    """So many minutes at least lie between two places, as far as is known."""
    here, there = spot.place.partition(":")[0], other.place.partition(":")[0]
    if here == there == "site":
        return params["site_min"]
    if spot.signer == other.signer:  # one phone tells of a round at its end
        return 0
    if here == there:
        return params["door_min"]
    one, another = (district_of(scan.memory, it.place.replace("door:", "premises:")) for it in (spot, other))
    near = not one or not another or lies_in(one, another) or lies_in(another, one)
    return 0 if near else params.get("cross_min", 0)


def _spot(claim: c.AnyClaim) -> str | None:
    match claim:
        case c.HandOver(vehicle=None):
            return None if claim.site is None else f"site:{claim.site}"
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
