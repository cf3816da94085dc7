"""Success is claimed only after proof, and blame goes only where it belongs."""

from __future__ import annotations

import asyncio

import pytest

from notifyws.auth.cached_tokens import AccessToken
from notifyws.delivery.sender import Composed, HttpSender, SendResult, SocketSender
from notifyws.errors import (
    ConnectionLost,
    HttpRefused,
    NetworkFailed,
    TokenRefused,
    UsageError,
)
from notifyws.models import Message
from notifyws.protocol.profile import Ack
from notifyws.protocol.rules import Acknowledged, ServerError
from notifyws.protocol.templates import TemplateContext
from tests.support.virtual import elapsed, in_virtual_time, now, turns


class Line:
    """An open connection on which pongs take their time.

    Args:
        pong: seconds a pong takes.
        fails: which call finds the connection gone.
        writing: seconds it takes to write a frame.
    """

    def __init__(
        self, pong: float = 0.05, fails: str = "", writing: float = 0.0
    ) -> None:
        self.pong = pong
        self.writing = writing
        self.fails = fails
        self.said: list[str] = []
        self.can_ping = True
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


@in_virtual_time
async def test_an_answered_ping_and_a_tenth_of_a_second_of_quiet_is_delivered():
    line = Line(pong=0.05)
    took = await elapsed(sending := asyncio.ensure_future(one(sender(line))))
    assert sending.result() == [SendResult("delivered", "note", "a")]
    assert took == pytest.approx(0.15)
    assert line.said == ["<note a>", "ping"]


async def one(used: SocketSender) -> list[SendResult]:
    return await used.send(batch("a"))


@in_virtual_time
async def test_a_batch_is_sent_in_order_with_one_ping_after_it():
    line = Line()
    sent = await sender(line).send(batch("a", None, "b"))
    assert line.said == ["<note a>", "<note None>", "<note b>", "ping"]
    assert [each.id for each in sent] == ["a", None, "b"]
    assert statuses(sent) == ["delivered"] * 3


@pytest.mark.parametrize("ident", [None, "a"])
@in_virtual_time
async def test_an_error_while_one_message_is_on_its_way_is_that_message_s(ident):
    used = sender()
    later(0.02, used.server_error, ServerError("no such type", ident))
    assert await one(used) == [SendResult("rejected", "note", "a", "no such type")]


@in_virtual_time
async def test_an_error_that_names_a_message_is_that_message_s_alone():
    used = sender()
    later(0.02, used.server_error, ServerError("too long", "b"))
    sent = await used.send(batch("a", "b", "c"))
    assert statuses(sent) == ["delivered", "rejected", "delivered"]
    assert sent[1].detail == "too long"


@in_virtual_time
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


@in_virtual_time
async def test_one_alone_that_cannot_be_written_is_a_wrong_use():
    line = Line()
    with pytest.raises(UsageError, match="nothing of a can be sent"):
        await sender(line, compose=only_words).send(batch("a"))
    assert line.said == []


@in_virtual_time
async def test_an_error_that_names_none_makes_its_whole_batch_unknown():
    used = sender()
    later(0.02, used.server_error, ServerError("something is wrong"))
    sent = await used.send(batch("a", "b"))
    assert statuses(sent) == ["unknown", "unknown"]
    assert {each.detail for each in sent} == {"something is wrong"}


@in_virtual_time
async def test_a_named_rejection_stays_one_when_the_rest_becomes_unknown():
    used = sender()
    later(0.02, used.server_error, ServerError("too long", "b"))
    later(0.03, used.server_error, ServerError("something is wrong"))
    sent = await used.send(batch("a", "b"))
    assert statuses(sent) == ["unknown", "rejected"]


@pytest.mark.parametrize(
    ("after_the_pong", "status"), [(0.099, "rejected"), (0.101, "delivered")]
)
@in_virtual_time
async def test_an_error_counts_for_a_tenth_of_a_second_after_the_pong(
    after_the_pong, status
):
    used = sender(Line(pong=0.05))
    later(0.05 + after_the_pong, used.server_error, ServerError("no"))
    assert statuses(await one(used)) == [status]
    await asyncio.sleep(1)


@pytest.mark.parametrize("fails", ["send", "ping"])
@in_virtual_time
async def test_a_connection_that_ends_before_the_pong_leaves_it_unknown(fails):
    (sent,) = await one(sender(Line(fails=fails)))
    assert sent.status == "unknown"
    assert sent.detail.startswith("no answer: connection")


@in_virtual_time
async def test_a_named_rejection_survives_the_end_of_the_connection():
    used = sender(Line(fails="ping"))
    later(0.02, used.server_error, ServerError("too long", "a"))
    assert statuses(await used.send(batch("a", "b"))) == [
        "rejected",
        "unknown",
    ]


@in_virtual_time
async def test_batches_under_way_at_once_are_told_apart_by_id():
    used = sender()
    first = asyncio.create_task(used.send(batch("a", "b")))
    await asyncio.sleep(0.01)
    second = asyncio.create_task(used.send(batch("c", "d")))
    later(0.01, used.server_error, ServerError("no", "d"))
    assert statuses(await first) == ["delivered", "delivered"]
    assert statuses(await second) == ["delivered", "rejected"]


@in_virtual_time
async def test_an_error_that_names_none_puts_every_batch_under_way_in_doubt():
    used = sender()
    first = asyncio.create_task(used.send(batch("a")))
    second = asyncio.create_task(used.send(batch("b")))
    later(0.01, used.server_error, ServerError("no"))
    assert statuses(await first) == ["unknown"]
    assert statuses(await second) == ["unknown"]


@in_virtual_time
async def test_batches_are_written_one_behind_the_other_however_slow_the_line_is():
    used = sender(line := Line(writing=0.01))
    both = [used.send(batch("a", "b")), used.send(batch("c"))]
    await asyncio.gather(*both)
    assert line.said == ["<note a>", "<note b>", "ping", "<note c>", "ping"]


@in_virtual_time
async def test_an_error_cannot_mean_what_is_not_yet_written():
    used = sender(Line(pong=0.0, writing=0.2))
    first = asyncio.create_task(used.send(batch("a")))
    second = asyncio.create_task(used.send(batch("b")))
    later(0.1, used.server_error, ServerError("no"))
    assert statuses(await first) == ["rejected"]
    assert statuses(await second) == ["delivered"]


@in_virtual_time
async def test_batches_of_the_same_messages_are_told_apart():
    used = sender()
    first = asyncio.create_task(used.send(batch(None)))
    await asyncio.sleep(0.06)
    second = asyncio.create_task(used.send(batch(None)))
    later(0.1, used.server_error, ServerError("no"))
    assert statuses(await first) == ["delivered"]
    assert statuses(await second) == ["rejected"]


@in_virtual_time
async def test_an_error_is_no_business_of_a_batch_that_is_through():
    used = sender()
    first = await one(used)
    used.server_error(ServerError("late"))
    second = await one(used)
    assert statuses(first + second) == ["delivered", "delivered"]


@in_virtual_time
async def test_a_late_error_that_names_another_message_is_nobody_else_s():
    used = sender()
    await one(used)
    later(0.02, used.server_error, ServerError("too late", "a"))
    assert statuses(await used.send(batch("b"))) == ["delivered"]


@in_virtual_time
async def test_an_error_with_an_id_of_its_own_may_mean_a_message_without_one():
    used = sender()
    later(0.02, used.server_error, ServerError("no", "4711"))
    assert statuses(await used.send(batch(None))) == ["rejected"]


@in_virtual_time
async def test_a_cancelled_batch_is_forgotten():
    used = sender(line := Line(pong=5))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await one(used)
    line.pong = 0.05
    later(0.02, used.server_error, ServerError("no", "a"))
    assert statuses(await used.send(batch("b", "a"))) == [
        "delivered",
        "rejected",
    ]
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


@in_virtual_time
async def test_an_acknowledgement_that_names_the_message_is_the_proof():
    used = sender(line := Line(), ACK)
    later(0.2, used.acknowledged, Acknowledged("b", ok=False, message="no"))
    later(0.3, used.acknowledged, Acknowledged("a", ok=True))
    sent = await used.send(batch("a", "b"))
    assert sent == [
        SendResult("delivered", "note", "a"),
        SendResult("rejected", "note", "b", "no"),
    ]
    assert line.said == ["<note a>", "<note b>"]


@in_virtual_time
async def test_acknowledgements_that_name_none_come_in_the_order_of_the_messages():
    used = sender(ack=ACK)
    later(0.2, used.acknowledged, Acknowledged("", ok=True))
    later(0.3, used.acknowledged, Acknowledged("", ok=False))
    later(0.4, used.acknowledged, Acknowledged("", ok=True))
    sent = await used.send([Message("note"), Message("note")])
    assert statuses(sent) == ["delivered", "rejected"]
    assert sent[1].detail == "no reason given"


@in_virtual_time
async def test_acknowledgements_that_name_none_are_the_oldest_batch_s_first():
    used = sender(ack=ACK)
    first = asyncio.create_task(used.send([Message("note")]))
    second = asyncio.create_task(used.send([Message("note")]))
    later(0.2, used.acknowledged, Acknowledged("", ok=True))
    later(0.3, used.acknowledged, Acknowledged("", ok=False))
    assert statuses(await first) == ["delivered"]
    assert statuses(await second) == ["rejected"]


@in_virtual_time
async def test_messages_of_one_name_each_want_an_acknowledgement():
    used = sender(ack=ACK)
    first = asyncio.create_task(used.send(batch("a", "a")))
    second = asyncio.create_task(used.send(batch("a")))
    later(0.2, used.acknowledged, Acknowledged("a", ok=True))
    later(0.3, used.acknowledged, Acknowledged("a", ok=False))
    assert statuses(await first) == ["delivered", "rejected"]
    assert statuses(await second) == ["unknown"]
    again = asyncio.create_task(used.send(batch("a")))
    later(0.1, used.acknowledged, Acknowledged("a", ok=True))
    assert statuses(await again) == ["delivered"]


@in_virtual_time
async def test_without_an_acknowledgement_in_time_nothing_is_known():
    used = sender(ack=ACK)
    later(0.2, used.acknowledged, Acknowledged("a", ok=True))
    later(0.2, used.acknowledged, Acknowledged("a", ok=False))
    later(0.2, used.acknowledged, Acknowledged("somebody else's", ok=False))
    took = await elapsed(sending := asyncio.ensure_future(used.send(batch("a", "b"))))
    assert statuses(sending.result()) == ["delivered", "unknown"]
    assert took == pytest.approx(5.0)


@in_virtual_time
async def test_an_acknowledgement_at_the_very_end_of_patience_changes_nothing():
    used = sender(ack=ACK)
    sending = asyncio.create_task(used.send(batch("a", "a", "a")))
    await turns(10)
    later(ACK.timeout, used.acknowledged, Acknowledged("a", ok=True))
    assert statuses(await sending) == ["unknown"] * 3
    assert statuses(await used.send(batch("a"))) == ["unknown"]


@in_virtual_time
async def test_a_connection_that_ends_leaves_what_is_not_acknowledged_unknown():
    sent = await sender(Line(fails="send"), ACK).send(batch("a"))
    assert statuses(sent) == ["unknown"]


@in_virtual_time
async def test_a_server_that_confirms_nothing_leaves_it_unknown():
    line = Line()
    line.can_ping = False
    sent = await sender(line).send(batch("a"))
    assert statuses(sent) == ["unknown"]
    assert line.said == ["<note a>"]


@in_virtual_time
async def test_without_an_open_connection_nothing_is_sent():
    with pytest.raises(NetworkFailed, match="not connected"):
        await SocketSender(lambda: None, compose, asyncio.sleep).send(batch("a"))


class Tokens:
    """A first token, and another each time that one was refused."""

    def __init__(self) -> None:
        self.given = 0

    async def get(self) -> AccessToken:
        return AccessToken(f"t{self.given}", "cached", 60.0)

    async def renew(self, refused: str) -> AccessToken:
        assert refused == f"t{self.given}"
        self.given += 1
        return await self.get()


REFUSED = TokenRefused("expired")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([None], ("delivered", None)),
        ([REFUSED, None], ("delivered", None)),
        ([REFUSED, REFUSED], ("rejected", "expired")),
        ([HttpRefused("no such type", status=422)], ("rejected", "no such type")),
        ([NetworkFailed("no answer")], ("unknown", "no answer")),
    ],
)
@in_virtual_time
async def test_by_http_the_answer_says_what_became_of_each(answers, expected):
    posted = []

    async def post(token, known):
        posted.append((token, known["type"]))
        if (answer := answers.pop(0) if answers else None) is not None:
            raise answer

    number = len(answers)
    sent = await HttpSender(Tokens(), post).send(batch("a", "b"))
    assert [(each.status, each.detail) for each in sent] == [
        expected,
        ("delivered", None),
    ]
    tokens = [f"t{n}" for n in range(number)]
    assert [token for token, _ in posted] == [*tokens, tokens[-1]]
