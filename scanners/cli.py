"""The `station` command: the agent of a filling station, its keys, its outbox, a simulated scale, shift and phones."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NoReturn, TypeVar

import click
from msgspec import json as mjson
from rich.console import Console

from ledger.bundle import signer_id, signer_key
from scanners.agent import Station
from scanners.config import load_config, load_key, new_key
from scanners.faults import Misconfigured, StationFault
from scanners.outbox import peek, take_up
from scanners.phone.plan import load_phones
from scanners.phone.simulate import Phones
from scanners.plan import load_plan
from scanners.results import Result, Summary
from scanners.scale_server import serve
from scanners.screen import Shown
from scanners.sender import Problem
from scanners.simulate import Simulation, line_of

T = TypeVar("T")

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW = click.Path(dir_okay=False, path_type=Path)
_COLOURS = {"green": "green", "amber": "yellow", "red": "red"}
_LIGHTS = {"green": "●绿", "amber": "●黄", "red": "●红"}
_OUTCOMES = {
    "accepted": "通过",
    "warnings": "提醒",
    "violations": "违规",
    "refused": "拒绝",
    "not_opened": "阀门未开",
    "unreadable": "无法识别",
    "fault": "故障",
}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """充装站终端：扫码、充装秤联锁、断网存储。

    The station agent: scans, the scale's interlock, and an outbox for when the line is down.
    """


@main.command(short_help="运行终端，直到停止。Run the agent until stopped.")
@click.option("--config", required=True, type=_FILE, help="配置文件 station.toml · the configuration")
def run(config: Path) -> None:
    """运行终端，直到停止。

    Run the agent until stopped. The fields of station.toml: see scanners/config.py.
    """
    settings = _or_exit(lambda: load_config(config))
    console = Console()

    def show(shown: Shown) -> None:
        code = f"{shown.code[:24]}…" if shown.code.startswith("unread:") else shown.code
        text = f"{_LIGHTS[shown.light]} {shown.post}  {code}  {shown.zh} · {shown.en}"
        console.print(text, style=_COLOURS[shown.light], markup=False, highlight=False)

    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        station = Station(settings, load_key(Path(settings.key_file)), clock=_clock, show=show)
        await station.run()

    try:
        _or_exit(lambda: asyncio.run(work()))
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("已停止，阀门已关闭 · stopped, valves shut")


@main.command(short_help="生成签名密钥，显示公钥。Make a signing key.")
@click.option("--out", required=True, type=_NEW, help="私钥文件，不覆盖 · the private key's file, never overwritten")
def keygen(out: Path) -> None:
    """生成签名密钥，显示登记所需的公钥。

    Make a signing key; prints what an enrolment needs. The private half never leaves the file.
    """
    try:
        key = new_key(out)
    except FileExistsError:
        _exit(Misconfigured(f"文件已存在，不予覆盖：{out}", f"{out} exists; it is not overwritten"))
    public = signer_key(key)
    click.echo(mjson.encode({"signer": signer_id(public), "key": public}).decode())


@main.command(short_help="模拟充装秤（Modbus TCP）。A simulated filling scale.")
@click.option("--port", default=0, show_default=True, help="端口，0 为任意 · port, 0 for any")
@click.option("--host", default="127.0.0.1", show_default=True, help="地址 · address")
@click.option("--seed", type=int, help="随机种子：关阀误差 ±10 g · chance: closes within 10 g")
@click.option("--state", type=_NEW, help="计数保存文件 · keeps the counters over kill -9")
@click.option("--until-eof", is_flag=True, help="标准输入结束即退出 · stop when standard input ends")
def scale(port: int, host: str, seed: int | None, state: Path | None, until_eof: bool) -> None:  # noqa: FBT001
    """模拟充装秤（Modbus TCP）。

    A simulated filling scale behind a real Modbus TCP server; its registers: scanners/scale_registers.py.
    """
    try:
        asyncio.run(serve(host, port, kept_in=state, seed=seed, until_eof=until_eof))
    except KeyboardInterrupt:
        click.echo("已停止 · stopped", err=True)


@main.command(short_help="按计划模拟一个班次。Play a shift over real sockets.")
@click.option("--plan", required=True, type=_FILE, help="计划文件 · the plan; its fields: scanners/plan.py")
@click.option("--json", "as_json", is_flag=True, help="每行一个 JSON · one JSON object a line")
def simulate(plan: Path, *, as_json: bool) -> None:
    """按计划模拟一个班次：真实的扫码枪连接、充装秤进程和服务器。

    Play a shift over real sockets: guns, scales in their own processes, and the server that the plan names.
    """
    loaded = _or_exit(lambda: load_plan(plan))
    summary = _or_exit(lambda: asyncio.run(Simulation(loaded, _emitter(as_json=as_json)).run()))
    click.echo(line_of(summary))


@main.command(short_help="模拟送气工手机。Play delivery workers' phones.")
@click.option("--plan", required=True, type=_FILE, help="计划文件 · the plan; its fields: scanners/phone/plan.py")
@click.option("--json", "as_json", is_flag=True, help="每行一个 JSON · one JSON object a line")
def phones(plan: Path, *, as_json: bool) -> None:
    """模拟送气工手机：从标准输入读任务，每行一个 JSON，直到输入结束。

    Play delivery workers' phones: reads errands from standard input, one JSON object a line, until it ends.
    """
    loaded = _or_exit(lambda: load_phones(plan))

    async def play() -> Summary:
        return await Phones(loaded, _emitter(as_json=as_json)).run(_input_lines())

    click.echo(line_of(_or_exit(lambda: asyncio.run(play()))))


async def _input_lines() -> AsyncIterator[bytes]:
    reader = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield line


def _emitter(*, as_json: bool) -> Callable[[Result], None]:
    def emit(result: Result) -> None:
        if as_json:
            click.echo(line_of(result))
            return
        index = "-" if result.entry_index is None else f"#{result.entry_index}"
        zh = _OUTCOMES[result.outcome]
        click.echo(f"{index:>8} {result.act:<16} {zh} {result.outcome:<11} {' '.join(result.rules)}  {result.tag}")

    return emit


@main.command(short_help="查看待发和被搁置的记录。What waits, what was set aside.")
@click.option("--path", required=True, type=_FILE, help="发件箱文件 · the outbox's file")
@click.option("--resend", type=int, metavar="SEQ", help="重发被搁置的一包 · send one that was set aside once more")
@click.option("--json", "as_json", is_flag=True, help="JSON 输出 · as JSON")
def outbox(path: Path, resend: int | None, *, as_json: bool) -> None:
    """查看待发和被搁置的记录。

    What waits to be sent, and what the server found unacceptable and why.
    """
    if resend is not None and not take_up(path, resend):
        _exit(Misconfigured(f"第 {resend} 包未被搁置", f"bundle {resend} is not set aside"))
    counts, aside = peek(path)
    rows = [{"seq": seq, "problem": mjson.decode(problem, type=Problem)} for seq, problem in aside]
    if as_json:
        click.echo(mjson.encode({"counts": counts, "set_aside": rows}).decode())
        return
    names = (("pending", "待发 pending"), ("answered", "已答复 answered"), ("set_aside", "已搁置 set aside"))
    for state, name in names:
        click.echo(f"{name}: {counts.get(state, 0)}")
    for seq, problem in aside:
        fault = mjson.decode(problem, type=Problem).fault()
        click.echo(f"  {seq}: {fault.zh} · {fault.en} {fault.pointer}")


def _clock() -> int:
    return time.time_ns() // 1_000_000


def _or_exit(act: Callable[[], T]) -> T:
    """What `act` gives, or its fault in two languages and exit code 1; also out of a task group."""
    try:
        return act()
    except StationFault as fault:
        _exit(fault)
    except BaseExceptionGroup as group:
        faults = group.subgroup(StationFault)
        if faults is None or len(faults.exceptions) != len(group.exceptions):
            raise
        _exit(_first(faults))


def _first(group: BaseExceptionGroup[StationFault]) -> StationFault:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


def _exit(fault: StationFault) -> NoReturn:
    click.echo(f"{fault.zh}\n{fault}", err=True)
    sys.exit(1)
