"""Messages: what a profile makes of them."""

from types import MappingProxyType

import pytest

from notifyws.errors import UsageError
from notifyws.models import Message
from notifyws.protocol.composer import Composed, Composer
from notifyws.protocol.profile import Ack, Send
from notifyws.protocol.templates import TemplateContext

PLAIN = {"type": "{type}", "payload": "{payload}", "id": "{id}"}


def context():
    drawn = iter(["u1", "u2"])
    return TemplateContext({"room": "news"}, lambda: 1700000000.5, lambda: next(drawn))


def composed(frame, *messages, equals=None):
    ack = None if equals is None else Ack(when="ack", id="id", equals=equals)
    composer, one = Composer(Send(frame=frame, ack=ack)), context()
    return [composer.compose(message, one) for message in messages]


def test_it_is_the_template_filled_with_the_message():
    (one,) = composed(PLAIN, Message("note", {"title": "x"}, "a"))
    assert one == Composed('{"type":"note","payload":{"title":"x"},"id":"a"}', "")


def test_what_it_does_not_have_is_left_out_and_an_empty_payload_is_not():
    (one,) = composed(PLAIN, Message("note"))
    assert one.frame == '{"type":"note","payload":{}}'


def test_any_mapping_is_a_payload():
    (one,) = composed("{payload|json}", Message("note", MappingProxyType({"n": 1})))
    assert one.frame == '{"n":1}'


def test_the_name_of_its_acknowledgement_is_filled_too_and_may_be_missing():
    named = Message("note", {"ref": 7})
    ones = composed(PLAIN, named, Message("note"), equals="{payload.ref}")
    assert [one.key for one in ones] == ["7", ""]


def test_an_acknowledgement_that_names_nothing_names_no_message():
    """Seen: each waited under its number, and a late answer was the next one's."""
    send = Send(frame=PLAIN, ack=Ack(when="ack"))
    assert Composer(send).compose(Message("note"), context()).key == ""


@pytest.mark.parametrize(
    ("frame", "equals", "frames", "keys"),
    [
        ("{seq}", "", ["1", "2"], ["", ""]),
        ("{room}", "{seq}", ["news", "news"], ["1", "2"]),
        ("{seq} {uuid}", "{uuid}", ["1 u1", "2 u2"], ["u1", "u2"]),
        ("{room} {now}", "", ["news 1700000000", "news 1700000000"], ["", ""]),
    ],
)
def test_each_frame_has_the_next_number_and_a_text_of_its_own(
    frame, equals, frames, keys
):
    ones = composed(frame, Message("a"), Message("b"), equals=equals)
    assert [one.frame for one in ones] == frames
    assert [one.key for one in ones] == keys


def test_a_message_of_which_nothing_is_left_is_a_wrong_use():
    with pytest.raises(UsageError, match="nothing of note can be sent"):
        composed("{payload.title}", Message("note"))


@pytest.mark.parametrize("value", [float("nan"), {1, 2}])
def test_a_payload_that_is_not_json_is_a_wrong_use(value):
    with pytest.raises(UsageError, match="the payload of note is not JSON"):
        composed(PLAIN, Message("note", {"x": value}))


def test_a_text_that_is_not_utf_8_is_a_wrong_use_and_within_json_it_is_none():
    half = Message("note", {"title": "\ud800"})
    with pytest.raises(UsageError, match="the text of note is not UTF-8"):
        composed("{payload.title}", half)
    (one,) = composed("{payload|json}", half)
    assert one.frame == '{"title":"\\ud800"}'


def test_a_text_of_any_language_is_sent_as_it_is():
    (one,) = composed("{payload.title}", Message("note", {"title": "Grüße 🚕"}))
    assert one.frame == "Grüße 🚕"
