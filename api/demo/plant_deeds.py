"""What offices, desks, inspection body and authority do at midday and at the end of the shift, right and wrong."""

import hashlib
from typing import Any

from msgspec import structs

from api.demo.city import BODY_SITE, INSPECTOR, REVIEWER, STATIONS, TRAINEE, Station
from api.demo.city_cylinders import CityCylinder, State
from api.demo.city_filings import Clerk
from api.demo.plan import Script
from api.demo.plant import Sower
from api.demo.plant_prepared import inspection, recall
from api.demo.plant_scripts import script_for
from ledger import claim as c
from ledger.identity import own_code

_NO_SUCH_ENTRY = 2**40


def midday(sower: Sower, clerk: Clerk) -> None:
    """A second recall while full cylinders stand ready, and what desks, offices and bodies get wrong."""
    sower.deed("midday", "authority", "recall", recall(clerk, "RC-2026-02", "2023-01", "2023-06"))
    for station in STATIONS:
        _loads(sower, clerk, station)
        _papers(sower, clerk, station)
    for _ in range(2):
        for way, person, reviewer in (("trainee", TRAINEE, REVIEWER), ("unreviewed", INSPECTOR, INSPECTOR)):
            cylinder = sower.cylinder(State.OVERDUE)
            claim = inspection(clerk, cylinder.code, passed=True, person=person, reviewer=reviewer)
            sower.deed("midday", f"body:{BODY_SITE}", way, claim)


def bled(sower: Sower, clerk: Clerk, station: Station) -> tuple[Script, str]:
    """An over-filled cylinder that is bled, checked again, released and loaded, as it should be; and its code."""
    cylinder = sower.counted(station.site, sower.cylinder(site=station.site, model="YSP35.5"), c.Content.EMPTY)
    script = script_for(sower, station, sower.tag("overfill"), cylinder, overfill_g=900, stop_after="fill")
    weight_g = cylinder.registration.tare_g + cylinder.target_g
    here = {"code": cylinder.code, "site": station.site}
    for claim in (
        clerk.make(c.BleedCylinder, **here, person=station.filler, weight_g=weight_g),
        clerk.make(c.CheckPostfill, **here, person=station.checker, weight_g=weight_g),
        clerk.make(c.ReleaseCylinder, **here, person=station.filler),
        _load(clerk, station, cylinder),
    ):
        sower.deed("closing", f"desk:{station.site}", "bled", claim)
    return script, cylinder.code


def scrapped(sower: Sower, clerk: Clerk, station: Station) -> None:
    """One is destroyed and deregistered in order; another too early; and the first one's code turns up again."""
    office, desk = f"office:{station.enterprise}", f"desk:{station.site}"
    for way in ("gone", "not_destroyed", "scrap_label"):
        cylinder = sower.cylinder(State.OVER_AGE, site=station.site, scheme="own:")
        code, person = cylinder.code, station.checker
        decided = clerk.make(c.DecideScrap, code=code, person=person, cause=c.Cause.LIFE_END)
        sower.deed("closing", office, "scrapping", decided)
        if way == "gone":
            photo = hashlib.sha256(f"photo {code}".encode()).hexdigest()
            destroyed = clerk.make(
                c.DestroyCylinder, code=code, site=station.site, person=person, witness=station.filler,
                method="flattened", photo_digest=photo,
            )  # fmt: skip
            sower.deed("closing", desk, "scrapping", destroyed)
            sower.deed("closing", office, "scrapping", clerk.make(c.DeregisterCylinder, code=code))
            sower.deed("closing", desk, way, _prefill(clerk, station, code))
        elif way == "not_destroyed":
            sower.deed("closing", office, way, clerk.make(c.DeregisterCylinder, code=code))
        else:
            new_label = clerk.make(c.BindCode, code=code, new_code=_new_code(sower, station), retires=code)
            sower.deed("closing", office, way, new_label)


def _loads(sower: Sower, clerk: Clerk, station: Station) -> None:
    """Full cylinders of the count that must not be loaded, one empty one, one filled elsewhere; and some that may."""
    desk = f"desk:{station.site}"
    arrived = clerk.make(
        c.RecordArrival, site=station.site, person=station.filler, vehicle=station.vehicle, counts={"YSP35.5": 40}
    )
    sower.deed("midday", desk, "arrival", arrived)
    states = {"recalled_full": State.RECALLED_LATER, "overdue_full": State.OVERDUE}
    for way in ("opening-stock", "recalled_full", "overdue_full", "seized_full", "locked_full"):
        state = states.get(way, State.FIT)
        cylinder = sower.counted(station.site, sower.cylinder(state, site=station.site), c.Content.FULL)
        if way == "seized_full":
            seized = clerk.make(c.SeizeCylinder, code=cylinder.code, order_no="KY-2026-018", kind="sealed")
            sower.deed("midday", "authority", "seizure", seized)
        if way == "locked_full":
            locked = clerk.make(
                c.LockCylinder, code=cylinder.code, site=station.site, person=station.checker, cause=c.Cause.LEAK
            )
            sower.deed("midday", desk, "locking", locked)
        sower.deed("midday", desk, way, _load(clerk, station, cylinder))
    for content in (c.Content.EMPTY, c.Content.FULL):
        cylinder = sower.cylinder(site=station.site)
        collected = clerk.make(
            c.CollectCylinder, code=cylinder.code, site=station.site, person=station.filler,
            vehicle=station.vehicle, content=content,
        )  # fmt: skip
        sower.deed("midday", desk, "collected", collected)
        sower.deed("midday", desk, "black_gas", _load(clerk, station, cylinder))


def _papers(sower: Sower, clerk: Clerk, station: Station) -> None:
    """An office gives a code twice, a cylinder two codes of one scheme, and corrects what it cannot name."""
    office = f"office:{station.enterprise}"
    one, other = (sower.cylinder(site=station.site, scheme="own:") for _ in range(2))
    for way, new_code in (("code_twice", other.code), ("two_labels", _new_code(sower, station))):
        sower.deed("midday", office, way, clerk.make(c.BindCode, code=one.code, new_code=new_code))
    again = structs.replace(one.registration, cylinder=clerk.ids.new(clerk.at_ms))
    sower.deed("midday", office, "code_twice", again)
    right_g = one.registration.tare_g + 20
    fields: tuple[dict[str, Any], ...] = ({"corrects": _NO_SUCH_ENTRY, "tare_g": right_g}, {"corrects": 1})
    for missing in fields:
        claim = clerk.make(c.CorrectCylinder, code=one.code, cause=c.Cause.KEYING_ERROR, **missing)
        sower.deed("midday", office, "bare_correction", claim)
    honest = clerk.make(c.CorrectCylinder, code=other.code, cause=c.Cause.KEYING_ERROR, corrects=1, tare_g=right_g)
    sower.deed("midday", office, "correction", honest)


def _prefill(clerk: Clerk, station: Station, code: str) -> c.CheckPrefill:
    return clerk.make(c.CheckPrefill, code=code, site=station.site, person=station.filler)


def _load(clerk: Clerk, station: Station, cylinder: CityCylinder) -> c.DepotOut:
    return clerk.make(
        c.DepotOut, code=cylinder.code, site=station.site, person=station.filler, vehicle=station.vehicle,
        purpose=c.Purpose.SALE,
    )  # fmt: skip


def _new_code(sower: Sower, station: Station) -> str:
    return str(own_code(f"{station.enterprise}32", f"N{sower.chance.randrange(10**7):07d}"))
