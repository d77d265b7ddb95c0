"""The station agent: guns, scales, outbox and sender, put together. It never decides and never invents.

Reports are durable when they are made and are sent when there is a line. Requests need the ledger's answer: offline,
filling waits. What a crash left open on a line is settled before that line takes its first scan. Now and then it looks
at the log's published checkpoint, and each bundle says which it has seen.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from ledger.bundle import PrivateKey
from ledger.claim import AnyClaim
from ledger.entry import Answer
from scanners.claim_id import ClaimIds
from scanners.config import GunConfig, StationConfig
from scanners.desk import Desk, Hands
from scanners.gun import Gun
from scanners.line import FillPost
from scanners.orders import parse_order
from scanners.outbox import FillState, Outbox, Stored
from scanners.repeats import Repeats
from scanners.rows import RowPost
from scanners.scale import Scale
from scanners.screen import Shown, alarm
from scanners.sender import Sender
from scanners.sight import Sight

Post = RowPost | FillPost
Answered = Callable[[Sequence[AnyClaim], list[Answer]], None]


def _unheard(_claims: Sequence[AnyClaim], _answers: list[Answer]) -> None:
    """The posts show answers by themselves; only a simulation listens to all of them."""


class Station:
    """One station's agent. `clock` ms UTC; `show` and `on_answer` are told what happens and must be quick.

    `device_time(bundle)`: the clock at sending, for a simulation of a device whose clock is wrong.
    """

    def __init__(
        self,
        config: StationConfig,
        key: PrivateKey,
        *,
        clock: Callable[[], int],
        show: Callable[[Shown], None],
        on_answer: Answered = _unheard,
        device_time: Callable[[Stored], int] | None = None,
    ) -> None:
        self.config, self.clock, self.show = config, clock, show
        self.ids = ClaimIds(clock)
        self.outbox = Outbox(Path(config.outbox), log=config.log, key=key)
        self.sender = Sender(
            config.url,
            self.outbox,
            device_time=device_time or (lambda _: clock()),
            on_answer=on_answer,
            on_fault=lambda fault: show(alarm("line", fault)),
        )
        self.sight = Sight(
            config.url,
            config.log,
            config.log_keys(),
            self.outbox,
            has_line=lambda: not self.sender.offline,
            on_fault=lambda fault: show(alarm("log", fault)),
        )
        self.ready = asyncio.Event()
        self.guns: dict[str, Gun] = {}
        self.posts: dict[str, Post] = {}
        self._scales = {scale.line: Scale(scale.host, scale.port, scale.registers) for scale in config.scales}

    async def run(self) -> None:
        """Work until cancelled. `ready` is set when all guns listen; `guns` then tells their ports."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.sender.run())
                tasks.create_task(self.sight.run())
                desk = Desk(
                    self.config.site,
                    self.clock,
                    self.ids,
                    self.outbox,
                    self.sender,
                    self.show,
                    self.config.answer_within_s,
                    tasks.create_task,
                )
                for number, gun_config in enumerate(self.config.guns):
                    name = gun_config.post if gun_config.scale is None else f"{gun_config.post}:{gun_config.scale}"
                    if name in self.posts:
                        name = f"{name}#{number + 1}"  # a second gun of the same kind is a post of its own
                    gun = Gun(gun_config.host, gun_config.port, idle_gap_ms=gun_config.idle_gap_ms)
                    await gun.start()
                    self.guns[name], self.posts[name] = gun, self._post(name, gun_config, desk)
                    tasks.create_task(self._serve(gun, self.posts[name]))
                self.ready.set()
        finally:
            await self._stop()

    async def finish(self) -> None:
        """Wait until no fill is under way and every row is answered."""
        for post in self.posts.values():
            await post.finish()

    async def report(self, claims: Sequence[AnyClaim], settles: tuple[str, FillState]) -> None:
        """Store a report and what it settles; durable when this returns, sent when there is a line."""
        _ = await self.sender.submit(claims, settles=settles)

    def _post(self, name: str, gun: GunConfig, desk: Desk) -> Post:
        crew = self.config.crew
        person = crew.checker if gun.post == "postfill" else crew.person
        hands = Hands(person, crew.vehicle, crew.tank_lot)
        scale = None if gun.scale is None else self._scales[gun.scale]
        if gun.post != "fill":
            return RowPost(name, gun.post, desk, hands, scale)
        assert gun.scale is not None
        assert scale is not None
        poll_s = self.config.poll_s
        return FillPost(name, gun.scale, desk, hands, scale=scale, report=self.report, poll_s=poll_s)

    async def _serve(self, gun: Gun, post: Post) -> None:
        if isinstance(post, FillPost):
            post.recover()
        repeats = Repeats()
        async for reading in gun.readings():
            order = parse_order(reading)
            if order == "unknown":
                self.show(Shown(post.name, "fault", "red", "指令无法识别", "no such order"))
            elif order is not None:
                if order.verb == "CLOSE":
                    repeats.forget()
                await post.order(order)
            elif not repeats.is_repeat(reading, self.clock()):
                await post.scan(reading)

    async def _stop(self) -> None:
        for gun in self.guns.values():
            await gun.close()
        for post in self.posts.values():
            await post.shut()
        await self.sight.close()
        await self.sender.close()
        self.outbox.close()
