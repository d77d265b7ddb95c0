"""Cylinder models (型号): the strings of three generations of GB 5842 parse to one table of types.

    before 2006  YSP-15                       the number is the fill's class in kilograms
    2006         YSP35.5, YSP118-II           the number is the water volume in litres (GB 5842-2006)
    since 2023   YSP35.5/14.9, YSP118/液/49.5  volume, and the largest fill in kilograms; 液 liquid (GB 5842-2023)

No kilogram class equals a volume, so the hyphen that people add or forget does not matter.

Sources: volumes, fills and tares DOMAIN 3.1 (grade C; the fills of 4.7, 23.5, 28.6 and 29.5 K); nominal fills and
tolerances DOMAIN 7: GB 17267-1998 chapter 9 for the 15-kg class (B), the rest K. Tare is each cylinder's own; the
type's is a band of plausibility only.
"""

import re
import unicodedata
from functools import lru_cache

from msgspec import Struct

from ledger.claim import Phase
from ledger.errors import Malformed


class CylinderModel(Struct, frozen=True):
    """One type. `model` is its canonical text; masses are grams, the volume millilitres.

    A fill's band is `nominal_fill_g` ± `fill_tolerance_g`, cut off at `allowed_fill_g(...)`. `phase` is None where the
    model's text leaves it open: plain YSP118 and YSP-50 never said, -II was two-phase in 2006 and liquid in 2022.
    """

    model: str
    water_volume_ml: int
    max_fill_g: int
    nominal_fill_g: int
    fill_tolerance_g: int
    nominal_tare_g: int | None
    phase: Phase | None


# fmt: off
MODELS = {row.model: row for row in (
    #             model              volume   max    nominal tol   tare    phase
    CylinderModel("YSP4.7",          4_700,   1_900,  1_900,  100,  3_400, Phase.VAPOUR),   # tolerance K
    CylinderModel("YSP12",          12_000,   5_000,  5_000,  200,  6_500, Phase.VAPOUR),   # tolerance K
    CylinderModel("YSP23.5",        23_500,   9_800,  9_500,  300, 13_000, Phase.VAPOUR),   # 9.5 ± 0.3 K
    CylinderModel("YSP26.2",        26_200,  11_000, 11_000,  300, 13_500, Phase.VAPOUR),   # tolerance K
    CylinderModel("YSP28.6",        28_600,  12_000, 12_000,  300, 13_000, Phase.VAPOUR),   # tolerance K
    CylinderModel("YSP29.5",        29_500,  12_300, 12_300,  300,   None, Phase.VAPOUR),   # K; 12.4 is over 0.42 kg/L
    CylinderModel("YSP35.5",        35_500,  14_900, 14_500,  500, 16_500, Phase.VAPOUR),   # 14.5 ± 0.5 B
    CylinderModel("YSP74",          74_000,  30_000, 30_000,  700,   None, Phase.VAPOUR),   # tolerance K; tare unsure
    CylinderModel("YSP118",        118_000,  49_500, 49_000, 1000, 45_000, None),           # 49.0 ± 1.0 K
    CylinderModel("YSP118/49.5",   118_000,  49_500, 49_000, 1000, 45_000, Phase.VAPOUR),
    CylinderModel("YSP118-II",     118_000,  49_500, 49_000, 1000, 45_000, None),
    CylinderModel("YSP118/液/49.5", 118_000, 49_500, 49_000, 1000, 45_000, Phase.LIQUID),
)}
# fmt: on

LARGE_ML = 100_000
"""From this volume on it is of the 50-kg class (118 L), for which several rules differ."""

_VOLUME_OF_CLASS = {"2": "4.7", "5": "12", "10": "23.5", "15": "35.5", "50": "118"}  # kg -> L (K)
_TEXT = re.compile(r"YSP-?([0-9]{1,3}(?:\.[0-9])?)(-?II|/?液)?(?:/([0-9]{1,2})(?:\.([0-9]))?)?")


@lru_cache(maxsize=1024)
def parse_model(text: str) -> CylinderModel:
    """The type that a model's text of any generation names; case, width and spaces do not matter.

    Malformed when the text is no model, names no type of the table, or states a fill that its volume cannot have.
    """
    plain = re.sub(r"\s", "", unicodedata.normalize("NFKC", text)).upper()
    match = _TEXT.fullmatch(plain)
    if match is None:
        raise Malformed(
            "型号写法不对，应形如 YSP35.5、YSP-15、YSP118/液/49.5，请对照瓶体钢印重输",
            "not a model; it reads like YSP35.5, YSP-15 or YSP118/液/49.5: copy it from the stamp",
        )
    number, variant, kilograms, tenths = match.groups()
    name = "YSP" + _VOLUME_OF_CLASS.get(number.removesuffix(".0"), number.removesuffix(".0"))
    if variant:
        name += "-II" if "II" in variant else "/液/49.5"
    elif kilograms and name == "YSP118":
        name = "YSP118/49.5"
    model = MODELS.get(name)
    if model is None:
        raise Malformed(
            "型号不在 GB 5842 型号表内，请对照瓶体钢印核对", "no type of GB 5842; compare it with the stamp"
        )
    if kilograms and not plausible_fill(model, 1000 * int(kilograms) + 100 * int(tenths or 0)):
        raise Malformed(
            "型号中的充装量与容积不符，请对照瓶体钢印核对",
            "the fill in this model's text does not fit its volume; compare it with the stamp",
        )
    return model


def allowed_fill_g(max_fill_g: int, water_volume_ml: int) -> int:
    """The most gas in grams that may ever be in it: min(stamped fill, 0.42 kg/L x volume), floored to 100 g (DOMAIN 7).

    No tolerance applies above it.
    """
    return min(max_fill_g, water_volume_ml * 42 // 100) // 100 * 100


def plausible_fill(model: CylinderModel, fill_g: int) -> bool:
    """Whether a maker may have stamped this fill: 0.42 kg/L rounded up by 0.1 kg at most, a tenth less at least.

    Rounding up is not allowed to be filled (`allowed_fill_g`), but it is found on honest cylinders: 15.0 on 35.5 L.
    """
    return model.max_fill_g * 9 // 10 <= fill_g <= model.water_volume_ml * 42 // 100 + 100
