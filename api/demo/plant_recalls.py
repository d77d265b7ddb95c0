"""Recalls by who filled, inspected or delivered, each closed again: what they stop, at the end of the shift."""

from api.demo.city import BODY_SITE, INSPECTOR, STATIONS, TODAY, Station
from api.demo.clerk import Clerk
from api.demo.errand import Errand
from api.demo.plan import Script
from api.demo.plant import Sower
from api.demo.plant_scripts import script_for
from ledger import claim as c


def recalls(sower: Sower, clerk: Clerk, inspected_today: list[str], errands: list[Errand]) -> None:
    """Each opens, meets one cylinder of it at a gate, and is over."""
    delivered = [one.acts[0] for one in errands if one.tag.startswith("visit-")]
    for n, station in enumerate(STATIONS):
        line, lot = sower.kept[station.site]
        line_of = {"line": line[1], "filler": station.filler}
        _recall(sower, clerk, "recalled_line", _load(clerk, station, line[0]), **line_of)
        _recall(sower, clerk, "recalled_lot", _load(clerk, station, lot[0]), tank_lot=station.lot)
        body = {"inspected_at": BODY_SITE, "inspector": INSPECTOR, "inspected_on": TODAY}
        _recall(sower, clerk, "recalled_inspector", _check(clerk, STATIONS[0], inspected_today[2 + n]), **body)
        handed = next(
            one for one in delivered if isinstance(one, c.HandOver) and one.person.startswith(station.enterprise)
        )
        delivered.remove(handed)
        _recall(sower, clerk, "recalled_worker", _check(clerk, station, handed.code), worker=handed.person)


def kept(sower: Sower, station: Station) -> list[Script]:
    """Released and sealed, and left standing to meet a recall. The fills before it."""
    scripts = []
    for _ in range(2):
        cylinder = sower.cylinder(site=station.site, owner=station.enterprise, model="YSP35.5")
        sower.counted(station.site, cylinder, c.Content.EMPTY)
        line = station.good_lines()[0]
        scripts.append(
            script_for(sower, station, sower.tag("kept"), cylinder, seal="F-0002", stop_after="release", line=line)
        )
        sower.kept.setdefault(station.site, []).append((cylinder.code, line))
    return scripts


def _recall(sower: Sower, clerk: Clerk, way: str, met: c.CheckPrefill | c.DepotOut, **selectors: str) -> None:
    name = f"RC-{way.replace('_', '-')}-{sower.chance.randrange(10**6):06d}"
    sower.deed("closing", "authority", "recall", clerk.make(c.OpenRecall, recall=name, **selectors))
    sower.deed("closing", f"desk:{met.site}", way, met)
    sower.deed("closing", "authority", "recall", clerk.make(c.CloseRecall, recall=name, expects=0))


def _load(clerk: Clerk, station: Station, code: str) -> c.DepotOut:
    return clerk.make(
        c.DepotOut, code=code, site=station.site, person=station.filler, vehicle=station.vehicle,
        purpose=c.Purpose.SALE,
    )  # fmt: skip


def _check(clerk: Clerk, station: Station, code: str) -> c.CheckPrefill:
    return clerk.make(c.CheckPrefill, code=code, site=station.site, person=station.filler)
