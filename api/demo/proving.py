"""What an outsider does with the demo's log: witnesses cosign it, evidence is verified twice, all is replayed.

DIR/policy.txt                  whom to believe; the witnesses' keys are made by the witnesses
DIR/tiles/                      the published log: `checkpoint` and `tile/…`, as tlog-tiles lays them out
DIR/cylinder.evidence.zip       one cylinder's evidence
"""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
from msgspec import Struct
from msgspec import json as mjson

from api.demo.city import ORIGIN, City
from api.demo.processes import finished, started
from api.demo.witness import DemoWitness
from api.publish.plan import read_note_signer
from api.publish.tile_store import log_folder
from api.signing import new_pq_key, new_private_key, write_private_key
from ledger.checkpoint import Checkpoint, parse_checkpoint
from ledger.clock import ScaledTime
from ledger.lines import encode_base64
from ledger.note_key import format_vkey, parse_vkey
from ledger.policy import Group, Log, Policy, Witness, format_policy, judge_checkpoint, parse_policy

WITNESSES = ("market-supervision.demo.example", "consumers.demo.example")
"""The authority's witness, and one that is nobody's to command."""

PUBLISHED_WITHIN_S = 60.0
_ASK_S = 0.2
_QUORUM = "both"


class Size(Struct, frozen=True):
    """A published tree: how many entries, and the root in base64."""

    size: int
    root: str


class Verified(Struct, frozen=True):
    """Whether each of the two verifiers accepts one cylinder's evidence."""

    first: bool
    second: bool


class Replayed(Struct, frozen=True):
    """How many decisions were made again from the tiles, and how many differ."""

    decisions: int
    differences: int


class Proof(Struct, frozen=True):
    """What outsiders found. `witnessed`: how many witnesses cosigned the last checkpoint."""

    published: Size
    witnessed: int
    verified: Verified
    replayed: Replayed

    @property
    def ok(self) -> bool:
        """Whether all of it holds."""
        sound = self.verified.first and self.verified.second and self.replayed.differences == 0
        return sound and self.witnessed == len(WITNESSES) and self.replayed.decisions == self.published.size


class _Head(Struct):
    size: int


class _Health(Struct):
    logs: list[_Head]


class _ReplayLine(Struct):
    decisions: int
    differences: int


class Press:
    """The demo's keys, witnesses and published folder; `kept` is where the outsider's files are left."""

    def __init__(self, folder: Path, kept: Path) -> None:
        """`folder` holds keys and state, and goes when the demo's directory goes."""
        self._folder, self._kept = folder, kept
        self._published = folder / "published"
        # The publishing file's paths are relative to its folder, --keep to where the demo was started.
        self.publish_file, self.policy = folder / "publish.toml", (kept / "policy.txt").absolute()

    @asynccontextmanager
    async def witnessed(self, city: City, story: ScaledTime) -> AsyncIterator[None]:
        """Witnesses in processes of their own; with them keys, policy and publishing file are written."""
        write_private_key(self._folder / "publish.pem", new_private_key("ed25519"))
        write_private_key(self._folder / "publish-pq.pem", new_pq_key())
        log_key = self._folder / "log.pem"
        log_key.touch(mode=0o600)
        log_key.write_bytes(city.signers["log"].pem())
        logs = [read_note_signer(ORIGIN, self._folder / name).key for name in ("publish.pem", "publish-pq.pem")]
        vkeys = tuple(format_vkey(key) for key in logs)
        async with AsyncExitStack() as stack:
            told = [DemoWitness(name, str(self._folder), vkeys, story) for name in WITNESSES]
            lines = await asyncio.gather(
                *(stack.enter_async_context(started("api.demo.witness", mjson.encode(one).decode())) for one in told)
            )
            names = tuple(f"w{number}" for number in range(len(lines)))
            witnesses = tuple(
                Witness(name, parse_vkey(said[0]), said[-1]) for name, said in zip(names, lines, strict=True)
            )
            group = Group(_QUORUM, len(names), names)
            self.policy.write_bytes(format_policy(Policy(tuple(map(Log, logs)), witnesses, (group,), _QUORUM)))
            self.publish_file.write_text(
                f'[[logs]]\nlog = "{ORIGIN}"\ndir = "{self._published.name}"\nstate = "publish.state"\n'
                f'key = "publish.pem"\npq_key = "publish-pq.pem"\nlog_key = "log.pem"\npolicy = "{self.policy}"\n',
                "utf-8",
            )
            yield

    async def prove(self, client: httpx.AsyncClient, code: str) -> Proof:
        """Wait until all is published and cosigned; then verify one cylinder's evidence and replay the whole log."""
        checkpoint = await self._checkpoint(client)
        tiles = self._kept / "tiles"
        await asyncio.to_thread(shutil.copytree, log_folder(self._published, ORIGIN), tiles, dirs_exist_ok=True)
        answer = await client.get(f"/cylinders/{quote(code, safe='')}/evidence")
        answer.raise_for_status()
        evidence = self._kept / "cylinder.evidence.zip"
        evidence.write_bytes(answer.content)
        checked = (str(evidence), "--policy", str(self.policy))
        first, second, (_, told) = await asyncio.gather(
            finished("-m", "ledger", "verify", *checked),
            finished("-m", "ledger.shell.second_verifier", *checked),
            finished("-m", "ledger", "replay", str(tiles), "--policy", str(self.policy), "--json"),
        )
        head, replayed = checkpoint.head, mjson.decode(told.rpartition("\n")[2], type=_ReplayLine)
        return Proof(
            Size(head.size, encode_base64(head.root)),
            len(judge_checkpoint(parse_policy(self.policy.read_bytes()), checkpoint).cosigned_s),
            Verified(first[0] == 0, second[0] == 0),
            Replayed(replayed.decisions, replayed.differences),
        )

    async def _checkpoint(self, client: httpx.AsyncClient) -> Checkpoint:
        """The published checkpoint over everything committed, once the quorum has cosigned it."""
        until = time.monotonic() + PUBLISHED_WITHIN_S
        while True:
            health = mjson.decode((await client.get("/health")).content, type=_Health)
            answer = await client.get(f"/logs/{ORIGIN}/checkpoint")
            if answer.status_code == httpx.codes.OK:
                checkpoint = parse_checkpoint(answer.content)
                standing = judge_checkpoint(parse_policy(self.policy.read_bytes()), checkpoint)
                whole = checkpoint.head.size == health.logs[0].size
                if (whole and standing.quorum) or time.monotonic() > until:
                    return checkpoint
            elif time.monotonic() > until:
                answer.raise_for_status()
            await asyncio.sleep(_ASK_S)
