"""Cylinders that something was done to on the morning of the shift, by signed claims, before they reach a platform."""

import hashlib

from api.demo.city import BODY_SITE, INSPECTOR, REVIEWER, TODAY, Station
from api.demo.city_cylinders import RECALLED_MAKER, State
from api.demo.city_filings import Clerk
from api.demo.plan import Script
from api.demo.plant import Sower
from api.demo.plant_scripts import script_for
from ledger import claim as c
from ledger.identity import own_code

PASSED = 8
"""Overdue cylinders that the inspection body passes in the morning."""


def recall(clerk: Clerk, name: str, first: str, last: str) -> c.OpenRecall:
    """The authority's recall of what the maker made in these months."""
    return clerk.make(c.OpenRecall, recall=name, maker=RECALLED_MAKER, made_from=first, made_to=last)


def morning(sower: Sower, clerk: Clerk) -> None:
    """What the authority and the inspection body say before the first cylinder is scanned; all of it honest."""
    sower.deed("opening", "authority", "recall", recall(clerk, "RC-2026-01", "2021-03", "2021-08"))
    for _ in range(PASSED):
        cylinder = sower.counted("TC-S1", sower.cylinder(State.OVERDUE, site="TC-S1"), c.Content.EMPTY)
        drift_g = sower.chance.randrange(-60, 70, 10)
        passed = inspection(
            clerk, cylinder.code, passed=True, person=INSPECTOR, reviewer=REVIEWER,
            tare_g=cylinder.registration.tare_g + drift_g,
        )  # fmt: skip
        sower.deed("opening", f"body:{BODY_SITE}", "inspected", passed)


def prepared(sower: Sower, clerk: Clerk, station: Station) -> list[Script]:
    """Scripts of cylinders that were seized, failed, to scrap, locked or re-labelled; and the deeds that did it."""
    scripts = []
    ways = {"seized": 2, "failed": 2, "scrap": 2, "locked": 1, "old_label": 2}
    for way, most in ways.items():
        for _ in range(sower.chance.randint(1, most)):
            # A code of our own scheme, as it is given a new label of that scheme.
            cylinder = sower.cylinder(site=station.site, scheme="own:")
            sower.counted(station.site, cylinder, c.Content.EMPTY)
            signer, claim = _deed(sower, clerk, way, station, cylinder.code)
            sower.deed("opening", signer, f"prepare-{way}", claim)
            tag = sower.tag(way)
            scripts.append(script_for(sower, station, tag, cylinder, skip_prefill=way == "locked"))
    return scripts


def inspection(
    clerk: Clerk, code: str, *, passed: bool, person: str, reviewer: str, tare_g: int | None = None
) -> c.RecordInspection:
    """A periodic inspection of today; `tare_g` where it was weighed again."""
    return clerk.make(
        c.RecordInspection, code=code, site=BODY_SITE, person=person, reviewer=reviewer, inspected_on=TODAY,
        passed=passed, report_digest=hashlib.sha256(f"report {code}".encode()).hexdigest(), tare_g=tare_g,
    )  # fmt: skip


def _deed(sower: Sower, clerk: Clerk, way: str, station: Station, code: str) -> tuple[str, c.AnyClaim]:
    """Who makes the cylinder what it is, and by what claim."""
    office = f"office:{station.enterprise}"
    match way:
        case "seized":
            kind = sower.chance.choice(("sealed", "detained"))
            return "authority", clerk.make(c.SeizeCylinder, code=code, order_no="KY-2026-017", kind=kind)
        case "failed":
            failed = inspection(clerk, code, passed=False, person=INSPECTOR, reviewer=REVIEWER)
            return f"body:{BODY_SITE}", failed
        case "scrap":
            decided = clerk.make(c.DecideScrap, code=code, person=INSPECTOR, cause=c.Cause.INSPECTION_FAILED)
            return f"body:{BODY_SITE}", decided
        case "locked":
            locked = clerk.make(
                c.LockCylinder, code=code, site=station.site, person=station.checker, cause=c.Cause.LEAK
            )
            return office, locked
        case _:
            new = str(own_code(f"{station.enterprise}32", f"N{sower.chance.randrange(10**7):07d}"))
            return office, clerk.make(c.BindCode, code=code, new_code=new, retires=code)
