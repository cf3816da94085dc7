"""Which sinks take a notification: those of the routes that it goes, and those of none.

Routes are asked in their order. Each that a notification fits hands it on; one that
stops is the last that is asked. It knows no sink but by its name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from notifyws.delivery.filters import Selection, matcher
from notifyws.delivery.targets import Route, Timing
from notifyws.models import Notification

WORD = r"[A-Za-z_]\w*"
FIELDS = ("title", "message", "link", "data", "id", "timestamp")
"""Of a notification; whether it has one may well be asked."""
Test = Callable[[Notification], bool]


class Routing:
    """Tells who takes what, and when.

    Args:
        sinks: the names of all; that of a route's begins with the route's and ``/``.
        warn: is told, once a route, when its expression cannot be worked out.

    Raises:
        UsageError: the expression of a route does not parse.
    """

    def __init__(
        self, routes: Sequence[Route], sinks: Iterable[str], warn: Callable[[str], None]
    ) -> None:
        self._tests = [(route, _test(route, warn)) for route in routes]
        self._sinks: dict[str, list[str]] = {}
        for name in sinks:
            route, _, of_one = name.rpartition("/")
            self._sinks.setdefault(route if of_one else "", []).append(name)
        self._timings = {each.name: each.timing for each in routes}

    def routes_of(self, notification: Notification) -> list[Route]:
        """Return the routes that a notification goes, in their order."""
        found: list[Route] = []
        for route, test in self._tests:
            if test(notification):
                found.append(route)
                if route.stop:
                    break
        return found

    def takers(self, notification: Notification) -> list[str]:
        """Return the names of the sinks that take a notification."""
        names = list(self._sinks.get("", ()))
        for route in self.routes_of(notification):
            names += self._sinks.get(route.name, ())
        return names

    def sinks_of(self, route: str) -> list[str]:
        """Return the names of a route's sinks."""
        return self._sinks.get(route, [])

    def timing_of(self, sink: str) -> Timing | None:
        """Return when a sink is served; ``None`` for at once."""
        return self._timings.get(sink.rpartition("/")[0])


def _test(route: Route, warn: Callable[[str], None]) -> Test:
    if isinstance(route.when, str):
        if re.fullmatch(WORD, route.when) and route.when not in FIELDS:
            asks = f"route {route.name}: when asks whether there is a {route.when!r}"
            warn(f'{asks}; for a type write when = ["{route.when}"]')
        return matcher(route.when, f"route {route.name}: when", warn)
    return Selection(route.when).passes
