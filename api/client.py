"""Asking a running server from a command.

A reader's token comes from the environment (`LEDGER_TOKEN`), never from the command line, which every user of the
machine can list, and never within a URL. It goes into one header of requests to the server that was named; redirects
are not followed, and nothing here prints or logs it.
"""

from collections.abc import Mapping

import httpx
import msgspec

from api.problems import Problem
from api.settings import BadSettings
from ledger.errors import Busy, Forbidden, LedgerError

TOKEN_VARIABLE = "LEDGER_TOKEN"  # noqa: S105 - the variable's name

# Status, and whether a token was sent.
REFUSED = {
    (401, False): (
        f"服务器要求令牌，须可查全部站点：设置 {TOKEN_VARIABLE}",
        f"the server takes a token for all sites of the log: set {TOKEN_VARIABLE}",
    ),
    (401, True): (
        f"服务器不认识 {TOKEN_VARIABLE} 中的令牌，请与运营者核对",
        f"the server does not know the token in {TOKEN_VARIABLE}; compare it with the operator's",
    ),
    (403, False): (
        "服务器不予查询（403）：没有令牌的服务器只以本机地址 127.0.0.1 查询",
        "the server refuses (403): one without tokens is asked by its own machine's address, 127.0.0.1",
    ),
    (403, True): (
        f"{TOKEN_VARIABLE} 中的令牌不能查此日志的全部站点，请向运营者要一个能查的",
        f"the token in {TOKEN_VARIABLE} does not cover all sites of this log; ask the operator for one that does",
    ),
}
"""What to do about a server that refuses to be read."""
_OF_READING = ("unauthorised", "forbidden")


class Rejected(LedgerError):
    """The server did not take the request; nothing was stored."""

    slug = "rejected"


def token_in(environment: Mapping[str, str]) -> str:
    """The reader's token, "" where there is none. BadSettings when the text can be no token."""
    token = environment.get(TOKEN_VARIABLE, "")
    if not token.isascii() or not token.isprintable() or token != token.strip():
        raise BadSettings(
            f"{TOKEN_VARIABLE} 不是令牌：只能有可见的 ASCII 字符，首尾无空格；请重新复制",
            f"{TOKEN_VARIABLE} is no token: it has visible ASCII characters alone, no spaces around; copy it again",
        )
    return token


def bearing(token: str) -> dict[str, str]:
    """The header that bears a token; none for none."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def open_client(url: str, token: str, timeout_s: float) -> httpx.Client:
    """A client of that server. BadSettings when the URL is none, or holds what belongs into the environment."""
    try:
        asked = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        asked = httpx.URL("")
    if asked.scheme not in ("http", "https") or not asked.host:
        raise BadSettings("网址有误，应如 http://127.0.0.1:8000", "no URL; one looks like http://127.0.0.1:8000")
    if asked.userinfo or asked.query or asked.fragment:
        raise BadSettings(
            f"网址里不要写令牌、口令或参数；令牌请放进环境变量 {TOKEN_VARIABLE}",
            f"a URL holds no token, password or parameter: put the token into the environment as {TOKEN_VARIABLE}",
        )
    return httpx.Client(base_url=asked, timeout=timeout_s, trust_env=False, headers=bearing(token))


def ask(
    http: httpx.Client, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> httpx.Response:
    """The answer to one request. Busy when there is none, Forbidden when a token is missing, wrong or too narrow,
    Rejected when it is another problem of ours.
    """
    try:
        response = http.request(method, path, content=body, headers=headers)
    except httpx.TransportError as error:
        raise Busy(f"连不上 {http.base_url}：{error}", f"cannot reach {http.base_url}: {error}") from error
    if response.is_success:
        return response
    try:
        problem = msgspec.json.decode(response.content, type=Problem)
    except msgspec.DecodeError as error:
        zh, en = f"{http.base_url} 不像本账本的服务", f"{http.base_url} does not answer as a ledger"
        raise Busy(f"{zh}（{response.status_code}）", f"{en} ({response.status_code})") from error
    if response.is_server_error:
        raise Busy(problem.zh, problem.en)
    if problem.type.rpartition(":")[2] in _OF_READING:
        zh, en = REFUSED[response.status_code, "authorization" in http.headers]
        raise Forbidden(f"{zh}（{problem.zh}）", f"{en} ({problem.en})")
    raise Rejected(problem.zh, problem.en, pointer=problem.pointer)
