"""An alert as people are shown it."""

from msgspec import Struct

from api.views import EntryView, entry_view
from api.words import china_time
from ledger.rules.rule import RULES
from ledger.signals.alerts import Alert
from ledger.signals.signal import RULE_OF, Facts
from ledger.store.alerts import entries_at
from ledger.store.read import Connection


class AlertView(Struct, frozen=True):
    """An alert. `key`: what it is about; `rule`: whose parameters are its thresholds.

    `entries` show it, at most twelve. `times`: how many signals it gathers. `overdue`: nobody settled it by `deadline`.
    Times ms UTC, texts China's.
    """

    alert: str
    kind: str
    rule: str
    zh: str
    en: str
    key: str
    status: str
    facts: Facts
    times: int
    entries: tuple[int, ...]
    raised_at: int
    raised_at_text: str
    last_at: int
    deadline: int
    deadline_text: str
    overdue: bool
    cause: str | None
    outcome: str | None
    settled: int | None


class AlertStory(Struct, frozen=True):
    """An alert with the entries that show it, and the one that settled it."""

    log: str
    alert: AlertView
    entries: list[EntryView]


def alert_view(one: Alert, now: int) -> AlertView:
    """An alert in words; `now` is ms UTC."""
    rule = RULE_OF[one.kind]
    return AlertView(
        alert=one.alert, kind=one.kind, rule=rule, zh=RULES[rule].title_zh, en=RULES[rule].title_en, key=one.key,
        status=one.status, facts=one.facts, times=one.times, entries=one.entries, raised_at=one.raised_at,
        raised_at_text=china_time(one.raised_at), last_at=one.last_at, deadline=one.deadline,
        deadline_text=china_time(one.deadline), overdue=one.settled is None and now > one.deadline, cause=one.cause,
        outcome=one.outcome, settled=one.settled,
    )  # fmt: skip


def alert_story(connection: Connection, log_id: int, origin: str, one: Alert, now: int) -> AlertStory:
    """An alert with its entries."""
    indexes = {*one.entries, *(() if one.settled is None else (one.settled,))}
    entries = [entry_view(stored) for stored in entries_at(connection, log_id, indexes)]
    return AlertStory(origin, alert_view(one, now), entries)
