"""Directus, over REST and GraphQL, as its source says it answers and was heard to."""

from __future__ import annotations

import pytest

from notifyws.errors import AuthenticationFailed, ConnectionLost, UpgradeRefused
from notifyws.events import Disconnected, Failure, Gap
from notifyws.protocol.failures import FailureClassifier
from notifyws.protocol.loader import profile_text
from notifyws.protocol.profile_text import parse
from tests.protocol.profiles.stage import Socket, end_of, stays, until
from tests.support.httpd import Request, answer, json_answer
from tests.support.profile_scene import cutting, scene, telling

USER = {"username": "me@example.com", "password": "sentinel-password"}
STATIC = {"token": "static-token"}
GRAPHQL = {"Sec_WebSocket_Protocol": "graphql-transport-ws"}
AUTH_OK = {"type": "auth", "status": "ok"}
NO_ACCESS = 'You don\'t have permission to access collection "secrets"'


def refusal(kind: str, code: str, message: str) -> dict[str, object]:
    """Return a frame as ``WebSocketError.toJSON`` makes it (websocket/errors.ts)."""
    error = {"code": code, "message": message}
    return {"type": kind, "status": "error", "error": error}


def http_refusal(status: int, code: str, message: str) -> bytes:
    error = {"message": message, "extensions": {"code": code}}
    return json_answer({"errors": [error]}, status)


def init(uid: str, *rows: object) -> dict[str, object]:
    return {"type": "subscription", "event": "init", "data": [*rows], "uid": uid}


def created(uid: str, **row: object) -> dict[str, object]:
    return {"type": "subscription", "event": "create", "data": [row], "uid": uid}


async def greets(socket: Socket) -> None:
    assert (await socket.hears())["type"] == "auth"
    await socket.say(AUTH_OK)


async def subscribes(socket: Socket, *rows: object) -> dict[str, object]:
    """Let the client subscribe; return what it asked for."""
    asked: dict[str, object] = await socket.hears()
    assert asked["type"] == "subscribe"
    await socket.say(init(str(asked["uid"]), *rows))
    return asked


def logins(*replies: bytes) -> dict[str, object]:
    """Return answers to as many logins; the last one is repeated."""
    left = list(replies)
    tokens = {"access_token": "a", "refresh_token": "r", "expires": 900_000}

    def login(request: Request) -> bytes:
        return left.pop(0) if left else json_answer({"data": tokens})

    return {"POST /auth/login": login, "POST /auth/refresh": lambda _: answer(500)}


@pytest.mark.parametrize(
    ("status", "code", "message", "exit_code"),
    [
        (401, "INVALID_CREDENTIALS", "Invalid user credentials.", 4),
        (401, "INVALID_OTP", "Invalid user OTP.", 4),
        (401, "USER_SUSPENDED", "User suspended.", 4),
        (401, "INVALID_IP", "Invalid IP address.", 4),
        (403, "INVALID_PROVIDER", "Invalid provider.", 4),
        (403, "RESOURCE_RESTRICTED", "Login is restricted.", 5),
        (400, "INVALID_PAYLOAD", 'Invalid payload. "email" must be a valid email', 4),
        (400, "INVALID_PAYLOAD", 'Invalid payload. "mode" must be one of', 5),
    ],
)
@pytest.mark.parametrize("profile", ["directus", "directus-graphql"])
async def test_a_login_that_is_refused_ends_with_the_servers_words(
    profile, status, code, message, exit_code
):
    """directus/directus, packages/errors, and api/src/services/authentication.ts."""
    refused = http_refusal(status, code, message)
    ended = await end_of(stays, profile, logins(*[refused] * 9), GRAPHQL, **USER)
    assert (ended.exit_code, message in ended.message) == (exit_code, True)
    assert ("otp=" in ended.hint) is (code == "INVALID_OTP")


async def test_a_login_that_is_asked_to_wait_waits():
    """directus/directus, packages/errors: REQUESTS_EXCEEDED is a 429."""

    story = telling(greets, subscribes)
    busy = http_refusal(429, "REQUESTS_EXCEEDED", "Too many requests")
    async with scene("directus", story, answers=logins(busy), **USER) as seen:
        assert seen.service.is_connected
        assert len(seen.server.asked("/auth/login")) == 2


async def test_a_code_of_two_factor_authentication_goes_with_the_login():
    """directus/directus, api/src/auth/drivers/local.ts: ``otp``."""

    story = telling(greets, subscribes)
    async with scene(
        "directus", story, answers=logins(), variables="otp=123456", **USER
    ) as seen:
        assert seen.server.asked("/auth/login")[0].json["otp"] == "123456"


@pytest.mark.parametrize(
    ("frame", "exit_code"),
    [
        (refusal("auth", "AUTH_FAILED", "Authentication handshake failed."), 4),
        (refusal("auth", "AUTH_TIMEOUT", "Authentication timed out."), 4),
        (refusal("auth", "TOKEN_EXPIRED", "Token expired."), 4),
    ],
)
async def test_a_token_that_is_refused_in_the_handshake_is_exit_code_4(
    frame, exit_code
):
    """directus/directus, api/src/websocket/controllers/base.ts."""

    async def story(socket: Socket) -> None:
        await socket.hears()
        await socket.say(frame)
        await socket.peer.close(1005)

    ended = await end_of(story, "directus", **STATIC)
    assert ended.exit_code == exit_code
    assert frame["error"]["message"] in ended.message


@pytest.mark.parametrize(
    "frame",
    [
        refusal("server", "REQUESTS_EXCEEDED", "Too many messages, retry after 9ms."),
        refusal("license", "SERVICE_UNAVAILABLE", "License is in a locked state"),
    ],
)
async def test_a_server_that_lets_a_message_fall_is_asked_again(frame):
    """directus/directus, controllers/base.ts: what was over the limit is not done."""

    busy = telling(greets, Socket.hears, frame)
    story = telling(greets, subscribes, created("notifyws", id=1, subject="s"))
    async with scene("directus", busy, story, token="t") as seen:
        await until(lambda: seen.found)


def test_a_server_with_another_heartbeat_is_asked_before_its_silence_counts():
    """handlers/heartbeat.ts: WEBSOCKETS_HEARTBEAT_PERIOD may be longer than 75 s; a
    ping of ours is answered all the same."""
    keepalive = parse(*profile_text("directus")).keepalive
    assert keepalive.ping.send == {"type": "ping"}
    assert 2 * keepalive.ping.every < keepalive.silence
    assert not keepalive.websocket_pings  # the server is built with autoPong off


@pytest.mark.parametrize("uid", [{}, {"uid": "notifyws"}], ids=["11", "12.4"])
@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("FORBIDDEN", 4),
        ("INVALID_COLLECTION", 5),
        ("COLLECTION_INACTIVE", 5),
        ("INVALID_QUERY", 5),
        ("INVALID_PAYLOAD", 5),
    ],
)
async def test_a_collection_that_was_asked_for_and_is_refused_is_the_end(
    code, exit_code, uid
):
    """directus/directus, api/src/websocket/handlers/subscribe.ts."""

    async def story(socket: Socket) -> None:
        await greets(socket)
        asked = await socket.hears()
        assert asked["collection"] == "secrets"
        assert "event" not in asked  # with one, it would be confirmed unread
        assert asked["query"]["limit"] == 0
        await socket.say({**refusal("subscribe", code, NO_ACCESS), **uid})
        await socket.stay()

    logged_in = logins()
    ended = await end_of(
        story, "directus", logged_in, variables="collection=secrets", **USER
    )
    assert (ended.exit_code, NO_ACCESS in ended.message) == (exit_code, True)
    assert ended.message.startswith("the server refused the handshake")


async def test_a_resumed_subscription_that_is_refused_is_the_end():
    """A right to read may be taken away while nobody is connected."""

    first = cutting(greets, subscribes, created("notifyws", id=7, subject="s"))

    async def second(socket: Socket) -> None:
        await greets(socket)
        assert (await socket.hears())["query"]["filter"] == {"id": {"_gt": 7}}
        await socket.say(refusal("subscribe", "FORBIDDEN", NO_ACCESS))
        await socket.stay()

    async with scene("directus", first, second, token="t") as seen:
        with pytest.raises(AuthenticationFailed, match="permission"):
            await seen.service.closed()


async def test_a_right_to_read_that_is_taken_away_is_said():
    """handlers/subscribe.ts, ``dispatch``: what we may not read any more comes as an
    error, and the subscription stays."""

    story = telling(greets, subscribes, refusal("subscribe", "FORBIDDEN", NO_ACCESS))
    ended = await end_of(story, "directus", **STATIC)
    assert (ended.exit_code, NO_ACCESS in ended.message) == (4, True)


async def test_a_session_that_is_ended_on_a_live_socket_is_begun_anew_once():
    """authenticate.ts: an ``auth`` error of any other code than TOKEN_EXPIRED, heard
    while no answer to a token of ours is waited for, is about the session."""

    ends = telling(
        greets, subscribes, refusal("auth", "AUTH_FAILED", "Authentication failed.")
    )
    async with scene(
        "directus",
        ends,
        stays_after_greeting,
        answers=renewing(),
        stable_after=0.0,
        **USER,
    ) as seen:
        await until(
            lambda: len(seen.server.sockets) == 2 and seen.server.sockets[1].heard
        )
    ended = await end_of(ends, "directus", **STATIC)
    assert (ended.exit_code, "Authentication failed." in ended.message) == (4, True)


def renewing() -> dict[str, object]:
    """Return answers to a login and to one refresh of its tokens."""
    tokens = {"access_token": "b", "refresh_token": "s", "expires": 900_000}
    return logins() | {"POST /auth/refresh": lambda _: json_answer({"data": tokens})}


stays_after_greeting = telling(greets, subscribes)


async def test_a_row_that_could_not_be_read_for_a_moment_is_asked_for_again():
    """handlers/subscribe.ts, ``dispatch``: whatever fails there comes as an error."""

    first = telling(
        greets,
        subscribes,
        created("notifyws", id=7, subject="seen"),
        refusal("subscribe", "INTERNAL_SERVER_ERROR", "An unexpected error"),
    )
    second = telling(
        greets, lambda socket: subscribes(socket, {"id": 8, "subject": "not lost"})
    )
    async with scene("directus", first, second, token="t") as seen:
        await until(lambda: len(seen.found) == 2)
        assert seen.found[1].title == "not lost"


@pytest.mark.parametrize("code", ["INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE"])
async def test_a_subscription_that_fails_for_now_is_tried_again(code):
    fails = telling(
        greets,
        Socket.hears,
        refusal("subscribe", code, "An unexpected error occurred."),
    )
    story = telling(greets, subscribes)
    async with scene("directus", fails, story, token="t") as seen:
        assert seen.service.is_connected


async def test_what_was_missed_stands_in_the_confirmation_of_a_resumed_subscription():
    first = cutting(greets, subscribes, created("notifyws", id=7, subject="seen"))

    second = telling(
        greets,
        lambda socket: subscribes(socket, {"id": 8, "subject": "missed"}),
        created("notifyws", id=9, subject="live"),
    )
    async with scene("directus", first, second, token="t") as seen:
        await until(lambda: len(seen.found) == 3)
        assert [each.title for each in seen.found] == ["seen", "missed", "live"]
        assert not [each for each in seen.events if isinstance(each, Gap)]


async def test_several_collections_are_subscribed_to_and_told_apart():
    """Each collection counts its own rows, so that none of their ids is ours to go on
    from: two first rows are two, and an interruption is a gap."""

    async def story(socket: Socket) -> None:
        await greets(socket)
        uids = []
        for name in ("directus_notifications", "orders"):
            asked = await subscribes(socket)
            assert asked["collection"] == name
            uids.append(asked["uid"])
        for uid in uids:
            await socket.say(created(uid, id=1, title=f"first of {uid}"))
        socket.peer.cut()

    async def again(socket: Socket) -> None:
        await greets(socket)
        for _ in range(2):
            assert "filter" not in (await subscribes(socket))["query"]
        await socket.stay()

    variables = 'collection="directus_notifications,orders"'
    async with scene("directus", story, again, token="t", variables=variables) as seen:
        await until(lambda: any(isinstance(each, Gap) for each in seen.events))
        assert [each.type for each in seen.found] == [
            "directus_notifications",
            "orders",
        ]


async def test_rows_that_are_not_numbered_cannot_be_gone_on_from():
    """A collection may have UUIDs for keys: what is greater is not what came later."""

    story = cutting(greets, subscribes, created("notifyws", id="f3b0", title="one"))

    async def again(socket: Socket) -> None:
        await greets(socket)
        assert "filter" not in (await subscribes(socket))["query"]
        await socket.stay()

    async with scene(
        "directus", story, again, token="t", variables="collection=orders"
    ) as seen:
        await until(lambda: any(isinstance(each, Gap) for each in seen.events))
        assert seen.found[0].title == "one"


async def test_changes_of_rows_are_not_notifications():
    """A subscription without an event brings changes and removals as well."""

    async def story(socket: Socket) -> None:
        await greets(socket)
        uid = (await subscribes(socket))["uid"]
        changed = {"id": 1, "title": "old, changed"}
        await socket.say({**created(uid), "event": "update", "data": [changed]})
        await socket.say({**created(uid), "event": "delete", "data": ["1"]})
        await socket.say(created(uid, id=2, title="new"))
        await socket.stay()

    async with scene(
        "directus", story, token="t", variables="collection=orders"
    ) as seen:
        await until(lambda: seen.found)
        assert [each.title for each in seen.found] == ["new"]
        assert not [each for each in seen.events if isinstance(each, Failure)]


def test_the_upgrade_is_refused_for_a_token_and_for_a_limit_unlike():
    """controllers/base.ts: 401 for the token; 403 for the number of connections, the
    Origin and the licence, which no other token mends."""
    classifier = FailureClassifier(*_closes("directus"))
    assert classifier.of(UpgradeRefused("", status=401)).value == "renew"
    assert classifier.of(UpgradeRefused("", status=403)).value == "stop"


def _closes(name: str):
    profile = parse(*profile_text(name))
    return profile.closes, profile.statuses


@pytest.mark.parametrize(
    ("code", "reason", "verdict"),
    [
        (4400, "Bad Request", "stop"),
        (4401, "Unauthorized", "renew"),
        (4403, "Forbidden", "renew"),
        (4406, "Subprotocol not acceptable", "stop"),
        (4408, "Connection initialisation timeout", "retry"),
        (4409, "Subscriber for notifyws already exists", "strike"),
        (4429, "Too many initialisation requests", "strike"),
        (4499, "Terminated", "retry"),
        (4500, "Internal server error", "retry"),
        (1005, "", "retry"),
    ],
)
def test_a_published_close_of_graphql_ws_means_what_it_says(code, reason, verdict):
    """enisdenjo/graphql-ws, src/common.ts: CloseCode; directus/directus,
    api/src/websocket/controllers/graphql.ts closes with 4403 itself."""
    classifier = FailureClassifier(*_closes("directus-graphql"))
    assert classifier.of(ConnectionLost(code, reason)).value == verdict


async def initialises(socket: Socket) -> None:
    assert (await socket.hears())["type"] == "connection_init"
    await socket.say({"type": "connection_ack"})


@pytest.mark.parametrize(
    ("said", "exit_code", "words"),
    [
        (
            refusal("auth", "AUTH_FAILED", "Authentication failed."),
            4,
            "Authentication failed.",
        ),
        (4403, 4, "Forbidden"),
    ],
)
async def test_a_token_that_graphql_refuses_is_exit_code_4(said, exit_code, words):
    """controllers/graphql.ts: a token that is no good is said in a frame of another
    protocol, and nothing closes; none at all closes with 4403."""

    async def story(socket: Socket) -> None:
        await socket.hears()
        if isinstance(said, int):
            await socket.peer.close(said, words)
        await socket.say(said)
        await socket.stay()

    ended = await end_of(story, "directus-graphql", upgrade=GRAPHQL, **STATIC)
    assert (ended.exit_code, words in ended.message) == (exit_code, True)


NO_FIELD = 'Cannot query field "secrets_mutated" on type "Subscription".'
NO_SCHEMA = "Schema is not configured to execute subscription operation."


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        ({"type": "error", "payload": [{"message": NO_FIELD}]}, NO_FIELD),
        ({"type": "next", "payload": {"errors": [{"message": NO_SCHEMA}]}}, NO_SCHEMA),
    ],
    ids=["12", "10 and 11"],
)
async def test_a_subscription_that_graphql_refuses_is_the_end(refused, words):
    """controllers/graphql.ts, ``onSubscribe``: a collection that we may not read is no
    field of our schema. Where nothing is, Directus 11.17.4 was heard to say the second,
    and "complete"."""

    async def story(socket: Socket) -> None:
        await initialises(socket)
        asked = await socket.hears()
        assert "secrets_mutated(event: create)" in asked["payload"]["query"]
        await socket.say({"id": asked["id"], **refused})
        await socket.say({"id": asked["id"], "type": "complete"})
        await socket.stay()

    ended = await end_of(
        story,
        "directus-graphql",
        upgrade=GRAPHQL,
        token="t",
        variables='collection=secrets fields="id,title"',
    )
    assert (ended.exit_code, words in ended.message) == (5, True)


def located(message: str) -> dict[str, object]:
    """Return an error that a resolver raised (graphql-js, ``locatedError``)."""
    return {"message": message, "locations": [{"line": 1}], "path": ["x_mutated"]}


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "error", "payload": [located("Service temporarily unavailable")]},
        {"type": "error", "payload": [{"message": "Service unavailable"}]},
        {"type": "next", "payload": {"errors": [{"message": "down"}], "data": None}},
    ],
)
async def test_a_subscription_that_graphql_cannot_make_for_now_is_made_anew(frame):
    fails = telling(initialises, Socket.hears, {"id": "notifyws", **frame})
    story = telling(initialises, Socket.hears)
    async with scene(
        "directus-graphql", fails, story, upgrade=GRAPHQL, token="t"
    ) as seen:
        await until(lambda: len(seen.server.sockets) == 2)


async def test_an_event_that_graphql_cannot_resolve_costs_that_event_alone():
    """graphql-js, ``mapAsyncIterator``: each event is executed by itself."""

    async def story(socket: Socket) -> None:
        await initialises(socket)
        await socket.hears()
        errors = [located("connect ECONNREFUSED")]
        await socket.say({"type": "next", "payload": {"errors": errors, "data": None}})
        await socket.stay()

    async with scene("directus-graphql", story, upgrade=GRAPHQL, token="t") as seen:
        await until(lambda: [each for each in seen.events if isinstance(each, Failure)])
        assert seen.service.is_connected
        assert len(seen.server.sockets) == 1


async def test_a_subscription_that_graphql_completes_is_made_anew():
    async def ends(socket: Socket) -> None:
        await initialises(socket)
        asked = await socket.hears()
        await socket.say({"id": asked["id"], "type": "complete"})
        await socket.stay()

    async def story(socket: Socket) -> None:
        await initialises(socket)
        await socket.hears()
        row = {"key": "5", "event": "create", "data": {"id": "5", "subject": "s"}}
        payload = {"data": {"directus_notifications_mutated": row}}
        await socket.say({"id": "notifyws", "type": "next", "payload": payload})
        await socket.stay()

    async with scene(
        "directus-graphql", ends, story, upgrade=GRAPHQL, token="t"
    ) as seen:
        await until(
            lambda: seen.found and any(isinstance(each, Gap) for each in seen.events)
        )
        (lost,) = (each for each in seen.events if isinstance(each, Disconnected))
        assert "ended the subscription" in lost.reason


async def test_graphql_subscribes_to_several_collections_and_tells_them_apart():
    async def story(socket: Socket) -> None:
        await initialises(socket)
        for name in ("orders", "tickets"):
            asked = await socket.hears()
            assert f"{name}_mutated" in asked["payload"]["query"]
            row = {"key": "1", "event": "create", "data": {"id": "1", "title": name}}
            data = {f"{name}_mutated": row}
            await socket.say(
                {"id": asked["id"], "type": "next", "payload": {"data": data}}
            )
        await socket.stay()

    variables = 'collection="orders,tickets" fields="id,title"'
    async with scene(
        "directus-graphql", story, upgrade=GRAPHQL, token="t", variables=variables
    ) as seen:
        await until(lambda: len(seen.found) == 2)
        assert [each.id for each in seen.found] == ["orders/1", "tickets/1"]
        assert [each.type for each in seen.found] == ["orders", "tickets"]
