"""What a cluster remembers about itself, in `cluster.json` (0600) in its folder."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from accessctl.embedded.problems import ClusterError, Problem

FILE = "cluster.json"


@dataclass(frozen=True, slots=True)
class Record:
    """`mark` also stands beside the data: both together show that they belong to each other."""

    mark: str
    port: int
    home: str
    password: str


def new(port: int, home: Path) -> Record:
    """Superuser password of 192 random bits; the mark is no secret."""
    return Record(secrets.token_hex(8), port, str(home), secrets.token_urlsafe(24))


def read(folder: Path) -> Record | None:
    """None for a new folder; a file that cannot be understood is an error, never overwritten."""
    path = folder / FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Record(str(data["mark"]), int(data["port"]), str(data["home"]), str(data["password"]))
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise ClusterError(Problem.FOREIGN_FOLDER, f"{path} belongs to another user") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ClusterError(Problem.DAMAGED, f"{path} is damaged; remove {folder} to begin anew") from error


def write(folder: Path, record: Record) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    path = folder / f".{FILE}.new"
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(asdict(record), file)
        file.write("\n")
    path.rename(folder / FILE)
