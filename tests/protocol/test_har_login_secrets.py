"""Whatever is said to get a token: no secret of it is in a profile, wherever it is."""

import json
from string import ascii_letters

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from notifyws.protocol.har.profile_draft import har_draft
from notifyws.protocol.har.recording import read_recording
from notifyws.protocol.har.secrets import Harmless, is_protocol
from notifyws.protocol.har.values import literals, pieces
from notifyws.protocol.profile_text import parse, slips
from tests.support.har import ALERT, IN, OUT, TOKEN, entry, har, login, socket

SOCKET = socket(f"/ws?token={TOKEN}", 2, (IN, 1, ALERT))
ANSWER = {"access_token": TOKEN}


def asked(path="/login", method="POST", **more):
    return [entry(method, path, 1, answer=ANSWER, **more), SOCKET]


def said(frame, path="/ws"):
    return [socket(path, 2, (OUT, 0.1, frame), (IN, 0.2, {"type": "ok"}), (IN, 3, {}))]


def document(text):
    return asked("/graphql", body={"query": text})


PLACES = {
    "document": lambda pw: document(
        f'mutation {{ login(user: "ann", password: "{pw}") {{ access_token }} }}'
    ),
    "params": lambda pw: asked(
        "/rpc",
        body={"jsonrpc": "2.0", "id": 1, "method": "login", "params": ["ann", pw]},
    ),
    "operation": lambda pw: said({"type": "auth", "cmd": f"login:ann:{pw}"}),
    "query beside a login": lambda pw: [
        login(),
        socket(f"/ws?token={TOKEN}&u=ann&k={pw}", 2, (IN, 1, ALERT)),
    ],
    "before the token": lambda pw: [
        login(),
        socket("/ws", 2, (IN, 1, ALERT), headers={"X-A": f"ann {pw} {TOKEN}"}),
    ],
    "answer that echoes": lambda pw: [
        socket(
            "/ws",
            2,
            (OUT, 0.1, {"type": "login", "k": pw}),
            (IN, 0.2, {"type": "ok", "event": pw}),
        )
    ],
    "one letter": lambda pw: asked(
        "/graphql",
        body={
            "query": "mutation L($p: String!) { login(p: $p) { t } }",
            "variables": {"p": pw, "u": "ann"},
        },
    ),
    "frame": lambda pw: said({"type": "login", "args": ["ann", pw]}),
    "text that holds one": lambda pw: said(
        {"type": "auth", "data": f"user=ann pass={pw}"}
    ),
    "path": lambda pw: asked(f"/login/ann/{pw}", "GET"),
    "unquoted": lambda pw: document(f"mutation {{ login(by: [{pw}]) {{ t }} }}"),
    "block": lambda pw: document(f'{{ login(as: {{ p: """{pw}""" }}) {{ t }} }}'),
    "default": lambda pw: document(
        f'query L($p: String! = "{pw}") {{ login(p: $p) {{ t }} }}'
    ),
    "comment": lambda pw: document(f"{{ login(p: 1) {{ t }} }} # {pw}\n"),
    "broken document": lambda pw: document(f'{{ login(p: "{pw}) {{ t }} }}'),
    "what looks like a document": lambda pw: asked(
        body={"a": f"{{{pw}}}", "query": f"{{{pw}", "p": f"{{ a(b: {pw}) }}"}
    ),
    "query": lambda pw: asked(f"/login?u=ann&p={pw}", "GET"),
    "query alone": lambda pw: asked(f"/login?{pw}", "GET"),
    "form": lambda pw: asked(form={"a": "ann", "b": pw, "c": f"ann:{pw}"}),
    "body that is one text": lambda pw: asked(body=pw),
    "header": lambda pw: asked(headers={"Authorization": f"Key {pw}"}),
    "socket's address": lambda pw: said({"type": "login"}, f"/ws/ann/{pw}?u={pw}"),
    "topic of a login": lambda pw: said({"type": "auth", "topic": pw, "room": [pw]}),
    "name of a later frame": lambda pw: [
        login(),
        socket("/ws", 2, (OUT, 0.1, {"t": pw, "name": pw}), (IN, 1, ALERT)),
    ],
    "address in an address": lambda pw: asked(
        body={"to": f"https://app.example.com/login?p={pw}"}
    ),
    "said twice": lambda pw: [
        entry("GET", f"/login/ann/{pw}", 0, status=401, answer={"you": ["ann", pw]}),
        *asked(f"/login/ann/{pw}", "GET", body={"p": pw}),
    ],
    "answer that was lost": lambda pw: [
        {
            **entry("GET", f"/login/ann/{pw}", 0),
            "response": {"content": {"mimeType": "application/json", "size": 9}},
        },
        SOCKET,
    ],
    "echo of a part": lambda pw: [
        entry("POST", "/a", 0, body={"q": f"ann {pw}"}, answer={"e": pw}),
        *asked(body={"a": pw}),
    ],
}


def drafted(entries):
    made = har_draft(read_recording(har(*entries), "x.har"), "acme").text
    assert slips(parse(made, "acme"), made, "acme") == []
    return made


def profile_of(name):
    return parse(drafted(PLACES[name]("Hunter2pw")), "acme")


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("password", ["Hunter2pw", "hunterpw", "HUNTER", "a1/b;c}q"])
def test_a_password_is_in_no_profile_wherever_it_stood(name, password):
    assert password not in drafted(PLACES[name](password))


@given(st.sampled_from(sorted(PLACES)), st.text(ascii_letters, min_size=6, max_size=12))
def test_no_password_of_letters_is_ever_in_a_profile(name, password):
    assume(not is_protocol(password))
    usual = drafted(PLACES[name]("Qqqqzzqqqq"))
    assume(password not in usual)
    assert password not in drafted(PLACES[name](password))


@pytest.mark.parametrize(
    "body", [{"user": "ann", "pin": 482913}, {"code": [7, 3, 1, 9]}, {"id": 48291}]
)
def test_a_pin_is_a_variable(body):
    pin = parse(drafted(asked(body=body)), "acme").http.login.body
    digits = json.dumps(pin)
    assert not any(each in digits for each in ("4829", "7", "9"))


def test_what_a_document_says_is_filled_in_where_it_stood():
    query = profile_of("document").http.login.body["query"]
    assert query == (
        "mutation {{ login(user: {username|json}, password: {password|json}) "
        "{{ access_token }} }}"
    )
    query = profile_of("default").http.login.body["query"]
    assert query == "query L($p: String! = {p|json}) {{ login(p: $p) {{ t }} }}"
    query = profile_of("unquoted").http.login.body["query"]
    assert query == "mutation {{ login(by: [{by}]) {{ t }} }}"


@pytest.mark.parametrize(
    ("said", "made"),
    [
        (
            'login(version: 2, user: "ann smith 7")',
            "login(version: 2, user: {user|json})",
        ),
        (
            'login(password: "Secret99pw", all: "v2 Secret99pw")',
            "login(password: {password|json}, all: {all|json})",
        ),
    ],
)
def test_of_a_document_stays_what_is_harmless(said, made):
    body = parse(drafted(document(f"{{ {said} {{ t }} }}")), "acme").http.login.body
    assert body["query"] == f"{{{{ {made} {{{{ t }}}} }}}}"


def test_a_document_whose_names_hold_a_secret_is_a_variable():
    text = '{ login(password: "Secret99pw") { Secret99pw } }'
    body = parse(drafted(document(text)), "acme").http.login.body
    assert body["query"] == "{query}"


def test_a_text_of_many_values_is_a_variable_or_two():
    body = {"password": "Hunter2pw", "all": "Hunter2pw " * 2_000}
    made = parse(drafted(asked(body=body)), "acme").http.login.body["all"]
    assert made == "{password} " * 2_000


def test_words_of_the_protocol_stay():
    assert profile_of("params").http.login.body == {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "login",
        "params": ["{params}", "{params_2}"],
    }
    assert profile_of("path").http.login.path == "/login/{part}/{part_2}"
    assert profile_of("frame").handshake[0].send == {
        "type": "login",
        "args": ["{args}", "{args_2}"],
    }


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ({"grant_type": "authorization_code", "remember": True}, True),
        ({"type": "m.login.password", "version": "1.1", "locale": "de-AT"}, True),
        ({"audience": "app.example.com", "v": 2, "scope": "openid offline"}, True),
        ({"realm": "customers"}, True),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}, True),
        ({"realm": "members"}, False),
        ({"p": "open live stream socket token"}, False),
        ({"scope": "openid hunterpw"}, False),
        ({"type": "hunter2"}, False),
        ({"signs": "-----"}, False),
    ],
)
def test_only_what_is_known_to_be_harmless_stays(body, kept):
    config = entry("GET", "/config", 0, answer={"realms": ["customers"]})
    found = parse(drafted([config, *asked(body=body)]), "acme")
    assert (found.http.login.body == body) is kept


def test_a_text_is_given_only_if_the_page_did_not_say_it_before():
    text = har(
        entry("GET", "/a", 0, answer=["early", "echo"]),
        entry("POST", "/b", 1, body={"x": "an early echo", "y": "late"}, answer=[]),
        entry("GET", "/c", 2, answer=["late", "an"]),
        SOCKET,
    )
    found = Harmless(read_recording(text, "x"))
    assert [found.has(each) for each in ("early", "echo", "late", "an")] == [
        *(True, True, False, False)
    ]


@pytest.mark.parametrize(
    "text", ["", "login ann", "{ a(b: %) }", "{ a", '{ a(b: "x) }']
)
def test_what_is_not_understood_is_no_document(text):
    assert pieces(text) == []


def test_the_texts_of_a_document_are_told_by_name():
    text = '{ a(b: "x\\"y", c: [{ d: 4 }], e: true, f: $g) { h } }'
    assert [*literals(text)] == [("b", 'x"y'), ("d", "4")]
