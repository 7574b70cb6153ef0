"""Alembic's entry: migrations run on the connection that `store.install` hands over, as the owner."""

from alembic import context

from accessctl.store import models  # noqa: F401 - the models register themselves
from accessctl.store.base import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
