"""What happens to cylinders that are not filled today: inspection, scrap, their owner, the register."""

from api.month.crew import Crew, rules_of
from api.month.filings import use_registration
from api.month.life import Bottle
from api.month.town import BODY_SITE, INSPECTOR, REVIEWER
from api.month.voices import DAY, HOUR, MINUTE, Flow
from ledger import claim as c
from ledger.china import day_of

_BODY = f"body:{BODY_SITE}"
_REPORT = "3c" * 32


def afternoon(crew: Crew, at: int) -> Flow:
    """The office and the yard clear what was set aside."""
    yield at
    yard = crew.yard
    corners = [(yard.to_inspect, _inspection), (yard.to_scrap, _scrapping), (yard.foreign, _to_owner)]
    for corner, process in (*corners, (yard.unlisted, _listing)):
        if corner:
            crew.stage.start(process(crew, list(corner)))
            corner.clear()


def _moved(crew: Crew, bottles: list[Bottle], purpose: c.Purpose, to_site: str | None) -> Flow:
    by = {"vehicle": crew.yard.vehicles[0], "purpose": purpose, "to_site": to_site, **crew.by(3)}
    yield from crew.told([crew.make(c.DepotOut, code=b.code, **by) for b in bottles])
    yield crew.stage.now + 90 * MINUTE


def _arrived(crew: Crew, bottles: list[Bottle], purpose: c.Purpose) -> Flow:
    by = {"vehicle": crew.yard.vehicles[0], "purpose": purpose, "site": BODY_SITE, "person": INSPECTOR}
    content = {True: c.Content.FULL, False: c.Content.EMPTY}
    claims = [crew.make(c.DepotIn, _BODY, code=b.code, content=content[b.gas_g > 0], **by) for b in bottles]
    yield from crew.told(claims, _BODY)


def _inspection(crew: Crew, bottles: list[Bottle]) -> Flow:
    """To the body and back: emptied, inspected, evacuated; one in twenty fails and goes no further."""
    stage, here = crew.stage, {"site": BODY_SITE, "person": INSPECTOR}
    yield from _moved(crew, bottles, c.Purpose.INSPECTION, BODY_SITE)
    yield from _arrived(crew, bottles, c.Purpose.INSPECTION)
    yield stage.now + stage.chance.randint(14, 30) * HOUR
    full = [b for b in bottles if b.gas_g > 0]
    claims: list[c.AnyClaim] = []
    for b in full:
        left = {"weight_g": b.tare_g, "extracted_g": b.gas_g}
        claims.append(crew.make(c.ExtractResidue, _BODY, code=b.code, **left, **here))
        b.emptied()
    day = day_of(stage.now)
    passed = {b.code: stage.chance.random() > 0.05 for b in bottles}  # noqa: PLR2004 - see above
    for b in bottles:
        seen = {"inspected_on": day, "passed": passed[b.code], "report_digest": _REPORT, "reviewer": REVIEWER}
        claims.append(crew.make(c.RecordInspection, _BODY, code=b.code, **seen, **here))
    yield from crew.told(claims, _BODY)
    for b in bottles:
        b.failed = not passed[b.code]
        b.inspected = b.inspected if b.failed else day[:7]
        b.emptied()
    good = [b for b in bottles if not b.failed]
    stage.book.did("inspected and back", len(good))
    yield from crew.told([crew.make(c.EvacuateCylinder, _BODY, code=b.code, **here) for b in good], _BODY)
    yield stage.now + HOUR
    out = {"vehicle": crew.yard.vehicles[0], "purpose": c.Purpose.RETURN, "to_site": crew.yard.site, **here}
    yield from crew.told([crew.make(c.DepotOut, _BODY, code=b.code, **out) for b in good], _BODY)
    yield stage.now + HOUR
    back = {"vehicle": crew.yard.vehicles[0], "purpose": c.Purpose.RETURN, "content": c.Content.EMPTY, **crew.by(3)}
    yield from crew.told([crew.make(c.DepotIn, code=b.code, **back) for b in good])
    crew.yard.empties[:0] = good
    if len(good) < len(bottles):
        yield from _destroyed(crew, [b for b in bottles if b.failed], c.Cause.INSPECTION_FAILED)


def _scrapping(crew: Crew, bottles: list[Bottle]) -> Flow:
    """Over-age, two-phase, screwed collars: to the body, destroyed, out of the register."""
    yield from _moved(crew, bottles, c.Purpose.DESTRUCTION, BODY_SITE)
    yield from _arrived(crew, bottles, c.Purpose.DESTRUCTION)
    yield from _destroyed(crew, bottles, c.Cause.LIFE_END)


def _destroyed(crew: Crew, bottles: list[Bottle], cause: c.Cause) -> Flow:
    office = f"office:{crew.yard.enterprise}"
    decided = [crew.make(c.DecideScrap, office, code=b.code, person=crew.yard.person(3), cause=cause) for b in bottles]
    yield from crew.told(decided, office)
    for b in bottles:
        b.scrapped = True
    yield crew.stage.now + 2 * HOUR
    here = {"site": BODY_SITE, "person": INSPECTOR, "witness": REVIEWER, "method": "flattened"}
    claims = [crew.make(c.DestroyCylinder, _BODY, code=b.code, photo_digest=_REPORT, **here) for b in bottles]
    yield from crew.told(claims, _BODY)
    yield from crew.told([crew.make(c.DeregisterCylinder, office, code=b.code) for b in bottles], office)
    crew.stage.book.did("scrapped and out of the register", len(bottles))


def _to_owner(crew: Crew, bottles: list[Bottle]) -> Flow:
    """A rival's cylinders go back to the rival, empty, and are never filled here."""
    stage, town = crew.stage, crew.town
    yield stage.now + HOUR
    for other in town.yards.values():
        theirs = [b for b in bottles if b.owner == other.enterprise]
        if not theirs:
            continue
        yield from _moved(crew, theirs, c.Purpose.OWNER_RETURN, other.site)
        there = Crew(stage, town, other)
        back = {"vehicle": crew.yard.vehicles[0], "purpose": c.Purpose.OWNER_RETURN, "content": c.Content.EMPTY}
        yield from there.told([there.make(c.DepotIn, code=b.code, **back, **there.by(3)) for b in theirs])
        other.empties += theirs
        stage.book.did("a rival's returned to it", len(theirs))


def _listing(crew: Crew, bottles: list[Bottle]) -> Flow:
    """The office has them registered for use; a day later they may be filled."""
    yield crew.stage.now + DAY
    keys = tuple(b.paper.cylinder for b in bottles)
    crew.yard.papers += 1
    paper = use_registration(crew.stage, crew.yard.enterprise, f"URX{crew.yard.papers}", keys)
    outcomes = yield from crew.told([paper], "authority")
    if not rules_of(outcomes[0]):
        for b in bottles:
            b.use_registered = True
        crew.yard.empties += bottles
