"""The `ledger` command. Its commands are imported when they are run, so that help is quick."""

import sys
from importlib import import_module
from typing import Any

import click

from ledger.errors import LedgerError

FAULT_EXIT_CODE = 2

COMMANDS = {
    "serve": ("api.serve_command:serve_command", "启动服务。Serve the ledger over HTTP."),
    "migrate": ("api.log_commands:migrate_command", "建表、升级、重建缓存表。Bring a database to this version."),
    "keygen": ("api.log_commands:keygen_command", "生成签名密钥。Make a signing key."),
    "open-log": ("api.log_commands:open_log_command", "建立日志（第 0 条）。Open a log: its entry 0."),
    "file": ("api.file_command:file_command", "签名并提交登记。Sign and submit filings."),
    "import": ("api.fleet.command:import_command", "导入气瓶台账，或试导入。Import a fleet file, or try to."),
    "publish": ("api.publish.command:publish_command", "发布日志：静态文件与存证快照。Publish a log, checkpoint it."),
    "vkey": ("api.publish.command:vkey_command", "打印发布密钥的验证公钥。Print the vkeys of publishing keys."),
    "evidence": ("api.evidence.command:evidence_command", "导出可离线核查的证据。Write evidence to check offline."),
    "trace": ("api.trace.command:trace_command", "追溯：谁、何时、何处、凭什么。Answer any question about the log."),
    "recall": ("api.recall.command:recall_command", "召回的气瓶、持有者与进展。Recalls: cylinders, holders, progress."),
    "drill": ("api.recall.command:drill_command", "召回演练：计时与质量平衡。A drill: timed, with its mass balance."),
    "incident": ("api.recall.command:incident_command", "事故冻结了什么。Incidents, and what they hold."),
    "witness": ("api.witness.command:witness_command", "见证日志，联署快照。Witness logs, cosign checkpoints."),
    "mirror": ("api.mirror.command:mirror_command", "跟随并留存一个日志。Follow a log, check it, keep all of it."),
    "alerts": ("api.alerts.command:alerts_command", "列出警报。List alerts: contradictions and suspected fraud."),
    "audit": ("api.audit_command:audit_command", "审计全部记录。Re-read, re-hash and re-decide everything."),
    "demo": ("api.demo.command:demo_command", "演示。The demo."),
    "month": ("api.month.command:month_command", "清白之月。A month of honest work."),
    "town": ("api.town.command:town_command", "生成城镇。Write a whole town."),
    "bench": ("api.bench.command:bench_command", "压测。The bench."),
}
"""Name: where the command is, and one line of help."""


class LazyGroup(click.Group):
    """Commands by name; a fault is told in both languages on standard error, without a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Import a command; None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """List the commands without importing them."""
        with formatter.section("命令 Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        """Run the command; a fault ends it with exit code 2."""
        try:
            return super().invoke(ctx)
        except LedgerError as fault:
            where = f"（位置 at {fault.pointer}）" if fault.pointer else ""
            click.echo(f"错误：{fault.zh}{where}\nerror: {fault.en}", err=True)
            sys.exit(FAULT_EXIT_CODE)


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cylinder-ledger", prog_name="ledger")
def main() -> None:
    """气瓶追溯账本：每只液化石油气瓶的来龙去脉，可核查，不可篡改。

    The LPG cylinder ledger: every cylinder's story, provable and never quietly changed.
    """
