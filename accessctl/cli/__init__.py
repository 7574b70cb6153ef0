"""The command line: one more edge under the same policy (issue contract: names, JSON keys, exit statuses)."""

from __future__ import annotations

import gc
import json
import sys
from importlib import import_module
from typing import Any

import click

from accessctl.errors import message

_COMMANDS = {
    "accounts": "accounts:accounts",
    "audit": "audit_log:audit_log",
    "controldb": "run:controldb",
    "custodians": "custodians:custodians",
    "demo": "demo:demo",
    "findings": "reconcile:findings",
    "keys": "keys:keys",
    "lease": "lease:lease",
    "officedb": "officedb:officedb",
    "officers": "officers:officers",
    "offices": "offices:offices",
    "policy": "policy:policy",
    "province": "province:province",
    "reconcile": "reconcile:reconcile",
    "serve": "run:serve",
    "worker": "run:worker",
}
"""Command → module and name. Only the one that is asked for is imported: the rest would double its time."""


class _Root(click.Group):
    """Commands that are imported when asked for.

    Wrong usage under --json is told in the machine form, like every other refusal.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, without importing anything."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        gc.disable()  # nothing of what is imported is rubbish: looking through it took an eighth of the time
        try:
            found: click.Command = getattr(import_module(f"accessctl.cli.{module}"), name)
        finally:
            gc.enable()
        return found

    def main(self, args: Any = None, *more: Any, **extra: Any) -> Any:
        """Click's own, except for the form of usage errors."""
        words = sys.argv[1:] if args is None else list(args)
        if "--json" not in words:
            return super().main(args, *more, **extra)
        try:
            status = super().main(args, *more, **(extra | {"standalone_mode": False}))
        except click.ClickException as error:
            said = message("usage", why=error.format_message())
            click.echo(json.dumps({"code": "usage", "message": said}, ensure_ascii=False), err=True)
            sys.exit(error.exit_code)
        except click.Abort:
            sys.exit(1)
        sys.exit(status if isinstance(status, int) else 0)


@click.group(cls=_Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="accessctl")
def cli() -> None:
    """Named, exclusive, minutes-long, logged loans of shared database accounts.

    Exit status: 0 done · 1 refused or not intact · 2 wrong usage · 3 unavailable.
    """


def main() -> None:
    """Entry point; a closed pipe is not an error worth a trace."""
    try:
        cli()
    except BrokenPipeError:
        sys.exit(1)
