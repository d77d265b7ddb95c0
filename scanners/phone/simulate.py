"""Many phones in one process, each the very phone that a worker carries: only hands, lines and clocks are played."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from msgspec import json as mjson

from ledger import claim as c
from ledger.entry import Answer
from ledger.events import Refusal
from scanners.config import load_key
from scanners.faults import Misconfigured, Offline, PutAside, StationFault
from scanners.phone.bad_line import BadLine
from scanners.phone.phone import Phone, PhoneConfig
from scanners.phone.plan import Errand, PhonePlan, PhonesPlan
from scanners.results import Result, Summary, result_of, summarise

_PATIENCE_S = 180.0
_errands = mjson.Decoder(Errand)


class _InHand(Struct):
    """One phone at work: its line, its clock's error (ms) by now, its errands."""

    phone: Phone
    line: BadLine
    skew_ms: list[int]
    errands: asyncio.Queue[Errand | None]


class Phones:
    """The phones of a plan. `emit` gets each result as it comes."""

    def __init__(self, plan: PhonesPlan, emit: Callable[[Result], None]) -> None:
        self._plan, self._emit = plan, emit
        self._results: list[Result] = []
        self._tags: dict[str, str] = {}
        self._begun = 0

    async def run(self, lines: AsyncIterator[bytes]) -> Summary:
        """Do the errands that `lines` tell of, until they end and every act is answered or set aside."""
        started_at = time.monotonic()
        in_hand = {one.phone: await self._take(one) for one in self._plan.phones}
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(one.phone.run()) for one in in_hand.values()]
            work = [tasks.create_task(self._work(one)) for one in in_hand.values()]
            async for line in lines:
                errand = _errand(line)
                if errand.phone not in in_hand:
                    raise Misconfigured(f"计划中没有手机 {errand.phone}", f"the plan has no phone {errand.phone}")
                in_hand[errand.phone].errands.put_nowait(errand)
            for one in in_hand.values():
                one.errands.put_nowait(None)
            await asyncio.gather(*work)
            bundles = [one.phone.outbox.count() for one in in_hand.values()]
            for task in running:
                task.cancel()
        for one in in_hand.values():
            await one.line.close()
        states = {state: sum(counts.get(state, 0) for counts in bundles) for state in ("pending", "set_aside")}
        seconds = time.monotonic() - started_at
        return summarise(self._results, cylinders=self._begun, bundles=states, most_openings=0, seconds=seconds)

    async def _take(self, plan: PhonePlan) -> _InHand:
        server = urlsplit(self._plan.url)
        assert server.hostname is not None
        line = BadLine(server.hostname, server.port or 80)
        skew_ms = [plan.clock_skew_ms]
        phone = Phone(
            # A busy machine is slow, and no bad line.
            PhoneConfig(
                await line.start(), self._plan.log, plan.outbox, answer_within_s=_PATIENCE_S, probe_s=_PATIENCE_S
            ),
            load_key(Path(plan.key_file)),
            clock=lambda: self._plan.time.at(time.time_ns() // 1_000_000) + sum(skew_ms),
            on_answer=self._answered,
            on_fault=self._fault,
        )
        return _InHand(phone, line, skew_ms, asyncio.Queue())

    async def _work(self, hand: _InHand) -> None:
        while (errand := await hand.errands.get()) is not None:
            self._begun += 1
            hand.skew_ms[1:] = [errand.clock_skew_ms]
            hand.line.cut(down=errand.line == "down")
            await self._do(hand, errand)
            hand.line.cut(down=False)
            if errand.line != "up" or errand.clock_skew_ms:
                await hand.phone.sender.drained.wait()
        await asyncio.wait_for(hand.phone.sender.drained.wait(), _PATIENCE_S)

    async def _do(self, hand: _InHand, errand: Errand) -> None:
        for act in errand.acts:
            self._tags[act.claim_id] = errand.tag
            hand.line.lose = 1 if errand.line == "lossy" else 0
            try:
                answer = await hand.phone.do(act)
            except (Offline, PutAside):
                self._tell(Result(errand.tag, c.act_of(act), act.claim_id, "fault", code=getattr(act, "code", "")))
                return
            if answer is not None and isinstance(answer.outcome, Refusal) and not errand.insist:
                return
            if errand.line != "down":
                # Hands are slower than a line: what was told is heard before the next act is begun.
                await hand.phone.sender.drained.wait()

    def _answered(self, claims: Sequence[c.AnyClaim], answers: list[Answer]) -> None:
        for claim, answer in zip(claims, answers, strict=True):
            self._tell(result_of(self._tags[claim.claim_id], claim, answer))

    def _fault(self, fault: StationFault) -> None:
        """A line that is down is part of the play; what is set aside is counted at the end."""

    def _tell(self, result: Result) -> None:
        self._results.append(result)
        self._emit(result)


def _errand(line: bytes) -> Errand:
    try:
        return _errands.decode(line)
    except msgspec.DecodeError as error:
        raise Misconfigured(f"任务有误：{error}", f"not an errand: {error}") from error
