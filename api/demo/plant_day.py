"""The whole day of a city: every run of an agent and every deed, from one seed."""

from msgspec import structs

from api.demo.city import SHIFT_AT_MS, STATIONS, City, Station
from api.demo.city_registry import YEAR, permit_of
from api.demo.clerk import Clerk
from api.demo.plant import Deed, Planting, Run, Sower
from api.demo.plant_deeds import bled, midday, scrapped
from api.demo.plant_doors import doors, new_pack, returns, seals, spot_check
from api.demo.plant_history import history
from api.demo.plant_prepared import morning, prepared
from api.demo.plant_recalls import kept, recalls
from api.demo.plant_road import on_the_road
from api.demo.plant_scripts import station_scripts, wrong
from api.demo.rounds import hauls, last_thing, morning_rounds
from ledger import claim as c


def plan_day(city: City) -> Planting:
    """What will happen in this city, and what of it is wrong."""
    sower = Sower(city)
    clerk = Clerk(sower.ids, SHIFT_AT_MS)
    inspected_today = morning(sower, clerk)
    new_pack(sower, clerk)
    runs: list[Run] = []
    traced = ""
    for station in STATIONS:
        before: list[Deed] = []
        if station.enterprise == "JH":
            earlier, before = _troubled_morning(sower, clerk, station)
            runs += earlier
        script, traced = bled(sower, clerk, station)
        scripts = [script, *prepared(sower, clerk, station), *station_scripts(sower, station)]
        scripts += [
            *doors(sower, clerk, station), *returns(sower, clerk, station), *seals(sower, clerk, station),
            *kept(sower, station),
        ]  # fmt: skip
        sower.chance.shuffle(scripts)
        runs.append(Run(station.site, scripts, before))
        spot_check(sower, clerk, station)
        scrapped(sower, clerk, station)
    midday(sower, clerk, inspected_today)
    errands = [*morning_rounds(sower, clerk), *on_the_road(sower, clerk)]
    hauled = hauls(sower, clerk, runs)
    bang = last_thing(sower, clerk, hauled)
    past = history(sower, clerk)
    recalls(sower, clerk, inspected_today, errands)
    sower.rest_of_stock()
    homes = [(customer, tuple(codes)) for customer, codes in sower.homes.values()]
    return Planting(
        sower.plants,
        runs,
        sower.deeds,
        sower.stock,
        sower.through,
        traced,
        errands,
        hauled,
        homes,
        sower.orders,
        past,
        sower.alerts,
        bang,
    )


def _troubled_morning(sower: Sower, clerk: Clerk, station: Station) -> tuple[list[Run], list[Deed]]:
    """Uninsured fills warn until the office insures; while the permit is suspended none is authorised.

    The two runs, and the deed that must come before the third.
    """
    owner = station.enterprise
    lpg: dict[str, object] = {"kind": "filling", "media": ("lpg",), **YEAR}
    permit = clerk.make(c.FilePermit, permit=permit_of(owner), enterprise=owner, **lpg, expects=0, status="suspended")
    insured = clerk.make(c.FileInsurance, policy=f"{owner}-INS-2026", enterprise=owner, **YEAR)
    mended = structs.replace(permit, expects=1, status="valid")
    line = station.good_lines()[0]
    uninsured, suspended = (
        [structs.replace(wrong(sower, station, way), line=line, person=None) for _ in range(sower.chance.randint(4, 6))]
        for way in ("uninsured", "suspended")
    )
    filed = [
        Deed(sower.tag("insured"), "midday", f"office:{owner}", insured),
        Deed(sower.tag("suspension"), "midday", "authority", permit),
    ]
    after = [Deed(sower.tag("suspension"), "midday", "authority", mended)]
    return [Run(station.site, uninsured, []), Run(station.site, suspended, filed)], after
