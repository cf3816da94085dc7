"""The handshake: what is said and awaited before a socket counts as connected."""

import pytest

from notifyws.errors import HandshakeFailed, TokenRefused
from notifyws.protocol.frames import decoder
from notifyws.protocol.handshake import HandshakeState
from notifyws.protocol.profile import Handshake
from notifyws.protocol.profile_schema import validated
from notifyws.protocol.templates import TemplateContext


def context(**known):
    return TemplateContext(known, lambda: 1700000000.9, lambda: "unique")


def handshake(*steps, **known):
    said = [validated(Handshake, step) for step in steps]
    return HandshakeState(said, context(**known), decoder())


HELLO = {"expect": "type == 'hello'", "capture": {"sid": "session.id"}, "timeout": 3}
AUTH = {
    "send": {"type": "auth", "token": "{access_token}", "sid": "{sid}"},
    "expect": "type == 'ok'",
    "fail": [
        {"when": "type == 'bad'", "message": "why"},
        {"when": "type == 'busy'", "means": "retry"},
        {"when": "type == 'gone'", "means": "stop", "message": "why"},
    ],
}


def test_no_handshake_is_done_at_once():
    assert handshake().proceed() == []
    assert handshake().done


def test_a_hello_is_awaited_captured_and_used():
    one = handshake(HELLO, AUTH, access_token="T")
    assert one.proceed() == []
    assert one.timeout == 3
    assert one.hear('{"type":"hello","session":{"id":5}}')
    assert one.proceed() == ['{"type":"auth","token":"T","sid":5}']
    assert not one.done
    assert one.hear('{"type":"ok"}')
    assert one.proceed() == []
    assert one.done


def test_two_subscribe_frames_are_sent_one_after_the_other():
    one = handshake(
        {"send": {"subscribe": "a", "id": "{seq}"}},
        {"send": {"subscribe": "b", "id": "{seq}"}},
        {"send": "plain {seq}"},
    )
    assert one.proceed() == [
        '{"subscribe":"a","id":1}',
        '{"subscribe":"b","id":2}',
        "plain 3",
    ]
    assert one.done


@pytest.mark.parametrize("frame", ['{"type":"other"}', "not json", b"\x00", "[]"])
def test_a_frame_that_is_not_awaited_is_handed_back(frame):
    one = handshake(HELLO)
    one.proceed()
    assert not one.hear(frame)
    assert not one.done


@pytest.mark.parametrize(
    ("frame", "error", "message", "final"),
    [
        ('{"type":"bad","why":"old"}', TokenRefused, "token: old", None),
        ('{"type":"bad"}', TokenRefused, "accept the token", None),
        ('{"type":"busy"}', HandshakeFailed, "refused the handshake", False),
        ('{"type":"gone","why":"x"}', HandshakeFailed, "handshake: x", True),
    ],
)
def test_the_server_may_say_no(frame, error, message, final):
    one = handshake(AUTH, access_token="T")
    one.proceed()
    with pytest.raises(error, match=message) as caught:
        one.hear(frame)
    assert getattr(caught.value, "final", None) is final


def test_steps_may_depend_on_a_variable():
    steps = (
        {"only_with": "last_id", "send": {"since": "{last_id}"}},
        {"only_without": "last_id", "send": {"from": "now"}},
    )
    assert handshake(*steps, last_id=7).proceed() == ['{"since":7}']
    assert handshake(*steps, last_id=None).proceed() == ['{"from":"now"}']


def test_a_frame_whose_variables_are_not_set_is_not_sent():
    assert (
        handshake({"send": "{nothing}"}, {"send": {"a": "{nothing}"}}).proceed() == []
    )


def test_an_answer_that_does_not_come_is_an_error_that_says_so():
    one = handshake(HELLO)
    assert "within 3 s" in one.gave_up().message


def test_a_context_knows_the_moment_and_something_unique():
    one = context()
    assert one.frame(["{now}", "{uuid}"]) == '[1700000000,"unique"]'
    assert one.frame({"n": "{seq}"}) == '{"n":1}'
    assert one.frame({"n": "{seq}", "m": "{seq}"}) == '{"n":2,"m":2}'
    assert one.seq == 2


def test_a_context_learns():
    one = context(a=1)
    assert (one.knows("a"), one.knows("b")) == (True, False)
    one.learn("b", 2)
    assert one.frame("{a}{b}") == "12"
