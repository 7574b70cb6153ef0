"""Secrets that can be computed again, and verifiers that the server takes."""

from __future__ import annotations

import base64
import hashlib
import hmac

import psycopg
import pytest

from accessctl.officedb.credentials import (
    derive_secret,
    derive_subject_key,
    scram_verifier,
    subject_hash,
    subject_pads,
    verifier_matches,
)
from tests.officedb.conftest import Office

KEY = b"k" * 32


def test_a_secret_is_the_same_for_the_same_lease_and_another_for_any_other_part() -> None:
    parts = (KEY, "L-1", "tkcl_cjt_dml", b"nonce", 0)
    secret = derive_secret(*parts)
    assert secret == derive_secret(*parts)
    assert len(secret) == 43
    assert len(base64.urlsafe_b64decode(secret + "=")) == 32
    others = [(b"x" * 32, *parts[1:])]
    for place, value in ((1, "L-2"), (2, "tkcl_dgl_dml"), (3, b"other"), (4, 1)):
        others.append((*parts[:place], value, *parts[place + 1 :]))
    assert secret not in {derive_secret(*other) for other in others}


def test_parts_cannot_be_shifted_into_one_another() -> None:
    assert derive_secret(KEY, "L-1", "1x", b"n", 0) != derive_secret(KEY, "L-11", "x", b"n", 0)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        derive_secret(b"short", "L-1", "tkcl_cjt_dml", b"n", 0)


def test_the_verifier_has_the_values_of_rfc_7677() -> None:
    # RFC 7677 §3: user "user", password "pencil", salt W22ZaJ0SNY7soEsUEjb6gQ==, 4096 iterations; the server
    # signature there is HMAC(ServerKey, AuthMessage).
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    verifier = scram_verifier("pencil", 4096, salt=salt)
    server_key = base64.b64decode(verifier.rsplit(":", 1)[1])
    message = (
        "n=user,r=rOprNGfwEbeRWgbNEkqO,"
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    )
    signature = hmac.digest(server_key, message.encode(), hashlib.sha256)
    assert base64.b64encode(signature) == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_a_stored_verifier_is_recognised_and_anything_else_is_not() -> None:
    verifier = scram_verifier("right", 10)
    assert verifier_matches(verifier, "right")
    assert not verifier_matches(verifier, "wrong")
    for other in (None, "", "md5abc", "SCRAM-SHA-256$x:y$z:w", verifier[:-4]):
        assert not verifier_matches(other, "right")


@pytest.mark.parametrize("iterations", [1, 4096])
def test_the_server_takes_our_verifier_and_lets_the_secret_in(office: Office, iterations: int) -> None:
    lent = office.lend(iterations=iterations)
    with office.login(lent) as session:
        assert session.execute("SELECT session_user::text").fetchone() == (lent.role,)
    stored = office.admin.execute(
        "SELECT rolpassword FROM pg_authid WHERE rolname = %s", (lent.role,)
    ).fetchone()
    assert stored == (lent.order.verifier,)
    wrong = psycopg.conninfo.make_conninfo(office.dsn(lent), password=lent.secret[:-1])
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_sql_computes_the_same_keyed_hash_of_a_person_as_python(office: Office) -> None:
    key = derive_subject_key(KEY, "L-1")
    row = office.admin.execute(
        "SELECT access.subject_hash(%s, %s)", (subject_pads(key), "6799000001")
    ).fetchone()
    assert row == (subject_hash(key, "6799000001"),)
    assert subject_hash(key, "6799000001") != subject_hash(derive_subject_key(KEY, "L-2"), "6799000001")
