"""Standing rules and approvals for tests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from accessctl.domain.accounts import Kind
from accessctl.services import approvals, standing_rules
from accessctl.services.control import transaction
from accessctl.services.standing_rules import Change
from tests.common.world import World

EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)


def set_rule(
    world: World, who: str, *, office: str = "CJT", kind: Kind = Kind.TKCL, seen: int = 0, **words: Any
) -> int:
    """Set the rule as a form would; what is not named stays open."""
    blank: dict[str, Any] = {"officers": None, "days": EVERY_DAY, "spans": (), "per_day": ""}
    with transaction(world.rt) as session:
        return standing_rules.change(
            world.rt, session, world.actor(who), office, kind, Change(seen, **(blank | words))
        )


def ask(
    world: World,
    who: str,
    account: str = "TKCL-CJT-DML",
    *,
    number: int = 1,
    opens: float = -1,
    minutes: float = 60,
    **more: Any,
) -> int:
    """Ask for leave to borrow for the dossier of this number, from `opens` minutes on for so many minutes."""
    start = world.now() + timedelta(minutes=opens)
    guest = account.split("-")[1] if "-" in account else "CJT"
    words: dict[str, Any] = {
        "account": account,
        "dossier": f"{guest}-2018-{number:06d}/CLT",
        "opens": start,
        "closes": start + timedelta(minutes=minutes),
        "reason": "Người dân đang chờ tại quầy",
    }
    with transaction(world.rt) as session:
        return approvals.ask(world.rt, session, world.actor(who), approvals.Ask(**(words | more)))


def decide(world: World, who: str, approval: int, *, give: bool = True, note: str = "") -> None:
    """Give or decline."""
    with transaction(world.rt) as session:
        approvals.decide(
            world.rt,
            session,
            world.actor(who),
            str(approval),
            give=give,
            note=note or ("" if give else "Không cần"),
        )
