"""Which sinks take what: routes in their order, and the last one that is asked."""

from __future__ import annotations

import pytest

from notifyws.delivery.routing import Routing
from notifyws.delivery.targets import Route, Timing
from notifyws.errors import UsageError
from notifyws.models import Notification

SINKS = ("exec", "trips/exec", "trips/tee", "big/forward", "rest/apprise:slack#2")


def routing(*routes, warn=lambda text: None):
    return Routing(routes, SINKS, warn)


def of(kind, **fields):
    return Notification({"type": kind, **fields}, "then")


def test_a_notification_goes_every_route_that_it_fits_until_one_stops():
    trips = Route("trips", ("trip_update", "trip_end"))
    big = Route("big", "data.amount > `10`", stop=True)
    ways = routing(trips, big, Route("rest"))
    taken = {
        of("trip_update"): ["exec", "trips/exec", "trips/tee", "rest/apprise:slack#2"],
        of("t", data={"amount": 11}): ["exec", "big/forward"],
        of("trip_end", data={"amount": 11}): [*SINKS[:4]],
        of("t", data={"amount": 9}): ["exec", "rest/apprise:slack#2"],
    }
    for note, names in taken.items():
        assert ways.takers(note) == names
    assert [r.name for r in ways.routes_of(of("trip_end"))] == ["trips", "rest"]


def test_a_route_without_sinks_drops_what_it_stops():
    ways = routing(Route("noise", ("ping",), stop=True), Route("rest"))
    assert ways.takers(of("ping")) == ["exec"]
    assert ways.sinks_of("noise") == []


def test_what_an_expression_does_not_fit_goes_on_and_is_said_once():
    warned = []
    odd = Route("big", "abs(data.amount) > `10`", stop=True)
    ways = routing(odd, Route("rest"), warn=warned.append)
    for _ in range(2):
        assert ways.takers(of("t", data={"amount": "x"}))[1:] == [SINKS[-1]]
    (said,) = warned
    assert said.startswith("route big: when does not fit every notification")


def test_an_expression_that_is_none_is_refused():
    with pytest.raises(UsageError, match="route big: when is not a JMESPath"):
        routing(Route("big", "data ="))


def test_a_type_without_brackets_is_a_field_and_that_is_said():
    warned = []
    ways = routing(Route("a", "trip_update"), Route("b", "link"), warn=warned.append)
    assert ways.takers(of("trip_update")) == ["exec"]
    (said,) = warned
    assert said.endswith('for a type write when = ["trip_update"]')


def test_the_sinks_of_a_route_have_its_time_and_others_have_none():
    timing = Timing(digest=60.0)
    ways = routing(Route("trips", timing=timing), Route("rest"))
    served = [ways.timing_of(name) for name in SINKS]
    assert served == [None, timing, timing, None, None]
