"""What the tables of rules are made of: a town with one cylinder, the acts that happen to it, and a row's shape."""

import functools
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from msgspec import structs

from ledger import claim as c
from ledger import events as e
from ledger.packs.model import Pack
from ledger.reasons import PRECEDENCE
from tests.story import PACK, START, Town, code

CHINA = timezone(timedelta(hours=8))
ONE = code(1)
P = functools.partial


class Row(NamedTuple):
    """`what` happens: `reason` of `rule` blocks, warns, or is not heard ("passes").

    `edge` is the parameter, or the boundary (`effective_from`, `effective_to`, `last_day`), that it stands beside.
    """

    what: str
    rule: str
    reason: str
    outcome: Callable[[], e.Outcome]
    edge: str = ""


def ids_of(rows: tuple[Row, ...]) -> list[str]:
    """The names of a table's cases."""
    return [f"{n}-{row.rule}-{row.reason}-{row.what}" for n, row in enumerate(rows)]


def holds(row: Row) -> None:
    """The row happens as it says, and the reasons stand in order of precedence."""
    outcome = row.outcome()
    broken, warned = heard(outcome)
    found = [(note.rule.partition("@")[0], note.reason) for note in broken]
    mild = [(note.rule.partition("@")[0], note.reason) for note in warned]
    here = (row.rule, row.reason)
    assert {"blocks": here in found, "warns": here in mild, "passes": here not in found + mild}[row.what], outcome
    for notes in (broken, warned):
        ranks = [PRECEDENCE[note.reason] for note in notes]
        assert ranks == sorted(ranks)


def heard(outcome: e.Outcome) -> tuple[list[e.Note], list[e.Note]]:
    """What blocked or was violated, and what warned."""
    broken = outcome.reasons if isinstance(outcome, e.Refusal) else outcome.violations
    return list(broken), list(outcome.warnings)


def china(text: str) -> int:
    """Milliseconds UTC of a time on China's clocks."""
    return round(datetime.fromisoformat(text).replace(tzinfo=CHINA).timestamp() * 1000)


def in_pack(rule: str, pack: Pack = PACK) -> str:
    """The version of that rule that the pack names: `INS-01` or `INS-01@1` to `INS-01@2`."""
    wanted = rule.partition("@")[0]
    return next(name for name in pack.rules if name.partition("@")[0] == wanted)


def changed(rule: str, **changes: Any) -> Pack:
    """The shipped pack with one rule's setting changed."""
    name = in_pack(rule)
    setting = structs.replace(PACK.rules[name], **changes)
    return structs.replace(PACK, version=PACK.version + 1, rules=PACK.rules | {name: setting})


def with_params(rule: str, **params: int) -> Pack:
    """The shipped pack with some of one rule's parameters changed."""
    return changed(rule, params=PACK.rules[in_pack(rule)].params | params)


@functools.cache
def opened() -> Town:
    """The town before its first cylinder; copy it."""
    town = Town()
    town.opened()
    return town


@functools.cache
def _with_one(items: tuple[tuple[str, Any], ...]) -> Town:
    town = opened().copy()
    town.with_cylinder(1, **dict(items))
    return town


def town_with(*, at: str | int = START, pack: Pack | None = None, **cylinder: Any) -> Town:
    """The town with cylinder 1, its clock at that time."""
    town = _with_one(tuple(cylinder.items())).copy()
    town.story.now = at if isinstance(at, int) else china(at)
    if pack is not None:
        assert isinstance(town.say(c.AdoptPack, pack=pack, expects=0), e.Filed)
    return town


def prefill(**at: Any) -> e.Outcome:
    return town_with(**at).say(c.CheckPrefill, code=ONE)


def authorise(town: Town | None = None, /, *, checked: bool = True, **fields: Any) -> e.Outcome:
    town = town or town_with()
    if checked:
        town.say(c.CheckPrefill, code=ONE)
    return town.say(c.AuthoriseFill, code=ONE, **fields)


def release(town: Town | None = None, /) -> e.Outcome:
    town = town or town_with()
    town.fill(ONE)
    return town.release(ONE)


def sell(town: Town | None = None, /, *, later: str | None = None) -> e.Outcome:
    town = town or town_with()
    release(town)
    if later is not None:
        town.story.now = china(later)
    return town.sell(ONE)


def after(act: type[c.Claim], then: Callable[[Town], e.Outcome], **fields: Any) -> e.Outcome:
    """The outcome of `then` in a town where this happened to the cylinder."""
    town = town_with()
    named: dict[str, Any] = {"code": ONE} if "code" in act.__struct_fields__ else {}
    assert not isinstance(town.say(act, **(named | fields)), e.Refusal)
    return then(town)


def under(rule_act: type[c.Claim], fields: dict[str, Any], **ask: Any) -> e.Outcome:
    """A fill asked for after that filing."""
    town = town_with()
    by = town.story.authority if rule_act is c.FileCertificate else None
    assert isinstance(town.say(rule_act, by=by, **fields), e.Filed)
    return authorise(town, **ask)


def bind(**fields: Any) -> e.Outcome:
    town = town_with()
    return town.say(c.BindCode, **({"code": ONE, "new_code": code(9), "retires": ONE} | fields))


def relabelled(then: Callable[[Town], e.Outcome]) -> e.Outcome:
    """The outcome of `then` with the code that a new label replaced."""
    return after(c.BindCode, then, new_code=code(9), retires=ONE)


def register(**fields: Any) -> e.Outcome:
    town = town_with()
    return town.tell(town.story.office, town.story.cylinder(2, **fields))


def dated(at: str, rule: str, **cylinder: Any) -> e.Outcome:
    """A rule in force from 2026-03-01 to 2026-03-31 only, asked at that time."""
    pack = changed(rule, effective_from="2026-03-01", effective_to="2026-03-31")
    return prefill(at=at, pack=pack, **cylinder)


def twice(first: Callable[[Town], object], then: Callable[[Town], e.Outcome]) -> Callable[[], e.Outcome]:
    def run() -> e.Outcome:
        town = town_with()
        first(town)
        return then(town)

    return run


def check(town: Town) -> e.Outcome:
    return town.say(c.CheckPrefill, code=ONE)


def ask(town: Town) -> e.Outcome:
    return town.say(c.AuthoriseFill, code=ONE)


def release_only(town: Town) -> e.Outcome:
    return town.say(c.ReleaseCylinder, code=ONE)


def sale(town: Town) -> e.Outcome:
    return town.sell(ONE)


def door(town: Town, **fields: Any) -> e.Outcome:
    """A hand-over of cylinder 1 at K1's."""
    return town.say(c.HandOver, **({"code": ONE} | fields))


def settled(town: Town, /, premises: str = "H7", **fields: Any) -> Town:
    """The town with other premises of K1's, and a contract for them."""
    assert isinstance(town.say(c.FilePremises, premises=premises, **fields), e.Filed)
    assert isinstance(town.say(c.FileContract, contract=f"CT-{premises}", premises=premises), e.Filed)
    return town


def supplied_by_rival(town: Town) -> Town:
    """The town where the neighbour has a contract with K1 too, and has looked at H1."""
    rival = town.story.rival
    assert isinstance(town.say(c.FileContract, by=rival, contract="CT2", enterprise="E2"), e.Filed)
    assert isinstance(town.say(c.FilePerson, by=rival, person="W20", enterprise="E2"), e.Filed)
    assert isinstance(town.say(c.CheckPremises, by=rival, person="W20"), e.PremisesChecked)
    return town


def deregister(town: Town) -> e.Outcome:
    return town.say(c.DeregisterCylinder, code=ONE)


def used(town: Town) -> str:
    """The authorisation of the last fill."""
    fill = town.world.cylinders[town.world.codes[ONE].cylinder].fill
    assert fill is not None
    return fill.authorisation
