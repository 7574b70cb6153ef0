"""`accessctl serve` and `accessctl worker`: the two processes of the service; `accessctl controldb`: their database."""

from __future__ import annotations

import getpass
import os
import sys

import click

from accessctl.cli.edge import Edge, command


@click.command()
@click.option("--bind", default="127.0.0.1:8000", show_default=True, help="Address and port.")
@click.option("--workers", default=2, show_default=True, help="Processes.")
@click.option("--threads", default=8, show_default=True, help="Threads of each.")
@command(signed_in=False)
def serve(edge: Edge, bind: str, workers: int, threads: int) -> None:
    """The pages (gunicorn). Replaces this process."""
    edge.settings.need("ACCESSCTL_DATABASE_URL")
    # No connection is kept: each request goes to whichever process is free, not to the one that a reader began with.
    arguments = [
        sys.executable, "-m", "gunicorn", "wsgi:app", "--bind", bind, "--workers", str(workers), "--worker-class",
        "gthread", "--threads", str(threads), "--keep-alive", "0", "--timeout", "60", "--graceful-timeout", "10",
        "--no-control-socket", "--log-level", "warning",
    ]  # fmt: skip
    os.execve(sys.executable, arguments, os.environ | _texts(edge))  # noqa: S606 - no shell, our own program


@click.command()
@command(signed_in=False)
def worker(edge: Edge) -> None:
    """Sequencer, closing loops, evidence, custody: one process on each of any number of machines. Replaces this one."""
    edge.settings.need("ACCESSCTL_SIGNING_KEY_FILE")
    arguments = [sys.executable, "-m", "accessctl.jobs"]
    os.execve(sys.executable, arguments, os.environ | _texts(edge))  # noqa: S606 - no shell, our own program


def _texts(edge: Edge) -> dict[str, str]:
    return {name: str(value) for name, value in edge.settings.env.items()}


@click.group()
def controldb() -> None:
    """The control database."""


@controldb.command("install")
@command(signed_in=False)
def install_(edge: Edge) -> None:
    """Create roles and database, then the schema. Needs ACCESSCTL_ADMIN_URL once (or a hidden prompt)."""
    from accessctl.officedb.connection import parts
    from accessctl.officedb.credentials import scram_verifier
    from accessctl.store import install

    admin = os.environ.get("ACCESSCTL_ADMIN_URL") or getpass.getpass("Admin URL: ")
    urls = {
        "accessctl_app": edge.settings.database_url,
        "accessctl_sequencer": edge.settings.sequencer_url,
        "accessctl_reader": edge.settings.env.get("ACCESSCTL_READER_URL", ""),
    }
    passwords = {
        role: parts(url.replace("+psycopg", "")).get("password", "") for role, url in urls.items() if url
    }
    verifiers = {role: scram_verifier(password) for role, password in passwords.items() if password}
    dbname = parts(edge.settings.database_url.replace("+psycopg", ""))["dbname"]
    edge.out({"database": dbname, "created": install.install(admin, dbname, verifiers)})


@controldb.command()
@command(signed_in=False)
def migrate(edge: Edge) -> None:
    """Bring the schema to this version (ACCESSCTL_MIGRATE_URL)."""
    from accessctl.store import install

    install.migrate(edge.settings.migrate_url)
    edge.out({"migrated": True})
