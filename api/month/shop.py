"""The shop's old stock: full since before the ledger, its inspection ending with the month."""

from api.month.crew import Crew, rules_of
from api.month.handing import collect, hand_over
from api.month.tour import Tour
from api.month.voices import MINUTE, Flow
from ledger import claim as c


def late_call(crew: Crew, vehicle: str, midnight: int) -> Flow:
    """Loaded on the due month's last evening, at a sixth floor after midnight: the ledger warns, it comes back."""
    if not crew.yard.kept:
        return
    tour = Tour(crew, vehicle)
    yield from tour.loaded(crew.yard.kept[-1:])
    for b in list(tour.load):
        yield midnight + 20 * MINUTE
        customer = crew.town.queues[crew.yard.enterprise, b.large][0]
        claim = hand_over(crew, vehicle, b, customer)
        outcome = (yield from crew.told([claim], tour.phone))[0]
        warned = not rules_of(outcome) and any(note.rule.startswith("INS-02") for note in outcome.warnings)
        crew.stage.book.did("expired on the road and brought back", int(warned))
        b.out, b.seen_back, b.opening = False, True, False
        yield from crew.told([collect(crew, vehicle, b, customer, c.Content.FULL)], tour.phone)
        by = {"vehicle": vehicle, "purpose": c.Purpose.RETURN, "content": c.Content.FULL, **crew.by(3)}
        yield from crew.told([crew.make(c.DepotIn, code=b.code, **by)])
        crew.yard.to_inspect.append(b)


def shop_stock(crew: Crew, vehicle: str, at: int, wanted: int) -> Flow:
    """From the back of the shop: full since before the ledger, their inspection ends this month."""
    yield at
    tour = Tour(crew, vehicle)
    yield from tour.loaded(crew.yard.kept[:wanted])
    for b in list(tour.load):
        yield crew.stage.now + 5 * MINUTE
        yield from tour.door(b)
    yield from tour.returned()
