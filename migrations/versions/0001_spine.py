"""The spine: logs, entries, bundles, and the caches of them; roles and revoked rights.

Missing rights are the wall; the trigger is an extra. Row-level security is on `entry_party`, the way into entries for
readers. It is filled by INSERT, which a policy can allow; COPY would take a role that bypasses row-level security.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE log (
    log_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    origin text NOT NULL CONSTRAINT log_origin_unique UNIQUE,
    size bigint NOT NULL CHECK (size >= 0),
    frontier bytea NOT NULL,
    recorded_at bigint NOT NULL,
    registry_index bigint NOT NULL
);
CREATE TABLE entry (
    log_id integer NOT NULL REFERENCES log,
    entry_index bigint NOT NULL CHECK (entry_index >= 0),
    body bytea NOT NULL CHECK (octet_length(body) <= 65535),
    CONSTRAINT entry_pkey PRIMARY KEY (log_id, entry_index)
);
CREATE TABLE bundle (
    log_id integer NOT NULL,
    digest bytea NOT NULL,
    envelope bytea NOT NULL,
    CONSTRAINT bundle_pkey PRIMARY KEY (log_id, digest)
);
CREATE TABLE claim_index (
    log_id integer NOT NULL,
    signer bytea NOT NULL,
    claim_id bytea NOT NULL,
    text_digest bytea NOT NULL,
    entry_index bigint NOT NULL,
    CONSTRAINT claim_index_pkey PRIMARY KEY (log_id, claim_id, signer, text_digest)
);
CREATE TABLE entry_party (
    log_id integer NOT NULL,
    party text NOT NULL,
    entry_index bigint NOT NULL,
    site text,
    CONSTRAINT entry_party_pkey PRIMARY KEY (log_id, party, entry_index)
);
CREATE TABLE cylinder (
    log_id integer NOT NULL,
    cylinder uuid NOT NULL,
    body bytea NOT NULL,
    CONSTRAINT cylinder_pkey PRIMARY KEY (log_id, cylinder)
) WITH (fillfactor = 60);
CREATE TABLE code (
    log_id integer NOT NULL,
    code text NOT NULL,
    cylinder uuid NOT NULL,
    active boolean NOT NULL,
    CONSTRAINT code_pkey PRIMARY KEY (log_id, code)
);
CREATE TABLE chain_head (
    log_id integer NOT NULL,
    chain text NOT NULL,
    seq bigint NOT NULL,
    digest bytea NOT NULL,
    CONSTRAINT chain_head_pkey PRIMARY KEY (log_id, chain)
) WITH (fillfactor = 60);
CREATE TABLE record (
    log_id integer NOT NULL,
    subject text NOT NULL,
    seq bigint NOT NULL,
    entry_index bigint NOT NULL,
    body bytea NOT NULL,
    CONSTRAINT record_pkey PRIMARY KEY (log_id, subject)
);
"""

APPEND_ONLY = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'append-only: % on %', TG_OP, TG_TABLE_NAME;
END $$;
CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE entry ENABLE ALWAYS TRIGGER entry_append_only;
CREATE TRIGGER bundle_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bundle
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE bundle ENABLE ALWAYS TRIGGER bundle_append_only;
"""

# Roles belong to the whole cluster, so another database's migration may have made them, or be making them, already.
ROLES = """
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['ledger_writer', 'ledger_reader'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
        EXECUTE format('GRANT %I TO CURRENT_USER', name);
    END LOOP;
END $$;
"""

RIGHTS = """
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC;
GRANT SELECT, INSERT ON entry, bundle, claim_index, entry_party TO ledger_writer;
GRANT SELECT, INSERT, UPDATE ON log, cylinder, code, chain_head, record TO ledger_writer;
GRANT SELECT ON log, entry, entry_party, cylinder, code, record TO ledger_reader;
ALTER TABLE entry_party ENABLE ROW LEVEL SECURITY;
CREATE POLICY writer_all ON entry_party TO ledger_writer USING (true) WITH CHECK (true);
CREATE POLICY reader_scope ON entry_party FOR SELECT TO ledger_reader USING (
    current_setting('ledger.sites', true) = '*'
    OR site = ANY (string_to_array(current_setting('ledger.sites', true), ','))
);
"""


def upgrade() -> None:
    """Make it."""
    for statements in (TABLES, APPEND_ONLY, ROLES, RIGHTS):
        op.execute(statements)


def downgrade() -> None:
    """Forward only: a log is never taken back."""
    raise NotImplementedError("migrations go forward only")
