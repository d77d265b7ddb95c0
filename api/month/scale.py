"""At the scale and on the carousel: leave, valve open, valve closed; and what may come between (FLOW.md section 2)."""

from collections.abc import Sequence

from msgspec import Struct

from api.month.crew import Crew, rules_of
from api.month.life import Bottle, Spell, parts
from api.month.voices import MINUTE, SECOND, Flow, Play, Say
from ledger import claim as c
from ledger import events as e

HEADS = 6
RESIDUE_G, MUCH_RESIDUE_G = 250, 1_600
_OVER_G, _SHORT_G = 180, 900
_WAYS = ("resumed on the scale", "taken off, weighed, resumed", "resumption lapsed and asked for again")
Filled = Play[list[Bottle]]


class Fill(Struct):
    """One fill on its line: what the scale shows at its begin, and what it is to show at its end, gross."""

    bottle: Bottle
    start_g: int
    end_g: int
    continues: str | None = None
    leave: str = ""
    lot: str = ""


class Line(Struct, frozen=True):
    """A line with its crew and who fills."""

    crew: Crew
    line: str
    person: int

    @property
    def agent(self) -> str:
        """The line's own device."""
        return f"agent:{self.line}"

    @property
    def here(self) -> dict[str, str]:
        """Where, on which line, and who."""
        return {"line": self.line, **self.crew.by(self.person)}

    def fill(self, bottles: Sequence[Bottle]) -> Filled:
        """Fill these, so many at a time as the line has heads; those that are full now."""
        full: list[Bottle] = []
        for group in parts(list(bottles), HEADS if self.line == self.crew.yard.carousel else 1):
            full += yield from self.group([self._planned(b) for b in group])
        return full

    def group(self, fills: list[Fill]) -> Filled:
        """Ask leave for each, fill, report; those that are full now."""
        crew, stage = self.crew, self.crew.stage
        dark = crew.yard.dark(stage.now)
        if dark is not None:
            yield dark.ends + stage.chance.randint(20, 90) * SECOND
        granted = yield from self._leave(fills)
        yield stage.now + stage.chance.randint(6, 20) * SECOND
        if granted and crew.happens("leave lapsed and asked for again", 0.0007):
            yield stage.now + 11 * MINUTE
            granted = yield from self._leave(granted)
        if not granted:
            return []
        begun = stage.now
        takes = stage.chance.randint(180, 280) if granted[0].bottle.large else stage.chance.randint(60, 120)
        if granted[0].continues is None and crew.happens("power cut", 0.0008, least=4):
            crew.yard.cuts.append(Spell(begun + 25 * SECOND, begun + stage.chance.randint(15, 40) * MINUTE))
        cut = next((one for one in crew.yard.cuts if begun < one.begins < begun + takes * SECOND), None)
        if cut is not None:
            return (yield from self._cut(granted, begun, cut))
        yield begun + takes * SECOND
        yield from self._report(granted, begun)
        return (yield from self._weighed(granted))

    def top_up(self, b: Bottle) -> Filled:
        """More gas into what was found short: a new authorisation that names the fill it continues."""
        fill = Fill(b, b.tare_g + b.gas_g, b.tare_g + b.target_g, continues=b.leave)
        return (yield from self.group([fill]))

    def _planned(self, b: Bottle) -> Fill:
        crew = self.crew
        much = b.target_g > 2 * MUCH_RESIDUE_G and crew.happens("more than 1 kg left in it", 0.03)
        net_g = min(b.target_g + crew.stage.chance.randint(-150, 150), b.allowed_g)
        if crew.happens("overfilled and bled", 0.005, least=3):
            net_g = b.allowed_g + _OVER_G
        elif b.paper.model == "YSP35.5" and crew.happens("short and topped up", 0.005):
            net_g = b.target_g - _SHORT_G
        return Fill(b, b.tare_g + (MUCH_RESIDUE_G if much else RESIDUE_G), b.tare_g + net_g)

    def _leave(self, fills: list[Fill]) -> Play[list[Fill]]:
        for one in fills:
            one.lot = self.crew.yard.lot
        asks = [
            self.crew.make(
                c.AuthoriseFill, self.agent, code=one.bottle.code, tank_lot=one.lot, continues=one.continues,
                start_weight_g=one.start_g, **self.here,
            )
            for one in fills
        ]  # fmt: skip
        outcomes = yield from self.crew.told(asks, self.agent)
        granted: list[Fill] = []
        refused: list[tuple[Bottle, set[str]]] = []
        for fill, ask, outcome in zip(fills, asks, outcomes, strict=True):
            if isinstance(outcome, e.FillAuthorised):
                fill.leave = ask.claim_id
                granted.append(fill)
            elif rules_of(outcome) == {"COND-01"}:
                self.crew.yard.empties.insert(0, fill.bottle)  # checked again with the next row
            else:
                refused.append((fill.bottle, rules_of(outcome)))
        yield from self.crew.set_aside(refused)
        return granted

    def _started(self, one: Fill, at: int) -> c.AnyClaim:
        named = {"code": one.bottle.code, "authorisation": one.leave}
        return self.crew.make(c.StartFill, self.agent, at, start_weight_g=one.start_g, **named, **self.here)

    def _done(self, one: Fill) -> c.AnyClaim:
        named = {"code": one.bottle.code, "authorisation": one.leave, "tank_lot": one.lot}
        weights = {"start_weight_g": one.start_g, "end_weight_g": one.end_g}
        counters = self.crew.yard.counters
        counters[self.line] = counters.get(self.line, 0) + 1
        return self.crew.make(
            c.CompleteFill, self.agent, scale_seq=counters[self.line], **named, **weights, **self.here
        )

    def _report(self, fills: list[Fill], begun: int) -> Flow:
        """At once; or hours later from the outbox, cylinder by cylinder in whatever order."""
        stage = self.crew.stage
        if not self.crew.happens("agent offline for hours", 0.0015):
            yield from self.crew.told([*(self._started(f, begun) for f in fills), *map(self._done, fills)], self.agent)
            return
        back = stage.now + stage.chance.randint(90, 200) * MINUTE
        order = stage.chance.sample(range(len(fills)), len(fills))
        for place, one in zip(order, fills, strict=True):
            bundle = [self._started(one, begun), self._done(one)]
            yield Say(stage.device(self.agent), bundle, arrives=back + place * 400)
        yield back + MINUTE

    def _weighed(self, fills: list[Fill]) -> Filled:
        """What people know of a full cylinder; what was overfilled is bled at once (回抽)."""
        for one in fills:
            b = one.bottle
            b.gas_g, b.leave, b.filled_by = one.end_g - b.tare_g, one.leave, self.here["person"]
            b.lawful, b.released, b.checked_at, b.checked_by = True, False, None, ""
            b.released_at, b.seen_back = None, False
            if b.gas_g > b.allowed_g:
                yield self.crew.stage.now + 2 * MINUTE
                done = self.crew.stage.book.honest
                too_far = done["bled too far and refilled"] * 4 < done["overfilled and bled"]
                self.crew.stage.book.did("bled too far and refilled", int(too_far))
                b.gas_g = b.target_g - (_SHORT_G if too_far else 0)
                bled = self.crew.make(c.BleedCylinder, code=b.code, weight_g=b.tare_g + b.gas_g, **self.crew.by(3))
                yield from self.crew.told([bled])
        return [one.bottle for one in fills]

    def _cut(self, fills: list[Fill], begun: int, cut: Spell) -> Filled:
        """The power goes while the valve is open: each fill is interrupted, and resumed when it is back."""
        crew, stage = self.crew, self.crew.stage
        yield cut.ends + 30 * SECOND
        told: list[c.AnyClaim] = []
        for one in fills:
            reached_g = (one.start_g + one.end_g) // 2
            told.append(self._started(one, begun))
            named = {"code": one.bottle.code, "authorisation": one.leave, "cause": c.Cause.POWER_CUT}
            told.append(crew.make(c.InterruptFill, self.agent, cut.begins, weight_g=reached_g, **named, **self.here))
            one.start_g, one.continues = reached_g, one.leave
        yield from crew.told(told, self.agent)
        # In turn, so that each way is gone.
        way = min(_WAYS, key=lambda kind: stage.book.honest[kind])
        stage.book.did(way)
        if way == "taken off, weighed, resumed":
            weigh = [crew.make(c.WeighCylinder, code=f.bottle.code, weight_g=f.start_g, **self.here) for f in fills]
            yield stage.now + 5 * MINUTE
            yield from crew.told(weigh)
        elif way == "resumption lapsed and asked for again":
            yield from self._leave(fills)
            yield stage.now + 11 * MINUTE
        return (yield from self.group(fills))
