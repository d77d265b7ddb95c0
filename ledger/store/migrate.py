"""Bringing a database to this code's schema with Alembic; apart, because only few commands need its weight."""

from pathlib import Path

from alembic import command
from alembic.config import Config

import migrations
from ledger.store.schema import engine_url


def alembic_config(url: str) -> Config:
    """Alembic driven from code: the scripts are package data of `migrations`."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["url"] = engine_url(url)
    return config


def migrate(url: str) -> None:
    """Bring a database to this code's schema. Waits for no lock longer than the migration environment allows."""
    command.upgrade(alembic_config(url), "head")
