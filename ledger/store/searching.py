"""Candidates for a cylinder of which only parts can be read (`ledger.search`), by the index over stamps.

What begins with characters that were read is a short range of the index, however many cylinders there are; a serial of
which only the middle or the end is left, or none of it, is sought along the whole index, which holds no more than
stamps.
"""

from collections.abc import Iterator

import sqlalchemy as sa

from ledger.cylinder import Cylinder
from ledger.search import Candidate, Parts, check_parts, rank, serial_pattern
from ledger.store import schema as t
from ledger.store.holding import CYLINDER, told_of
from ledger.store.read import Connection, cylinders_by_id
from ledger.store.state_rows import cylinder_decoder

LOOKED_AT = 500
"""So many cylinders of one question are ranked at most."""


def find_by_parts(connection: Connection, log_id: int, parts: Parts, *, most: int = 20) -> tuple[Candidate, ...]:
    """The best candidates, at most so many; Malformed when the parts cannot be searched by.

    First all that fits every part of the stamp that is given; while there is nothing, what fits all but one.
    """
    check_parts(parts)
    once = _once(connection, log_id, parts)
    found = cylinders_by_id(connection, log_id, {cylinder for cylinder, _ in once}) if once else {}
    stamp = _conditions(parts)
    for left_out in (None, *stamp) if stamp else ():
        asked = [condition for part, condition in stamp.items() if part != left_out]
        if asked:
            found.update((one.cylinder, one) for one in _by_stamp(connection, log_id, asked))
        if found:
            break
    return rank(parts, found.values(), once=once, most=most)


def _conditions(parts: Parts) -> dict[str, sa.ColumnElement[bool]]:
    """What each part of the stamp asks of the index; left out first is what a reader most easily gets wrong."""
    columns = t.cylinder.c
    asked = dict[str, sa.ColumnElement[bool]]()
    if parts.tare_g is not None:
        asked["tare_g"] = columns.tare_g.between(parts.tare_g - parts.tare_within_g, parts.tare_g + parts.tare_within_g)
    if parts.made is not None:
        asked["made"] = columns.made_month.like(f"{parts.made}%")
    if parts.maker is not None:
        asked["maker"] = columns.maker == parts.maker
    if parts.serial is not None:
        asked["serial"] = columns.serial.like(serial_pattern(parts.serial))
    return asked


def _by_stamp(connection: Connection, log_id: int, asked: list[sa.ColumnElement[bool]]) -> Iterator[Cylinder]:
    """First the stamps that fit, from the index alone; only then the cylinders that have them."""
    columns = t.cylinder.c
    fits = (
        sa.select(columns.serial, columns.maker, columns.made_month, columns.tare_g)
        .where(columns.log_id == log_id, *asked)
        .distinct()
        .order_by(columns.serial)
        .limit(LOOKED_AT)
        .subquery()
    )
    same = sa.and_(*(columns[one.name] == one for one in fits.c))
    rows = connection.execute(sa.select(columns.body).join_from(fits, t.cylinder, same).where(columns.log_id == log_id))
    return map(cylinder_decoder.decode, rows.scalars())


def _once(connection: Connection, log_id: int, parts: Parts) -> set[tuple[str, str]]:
    """Cylinders of which some entry names that valve or seal, each with the part's name."""
    named = {"valve_no": f"valve:{parts.valve_no}", "seal": f"seal:{parts.seal}"}
    asked = {part: party for part, party in named.items() if getattr(parts, part) is not None}
    stories = told_of(connection, log_id, list(asked.values())) if asked else {}
    subjects = ((one.entry.subject, part) for part, party in asked.items() for one in stories[party])
    return {(subject.removeprefix(CYLINDER), part) for subject, part in subjects if subject.startswith(CYLINDER)}
