"""The interlock: one authorisation opens one valve at most once, whatever crashes when.

    consume durably ─▶ permit coil, once ─▶ sequence +1: it opened ─▶ StartFill ─▶ closed ─▶ Complete- or InterruptFill
         └ crash ──────────┴──────────────────────┴──── recover: `_settle`, the same code, reads what happened ────┘

What is known after a crash comes from two durable counters: the outbox's row (authorisation, the scale's sequence
number before) and the scale's own sequence, which moves when the valve opens and outlives a power cut. Equal: it never
opened. One more: it opened once, and the scale says how that ended. Anything else: the count is lost, and that is
reported. Nothing here ever writes the permit a second time.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from msgspec import Struct
from msgspec import json as mjson

from ledger.claim import AnyClaim, Cause, CompleteFill, InterruptFill, StartFill
from scanners.claim_id import ClaimIds
from scanners.faults import ScaleFault, ScaleSilent, StationFault
from scanners.outbox import Consumed, FillState, Outbox
from scanners.scale import Scale, ScaleState

# The scale's `result` register (`scanners.registers`).
_AT_TARGET = 1
_CAUSES = {2: Cause.POWER_CUT, 3: Cause.POWER_CUT, 4: Cause.OPERATOR_STOP}

Report = Callable[[Sequence[AnyClaim], tuple[str, FillState]], Awaitable[None]]


class Leave(Struct, frozen=True):
    """A granted authorisation: `claim_id` is the AuthoriseFill's; `start_by` ms UTC; `target_g` gross."""

    claim_id: str
    code: str
    site: str
    line: str
    person: str
    tank_lot: str
    start_by: int
    target_g: int


class Fill(Struct, frozen=True):
    """What the outbox keeps of a fill before the valve can move. `sequence` is the scale's, before."""

    leave: Leave
    start_weight_g: int
    sequence: int
    consumed_at: int


class Ending(Struct, frozen=True):
    """How an authorisation ended. `late` and `unused`: the valve never opened, and there is nothing to report."""

    kind: Literal["completed", "interrupted", "unused", "late"]
    leave: Leave
    weight_g: int


class Valve:
    """One filling line's valve. Times from `clock` (ms UTC); `poll_s`, `beat_s` and the waits are real seconds."""

    def __init__(
        self,
        line: str,
        scale: Scale,
        outbox: Outbox,
        *,
        report: Report,
        clock: Callable[[], int],
        ids: ClaimIds,
        on_opened: Callable[[Leave], None],
        on_fault: Callable[[StationFault], None],
        poll_s: float = 0.2,
        beat_s: float = 0.5,
        opens_within_s: float = 2.0,
    ) -> None:
        self._line, self.scale = line, scale
        self.stopped = False
        self._outbox, self._report, self._clock, self._ids = outbox, report, clock, ids
        self._on_opened, self._on_fault = on_opened, on_fault
        self._poll_s, self._beat_s, self._opens_within_s = poll_s, beat_s, opens_within_s

    async def stop(self) -> None:
        """Shut the valve now, and let nothing under way open it; ScaleFault when the scale does not hear.

        The flag first, the permit after: a fill that has not asked for its permit yet sees the flag, and one that has
        is ahead of us on the same wire. Set `stopped` to False to fill again.
        """
        self.stopped = True
        await self.scale.withdraw()

    async def fill(self, leave: Leave) -> Ending:
        """Fill once under this leave and report it; AlreadyConsumed, ScaleFault before anything opened."""
        state = await self.scale.state()
        if state.valve_open or await self.scale.permitted():
            raise ScaleFault(
                "充装阀未关闭或许可未复位，请检查充装秤", "the valve is open or a permit stands; check the scale"
            )
        # A crash after the set-point leaves a closed valve with a set-point: nothing happened.
        await self.scale.prepare(leave.target_g, int(leave.claim_id[-8:], 16))
        if self._clock() > leave.start_by:
            return Ending("late", leave, state.weight_g)
        fill = Fill(leave, state.weight_g, state.sequence, self._clock())
        # Before this line returns, a crash leaves no row: the leave lapses unused, the valve is shut.
        await asyncio.to_thread(
            self._outbox.consume, Consumed(leave.claim_id, leave.line, leave.code, mjson.encode(fill), "consumed")
        )
        # From here on a crash leaves the row `consumed`: no restart opens under this leave, recovery reads the scale.
        late = self._clock() > leave.start_by
        if late or self.stopped:
            # The disk was slower than the leave is long, or somebody cried stop: still shut, so it is given up.
            await asyncio.to_thread(self._outbox.settle, leave.claim_id, "unused")
            return Ending("late" if late else "unused", leave, state.weight_g)
        try:
            # A crash in here may leave the valve open: the heartbeat stops, the scale closes it, recovery reports it.
            await self.scale.permit_once()
        except ScaleSilent as fault:
            # It may have arrived or not. Asking again could open twice, so only the scale's sequence is asked.
            self._on_fault(fault)
        return await self._settle(fill, started=False, grace_s=self._opens_within_s)

    async def recover(self) -> list[Ending]:
        """Settle what a crash left open on this line; returns when the scale has told. Run before the first scan."""
        endings = []
        for row in await asyncio.to_thread(self._outbox.unsettled, self._line):
            fill = mjson.decode(row.fill, type=Fill)
            endings.append(await self._settle(fill, started=row.state == "started", grace_s=0.0))
        return endings

    async def _settle(self, fill: Fill, *, started: bool, grace_s: float) -> Ending:
        """Follow a consumed authorisation to its end, from whatever point: the normal way and recovery are one."""
        give_up_at, beat_at, withdrawn = time.monotonic() + grace_s, 0.0, False
        while True:
            try:
                state = await self.scale.state()
                if state.sequence == fill.sequence:
                    if withdrawn:
                        return await self._unused(fill, state)
                    if time.monotonic() >= give_up_at:
                        # Shut for good first, then look once more: it may have opened between two looks.
                        await self.scale.withdraw()
                        withdrawn = True
                    else:
                        await asyncio.sleep(self._poll_s)
                    continue
                if state.sequence != fill.sequence + 1:
                    return await self._ended(fill, state, Cause.SCALE_FAULT)
                if not started:
                    # A crash before this is durable: recovery finds 'consumed' and sequence +1, and reports it then.
                    await self._started(fill)
                    started = True
                if not state.valve_open:
                    # A crash before the ending is durable: recovery reads the same latched figures again.
                    return await self._ended(fill, state, self._cause(fill, state))
                if time.monotonic() >= beat_at:
                    # The heartbeat lives in the loop that watches the weight: if this hangs, the scale shuts the valve.
                    await self.scale.beat()
                    beat_at = time.monotonic() + self._beat_s
            except ScaleFault as fault:
                self._on_fault(fault)
            await asyncio.sleep(self._poll_s)

    def _cause(self, fill: Fill, state: ScaleState) -> Cause | None:
        """Why the valve closed early; None when the fill is done."""
        if state.result is None:
            done = self._end_weight(state) >= fill.leave.target_g - self.scale.registers.tolerance_g
            return None if done else Cause.SCALE_FAULT
        return None if state.result == _AT_TARGET else _CAUSES.get(state.result, Cause.SCALE_FAULT)

    @staticmethod
    def _end_weight(state: ScaleState) -> int:
        return state.weight_g if state.end_weight_g is None else state.end_weight_g

    async def _unused(self, fill: Fill, state: ScaleState) -> Ending:
        await asyncio.to_thread(self._outbox.settle, fill.leave.claim_id, "unused")
        return Ending("unused", fill.leave, state.weight_g)

    async def _started(self, fill: Fill) -> None:
        leave = fill.leave
        claim = StartFill(
            claim_id=self._ids.new(),
            scanned_at=fill.consumed_at,
            code=leave.code,
            site=leave.site,
            line=leave.line,
            person=leave.person,
            authorisation=leave.claim_id,
            start_weight_g=fill.start_weight_g,
        )
        await self._report([claim], (leave.claim_id, "started"))
        self._on_opened(leave)

    async def _ended(self, fill: Fill, state: ScaleState, cause: Cause | None) -> Ending:
        leave = fill.leave
        end_g = self._end_weight(state)
        if cause is None:
            done = CompleteFill(
                claim_id=self._ids.new(),
                scanned_at=self._clock(),
                code=leave.code,
                site=leave.site,
                line=leave.line,
                person=leave.person,
                authorisation=leave.claim_id,
                tank_lot=leave.tank_lot,
                start_weight_g=fill.start_weight_g if state.start_weight_g is None else state.start_weight_g,
                end_weight_g=end_g,
                scale_seq=state.sequence,
            )
            await self._report([done], (leave.claim_id, "completed"))
            return Ending("completed", leave, end_g)
        stopped = InterruptFill(
            claim_id=self._ids.new(),
            scanned_at=self._clock(),
            code=leave.code,
            site=leave.site,
            line=leave.line,
            person=leave.person,
            authorisation=leave.claim_id,
            weight_g=end_g,
            cause=cause,
        )
        await self._report([stopped], (leave.claim_id, "interrupted"))
        return Ending("interrupted", leave, end_g)
