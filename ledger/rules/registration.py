"""REG, MAKE and what else is asked of a cylinder before it is in the ledger: its stamp, its marks, whose it is."""

from ledger import claim as c
from ledger.china import last_day
from ledger.cylinder import stamp_of
from ledger.model import CylinderModel, parse_model, plausible_fill
from ledger.rules.rule import Case, Finding, Gate, rule

MARKED_SINCE = "2021-06-01"
"""The first day of purchase for which the filler's mark must be debossed on the head (SAMR's notice of 2021)."""

VOLUME_TOLERANCE_PERMILLE = 15
"""A stamp may say the measured volume: so far it may be from the model's. 29.1 for 28.6 L is another type's (K)."""

ALIKE = 5
"""A serial of one character so many times or more is none (K)."""

DESIGN_LIFE_MONTHS = range(48, 241)
"""From four years to twenty: what is shorter was keyed in years, what is longer was never made (K)."""


@rule(
    "REG-01@1",
    gates=(Gate.PREFILL, Gate.FILL),
    zh="气瓶须办理使用登记",
    en="a cylinder needs a use registration in force",
    basis="特种设备安全法 第三十三条、第四十九条；市场监管总局2021年燃气气瓶整治通知",
    grade="B",
    reasons=("not_use_registered",),
)
def use_registered(case: Case) -> Finding | str | None:
    """No use-registration certificate lists it any more, or the certificate is cancelled."""
    if case.cylinder is None:
        return None
    name = case.cylinder.use_registration
    record = None if name is None else case.registry.get(c.FileUseRegistration, name)
    listed = record is not None and record.status == "valid" and case.cylinder.cylinder in record.cylinders
    return None if listed else "not_use_registered"


@rule(
    "REG-02@1",
    gates=(Gate.REGISTER, Gate.TARE),
    zh="登记的基础数据须合理",
    en="master data must be plausible",
    basis="GB 5842-2023（钢印内容、型号与允许充装量）；皮重范围为型号标称值的±15%（待核）",
    grade="B",
    reasons=(
        "serial_placeholder",
        "capacity_out_of_band",
        "fill_out_of_band",
        "tare_out_of_band",
        "date_in_future",
        "dates_contradictory",
    ),
    params=("tare_band_percent",),
)
def plausible(case: Case) -> Finding | str | None:
    """The first of its reasons that holds. A model that GB 5842 has not never comes here: no such claim is taken.

    Honest work it must not stop: two-phase, over-age and screwed-collar cylinders are registered as what they are; a
    fill stamped rounded up; a stamp that says the measured volume.
    """
    claim, cylinder = case.claim, case.cylinder
    if isinstance(claim, c.DetermineTare):
        return None if cylinder is None else _tare(case, parse_model(cylinder.model), claim.tare_g)
    assert isinstance(claim, c.RegisterCylinder)
    if is_placeholder(claim.serial):
        return "serial_placeholder"
    model = parse_model(claim.model)
    if abs(claim.water_volume_ml - model.water_volume_ml) * 1000 > model.water_volume_ml * VOLUME_TOLERANCE_PERMILLE:
        return "capacity_out_of_band", {"water_volume_ml": claim.water_volume_ml, "model_ml": model.water_volume_ml}
    if not plausible_fill(model, claim.max_fill_g):
        return "fill_out_of_band", {"max_fill_g": claim.max_fill_g, "model_g": model.max_fill_g}
    return _tare(case, model, claim.tare_g) or _dates(claim, case.today)


def is_placeholder(serial: str) -> bool:
    """Whether a serial was typed to say something: nothing but zeros, or one character `ALIKE` times or more.

    A run like 12345678 is somebody's honest serial.
    """
    characters = serial.replace("-", "")
    return not characters.strip("0") or (len(set(characters)) == 1 and len(characters) >= ALIKE)


def _tare(case: Case, model: CylinderModel, tare_g: int) -> Finding | None:
    nominal = model.nominal_tare_g
    if nominal is None or abs(tare_g - nominal) * 100 <= nominal * case.params["tare_band_percent"]:
        return None
    return "tare_out_of_band", {"tare_g": tare_g, "nominal_g": nominal}


def _dates(claim: c.RegisterCylinder, today: str) -> str | None:
    made, inspected, bought = claim.made_month, claim.inspected_month, claim.bought_on
    if max(made, inspected or made) > today[:7] or (bought is not None and bought > today):
        return "date_in_future"
    early = (inspected is not None and inspected < made) or (bought is not None and bought[:7] < made)
    return "dates_contradictory" if early or claim.design_life_months not in DESIGN_LIFE_MONTHS else None


@rule(
    "ID-05@1",
    gates=(Gate.REGISTER,),
    zh="同一制造单位、编号、制造年月的气瓶只能登记一次",
    en="a cylinder is registered once: same maker, serial and month of making",
    basis="DB4114/T 185-2023 4.7（气瓶信息不能登记到多个充装单位）；固定充装制度",
    grade="B",
    reasons=("already_registered",),
)
def registered_once(case: Case) -> Finding | str | None:
    """Its stamp is a code already, whoever registered it.

    Honest work it must not stop: serials that two makers, or one maker in two months, have given.
    """
    claim = case.claim
    assert isinstance(claim, c.RegisterCylinder)
    return "already_registered" if stamp_of(claim) in case.world.codes else None


@rule(
    "ID-06@1",
    gates=(Gate.REGISTER, Gate.PREFILL, Gate.FILL),
    zh="2021年6月1日起购置的气瓶，封头须凹印充装单位标志",
    en="cylinders bought since 2021-06-01 carry the filler's mark on their head",
    basis="市场监管总局2021年燃气气瓶整治通知；TSG 23-2021",
    grade="B",
    reasons=("filler_mark_missing",),
)
def marked(case: Case) -> Finding | str | None:
    """No mark, or another's than the owner's and those whose successor the owner is. Purchase unknown: by its making.

    Honest work it must not stop: what was bought before; a merged filler's cylinders with the old mark; a customer's
    own cylinder taken in to be surrendered, which is registered but not filled.
    """
    if isinstance(case.claim, c.RegisterCylinder) and case.claim.owner == c.CUSTOMER:
        return None
    what = case.claim if isinstance(case.claim, c.RegisterCylinder) else case.cylinder
    if what is None:
        return None
    bought_since = what.made_month >= MARKED_SINCE[:7] if what.bought_on is None else what.bought_on >= MARKED_SINCE
    if not bought_since:
        return None
    mark = what.filler_mark
    owners = mark is not None and what.owner != c.CUSTOMER and case.registry.stands_for(what.owner, mark, case.today)
    return None if owners else "filler_mark_missing"


@rule(
    "MAKE-01@1",
    gates=(Gate.REGISTER,),
    zh="制造单位须有制造许可",
    en="its maker is licensed",
    basis="特种设备安全法（制造许可，条号待核）；气瓶安全监察规定（2003）",
    grade="C",
    reasons=("maker_not_licensed",),
)
def maker_licensed(case: Case) -> Finding | str | None:
    """No registered manufacturer, on the blacklist, or without a permit that covers a day of the month of making.

    Honest work it must not stop: cylinders of makers that closed long ago; so it warns.
    """
    claim = case.claim
    assert isinstance(claim, c.RegisterCylinder)
    maker = case.registry.get(c.FileEnterprise, claim.maker)
    if maker is None or maker.kind != "manufacturer":
        return "maker_not_licensed"
    if case.registry.blacklisted("maker", claim.maker, case.today) is not None:
        return "maker_not_licensed"
    first, last = f"{claim.made_month}-01", last_day(claim.made_month)
    permits = case.registry.owned_by(c.FilePermit, claim.maker)
    held = any(p.kind == "manufacture" and p.valid_from <= last and p.valid_to >= first for p in permits)
    return None if held else "maker_not_licensed"
