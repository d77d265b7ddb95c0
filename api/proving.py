"""GET proofs and receipts, made from the static files of a published log."""

from typing import Annotated

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter, QueryParameter
from msgspec import Struct

from api.deployment import Deployment
from api.problems import documented
from api.publish.standing import HEADER
from api.publish.tile_store import TileStore
from api.publish.tree import reader
from api.published import TAG, TEXT, OriginPath, documented_file, find_published, newest
from ledger.errors import Busy, NotFound
from ledger.lines import encode_base64
from ledger.proofs import ReadHash, prove_consistency, prove_inclusion, tree_root
from ledger.receipt import Receipt, format_receipt
from ledger.store.read import log_state, reading

_LARGEST = 2**53 - 1
IndexPath = Annotated[int, PathParameter(ge=0, le=_LARGEST, description="条目序号 · the entry's index")]
Index = Annotated[int, QueryParameter(ge=0, le=_LARGEST, description="条目序号 · the entry's index")]
Size = Annotated[int, QueryParameter(ge=1, le=_LARGEST, description="条数 · a number of entries")]


class InclusionProof(Struct, frozen=True):
    """RFC 9162 section 2.1.3: from entry `index` to the `root` of `size` entries. Hashes in base64, leaf to root."""

    index: int
    size: int
    root: str
    hashes: list[str]


class ConsistencyProof(Struct, frozen=True):
    """RFC 9162 section 2.1.4: the tree of `new` entries begins with that of `old`. Hashes in base64."""

    old: int
    new: int
    hashes: list[str]


def proof_routes(deployment: Deployment) -> list[HTTPRouteHandler]:
    """The routes of proofs; NotFound for a log that is not published here, and for what is not published yet."""

    @get(
        "/logs/{origin:str}/proof/inclusion", tags=[TAG], sync_to_thread=True, responses=documented(404, 503),
        summary="包含证明 · an inclusion proof",
    )  # fmt: skip
    def get_inclusion(origin: OriginPath, index: Index, size: Size) -> InclusionProof:
        _, store = find_published(deployment, origin)
        read = _reader(store, size)
        if index >= size:
            raise NotFound(f"第 {index} 条不在 {size} 条的树中", f"entry {index} is not in a tree of {size}")
        root, hashes = tree_root(read, size), prove_inclusion(read, index, size)
        return InclusionProof(index, size, encode_base64(root), _texts(hashes))

    @get(
        "/logs/{origin:str}/proof/consistency", tags=[TAG], sync_to_thread=True, responses=documented(404, 503),
        summary="一致性证明 · a consistency proof",
    )  # fmt: skip
    def get_consistency(origin: OriginPath, old: Size, new: Size) -> ConsistencyProof:
        _, store = find_published(deployment, origin)
        read = _reader(store, new)
        if old > new:
            raise NotFound(f"{old} 大于 {new}", f"{old} is more than {new}; a log only grows")
        return ConsistencyProof(old, new, _texts(prove_consistency(read, old, new)))

    @get(
        "/logs/{origin:str}/receipts/{index:int}", tags=[TAG], sync_to_thread=True,
        summary="回执（tlog-proof）· an entry's receipt", responses=documented_file(TEXT, "tlog-proof", 404, 503),
    )  # fmt: skip
    def get_receipt(origin: OriginPath, index: IndexPath) -> Response[bytes]:
        named, store = find_published(deployment, origin)
        checkpoint = newest(store)
        size = checkpoint.head.size
        if index >= size:
            raise _not_published(deployment, named, index)
        proof = prove_inclusion(reader(store, size), index, size)
        headers = {HEADER: deployment.published[named].standing(checkpoint).quorum}
        return Response(format_receipt(Receipt(index, proof, checkpoint)), media_type=TEXT, headers=headers)

    return [get_inclusion, get_consistency, get_receipt]


def _reader(store: TileStore, size: int) -> ReadHash:
    """Reads the published tree, for proofs about the first `size` entries. NotFound when it has not as many."""
    published = newest(store).head.size
    if size > published:
        raise NotFound(f"目前只发布到 {published} 条", f"no more than {published} entries are published by now")
    return reader(store, published)


def _texts(hashes: tuple[bytes, ...]) -> list[str]:
    return [encode_base64(one) for one in hashes]


def _not_published(deployment: Deployment, origin: str, index: int) -> Busy | NotFound:
    with reading(deployment.engine, ()) as connection:
        size = log_state(connection, origin).size
    if index < size:
        return Busy(
            f"第 {index} 条已入账，尚未发布，请稍后再取",
            f"entry {index} is committed, not yet published; ask again shortly",
        )
    return NotFound(f"没有第 {index} 条，日志只有 {size} 条", f"no entry {index}; the log has {size}")
