"""Alembic's environment: one migration at a time, never waiting long for a lock that serves gloved hands."""

import sqlalchemy as sa
from alembic import context

# Any number, the same in every release: it names "migrating this database" among advisory locks.
_MIGRATION_LOCK = 7_012_026


def run() -> None:
    """Run the migrations under an advisory lock and short time-outs."""
    engine = sa.create_engine(context.config.attributes["url"], poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text("SET lock_timeout = '5s'"))
        connection.execute(sa.text("SET statement_timeout = '10min'"))
        connection.execute(sa.text(f"SELECT pg_advisory_lock({_MIGRATION_LOCK})"))
        connection.commit()
        context.configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
    engine.dispose()


run()
