"""Alembic migrations, forward only; they ship inside the wheel."""
