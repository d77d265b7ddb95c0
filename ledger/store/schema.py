"""Tables, as SQLAlchemy Core; made by Alembic's migrations, which ship in the wheel.

`log`, `entry` and `bundle` are the truth. Every other table is a cache of them that `ledger audit` rebuilds and
compares. All that grows carries its log's id first in its primary key.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA

metadata = sa.MetaData()

BY_KEY = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off"
"""Session options: every statement here looks up by key, and no planner without statistics may read whole tables."""

log = sa.Table(
    "log",
    metadata,
    sa.Column("log_id", sa.Integer, primary_key=True),
    sa.Column("origin", sa.Text, nullable=False, unique=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("frontier", BYTEA, nullable=False),
    sa.Column("recorded_at", sa.BigInteger, nullable=False),
    sa.Column("registry_index", sa.BigInteger, nullable=False),
    sa.Column("last_leaf", BYTEA, nullable=False),
    sa.Column("fold", sa.Integer, nullable=False),
)
entry = sa.Table(
    "entry",
    metadata,
    sa.Column("log_id", sa.Integer, primary_key=True),
    sa.Column("entry_index", sa.BigInteger, primary_key=True),
    sa.Column("body", BYTEA, nullable=False),
)
bundle = sa.Table(
    "bundle",
    metadata,
    sa.Column("log_id", sa.Integer, primary_key=True),
    sa.Column("digest", BYTEA, primary_key=True),
    sa.Column("envelope", BYTEA, nullable=False),
)
claim_index = sa.Table(
    "claim_index",
    metadata,
    sa.Column("log_id", sa.Integer, primary_key=True),
    sa.Column("signer", BYTEA, primary_key=True),
    sa.Column("claim_id", BYTEA, primary_key=True),
    sa.Column("text_digest", BYTEA, primary_key=True),
    sa.Column("entry_index", sa.BigInteger, nullable=False),
)
entry_party = sa.Table(
    "entry_party",
    metadata,
    sa.Column("log_id", sa.Integer, primary_key=True),
    sa.Column("party", sa.Text, primary_key=True),
    sa.Column("entry_index", sa.BigInteger, primary_key=True),
    sa.Column("site", sa.Text, nullable=True),
)
cylinder = sa.Table(
    "cylinder",
    metadata,
    sa.Column("log_id", sa.Integer, primary_key=True),
    sa.Column("cylinder", sa.Uuid, primary_key=True),
    sa.Column("body", BYTEA, nullable=False),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("premises", sa.Text, nullable=True),
    sa.Column("carrier", sa.Text, nullable=True),
    sa.Column("maker", sa.Text, nullable=False),
    sa.Column("made_month", sa.Text, nullable=False),
    sa.Column("serial", sa.Text, nullable=False),
    sa.Column("tare_g", sa.Integer, nullable=False),
)
place = sa.Table(
    "place",
    metadata,
    sa.Column("log_id", sa.Integer, primary_key=True),
    sa.Column("place", sa.Text, primary_key=True),
    sa.Column("body", BYTEA, nullable=False),
    sa.Column("town", sa.Text, nullable=True),
    sa.Column("building", sa.Text, nullable=True),
    sa.Column("holder", sa.Text, nullable=True),
)
"""What is known of premises (`premises:…`), vehicles' loads (`vehicle:…`) and cylinders that nobody registered
(`stray:…`, with their holder)."""
code = sa.Table(
    "code",
    metadata,
    sa.Column("log_id", sa.Integer, primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("cylinder", sa.Uuid, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
)
chain_head = sa.Table(
    "chain_head",
    metadata,
    sa.Column("log_id", sa.Integer, primary_key=True),
    sa.Column("chain", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("digest", BYTEA, nullable=False),
)
record = sa.Table(
    "record",
    metadata,
    sa.Column("log_id", sa.Integer, primary_key=True),
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("entry_index", sa.BigInteger, nullable=False),
    sa.Column("body", BYTEA, nullable=False),
)
device_bundle = sa.Table(
    "device_bundle",
    metadata,
    sa.Column("log_id", sa.Integer, primary_key=True),
    sa.Column("entry_index", sa.BigInteger, primary_key=True),
    sa.Column("signer", BYTEA, nullable=False),
    sa.Column("device_seq", sa.BigInteger, nullable=False),
    sa.Column("digest", BYTEA, nullable=False),
    sa.Column("device_prev", BYTEA, nullable=True),
    sa.Column("seen_size", sa.BigInteger, nullable=True),
    sa.Column("seen_root", BYTEA, nullable=True),
)
alert = sa.Table(
    "alert",
    metadata,
    sa.Column("log_id", sa.Integer, primary_key=True),
    sa.Column("alert", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("raised", sa.BigInteger, nullable=False),
    sa.Column("raised_at", sa.BigInteger, nullable=False),
    sa.Column("body", BYTEA, nullable=False),
)
"""What a follower made of the entries (`ledger.store.alerts`), with `signal_state` beside it: no append writes it."""
alert_follow = sa.Table(
    "alert_follow",
    metadata,
    sa.Column("log_id", sa.Integer, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("read", sa.BigInteger, nullable=False),
)
record_kind = sa.literal_column("split_part(record.subject, ':', 1)", sa.Text)
"""A record's kind, spelt as the index `record_by_kind` has it."""
CACHES = (claim_index, entry_party, cylinder, place, code, chain_head, record, device_bundle)


def engine_url(url: str) -> str:
    """A `postgresql://` URL as SQLAlchemy with psycopg 3 wants it."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1).replace("postgres://", "postgresql+psycopg://", 1)
