"""Signals of a fill: F1, F2, F3 (filled again), F9, F10 (codes from a sheet or a pocket), F13, F20."""

from collections.abc import Iterator

from msgspec import Struct, structs

from ledger import claim as c
from ledger.china import DAY_MS, HOUR_MS, add_months, day_of
from ledger.signals.body import Body
from ledger.signals.signal import Scan, Signal

_CHINA_MS = 8 * HOUR_MS
_KEPT_STARTS = 8


def filled_again(scan: Scan) -> Iterator[Signal]:
    """F1 too soon after the last fill; else F2 without having been away, or with its return missing again.

    Honest work: a return that was recorded, a leak, a bleeding, a continuation, more gas into what was short: none of
    these is asked about. A missed return is inferred once; the second time within `window_days` the stamp is asked for
    (FILL-11), and a stamp shown answers it.
    """
    body, claim = scan.body, scan.claim
    assert isinstance(claim, c.CompleteFill)
    if body is None or scan.key is None or not body.fills or body.since == "back" or _continues(body, claim):
        return
    (last_at, last), soon, unmoved = body.fills[-1], scan.params("F1"), scan.params("F2")
    if soon is not None and _gone_g(body, claim) > soon["drop_g"]:
        within_h = soon["restaurant_h" if body.restaurant else "household_h"]
        if scan.at - last_at < within_h * HOUR_MS:
            yield scan.signal("F1", scan.key, last, since_min=(scan.at - last_at) // 60_000)
            return
    if unmoved is None:
        return
    if body.since == "filled":
        if _gone_g(body, claim) > unmoved["drop_g"]:
            yield scan.signal("F2", scan.key, last, gone_g=_gone_g(body, claim))
        return
    missing = [one for one in body.inferred if one[0] >= scan.at - unmoved["window_days"] * DAY_MS]
    if len(missing) >= unmoved["times"] and not body.shown and missing[-1][1] > last:
        yield scan.signal("F2", scan.key, *(entry for _, entry in missing), last, missing_returns=len(missing))


def _continues(body: Body, claim: c.CompleteFill) -> bool:
    return body.continued == claim.authorisation


def _gone_g(body: Body, claim: c.CompleteFill) -> int:
    """How much of its last fill is gone before this one (grams)."""
    return 0 if body.net_g is None else body.net_g - (claim.start_weight_g - body.tare_g)


def filled_often(scan: Scan) -> Iterator[Signal]:
    """F3: more fills within `window_days` than such a customer can burn."""
    body, claim, params = scan.body, scan.claim, scan.params("F3")
    assert isinstance(claim, c.CompleteFill)
    if body is None or scan.key is None or params is None or _continues(body, claim):
        return
    fills = [entry for at, entry in body.fills if at > scan.at - params["window_days"] * DAY_MS]
    if len(fills) + 1 > params["restaurant" if body.restaurant else "household"]:
        yield scan.signal("F3", scan.key, *fills, fills=len(fills) + 1)


def never_inspected(scan: Scan) -> Iterator[Signal]:
    """F20: filled past its inspection interval, and no inspection on record since."""
    body, params = scan.body, scan.params("F20")
    if body is None or scan.key is None or params is None:
        return
    due = add_months(body.fit_month, params["interval_months"])
    if day_of(scan.at)[:7] > due:
        yield scan.signal("F20", scan.key, due=due)


def outside_hours(scan: Scan) -> Iterator[Signal]:
    """F13: filled before `from_h` or from `to_h` on, by the hour in China."""
    claim, params = scan.claim, scan.params("F13")
    assert isinstance(claim, c.CompleteFill)
    hour = (scan.seen_at + _CHINA_MS) % DAY_MS // HOUR_MS
    if params is not None and not params["from_h"] <= hour < params["to_h"]:
        yield scan.signal("F13", f"site:{claim.site}", hour=hour, line=claim.line)


class Sequence(Struct, frozen=True, omit_defaults=True):
    """Of a line: what it filled last, and its newest fills that come in the order of an earlier day, with entries."""

    last: str = ""
    keys: tuple[str, ...] = ()
    entries: tuple[int, ...] = ()


def same_order(scan: Scan) -> Iterator[Signal]:
    """F9: codes in a row that this line filled in the same order at least `apart_h` before: a sheet of codes."""
    body, claim, params = scan.body, scan.claim, scan.params("F9")
    assert isinstance(claim, c.CompleteFill)
    if body is None or scan.key is None or params is None or _continues(body, claim):
        return
    where = f"order:{claim.line}"
    line = scan.memory.get(Sequence, where)
    earlier = bool(body.fills) and scan.at - body.fills[-1][0] >= params["apart_h"] * HOUR_MS
    follows = body.before == f"{claim.line} {line.last}" and earlier and scan.key not in line.keys
    keys = (*line.keys, scan.key)[-params["codes"] :] if follows else (scan.key,)
    entries = (*line.entries, scan.index)[-params["codes"] :] if follows else (scan.index,)
    scan.memory.put(where, Sequence(scan.key, keys, entries))
    scan.remember(structs.replace(body, before=f"{claim.line} {line.last}"))
    if len(keys) >= params["codes"]:
        yield scan.signal("F9", f"line:{claim.line}", *entries, codes=len(keys))


class Starts(Struct, frozen=True, omit_defaults=True):
    """Of a person: line, time (seen, ms UTC) and entry of the newest valves that they opened."""

    newest: tuple[tuple[str, int, int], ...] = ()


def several_scales(scan: Scan) -> Iterator[Signal]:
    """F10: one person opens valves on so many scales within seconds: codes read from a pocket, not from cylinders."""
    claim, params = scan.claim, scan.params("F10")
    assert isinstance(claim, c.StartFill)
    if params is None:
        return
    where = f"starts:{claim.person}"
    newest = scan.memory.get(Starts, where).newest
    near = [one for one in newest if abs(scan.seen_at - one[1]) < params["within_s"] * 1000]
    scan.memory.put(where, Starts((*newest, (claim.line, scan.seen_at, scan.index))[-_KEPT_STARTS:]))
    lines = {claim.line, *(line for line, _, _ in near)}
    if len(lines) >= params["scales"]:
        yield scan.signal("F10", f"person:{claim.person}", *(entry for _, _, entry in near), scales=len(lines))
