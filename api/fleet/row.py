"""One row of a fleet file becomes a claim, or is doubtful and says why: the first doubt is its quarantine reason.

What the same few cells say is remembered, column group by column group; only codes and serials are new in every row.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, get_type_hints

import msgspec

from api.fleet.fields import Doubt, Owners, Reading, Words
from api.fleet.headers import Columns
from api.fleet.mapping import Mapping, name_key
from api.signing import new_claim_id
from ledger.claim import RegisterCylinder

Clock = Callable[[], int]

_REMEMBERED = 1 << 14
_OUT_OF_BOUNDS = {
    "water_volume_ml": "capacity_out_of_band",
    "tare_g": "tare_out_of_band",
    "max_fill_g": "fill_out_of_band",
    "made_month": "date_unreadable",
    "inspected_month": "date_unreadable",
    "bought_on": "date_unreadable",
    "design_life_months": "design_life_unreadable",
    "maker": "maker_unreadable",
}

_TYPES = get_type_hints(RegisterCylinder, include_extras=True)
_RANK = {"columns_shifted": -2, "owner_other_enterprise": -1, "owner_unknown": 1}
"""Whose a row is comes first, and whose it might be last; else the order of the columns holds."""

NO_ID = "00000000-0000-7000-8000-000000000000"
"""Stands for a claim's id until it is signed."""

_encoder = msgspec.json.Encoder()


class Taken(NamedTuple):
    """A row that was read. `claim` is exact JSON with placeholders for id and time, None where there are doubts.

    `notes` are `column:note`; `keys` what no other cylinder may share: its codes, and its identity by the stamp.
    """

    claim: bytes | None
    enterprise: str
    doubts: tuple[Doubt, ...]
    notes: tuple[str, ...]
    keys: tuple[str, ...]


class _Part(NamedTuple):
    """What some columns say: fields of the claim, notes and doubts."""

    fields: dict[str, Any]
    notes: tuple[str, ...]
    doubts: tuple[Doubt, ...]


class RowReader:
    """Reads the rows under one header."""

    def __init__(self, columns: Columns, mapping: Mapping, owners: Owners, clock: Clock) -> None:
        self._words, self._columns, self._clock = Words(columns, mapping, owners), columns, clock
        self._width = len(columns.header)
        self._blanks = {text for text, value in mapping.values.items() if value == "blank"}
        self._groups: list[tuple[_Read, tuple[int, ...], dict[tuple[str, ...], _Part]]] = [
            (read, self._columns_of(fields), {}) for fields, read in _GROUPS
        ]

    def _columns_of(self, fields: Sequence[str]) -> tuple[int, ...]:
        return tuple(number for field in fields for number in self._columns.fields.get(field, ()))

    def read(self, cells: Sequence[str]) -> Taken:
        """The claim that these cells make, or every doubt about them, the gravest first."""
        if len(cells) < self._width:
            cells = [*cells, *[""] * (self._width - len(cells))]
        if self._blanks:
            cells = ["" if name_key(cell) in self._blanks else cell for cell in cells]
        own = Reading(self._words, cells)
        if self._shifted(cells):
            own.doubt("columns_shifted", "")
        fields: dict[str, Any] = {"code": own.code(), "also": own.registration(), "serial": own.serial()}
        notes, doubts = own.notes, own.doubts
        for read, columns, known in self._groups:
            key = tuple([cells[number] for number in columns])
            part: _Part | None = known.get(key)
            if part is None:
                if len(known) > _REMEMBERED:
                    known.clear()
                part = known[key] = _part(self._words, cells, read)
            fields.update(part.fields)
            notes += part.notes
            doubts += part.doubts
        enterprise = fields.pop("enterprise")
        keys = _keys(fields)
        if doubts:
            doubts.sort(key=lambda one: _RANK.get(one.reason, 0))
            return Taken(None, enterprise, tuple(doubts), tuple(notes), keys)
        made = new_claim_id(self._clock())
        claim = _encoder.encode(RegisterCylinder(claim_id=NO_ID, scanned_at=0, cylinder=made, **fields))
        return Taken(claim, enterprise, (), tuple(notes), keys)

    def _shifted(self, cells: Sequence[str]) -> bool:
        """Whether a row holds more than its header has columns."""
        return len(cells) > self._width and any(cell and not cell.isspace() for cell in cells[self._width :])


_Read = Callable[[Reading], dict[str, Any]]
_GROUPS: tuple[tuple[tuple[str, ...], _Read], ...] = (
    (("owner", "mark"), Reading.owner_and_mark),
    (("remark", "model", "phase", "collar"), Reading.kind),
    (("maker", "maker_name"), Reading.maker),
    (("capacity", "fill"), Reading.measures),
    (("tare",), Reading.tare),
    (("made", "life"), Reading.made),
    (("inspected", "bought", "new"), Reading.later),
)
"""Columns that are read together, and how. Few texts stand in each."""


def _part(words: Words, cells: Sequence[str], read: _Read) -> _Part:
    """What some columns say, within the bounds of the claim's own types."""
    reading = Reading(words, cells)
    fields = read(reading)
    for name, value in fields.items():
        if value is not None and name in _TYPES:
            try:
                msgspec.convert(value, _TYPES[name])
            except msgspec.ValidationError:
                # No figure so far out can be argued with.
                reading.doubts.append(Doubt(_OUT_OF_BOUNDS.get(name, "not_acceptable"), name))
    return _Part(fields, tuple(reading.notes), tuple(reading.doubts))


def _keys(fields: dict[str, Any]) -> tuple[str, ...]:
    """What no other cylinder may share. 0000000 is nobody's identity; the ledger refuses it as what it is."""
    code, serial, maker, made = fields["code"], fields["serial"], fields["maker"], fields["made_month"]
    keys = (*fields["also"],) if code is None else (code, *fields["also"])
    if serial and maker and made and len(set(serial)) > 1:
        return (*keys, f"{maker}_{serial}_{made}")
    return keys
