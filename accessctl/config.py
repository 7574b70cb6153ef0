"""Settings from the environment (or a demo's folder). Nothing is read at import, no secret has a default."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from accessctl.errors import Invalid

ENV_FILE = "accessctl.env"
_YES = {"1", "true", "yes", "on"}


@dataclass(frozen=True, slots=True)
class NoticesStay:
    """Days that a notice stays: a read one after it was read, an unread one after it was written."""

    read: int
    unread: int


@dataclass(frozen=True)
class Settings:
    """What a process of accessctl was told. Each value names its variable when it is missing."""

    env: Mapping[str, str] = field(repr=False)

    @classmethod
    def load(cls, data: Path | None = None, env: Mapping[str, str] | None = None) -> Settings:
        """From `<data>/accessctl.env` when a folder is given, else from the process environment."""
        if data is None:
            return cls(dict(os.environ if env is None else env))
        path = data / ENV_FILE
        if not path.is_file():
            raise Invalid("config.no_data", folder=str(data))
        return cls(read_env_file(path))

    def need(self, name: str) -> str:
        """A setting that must be there; raises Invalid("config.missing")."""
        value = self.env.get(name, "")
        if not value:
            raise Invalid("config.missing", name=name)
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A yes/no setting."""
        value = self.env.get(name)
        return default if value is None else value.strip().lower() in _YES

    @property
    def database_url(self) -> str:
        """The control database as the role `app`."""
        return self.need("ACCESSCTL_DATABASE_URL")

    @property
    def sequencer_url(self) -> str:
        """The control database as the role `sequencer` (worker only)."""
        return self.need("ACCESSCTL_SEQUENCER_URL")

    @property
    def migrate_url(self) -> str:
        """The control database as somebody who may act as its owner (installation only)."""
        return self.need("ACCESSCTL_MIGRATE_URL")

    @property
    def policies(self) -> Path:
        """The folder of policy files."""
        return Path(self.env.get("ACCESSCTL_POLICIES") or Path(__file__).parent.parent / "policies")

    @property
    def policy_state(self) -> Path | None:
        """Where approved changes of the policy are kept; None: the policy cannot be changed through the service."""
        said = self.env.get("ACCESSCTL_POLICY_STATE", "").strip()
        return Path(said) if said else None

    @property
    def cache(self) -> Path | None:
        """`ACCESSCTL_CACHE`: a private folder for what can be made anew (the compiled policy table); None: not kept."""
        named = self.env.get("ACCESSCTL_CACHE", "").strip()
        return Path(named) if named else None

    @property
    def reveal(self) -> bool:
        """Whether a secret may be shown to a person (client mode). Off unless said."""
        return self.flag("ACCESSCTL_REVEAL")

    @property
    def demo(self) -> bool:
        """A demo says on every page that it is one."""
        return self.flag("ACCESSCTL_DEMO")

    @property
    def password_profile(self) -> str:
        """`tcvn14423-l3` (default) or `asvs5-l2`; `test` hashes cheaply and is refused outside tests."""
        return self.env.get("ACCESSCTL_PASSWORD_PROFILE", "tcvn14423-l3")

    @property
    def second_factor_required(self) -> bool:
        """`ACCESSCTL_SECOND_FACTOR`: `required` of those who administer, hold or watch; `optional` in a demo."""
        said = self.env.get("ACCESSCTL_SECOND_FACTOR") or ("optional" if self.demo else "required")
        if said not in ("required", "optional"):
            raise Invalid("config.second_factor", value=said)
        return said == "required"

    @property
    def mails(self) -> bool:
        """Whether notices also go out by mail: `ACCESSCTL_SMTP_URL` is set. Never raises."""
        return bool(self.env.get("ACCESSCTL_SMTP_URL", "").strip())

    @property
    def mail(self) -> MailSettings:
        """How mail goes out. Raises Invalid("config.missing"), ("config.smtp_url"), ("config.mail_from") and others."""
        return MailSettings.read(self)

    @property
    def digest_at(self) -> time:
        """Local time of the daily mail, `ACCESSCTL_DIGEST_AT` (07:00). Raises Invalid("config.digest_at")."""
        text = self.env.get("ACCESSCTL_DIGEST_AT") or "07:00"
        try:
            return datetime.strptime(text, "%H:%M").time()
        except ValueError:
            raise Invalid("config.digest_at", value=text) from None

    @property
    def notices_stay(self) -> NoticesStay:
        """`ACCESSCTL_NOTICES_READ_DAYS` (90), `ACCESSCTL_NOTICES_UNREAD_DAYS` (365). Raises Invalid("config.days")."""
        return NoticesStay(
            read=self._days("ACCESSCTL_NOTICES_READ_DAYS", 90),
            unread=self._days("ACCESSCTL_NOTICES_UNREAD_DAYS", 365),
        )

    def _days(self, name: str, usual: int) -> int:
        text = self.env.get(name, "").strip() or str(usual)
        if not (text.isascii() and text.isdigit() and 7 <= int(text[:6]) <= 3660):
            raise Invalid("config.days", name=name, value=text[:20])
        return int(text)

    @property
    def audit_origin(self) -> str:
        """The origin line of every checkpoint, `accessctl/<province>/<year>`."""
        return self.env.get("ACCESSCTL_AUDIT_ORIGIN", "accessctl/daknong/2026")

    @cached_property
    def lease_keys(self) -> LeaseKeys:
        """The keys that secrets are derived from; the newest is used for new leases."""
        return LeaseKeys.read(Path(self.need("ACCESSCTL_LEASE_KEY_FILE")))

    @cached_property
    def pseudonym_key(self) -> bytes:
        """The key of subject pseudonyms: versioned, never rotated (audit.md §2.8)."""
        return base64.b64decode(_private(Path(self.need("ACCESSCTL_PSEUDONYM_KEY_FILE"))))

    @cached_property
    def web_secret(self) -> str:
        """The key of the web edge's signed cookies."""
        return _private(Path(self.need("ACCESSCTL_WEB_SECRET_FILE"))).strip()

    @cached_property
    def signing_key(self) -> str:
        """The log's Ed25519 key as text (worker only)."""
        return _private(Path(self.need("ACCESSCTL_SIGNING_KEY_FILE"))).strip()

    @cached_property
    def office_dsns(self) -> dict[str, dict[str, str]]:
        """`{office: {"broker": dsn, "witness": dsn}}` from a private JSON file, one per deployment."""
        found: dict[str, dict[str, str]] = json.loads(_private(Path(self.need("ACCESSCTL_OFFICES_FILE"))))
        return found


_SMTP_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class MailSettings:
    """A mail server, how it is talked to, and what the mails say of themselves."""

    scheme: str
    """smtp (no TLS), smtp+starttls (TLS or nothing) or smtps."""
    host: str
    port: int
    user: str | None
    password: str | None = field(repr=False)
    ca_file: str | None
    sender: str
    """The From line, `accessctl <no-reply@…>`."""
    base_url: str
    """Where the pages are, without a slash at the end."""

    @classmethod
    def read(cls, settings: Settings) -> MailSettings:
        """From the environment. The password stands in a private file, never in the address of the server."""
        url = urlsplit(settings.need("ACCESSCTL_SMTP_URL").strip())
        sender = settings.need("ACCESSCTL_MAIL_FROM").strip()
        base = settings.need("ACCESSCTL_URL").strip().rstrip("/")
        try:
            port = url.port
        except ValueError:
            port = 0
        if url.scheme not in _SMTP_PORTS or not url.hostname or port == 0 or url.password is not None:
            raise Invalid("config.smtp_url")
        if not re.fullmatch(r"[^\x00-\x1f<>]*<?[!-;=?A-~]+@[A-Za-z0-9.-]+>?", sender):
            raise Invalid("config.mail_from")
        if urlsplit(base).scheme not in ("http", "https") or any(ord(c) <= 32 for c in base):
            raise Invalid("config.missing", name="ACCESSCTL_URL")
        secret = settings.env.get("ACCESSCTL_SMTP_PASSWORD_FILE")
        clear = url.scheme == "smtp" and url.hostname not in _LOOPBACK
        if url.username and clear and not settings.flag("ACCESSCTL_PLAINTEXT_OK"):
            raise Invalid("config.smtp_clear")
        return cls(
            scheme=url.scheme,
            host=url.hostname,
            port=port or _SMTP_PORTS[url.scheme],
            user=unquote(url.username) if url.username else None,
            password=_private(Path(secret)).strip() if url.username and secret else None,
            ca_file=settings.env.get("ACCESSCTL_SMTP_CA_FILE") or None,
            sender=sender,
            base_url=base,
        )


@dataclass(frozen=True)
class LeaseKeys:
    """Key ids and keys; an old one lives until its last lease has ended."""

    current: str
    keys: Mapping[str, bytes] = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> LeaseKeys:
        """From a private JSON file `{"current": kid, "keys": {kid: base64}}`."""
        raw = json.loads(_private(path))
        return cls(raw["current"], {kid: base64.b64decode(text) for kid, text in raw["keys"].items()})


def read_env_file(path: Path) -> dict[str, str]:
    """`NAME=value` lines; blank lines and lines that begin with # are passed over."""
    lines = (line.strip() for line in _private(path).splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _private(path: Path) -> str:
    """The text of a file that only its owner may read; a wider one is refused, not used with a warning."""
    try:
        if path.stat().st_mode & 0o077:
            raise Invalid("config.file_not_private", file=str(path))
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise Invalid("config.file_unreadable", file=str(path), why=error.strerror or "") from error
