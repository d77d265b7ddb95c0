"""Who holds how many cylinders, in each log that was asked."""

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec import json as mjson

from api.trace.question import Reader
from api.trace.telling import Telling
from api.workbook import Cells
from ledger.store.holding import Balances, balances
from ledger.store.read import log_state, reading


class LogBalances(Struct, frozen=True):
    """The balances of one log, after so many entries."""

    log: str
    size: int
    balances: Balances


class BalanceAnswer(Struct, frozen=True):
    """The balances of the logs that were asked."""

    logs: list[LogBalances]


def ask_balances(readers: Sequence[Reader]) -> BalanceAnswer:
    """Who holds how many now."""
    found = list[LogBalances]()
    for one in readers:
        with reading(one.engine, one.sites) as connection:
            log = log_state(connection, one.origin)
            found.append(LogBalances(one.origin, log.size, balances(connection, log.log_id)))
    return BalanceAnswer(found)


def tell_balances(answer: BalanceAnswer) -> Telling:
    """The answer in every way."""
    titles = ("日志 log", "种类 kind", "持有者 holder", "气瓶 cylinders")
    return Telling(iter((mjson.encode(answer),)), titles, _rows(answer), _lines(answer))


def _rows(answer: BalanceAnswer) -> Iterator[Cells]:
    for one in answer.logs:
        held = one.balances
        yield (one.log, "登记气瓶 registered", None, held.registered)
        yield (one.log, "用户 customers", f"{held.customers} 户 customers", held.with_customers)
        yield (one.log, "去向不明 unknown", None, held.unknown)
        told = (
            ("站点 site", held.sites),
            ("车辆 vehicle", held.vehicles),
            ("其中送气工经手 of them carried by", held.workers),
            ("外来瓶 foreign", held.foreign),
        )
        for kind, counts in told:
            yield from ((one.log, kind, holder, count) for holder, count in counts.items())


def _lines(answer: BalanceAnswer) -> Iterator[str]:
    for log, kind, holder, count in _rows(answer):
        yield f"{log}　{kind}　{holder or ''}　{count} 只"
