"""Contradictions of the days before: what no gate could stop and only the whole log shows (`ledger.signals`).

Everything here happened at one station, told by its desk: fills without leave, one code on two bodies, lots that do not
balance. Each raises one alert, of one kind about one thing; every other alert of the day is a false one.
"""

from collections.abc import Iterator
from typing import Any

from api.demo.city import BODY_SITE, DAY_MS, MINUTE_MS, REVIEWER, SHIFT_AT_MS, STATIONS, TRAINEE, Station
from api.demo.city_cylinders import CityCylinder, State
from api.demo.city_registry import permit_of
from api.demo.city_supply import DEPOTS, Customer
from api.demo.clerk import Clerk, Wave, digest_of
from api.demo.doorstep import Courier, checked, confirmed
from api.demo.plant import Past, Sower
from api.demo.plant_prepared import new_code
from ledger import claim as c

HOUR_MS = 60 * MINUTE_MS
_FIRST_MS = SHIFT_AT_MS - 4 * DAY_MS
"""Four days ago at 08:00 in China; on the next day some of it goes on."""
_ALIKE, _OFTEN, _SPREAD, _IN_ORDER, _ALONE, _RELABELLED = 32, 9, 8, 5, 21, 12


def history(sower: Sower, clerk: Clerk) -> list[Past]:
    """All of it, in the order of its time."""
    scene = _Scene(sower, clerk, STATIONS[1])
    parts = (scene.fills, scene.bodies, scene.people, scene.custody, scene.gas, scene.supply)
    told = [past for part in parts for past in part()]
    return sorted(told, key=lambda past: past.at_ms)


def told(clerk: Clerk, past: list[Past]) -> Iterator[Wave]:
    """As bundles; these may break rules."""
    for one in past:
        clerk.at_ms = one.at_ms
        yield Wave(one.at_ms, one.signer, list(one.claims), past=True)


class _Scene:
    """The station where it happens, and its desk."""

    def __init__(self, sower: Sower, clerk: Clerk, station: Station) -> None:
        self._sower, self._clerk, self._station = sower, clerk, station
        self._desk = f"desk:{station.site}"
        self._lines: dict[str, int] = {}

    def fills(self) -> Iterator[Past]:
        """F1 again within the hour; F2 next day, never left; F3 too often; F9 a sheet of codes; F13 at night; F20."""
        day = DAY_MS
        for kind, again_ms in (("F1", HOUR_MS), ("F2", day)):
            one = self._one(kind)
            yield self._at(2 * HOUR_MS, self._fill(one, f"H-{kind}"))
            yield self._at(2 * HOUR_MS + again_ms, self._fill(one, f"H-{kind}"))
        one = self._one("F3")
        yield self._at(3 * HOUR_MS, *(said for _ in range(_OFTEN) for said in self._fill_and_empty(one, "H-F3")))
        row = [self._one() for _ in range(_IN_ORDER)]
        self._sower.alert("F9", "line:H-F9")
        for start_ms in (4 * HOUR_MS, 4 * HOUR_MS + day):
            yield self._at(start_ms, *(said for each in row for said in self._fill_and_empty(each, "H-F9")))
        self._sower.alert("F13", f"site:{self._station.site}")
        yield self._at(day - 6 * HOUR_MS, self._fill(self._one(), "H-F13"))
        yield self._at(5 * HOUR_MS, self._fill(self._one("F20", State.OVERDUE), "H-F20"))

    def bodies(self) -> Iterator[Past]:
        """F4 below its tare, F5 two tares under one code, F6 no weight of its model, F7 another's code on it."""
        one = self._one("F4")
        yield self._at(5 * HOUR_MS, self._fill(one, "H-F4", start_g=one.registration.tare_g - 1_200))
        one = self._one("F5")
        starts = [one.registration.tare_g + (900 if n % 2 else 100) for n in range(_SPREAD)]
        weighed = (said for start_g in starts for said in self._fill_and_empty(one, "H-F5", start_g=start_g))
        yield self._at(6 * HOUR_MS, *weighed)
        one = self._one("F6")
        heavy_g = one.registration.tare_g + one.registration.max_fill_g + 4_000
        yield self._at(6 * HOUR_MS, self._fill(one, "H-F6", start_g=heavy_g))
        other = self._one()
        yield self._at(6 * HOUR_MS, self._check(self._one("F7"), also_read=(other.code,)))

    def people(self) -> Iterator[Past]:
        """F10 two scales at once, F14 one person for everything, F17 one tare for all, F18 labels changed."""
        person = f"{self._station.site}-P8"
        self._sower.alert("F10", f"person:{person}")
        starts = [
            self._make(c.StartFill, self._one(), line=f"H-F10-{n}", person=person, authorisation=self._id(),
                       start_weight_g=17_000)
            for n in range(2)
        ]  # fmt: skip
        yield self._at(7 * HOUR_MS, *starts)
        person = f"{self._station.site}-P9"
        self._sower.alert("F14", f"person:{person}")
        yield self._at(7 * HOUR_MS, *(said for _ in range(_ALONE) for said in self._alone(self._one(), person)))
        self._sower.alert("F17", f"person:{TRAINEE}")
        results = tuple(self._inspected(self._sower.cylinder()) for _ in range(_ALIKE))
        yield Past(_FIRST_MS + 8 * HOUR_MS, f"body:{BODY_SITE}", results)
        self._sower.alert("F18", "enterprise:JH")
        labels = tuple(self._relabelled(self._sower.cylinder(owner="JH", scheme="own:")) for _ in range(_RELABELLED))
        # Yesterday evening: what is re-labelled in the shift goes on with the same alert.
        yield Past(SHIFT_AT_MS - 10 * HOUR_MS, "office:JH", labels)

    def custody(self) -> Iterator[Past]:
        """CUST one code handed over by two, F8 at two stations at once, F15 a vehicle as a store, F16 gas missing."""
        one, first, second = self._one("CUST"), self._sower.customer("TC-D3"), self._sower.customer("TC-D3")
        yield self._at(2 * HOUR_MS, self._out(one, "H-V1"))
        for start_ms, vehicle, customer in ((3 * HOUR_MS, "H-V2", first), (4 * HOUR_MS, "H-V1", second)):
            yield self._at(start_ms, self._handed_over(one, vehicle, customer))
        one = self._one("F8")
        yield self._at(8 * HOUR_MS, self._check(one))
        elsewhere = STATIONS[0]
        again = self._clerk.make(c.CheckPrefill, code=one.code, site=elsewhere.site, person=elsewhere.filler)
        yield Past(_FIRST_MS + 8 * HOUR_MS + 4 * MINUTE_MS, f"desk:{elsewhere.site}", (again,))
        one = self._one()
        self._sower.alert("F15", "vehicle:H-V15")
        yield self._at(9 * HOUR_MS, self._fill(one, "H-F15"), self._out(one, "H-V15"))
        one, customer = self._one("F16"), self._sower.customer("TC-D3")
        yield self._at(9 * HOUR_MS, self._fill(one, "H-F16"))
        light_g = one.registration.tare_g + one.target_g - 1_100
        yield self._at(10 * HOUR_MS, self._out(one, "H-V16"))
        yield self._at(11 * HOUR_MS, self._handed_over(one, "H-V16", customer, weight_g=light_g))

    def gas(self) -> Iterator[Past]:
        """F11 four tonnes that no fill accounts for; F12 numbers of a scale's counter that never came."""
        self._sower.alert("F11", "tank_lot:H-T1")
        lot: dict[str, Any] = {
            "site": self._station.site, "tank": "H-TK", "received_g": 5_000_000, "supplier_permit": permit_of("SY"),
            "odorant_certificate": True, "dme_permille": 0, "status": "released",
        }  # fmt: skip
        lots = (
            self._clerk.make(c.FileTankLot, tank_lot="H-T1", includes=None, **lot),
            self._clerk.make(c.FileTankLot, tank_lot="H-T2", includes="H-T1", remainder_g=1_000_000, **lot),
        )
        yield Past(_FIRST_MS + 9 * HOUR_MS, f"office:{self._station.enterprise}", lots)
        self._sower.alert("F12", "line:H-F12")
        yield self._at(9 * HOUR_MS, self._fill(self._one(), "H-F12"))
        self._lines["H-F12"] += 3
        yield self._at(9 * HOUR_MS, self._fill(self._one(), "H-F12"))

    def supply(self) -> Iterator[Past]:
        """F21 a leak mended and re-checked, and nobody resumes what was suspended for it."""
        depot, customer = next(one for one in DEPOTS if one.site == "TC-D3"), self._sower.customer("TC-D3")
        self._sower.alert("F21", f"premises:{customer.premises}")
        courier = Courier(self._clerk, depot, depot.workers[0])
        leak = courier.open_hazard(customer, c.CheckItem.LEAK, grade="place", major=True)
        suspended = self._clerk.make(
            c.SuspendSupply, premises=customer.premises, enterprise=depot.enterprise, cause="hazard",
            hazards=(leak.claim_id,),
        )  # fmt: skip
        seen = courier.recheck(leak, depot.workers[1].person)
        office = f"office:{depot.enterprise}"
        yield Past(_FIRST_MS + 3 * HOUR_MS, office, (leak, suspended))
        yield Past(_FIRST_MS + 6 * HOUR_MS, office, (courier.rectify(leak), seen))

    def _one(self, kind: str = "", state: str = State.FIT) -> CityCylinder:
        """A cylinder that nobody has had yet; an alert of that kind is to be about it."""
        own = self._station.enterprise
        one = self._sower.cylinder(state, owner=own, model="" if state == State.OVERDUE else "YSP35.5")
        if kind:
            self._sower.alert(kind, f"cylinder:{one.registration.cylinder}")
        return one

    def _id(self) -> str:
        return self._clerk.ids.new(self._clerk.at_ms)

    def _at(self, after_ms: int, *claims: c.AnyClaim) -> Past:
        return Past(_FIRST_MS + after_ms, self._desk, claims)

    def _make(self, act: type[Any], one: CityCylinder, **fields: Any) -> Any:  # noqa: ANN401 - a claim's own fields
        return self._clerk.make(act, code=one.code, site=self._station.site, **fields)

    def _fill(
        self, one: CityCylinder, line: str, *, start_g: int | None = None, person: str | None = None
    ) -> c.CompleteFill:
        """A fill that nobody asked leave for. Each line here counts its own fills."""
        self._lines[line] = number = self._lines.get(line, 0) + 1
        tare_g = one.registration.tare_g
        filled: c.CompleteFill = self._make(
            c.CompleteFill, one, line=line, person=person or self._station.filler, authorisation=self._id(),
            tank_lot=self._station.lot, start_weight_g=tare_g + 300 if start_g is None else start_g,
            end_weight_g=tare_g + one.target_g, scale_seq=number,
        )  # fmt: skip
        return filled

    def _fill_and_empty(
        self, one: CityCylinder, line: str, *, start_g: int | None = None
    ) -> tuple[c.AnyClaim, c.AnyClaim]:
        tare_g = one.registration.tare_g
        emptied = self._make(
            c.ExtractResidue, one, person=self._station.checker, extracted_g=one.target_g, weight_g=tare_g
        )
        return self._fill(one, line, start_g=start_g), emptied

    def _check(self, one: CityCylinder, **fields: Any) -> c.CheckPrefill:  # noqa: ANN401 - a claim's own fields
        checked_now: c.CheckPrefill = self._make(c.CheckPrefill, one, person=self._station.filler, **fields)
        return checked_now

    def _alone(self, one: CityCylinder, person: str) -> tuple[c.AnyClaim, ...]:
        weight_g = one.registration.tare_g + one.target_g
        return (
            self._make(c.CheckPrefill, one, person=person),
            self._fill(one, "H-F14", person=person),
            self._make(c.CheckPostfill, one, person=person, weight_g=weight_g),
        )

    def _inspected(self, one: CityCylinder) -> c.RecordInspection:
        return self._clerk.make(
            c.RecordInspection, code=one.code, site=BODY_SITE, person=TRAINEE, reviewer=REVIEWER,
            inspected_on="2026-03-08", passed=True, report_digest=digest_of(f"report {one.code}"), tare_g=16_500,
        )  # fmt: skip

    def _relabelled(self, one: CityCylinder) -> c.BindCode:
        station = STATIONS[2]
        label = new_code(self._sower, station)
        return self._clerk.make(
            c.BindCode, code=one.code, new_code=label, retires=one.code, person=station.checker,
            second_person=station.filler, photo_digest=digest_of(f"label {label}"), cause=c.Cause.LABEL_LOST,
        )  # fmt: skip

    def _out(self, one: CityCylinder, vehicle: str) -> c.DepotOut:
        gone: c.DepotOut = self._make(
            c.DepotOut, one, person=self._station.filler, vehicle=vehicle, purpose=c.Purpose.TRANSFER
        )
        return gone

    def _handed_over(self, one: CityCylinder, vehicle: str, to: Customer, **fields: Any) -> c.HandOver:  # noqa: ANN401
        return self._clerk.make(
            c.HandOver, code=one.code, person=self._station.courier, vehicle=vehicle, customer=to.customer,
            premises=to.premises, position="outdoor", check=checked(to), confirmation=confirmed(to), done=True,
            **fields,
        )  # fmt: skip
