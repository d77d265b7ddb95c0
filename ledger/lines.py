"""Lines: what the texts of C2SP have in common. Each is bounded, UTF-8, ends in a newline, and says a value one way.

A fault names the text, its line (counted from 1) and what is wrong with it.
"""

import base64
import re
from collections.abc import Iterable

from ledger.errors import Malformed, TooLarge
from ledger.merkle import HASH_BYTES

MAX_COUNT = 2**63 - 1
MAX_PROOF_HASHES = 63

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


def fault(text: str, line: int, zh: str, en: str) -> Malformed:
    """What is wrong with a line of the named text."""
    return Malformed(f"{text} 第 {line} 行：{zh}", f"{text} line {line}: {en}")


def read_text(name: str, raw: bytes, most_bytes: int) -> str:
    """The text that these bytes are: not too long, UTF-8, no control character but newline, a newline at the end."""
    if len(raw) > most_bytes:
        raise TooLarge(f"{name} 超过 {most_bytes} 字节", f"{name}: over {most_bytes} bytes")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise fault(name, line, "不是 UTF-8，请原样取回", "not UTF-8; fetch the exact bytes again") from error
    control = _CONTROL.search(text)
    if control is not None:
        line = text.count("\n", 0, control.start()) + 1
        raise fault(name, line, "含控制字符，请原样取回", "a control character; fetch the exact bytes again")
    if not text.endswith("\n"):
        line = text.count("\n") + 1
        raise fault(name, line, "末尾缺换行，可能被截断", "no newline at the end; it may be cut off")
    return text


def read_decimal(name: str, line: int, text: str) -> int:
    """A count from 0 to 2⁶³-1, ASCII digits without leading zeros."""
    if _DECIMAL.fullmatch(text) is None or int(text) > MAX_COUNT:
        raise fault(name, line, "应为十进制数，无前导零", "expected a decimal number without leading zeros")
    return int(text)


def decode_base64(text: str) -> bytes:
    """Strict: bits that a decoder would drop would let two spellings say the same. ValueError when it is not so."""
    raw = base64.b64decode(text, validate=True)
    if base64.b64encode(raw).decode() != text:
        raise ValueError(text)
    return raw


def encode_base64(raw: bytes) -> str:
    """The standard alphabet, padded."""
    return base64.b64encode(raw).decode()


def read_base64(name: str, line: int, text: str) -> bytes:
    """The bytes that a line says in base64."""
    try:
        return decode_base64(text)
    except ValueError as error:
        raise fault(name, line, "base64 编码有误", "not base64 in its one spelling") from error


def read_hash(name: str, line: int, text: str) -> bytes:
    """A line that says one SHA-256 hash."""
    raw = read_base64(name, line, text)
    if len(raw) != HASH_BYTES:
        raise fault(name, line, "哈希应为 32 字节", "a hash has 32 bytes")
    return raw


def read_hashes(name: str, first_line: int, lines: list[str]) -> tuple[bytes, ...]:
    """A proof, one hash a line."""
    if len(lines) > MAX_PROOF_HASHES:
        raise fault(name, first_line + MAX_PROOF_HASHES, "证明过长", f"a proof has at most {MAX_PROOF_HASHES} hashes")
    return tuple(read_hash(name, number, line) for number, line in enumerate(lines, first_line))


def write_hashes(hashes: Iterable[bytes]) -> str:
    """A proof, one hash a line, each with its newline."""
    return "".join(f"{encode_base64(one)}\n" for one in hashes)
