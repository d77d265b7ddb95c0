"""The public keys of enrolled signers. An id is derived from its key, so what was read once holds for ever."""

from uuid import UUID

import psycopg

from ledger import claim as c
from ledger.bundle import PublicKey, decode_claim, public_key, signer_id
from ledger.errors import UnknownSigner

MAX_KEPT = 50_000


class Keys:
    """Keys of one log by signer id, read from its records when first asked for. Whether a signer may still speak is
    decided under the log's lock, never here.
    """

    def __init__(self, origin: str) -> None:
        """Nothing is read yet."""
        self._origin = origin
        self._kept: dict[str, PublicKey] = {}

    def known(self, signer: str) -> PublicKey | None:
        """The key if it was read before."""
        return self._kept.get(signer)

    def find(self, connection: psycopg.Connection, signer: str) -> PublicKey:
        """The key of that signer; UnknownSigner if this log never enrolled it."""
        key = self._kept.get(signer)
        if key is None:
            key = self._read(connection, signer)
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            self._kept[signer] = key
        return key

    def _read(self, connection: psycopg.Connection, signer: str) -> PublicKey:
        rows = connection.execute(
            "SELECT body FROM record JOIN log USING (log_id) WHERE origin = %s AND subject = ANY(%s)",
            (self._origin, ["log", f"signer:{UUID(signer).hex}"]),
            binary=True,
        ).fetchall()
        for (body,) in rows:
            claim = decode_claim(bytes(body).decode())
            enrolled: tuple[c.SignerKey, ...] = ()
            if isinstance(claim, c.OpenLog):
                enrolled = (claim.authority, claim.log_signer)
            elif isinstance(claim, c.EnrolSigner):
                enrolled = (claim.key,)
            for key in enrolled:
                if signer_id(key) == signer:
                    return public_key(key)
        raise UnknownSigner(
            "签名设备未在本日志登记，未保存任何数据；请由企业登记后重发",
            "this signer is not enrolled in this log; nothing was stored; have it enrolled, then send again",
        )
