"""Alerts planted against alerts raised: each kind about each thing once, and nothing else."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence

import httpx
import msgspec
from msgspec import Struct

_FOLLOWED_WITHIN_S = 120.0
_ASK_S = 0.3
_PAGE = 500


class Raised(Struct):
    """An alert, as the server tells it."""

    kind: str
    key: str
    zh: str
    en: str


class Alarm(Struct, frozen=True):
    """`planted` and `found` by kind; those `missed`, and those that nobody planted."""

    planted: dict[str, int]
    found: dict[str, int]
    missed: list[tuple[str, str]]
    false: list[Raised]

    @property
    def ok(self) -> bool:
        """Whether every contradiction was found, and no honest work raised an alert."""
        return not self.missed and not self.false


class _Page(Struct):
    size: int
    read: int
    alerts: list[Raised]
    next_after: str | None = None


async def raised(client: httpx.AsyncClient, planted: Sequence[tuple[str, str]]) -> Alarm:
    """All alerts once the whole log was looked at, against those planted, by kind and what they are about."""
    until = time.monotonic() + _FOLLOWED_WITHIN_S
    page = await _get(client, {})
    while page.read < page.size and time.monotonic() < until:
        await asyncio.sleep(_ASK_S)
        page = await _get(client, {})
    told = list(page.alerts)
    while page.next_after is not None:
        page = await _get(client, {"after": page.next_after})
        told += page.alerts
    return compared(planted, told)


def compared(planted: Sequence[tuple[str, str]], told: Sequence[Raised]) -> Alarm:
    """The comparison."""
    left, false = Counter(planted), []
    for one in told:
        if left[one.kind, one.key]:
            left[one.kind, one.key] -= 1
        else:
            false.append(one)
    missed = sorted(left.elements())
    counts = Counter(kind for kind, _ in planted)
    found = counts - Counter(kind for kind, _ in missed)
    kinds = sorted(counts, key=lambda kind: (not kind.startswith("CUST"), int(kind[1:]) if kind[1:].isdigit() else 0))
    return Alarm({kind: counts[kind] for kind in kinds}, {kind: found[kind] for kind in kinds}, missed, false)


async def _get(client: httpx.AsyncClient, query: dict[str, str]) -> _Page:
    response = await client.get("/alerts", params={"limit": str(_PAGE), **query})
    response.raise_for_status()
    return msgspec.json.decode(response.content, type=_Page)
