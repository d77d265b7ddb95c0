"""Row posts: many scans, one signature (排检, 充装后检查, 放行, 装车).

Scans gather into a row; the order %CLOSE signs it as one bundle of at most 25 claims and sends it. Reports are durable
when the row is closed, online or not; requests (release, depot out) need the ledger's answer.
"""

import asyncio
import re
from typing import NamedTuple

from msgspec import Struct, structs

from ledger.claim import (
    AnyClaim,
    CheckPostfill,
    CheckPrefill,
    DepotOut,
    PostfillItem,
    PrefillItem,
    Purpose,
    ReleaseCylinder,
)
from scanners.config import PostName
from scanners.desk import Desk, Hands, code_of
from scanners.faults import Offline, PutAside, ScaleFault, StationFault
from scanners.orders import Order, Verb
from scanners.scale import Scale
from scanners.screen import Shown, alarm, judge

CLAIMS_PER_SIGNATURE = 25


class _Keyed(NamedTuple):
    """What is keyed about a cylinder at one kind of post: into which field of `Item`, and what it may look like."""

    act: PostName
    field: str
    pattern: re.Pattern[str]
    zh: str
    en: str


_KEYED: dict[Verb, _Keyed] = {
    # The patterns are those of `CheckPrefill.stamp_tail` and `ReleaseCylinder.seal`.
    "STAMP": _Keyed("prefill", "stamp_tail", re.compile(r"[0-9A-Z-]{1,20}"), "钢印末几位", "end of the stamp"),
    "SEAL": _Keyed("release", "seal", re.compile(r"[0-9A-Za-z][0-9A-Za-z.-]{0,39}"), "封签号", "seal number"),
}


class Item(Struct, frozen=True):
    """One cylinder of an open row. `weight_g`: check-weigh (复秤), gross; 0 where the post has no scale.

    `stamp_tail`, `seal`: what was keyed of its stamp and of its seal.
    """

    code: str
    scanned_at: int
    weight_g: int
    failed: tuple[str, ...] = ()
    stamp_tail: str | None = None
    seal: str | None = None


class RowPost:
    """One gun's row. `scale` is the check-weigh scale of a post-check."""

    def __init__(self, name: str, act: PostName, desk: Desk, hands: Hands, scale: Scale | None) -> None:
        self.name = name
        self._act, self._desk, self._hands, self._scale = act, desk, hands, scale
        self._row: dict[str, Item] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def scan(self, reading: str) -> None:
        """One more cylinder; a second scan of the same one in a row is told, not taken."""
        code = code_of(reading)
        if code in self._row:
            self._desk.show(Shown(self.name, "repeat", "amber", "本排已扫", "already in this row", code, reading))
            return
        weight_g = 0
        if self._act == "postfill":
            assert self._scale is not None
            try:
                weight_g = (await self._scale.state()).weight_g
            except ScaleFault as fault:
                self._desk.show(alarm(self.name, fault, code=code))
                return
        self._row[code] = Item(code, self._desk.clock(), weight_g)
        zh, en = f"第 {len(self._row)} 瓶", f"number {len(self._row)}"
        if code.startswith("unread:"):
            self._desk.show(
                Shown(self.name, "read", "amber", f"{zh}：标识无法识别", f"{en}: no cylinder code", code, reading)
            )
        else:
            self._desk.show(Shown(self.name, "read", "green", zh, en, code, reading))

    async def order(self, order: Order) -> None:
        """Follow an order."""
        if order.verb == "CLOSE":
            self._close()
        elif order.verb == "FAIL":
            self._fail(order.value)
        elif order.verb in _KEYED:
            self._key(_KEYED[order.verb], order.value)
        elif self._hands.take(order):
            self._desk.show(Shown(self.name, "ordered", "green", f"已更改：{order.value}", f"now {order.value}"))
        else:
            self._desk.show(Shown(self.name, "fault", "red", "此岗位不能执行该指令", "no such order at this post"))

    async def finish(self) -> None:
        """Wait until every row that was closed is stored and answered or known to wait."""
        while self._closing:
            await asyncio.wait(self._closing)

    async def shut(self) -> None:
        """The station stops; an open row was never signed and is scanned again."""
        if self._scale is not None:
            self._scale.close()

    def _fail(self, item: str) -> None:
        items = PrefillItem if self._act == "prefill" else PostfillItem
        last = next(reversed(self._row.values()), None)
        if self._act not in ("prefill", "postfill") or last is None or item not in list(items):
            self._desk.show(Shown(self.name, "fault", "red", f"不合格项无效：{item}", f"no such item here: {item}"))
            return
        self._row[last.code] = structs.replace(last, failed=(*last.failed, item))
        self._desk.show(Shown(self.name, "ordered", "red", f"不合格：{item}", f"failed: {item}", last.code))

    def _key(self, keyed: _Keyed, value: str) -> None:
        """What was read off the cylinder scanned last."""
        last = next(reversed(self._row.values()), None)
        if self._act != keyed.act or last is None or keyed.pattern.fullmatch(value) is None:
            zh, en = f"{keyed.zh}无效，请先扫瓶再输入：{value}", f"no {keyed.en} here; scan the cylinder first: {value}"
            self._desk.show(Shown(self.name, "fault", "red", zh, en))
            return
        self._row[last.code] = structs.replace(last, **{keyed.field: value})
        zh, en = f"{keyed.zh}：{value}", f"{keyed.en}: {value}"
        self._desk.show(Shown(self.name, "ordered", "green", zh, en, last.code))

    def _close(self) -> None:
        items, self._row = list(self._row.values()), {}
        for first in range(0, len(items), CLAIMS_PER_SIGNATURE):
            claims = [self._claim(item) for item in items[first : first + CLAIMS_PER_SIGNATURE]]
            task = self._desk.spawn(self._send(claims))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _send(self, claims: list[AnyClaim]) -> None:
        try:
            if self._act in ("prefill", "postfill"):
                waiting = await self._desk.sender.submit(claims)
                if self._desk.sender.offline:
                    zh, en = "断网：已保存，联网后自动上传", "offline: stored, sent when the line is back"
                    self._desk.show(Shown(self.name, "stored", "amber", zh, en))
                answers = await waiting
            else:
                answers = await self._desk.sender.ask(claims, within_s=self._desk.answer_within_s)
        except (PutAside, Offline) as fault:
            self._tell(claims, fault)
            return
        for claim, answer in zip(claims, answers, strict=True):
            self._desk.show(judge(self.name, claim, answer))

    def _tell(self, claims: list[AnyClaim], fault: StationFault) -> None:
        for claim in claims:
            self._desk.show(alarm(self.name, fault, code=getattr(claim, "code", ""), claim_id=claim.claim_id))

    def _claim(self, item: Item) -> AnyClaim:
        claim_id, at, code = self._desk.ids.new(), item.scanned_at, item.code
        site, person = self._desk.site, self._hands.person
        match self._act:
            case "prefill":
                failed = tuple(PrefillItem(name) for name in item.failed)
                return CheckPrefill(
                    claim_id=claim_id, scanned_at=at, code=code, site=site, person=person, failed_items=failed,
                    stamp_tail=item.stamp_tail,
                )  # fmt: skip
            case "postfill":
                found = tuple(PostfillItem(name) for name in item.failed)
                return CheckPostfill(
                    claim_id=claim_id, scanned_at=at, code=code, site=site, person=person, weight_g=item.weight_g,
                    failed_items=found,
                )  # fmt: skip
            case "release":
                return ReleaseCylinder(
                    claim_id=claim_id, scanned_at=at, code=code, site=site, person=person, seal=item.seal
                )
            case "depot_out":
                return DepotOut(
                    claim_id=claim_id, scanned_at=at, code=code, site=site, person=person,
                    vehicle=self._hands.vehicle, purpose=Purpose.SALE,
                )  # fmt: skip
            case "fill":
                raise AssertionError("a filling line is no row")
