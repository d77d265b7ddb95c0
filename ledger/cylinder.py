"""A cylinder as its entries make it: one value per axis, never more than the log says (`ledger.fold`).

Axes: stage (`ledger.lifecycle`), custody (`holder`), content, locks, seizure, inspection facts (dates only: whether it
is overdue depends on the day and the pack, so it is never stored), and the fill under way or last done.
"""

from msgspec import Struct

from ledger import claim as c
from ledger import events as e
from ledger.errors import Malformed
from ledger.identity import stamp_code
from ledger.lifecycle import START, Stage

UNKNOWN_HOLDER = "unknown"


class Prefill(Struct, frozen=True):
    """The valid pre-check: when (ms UTC, ours), where, by whom."""

    at: int
    site: str
    person: str


class Authorisation(Struct, frozen=True):
    """Leave to fill once. `started` and `finished` say what was reported under it.

    `start_fault` is the reason's code of what its start broke, '' for nothing. `continues`: what it resumes, or None.
    `start_weight_g`: gross, when the valve opened; None where nobody said.
    """

    claim_id: str
    line: str
    start_by: int
    started: bool = False
    finished: bool = False
    start_fault: str = ""
    continues: str | None = None
    tank_lot: str = ""
    start_weight_g: int | None = None


class Fill(Struct, frozen=True):
    """The last completed fill. `lawful` is FILL-12's question; `authorisation` what a continuation names. `at`: when it
    was recorded, `seen_at`: when the valve closed by clocks put right (ms UTC).
    """

    at: int
    authorisation: str
    site: str
    line: str
    person: str
    tank_lot: str
    net_g: int
    lawful: bool
    seen_at: int = 0


WHOLE = 1000
"""All of what is in a cylinder, in permille."""


class Gas(Struct, frozen=True):
    """Gas beside that of the newest completed fill, which may be in it still: of a fill that was begun and did not end
    in that one's lot, or what remained of an earlier one. By which leave, whom and what, seen when (ms UTC, put right).

    `permille`: at most so much of what is in it. `WHOLE` for all that went in by one fill, whatever it continued, and
    for a remainder that nobody weighed.
    """

    authorisation: str
    line: str
    person: str
    tank_lot: str
    seen_at: int
    permille: int = WHOLE


class Inspection(Struct, frozen=True):
    """The newest inspection that counted: where, by whom, on which day."""

    site: str
    person: str
    inspected_on: str


class Delivery(Struct, frozen=True):
    """The newest hand-over: when it was seen (ms UTC, put right), by whom, from which vehicle, to whom; from none where
    the customer fetched it.
    """

    at: int
    person: str
    vehicle: str | None
    customer: str
    premises: str


class Cylinder(Struct, frozen=True, omit_defaults=True):
    """All that gates need to know of one cylinder. Masses are grams; months `YYYY-MM`; times ms UTC.

    `seq` and `leaf` are the head of its subject chain, `first_index` the index of its registration. `orders`: the
    seizures in force. `opening_stock`: it was counted full, at `counted_at`, before anything else was known of its gas,
    and may be exempt from FILL-12 once; `opening_left`: it left for sale as such; `opening_back`: and came straight
    back unsold. `out`: it passed the gate out of the depot and was not handed over or taken back since. `placed_at`:
    when, by clocks put right, the newest fact about its place was seen. `relabelled_by`: who gave it its newest label,
    until a second person confirms it; `relabels`: when. `inferred_at`: when a return that nobody had scanned was last
    inferred. `challenged`: the stamp's end is asked for. `premises`: where it stands at its customer's. `carrier`: who
    took it onto the vehicle that holds it. `lost`: reported lost, and not seen since. `gas`: what else may be in it
    than its newest completed fill; `fill_over`: that one's gas is gone or stands there, as it was emptied or filled on.
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
    first_index: int = 0
    bought_on: str | None = None
    filler_mark: str | None = None
    collar: str | None = None
    needs_evacuation: bool = False
    tare_unknown: bool = False
    challenged: bool = False
    counted_at: int | None = None
    placed_at: int = 0
    opening_left: bool = False
    opening_back: bool = False
    inferred_at: int | None = None
    out: bool = False
    relabelled_by: str | None = None
    relabels: tuple[int, ...] = ()
    released_at: int | None = None
    seal: str | None = None
    valve_no: str | None = None
    valve_model: str | None = None
    premises: str | None = None
    carrier: str | None = None
    lost: bool = False
    inspection: Inspection | None = None
    delivery: Delivery | None = None
    gas: tuple[Gas, ...] = ()
    fill_over: bool = False

    @property
    def place(self) -> tuple[str, ...]:
        """Whose hands it is in and where, as parties of entries; empty for nobody knows."""
        if self.holder == UNKNOWN_HOLDER:
            return ()
        return (self.holder,) if self.premises is None else (self.holder, f"premises:{self.premises}")

    @property
    def seized(self) -> str | None:
        """The order under which it is seized: the first of those in force."""
        return self.orders[0] if self.orders else None


def stamp_of(claim: c.RegisterCylinder) -> str:
    """The code of the stamp that a registration states; '' where maker and serial make none."""
    try:
        return str(stamp_code(claim.maker, claim.serial, claim.made_month))
    except Malformed:
        return ""


def codes_of(claim: c.RegisterCylinder, event: e.CylinderRegistered) -> tuple[str, ...]:
    """Every code that a registration gives its cylinder, its label's first."""
    return tuple(dict.fromkeys(code for code in (claim.code, *claim.also, event.stamp) if code))


def register(claim: c.RegisterCylinder, event: e.CylinderRegistered, *, entry_index: int, leaf: str) -> Cylinder:
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
        codes=codes_of(claim, event),
        seq=0,
        leaf=leaf,
        entry_index=entry_index,
        first_index=entry_index,
        bought_on=claim.bought_on,
        filler_mark=claim.filler_mark,
        collar=claim.collar,
        needs_evacuation=claim.new,
        valve_no=claim.valve_no,
        valve_model=claim.valve_model,
    )
