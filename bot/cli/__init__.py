"""duban: commands for admins and for whoever runs the container. Texts are Chinese, exit codes are part of the contract.

Not here: anything a page needs as well. May import everything. Exit codes:

0 ok · 1 problems found · 2 wrong use · 3 state is locked by a running bot · 4 state damaged
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from bot.cli.texts import speak_chinese

speak_chinese()

import click  # noqa: E402 - click looks its texts up at import

from bot import __version__  # noqa: E402
from bot.cli.common import Failure  # noqa: E402

#: Every command by its module. Only the module of the command that is called is imported, which keeps the service small.
HOMES = {
    "service": ("run", "once", "drill"),
    "check": ("check",),
    "doctor": ("doctor",),
    "preview": ("preview",),
    "test": ("test",),
    "explain": ("explain", "schema"),
    "outbox": ("outbox", "robot"),
    "facts": ("report", "done", "close", "return", "extend", "silence", "confirm"),
    "withdraw": ("withdraw",),
    "calendar": ("calendar",),
    "cases": ("case",),
    "ledger": ("ledger",),
    "records": ("backup", "restore", "verify", "receipt"),
}


class Commands(click.Group):
    """The commands that `HOMES` lists, each imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, sorted."""
        return sorted(name for names in HOMES.values() for name in names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now; None if there is none."""
        module = next((module for module, names in HOMES.items() if cmd_name in names), None)
        if module is None:
            return None
        found: tuple[click.Command, ...] = import_module(f"bot.cli.{module}").COMMANDS
        return next(command for command in found if command.name == cmd_name)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="duban")
@click.option(
    "--home", envvar="DUBAN_HOME", default=".", show_default="当前文件夹", help="放 rules/ config/ state/ 的文件夹"
)
@click.pass_context
def duban(context: click.Context, home: str) -> None:
    """督办：按规则文件盯时限和指标，到点提醒责任单位的群聊。"""
    from pathlib import Path

    context.obj = Path(home)


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script."""
    try:
        code = duban.main(args=arguments, prog_name="duban", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.exceptions.Abort, KeyboardInterrupt):
        sys.exit(130)
    except Failure as failure:
        click.echo(str(failure), err=True)
        sys.exit(failure.code)
    sys.exit(code if isinstance(code, int) else 0)
