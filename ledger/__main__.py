"""`python -m ledger`: the core's own commands, which need files alone: no database, no network."""

import click

from ledger.shell.replay import replay_command
from ledger.shell.verify import verify_command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """只凭文件核查一个日志，不需要数据库和网络。

    Check a log from files alone: no database, no network.
    """


main.add_command(replay_command)
main.add_command(verify_command)

if __name__ == "__main__":
    main(prog_name="python -m ledger")
