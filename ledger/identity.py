"""Codes: parse once, check digit, then trusted. An Identifier that exists has passed `parse_code` or one like it.

    scheme               value                            example                 source
    grai                 14 digits of GS1 AI 8003, serial 06901234000016A1        GS1 General Specifications 3.9
    own                  ISSUER-SERIAL-C                  A12425-GABC1234002-M    ISO/IEC 7064 MOD 37,36 over both
    stamp                MAKER_SERIAL_MONTH               TS123_0045678_2022-08   the stamp on the metal (钢印)
    legacy-digits9       9 digits                         123456789               DOMAIN 3.5 (g), C
    legacy-digits14      14 digits                        01234567890123          DOMAIN 3.5 (g), C
    legacy-label12       yyyymmdd and 4 digits            201908150042            DOMAIN 3.5 (i), C
    legacy-registration  使用登记证编号, transliterated     10-JS-F-72359-22        瓶10苏F72359(22); DOMAIN 3.5, K
    legacy-letters       2 to 4 letters, 8 to 12 digits   NT00000001              stations' own QR labels; C
    unread               GUESS.LENGTH.SALT.DIGEST         what was no code; its text is never kept

The 12-digit key of the scale networks (DOMAIN 3.5 f) and the 6-digit registration number are no schemes: they are
unique within one station only, and a code is unique within a log for ever. Legacy codes have no check digit. C and K
are DOMAIN's source grades.
Upper and lower case are two values in a GRAI's serial, as GS1 has it; every other scheme is upper case.

How a scanner's text becomes an Identifier is in `reading.py`.
"""

import re
from collections.abc import Callable

from msgspec import Struct

from ledger.check_digit import gs1_mod_10, iso_7064_mod_37_36
from ledger.errors import Malformed

# The serial is of GS1's 82 characters (General Specifications 7.11). A GRAI without one names a type, not a thing.
_GRAI = r"0[0-9]{13}[!\"%&'()*+,\-./0-9:;<=>?A-Z_a-z]{1,16}"
_MONTH = r"(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])"
_DATE = r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"

# ISO 3166-2:CN letters for the one-character names of provinces: ASCII, one to one, and people can read them.
# fmt: off
PROVINCES = {
    "京": "BJ", "津": "TJ", "冀": "HE", "晋": "SX", "蒙": "NM", "辽": "LN", "吉": "JL", "黑": "HL",
    "沪": "SH", "苏": "JS", "浙": "ZJ", "皖": "AH", "闽": "FJ", "赣": "JX", "鲁": "SD", "豫": "HA",
    "鄂": "HB", "湘": "HN", "粤": "GD", "桂": "GX", "琼": "HI", "渝": "CQ", "川": "SC", "贵": "GZ",
    "云": "YN", "藏": "XZ", "陕": "SN", "甘": "GS", "青": "QH", "宁": "NX", "新": "XJ",
}
# fmt: on

# No two shapes outside grai and unread share a value (tested), so a bare text names its scheme.
SHAPES = {
    "grai": re.compile(_GRAI),
    "own": re.compile(r"[0-9A-Z]{2,20}-[0-9A-Z]{1,20}-[0-9A-Z]"),
    "stamp": re.compile(rf"[0-9A-Z][0-9A-Z.-]{{0,39}}_[0-9A-Z-]{{1,20}}_{_MONTH}"),
    "legacy-digits9": re.compile(r"[0-9]{9}"),
    "legacy-digits14": re.compile(r"[0-9]{14}"),
    "legacy-label12": re.compile(rf"{_DATE}[0-9]{{4}}"),
    "legacy-registration": re.compile(rf"[0-9]{{2}}-(?:{'|'.join(PROVINCES.values())})-[A-Z]-[0-9]{{5}}-[0-9]{{2}}"),
    "legacy-letters": re.compile(r"[A-Z]{2,4}[0-9]{8,12}"),  # no passport looks so
    "unread": re.compile(r"(?:url|payment|id-card|digits|text)\.(?:0|[1-9][0-9]{0,9})\.[0-9a-f]{16}\.[0-9a-f]{64}"),
}


class Identifier(Struct, frozen=True):
    """One identifier of one cylinder. `str()` is its canonical text `scheme:value`, printable ASCII."""

    scheme: str
    value: str

    def __str__(self) -> str:
        """Return `scheme:value`, as claims carry it and `parse_code` takes it."""
        return f"{self.scheme}:{self.value}"


def parse_code(text: str, *, pointer: str = "") -> Identifier:
    """The identifier that a canonical `scheme:value` names; strict, for claims. Malformed at `pointer` otherwise.

    The fault never repeats the text: it may be somebody's number.
    """
    scheme, _, value = text.partition(":")
    shape = SHAPES.get(scheme)
    if shape is None:
        known = ", ".join(SHAPES)
        raise Malformed(f"编码体系不认识，请使用：{known}", f"unknown code scheme; use one of {known}", pointer=pointer)
    if shape.fullmatch(value) is None:
        raise Malformed(
            f"编码不符合 {scheme} 的规范写法，请重新扫码或核对后重输",
            f"not a canonical {scheme} code; scan it again, or compare it with the label and retype it",
            pointer=pointer,
        )
    check = _CHECKS.get(scheme)
    if check is not None and not check(value):
        raise Malformed(
            f"{scheme} 编码的校验位不对，请对照标签重新输入",
            f"the check character of this {scheme} code is wrong; compare it with the label and retype it",
            pointer=pointer,
        )
    return Identifier(scheme, value)


def own_code(issuer: str, serial: str) -> Identifier:
    """A new code of our own with its check character. Letters and digits; 2 to 20 of issuer, 1 to 20 of serial.

    Lower case is raised; Malformed otherwise. The check character does not see where the hyphen stands, so no issuer's
    name should begin another's.
    """
    issuer, serial = issuer.upper(), serial.upper()
    body = issuer + serial
    if not (body.isascii() and body.isalnum()):
        raise Malformed("发码单位和序号只能用字母和数字", "issuer and serial take letters A-Z and digits only")
    return parse_code(f"own:{issuer}-{serial}-{iso_7064_mod_37_36(body)}")


def stamp_code(maker: str, serial: str, made_month: str) -> Identifier:
    """The stamp on the metal as a code: maker (制造单位代号), serial (气瓶编号), month of manufacture `YYYY-MM`.

    Letters are upper-cased, as stamps have no others. Malformed when a part has other than letters, digits and `-`
    (`.` too in the maker's).
    """
    return parse_code(f"stamp:{maker.upper()}_{serial.upper()}_{made_month}")


def registration_text(identifier: Identifier) -> str:
    """A use registration as its certificate prints it, `瓶10苏F72359(22)`; Malformed for another scheme."""
    _expect(identifier, "legacy-registration")
    kind, letters, city, number, year = identifier.value.split("-")
    province = next(name for name, iso in PROVINCES.items() if iso == letters)
    return f"瓶{kind}{province}{city}{number}({year})"


def format_grai(identifier: Identifier) -> str:
    """A GRAI as GS1 prints it for people, `(8003)` and the value; Malformed for another scheme."""
    _expect(identifier, "grai")
    return f"(8003){identifier.value}"


def digital_link(identifier: Identifier, host: str) -> str:
    """A GRAI as GS1 Digital Link URI, `https://HOST/8003/VALUE`, percent-encoded; Malformed for another scheme."""
    _expect(identifier, "grai")
    return f"https://{host}/8003/{escape_value(identifier.value)}"


def escape_value(value: str) -> str:
    """Percent-encode all but letters, digits, `-` and `.` (RFC 3986); `_` too, which QR's alphanumeric mode lacks."""
    return re.sub(r"[^0-9A-Za-z.-]", lambda match: f"%{ord(match[0]):02X}", value)


def _expect(identifier: Identifier, scheme: str) -> None:
    if identifier.scheme != scheme:
        raise Malformed(f"这不是 {scheme} 编码，请选用相应的编码", f"this is no {scheme} code; give one of that scheme")


def _check_grai(value: str) -> bool:
    return gs1_mod_10(value[:13]) == value[13]


def _check_own(value: str) -> bool:
    body = value.replace("-", "")
    return iso_7064_mod_37_36(body[:-1]) == body[-1]


_CHECKS: dict[str, Callable[[str], bool]] = {"grai": _check_grai, "own": _check_own}
