"""The end of the shift: hand-overs at the door, cylinders that come back, the spot check, and a new rule pack."""

from msgspec import structs

from api.demo.city import DISTRICT, Station
from api.demo.city_cylinders import CityCylinder, State
from api.demo.city_registry import customer_at, premises_of
from api.demo.clerk import Clerk, digest_of
from api.demo.doorstep import CHECKLIST
from api.demo.plan import Script
from api.demo.plant import Sower
from api.demo.plant_deeds import load
from api.demo.plant_scripts import script_for, sold
from api.packs import shipped_pack
from ledger import claim as c
from ledger.packs.model import RuleSetting

_LIQUID, _LARGE = "YSP118/液/49.5", "YSP118/49.5"
_DOORS: tuple[tuple[str, str, str, str, bool], ...] = (
    # name, model, premises, position, vaporiser
    ("delivered", "YSP35.5", "resident", "outdoor", False),
    ("delivered", "YSP35.5", "restaurant", "indoor", False),
    ("delivered", _LARGE, "school", "outdoor", False),
    ("delivered", _LIQUID, "restaurant", "cylinder_room", True),
    ("restaurant_liquid", _LIQUID, "restaurant", "cylinder_room", False),
    ("large_indoors", _LARGE, "restaurant", "indoor", False),
    ("crowded", "YSP35.5", "school", "indoor", False),
    ("no_premises", "YSP35.5", "nobody", "outdoor", False),
)


def doors(sower: Sower, clerk: Clerk, station: Station) -> list[Script]:
    """The courier hands over, by a key of their own: what may stand there, and what may not. The fills before it."""
    courier, scripts = f"courier:{station.site}", []
    for name, model, premises, position, vaporiser in _DOORS:
        script, cylinder = sold(sower, station, model)
        scripts.append(script)
        place = premises_of(station, premises, vaporiser=vaporiser)
        sower.deed("closing", courier, name, _hand_over(clerk, station, cylinder, place, position))
    for name, state, premises in (
        ("door_black", State.FIT, "resident"), ("restaurant_two_phase", State.TWO_PHASE, "restaurant")
    ):  # fmt: skip
        cylinder = sower.cylinder(state, site=station.site, owner=station.enterprise)
        handed = _hand_over(clerk, station, cylinder, premises_of(station, premises), "outdoor")
        sower.deed("closing", courier, name, handed)
    return scripts


def returns(sower: Sower, clerk: Clerk, station: Station) -> list[Script]:
    """Some come back within hours: recorded, or by nobody, or to be filled again at once. The fills before it."""
    desk, scripts = f"desk:{station.site}", []
    for name in ("returned", "no_return", "too_soon"):
        script, cylinder = sold(sower, station)
        scripts.append(script)
        here = {"code": cylinder.code, "site": station.site, "person": station.filler}
        checked = clerk.make(c.CheckPrefill, **here, stamp_tail=cylinder.registration.serial[-4:])
        again = _authorise(clerk, station, cylinder)
        back = clerk.make(c.DepotIn, **here, vehicle=station.vehicle, purpose=c.Purpose.RETURN, content=c.Content.EMPTY)
        claims: dict[str, list[c.AnyClaim]] = {"returned": [back, checked, again], "no_return": [checked]}
        sower.deed("closing", desk, name, *claims.get(name, [checked, again]))
    return scripts


def spot_check(sower: Sower, clerk: Clerk, station: Station) -> None:
    """Pre-checked until the ledger asks for the stamp; nobody keys it, and the scale is asked all the same."""
    cylinder = sower.counted(station.site, sower.cylinder(site=station.site, model="YSP35.5"), c.Content.EMPTY)
    checked = clerk.make(c.CheckPrefill, code=cylinder.code, site=station.site, person=station.filler)
    asked = _authorise(clerk, station, cylinder)
    sower.deed("closing", f"desk:{station.site}", "unanswered", checked, asked, manner="until_challenged")


def seals(sower: Sower, clerk: Clerk, station: Station) -> list[Script]:
    """Released and left standing until a new pack asks for seals: one has it, one has none. The fills before it."""
    scripts = []
    for name, seal in (("sealed", "F-0001"), ("no_seal", None)):
        cylinder = sower.cylinder(site=station.site, owner=station.enterprise, model="YSP35.5")
        sower.counted(station.site, cylinder, c.Content.EMPTY)
        tag = sower.tag("kept")
        scripts.append(script_for(sower, station, tag, cylinder, seal=seal, stop_after="release"))
        sower.deed("closing", f"desk:{station.site}", name, load(clerk, station, cylinder.code))
    return scripts


def new_pack(sower: Sower, clerk: Clerk) -> None:
    """The district makes seals a duty: the log adopts the next version of its pack, and goes on."""
    pack = shipped_pack(DISTRICT)
    rules = pack.rules | {"FILL-09@1": RuleSetting(mode="block", params={"need_seal": 1})}
    adopted = structs.replace(pack, version=pack.version + 1, rules=rules)
    sower.deed("closing", "authority", "new-pack", clerk.make(c.AdoptPack, pack=adopted, expects=0))


def _authorise(clerk: Clerk, station: Station, cylinder: CityCylinder) -> c.AuthoriseFill:
    return clerk.make(
        c.AuthoriseFill, code=cylinder.code, site=station.site, line=station.good_lines()[0], person=station.filler,
        tank_lot=station.lot, start_weight_g=cylinder.registration.tare_g + 300,
    )  # fmt: skip


def _hand_over(clerk: Clerk, station: Station, cylinder: CityCylinder, premises: str, position: str) -> c.HandOver:
    return clerk.make(
        c.HandOver, code=cylinder.code, person=station.courier, vehicle=station.vehicle, site=station.site,
        customer=customer_at(premises), premises=premises, position=position,
        check=c.SafetyCheck(CHECKLIST, photos=(digest_of(f"check {premises}"),)),
        confirmation=c.Confirmation("signature", "matched", digest=digest_of(f"signature {premises}")),
    )  # fmt: skip
