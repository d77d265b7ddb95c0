"""What a printed code says: format and parse.

A label is one QR symbol with its human-readable code beneath. Ours is `HTTPS://HOST/C/SCHEME/VALUE` in upper case, so
that the symbol goes in QR's alphanumeric mode: fewer, larger modules that survive more rust (ECOSYSTEM 5). A GRAI has
GS1's own URL, the Digital Link `HTTPS://HOST/8003/VALUE`, which any GS1 reader resolves; a lower-case letter in its
serial puts the symbol in byte mode, since GS1 tells cases apart.

The code beneath is what a person types when the symbol is gone; `parse_reading` takes it as it stands.
"""

import re

from msgspec import Struct

from ledger.errors import Malformed
from ledger.identity import Identifier, digital_link, escape_value, format_grai
from ledger.reading import parse_link

_HOST = re.compile(r"[0-9A-Z](?:[0-9A-Z.-]{0,98}[0-9A-Z])?(?::[0-9]{1,5})?")
_ALPHANUMERIC = re.compile(r"[0-9A-Z $%*+\-./:]*")  # ISO/IEC 18004, table 5


class Label(Struct, frozen=True):
    """What to print: the symbol's `url`, the `text` beneath it, and whether QR's alphanumeric mode holds the URL."""

    url: str
    text: str
    alphanumeric: bool


def format_label(identifier: Identifier, host: str) -> Label:
    """The label of an identifier, resolved by `host` (ASCII, with a port if need be).

    Malformed when the host is none, or the identifier is `unread`: what was no code gets no label.
    """
    upper_host = host.upper()
    if _HOST.fullmatch(upper_host) is None:
        raise Malformed(
            "主机名无效，请填写如 q.example.cn 的域名（中文域名用 punycode）",
            "not a host name; give one like q.example.cn, an international one in punycode",
        )
    if identifier.scheme == "unread":
        raise Malformed("未识别的内容不能制作标签，请先发码", "what was no code gets no label; issue a code first")
    if identifier.scheme == "grai":
        url = digital_link(identifier, upper_host).replace("https", "HTTPS", 1)
        text = format_grai(identifier)
    else:
        url = f"HTTPS://{upper_host}/C/{identifier.scheme.upper()}/{escape_value(identifier.value)}"
        text = identifier.value
    return Label(url, text, _ALPHANUMERIC.fullmatch(url) is not None)


def parse_label(url: str) -> Identifier:
    """The identifier in a label's URL, whatever its host and case; Malformed when it holds none."""
    return parse_link(url)
