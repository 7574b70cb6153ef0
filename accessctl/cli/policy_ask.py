"""`accessctl policy lint|explain|who|what`: judging the files, and asking the table that decides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from accessctl.access import explain as words
from accessctl.access.lint import Linted
from accessctl.cli.edge import Edge, command, draw
from accessctl.services import policy_ask as asking
from accessctl.services import policy_lint
from accessctl.services.control import transaction
from accessctl.services.policy_matrix import cases_in_words
from accessctl.services.policy_staff import Person

_SEVERITIES = {
    "vi": {"error": "LỖI", "warning": "cảnh báo", "note": "ghi chú"},
    "en": {"error": "ERROR", "warning": "warning", "note": "note"},
}
_WHERE = {
    "vi": {
        "own": "đơn vị của mình",
        "foreign": "đơn vị khác",
        "any": "mọi đơn vị",
        "head": "trụ sở BHXH tỉnh",
    },
    "en": {"own": "own office", "foreign": "other offices", "any": "every office", "head": "the head office"},
}
_CHANGES = {
    "vi": {"role": "nếu có thêm vai trò", "without": "nếu không giữ vai trò", "case": "trong trường hợp",
           "own": "tại", "foreign": "tại"},
    "en": {"role": "with the role", "without": "without the role", "case": "in the case", "own": "at",
           "foreign": "at"},
}  # fmt: skip
_FORBIDDEN = {"vi": " (không được kiêm nhiệm)", "en": " (may not be held together)"}
_case = click.option(
    "--case", "case", default="none", show_default=True, help="none, lost, damaged, info_bhyt_only, …"
)


@click.command()
@click.option(
    "--policies",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Another folder than the one in force: a proposal.",
)
@command()
def lint(edge: Edge, policies: Path | None) -> None:
    """Judge the policy files and, where there is a control database, the roles of the staff. Exit 1 on an error.

    Without a configured database the files alone are judged, and nobody needs to sign in.
    """
    found = _linted(edge, policies)
    rows = [
        (
            _SEVERITIES[edge.language][r.severity],
            f"{r.file or '–'}{f':{r.line}' if r.line else ''}",
            r.vi if edge.language == "vi" else r.en,
            " · ".join(filter(None, (r.text, r.detail))),
        )
        for r in found.remarks
    ]
    columns = ("Mức", "Tệp:dòng", "Nội dung", "Dòng, chi tiết") if edge.language == "vi" else (
        "Severity", "File:line", "What", "Line, detail")  # fmt: skip
    edge.out(
        {"sound": found.sound, "policy_version": found.policy.version if found.policy else None,
         "remarks": found.remarks},
        draw(f"policy lint: {len(rows)}", columns, rows),
    )  # fmt: skip
    if not found.sound:
        raise click.exceptions.Exit(1)


def _linted(edge: Edge, folder: Path | None) -> Linted:
    if not edge.settings.env.get("ACCESSCTL_DATABASE_URL"):
        return policy_lint.without_staff(folder or edge.settings.policies, "staff_not_judged")
    gate = edge.rt.gate
    if gate.broken is not None:
        return policy_lint.without_staff(folder or gate.folder, "policy_in_force_broken")
    actor = edge.actor
    with transaction(edge.rt) as session:
        return policy_lint.lint(edge.rt, session, actor, folder)


@click.command()
@click.argument("officer")
@click.argument("perm")
@click.argument("office")
@_case
@command()
def explain(edge: Edge, officer: str, perm: str, office: str, case: str) -> None:
    """May OFFICER do PERM at OFFICE: by which line, with which roles, what would have to change? Exit 1 when not."""
    actor = edge.actor
    with transaction(edge.rt) as session:
        answer = asking.explained(edge.rt, session, actor, officer, perm, office, case)
    said = words.sentence(answer.decision, edge.language)
    rows = [("→", said)]
    rows += [(f"{line.number}", getattr(line, edge.language)) for line in answer.lines]
    rows += [("+" if change.kind == "role" else "~", _change(edge, change)) for change in answer.changes]
    edge.out(
        {
            "allowed": answer.decision.allowed,
            "reason": answer.decision.reason,
            "sentence": said,
            **_about(answer.person),
            "permission": perm,
            "at": office,
            "case": case,
            "own": answer.own,
            "decided_by": answer.decided_by,
            "lines": answer.lines,
            "changes": answer.changes,
            "policy_version": answer.decision.policy_version,
        },
        draw(f"{answer.person.full_name} · {perm} · {office} · {case}", ("", ""), rows),
    )
    if not answer.decision.allowed:
        raise click.exceptions.Exit(1)


def _change(edge: Edge, change: asking.Change) -> str:
    lead = _CHANGES[edge.language][change.kind]
    return f"{lead} “{getattr(change, edge.language)}”{_FORBIDDEN[edge.language] if change.forbidden else ''}"


@click.command()
@click.argument("perm")
@click.argument("office")
@_case
@command()
def who(edge: Edge, perm: str, office: str, case: str) -> None:
    """Which officers may do PERM at OFFICE, and by which line."""
    actor = edge.actor
    with transaction(edge.rt) as session:
        found = asking.who(edge.rt, session, actor, perm, office, case)
    rows = [
        (
            h.person.full_name,
            h.person.username,
            h.person.office,
            ", ".join(sorted(h.person.roles)),
            h.line.number,
        )
        for h in found.holders
    ]
    columns = ("Họ và tên", "Tên đăng nhập", "Đơn vị", "Vai trò", "Dòng") if edge.language == "vi" else (
        "Name", "User name", "Office", "Roles", "Line")  # fmt: skip
    edge.out(
        {
            "permission": perm,
            "at": office,
            "case": case,
            "holders": [{**_about(h.person), "line": h.line} for h in found.holders],
            "elsewhere": found.elsewhere,
        },
        draw(f"{perm} · {office} · {case}: {len(rows)} (+{found.elsewhere})", columns, rows),
    )


@click.command()
@click.argument("officer")
@command()
def what(edge: Edge, officer: str) -> None:
    """What OFFICER may do, where and in which cases, by which lines."""
    actor = edge.actor
    with transaction(edge.rt) as session:
        found = asking.what(edge.rt, session, actor, officer)
        policy = asking.policy_in_force(edge.rt)
    rows = [
        (
            words.label(policy, "permissions", right.permission, edge.language),
            _WHERE[edge.language][right.where],
            cases_in_words(policy, right.cases, edge.language),
            ", ".join(str(line.number) for line in right.lines),
        )
        for right in found.rights
    ]
    columns = ("Quyền", "Ở đâu", "Trường hợp", "Dòng") if edge.language == "vi" else (
        "Permission", "Where", "Cases", "Lines")  # fmt: skip
    edge.out(
        {**_about(found.person), "rights": found.rights, "guards": found.guards,
         "policy_version": policy.version},
        draw(f"{found.person.full_name}: {len(rows)}", columns, rows),
    )  # fmt: skip


def _about(person: Person) -> dict[str, Any]:
    """Who was asked about, for the machine form."""
    return {
        "officer": person.username,
        "name": person.full_name,
        "office": person.office,
        "roles": sorted(role.value for role in person.roles),
    }


COMMANDS = (lint, explain, who, what)
