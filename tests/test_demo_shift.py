"""The whole day in one process, without server, agent or database: every planted violation meets its rule, and nothing
else meets any. The people here do what the agent's people do (scanners/people.py), by the shortest way."""

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec import structs

from api.demo.city import MINUTE_MS, ORIGIN, SHIFT_AT_MS, STATIONS, Station, build_city
from api.demo.city_filings import opening
from api.demo.city_signers import ClaimIds
from api.demo.clerk import Clerk
from api.demo.errand import Errand
from api.demo.office import referring, said
from api.demo.plan import Script, Seen
from api.demo.plant import Deed, Haul
from api.demo.plant_day import plan_day
from api.demo.report import compare
from api.demo.town import all_waves
from ledger import claim as c
from ledger import events as e
from ledger.bundle import _encoder as encoder
from ledger.decide import decide
from ledger.entry import Entry, encode_entry, leaf_hash
from ledger.reading import parse_reading
from ledger.replay import next_link
from ledger.signals.alerts import alerts_of
from ledger.world import World, subject_of

CUSTOMERS = 1_200
"""Enough for every round of the day; a whole city has more."""


class Day:
    """An in-memory log by a clock of its own, and everybody who speaks to it."""

    def __init__(self, seed: int) -> None:
        self.city = build_city(seed, CUSTOMERS)
        self.planting = plan_day(self.city)
        self.world = World(ORIGIN)
        self.ids = ClaimIds(random.Random(seed))
        self.now = 0
        self.seen: list[Seen] = []
        self.entries: list[Entry] = []

    def tell(self, signer: str, claim: c.AnyClaim, *, offset: int = 0) -> e.Outcome:
        signer_id = self.city.signers[signer].id
        outcome = decide(self.world, claim, self.now, signer=signer_id, clock_offset_ms=offset)
        subject = subject_of(self.world, claim, signer_id, outcome)
        seq, prev = next_link(self.world.head_of(subject))
        entry = Entry(
            v=1, log=ORIGIN, recorded_at=self.now, clock_offset_ms=offset, subject=subject, subject_seq=seq,
            subject_prev=prev, signer=signer_id, device_seq=0, device_chain="first", bundle="0" * 64, position=0,
            pack="320600@1", claim=encoder.encode(claim).decode(), outcome=outcome,
        )  # fmt: skip
        self.world.fold(entry, claim, leaf_hash(encode_entry(entry)).hex())
        self.entries.append(entry)
        return outcome

    def found(self) -> None:
        clerk = Clerk(self.ids, SHIFT_AT_MS - 9 * 86_400_000)
        self.now = clerk.at_ms
        self.tell("authority", opening(self.city, clerk))
        for wave in all_waves(self.city, self.planting, clerk):
            self.now = wave.at_ms
            for claim in wave.claims:
                outcome = self.tell(wave.signer, claim)
                assert not isinstance(outcome, e.Refusal), (claim, outcome)
        self.now = SHIFT_AT_MS

    def do(self, deeds: Sequence[Deed]) -> None:
        for deed in deeds:
            last = {code: self.world.cylinders[use.cylinder].entry_index for code, use in self.world.codes.items()}
            while True:
                claim = referring(deed, last, claim_id=self.ids.new(self.now), at_ms=self.now)
                outcome = self.tell(deed.signer, claim)
                if deed.manner != "until_challenged" or challenged(outcome):
                    break
            word, rules = said(outcome)
            self.seen.append(Seen(deed.tag, c.act_of(claim), word, rules))


def challenged(outcome: e.Outcome) -> bool:
    return isinstance(outcome, e.PrefillChecked) and outcome.challenged


class People:
    """One script at one station."""

    def __init__(self, day: Day, station: Station, script: Script) -> None:
        self.day, self.station, self.script = day, station, script
        assert script.reading is not None
        self.code = str(parse_reading(script.reading, salt=bytes(8)))
        self.filler = script.person or station.filler
        self.line = script.line or station.good_lines()[0]
        self.weight_g = script.tare_g + script.target_net_g + script.overfill_g

    def say(self, act: type[Any], **fields: Any) -> Any:
        day, skew = self.day, self.script.clock_skew_ms
        day.now += 2_000
        claim = act(
            claim_id=day.ids.new(day.now), scanned_at=day.now + skew, code=self.code, site=self.station.site, **fields
        )
        outcome = day.tell(f"agent:{self.station.site}", claim, offset=-skew)
        word, rules = said(outcome)
        day.seen.append(Seen(self.script.tag, c.act_of(claim), word, rules))
        red = isinstance(outcome, e.Refusal | e.PrefillFailed | e.PostfillFailed)
        return None if red and not self.script.insist else (claim, outcome)

    def play(self) -> None:
        script = self.script
        if not script.skip_prefill and not self.check():
            return
        if not self.fill() or script.stop_after == "fill":
            return
        checker = self.station.filler if script.same_person_postcheck else self.station.checker
        if not script.skip_postcheck and not self.say(c.CheckPostfill, person=checker, weight_g=self.weight_g):
            return
        if not self.say(c.ReleaseCylinder, person=self.station.filler, seal=script.seal):
            return
        if script.stop_after == "release":
            return
        vehicle = self.station.vehicle
        self.say(c.DepotOut, person=self.station.filler, vehicle=vehicle, purpose=c.Purpose.SALE)

    def check(self) -> bool:
        """The pre-check, with the stamp where it is keyed unasked or asked for; whether it was green."""
        script, tail = self.script, None if self.script.serial is None else self.script.serial[-4:]
        plain: dict[str, Any] = {"person": self.station.filler, "failed_items": script.failed_items}
        told = self.say(c.CheckPrefill, **plain, stamp_tail=tail if script.key_stamp else None)
        if told is not None and challenged(told[1]):
            told = self.say(c.CheckPrefill, **plain, stamp_tail=tail)
        return told is not None

    def fill(self) -> bool:
        script = self.script
        leave, scale_set_g = self.authorise(None)
        if leave is None:
            return False
        lines = [line.line for line in self.station.lines]
        line = next(other for other in lines if other != self.line) if script.wrong_line else self.line
        at: dict[str, Any] = {"line": line, "person": self.filler, "authorisation": leave}
        start_g = script.tare_g + script.residual_g
        self.day.now += script.late_start_s * 1_000
        if script.interrupt_at_g is not None:
            self.say(c.StartFill, **at, start_weight_g=start_g)
            cut_g = script.tare_g + script.interrupt_at_g
            self.say(c.InterruptFill, **at, weight_g=cut_g, cause=c.Cause.POWER_CUT)
            at["authorisation"], scale_set_g = self.authorise(leave)
        self.weight_g = scale_set_g or self.weight_g
        lot = script.tank_lot or self.station.lot
        for _ in range(2 if script.reuse_authorisation else 1):
            self.say(c.StartFill, **at, start_weight_g=start_g)
            self.day.now += 40_000
            self.say(
                c.CompleteFill, **at, tank_lot=lot, start_weight_g=start_g, end_weight_g=self.weight_g, scale_seq=1
            )
        return True

    def authorise(self, continues: str | None) -> tuple[str | None, int | None]:
        """The leave's id, and the gross weight that the scale will stop at (None for a tampered one)."""
        if self.script.no_authorisation:
            return self.day.ids.new(self.day.now), None
        net_g = self.script.residual_g if continues is None else self.script.interrupt_at_g or 0
        asked = self.say(
            c.AuthoriseFill, line=self.line, person=self.filler, continues=continues,
            tank_lot=self.script.tank_lot or self.station.lot, start_weight_g=self.script.tare_g + net_g,
        )  # fmt: skip
        if asked is None or isinstance(asked[1], e.Refusal):
            return None, None
        claim, granted = asked
        return claim.claim_id, granted.tare_g + granted.target_net_g + self.script.overfill_g


def ride(day: Day, errand: Errand) -> None:
    """What a phone does (scanners/phone), without its line."""
    for act in errand.acts:
        day.now += 1_000
        claim: Any = structs.replace(act, scanned_at=day.now + errand.clock_skew_ms)
        if errand.line == "down" and isinstance(claim, c.HandOver):
            claim = structs.replace(claim, done=True)
        outcome = day.tell(errand.phone, claim, offset=-errand.clock_skew_ms)
        word, rules = said(outcome)
        day.seen.append(Seen(errand.tag, c.act_of(claim), word, rules))
        if isinstance(outcome, e.Refusal) and not errand.insist:
            return


def play(day: Day) -> None:
    planting = day.planting
    day.found()
    day.do(planting.at("opening"))
    for errand in (*planting.errands_of("TC"), *planting.errands_of("WZ")):
        ride(day, errand)
    insured = False
    for run in planting.runs:
        station = next(one for one in STATIONS if one.site == run.site)
        day.do(run.before)
        if run.before and not insured:
            for errand in planting.errands_of("JH"):
                ride(day, errand)
            insured = True
        for script in run.scripts:
            People(day, station, script).play()
        haul_away(day, [planting.hauls[script.tag] for script in run.scripts if script.tag in planting.hauls])
    for moment in ("midday", "closing"):
        day.do(planting.at(moment))
    day.tell("authority", Clerk(day.ids, day.now).make(c.OpenIncident, incident="SG-1", sites=(planting.bang.depot,)))
    day.do(planting.at("incident"))


def haul_away(day: Day, hauled: Sequence[Haul]) -> None:
    """By truck, eleven minutes there and back."""
    day.now += 11 * MINUTE_MS
    for haul in hauled:
        day.do([haul.taken])
        ride(day, haul.errand)
        day.do(haul.sent[:1])
    day.now += 11 * MINUTE_MS
    day.do([deed for haul in hauled for deed in haul.sent[1:]])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_planted_violation_meets_its_rule_and_nothing_else_meets_any(seed):
    day = Day(seed)
    play(day)
    verdict = compare(day.planting, day.seen)
    assert verdict.missed == []
    assert verdict.wrongly_refused == []
    assert verdict.found == verdict.planted
    raised = Counter((one.kind, one.key) for one in alerts_of(day.entries))
    assert raised == Counter(day.planting.alerts)


def test_most_of_the_shift_is_honest_and_goes_all_the_way():
    day = Day(9)
    scripts = sum(len(run.scripts) for run in day.planting.runs)
    assert scripts > 350
    assert len(day.planting.through) > scripts * 0.5
