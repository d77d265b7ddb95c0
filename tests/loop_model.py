"""Who holds what, by the plainest reading of what was said: dictionaries, written without a look at the ledger's fold.

The later sight of a cylinder wins (FLOW.md section 4, DESIGN.md section 6): a report of what was seen before the newest
sight moves nothing; a request that was granted, a pre-check and a finished fill hold from when they were recorded. A
loss is a sight of its own kind. A kitchen's count moves what was not seen since, and what it misses is nobody knows
where, until any sight from after the last one says where it went.
"""

from dataclasses import dataclass, field
from typing import Any

from ledger import claim as c
from ledger import events as e

UNKNOWN = ("unknown", None)
Place = tuple[str, str | None]
"""The holder, and the premises where it stands, if it stands at a customer's."""

DECIDES_ON_RECEIPT = (c.CheckPrefill, c.CompleteFill)
SIGHTS = (c.RecordInspection, c.StartFill, c.CheckPostfill)
"""Done with the cylinder at hand, which stays where it is."""


@dataclass
class Hazard:
    """An open hazard, and whether somebody put it right."""

    mended: bool = False


@dataclass
class Model:
    """`cylinders`: code to ledger id. `at` and `seen`: of each id; `strays`: of each code that nobody registered."""

    cylinders: dict[str, str]
    at: dict[str, Place] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    strays: dict[str, tuple[str, int]] = field(default_factory=dict)
    stray_at: dict[str, str | None] = field(default_factory=dict)
    hazards: dict[str, dict[str, Hazard]] = field(default_factory=dict)
    suspended: dict[str, set[str]] = field(default_factory=dict)
    heirs: dict[str, str] = field(default_factory=dict)

    def take(self, claim: Any, outcome: Any, seen_at: int) -> None:
        """What one recorded claim, seen at `seen_at`, makes of it all; `outcome` says whether it was granted."""
        if isinstance(outcome, e.Refusal):
            return
        if isinstance(claim, c.CountPremises):
            self._counted(claim, outcome, seen_at)
        elif isinstance(claim, c.PremisesClaim):
            self._at_premises(claim, outcome)
        elif isinstance(claim, c.FileSuccessor):
            self.heirs[claim.enterprise] = claim.successor
        elif isinstance(claim, c.BindCode):
            self.cylinders[claim.new_code] = self.cylinders[claim.code]
        elif isinstance(claim, c.CylinderClaim):
            self._scanned(claim, outcome, seen_at)

    # --- custody

    def _scanned(self, claim: Any, outcome: Any, seen_at: int) -> None:
        place, key = says(claim), self.cylinders.get(claim.code)
        if key is None:
            if place is not None and seen_at >= self.strays.get(claim.code, ("", 0))[1]:
                self.strays[claim.code], self.stray_at[claim.code] = (place[0], seen_at), place[1]
            return
        last = self.seen.get(key, 0)
        firm = c.is_request(claim) or isinstance(claim, DECIDES_ON_RECEIPT)
        late = not firm and seen_at < last
        if isinstance(outcome, e.PlacedEvent) and place is not None:
            assert outcome.superseded == late, (claim, outcome)
        if place is not None or isinstance(claim, SIGHTS):
            self.seen[key] = max(last, seen_at)
        if place is not None and not late:
            self.at[key] = place

    def _counted(self, claim: c.CountPremises, outcome: Any, seen_at: int) -> None:
        here: Place = (f"customer:{claim.customer}", claim.premises)
        there = {self.cylinders[code] for code in claim.codes if code in self.cylinders}
        old = {key for key in {*there, *self.standing(claim.premises)} if self.seen.get(key, 0) <= seen_at}
        gone = self.standing(claim.premises) - there
        assert (set(outcome.found), set(outcome.missing)) == (there & old, gone & old)
        assert outcome.unknown == sum(code not in self.cylinders for code in claim.codes)
        moved = {key for key in there & old if self.at[key] not in (here, UNKNOWN)}
        assert set(outcome.elsewhere) == moved
        self._counted_bare(claim, outcome, seen_at)
        for key in there & old:
            self.at[key], self.seen[key] = here, seen_at
        for key in gone & old:
            self.at[key] = UNKNOWN

    def _counted_bare(self, claim: c.CountPremises, outcome: Any, seen_at: int) -> None:
        """What nobody registered: found there, or not found although it stood there."""
        bare = {code for code in claim.codes if code not in self.cylinders}
        here = self.bare(claim.premises)
        old = {code for code in bare | here if self.strays.get(code, ("", 0))[1] <= seen_at}
        assert (set(outcome.foreign), set(outcome.gone)) == (bare & old, (here - bare) & old)
        for code in (bare | here) & old:
            found = code in bare
            self.strays[code] = (f"customer:{claim.customer}" if found else UNKNOWN[0], seen_at)
            self.stray_at[code] = claim.premises if found else None

    def standing(self, premises: str) -> set[str]:
        """The cylinders at those premises."""
        return {key for key, (_, where) in self.at.items() if where == premises}

    def bare(self, premises: str) -> set[str]:
        """The codes that nobody registered of what stands at those premises."""
        return {code for code, where in self.stray_at.items() if where == premises and code not in self.cylinders}

    # --- hazards, suspensions

    def _at_premises(self, claim: Any, outcome: Any) -> None:
        there, sound = self.hazards.setdefault(claim.premises, {}), not outcome.violations
        hazard = there.get(getattr(claim, "hazard", ""))
        stopped = self.suspended.setdefault(claim.premises, set())
        match claim:
            case c.OpenHazard():
                there[claim.claim_id] = Hazard()
            case c.RectifyHazard():
                assert outcome.closed == (
                    hazard is not None and sound and claim.before_digest not in (None, claim.photo_digest)
                )
                self._close_or_mark(there, claim.hazard, closed=outcome.closed, mended=True)
            case c.RecheckHazard():
                may_close = hazard is not None and hazard.mended and sound and claim.passed
                assert outcome.closed == may_close, (
                    "a hazard is closed by a re-check of what was put right, and only so"
                )
                self._close_or_mark(there, claim.hazard, closed=outcome.closed, mended=False)
            case c.SuspendSupply():
                stopped.add(claim.enterprise)
            case c.ResumeSupply():
                mine = {one for one in stopped if self._heir_of(one) == claim.enterprise or one == claim.enterprise}
                assert mine, "resumed by one who had not suspended it"
                stopped -= mine
            case _:
                pass

    def _close_or_mark(self, there: dict[str, Hazard], key: str, *, closed: bool, mended: bool) -> None:
        if closed:
            del there[key]
        elif key in there:
            there[key].mended = mended

    def _heir_of(self, enterprise: str) -> str:
        return self.heirs.get(enterprise, enterprise)


def says(claim: Any) -> Place | None:
    """Where a claim says that its cylinder is."""
    match claim:
        case c.DepotOut() | c.LoadVehicle() | c.CollectCylinder():
            return f"vehicle:{claim.vehicle}", None
        case c.DepotIn() | c.UnloadVehicle() | c.CountStock() | c.CheckPrefill() | c.CompleteFill():
            return f"site:{claim.site}", None
        case c.HandOver():
            return f"customer:{claim.customer}", claim.premises
        case c.ReportLost():
            return UNKNOWN
        case c.ReportFound() if claim.premises is not None:
            return f"customer:{claim.customer}", claim.premises
        case c.ReportFound():
            return _taken(claim.vehicle, claim.site)
        case c.RemoveInEmergency():
            return _taken(claim.vehicle, claim.to_site)
        case _:
            return None


def _taken(vehicle: str | None, site: str | None) -> Place:
    if vehicle is not None:
        return f"vehicle:{vehicle}", None
    return UNKNOWN if site is None else (f"site:{site}", None)
