"""What every command shares: options after the subcommand, who is acting, output, one error handler."""

from __future__ import annotations

import dataclasses
import functools
import getpass
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from accessctl.clock import local, rfc3339
from accessctl.config import Settings
from accessctl.errors import AccessError, Invalid, NotSignedIn, Refused, message

# The services, and what draws tables, are imported where they are needed: `serve` would not use them for itself.
if TYPE_CHECKING:
    from rich.console import Console

    from accessctl.services.actor import Actor, Origin
    from accessctl.services.runtime import Runtime

Command = TypeVar("Command", bound=Callable[..., Any])


class Edge:
    """One run of one command."""

    def __init__(self, *, data: Path | None, as_json: bool, username: str | None, language: str) -> None:
        self.as_json = as_json
        self.language = language
        self._data = data
        self._username = username
        self._runtime: Runtime | None = None
        self._actor: Actor | None = None

    @functools.cached_property
    def settings(self) -> Settings:
        """From the demo's folder when one is named, else from the environment."""
        return Settings.load(self._data)

    @functools.cached_property
    def origin(self) -> Origin:
        """Where the command comes from, for the records."""
        from accessctl.services.actor import Origin

        return Origin("cli")

    @property
    def rt(self) -> Runtime:
        """The service's parts, made when first needed."""
        if self._runtime is None:
            from accessctl.services.runtime import build_runtime

            self._runtime = build_runtime(self.settings, pool=4, application="accessctl cli")
            if (broken := self._runtime.gate.broken) is not None:
                self.tell(Refused("policy.broken_at_start", why=str(broken)))
        return self._runtime

    @property
    def actor(self) -> Actor:
        """Who is acting: by ACCESSCTL_TOKEN, else by password (and code). Raises NotSignedIn."""
        if self._actor is None:
            self._actor = self._by_token() or self._by_password()
        if self._actor.must_change:
            raise NotSignedIn("auth.must_change")
        if self._actor.must_enrol:
            raise NotSignedIn("auth.must_enrol")
        return self._actor

    def _by_token(self) -> Actor | None:
        from accessctl.services import tokens

        token = os.environ.get("ACCESSCTL_TOKEN", "").strip()
        if not token:
            return None
        return tokens.authenticate(self.rt, token, self.origin, username=self._username)

    def _by_password(self) -> Actor:
        from accessctl.services import tokens

        if not self._username:
            raise Invalid("auth.who")
        password = os.environ.get("ACCESSCTL_PASSWORD")
        actor = self.signed_in(
            self._username, hidden("Mật khẩu / Password: ") if password is None else password
        )
        tokens.tell_place(self.rt, actor)
        return actor

    def signed_in(self, username: str, password: str) -> Actor:
        """By password and, for who has a second factor, ACCESSCTL_CODE; it is asked for when it is missing."""
        from accessctl.services import signin

        begun = signin.begin(self.rt, username, password, self.origin)
        if begun.actor is not None:
            return begun.actor
        code = os.environ.get("ACCESSCTL_CODE") or hidden(
            "Mã xác thực / Verification code: ", NotSignedIn("auth.code_needed")
        )
        return signin.finish(self.rt, begun.step or "", code, self.origin)

    def out(self, value: Any, table: Callable[[Console], None] | None = None) -> None:
        """Machine form under --json, else what `table` draws."""
        if self.as_json or table is None:
            click.echo(json.dumps(plain(value), ensure_ascii=False, indent=None if self.as_json else 2))
        else:
            table(console())

    def words(self, code: str, **facts: Any) -> str:
        """The sentence for a code in the language asked for."""
        return message(code, self.language, **facts)

    def refuse(self, error: AccessError, what: str) -> NoReturn:
        """Word an error, record it, end with its exit status."""
        known = self._runtime is not None
        if known and error.status < 500:
            from accessctl.services import recording

            recording.record_refusal(self.rt, self._actor, self.origin, error, what=what)
        self.tell(error)
        sys.exit(error.exit_status)

    def tell(self, error: AccessError) -> None:
        """Word an error on standard error, in the machine form under --json."""
        said = error.facts.get("sentence") or self.words(error.code, **error.facts)
        if self.as_json:
            click.echo(json.dumps({"code": error.code, "message": said}, ensure_ascii=False), err=True)
        else:
            click.echo(f"{said}\n[{error.code}]", err=True)

    def close(self) -> None:
        """Give connections back."""
        if self._runtime is not None:
            self._runtime.close()


def command(*, signed_in: bool = True) -> Callable[[Command], Command]:
    """Give a Click command the shared options and an `edge`; `signed_in` adds --as."""

    def wrap(function: Command) -> Command:
        @functools.wraps(function)
        def run(
            *args: Any,
            data: Path | None,
            as_json: bool,
            language: str,
            acting: str | None = None,
            **kwargs: Any,
        ) -> None:
            edge = Edge(data=data, as_json=as_json, username=acting, language=language)
            try:
                _check_words([*args, *kwargs.values(), acting])
                function(edge, *args, **kwargs)
            except AccessError as error:
                edge.refuse(error, click.get_current_context().command_path)
            finally:
                edge.close()

        options = [
            click.option("--json", "as_json", is_flag=True, help="Machine-readable output."),
            click.option(
                "--data",
                type=click.Path(file_okay=False, path_type=Path),
                help="A demo's folder; else the environment.",
            ),
            click.option(
                "--language", type=click.Choice(["vi", "en"]), default="vi", help="Language of messages."
            ),
        ]
        if signed_in:
            options.append(
                click.option(
                    "--as",
                    "acting",
                    help="Who is acting (ACCESSCTL_PASSWORD, or asked for). Not needed with ACCESSCTL_TOKEN.",
                )
            )
        wrapped: Any = run
        for option in reversed(options):
            wrapped = option(wrapped)
        result: Command = wrapped
        return result

    return wrap


def _check_words(words: Iterable[Any]) -> None:
    """Arguments that are not UTF-8 reach Python as lone surrogates, which no database and no log can hold."""
    for word in words:
        if isinstance(word, tuple):
            _check_words(word)
        elif isinstance(word, str) and any("\ud800" <= sign <= "\udfff" for sign in word):
            raise Invalid("input.control")


def hidden(prompt: str, nobody: AccessError | None = None) -> str:
    """Ask without echo. Raises `nobody`, or Invalid("auth.no_password"), where nobody can answer."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", getpass.GetPassWarning)
            return str(click.prompt(prompt.rstrip(": "), hide_input=True, err=True))
    except click.Abort:
        raise nobody or Invalid("auth.no_password") from None


def console() -> Console:
    """Standard output for tables; wide enough not to cut account codes when piped."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 160, highlight=False)


def plain(value: Any) -> Any:
    """JSON forms: dataclasses as objects, times RFC 3339 UTC, no enum but its value."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(entry) for entry in value]
    return value


def draw(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Callable[[Console], None]:
    """A table for people; times as an office clock shows them."""

    def show(target: Console) -> None:
        from rich.table import Table

        table = Table(title=title, title_justify="left", header_style="bold")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*[cell(entry) for entry in row])
        target.print(table)

    return show


def cell(entry: Any) -> str:
    """One value for a person."""
    if entry is None:
        return "–"
    if isinstance(entry, bool):
        return "có" if entry else "không"
    if isinstance(entry, datetime):
        return f"{local(entry):%d/%m/%Y %H:%M:%S}"
    return str(entry)
