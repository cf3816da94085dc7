"""Messages, written as the frames that a profile makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from notifyws.errors import UsageError
from notifyws.models import Message
from notifyws.protocol.profile import Send
from notifyws.protocol.templates import (
    UNSET,
    TemplateContext,
    as_frame,
    filler,
    variables_of,
)


class Composed(Struct, frozen=True):
    """A message as a frame, and by what its acknowledgement will name it."""

    frame: str
    key: str


class Composer:
    """Writes messages as a profile's table says."""

    def __init__(self, send: Send) -> None:
        named = send.ack.equals if send.ack and send.ack.id else ""
        self._frame, self._key = filler(send.frame), filler(named)
        templates = [send.frame, named]
        self._used = {"seq", "uuid"}.intersection(variables_of(templates))

    def compose(self, message: Message, context: TemplateContext) -> Composed:
        """Return a message as the frame that the profile makes of it, on one socket.

        Raises:
            UsageError: the payload holds what JSON or UTF-8 cannot say.
        """
        known = context.known(self._used, of_message(message))
        try:
            frame = as_frame(self._frame(known))
            if frame is not None and not frame.isascii():
                frame.encode()  # half a character would end the connection
        except UnicodeEncodeError:
            said = f"the text of {message.type} is not UTF-8"
            raise UsageError(said, "check it for half a character") from None
        except (TypeError, ValueError, RecursionError) as error:
            said = f"the payload of {message.type} is not JSON: {error}"
            raise UsageError(said, "give it text, numbers, lists ...") from None
        if frame is None:
            raise UsageError(f"nothing of {message.type} can be sent", "give it a text")
        key = self._key(known)
        return Composed(frame, "" if key is UNSET else str(key))


def of_message(message: Message) -> Mapping[str, Any]:
    """Return what a template may say of a message."""
    payload = message.payload
    if not isinstance(payload, dict):  # what JSON can write
        payload = dict(payload)
    return {"type": message.type, "payload": payload, "id": message.id}
