"""The declarative base, constraint names and the engine of the control database."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, DateTime, Engine, LargeBinary, MetaData, Text, create_engine, event
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

_STALE = 1.0  # seconds unused after which a pooled connection is asked whether it lives


class Base(DeclarativeBase):
    """Every table of the control database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text(),
        int: BigInteger(),
        bytes: LargeBinary(),
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB(),
        list[str]: ARRAY(Text()),
    }


def engine(url: str, *, pool: int = 10, application: str = "accessctl") -> Engine:
    """An engine that gives up in seconds: a control database out of reach must not hold a counter up."""
    made = create_engine(
        url,
        pool_size=pool,
        max_overflow=pool,
        pool_timeout=3,
        pool_use_lifo=True,
        connect_args={
            "connect_timeout": 3,
            "application_name": application,
            "options": "-c statement_timeout=5000 -c lock_timeout=4000 -c idle_in_transaction_session_timeout=30000",
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 2,
            "tcp_user_timeout": 5000,
        },
    )
    _ask_the_idle(made)
    return made


def _ask_the_idle(bind: Engine) -> None:
    """A connection that lay unused for a while is asked whether it lives; one just used is not, to save the trip."""

    @event.listens_for(bind, "checkin")
    def put_back(connection: Any, record: Any) -> None:
        record.info["put_back"] = time.monotonic()

    @event.listens_for(bind, "checkout")
    def take(connection: Any, record: Any, proxy: Any) -> None:
        if time.monotonic() - record.info.get("put_back", time.monotonic()) < _STALE:
            return
        try:
            bind.dialect.do_ping(connection)
        except bind.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error  # the pool connects anew and tries again


def sessions(bind: Engine) -> sessionmaker[Session]:
    """Sessions whose objects stay readable after the edge has committed."""
    return sessionmaker(bind, expire_on_commit=False)
