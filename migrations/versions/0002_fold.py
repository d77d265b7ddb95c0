"""The head row says what the caches were folded by, and the newest leaf hash; records are found by kind.

Logs that are there already have caches of fold 1: `ledger migrate` makes them anew after this.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

HEAD = """
ALTER TABLE log
    ADD COLUMN last_leaf bytea NOT NULL DEFAULT '',
    ADD COLUMN fold integer NOT NULL DEFAULT 1;
"""

RECORDS_BY_KIND = """
CREATE INDEX record_by_kind ON record (log_id, split_part(subject, ':', 1), entry_index);
"""


def upgrade() -> None:
    """Make it."""
    for statements in (HEAD, RECORDS_BY_KIND):
        op.execute(statements)


def downgrade() -> None:
    """Forward only: a log is never taken back."""
    raise NotImplementedError("migrations go forward only")
