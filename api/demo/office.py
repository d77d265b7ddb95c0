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
from ledger.claim import AnyClaim, CorrectCylinder, act_of
from ledger.clock import ScaledTime
from ledger.entry import Answer
from ledger.events import Outcome, PrefillChecked, Refusal

_TRIES = 800
"""One pre-check in about thirty is challenged: that none of so many is, nobody will live to see."""
_DEVICE_TIME = "Ledger-Device-Time"
_answers = mjson.Decoder(list[Answer])


class Offices:
    """Everybody who is not a station's agent. `seen` is told each answer."""

    def __init__(
        self, client: httpx.AsyncClient, city: City, story: ScaledTime, ids: ClaimIds, seen: Callable[[Seen], None]
    ) -> None:
        self._client, self._city, self._story, self._ids, self._seen = client, city, story, ids, seen
        self._speaking = asyncio.Lock()
        self._last: dict[str, int] = {}

    async def say(self, deeds: Sequence[Deed]) -> None:
        """Say these in order; what one signer says in a row is one bundle."""
        async with self._speaking:  # one at a time, so that each signer's bundles arrive in order
            for (name, manner), group in itertools.groupby(deeds, key=lambda deed: (deed.signer, deed.manner)):
                said_together = list(group)
                answers = await self._post(name, said_together)
                tries = 1
                while manner == "until_challenged" and not _challenged(answers) and tries < _TRIES:
                    answers, tries = await self._post(name, said_together), tries + 1
                self._told(said_together, answers)

    async def _post(self, name: str, deeds: list[Deed]) -> list[Answer]:
        now = self._story.at(time.time_ns() // 1_000_000)
        claims = [referring(deed, self._last, claim_id=self._ids.new(now), at_ms=now) for deed in deeds]
        envelope = self._city.signers[name].sign(ORIGIN, claims)
        response = await self._client.post("/bundles", content=envelope, headers={_DEVICE_TIME: str(now)})
        response.raise_for_status()
        return _answers.decode(response.content)

    def _told(self, deeds: list[Deed], answers: list[Answer]) -> None:
        for deed, answer in zip(deeds, answers, strict=True):
            outcome, rules = said(answer.outcome)
            code: str = getattr(deed.claim, "code", "")
            self._last[code] = answer.entry_index
            self._seen(Seen(deed.tag, act_of(deed.claim), outcome, rules, answer.entry_index, code))


def referring(deed: Deed, last: dict[str, int], *, claim_id: str, at_ms: int) -> AnyClaim:
    """What the deed says, with its id and time; `last` is the newest entry that was made of each code."""
    claim = structs.replace(deed.claim, claim_id=claim_id, scanned_at=at_ms)
    if deed.manner != "referring":
        return claim
    assert isinstance(claim, CorrectCylinder)
    return structs.replace(claim, corrects=last[claim.code])


def _challenged(answers: list[Answer]) -> bool:
    return all(isinstance(one.outcome, PrefillChecked) and one.outcome.challenged for one in answers)


def said(outcome: Outcome) -> tuple[str, tuple[str, ...]]:
    """What came of a claim in one word, and the rules behind it without their version, as the agent says it."""
    if isinstance(outcome, Refusal):
        word, notes = "refused", outcome.reasons
    elif outcome.violations:
        word, notes = "violations", outcome.violations
    else:
        word, notes = ("warnings" if outcome.warnings else "accepted"), outcome.warnings
    return word, tuple(note.rule.partition("@")[0] for note in notes)
