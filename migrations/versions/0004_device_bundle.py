"""What each signer's bundles say of their order and of the log: a cache for whoever watches the signers.

It is filled with the entries, so logs that are there already have their caches made anew by `ledger migrate` after
this. Who watches looks up where a claim id was used before, and where the log's own signer stands.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE device_bundle (
    log_id integer NOT NULL,
    entry_index bigint NOT NULL,
    signer bytea NOT NULL,
    device_seq bigint NOT NULL,
    digest bytea NOT NULL,
    device_prev bytea,
    seen_size bigint,
    seen_root bytea,
    CONSTRAINT device_bundle_pkey PRIMARY KEY (log_id, entry_index)
);
CREATE INDEX device_bundle_by_signer ON device_bundle (log_id, signer, device_seq);
"""

RIGHTS = """
REVOKE ALL ON device_bundle FROM PUBLIC;
GRANT SELECT, INSERT ON device_bundle TO ledger_writer;
GRANT SELECT ON device_bundle, claim_index, chain_head TO ledger_reader;
"""

ANEW = "UPDATE log SET fold = 2 WHERE fold > 2"


def upgrade() -> None:
    """Make it."""
    for statements in (TABLE, RIGHTS, ANEW):
        op.execute(statements)


def downgrade() -> None:
    """Forward only: a log is never taken back."""
    raise NotImplementedError("migrations go forward only")
