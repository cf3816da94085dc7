"""Hands dead letters on again: those that are taken leave their file, others stay.

The file is written anew at the end, so a replay that is killed hands some on twice and
loses none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from notifyws.config.settings import Settings
from notifyws.delivery.build import build_sinks, delivery_policy
from notifyws.delivery.outbox_records import DeadLetter, notification_of
from notifyws.errors import MessageRejected, UsageError
from notifyws.models import DeliveryTargets

if TYPE_CHECKING:
    from notifyws.delivery.outbox import Outbox
    from notifyws.delivery.worker import Sink

__all__ = ["replay"]


async def replay(
    path: Path,
    settings: Settings,
    deliver: DeliveryTargets,
    warn: Callable[[str], None],
) -> int:
    """Hand the letters of a file on again; return how many were taken.

    Args:
        path: the file.
        settings: how patiently.
        deliver: to whom.
        warn: is told what was not taken again.

    Raises:
        UsageError: there is nobody to hand on to.
        ConfigurationError: the file cannot be used.
        MessageRejected: some were not taken; they are still in the file.
    """
    from notifyws.clock import real_clock
    from notifyws.delivery.dead_letters import DeadLetters
    from notifyws.delivery.outbox import Outbox
    from notifyws.delivery.outbox_file import OutboxFile

    clock = real_clock()
    sinks = build_sinks(settings, deliver, clock, warn)
    if not sinks:
        hint = "add --exec, --forward-to or --notify"
        raise UsageError("--replay needs somebody to hand on to", hint)
    dead = DeadLetters(path, warn)
    left: list[DeadLetter] = []

    async def keep(dead_letter: DeadLetter) -> None:
        warn(
            f"{dead_letter.sink} did not take a notification again: {dead_letter.error}"
        )
        left.append(dead_letter)

    dead.read()  # what is no file of letters needs no lock beside it
    with dead.claimed():
        letters = dead.read()
        outbox = Outbox(
            OutboxFile(None, warn),
            sinks,
            delivery_policy(settings),
            clock,
            write_dead_letter=keep,
            warn=warn,
            durable=False,
        )
        left += _lay_out(letters, sinks, outbox, warn)
        outbox.start()
        try:
            await outbox.drained()
        finally:
            await outbox.aclose(0.0)
            dead.replace(len(letters), left)
    if left:
        message = f"{len(left)} of {len(letters)} dead letters were not taken"
        raise MessageRejected(f"{message}: they are still in {path}", "try again later")
    return len(letters)


def _lay_out(
    letters: Sequence[DeadLetter],
    sinks: Sequence[Sink],
    outbox: Outbox,
    warn: Callable[[str], None],
) -> list[DeadLetter]:
    """Queue each letter for who takes it; return those that nobody does."""
    strays = []
    for dead_letter in letters:
        try:
            outbox.keep_for(
                _taker(dead_letter, sinks), notification_of(dead_letter.line)
            )
        except ValueError as error:
            warn(f"a letter to {dead_letter.sink} stays: {error}")
            strays.append(dead_letter)
    return strays


def _taker(dead_letter: DeadLetter, sinks: Sequence[Sink]) -> str:
    """Return who takes a letter: the one that did not, or the only one there is.

    Raises:
        ValueError: nobody does.
    """
    names = [sink.name for sink in sinks]
    if dead_letter.sink in names:
        return dead_letter.sink
    if len(names) > 1:
        raise ValueError("it is not among those given")
    return names[0]
