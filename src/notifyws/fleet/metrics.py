"""What is measured of a listener: names, meanings, and what reads each.

One table, from which the page that Prometheus reads and its documentation are made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Literal

from msgspec import Struct

from notifyws.fleet.readings import Readings, Sample

ENTRY = "entry"
"""The label that tells several servers apart: an entry of ``config.toml``."""


class Metric(Struct, frozen=True):
    """One row of the table.

    Args:
        name: as Prometheus sees it.
        kind: what it is; a counter starts again with the process.
        meaning: one sentence.
        read: returns its samples, none where there is nothing to tell.
        labels: the names of its labels.
    """

    name: str
    kind: Literal["counter", "gauge", "summary"]
    meaning: str
    read: Callable[[Readings], list[Sample]]
    labels: tuple[str, ...] = ()


def measured(
    of: Mapping[str, Readings],
) -> Iterator[tuple[Metric, tuple[str, ...], list[Sample]]]:
    """Yield each metric of which there is something to tell now, its labels, and that.

    Args:
        of: what is read, by our own name for each server, which is one label more;
            under ``""`` where it is one alone.
    """
    for metric in METRICS:
        told = [
            ((entry, *values) if entry else values, numbers)
            for entry, readings in of.items()
            for values, numbers in metric.read(readings)
        ]
        if told:
            more = () if "" in of else (ENTRY,)
            yield metric, (*more, *metric.labels), told


METRICS = (
    Metric(
        "notifyws_info",
        "gauge",
        "Always 1; its labels say what runs, and the host that it listens to.",
        Readings.info,
        ("version", "server", "profile", "listener"),
    ),
    Metric(
        "notifyws_connected",
        "gauge",
        "1 while it holds a socket on which the server knows us, else 0.",
        Readings.connected,
    ),
    Metric(
        "notifyws_received_total",
        "counter",
        "Notifications taken in, each once; of a group, those that fell to it.",
        Readings.received,
    ),
    Metric(
        "notifyws_filtered_total",
        "counter",
        "Those among them that no filter let through.",
        Readings.filtered,
    ),
    Metric(
        "notifyws_repeats_total",
        "counter",
        "Notifications that came again, and were passed over.",
        Readings.repeats,
    ),
    Metric(
        "notifyws_last_notification_timestamp_seconds",
        "gauge",
        "When the last notification came, as a unix time; none before the first.",
        Readings.last_notification,
    ),
    Metric(
        "notifyws_last_notification_delay_seconds",
        "gauge",
        "How long that was on its way, by its own timestamp; 0 where it has none.",
        Readings.delay,
    ),
    Metric(
        "notifyws_ping_seconds",
        "gauge",
        "How long the last ping took there and back; none while not connected.",
        Readings.round_trip,
    ),
    Metric(
        "notifyws_reconnects_total",
        "counter",
        "Connections after the first, by why the one before it ended.",
        Readings.reconnects,
        ("reason",),
    ),
    Metric(
        "notifyws_connect_failures_total",
        "counter",
        "Tries to connect that came to nothing, by why.",
        Readings.failures,
        ("reason",),
    ),
    Metric(
        "notifyws_verifications_total",
        "counter",
        "Looks of --verify-every at whether the open socket missed anything.",
        Readings.looks,
        ("outcome",),
    ),
    Metric(
        "notifyws_verified_timestamp_seconds",
        "gauge",
        "Until when such a look proved that all was handed over, as a unix time.",
        Readings.proved_at,
    ),
    Metric(
        "notifyws_recovered_total",
        "counter",
        "Notifications that no socket brought, and the server gave when asked.",
        Readings.recovered,
    ),
    Metric(
        "notifyws_gaps_total",
        "counter",
        "Stretches of time in which notifications may have been missed.",
        Readings.gaps,
    ),
    Metric(
        "notifyws_errors_total",
        "counter",
        "What went wrong and was said, by kind.",
        Readings.errors,
        ("kind",),
    ),
    Metric(
        "notifyws_tokens_obtained_total",
        "counter",
        "Tokens that this process had the server give, by how.",
        Readings.tokens,
        ("source",),
    ),
    Metric(
        "notifyws_waiting",
        "gauge",
        "How many wait to be shown or printed (output), or for a sink.",
        Readings.waiting,
        ("queue",),
    ),
    Metric(
        "notifyws_dropped_total",
        "counter",
        "Notifications for which a queue had no room; a gap tells of them, too.",
        Readings.dropped,
        ("queue",),
    ),
    Metric(
        "notifyws_deliveries_total",
        "counter",
        "Notifications that a sink took, or that became dead letters.",
        Readings.deliveries,
        ("sink", "outcome"),
    ),
    Metric(
        "notifyws_delivery_retries_total",
        "counter",
        "Tries that failed and were to be made again.",
        Readings.retries,
        ("sink",),
    ),
    Metric(
        "notifyws_delivery_seconds",
        "summary",
        "How long each try took; its count is the number of tries.",
        Readings.tries,
        ("sink",),
    ),
    Metric(
        "notifyws_group_leader",
        "gauge",
        "1 while this member holds the group's socket, else 0.",
        partial(Readings.group, name="leading"),
        ("group",),
    ),
    Metric(
        "notifyws_group_has_leader",
        "gauge",
        "1 while any member of the group does, else 0.",
        partial(Readings.group, name="has_leader"),
        ("group",),
    ),
    Metric(
        "notifyws_group_lag",
        "gauge",
        "Notifications of the group that no member was given yet.",
        partial(Readings.group, name="lag"),
        ("group",),
    ),
    Metric(
        "notifyws_group_pending",
        "gauge",
        "Notifications that a member was given and has not acknowledged.",
        partial(Readings.group, name="pending"),
        ("group",),
    ),
)
"""Everything that is measured, in the order of the page."""
