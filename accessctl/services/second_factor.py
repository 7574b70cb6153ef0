"""The second factor: a TOTP device (RFC 6238, SHA-1, six digits, 30 s) and ten recovery codes on paper.

The secret is sealed at rest, each code counts once, a clock that is off is told to the person.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from accessctl.domain.events import Event
from accessctl.domain.permissions import Role
from accessctl.errors import Conflict, Invalid
from accessctl.services import sealing
from accessctl.services.actor import Actor
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.services.sealing import Purpose
from accessctl.store.models import RecoveryCode, SecondFactor

STEP = 30  # seconds
TOLERANCE = 1  # steps before and after
SKEW = 20  # steps: within ten minutes a code is recognised as one of a clock that is off, and refused
CODES = 10
_OFFER_STAYS = timedelta(minutes=30)
_SPEAKABLE = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_REQUIRED = frozenset(
    {
        Role.IT_ADMIN,
        Role.CUSTODIAN_TKCL,
        Role.CUSTODIAN_TKHCTT,
        Role.UNIT_HEAD,
        Role.AUDITOR,
        Role.DIRECTOR,
        Role.DEPUTY_DIRECTOR,
    }
)


@dataclass(frozen=True, slots=True)
class Offer:
    """A secret that a device may be set up with: for the QR code, for typing, and sealed for the way back."""

    uri: str
    secret: str
    sealed: str

    @property
    def spoken(self) -> str:
        """The secret in groups of four, as it is typed from paper."""
        return " ".join(self.secret[at : at + 4] for at in range(0, len(self.secret), 4))


@dataclass(frozen=True, slots=True)
class Status:
    """What a person has: since when, how many recovery codes are left; `required` by the roles of now."""

    enrolled_at: datetime | None
    codes_left: int
    required: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """What a typed code is: `why` ∈ ok, wrong, used, skewed; `minutes` off for a skewed one, with its sign."""

    why: str
    step: int = 0
    minutes: int = 0


def required(rt: Runtime, roles: Iterable[Role]) -> bool:
    """Whether people with these roles must have a second factor, by setting."""
    return rt.settings.second_factor_required and not _REQUIRED.isdisjoint(roles)


def must_enrol(rt: Runtime, session: Session, actor: Actor) -> bool:
    """True for a person of whom it is required and who has none: led to enrol before anything else."""
    return required(rt, actor.roles) and in_force(session, actor.id) is None


def in_force(session: Session, officer_id: int, *, lock: bool = False) -> SecondFactor | None:
    """The person's second factor."""
    statement = select(SecondFactor).where(
        SecondFactor.officer_id == officer_id, SecondFactor.removed_at.is_(None)
    )
    return session.scalars(statement.with_for_update() if lock else statement).first()


def status(rt: Runtime, session: Session, officer_id: int, roles: Iterable[Role]) -> Status:
    """For the person's own page, and for IT beside a reset."""
    factor = in_force(session, officer_id)
    left = 0
    if factor is not None:
        left = session.scalar(select(func.count()).where(*_unused(factor))) or 0
    return Status(factor.enrolled_at if factor else None, left, required(rt, roles))


def offer(rt: Runtime, actor: Actor, sealed: str = "") -> Offer:
    """A secret to set a device up with; the one of `sealed` again when that still holds. Stores nothing."""
    secret = _offered(rt, actor, sealed) or pyotp.random_base32(32)
    text = f"{int(rt.now().timestamp())} {secret}"
    again = sealing.seal_text(rt.settings.lease_keys, Purpose.OFFER, str(actor.id), text.encode())
    issuer = "accessctl BHXH"
    uri = pyotp.TOTP(secret).provisioning_uri(name=actor.username, issuer_name=issuer)
    return Offer(uri, secret, again)


def _offered(rt: Runtime, actor: Actor, sealed: str) -> str | None:
    try:
        plain = sealing.unseal_text(rt.settings.lease_keys, Purpose.OFFER, str(actor.id), sealed)
    except ValueError:
        return None
    made, _, secret = plain.decode().partition(" ")
    return secret if rt.now().timestamp() - int(made) <= _OFFER_STAYS.total_seconds() else None


def enrol(rt: Runtime, session: Session, actor: Actor, sealed: str, code: str) -> tuple[str, ...]:
    """Take the offered secret into force once its device has shown a right code; returns the recovery codes.

    Raises Conflict("mfa.already"), Invalid("mfa.offer_over") or Invalid("mfa.code_*"). The caller commits.
    """
    if in_force(session, actor.id, lock=True) is not None:
        raise Conflict("mfa.already")
    secret = _offered(rt, actor, sealed)
    if secret is None:
        raise Invalid("mfa.offer_over")
    judged = judge(secret, code, rt.now(), last_step=0)
    if judged.why != "ok":
        raise Invalid(f"mfa.code_{judged.why}", minutes=abs(judged.minutes))
    kid, kept = sealing.seal(rt.settings.lease_keys, Purpose.FACTOR, str(actor.id), secret.encode())
    made = session.scalars(
        insert(SecondFactor)
        .values(
            officer_id=actor.id,
            kid=kid,
            secret=kept,
            enrolled_at=rt.now(),
            last_step=judged.step,
            carries_password=False,
        )
        .on_conflict_do_nothing()
        .returning(SecondFactor)
    ).first()
    if made is None:  # a second tab was quicker
        raise Conflict("mfa.already")
    record(rt, session, Event.MFA_ENROLLED, actor=actor)
    return _new_codes(rt, session, made)


def judge(
    secret: str, typed: str, now: datetime, *, last_step: int, burned_step: int | None = None
) -> Judged:
    """Compare a typed code with those of the steps around `now`; every comparison is made, whatever matches."""
    digits = "".join(typed.split())
    if not (digits.isascii() and digits.isdigit() and len(digits) == 6):
        return Judged("wrong")
    here = int(now.timestamp()) // STEP
    device = pyotp.TOTP(secret)
    found = [
        step
        for step in range(here - SKEW, here + SKEW + 1)
        if hmac.compare_digest(device.generate_otp(step), digits)
    ]
    fresh = [step for step in found if step > last_step and step != burned_step]
    if near := [step for step in fresh if abs(step - here) <= TOLERANCE]:
        return Judged("ok", near[0])
    if fresh:
        return Judged("skewed", fresh[0], _minutes(fresh[0] - here))
    return Judged("used" if found else "wrong")


def _minutes(steps: int) -> int:
    """Whole minutes, never zero: two steps are one minute."""
    return round(steps * STEP / 60) or (1 if steps > 0 else -1)


def use(rt: Runtime, session: Session, factor: SecondFactor, typed: str) -> Judged:
    """Judge a code of the device or of the paper and remember it, so that it never counts again. The caller commits."""
    code = "".join(sign for sign in typed.upper() if sign.isalnum())
    if len(code) == 12:
        return _use_recovery(rt, session, factor, code)
    keys, owner = rt.settings.lease_keys, str(factor.officer_id)
    secret = sealing.unseal(keys, Purpose.FACTOR, owner, factor.kid, factor.secret or b"")
    judged = judge(
        secret.decode(), typed, rt.now(), last_step=factor.last_step, burned_step=factor.burned_step
    )
    if judged.why == "ok":
        factor.last_step = judged.step
        if factor.kid != keys.current:  # sealed anew, so that an old key can go one day
            factor.kid, factor.secret = sealing.seal(keys, Purpose.FACTOR, owner, secret)
    elif judged.why == "skewed":
        factor.burned_step = judged.step  # whoever guessed it cannot wait for its time
    return judged


def _use_recovery(rt: Runtime, session: Session, factor: SecondFactor, code: str) -> Judged:
    for kept in session.scalars(select(RecoveryCode).where(*_unused(factor)).with_for_update()):
        wanted = sealing.keyed_hash(rt.settings.lease_keys, Purpose.RECOVERY, _bound(factor, code), kept.kid)
        if hmac.compare_digest(wanted, kept.code_hash):
            kept.used_at = rt.now()
            return Judged("ok")
    return Judged("wrong")


def new_codes(rt: Runtime, session: Session, factor: SecondFactor, actor: Actor) -> tuple[str, ...]:
    """Ten new recovery codes; those from before count no more. Shown once by the caller, who commits."""
    session.execute(update(RecoveryCode).where(*_unused(factor)).values(replaced_at=rt.now()))
    record(rt, session, Event.MFA_CODES_RENEWED, actor=actor)
    return _new_codes(rt, session, factor)


def _new_codes(rt: Runtime, session: Session, factor: SecondFactor) -> tuple[str, ...]:
    keys = rt.settings.lease_keys
    codes = ["".join(secrets.choice(_SPEAKABLE) for _ in range(12)) for _ in range(CODES)]
    session.add_all(
        RecoveryCode(
            factor_id=factor.id,
            kid=keys.current,
            code_hash=sealing.keyed_hash(keys, Purpose.RECOVERY, _bound(factor, code)),
            made_at=rt.now(),
        )
        for code in codes
    )
    return tuple("-".join(code[at : at + 4] for at in (0, 4, 8)) for code in codes)


def remove(rt: Runtime, session: Session, officer_id: int) -> SecondFactor | None:
    """Take the factor out of force and forget its secret; only a reset does this. The caller records and commits."""
    factor = in_force(session, officer_id, lock=True)
    if factor is not None:
        factor.removed_at, factor.secret = rt.now(), None
    return factor


def _bound(factor: SecondFactor, code: str) -> str:
    return f"{factor.id}:{code}"


def _unused(factor: SecondFactor) -> tuple[ColumnElement[bool], ...]:
    return (
        RecoveryCode.factor_id == factor.id,
        RecoveryCode.used_at.is_(None),
        RecoveryCode.replaced_at.is_(None),
    )
