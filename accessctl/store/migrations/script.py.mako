"""${message}"""

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """${message}"""


def downgrade() -> None:
    """There is no way back: the log is never dropped."""
    raise RuntimeError("a control database is restored from its backup, not downgraded")
