"""Who held what, when, as known when: our folds and queries against a brute-force reading of every entry.

The stories are random and full of late, overtaken, inferred and counted facts; each is read at moments on its edges.
"""

import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from ledger.custody import held_at, spans
from ledger.scene import compare
from ledger.store import schema as t
from ledger.store.audit import audit
from ledger.store.embedded import EmbeddedServer
from ledger.store.holding import balances, cylinders_with, histories, holder_of, homes_in, stock_now, stock_then
from ledger.store.read import ALL_SITES, Connection, log_state, open_engine, reading
from tests.brute import FOREVER, Brute
from tests.story import ORIGIN
from tests.wandering import BUILDING, HOMES, SITES, VEHICLES, WORKERS, Wandering

PARTIES = (
    *(f"site:{site}" for site in SITES), *(f"vehicle:{one}" for one in VEHICLES),
    *(f"customer:{one}" for one in sorted({customer for customer, _ in HOMES})),
    *(f"premises:{home}" for _, home in HOMES), *(f"person:{one}" for one in WORKERS), "unknown",
)  # fmt: skip


@dataclass
class Told:
    """A story told to its end, what a reader of the database asks, and the brute reading of it."""

    url: str
    brute: Brute
    seed: int

    @contextmanager
    def asking(self) -> Iterator[tuple[Connection, int]]:
        engine = open_engine(self.url)
        with reading(engine, ALL_SITES) as connection:
            yield connection, log_state(connection, ORIGIN).log_id
        engine.dispose()

    def moments(self, count: int) -> list[tuple[int, int]]:
        """When, and as known when: on the edges of what happened, where mistakes hide."""
        seen = sorted({row.seen_at for row in self.brute.rows[-150:]})
        recorded = sorted({row.entry["recorded_at"] for row in self.brute.rows[-150:]})
        chance = random.Random(self.seed)
        some = [
            (chance.choice(seen) + chance.choice((-1, 0, 1)), chance.choice(recorded) + chance.choice((-1, 0)))
            for _ in range(count)
        ]
        return [*some, (FOREVER, FOREVER), (0, FOREVER), (FOREVER, recorded[0] - 1)]

    def stories(self) -> list[str]:
        registered = [f"cylinder:{key}" for key in self.brute.cylinders()]
        return [*registered, *(f"code:{code}" for code in self.brute.strays())]


@pytest.fixture(scope="module", params=range(5))
def told(request: pytest.FixtureRequest, server: EmbeddedServer, migrated_template: str) -> Iterator[Told]:
    name = f"wandering_{request.param}"
    server.create_database(name, template=migrated_template)
    wandering = Wandering(server.url(name), request.param)
    wandering.wander(150)
    wandering.close()
    engine = open_engine(server.url(name))
    with engine.connect() as connection:
        bodies = connection.execute(sa.select(t.entry.c.body).order_by(t.entry.c.entry_index)).scalars().all()
    engine.dispose()
    yield Told(server.url(name), Brute(bodies), request.param)
    server.drop_database(name)


def test_the_stories_hold_what_is_hard(told: Told) -> None:
    events = [row.event for row in told.brute.rows]
    kinds = {one["type"] for one in events}
    assert any(one.get("superseded") for one in events)
    assert any(one.get("return_inferred") for one in events)
    assert kinds >= {"premises_counted.v1", "cylinder_lost.v1", "cylinder_found.v1", "cylinder_handed_over.v1"}
    assert told.brute.strays()
    assert audit(told.url, ORIGIN).findings == []


def test_where_each_cylinder_was_at_any_time_as_known_at_any(told: Told) -> None:
    parties = told.stories()
    with told.asking() as asked:
        found = {one.party: one for one in histories(*asked, parties)}
    for (at, known), party in itertools.product(told.moments(40), parties):
        span = held_at(found[party], at, known)
        put = None if span is None else (tuple(span.place), span.entry_index)
        assert put == told.brute.where(party, at, known), (party, at, known)


def test_a_story_has_no_hole_and_names_the_entry_that_ended_each_stay(told: Told) -> None:
    with told.asking() as asked:
        found = histories(*asked, told.stories())
    for history in found:
        stays = spans(history)
        for one, following in itertools.pairwise(stays):
            assert (one.until, one.ended_by) == (following.since, following.entry_index)
            assert one.end_inferred == following.inferred
            assert one.place != following.place
        for one in stays:
            event = told.brute.rows[one.entry_index].event
            assert one.late == bool(event.get("superseded")) or history.foreign
            assert not one.inferred or event["return_inferred"]


def test_contradictions_are_those_that_the_rules_noted(told: Told) -> None:
    with told.asking() as asked:
        found = histories(*asked, told.stories())
    for history in found:
        if not history.foreign:
            expected = told.brute.contradictions(history.party.removeprefix("cylinder:"))
            assert [(one.entry_index, one.holder, one.expected) for one in history.contradictions] == expected


def test_what_stood_with_whom_at_any_time(told: Told) -> None:
    with told.asking() as (connection, log_id):
        for at, known in told.moments(6):
            found = stock_then(connection, log_id, PARTIES[:-1], at, known)
            for party in PARTIES[:-1]:
                stood = {one.party: one.span.entry_index for one in found[party]}
                assert stood == told.brute.stood(party, at, known), (party, at, known)


def test_the_cached_state_is_the_end_of_every_story(told: Told) -> None:
    with told.asking() as (connection, log_id):
        for party in PARTIES:
            now = stock_now(connection, log_id, party)
            brute = told.brute.stood(party)
            keys = {f"cylinder:{one.cylinder}" for one in now.cylinders}
            assert keys == {one for one in brute if one.startswith("cylinder:")}, party
            if not party.startswith("person:"):
                assert {f"code:{one}" for one in now.foreign} == {one for one in brute if one.startswith("code:")}


def test_who_holds_it_is_one_question(told: Told) -> None:
    with told.asking() as (connection, log_id):
        codes = {row.claim["code"] for row in told.brute.rows if "code" in row.claim}
        known = cylinders_with(connection, log_id, codes)
        for code in codes:
            found = holder_of(connection, log_id, code)
            put = told.brute.where(known.get(code, f"code:{code}"))
            if put is None:
                assert found is None
            else:
                assert found is not None
                assert found.party == known.get(code, f"code:{code}")
                assert found.holder == put[0][0]


def test_balances_add_up_to_everything(told: Told) -> None:
    with told.asking() as (connection, log_id):
        found = balances(connection, log_id)
    stood = {party: told.brute.stood(party) for party in PARTIES}
    ours = {party: sum(one.startswith("cylinder:") for one in there) for party, there in stood.items()}
    assert {f"site:{key}": count for key, count in found.sites.items()}.items() <= ours.items()
    assert {f"vehicle:{key}": count for key, count in found.vehicles.items()}.items() <= ours.items()
    assert {f"person:{key}": count for key, count in found.workers.items()}.items() <= ours.items()
    assert found.unknown == ours["unknown"]
    assert found.with_customers == sum(ours[party] for party in ours if party.startswith("customer:"))
    everything = sum(found.sites.values()) + sum(found.vehicles.values()) + found.with_customers + found.unknown
    assert everything == found.registered == len(told.brute.cylinders())
    assert sum(found.foreign.values()) == sum(
        told.brute.where(f"code:{one}") is not None for one in told.brute.strays()
    )


def test_a_building_is_counted_over_all_enterprises(told: Told) -> None:
    with told.asking() as (connection, log_id):
        homes = sorted(homes_in(connection, log_id, BUILDING))
        assert homes == told.brute.premises_in(BUILDING) == ["H1", "H2", "H3"]
        assert homes_in(connection, log_id, BUILDING, town="320602002") == {}
        for at, known in told.moments(4):
            found = stock_then(connection, log_id, [f"premises:{home}" for home in homes], at, known)
            held = {one.party for there in found.values() for one in there}
            assert held == {key for home in homes for key in told.brute.stood(f"premises:{home}", at, known)}


def test_a_scene_count_sorts_what_was_found(told: Told) -> None:
    """Half of what should be there, something from elsewhere, and a code that nobody ever saw."""
    with told.asking() as (connection, log_id):
        party = max(PARTIES[:-1], key=lambda one: len(told.brute.stood(one)))
        there = sorted(told.brute.stood(party))
        strangers = [one for one in told.stories() if one not in there and told.brute.where(one) is not None]
        seen, missed = there[::2], there[1::2]
        found = {f"read-{number}": one for number, one in enumerate([*seen, *seen[:1], *strangers, "code:own:X"])}
        expected = stock_then(connection, log_id, [party], FOREVER)[party]
        scene = compare(found, expected, histories(connection, log_id, list(found.values())), FOREVER)
    assert [one.party for one in scene.matched] == seen
    assert scene.matched[0].codes == ("read-0", f"read-{len(seen)}"), "two labels of one cylinder are one cylinder"
    assert {one.party for one in scene.missing} == set(missed)
    assert [one.party for one in scene.elsewhere] == strangers
    assert [one.party for one in scene.unknown] == ["code:own:X"]
    for one in (*scene.matched, *scene.elsewhere):
        assert one.span is not None
        assert one.span.entry_index == told.brute.where(one.party)[1]  # type: ignore[index] # it is somewhere
