"""Cylinders that something was done to on the morning of the shift, by signed claims, before they reach a platform."""

from typing import Any, NamedTuple

from msgspec import structs

from api.demo.city import BODY_SITE, HOST, INSPECTOR, REVIEWER, TODAY, Station
from api.demo.city_cylinders import RECALLED_MAKER, CityCylinder, State
from api.demo.clerk import Clerk, digest_of
from api.demo.plan import Script
from api.demo.plant import Sower
from api.demo.plant_scripts import script_for
from ledger import claim as c
from ledger.identity import own_code, parse_code
from ledger.label import format_label

PASSED = 8
"""Overdue cylinders that the inspection body passes in the morning."""
_WRONG = {
    "seized": 2, "failed": 2, "scrap": 2, "locked": 1, "old_label": 2, "unconfirmed": 1, "tare_unclear": 2,
    "not_evacuated": 2,
}  # fmt: skip
"""Ways of WAYS, and the most of each at a station."""
_RIGHT = ("lifted", "relabelled", "confirmed", "retared", "evacuated", "extracted", "new_valve", "new")
"""What was done in time about such things: one of each at a station, and all of them go the whole way."""
_NEW_LABEL = ("unconfirmed", "relabelled", "confirmed")
_LIFTED_ORDER = "KY-2026-019"


class _Act(NamedTuple):
    """`name` as in `Sower.deed`."""

    name: str
    signer: str
    claim: c.AnyClaim


def recall(clerk: Clerk, name: str, first: str, last: str) -> c.OpenRecall:
    """The authority's recall of what the maker made in these months."""
    return clerk.make(c.OpenRecall, recall=name, maker=RECALLED_MAKER, made_from=first, made_to=last)


def morning(sower: Sower, clerk: Clerk) -> list[str]:
    """What the authority and the inspection body say before the first cylinder is scanned; all of it honest.

    The codes of what was inspected.
    """
    sower.deed("opening", "authority", "recall", recall(clerk, "RC-2026-01", "2021-03", "2021-08"))
    codes = []
    for _ in range(PASSED):
        cylinder = sower.counted("TC-S1", sower.cylinder(State.OVERDUE, site="TC-S1"), c.Content.EMPTY)
        drift_g = sower.chance.randrange(-60, 70, 10)
        passed = inspection(clerk, cylinder.code, tare_g=cylinder.registration.tare_g + drift_g)
        sower.deed("opening", f"body:{BODY_SITE}", "inspected", passed)
        codes.append(cylinder.code)
    return codes


def prepared(sower: Sower, clerk: Clerk, station: Station) -> list[Script]:
    """Scripts of cylinders that were seized, failed, locked, re-labelled and so on; and the deeds that did it."""
    wrong = [way for way, most in _WRONG.items() for _ in range(sower.chance.randint(1, most))]
    scripts = []
    for way in (*wrong, *_RIGHT):
        cylinder = fresh(sower, clerk, station, new=True) if way == "new" else _counted(sower, station)
        label = new_code(sower, station)
        for act in _acts(clerk, way, station, cylinder, label):
            sower.deed("opening", act.signer, act.name, act.claim)
        tag = sower.tag("ok" if way in _RIGHT else way)
        code = label if way in _NEW_LABEL else cylinder.code
        if way in _RIGHT:
            sower.through[tag] = code
        fields: dict[str, Any] = {"reading": format_label(parse_code(code), HOST).url}
        if way == "new_valve":
            # Lighter than before, but by no more than a valve.
            fields |= {"tare_g": cylinder.registration.tare_g - 200, "residual_g": 0}
        scripts.append(script_for(sower, station, tag, cylinder, skip_prefill=way == "locked", **fields))
    lifted = clerk.make(
        c.FileSeizureOrder, order_no=_order(station), kind="sealed", issued_on="2026-03-09", status="in_force"
    )
    sower.deed("opening", "authority", "seizure-order", lifted)
    sower.deed("opening", "authority", "seizure-order", structs.replace(lifted, expects=0, status="lifted"))
    return scripts


def inspection(clerk: Clerk, code: str, **changes: Any) -> c.RecordInspection:  # noqa: ANN401 - a claim's own fields
    """A periodic inspection of today, passed and reviewed, unless `changes` say otherwise."""
    plain: dict[str, Any] = {
        "code": code, "site": BODY_SITE, "person": INSPECTOR, "reviewer": REVIEWER, "inspected_on": TODAY,
        "passed": True, "report_digest": digest_of(f"report {code}"),
    }  # fmt: skip
    return clerk.make(c.RecordInspection, **(plain | changes))


def relabel(clerk: Clerk, station: Station, code: str, new: str, second: str | None) -> c.BindCode:
    """A new label in place of the old one, with a photo; `second` is who confirmed it at once."""
    return clerk.make(
        c.BindCode, code=code, new_code=new, retires=code, person=station.checker, second_person=second,
        photo_digest=digest_of(f"label {new}"), cause=c.Cause.LABEL_UNREADABLE,
    )  # fmt: skip


def new_code(sower: Sower, station: Station) -> str:
    """A code that nobody carries yet."""
    return str(own_code(f"{station.enterprise}32", f"N{sower.chance.randrange(10**7):07d}"))


def fresh(sower: Sower, clerk: Clerk, station: Station, **changes: Any) -> CityCylinder:  # noqa: ANN401
    """A cylinder bought this month and not registered yet, of the common class; `changes` to its registration."""
    pattern = sower.cylinder(site=station.site, model="YSP35.5").registration
    registration = structs.replace(
        pattern, claim_id=clerk.ids.new(clerk.at_ms), cylinder=clerk.ids.new(clerk.at_ms),
        code=new_code(sower, station), serial=f"8{sower.chance.randrange(10**8):08d}", made_month="2026-01",
        inspected_month=None, design_life_months=144, bought_on="2026-03-02", owner=station.enterprise,
        filler_mark=station.enterprise,
    )  # fmt: skip
    return CityCylinder(structs.replace(registration, **changes), State.FIT, station.site)


def _counted(sower: Sower, station: Station) -> CityCylinder:
    """Of our own scheme, as some are given a new label of that scheme."""
    cylinder = sower.cylinder(site=station.site, owner=station.enterprise, scheme="own:", model="YSP35.5")
    return sower.counted(station.site, cylinder, c.Content.EMPTY)


def _order(station: Station) -> str:
    return f"{_LIFTED_ORDER}-{station.site}"


def _acts(clerk: Clerk, way: str, station: Station, cylinder: CityCylinder, label: str) -> list[_Act]:
    """Who makes the cylinder what it is, and by what claims."""
    make, code, registration = clerk.make, cylinder.code, cylinder.registration
    office, desk, body = f"office:{station.enterprise}", f"desk:{station.site}", f"body:{BODY_SITE}"
    here: dict[str, Any] = {"code": code, "site": station.site, "person": station.checker}
    evacuated = _Act("evacuated", desk, make(c.EvacuateCylinder, **here))
    unclear = make(c.CheckPrefill, **here, failed_items=(c.PrefillItem.TARE_UNCLEAR,))
    order = _order(station) if way == "lifted" else "KY-2026-017"
    acts: dict[str, list[_Act]] = {
        "seized": [_Act("seizure", "authority", make(c.SeizeCylinder, code=code, order_no=order, kind="detained"))],
        "failed": [_Act("inspected", body, inspection(clerk, code, passed=False))],
        "scrap": [
            _Act("scrapping", body, make(c.DecideScrap, code=code, person=INSPECTOR, cause=c.Cause.INSPECTION_FAILED))
        ],
        "locked": [_Act("locking", office, make(c.LockCylinder, **here, cause=c.Cause.LEAK))],
        "old_label": [_Act("relabelled", office, relabel(clerk, station, code, label, station.filler))],
        "unconfirmed": [_Act("relabelled", desk, relabel(clerk, station, code, label, None))],
        "tare_unclear": [_Act("bad_item", desk, unclear)],
        "not_evacuated": [_Act("inspected", body, inspection(clerk, code))],
        "relabelled": [_Act("relabelled", office, relabel(clerk, station, code, label, station.filler))],
        "extracted": [
            _Act("extracted", desk, make(c.ExtractResidue, **here, extracted_g=1_800, weight_g=registration.tare_g))
        ],
        "new_valve": [_Act("new-valve", desk, make(c.ReplaceValve, **here, valve="self_closing", valve_no="V-0815"))],
        "new": [
            _Act("registered", office, registration),
            _Act("registered", "authority", _use_registration(clerk, registration)),
            evacuated,
        ],
    }
    acts["lifted"] = acts["seized"]
    acts["confirmed"] = [
        *acts["unconfirmed"],
        _Act("confirmed", desk, make(c.ConfirmRelabel, code=label, site=station.site, person=station.filler)),
    ]
    acts["evacuated"] = [*acts["not_evacuated"], evacuated]
    weighed = make(c.DetermineTare, **here, witness=station.filler, tare_g=registration.tare_g)
    acts["retared"] = [*acts["tare_unclear"], _Act("retared", desk, weighed)]
    return acts[way]


def _use_registration(clerk: Clerk, registration: c.RegisterCylinder) -> c.FileUseRegistration:
    return clerk.make(
        c.FileUseRegistration, certificate=f"UR-{registration.serial}", enterprise=registration.owner,
        cylinders=(registration.cylinder,), status="valid",
    )  # fmt: skip
