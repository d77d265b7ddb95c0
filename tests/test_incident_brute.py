"""What an incident holds, by command, against a simple reading of the whole log, while cylinders wander on."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from api.cli import main
from ledger import claim as c
from ledger import events as e
from ledger.store.embedded import EmbeddedServer
from tests.brute import Brute, Row, read_log
from tests.story import ORIGIN
from tests.test_trace_brute import codes_of
from tests.wandering import Wandering

NOTHING: dict[str, Any] = {"lines": (), "tank_lots": (), "sites": (), "vehicles": ()}
HELD: dict[str, dict[str, Any]] = {
    "IS": {"sites": ("S2",)},
    "IV": {"vehicles": ("V1",)},
    "IL": {"lines": ("L1",)},
    "IT": {"tank_lots": ("T1",)},
    "IX": {"sites": ("S1",), "vehicles": ("V2",), "lines": ("L2",), "tank_lots": ("T2", "T3")},
}


class Frozen:
    """A town that goes on under incidents, and what was asked of each at several moments of it."""

    def __init__(self, url: str, seed: int) -> None:
        self.url = url
        self.asked: list[tuple[Brute, str, Any]] = []
        wandering = Wandering(url, seed)
        wandering.wander(90)
        filled = (row.event.get("cylinder") for row in read_log(url).rows if row.event["type"] == "cylinder_filled.v1")
        for incident, held in (HELD | {"IC": {"cylinder": next(filter(None, filled)), "premises": "H1"}}).items():
            file(wandering, c.OpenIncident, incident=incident, **NOTHING | held)
        self.ask()
        wandering.wander(60)
        self.ask()
        file(wandering, c.LiftIncident, incident="IS", expects=0)
        file(wandering, c.LiftIncident, incident="IX", expects=0)
        file(wandering, c.OpenIncident, incident="IX", expects=1, **NOTHING | {"lines": ("L1",), "sites": ("S2",)})
        wandering.wander(30)
        self.ask()
        wandering.close()

    def ask(self) -> None:
        brute, run = read_log(self.url), CliRunner(env={"LEDGER_DATABASE_URL": self.url})
        listed = json.loads(run.invoke(main, ["incident", "--json"]).stdout)
        opened = {row.claim["incident"] for row in brute.rows if row.act == "open_incident"}
        assert {one["incident"] for one in listed} == opened
        for one in listed:
            told = json.loads(run.invoke(main, ["incident", one["incident"], "--json"]).stdout)
            assert told["summary"] == one
            self.asked.append((brute, one["incident"], told))


def file(wandering: Wandering, act: type[c.Claim], **fields: Any) -> None:
    claim: Any = wandering.story.make(act, **fields)
    outcome = wandering.tell(wandering.story.authority, claim)
    assert isinstance(outcome, e.Filed), outcome


@pytest.fixture(scope="module", params=(33, 37))
def frozen(request: pytest.FixtureRequest, server: EmbeddedServer, migrated_template: str) -> Iterator[Frozen]:
    name = f"frozen_{request.param}"
    server.create_database(name, template=migrated_template)
    yield Frozen(server.url(name), request.param)
    server.drop_database(name)


def newest(brute: Brute, incident: str, act: str) -> Row | None:
    of_it = [row for row in brute.rows if row.entry["subject"] == f"incident:{incident}" and not row.refused]
    return of_it[-1] if of_it[-1].act == act else next((row for row in reversed(of_it) if row.act == act), None)


def test_an_incident_is_told_by_its_newest_opening_and_what_lifted_it(frozen: Frozen) -> None:
    lifted_ever = 0
    for brute, incident, told in frozen.asked:
        opened, lifted = (newest(brute, incident, act) for act in ("open_incident", "lift_incident"))
        assert opened is not None
        over = lifted is not None and lifted.index > opened.index
        lifted_ever += over
        summary = told["summary"]
        assert (told["log"], told["size"]) == (ORIGIN, len(brute.rows))
        assert (summary["opened_index"], summary["opened_at"]) == (opened.index, opened.entry["recorded_at"])
        assert (summary["claim"], summary["signer"]) == (opened.claim, opened.entry["signer"])
        assert summary["lifted_index"] == (lifted.index if over and lifted else None)
        assert summary["lifted_at"] == (lifted.entry["recorded_at"] if over and lifted else None)
    assert lifted_ever


def test_an_incident_keeps_back_what_every_entry_says_that_it_does(frozen: Frozen) -> None:
    why: set[str] = set()
    moved = 0
    for brute, incident, told in frozen.asked:
        opened = newest(brute, incident, "open_incident")
        assert opened is not None
        kept = {key: brute.kept(opened, key) for key in brute.cylinders()}
        expected = {}
        for key, (by, went) in kept.items():
            put = brute.where(f"cylinder:{key}")
            assert put is not None
            if by or went:
                expected[key] = (by or went, put[0][:2], codes_of(brute, key))
            why |= {one.partition(":")[0] for one in by}
            moved += bool(went and not by)
        said = {
            one["cylinder"]: (set(one["by"]), (one["holder"], one["premises"]), set(one["codes"]))
            for one in told["cylinders"]
        }
        assert said == expected, incident
        for one in told["cylinders"]:
            kind = one["holder"].partition(":")[0]
            assert one["where"] == kind or (kind in ("site", "vehicle") and one["where"] == "set_aside")
        counts = {one["held"]: one["cylinders"] for one in told["holds"]}
        assert set(counts) == held_by(opened)
        assert counts == {held: sum(held in by for by, *_ in expected.values()) for held in counts}
        assert {one["enterprise"] for one in told["holds"]} == ({None} if incident == "IC" else {"E1"})
    assert why == {"site", "vehicle", "line", "tank_lot", "cylinder"}
    assert moved


def held_by(opened: Row) -> set[str]:
    fields = {"site": "sites", "vehicle": "vehicles", "line": "lines", "tank_lot": "tank_lots"}
    held = {f"{kind}:{one}" for kind, field in fields.items() for one in opened.claim.get(field, ())}
    return held | ({f"cylinder:{opened.claim['cylinder']}"} if "cylinder" in opened.claim else set())
