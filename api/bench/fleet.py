"""Fleet files of any size from a seed, clean or as dirty as stations', from invented makers and owners; and how fast
`ledger import` takes a clean one.
"""

import csv
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import msgspec

from api.bench.processes import Failed
from api.bench.report import Row
from api.bench.setting import Setting

HEADER = (
    "序号", "气瓶编号", "使用登记证编号", "二维码编号", "制造单位", "制造单位代号", "型号", "公称容积(L)", "皮重(kg)",
    "最大充装量(kg)", "制造年月", "设计使用年限", "上次检验日期", "下次检验日期", "阀门类型", "产权单位", "封头标志",
    "备注",
)  # fmt: skip
OWNER = "压测燃气"
_MAKERS = (("青石压力容器厂", "QS"), ("云岭钢瓶厂", "YL"), ("东塘气瓶制造有限公司", "DT"))
_TYPES = (("YSP35.5", 35.5, 16.5, 14.9), ("YSP12", 12.0, 6.5, 5.0), ("YSP118/49.5", 118.0, 45.0, 49.5))
_SHARES = (75, 15, 10)
_YEARS = range(2018, 2024)
_FULL_WIDTH = str.maketrans("0123456789.", "０１２３４５６７８９．")

Cells = list[str]
_SERIAL, _CODE, _MODEL, _CAPACITY, _TARE, _FILL, _MADE, _OWNER, _REMARK = 1, 3, 6, 7, 8, 9, 10, 15, 17


class Dirt(NamedTuple):
    """A way to spoil a row, and the reason it is quarantined for; None for what is only normalised."""

    name: str
    spoil: Callable[[Cells], None]
    reason: str | None


def _put(column: int, text: str) -> Callable[[Cells], None]:
    def put(cells: Cells) -> None:
        cells[column] = text

    return put


def _change(column: int, change: Callable[[str], str]) -> Callable[[Cells], None]:
    def spoil(cells: Cells) -> None:
        cells[column] = change(cells[column])

    return spoil


DIRT = (
    Dirt("full width", _change(_SERIAL, lambda text: text.translate(_FULL_WIDTH)), None),
    Dirt("spaces", _change(_SERIAL, lambda text: f" {text}\u3000"), None),
    Dirt("units", _change(_TARE, lambda text: f"{text}KG"), None),
    Dirt("serial date", _put(_MADE, "44713"), None),
    Dirt("Chinese date", _put(_MADE, "二〇二二年六月"), None),
    Dirt("quoted line break", _put(_REMARK, '漆色,\n"重喷"'), None),
    Dirt("screwed collar", _put(_REMARK, "螺丝瓶"), None),
    Dirt("no serial", _put(_SERIAL, "无"), "serial_missing"),
    Dirt("no code", _put(_CODE, ""), "code_missing"),
    Dirt("code in scientific notation", _put(_CODE, "1.23457E+11"), "code_unreadable"),
    Dirt("no tare", _put(_TARE, "/"), "tare_missing"),
    Dirt("no such model", _put(_MODEL, "CNG-50"), "model_unknown"),
    Dirt("litres, a thousand fold", _put(_CAPACITY, "35500"), "capacity_out_of_band"),
    Dirt("fill, about", _put(_FILL, "约15"), "fill_unreadable"),
    Dirt("no month", _put(_MADE, "2019"), "date_without_month"),
    Dirt("two months", _put(_MADE, "2021.1"), "date_ambiguous"),
    Dirt("nobody's", _put(_OWNER, "待定"), "owner_unknown"),
)


def fleet_rows(count: int, seed: int, *, dirty_permille: int = 0) -> Iterator[tuple[Cells, Dirt | None]]:
    """So many cylinders' cells, and how each was spoilt. No two share a code or a stamp."""
    chance = random.Random(seed)  # noqa: S311 - an example, not a secret
    for number in range(count):
        cells = _row(chance, number)
        dirt = chance.choice(DIRT) if dirty_permille and chance.randrange(1000) < dirty_permille else None
        if dirt is not None:
            dirt.spoil(cells)
        yield cells, dirt


def write_fleet(path: Path, count: int, seed: int, *, dirty_permille: int = 0) -> Counter[str]:
    """Write a fleet file in GB 18030; how many rows are to be quarantined for which reason."""
    planted: Counter[str] = Counter()
    with path.open("w", encoding="gb18030", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for cells, dirt in fleet_rows(count, seed, dirty_permille=dirty_permille):
            writer.writerow(cells)
            if dirt is not None and dirt.reason is not None:
                planted[dirt.reason] += 1
    return planted


def _row(chance: random.Random, number: int) -> Cells:
    maker, code = chance.choice(_MAKERS)
    model, capacity, tare, fill = chance.choices(_TYPES, _SHARES)[0]
    year, month = chance.choice(_YEARS), chance.randrange(1, 13)
    letter = chr(ord("A") + number // 100_000 % 26)
    weighed = tare + chance.randrange(-20, 20) / 100
    return [
        str(number + 1), str(20_000_000 + number), f"瓶10苏{letter}{number % 100_000:05d}({year % 100})",
        f"BF{number:08d}", maker, code, model, str(capacity), f"{weighed:.2f}", str(fill), f"{year}-{month:02d}",
        "12", "", f"{year + 4}-{month:02d}", "自闭阀", OWNER, "有", "",
    ]  # fmt: skip


def import_rows(name: str, setting: Setting) -> Row:
    """A clean fleet file by `ledger import`, from its start to its reports, into a served log."""
    rows = setting.size.imported
    file, key = setting.folder / "fleet.csv", setting.folder / "office.pem"
    write_fleet(file, rows, seed=rows)
    key.write_bytes(setting.town.office_pem())
    with setting.database(name) as url, setting.servers.serving(url) as port:
        begun = perf_counter()
        told = _run([str(file), "--url", f"http://127.0.0.1:{port}", "--key", str(key), "--json"], setting)
        seconds = perf_counter() - begun
    if told != {"rows": rows, "registered": rows, "quarantined": {}}:
        raise Failed(f"not every row was registered: {told}")
    return Row(name, round(rows / seconds, 1))


def _run(arguments: Sequence[str], setting: Setting) -> dict[str, object]:
    command = [sys.executable, "-c", "from api.cli import main; main(prog_name='ledger')", "import", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(setting.environment))
    if done.returncode != 0:
        raise Failed(done.stderr)
    told: dict[str, object] = msgspec.json.decode(done.stdout.splitlines()[-1])
    return told
