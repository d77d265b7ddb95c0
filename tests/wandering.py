"""Cylinders that wander at random: a town in a database, told by offices, stations and phones, much of it late.

Nobody keeps to any order: cylinders are collected where nobody delivered them, reports come hours late and overtaken,
returns go unscanned, codes that nobody registered are taken along, kitchens are counted, cylinders are lost and found.
"""

import random
from typing import Any

from ledger import claim as c
from ledger import events as e
from ledger.bundle import open_bundle
from ledger.store.append import Received, append, open_log
from ledger.store.load import LogCache
from ledger.store.writer import connect_writer
from tests.story import DAY, MINUTE, ORIGIN, USUAL, Signer, Story, code, private_key

CYLINDERS = 8
STRAYS = tuple(code(number) for number in range(100, 103))
SITES = ("S1", "S2")
VEHICLES = ("V1", "V2")
HOMES = (("K1", "H1"), ("K2", "H2"), ("K2", "H4"), ("K3", "H3"))
WORKERS = ("W1", "W2")
LOTS = ("T1", "T2", "T3")
BUILDING = "B7"
"""H1, H2 and, supplied by a rival, H3 are in it."""

YEAR = {"valid_from": "2025-01-01", "valid_to": "2027-12-31"}


class Wandering:
    """A log in a database and the story that goes on in it. Close it in the end."""

    def __init__(self, url: str, seed: int) -> None:
        self.chance = random.Random(seed)
        self.story = Story()
        self.cache = LogCache()
        self.connection = connect_writer(url)
        self.hub = Signer("hub", private_key("hub"))
        self.strays = list(STRAYS)
        open_log(self.connection, self.story.receive(self.story.authority, self.story.opening()), self.story.now)
        for signer, claim in [*self.story.filings(), *self._more()]:
            outcome = self.tell(signer, claim)
            assert not isinstance(outcome, e.Refusal), (claim, outcome)
        self.codes = [code(number) for number in range(CYLINDERS)]
        for number in range(CYLINDERS):
            self._register(number)

    def close(self) -> None:
        self.connection.close()

    def tell(self, signer: Signer, claim: c.AnyClaim, *, offset: int | None = 0) -> e.Outcome:
        received = Received(open_bundle(signer.sign(claim)), offset)
        return append(self.connection, ORIGIN, [received], self.story.now, self.cache)[0][0].outcome

    def wander(self, steps: int) -> None:
        """So many things happen."""
        for _ in range(steps):
            self.story.now += self.chance.randrange(0, 40) * MINUTE
            self._step()

    def _more(self) -> list[tuple[Signer, c.AnyClaim]]:
        a, o, rival, make = self.story.authority, self.story.office, self.story.rival, self.story.make
        site = {"enterprise": "E1", "kind": "depot", "name": "二号库", "district": "320600", "status": "open"}
        told: list[tuple[Signer, c.AnyClaim]] = [
            (o, make(c.FileSite, site="S2", **site)),
            (a, self.story.enrolment(self.hub, c.Role.STATION, "E1", SITES)),
            (o, self.story.lot(tank_lot="T2", includes="T1", remainder_g=4_000_000)),
            (o, self.story.lot(tank_lot="T3", includes="T2", remainder_g=1_000_000)),
        ]
        premises = {"kind": "resident", "crowded": False, "vaporiser": False, "status": "open"}
        for customer, home in HOMES:
            by, seller = (rival, "E2") if customer == "K3" else (o, "E1")
            where = {"town": "320602001", "building": "B8" if home == "H4" else BUILDING}
            known = 0 if home == "H1" else None
            if home in ("H2", "H3"):
                told.append(
                    (by, make(c.FileCustomer, **USUAL[c.FileCustomer] | {"customer": customer, "enterprise": seller}))
                )
            at_home = {"premises": home, "customer": customer, "enterprise": seller}
            told.append((by, make(c.FilePremises, **premises, **where, **at_home, expects=known)))
            if home != "H1":
                paper = {"contract": f"CT-{home}", "signed_on": "2025-06-01", "status": "valid", **YEAR}
                told.append((by, make(c.FileContract, **paper, **at_home)))
        return told

    def _register(self, number: int, **changes: Any) -> None:
        cylinder = self.story.cylinder(number, **changes)
        outcome = self.tell(self.story.office, cylinder)
        assert isinstance(outcome, e.CylinderRegistered), outcome
        self.tell(self.story.authority, self.story.certificate(cylinder, name=f"UR{number}"))

    def _say(self, signer: Signer, act: type[c.Claim], **fields: Any) -> e.Outcome:
        late = self.chance.choice((0, 0, 0, 1, 30, 200, 1500)) * MINUTE
        wrong_clock = self.chance.choice((0, 0, 0, -7, 90)) * MINUTE
        scanned_at = self.story.now - late - wrong_clock
        known = USUAL.get(act, {})
        claim: Any = self.story.make(act, **(known | {"scanned_at": max(0, scanned_at)} | fields))
        return self.tell(signer, claim, offset=wrong_clock)

    def _step(self) -> None:
        pick, hub, worker = self.chance.choice, self.hub, self.story.worker
        site, vehicle, person = pick(SITES), pick(VEHICLES), pick(WORKERS)
        customer, premises = pick(HOMES)
        it = pick([*self.codes, *self.codes, *self.strays])
        content = pick(tuple(c.Content))
        on = {"code": it, "vehicle": vehicle, "person": person}
        home = {"customer": customer, "premises": premises}
        found: tuple[dict[str, str], ...] = ({"site": "S1"}, home, {"vehicle": vehicle}, {})
        acts = {
            "fill": lambda: self._fill(it),
            "prefill": lambda: self._say(hub, c.CheckPrefill, code=it, site=site),
            "out": lambda: self._say(
                hub, c.DepotOut, **on, site=site, purpose=pick((c.Purpose.TRANSFER, c.Purpose.INSPECTION)), to_site="S2"
            ),
            "in": lambda: self._say(hub, c.DepotIn, **on, site=site, content=content),
            "load": lambda: self._say(hub, c.LoadVehicle, **on, site=site),
            "unload": lambda: self._say(hub, c.UnloadVehicle, **on, site=site, content=content),
            "give": lambda: self._say(worker, c.HandOver, **on, **home, site="S1", done=pick((True, False))),
            "give too": lambda: self._say(worker, c.HandOver, **on, **home, site="S1", done=True),
            "not given": lambda: self._say(worker, c.NotDelivered, **on, **home),
            "collect": lambda: self._say(hub, c.CollectCylinder, **on, site=site, content=content),
            "collect there": lambda: self._say(hub, c.CollectCylinder, **on, **home, site=site, content=content),
            "count": lambda: self._say(hub, c.CountStock, code=it, site=site, content=content),
            "count there": lambda: self._say(
                worker, c.CountPremises, **home, person=person, codes=(*self.chance.sample(self.codes, 2), it)
            ),
            "lost": lambda: self._say(worker, c.ReportLost, code=it, person=person),
            "found": lambda: self._say(
                worker, c.ReportFound,
                **{"code": it, "person": person, "site": None, **pick(found)},
            ),
            "emergency": lambda: self._say(
                worker, c.RemoveInEmergency,
                **{"code": it, "person": person, "vehicle": None, **pick(({"to_site": "S1"}, {"vehicle": vehicle}))},
            ),
            "inspect": lambda: self._say(self.story.inspector, c.RecordInspection, code=it),
            "bind": lambda: self._bind(it),
        }  # fmt: skip
        acts[pick(tuple(acts))]()

    def _fill(self, it: str) -> None:
        """At S1, with all that belongs to it, so that some may be sold."""
        leave: Any = self.story.make(c.AuthoriseFill, code=it)
        under = {"code": it, "authorisation": leave.claim_id, "start_weight_g": 16_500}
        lot = self.chance.choice(LOTS)
        self.tell(self.hub, self.story.make(c.CheckPrefill, code=it))
        self.tell(self.hub, leave)
        self.tell(self.hub, self.story.make(c.StartFill, **under))
        self.story.now += 2 * MINUTE
        self._say(self.hub, c.CompleteFill, **under, end_weight_g=31_000, scale_seq=1, tank_lot=lot)
        self.tell(self.hub, self.story.make(c.CheckPostfill, code=it, person="P2", weight_g=31_000))
        self.tell(self.hub, self.story.make(c.ReleaseCylinder, code=it))

    def _bind(self, it: str) -> None:
        """Seldom, a stray turns out to be a cylinder: registered as a new one, or under another code of a known one."""
        if self.chance.random() < 0.7 or not self.strays:
            return
        stray = self.strays.pop()
        if self.chance.random() < 0.5:
            number = int(stray.split("-")[1])
            self._register(number)
            self.codes.append(stray)
        else:
            self._say(self.story.office, c.BindCode, code=it, new_code=stray)


__all__ = ["BUILDING", "DAY", "HOMES", "ORIGIN", "SITES", "VEHICLES", "WORKERS", "Wandering"]
