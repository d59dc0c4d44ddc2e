"""`/metrics`: the register's counters in Prometheus' text format, read anew each time, so that no restart loses any."""

from collections.abc import Iterable, Iterator
from itertools import chain

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from kitback.policy import Policy
from kitback.register import counters, feeds, listening, outbox

_QUARANTINED = "quarantined."
_HELP = {
    "received": ("messages_received", "Messages from tags; received + replayed = accepted + quarantined"),
    "replayed": ("messages_replayed", "Messages in quarantine that were taken in after all"),
    "accepted": ("messages_accepted", "Reports taken in"),
    "rejected": ("messages_rejected", "Of the quarantined: genuine ones, whose sender was told"),
    "early": ("messages_early", "Of the accepted: reports whose records lie beyond what has been taken in"),
    "records.received": (
        "records_received",
        "Records in accepted reports; received + replayed = applied + duplicate + early + quarantined",
    ),
    "records.replayed": ("records_replayed", "Records in quarantine that were applied after all"),
    "records.applied": ("records_applied", "Records that changed the register, or wait for a time"),
    "records.duplicate": ("records_duplicate", "Records that had been taken in before"),
    "records.early": ("records_early", "Records in early reports; they come again"),
    "records.quarantined": ("records_quarantined", "Records that break the contract, set aside"),
    "quarantine.dropped": ("records_quarantined_dropped", "Of these: not kept, too many of their tag were"),
    "records.lost": ("records_lost", "Sequence numbers written off: no record of them came"),
    "records.found": ("records_found", "Records that came after they had been written off"),
    "records.before_first_sight": (
        "records_before_first_sight",
        "Sequence numbers a journal had given up when first seen",
    ),
    "enqueued": (
        "history_lines_enqueued",
        "Lines made; for each sink enqueued = written + rejected + missed + pending",
    ),
    "enqueued.bytes": ("history_bytes_enqueued", "Bytes of lines made"),
    "feed.applied": ("feed_messages_applied", "Messages of the provider's feeds that changed the register"),
    "feed.kept": ("feed_messages_kept", "Messages that are news, but change nothing in the register"),
    "feed.waiting": ("feed_messages_waiting", "Messages of which something could not be applied"),
    "feed.unchanged": ("feed_messages_unchanged", "Messages that were no news"),
    "feed.passed_over": (
        "feed_messages_passed_over",
        "Messages about loans that are over for so long that they would be erased",
    ),
    "feed.refused": ("feed_messages_refused", "Messages in files that could not be read"),
    "purged": ("history_lines_purged", "Lines that the outbox keeps no longer"),
    "purged.bytes": ("history_bytes_purged", "Bytes of lines that the outbox keeps no longer"),
}


def exposition(conn: sa.Connection, policy: Policy, now_s: int) -> bytes:
    """Everything there is to measure, as text."""
    registry = CollectorRegistry()
    parts = (_counters(conn), _history(conn), _room(conn), _feeds(conn, policy, now_s), [_listening(conn, now_s)])
    registry.register(_Collected(list(chain.from_iterable(parts))))
    return generate_latest(registry)


class _Collected(Collector):
    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics

    def describe(self) -> Iterable[Metric]:
        return ()


def _counters(conn: sa.Connection) -> Iterator[Metric]:
    quarantined = CounterMetricFamily("kitback_messages_quarantined", "Messages set aside", labels=["reason"])
    for name, value in counters.everything(conn).items():
        if name.startswith(_QUARANTINED):
            quarantined.add_metric([name.removeprefix(_QUARANTINED)], value)
            continue
        metric, words = _HELP.get(name, (name.replace(".", "_"), f"The register's counter {name}"))
        yield CounterMetricFamily(f"kitback_{metric}", words, value)
    yield quarantined


def _history(conn: sa.Connection) -> Iterator[Metric]:
    done = CounterMetricFamily("kitback_history_lines", "Lines that a sink is done with", labels=["sink", "outcome"])
    pending = GaugeMetricFamily("kitback_history_pending_lines", "Lines a sink has not had yet", labels=["sink"])
    since = GaugeMetricFamily(
        "kitback_history_pending_since_seconds", "When the oldest of them was made, Unix seconds", labels=["sink"]
    )
    trouble = GaugeMetricFamily("kitback_history_trouble", "1 while a sink takes no lines", labels=["sink"])
    for each in outbox.standings(conn):
        for outcome in ("written", "rejected", "missed"):
            done.add_metric([each.name, outcome], getattr(each, outcome))
        if each.configured:
            pending.add_metric([each.name], each.pending)
            trouble.add_metric([each.name], each.trouble is not None)
            if each.pending_from is not None:
                since.add_metric([each.name], each.pending_from)
    yield from (done, pending, since, trouble)


def _room(conn: sa.Connection) -> Iterator[Metric]:
    room = outbox.room(conn)
    yield GaugeMetricFamily("kitback_outbox_bytes", "Lines kept", room.kept)
    yield GaugeMetricFamily("kitback_outbox_waiting_bytes", "Of these, what the slowest sink has not had", room.waiting)
    if room.cap is not None:
        yield GaugeMetricFamily("kitback_outbox_cap_bytes", "When so many wait the intake stops", room.cap)


def _feeds(conn: sa.Connection, policy: Policy, now_s: int) -> Iterator[Metric]:
    late = {each.source for each in feeds.stale(conn, policy.feed.stale_after, now_s)}
    stale = GaugeMetricFamily("kitback_feed_stale", "1 while a feed has told nothing for too long", labels=["source"])
    told = GaugeMetricFamily(
        "kitback_feed_told_to_seconds", "Up to when a feed has told all it knows, Unix seconds", labels=["source"]
    )
    for each in feeds.feeds(conn):
        stale.add_metric([each.source], each.source in late)
        if each.told_to_s is not None:
            told.add_metric([each.source], each.told_to_s)
    yield from (stale, told)


def _listening(conn: sa.Connection, now_s: int) -> Metric:
    joined = listening.since(conn, now_s) is not None
    return GaugeMetricFamily("kitback_listening", "1 while the gateway is joined to its broker", joined)
