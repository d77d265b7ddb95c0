"""A trial (试导入): a log of its own in a throwaway database, where rows meet the real `append` and `decide()`.

Its enterprises are those that the mapping file names, else the owners' names that hold at least one row in a hundred;
names that say nobody (待定, 个人, 某某…) are none. Nothing of it is kept but the report.
"""

import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from api.fleet.cells import is_blank
from api.fleet.mapping import Mapping, name_key
from api.fleet.row import Clock
from api.packs import shipped_pack
from api.signing import Chain, new_claim_id, new_private_key
from ledger.bundle import PrivateKey, encode_payload, open_bundle, sign_bundle, signer_id, signer_key
from ledger.claim import CUSTOMER, AnyClaim, EnrolSigner, FileEnterprise, OpenLog, Role
from ledger.entry import Answer
from ledger.store.append import Received, append, open_log
from ledger.store.embedded import EmbeddedServer
from ledger.store.load import LogCache
from ledger.store.migrate import migrate
from ledger.store.writer import Writer, connect_writer

LOG = "trial.ledger.invalid/fleet"
PACK = "cn"
PERCENT = 100
_NOBODY = re.compile(r"某某|某公司|个体户$|^个人|用户自有|^客户|^居民|^自有$|XX+", re.IGNORECASE)
_PHONE = "000"


class Enterprise(NamedTuple):
    """An enterprise of the trial: its id, and a name for it."""

    id: str
    name: str


class TrialOffice:
    """An office whose key lives as long as the trial."""

    def __init__(self, enterprise: str) -> None:
        self.enterprise, self.key = enterprise, new_private_key("ed25519")
        self._chain = Chain()

    def chain(self) -> Chain:
        """Where its chain stands."""
        return self._chain

    def keep(self, chain: Chain) -> None:
        """Remember how far it was answered."""
        self._chain = chain


def enterprises_of(names: Counter[str], mapping: Mapping) -> dict[str, Enterprise]:
    """The trial's enterprises by `name_key` of the names that the file gives them."""
    spelt: dict[str, str] = {}
    rows: Counter[str] = Counter()
    for name, many in names.most_common():
        key = name_key(name)
        spelt.setdefault(key, name)
        rows[key] += many
    mapped = {key: Enterprise(one, spelt.get(key, key)) for key, one in mapping.owners.items()}
    taken = {one.id for one in mapped.values()}
    free = (f"E{number}" for number in range(1, 10_000) if f"E{number}" not in taken)
    if mapped:
        return mapped
    least = sum(rows.values()) / PERCENT
    return {
        key: Enterprise(next(free), spelt[key])
        for key, many in rows.most_common()
        if many >= least and not is_blank(spelt[key]) and not _NOBODY.search(spelt[key])
    }


class Trial(NamedTuple):
    """A running trial: an office for each enterprise, and the writer of its log."""

    offices: tuple[TrialOffice, ...]
    writer: Writer

    def submit(self, envelope: bytes) -> "Future[list[Answer]]":
        """Append a bundle."""
        return self.writer.submit(Received(open_bundle(envelope), 0))


@contextmanager
def running_trial(enterprises: Sequence[Enterprise], clock: Clock) -> Iterator[Trial]:
    """A log in which these enterprises and their offices are filed, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="ledger-trial-"))
    offices = tuple(TrialOffice(one) for one in dict.fromkeys(e.id for e in enterprises) if one != CUSTOMER)
    try:
        with EmbeddedServer(folder, durable=False) as server:
            server.create_database("trial")
            url = server.url("trial")
            migrate(url)
            _file(url, enterprises, offices, clock)
            with Writer(url, LOG, clock) as writer:
                yield Trial(offices, writer)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _file(url: str, enterprises: Sequence[Enterprise], offices: Sequence[TrialOffice], clock: Clock) -> None:
    authority, log_key = new_private_key("ed25519"), new_private_key("ed25519")
    now = clock()
    names = {one.id: one.name for one in reversed(enterprises)}

    def said() -> dict[str, Any]:
        return {"claim_id": new_claim_id(now), "scanned_at": now}

    opening = OpenLog(
        **said(), origin=LOG, authority=signer_key(authority), log_signer=signer_key(log_key), pack=shipped_pack(PACK)
    )
    filed: list[AnyClaim] = []
    for office in offices:
        filed.append(
            FileEnterprise(
                **said(), enterprise=office.enterprise, kind="filler", name=names[office.enterprise][:80],
                service_phone=_PHONE,
            )
        )  # fmt: skip
        public = signer_key(office.key)
        filed.append(
            EnrolSigner(
                **said(), signer=signer_id(public), key=public, role=Role.OFFICE, enterprise=office.enterprise,
                sites=(), acts=("*",), status="active",
            )
        )  # fmt: skip
    with connect_writer(url) as connection:
        first = _signed([opening], authority, Chain())
        open_log(connection, first, now)
        if filed:
            append(connection, LOG, [_signed(filed, authority, Chain(1, first.bundle.digest.hex()))], now, LogCache())


def _signed(claims: list[AnyClaim], key: PrivateKey, chain: Chain) -> Received:
    payload = encode_payload(
        log=LOG, device_seq=chain.device_seq, device_prev=chain.device_prev, seen=None, claims=claims
    )
    return Received(open_bundle(sign_bundle(payload, key)), 0)
