"""The demo's city: one seed, one city; believable cylinders; every filing accepted by the store."""

from collections import Counter

import pytest

from api.demo.city import ORIGIN, SHIFT_AT_MS, TODAY, build_city
from api.demo.city_cylinders import State
from api.demo.plant_day import plan_day
from api.demo.town import found_city
from ledger.china import add_months, days_between, last_day
from ledger.cylinder import stamp_of
from ledger.identity import parse_code
from ledger.model import MODELS
from ledger.store.audit import audit
from ledger.store.read import ALL_SITES, log_state, open_engine, reading


def test_a_seed_gives_the_same_city_each_time_and_another_seed_another():
    one, again, other = build_city(5), build_city(5), build_city(6)
    assert one.cylinders == again.cylinders
    assert one.signers["authority"].id == again.signers["authority"].id
    assert one.cylinders != other.cylinders
    assert one.signers["authority"].id != other.signers["authority"].id


def test_the_city_has_five_thousand_cylinders_of_all_models_and_ages_and_schemes():
    cylinders = build_city(1).cylinders
    assert len(cylinders) == 5_000
    assert len({one.registration.model for one in cylinders}) >= len(MODELS) - 1
    years = {one.registration.made_month[:4] for one in cylinders}
    assert {str(year) for year in range(2012, 2026)} <= years
    schemes = Counter(parse_code(one.code).scheme for one in cylinders)
    assert schemes["own"] > 4_000
    assert {"grai", "legacy-registration", "legacy-digits9", "legacy-digits14", "legacy-label12"} <= schemes.keys()


@pytest.mark.parametrize("seed", range(3))
def test_no_code_or_stamp_is_used_twice(seed):
    cylinders = build_city(seed).cylinders
    codes = [one.code for one in cylinders] + [stamp_of(one.registration) for one in cylinders]
    assert all(codes)
    assert len(set(codes)) == len(codes)


def test_a_fit_cylinder_is_inspected_in_life_and_weighs_what_its_type_weighs():
    for one in build_city(2).cylinders:
        r = one.registration
        due = min(add_months(r.inspected_month or r.made_month, 48), add_months(r.made_month, 144))
        left = days_between(TODAY, last_day(due))
        if one.state is State.FIT:
            assert left >= 30
        if one.state is State.OVERDUE:
            assert left < 0
            assert TODAY[:7] <= add_months(r.made_month, 144)
        if one.state is State.DUE_SOON:
            assert 15 <= left < 30
        assert r.inspected_month is None or r.made_month < r.inspected_month <= TODAY[:7]
        nominal = MODELS[r.model].nominal_tare_g
        assert nominal is None or abs(r.tare_g - nominal) < nominal * 0.15


def test_every_filing_before_the_shift_is_accepted_and_audits(database_url):
    city = build_city(4)
    told: list[int] = []
    entries = found_city(database_url, city, plan_day(city), told.append)
    assert told[-1] == entries > 7_000
    engine = open_engine(database_url)
    with reading(engine, ALL_SITES) as connection:
        state = log_state(connection, ORIGIN)
    engine.dispose()
    assert state.size == entries
    assert state.recorded_at < SHIFT_AT_MS
    assert audit(database_url, ORIGIN).ok
