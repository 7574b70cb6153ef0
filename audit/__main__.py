"""`python -m audit`: verify an export, show or prove one record, check a proof.

Exit 0 yes, 1 no, 2 cannot tell.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from audit import bundle
from audit.errors import AuditError, ProofError, SignatureInvalid, UnknownKey
from audit.note import Verifier
from audit.policy import parse_policy
from audit.proof import prove, verify_proof
from audit.tiles import tile_nodes
from audit.verify import verify_bundle

CANNOT_TELL = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the status is a contract (issue, "Commands that others script against")."""
    arguments = _parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except (AuditError, OSError, UnicodeError) as error:
        return _fail(arguments, str(error))
    except Exception as error:  # a traceback would end with status 1, which means "not intact"
        return _fail(arguments, f"{type(error).__name__}: {error}")


def _fail(arguments: argparse.Namespace, why: str) -> int:
    if getattr(arguments, "json", False):
        print(json.dumps({"code": "audit.cannot_tell", "message": why}, ensure_ascii=False), file=sys.stderr)
    else:
        print(f"Không kết luận được: {why}\nCannot tell: {why}", file=sys.stderr)
    return CANNOT_TELL


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m audit", description="Nhật ký truy vết. Audit log.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    verify = commands.add_parser("verify", help="kiểm tra tính toàn vẹn / verify an export")
    verify.add_argument("folder", type=Path, metavar="DIR")
    verify.add_argument(
        "--checkpoint",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="điểm kiểm tra lưu ngoài / a checkpoint kept elsewhere",
    )
    _trust(verify)
    verify.add_argument("--records", action="store_true", help="cả dạng chuẩn / also canonical form")
    verify.add_argument("--json", action="store_true")
    verify.set_defaults(run=_verify)
    show = commands.add_parser("show", help="in một bản ghi / print one record")
    make = commands.add_parser("prove", help="in chứng minh một bản ghi / print a .tlog-proof")
    for command, run in ((show, _show), (make, _prove)):
        command.add_argument("folder", type=Path, metavar="DIR")
        command.add_argument("index", type=int, metavar="INDEX")
        command.set_defaults(run=run)
    check = commands.add_parser("check", help="kiểm tra một chứng minh / check a .tlog-proof")
    check.add_argument("proof", type=Path, metavar="PROOF")
    check.add_argument("record", type=Path, metavar="RECORD", help="các byte của bản ghi / exact bytes")
    _trust(check)
    check.set_defaults(run=_check)
    return parser


def _trust(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="FILE|TEXT",
        help="khóa công khai của nhật ký / verifier key of the log",
    )
    parser.add_argument("--policy", type=Path, metavar="FILE", help="quy định nhân chứng / witness policy")


def _verify(arguments: argparse.Namespace) -> int:
    events = arguments.folder / bundle.EVENTS
    total = events.stat().st_size if events.is_file() else 0
    report = verify_bundle(
        arguments.folder,
        checkpoints={str(path): bundle.read_small(path) for path in arguments.checkpoint},
        keys=_keys(arguments.key),
        policy=bundle.read_small(arguments.policy) if arguments.policy else None,
        records=arguments.records,
        progress=(lambda read: _progress(read, total)) if sys.stderr.isatty() else None,
    )
    if sys.stderr.isatty():
        print("\r" + " " * 20 + "\r", end="", file=sys.stderr)
    print(json.dumps(report.as_json(), ensure_ascii=False, indent=1) if arguments.json else report.as_text())
    return report.exit_code


def _progress(read: int, total: int) -> None:
    print(f"\r{100 * read // max(1, total):3d} %", end="", file=sys.stderr, flush=True)


def _keys(given: list[str]) -> list[str]:
    """Each is a verifier key, or a file with some."""
    texts = []
    for item in given:
        try:
            texts.append(Verifier.from_text(item).text)
        except AuditError:
            texts.append(bundle.read_small(Path(item)))
    return texts


def _show(arguments: argparse.Namespace) -> int:
    sys.stdout.buffer.write(bundle.record(arguments.folder, arguments.index) + b"\n")
    return 0


def _prove(arguments: argparse.Namespace) -> int:
    size = bundle.read_manifest(arguments.folder).get("size")
    if not isinstance(size, int):
        raise bundle.Unreadable(f"{bundle.MANIFEST}: size")
    checkpoint = bundle.read_small(bundle.regular(arguments.folder, bundle.CHECKPOINT))
    sys.stdout.write(prove(tile_nodes(arguments.folder, size), arguments.index, checkpoint).text)
    return 0


def _check(arguments: argparse.Namespace) -> int:
    texts = [line for text in _keys(arguments.key) for line in text.split("\n") if line]
    keys = [Verifier.from_text(line) for line in texts]
    policy = parse_policy(bundle.read_small(arguments.policy)) if arguments.policy else None
    leaf = arguments.record.read_bytes().removesuffix(b"\n")
    try:
        index, head = verify_proof(bundle.read_small(arguments.proof), leaf, keys, policy)
    except UnknownKey as error:
        return _fail(arguments, str(error))
    except (ProofError, SignatureInvalid) as error:
        print(f"Chứng minh không đúng: {error}\nThe proof does not hold: {error}")
        return 1
    print(f"Bản ghi số {index} có trong nhật ký {head.origin} ({head.size} bản ghi).")
    print(f"Record {index} is in log {head.origin} (size {head.size}).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
