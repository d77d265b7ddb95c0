"""What offices and the inspection body put on record at midday, right and wrong: registrations, labels, inspections."""

from typing import Any

from api.demo.city import BODY_SITE, INSPECTOR, REVIEWER, TRAINEE, Station
from api.demo.city_cylinders import UNLICENSED_MAKER, State
from api.demo.clerk import Clerk, digest_of
from api.demo.plant import Sower
from api.demo.plant_prepared import fresh, inspection, new_code
from ledger import claim as c

_NO_SUCH_ENTRY = 2**40
_IMPLAUSIBLE: tuple[dict[str, Any], ...] = (
    {"serial": "0000000"}, {"water_volume_ml": 26_200}, {"max_fill_g": 20_000}, {"tare_g": 25_000},
    {"made_month": "2026-09", "bought_on": None}, {"inspected_month": "2025-06"},
)  # fmt: skip


def inspections(sower: Sower, clerk: Clerk, inspected_today: list[str]) -> None:
    """The inspection body's results: by the wrong people, too late, out of order."""
    body = f"body:{BODY_SITE}"
    for _ in range(2):
        for way, person, reviewer in (("trainee", TRAINEE, REVIEWER), ("unreviewed", INSPECTOR, INSPECTOR)):
            claim = inspection(clerk, sower.cylinder(State.OVERDUE).code, person=person, reviewer=reviewer)
            sower.deed("midday", body, way, claim)
        late = inspection(clerk, sower.cylinder(State.OVERDUE).code, inspected_on="2026-03-02")
        sower.deed("midday", body, "late_entry", late)
    for code in inspected_today[:2]:
        sower.deed("midday", body, "out_of_order", inspection(clerk, code, inspected_on="2026-02-20"))


def registrations(sower: Sower, clerk: Clerk, station: Station, number: int) -> None:
    """The station's `number`-th office registers cylinders: one honestly, the others not."""
    office = f"office:{station.enterprise}"
    rival = "JH" if station.enterprise == "TC" else "TC"
    known = sower.cylinder(site=station.site, owner=station.enterprise)
    taken = {"maker": known.registration.maker, "serial": known.registration.serial}
    again = fresh(
        sower, clerk, station, owner=rival, filler_mark=rival, made_month=known.registration.made_month, **taken
    ).registration
    sower.deed("midday", f"office:{rival}", "registered_twice", again)
    ways: list[tuple[str, dict[str, Any]]] = [
        ("registered", {}),
        ("no_mark", {"filler_mark": None}),
        ("no_papers", {"ownership": None, "ownership_digest": None}),
        ("no_maker", {"maker": UNLICENSED_MAKER}),
        ("code_twice", {"code": known.code}),
        *(("implausible", _IMPLAUSIBLE[(2 * number + n) % len(_IMPLAUSIBLE)]) for n in range(2)),
    ]
    for way, changes in ways:
        sower.deed("midday", office, way, fresh(sower, clerk, station, **changes).registration)


def surrenders(sower: Sower, clerk: Clerk, station: Station) -> None:
    """A customer's own cylinder goes over to the enterprise (置换); an enterprise's cannot."""
    desk, own = f"desk:{station.site}", sower.cylinder(site=station.site, owner=station.enterprise)
    old = {"made_month": "2020-05", "bought_on": "2020-06-01", "inspected_month": "2024-03", "design_life_months": 96}
    theirs = fresh(
        sower, clerk, station, owner=c.CUSTOMER, filler_mark=None, ownership="declaration", **old
    ).registration
    sower.deed("midday", f"office:{station.enterprise}", "registered", theirs)
    for name, code in (("surrendered", theirs.code), ("not_customers", own.code)):
        given = clerk.make(
            c.SurrenderCylinder, code=code, site=station.site, person=station.checker, to="enterprise",
            evidence_digest=digest_of(f"surrendered {code}"),
        )  # fmt: skip
        sower.deed("midday", desk, name, given)


def labels(sower: Sower, clerk: Clerk, station: Station) -> None:
    """An office gives a code twice, a cylinder two codes of one scheme, and a new label without a photo."""
    office = f"office:{station.enterprise}"
    one, other = (sower.cylinder(site=station.site, scheme="own:") for _ in range(2))
    for way, code in (("code_twice", other.code), ("two_labels", new_code(sower, station))):
        sower.deed("midday", office, way, clerk.make(c.BindCode, code=one.code, new_code=code))
    bare = clerk.make(c.BindCode, code=one.code, new_code=new_code(sower, station), retires=one.code)
    sower.deed("midday", office, "no_photo", bare)


def corrections(sower: Sower, clerk: Clerk, station: Station) -> None:
    """An office corrects what it cannot name, and something that it can."""
    office = f"office:{station.enterprise}"
    one, other = (sower.cylinder(site=station.site) for _ in range(2))
    right_g = one.registration.tare_g + 20
    fields: tuple[dict[str, Any], ...] = ({"corrects": _NO_SUCH_ENTRY, "tare_g": right_g}, {"corrects": 1})
    for missing in fields:
        claim = clerk.make(c.CorrectCylinder, code=one.code, cause=c.Cause.KEYING_ERROR, **missing)
        sower.deed("midday", office, "bare_correction", claim)
    scale, weight_g = station.good_lines()[0], other.registration.tare_g + 20
    weighed = clerk.make(
        c.WeighCylinder, code=other.code, site=station.site, line=scale, person=station.checker, weight_g=weight_g
    )
    sower.deed("midday", f"desk:{station.site}", "weighed", weighed)
    right = clerk.make(c.CorrectCylinder, code=other.code, cause=c.Cause.SCALE_ERROR, corrects=0, tare_g=weight_g)
    sower.deed("midday", office, "correction", right, manner="referring")
