"""The face of ``listen --format`` and ``listen --query``: a text a notification."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo

from notifyws.intake import Item
from notifyws.models import Notification
from notifyws.shaping import Shape, in_one_line
from notifyws.view.clock import moment
from notifyws.view.output import Output
from notifyws.view.safe import harmless

__all__ = ["ShapedFace"]

_Maker = Callable[[Notification], str]


class ShapedFace:
    """One text for each notification, on one line unless the template has more.

    Beside its own fields a notification has ``time`` (the local time of day),
    ``timestamp`` (as it was written, else when it came) and ``json`` (all of it).

    Args:
        output: where to.
        shape: makes the text.
        zone: whose local time; ``None`` for the machine's.
    """

    def __init__(
        self, output: Output, shape: Shape, zone: tzinfo | None = None
    ) -> None:
        self._output = output
        self._shape = shape
        self._clean = harmless if output.is_terminal else in_one_line
        makers: dict[str, _Maker] = {
            "time": lambda note: moment(note.timestamp, note.received, zone),
            "timestamp": lambda note: note.timestamp,
            "json": Notification.line,
        }
        self._makers = {k: make for k, make in makers.items() if shape.wants(k)}

    def start(self) -> None:
        """Nothing to prepare."""

    def stop(self) -> None:
        """Nothing to restore."""

    def tick(self) -> None:
        """Nothing changes by itself."""

    async def show(self, burst: Sequence[Item]) -> None:
        """Write the texts of a burst at once; events are told on stderr."""
        found = [self._text(item) for item in burst if isinstance(item, Notification)]
        if found:
            text = self._shape.end.join([*found, ""])
            await self._output.write(text.encode("utf-8", "backslashreplace"))

    def _text(self, note: Notification) -> str:
        more = {name: make(note) for name, make in self._makers.items()}
        return self._shape.text(note.as_json(), self._clean, more)
