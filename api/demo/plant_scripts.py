"""The stations' shifts: mostly honest cylinders all the way, and among them one of every way of going wrong."""

from typing import Any

from msgspec import structs

from api.demo.city import HOST, Station
from api.demo.city_cylinders import CityCylinder, State
from api.demo.plan import Script
from api.demo.plant import Sower
from ledger import claim as c
from ledger.identity import own_code, parse_code
from ledger.label import format_label

_INTERRUPTED, _MERGED = 2, 6
_KEYS_STAMP = 0.1
"""How many key the stamp although nobody asks."""
_SEALED = 0.5
"""How many are sealed, although the district's pack does not ask for it yet."""
_STATES = {
    "overdue": State.OVERDUE,
    "due_soon": State.DUE_SOON,
    "large_due": State.LARGE_DUE,
    "design_ended": State.DESIGN_ENDED,
    "screw_collar": State.SCREW_COLLAR,
    "bad_maker": State.BLACKLISTED,
    "over_age": State.OVER_AGE,
    "two_phase": State.TWO_PHASE,
    "unregistered": State.UNREGISTERED,
    "cancelled": State.CANCELLED,
    "recalled": State.RECALLED,
}
# What goes wrong at each station: (fewest, most) cylinders. Where it depends on more than the cylinder, see `_patch`.
_COUNTS = {
    "unknown": (1, 2), "wrong_stamp": (1, 2), "unregistered": (1, 2), "cancelled": (1, 2), "overdue": (4, 7),
    "due_soon": (1, 2), "large_due": (1, 2), "over_age": (2, 3), "design_ended": (1, 2), "screw_collar": (1, 2),
    "two_phase": (2, 3), "recalled": (2, 3), "bad_maker": (1, 2), "bad_item": (3, 5), "below_tare": (1, 2),
    "residue": (1, 2), "unchecked": (2, 3), "late_start": (1, 2), "wrong_line": (1, 1), "reused": (1, 1),
    "no_leave": (1, 1), "no_certificate": (1, 2), "lapsed_certificate": (1, 1), "barred_person": (1, 1),
    "bad_lot": (2, 3), "overfill": (2, 3), "overfill_insist": (1, 1), "underfill": (1, 2), "same_person": (1, 2),
    "no_postcheck": (1, 2), "unreleased": (1, 1), "skew": (1, 2),
}  # fmt: skip
_TAMPERED = ("unlawful_sold", "late_start", "wrong_line", "reused", "no_leave", "skew")
_WEIGHTS = ("overfill", "overfill_insist", "underfill", "below_tare", "residue", "reused")
_STRAYS = (
    "wxp://f2f0KzQ3vW7demoDEMOdemo0000",
    "https://qr.alipay.com/fkx00000demo0000",
    "130000000000000000",
    "今日充装满100元送火柴",
)


def station_scripts(sower: Sower, station: Station) -> list[Script]:
    """One station's shift, all but what was prepared beforehand; unshuffled."""
    scripts = [_honest(sower, station, n) for n in range(station.honest)]
    # Each fills what the other owns; for the one there is a custody agreement, which this district's pack ignores.
    others = {"custody": (2, 4)} if station.enterprise == "TC" else {"foreign": (2, 4), "unlawful_sold": (3, 3)}
    for way, (fewest, most) in (_COUNTS | others).items():
        scripts += [wrong(sower, station, way) for _ in range(sower.chance.randint(fewest, most))]
    for line in station.lines:
        if not line.good:
            # Nothing honest happens on these: out of service, unregistered, or out of calibration (which only warns).
            way = "calibration" if line.filed and not line.spare else "no_line"
            scripts += [
                structs.replace(wrong(sower, station, way), line=line.line, person=station.stand_in(20 + n))
                for n in range(2)
            ]
    stray = sower.tag("stray")
    number = len(sower.stock) % len(_STRAYS)
    return [*scripts, Script(tag=stray, reading=_STRAYS[number], tare_g=16_500, line=station.good_lines()[0])]


def script_for(sower: Sower, station: Station, tag: str, cylinder: CityCylinder, **fields: Any) -> Script:  # noqa: ANN401
    """A cylinder that comes back nearly empty and is carried through the platform; `fields` say what is odd."""
    chance = sower.chance
    reading = format_label(parse_code(cylinder.code), HOST).url
    registered_g = cylinder.registration.tare_g
    plain: dict[str, Any] = {
        "tag": tag,
        "reading": reading,
        # Rust, paint, a new valve. Where the nominal fill is all that is allowed, the scale is set a little below it.
        "tare_g": registered_g + (round(chance.gauss(0, 20)) if cylinder.headroom_g else 0),
        "residual_g": min(chance.randrange(0, 700), cylinder.target_g // 3),
        "overfill_g": 0 if cylinder.headroom_g else -30,
        "serial": cylinder.registration.serial,
        "key_stamp": chance.random() < _KEYS_STAMP,
        "seal": f"F-{chance.randrange(10**6):06d}" if chance.random() < _SEALED else None,
        "target_net_g": cylinder.target_g,
        "line": chance.choice(station.good_lines()),
    }
    script = Script(**(plain | fields))
    # Nobody opens two valves at once: each line has its filler, and whoever tampers is somebody else again.
    alone = script.line == station.good_lines()[0]
    return script if alone or "person" in fields else structs.replace(script, person=station.second_filler)


def _honest(sower: Sower, station: Station, number: int) -> Script:
    """Fit, filled, checked, released, loaded. Some have their power cut on the way."""
    interrupted = number < _INTERRUPTED
    # A scale forgets its preset offset in a power cut; the 15-kg class has the headroom to do without.
    model = "YSP35.5" if interrupted else ""
    # Some are of an enterprise that merged into this one: its own now.
    merged = station.enterprise == "TC" and _INTERRUPTED <= number < _INTERRUPTED + _MERGED
    owner = "HB" if merged else station.enterprise
    script, cylinder = sold(sower, station, model, owner=owner)
    if not interrupted and not merged and cylinder.registration.model == "YSP35.5":
        assert script.line is not None
        sower.sold[script.tag] = (cylinder, script.line)
    return structs.replace(script, interrupt_at_g=cylinder.target_g // 2) if interrupted else script


def sold(
    sower: Sower, station: Station, model: str = "YSP35.5", *, owner: str | None = None
) -> tuple[Script, CityCylinder]:
    """An honest cylinder that goes all the way and out for sale; of this station's enterprise, or of `owner`."""
    cylinder = sower.cylinder(site=station.site, owner=owner or station.enterprise, model=model)
    sower.counted(station.site, cylinder, c.Content.EMPTY)
    tag = sower.tag("ok")
    sower.through[tag] = cylinder.code
    return script_for(sower, station, tag, cylinder), cylinder


def wrong(sower: Sower, station: Station, way: str) -> Script:
    """One cylinder that goes wrong this way (of WAYS)."""
    chance, tag = sower.chance, sower.tag(way)
    if way == "unknown":
        issuer = f"{station.enterprise}32"
        reading = format_label(own_code(issuer, f"9{chance.randrange(10**6):06d}"), HOST).url
        return Script(tag=tag, reading=reading, tare_g=16_500, line=station.good_lines()[0])
    if way in ("foreign", "custody", "unlawful_sold"):
        cylinder = sower.cylinder(owner="JH" if station.enterprise == "TC" else "TC")
        patch = _patch(sower, station, way)
        if way in _TAMPERED:
            patch["person"] = station.stand_in(int(tag.rpartition("-")[2]) + 4 * _TAMPERED.index(way))
        return script_for(sower, station, tag, cylinder, **patch)
    # Weights that are off need room for a figure that no headroom swallows: the common 15-kg class.
    model = "YSP35.5" if way in _WEIGHTS else ""
    cylinder = sower.cylinder(_STATES.get(way, State.FIT), site=station.site, model=model)
    sower.counted(station.site, cylinder, c.Content.EMPTY)
    patch = _patch(sower, station, way)
    if way in _TAMPERED:
        patch["person"] = station.stand_in(int(tag.rpartition("-")[2]) + 4 * _TAMPERED.index(way))
    if way in ("below_tare", "reused"):
        sower.alert({"below_tare": "F4", "reused": "F1"}[way], f"cylinder:{cylinder.registration.cylinder}")
    if way == "below_tare":
        patch["tare_g"] = cylinder.registration.tare_g - chance.randrange(900, 1_500, 50)
    return script_for(sower, station, tag, cylinder, **patch)


def _patch(sower: Sower, station: Station, way: str) -> dict[str, Any]:
    """The script's fields that make it go wrong this way."""
    chance = sower.chance
    scales = [line.line for line in station.lines if line.good and line.kind == "scale"]
    items = chance.sample([item for item in c.PrefillItem if item is not c.PrefillItem.LEAK], chance.randint(1, 2))
    stamp = f"{chance.randrange(9_000_000, 10_000_000)}X"  # no serial here has a letter
    patches: dict[str, dict[str, Any]] = {
        "wrong_stamp": {"serial": stamp, "key_stamp": True},
        "unlawful_sold": {"no_authorisation": True, "insist": True},
        "below_tare": {"residual_g": 0},
        "residue": {"residual_g": chance.randrange(1_300, 3_000, 50)},
        "barred_person": {"person": station.barred},
        "underfill": {"overfill_g": -chance.randrange(800, 2_000, 50)},
        "bad_item": {"failed_items": tuple(items)},
        "unchecked": {"skip_prefill": True},
        "late_start": {"late_start_s": chance.randrange(150, 240), "line": scales[0]},
        "wrong_line": {"wrong_line": True, "line": scales[-1]},
        "reused": {"reuse_authorisation": True},
        "no_leave": {"no_authorisation": True},
        "no_certificate": {"person": station.apprentice},
        "lapsed_certificate": {"person": station.lapsed},
        "bad_lot": {"tank_lot": chance.choice(station.bad_lots)},
        "overfill": {"overfill_g": chance.randrange(600, 1_500, 50), "stop_after": chance.choice((None, "fill"))},
        "overfill_insist": {"overfill_g": chance.randrange(600, 1_500, 50), "insist": True},
        "same_person": {"same_person_postcheck": True, "line": station.good_lines()[0]},
        "no_postcheck": {"skip_postcheck": True},
        "unreleased": {"skip_postcheck": True, "insist": True},
        "skew": {"clock_skew_ms": chance.choice((-1, 1)) * chance.randrange(40, 200) * 60_000},
    }
    return patches.get(way, {})
