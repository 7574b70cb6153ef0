"""Other people's verifier reads our proofs: npm `@sigstore/verify` (checkpoint signature and Merkle path).

Optional: `npm install @sigstore/verify` anywhere, and `SIGSTORE_MODULES` names that `node_modules`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from audit.note import Verifier
from audit.proof import parse_proof

SCRIPT = Path(__file__).with_name("sigstore_check.cjs")
MODULES = Path(os.environ.get("SIGSTORE_MODULES", "node_modules")).resolve()
SPKI_ED25519 = bytes.fromhex("302a300506032b6570032100")  # RFC 8410 §10.1

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (MODULES / "@sigstore" / "verify").is_dir(),
    reason="outside verifier absent: needs node and SIGSTORE_MODULES=<node_modules with @sigstore/verify>",
)


def sigstore_accepts(given: dict[str, Any]) -> bool:
    result = subprocess.run(
        ["node", str(SCRIPT), str(MODULES)],
        input=json.dumps(given),
        text=True,
        encoding="utf-8",
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0 or "VerificationError" in result.stderr, result.stderr
    return result.returncode == 0


def question(proof: Path, leaf: bytes, key: Verifier) -> dict[str, Any]:
    parsed = parse_proof(proof.read_text("utf-8"))
    return {
        "keyId": b64encode(key.key_id).decode(),
        "origin": key.name,
        "publicKey": b64encode(SPKI_ED25519 + key.public).decode(),
        "leaf": b64encode(leaf).decode(),
        "index": parsed.index,
        "hashes": [b64encode(item).decode() for item in parsed.path],
        "checkpoint": parsed.checkpoint,
    }


@pytest.mark.parametrize("index", [0, 299, 619])
def test_sigstore_accepts_our_proof_and_refuses_a_changed_one(index: int, bundle: Path, log: Any) -> None:
    good = question(bundle / f"proofs/{index}.tlog-proof", log.leaves[index], log.signer.verifier)
    assert sigstore_accepts(good)
    assert not sigstore_accepts({**good, "leaf": b64encode(log.leaves[5]).decode()})
    assert not sigstore_accepts({**good, "index": index ^ 1})
    assert not sigstore_accepts({**good, "checkpoint": good["checkpoint"].replace("\n620\n", "\n621\n")})
