"""The worst hour: a cylinder explodes in a kitchen, and the nine questions of whoever investigates are answered.

Each is asked over HTTP and compared with a plain reading of the whole log (`api.demo.brute`).
"""

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from msgspec import Struct

from api.demo.brute import WARNINGS, Json, WholeLog, read_whole_log
from api.demo.city import MINUTE_MS, ORIGIN, SHIFT_AT_MS, City
from api.demo.city_signers import ClaimIds
from api.demo.clerk import Clerk
from api.demo.plant import Bang
from ledger import claim as c
from ledger.clock import ScaledTime
from ledger.identity import own_code

INCIDENT, RECALL = "SG-2026-0312", "RC-SG-2026-0312"
STRANGER = str(own_code("NX32", "7700001"))
"""A code of the next county's."""


class Asked(Struct, frozen=True):
    """A question, what it took (ms), and whether the answer is what the whole log says."""

    number: int
    zh: str
    en: str
    told: str
    ms: float
    equal: bool


class Inquiry(Struct, frozen=True):
    """All nine questions."""

    asked: list[Asked]

    @property
    def ok(self) -> bool:
        """Whether every answer was right."""
        return len(self.asked) == _QUESTIONS and all(one.equal for one in self.asked)

    def told(self) -> dict[str, object]:
        """As the JSON line tells it."""
        ms = {f"q{one.number}": one.ms for one in self.asked}
        return {"brute_force_equal": all(one.equal for one in self.asked), "questions": len(self.asked), "ms": ms}


_QUESTIONS = 9
_Said = tuple[bool, str]


class Scene:
    """After the bang: who says what, and what is asked."""

    def __init__(self, client: httpx.AsyncClient, city: City, story: ScaledTime, url: str, bang: Bang) -> None:
        self._client, self._city, self._story, self._url, self._bang = client, city, story, url, bang
        self._ids = ClaimIds(random.Random(f"incident {city.seed}"))  # noqa: S311 - play, not a secret
        self._asked: list[Asked] = []
        self.bang_ms = 0

    def now(self) -> int:
        """The story's time, ms UTC."""
        return self._story.at(time.time_ns() // 1_000_000)

    async def freeze(self) -> None:
        """The authority opens the incident: scale, tank lot, the depot's stock and the vehicle are held."""
        self.bang_ms = self.now()
        bang, clerk = self._bang, Clerk(self._ids, self.bang_ms)
        opened = clerk.make(
            c.OpenIncident, incident=INCIDENT, premises=bang.premises, cylinder=bang.cylinder, lines=(bang.line,),
            tank_lots=(bang.lot,), sites=(bang.depot,), vehicles=(bang.vehicle,),
        )  # fmt: skip
        await self._say("authority", opened)

    async def recall(self) -> None:
        """Somebody remembers a check of this morning, now; and all that the same scale filled today is called back."""
        bang, clerk = self._bang, Clerk(self._ids, self.now())
        late = c.CheckPremises(
            claim_id=self._ids.new(clerk.at_ms), scanned_at=self.bang_ms - 90 * MINUTE_MS, premises=bang.premises,
            person=bang.worker, kind="home", check=c.SafetyCheck("home-1", photos=("ab" * 32,)),
        )  # fmt: skip
        await self._say(f"office:{bang.enterprise}", late)
        called_back = clerk.make(
            c.OpenRecall, recall=RECALL, line=bang.line, filled_from=SHIFT_AT_MS, filled_to=self.bang_ms
        )
        await self._say("authority", called_back)
        known = clerk.make(c.AcknowledgeRecall, recall=RECALL, enterprise=bang.enterprise, told=1)
        await self._say(f"office:{bang.enterprise}", known)

    async def ask(self) -> Inquiry:
        """The nine questions."""
        log = await asyncio.to_thread(read_whole_log, self._url)
        bang, known = self._bang, {"known_at": self.bang_ms}
        story = f"/premises/{bang.premises}/story"
        await self._put("事发后才记的？", "recorded after the bang?", story, self._after(log), **known)
        part = {"serial": bang.serial[-4:], "maker": bang.maker, "made": bang.made_month}
        await self._put("钢印只剩半截，是哪只瓶？", "half a stamp: which one?", "/search", self._stamp(log), **part)
        building = f"/buildings/{bang.building}"
        await self._put("楼里现在有几只？", "how many in the building?", building, self._building(log))
        found, expected = self._count(log)
        await self._put(
            "现场与账面", "found against expected", f"/premises/{bang.premises}/scene", expected, found=found
        )
        await self._put("冻结了什么？", "what is frozen?", f"/incidents/{INCIDENT}", self._frozen(log))
        await self._put("还有谁的气同出一秤？", "who else got the same fault?", f"/recalls/{RECALL}", self._same(log))
        told = f"/cylinders/{quote(bang.code, safe='')}/story"
        await self._put("事前提醒过吗？", "were they warned?", told, self._warned(log), **known)
        stranger = f"/cylinders/{quote(STRANGER, safe='')}/story"
        await self._put("邻县的瓶", "the next county's cylinder", stranger, self._stranger(log))
        await self._put("通知持有者", "call the holders", f"/recalls/{RECALL}", self._holders(log))
        return Inquiry(self._asked)

    async def _put(self, zh: str, en: str, path: str, right: Callable[[Any], _Said], **query: Any) -> None:  # noqa: ANN401
        asked = f"{path}?{urlencode(query, doseq=True)}" if query else path
        began = time.perf_counter()
        answer = (await self._client.get(asked)).json()
        ms = round((time.perf_counter() - began) * 1_000, 1)
        try:
            equal, told = right(answer)
        except (KeyError, IndexError, TypeError) as error:
            equal, told = False, f"{error!r}: {str(answer)[:200]}"
        self._asked.append(Asked(len(self._asked) + 1, zh, en, told, ms, equal))

    async def _say(self, signer: str, *claims: c.AnyClaim) -> None:
        envelope = self._city.signers[signer].sign(ORIGIN, list(claims))
        headers = {"Ledger-Device-Time": str(self.now())}
        response = await self._client.post("/bundles", content=envelope, headers=headers)
        response.raise_for_status()
        refused = [one for one in response.json() if one["outcome"]["type"].startswith("refused.")]
        assert not refused, refused

    def _after(self, log: WholeLog) -> Callable[[Json], _Said]:
        named = list(log.naming("premises", self._bang.premises))
        before = {line.index for line in named if line.at <= self.bang_ms}
        after = {line.index for line in named if line.at > self.bang_ms and line.seen_at <= self.bang_ms}

        def right(answer: Json) -> _Said:
            (story,) = answer["stories"]
            known = {one["entry_index"] for one in story["statements"]}
            late = {one["entry_index"] for one in story["later"]}
            # Somebody did remember a check, so an answer that sets nothing apart is wrong.
            good = (known, late) == (before, after) and bool(after)
            return good, f"此前 {len(known)} 条，事后补记 {len(late)} 条 · {len(late)} recorded afterwards"

        return right

    def _stamp(self, log: WholeLog) -> Callable[[Json], _Said]:
        bang = self._bang
        fitting = {
            key for key, one in log.registered.items()
            if one["serial"].endswith(bang.serial[-4:]) and one["maker"] == bang.maker
            and one["made_month"] == bang.made_month
        }  # fmt: skip

        def right(answer: Json) -> _Said:
            told = answer["candidates"]
            best, count = told[0], len(told)
            first = {one["cylinder"] for one in told if one["score"] == best["score"]}
            good = bang.cylinder in first and fitting <= {one["cylinder"] for one in told}
            return good, f"候选 {count} 只，首选 {best['codes'][0]} · the first of {count}"

        return right

    def _building(self, log: WholeLog) -> Callable[[Json], _Said]:
        expected = log.in_building(self._bang.building)

        def right(answer: Json) -> _Said:
            (told,) = answer["logs"]
            held = {
                one["premises"]: {held["party"].partition(":")[2] for held in one["held"]} for one in told["premises"]
            }
            suppliers = {one["enterprise"] for one in told["premises"]}
            zh = f"{told['cylinders']} 只，{len(held)} 户，{len(suppliers)} 家企业"
            return held == expected, f"{zh} · {told['cylinders']} in {len(held)} homes"

        return right

    def _count(self, log: WholeLog) -> tuple[list[str], Callable[[Json], _Said]]:
        """Everything there was found but one, and one of the next county's besides."""
        there = sorted(log.in_premises(self._bang.premises))
        gone, kept = there[:1], there[1:]
        found = [*(str(log.registered[key]["code"]) for key in kept), STRANGER]

        def right(answer: Json) -> _Said:
            (told,) = answer["logs"]
            matched, missing, unknown = (
                {one["party"].partition(":")[2] for one in told[name]} for name in ("matched", "missing", "unknown")
            )
            good = (matched, missing, unknown) == (set(kept), set(gone), {STRANGER}) and not told["elsewhere"]
            return good, f"相符 {len(matched)}，缺 {len(missing)}，外来 {len(unknown)} · matched, missing, foreign"

        return found, right

    def _frozen(self, log: WholeLog) -> Callable[[Json], _Said]:
        bang = self._bang
        by_fill = {
            key for key, fill in log.last_fill.items()
            if fill.claim["line"] == bang.line or fill.claim["tank_lot"] == bang.lot
        }  # fmt: skip
        expected = by_fill | log.at(f"site:{bang.depot}", f"vehicle:{bang.vehicle}") | {bang.cylinder}

        def right(answer: Json) -> _Said:
            frozen = {one["cylinder"] for one in answer["cylinders"]}
            return (
                frozen == expected,
                f"冻结 {len(frozen)} 只，{len(answer['holds'])} 处 · {len(frozen)} cylinders held",
            )

        return right

    def _same(self, log: WholeLog) -> Callable[[Json], _Said]:
        expected = self._called_back(log)

        def right(answer: Json) -> _Said:
            affected = {one["cylinder"] for one in answer["affected"]}
            return affected == expected, f"同秤同时段 {len(affected)} 只 · {len(affected)} from the same scale"

        return right

    def _called_back(self, log: WholeLog) -> set[str]:
        return {
            key for key, fill in log.last_fill.items()
            if fill.claim["line"] == self._bang.line and SHIFT_AT_MS <= fill.seen_at <= self.bang_ms
        }  # fmt: skip

    def _warned(self, log: WholeLog) -> Callable[[Json], _Said]:
        own = {
            line.index for line in log.lines
            if line.subject == f"cylinder:{self._bang.cylinder}" and line.at <= self.bang_ms
        }  # fmt: skip
        warned = log.warned(self._bang.premises, self.bang_ms)

        def right(answer: Json) -> _Said:
            (story,) = answer["stories"]
            told = {one["entry_index"] for one in story["statements"]}
            held = {paper["subject"] for paper in story["papers"]}
            facts = {(one["what"], one["behind"]["entry_index"]) for one in story["facts"] if one["what"] in WARNINGS}
            good = own <= told and facts == warned and bool(warned) and f"permit:{self._bang.enterprise}-PERMIT" in held
            zh = f"{len(told)} 条记录、{len(held)} 份证照、场所安检隐患 {len(facts)} 项"
            return good, f"{zh} · {len(told)} entries, {len(held)} papers, {len(facts)} checks and hazards there"

        return right

    def _stranger(self, log: WholeLog) -> Callable[[Json], _Said]:
        known = any(True for _ in log.naming("code", STRANGER))

        def right(answer: Json) -> _Said:
            return not known and ORIGIN in answer["zh"], str(answer["zh"])

        return right

    def _holders(self, log: WholeLog) -> Callable[[Json], _Said]:
        holders = {log.place[key][0] for key in self._called_back(log)}

        def right(answer: Json) -> _Said:
            told = {one["holder"] for one in answer["holders"]}
            clocks = {one["enterprise"]: one["acknowledged_at"] for one in answer["enterprises"]}
            customers = sum(one.startswith("customer:") for one in told)
            return told == holders and clocks[self._bang.enterprise] is not None, (
                f"{len(told)} 个持有者，其中用户 {customers} 户 · {len(told)} holders, {customers} customers"
            )

        return right
