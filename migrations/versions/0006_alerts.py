"""Alerts, what their detectors remember, and how far each log was followed.

Derived from the entries by whoever follows the log, never by an append; made anew from entry 0 by `ledger alerts
--rebuild`, and by a new version of the detectors. So its follower, in the writer's role, may delete here.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE alert (
    log_id integer NOT NULL,
    alert text NOT NULL,
    kind text NOT NULL,
    status text NOT NULL,
    raised bigint NOT NULL,
    raised_at bigint NOT NULL,
    body bytea NOT NULL,
    CONSTRAINT alert_pkey PRIMARY KEY (log_id, alert)
);
CREATE INDEX alert_raised ON alert (log_id, raised, alert);
CREATE TABLE signal_state (
    log_id integer NOT NULL,
    key text NOT NULL,
    body bytea NOT NULL,
    CONSTRAINT signal_state_pkey PRIMARY KEY (log_id, key)
) WITH (fillfactor = 60);
CREATE TABLE alert_follow (
    log_id integer NOT NULL,
    version integer NOT NULL,
    read bigint NOT NULL,
    CONSTRAINT alert_follow_pkey PRIMARY KEY (log_id)
);
"""

RIGHTS = """
REVOKE ALL ON alert, signal_state, alert_follow FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON alert, signal_state, alert_follow TO ledger_writer;
GRANT SELECT ON alert, alert_follow TO ledger_reader;
"""


def upgrade() -> None:
    """Make it."""
    for statements in (TABLES, RIGHTS):
        op.execute(statements)


def downgrade() -> None:
    """Forward only: a log is never taken back."""
    raise NotImplementedError("migrations go forward only")
