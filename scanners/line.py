"""The filling post: a scan asks leave, and only the ledger's yes opens the valve."""

import asyncio

from ledger.claim import AuthoriseFill
from ledger.entry import Answer
from ledger.events import FillAuthorised
from scanners.desk import Desk, Hands, code_of
from scanners.faults import StationFault
from scanners.orders import Order
from scanners.scale import Scale
from scanners.screen import Shown, alarm, judge
from scanners.valve import Ending, Leave, Report, Valve

_LIGHTEST_CYLINDER_G = 500  # no registered tare is less (`ledger.claim.RegisterCylinder`)


class FillPost:
    """One filling line (充装秤): one cylinder at a time."""

    def __init__(
        self, name: str, line: str, desk: Desk, hands: Hands, *, scale: Scale, report: Report, poll_s: float
    ) -> None:
        self.name = name
        self._line, self._desk, self._hands = line, desk, hands
        self._valve = Valve(
            line,
            scale,
            desk.outbox,
            report=report,
            clock=desk.clock,
            ids=desk.ids,
            on_opened=self._opened,
            on_fault=self._fault,
            poll_s=poll_s,
        )
        self._filling: asyncio.Task[None] | None = None
        self._alarmed = ""

    async def scan(self, reading: str) -> None:
        """Ask leave for the cylinder on the scale, and fill it. While one is under way, another scan only tells so."""
        code = code_of(reading)
        if self._filling is not None and not self._filling.done():
            self._desk.show(Shown(self.name, "busy", "amber", "正在充装，请稍候", "filling; wait", code, reading))
            return
        self._desk.show(Shown(self.name, "read", "green", "已扫，申请充装", "read; asking leave", code, reading))
        self._valve.stopped = False
        self._filling = self._desk.spawn(self._fill(code))

    async def order(self, order: Order) -> None:
        """Follow an order."""
        if order.verb == "STOP":
            try:
                await self._valve.stop()
            except StationFault as fault:
                self._desk.show(alarm(self.name, fault))
                return
            self._desk.show(Shown(self.name, "ordered", "amber", "已停止，阀门关闭", "stopped; the valve is shut"))
        elif self._hands.take(order):
            self._desk.show(Shown(self.name, "ordered", "green", f"已更改：{order.value}", f"now {order.value}"))
        else:
            self._desk.show(Shown(self.name, "fault", "red", "此岗位不能执行该指令", "no such order at this post"))

    def recover(self) -> None:
        """Settle and tell what a crash left open; until the scale has told, a scan finds the line busy."""
        self._filling = self._desk.spawn(self._recover())

    async def _recover(self) -> None:
        for ending in await self._valve.recover():
            self._desk.show(self._ending(ending))

    async def finish(self) -> None:
        """Wait for the fill under way."""
        if self._filling is not None:
            await asyncio.wait([self._filling])

    async def shut(self) -> None:
        """The station stops: close a valve that may be open. Should this fail, the scale's watchdog does it."""
        try:
            if await asyncio.to_thread(self._desk.outbox.unsettled, self._line):
                await self._valve.scale.withdraw()
        except StationFault as fault:
            self._desk.show(alarm(self.name, fault))
        self._valve.scale.close()

    def _opened(self, leave: Leave) -> None:
        self._alarmed = ""
        self._desk.show(
            Shown(self.name, "opened", "green", "准许充装，阀门已开", "filling", leave.code, claim_id=leave.claim_id)
        )

    def _fault(self, fault: StationFault) -> None:
        # Once for each kind of fault, not at every look at a silent scale.
        if fault.zh != self._alarmed:
            self._alarmed = fault.zh
            self._desk.show(alarm(self.name, fault))

    async def _fill(self, code: str) -> None:
        try:
            # Read first: the ledger judges the start weight, and leave for an empty platform or a dead scale is wasted.
            weight_g = (await self._valve.scale.state()).weight_g
        except StationFault as fault:
            self._desk.show(alarm(self.name, fault, code=code))
            return
        if weight_g < _LIGHTEST_CYLINDER_G:
            self._desk.show(
                Shown(self.name, "not_opened", "amber", "秤上无瓶，请放好后重新扫码", "no cylinder on the scale", code)
            )
            return
        claim = AuthoriseFill(
            claim_id=self._desk.ids.new(),
            scanned_at=self._desk.clock(),
            code=code,
            site=self._desk.site,
            line=self._line,
            person=self._hands.person,
            tank_lot=self._hands.tank_lot,
            continues=await asyncio.to_thread(self._desk.outbox.interrupted, code),
            start_weight_g=weight_g,
        )
        try:
            (answer,) = await self._desk.sender.ask([claim], within_s=self._desk.answer_within_s)
            leave = self._leave(claim, answer)
            if leave is None:
                self._desk.show(judge(self.name, claim, answer))
                return
            ending = await self._valve.fill(leave)
        except StationFault as fault:
            self._desk.show(alarm(self.name, fault, code=code, claim_id=claim.claim_id))
            return
        self._desk.show(self._ending(ending))

    @staticmethod
    def _leave(claim: AuthoriseFill, answer: Answer) -> Leave | None:
        granted = answer.outcome
        if not isinstance(granted, FillAuthorised):
            return None
        return Leave(
            claim_id=claim.claim_id,
            code=claim.code,
            site=claim.site,
            line=claim.line,
            person=claim.person,
            tank_lot=claim.tank_lot,
            start_by=granted.start_by,
            target_g=granted.tare_g + granted.target_net_g,
        )

    def _ending(self, ending: Ending) -> Shown:
        about = {"code": ending.leave.code, "claim_id": ending.leave.claim_id}
        kg = f"{ending.weight_g / 1000:.2f} kg"
        match ending.kind:
            case "completed":
                return Shown(self.name, "filled", "green", f"充装完成，总重 {kg}", f"filled, gross {kg}", **about)
            case "interrupted":
                return Shown(self.name, "interrupted", "amber", f"充装中断，总重 {kg}", f"interrupted at {kg}", **about)
            case "late":
                zh, en = "授权已过期，阀门未开；请重新扫码", "the leave lapsed before the valve opened; scan again"
                return Shown(self.name, "not_opened", "amber", zh, en, **about)
            case "unused":
                zh, en = "阀门未打开，该授权作废；请重新扫码", "the valve did not open; this leave is spent; scan again"
                return Shown(self.name, "not_opened", "amber", zh, en, **about)
