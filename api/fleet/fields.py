"""A row's columns, one by one, as fields of a claim. Nothing is guessed.

What follows from the trade's own definitions is said in the row's notes:

- a design life that no cell holds: GB 5842-2006 gave every cylinder eight years, and 96 months is what rule LIFE-02
  takes when a stamp is silent. It is the shortest life in the trade, so it never lengthens one. Since 2023-12 the stamp
  must show it (GB 5842-2023, DOMAIN 2.5), so a later cylinder without one is quarantined;
- plain YSP118 is the vapour cylinder of the notation whose -II is the other one; a remark 液相 or 气液双相 comes first.
  -II meant two-phase in 2006 and liquid in 2022, so a -II that says neither is quarantined;
- `有` under 封头标志 is the owner's mark: the column asks whether the cylinder's own filler stands on its head.

This file is over 150 lines because each column's reading stands beside the next.
"""

import re
from collections.abc import Callable, Sequence
from collections.abc import Mapping as ReadOnly
from functools import lru_cache
from typing import Any, NamedTuple

from api.fleet.cells import MASS, VOLUME, Read, clean, is_blank, read_day, read_life, read_measure, read_month
from api.fleet.headers import Columns
from api.fleet.mapping import Mapping, name_key
from ledger.claim import CUSTOMER, Phase
from ledger.errors import Malformed
from ledger.identity import PROVINCES, SHAPES
from ledger.model import CylinderModel, parse_model
from ledger.reading import SALT_BYTES, parse_reading

DEFAULT_LIFE_MONTHS, STAMPED_LIFE_SINCE = 96, "2023-12"

_LETTERS = SHAPES["legacy-letters"]
_REGISTRATION = re.compile(r"瓶([0-9]{2})(.)([A-Z])([0-9]{5})\(([0-9]{2})\)", re.ASCII)  # as most are written
_SERIAL = re.compile(r"[0-9A-Z-]{1,20}")
_MAKER = re.compile(r"[0-9A-Z][0-9A-Z.-]{0,39}")
_SPOILT = re.compile(r"[0-9]+E[0-9]+|(?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}")  # 1E11, and a serial taken for a date
_TWO_PHASE = re.compile(r"双相|两相|two.?phase", re.IGNORECASE)
_LIQUID = re.compile(r"液相|liquid", re.IGNORECASE)
_VAPOUR = re.compile(r"气相|vapou?r", re.IGNORECASE)
_SCREWED = re.compile(r"螺丝瓶|螺纹瓶|螺口瓶|护罩螺纹|螺纹护罩|螺丝护罩|screw(?:ed)? collar", re.IGNORECASE)
_UNSETTLED = re.compile(
    r"报废|判废|注销|停用|遗失|丢失|被盗|失窃|召回|查封|扣押|退役|scrap|lost|stolen|recall|seized"
    r"|(?:非|无|不|未).{0,3}(?:双相|两相|液相|螺丝|螺纹)|not? .{0,8}(?:two.?phase|liquid|screw)",
    re.IGNORECASE,
)
_YES = frozenset({"有", "是", "y", "yes", "√", "✓", "✔", "true", "1", "已凹印", "凹印", "新", "新瓶"})
_NO = frozenset({"无", "否", "没有", "n", "no", "×", "✗", "✕", "x", "false", "0", "未凹印", "旧", "旧瓶"})
_COLLARS = {"焊接": "welded", "焊": "welded", "螺纹": "screwed", "螺丝": "screwed"}
_SAID_PHASE = frozenset({"YSP118/49.5", "YSP118/液/49.5"})
"""Models whose text says the phase; the others' is their type's, and a remark may know better."""


class Owners(NamedTuple):
    """Enterprises by `name_key` of their names, and those for whom we may sign."""

    by_name: ReadOnly[str, str]
    ours: frozenset[str]


class Doubt(NamedTuple):
    """Why a row is doubtful, and the header of the column."""

    reason: str
    column: str


class Words:
    """What a sheet's columns and a station's words mean."""

    def __init__(self, columns: Columns, mapping: Mapping, owners: Owners) -> None:
        self.columns, self.mapping, self.owners = columns, mapping, owners
        self._first = {field: numbers[0] for field, numbers in columns.fields.items()}

    def cell(self, cells: Sequence[str], field: str) -> str:
        """The text of a field; '' where the header has none."""
        number = self._first.get(field, -1)
        return cells[number] if number >= 0 else ""

    def remark(self, cells: Sequence[str]) -> str:
        """All remarks of a row."""
        return " ".join(cells[n] for n in self.columns.fields.get("remark", ()) if cells[n])

    def unit(self, field: str, default: str) -> str:
        """The unit that a header names."""
        return self.columns.units.get(field) or default

    def header(self, field: str) -> str:
        """What stands over a field's column."""
        number = self._first.get(field, -1)
        return self.columns.header[number].strip() if number >= 0 else field

    def value(self, plain: str) -> str | None:
        """What the mapping file says of a cell's text."""
        return self.mapping.values.get(name_key(plain)) if self.mapping.values else None


class Reading:
    """Some columns of one row while they are read."""

    def __init__(self, words: Words, cells: Sequence[str]) -> None:
        self._words, self._cells = words, cells
        self.doubts: list[Doubt] = []
        self.notes: list[str] = []

    def owner_and_mark(self) -> dict[str, Any]:
        """Whose it is and who signs for it; whose mark stands on its head."""
        enterprise, owner = self._owner()
        if owner is None:
            self.doubt("owner_unknown", "owner")
        return {"enterprise": enterprise, "owner": owner, "filler_mark": self._mark(owner)}

    def kind(self) -> dict[str, Any]:
        """Model, phase and collar, remarks included."""
        remarked, collar = self._remark()
        model = self._model()
        phase = None if model is None else self._phase(model, remarked)
        name = None if model is None else model.model
        return {"model": name, "phase": phase, "collar": self._collar() or collar}

    def maker(self) -> dict[str, Any]:
        """The maker's code, or the mapping file's for its name."""
        return {"maker": self._maker()}

    def measures(self) -> dict[str, Any]:
        """Water volume and largest fill."""
        return {
            "water_volume_ml": self._measure("capacity", "l", VOLUME), "max_fill_g": self._measure("fill", "kg", MASS),
        }  # fmt: skip

    def tare(self) -> dict[str, Any]:
        """The tare, which is each cylinder's own."""
        return {"tare_g": self._measure("tare", "kg", MASS)}

    def made(self) -> dict[str, Any]:
        """The month of manufacture and the design life."""
        made = self._date("made", read_month, missing="made_month_missing")
        return {"made_month": made, "design_life_months": self._life(made)}

    def later(self) -> dict[str, Any]:
        """What happened to it since."""
        inspected, bought = self._date("inspected", read_month), self._date("bought", read_day)
        new = self._yes_or_no("new", "new_unreadable") or False
        return {"inspected_month": inspected, "bought_on": bought, "new": new}

    def doubt(self, reason: str, field: str) -> None:
        """Note why the row is doubtful."""
        self.doubts.append(Doubt(reason, self._words.header(field) if field else ""))

    def _note(self, field: str, notes: Sequence[str]) -> None:
        if notes:
            self.notes += [f"{field}:{note}" for note in notes]

    def _text(self, field: str) -> str:
        """A field's cleaned text, '' where nothing is known."""
        plain, notes = clean(self._words.cell(self._cells, field))
        if is_blank(plain):
            return ""
        self._note(field, notes)
        return plain

    def _upper(self, field: str) -> str:
        plain = self._text(field)
        upper = plain.upper()
        if upper != plain:
            self._note(field, ("letter_case",))
        return upper

    def _owner(self) -> tuple[str, str | None]:
        """The enterprise whose office is to sign, '' for none, and the claim's owner."""
        owners = self._words.owners
        plain = self._text("owner")
        owner = owners.by_name.get(name_key(plain)) if plain else None
        if owner is None:
            return "", None
        signer = next(iter(owners.ours)) if owner == CUSTOMER and len(owners.ours) == 1 else owner
        if signer not in owners.ours:
            self.doubt("owner_other_enterprise", "owner")
        return signer, owner

    def _remark(self) -> tuple[Phase | None, str | None]:
        """What remarks say of phase and collar."""
        text = self._words.remark(self._cells)
        if not text or text.isspace():
            return None, None
        plain, _ = clean(text)
        said = self._words.value(plain)
        if said is not None:
            return Phase(said) if said in _PHASES else None, said if said in ("welded", "screwed") else None
        if _UNSETTLED.search(plain):
            self.doubt("remark_unsettled", "remark")
        return _phase_in(plain), "screwed" if _SCREWED.search(plain) else None

    def code(self) -> str | None:
        """The first identifier, of any scheme."""
        plain = self._text("code")
        if not plain:
            self.doubt("code_missing", "code")
            return None
        code = _read_code(plain)
        if code is None:
            self.doubt("code_unreadable", "code")
            return None
        if plain != plain.upper() and code.endswith(plain.upper()):
            self._note("code", ("letter_case",))
        return code

    def registration(self) -> tuple[str, ...]:
        """The use registration as a second code, if it has one."""
        raw = self._words.cell(self._cells, "registration")
        if (match := _REGISTRATION.fullmatch(raw)) and match[2] in PROVINCES:
            return (f"legacy-registration:{match[1]}-{PROVINCES[match[2]]}-{match[3]}-{match[4]}-{match[5]}",)
        plain = self._text("registration")
        if not plain:
            return ()
        code = _read_code(plain)
        if code is None or not code.startswith("legacy-registration:"):
            self.doubt("registration_unreadable", "registration")
            return ()
        return (code,)

    def serial(self) -> str | None:
        """The serial on the stamp."""
        serial = self._upper("serial")
        if not serial:
            self.doubt("serial_missing", "serial")
        elif _SERIAL.fullmatch(serial) is None or _SPOILT.fullmatch(serial):
            self.doubt("serial_unreadable", "serial")
        else:
            return serial
        return None

    def _maker(self) -> str | None:
        maker = self._upper("maker")
        if not maker:
            name = self._text("maker_name")
            maker = self._words.mapping.makers.get(name_key(name), "") if name else ""
            if not maker:
                self.doubt("maker_missing", "maker")
                return None
            self._note("maker", ("by_mapping",))
        if _MAKER.fullmatch(maker) is None or _SPOILT.fullmatch(maker):
            self.doubt("maker_unreadable", "maker")
            return None
        return maker

    def _model(self) -> CylinderModel | None:
        plain = self._text("model")
        if not plain:
            self.doubt("model_missing", "model")
            return None
        mapped = self._words.mapping.models.get(name_key(plain)) if self._words.mapping.models else None
        model = _read_model(mapped or plain)
        if model is None:
            self.doubt("model_unknown", "model")
        elif mapped is not None:
            self._note("model", ("by_mapping",))
        elif model.model != plain:
            self._note("model", ("model_notation",))
        return model

    def _phase(self, model: CylinderModel, remarked: Phase | None) -> Phase | None:
        plain = self._text("phase")
        said = remarked
        if plain:
            value = self._words.value(plain)
            said = Phase(value) if value in _PHASES else _phase_in(plain)
            if said is None or remarked not in (None, said):
                self.doubt("phase_contradictory" if said else "phase_unknown", "phase")
                return None
        if model.model == "YSP118-II" and said in (None, Phase.VAPOUR):
            self.doubt("phase_contradictory" if said else "phase_unknown", "model")
            return None
        if said is None and model.phase is None:
            self._note("model", ("vapour_by_model",))
            return Phase.VAPOUR
        if model.model in _SAID_PHASE and said not in (None, model.phase):
            self.doubt("phase_contradictory", "model")
        return said or model.phase

    def _measure(self, field: str, default: str, kind: frozenset[str]) -> int | str | None:
        read = read_measure(self._words.cell(self._cells, field), self._words.unit(field, default), kind)
        return self._known(field, read, missing=f"{field}_missing", doubt=f"{field}_unreadable")

    def _date(self, field: str, read: Callable[[str], Read], missing: str | None = None) -> Any:  # noqa: ANN401
        return self._known(field, read(self._words.cell(self._cells, field)), missing=missing)

    def _known(self, field: str, read: Read, *, missing: str | None, doubt: str | None = None) -> int | str | None:
        if read.doubt is not None:
            self.doubt(doubt or read.doubt, field)
        elif read.value is None:
            if missing is not None:
                self.doubt(missing, field)
        else:
            self._note(field, read.notes)
        return read.value

    def _life(self, made: str | None) -> int | str | None:
        read = read_life(self._words.cell(self._cells, "life"), self._words.unit("life", "年"))
        if read.doubt is None and read.value is None and made is not None:
            if made >= STAMPED_LIFE_SINCE:
                self.doubt("design_life_missing", "life")
                return None
            self._note("life", ("design_life_default",))
            return DEFAULT_LIFE_MONTHS
        return self._known("life", read, missing=None, doubt="design_life_unreadable")

    def _collar(self) -> str | None:
        plain = self._text("collar")
        if not plain:
            return None
        collar = self._words.value(plain) or next((c for word, c in _COLLARS.items() if word in plain), None)
        if collar not in ("welded", "screwed"):
            self.doubt("collar_unreadable", "collar")
            return None
        return collar

    def _mark(self, owner: str | None) -> str | None:
        plain, _ = clean(self._words.cell(self._cells, "mark"))
        named = self._words.owners.by_name.get(name_key(plain)) if plain else None
        if named is not None and named != CUSTOMER:
            return named
        return owner if self._yes_or_no("mark", "filler_mark_unreadable") and owner != CUSTOMER else None

    def _yes_or_no(self, field: str, doubt: str) -> bool | None:
        plain, notes = clean(self._words.cell(self._cells, field))
        said = self._words.value(plain)
        if said == "yes" or (said is None and plain.lower() in _YES):
            self._note(field, notes)
            return True
        if said == "no" or plain.lower() in _NO:
            return False
        if not is_blank(plain):
            self.doubt(doubt, field)
        return None


_PHASES = frozenset(Phase)


def _phase_in(plain: str) -> Phase | None:
    if _TWO_PHASE.search(plain):
        return Phase.TWO_PHASE
    if _LIQUID.search(plain):
        return Phase.LIQUID
    return Phase.VAPOUR if _VAPOUR.search(plain) else None


@lru_cache(1024)
def _read_model(plain: str) -> CylinderModel | None:
    try:
        return parse_model(plain)
    except Malformed:
        return None


def _read_code(plain: str) -> str | None:
    if _LETTERS.fullmatch(plain):
        return f"legacy-letters:{plain}"
    found = parse_reading(plain, salt=bytes(SALT_BYTES))
    return None if found.scheme == "unread" else str(found)
