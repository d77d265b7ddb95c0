"""Watching: every detector looks at an entry, then the memory takes it in."""

from collections.abc import Callable, Iterator

from msgspec import Struct

from ledger import claim as c
from ledger import events as e
from ledger.china import day_of
from ledger.cylinder import UNKNOWN_HOLDER
from ledger.entry import Entry
from ledger.packs.model import Pack
from ledger.signals import custody, filling, people, regions, stock, supply, weights
from ledger.signals.body import Body, counted, fold, registered
from ledger.signals.due import due
from ledger.signals.memory import Memory
from ledger.signals.signal import Scan, Signal
from ledger.signals.thresholds import thresholds
from ledger.world import seen_at_of

Detector = Callable[[Scan], Iterator[Signal]]

_EVERYWHERE: tuple[Detector, ...] = (custody.contradicted, custody.impossible_travel)
_MOVES: tuple[Detector, ...] = (*_EVERYWHERE, stock.moved)
DETECTORS: dict[type[c.Claim], tuple[Detector, ...]] = {
    c.CheckPrefill: (custody.other_body, *_MOVES),
    c.AuthoriseFill: (weights.wrong_weight, custody.impossible_travel),
    c.StartFill: (weights.wrong_weight, filling.several_scales, *_EVERYWHERE),
    c.CompleteFill: (
        weights.wrong_weight, weights.two_tares, weights.drawn, filling.filled_again, filling.filled_often,
        filling.never_inspected, filling.outside_hours, filling.same_order, stock.numbered, *_MOVES,
    ),
    c.InterruptFill: (stock.numbered, custody.impossible_travel),
    c.CheckPostfill: (people.rubber_stamped, *_EVERYWHERE),
    c.HandOver: (weights.lighter_at_the_door, regions.out_of_region, *_MOVES),
    c.CountPremises: (custody.counted_elsewhere, custody.counted_at_once),
    c.RecordInspection: (people.inspections, custody.impossible_travel),
    c.BindCode: (people.labels_changed,),
    c.RegisterCylinder: (people.registered_one,),
    c.FileTankLot: (weights.lot_filed,),
    c.FileCustomer: (stock.filed_customer,),
    **dict.fromkeys((c.FileSite, c.FilePremises, c.FilePerson, c.FilePermit), (regions.filed,)),
    **dict.fromkeys(
        (c.OpenHazard, c.AssignHazard, c.EscalateHazard, c.RectifyHazard, c.RecheckHazard, c.SuspendSupply,
         c.ResumeSupply),
        (supply.followed,),
    ),
    **dict.fromkeys(
        (c.DepotOut, c.DepotIn, c.LoadVehicle, c.UnloadVehicle, c.CollectCylinder, c.NotDelivered, c.CountStock,
         c.RemoveInEmergency, c.ReportLost, c.ReportFound),
        _MOVES,
    ),
}  # fmt: skip
"""Who looks at what; each looks at events only, never at refusals: what a gate stopped has not happened."""

LATER: dict[str, Callable[[Scan, str], Iterator[Signal]]] = {
    "load": stock.overdue, "scale": stock.missing, "supply": supply.overdue,
}  # fmt: skip
"""Who looks at a state that is due, by the kind of its key."""


class PackState(Struct, frozen=True, omit_defaults=True):
    """The pack in force."""

    pack: Pack | None = None


class Watch:
    """Looks at the entries of a log in their order; what it remembers stands in `memory`."""

    def __init__(self, memory: Memory) -> None:
        """Go on from what is remembered there."""
        self._memory = memory
        self._pack = memory.get(PackState, "pack").pack
        self._day = ""
        self._params: dict[str, dict[str, int] | None] = {}

    def params(self, kind: str) -> dict[str, int] | None:
        """A kind's thresholds on the day of the newest entry, None where it is off."""
        if kind not in self._params:
            self._params[kind] = None if self._pack is None else thresholds(self._pack, kind, self._day)
        return self._params[kind]

    def take(self, index: int, entry: Entry, claim: c.AnyClaim) -> Iterator[Signal]:
        """What the next entry shows."""
        self._on(day_of(entry.recorded_at))
        event = entry.outcome if isinstance(entry.outcome, e.Event) else None
        kind, _, key = entry.subject.partition(":")
        seen_at = seen_at_of(claim, entry.clock_offset_ms, entry.recorded_at)
        scan = Scan(
            index, claim, event, at=entry.recorded_at, seen_at=seen_at, signer=entry.signer,
            offset_ms=entry.clock_offset_ms, key=entry.subject if kind == "cylinder" and key else None,
            memory=self._memory, params=self.params,
        )  # fmt: skip
        for where in due(scan):
            yield from LATER[where.partition(":")[0]](scan, where)
        if event is None:
            return
        for detector in DETECTORS.get(type(claim), ()):
            yield from detector(scan)
        self._fold(scan, event)

    def _on(self, day: str) -> None:
        if day != self._day:
            self._day, self._params = day, {}

    def _fold(self, scan: Scan, event: e.Event) -> None:
        claim = scan.claim
        if isinstance(claim, c.OpenLog | c.AdoptPack):
            self._pack, self._params = claim.pack, {}
            self._memory.put("pack", PackState(claim.pack))
        elif isinstance(claim, c.RegisterCylinder) and scan.key is not None:
            self._memory.put(scan.key, registered(claim))
        elif isinstance(claim, c.CountPremises):
            assert isinstance(event, e.PremisesCounted)
            self._counted(scan, claim, event)
        elif scan.body is not None:
            restaurant = isinstance(claim, c.HandOver) and not self._household(claim.customer)
            new = fold(
                scan.body, claim, event, index=scan.index, at=scan.at, seen_at=scan.seen_at, restaurant=restaurant
            )
            if new is not scan.body:
                scan.remember(new)

    def _household(self, customer: str) -> bool:
        kitchen = self._memory.get(stock.Kitchen, f"customer:{customer}")
        return kitchen.household

    def _counted(self, scan: Scan, claim: c.CountPremises, event: e.PremisesCounted) -> None:
        """A count puts custody right: what was found is there, what was missing is nobody knows where."""
        holder = f"customer:{claim.customer}"
        for one in (*event.found, *event.missing):
            key = f"cylinder:{one}"
            body = self._memory.get(Body, key)
            there = holder if one in event.found else UNKNOWN_HOLDER
            stock.recounted(scan, body, there, key)
            self._memory.put(key, counted(body, there, index=scan.index, seen_at=scan.seen_at))
