"""The world that decisions see: cylinders, codes and registry of one log, folded from its entries in index order.

The server holds the part of it that the claims at hand name; a replay holds all of it. Both fold with `apply`.
"""

from msgspec import Struct, structs

from ledger import claim as c
from ledger import events as e
from ledger.cylinder import Cylinder, codes_of, register
from ledger.entry import DeviceChain, Entry
from ledger.fold import apply, touch
from ledger.registry import Registry, subject_of_filing

FOLD = 3
"""The version of the fold: cached tables that another one made are made anew from the log (`ledger migrate`)."""

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
    """

    def __init__(self, log: str, registry: Registry | None = None) -> None:
        """The world before entry 0 of `log`, or around a registry already folded."""
        self.log = log
        self.registry = registry if registry is not None else Registry()
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
        self.size += 1  # last: an entry that cannot be folded is not counted

    def _fold_cylinder(self, key: str, entry: Entry, claim: c.AnyClaim, index: int, leaf: str) -> None:
        outcome = entry.outcome
        if type(outcome) is e.CylinderRegistered:  # of a Struct's class, `isinstance` is a slow call
            assert isinstance(claim, c.RegisterCylinder)
            self.cylinders[key] = register(claim, outcome, entry_index=index, leaf=leaf)
            self.codes.update(dict.fromkeys(codes_of(claim, outcome), CodeUse(key, active=True)))
            return
        old = self.cylinders[key]
        if type(outcome) is e.Refusal:
            self.cylinders[key] = touch(old, entry_index=index, leaf=leaf)
            return
        assert isinstance(outcome, e.CylinderEvent)
        at, seen_at = entry.recorded_at, seen_at_of(claim, entry.clock_offset_ms, entry.recorded_at)
        self.cylinders[key] = apply(old, claim, outcome, at=at, seen_at=seen_at, entry_index=index, leaf=leaf)
        if type(claim) is c.BindCode:
            self.codes[claim.new_code] = CodeUse(key, active=True)
            if claim.retires is not None:
                self.codes[claim.retires] = CodeUse(key, active=False)
        if type(claim) is c.DeregisterCylinder:
            for code in old.codes:
                self.codes[code] = CodeUse(key, active=False)

    def _file(self, claim: c.FilingClaim, seq: int, index: int) -> None:
        self.registry.file(claim, seq=seq, entry_index=index)
        self.registry_index = index
        if isinstance(claim, c.FileUseRegistration) and claim.status == "valid":
            # A cancelled certificate takes no cylinder from the one that covers it by now.
            for key in claim.cylinders:
                self.cylinders[key] = structs.replace(self.cylinders[key], use_registration=claim.certificate)


def subject_of(world: World, claim: c.AnyClaim, signer: str, outcome: e.Outcome) -> str:
    """The primary subject of an entry: its cylinder, its site, what it files; else the signer (an unknown code)."""
    if isinstance(claim, c.Filing):
        return subject_of_filing(claim)
    if isinstance(claim, c.RecordArrival):
        return f"site:{claim.site}"
    if isinstance(claim, c.RaiseAlert):
        # Only an alert that was raised stands in the story of whom it is about.
        return f"signer:{claim.signer if isinstance(outcome, e.AlertRaised) else signer}"
    if isinstance(claim, c.RegisterCylinder):
        # A registration that is refused opens no cylinder, and must not touch the one whose id or code it names.
        return f"cylinder:{claim.cylinder}" if isinstance(outcome, e.CylinderRegistered) else f"signer:{signer}"
    use = world.codes.get(claim.code)
    return f"signer:{signer}" if use is None else f"cylinder:{use.cylinder}"


def filing_party(subject: str) -> str:
    """The party under which a subject's accepted filings stand by themselves: much else happens to a site or a lot."""
    return f"filing:{subject}"


REUSED = "claim_id_reused"
"""The reason of a refusal whose claim id was used for other bytes, and the party of all such entries."""


def alert_party(subject: str) -> str:
    """The party under which the alerts about a signer stand by themselves, as its filings do."""
    return f"alert:{subject}"


_PEOPLE = ("person", "second_person", "reviewer", "witness")
"""Fields of claims that name people by their registry ids."""


def parties_of(entry: Entry, claim: c.AnyClaim) -> tuple[str, ...]:
    """Whose story an entry belongs to: its subject, its site, its people, its tank lot, the cylinders that a
    certificate lists; of what was filed, the subject's filings; of an alert, the alerts about its signer; claim ids
    used twice.
    """
    parties = [entry.subject]
    if isinstance(entry.outcome, FILED):
        parties.append(filing_party(entry.subject))
    if isinstance(entry.outcome, e.AlertRaised):
        parties.append(alert_party(entry.subject))
    if isinstance(entry.outcome, e.Refusal) and entry.outcome.reasons[0].reason == REUSED:
        parties.append(REUSED)
    site: str | None = getattr(claim, "site", None)
    if site is not None:
        parties.append(f"site:{site}")
    people: list[str | None] = [getattr(claim, field, None) for field in _PEOPLE]
    parties.extend(f"person:{one}" for one in people if one is not None)
    if isinstance(claim, c.CompleteFill) and isinstance(entry.outcome, e.CylinderFilled):
        parties.append(f"tank_lot:{claim.tank_lot}")
    if isinstance(claim, c.FileUseRegistration) and isinstance(entry.outcome, e.Filed):
        parties.extend(f"cylinder:{key}" for key in claim.cylinders)
    return tuple(dict.fromkeys(parties))
