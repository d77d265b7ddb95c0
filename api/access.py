"""Who may read what: bearer tokens scoped to logs and sites; without any token, whoever is on this machine."""

import hashlib
import hmac

from litestar.datastructures import Headers

from api.settings import Token, is_loopback
from ledger.errors import Forbidden
from ledger.store.read import ALL_SITES


class Unauthorised(Forbidden):
    """No bearer token, or one that is not configured here."""

    slug = "unauthorised"


class Access:
    """The tokens of a deployment. Their text is never kept, logged or taken from a URL."""

    def __init__(self, tokens: tuple[Token, ...]) -> None:
        """No tokens: reading is for this machine alone, which the address listened on assures."""
        self._tokens = tokens

    def sites(self, headers: Headers, log: str) -> tuple[str, ...]:
        """The sites of that log that these headers let read, `ALL_SITES` for all. Unauthorised, Forbidden otherwise."""
        if not self._tokens:
            _refuse_foreign_names(headers)
            return ALL_SITES
        token = self._token(headers)
        if token.logs != "*" and log not in token.logs:
            raise Forbidden(f"该令牌不能查询日志 {log}", f"this token does not cover the log {log}")
        return ALL_SITES if token.sites == "*" else token.sites

    def whole(self, headers: Headers) -> None:
        """Raise unless these headers let read all sites of all logs, as the operator's own tools do."""
        if not self._tokens:
            _refuse_foreign_names(headers)
            return
        token = self._token(headers)
        if token.logs != "*" or token.sites != "*":
            raise Forbidden("需要可查询全部日志和站点的令牌", "this needs a token for all logs and sites")

    def _token(self, headers: Headers) -> Token:
        scheme, _, text = headers.get("authorization", "").partition(" ")
        digest = hashlib.sha256(text.strip().encode("latin-1", "replace")).hexdigest()
        # Every configured token is compared, in constant time: how long it takes tells nothing.
        found = [token for token in self._tokens if hmac.compare_digest(token.sha256, digest)]
        if scheme.lower() != "bearer" or not found:
            raise Unauthorised(
                "需要有效的访问令牌：Authorization: Bearer …", "a valid token is needed: Authorization: Bearer …"
            )
        return found[0]


def _refuse_foreign_names(headers: Headers) -> None:
    """A web page that resolves its own name to this machine must not read here (DNS rebinding)."""
    host = headers.get("host", "").rpartition("@")[2]
    name = host.partition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    if not is_loopback(name):
        raise Forbidden(
            "未配置令牌时只能以本机地址访问（127.0.0.1）", "without tokens ask by this machine's own address, 127.0.0.1"
        )
