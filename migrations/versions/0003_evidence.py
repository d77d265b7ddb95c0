"""Readers may read bundles: evidence hands out the envelopes of the entries that it holds.

Like `entry`, the table has no scope of its own: what is asked of it comes from rows of `entry_party`.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Grant it."""
    op.execute("GRANT SELECT ON bundle TO ledger_reader")


def downgrade() -> None:
    """Forward only: a log is never taken back."""
    raise NotImplementedError("migrations go forward only")
