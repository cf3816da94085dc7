"""``--routes``: one listener, several ways, and none waits for another."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.support import until
from tests.support.catalogue import sample
from tests.support.httpd import in_a_thread
from tests.support.target import target


@pytest.fixture
def routes(home):
    """Write config.toml of this home with these routes."""
    folder = home.path / (
        "Library/Application Support" if sys.platform == "darwin" else ".config"
    )

    def write(text, file=folder / "notifyws" / "config.toml"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    return write


def lines(path):
    return [json.loads(x) for x in path.read_text().splitlines()]


def titles(path):
    return [each["title"] for each in lines(path)]


def publish(server, *notes):
    pairs = [{"type": kind, "title": title} for kind, title in notes]
    server.dev("notify", pairs)


def test_each_route_takes_what_fits_and_one_that_hangs_delays_no_other(
    home, server, routes
):
    async def hang(peer):
        await peer.hang()

    with in_a_thread(hang) as slow, target() as there:
        routes(
            f"""
            [[routes]]
            name = "slow"
            forward_to = "{slow.origin}/"

            [[routes]]
            name = "trips"
            when = ["trip"]
            tee = "trips.jsonl"
            apprise = "TEAM"
            stop = true

            [[routes]]
            when = "title != 'quiet'"
            tee = "rest.jsonl"
            """
        )
        url = f"json://{urlsplit(there.url).netloc}/hush-hush"
        listener = home.listen("--routes", "--name", "desk", "--json", TEAM=url)
        publish(server, ("trip", "1"), ("t", "2"), ("t", "quiet"), ("trip", "3"))
        trips, rest = home.path / "trips.jsonl", home.path / "rest.jsonl"
        until(lambda: trips.exists() and titles(trips) == ["1", "3"], "its trips")
        until(lambda: rest.exists() and titles(rest) == ["2"], "the rest")
        until(lambda: len(there.posted) == 2, "both at the service")
        listener.end()
        assert "hush-hush" not in listener.err.text
    # what waited for the one that hung is there the next time, by its name
    with target() as mended:
        routes(
            f'[[routes]]\nname = "slow"\nforward_to = "{mended.url}"\n'
            '[[routes]]\nname = "new"\nstop = true\n'
        )
        again = home.listen("--routes", "--name", "desk", "--json")
        until(lambda: len(mended.posted) == 4, "all four at the mended one")
        again.end()
        assert [each.title for each in mended.posted] == ["1", "2", "quiet", "3"]


@pytest.mark.slow
def test_what_a_route_did_not_take_is_its_dead_letter_and_handed_on_again(
    home, server, routes
):
    file = home.path / "own.toml"
    with target() as there:
        there.answers += [400]
        text = f'[[routes]]\nname = "hook"\nwhen = ["t"]\nforward_to = "{there.url}"\n'
        more = '[[routes]]\nname = "all"\ntee = "all.jsonl"\n'
        routes(text + more, file)
        listener = home.listen("--routes", "own.toml", "-n", "2", "--json")
        server.notify(1, 2)
        assert listener.wait() == 0
        (letters,) = home.path.glob("**/dead-letters/*.jsonl")
        (letter,) = lines(letters)
        assert (letter["sink"], letter["notification"]["title"]) == (
            "hook/forward",
            "1",
        )
        done = home.within("listen", "--replay", str(letters), "--routes", "own.toml")
        assert (done.returncode, done.stderr.count("1 dead letter was")) == (0, 1)
        assert [each.title for each in there.posted] == ["1", "2", "1"]
    assert titles(home.path / "all.jsonl") == ["1", "2"]


def test_in_a_group_a_notification_is_done_with_when_its_own_routes_took_it(
    home, server, routes, clean_valkey
):
    home.env["REDIS_URL"] = clean_valkey.url
    routes(
        """
        [[routes]]
        name = "some"
        when = "title == '2'"
        tee = "some.jsonl"
        digest = "1h"

        [[routes]]
        tee = "all.jsonl"
        """
    )
    member = home.start("listen", "--group", "g", "--routes", "--json")
    member.says("Connected")
    server.notify(1, 2, 3)
    pending = ("XPENDING", key_of(clean_valkey), "members")
    all_ = home.path / "all.jsonl"
    until(lambda: all_.exists() and titles(all_) == ["1", "2", "3"], "all of them")
    left = lambda: clean_valkey.command(*pending)["pending"]  # noqa: E731
    until(lambda: left() == 1, "what rests, and nothing else")
    assert not (home.path / "some.jsonl").exists()
    member.end()
    again = home.start("listen", "--group", "g", "--json", "-n", "1")
    assert again.wait() == 0  # what rested was given back
    assert [each["title"] for each in again.said] == ["2"]


def key_of(valkey):
    until(lambda: valkey.command("KEYS", "notifyws:*:group:g"), "the stream")
    [name] = valkey.command("KEYS", "notifyws:*:group:g")
    return name.decode()


def test_a_digest_is_handed_on_when_a_listener_without_a_name_ends(
    home, server, routes
):
    routes('[[routes]]\ndigest = "1h"\ntee = "digest.jsonl"\n')
    listener = home.listen("--routes", "-n", "3", "--json")
    server.notify(1, 2, 3)
    assert listener.wait() == 0
    (digest,) = lines(home.path / "digest.jsonl")
    assert (digest["type"], digest["title"]) == ("digest", "3 notifications")
    assert [x["title"] for x in digest["data"]["notifications"]] == ["1", "2", "3"]


def test_check_shows_which_route_takes_what(home, routes):
    routes(
        """
        [[routes]]
        name = "trips"
        when = ["trip_update"]
        exec = "cat"
        tee = "trips.jsonl"
        quiet = "22:00-07:00"
        digest = "10m"
        stop = true

        [[routes]]
        name = "rest"
        notify = false
        tee = "rest.jsonl"
        """
    )
    done = home.run("routes", "check")
    assert done.stdout.splitlines() == [
        "trips: trip_update -> exec, tee; a digest every 600 s; quiet 22:00-07:00; "
        "the last asked",
        "rest: everything -> tee",
        "",
        "trip_update: Trip Started -> trips/exec, trips/tee (stopped by trips)",
        "payment_approved: Payment Approved -> rest/tee",
        "message_received: New Message -> rest/tee",
    ]
    done = home.within("routes", "check", "--sample", "order", "--json")
    told = {"type": "order", "title": "", "routes": ["rest"], "sinks": ["rest/tee"]}
    assert json.loads(done.stdout) == told
    seen = home.path / "seen.jsonl"
    seen.write_text('{"type":"trip_update","title":"\\u001b[2J"}\n{"event":"closed"}\n')
    done = home.within("routes", "check", "seen.jsonl")
    assert "trip_update: " in done.stdout.splitlines()[-1]
    assert "\x1b" not in done.stdout
    done = home.within("routes", "check", "-", stdin='{"type":"x"}')
    assert done.stdout.splitlines()[-1] == "x -> rest/tee"
    assert [*home.path.glob("*.jsonl")] == [seen]  # to check makes no file


@pytest.mark.parametrize(
    "case",
    sample(
        (("listen", "--routes"), "there is no file"),
        (("listen", "--routes", "-n", "1"), "there is no file"),
        (("listen", "--routes", "none.toml"), "there is no file none.toml"),
        (("routes", "check"), "there is no file"),
        (("routes", "check", "x.jsonl", "--sample", "t"), "exclude each other"),
        (("routes", "check", "odd", "--routes", "good.toml"), "odd:1 is no notific"),
        (("routes", "check", "deep", "--routes", "good.toml"), "deep:1 is no notific"),
        (("routes", "check", "--routes", "bad.toml"), "bad.toml:2:1: routes.0.wenn"),
        (("routes", "chekc"), "chekc"),
        often=2,
    ),
)
def test_what_is_wrong_is_a_sentence_and_a_hint(home, case):
    args, said = case
    (home.path / "good.toml").write_text("[[routes]]\nstop = true\n")
    (home.path / "bad.toml").write_text("[[routes]]\nwenn = 1\n")
    (home.path / "odd").write_text("{}\n")
    (home.path / "deep").write_text("[" * 100_000)
    done = home.within(*args)
    assert done.returncode == 2
    assert said in done.stderr
    assert "hint: " in done.stderr


@pytest.mark.slow
def test_the_page_about_routes_can_be_done_as_it_stands(home, server, routes):
    page = (Path(__file__).resolve().parents[2] / "docs/routes.md").read_text("utf-8")
    shown = re.search(r"^```toml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)[1]
    typed = re.search(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)[1]
    routes(shown)
    routes(shown, home.path / "routes.toml")
    first, second, *listens = typed.splitlines()
    assert "big: type == 'payment_approved'" in home.shell(first).stdout
    assert "trips/exec (stopped by trips)" in home.shell(second).stdout
    for line in listens:
        words = line.split()[1:]
        listener = home.listen(*words[1:], "--json")
        publish(server, ("trip_update", "1"), ("t", "2"))
        assert listener.wait() == 0


def test_whoever_waits_for_what_is_handed_on_is_told_so(home, server):
    async def hang(peer):
        await peer.hang()

    with in_a_thread(hang) as slow:
        to = ("--forward-to", f"{slow.origin}/", "--name", "desk")
        listener = home.listen("--json", "-n", "1", *to, "--timeout", "3")
        server.notify(1)
        listener.says("still to be handed on: forward has 1. Ctrl-C ends it")
        assert listener.wait() == 3
        assert "what was asked for came, but was not all handed on" in listener.err.text


def test_a_file_of_routes_is_not_taken_for_one_of_notifications(home):
    done = home.within("routes", "check", "my routes.toml")
    assert done.returncode == 2
    assert "would be a file of notifications, not of routes" in done.stderr
    assert "hint: notifyws routes check --routes 'my routes.toml'" in done.stderr
