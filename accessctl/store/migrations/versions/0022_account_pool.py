"""The first free account of a pool is found by an index.

The SQL stands beside this file, so that a DBA can read what will run.
"""

from pathlib import Path

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    script = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    # Straight to the driver: a script with % in it is not a statement with parameters.
    op.get_bind().connection.driver_connection.execute(script)


def downgrade() -> None:
    """There is no way back: the log is never dropped."""
    raise RuntimeError("a control database is restored from its backup, not downgraded")
