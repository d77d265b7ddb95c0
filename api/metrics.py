"""Metrics for Prometheus: what was answered, by act and rule. No cylinder, person or site is a label."""

from collections.abc import Callable, Mapping
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from api.publish.standing import Witnessed
from ledger import events as e
from ledger.bundle import Bundle
from ledger.claim import AlertKind, act_of
from ledger.entry import Answer

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class Metrics:
    """The metrics of one app, in a registry of its own. Only the event loop's thread counts claims."""

    def __init__(self) -> None:
        """All at zero."""
        registry = self._registry = CollectorRegistry()
        self._claims = Counter(
            "ledger_claims", "Answers to claims, resends included", ["log", "act", "outcome"], registry=registry
        )
        self._findings = Counter(
            "ledger_findings", "What rules found: reasons, violations, warnings",
            ["log", "act", "kind", "rule"], registry=registry,
        )  # fmt: skip
        self._faults = Counter("ledger_faults", "Bundles not taken, by fault", ["fault"], registry=registry)
        self._append = Histogram(
            "ledger_append_seconds", "From a checked bundle to its durable answer", ["log"],
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self._waiting = Gauge("ledger_waiting_bundles", "Bundles in the writer's queue", ["log"], registry=registry)
        self._published = Gauge(
            "ledger_published_size", "Entries under the published checkpoint", ["log"], registry=registry
        )
        self._cosignatures = Gauge(
            "ledger_published_cosignatures", "Witnesses that cosigned the published checkpoint", ["log"],
            registry=registry,
        )  # fmt: skip
        self._quorum = Gauge(
            "ledger_published_quorum", "0 while the published checkpoint lacks the cosignatures its policy asks for",
            ["log"], registry=registry,
        )  # fmt: skip
        self._lag = Histogram(
            "ledger_checkpoint_lag_seconds", "From an entry's recording to the checkpoint that covers it", ["log"],
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self._trouble = Gauge(
            "ledger_publishing_trouble", "1 for the last reason why publishing stood still, 0 once it went on",
            ["log", "reason"], registry=registry,
        )  # fmt: skip
        self._alerts = Gauge(
            "ledger_open_alerts", "Alerts whose signer was not enrolled anew since", ["log", "kind"], registry=registry
        )
        # Looking a label up costs more than counting.
        self._claim = cache(self._claims.labels)
        self._finding = cache(self._findings.labels)
        self._seconds = cache(self._append.labels)

    def watch(self, log: str, waiting: Callable[[], float]) -> None:
        """Ask for this log's queue length at every scrape, and show the log before its first claim."""
        self._waiting.labels(log).set_function(waiting)
        self._seconds(log)

    def answered(self, bundle: Bundle, answers: list[Answer], seconds: float) -> None:
        """Count one bundle's answers."""
        self._seconds(bundle.log).observe(seconds)
        for signed, answer in zip(bundle.claims, answers, strict=True):
            outcome, act = answer.outcome, act_of(signed.claim)
            refused = isinstance(outcome, e.Refusal)
            self._claim(bundle.log, act, "refused" if refused else "accepted").inc()
            broken = outcome.reasons if isinstance(outcome, e.Refusal) else outcome.violations
            for note in broken:
                self._finding(bundle.log, act, "reason" if refused else "violation", note.rule).inc()
            for note in outcome.warnings:
                self._finding(bundle.log, act, "warning", note.rule).inc()

    def watch_published(self, log: str, size: Callable[[], float], standing: Callable[[], Witnessed]) -> None:
        """Ask for size and standing of this log's published checkpoint at every scrape, and show its lag before the
        first.
        """
        self._published.labels(log).set_function(size)
        self._cosignatures.labels(log).set_function(lambda: len(standing().witnesses))
        self._quorum.labels(log).set_function(lambda: standing().quorum != "not-met")
        self._lag.labels(log)

    def published(self, log: str, lags_ms: list[int]) -> None:
        """Count how long the entries of a new checkpoint waited for it."""
        lag = self._lag.labels(log)
        for lag_ms in lags_ms:
            lag.observe(lag_ms / 1000)

    def publishing_trouble(self, log: str, reason: str, *, over: bool) -> None:
        """Show why publishing stands still, or that it goes on again."""
        self._trouble.labels(log, reason).set(0 if over else 1)

    def open_alerts(self, log: str, alerts: Mapping[AlertKind, int]) -> None:
        """Show how many alerts of each kind are open."""
        for kind, count in alerts.items():
            self._alerts.labels(log, kind).set(count)

    def fault(self, slug: str) -> None:
        """Count one bundle that was not taken."""
        self._faults.labels(slug).inc()

    def exposition(self) -> bytes:
        """Prometheus's text format 0.0.4."""
        return generate_latest(self._registry)
