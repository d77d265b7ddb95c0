"""What the import says of rows: why one is quarantined and what to do, what was only normalised, what was skipped.

Codes are stable; each has a Chinese and an English sentence. A row that became a claim and was refused by `decide()` is
quarantined under the refusal's first reason, in that reason's words.

This file is over 150 lines because it is one vocabulary, side by side.
"""

from typing import NamedTuple

from ledger.reasons import REASONS, text_of


class Said(NamedTuple):
    """A sentence and what to do about it, Chinese and English."""

    zh: str
    en: str
    do_zh: str
    do_en: str


_LOOK = ("看瓶体钢印，照实填写", "read the stamp on the cylinder and write what it says")
_SCAN = (
    "扫一下标签，照实填写；标签坏了先补标签",
    "scan the label and write what it says; replace a broken label first",
)
_MODEL = ("看钢印填写；不是液化石油气瓶就删去这一行", "copy it from the stamp; leave out what is no LPG cylinder")
_MODEL_BAND = (
    "对照钢印核对型号和本列的数，改正错的那个",
    "compare model and figure with the stamp; mend the wrong one",
)

QUARANTINE: dict[str, Said] = {
    "columns_shifted": Said(
        "这一行的格数多于表头，各列可能错位",
        "more cells than the header has: columns may have shifted",
        "对齐各列后再导入",
        "put the cells under their headers again",
    ),
    "remark_unsettled": Said(
        "备注或状态说已报废、遗失、召回等，不能当作在用气瓶登记",
        "the remark says scrapped, lost, recalled or the like: it cannot be registered as in use",
        "核实后：在用的改掉备注；报废的走报废手续，不要登记",
        "settle it first: mend the remark, or scrap the cylinder",
    ),
    "code_missing": Said("没有二维码编号", "no code", *_SCAN),
    "code_unreadable": Said(
        "二维码编号不是认识的编码（或被表格软件改成了科学计数法）",
        "not a code of any known scheme (or turned into scientific notation by a spreadsheet)",
        *_SCAN,
    ),
    "registration_unreadable": Said(
        "使用登记证编号写法不对，应形如 瓶10苏F72359(22)",
        "not a use registration number, like 瓶10苏F72359(22)",
        "对照登记证改正；没有就留空",
        "copy it from the certificate, or leave it empty",
    ),
    "serial_missing": Said("没有气瓶编号（钢印号）", "no serial", *_LOOK),
    "serial_unreadable": Said(
        "气瓶编号只能有字母、数字和连字符，至多 20 位",
        "a serial has letters, digits and hyphens only, 20 at most",
        *_LOOK,
    ),
    "maker_missing": Said(
        "没有制造单位代号，对照文件里也没有这个制造单位",
        "no maker's code, and the mapping file does not know the name",
        "填写代号，或在对照文件 [makers] 里写明",
        "fill it in, or put the name under [makers] in the mapping file",
    ),
    "maker_unreadable": Said(
        "制造单位代号只能有字母、数字、点和连字符", "a maker's code has letters, digits, dots and hyphens only", *_LOOK
    ),
    "model_missing": Said("没有型号", "no model", *_LOOK),
    "phase_unknown": Said(
        "YSP118-II 可能是气液双相，也可能是液相，本行没有说明",
        "YSP118-II may be two-phase or liquid; this row does not say",
        "看瓶阀，在备注写 气液双相 或 液相",
        "look at the valves; write 气液双相 (two-phase) or 液相 (liquid) as remark",
    ),
    "phase_contradictory": Said(
        "型号与备注对相态说法不一",
        "model and remark contradict each other on the phase",
        "看瓶体核对，改正错的那个",
        "look at the cylinder and mend the wrong one",
    ),
    "collar_unreadable": Said(
        "护罩一列看不懂，应为 焊接 或 螺纹",
        "the collar column reads neither welded nor screwed",
        "改为 焊接 或 螺纹",
        "write 焊接 (welded) or 螺纹 (screwed)",
    ),
    "capacity_missing": Said("没有公称容积", "no water volume", *_LOOK),
    "capacity_unreadable": Said("公称容积不是一个数", "the water volume is not one number", *_LOOK),
    "tare_missing": Said(
        "没有皮重", "no tare", "看钢印或重新核定皮重", "read the stamp, or have the tare determined anew"
    ),
    "tare_unreadable": Said("皮重不是一个数", "the tare is not one number", *_LOOK),
    "fill_missing": Said("没有最大充装量", "no largest fill", *_LOOK),
    "fill_unreadable": Said("最大充装量不是一个数", "the largest fill is not one number", *_LOOK),
    "made_month_missing": Said("没有制造年月", "no month of manufacture", *_LOOK),
    "date_unreadable": Said("日期读不出年月", "a date in which year and month cannot be read", *_LOOK),
    "date_without_month": Said("日期只有年，没有月", "a date with a year and no month", *_LOOK),
    "date_ambiguous": Said(
        "日期有两种读法（如 2021.1：一月，还是被表格软件去掉了零的十月）",
        "a date that reads two ways (2021.1: January, or October with its zero dropped by a spreadsheet)",
        *_LOOK,
    ),
    "design_life_missing": Said(
        "没有设计使用年限，2023 年 12 月起制造的气瓶钢印上必有",
        "no design life, which the stamp must show since 2023-12",
        *_LOOK,
    ),
    "design_life_unreadable": Said("设计使用年限不是年数", "the design life is not a number of years", *_LOOK),
    "new_unreadable": Said(
        "是否新瓶一列看不懂，应为 是 或 否",
        "whether it is new reads neither yes nor no",
        "改为 是 或 否",
        "write 是 or 否",
    ),
    "owner_unknown": Said(
        "产权单位空缺、待定，或不是已登记的单位",
        "the owner is missing, undecided, or no enterprise of the registry",
        "查清产权后填写；简称写进对照文件 [owners]；用户自有的先置换",
        "find out who owns it; put short names under [owners] in the mapping file; have customers' own surrendered",
    ),
    "owner_other_enterprise": Said(
        "产权单位是另一家，本次没有它的密钥",
        "owned by another enterprise, whose key was not given",
        "由该单位自己导入，或再加一个 --key",
        "have that enterprise import it, or add its --key",
    ),
    "filler_mark_unreadable": Said(
        "封头标志一列看不懂，应为 有 或 无，或充装单位名称",
        "the mark on the head reads neither yes nor no nor an enterprise",
        "看封头，改为 有 或 无",
        "look at the head and write 有 (yes) or 无 (no)",
    ),
    "row_repeated": Said(
        "与前面一行完全相同，前面那行已处理",
        "the same as an earlier row, which was taken",
        "不用处理，删去这一行即可",
        "nothing to do: leave this row out",
    ),
    "code_twice_in_file": Said(
        "同一编码在文件里有两行以上，不知道哪一行对，都没有登记",
        "this code stands in two rows or more; nobody knows which is right, so none was registered",
        "到现场各扫一遍，改正错的，再导入",
        "scan each of these cylinders, mend the wrong rows and import them again",
    ),
    "identity_twice_in_file": Said(
        "制造单位、气瓶编号、制造年月与另一行相同，不知道哪一行对，都没有登记",
        "same maker, serial and month as another row; nobody knows which is right, so none was registered",
        "到现场各看一遍钢印，改正错的，再导入",
        "read the stamp of each, mend the wrong rows and import them again",
    ),
    "not_acceptable": Said(
        "有一格超出账本的格式",
        "a cell exceeds what the ledger's format holds",
        "照说明改正该格",
        "mend the cell that is named",
    ),
}
NOTES: dict[str, tuple[str, str]] = {
    "full_width": ("全角或兼容字符改为半角", "full-width or compatibility characters made plain"),
    "spaces": ("去掉首尾空格或换行", "spaces or line breaks around taken off"),
    "hidden": ("去掉看不见的字符", "invisible characters taken out"),
    "unit_in_cell": ("格中写的单位已按单位换算", "the unit in the cell was read as such"),
    "rounded": ("四舍五入到克或毫升", "rounded to a gram or millilitre"),
    "excel_date": ("表格日期序号换算成年月", "a spreadsheet's serial date turned into a month"),
    "date_notation": ("日期改写为 年-月", "a date rewritten as year-month"),
    "first_of_month": ("只有年月，记为当月 1 日", "no day: the first of the month stands for it"),
    "model_notation": ("型号改写为规范写法", "the model rewritten in its canonical form"),
    "letter_case": ("小写字母改为大写", "letters made capitals"),
    "by_mapping": ("按对照文件改写", "rewritten by the mapping file"),
    "vapour_by_model": (
        "型号未标液相或双相，记为气相",
        "the model says neither liquid nor two-phase: recorded as vapour",
    ),
    "design_life_default": (
        "没有设计使用年限，按 GB 5842-2006 记为 8 年",
        "no design life: eight years, by GB 5842-2006, stand for it",
    ),
    "certificate_shared": (
        "使用登记证为多瓶共用，不作本瓶编码",
        "its use registration covers many cylinders, so it is no code of this one",
    ),
}
SKIPPED: dict[str, tuple[str, str]] = {
    "title": ("表头以上的行", "above the header"),
    "blank": ("空行", "blank"),
    "repeated_header": ("重复的表头", "a header again"),
    "total": ("合计行", "a total"),
    "no_data": ("没有气瓶资料（只有序号、签字栏等）", "nothing of a cylinder in it (a number, a signature)"),
    "sheet": ("没有车队表头的工作表", "a sheet without a header of a fleet"),
}

_REFUSED_DO = (
    "核对这只气瓶的资料和账本里的记录后再导入",
    "compare the cylinder with what the ledger says, then import it again",
)


def why(code: str) -> Said:
    """The sentences of a quarantine reason, ours or a refusal's."""
    said = QUARANTINE.get(code)
    if said is not None:
        return said
    zh, en = text_of(code) if code in REASONS else (code, code)
    do = _MODEL if code == "model_unknown" else _MODEL_BAND if code.endswith("_out_of_band") else _REFUSED_DO
    return Said(zh, en, *do)
