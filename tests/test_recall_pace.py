"""Recalls are answered one at a time, with a rest after each, so that scans keep their speed."""

import threading
from itertools import pairwise
from time import monotonic, sleep

import pytest

from api.recall.pace import REST, Pace
from ledger.errors import Busy


def test_an_answer_waits_for_the_one_before_and_for_its_rest() -> None:
    pace, turns = Pace(), list[tuple[float, float]]()

    def ask() -> None:
        with pace.turn():
            begun = monotonic()
            sleep(0.05)
            turns.append((begun, monotonic()))

    asking = [threading.Thread(target=ask) for _ in range(3)]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    for (begun, ended), (next_begun, _) in pairwise(turns):
        assert next_begun - ended >= REST * (ended - begun)


def test_who_would_wait_too_long_is_told_so_and_a_fault_frees_the_turn() -> None:
    pace = Pace(patience_s=0.01)
    with pace.turn(), pytest.raises(Busy, match="too many"), pace.turn():
        pass
    with pytest.raises(ZeroDivisionError), pace.turn():
        1 / 0  # noqa: B018 - the fault
    with pace.turn():
        pass
