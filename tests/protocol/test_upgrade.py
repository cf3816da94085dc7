"""How a socket is opened: where the token goes, and a URL that stays as it is."""

import json

import pytest
from msgspec.structs import replace

from notifyws.errors import ConfigurationError
from notifyws.protocol.masking import spellings
from notifyws.protocol.upgrade import base_path, upgrade_request
from tests.protocol import DEFAULT, profiled

URL = "wss://h/ws"
NO_RESUME = replace(DEFAULT, resume=None)
ODD_URLS = {
    "wss://h": "?",
    "wss://h/": "?",
    "wss://H:443/Path//x/": "?",
    "wss://h/a%20b;p/é?x=1&x=2&y": "&",
    "wss://h/?": "",
    "wss://h/?x=1&": "",
    "wss://h/this&that&": "?",
    "WSS://Host.Example/?X=%7e": "&",
    "wss://h/?a=b?": "&",
    "ws://[::1]:80/": "?",
}
"""Each with what stands between it and what is added to its query."""
PLACES = ("header", "query:t", "subprotocol:jwt", "message")


def opened(token="tok", url=URL, profile=DEFAULT, **options):
    return upgrade_request(profile, url, token, **options)


def with_socket(**socket):
    return replace(DEFAULT, socket=replace(DEFAULT.socket, **socket))


BEARER = {"Authorization": "Bearer tok"}
FRAME = '{"type":"auth","token":"tok"}'


@pytest.mark.parametrize(
    ("place", "last_id", "wanted"),
    [
        ("header", None, (URL, BEARER, (), ())),
        ("header", 7, (f"{URL}?since=7", BEARER, (), ())),
        ("query:t", None, (f"{URL}?t=tok", {}, (), ())),
        ("query:t", "a", (f"{URL}?t=tok&since=a", {}, (), ())),
        ("subprotocol:jwt", None, (URL, {}, ("jwt", "tok"), ())),
        ("subprotocol:jwt", "a", (f"{URL}?since=a", {}, ("jwt", "tok"), ())),
        ("message", None, (URL, {}, (), (FRAME,))),
        ("message", 0, (f"{URL}?since=0", {}, (), (FRAME,))),
    ],
)
def test_the_token_goes_to_its_place(place, last_id, wanted):
    profile = with_socket(token_in=place)
    for one in (
        opened(token_in=place, last_id=last_id),
        opened(profile=profile, last_id=last_id),
    ):
        assert (one.url, one.headers, one.subprotocols, one.frames) == wanted


def test_a_profile_that_cannot_resume_does_not_ask():
    assert opened(profile=NO_RESUME, last_id="7").url == URL


def test_header_and_its_value_are_the_profiles():
    profile = with_socket(header="X-Key", token="{access_token}")
    assert opened(profile=profile).headers == {"X-Key": "tok"}


@pytest.mark.parametrize(("url", "glue"), ODD_URLS.items())
def test_a_url_stays_exactly_as_it_is_but_for_what_is_added(url, glue):
    assert opened(url=url).url == url
    assert opened(url=url, last_id=7).url == f"{url}{glue}since=7"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a b&c=d#e/f?", "a%20b%26c%3Dd%23e%2Ff%3F"),
        ("é", "%C3%A9"),
        ("\0\n", "%00%0A"),
        ("\ud800", "%3F"),
    ],
)
def test_what_is_added_is_quoted(value, written):
    assert opened(last_id=value).url == f"{URL}?since={written}"


def test_a_token_that_is_added_is_quoted_and_so_is_its_name():
    longer = opened("a&b=c/+%", token_in="query:a b").url
    assert longer == f"{URL}?a%20b=a%26b%3Dc%2F%2B%25"


@pytest.mark.parametrize("place", PLACES[:3])
@pytest.mark.parametrize("token", ["hush\r", "hu sh", "hush\n", "hüsh", "\ud800", ""])
def test_a_token_that_cannot_be_written_there_is_refused_unseen(place, token):
    with pytest.raises(ConfigurationError, match="access token") as caught:
        opened(token, token_in=place)
    assert "NOTIFYWS_TOKEN" in caught.value.hint
    said = repr(caught.value) + caught.value.hint
    assert not token or (token not in said and repr(token)[1:-1] not in said)


@pytest.mark.parametrize("token", ["hush=", "hu/sh", "hush,", '"hush"'])
def test_a_token_that_can_be_no_subprotocol_belongs_elsewhere(token):
    with pytest.raises(ConfigurationError, match="access token") as caught:
        opened(token, token_in="subprotocol:jwt")
    assert "NOTIFYWS_TOKEN_IN" in caught.value.hint
    assert token not in repr(caught.value) + caught.value.hint
    assert opened(token, token_in="header").headers["Authorization"].endswith(token)


def test_the_first_frame_is_one_line_and_leaves_out_what_is_not_known():
    profile = with_socket(first_frame={"t": "{access_token}", "since": "{last_id}"})
    (frame,) = opened("é\n", profile=profile, token_in="message").frames
    assert frame == '{"t":"\\u00e9\\n"}'
    (frame,) = opened(profile=profile, token_in="message", last_id=7).frames
    assert json.loads(frame) == {"t": "tok", "since": 7}


@pytest.mark.parametrize("first_frame", [None, {}, {"since": "{last_id}"}])
def test_no_first_frame_is_sent_where_there_is_nothing_to_say(first_frame):
    profile = with_socket(first_frame=first_frame)
    assert opened(profile=profile, token_in="message").frames == ()


@pytest.mark.parametrize(
    "place",
    [
        "cookie",
        "header:X",
        "query",
        "query:",
        "subprotocol",
        "subprotocol:a b",
        "message:x",
        "Header",
    ],
)
def test_an_unknown_place_is_refused_with_the_known_ones(place):
    with pytest.raises(ConfigurationError, match=f"^'{place}' is no place") as caught:
        opened(token_in=place)
    assert "query:NAME" in caught.value.hint
    with pytest.raises(ConfigurationError, match=f"^'{place}' is no place"):
        opened(profile=with_socket(token_in=place))


@pytest.mark.parametrize("place", PLACES)
def test_an_opening_knows_its_secret_in_every_spelling_and_does_not_show_it(place):
    one = opened("hush+hush", token_in=place)
    assert one.secrets() == spellings("hush+hush")
    assert "hush" not in repr(one)


# What a profile adds.


AT = "wss://h.example"
SOCKET = {
    "path": "/live/{room}",
    "query": {"v": "2", "since": "{last_id}"},
    "headers": {"X-Room": "{room}", "X-Gone": "{gone}"},
    "cookies": {"a": "1", "b": "{room}"},
    "subprotocols": ["one", "{gone}"],
    "token_in": "cookie:session",
}


def test_the_socket_is_opened_as_the_profile_says():
    known = {"room": "a/b c"}
    one = upgrade_request(profiled(socket=SOCKET), AT, "T", variables={"room": "ab"})
    assert one.url == f"{AT}/live/ab?v=2"
    assert one.headers == {"X-Room": "ab", "Cookie": "a=1; b=ab; session=T"}
    assert one.subprotocols == ("one",)
    coded = upgrade_request(
        profiled(socket={**SOCKET, "headers": {}}), AT, "T", variables=known
    )
    assert coded.url == f"{AT}/live/a%2Fb%20c?v=2"


@pytest.mark.parametrize(
    ("path", "asked", "opened", "base"),
    [
        (None, "/live?x=1", "/live?x=1", ""),
        ("/live", "", "/live", ""),
        ("/live", "/?x=1", "/live?x=1", ""),
        ("/live", "/live", "/live", ""),
        ("/live", "/live/?x=1", "/live/?x=1", ""),
        ("/live", "/proxy", "/proxy/live", "/proxy"),
        ("/live", "/a/b/?x=1", "/a/b/live?x=1", "/a/b"),
        ("/live", "/proxy/live", "/proxy/live", "/proxy"),
        ("/live", "/alive", "/alive/live", "/alive"),
        ("/{room}/ws", "", "/ab/ws", ""),
        ("/{room}/ws", "/proxy", "/proxy/ab/ws", "/proxy"),
        ("/{room}/ws", "/proxy/ab/ws", "/proxy/ab/ws", "/proxy"),
        ("/{room}/ws", "/other/ws", "/other/ws", ""),
        ("/app/{key}", "/app/k", "/app/k", ""),
        ("/{sub}/{room}", "", "/s/ab", ""),
        ("/{sub}/{room}", "/a/b", "/a/b/s/ab", "/a/b"),
        ("/{sub}/{room}", "/x/s/ab", "/x/s/ab", "/x"),
    ],
)
def test_a_path_of_the_url_goes_before_the_profiles_own(path, asked, opened, base):
    known = {"room": "ab", "sub": "s"}
    profile = profiled(socket={} if path is None else {"path": path})
    request = upgrade_request(profile, f"{AT}{asked}", "T", variables=known)
    assert request.url == f"{AT}{opened}"
    assert base_path(path, f"{AT}{asked}", known) == base


def test_a_path_needs_its_variables():
    with pytest.raises(ConfigurationError, match="needs a variable"):
        upgrade_request(profiled(socket={"path": "/live/{room}"}), AT, "T")


def test_headers_are_printable_ascii():
    profile = profiled(socket={"headers": {"X": "{room}"}})
    with pytest.raises(ConfigurationError, match="printable ASCII"):
        upgrade_request(profile, AT, "T", variables={"room": "a\r\nb"})


def test_no_token_is_needed_where_the_profile_says_so():
    assert upgrade_request(profiled(socket={"token_in": "none"}), AT, "").headers == {}


def test_a_header_that_needs_more_than_is_known_is_left_out():
    profile = profiled(socket={"token": "{access_token} {room}"})
    assert upgrade_request(profile, AT, "T").headers == {}


@pytest.mark.parametrize(
    ("topic", "optional"), [("all", True), ("mine", False), ("", False)]
)
def test_a_step_is_optional_until_the_user_asks_for_something(topic, optional):
    step = {"send": {"topic": "{topic}"}, "expect": "ok", "optional": True}
    profile = profiled(constants={"topic": "all"}, handshake=[step, step])
    request = upgrade_request(profile, URL, "T", variables={"topic": topic})
    assert [each.optional for each in request.steps] == [optional, optional]


def test_the_cursor_goes_into_a_header():
    profile = profiled(resume={"header": "Last-Event-ID"})
    assert upgrade_request(profile, AT, "T", last_id=7).headers["Last-Event-ID"] == "7"
    assert "Last-Event-ID" not in upgrade_request(profile, AT, "T").headers
