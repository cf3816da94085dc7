"""Reads what a listener has counted, when somebody asks for it.

Nobody who receives does more for it: the rooms below count anyway, and what only events
tell is noted here. Whoever asks does so in another thread, so a read takes one number,
or a copy of a dictionary, which Python makes in one step.

What labels say is few and fixed: words of ours, names of sinks, what the user named.
Never what a server said, and of the server no more than its host.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import urlsplit

from notifyws import __version__
from notifyws.connection.outcome import REASONS
from notifyws.delivery.outbox_records import OUTPUT
from notifyws.events import Event, Failure, FailureType, Gap

if TYPE_CHECKING:
    from notifyws.connection.verification import Proofs
    from notifyws.fleet.active_listener import ActiveListener

SOURCES = ("refresh", "login")
"""How a server gives tokens."""

Sample = tuple[tuple[str, ...], tuple[float, ...]]
"""The values of the labels, and the number; of a summary how many, and their sum."""


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

    def info(self) -> list[Sample]:
        """Return who it is."""
        return [(self._who, (1.0,))]

    def connected(self) -> list[Sample]:
        """Return whether the server knows us and listens, on a socket of our own."""
        session = self._listener.session
        return _one(session is not None and session.connection is not None)

    def received(self) -> list[Sample]:
        """Return how many notifications were taken in."""
        return _one(self._listener.received)

    def filtered(self) -> list[Sample]:
        """Return how many of them nobody wanted."""
        return _one(self._listener.filtered)

    def repeats(self) -> list[Sample]:
        """Return how many came again."""
        receiver = self._listener.receiver
        return _one(receiver.repeats if receiver else 0)

    def last_notification(self) -> list[Sample]:
        """Return when the last one came, in unix seconds."""
        receiver = self._listener.receiver
        if receiver is None or (latest := receiver.emitter.latest) is None:
            return []
        return _one(datetime.fromisoformat(latest.received).timestamp())

    def delay(self) -> list[Sample]:
        """Return the seconds that it was on its way."""
        receiver = self._listener.receiver
        if receiver is None or receiver.emitter.latest is None:
            return []
        return _one(receiver.emitter.delay)

    def round_trip(self) -> list[Sample]:
        """Return the seconds that the last ping took."""
        session = self._listener.session
        connection = session.connection if session else None
        return _one(connection.latency if connection else None)

    def reconnects(self) -> list[Sample]:
        """Return how many connections followed another, by why that ended."""
        session = self._listener.session
        return _by(session.counts.reconnects if session else {}, REASONS)

    def failures(self) -> list[Sample]:
        """Return how many tries to connect came to nothing, by why."""
        session = self._listener.session
        return _by(session.counts.failures if session else {}, REASONS)

    def looks(self) -> list[Sample]:
        """Return how many looks there were at whether the socket missed anything."""
        proofs = self._proofs
        if proofs is None:
            return []
        counts = {"sound": proofs.sound, "deaf": proofs.deaf, "failed": proofs.failed}
        return _by(counts)

    def proved_at(self) -> list[Sample]:
        """Return until when nothing was missed for sure, in unix seconds."""
        at = self._proofs.proved_at if self._proofs else None
        return [] if at is None else _one(datetime.fromisoformat(at).timestamp())

    def recovered(self) -> list[Sample]:
        """Return how many notifications no socket had brought."""
        return _one(self._proofs.recovered if self._proofs else None)

    @property
    def _proofs(self) -> Proofs | None:
        session = self._listener.session
        return session.verifier.proofs if session and session.verifier else None

    def gaps(self) -> list[Sample]:
        """Return in how many stretches of time something may have been missed."""
        return _one(self._gaps)

    def errors(self) -> list[Sample]:
        """Return what went wrong and was said, by kind."""
        return _by(self._errors, get_args(FailureType))

    def tokens(self) -> list[Sample]:
        """Return how many tokens the server gave, by how."""
        if self._listener.session is None:
            return _by({}, SOURCES)
        return _by(self._listener.auth.tokens.obtained, SOURCES)

    def waiting(self) -> list[Sample]:
        """Return how many wait, by queue."""
        sinks = {name: each.count for name, each in self._listener.backlog.items()}
        return _by({OUTPUT: len(self._listener.queue), **sinks})

    def dropped(self) -> list[Sample]:
        """Return for how many there was no room, by queue."""
        receiver, counts = self._listener.receiver, self._listener.delivery_counts
        sinks = {name: each.dropped for name, each in counts.items()}
        return _by({**sinks, OUTPUT: receiver.dropped if receiver else 0})

    def deliveries(self) -> list[Sample]:
        """Return how many each sink took, and did not take in the end."""
        counts = self._listener.delivery_counts.items()
        return [
            ((sink, outcome), (float(number),))
            for sink, of in counts
            for outcome, number in (
                ("delivered", of.delivered),
                ("dead_letter", of.rejected),
            )
        ]

    def retries(self) -> list[Sample]:
        """Return how many tries were to be made again, by sink."""
        counts = self._listener.delivery_counts
        return _by({name: each.retries for name, each in counts.items()})

    def tries(self) -> list[Sample]:
        """Return how many tries there were, and the seconds they took, by sink."""
        counts = self._listener.delivery_counts
        return [((name,), (each.tries, each.seconds)) for name, each in counts.items()]

    def group(self, name: str) -> list[Sample]:
        """Return one number of the group, if there is one.

        Args:
            name: that of the attribute.
        """
        group = self._listener.group
        value = None if group is None else getattr(group, name)
        return [] if group is None or value is None else _by({group.name: value})


def _one(value: float | None) -> list[Sample]:
    return [] if value is None else [((), (float(value),))]


def _by(counts: Mapping[Any, float], known: Iterable[str] = ()) -> list[Sample]:
    """Return a sample for each word, also for those of which there was none yet.

    A series that begins at 1 hides its first step from whoever asks for a rate.
    """
    every = {**dict.fromkeys(known, 0), **dict(counts)}
    return [((word,), (float(number),)) for word, number in every.items()]
