"""Which cylinder it is, by what is left to read: ranked candidates, from a real index; and recalls' selectors."""

from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy as sa
from msgspec import convert

from ledger import claim as c
from ledger.cylinder import Cylinder
from ledger.errors import Malformed
from ledger.rules.withdrawal import matches
from ledger.search import Parts, check_parts, rank
from ledger.store import schema as t
from ledger.store.embedded import EmbeddedServer
from ledger.store.holding import balances
from ledger.store.read import ALL_SITES, Connection, log_state, open_engine, reading, record
from ledger.store.searching import find_by_parts
from ledger.store.state_rows import cylinder_decoder
from tests.brute import Brute
from tests.story import ORIGIN, claim_id
from tests.wandering import CYLINDERS, Wandering


@pytest.fixture(scope="module")
def asked(server: EmbeddedServer, migrated_template: str) -> Iterator[tuple[Connection, int]]:
    """A wandering story, with a few cylinders of other makers, months, tares, models and valves beside."""
    server.create_database("search", template=migrated_template)
    url = server.url("search")
    wandering = Wandering(url, 4)
    office, story = wandering.story.office, wandering.story
    other = {"maker": "TS", "made_month": "2022-08", "serial": "9A700", "tare_g": 16_900, "valve_no": "VN1"}
    wandering.tell(office, story.cylinder(50, **other))
    wandering.tell(office, story.cylinder(51, **(other | {"serial": "9A701", "tare_g": 17_300, "valve_no": "VN2"})))
    new_valve = story.make(c.ReplaceValve, code=story.cylinder(51).code, valve="plain", valve_no="VN3")
    wandering.tell(story.station, new_valve)
    wandering.wander(120)
    wandering.close()
    engine = open_engine(url)
    with reading(engine, ALL_SITES) as connection:
        yield connection, log_state(connection, ORIGIN).log_id
    engine.dispose()
    server.drop_database("search")


def serials(asked: tuple[Connection, int], **parts: object) -> list[str]:
    """The serials of the candidates, the best first."""
    connection, log_id = asked
    found = find_by_parts(connection, log_id, Parts(**parts))  # type: ignore[arg-type]
    states = states_of(connection)
    return [states[one.cylinder].serial for one in found]


def states_of(connection: Connection) -> dict[str, Cylinder]:
    bodies = connection.execute(sa.select(t.cylinder.c.body)).scalars()
    return {one.cylinder: one for one in map(cylinder_decoder.decode, bodies)}


@pytest.mark.parametrize("serial", ["9A700", "9A?00", "9?7*0", "*A700", "9A7?0"])
def test_burnt_digits_are_filled_in(asked: tuple[Connection, int], serial: str) -> None:
    assert serials(asked, serial=serial) == ["9A700"]


def test_a_serials_beginning_finds_all_that_begin_so(asked: tuple[Connection, int]) -> None:
    assert sorted(serials(asked, serial="9A7*")) == ["9A700", "9A701"]
    assert len(serials(asked, serial="2*")) >= CYLINDERS
    assert serials(asked, serial="ZZ*") == []


def test_more_parts_that_fit_come_first_and_among_as_many_the_better_fit(asked: tuple[Connection, int]) -> None:
    assert serials(asked, serial="9A70?", tare_g=17_250) == ["9A701"]
    assert serials(asked, maker="TS", tare_g=17_050, tare_within_g=400) == ["9A700", "9A701"]
    assert serials(asked, maker="TS", tare_g=17_200, tare_within_g=400) == ["9A701", "9A700"]


def test_one_part_may_be_read_wrong(asked: tuple[Connection, int]) -> None:
    assert serials(asked, serial="9A700", maker="GL", made="2022") == ["9A700"]
    assert serials(asked, serial="9A799", maker="TS", made="2022-08", tare_g=16_900) == ["9A700"]


def test_a_valve_or_a_seal_leads_to_its_cylinder_and_an_old_valve_too(asked: tuple[Connection, int]) -> None:
    connection, log_id = asked
    assert serials(asked, valve_no="VN1") == ["9A700"]
    assert serials(asked, valve_no="VN3") == ["9A701"]
    assert serials(asked, valve_no="VN2") == ["9A701"]
    now, once = (find_by_parts(connection, log_id, Parts(valve_no=one))[0] for one in ("VN3", "VN2"))
    assert now.score > once.score
    assert [fit.ledger_has for fit in once.why] == ["VN3"]
    assert serials(asked, seal="NONE") == []


@pytest.mark.parametrize(
    "parts", [{}, {"serial": "9%"}, {"serial": "a1"}, {"serial": "9" * 21}, {"made": "22"}, {"made": "2022-13"}]
)
def test_what_cannot_be_searched_by_is_told_so(parts: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        check_parts(Parts(**parts))  # type: ignore[arg-type]


def test_a_model_fits_or_does_not(asked: tuple[Connection, int]) -> None:
    states = list(states_of(asked[0]).values())
    assert len(rank(Parts(model="YSP35.5"), states, most=3)) == 3
    assert rank(Parts(model="YSP118"), states, most=3) == ()


MANY = """
INSERT INTO cylinder (log_id, cylinder, body, holder, maker, made_month, serial, tare_g)
SELECT 1, gen_random_uuid(), decode(repeat('7b', 900), 'hex'),
    (ARRAY['customer:K', 'site:S', 'vehicle:V'])[1 + n % 3] || n % 900,
    'GL', '2024-06', lpad(n::text, 7, '0'), 16000 + n % 1000
FROM generate_series(1, 20000) n
"""


def test_a_serials_beginning_is_a_range_of_the_index(database_url: str) -> None:
    """However many cylinders there are, no more of them are looked at than begin so; and balances read by index."""
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(MANY)
        owner.execute("VACUUM ANALYZE cylinder")
    engine = open_engine(database_url)
    with reading(engine, ALL_SITES) as connection:
        statements = list[str]()

        def explain(_: object, __: object, statement: str, parameters: object, *___: object) -> None:
            cursor = connection.connection.cursor()
            cursor.execute("EXPLAIN " + statement, parameters)  # type: ignore[arg-type] # as it is executed
            statements.append("\n".join(row for (row,) in cursor.fetchall()))

        sa.event.listen(engine, "before_cursor_execute", explain)
        assert find_by_parts(connection, 1, Parts(serial="99999*")) == ()
        balances(connection, 1)
        sa.event.remove(engine, "before_cursor_execute", explain)
    engine.dispose()
    assert "Index Only Scan using cylinder_stamp" in statements[0]
    assert "serial >= '99999'" in statements[0]
    assert not any("Seq Scan" in plan for plan in statements)


def test_every_selector_of_a_recall_fits_those_that_the_entries_say(asked: tuple[Connection, int]) -> None:
    connection, log_id = asked
    bodies = connection.execute(sa.select(t.entry.c.body).order_by(t.entry.c.entry_index)).scalars().all()
    brute, states = Brute(bodies), states_of(connection)
    fills = [row for row in brute.rows if row.event["type"] == "cylinder_filled.v1"]
    middle = fills[len(fills) // 2].seen_at

    def lot(key: str) -> c.FileTankLot | None:
        found = record(connection, log_id, f"tank_lot:{key}")
        return found if isinstance(found, c.FileTankLot) else None

    found = 0
    for selectors in (
        {"maker": "TS"}, {"made_from": "2023-01"}, {"made_to": "2023-01"}, {"model": "YSP35.5", "maker": "GL"},
        {"phase": "vapour"}, {"valve_model": "VM1"}, {"line": "L1"}, {"filler": "P1", "filled_from": middle},
        {"filled_to": middle}, {"tank_lot": "T1"}, {"tank_lot": "T2"}, {"tank_lot": "T3"}, {"inspected_at": "B1S"},
        {"inspector": "I1", "inspected_on": "2026-01-01"}, {"vehicle": "V1"}, {"vehicle": "V2", "worker": "W1"},
        {"worker": "W2", "tank_lot": "T1"},
    ):  # fmt: skip
        claim = convert({"claim_id": claim_id(1), "scanned_at": 0, "recall": "R1"} | selectors, c.OpenRecall)
        fits = {key for key, one in states.items() if matches(claim, one, lots=lot, floor=0)}
        assert fits == brute.affected(dict(selectors)), selectors
        found += len(fits)
    assert found > CYLINDERS
