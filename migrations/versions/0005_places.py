"""Who holds each cylinder and where it stands, its stamp for searching, and what is known of places.

The new columns are filled by the rebuild that a new version of the fold asks for, so the old rows may go.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

PLACES = """
TRUNCATE cylinder;
ALTER TABLE cylinder
    ADD COLUMN holder text NOT NULL,
    ADD COLUMN premises text,
    ADD COLUMN carrier text,
    ADD COLUMN maker text NOT NULL,
    ADD COLUMN made_month text NOT NULL,
    ADD COLUMN serial text NOT NULL,
    ADD COLUMN tare_g integer NOT NULL;
CREATE INDEX cylinder_holder ON cylinder (log_id, holder);
CREATE INDEX cylinder_premises ON cylinder (log_id, premises) WHERE premises IS NOT NULL;
CREATE INDEX cylinder_carrier ON cylinder (log_id, carrier) WHERE carrier IS NOT NULL;
CREATE INDEX cylinder_stamp ON cylinder (log_id, serial, maker, made_month, tare_g);
CREATE TABLE place (
    log_id integer NOT NULL,
    place text NOT NULL,
    body bytea NOT NULL,
    town text,
    building text,
    holder text,
    CONSTRAINT place_pkey PRIMARY KEY (log_id, place)
) WITH (fillfactor = 60);
CREATE INDEX place_building ON place (log_id, building) WHERE building IS NOT NULL;
CREATE INDEX place_holder ON place (log_id, holder) WHERE holder IS NOT NULL;
REVOKE ALL ON place FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON place TO ledger_writer;
GRANT SELECT ON place TO ledger_reader;
"""


ANEW = "UPDATE log SET fold = 3 WHERE fold > 3"


def upgrade() -> None:
    """Make it."""
    for statements in (PLACES, ANEW):
        op.execute(statements)


def downgrade() -> None:
    """Forward only: a log is never taken back."""
    raise NotImplementedError("migrations go forward only")
