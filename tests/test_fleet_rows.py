"""Rows and files: each cylinder registered as what it is or quarantined by name, whatever the file looks like."""

import datetime as dt

import pytest

from api.fleet.intake import SHARED, take_in
from api.fleet.journal import Journal, State
from api.fleet.mapping import Mapping, read_mapping
from ledger.errors import Malformed
from tests.fleet_kit import CLEAN, OWNERS, csv_text, read_file, read_rows, row, write_csv, write_xlsx

EVERY_CLEAN_FIELD = {
    "type": "register_cylinder",
    "code": "legacy-letters:NT00000001",
    "owner": "E1",
    "maker": "GL",
    "serial": "8688401",
    "made_month": "2022-08",
    "model": "YSP35.5",
    "phase": "vapour",
    "water_volume_ml": 35_500,
    "tare_g": 16_630,
    "max_fill_g": 14_900,
    "design_life_months": 144,
    "also": ["legacy-registration:10-JS-F-72359-22"],
    "filler_mark": "E1",
    "scanned_at": 0,
}


def test_a_clean_row_becomes_a_claim_with_nothing_to_say(tmp_path):
    (seen,) = read_rows(tmp_path, CLEAN)
    assert (seen.state, seen.reason, seen.notes) == (State.READY, None, set())
    assert {name: value for name, value in seen.claim.items() if name not in ("claim_id", "cylinder")} == (
        EVERY_CLEAN_FIELD
    )


@pytest.mark.parametrize(
    ("column", "text", "reason"),
    [
        ("气瓶编号", "", "serial_missing"),
        ("气瓶编号", "-", "serial_missing"),
        ("气瓶编号", "不详", "serial_missing"),
        ("气瓶编号", "1.23457E+11", "serial_unreadable"),
        ("气瓶编号", "12 34567", "serial_unreadable"),
        ("气瓶编号", "2019-03-01", "serial_unreadable"),
        ("气瓶编号", "八六", "serial_unreadable"),
        ("二维码编号", "", "code_missing"),
        ("二维码编号", "无", "code_missing"),
        ("二维码编号", "1.23457E+11", "code_unreadable"),
        ("二维码编号", "NT 00000001", "code_unreadable"),
        ("二维码编号", "12345", "code_unreadable"),
        ("二维码编号", "https://example.com/", "code_unreadable"),
        ("使用登记证编号", "72359", "registration_unreadable"),
        ("使用登记证编号", "NT00000009", "registration_unreadable"),
        ("制造单位代号", "", "maker_missing"),
        ("制造单位代号", "广陵", "maker_unreadable"),
        ("型号", "", "model_missing"),
        ("型号", "CNG-50", "model_unknown"),
        ("型号", "大瓶", "model_unknown"),
        ("型号", "YSP36", "model_unknown"),
        ("型号", "YSP35.5/49.5", "model_unknown"),
        ("型号", "YSP118-II", "phase_unknown"),
        ("公称容积(L)", "", "capacity_missing"),
        ("公称容积(L)", "三十五", "capacity_unreadable"),
        ("公称容积(L)", "355", "capacity_out_of_band"),
        ("公称容积(L)", "0.5", "capacity_out_of_band"),
        ("皮重(kg)", "", "tare_missing"),
        ("皮重(kg)", "16..5", "tare_unreadable"),
        ("皮重(kg)", "16630", "tare_out_of_band"),
        ("最大充装量(kg)", "/", "fill_missing"),
        ("最大充装量(kg)", "约15", "fill_unreadable"),
        ("最大充装量(kg)", "149.0", "fill_out_of_band"),
        ("制造年月", "", "made_month_missing"),
        ("制造年月", "????", "date_unreadable"),
        ("制造年月", "2019", "date_without_month"),
        ("制造年月", "2021.1", "date_ambiguous"),
        ("上次检验日期", "去年", "date_unreadable"),
        ("设计使用年限", "长期", "design_life_unreadable"),
        ("产权单位", "", "owner_unknown"),
        ("产权单位", "待定", "owner_unknown"),
        ("产权单位", "某某个体户", "owner_unknown"),
        ("产权单位", "邻家燃气", "owner_other_enterprise"),
        ("封头标志", "模糊", "filler_mark_unreadable"),
        ("备注", "已报废", "remark_unsettled"),
        ("备注", "2021年遗失", "remark_unsettled"),
        ("备注", "非双相", "remark_unsettled"),
    ],
)
def test_a_doubtful_cell_quarantines_its_row_by_name(tmp_path, column, text, reason):
    good, bad = read_rows(tmp_path, row(2), row(1, **{column: text}))
    assert (good.state, bad.state, bad.reason) == (State.READY, State.QUARANTINED, reason)


@pytest.mark.parametrize(
    ("column", "text", "said"),
    [
        ("气瓶编号", "２０７９１２２", ("serial", "2079122", {"serial:full_width"})),
        ("气瓶编号", " a123 ", ("serial", "A123", {"serial:spaces", "serial:letter_case"})),
        ("二维码编号", "nt00000009", ("code", "legacy-letters:NT00000009", {"code:letter_case"})),
        ("二维码编号", "HTTPS://Q.CN/C/OWN/A12425-GABC1234002-M", ("code", "own:A12425-GABC1234002-M", set())),
        (
            "使用登记证编号",
            "瓶10苏F72359（22）",
            ("also", ["legacy-registration:10-JS-F-72359-22"], {"registration:full_width"}),
        ),
        ("皮重(kg)", "16.63KG", ("tare_g", 16630, {"tare:unit_in_cell"})),
        ("公称容积(L)", "35.5L", ("water_volume_ml", 35500, {"capacity:unit_in_cell"})),
        ("制造年月", "44713", ("made_month", "2022-06", {"made:excel_date"})),
        ("制造年月", "2019年3月", ("made_month", "2019-03", {"made:date_notation"})),
        ("型号", "ＹＳＰ３５．５", ("model", "YSP35.5", {"model:full_width"})),
        ("型号", "YSP-15", ("model", "YSP35.5", {"model:model_notation"})),
        ("型号", "YSP35.5/14.9", ("model", "YSP35.5", {"model:model_notation"})),
        ("型号", "YSP118", ("phase", "vapour", {"model:vapour_by_model"})),
        ("产权单位", "示例燃气 ", ("owner", "E1", {"owner:spaces"})),
        ("设计使用年限", "", ("design_life_months", 96, {"life:design_life_default"})),
        ("备注", "螺丝瓶", ("collar", "screwed", set())),
        ("备注", "气液双相", ("phase", "two_phase", set())),
        ("备注", '漆色,\n"重喷"', ("phase", "vapour", set())),
        ("封头标志", "无", ("filler_mark", None, set())),
        ("封头标志", "邻家燃气", ("filler_mark", "E2", set())),
        ("上次检验日期", "2025/3/1", ("inspected_month", "2025-03", {"inspected:date_notation"})),
    ],
)
def test_what_is_only_normalised_is_registered_and_said(tmp_path, column, text, said):
    field, value, notes = said
    (seen,) = read_rows(tmp_path, row(1, **{column: text}))
    assert (seen.state, seen.claim.get(field), seen.notes) == (State.READY, value, notes)


def test_no_design_life_is_eight_years_until_the_stamp_must_show_it(tmp_path):
    rows = [row(n, 设计使用年限="", 制造年月=made) for n, made in enumerate(("2005-05", "2023-11", "2023-12"), 1)]
    old, last, new = read_rows(tmp_path, *rows)
    assert (old.claim["design_life_months"], last.claim["design_life_months"]) == (96, 96)
    assert new.reason == "design_life_missing"


@pytest.mark.parametrize(
    ("model", "remark", "phase", "reason"),
    [
        ("YSP118-Ⅱ", "气液双相", "two_phase", None),
        ("YSP118-II", "液相", "liquid", None),
        ("YSP118-II", "气相", None, "phase_contradictory"),
        ("YSP118/液/49.5", "", "liquid", None),
        ("YSP118/液/49.5", "气液双相", None, "phase_contradictory"),
        ("YSP35.5", "two-phase", "two_phase", None),
    ],
)
def test_phase_by_model_and_remark(tmp_path, model, remark, phase, reason):
    (seen,) = read_rows(tmp_path, row(1, 型号=model, 备注=remark))
    assert (seen.claim.get("phase"), seen.reason) == (phase, reason)


def test_rows_that_share_a_code_or_an_identity_are_all_quarantined(tmp_path):
    first, second, third, fourth, fifth = read_rows(
        tmp_path, row(1), row(2, 二维码编号="NT00000001"), row(3), row(4, 气瓶编号="8000003"), row(5)
    )
    assert [one.reason for one in (first, second)] == ["code_twice_in_file"] * 2
    assert [one.reason for one in (third, fourth)] == ["identity_twice_in_file"] * 2
    assert fifth.state is State.READY


def test_a_twin_of_a_quarantined_row_is_no_less_doubtful(tmp_path):
    first, second = read_rows(tmp_path, row(1, **{"皮重(kg)": ""}), row(2, 二维码编号="NT00000001"))
    assert (first.reason, second.reason) == ("tare_missing", "code_twice_in_file")


def test_one_row_entered_twice_is_one_cylinder(tmp_path):
    first, second = read_rows(tmp_path, row(1), row(1, 序号="2"))
    assert (first.state, second.reason) == (State.READY, "row_repeated")


def test_a_placeholder_is_left_to_the_ledger_to_refuse(tmp_path):
    seen = read_rows(tmp_path, row(1, 气瓶编号="0000000"), row(2, 气瓶编号="0000000"))
    assert [one.state for one in seen] == [State.READY] * 2


def test_a_registration_of_many_cylinders_is_no_code_of_one(tmp_path):
    seen = read_rows(tmp_path, *(row(n, 使用登记证编号="瓶10苏F00001(22)") for n in range(1, SHARED + 2)))
    assert all(one.state is State.READY and "also" not in one.claim for one in seen)
    assert all("registration:certificate_shared" in one.notes for one in seen)


def test_a_row_longer_than_the_header_may_have_shifted(tmp_path):
    path = tmp_path / "fleet.csv"
    lines = csv_text([row(1), row(2, 备注="旧"), row(3)]).splitlines()
    path.write_text(
        "\n".join([lines[0], f"{lines[1]},,", lines[2].replace("广陵", "广陵,特种"), f"{lines[3]},x"]), "utf-8"
    )
    assert [one.reason for one in read_file(path)[0]] == [None, "columns_shifted", "columns_shifted"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_encodings_and_separators(tmp_path, encoding, separator):
    path = tmp_path / "fleet.csv"
    path.write_bytes(csv_text([row(1), row(2, 备注="𠮷镇,旧")], separator).encode(encoding))
    assert [one.state for one in read_file(path)[0]] == [State.READY] * 2


def test_titles_blanks_repeated_headers_totals_and_signatures_are_no_rows(tmp_path):
    lines = csv_text([row(1), row(2)]).splitlines()
    wide = "," * (len(CLEAN) - 1)
    text = [
        f"某站气瓶台账{wide}",
        wide,
        *lines[:2],
        "",
        lines[0],
        lines[2],
        f"合计,2{wide[1:]}",
        f"3{wide}",
        f"制表人：甲{wide}",
    ]
    (tmp_path / "fleet.csv").write_text("\n".join(text), "utf-8")
    rows, skipped = read_file(tmp_path / "fleet.csv")
    assert [(one.line, one.state) for one in rows] == [(4, State.READY), (7, State.READY)]
    assert skipped == {"title": 1, "blank": 1, "repeated_header": 1, "total": 1, "no_data": 2}


def test_a_second_header_with_other_columns_is_a_fault(tmp_path):
    first = csv_text([row(1)])
    other = csv_text([dict(reversed(row(2).items()))])
    (tmp_path / "fleet.csv").write_text(first + other, "utf-8")
    with pytest.raises(Malformed, match="row 3"):
        read_file(tmp_path / "fleet.csv")


def test_two_columns_of_one_kind_are_a_fault_that_a_mapping_file_settles(tmp_path):
    twofold = row(1) | {"钢印号": "7"}
    with pytest.raises(Malformed, match='"钢印号" = "ignore"'):
        read_rows(tmp_path, twofold)
    (seen,) = read_rows(tmp_path, twofold, mapping=Mapping(headers={"气瓶编号": "ignore"}))
    assert seen.claim["serial"] == "7"


def test_a_column_that_nobody_knows_is_not_used_and_said(tmp_path):
    with Journal(tmp_path / "journal.sqlite") as journal:
        path = write_csv(tmp_path / "fleet.csv", [row(1) | {"颜色": "银灰"}])
        assert list(take_in(journal, path, Mapping(), OWNERS, lambda: 1)) == [1]
        assert journal.one("SELECT unused FROM sheet") == b'["\xe9\xa2\x9c\xe8\x89\xb2"]'


def test_english_headers_with_units(tmp_path):
    header = [
        "Serial No.",
        "QR code",
        "Manufacturer code",
        "Model",
        "Water volume (L)",
        "Tare (g)",
        "Max fill / kg",
        "Date of manufacture",
        "Design life (months)",
        "Owner",
    ]
    line = ["8688401", "NT00000001", "GL", "YSP35.5", "35.5", "16630", "14.9", "Aug 2022", "144", "示例燃气"]
    (tmp_path / "fleet.csv").write_text(f"{','.join(header)}\n{','.join(line)}\n", "utf-8")
    ((seen,), _) = read_file(tmp_path / "fleet.csv")
    assert (seen.claim["tare_g"], seen.claim["design_life_months"]) == (16_630, 144)


def test_a_workbook_with_titles_numbers_dates_and_several_sheets(tmp_path):
    header = [
        "气瓶编号",
        "二维码编号",
        "制造单位代号",
        "型号",
        "公称容积",
        "皮重",
        "最大充装量",
        "制造年月",
        "设计使用年限",
        "产权单位",
    ]
    made = dt.date(2022, 8, 1)

    def line(serial: object, code: str, month: object = made) -> list[object]:
        return [serial, code, "GL", "YSP35.5", 35.5, 16.63, 14.9, month, 12, "示例燃气"]

    path = write_xlsx(
        tmp_path / "fleet.xlsx",
        {
            "说明": [["这是说明"]],
            "一站": [["一站台账"], [], header, line(8688401, "NT00000001"), line(123456789012345678, "NT00000002")],
            "二站": [
                header,
                line("0012345", "NT00000003", 44713),
                line(made, "NT00000004"),
                line(5, "NT00000005", 2021.1),
            ],
        },
    )
    rows, skipped = read_file(path)
    assert [(one.line, one.reason) for one in rows] == [
        (4, None),
        (5, "serial_unreadable"),
        (2, None),
        (3, "serial_unreadable"),
        (4, "date_ambiguous"),
    ]
    assert [rows[n].claim["serial"] for n in (0, 2)] == ["8688401", "0012345"]
    assert [rows[n].claim["made_month"] for n in (0, 2)] == ["2022-08", "2022-06"]
    assert skipped == {"sheet": 1, "title": 1}


def test_a_missing_column_is_a_fault_that_says_what_was_seen_and_what_to_write(tmp_path):
    strange = {("瓶身码" if name == "二维码编号" else name): cell for name, cell in row(1).items()}
    with pytest.raises(Malformed) as caught:
        read_rows(tmp_path, strange)
    for text in (caught.value.zh, caught.value.en):
        assert "瓶身码" in text
        assert '"瓶身码" = "code"' in text
    (seen,) = read_rows(tmp_path, strange, mapping=Mapping(headers={"瓶身码": "code"}))
    assert seen.state is State.READY


@pytest.mark.parametrize(
    "content", [b"", b"hello\nworld\n", b"\xff\xff\xff\xff", b"PK\x03\x04broken", b'a,b\n"' + b"x" * 200_000]
)
def test_what_is_no_fleet_file_is_a_fault(tmp_path, content):
    (tmp_path / "fleet.csv").write_bytes(content)
    with pytest.raises(Malformed):
        read_file(tmp_path / "fleet.csv")


def test_a_mapping_file_says_what_a_station_s_words_mean(tmp_path):
    toml = tmp_path / "mapping.toml"
    toml.write_text(
        '[headers]\n"站内编码" = "code"\n"二维码编号" = "ignore"\n[makers]\n"广陵特种设备制造厂" = "GL"\n'
        '[owners]\n"示例" = "E1"\n'
        '[models]\n"大瓶" = "YSP118"\n[values]\n"老款" = "two_phase"\n"○" = "no"\n"没敲" = "blank"\n',
        "utf-8",
    )
    changed = {"制造单位代号": "没敲", "产权单位": " 示 例 ", "型号": "大瓶", "备注": "老款", "封头标志": "○"}
    path = write_csv(tmp_path / "fleet.csv", [row(1, **changed) | {"站内编码": "123456789"}])
    from api.fleet.fields import Owners  # noqa: PLC0415

    mapping = read_mapping(toml)
    ((seen,), _) = read_file(path, mapping, Owners(mapping.owners, frozenset({"E1"})))
    said = {name: seen.claim.get(name) for name in ("code", "maker", "owner", "model", "phase", "filler_mark")}
    assert said == {
        "code": "legacy-digits9:123456789",
        "maker": "GL",
        "owner": "E1",
        "model": "YSP118",
        "phase": "two_phase",
        "filler_mark": None,
    }
    assert {"maker:by_mapping", "model:by_mapping"} <= seen.notes


@pytest.mark.parametrize(
    "text", ["[headers]\n'x' = 'nothing'", "[owner]\n", "[owners]\n'a' = '不行'", "not toml", "[values]\na='b'"]
)
def test_a_mapping_file_that_cannot_be_meant_is_a_fault(tmp_path, text):
    (tmp_path / "mapping.toml").write_text(text, "utf-8")
    with pytest.raises(Malformed):
        read_mapping(tmp_path / "mapping.toml")
