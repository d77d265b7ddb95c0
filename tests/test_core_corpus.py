"""Rules are versioned: what was decided once is decided so again in every release; a rule that changes is caught."""

from collections import defaultdict

import pytest
from msgspec import structs

from ledger.rules.rule import RULES, Case, Finding
from tests.corpus import GOLDEN, branch, differences, read_corpus, spoken

FILES = sorted(GOLDEN.glob("decisions-*.jsonl.xz"))
CORPORA = {path.name.partition(".")[0]: read_corpus(path) for path in FILES}
SPOKEN = {name: spoken(nodes) for name, (_, nodes) in CORPORA.items()}
GUARDED = sorted(
    (name, rule)
    for rule, name in {rule: name for name, said in reversed(SPOKEN.items()) for rule in said if rule in RULES}.items()
)
"""Each rule version with the first corpus that hears it."""


@pytest.mark.parametrize("name", CORPORA)
def test_every_recorded_decision_is_made_again(name: str) -> None:
    assert list(differences(CORPORA[name])) == []


def test_every_rule_and_every_reason_it_has_is_in_the_corpus() -> None:
    said: dict[str, set[str]] = defaultdict(set)
    for one in SPOKEN.values():
        for rule, reasons in one.items():
            said[rule] |= set(reasons)
    answers = {name: set(rule.reasons) for name, rule in RULES.items() if rule.gates}  # signals decide nothing
    assert answers == {name: reasons for name, reasons in said.items() if name in RULES}


@pytest.mark.parametrize(("name", "rule"), GUARDED)
def test_a_rule_that_falls_silent_under_its_version_is_caught(
    name: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RULES, rule, structs.replace(RULES[rule], check=lambda _case: None))
    for number in SPOKEN[name][rule].values():
        assert number_of_differences(name, number) > 0


@pytest.mark.parametrize(("name", "rule"), GUARDED)
def test_a_rule_that_says_it_with_other_figures_is_caught(
    name: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = RULES[rule].check

    def other(case: Case) -> Finding | str | None:
        found = check(case)
        reason, facts = (found, {}) if found is None or isinstance(found, str) else found
        return None if reason is None else (reason, {**facts, "figure": 1})

    monkeypatch.setitem(RULES, rule, structs.replace(RULES[rule], check=other))
    for number in SPOKEN[name][rule].values():
        assert number_of_differences(name, number) > 0


@pytest.mark.parametrize(("name", "rule"), GUARDED)
def test_a_rule_that_says_more_under_its_version_is_caught(
    name: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = RULES[rule].check

    def louder(case: Case) -> Finding | str | None:
        return check(case) or RULES[rule].reasons[0]

    monkeypatch.setitem(RULES, rule, structs.replace(RULES[rule], check=louder))
    assert next(differences(CORPORA[name]), None) is not None


def number_of_differences(name: str, number: int) -> int:
    """On the one log that ends in that node."""
    return len(list(differences(branch(CORPORA[name], number))))


def test_no_recorded_file_is_missing_or_empty() -> None:
    assert [path.name for path in FILES] == [f"decisions-{n}.jsonl.xz" for n in range(1, len(FILES) + 1)]
    assert all(len(nodes) > 1_000 for _, nodes in CORPORA.values())
