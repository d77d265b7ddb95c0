"""One tour of one vehicle: load, call at one door after another, come back (FLOW.md section 2, steps 7 and 8)."""

from itertools import accumulate

from api.month.crew import rules_of
from api.month.doors import Doors, Late
from api.month.life import Bottle
from api.month.station_day import back_in_hours
from api.month.town import LOAD_CAP_G
from api.month.voices import MINUTE, SECOND, Flow, Say
from ledger import claim as c

_LOADED_G = LOAD_CAP_G * 9 // 10
"""So much goes on a vehicle, gross: empties that nobody scans off it weigh on it still, by the ledger."""
_CARELESS = 0.2
"""Of customers whose empties went unseen, those with whom it happens again."""


class Tour(Doors):
    """From the gate to the gate."""

    def run(self, at: int, wanted: int) -> Flow:
        """Load, call at one door after another, come back."""
        crew, stage = self.crew, self.crew.stage
        yield at
        yield from self.loaded(self._fitting(crew.yard.ready[:wanted]))
        if not self.load:
            return
        self.sent = [] if crew.happens("phone offline on its tour", 0.03, least=3) else None
        swaps = len(self.load) > 3 and not self.load[-1].large and self.sent is None  # noqa: PLR2004
        swap = self.load.pop() if swaps and crew.happens("leak swapped within hours", 0.06, least=2) else None
        unsold = [b for b in self.load if crew.happens("full return unsold", 0.01)]
        for b in list(self.load):
            yield stage.now + stage.chance.randint(150, 400) * SECOND
            yield from self.nobody_home(b) if b in unsold else self.door(b)
        if swap is not None:
            self.load.append(swap)
            yield from self.swap_leaker(swap)
        yield from self.returned()

    def _fitting(self, bottles: list[Bottle]) -> list[Bottle]:
        """So many of these, in order, as the vehicle may carry."""
        grosses = accumulate(b.tare_g + b.gas_g for b in bottles)
        return [b for b, gross_g in zip(bottles, grosses, strict=True) if gross_g <= _LOADED_G]

    def loaded(self, bottles: list[Bottle]) -> Flow:
        """One scan each at the gate, the last refusal before the road."""
        crew = self.crew
        for stock in (crew.yard.ready, crew.yard.kept):
            stock[:] = [b for b in stock if b not in bottles]
        ready = [b for b in bottles if not b.relabelled_by]
        for b in bottles:
            if b.relabelled_by and crew.stage.chance.random() < 0.15:  # noqa: PLR2004 - forgotten as often
                ready.append(b)  # the gate says so (ID-07)
            elif b.relabelled_by:
                yield from self._confirm(b)
                ready.append(b)
        at = {"site": crew.yard.site, "person": crew.yard.worker(self.vehicle), "vehicle": self.vehicle}
        outcomes = yield from crew.told(
            [crew.make(c.LoadVehicle, self.phone, code=b.code, **at) for b in ready], self.phone
        )
        for b, outcome in zip(ready, outcomes, strict=True):
            rules = rules_of(outcome)
            if not rules:
                crew.stage.book.did("opening stock sold", int(b.opening))
                b.out, b.released = True, False
                self.load.append(b)
            elif rules == {"ID-07"}:
                yield from self._confirm(b)
                crew.yard.ready.append(b)
            elif rules == {"RECALL-02"}:
                crew.yard.sealed.append(b)  # it stays where the authority sealed it
            else:
                yield from crew.set_aside([(b, rules)])

    def returned(self) -> Flow:
        """Back at the station: empties and unsold ones are scanned in, what the phone kept goes out later."""
        crew, stage = self.crew, self.crew.stage
        yield stage.now + 25 * MINUTE
        counts: dict[str, int] = {}
        for b in (*self.back, *self.load):
            counts[b.paper.model] = counts.get(b.paper.model, 0) + 1
        by = {"vehicle": self.vehicle, **crew.by(3)}
        claims: list[c.AnyClaim] = [crew.make(c.RecordArrival, counts=counts, **by)]
        for b in (*self.back, *self.load):
            if b.code in self.missed and (b.missed or crew.happens("return scanned nowhere", 0.6, least=4)):
                b.missed = b.missed - 1 if b.missed else int(stage.chance.random() < _CARELESS)
                continue
            b.seen_back = True
            if b in self.load:
                continue
            content = c.Content.FULL if b in self.leaked else c.Content.EMPTY
            claims.append(crew.make(c.DepotIn, code=b.code, content=content, purpose=c.Purpose.RETURN, **by))
        yield from crew.told(claims)
        off = {"vehicle": self.vehicle, "site": crew.yard.site, "person": crew.yard.worker(self.vehicle)}
        full = [crew.make(c.UnloadVehicle, self.phone, code=b.code, content=c.Content.FULL, **off) for b in self.load]
        yield from crew.told(full, self.phone)
        stage.book.did("unsold, unloaded", len(full))
        if self.sent:
            self._sync(self.sent)
        for b in self.load:
            b.out, b.released = False, True
            crew.yard.ready.insert(0, b)
        crew.yard.empties += [b for b in self.back if b not in self.leaked]
        for b in self.leaked:
            stage.start(back_in_hours(crew, b))

    def _sync(self, kept: list[Late]) -> None:
        """The phone finds a network again: its bundles go out, in order or not."""
        stage = self.crew.stage
        at = stage.now + stage.chance.randint(2, 100) * MINUTE
        done = stage.book.honest
        mixed = done["phone's reports out of order"] * 2 < done["phone offline on its tour"]
        stage.book.did("phone's reports out of order", int(mixed))
        order = stage.chance.sample(range(len(kept)), len(kept)) if mixed else range(len(kept))
        stage.start(self._send(kept, [at + place * 300 for place in order]))

    def _send(self, kept: list[Late], arrive: list[int]) -> Flow:
        for (claim, demanded), at in zip(kept, arrive, strict=True):
            yield Say(self.crew.stage.device(self.phone), [claim], arrives=at, settled=[demanded])

    def _confirm(self, b: Bottle) -> Flow:
        """The second person compares the new label with the stamp."""
        yield self.crew.stage.now + MINUTE
        number = 3 if b.relabelled_by != self.crew.yard.person(3) else 1
        yield from self.crew.told([self.crew.make(c.ConfirmRelabel, code=b.code, **self.crew.by(number))])
        b.relabelled_by = ""
        self.crew.stage.book.did("new label confirmed by the second person")
