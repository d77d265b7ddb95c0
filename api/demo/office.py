"""Offices, desks, inspection body and authority in the demo: each signs bundles with its own key and posts them."""

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence

import httpx
from msgspec import json as mjson
from msgspec import structs

from api.demo.city import ORIGIN, City
from api.demo.city_signers import ClaimIds
from api.demo.plan import Seen
from api.demo.plant import Deed
from ledger.claim import act_of
from ledger.clock import ScaledTime
from ledger.entry import Answer
from ledger.events import Outcome, Refusal

_DEVICE_TIME = "Ledger-Device-Time"
_answers = mjson.Decoder(list[Answer])


class Offices:
    """Everybody who is not a station's agent. `seen` is told each answer."""

    def __init__(
        self, client: httpx.AsyncClient, city: City, story: ScaledTime, ids: ClaimIds, seen: Callable[[Seen], None]
    ) -> None:
        self._client, self._city, self._story, self._ids, self._seen = client, city, story, ids, seen
        self._speaking = asyncio.Lock()

    async def say(self, deeds: Sequence[Deed]) -> None:
        """Say these in order; what one signer says in a row is one bundle."""
        async with self._speaking:  # one at a time, so that each signer's bundles arrive in order
            for name, group in itertools.groupby(deeds, key=lambda deed: deed.signer):
                await self._post(name, list(group))

    async def _post(self, name: str, deeds: list[Deed]) -> None:
        now = self._story.at(time.time_ns() // 1_000_000)
        claims = [structs.replace(deed.claim, claim_id=self._ids.new(now), scanned_at=now) for deed in deeds]
        envelope = self._city.signers[name].sign(ORIGIN, claims)
        response = await self._client.post("/bundles", content=envelope, headers={_DEVICE_TIME: str(now)})
        response.raise_for_status()
        for deed, answer in zip(deeds, _answers.decode(response.content), strict=True):
            outcome, rules = said(answer.outcome)
            code: str = getattr(deed.claim, "code", "")
            self._seen(Seen(deed.tag, act_of(deed.claim), outcome, rules, answer.entry_index, code))


def said(outcome: Outcome) -> tuple[str, tuple[str, ...]]:
    """What came of a claim in one word, and the rules behind it without their version, as the agent says it."""
    if isinstance(outcome, Refusal):
        word, notes = "refused", outcome.reasons
    elif outcome.violations:
        word, notes = "violations", outcome.violations
    else:
        word, notes = ("warnings" if outcome.warnings else "accepted"), outcome.warnings
    return word, tuple(note.rule.partition("@")[0] for note in notes)
