"""A log over HTTP as `ledger serve` hands it out. Whatever comes is a claim; here its length and time are bounded."""

import time
import zlib
from collections.abc import Iterator
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from threading import Timer
from typing import Self
from urllib.parse import quote

import httpx

from api.client import REFUSED, bearing
from api.settings import BadSettings
from ledger.entry import MAX_ENTRY_BYTES
from ledger.errors import Busy, Forbidden, Malformed
from ledger.note import MAX_NOTE_BYTES
from ledger.tiles import ENTRIES, FULL_BYTES, WIDTH, Tile, tile_path

FETCHERS = 8  # bundles asked for at once: most of the time is the way there and back
MAX_BUNDLE_BYTES = WIDTH * (2 + MAX_ENTRY_BYTES)
_TIMEOUT_S = 30.0
_WHOLE_S = 300.0  # from the question to the answer's last byte
_GZIP = 16 + zlib.MAX_WBITS


class Source:
    """One log at one server. Any number of threads may ask."""

    def __init__(self, url: str, origin: str, token: str = "", *, pauses_s: tuple[float, ...] = (0.5, 1, 2, 4)) -> None:
        """`token` is for entry bundles. `pauses_s`: how long to wait before each further try when the network fails.

        BadSettings when the URL is none.
        """
        self._with_token = bool(token)
        self._prefix = f"/logs/{quote(origin)}/"
        self._pauses_s = pauses_s
        headers = {"Accept-Encoding": "gzip"} | bearing(token)
        self._wire = httpx.HTTPTransport(limits=httpx.Limits(max_connections=FETCHERS), trust_env=False)
        cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))  # none are kept
        try:
            self._http = httpx.Client(
                base_url=url, headers=headers, timeout=_TIMEOUT_S, transport=self._wire, trust_env=False,
                cookies=cookies,
            )  # fmt: skip
        except (httpx.InvalidURL, ValueError) as error:
            raise BadSettings(f"网址有误：{error}", f"no URL: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def checkpoint(self) -> bytes:
        """The newest checkpoint. Busy when the server is away or has none, Forbidden for a wrong token."""
        raw = self.get("checkpoint", MAX_NOTE_BYTES)
        if raw is None:
            raise Busy(
                "该地址没有发布这个日志，请核对网址与日志公钥", "this log is not published there; compare URL and vkey"
            )
        return raw

    def tile(self, tile: Tile) -> bytes:
        """A tile or entry bundle, or the full one that took a partial one's place. Busy when there is neither."""
        most = MAX_BUNDLE_BYTES if tile.level == ENTRIES else FULL_BYTES
        body = self.get(tile_path(tile), most)
        if body is None and tile.width < WIDTH:
            body = self.get(tile_path(Tile(tile.level, tile.index)), most)
        if body is None:
            path = tile_path(tile)
            raise Busy(f"服务器没有快照所说的 {path}", f"the server has no {path}, which its checkpoint speaks of")
        return body

    def get(self, path: str, most_bytes: int) -> bytes | None:
        """Whatever lies there, None when nothing does. Tried again while the network or the server fails, then Busy.

        Malformed when it is longer than that, Forbidden for a wrong token.
        """
        for pause_s in (*self._pauses_s, None):
            try:
                return self._once(path, most_bytes)
            except Busy:
                if pause_s is None:
                    raise
                time.sleep(pause_s)
        raise AssertionError("the last try returns or raises")

    def _once(self, path: str, most_bytes: int) -> bytes | None:
        # A wait is over with each byte: whoever sends them one by one is cut off here, with all that is under way.
        cut, until = Timer(_WHOLE_S, self._wire.close), time.monotonic() + _WHOLE_S
        cut.daemon = True
        cut.start()
        try:
            with self._http.stream("GET", self._prefix + path) as answer:
                status = answer.status_code
                if status == HTTPStatus.NOT_FOUND:
                    return None
                if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
                    raise Forbidden(*REFUSED[status, self._with_token])
                if status != HTTPStatus.OK:
                    raise Busy(f"服务器答复 {status}：{path}", f"the server answered {status} for {path}")
                body = bytearray()
                for part in _unpacked(answer, most_bytes + 1):
                    body += part
                    if len(body) > most_bytes:
                        raise Malformed(f"{path} 超过 {most_bytes} 字节", f"{path}: over {most_bytes} bytes")
                    if time.monotonic() > until:
                        raise Busy(f"{path} 答复过慢", f"the server sends {path} too slowly")
                return bytes(body)
        except (httpx.HTTPError, ValueError, zlib.error) as error:  # ValueError: cut off
            raise Busy(f"网络不通：{error!r}", f"the network failed: {error!r}") from error
        finally:
            cut.cancel()


def _unpacked(answer: httpx.Response, room: int) -> Iterator[bytes]:
    """The body, of which each part has at most `room` bytes: a little gzip may unpack to more than fits."""
    gzip = zlib.decompressobj(_GZIP) if answer.headers.get("content-encoding") == "gzip" else None
    for part in answer.iter_raw():
        yield part if gzip is None else gzip.decompress(part, room)
