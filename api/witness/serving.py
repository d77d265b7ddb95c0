"""A witness composed from files, keys and a clock, and HTTP around it.

POST /add-checkpoint                    C2SP tlog-witness; 409 answers `text/x.tlog.size`, all else RFC 9457
GET  /{sha256 of the origin}/checkpoint     the newest checkpoint it cosigned
GET  /conflicts                         what logs signed and contradicts it: JSON, both notes of each
"""

import asyncio
import hashlib
import os
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from litestar import Litestar, Request, Response, get, post
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from msgspec import Struct
from msgspec import json as mjson

from api.problems import on_exception
from api.publish.durable import sync_folder
from api.serve import Ready, Server, bind
from api.settings import LOOPBACK, BadSettings
from api.signing import new_pq_key, new_private_key, read_note_key, write_private_key
from api.witness.memory import Conflict, Memory, create_memory
from api.witness.witness import Clock, Stale, Witness
from ledger.errors import BadSignature, Forbidden, NotFound
from ledger.note import format_signatures
from ledger.note_key import ED25519_COSIGNATURE, ML_DSA_44, NoteKey, NoteSigner, format_vkey, is_name, note_signer
from ledger.witness_request import MAX_REQUEST_BYTES

PORT = 8001
SIZE = "text/x.tlog.size"

_SAID = {
    "fork": ("签了两段不同的历史（两份快照即证据）", "signed two histories; the two notes prove it"),
    "smaller": (
        "交来比已签更小的快照：日志被回退，或有人重发旧快照",
        "is smaller than before: rolled back, or an old one",
    ),
    "unproved": ("交来的快照证明不了只是追加", "does not show that it only appended"),
}

Asking = Request[object, object, State]


class WitnessPlan(Struct, frozen=True, kw_only=True):
    """One witness: the name of its keys, its files, the logs' keys that it knows, and where it listens."""

    name: str
    key: Path
    pq_key: Path | None = None
    db: Path
    logs: tuple[NoteKey, ...]
    host: str = LOOPBACK
    port: int = PORT

    def signers(self) -> tuple[NoteSigner, ...]:
        """Ed25519 (0x04) and, with a second key, ML-DSA-44 (0x06). BadSettings for other kinds, Malformed for none."""
        found = [read_note_key(path) for path in (self.key, self.pq_key) if path is not None]
        if [isinstance(one, Ed25519PrivateKey) for one in found] != [True, False][: len(found)]:
            raise BadSettings(
                "第一把见证密钥应为 Ed25519，第二把应为 ML-DSA-44",
                "a witness's first key must be an Ed25519 key, the second an ML-DSA-44 key",
            )
        kinds = (ED25519_COSIGNATURE, ML_DSA_44)
        return tuple(note_signer(self.name, kind, private) for kind, private in zip(kinds, found, strict=False))


class _Shown(Struct, frozen=True):
    """A conflict as it is read."""

    origin: str
    kind: str
    size: int
    seen_ms: int
    zh: str
    en: str
    submitted: str
    held: str


def create_witness(plan: WitnessPlan) -> None:
    """Make the keys of a new witness and its database; BadSettings or Malformed when any of the files is there.

    The keys are born with the database: no key that signed before can begin again with an empty one. Should this die
    halfway, nothing was signed: remove the files and do it again.
    """
    _check_name(plan.name)
    paths = [path for path in (plan.key, plan.pq_key, plan.db) if path is not None]
    there = [path for path in paths if path.exists()]
    if there:
        raise BadSettings(
            f"{there[0]} 已存在：--new 一并新建密钥与见证库；旧密钥不能配空库，已有的见证方请去掉 --new",
            f"{there[0]} is there already: --new makes keys and database together, for a key that signed before must "
            "never begin with an empty one. Leave out --new to go on",
        )
    write_private_key(plan.key, new_private_key("ed25519"))
    if plan.pq_key is not None:
        write_private_key(plan.pq_key, new_pq_key())
    for path in paths[:-1]:
        with path.open("rb") as file:
            os.fsync(file.fileno())
        sync_folder(path.absolute().parent)
    create_memory(plan.db, vkeys_of(plan.signers()))


def vkeys_of(signers: tuple[NoteSigner, ...]) -> str:
    """The public keys, one a line."""
    return "".join(f"{format_vkey(one.key)}\n" for one in signers)


def serve_witness(plan: WitnessPlan, clock: Clock, ready: Ready) -> None:
    """Serve until a signal ends it. `ledger witness` passes the real clock; only demo and tests pass another."""
    make_witness_server(plan, clock, ready).run_bound()


def make_witness_server(plan: WitnessPlan, clock: Clock, ready: Ready) -> Server:
    """A server bound to its address, not yet running. BadSettings when files or address are not as they must be."""
    _check_name(plan.name)
    signers = plan.signers()
    memory = Memory(plan.db, vkeys_of(signers))
    witness = Witness(memory, signers, plan.logs, clock=clock, tell=_tell)
    return Server(witness_app(witness), bind(plan.host, plan.port), ready)


def witness_app(witness: Witness) -> Litestar:
    """The three routes."""
    origins = {hashlib.sha256(origin.encode()).hexdigest(): origin for origin in witness.origins}

    @post("/add-checkpoint", status_code=200)
    async def add_checkpoint(request: Asking) -> Response[bytes]:
        body = await request.body()
        try:
            signatures = await asyncio.to_thread(witness.add_checkpoint, body)
        except Stale as stale:
            # As a header of its own: a media type of text would be given a charset.
            return Response(f"{stale.size}\n".encode(), status_code=409, headers={"Content-Type": SIZE})
        except BadSignature as error:
            raise Forbidden(error.zh, error.en) from error
        return Response(format_signatures(signatures).encode(), media_type="text/plain")

    @get("/{digest:str}/checkpoint", sync_to_thread=True)
    def get_checkpoint(digest: FromPath[str]) -> Response[bytes]:
        note = witness.newest(origins[digest]) if digest in origins else None
        if note is None:
            raise NotFound("还没有为这个日志签过", "nothing was cosigned of this log yet")
        return Response(note, media_type="text/plain", headers={"Cache-Control": "no-cache"})

    @get("/conflicts", sync_to_thread=True)
    def get_conflicts() -> Response[bytes]:
        shown = [_shown(one) for one in witness.conflicts()]
        return Response(mjson.encode(shown), media_type="application/json", headers={"Cache-Control": "no-cache"})

    return Litestar(
        [add_checkpoint, get_checkpoint, get_conflicts],
        request_max_body_size=MAX_REQUEST_BYTES,
        exception_handlers={NotFoundException: _no_address, Exception: on_exception},
        openapi_config=None,
        logging_config=None,
    )


def _no_address(request: Asking, _: NotFoundException) -> Response[bytes]:
    return on_exception(
        request,
        NotFound(
            "没有此地址；见证方只有 POST /add-checkpoint、GET /SHA256/checkpoint、GET /conflicts",
            "no such address; a witness has POST /add-checkpoint, GET /SHA256/checkpoint and GET /conflicts",
        ),
    )


def _shown(one: Conflict) -> _Shown:
    zh, en = _SAID[one.kind]
    return _Shown(one.origin, one.kind, one.size, one.seen_ms, zh, en, one.submitted.decode(), one.held.decode())


def _tell(conflict: Conflict) -> None:
    zh, en = _SAID[conflict.kind]
    where = f"{conflict.origin} {conflict.size}"
    sys.stderr.write(f"{where}：{zh}；见 /conflicts\n{where}: {en}; see /conflicts\n")
    sys.stderr.flush()


def _check_name(name: str) -> None:
    if not is_name(name):
        raise BadSettings(f"{name} 不能作见证方名称", f"{name} cannot be a witness's name: no spaces, no plus")
