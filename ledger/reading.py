"""Readings: what a gun or a camera produced, or a person typed, as an Identifier. Lenient, and it never fails.

Order of trying, first match wins:

1. an AIM symbology prefix (`]Q1`, ISO/IEC 15424) is taken off, with white space and control characters around; a GS1
   prefix (`]C1 ]e0 ]d2 ]Q3 ]J1`) says that only a GRAI will do;
2. a URL: our label's `/C/SCHEME/VALUE`, else a GS1 Digital Link's `/8003/VALUE`; host and case do not matter;
3. `scheme:value`, canonical but for case;
4. a GS1 element string: `(8003)…` or `8003…`, up to the separator (FNC1, sent as GS);
5. a use registration as its certificate prints it, `瓶10苏F72359(22)`;
6. a bare value of any other scheme: own, stamp, legacy ones. Their shapes exclude each other.

What is none of these becomes `unread`: a guess, the length, and a salted digest. A stray payment code or identity card
passes the guns every day; its text must not enter the log.
"""

import hashlib
import re
import unicodedata
from urllib.parse import unquote

from ledger.errors import Malformed
from ledger.identity import PROVINCES, SHAPES, Identifier, parse_code

SALT_BYTES = 8

_GS1_PREFIXES = ("]C1", "]e0", "]d2", "]Q3", "]J1")
_AIM = re.compile(r"\][A-Za-z][0-9A-Za-z]")
_LABEL_URL = re.compile(r"https?://[^/?#]+/c/([^/?#]+)/([^/?#]+)/?(?:[?#].*)?", re.IGNORECASE)
# Any path may stand before the key (GS1 Digital Link 1.4, section 4.10). What qualifies the key tells us nothing.
_DIGITAL_LINK = re.compile(r"https?://[^/?#]+(?:/[^/?#]*)*?/8003/([^/?#]+)(?:[/?#].*)?", re.IGNORECASE)
_SCHEMED = re.compile(r"([A-Za-z][0-9A-Za-z-]*):([^/].*)")
_ELEMENT = re.compile(r"(?:\(8003\)|8003)([^\x1d]+)(?:\x1d.*)?", re.DOTALL)
_NEXT_ELEMENT = re.compile(r"\([0-9]{2,4}\)")
_REGISTRATION = re.compile(r"瓶([0-9]{2})(.)([A-Z])([0-9]{5})\(([0-9]{2})\)")
_BARE = [scheme for scheme in SHAPES if scheme not in ("grai", "unread")]

_ID_CARD = re.compile(r"[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]")
# Payment codes as guns see them: WeChat 10-15, 18 digits; Alipay 25-30, 16 to 24 digits; UnionPay 62, 19 digits (K).
_PAYMENT = re.compile(
    r"1[0-5][0-9]{16}|(?:2[5-9]|30)[0-9]{14,22}|62[0-9]{17}"
    r"|(?:wxp|weixin|alipays?|alipayqr|upwallet)://.*"
    r"|https?://(?:qr\.alipay\.com|wx\.tenpay\.com|payapp\.weixin\.qq\.com|qr\.95516\.com)(?:[/:?#].*)?",
    re.IGNORECASE | re.DOTALL,
)
_URL = re.compile(r"[a-z][a-z0-9+.-]*://.*|www\..*", re.IGNORECASE | re.DOTALL)


def parse_reading(text: str, *, salt: bytes) -> Identifier:
    """The identifier that a reading names, by the order above; what names none becomes `unread` under `salt`.

    `salt` is SALT_BYTES bytes, new and random for each reading; the caller draws it, as the core has no randomness.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    gs1_only = plain.startswith(_GS1_PREFIXES)
    if _AIM.match(plain):
        plain = plain[3:].strip()  # strip() takes a leading FNC1 (GS) too
    for candidate in _element_candidates(plain) if gs1_only else _candidates(plain):
        try:
            return parse_code(candidate)
        except Malformed:
            continue
    return unread_code(text, salt=salt)


def parse_link(url: str) -> Identifier:
    """The identifier that a label's URL or a GS1 Digital Link names; Malformed when there is none in it."""
    for candidate in _link_candidates(url.strip()):
        return parse_code(candidate)
    raise Malformed(
        "不是标签网址，应形如 HTTPS://主机/C/体系/编码",
        "not a label's URL; it reads HTTPS://HOST/C/SCHEME/VALUE or https://HOST/8003/GRAI",
    )


def unread_code(text: str, *, salt: bytes) -> Identifier:
    """What is kept of a text that is no code: guess, length in characters, salt, SHA-256(salt then UTF-8 text)."""
    assert len(salt) == SALT_BYTES, "a salt is SALT_BYTES bytes"
    # surrogatepass: a broken reader may send half a character, and even that must not stop a station.
    digest = hashlib.sha256(salt + text.encode("utf-8", "surrogatepass")).hexdigest()
    return Identifier("unread", f"{_guess(text)}.{len(text)}.{salt.hex()}.{digest}")


def _candidates(plain: str) -> list[str]:
    """Canonical codes that this text may stand for, in the documented order."""
    upper = plain.upper()
    found = [*_link_candidates(plain)]
    if match := _SCHEMED.fullmatch(plain):
        found += _code_of(match[1], match[2])
    found += _element_candidates(plain)
    if match := _REGISTRATION.fullmatch(upper):
        kind, province, city, number, year = match.groups()
        found.append(f"legacy-registration:{kind}-{PROVINCES.get(province, '')}-{city}-{number}-{year}")
    return found + [f"{scheme}:{upper}" for scheme in _BARE if SHAPES[scheme].fullmatch(upper)]


def _link_candidates(plain: str) -> list[str]:
    if match := _LABEL_URL.fullmatch(plain):
        return _code_of(match[1], unquote(match[2]))
    if match := _DIGITAL_LINK.fullmatch(plain):
        return [f"grai:{unquote(match[1])}"]
    return []


def _element_candidates(plain: str) -> list[str]:
    match = _ELEMENT.fullmatch(plain)
    # Brackets may also belong to a serial: where a second element may begin we cannot tell, so we do not guess.
    if match is None or (plain.startswith("(") and _NEXT_ELEMENT.search(match[1])):
        return []
    return [f"grai:{match[1].strip()}"]


def _code_of(scheme: str, value: str) -> list[str]:
    """Canonical case: schemes are lower case, values upper, but for a GRAI's. Nobody hands us an `unread`."""
    scheme = scheme.lower()
    return [] if scheme == "unread" else [f"{scheme}:{value if scheme == 'grai' else value.upper()}"]


def _guess(text: str) -> str:
    """What a text that is no code probably was: id-card, payment, url, digits or text."""
    plain = _AIM.sub("", unicodedata.normalize("NFKC", text).strip(), count=1).strip()
    if _ID_CARD.fullmatch(plain):  # before payment: 11 to 15 begin both WeChat's codes and northern ids
        return "id-card"
    if _PAYMENT.fullmatch(plain):
        return "payment"
    if _URL.fullmatch(plain):
        return "url"
    return "digits" if plain.isascii() and plain.isdigit() else "text"
