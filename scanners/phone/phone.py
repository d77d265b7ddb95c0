"""The phone of a delivery worker: acts are signed once, kept until they are answered, and sent in order.

Reports are durable when they are made and are sent when there is a line. Loading needs the ledger's leave, so it waits
for a line. A hand-over asks leave where there is a line; where there is none it is told as done, and judged later.
Its clock may be wrong: what it shows at sending goes beside the bundle, unsigned, and the ledger puts times right.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
from msgspec import Struct, structs

from ledger import claim as c
from ledger.bundle import PrivateKey
from ledger.entry import Answer
from ledger.note_key import NoteKey
from scanners.claim_id import ClaimIds
from scanners.faults import StationFault
from scanners.outbox import Outbox
from scanners.sender import Sender
from scanners.sight import Sight

Act = (
    c.LoadVehicle
    | c.UnloadVehicle
    | c.HandOver
    | c.CollectCylinder
    | c.NotDelivered
    | c.RemoveInEmergency
    | c.ReportLost
    | c.ReportFound
    | c.CheckPremises
    | c.OpenHazard
    | c.EscalateHazard
    | c.RectifyHazard
    | c.RecheckHazard
    | c.CountPremises
)
"""What a delivery worker says."""


class PhoneConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """The server, the log's origin and the keys that sign its checkpoints, the outbox's file; one phone, one outbox.

    `probe_s`: so long it waits for a sign of life before it takes a hand-over to be without a line.
    """

    url: str
    log: c.Origin
    outbox: str
    log_keys: tuple[NoteKey, ...] = ()
    answer_within_s: float = 30.0
    probe_s: float = 3.0


class Phone:
    """One phone. Run `run()` as a task. `clock`: its own, ms UTC, right or wrong; `ids` makes its claims' ids.

    `on_answer(claims, answers)` hears of every answer, also of acts told long ago; `on_fault` of what goes wrong.
    """

    def __init__(
        self,
        config: PhoneConfig,
        key: PrivateKey,
        *,
        clock: Callable[[], int],
        on_answer: Callable[[Sequence[c.AnyClaim], list[Answer]], None],
        on_fault: Callable[[StationFault], None],
    ) -> None:
        self._config, self._clock = config, clock
        self.ids = ClaimIds(clock)
        self.outbox = Outbox(Path(config.outbox), log=config.log, key=key)
        self.sender = Sender(
            config.url, self.outbox, device_time=lambda _: clock(), on_answer=on_answer, on_fault=on_fault
        )
        self._sight = Sight(
            config.url,
            config.log,
            config.log_keys,
            self.outbox,
            has_line=lambda: not self.sender.offline,
            on_fault=on_fault,
        )
        self._probe = httpx.AsyncClient(base_url=config.url, timeout=config.probe_s, trust_env=False)

    async def run(self) -> None:
        """Send, and look at the log, until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.sender.run())
                tasks.create_task(self._sight.run())
        finally:
            await self._sight.close()
            await self.sender.close()
            await self._probe.aclose()
            self.outbox.close()

    async def do(self, act: Act) -> Answer | None:
        """Say that this happens now. The answer of a request; None for what is told, whose answer comes later.

        Offline: leave is needed and there is no line, or no answer came in time. A request that was sent stays in the
        outbox and may yet be granted, so nobody signs it a second time as done.
        """
        act = structs.replace(act, scanned_at=self._clock())
        if isinstance(act, c.HandOver) and not act.done and not await self._has_line():
            act = structs.replace(act, done=True)
        if not c.is_request(act):
            _ = await self.sender.submit([act])
            return None
        (answer,) = await self.sender.ask([act], within_s=self._config.answer_within_s)
        return answer

    async def _has_line(self) -> bool:
        if self.sender.offline:
            return False
        try:
            alive = (await self._probe.get("/health")).is_success
        except httpx.HTTPError:
            return False
        # Meanwhile a report may have met silence.
        return alive and not self.sender.offline
