"""Whatever a profile says is used or refused, and what looks like a slip is said."""

import re
from pathlib import Path

import pytest
from msgspec.structs import fields

import notifyws
from notifyws.errors import ConfigurationError
from notifyws.protocol import profile as model
from notifyws.protocol.loader import built_in, profile_text
from notifyws.protocol.profile_lint import CONDITIONS
from notifyws.protocol.profile_schema import Table
from notifyws.protocol.profile_text import parse, slips

SOURCE = Path(notifyws.__file__).parent
TABLES = [
    each
    for each in (*vars(model).values(), model.FieldMapping)
    if isinstance(each, type) and issubclass(each, Table) and each is not Table
]
KEYS = sorted({(each.__name__, key.name) for each in TABLES for key in fields(each)})
DESCRIBING = ("profile.py", "profile_socket.py", "profile_lint.py", "profile_text.py")
"""What says a key and uses none; OAuth's keys are used beside their tables."""
TEXT = "".join(
    path.read_text("utf-8")
    for path in SOURCE.rglob("*.py")
    if path.name not in DESCRIBING or path.parent.name == "cli"
)


def mine(text: str) -> str:
    rules = "" if "[[rules]]" in text else '[[rules]]\nthen = "notification"\n'
    return f'name = "mine"\n{text}\n{rules}'


@pytest.mark.parametrize(("table", "key"), KEYS)
def test_every_key_is_read_by_somebody(table, key):
    assert re.search(rf"\.{key}\b", TEXT)


VALUES = {
    **dict.fromkeys(("values", "deliver", "optional"), "true"),
    **dict.fromkeys(("fields", "text", "words", "base64", "capture", "reply"), "{}"),
    **dict.fromkeys(("fail",), "[]"),
    **dict.fromkeys(("closed", "means"), '"retry"'),
    "timestamp": '"s"',
    "encoding": '"json"',
    "timeout": "5",
    "frame": "{}",
    "ack": '{ when = "a" }',
    "unit": '"ms"',
}
HEADS = {
    "rules": ('[[rules]]\nthen = "ack"\n', "rules.0"),
    "handshake": ("[[handshake]]\nsend = {}\n", "handshake.0"),
    "renewal": ("[renewal]\n", "renewal"),
    "send": ('[send]\nhttp = { path = "/" }\n', "send"),
    "tokens": ('[tokens]\naccess = "a"\n', "tokens"),
    "resume": ("[resume]\n", "resume"),
    "resume.catchup": ("[resume.catchup]\nstep = { path = '/' }\n", "resume.catchup"),
}
ROWS = [(each.table, key) for each in CONDITIONS for key in each.keys]


@pytest.mark.parametrize(("table", "key"), sorted(set(ROWS)))
def test_a_key_that_has_no_effect_where_it_stands_is_refused_there(table, key):
    head, dotted = HEADS[table]
    text = mine(f"{head}{key} = {VALUES.get(key, chr(34) + 'a' + chr(34))}")
    with pytest.raises(ConfigurationError) as caught:
        parse(text, "my.toml")
    said = re.match(
        r"profile my\.toml:(\d+):1: (\S+): has no effect", str(caught.value)
    )
    assert said
    assert said[2] == f"{dotted}.{key}"
    line = text.splitlines()[int(said[1]) - 1]
    assert line.startswith(key)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[socket]\njson_in = ['a..b']", r":3:1: socket.json_in.0: not where JSON may"),
        ("[socket]\ntoken_in = 'cookie:s{x}'", ":3:1: socket.token_in: "),
        (
            "[tokens]\naccess = 'cookie:s{x}'",
            "tokens.access: .*the name of a cookie holds no variable",
        ),
        ("[[handshake]]\ntimeout = 5", "handshake.0.timeout: has no effect"),
        (
            "[[handshake]]\nonly_with = 'a'",
            "handshake.0: neither sends, asks nor awaits",
        ),
        ("[resume]", "resume: says nothing"),
        (
            "[[rules]]\nthen = 'notification'\nwords = { type = {} }",
            "rules.0.words.type: there is no field type",
        ),
        (
            "[http.login]\npath = '/'\nbody = {}\nform = {}\n[tokens]\naccess = 'a'",
            ":5:1: http.login.form: there is a body already",
        ),
        (
            "[http.login]\npath = '/'\n[http.client_credentials]\ntoken_path = '/t'\n"
            "[tokens]\naccess = 'a'",
            ":4:1: http.client_credentials: there is a login already",
        ),
        (
            "[http.device]\npath = '/'\ntoken_path = '/t'\nclient_id = '{client}'",
            ":5:1: http.device.client_id: there is no variable {client}",
        ),
        (
            "[http.device]\npath = '//evil'\ntoken_path = '/t'\nclient_id = 'me'",
            ":3:1: http.device.path: ",
        ),
    ],
)
def test_what_a_profile_cannot_mean_is_refused_where_it_stands(text, said):
    with pytest.raises(ConfigurationError, match=said) as caught:
        parse(mine(text), "my.toml")
    assert "unknown keys" not in caught.value.hint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[rules]]\nthen = 'notification'\nfields = { titel = 'a' }", "mean title?"),
        ("[[rules]]\nthen = 'notification'\ntext = { titles = 'a' }", "mean title?"),
        ("[constants]\nroom = 'a'", "constants.room: is used nowhere"),
        ("[needs]\nroom = 'which'", "needs.room: is used nowhere"),
        ("[keepalive.ping]\nsend = {}\nanswer_within = 5", "no rule knows the answer"),
    ],
)
def test_what_looks_like_a_slip_is_said_and_taken(text, said):
    text = mine(text)
    (slip,) = slips(parse(text, "my.toml"), text, "my.toml")
    assert said in slip
    assert re.match(r"profile my\.toml:\d+:\d+: ", slip)


@pytest.mark.parametrize(
    "text",
    [
        "[[rules]]\nthen = 'notification'\nfields = { priority = 'p', topic = 't' }",
        "[constants]\na = '1'\n[[handshake]]\nsend = { message = '{a}' }",
        "[constants]\na = '1'\n[[handshake]]\neach = 'a'\nsend = 'x'",
        "[constants]\na = '1'\n[[handshake]]\nonly_if = \"a == '1'\"\nsend = 'x'",
        "[constants]\na = '1'\n[[rules]]\nthen = 'ping'\nreply = '{a}'",
    ],
)
def test_what_is_used_is_no_slip(text):
    assert slips(parse(mine(text), "my.toml"), mine(text), "my.toml") == []


@pytest.mark.parametrize("name", built_in())
def test_no_profile_that_comes_with_the_product_has_a_slip(name):
    text, where = profile_text(name)
    assert slips(parse(text, where), text, where) == []
