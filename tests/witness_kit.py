"""A log that exists in memory only, with its keys, and a witness behind a real socket."""

import copy
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.serve import real_clock
from api.signing import new_pq_key
from api.witness.serving import WitnessPlan, create_witness, make_witness_server
from ledger.checkpoint import Checkpoint, TreeHead, sign_checkpoint, with_cosignatures
from ledger.entry import leaf_hash
from ledger.merkle import extend, root_of
from ledger.note import parse_signatures
from ledger.note_key import ED25519, ML_DSA_44, NoteKey, note_signer
from ledger.proofs import Proof, prove_consistency
from ledger.witness_request import AddCheckpoint, format_request

ORIGIN = "ledger.test/320600/v1"
NOW_S = 1_795_000_000
LONGEST = 2000


class PaperLog:
    """Leaves, and whatever its operator likes to sign; `fork` gives another history under the same keys."""

    def __init__(self, origin: str = ORIGIN) -> None:
        self.origin = origin
        self.bodies = _bodies("", 0)
        self._signed: dict[int, Checkpoint] = {}
        self.signers = (
            note_signer(origin, ED25519, Ed25519PrivateKey.generate()),
            note_signer(origin, ML_DSA_44, new_pq_key()),
        )

    def fork(self, at: int, word: str = "another") -> "PaperLog":
        other = copy.copy(self)
        other._signed = {}
        other.bodies = self.bodies[:at] + _bodies(word, at)
        return other

    @property
    def leaves(self) -> list[bytes]:
        return [leaf_hash(body) for body in self.bodies]

    @property
    def keys(self) -> tuple[NoteKey, ...]:
        return tuple(one.key for one in self.signers)

    def root(self, size: int) -> bytes:
        return root_of(extend((), 0, self.leaves[:size]))

    def checkpoint(self, size: int) -> Checkpoint:
        if size not in self._signed:  # ML-DSA-44 never signs the same bytes twice alike
            self._signed[size] = sign_checkpoint(TreeHead(self.origin, size, self.root(size)), self.signers, NOW_S)
        return self._signed[size]

    def proof(self, old: int, new: int) -> Proof:
        leaves = self.leaves

        def read(level: int, index: int) -> bytes:
            return root_of(extend((), 0, leaves[index << level : (index + 1) << level]))

        return prove_consistency(read, old, new)

    def request(self, old: int, new: int, proof: Proof | None = None) -> bytes:
        return format_request(
            AddCheckpoint(old, self.proof(old, new) if proof is None else proof, self.checkpoint(new))
        )

    def cosigned(self, size: int, answer: httpx.Response) -> Checkpoint:
        """The checkpoint with what a witness answered."""
        assert answer.status_code == 200, answer.text
        return with_cosignatures(self.checkpoint(size), parse_signatures(answer.content))


def _bodies(word: str, first: int) -> list[bytes]:
    return [f"{word}{number}".encode() for number in range(first, LONGEST)]


def new_plan(folder: Path, *keys: NoteKey, name: str = "witness.test", pq: bool = True) -> WitnessPlan:
    """A new witness in this folder that knows these logs' keys."""
    pq_key = folder / f"{name}-pq.pem" if pq else None
    plan = WitnessPlan(
        name=name, key=folder / f"{name}.pem", pq_key=pq_key, db=folder / f"{name}.db", logs=keys, port=0
    )
    create_witness(plan)
    return plan


@contextmanager
def running_witness(plan: WitnessPlan, clock: Callable[[], int] = real_clock) -> Iterator[httpx.Client]:
    """A client of a witness that runs in a thread meanwhile."""
    ready, urls = threading.Event(), []

    def tell(url: str) -> None:
        urls.append(url)
        ready.set()

    server = make_witness_server(plan, clock, tell)
    thread = threading.Thread(target=server.run_bound)
    thread.start()
    try:
        assert ready.wait(20)
        with httpx.Client(base_url=urls[0]) as http:
            yield http
    finally:
        server.should_exit = True
        thread.join(20)
