"""Archives: the plainest ZIP there is, so that one list of members has one spelling. Pure: bytes in, bytes out.

Stored, not compressed; each member 1980-01-01 00:00:00 and rw-r--r--; no zip64, no extra fields, no comments. It is
read from its front, member after member, and must be, to the byte, what its members make: nothing hides before,
between or behind them, and the directory at its end cannot say otherwise. Source: PKWARE APPNOTE 6.3, sections 4.3-4.4.
"""

import struct
import zlib
from collections.abc import Mapping

from ledger.errors import Malformed, TooLarge

MAX_ARCHIVE_BYTES = 2**30
MAX_MEMBERS = 65_000

MEMBER_MARK = b"PK\x03\x04"
"""What every archive begins with."""

_CENTRAL, _END = b"PK\x01\x02", b"PK\x05\x06"
_VERSION = 20  # of the format: 2.0
_UNIX = 3 << 8  # made by
_MODE = 0o644 << 16
_DATE = 1 << 5 | 1  # 1980-01-01
_MEMBER = struct.Struct("<HHHHHIIIHH")  # version, flags, method, time, date, CRC-32, size, size, name's and extra's


def pack_archive(members: Mapping[str, bytes]) -> bytes:
    """The archive of these members, in their order; names are ASCII."""
    parts, directory, offset = list[bytes](), list[bytes](), 0
    for name, body in members.items():
        known = _MEMBER.pack(_VERSION, 0, 0, 0, _DATE, zlib.crc32(body), len(body), len(body), len(name), 0)
        where = struct.pack("<HHHII", 0, 0, 0, _MODE, offset)  # comment, disk, internal, mode, where it begins
        parts += [MEMBER_MARK, known, name.encode("ascii"), body]
        directory += [_CENTRAL, struct.pack("<H", _UNIX | _VERSION), known, where, name.encode("ascii")]
        offset += len(MEMBER_MARK) + _MEMBER.size + len(name) + len(body)
    if len(members) > MAX_MEMBERS or offset > MAX_ARCHIVE_BYTES:
        raise _too_large()
    listed = b"".join(directory)
    end = struct.pack("<HHHHIIH", 0, 0, len(members), len(members), len(listed), offset, 0)
    return b"".join((*parts, listed, _END, end))


def parse_archive(raw: bytes) -> dict[str, bytes]:
    """The members of an archive that `pack_archive` made, in order; Malformed for any other bytes."""
    members, at, start = dict[str, bytes](), 0, len(MEMBER_MARK) + _MEMBER.size
    while raw.startswith(MEMBER_MARK, at) and len(raw) >= at + start:
        *_, size, name_bytes, _ = _MEMBER.unpack_from(raw, at + len(MEMBER_MARK))
        body = at + start + name_bytes
        name = raw[at + start : body].decode("ascii", errors="replace")
        if name in members or not name.isascii():
            raise Malformed(f"压缩包内文件名有误：{name!a}", f"a member's name stands twice or is not ASCII: {name!a}")
        members[name] = raw[body : body + size]
        if len(members) > MAX_MEMBERS:  # at once: millions of empty ones would take more memory than the file
            raise _too_large()
        at = body + size
    if pack_archive(members) != raw:
        raise Malformed(
            "不是完整、规范的压缩包：可能被截断、重新打包或夹带了内容，请重新取得原件",
            "not a whole ZIP in its one spelling: cut off, packed anew or with bytes hidden in it; get the original",
        )
    return members


def _too_large() -> TooLarge:
    return TooLarge(
        f"超过 {MAX_MEMBERS} 个文件或 {MAX_ARCHIVE_BYTES} 字节，请缩小范围",
        f"over {MAX_MEMBERS} files or {MAX_ARCHIVE_BYTES} bytes; narrow the scope",
    )
