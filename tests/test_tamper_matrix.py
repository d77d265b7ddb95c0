"""The tamper matrix: every attack against everybody who looks, and who finds what.

What is expected is data, docs/drills/tamper.json, which docs/drills.md shows. Each run compares a sample of the rows
with it, MATRIX_SEED=… repeats one; LEDGER_MATRIX=all runs all of them and writes down what was found.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.store.embedded import EmbeddedServer
from tests.strace_kit import DRILLS, WHOLE, chosen, record
from tests.tamper_checks import ASKED_OF_WHAT_IS_SHOWN, CHECKS, OUTSIDE
from tests.tamper_kit import Ground, Scene, town_to_tamper_with
from tests.tamper_rows import PARTS, ROWS, Row

SAMPLE = 22
RECORD: dict[str, Any] = json.loads((DRILLS / "tamper.json").read_text("utf-8"))
RECORDED: dict[str, dict[str, Any]] = {one["name"]: one for one in RECORD["rows"]}


@pytest.fixture(scope="module")
def ground(
    server: EmbeddedServer, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    with town_to_tamper_with(server, migrated_template, tmp_path_factory.mktemp("ground")) as ground:
        yield ground


def measured(row: Row, scene: Scene) -> dict[str, str | None]:
    """What each of those who look makes of it: a reason, '' for nothing found, None for nothing to look at."""
    found: dict[str, str | None] = dict.fromkeys(CHECKS)
    found |= row.attack(scene) or {}
    asked = ASKED_OF_WHAT_IS_SHOWN if row.shown else tuple(CHECKS)
    # Outsiders see what was put out, or what publishing made of it; the sentry has the station send once more.
    turns = {"publisher": 2 if row.folder else 0, "sentry": 3}
    for name in sorted(asked, key=lambda name: turns.get(name, 1)):
        if found[name] is None:
            found[name] = CHECKS[name](scene)
    return found


def test_who_finds_what(ground: Ground, tmp_path: Path, subtests: pytest.Subtests) -> None:
    rows = []
    for row in chosen(list(ROWS.values()), SAMPLE, lambda row: row.part):
        with subtests.test(row.name):
            folder = tmp_path / row.name
            folder.mkdir()
            with ground.scene(folder) as scene:
                cells = measured(row, scene)
            shutil.rmtree(folder)
            rows.append({**words(row), "cells": cells})
            assert WHOLE or cells == RECORDED[row.name]["cells"]
    record("tamper", {"rows": rows})


def words(row: Row) -> dict[str, Any]:
    """What the record says of a row besides what was found."""
    return {"name": row.name, "part": row.part, "zh": row.zh, "en": row.en, "nobody": row.nobody and list(row.nobody)}


def test_record_is_of_these_rows() -> None:
    assert [one | {"cells": None} for one in RECORD["rows"]] == [words(row) | {"cells": None} for row in ROWS.values()]
    assert set(PARTS) == {row.part for row in ROWS.values()}


@pytest.mark.parametrize("name", ROWS)
def test_each_row_is_found_beyond_the_operator_or_says_why_it_is_not(name: str) -> None:
    cells = RECORDED[name]["cells"]
    finders = [who for who in OUTSIDE if cells[who]]
    assert bool(finders) is (ROWS[name].nobody is None), finders


def test_nothing_is_found_where_nothing_was_done() -> None:
    assert not any(RECORDED["nothing"]["cells"].values())


def test_both_verifiers_say_the_same() -> None:
    """But for the back-dated, of which the second one does not speak."""
    cells = [one["cells"] for one in RECORD["rows"]]
    both = [(one["verify"], one["second"]) for one in cells if one["verify"] != "told back-dated"]
    assert [pair for pair in both if pair[0] != pair[1]] == []
