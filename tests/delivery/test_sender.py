"""Success is claimed only after proof, and blame goes only where it belongs."""

from __future__ import annotations

import asyncio

import pytest

from notifyws.auth.cached_tokens import AccessToken
from notifyws.delivery.acknowledgements import LATE, Acknowledgements
from notifyws.delivery.sender import SendResult, SocketSender, send_over_http
from notifyws.errors import (
    AuthenticationFailed,
    ConnectionLost,
    HttpRefused,
    NetworkFailed,
    TokenRefused,
    UsageError,
)
from notifyws.models import Message
from notifyws.protocol.arrivals import Acknowledged, ServerError
from notifyws.protocol.composer import Composed
from notifyws.protocol.profile import Ack
from notifyws.protocol.templates import TemplateContext
from tests.support.virtual import elapsed, now, turns

pytestmark = pytest.mark.virtual_time


class Line:
    """An open connection on which pongs take their time.

    Args:
        pong: seconds a pong takes.
        fails: which call finds the connection gone.
        writing: seconds it takes to write a frame.
        can_ping: whether there are pongs at all.
    """

    def __init__(
        self,
        pong: float = 0.05,
        fails: str = "",
        writing: float = 0.0,
        can_ping: bool = True,
    ) -> None:
        self.pong = pong
        self.writing = writing
        self.fails = fails
        self.said: list[str] = []
        self.can_ping = can_ping
        self.ended: ConnectionLost | None = None
        self.context = TemplateContext({}, lambda: 0.0, lambda: "uuid")

    async def send_all(self, texts: list[str]) -> None:
        if self.fails == "send":
            raise ConnectionLost(1006)
        for text in texts:
            self.said.append(text)
            await asyncio.sleep(self.writing)

    async def ping(self) -> float:
        self.said.append("ping")
        await asyncio.sleep(self.pong)
        if self.fails == "ping":
            raise ConnectionLost(1012, "restart")
        return self.pong


def compose(message: Message, context: TemplateContext) -> Composed:
    return Composed(f"<{message.type} {message.id}>", message.id or "")


def only_words(message: Message, context: TemplateContext) -> Composed:
    if not message.payload:
        raise UsageError(f"nothing of {message.id} can be sent")
    return compose(message, context)


def sender(
    line: Line | None = None, ack: Ack | None = None, compose=compose
) -> SocketSender:
    line = line or Line()
    return SocketSender(lambda: line, compose, asyncio.sleep, ack)


def batch(*ids: str | None) -> list[Message]:
    return [Message("note", id=ident) for ident in ids]


def later(seconds: float, do, *arguments) -> None:
    asyncio.get_running_loop().call_later(seconds, do, *arguments)


def statuses(sent: list[SendResult]) -> list[str]:
    return [each.status for each in sent]


async def at_once(used: SocketSender, *batches: list[Message]) -> list[list[str]]:
    """Send batches that are under way together; return what became of each."""
    return [statuses(sent) for sent in await asyncio.gather(*map(used.send, batches))]


async def test_an_answered_ping_and_a_tenth_of_a_second_of_quiet_is_delivered():
    line = Line(pong=0.05)
    took = await elapsed(sending := asyncio.ensure_future(one(sender(line))))
    assert sending.result() == [SendResult("delivered", "note", "a")]
    assert took == pytest.approx(0.15)
    assert line.said == ["<note a>", "ping"]


async def one(used: SocketSender) -> list[SendResult]:
    return await used.send(batch("a"))


async def test_a_batch_is_sent_in_order_with_one_ping_after_it():
    line = Line()
    sent = await sender(line).send(batch("a", None, "b"))
    assert line.said == ["<note a>", "<note None>", "<note b>", "ping"]
    assert [each.id for each in sent] == ["a", None, "b"]
    assert statuses(sent) == ["delivered"] * 3


@pytest.mark.parametrize(
    ("lost", "status"),
    [
        (ConnectionLost(4400, "too long"), "unknown"),
        (ConnectionLost(1006), "unknown"),
        (ConnectionLost(1000, "done"), "delivered"),
        (ConnectionLost(1001, sent=True), "delivered"),
    ],
)
async def test_a_close_right_after_the_answer_to_the_ping_leaves_it_open(lost, status):
    """Seen: a handler that refuses by closing, behind a library that answers pings."""
    line = Line(pong=0.05)
    later(0.14, setattr, line, "ended", lost)
    [sent] = await one(sender(line))
    assert sent.status == status
    assert (lost.message in (sent.detail or "")) is (status == "unknown")


ERRORS = {
    "the only one's": (["a"], [(0.02, None)], {}, ["rejected"]),
    "the only one's, by its name": (["a"], [(0.02, "a")], {}, ["rejected"]),
    "the one's that it names": (
        ["a", "b", "c"],
        [(0.02, "b")],
        {},
        ["delivered", "rejected", "delivered"],
    ),
    "anybody's of many": (["a", "b"], [(0.02, None)], {}, ["unknown", "unknown"]),
    "one's, and then anybody's": (
        ["a", "b"],
        [(0.02, "b"), (0.03, None)],
        {},
        ["unknown", "rejected"],
    ),
    "one's, and the connection ends": (
        ["a", "b"],
        [(0.02, "a")],
        {"fails": "ping"},
        ["rejected", "unknown"],
    ),
    "just in time after the pong": (["a"], [(0.149, None)], {}, ["rejected"]),
    "too late after the pong": (["a"], [(0.151, None)], {}, ["delivered"]),
    "nobody's": (["b"], [(0.02, "a")], {}, ["unknown"]),
    "by an id of the server's own": ([None], [(0.02, "4711")], {}, ["rejected"]),
    "none, and the connection ends": (["a"], [], {"fails": "ping"}, ["unknown"]),
    "none, and the connection is gone": (["a"], [], {"fails": "send"}, ["unknown"]),
    "none, and there are no pings": (["a"], [], {"can_ping": False}, ["unknown"]),
}


@pytest.mark.parametrize(
    ("ids", "errors", "line", "expected"), ERRORS.values(), ids=ERRORS
)
async def test_an_error_is_whose_it_can_be(ids, errors, line, expected):
    used = sender(Line(**line))
    for seconds, ident in errors:
        later(seconds, used.server_error, ServerError("no such type", ident))
    sent = await used.send(batch(*ids))
    assert statuses(sent) == expected
    assert {x.detail for x in sent if x.status == "rejected"} <= {"no such type"}
    assert all(x.detail for x in sent if x.status == "unknown")
    await asyncio.sleep(1)


async def test_of_many_what_cannot_be_written_is_rejected_and_the_others_go():
    used = sender(line := Line(), compose=only_words)
    many = [Message("note", {"x": 1}, "a"), *batch("b"), Message("note", {"x": 1}, "c")]
    sent = await used.send(many)
    assert line.said == ["<note a>", "<note c>", "ping"]
    assert sent == [
        SendResult("delivered", "note", "a"),
        SendResult("rejected", "note", "b", "nothing of b can be sent"),
        SendResult("delivered", "note", "c"),
    ]


async def test_one_alone_that_cannot_be_written_is_a_wrong_use():
    line = Line()
    with pytest.raises(UsageError, match="nothing of a can be sent"):
        await sender(line, compose=only_words).send(batch("a"))
    assert line.said == []


async def test_batches_under_way_at_once_are_told_apart_by_id():
    used = sender()
    later(0.02, used.server_error, ServerError("no", "d"))
    first, second = await at_once(used, batch("a", "b"), batch("c", "d"))
    assert (first, second) == (["delivered"] * 2, ["delivered", "rejected"])


async def test_an_error_that_names_none_puts_every_batch_under_way_in_doubt():
    used = sender()
    later(0.01, used.server_error, ServerError("no"))
    assert await at_once(used, batch("a"), batch("b")) == [["unknown"], ["unknown"]]


async def test_batches_are_written_one_behind_the_other_however_slow_the_line_is():
    used = sender(line := Line(writing=0.01))
    await at_once(used, batch("a", "b"), batch("c"))
    assert line.said == ["<note a>", "<note b>", "ping", "<note c>", "ping"]


async def test_an_error_cannot_mean_what_is_not_yet_written():
    used = sender(Line(pong=0.0, writing=0.2))
    later(0.1, used.server_error, ServerError("no"))
    assert await at_once(used, batch("a"), batch("b")) == [["rejected"], ["delivered"]]


async def test_batches_of_the_same_messages_are_told_apart():
    used = sender()
    first = asyncio.create_task(used.send(batch(None)))
    await asyncio.sleep(0.06)
    second = asyncio.create_task(used.send(batch(None)))
    later(0.1, used.server_error, ServerError("no"))
    assert statuses(await first) == ["delivered"]
    assert statuses(await second) == ["rejected"]


async def test_an_error_is_no_business_of_a_batch_that_is_through():
    used = sender()
    first = await one(used)
    used.server_error(ServerError("late"))
    second = await one(used)
    assert statuses(first + second) == ["delivered", "delivered"]


async def test_an_error_that_comes_too_late_is_still_its_messages():
    used = sender()
    await used.send(batch("a"))
    later(0.01, used.server_error, ServerError("no", "a"))
    assert statuses(await used.send(batch("b"))) == ["delivered"]


async def test_a_cancelled_batch_is_forgotten():
    used = sender(line := Line(pong=5))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await one(used)
    line.pong = 0.05
    later(0.02, used.server_error, ServerError("no", "a"))
    assert statuses(await used.send(batch("b", "a"))) == ["delivered", "rejected"]
    assert now() < 2


def test_as_json_it_says_only_what_is_known():
    assert SendResult("delivered", "note").as_json() == {
        "status": "delivered",
        "type": "note",
    }
    assert SendResult("rejected", "note", "a", "no").as_json() == {
        "status": "rejected",
        "type": "note",
        "id": "a",
        "detail": "no",
    }


ACK = Ack(when="type == 'ack'", id="id", timeout=5.0)
ONE = batch(None)


def answered(used: SocketSender, seconds: float, name="", *, ok=True, message=""):
    """Have the server acknowledge a message after so many seconds."""
    later(seconds, used.acknowledged, Acknowledged(name, ok=ok, message=message))


async def test_an_acknowledgement_that_names_the_message_is_the_proof():
    used = sender(line := Line(), ACK)
    answered(used, 0.2, "b", ok=False, message="no")
    answered(used, 0.3, "a")
    sent = await used.send(batch("a", "b"))
    assert sent == [
        SendResult("delivered", "note", "a"),
        SendResult("rejected", "note", "b", "no"),
    ]
    assert line.said == ["<note a>", "<note b>"]


async def test_acknowledgements_that_name_none_come_in_the_order_of_the_messages():
    used = sender(ack=ACK)
    for seconds, ok in ((0.2, True), (0.3, False), (0.4, True)):
        answered(used, seconds, ok=ok)
    sent = await used.send(batch(None, None))
    assert statuses(sent) == ["delivered", "rejected"]
    assert sent[1].detail == "no reason given"


async def test_acknowledgements_that_name_none_are_the_oldest_batch_s_first():
    used = sender(ack=ACK)
    answered(used, 0.2)
    answered(used, 0.3, ok=False)
    assert await at_once(used, ONE, ONE) == [["delivered"], ["rejected"]]


async def test_an_answer_that_names_none_and_is_late_is_nobody_else_s():
    """Seen: it was the next message's, and the one refused counted as delivered."""
    lines = [Line(), Line()]
    used = SocketSender(lambda: lines[0], compose, asyncio.sleep, ACK)
    answered(used, 4.0)
    assert await at_once(used, ONE) == [["delivered"]]
    answered(used, 6.0)
    answered(used, 6.5, ok=False)
    for status in ("unknown", "rejected", "unknown"):
        assert await at_once(used, ONE) == [[status]]
    lines.reverse()  # it comes over no other line
    answered(used, 1.0)
    assert await at_once(used, ONE) == [["delivered"]]


async def test_a_number_that_begins_anew_on_a_new_line_is_another_message_s():
    """Seen: what was lost with its line was delivered, and the next one unknown."""
    lines = [Line(), Line()]
    used = SocketSender(lambda: lines[0], compose, asyncio.sleep, ACK)
    lost = asyncio.create_task(used.send(batch("3")))
    await turns(10)
    lines.reverse()
    answered(used, 1.0, "3")
    assert statuses(await used.send(batch("3"))) == ["delivered"]
    assert statuses(await lost) == ["unknown"]


async def test_only_so_many_late_ones_keep_their_places():
    line, all_of_them = object(), Acknowledgements()
    for _ in range(LATE + 3):
        all_of_them.give_up(all_of_them.expect([""], line))
    taken = [all_of_them.take(Acknowledged("", ok=True)) for _ in range(LATE + 1)]
    assert taken == [*[True] * LATE, False]


async def test_messages_of_one_name_each_want_an_acknowledgement():
    used = sender(ack=ACK)
    answered(used, 0.2, "a")
    answered(used, 0.3, "a", ok=False)
    first, second = await at_once(used, batch("a", "a"), batch("a"))
    assert (first, second) == (["delivered", "rejected"], ["unknown"])
    answered(used, 0.1, "a")
    assert await at_once(used, batch("a")) == [["delivered"]]


async def test_without_an_acknowledgement_in_time_nothing_is_known():
    used = sender(ack=ACK)
    answered(used, 0.2, "a")
    answered(used, 0.2, "a", ok=False)
    answered(used, 0.2, "somebody else's", ok=False)
    took = await elapsed(sending := asyncio.ensure_future(used.send(batch("a", "b"))))
    assert statuses(sending.result()) == ["delivered", "unknown"]
    assert took == pytest.approx(5.0)


async def test_a_connection_that_ends_leaves_what_is_not_acknowledged_unknown():
    assert statuses(await one(sender(Line(fails="send"), ACK))) == ["unknown"]


async def test_an_acknowledgement_at_the_very_end_of_patience_changes_nothing():
    used = sender(ack=ACK)
    sending = asyncio.create_task(used.send(batch("a", "a", "a")))
    await turns(10)
    answered(used, ACK.timeout, "a")
    assert statuses(await sending) == ["unknown"] * 3
    assert statuses(await used.send(batch("a"))) == ["unknown"]


async def test_without_an_open_connection_nothing_is_sent():
    with pytest.raises(NetworkFailed, match="not connected"):
        await SocketSender(lambda: None, compose, asyncio.sleep).send(batch("a"))


class Tokens:
    """A first token, and another each time that one was refused."""

    def __init__(self) -> None:
        self.given = 0

    async def get(self) -> AccessToken:
        return AccessToken(f"t{self.given}", "cache", 60.0)

    async def renew(self, refused: str) -> AccessToken:
        assert refused == f"t{self.given}"
        self.given += 1
        return await self.get()


REFUSED = TokenRefused("expired", words="no session")


async def test_a_second_token_that_is_refused_as_well_is_a_refusal_of_who_we_are():
    """Seen: ``send`` ended with exit code 6, as if the message had been wrong."""

    async def post(token, known):
        posted.append(token)
        raise REFUSED

    posted = []
    with pytest.raises(AuthenticationFailed, match="no session"):
        await send_over_http(Tokens(), post, batch("a", "b"))
    assert posted == ["t0", "t1"]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([None], ("delivered", None)),
        ([REFUSED, None], ("delivered", None)),
        ([HttpRefused("no such type", status=422)], ("rejected", "no such type")),
        ([HttpRefused("later", status=503)], ("rejected", "later")),
        ([HttpRefused("gateway", status=504)], ("unknown", "gateway")),
        ([NetworkFailed("no answer")], ("unknown", "no answer")),
    ],
)
async def test_by_http_the_answer_says_what_became_of_each(answers, expected):
    posted = []

    async def post(token, known):
        posted.append((token, known["type"]))
        if (answer := answers.pop(0) if answers else None) is not None:
            raise answer

    number = len(answers)
    sent = await send_over_http(Tokens(), post, batch("a", "b"))
    assert [(each.status, each.detail) for each in sent] == [
        expected,
        ("delivered", None),
    ]
    tokens = [f"t{n}" for n in range(number)]
    assert [token for token, _ in posted] == [*tokens, tokens[-1]]
