"""Orders: what people tell a post by scanning a printed sheet, so that hands keep to one gun (键入只用于例外).

%CLOSE               close the row: sign it and send it               结束本排并签名
%FAIL body_damage    the cylinder scanned last fails this item        上一瓶该项不合格
%STAMP 5678          the last characters of its stamp's serial        上一瓶钢印编号末几位（抽查，或主动核对）
%SEAL F-0001         the number of its seal                           上一瓶封签号
%PERSON p-12         who works at this post from here on              换人
%VEHICLE v-3         the vehicle that is being loaded                 换车
%TANK-LOT t-7        the tank lot that fills from here on             换罐次
%STOP                close the valve now                              停止充装
"""

import re
from typing import Literal, get_args

from msgspec import Struct

Verb = Literal["CLOSE", "FAIL", "STAMP", "SEAL", "PERSON", "VEHICLE", "TANK-LOT", "STOP"]

_VERBS: dict[str, Verb] = {verb: verb for verb in get_args(Verb)}
_PERCENT = re.compile(r"(?:\][A-Za-z][0-9A-Za-z])?%")
_ORDER = re.compile(r"(?:\][A-Za-z][0-9A-Za-z])?%([A-Z-]+)(?: (\S+))?")


class Order(Struct, frozen=True):
    """One order; `value` is '' where the verb takes none."""

    verb: Verb
    value: str = ""


def parse_order(text: str) -> Order | Literal["unknown"] | None:
    """The order that a reading is; None when it is none (no cylinder's code begins with `%`), else `unknown`."""
    match = _ORDER.fullmatch(text)
    verb = None if match is None else _VERBS.get(match[1])
    if match is not None and verb is not None:
        return Order(verb, match[2] or "")
    return "unknown" if _PERCENT.match(text) else None
