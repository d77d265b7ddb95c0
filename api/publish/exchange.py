"""One bounded exchange with someone outside: it is over in time, and no longer than it may be."""

import time
from http.cookiejar import CookieJar, DefaultCookiePolicy
from threading import Timer
from typing import Self

import httpx

from ledger.errors import LedgerError


class NotAnswered(LedgerError):
    """Someone outside cannot be reached, or answers too much or too slowly; asked again later."""

    slug = "not-answered"


class Outside:
    """Someone outside, asked one thing at a time over a connection that is kept. Nothing is kept of what they set."""

    def __init__(self, timeout_s: float) -> None:
        """Each wait for them is bounded by this, and so is the exchange, but for the wait that it ends in."""
        self._timeout_s, self._wire = timeout_s, httpx.HTTPTransport(trust_env=False)
        self._http = httpx.Client(
            transport=self._wire,
            timeout=timeout_s,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            headers={"Accept-Encoding": "identity"},  # and nothing is unpacked: a little may unpack to more than fits
        )

    def exchange(
        self, method: str, url: str, body: bytes = b"", *, name: str, kind: str = "", most_bytes: int
    ) -> tuple[int, bytes]:
        """Status and body. `name` says who it is, should it not answer; `kind` is the media type of `body`."""
        found, headers = bytearray(), {"Content-Type": kind} if kind else None
        # A wait is over with each byte: who sends a header byte by byte is cut off here, whatever they send.
        cut, until = Timer(self._timeout_s, self._wire.close), time.monotonic() + self._timeout_s
        cut.daemon = True
        cut.start()
        try:
            with self._http.stream(method, url, content=body, headers=headers) as response:
                for piece in response.iter_raw():
                    found += piece
                    if len(found) > most_bytes or time.monotonic() > until:
                        raise NotAnswered(f"{name} 的答复过长或过慢", f"{name} answers too much, or too slowly")
                return response.status_code, bytes(found)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:  # ValueError: cut off, or no URL
            what = type(error).__name__
            raise NotAnswered(f"{name} 无法连接：{what}", f"{name} cannot be reached: {what}") from error
        finally:
            cut.cancel()

    def close(self) -> None:
        """End it; what is under way fails within the time of a wait."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
