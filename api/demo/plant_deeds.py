"""What desks and authority do with full cylinders at midday and at the end of the shift, right and wrong."""

from api.demo.city import STATIONS, Station
from api.demo.city_cylinders import State
from api.demo.clerk import Clerk, digest_of
from api.demo.plan import Script
from api.demo.plant import Sower
from api.demo.plant_papers import corrections, inspections, labels, registrations, surrenders
from api.demo.plant_prepared import new_code, recall, relabel
from api.demo.plant_scripts import script_for
from ledger import claim as c


def midday(sower: Sower, clerk: Clerk, inspected_today: list[str]) -> None:
    """A second recall while full cylinders stand ready, and what desks, offices and bodies get wrong."""
    sower.deed("midday", "authority", "recall", recall(clerk, "RC-2026-02", "2023-01", "2023-06"))
    for number, station in enumerate(STATIONS):
        _loads(sower, clerk, station)
        labels(sower, clerk, station)
        corrections(sower, clerk, station)
        registrations(sower, clerk, station, number)
        surrenders(sower, clerk, station)
        _lost(sower, clerk, station)
    inspections(sower, clerk, inspected_today)


def bled(sower: Sower, clerk: Clerk, station: Station) -> tuple[Script, str]:
    """An over-filled cylinder that is bled, checked again, released and loaded, as it should be; and its code."""
    cylinder = sower.counted(station.site, sower.cylinder(site=station.site, model="YSP35.5"), c.Content.EMPTY)
    script = script_for(sower, station, sower.tag("overfill"), cylinder, overfill_g=900, stop_after="fill")
    weight_g = cylinder.registration.tare_g + cylinder.target_g
    here = {"code": cylinder.code, "site": station.site}
    for claim in (
        clerk.make(c.BleedCylinder, **here, person=station.filler, weight_g=weight_g),
        clerk.make(c.CheckPostfill, **here, person=station.checker, weight_g=weight_g),
        clerk.make(c.ReleaseCylinder, **here, person=station.filler, seal="F-BLED"),
        load(clerk, station, cylinder.code),
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
            destroyed = clerk.make(
                c.DestroyCylinder, code=code, site=station.site, person=person, witness=station.filler,
                method="flattened", photo_digest=digest_of(f"photo {code}"),
            )  # fmt: skip
            sower.deed("closing", desk, "scrapping", destroyed)
            sower.deed("closing", office, "scrapping", clerk.make(c.DeregisterCylinder, code=code))
            turned_up = clerk.make(c.CheckPrefill, code=code, site=station.site, person=station.filler)
            sower.deed("closing", desk, way, turned_up)
        elif way == "not_destroyed":
            sower.deed("closing", office, way, clerk.make(c.DeregisterCylinder, code=code))
        else:
            label = relabel(clerk, station, code, new_code(sower, station), station.filler)
            sower.deed("closing", office, way, label)


def load(clerk: Clerk, station: Station, code: str) -> c.DepotOut:
    """Out of the depot for sale, on the station's vehicle."""
    return clerk.make(
        c.DepotOut, code=code, site=station.site, person=station.filler, vehicle=station.vehicle,
        purpose=c.Purpose.SALE,
    )  # fmt: skip


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
        sower.deed("midday", desk, way, load(clerk, station, cylinder.code))
    _black_gas(sower, clerk, station)


def _lost(sower: Sower, clerk: Clerk, station: Station) -> None:
    """Reported lost in the morning; at midday it stands at the pre-check."""
    cylinder = sower.counted(station.site, sower.cylinder(site=station.site), c.Content.EMPTY)
    who = {"code": cylinder.code, "person": station.checker}
    lost = clerk.make(c.ReportLost, **who, cause="miscounted")
    again = clerk.make(c.CheckPrefill, **who, site=station.site)
    sower.deed("midday", f"desk:{station.site}", "lost", lost, again)


def _black_gas(sower: Sower, clerk: Clerk, station: Station) -> None:
    """Full of gas that no fill is known of: taken back from a customer, or counted when the first days were over."""
    desk = f"desk:{station.site}"
    for content in (c.Content.EMPTY, c.Content.FULL):
        cylinder = sower.cylinder(site=station.site)
        collected = clerk.make(
            c.CollectCylinder, code=cylinder.code, site=station.site, person=station.filler,
            vehicle=station.vehicle, content=content,
        )  # fmt: skip
        sower.deed("midday", desk, "collected", collected)
        sower.deed("midday", desk, "black_gas", load(clerk, station, cylinder.code))
    late = sower.cylinder(site=station.site)
    found = clerk.make(c.CountStock, code=late.code, site=station.site, person=station.filler, content=c.Content.FULL)
    sower.deed("midday", desk, "late_stock", found, load(clerk, station, late.code))
