"""A telephone with an authenticator, and people who have one."""

from __future__ import annotations

from datetime import timedelta

import pyotp

from accessctl.services import second_factor
from accessctl.services.control import transaction
from tests.common.world import World

STEP = second_factor.STEP  # seconds


class Phone:
    """An authenticator; its clock is the world's."""

    def __init__(self, world: World, secret: str) -> None:
        self.world = world
        self.device = pyotp.TOTP(secret)

    def code(self, steps: int = 0) -> str:
        """What it shows now, or (negative) showed so many steps ago."""
        return self.device.generate_otp(int(self.world.now().timestamp()) // STEP + steps)

    def wrong(self) -> str:
        """Six figures that it shows at no time near."""
        near = {self.code(steps) for steps in range(-40, 41)}
        return next(f"{number:06d}" for number in range(1000) if f"{number:06d}" not in near)


def enrolled(world: World, username: str) -> tuple[Phone, tuple[str, ...]]:
    """A person with a second factor, enrolled two minutes ago; the phone and the recovery codes."""
    actor = world.actor(username)
    offered = second_factor.offer(world.rt, actor)
    phone = Phone(world, offered.secret)
    with transaction(world.rt) as session:
        codes = second_factor.enrol(world.rt, session, actor, offered.sealed, phone.code())
    world.shift += timedelta(minutes=2)
    return phone, codes
