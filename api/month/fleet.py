"""The town's cylinders: honest ones of all ages, and those that time, a maker or a customer has made unfit."""

import random
from collections.abc import Callable, Iterator

from api.demo.city_signers import ClaimIds
from api.month.life import Bottle
from ledger import claim as c
from ledger.china import add_months
from ledger.identity import own_code, stamp_code
from ledger.model import MODELS

MONTH = "2026-01"
"""The story begins in it; ages are counted in months before it."""
MAKERS = ("MA01", "MA02", "MB03", "MC04")
RECALLED_MAKER, RECALLED_FROM, RECALLED_TO = "MD05", "2023-03", "2023-08"
OWNERS = {"HB": 620, "LH": 380}
"""Enterprise: how many of a thousand cylinders are its."""

Ages = Callable[[random.Random], tuple[int, int | None]]
_MODELS = {"YSP35.5": 900, "YSP118/49.5": 50, "YSP118/液/49.5": 15, "YSP12": 35}
_UNFIT: dict[str, tuple[int, int, Ages]] = {
    # sort: (of a thousand, at least, month of making and of the last inspection: months before the story's month)
    "due_soon": (20, 10, lambda x: (x.randint(60, 88), x.randint(46, 47))),
    "overdue": (10, 6, lambda x: (x.randint(60, 90), x.randint(49, 55))),
    "shop_stock": (3, 4, lambda x: (x.randint(60, 90), 48)),
    "extended": (25, 8, lambda x: (age := x.randint(97, 135), age - 94)),
    "design_life": (4, 4, lambda x: (age := x.randint(98, 104), age - 60)),
    "over_age": (6, 4, lambda x: (x.randint(146, 170), x.randint(20, 40))),
    "two_phase": (3, 3, lambda x: (x.randint(50, 90), x.randint(3, 30))),
    "recalled": (8, 14, lambda x: (x.randint(29, 34), None)),
    "unregistered": (3, 6, lambda x: (x.randint(3, 40), None)),
    "screwed": (2, 4, lambda x: (x.randint(70, 90), x.randint(3, 20))),
}  # fmt: skip


def build_fleet(chance: random.Random, ids: ClaimIds, count: int, at_ms: int) -> Iterator[Bottle]:
    """So many cylinders as registered at `at_ms` (ms UTC), with the same share of each sort whatever the seed."""
    sorts = [sort for sort, (share, least, _) in _UNFIT.items() for _ in range(max(least, count * share // 1000))]
    sorts += ["fit"] * (count - len(sorts))
    chance.shuffle(sorts)
    for number, sort in enumerate(sorts):
        owner = chance.choices(list(OWNERS), list(OWNERS.values()))[0]
        yield new_bottle(chance, ids, number, owner, at_ms, sort=sort)


def new_bottle(
    chance: random.Random, ids: ClaimIds, number: int, owner: str, at_ms: int, *, sort: str = "fit"
) -> Bottle:
    """One cylinder with its registration; `sort` "new" is bought new this month."""
    model = MODELS["YSP118-II" if sort == "two_phase" else _model(chance)]
    age, ago = _ages(chance, sort)
    made = add_months(MONTH, -age)
    maker = RECALLED_MAKER if sort == "recalled" else chance.choice(MAKERS)
    serial = f"{1_000_000 + number}"
    tare_g = (model.nominal_tare_g or 0) * chance.randint(970, 1030) // 10_000 * 10
    marked = made >= "2021-05"
    paper = c.RegisterCylinder(
        claim_id=ids.new(at_ms), scanned_at=at_ms, cylinder=ids.new(at_ms), code=str(own_code(owner, f"N{number:07d}")),
        owner=owner, maker=maker, serial=serial, made_month=made, model=model.model,
        phase=c.Phase.TWO_PHASE if sort == "two_phase" else model.phase or c.Phase.VAPOUR,
        water_volume_ml=model.water_volume_ml, tare_g=tare_g, max_fill_g=model.max_fill_g,
        design_life_months=96 if made < "2023-12" else 144,
        inspected_month=None if ago is None else add_months(MONTH, -ago),
        bought_on=f"{add_months(made, 1)}-15" if marked and sort != "new" else None,
        filler_mark=owner if marked else None, collar="screwed" if sort == "screwed" else "welded",
        ownership="invoice", ownership_digest="5a" * 32, new=sort == "new",
    )  # fmt: skip
    return Bottle(
        paper=paper, sort=sort, code=paper.code, stamp=str(stamp_code(maker, serial, made)), owner=owner,
        inspected=paper.inspected_month, tare_g=tare_g, use_registered=sort not in ("unregistered", "new"),
    )  # fmt: skip


def _model(chance: random.Random) -> str:
    return chance.choices(list(_MODELS), list(_MODELS.values()))[0]


def _ages(chance: random.Random, sort: str) -> tuple[int, int | None]:
    if sort in _UNFIT:
        return _UNFIT[sort][2](chance)
    if sort == "new":
        return 0, None
    age = chance.randint(2, 88)
    return (age, None) if age <= 42 else (age := max(age, 52), chance.randint(1, min(42, age - 46)))  # noqa: PLR2004
