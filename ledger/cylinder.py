"""A cylinder, folded from its entries: one value per axis, never more than the log says.

Axes: stage (`ledger.lifecycle`), custody (`holder`), content, locks, seizure, inspection facts (dates only: whether it
is overdue depends on the day and the pack, so it is never stored), and the fill under way or last done.
"""

from msgspec import Struct, structs

from ledger import claim as c
from ledger import events as e
from ledger.lifecycle import FULL_STAGES, START, TABLE, Stage, sign_of

UNKNOWN_HOLDER = "unknown"


class Prefill(Struct, frozen=True):
    """The valid pre-check: when (ms UTC, ours), where, by whom."""

    at: int
    site: str
    person: str


class Authorisation(Struct, frozen=True):
    """Leave to fill once. `started` and `finished` say what was reported under it.

    `start_fault` is the reason's code of what its start broke, '' for nothing.
    """

    claim_id: str
    line: str
    start_by: int
    started: bool = False
    finished: bool = False
    start_fault: str = ""


class Fill(Struct, frozen=True):
    """The last completed fill. `lawful` is FILL-12's question; `authorisation` what a continuation names."""

    at: int
    authorisation: str
    site: str
    line: str
    person: str
    tank_lot: str
    net_g: int
    lawful: bool


class Cylinder(Struct, frozen=True, omit_defaults=True):
    """All that gates need to know of one cylinder. Masses are grams; months `YYYY-MM`; times ms UTC.

    `seq` and `leaf` are the head of its subject chain. `orders`: the seizures in force. `opening_stock`: it was counted
    full on the first day and is exempt from FILL-12 once.
    """

    cylinder: str
    owner: str
    maker: str
    serial: str
    made_month: str
    model: str
    phase: c.Phase
    water_volume_ml: int
    tare_g: int
    max_fill_g: int
    design_life_months: int
    seq: int
    leaf: str
    entry_index: int
    inspected_month: str | None = None
    inspection_failed: bool = False
    use_registration: str | None = None
    codes: tuple[str, ...] = ()
    stage: Stage = START
    holder: str = UNKNOWN_HOLDER
    content: c.Content = c.Content.UNKNOWN
    net_g: int | None = None
    locks: tuple[c.Cause, ...] = ()
    orders: tuple[str, ...] = ()
    prefill: Prefill | None = None
    authorisation: Authorisation | None = None
    fill: Fill | None = None
    postfill_person: str | None = None
    released: bool = False
    opening_stock: bool = False

    @property
    def seized(self) -> str | None:
        """The order under which it is seized: the first of those in force."""
        return self.orders[0] if self.orders else None


def register(claim: c.RegisterCylinder, *, entry_index: int, leaf: str) -> Cylinder:
    """The cylinder that an accepted registration opens."""
    return Cylinder(
        cylinder=claim.cylinder,
        owner=claim.owner,
        maker=claim.maker,
        serial=claim.serial,
        made_month=claim.made_month,
        model=claim.model,
        phase=claim.phase,
        water_volume_ml=claim.water_volume_ml,
        tare_g=claim.tare_g,
        max_fill_g=claim.max_fill_g,
        design_life_months=claim.design_life_months,
        inspected_month=claim.inspected_month,
        codes=(claim.code,),
        seq=0,
        leaf=leaf,
        entry_index=entry_index,
    )


def apply(
    old: Cylinder, claim: c.AnyClaim, event: e.CylinderEvent, *, at: int, entry_index: int, leaf: str
) -> Cylinder:
    """The cylinder after one of its events, recorded at `at` (ms UTC). KeyError if the lifecycle has no such step."""
    stage = TABLE[old.stage, sign_of(claim, event)]
    changes = _changes(old, claim, event, at)
    return structs.replace(old, seq=old.seq + 1, leaf=leaf, entry_index=entry_index, **{"stage": stage, **changes})


def touch(old: Cylinder, *, entry_index: int, leaf: str) -> Cylinder:
    """The cylinder after a refusal: only its chain moves."""
    return structs.replace(old, seq=old.seq + 1, leaf=leaf, entry_index=entry_index)


def _changes(old: Cylinder, claim: c.AnyClaim, event: e.CylinderEvent, at: int) -> dict[str, object]:  # noqa: C901, PLR0911, PLR0912 - one arm an act
    match claim:
        case c.CheckPrefill():
            return _prefill(old, claim, event, at)
        case c.AuthoriseFill():
            assert isinstance(event, e.FillAuthorised)
            return {"authorisation": Authorisation(claim.claim_id, claim.line, event.start_by), "released": False}
        case c.StartFill():
            return {"authorisation": _started(old, claim, event)} | _VALVE_OPENED
        case c.CompleteFill():
            assert isinstance(event, e.CylinderFilled)
            return _filled(old, claim, event, at)
        case c.InterruptFill():
            assert isinstance(event, e.FillInterrupted)
            locks = _with_lock(old, c.Cause.OVERFILLED) if _over(event) else old.locks
            leave = _finished(old, claim.authorisation)
            return {
                "authorisation": leave,
                "net_g": event.net_g,
                "locks": locks,
                "postfill_person": None,
            } | _VALVE_OPENED
        case c.WeighCylinder():
            assert isinstance(event, e.CylinderWeighed)
            return {"net_g": event.net_g}
        case c.CheckPostfill():
            return _postfill(old, claim, event)
        case c.ReleaseCylinder():
            return {"released": True}
        case c.DepotOut():
            # One release, one sale: only coming back unsold (`_back`) lets the same fill go out again.
            stays = claim.purpose is not c.Purpose.SALE
            return {
                "holder": f"vehicle:{claim.vehicle}",
                "prefill": None,
                "released": old.released and stays,
                "opening_stock": old.opening_stock and stays,
            }
        case c.DepotIn() | c.CollectCylinder():
            return _back(old, claim)
        case c.CountStock():
            return _counted(old, claim)
        case c.RecordInspection():
            return _inspected(claim, event)
        case c.SetAside():
            return {"prefill": None, "authorisation": None, "released": False, "opening_stock": False}
        case c.LockCylinder():
            return {"locks": _with_lock(old, claim.cause), "released": False}
        case c.BleedCylinder():
            assert isinstance(event, e.CylinderBled)
            cleared = () if event.violations else (c.Cause.OVERFILLED,)
            locks = tuple(lock for lock in old.locks if lock not in cleared)
            return {"locks": locks, "net_g": event.net_g, "postfill_person": None, "released": False}
        case c.SeizeCylinder():
            return {"orders": (*(order for order in old.orders if order != claim.order_no), claim.order_no)}
        case c.EndSeizure():
            return {"orders": tuple(order for order in old.orders if order != claim.order_no)}
        case c.DeregisterCylinder():
            return {"codes": ()}
        case c.BindCode():
            return {"codes": (*(code for code in old.codes if code != claim.retires), claim.new_code)}
        case c.CorrectCylinder():
            return {} if event.violations else _corrected(old, claim)
        case _:
            return {}


def _prefill(old: Cylinder, claim: c.CheckPrefill, event: e.CylinderEvent, at: int) -> dict[str, object]:
    assert isinstance(event, e.PrefillChecked | e.PrefillFailed)
    passed = isinstance(event, e.PrefillChecked)
    # It was away and nobody saw it come back: nobody knows what is in it now.
    gas: dict[str, object] = {"content": c.Content.UNKNOWN, "net_g": None} if event.return_inferred else {}
    return gas | {
        "holder": f"site:{claim.site}",
        "prefill": Prefill(at, claim.site, claim.person) if passed else None,
        "authorisation": None,
        "released": False,
        "opening_stock": False,
        # A green pre-check is what clears a lock that no bleeding can (FLOW.md section 2, step 2).
        "locks": tuple(lock for lock in old.locks if lock is c.Cause.OVERFILLED) if passed else old.locks,
    }


_VALVE_OPENED: dict[str, object] = {"content": c.Content.UNKNOWN, "released": False, "opening_stock": False}


def _started(old: Cylinder, claim: c.StartFill, event: e.CylinderEvent) -> Authorisation | None:
    if old.authorisation is None or old.authorisation.claim_id != claim.authorisation:
        return old.authorisation
    faults = [note.reason for note in event.violations if note.rule.startswith("FILL-01@")]
    return structs.replace(
        old.authorisation, started=True, start_fault=old.authorisation.start_fault or "".join(faults)
    )


def _finished(old: Cylinder, claim_id: str) -> Authorisation | None:
    if old.authorisation is None or old.authorisation.claim_id != claim_id:
        return old.authorisation
    return structs.replace(old.authorisation, started=True, finished=True)


def _filled(old: Cylinder, claim: c.CompleteFill, event: e.CylinderFilled, at: int) -> dict[str, object]:
    fill = Fill(
        at=at,
        authorisation=claim.authorisation,
        site=claim.site,
        line=claim.line,
        person=claim.person,
        tank_lot=claim.tank_lot,
        net_g=event.net_g,
        lawful=event.lawful,
    )
    return {
        "holder": f"site:{claim.site}",
        "content": c.Content.FULL,
        "net_g": event.net_g,
        "fill": fill,
        "authorisation": _finished(old, claim.authorisation),
        "locks": _with_lock(old, c.Cause.OVERFILLED) if _over(event) else old.locks,
        # One pre-check, one fill; what continues this fill names it instead.
        "prefill": None,
        "postfill_person": None,
        "released": False,
        "opening_stock": False,
    }


def _postfill(old: Cylinder, claim: c.CheckPostfill, event: e.CylinderEvent) -> dict[str, object]:
    assert isinstance(event, e.PostfillChecked | e.PostfillFailed)
    passed = isinstance(event, e.PostfillChecked)
    return {
        "net_g": event.net_g,
        "postfill_person": claim.person if passed and old.stage in FULL_STAGES else None,
        "locks": _with_lock(old, c.Cause.OVERFILLED) if _over(event) else old.locks,
        "released": old.released and passed,
        "opening_stock": old.opening_stock and passed,
    }


def _back(old: Cylinder, claim: c.DepotIn | c.CollectCylinder) -> dict[str, object]:
    holder = f"site:{claim.site}" if isinstance(claim, c.DepotIn) else f"vehicle:{claim.vehicle}"
    # Only what came straight back from the road unsold is still the fill that was released.
    full = isinstance(claim, c.DepotIn) and claim.content is c.Content.FULL
    unsold = full and old.stage is Stage.RELEASED
    return {
        "holder": holder,
        "content": claim.content,
        "net_g": old.net_g if unsold else None,
        "released": unsold and not old.locks,
        "prefill": None,
        "authorisation": None,
        "opening_stock": old.opening_stock and full,
    }


def _counted(old: Cylinder, claim: c.CountStock) -> dict[str, object]:
    first = old.holder == UNKNOWN_HOLDER and old.fill is None
    emptied = claim.content is c.Content.EMPTY
    here = f"site:{claim.site}"
    return {
        "holder": here,
        "content": claim.content,
        "net_g": None if emptied else old.net_g,
        "prefill": old.prefill if old.holder == here else None,
        "released": old.released and not emptied,
        "opening_stock": (first and claim.content is c.Content.FULL) or (old.opening_stock and not emptied),
    }


def _inspected(claim: c.RecordInspection, event: e.CylinderEvent) -> dict[str, object]:
    changes: dict[str, object] = {"prefill": None, "authorisation": None, "released": False, "opening_stock": False}
    if isinstance(event, e.InspectionFailed):
        return changes | {"inspection_failed": True}
    if event.violations:
        # An inspection by people who may not inspect renews nothing.
        return changes
    changes |= {"inspected_month": claim.inspected_on[:7], "inspection_failed": False}
    changes |= {"content": c.Content.EMPTY, "net_g": None}
    if claim.tare_g is not None:
        changes["tare_g"] = claim.tare_g
    return changes


def _corrected(old: Cylinder, claim: c.CorrectCylinder) -> dict[str, object]:
    fields = ("tare_g", "max_fill_g", "made_month", "phase")
    new: dict[str, object] = {name: getattr(claim, name) for name in fields if getattr(claim, name) is not None}
    if claim.tare_g is not None and old.net_g is not None:
        # The scale showed gross: another tare is another net, and may be one too many (FILL-06).
        new["net_g"] = old.net_g + old.tare_g - claim.tare_g
    return new


def _over(event: e.CylinderEvent) -> bool:
    return any(note.reason == "overfilled" for note in event.violations)


def _with_lock(old: Cylinder, cause: c.Cause) -> tuple[c.Cause, ...]:
    return old.locks if cause in old.locks else (*old.locks, cause)
