"""Asks for a message on a terminal: type, title and message, each with a default."""

from __future__ import annotations

from notifyws.delivery.message_input import from_parts
from notifyws.errors import UsageError
from notifyws.models import Message
from notifyws.samples import SAMPLES
from notifyws.ui.streams import prompt

__all__ = ["DEFAULT_TYPE", "ask"]

DEFAULT_TYPE = "notification"


def ask(kind: str | None) -> Message:
    """Return the message that is typed; Enter keeps what stands in brackets.

    A known type offers its example's title and message.

    Args:
        kind: the message's type; asked for, too, when it was not given.

    Raises:
        UsageError: nothing was typed and nothing offered.
    """
    kind = _typed("Type", DEFAULT_TYPE) if kind is None else kind
    offered = SAMPLES.get(kind, {})
    texts = {
        name: _typed(name.capitalize(), offered.get(name, "")) or None
        for name in ("title", "message")
    }
    message = from_parts(kind, texts)
    if message is None:
        raise UsageError("an empty message is not sent", "give --message TEXT")
    return message


def _typed(what: str, default: str) -> str:
    return prompt(what, default, show_default=bool(default))
