"""What this station has seen of the log: its newest checkpoint, each proved to append to the one before.

Every bundle names it, so that whoever shows another log to somebody, or cuts the log short, is contradicted by what
stations signed. Without a published log, or a line, nothing is seen, and work goes on all the same.
"""

import asyncio
import time
from collections.abc import Callable

import httpx
import msgspec
from msgspec import Struct
from msgspec import json as mjson

from ledger.bundle import Seen
from ledger.checkpoint import Checkpoint, parse_checkpoint
from ledger.errors import BadSignature, LedgerError
from ledger.lines import decode_base64
from ledger.note import MAX_NOTE_BYTES
from ledger.note_key import NoteKey
from ledger.policy import NONE, Log, Policy, judge_checkpoint
from ledger.proofs import check_consistency
from scanners.faults import LogContradicts, StationFault
from scanners.outbox import Outbox

EVERY_S = 10.0
TIMEOUT_S = 10.0
WHOLE_ANSWER_S = 60.0
"""However slowly a server drips."""
ALARM_EVERY_S = 600.0
"""Who shows nonsense again and again shall neither tire people out nor silence what comes after it."""
MAX_SIZE = 2**53 - 1
"""What a bundle can name. Were a larger one kept, the ledger would take no bundle of this station any more."""


_PLAIN = {"Accept-Encoding": "identity"}


class _Proof(Struct):
    """The part of a consistency proof's answer that is needed: hashes in base64."""

    hashes: list[str]


class Sight:
    """Looks at one log, one look every `EVERY_S` seconds at most while `has_line()`; never in a scan's way.

    `keys`: those that sign the log's checkpoints; with none of them known, signatures are not checked. `on_fault` is
    told of a log that contradicts itself, once for each such checkpoint, which is kept in the outbox, and once in
    `ALARM_EVERY_S` at most.
    """

    def __init__(
        self,
        url: str,
        log: str,
        keys: tuple[NoteKey, ...],
        outbox: Outbox,
        *,
        has_line: Callable[[], bool],
        on_fault: Callable[[StationFault], None],
    ) -> None:
        self._log, self._outbox = log, outbox
        self._policy = Policy(tuple(Log(key) for key in keys), (), (), NONE) if keys else None
        self._has_line, self._on_fault = has_line, on_fault
        self._untold: LogContradicts | None = None
        self._quiet_until = 0.0
        self._http = httpx.AsyncClient(
            base_url=url, timeout=TIMEOUT_S, limits=httpx.Limits(max_connections=1), trust_env=False
        )

    async def run(self) -> None:
        """Look for ever."""
        while True:
            if self._has_line():
                await self.look()
            self._tell()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """Look once: keep a newer checkpoint, or sound the alarm."""
        shown = await self._get(f"/logs/{self._log}/checkpoint")
        if shown is None:
            return
        try:
            checkpoint = parse_checkpoint(shown)
        except LedgerError:
            return  # a portal's or proxy's page: whoever this is, it is not the ledger
        if checkpoint.head.size > MAX_SIZE:
            return
        kept = await asyncio.to_thread(self._outbox.checkpoint)
        try:
            newer = await self._judge(checkpoint, None if kept is None else parse_checkpoint(kept))
        except LogContradicts as fault:
            if await asyncio.to_thread(self._outbox.keep_contradiction, shown, kept, fault.en):
                self._untold = fault
            self._tell()
            return
        if newer:
            seen = Seen(checkpoint.head.size, checkpoint.head.root.hex())
            await asyncio.to_thread(self._outbox.keep_checkpoint, seen, shown)

    def _tell(self) -> None:
        now = time.monotonic()
        if self._untold is not None and now >= self._quiet_until:
            fault, self._untold, self._quiet_until = self._untold, None, now + ALARM_EVERY_S
            self._on_fault(fault)

    async def close(self) -> None:
        """Close the connection."""
        await self._http.aclose()

    async def _judge(self, shown: Checkpoint, kept: Checkpoint | None) -> bool:
        """Whether to keep this checkpoint; LogContradicts when it and the one that is kept cannot both be right."""
        new = shown.head
        if new.origin != self._log:
            other = new.origin.encode("ascii", errors="replace").decode()  # theirs, and shown on a screen
            raise LogContradicts(
                f"服务器出示的是日志 {other}，不是 {self._log}；请报告监管部门",
                f"the server shows the log {other}, not {self._log}; tell the authority",
            )
        try:
            if self._policy is not None:
                judge_checkpoint(self._policy, shown)
        except BadSignature as error:
            raise LogContradicts(
                "存证快照不是本账本所签；请报告监管部门",
                "this log's keys did not sign the checkpoint; tell the authority",
            ) from error
        if kept is None:
            return True
        old = kept.head
        if new.size < old.size:
            raise LogContradicts(
                f"账本变短：此前 {old.size} 条，现在只有 {new.size} 条；请报告监管部门",
                f"the log has become shorter: {old.size} entries before, {new.size} now; tell the authority",
            )
        if new.size == old.size and new.root == old.root:
            return False
        proof = () if new.size == old.size or not old.size else await self._proof(old.size, new.size)
        if proof is None:
            return False  # not to be had now; the next look asks again
        try:
            check_consistency(old.size, new.size, proof, old.root, new.root)
        except LedgerError as error:
            raise LogContradicts(
                f"账本与此前所见的 {old.size} 条不一致，可能被改写；请报告监管部门",
                f"the log is not what it was at {old.size} entries, perhaps rewritten; tell the authority",
            ) from error
        return True

    async def _proof(self, old: int, new: int) -> tuple[bytes, ...] | None:
        raw = await self._get(f"/logs/{self._log}/proof/consistency?old={old}&new={new}")
        try:
            return None if raw is None else tuple(map(decode_base64, mjson.decode(raw, type=_Proof).hashes))
        except (msgspec.DecodeError, ValueError):
            return None

    async def _get(self, path: str) -> bytes | None:
        """The body of a 200; None for everything else: no line, no published log, not now, more than any note has.

        Raw bytes, read up to a bound and for a while: no server fills the memory, nor has its way with a decoder.
        """
        body = bytearray()
        try:
            async with asyncio.timeout(WHOLE_ANSWER_S), self._http.stream("GET", path, headers=_PLAIN) as response:
                if response.status_code != httpx.codes.OK:
                    return None
                async for chunk in response.aiter_raw():
                    body += chunk
                    if len(body) > MAX_NOTE_BYTES:
                        return None
        except (httpx.HTTPError, TimeoutError):
            return None
        return bytes(body)
