"""A tampered agent: the same key and outbox, but past gun, scale and interlock. What the ledger must see through."""

import asyncio
from collections.abc import Callable
from typing import TypedDict

from msgspec import Struct

from ledger import claim as c
from ledger.entry import Answer
from ledger.events import FillAuthorised, PrefillChecked, Refusal
from scanners.agent import Station
from scanners.faults import PutAside
from scanners.plan import Plan, Script, Step

_FILL_MS = 90_000
_STEPS = ("prefill", "authorise", "fill", "postfill", "release", "depot_out")


class _Said(TypedDict):
    claim_id: str
    scanned_at: int
    code: str
    site: str


class TamperedAgent(Struct):
    """Plays one script, claim by claim, each its own bundle. `skews` tells the sender a claim's clock error, ms."""

    station: Station
    plan: Plan
    script: Script
    code: str
    line: str
    scale_seq: int
    skews: dict[str, int]
    on_fault: Callable[[c.AnyClaim], None]

    async def play(self) -> None:
        """The whole way, up to `stop_after`; the faults that the script asks for included."""
        if not self.script.skip_prefill and not await self._check():
            return
        if self._reaches("authorise"):
            authorisation = await self._authorise()
            if authorisation is None or not self._reaches("fill"):
                return
            await self._fill(authorisation)
        if self._reaches("postfill") and not self.script.skip_postcheck and not await self._say(self._postfill()):
            return
        if self._reaches("release") and not await self._say(self._release()):
            return
        if self._reaches("depot_out"):
            await self._say(self._depot_out())

    def _reaches(self, step: Step) -> bool:
        return _STEPS.index(step) <= _STEPS.index(self.script.stop_after or "depot_out")

    async def _authorise(self) -> str | None:
        if self.script.no_authorisation:
            return self.station.ids.new()
        claim = c.AuthoriseFill(
            **self._said(),
            line=self.line,
            person=self._filler,
            tank_lot=self.script.tank_lot or self.plan.tank_lot,
            start_weight_g=self.script.tare_g + self.script.residual_g,
        )
        answer = await self._ask(claim)
        granted = answer is not None and isinstance(answer.outcome, FillAuthorised)
        return claim.claim_id if granted or self.script.insist else None

    async def _fill(self, authorisation: str) -> None:
        if self.script.late_start_s:
            await self._pass(self.script.late_start_s * 1_000)
        for _ in range(2 if self.script.reuse_authorisation else 1):
            line = self._other_line if self.script.wrong_line else self.line
            start_g = self.script.tare_g + self.script.residual_g
            start = c.StartFill(
                **self._said(), line=line, person=self._filler, authorisation=authorisation, start_weight_g=start_g
            )
            await self._ask(start)
            await self._pass(_FILL_MS)
            done = c.CompleteFill(
                **self._said(),
                line=line,
                person=self._filler,
                authorisation=authorisation,
                tank_lot=self.script.tank_lot or self.plan.tank_lot,
                start_weight_g=start_g,
                end_weight_g=self._end_weight_g,
                scale_seq=self.scale_seq,
            )
            await self._ask(done)

    async def _check(self) -> bool:
        """The pre-check, and once more with the stamp where that is asked for; whether the script goes on."""
        answer = await self._ask(self._prefill(self.script.stamp_tail if self.script.key_stamp else None))
        if answer is not None and isinstance(answer.outcome, PrefillChecked) and answer.outcome.challenged:
            return await self._say(self._prefill(self.script.stamp_tail))
        return self._goes_on(answer)

    def _prefill(self, stamp_tail: str | None) -> c.CheckPrefill:
        items = self.script.failed_items
        return c.CheckPrefill(**self._said(), person=self.plan.person, failed_items=items, stamp_tail=stamp_tail)

    def _postfill(self) -> c.CheckPostfill:
        person = self._filler if self.script.same_person_postcheck else self.plan.second_person
        items = self.script.postfill_failed
        return c.CheckPostfill(**self._said(), person=person, weight_g=self._end_weight_g, failed_items=items)

    def _release(self) -> c.ReleaseCylinder:
        return c.ReleaseCylinder(**self._said(), person=self.plan.person, seal=self.script.seal)

    def _depot_out(self) -> c.DepotOut:
        return c.DepotOut(**self._said(), person=self.plan.person, vehicle=self.plan.vehicle, purpose=c.Purpose.SALE)

    @property
    def _filler(self) -> str:
        return self.script.person or self.plan.person

    @property
    def _other_line(self) -> str:
        return next((line for line in self.plan.lines if line != self.line), f"{self.line}-2")

    @property
    def _end_weight_g(self) -> int:
        return self.script.tare_g + self.script.target_net_g + self.script.overfill_g

    def _said(self) -> _Said:
        claim_id = self.station.ids.new()
        if self.script.clock_skew_ms:
            self.skews[claim_id] = self.script.clock_skew_ms
        now = self.station.clock() + self.script.clock_skew_ms
        return {"claim_id": claim_id, "scanned_at": now, "code": self.code, "site": self.plan.site}

    async def _say(self, claim: c.AnyClaim) -> bool:
        """Whether the script goes on."""
        return self._goes_on(await self._ask(claim))

    def _goes_on(self, answer: Answer | None) -> bool:
        return self.script.insist or (answer is not None and not isinstance(answer.outcome, Refusal))

    async def _ask(self, claim: c.AnyClaim) -> Answer | None:
        try:
            (answer,) = await (await self.station.sender.submit([claim]))
        except PutAside:
            self.on_fault(claim)
            return None
        return answer

    async def _pass(self, story_ms: int) -> None:
        await asyncio.sleep(story_ms / self.plan.scale / 1_000)
