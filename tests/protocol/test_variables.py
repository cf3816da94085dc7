"""What a profile leaves open is said by the user, or asked for."""

import pytest

from notifyws.errors import ConfigurationError
from notifyws.protocol.profile import Profile
from notifyws.protocol.profile_schema import validated
from notifyws.protocol.templates import given_variables

PROFILE = validated(
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
    assert given_variables(PROFILE, text) == known


def test_quotes_hold_blanks_together():
    assert given_variables(PROFILE, 'channel="a b"')["channel"] == "a b"


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
        given_variables(PROFILE, text)
    assert hint in caught.value.hint
