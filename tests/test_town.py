"""The generated town: accepted without a word, the same each time, and taken up where it was left."""

import pytest
from click.testing import CliRunner

from api.cli import main
from api.town.grow import grow
from api.town.plan import ORIGIN, Plan
from api.town.story import Story
from ledger.errors import Malformed
from ledger.store.audit import audit

BEGINS_MS = 1_769_184_000_000
PLAN = Plan(1_000, 1, BEGINS_MS)
ENTRIES = 5_000


def test_a_town_that_was_stopped_goes_on_to_the_same_entries(server, migrated_template):
    roots = []
    for number, ends in enumerate(((ENTRIES,), (1, 2_500, ENTRIES))):
        server.create_database(f"town_{number}", template=migrated_template)
        url = server.url(f"town_{number}")
        done = [grow(url, Story(PLAN), end, lambda _: None) for end in ends]
        assert sum(one.added for one in done) == done[-1].entries >= ENTRIES
        report = audit(url, ORIGIN)
        assert report.ok, report.findings
        roots.append(report.root)
        server.drop_database(f"town_{number}")
    assert roots[0] == roots[1]


def test_another_town_s_database_is_refused_and_stays_as_it_was(database_url):
    grow(database_url, Story(PLAN), 2_000, lambda _: None)
    before = audit(database_url, ORIGIN).entries
    for other in (Plan(1_000, 2, BEGINS_MS), Plan(1_100, 1, BEGINS_MS)):
        with pytest.raises(Malformed):
            grow(database_url, Story(other), ENTRIES, lambda _: None)
    assert audit(database_url, ORIGIN).entries == before


def test_the_command_tells_what_it_wrote(database_url):
    done = CliRunner().invoke(
        main, ["town", "--cylinders", "1000", "--entries", "50", "--database", database_url, "--json"]
    )
    assert done.exit_code == 0, done.output
    assert '"cylinders":1000' in done.stdout
    assert audit(database_url, ORIGIN).entries >= 50
