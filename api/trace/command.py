"""`ledger trace`: questions put to the logs of a database, answered line by line, or as JSON, CSV or XLSX."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from api.databases import one_origin, open_database
from api.evidence.times import parse_time
from api.trace.asking import ask, window_of
from api.trace.balancing import ask_balances, tell_balances
from api.trace.building import ask_building, tell_building
from api.trace.finding import ask_search, tell_search
from api.trace.question import Question, Reader
from api.trace.scene import ask_scene, tell_scene
from api.trace.telling import Telling
from api.trace.text import tell_story
from api.trace.writing import OUTPUT, write_out
from ledger.search import Parts
from ledger.store.read import ALL_SITES, hosted_origins, open_engine

Asking = Callable[[list[Reader]], Telling]

_KNOWN_AT = click.option("--known-at", help="当时所知，含；其后的记录另列。As known then, included.")
_TIMES = (
    click.option("--from", "from_", help="起，含，如 2026-11-22T06:00（中国时间）。Recorded from then on; China time."),
    click.option("--to", help="止，不含。Recorded before then."),
)
_WRITTEN = (
    *OUTPUT,
    click.option("--log", "origin", help="日志名称，默认查询全部。One log's origin; all of them unless told."),
    click.option("--data", type=click.Path(path_type=Path), help="内置数据库目录。An embedded database."),
)  # fmt: skip

_KINDS = (
    ("cylinder", "cylinder", "CODE", "气瓶：任一编码、钢印或扫码内容。A cylinder, by any code it has or had."),
    ("lot", "tank_lot", "ID", "罐次。A tank lot, forward."),
    ("customer", "customer", "ID", "用户。A customer, at a time."),
    ("premises", "premises", "ID", "用气场所。A customer's premises, at a time."),
    ("worker", "person", "ID", "送气工。A delivery worker, over a period."),
    ("operator", "person", "ID", "充装人员、检查人员。Who filled or checked, over a period."),
    ("inspector", "person", "ID", "检验人员。An inspector, over a period."),
    ("vehicle", "vehicle", "ID", "车辆。A vehicle, over a period."),
    ("site", "site", "ID", "站点。A site, over a period."),
    ("line", "line", "ID", "充装秤。A filling line, over a period."),
)
"""What has a story: the command's word, the kind, its argument, its help."""


@click.group("trace")
def trace_command() -> None:
    """追溯：一只气瓶的来龙去脉，一个用户、人员、车辆、站点、充装秤或罐次的经历；每句话都有条目为凭。

    Traces: where a cylinder comes from and where it went; the story of a customer, person, vehicle, site, line or tank
    lot; what stands in a building. Every statement names the entry behind it. The database is the one of
    LEDGER_DATABASE_URL, or --data.
    """


def _asks(word: str, help_: str, *options: Callable[[Any], Any]) -> Callable[[Callable[..., Asking]], click.Command]:
    """A command: what it is given says what to ask of which logs, and how the answer is written."""

    def made(question: Callable[..., Asking]) -> click.Command:
        def run(*, written: str, out: Path | None, origin: str | None, data: Path | None, **given: object) -> None:
            asking = question(**given)
            with ExitStack() as stack:
                url = stack.enter_context(open_database(data))
                logs = hosted_origins(url) if origin is None else [one_origin(url, origin)]
                engine = open_engine(url)
                stack.callback(engine.dispose)
                write_out(asking([Reader(engine, one, ALL_SITES) for one in logs]), written, out)

        asked: Any = run
        for option in reversed((*options, *_WRITTEN)):
            asked = option(asked)
        return trace_command.command(word, help=help_)(asked)

    return made


def _story(kind: str) -> Callable[..., Asking]:
    def question(id: str, known_at: str | None, from_: str | None, to: str | None) -> Asking:  # noqa: A002 - click's
        asked = Question(kind, id, window_of(from_, to, known_at))
        return lambda readers: tell_story(ask(readers, asked))

    return question


for _word, _kind, _metavar, _help in _KINDS:
    _asks(_word, _help, click.argument("id", metavar=_metavar), _KNOWN_AT, *_TIMES)(_story(_kind))


def _building(id: str, town: str | None, known_at: str | None) -> Asking:  # noqa: A002 - click's
    at = None if known_at is None else parse_time(known_at)
    return lambda readers: tell_building(ask_building(readers, id, town, at))


_asks(
    "building", "楼栋内的气瓶，不分供气单位。What stands in a building, over all enterprises.",
    click.argument("id", metavar="BUILDING"), click.option("--town", help="镇、街道代码。The town's code."), _KNOWN_AT,
)(_building)  # fmt: skip


def _scene(id: str, building: bool, found: tuple[str, ...], known_at: str | None) -> Asking:  # noqa: A002, FBT001 - click's
    at, kind = None if known_at is None else parse_time(known_at), "building" if building else "premises"
    return lambda readers: tell_scene(ask_scene(readers, kind, id, found, at))


_asks(
    "scene", "现场比对：现场读到的编码对账上所有。What was found at premises against what the ledger has there.",
    click.argument("id", metavar="PREMISES"),
    click.option("--building", is_flag=True, help="所给的是楼栋。It is a building."),
    click.option("--found", multiple=True, help="现场读到的编码，可多次给出。A code read there; any number of them."),
    _KNOWN_AT,
)(_scene)  # fmt: skip


def _search(**parts: Any) -> Asking:  # noqa: ANN401 - the fields of Parts
    return lambda readers: tell_search(ask_search(readers, Parts(**parts)))


_asks(
    "search", "按残缺钢印、阀门或封签找气瓶，最相符的在前。Cylinders by what is left to read, ranked.",
    click.option("--serial", help="编号；? 为一个看不清的字符，* 为任意个。Serial; ? one burnt character, * any."),
    click.option("--maker", help="制造单位代号。The maker."),
    click.option("--made", help="制造年月，2022 或 2022-08。Year or month made."),
    click.option("--tare", "tare_g", type=int, help="皮重，克。Tare, grams."),
    click.option("--model", help="型号。The model."),
    click.option("--valve", "valve_no", help="阀门编号。The valve's number."),
    click.option("--seal", help="封签号。The seal's number."),
)(_search)  # fmt: skip

_asks("balances", "谁持有多少气瓶。Who holds how many cylinders.")(
    lambda: lambda readers: tell_balances(ask_balances(readers))
)
