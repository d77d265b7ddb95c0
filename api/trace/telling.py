"""An answer in every way that it may be asked for, each made as it is read."""

from collections.abc import Iterator
from typing import NamedTuple

from api.workbook import Cells


class Telling(NamedTuple):
    """One answer: as JSON in pieces, as rows under titles, as lines for a terminal. Only one of them is read, once."""

    json: Iterator[bytes]
    titles: tuple[str, ...]
    rows: Iterator[Cells]
    lines: Iterator[str]
