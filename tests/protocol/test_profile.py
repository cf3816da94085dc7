"""Profiles: the built-in one, and what is said of a wrong one."""

import re

import pytest

from notifyws.errors import ConfigurationError
from notifyws.protocol.profile import Profile, Resume, Rule, Step, given_variables
from notifyws.protocol.profile_schema import json_schema, validated
from notifyws.protocol.profile_text import parse
from tests.protocol import DEFAULT, DEFAULT_TEXT

SMALL = 'name = "mine"\nrules = [{ then = "notification" }]\n'


def test_the_default_server_is_sent_type_payload_and_id():
    frame = {"type": "{type}", "payload": "{payload}", "id": "{id}"}
    assert DEFAULT.send.frame == frame


def test_a_profile_needs_a_name_and_rules_and_nothing_else():
    profile = parse(SMALL, "mine")
    assert profile == Profile(name="mine", rules=(Rule(then="notification"),))
    assert (profile.http.login, profile.tokens, profile.send) == (None, None, None)


@pytest.mark.parametrize(
    "text", ["name = ", "= 1", 'name = "a"\nname = "b"', "[", "\0"]
)
def test_broken_toml_is_said_to_be_broken_in_its_file(text):
    with pytest.raises(
        ConfigurationError, match=r"^profile my\.toml is not valid TOML"
    ):
        parse(text, "my.toml")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("", "name"),
        ('name = "mine"', "rules"),
        (SMALL.replace("mine", "Mine!"), "name"),
        (SMALL + "colour = 1", "colour"),
        (SMALL + "[socket]\nhost = 'h'", "socket.host"),
        (SMALL + "[socket]\ntoken_in = 'cookie'", "socket.token_in"),
        (SMALL + "[socket]\npath = '/a\\b'", "socket.path"),
        (SMALL + "[socket]\nquery = { a = '{x|nonesuch}' }", "socket.query.a"),
        (SMALL + "[socket]\ntoken_in = 'message'", "socket.token_in"),
        (SMALL + "[renewal]\nhow = 'frame'", "renewal.how"),
        (SMALL + "[http]\nlogin = [{ path = '/x' }]", "http.login"),
        (SMALL + "[send]", "send"),
        (SMALL + "[socket]\ntoken_in = 'query:'", "socket.token_in"),
        (SMALL + "[http.login]\npath = '/x'\nmethod = 'TRACE'", "http.login.method"),
        (SMALL + "[http.login]\npath = '/x'\naccept = ['a']", "http.login.accept.0"),
        (SMALL + "[tokens]\nrefresh = 'a'", "tokens.access"),
        (SMALL + "[closes]\n4401 = 'explode'", "closes.4401"),
        (SMALL + "[closes]\n4xxx = 'stop'", "closes.4xxx"),
        (SMALL + "[statuses]\n5-x = 'stop'", "statuses.5-x"),
        (SMALL.replace("notification", "dance"), "rules.0.then"),
        (SMALL.replace("{ ", "{ match = { a = [] }, "), "rules.0.match.a"),
        (SMALL.replace("{ ", "{ message = '`', "), "rules.0.message"),
    ],
)
def test_a_wrong_profile_is_refused_naming_file_and_key(text, key):
    with pytest.raises(ConfigurationError) as caught:
        parse(text, "my.toml")
    assert re.match(rf"profile my\.toml:\d+:\d+: {re.escape(key)}: ", str(caught.value))
    assert "\n" not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("send = 5", "send: must be a table"),
        ("[socket]\nheader = 5", "socket.header: must be text"),
        ("http = { failures = 5 }", "http.failures: must be an array"),
        ("[keepalive]\nsilence = 0", "keepalive.silence: must be greater than 0"),
        ("[socket]\npath = 'x'", "socket.path: must match pattern '^/"),
    ],
)
def test_what_a_value_must_be_is_said_in_words_of_toml(text, said):
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        parse(SMALL + text, "my.toml")


def test_a_bad_expression_is_called_one():
    with pytest.raises(
        ConfigurationError, match=r":4:13: tokens.access: not a JMESPath expression: "
    ):
        parse(SMALL + "[tokens]\naccess = 'a['", "my.toml")


@pytest.mark.parametrize(
    "place", ["header", "message", "query:access_token", "subprotocol:jwt"]
)
def test_every_place_for_a_token_can_be_named(place):
    text = SMALL + f"[socket]\nfirst_frame = {{ a = 1 }}\ntoken_in = '{place}'"
    assert parse(text, "mine").socket.token_in == place


def test_a_step_is_a_post_that_succeeds_with_200():
    step = Step(path="/x")
    assert (step.method, step.accept) == ("POST", (200,))


def test_a_snapshot_comes_unasked():
    assert DEFAULT.resume.asks
    assert not Resume(snapshot=True).asks


def test_a_profile_cannot_be_changed_afterwards():
    with pytest.raises(AttributeError):
        DEFAULT.name = "other"


def test_a_value_of_a_profile_is_not_repeated_in_a_complaint():
    with pytest.raises(ConfigurationError) as caught:
        parse(DEFAULT_TEXT.replace('"/auth/login"', '"hush"'), "my.toml")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("[socket]\nheadr = 'x'", "4:1: socket.headr: unknown key", "header?"),
        ("[http]\nlogin = { path = '/x', zzz = 1 }", "4:24: http.login.zzz", "accept"),
        (
            "[http]\nlogin = [{ path = '/x', pth = 1 }]",
            "4:25: http.login.0.pth",
            "path?",
        ),
        ("[[rules]]\nthen = 'ping'\nwhen = 'a['", "5:11: rules.0.when", "jmespath"),
        (
            "[needs]\nchannel = 'x'\n[[handshake]]\nsend = { to = '{chanel}' }",
            "6:10: handshake.0.send.to: there is no variable {chanel}",
            "{channel}?",
        ),
        ("[socket.query]\n'a b' = '{zzz}'", "4:1: socket.query.a b", "[needs]"),
    ],
)
def test_a_mistake_is_shown_where_it_is(text, place, hint):
    small = 'name = "mine"\ndescription = ""\n'
    rules = "" if "[[rules]]" in text else '\n[[rules]]\nthen = "notification"'
    with pytest.raises(ConfigurationError) as caught:
        parse(small + text + rules, "my.toml")
    assert place in str(caught.value)
    assert hint in caught.value.hint


def test_what_is_missing_is_said_of_its_table():
    text = 'name = "mine"\n\n[[rules]]\nmatch = { a = 1 }'
    with pytest.raises(ConfigurationError, match=r":3:1: rules\.0\.then: is missing"):
        parse(text, "my.toml")


def test_every_key_of_the_schema_is_described_and_an_optional_one_has_a_default():
    schema = json_schema(Profile)
    assert schema["required"] == ["name", "rules"]
    for table in (schema, *schema["$defs"].values()):
        for key, described in table["properties"].items():
            assert described["description"]
            assert "default" in described or key in table["required"]


OPEN = validated(
    Profile,
    {
        "name": "open",
        "constants": {"path": "sub", "size": 5},
        "needs": {"channel": "the channel to listen to"},
        "rules": [{"then": "notification"}],
    },
)


@pytest.mark.parametrize(
    "text",
    [
        "channel=news path=new",
        "path=new,channel=news",
        "channel=\"news\" path='new'",
        " channel=news,\n path=new ",
    ],
)
def test_variables_are_pairs_in_any_order(text):
    known = {"path": "new", "size": 5, "channel": "news"}
    assert given_variables(OPEN, text) == known


def test_quotes_hold_blanks_together():
    assert given_variables(OPEN, 'channel="a b"')["channel"] == "a b"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "needs channel: the channel to listen to", 'NOTIFYWS_VARIABLES="channel='),
        ("channel=", "needs channel", "channel="),
        ("chanel=news", "has no variable chanel", "did you mean channel?"),
        ("zzz=1", "has no variable zzz", "profile show"),
        ("channel", "not a list of name=value", "channel=news"),
    ],
)
def test_what_is_missing_or_unknown_is_said(text, message, hint):
    with pytest.raises(ConfigurationError, match=message) as caught:
        given_variables(OPEN, text)
    assert hint in caught.value.hint


def test_a_variable_that_ends_in_a_newline_is_said_to():
    with pytest.raises(ConfigurationError, match="channel ends in a newline"):
        given_variables(OPEN, 'channel="news\n"')
