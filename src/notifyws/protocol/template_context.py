"""What is known on one socket: constants, token, captures, and a counter.

Every socket has its own; ``{seq}`` rises by one with every frame that uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import Any

from notifyws.models import strict_json
from notifyws.protocol.template import UNSET, fill, mentions

__all__ = ["TemplateContext", "as_frame"]


class TemplateContext:
    """Writes frames from templates.

    Args:
        known: variables and their values; may hold secrets.
        wall: unix seconds, for ``{now}``.
        secret: an unguessable text, for ``{uuid}``.
    """

    def __init__(
        self,
        known: Mapping[str, Any],
        wall: Callable[[], float],
        secret: Callable[[], str],
    ) -> None:
        self._known = dict(known)
        self._wall = wall
        self._secret = secret
        self.seq = 0

    def knows(self, name: str) -> bool:
        """Return whether a variable has a value."""
        return self._known.get(name) is not None

    def learn(self, name: str, value: Any) -> None:
        """Give a variable a value."""
        self._known[name] = value

    def variables(self, *templates: Any, **more: Any) -> dict[str, Any]:
        """Return what templates are filled with; counts up if one is numbered."""
        used = {"seq"} if mentions(templates, "seq") else set[str]()
        return self.known(used | {"uuid"}, more)

    def known(self, used: Set[str], more: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is known, and ``more``; counts up if ``seq`` is ``used``.

        What is not used need not be there: an unguessable text takes its time.
        """
        self.seq += "seq" in used
        uuid = self._secret() if "uuid" in used else None
        moment = {"now": int(self._wall()), "uuid": uuid, "seq": self.seq}
        return {**self._known, **moment, **more}

    def frame(self, template: Any, **more: Any) -> str | None:
        """Return a template as a frame; ``None`` where there is nothing to say."""
        return as_frame(fill(template, self.variables(template, **more)))


def as_frame(filled: Any) -> str | None:
    """Return a filled template as a frame: text as it is, all else as JSON."""
    if filled is UNSET or filled is None:
        return None
    return filled if isinstance(filled, str) else strict_json(filled)
