"""Delivers dead letters again: those that are taken leave their file, others stay.

The file is written anew at the end, so a replay that is killed delivers some twice and
loses none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from notifyws.clock import real_clock
from notifyws.config.settings import Settings
from notifyws.delivery.build import delivery_policy
from notifyws.delivery.dead_letters import DeadLetter, DeadLetters
from notifyws.delivery.outbox import Outbox
from notifyws.delivery.outbox_file import OutboxFile
from notifyws.delivery.outbox_records import notification_of
from notifyws.delivery.sinks.build import build_sinks
from notifyws.delivery.worker import Sink
from notifyws.errors import MessageRejected, UsageError
from notifyws.models import DeliveryTargets


async def replay(
    path: Path,
    settings: Settings,
    deliver: DeliveryTargets,
    warn: Callable[[str], None],
) -> int:
    """Deliver the letters of a file again; return how many were taken.

    Args:
        path: the file.
        settings: how often each is tried.
        deliver: to whom.
        warn: is told what was not taken again.

    Raises:
        UsageError: there is nobody to deliver to.
        ConfigurationError: the file cannot be used.
        MessageRejected: some were not taken; they are still in the file.
    """
    sinks = build_sinks(settings, deliver, real_clock(), warn)
    if not sinks:
        hint = "add --exec, --forward-to or --notify"
        raise UsageError("--replay needs somebody to hand on to", hint)
    file = DeadLetters(path, warn)
    file.read()  # what is no file of letters needs no lock beside it
    with file.claimed():
        letters = file.read()
        left: list[DeadLetter] = []
        try:
            await _deliver(letters, left, sinks, settings, warn)
        finally:
            file.replace(len(letters), left)
    if left:
        message = f"{len(left)} of {len(letters)} dead letters were not taken"
        raise MessageRejected(f"{message}: they are still in {path}", "try again later")
    return len(letters)


async def _deliver(
    letters: Iterable[DeadLetter],
    left: list[DeadLetter],
    sinks: Sequence[Sink],
    settings: Settings,
    warn: Callable[[str], None],
) -> None:
    """Deliver letters, each to who takes it; the others are added to ``left``."""

    async def keep(letter: DeadLetter) -> None:
        warn(f"{letter.sink} did not take a notification again: {letter.error}")
        left.append(letter)

    outbox = Outbox(
        OutboxFile(None, warn),
        sinks,
        delivery_policy(settings),
        real_clock(),
        write_dead_letter=keep,
        warn=warn,
        durable=False,
    )
    for letter in letters:
        try:
            outbox.keep_for(_taker(letter, sinks), notification_of(letter.line))
        except ValueError as error:
            warn(f"a letter to {letter.sink} stays: {error}")
            left.append(letter)
    outbox.start()
    try:
        await outbox.drained()
    finally:
        await outbox.aclose(0.0)


def _taker(letter: DeadLetter, sinks: Sequence[Sink]) -> str:
    """Return who takes a letter: the one that did not, or the only one there is.

    Raises:
        ValueError: nobody does.
    """
    names = [sink.name for sink in sinks]
    if letter.sink in names:
        return letter.sink
    if len(names) > 1:
        raise ValueError("it is not among those given")
    return names[0]
