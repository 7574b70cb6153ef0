"""The command line: one more edge under the same policy (issue contract: names, JSON keys, exit statuses)."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from accessctl.cli.accounts import accounts
from accessctl.cli.audit_log import audit_log
from accessctl.cli.custodians import custodians
from accessctl.cli.demo import demo
from accessctl.cli.keys import keys
from accessctl.cli.lease import lease
from accessctl.cli.officedb import officedb
from accessctl.cli.officers import officers
from accessctl.cli.offices import offices
from accessctl.cli.policy import policy
from accessctl.cli.province import province
from accessctl.cli.reconcile import findings, reconcile
from accessctl.cli.run import controldb, serve, worker
from accessctl.errors import message


class _Root(click.Group):
    """Wrong usage under --json is told in the machine form, like every other refusal."""

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


for command in (
    accounts, audit_log, controldb, custodians, demo, findings, keys, lease, officedb, officers, offices, policy,
    province, reconcile, serve, worker,
):  # fmt: skip
    cli.add_command(command)


def main() -> None:
    """Entry point; a closed pipe is not an error worth a trace."""
    try:
        cli()
    except BrokenPipeError:
        sys.exit(1)
