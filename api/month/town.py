"""The town of a month: two fillers with a station each, an inspection body, kitchens, and their cylinders.

    HB  海滨示范燃气     HB-S1: a carousel and a scale, a spare scale; 62 % of the cylinders
    LH  芦河示范液化气   LH-S1: two scales, a spare scale
    JB  示范气瓶检验所   the inspection body       GS  示范气源公司  the supplier of gas

All of it is invented. Its district is 320600; the story begins at midnight before Saturday 2026-01-24, in China.
"""

from collections import deque

from msgspec import Struct

from api.month.facts import Facts
from api.month.fleet import build_fleet
from api.month.life import Bottle, Customer, Yard
from api.month.stage import Stage
from api.month.voices import DAY
from ledger import claim as c

BEGINS = 1_769_184_000_000
EASED_UNTIL = "2026-01-25"
DISTRICT = "320600"
BODY, BODY_SITE = "JB", "JB-1"
INSPECTOR, REVIEWER = "JB-P1", "JB-P2"
SUPPLIER, SUPPLY_PERMIT = "GS", "GS-SUPPLY-2000"
LONG = {"valid_from": "2024-01-01", "valid_to": "2028-12-31"}
ENDING = {"valid_from": "2022-01-28", "valid_to": "2026-01-27"}
"""The papers that the offices renew in time."""
RENEWED = {"valid_from": "2026-01-28", "valid_to": "2030-01-27"}
QUARTERS = {"HB": "320600001", "LH": "320600002"}
"""Enterprise: the part of the town where its customers live, and its workers deliver."""
HOUSEHOLDS_A_BUILDING = 12
STAND_IN, CONTROLLER = 5, 6
"""Of a station's people: who delivers when somebody is ill, and who re-checks what a worker put right."""
LOAD_CAP_G = 500_000
"""What a tricycle (三轮车) may carry, gross."""
_A_VEHICLE = 36
"""Fills a day for each of them."""
_SHOWS = ((29, "voucher"), (23, "proxy"), (3, "code"))
_KEPT_TOO_LONG = ("overdue", "over_age", "design_life", "two_phase", "unregistered", "screwed")
_AT_HOME, _EMPTY, _RESTAURANT = 0.68, 0.16, 0.12


class Town(Struct):
    """Who and what there is. `queues`: customers by enterprise and size of cylinder, the longest served first."""

    facts: Facts
    yards: dict[str, Yard]
    bottles: list[Bottle]
    queues: dict[tuple[str, bool], deque[Customer]]
    ends: int
    strangers: list[Bottle]


def build_town(stage: Stage, cylinders: int, days: int) -> Town:
    """The town of the stage's seed on the eve of its month."""
    per_day = max(36, cylinders // 34)
    yards = {
        "HB": _yard("HB", ["HB-S1-R1", "HB-S1-L1"], "HB-S1-R1", per_day * 62 // 100),
        "LH": _yard("LH", ["LH-S1-L1", "LH-S1-L2"], None, per_day * 38 // 100),
    }
    facts = stage.facts
    facts.enterprise_of.update({yard.site: yard.enterprise for yard in yards.values()})
    bottles = list(build_fleet(stage.chance, stage.ids, cylinders, stage.now))
    queues: dict[tuple[str, bool], deque[Customer]] = {
        (enterprise, large): deque() for enterprise in yards for large in (False, True)
    }
    town = Town(facts, yards, bottles, queues, BEGINS + days * DAY, [])
    for bottle in bottles:
        facts.add(bottle)
        _place(stage, town, bottle)
    for yard in yards.values():
        # A kitchen whose empties nobody ever scans.
        next(bottle for bottle in yard.ready if not bottle.large).missed = 2
        yard.ready.sort(key=lambda bottle: -bottle.missed)
    return town


def _yard(enterprise: str, lines: list[str], carousel: str | None, per_day: int) -> Yard:
    site = f"{enterprise}-S1"
    vehicles = [f"{site}-V{number}" for number in range(1, 2 + per_day // _A_VEHICLE)]
    spare = f"{site}-L9"
    return Yard(site, enterprise, lines, carousel, spare, (*lines, spare), per_day, vehicles, f"{site}-T1", lots=1)


def _place(stage: Stage, town: Town, b: Bottle) -> None:
    """Where it is on the eve: in the shop full, at the station empty, or with a customer."""
    yard, draw = town.yards[b.owner], stage.chance.random()
    if b.sort == "shop_stock":
        b.gas_g, b.opening = b.target_g, True
        yard.kept.append(b)
    elif b.sort in _KEPT_TOO_LONG or (draw < _AT_HOME and b.sort != "due_soon"):
        _hold(stage, town, b)
    elif b.sort == "due_soon" or draw < _AT_HOME + _EMPTY:
        yard.empties.append(b)
    else:
        b.gas_g, b.opening = b.target_g, True
        yard.ready.append(b)


def _hold(stage: Stage, town: Town, b: Bottle) -> None:
    queue = town.queues[b.owner, b.large]
    if queue and len(queue[-1].holds) < (3 if queue[-1].kind == "restaurant" else 1):
        queue[-1].holds.append(b)
        return
    number = len(town.facts.customers)
    restaurant = b.large or stage.chance.random() < _RESTAURANT
    customer = new_customer(b.owner, number, "restaurant" if restaurant else "resident", large=b.large)
    customer.vaporiser = b.paper.phase is c.Phase.LIQUID
    customer.holds.append(b)
    town.facts.add_customer(customer)
    # The first to run out come first; who was served lately stands at the end.
    queue.append(customer)


def new_customer(enterprise: str, number: int, kind: str, *, large: bool) -> Customer:
    """The n-th customer of the town: a kitchen in a building of its own, or a household among others."""
    building = f"{enterprise}-B{number // HOUSEHOLDS_A_BUILDING}" if kind == "resident" else f"{enterprise}-R{number}"
    customer = Customer(f"{enterprise}-K{number}", f"{enterprise}-H{number}", kind, "indoor", building)
    if large:
        customer.position = "cylinder_room"
    customer.shows = next((how for every, how in _SHOWS if number % every == 0), "signature")
    return customer
