"""Which cylinder is it, when the label is burnt: candidates by what is left of the stamp, ranked. Pure.

A part that is given and does not fit does not rule a cylinder out: a burnt digit is read wrong, a scale shows another
tare. More parts that fit come first; among as many, those that fit better.
"""

import re
from collections.abc import Collection, Iterable

from msgspec import Struct

from ledger.cylinder import Cylinder
from ledger.errors import Malformed

FULL = 1000
"""How well a part fits that fits exactly."""

_SERIAL = re.compile(r"[0-9A-Z?*-]{1,20}")
_MADE = re.compile(r"(19|20)[0-9]{2}(-(0[1-9]|1[0-2]))?")


class Parts(Struct, frozen=True):
    """What is left to read. `serial`: `?` stands for one character that is burnt away, `*` for any number of them.
    `made`: a year or a month, `2022` or `2022-08`. `tare_g` fits within `tare_within_g` grams.
    """

    serial: str | None = None
    maker: str | None = None
    made: str | None = None
    tare_g: int | None = None
    model: str | None = None
    valve_no: str | None = None
    seal: str | None = None
    tare_within_g: int = 200


class Fit(Struct, frozen=True):
    """How well one part fits, of FULL, and what the ledger has in its place."""

    part: str
    ledger_has: str
    fit: int


class Candidate(Struct, frozen=True):
    """A cylinder that may be the one: every part that was given, those that fit best first."""

    cylinder: str
    fitting: int
    score: int
    why: tuple[Fit, ...]


def check_parts(parts: Parts) -> None:
    """Malformed unless there is something to go by, and it can stand on a cylinder."""
    given = (parts.serial, parts.maker, parts.made, parts.tare_g, parts.model, parts.valve_no, parts.seal)
    if all(one is None for one in given):
        raise Malformed(
            "请至少给出一项：编号（? 代表一个看不清的字符，* 代表任意个）、制造单位、年月、皮重、型号、阀门号或封签号",
            "give at least one part: serial (? for a burnt character, * for any number), maker, month, tare, model, "
            "valve number or seal number",
        )
    for one in given:
        if isinstance(one, str) and not one.isprintable():
            raise Malformed("所给特征含有不能显示的字符", "a part holds characters that cannot be shown")
    if parts.serial is not None and _SERIAL.fullmatch(parts.serial) is None:
        raise Malformed(
            f"编号 {parts.serial} 有误：只用数字、大写字母、-、? 和 *",
            f"no serial: {parts.serial}; digits, capital letters, -, ? and * only",
        )
    if parts.made is not None and _MADE.fullmatch(parts.made) is None:
        raise Malformed(f"制造年月 {parts.made} 有误，写法如 2022 或 2022-08", f"no year or month: {parts.made}")


def serial_pattern(serial: str) -> str:
    """The serial as SQL's LIKE has it."""
    return serial.replace("?", "_").replace("*", "%")


def rank(
    parts: Parts, cylinders: Iterable[Cylinder], *, once: Collection[tuple[str, str]] = (), most: int
) -> tuple[Candidate, ...]:
    """The best candidates, at most so many. `once`: cylinders that had the valve or seal by some entry, each with the
    part's name, whatever they have now.
    """
    judged = (_judged(parts, one, once) for one in cylinders)
    fitting = (one for one in judged if one.fitting)
    return tuple(sorted(fitting, key=lambda one: (-one.fitting, -one.score, one.cylinder))[:most])


def _judged(parts: Parts, one: Cylinder, once: Collection[tuple[str, str]]) -> Candidate:
    why = list[Fit]()
    if parts.serial is not None:
        why.append(Fit("serial", one.serial, _serial_fit(parts.serial, one.serial)))
    if parts.maker is not None:
        why.append(Fit("maker", one.maker, FULL * (one.maker == parts.maker)))
    if parts.made is not None:
        why.append(Fit("made", one.made_month, FULL * one.made_month.startswith(parts.made)))
    if parts.tare_g is not None:
        off_g = abs(one.tare_g - parts.tare_g)
        close = FULL - FULL * off_g // (2 * parts.tare_within_g + 1)
        why.append(Fit("tare_g", str(one.tare_g), close if off_g <= parts.tare_within_g else 0))
    if parts.model is not None:
        why.append(Fit("model", one.model, FULL * (one.model == parts.model)))
    for part, asked, has in (("valve_no", parts.valve_no, one.valve_no), ("seal", parts.seal, one.seal)):
        if asked is not None:
            had = FULL // 2 * ((one.cylinder, part) in once)
            why.append(Fit(part, has or "", FULL if has == asked else had))
    why.sort(key=lambda fit: -fit.fit)
    return Candidate(one.cylinder, sum(fit.fit > 0 for fit in why), sum(fit.fit for fit in why), tuple(why))


def _serial_fit(asked: str, serial: str) -> int:
    """More characters that were read and fit say more; nothing for a serial that does not fit."""
    pattern = "".join({"?": ".", "*": ".*"}.get(one, re.escape(one)) for one in asked)
    if re.fullmatch(pattern, serial) is None:
        return 0
    read = sum(one not in "?*" for one in asked)
    return FULL // 2 + FULL * read // (2 * len(serial))
