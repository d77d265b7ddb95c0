"""Problems: the one mapping from faults to RFC 9457 `application/problem+json`, Chinese and English.

fault                        status
Malformed                    400   correct it and sign again; `pointer` says where in the payload
UnknownSigner, BadSignature  401   the signer is not enrolled, or did not sign these bytes
Unauthorised                 401   a token is missing or wrong
Forbidden                    403   the token does not cover this
NotFound, WrongLog           404
TooLarge                     413
BadProof                     422   hashes, root and entry do not belong together
Busy                         503   with Retry-After: send the same bytes again
Corrupt, anything else       500   a bug; its traceback goes to standard error, never to the asker
"""

import logging
from http import HTTPStatus

from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi import ResponseSpec
from msgspec import Struct
from msgspec import json as mjson

from api.access import Unauthorised
from ledger import errors as f

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:cylinder-ledger:problem:"

_log = logging.getLogger("ledger.http")
_encoder = mjson.Encoder()


class Problem(Struct, frozen=True):
    """RFC 9457. `type` ends in the fault's slug; `detail` is `zh` and `en` together; `pointer` is RFC 6901 or ''."""

    type: str
    title: str
    status: int
    detail: str
    zh: str
    en: str
    pointer: str


class Told(Struct, frozen=True):
    """A problem as it is sent."""

    problem: Problem
    headers: dict[str, str]

    @property
    def body(self) -> bytes:
        """The JSON bytes."""
        return _encoder.encode(self.problem)


# Nearest class first.
_STATUS: tuple[tuple[type[f.LedgerError], int, str], ...] = (
    (f.TooLarge, 413, "内容过大"),
    (f.Malformed, 400, "内容有误"),
    (f.UnknownSigner, 401, "签名设备未登记"),
    (f.BadSignature, 401, "签名无效"),
    (Unauthorised, 401, "未授权"),
    (f.Forbidden, 403, "无权查询"),
    (f.BadProof, 422, "证明无效"),
    (f.WrongLog, 404, "日志不符"),
    (f.NotFound, 404, "未找到"),
    (f.Busy, 503, "系统繁忙"),
    (f.Corrupt, 500, "数据异常"),
)

# Litestar's own: slug, Chinese title, Chinese and English sentence.
_HTTP: dict[int, tuple[str, str, str, str]] = {
    400: ("malformed", "请求有误", "请求参数有误，请对照接口文档更正", "a parameter is wrong; compare it with /docs"),
    404: ("not-found", "未找到", "没有此地址，请查看接口文档 /docs", "no such address; see /docs"),
    405: ("method-not-allowed", "方法不支持", "此地址不支持该方法", "this address does not take that method"),
    413: ("too-large", "内容过大", "提交内容过大，请分批提交", "too large; send less at once"),
    415: ("unsupported-media-type", "类型不支持", "内容类型不支持", "this media type is not taken"),
}


def tell(error: Exception) -> Told:
    """The problem that an exception is to the asker. A bug says nothing of itself; its traceback goes to the log."""
    if isinstance(error, f.LedgerError):
        return _fault(error)
    if isinstance(error, HTTPException) and error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        return _http(error)
    _log.error("bug while answering a request", exc_info=error)
    zh, en = "服务器内部错误；请联系运维，并原样重发", "a bug of ours; tell the operator, and send the same bytes again"
    return _told("bug", "内部错误", 500, zh, en)


def _fault(error: f.LedgerError) -> Told:
    status, title = next(((status, title) for kind, status, title in _STATUS if isinstance(error, kind)), (500, "故障"))
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("fault in what is stored", exc_info=error)
    headers: dict[str, str] = {}
    if isinstance(error, f.Busy):
        headers["Retry-After"] = str(error.retry_after_s)
    elif status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer" if isinstance(error, Unauthorised) else "DSSE"
    return _told(error.slug, title, status, error.zh, error.en, pointer=error.pointer, headers=headers)


def _http(error: HTTPException) -> Told:
    status = error.status_code
    default = ("http-error", "请求有误", "请求无法处理", HTTPStatus(status).phrase)
    slug, title, zh, en = _HTTP.get(status, default)
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        where = "; ".join(f"{one.get('key', '')}: {one.get('message', '')}" for one in error.extra)
        zh, en = f"{zh}（{where}）", f"{en} ({where})"
    return _told(slug, title, status, zh, en, headers=dict(error.headers or {}))


def _told(
    slug: str, title: str, status: int, zh: str, en: str, *, pointer: str = "", headers: dict[str, str] | None = None
) -> Told:
    problem = Problem(TYPE_PREFIX + slug, title, status, f"{zh} / {en}", zh, en, pointer)
    return Told(problem, headers or {})


def on_exception(_: Request[object, object, State], error: Exception) -> Response[bytes]:
    """Litestar's exception handler for everything."""
    told = tell(error)
    return Response(told.body, status_code=told.problem.status, media_type=MEDIA_TYPE, headers=told.headers)


_SAID = {
    400: "请求或内容有误 · malformed",
    401: "未授权，或签名无效 · no valid token, or no valid signature",
    403: "无权查询 · outside the token's scope",
    404: "未找到，或日志不符 · not found, or another log",
    405: "方法不支持 · method not allowed",
    413: "内容过大 · too large",
    500: "内部错误 · a bug of ours",
    503: "系统繁忙，按 Retry-After 重试 · busy or the database is away; retry as Retry-After says",
}


def documented(*statuses: int) -> dict[int, ResponseSpec]:
    """These problems, and those that every route may answer, for a handler's `responses=`."""
    return {
        status: ResponseSpec(Problem, description=_SAID[status], media_type=MEDIA_TYPE, generate_examples=False)
        for status in sorted({*statuses, 400, 405, 500})
    }
