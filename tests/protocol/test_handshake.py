"""The handshake: what is said and awaited before a socket counts as connected."""

from types import MappingProxyType

import pytest

from notifyws.errors import ConnectionLost, SessionFailed, TokenRefused
from notifyws.models import strict_json
from notifyws.protocol.frames import decoder
from notifyws.protocol.handshake import HandshakeState
from notifyws.protocol.places import Places
from notifyws.protocol.profile import Follow, Handshake
from notifyws.protocol.profile_schema import validated
from notifyws.protocol.templates import TemplateContext


def context(**known):
    return TemplateContext(known, lambda: 1700000000.9, lambda: "unique")


def handshake(*steps, closes=MappingProxyType({}), places=None, **known):
    said = [validated(Handshake, step) for step in steps]
    return HandshakeState(said, context(**known), decoder(), closes, places)


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
    one.hear('{"type":"hello","session":{"id":5}}')
    assert not one.waiting
    assert one.proceed() == ['{"type":"auth","token":"T","sid":5}']
    assert not one.done
    one.hear('{"type":"ok"}')
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


OTHERS = ['{"type":"other"}', "not json", b"\x00", "[]", "{} {oh"]


@pytest.mark.parametrize("frame", OTHERS)
def test_a_frame_that_is_not_awaited_is_handed_back(frame):
    one = handshake(HELLO)
    one.proceed()
    assert one.hear(frame) == ([frame], [])
    assert one.waiting


@pytest.mark.parametrize(
    ("frame", "error", "message", "means"),
    [
        ('{"type":"bad","why":"old"}', TokenRefused, "token: old", None),
        ('{"type":"bad"}', TokenRefused, "accept the token", None),
        ('{"type":"busy"}', SessionFailed, "refused the handshake", "retry"),
        ('{"type":"gone","why":"x"}', SessionFailed, "handshake: x", "stop"),
    ],
)
def test_the_server_may_say_no(frame, error, message, means):
    one = handshake(AUTH, access_token="T")
    one.proceed()
    with pytest.raises(error, match=message) as caught:
        one.hear(frame)
    assert getattr(caught.value, "means", None) == means


SUBSCRIBE = {
    "each": "channels",
    "send": {"subscribe": "{channels}", "id": "{seq}"},
    "expect": "type == 'subscribed'",
    "fail": [{"when": "error", "means": "stop", "code": "code", "message": "error"}],
}
OK = '{"type":"subscribed"}'


def test_a_failure_is_asked_for_before_success():
    one = handshake(SUBSCRIBE, channels="a")
    one.proceed()
    with pytest.raises(SessionFailed, match="handshake: no such channel"):
        one.hear('{"type":"subscribed","error":"no such channel"}')


@pytest.mark.parametrize(
    ("code", "means"), [(4100, "retry"), (4200, "retry now"), (4300, "stop")]
)
def test_the_code_of_a_failure_means_what_it_does_in_a_close(code, means):
    one = handshake(
        SUBSCRIBE, channels="a", closes={"4100-4199": "retry", "4200": "retry now"}
    )
    one.proceed()
    with pytest.raises(SessionFailed) as caught:
        one.hear(f'{{"error":"e","code":{code}}}')
    assert caught.value.means == means


def test_a_step_for_each_value_of_a_variable_is_gone_through_for_each():
    one = handshake(SUBSCRIBE, {"send": "all {channels}"}, channels="a, b,,a")
    assert one.proceed() == ['{"subscribe":"a","id":1}']
    one.hear(OK)
    assert one.proceed() == ['{"subscribe":"b","id":2}']
    one.hear(OK)
    assert one.proceed() == ["all a, b,,a"]
    assert one.done


@pytest.mark.parametrize(
    ("channels", "sent"), [(None, []), (["a", 5], ['["a"]', "[5]"]), (5, ["[5]"])]
)
def test_a_variable_that_is_no_text_is_its_values(channels, sent):
    step = {"each": "channels", "send": ["{channels}"]}
    assert handshake(step, channels=channels).proceed() == sent


def test_a_refused_step_that_is_optional_ends_and_the_refusal_is_for_the_rules():
    one = handshake({**SUBSCRIBE, "optional": True}, HELLO, channels="a,b")
    one.proceed()
    assert one.hear('{"error":"no"}') == (['{"error":"no"}'], [])
    assert one.proceed() == ['{"subscribe":"b","id":2}']
    assert one.hear(OK) == ([], [])
    assert one.proceed() == []
    assert one.waiting


def test_an_expected_frame_that_brings_something_is_for_the_rules_as_well():
    one = handshake({**SUBSCRIBE, "deliver": True}, channels="a")
    one.proceed()
    assert one.hear(OK) == ([OK], [])
    assert one.done


def test_what_else_stands_in_an_awaited_frame_is_for_later_or_for_the_next_step():
    one = handshake(HELLO, SUBSCRIBE, channels="a")
    one.proceed()
    later, after = one.hear('{"n": 1}\n{"type":"hello"}\n{"n":2} {oh')
    assert (later, after) == (['{"n":1}'], ['{"n":2}', "{oh"])
    assert not one.waiting


CHANNEL = {"path": "/auth", "form": {"s": "{sid}"}, "capture": {"auth": "auth"}}


def test_a_step_may_ask_by_http_first_and_say_what_came_of_it():
    sign = {"http": CHANNEL, "each": "channels", "send": ["{channels}", "{auth}"]}
    one = handshake(sign, channels="a,b", sid=7)
    for channel in "ab":
        assert one.proceed() == ([] if channel == "a" else ['["a","signed a"]'])
        request = one.request
        assert (request.step.path, request.known["sid"]) == ("/auth", 7)
        assert request.known["channels"] == channel
        assert not one.waiting
        one.answered({"auth": f"signed {channel}"})
        assert one.request is None
    assert one.proceed() == ['["b","signed b"]']
    assert one.done


@pytest.mark.parametrize(
    ("closed", "lost", "means"),
    [
        ("renew once", ConnectionLost(1006), "renew once"),
        ("renew", ConnectionLost(1005), "renew"),
        ("stop", ConnectionLost(1006), "stop"),
        ("renew once", ConnectionLost(1000), None),
        ("renew once", ConnectionLost(1006, "no pong"), None),
        ("renew once", ConnectionLost(1005, sent=True), None),
        (None, ConnectionLost(1006), None),
    ],
)
def test_a_close_without_a_word_means_what_the_step_says(closed, lost, means):
    one = handshake({**HELLO, "closed": closed})
    one.proceed()
    error = one.closed(lost)
    if means is None:
        assert error is lost
    else:
        assert (error.means, "hung up" in error.message) == (means, True)
        assert ("token" in error.message) is (means != "stop")


def test_a_connection_that_is_lost_after_the_handshake_is_just_lost():
    lost = ConnectionLost(1006)
    assert handshake().closed(lost) is lost


def test_steps_may_depend_on_a_variable():
    steps = (
        {"only_with": "last_id", "send": {"since": "{last_id}"}},
        {"only_without": "last_id", "send": {"from": "now"}},
    )
    assert handshake(*steps, last_id=7).proceed() == ['{"since":7}']
    assert handshake(*steps, last_id=None).proceed() == ['{"from":"now"}']


def test_a_step_may_depend_on_each_value_of_a_variable_and_on_how_many_there_are():
    steps = (
        {"each": "channel", "only_if": "!several", "send": "one {channel}"},
        {"each": "channel", "only_if": "several", "send": "of many {channel}"},
        {"each": "channel", "only_if": "starts_with(channel, 'p-')", "send": "sign"},
    )
    assert handshake(*steps, channel="a").proceed() == ["one a"]
    sent = ["of many p-a", "of many b", "sign"]
    assert handshake(*steps, channel="p-a, b").proceed() == sent


def test_a_frame_whose_variables_are_not_set_is_not_sent():
    assert (
        handshake({"send": "{nothing}"}, {"send": {"a": "{nothing}"}}).proceed() == []
    )


def test_an_answer_that_does_not_come_is_an_error_that_says_so():
    one = handshake(HELLO)
    assert one.gave_up().message.endswith("within 3 s")
    one.proceed()
    one.hear('{"error":"no such room","token":"sentinel-token-0123456789"}')
    assert "within 3 s, but said: " in one.gave_up().message
    assert "no such room" in one.gave_up().message
    assert "sentinel" not in one.gave_up().message


@pytest.mark.parametrize(
    ("frame", "most"),
    [
        ("{}", 1_000),
        ('"\N{BELL}' + "a" * (1 << 20) + '"', 3),
        (b"\xff" * (1 << 20), 15),
    ],
)
def test_what_comes_before_the_answer_is_kept_up_to_a_number_and_a_size_in_memory(
    frame, most
):
    """Seen: 728 frames of 1 MiB, one emoji in each, took 2.9 GiB."""
    one = handshake(HELLO)
    one.proceed()
    assert [one.hear(frame) for _ in range(most)] == [([frame], [])] * most
    with pytest.raises(SessionFailed, match="before 1,000 frames or 16 MiB had come"):
        one.hear(frame)


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


FOLLOW = Follow(variables={"at": "at"}, stream="subscribed", kept="recovered")


@pytest.mark.parametrize("recovered", [True, False])
def test_places_are_those_of_the_answers_once_hands_are_shaken(recovered):
    places = Places(FOLLOW)
    places.ask("a")
    places.follow({"subscribed": "a", "at": 1})
    step = validated(Handshake, {"each": "c", "send": ["{c}"], "expect": "at"})
    one = HandshakeState([step], context(c="a"), decoder(), places=places)
    assert one.proceed() == ['["a"]']
    one.hear(strict_json({"at": 2, "recovered": recovered}))
    assert places.known("a")["at"] == 1
    assert one.proceed() == []
    assert places.known("a")["at"] == 2
    assert places.covers_everything is recovered


def test_a_server_that_names_too_many_values_is_not_asked_for_each():
    asked = {"each": "channels", "send": "{channels}"}
    few = handshake(asked, channels=[str(each) for each in range(1_000)])
    assert len(few.proceed()) == 1_000
    many = handshake(asked, channels=[str(each) for each in range(1_001)])
    with pytest.raises(SessionFailed, match="channels holds 1001 values") as caught:
        many.proceed()
    assert caught.value.means == "stop"
