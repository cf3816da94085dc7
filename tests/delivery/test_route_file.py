"""Routes as a file has them: read whole, and mistakes told where they are."""

from __future__ import annotations

import time

import pytest

import notifyws
from notifyws.clock import real_clock
from notifyws.config.settings import Settings
from notifyws.delivery.build_sinks import build_sinks
from notifyws.delivery.route_file import KEYS, load_routes
from notifyws.delivery.targets import HOW, DeliveryTargets, Quiet, Route, Timing
from notifyws.errors import ConfigurationError

ALL = """
default_server = "work"

[[routes]]
name = "trips"
when = ["trip_update", "trip_end"]
exec = "cat -u"
stop = true

[[routes]]
when = "data.amount > `10`"
forward_to = "http://127.0.0.1:1/hook"
headers = { X-Key = "1" }
sign_secret = "HOOK_SECRET"
notify = true
tee = "~/big.jsonl"
apprise = ["TEAM", "json://127.0.0.1/x"]
quiet = "22:00-07:00"
digest = "10m"

[[routes]]
when = ["ping"]
stop = true

[settings]
jitter = 0
"""


def written(tmp_path, text):
    path = tmp_path / "r.toml"
    path.write_text(text)
    return path


def test_every_key_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("HOOK_SECRET", "hush")
    monkeypatch.setenv("TEAM", "json://team")
    trips, big, noise = load_routes(written(tmp_path, ALL))
    types = ("trip_update", "trip_end")
    assert trips == Route("trips", types, DeliveryTargets("cat -u"), stop=True)
    assert (big.name, big.when) == ("route2", "data.amount > `10`")
    assert big.targets == DeliveryTargets(
        url="http://127.0.0.1:1/hook",
        headers={"X-Key": "1"},
        secret="hush",
        desktop=True,
        apprise=("json://team", "json://127.0.0.1/x"),
        tee="~/big.jsonl",
    )
    assert big.timing == Timing(Quiet.of("22:00-07:00"), 600.0)
    assert noise == Route("route3", ("ping",), stop=True)
    for secret in ("hush", "json://team"):
        assert secret not in repr(big)


TARGETS = {
    "exec": '"cat"',
    "forward_to": '"http://127.0.0.1:1/hook"',
    "notify": "true",
    "tee": '"~/big.jsonl"',
    "apprise": '"json://127.0.0.1/x"',
}


def test_whatever_can_be_a_target_can_be_one_of_a_route():
    fields = [key.target for key in KEYS.values() if key.target]
    assert {*fields} == {*DeliveryTargets.__struct_fields__} - {"tell", "routes"}
    assert {*TARGETS} == {k for k, key in KEYS.items() if key.target in {*fields} - HOW}


@pytest.mark.parametrize("key", TARGETS)
async def test_a_target_alone_is_somebody_and_has_a_sink(tmp_path, key):
    (route,) = load_routes(written(tmp_path, f"[[routes]]\n{key} = {TARGETS[key]}"))
    assert route.targets.anybody
    (sink,) = build_sinks(Settings(), route.targets, real_clock(), pytest.fail)
    await sink.aclose()


def test_the_library_has_them_at_its_front_door():
    assert notifyws.load_routes is load_routes


SAID = 'exec = "cat"'
WRONG = {
    "no routes": ("[settings]\n", "holds no [[routes]]", "[[routes]] with when"),
    "one table": ("[routes]\nstop = true", "1:1: routes: must be an array", "[[routes"),
    "a text": ('routes = "x"', "1:1: routes: must be an array of tables", "[[routes"),
    "one letter less": ("[[route]]\nstop = true", "'route'", "did you mean routes?"),
    "another file": ("[http]\nx = 1", "1:1: http: unknown key 'http'", "[[routes]]"),
    "no TOML": ("[[routes]]\nwhen = x", "not valid TOML", "correct that line"),
    "a slip": (
        '[[routes]]\nstop = true\n[[routes]]\nexce = "x"',
        "4:1: routes.1.exce: unknown key 'exce'",
        "did you mean exec?",
    ),
    "nobody": (
        '[[routes]]\nname = "x"',
        "1:1: routes.0: hands on to nobody",
        "add exec, forward_to, notify, tee or apprise; or stop = true, to drop it",
    ),
    "two of a name": (
        f'[[routes]]\nname = "x"\n{SAID}\n[[routes]]\nname = "x"\n{SAID}',
        "5:1: routes.1.name: another route is named 'x'",
        "name of its own",
    ),
    "a name with a slash": ('name = "a/b"', "name: must have 1 to 32", 'name = "team"'),
    "a when that is a number": ("when = 1", "when: must be a list of types", "as in"),
    "a when of nothing": ("when = []", "must be a list of types or a JMESP", "as in"),
    "a when that is cut": ('when = "a =="', "is not a JMESPath expression", "as in"),
    "a command that is not there": ('exec = "nonesuch-x"', "exec: there is no", "name"),
    "a command that is cut": ('exec = "\'x"', "exec: cannot be read", "as in exec"),
    "an empty command": ('exec = " "', "exec: must be text", "as in exec"),
    "no URL": ('forward_to = "ftp://x"', "forward_to: takes an http", "https://host"),
    "headers alone": ('headers = { A = "b" }', "headers: goes with forward_to", "add"),
    "a header that is none": (
        'forward_to = "http://x"\nheaders = { "a b" = "c" }',
        "3:1: routes.0.headers: no header can be 'a b'",
        "X-Key",
    ),
    "a header that is ours": (
        'forward_to = "http://x"\nheaders = { Upgrade = "c" }',
        "headers: cannot set Upgrade",
        "leave it out",
    ),
    "a variable that is not there": (
        'forward_to = "http://x"\nsign_secret = "NOWHERE"',
        "sign_secret: the environment has no variable NOWHERE",
        "NOWHERE=... notifyws listen --routes",
    ),
    "notify in words": ('notify = "yes"', "notify: must be true or false", "= true"),
    "tee to nothing": ('tee = ""', "tee: must be text", "name a file"),
    "no service": ('apprise = "nosuch://x"', "apprise: Apprise knows no nosuch", "see"),
    "no variable either": ('apprise = "a b"', "apprise: takes a URL, or the", "json:"),
    "hours of a clock": ('quiet = "22-7"', "quiet: must be two times", '"22:00-07:00"'),
    "hours past midnight": ('quiet = "25:00-07:00"', "hour must be in", "22:00-07:00"),
    "a digest of what": ('digest = "x"', "digest: takes a duration, not", "as in dig"),
    "a digest of none": ('digest = "0m"', "digest: must be more than 0 s", '"10m"'),
    "a digest of a week": ('digest = "7d"', "a day at most", '"10m"'),
    "a digest of a number": ("digest = 10", "digest: must be text", '"10m"'),
}


@pytest.mark.parametrize(("text", "said", "hint"), WRONG.values(), ids=[*WRONG])
def test_a_mistake_is_told_where_it_is_with_what_to_write(tmp_path, text, said, hint):
    whole = text if "[" in text.split("=")[0] else f"[[routes]]\n{text}"
    path = written(tmp_path, text if text.startswith("routes") else whole)
    with pytest.raises(ConfigurationError) as wrong:
        load_routes(path)
    assert said in wrong.value.message
    assert str(path) in wrong.value.message
    assert hint in wrong.value.hint


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"there is no file .*r\.toml"):
        load_routes(tmp_path / "r.toml")


def test_a_file_of_very_many_routes_is_read_soon(tmp_path):
    text = "[[routes]]\nstop = true\n" * 10_000
    path, began = written(tmp_path, text), time.monotonic()
    assert len(load_routes(path)) == 10_000
    assert time.monotonic() - began < 3  # on a busy machine
