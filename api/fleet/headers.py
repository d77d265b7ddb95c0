"""Which column holds what: a table of the words that stations write over their columns, Chinese and English.

A header is compared without case, spaces, marks and what stands in brackets; a unit in it, `皮重(kg)`, `Tare / g`, is
that of its cells. A mapping file's `[headers]` comes first. What nobody knows is not used, and said so.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache

from msgspec import Struct

from ledger.errors import Malformed

SYNONYMS: dict[str, str] = {
    "serial": (
        "气瓶编号 钢瓶编号 气瓶号 钢瓶号 瓶号 钢印号 钢印编号 钢印 瓶体编号 瓶体号 瓶身号 出厂编号 产品编号 "
        "气瓶出厂编号 气瓶钢印号 serial serialno serialnumber cylinderno cylindernumber stamp stampno "
        "cylinderserial cylinderserialno"
    ),
    "code": (
        "二维码编号 二维码 二维码号 气瓶二维码 电子标签 电子标签号 标签号 标签编号 条码 条码号 条形码 "
        "条码编号 追溯码 气瓶追溯码 赋码 识别码 标识码 身份码 code qr qrcode qrno label labelno barcode "
        "cylindercode tracecode identifier"
    ),
    "registration": (
        "使用登记证编号 使用登记证号 使用登记证 使用登记编号 使用登记号 登记证编号 登记证号 登记编号 "
        "使用登记代码 registration registrationno registrationnumber useregistration useregistrationno "
        "certificateno"
    ),
    "maker_name": (
        "制造单位 制造单位名称 制造厂 制造厂家 制造商 制造企业 生产厂家 生产厂 生产单位 生产企业 厂家 厂名 "
        "maker manufacturer makername manufacturername"
    ),
    "maker": (
        "制造单位代号 制造单位代码 制造厂代号 制造厂代码 制造商代码 制造商代号 厂家代号 厂家代码 厂代号 "
        "制造代号 makercode manufacturercode makerid"
    ),
    "model": (
        "型号 气瓶型号 钢瓶型号 规格 规格型号 型号规格 气瓶规格 钢瓶规格 瓶型 model type cylindertype "
        "cylindermodel size"
    ),
    "capacity": ("公称容积 容积 水容积 气瓶容积 实际容积 容量 capacity volume watervolume watercapacity nominalvolume"),
    "tare": ("皮重 空瓶重 空瓶重量 瓶重 钢瓶重量 气瓶重量 空重 自重 瓶体重量 tare tareweight tarewt emptyweight"),
    "fill": (
        "最大充装量 充装量 允许充装量 最大允许充装量 额定充装量 充装重量 最大充装重量 maxfill maximumfill "
        "maxfillweight maximumfillingweight fill fillweight allowablefill"
    ),
    "made": (
        "制造年月 制造日期 制造时间 出厂日期 出厂年月 出厂时间 生产日期 生产年月 made madeon mademonth "
        "madedate manufactured dateofmanufacture manufacturedate manufacturedate manufacturingdate "
        "productiondate"
    ),
    "life": ("设计使用年限 使用年限 设计年限 设计寿命 设计使用寿命 designlife designservicelife servicelife life"),
    "inspected": (
        "上次检验日期 上次检验 上检日期 检验日期 定检日期 最近检验日期 末次检验日期 上次定检日期 "
        "本次检验日期 检验年月 lastinspection lastinspected lasttest lasttestdate inspected inspectiondate"
    ),
    "owner": (
        "产权单位 产权所有 产权 所属单位 所有权单位 所属企业 权属单位 归属单位 产权人 owner ownername "
        "enterprise belongsto"
    ),
    "mark": ("封头标志 封头标识 封头凹印 充装单位标志 充装单位标识 凹印标志 凹印 fillermark headmark mark"),
    "bought": (
        "购置日期 采购日期 购入日期 购买日期 购瓶日期 购进日期 bought boughton purchased purchasedate purchasedon"
    ),
    "new": ("是否新瓶 新瓶 new isnew"),
    "phase": ("相态 气相液相 介质相态 phase"),
    "collar": ("护罩 护罩形式 护罩类型 护罩连接 瓶帽形式 collar collartype"),
    "remark": ("备注 说明 附注 状态 气瓶状态 使用状态 瓶况 remark remarks note notes comment comments status state"),
    "number": ("序号 编号 行号 no seq number index"),
    "ignore": (
        "下次检验日期 下次检验 下检日期 检验有效期 有效期至 有效期 到期日期 检验到期日期 报废日期 阀门类型 "
        "阀门 瓶阀 瓶阀类型 nextinspection nextinspectiondue duedate inspectiondue validuntil valve "
        "valvetype scrapdate"
    ),
}
NEEDED = ("code", "serial", "maker", "model", "capacity", "tare", "fill", "made", "owner")
SHEET_COLUMNS = ("导入说明 reason", "导入说明 what is wrong", "导入说明 what to do", "导入说明 row")
"""Columns that our own quarantine sheet puts before the station's; imported again they are not read."""
MANY = ("remark", "ignore", "number")
"""What several columns may hold; of the rest a second column of the same kind is a fault."""
LEAST_KNOWN = 4

_UNIT = re.compile(r"(?:\(([^()]*)\)|/\s*([a-z]+|[\u4e00-\u9fff]{1,2}))\s*\Z")
_UNITS = {
    "kg", "g", "千克", "公斤", "克", "l", "ml", "升", "毫升", "年", "月", "个月", "years", "year", "months", "month",
}  # fmt: skip
_FIELD_OF = {word: field for field, words in SYNONYMS.items() for word in words.split()}


class Columns(Struct, frozen=True):
    """A header row understood: fields to column numbers, units by field, the header's texts, those not used."""

    header: tuple[str, ...]
    fields: dict[str, tuple[int, ...]]
    units: dict[str, str]
    unused: tuple[str, ...]

    def first(self, field: str) -> int:
        """The column that holds a field; -1 for none."""
        found = self.fields.get(field)
        return found[0] if found else -1


@lru_cache(4096)
def plain_header(text: str) -> tuple[str, str]:
    """A header's word as the table has it, and the unit it names or ''."""
    folded = unicodedata.normalize("NFKC", text).strip().lower()
    unit, match = "", _UNIT.search(folded)
    if match and (match[1] or match[2] or "").strip() in _UNITS:
        unit = (match[1] or match[2]).strip()
    folded = re.sub(r"\([^()]*\)", "", folded[: match.start()] if unit and match else folded)
    return re.sub(r"[\W_]+", "", folded), unit


def field_of(text: str, mapped: Mapping[str, str]) -> str | None:
    """What a header's column holds; None when nobody knows."""
    if text.strip() in SHEET_COLUMNS:
        return "ignore"
    word, _ = plain_header(text)
    return mapped.get(word) or _FIELD_OF.get(word)


def known_cells(cells: Sequence[str], mapped: Mapping[str, str]) -> int:
    """How many different fields a row names, if it is a header."""
    return len({field for cell in cells if cell and (field := field_of(cell, mapped))} - {"ignore", "number"})


def find_header(rows: Sequence[Sequence[str]], mapped: Mapping[str, str]) -> int | None:
    """The number of the row among the first ones that names the most columns; None when none names enough."""
    counts = [known_cells(row, mapped) for row in rows]
    best = max(counts, default=0)
    return counts.index(best) if best >= LEAST_KNOWN else None


def read_header(cells: Sequence[str], mapped: Mapping[str, str], *, makers: bool) -> Columns:
    """The columns that a header row names. Malformed when a needed one is missing or two claim the same.

    `makers`: the mapping file gives makers' codes by name, so the name will do.
    """
    fields: dict[str, tuple[int, ...]] = {}
    units: dict[str, str] = {}
    unused: list[str] = []
    for number, cell in enumerate(cells):
        field = field_of(cell, mapped)
        if field is None:
            unused += [cell.strip()] if cell.strip() else []
            continue
        if field in fields and field not in MANY:
            raise _fault(cells, f"两列都是 {field}", f"two columns are {field}", (cell.strip(), "ignore"))
        fields[field] = (*fields.get(field, ()), number)
        units[field] = plain_header(cell)[1]
    missing = [one for one in NEEDED if one not in fields]
    if makers and "maker_name" in fields and "maker" in missing:
        missing.remove("maker")
    if missing:
        example = (unused[0] if unused else "某列", missing[0])
        raise _fault(cells, f"缺少 {', '.join(missing)}", f"missing {', '.join(missing)}", example)
    return Columns(tuple(cells), fields, units, tuple(unused))


def same_columns(cells: Sequence[str], columns: Columns, mapped: Mapping[str, str]) -> bool:
    """Whether a repeated header names the same columns at the same places."""
    return all(
        (field := field_of(cell, mapped)) is None or number in columns.fields.get(field, ())
        for number, cell in enumerate(cells)
    )


def _fault(cells: Sequence[str], zh: str, en: str, said: tuple[str, str]) -> Malformed:
    seen = "、".join(cell.strip() for cell in cells if cell.strip())
    example = f'[headers] "{said[0]}" = "{said[1]}"'
    return Malformed(
        f"表头看不懂：{zh}。看到的表头：{seen}。请在对照文件（--mapping）里写明，如 {example}；"
        f"可用的列：{', '.join(SYNONYMS)}",
        f"the header does not do: {en}. Seen: {seen}. Say what is what in a mapping file (--mapping), like {example}; "
        f"columns are {', '.join(SYNONYMS)}",
    )
