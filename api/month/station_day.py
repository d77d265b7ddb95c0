"""A station's day: the night's rows first, the morning's rows and lines, an evening shift that fills alone."""

from datetime import datetime

from api.month.care import afternoon
from api.month.crew import Crew, rules_of
from api.month.life import Bottle, parts
from api.month.oracle import CHINA, DAYS_LEFT_TO_FILL, due_day
from api.month.rows import check_row, check_rows
from api.month.scale import Line
from api.month.town import BEGINS
from api.month.voices import DAY, HOUR, MINUTE, Flow, Play
from ledger import claim as c

MORNING_SHARE = 0.75
_FINISHED_TOGETHER = 24
_CHECK_VALID_MS = 12 * HOUR
_SOON_DAYS = 70


def working_day(crew: Crew, midnight: int) -> Flow:
    """One day from the first light to the night shift."""
    stage, yard = crew.stage, crew.yard
    yard.cuts.clear()
    yield midnight + 5 * HOUR + 40 * MINUTE
    yield from _too_early(crew)
    yield from finish(crew, _taken(yard.night, len(yard.night)), 3)
    yield midnight + 6 * HOUR
    green = yield from check_rows(crew, _for_filling(crew, int(yard.per_day * MORNING_SHARE)), 1)
    if crew.happens("spare scale swapped in", 0.03):
        stage.start(_swapped(crew, midnight))
        yield stage.now
    green = _kept_for_evening(crew, green)
    lines = list(yard.lines)
    share = len(green) * 4 // 5 if yard.carousel else len(green) // 2
    for line, load, person in ((lines[0], green[:share], 1), (lines[1], green[share:], 2)):
        stage.start(_on_line(crew, Line(crew, line, person), load))
    stage.start(afternoon(crew, midnight + 14 * HOUR))
    yield midnight + 20 * HOUR
    yield from _night_shift(crew, yard.lines[-1])


def finish(crew: Crew, bottles: list[Bottle], checker: int) -> Flow:
    """Post-check with check-weighing by a second person, mend what it finds, release (放行)."""
    if not bottles:
        return
    for b in bottles:
        if b.paper.model == "YSP35.5" and b.gas_g < b.target_g - 500:
            yield from Line(crew, crew.yard.lines[-1], 2).top_up(b)
    yield crew.stage.now + len(bottles) * 8_000
    leaks = [b for b in bottles if crew.happens("leak at the post-check", 0.004)]
    good = yield from _postcheck(crew, bottles, leaks, checker)
    for b in leaks:
        yield crew.stage.now + 6 * MINUTE
        good += yield from _postcheck(crew, [b], [], checker)
    yield crew.stage.now + 2 * MINUTE
    claims = [
        crew.make(c.ReleaseCylinder, code=b.code, seal=f"F{crew.stage.chance.randrange(10**8):08}", **crew.by(checker))
        for b in good
    ]
    outcomes = yield from crew.told(claims)
    for b, outcome in zip(good, outcomes, strict=True):
        if not rules_of(outcome):
            b.released, b.released_at = True, crew.stage.now
            # What somebody else keeps missing goes round fast: kitchens that swap among themselves.
            crew.yard.ready.insert(0 if b.missed else len(crew.yard.ready), b)
    yield from crew.set_aside([(b, rules_of(one)) for b, one in zip(good, outcomes, strict=True) if rules_of(one)])
    crew.stage.book.did("filled and released", sum(b.released for b in good))


def _postcheck(crew: Crew, bottles: list[Bottle], leaks: list[Bottle], checker: int) -> Play[list[Bottle]]:
    claims = [
        crew.make(
            c.CheckPostfill, code=b.code, weight_g=b.tare_g + b.gas_g, **crew.by(checker),
            failed_items=(c.PostfillItem.LEAK,) if b in leaks else (),
        )
        for b in bottles
    ]  # fmt: skip
    outcomes = yield from crew.told(claims)
    good = []
    for b, outcome in zip(bottles, outcomes, strict=True):
        if not rules_of(outcome):
            b.checked_by = crew.yard.person(checker)
            good.append(b)
    return good


def _for_filling(crew: Crew, wanted: int) -> list[Bottle]:
    """Empties for the rows; whose stamp says that it is due soon goes to inspection, or makes one more round first."""
    row: list[Bottle] = []
    today = datetime.fromtimestamp(crew.stage.now / 1000, CHINA).date()
    done = crew.stage.book.honest
    for b in _taken(crew.yard.empties, wanted):
        left = (due_day(b) - today).days
        soon = b.sort == "due_soon" and left < _SOON_DAYS
        # Some go at once, some after one more round; so near the end that no fill is lawful, all do.
        now = done["filled in the last weeks of its inspection"] > done["sent to inspection in time"]
        if soon and (now or left <= DAYS_LEFT_TO_FILL):
            crew.stage.book.did("sent to inspection in time")
            crew.yard.to_inspect.append(b)
            continue
        row.append(b)
        if soon:
            crew.stage.book.did("filled in the last weeks of its inspection")
        if b.sort == "extended":
            crew.stage.book.did("inspected at 7 years 10 months, past 8")
    return row


def _taken(bottles: list[Bottle], wanted: int) -> list[Bottle]:
    taken = bottles[:wanted]
    del bottles[:wanted]
    return taken


def _kept_for_evening(crew: Crew, green: list[Bottle]) -> list[Bottle]:
    """Some of the morning's row wait for the very end of the 12 hours, or, behind a repair, past it."""
    kept: list[tuple[str, float, int]] = [
        ("filled at the end of the 12 h", 0.2, -3 * MINUTE),
        ("check ran out behind a repair", 0.05, 7 * MINUTE),
    ]
    for kind, share, late in kept:
        if len(green) > 8 and crew.happens(kind, share):  # noqa: PLR2004 - a row worth the name
            b = green.pop()
            assert b.checked_at is not None
            crew.stage.start(
                _on_line(crew, Line(crew, crew.yard.lines[-1], 2), [b]), b.checked_at + _CHECK_VALID_MS + late
            )
    return green


def _on_line(crew: Crew, line: Line, load: list[Bottle]) -> Flow:
    for some in parts(load, _FINISHED_TOGETHER):
        full = yield from line.fill(some)
        crew.stage.start(finish(crew, full, 3))


def _night_shift(crew: Crew, line: str) -> Flow:
    """One person alone: what is filled waits 待复检 for the morning's second person."""
    row = _for_filling(crew, int(crew.yard.per_day * (1 - MORNING_SHARE)))
    green = yield from check_rows(crew, row, 4)
    for b in green:
        full = yield from Line(crew, line, 4).fill([b])
        crew.yard.night += full
        crew.stage.book.did("filled alone at night", len(full))


def _swapped(crew: Crew, midnight: int) -> Flow:
    """The spare stands there with its certificate; the office files the broken scale out, and in again when mended."""
    office, yard = crew.stage.device(f"office:{crew.yard.enterprise}"), crew.yard
    broken, yard.lines[-1] = yard.lines[-1], yard.spare
    fields = {"line": broken, "site": yard.site, "kind": "scale", "division_g": 10}
    for at, status in ((midnight + 10 * HOUR, "out_of_service"), (midnight + DAY + 5 * HOUR, "in_service")):
        yield at
        yield from crew.told([crew.stage.filing(office, c.FileLine, status=status, **fields)], office.name)
    yard.lines[-1] = broken


def _too_early(crew: Crew) -> Flow:
    """A driver loads what nobody has checked since the night: the gate says no, and it stays."""
    late = crew.stage.now > BEGINS + 2 * DAY
    if late and crew.yard.night and crew.happens("loaded by mistake before its release", 0.02):
        moved = {"vehicle": crew.yard.vehicles[0], "purpose": c.Purpose.SALE, **crew.by(3)}
        yield from crew.told([crew.make(c.DepotOut, code=crew.yard.night[0].code, **moved)])


def back_in_hours(crew: Crew, b: Bottle) -> Flow:
    """It leaked at the customer's and came back within hours, its return recorded: mended, checked and filled again."""
    yield crew.stage.now + 20 * MINUTE
    mend: list[c.AnyClaim] = [
        crew.make(c.ExtractResidue, code=b.code, extracted_g=b.gas_g, weight_g=b.tare_g, **crew.by(1)),
        crew.make(c.ReplaceValve, code=b.code, valve="self_closing", **crew.by(1)),
    ]
    yield from crew.told(mend)
    b.emptied()
    green = yield from check_row(crew, [b], 1)
    full = yield from Line(crew, crew.yard.lines[-1], 2).fill(green)
    yield from finish(crew, full, 3)
