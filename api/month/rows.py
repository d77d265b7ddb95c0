"""The row pre-check (排检), and what people do at once about what it finds."""

from api.month.crew import Crew, rules_of
from api.month.life import Bottle, parts
from api.month.voices import MINUTE, SECOND, Flow, Play
from ledger import claim as c
from ledger import events as e
from ledger.identity import own_code

ROW = 40
_LOOK_MS = 7 * SECOND
_TAIL = 5
_ALONE, _TOGETHER = 3, 0.4
"""The first so many labels are changed by one person; of the rest, so often two are at the row."""
_PHOTO = "7b" * 32
Checked = Play[list[Bottle]]


def check_rows(crew: Crew, bottles: list[Bottle], person: int) -> Checked:
    """Row after row; those that may go on to the scale."""
    green: list[Bottle] = []
    for row in parts(bottles, ROW):
        green += yield from check_row(crew, row, person)
    return green


def check_row(crew: Crew, row: list[Bottle], person: int) -> Checked:
    """One row under one signature; what is red is mended or set aside, what the ledger asks for is keyed."""
    yield crew.stage.now + len(row) * _LOOK_MS
    dirty = [b for b in row if not b.stranger and not b.relabelled_by and crew.happens("dirty label", 0.006, least=4)]
    found: dict[str, c.PrefillItem] = {}
    for b in row:
        if not b.stranger and crew.happens("valve replaced", 0.006):
            found[b.code] = c.PrefillItem.VALVE
        elif not b.stranger and crew.happens("tare determined anew", 0.002):
            found[b.code] = c.PrefillItem.TARE_UNCLEAR
    claims = [
        crew.make(
            c.CheckPrefill, code=b.stamp if b in dirty else b.code, **crew.by(person),
            failed_items=(found[b.code],) if b.code in found else (),
        )
        for b in row
    ]  # fmt: skip
    outcomes = yield from crew.told(claims)
    green = [b for b, outcome in zip(row, outcomes, strict=True) if _takes(crew, b, outcome)]
    red = [(b, rules_of(outcome)) for b, outcome in zip(row, outcomes, strict=True) if rules_of(outcome)]
    mended = [b for b, rules in red if rules <= {"COND-02", "COND-03"}]
    yield from crew.set_aside([(b, rules) for b, rules in red if b not in mended])
    yield from _mend(crew, [(b, found[b.code]) for b in mended if b.code in found], person)
    again = [b for b, outcome in zip(row, outcomes, strict=True) if b in green and _asked(crew, b, outcome)]
    shown = yield from _show_stamps(crew, [*again, *mended], person)
    green = [b for b in green if b not in again] + shown
    yield from _relabel(crew, [b for b in green if b in dirty], person)
    yield from _residue(crew, green, person)
    return green


def _takes(crew: Crew, b: Bottle, outcome: e.Outcome) -> bool:
    """Whether the check was green; what people know of the cylinder from here on."""
    b.released = b.out = b.opening = False
    b.checked_at = None
    if not isinstance(outcome, e.PrefillChecked):
        return False
    b.checked_at, b.checked_site = crew.stage.now, crew.yard.site
    b.challenged = outcome.challenged
    if outcome.return_inferred:
        crew.stage.book.did("return inferred")
    return True


def _asked(crew: Crew, b: Bottle, outcome: e.Outcome) -> bool:
    """Whether somebody must key the stamp: a spot check, or missed twice in 30 days."""
    again = any(note.reason == "return_missing_again" for note in outcome.warnings)
    if b.challenged:
        crew.stage.book.did("stamp challenge answered")
    if again:
        crew.stage.book.did("missed twice: stamp and photo")
    return b.challenged or again


def _show_stamps(crew: Crew, bottles: list[Bottle], person: int) -> Checked:
    yield crew.stage.now + len(bottles) * _LOOK_MS
    claims = [
        crew.make(
            c.CheckPrefill, code=b.code, stamp_tail=b.paper.serial[-_TAIL:], photo_digest=_PHOTO, **crew.by(person)
        )
        for b in bottles
    ]
    outcomes = yield from crew.told(claims)
    yield from crew.set_aside([(b, rules_of(one)) for b, one in zip(bottles, outcomes, strict=True) if rules_of(one)])
    return [b for b, outcome in zip(bottles, outcomes, strict=True) if _takes(crew, b, outcome)]


def _mend(crew: Crew, bottles: list[tuple[Bottle, c.PrefillItem]], person: int) -> Flow:
    for b, item in bottles:
        yield crew.stage.now + 4 * MINUTE
        if item is c.PrefillItem.VALVE:
            act: c.AnyClaim = crew.make(c.ReplaceValve, code=b.code, valve="self_closing", **crew.by(person))
        else:
            tare_g = b.tare_g + crew.stage.chance.choice((-40, -20, 20, 40))
            act = crew.make(c.DetermineTare, code=b.code, tare_g=tare_g, witness=crew.yard.person(3), **crew.by(person))
            b.tare_g = tare_g
        yield from crew.told([act])


def _relabel(crew: Crew, bottles: list[Bottle], person: int) -> Flow:
    """A new label with a photograph; the second person is there, or confirms before loading (ID-07)."""
    for b in bottles:
        yield crew.stage.now + 2 * MINUTE
        new = str(
            own_code(b.owner, f"R{crew.stage.book.honest['dirty label']:04d}{crew.stage.chance.randrange(10**6):06}")
        )
        together = crew.stage.book.honest["dirty label"] > _ALONE and crew.stage.chance.random() < _TOGETHER
        second = crew.yard.person(3) if together else None
        act = crew.make(
            c.BindCode, code=b.stamp, new_code=new, retires=b.code, person=crew.yard.person(person),
            second_person=second, photo_digest=_PHOTO, cause=c.Cause.LABEL_UNREADABLE,
        )  # fmt: skip
        outcome = (yield from crew.told([act]))[0]
        if not rules_of(outcome):
            crew.town.facts.relabel(b, new)
            b.relabelled_by = "" if together else crew.yard.person(person)


def _residue(crew: Crew, bottles: list[Bottle], person: int) -> Flow:
    """Residue is taken out before the scale (抽残)."""
    for b in bottles:
        if crew.happens("residue extracted", 0.006):
            yield crew.stage.now + 3 * MINUTE
            left = {"extracted_g": 1_400, "weight_g": b.tare_g + 100}
            yield from crew.told([crew.make(c.ExtractResidue, code=b.code, **left, **crew.by(person))])
