"""A POST for each notification: what is sent, and what an answer means."""

from __future__ import annotations

import hashlib
import hmac
import socket
from contextlib import aclosing
from pathlib import Path

import pytest

from notifyws.config.settings import Settings
from notifyws.delivery.sinks.forward import (
    SIGNATURE,
    ForwardSink,
    idempotency_key,
    signature,
)
from notifyws.delivery.targets import DeliveryTargets
from notifyws.errors import DeliveryFailed
from notifyws.models import Notification
from tests.support.target import target

NOTE = Notification({"type": "t", "title": "T", "id": "n-1"}, "then")
BODY = NOTE.line().encode()


def sink(url, *, headers=None, secret="", timeout=5.0):
    deliver = DeliveryTargets(url=url, headers=headers or {}, secret=secret)
    forward = ForwardSink(deliver, Settings(http_timeout=timeout), lambda: 1700000000.9)
    return aclosing(forward)


async def test_the_json_is_posted_with_its_id_as_the_idempotency_key():
    with target() as there:
        async with sink(there.url, headers={"X-Own": "mine"}) as forward:
            await forward.deliver(NOTE)
            await forward.deliver(NOTE)
        posted, again = there.posted
    assert posted.body == BODY
    assert (
        posted.headers["idempotency-key"] == again.headers["idempotency-key"] == "n-1"
    )
    assert posted.headers["content-type"] == "application/json"
    assert posted.headers["x-own"] == "mine"
    assert SIGNATURE.lower() not in posted.headers


async def test_with_a_secret_it_is_signed_over_time_and_body():
    with target() as there:
        async with sink(there.url, secret="whsec") as forward:
            await forward.deliver(NOTE)
        (posted,) = there.posted
    signed = b"1700000000." + posted.body
    expected = hmac.new(b"whsec", signed, hashlib.sha256).hexdigest()
    assert posted.headers[SIGNATURE.lower()] == f"t=1700000000,v1={expected}"


def test_the_check_in_the_documentation_tells_genuine_from_forged():
    page = Path(__file__).parents[3] / "docs" / "handing-on.md"
    code = page.read_text("utf-8").split("```python\n")[1].split("```")[0]
    exec(code, namespace := {})
    is_genuine = namespace["is_genuine"]
    header = signature("shared", BODY, 17)
    assert is_genuine(header, BODY, "shared")
    assert not is_genuine(header, BODY + b" ", "shared")
    assert not is_genuine(header, BODY, "other")
    assert not is_genuine(header.replace("t=17", "t=18"), BODY, "shared")


@pytest.mark.parametrize("ident", [None, "", "with\nnewline", "é", " x ", "x" * 300])
def test_an_id_that_no_header_can_hold_gives_a_digest_of_the_body(ident):
    note = Notification({"type": "t", "id": ident}, "then")
    assert idempotency_key(note, b"body") == hashlib.sha256(b"body").hexdigest()
    assert idempotency_key(Notification({"type": "t", "id": 5}, ""), b"") == "5"


async def failure(closing) -> DeliveryFailed:
    """Return why a sink did not take a notification."""
    async with closing as forward:
        with pytest.raises(DeliveryFailed) as caught:
            await forward.deliver(NOTE)
    return caught.value


AGAIN = (500, 503, 408, 425, 429)
NEVER = (400, 401, 404, 301, 307)


@pytest.mark.parametrize(
    ("status", "final"),
    [*((status, False) for status in AGAIN), *((status, True) for status in NEVER)],
)
async def test_what_an_answer_means(status, final):
    with target() as there:
        there.answers = [(status, {"Retry-After": "7"})]
        failed = await failure(sink(there.url + "?key=hidden"))
    assert (failed.final, failed.after) == (final, 7.0)
    assert f"answered {status}" in failed.message
    assert "hidden" not in failed.message


async def test_a_target_that_is_not_there_is_worth_another_try():
    with target() as there:
        url = there.url.replace("http://", "http://user:pw@")
    failed = await failure(sink(url))
    assert "cannot be reached" in failed.message
    assert not failed.final
    assert "pw@" not in failed.message


async def test_a_target_that_hangs_is_left():
    with socket.create_server(("127.0.0.1", 0)) as hole:
        url = f"http://127.0.0.1:{hole.getsockname()[1]}/"
        assert "longer than 0.2 s" in (await failure(sink(url, timeout=0.2))).message


async def test_nothing_need_be_open_to_be_closed():
    async with sink("http://x"):
        pass
