"""The demo's HTTP server as a process of its own, and the few questions that the demo asks it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

import httpx
import msgspec
from msgspec import Struct
from msgspec import json as mjson

from api.demo.processes import started
from ledger.clock import ScaledTime

_PAGE = 500


class Finding(Struct):
    """A rule's finding; `kind` is reason, violation, warning or as_of_scan, `rule` is `ID@n`."""

    kind: str
    rule: str


class Told(Struct):
    """One entry in words, as the server tells it."""

    entry_index: int
    recorded_at_text: str
    zh: str
    en: str
    findings: list[Finding]
    site: str | None = None
    person: str | None = None

    def rules(self) -> tuple[str, ...]:
        """The rules behind it, ids without version: its reasons, else its violations, else its warnings."""
        for kind in ("reason", "violation", "warning"):
            rules = tuple(found.rule.partition("@")[0] for found in self.findings if found.kind == kind)
            if rules:
                return rules
        return ()


class _Page(Struct):
    entries: list[Told]
    next_after: int | None = None


@asynccontextmanager
async def demo_server(database_url: str, time: ScaledTime, publish_file: str) -> AsyncIterator[str]:
    """The URL of a server over this database, by the story's clock; it ends with the block."""
    told = mjson.encode({"database_url": database_url, "time": time, "publish_file": publish_file}).decode()
    async with started("api.demo.serve", told) as said:
        yield said[-1]


async def read_back(client: httpx.AsyncClient, sites: list[str]) -> dict[int, tuple[str, ...]]:
    """The rules behind every entry of these sites, by entry index, as the log holds them now."""
    book: dict[int, tuple[str, ...]] = {}
    for site in sites:
        after: int | None = -1
        while after is not None:
            page = await _get(client, f"/sites/{site}/entries?limit={_PAGE}&after={after}", _Page)
            book |= {entry.entry_index: entry.rules() for entry in page.entries}
            after = page.next_after
    return book


async def read_trace(client: httpx.AsyncClient, code: str) -> list[Told]:
    """A cylinder's story."""
    return (await _get(client, f"/cylinders/{quote(code, safe='')}/trace", _Page)).entries


async def _get(client: httpx.AsyncClient, path: str, kind: type[_Page]) -> _Page:
    response = await client.get(path)
    response.raise_for_status()
    return msgspec.json.decode(response.content, type=kind)
