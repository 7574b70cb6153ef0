"""A demo's folder: where its secrets, settings and description stand. Everything private to its owner."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accessctl.cli.keys import LEASE, PSEUDONYM, SIGNING, WEB, create_keys, write_private
from accessctl.config import ENV_FILE, Settings
from accessctl.embedded import Cluster

ORIGIN = "accessctl/daknong/2026"
CONTROL = "accessctl"
PASSWORD = "Dak-Nong-01042018"  # noqa: S105 - a demo's, printed on its first screen
_HOST = "127.0.0.1"


@dataclass(frozen=True)
class DemoFolder:
    """The folder and what it holds."""

    path: Path

    @property
    def postgres(self) -> Path:
        """The embedded server's own folder."""
        return self.path / "postgres"

    @property
    def logs(self) -> Path:
        """Where serve and worker write."""
        return self.path / "logs"

    @property
    def built(self) -> Path:
        """Exists once the build has gone through."""
        return self.path / "built"

    def make(self) -> None:
        """Create what is missing; keys and passwords only once."""
        self.path.mkdir(mode=0o711, parents=True, exist_ok=True)
        self.logs.mkdir(mode=0o700, exist_ok=True)
        kept = self.path / "secrets.json"
        if not kept.exists():
            verifier = create_keys(self.path / "keys", ORIGIN)
            roles = ("app", "sequencer", "reader", "broker", "witness")
            write_private(
                kept, json.dumps({"verifier": verifier, **{r: secrets.token_urlsafe(24) for r in roles}})
            )

    def secrets(self) -> dict[str, str]:
        """The demo's passwords and the log's public key."""
        known: dict[str, str] = json.loads((self.path / "secrets.json").read_text(encoding="utf-8"))
        return known

    def write_settings(self, cluster: Cluster, port: int, more: Mapping[str, str] | None = None) -> None:
        """Settings for this start: the server may have got another port. `more` is added, or wins."""
        known, keys = self.secrets(), self.path / "keys"
        control = f"@{_HOST}:{cluster.port}/{CONTROL}"
        values = {
            "ACCESSCTL_DATABASE_URL": f"postgresql+psycopg://accessctl_app:{known['app']}{control}",
            "ACCESSCTL_SEQUENCER_URL": f"postgresql+psycopg://accessctl_sequencer:{known['sequencer']}{control}",
            "ACCESSCTL_READER_URL": f"postgresql+psycopg://accessctl_reader:{known['reader']}{control}",
            "ACCESSCTL_LEASE_KEY_FILE": keys / LEASE,
            "ACCESSCTL_PSEUDONYM_KEY_FILE": keys / PSEUDONYM,
            "ACCESSCTL_SIGNING_KEY_FILE": keys / SIGNING,
            "ACCESSCTL_WEB_SECRET_FILE": keys / WEB,
            "ACCESSCTL_VERIFIER_KEY": known["verifier"],
            "ACCESSCTL_OFFICES_FILE": self.path / "offices.json",
            "ACCESSCTL_AUDIT_ORIGIN": ORIGIN,
            "ACCESSCTL_CACHE": self.path / "cache",
            "ACCESSCTL_REVEAL": "yes",
            "ACCESSCTL_DEMO": "yes",
            "ACCESSCTL_DEMO_FOLDER": self.path,
            "ACCESSCTL_POLICY_STATE": self.path / "policy",
            "ACCESSCTL_URL": f"http://{_HOST}:{port}",
        } | dict(more or {})
        text = "".join(f"{name}={value}\n" for name, value in values.items())
        write_private(self.path / ENV_FILE, text, replace=True)

    def write_offices(self, cluster: Cluster, dbnames: dict[str, str]) -> None:
        """The addresses of broker and witness at every office."""
        known = self.secrets()
        addresses = {
            code: {
                name: f"postgresql://accessctl_{name}:{known[name]}@{_HOST}:{cluster.port}/{dbname}"
                for name in ("broker", "witness")
            }
            for code, dbname in dbnames.items()
        }
        write_private(self.path / "offices.json", json.dumps(addresses, indent=1), replace=True)

    def write_demo_json(
        self, cluster: Cluster, port: int, dbnames: dict[str, str], people: list[dict[str, Any]]
    ) -> None:
        """The description for outside clients (issue contract); superuser addresses, demo only."""
        described = {
            "url": f"http://{_HOST}:{port}",
            "control_dsn": cluster.dsn(CONTROL),
            "offices": {
                code: {
                    "admin_dsn": cluster.dsn(dbname),
                    "host": _HOST,
                    "port": cluster.port,
                    "dbname": dbname,
                }
                for code, dbname in dbnames.items()
            },
            "people": people,
            "opening_hours": "always",
        }
        write_private(
            self.path / "demo.json", json.dumps(described, ensure_ascii=False, indent=1), replace=True
        )

    def demo_json(self) -> dict[str, Any]:
        """What was last described."""
        known: dict[str, Any] = json.loads((self.path / "demo.json").read_text(encoding="utf-8"))
        return known

    def settings(self) -> Settings:
        """The settings as last written."""
        return Settings.load(self.path)
