"""The world that decisions see: cylinders, codes and registry of one log, folded from its entries in index order.

The server holds the part of it that the claims at hand name; a replay holds all of it. Both fold with `apply`.
This file is over 400 lines because a fold is one thing: every entry may touch cylinders, places, codes and registry.
"""

from collections.abc import Iterator
from typing import get_args

from msgspec import Struct, structs

from ledger import claim as c
from ledger import events as e
from ledger.china import day_of
from ledger.cylinder import UNKNOWN_HOLDER, Cylinder, codes_of, register
from ledger.entry import DeviceChain, Entry
from ledger.fold import apply, destination, found_at, missed_at, touch
from ledger.model import parse_model
from ledger.premises import Premises, Stray, VehicleLoad, apply_at, file_at, resumed
from ledger.registry import Registry, subject_of_filing

FOLD = 5
"""The version of the fold: cached tables that another one made are made anew from the log (`ledger migrate`)."""

VEHICLE = "vehicle:"
UNREAD = "unread:"
"""The scheme of what could not be read: it names no cylinder."""

FILED = (e.Filed, e.LogOpened)
"""What becomes of an accepted filing."""


class CodeUse(Struct, frozen=True):
    """Whose code this is, or was: a code is never used again."""

    cylinder: str
    active: bool


class Head(Struct, frozen=True):
    """The end of a chain: how many entries (or the last bundle's number), and the digest it ends in, hexadecimal."""

    seq: int
    digest: str


def chain_after(last: Head | None, device_seq: int, device_prev: str | None) -> DeviceChain:
    """How a bundle follows the newest one that is known of its signer."""
    if last is None:
        return "first" if device_seq == 0 else "gap"
    if device_seq <= last.seq:
        return "behind"
    if device_seq > last.seq + 1:
        return "gap"
    return "next" if device_prev == last.digest else "fork"


def seen_at_of(claim: c.AnyClaim, clock_offset_ms: int | None, recorded_at: int) -> int:
    """When a claim's act happened (ms UTC): its device's time put right by its clock, never after it was recorded."""
    return min(claim.scanned_at + (clock_offset_ms or 0), recorded_at)


class World:
    """Mutable: `fold` is its only change. `seen` holds `(signer, claim_id)` of every claim that became an entry,
    `last_leaf` the newest entry's leaf hash, hexadecimal, '' before entry 0: what no signer knows beforehand.

    `supply` holds what is filed about customers, apart from `registry` because no process ever holds all of it;
    `premises`, `loads` (by vehicle) and `strays` (by code) what has happened there. `changed` names which of these and
    of the cylinders have changed: `cylinder:…`, `premises:…`, `vehicle:…`, `stray:…`.
    """

    def __init__(self, log: str, registry: Registry | None = None) -> None:
        """The world before entry 0 of `log`, or around a registry already folded."""
        self.log = log
        self.registry = registry if registry is not None else Registry()
        self.supply = Registry()
        self.premises: dict[str, Premises] = {}
        self.loads: dict[str, VehicleLoad] = {}
        self.strays: dict[str, Stray] = {}
        self.changed: set[str] = set()
        self.cylinders: dict[str, Cylinder] = {}
        self.codes: dict[str, CodeUse] = {}
        self.subjects: dict[str, Head] = {}
        self.devices: dict[str, Head] = {}
        self.seen: set[tuple[str, str]] = set()
        self.size = 0
        self.registry_index = -1
        self.recorded_at = 0
        self.last_leaf = ""

    def cylinder_of(self, code: str) -> Cylinder | None:
        """The cylinder that carries this code, or once did."""
        use = self.codes.get(code)
        return None if use is None else self.cylinders[use.cylinder]

    def book_of(self, claim: c.FilingClaim) -> Registry:
        """The registry that holds filings of this kind."""
        return self.supply if isinstance(claim, c.SupplyFiling) else self.registry

    def premises_of(self, premises: str) -> Premises:
        """What is known of these premises; nothing yet where nothing happened."""
        return self.premises.get(premises) or Premises(premises)

    def employer_of(self, person: str | None) -> str:
        """The enterprise that employs that person, '' for nobody on record."""
        found = None if person is None else self.registry.get(c.FilePerson, person)
        return "" if found is None else found.enterprise

    def head_of(self, subject: str) -> Head | None:
        """The head of a subject's chain; None before its first entry."""
        kind, _, key = subject.partition(":")
        if kind == "cylinder":
            cylinder = self.cylinders.get(key)
            return None if cylinder is None else Head(cylinder.seq, cylinder.leaf)
        return self.subjects.get(subject)

    def fold(self, entry: Entry, claim: c.AnyClaim, leaf: str) -> None:
        """Take in the entry at index `size`. KeyError where the lifecycle has no such step: no decision yields one."""
        index, outcome = self.size, entry.outcome
        self.recorded_at = entry.recorded_at
        self.last_leaf = leaf
        self.seen.add((entry.signer, claim.claim_id))
        last = self.devices.get(entry.signer)
        if last is None or entry.device_seq > last.seq:
            self.devices[entry.signer] = Head(entry.device_seq, entry.bundle)
        kind, _, key = entry.subject.partition(":")
        if kind == "cylinder":
            self._fold_cylinder(key, entry, claim, index, leaf)
        else:
            self.subjects[entry.subject] = Head(entry.subject_seq, leaf)
        if type(outcome) in FILED:
            assert isinstance(claim, c.Filing)
            self._file(claim, entry.subject_seq, index)
        elif not isinstance(outcome, e.Refusal):
            self._fold_around(entry, claim, index)
        self.size += 1  # last: an entry that cannot be folded is not counted

    def _fold_cylinder(self, key: str, entry: Entry, claim: c.AnyClaim, index: int, leaf: str) -> None:
        outcome = entry.outcome
        if type(outcome) is e.CylinderRegistered:  # of a Struct's class, `isinstance` is a slow call
            assert isinstance(claim, c.RegisterCylinder)
            self._keep(register(claim, outcome, entry_index=index, leaf=leaf))
            self.codes.update(dict.fromkeys(codes_of(claim, outcome), CodeUse(key, active=True)))
            return
        old = self.cylinders[key]
        if type(outcome) is e.Refusal:
            self._keep(touch(old, entry_index=index, leaf=leaf))
            return
        assert isinstance(outcome, e.CylinderEvent)
        at, seen_at = entry.recorded_at, seen_at_of(claim, entry.clock_offset_ms, entry.recorded_at)
        self._keep(apply(old, claim, outcome, at=at, seen_at=seen_at, entry_index=index, leaf=leaf))
        if type(claim) is c.BindCode:
            self.codes[claim.new_code] = CodeUse(key, active=True)
            if claim.retires is not None:
                self.codes[claim.retires] = CodeUse(key, active=False)
        if type(claim) is c.DeregisterCylinder:
            for code in old.codes:
                self.codes[code] = CodeUse(key, active=False)

    def _keep(self, new: Cylinder) -> None:
        """Make this the state of its cylinder, and let the places it left and came to know."""
        key = new.cylinder
        old = self.cylinders.get(key)
        self.cylinders[key] = new
        self.changed.add(f"cylinder:{key}")
        if old is not None and old.premises is not None and old.premises != new.premises:
            self._hold(old.premises, key, None)
        if new.premises is not None and (old is None or old.premises != new.premises):
            self._hold(new.premises, key, nominal_g(new))
        on_board = new.holder.startswith(VEHICLE)
        if old is not None and old.holder == new.holder and not (on_board and gross_g(old) != gross_g(new)):
            return
        if old is not None and old.holder.startswith(VEHICLE):
            self._carry(old, -1)
        if on_board:
            self._carry(new, 1)

    def _hold(self, premises: str, cylinder: str, nominal: int | None) -> None:
        there = self.premises_of(premises)
        held = {key: one for key, one in there.held.items() if key != cylinder}
        if nominal is not None:
            held[cylinder] = nominal
        promised = {key: at for key, at in there.promised.items() if key != cylinder}
        self._set_premises(structs.replace(there, held=held, promised=promised))

    def _promise(self, claim: c.HandOver, seen_at: int) -> None:
        """Note which cylinders there the visit says that it takes back: each of them once."""
        there = self.premises_of(claim.premises)
        named = {self.codes[code].cylinder for code in claim.empties if code in self.codes}
        new = {key: seen_at for key in sorted(named) if key in there.held and key not in there.promised}
        if new:
            self._set_premises(structs.replace(there, promised=there.promised | new))

    def _set_premises(self, there: Premises) -> None:
        self.premises[there.premises] = there
        self.changed.add(f"premises:{there.premises}")

    def _carry(self, cylinder: Cylinder, count: int) -> None:
        vehicle = cylinder.holder.removeprefix(VEHICLE)
        load = self.loads.get(vehicle, VehicleLoad())
        self.loads[vehicle] = VehicleLoad(load.count + count, load.gross_g + count * gross_g(cylinder))
        self.changed.add(f"{VEHICLE}{vehicle}")

    def _fold_around(self, entry: Entry, claim: c.AnyClaim, index: int) -> None:
        """What an event changes beside its primary subject: premises, and cylinders that nobody registered."""
        outcome, seen_at = entry.outcome, seen_at_of(claim, entry.clock_offset_ms, entry.recorded_at)
        assert isinstance(outcome, e.Event)
        premises: str | None = getattr(claim, "premises", None)
        if premises is not None:
            old, acted = self.premises_of(premises), self.employer_of(getattr(claim, "person", None))
            new = apply_at(old, claim, outcome, at=seen_at, recorded_at=entry.recorded_at, enterprise=acted)
            if isinstance(claim, c.ResumeSupply):
                new = resumed(new, self.suspended_by(new, claim.enterprise, day_of(entry.recorded_at)))
            if new is not old:
                self._set_premises(new)
        if type(claim) is c.HandOver and claim.empties:
            self._promise(claim, seen_at)
        if type(claim) is c.CountPremises:
            assert isinstance(outcome, e.PremisesCounted)
            self._recount(claim, outcome, seen_at, index)
        code: str | None = getattr(claim, "code", None)
        unknown = code is not None and code not in self.codes and not code.startswith(UNREAD)
        place = destination(claim) if unknown else None
        if code is not None and place is not None:
            last = self.strays.get(code)
            if last is None or seen_at >= last.seen_at:
                self._stand(code, Stray(place.holder, seen_at, index, premises=place.premises))
        if type(claim) is c.RegisterCylinder:
            assert isinstance(outcome, e.CylinderRegistered)
            self._registered(codes_of(claim, outcome), claim.cylinder)
        if type(claim) is c.BindCode:
            assert isinstance(outcome, e.CodeBound)
            self._registered((claim.new_code,), outcome.cylinder)

    def _registered(self, codes: tuple[str, ...], cylinder: str | None) -> None:
        for code in codes:
            if code in self.strays:
                self._stand(code, structs.replace(self.strays[code], registered=cylinder, premises=None))

    def _stand(self, code: str, new: Stray) -> None:
        """Make this the place of a cylinder that nobody registered, and let the premises it left and came to know."""
        old = self.strays.get(code)
        self.strays[code] = new
        self.changed.add(f"stray:{code}")
        before = None if old is None else old.premises
        if before == new.premises:
            return
        if before is not None:
            there = self.premises_of(before)
            self._set_premises(structs.replace(there, foreign=tuple(one for one in there.foreign if one != code)))
        if new.premises is not None:
            there = self.premises_of(new.premises)
            self._set_premises(structs.replace(there, foreign=(*there.foreign, code)))

    def suspended_by(self, there: Premises, enterprise: str, day: str) -> tuple[str, ...]:
        """Those who suspended supply there for whom this enterprise may resume it: itself, and whom it succeeded."""
        return tuple(
            one.enterprise for one in there.suspensions if self.registry.stands_for(enterprise, one.enterprise, day)
        )

    def _recount(self, claim: c.CountPremises, event: e.PremisesCounted, seen_at: int, index: int) -> None:
        """What stands there is what was found; what was missing is nobody knows where."""
        for code in event.foreign:
            self._stand(code, Stray(f"customer:{claim.customer}", seen_at, index, premises=claim.premises))
        for code in event.gone:
            self._stand(code, Stray(UNKNOWN_HOLDER, seen_at, index))
        for key in event.found:
            self._keep(found_at(self.cylinders[key], claim, seen_at=seen_at))
        for key in event.missing:
            self._keep(missed_at(self.cylinders[key]))

    def _file(self, claim: c.FilingClaim, seq: int, index: int) -> None:
        self.book_of(claim).file(claim, seq=seq, entry_index=index)
        if isinstance(claim, c.SupplyFiling):
            if isinstance(claim, c.FilePremises | c.FileContract):
                self._set_premises(file_at(self.premises_of(claim.premises), claim))
            return
        self.registry_index = index
        if isinstance(claim, c.FileUseRegistration) and claim.status == "valid":
            # A cancelled certificate takes no cylinder from the one that covers it by now.
            for key in claim.cylinders:
                self._keep(structs.replace(self.cylinders[key], use_registration=claim.certificate))


def nominal_g(cylinder: Cylinder) -> int:
    """Its nominal fill in grams, by which kitchens are counted (溧水实施意见 附件3-22: 存放气瓶总重量)."""
    return parse_model(cylinder.model).nominal_fill_g


def gross_g(cylinder: Cylinder) -> int:
    """What it weighs with what is in it, as far as is known: where nobody weighed it, its nominal fill (grams)."""
    if cylinder.net_g is not None:
        return cylinder.tare_g + cylinder.net_g
    return cylinder.tare_g + (0 if cylinder.content is c.Content.EMPTY else nominal_g(cylinder))


def subject_of(world: World, claim: c.AnyClaim, signer: str, outcome: e.Outcome) -> str:
    """The primary subject of an entry: its cylinder, its site, what it files; else the signer (an unknown code)."""
    # First the many: of a Struct's class, and more of a union, `isinstance` is a slow call.
    code: str | None = getattr(claim, "code", None)
    if code is not None and type(claim) is not c.RegisterCylinder:
        use = world.codes.get(code)
        return f"signer:{signer}" if use is None else f"cylinder:{use.cylinder}"
    if isinstance(claim, c.Filing):
        return subject_of_filing(claim)
    if isinstance(claim, c.RecordArrival):
        return f"site:{claim.site}"
    if isinstance(claim, c.PremisesClaim):
        return f"premises:{claim.premises}"
    if isinstance(claim, c.AcknowledgeRecall):
        return f"recall:{claim.recall}"
    if isinstance(claim, c.SettleAlert):
        return f"case:{claim.alert}"
    if isinstance(claim, c.RaiseAlert):
        # Only an alert that was raised stands in the story of whom it is about.
        return f"signer:{claim.signer if isinstance(outcome, e.AlertRaised) else signer}"
    # A registration that is refused opens no cylinder, and must not touch the one whose id or code it names.
    assert isinstance(claim, c.RegisterCylinder)
    return f"cylinder:{claim.cylinder}" if isinstance(outcome, e.CylinderRegistered) else f"signer:{signer}"


def filing_party(subject: str) -> str:
    """The party under which a subject's accepted filings stand by themselves: much else happens to a site or a lot."""
    return f"filing:{subject}"


REUSED = "claim_id_reused"
"""The reason of a refusal whose claim id was used for other bytes, and the party of all such entries."""


def alert_party(subject: str) -> str:
    """The party under which the alerts about a signer stand by themselves, as its filings do."""
    return f"alert:{subject}"


_NAMED = {
    "site": "site",
    "to_site": "site",
    "inspected_at": "site",
    "person": "person",
    "second_person": "person",
    "reviewer": "person",
    "witness": "person",
    "vehicle": "vehicle",
    "customer": "customer",
    "premises": "premises",
    "seal": "seal",
    "valve_no": "valve",
}
"""Fields of claims that name something whose story the entry belongs to, and the kind of that party."""

_NAMED_BY = {
    act: tuple((field, kind) for field, kind in _NAMED.items() if field in act.__struct_fields__)
    for act in get_args(c.AnyClaim)
}
"""The same by kind of claim: every entry is looked at."""

_MANY = {"sites": "site", "lines": "line", "tank_lots": "tank_lot", "vehicles": "vehicle"}
"""The same, of what an incident freezes."""

_SELECTED = {"line": "line", "tank_lot": "tank_lot", "filler": "person", "inspector": "person", "worker": "person"}
"""The same, of what a recall selects besides."""


def parties_of(entry: Entry, claim: c.AnyClaim) -> tuple[str, ...]:
    """Whose story an entry belongs to: its subject, its sites, people, vehicle and customer, whom a cylinder left, its
    tank lot and line, its seal and valve, what a recall selects or an incident freezes, the cylinders that a
    certificate or a count lists, a code that nobody registered; of what was filed, the subject's filings, and of a
    paper its holder's papers; of an alert, those about its signer; claim ids used twice.
    """
    outcome = entry.outcome
    parties = [entry.subject]
    if isinstance(outcome, FILED):
        parties.append(filing_party(entry.subject))
        if type(claim) in _PAPERS:
            kind, field = _PAPERS[type(claim)]
            parties.append(papers_party(f"{kind}:{getattr(claim, field)}"))
    if isinstance(outcome, e.AlertRaised):
        parties.append(alert_party(entry.subject))
    if isinstance(outcome, e.Refusal) and outcome.reasons[0].reason == REUSED:
        parties.append(REUSED)
    for field, kind in _NAMED_BY[type(claim)]:
        named: str | None = getattr(claim, field)
        if named is not None:
            parties.append(f"{kind}:{named}")
    parties.extend(getattr(outcome, "left", ()))
    parties.extend(_more_parties(outcome, claim))
    return tuple(dict.fromkeys(parties))


_PAPERS: dict[type[c.Claim], tuple[str, str]] = {
    c.FilePermit: ("enterprise", "enterprise"),
    c.FileInsurance: ("enterprise", "enterprise"),
    c.FileCertificate: ("person", "person"),
    c.FileCalibration: ("line", "line"),
}
"""Papers that somebody or something must have: the kind of its holder, and the field that names it."""


def papers_party(holder: str) -> str:
    """The party under which all papers stand that were ever filed for an enterprise, a person or a line."""
    return f"papers:{holder}"


def _at_the_line(
    outcome: e.Outcome, claim: c.AuthoriseFill | c.StartFill | c.CompleteFill | c.InterruptFill | c.WeighCylinder
) -> Iterator[str]:
    """The line, and the tank lot that gave gas."""
    yield f"line:{claim.line}"
    if isinstance(outcome, e.CylinderFilled) and isinstance(claim, c.CompleteFill):
        yield f"tank_lot:{claim.tank_lot}"
    if isinstance(outcome, e.FillStarted | e.FillInterrupted) and outcome.tank_lot is not None:
        yield f"tank_lot:{outcome.tank_lot}"


def _more_parties(outcome: e.Outcome, claim: c.AnyClaim) -> Iterator[str]:
    """The parties that only some kinds of claims have."""
    match claim:
        case c.AuthoriseFill() | c.StartFill() | c.CompleteFill() | c.InterruptFill() | c.WeighCylinder():
            yield from _at_the_line(outcome, claim)
        case c.OpenRecall():
            selected = ((kind, getattr(claim, field)) for field, kind in _SELECTED.items())
            yield from (f"{kind}:{one}" for kind, one in selected if one is not None)
        case c.FileUseRegistration() if isinstance(outcome, e.Filed):
            yield from (f"cylinder:{key}" for key in claim.cylinders)
        case c.OpenIncident():
            for field, kind in _MANY.items():
                yield from (f"{kind}:{one}" for one in getattr(claim, field))
            if claim.cylinder is not None:
                yield f"cylinder:{claim.cylinder}"
        case _:
            pass
    if isinstance(outcome, e.PremisesCounted):
        yield from (f"cylinder:{key}" for key in (*outcome.found, *outcome.missing, *outcome.overtaken))
        yield from (f"code:{one}" for one in (*outcome.foreign, *outcome.gone))
    code: str | None = getattr(claim, "code", None)
    if code is not None and isinstance(outcome, e.CylinderEvent | e.Refusal) and outcome.cylinder is None:
        yield f"code:{code}"
