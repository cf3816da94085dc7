"""What is measured of a listener: one table, and what reads each number when asked.

Nobody who receives does more for it: the rooms below count anyway, and what only events
tell is noted here. Whoever asks does so in another thread, so a read takes one number,
or a copy of a dictionary, which Python makes in one step.

What labels say is few and fixed: words of ours, names of sinks, what the user named.
Never what a server said, and of the server no more than its host.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, get_args
from urllib.parse import urlsplit

from msgspec import Struct

from notifyws import __version__
from notifyws.connection.outcome import REASONS
from notifyws.delivery.outbox_records import OUTPUT
from notifyws.events import Event, Failure, FailureType, Gap

if TYPE_CHECKING:
    from notifyws.connection.verification import Proofs
    from notifyws.fleet.active_listener import ActiveListener

ENTRY = "entry"
"""The label that tells several servers apart: an entry of ``config.toml``."""
SOURCES = ("refresh", "login")
"""How a server gives tokens."""

Sample = tuple[tuple[str, ...], tuple[float, ...]]
"""The values of the labels, and the number; of a summary how many, and their sum."""
Kind = Literal["counter", "gauge", "summary"]
Read = Callable[["Readings"], list[Sample]]
"""Returns the samples of a metric, none where there is nothing to tell."""


class Metric(Struct, frozen=True):
    """One row of the table.

    Args:
        name: as Prometheus sees it.
        kind: what it is; a counter starts again with the process.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    meaning: str
    read: Read


METRICS: list[Metric] = []
"""Everything that is measured, in the order of the page."""


def metric(name: str, kind: Kind, *labels: str) -> Callable[[Read], Read]:
    """Have a method of :class:`Readings` read a metric; its docstring says which."""

    def add(read: Read) -> Read:
        METRICS.append(Metric(name, kind, labels, read.__doc__ or "", read))
        return read

    return add


def measured(
    of: Mapping[str, Readings],
) -> Iterator[tuple[Metric, tuple[str, ...], list[Sample]]]:
    """Yield each metric of which there is something to tell now, its labels, and that.

    Args:
        of: what is read, by our own name for each server, which is one label more;
            under ``""`` where it is one alone.
    """
    for each in METRICS:
        told = [
            ((entry, *values) if entry else values, numbers)
            for entry, readings in of.items()
            for values, numbers in each.read(readings)
        ]
        if told:
            more = () if "" in of else (ENTRY,)
            yield each, (*more, *each.labels), told


class Readings:
    """The numbers of one listener, as they stand.

    Args:
        listener: is watched from now on; it need not be started.

    Raises:
        ConfigurationError: nobody can say where it listens.
    """

    def __init__(self, listener: ActiveListener) -> None:
        auth = listener.auth
        host = urlsplit(auth.url).hostname or ""
        self._who = (__version__, host, auth.profile.name, listener.name or "")
        self._listener = listener
        self._gaps = 0
        self._errors: Counter[FailureType] = Counter()
        listener.observers.append(self.observe)

    def observe(self, event: Event) -> None:
        """Take note of what happens to the connection."""
        match event:
            case Gap(recovered=False):
                self._gaps += 1
            case Failure(type=kind):
                self._errors[kind] += 1

    @metric("notifyws_info", "gauge", "version", "server", "profile", "listener")
    def info(self) -> list[Sample]:
        """Always 1; its labels say what runs, and the host that it listens to."""
        return [(self._who, (1.0,))]

    @metric("notifyws_connected", "gauge")
    def connected(self) -> list[Sample]:
        """1 while it holds a socket on which the server knows us, else 0."""
        session = self._listener.session
        return _one(session is not None and session.connection is not None)

    @metric("notifyws_received_total", "counter")
    def received(self) -> list[Sample]:
        """Notifications taken in, each once; of a group, those that fell to it."""
        return _one(self._listener.received)

    @metric("notifyws_filtered_total", "counter")
    def filtered(self) -> list[Sample]:
        """Those among them that no filter let through."""
        return _one(self._listener.filtered)

    @metric("notifyws_repeats_total", "counter")
    def repeats(self) -> list[Sample]:
        """Notifications that came again, and were passed over."""
        receiver = self._listener.receiver
        return _one(receiver.repeats if receiver else 0)

    @metric("notifyws_last_notification_timestamp_seconds", "gauge")
    def last_notification(self) -> list[Sample]:
        """When the last notification came, as a unix time; none before the first."""
        receiver = self._listener.receiver
        if receiver is None or (latest := receiver.emitter.latest) is None:
            return []
        return _one(datetime.fromisoformat(latest.received).timestamp())

    @metric("notifyws_last_notification_delay_seconds", "gauge")
    def delay(self) -> list[Sample]:
        """How long that was on its way, by its own timestamp; 0 where it has none."""
        receiver = self._listener.receiver
        if receiver is None or receiver.emitter.latest is None:
            return []
        return _one(receiver.emitter.delay)

    @metric("notifyws_ping_seconds", "gauge")
    def round_trip(self) -> list[Sample]:
        """How long the last ping took there and back; none while not connected."""
        session = self._listener.session
        connection = session.connection if session else None
        return _one(connection.latency if connection else None)

    @metric("notifyws_reconnects_total", "counter", "reason")
    def reconnects(self) -> list[Sample]:
        """Connections after the first, by why the one before it ended."""
        session = self._listener.session
        return _by(session.counts.reconnects if session else {}, REASONS)

    @metric("notifyws_connect_failures_total", "counter", "reason")
    def failures(self) -> list[Sample]:
        """Tries to connect that came to nothing, by why."""
        session = self._listener.session
        return _by(session.counts.failures if session else {}, REASONS)

    @metric("notifyws_verifications_total", "counter", "outcome")
    def looks(self) -> list[Sample]:
        """Looks of --verify-every at whether the open socket missed anything."""
        if (proofs := self._proofs) is None:
            return []
        return _by(
            {each: getattr(proofs, each) for each in ("sound", "deaf", "failed")}
        )

    @metric("notifyws_verified_timestamp_seconds", "gauge")
    def proved_at(self) -> list[Sample]:
        """Until when such a look proved that all was handed over, as a unix time."""
        at = self._proofs.proved_at if self._proofs else None
        return [] if at is None else _one(datetime.fromisoformat(at).timestamp())

    @metric("notifyws_recovered_total", "counter")
    def recovered(self) -> list[Sample]:
        """Notifications that no socket brought, and the server gave when asked."""
        return _one(self._proofs.recovered if self._proofs else None)

    @property
    def _proofs(self) -> Proofs | None:
        session = self._listener.session
        return session.verifier.proofs if session and session.verifier else None

    @metric("notifyws_gaps_total", "counter")
    def gaps(self) -> list[Sample]:
        """Stretches of time in which notifications may have been missed."""
        return _one(self._gaps)

    @metric("notifyws_errors_total", "counter", "kind")
    def errors(self) -> list[Sample]:
        """What went wrong and was said, by kind."""
        return _by(self._errors, get_args(FailureType))

    @metric("notifyws_tokens_obtained_total", "counter", "source")
    def tokens(self) -> list[Sample]:
        """Tokens that this process had the server give, by how."""
        if self._listener.session is None:
            return _by({}, SOURCES)
        return _by(self._listener.auth.tokens.obtained, SOURCES)

    @metric("notifyws_waiting", "gauge", "queue")
    def waiting(self) -> list[Sample]:
        """How many wait to be shown or printed (output), or for a sink."""
        sinks = {name: each.count for name, each in self._listener.backlog.items()}
        return _by({OUTPUT: len(self._listener.queue), **sinks})

    @metric("notifyws_dropped_total", "counter", "queue")
    def dropped(self) -> list[Sample]:
        """Notifications for which a queue had no room; a gap tells of them, too."""
        receiver, counts = self._listener.receiver, self._listener.delivery_counts
        sinks = {name: each.dropped for name, each in counts.items()}
        return _by({**sinks, OUTPUT: receiver.dropped if receiver else 0})

    @metric("notifyws_deliveries_total", "counter", "sink", "outcome")
    def deliveries(self) -> list[Sample]:
        """Notifications that a sink took, or that became dead letters."""
        counts = self._listener.delivery_counts.items()
        return [
            ((sink, outcome), (float(number),))
            for sink, of in counts
            for outcome, number in (
                ("delivered", of.delivered),
                ("dead_letter", of.rejected),
            )
        ]

    @metric("notifyws_delivery_retries_total", "counter", "sink")
    def retries(self) -> list[Sample]:
        """Tries that failed and were to be made again."""
        counts = self._listener.delivery_counts
        return _by({name: each.retries for name, each in counts.items()})

    @metric("notifyws_delivery_seconds", "summary", "sink")
    def tries(self) -> list[Sample]:
        """How long each try took; its count is the number of tries."""
        counts = self._listener.delivery_counts
        return [((name,), (each.tries, each.seconds)) for name, each in counts.items()]

    @metric("notifyws_group_leader", "gauge", "group")
    def group_leader(self) -> list[Sample]:
        """1 while this member holds the group's socket, else 0."""
        return self._of_group("leading")

    @metric("notifyws_group_has_leader", "gauge", "group")
    def group_has_leader(self) -> list[Sample]:
        """1 while any member of the group does, else 0."""
        return self._of_group("has_leader")

    @metric("notifyws_group_lag", "gauge", "group")
    def group_lag(self) -> list[Sample]:
        """Notifications of the group that no member was given yet."""
        return self._of_group("lag")

    @metric("notifyws_group_pending", "gauge", "group")
    def group_pending(self) -> list[Sample]:
        """Notifications that a member was given and has not acknowledged."""
        return self._of_group("pending")

    def _of_group(self, attribute: str) -> list[Sample]:
        group = self._listener.group
        value = None if group is None else getattr(group, attribute)
        return [] if group is None or value is None else _by({group.name: value})


def _one(value: float | None) -> list[Sample]:
    return [] if value is None else [((), (float(value),))]


def _by(counts: Mapping[Any, float], known: Iterable[str] = ()) -> list[Sample]:
    """Return a sample for each word, also for those of which there was none yet.

    A series that begins at 1 hides its first step from whoever asks for a rate.
    """
    every = {**dict.fromkeys(known, 0), **dict(counts)}
    return [((word,), (float(number),)) for word, number in every.items()]
