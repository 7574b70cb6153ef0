"""`accessctl keys`: making the keys of a deployment, rotating the lease key. Files are private from the first byte."""

from __future__ import annotations

import base64
import json
import os
import secrets
from pathlib import Path

import click

from accessctl.cli.edge import Edge, command
from accessctl.domain.events import Event
from accessctl.errors import Conflict
from audit.note import Signer

LEASE, PSEUDONYM, SIGNING, WEB = "lease.keys.json", "pseudonym.key", "signing.key", "web.secret"


@click.group()
def keys() -> None:
    """The deployment's secret keys."""


@keys.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--origin", required=True, help="The log's origin, such as accessctl/daknong/2026.")
@command(signed_in=False)
def create(edge: Edge, folder: Path, origin: str) -> None:
    """Make every key in FOLDER; existing ones are never overwritten."""
    verifier = create_keys(folder, origin)
    edge.out({"folder": str(folder), "verifier_key": verifier, "origin": origin})


def create_keys(folder: Path, origin: str) -> str:
    """Write the four key files (mode 0600) and return the public verifier key of the log."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    signer = Signer.generate(origin)
    write_private(folder / LEASE, json.dumps({"current": "k1", "keys": {"k1": _random()}}))
    write_private(folder / PSEUDONYM, _random())
    write_private(folder / SIGNING, signer.to_text())
    write_private(folder / WEB, secrets.token_urlsafe(48))
    return signer.verifier_key


def write_private(path: Path, text: str, *, replace: bool = False) -> None:
    """Write a file that nobody else can read at any moment, whole or not at all."""
    if path.exists() and not replace:
        raise Conflict("keys.exists", file=str(path))
    draft = path.with_name(path.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)


def _random() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


@keys.command()
@command(signed_in=False)
def rotate(edge: Edge) -> None:
    """A new lease key for new leases; the old ones stay until their last lease has ended. Restart serve and worker."""
    path = Path(edge.settings.need("ACCESSCTL_LEASE_KEY_FILE"))
    held = edge.settings.lease_keys
    number = 1 + max(int(kid.removeprefix("k")) for kid in held.keys)
    kept = {kid: base64.b64encode(key).decode() for kid, key in held.keys.items()}
    write_private(
        path, json.dumps({"current": f"k{number}", "keys": kept | {f"k{number}": _random()}}), replace=True
    )
    from accessctl.services.control import transaction
    from accessctl.services.recording import record

    with transaction(edge.rt) as session:
        record(
            edge.rt,
            session,
            Event.KEY_ROTATED,
            origin=edge.origin,
            details={"key": "lease", "kid": f"k{number}"},
        )
    edge.out({"current": f"k{number}", "kept": sorted(kept)})
