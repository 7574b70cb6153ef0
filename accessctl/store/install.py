"""Making the control database: its four roles, its schema, PUBLIC closed. Done once, by a DBA's connection."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.pool import NullPool

OWNER = "accessctl_control"
SERVICE_ROLES = ("accessctl_app", "accessctl_sequencer", "accessctl_reader")


def install(admin_url: str, dbname: str, verifiers: Mapping[str, str]) -> bool:
    """Roles, database, schema; idempotent. True when the database was created now."""
    server = create_engine(admin_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with server.connect() as admin:
        install_roles(admin, verifiers)
        created = create_database(admin, dbname)
    server.dispose()
    migrate(admin_engine_url(admin_url, dbname))
    return created


def install_roles(admin: Connection, verifiers: Mapping[str, str]) -> None:
    """Create the owner (NOLOGIN) and the service roles; LOGIN for those with a SCRAM verifier. Idempotent."""
    present = set(admin.execute(text("SELECT rolname FROM pg_roles")).scalars())
    if OWNER not in present:
        admin.exec_driver_sql(f"CREATE ROLE {OWNER} NOLOGIN")
    for role in SERVICE_ROLES:
        if role not in present:
            admin.exec_driver_sql(f"CREATE ROLE {role} NOLOGIN")
        if role in verifiers:
            # Utility statements take no parameters; the name is a constant, the verifier is quoted by the server.
            quoted = admin.execute(text("SELECT quote_literal(:v)"), {"v": verifiers[role]}).scalar_one()
            admin.exec_driver_sql(f"ALTER ROLE {role} LOGIN PASSWORD {quoted}")


def create_database(admin: Connection, dbname: str) -> bool:
    """Create the control database owned by the NOLOGIN owner, closed to PUBLIC. False when it is there already."""
    if admin.execute(text("SELECT FROM pg_database WHERE datname = :d"), {"d": dbname}).first() is not None:
        return False
    name = admin.execute(text("SELECT quote_ident(:d)"), {"d": dbname}).scalar_one()
    admin.exec_driver_sql(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE template0 ENCODING 'UTF8'")
    admin.exec_driver_sql(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    admin.exec_driver_sql(f"GRANT CONNECT ON DATABASE {name} TO {', '.join(SERVICE_ROLES)}")
    return True


def migrate(url: str) -> None:
    """Bring the schema to the newest version, acting as the owner. `url` may be any role that may SET ROLE to it."""
    from alembic import command  # a fifth of a command's start, needed by none but this one
    from alembic.config import Config

    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"SET ROLE {OWNER}")
        connection.exec_driver_sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
    engine.dispose()


def admin_engine_url(dsn_url: str, dbname: str) -> str:
    """The same server and person, another database."""
    return make_url(dsn_url).set(database=dbname).render_as_string(hide_password=False)
