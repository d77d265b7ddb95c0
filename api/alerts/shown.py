"""An alert as people are shown it."""

from collections.abc import Sequence

from msgspec import Struct

from api.alerts.words import alert_sentence
from api.views import EntryView, entry_view
from api.words import china_time
from ledger.rules.rule import RULES
from ledger.signals.alerts import Alert
from ledger.signals.signal import RULE_OF, Facts
from ledger.store.alerts import entries_at
from ledger.store.holding import CYLINDER
from ledger.store.read import Connection
from ledger.store.recalls import cylinders_at


class AlertView(Struct, frozen=True):
    """An alert. `key`: what it is about, `code` one that the cylinder carries; `rule`: whose parameters are its
    thresholds. `told_zh`, `told_en`: all of it in a sentence; `docs/signals.md` says what each of `facts` is.

    `entries` show it, at most twelve. `times`: how many signals it gathers. `overdue`: nobody settled it by `deadline`.
    Times ms UTC, texts China's.
    """

    alert: str
    kind: str
    rule: str
    zh: str
    en: str
    key: str
    code: str | None
    told_zh: str
    told_en: str
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


def alert_views(connection: Connection, log_id: int, alerts: Sequence[Alert], now: int) -> list[AlertView]:
    """Alerts in words, cylinders by a code that can be asked for; `now` is ms UTC."""
    about = {one.key.removeprefix(CYLINDER) for one in alerts if one.key.startswith(CYLINDER)}
    known = cylinders_at(connection, log_id, about) if about else []
    codes = {CYLINDER + one.cylinder: one.codes[0] for one in known if one.codes}
    return [_alert_view(one, codes.get(one.key), now) for one in alerts]


def _alert_view(one: Alert, code: str | None, now: int) -> AlertView:
    rule, overdue = RULE_OF[one.kind], one.settled is None and now > one.deadline
    told_zh, told_en = alert_sentence(one, code, overdue=overdue)
    return AlertView(
        alert=one.alert, kind=one.kind, rule=rule, zh=RULES[rule].title_zh, en=RULES[rule].title_en, key=one.key,
        code=code, told_zh=told_zh, told_en=told_en,
        status=one.status, facts=one.facts, times=one.times, entries=one.entries, raised_at=one.raised_at,
        raised_at_text=china_time(one.raised_at), last_at=one.last_at, deadline=one.deadline,
        deadline_text=china_time(one.deadline), overdue=overdue, cause=one.cause,
        outcome=one.outcome, settled=one.settled,
    )  # fmt: skip


def alert_story(connection: Connection, log_id: int, origin: str, one: Alert, now: int) -> AlertStory:
    """An alert with its entries."""
    indexes = {*one.entries, *(() if one.settled is None else (one.settled,))}
    entries = [entry_view(stored) for stored in entries_at(connection, log_id, indexes)]
    [view] = alert_views(connection, log_id, [one], now)
    return AlertStory(origin, view, entries)
