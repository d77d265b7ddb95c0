"""The log that a real import writes to, over HTTP: who is registered there, whom the keys sign for, and its door."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import msgspec
from msgspec import Struct

from api.client import Rejected, ask, open_client
from api.file_command import only_log
from api.fleet.mapping import name_key
from api.fleet.row import Clock
from api.signing import Chain, keep_chain, read_chain, read_private_key
from ledger.bundle import signer_id, signer_key
from ledger.claim import EnrolSigner, FileEnterprise, Role
from ledger.entry import Answer
from ledger.errors import Busy, LedgerError, Malformed

TIMEOUT_S = 60
TRIES = 6
"""A door that is busy or away is asked again after 1, 2, 4, 8 and 16 seconds; then the import ends, to be resumed."""
_PAGE = 500


class _Record(Struct):
    claim: msgspec.Raw


class _Found(Struct):
    record: _Record


class _Page(Struct):
    records: list[_Record]
    next_after: int | None = None


class KeyFile:
    """An office's key in a PEM file, with its chain of bundles beside it, as `ledger file` has it."""

    def __init__(self, path: Path) -> None:
        self.path, self.key = path, read_private_key(path)
        self.enterprise = ""

    @property
    def signer(self) -> str:
        """The signer's id."""
        return signer_id(signer_key(self.key))

    def chain(self) -> Chain:
        """Where its chain stands."""
        return read_chain(self.path)

    def keep(self, chain: Chain) -> None:
        """Remember beside the key how far its chain goes; it may have signed something else since."""
        keep_chain(self.path, chain)


class Remote:
    """A log's server. A context manager; `submit` sends in a thread of its own, one bundle after the other."""

    def __init__(self, url: str, log: str | None, token: str, clock: Clock) -> None:
        self._http = open_client(url, token, TIMEOUT_S)
        self._sender = ThreadPoolExecutor(1, thread_name_prefix="fleet sender")
        self._named, self._clock = log, clock
        self.log = ""

    def __enter__(self) -> Self:
        self.log = self._named or only_log(self._http)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._sender.shutdown(wait=kind is None, cancel_futures=True)
        self._http.close()

    def enterprises(self) -> dict[str, str]:
        """Enterprises' ids by `name_key` of their names. A name that two bear is nobody's."""
        found: dict[str, set[str]] = {}
        after: int | None = -1
        while after is not None:
            answer = ask(self._http, "GET", f"/registry/enterprise?{self._query}&after={after}&limit={_PAGE}")
            page = msgspec.json.decode(answer.content, type=_Page)
            for record in page.records:
                claim = msgspec.json.decode(record.claim, type=FileEnterprise)
                found.setdefault(name_key(claim.name), set()).add(claim.enterprise)
            after = page.next_after
        return {name: next(iter(ids)) for name, ids in found.items() if len(ids) == 1}

    def find_office(self, key: KeyFile) -> KeyFile:
        """Learn whose office signs with a key; Malformed when it is no office's of this log."""
        try:
            answer = ask(self._http, "GET", f"/registry/signer/{key.signer}?{self._query}")
        except Rejected as fault:
            raise self._no_office(key, fault) from fault
        claim = msgspec.json.decode(msgspec.json.decode(answer.content, type=_Found).record.claim, type=EnrolSigner)
        if claim.role is not Role.OFFICE or claim.status != "active" or claim.enterprise is None:
            raise self._no_office(key)
        key.enterprise = claim.enterprise
        return key

    def submit(self, envelope: bytes) -> "Future[list[Answer]]":
        """Send a bundle; its answers come after it is durable."""
        return self._sender.submit(self._send, envelope)

    @property
    def _query(self) -> str:
        return f"log={quote(self.log, safe='')}"

    def _send(self, envelope: bytes) -> list[Answer]:
        for attempt in range(TRIES):
            try:
                headers = {"Ledger-Device-Time": str(self._clock())}
                answer = ask(self._http, "POST", "/bundles", envelope, headers)
            except Busy:
                if attempt == TRIES - 1:
                    raise
                time.sleep(2**attempt)
            else:
                return msgspec.json.decode(answer.content, type=list[Answer])
        raise AssertionError("the last attempt returns or raises")

    def _no_office(self, key: KeyFile, told: LedgerError | None = None) -> Malformed:
        zh, en = ("", "") if told is None else (f"（{told.zh}）", f" ({told.en})")
        return Malformed(
            f"{key.path} 不是日志 {self.log} 里现用的办公室密钥{zh}；请监管机构先登记（enrol_signer，office）",
            f"{key.path} is no active office's key in the log {self.log}{en}; have the authority enrol it as one first",
        )
