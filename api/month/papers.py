"""The offices and the authority: tank lots, renewals, new cylinders, a recall, a seizure, other people's papers."""

from msgspec import structs

from api.month.crew import Crew, rules_of
from api.month.filings import calibration, certificate, lot, pairing, permit, use_registration
from api.month.fleet import RECALLED_FROM, RECALLED_MAKER, RECALLED_TO, new_bottle
from api.month.life import Bottle
from api.month.town import BEGINS, RENEWED, STAND_IN
from api.month.voices import DAY, HOUR, MINUTE, Flow
from ledger import claim as c
from ledger.china import day_of

_LOT_DAYS = 2
_EVIDENCE = "9d" * 32


def office_month(crew: Crew, days: int) -> None:
    """All that an enterprise's office does in a month, beside its station's work."""
    stage = crew.stage
    for day in range(1, days, _LOT_DAYS):
        stage.start(_next_lot(crew), BEGINS + day * DAY + 9 * HOUR + 10 * MINUTE)
    stage.start(_renewals(crew), BEGINS + 2 * DAY + 15 * HOUR)
    for day in range(1, days - 3, 6):
        stage.start(_bought(crew, 1_000 * day), BEGINS + day * DAY + 10 * HOUR)
    stage.start(_surrendered(crew), BEGINS + 3 * DAY + 10 * HOUR)
    stage.start(_wrong_registrations(crew), BEGINS + 3 * DAY + 16 * HOUR)
    stage.start(_keyed_wrong(crew), BEGINS + 4 * DAY + 15 * HOUR)
    stage.start(_ill(crew), BEGINS + 4 * DAY + 7 * HOUR)
    stage.start(_lost(crew), BEGINS + 5 * DAY + 14 * HOUR)
    stage.start(_seizure(crew), BEGINS + 5 * DAY + 6 * HOUR)


def _next_lot(crew: Crew) -> Flow:
    """A tanker in the middle of the shift: the new lot includes the remainder; the old one is closed when tested."""
    yard, stage, office = crew.yard, crew.stage, f"office:{crew.yard.enterprise}"
    old, yard.lots = yard.lot, yard.lots + 1
    new = f"{yard.site}-T{yard.lots}"
    yield from crew.told([lot(stage, yard, new, old, "received")], office)
    yield stage.now + 40 * MINUTE
    yield from crew.told([lot(stage, yard, new, old, "released")], office)
    yard.lot = new
    yield stage.now + 45_000
    yield from crew.told([lot(stage, yard, old, None, "emptied")], office)
    stage.book.did("tank lot opened, the last emptied")


def _renewals(crew: Crew) -> Flow:
    """The papers that end on the fifth day are renewed on the third."""
    yard, stage, office = crew.yard, crew.stage, f"office:{crew.yard.enterprise}"
    yield from crew.told([permit(stage, yard.enterprise, "filling", RENEWED)], "authority")
    own: list[c.AnyClaim] = [certificate(stage, yard, yard.person(n), "filling", RENEWED) for n in (1, 2, 3, 4)]
    own += [calibration(stage, yard, line, RENEWED) for line in yard.scales]
    policy = {"policy": f"{yard.enterprise}-POLICY-2026", "enterprise": yard.enterprise}
    own.append(stage.filing(stage.device(office), c.FileInsurance, **policy, **RENEWED))
    yield from crew.told(own, office)
    stage.book.did("paper renewed before it lapsed", len(own) + 1)


def _bought(crew: Crew, number: int) -> Flow:
    """New cylinders: registered, listed in a use registration, evacuated, filled the next day."""
    yard, stage, office = crew.yard, crew.stage, f"office:{crew.yard.enterprise}"
    offset = 4_000_000 + 500_000 * (yard.enterprise == "LH") + number
    new = [new_bottle(stage.chance, stage.ids, offset + n, yard.enterprise, stage.now, sort="new") for n in range(4)]
    yield from crew.told([b.paper for b in new], office)
    for b in new:
        crew.town.facts.add(b)
        crew.town.bottles.append(b)
    yield stage.now + 5 * HOUR
    paper = use_registration(stage, yard.enterprise, f"URN{number}", tuple(b.paper.cylinder for b in new))
    outcomes = yield from crew.told([paper], "authority")
    if rules_of(outcomes[0]):
        return
    yield stage.now + HOUR
    yield from crew.told([crew.make(c.EvacuateCylinder, code=b.code, **crew.by(1)) for b in new])
    for b in new:
        b.use_registered = True
    yard.empties[:0] = new
    stage.book.did("new cylinder registered and evacuated", len(new))


def _wrong_registrations(crew: Crew) -> Flow:
    """An honest clerk with a bad delivery: no mark on the head, a stamp registered already, a serial of zeros."""
    yard, stage, office = crew.yard, crew.stage, f"office:{crew.yard.enterprise}"
    known = next(b for b in crew.town.bottles if b.owner == yard.enterprise)
    offset = 6_000_000 + 500_000 * (yard.enterprise == "LH")
    some = [
        new_bottle(stage.chance, stage.ids, offset + n, yard.enterprise, stage.now, sort="new").paper for n in range(3)
    ]
    claims = [
        structs.replace(some[0], filler_mark=None),
        structs.replace(known.paper, claim_id=some[1].claim_id, cylinder=some[1].cylinder, code=some[1].code),
        structs.replace(some[2], serial="0000000"),
    ]
    yield from crew.told(claims, office)


def _surrendered(crew: Crew) -> Flow:
    """Customers' own cylinders, registered as theirs, are given up: one to the enterprise, one to be scrapped."""
    yard, stage, office = crew.yard, crew.stage, f"office:{crew.yard.enterprise}"
    offset = 5_000_000 + 500_000 * (yard.enterprise == "LH")
    taken: list[Bottle] = []
    for n in range(2):
        b = new_bottle(stage.chance, stage.ids, offset + n, yard.enterprise, stage.now, sort="extended")
        b.paper = structs.replace(b.paper, owner=c.CUSTOMER, ownership="surrender")
        b.owner, b.use_registered = c.CUSTOMER, False
        taken.append(b)
    yield from crew.told([b.paper for b in taken], office)
    for b in taken:
        crew.town.facts.add(b)
    yield stage.now + 10 * MINUTE
    to = ("enterprise", "scrap")
    claims = [
        crew.make(c.SurrenderCylinder, code=b.code, to=way, evidence_digest=_EVIDENCE, **crew.by(3))
        for b, way in zip(taken, to, strict=True)
    ]
    yield from crew.told(claims)
    taken[0].owner, taken[1].scrapped = yard.enterprise, True
    yard.unlisted.append(taken[0])
    stage.book.did("surrendered", len(taken))


def _keyed_wrong(crew: Crew) -> Flow:
    """A tare was keyed wrong at registration; the office corrects it, naming the entry."""
    office = f"office:{crew.yard.enterprise}"
    # Its own: a rival's cylinder in the yard is the rival's to correct.
    here = (*crew.yard.empties, *crew.yard.ready, *crew.yard.kept, *crew.town.bottles)
    b = next(b for b in here if not b.stranger and not b.scrapped and b.owner == crew.yard.enterprise)
    b.tare_g += 60
    cause = c.Cause.KEYING_ERROR
    entry = crew.stage.registered_at[b.paper.cylinder]
    yield from crew.told(
        [crew.make(c.CorrectCylinder, office, code=b.code, corrects=entry, cause=cause, tare_g=b.tare_g)], office
    )
    crew.stage.book.did("tare corrected")


def _ill(crew: Crew) -> Flow:
    """A worker is ill: the office pairs another with the vehicle at once."""
    yard = crew.yard
    vehicle, stand_in = yard.vehicles[0], yard.person(STAND_IN)
    yield from crew.told([pairing(crew.stage, yard, vehicle, stand_in, "illness")], f"office:{yard.enterprise}")
    yard.stand_ins[vehicle] = stand_in
    crew.stage.book.did("person and vehicle paired anew")


def _lost(crew: Crew) -> Flow:
    """An empty one is not where it should be; the next day it turns up behind the fence."""
    stock = crew.yard.empties
    b = next((b for b in stock if not b.stranger and b.owner == crew.yard.enterprise), None)
    if b is None:
        return
    stock.remove(b)
    by = {"code": b.code, "person": crew.yard.person(3)}
    yield from crew.told([crew.make(c.ReportLost, cause="miscounted", **by)])
    yield crew.stage.now + DAY
    yield from crew.told([crew.make(c.ReportFound, site=crew.yard.site, **by)])
    stock.append(b)
    crew.stage.book.did("lost and found")


def _seizure(crew: Crew) -> Flow:
    """The authority seals some of the stock; two days later it lifts its order, and they are sold."""
    order = f"SO-{crew.yard.enterprise}-1"
    authority = crew.stage.device("authority")
    some = [b for b in crew.yard.ready if not b.large][:2]
    filed = {"order_no": order, "kind": "sealed"}
    issued = {"issued_on": day_of(crew.stage.now)}
    claims: list[c.AnyClaim] = [crew.stage.filing(authority, c.FileSeizureOrder, status="in_force", **filed, **issued)]
    claims += [crew.make(c.SeizeCylinder, "authority", code=b.code, **filed) for b in some]
    yield from crew.told(claims, "authority")
    crew.stage.book.did("seized by the authority", len(some))
    yield crew.stage.now + 2 * DAY
    lifted = crew.stage.filing(authority, c.FileSeizureOrder, status="lifted", **filed, **issued)
    yield from crew.told([lifted], "authority")
    freed = [b for b in some if b in crew.yard.sealed]
    crew.yard.sealed = [b for b in crew.yard.sealed if b not in freed]
    crew.yard.ready += freed


def recall(crew: Crew) -> Flow:
    """The authority calls back what one maker made in six months: no more filling, loading, handing over."""
    fields = {"maker": RECALLED_MAKER, "made_from": RECALLED_FROM, "made_to": RECALLED_TO}
    opened = crew.stage.filing(crew.stage.device("authority"), c.OpenRecall, recall="RC-2026-1", **fields)
    yield from crew.told([opened], "authority")
    crew.stage.book.did("recall announced")
    yield crew.stage.now + 3 * HOUR
    for enterprise in crew.town.yards:
        seen = crew.make(c.AcknowledgeRecall, f"office:{enterprise}", recall="RC-2026-1", enterprise=enterprise)
        yield from crew.told([seen], f"office:{enterprise}")
        crew.stage.book.did("recall acknowledged")
