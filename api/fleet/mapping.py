"""The mapping file (TOML): what this station's words mean, where the built-in table does not know or is wrong.

[headers]            a column's header = a field of `headers.SYNONYMS`, `ignore` for none
"瓶身码" = "code"
[makers]             a maker's name = its code on the stamp (制造单位代号)
"江南压力容器厂" = "JN"
[owners]             an owner's name or short name = the enterprise's id in the registry, or `customer`
"示例燃气" = "E1"
[models]             how the station calls a type = its model
"大瓶" = "YSP118"
[values]             a cell's text = yes, no, vapour, liquid, two_phase, welded, screwed or blank
"√" = "yes"
"""

import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from api.fleet.cells import clean
from api.fleet.headers import SYNONYMS, plain_header
from ledger.claim import Ref
from ledger.errors import Malformed

Word = Annotated[str, Meta(min_length=1)]
Value = Literal["yes", "no", "vapour", "liquid", "two_phase", "welded", "screwed", "blank"]


class Mapping(Struct, frozen=True, forbid_unknown_fields=True):
    """A mapping file's tables, their left sides as `name_key` or `plain_header` has them."""

    headers: dict[str, str] = {}
    makers: dict[str, Ref] = {}
    owners: dict[str, Ref] = {}
    models: dict[str, Word] = {}
    values: dict[str, Value] = {}


def name_key(text: str) -> str:
    """A name without what people write differently: width, spaces, case."""
    return "".join(clean(text)[0].split()).casefold()


def read_mapping(path: Path | None) -> Mapping:
    """The tables of the file, empty ones without a file. Malformed when it says what cannot be meant."""
    if path is None:
        return Mapping()
    try:
        said = msgspec.convert(tomllib.loads(path.read_text("utf-8-sig")), Mapping)
    except (OSError, UnicodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise Malformed(f"对照文件 {path} 有误：{error}", f"the mapping file {path} is wrong: {error}") from error
    if unknown := [f"{word} = {field}" for word, field in said.headers.items() if field not in SYNONYMS]:
        raise Malformed(
            f"对照文件里没有这样的列：{'；'.join(unknown)}；可用：{', '.join(SYNONYMS)}",
            f"no such column in the mapping file: {'; '.join(unknown)}; there are {', '.join(SYNONYMS)}",
        )
    return Mapping(
        headers={plain_header(word)[0]: field for word, field in said.headers.items()},
        makers={name_key(word): code for word, code in said.makers.items()},
        owners={name_key(word): one for word, one in said.owners.items()},
        models={name_key(word): model for word, model in said.models.items()},
        values={name_key(word): value for word, value in said.values.items()},
    )
